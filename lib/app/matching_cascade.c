/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a blocked therapist and a deleted patient mean for inquiries and
 * searches. Each statement only touches rows that are not yet as they should
 * be, so handling an event again changes nothing.
 */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/repository.h"

#define INQUIRY "matching_service.therapeutenanfrage"
#define MEMBER "matching_service.therapeut_anfrage_patient"
#define SEARCH "matching_service.platzsuche"

/* What all steps of one cascade need. */
struct cascade {
	psm_tx *tx;
	int64_t id; /* the therapist or the patient */
	struct psm__number id_text;
	int64_t time_us; /* of the event: a replay writes the same times */
	char time[32];
	const char *reason;
	const char *exclusion; /* the reason in a list of excluded ones */
	psm_error *err;
};

static int
cascade_init(struct cascade *c, psm_tx *tx, const psm_event *ev,
             const char *id_field, psm_error *err)
{
	memset(c, 0, sizeof(*c));
	c->tx = tx;
	c->err = err;
	c->time_us = psm_event_timestamp_us(ev);
	if (psm_json_get_int(psm_json_at(psm_event_payload(ev), id_field),
	                     &c->id, err) < 0)
		return PSM_ERR_REJECT;
	psm__number(&c->id_text, c->id);
	if (psm_time_format(c->time_us, c->time, sizeof(c->time)) < 0)
		return psm__fail(err, PSM_ERR_REJECT, "time: out of range");
	return 0;
}

/* Do something with each row that a statement finds for the one it is about. */
static int
for_each(const struct cascade *c, const char *sql,
         int (*step)(const struct cascade *c, const psm_rows *rows, size_t i))
{
	const char *params[1] = {c->id_text.text};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(c->tx, sql, 1, params, &rows, c->err);

	for (size_t i = 0; rc == 0 && i < psm_rows_count(rows); i++)
		rc = step(c, rows, i);
	psm_rows_free(rows);
	return rc;
}

/* notes with "Cancelled: reason" appended by System, new. */
static int
cancel_note(const struct cascade *c, const char *notes, char **out)
{
	struct psm__buf b = {0};
	int rc;

	*out = NULL;
	psm__buf_printf(&b, "Cancelled: %s", c->reason);
	rc = b.failed ? psm__nomem(c->err)
	              : psm_note_append(notes, c->time_us, "System", b.data,
	                                out, c->err);
	psm__buf_free(&b);
	return rc;
}

/* When the event happened, for what a step sets. */
static void
put_now(const struct cascade *c, struct psm__now *now)
{
	memset(now, 0, sizeof(*now));
	(void)snprintf(now->timestamp, sizeof(now->timestamp), "%.10s %.15s",
	               c->time, c->time + 11);
}

/* Move a locked row to its last state, with a note in the column notes, and
 * write it. *event: what the step publishes. */
static int
cancel(const struct cascade *c, struct psm__row *row, int to, int notes,
       const char **event)
{
	struct psm__now now;
	int64_t version;
	char *note = NULL;
	int rc;

	put_now(c, &now);
	rc = psm__row_move(row, psm__row_state(row), to, &now, event, c->err);
	if (rc == 0)
		rc = cancel_note(c, psm__row_get(row, notes), &note);
	if (rc == 0)
		rc = psm__row_change(row, notes, note, c->err);
	if (rc == 0)
		rc = psm__row_stamp(row, 0, &now, c->err);
	if (rc == 0)
		rc = psm__repo_update(c->tx, row, &version, c->err);
	psm__free(note);
	return rc;
}

static int
cancel_inquiry(const struct cascade *c, const psm_rows *rows, size_t i)
{
	struct psm__row row = {0};
	const char *event; /* none tells of a cancelled inquiry */
	int64_t version;
	int rc;

	rc = psm__repo_lock(c->tx, &psm__entity_inquiry,
	                    psm_rows_int(rows, i, 0), &row, &version, c->err);
	if (rc == 0)
		rc = psm__row_change(&row, PSM__INQUIRY_STORNIERT_GRUND,
		                     c->reason, c->err);
	if (rc == 0)
		rc = cancel(c, &row, PSM_INQUIRY_CANCELLED,
		            PSM__INQUIRY_NOTIZEN, &event);
	psm__row_free(&row);
	return rc;
}

