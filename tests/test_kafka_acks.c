/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What counts as an acknowledgement. The mock takes a request of a producer
 * whatever its sequence number is, as a real broker does for a producer id that
 * it does not know: when it refuses one of several requests that are on their
 * way, librdkafka reports the refused messages as acknowledged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "transport/kafka/topic.h"
#include "mock.h"
#include "testing.h"
#include "testing_kafka.h"

#define EVENTS 120
#define BURST 10
#define DROP 2
#define LATE_MS 100
#define KEYS 7
#define PARTITIONS 3
#define PATIENCE_MS 60000

static struct mock mock;
static int told, refused; /* __atomic; deliveries */
static const char *topic;

/* Many small requests, and several on their way at once. */
static const char *const small_requests[] = {
    "PSYMATCH_KAFKA_batch_num_messages",
    "5",
    "PSYMATCH_KAFKA_reconnect_backoff_max_ms",
    "100",
    "PSYMATCH_KAFKA_linger_ms",
    "0",
    "PSYMATCH_KAFKA_retry_backoff_ms",
    "20",
    NULL};

static void
set_up(void)
{
	kafka_set_up();
	topic = kafka_topic();
	mock_open(&mock, topic, PARTITIONS);
	ck_assert_int_eq(setenv("KAFKA_BOOTSTRAP_SERVERS",
	                        rd_kafka_mock_cluster_bootstraps(mock.cluster),
	                        1),
	                 0);
}

static void
tear_down(void)
{
	mock_close(&mock);
	kafka_tear_down();
}

static void
hear(const char *event_id, int rc, const char *reason, void *user)
{
	(void)event_id, (void)reason, (void)user;
	__atomic_add_fetch(rc == 0 ? &told : &refused, 1, __ATOMIC_RELAXED);
}

/* librdkafka makes a request of what it has when it looks. */
static void
send_slowly(psm_producer *p, int from, int to, int step, int keys)
{
	for (; from < to; from += step) {
		kafka_send(p, topic, from, from + step, keys);
		kafka_pause();
	}
}

struct found {
	int times[3 * EVENTS];
};

static void
find(int partition, const char *key, const char *value, size_t len, void *user)
{
	struct found *f = user;
	psm_event *ev = NULL;
	int64_t n = -1;

	(void)partition;
	(void)key;
	ck_assert_int_eq(psm_event_parse(value, len, &ev, NULL), 0);
	ck_assert_int_eq(
	    psm_json_get_int(psm_json_at(psm_event_payload(ev), "/n"), &n,
	                     NULL),
	    0);
	psm_event_free(ev);
	ck_assert(n >= 0 && n < 3 * EVENTS);
	f->times[n]++;
}

/* Everything that was told is there. */
static void
check_there(int count)
{
	static struct found f;
	int n, missing = 0;

	memset(&f, 0, sizeof f);
	(void)kafka_read(topic, find, &f);
	for (n = 0; n < count; n++)
		missing += f.times[n] == 0;
	ck_assert_msg(missing == 0, "%d of %d are lost", missing, count);
	ck_assert_int_eq(__atomic_load_n(&told, __ATOMIC_RELAXED), count);
	ck_assert_int_eq(__atomic_load_n(&refused, __ATOMIC_RELAXED), 0);
}

static void
flush(psm_producer *p)
{
	ck_assert_int_eq(psm_producer_flush(p, PATIENCE_MS, NULL, NULL), 0);
}

/* What is answered to the first requests. first: only the first one of a
 * partition is refused, so that order is kept as well. */
