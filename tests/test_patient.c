/* SPDX-License-Identifier: BSD-2-Clause */
/* Patients made, changed and deleted: the start, the status, exclusions. */
#include "testing_patient.h"

/* -- made */

START_TEST(makes)
{
	OK(create(PATIENT(", \"id\": 900, \"startdatum\": \"2020-01-01\", "
	                  "\"letzter_kontakt\": \"2020-01-01\", "
	                  "\"created_at\": \"1999-01-01\", \"fee\": 1, "
	                  "\"plz\": null, \"email\": \"b@example.org\"")));
	check_out("/id", "1");
	check_out("/startdatum", "null");
	check_out("/letzter_kontakt", "null");
	check_out("/created_at", "\"" TODAY "\"");
	check_out("/updated_at", "null");
	check_out("/status", "\"offen\"");
	check_out("/vertraege_unterschrieben", "false");
	check_out("/zahlung_eingegangen", "false");
	check_out("/erfahrung_mit_psychotherapie", "null");
	check_out("/offen_fuer_gruppentherapie", "false");
	check_out("/ausgeschlossene_therapeuten", "[]");
	check_out("/bevorzugtes_therapeutengeschlecht", "\"Egal\"");
	check_out("/bevorzugtes_therapieverfahren", "\"egal\"");
	check_events("created");
	check_event("created", "patient_id", "1");
	check_event("created", "entity_version", "1");
	check_event("created", "patient_data,vorname", "Berta");
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.outbox, "
	           "jsonb_object_keys(payload::jsonb -> 'patient_data')"),
	    PSM__PATIENT_COUNT);
}
END_TEST

START_TEST(names_of_states)
{
	for (int i = 0; i <= PSM_PATIENT_THERAPIE_ABGEBROCHEN; i++)
		ck_assert_int_eq(
		    psm_patient_status_from_name(psm_patient_status_name(i)),
		    i);
	ck_assert_ptr_null(psm_patient_status_name(-1));
	ck_assert_ptr_null(psm_patient_status_name(6));
	ck_assert_int_eq(psm_patient_status_from_name("Offen"), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_patient_status_from_name(NULL), PSM_ERR_INVAL);
}
END_TEST

/* -- the start: payment and contracts */

#define PAID "\"zahlung_eingegangen\": true"
#define SIGNED "\"vertraege_unterschrieben\": true"

START_TEST(payment_alone_is_no_start)
{
	OK(create(PATIENT()));
	changed(put(1, "{" PAID "}"));
	check_out("/startdatum", "null");
	check_out("/status", "\"offen\"");
	check_events("created updated");
}
END_TEST

/* In whatever order, and in one. */
static const char *const to_the_start[][2] = {
    {"{" PAID "}", "{" SIGNED "}"},
    {"{" SIGNED "}", "{" PAID "}"},
    {"{\"ort\": \"Ulm\"}", "{" PAID ", " SIGNED "}"},
};

static void
check_start(void)
{
	check_out("/startdatum", "\"" TODAY "\"");
	check_out("/status", "\"auf_der_Suche\"");
	check_event("status_changed", "old_status", "offen");
	check_event("status_changed", "new_status", "auf_der_Suche");
	check_event("status_changed", "patient_data,startdatum", TODAY);
}

/* Contracts after the payment start, too. */
START_TEST(fault_61_the_start_is_not_bound_to_the_payment)
{
	OK(create(PATIENT()));
	changed(put(1, to_the_start[_i][0]));
	changed(put(1, to_the_start[_i][1]));
	check_start();
	check_events("created updated updated status_changed");
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.outbox WHERE "
	           "payload::jsonb -> 'updated_fields' @> "
	           "'[\"startdatum\", \"status\"]' AND NOT payload::jsonb "
	           "-> 'updated_fields' ? 'updated_at'"),
	    1);
}
END_TEST

static const char *const started[] = {
    PATIENT(", " PAID ", " SIGNED),
    PATIENT(", " PAID ", " SIGNED ", \"status\": \"offen\""),
};

