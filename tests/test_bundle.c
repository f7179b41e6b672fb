/* SPDX-License-Identifier: BSD-2-Clause */
/* Bundling in memory, each rule by itself. */
#include "testing.h"

#include <psymatch/bundle.h>

#include "domain/bundle_therapist.h"

static psm_bundle *b;
static psm_error *err;

#define OK(call) ck_assert_msg((call) == 0, "%s", psm_error_message(err))
#define TODAY_TEXT "\"today\": \"2026-11-30\""

static void
make(const char *options)
{
	OK(psm_bundle_new(options, options ? strlen(options) : 0, &b, err));
}

static void
setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	b = NULL;
}

static void
teardown(void)
{
	psm_bundle_free(b);
	psm_error_free(err);
}

static void
search(const char *json)
{
	OK(psm_bundle_put_search(b, json, strlen(json), err));
}

static void
therapist(const char *json)
{
	OK(psm_bundle_put_therapist(b, json, strlen(json), err));
}

typedef int ask_fn(psm_bundle *bundle, const char *json, size_t len, char **out,
                   psm_error *e);

static void
expect(ask_fn *ask, const char *json, const char *want)
{
	char *out = NULL;

	OK(ask(b, json, strlen(json), &out, err));
	ck_assert_str_eq(out, want);
	psm_free(out);
}

#define AT(day) "\"created_at\": \"2026-01-" day "T10:00:00Z\""

/* -- inquiries */

#define INQUIRY(strategy, searches, doubts)                                    \
	"{\"therapist_id\":7,\"plz_prefix\":\"10\",\"refused\":[],"            \
	"\"strategy\":" strategy ",\"searches\":[" searches                    \
	"],\"doubts\":{" doubts "}}"
#define ASK "{\"therapist_id\": 7, " TODAY_TEXT "}"
#define HIT(search, patient, km)                                               \
	"{\"search_id\":" search ",\"patient_id\":" patient                    \
	",\"distance_km\":" km "}"

START_TEST(fault_53_first_come_first_served)
{
	make("{\"size\": 2}");
	OK(psm_bundle_place(b, "10115", 52.5, 13.4, err));
	OK(psm_bundle_place(b, "10117", 52.51, 13.38, err));
	therapist("{\"id\": 7, \"plz\": \"10115\"}");
	search("{\"id\": 3, \"patient_id\": 30, " AT("03") ", \"plz\": "
	                                                   "\"10117\"}");
	search("{\"id\": 2, \"patient_id\": 20, " AT("03") ", \"plz\": "
	                                                   "\"10115\"}");
	search("{\"id\": 1, \"patient_id\": 10, " AT("04") ", \"plz\": "
	                                                   "\"10115\"}");
	search("{\"id\": 4, \"patient_id\": 40, " AT("01") ", \"plz\": "
	                                                   "\"20095\"}");
	expect(psm_bundle_inquiry, ASK,
	       INQUIRY("\"fifo\"",
	               HIT("2", "20", "0") "," HIT("3", "30", "1.75"), ""));
	/* The limit of the way changes; the second one leaves. */
	search("{\"id\": 3, \"patient_id\": 30, " AT(
	    "03") ", \"plz\": "
	          "\"10117\", \"raeumliche_verfuegbarkeit\": {\"max_km\": 1.5}}");
	expect(psm_bundle_inquiry, ASK,
	       INQUIRY("\"fifo\"", HIT("2", "20", "0") "," HIT("1", "10", "0"),
	               ""));
	search("{\"id\": 2, \"patient_id\": 20, " AT("03") ", \"status\": "
	                                                   "\"pausiert\"}");
	ck_assert_int_eq(psm_bundle_remove_search(b, 2), 0);
	ck_assert_int_eq(psm_bundle_remove_search(b, 1), 1);
	expect(psm_bundle_inquiry, ASK, INQUIRY("null", "", ""));
	/* Into another area, and by its name. */
	search("{\"id\": 4, \"patient_id\": 40, " AT("01") ", \"plz\": "
	                                                   "\"10999\"}");
	expect(psm_bundle_inquiry, ASK,
	       INQUIRY("\"fifo\"", HIT("4", "40", "null"), "\"distance\":1"));
}
END_TEST

