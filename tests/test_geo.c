/* SPDX-License-Identifier: BSD-2-Clause */
/* Distances: postal codes, geocoder, router, cache; and the centroids' file. */
#include "base/base.h"
#include "testing_geo.h"

/* What is answered, and what is expected of it. */
static char *
ask(const char *json)
{
	char *out = NULL;

	OK(psm_geo_distance(geo, st, json, strlen(json), &out, err));
	return out;
}

static void
expect(const char *json, const char *want)
{
	char *out = ask(json);

	ck_assert_str_eq(out, want);
	psm_free(out);
}

#define SUCCESS(km, source)                                                    \
	"{\"distance_km\":" km ",\"status\":\"success\",\"source\":\"" source  \
	"\",\"travel_mode\":\"car\",\"route_available\":true}"
#define PARTIAL(km)                                                            \
	"{\"distance_km\":" km ",\"status\":\"partial\","                      \
	"\"source\":\"haversine\",\"travel_mode\":\"car\","                    \
	"\"route_available\":false}"
#define CODES                                                                  \
	"{\"origin\": \"10115\", \"destination\": \"Weg 1, 52062 Musterau\"}"

START_TEST(by_road_then_by_cache)
{
	fake.km = 611.2345;
	expect(CODES, SUCCESS("611.2345", "osrm"));
	ck_assert_str_eq(fake.mode, "car");
	expect(CODES, SUCCESS("611.2345", "cache"));
	ck_assert_int_eq(fake.routes, 1);
	ck_assert_int_eq(fake.addresses, 0);
	ck_assert_int_eq(
	    pg_int("SELECT hit_count FROM geocoding_service.distance_cache"),
	    2);
}
END_TEST

START_TEST(each_mode_has_its_way)
{
	char *out;

	fake.km = 7;
	expect(CODES, SUCCESS("7", "osrm"));
	fake.km = 8;
	out = ask("{\"origin\": \"10115\", \"destination\": \"52062\", "
	          "\"travel_mode\": \"transit\"}");
	ck_assert_ptr_nonnull(
	    strstr(out, "\"osrm\",\"travel_mode\":\"transit\""));
	ck_assert_str_eq(fake.mode, "transit");
	psm_free(out);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM geocoding_service.distance_cache"), 2);
}
END_TEST

START_TEST(the_cache_expires)
{
	fake.km = 600;
	expect(CODES, SUCCESS("600", "osrm"));
	now_us += (CACHE_S - 1) * INT64_C(1000000);
	expect(CODES, SUCCESS("600", "cache"));
	now_us += 2 * INT64_C(1000000);
	fake.km = 601;
	expect(CODES, SUCCESS("601", "osrm"));
	expect(CODES, SUCCESS("601", "cache"));
	/* The row was written over. */
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM geocoding_service.distance_cache"), 1);
}
END_TEST

#define ANSWER                                                                 \
	"{\"latitude\":50.8,\"longitude\":6.1,\"display_name\":\"Markt\","     \
	"\"status\":\"success\",\"more\":[]}"

static void
recall(const char *address, double lat, double lon, const char *want)
{
	char *out = NULL;

	ck_assert_int_eq(psm_geo_recall(geo, st, address, lat, lon, &out, err),
	                 want != NULL);
	if (want != NULL)
		ck_assert_str_eq(out, want);
	else
		ck_assert_ptr_null(out);
	psm_free(out);
}