/* With an explicit status it was an error, without one the status stayed. */
START_TEST(fault_60_a_new_patient_starts)
{
	OK(create(started[_i]));
	check_start();
	check_events("created status_changed");
}
END_TEST

/* A place that was found elsewhere is not undone. */
START_TEST(a_start_leaves_another_status_alone)
{
	OK(create(
	    PATIENT(", " PAID ", " SIGNED ", \"status\": \"in_Therapie\"")));
	check_out("/startdatum", "\"" TODAY "\"");
	check_out("/status", "\"in_Therapie\"");
	check_events("created");
}
END_TEST

/* One event per step, and none that did not happen. */
START_TEST(fault_62_p13_one_event_for_one_step)
{
	OK(create(PATIENT(", " SIGNED)));
	if (_i == 0) { /* the status in the same wish */
		changed(put(1, "{" PAID ", \"status\": \"auf_der_Suche\"}"));
		check_events("created updated status_changed");
		check_start();
	} else {
		changed(put(1, "{" PAID ", \"status\": \"in_Therapie\"}"));
		check_events("created updated status_changed");
		check_event("status_changed", "old_status", "offen");
		check_event("status_changed", "new_status", "in_Therapie");
		check_out("/startdatum", "\"" TODAY "\"");
	}
}
END_TEST

START_TEST(starts_once)
{
	OK(create(started[0]));
	now_us += INT64_C(86400000000);
	forget_events();
	ck_assert_int_eq(put(1, "{" PAID ", " SIGNED "}"), 0);
	changed(put(1, "{\"zahlung_eingegangen\": false}"));
	check_out("/startdatum", "\"" TODAY "\"");
	check_out("/status", "\"auf_der_Suche\"");
	changed(put(1, "{\"status\": \"offen\"}"));
	changed(put(1, "{" PAID "}"));
	check_out("/startdatum", "\"" TODAY "\"");
	check_out("/status", "\"offen\"");
	check_out("/updated_at", "\"2026-03-03\"");
	check_events("updated updated status_changed updated");
}
END_TEST

/* The older rule left such rows behind; one of them has no status at all. */
START_TEST(an_adopted_patient_starts_with_the_next_change)
{
	pg_run("INSERT INTO patient_service.patienten (anrede, geschlecht, "
	       "vorname, nachname, zahlung_eingegangen, "
	       "vertraege_unterschrieben, status) VALUES ('Frau', 'weiblich', "
	       "'A', 'B', true, true, %s)",
	       _i == 0 ? "'offen'" : "NULL");
	changed(put(1, "{\"ort\": \"Ulm\"}"));
	check_out("/startdatum", "\"" TODAY "\"");
	check_out("/status", "\"auf_der_Suche\"");
	check_events("updated status_changed");
	check_event("status_changed", "old_status", _i == 0 ? "offen" : "null");
}
END_TEST

/* -- status */

/* Every step from every state: what the machine allows is done and told about,
 * all else is refused and nothing is left of it. */
START_TEST(fault_63_every_step)
{
	const char *from = psm_patient_status_name(_i / 6);
	const char *to = psm_patient_status_name(_i % 6);
	int may =
	    psm_entity_may_follow(psm_entity_find("patient"), from, to, NULL);
	char json[256], want[64];
	int rc;

	(void)snprintf(json, sizeof(json), PATIENT(", \"status\": \"%s\""),
	               from);
	OK(create(json));
	check_events("created");
	(void)snprintf(json, sizeof(json),
	               "{\"ort\": \"Ulm\", \"status\": \"%s\"}", to);
	rc = put(1, json);
	if (may == 0 && from != to) {
		ck_assert_int_eq(rc, PSM_ERR_TRANSITION);
		ck_assert_ptr_nonnull(strstr(psm_error_message(err), from));
		ck_assert_ptr_nonnull(strstr(psm_error_message(err), to));
		check_events("created");
		ck_assert_int_eq(pg_int("SELECT count(*) FROM "
		                        "patient_service.patienten WHERE ort "
		                        "IS NULL"),
		                 1);
		return;
	}
	changed(rc);
	(void)snprintf(want, sizeof(want), "\"%s\"", to);
	check_out("/status", want);
	check_events(from == to ? "created updated"
	                        : "created updated status_changed");
	check_event("updated", "updated_fields",
	            from == to ? "[\"ort\"]" : "[\"ort\", \"status\"]");
	if (from != to) {
		check_event("status_changed", "old_status", from);
		check_event("status_changed", "new_status", to);
		check_event("status_changed", "patient_data,ort", "Ulm");
	}
}
END_TEST

