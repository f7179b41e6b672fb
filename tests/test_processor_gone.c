/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages that are gone before a processor read them, a log that was made
 * anew, and how far behind a processor is. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include "transport/memory/memory.h"

static void
put(int from, int to)
{
	for (; from <= to; from++)
		flow_put(1, from);
}

static void
again(void)
{
	flow_stop();
	psm_processor_free(pr);
	flow_start();
}

static int
is_amber(const char *words)
{
	char reason[300];

	return psm_processor_health(pr, reason, sizeof reason) ==
	           PSM_HEALTH_AMBER &&
	       strstr(reason, words) != NULL;
}

static void
wait_effects(int n)
{
	ck_assert_int_eq(pg_wait(n, 60000, "SELECT count(*) FROM effects"), n);
}

static int64_t
row(void)
{
	return pg_int("SELECT next FROM psymatch.consumer_offset");
}

START_TEST(c14_retention_ran_past)
{
	put(1, 2);
	flow_start();
	flow_wait_offset(2);
	flow_stop();
	psm_processor_free(pr);
	put(3, 20);
	psm__memory_retain(t, FLOW_TOPIC, 5);
	flow_start();
	flow_wait_offset(20);
	ck_assert_int_eq(psm_processor_stat(pr, "gaps"), 1);
	ck_assert_int_eq(psm_processor_stat(pr, "gap_messages"), 13);
	ck_assert_int_eq(
	    psm__metric_get(psm__counter("psymatch_processor_gaps_total",
	                                 "consumer", FLOW_NAME, "")),
	    1);
	PG_UNTIL(is_amber("[0]: 2 to 14 are gone, never read"));
	put(21, 22);
	flow_wait_offset(22);
	again();
	PG_UNTIL(psm_processor_health(pr, NULL, 0) == PSM_HEALTH_GREEN);
	ck_assert_int_eq(psm_processor_stat(pr, "gaps"), 0);
	flow_stop();
	flow_check_effects(9);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM effects WHERE n BETWEEN 3 AND 15"), 0);
}
END_TEST

/* The message at which a partition waits is in our hands; those behind it are
 * not, and it is said once. */
START_TEST(c14_retention_behind_a_held_message)
{
	plan = (struct flow_plan){.bad = 2, .times = -1, .rc = PSM_ERR_RETRY};
	put(1, 2);
	flow_start();
	PG_UNTIL(psm_processor_stat(pr, "retrying") == 1);
	put(3, 20);
	psm__memory_retain(t, FLOW_TOPIC, 5);
	PG_UNTIL(psm_processor_stat(pr, "retried") >= 2);
	(void)pthread_mutex_lock(&flow_lock);
	plan.times = 0;
	(void)pthread_mutex_unlock(&flow_lock);
	flow_wait_offset(20);
	flow_stop();
	/* However far it had read behind the one it waits for. */
	ck_assert_int_eq(psm_processor_stat(pr, "gaps"), 1);
	ck_assert_int_eq(psm_processor_stat(pr, "gap_messages"), 13);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 7);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE n = 2"), 1);
}
END_TEST

/* Position 57, the topic is recreated and grows to 60: all 60 are handled. */
START_TEST(c14_wiped_log_grows_past_the_offset)
{
	put(1, 57);
	flow_start();
	flow_wait_offset(57);
	flow_stop();
	psm_processor_free(pr);
	psm__memory_wipe(t, FLOW_TOPIC);
	put(101, 160);
	flow_start();
	wait_effects(117);
	ck_assert_int_eq(row(), 60);
	ck_assert_int_eq(psm_processor_stat(pr, "gaps"), 1);
	ck_assert_int_eq(psm_processor_stat(pr, "gap_messages"), 0);
	PG_UNTIL(
	    is_amber("deleted and recreated, read until 57, goes on at 0"));
	/* Under the reader's hands, too. */
	psm__memory_wipe(t, FLOW_TOPIC);
	put(161, 165);
	wait_effects(122);
	ck_assert_int_eq(row(), 5);
	ck_assert_int_eq(psm_processor_stat(pr, "gaps"), 2);
	/* What was decided is kept. */
	again();
	put(166, 166);
	wait_effects(123);
	ck_assert_int_eq(psm_processor_stat(pr, "gaps"), 0);
	ck_assert_int_eq(psm_processor_stat(pr, "duplicates"), 0);
	flow_stop();
	flow_check_effects(123);
}
END_TEST

/* The row cannot be moved when the new log is found. */
START_TEST(c14_wiped_while_the_database_is_away)
{
	put(1, 57);
	flow_start();
	flow_wait_offset(57);
	pg_down();
	psm__memory_wipe(t, FLOW_TOPIC);
	put(101, 110);
	PG_UNTIL(psm_processor_stat(pr, "gaps") == 1);
	pg_up();
	wait_effects(67);
	flow_stop();
	ck_assert_int_eq(row(), 10);
	flow_check_effects(67);
}
END_TEST

/* A topic that is recreated while one of its messages is tried again: that one
 * went with it. */
START_TEST(c14_wiped_behind_a_held_message)
{
	plan = (struct flow_plan){.bad = 3, .times = -1, .rc = PSM_ERR_RETRY};
	put(1, 5);
	flow_start();
	PG_UNTIL(psm_processor_stat(pr, "retrying") == 1);
	psm__memory_wipe(t, FLOW_TOPIC);
	put(101, 110);
	wait_effects(12);
	ck_assert_int_eq(psm_processor_stat(pr, "retrying"), 0);
	flow_stop();
	ck_assert_int_eq(row(), 10);
	flow_check_effects(12);
}
END_TEST

