/* SPDX-License-Identifier: BSD-2-Clause */
/* What only the kafka transport does: settings, refusals, the death of a
 * client. The common behaviour is in suite_bus.c. */
#include <stdio.h>
#include <string.h>

#include "transport/kafka/kafka_int.h"
#include "transport/kafka/kafka.h"
#include "mock.h"
#include "testing.h"

#define PATIENCE_MS 60000
#define TOPIC "kafka-events"

static const struct {
	const char *name, *value;
	const char *message; /* part of it; NULL: accepted */
} settings[] = {
    {"PSYMATCH_KAFKA_linger_ms", "20", NULL},
    {"PSYMATCH_KAFKA_fetch_min_bytes", "10", NULL},
    {"PSYMATCH_KAFKA_log_level", "6", NULL},
    {"PSYMATCH_KAFKA_compression_codec", "gzip", NULL},
    {"PSYMATCH_KAFKA_lingr_ms", "20",
     "PSYMATCH_KAFKA_lingr_ms: librdkafka has no property"},
    {"PSYMATCH_KAFKA_linger_ms", "soon", "PSYMATCH_KAFKA_linger_ms: "},
    {"PSYMATCH_KAFKA_fetch_min_bytes", "-1",
     "PSYMATCH_KAFKA_fetch_min_bytes: "},
    {"PSYMATCH_KAFKA_enable_auto_commit", "true",
     "PSYMATCH_KAFKA_enable_auto_commit: is set by the library"},
    {"PSYMATCH_KAFKA_group_id", "mine",
     "PSYMATCH_KAFKA_group_id: is set by the library"},
    {"PSYMATCH_KAFKA_transactional_id", "mine",
     "PSYMATCH_KAFKA_transactional_id: is set by the library"},
    {"PSYMATCH_KAFKA_acks", "all", NULL},
    {"PSYMATCH_KAFKA_acks", "0", "PSYMATCH_KAFKA_acks or "},
    {"PSYMATCH_KAFKA_acks", "1", "want all, got 1"},
    {"PSYMATCH_KAFKA_request_required_acks", "0", "want all, got 0"},
    {"KAFKA_BOOTSTRAP_SERVERS", ",", "KAFKA_BOOTSTRAP_SERVERS: want HOST:PORT"},
};

START_TEST(checks_settings_at_open)
{
	psm_error *err = psm_error_new();
	psm_transport *t = NULL;
	psm_config *cfg = NULL;
	int rc;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, settings[_i].name, settings[_i].value, NULL),
	    0);
	rc = psm_transport_open(cfg, &t, err);
	if (settings[_i].message) {
		ck_assert_int_eq(rc, PSM_ERR_CONFIG);
		ck_assert_ptr_null(t);
		ck_assert_msg(strstr(psm_error_message(err),
		                     settings[_i].message) != NULL,
		              "%s", psm_error_message(err));
	} else {
		ck_assert_msg(rc == 0, "%s", psm_error_message(err));
	}
	psm_transport_unref(t);
	psm_config_free(cfg);
	psm_error_free(err);
}
END_TEST

static const char *
property(const rd_kafka_conf_t *conf, const char *key)
{
	static char value[256];
	size_t size = sizeof(value);

	ck_assert_int_eq(rd_kafka_conf_get(conf, key, value, &size),
	                 RD_KAFKA_CONF_OK);
	return value;
}

