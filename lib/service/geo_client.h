/* SPDX-License-Identifier: BSD-2-Clause */
/* The client of geocoder and router: what its two files share. */
#ifndef PSM_SERVICE_GEO_CLIENT_H
#define PSM_SERVICE_GEO_CLIENT_H

#include <psymatch/geo_client.h>

#include "service/service.h"

struct psm_geo_client {
	char *osm, *agent, *osrm, *car, *transit;
	int timeout_ms, tries, retry_ms;
	int64_t interval_us;
};

/*
 * GET base + path: *status, and *out (new) unless the answer is no JSON.
 * PSM_ERR_UNAVAILABLE: none of the tries had another answer than 429 or 500 and
 * more.
 */
int psm__geo_fetch(psm_geo_client *client, const char *base, const char *path,
                   int timeout_ms, psm_json **out, psm_error *err);

/* Room for an address of 255 characters, each byte as %XX. */
#define GEO_QUERY_SIZE (255 * 4 * 3 + 128)
void psm__geo_put_query(const char *text, char *to, size_t size);
/* Six decimals, whatever the locale. */
void psm__geo_put_degrees(double degrees, char *to, size_t size);
/* A number, or a text that is one: Nominatim writes degrees as text. 1: it is. */
int psm__geo_read_degrees(const psm_json *v, double *out);

/*
 * What Nominatim knows of an address, or of a place: {"latitude", "longitude":
 * number, "display_name": text or null, "address_components": object, "source":
 * "nominatim", "status": "success"}, new (psm_free). PSM_ERR_SCHEMA: more than
 * 255 characters, or degrees out of range; PSM_ERR_NOT_FOUND: it knows nothing;
 * PSM_ERR_UNAVAILABLE; PSM_ERR_NOMEM.
 */
int psm__geo_find(psm_geo_client *client, const char *address, int timeout_ms,
                  char **out, psm_error *err);
int psm__geo_reverse(psm_geo_client *client, double latitude, double longitude,
                     int timeout_ms, char **out, psm_error *err);

#endif
