/* SPDX-License-Identifier: BSD-2-Clause */
/* Parked events whose handler is not there, or whose upcaster fails. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include <psymatch/dead.h>

#define SEND "communication.send_email"
#define ANSWERED "email.response_received"
#define ALIAS "communication.email_response_received" /* of it */

static psm_handler_options *options;

static void
setup(void)
{
	flow_setup();
	options = NULL;
	ck_assert_int_eq(psm_handler_options_new(&options, err), 0);
	ck_assert_int_eq(psm_handler_options_on_failure(
			     options, PSM_ON_FAILURE_PARK, 0, err),
	                 0);
}

static void
teardown(void)
{
	psm_handler_options_free(options);
	flow_teardown();
}

/* A release of the program that handles this type alone. */
static void
make(const char *type)
{
	ck_assert_int_eq(psm_processor_new(st, t, cfg, FLOW_NAME, &pr, err), 0);
	ck_assert_int_eq(psm_processor_subscribe(pr, FLOW_TOPIC, err), 0);
	ck_assert_int_eq(
	    psm_processor_on_with(pr, type, options, flow_handler, NULL, err),
	    0);
}

static void
start(const char *type)
{
	make(type);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
}

static void
stop(void)
{
	flow_stop();
	psm_processor_free(pr);
	pr = NULL;
}

static void
put_type(int key, int n, const char *type)
{
	char *text = flow_event(key, n, NULL, "1.0"), *at = strstr(text, SEND);
	char name[16], *other = NULL;
	int len;

	len = asprintf(&other, "%.*s%s%s", (int)(at - text), text, type,
	               at + strlen(SEND));
	ck_assert_int_gt(len, 0);
	(void)snprintf(name, sizeof name, "%d", key);
	flow_put_raw(t, name, other, (size_t)len);
	free(other);
	free(text);
}

static void
wait_parked(int n)
{
	ck_assert_int_eq(
	    pg_wait(n, 60000, "SELECT count(*) FROM psymatch.parked"), n);
}

static int
is_amber(const char *words)
{
	char reason[300];

	return psm_processor_health(pr, reason, sizeof reason) ==
	           PSM_HEALTH_AMBER &&
	       strstr(reason, words) != NULL;
}

/* Two keys, the first event of key 1 fails once: 2 events are parked. */
static void
park_two(void)
{
	plan = (struct flow_plan){.bad = 1, .times = 1, .rc = PSM_ERR_RETRY};
	flow_retry_when_told();
	flow_put(1, 1);
	flow_put(2, 2);
	flow_put(1, 3);
	start(SEND);
	flow_wait_offset(3);
	wait_parked(2);
	stop();
}

START_TEST(without_a_handler_it_waits)
{
	park_two();
	flow_retry_now();
	start(ANSWERED);
	PG_UNTIL(is_amber("no handler takes " SEND ": 2 parked events"));
	/* Other parked events have their turn, also under an alias. */
	plan = (struct flow_plan){.bad = 10, .times = 1, .rc = PSM_ERR_RETRY};
	put_type(7, 10, ALIAS);
	flow_wait_offset(4);
	wait_parked(3);
	PG_UNTIL(pg_int("SELECT count(*) FROM effects WHERE n = 10") == 1 ||
	         (flow_retry_now(), 0));
	ck_assert_int_eq(psm_processor_stat(pr, "skipped"), 0);
	wait_parked(2);
	stop();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "attempts <= 1"),
	                 2);
	start(SEND);
	wait_parked(0);
	stop();
	flow_check_effects(4);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

/* What a person releases is not dropped either. */
START_TEST(without_a_handler_a_released_letter_waits)
{
	plan = (struct flow_plan){.bad = 1, .times = 1, .rc = PSM_ERR_REJECT};
	flow_put(1, 1);
	start(SEND);
	PG_UNTIL(flow_dead_rows() == 1);
	stop();
	start(ANSWERED);
	ck_assert_int_eq(
	    psm_dead_release(st, PSM_DEAD_LETTERS,
	                     pg_int("SELECT id FROM psymatch.dead_letter"),
	                     "anna", "why", err),
	    0);
	PG_UNTIL(is_amber("no handler takes " SEND ": 1 parked events"));
	stop();
	start("*");
	wait_parked(0);
	stop();
	flow_check_effects(1);
}
END_TEST

/* The row says another type than its bytes: they count. */
START_TEST(row_of_another_type_waits)
{
	park_two();
	pg_run("UPDATE psymatch.parked SET type = '" ANSWERED "'");
	flow_retry_now();
	start(ANSWERED);
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.parked WHERE type = "
	                "'" SEND "'") == 1);
	PG_UNTIL(is_amber("no handler takes " SEND));
	stop();
	wait_parked(2);
}
END_TEST

