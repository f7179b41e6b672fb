/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests as events: each is answered exactly once, also when it is wrong. */
#include "base/base.h"
#include "testing_geo.h"

#include <psymatch/payload.h>

/* Handle a request with this payload. */
static int
handle(const char *type, const char *payload)
{
	psm_event *ev = NULL;
	psm_tx *tx = NULL;
	int rc;
	char text[1000], id[37];

	ck_assert_int_eq(psm_uuid_new(id, sizeof(id)), 0);
	(void)snprintf(text, sizeof(text),
	               "{\"event_id\": \"%s\", \"event_type\": \"%s\", "
	               "\"version\": \"1.0\", \"timestamp\": "
	               "\"2026-03-02T10:00:00Z\", \"producer\": \"test\", "
	               "\"payload\": %s}",
	               id, type, payload);
	OK(psm_event_parse(text, strlen(text), &ev, err));
	OK(psm_tx_begin(st, &tx, err));
	rc = psm_geo_handle(tx, ev, geo, err);
	if (rc == 0)
		OK(psm_tx_commit(tx, err));
	else
		psm_tx_rollback(tx);
	psm_event_free(ev);
	return rc;
}

/* The payload of the only answer, which is taken away. */
static char *
answer(const char *type, const char *key)
{
	char *payload;

	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.outbox WHERE type = '%s' "
	           "AND aggregateid = '%s'",
	           type, key),
	    1);
	payload = pg_text("SELECT payload::jsonb FROM psymatch.outbox");
	pg_run("DELETE FROM psymatch.outbox");
	return payload;
}

static void
expect(const char *type, const char *key, const char *want)
{
	char *got = answer(type, key);

	ck_assert_str_eq(got, want);
	free(got);
}

#define DISTANCE "geocoding.calculate_distance"
#define RESULT "geocoding.distance_result"
#define SEARCH "geocoding.search_therapists"
#define FOUND "geocoding.therapist_search_result"

/* Infrastructure fault S9: coordinates are a place, too. */
START_TEST(fault_S9_coordinates)
{
	fake.km = 12.5;
	ck_assert_int_eq(handle(DISTANCE, "{\"request_id\": 7, \"origin\": "
	                                  "[52.5, 13.4], \"destination\": "
	                                  "\"10117\", \"travel_mode\": "
	                                  "\"transit\"}"),
	                 0);
	expect(RESULT, "7",
	       "{\"result\": {\"source\": \"osrm\", \"status\": \"success\", "
	       "\"distance_km\": 12.5, \"travel_mode\": \"transit\", "
	       "\"route_available\": true}, \"request_id\": 7}");
}
END_TEST

/* Infrastructure fault S9: a wrong request gets an answer. */
START_TEST(fault_S9_wrong_requests_are_answered)
{
	static const struct {
		const char *payload, *why;
	} cases[] = {
	    {"{\"request_id\": \"r\"}", "origin: want an address or [latitude, "
	                                "longitude]"},
	    {"{\"request_id\": \"r\", \"origin\": \"10115\"}",
	     "destination: want an address or [latitude, longitude]"},
	    {"{\"request_id\": \"r\", \"origin\": [100, 0], \"destination\": "
	     "\"10115\"}",
	     "origin: want a latitude of -90 to 90, a longitude of -180 to "
	     "180"},
	    {"{\"request_id\": \"r\", \"origin\": \"10115\", \"destination\": "
	     "\"10117\", \"travel_mode\": \"bicycle\"}",
	     "travel_mode: want \"car\" or \"transit\""},
	    {"{\"request_id\": \"r\", \"origin\": \"10115\", \"destination\": "
	     "\"10117\", \"travel_mode\": 7}",
	     "travel_mode: want \"car\" or \"transit\""},
	};

	for (size_t i = 0; i < PSM__COUNT(cases); i++) {
		psm_json *doc = NULL;
		const char *why;
		char *got;

		ck_assert_int_eq(handle(DISTANCE, cases[i].payload), 0);
		got = answer(RESULT, "r");
		OK(psm_json_parse(got, strlen(got), &doc, err));
		why = psm_json_string(psm_json_at(doc, "/result/error"));
		ck_assert_ptr_nonnull(why);
		ck_assert_str_eq(why, cases[i].why);
		ck_assert_str_eq(
		    psm_json_string(psm_json_at(doc, "/result/status")),
		    "error");
		ck_assert_int_eq(
		    psm_json_kind(psm_json_at(doc, "/result/distance_km")),
		    PSM_JSON_NULL);
		psm_json_free(doc);
		free(got);
	}
}
END_TEST

/* A wrong request passes the catalogue's check: else it would be a dead letter
 * before anybody could answer it. */
