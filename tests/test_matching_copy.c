/* SPDX-License-Identifier: BSD-2-Clause */
/* The matching service's own copy of the therapists. */
#include "testing_matching.h"

#include <pthread.h>
#include <sched.h>

START_TEST(copy_follows)
{
	receive(adelheid("therapist.created",
	                 ", \"status\": \"aktiv\", \"alter_min\": null, "
	                 "\"telefonische_erreichbarkeit\": {\"monday\": []}, "
	                 "\"potenziell_verfuegbar\": true}"));
	ck_assert_int_eq(copies("id = 11 AND nachname = 'Musterbaum' AND "
	                        "alter_min IS NULL AND potenziell_verfuegbar "
	                        "AND telefonische_erreichbarkeit = "
	                        "'{\"monday\": []}' AND status = 'aktiv'"),
	                 1);
	receive(adelheid("therapist.updated",
	                 ", \"status\": \"aktiv\", \"alter_min\": 18}"));
	/* What it does not tell about stays, what it calls null goes. */
	ck_assert_int_eq(copies("alter_min = 18 AND potenziell_verfuegbar"), 1);
	receive(adelheid("therapist.updated",
	                 ", \"potenziell_verfuegbar\": null}"));
	ck_assert_int_eq(copies("alter_min = 18 AND potenziell_verfuegbar IS "
	                        "NULL AND status = 'aktiv'"),
	                 1);
	receive(adelheid("therapist.blocked",
	                 ", \"status\": \"gesperrt\"}, \"reason\": null"));
	ck_assert_int_eq(copies("status = 'gesperrt'"), 1);
	receive(adelheid("therapist.unblocked", ", \"status\": \"aktiv\"}"));
	ck_assert_int_eq(copies("status = 'aktiv'"), 1);
	ck_assert_int_eq(copies("true"), 1);
}
END_TEST

/* Blocked is blocked, whatever else the event tells about the therapist. */
START_TEST(copy_of_a_part)
{
	receive(adelheid("therapist.created",
	                 ", \"status\": \"aktiv\", \"alter_min\": 7}"));
	receive(
	    make("therapist.blocked",
	         "{\"therapist_id\": 11, \"therapist_data\": {\"id\": 11}}"));
	ck_assert_int_eq(copies("status = 'gesperrt' AND alter_min = 7 AND "
	                        "nachname = 'Musterbaum'"),
	                 1);
	receive(adelheid("therapist.unblocked", ", \"status\": \"gesperrt\"}"));
	ck_assert_int_eq(copies("status = 'aktiv'"), 1);
	receive(adelheid("therapist.blocked", ", \"status\": \"inaktiv\"}"));
	ck_assert_int_eq(copies("status = 'inaktiv'"), 1);
	receive(
	    make("therapist.blocked",
	         "{\"therapist_id\": 12, \"therapist_data\": {\"id\": 12}}"));
	ck_assert_int_eq(copies("id = 12 AND status = 'gesperrt'"), 1);
}
END_TEST

START_TEST(copy_never_goes_back)
{
	psm_event *first, *second, *third;

	first = adelheid("therapist.created", ", \"alter_min\": 1}");
	second = adelheid("therapist.updated", ", \"alter_min\": 2}");
	ck_assert_int_eq(handle(second), 0);
	ck_assert_int_eq(handle(first), 0);
	ck_assert_int_eq(copies("alter_min = 2"), 1);
	/* Versions count more than times. */
	third = adelheid("therapist.updated",
	                 ", \"alter_min\": 3}, \"entity_version\": 3");
	ck_assert_int_eq(handle(third), 0);
	receive(adelheid("therapist.updated",
	                 ", \"alter_min\": 4}, \"entity_version\": 2"));
	ck_assert_int_eq(copies("alter_min = 3 AND entity_version = 3"), 1);
	next_us -= 3600000000;
	receive(adelheid("therapist.updated",
	                 ", \"alter_min\": 5}, \"entity_version\": 4"));
	ck_assert_int_eq(copies("alter_min = 5 AND entity_version = 4"), 1);
	psm_event_free(first);
	psm_event_free(second);
	psm_event_free(third);
}
END_TEST

