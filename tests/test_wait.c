/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for consumers: read your writes, and events that are required. */
#include "store/wait.h"
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include <psymatch/relay.h>
#include <poll.h>

#define OTHER "other-consumer"
#define REFUSED 13

static psm_relay *r;
static psm_processor *other;

/* Refuses one number; emits nothing. */
static int
handle(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	(void)user;
	if (flow_member(ev, "/n") == REFUSED)
		return psm_error_set(e, PSM_ERR_REJECT, "as planned");
	return flow_save(tx, ev, e);
}

static void
start_processor(void)
{
	pr = flow_processor(st, t, handle);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
}

static void
start_other(void)
{
	ck_assert_int_eq(psm_processor_new(st, t, cfg, OTHER, &other, err), 0);
	ck_assert_int_eq(psm_processor_subscribe(other, FLOW_TOPIC, err), 0);
	ck_assert_int_eq(psm_processor_on(other, "communication.send_email",
	                                  handle, NULL, err),
	                 0);
	ck_assert_int_eq(psm_processor_start(other, err), 0);
}

static void
start_relay(void)
{
	ck_assert_int_eq(psm_relay_new(st, t, cfg, &r, err), 0);
	ck_assert_int_eq(psm_relay_start(r, err), 0);
}

static void
teardown(void)
{
	psm_relay_free(r);
	psm_processor_free(other);
	flow_teardown();
}

static psm_event *
new_event(int key, int n)
{
	char payload[64];
	psm_event *ev;

	(void)snprintf(payload, sizeof payload, "{\"email_id\":%d,\"n\":%d}",
	               key, n);
	ck_assert_int_eq(psm_event_new("communication.send_email", "test",
	                               payload, strlen(payload), &ev, NULL),
	                 0);
	return ev;
}

static int64_t
effects(const char *event_id)
{
	return pg_int("SELECT count(*) FROM effects WHERE event_id = '%s'",
	              event_id);
}

/* -- psm_store_wait_handled */

START_TEST(wait_gives_read_your_writes)
{
	char id[40];
	int n;

	start_processor();
	for (n = 1; n <= 20; n++) {
		if (n == REFUSED)
			continue;
		ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
		flow_put_to(t, 1, n, id);
		ck_assert_int_eq(
		    psm_store_wait_handled(st, id, FLOW_NAME, 60000, err), 0);
		ck_assert_int_eq(effects(id), 1);
		/* Who asks later is answered at once. */
		ck_assert_int_eq(
		    psm_store_wait_handled(st, id, FLOW_NAME, 0, err), 0);
	}
}
END_TEST

START_TEST(wait_ends_at_its_time)
{
	psm_store *fresh;
	int64_t began_ms;
	char id[40];
	int rc;

	ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
	flow_put_to(t, 1, 1, id);
	ck_assert_int_eq(psm_store_wait_handled(st, id, FLOW_NAME, 0, err),
	                 PSM_ERR_TIMEOUT);
	ck_assert_int_eq(psm_error_retriable(err), 1);
	/* No time to wait is time enough to connect. */
	ck_assert_int_eq(psm_store_open(cfg, &fresh, err), 0);
	while ((rc = psm_store_wait_handled(fresh, id, FLOW_NAME, 0, err)) ==
	       PSM_ERR_DB) /* a second was not enough */
		continue;
	ck_assert_int_eq(rc, PSM_ERR_TIMEOUT);
	psm_store_free(fresh);
	began_ms = psm__mono_ms();
	ck_assert_int_eq(psm_store_wait_handled(st, id, FLOW_NAME, 150, err),
	                 PSM_ERR_TIMEOUT);
	ck_assert_int_ge(psm__mono_ms() - began_ms, 150);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), FLOW_NAME));
	/* It is another consumer's business. */
	start_processor();
	ck_assert_int_eq(psm_store_wait_handled(st, id, FLOW_NAME, 60000, err),
	                 0);
	ck_assert_int_eq(psm_store_wait_handled(st, id, OTHER, 20, err),
	                 PSM_ERR_TIMEOUT);
}
END_TEST