/* The user's word goes before ours, and each client gets its own kind. */
START_TEST(passes_properties_through)
{
	rd_kafka_conf_t *conf = NULL;
	psm_config *cfg = NULL;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_KAFKA_linger_ms", "77", NULL), 0);
	ck_assert_int_eq(psm_config_set(cfg,
	                                "PSYMATCH_KAFKA_session_timeout_ms",
	                                "12345", NULL),
	                 0);
	ck_assert_int_eq(psm_config_set(cfg, "KAFKA_LOG_LEVEL", "ERROR", NULL),
	                 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_QUEUE_MAX", "1234", NULL), 0);
	ck_assert_int_eq(psm__kafka_conf(cfg, RD_KAFKA_PRODUCER, &conf, NULL),
	                 0);
	ck_assert_str_eq(property(conf, "linger.ms"), "77");
	ck_assert_str_eq(property(conf, "session.timeout.ms"), "45000");
	ck_assert_str_eq(property(conf, "enable.idempotence"), "true");
	ck_assert_str_eq(property(conf, "acks"), "-1");
	ck_assert_str_eq(property(conf, "message.timeout.ms"), "0");
	ck_assert_str_eq(property(conf, "partitioner"), "murmur2_random");
	ck_assert_str_eq(
	    property(conf, "max.in.flight.requests.per.connection"), "2");
	ck_assert_str_eq(property(conf, "reconnect.backoff.max.ms"), "1000");
	ck_assert_str_eq(property(conf, "queue.buffering.max.messages"),
	                 "1234");
	ck_assert_str_eq(property(conf, "log_level"), "3");
	rd_kafka_conf_destroy(conf);
	ck_assert_int_eq(psm__kafka_conf(cfg, RD_KAFKA_CONSUMER, &conf, NULL),
	                 0);
	ck_assert_str_eq(property(conf, "session.timeout.ms"), "12345");
	ck_assert_str_eq(property(conf, "linger.ms"), "5");
	ck_assert_str_eq(property(conf, "enable.auto.commit"), "false");
	ck_assert_str_eq(property(conf, "enable.auto.offset.store"), "false");
	ck_assert_str_eq(property(conf, "auto.offset.reset"), "smallest");
	ck_assert_str_eq(property(conf, "partition.assignment.strategy"),
	                 "range");
	rd_kafka_conf_destroy(conf);
	psm_config_free(cfg);
}
END_TEST

/* Each kind of client gets what it knows, by the table of the library that is
 * there: it warns about anything else. */
static int warnings;

static void
count_warnings(int level, const char *message, const char *const *fields,
               void *user)
{
	(void)level;
	(void)message;
	(void)user;
	for (; *fields; fields += 2)
		if (strstr(fields[1], "will be ignored by this"))
			__atomic_add_fetch(&warnings, 1, __ATOMIC_RELAXED);
}

/* 1: the library that is there has the property. */
static int
is_known(const char *name, const char *value)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char key[128], text[256];
	rd_kafka_conf_res_t rc;
	char *p;

	snprintf(key, sizeof(key), "%.*s", (int)(value - 1 - name), name);
	for (p = key; *p; p++)
		if (*p == '_')
			*p = '.';
	rc = rd_kafka_conf_set(conf, key, value, text, sizeof(text));
	rd_kafka_conf_destroy(conf);
	return rc != RD_KAFKA_CONF_UNKNOWN;
}

START_TEST(no_client_gets_what_it_does_not_know)
{
	static const char *const one_kind[] = {
	    "allow_auto_create_topics=true",
	    "batch_size=100000",
	    "check_crcs=true",
	    "compression_type=lz4",
	    "fetch_error_backoff_ms=300",
	    "fetch_min_bytes=1",
	    "heartbeat_interval_ms=1000",
	    "linger_ms=3",
	    "message_timeout_ms=0",
	    "partitioner=murmur2",
	    "request_timeout_ms=20000",
	    "session_timeout_ms=9000",
	    "sticky_partitioning_linger_ms=5",
	    "retry_backoff_ms=150",
	    "socket_timeout_ms=50000",
	    /* of later versions */
	    "fetch_queue_backoff_ms=500",
	    "group_protocol=classic",
	    "retry_backoff_max_ms=800",
	};
	rd_kafka_type_t types[] = {RD_KAFKA_PRODUCER, RD_KAFKA_CONSUMER};
	psm_error *err = psm_error_new();
	psm_config *cfg = NULL;
	size_t i;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	for (i = 0; i < PSM__COUNT(one_kind); i++) {
		const char *value = strchr(one_kind[i], '=') + 1;
		char name[128];

		if (!is_known(one_kind[i], value))
			continue;
		snprintf(name, sizeof(name), "PSYMATCH_KAFKA_%.*s",
		         (int)(value - 1 - one_kind[i]), one_kind[i]);
		ck_assert_int_eq(psm_config_set(cfg, name, value, NULL), 0);
	}
	psm_set_log(count_warnings, PSM_LOG_DEBUG, NULL);
	for (i = 0; i < PSM__COUNT(types); i++) {
		rd_kafka_conf_t *conf = NULL;
		struct psm__kafka_link link = {0};
		rd_kafka_t *rk = NULL;

		ck_assert_msg(psm__kafka_conf(cfg, types[i], &conf, err) == 0,
		              "%s", psm_error_message(err));
		ck_assert_str_eq(property(conf, "linger.ms"),
		                 types[i] == RD_KAFKA_PRODUCER ? "3" : "5");
		psm__kafka_link_init(&link, &link);
		ck_assert_int_eq(
		    psm__kafka_client(types[i], conf, &link, &rk, NULL), 0);
		rd_kafka_destroy(rk);
		psm__kafka_link_destroy(&link);
	}
	ck_assert_int_eq(__atomic_load_n(&warnings, __ATOMIC_RELAXED), 0);
	psm_error_free(err);
	psm_set_log(NULL, PSM_LOG_ERROR, NULL);
	psm_config_free(cfg);
}
END_TEST

