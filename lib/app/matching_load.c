/* SPDX-License-Identifier: BSD-2-Clause */
/* Patients, searches and inquiries from a file: for a first start and tests. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"

#define SERVICE "matching-service"
/* As many patients as one inquiry may bundle. */
#define INQUIRY_MAX 6

struct load {
	psm_tx *tx;
	psm_error *err;
	int inquiries; /* made */
};

static int
refuse(const struct load *l, int code, const psm_json *at, const char *pointer,
       const char *want)
{
	psm__fail_at(l->err, code, psm__json_position(at), "want %s", want);
	psm__error_pointer(l->err, pointer);
	return code;
}

/* A time of the file as text for the database; *text is NULL if v is null. */
static int
read_time(const struct load *l, const psm_json *v, const char *pointer,
          char buffer[32], const char **text)
{
	const char *given = psm_json_string(v);
	int64_t time_us;

	*text = NULL;
	if (v == NULL || psm_json_kind(v) == PSM_JSON_NULL)
		return 0;
	if (given == NULL ||
	    psm_time_parse(given, strlen(given), &time_us, NULL) < 0 ||
	    psm_time_format(time_us, buffer, 32) < 0)
		return refuse(l, PSM_ERR_SCHEMA, v, pointer,
		              "a time as RFC 3339 writes it");
	*text = buffer;
	return 0;
}

/* search.status_changed of a search that is new. */
static int
tell_search(psm_tx *tx, int64_t search, int64_t patient, const char *status,
            psm_error *err)
{
	psm_payload *m = psm_payload_new("search.status_changed");

	psm_payload_int(m, "search_id", search);
	psm_payload_int(m, "patient_id", patient);
	psm_payload_text(m, "old_status", NULL);
	psm_payload_text(m, "new_status", status);
	return psm__emit(tx, m, SERVICE, err);
}

static int
insert_search(const struct load *l, struct psm__row *row, int64_t patient)
{
	struct psm__now now;
	int64_t version;
	int rc = psm__row_defaults(row, l->err);

	if (rc == 0 && psm__row_get(row, PSM__SEARCH_CREATED_AT) == NULL) {
		rc = psm__app_now(l->tx, &now, l->err);
		if (rc == 0)
			rc = psm__row_stamp(row, 1, &now, l->err);
	}
	if (rc == 0)
		rc = psm__repo_insert(l->tx, row, &version, l->err);
	if (rc < 0)
		return rc;
	return tell_search(l->tx, psm__row_int(row, PSM__SEARCH_ID), patient,
	                   psm__row_get(row, PSM__SEARCH_STATUS), l->err);
}

static int
load_search(const struct load *l, const psm_json *search, int64_t patient,
            const char *at)
{
	struct psm__number number;
	const char *id = psm__number(&number, patient);
	struct psm__row row = {0};
	char pointer[64];
	int64_t known;
	int rc;

	snprintf(pointer, sizeof(pointer), "%s/search", at);
	rc = psm__row_init(&row, &psm__entity_search, l->err);
	if (rc == 0)
		rc = psm__row_read(&row, search, PSM__READ_PART, 0, pointer,
		                   l->err);
	if (rc >= 0)
		rc = psm__row_set(&row, PSM__SEARCH_PATIENT_ID, id, l->err);
	if (rc == 0)
		rc = psm__app_ask(l->tx,
		                  "SELECT id FROM matching_service.platzsuche "
		                  "WHERE patient_id = $1::integer LIMIT 1",
		                  1, &id, &known, l->err);
	if (rc == 0 && known == 0)
		rc = insert_search(l, &row, patient);
	psm__row_free(&row);
	return rc;
}

static int
load_patient(const struct load *l, const psm_json *patient, const char *at)
{
	const psm_json *search = psm_json_at(patient, "/search");
	struct psm__row row = {0};
	int64_t n;
	int rc;

	rc = psm__row_init(&row, &psm__entity_patient, l->err);
	if (rc == 0)
		rc =
		    psm__row_read(&row, patient, PSM__READ_PART, 0, at, l->err);
	if (rc >= 0 &&
	    (psm_json_get_int(psm_json_at(patient, "/id"), &n, NULL) < 0 ||
	     n < 1))
		rc = refuse(l, PSM_ERR_SCHEMA, patient, at,
		            "id: a positive number");
	/* At the beginning of time: each real event is newer. */
	if (rc >= 0)
		rc = psm__copy_row(l->tx, &row, 0, "", l->err);
	if (rc >= 0 && search != NULL)
		rc = load_search(l, search, n, at);
	psm__row_free(&row);
	return rc < 0 ? rc : 0;
}

