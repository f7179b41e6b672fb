/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What went wrong in consumers before, one test per row of that list, on every
 * transport.
 */
#include "consumer_env.h"

#include <poll.h>

#include "transport/murmur2.h"
#include "transport/memory/memory.h"

/* -- rows */

START_TEST(c01_garbage_between_goods)
{
	struct seen seen = {0};
	struct env e;
	psm_consumer *c;

	open_env(&e, _i);
	put_good(&e, 1);
	put(&e, "\x01\xff garbage", 10, NULL, 0);
	put_good(&e, 2);
	c = make_consumer(e.t, "c01", &seen);
	poll_until(c, &seen.count, 2);
	check_order(&seen);
	ck_assert_int_eq(seen.dead, 1);
	ck_assert_int_eq(seen.dead_offset, 1);
	ck_assert_int_eq(seen.dead_code, PSM_ERR_PARSE);
	ck_assert_str_eq(seen.dead_raw, "\x01\xff garbage");
	ck_assert_uint_gt(strlen(seen.dead_reason), 0);
	end(c, 0);
	close_env(&e);
}
END_TEST

START_TEST(c02_null_value_is_ignored)
{
	struct seen seen = {0};
	struct env e;
	psm_consumer *c;

	open_env(&e, _i);
	put_good(&e, 1);
	put(&e, NULL, 0, NULL, 0);
	put_good(&e, 2);
	c = make_consumer(e.t, "c02", &seen);
	poll_until(c, &seen.count, 2);
	ck_assert_int_eq(seen.dead, 0);
	ck_assert_int_eq(psm_consumer_stat(c, "dead"), 0);
	ck_assert_int_eq(psm_consumer_stat(c, "skipped"), 1);
	end(c, 0);
	close_env(&e);
}
END_TEST

static psm_consumer *
limited(struct env *e, const char *group, struct seen *seen, int attempts)
{
	psm_handler_options *o = NULL;
	psm_consumer *c = NULL;
	psm_config *cfg = NULL;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(e->t, cfg, group, &c, NULL), 0);
	psm_config_free(cfg);
	ck_assert_int_eq(psm_handler_options_new(&o, NULL), 0);
	ck_assert_int_eq(psm_handler_options_on_failure(o, PSM_ON_FAILURE_RETRY,
	                                                attempts, NULL),
	                 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, TOPIC, NULL), 0);
	ck_assert_int_eq(psm_consumer_on_with(c, "search.status_changed", o,
	                                      on_event, seen, NULL),
	                 0);
	ck_assert_int_eq(psm_consumer_on_dead(c, on_dead, seen), 0);
	psm_handler_options_free(o);
	return c;
}

/* Fails twice, then succeeds: handled. Fails always: dead after three tries,
 * the others are handled in their order. */
START_TEST(c03_failure_is_not_passed_over)
{
	struct seen seen = {
	    .fail_number = 3, .fail_times = 2, .fail_rc = PSM_ERR_RETRY};
	struct env e;
	psm_consumer *c;
	int i;

	open_env(&e, _i);
	for (i = 1; i <= 5; i++)
		put_good(&e, i);
	c = limited(&e, "c03", &seen, 3);
	poll_until(c, &seen.count, 5);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(seen.number[i], i + 1);
	ck_assert_int_eq(seen.dead, 0);

	seen.fail_number = 7;
	seen.fail_times = 1000;
	seen.calls = 0;
	for (i = 6; i <= 8; i++)
		put_good(&e, i);
	poll_until(c, &seen.count, 7);
	ck_assert_int_eq(seen.number[5], 6);
	ck_assert_int_eq(seen.number[6], 8);
	ck_assert_int_eq(seen.calls, 5);
	ck_assert_int_eq(seen.dead, 1);
	ck_assert_int_eq(seen.dead_offset, 6);
	end(c, 0);
	close_env(&e);
}
END_TEST

/* What the handler works with is down: the event is neither done nor dead, and
 * nothing overtakes it, however often it is tried. */