static const struct {
	int count;
	rd_kafka_resp_err_t answers[6];
	int first;
} shapes[] = {
    {1, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION}, 1},
    {2,
     {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
     1},
    {3,
     {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
     1},
    {1, {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE}, 1},
    {1, {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART}, 1},
    {1, {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS}, 1},
    {1, {RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR}, 1},
    {1, {RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE}, 1},
    {1, {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT}, 1},
    {1, {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND}, 1},
    {1, {RD_KAFKA_RESP_ERR__TRANSPORT}, 1},
    {2,
     {RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
     1},
    /* A broker that knows the producer would refuse what follows. */
    {4,
     {RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NO_ERROR,
      RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
     0},
    {6,
     {RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NO_ERROR,
      RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NO_ERROR,
      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
     0},
};

/* Late, so that the next requests are on their way. */
static void
answer_late(rd_kafka_resp_err_t e)
{
	rd_kafka_mock_broker_push_request_error_rtts(
	    mock.cluster, 1, 0 /* Produce */, (size_t)1, e, LATE_MS);
}

static void
answer(int shape)
{
	int i;

	for (i = 0; i < shapes[shape].count; i++)
		answer_late(shapes[shape].answers[i]);
}

START_TEST(the_first_requests_are_refused)
{
	psm_producer *p;

	answer(_i);
	p = kafka_start(kafka_settings(small_requests), hear);
	send_slowly(p, 0, EVENTS, BURST, KEYS);
	flush(p);
	kafka_close(p);
	check_there(EVENTS);
	if (shapes[_i].first)
		kafka_check(topic, EVENTS, KEYS, 0);
}
END_TEST

/* The broker is away for a while, and refuses what had to wait. On the mock,
 * only librdkafka keeps the order then. */
START_TEST(the_broker_comes_back_and_refuses)
{
	psm_producer *p = kafka_start(kafka_settings(small_requests), hear);

	kafka_send(p, topic, 0, 10, KEYS);
	flush(p);
	mock_set_down(&mock, 1);
	kafka_send(p, topic, 10, 20, KEYS);
	answer(_i);
	mock_set_down(&mock, 0);
	send_slowly(p, 20, EVENTS, DROP, KEYS);
	flush(p);
	kafka_close(p);
	check_there(EVENTS);
}
END_TEST

/* A partition that was silent for so long that brokers forgot the producer. */
START_TEST(a_silent_partition_is_opened_again)
{
	psm_producer *p = kafka_start(kafka_settings(small_requests), hear);
	int until = 0;

	psm__kafka_forget_ms = -1; /* at once */
	for (int i = 0; i < 3; i++) {
		answer_late(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
		send_slowly(p, until, until + EVENTS, BURST, 1);
		until += EVENTS;
		flush(p);
	}
	ck_assert_int_eq(psm_producer_stat(p, "restarts"), 0);
	kafka_close(p);
	check_there(until);
	kafka_check(topic, until, 1, 0);
}
END_TEST

/* Partitions that nobody leads stand in the way of no other. */
START_TEST(a_partition_without_a_leader_waits_alone)
{
	psm_producer *p;
	int i;

	for (i = 1; i < PARTITIONS; i++)
		rd_kafka_mock_partition_set_leader(mock.cluster, topic, i, -1);
	p = kafka_start(kafka_settings(small_requests), hear);
	kafka_send(p, topic, 0, EVENTS, KEYS);
	KAFKA_UNTIL(psm_producer_stat(p, "sent") >= EVENTS / KEYS);
	ck_assert_int_lt(psm_producer_stat(p, "sent"), EVENTS);
	for (i = 1; i < PARTITIONS; i++)
		rd_kafka_mock_partition_set_leader(mock.cluster, topic, i, 1);
	flush(p);
	kafka_close(p);
	check_there(EVENTS);
	kafka_check(topic, EVENTS, KEYS, 1);
}
END_TEST

/* Closed while most of it waits for a first acknowledgement: the next one sends
 * it. */
START_TEST(what_waits_is_given_back_at_close)
{
	psm_producer *p = kafka_start(kafka_settings(small_requests), NULL);
	size_t left = 0;

	rd_kafka_mock_broker_set_rtt(mock.cluster, -1, 5000);
	kafka_send(p, topic, 0, EVENTS, KEYS);
	ck_assert_int_le(psm_producer_close(p, 300, &left, NULL), 0);
	ck_assert_uint_gt(left, 0);
	psm_producer_free(p);
	rd_kafka_mock_broker_set_rtt(mock.cluster, -1, 0);
	p = kafka_start(kafka_settings(small_requests), NULL);
	kafka_close(p);
	kafka_check(topic, EVENTS, KEYS, 0);
}
END_TEST

/* What librdkafka asks us about events that have no order: nothing, or where
 * each of them goes. */
static const char *const unasked[] = {NULL};
static const char *const asked[] = {
    "PSYMATCH_KAFKA_sticky_partitioning_linger_ms", "0", NULL};

START_TEST(events_without_a_key_are_sent)
{
	static const char text[] =
	    "{\"event_id\":\"00000000-0000-4000-8000-%012d\","
	    "\"event_type\":\"weather.changed\",\"version\":\"1.0\","
	    "\"timestamp\":\"2025-01-01T00:00:00Z\",\"producer\":\"test\","
	    "\"payload\":{\"n\":%d}}";
	psm_producer *p =
	    kafka_start(kafka_settings(_i ? asked : unasked), hear);

	for (int n = 0; n < EVENTS; n++) {
		psm_event *ev = NULL;
		char json[300];
		int len = snprintf(json, sizeof json, text, n, n);

		ck_assert_int_eq(psm_event_parse(json, (size_t)len, &ev, NULL),
		                 0);
		ck_assert_ptr_null(psm_event_key(ev));
		ck_assert_int_eq(psm_producer_send(p, topic, ev, NULL), 0);
		psm_event_free(ev);
	}
	flush(p);
	ck_assert_int_eq(psm_producer_stat(p, "restarts"), 0);
	kafka_close(p);
	check_there(EVENTS);
}
END_TEST

static TCase *
add_case(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	suite_add_tcase(suite, tc);
	return tc;
}

int
main(void)
{
	Suite *suite = suite_create("kafka_acks");
	int count = (int)PSM__COUNT(shapes);
	TCase *tc;

	tcase_add_loop_test(add_case(suite, "first"),
	                    the_first_requests_are_refused, 0, count);
	tcase_add_loop_test(add_case(suite, "back"),
	                    the_broker_comes_back_and_refuses, 0, count);
	tc = add_case(suite, "waiting");
	tcase_add_test(tc, a_silent_partition_is_opened_again);
	tcase_add_test(tc, a_partition_without_a_leader_waits_alone);
	tcase_add_test(tc, what_waits_is_given_back_at_close);
	tcase_add_loop_test(tc, events_without_a_key_are_sent, 0, 2);
	return testing_run(srunner_create(suite));
}