static void
refuse(psm_event *ev, const char *pointer)
{
	ck_assert_int_eq(handle(ev), PSM_ERR_REJECT);
	ck_assert_str_eq(psm_error_pointer(err), pointer);
	psm_event_free(ev);
}

START_TEST(payload_refused)
{
	refuse(make("therapist.created", "{\"therapist_id\": 2147483648, "
	                                 "\"therapist_data\": {\"id\": 1}}"),
	       "/therapist_id");
	refuse(make("therapist.updated", "{\"therapist_id\": 11, "
	                                 "\"therapist_data\": {\"id\": 12}}"),
	       "/therapist_data/id");
	refuse(make("patient.deleted", "{\"patient_id\": 4294967297}"),
	       "/patient_id");
	/* A type of somebody else does nothing. */
	receive(make("phone_call.completed",
	             "{\"call_id\": 1, \"call_data\": {\"call_id\": 1}}"));
	ck_assert_int_eq(copies("true") + patients("true"), 0);
	ck_assert_int_eq(psm_matching_handle(NULL, NULL, NULL, err),
	                 PSM_ERR_INVAL);
}
END_TEST

/* -- locks */

static const char *const over[] = {"therapist.blocked", "therapist.deleted"};

static void *
handle_it(void *ev)
{
	psm_error *e = psm_error_new();
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(st, &tx, e);

	if (rc == 0)
		rc = psm_matching_handle(tx, ev, NULL, e);
	if (rc == 0)
		rc = psm_tx_commit(tx, e);
	else
		psm_tx_rollback(tx);
	psm_error_free(e);
	return rc == 0 ? ev : NULL;
}

/* Whoever answers an inquiry, or sends it, locks the search and then the copy:
 * an event that ends both waits for him, and he never for it. */
START_TEST(searches_before_the_copy)
{
	pthread_t thread;
	psm_tx *tx = NULL;
	psm_event *ev;
	void *done;

	receive(adelheid("therapist.created", ", \"status\": \"aktiv\"}"));
	ev = adelheid(over[_i], ", \"status\": \"gesperrt\"}");
	pg_run(
	    "INSERT INTO matching_service.platzsuche (id, patient_id) VALUES "
	    "(1, 1); INSERT INTO matching_service.therapeutenanfrage (id, "
	    "therapist_id, anfragegroesse) VALUES (1, 11, 1); INSERT INTO "
	    "matching_service.therapeut_anfrage_patient "
	    "(therapeutenanfrage_id, platzsuche_id, patient_id, "
	    "position_in_anfrage) VALUES (1, 1, 1, 1)");
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_exec(tx, "SELECT FROM matching_service.platzsuche FOR UPDATE",
	               0, NULL, NULL, err));
	ck_assert_int_eq(pthread_create(&thread, NULL, handle_it, ev), 0);
	while (pg_int("SELECT count(*) FROM pg_stat_activity WHERE datname = "
	              "current_database() AND wait_event_type = 'Lock'") == 0)
		(void)sched_yield();
	OK(psm_tx_exec(tx,
	               "SELECT FROM matching_service.therapeuten_kopie FOR "
	               "UPDATE",
	               0, NULL, NULL, err));
	OK(psm_tx_commit(tx, err));
	ck_assert_int_eq(pthread_join(thread, &done), 0);
	ck_assert_ptr_eq(done, ev);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "matching_service.therapeutenanfrage WHERE "
	                        "storniert_datum IS NOT NULL"),
	                 1);
	psm_event_free(ev);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("matching_copy");
	TCase *t = tcase_create("copy");

	tcase_add_checked_fixture(t, setup, app_teardown);
	tcase_add_test(t, copy_follows);
	tcase_add_test(t, copy_of_a_part);
	tcase_add_test(t, copy_never_goes_back);
	tcase_add_test(t, payload_refused);
	tcase_add_loop_test(t, searches_before_the_copy, 0, PSM__COUNT(over));
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	return app_main(argv, suite);
}
