/* SPDX-License-Identifier: BSD-2-Clause */
/* The distance between two places. */
#include <stdio.h>
#include <string.h>

#include "app/geo.h"
#include "domain/geo.h"
#include "json/json.h"

/* More than once around the globe is no way. */
#define FARTHEST_KM 50000

struct request {
	struct psm__geo_place origin, destination;
	const char *mode;
	int use_cache;
};

struct result {
	const char *status, *source;
	const struct psm__geo_place *unknown;
	double km;
	int has_route;
};

static int
read_request(const psm_json *doc, struct request *out, psm_error *err)
{
	const psm_json *mode = psm__json_member(doc, "travel_mode");
	const psm_json *cache = psm__json_member(doc, "use_cache");
	const char *text = psm_json_string(mode);
	int rc = 0, left;

	if (psm_json_kind(doc) != PSM_JSON_OBJECT)
		return psm__fail(err, PSM_ERR_SCHEMA, "want an object");
	rc = psm__geo_read_place(doc, "origin", &out->origin, err);
	left = psm__geo_read_place(doc, "destination", &out->destination, err);
	rc = rc < 0 ? rc : left;
	out->mode = "car";
	if (text != NULL && strcmp(text, "transit") == 0)
		out->mode = "transit";
	else if (mode != NULL && psm_json_kind(mode) != PSM_JSON_NULL &&
	         (text == NULL || strcmp(text, "car") != 0))
		rc = psm__geo_fault("travel_mode", "\"car\" or \"transit\"",
		                    err);
	out->use_cache = 1;
	if (cache != NULL && psm_json_kind(cache) != PSM_JSON_NULL &&
	    psm_json_get_bool(cache, &out->use_cache, NULL) < 0)
		rc = psm__geo_fault("use_cache", "true or false", err);
	return rc;
}

/* 1: the router knows the way. */
static int
ask_router(const struct psm__geo_run *run, const double *places,
           const char *mode, double *km, psm_error *err)
{
	int timeout_ms = psm__geo_left_ms(run), rc;
	psm_error *told;

	if (run->geo->route == NULL || timeout_ms == 0)
		return 0;
	told = psm_error_new();
	if (told == NULL)
		return psm__nomem(err);
	rc =
	    run->geo->route(places, mode, km, timeout_ms, run->geo->user, told);
	psm_error_free(told);
	if (rc != 0 || !(*km >= 0 && *km < FARTHEST_KM))
		return 0;
	rc = psm__geo_keep_route(run, places, mode, *km, err);
	return rc < 0 ? rc : 1;
}

static int
measure(const struct psm__geo_run *run, const struct request *r,
        struct result *out, psm_error *err)
{
	const struct psm__geo_place *a = &r->origin, *b = &r->destination;
	double places[4] = {a->lat, a->lon, b->lat, b->lon};
	int rc = psm__geo_cached_route(run, places, r->mode, &out->km, err);

	out->status = "success";
	out->source = "cache";
	out->has_route = 1;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	out->source = "osrm";
	rc = ask_router(run, places, r->mode, &out->km, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	*out = (struct result){.status = "partial", .source = "haversine"};
	out->km =
	    psm__geo_round(psm__geo_km(a->lat, a->lon, b->lat, b->lon), 2);
	return 0;
}

static int
find_both(const struct psm__geo_run *run, struct request *r, struct result *out,
          psm_error *err)
{
	int rc = psm__geo_resolve(run, &r->origin, err);

	if (rc == 0 && r->origin.known)
		rc = psm__geo_resolve(run, &r->destination, err);
	if (rc < 0)
		return rc;
	if (r->origin.known && r->destination.known)
		return measure(run, r, out, err);
	out->status = "error";
	out->unknown = r->origin.known ? &r->destination : &r->origin;
	return 0;
}

static void
write_why(psm_json_writer *w, const struct psm__geo_place *place)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
	               "Could not resolve coordinates of the %s: %s",
	               place->name, place->why);
	psm_json_write_key(w, "error");
	psm_json_write_string(w, text);
}