START_TEST(row_without_bytes_is_held)
{
	park_two();
	pg_run("UPDATE psymatch.parked SET raw = NULL WHERE state = 'retry'");
	flow_retry_now();
	start(SEND);
	PG_UNTIL(is_amber("2 events are parked, 1 of them waits for a person"));
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "state = 'held' AND last_error = 'the row has "
	                        "no bytes'"),
	                 1);
	stop();
}
END_TEST

/* It would be skipped when its turn comes, and nobody waits for it. */
START_TEST(what_nobody_handles_is_not_put_behind)
{
	plan = (struct flow_plan){.bad = 1, .times = 1, .rc = PSM_ERR_RETRY};
	flow_retry_when_told();
	flow_put(1, 1);
	put_type(1, 2, ALIAS);
	flow_put(1, 3);
	flow_put_raw(t, "1", "{", 1);
	start(SEND);
	flow_wait_offset(4);
	wait_parked(3);
	ck_assert_int_eq(psm_processor_stat(pr, "skipped"), 1);
	flow_retry_now();
	wait_parked(0);
	stop();
	flow_check_effects(2);
	/* What cannot be read has its turn like others. */
	ck_assert_int_eq(flow_dead_rows(), 1);
}
END_TEST

/* -- an upcaster that says not now: as if its handler did */

static int refusals; /* flow_lock: of each event, still to come */
static int attempt;  /* flow_lock: the last one of event 1 */

static int
not_now(const psm_event *old, psm_event **out, void *user, psm_error *e)
{
	char payload[64];
	int n = flow_member(old, "/n"), refuse;

	(void)user;
	(void)pthread_mutex_lock(&flow_lock);
	refuse = n == 1 && refusals > 0;
	refusals -= refuse;
	if (n == 1)
		attempt = psm_event_attempt(old);
	(void)pthread_mutex_unlock(&flow_lock);
	if (refuse)
		return psm_error_set(e, PSM_ERR_RETRY, "not now");
	(void)snprintf(payload, sizeof payload, "{\"email_id\":%d,\"n\":%d}",
	               flow_member(old, "/email_id"), n);
	return psm_event_upcast(old, "1.1", payload, strlen(payload), out, e);
}

static void
start_upcasting(int policy, int max_attempts, int times)
{
	refusals = times;
	ck_assert_int_eq(
	    psm_handler_options_on_failure(options, policy, max_attempts, err),
	    0);
	ck_assert_int_eq(
	    psm_handler_options_versions(options, "1.1", NULL, err), 0);
	make(SEND);
	ck_assert_int_eq(
	    psm_processor_upcast(pr, SEND, "1.0", "1.1", not_now, NULL, err),
	    0);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
}

/* n = 1 and 3 of key 1, 2 of key 2. */
static void
put_three(void)
{
	flow_put(1, 1);
	flow_put(2, 2);
	flow_put(1, 3);
}

START_TEST(upcaster_parks)
{
	flow_retry_when_told();
	put_three();
	start_upcasting(PSM_ON_FAILURE_PARK, 0, 2);
	flow_wait_offset(3);
	wait_parked(2);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "last_code = 'PSM_ERR_RETRY' AND last_error = "
	                        "'not now' AND attempts = 1"),
	                 1);
	ck_assert_int_eq(psm_processor_stat(pr, "retrying"), 0);
	flow_retry_now();
	PG_UNTIL(pg_int("SELECT max(attempts) FROM psymatch.parked") == 2);
	flow_retry_now();
	wait_parked(0);
	stop();
	ck_assert_int_eq(attempt, 3);
	flow_check_effects(3);
}
END_TEST

START_TEST(upcaster_comes_to_an_end)
{
	put_three();
	start_upcasting(PSM_ON_FAILURE_PARK, 3, INT32_MAX);
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE "
	                "attempts = 3 AND code = 'PSM_ERR_RETRY' AND reason = "
	                "'not now'") == 1);
	wait_parked(0);
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == 2);
	stop();
	flow_check_effects(2);
}
END_TEST

START_TEST(upcaster_waits_or_is_refused)
{
	put_three();
	start_upcasting(_i ? PSM_ON_FAILURE_REJECT : PSM_ON_FAILURE_RETRY,
	                _i ? 0 : 3, INT32_MAX);
	flow_wait_offset(3);
	ck_assert_int_eq(pg_int("SELECT attempts FROM psymatch.dead_letter "
	                        "WHERE code = 'PSM_ERR_RETRY'"),
	                 _i ? 1 : 3);
	stop();
	flow_check_effects(2);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("parked_types");
	TCase *tc = tcase_create("types");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, without_a_handler_it_waits);
	tcase_add_test(tc, without_a_handler_a_released_letter_waits);
	tcase_add_test(tc, row_of_another_type_waits);
	tcase_add_test(tc, row_without_bytes_is_held);
	tcase_add_test(tc, what_nobody_handles_is_not_put_behind);
	tcase_add_test(tc, upcaster_parks);
	tcase_add_test(tc, upcaster_comes_to_an_end);
	tcase_add_loop_test(tc, upcaster_waits_or_is_refused, 0, 2);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
