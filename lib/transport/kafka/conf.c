/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings of the librdkafka clients: ours, then the user's. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "transport/kafka/prefetch.h"

/* Room that the broker's record batch needs around one event. */
#define BATCH_OVERHEAD 1024
#define MESSAGE_MAX_DEFAULT 1000000

struct setting {
	const char *key, *value;
};

static const struct setting common[] = {
    {"client.id", "psymatch"},
    {"socket.keepalive.enable", "true"},
    /* With the default of 10 s, an outage of 4 s lasts 7 s on average. */
    {"reconnect.backoff.ms", "100"},
    {"reconnect.backoff.max.ms", "1000"},
    /* Feeds connected(). */
    {"statistics.interval.ms", "1000"},
    /* How soon a topic that was created late is found. */
    {"topic.metadata.refresh.interval.ms", "10000"},
};

static const struct setting producer[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    /* No timeout: the spool decides how long an event may wait. */
    {"message.timeout.ms", "0"},
    {"linger.ms", "5"},
    /* Where the Java and Python clients put a key. */
    {"partitioner", "murmur2_random"},
    {"compression.codec", "lz4"},
    /* A broker works on one request of a connection at a time, so a second
     * one is enough for it never to wait. With the default of 5, librdkafka's
     * thread polls without waiting while a partition has a request on its way
     * and more to send: up to two polls per event. */
    {"max.in.flight.requests.per.connection", "2"},
};

static const struct setting consumer[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "earliest"},
    /* The cooperative assignor has faults before librdkafka 2.6.1. */
    {"partition.assignment.strategy", "range"},
    {"max.poll.interval.ms", "300000"},
    /* A killed consumer holds its partitions this long. */
    {"session.timeout.ms", "10000"},
};

/* The library's guarantees depend on these. */
static const char *const ours_only[] = {
    "delivery.report.only.error", "enable.auto.commit",
    "enable.auto.offset.store",   "enable.gapless.guarantee",
    "enable.partition.eof",       "group.id",
    "transactional.id",
};

static int
is_one_of(const char *key, const char *const *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(key, list[i]) == 0)
			return 1;
	return 0;
}

#define IS_ONE_OF(key, list) is_one_of(key, list, PSM__COUNT(list))

static int
set_all(rd_kafka_conf_t *conf, const struct setting *list, size_t count,
        psm_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++)
		rc = psm__kafka_set(conf, list[i].key, list[i].value, err);
	return rc;
}

/* The variable as the user wrote it. */
static const char *
variable_name(const char *key, char *text, size_t size)
{
	char *p;

	snprintf(text, size, "PSYMATCH_KAFKA_%s", key);
	for (p = text; *p; p++)
		if (*p == '.')
			*p = '_';
	return text;
}

/* librdkafka repeats the value in its texts; secrets must not appear there. */
static int
is_secret(const char *key)
{
	return strstr(key, "password") || strstr(key, "secret") ||
	       strstr(key, ".pem") || strstr(key, "sasl.oauthbearer");
}

static int
set_given(rd_kafka_conf_t *conf, const char *key, const char *value,
          psm_error *err)
{
	char variable[128];
	char text[256] = "";

	/* The one name of librdkafka that has an underscore. */
	if (strcmp(key, "log.level") == 0)
		key = "log_level";
	variable_name(key, variable, sizeof(variable));
	if (IS_ONE_OF(key, ours_only))
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "%s: is set by the library and cannot be "
		                 "changed",
		                 variable);
	switch (rd_kafka_conf_set(conf, key, value, text, sizeof(text))) {
	case RD_KAFKA_CONF_OK:
		return 0;
	case RD_KAFKA_CONF_UNKNOWN:
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "%s: librdkafka has no property \"%s\"",
		                 variable, key);
	default:
		if (is_secret(key))
			snprintf(text, sizeof(text), "not a valid value");
		return psm__fail(err, PSM_ERR_CONFIG, "%s: %s", variable, text);
	}
}

static int
set_passed_through(rd_kafka_conf_t *conf, const psm_config *cfg,
                   rd_kafka_type_t type, psm_error *err)
{
	const char *key;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && (key = psm__config_kafka_name(cfg, i)); i++) {
		if (psm__kafka_kind_of(key) ==
		    (type == RD_KAFKA_PRODUCER ? 'C' : 'P'))
			continue;
		rc = set_given(conf, key, psm__config_kafka_value(cfg, i), err);
	}
	return rc;
}

static int
set_log_level(rd_kafka_conf_t *conf, const psm_config *cfg, psm_error *err)
{
	static const struct setting levels[] = {
	    {"DEBUG", "7"}, {"INFO", "6"},  {"WARNING", "4"},
	    {"WARN", "4"},  {"ERROR", "3"}, {"CRITICAL", "2"},
	};
	const char *name = psm_config_string(cfg, "KAFKA_LOG_LEVEL");
	size_t i;

	for (i = 0; name && i < PSM__COUNT(levels); i++)
		if (strcasecmp(name, levels[i].key) == 0)
			return psm__kafka_set(conf, "log_level",
			                      levels[i].value, err);
	return psm__fail(err, PSM_ERR_CONFIG,
	                 "KAFKA_LOG_LEVEL: want DEBUG, INFO, WARNING, ERROR "
	                 "or CRITICAL, got \"%s\"",
	                 name ? name : "");
}

