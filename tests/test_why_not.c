/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a search is not in an inquiry to a therapist, and who would be in one. */
#include "app/candidates.h"
#include "testing_search.h"

static void
setup_pair(void)
{
	setup();
	patient_is(1, COMPLETE);
	therapist_is(7, "Sieben", "");
	ck_assert_int_eq(search_of(1), 1);
}

/* The names of the reasons, or doubts, of the answer for one pair. */
static char *
names_of(const char *json, const char *list)
{
	psm_json *doc;
	const psm_json *v;
	char *text = calloc(1, 500);

	OK(psm_json_parse(json, strlen(json), &doc, err));
	v = psm_json_at(doc, list);
	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < psm_json_count(v); i++) {
		ck_assert_ptr_nonnull(
		    psm_json_string(psm_json_at(psm_json_item(v, i), "/text")));
		(void)snprintf(text + strlen(text), 500 - strlen(text), "%s%s",
		               i > 0 ? " " : "",
		               psm_json_string(psm_json_at(psm_json_item(v, i),
		                                           "/reason")));
	}
	psm_json_free(doc);
	return text;
}

static void
check_pair(int64_t therapist, const char *failed, const char *doubts)
{
	char *out, *found;

	OK(psm_search_why_not(st, 1, therapist, &out, err));
	found = names_of(out, "/failed");
	ck_assert_str_eq(found, failed);
	free(found);
	found = names_of(out, "/cannot_tell");
	ck_assert_str_eq(found, doubts);
	free(found);
	CHECK_JSON(out, "/fits", failed[0] == '\0' ? "true" : "false");
	psm_free(out);
}

START_TEST(fits)
{
	check_pair(7, "", "distance");
}
END_TEST

START_TEST(every_reason_at_once)
{
	therapist_is(
	    7, "Sieben",
	    ", \"plz\": \"20095\", \"alter_min\": 90, \"geschlecht\": "
	    "\"divers\", \"geschlechtspraeferenz\": \"M\xc3\xa4nnlich\", "
	    "\"bevorzugt_gruppentherapie\": true, "
	    "\"psychotherapieverfahren\": \"Verhaltenstherapie\", "
	    "\"status\": \"inaktiv\", \"naechster_kontakt_moeglich\": "
	    "\"2999-01-01\"");
	patient_is(1, "\"bevorzugtes_therapeutengeschlecht\": \"Weiblich\", "
	              "\"bevorzugtes_therapieverfahren\": "
	              "\"tiefenpsychologisch_fundierte_Psychotherapie\", "
	              "\"raeumliche_verfuegbarkeit\": {\"max_km\": []}");
	ck_assert_int_eq(psm_search_exclude(st, 1, 7, NULL, err), 1);
	OK(psm_search_pause(st, 1, NULL, err));
	put_into(inquiry_to(7), 1);
	check_pair(7,
	           "excluded therapist_gender procedure too_young "
	           "patient_gender group_therapy area search_status in_inquiry "
	           "therapist_status cooling pending",
	           "distance max_km");
	/* Whoever is not known fails by that, and by the list. */
	check_pair(8, "search_status therapist_unknown", "");
	receive(make("patient.deleted", "{\"patient_id\": 1}"));
	check_pair(7,
	           "excluded search_status patient_unknown therapist_status "
	           "cooling",
	           "");
}
END_TEST

START_TEST(by_distance)
{
	char *out;

	OK(psm_store_migrate(st, "geocoding", err));
	pg_run(
	    "INSERT INTO geocoding_service.plz_centroids (plz, ort, latitude, "
	    "longitude) VALUES ('10117', 'A', 52.51, 13.38), ('10115', 'B', "
	    "52.53, 13.38)");
	OK(psm_search_why_not(st, 1, 7, &out, err));
	CHECK_JSON(out, "/distance_km", "2.22");
	psm_free(out);
	patient_is(1, "\"raeumliche_verfuegbarkeit\": {\"max_km\": 2}");
	check_pair(7, "distance", "");
}
END_TEST

