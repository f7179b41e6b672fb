/* SPDX-License-Identifier: BSD-2-Clause */
/* Therapists of an adopted database are published, and copies fill. */
#include <pthread.h>
#include <sched.h>

#include "app/app.h"
#include "testing_app.h"

static void
adopt(int count)
{
	pg_run("INSERT INTO therapist_service.therapeuten (anrede, geschlecht, "
	       "vorname, nachname, plz, status, sperrdatum) SELECT 'Frau', "
	       "'weiblich', 'A', 'B' || n, '10115', CASE WHEN n = 2 THEN "
	       "'gesperrt' ELSE 'aktiv' END::therapeutstatus, CASE WHEN n = 2 "
	       "THEN date '2025-01-01' END FROM generate_series(1, %d) n",
	       count);
}

/* Hand every event to the matching service, as a processor would. */
static void
deliver(void)
{
	psm_event *ev;
	psm_tx *tx;
	char *text;
	int64_t n = pg_int("SELECT count(*) FROM psymatch.outbox");

	for (int64_t i = 0; i < n; i++) {
		text = pg_text("SELECT payload::text FROM psymatch.outbox "
		               "ORDER BY id LIMIT 1 OFFSET %lld",
		               (long long)i);
		OK(psm_event_new("therapist.updated", "therapist-service", text,
		                 strlen(text), &ev, err));
		OK(psm_tx_begin(st, &tx, err));
		OK(psm_matching_handle(tx, ev, NULL, err));
		OK(psm_tx_commit(tx, err));
		psm_event_free(ev);
		free(text);
	}
}

static int
announce(int all, int limit)
{
	int rc = psm_therapist_announce(st, all, limit, err);

	ck_assert_msg(rc >= 0, "%s", psm_error_message(err));
	return rc;
}

START_TEST(whom_no_event_has_told_about)
{
	adopt(5);
	ck_assert_int_eq(psm_therapist_block(st, 5, NULL, err), 1);
	ck_assert_int_eq(announce(0, 3), 3);
	/* It goes on, and then there is nothing more. */
	ck_assert_int_eq(announce(0, 3), 1);
	ck_assert_int_eq(announce(0, 3), 0);
	ck_assert_int_eq(outbox("therapist.updated"), 4);
	ck_assert_int_eq(
	    pg_int("SELECT count(DISTINCT aggregateid) FROM psymatch.outbox"),
	    5);
	deliver();
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.therapeuten_kopie"),
	    5);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.therapeuten_kopie "
	           "WHERE status = 'gesperrt'"),
	    2);
}
END_TEST

static void *
announce_all(void *rc)
{
	psm_error *own = psm_error_new();

	*(int *)rc = psm_therapist_announce(st, 1, 10, own);
	psm_error_free(own);
	return NULL;
}

/* Whom somebody deletes meanwhile does not stop the others. */
START_TEST(one_is_deleted_meanwhile)
{
	pthread_t thread;
	psm_tx *tx;
	int rc;

	adopt(3);
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_exec(tx,
	               "DELETE FROM therapist_service.therapeuten WHERE id = 2",
	               0, NULL, NULL, err));
	ck_assert_int_eq(pthread_create(&thread, NULL, announce_all, &rc), 0);
	while (pg_int("SELECT count(*) FROM pg_locks WHERE NOT granted AND "
	              "locktype = 'transactionid'") == 0)
		(void)sched_yield();
	OK(psm_tx_commit(tx, err));
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(rc, 3);
	ck_assert_int_eq(outbox("therapist.updated"), 2);
	ck_assert_int_eq(announce(1, 10), 0);
}
END_TEST

START_TEST(all_of_them_resumed)
{
	adopt(5);
	ck_assert_int_eq(announce(0, 1000), 5);
	ck_assert_int_eq(announce(1, 2), 2);
	/* Somebody else goes on where that ended. */
	ck_assert_int_eq(announce(1, 2), 2);
	ck_assert_int_eq(announce(1, 2), 1);
	ck_assert_int_eq(announce(1, 2), 0);
	ck_assert_int_eq(outbox("therapist.updated"), 10);
	/* The next one begins anew, in order. */
	ck_assert_int_eq(announce(1, 1), 1);
	ck_assert_int_eq(
	    pg_int("SELECT aggregateid::integer FROM psymatch.outbox "
	           "ORDER BY id DESC LIMIT 1"),
	    1);
	deliver();
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.therapeuten_kopie"),
	    5);
}
END_TEST

START_TEST(arguments)
{
	ck_assert_int_eq(psm_therapist_announce(NULL, 0, 1, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_announce(st, 0, 0, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_announce(st, 0, 1001, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(announce(0, 1), 0);
	ck_assert_int_eq(announce(1, 1), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("announce");
	TCase *t = tcase_create("database");

	tcase_add_checked_fixture(t, app_setup, app_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, whom_no_event_has_told_about);
	tcase_add_test(t, all_of_them_resumed);
	tcase_add_test(t, one_is_deleted_meanwhile);
	tcase_add_test(t, arguments);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	return app_main(argv, suite);
}
