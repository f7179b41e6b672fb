/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is in an inquiry, who leaves it, and how far they have to go. */
#include <psymatch/matching.h>
#include <psymatch/search.h>

#include "app/app.h"
#include "testing_handle.h"
#include "testing_inquiry.h"

#define BERTA 5

static void
setup(void)
{
	inquiry_setup();
	add_therapist(BERTA, "10115", "'berta@example.org'");
	add_patient(7, "10117", 2);
	add_patient(8, "10435", 1);
	add_patient(9, "10999", 2);
}

START_TEST(by_priority)
{
	static const char urgent[] = "{\"dringlichkeit\": 1}";

	add_patient(10, "10115", 40 * 24 * 60); /* 40 days later */
	add_patient(11, "10115", 50 * 24 * 60);
	add_patient(12, "10115", 55 * 24 * 60);
	ck_assert_int_eq(psm_search_update(st, 10, PSM_VERSION_ANY, urgent,
	                                   strlen(urgent), NULL, err),
	                 1);
	pg_run("UPDATE " SEARCH " SET dringlichkeit = 2 WHERE id = 11");
	/* Missed a first meeting elsewhere, and another one's came back. */
	pg_run("INSERT INTO " INQUIRY " (id, therapist_id, anfragegroesse, "
	       "gesendet_datum, antwort_datum) VALUES (100, 99, 2, now(), "
	       "now())");
	pg_run("INSERT INTO " MATCH
	       " (therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage, antwortergebnis) VALUES (100, 12, 12, 1, "
	       "'nicht_erschienen'), (100, 9, 9, 2, 'angenommen')");
	ck_assert_msg(
	    create_with(BERTA, "10", "{\"strategie\": \"priority\"}") == 1,
	    "%s", psm_error_message(err));
	is("/strategie", "\"priority\"");
	is("/patient_ids", "[11, 12, 8, 7, 9, 10]");
	SAYS("priority", "SELECT strategie FROM " INQUIRY " WHERE id <> 100");
	/* A correction, and a deletion: nobody came back. */
	pg_run("DELETE FROM " INQUIRY " WHERE id <> 100");
	pg_run("UPDATE " MATCH " SET antwortergebnis = 'in_Sitzungen' WHERE "
	       "platzsuche_id = 12");
	ck_assert_int_eq(
	    create_with(BERTA, "10", "{\"strategie\": \"priority\"}"), 1);
	is("/patient_ids", "[11, 8, 7, 9, 10, 12]");
	pg_run("DELETE FROM " INQUIRY " WHERE id <> 100");
	ck_assert_int_eq(create(BERTA), 1);
	is("/patient_ids", "[8, 7, 9, 10, 11, 12]");
	ck_assert_int_eq(psm_search_update(st, 10, PSM_VERSION_ANY,
	                                   "{\"dringlichkeit\": 4}", 20, NULL,
	                                   err),
	                 PSM_ERR_SCHEMA);
}
END_TEST

/* Also by functions that are the same for every entity. */
START_TEST(whoever_ends_by_any_function_leaves)
{
	static const char excluded[] = "{\"ausgeschlossene_therapeuten\": [5]}";
	static const char why[] = "{\"reason\": \"zog weg\"}";
	psm_tx *tx = NULL;

	ck_assert_int_eq(create(BERTA), 1);
	OK(psm_tx_begin(st, &tx, err));
	ck_assert_msg(psm_entity_act(tx, "search", 7, PSM_VERSION_ANY, "cancel",
	                             why, strlen(why), NULL, NULL, err) == 1,
	              "%s", psm_error_message(err));
	ck_assert_msg(psm_entity_update(tx, "search", 8, PSM_VERSION_ANY,
	                                PSM_CHANGE_MERGE, excluded,
	                                strlen(excluded), NULL, NULL, err) == 1,
	              "%s", psm_error_message(err));
	OK(psm_tx_commit(tx, err));
	matches_are(1, "9 anstehend");
	check_invariants();
}
END_TEST