START_TEST(c04_retry_is_not_success)
{
	struct seen seen = {
	    .fail_number = 1, .fail_times = 1000000, .fail_rc = PSM_ERR_RETRY};
	struct env e;
	psm_consumer *c;

	open_env(&e, _i);
	put_good(&e, 1);
	put_good(&e, 2);
	c = make_consumer(e.t, "c04", &seen);
	while (seen.calls < 4)
		ck_assert_int_eq(psm_consumer_poll(c, 100, NULL), 0);
	ck_assert_int_eq(seen.count, 0);
	ck_assert_int_eq(seen.dead, 0);
	end(c, 0);
	memset(&seen, 0, sizeof(seen));
	c = make_consumer(e.t, "c04", &seen);
	poll_until(c, &seen.count, 2);
	check_order(&seen);
	end(c, 0);
	close_env(&e);
}
END_TEST

struct crash {
	struct seen seen;
	struct env *env;
};

/* The broker goes while the effect is made. */
static int
lose_broker(const psm_event *ev, void *user, psm_error *err)
{
	struct crash *crash = user;
	int rc = on_event(ev, &crash->seen, err);

	crash->env->rig->set_down(crash->env, 1);
	return rc;
}

/* What the plain consumer promises after a crash between effect and commit:
 * the event comes again, and none is left out. */
START_TEST(c05_lost_commit_repeats)
{
	struct crash crash = {0};
	struct seen seen = {0};
	psm_config *cfg = NULL;
	psm_consumer *c = NULL;
	struct env e;

	open_env(&e, _i);
	crash.env = &e;
	put_good(&e, 1);
	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(e.t, cfg, "c05", &c, NULL), 0);
	psm_config_free(cfg);
	ck_assert_int_eq(psm_consumer_subscribe(c, TOPIC, NULL), 0);
	ck_assert_int_eq(psm_consumer_on(c, "*", lose_broker, &crash, NULL), 0);
	poll_until(c, &crash.seen.count, 1);
	psm_consumer_free(c); /* nobody takes its commit */
	e.rig->set_down(&e, 0);
	put_good(&e, 2);
	c = make_consumer(e.t, "c05", &seen);
	poll_until(c, &seen.count, 2);
	ck_assert_int_eq(seen.number[0], 1);
	ck_assert_int_eq(seen.number[1], 2);
	end(c, 0);
	close_env(&e);
}
END_TEST

START_TEST(c06_starts_without_a_broker)
{
	struct seen seen = {0};
	struct env e;
	psm_consumer *c;
	char reason[160];

	open_env(&e, _i);
	put_good(&e, 1);
	e.rig->set_down(&e, 1);
	c = make_consumer(e.t, "c06", &seen);
	do
		ck_assert_int_eq(psm_consumer_poll(c, 100, NULL), 0);
	while (psm_consumer_health(c, reason, sizeof(reason)) !=
	           PSM_HEALTH_AMBER ||
	       !strstr(reason, "no broker"));
	e.rig->set_down(&e, 0);
	poll_until(c, &seen.count, 1);
	end(c, 0);
	close_env(&e);
}
END_TEST

/* Whatever the broker answers to a fetch, reading goes on by itself. */
START_TEST(c07_errors_do_not_end_reading)
{
	static const rd_kafka_resp_err_t errors[] = {
	    RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
	    RD_KAFKA_RESP_ERR_UNKNOWN,
	    RD_KAFKA_RESP_ERR_INVALID_MSG,
	    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
	};
	struct seen seen = {0};
	psm_consumer *c;
	struct env e;
	size_t i;

	open_env(&e, KAFKA);
	c = make_consumer(e.t, "c07", &seen);
	put_good(&e, 1);
	poll_until(c, &seen.count, 1);
	for (i = 0; i < PSM__COUNT(errors); i++) {
		/* 1 is Fetch. */
		rd_kafka_mock_push_request_errors(e.mock.cluster, 1, 2,
		                                  errors[i], errors[i]);
		put_good(&e, (int)i + 2);
		poll_until(c, &seen.count, (int)i + 2);
	}
	check_order(&seen);
	ck_assert_int_eq(seen.dead, 0);
	end(c, 0);
	close_env(&e);
}
END_TEST

