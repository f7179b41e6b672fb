/* SPDX-License-Identifier: BSD-2-Clause */
/* Commits that wait for the living consumers of what they emit. */
#include <poll.h>

#include "store/alive.h"
#include "store/conn_int.h"
#include "store/wait.h"
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include <psymatch/relay.h>

/* The catalogue's consumer of the type, and one of its processors. */
#define TYPE "communication.send_email"
#define SERVICE "communication-service"
#define PROCESSOR SERVICE "-mail"
#define REFUSED 13
/* For what must not be waited for: longer than the test may take. */
#define FOR_EVER_MS 600000
/* Two looks, also of a busy machine. */
#define SHORT_MS 1000

static psm_relay *r;
static psm_processor *consumer;

static void
setup(void)
{
	flow_setup();
	ck_assert_int_eq(psm_relay_new(st, t, cfg, &r, err), 0);
	ck_assert_int_eq(psm_relay_start(r, err), 0);
}

static void
teardown(void)
{
	psm_relay_free(r);
	psm_processor_free(consumer);
	flow_teardown();
}

/* Refuses one number; emits nothing. */
static int
handle(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	(void)user;
	if (psm_tx_wait_consumers(tx, 1, NULL) != PSM_ERR_STATE)
		return psm_error_set(e, PSM_ERR_REJECT, "a handler may wait");
	if (flow_member(ev, "/n") == REFUSED)
		return psm_error_set(e, PSM_ERR_REJECT, "as planned");
	return flow_save(tx, ev, e);
}

static void
start_consumer(const char *name, const char *type)
{
	ck_assert_int_eq(psm_processor_new(st, t, cfg, name, &consumer, err),
	                 0);
	ck_assert_int_eq(psm_processor_subscribe(consumer, FLOW_TOPIC, err), 0);
	ck_assert_int_eq(psm_processor_on(consumer, type, handle, NULL, err),
	                 0);
	ck_assert_int_eq(psm_processor_start(consumer, err), 0);
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.consumer_alive WHERE "
	                "consumer = '%s'",
	                name) == 1);
}

/* A consumer that does nothing but live. */
static void
fake_consumer(const char *name, const char *type, const char *seen)
{
	pg_run("INSERT INTO psymatch.consumer_alive VALUES ('%s', 'fake', "
	       "'{%s}', clock_timestamp() + interval '%s')",
	       name, type, seen);
}

/* Commit one event that consumers are waited for; id[40] receives its id. */
static void
commit_and_wait(int n, int timeout_ms, char *id)
{
	char payload[64];
	psm_event *ev;
	psm_tx *tx;

	(void)snprintf(payload, sizeof payload, "{\"email_id\":1,\"n\":%d}", n);
	ck_assert_int_eq(
	    psm_event_new(TYPE, "test", payload, strlen(payload), &ev, err), 0);
	(void)snprintf(id, 40, "%s", psm_event_id(ev));
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_emit(tx, ev, err), 0);
	ck_assert_int_eq(psm_tx_wait_consumers(tx, timeout_ms, err), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	psm_event_free(ev);
}

START_TEST(change_is_there_after_the_commit)
{
	char id[40];
	int n;

	start_consumer(PROCESSOR, TYPE);
	for (n = 1; n <= 10; n++) {
		commit_and_wait(n, FOR_EVER_MS, id);
		ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE "
		                        "event_id = '%s'",
		                        id),
		                 1);
	}
	/* What it refuses ends the wait, too. */
	commit_and_wait(REFUSED, FOR_EVER_MS, id);
	ck_assert_int_eq(flow_dead_rows(), 1);
	/* Nobody waits for it once it has stopped. */
	ck_assert_int_eq(psm_processor_stop(consumer, 60000, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.consumer_alive"),
	                 0);
	commit_and_wait(20, FOR_EVER_MS, id);
}
END_TEST

