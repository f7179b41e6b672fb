/* SPDX-License-Identifier: BSD-2-Clause */
/* Nominatim and OSRM: what they are asked, and what their answers say. */
#include "service/geo_client.h"

#include <stdio.h>
#include <string.h>

/* -- settings */

/* 1: text is a number of 0.01 to 1000. */
static int
read_rate(const char *text, double *out)
{
	psm_json *number = NULL;
	int rc = psm_json_parse(text, strlen(text), &number, NULL);

	if (rc == 0)
		rc = psm_json_get_double(number, out, NULL);
	psm_json_free(number);
	return rc == 0 && *out >= 0.01 && *out <= 1000;
}

static char *
copy(const psm_config *cfg, const char *name)
{
	const char *text = psm_config_string(cfg, name);

	return psm__strdup(text ? text : "");
}

static int
configure(psm_geo_client *client, const psm_config *cfg, psm_error *err)
{
	const char *rate = psm_config_string(cfg, "OSM_RATE_LIMIT");
	double per_s;

	if (!rate)
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "OSM_RATE_LIMIT: want the settings of "
		                 "psm_service_config(), found others");
	if (!read_rate(rate, &per_s))
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "OSM_RATE_LIMIT: want a number from 0.01 to "
		                 "1000 per second, found another value");
	client->interval_us = (int64_t)(1000000 / per_s);
	client->timeout_ms = (int)psm_config_int(cfg, "OSM_TIMEOUT") * 1000;
	client->tries = (int)psm_config_int(cfg, "OSM_MAX_RETRIES");
	client->retry_ms = (int)psm_config_int(cfg, "GEOCODING_RETRY_MS");
	client->osm = copy(cfg, "OSM_API_URL");
	client->agent = copy(cfg, "OSM_USER_AGENT");
	client->osrm = copy(cfg, "OSRM_API_URL");
	client->car = copy(cfg, "OSRM_PROFILE_CAR");
	client->transit = copy(cfg, "OSRM_PROFILE_TRANSIT");
	if (!client->osm || !client->agent || !client->osrm || !client->car ||
	    !client->transit)
		return psm__nomem(err);
	return 0;
}

int
psm_geo_client_new(const psm_config *cfg, psm_geo_client **out, psm_error *err)
{
	psm_geo_client *client;
	int rc;

	psm_error_clear(err);
	if (out)
		*out = NULL;
	if (!cfg || !out)
		return psm__fail(err, PSM_ERR_INVAL, "cfg or out is NULL");
	client = psm__alloc(sizeof(*client));
	if (!client)
		return psm__nomem(err);
	rc = configure(client, cfg, err);
	if (rc < 0)
		psm_geo_client_free(client);
	else
		*out = client;
	return rc;
}

void
psm_geo_client_free(psm_geo_client *client)
{
	if (!client)
		return;
	psm__free(client->osm);
	psm__free(client->agent);
	psm__free(client->osrm);
	psm__free(client->car);
	psm__free(client->transit);
	psm__free(client);
}

/* -- Nominatim */

void
psm__geo_put_query(const char *text, char *to, size_t size)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-._~";
	unsigned char c;

	for (; *text && size > 3; text++) {
		c = (unsigned char)*text;
		if (strchr(plain, c)) {
			*to++ = (char)c;
			size--;
			continue;
		}
		(void)snprintf(to, size, "%%%02X", c);
		to += 3;
		size -= 3;
	}
	*to = '\0';
}

/* A number, or a text that is one: Nominatim writes degrees as text. */
int
psm__geo_read_degrees(const psm_json *v, double *out)
{
	const char *text = psm_json_string(v);
	psm_json *number = NULL;
	int rc;

	if (!text)
		return psm_json_get_double(v, out, NULL) == 0;
	rc = psm_json_parse(text, strlen(text), &number, NULL);
	if (rc == 0)
		rc = psm_json_get_double(number, out, NULL);
	psm_json_free(number);
	return rc == 0;
}

/* As much of a text as fits, in whole characters. */
static void
write_name(const char *text, char *name)
{
	size_t len = text ? strlen(text) : 0;

	if (len > PSM_GEO_NAME_SIZE - 1)
		len = PSM_GEO_NAME_SIZE - 1;
	if (len > 0)
		memcpy(name, text, psm__utf8_check(text, len));
	name[len > 0 ? psm__utf8_check(text, len) : 0] = '\0';
}

