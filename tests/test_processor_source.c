/* SPDX-License-Identifier: BSD-2-Clause */
/* A source that fails, and one that dies; handlers that are late. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include "transport/memory/memory.h"

#include <poll.h>

/* -- a transport around the memory's whose polls can be made to fail */

static int failures, fatal; /* flow_lock */
static int deaf;            /* flow_lock: polls find nothing */
static int unheard;         /* flow_lock: such polls */
static int opened;          /* flow_lock */
static int given;           /* flow_lock: records that came from the source */
static int evictions;       /* flow_lock: still to be made */
static int slow_ms;         /* of each poll that finds something */
static const struct psm__source_ops *real;
static struct psm__source_ops broken;
static struct psm__transport_ops real_t, broken_t;

static int
failing_poll(struct psm__source *s, int timeout_ms, struct psm__record *rec,
             psm_error *e)
{
	int fail, kill, evict, hear;

	(void)pthread_mutex_lock(&flow_lock);
	/* Without time: something is in the batch already. */
	evict = evictions > 0 && timeout_ms == 0;
	evictions -= evict;
	fail = failures > 0;
	kill = fatal > 0;
	hear = !deaf;
	unheard += !hear;
	failures -= fail;
	fatal -= kill;
	(void)pthread_mutex_unlock(&flow_lock);
	if (evict)
		psm__memory_evict(t);
	if (!hear)
		return poll(NULL, 0, 10); /* 0 */
	if (!fail && !kill) {
		int rc = real->poll(s, timeout_ms, rec, e);

		if (rc == 1)
			poll(NULL, 0, slow_ms); /* it is what is tested */
		return rc;
	}
	psm__fail(e, PSM_ERR_BROKER, "as planned");
	psm__error_flags(e, 0, kill);
	return PSM_ERR_BROKER;
}

/* A key in memory of its own, as it is with other transports. */
static int
copying_poll(struct psm__source *s, int timeout_ms, struct psm__record *rec,
             psm_error *e)
{
	int rc = failing_poll(s, timeout_ms, rec, e);
	char *key;

	if (rc <= 0)
		return rc;
	(void)pthread_mutex_lock(&flow_lock);
	given++;
	(void)pthread_mutex_unlock(&flow_lock);
	key = malloc(rec->key_len);
	if (!key)
		abort();
	memcpy(key, rec->key, rec->key_len);
	rec->key = key;
	return rc;
}

static void
freeing_release(struct psm__source *s, struct psm__record *rec)
{
	free((void *)(uintptr_t)rec->key);
	real->release(s, rec);
}

static int
open_failing(psm_transport *of, const struct psm__source_conf *conf,
             struct psm__source **out, psm_error *e)
{
	int rc = real_t.open_source(of, conf, out, e);

	if (rc < 0)
		return rc;
	real = (*out)->ops;
	broken = *real;
	broken.poll = copying_poll;
	broken.release = freeing_release;
	(*out)->ops = &broken;
	(void)pthread_mutex_lock(&flow_lock);
	opened++;
	(void)pthread_mutex_unlock(&flow_lock);
	return 0;
}

static void
setup(void)
{
	flow_setup();
	given = 0;
	real_t = broken_t = *t->ops;
	broken_t.open_source = open_failing;
	t->ops = &broken_t;
}

static void
fail_polls(int count, int kill)
{
	(void)pthread_mutex_lock(&flow_lock);
	failures = count;
	fatal = kill;
	(void)pthread_mutex_unlock(&flow_lock);
}

static int
read_count(const int *count)
{
	int n;

	(void)pthread_mutex_lock(&flow_lock);
	n = *count;
	(void)pthread_mutex_unlock(&flow_lock);
	return n;
}

static int
is(int health, const char *words)
{
	char reason[300];

	return psm_processor_health(pr, reason, sizeof reason) == health &&
	       strstr(reason, words) != NULL;
}

START_TEST(c07_errors_do_not_end_reading)
{
	flow_put(1, 1);
	flow_start();
	flow_wait_offset(1);
	fail_polls(3, 0);
	flow_put(1, 2);
	PG_UNTIL(is(PSM_HEALTH_AMBER, "reading failed: as planned"));
	flow_wait_offset(2);
	ck_assert_int_eq(read_count(&opened), 1);
	flow_stop();
	flow_check_effects(2);
}
END_TEST

/* One partition waits for a retry, too: nothing in our hands outlives the
 * source it came from. */