START_TEST(a_therapist_to_be_left_alone)
{
	make(NULL);
	therapist("{\"id\": 7, \"plz\": \"10115\", \"status\": \"gesperrt\", "
	          "\"asked\": [10], \"naechster_kontakt_moeglich\": "
	          "\"2026-12-01\"}");
	search("{\"id\": 1, \"patient_id\": 10, " AT("01") ", \"plz\": "
	                                                   "\"10115\"}");
	search("{\"id\": 2, \"patient_id\": 20, " AT("01") ", \"plz\": "
	                                                   "\"10115\"}");
	expect(psm_bundle_inquiry, ASK,
	       "{\"therapist_id\":7,\"plz_prefix\":\"10\",\"refused\":"
	       "[\"therapist_status\",\"cooling\",\"pending\"],"
	       "\"strategy\":null,\"searches\":[],\"doubts\":{}}");
	expect(psm_bundle_inquiry,
	       "{\"therapist_id\": 7, \"override\": true, " TODAY_TEXT "}",
	       "{\"therapist_id\":7,\"plz_prefix\":\"10\",\"refused\":"
	       "[\"therapist_status\",\"cooling\",\"pending\"],"
	       "\"strategy\":\"fifo\",\"searches\":[" HIT(
		   "2", "20", "null") "],\"doubts\":{\"distance\":1}}");
	/* The day itself is one on which contact is allowed. */
	therapist("{\"id\": 7, \"plz\": \"10115\", "
	          "\"naechster_kontakt_moeglich\": \"2026-11-30\"}");
	expect(psm_bundle_inquiry, ASK,
	       INQUIRY("\"fifo\"",
	               HIT("1", "10", "null") "," HIT("2", "20", "null"),
	               "\"distance\":2"));
}
END_TEST

START_TEST(priority_gives_days_in_advance)
{
	make("{\"strategies\": [{\"name\": \"dringend\", \"policy\": "
	     "\"priority\"}]}");
	therapist("{\"id\": 7, \"plz\": \"10115\"}");
	search("{\"id\": 1, \"patient_id\": 1, \"created_at\": "
	       "\"2026-01-01T00:00:00Z\", \"plz\": \"10115\"}");
	search("{\"id\": 2, \"patient_id\": 2, \"created_at\": "
	       "\"2026-01-30T00:00:00Z\", \"plz\": \"10115\", "
	       "\"dringlichkeit\": 1}");
	search("{\"id\": 3, \"patient_id\": 3, \"created_at\": "
	       "\"2026-03-02T00:00:00Z\", \"plz\": \"10115\", "
	       "\"nicht_erschienen\": true}");
	search("{\"id\": 4, \"patient_id\": 4, \"created_at\": "
	       "\"2026-06-01T00:00:00Z\", \"plz\": \"10115\", "
	       "\"dringlichkeit\": 3, \"nicht_erschienen\": true}");
	expect(psm_bundle_inquiry, ASK,
	       INQUIRY("\"dringend\"",
	               HIT("2", "2", "null") "," HIT("1", "1", "null") "," HIT(
			   "3", "3", "null") "," HIT("4", "4", "null"),
	               "\"distance\":4"));
}
END_TEST

