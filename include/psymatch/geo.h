/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_GEO_H
#define PSYMATCH_GEO_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/event.h>
#include <psymatch/processor.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/**
 * Distances between places: postal codes by their centroids, other addresses by
 * a geocoder, roads by a router. Both are functions of the program.
 */
typedef struct psm_geo psm_geo;

/* Bytes of a place's display name with its NUL. */
enum psm_geo_limit { PSM_GEO_NAME_SIZE = 256 };

/**
 * Finds the place of an address.
 *
 * @param address     UTF-8, 1 to 255 characters; borrowed for the call.
 * @param latitude    receives degrees, -90 to 90.
 * @param longitude   receives degrees, -180 to 180.
 * @param name        name[PSM_GEO_NAME_SIZE], "" at first: receives what the
 *                    geocoder calls the place, or stays.
 * @param timeout_ms  time it may take, 1 or more.
 * @param user        as given to psm_geo_new().
 * @param err         never NULL; details of a failure.
 * @return 0: found; or
 *   PSM_ERR_NOT_FOUND    there is no such place;
 *   PSM_ERR_UNAVAILABLE  the geocoder did not answer. Any other code means the
 *                        same.
 *
 * Threads: that of the call that needs it; several at once if those are.
 * Blocks: at most timeout_ms. Since 0.1.
 */
typedef int (*psm_geo_address_fn)(const char *address, double *latitude,
                                  double *longitude, char *name, int timeout_ms,
                                  void *user, psm_error *err);

/**
 * Finds the way between two places.
 *
 * @param places       places[4]: latitude and longitude of the origin, then of
 *                     the destination; borrowed for the call.
 * @param travel_mode  "car" or "transit".
 * @param distance_km  receives the length of the way, 0 or more.
 * @param timeout_ms   time it may take, 1 or more.
 * @param user         as given to psm_geo_new().
 * @param err          never NULL; details of a failure.
 * @return 0: found; or
 *   PSM_ERR_NOT_FOUND    there is no way;
 *   PSM_ERR_UNAVAILABLE  the router did not answer. Any other code means the
 *                        same.
 *
 * Threads: that of the call that needs it; several at once if those are.
 * Blocks: at most timeout_ms. Since 0.1.
 */
typedef int (*psm_geo_route_fn)(const double *places, const char *travel_mode,
                                double *distance_km, int timeout_ms, void *user,
                                psm_error *err);

