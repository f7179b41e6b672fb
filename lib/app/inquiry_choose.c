/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/inquiry_choose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/inquiry.h"
#include "domain/geo.h"
#include "store/store.h"

/* Looked at in one round trip. */
#define PAGE 64

enum column {
	SEARCH,
	KEY, /* that the page is sorted by, as text */
	EXCLUDED,
	PLACES, /* four: latitude and longitude of both */
	PATIENT = PLACES + 4,
	CREATED,
	RECORD /* of the patient's copy */
};

/* -- one page */

/* Which searches belong to a strategy. */
static void
put_share(struct psm__buf *b, const struct psm__choosing *c, int strategy)
{
	if (c->strategies == 1)
		return;
	psm__buf_puts(b, "AND " PSM__STRATEGY_PERCENT("a.search_id"));
	psm__buf_printf(b, " %s %d ", strategy == 1 ? "<" : ">=", c->share);
}

static int
put_page_sql(struct psm__buf *b, const struct psm__choosing *c, int strategy)
{
	const signed char *column = psm__copy_columns(&psm__entity_patient);
	const char *key = c->orders[strategy] == PSM__ORDER_PRIORITY
	                      ? "a.vorrang"
	                      : "a.created_at";

	psm__buf_printf(b,
	                "SELECT a.search_id, %s, "
	                "s.ausgeschlossene_therapeuten, %s, p.id, "
	                "(extract(epoch FROM a.created_at) * 1000000)::bigint",
	                key,
	                c->terms->centroids ? "h.latitude, h.longitude, "
	                                      "t.latitude, t.longitude"
	                                    : "NULL, NULL, NULL, NULL");
	for (size_t i = 0; column[i] >= 0; i++)
		psm__buf_printf(b, ", p.%s",
		                psm__entity_patient.fields[column[i]].name);
	psm__buf_puts(b, " FROM matching_service.aktive_suchen a JOIN "
	                 "matching_service.platzsuche s ON s.id = a.search_id "
	                 "LEFT JOIN matching_service.patienten_kopie p ON "
	                 "p.id = a.patient_id AND NOT p.geloescht");
	if (c->terms->centroids)
		psm__buf_puts(b, " LEFT JOIN " PSM__CENTROIDS
		                 " h ON h.plz = p.plz LEFT JOIN " PSM__CENTROIDS
		                 " t ON t.plz = $6");
	/* As in psm__candidates_sql(). */
	psm__buf_printf(
	    b,
	    " WHERE %sleft(a.plz, length($1)) = $1 AND (%s, a.search_id) > "
	    "($2::timestamp, $3::integer) ",
	    c->terms->digits >= 2 ? "left(a.plz, 2) = left($1, 2) AND " : "",
	    key);
	put_share(b, c, strategy);
	psm__buf_printf(b,
	                "AND a.patient_id <> ALL(" PSM__ASKED_PATIENTS(
			    "$4::integer") ") ORDER BY %s, a.search_id LIMIT "
	                                   "$5::integer",
	                key);
	return b->failed ? psm__nomem(c->err) : 0;
}

static double
distance_of(const psm_rows *rows, size_t i)
{
	double at[4];

	for (size_t n = 0; n < 4; n++) {
		const char *text = psm_rows_text(rows, i, PLACES + n);

		if (text == NULL)
			return -1;
		at[n] = strtod(text, NULL);
	}
	return psm__geo_km(at[0], at[1], at[2], at[3]);
}

static int
read_patient(const psm_rows *rows, size_t i, struct psm__row *row,
             psm_error *err)
{
	const signed char *column = psm__copy_columns(&psm__entity_patient);
	int rc = psm__row_init(row, &psm__entity_patient, err);

	for (size_t n = 0; rc == 0 && column[n] >= 0; n++)
		rc = psm__row_set(row, column[n],
		                  psm_rows_text(rows, i, RECORD + n), err);
	return rc;
}

/* 1: row i is chosen. */
static int
look_at(struct psm__choosing *c, const psm_rows *rows, size_t i)
{
	struct psm__fit_result result = {0};
	struct psm__fit_patient wishes;
	struct psm__row patient = {0};
	int32_t *excluded = NULL;
	int rc = 0;

	c->seen++;
	if (psm_rows_text(rows, i, PATIENT) == NULL) {
		c->reasons[PSM__FIT_PATIENT_UNKNOWN]++;
		return 0;
	}
	rc = read_patient(rows, i, &patient, c->err);
	if (rc == 0)
		rc = psm__fit_patient_row(
		    &patient, psm_rows_text(rows, i, EXCLUDED),
		    c->terms->default_km, &wishes, &excluded, c->err);
	if (rc == 0)
		rc = psm__fit(&wishes, &c->wants, distance_of(rows, i),
		              c->terms->today, &result);
	psm__fit_count(result.failed, c->reasons, PSM__FIT_REASONS);
	if (rc == 1) {
		psm__fit_count(result.doubts, c->doubts, PSM__FIT_DOUBTS);
		c->chosen[c->count++] =
		    (struct psm__chosen){psm_rows_int(rows, i, SEARCH),
		                         psm_rows_int(rows, i, PATIENT),
		                         psm_rows_int(rows, i, CREATED)};
	}
	psm__free(excluded);
	psm__row_free(&patient);
	return rc;
}