/* -- a database that is new, or was restored */

static void
forget_from(int n)
{
	pg_run("DELETE FROM psymatch.inbox WHERE event_id IN (SELECT event_id "
	       "FROM effects WHERE n >= %d)",
	       n);
	pg_run(
	    "DELETE FROM psymatch.outbox WHERE (payload::json->>'n')::integer"
	    " >= %d",
	    n);
	pg_run("DELETE FROM effects WHERE n >= %d", n);
	if (n > 1)
		pg_run("UPDATE psymatch.consumer_offset SET next = %d", n - 1);
	else
		pg_run("DELETE FROM psymatch.consumer_offset");
}

/* It cannot be asked when reading begins: the broker's word has to do until it
 * is there. */
START_TEST(new_database_that_is_away_at_first)
{
	put(1, 10);
	flow_start();
	flow_wait_offset(10);
	flow_stop();
	psm_processor_free(pr);
	forget_from(1);
	pg_down();
	flow_start();
	PG_UNTIL(psm_processor_stat(pr, "lag") == 0);
	put(11, 12);
	PG_UNTIL(psm_processor_stat(pr, "rollbacks") >= 1);
	pg_up();
	wait_effects(12);
	PG_UNTIL(is_amber("no offset in the database, read again from the "
	                  "earliest message; the group had come to 10"));
	flow_stop();
	flow_check_effects(12);
	ck_assert_int_eq(row(), 12);
	ck_assert_int_eq(psm_processor_stat(pr, "gaps"), 0);
}
END_TEST

/* Under a running processor, which waits for a message in its hands, with those
 * behind it. */
START_TEST(restored_behind_a_held_message)
{
	plan = (struct flow_plan){.bad = 6, .times = -1, .rc = PSM_ERR_RETRY};
	put(1, 8);
	flow_start();
	PG_UNTIL(psm_processor_stat(pr, "retrying") == 1);
	wait_effects(5);
	forget_from(_i ? 3 : 1);
	(void)pthread_mutex_lock(&flow_lock);
	plan.times = 0;
	(void)pthread_mutex_unlock(&flow_lock);
	wait_effects(8);
	flow_stop();
	flow_check_effects(8);
	ck_assert_int_eq(row(), 8);
	ck_assert_int_eq(psm_processor_stat(pr, "duplicates"), 0);
}
END_TEST

static int64_t now_us = INT64_C(1750000000000000); /* flow_lock */

static int64_t
fixed_clock(void *user)
{
	int64_t now;

	(void)user;
	(void)pthread_mutex_lock(&flow_lock);
	now = now_us;
	(void)pthread_mutex_unlock(&flow_lock);
	return now;
}

static void
later(int seconds)
{
	(void)pthread_mutex_lock(&flow_lock);
	now_us += seconds * INT64_C(1000000);
	(void)pthread_mutex_unlock(&flow_lock);
}

static int64_t
lag_metric(const char *name)
{
	return psm__metric_get(psm__gauge(name, "consumer", FLOW_NAME, ""));
}

START_TEST(c12_lag_in_events_and_seconds)
{
	plan = (struct flow_plan){.bad = 2, .times = -1, .rc = PSM_ERR_RETRY};
	psm_set_clock(fixed_clock, NULL);
	put(1, 1);
	flow_start();
	flow_wait_offset(1);
	later(40);
	PG_UNTIL(psm_processor_stat(pr, "lag_seconds") == 0);
	ck_assert_int_eq(psm_processor_stat(pr, "lag"), 0);
	put(2, 2);
	PG_UNTIL(psm_processor_stat(pr, "retrying") == 1);
	ck_assert_int_eq(psm_processor_stat(pr, "lag"), 1);
	PG_UNTIL(psm_processor_stat(pr, "lag_seconds") == 40);
	later(2);
	ck_assert_int_eq(psm_processor_stat(pr, "lag_seconds"), 42);
	PG_UNTIL(lag_metric("psymatch_processor_lag_seconds") == 42);
	ck_assert_int_eq(lag_metric("psymatch_processor_lag"), 1);
	/* Nobody knows how much waits while nothing can be read. */
	psm__memory_set_down(t, 1);
	ck_assert_int_eq(psm_processor_stat(pr, "lag_seconds"), -1);
	psm__memory_set_down(t, 0);
	(void)pthread_mutex_lock(&flow_lock);
	plan.times = 0;
	(void)pthread_mutex_unlock(&flow_lock);
	flow_wait_offset(2);
	PG_UNTIL(psm_processor_stat(pr, "lag_seconds") == 0);
	flow_stop();
	psm_set_clock(NULL, NULL);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("processor_gone");
	TCase *tc = tcase_create("gone");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, flow_setup, flow_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, c14_retention_ran_past);
	tcase_add_test(tc, c14_retention_behind_a_held_message);
	tcase_add_test(tc, c14_wiped_log_grows_past_the_offset);
	tcase_add_test(tc, c14_wiped_while_the_database_is_away);
	tcase_add_test(tc, c14_wiped_behind_a_held_message);
	tcase_add_test(tc, new_database_that_is_away_at_first);
	tcase_add_loop_test(tc, restored_behind_a_held_message, 0, 2);
	tcase_add_test(tc, c12_lag_in_events_and_seconds);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
