/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/fit_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/change.h"
#include "domain/geo.h"
#include "domain/search_rules.h"
#include "store/store.h"

#define WEEK_US (INT64_C(7) * 24 * 3600 * 1000000)

static void
put_pending_since(struct psm__fit_terms *out, const struct psm__now *now,
                  int64_t weeks)
{
	struct psm__now then;

	psm__now_at(psm__now_us(now) - weeks * WEEK_US, &then);
	(void)snprintf(out->pending_since, sizeof(out->pending_since), "%s",
	               weeks > 0 ? then.timestamp : "-infinity");
}

int
psm__fit_terms(psm_tx *tx, struct psm__fit_terms *out, psm_error *err)
{
	const psm_config *cfg = psm__tx_config(tx);
	struct psm__now now;
	int rc = psm__app_now(tx, &now, err), there;

	memset(out, 0, sizeof(*out));
	there = rc < 0 ? rc : psm__app_has_table(tx, PSM__CENTROIDS, err);
	if (there < 0)
		return there;
	out->digits = (int)psm_config_int(cfg, "PLZ_MATCH_DIGITS");
	out->default_km =
	    (double)psm_config_int(cfg, "DEFAULT_MAX_DISTANCE_KM");
	out->today = psm__fit_day(now.today);
	memcpy(out->day, now.today, sizeof(out->day));
	out->centroids = there;
	put_pending_since(out, &now, psm_config_int(cfg, "PENDING_WEEKS"));
	return 0;
}

static int
put_copy_sql(struct psm__buf *b, const struct psm_entity *e, int lock)
{
	const signed char *column = psm__copy_columns(e);

	psm__buf_puts(b, "SELECT id");
	for (size_t i = 0; column[i] >= 0; i++)
		psm__buf_printf(b, ", %s", e->fields[column[i]].name);
	psm__buf_printf(b,
	                " FROM %s WHERE id = $1::integer AND NOT geloescht%s",
	                e->copy, lock ? " FOR UPDATE" : "");
	return b->failed ? PSM_ERR_NOMEM : 0;
}

static int
take_copy(const psm_rows *rows, const struct psm_entity *e,
          struct psm__row *row, psm_error *err)
{
	const signed char *column = psm__copy_columns(e);
	int rc = psm__row_init(row, e, err);

	if (rc == 0)
		rc = psm__row_set(row, PSM__COLUMN_ID,
		                  psm_rows_text(rows, 0, 0), err);
	for (size_t i = 0; rc == 0 && column[i] >= 0; i++)
		rc = psm__row_set(row, column[i], psm_rows_text(rows, 0, i + 1),
		                  err);
	if (rc < 0)
		psm__row_free(row);
	return rc < 0 ? rc : 1;
}

int
psm__copy_read(psm_tx *tx, const struct psm_entity *e, int64_t id, int lock,
               struct psm__row *row, psm_error *err)
{
	struct psm__number number;
	const char *param = psm__number(&number, id);
	struct psm__buf sql = {0};
	psm_rows *rows = NULL;
	int rc = put_copy_sql(&sql, e, lock);

	memset(row, 0, sizeof(*row));
	if (id < 1 || id > INT32_MAX) {
		psm__buf_free(&sql);
		return 0; /* no row has such a number */
	}
	rc = rc < 0 ? psm__nomem(err)
	            : psm_tx_exec(tx, sql.data, 1, &param, &rows, err);
	if (rc == 0 && psm_rows_count(rows) > 0)
		rc = take_copy(rows, e, row, err);
	psm_rows_free(rows);
	psm__buf_free(&sql);
	return rc;
}