/* Whom a corrected answer excludes is not asked for again. */
START_TEST(excluded_by_a_correction_leaves)
{
	static const char first[] =
	    "{\"patient_responses\": {\"7\": \"abgelehnt_sonstiges\", \"8\": "
	    "\"abgelehnt_sonstiges\", \"9\": \"abgelehnt_sonstiges\"}}";
	static const char second[] =
	    "{\"patient_responses\": {\"7\": \"abgelehnt_nicht_geeignet\", "
	    "\"8\": \"abgelehnt_sonstiges\", \"9\": "
	    "\"abgelehnt_sonstiges\"}, \"correction\": true}";

	ck_assert_int_eq(create(BERTA), 1);
	ck_assert_int_eq(send_it(1), 1);
	ck_assert_msg(answer(1, first) == 0, "%s", psm_error_message(err));
	now_us += 40 * DAY_US;
	ck_assert_msg(create(BERTA) == 1, "%s", psm_error_message(err));
	matches_are(2, "8 anstehend, 7 anstehend, 9 anstehend");
	ck_assert_msg(answer(1, second) == 0, "%s", psm_error_message(err));
	matches_are(2, "8 anstehend, 9 anstehend");
	check_invariants();
}
END_TEST

#define COPIES "matching_service.patienten_kopie"
#define THERAPISTS "matching_service.therapeuten_kopie"

/* Nobody knows where a therapist without a postal code practises. */
START_TEST(a_therapist_of_no_area)
{
	pg_run("UPDATE matching_service.therapeuten_kopie SET plz = NULL");
	ck_assert_int_eq(create(BERTA), PSM_ERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "elsewhere"));
}
END_TEST

/* Who does not fit any more when it is sent leaves; the area is not asked for
 * again. */
START_TEST(unfit_when_it_is_sent)
{
	ck_assert_int_eq(create(BERTA), 1);
	pg_run("UPDATE matching_service.patienten_kopie SET plz = '20099' "
	       "WHERE id = 8; UPDATE matching_service.patienten_kopie SET "
	       "geburtsdatum = '1900-01-01' WHERE id = 9; UPDATE "
	       "matching_service.therapeuten_kopie SET alter_max = 90");
	ck_assert_msg(send_it(1) == 1, "%s", psm_error_message(err));
	is("/anfragegroesse", "2");
	matches_are(1, "8 anstehend, 7 anstehend");
	check_invariants();
}
END_TEST

/* Of whom nothing is known any more nobody is asked for. */
START_TEST(a_patient_who_is_gone)
{
	pg_run("UPDATE " COPIES " SET geloescht = true WHERE id = 8");
	ck_assert_int_eq(create(BERTA), 1);
	is("/patient_ids", "[7, 9]");
}
END_TEST

/* A search that is paused may go on before the inquiry is sent. */
START_TEST(paused_it_leaves_as_well)
{
	ck_assert_int_eq(create(BERTA), 1);
	OK(psm_search_pause(st, 7, NULL, err));
	matches_are(1, "8 anstehend, 7 anstehend, 9 anstehend");
	receive(psm_matching_handle, "patient.updated", "2026-03-02T11:00:00Z",
	        "\"patient_id\": 7, \"patient_data\": {\"id\": 7, "
	        "\"bevorzugtes_therapeutengeschlecht\": \"Männlich\"}");
	matches_are(1, "8 anstehend, 9 anstehend");
}
END_TEST

START_TEST(nobody_is_in_it)
{
	ck_assert_int_eq(create(BERTA), 1);
	pg_run("DELETE FROM " MATCH);
	ck_assert_msg(send_it(1) == 0, "%s", psm_error_message(err));
	SAYS("t", "SELECT storniert_datum IS NOT NULL AND gesendet_datum IS "
	          "NULL FROM " INQUIRY);
	ck_assert_int_eq(outbox("therapeutenanfrage.sent"), 0);
}
END_TEST

START_TEST(sent_before_the_end_of_cooling)
{
	ck_assert_int_eq(create(BERTA), 1);
	pg_run("UPDATE matching_service.therapeuten_kopie SET "
	       "naechster_kontakt_moeglich = '2026-03-20'");
	ck_assert_int_eq(send_with(1, "{\"override_cooling\": \"Zusage\"}"), 1);
	SAYS("[2026-03-02 10:00 (API)] Sent before the end of the cooling "
	     "period: Zusage",
	     "SELECT notizen FROM " INQUIRY);
}
END_TEST

/* -- distances */

/* What was asked since the last time. */
static void
asked(int count, const char *want)
{
	ck_assert_int_eq(psm_inquiry_ask_distances(st, 1, err), count);
	SAYS(want,
	     "SELECT coalesce(string_agg(payload::text, ' ' ORDER BY id), '') "
	     "FROM psymatch.outbox WHERE type = "
	     "'geocoding.calculate_distance'");
	pg_run("DELETE FROM psymatch.outbox");
}

