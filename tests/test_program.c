/* SPDX-License-Identifier: BSD-2-Clause */
/* A small program in one object, and a statement in one call. */
#include "testing.h"
#include "testing_pg.h"

#include "flow/processor/processor_int.h"

#include <psymatch/psymatch.h>
#include <pthread.h>
#include <signal.h>

#define TYPE "search.status_changed"

static psm_error *err;
static psm_program *pg;
static psm_store *st;

static void
setup(void)
{
	pg_database();
	st = pg_store();
	err = psm_error_new();
	pg_run("CREATE TABLE effects (key text UNIQUE)");
	ck_assert_int_eq(setenv("DB_NAME", pg_name(), 1), 0);
	ck_assert_int_eq(setenv("PSYMATCH_TRANSPORT", "memory", 1), 0);
	ck_assert_int_eq(psm_program_open("small", &pg, err), 0);
}

static void
teardown(void)
{
	psm_program_free(pg);
	psm_store_free(st);
	psm_error_free(err);
}

static psm_payload *
status_of(int search)
{
	psm_payload *m = psm_payload_new(TYPE);

	psm_payload_int(m, "search_id", search);
	psm_payload_int(m, "patient_id", 3);
	psm_payload_null(m, "old_status");
	psm_payload_text(m, "new_status", "aktiv");
	return m;
}

static int
handle(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	const char *key = psm_event_key(ev);
	int rc = psm_tx_exec(tx, "INSERT INTO effects VALUES ($1)", 1, &key,
	                     NULL, e);

	ck_assert_str_eq(psm_event_producer(ev), "small");
	if (strcmp(key, "2") == 0)
		psm_program_quit(user);
	return rc;
}

/* -- running */