/**
 * Say how distances are to be found.
 *
 * @param address     the geocoder; NULL: none, only postal codes and
 *                    coordinates are known.
 * @param route       the router; NULL: none, distances are as the crow flies.
 * @param user        given to both; borrowed until psm_geo_free().
 * @param cache_s     seconds for which answers of both are kept in the
 *                    database, 0: not at all.
 * @param timeout_ms  time that the calls of both may take together for one
 *                    distance, 1 or more.
 * @param out         new (psm_geo_free); NULL after a failure.
 * @param err         details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  out is NULL, or a number out of its range;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_geo_new(psm_geo_address_fn address, psm_geo_route_fn route,
                        void *user, int64_t cache_s, int timeout_ms,
                        psm_geo **out, psm_error *err) PSM_CHECK;

/**
 * Free what psm_geo_new() made; no call with it may be under way.
 *
 * @param geo  taken; NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_geo_free(psm_geo *geo);

/**
 * What a geocoder said of an address or of a place before: an answer of
 * psm_geo_remember() that is not older than the time of psm_geo_new().
 *
 * @param geo        how long answers are kept.
 * @param store      an open store whose set "geocoding" is migrated.
 * @param address    1 to 255 characters; upper and lower case (beyond ASCII as
 *                   the LC_CTYPE of the database knows it) do not count, nor
 *                   blanks around. NULL: the place is asked for.
 * @param latitude   of the place, -90 to 90, by six decimals; not looked at
 *                   with an address.
 * @param longitude  of the place, -180 to 180, as latitude.
 * @param out        receives the answer as JSON, new (psm_free); NULL if there
 *                   is none and after a failure.
 * @param err        details of a failure; may be NULL.
 * @return 1: found, 0: not found, or
 *   PSM_ERR_INVAL    geo, store or out is NULL;
 *   PSM_ERR_SCHEMA   address is blank or too long, or the place out of range;
 *   PSM_ERR_DB       the database failed;
 *   PSM_ERR_TIMEOUT  the database did not answer in time;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_geo_recall(const psm_geo *geo, psm_store *store,
                           const char *address, double latitude,
                           double longitude, char **out,
                           psm_error *err) PSM_CHECK;

/**
 * Keep what a geocoder said of an address or of a place, in place of what it
 * said before; some answers that are too old go.
 *
 * @param geo        as for psm_geo_recall().
 * @param store      as for psm_geo_recall().
 * @param address    as for psm_geo_recall().
 * @param latitude   as for psm_geo_recall().
 * @param longitude  as for psm_geo_recall().
 * @param json       the answer: {"latitude": number, "longitude": number,
 *   "display_name": text or null, "status": "success", ..}, NUL-terminated.
 * @param err        details of a failure; may be NULL.
 * @return 0: kept, or answers are not kept at all; or
 *   PSM_ERR_INVAL    geo, store or json is NULL;
 *   PSM_ERR_SCHEMA   as psm_geo_recall(), or json is no such answer;
 *   PSM_ERR_DB       the database failed;
 *   PSM_ERR_TIMEOUT  the database did not answer in time;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_geo_remember(const psm_geo *geo, psm_store *store,
                             const char *address, double latitude,
                             double longitude, const char *json,
                             psm_error *err) PSM_CHECK;

/**
 * The distance between two places. A pair of coordinates is used as it is; a
 * text whose first word of five digits is a postal code with a known centroid
 * means that centroid, any other goes to the geocoder. Then the cache is asked,
 * then the router; without either the distance is that of the great circle, and
 * the status "partial". A partial result is not kept: only the router's are,
 * and only they are "success".
 *
 * @param geo    how it is found.
 * @param store  an open store whose set "geocoding" is migrated.
 * @param json   {"origin": place, "destination": place, "travel_mode": "car"
 *   (default) or "transit", "use_cache": boolean (default true)}, where a place
 *   is a text of 1 to 255 characters or [latitude, longitude]; borrowed.
 * @param len    bytes of json.
 * @param out    receives {"distance_km": number or null, "status": "success",
 *   "partial" or "error", "source": "osrm", "cache" or "haversine",
 *   "travel_mode", "route_available": boolean, "error": text}, where only a
 *   status of "error" has an error, no source and no distance: a place is
 *   not known. New (psm_free); NULL after a failure.
 * @param err    details of a failure with one fault per wrong member; may be
 *   NULL.
 * @return 0: *out tells, also of an error; or
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_SCHEMA     a member is missing or wrong, e.g. coordinates out of
 *                      range or another travel mode;
 *   PSM_ERR_TOO_LARGE  json is too long;
 *   PSM_ERR_DB         the database failed;
 *   PSM_ERR_TIMEOUT    the database did not answer in time;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database, and up to the time of psm_geo_new();
 * no connection of the store is held meanwhile. Since 0.1.
 */
PSM_API int psm_geo_distance(const psm_geo *geo, psm_store *store,
                             const char *json, size_t len, char **out,
                             psm_error *err) PSM_CHECK;

/**
 * The great circle between the centroids of two postal codes.
 *
 * @param store  an open store whose set "geocoding" is migrated.
 * @param from   a postal code of five digits.
 * @param to     a postal code of five digits.
 * @param out    receives {"distance_km": number with two decimals, "status":
 *   "success", "source": "plz_centroids", "origin_centroid": {"latitude",
 *   "longitude"}, "destination_centroid": {"latitude", "longitude"}}; new
 *   (psm_free); NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_SCHEMA     a text is no postal code;
 *   PSM_ERR_NOT_FOUND  the centroid of a code is not known;
 *   PSM_ERR_DB         the database failed;
 *   PSM_ERR_TIMEOUT    the database did not answer in time;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_geo_plz_distance(psm_store *store, const char *from,
                                 const char *to, char **out,
                                 psm_error *err) PSM_CHECK;

/**
 * Load the centroids of postal codes, in one transaction. Of several records
 * of one code the first counts; a record of another country, without a place,
 * with another code than five digits, or with a latitude or longitude that is 0
 * or out of range, is left out.
 *
 * @param store   an open store whose set "geocoding" is migrated.
 * @param json    [{"country_code": "DE", "zipcode", "place", "state",
 *                "state_code", "latitude", "longitude"}], coordinates as text
 *                or number; borrowed.
 * @param len     bytes of json, at most 16 MiB.
 * @param update  0: codes that are known already stay as they are; 1: they
 *                become what the file says.
 * @param err     details of a failure; may be NULL.
 * @return count of codes written, 0 if all of them were known already; or
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_SCHEMA     it is not an array, or no record of it can be used;
 *   PSM_ERR_TOO_LARGE  json is too long;
 *   PSM_ERR_DB         the database failed, nothing was written;
 *   PSM_ERR_TIMEOUT    the database did not answer in time;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_geo_load(psm_store *store, const char *json, size_t len,
                         int update, psm_error *err) PSM_CHECK;

/**
 * psm_geo_load() of a file.
 *
 * @param store   as for psm_geo_load().
 * @param path    the file, NUL-terminated; borrowed.
 * @param update  as for psm_geo_load().
 * @param err     details of a failure; may be NULL.
 * @return what psm_geo_load() says, or
 *   PSM_ERR_INVAL  a NULL argument;
 *   PSM_ERR_IO     the file cannot be read;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: on disk and database. Since 0.1.
 */
