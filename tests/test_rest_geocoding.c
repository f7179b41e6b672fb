/* SPDX-License-Identifier: BSD-2-Clause */
/* The geocoding service over HTTP. Geocoder and router are this process's own
 * routes, so what they are asked can be seen. */
#include "testing_rest.h"

static int asked; /* __atomic */

/* -- Nominatim and OSRM */

static int
tell(psm_response *res, const char *json)
{
	__atomic_fetch_add(&asked, 1, __ATOMIC_SEQ_CST);
	psm_response_json(res, 200, json, strlen(json));
	return 0;
}

static int
search(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	const char *q = psm_request_query(req, "q");

	(void)user;
	(void)err;
	if (!q || !strstr(q, "Markt"))
		return tell(res, "[]");
	return tell(res, "[{\"lat\":\"50.7756\",\"lon\":\"6.0836\","
	                 "\"display_name\":\"Markt, Musterstadt\","
	                 "\"address\":{\"road\":\"Markt\"}}]");
}

static int
reverse(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	const char *lat = psm_request_query(req, "lat");

	(void)user;
	(void)err;
	if (!lat || strcmp(lat, "50.775600") != 0)
		return tell(res, "{\"error\":\"Unable to geocode\"}");
	return tell(res, "{\"lat\":\"50.7756\",\"lon\":\"6.0836\","
	                 "\"display_name\":\"Rathaus\"}");
}

static int
route(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	(void)req;
	(void)user;
	(void)err;
	return tell(res, "{\"code\":\"Ok\",\"routes\":[{\"distance\":12345}]}");
}

/* -- the tests */

static const struct step places_steps[] = {
    {"GET",
     "/api/geocode?address=Am%20Markt",
     NULL,
     NULL,
     200,
     {"\"latitude\":50.7756,\"longitude\":6.0836",
      "\"display_name\":\"Markt, Musterstadt\"",
      "\"address_components\":{\"road\":\"Markt\"}",
      "\"source\":\"nominatim\",\"status\":\"success\""}},
    {"GET",
     "/api/geocode?address=nirgends",
     NULL,
     NULL,
     400,
     {"\"status\":\"error\"", "\"error\":\"Geocoding failed\""}},
    {"GET",
     "/api/geocode",
     NULL,
     NULL,
     400,
     {"\"message\":\"Address is required\""}},
    {"GET",
     "/api/geocode?address=%20",
     NULL,
     NULL,
     400,
     {"Address is required"}},
    {"GET",
     "/api/reverse-geocode?lat=50.7756&lon=6.0836",
     NULL,
     NULL,
     200,
     {"\"display_name\":\"Rathaus\"", "\"address_components\":{}",
      "\"latitude\":50.7756"}},
    {"GET",
     "/api/reverse-geocode?lat=1&lon=1",
     NULL,
     NULL,
     400,
     {"\"error\":\"Reverse geocoding failed\""}},
    {"GET",
     "/api/reverse-geocode?lat=91&lon=1",
     NULL,
     NULL,
     400,
     {"Reverse geocoding failed"}},
    {"GET",
     "/api/reverse-geocode?lon=1",
     NULL,
     NULL,
     400,
     {"Latitude is required"}},
    {"GET",
     "/api/reverse-geocode?lat=x&lon=1",
     NULL,
     NULL,
     400,
     {"Latitude is required"}},
    {"GET",
     "/api/reverse-geocode?lat=1",
     NULL,
     NULL,
     400,
     {"Longitude is required"}},
};