START_TEST(the_catalogue_lets_wrong_requests_through)
{
	static const char *const payloads[] = {
	    "{\"request_id\": 1}",
	    "{\"request_id\": 1, \"origin\": {}, \"destination\": 7, "
	    "\"travel_mode\": [], \"patient_location\": false, "
	    "\"search_params\": \"x\"}"};
	psm_json *doc = NULL;

	for (size_t i = 0; i < PSM__COUNT(payloads); i++) {
		OK(psm_json_parse(payloads[i], strlen(payloads[i]), &doc, err));
		OK(psm_catalogue_check(DISTANCE, doc, err));
		OK(psm_catalogue_check(SEARCH, doc, err));
		psm_json_free(doc);
	}
}
END_TEST

/* Nobody could tell to whom the answer belongs: a dead letter. */
START_TEST(without_an_id_there_is_no_request)
{
	static const char *const payloads[] = {
	    "{\"origin\": \"10115\", \"destination\": \"10117\"}",
	    "{\"request_id\": null}", "{\"request_id\": [1]}",
	    "{\"request_id\": {}}"};
	psm_json *doc = NULL;

	for (size_t i = 0; i < PSM__COUNT(payloads); i++) {
		OK(psm_json_parse(payloads[i], strlen(payloads[i]), &doc, err));
		ck_assert_int_eq(psm_catalogue_check(DISTANCE, doc, err),
		                 PSM_ERR_SCHEMA);
		ck_assert_int_eq(psm_catalogue_check(SEARCH, doc, err),
		                 PSM_ERR_SCHEMA);
		psm_json_free(doc);
	}
}
END_TEST