/* Without sequence numbers fewer acknowledgements are the user's choice, but
 * some there must be. */
START_TEST(some_acknowledgement_there_must_be)
{
	rd_kafka_conf_t *conf = NULL;
	psm_config *cfg = NULL;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_config_set(cfg,
	                                "PSYMATCH_KAFKA_enable_idempotence",
	                                "false", NULL),
	                 0);
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_KAFKA_acks", "1", NULL),
	                 0);
	ck_assert_int_eq(psm__kafka_conf(cfg, RD_KAFKA_PRODUCER, &conf, NULL),
	                 0);
	rd_kafka_conf_destroy(conf);
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_KAFKA_acks", "0", NULL),
	                 0);
	ck_assert_int_eq(psm__kafka_conf(cfg, RD_KAFKA_PRODUCER, &conf, NULL),
	                 PSM_ERR_CONFIG);
	psm_config_free(cfg);
}
END_TEST

/* What is written before an outage and read after it would hide the outage for
 * as long as it lasts. */
START_TEST(old_statistics_hide_no_outage)
{
	static const char up[] = "{\"brokers\":{\"a\":{\"state\":\"UP\"}}}";
	static const char down[] = "{\"brokers\":{\"a\":{\"state\":\"DOWN\"}}}";
	struct psm__kafka_link link = {0};

	psm__kafka_link_init(&link, &link);
	psm__kafka_stats(&link, down);
	ck_assert(!psm__kafka_connected(&link));
	psm__kafka_stats(&link, up);
	ck_assert(psm__kafka_connected(&link));
	psm__kafka_down(&link);
	ck_assert(!psm__kafka_connected(&link));
	psm__kafka_stats(&link, up); /* can be older */
	ck_assert(!psm__kafka_connected(&link));
	psm__kafka_stats(&link, down);
	ck_assert(!psm__kafka_connected(&link));
	psm__kafka_stats(&link, up);
	ck_assert(psm__kafka_connected(&link));
	psm__kafka_link_destroy(&link);
}
END_TEST

/* -- the sink */

struct tally {
	int ok, retry, too_large, closed, other;
	int total;
};

static void
on_report(uint64_t token, int rc, const char *reason, void *user)
{
	struct tally *n = user;

	(void)token;
	(void)reason;
	n->total++;
	if (rc == 0)
		n->ok++;
	else if (rc == PSM_ERR_RETRY)
		n->retry++;
	else if (rc == PSM_ERR_TOO_LARGE)
		n->too_large++;
	else if (rc == PSM_ERR_CLOSED)
		n->closed++;
	else
		n->other++;
}

static struct psm__sink *
open_sink(psm_transport *t, struct tally *n)
{
	struct psm__sink *s = NULL;

	memset(n, 0, sizeof(*n));
	ck_assert_int_eq(t->ops->open_sink(t, on_report, n, &s, NULL), 0);
	return s;
}

static int
send_bytes(struct psm__sink *s, const char *value, size_t len)
{
	struct psm__message m = {
	    .topic = TOPIC,
	    .key = "1",
	    .key_len = 1,
	    .value = value,
	    .value_len = len,
	};

	return s->ops->send(s, &m, NULL);
}

static void
await(struct psm__sink *s, const struct tally *n, int total)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;

	while (n->total < total && psm__mono_ms() < deadline)
		ck_assert_int_ge(s->ops->poll(s, 100, NULL), 0);
	ck_assert_int_eq(n->total, total);
}

