/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches as they are shown: one with all that belongs to it, and lists. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/own_tx.h"
#include "app/search.h"
#include "app/show.h"

#define LIMIT_MAX 1000
#define MEMBER "matching_service.therapeut_anfrage_patient"
#define INQUIRY "matching_service.therapeutenanfrage"

/* Of search s. */
#define COUNT_OF(condition)                                                    \
	"(SELECT count(*) FROM " MEMBER " m JOIN " INQUIRY                     \
	" a ON a.id = m.therapeutenanfrage_id WHERE m.platzsuche_id = s.id "   \
	"AND a.storniert_datum IS NULL" condition ")"
#define ALL COUNT_OF("")
#define OPEN COUNT_OF(" AND m.status = 'anstehend'")

/* -- one search */

static int
write_history(psm_json_writer *w, psm_tx *tx, const char *id, psm_error *err)
{
	static const struct psm__show_column columns[] = {
	    {"anfrage_id", PSM__SHOW_NUMBER},
	    {"therapist_id", PSM__SHOW_NUMBER},
	    {"therapeuten_name", PSM__SHOW_TEXT},
	    {"position", PSM__SHOW_NUMBER},
	    {"status", PSM__SHOW_TEXT},
	    {"outcome", PSM__SHOW_TEXT},
	    {"sent_date", PSM__SHOW_TIME},
	    {"response_date", PSM__SHOW_TIME},
	    {"cancelled_date", PSM__SHOW_TIME},
	};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(
	    tx,
	    "SELECT a.id, a.therapist_id, coalesce(nullif(concat_ws(' ', "
	    "nullif(t.titel, ''), t.vorname, t.nachname), ''), 'Unknown'), "
	    "m.position_in_anfrage, m.status, m.antwortergebnis, "
	    "a.gesendet_datum, a.antwort_datum, a.storniert_datum FROM " MEMBER
	    " m JOIN " INQUIRY " a ON a.id = m.therapeutenanfrage_id "
	    "LEFT JOIN matching_service.therapeuten_kopie t "
	    "ON t.id = a.therapist_id WHERE m.platzsuche_id = $1::integer "
	    "ORDER BY a.erstellt_datum, a.id",
	    1, &id, &rows, err);

	psm_json_write_key(w, "anfrage_verlauf");
	psm__show_rows(w, columns, PSM__COUNT(columns), rows);
	psm_rows_free(rows);
	return rc;
}

static int
write_counts(psm_json_writer *w, psm_tx *tx, const char *id, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(
	    tx, "SELECT " OPEN ", " ALL " FROM (SELECT $1::integer AS id) s", 1,
	    &id, &rows, err);

	if (rc == 0) {
		psm__show_value(w, "aktive_anfragen", PSM__SHOW_NUMBER, rows, 0,
		                0);
		psm__show_value(w, "gesamt_anfragen", PSM__SHOW_NUMBER, rows, 0,
		                1);
	}
	psm_rows_free(rows);
	return rc;
}

static int
write_rest(psm_json_writer *w, psm_tx *tx, const char *id, psm_error *err)
{
	int rc = write_counts(w, tx, id, err);

	return rc == 0 ? write_history(w, tx, id, err) : rc;
}

int
psm_search_get(psm_store *store, int64_t id, char **out, int64_t *version,
               psm_error *err)
{
	static const struct psm__shown what = {
	    &psm__entity_search, "patient", &psm__entity_patient,
	    PSM__SEARCH_PATIENT_ID, write_rest};

	return psm__show_get(store, &what, id, out, version, err);
}

/* -- lists */

/* The values of the filters, each NULL if it is not given. */
enum filter { STATUS, PATIENT, MIN_ALL, MAX_ALL, MIN_OPEN, MAX_OPEN, FILTERS };
static const struct {
	const char *name, *condition;
} filters[FILTERS] = {
    [STATUS] = {"status", "s.status = $%zu"},
    [PATIENT] = {"patient_id", "s.patient_id = $%zu::bigint"},
    [MIN_ALL] = {"min_anfragen", ALL " >= $%zu::bigint"},
    [MAX_ALL] = {"max_anfragen", ALL " <= $%zu::bigint"},
    [MIN_OPEN] = {"min_aktive_anfragen", OPEN " >= $%zu::bigint"},
    [MAX_OPEN] = {"max_aktive_anfragen", OPEN " <= $%zu::bigint"},
};

struct query {
	struct psm__number number[FILTERS];
	const char *value[FILTERS];
	int64_t page, limit;
};