START_TEST(order_keys)
{
	int64_t day = INT64_C(86400000000);

	ck_assert_int_eq(psm__order_key(PSM__ORDER_FIFO, 5, 3, 1), 5);
	ck_assert_int_eq(psm__order_key(PSM__ORDER_PRIORITY, 5, 0, 0), 5);
	ck_assert_int_eq(psm__order_key(PSM__ORDER_PRIORITY, 5, 2, 0),
	                 5 - 60 * day);
	ck_assert_int_eq(psm__order_key(PSM__ORDER_PRIORITY, 5, 9, 1),
	                 5 - 150 * day);
	ck_assert_int_eq(psm__order_key(PSM__ORDER_PRIORITY, 5, -1, 0), 5);
	ck_assert_int_eq(psm__order_from_name("priority"), PSM__ORDER_PRIORITY);
	ck_assert_int_eq(psm__order_from_name("fifo"), PSM__ORDER_FIFO);
	ck_assert_int_eq(psm__order_from_name("FIFO"), -1);
	ck_assert_int_eq(psm__order_from_name(NULL), -1);
	ck_assert_str_eq(psm__order_name(PSM__ORDER_PRIORITY), "priority");
	ck_assert_ptr_null(psm__order_name(2));
}
END_TEST

/* Each share gets its part, and growing it only moves searches one way. */
START_TEST(shares)
{
	int counts[101] = {0};

	for (int64_t id = 1; id <= 20000; id++) {
		int before = 0;

		for (int share = 0; share <= 100; share += 10) {
			int now = psm__strategy_of(id, share);

			ck_assert_int_ge(now, before);
			counts[share] += now;
			before = now;
		}
	}
	for (int share = 0; share <= 100; share += 10)
		ck_assert_msg(abs(counts[share] - share * 200) < 400, "%d: %d",
		              share, counts[share]);
	ck_assert_int_eq(counts[0], 0);
	ck_assert_int_eq(counts[100], 20000);
}
END_TEST

/* -- selection */

#define SELECT "{\"plz_prefix\": \"10\", " TODAY_TEXT "}"
#define SELECTED(list, pending, cooling, mailbox)                              \
	"{\"plz_prefix\":\"10\",\"therapists\":[" list                         \
	"],\"left_out\":{\"pending\":" pending ",\"cooling\":" cooling         \
	",\"mailbox\":" mailbox "}}"
#define WHO(id, t) "{\"id\":" id ",\"tier\":" t "}"

START_TEST(tiers_and_names)
{
	make(NULL);
	for (int i = 0; i < 8; i++) {
		char json[300];

		(void)snprintf(
		    json, sizeof(json),
		    "{\"id\": %d, \"plz\": \"10115\", \"nachname\": \"M\", "
		    "\"potenziell_verfuegbar\": %s, "
		    "\"ueber_curavani_informiert\": %s, \"email\": %s%d%s}",
		    80 - i, i & 2 ? "false" : "true", i & 1 ? "false" : "true",
		    i & 4 ? "null, \"x\": \"" : "\"a", i,
		    i & 4 ? "\"" : "@example.org\"");
		therapist(json);
	}
	therapist("{\"id\": 90, \"plz\": \"10999\", \"nachname\": \"L\"}");
	therapist("{\"id\": 91, \"plz\": \"11999\", \"nachname\": \"L\"}");
	therapist("{\"id\": 92, \"plz\": \"10999\", \"status\": \"inaktiv\"}");
	expect(
	    psm_bundle_select, SELECT,
	    SELECTED(
		WHO("80", "0") "," WHO("79", "1") "," WHO("78", "2") "," WHO(
		    "77",
		    "3") "," WHO("76",
	                         "4") "," WHO("75",
	                                      "5") "," WHO("74",
	                                                   "6") "," WHO("90",
	                                                                "7") "," WHO("73",
	                                                                             "7"),
		"0", "0", "0"));
}
END_TEST

