/* SPDX-License-Identifier: BSD-2-Clause */
/* Events that are parked, and what people release. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include <psymatch/dead.h>
#include <psymatch/producer.h>

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define STATE "a=1, b=\"2\""

/* pr with flow_handler and such options. */
static void
start_with(int policy, int max_attempts)
{
	pr = flow_processor_with(policy, max_attempts, flow_handler);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
}

static void
wait_parked(int n)
{
	ck_assert_int_eq(
	    pg_wait(n, 60000, "SELECT count(*) FROM psymatch.parked"), n);
}

static void
wait_effects(int n)
{
	ck_assert_int_eq(pg_wait(n, 60000, "SELECT count(*) FROM effects"), n);
}

/* Two keys in turn: odd numbers are key 1, even ones key 2. */
static void
put(int from, int to)
{
	int n;

	for (n = from; n <= to; n++)
		flow_put(n % 2 ? 1 : 2, n);
}

START_TEST(invariant_6_one_key_waits_others_go_on)
{
	plan = (struct flow_plan){.bad = 5, .times = 3, .rc = PSM_ERR_RETRY};
	flow_retry_when_told();
	put(1, 20);
	start_with(PSM_ON_FAILURE_PARK, 0);
	/* The partition did not wait: all of it is read. */
	flow_wait_offset(20);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE key = 2"),
	                 10);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE key = 1"),
	                 2);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.v_parked WHERE "
	                        "(place = 1) = (state = 'retry') AND (place = "
	                        "1) = (code IS NOT NULL) AND event_id IS NOT "
	                        "NULL AND type = 'communication.send_email'"),
	                 8);
	/* Later ones come behind them too. */
	put(21, 24);
	flow_wait_offset(24);
	wait_parked(10);
	flow_retry_now();
	PG_UNTIL(pg_int("SELECT max(attempts) FROM psymatch.parked") == 2);
	flow_retry_now();
	PG_UNTIL(pg_int("SELECT max(attempts) FROM psymatch.parked") == 3);
	flow_retry_now();
	wait_parked(0);
	wait_effects(24);
	put(25, 26);
	wait_effects(26);
	flow_stop();
	flow_check_effects(26);
	ck_assert_int_eq(flow_dead_rows(), 0);
	ck_assert_int_eq(psm_processor_stat(pr, "parked"), 10);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 26);
}
END_TEST

/* A try that cannot be committed did not happen, for the counts either. */
START_TEST(only_committed_tries_count)
{
	plan = (struct flow_plan){.bad = 1, .times = 1, .rc = PSM_ERR_RETRY};
	pg_run("CREATE SEQUENCE tries");
	pg_run("CREATE TABLE brake (on_it boolean)");
	pg_run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
	       "'BEGIN IF EXISTS (SELECT FROM brake) THEN PERFORM "
	       "nextval(''tries''); RAISE EXCEPTION USING ERRCODE = ''40001''; "
	       "END IF; RETURN NULL; END'");
	pg_run("CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON effects "
	       "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "
	       "refuse()");
	flow_retry_when_told();
	put(1, 2);
	start_with(PSM_ON_FAILURE_PARK, 0);
	flow_wait_offset(2);
	wait_parked(1);
	pg_run("INSERT INTO brake VALUES (true)");
	flow_retry_now();
	PG_UNTIL(pg_int("SELECT last_value FROM tries") >= 3 ||
	         (flow_retry_now(), 0));
	pg_run("DELETE FROM brake");
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.parked") == 0 ||
	         (flow_retry_now(), 0));
	flow_stop();
	flow_check_effects(2);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 2);
}
END_TEST

START_TEST(attempts_come_to_an_end)
{
	plan = (struct flow_plan){.bad = 3, .times = -1, .rc = PSM_ERR_RETRY};
	flow_retry_when_told();
	put(1, 10);
	start_with(PSM_ON_FAILURE_PARK, 2);
	flow_wait_offset(10);
	wait_parked(4);
	flow_retry_now();
	wait_parked(0);
	wait_effects(9);
	flow_stop();
	flow_check_effects(9);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_letter "
	                        "WHERE code = 'PSM_ERR_RETRY' AND attempts = 2 "
	                        "AND state = 'dead' AND reason = 'as planned' "
	                        "AND key = '1' AND convert_from(raw, 'UTF8') "
	                        "LIKE '%%\"n\":3}%%'"),
	                 1);
}
END_TEST

