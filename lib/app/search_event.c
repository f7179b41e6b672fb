/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What events of patients mean for their searches: one is opened, adjusted or
 * ended. Every step asks what is there, so that an event that is handled again,
 * or late, changes nothing.
 */
#include "app/search.h"

#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/fit_pair.h"
#include "domain/patient.h"
#include "store/store.h"

#define WAITING "matching_service.suche_unvollstaendig"

struct arrival {
	psm_tx *tx;
	int64_t patient;
	struct psm__number id;
	const char *when; /* of the event, for the database */
	struct psm__now at;
	struct psm__search_due due;
	char before[64]; /* what due.before points to */
	char plz[64];    /* before; "" if there was none */
	struct psm__row copy;
	psm_error *err;
};

static int
run(const struct arrival *a, const char *sql)
{
	const char *params[1] = {a->id.text};

	return psm_tx_exec(a->tx, sql, 1, params, NULL, a->err);
}

/* -- to open one */

/* What was known before the copy is written. The copy is locked first: a search
 * that somebody opens by hand at the moment is counted. */
static int
ask_due(struct arrival *a)
{
	const char *params[2] = {a->id.text, a->when}, *status;
	const struct psm__param id = psm__param_text(a->id.text);
	struct psm__search_due *d = &a->due;
	psm_rows *rows = NULL;
	int rc = psm__tx_queue(a->tx,
	                       "SELECT 1 FROM matching_service.patienten_kopie "
	                       "WHERE id = $1::integer FOR UPDATE",
	                       1, &id, NULL, a->err);

	if (rc == 0)
		rc = psm_tx_exec(
		    a->tx,
		    "SELECT k.status, (k.id IS NOT NULL)::integer, "
		    "(SELECT count(*) FROM " WAITING
		    " WHERE patient_id = $1::integer), s.*, coalesce(k.plz, '') FROM (SELECT count(*), "
		    "count(*) FILTER (WHERE status IN ('aktiv', 'pausiert')), "
		    "count(*) FILTER (WHERE created_at >= $2::timestamp) "
		    "FROM " PSM__SEARCHES " WHERE patient_id = $1::integer) s "
		    "LEFT JOIN matching_service.patienten_kopie k "
		    "ON k.id = $1::integer",
		    2, params, &rows, a->err);

	if (rc == 0) {
		status = psm_rows_text(rows, 0, 0);
		(void)snprintf(a->before, sizeof(a->before), "%s",
		               status != NULL ? status : "");
		d->before = status != NULL ? a->before : NULL;
		d->had_copy = psm_rows_int(rows, 0, 1) != 0;
		d->waiting = psm_rows_int(rows, 0, 2) > 0;
		d->searches = psm_rows_int(rows, 0, 3) > 0;
		d->open = psm_rows_int(rows, 0, 4) > 0;
		d->newer = psm_rows_int(rows, 0, 5) > 0;
		(void)snprintf(a->plz, sizeof(a->plz), "%s",
		               psm_rows_text(rows, 0, 6));
	}
	psm_rows_free(rows);
	return rc;
}

/* Since the copy is written nobody else can open one. */
static int
is_open_by_now(const struct arrival *a)
{
	const char *params[1] = {a->id.text};
	int64_t found;
	int rc = psm__app_ask(a->tx,
	                      "SELECT id FROM " PSM__SEARCHES
	                      " WHERE patient_id = $1::integer "
	                      "AND status = 'aktiv'",
	                      1, params, &found, a->err);

	return rc < 0 ? rc : found > 0;
}

static void
count_gap(const char *column)
{
	psm__metric_add(
	    psm__counter("psymatch_searches_incomplete_total", "column", column,
	                 "Searches that could not be opened because the "
	                 "patient's data lack this column."),
	    1);
}

