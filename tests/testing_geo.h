/* SPDX-License-Identifier: BSD-2-Clause */
/* A geocoder and a router that say what they are told to, and some invented
 * centroids. */
#ifndef PSM_TESTING_GEO_H
#define PSM_TESTING_GEO_H

#include <psymatch/geo.h>

#include "testing_app.h"

enum { CACHE_S = 3600 };
#define NOW_US INT64_C(1772445600000000) /* 2026-03-02T10:00:00Z */

static psm_geo *geo;
static int64_t now_us;

static struct {
	int addresses, routes; /* calls */
	int address_rc, route_rc;
	double lat, lon, km;
	char mode[16];
} fake;

static int64_t
clock_now(void *user)
{
	(void)user;
	return now_us;
}

static int
fake_address(const char *address, double *lat, double *lon, char *name,
             int timeout_ms, void *user, psm_error *e)
{
	ck_assert_ptr_eq(user, &fake);
	ck_assert_ptr_nonnull(address);
	ck_assert_ptr_nonnull(e);
	ck_assert_int_ge(timeout_ms, 1);
	fake.addresses++;
	*lat = fake.lat;
	*lon = fake.lon;
	(void)snprintf(name, PSM_GEO_NAME_SIZE, "Musterhausen");
	return fake.address_rc;
}

static int
fake_route(const double *places, const char *mode, double *km, int timeout_ms,
           void *user, psm_error *e)
{
	ck_assert_ptr_eq(user, &fake);
	ck_assert_ptr_nonnull(places);
	ck_assert_ptr_nonnull(e);
	ck_assert_int_ge(timeout_ms, 1);
	fake.routes++;
	(void)snprintf(fake.mode, sizeof(fake.mode), "%s", mode);
	*km = fake.km;
	return fake.route_rc;
}

static const char centroids[] =
    "[{\"country_code\": \"DE\", \"zipcode\": \"10115\", \"place\": "
    "\"Musterstadt\", \"state\": \"Berlin\", \"state_code\": \"BE\", "
    "\"latitude\": \"52.5\", \"longitude\": \"13.4\"},"
    "{\"country_code\": \"DE\", \"zipcode\": \"10117\", \"place\": "
    "\"Musterstadt\", \"latitude\": 52.51, \"longitude\": 13.38},"
    "{\"country_code\": \"DE\", \"zipcode\": \"52062\", \"place\": "
    "\"Musterau\", \"latitude\": 50.8, \"longitude\": 6.1}]";

static void
geo_setup(void)
{
	app_setup();
	OK(psm_store_migrate(st, "geocoding", err));
	memset(&fake, 0, sizeof(fake));
	now_us = NOW_US;
	psm_set_clock(clock_now, NULL);
	OK(psm_geo_new(fake_address, fake_route, &fake, CACHE_S, 5000, &geo,
	               err));
	ck_assert_int_eq(psm_geo_load(st, centroids, strlen(centroids), 0, err),
	                 3);
}

static void
geo_teardown(void)
{
	psm_set_clock(NULL, NULL);
	psm_geo_free(geo);
	app_teardown();
}

#endif
