/* SPDX-License-Identifier: BSD-2-Clause */
/* A processor's handlers that say by psm_event_confirm() that they have handled
 * an event: alone, by workers, parked, behind an upcaster, and in a replay. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include <psymatch/replay.h>

#define TYPE "communication.send_email"

/* The numbers that get special treatment. */
#define REFUSED 3
#define PARKED 4
static int silent_n;    /* as does this one, */
static int unanswered;  /* so often; __atomic */
static int parked_once; /* __atomic */

/* Its effect is there in each case, and it returns what means nothing. */
static int
on_event(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	static const int garbage[] = {0, PSM_ERR_REJECT, 7};
	int n = flow_member(ev, "/n");
	int rc = flow_save(tx, ev, e);

	(void)user;
	if (rc < 0)
		return rc;
	if (n == PARKED &&
	    !__atomic_exchange_n(&parked_once, 1, __ATOMIC_RELAXED))
		(void)psm_error_set(e, PSM_ERR_RETRY, "not now");
	else if (n == silent_n &&
	         __atomic_fetch_sub(&unanswered, 1, __ATOMIC_RELAXED) > 0)
		return 0;
	else if (n == REFUSED)
		(void)psm_error_set(e, PSM_ERR_REJECT, "never");
	else
		psm_event_confirm(ev);
	return garbage[n % 3];
}

static void
setup(void)
{
	flow_setup();
	silent_n = 2;
	unanswered = 2;
	parked_once = 1; /* nothing is parked */
}

/* Not started. */
static void
make_processor(int policy, const char *version)
{
	psm_handler_options *o;

	ck_assert_int_eq(psm_handler_options_new(&o, err), 0);
	ck_assert_int_eq(psm_handler_options_on_failure(o, policy, 0, err), 0);
	ck_assert_int_eq(psm_handler_options_confirm(o, 1, err), 0);
	ck_assert_int_eq(psm_handler_options_versions(o, version, version, err),
	                 0);
	ck_assert_int_eq(psm_processor_new(st, t, cfg, FLOW_NAME, &pr, err), 0);
	ck_assert_int_eq(
	    psm_processor_on_with(pr, TYPE, o, on_event, NULL, err), 0);
	psm_handler_options_free(o);
}

static void
put(int from, int to)
{
	int n;

	for (n = from; n <= to; n++)
		flow_put(n % 2 + 1, n);
}

/* All but the one that is refused, each once. */
static void
check_rows(int count)
{
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), count - 1);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT event_id) FROM effects "
	                        "WHERE n <> %d",
	                        REFUSED),
	                 count - 1);
}

START_TEST(no_answer_brings_the_batch_again)
{
	static const char *const workers[] = {"1", "4"};

	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_PROCESSOR_WORKERS", workers[_i], err),
	    0);
	put(1, 20);
	make_processor(PSM_ON_FAILURE_REJECT, NULL);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(20);
	flow_stop();
	check_rows(20);
	ck_assert_int_eq(flow_dead_rows(), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_letter "
	                        "WHERE code = 'PSM_ERR_REJECT' AND reason = "
	                        "'never'"),
	                 1);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 19);
	ck_assert_int_ge(psm_processor_stat(pr, "rollbacks"), 2);
}
END_TEST

/* It is no try of the parked event either. */
START_TEST(parked_event)
{
	silent_n = PARKED;
	parked_once = 0;
	flow_retry_when_told();
	put(1, 20);
	make_processor(PSM_ON_FAILURE_PARK, NULL);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(20);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "attempts = 1 AND last_code = 'PSM_ERR_RETRY'"),
	                 1);
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.parked") == 0 ||
	         (flow_retry_now(), 0));
	flow_stop();
	ck_assert_int_lt(unanswered, 0);
	check_rows(20);
	ck_assert_int_eq(flow_dead_rows(), 1);
}
END_TEST

static int
upcast(const psm_event *old, psm_event **out, void *user, psm_error *e)
{
	char payload[64];

	(void)user;
	(void)snprintf(payload, sizeof payload, "{\"email_id\":%d,\"n\":%d}",
	               flow_member(old, "/email_id"), flow_member(old, "/n"));
	return psm_event_upcast(old, "1.1", payload, strlen(payload), out, e);
}

/* What the handler confirms is the event that it was given. */
START_TEST(upcast_event)
{
	put(1, 4);
	make_processor(PSM_ON_FAILURE_REJECT, "1.1");
	ck_assert_int_eq(
	    psm_processor_upcast(pr, TYPE, "1.0", "1.1", upcast, NULL, err), 0);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(4);
	flow_stop();
	check_rows(4);
	ck_assert_int_eq(flow_dead_rows(), 1);
}
END_TEST

START_TEST(replayed)
{
	psm_replay *r;

	unanswered = 1;
	put(1, 20);
	make_processor(PSM_ON_FAILURE_RETRY, NULL);
	ck_assert_int_eq(psm_replay_new(t, FLOW_TOPIC, &r, err), 0);
	ck_assert_int_eq(psm_replay_into_live(r, err), 0);
	ck_assert_int_eq(psm_replay_max_failures(r, 1, err), 0);
	ck_assert_int_eq(psm_processor_replay(pr, r, 10000, err),
	                 PSM_ERR_NOMEM);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), "the handler gave no answer"));
	ck_assert_int_eq(psm_processor_replay(pr, r, 10000, err), 0);
	ck_assert_int_eq(psm_replay_stat(r, "failed"), 1);
	psm_replay_free(r);
	check_rows(20);
}
END_TEST

static int
on_plain(const psm_event *ev, void *user, psm_error *e)
{
	(void)e;
	if (flow_member(ev, "/n") != silent_n || unanswered-- <= 0)
		psm_event_confirm(ev);
	++*(int *)user;
	return PSM_ERR_REJECT;
}

START_TEST(replayed_without_a_processor)
{
	psm_handler_options *o;
	psm_replay *r;
	int calls = 0;

	unanswered = 1;
	put(1, 3);
	ck_assert_int_eq(psm_handler_options_new(&o, err), 0);
	ck_assert_int_eq(psm_handler_options_confirm(o, 1, err), 0);
	ck_assert_int_eq(psm_replay_new(t, FLOW_TOPIC, &r, err), 0);
	ck_assert_int_eq(psm_replay_on(r, TYPE, o, on_plain, &calls, err), 0);
	psm_handler_options_free(o);
	ck_assert_int_eq(psm_replay_run(r, NULL, NULL, 10000, err),
	                 PSM_ERR_NOMEM);
	ck_assert_int_eq(calls, 2);
	ck_assert_int_eq(psm_replay_run(r, NULL, NULL, 60000, err), 0);
	ck_assert_int_eq(psm_replay_stat(r, "handled"), 3);
	psm_replay_free(r);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("processor_confirm");
	TCase *tc = tcase_create("confirm");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, flow_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_loop_test(tc, no_answer_brings_the_batch_again, 0, 2);
	tcase_add_test(tc, parked_event);
	tcase_add_test(tc, upcast_event);
	tcase_add_test(tc, replayed);
	tcase_add_test(tc, replayed_without_a_processor);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
