/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The therapists to suggest for a patient: found when they are asked for, of
 * the area and by the rules that inquiries are made by. A list that was made
 * when the patient came would be wrong after the next change of a therapist.
 */
#include <psymatch/suggestion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/candidates.h"
#include "app/own_tx.h"
#include "app/workload.h"
#include "domain/geo.h"
#include "domain/selection.h"
#include "json/json.h"

/* What is read of a therapist; the first ones are shown. */
static const signed char columns[] = {
    PSM__COLUMN_ID,
    PSM__THERAPIST_ANREDE,
    PSM__THERAPIST_TITEL,
    PSM__THERAPIST_VORNAME,
    PSM__THERAPIST_NACHNAME,
    PSM__THERAPIST_STRASSE,
    PSM__THERAPIST_PLZ,
    PSM__THERAPIST_ORT,
    PSM__THERAPIST_TELEFON,
    PSM__THERAPIST_EMAIL,
    PSM__THERAPIST_PSYCHOTHERAPIEVERFAHREN,
    PSM__THERAPIST_POTENZIELL_VERFUEGBAR,
    PSM__THERAPIST_UEBER_CURAVANI_INFORMIERT,
    PSM__THERAPIST_GESCHLECHT,
    PSM__THERAPIST_ALTER_MIN,
    PSM__THERAPIST_ALTER_MAX,
    PSM__THERAPIST_GESCHLECHTSPRAEFERENZ,
    PSM__THERAPIST_BEVORZUGT_GRUPPENTHERAPIE,
};
enum { SHOWN = 13, LATITUDE = PSM__COUNT(columns), LONGITUDE, WORKLOAD };

struct found {
	size_t row;
	int64_t id, waiting;
	int tier;
	double km; /* below 0: nobody knows */
	unsigned doubts;
};

struct search {
	psm_tx *tx;
	struct psm__fit_terms terms;
	struct psm__row patient;
	struct psm__fit_patient fit;
	int32_t *excluded;
	double place[2]; /* of the patient */
	int has_place;
	char prefix[8]; /* the area; "": the patient has none */
	psm_rows *rows;
	struct found *list;
	size_t count;
	psm_error *err;
};

/* -- the patient */

static int
take_patient(struct search *s, const psm_rows *rows)
{
	int rc = psm__row_init(&s->patient, &psm__entity_patient, s->err);
	const char *plz;

	for (size_t i = 0; rc == 0 && psm__suggestion_wishes[i] >= 0; i++)
		rc = psm__row_set(&s->patient, psm__suggestion_wishes[i],
		                  psm_rows_text(rows, 0, i), s->err);
	if (rc < 0)
		return rc;
	plz = psm__row_get(&s->patient, PSM__PATIENT_PLZ);
	(void)snprintf(s->prefix, sizeof(s->prefix), "%.*s", s->terms.digits,
	               plz != NULL ? plz : "");
	if (!psm__is_digits(s->prefix, (size_t)s->terms.digits))
		s->prefix[0] = '\0';
	return psm__fit_patient_row(
	    &s->patient,
	    psm__row_get(&s->patient, PSM__PATIENT_AUSGESCHLOSSENE_THERAPEUTEN),
	    s->terms.default_km, &s->fit, &s->excluded, s->err);
}

static int
read_patient(struct search *s, int64_t id)
{
	struct psm__number number;
	const char *param = psm__number(&number, id);
	struct psm__buf sql = {0};
	psm_rows *rows = NULL;
	int rc;

	psm__buf_puts(&sql, "SELECT ");
	for (size_t i = 0; psm__suggestion_wishes[i] >= 0; i++)
		psm__buf_printf(
		    &sql, "%s%s", i > 0 ? ", " : "",
		    psm__entity_patient.fields[psm__suggestion_wishes[i]].name);
	psm__buf_puts(&sql, " FROM therapist_service.patientenwuensche WHERE "
	                    "patient_id = $1::bigint AND NOT geloescht");
	rc = sql.failed
	         ? psm__nomem(s->err)
	         : psm_tx_exec(s->tx, sql.data, 1, &param, &rows, s->err);
	if (rc == 0 && psm_rows_count(rows) == 0)
		rc = psm__fail(s->err, PSM_ERR_NOT_FOUND,
		               "Patient %lld not found", (long long)id);
	if (rc == 0)
		rc = take_patient(s, rows);
	psm_rows_free(rows);
	psm__buf_free(&sql);
	return rc;
}