START_TEST(parked_events_outlive_the_processor)
{
	plan = (struct flow_plan){.bad = 1, .times = 1, .rc = PSM_ERR_RETRY};
	flow_retry_when_told();
	put(1, 6);
	start_with(PSM_ON_FAILURE_PARK, 0);
	flow_wait_offset(6);
	wait_parked(3);
	flow_stop();
	psm_processor_free(pr);
	flow_retry_now();
	start_with(PSM_ON_FAILURE_PARK, 0);
	wait_parked(0);
	flow_stop();
	flow_check_effects(6);
}
END_TEST

static void
set_times(int times)
{
	(void)pthread_mutex_lock(&flow_lock);
	plan.times = times;
	(void)pthread_mutex_unlock(&flow_lock);
}

START_TEST(held_until_released)
{
	char reason[300];
	int64_t id;

	plan = (struct flow_plan){.bad = 1, .times = -1, .rc = PSM_ERR_RETRY};
	put(1, 6);
	start_with(PSM_ON_FAILURE_PARK, 0);
	flow_wait_offset(6);
	wait_parked(3);
	PG_UNTIL(psm_processor_stat(pr, "parked_now") == 3);
	id = pg_int("UPDATE psymatch.parked SET state = 'held' WHERE id = "
	            "(SELECT min(id) FROM psymatch.parked) RETURNING id");
	set_times(0);
	flow_retry_now();
	put(7, 8);
	flow_wait_offset(8);
	wait_parked(4);
	/* Those behind it had their chance. */
	PG_UNTIL(pg_int("SELECT count(*) FROM effects WHERE n = 8") == 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE key = 1"),
	                 0);
	PG_UNTIL(psm_processor_health(pr, reason, sizeof reason) ==
	             PSM_HEALTH_AMBER &&
	         strstr(reason, "4 events are parked, 1 of them waits"));
	ck_assert_int_eq(
	    psm_dead_release(st, PSM_DEAD_PARKED, id, "anna", "why", err), 0);
	wait_parked(0);
	PG_UNTIL(psm_processor_health(pr, reason, sizeof reason) ==
	         PSM_HEALTH_GREEN);
	flow_stop();
	flow_check_effects(8);
}
END_TEST

START_TEST(skipped_lets_the_others_go)
{
	plan = (struct flow_plan){.bad = 1, .times = -1, .rc = PSM_ERR_RETRY};
	put(1, 6);
	start_with(PSM_ON_FAILURE_PARK, 0);
	flow_wait_offset(6);
	wait_parked(3);
	ck_assert_int_eq(
	    psm_dead_skip(st, PSM_DEAD_PARKED,
	                  pg_int("SELECT min(id) FROM psymatch.parked"), "anna",
	                  "why", err),
	    0);
	wait_parked(0);
	flow_stop();
	flow_check_effects(5);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.v_dead WHERE "
	                        "state = 'skipped'"),
	                 1);
}
END_TEST

/* Dead, then handled when the handler was repaired; and not twice. */
START_TEST(released_letter_is_handled_once)
{
	char id[40];
	int64_t row;

	plan = (struct flow_plan){.bad = 4, .times = 1, .rc = PSM_ERR_REJECT};
	ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
	put(1, 3);
	flow_put_to(t, 2, 4, id);
	put(5, 6);
	start_with(PSM_ON_FAILURE_RETRY, 0);
	flow_wait_offset(6);
	row = pg_int("SELECT id FROM psymatch.dead_letter");
	ck_assert_int_eq(psm_store_wait_handled(st, id, FLOW_NAME, 0, err),
	                 PSM_ERR_REJECT);
	ck_assert_int_eq(
	    psm_dead_release(st, PSM_DEAD_LETTERS, row, "anna", "why", err), 0);
	ck_assert_int_eq(psm_store_wait_handled(st, id, FLOW_NAME, 60000, err),
	                 0);
	wait_parked(0);
	/* As if it had been handled by another way in the meantime. */
	pg_run("UPDATE psymatch.dead_letter SET state = 'dead'");
	ck_assert_int_eq(
	    psm_dead_release(st, PSM_DEAD_LETTERS, row, "anna", "why", err), 0);
	wait_parked(0);
	flow_stop();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 6);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE event_id "
	                        "= '%s'",
	                        id),
	                 1);
	ck_assert_int_eq(psm_processor_stat(pr, "duplicates"), 1);
}
END_TEST