START_TEST(refused)
{
	char *out;

	ck_assert_int_eq(psm_search_why_not(st, 2, 7, &out, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_search_why_not(st, 1, 0, &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_search_why_not(st, 1, 7, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_eligible(st, 8, NULL, &out, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_therapist_eligible(st, 7, "1", &out, err),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_therapist_eligible(st, 7, "10", NULL, err),
	                 PSM_ERR_INVAL);
}
END_TEST

/* Fault 53: equal times, in the order of their numbers. 48: one odd patient
 * does no harm to the others. */
START_TEST(fault_48_and_53_eligible)
{
	char *out;

	patient_is(2, COMPLETE ", \"raeumliche_verfuegbarkeit\": {\"max_km\": "
	                       "null}");
	patient_is(3, COMPLETE);
	patient_is(3, "\"geburtsdatum\": \"1930-01-01\"");
	patient_is(4, COMPLETE);
	patient_is(4, "\"plz\": \"20095\"");
	patient_is(5, COMPLETE ", \"raeumliche_verfuegbarkeit\": {\"max_km\": "
	                       "\"x\"}");
	patient_is(6, COMPLETE);
	patient_is(6, "\"plz\": null");
	for (int i = 2; i <= 6; i++)
		ck_assert_int_eq(search_of(i), i);
	pg_run("UPDATE matching_service.platzsuche SET created_at = "
	       "'2026-01-01 10:00'");
	therapist_is(7, "Sieben", ", \"alter_max\": 60");
	put_into(inquiry_to(9), 5);
	put_into(inquiry_to(7), 2);
	OK(psm_therapist_eligible(st, 7, NULL, &out, err));
	CHECK_JSON(out, "/plz_prefix", "\"10\"");
	CHECK_JSON(out, "/total", "2");
	CHECK_JSON(out, "/examined", "4");
	CHECK_JSON(out, "/data/0/search_id", "1");
	CHECK_JSON(out, "/data/0/created_at", "\"2026-01-01T10:00:00Z\"");
	CHECK_JSON(out, "/data/1/patient_id", "5");
	CHECK_JSON(out, "/data/1/cannot_tell/1/reason", "\"max_km\"");
	CHECK_JSON(out, "/reasons", "{\"too_old\":1,\"in_inquiry\":1}");
	CHECK_JSON(out, "/cannot_tell", "{\"distance\":4,\"max_km\":1}");
	CHECK_JSON(out, "/therapist/failed",
	           "[{\"reason\":\"pending\",\"text\":\"the therapist has "
	           "an inquiry that is not answered yet\"}]");
	psm_free(out);
	OK(psm_therapist_eligible(st, 7, "20", &out, err));
	CHECK_JSON(out, "/data/0/patient_id", "4");
	/* As an inquiry that is made for it would be refused. */
	CHECK_JSON(out, "/therapist/failed/1/reason", "\"therapist_area\"");
	psm_free(out);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "matching_service.therapeutenanfrage"),
	                 2);
}
END_TEST

/* -- cost */

static int
stop_at_six(const struct psm__candidate *c, void *user)
{
	int *count = user;

	*count += c->result.failed == 0;
	return *count == 6;
}

/* 40,000 searches in 80 areas, half of them ended: the plan of a page looks at
 * no other area, and at nothing that has ended. */
START_TEST(fault_52_cost_does_not_grow_with_others)
{
	struct psm__fit_terms terms;
	struct psm__row row;
	const char *params[5] = {"10", "-infinity", "0", "500", "7"};
	struct psm__buf sql = {0}, plan = {0};
	psm_rows *rows;
	psm_tx *tx;
	char *page;
	int count = 0;

	pg_hasty();
	pg_run("INSERT INTO matching_service.patienten_kopie (id, geschlecht, "
	       "plz, event_time, event_id) SELECT n, 'weiblich', 10 + n %% 80 "
	       "|| '115', now(), n::text FROM generate_series(100, 40099) n");
	for (int i = 0; i < 2; i++)
		pg_run("INSERT INTO matching_service.platzsuche (patient_id, "
		       "status, created_at) SELECT n, '%s', timestamp "
		       "'2026-01-01' + n * interval '1 minute' FROM "
		       "generate_series(100, 40099) n WHERE n / 80 %% 2 = %d",
		       i == 0 ? "aktiv" : "abgebrochen", i);
	pg_run(
	    "INSERT INTO matching_service.therapeutenanfrage (therapist_id, "
	    "anfragegroesse, gesendet_datum, antwort_datum) SELECT n %% 500, "
	    "1, now(), now() FROM generate_series(1, 20000) n");
	pg_run("INSERT INTO matching_service.therapeut_anfrage_patient "
	       "(therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage) SELECT n, s.id, s.patient_id, 1 FROM "
	       "generate_series(1, 20000) n JOIN matching_service.platzsuche s "
	       "ON s.id = n + 1");
	pg_run("ANALYZE");
	OK(psm_tx_begin(st, &tx, err));
	OK(psm__fit_terms(tx, &terms, err));
	page = psm__candidates_sql(&terms);
	psm__buf_printf(&sql, "EXPLAIN %s", page);
	OK(psm_tx_exec(tx, sql.data, 5, params, &rows, err));
	for (size_t i = 0; i < psm_rows_count(rows); i++)
		psm__buf_printf(&plan, "%s\n", psm_rows_text(rows, i, 0));
	ck_assert_msg(strstr(plan.data, "Seq Scan") == NULL, "%s", plan.data);
	/* Both of its indexes begin with the area, which is one page here. */
	ck_assert_msg(strstr(plan.data, "idx_aktive_suchen_gebiet") != NULL ||
	                  strstr(plan.data, "idx_aktive_suchen_vorrang") !=
	                      NULL,
	              "%s", plan.data);
	psm_rows_free(rows);
	ck_assert_int_eq(
	    psm__copy_read(tx, &psm__entity_therapist, 7, 0, &row, err), 1);
	OK(psm__candidates_each(tx, &terms, &row, "10", stop_at_six, &count,
	                        err));
	ck_assert_int_eq(count, 6);
	psm__row_free(&row);
	psm_tx_rollback(tx);
	psm__free(page);
	psm__buf_free(&sql);
	psm__buf_free(&plan);
	/* All of the area, page by page: 250 of it and the first one. */
	{
		char *out;

		OK(psm_therapist_eligible(st, 7, NULL, &out, err));
		CHECK_JSON(out, "/examined", "251");
		psm_free(out);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("why_not");
	TCase *tc = tcase_create("why_not");

	tcase_add_checked_fixture(tc, setup_pair, app_teardown);
	tcase_add_test(tc, fits);
	tcase_add_test(tc, every_reason_at_once);
	tcase_add_test(tc, by_distance);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, fault_48_and_53_eligible);
	tcase_add_test(tc, fault_52_cost_does_not_grow_with_others);
	suite_add_tcase(s, tc);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