static int
find_place(struct search *s)
{
	const char *plz = psm__row_get(&s->patient, PSM__PATIENT_PLZ);
	psm_rows *rows = NULL;
	int rc = 0;

	if (s->terms.centroids && plz != NULL)
		rc = psm_tx_exec(
		    s->tx,
		    "SELECT latitude, longitude FROM " PSM__CENTROIDS
		    " WHERE plz = $1",
		    1, &plz, &rows, s->err);
	s->has_place = psm_rows_count(rows) > 0;
	for (size_t i = 0; i < 2 && s->has_place; i++)
		s->place[i] = strtod(psm_rows_text(rows, 0, i), NULL);
	psm_rows_free(rows);
	return rc;
}

/* -- the therapists of the area */

/* $1 up to $2: the area; $3: today. */
static void
put_sql(struct psm__buf *b, int centroids)
{
	const struct psm_entity_field *fields = psm__entity_therapist.fields;

	psm__buf_puts(b, "SELECT ");
	for (size_t i = 0; i < PSM__COUNT(columns); i++)
		psm__buf_printf(b, "t.%s, ", fields[columns[i]].name);
	psm__buf_printf(b,
	                "%s, " PSM__WORKLOAD_COLUMNS
	                " FROM therapist_service.therapeuten t%s%s",
	                centroids ? "g.latitude, g.longitude" : "NULL, NULL",
	                psm__workload_sql,
	                centroids ? "LEFT JOIN " PSM__CENTROIDS
	                            " g ON g.plz = t.plz "
	                          : "");
	psm__buf_puts(b, "WHERE t.plz ~>=~ $1 AND t.plz ~<~ $2 AND t.status = "
	                 "'aktiv' AND coalesce(t.naechster_kontakt_moeglich <= "
	                 "$3::date, true)");
}

static int
read_therapists(struct search *s)
{
	char end[8];
	const char *params[3] = {s->prefix, end, s->terms.day};
	struct psm__buf sql = {0};
	int rc = psm__area_end(&s->terms, s->prefix, end, s->err);

	put_sql(&sql, s->terms.centroids);
	if (rc == 0)
		rc = sql.failed ? psm__nomem(s->err)
		                : psm_tx_exec(s->tx, sql.data, 3, params,
		                              &s->rows, s->err);
	psm__buf_free(&sql);
	return rc;
}

static double
distance(const struct search *s, size_t i)
{
	const char *latitude = psm_rows_text(s->rows, i, LATITUDE);
	const char *longitude = psm_rows_text(s->rows, i, LONGITUDE);

	if (!s->has_place || latitude == NULL || longitude == NULL)
		return -1;
	return psm__geo_km(s->place[0], s->place[1], strtod(latitude, NULL),
	                   strtod(longitude, NULL));
}

static int
is_true(const struct psm__row *row, int column)
{
	const char *text = psm__row_get(row, column);

	return text != NULL && text[0] == 't';
}

/* 1: fits, and is in *out. */
static int
look_at(struct search *s, size_t i, struct psm__row *row, struct found *out)
{
	struct psm__fit_result result = {0};
	struct psm__fit_therapist fit;
	const char *mail;
	int rc = 0;

	for (size_t n = 0; n < PSM__COUNT(columns) && rc == 0; n++)
		rc = psm__row_set(row, columns[n], psm_rows_text(s->rows, i, n),
		                  s->err);
	if (rc < 0)
		return rc;
	psm__fit_therapist_row(row, &fit);
	out->row = i;
	out->id = psm__row_int(row, PSM__COLUMN_ID);
	out->waiting = psm_rows_int(s->rows, i, WORKLOAD);
	out->km = distance(s, i);
	rc = psm__fit(&s->fit, &fit, out->km, s->terms.today, &result);
	out->doubts = result.doubts;
	mail = psm__row_get(row, PSM__THERAPIST_EMAIL);
	out->tier = psm__selection_tier(
	    is_true(row, PSM__THERAPIST_POTENZIELL_VERFUEGBAR),
	    is_true(row, PSM__THERAPIST_UEBER_CURAVANI_INFORMIERT),
	    mail != NULL && !psm__text_is_blank(mail));
	return rc;
}

/* Who may be available and knows of the platform comes first, then who has the
 * fewest patients waiting, then who is near: a total order. */