static int
cancel_unsent(const struct cascade *c)
{
	return for_each(c,
	                "SELECT id FROM " INQUIRY
	                " WHERE therapist_id = $1::integer "
	                "AND gesendet_datum IS NULL "
	                "AND storniert_datum IS NULL "
	                "ORDER BY id FOR UPDATE",
	                cancel_inquiry);
}

static int
exclude_from(const struct cascade *c, const psm_rows *rows, size_t i)
{
	const char *list = psm_rows_text(rows, i, 1);
	const char *params[3] = {psm_rows_text(rows, i, 0), NULL, c->time};
	psm_json *old = NULL;
	char *fresh = NULL;
	int rc;

	rc = psm_json_parse(list, strlen(list), &old, c->err);
	if (rc == 0)
		rc = psm_exclusion_add(old, c->id, c->time_us, c->exclusion,
		                       &fresh, c->err);
	params[1] = fresh;
	if (rc == 1)
		rc = psm_tx_exec(c->tx,
		                 "UPDATE " SEARCH
		                 " SET ausgeschlossene_therapeuten = "
		                 "$2::jsonb, updated_at = "
		                 "$3::timestamptz AT TIME ZONE 'UTC' "
		                 "WHERE id = $1::integer",
		                 3, params, NULL, c->err);
	psm_free(fresh);
	psm_json_free(old);
	return rc;
}

static int
exclude_waiting(const struct cascade *c)
{
	return for_each(c,
	                "SELECT s.id, s.ausgeschlossene_therapeuten "
	                "FROM " SEARCH " s WHERE s.status = 'aktiv' "
	                "AND EXISTS (SELECT FROM " MEMBER " m JOIN " INQUIRY
	                " a ON a.id = m.therapeutenanfrage_id "
	                "WHERE m.platzsuche_id = s.id "
	                "AND a.therapist_id = $1::integer "
	                "AND a.gesendet_datum IS NOT NULL "
	                "AND a.antwort_datum IS NULL) "
	                "ORDER BY s.id FOR UPDATE OF s",
	                exclude_from);
}

int
psm__therapist_blocked(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	static const char blocked[] = "Therapist blocked";
	const psm_json *payload = psm_event_payload(ev);
	struct psm__buf exclusion = {0};
	struct cascade c;
	int rc;

	rc = cascade_init(&c, tx, ev, "/therapist_id", err);
	if (rc < 0)
		return rc;
	c.reason = psm_json_string(psm_json_at(payload, "/reason"));
	psm__buf_puts(&exclusion, blocked);
	if (psm__text_is_blank(c.reason))
		c.reason = blocked;
	else
		psm__buf_printf(&exclusion, ": %s", c.reason);
	c.exclusion = exclusion.data;
	rc = exclusion.failed ? psm__nomem(err) : cancel_unsent(&c);
	if (rc == 0)
		rc = exclude_waiting(&c);
	psm__buf_free(&exclusion);
	return rc;
}

/* What was sent stays as history. */
int
psm__therapist_deleted(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	struct cascade c;
	int rc = cascade_init(&c, tx, ev, "/therapist_id", err);

	c.reason = "Therapist deleted from system";
	if (rc == 0)
		rc = psm__copy_erase(tx, &psm__entity_therapist, ev, err);
	return rc == 0 ? cancel_unsent(&c) : rc;
}

int
psm__emit_search_status(psm_tx *tx, int64_t search, int64_t patient,
                        const char *from, const char *to, psm_error *err)
{
	psm_payload *m = psm_payload_new("search.status_changed");

	psm_payload_int(m, "search_id", search);
	psm_payload_int(m, "patient_id", patient);
	psm_payload_text(m, "old_status", from);
	psm_payload_text(m, "new_status", to);
	return psm__emit(tx, m, "matching-service", err);
}