static int
set_bootstrap(rd_kafka_conf_t *conf, const psm_config *cfg, psm_error *err)
{
	const char *servers = psm_config_string(cfg, "KAFKA_BOOTSTRAP_SERVERS");

	if (!servers || !servers[strspn(servers, ", ")])
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "KAFKA_BOOTSTRAP_SERVERS: want HOST:PORT, "
		                 "got nothing");
	return psm__kafka_set(conf, "bootstrap.servers", servers, err);
}

static int
set_number(rd_kafka_conf_t *conf, const char *key, int64_t value,
           psm_error *err)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return psm__kafka_set(conf, key, text, err);
}

/* An event that the application may make must fit, here and in a fetch. */
static int
set_message_max(rd_kafka_conf_t *conf, const psm_config *cfg, psm_error *err)
{
	int64_t want = psm_config_int(cfg, "PSYMATCH_EVENT_MAX_BYTES");

	want += BATCH_OVERHEAD;
	if (want <= MESSAGE_MAX_DEFAULT)
		return 0;
	return set_number(conf, "message.max.bytes", want, err);
}

static int
set_producer(rd_kafka_conf_t *conf, const psm_config *cfg, psm_error *err)
{
	int rc = set_all(conf, producer, PSM__COUNT(producer), err);

	if (rc < 0)
		return rc;
	return set_number(conf, "queue.buffering.max.messages",
	                  psm_config_int(cfg, "PSYMATCH_QUEUE_MAX"), err);
}

int
psm__kafka_is_idempotent(const rd_kafka_conf_t *conf)
{
	char value[16] = "";
	size_t size = sizeof(value);

	return rd_kafka_conf_get(conf, "enable.idempotence", value, &size) ==
	           RD_KAFKA_CONF_OK &&
	       strcmp(value, "true") == 0;
}

/*
 * When the broker refuses a batch, the batches behind it must not be stored:
 * without this property librdkafka gives them new sequence numbers and sends
 * them. With it the client ends with a fatal error, and the next client begins
 * with the batch that was refused. Without idempotence, which a user may turn
 * off, there is no such guarantee.
 */
static int
set_gapless(rd_kafka_conf_t *conf, psm_error *err)
{
	if (!psm__kafka_is_idempotent(conf))
		return 0;
	return psm__kafka_set(conf, "enable.gapless.guarantee", "true", err);
}

/* Without an acknowledgement no event has an outcome. */
static int
check_acks(const rd_kafka_conf_t *conf, psm_error *err)
{
	int idempotent = psm__kafka_is_idempotent(conf);
	char value[16] = "";
	size_t size = sizeof(value);

	if (rd_kafka_conf_get(conf, "acks", value, &size) == RD_KAFKA_CONF_OK &&
	    strcmp(value, "-1") != 0 && (idempotent || strcmp(value, "0") == 0))
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "PSYMATCH_KAFKA_acks or "
		                 "PSYMATCH_KAFKA_request_required_acks: want "
		                 "%s, got %s",
		                 idempotent ? "all" : "all, or from 1 on",
		                 value);
	return 0;
}

static int
set_ours(rd_kafka_conf_t *conf, const psm_config *cfg, rd_kafka_type_t type,
         psm_error *err)
{
	int rc = set_all(conf, common, PSM__COUNT(common), err);

	if (rc == 0)
		rc = set_bootstrap(conf, cfg, err);
	if (rc == 0)
		rc = set_log_level(conf, cfg, err);
	if (rc == 0)
		rc = set_message_max(conf, cfg, err);
	if (rc == 0 && type == RD_KAFKA_PRODUCER)
		rc = set_producer(conf, cfg, err);
	if (rc == 0 && type == RD_KAFKA_CONSUMER)
		rc = set_all(conf, consumer, PSM__COUNT(consumer), err);
	if (rc == 0 && type == RD_KAFKA_CONSUMER)
		rc = psm__kafka_prefetch(conf, cfg, err);
	return rc;
}

int
psm__kafka_conf(const psm_config *cfg, rd_kafka_type_t type,
                rd_kafka_conf_t **out, psm_error *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int rc;

	*out = NULL;
	if (!conf)
		return psm__nomem(err);
	rc = set_ours(conf, cfg, type, err);
	if (rc == 0)
		rc = set_passed_through(conf, cfg, type, err);
	if (rc == 0 && type == RD_KAFKA_PRODUCER)
		rc = check_acks(conf, err);
	if (rc == 0 && type == RD_KAFKA_PRODUCER)
		rc = set_gapless(conf, err);
	if (rc < 0) {
		rd_kafka_conf_destroy(conf);
		return rc;
	}
	*out = conf;
	return 0;
}