static void *
wake_often(void *arg)
{
	int *stop = arg;

	while (!__atomic_load_n(stop, __ATOMIC_SEQ_CST)) {
		psm__await_wake();
		(void)poll(NULL, 0, 1);
	}
	return NULL;
}

static int64_t
looks_in_600_ms(const char *id)
{
	int64_t before = psm__await_looks(), looks;

	ck_assert_int_eq(psm_store_wait_handled(st, id, "c", 600, err),
	                 PSM_ERR_TIMEOUT);
	looks = psm__await_looks() - before;
	ck_assert_int_le(looks, 302);
	return looks;
}

/* 5, 10, 20, 40, 80, 100, 100, .. ms; and a busy processor beside it does not
 * make it a loop. */
START_TEST(wait_does_not_ask_all_the_time)
{
	static const char id[] = "0198c0de-0000-7000-8000-000000000001";
	int64_t until = psm__mono_ms() + 60000;
	pthread_t thread;
	int stop = 0;

	ck_assert_int_le(looks_in_600_ms(id), 12);
	/* A busy machine may have no time for more than one. */
	while (looks_in_600_ms(id) < 3)
		ck_assert_int_lt(psm__mono_ms(), until);
	/* Woken, it looks again at once, but not more often than each 2 ms. */
	ck_assert_int_eq(pthread_create(&thread, NULL, wake_often, &stop), 0);
	while (looks_in_600_ms(id) <= 12)
		ck_assert_int_lt(psm__mono_ms(), until);
	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(wait_tells_a_dead_letter)
{
	char id[40];

	ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
	flow_put_to(t, 1, REFUSED, id);
	start_processor();
	ck_assert_int_eq(psm_store_wait_handled(st, id, FLOW_NAME, 60000, err),
	                 PSM_ERR_REJECT);
	ck_assert_int_eq(effects(id), 0);
}
END_TEST

START_TEST(wait_tells_what_is_parked)
{
	char id[40];

	ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
	pg_run("INSERT INTO psymatch.parked (consumer, key, event_id, topic, "
	       "state) VALUES ('" FLOW_NAME "', '1', '%s', 't', 'retry')",
	       id);
	ck_assert_int_eq(psm_store_wait_handled(st, id, FLOW_NAME, 20, err),
	                 PSM_ERR_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "parked"));
	/* A dead letter that was released is none any more. */
	pg_run("DELETE FROM psymatch.parked");
	pg_run("INSERT INTO psymatch.dead_letter (consumer, topic, event_id, "
	       "code, reason) VALUES ('" FLOW_NAME "', 't', '%s', "
	       "'PSM_ERR_REJECT', 'r')",
	       id);
	ck_assert_int_eq(psm_store_wait_handled(st, id, FLOW_NAME, 20, err),
	                 PSM_ERR_REJECT);
	pg_run("UPDATE psymatch.dead_letter SET state = 'skipped'");
	ck_assert_int_eq(psm_store_wait_handled(st, id, FLOW_NAME, 20, err),
	                 PSM_ERR_REJECT);
	pg_run("UPDATE psymatch.dead_letter SET state = 'released'");
	ck_assert_int_eq(psm_store_wait_handled(st, id, FLOW_NAME, 20, err),
	                 PSM_ERR_TIMEOUT);
}
END_TEST

START_TEST(wait_outlives_the_database)
{
	char id[40];

	ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
	pg_down();
	ck_assert_int_eq(psm_store_wait_handled(st, id, FLOW_NAME, 50, err),
	                 PSM_ERR_DB);
	ck_assert_int_eq(psm_error_retriable(err), 1);
	pg_up();
	flow_put_to(t, 1, 1, id);
	start_processor();
	ck_assert_int_eq(psm_store_wait_handled(st, id, FLOW_NAME, 60000, err),
	                 0);
}
END_TEST

