/* SPDX-License-Identifier: BSD-2-Clause */
/* A processor whose workers handle events of different keys at the same time.
 * This file is built with four of them. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#define KEYS 20

/* -- at the same time */

static int inside, most; /* flow_lock */

/* Waits until another one is in here, too. */
static int
meet(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	struct timespec until;

	(void)user;
	psm__deadline(&until, 60000);
	(void)pthread_mutex_lock(&flow_lock);
	inside++;
	most = inside > most ? inside : most;
	(void)pthread_cond_broadcast(&flow_changed);
	while (most < 2 &&
	       pthread_cond_timedwait(&flow_changed, &flow_lock, &until) == 0)
		continue;
	inside--;
	(void)pthread_mutex_unlock(&flow_lock);
	return flow_save(tx, ev, e);
}

START_TEST(two_handlers_at_once)
{
	int key;

	for (key = 1; key <= KEYS; key++)
		flow_put(key, key);
	pr = flow_processor(st, t, meet);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(KEYS);
	flow_stop();
	ck_assert_int_ge(most, 2);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), KEYS);
	ck_assert_int_eq(psm_processor_stat(pr, "rollbacks"), 0);
}
END_TEST

/* -- in order */

START_TEST(order_of_each_key)
{
	int n;

	for (n = 1; n <= 2000; n++)
		flow_put(1 + n % 37, n);
	flow_start();
	flow_wait_offset(2000);
	flow_stop();
	flow_check_effects(2000);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 2000);
	ck_assert_int_eq(psm_processor_stat(pr, "duplicates"), 0);
}
END_TEST

/* The partition waits for one of them; those of other keys behind it may have
 * been handled, and are not handled again. */
START_TEST(order_with_one_that_is_tried_again)
{
	int n;

	plan = (struct flow_plan){.bad = 21, .times = 3, .rc = PSM_ERR_RETRY};
	for (n = 1; n <= 300; n++)
		flow_put(1 + n % KEYS, n);
	flow_start();
	flow_wait_offset(300);
	flow_stop();
	flow_check_effects(300);
	ck_assert_int_eq(plan.seen, 4);
	ck_assert_int_eq(psm_processor_stat(pr, "retried"), 3);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 300);
}
END_TEST

/* -- not twice */

/* One worker's transaction is rolled back; what the others did stays, and comes
 * again. */
START_TEST(one_worker_fails)
{
	int n;

	plan = (struct flow_plan){.bad = 50, .times = 2, .rc = PSM_ERR_DB};
	for (n = 1; n <= 100; n++)
		flow_put(1 + n % KEYS, n);
	flow_start();
	flow_wait_offset(100);
	flow_stop();
	flow_check_effects(100);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 100);
	ck_assert_int_eq(psm_processor_stat(pr, "rollbacks"), 2);
	ck_assert_int_gt(psm_processor_stat(pr, "duplicates"), 0);
}
END_TEST

/* Its event 3 is refused, 4 is parked, and 50 fails with the system. */
static int
three_ways(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	static int failed; /* __atomic */
	int n = flow_member(ev, "/n");
	int rc = flow_save(tx, ev, e);

	(void)user;
	if (rc == 0 && n == 3)
		rc = psm_error_set(e, PSM_ERR_REJECT, "refused");
	else if (rc == 0 && n == 4)
		rc = psm_error_set(e, PSM_ERR_RETRY, "not now");
	else if (rc == 0 && n == 50 &&
	         __atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED) < 3)
		rc = psm_error_set(e, PSM_ERR_DB, "the system");
	return rc;
}

START_TEST(what_was_put_aside_is_not_doubled)
{
	int n;

	pr = flow_processor_with(PSM_ON_FAILURE_PARK, 0, three_ways);
	flow_put_raw(t, "x", "{garbage", 8);
	for (n = 1; n < 100; n++)
		flow_put(1 + n % KEYS, n);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(100);
	flow_stop();
	ck_assert_int_eq(psm_processor_stat(pr, "rollbacks"), 3);
	ck_assert_int_eq(flow_dead_rows(), 2);
	/* 4, and behind it 24, 44, 64, 84. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 5);
	ck_assert_int_eq(
	    pg_int("SELECT count(DISTINCT \"offset\") FROM psymatch.parked"),
	    5);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.consumer_out_of_order"), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 99 - 6);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT n) FROM effects"),
	                 99 - 6);
}
END_TEST

/* In a topic that was recreated the offset means another message. */
START_TEST(another_message_at_the_offset)
{
	int n;

	pg_run("INSERT INTO psymatch.consumer_out_of_order VALUES ('" FLOW_NAME
	       "', '" FLOW_TOPIC "', 0, 3, 12345)");
	for (n = 1; n <= 10; n++)
		flow_put(n, n);
	flow_start();
	flow_wait_offset(10);
	flow_stop();
	flow_check_effects(10);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.consumer_out_of_order"), 0);
}
END_TEST

/* -- whose partition it is */

/* Another one claims the partition behind our back. */
START_TEST(taken_over_between_two_batches)
{
	int n;

	for (n = 1; n <= 50; n++)
		flow_put(1 + n % KEYS, n);
	flow_start();
	flow_wait_offset(50);
	pg_run("UPDATE psymatch.consumer_offset SET owner = 'another'");
	for (; n <= 100; n++)
		flow_put(1 + n % KEYS, n);
	flow_wait_offset(100);
	/* And one that has handled ten of them. */
	pg_run("UPDATE psymatch.consumer_offset SET owner = 'another', "
	       "next = next + 10");
	for (; n <= 150; n++)
		flow_put(1 + n % KEYS, n);
	flow_wait_offset(150);
	flow_stop();
	flow_check_effects(140);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM effects WHERE n BETWEEN 101 AND 110"),
	    0);
}
END_TEST