/* Topics are looked for twice a second. */
static const char *const quick[] = {
    "PSYMATCH_KAFKA_topic_metadata_propagation_max_ms", "500",
    "PSYMATCH_KAFKA_topic_metadata_refresh_interval_ms", "500", NULL};

/* As a producer does it: PSM_ERR_RETRY is no reason to give up. */
static void
send_patiently(struct psm__sink *s)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	int rc;

	while ((rc = send_bytes(s, "x", 1)) == PSM_ERR_RETRY) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		ck_assert_int_eq(s->ops->poll(s, 50, NULL), 0);
	}
	ck_assert_int_eq(rc, 0);
}

START_TEST(says_full_and_too_large)
{
	static const char *const small[] = {"PSYMATCH_QUEUE_MAX", "10", NULL};
	static char big[1100000];
	psm_transport *t;
	struct psm__sink *s;
	struct tally n;
	struct mock mock;
	int i;

	mock_open(&mock, TOPIC, 3);
	t = mock_transport(&mock, small);
	mock_set_down(&mock, 1);
	s = open_sink(t, &n);
	ck_assert_int_eq(send_bytes(s, big, sizeof(big)), PSM_ERR_TOO_LARGE);
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(send_bytes(s, "x", 1), 0);
	ck_assert_int_eq(send_bytes(s, "x", 1), PSM_ERR_FULL);
	mock_set_down(&mock, 0);
	await(s, &n, 10);
	ck_assert_int_eq(n.ok, 10);
	ck_assert_int_eq(send_bytes(s, "x", 1), 0);
	s->ops->close(s, PATIENCE_MS);
	ck_assert_int_eq(n.ok, 11);
	psm_transport_unref(t);
	mock_close(&mock);
}
END_TEST

/* A topic that there is no memory for now is no wrong topic: its event would be
 * refused for good. */
START_TEST(short_of_memory)
{
	psm_transport *t;
	struct psm__sink *s;
	struct tally n;
	struct mock mock;

	ck_assert_int_eq(
	    psm_set_allocator(testing_alloc, testing_realloc, testing_free), 0);
	mock_open(&mock, TOPIC, 1);
	t = mock_transport(&mock, NULL);
	s = open_sink(t, &n);
	atomic_store(&testing_memory.calls, 0);
	testing_memory.fail_at = 1;
	ck_assert_int_eq(send_bytes(s, "x", 1), PSM_ERR_NOMEM);
	testing_memory.fail_at = 0;
	send_patiently(s);
	s->ops->close(s, PATIENCE_MS);
	ck_assert_int_eq(n.ok, 1);
	psm_transport_unref(t);
	mock_close(&mock);
}
END_TEST

/* Errors that pass are librdkafka's to retry: nobody hears of them. */
START_TEST(rides_out_broker_errors)
{
	psm_transport *t;
	struct psm__sink *s;
	struct tally n;
	struct mock mock;
	int i;

	mock_open(&mock, TOPIC, 3);
	t = mock_transport(&mock, NULL);
	rd_kafka_mock_push_request_errors(
	    mock.cluster, 0 /* Produce */, 3, RD_KAFKA_RESP_ERR__TRANSPORT,
	    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
	    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
	s = open_sink(t, &n);
	for (i = 0; i < 50; i++)
		ck_assert_int_eq(send_bytes(s, "x", 1), 0);
	await(s, &n, 50);
	ck_assert_int_eq(n.ok, 50);
	s->ops->close(s, PATIENCE_MS);
	psm_transport_unref(t);
	mock_close(&mock);
}
END_TEST

/* What the broker refuses for good, and what it refuses for now. */
/* The client dies of a refusal, so that nothing behind it can overtake. */
static struct tally
refuse_one(psm_transport *t)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	psm_error *err = psm_error_new();
	struct tally n;
	struct psm__sink *s = open_sink(t, &n);

	ck_assert_int_eq(send_bytes(s, "x", 1), 0);
	while (n.total < 1 && psm__mono_ms() < deadline)
		(void)s->ops->poll(s, 100, NULL);
	ck_assert_int_eq(s->ops->poll(s, 0, err), PSM_ERR_BROKER);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "GAPLESS"));
	psm_error_free(err);
	s->ops->close(s, PATIENCE_MS);
	ck_assert_int_eq(n.total, 1);
	return n;
}