static int
end_search(const struct cascade *c, const psm_rows *rows, size_t i)
{
	const int64_t id = psm_rows_int(rows, i, 0);
	struct psm__row row = {0};
	char *status = NULL;
	const char *event = NULL;
	int64_t version;
	int rc;

	rc = psm__repo_lock(c->tx, &psm__entity_search, id, &row, &version,
	                    c->err);
	if (rc == 0) {
		status = psm__strdup(psm__row_get(&row, PSM__SEARCH_STATUS));
		if (status == NULL)
			rc = psm__nomem(c->err);
	}
	if (rc == 0)
		rc = cancel(c, &row, PSM_SEARCH_ABGEBROCHEN,
		            PSM__SEARCH_NOTIZEN, &event);
	if (rc == 0)
		rc = psm__emit_search_status(
		    c->tx, id, c->id, status,
		    psm__row_get(&row, PSM__SEARCH_STATUS), c->err);
	psm__free(status);
	psm__row_free(&row);
	return rc;
}

static int
end_searches(const struct cascade *c)
{
	return for_each(c,
	                "SELECT id FROM " SEARCH
	                " WHERE patient_id = $1::integer "
	                "AND status IN ('aktiv', 'pausiert') "
	                "ORDER BY id FOR UPDATE",
	                end_search);
}

/* Take the patient out of one inquiry, and cancel it if it was the last one. */
static int
leave_inquiry(const struct cascade *c, const psm_rows *rows, size_t i)
{
	const char *params[2] = {psm_rows_text(rows, i, 0), c->id_text.text};
	psm_rows *left = NULL;
	int rc;

	rc = psm_tx_exec(c->tx,
	                 "DELETE FROM " MEMBER " WHERE therapeutenanfrage_id = "
	                 "$1::integer AND patient_id = $2::integer",
	                 2, params, NULL, c->err);
	if (rc == 0)
		rc = psm_tx_exec(
		    c->tx,
		    "UPDATE " MEMBER " m SET position_in_anfrage = n.place "
		    "FROM (SELECT id, row_number() OVER "
		    "(ORDER BY position_in_anfrage, id) AS place FROM " MEMBER
		    " WHERE therapeutenanfrage_id = $1::integer) n "
		    "WHERE m.id = n.id AND m.position_in_anfrage <> n.place",
		    1, params, NULL, c->err);
	if (rc == 0)
		rc = psm_tx_exec(
		    c->tx,
		    "UPDATE " INQUIRY " SET anfragegroesse = (SELECT count(*) "
		    "FROM " MEMBER " WHERE therapeutenanfrage_id = "
		    "$1::integer) WHERE id = $1::integer "
		    "RETURNING anfragegroesse",
		    1, params, &left, c->err);
	if (rc == 0 && psm_rows_int(left, 0, 0) == 0)
		rc = cancel_inquiry(c, rows, i);
	psm_rows_free(left);
	return rc;
}

static int
leave_unsent(const struct cascade *c)
{
	return for_each(c,
	                "SELECT a.id FROM " INQUIRY " a "
	                "WHERE a.gesendet_datum IS NULL "
	                "AND a.storniert_datum IS NULL "
	                "AND EXISTS (SELECT FROM " MEMBER " m "
	                "WHERE m.therapeutenanfrage_id = a.id "
	                "AND m.patient_id = $1::integer) "
	                "ORDER BY a.id FOR UPDATE OF a",
	                leave_inquiry);
}

int
psm__patient_deleted(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	struct cascade c;
	int rc;

	rc = cascade_init(&c, tx, ev, "/patient_id", err);
	if (rc < 0)
		return rc;
	c.reason = "Patient deleted from system";
	rc = psm__copy_erase(tx, &psm__entity_patient, ev, err);
	if (rc == 0)
		rc = leave_unsent(&c);
	if (rc == 0)
		rc = end_searches(&c);
	return rc;
}
