/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a handler's statements may take, and whose turn it is when a parked
 * event fails with the system. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

static psm_handler_options *
options(int policy, int deadline_ms)
{
	psm_handler_options *o;

	ck_assert_int_eq(psm_handler_options_new(&o, err), 0);
	ck_assert_int_eq(psm_handler_options_on_failure(o, policy, 0, err), 0);
	ck_assert_int_eq(psm_handler_options_deadline(o, deadline_ms, err), 0);
	return o;
}

/* A handler for the versions from min to max (NULL: all). */
static void
handle_with(psm_handler_options *o, const char *min, const char *max,
            psm_tx_event_fn fn)
{
	ck_assert_int_eq(psm_handler_options_versions(o, min, max, err), 0);
	ck_assert_int_eq(psm_processor_on_with(pr, "communication.send_email",
	                                       o, fn, NULL, err),
	                 0);
	psm_handler_options_free(o);
}

static void
make(void)
{
	ck_assert_int_eq(psm_processor_new(st, t, cfg, FLOW_NAME, &pr, err), 0);
	ck_assert_int_eq(psm_processor_subscribe(pr, FLOW_TOPIC, err), 0);
}

/* -- the deadline */

/* Number 2 waits in the database until somebody has mercy. */
static int
slow(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int rc = flow_handler(tx, ev, user, e);

	if (rc == 0 && flow_member(ev, "/n") == 2)
		rc = psm_tx_exec(tx,
		                 "SELECT pg_sleep(300) FROM effects WHERE NOT "
		                 "EXISTS (SELECT FROM mercy)",
		                 0, NULL, NULL, e);
	return rc;
}

START_TEST(statement_ends_at_the_deadline)
{
	int n;

	pg_run("CREATE TABLE mercy (x integer)");
	for (n = 1; n <= 4; n++)
		flow_put(n, n);
	make();
	handle_with(options(PSM_ON_FAILURE_PARK, 1000), NULL, NULL, slow);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(4);
	/* The event's failure, not the system's. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "last_code = 'PSM_ERR_TIMEOUT' AND key = '2'"),
	                 1);
	ck_assert_int_eq(psm_processor_stat(pr, "rollbacks"), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 3);
	pg_run("INSERT INTO mercy VALUES (1)");
	flow_retry_now();
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == 4);
	flow_stop();
	flow_check_effects(4);
}
END_TEST

/* What the server is told, before and after a statement failed. */
static int
note_limit(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int rc = flow_handler(tx, ev, user, e);

	if (rc == 0)
		rc = psm_tx_exec(tx,
		                 "INSERT INTO limits SELECT max(n), "
		                 "current_setting('statement_timeout') FROM "
		                 "effects",
		                 0, NULL, NULL, e);
	return rc;
}

static void
put_version(int n, const char *version)
{
	char *text = flow_event(1, n, NULL, version);

	flow_put_raw(t, "1", text, strlen(text));
	free(text);
}

START_TEST(each_handler_has_its_own)
{
	char *text;

	pg_run("CREATE TABLE limits (n integer, what text)");
	plan = (struct flow_plan){.bad = 3, .times = 1, .rc = PSM_ERR_RETRY};
	put_version(1, "1.0");
	put_version(2, "1.1");
	put_version(3, "1.2");
	put_version(4, "1.1");
	put_version(5, "1.0");
	put_version(6, "1.2");
	make();
	handle_with(options(PSM_ON_FAILURE_RETRY, 5000), "1.0", "1.0",
	            note_limit);
	handle_with(options(PSM_ON_FAILURE_RETRY, 30000), "1.1", "1.1",
	            note_limit);
	handle_with(options(PSM_ON_FAILURE_RETRY, 0), "1.2", "1.2", note_limit);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(6);
	flow_stop();
	flow_check_effects(6);
	text = pg_text("SELECT string_agg(what, ' ' ORDER BY n) FROM limits");
	ck_assert_str_eq(text, "5s 30s 0 30s 5s 0");
	free(text);
}
END_TEST

/* -- whose turn it is */

static int healthy; /* key 1 fails with the system's code until it is set */

static int
times_seen(void)
{
	int n;

	(void)pthread_mutex_lock(&flow_lock);
	n = plan.seen;
	(void)pthread_mutex_unlock(&flow_lock);
	return n;
}

static int
moody(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int rc = 0;

	(void)pthread_mutex_lock(&flow_lock);
	if (plan.block) /* the first time */
		rc = PSM_ERR_RETRY;
	else if (flow_member(ev, "/email_id") == 1 && !healthy)
		rc = PSM_ERR_DB;
	plan.seen += rc == PSM_ERR_DB;
	(void)pthread_mutex_unlock(&flow_lock);
	return rc ? psm_error_set(e, rc, "as planned")
	          : flow_handler(tx, ev, user, e);
}

START_TEST(system_failure_of_one_lets_others_go)
{
	int n;

	plan.block = 1;
	for (n = 1; n <= 3; n++)
		flow_put(n, n);
	make();
	handle_with(options(PSM_ON_FAILURE_PARK, 30000), NULL, NULL, moody);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(3);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 3);
	(void)pthread_mutex_lock(&flow_lock);
	plan.block = 0;
	(void)pthread_mutex_unlock(&flow_lock);
	/* Key 1 comes first, by its time. */
	pg_run("UPDATE psymatch.parked SET next_at = now() - interval '1 day' "
	       "WHERE key = '1'");
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == 2);
	PG_UNTIL(times_seen() >= 1);
	/* No attempt was used up, and it was not parked for a person. */
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.parked WHERE key = '1' "
	                "AND state = 'retry' AND next_at > now() - interval '1 "
	                "hour'") == 1);
	(void)pthread_mutex_lock(&flow_lock);
	healthy = 1;
	(void)pthread_mutex_unlock(&flow_lock);
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == 3 ||
	         (flow_retry_now(), 0));
	flow_stop();
	flow_check_effects(3);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("processor_limits");
	TCase *tc = tcase_create("limits");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, flow_setup, flow_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, statement_ends_at_the_deadline);
	tcase_add_test(tc, each_handler_has_its_own);
	tcase_add_test(tc, system_failure_of_one_lets_others_go);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
