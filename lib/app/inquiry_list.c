/* SPDX-License-Identifier: BSD-2-Clause */
/* Inquiries as they are shown: one with all that belongs to it, and lists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/inquiry.h"
#include "app/own_tx.h"
#include "app/show.h"
#include "store/store.h"

#define LIMIT_MAX 1000
#define INQUIRY "matching_service.therapeutenanfrage"
#define MATCH "matching_service.therapeut_anfrage_patient"

/* What the statements know of inquiry a: $1 is now in microseconds, $2 after
 * how many full days somebody follows up. Full days are days of the calendar in
 * Berlin, as for the calls. */
#define NOW                                                                    \
	"((timestamptz 'epoch' + $1::bigint * interval '1 microsecond') "      \
	"AT TIME ZONE 'Europe/Berlin')"
#define SENT_HERE                                                              \
	"(a.gesendet_datum AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin')"
#define DAYS                                                                   \
	"CASE WHEN a.gesendet_datum IS NOT NULL THEN greatest(extract(day "    \
	"FROM " NOW " - " SENT_HERE "), 0)::integer END"
#define WAITS                                                                  \
	"(a.gesendet_datum IS NOT NULL AND a.antwort_datum IS NULL AND "       \
	"a.storniert_datum IS NULL)"
#define FOLLOW_UP                                                              \
	"coalesce(" WAITS " AND " SENT_HERE " < " NOW                          \
	" - $2::integer * interval '1 day', false)"
#define COMPLETE                                                               \
	"NOT EXISTS (SELECT FROM " MATCH                                       \
	" m WHERE m.therapeutenanfrage_id = a.id AND m.antwortergebnis IS "    \
	"NULL)"
#define NAME                                                                   \
	"coalesce(nullif(concat_ws(' ', nullif(t.titel, ''), t.vorname, "      \
	"t.nachname), ''), 'Unknown')"

/* The first two parameters of each statement. */
struct terms {
	struct psm__number now, days;
};

static void
put_terms(psm_tx *tx, struct terms *t, const char **params)
{
	params[0] = psm__number(&t->now, psm_now_us());
	params[1] =
	    psm__number(&t->days, psm_config_int(psm__tx_config(tx),
	                                         "FOLLOW_UP_THRESHOLD_DAYS"));
}

/* -- one inquiry */