static int
compare(const void *left, const void *right)
{
	const struct found *a = left, *b = right;
	double x = a->km < 0 ? 1e9 : a->km, y = b->km < 0 ? 1e9 : b->km;

	if (a->tier != b->tier)
		return a->tier < b->tier ? -1 : 1;
	if (a->waiting != b->waiting)
		return a->waiting < b->waiting ? -1 : 1;
	if (x < y || y < x)
		return x < y ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

static int
find(struct search *s)
{
	struct psm__row row = {0};
	size_t count;
	int rc = find_place(s);

	if (rc == 0)
		rc = read_therapists(s);
	count = psm_rows_count(s->rows);
	if (rc == 0)
		rc = psm__row_init(&row, &psm__entity_therapist, s->err);
	if (rc == 0 &&
	    (s->list = psm__array(count + 1, sizeof(*s->list))) == NULL)
		rc = psm__nomem(s->err);
	for (size_t i = 0; i < count && rc == 0; i++) {
		rc = look_at(s, i, &row, &s->list[s->count]);
		if (rc > 0) {
			s->count++;
			rc = 0;
		}
	}
	psm__row_free(&row);
	if (rc == 0)
		qsort(s->list, s->count, sizeof(*s->list), compare);
	return rc;
}

/* -- the answer */

static void
write_one(psm_json_writer *w, const struct search *s, const struct found *f)
{
	const struct psm_entity_field *fields = psm__entity_therapist.fields;
	struct psm__fit_result result = {.doubts = f->doubts};
	const char *text;

	psm_json_write_object(w);
	psm_json_write_key(w, "therapist_id");
	psm_json_write_int(w, f->id);
	for (size_t i = 1; i < SHOWN; i++) {
		text = psm_rows_text(s->rows, f->row, i);
		psm_json_write_key(w, fields[columns[i]].name);
		if (text == NULL)
			psm_json_write_null(w);
		else if (columns[i] == PSM__THERAPIST_POTENZIELL_VERFUEGBAR ||
		         columns[i] == PSM__THERAPIST_UEBER_CURAVANI_INFORMIERT)
			psm_json_write_bool(w, text[0] == 't');
		else
			psm_json_write_string(w, text);
	}
	psm_json_write_key(w, "tier");
	psm_json_write_int(w, f->tier);
	psm_json_write_key(w, "distance_km");
	if (f->km < 0)
		psm_json_write_null(w);
	else
		psm_json_write_double(w, psm__geo_round(f->km, 2));
	psm__workload_write(w, s->rows, f->row, WORKLOAD);
	psm__fit_write(w, &result);
	psm_json_write_end(w);
}

static int
write_page(const struct search *s, int64_t patient, int page, int limit,
           char **out)
{
	psm_json_writer *w = psm_json_writer_new();
	size_t from = (size_t)(page - 1) * (size_t)limit, i;

	psm_json_write_object(w);
	psm_json_write_key(w, "patient_id");
	psm_json_write_int(w, patient);
	psm_json_write_key(w, "plz_prefix");
	if (s->prefix[0] != '\0')
		psm_json_write_string(w, s->prefix);
	else
		psm_json_write_null(w);
	psm_json_write_key(w, "data");
	psm_json_write_array(w);
	for (i = from; i < s->count && i < from + (size_t)limit; i++)
		write_one(w, s, &s->list[i]);
	psm_json_write_end(w);
	psm__list_page(w, page, limit, (int64_t)s->count);
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, s->err);
}

int
psm_therapist_suggestions(psm_store *store, int64_t patient_id, int page,
                          int limit, char **out, psm_error *err)
{
	struct search s = {.err = err};
	int rc = psm__own_begin_out(store, &s.tx, out, err);

	if (rc == 0 && (page < 1 || limit < 1 || limit > 1000))
		rc = psm__fail(err, PSM_ERR_INVAL,
		               "want a page from 1 on and a limit of 1 to "
		               "1000");
	if (rc == 0)
		rc = psm__fit_terms(s.tx, &s.terms, err);
	if (rc == 0)
		rc = read_patient(&s, patient_id);
	if (rc == 0 && s.prefix[0] != '\0')
		rc = find(&s);
	if (rc == 0)
		rc = write_page(&s, patient_id, page, limit, out);
	psm__free(s.list);
	psm_rows_free(s.rows);
	psm__free(s.excluded);
	psm__row_free(&s.patient);
	return psm__own_end(s.tx, rc, out, err);
}
