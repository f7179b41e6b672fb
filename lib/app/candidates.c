/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/candidates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/change.h"
#include "domain/geo.h"

#define PAGE 500

int
psm__area_end(const struct psm__fit_terms *terms, const char *prefix,
              char end[8], psm_error *err)
{
	size_t digits = (size_t)terms->digits;

	end[0] = '\0';
	if (!psm__is_digits(prefix, digits)) {
		(void)psm__fail(err, PSM_ERR_SCHEMA,
		                "plz_prefix: want %zu digit%s", digits,
		                PSM__NOUN_S(digits));
		psm__error_fault(err, "/plz_prefix", "want %zu digit%s", digits,
		                 PSM__NOUN_S(digits));
		return PSM_ERR_SCHEMA;
	}
	(void)snprintf(end, 8, "%s", prefix);
	end[digits - 1]++; /* behind "9" comes ":" */
	return 0;
}

int
psm__therapist_state(psm_tx *tx, const struct psm__fit_terms *terms,
                     const struct psm__row *therapist, unsigned *reasons,
                     psm_error *err)
{
	const char *next =
	    psm__row_get(therapist, PSM__THERAPIST_NAECHSTER_KONTAKT_MOEGLICH);
	const char *params[2] = {psm__row_get(therapist, PSM__COLUMN_ID),
	                         terms->pending_since};
	int64_t pending = 0;
	int rc = psm__app_ask(tx,
	                      "SELECT (EXISTS (SELECT FROM " PSM__PENDING(
				  "$1::integer", "$2::timestamp") "))::integer",
	                      2, params, &pending, err);

	*reasons = 0;
	if (psm__row_state(therapist) != PSM_THERAPIST_AKTIV)
		*reasons |= 1u << PSM__FIT_THERAPIST_STATUS;
	if (next != NULL && strcmp(next, terms->day) > 0)
		*reasons |= 1u << PSM__FIT_COOLING;
	if (pending)
		*reasons |= 1u << PSM__FIT_PENDING;
	return rc;
}

/* -- the searches of an area */

enum column {
	SEARCH,
	PATIENT,
	CREATED,
	EXCLUDED,
	ASKED,
	LATITUDE,
	LONGITUDE,
	WISHES /* the first of them */
};
/* What the constraints read of a patient. */
static const int wishes[] = {
    PSM__PATIENT_GESCHLECHT,
    PSM__PATIENT_GEBURTSDATUM,
    PSM__PATIENT_RAEUMLICHE_VERFUEGBARKEIT,
    PSM__PATIENT_OFFEN_FUER_GRUPPENTHERAPIE,
    PSM__PATIENT_BEVORZUGTES_THERAPEUTENGESCHLECHT,
    PSM__PATIENT_BEVORZUGTES_THERAPIEVERFAHREN,
};

/*
 * By the index over two digits, the age and the number: the area's oldest come
 * without looking at others, and a page begins where the last one ended. Fewer
 * digits, which nobody sets, find the same with more work. OFFSET 0 keeps the
 * planner from reading whole tables for the rows of a page. A patient whose
 * copy is erased has no postal code, and no row here.
 */
char *
psm__candidates_sql(const struct psm__fit_terms *terms)
{
	struct psm__buf b = {0};

	psm__buf_puts(&b, "SELECT a.search_id, a.patient_id, a.created_at, "
	                  "s.ausgeschlossene_therapeuten, "
	                  "(a.patient_id = ANY(" PSM__ASKED_PATIENTS(
			      "$5::integer") "))::integer");
	psm__buf_puts(&b, terms->centroids ? ", g.latitude, g.longitude"
	                                   : ", NULL, NULL");
	for (size_t i = 0; i < PSM__COUNT(wishes); i++)
		psm__buf_printf(&b, ", p.%s",
		                psm__entity_patient.fields[wishes[i]].name);
	psm__buf_printf(&b,
	                " FROM (SELECT * FROM matching_service.aktive_suchen a "
	                "WHERE %sleft(a.plz, length($1)) = $1 "
	                "AND (a.created_at, a.search_id) > "
	                "($2::timestamp, $3::integer) "
	                "ORDER BY a.created_at, a.search_id "
	                "LIMIT $4::integer) a, ",
	                terms->digits >= 2 ? "left(a.plz, 2) = left($1, 2) AND "
	                                   : "");
	psm__buf_puts(&b, "LATERAL (SELECT s.ausgeschlossene_therapeuten "
	                  "FROM matching_service.platzsuche s "
	                  "WHERE s.id = a.search_id OFFSET 0) s, "
	                  "LATERAL (SELECT * FROM "
	                  "matching_service.patienten_kopie p "
	                  "WHERE p.id = a.patient_id OFFSET 0) p");
	if (terms->centroids)
		psm__buf_puts(&b, " LEFT JOIN LATERAL (SELECT * FROM "
		                  "" PSM__CENTROIDS
		                  " g WHERE g.plz = p.plz OFFSET 0) g "
		                  "ON true");
	psm__buf_puts(&b, " ORDER BY a.created_at, a.search_id");
	return psm__buf_take(&b, NULL);
}