/* No status is no way to vanish from every list. */
START_TEST(fault_63_no_empty_status)
{
	OK(create(PATIENT()));
	ck_assert_int_eq(put(1, "{\"status\": \"\"}"), PSM_ERR_SCHEMA);
	ck_assert_int_eq(patch(1, "{\"status\": null}"), PSM_ERR_SCHEMA);
	ck_assert_int_eq(put(1, "{\"status\": \"Offen\"}"), PSM_ERR_SCHEMA);
	check_faults("/status");
	check_events("created");
}
END_TEST

/* Who listens to updates alone misses nothing. */
START_TEST(fault_64_an_update_is_told_with_the_status)
{
	OK(create(PATIENT()));
	changed(put(1, "{\"status\": \"Suche_abgebrochen\", \"telefon\": "
	               "\"030 1\", \"vorname\": \"Berta\"}"));
	check_events("created updated status_changed");
	check_event("updated", "updated_fields", "[\"telefon\", \"status\"]");
	check_event("updated", "patient_data,status", "Suche_abgebrochen");
	check_event("updated", "entity_version", "2");
}
END_TEST

/* -- exclusions */

START_TEST(exclusions_are_told_once_each)
{
	OK(create(PATIENT(", \"ausgeschlossene_therapeuten\": [7, {\"id\": 8, "
	                  "\"reason\": \"kennt sie\"}, 7]")));
	check_events("created therapist_excluded therapist_excluded");
	check_event("therapist_excluded", "therapist_id", "8");
	check_event("therapist_excluded", "reason", "kennt sie");
	check_event("therapist_excluded", "patient_id", "1");
	forget_events();
	/* The same again, in another form and order, tells nothing new. */
	changed(put(1, "{\"ausgeschlossene_therapeuten\": [8, {\"id\": 7}]}"));
	check_events("updated");
	changed(
	    put(1, "{\"ausgeschlossene_therapeuten\": [8, {\"id\": 7}, 9]}"));
	check_events("updated updated therapist_excluded");
	check_event("therapist_excluded", "therapist_id", "9");
	check_event("therapist_excluded", "reason", "null");
	changed(put(1, "{\"ausgeschlossene_therapeuten\": []}"));
	check_events("updated updated therapist_excluded updated");
}
END_TEST

/* The numbers from 1 on. */
static char *
exclusions(int count)
{
	struct psm__buf list = {0};

	psm__buf_puts(&list, "{\"ausgeschlossene_therapeuten\": [1");
	for (int i = 2; i <= count; i++)
		psm__buf_printf(&list, ", %d", i);
	psm__buf_puts(&list, "]}");
	return psm__buf_take(&list, NULL);
}

/* A longer list of an adopted row stays, other columns can be changed. */
START_TEST(exclusions_have_an_end)
{
	char *most = exclusions(1000), *more = exclusions(1001);

	OK(create(PATIENT()));
	ck_assert_int_eq(put(1, more), PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_pointer(err),
	                 "/ausgeschlossene_therapeuten");
	changed(put(1, most));
	pg_run("UPDATE patient_service.patienten SET "
	       "ausgeschlossene_therapeuten = (SELECT jsonb_agg(n) FROM "
	       "generate_series(1, 1001) n)");
	changed(put(1, "{\"ort\": \"Ulm\"}"));
	ck_assert_int_eq(put(1, more), 0);
	changed(put(1, "{\"ausgeschlossene_therapeuten\": [7]}"));
	psm__free(more);
	psm__free(most);
}
END_TEST