/* Said once, kept for both spellings of an address; not what is not known. */
static const struct step again_steps[] = {
    {"GET",
     "/api/geocode?address=%20am%20MARKT",
     NULL,
     NULL,
     200,
     {"\"latitude\":50.7756,\"longitude\":6.0836",
      "\"address_components\":{\"road\":\"Markt\"}",
      "\"source\":\"nominatim\",\"status\":\"success\""}},
    {"GET",
     "/api/reverse-geocode?lat=50.77560004&lon=6.0836",
     NULL,
     NULL,
     200,
     {"\"display_name\":\"Rathaus\"", "\"address_components\":{}"}},
};
static const struct step expired_steps[] = {
    {"GET",
     "/api/geocode?address=Am%20Markt",
     NULL,
     NULL,
     200,
     {"Musterstadt"}},
    {"GET",
     "/api/reverse-geocode?lat=50.7756&lon=6.0836",
     NULL,
     NULL,
     200,
     {"Rathaus"}},
};

START_TEST(places)
{
	STEPS(places_steps);
	ck_assert_int_eq(__atomic_load_n(&asked, __ATOMIC_SEQ_CST), 4);
	STEPS(again_steps);
	ck_assert_int_eq(__atomic_load_n(&asked, __ATOMIC_SEQ_CST), 4);
	pg_run("UPDATE geocoding_service.geocache SET updated_at = "
	       "'2020-01-01'");
	STEPS(expired_steps);
	ck_assert_int_eq(__atomic_load_n(&asked, __ATOMIC_SEQ_CST), 6);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM geocoding_service.geocache"), 2);
	/* Without the cache the geocoder is asked. */
	pg_run("ALTER TABLE geocoding_service.geocache RENAME TO away");
	STEPS(expired_steps);
	ck_assert_int_eq(__atomic_load_n(&asked, __ATOMIC_SEQ_CST), 8);
}
END_TEST

#define DISTANCE "/api/calculate-distance?"

static const struct step distances_steps[] = {
    {"GET",
     DISTANCE "origin=52062&destination=50667",
     NULL,
     NULL,
     200,
     {"\"distance_km\":12.345", "\"status\":\"success\"", "\"source\":\"osrm\"",
      "\"travel_mode\":\"car\""}},
    {"GET",
     DISTANCE "origin=52062&destination=50667&no_cache=false",
     NULL,
     NULL,
     200,
     {"\"source\":\"cache\"", "\"route_available\":true"}},
    {"GET",
     DISTANCE "origin=52062&destination=50667&no_cache=true",
     NULL,
     NULL,
     200,
     {"\"source\":\"osrm\""}},
    {"GET",
     DISTANCE "origin_lat=50.7&origin_lon=6.1&destination=50667&"
              "travel_mode=transit",
     NULL,
     NULL,
     200,
     {"\"travel_mode\":\"transit\"", "\"source\":\"osrm\""}},
    {"GET",
     DISTANCE "origin=nirgends&destination=50667",
     NULL,
     NULL,
     200,
     {"\"status\":\"error\"", "Could not resolve coordinates"}},
    {"GET",
     DISTANCE "destination=50667",
     NULL,
     NULL,
     400,
     {"\"status\":\"error\"",
      "\"error\":\"Origin is required (address or coordinates)\""}},
    {"GET",
     DISTANCE "origin=50667&destination_lat=1",
     NULL,
     NULL,
     400,
     {"\"error\":\"Destination is required (address or coordinates)\""}},
    {"GET",
     DISTANCE "origin=52062&destination=50667&travel_mode=boat",
     NULL,
     NULL,
     400,
     {"\"message\":\"Mode of transport (car or transit)\""}},
    {"GET",
     DISTANCE "origin_lat=91&origin_lon=6.1&destination=50667",
     NULL,
     NULL,
     400,
     {"\"pointer\":\"/origin\""}},
    {"POST", "/api/calculate-distance", JSON, "{}", 405, {NULL}},
};

START_TEST(distances)
{
	STEPS(distances_steps);
	/* Two times by car, once by transit; one address. */
	ck_assert_int_eq(__atomic_load_n(&asked, __ATOMIC_SEQ_CST), 4);
}
END_TEST

#define PLZ "/api/calculate-plz-distance?"

