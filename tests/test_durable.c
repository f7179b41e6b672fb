/* SPDX-License-Identifier: BSD-2-Clause */
/* synchronous_commit is off, and the server dies right behind a commit: what
 * was promised is there all the same. In a cluster of this program's own. */
#include "store/conn.h"
#include "store/topic_log.h"
#include "testing.h"
#include "testing_outbox.h"
#include "testing_pg.h"

#define EVENTS 20

/* Commits wait for nobody, and the server writes by itself only when it must.
 * The first commit wakes it from a long sleep; then it has just written. */
static void
be_lazy(void)
{
	pg_run("ALTER SYSTEM SET wal_writer_delay = '10s'");
	pg_run("ALTER SYSTEM SET wal_writer_flush_after = '1GB'");
	pg_run("SELECT pg_reload_conf()");
	pg_hasty();
	psm_store_free(st);
	ck_assert_int_eq(psm_store_open(cfg, &st, err), 0);
	pg_run("UPDATE entity SET n = 0");
	PG_UNTIL(pg_int("SELECT (pg_current_wal_flush_lsn() >= "
	                "pg_current_wal_insert_lsn())::integer"));
}

static void
die(void)
{
	pg_cluster("crash");
	pg_cluster("start");
}

START_TEST(emitted_events_outlive_the_server)
{
	int i, committed = 0;

	be_lazy();
	for (i = 0; i < EVENTS; i++)
		committed += outbox_change(st, i % OUTBOX_KEYS + 1, err) == 0;
	die();
	ck_assert_int_eq(committed, EVENTS);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"),
	                 EVENTS);
	ck_assert_int_eq(pg_int("SELECT sum(n) FROM entity"), EVENTS);
}
END_TEST

START_TEST(appended_messages_outlive_the_server)
{
	struct psm__topic_message m = {
	    .topic = OUTBOX_TOPIC, .value = "x", .value_len = 1};
	struct psm__conn *c = NULL;
	char writer[40];
	int32_t partitions;
	int i, ready = 0, appended = 0;

	be_lazy();
	ck_assert_int_eq(psm_uuid_new(writer, sizeof writer), 0);
	ck_assert_int_eq(psm__topic_connect(st, "test", 5000, &ready, &c, err),
	                 0);
	ck_assert_int_eq(
	    psm__topic_ensure(c, OUTBOX_TOPIC, 1, &partitions, err), 0);
	for (i = 1; i <= EVENTS; i++)
		appended += psm__topic_append(c, writer, i, &m, 1, err) == 0;
	die();
	psm__conn_close(c);
	ck_assert_int_eq(appended, EVENTS);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.log"), EVENTS);
}
END_TEST

START_TEST(what_a_person_did_outlives_the_server)
{
	int i, done = 0;

	pg_run("INSERT INTO psymatch.dead_letter (consumer, topic, code, "
	       "reason) SELECT 'c', 't', 'PSM_ERR_PARSE', 'r' FROM "
	       "generate_series(1, %d)",
	       EVENTS);
	be_lazy();
	for (i = 1; i <= EVENTS; i++)
		done += psm_dead_skip(st, PSM_DEAD_LETTERS, i, "me", "test",
		                      err) == 0;
	die();
	ck_assert_int_eq(done, EVENTS);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_letter "
	                        "WHERE state = 'skipped'"),
	                 EVENTS);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_audit"),
	                 EVENTS);
}
END_TEST

/* The settings of the server are read anew while there are sessions. */
START_TEST(a_reload_changes_no_promise)
{
	psm_rows *rows = NULL;
	struct psm__conn *c = NULL;

	ck_assert_int_eq(psm__store_connect(st, "test", &c, err), 0);
	pg_run("ALTER SYSTEM SET synchronous_commit = off");
	pg_run("SELECT pg_reload_conf()");
	do {
		psm_rows_free(rows);
		ck_assert_int_eq(psm__conn_exec(c, "SHOW synchronous_commit", 0,
		                                NULL, &rows, err),
		                 0);
	} while (strcmp(psm_rows_text(rows, 0, 0), "off") != 0);
	psm_rows_free(rows);
	ck_assert_int_eq(psm__conn_begin(c, err), 0);
	ck_assert_int_eq(psm__conn_durable(c, err), 0);
	ck_assert_int_eq(
	    psm__conn_exec(c, "SHOW synchronous_commit", 0, NULL, &rows, err),
	    0);
	ck_assert_str_eq(psm_rows_text(rows, 0, 0), "on");
	psm_rows_free(rows);
	psm__conn_close(c);
	pg_run("ALTER SYSTEM RESET synchronous_commit");
	pg_run("SELECT pg_reload_conf()");
}
END_TEST

/* Who asked for less than on, or for more, gets what he asked for. */
static const char *const others[] = {"local", "remote_write", "on",
                                     "remote_apply"};

START_TEST(other_settings_stay)
{
	psm_rows *rows = NULL;
	struct psm__conn *c = NULL;

	pg_run("ALTER DATABASE %s SET synchronous_commit = %s", pg_name(),
	       others[_i]);
	ck_assert_int_eq(psm__store_connect(st, "test", &c, err), 0);
	ck_assert_int_eq(psm__conn_begin(c, err), 0);
	ck_assert_int_eq(psm__conn_durable(c, err), 0);
	ck_assert_int_eq(
	    psm__conn_exec(c, "SHOW synchronous_commit", 0, NULL, &rows, err),
	    0);
	ck_assert_str_eq(psm_rows_text(rows, 0, 0), others[_i]);
	psm_rows_free(rows);
	psm__conn_close(c);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("durable");
	TCase *tc = tcase_create("durable");

	(void)argc;
	pg_main_private(argv);
	tcase_add_checked_fixture(tc, outbox_setup, outbox_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, emitted_events_outlive_the_server);
	tcase_add_test(tc, appended_messages_outlive_the_server);
	tcase_add_test(tc, what_a_person_did_outlives_the_server);
	tcase_add_test(tc, a_reload_changes_no_promise);
	tcase_add_loop_test(tc, other_settings_stay, 0, PSM__COUNT(others));
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