/* Four mailboxes: by name, by title, by id; and one that is left alone. */
START_TEST(shared_mailboxes)
{
	make(NULL);
	therapist("{\"id\": 1, \"plz\": \"10115\", \"nachname\": \"Muster\", "
	          "\"titel\": \"Prof. Dr.\", \"email\": "
	          "\"praxis-mueller@example.org\"}");
	therapist("{\"id\": 2, \"plz\": \"10115\", \"nachname\": "
	          "\"M\xc3\xbcller\", \"email\": "
	          "\" Praxis-Mueller@Example.org \"}");
	therapist("{\"id\": 3, \"plz\": \"10115\", \"nachname\": \" \", "
	          "\"email\": \"info@example.org\", \"titel\": \"Dr.\"}");
	therapist("{\"id\": 4, \"plz\": \"10115\", \"nachname\": \"Bb\", "
	          "\"email\": \"info@example.org\", \"titel\": \"Prof.\"}");
	therapist("{\"id\": 5, \"plz\": \"10115\", \"nachname\": \"Cc\", "
	          "\"email\": \"post@example.org\"}");
	therapist("{\"id\": 6, \"plz\": \"10115\", \"nachname\": \"Dd\", "
	          "\"email\": \"post@example.org\"}");
	therapist("{\"id\": 7, \"plz\": \"10115\", \"nachname\": \"Ee\", "
	          "\"email\": \"mail@example.org\", \"pending\": true}");
	therapist("{\"id\": 8, \"plz\": \"10115\", \"nachname\": \"Ff\", "
	          "\"email\": \"mail@example.org\"}");
	therapist("{\"id\": 9, \"plz\": \"10115\", \"nachname\": \"Gg\", "
	          "\"naechster_kontakt_moeglich\": \"2026-12-01\"}");
	therapist("{\"id\": 10, \"plz\": \"10115\", \"nachname\": \"Hh\", "
	          "\"email\": \" \", \"naechster_kontakt_moeglich\": "
	          "\"2026-11-30\"}");
	expect(psm_bundle_select, SELECT,
	       SELECTED(WHO("4", "3") "," WHO("5", "3") "," WHO(
			    "2", "3") "," WHO("10", "7"),
	                "1", "1", "4"));
	ck_assert_int_eq(psm_bundle_remove_therapist(b, 7), 1);
	ck_assert_int_eq(psm_bundle_remove_therapist(b, 7), 0);
	expect(psm_bundle_select, SELECT,
	       SELECTED(WHO("4", "3") "," WHO("5", "3") "," WHO(
			    "8", "3") "," WHO("2", "3") "," WHO("10", "7"),
	                "0", "1", "3"));
}
END_TEST

/* Without a name the oldest of both strategies decides. */
START_TEST(side_by_side)
{
	int64_t first[2] = {0, 0};
	char json[200];

	make("{\"share\": 50, \"strategies\": [{\"name\": \"a\", \"policy\": "
	     "\"fifo\"}, {\"name\": \"b\", \"policy\": \"priority\"}]}");
	therapist("{\"id\": 7, \"plz\": \"10115\"}");
	for (int64_t id = 1; first[0] == 0 || first[1] == 0; id++)
		if (first[psm__strategy_of(id, 50)] == 0)
			first[psm__strategy_of(id, 50)] = id;
	for (int i = 0; i < 2; i++) {
		(void)snprintf(
		    json, sizeof(json),
		    "{\"id\": %d, \"patient_id\": 1, \"created_at\": "
		    "\"2026-01-0%dT00:00:00Z\", \"plz\": \"10115\"}",
		    (int)first[i], 2 - i);
		search(json);
	}
	(void)snprintf(json, sizeof(json), HIT("%d", "1", "null"),
	               (int)first[1]);
	{
		char want[400];

		(void)snprintf(want, sizeof(want),
		               INQUIRY("\"b\"", "%s", "\"distance\":1"), json);
		expect(psm_bundle_inquiry, ASK, want);
	}
	ck_assert_int_eq(psm_bundle_remove_search(b, first[1]), 1);
	(void)snprintf(json, sizeof(json), HIT("%d", "1", "null"),
	               (int)first[0]);
	{
		char want[400];

		(void)snprintf(want, sizeof(want),
		               INQUIRY("\"a\"", "%s", "\"distance\":1"), json);
		expect(psm_bundle_inquiry, ASK, want);
	}
}
END_TEST