/* Names of columns alone: nothing of the person. */
static int
put_waiting(const struct arrival *a, const int *gaps, int count)
{
	struct psm__buf names = {0};
	const char *params[3] = {a->id.text, NULL, a->when};
	int rc;

	for (int i = 0; i < count; i++) {
		const char *name = psm__entity_patient.fields[gaps[i]].name;

		psm__buf_printf(&names, "%s%s", i > 0 ? "," : "{", name);
		count_gap(name);
	}
	psm__buf_putc(&names, '}');
	params[1] = names.data;
	rc = names.failed ? psm__nomem(a->err)
	                  : psm_tx_exec(a->tx,
	                                "INSERT INTO " WAITING
	                                " (patient_id, fehlt, seit, zuletzt) "
	                                "VALUES ($1::integer, $2::text[], "
	                                "$3::timestamp AT TIME ZONE 'UTC', "
	                                "$3::timestamp AT TIME ZONE 'UTC') "
	                                "ON CONFLICT (patient_id) DO UPDATE "
	                                "SET fehlt = excluded.fehlt, "
	                                "zuletzt = excluded.zuletzt",
	                                3, params, NULL, a->err);
	psm__buf_free(&names);
	return rc;
}

static int
open_now(const struct arrival *a)
{
	const struct psm__search_opening o = {
	    .patient_id = a->patient,
	    .exclusions = psm__row_get(
		&a->copy, PSM__PATIENT_AUSGESCHLOSSENE_THERAPEUTEN),
	    .author = "System",
	    .note = PSM__SEARCH_BY_EVENT};
	int rc = is_open_by_now(a);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = psm__search_make(a->tx, &o, &a->at, NULL, a->err);
	if (rc == 0)
		psm__metric_add(
		    psm__counter("psymatch_searches_opened_total", "", "",
		                 "Searches that events of patients opened."),
		    1);
	return rc;
}

static int
open_if_due(const struct arrival *a)
{
	const struct psm__search_due *d = &a->due;
	int gaps[PSM__PATIENT_GAPS_MAX], count;

	if (!psm__search_is_due(d))
		return d->waiting ? run(a, "DELETE FROM " WAITING
		                           " WHERE patient_id = $1::integer")
		                  : 0;
	count = psm__patient_search_gaps(&a->copy, gaps, a->err);
	if (count < 0)
		return count;
	return count > 0 ? put_waiting(a, gaps, count) : open_now(a);
}

/* -- to end some */

static int
end_one(const struct arrival *a, int64_t search, int status, int accepted)
{
	struct psm__search_ending e = {.author = "System"};

	e.to = psm__search_ends_as(psm__row_get(&a->copy, PSM__PATIENT_STATUS),
	                           status, accepted, &e.reason);
	return e.to < 0 ? 0
	                : psm__search_finish(a->tx, search, &e, &a->at, a->err);
}

static int
end_searches(const struct arrival *a)
{
	const char *params[1] = {a->id.text};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(
	    a->tx,
	    "SELECT s.id, s.status, (EXISTS (SELECT FROM "
	    "matching_service.therapeut_anfrage_patient m "
	    "WHERE m.platzsuche_id = s.id "
	    "AND m.status = 'angenommen'))::integer "
	    "FROM " PSM__SEARCHES " s WHERE s.patient_id = $1::integer "
	    "AND s.status IN ('aktiv', 'pausiert') ORDER BY s.id FOR UPDATE",
	    1, params, &rows, a->err);

	for (size_t i = 0; rc == 0 && i < psm_rows_count(rows); i++)
		rc = end_one(
		    a, psm_rows_int(rows, i, 0),
		    psm_search_status_from_name(psm_rows_text(rows, i, 1)),
		    psm_rows_int(rows, i, 2) != 0);
	psm_rows_free(rows);
	return rc;
}

/* -- the events */

static int
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* A status that was there before means nothing again: a search that somebody
 * opened by hand since is left alone. */
