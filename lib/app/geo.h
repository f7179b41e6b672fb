/* SPDX-License-Identifier: BSD-2-Clause */
/* Geocoding: what its files share. */
#ifndef PSM_APP_GEO_H
#define PSM_APP_GEO_H

#include <psymatch/geo.h>

#include "app/app.h"

struct psm_geo {
	psm_geo_address_fn address; /* each may be NULL */
	psm_geo_route_fn route;
	void *user;
	int64_t cache_s;
	int timeout_ms;
};

struct psm__geo_place;
struct psm__geo_run;
/* The geocoder has found a place; name "": it has none. */
typedef int psm__geo_found_fn(const struct psm__geo_run *run,
                              const struct psm__geo_place *place,
                              const char *name, psm_error *err);

/* One use of it: statements run in tx, or without one each by itself. */
struct psm__geo_run {
	const psm_geo *geo;
	psm_store *store;
	psm_tx *tx;
	int64_t until_ms; /* monotonic: when geocoder and router must be done */
	int use_cache;
	psm__geo_found_fn *found; /* NULL: nobody is told */
	const psm_event *ev;      /* that asks; NULL: none does */
};
void psm__geo_begin(struct psm__geo_run *run, const psm_geo *geo,
                    psm_store *store, psm_tx *tx);
int psm__geo_exec(const struct psm__geo_run *run, const char *sql, size_t count,
                  const char *const *params, psm_rows **rows, psm_error *err);

/* A place as it was asked for, and where it is. */
struct psm__geo_place {
	const char *name;    /* of the member: "origin" */
	const char *address; /* borrowed of the request; NULL: coordinates */
	double lat, lon;
	int known;       /* 1: lat and lon are */
	const char *why; /* else: why not */
};
/* A member that is missing or wrong is a fault of err, with PSM_ERR_SCHEMA. */
int psm__geo_read_place(const psm_json *doc, const char *name,
                        struct psm__geo_place *out, psm_error *err);
/* 1: not blank, and short enough. */
int psm__geo_check_address(const char *text);
/* Add the fault of a member; PSM_ERR_SCHEMA. */
int psm__geo_fault(const char *name, const char *want, psm_error *err);
/* Find it, by postal code, cache or geocoder; 0 also if it is not known. */
int psm__geo_resolve(const struct psm__geo_run *run,
                     struct psm__geo_place *place, psm_error *err);

/* 1: the centroid of the postal code in the address is known; 0: not. */
int psm__geo_find_centroid(const struct psm__geo_run *run,
                           struct psm__geo_place *place, psm_error *err);
/* A field as a number; null is NaN. 0 or PSM_ERR_NOMEM. */
int psm__geo_take_number(const psm_rows *rows, size_t row, size_t column,
                         double *out, psm_error *err);
/* Take a row of latitude and longitude; 1: known, 0: out of range. */
int psm__geo_take_place(const psm_rows *rows, struct psm__geo_place *place,
                        psm_error *err);
/* Time that geocoder or router may still take. */
int psm__geo_left_ms(const struct psm__geo_run *run);

/* -- geo_cache.c: what the geocoder and the router said before; 1 found, 0 not.
 * Nothing older than geo->cache_s is found, and nothing partial. */
int psm__geo_cached_place(const struct psm__geo_run *run,
                          struct psm__geo_place *place, psm_error *err);
int psm__geo_keep_place(const struct psm__geo_run *run,
                        const struct psm__geo_place *place, const char *name,
                        psm_error *err);
int psm__geo_cached_route(const struct psm__geo_run *run, const double *places,
                          const char *mode, double *km, psm_error *err);
int psm__geo_keep_route(const struct psm__geo_run *run, const double *places,
                        const char *mode, double km, psm_error *err);

/* -- geo_distance.c: psm_geo_distance() of a document that was read. */
int psm__geo_answer(struct psm__geo_run *run, const psm_json *doc, char **out,
                    psm_error *err);
/* The answer to a request that cannot be done. */
int psm__geo_refuse(const char *why, char **out, psm_error *err);

#endif