START_TEST(edited_letter_is_handled)
{
	char *text = flow_event(2, 2, NULL, "1.0");
	int64_t row;

	put(1, 1);
	flow_put_raw(t, "2", "{\"broken\":", 10);
	start_with(PSM_ON_FAILURE_RETRY, 0);
	flow_wait_offset(2);
	row = pg_int("SELECT id FROM psymatch.dead_letter");
	/* As it is it dies again, as a letter of its own. */
	ck_assert_int_eq(
	    psm_dead_release(st, PSM_DEAD_LETTERS, row, "anna", "why", err), 0);
	PG_UNTIL(flow_dead_rows() == 2);
	wait_parked(0);
	row = pg_int("SELECT max(id) FROM psymatch.dead_letter");
	ck_assert_int_eq(psm_dead_edit(st, PSM_DEAD_LETTERS, row, text,
	                               strlen(text), "anna", "why", err),
	                 0);
	ck_assert_int_eq(
	    psm_dead_release(st, PSM_DEAD_LETTERS, row, "anna", "why", err), 0);
	wait_effects(2);
	flow_stop();
	flow_check_effects(2);
	free(text);
}
END_TEST

/* Looking for one that is due reads no row of those that wait behind another
 * one of their key, however many they are. */
START_TEST(what_waits_costs_nothing)
{
	const char *types[] = {"communication.send_email"};
	struct psm__parked_whose whose = {FLOW_NAME, types, 1};
	struct psm__parked_list list = {0};
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;

	pg_run("INSERT INTO psymatch.parked (consumer, key, topic, state, "
	       "next_at) SELECT '" FLOW_NAME "', (n %% 20)::text, 't', CASE "
	       "WHEN n <= 20 THEN 'retry' ELSE 'waiting' END, now() + CASE "
	       "WHEN n <= 20 THEN interval '1 hour' ELSE interval '0' END "
	       "FROM generate_series(1, 5000) AS n; ANALYZE psymatch.parked");
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm__parked_pick(tx, &whose, 50, &list, err), 0);
	psm__parked_free(&list);
	ck_assert_int_eq(
	    psm_tx_exec(tx,
	                "SELECT coalesce(seq_tup_read, 0) + coalesce("
	                "idx_tup_fetch, 0) FROM pg_stat_xact_user_tables "
	                "WHERE relid = 'psymatch.parked'::regclass",
	                0, NULL, &rows, err),
	    0);
	ck_assert_uint_eq(psm_rows_count(rows), 1);
	ck_assert_int_lt(psm_rows_int(rows, 0, 0), 50);
	psm_rows_free(rows);
	psm_tx_rollback(tx);
}
END_TEST

/* -- as many as may be */

/* By one worker, so that nothing behind the partition's stop is handled. */
static void
limit(const char *setting, const char *value)
{
	ck_assert_int_eq(psm_config_set(cfg, setting, value, err), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_PROCESSOR_WORKERS", "1", err), 0);
}

static int
is_full(const char *words)
{
	char reason[300];

	return psm_processor_stat(pr, "full") == 1 &&
	       psm_processor_health(pr, reason, sizeof reason) ==
	           PSM_HEALTH_RED &&
	       strstr(reason, words) != NULL;
}

START_TEST(partition_waits_for_room_of_a_key)
{
	limit("PSYMATCH_PARKED_KEY_MAX", "3");
	plan = (struct flow_plan){.bad = 1, .times = -1, .rc = PSM_ERR_RETRY};
	put(1, 20);
	start_with(PSM_ON_FAILURE_PARK, 0);
	/* 1, 3 and 5 are parked, 7 waits and all behind it. */
	PG_UNTIL(is_full(FLOW_TOPIC "[0]: 3 events of one key are parked"));
	ck_assert_int_eq(pg_int("SELECT sum(next) FROM "
	                        "psymatch.consumer_offset"),
	                 6);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 3);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 3);
	ck_assert_int_eq(psm__metric_get(psm__gauge("psymatch_processor_full",
	                                            "consumer", FLOW_NAME, "")),
	                 1);
	set_times(0);
	flow_retry_now();
	flow_wait_offset(20);
	wait_parked(0);
	ck_assert_int_eq(psm_processor_stat(pr, "full"), 0);
	PG_UNTIL(psm_processor_health(pr, NULL, 0) == PSM_HEALTH_GREEN);
	flow_stop();
	flow_check_effects(20);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