START_TEST(wait_arguments)
{
	static const char id[] = "0198c0de-0000-7000-8000-000000000001";

	ck_assert_int_eq(psm_store_wait_handled(NULL, id, "c", 0, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_wait_handled(st, NULL, "c", 0, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_wait_handled(st, "7", "c", 0, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_wait_handled(st, id, NULL, 0, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_wait_handled(st, id, "", 0, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_wait_handled(st, id, "c", -1, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_wait_handled(st, id, "c", 0, NULL),
	                 PSM_ERR_TIMEOUT);
}
END_TEST

/* -- required events */

static const char *const both[] = {FLOW_NAME, OTHER};

/* Emit one that both must handle; returns what the commit says. */
static int
commit_required(int n, int wait_ms, char id[40])
{
	psm_event *ev = new_event(1, n);
	psm_tx *tx;
	int rc;

	(void)snprintf(id, 40, "%s", psm_event_id(ev));
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_set_wait(tx, wait_ms, err), 0);
	ck_assert_int_eq(psm_tx_exec(tx, "INSERT INTO change DEFAULT VALUES", 0,
	                             NULL, NULL, err),
	                 0);
	ck_assert_int_eq(psm_tx_emit_required(tx, ev, both, 2, err), 0);
	psm_event_free(ev);
	rc = psm_tx_commit(tx, err);
	/* The change is there whatever the commit says. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM change"), 1);
	return rc;
}

static void
setup(void)
{
	flow_setup();
	pg_run("CREATE TABLE change (at timestamptz DEFAULT now())");
}

START_TEST(required_is_there_after_the_commit)
{
	char id[40];

	start_processor();
	start_other();
	start_relay();
	ck_assert_msg(commit_required(1, 60000, id) == 0, "%s",
	              psm_error_message(err));
	ck_assert_int_eq(effects(id), 2);
}
END_TEST

START_TEST(required_names_who_did_not)
{
	psm_event *first = new_event(2, 1);
	char id[40];
	psm_tx *tx;
	int rc;

	start_processor();
	start_relay();
	/* They are at work before the time runs. */
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_emit(tx, first, err), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	ck_assert_int_eq(psm_store_wait_handled(st, psm_event_id(first),
	                                        FLOW_NAME, 60000, err),
	                 0);
	psm_event_free(first);
	/* Long enough for the one that is there, on a busy machine, too. */
	for (int wait_ms = 1000;; wait_ms *= 2) {
		rc = commit_required(1, wait_ms, id);
		ck_assert_int_eq(rc, PSM_ERR_UNCONFIRMED);
		if (!strstr(psm_error_message(err), FLOW_NAME))
			break;
		ck_assert_int_lt(wait_ms, 60000);
		pg_run("DELETE FROM change");
	}
	ck_assert_int_eq(psm_error_retriable(err), 0);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "committed"));
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), OTHER));
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), id));
	ck_assert_ptr_null(strstr(psm_error_message(err), FLOW_NAME));
	ck_assert_int_eq(effects(id), 1);
	/* It is late, not lost. */
	start_other();
	ck_assert_int_eq(psm_store_wait_handled(st, id, OTHER, 60000, err), 0);
}
END_TEST

START_TEST(required_and_refused)
{
	int64_t began_ms = psm__mono_ms();
	char id[40];

	start_processor();
	start_other();
	start_relay();
	ck_assert_int_eq(commit_required(REFUSED, 60000, id),
	                 PSM_ERR_UNCONFIRMED);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), FLOW_NAME " has refused "));
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), OTHER " has refused "));
	/* Nothing more can come: there is nothing to wait for. */
	ck_assert_int_lt(psm__mono_ms() - began_ms, 55000);
}
END_TEST

static void *
take_database_away(void *arg)
{
	(void)arg;
	(void)pg_wait(1, 60000, "SELECT count(*) FROM psymatch.outbox");
	/* And who committed knows it. */
	(void)pg_wait(0, 60000,
	              "SELECT count(*) FROM pg_stat_activity WHERE datname = "
	              "current_database() AND application_name = 'psymatch "
	              "pool' AND state <> 'idle'");
	pg_down();
	return NULL;
}