struct slow {
	struct seen seen;
	int slow_ms;
};

/* The first event takes longer than the group waits for a poll. */
static int
take_long(const psm_event *ev, void *user, psm_error *err)
{
	struct slow *slow = user;
	int64_t until = psm__mono_ms() + slow->slow_ms;

	slow->slow_ms = 0;
	while (psm__mono_ms() < until)
		poll(NULL, 0, 50); /* it is what is tested */
	return on_event(ev, &slow->seen, err);
}

/* Thrown out of the group during a call, it comes back behind that event: no
 * event twice, and none again and again. */
START_TEST(c08_handler_longer_than_the_poll_limit)
{
	static const char *const settings[] = {
	    "PSYMATCH_KAFKA_max_poll_interval_ms", "4500", NULL};
	struct slow slow = {.slow_ms = 6500};
	psm_config *cfg = NULL;
	psm_consumer *c = NULL;
	struct env e;
	int i;

	open_env_with(&e, KAFKA, settings);
	for (i = 1; i <= 3; i++)
		put_good(&e, i);
	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(e.t, cfg, "c08", &c, NULL), 0);
	psm_config_free(cfg);
	ck_assert_int_eq(psm_consumer_subscribe(c, TOPIC, NULL), 0);
	ck_assert_int_eq(psm_consumer_on(c, "*", take_long, &slow, NULL), 0);
	poll_until(c, &slow.seen.count, 3);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(slow.seen.number[i], i + 1);
	/* Nor later, and the next life begins behind them. */
	put_good(&e, 4);
	poll_until(c, &slow.seen.count, 4);
	ck_assert_int_eq(slow.seen.number[3], 4);
	end(c, 0);
	memset(&slow, 0, sizeof(slow));
	c = make_consumer(e.t, "c08", &slow.seen);
	put_good(&e, 5);
	poll_until(c, &slow.seen.count, 1);
	ck_assert_int_eq(slow.seen.number[0], 5);
	end(c, 0);
	close_env(&e);
}
END_TEST

/* The same without a broker's clock: the partition goes to a second consumer
 * and comes back, and the commit in between is refused. */
START_TEST(c08_refused_commit_is_no_livelock)
{
	psm_transport *t = open_memory();
	struct seen a = {0}, b = {0};
	psm_consumer *ca = make_consumer(t, "back", &a), *cb;
	int search = 1;
	char key[16];

	/* Of two members, the second one gets the last partition. */
	do
		snprintf(key, sizeof(key), "%d", ++search);
	while (psm__partition_of(key, strlen(key), PARTITIONS) !=
	       PARTITIONS - 1);
	put_event(t, search, 1);
	poll_until(ca, &a.count, 1);
	put_event(t, search, 2);
	put_event(t, search, 3);
	poll_until(ca, &a.count, 3);
	cb = make_consumer(t, "back", &b);
	ck_assert_int_eq(psm_consumer_start(cb, NULL), 0);
	psm__memory_set_down(t, 1);
	ck_assert_int_eq(psm_consumer_poll(ca, 50, NULL), 0);
	psm_consumer_free(cb);
	psm__memory_set_down(t, 0);
	put_event(t, search, 4);
	poll_until(ca, &a.count, 4);
	ck_assert_int_eq(a.number[3], 4);
	ck_assert_int_eq(b.count, 0);
	end(ca, 0);
	psm_transport_unref(t);
}
END_TEST

static int
keep_time(const psm_event *ev, void *user, psm_error *err)
{
	(void)err;
	*(int64_t *)user = psm_event_timestamp_us(ev);
	return 0;
}

