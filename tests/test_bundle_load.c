/* SPDX-License-Identifier: BSD-2-Clause */
/* A bundle that is loaded from the matching service's database. */
#include <psymatch/bundle.h>

#include "testing_app.h"

static psm_bundle *b;

static void
setup(void)
{
	app_setup();
	OK(psm_bundle_new(NULL, 0, &b, err));
}

static void
teardown(void)
{
	psm_bundle_free(b);
	app_teardown();
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

static void
fill(void)
{
	pg_run("INSERT INTO geocoding_service.plz_centroids "
	       "(plz, ort, latitude, longitude) VALUES "
	       "('10115', 'A', 52.5, 13.4), ('10117', 'A', 52.51, 13.38), "
	       "('10119', 'A', 452.51, 13.38), ('x', 'A', 1, 1)");
	pg_run("INSERT INTO matching_service.therapeuten_kopie "
	       "(id, plz, status, nachname, email, geschlecht, "
	       "naechster_kontakt_moeglich, potenziell_verfuegbar, alter_min, "
	       "bevorzugt_gruppentherapie, geloescht, event_time, event_id) "
	       "VALUES "
	       "(1, '10115', 'aktiv', 'A', 'a@example.org', 'weiblich', NULL, "
	       "true, 30, true, false, now(), 'x'), "
	       "(2, '10115', 'aktiv', 'B', NULL, NULL, '2026-12-01', NULL, "
	       "NULL, NULL, false, now(), 'x'), "
	       "(3, '10115', 'aktiv', 'C', NULL, NULL, NULL, NULL, NULL, NULL, "
	       "false, now(), 'x'), "
	       "(4, '10115', NULL, 'D', NULL, NULL, NULL, NULL, NULL, NULL, "
	       "false, now(), 'x'), "
	       "(5, '10115', 'aktiv', NULL, NULL, NULL, NULL, NULL, NULL, "
	       "NULL, true, now(), 'x')");
	pg_run("INSERT INTO matching_service.patienten_kopie "
	       "(id, plz, geschlecht, geburtsdatum, raeumliche_verfuegbarkeit, "
	       "offen_fuer_gruppentherapie, bevorzugtes_therapeutengeschlecht, "
	       "event_time, event_id) SELECT n, '10117', 'weiblich', "
	       "'1980-05-05', '{\"max_km\": 5}', true, 'Weiblich', now(), 'x' "
	       "FROM generate_series(1, 9) n");
	pg_run("UPDATE matching_service.patienten_kopie SET "
	       "raeumliche_verfuegbarkeit = '{\"max_km\": 1}' WHERE id = 2; "
	       "UPDATE matching_service.patienten_kopie SET "
	       "geburtsdatum = '2000-01-01' WHERE id = 3; "
	       "UPDATE matching_service.patienten_kopie SET "
	       "offen_fuer_gruppentherapie = NULL WHERE id = 4; "
	       "UPDATE matching_service.patienten_kopie SET "
	       "bevorzugtes_therapeutengeschlecht = 'm\xc3\xa4nnlich' "
	       "WHERE id = 5; "
	       "DELETE FROM matching_service.patienten_kopie WHERE id = 6");
	pg_run("INSERT INTO matching_service.platzsuche "
	       "(id, patient_id, created_at, ausgeschlossene_therapeuten) "
	       "SELECT 100 + n, n, timestamp '2026-01-20' - n * interval "
	       "'1 day', CASE WHEN n = 7 THEN '[1, {\"id\": 3}]' ELSE '[]' "
	       "END::jsonb FROM generate_series(1, 9) n");
	pg_run("UPDATE matching_service.platzsuche SET status = 'pausiert' "
	       "WHERE id = 109");
	/* Therapist 3 has an inquiry with the patient of search 108, one that
	 * was answered, and one that was cancelled. */
	pg_run("INSERT INTO matching_service.therapeutenanfrage "
	       "(id, therapist_id, anfragegroesse, gesendet_datum, "
	       "antwort_datum, storniert_datum) VALUES "
	       "(1, 3, 1, now(), NULL, NULL), (2, 3, 1, now(), now(), NULL), "
	       "(3, 2, 1, NULL, NULL, now())");
	pg_run("INSERT INTO matching_service.therapeut_anfrage_patient "
	       "(therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage, antwortergebnis) VALUES "
	       "(1, 108, 8, 1, NULL), (2, 101, 1, 1, 'nicht_erschienen')");
}

START_TEST(what_the_database_knows)
{
	OK(psm_store_migrate(st, "geocoding", err));
	fill();
	ck_assert_int_eq(psm_bundle_load(b, st, err), 8);
	expect(psm_bundle_inquiry,
	       "{\"therapist_id\": 1, \"today\": \"2026-11-30\"}",
	       "{\"therapist_id\":1,\"plz_prefix\":\"10\",\"refused\":[],"
	       "\"strategy\":\"fifo\",\"searches\":[{\"search_id\":108,"
	       "\"patient_id\":8,\"distance_km\":1.75},{\"search_id\":101,"
	       "\"patient_id\":1,\"distance_km\":1.75}],\"doubts\":{}}");
	expect(psm_bundle_why_not,
	       "{\"therapist_id\": 1, \"today\": \"2026-11-30\"}",
	       "{\"therapist_id\":1,\"plz_prefix\":\"10\",\"refused\":[],"
	       "\"searches\":7,\"fits\":2,\"reasons\":{\"distance\":1,"
	       "\"excluded\":1,\"therapist_gender\":1,\"too_young\":1,"
	       "\"group_therapy\":1},\"doubts\":{}}");
	expect(psm_bundle_why_not,
	       "{\"therapist_id\": 3, \"search_id\": 108, \"today\": "
	       "\"2026-11-30\"}",
	       "{\"therapist_id\":3,\"plz_prefix\":\"10\",\"refused\":"
	       "[\"pending\"],\"searches\":1,\"fits\":0,\"reasons\":"
	       "{\"therapist_gender\":1,\"in_inquiry\":1},\"doubts\":{}}");
	expect(psm_bundle_select,
	       "{\"plz_prefix\": \"10\", \"today\": \"2026-11-30\"}",
	       "{\"plz_prefix\":\"10\",\"therapists\":[{\"id\":1,\"tier\":1}],"
	       "\"left_out\":{\"pending\":1,\"cooling\":1,\"mailbox\":0}}");
}
END_TEST

/* Again: what has changed is here, and counted once. */
START_TEST(loaded_again)
{
	char *out = NULL;

	OK(psm_store_migrate(st, "geocoding", err));
	fill();
	ck_assert_int_eq(psm_bundle_load(b, st, err), 8);
	pg_run("UPDATE matching_service.patienten_kopie SET "
	       "raeumliche_verfuegbarkeit = NULL WHERE id = 2");
	ck_assert_int_eq(psm_bundle_load(b, st, err), 8);
	OK(psm_bundle_stats(b, &out, err));
	ck_assert_ptr_nonnull(strstr(out, "\"searches\":8,\"therapists\":4"));
	psm_free(out);
	expect(psm_bundle_why_not,
	       "{\"therapist_id\": 1, \"search_id\": 102, \"today\": "
	       "\"2026-11-30\"}",
	       "{\"therapist_id\":1,\"plz_prefix\":\"10\",\"refused\":[],"
	       "\"searches\":1,\"fits\":1,\"reasons\":{},\"doubts\":{}}");
}
END_TEST

/* Whom a therapist accepted and who came back goes first by priority. */
START_TEST(returned_after_a_missed_meeting)
{
	static const char options[] =
	    "{\"default_max_km\": 25, \"strategies\": [{\"name\": \"p\", "
	    "\"policy\": \"priority\"}]}";

	psm_bundle_free(b);
	OK(psm_bundle_new(options, strlen(options), &b, err));
	OK(psm_store_migrate(st, "geocoding", err));
	fill();
	ck_assert_int_eq(psm_bundle_load(b, st, err), 8);
	expect(psm_bundle_inquiry,
	       "{\"therapist_id\": 1, \"today\": \"2026-11-30\"}",
	       "{\"therapist_id\":1,\"plz_prefix\":\"10\",\"refused\":[],"
	       "\"strategy\":\"p\",\"searches\":[{\"search_id\":101,"
	       "\"patient_id\":1,\"distance_km\":1.75},{\"search_id\":108,"
	       "\"patient_id\":8,\"distance_km\":1.75}],\"doubts\":{}}");
}
END_TEST

START_TEST(without_centroids)
{
	pg_run("INSERT INTO matching_service.therapeuten_kopie "
	       "(id, plz, status, event_time, event_id) VALUES "
	       "(1, '10115', 'aktiv', now(), 'x')");
	pg_run("INSERT INTO matching_service.patienten_kopie "
	       "(id, plz, event_time, event_id) VALUES "
	       "(1, '10117', now(), 'x')");
	pg_run("INSERT INTO matching_service.platzsuche (id, patient_id) "
	       "VALUES (1, 1)");
	ck_assert_int_eq(psm_bundle_load(b, st, err), 1);
	expect(psm_bundle_inquiry,
	       "{\"therapist_id\": 1, \"today\": \"2026-11-30\"}",
	       "{\"therapist_id\":1,\"plz_prefix\":\"10\",\"refused\":[],"
	       "\"strategy\":\"fifo\",\"searches\":[{\"search_id\":1,"
	       "\"patient_id\":1,\"distance_km\":null}],"
	       "\"doubts\":{\"distance\":1}}");
	ck_assert_int_eq(psm_bundle_load(NULL, st, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_bundle_load(b, NULL, err), PSM_ERR_INVAL);
}
END_TEST

/* The same answers as the database's, whose settings these are. */
static void
reopen(const char *digits)
{
	psm_config *cfg = pg_settings();

	OK(psm_config_set(cfg, "PLZ_MATCH_DIGITS", digits, err));
	OK(psm_config_set(cfg, "MAX_ANFRAGE_SIZE", "2", err));
	OK(psm_config_set(cfg, "MATCHING_STRATEGY", "priority", err));
	OK(psm_config_set(cfg, "DEFAULT_MAX_DISTANCE_KM", "3", err));
	psm_store_free(st);
	st = NULL;
	OK(psm_store_open(cfg, &st, err));
	psm_config_free(cfg);
}

START_TEST(with_the_settings)
{
	static const char own[] = "{\"plz_digits\": 3}";
	static const char ask[] =
	    "{\"therapist_id\": 1, \"today\": \"2026-11-30\"}";
	char *text = NULL;

	OK(psm_store_migrate(st, "geocoding", err));
	fill();
	pg_run("UPDATE matching_service.patienten_kopie SET "
	       "raeumliche_verfuegbarkeit = NULL WHERE id = 8");
	reopen("1");
	ck_assert_int_eq(psm_bundle_load(b, st, err), 8);
	/* Once came back, and comes first by priority; two are enough. */
	expect(psm_bundle_inquiry, ask,
	       "{\"therapist_id\":1,\"plz_prefix\":\"1\",\"refused\":[],"
	       "\"strategy\":\"priority\",\"searches\":[{\"search_id\":101,"
	       "\"patient_id\":1,\"distance_km\":1.75},{\"search_id\":108,"
	       "\"patient_id\":8,\"distance_km\":1.75}],\"doubts\":{}}");
	/* It holds something: its options stay. Named ones do, too. */
	reopen("2");
	ck_assert_int_eq(psm_bundle_load(b, st, err), 8);
	OK(psm_bundle_inquiry(b, ask, strlen(ask), &text, err));
	ck_assert_ptr_nonnull(strstr(text, "\"plz_prefix\":\"1\""));
	psm_free(text);
	psm_bundle_free(b);
	OK(psm_bundle_new(own, strlen(own), &b, err));
	ck_assert_int_eq(psm_bundle_load(b, st, err), 8);
	OK(psm_bundle_inquiry(b, ask, strlen(ask), &text, err));
	ck_assert_ptr_nonnull(strstr(text, "\"plz_prefix\":\"101\""));
	psm_free(text);
	psm_bundle_free(b);
	OK(psm_bundle_new("{}", 2, &b, err));
	reopen("4");
	ck_assert_int_eq(psm_bundle_load(b, st, err), PSM_ERR_CONFIG);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("bundle_load");
	TCase *t = tcase_create("load");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_the_database_knows);
	tcase_add_test(t, loaded_again);
	tcase_add_test(t, returned_after_a_missed_meeting);
	tcase_add_test(t, without_centroids);
	tcase_add_test(t, with_the_settings);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
