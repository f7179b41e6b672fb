/* SPDX-License-Identifier: BSD-2-Clause */
/* What may happen to a patient, and what it publishes. */
#include "domain/patient.h"

#include <string.h>

#define STATUS_CHANGED "patient.status_changed"

/* States by the place of their word. */
enum { NO_STATUS = -1, OFFEN = 0, AUF_DER_SUCHE = 1 };

static int
is_true(const struct psm__row *row, int column)
{
	const char *text = psm__row_get(row, column);

	return text != NULL && text[0] == 't';
}

/* A row of an adopted database may have no status: it is nowhere yet. */
static int
start(struct psm__row *row, const struct psm__now *now, psm_error *err)
{
	int state = psm__row_state(row), rc;

	if (!is_true(row, PSM__PATIENT_ZAHLUNG_EINGEGANGEN) ||
	    !is_true(row, PSM__PATIENT_VERTRAEGE_UNTERSCHRIEBEN) ||
	    psm__row_get(row, PSM__PATIENT_STARTDATUM) != NULL)
		return 0;
	rc = psm__row_change(row, PSM__PATIENT_STARTDATUM, now->today, err);
	if (rc == 0 && (state == OFFEN || state == NO_STATUS))
		rc = psm__row_change(row, PSM__PATIENT_STATUS,
		                     psm__words_patientenstatus[AUF_DER_SUCHE],
		                     err);
	return rc;
}

static void
tell_status(struct psm__events *ev, const struct psm__row *row, int from)
{
	if (psm__row_state(row) != from)
		psm__events_add_about(
		    ev, STATUS_CHANGED, 0,
		    from < 0 ? NULL : psm__words_patientenstatus[from]);
}

/* -- exclusions */

/* The therapist of an item of the list; 0: it names none. */
static int64_t
excluded_id(const psm_json *item)
{
	int64_t id = 0;

	if (psm_json_kind(item) == PSM_JSON_OBJECT)
		item = psm_json_at(item, "/id");
	return psm_json_get_int(item, &id, NULL) == 0 && id > 0 ? id : 0;
}

static int
is_earlier(const psm_json *list, size_t end, int64_t id)
{
	for (size_t i = 0; i < end; i++) {
		if (excluded_id(psm_json_item(list, i)) == id)
			return 1;
	}
	return 0;
}

static int
parse(const char *text, psm_json **out, psm_error *err)
{
	*out = NULL;
	return text == NULL ? 0 : psm_json_parse(text, strlen(text), out, err);
}

/* Each therapist who is on the list now and was not; old may be NULL. */
static int
tell_excluded(struct psm__events *ev, const char *old,
              const struct psm__row *row, psm_error *err)
{
	psm_json *before = NULL, *after = NULL;
	int rc = parse(old, &before, err);

	if (rc == 0)
		rc = parse(
		    psm__row_get(row, PSM__PATIENT_AUSGESCHLOSSENE_THERAPEUTEN),
		    &after, err);
	for (size_t i = 0; rc == 0 && i < psm_json_count(after); i++) {
		const psm_json *item = psm_json_item(after, i);
		int64_t id = excluded_id(item);

		if (id > 0 && !is_earlier(before, psm_json_count(before), id) &&
		    !is_earlier(after, i, id))
			psm__events_add_about(
			    ev, "patient.therapist_excluded", id,
			    psm_json_string(psm_json_at(item, "/reason")));
	}
	psm_json_free(before);
	psm_json_free(after);
	return rc;
}

/* -- a patient who is new */

static int
begin(struct psm__row *row, const struct psm__now *now, struct psm__events *ev,
      psm_error *err)
{
	int given = psm__row_state(row), rc = start(row, now, err);
	const char *event;

	if (rc == 0)
		rc = psm__row_move(row, NO_STATUS, psm__row_state(row), now,
		                   &event, err);
	if (rc == 0)
		rc = psm__row_stamp(row, 1, now, err);
	if (rc < 0)
		return rc;
	psm__events_add(ev, event);
	tell_status(ev, row, given);
	return tell_excluded(ev, NULL, row, err);
}

int
psm__patient_make(struct psm__row *row, const void *wish,
                  const struct psm__now *now, struct psm__events *ev,
                  psm_error *err)
{
	const struct psm__wish *w = wish;
	int rc = psm__row_accept(row, w->doc, PSM__READ_NEW, PSM__W_REST_CREATE,
	                         now, "", err);

	return rc < 0 ? rc : begin(row, now, ev, err);
}

int
psm__patient_import(struct psm__row *row, const void *wish,
                    const struct psm__now *now, struct psm__events *ev,
                    psm_error *err)
{
	const struct psm__patient_record *w = wish;
	const struct {
		int column;
		const char *text;
	} forced[] = {
	    {PSM__PATIENT_ZAHLUNGSREFERENZ, w->reference},
	    {PSM__PATIENT_VERTRAEGE_UNTERSCHRIEBEN, "t"},
	    {PSM__PATIENT_ZAHLUNG_EINGEGANGEN, "f"},
	    {PSM__PATIENT_STATUS, psm__words_patientenstatus[OFFEN]},
	};
	int rc = psm__row_accept(row, w->data, PSM__READ_NEW,
	                         PSM__W_IMPORT_CREATE, now, w->prefix, err);

	for (size_t i = 0; rc >= 0 && i < PSM__COUNT(forced); i++)
		rc = psm__row_set(row, forced[i].column, forced[i].text, err);
	return rc < 0 ? rc : begin(row, now, ev, err);
}

/* -- one who is there */

/* Read the wish, take its step, and start whoever may start now. */
static int
change(struct psm__row *row, const struct psm__wish *w,
       const struct psm__now *now, psm_error *err)
{
	int from = psm__row_state(row), to;
	int rc = psm__row_accept(row, w->doc, w->how, PSM__W_REST_UPDATE, now,
	                         "", err);
	const char *event;

	to = psm__row_state(row);
	if (rc >= 0 && to != from)
		rc = psm__row_move(row, from, to, now, &event, err);
	if (rc >= 0)
		rc = start(row, now, err);
	row->modified[PSM__PATIENT_STATUS] = psm__row_state(row) != from;
	return rc < 0 ? rc : psm__row_modified(row);
}

int
psm__patient_patch(struct psm__row *row, const void *wish,
                   const struct psm__now *now, struct psm__events *ev,
                   psm_error *err)
{
	const struct psm__wish *w = wish;
	const char *list =
	    psm__row_get(row, PSM__PATIENT_AUSGESCHLOSSENE_THERAPEUTEN);
	char *old = list != NULL ? psm__strdup(list) : NULL;
	int from = psm__row_state(row), rc;

	if (list != NULL && old == NULL)
		return psm__nomem(err);
	rc = change(row, w, now, err);
	if (rc > 0) {
		psm__events_add(ev, w->updated);
		tell_status(ev, row, from);
		rc = row->modified[PSM__PATIENT_AUSGESCHLOSSENE_THERAPEUTEN]
		         ? tell_excluded(ev, old, row, err)
		         : 0;
	}
	psm__free(old);
	return rc;
}

int
psm__patient_contact(struct psm__row *row, const void *wish,
                     const struct psm__now *now, struct psm__events *ev,
                     psm_error *err)
{
	const char *day = wish;
	const char *last = psm__row_get(row, PSM__PATIENT_LETZTER_KONTAKT);

	(void)now; /* the day is that of the contact */
	if (last != NULL && strcmp(day, last) <= 0)
		return 0;
	psm__events_add(ev, "patient.updated");
	return psm__row_change(row, PSM__PATIENT_LETZTER_KONTAKT, day, err);
}