/* -- one strategy */

/* Until there are enough, or the area has no more. */
static int
choose_of(struct psm__choosing *c, int strategy)
{
	struct psm__number page, last_id = {"0"};
	const char *params[6] = {c->prefix,
	                         "-infinity",
	                         last_id.text,
	                         c->therapist_id.text,
	                         psm__number(&page, PAGE),
	                         c->plz};
	struct psm__buf sql = {0};
	psm_rows *rows = NULL, *next;
	size_t found = PAGE;
	int rc = put_page_sql(&sql, c, strategy);

	c->order = c->orders[strategy];
	c->count = 0;
	memset(c->doubts, 0, sizeof(c->doubts));
	while (rc >= 0 && found == PAGE && c->count < c->most) {
		next = NULL;
		rc = psm_tx_exec(c->tx, sql.data, c->terms->centroids ? 6 : 5,
		                 params, &next, c->err);
		psm_rows_free(rows);
		rows = next;
		found = rc == 0 ? psm_rows_count(rows) : 0;
		for (size_t i = 0; rc >= 0 && i < found && c->count < c->most;
		     i++)
			rc = look_at(c, rows, i);
		if (found > 0) {
			params[1] = psm_rows_text(rows, found - 1, KEY);
			(void)psm__number(
			    &last_id, psm_rows_int(rows, found - 1, SEARCH));
		}
	}
	psm_rows_free(rows);
	psm__buf_free(&sql);
	return rc < 0 ? rc : 0;
}

/* 1: the first of a comes before that of b. */
static int
is_before(const struct psm__chosen *a, const struct psm__chosen *b)
{
	return a->created_us != b->created_us ? a->created_us < b->created_us
	                                      : a->search_id < b->search_id;
}

/* -- both */

/* As psm_bundle_inquiry() does: the one whose first one was created first, if
 * it is large enough. The winner is chosen last, so that it is what is there. */
static int
choose_between(struct psm__choosing *c)
{
	struct psm__chosen first = {0, 0, 0};
	size_t count;
	int rc = choose_of(c, 0);

	if (rc < 0)
		return rc;
	count = c->count;
	if (count > 0)
		first = c->chosen[0];
	c->seen = 0; /* each counts its own share */
	memset(c->reasons, 0, sizeof(c->reasons));
	rc = choose_of(c, 1);
	if (rc < 0 || count == 0 || count < c->least)
		return rc;
	if (c->count > 0 && c->count >= c->least &&
	    !is_before(&first, &c->chosen[0]))
		return 0;
	c->seen = 0;
	memset(c->reasons, 0, sizeof(c->reasons));
	return choose_of(c, 0);
}

int
psm__choose(struct psm__choosing *c)
{
	c->seen = 0;
	memset(c->reasons, 0, sizeof(c->reasons));
	return c->strategies > 1 && c->wanted < 0
	           ? choose_between(c)
	           : choose_of(c, c->wanted < 0 ? 0 : c->wanted);
}

/* -- which */

/* Of two that run side by side the one that the caller names has its share;
 * else it is for all. */
static void
read_strategies(struct psm__choosing *c, const psm_config *cfg,
                const char *strategy)
{
	int first =
	    psm__order_from_name(psm_config_string(cfg, "MATCHING_STRATEGY"));
	int second = psm__order_from_name(
	    psm_config_string(cfg, "MATCHING_STRATEGY_TRIAL"));
	int named = psm__order_from_name(strategy);

	c->orders[0] = first;
	c->orders[1] = second;
	c->strategies = second >= 0 && second != first ? 2 : 1;
	c->share = (int)psm_config_int(cfg, "MATCHING_STRATEGY_SHARE");
	c->wanted = -1;
	if (named >= 0 && c->strategies > 1)
		c->wanted = named == second;
	else if (named >= 0)
		c->orders[0] = named;
	c->order = c->orders[0];
}

int
psm__choosing_init(struct psm__choosing *c, psm_tx *tx,
                   const struct psm__row *therapist, const char *prefix,
                   const char *strategy, const struct psm__fit_terms *terms,
                   psm_error *err)
{
	const psm_config *cfg = psm__tx_config(tx);

	memset(c, 0, sizeof(*c));
	c->tx = tx;
	c->err = err;
	c->prefix = prefix;
	c->plz = psm__row_get(therapist, PSM__THERAPIST_PLZ);
	c->terms = terms;
	c->least = (size_t)psm_config_int(cfg, "MIN_ANFRAGE_SIZE");
	c->most = (size_t)psm_config_int(cfg, "MAX_ANFRAGE_SIZE");
	(void)psm__number(&c->therapist_id,
	                  psm__row_int(therapist, PSM__COLUMN_ID));
	psm__fit_therapist_row(therapist, &c->wants);
	read_strategies(c, cfg, strategy);
	c->chosen = psm__array(c->most, sizeof(*c->chosen));
	return c->chosen != NULL ? 0 : psm__nomem(err);
}

void
psm__choosing_free(struct psm__choosing *c)
{
	psm__free(c->chosen);
	c->chosen = NULL;
}