static int
find_therapist(const struct load *l, const psm_json *who, const char *at,
               int64_t *id, int *blocked)
{
	const char *params[3] = {psm_json_string(psm_json_at(who, "/plz")),
	                         psm_json_string(psm_json_at(who, "/nachname")),
	                         psm_json_string(psm_json_at(who, "/vorname"))};
	psm_rows *rows = NULL;
	int rc;

	if (params[0] == NULL || params[1] == NULL || params[2] == NULL)
		return refuse(l, PSM_ERR_SCHEMA, who, at,
		              "vorname, nachname and plz as text");
	rc = psm_tx_exec(l->tx,
	                 "SELECT id, coalesce(status = 'gesperrt', false) "
	                 "FROM matching_service.therapeuten_kopie "
	                 "WHERE plz = $1 AND nachname = $2 AND vorname = $3 "
	                 "AND NOT geloescht",
	                 3, params, &rows, l->err);
	if (rc == 0 && psm_rows_count(rows) == 0)
		rc = refuse(l, PSM_ERR_NOT_FOUND, who, at,
		            "a therapist of the copy, found none");
	if (rc == 0 && psm_rows_count(rows) > 1)
		rc = refuse(l, PSM_ERR_AMBIGUOUS, who, at,
		            "one therapist of the copy, found more");
	if (rc == 0) {
		*id = psm_rows_int(rows, 0, 0);
		*blocked = psm_rows_int(rows, 0, 1) != 0;
	}
	psm_rows_free(rows);
	return rc;
}

struct member {
	int64_t patient, search;
};

static int
find_members(const struct load *l, const psm_json *list, const char *at,
             struct member *out)
{
	struct psm__number n;
	const char *params[1] = {n.text};
	int rc = 0;

	if (psm_json_kind(list) != PSM_JSON_ARRAY || psm_json_count(list) < 1 ||
	    psm_json_count(list) > INQUIRY_MAX)
		return refuse(l, PSM_ERR_SCHEMA, list, at, "1 to 6 patients");
	for (size_t i = 0; i < psm_json_count(list) && rc == 0; i++) {
		if (psm_json_get_int(psm_json_item(list, i), &out[i].patient,
		                     NULL) < 0)
			return refuse(l, PSM_ERR_SCHEMA, list, at,
			              "patients as numbers");
		psm__number(&n, out[i].patient);
		rc = psm__app_ask(
		    l->tx,
		    "SELECT id FROM matching_service.platzsuche "
		    "WHERE patient_id = $1::bigint AND status = 'aktiv'",
		    1, params, &out[i].search, l->err);
		if (rc == 0 && out[i].search == 0)
			rc =
			    refuse(l, PSM_ERR_NOT_FOUND, psm_json_item(list, i),
			           at, "a patient with an active search");
	}
	return rc;
}

static int
insert_members(const struct load *l, int64_t inquiry, size_t count,
               const struct member *members)
{
	struct psm__number a, s, p, n;
	const char *params[4] = {a.text, s.text, p.text, n.text};
	int rc = 0;

	psm__number(&a, inquiry);
	for (size_t i = 0; i < count && rc == 0; i++) {
		psm__number(&s, members[i].search);
		psm__number(&p, members[i].patient);
		psm__number(&n, (int64_t)i + 1);
		rc = psm_tx_exec(
		    l->tx,
		    "INSERT INTO matching_service.therapeut_anfrage_patient "
		    "(therapeutenanfrage_id, platzsuche_id, patient_id, "
		    "position_in_anfrage) VALUES ($1::integer, $2::integer, "
		    "$3::integer, $4::integer)",
		    4, params, NULL, l->err);
	}
	return rc;
}

static int
emit_created(const struct load *l, int64_t inquiry, int64_t therapist,
             size_t count, const struct member *members)
{
	psm_payload *m = psm_payload_new("therapeutenanfrage.created");

	psm_payload_int(m, "anfrage_id", inquiry);
	psm_payload_int(m, "therapist_id", therapist);
	psm_payload_array(m, "patient_ids");
	for (size_t i = 0; i < count; i++)
		psm_payload_int(m, NULL, members[i].patient);
	psm_payload_end(m);
	psm_payload_int(m, "anfrage_size", (int64_t)count);
	return psm__emit(l->tx, m, SERVICE, l->err);
}

static int
emit_sent(const struct load *l, int64_t inquiry)
{
	psm_payload *m = psm_payload_new("therapeutenanfrage.sent");

	psm_payload_int(m, "anfrage_id", inquiry);
	psm_payload_text(m, "communication_type", "email");
	psm_payload_null(m, "communication_id");
	return psm__emit(l->tx, m, SERVICE, l->err);
}