PSM_API int psm_geo_load_file(psm_store *store, const char *path, int update,
                              psm_error *err) PSM_CHECK;

/**
 * Answer an event of "geocoding-requests" with exactly one event, also when the
 * request is wrong. geocoding.calculate_distance: geocoding.distance_result,
 * whose result is that of psm_geo_distance(), a wrong request being an error.
 * geocoding.search_therapists: geocoding.therapist_search_result with the
 * therapists of status "aktiv" within "radius_km" (0 to 1000, default 25) of
 * "patient_location", a place as for psm_geo_distance(), as the crow flies,
 * nearest first, at most "limit" (1 to 200, default 50), both numbers from the
 * object "search_params": {"therapist_id", "distance_km", "plz", "ort"}. They
 * come from the matching service's copy, or where there is none, from the
 * therapist service. Without a request_id an event is none of the catalogue,
 * and a dead letter. Other types do nothing.
 *
 * @param tx    a transaction; it is neither committed nor rolled back.
 * @param ev    the event; borrowed.
 * @param user  a psm_geo (so that this is a psm_tx_event_fn).
 * @param err   details of a failure; may be NULL.
 * @return 0; or
 *   PSM_ERR_INVAL    a NULL argument;
 *   PSM_ERR_REJECT   no answer can be made;
 *   PSM_ERR_DB       the database failed;
 *   PSM_ERR_TIMEOUT  the database did not answer in time;
 *   PSM_ERR_IO       the system gave no random bytes;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any, one at a time per transaction. Blocks: on the database, and up
 * to the time of psm_geo_new(). Since 0.1.
 */
PSM_API int psm_geo_handle(psm_tx *tx, const psm_event *ev, void *user,
                           psm_error *err) PSM_CHECK;

/**
 * Let a processor answer requests: subscribe it to "geocoding-requests" and set
 * psm_geo_handle() for its types. Call it before psm_processor_start().
 *
 * @param pr   a processor whose store has the set "geocoding" migrated.
 * @param geo  borrowed until pr is freed.
 * @param err  details of a failure; may be NULL.
 * @return 0, or what psm_processor_subscribe() and psm_processor_on() say;
 *   PSM_ERR_INVAL  a NULL argument.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_geo_subscribe(psm_processor *pr, psm_geo *geo,
                              psm_error *err) PSM_CHECK;

/**
 * The types psm_geo_handle() knows; all are of "geocoding-requests".
 *
 * @param i  index from 0.
 * @return borrowed for ever; NULL past the end.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_geo_type_at(size_t i);

/**
 * Add psm_geo_handle() to a set of handlers for each type that it knows, or
 * for those of one topic. An event that cannot be
 * handled now is parked (PSM_ON_FAILURE_PARK); other keys go on.
 *
 * @param hs     a set, e.g. for psm_processor_handlers() of a processor whose
 *   store has the set "geocoding" migrated.
 * @param geo    borrowed until hs and all that use it are freed.
 * @param topic  e.g. "geocoding-requests"; NULL: all topics.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL     hs or geo is NULL, or no type is of that topic;
 *   PSM_ERR_CONFLICT  the set has a handler of one of the types;
 *   PSM_ERR_NOMEM     out of memory.
 *   After an error the set may have some of them.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_geo_handlers(psm_handlers *hs, psm_geo *geo, const char *topic,
                             psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
