/* SPDX-License-Identifier: BSD-2-Clause */
/* A librdkafka client: whether a broker answers it, what it logs, and what its
 * errors mean for a message. */
#include <stdio.h>
#include <string.h>

#include "transport/kafka/kafka_int.h"

void
psm__kafka_link_init(struct psm__kafka_link *link, void *owner)
{
	link->owner = owner;
	pthread_mutex_init(&link->lock, NULL);
}

void
psm__kafka_link_destroy(struct psm__kafka_link *link)
{
	if (link->owner)
		pthread_mutex_destroy(&link->lock);
}

void
psm__kafka_up(struct psm__kafka_link *link)
{
	if (__atomic_load_n(&link->connected, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&link->lock);
	link->last_error[0] = '\0';
	pthread_mutex_unlock(&link->lock);
	__atomic_store_n(&link->connected, 1, __ATOMIC_RELAXED);
}

void
psm__kafka_down(struct psm__kafka_link *link)
{
	__atomic_store_n(&link->stale, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&link->connected, 0, __ATOMIC_RELAXED);
}

/*
 * The only way to learn that a broker is back while nothing is sent: brokers
 * are the only objects in the statistics with the state "UP". Another thread
 * reports an outage, once; the next statistics may be older than that.
 */
void
psm__kafka_stats(struct psm__kafka_link *link, const char *json)
{
	if (__atomic_exchange_n(&link->stale, 0, __ATOMIC_RELAXED))
		return;
	if (strstr(json, "\"state\":\"UP\""))
		psm__kafka_up(link);
}

void
psm__kafka_last_error(struct psm__kafka_link *link, char *text, size_t size)
{
	pthread_mutex_lock(&link->lock);
	snprintf(text, size, "%s", link->last_error);
	pthread_mutex_unlock(&link->lock);
}

/* Which setting of ours an error is about; NULL: none of them. */
static const char *
setting_of(int code)
{
	if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION)
		return "PSYMATCH_KAFKA_sasl_username or "
		       "PSYMATCH_KAFKA_sasl_password";
	if (code == RD_KAFKA_RESP_ERR__SSL)
		return "PSYMATCH_KAFKA_ssl_ca_location or another "
		       "PSYMATCH_KAFKA_ssl_* setting";
	return NULL;
}

static void
note_setting(struct psm__kafka_link *link, const char *setting,
             const char *reason)
{
	pthread_mutex_lock(&link->lock);
	snprintf(link->last_error, sizeof(link->last_error), "%s: %s", setting,
	         reason);
	pthread_mutex_unlock(&link->lock);
}

int
psm__kafka_connected(struct psm__kafka_link *link)
{
	return __atomic_load_n(&link->connected, __ATOMIC_RELAXED);
}

/* 1: a warning about a property that the library sets itself, and that nobody
 * can change. */
static int
is_our_choice(const char *fac, const char *text)
{
	return strcmp(fac, "CONFWARN") == 0 &&
	       strstr(text, "enable.gapless.guarantee");
}

/* Any thread of librdkafka. Its texts name brokers, topics and groups, never
 * what is in a message. */
static void
on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
	int mapped = PSM_LOG_DEBUG;

	/* A broker that cannot be reached is a warning, no error of ours. */
	if (is_our_choice(fac, text))
		mapped = PSM_LOG_DEBUG;
	else if (level <= 3 && strcmp(fac, "FAIL") == 0)
		mapped = PSM_LOG_WARN;
	else if (level <= 3)
		mapped = PSM_LOG_ERROR;
	else if (level == 4)
		mapped = PSM_LOG_WARN;
	else if (level <= 6)
		mapped = PSM_LOG_INFO;
	psm__log(mapped, "librdkafka", "client", rk ? rd_kafka_name(rk) : "",
	         "facility", fac, "text", text, NULL);
}

/* Never fatal for us: librdkafka goes on trying, and a client that is dead is
 * found by rd_kafka_fatal_error(). Runs in our polls. */
static void
on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct psm__kafka_link *link = opaque;
	const char *setting = setting_of(code);
	int level = PSM_LOG_WARN;

	/* These two came as a line of the log as well. */
	if (code == RD_KAFKA_RESP_ERR__TRANSPORT ||
	    code == RD_KAFKA_RESP_ERR__RESOLVE)
		level = PSM_LOG_DEBUG;
	if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		psm__kafka_down(link);
	if (code == RD_KAFKA_RESP_ERR__FATAL || setting)
		level = PSM_LOG_ERROR;
	if (setting)
		note_setting(link, setting, reason);
	psm__log(level, "error of the Kafka client", "client",
	         rd_kafka_name(rk), "error", rd_kafka_err2name(code), "text",
	         reason, setting ? "setting" : NULL, setting, NULL);
}

/* Nothing is kept of the text, so 0 is returned. */
static int
on_stats(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
	(void)rk;
	(void)len; /* the text is NUL-terminated */
	psm__kafka_stats(opaque, json);
	return 0;
}

int
psm__kafka_client(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                  struct psm__kafka_link *link, rd_kafka_t **out,
                  psm_error *err)
{
	char text[512] = "";

	rd_kafka_conf_set_opaque(conf, link);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_stats_cb(conf, on_stats);
	*out = rd_kafka_new(type, conf, text, sizeof(text));
	if (*out)
		return 0;
	rd_kafka_conf_destroy(conf);
	if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)
		return psm__fail(err, PSM_ERR_IO, "librdkafka: %s", text);
	return psm__fail(err, PSM_ERR_CONFIG, "PSYMATCH_KAFKA_*: %s", text);
}

/* Only an error that the same message would always get is permanent. After all
 * others it is sent again, so that it is not lost. */
int
psm__kafka_outcome(rd_kafka_resp_err_t e)
{
	switch (e) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		return 0;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		return PSM_ERR_TOO_LARGE;
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
	case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION: /* not a topic name */
	case RD_KAFKA_RESP_ERR__INVALID_ARG:
		return PSM_ERR_INVAL;
	case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
	case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
	case RD_KAFKA_RESP_ERR__DESTROY:
	case RD_KAFKA_RESP_ERR__FATAL:
	case RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE:
	/* Behind a gap in the sequence numbers: the client is replaced. */
	case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
	case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
	case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
		return PSM_ERR_CLOSED;
	default:
		return PSM_ERR_RETRY;
	}
}