static int
write_patients(psm_json_writer *w, psm_tx *tx, const char *id, psm_error *err)
{
	static const struct psm__show_column columns[] = {
	    {"position", PSM__SHOW_NUMBER},
	    {"patient_id", PSM__SHOW_NUMBER},
	    {"platzsuche_id", PSM__SHOW_NUMBER},
	    {"search_created_at", PSM__SHOW_TIME},
	    {"wartezeit_tage", PSM__SHOW_NUMBER},
	    {"status", PSM__SHOW_TEXT},
	    {"antwortergebnis", PSM__SHOW_TEXT},
	    {"antwortnotizen", PSM__SHOW_TEXT},
	    {"konflikt", PSM__SHOW_BOOLEAN},
	};
	struct psm__number now;
	const char *params[2] = {psm__number(&now, psm_now_us()), id};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(
	    tx,
	    "SELECT m.position_in_anfrage, m.patient_id, m.platzsuche_id, "
	    "s.created_at, greatest(extract(day FROM " NOW
	    " - (s.created_at AT TIME ZONE 'UTC' AT TIME ZONE "
	    "'Europe/Berlin')), 0)::integer, m.status, m.antwortergebnis, "
	    "m.antwortnotizen, m.konflikt FROM " MATCH
	    " m LEFT JOIN matching_service.platzsuche s ON s.id = "
	    "m.platzsuche_id WHERE m.therapeutenanfrage_id = $2::integer "
	    "ORDER BY m.position_in_anfrage, m.id",
	    2, params, &rows, err);

	psm_json_write_key(w, "patients");
	psm_json_write_array(w);
	for (size_t i = 0; rc >= 0 && i < psm_rows_count(rows); i++) {
		psm_json_write_object(w);
		psm__show_row(w, columns, PSM__COUNT(columns), rows, i);
		rc = psm__show_person(w, tx, "patient", &psm__entity_patient,
		                      psm_rows_int(rows, i, 1), err);
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
	psm_rows_free(rows);
	return rc < 0 ? rc : 0;
}

/* What is not in the row, but follows from it. */
static int
write_state(psm_json_writer *w, psm_tx *tx, const char *id, psm_error *err)
{
	static const struct psm__show_column columns[] = {
	    {"therapeuten_name", PSM__SHOW_TEXT},
	    {"tage_seit_versand", PSM__SHOW_NUMBER},
	    {"nachverfolgung_erforderlich", PSM__SHOW_BOOLEAN},
	};
	static const struct psm__show_column counts[] = {
	    {"total_accepted", PSM__SHOW_NUMBER},
	    {"total_rejected", PSM__SHOW_NUMBER},
	    {"total_no_response", PSM__SHOW_NUMBER},
	    {"antwort_vollstaendig", PSM__SHOW_BOOLEAN},
	};
	const char *params[3] = {NULL, NULL, id};
	struct terms terms;
	psm_rows *rows = NULL;
	int rc;

	put_terms(tx, &terms, params);
	rc = psm_tx_exec(tx,
	                 "SELECT " NAME ", " DAYS ", " FOLLOW_UP
	                 ", a.angenommen_anzahl, a.abgelehnt_anzahl, "
	                 "a.keine_antwort_anzahl, " COMPLETE " FROM " INQUIRY
	                 " a LEFT JOIN matching_service.therapeuten_kopie t "
	                 "ON t.id = a.therapist_id WHERE a.id = $3::integer",
	                 3, params, &rows, err);
	if (rc == 0 && psm_rows_count(rows) > 0) {
		psm__show_row(w, columns, PSM__COUNT(columns), rows, 0);
		psm_json_write_key(w, "antwort_zusammenfassung");
		psm_json_write_object(w);
		for (size_t k = 0; k < PSM__COUNT(counts); k++)
			psm__show_value(w, counts[k].name, counts[k].kind, rows,
			                0, PSM__COUNT(columns) + k);
		psm_json_write_end(w);
	}
	psm_rows_free(rows);
	return rc;
}

static int
write_rest(psm_json_writer *w, psm_tx *tx, const char *id, psm_error *err)
{
	int rc = write_state(w, tx, id, err);

	return rc == 0 ? write_patients(w, tx, id, err) : rc;
}

int
psm_inquiry_get(psm_store *store, int64_t id, char **out, int64_t *version,
                psm_error *err)
{
	static const struct psm__shown what = {
	    &psm__entity_inquiry, "therapist", &psm__entity_therapist,
	    PSM__INQUIRY_THERAPIST_ID, write_rest};

	return psm__show_get(store, &what, id, out, version, err);
}

/* -- lists */

/* A condition of a filter: of its value, or of one word of two. */
enum type { NUMBER, WORD, FLAG };
static const struct filter {
	const char *name;
	enum type type;
	const char *condition; /* "%zu": the parameter's number */
	const char *words[2];
	const char *of_word[2];
} filters[] = {
    {"therapist_id", NUMBER, "a.therapist_id = $%zu::bigint", {NULL}, {NULL}},
    {"min_size", NUMBER, "a.anfragegroesse >= $%zu::bigint", {NULL}, {NULL}},
    {"max_size", NUMBER, "a.anfragegroesse <= $%zu::bigint", {NULL}, {NULL}},
    {"anfragegroesse",
     NUMBER,
     "a.anfragegroesse = $%zu::bigint",
     {NULL},
     {NULL}},
    {"antworttyp", WORD, "a.antworttyp::text = $%zu", {NULL}, {NULL}},
    {"strategie", WORD, "a.strategie = $%zu", {NULL}, {NULL}},
    {"versand_status",
     WORD,
     NULL,
     {"gesendet", "ungesendet"},
     {"a.gesendet_datum IS NOT NULL",
      "(a.gesendet_datum IS NULL AND a.storniert_datum IS NULL)"}},
    {"antwort_status",
     WORD,
     NULL,
     {"beantwortet", "ausstehend"},
     {"a.antwort_datum IS NOT NULL", WAITS}},
    {"nachverfolgung_erforderlich",
     FLAG,
     NULL,
     {"true", "false"},
     {FOLLOW_UP, "NOT " FOLLOW_UP}},
};

#define PARAMS (PSM__COUNT(filters) + 4)

struct query {
	int64_t page, limit;
	struct terms terms;
	struct psm__number number[PSM__COUNT(filters)], rows, before;
	struct psm__buf where;
	const char *params[PARAMS];
	size_t count;
};

static int
refuse(const char *name, const char *want, psm_error *err)
{
	char pointer[64];

	(void)snprintf(pointer, sizeof(pointer), "/%s", name);
	(void)psm__fail(err, PSM_ERR_SCHEMA, "list of inquiries: %s: want %s",
	                name, want);
	psm__error_fault(err, pointer, "want %s", want);
	return PSM_ERR_SCHEMA;
}

/* A whole number, or the text of one. */
static int
read_number(const psm_json *v, int64_t *n)
{
	const char *text = psm_json_string(v);
	char *end;

	if (text == NULL)
		return psm_json_kind(v) == PSM_JSON_NUMBER &&
		       psm_json_get_int(v, n, NULL) == 0;
	*n = strtoll(text, &end, 10);
	return end != text && *end == '\0';
}

static void
add_condition(struct query *q, const char *condition, const char *value)
{
	const char *at = strstr(condition, "%zu");

	psm__buf_puts(&q->where, q->where.len > 0 ? " AND " : " WHERE ");
	if (at == NULL) {
		psm__buf_puts(&q->where, condition);
		return;
	}
	q->params[q->count++] = value;
	psm__buf_put(&q->where, condition, (size_t)(at - condition));
	psm__buf_printf(&q->where, "%zu%s", q->count, at + 3);
}

static int
add_word(struct query *q, const struct filter *f, const char *word,
         psm_error *err)
{
	char want[80];

	if (word != NULL && f->condition != NULL) {
		add_condition(q, f->condition, word);
		return 0;
	}
	for (size_t i = 0; word != NULL && i < 2; i++) {
		if (strcmp(word, f->words[i]) == 0) {
			add_condition(q, f->of_word[i], NULL);
			return 0;
		}
	}
	(void)snprintf(
	    want, sizeof(want), "%s%s%s", f->condition ? "text" : f->words[0],
	    f->condition ? "" : " or ", f->condition ? "" : f->words[1]);
	return refuse(f->name, want, err);
}

static int
add_filter(struct query *q, const struct filter *f, const psm_json *v,
           psm_error *err)
{
	const size_t i = (size_t)(f - filters);
	const char *word = psm_json_string(v);
	int64_t n = 0;
	int flag;

	if (f->type == NUMBER) {
		if (!read_number(v, &n))
			return refuse(f->name, "a whole number", err);
		add_condition(q, f->condition, psm__number(&q->number[i], n));
		return 0;
	}
	if (f->type == FLAG && psm_json_get_bool(v, &flag, NULL) == 0)
		word = flag ? "true" : "false";
	return add_word(q, f, word, err);
}

static int
read_member(struct query *q, const char *name, const psm_json *v,
            psm_error *err)
{
	int64_t n = 0;

	if (psm_json_kind(v) == PSM_JSON_NULL)
		return 0;
	if (strcmp(name, "page") == 0 || strcmp(name, "limit") == 0) {
		int is_page = name[0] == 'p';

		if (!read_number(v, &n) || n < 1 ||
		    n > (is_page ? INT32_MAX : LIMIT_MAX))
			return refuse(name,
			              is_page ? "a page from 1"
			                      : "a limit of 1 to 1000",
			              err);
		*(is_page ? &q->page : &q->limit) = n;
		return 0;
	}
	for (size_t i = 0; i < PSM__COUNT(filters); i++)
		if (strcmp(name, filters[i].name) == 0)
			return add_filter(q, &filters[i], v, err);
	return refuse(name, "a filter that lists of it have", err);
}

static int
read_query(struct query *q, const char *json, psm_error *err)
{
	psm_json *doc = NULL;
	int rc, one;

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

/* The page, the newest first, and the count of all. The last column counts what
 * waits for an answer. */
static int
read_page(psm_tx *tx, struct query *q, psm_rows **rows, int64_t *total,
          psm_error *err)
{
	const char *where = q->where.data != NULL ? q->where.data : "";
	struct psm__buf sql = {0};
	int rc;

	/* Each parameter has to be there in each statement. */
	psm__buf_printf(&sql,
	                "SELECT count(*) FROM (SELECT $1::bigint, "
	                "$2::integer) given, " INQUIRY " a%s",
	                where);
	rc = sql.failed || q->where.failed
	         ? psm__nomem(err)
	         : psm__app_ask(tx, sql.data, q->count, q->params, total, err);
	q->params[q->count] = psm__number(&q->rows, q->limit);
	q->params[q->count + 1] =
	    psm__number(&q->before, (q->page - 1) * q->limit);
	psm__buf_reset(&sql);
	psm__buf_printf(
	    &sql,
	    "SELECT a.id, a.therapist_id, " NAME
	    ", a.erstellt_datum, a.gesendet_datum, a.antwort_datum, " DAYS
	    ", a.antworttyp, a.anfragegroesse, a.angenommen_anzahl, "
	    "a.abgelehnt_anzahl, a.keine_antwort_anzahl, " FOLLOW_UP
	    ", " COMPLETE ", a.storniert_datum, a.strategie, " WAITS
	    " FROM (SELECT a.* FROM " INQUIRY
	    " a%s ORDER BY a.id DESC LIMIT $%zu::bigint OFFSET $%zu::bigint) a "
	    "LEFT JOIN matching_service.therapeuten_kopie t ON t.id = "
	    "a.therapist_id ORDER BY a.id DESC",
	    where, q->count + 1, q->count + 2);
	if (rc == 0)
		rc = sql.failed ? psm__nomem(err)
		                : psm_tx_exec(tx, sql.data, q->count + 2,
		                              q->params, rows, err);
	psm__buf_free(&sql);
	return rc;
}

static const struct psm__show_column items[] = {
    {"id", PSM__SHOW_NUMBER},
    {"therapist_id", PSM__SHOW_NUMBER},
    {"therapeuten_name", PSM__SHOW_TEXT},
    {"erstellt_datum", PSM__SHOW_TIME},
    {"gesendet_datum", PSM__SHOW_TIME},
    {"antwort_datum", PSM__SHOW_TIME},
    {"tage_seit_versand", PSM__SHOW_NUMBER},
    {"antworttyp", PSM__SHOW_TEXT},
    {"anfragegroesse", PSM__SHOW_NUMBER},
    {"angenommen_anzahl", PSM__SHOW_NUMBER},
    {"abgelehnt_anzahl", PSM__SHOW_NUMBER},
    {"keine_antwort_anzahl", PSM__SHOW_NUMBER},
    {"nachverfolgung_erforderlich", PSM__SHOW_BOOLEAN},
    {"antwort_vollstaendig", PSM__SHOW_BOOLEAN},
    {"storniert_datum", PSM__SHOW_TIME},
    {"strategie", PSM__SHOW_TEXT},
};

static int64_t
count_true(const psm_rows *rows, size_t column)
{
	int64_t count = 0;

	for (size_t i = 0; i < psm_rows_count(rows); i++)
		count += psm_rows_int(rows, i, column) == 1;
	return count;
}

/* Of the page. */
static void
write_summary(psm_json_writer *w, const psm_rows *rows)
{
	int64_t unsent = 0;

	for (size_t i = 0; i < psm_rows_count(rows); i++)
		unsent += psm_rows_text(rows, i, 4) == NULL &&
		          psm_rows_text(rows, i, 14) == NULL;
	psm_json_write_key(w, "summary");
	psm_json_write_object(w);
	psm_json_write_key(w, "total_anfragen");
	psm_json_write_int(w, (int64_t)psm_rows_count(rows));
	psm_json_write_key(w, "unsent_anfragen");
	psm_json_write_int(w, unsent);
	psm_json_write_key(w, "pending_responses");
	psm_json_write_int(w, count_true(rows, PSM__COUNT(items)));
	psm_json_write_key(w, "needing_follow_up");
	psm_json_write_int(w, count_true(rows, 12));
	psm_json_write_end(w);
}

static int
list(psm_tx *tx, struct query *q, char **out, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	psm_rows *rows = NULL;
	int64_t total = 0;
	int rc = read_page(tx, q, &rows, &total, err);

	psm_json_write_object(w);
	psm_json_write_key(w, "data");
	psm__show_rows(w, items, PSM__COUNT(items), rows);
	psm__list_page(w, q->page, q->limit, total);
	write_summary(w, rows);
	psm_json_write_end(w);
	psm_rows_free(rows);
	return psm__json_take(w, rc, out, err);
}

int
psm_inquiry_list(psm_store *store, const char *query, char **out,
                 psm_error *err)
{
	struct query q = {.page = 1, .limit = 20, .count = 2};
	psm_tx *tx;
	int rc = psm__own_begin_out(store, &tx, out, err);

	if (rc == 0)
		put_terms(tx, &q.terms, q.params);
	if (rc == 0)
		rc = read_query(&q, query, err);
	if (rc == 0)
		rc = list(tx, &q, out, err);
	psm__buf_free(&q.where);
	return psm__own_end(tx, rc, out, err);
}
