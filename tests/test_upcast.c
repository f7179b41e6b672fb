/* SPDX-License-Identifier: BSD-2-Clause */
/* Events that were parked or died under an old release of a program are handled
 * by a new one, which knows only the newer version of their payload. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include <psymatch/dead.h>

/* 1.0 to 1.1: n is counted from 1000. */
static int
renumber(const psm_event *old, psm_event **out, void *user, psm_error *e)
{
	char payload[64];

	(void)user;
	(void)snprintf(payload, sizeof payload, "{\"email_id\":%d,\"n\":%d}",
	               flow_member(old, "/email_id"),
	               flow_member(old, "/n") + 1000);
	return psm_event_upcast(old, "1.1", payload, strlen(payload), out, e);
}

/* A release of the program that handles this version; that of 1.1 makes it of
 * 1.0. */
static void
start(const char *version, int what)
{
	psm_handler_options *o = NULL;

	ck_assert_int_eq(psm_handler_options_new(&o, err), 0);
	ck_assert_int_eq(psm_handler_options_versions(o, version, version, err),
	                 0);
	ck_assert_int_eq(psm_handler_options_on_failure(o, what, 0, err), 0);
	ck_assert_int_eq(psm_processor_new(st, t, cfg, FLOW_NAME, &pr, err), 0);
	ck_assert_int_eq(psm_processor_subscribe(pr, FLOW_TOPIC, err), 0);
	ck_assert_int_eq(psm_processor_on_with(pr, "communication.send_email",
	                                       o, flow_handler, NULL, err),
	                 0);
	psm_handler_options_free(o);
	if (strcmp(version, "1.1") == 0)
		ck_assert_int_eq(
		    psm_processor_upcast(pr, "communication.send_email", "1.0",
		                         "1.1", renumber, NULL, err),
		    0);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
}

static void
stop(void)
{
	flow_stop();
	psm_processor_free(pr);
	pr = NULL;
}

static int64_t
count_parked(void)
{
	return pg_int("SELECT count(*) FROM psymatch.parked");
}

/* Event 2 and 3 of its key behind it wait while the program is replaced. */
START_TEST(c04_parked_events_are_upcast)
{
	plan = (struct flow_plan){.bad = 2, .times = -1, .rc = PSM_ERR_RETRY};
	flow_put(1, 1);
	flow_put(1, 2);
	flow_put(1, 3);
	start("1.0", PSM_ON_FAILURE_PARK);
	flow_wait_offset(3);
	stop();
	ck_assert_int_eq(count_parked(), 2);
	/* The new release. */
	flow_retry_now();
	start("1.1", PSM_ON_FAILURE_PARK);
	PG_UNTIL(count_parked() == 0);
	stop();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 3);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM effects WHERE n IN (1, 1002, 1003)"),
	    3);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM (SELECT n, lag(n) OVER "
	                        "(ORDER BY seq) AS before FROM effects) AS o "
	                        "WHERE before >= n"),
	                 0);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

/* Died, because no handler took its version; released to a program that does.
 */
START_TEST(c04_dead_events_are_upcast)
{
	int64_t id;

	flow_put(1, 1);
	start("1.2", PSM_ON_FAILURE_RETRY);
	flow_wait_offset(1);
	stop();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_letter "
	                        "WHERE code = 'PSM_ERR_VERSION'"),
	                 1);
	id = pg_int("SELECT id FROM psymatch.dead_letter");
	start("1.1", PSM_ON_FAILURE_RETRY);
	ck_assert_int_eq(psm_dead_release(st, PSM_DEAD_LETTERS, id, "anna",
	                                  "a new release", err),
	                 0);
	PG_UNTIL(pg_int("SELECT count(*) FROM effects WHERE n = 1001") == 1);
	stop();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 1);
	ck_assert_int_eq(count_parked(), 0);
	/* What was sent is kept as it came. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_letter "
	                        "WHERE convert_from(raw, 'UTF8') LIKE "
	                        "'%%\"version\":\"1.0\"%%'"),
	                 1);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("upcast");
	TCase *tc = tcase_create("upcast");

	(void)argc;
	pg_main(argv);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, flow_setup, flow_teardown);
	tcase_add_test(tc, c04_parked_events_are_upcast);
	tcase_add_test(tc, c04_dead_events_are_upcast);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
