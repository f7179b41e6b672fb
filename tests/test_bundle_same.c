/* SPDX-License-Identifier: BSD-2-Clause */
/* A loaded bundle answers as the database does, on random copies. */
#include <psymatch/bundle.h>
#include <psymatch/inquiry.h>
#include <psymatch/search.h>

#include "testing_app.h"

enum { THERAPISTS = 60, SEARCHES = 300 };

static psm_bundle *b;
static size_t compared;

static int64_t
clock_now(void *user)
{
	(void)user;
	return INT64_C(1796036400000000); /* 2026-11-30T11:00:00Z */
}

static void
setup(void)
{
	app_setup();
	psm_set_clock(clock_now, NULL);
	OK(psm_store_migrate(st, "geocoding", err));
	OK(psm_bundle_new(NULL, 0, &b, err));
}

static void
teardown(void)
{
	psm_set_clock(NULL, NULL);
	psm_bundle_free(b);
	app_teardown();
}

#define ONE_OF(words) "(ARRAY[" words "])[1 + floor(random() * "

/* Five codes of two areas, one of which has no centroid. */
#define PLZ ONE_OF("'10115', '10117', '10999', '10435', '20095'") "5)]"

static void
fill(int seed)
{
	pg_run("INSERT INTO geocoding_service.plz_centroids "
	       "(plz, ort, latitude, longitude) VALUES "
	       "('10115', 'A', 52.53, 13.38), ('10117', 'A', 52.51, 13.38), "
	       "('10435', 'A', 52.54, 13.41), ('20095', 'A', 53.55, 10.0)");
	pg_run(
	    "SELECT setseed(0.%d); "
	    "INSERT INTO matching_service.therapeuten_kopie "
	    "(id, plz, status, vorname, nachname, titel, email, geschlecht, "
	    "psychotherapieverfahren, naechster_kontakt_moeglich, "
	    "potenziell_verfuegbar, ueber_curavani_informiert, alter_min, "
	    "alter_max, geschlechtspraeferenz, bevorzugt_gruppentherapie, "
	    "event_time, event_id) SELECT n, " PLZ ", " ONE_OF("'aktiv', 'aktiv', 'aktiv', 'gesperrt', "
	                                                       "'inaktiv'") "5)], 'V' || n, " ONE_OF("'Muster', 'M\xc3\xbcller', 'Beispiel'") "3)], " ONE_OF("NULL, 'Dr.', 'Prof. Dr.'") "3)], " ONE_OF("NULL, 'praxis-muster@example.org', ' Info@example.org', "
	                                                                                                                                                                                                "'mueller@example.org', 'a@example.org'") "5)], " ONE_OF("'weiblich', 'm\xc3\xa4nnlich', 'divers', NULL") "4)], " ONE_OF("'egal', 'Verhaltenstherapie', NULL, "
	                                                                                                                                                                                                                                                                                                                         "'tiefenpsychologisch_fundierte_Psychotherapie'") "4)], "
																																														   "CASE WHEN random() < 0.2 THEN date '2026-11-30' + "
																																														   "floor(random() * 3)::int END, random() < 0.5, random() < 0.5, "
																																														   "CASE WHEN random() < 0.3 THEN 30 END, "
																																														   "CASE WHEN random() < 0.3 THEN 50 END, " ONE_OF(
																																														       "NULL, NULL, 'Weiblich', 'egal', 'unklar'") "5)], "
																																																				   "random() < 0.1, now(), 'x' FROM generate_series(1, %d) n",
	    seed, THERAPISTS);
	pg_run(
	    "INSERT INTO matching_service.patienten_kopie "
	    "(id, plz, geschlecht, geburtsdatum, status, "
	    "raeumliche_verfuegbarkeit, offen_fuer_gruppentherapie, "
	    "bevorzugtes_therapeutengeschlecht, "
	    "bevorzugtes_therapieverfahren, event_time, event_id) "
	    "SELECT n, " PLZ ", " ONE_OF(
		"'weiblich', 'm\xc3\xa4nnlich', NULL") "3)], "
						       "CASE WHEN random() < 0.9 THEN date '1950-01-01' + "
						       "floor(random() * 20000)::int END, 'auf_der_Suche', " ONE_OF(
							   "NULL, '{\"max_km\": 2}', '{\"max_km\": \"x\"}', "
							   "'{\"max_km\": 30}'") "4)]::jsonb, random() < 0.5, " ONE_OF("NULL, 'Egal', 'Weiblich', 'M\xc3\xa4nnlich'") "4)], " ONE_OF("NULL, 'egal', 'Verhaltenstherapie'") "3)], now(), 'x' "
																											   "FROM generate_series(1, %d) n",
	    SEARCHES);
	pg_run("INSERT INTO matching_service.platzsuche "
	       "(id, patient_id, created_at, ausgeschlossene_therapeuten) "
	       "SELECT n, n, timestamp '2026-01-01' + floor(random() * 40) * "
	       "interval '1 day', CASE WHEN random() < 0.3 THEN "
	       "to_jsonb(ARRAY[1 + floor(random() * 60)::int, "
	       "1 + floor(random() * 60)::int]) ELSE '[]' END "
	       "FROM generate_series(1, %d) n",
	       SEARCHES);
	/* Unsent, waiting, waiting for years, answered, cancelled. */
	pg_run("INSERT INTO matching_service.therapeutenanfrage "
	       "(id, therapist_id, anfragegroesse, gesendet_datum, "
	       "antwort_datum, storniert_datum) SELECT n, n * 4, 1, "
	       "CASE n %% 5 WHEN 1 THEN timestamp '2026-11-20' "
	       "WHEN 2 THEN timestamp '2020-01-01' "
	       "WHEN 3 THEN timestamp '2026-11-20' END, "
	       "CASE n %% 5 WHEN 3 THEN timestamp '2026-11-21' END, "
	       "CASE n %% 5 WHEN 4 THEN timestamp '2026-11-21' END "
	       "FROM generate_series(1, 15) n");
	pg_run("INSERT INTO matching_service.therapeut_anfrage_patient "
	       "(therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage) SELECT a, s, s, 1 "
	       "FROM generate_series(1, 15) a, generate_series(1, 300, 3) s");
}