static int
write_result(const struct request *r, const struct result *result, char **out,
             psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();

	psm_json_write_object(w);
	psm_json_write_key(w, "distance_km");
	if (result->unknown == NULL)
		psm_json_write_double(w, result->km);
	else
		psm_json_write_null(w);
	psm_json_write_key(w, "status");
	psm_json_write_string(w, result->status);
	if (result->unknown == NULL) {
		psm_json_write_key(w, "source");
		psm_json_write_string(w, result->source);
	}
	psm_json_write_key(w, "travel_mode");
	psm_json_write_string(w, r->mode);
	psm_json_write_key(w, "route_available");
	psm_json_write_bool(w, result->has_route);
	if (result->unknown != NULL)
		write_why(w, result->unknown);
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, err);
}

int
psm__geo_refuse(const char *why, char **out, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();

	psm_json_write_object(w);
	psm_json_write_key(w, "distance_km");
	psm_json_write_null(w);
	psm_json_write_key(w, "status");
	psm_json_write_string(w, "error");
	psm_json_write_key(w, "route_available");
	psm_json_write_bool(w, 0);
	psm_json_write_key(w, "error");
	psm_json_write_string(w, why);
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, err);
}

int
psm__geo_answer(struct psm__geo_run *run, const psm_json *doc, char **out,
                psm_error *err)
{
	struct result result = {.status = NULL};
	struct request r;
	int rc = read_request(doc, &r, err);

	if (rc < 0)
		return rc;
	run->use_cache = r.use_cache;
	rc = find_both(run, &r, &result, err);
	return rc < 0 ? rc : write_result(&r, &result, out, err);
}

int
psm_geo_distance(const psm_geo *geo, psm_store *store, const char *json,
                 size_t len, char **out, psm_error *err)
{
	struct psm__geo_run run;
	psm_json *doc = NULL;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (geo == NULL || store == NULL || json == NULL || out == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "geo, store, json or out is NULL");
	rc = psm_json_parse(json, len, &doc, err);
	if (rc < 0)
		return rc;
	psm__geo_begin(&run, geo, store, NULL);
	rc = psm__geo_answer(&run, doc, out, err);
	psm_json_free(doc);
	return rc;
}

static void
write_centroid(psm_json_writer *w, const char *name,
               const struct psm__geo_place *place)
{
	psm_json_write_key(w, name);
	psm_json_write_object(w);
	psm_json_write_key(w, "latitude");
	psm_json_write_double(w, place->lat);
	psm_json_write_key(w, "longitude");
	psm_json_write_double(w, place->lon);
	psm_json_write_end(w);
}

static int
write_plz_distance(const struct psm__geo_place *a,
                   const struct psm__geo_place *b, char **out, psm_error *err)
{
	double km = psm__geo_km(a->lat, a->lon, b->lat, b->lon);
	psm_json_writer *w = psm_json_writer_new();

	psm_json_write_object(w);
	psm_json_write_key(w, "distance_km");
	psm_json_write_double(w, psm__geo_round(km, 2));
	psm_json_write_key(w, "status");
	psm_json_write_string(w, "success");
	psm_json_write_key(w, "source");
	psm_json_write_string(w, "plz_centroids");
	write_centroid(w, "origin_centroid", a);
	write_centroid(w, "destination_centroid", b);
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, err);
}

static int
find_code(const struct psm__geo_run *run, const char *plz,
          struct psm__geo_place *out, psm_error *err)
{
	int rc;

	*out = (struct psm__geo_place){.address = plz};
	if (!psm__is_digits(plz, 5))
		return psm__fail(err, PSM_ERR_SCHEMA,
		                 "want a postal code of five digits");
	rc = psm__geo_find_centroid(run, out, err);
	if (rc == 0)
		rc = psm__fail(err, PSM_ERR_NOT_FOUND,
		               "no centroid of the postal code %s is known",
		               plz);
	return rc < 0 ? rc : 0;
}

int
psm_geo_plz_distance(psm_store *store, const char *from, const char *to,
                     char **out, psm_error *err)
{
	struct psm__geo_run run = {.store = store};
	struct psm__geo_place a, b;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (store == NULL || from == NULL || to == NULL || out == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "store, from, to or out is NULL");
	rc = find_code(&run, from, &a, err);
	if (rc == 0)
		rc = find_code(&run, to, &b, err);
	return rc < 0 ? rc : write_plz_distance(&a, &b, out, err);
}