static int
refuse(const char *name, const char *want, psm_error *err)
{
	char pointer[64];

	(void)snprintf(pointer, sizeof(pointer), "/%s", name);
	(void)psm__fail(err, PSM_ERR_SCHEMA, "list of searches: %s: want %s",
	                name, want);
	psm__error_fault(err, pointer, "want %s", want);
	return PSM_ERR_SCHEMA;
}

static int
read_status(struct query *q, const psm_json *v, psm_error *err)
{
	const char *word = psm_search_status_name(
	    psm_search_status_from_name(psm_json_string(v)));

	q->value[STATUS] = word;
	return word != NULL
	           ? 0
	           : refuse("status",
	                    "one of aktiv, erfolgreich, pausiert, abgebrochen",
	                    err);
}

static int
read_member(struct query *q, const char *name, const psm_json *v,
            psm_error *err)
{
	int64_t n = 0;
	int whole = psm_json_kind(v) == PSM_JSON_NUMBER &&
	            psm_json_get_int(v, &n, NULL) == 0;

	if (psm_json_kind(v) == PSM_JSON_NULL)
		return 0;
	if (strcmp(name, filters[STATUS].name) == 0)
		return read_status(q, v, err);
	if (strcmp(name, "page") == 0) {
		q->page = n;
		return whole && n >= 1 && n <= INT32_MAX
		           ? 0
		           : refuse(name, "a page from 1", err);
	}
	if (strcmp(name, "limit") == 0) {
		q->limit = n;
		return whole && n >= 1 && n <= LIMIT_MAX
		           ? 0
		           : refuse(name, "a limit of 1 to 1000", err);
	}
	for (size_t i = PATIENT; i < FILTERS; i++) {
		if (strcmp(name, filters[i].name) != 0)
			continue;
		q->value[i] = psm__number(&q->number[i], n);
		return whole ? 0 : refuse(name, "a whole number", err);
	}
	return refuse(name, "a filter that lists of it have", err);
}

static int
read_query(struct query *q, const char *json, psm_error *err)
{
	psm_json *doc = NULL;
	int rc = 0, one;

	memset(q, 0, sizeof(*q));
	q->page = 1;
	q->limit = 20;
	if (json == NULL)
		return 0;
	rc = psm_json_parse(json, strlen(json), &doc, err);
	if (rc == 0 && psm_json_kind(doc) != PSM_JSON_OBJECT)
		rc = psm__fail(err, PSM_ERR_SCHEMA, "query: want an object");
	for (size_t i = 0; rc == 0 && i < psm_json_count(doc); i++) {
		one = read_member(q, psm_json_key(doc, i),
		                  psm_json_item(doc, i), err);
		rc = one < 0 ? one : rc;
	}
	psm_json_free(doc);
	return rc;
}

/* " FROM .. WHERE ..", and its parameters; their count. */
static size_t
put_where(struct psm__buf *b, const struct query *q, const char **params)
{
	const char *word = " WHERE ", *at;
	size_t count = 0;

	psm__buf_puts(b, " FROM " PSM__SEARCHES " s");
	for (size_t i = 0; i < FILTERS; i++) {
		if (q->value[i] == NULL)
			continue;
		params[count++] = q->value[i];
		at = strstr(filters[i].condition, "%zu");
		psm__buf_puts(b, word);
		psm__buf_put(b, filters[i].condition,
		             (size_t)(at - filters[i].condition));
		psm__buf_printf(b, "%zu%s", count, at + 3);
		word = " AND ";
	}
	return count;
}

static int
read_page(psm_tx *tx, const struct query *q, psm_rows **rows, int64_t *total,
          psm_error *err)
{
	struct psm__number limit, offset;
	const char *params[FILTERS + 2];
	struct psm__buf where = {0}, page = {0};
	size_t count = put_where(&where, q, params);
	int rc;

	psm__buf_printf(&page, "SELECT count(*)%s",
	                where.failed ? "" : where.data);
	rc = where.failed || page.failed
	         ? psm__nomem(err)
	         : psm__app_ask(tx, page.data, count, params, total, err);
	params[count] = psm__number(&limit, q->limit);
	params[count + 1] = psm__number(&offset, (q->page - 1) * q->limit);
	psm__buf_reset(&page);
	psm__buf_printf(
	    &page,
	    "SELECT s.id, s.patient_id, coalesce(nullif(concat_ws(' ', p.vorname, "
	    "p.nachname), ''), 'Unknown'), s.status, s.created_at, s.updated_at, " OPEN
	    ", " ALL ", CASE jsonb_typeof(s.ausgeschlossene_therapeuten) "
	    "WHEN 'array' THEN "
	    "jsonb_array_length(s.ausgeschlossene_therapeuten) ELSE 0 END, "
	    "p.offen_fuer_gruppentherapie FROM (SELECT s.*%s "
	    "ORDER BY s.created_at DESC, s.id DESC LIMIT $%zu::bigint "
	    "OFFSET $%zu::bigint) s "
	    "LEFT JOIN matching_service.patienten_kopie p "
	    "ON p.id = s.patient_id ORDER BY s.created_at DESC, s.id DESC",
	    where.failed ? "" : where.data, count + 1, count + 2);
	if (rc == 0)
		rc = page.failed ? psm__nomem(err)
		                 : psm_tx_exec(tx, page.data, count + 2, params,
		                               rows, err);
	psm__buf_free(&page);
	psm__buf_free(&where);
	return rc;
}

