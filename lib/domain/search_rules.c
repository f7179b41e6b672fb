/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain/search_rules.h"

#include <stdio.h>
#include <string.h>

#define NOTES PSM__SEARCH_NOTIZEN
#define LIST PSM__SEARCH_AUSGESCHLOSSENE_THERAPEUTEN
#define TOTAL PSM__SEARCH_GESAMT_ANGEFORDERTE_KONTAKTE

/* -- what decisions of several entities use */

int64_t
psm__now_us(const struct psm__now *now)
{
	int64_t us = 0;
	int rc =
	    psm_time_parse(now->timestamp, strlen(now->timestamp), &us, NULL);

	return rc == 0 ? us : 0;
}

void
psm__now_at(int64_t time_us, struct psm__now *now)
{
	char text[32] = "";

	memset(now, 0, sizeof(*now));
	if (psm_time_format(time_us, text, sizeof(text)) == 0)
		(void)snprintf(now->timestamp, sizeof(now->timestamp),
		               "%.10s %.15s", text, text + 11);
}

int
psm__row_note(struct psm__row *row, int column, const struct psm__now *now,
              const char *author, const char *text, psm_error *err)
{
	char *notes = NULL;
	int rc = psm_note_append(psm__row_get(row, column), psm__now_us(now),
	                         author, text, &notes, err);

	if (rc == 0)
		rc = psm__row_change(row, column, notes, err);
	psm__free(notes);
	return rc;
}

static int
refuse(const psm_json *doc, const char *name, const char *want, psm_error *err)
{
	char pointer[64];

	(void)snprintf(pointer, sizeof(pointer), "/%s", name);
	if (doc != NULL)
		(void)psm__fail_at(err, PSM_ERR_SCHEMA, psm__json_position(doc),
		                   "%s: want %s", name, want);
	else
		(void)psm__fail(err, PSM_ERR_SCHEMA, "%s: want %s", name, want);
	psm__error_pointer(err, pointer);
	psm__error_fault(err, pointer, "want %s", want);
	return PSM_ERR_SCHEMA;
}

static const psm_json *
member(const psm_json *doc, const char *name)
{
	return doc != NULL && psm_json_kind(doc) == PSM_JSON_OBJECT
	           ? psm__json_member(doc, name)
	           : NULL;
}

int
psm__wish_int(const psm_json *doc, const char *name, int64_t least,
              int64_t most, int64_t *out, psm_error *err)
{
	const psm_json *v = member(doc, name);
	char want[80];

	if (v != NULL && psm_json_kind(v) == PSM_JSON_NUMBER &&
	    psm_json_get_int(v, out, NULL) == 0 && *out >= least &&
	    *out <= most)
		return 0;
	(void)snprintf(want, sizeof(want), "a whole number from %lld to %lld",
	               (long long)least, (long long)most);
	return refuse(v, name, want, err);
}

int
psm__wish_text(const psm_json *doc, const char *name, const char **out,
               psm_error *err)
{
	const psm_json *v = member(doc, name);

	*out = v != NULL ? psm_json_string(v) : NULL;
	if (v == NULL || *out != NULL || psm_json_kind(v) == PSM_JSON_NULL)
		return 0;
	return refuse(v, name, "text or null", err);
}

/* -- a search */

int
psm__search_open(struct psm__row *row, const void *wish,
                 const struct psm__now *now, struct psm__events *ev,
                 psm_error *err)
{
	const struct psm__search_opening *w = wish;
	struct psm__number id;
	const char *event = NULL;
	char *list = NULL;
	int rc = psm__row_change(row, PSM__SEARCH_PATIENT_ID,
	                         psm__number(&id, w->patient_id), err);

	if (rc == 0)
		rc = psm__exclusion_seed(w->exclusions, &list, err);
	if (rc == 0)
		rc = psm__row_change(row, LIST, list, err);
	psm__free(list);
	if (rc == 0 && w->urgency != NULL)
		rc = psm__row_change(row, PSM__SEARCH_DRINGLICHKEIT, w->urgency,
		                     err);
	if (rc == 0 && !psm__text_is_blank(w->note))
		rc = psm__row_note(row, NOTES, now, w->author, w->note, err);
	if (rc == 0)
		rc = psm__row_defaults(row, err);
	if (rc == 0)
		rc = psm__row_move(row, -1, PSM_SEARCH_AKTIV, now, &event, err);
	psm__events_add(ev, event);
	return rc;
}

int
psm__search_claim(struct psm__row *row, const void *wish,
                  const struct psm__now *now, struct psm__events *ev,
                  psm_error *err)
{
	const struct psm__search_opening *w = wish;
	int rc = psm__row_note(
	    row, NOTES, now, w->author,
	    psm__text_is_blank(w->note) ? "Asked for" : w->note, err);

	(void)ev;
	return rc == 0 && w->urgency != NULL
	           ? psm__row_change(row, PSM__SEARCH_DRINGLICHKEIT, w->urgency,
	                             err)
	           : rc;
}

