/* SPDX-License-Identifier: BSD-2-Clause */
/* The geocoding service: places, and how far it is between them. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

#include <psymatch/geo.h>

#include "service/geo_client.h"

/* -- what asks Nominatim and OSRM */

struct geocoder {
	psm_geo_client *client;
	psm_geo *geo;
	int timeout_ms;
};

static void
release_geocoder(void *ptr)
{
	struct geocoder *g = ptr;

	psm_geo_free(g->geo);
	psm_geo_client_free(g->client);
	psm__free(g);
}

int
psm__rest_set_up_geocoding(struct rest_context *cx, const psm_config *cfg,
                           psm_error *err)
{
	struct geocoder *g = psm__alloc(sizeof *g);
	int rc;

	if (!g)
		return psm__nomem(err);
	cx->area = g;
	rc = psm__svc_own(cx->svc, g, release_geocoder, err);
	if (rc == PSM_OK)
		rc = psm_geo_client_new(cfg, &g->client, err);
	if (rc < 0)
		return rc;
	g->timeout_ms = (int)psm_config_int(cfg, "GEOCODING_TIMEOUT_MS");
	return psm_geo_new(psm_geo_client_address, psm_geo_client_route,
	                   g->client, psm_config_int(cfg, "CACHE_TTL_SECONDS"),
	                   g->timeout_ms, &g->geo, err);
}

/* -- answers to a wrong question */

/* Clients of the platform know some of them by "error", others by
 * "message". */
static int
refuse(struct rest_call *c, int status, const char *text)
{
	psm_json_writer *w = psm_json_writer_new();

	psm_json_write_object(w);
	psm_json_write_key(w, "status");
	psm_json_write_string(w, "error");
	psm_json_write_key(w, "error");
	psm_json_write_string(w, text);
	psm_json_write_key(w, "message");
	psm_json_write_string(w, text);
	psm_json_write_end(w);
	c->status = status;
	return psm__rest_take(w, &c->json, c->err);
}

/* -- reading the query */

static const char *
text_at(const struct rest_call *c, const char *name)
{
	const char *text = psm_request_query(c->req, name);

	return psm__rest_is_blank(text) ? NULL : text;
}

/* 1: it is a number. */
static int
number_at(const struct rest_call *c, const char *name, double *out)
{
	const char *text = text_at(c, name);
	psm_json *number = NULL;
	int rc = PSM_ERR_PARSE;

	if (text)
		rc = psm_json_parse(text, strlen(text), &number, NULL);
	if (rc == PSM_OK)
		rc = psm_json_get_double(number, out, NULL);
	psm_json_free(number);
	return rc == PSM_OK;
}

/* A flag that is no boolean is as if it was not given. */
static int
flag_at(struct rest_call *c, const char *name, int preset)
{
	int flag = preset;

	if (psm_request_query_bool(c->req, name, &flag, c->err) < 0)
		flag = preset;
	psm_error_clear(c->err);
	return flag;
}

/* "origin": an address, or origin_lat and origin_lon. 0: neither. */
static int
write_place(struct rest_call *c, psm_json_writer *w, const char *name)
{
	const char *address = text_at(c, name);
	char lat_name[32], lon_name[32];
	double lat = 0, lon = 0;

	(void)snprintf(lat_name, sizeof lat_name, "%s_lat", name);
	(void)snprintf(lon_name, sizeof lon_name, "%s_lon", name);
	psm_json_write_key(w, name);
	if (address) {
		psm_json_write_string(w, address);
		return 1;
	}
	if (!number_at(c, lat_name, &lat) || !number_at(c, lon_name, &lon)) {
		psm_json_write_null(w);
		return 0;
	}
	psm_json_write_array(w);
	psm_json_write_double(w, lat);
	psm_json_write_double(w, lon);
	psm_json_write_end(w);
	return 1;
}

/* -- distances */