START_TEST(c09_original_time)
{
	static const char old[] =
	    "{\"event_id\": \"0190b5a0-0000-7000-8000-000000000001\", "
	    "\"event_type\": \"search.status_changed\", \"version\": \"1.0\", "
	    "\"timestamp\": \"2001-09-09T01:46:40Z\", \"producer\": \"x\", "
	    "\"payload\": {\"search_id\": 1, \"patient_id\": 1, "
	    "\"old_status\": null, \"new_status\": \"aktiv\"}}";
	psm_config *cfg = NULL;
	psm_consumer *c = NULL;
	int64_t time_us = 0;
	int handled = 0;
	struct env e;

	open_env(&e, _i);
	put(&e, old, sizeof(old) - 1, NULL, 0);
	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(e.t, cfg, "c09", &c, NULL), 0);
	psm_config_free(cfg);
	ck_assert_int_eq(psm_consumer_subscribe(c, TOPIC, NULL), 0);
	ck_assert_int_eq(psm_consumer_on(c, "*", keep_time, &time_us, NULL), 0);
	while (!handled) {
		ck_assert_int_ge(psm_consumer_poll(c, 100, NULL), 0);
		handled = (int)psm_consumer_stat(c, "handled");
	}
	ck_assert_int_eq(time_us, INT64_C(1000000000000000));
	end(c, 0);
	close_env(&e);
}
END_TEST

#define ID "\"event_id\": \"0190b5a0-0000-7000-8000-000000000001\", "
#define TYPE "\"event_type\": \"search.status_changed\", "
#define REST                                                                   \
	"\"timestamp\": \"2025-08-11T09:44:00Z\", \"producer\": \"x\", "       \
	"\"payload\": {\"search_id\": 1, \"patient_id\": 1, "                  \
	"\"old_status\": null, \"new_status\": \"aktiv\"}}"

static const struct {
	const char *raw;
	int code;
} malformed[] = {
    {"", PSM_ERR_PARSE},
    {"[1, 2]", PSM_ERR_SCHEMA},
    {"17", PSM_ERR_SCHEMA},
    {"{}", PSM_ERR_SCHEMA},
    {"{" ID "\"version\": \"1.0\", " REST, PSM_ERR_SCHEMA},
    {"{" ID TYPE "\"version\": \"9.9\", " REST, PSM_ERR_VERSION},
    {"{" ID TYPE "\"version\": 1, " REST, PSM_ERR_SCHEMA},
    {"{" ID TYPE REST, PSM_ERR_SCHEMA},
    {"{" ID TYPE "\"version\": \"1.7\", " REST, PSM_ERR_VERSION},
};

/* Each is refused with a code of its own; also a version that no handler
 * takes. */
START_TEST(c11_malformed_envelopes)
{
	struct seen seen = {0};
	psm_handler_options *o = NULL;
	psm_config *cfg = NULL;
	psm_consumer *c = NULL;
	struct env e;
	size_t i;

	open_env(&e, _i);
	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(e.t, cfg, "c11", &c, NULL), 0);
	psm_config_free(cfg);
	ck_assert_int_eq(psm_handler_options_new(&o, NULL), 0);
	ck_assert_int_eq(psm_handler_options_versions(o, "1.0", "1.1", NULL),
	                 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, TOPIC, NULL), 0);
	ck_assert_int_eq(psm_consumer_on_with(c, "search.status_changed", o,
	                                      on_event, &seen, NULL),
	                 0);
	psm_handler_options_free(o);
	ck_assert_int_eq(psm_consumer_on_dead(c, on_dead, &seen), 0);
	for (i = 0; i < PSM__COUNT(malformed); i++) {
		put(&e, malformed[i].raw, strlen(malformed[i].raw), NULL, 0);
		poll_until(c, &seen.dead, (int)i + 1);
		ck_assert_msg(seen.dead_code == malformed[i].code, "%s: %s",
		              malformed[i].raw, psm_error_name(seen.dead_code));
	}
	put_good(&e, 1);
	poll_until(c, &seen.count, 1);
	end(c, 0);
	close_env(&e);
}
END_TEST