static void *
take_over(void *arg)
{
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(st, &tx, NULL);

	(void)arg;
	if (rc == 0)
		rc = psm_tx_exec(tx,
		                 "UPDATE psymatch.consumer_offset SET "
		                 "owner = 'another'",
		                 0, NULL, NULL, NULL);
	if (rc == 0)
		rc = psm_tx_commit(tx, NULL);
	ck_assert_int_eq(rc, 0);
	return NULL;
}

/* Who takes the partition over has to wait until the workers have ended. */
START_TEST(taken_over_while_a_worker_is_busy)
{
	pthread_t other;
	int64_t next;
	int n;

	for (n = 1; n <= 10; n++)
		flow_put(n, n);
	flow_start();
	flow_wait_offset(10);
	plan = (struct flow_plan){.bad = 15, .block = 1};
	for (; n <= 20; n++)
		flow_put(n, n);
	flow_wait_blocked();
	next = pg_int("SELECT next FROM psymatch.consumer_offset");
	ck_assert_int_lt(next, 15);
	ck_assert_int_eq(pthread_create(&other, NULL, take_over, NULL), 0);
	PG_UNTIL(pg_int("SELECT count(*) FROM pg_stat_activity WHERE "
	                "wait_event_type = 'Lock' AND datname = "
	                "current_database() AND query LIKE '%%another%%'") ==
	         1);
	ck_assert_int_eq(pg_int("SELECT next FROM psymatch.consumer_offset"),
	                 next);
	flow_unblock();
	ck_assert_int_eq(pthread_join(other, NULL), 0);
	for (; n <= 30; n++)
		flow_put(1 + n % KEYS, n);
	flow_wait_offset(30);
	flow_stop();
	flow_check_effects(30);
}
END_TEST

/* Updates of offsets that have not begun wait while there is a gate. */
static void
make_gate(void)
{
	pg_run("CREATE TABLE gate (shut boolean)");
	pg_run("CREATE FUNCTION at_gate() RETURNS trigger LANGUAGE plpgsql AS "
	       "'BEGIN WHILE EXISTS (SELECT FROM gate) LOOP PERFORM "
	       "pg_sleep(0.01); END LOOP; RETURN NULL; END'");
	pg_run("CREATE TRIGGER at_gate BEFORE UPDATE ON "
	       "psymatch.consumer_offset EXECUTE FUNCTION at_gate()");
}

/* Who takes it over to work alone waits for a worker that puts an event aside,
 * and finds it there. */
START_TEST(taken_over_while_one_is_put_aside)
{
	static const char id[] = "0198c0de-0000-7000-8000-000000000001";
	psm_transport *same = NULL;
	psm_processor *heir;

	make_gate();
	ck_assert_int_eq(psm_transport_memory(1, &same, err), 0);
	flow_put_to(t, 1, 1, id);
	flow_put(2, 2);
	flow_put_to(same, 1, 1, id);
	plan = (struct flow_plan){
	    .bad = 1, .times = 1, .rc = PSM_ERR_REJECT, .block = 1};
	flow_start();
	flow_wait_blocked();
	heir = flow_processor(st, same, flow_handler);
	ck_assert_int_eq(psm_processor_start(heir, err), 0);
	PG_UNTIL(pg_int("SELECT count(*) FROM pg_stat_activity WHERE "
	                "wait_event_type = 'Lock' AND datname = "
	                "current_database() AND query LIKE "
	                "'%%consumer_offset%%'") == 1);
	pg_run("INSERT INTO gate VALUES (true)");
	flow_unblock();
	PG_UNTIL(psm_processor_stat(heir, "duplicates") +
	             psm_processor_stat(heir, "handled") ==
	         1);
	pg_run("DELETE FROM gate");
	flow_wait_offset(2);
	ck_assert_int_eq(psm_processor_stop(heir, 60000, err), 0);
	psm_processor_free(heir);
	psm_transport_unref(same);
	flow_stop();
	ck_assert_int_eq(plan.seen, 1);
	ck_assert_int_eq(flow_dead_rows(), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 1);
	ck_assert_int_eq(pg_int("SELECT n FROM effects"), 2);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.consumer_out_of_order"), 0);
}
END_TEST

/* -- settings */

START_TEST(as_many_as_are_set)
{
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_PROCESSOR_WORKERS", "0", NULL),
	    PSM_ERR_CONFIG);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_PROCESSOR_WORKERS", "65", NULL),
	    PSM_ERR_CONFIG);
	/* Never started: it has none. */
	pr = flow_processor(st, t, flow_handler);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("workers");
	TCase *tc = tcase_create("workers");

	(void)argc;
	pg_main(argv);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, flow_setup, flow_teardown);
	tcase_add_test(tc, two_handlers_at_once);
	tcase_add_test(tc, order_of_each_key);
	tcase_add_test(tc, order_with_one_that_is_tried_again);
	tcase_add_test(tc, one_worker_fails);
	tcase_add_test(tc, what_was_put_aside_is_not_doubled);
	tcase_add_test(tc, another_message_at_the_offset);
	tcase_add_test(tc, taken_over_between_two_batches);
	tcase_add_test(tc, taken_over_while_a_worker_is_busy);
	tcase_add_test(tc, taken_over_while_one_is_put_aside);
	tcase_add_test(tc, as_many_as_are_set);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