START_TEST(who_is_not_waited_for)
{
	int64_t looks = psm__await_looks();
	char id[40];

	/* Nobody there; one that died; one that the catalogue does not name:
	 * the commit itself has told. */
	commit_and_wait(1, FOR_EVER_MS, id);
	fake_consumer(SERVICE, TYPE, "-8 s");
	fake_consumer("other-service", TYPE, "1 hour");
	fake_consumer(SERVICE "s", TYPE, "1 hour"); /* another name */
	commit_and_wait(2, FOR_EVER_MS, id);
	ck_assert_int_eq(psm__await_looks(), looks);
	/* One that does not handle the type. */
	fake_consumer(SERVICE "-other", "email.sent", "1 hour");
	commit_and_wait(2, FOR_EVER_MS, id);
	ck_assert_int_eq(psm__await_looks(), looks + 1);
	/* Nothing emitted, nothing to wait for. */
	fake_consumer(SERVICE "-mail", TYPE, "1 hour");
	commit_and_wait(3, 0, id);
}
END_TEST

/* It was alive when the wait began. */
START_TEST(who_dies_meanwhile)
{
	int64_t looks;
	char id[40];

	fake_consumer(PROCESSOR, TYPE, "-6 s");
	/* Once more where it was dead before anybody looked. */
	do {
		pg_run("UPDATE psymatch.consumer_alive SET seen_at = "
		       "clock_timestamp() - interval '6 s'");
		looks = psm__await_looks();
		commit_and_wait(1, FOR_EVER_MS, id);
		looks = psm__await_looks() - looks;
	} while (looks < 2);
}
END_TEST

static int
waits_for_a_lock(void)
{
	return pg_int("SELECT count(*) FROM pg_stat_activity WHERE datname = "
	              "current_database() AND wait_event_type = 'Lock'") > 0;
}

/* The heartbeat is not worth a wait: its table may be locked. */
START_TEST(locked_heartbeats_stop_nobody)
{
	psm_tx *tx;
	int n;

	start_consumer(PROCESSOR, TYPE);
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_exec(tx, "LOCK TABLE psymatch.consumer_alive",
	                             0, NULL, NULL, err),
	                 0);
	for (n = 1; n <= 2; n++) {
		PG_UNTIL(waits_for_a_lock());
		PG_UNTIL(!waits_for_a_lock());
		flow_put(n, n);
		PG_UNTIL(pg_int("SELECT count(*) FROM effects") == n);
	}
	psm_tx_rollback(tx);
}
END_TEST

/* Prepared before or not: whoever lives cannot be asked for, and yet. */
START_TEST(what_cannot_be_asked_fails_no_commit)
{
	psm_store *prepared = st;
	char id[40];
	int n;

	commit_and_wait(1, FOR_EVER_MS, id);
	pg_run("ALTER TABLE psymatch.consumer_alive RENAME TO away");
	for (n = 2; n <= 3; n++) {
		commit_and_wait(n, FOR_EVER_MS, id);
		st = pg_store();
		commit_and_wait(n, FOR_EVER_MS, id);
		psm_store_free(st);
		st = prepared;
	}
	pg_run("ALTER TABLE psymatch.away RENAME TO consumer_alive");
	start_consumer(PROCESSOR, TYPE);
	commit_and_wait(7, FOR_EVER_MS, id);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE event_id = "
	                        "'%s'",
	                        id),
	                 1);
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == 6);
}
END_TEST

static void *
commit_in_thread(void *unused)
{
	static const char payload[] = "{\"email_id\":1,\"n\":1}";
	psm_error *e = psm_error_new();
	psm_event *ev;
	psm_tx *tx;
	intptr_t rc;

	(void)unused;
	ck_assert_int_eq(
	    psm_event_new(TYPE, "test", payload, strlen(payload), &ev, e), 0);
	ck_assert_int_eq(psm_tx_begin(st, &tx, e), 0);
	ck_assert_int_eq(psm_tx_emit(tx, ev, e), 0);
	ck_assert_int_eq(psm_tx_wait_consumers(tx, SHORT_MS, e), 0);
	rc = psm_tx_commit(tx, e);
	psm_event_free(ev);
	psm_error_free(e);
	return (void *)rc;
}

/* Until the server has answered n statements. */
static void
take_answers(PGconn *pg, int n)
{
	struct pollfd fd = {PQsocket(pg), POLLIN, 0};
	PGresult *res;

	while (n > 0) {
		while (PQisBusy(pg)) {
			ck_assert_int_gt(poll(&fd, 1, 10000), 0);
			ck_assert_int_eq(PQconsumeInput(pg), 1);
		}
		res = PQgetResult(pg);
		n -= res == NULL; /* behind the results of each */
		PQclear(res);
	}
}