START_TEST(required_and_the_database_goes)
{
	psm_event *ev = new_event(1, 1);
	pthread_t thread;
	psm_tx *tx;

	ck_assert_int_eq(
	    pthread_create(&thread, NULL, take_database_away, NULL), 0);
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_set_wait(tx, 3000, err), 0);
	ck_assert_int_eq(psm_tx_emit_required(tx, ev, both, 2, err), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), PSM_ERR_UNCONFIRMED);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pg_up();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 1);
	psm_event_free(ev);
}
END_TEST

/* It would wait behind what is parked: known before anything is changed. */
START_TEST(required_behind_a_parked_event)
{
	psm_event *ev = new_event(1, 1), *free_one = new_event(2, 1);
	psm_tx *tx;

	pg_run("INSERT INTO psymatch.parked (consumer, key, topic, state) "
	       "VALUES ('" OTHER "', '1', 't', 'held')");
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_exec(tx, "INSERT INTO change DEFAULT VALUES", 0,
	                             NULL, NULL, err),
	                 0);
	ck_assert_int_eq(psm_tx_emit_required(tx, ev, both, 2, err), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), PSM_ERR_REJECT);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), OTHER));
	ck_assert_int_eq(pg_int("SELECT count(*) FROM change"), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
	/* Best effort, another key, another consumer: not its business. */
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_set_wait(tx, 0, err), 0);
	ck_assert_int_eq(psm_tx_emit(tx, ev, err), 0);
	ck_assert_int_eq(psm_tx_emit_required(tx, free_one, both, 2, err), 0);
	ck_assert_int_eq(psm_tx_emit_required(tx, ev, both, 1, err), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), PSM_ERR_UNCONFIRMED);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 3);
	psm_event_free(free_one);
	psm_event_free(ev);
}
END_TEST

START_TEST(required_undone_is_not_awaited)
{
	psm_event *ev = new_event(1, 1);
	psm_tx *tx;

	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_set_wait(tx, 60000, err), 0);
	ck_assert_int_eq(psm__tx_savepoint(tx, "s", err), 0);
	ck_assert_int_eq(psm_tx_emit_required(tx, ev, both, 2, err), 0);
	ck_assert_int_eq(psm__tx_rollback_to(tx, "s", err), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
	psm_event_free(ev);
}
END_TEST

START_TEST(required_arguments)
{
	static const char *const empty[] = {FLOW_NAME, ""};
	const char *many[PSM_TX_REQUIRED_MAX + 1];
	psm_event *ev = new_event(1, 1);
	psm_tx *tx;
	size_t i;

	for (i = 0; i < PSM__COUNT(many); i++)
		many[i] = FLOW_NAME;
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_emit_required(NULL, ev, both, 2, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_emit_required(tx, NULL, both, 2, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_emit_required(tx, ev, NULL, 2, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_emit_required(tx, ev, both, 0, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_emit_required(tx, ev, empty, 2, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_tx_emit_required(tx, ev, many, PSM__COUNT(many), err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_set_wait(tx, -1, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_set_wait(NULL, 1, err), PSM_ERR_INVAL);
	psm__tx_lend(tx, 1);
	ck_assert_int_eq(psm_tx_emit_required(tx, ev, both, 2, err),
	                 PSM_ERR_STATE);
	psm__tx_lend(tx, 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
	psm_event_free(ev);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("wait");
	TCase *tc = tcase_create("wait");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, wait_gives_read_your_writes);
	tcase_add_test(tc, wait_ends_at_its_time);
	tcase_add_test(tc, wait_does_not_ask_all_the_time);
	tcase_add_test(tc, wait_tells_a_dead_letter);
	tcase_add_test(tc, wait_tells_what_is_parked);
	tcase_add_test(tc, wait_outlives_the_database);
	tcase_add_test(tc, wait_arguments);
	tcase_add_test(tc, required_is_there_after_the_commit);
	tcase_add_test(tc, required_names_who_did_not);
	tcase_add_test(tc, required_and_refused);
	tcase_add_test(tc, required_and_the_database_goes);
	tcase_add_test(tc, required_behind_a_parked_event);
	tcase_add_test(tc, required_undone_is_not_awaited);
	tcase_add_test(tc, required_arguments);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