START_TEST(tells_final_from_passing)
{
	psm_transport *t;
	struct psm__sink *s;
	struct tally n;
	struct mock mock;

	mock_open(&mock, TOPIC, 3);
	t = mock_transport(&mock, quick);
	rd_kafka_mock_push_request_errors(
	    mock.cluster, 0, 2, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
	    RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	ck_assert_int_eq(refuse_one(t).too_large, 1);
	ck_assert_int_eq(refuse_one(t).retry, 1);
	s = open_sink(t, &n);
	send_patiently(s);
	await(s, &n, 1);
	ck_assert_int_eq(n.ok, 1);
	s->ops->close(s, PATIENCE_MS);
	psm_transport_unref(t);
	mock_close(&mock);
}
END_TEST

/* A topic that is not there loses nothing: try again, and it works as soon as
 * it is there. */
START_TEST(waits_for_a_topic)
{
	psm_transport *t;
	struct psm__sink *s;
	struct tally n;
	struct mock mock;

	mock_open(&mock, TOPIC, 3);
	t = mock_transport(&mock, quick);
	rd_kafka_mock_topic_set_error(mock.cluster, TOPIC,
	                              RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	s = open_sink(t, &n);
	ck_assert_int_eq(send_bytes(s, "x", 1), 0);
	await(s, &n, 1);
	ck_assert_int_eq(n.retry, 1);
	ck_assert_int_eq(send_bytes(s, "x", 1), PSM_ERR_RETRY);

	rd_kafka_mock_topic_set_error(mock.cluster, TOPIC,
	                              RD_KAFKA_RESP_ERR_NO_ERROR);
	send_patiently(s);
	await(s, &n, 2);
	ck_assert_int_eq(n.ok, 1);
	s->ops->close(s, PATIENCE_MS);
	psm_transport_unref(t);
	mock_close(&mock);
}
END_TEST

/* A dead client says so, gives everything back, and the next one works. */
START_TEST(dies_without_losing)
{
	psm_transport *t;
	struct psm__sink *s;
	struct tally n;
	struct mock mock;
	int i;

	mock_open(&mock, TOPIC, 3);
	t = mock_transport(&mock, NULL);
	mock_set_down(&mock, 1);
	s = open_sink(t, &n);
	for (i = 0; i < 20; i++)
		ck_assert_int_eq(send_bytes(s, "x", 1), 0);
	psm__kafka_kill_sink(s);
	ck_assert_int_eq(send_bytes(s, "x", 1), PSM_ERR_BROKER);
	ck_assert_int_eq(s->ops->poll(s, 0, NULL), PSM_ERR_BROKER);
	s->ops->close(s, PATIENCE_MS);
	ck_assert_int_eq(n.total, 20);
	ck_assert_int_eq(n.closed, 20);

	mock_set_down(&mock, 0);
	s = open_sink(t, &n);
	ck_assert_int_eq(send_bytes(s, "x", 1), 0);
	await(s, &n, 1);
	ck_assert_int_eq(n.ok, 1);
	s->ops->close(s, PATIENCE_MS);
	psm_transport_unref(t);
	mock_close(&mock);
}
END_TEST

static void
add_case(Suite *suite, const char *name, const TTest *test)
{
	tcase_add_test(testing_case(suite, name), test);
}

int
main(void)
{
	Suite *suite = suite_create("kafka");
	TCase *tc = tcase_create("settings");

	tcase_add_loop_test(tc, checks_settings_at_open, 0,
	                    PSM__COUNT(settings));
	tcase_add_test(tc, passes_properties_through);
	tcase_add_test(tc, no_client_gets_what_it_does_not_know);
	tcase_add_test(tc, some_acknowledgement_there_must_be);
	tcase_add_test(tc, old_statistics_hide_no_outage);
	suite_add_tcase(suite, tc);
	add_case(suite, "full", says_full_and_too_large);
	add_case(suite, "memory", short_of_memory);
	add_case(suite, "errors", rides_out_broker_errors);
	add_case(suite, "final", tells_final_from_passing);
	add_case(suite, "topic", waits_for_a_topic);
	add_case(suite, "fatal", dies_without_losing);
	return testing_run(srunner_create(suite));
}