START_TEST(handles_what_it_emits)
{
	char reason[200];

	ck_assert_int_eq(psm_program_on(pg, TYPE, handle, pg, err), 0);
	/* A second type of the same topic. */
	ck_assert_int_eq(psm_program_on(pg, "match.created", handle, pg, err),
	                 0);
	ck_assert_int_eq(psm_program_on(pg, TYPE, handle, pg, err),
	                 PSM_ERR_CONFLICT);
	ck_assert_int_eq(psm_program_health(pg, reason, sizeof reason),
	                 PSM_HEALTH_RED);
	ck_assert_str_eq(reason, "the program does not run");
	ck_assert_int_eq(psm_program_emit(pg, status_of(1), err), 0);
	ck_assert_int_eq(psm_program_start(pg, err), 0);
	ck_assert_int_eq(psm_program_start(pg, err), PSM_ERR_STATE);
	ck_assert_int_eq(psm_program_on(pg, TYPE, handle, pg, err),
	                 PSM_ERR_STATE);
	PG_UNTIL(psm_program_health(pg, reason, sizeof reason) ==
	         PSM_HEALTH_GREEN);
	ck_assert_int_eq(psm_program_emit(pg, status_of(2), err), 0);
	ck_assert_int_eq(psm_program_run(pg, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 2);
	/* What was under way was finished, and the outbox is empty. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
	ck_assert_int_eq(psm_program_health(pg, NULL, 0), PSM_HEALTH_RED);
	ck_assert_int_eq(psm_program_run(pg, err), PSM_ERR_STATE);
	ck_assert_ptr_nonnull(psm_program_store(pg));
	ck_assert_ptr_nonnull(psm_program_transport(pg));
	ck_assert_int_eq(
	    psm_processor_stat(psm_program_processor(pg), "handled"), 2);
}
END_TEST

/* Once it runs, the signal that _i says. */
static void *
send_signal(void *arg)
{
	const int *number = arg;

	while (psm_program_health(pg, NULL, 0) != PSM_HEALTH_GREEN)
		pg_pause();
	ck_assert_int_eq(kill(getpid(), *number), 0);
	return NULL;
}

START_TEST(signal_ends_it)
{
	static const int signals[] = {SIGINT, SIGTERM};
	sigset_t set, after;
	pthread_t thread;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	ck_assert_int_eq(
	    pthread_create(&thread, NULL, send_signal, (void *)&signals[_i]),
	    0);
	ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
	ck_assert_int_eq(psm_program_run(pg, err), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &after), 0);
	ck_assert_int_eq(sigismember(&after, signals[_i]), 0);
}
END_TEST

/* Ends the program, and once it stops sends a second signal. */
static int
signal_twice(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	(void)tx;
	(void)ev;
	(void)user;
	(void)e;
	ck_assert_int_eq(kill(getpid(), SIGTERM), 0);
	while (!psm__worker_stopping(&psm_program_processor(pg)->worker))
		pg_pause();
	ck_assert_int_eq(kill(getpid(), SIGTERM), 0);
	return 0;
}

START_TEST(second_signal_changes_nothing)
{
	ck_assert_int_eq(psm_program_on(pg, TYPE, signal_twice, NULL, err), 0);
	ck_assert_int_eq(psm_program_emit(pg, status_of(1), err), 0);
	ck_assert_int_eq(psm_program_run(pg, err), 0);
	ck_assert_int_eq(
	    psm_processor_stat(psm_program_processor(pg), "handled"), 1);
}
END_TEST

/* It would be called by nobody. */
START_TEST(no_handler_after_the_start)
{
	ck_assert_int_eq(psm_program_start(pg, err), 0);
	ck_assert_int_eq(psm_program_on(pg, TYPE, handle, pg, err),
	                 PSM_ERR_STATE);
	psm_program_quit(pg);
	ck_assert_int_eq(psm_program_run(pg, err), 0);
	ck_assert_int_eq(psm_program_on(pg, TYPE, handle, pg, err),
	                 PSM_ERR_STATE);
}
END_TEST

START_TEST(failed_start_is_the_end)
{
	ck_assert_int_eq(psm_program_on(pg, TYPE, handle, pg, err), 0);
	ck_assert_int_eq(psm_processor_start(psm_program_processor(pg), err),
	                 0);
	ck_assert_int_eq(psm_program_start(pg, err), PSM_ERR_STATE);
	ck_assert_int_eq(psm_program_health(pg, NULL, 0), PSM_HEALTH_RED);
	ck_assert_int_eq(psm_program_run(pg, err), PSM_ERR_STATE);
}
END_TEST

/* Without a handler there is no processor; what is emitted is published. */
START_TEST(quit_before_it_runs)
{
	psm_program_quit(pg);
	psm_program_quit(NULL);
	ck_assert_int_eq(psm_program_run(pg, err), 0);
	psm_program_free(pg);
	ck_assert_int_eq(psm_program_open("small", &pg, err), 0);
	ck_assert_int_eq(psm_program_emit(pg, status_of(1), err), 0);
	ck_assert_int_eq(psm_program_start(pg, err), 0);
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.outbox") == 0);
	ck_assert_int_eq(psm_program_health(pg, NULL, 0), PSM_HEALTH_GREEN);
}
END_TEST

START_TEST(refusals)
{
	psm_program *none = pg;
	psm_payload *m = psm_payload_new(TYPE);

	ck_assert_int_eq(psm_program_open(NULL, &none, err), PSM_ERR_INVAL);
	ck_assert_ptr_null(none);
	ck_assert_int_eq(psm_program_open("", &none, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_program_open("small", NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_program_on(NULL, TYPE, handle, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_program_on(pg, NULL, handle, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_program_on(pg, TYPE, NULL, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_program_on(pg, "no.such", handle, NULL, err),
	                 PSM_ERR_UNKNOWN_TYPE);
	ck_assert_int_eq(psm_program_emit(NULL, status_of(1), err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_program_emit(pg, NULL, err), PSM_ERR_NOMEM);
	ck_assert_int_eq(psm_program_emit(pg, m, err), PSM_ERR_SCHEMA);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
	ck_assert_int_eq(psm_program_start(NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_program_run(NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_program_health(NULL, NULL, 0), PSM_HEALTH_RED);
	ck_assert_ptr_null(psm_program_store(NULL));
	ck_assert_ptr_null(psm_program_transport(NULL));
	ck_assert_ptr_null(psm_program_processor(NULL));
	psm_program_free(NULL);
	/* Nobody listens there. */
	ck_assert_int_eq(setenv("DB_HOST", "/nowhere", 1), 0);
	ck_assert_int_eq(psm_program_open("small", &none, err), PSM_ERR_DB);
	ck_assert_ptr_null(none);
}
END_TEST

/* -- a payload that is sent without an outbox */

static int
keep(const psm_event *ev, void *user, psm_error *e)
{
	(void)e;
	ck_assert_str_eq(psm_event_producer(ev), "sender");
	ck_assert_str_eq(psm_event_key(ev), "5");
	++*(int *)user;
	return 0;
}

START_TEST(payload_is_sent)
{
	psm_config *cfg;
	static const char status[] =
	    "{\"search_id\":5,\"patient_id\":3,\"old_status\":null,"
	    "\"new_status\":\"aktiv\"}";
	psm_transport *t;
	psm_producer *p;
	psm_consumer *c;
	int count = 0;

	ck_assert_int_eq(psm_config_new(&cfg, err), 0);
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", "none", err),
	                 0);
	ck_assert_int_eq(psm_transport_memory(1, &t, err), 0);
	ck_assert_int_eq(psm_producer_new(t, cfg, &p, err), 0);
	ck_assert_int_eq(psm_producer_start(p, err), 0);
	ck_assert_int_eq(
	    psm_producer_send_payload(p, status_of(5), "sender", err), 0);
	ck_assert_int_eq(
	    psm_producer_send_payload(NULL, status_of(5), "sender", err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_send_payload(p, status_of(5), NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_send_payload(p, NULL, "sender", err),
	                 PSM_ERR_NOMEM);
	ck_assert_int_eq(
	    psm_producer_send_payload(p, psm_payload_new(TYPE), "sender", err),
	    PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_producer_send_json(p, NULL, TYPE, "sender", status,
	                                        strlen(status), err),
	                 0);
	ck_assert_int_eq(psm_producer_send_json(NULL, NULL, TYPE, "sender",
	                                        status, strlen(status), err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_producer_send_json(p, NULL, TYPE, "sender", "{}", 2, err),
	    PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_producer_close(p, 60000, NULL, err), 0);
	psm_producer_free(p);
	ck_assert_int_eq(psm_consumer_new(t, cfg, "test", &c, err), 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, "matching-events", err), 0);
	ck_assert_int_eq(psm_consumer_on(c, TYPE, keep, &count, err), 0);
	while (count < 2)
		ck_assert_int_ge(psm_consumer_poll(c, 1000, err), 0);
	ck_assert_int_eq(count, 2);
	psm_consumer_free(c);
	psm_transport_unref(t);
	psm_config_free(cfg);
}
END_TEST

/* -- one statement */

START_TEST(statement_in_one_call)
{
	const char *params[] = {"7", NULL};
	psm_rows *rows;

	ck_assert_int_eq(psm_store_exec(st, "SELECT $1::integer + 1, $2::text",
	                                2, params, &rows, err),
	                 0);
	ck_assert_int_eq(psm_rows_int(rows, 0, 0), 8);
	ck_assert_ptr_null(psm_rows_text(rows, 0, 1));
	psm_rows_free(rows);
	ck_assert_int_eq(psm_store_exec(st, "INSERT INTO effects VALUES ($1)",
	                                1, params, &rows, err),
	                 0);
	ck_assert_uint_eq(psm_rows_affected(rows), 1);
	psm_rows_free(rows);
	/* It is committed. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 1);
	ck_assert_int_eq(psm_store_exec(st, "INSERT INTO effects VALUES ($1)",
	                                1, params, &rows, err),
	                 PSM_ERR_CONFLICT);
	ck_assert_ptr_null(rows);
	/* What a failure or SET leaves behind is not there for the next one;
	 * nor does BEGIN leave a transaction open. */
	ck_assert_int_eq(
	    psm_store_exec(st, "SET datestyle = 'German'", 0, NULL, NULL, err),
	    0);
	ck_assert_int_eq(psm_store_exec(st, "BEGIN", 0, NULL, NULL, err), 0);
	ck_assert_int_eq(
	    psm_store_exec(st, "SELECT date '2026-07-01'", 0, NULL, &rows, err),
	    0);
	ck_assert_str_eq(psm_rows_text(rows, 0, 0), "2026-07-01");
	psm_rows_free(rows);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM pg_stat_activity WHERE "
	                        "datname = current_database() AND state LIKE "
	                        "'idle in%%'"),
	                 0);
	ck_assert_int_eq(psm_store_exec(NULL, "SELECT 1", 0, NULL, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_exec(st, NULL, 0, NULL, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_exec(st, "SELECT $1", 1, NULL, NULL, err),
	                 PSM_ERR_INVAL);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("program");
	TCase *tc = tcase_create("program");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, handles_what_it_emits);
	tcase_add_loop_test(tc, signal_ends_it, 0, 2);
	tcase_add_test(tc, second_signal_changes_nothing);
	tcase_add_test(tc, no_handler_after_the_start);
	tcase_add_test(tc, failed_start_is_the_end);
	tcase_add_test(tc, quit_before_it_runs);
	tcase_add_test(tc, refusals);
	tcase_add_test(tc, payload_is_sent);
	tcase_add_test(tc, statement_in_one_call);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