int
psm__fit_km(psm_tx *tx, const struct psm__fit_terms *terms, const char *from,
            const char *to, double *km, psm_error *err)
{
	const char *params[2] = {from, to};
	psm_rows *rows = NULL;
	double place[4];
	int rc;

	*km = -1;
	if (!terms->centroids || from == NULL || to == NULL)
		return 0;
	rc =
	    psm_tx_exec(tx,
	                "SELECT a.latitude, a.longitude, b.latitude, "
	                "b.longitude FROM " PSM__CENTROIDS " a, " PSM__CENTROIDS
	                " b WHERE a.plz = $1 AND b.plz = $2",
	                2, params, &rows, err);
	if (rc == 0 && psm_rows_count(rows) > 0) {
		for (size_t i = 0; i < 4; i++)
			place[i] = strtod(psm_rows_text(rows, 0, i), NULL);
		*km = psm__geo_km(place[0], place[1], place[2], place[3]);
	}
	psm_rows_free(rows);
	return rc;
}

int
psm__fit_same_area(const struct psm__fit_terms *terms, const char *a,
                   const char *b)
{
	size_t digits = (size_t)terms->digits;

	return a != NULL && b != NULL && strlen(a) >= digits &&
	       strncmp(a, b, digits) == 0;
}

int
psm__fit_rows(psm_tx *tx, const struct psm__fit_terms *terms,
              const char *exclusions, const struct psm__row *patient,
              const struct psm__row *therapist, struct psm__fit_result *out,
              double *km, psm_error *err)
{
	const char *home = psm__row_get(patient, PSM__PATIENT_PLZ);
	const char *practice = psm__row_get(therapist, PSM__THERAPIST_PLZ);
	struct psm__fit_patient p;
	struct psm__fit_therapist t;
	int32_t *excluded = NULL;
	double distance;
	int rc = psm__fit_km(tx, terms, home, practice, &distance, err);

	if (rc == 0)
		rc = psm__fit_patient_row(
		    patient, exclusions, terms->default_km, &p, &excluded, err);
	if (rc == 0) {
		psm__fit_therapist_row(therapist, &t);
		(void)psm__fit(&p, &t, distance, terms->today, out);
		if (!psm__fit_same_area(terms, home, practice))
			out->failed |= 1u << PSM__FIT_AREA;
	}
	if (km != NULL)
		*km = distance;
	psm__free(excluded);
	return rc;
}

static void
write_bits(psm_json_writer *w, unsigned bits, int count,
           const char *(*name)(int), const char *(*text)(int))
{
	psm_json_write_array(w);
	for (int i = 0; i < count; i++) {
		if ((bits & 1u << i) == 0)
			continue;
		psm_json_write_object(w);
		psm_json_write_key(w, "reason");
		psm_json_write_string(w, name(i));
		psm_json_write_key(w, "text");
		psm_json_write_string(w, text(i));
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
}

void
psm__fit_write(psm_json_writer *w, const struct psm__fit_result *r)
{
	psm_json_write_key(w, "failed");
	write_bits(w, r->failed, PSM__FIT_REASONS, psm__fit_reason_name,
	           psm__fit_reason_text);
	psm_json_write_key(w, "cannot_tell");
	write_bits(w, r->doubts, PSM__FIT_DOUBTS, psm__fit_doubt_name,
	           psm__fit_doubt_text);
}

void
psm__fit_put_failed(struct psm__buf *b, const struct psm__fit_result *r)
{
	const char *between = "does not fit any more: ";

	for (int i = 0; i < PSM__FIT_REASONS; i++) {
		if ((r->failed & 1u << i) == 0)
			continue;
		psm__buf_printf(b, "%s%s", between, psm__fit_reason_text(i));
		between = "; ";
	}
}

void
psm__fit_count(unsigned bits, int64_t *counts, int count)
{
	for (int i = 0; i < count; i++)
		counts[i] += (bits >> i) & 1u;
}

void
psm__fit_write_counts(psm_json_writer *w, const char *key,
                      const int64_t *counts, int count,
                      const char *(*name)(int))
{
	psm_json_write_key(w, key);
	psm_json_write_object(w);
	for (int i = 0; i < count; i++) {
		if (counts[i] == 0)
			continue;
		psm_json_write_key(w, name(i));
		psm_json_write_int(w, counts[i]);
	}
	psm_json_write_end(w);
}