START_TEST(a_commit_does_not_wait_for_the_answer_who_lives)
{
	struct psm__conn *c;
	psm_rows *living;
	psm_tx *tx;

	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_exec(tx, "LOCK TABLE psymatch.consumer_alive",
	                             0, NULL, NULL, err),
	                 0);
	ck_assert_int_eq(psm__store_connect(st, "test", &c, err), 0);
	ck_assert_int_eq(psm__conn_begin(c, err), 0);
	ck_assert_int_eq(psm__conn_queue(c, "COMMIT", 0, NULL, NULL, err), 0);
	psm__conn_queue_after(c, "SELECT FROM psymatch.consumer_alive",
	                      &living);
	ck_assert_int_eq(PQpipelineSync(c->pg), 1);
	ck_assert_int_eq(PQflush(c->pg), 0);
	take_answers(c->pg, 4); /* two prepared, two run */
	PG_UNTIL(waits_for_a_lock());
	psm_tx_rollback(tx);
	psm__conn_close(c);
}
END_TEST

START_TEST(a_commit_stays_one_when_the_connection_is_lost_behind_it)
{
	pthread_t thread;
	psm_tx *tx;
	void *rc;

	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_exec(tx, "LOCK TABLE psymatch.consumer_alive",
	                             0, NULL, NULL, err),
	                 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, commit_in_thread, NULL),
	                 0);
	PG_UNTIL(waits_for_a_lock());
	pg_run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
	       "datname = current_database() AND wait_event_type = 'Lock'");
	psm_tx_rollback(tx);
	ck_assert_int_eq(pthread_join(thread, &rc), 0);
	ck_assert_int_eq((intptr_t)rc, 0);
	start_consumer(PROCESSOR, TYPE);
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == 1);
}
END_TEST

/* As long as a migration changes that table, for example. */
START_TEST(a_commit_does_not_wait_for_a_locked_table)
{
	pthread_t thread;
	psm_tx *tx;
	void *rc;

	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_exec(tx, "LOCK TABLE psymatch.consumer_alive",
	                             0, NULL, NULL, err),
	                 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, commit_in_thread, NULL),
	                 0);
	ck_assert_int_eq(pthread_join(thread, &rc), 0);
	ck_assert_int_eq((intptr_t)rc, 0);
	psm_tx_rollback(tx);
	start_consumer(PROCESSOR, TYPE);
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == 1);
}
END_TEST

static void
has_handled(const char *id)
{
	pg_run("INSERT INTO psymatch.inbox (consumer, event_id) VALUES ('%s', "
	       "'%s')",
	       PROCESSOR, id);
}

/* 1: the commit waited, that is: until its time was up. */
static int
waits(char *id)
{
	int64_t looks = psm__await_looks();

	commit_and_wait(1, SHORT_MS, id);
	/* One who is late is looked at once. */
	return psm__await_looks() - looks > 1;
}

START_TEST(late_consumer_costs_its_deadline_once)
{
	char first[40], second[40], last[40];

	fake_consumer(PROCESSOR, TYPE, "1 hour");
	ck_assert_int_eq(waits(first), 1);
	commit_and_wait(1, FOR_EVER_MS, second);
	/* Handled after more than the time of a wait, and not all of it. */
	has_handled(first);
	ck_assert_int_eq(waits(last), 0);
	ck_assert_int_eq(waits(last), 0);
	has_handled(second);
	has_handled(last);
	ck_assert_int_eq(waits(last), 1);
}
END_TEST

START_TEST(as_long_as_the_setting_says)
{
	psm_store *before = st;
	int64_t began_ms;
	char id[40];

	fake_consumer(PROCESSOR, TYPE, "1 hour");
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_REST_WAIT_MS", "150", err), 0);
	ck_assert_int_eq(psm_store_open(cfg, &st, err), 0);
	began_ms = psm__mono_ms();
	commit_and_wait(1, -1, id);
	ck_assert_int_ge(psm__mono_ms() - began_ms, 150);
	psm_store_free(st);
	st = before;
}
END_TEST

static psm_tx *
begun(void)
{
	psm_tx *tx;

	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	return tx;
}