static int
insert_inquiry(const struct load *l, int64_t therapist, const char *sent,
               size_t count, const struct member *members)
{
	struct psm__number t, n;
	const char *params[3] = {psm__number(&t, therapist),
	                         psm__number(&n, (int64_t)count), sent};
	int64_t inquiry;
	int rc;

	rc = psm__app_ask(l->tx,
	                  "INSERT INTO matching_service.therapeutenanfrage "
	                  "(therapist_id, anfragegroesse, gesendet_datum) "
	                  "VALUES ($1::integer, $2::integer, "
	                  "$3::timestamptz AT TIME ZONE 'UTC') RETURNING id",
	                  3, params, &inquiry, l->err);
	if (rc == 0)
		rc = insert_members(l, inquiry, count, members);
	if (rc == 0)
		rc = emit_created(l, inquiry, therapist, count, members);
	if (rc == 0 && sent != NULL)
		rc = emit_sent(l, inquiry);
	return rc;
}

/* Is the first patient in an inquiry to this therapist? */
static int
is_known(const struct load *l, int64_t therapist, const psm_json *list,
         int64_t *known)
{
	struct psm__number t, p;
	const char *params[2] = {psm__number(&t, therapist), p.text};
	int64_t patient = 0;

	if (psm_json_get_int(psm_json_item(list, 0), &patient, NULL) < 0)
		patient = 0; /* find_members() says what is wrong */
	psm__number(&p, patient);
	return psm__app_ask(
	    l->tx,
	    "SELECT a.id FROM matching_service.therapeutenanfrage a "
	    "JOIN matching_service.therapeut_anfrage_patient m "
	    "ON m.therapeutenanfrage_id = a.id "
	    "WHERE a.therapist_id = $1::integer "
	    "AND m.patient_id = $2::bigint LIMIT 1",
	    2, params, known, l->err);
}

static int
load_inquiry(struct load *l, const psm_json *inquiry, const char *at)
{
	const psm_json *list = psm_json_at(inquiry, "/patients");
	struct member members[INQUIRY_MAX];
	int64_t therapist = 0, known = 0;
	const char *sent;
	char buffer[32];
	int rc, blocked = 0;

	rc = find_therapist(l, psm_json_at(inquiry, "/therapist"), at,
	                    &therapist, &blocked);
	if (rc == 0)
		rc = is_known(l, therapist, list, &known);
	if (rc < 0 || known > 0)
		return rc;
	if (blocked)
		return refuse(l, PSM_ERR_CONFLICT, inquiry, at,
		              "a therapist who is not blocked");
	rc = read_time(l, psm_json_at(inquiry, "/sent_at"), at, buffer, &sent);
	if (rc == 0)
		rc = find_members(l, list, at, members);
	if (rc == 0)
		rc = insert_inquiry(l, therapist, sent, psm_json_count(list),
		                    members);
	if (rc == 0)
		l->inquiries++;
	return rc;
}

static int
load_all(struct load *l, const psm_json *doc)
{
	const psm_json *patients = psm_json_at(doc, "/patients");
	const psm_json *inquiries = psm_json_at(doc, "/inquiries");
	char at[48];
	int rc = 0;

	if (psm_json_kind(patients) != PSM_JSON_ARRAY)
		return refuse(l, PSM_ERR_SCHEMA, doc, "/patients", "an array");
	if (inquiries != NULL && psm_json_kind(inquiries) != PSM_JSON_ARRAY)
		return refuse(l, PSM_ERR_SCHEMA, inquiries, "/inquiries",
		              "an array");
	for (size_t i = 0; i < psm_json_count(patients) && rc == 0; i++) {
		snprintf(at, sizeof(at), "/patients/%zu", i);
		rc = load_patient(l, psm_json_item(patients, i), at);
	}
	for (size_t i = 0; i < psm_json_count(inquiries) && rc == 0; i++) {
		snprintf(at, sizeof(at), "/inquiries/%zu", i);
		rc = load_inquiry(l, psm_json_item(inquiries, i), at);
	}
	return rc;
}

int
psm_matching_load(psm_store *store, const char *json, psm_error *err)
{
	struct load l = {.err = err};
	psm_json *doc = NULL;
	int rc;

	psm__error_clear(err);
	if (store == NULL || json == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "store or json is NULL");
	rc = psm_json_parse(json, strlen(json), &doc, err);
	if (rc == 0)
		rc = psm_tx_begin(store, &l.tx, err);
	if (rc == 0)
		rc = load_all(&l, doc);
	rc = psm__app_end(l.tx, rc, err);
	psm_json_free(doc);
	return rc < 0 ? rc : l.inquiries;
}