/* Town and postal code of those who are there, and nothing else. */
START_TEST(distances_asked)
{
	ck_assert_int_eq(create(BERTA), 1);
	pg_run("DELETE FROM psymatch.outbox");
	pg_run("UPDATE " COPIES " SET ort = 'Berlin', strasse = 'Geheimweg 1' "
	       "WHERE id = 7");
	pg_run("UPDATE " COPIES " SET geloescht = true WHERE id = 8");
	pg_run("UPDATE " COPIES " SET plz = NULL, ort = ' ' WHERE id = 9");
	asked(1, "{\"request_id\":\"match:2\",\"origin\":\"10117 "
	         "Berlin\",\"destination\":\"10115\"}");
	OK(psm_inquiry_distances(st, 1, fresh(), err));
	is("/anfrage_id", "1");
	is("/data/0/patient_id", "8");
	is("/data/0/status", "\"not_asked\"");
	is("/data/0/asked_at", "null");
	is("/data/1/patient_id", "7");
	is("/data/1/status", "\"pending\"");
	is("/data/1/asked_at", "\"2026-03-02T10:00:00Z\"");
	is("/data/2/status", "\"not_asked\"");
	pg_run("UPDATE " THERAPISTS " SET plz = ' '");
	asked(0, "");
	pg_run("UPDATE " THERAPISTS " SET plz = '10115', geloescht = true");
	asked(0, "");
}
END_TEST

static void
told(const char *time, const char *members)
{
	receive(psm_matching_handle, "geocoding.distance_result", time,
	        members);
}

#define RESULT(request, km)                                                    \
	"\"request_id\": " request ", \"result\": {\"status\": \"success\", "  \
	"\"source\": \"osrm\", \"distance_km\": " km "}"

/* The newest answer to a question of this service counts. */
START_TEST(distances_told)
{
	static const char *const others[] = {
	    RESULT("2", "9"),
	    RESULT("\"other:2\"", "9"),
	    RESULT("\"match:2x\"", "9"),
	    RESULT("\"match:0\"", "9"),
	    RESULT("\"match:-2\"", "9"),
	    RESULT("\"match:99\"", "9"),
	    RESULT("\"match:4294967298\"", "9")};

	ck_assert_int_eq(create(BERTA), 1);
	ck_assert_int_eq(psm_inquiry_ask_distances(st, 1, err), 3);
	for (size_t i = 0; i < PSM__COUNT(others); i++)
		told("2026-03-02T10:00:05Z", others[i]);
	SAYS("0", "SELECT count(entfernung_km) FROM "
	          "matching_service.entfernungen");
	told("2026-03-02T10:00:02Z", RESULT("\"match:2\"", "4.256"));
	told("2026-03-02T10:00:01Z", RESULT("\"match:2\"", "3"));
	OK(psm_inquiry_distances(st, 1, fresh(), err));
	is("/data/1",
	   "{\"match_id\": 2, \"patient_id\": 7, \"distance_km\": 4.26, "
	   "\"status\": \"success\", \"source\": \"osrm\", \"asked_at\": "
	   "\"2026-03-02T10:00:00Z\"}");
	is("/data/2/distance_km", "null");
	is("/data/2/status", "\"pending\"");
	/* Asked again later, in vain. */
	now_us += DAY_US;
	ck_assert_int_eq(psm_inquiry_ask_distances(st, 1, err), 3);
	told("2026-03-03T10:00:01Z", "\"request_id\": \"match:2\", \"result\": "
	                             "{\"status\": \"error\"}");
	OK(psm_inquiry_distances(st, 1, fresh(), err));
	is("/data/1",
	   "{\"match_id\": 2, \"patient_id\": 7, \"distance_km\": null, "
	   "\"status\": \"error\", \"source\": null, \"asked_at\": "
	   "\"2026-03-03T10:00:00Z\"}");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("inquiry_choose");
	TCase *c = tcase_create("choose");

	tcase_add_checked_fixture(c, setup, inquiry_teardown);
	tcase_add_test(c, by_priority);
	tcase_add_test(c, whoever_ends_by_any_function_leaves);
	tcase_add_test(c, excluded_by_a_correction_leaves);
	tcase_add_test(c, a_therapist_of_no_area);
	tcase_add_test(c, unfit_when_it_is_sent);
	tcase_add_test(c, a_patient_who_is_gone);
	tcase_add_test(c, paused_it_leaves_as_well);
	tcase_add_test(c, nobody_is_in_it);
	tcase_add_test(c, sent_before_the_end_of_cooling);
	tcase_add_test(c, distances_asked);
	tcase_add_test(c, distances_told);
	suite_add_tcase(s, c);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
