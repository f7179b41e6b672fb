/* SPDX-License-Identifier: BSD-2-Clause */
/* How matching does. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <psymatch/report.h>

#include "app/app.h"
#include "domain/interval.h"
#include "json/json.h"

static const char *const groups[] = {"week", "area", "tier", "strategy"};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]) };

/* clang-format off */
#define DAY(n) \
	"(" n "::date::timestamp AT TIME ZONE 'Europe/Berlin' AT TIME ZONE 'UTC')"
#define KEYS \
	"SELECT CASE WHEN $3::bool THEN week END AS week, " \
	"CASE WHEN $4::bool THEN area END AS area, " \
	"CASE WHEN $5::bool THEN tier END AS tier, " \
	"CASE WHEN $6::bool THEN strategy END AS strategy, "
#define MEAN(column) \
	"avg(" column ")::float8, stddev_samp(" column ")::float8, count(" column \
	"), percentile_cont(0.5) WITHIN GROUP (ORDER BY " column ")::float8"

/* Inquiries and placements are counted each by itself; what has the same key
 * becomes one row; of each array there is one at most. Without a key there is a
 * row also of nothing. */
static const char sql[] =
	"WITH i AS (" KEYS "count(*) AS sent, "
	"count(*) FILTER (WHERE answered) AS answered, "
	"sum(size) FILTER (WHERE answered) AS patients, "
	"sum(accepted) FILTER (WHERE answered) AS accepted, "
	"ARRAY[" MEAN("size") "] AS size, "
	"ARRAY[" MEAN("hours_to_answer") "] AS hours "
	"FROM matching_service.report_inquiries "
	"WHERE sent_at >= " DAY("$1") " AND sent_at < " DAY("($2::date + 1)")
	" GROUP BY 1, 2, 3, 4), "
	"p AS (" KEYS "count(*) AS placed, "
	"ARRAY[" MEAN("days_to_placement") "] AS days "
	"FROM matching_service.report_placements "
	"WHERE placed_at >= " DAY("$1") " AND placed_at < " DAY("($2::date + 1)")
	" GROUP BY 1, 2, 3, 4), "
	"x AS (SELECT week, area, tier, strategy, sent, answered, patients, "
	"accepted, 0 AS placed, size, hours, NULL::float8[] AS days FROM i "
	"UNION ALL SELECT week, area, tier, strategy, 0, 0, 0, 0, placed, NULL, "
	"NULL, days FROM p "
	"UNION ALL SELECT NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, NULL, NULL, NULL "
	"WHERE NOT ($3::bool OR $4::bool OR $5::bool OR $6::bool)), "
	"y AS (SELECT week, area, tier, strategy, sum(sent)::bigint AS sent, "
	"sum(answered)::bigint AS answered, "
	"coalesce(sum(patients), 0)::bigint AS patients, "
	"coalesce(sum(accepted), 0)::bigint AS accepted, "
	"sum(placed)::bigint AS placed, max(size) AS size, max(hours) AS hours, "
	"max(days) AS days FROM x GROUP BY 1, 2, 3, 4) "
	"SELECT week, area, tier, strategy, sent, answered, patients, accepted, "
	"placed, size[1], size[2], size[3]::bigint, size[4], "
	"hours[1], hours[2], hours[3]::bigint, hours[4], "
	"days[1], days[2], days[3]::bigint, days[4] FROM y "
	"ORDER BY week, area, tier, strategy";
/* clang-format on */
enum {
	C_SENT = GROUPS,
	C_ANSWERED,
	C_PATIENTS,
	C_ACCEPTED,
	C_PLACED,
	C_SIZE,
	C_HOURS = C_SIZE + 4,
	C_DAYS = C_HOURS + 4
};

struct request {
	const char *from, *to;
	int by[GROUPS];
};

static int
fault(const char *name, const char *want, psm_error *err)
{
	char pointer[64];

	(void)psm__fail(err, PSM_ERR_SCHEMA, "%s: want %s", name, want);
	(void)snprintf(pointer, sizeof(pointer), "/%s", name);
	psm__error_fault(err, pointer, "%s: want %s", name, want);
	return PSM_ERR_SCHEMA;
}

static int
read_day(const psm_json *doc, const char *name, const char **out,
         psm_error *err)
{
	*out = psm_json_string(psm__json_member(doc, name));
	return *out != NULL && psm__is_date(*out)
	           ? 0
	           : fault(name, "a day as 2026-02-28", err);
}

static int
read_by(const psm_json *doc, struct request *r, psm_error *err)
{
	const psm_json *list = psm__json_member(doc, "by");
	const char *name;
	size_t g;

	if (list == NULL || psm_json_kind(list) == PSM_JSON_NULL)
		return 0;
	if (psm_json_kind(list) != PSM_JSON_ARRAY)
		return fault("by", "a list", err);
	for (size_t i = 0; i < psm_json_count(list); i++) {
		name = psm_json_string(psm_json_item(list, i));
		for (g = 0; g < GROUPS; g++)
			if (name != NULL && strcmp(name, groups[g]) == 0)
				break;
		if (g == GROUPS)
			return fault("by",
			             "\"week\", \"area\", \"tier\" and "
			             "\"strategy\"",
			             err);
		r->by[g] = 1;
	}
	return 0;
}

static int
read_request(const psm_json *doc, struct request *r, psm_error *err)
{
	int rc, next;

	memset(r, 0, sizeof(*r));
	if (psm_json_kind(doc) != PSM_JSON_OBJECT)
		return psm__fail(err, PSM_ERR_SCHEMA, "want an object");
	rc = read_day(doc, "from", &r->from, err);
	next = read_day(doc, "to", &r->to, err);
	rc = rc < 0 ? rc : next;
	if (rc == 0 && strcmp(r->from, r->to) > 0)
		rc = fault("to", "a day that is not before \"from\"", err);
	next = read_by(doc, r, err);
	return rc < 0 ? rc : next;
}