START_TEST(c07_dead_source_is_replaced)
{
	int n;

	plan = (struct flow_plan){.bad = 3, .times = -1, .rc = PSM_ERR_RETRY};
	for (n = 1; n <= 5; n++)
		flow_put(1, n);
	flow_start();
	PG_UNTIL(psm_processor_stat(pr, "retrying") == 1);
	fail_polls(1, 1);
	PG_UNTIL(read_count(&opened) == 2);
	(void)pthread_mutex_lock(&flow_lock);
	plan.times = 0;
	(void)pthread_mutex_unlock(&flow_lock);
	flow_put(1, 6);
	flow_wait_offset(6);
	flow_stop();
	flow_check_effects(6);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

/* What is tried again goes while more is read, and its memory with it: nobody
 * looks at it any more (under the address sanitizer). */
START_TEST(c08_partition_goes_while_the_batch_is_read)
{
	int n;

	plan = (struct flow_plan){.bad = 3, .times = -1, .rc = PSM_ERR_RETRY};
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_PROCESSOR_WORKERS", "4", err), 0);
	for (n = 1; n <= 5; n++)
		flow_put(n, n);
	flow_start();
	PG_UNTIL(psm_processor_stat(pr, "retrying") == 1);
	(void)pthread_mutex_lock(&flow_lock);
	evictions = 4;
	(void)pthread_mutex_unlock(&flow_lock);
	PG_UNTIL(read_count(&evictions) == 0);
	(void)pthread_mutex_lock(&flow_lock);
	plan.times = 0;
	(void)pthread_mutex_unlock(&flow_lock);
	flow_wait_offset(5);
	flow_stop();
	flow_check_effects(5);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

static void
set_deaf(int to)
{
	(void)pthread_mutex_lock(&flow_lock);
	deaf = to;
	(void)pthread_mutex_unlock(&flow_lock);
}

START_TEST(c12_nothing_comes_is_seen)
{
	plan = (struct flow_plan){.bad = 2, .block = 1};
	set_deaf(0);
	flow_put(1, 1);
	flow_start();
	flow_wait_offset(1);
	pr->stall_ms = 0;
	PG_UNTIL(is(PSM_HEALTH_GREEN, "1 event handled"));
	set_deaf(1);
	PG_UNTIL(read_count(&unheard) > 0);
	flow_put(1, 2);
	PG_UNTIL(is(PSM_HEALTH_AMBER, "1 message waits, and none came"));
	set_deaf(0);
	flow_wait_blocked(); /* it came, and may take its time */
	ck_assert(is(PSM_HEALTH_GREEN, "1 event handled"));
	flow_unblock();
	flow_wait_offset(2);
	PG_UNTIL(is(PSM_HEALTH_GREEN, "2 events handled"));
	flow_stop();
}
END_TEST

/* What was read of a partition is kept while one of its messages is tried
 * again, and when a batch is rolled back: to go back would throw away what the
 * source has read ahead. */
static const struct {
	int rc, times;
	const char *workers;
} again[] = {
    {PSM_ERR_RETRY, 1, "1"},
    {PSM_ERR_RETRY, 3, "4"},
    {PSM_ERR_NOMEM, 3, "1"},
    {PSM_ERR_NOMEM, 1, "4"},
};

START_TEST(each_message_is_read_once)
{
	int n;

	plan = (struct flow_plan){
	    .bad = 20, .times = again[_i].times, .rc = again[_i].rc};
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_PROCESSOR_WORKERS",
	                                again[_i].workers, err),
	                 0);
	for (n = 1; n <= 200; n++)
		flow_put(1 + n % 7, n);
	flow_start();
	flow_wait_offset(200);
	PG_UNTIL(psm_processor_stat(pr, "lag") == 0);
	flow_stop();
	flow_check_effects(200);
	ck_assert_int_gt(plan.seen, again[_i].times);
	ck_assert_int_eq(read_count(&given), 200);
}
END_TEST

/* -- no memory to keep what was read: it is read again, all of it */

static int refused; /* flow_lock: allocations that are to fail, then 0 */
static int denied;  /* flow_lock: of them */

static void *
resize(void *old, size_t size)
{
	int no;

	(void)pthread_mutex_lock(&flow_lock);
	/* Of what is kept, when there is more of it than at first. */
	no = refused > 0 && old && size == 16 * sizeof(struct psm__record);
	refused -= no;
	denied += no;
	(void)pthread_mutex_unlock(&flow_lock);
	return no ? NULL : realloc(old, size);
}

