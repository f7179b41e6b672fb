/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The caches of addresses and ways. Rows that the platform wrote are found,
 * too, but not its guesses: of ways only those of the router count.
 */
#include <stdio.h>
#include <string.h>

#include "app/geo.h"
#include "domain/geo.h"
#include "json/json.h"

/* Since when a row counts, and now, as SQL takes them. */
struct times {
	char since[32], now[32];
};

static int
read_times(const struct psm__geo_run *run, struct times *out, psm_error *err)
{
	int64_t now = psm_now_us();

	if (psm_time_format(now, out->now, sizeof(out->now)) < 0 ||
	    psm_time_format(now - run->geo->cache_s * 1000000, out->since,
	                    sizeof(out->since)) < 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "clock: want a time in the years 1 to 9999");
	return 0;
}

/* clang-format off */
#define UTC(n) "($" #n "::timestamptz AT TIME ZONE 'UTC')"
#define PLACE_KEY "query = lower(btrim($3)) AND query_type = 'address'"
/* Adopted rows that do not tell their source are not the router's for sure. */
#define ROUTE_KEY \
	"origin_latitude = $3::float8 AND origin_longitude = $4::float8 " \
	"AND destination_latitude = $5::float8 " \
	"AND destination_longitude = $6::float8 AND travel_mode = $7"
#define IS_ROUTERS "route_data ~ '\"original_source\"\\s*:\\s*\"osrm\"'"
#define NEWEST " ORDER BY updated_at DESC NULLS LAST LIMIT 1"

/* The newest row, which is counted unless somebody else is doing that. */
#define FIND(table, values, key) \
	"WITH hit AS (SELECT id, " values " FROM geocoding_service." table \
	" WHERE " key " AND updated_at > " UTC(1) \
	" AND updated_at <= " UTC(2) NEWEST "), counted AS (" \
	"UPDATE geocoding_service." table \
	" SET hit_count = coalesce(hit_count, 0) + 1 WHERE id IN (" \
	"SELECT id FROM geocoding_service." table \
	" WHERE id = (SELECT id FROM hit) FOR UPDATE SKIP LOCKED)) " \
	"SELECT " values " FROM hit"

/* Write over the row of the key, else insert one; two at once may leave two,
 * of which the newer one is found. Some expired rows go. */
#define KEEP(table, key, set, columns, values) \
	"WITH gone AS (DELETE FROM geocoding_service." table \
	" WHERE id IN (SELECT id FROM geocoding_service." table \
	" WHERE updated_at < " UTC(1) " AND NOT (" key ")" \
	" ORDER BY updated_at LIMIT 20 FOR UPDATE SKIP LOCKED)), " \
	"changed AS (UPDATE geocoding_service." table " SET " set \
	", updated_at = " UTC(2) " WHERE id = (SELECT id " \
	"FROM geocoding_service." table " WHERE " key NEWEST \
	" FOR UPDATE SKIP LOCKED) RETURNING id) " \
	"INSERT INTO geocoding_service." table "(" columns \
	", created_at, updated_at, hit_count) SELECT " values \
	", " UTC(2) ", " UTC(2) ", 1 WHERE NOT EXISTS (SELECT FROM changed)"

static const char find_place[] = FIND("geocache", "latitude, longitude",
	PLACE_KEY " AND latitude IS NOT NULL AND longitude IS NOT NULL");
static const char keep_place[] = KEEP("geocache", PLACE_KEY,
	"latitude = $4::float8, longitude = $5::float8, display_name = $6, "
	"result_data = NULL",
	"query, query_type, latitude, longitude, display_name",
	"lower(btrim($3)), 'address', $4::float8, $5::float8, $6");
/* All that a geocoder said of an address, or of a place by its degrees. */
#define ANSWER_KEY "query = lower(btrim($3)) AND query_type = $4"
static const char find_answer[] = FIND("geocache", "result_data",
	ANSWER_KEY " AND result_data IS NOT NULL");
static const char keep_answer[] = KEEP("geocache", ANSWER_KEY,
	"latitude = $5::float8, longitude = $6::float8, "
	"display_name = left($7, 255), result_data = $8",
	"query, query_type, latitude, longitude, display_name, result_data",
	"lower(btrim($3)), $4, $5::float8, $6::float8, left($7, 255), $8");
static const char find_route[] = FIND("distance_cache", "distance_km",
	ROUTE_KEY " AND " IS_ROUTERS);