/* An adopted list may hold anything. */
START_TEST(exclusions_of_an_adopted_row)
{
	pg_run("INSERT INTO patient_service.patienten (anrede, geschlecht, "
	       "vorname, nachname, ausgeschlossene_therapeuten) VALUES "
	       "('Frau', 'weiblich', 'A', 'B', %s)",
	       _i == 0 ? "NULL" : "'[5, \"x\", {\"id\": 6}, {\"nr\": 1}, 0]'");
	changed(put(1, "{\"ausgeschlossene_therapeuten\": [5, 6, 7]}"));
	check_events(_i == 0 ? "updated therapist_excluded therapist_excluded "
	                       "therapist_excluded"
	                     : "updated therapist_excluded");
	check_event("therapist_excluded", "therapist_id", "7");
}
END_TEST

/* -- the rest */

START_TEST(put_leaves_null_alone)
{
	OK(create(PATIENT(", \"plz\": \"10115\", \"geburtsdatum\": "
	                  "\"1990-01-02\", \"krankenkasse\": \"AOK\"")));
	ck_assert_int_eq(put(1, "{\"plz\": null, \"startdatum\": "
	                        "\"2020-01-01\", \"id\": 7}"),
	                 0);
	changed(put(1, "{\"geburtsdatum\": \"\", \"krankenkasse\": \"\", "
	               "\"bevorzugtes_therapieverfahren\": \"\"}"));
	check_out("/plz", "\"10115\"");
	check_out("/geburtsdatum", "null");
	check_out("/krankenkasse", "\"\"");
	check_out("/bevorzugtes_therapieverfahren", "null");
	check_out("/startdatum", "null");
	changed(patch(1, "{\"plz\": null}"));
	check_out("/plz", "null");
	ck_assert_int_eq(patch(1, "{\"startdatum\": \"2020-01-01\", "
	                          "\"vorname\": null, \"fee\": 1}"),
	                 PSM_ERR_SCHEMA);
	check_faults("/startdatum /vorname /fee");
}
END_TEST

START_TEST(versions)
{
	int64_t version;

	OK(create(PATIENT()));
	changed(put(1, "{\"ort\": \"Ulm\"}"));
	ck_assert_int_eq(
	    psm_patient_update(st, 1, 1, "{\"ort\": \"Bonn\"}", 15, NULL, err),
	    PSM_ERR_PRECONDITION);
	ck_assert_int_eq(psm_patient_delete(st, 1, 1, err),
	                 PSM_ERR_PRECONDITION);
	psm_free(out);
	OK(psm_patient_get(st, 1, &out, &version, err));
	ck_assert_int_eq(version, 2);
	check_out("/ort", "\"Ulm\"");
}
END_TEST

