/* SPDX-License-Identifier: BSD-2-Clause */
/* How far the patients of an inquiry have to go by road: the geocoding service is
 * asked by an event, and answers by another one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <psymatch/inquiry.h>

#include "app/block.h"
#include "app/own_tx.h"
#include "json/json.h"

#define REQUEST "match:"

static int
check_inquiry(psm_tx *tx, const char *id, psm_error *err)
{
	int64_t there = 0;
	int rc = psm__app_ask(tx,
	                      "SELECT count(*) FROM "
	                      "matching_service.therapeutenanfrage WHERE id = "
	                      "$1::bigint",
	                      1, &id, &there, err);

	return rc < 0 || there ? rc
	                       : psm__fail(err, PSM_ERR_NOT_FOUND,
	                                   "Anfrage %s not found", id);
}

/* -- the question */

/* Town and postal code are enough, and no more is told. */
static const char ask_sql[] =
    "WITH asked AS (INSERT INTO matching_service.entfernungen AS e (match_id, "
    "gefragt_am) SELECT m.id, $2::timestamptz FROM "
    "matching_service.therapeut_anfrage_patient m JOIN "
    "matching_service.therapeutenanfrage a ON a.id = m.therapeutenanfrage_id "
    "JOIN matching_service.patienten_kopie p ON p.id = m.patient_id AND NOT "
    "p.geloescht JOIN matching_service.therapeuten_kopie t ON t.id = "
    "a.therapist_id AND NOT t.geloescht WHERE a.id = $1::bigint AND "
    "btrim(concat(p.plz, p.ort)) <> '' AND btrim(concat(t.plz, t.ort)) <> '' "
    "ON CONFLICT (match_id) DO UPDATE SET gefragt_am = excluded.gefragt_am "
    "RETURNING match_id) SELECT m.id, concat_ws(' ', p.plz, p.ort), "
    "concat_ws(' ', t.plz, t.ort) FROM asked JOIN "
    "matching_service.therapeut_anfrage_patient m ON m.id = asked.match_id "
    "JOIN matching_service.therapeutenanfrage a ON a.id = "
    "m.therapeutenanfrage_id JOIN matching_service.patienten_kopie p ON p.id = "
    "m.patient_id JOIN matching_service.therapeuten_kopie t ON t.id = "
    "a.therapist_id ORDER BY m.id";

static int
ask_one(psm_tx *tx, const psm_rows *rows, size_t i, psm_error *err)
{
	psm_payload *m = psm_payload_new("geocoding.calculate_distance");
	char request[40];

	(void)snprintf(request, sizeof(request), REQUEST "%lld",
	               (long long)psm_rows_int(rows, i, 0));
	psm_payload_text(m, "request_id", request);
	psm_payload_text(m, "origin", psm_rows_text(rows, i, 1));
	psm_payload_text(m, "destination", psm_rows_text(rows, i, 2));
	return psm__emit(tx, m, "matching-service", err);
}

int
psm_inquiry_ask_distances(psm_store *store, int64_t id, psm_error *err)
{
	struct psm__number number;
	char now[32] = "";
	const char *params[2] = {psm__number(&number, id), now};
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;
	int rc = psm__own_begin(store, &tx, NULL, err), count = 0;

	if (rc == 0 && psm_time_format(psm_now_us(), now, sizeof(now)) < 0)
		rc = psm__fail(err, PSM_ERR_INVAL, "clock: out of range");
	if (rc == 0)
		rc = check_inquiry(tx, params[0], err);
	if (rc == 0)
		rc = psm_tx_exec(tx, ask_sql, 2, params, &rows, err);
	count = (int)psm_rows_count(rows);
	for (size_t i = 0; rc >= 0 && i < psm_rows_count(rows); i++)
		rc = ask_one(tx, rows, i, err);
	psm_rows_free(rows);
	return psm__own_end(tx, rc < 0 ? rc : count, NULL, err);
}

/* -- the answer */

int
psm__distance_told(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	const psm_json *payload = psm_event_payload(ev);
	const psm_json *result = psm__json_member(payload, "result");
	const char *request =
	    psm_json_string(psm__json_member(payload, "request_id"));
	struct psm__number match;
	char km[32];
	double number;
	const char *params[6];
	struct psm__origin o;
	char *end = NULL;
	long long id;
	int rc;

	/* Others ask, too. */
	if (request == NULL ||
	    strncmp(request, REQUEST, sizeof(REQUEST) - 1) != 0)
		return 0;
	id = strtoll(request + sizeof(REQUEST) - 1, &end, 10);
	if (*end != '\0' || id < 1 || id > INT32_MAX)
		return 0;
	rc = psm__origin_of(ev, &o, err);
	if (rc < 0)
		return rc;
	params[0] = psm__number(&match, id);
	params[1] = NULL;
	if (psm_json_get_double(psm__json_member(result, "distance_km"),
	                        &number, NULL) == 0 &&
	    psm__json_write_digits(number, km, sizeof(km)) == 0)
		params[1] = km;
	params[2] = psm_json_string(psm__json_member(result, "status"));
	params[3] = psm_json_string(psm__json_member(result, "source"));
	params[4] = o.time;
	params[5] = o.event_id;
	return psm_tx_exec(
	    tx,
	    "UPDATE matching_service.entfernungen SET entfernung_km = "
	    "$2::float8, status = $3, quelle = $4, event_time = "
	    "$5::timestamptz, event_id = $6::uuid WHERE match_id = $1::integer "
	    "AND (event_time IS NULL OR ($5::timestamptz, $6::uuid) > "
	    "(event_time, event_id))",
	    6, params, NULL, err);
}

/* -- what is known */

static const char list_sql[] =
    "SELECT json_build_object('anfrage_id', $1::bigint, 'data', coalesce("
    "json_agg(json_build_object('match_id', m.id, 'patient_id', m.patient_id, "
    "'distance_km', round(e.entfernung_km::numeric, 2), 'status', CASE WHEN "
    "e.match_id IS NULL THEN 'not_asked' ELSE coalesce(e.status, 'pending') "
    "END, 'source', e.quelle, 'asked_at', to_char(e.gefragt_am AT TIME ZONE "
    "'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')) ORDER BY "
    "m.position_in_anfrage, m.id), '[]')) FROM "
    "matching_service.therapeut_anfrage_patient m LEFT JOIN "
    "matching_service.entfernungen e ON e.match_id = m.id WHERE "
    "m.therapeutenanfrage_id = $1::bigint";

int
psm_inquiry_distances(psm_store *store, int64_t id, char **out, psm_error *err)
{
	struct psm__number number;
	const char *param = psm__number(&number, id);
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;
	int rc = psm__own_begin_out(store, &tx, out, err);

	if (rc == 0)
		rc = check_inquiry(tx, param, err);
	if (rc == 0)
		rc = psm_tx_exec(tx, list_sql, 1, &param, &rows, err);
	if (rc == 0 && (*out = psm__strdup(psm_rows_text(rows, 0, 0))) == NULL)
		rc = psm__nomem(err);
	psm_rows_free(rows);
	return psm__own_end(tx, rc, out, err);
}