static const char keep_route[] = KEEP("distance_cache", ROUTE_KEY,
	"distance_km = $8::float8, route_data = '{\"original_source\": \"osrm\"}'",
	"origin_latitude, origin_longitude, destination_latitude, "
	"destination_longitude, travel_mode, distance_km, route_data",
	"$3::float8, $4::float8, $5::float8, $6::float8, $7, $8::float8, "
	"'{\"original_source\": \"osrm\"}'");
/* clang-format on */

/* A number as SQL takes it. */
struct digits {
	char text[32];
};

static const char *
digits(struct digits *d, double number)
{
	/* The longest is "-2.2250738585072014e-308". */
	return psm__json_write_digits(number, d->text, sizeof(d->text)) < 0
	           ? NULL
	           : d->text;
}

/* Degrees are rounded as the platform does: a metre and a bit. */
static const char *
degrees(struct digits *d, double number)
{
	return digits(d, psm__geo_round(number, 6));
}

int
psm__geo_cached_place(const struct psm__geo_run *run,
                      struct psm__geo_place *place, psm_error *err)
{
	const char *params[3] = {NULL, NULL, place->address};
	psm_rows *rows = NULL;
	struct times t;
	int rc;

	if (!run->use_cache || run->geo->cache_s == 0)
		return 0;
	rc = read_times(run, &t, err);
	params[0] = t.since;
	params[1] = t.now;
	if (rc == 0)
		rc = psm__geo_exec(run, find_place, 3, params, &rows, err);
	if (rc == 0 && psm_rows_count(rows) > 0)
		rc = psm__geo_take_place(rows, place, err);
	psm_rows_free(rows);
	return rc;
}

int
psm__geo_keep_place(const struct psm__geo_run *run,
                    const struct psm__geo_place *place, const char *name,
                    psm_error *err)
{
	const char *params[6] = {NULL, NULL, place->address};
	struct digits lat, lon;
	struct times t;
	int rc;

	if (run->geo->cache_s == 0)
		return 0;
	rc = read_times(run, &t, err);
	params[0] = t.since;
	params[1] = t.now;
	params[3] = digits(&lat, place->lat);
	params[4] = digits(&lon, place->lon);
	params[5] = *name ? name : NULL;
	if (rc == 0 && (params[3] == NULL || params[4] == NULL))
		rc = psm__nomem(err);
	return rc < 0 ? rc
	              : psm__geo_exec(run, keep_place, 6, params, NULL, err);
}

/* The key of a way: params[2..6]. */
static int
put_way(const double *places, const char *mode, struct digits *text,
        const char **params, psm_error *err)
{
	for (size_t i = 0; i < 4; i++) {
		params[2 + i] = degrees(&text[i], places[i]);
		if (params[2 + i] == NULL)
			return psm__nomem(err);
	}
	params[6] = mode;
	return 0;
}

int
psm__geo_cached_route(const struct psm__geo_run *run, const double *places,
                      const char *mode, double *km, psm_error *err)
{
	struct digits text[4];
	const char *params[7];
	psm_rows *rows = NULL;
	struct times t;
	int rc;

	if (!run->use_cache || run->geo->cache_s == 0)
		return 0;
	rc = read_times(run, &t, err);
	params[0] = t.since;
	params[1] = t.now;
	if (rc == 0)
		rc = put_way(places, mode, text, params, err);
	if (rc == 0)
		rc = psm__geo_exec(run, find_route, 7, params, &rows, err);
	if (rc == 0 && psm_rows_count(rows) > 0) {
		rc = psm__geo_take_number(rows, 0, 0, km, err);
		rc = rc < 0 ? rc : *km >= 0 && *km < 50000;
	}
	psm_rows_free(rows);
	return rc;
}

int
psm__geo_keep_route(const struct psm__geo_run *run, const double *places,
                    const char *mode, double km, psm_error *err)
{
	struct digits text[5];
	const char *params[8];
	struct times t;
	int rc;

	if (run->geo->cache_s == 0)
		return 0;
	rc = read_times(run, &t, err);
	params[0] = t.since;
	params[1] = t.now;
	if (rc == 0)
		rc = put_way(places, mode, text, params, err);
	params[7] = digits(&text[4], km);
	if (rc == 0 && params[7] == NULL)
		rc = psm__nomem(err);
	return rc < 0 ? rc
	              : psm__geo_exec(run, keep_route, 8, params, NULL, err);
}

/* -- whole answers of the geocoder */

/* What an answer is kept by. */
struct question {
	char degrees[64]; /* "50.7756,6.0836" */
	const char *query, *type;
};

static int
read_question(const char *address, double latitude, double longitude,
              struct question *q, psm_error *err)
{
	struct digits lat, lon;
	const char *a, *b;