static void
write_number(psm_json_writer *w, const char *key, double number)
{
	psm_json_write_key(w, key);
	if (isnan(number))
		psm_json_write_null(w);
	else
		psm_json_write_double(w, number);
}

static void
write_interval(psm_json_writer *w, const char *key, const char *value,
               struct psm__interval i)
{
	psm_json_write_key(w, key);
	psm_json_write_object(w);
	write_number(w, value, i.value);
	write_number(w, "low", i.low);
	write_number(w, "high", i.high);
}

static void
write_rate(psm_json_writer *w, const char *key, int64_t hits, int64_t count)
{
	write_interval(w, key, "rate", psm__interval_rate(hits, count));
	psm_json_write_end(w);
}

/* null is NaN. */
static int
read_number(const psm_rows *rows, size_t row, size_t column, double *out,
            psm_error *err)
{
	const char *text = psm_rows_text(rows, row, column);

	return psm__json_read_double(text != NULL ? text : "NaN", out) < 0
	           ? psm__nomem(err)
	           : 0;
}

/* Of mean, deviation, count and median from a column on. */
static int
write_mean(psm_json_writer *w, const char *key, const psm_rows *rows,
           size_t row, size_t column, psm_error *err)
{
	double mean, deviation, median;
	int rc = read_number(rows, row, column, &mean, err);

	if (rc == 0)
		rc = read_number(rows, row, column + 1, &deviation, err);
	if (rc == 0)
		rc = read_number(rows, row, column + 3, &median, err);
	if (rc < 0)
		return rc;
	write_interval(w, key, "mean",
	               psm__interval_mean(mean, deviation,
	                                  psm_rows_int(rows, row, column + 2)));
	write_number(w, "median", median);
	psm_json_write_end(w);
	return 0;
}

static void
write_count(psm_json_writer *w, const char *key, int64_t count)
{
	psm_json_write_key(w, key);
	psm_json_write_int(w, count);
}

static void
write_key(psm_json_writer *w, size_t g, const psm_rows *rows, size_t row)
{
	const char *text = psm_rows_text(rows, row, g);

	psm_json_write_key(w, groups[g]);
	if (text != NULL && strcmp(groups[g], "tier") == 0)
		psm_json_write_int(w, psm_rows_int(rows, row, g));
	else
		psm_json_write_string(w, text);
}

static int
write_row(psm_json_writer *w, const struct request *r, const psm_rows *rows,
          size_t i, psm_error *err)
{
	int64_t sent = psm_rows_int(rows, i, C_SENT);
	int64_t answered = psm_rows_int(rows, i, C_ANSWERED);
	int64_t patients = psm_rows_int(rows, i, C_PATIENTS);
	int64_t accepted = psm_rows_int(rows, i, C_ACCEPTED);
	int rc;

	psm_json_write_object(w);
	for (size_t g = 0; g < GROUPS; g++)
		if (r->by[g])
			write_key(w, g, rows, i);
	write_count(w, "inquiries", sent);
	write_count(w, "answered", answered);
	write_rate(w, "response_rate", answered, sent);
	write_count(w, "patients", patients);
	write_count(w, "accepted", accepted);
	write_rate(w, "acceptance_rate", accepted, patients);
	rc = write_mean(w, "size", rows, i, C_SIZE, err);
	if (rc == 0)
		rc = write_mean(w, "hours_to_answer", rows, i, C_HOURS, err);
	write_count(w, "placements", psm_rows_int(rows, i, C_PLACED));
	if (rc == 0)
		rc = write_mean(w, "days_to_placement", rows, i, C_DAYS, err);
	psm_json_write_end(w);
	return rc;
}

static int
write_report(const struct request *r, const psm_rows *rows, char **out,
             psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	int rc = 0;

	psm_json_write_object(w);
	psm_json_write_key(w, "from");
	psm_json_write_string(w, r->from);
	psm_json_write_key(w, "to");
	psm_json_write_string(w, r->to);
	psm_json_write_key(w, "by");
	psm_json_write_array(w);
	for (size_t g = 0; g < GROUPS; g++)
		if (r->by[g])
			psm_json_write_string(w, groups[g]);
	psm_json_write_end(w);
	psm_json_write_key(w, "rows");
	psm_json_write_array(w);
	for (size_t i = 0; i < psm_rows_count(rows) && rc == 0; i++)
		rc = write_row(w, r, rows, i, err);
	psm_json_write_end(w);
	psm_json_write_end(w);
	return psm__json_take(w, rc, out, err);
}

static int
report(psm_store *store, const psm_json *doc, char **out, psm_error *err)
{
	const char *params[2 + GROUPS];
	psm_rows *rows = NULL;
	struct request r;
	int rc = read_request(doc, &r, err);

	if (rc < 0)
		return rc;
	params[0] = r.from;
	params[1] = r.to;
	for (size_t g = 0; g < GROUPS; g++)
		params[2 + g] = r.by[g] ? "t" : "f";
	rc = psm_store_exec(store, sql, PSM__COUNT(params), params, &rows, err);
	if (rc == 0)
		rc = write_report(&r, rows, out, err);
	psm_rows_free(rows);
	return rc;
}

int
psm_report_matching(psm_store *store, const char *json, size_t len, char **out,
                    psm_error *err)
{
	psm_json *doc = NULL;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (store == NULL || json == NULL || out == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "store, json or out is NULL");
	rc = psm_json_parse(json, len, &doc, err);
	if (rc == 0)
		rc = report(store, doc, out, err);
	psm_json_free(doc);
	return rc;
}