static const struct step codes_steps[] = {
    {"GET",
     PLZ "origin_plz=52062&destination_plz=50667",
     NULL,
     NULL,
     200,
     {"\"source\":\"plz_centroids\"",
      "\"origin_centroid\":{\"latitude\":50.5,\"longitude\":6.5}",
      "\"destination_centroid\":", "\"distance_km\":"}},
    {"GET",
     PLZ "destination_plz=50667",
     NULL,
     NULL,
     400,
     {"\"message\":\"Origin PLZ is required\""}},
    {"GET",
     PLZ "origin_plz=52062",
     NULL,
     NULL,
     400,
     {"\"message\":\"Destination PLZ is required\""}},
    {"GET",
     PLZ "origin_plz=5206&destination_plz=50667",
     NULL,
     NULL,
     400,
     {"\"error\":\"Invalid origin PLZ format: 5206\""}},
    {"GET",
     PLZ "origin_plz=52062&destination_plz=5066x",
     NULL,
     NULL,
     400,
     {"\"error\":\"Invalid destination PLZ format: 5066x\""}},
    {"GET",
     PLZ "origin_plz=52062&destination_plz=99999",
     NULL,
     NULL,
     404,
     {"\"error\":\"One or both PLZ codes not found\""}},
};

START_TEST(codes)
{
	STEPS(codes_steps);
	ck_assert_int_eq(__atomic_load_n(&asked, __ATOMIC_SEQ_CST), 0);
}
END_TEST

/* Its own address is known only when it listens: another service stands in for
 * the servers. */
static psm_service *map;
static pthread_t map_thread;

static void *
run_map(void *fd)
{
	ck_assert_int_eq(psm__svc_run_on(map, *(int *)fd, NULL), 0);
	return NULL;
}

static void
set_up_geocoding(void)
{
	static char url[64];
	static const char *const settings[] = {
	    "OSM_API_URL", url, "OSRM_API_URL", url, "OSM_RATE_LIMIT",
	    "1000",        NULL};
	static int fd, port;
	psm_config *cfg;

	ck_assert_int_eq(psm_service_config(NULL, &cfg, NULL), 0);
	ck_assert_int_eq(psm_service_new("map", cfg, &map, NULL), 0);
	ck_assert_int_eq(
	    psm_service_route(map, "GET", "/search", search, NULL, NULL), 0);
	ck_assert_int_eq(
	    psm_service_route(map, "GET", "/reverse", reverse, NULL, NULL), 0);
	ck_assert_int_eq(psm_service_route(map, "GET", "/route/v1/{mode}/{way}",
	                                   route, NULL, NULL),
	                 0);
	psm_config_free(cfg);
	ck_assert_int_eq(psm__svc_listen("127.0.0.1", 0, &fd, &port, NULL), 0);
	ck_assert_int_eq(pthread_create(&map_thread, NULL, run_map, &fd), 0);
	ck_assert_int_eq(psm__svc_wait(map, SVC_RUNNING, TESTING_WAIT_MS), 0);
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
	service = "geocoding";
	testing_server_settings = settings;
	pg_copy();
	store = pg_store();
	pg_run("INSERT INTO geocoding_service.plz_centroids (plz, ort, "
	       "latitude, longitude) VALUES ('52062', 'Aachen', 50.5, 6.5), "
	       "('50667', 'K\xc3\xb6ln', 50.9, 6.9)");
	start("");
}

static void
tear_down_geocoding(void)
{
	tear_down();
	psm_service_stop(map);
	pthread_join(map_thread, NULL);
	psm_service_free(map);
}

int
main(int argc, char **argv)
{
	static const char *const sets[] = {"psymatch", "geocoding", NULL};
	Suite *s = suite_create("rest_geocoding");
	TCase *tc = tcase_create("rest_geocoding");

	(void)argc;
	pg_main(argv);
	pg_template(sets);
	tcase_add_checked_fixture(tc, set_up_geocoding, tear_down_geocoding);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, places);
	tcase_add_test(tc, distances);
	tcase_add_test(tc, codes);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