START_TEST(answers_are_kept)
{
	recall("Am Markt", 0, 0, NULL);
	OK(psm_geo_remember(geo, st, "Am Markt", 0, 0, ANSWER, err));
	OK(psm_geo_remember(geo, st, NULL, 50.8, 6.1, ANSWER, err));
	recall("  am MARKT ", 0, 0, ANSWER);
	recall(NULL, 50.80000004, 6.1, ANSWER);
	recall(NULL, 50.8001, 6.1, NULL);
	recall("50.8,6.1", 0, 0, NULL);
	/* The other way to ask knows it, too. */
	expect("{\"origin\": \"am markt\", \"destination\": \"52062\"}",
	       SUCCESS("0", "osrm"));
	ck_assert_int_eq(fake.addresses, 0);
	now_us += (CACHE_S + 1) * INT64_C(1000000);
	recall("Am Markt", 0, 0, NULL);
	recall(NULL, 50.8, 6.1, NULL);
	OK(psm_geo_remember(geo, st, "Am Markt", 0, 0, ANSWER, err));
	recall("Am Markt", 0, 0, ANSWER);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM geocoding_service.geocache"), 1);
	/* What the platform left there is looked at first. */
	pg_run("UPDATE geocoding_service.geocache SET result_data = '[1'");
	recall("Am Markt", 0, 0, NULL);
	pg_run("UPDATE geocoding_service.geocache SET result_data = "
	       "'{\"latitude\": 1, \"longitude\": 1, \"status\": \"error\"}'");
	recall("Am Markt", 0, 0, NULL);
	/* One that is asked for again is not told with the old place. */
	pg_run("UPDATE geocoding_service.geocache SET latitude = NULL, "
	       "result_data = '" ANSWER "'");
	recall("Am Markt", 0, 0, ANSWER);
	psm_free(ask("{\"origin\": \"am markt\", \"destination\": "
	             "\"52062\"}"));
	ck_assert_int_eq(fake.addresses, 1);
	recall("Am Markt", 0, 0, NULL);
}
END_TEST