START_TEST(why_one_search_is_not_in_it)
{
	make(NULL);
	therapist("{\"id\": 7, \"plz\": \"10115\", \"alter_min\": 30, "
	          "\"bevorzugt_gruppentherapie\": true}");
	search("{\"id\": 1, \"patient_id\": 10, " AT(
	    "01") ", \"plz\": "
	          "\"10115\", \"geburtsdatum\": \"2000-01-01\", "
	          "\"ausgeschlossene_therapeuten\": [{\"id\": 7}]}");
	search("{\"id\": 2, \"patient_id\": 10, " AT("01") ", \"plz\": "
	                                                   "\"20095\"}");
	expect(psm_bundle_why_not,
	       "{\"therapist_id\": 7, \"search_id\": 1, " TODAY_TEXT "}",
	       "{\"therapist_id\":7,\"plz_prefix\":\"10\",\"refused\":[],"
	       "\"searches\":1,\"fits\":0,\"reasons\":{\"excluded\":1,"
	       "\"too_young\":1,\"group_therapy\":1},\"doubts\":"
	       "{\"distance\":1}}");
	expect(psm_bundle_why_not,
	       "{\"therapist_id\": 7, \"search_id\": 2, " TODAY_TEXT "}",
	       "{\"therapist_id\":7,\"plz_prefix\":\"10\",\"refused\":[],"
	       "\"searches\":1,\"fits\":0,\"reasons\":{\"area\":1},"
	       "\"doubts\":{}}");
	expect(psm_bundle_inquiry,
	       "{\"therapist_id\": 7, \"plz_prefix\": \"20\", " TODAY_TEXT "}",
	       "{\"therapist_id\":7,\"plz_prefix\":\"20\",\"refused\":"
	       "[\"therapist_area\"],\"strategy\":null,\"searches\":[],"
	       "\"doubts\":{}}");
}
END_TEST