/* Two instances of one program: each event once. */
START_TEST(c15_two_instances_share_the_events)
{
	struct seen a = {0}, b = {0};
	int64_t deadline = psm__mono_ms() + 2 * PATIENCE_MS;
	psm_consumer *ca, *cb;
	struct env e;
	int rc, i, both[21] = {0};

	open_env(&e, _i);
	ca = make_consumer(e.t, "c15", &a);
	cb = make_consumer(e.t, "c15", &b);
	/* Both are in the group before the first event. */
	while (psm_consumer_stat(ca, "lag") < 0 ||
	       psm_consumer_stat(cb, "lag") < 0) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		ck_assert_int_ge(psm_consumer_poll(ca, 20, NULL), 0);
		ck_assert_int_ge(psm_consumer_poll(cb, 20, NULL), 0);
	}
	for (i = 1; i <= 20; i++)
		put_good(&e, i);
	while (a.count + b.count < 20) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		ck_assert_int_ge(psm_consumer_poll(ca, 20, NULL), 0);
		ck_assert_int_ge(psm_consumer_poll(cb, 20, NULL), 0);
	}
	for (i = 0; i < a.count; i++)
		both[a.number[i]]++;
	for (i = 0; i < b.count; i++)
		both[b.number[i]]++;
	for (i = 1; i <= 20; i++)
		ck_assert_msg(both[i] == 1, "event %d: %d times", i, both[i]);
	end(ca, 0);
	/* The mock takes no commit while the group changes; a broker does. */
	rc = psm_consumer_close(cb, 8000, NULL);
	ck_assert(rc == 0 || rc == PSM_ERR_FENCED);
	psm_consumer_free(cb);
	close_env(&e);
}
END_TEST

/* A member that is gone keeps its partitions for ten minutes unless it has left
 * the group. The mock cluster waits for it in any case: test_consumer_kafka.c
 * has its own. */
START_TEST(c15_free_leaves_the_group)
{
	static const char *const settings[] = {
	    "PSYMATCH_KAFKA_session_timeout_ms",
	    "600000",
	    "PSYMATCH_KAFKA_max_poll_interval_ms",
	    "600000",
	    "PSYMATCH_PG_LEASE_MS",
	    "600000",
	    NULL};
	struct seen seen = {0};
	psm_consumer *c;
	struct env e;
	int i;

	open_env_with(&e, _i, is_mocked(_i) ? NULL : settings);
	for (i = 1; i <= 3; i++) {
		put_good(&e, i);
		c = make_consumer(e.t, "c15", &seen);
		poll_until(c, &seen.count, i);
		/* The second one is closed without any time. */
		if (i == 2)
			ck_assert_int_eq(psm_consumer_close(c, 0, NULL), 0);
		psm_consumer_free(c);
	}
	check_order(&seen);
	close_env(&e);
}
END_TEST

int
main(int argc, char **argv)
{
	const struct row rows[] = {
	    {"c01", c01_garbage_between_goods, EVERYWHERE, 0},
	    {"c02", c02_null_value_is_ignored, EVERYWHERE, 0},
	    {"c03", c03_failure_is_not_passed_over, EVERYWHERE, 0},
	    {"c04", c04_retry_is_not_success, EVERYWHERE, 0},
	    {"c05", c05_lost_commit_repeats, EVERYWHERE, 0},
	    {"c06", c06_starts_without_a_broker, EVERYWHERE, 0},
	    {"c07", c07_errors_do_not_end_reading, HERE, 0},
	    {"c08", c08_handler_longer_than_the_poll_limit, ON_KAFKA, 0},
	    {"c08 commit", c08_refused_commit_is_no_livelock, HERE, 0},
	    {"c09", c09_original_time, EVERYWHERE, 0},
	    {"c11", c11_malformed_envelopes, EVERYWHERE, 0},
	    {"c15", c15_two_instances_share_the_events, EVERYWHERE, 0},
	    {"c15 free", c15_free_leaves_the_group, EVERYWHERE, 0},
	};

	(void)argc;
	begin_rows(argv);
	return run_rows("consumer rows", rows, PSM__COUNT(rows));
}
