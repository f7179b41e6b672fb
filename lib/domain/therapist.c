/* SPDX-License-Identifier: BSD-2-Clause */
/* What may happen to a stored therapist, and what it publishes. */
#include <stdio.h>
#include <string.h>

#include "domain/domain.h"
#include "entity/machine.h"

/* What a status change does to the block: date (sperrdatum) and reason. */
enum block_effect { BLOCK_STAYS = 0, BLOCK_SET = 1, BLOCK_CLEARED = 2 };

const char *
psm_therapist_status_name(int status)
{
	if (status < PSM_THERAPIST_AKTIV || status > PSM_THERAPIST_INAKTIV)
		return NULL;
	return psm__words_therapeutstatus[status];
}

int
psm_therapist_status_from_name(const char *name)
{
	int i = name == NULL
	            ? -1
	            : psm__word_index(psm__words_therapeutstatus, name);

	return i < 0 ? PSM_ERR_INVAL : i;
}

int
psm_therapist_transition(int from, int to, int blocked, const char **event,
                         psm_error *err)
{
	static char set[] = "";
	char *value[PSM__THERAPIST_COUNT] = {0};
	const struct psm__row row = {&psm__entity_therapist, value, NULL, NULL};
	const struct psm__step *step;

	psm__error_clear(err);
	if (event == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "event is NULL");
	*event = NULL;
	if (from < -1 || from > PSM_THERAPIST_INAKTIV ||
	    psm_therapist_status_name(to) == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want two therapist states, found %d and %d",
		                 from, to);
	if (blocked != 0 && blocked != 1)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "blocked: want 0 or 1, found %d", blocked);
	*event = "therapist.updated";
	if (from == to)
		return BLOCK_STAYS;
	value[PSM__THERAPIST_SPERRDATUM] = blocked ? set : NULL;
	step = psm__step_find(&psm__machine_therapist, from, to, &row);
	*event = step->event; /* every step is allowed */
	for (size_t i = 0; i < PSM__SETS_MAX; i++) {
		if (step->sets[i].column != PSM__THERAPIST_SPERRDATUM)
			continue;
		return step->sets[i].effect == PSM__CLEARS ? BLOCK_CLEARED
		                                           : BLOCK_SET;
	}
	return BLOCK_STAYS;
}

/* Did the record say the same of column i the last time? 1, 0 or an error. */
static int
is_old(const struct psm__row *last, const struct psm__row *fresh, int i,
       psm_error *err)
{
	return last == NULL || last->value[i] == NULL
	           ? 0
	           : psm__row_same(last, fresh, i, err);
}

/* May column i of stored take what the import says? */
static int
may_import(const struct psm__row *stored, const struct psm__row *fresh, int i,
           int new_salutation)
{
	if ((stored->entity->fields[i].writers & PSM__W_IMPORT_UPDATE) == 0 ||
	    psm__row_is_empty(fresh, i))
		return 0;
	if (i != PSM__THERAPIST_GESCHLECHT)
		return 1;
	/* It is only derived from the salutation: somebody may know better. */
	return new_salutation || psm__row_is_empty(stored, i) ||
	       strcmp(stored->value[i], "keine_Angabe") == 0;
}

int
psm__therapist_merge(struct psm__row *stored, const struct psm__row *fresh,
                     const struct psm__row *last, psm_error *err)
{
	int new_salutation, rc;

	new_salutation =
	    fresh->value[PSM__THERAPIST_ANREDE] != NULL &&
	    !psm__row_same(stored, fresh, PSM__THERAPIST_ANREDE, err);
	for (int i = 0; i < PSM__THERAPIST_COUNT; i++) {
		if (!may_import(stored, fresh, i, new_salutation))
			continue;
		rc = is_old(last, fresh, i, err);
		if (rc == 0)
			rc = psm__row_same(stored, fresh, i, err);
		if (rc == 0) {
			stored->modified[i] = 1;
			rc = psm__row_set(stored, i, fresh->value[i], err);
		}
		if (rc < 0)
			return rc;
	}
	return psm__row_modified(stored);
}

int
psm__record_text(const struct psm__row *fresh, const struct psm__row *last,
                 char **out, psm_error *err)
{
	struct psm__row row = {0};
	const char *text;
	int rc = psm__row_init(&row, fresh->entity, err);

	*out = NULL;
	for (int i = 0; rc == 0 && i < PSM__THERAPIST_COUNT; i++) {
		if ((fresh->entity->fields[i].writers & PSM__W_IMPORT_UPDATE) ==
		    0)
			continue;
		text = fresh->value[i];
		if (text == NULL && last != NULL)
			text = last->value[i];
		rc = psm__row_set(&row, i, text, err);
	}
	if (rc == 0)
		rc = psm__row_text(&row, PSM__FOR_STORE, out, err);
	psm__row_free(&row);
	return rc;
}

#define UPDATED "therapist.updated"

int
psm__therapist_import(struct psm__row *row, const void *wish,
                      const struct psm__now *now, struct psm__events *ev,
                      psm_error *err)
{
	const struct psm__row *fresh = wish;
	int rc = 0;

	(void)now; /* the row is stamped when it is saved */
	for (int i = 0; i < PSM__THERAPIST_COUNT && rc == 0; i++)
		rc = psm__row_set(row, i, fresh->value[i], err);
	psm__events_add(ev, "therapist.created");
	return rc;
}

