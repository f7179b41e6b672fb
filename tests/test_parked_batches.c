/* SPDX-License-Identifier: BSD-2-Clause */
/* Many parked events become due at once. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

static void
setup(void)
{
	flow_setup();
	pg_run("ALTER TABLE effects ADD tx bigint DEFAULT txid_current()");
}

/* Numbers 1 to count, of as many keys in turn, all due now. */
static void
park(int count, int keys)
{
	pg_run("WITH e AS (SELECT n, 1 + n %% %d AS key, gen_random_uuid() AS "
	       "id FROM generate_series(1, %d) AS n) INSERT INTO "
	       "psymatch.parked (consumer, key, event_id, type, topic, "
	       "partition, \"offset\", raw, attempts, state) SELECT '%s', key, "
	       "id, 'communication.send_email', '%s', 0, n, convert_to('"
	       "{\"event_id\":\"' || id || '\",\"event_type\":"
	       "\"communication.send_email\",\"version\":\"1.0\","
	       "\"timestamp\":\"2026-01-31T09:00:00Z\",\"producer\":\"test\","
	       "\"payload\":{\"email_id\":' || key || ',\"n\":' || n || '}}', "
	       "'UTF8'), (n <= %d)::integer, CASE WHEN n <= %d THEN 'retry' "
	       "ELSE 'waiting' END FROM e ORDER BY n; ANALYZE psymatch.parked",
	       keys, count, FLOW_NAME, FLOW_TOPIC, keys, keys);
}

static void
wait_parked(int n)
{
	ck_assert_int_eq(
	    pg_wait(n, 60000, "SELECT count(*) FROM psymatch.parked"), n);
}

static const struct {
	int count, keys;
} drained[] = {{600, 600}, {600, 30}, {400, 1}};

START_TEST(they_are_handled_in_batches)
{
	int count = drained[_i].count;

	park(count, drained[_i].keys);
	flow_start();
	wait_parked(0);
	flow_stop();
	flow_check_effects(count);
	ck_assert_int_le(pg_int("SELECT count(DISTINCT tx) FROM effects"),
	                 count / 20);
	/* A row of its own subtransaction was written alone. */
	ck_assert_int_le(
	    pg_int("SELECT count(DISTINCT xmin::text) FROM psymatch.inbox"),
	    count / 20);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), count);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

static const struct {
	int rc;
	int left, dead; /* of 200 events of 10 keys, when number 15 fails */
} failures[] = {
    {PSM_ERR_RETRY, 19, 0},
    {PSM_ERR_DB, 19, 0},
    {PSM_ERR_REJECT, 0, 1},
};

/* Its key waits for it, the others do not. */
START_TEST(a_failure_holds_its_key_alone)
{
	int left = failures[_i].left, dead = failures[_i].dead;

	plan =
	    (struct flow_plan){.bad = 15, .times = -1, .rc = failures[_i].rc};
	park(200, 10);
	flow_start();
	wait_parked(left);
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == 200 - left - dead);
	ck_assert_int_eq(flow_dead_rows(), dead);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "key <> '6'"),
	                 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "state <> 'waiting'"),
	                 left > 0);
	/* What is not handled can come again. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox"),
	                 200 - left - dead);
	(void)pthread_mutex_lock(&flow_lock);
	plan.times = 0;
	(void)pthread_mutex_unlock(&flow_lock);
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.parked") == 0 ||
	         (flow_retry_now(), 0));
	flow_stop();
	flow_check_effects(200 - dead);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 200 - dead);
}
END_TEST

/* Once before, or twice among the parked. */
START_TEST(what_came_before_is_a_duplicate)
{
	park(30, 3);
	pg_run("INSERT INTO psymatch.inbox (consumer, event_id) SELECT "
	       "consumer, event_id FROM psymatch.parked WHERE \"offset\" IN "
	       "(3, 4, 20)");
	pg_run("UPDATE psymatch.parked AS p SET event_id = o.event_id, raw = "
	       "o.raw FROM psymatch.parked AS o WHERE p.key = o.key AND "
	       "p.\"offset\" IN (10, 11) AND o.\"offset\" = p.\"offset\" - 3");
	flow_start();
	wait_parked(0);
	flow_stop();
	flow_check_effects(25);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 25);
	ck_assert_int_eq(psm_processor_stat(pr, "duplicates"), 5);
}
END_TEST

/* A person's hold in the middle of a key is one. */
START_TEST(what_is_held_stops_its_key)
{
	park(40, 2);
	pg_run("UPDATE psymatch.parked SET state = 'held' WHERE id = (SELECT "
	       "id FROM psymatch.parked WHERE key = '1' ORDER BY id LIMIT 1 "
	       "OFFSET 4)");
	flow_start();
	wait_parked(16);
	flow_stop();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE key = 1"),
	                 4);
}
END_TEST

/* The next look finds one each time, and each time in vain. */
START_TEST(they_are_counted_while_they_are_due)
{
	char reason[300];

	plan = (struct flow_plan){.bad = 1, .times = -1, .rc = PSM_ERR_DB};
	park(1, 1);
	flow_start();
	PG_UNTIL(psm_processor_stat(pr, "parked_now") == 1 ||
	         (flow_retry_now(), 0));
	pg_run("INSERT INTO psymatch.parked (consumer, key, topic, state) "
	       "SELECT '%s', 'other', 't', 'held' FROM generate_series(1, 4)",
	       FLOW_NAME);
	PG_UNTIL(psm_processor_stat(pr, "parked_now") == 5 ||
	         (flow_retry_now(), 0));
	PG_UNTIL(psm_processor_health(pr, reason, sizeof reason) ==
	             PSM_HEALTH_AMBER &&
	         strstr(reason, "5 events are parked, 4 of them wait"));
	ck_assert_int_eq(psm__metric_get(psm__gauge("psymatch_processor_parked",
	                                            "consumer", FLOW_NAME, "")),
	                 5);
	pg_run("DELETE FROM psymatch.parked WHERE state = 'held'");
	PG_UNTIL(psm_processor_stat(pr, "parked_now") == 1 ||
	         (flow_retry_now(), 0));
	flow_stop();
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("parked_batches");
	TCase *tc = tcase_create("batches");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, flow_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_loop_test(tc, they_are_handled_in_batches, 0,
	                    PSM__COUNT(drained));
	tcase_add_loop_test(tc, a_failure_holds_its_key_alone, 0,
	                    PSM__COUNT(failures));
	tcase_add_test(tc, what_came_before_is_a_duplicate);
	tcase_add_test(tc, what_is_held_stops_its_key);
	tcase_add_test(tc, they_are_counted_while_they_are_due);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
