/* SPDX-License-Identifier: BSD-2-Clause */
/* Handlers that do not wait for the answers to their statements: what fails is
 * parked, counted and tried again as it is with those that do. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include <psymatch/replay.h>

#define SCHEMA "23514"
#define CONFLICT "23505"
#define TIMEOUT "57014"

/* The event n, and those of keys up to keys, fail with a statement that the
 * server refuses with state; changed under flow_lock. */
static struct ill {
	int keys, n;
	const char *state;
} ill;
static int eager; /* it waits for the answers */
/* Calls that were to fail, and those of them while the breaker was closed;
 * __atomic */
static int failed_calls, unguarded_calls;

static void
fall_ill(struct ill how)
{
	(void)pthread_mutex_lock(&flow_lock);
	ill = how;
	(void)pthread_mutex_unlock(&flow_lock);
	__atomic_store_n(&failed_calls, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&unguarded_calls, 0, __ATOMIC_RELAXED);
}

static int
run(psm_tx *tx, const char *sql, size_t count, const char *const *params,
    psm_error *e)
{
	return eager ? psm_tx_exec(tx, sql, count, params, NULL, e)
	             : psm_tx_queue(tx, sql, count, params, e);
}

static int
on_event(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	char key[16], n[16];
	const char *params[] = {psm_event_id(ev), key, n}, *state;
	int rc;

	(void)user;
	(void)snprintf(key, sizeof key, "%d", flow_member(ev, "/email_id"));
	(void)snprintf(n, sizeof n, "%d", flow_member(ev, "/n"));
	(void)pthread_mutex_lock(&flow_lock);
	state = atoi(key) <= ill.keys || atoi(n) == ill.n ? ill.state : NULL;
	(void)pthread_mutex_unlock(&flow_lock);
	rc = run(tx,
	         "INSERT INTO effects (event_id, key, n) VALUES "
	         "($1::uuid, $2::integer, $3::integer)",
	         3, params, e);
	if (rc < 0 || !state)
		return rc;
	(void)__atomic_add_fetch(&failed_calls, 1, __ATOMIC_RELAXED);
	if (pr && psm_processor_stat(pr, "breaker") == PSM__BREAKER_CLOSED)
		(void)__atomic_add_fetch(&unguarded_calls, 1, __ATOMIC_RELAXED);
	return run(tx, "SELECT refuse($1)", 1, &state, e);
}

static void
setup(void)
{
	flow_setup();
	eager = 0;
	fall_ill((struct ill){0});
	pg_run("CREATE FUNCTION refuse(text) RETURNS void LANGUAGE plpgsql AS "
	       "'BEGIN RAISE EXCEPTION USING ERRCODE = $1; END'");
}

static void
start_with(int policy)
{
	pr = flow_processor_with(policy, 0, on_event);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
}

static int
is_breaker(enum psm__breaker_state state)
{
	return psm_processor_stat(pr, "breaker") == (int)state;
}

static int64_t
parked_rows(const char *where)
{
	return pg_int("SELECT count(*) FROM psymatch.parked WHERE %s", where);
}

/* So many, each once, in the order of each key. */
static void
check_rows(int count)
{
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), count);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT event_id) FROM effects"),
	                 count);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM (SELECT n, lag(n) OVER "
	                        "(PARTITION BY key ORDER BY seq) AS before "
	                        "FROM effects) AS o WHERE before >= n"),
	                 0);
}

/* -- parked */

START_TEST(parked_and_tried_again)
{
	int n;

	for (n = 1; n <= 20; n++)
		flow_put(n % 2 ? 1 : 2, n);
	fall_ill((struct ill){.keys = 1, .state = TIMEOUT});
	start_with(PSM_ON_FAILURE_PARK);
	flow_wait_offset(20);
	ck_assert_int_eq(parked_rows("state = 'retry' AND last_code = "
	                             "'PSM_ERR_TIMEOUT'"),
	                 1);
	ck_assert_int_eq(parked_rows("state = 'waiting'"), 9);
	check_rows(10);
	/* Fails again when it has its turn. */
	PG_UNTIL(parked_rows("attempts >= 3") == 1 || (flow_retry_now(), 0));
	check_rows(10);
	ck_assert_int_eq(parked_rows("true"), 10);
	/* Then for good, and those that waited behind it go on. */
	fall_ill((struct ill){.n = 1, .state = SCHEMA});
	PG_UNTIL(parked_rows("true") == 0 || (flow_retry_now(), 0));
	flow_stop();
	check_rows(19);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_letter "
	                        "WHERE \"offset\" = 0 AND code = "
	                        "'PSM_ERR_SCHEMA'"),
	                 1);
	ck_assert_int_eq(flow_dead_rows(), 1);
}
END_TEST

/* -- the breaker */

static const struct {
	int eager, policy;
	const char *state;
} deploys[] = {
    {1, PSM_ON_FAILURE_RETRY, SCHEMA},
    {0, PSM_ON_FAILURE_RETRY, SCHEMA},
    {1, PSM_ON_FAILURE_PARK, TIMEOUT},
    {0, PSM_ON_FAILURE_PARK, TIMEOUT},
};