static int
list(psm_tx *tx, const struct query *q, char **out, psm_error *err)
{
	static const struct psm__show_column columns[] = {
	    {"id", PSM__SHOW_NUMBER},
	    {"patient_id", PSM__SHOW_NUMBER},
	    {"patienten_name", PSM__SHOW_TEXT},
	    {"status", PSM__SHOW_TEXT},
	    {"created_at", PSM__SHOW_TIME},
	    {"updated_at", PSM__SHOW_TIME},
	    {"aktive_anfragen", PSM__SHOW_NUMBER},
	    {"gesamt_anfragen", PSM__SHOW_NUMBER},
	    {"ausgeschlossene_therapeuten_anzahl", PSM__SHOW_NUMBER},
	    {"offen_fuer_gruppentherapie", PSM__SHOW_BOOLEAN},
	};
	psm_json_writer *w = psm_json_writer_new();
	psm_rows *rows = NULL;
	int64_t total = 0;
	int rc = read_page(tx, q, &rows, &total, err);

	psm_json_write_object(w);
	psm_json_write_key(w, "data");
	psm__show_rows(w, columns, PSM__COUNT(columns), rows);
	psm__list_page(w, q->page, q->limit, total);
	psm_json_write_end(w);
	psm_rows_free(rows);
	return psm__json_take(w, rc, out, err);
}

int
psm_search_list(psm_store *store, const char *query, char **out, psm_error *err)
{
	struct query q;
	psm_tx *tx;
	int rc = psm__own_begin_out(store, &tx, out, err);

	if (rc == 0)
		rc = read_query(&q, query, err);
	if (rc == 0)
		rc = list(tx, &q, out, err);
	return psm__own_end(tx, rc, out, err);
}

/* -- those that could not be opened */

static int
write_incomplete(psm_json_writer *w, const psm_rows *rows, psm_error *err)
{
	const char *names;
	psm_json *doc;
	int rc = 0;

	psm_json_write_array(w);
	for (size_t i = 0; rc == 0 && i < psm_rows_count(rows); i++) {
		psm_json_write_object(w);
		psm__show_value(w, "patient_id", PSM__SHOW_NUMBER, rows, i, 0);
		names = psm_rows_text(rows, i, 1);
		rc = psm_json_parse(names, strlen(names), &doc, err);
		psm_json_write_key(w, "missing");
		if (rc == 0)
			psm_json_write_value(w, doc);
		psm_json_free(doc);
		psm__show_value(w, "since", PSM__SHOW_TIME, rows, i, 2);
		psm__show_value(w, "last", PSM__SHOW_TIME, rows, i, 3);
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
	return rc;
}

static int
incomplete(psm_tx *tx, char **out, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(
	    tx,
	    "SELECT patient_id, to_json(fehlt), seit AT TIME ZONE 'UTC', "
	    "zuletzt AT TIME ZONE 'UTC', count(*) OVER () "
	    "FROM matching_service.suche_unvollstaendig "
	    "ORDER BY seit, patient_id LIMIT 1000",
	    0, NULL, &rows, err);

	psm_json_write_object(w);
	psm_json_write_key(w, "data");
	if (rc == 0)
		rc = write_incomplete(w, rows, err);
	psm_json_write_key(w, "total");
	psm_json_write_int(w, rc == 0 && psm_rows_count(rows) > 0
	                          ? psm_rows_int(rows, 0, 4)
	                          : 0);
	psm_json_write_end(w);
	psm_rows_free(rows);
	return psm__json_take(w, rc, out, err);
}

int
psm_search_incomplete(psm_store *store, char **out, psm_error *err)
{
	psm_tx *tx;
	int rc = psm__own_begin_out(store, &tx, out, err);

	if (rc == 0)
		rc = incomplete(tx, out, err);
	return psm__own_end(tx, rc, out, err);
}