START_TEST(wrong_input)
{
	static const struct {
		ask_fn *ask;
		const char *json;
		int code;
	} cases[] = {
	    {psm_bundle_inquiry, "{\"therapist_id\": 8, " TODAY_TEXT "}",
	     PSM_ERR_NOT_FOUND},
	    {psm_bundle_inquiry, "{\"therapist_id\": 7}", PSM_ERR_SCHEMA},
	    {psm_bundle_inquiry, "{" TODAY_TEXT "}", PSM_ERR_SCHEMA},
	    {psm_bundle_inquiry,
	     "{\"therapist_id\": 7, \"strategy\": \"x\", " TODAY_TEXT "}",
	     PSM_ERR_NOT_FOUND},
	    {psm_bundle_inquiry,
	     "{\"therapist_id\": 7, \"plz_prefix\": \"1\", " TODAY_TEXT "}",
	     PSM_ERR_SCHEMA},
	    {psm_bundle_inquiry,
	     "{\"therapist_id\": 7, \"plz_prefix\": \"101\", " TODAY_TEXT "}",
	     PSM_ERR_SCHEMA},
	    {psm_bundle_inquiry, "[]", PSM_ERR_SCHEMA},
	    {psm_bundle_inquiry, "{", PSM_ERR_PARSE},
	    {psm_bundle_why_not,
	     "{\"therapist_id\": 7, \"search_id\": 5, " TODAY_TEXT "}",
	     PSM_ERR_NOT_FOUND},
	    {psm_bundle_select, "{\"plz_prefix\": \"1x\", " TODAY_TEXT "}",
	     PSM_ERR_SCHEMA},
	    {psm_bundle_select, "{\"plz_prefix\": \"10\"}", PSM_ERR_SCHEMA},
	};
	static const char bad[] =
	    "{\"id\": 0, \"created_at\": \"x\", \"plz\": 7, \"geburtsdatum\": "
	    "\"2026-02-30\", \"dringlichkeit\": 4, \"status\": []}";

	make(NULL);
	therapist("{\"id\": 7, \"plz\": \"10115\"}");
	for (size_t i = 0; i < PSM__COUNT(cases); i++) {
		char *out = NULL;
		int rc = cases[i].ask(b, cases[i].json, strlen(cases[i].json),
		                      &out, err);

		ck_assert_msg(rc == cases[i].code, "%zu: %d", i, rc);
		ck_assert_ptr_null(out);
	}
	ck_assert_int_eq(psm_bundle_put_search(b, bad, strlen(bad), err),
	                 PSM_ERR_SCHEMA);
	/* id, patient_id, created_at, plz, geburtsdatum, dringlichkeit, status
	 */
	ck_assert_uint_eq(psm_error_fault_count(err), 7);
	ck_assert_int_eq(psm_bundle_place(b, "1011", 1, 1, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_bundle_place(b, "10115", 91, 1, err),
	                 PSM_ERR_INVAL);
}
END_TEST

START_TEST(wrong_options)
{
	static const char *const options[] = {
	    "{\"plz_digits\": 4}",
	    "{\"size\": 0}",
	    "{\"size\": 101}",
	    "{\"share\": 101}",
	    "{\"default_max_km\": -1}",
	    "{\"strategies\": []}",
	    "{\"strategies\": [{\"name\": \"a\"}]}",
	    "{\"strategies\": [{\"name\": \"\", \"policy\": \"fifo\"}]}",
	    ("{\"strategies\": [{\"name\": \"a\", \"policy\": \"fifo\"}, "
	     "{\"name\": \"a\", \"policy\": \"priority\"}]}"),
	    "[]"};
	psm_bundle *none = NULL;

	for (size_t i = 0; i < PSM__COUNT(options); i++) {
		ck_assert_msg(psm_bundle_new(options[i], strlen(options[i]),
		                             &none, err) == PSM_ERR_SCHEMA,
		              "%s", options[i]);
		ck_assert_ptr_null(none);
	}
}
END_TEST

/* The promise of at most 200 bytes, with lists of exclusions. */
START_TEST(bytes_per_search)
{
	int32_t list[4] = {1, 2, 3, 4};
	struct psm__bundle_wish w = {.plz = "10115"};
	char *out = NULL;
	psm_json *doc = NULL;
	double bytes;

	make(NULL);
	for (int32_t id = 1; id <= 100000; id++) {
		w.id = w.patient_id = id;
		w.created_us = id * INT64_C(7919) % 100003;
		w.fit.excluded = list;
		w.fit.excluded_count = id % 5u;
		OK(psm__bundle_put(b, &w, err));
	}
	OK(psm_bundle_stats(b, &out, err));
	OK(psm_json_parse(out, strlen(out), &doc, err));
	OK(psm_json_get_double(psm_json_at(doc, "/bytes_per_search"), &bytes,
	                       err));
	ck_assert_msg(bytes <= 200, "%s", out);
	psm_json_free(doc);
	psm_free(out);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("bundle");
	TCase *t = tcase_create("rules");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, fault_53_first_come_first_served);
	tcase_add_test(t, a_therapist_to_be_left_alone);
	tcase_add_test(t, priority_gives_days_in_advance);
	tcase_add_test(t, order_keys);
	tcase_add_test(t, shares);
	tcase_add_test(t, tiers_and_names);
	tcase_add_test(t, shared_mailboxes);
	tcase_add_test(t, side_by_side);
	tcase_add_test(t, why_one_search_is_not_in_it);
	tcase_add_test(t, wrong_input);
	tcase_add_test(t, wrong_options);
	tcase_add_test(t, bytes_per_search);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