int
psm__search_end(struct psm__row *row, const void *wish,
                const struct psm__now *now, struct psm__events *ev,
                psm_error *err)
{
	static const char *const done[] = {"Resumed", "Successful", "Paused",
	                                   "Cancelled"};
	const struct psm__search_ending *w = wish;
	struct psm__buf note = {0};
	const char *event = NULL;
	int rc =
	    psm__row_move(row, psm__row_state(row), w->to, now, &event, err);

	psm__buf_puts(&note, w->what != NULL ? w->what : done[w->to]);
	if (!psm__text_is_blank(w->reason))
		psm__buf_printf(&note, ": %s", w->reason);
	if (rc == 0)
		rc = note.failed ? psm__nomem(err)
		                 : psm__row_note(row, NOTES, now, w->author,
		                                 note.data, err);
	psm__buf_free(&note);
	psm__events_add(ev, event);
	return rc;
}

static int
move_by_hand(struct psm__row *row, const psm_json *doc, int to,
             const struct psm__now *now, struct psm__events *ev, psm_error *err)
{
	struct psm__search_ending e = {.to = to, .author = "API"};
	int rc = psm__wish_text(doc, "reason", &e.reason, err);

	return rc == 0 ? psm__search_end(row, &e, now, ev, err) : rc;
}

int
psm__search_pause(struct psm__row *row, const void *wish,
                  const struct psm__now *now, struct psm__events *ev,
                  psm_error *err)
{
	return move_by_hand(row, wish, PSM_SEARCH_PAUSIERT, now, ev, err);
}

int
psm__search_resume(struct psm__row *row, const void *wish,
                   const struct psm__now *now, struct psm__events *ev,
                   psm_error *err)
{
	return move_by_hand(row, wish, PSM_SEARCH_AKTIV, now, ev, err);
}

int
psm__search_cancel(struct psm__row *row, const void *wish,
                   const struct psm__now *now, struct psm__events *ev,
                   psm_error *err)
{
	return move_by_hand(row, wish, PSM_SEARCH_ABGEBROCHEN, now, ev, err);
}

int
psm__search_patch(struct psm__row *row, const void *wish,
                  const struct psm__now *now, struct psm__events *ev,
                  psm_error *err)
{
	const char *before = psm__row_get(row, LIST);
	char *old = psm__strdup(before != NULL ? before : "[]"), *list = NULL;
	int rc = old != NULL ? psm__decide_patch(row, wish, now, ev, err)
	                     : psm__nomem(err);

	if (rc == 0 && row->modified[LIST]) {
		rc = psm__exclusion_replace(old, psm__row_get(row, LIST), &list,
		                            err);
		if (rc == 0)
			rc = psm__row_set(row, LIST, list, err);
		if (rc == 0)
			rc = psm__text_same_json(old, list, err);
		row->modified[LIST] = rc == 0;
	}
	psm__free(list);
	psm__free(old);
	return rc < 0 ? rc : 0;
}

int
psm__search_contact(struct psm__row *row, const void *wish,
                    const struct psm__now *now, struct psm__events *ev,
                    psm_error *err)
{
	int64_t count, total = psm__row_int(row, TOTAL);
	const char *more;
	struct psm__buf note = {0};
	struct psm__number number;
	int rc = psm__wish_int(wish, "requested_count", 1, PSM__CONTACTS_MAX,
	                       &count, err);

	(void)ev; /* no event tells of it */
	if (rc == 0)
		rc = psm__wish_text(wish, "notizen", &more, err);
	if (rc == 0 && psm__row_state(row) != PSM_SEARCH_AKTIV)
		rc = psm__fail(err, PSM_ERR_CONFLICT,
		               "search: want status \"aktiv\", found \"%s\"",
		               psm__row_get(row, PSM__SEARCH_STATUS));
	if (rc == 0 && total > INT32_MAX - count)
		rc = psm__fail(err, PSM_ERR_CONFLICT,
		               "search: the sum of contacts is too large");
	if (rc < 0)
		return rc;
	psm__buf_printf(&note, "%lld contact%s requested, %lld in all",
	                (long long)count, PSM__NOUN_S(count),
	                (long long)(total + count));
	if (!psm__text_is_blank(more))
		psm__buf_printf(&note, ": %s", more);
	rc = note.failed
	         ? psm__nomem(err)
	         : psm__row_note(row, NOTES, now, "API", note.data, err);
	psm__buf_free(&note);
	return rc == 0
	           ? psm__row_change(row, TOTAL,
	                             psm__number(&number, total + count), err)
	           : rc;
}

int
psm__search_add_exclusion(struct psm__row *row, const void *wish,
                          const struct psm__now *now, struct psm__events *ev,
                          psm_error *err)
{
	const struct psm__exclusion *w = wish;
	char *fresh = NULL;
	psm_json *old = NULL;
	int rc = psm__exclusion_parse(psm__row_get(row, LIST), &old, err);

	(void)ev; /* no event tells of it */
	if (rc == 0)
		rc = psm_exclusion_add(old, w->therapist_id, psm__now_us(now),
		                       w->reason, &fresh, err);
	if (rc == 1) /* 0: was there */
		rc = psm__row_change(row, LIST, fresh, err);
	psm__free(fresh);
	psm_json_free(old);
	return rc;
}

int
psm__search_exclude(struct psm__row *row, const void *wish,
                    const struct psm__now *now, struct psm__events *ev,
                    psm_error *err)
{
	struct psm__exclusion e;
	int rc = psm__wish_int(wish, "therapist_id", 1, INT32_MAX,
	                       &e.therapist_id, err);

	if (rc == 0)
		rc = psm__wish_text(wish, "reason", &e.reason, err);
	return rc == 0 ? psm__search_add_exclusion(row, &e, now, ev, err) : rc;
}