static int
read_place(const psm_json *doc, double *lat, double *lon, char *name,
           psm_error *err)
{
	const psm_json *first = psm_json_item(doc, 0);

	if (psm_json_kind(doc) != PSM_JSON_ARRAY)
		return psm__fail(err, PSM_ERR_UNAVAILABLE,
		                 "geocoder: want an array");
	if (!first)
		return psm__fail(err, PSM_ERR_NOT_FOUND,
		                 "the geocoder knows no such place");
	if (!psm__geo_read_degrees(psm_json_at(first, "/lat"), lat) ||
	    !psm__geo_read_degrees(psm_json_at(first, "/lon"), lon))
		return psm__fail(err, PSM_ERR_UNAVAILABLE,
		                 "geocoder: want lat and lon");
	write_name(psm_json_string(psm_json_at(first, "/display_name")), name);
	return 0;
}

int
psm_geo_client_address(const char *address, double *latitude, double *longitude,
                       char *name, int timeout_ms, void *user, psm_error *err)
{
	char query[GEO_QUERY_SIZE], path[GEO_QUERY_SIZE + 64];
	psm_json *doc = NULL;
	psm_geo_client *client = user;
	int rc;

	psm_error_clear(err);
	if (!address || !latitude || !longitude || !name || !user)
		return psm__fail(err, PSM_ERR_INVAL, "an argument is NULL");
	psm__geo_put_query(address, query, sizeof query);
	(void)snprintf(path, sizeof path,
	               "/search?q=%s&format=json&limit=1&addressdetails=1",
	               query);
	rc = psm__geo_fetch(client, client->osm, path, timeout_ms, &doc, err);
	if (rc == 0)
		rc = read_place(doc, latitude, longitude, name, err);
	psm_json_free(doc);
	return rc;
}

/* -- OSRM */

/* Six decimals, whatever the locale. */
void
psm__geo_put_degrees(double degrees, char *to, size_t size)
{
	double micro = (degrees < 0 ? -degrees : degrees) * 1e6 + 0.5;
	long n = (long)micro;

	(void)snprintf(to, size, "%s%ld.%06ld", degrees < 0 ? "-" : "",
	               n / 1000000, n % 1000000);
}

static int
read_way(const psm_json *doc, double *km, psm_error *err)
{
	const char *code = psm_json_string(psm_json_at(doc, "/code"));
	double metres;

	if (code &&
	    (strcmp(code, "NoRoute") == 0 || strcmp(code, "NoSegment") == 0))
		return psm__fail(err, PSM_ERR_NOT_FOUND, "there is no way");
	if (!code || strcmp(code, "Ok") != 0 ||
	    psm_json_get_double(psm_json_at(doc, "/routes/0/distance"), &metres,
	                        NULL) < 0 ||
	    metres < 0)
		return psm__fail(err, PSM_ERR_UNAVAILABLE,
		                 "router: want a code of \"Ok\" and the "
		                 "distance of a route");
	*km = metres / 1000;
	return 0;
}

int
psm_geo_client_route(const double *places, const char *travel_mode,
                     double *distance_km, int timeout_ms, void *user,
                     psm_error *err)
{
	psm_geo_client *client = user;
	char text[4][24], path[512];
	psm_json *doc = NULL;
	int rc;

	psm_error_clear(err);
	if (!places || !travel_mode || !distance_km || !user)
		return psm__fail(err, PSM_ERR_INVAL, "an argument is NULL");
	for (int i = 0; i < 4; i++)
		psm__geo_put_degrees(places[i], text[i], sizeof text[i]);
	rc = snprintf(path, sizeof path,
	              "/route/v1/%s/%s,%s;%s,%s?overview=simplified&"
	              "geometries=geojson&steps=true&"
	              "annotations=distance,duration",
	              strcmp(travel_mode, "car") == 0 ? client->car
	                                              : client->transit,
	              text[1], text[0], text[3], text[2]);
	if (rc < 0 || (size_t)rc >= sizeof path)
		return psm__fail(err, PSM_ERR_UNAVAILABLE,
		                 "OSRM_PROFILE: want a short name");
	rc = psm__geo_fetch(client, client->osrm, path, timeout_ms, &doc, err);
	if (rc == 0)
		rc = read_way(doc, distance_km, err);
	psm_json_free(doc);
	return rc;
}