int
psm__therapist_import_update(struct psm__row *row, const void *wish,
                             const struct psm__now *now, struct psm__events *ev,
                             psm_error *err)
{
	const struct psm__merge_wish *m = wish;
	int rc = psm__therapist_merge(row, m->fresh, m->last, err);

	(void)now; /* no date is an import's */
	if (rc > 0)
		psm__events_add(ev, UPDATED);
	return rc < 0 ? rc : 0;
}

static int
move(struct psm__row *row, int to, const struct psm__now *now,
     const char **event, psm_error *err)
{
	/* The wish has no columns that a step would have to leave alone. */
	memset(row->given, 0, PSM__THERAPIST_COUNT);
	return psm__row_move(row, psm__row_state(row), to, now, event, err);
}

/* NULL, or the text of {"reason": text or null}. */
static int
read_reason(const psm_json *wish, const char **reason, psm_error *err)
{
	const psm_json *v = psm_json_at(wish, "/reason");

	*reason = psm_json_string(v);
	if (wish != NULL && psm_json_kind(wish) != PSM_JSON_OBJECT)
		return psm__fail_at(err, PSM_ERR_SCHEMA,
		                    psm__json_position(wish),
		                    "want an object, found %s",
		                    psm_json_kind_name(psm_json_kind(wish)));
	if (v == NULL || *reason != NULL || psm_json_kind(v) == PSM_JSON_NULL)
		return 0;
	psm__fail_at(err, PSM_ERR_SCHEMA, psm__json_position(v),
	             "reason: want text, found %s",
	             psm_json_kind_name(psm_json_kind(v)));
	psm__error_fault(err, "/reason", "want text, found %s",
	                 psm_json_kind_name(psm_json_kind(v)));
	return PSM_ERR_SCHEMA;
}

int
psm__therapist_block(struct psm__row *row, const void *wish,
                     const struct psm__now *now, struct psm__events *ev,
                     psm_error *err)
{
	const char *event = UPDATED, *reason;
	int rc = read_reason(wish, &reason, err);

	if (rc == 0 && psm__row_state(row) != PSM_THERAPIST_GESPERRT)
		rc = move(row, PSM_THERAPIST_GESPERRT, now, &event, err);
	if (rc == 0)
		rc = psm__row_change(row, PSM__THERAPIST_SPERRGRUND, reason,
		                     err);
	if (rc == 0 && psm__row_modified(row) > 0)
		psm__events_add(ev, event);
	return rc;
}

int
psm__therapist_unblock(struct psm__row *row, const void *wish,
                       const struct psm__now *now, struct psm__events *ev,
                       psm_error *err)
{
	int from = psm__row_state(row), rc;
	const char *event;

	(void)wish; /* unblocking has no argument */
	if (from == PSM_THERAPIST_AKTIV)
		return 0;
	if (from != PSM_THERAPIST_GESPERRT &&
	    psm__row_get(row, PSM__THERAPIST_SPERRDATUM) == NULL)
		return psm__fail(err, PSM_ERR_TRANSITION,
		                 "therapist: from \"%s\" to \"aktiv\" is no "
		                 "unblocking: there is no block",
		                 from < 0 ? ""
		                          : psm_therapist_status_name(from));
	rc = move(row, PSM_THERAPIST_AKTIV, now, &event, err);
	if (rc == 0)
		psm__events_add(ev, event);
	return rc;
}

static int
read_day(const psm_json *doc, const char *name, const char **out,
         psm_error *err)
{
	char pointer[16];

	*out = psm_json_string(psm__json_member(doc, name));
	if (*out != NULL && psm__is_date(*out))
		return 0;
	(void)snprintf(pointer, sizeof pointer, "/%s", name);
	psm__fail(err, PSM_ERR_SCHEMA, "%s: want a date", name);
	psm__error_fault(err, pointer, "want a date");
	return PSM_ERR_SCHEMA;
}

int
psm__therapist_cool(struct psm__row *row, const void *wish,
                    const struct psm__now *now, struct psm__events *ev,
                    psm_error *err)
{
	const int column = PSM__THERAPIST_NAECHSTER_KONTAKT_MOEGLICH;
	const char *last = psm__row_get(row, column), *until;
	int rc = read_day(wish, "until", &until, err);

	(void)now; /* the wish names the day */
	/* Days compare as texts. */
	if (rc == 0 && (last == NULL || strcmp(last, until) < 0)) {
		rc = psm__row_change(row, column, until, err);
		psm__events_add(ev, UPDATED);
	}
	return rc;
}

/* The later day of a column and a member of the wish that may be missing. */
static int
later(struct psm__row *row, int column, const psm_json *wish, const char *name,
      psm_error *err)
{
	const psm_json *member = psm__json_member(wish, name);
	const char *last = psm__row_get(row, column), *day;
	int rc;

	if (member == NULL || psm_json_kind(member) == PSM_JSON_NULL)
		return 0;
	rc = read_day(wish, name, &day, err);
	if (rc < 0 || (last != NULL && strcmp(last, day) >= 0))
		return rc;
	return psm__row_change(row, column, day, err);
}

int
psm__therapist_contact(struct psm__row *row, const void *wish,
                       const struct psm__now *now, struct psm__events *ev,
                       psm_error *err)
{
	int rc = later(row, PSM__THERAPIST_LETZTER_KONTAKT_EMAIL, wish, "email",
	               err);

	(void)now; /* the wish names the day */
	if (rc == 0)
		rc = later(row, PSM__THERAPIST_LETZTER_KONTAKT_TELEFON, wish,
		           "telefon", err);
	if (rc == 0 && psm__row_modified(row) > 0)
		psm__events_add(ev, UPDATED);
	return rc;
}