/* Fails for every key but 9 while sick. */
static int sick = 1;

static int
picky(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int rc;

	(void)pthread_mutex_lock(&flow_lock);
	rc = sick && flow_member(ev, "/email_id") != 9 ? PSM_ERR_RETRY : 0;
	(void)pthread_mutex_unlock(&flow_lock);
	return rc ? psm_error_set(e, rc, "as planned")
	          : flow_handler(tx, ev, user, e);
}

START_TEST(partition_waits_for_room_of_keys)
{
	int64_t before;
	int n;

	limit("PSYMATCH_PARKED_KEYS_MAX", "4");
	flow_retry_when_told();
	for (n = 1; n <= 20; n++)
		flow_put(n % 2 ? 9 : n / 2 % 7 + 1, n);
	pr = flow_processor_with(PSM_ON_FAILURE_PARK, 4, picky);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	PG_UNTIL(is_full(FLOW_TOPIC "[0]: 4 keys have parked events"));
	/* The one that waits is tried more often than the handler allows, which
	 * uses no attempts up. */
	before = psm_processor_stat(pr, "retried");
	PG_UNTIL(psm_processor_stat(pr, "retried") >= before + 5);
	ck_assert_int_eq(pg_int("SELECT sum(next) FROM "
	                        "psymatch.consumer_offset"),
	                 9);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 4);
	ck_assert_int_eq(flow_dead_rows(), 0);
	(void)pthread_mutex_lock(&flow_lock);
	sick = 0;
	(void)pthread_mutex_unlock(&flow_lock);
	flow_retry_now();
	flow_wait_offset(20);
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.parked") == 0 ||
	         (flow_retry_now(), 0));
	ck_assert_int_eq(psm_processor_stat(pr, "full"), 0);
	flow_stop();
	flow_check_effects(20);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

/* Counting keys reads one row of each, and no more than the limit. */
START_TEST(counting_keys_is_bounded)
{
	int64_t keys = 0, events = 0;
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;

	pg_run("INSERT INTO psymatch.parked (consumer, key, topic, state) "
	       "SELECT '" FLOW_NAME "', (n %% 20)::text, 't', CASE WHEN n <= "
	       "20 THEN 'held' ELSE 'waiting' END FROM generate_series(1, "
	       "5000) AS n; ANALYZE psymatch.parked");
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm__parked_keys(tx, FLOW_NAME, 100, &keys, err), 0);
	ck_assert_int_eq(keys, 20);
	ck_assert_int_eq(
	    psm__parked_of_key(tx, FLOW_NAME, "7", 1, 30, &events, err), 0);
	ck_assert_int_eq(events, 30);
	ck_assert_int_eq(
	    psm_tx_exec(tx,
	                "SELECT coalesce(seq_tup_read, 0) + coalesce("
	                "idx_tup_fetch, 0) FROM pg_stat_xact_user_tables "
	                "WHERE relid = 'psymatch.parked'::regclass",
	                0, NULL, &rows, err),
	    0);
	ck_assert_int_lt(psm_rows_int(rows, 0, 0), 100);
	psm_rows_free(rows);
	psm_tx_rollback(tx);
}
END_TEST

START_TEST(emitted_event_knows_its_cause)
{
	char id[40];

	ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
	flow_put_to(t, 1, 1, id);
	start_with(PSM_ON_FAILURE_RETRY, 0);
	wait_effects(1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox WHERE "
	                        "headers->>'causation_id' = '%s' AND "
	                        "headers->>'correlation_id' = '%s'",
	                        id, id),
	                 1);
}
END_TEST