struct scan {
	psm_tx *tx;
	const struct psm__fit_terms *terms;
	const struct psm__row *therapist;
	struct psm__fit_therapist fit;
	double place[2]; /* of the practice */
	int has_place;
	struct psm__row patient; /* its wishes are set for each */
	psm_error *err;
};

static int
find_place(struct scan *s)
{
	const char *plz = psm__row_get(s->therapist, PSM__THERAPIST_PLZ);
	psm_rows *rows = NULL;
	int rc = 0;

	if (!s->terms->centroids || plz == NULL)
		return 0;
	rc = psm_tx_exec(s->tx,
	                 "SELECT latitude, longitude FROM " PSM__CENTROIDS
	                 " WHERE plz = $1",
	                 1, &plz, &rows, s->err);
	s->has_place = rc == 0 && psm_rows_count(rows) > 0;
	for (size_t i = 0; i < 2 && s->has_place; i++)
		s->place[i] = strtod(psm_rows_text(rows, 0, i), NULL);
	psm_rows_free(rows);
	return rc;
}

static double
distance_of(const struct scan *s, const psm_rows *rows, size_t i)
{
	const char *latitude = psm_rows_text(rows, i, LATITUDE);
	const char *longitude = psm_rows_text(rows, i, LONGITUDE);

	if (!s->has_place || latitude == NULL || longitude == NULL)
		return -1;
	return psm__geo_km(strtod(latitude, NULL), strtod(longitude, NULL),
	                   s->place[0], s->place[1]);
}

static int
look_at(struct scan *s, const psm_rows *rows, size_t i,
        struct psm__candidate *out)
{
	struct psm__fit_patient p;
	int32_t *excluded = NULL;
	int rc = 0;

	for (size_t n = 0; n < PSM__COUNT(wishes) && rc == 0; n++)
		rc = psm__row_set(&s->patient, wishes[n],
		                  psm_rows_text(rows, i, WISHES + n), s->err);
	if (rc == 0)
		rc = psm__fit_patient_row(
		    &s->patient, psm_rows_text(rows, i, EXCLUDED),
		    s->terms->default_km, &p, &excluded, s->err);
	if (rc == 0) {
		out->search_id = psm_rows_int(rows, i, SEARCH);
		out->patient_id = psm_rows_int(rows, i, PATIENT);
		out->created_at = psm_rows_text(rows, i, CREATED);
		out->km = distance_of(s, rows, i);
		(void)psm__fit(&p, &s->fit, out->km, s->terms->today,
		               &out->result);
		if (psm_rows_int(rows, i, ASKED))
			out->result.failed |= 1u << PSM__FIT_IN_INQUIRY;
	}
	psm__free(excluded);
	return rc;
}

static int
each_page(struct scan *s, const char *sql, const char *prefix,
          psm__candidate_fn *tell, void *user)
{
	struct psm__number page, last = {"0"};
	char time[32] = "-infinity";
	const char *params[5] = {prefix, time, last.text,
	                         psm__number(&page, PAGE),
	                         psm__row_get(s->therapist, PSM__COLUMN_ID)};
	struct psm__candidate c = {.search_id = 0};
	psm_rows *rows;
	size_t found = PAGE;
	int rc = 0;

	while (rc == 0 && found == PAGE) {
		rows = NULL;
		rc = psm_tx_exec(s->tx, sql, 5, params, &rows, s->err);
		found = rc == 0 ? psm_rows_count(rows) : 0;
		for (size_t i = 0; i < found && rc == 0; i++) {
			rc = look_at(s, rows, i, &c);
			if (rc == 0)
				rc = tell(&c, user);
		}
		if (rc == 0 && found > 0) {
			(void)snprintf(time, sizeof(time), "%s", c.created_at);
			(void)psm__number(&last, c.search_id);
		}
		psm_rows_free(rows);
	}
	return rc < 0 ? rc : 0;
}

int
psm__candidates_each(psm_tx *tx, const struct psm__fit_terms *terms,
                     const struct psm__row *therapist, const char *prefix,
                     psm__candidate_fn *tell, void *user, psm_error *err)
{
	struct scan s = {
	    .tx = tx, .terms = terms, .therapist = therapist, .err = err};
	char *sql = psm__candidates_sql(terms);
	int rc = sql == NULL
	             ? psm__nomem(err)
	             : psm__row_init(&s.patient, &psm__entity_patient, err);

	psm__fit_therapist_row(therapist, &s.fit);
	if (rc == 0)
		rc = find_place(&s);
	if (rc == 0)
		rc = each_page(&s, sql, prefix, tell, user);
	psm__row_free(&s.patient);
	psm__free(sql);
	return rc;
}
