/* SPDX-License-Identifier: BSD-2-Clause */
/* A processor all of whose events fail. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

/* What the handler returns for keys up to sick; changed under flow_lock. */
static int sick, code, calls;

static int
ailing(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int rc, planned;

	(void)user;
	(void)pthread_mutex_lock(&flow_lock);
	planned = flow_member(ev, "/email_id") <= sick ? code : 0;
	calls += planned != 0;
	(void)pthread_mutex_unlock(&flow_lock);
	if (planned == 0)
		return flow_handler(tx, ev, user, e);
	rc = flow_save(tx, ev, e);
	return rc < 0 ? rc : psm_error_set(e, planned, "as planned");
}

static void
set_sick(int keys, int what)
{
	(void)pthread_mutex_lock(&flow_lock);
	sick = keys;
	code = what;
	(void)pthread_mutex_unlock(&flow_lock);
}

static int
calls_so_far(void)
{
	int n;

	(void)pthread_mutex_lock(&flow_lock);
	n = calls;
	(void)pthread_mutex_unlock(&flow_lock);
	return n;
}

static void
start_with(int policy, int max_attempts)
{
	pr = flow_processor_with(policy, max_attempts, ailing);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
}

static int64_t
parked_rows(void)
{
	return pg_int("SELECT count(*) FROM psymatch.parked");
}

static int
is_red(const char *words)
{
	char reason[300];

	return psm_processor_health(pr, reason, sizeof reason) ==
	           PSM_HEALTH_RED &&
	       strstr(reason, words) != NULL;
}

static const struct {
	int policy, rc;
	const char *name;
} failures[] = {
    {PSM_ON_FAILURE_PARK, PSM_ERR_RETRY, "PSM_ERR_RETRY"},
    {PSM_ON_FAILURE_RETRY, PSM_ERR_REJECT, "PSM_ERR_REJECT"},
    {PSM_ON_FAILURE_REJECT, PSM_ERR_TIMEOUT, "PSM_ERR_TIMEOUT"},
};

/* Eight keys, all fail; nothing is parked, and all is well later. */
START_TEST(everything_fails_for_a_time)
{
	int n;

	set_sick(8, failures[_i].rc);
	for (n = 1; n <= 120; n++)
		flow_put(n % 8 + 1, n);
	start_with(failures[_i].policy, 0);
	PG_UNTIL(psm_processor_stat(pr, "breaker") == PSM__BREAKER_OPEN);
	ck_assert(is_red(failures[_i].name));
	ck_assert(is_red("communication.send_email"));
	/* Probes fail, one call each. */
	n = calls_so_far();
	ck_assert_int_ge(n, PSM__BREAKER_KEYS);
	PG_UNTIL(calls_so_far() >= n + 2);
	ck_assert_int_eq(parked_rows(), 0);
	ck_assert_int_eq(flow_dead_rows(), 0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.consumer_offset"), 0);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 0);
	set_sick(0, 0);
	flow_wait_offset(120);
	ck_assert_int_eq(psm_processor_stat(pr, "breaker"),
	                 PSM__BREAKER_CLOSED);
	PG_UNTIL(psm_processor_health(pr, NULL, 0) == PSM_HEALTH_GREEN);
	flow_stop();
	flow_check_effects(120);
	ck_assert_int_eq(parked_rows(), 0);
	ck_assert_int_eq(flow_dead_rows(), 0);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 120);
}
END_TEST

/* Workers commit by themselves: what one has parked before another one's
 * failure opens it stays aside, which is less than it takes to open it. */
START_TEST(everything_fails_for_all_workers)
{
	int n;

	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_PROCESSOR_WORKERS", "4", err), 0);
	set_sick(16, PSM_ERR_RETRY);
	for (n = 1; n <= 160; n++)
		flow_put(n % 16 + 1, n);
	start_with(PSM_ON_FAILURE_PARK, 0);
	PG_UNTIL(psm_processor_stat(pr, "breaker") == PSM__BREAKER_OPEN);
	n = calls_so_far();
	PG_UNTIL(calls_so_far() >= n + 2);
	ck_assert_int_lt(pg_int("SELECT count(DISTINCT key) FROM "
	                        "psymatch.parked"),
	                 PSM__BREAKER_KEYS);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 0);
	set_sick(0, 0);
	flow_wait_offset(160);
	PG_UNTIL(parked_rows() == 0 || (flow_retry_now(), 0));
	flow_stop();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 160);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT event_id) FROM effects"),
	                 160);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM (SELECT n, lag(n) OVER "
	                        "(PARTITION BY key ORDER BY seq) AS before "
	                        "FROM effects) AS o WHERE before >= n"),
	                 0);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

/* Few sick keys among many are the keys' affair. */
START_TEST(some_keys_fail)
{
	int n;

	set_sick(3, PSM_ERR_RETRY);
	for (n = 1; n <= 100; n++)
		flow_put(n % 20 + 1, n);
	start_with(PSM_ON_FAILURE_PARK, 0);
	flow_wait_offset(100);
	ck_assert_int_eq(parked_rows(), 15);
	ck_assert_int_eq(psm_processor_stat(pr, "rollbacks"), 0);
	flow_stop();
}
END_TEST

/* With fewer keys it takes a full window; what is committed cannot be undone.
 */