static psm_json *
parse(char *text)
{
	psm_json *doc = NULL;

	OK(psm_json_parse(text, strlen(text), &doc, err));
	return doc;
}

static int64_t
number(const psm_json *v, const char *pointer)
{
	int64_t n = -1;

	OK(psm_json_get_int(psm_json_at(v, pointer), &n, err));
	return n;
}

/* Inquiries hold the first six of those who are eligible. */
static void
compare_inquiry(int id)
{
	const psm_json *ours, *theirs;
	char json[100], *mine = NULL, *stored = NULL;
	psm_json *a, *c;

	(void)snprintf(json, sizeof(json),
	               "{\"therapist_id\": %d, \"override\": true, "
	               "\"today\": \"2026-11-30\"}",
	               id);
	OK(psm_bundle_inquiry(b, json, strlen(json), &mine, err));
	OK(psm_therapist_eligible(st, id, NULL, &stored, err));
	a = parse(mine);
	c = parse(stored);
	for (size_t i = 0; i < 6; i++) {
		ours = psm_json_item(psm_json_at(a, "/searches"), i);
		theirs = psm_json_item(psm_json_at(c, "/data"), i);
		ck_assert_msg((ours == NULL) == (theirs == NULL), "%s\n%s",
		              mine, stored);
		if (ours != NULL)
			ck_assert_msg(number(ours, "/search_id") ==
			                  number(theirs, "/search_id"),
			              "%s\n%s", mine, stored);
	}
	psm_json_free(a);
	psm_json_free(c);
	psm_free(mine);
	psm_free(stored);
}

static void
compare_reasons(int id)
{
	char json[100], *mine = NULL, *stored = NULL;
	psm_json *a, *c;

	(void)snprintf(json, sizeof(json),
	               "{\"therapist_id\": %d, \"today\": \"2026-11-30\"}", id);
	OK(psm_bundle_why_not(b, json, strlen(json), &mine, err));
	OK(psm_therapist_eligible(st, id, NULL, &stored, err));
	a = parse(mine);
	c = parse(stored);
	ck_assert_int_eq(number(a, "/searches"), number(c, "/examined"));
	ck_assert_int_eq(number(a, "/fits"), number(c, "/total"));
	ck_assert_msg(psm_json_equal(psm_json_at(a, "/reasons"),
	                             psm_json_at(c, "/reasons")),
	              "%s\n%s", mine, stored);
	psm_json_free(a);
	psm_json_free(c);
	psm_free(mine);
	psm_free(stored);
}

static void
compare_selection(const char *prefix)
{
	char json[100], *mine = NULL, *stored = NULL;
	const psm_json *ours, *theirs;
	psm_json *a, *c;
	size_t count;

	(void)snprintf(json, sizeof(json),
	               "{\"plz_prefix\": \"%s\", \"today\": \"2026-11-30\"}",
	               prefix);
	OK(psm_bundle_select(b, json, strlen(json), &mine, err));
	OK(psm_therapist_selection(st, prefix, &stored, err));
	a = parse(mine);
	c = parse(stored);
	count = psm_json_count(psm_json_at(c, "/data"));
	compared += count;
	ck_assert_msg(psm_json_count(psm_json_at(a, "/therapists")) == count,
	              "%s\n%s", mine, stored);
	for (size_t i = 0; i < count; i++) {
		ours = psm_json_item(psm_json_at(a, "/therapists"), i);
		theirs = psm_json_item(psm_json_at(c, "/data"), i);
		ck_assert_msg(number(ours, "/id") == number(theirs, "/id") &&
		                  number(ours, "/tier") ==
		                      number(theirs, "/tier"),
		              "%s\n%s", mine, stored);
	}
	psm_json_free(a);
	psm_json_free(c);
	psm_free(mine);
	psm_free(stored);
}