static int
measure(struct rest_call *c, psm_json_writer *w)
{
	const struct geocoder *g = c->cx->area;
	const char *json;
	size_t len;
	int rc = psm_json_writer_finish(w, &json, &len, c->err);

	return rc < 0 ? rc
	              : psm_geo_distance(g->geo, c->store, json, len, &c->json,
	                                 c->err);
}

static int
distance(struct rest_call *c)
{
	const char *mode = text_at(c, "travel_mode");
	psm_json_writer *w;
	int rc;

	if (mode && strcmp(mode, "car") != 0 && strcmp(mode, "transit") != 0)
		return psm__fail(c->err, PSM_ERR_INVAL,
		                 "Mode of transport (car or transit)");
	w = psm_json_writer_new();
	psm_json_write_object(w);
	if (!write_place(c, w, "origin")) {
		rc = refuse(c, 400,
		            "Origin is required (address or coordinates)");
	} else if (!write_place(c, w, "destination")) {
		rc = refuse(c, 400,
		            "Destination is required (address or coordinates)");
	} else {
		psm_json_write_key(w, "travel_mode");
		psm_json_write_string(w, mode ? mode : "car");
		psm_json_write_key(w, "use_cache");
		psm_json_write_bool(w, !flag_at(c, "no_cache", 0));
		psm_json_write_key(w, "use_plz_fallback");
		psm_json_write_bool(w, flag_at(c, "use_plz_fallback", 1));
		psm_json_write_end(w);
		rc = measure(c, w);
	}
	psm_json_writer_free(w);
	return rc;
}

/* A postal code of the query; 1: it is one. */
static int
read_plz(struct rest_call *c, const char *name, const char *noun,
         const char **plz, int *rc)
{
	char text[96];

	*plz = text_at(c, name);
	if (!*plz) {
		*rc = psm__fail(c->err, PSM_ERR_INVAL, "%s PLZ is required",
		                noun);
		return 0;
	}
	if (strlen(*plz) == 5 && strspn(*plz, "0123456789") == 5)
		return 1;
	(void)snprintf(text, sizeof text, "Invalid %s PLZ format: %.40s",
	               noun[0] == 'O' ? "origin" : "destination", *plz);
	psm__utf8_clean(text); /* it may have been cut inside a character */
	*rc = refuse(c, 400, text);
	return 0;
}

static int
plz_distance(struct rest_call *c)
{
	const char *from, *to;
	int rc = PSM_OK;

	if (!read_plz(c, "origin_plz", "Origin", &from, &rc) ||
	    !read_plz(c, "destination_plz", "Destination", &to, &rc))
		return rc;
	rc = psm_geo_plz_distance(c->store, from, to, &c->json, c->err);
	if (rc != PSM_ERR_NOT_FOUND)
		return rc;
	psm_error_clear(c->err);
	return refuse(c, 404, "One or both PLZ codes not found");
}

/* -- places */

/* That nobody knows the place, or that it is on no map, is told as the platform
 * did; a geocoder that is away is not the fault of the question. */
static int
tell_place(struct rest_call *c, int rc, const char *failure)
{
	if (rc != PSM_ERR_NOT_FOUND && rc != PSM_ERR_SCHEMA)
		return rc;
	psm_error_clear(c->err);
	return refuse(c, 400, failure);
}

/* By what was said before, else by the geocoder, whose answer is kept. A cache
 * that is away keeps nobody from an answer. */
static int
look_up(struct rest_call *c, const char *address, double lat, double lon)
{
	const struct geocoder *g = c->cx->area;
	int rc = psm_geo_recall(g->geo, c->store, address, lat, lon, &c->json,
	                        c->err);

	if (rc > 0 || rc == PSM_ERR_SCHEMA || rc == PSM_ERR_NOMEM)
		return rc;
	psm_error_clear(c->err);
	rc = address ? psm__geo_find(g->client, address, g->timeout_ms,
	                             &c->json, c->err)
	             : psm__geo_reverse(g->client, lat, lon, g->timeout_ms,
	                                &c->json, c->err);
	if (rc == PSM_OK && psm_geo_remember(g->geo, c->store, address, lat,
	                                     lon, c->json, c->err) < 0)
		psm_error_clear(c->err);
	return rc;
}