/* Nothing can be rolled back of what failed before. */
START_TEST(all_fail_one_at_a_time)
{
	int n;

	eager = deploys[_i].eager;
	fall_ill((struct ill){.keys = 100, .state = deploys[_i].state});
	start_with(deploys[_i].policy);
	for (n = 1; n < PSM__BREAKER_KEYS; n++) {
		flow_put(n, n);
		flow_wait_offset(n);
	}
	ck_assert(is_breaker(PSM__BREAKER_CLOSED));
	flow_put(n, n);
	PG_UNTIL(is_breaker(PSM__BREAKER_OPEN));
	/* Others fare no better. */
	n = __atomic_load_n(&failed_calls, __ATOMIC_RELAXED);
	flow_put(6, 6);
	PG_UNTIL(__atomic_load_n(&failed_calls, __ATOMIC_RELAXED) >= n + 4);
	flow_stop();
	ck_assert_int_eq(flow_dead_rows() + parked_rows("true"),
	                 PSM__BREAKER_KEYS - 1);
	ck_assert_int_eq(pg_int("SELECT next FROM psymatch.consumer_offset"),
	                 PSM__BREAKER_KEYS - 1);
}
END_TEST

START_TEST(all_fail_in_a_batch)
{
	int n;

	fall_ill((struct ill){.keys = 8, .state = SCHEMA});
	for (n = 1; n <= 120; n++)
		flow_put(n % 8 + 1, n);
	start_with(PSM_ON_FAILURE_RETRY);
	PG_UNTIL(is_breaker(PSM__BREAKER_OPEN));
	n = __atomic_load_n(&failed_calls, __ATOMIC_RELAXED);
	PG_UNTIL(__atomic_load_n(&failed_calls, __ATOMIC_RELAXED) >= n + 4);
	ck_assert_int_eq(flow_dead_rows(), 0);
	fall_ill((struct ill){0});
	flow_wait_offset(120);
	ck_assert(is_breaker(PSM__BREAKER_CLOSED));
	flow_stop();
	check_rows(120);
	ck_assert_int_eq(flow_dead_rows(), 0);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 120);
}
END_TEST

/* It says nothing about the cause; the next one is the probe. */
START_TEST(probe_fails_in_another_way)
{
	int n;

	fall_ill((struct ill){.keys = 8, .state = SCHEMA});
	for (n = 1; n <= 40; n++)
		flow_put(n % 8 + 1, n);
	start_with(PSM_ON_FAILURE_RETRY);
	PG_UNTIL(is_breaker(PSM__BREAKER_OPEN));
	fall_ill((struct ill){.keys = 8, .state = CONFLICT});
	PG_UNTIL(__atomic_load_n(&failed_calls, __ATOMIC_RELAXED) >=
	         2 * PSM__BREAKER_KEYS + 2);
	flow_stop();
	ck_assert_int_eq(unguarded_calls, 0);
	ck_assert_int_eq(flow_dead_rows(), PSM__BREAKER_KEYS - 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_letter "
	                        "WHERE code = 'PSM_ERR_CONFLICT'"),
	                 PSM__BREAKER_KEYS - 1);
}
END_TEST

/* One key fails, event after event; between them others are handled. */
START_TEST(what_is_handled_counts)
{
	int n;

	fall_ill((struct ill){.keys = 8, .state = SCHEMA});
	start_with(PSM_ON_FAILURE_RETRY);
	for (n = 1; n <= 16; n++) {
		flow_put(n % 2 ? 100 : n / 2, n);
		flow_wait_offset(n);
	}
	ck_assert(is_breaker(PSM__BREAKER_CLOSED));
	flow_stop();
	check_rows(8);
	ck_assert_int_eq(flow_dead_rows(), 8);
}
END_TEST

/* -- a replay */

static psm_replay *r;

static int
replay(void)
{
	psm_processor *p = flow_processor(st, t, on_event);
	int rc = psm_processor_replay(p, r, 10000, err);

	psm_processor_free(p);
	return rc;
}

START_TEST(replayed)
{
	int n;

	for (n = 1; n <= 120; n++)
		flow_put(n % 8 + 1, n);
	fall_ill((struct ill){.n = 70, .state = SCHEMA});
	ck_assert_int_eq(psm_replay_new(t, FLOW_TOPIC, &r, err), 0);
	ck_assert_int_eq(psm_replay_into_live(r, err), 0);
	ck_assert_int_eq(replay(), PSM_ERR_SCHEMA);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), FLOW_TOPIC "[0]:69"));
	check_rows(69);
	ck_assert_int_eq(psm_replay_max_failures(r, 1, err), 0);
	ck_assert_int_eq(replay(), 0);
	ck_assert_int_eq(psm_replay_stat(r, "failed"), 1);
	ck_assert_int_eq(psm_replay_stat(r, "handled"), 50);
	check_rows(119);
	fall_ill((struct ill){0});
	ck_assert_int_eq(replay(), 0);
	ck_assert_int_eq(psm_replay_stat(r, "handled"), 1);
	ck_assert_int_eq(psm_replay_stat(r, "duplicates"), 119);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT n) FROM effects"), 120);
	psm_replay_free(r);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("processor_queue");
	TCase *tc = tcase_create("queue");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, flow_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, parked_and_tried_again);
	tcase_add_loop_test(tc, all_fail_one_at_a_time, 0,
	                    (int)(sizeof deploys / sizeof deploys[0]));
	tcase_add_test(tc, all_fail_in_a_batch);
	tcase_add_test(tc, probe_fails_in_another_way);
	tcase_add_test(tc, what_is_handled_counts);
	tcase_add_test(tc, replayed);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