static void
put_traced(void)
{
	char *text = flow_event(1, 1, NULL, "1.0");
	psm_producer *p = NULL;
	psm_event *ev = NULL;

	ck_assert_int_eq(psm_event_parse(text, strlen(text), &ev, err), 0);
	ck_assert_int_eq(psm_event_set_trace(ev, psm_event_id(ev),
	                                     psm_event_id(ev), TRACE, err),
	                 0);
	ck_assert_int_eq(psm_event_set_tracestate(ev, STATE, err), 0);
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", "none", err),
	                 0);
	ck_assert_int_eq(psm_producer_new(t, cfg, &p, err), 0);
	ck_assert_int_eq(psm_producer_start(p, err), 0);
	ck_assert_int_eq(psm_producer_send(p, FLOW_TOPIC, ev, err), 0);
	ck_assert_int_eq(psm_producer_close(p, 60000, NULL, err), 0);
	psm_producer_free(p);
	psm_event_free(ev);
	free(text);
}

#define TRACED                                                                 \
	"headers->>'traceparent' = '" TRACE "' AND headers->>'tracestate' = "  \
	"'" STATE "' AND headers->>'causation_id' IS NOT NULL AND "            \
	"headers->>'correlation_id' IS NOT NULL"

/* From the record into the parked row, and from there into the dead one. */
START_TEST(rows_keep_the_trace)
{
	plan = (struct flow_plan){.bad = 1, .times = -1, .rc = PSM_ERR_RETRY};
	flow_retry_when_told();
	put_traced();
	start_with(PSM_ON_FAILURE_PARK, 0);
	wait_parked(1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.parked WHERE " TRACED), 1);
	(void)pthread_mutex_lock(&flow_lock);
	plan.rc = PSM_ERR_REJECT;
	(void)pthread_mutex_unlock(&flow_lock);
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.parked") == 0 ||
	         (flow_retry_now(), 0));
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE " TRACED),
	    1);
}
END_TEST

/* The same as serially, whatever failed when. */
START_TEST(order_of_each_key_is_kept)
{
	unsigned seed = 7;
	int n;

	for (n = 1; n <= 150; n++)
		flow_put((int)(rand_r(&seed) % 8) + 1, n);
	plan = (struct flow_plan){.bad = 20, .times = 2, .rc = PSM_ERR_RETRY};
	start_with(PSM_ON_FAILURE_PARK, 0);
	flow_wait_offset(150);
	for (n = 40; n <= 140; n += 20) {
		PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.parked") == 0 ||
		         (flow_retry_now(), 0));
		(void)pthread_mutex_lock(&flow_lock);
		plan.bad = 200 + n;
		plan.seen = 0;
		(void)pthread_mutex_unlock(&flow_lock);
		flow_put(n % 8 + 1, 200 + n);
		flow_put(n % 8 + 1, 201 + n);
		flow_put((n + 1) % 8 + 1, 202 + n);
	}
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == 168 ||
	         (flow_retry_now(), 0));
	wait_parked(0);
	flow_stop();
	flow_check_effects(168);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("parked");
	TCase *tc = tcase_create("parked");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, flow_setup, flow_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, invariant_6_one_key_waits_others_go_on);
	tcase_add_test(tc, only_committed_tries_count);
	tcase_add_test(tc, attempts_come_to_an_end);
	tcase_add_test(tc, parked_events_outlive_the_processor);
	tcase_add_test(tc, held_until_released);
	tcase_add_test(tc, skipped_lets_the_others_go);
	tcase_add_test(tc, released_letter_is_handled_once);
	tcase_add_test(tc, edited_letter_is_handled);
	tcase_add_test(tc, what_waits_costs_nothing);
	tcase_add_test(tc, partition_waits_for_room_of_a_key);
	tcase_add_test(tc, partition_waits_for_room_of_keys);
	tcase_add_test(tc, counting_keys_is_bounded);
	tcase_add_test(tc, emitted_event_knows_its_cause);
	tcase_add_test(tc, rows_keep_the_trace);
	tcase_add_test(tc, order_of_each_key_is_kept);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