static void
setup_refusing(void)
{
	ck_assert_int_eq(psm_set_allocator(malloc, resize, free), 0);
	setup();
	refused = 1;
	denied = 0;
}

START_TEST(nothing_is_left_out_without_memory)
{
	int n;

	plan = (struct flow_plan){.bad = 1, .times = 1, .rc = again[_i * 2].rc};
	for (n = 1; n <= 40; n++)
		flow_put(1 + n % 7, n);
	flow_start();
	flow_wait_offset(40);
	PG_UNTIL(psm_processor_stat(pr, "lag") == 0);
	flow_stop();
	flow_check_effects(40);
	ck_assert_int_eq(read_count(&denied), 1);
	ck_assert_int_gt(read_count(&given), 40);
}
END_TEST

/* On a busy machine, too, what is there is not torn into small batches. */
START_TEST(batch_takes_what_is_at_hand)
{
	int n;

	slow_ms = PSM__BATCH_MS + 5;
	pg_run("ALTER TABLE effects ADD tx bigint DEFAULT txid_current()");
	for (n = 1; n <= 5; n++)
		flow_put(n, n);
	flow_start();
	flow_wait_offset(5);
	flow_stop();
	flow_check_effects(5);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT tx) FROM effects"), 1);
}
END_TEST

START_TEST(c07_dead_source_is_red_until_the_next)
{
	flow_put(1, 1);
	flow_start();
	flow_wait_offset(1);
	/* Each one that is opened dies. */
	fail_polls(0, 1000000);
	PG_UNTIL(is(PSM_HEALTH_RED, "reading ended: as planned"));
	fail_polls(0, 0);
	flow_put(1, 2);
	flow_wait_offset(2);
	/* No message is needed to be well again. */
	PG_UNTIL(!is(PSM_HEALTH_RED, ""));
	flow_stop();
}
END_TEST

static int late_calls; /* more than 1 where its statements were late as well */

static int
late(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int64_t left_ms = psm_event_time_left_ms(ev);

	late_calls++;
	poll(NULL, 0, (int)left_ms + 20); /* it is what is tested */
	return flow_handler(tx, ev, user, e);
}

START_TEST(c08_late_handler_is_seen)
{
	psm_handler_options *o;

	flow_put(1, 1);
	ck_assert_int_eq(psm_handler_options_new(&o, err), 0);
	ck_assert_int_eq(psm_handler_options_deadline(o, 200, err), 0);
	ck_assert_int_eq(psm_processor_new(st, t, cfg, FLOW_NAME, &pr, err), 0);
	ck_assert_int_eq(psm_processor_subscribe(pr, FLOW_TOPIC, err), 0);
	ck_assert_int_eq(psm_processor_on_with(pr, "communication.send_email",
	                                       o, late, NULL, err),
	                 0);
	psm_handler_options_free(o);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(1);
	/* Its result counts as it is. */
	flow_check_effects(1);
	ck_assert_int_eq(psm_processor_stat(pr, "overrun"), late_calls);
	PG_UNTIL(is(PSM_HEALTH_AMBER, " calls past their deadline: "));
	flow_stop();
}
END_TEST

START_TEST(c12_dead_event_is_seen)
{
	plan = (struct flow_plan){.bad = 1, .times = -1, .rc = PSM_ERR_REJECT};
	flow_put(1, 1);
	flow_start();
	flow_wait_offset(1);
	PG_UNTIL(is(PSM_HEALTH_AMBER, "1 dead, the last one"));
	flow_stop();
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("processor_source");
	TCase *tc = tcase_create("source");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, flow_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, c07_errors_do_not_end_reading);
	tcase_add_test(tc, c07_dead_source_is_replaced);
	tcase_add_test(tc, c12_nothing_comes_is_seen);
	tcase_add_loop_test(tc, each_message_is_read_once, 0,
	                    PSM__COUNT(again));
	tcase_add_test(tc, batch_takes_what_is_at_hand);
	tcase_add_test(tc, c07_dead_source_is_red_until_the_next);
	tcase_add_test(tc, c08_partition_goes_while_the_batch_is_read);
	tcase_add_test(tc, c08_late_handler_is_seen);
	tcase_add_test(tc, c12_dead_event_is_seen);
	suite_add_tcase(s, tc);
	tc = tcase_create("memory");
	tcase_add_checked_fixture(tc, setup_refusing, flow_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_loop_test(tc, nothing_is_left_out_without_memory, 0, 2);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