START_TEST(the_same_answers)
{
	fill(_i + 1);
	ck_assert_int_eq(psm_bundle_load(b, st, err), SEARCHES);
	compare_selection("10");
	compare_selection("20");
	ck_assert_uint_gt(compared, 5);
	for (int id = 1; id <= THERAPISTS; id++) {
		compare_inquiry(id);
		compare_reasons(id);
	}
}
END_TEST

static const char strategies[] =
    "{\"strategies\": [{\"name\": \"fifo\", \"policy\": \"fifo\"}, "
    "{\"name\": \"priority\", \"policy\": \"priority\"}], \"share\": 90}";

/* Half of them urgent, some came back, and two strategies side by side. */
static void
fill_two(int seed)
{
	psm_config *cfg = pg_settings();

	fill(seed);
	pg_run("UPDATE matching_service.platzsuche SET dringlichkeit = id %% 4 "
	       "WHERE id %% 2 = 0");
	pg_run("INSERT INTO matching_service.therapeut_anfrage_patient "
	       "(therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage, antwortergebnis) SELECT 3, s, s, 1, "
	       "'nicht_erschienen' FROM generate_series(2, 300, 7) s ON "
	       "CONFLICT DO NOTHING");
	OK(psm_config_set(cfg, "MATCHING_STRATEGY_TRIAL", "priority", err));
	OK(psm_config_set(cfg, "MATCHING_STRATEGY_SHARE", "90", err));
	psm_store_free(st);
	OK(psm_store_open(cfg, &st, err));
	psm_config_free(cfg);
	psm_bundle_free(b);
	OK(psm_bundle_new(strategies, strlen(strategies), &b, err));
}

/* 1: composed by that strategy; 0: the therapist may not be asked. */
static int
compare_made(int id, const char *strategy)
{
	const psm_json *ours, *theirs;
	char json[200], options[100], *mine = NULL, *stored = NULL, *plz;
	psm_json *a, *c;
	int rc, second;

	(void)snprintf(json, sizeof(json),
	               "{\"therapist_id\": %d, \"override\": true, \"today\": "
	               "\"2026-11-30\"%s%s%s}",
	               id, strategy ? ", \"strategy\": \"" : "",
	               strategy ? strategy : "", strategy ? "\"" : "");
	(void)snprintf(options, sizeof(options),
	               "{\"override_cooling\": \"x\"%s%s%s}",
	               strategy ? ", \"strategie\": \"" : "",
	               strategy ? strategy : "", strategy ? "\"" : "");
	plz = pg_text("SELECT left(plz, 2) FROM "
	              "matching_service.therapeuten_kopie WHERE id = %d",
	              id);
	rc = psm_inquiry_create(st, id, plz, options, strlen(options), &stored,
	                        err);
	free(plz);
	if (rc == PSM_ERR_CONFLICT)
		return 0;
	ck_assert_msg(rc >= 0, "%s", psm_error_message(err));
	OK(psm_bundle_inquiry(b, json, strlen(json), &mine, err));
	a = parse(mine);
	c = parse(stored);
	ours = psm_json_at(a, "/searches");
	theirs = psm_json_at(c, "/patient_ids");
	ck_assert_msg(psm_json_count(ours) == psm_json_count(theirs), "%s\n%s",
	              mine, stored);
	for (size_t i = 0; i < psm_json_count(ours); i++) {
		int64_t n = 0;

		OK(psm_json_get_int(psm_json_item(theirs, i), &n, err));
		ck_assert_msg(number(psm_json_item(ours, i), "/patient_id") ==
		                  n,
		              "%s\n%s", mine, stored);
	}
	second = 0;
	if (rc == 1) {
		const char *name =
		    psm_json_string(psm_json_at(c, "/strategie"));

		ck_assert_str_eq(psm_json_string(psm_json_at(a, "/strategy")),
		                 name);
		second = strcmp(name, "priority") == 0;
		pg_run("DELETE FROM matching_service.therapeutenanfrage WHERE "
		       "id = %d",
		       (int)number(c, "/anfrage_id"));
	}
	psm_json_free(a);
	psm_json_free(c);
	psm_free(mine);
	psm_free(stored);
	return rc == 1 ? 1 + second : 0;
}

START_TEST(invariant_8_the_same_inquiries)
{
	int made[3] = {0, 0, 0}, named = 0;

	fill_two(_i + 1);
	ck_assert_int_eq(psm_bundle_load(b, st, err), SEARCHES);
	for (int id = 1; id <= THERAPISTS; id++) {
		made[compare_made(id, NULL)]++;
		(void)compare_made(id, "fifo");
		named += compare_made(id, "priority") == 2;
	}
	ck_assert_int_gt(named, 0);
	ck_assert_int_gt(made[1], 0);
	ck_assert_int_gt(made[2], 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("bundle_same");
	TCase *t = tcase_create("same");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, the_same_answers, 0, 3);
	tcase_add_loop_test(t, invariant_8_the_same_inquiries, 0, 2);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
