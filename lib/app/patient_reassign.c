/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Patients in an open inquiry to a therapist who was blocked: they are listed,
 * so that a person finds another therapist for them; nothing is done by itself.
 */
#include <stdio.h>
#include <string.h>

#include "app/block.h"
#include "app/own_tx.h"
#include "app/patient.h"
#include "json/json.h"

/* -- events */

/* A change that comes before its match is made tells only that it is over. */
static const char match_sql[] =
    "INSERT INTO patient_service.zuordnungen AS t (match_id, patient_id, "
    "therapist_id, anfrage_id, offen, event_time, event_id) VALUES "
    "($1::integer, $2::integer, $3::integer, $4::integer, $5::boolean, "
    "$6::timestamptz, $7::uuid) ON CONFLICT (match_id) DO UPDATE SET "
    "patient_id = coalesce(t.patient_id, excluded.patient_id), "
    "therapist_id = coalesce(t.therapist_id, excluded.therapist_id), "
    "anfrage_id = coalesce(t.anfrage_id, excluded.anfrage_id), "
    "offen = CASE WHEN (excluded.event_time, excluded.event_id) > "
    "(t.event_time, t.event_id) THEN excluded.offen ELSE t.offen END, "
    "event_time = greatest(t.event_time, excluded.event_time), "
    "event_id = CASE WHEN (excluded.event_time, excluded.event_id) > "
    "(t.event_time, t.event_id) THEN excluded.event_id ELSE t.event_id END";

/* A member that is not there, or no number of a row, is null. */
static const char *
number_of(const psm_event *ev, const char *name, struct psm__number *n)
{
	const psm_json *v = psm__json_member(psm_event_payload(ev), name);
	int64_t id;

	return psm_json_get_int(v, &id, NULL) == 0 && id > 0 && id <= INT32_MAX
	           ? psm__number(n, id)
	           : NULL;
}

int
psm__patient_match(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	const psm_json *payload = psm_event_payload(ev);
	int is_new = strcmp(psm_event_type(ev), "match.created") == 0;
	const char *status = psm_json_string(
	    psm__json_member(payload, is_new ? "status" : "new_status"));
	struct psm__number n[4];
	struct psm__origin o;
	const char *params[7];
	int64_t id;
	int rc = psm__event_number(ev, "match_id", &id, err);

	if (rc == 0)
		rc = psm__origin_of(ev, &o, err);
	if (rc < 0)
		return rc;
	params[0] = psm__number(&n[0], id);
	params[1] = number_of(ev, "patient_id", &n[1]);
	params[2] = number_of(ev, "therapist_id", &n[2]);
	params[3] = number_of(ev, "anfrage_id", &n[3]);
	params[4] = (status == NULL && is_new) ||
	                    (status != NULL && strcmp(status, "anstehend") == 0)
	                ? "t"
	                : "f";
	/* Another machine's clock may be behind: any change comes after. */
	params[5] = is_new ? "-infinity" : o.time;
	params[6] = o.event_id;
	return psm_tx_exec(tx, match_sql, 7, params, NULL, err);
}

int
psm__patient_therapist(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	struct psm__number id, count;
	const char *params[1];
	struct psm__block b;
	int64_t waiting = 0;
	int rc = psm__block_note(tx, "patient_service", ev, &b, err);

	if (rc <= 0 || !b.blocked)
		return rc < 0 ? rc : 0;
	params[0] = psm__number(&id, b.therapist);
	rc = psm__app_ask(tx,
	                  "SELECT count(*) FROM patient_service.zuordnungen "
	                  "WHERE therapist_id = $1::integer AND offen",
	                  1, params, &waiting, err);
	if (rc == 0 && waiting > 0)
		psm__log(PSM_LOG_WARN,
		         "a therapist is blocked: patients in open inquiries "
		         "need another one",
		         "therapist_id", params[0], "patients",
		         psm__number(&count, waiting), NULL);
	return rc;
}

/* -- the list */

enum column { PATIENT, FIRST, LAST, THERAPIST, INQUIRY, MATCH, SINCE, REASON };

#define FROM_WHERE                                                             \
	" FROM patient_service.therapeuten_sperren s JOIN "                    \
	"patient_service.zuordnungen z ON z.therapist_id = s.therapist_id "    \
	"AND z.offen JOIN patient_service.patienten p ON p.id = z.patient_id " \
	"WHERE s.gesperrt"

static const char list_sql[] =
    "SELECT z.patient_id, p.vorname, p.nachname, z.therapist_id, "
    "z.anfrage_id, z.match_id, to_char(s.event_time AT TIME ZONE 'UTC', "
    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), s.grund" FROM_WHERE
    " ORDER BY s.event_time, z.therapist_id, z.match_id "
    "LIMIT $1::bigint OFFSET ($2::bigint - 1) * $1::bigint";

static void
put_text(psm_json_writer *w, const char *name, const char *text)
{
	psm_json_write_key(w, name);
	if (text != NULL)
		psm_json_write_string(w, text);
	else
		psm_json_write_null(w);
}

static void
put_number(psm_json_writer *w, const char *name, const psm_rows *rows, size_t i,
           size_t column)
{
	psm_json_write_key(w, name);
	if (psm_rows_text(rows, i, column) != NULL)
		psm_json_write_int(w, psm_rows_int(rows, i, column));
	else
		psm_json_write_null(w);
}

static void
put_row(psm_json_writer *w, const psm_rows *rows, size_t i)
{
	psm_json_write_object(w);
	put_number(w, "patient_id", rows, i, PATIENT);
	put_text(w, "vorname", psm_rows_text(rows, i, FIRST));
	put_text(w, "nachname", psm_rows_text(rows, i, LAST));
	put_number(w, "therapist_id", rows, i, THERAPIST);
	put_number(w, "anfrage_id", rows, i, INQUIRY);
	put_number(w, "match_id", rows, i, MATCH);
	put_text(w, "gesperrt_seit", psm_rows_text(rows, i, SINCE));
	put_text(w, "sperrgrund", psm_rows_text(rows, i, REASON));
	psm_json_write_end(w);
}

int
psm_patient_reassignments(psm_store *store, int page, int limit, char **out,
                          psm_error *err)
{
	struct psm__number n[2];
	const char *params[2] = {psm__number(&n[0], limit),
	                         psm__number(&n[1], page)};
	psm_rows *rows = NULL;
	int64_t total = 0;
	psm_tx *tx = NULL;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0 && (out == NULL || page < 1 || limit < 1 || limit > 1000))
		rc = psm__fail(err, PSM_ERR_INVAL,
		               "want out, a page from 1 on and a limit of 1 to "
		               "1000");
	if (rc == 0)
		rc = psm__app_ask(tx, "SELECT count(*)" FROM_WHERE, 0, NULL,
		                  &total, err);
	if (rc == 0)
		rc = psm_tx_exec(tx, list_sql, 2, params, &rows, err);
	if (rc == 0)
		rc = psm__list_write(rows, put_row, page, limit, total, out,
		                     err);
	psm_rows_free(rows);
	return psm__own_end(tx, rc, out, err);
}