static int
geocode(struct rest_call *c)
{
	const char *address = text_at(c, "address");

	if (!address)
		return psm__fail(c->err, PSM_ERR_INVAL, "Address is required");
	return tell_place(c, look_up(c, address, 0, 0), "Geocoding failed");
}

static int
reverse(struct rest_call *c)
{
	double lat, lon;

	if (!number_at(c, "lat", &lat))
		return psm__fail(c->err, PSM_ERR_INVAL, "Latitude is required");
	if (!number_at(c, "lon", &lon))
		return psm__fail(c->err, PSM_ERR_INVAL,
		                 "Longitude is required");
	return tell_place(c, look_up(c, NULL, lat, lon),
	                  "Reverse geocoding failed");
}

/* -- the rows */

#define END                                                                    \
	{                                                                      \
		NULL, NULL, NULL                                               \
	}

static const struct rest_field geocode_query[] = {{"address", "string!", NULL},
                                                  END};
static const struct rest_field reverse_query[] = {
    {"lat", "number!", NULL}, {"lon", "number!", NULL}, END};
static const struct rest_field place_answer[] = {
    {"latitude", "number", NULL},
    {"longitude", "number", NULL},
    {"display_name", "string?", NULL},
    {"address_components", "object", NULL},
    {"source", "string", NULL},
    {"status", "string", NULL},
    END};
static const struct rest_field distance_query[] = {
    {"origin", "string", NULL},
    {"origin_lat", "number", NULL},
    {"origin_lon", "number", NULL},
    {"destination", "string", NULL},
    {"destination_lat", "number", NULL},
    {"destination_lon", "number", NULL},
    {"travel_mode", "string(car|transit)", NULL},
    {"no_cache", "boolean", NULL},
    {"use_plz_fallback", "boolean", NULL},
    END};
static const struct rest_field distance_answer[] = {
    {"distance_km", "number?", NULL},
    {"status", "string", NULL},
    {"source", "string", NULL},
    {"travel_mode", "string", NULL},
    {"route_available", "boolean", NULL},
    {"error", "string", NULL},
    END};
static const struct rest_field plz_query[] = {
    {"origin_plz", "string!", NULL}, {"destination_plz", "string!", NULL}, END};
static const struct rest_field centroid[] = {
    {"latitude", "number", NULL}, {"longitude", "number", NULL}, END};
static const struct rest_field plz_answer[] = {
    {"distance_km", "number", NULL},
    {"status", "string", NULL},
    {"source", "string", NULL},
    {"origin_centroid", "object", centroid},
    {"destination_centroid", "object", centroid},
    END};

const struct rest_endpoint psm__rest_geocoding[] = {
    {.method = "GET",
     .path = "/api/geocode",
     .summary = "Where an address is",
     .fn = geocode,
     .query = geocode_query,
     .answer = place_answer,
     .failures = "400"},
    {.method = "GET",
     .path = "/api/reverse-geocode",
     .summary = "What is at a place",
     .fn = reverse,
     .query = reverse_query,
     .answer = place_answer,
     .failures = "400"},
    {.method = "GET",
     .path = "/api/calculate-distance",
     .summary = "How far it is from one place to another, by road if known",
     .fn = distance,
     .query = distance_query,
     .answer = distance_answer,
     .failures = "400"},
    {.method = "GET",
     .path = "/api/calculate-plz-distance",
     .summary = "How far it is between two postal codes, as the crow flies",
     .fn = plz_distance,
     .query = plz_query,
     .answer = plz_answer,
     .failures = "400 404"},
    {.path = NULL},
};