static int
react(struct arrival *a, const psm_event *ev)
{
	const char *status = psm__row_get(&a->copy, PSM__PATIENT_STATUS);
	struct psm__search_due *d = &a->due;
	int moved = d->had_copy ? !same(d->before, status)
	                        : strcmp(psm_event_type(ev),
	                                 "patient.status_changed") == 0;
	int rc;

	d->after = status;
	rc = open_if_due(a);
	if (rc == 0 && d->open && moved)
		rc = end_searches(a);
	if (rc == 0 && d->open)
		rc = psm__patient_refit(
		    a->tx, a->patient,
		    d->had_copy &&
			!same(a->plz, psm__row_get(&a->copy, PSM__PATIENT_PLZ)),
		    &a->at, a->err);
	return rc < 0 ? rc : 0;
}

static int
arrive(struct arrival *a, psm_tx *tx, const psm_event *ev, psm_error *err)
{
	memset(a, 0, sizeof(*a));
	a->tx = tx;
	a->err = err;
	psm__now_at(psm_event_timestamp_us(ev), &a->at);
	a->when = a->at.timestamp;
	if (psm_json_get_int(psm_json_at(psm_event_payload(ev), "/patient_id"),
	                     &a->patient, err) < 0 ||
	    a->patient < 1 || a->patient > INT32_MAX)
		return psm__fail(err, PSM_ERR_REJECT,
		                 "payload: want a patient_id from 1 to %d",
		                 INT32_MAX);
	psm__number(&a->id, a->patient);
	return 0;
}

/* Nobody searches, and the event does not change that: most events. */
static int
is_quiet(const struct arrival *a, const psm_event *ev)
{
	const char *status = psm_json_string(
	    psm_json_at(psm_event_payload(ev), "/patient_data/status"));

	if (status == NULL)
		status = a->due.before;
	return !a->due.open && !a->due.waiting &&
	       !same(status, "auf_der_Suche");
}

int
psm__patient_arrived(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	struct arrival a;
	int rc = arrive(&a, tx, ev, err);

	if (rc == 0)
		rc = ask_due(&a);
	if (rc == 0)
		rc = psm__copy_event(tx, &psm__entity_patient, ev, err);
	if (rc > 0 && !is_quiet(&a, ev)) {
		rc = psm__copy_read(tx, &psm__entity_patient, a.patient, 0,
		                    &a.copy, err);
		if (rc > 0)
			rc = react(&a, ev);
		psm__row_free(&a.copy);
	}
	return rc < 0 ? rc : 0;
}

/* Into the open searches; one that is opened later has it from the patient's
 * own list. */
static int
exclude_from_open(const struct arrival *a, const struct psm__exclusion *e)
{
	const char *params[1] = {a->id.text};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(a->tx,
	                     "SELECT id FROM " PSM__SEARCHES
	                     " WHERE patient_id = $1::integer "
	                     "AND status IN ('aktiv', 'pausiert') "
	                     "ORDER BY id FOR UPDATE",
	                     1, params, &rows, a->err);

	for (size_t i = 0; rc >= 0 && i < psm_rows_count(rows); i++) {
		rc = psm__search_change(a->tx, psm_rows_int(rows, i, 0),
		                        psm__search_add_exclusion, e, &a->at,
		                        NULL, a->err);
		if (rc > 0)
			rc = psm__search_refit(a->tx, psm_rows_int(rows, i, 0),
			                       0, &a->at, a->err);
	}
	psm_rows_free(rows);
	return rc < 0 ? rc : 0;
}

int
psm__patient_excluded(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	const psm_json *payload = psm_event_payload(ev);
	struct psm__exclusion e = {
	    .reason = psm_json_string(psm_json_at(payload, "/reason"))};
	struct arrival a;
	int rc = psm_json_get_int(psm_json_at(payload, "/therapist_id"),
	                          &e.therapist_id, err);

	if (rc < 0 || e.therapist_id < 1 || e.therapist_id > INT32_MAX)
		return psm__fail(err, PSM_ERR_REJECT,
		                 "payload: want a therapist_id from 1 to %d",
		                 INT32_MAX);
	rc = arrive(&a, tx, ev, err);
	return rc == 0 ? exclude_from_open(&a, &e) : rc;
}