/* A part ends nothing; one that was undone spoils the whole. */
START_TEST(transactions_of_several_parts)
{
	psm_tx *tx = begun(), *other, *part;
	psm_store *elsewhere = pg_store();

	pg_run("CREATE TABLE parts (n integer)");
	ck_assert_int_eq(psm_tx_include(NULL, 1, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_include(tx, 1, err), 0);
	ck_assert_int_eq(psm_tx_begin(elsewhere, &other, err), 0);
	ck_assert_ptr_ne(other, tx);
	ck_assert_int_eq(psm_tx_include(other, 1, err), PSM_ERR_STATE);
	psm_tx_rollback(other);
	psm_store_free(elsewhere);
	part = begun();
	ck_assert_ptr_eq(part, tx);
	ck_assert_int_eq(psm_tx_exec(part, "INSERT INTO parts VALUES (1)", 0,
	                             NULL, NULL, err),
	                 0);
	ck_assert_int_eq(psm_tx_commit(part, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM parts"), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM parts"), 1);
	tx = begun();
	ck_assert_int_eq(psm_tx_include(tx, 1, err), 0);
	psm_tx_rollback(begun());
	ck_assert_int_eq(psm_tx_commit(tx, err), PSM_ERR_STATE);
	tx = begun();
	ck_assert_int_eq(psm_tx_include(tx, 1, err), 0);
	ck_assert_int_eq(psm_tx_include(tx, 0, err), 0);
	other = begun();
	ck_assert_ptr_ne(other, tx);
	psm_tx_rollback(other);
	psm_tx_rollback(tx);
}
END_TEST

/* A part that nobody ended: nothing is committed, and the whole has an end. */
START_TEST(a_part_that_is_left_open)
{
	psm_tx *tx;

	pg_run("CREATE TABLE parts (n integer)");
	for (int i = 0; i < 2; i++) {
		tx = begun();
		ck_assert_int_eq(psm_tx_include(tx, 1, err), 0);
		ck_assert_int_eq(psm_tx_exec(begun(),
		                             "INSERT INTO parts VALUES (1)", 0,
		                             NULL, NULL, err),
		                 0);
		ck_assert_int_eq(psm_tx_include(tx, 0, err), 0);
		if (i == 0)
			ck_assert_int_eq(psm_tx_commit(tx, err), PSM_ERR_STATE);
		else
			psm_tx_rollback(tx);
	}
	ck_assert_int_eq(pg_int("SELECT count(*) FROM parts"), 0);
	/* Not waiting for a transaction that is still open. */
	pg_run("DROP TABLE parts");
}
END_TEST

START_TEST(arguments)
{
	ck_assert_int_eq(psm_tx_wait_consumers(NULL, 1, err), PSM_ERR_INVAL);
}
END_TEST

/* Names of types are texts like others. */
START_TEST(heartbeat_takes_any_type)
{
	const char *types[] = {"a\"b", "c\\d,{e}"};
	struct psm__alive who = {"c", "i", types, 2};

	ck_assert_int_eq(psm__alive_beat(st, &who), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.consumer_alive "
	                        "WHERE types = ARRAY['a\"b', 'c\\d,{e}']"),
	                 1);
	who.types = NULL;
	who.type_count = 0;
	ck_assert_int_eq(psm__alive_beat(st, &who), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.consumer_alive "
	                        "WHERE types IS NULL"),
	                 1);
	/* Upkeep takes away those of the day before. */
	pg_run("UPDATE psymatch.consumer_alive SET seen_at = now() - interval "
	       "'2 days'");
	ck_assert_int_eq(psm_store_maintain(st, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.consumer_alive"),
	                 0);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("living");
	TCase *tc = tcase_create("living");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, change_is_there_after_the_commit);
	tcase_add_test(tc, who_is_not_waited_for);
	tcase_add_test(tc, who_dies_meanwhile);
	tcase_add_test(tc, locked_heartbeats_stop_nobody);
	tcase_add_test(tc, what_cannot_be_asked_fails_no_commit);
	tcase_add_test(tc, a_commit_does_not_wait_for_the_answer_who_lives);
	tcase_add_test(
	    tc, a_commit_stays_one_when_the_connection_is_lost_behind_it);
	tcase_add_test(tc, a_commit_does_not_wait_for_a_locked_table);
	tcase_add_test(tc, late_consumer_costs_its_deadline_once);
	tcase_add_test(tc, as_long_as_the_setting_says);
	tcase_add_test(tc, transactions_of_several_parts);
	tcase_add_test(tc, a_part_that_is_left_open);
	tcase_add_test(tc, arguments);
	tcase_add_test(tc, heartbeat_takes_any_type);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