START_TEST(one_key_fails_one_at_a_time)
{
	int n;

	set_sick(1, PSM_ERR_REJECT);
	start_with(PSM_ON_FAILURE_RETRY, 0);
	for (n = 1; n < PSM__BREAKER_WINDOW; n++) {
		flow_put(1, n);
		flow_wait_offset(n);
	}
	ck_assert_int_eq(psm_processor_stat(pr, "breaker"),
	                 PSM__BREAKER_CLOSED);
	flow_put(1, n);
	PG_UNTIL(psm_processor_stat(pr, "breaker") == PSM__BREAKER_OPEN);
	flow_stop();
	ck_assert_int_eq(flow_dead_rows(), PSM__BREAKER_WINDOW - 1);
}
END_TEST

START_TEST(turned_off)
{
	int n;

	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_PROCESSOR_BREAKER", "false", err), 0);
	set_sick(8, PSM_ERR_REJECT);
	for (n = 1; n <= 60; n++)
		flow_put(n % 8 + 1, n);
	start_with(PSM_ON_FAILURE_RETRY, 0);
	flow_wait_offset(60);
	ck_assert_int_eq(flow_dead_rows(), 60);
	ck_assert_int_eq(psm_processor_stat(pr, "breaker"),
	                 PSM__BREAKER_CLOSED);
	flow_stop();
}
END_TEST

/* Unreadable messages of any number are dead, and what is behind them goes on.
 */
START_TEST(poison_does_not_open_it)
{
	char key[16];
	int n;

	for (n = 1; n <= 70; n++) {
		(void)snprintf(key, sizeof key, "%d", n);
		flow_put_raw(t, key, "{\"broken\":", 10);
	}
	flow_put(1, 1);
	start_with(PSM_ON_FAILURE_RETRY, 0);
	flow_wait_offset(71);
	flow_stop();
	flow_check_effects(1);
	ck_assert_int_eq(flow_dead_rows(), 70);
	ck_assert_int_eq(psm_processor_stat(pr, "rollbacks"), 0);
}
END_TEST

/* Poison between the events does not hide that all of these fail, and a probe
 * that turns out to be poison is followed by another one. */
START_TEST(poison_is_no_probe)
{
	int n;

	set_sick(8, PSM_ERR_RETRY);
	for (n = 1; n <= 20; n++) {
		flow_put_raw(t, "x", "nothing", 7);
		flow_put(n % 8 + 1, n);
	}
	start_with(PSM_ON_FAILURE_PARK, 0);
	PG_UNTIL(psm_processor_stat(pr, "breaker") == PSM__BREAKER_OPEN);
	PG_UNTIL(calls_so_far() >= 6);
	/* Only what stood before the probe is done. */
	ck_assert_int_eq(flow_dead_rows(), 1);
	ck_assert_int_eq(parked_rows(), 0);
	set_sick(0, 0);
	flow_wait_offset(40);
	flow_stop();
	flow_check_effects(20);
	ck_assert_int_eq(flow_dead_rows(), 20);
}
END_TEST

/* Parked while one event of a healthy key stood between any two of them; then
 * everything is sick, and they have two attempts left. */
START_TEST(retries_keep_their_attempts)
{
	int n, before;

	flow_retry_when_told();
	set_sick(8, PSM_ERR_RETRY);
	for (n = 1; n <= 16; n++)
		flow_put(n % 2 ? (n + 1) / 2 : 100, n);
	start_with(PSM_ON_FAILURE_PARK, 3);
	flow_wait_offset(16);
	ck_assert_int_eq(parked_rows(), 8);
	ck_assert_int_eq(psm_processor_stat(pr, "breaker"),
	                 PSM__BREAKER_CLOSED);
	set_sick(1000, PSM_ERR_RETRY);
	flow_retry_now();
	PG_UNTIL(psm_processor_stat(pr, "breaker") == PSM__BREAKER_OPEN);
	before = calls_so_far();
	flow_retry_now();
	PG_UNTIL(calls_so_far() >= before + 2);
	/* What failed in batches that were committed before it opened has used
	 * up one more, and that is less than opens it. */
	ck_assert_int_eq(flow_dead_rows(), 0);
	ck_assert_int_lt(
	    pg_int("SELECT count(*) FROM psymatch.parked WHERE attempts = 2"),
	    PSM__BREAKER_KEYS);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "attempts IN (1, 2)"),
	                 8);
	set_sick(0, 0);
	PG_UNTIL(parked_rows() == 0 || (flow_retry_now(), 0));
	flow_stop();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 16);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

static int64_t
metric(const char *name)
{
	return psm__metric_get(
	    psm__gauge(name, "consumer", FLOW_NAME, "as registered"));
}

START_TEST(metric_says_it)
{
	int n;

	set_sick(8, PSM_ERR_RETRY);
	for (n = 1; n <= 8; n++)
		flow_put(n, n);
	start_with(PSM_ON_FAILURE_PARK, 0);
	PG_UNTIL(metric("psymatch_processor_breaker") == PSM__BREAKER_OPEN);
	set_sick(0, 0);
	flow_wait_offset(8);
	PG_UNTIL(metric("psymatch_processor_breaker") == PSM__BREAKER_CLOSED);
	flow_stop();
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("processor_breaker");
	TCase *tc = tcase_create("breaker");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, flow_setup, flow_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_loop_test(tc, everything_fails_for_a_time, 0,
	                    (int)(sizeof failures / sizeof failures[0]));
	tcase_add_test(tc, everything_fails_for_all_workers);
	tcase_add_test(tc, some_keys_fail);
	tcase_add_test(tc, one_key_fails_one_at_a_time);
	tcase_add_test(tc, turned_off);
	tcase_add_test(tc, poison_does_not_open_it);
	tcase_add_test(tc, poison_is_no_probe);
	tcase_add_test(tc, retries_keep_their_attempts);
	tcase_add_test(tc, metric_says_it);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