START_TEST(deletes)
{
	OK(create(PATIENT()));
	OK(psm_patient_delete(st, 1, 1, err));
	check_events("created deleted");
	check_event("deleted", "patient_id", "1");
	check_event("deleted", "id", "1");
	check_event("deleted", "additional_data,id", "1");
	check_event("deleted", "entity_version", "2");
	check_event("deleted", "patient_data", "null");
	ck_assert_int_eq(psm_patient_delete(st, 1, PSM_VERSION_ANY, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(put(1, "{}"), PSM_ERR_NOT_FOUND);
	psm_free(out);
	ck_assert_int_eq(psm_patient_get(st, 1, &out, NULL, err),
	                 PSM_ERR_NOT_FOUND);
}
END_TEST

START_TEST(lists)
{
	OK(create(PATIENT()));
	OK(create(PATIENT(", \"email\": \"otto@example.org\"")));
	OK(create(PATIENT(", \"status\": \"in_Therapie\"")));
	psm_free(out);
	OK(psm_patient_list(st, "{\"status\": \"offen\", \"sort\": \"-id\"}",
	                    &out, err));
	check_out("/total", "2");
	check_out("/data/0/id", "2");
	psm_free(out);
	OK(psm_patient_list(st, "{\"search\": \"OTTO\"}", &out, err));
	check_out("/total", "1");
	psm_free(out);
	OK(psm_patient_list(st, "{\"status\": \"unbekannt\"}", &out, err));
	check_out("/total", "0");
	psm_free(out);
	OK(psm_patient_list(st, NULL, &out, err));
	check_out("/total", "3");
	check_out("/limit", "20");
}
END_TEST

/* One row that no event can hold does not stop the others. */
START_TEST(announces_beside_a_large_one)
{
	pg_run("INSERT INTO patient_service.patienten (anrede, geschlecht, "
	       "vorname, nachname, empfehler_der_unterstuetzung) SELECT "
	       "'Frau', 'weiblich', 'A', 'B', repeat('x', CASE WHEN n = 2 THEN "
	       "2000000 ELSE 1 END) FROM generate_series(1, 3) n");
	ck_assert_int_eq(psm_patient_announce(st, _i, 2, err), 2);
	ck_assert_int_eq(psm_patient_announce(st, _i, 2, err), 1);
	ck_assert_int_eq(psm_patient_announce(st, _i, 2, err), 0);
	check_events("updated updated");
	check_event("updated", "patient_id", "3");
}
END_TEST

/* An adopted database: no event has told about its patients. */
START_TEST(announces)
{
	pg_run("INSERT INTO patient_service.patienten (anrede, geschlecht, "
	       "vorname, nachname) SELECT 'Frau', 'weiblich', 'A', 'B' FROM "
	       "generate_series(1, 3)");
	changed(put(2, "{\"ort\": \"Ulm\"}"));
	forget_events();
	ck_assert_int_eq(psm_patient_announce(st, 0, 1, err), 1);
	ck_assert_int_eq(psm_patient_announce(st, 0, 9, err), 1);
	ck_assert_int_eq(psm_patient_announce(st, 0, 9, err), 0);
	check_events("updated updated");
	check_event("updated", "patient_id", "3");
	check_event("updated", "updated_fields", "[]");
	ck_assert_int_eq(psm_patient_announce(st, 1, 2, err), 2);
	ck_assert_int_eq(psm_patient_announce(st, 1, 2, err), 1);
	ck_assert_int_eq(psm_patient_announce(st, 1, 2, err), 0);
	ck_assert_int_eq(psm_patient_announce(st, 1, 0, err), PSM_ERR_INVAL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("patient");
	TCase *t = tcase_create("patient");

	tcase_add_checked_fixture(t, patient_setup, patient_teardown);
	tcase_add_test(t, makes);
	tcase_add_test(t, names_of_states);
	tcase_add_test(t, payment_alone_is_no_start);
	tcase_add_loop_test(t, fault_61_the_start_is_not_bound_to_the_payment,
	                    0, (int)PSM__COUNT(to_the_start));
	tcase_add_loop_test(t, fault_60_a_new_patient_starts, 0,
	                    (int)PSM__COUNT(started));
	tcase_add_test(t, a_start_leaves_another_status_alone);
	tcase_add_loop_test(t, fault_62_p13_one_event_for_one_step, 0, 2);
	tcase_add_test(t, starts_once);
	tcase_add_loop_test(t, an_adopted_patient_starts_with_the_next_change,
	                    0, 2);
	tcase_add_loop_test(t, fault_63_every_step, 0, 36);
	tcase_add_test(t, fault_63_no_empty_status);
	tcase_add_test(t, fault_64_an_update_is_told_with_the_status);
	tcase_add_test(t, exclusions_are_told_once_each);
	tcase_add_loop_test(t, exclusions_of_an_adopted_row, 0, 2);
	tcase_add_test(t, put_leaves_null_alone);
	tcase_add_test(t, versions);
	tcase_add_test(t, deletes);
	tcase_add_test(t, lists);
	tcase_add_test(t, announces);
	tcase_add_loop_test(t, announces_beside_a_large_one, 0, 2);
	tcase_add_test(t, exclusions_have_an_end);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	pg_main(argv);
	pg_template(patient_sets);
	return testing_run(srunner_create(suite()));
}