START_TEST(other_types_do_nothing)
{
	ck_assert_int_eq(handle("geocoding.geocode_result",
	                        "{\"request_id\": 1, \"address\": \"x\"}"),
	                 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
}
END_TEST

/* What the geocoder finds for a request is told, what is known is not. */
START_TEST(what_is_found_is_told)
{
	char *got;

	fake.lat = 50.75;
	fake.lon = 6.125;
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(handle(DISTANCE,
		                        "{\"request_id\": \"r\", \"origin\": "
		                        "\"Musterweg\", \"destination\": "
		                        "\"10117\"}"),
		                 0);
	ck_assert_int_eq(outbox(RESULT), 2);
	pg_run("DELETE FROM psymatch.outbox WHERE type = '" RESULT "'");
	got = answer("geocoding.geocode_result", "r");
	ck_assert_str_eq(got, "{\"address\": \"Musterweg\", \"request_id\": "
	                      "\"r\", \"coordinates\": [50.75, 6.125], "
	                      "\"display_name\": \"Musterhausen\"}");
	free(got);
}
END_TEST

START_TEST(a_place_that_nobody_knows)
{
	fake.address_rc = PSM_ERR_UNAVAILABLE;
	ck_assert_int_eq(handle(DISTANCE, "{\"request_id\": 7, \"origin\": "
	                                  "\"Musterweg\", \"destination\": "
	                                  "\"10117\"}"),
	                 0);
	expect(RESULT, "7",
	       "{\"result\": {\"error\": \"Could not resolve coordinates of "
	       "the origin: no geocoder answered\", \"status\": \"error\", "
	       "\"distance_km\": null, \"travel_mode\": \"car\", "
	       "\"route_available\": false}, \"request_id\": 7}");
	ck_assert_int_eq(handle(SEARCH, "{\"request_id\": 7, "
	                                "\"patient_location\": \"Musterweg\"}"),
	                 0);
	expect(FOUND, "7",
	       "{\"error\": \"Could not resolve coordinates of the "
	       "patient_location\", \"status\": \"error\", \"request_id\": 7, "
	       "\"therapists\": []}");
}
END_TEST

static void
copies(void)
{
	pg_run("INSERT INTO matching_service.therapeuten_kopie "
	       "(id, plz, ort, nachname, status, event_time, event_id) "
	       "SELECT id, plz, ort, 'Muster', status, now(), 'x' FROM (VALUES "
	       "(1, '10117', 'Musterstadt', 'aktiv'), "
	       "(2, '10115', 'Musterstadt', 'aktiv'), "
	       "(3, '10115', 'Musterstadt', 'gesperrt'), "
	       "(4, '52062', 'Musterau', 'aktiv'), "
	       "(5, '99999', NULL, 'aktiv'), "
	       "(6, '10115', 'Musterstadt', 'aktiv')) t(id, plz, ort, status)");
}

#define NEAR(id, km, plz)                                                      \
	"{\"ort\": \"Musterstadt\", \"plz\": \"" plz                           \
	"\", \"distance_km\": " km ", \"therapist_id\": " id "}"

START_TEST(therapists_around_a_place)
{
	copies();
	ck_assert_int_eq(handle(SEARCH, "{\"request_id\": 7, "
	                                "\"patient_location\": \"10115\"}"),
	                 0);
	expect(
	    FOUND, "7",
	    "{\"status\": \"success\", \"request_id\": 7, \"therapists\": "
	    "[" NEAR("2", "0", "10115") ", " NEAR("6", "0", "10115") ", " NEAR(
		"1", "1.75",
		"10117") "], "
			 "\"search_params\": {\"limit\": 50, \"radius_km\": 25}, "
			 "\"patient_location\": [52.5, 13.4]}");
	ck_assert_int_eq(handle(SEARCH, "{\"request_id\": 8, "
	                                "\"patient_location\": [52.51, 13.38], "
	                                "\"search_params\": {\"radius_km\": 1, "
	                                "\"limit\": 1}}"),
	                 0);
	expect(
	    FOUND, "8",
	    "{\"status\": \"success\", \"request_id\": 8, \"therapists\": "
	    "[" NEAR(
		"1", "0",
		"10117") "], "
			 "\"search_params\": {\"limit\": 1, \"radius_km\": 1}, "
			 "\"patient_location\": [52.51, 13.38]}");
	ck_assert_int_eq(handle(SEARCH, "{\"request_id\": 9, "
	                                "\"patient_location\": [0, 0]}"),
	                 0);
	expect(FOUND, "9",
	       "{\"status\": \"success\", \"request_id\": 9, \"therapists\": "
	       "[], \"search_params\": {\"limit\": 50, \"radius_km\": 25}, "
	       "\"patient_location\": [0, 0]}");
}
END_TEST

START_TEST(of_the_therapist_service)
{
	pg_run("DROP SCHEMA matching_service CASCADE");
	pg_run(
	    "INSERT INTO therapist_service.therapeuten "
	    "(anrede, geschlecht, vorname, nachname, plz, ort, status) VALUES "
	    "('Frau', 'weiblich', 'A', 'Muster', '10115', 'Musterstadt', "
	    "'aktiv'), "
	    "('Frau', 'weiblich', 'B', 'Muster', '10115', 'Musterstadt', "
	    "'inaktiv')");
	ck_assert_int_eq(handle(SEARCH, "{\"request_id\": 7, "
	                                "\"patient_location\": \"10115\"}"),
	                 0);
	expect(
	    FOUND, "7",
	    "{\"status\": \"success\", \"request_id\": 7, \"therapists\": "
	    "[" NEAR(
		"1", "0",
		"10115") "], "
			 "\"search_params\": {\"limit\": 50, \"radius_km\": 25}, "
			 "\"patient_location\": [52.5, 13.4]}");
}
END_TEST

START_TEST(wrong_searches_are_answered)
{
	static const char *const payloads[] = {
	    "{\"request_id\": 7}",
	    "{\"request_id\": 7, \"patient_location\": 7}",
	    "{\"request_id\": 7, \"patient_location\": \"10115\", "
	    "\"search_params\": []}",
	    "{\"request_id\": 7, \"patient_location\": \"10115\", "
	    "\"search_params\": {\"radius_km\": 1001}}",
	    "{\"request_id\": 7, \"patient_location\": \"10115\", "
	    "\"search_params\": {\"radius_km\": -1}}",
	    "{\"request_id\": 7, \"patient_location\": \"10115\", "
	    "\"search_params\": {\"limit\": 0}}",
	    "{\"request_id\": 7, \"patient_location\": \"10115\", "
	    "\"search_params\": {\"limit\": \"5\"}}"};

	copies();
	for (size_t i = 0; i < PSM__COUNT(payloads); i++) {
		char *got;

		ck_assert_int_eq(handle(SEARCH, payloads[i]), 0);
		got = answer(FOUND, "7");
		ck_assert_msg(strstr(got, "\"status\": \"error\"") != NULL &&
		                  strstr(got, "want") != NULL &&
		                  strstr(got, "\"therapists\": []") != NULL,
		              "%zu: %s", i, got);
		free(got);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("geo_event");
	TCase *t = tcase_create("event");

	tcase_add_checked_fixture(t, geo_setup, geo_teardown);
	tcase_add_test(t, fault_S9_coordinates);
	tcase_add_test(t, fault_S9_wrong_requests_are_answered);
	tcase_add_test(t, the_catalogue_lets_wrong_requests_through);
	tcase_add_test(t, without_an_id_there_is_no_request);
	tcase_add_test(t, other_types_do_nothing);
	tcase_add_test(t, a_place_that_nobody_knows);
	tcase_add_test(t, what_is_found_is_told);
	tcase_add_test(t, therapists_around_a_place);
	tcase_add_test(t, of_the_therapist_service);
	tcase_add_test(t, wrong_searches_are_answered);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
