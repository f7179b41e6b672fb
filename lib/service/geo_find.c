/* SPDX-License-Identifier: BSD-2-Clause */
/* What Nominatim knows of an address, or of a place, as JSON. */
#include "service/geo_client.h"

#include <stdio.h>
#include <string.h>

static void
write_answer(psm_json_writer *w, const psm_json *place, const double *at)
{
	const psm_json *parts = psm_json_at(place, "/address");

	psm_json_write_object(w);
	psm_json_write_key(w, "latitude");
	psm_json_write_double(w, at[0]);
	psm_json_write_key(w, "longitude");
	psm_json_write_double(w, at[1]);
	psm_json_write_key(w, "display_name");
	psm_json_write_string(
	    w, psm_json_string(psm_json_at(place, "/display_name")));
	psm_json_write_key(w, "address_components");
	if (psm_json_kind(parts) == PSM_JSON_OBJECT) {
		psm_json_write_value(w, parts);
	} else {
		psm_json_write_object(w);
		psm_json_write_end(w);
	}
	psm_json_write_key(w, "source");
	psm_json_write_string(w, "nominatim");
	psm_json_write_key(w, "status");
	psm_json_write_string(w, "success");
	psm_json_write_end(w);
}

/* place is one of Nominatim's; NULL, or one without degrees: none. */
static int
answer(const psm_json *place, char **out, psm_error *err)
{
	psm_json_writer *w;
	const char *text;
	size_t len;
	double at[2];
	int rc;

	if (!psm__geo_read_degrees(psm_json_at(place, "/lat"), &at[0]) ||
	    !psm__geo_read_degrees(psm_json_at(place, "/lon"), &at[1]))
		return psm__fail(err, PSM_ERR_NOT_FOUND,
		                 "the geocoder knows no such place");
	w = psm_json_writer_new();
	if (!w)
		return psm__nomem(err);
	write_answer(w, place, at);
	rc = psm_json_writer_finish(w, &text, &len, err);
	if (rc == PSM_OK) {
		*out = psm_alloc(len + 1);
		rc = *out ? PSM_OK : psm__nomem(err);
	}
	if (rc == PSM_OK)
		memcpy(*out, text, len + 1);
	psm_json_writer_free(w);
	return rc;
}

int
psm__geo_find(psm_geo_client *client, const char *address, int timeout_ms,
              char **out, psm_error *err)
{
	char query[GEO_QUERY_SIZE], path[GEO_QUERY_SIZE + 64];
	psm_json *doc = NULL;
	int rc;

	psm_error_clear(err);
	*out = NULL;
	if (psm__utf8_count(address) > 255)
		return psm__fail(err, PSM_ERR_SCHEMA,
		                 "address: want at most 255 characters");
	psm__geo_put_query(address, query, sizeof query);
	(void)snprintf(path, sizeof path,
	               "/search?q=%s&format=json&limit=1&addressdetails=1",
	               query);
	rc = psm__geo_fetch(client, client->osm, path, timeout_ms, &doc, err);
	if (rc == PSM_OK)
		rc = answer(psm_json_item(doc, 0), out, err);
	psm_json_free(doc);
	return rc;
}

int
psm__geo_reverse(psm_geo_client *client, double latitude, double longitude,
                 int timeout_ms, char **out, psm_error *err)
{
	char lat[24], lon[24], path[128];
	psm_json *doc = NULL;
	int rc;

	psm_error_clear(err);
	*out = NULL;
	if (!(latitude >= -90 && latitude <= 90 && longitude >= -180 &&
	      longitude <= 180))
		return psm__fail(err, PSM_ERR_SCHEMA,
		                 "want a latitude of -90 to 90, a longitude of "
		                 "-180 to 180");
	psm__geo_put_degrees(latitude, lat, sizeof lat);
	psm__geo_put_degrees(longitude, lon, sizeof lon);
	(void)snprintf(path, sizeof path,
	               "/reverse?lat=%s&lon=%s&format=json&addressdetails=1",
	               lat, lon);
	rc = psm__geo_fetch(client, client->osm, path, timeout_ms, &doc, err);
	if (rc == PSM_OK)
		rc = answer(doc, out, err);
	psm_json_free(doc);
	return rc;
}
