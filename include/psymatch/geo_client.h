/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_GEO_CLIENT_H
#define PSYMATCH_GEO_CLIENT_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/geo.h>

PSM_BEGIN_DECLS

/**
 * Asks Nominatim for places and OSRM for ways, for psm_geo_new(). All requests
 * of a process together are at least 1/OSM_RATE_LIMIT seconds apart, each try
 * counts. A try ends after OSM_TIMEOUT; without an answer, with status 429 or
 * from 500 on there are up to OSM_MAX_RETRIES tries in all, GEOCODING_RETRY_MS
 * apart, after a 429 longer each time. What would end after the deadline of the
 * call is not begun.
 *
 * Settings, registered by psm_service_config(): OSM_API_URL, OSM_USER_AGENT,
 * OSM_TIMEOUT, OSM_MAX_RETRIES, OSM_RATE_LIMIT, GEOCODING_RETRY_MS,
 * OSRM_API_URL, OSRM_PROFILE_CAR and OSRM_PROFILE_TRANSIT; an empty URL: there
 * is none. CACHE_TTL_SECONDS and GEOCODING_TIMEOUT_MS are for psm_geo_new().
 */
typedef struct psm_geo_client psm_geo_client;

/**
 * A client; it does not connect yet.
 *
 * @param cfg  settings as psm_service_config() makes them; borrowed for the
 *             call.
 * @param out  new (psm_geo_client_free); NULL after a failure.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL   a NULL argument;
 *   PSM_ERR_CONFIG  OSM_RATE_LIMIT is no number from 0.01 to 1000, or the
 *                   settings of libpsymatch-service are not registered;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_geo_client_new(const psm_config *cfg, psm_geo_client **out,
                               psm_error *err) PSM_CHECK;

/**
 * Free what psm_geo_client_new() made; no call with it may be under way.
 *
 * @param client  taken; NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_geo_client_free(psm_geo_client *client);

/**
 * The place of an address, by Nominatim: a psm_geo_address_fn.
 *
 * @param address     as psm_geo_address_fn says, as the next four.
 * @param latitude    receives degrees.
 * @param longitude   receives degrees.
 * @param name        name[PSM_GEO_NAME_SIZE] receives the display name.
 * @param timeout_ms  time it may take with all tries and pauses.
 * @param user        a psm_geo_client.
 * @param err         details of a failure; may be NULL. No message has the
 *                    address.
 * @return 0: found; or
 *   PSM_ERR_INVAL        a NULL argument;
 *   PSM_ERR_NOT_FOUND    there is no such place;
 *   PSM_ERR_UNAVAILABLE  no usable answer in time;
 *   PSM_ERR_NOMEM        out of memory.
 *
 * Threads: any. Blocks: at most timeout_ms. Since 0.1.
 */
PSM_API int psm_geo_client_address(const char *address, double *latitude,
                                   double *longitude, char *name,
                                   int timeout_ms, void *user,
                                   psm_error *err) PSM_CHECK;

/**
 * The way between two places, by OSRM: a psm_geo_route_fn.
 *
 * @param places       as psm_geo_route_fn says, as the next three.
 * @param travel_mode  "car", else OSRM_PROFILE_TRANSIT is meant.
 * @param distance_km  receives the length.
 * @param timeout_ms   time it may take with all tries and pauses.
 * @param user         a psm_geo_client.
 * @param err          details of a failure; may be NULL.
 * @return 0: found; or
 *   PSM_ERR_INVAL        a NULL argument;
 *   PSM_ERR_NOT_FOUND    there is no way;
 *   PSM_ERR_UNAVAILABLE  no usable answer in time;
 *   PSM_ERR_NOMEM        out of memory.
 *
 * Threads: any. Blocks: at most timeout_ms. Since 0.1.
 */
PSM_API int psm_geo_client_route(const double *places, const char *travel_mode,
                                 double *distance_km, int timeout_ms,
                                 void *user, psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