START_TEST(answers_refused)
{
	char *out = NULL;

	ck_assert_int_eq(psm_geo_recall(geo, st, " ", 0, 0, &out, err),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_geo_recall(geo, st, NULL, 90.5, 0, &out, err),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_geo_recall(geo, NULL, "a", 0, 0, &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_geo_recall(geo, st, "a", 0, 0, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_geo_remember(geo, st, "a", 0, 0,
	                     "{\"latitude\": 91, \"longitude\": 6.1, "
	                     "\"status\": \"success\"}",
	                     err),
	    PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_geo_remember(geo, st, "a", 0, 0, "{}", err),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_geo_remember(geo, st, "a", 0, 0, "{", err),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_geo_remember(geo, st, NULL, 0, 181, ANSWER, err),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_geo_remember(geo, st, "a", 0, 0, NULL, err),
	                 PSM_ERR_INVAL);
}
END_TEST

START_TEST(expired_rows_go)
{
	pg_run(
	    "INSERT INTO geocoding_service.distance_cache SELECT g, g, 0, 0, "
	    "0, 'car', 1, NULL, '2020-01-01', '2020-01-01', 1 "
	    "FROM generate_series(1000, 1024) g");
	fake.km = 600;
	expect(CODES, SUCCESS("600", "osrm"));
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM geocoding_service.distance_cache"), 6);
}
END_TEST

START_TEST(without_the_cache)
{
	const char *json =
	    "{\"origin\": \"10115\", \"destination\": \"52062\", "
	    "\"use_cache\": false}";

	fake.km = 600;
	expect(json, SUCCESS("600", "osrm"));
	fake.km = 602;
	expect(json, SUCCESS("602", "osrm"));
	ck_assert_int_eq(fake.routes, 2);
	expect(CODES, SUCCESS("602", "cache"));
}
END_TEST

/* Where nothing is to be kept, nothing is looked for either. */
START_TEST(no_cache_at_all)
{
	OK(psm_geo_remember(geo, st, "Am Markt", 0, 0, ANSWER, err));
	psm_geo_free(geo);
	OK(psm_geo_new(fake_address, fake_route, &fake, 0, 5000, &geo, err));
	recall("Am Markt", 0, 0, NULL);
	OK(psm_geo_remember(geo, st, "Am Platz", 0, 0, ANSWER, err));
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM geocoding_service.geocache"), 1);
}
END_TEST

/* Without the router the result is partial, each time; as soon as the router is
 * back it is whole. */
START_TEST(a_partial_result_is_not_kept)
{
	fake.route_rc = PSM_ERR_UNAVAILABLE;
	expect(CODES, PARTIAL("537.65"));
	expect(CODES, PARTIAL("537.65"));
	fake.route_rc = 0;
	fake.km = 611;
	expect(CODES, SUCCESS("611", "osrm"));
}
END_TEST

/* Rows of the platform: a great circle's is no way, the router's is one. */
START_TEST(adopted_rows)
{
	fake.route_rc = PSM_ERR_UNAVAILABLE;
	pg_run("INSERT INTO geocoding_service.distance_cache VALUES "
	       "(100, 52.5, 13.4, 50.8, 6.1, 'car', 5, '{\"status\": "
	       "\"partial\", \"original_source\": \"haversine\"}', "
	       "'2026-03-02 09:59', '2026-03-02 09:59', 1), "
	       "(101, 52.5, 13.4, 50.8, 6.1, 'car', 6, 'no JSON', "
	       "'2026-03-02 09:59', '2026-03-02 09:59', 1)");
	expect(CODES, PARTIAL("537.65"));
	pg_run("INSERT INTO geocoding_service.distance_cache VALUES "
	       "(102, 52.5, 13.4, 50.8, 6.1, 'car', 612.5, "
	       "'{\"original_source\": \"osrm\"}', "
	       "'2026-03-02 09:58', '2026-03-02 09:58', NULL)");
	expect(CODES, SUCCESS("612.5", "cache"));
	ck_assert_int_eq(
	    pg_int("SELECT hit_count FROM geocoding_service.distance_cache "
	           "WHERE id = 102"),
	    1);
}
END_TEST

START_TEST(an_address_is_geocoded_once)
{
	const char *json =
	    "{\"origin\": \" Musterweg 1 \", \"destination\": [50.8, 6.1]}";

	fake.lat = 52.5;
	fake.lon = 13.4;
	fake.route_rc = PSM_ERR_NOT_FOUND;
	expect(json, PARTIAL("537.65"));
	expect("{\"origin\": \"MUSTERWEG 1\", \"destination\": [50.8, 6.1]}",
	       PARTIAL("537.65"));
	ck_assert_int_eq(fake.addresses, 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM geocoding_service.geocache WHERE "
	           "query = 'musterweg 1' AND query_type = 'address' AND "
	           "display_name = 'Musterhausen' AND hit_count = 2"),
	    1);
	now_us += (CACHE_S + 1) * INT64_C(1000000);
	expect(json, PARTIAL("537.65"));
	ck_assert_int_eq(fake.addresses, 2);
}
END_TEST

/* Fault 49: what is not known is no distance of 0 km. */
START_TEST(fault_49_an_unknown_place_has_no_distance)
{
	fake.address_rc = PSM_ERR_NOT_FOUND;
	expect("{\"origin\": \"10115\", \"destination\": \"nowhere\"}",
	       "{\"distance_km\":null,\"status\":\"error\","
	       "\"travel_mode\":\"car\",\"route_available\":false,"
	       "\"error\":\"Could not resolve coordinates of the destination: "
	       "the geocoder does not know it\"}");
	fake.address_rc = PSM_ERR_UNAVAILABLE;
	expect("{\"origin\": \"nowhere\", \"destination\": \"10115\"}",
	       "{\"distance_km\":null,\"status\":\"error\","
	       "\"travel_mode\":\"car\",\"route_available\":false,"
	       "\"error\":\"Could not resolve coordinates of the origin: "
	       "no geocoder answered\"}");
	/* A failure is not kept. */
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM geocoding_service.geocache"), 0);
	fake.address_rc = 0;
	fake.lat = 91;
	expect("{\"origin\": \"nowhere\", \"destination\": \"10115\"}",
	       "{\"distance_km\":null,\"status\":\"error\","
	       "\"travel_mode\":\"car\",\"route_available\":false,"
	       "\"error\":\"Could not resolve coordinates of the origin: "
	       "the geocoder does not know it\"}");
}
END_TEST

START_TEST(without_geocoder_and_router)
{
	char *out = NULL;

	psm_geo_free(geo);
	OK(psm_geo_new(NULL, NULL, NULL, 0, 1, &geo, err));
	expect(CODES, PARTIAL("537.65"));
	out = ask("{\"origin\": \"nowhere\", \"destination\": \"10115\"}");
	ck_assert_ptr_nonnull(strstr(out, "no geocoder answered"));
	psm_free(out);
}
END_TEST

START_TEST(wrong_requests)
{
	static const struct {
		const char *json;
		int code;
		size_t faults;
		const char *pointer;
	} cases[] = {
	    {"{\"origin\": [91, 0], \"destination\": \"10115\"}",
	     PSM_ERR_SCHEMA, 1, "/origin"},
	    {"{\"origin\": [0, 0], \"destination\": [0, 181]}", PSM_ERR_SCHEMA,
	     1, "/destination"},
	    {"{\"origin\": [0, 0, 0], \"destination\": [\"1\", 2]}",
	     PSM_ERR_SCHEMA, 2, "/origin"},
	    {"{\"origin\": \" \", \"destination\": 7, \"travel_mode\": "
	     "\"bicycle\", \"use_cache\": \"false\"}",
	     PSM_ERR_SCHEMA, 4, "/origin"},
	    {"{\"destination\": \"10115\", \"travel_mode\": \"Car\"}",
	     PSM_ERR_SCHEMA, 2, "/origin"},
	    {"{\"origin\": null, \"destination\": \"10115\"}", PSM_ERR_SCHEMA,
	     1, "/origin"},
	    {"[]", PSM_ERR_SCHEMA, 0, ""},
	    {"{", PSM_ERR_PARSE, 0, ""},
	};

	for (size_t i = 0; i < PSM__COUNT(cases); i++) {
		char *out = NULL;
		int rc = psm_geo_distance(geo, st, cases[i].json,
		                          strlen(cases[i].json), &out, err);

		ck_assert_msg(rc == cases[i].code, "%zu: %d", i, rc);
		ck_assert_ptr_null(out);
		ck_assert_msg(psm_error_fault_count(err) == cases[i].faults,
		              "%zu: %zu faults", i, psm_error_fault_count(err));
		ck_assert_str_eq(psm_error_pointer(err), cases[i].pointer);
	}
	ck_assert_int_eq(fake.addresses + fake.routes, 0);
}
END_TEST

/* Characters count, not bytes. */
START_TEST(the_longest_address)
{
	char json[700];

	for (int count = 255; count <= 256; count++) {
		char *out = NULL;
		int rc, n = snprintf(json, sizeof(json), "{\"origin\": \"");

		for (int i = 0; i < count; i++)
			n += snprintf(json + n, sizeof(json) - (size_t)n,
			              "\xc3\xa4");
		(void)snprintf(json + n, sizeof(json) - (size_t)n,
		               "\", \"destination\": [1, 1]}");
		rc = psm_geo_distance(geo, st, json, strlen(json), &out, err);
		ck_assert_int_eq(rc, count == 255 ? 0 : PSM_ERR_SCHEMA);
		psm_free(out);
	}
}
END_TEST

START_TEST(codes)
{
	char *out = NULL;

	OK(psm_geo_plz_distance(st, "10115", "52062", &out, err));
	ck_assert_str_eq(out,
	                 "{\"distance_km\":537.65,\"status\":\"success\","
	                 "\"source\":\"plz_centroids\",\"origin_centroid\":"
	                 "{\"latitude\":52.5,\"longitude\":13.4},"
	                 "\"destination_centroid\":{\"latitude\":50.8,"
	                 "\"longitude\":6.1}}");
	psm_free(out);
	ck_assert_int_eq(psm_geo_plz_distance(st, "10115", "99999", &out, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_geo_plz_distance(st, "10115", "1234", &out, err),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_geo_plz_distance(st, NULL, "10115", &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(out);
}
END_TEST

/* -- the file */

START_TEST(loading_again_writes_nothing)
{
	const char *xmin =
	    "SELECT md5(string_agg(concat(xmin, ctid, t), '|' "
	    "ORDER BY plz)) FROM geocoding_service.plz_centroids t";
	char *before = pg_text("%s", xmin), *after;

	ck_assert_int_eq(psm_geo_load(st, centroids, strlen(centroids), 0, err),
	                 0);
	ck_assert_int_eq(psm_geo_load(st, centroids, strlen(centroids), 1, err),
	                 0);
	after = pg_text("%s", xmin);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}
END_TEST

#define RECORD(plz, rest)                                                      \
	"{\"country_code\": \"DE\", \"zipcode\": \"" plz "\", " rest "}"
#define THERE "\"latitude\": 50, \"longitude\": 10"

START_TEST(what_of_a_file_counts)
{
	static const char json[] =
	    "[" RECORD("20095", "\"place\": \"A\", " THERE) "," RECORD("20095", "\"place\": \"B\", " THERE) "," RECORD("2009", "\"place\": \"A\", " THERE) "," RECORD(
		"20097",
		THERE) "," RECORD("20099",
	                          "\"place\": \"A\", \"latitude\": 0, "
	                          "\"longitude\": 10") "," RECORD("20144",
	                                                          "\"place\": \"A\", \"latitude\": \"x\", "
	                                                          "\"longitude\": 10") "," RECORD("20146",
	                                                                                          "\"place\": \"A\", \"latitude\": 50, "
	                                                                                          "\"longitude\": 190") ","
															"{\"country_code\": \"AT\", \"zipcode\": \"20148\", \"place\": "
															"\"A\", " THERE
															"}, 7, null, []," RECORD(
															    "10115",
															    "\"place\": \"Neu\", " THERE) "]";

	ck_assert_int_eq(psm_geo_load(st, json, strlen(json), 0, err), 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM geocoding_service.plz_centroids "
	           "WHERE plz LIKE '20%%' AND ort = 'A' AND plz = '20095'"),
	    1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM geocoding_service.plz_centroids"), 4);
	/* 10115 has changed: only an update takes that over. */
	ck_assert_int_eq(psm_geo_load(st, json, strlen(json), 1, err), 1);
	ck_assert_int_eq(
	    pg_int(
		"SELECT count(*) FROM geocoding_service.plz_centroids "
		"WHERE plz = '10115' AND ort = 'Neu' AND bundesland IS NULL"),
	    1);
}
END_TEST

START_TEST(files_that_are_none)
{
	ck_assert_int_eq(psm_geo_load(st, "[]", 2, 0, err), PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_geo_load(st, "{}", 2, 0, err), PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_geo_load(st, "[", 1, 0, err), PSM_ERR_PARSE);
	ck_assert_int_eq(psm_geo_load_file(st, "/nonexistent", 0, err),
	                 PSM_ERR_IO);
	ck_assert_int_eq(psm_geo_load_file(st, "/dev/null", 0, err),
	                 PSM_ERR_PARSE);
	ck_assert_int_eq(psm_geo_load_file(st, NULL, 0, err), PSM_ERR_INVAL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("geo");
	TCase *t = tcase_create("distance"), *f = tcase_create("file");

	tcase_add_checked_fixture(t, geo_setup, geo_teardown);
	tcase_add_test(t, by_road_then_by_cache);
	tcase_add_test(t, each_mode_has_its_way);
	tcase_add_test(t, the_cache_expires);
	tcase_add_test(t, answers_are_kept);
	tcase_add_test(t, answers_refused);
	tcase_add_test(t, expired_rows_go);
	tcase_add_test(t, without_the_cache);
	tcase_add_test(t, no_cache_at_all);
	tcase_add_test(t, a_partial_result_is_not_kept);
	tcase_add_test(t, adopted_rows);
	tcase_add_test(t, an_address_is_geocoded_once);
	tcase_add_test(t, fault_49_an_unknown_place_has_no_distance);
	tcase_add_test(t, without_geocoder_and_router);
	tcase_add_test(t, wrong_requests);
	tcase_add_test(t, the_longest_address);
	tcase_add_test(t, codes);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(f, geo_setup, geo_teardown);
	tcase_add_test(f, loading_again_writes_nothing);
	tcase_add_test(f, what_of_a_file_counts);
	tcase_add_test(f, files_that_are_none);
	suite_add_tcase(s, f);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