	q->type = address != NULL ? "address" : "coordinates";
	q->query = address != NULL ? address : q->degrees;
	if (address != NULL)
		return psm__geo_check_address(address)
		           ? 0
		           : psm__geo_fault("address",
		                            "an address of 1 to 255 characters",
		                            err);
	if (!psm__geo_in_range(latitude, longitude))
		return psm__geo_fault("latitude",
		                      "a latitude of -90 to 90, a longitude of "
		                      "-180 to 180",
		                      err);
	a = degrees(&lat, latitude);
	b = degrees(&lon, longitude);
	if (a == NULL || b == NULL)
		return psm__nomem(err);
	(void)snprintf(q->degrees, sizeof(q->degrees), "%s,%s", a, b);
	return 0;
}

/* 1: the text is such an answer; the platform's may be anything. */
static int
is_answer(const char *json, double *lat, double *lon, psm_json **doc,
          psm_error *err)
{
	const char *status;
	int rc = psm_json_parse(json, strlen(json), doc, err);

	if (rc < 0)
		return rc == PSM_ERR_NOMEM ? rc : 0;
	status = psm_json_string(psm__json_member(*doc, "status"));
	return psm_json_get_double(psm__json_member(*doc, "latitude"), lat,
	                           NULL) == 0 &&
	       psm_json_get_double(psm__json_member(*doc, "longitude"), lon,
	                           NULL) == 0 &&
	       psm__geo_in_range(*lat, *lon) && status != NULL &&
	       strcmp(status, "success") == 0;
}

int
psm_geo_recall(const psm_geo *geo, psm_store *store, const char *address,
               double latitude, double longitude, char **out, psm_error *err)
{
	const char *params[4] = {NULL};
	struct psm__geo_run run;
	psm_rows *rows = NULL;
	psm_json *doc = NULL;
	struct question q;
	struct times t;
	double lat, lon;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (geo == NULL || store == NULL || out == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "geo, store or out is NULL");
	psm__geo_begin(&run, geo, store, NULL);
	rc = read_question(address, latitude, longitude, &q, err);
	if (rc < 0 || geo->cache_s == 0)
		return rc;
	rc = read_times(&run, &t, err);
	params[0] = t.since;
	params[1] = t.now;
	params[2] = q.query;
	params[3] = q.type;
	if (rc == 0)
		rc = psm__geo_exec(&run, find_answer, 4, params, &rows, err);
	if (rc == 0 && psm_rows_count(rows) > 0)
		rc =
		    is_answer(psm_rows_text(rows, 0, 0), &lat, &lon, &doc, err);
	if (rc == 0)
		psm__error_clear(err);
	if (rc == 1 && (*out = psm__strdup(psm_rows_text(rows, 0, 0))) == NULL)
		rc = psm__nomem(err);
	psm_json_free(doc);
	psm_rows_free(rows);
	return rc;
}

static int
keep_found(const struct psm__geo_run *run, const struct question *q,
           const psm_json *doc, const double *at, const char *json,
           psm_error *err)
{
	const char *params[8] = {NULL};
	struct digits lat, lon;
	struct times t;
	int rc = read_times(run, &t, err);

	params[0] = t.since;
	params[1] = t.now;
	params[2] = q->query;
	params[3] = q->type;
	params[4] = digits(&lat, at[0]);
	params[5] = digits(&lon, at[1]);
	params[6] = psm_json_string(psm__json_member(doc, "display_name"));
	params[7] = json;
	if (rc == 0 && (params[4] == NULL || params[5] == NULL))
		rc = psm__nomem(err);
	return rc < 0 ? rc
	              : psm__geo_exec(run, keep_answer, 8, params, NULL, err);
}

int
psm_geo_remember(const psm_geo *geo, psm_store *store, const char *address,
                 double latitude, double longitude, const char *json,
                 psm_error *err)
{
	struct psm__geo_run run;
	psm_json *doc = NULL;
	struct question q;
	double at[2];
	int rc;

	psm__error_clear(err);
	if (geo == NULL || store == NULL || json == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "geo, store or json is NULL");
	psm__geo_begin(&run, geo, store, NULL);
	rc = read_question(address, latitude, longitude, &q, err);
	if (rc == 0)
		rc = is_answer(json, &at[0], &at[1], &doc, err);
	if (rc == 0) {
		psm__error_clear(err);
		rc = psm__fail(err, PSM_ERR_SCHEMA,
		               "json: want an answer of a geocoder");
	}
	if (rc == 1)
		rc = geo->cache_s == 0
		         ? 0
		         : keep_found(&run, &q, doc, at, json, err);
	psm_json_free(doc);
	return rc;
}
