/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending to Kafka. The value is not copied: librdkafka reads it where it lies
 * until the report. Only the token travels with a message, as the opaque
 * pointer of its delivery report.
 */
#include <stdio.h>
#include <string.h>

#include "bus/kafka_int.h"

_Static_assert(sizeof(void *) >= sizeof(uint64_t),
               "a token must fit into librdkafka's opaque pointer");

/* How long close waits for librdkafka to hand back what it purged; measured
 * 0.1 ms for 1,000 messages. */
#define PURGE_MS 5000

struct sink {
	struct psm__sink base;
	struct psm__kafka_link link;
	rd_kafka_t *rk;
	rd_kafka_queue_t *events; /* where a poll waits, for wake */
	psm__report_fn report;
	void *user;
	int gave_up; /* a message came back without a word of the broker */
	int reports; /* run in this poll */
	rd_kafka_topic_t **topics;
	size_t topic_count, topic_cap;
};

static struct sink *
sink_of(struct psm__sink *s)
{
	return (struct sink *)s;
}

/* The text is of the code only: rd_kafka_message_errstr() may return the
 * payload. */
static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct psm__kafka_link *link = opaque;
	struct sink *s = link->owner;
	int rc = psm__kafka_outcome(m->err);

	(void)rk;
	s->reports++;
	if (rc == 0)
		psm__kafka_up(link);
	else if (rc == PSM_ERR_CLOSED)
		s->gave_up = 1;
	s->report((uint64_t)(uintptr_t)m->_private, rc,
	          rc ? rd_kafka_err2str(m->err) : "", s->user);
}

static int
check_alive(struct sink *s, psm_error *err)
{
	char text[256] = "";
	rd_kafka_resp_err_t e;

	e = rd_kafka_fatal_error(s->rk, text, sizeof(text));
	if (!e && s->gave_up)
		return psm__fail(err, PSM_ERR_BROKER,
		                 "the client gave messages back");
	if (!e)
		return 0;
	return psm__fail(err, PSM_ERR_BROKER, "the client is dead: %s: %s",
	                 rd_kafka_err2name(e), text);
}

/* A handle per topic, kept: a look-up by name costs more than a send. */
static int
find_topic(struct sink *s, const char *name, rd_kafka_topic_t **out,
           psm_error *err)
{
	size_t i;

	for (i = 0; i < s->topic_count; i++) {
		*out = s->topics[i];
		if (strcmp(rd_kafka_topic_name(*out), name) == 0)
			return 0;
	}
	*out = NULL;
	if (psm__grow(&s->topics, &s->topic_cap, s->topic_count + 1,
	              sizeof(*s->topics)) < 0)
		return psm__nomem(err);
	*out = rd_kafka_topic_new(s->rk, name, NULL);
	if (!*out)
		return psm__fail(err, PSM_ERR_INVAL, "topic: not a topic name");
	s->topics[s->topic_count++] = *out;
	return 0;
}

static int
refused(struct sink *s, const struct psm__message *m, rd_kafka_resp_err_t e,
        psm_error *err)
{
	int rc = check_alive(s, err);

	if (rc < 0)
		return rc;
	rc = psm__kafka_outcome(e);
	if (e == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		rc = PSM_ERR_FULL;
	else if (rc == 0 || rc == PSM_ERR_CLOSED)
		rc = PSM_ERR_RETRY;
	return psm__fail(err, rc, "topic %s: %s", m->topic,
	                 rd_kafka_err2str(e));
}

static rd_kafka_headers_t *
make_headers(const struct psm__message *m)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(m->header_count);
	size_t i;

	for (i = 0; i < m->header_count; i++) {
		const struct psm__header *h = &m->headers[i];

		/* It only fails for a list that is full, which none is. */
		(void)rd_kafka_header_add(headers, h->name, -1, h->value,
		                          (ssize_t)h->len);
	}
	return headers;
}

/* Without F_COPY and F_FREE the value is only read, in spite of the missing
 * const. */
static rd_kafka_resp_err_t
produce(struct sink *s, rd_kafka_topic_t *topic, const struct psm__message *m)
{
	rd_kafka_headers_t *headers;
	rd_kafka_resp_err_t e;

	if (m->header_count == 0)
		return rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, 0,
		                        (void *)m->value, m->value_len, m->key,
		                        m->key_len,
		                        (void *)(uintptr_t)m->token) == 0
		           ? RD_KAFKA_RESP_ERR_NO_ERROR
		           : rd_kafka_last_error();
	headers = make_headers(m);
	e = rd_kafka_producev(
	    s->rk, RD_KAFKA_V_RKT(topic),
	    RD_KAFKA_V_VALUE((void *)m->value, m->value_len),
	    RD_KAFKA_V_KEY(m->key, m->key_len), RD_KAFKA_V_HEADERS(headers),
	    RD_KAFKA_V_OPAQUE((void *)(uintptr_t)m->token), RD_KAFKA_V_END);
	if (e) /* else they are librdkafka's */
		rd_kafka_headers_destroy(headers);
	return e;
}

static int
sink_send(struct psm__sink *base, const struct psm__message *m, psm_error *err)
{
	struct sink *s = sink_of(base);
	rd_kafka_topic_t *topic;
	rd_kafka_resp_err_t e;
	int rc = find_topic(s, m->topic, &topic, err);

	if (rc < 0)
		return rc;
	e = produce(s, topic, m);
	return e ? refused(s, m, e, err) : 0;
}

static int
sink_poll(struct psm__sink *base, int timeout_ms, psm_error *err)
{
	struct sink *s = sink_of(base);
	int64_t deadline = psm__mono_ms() + timeout_ms;
	int64_t left = timeout_ms;
	int rc;

	/* Errors and statistics end rd_kafka_poll() too, with a count above 0;
	 * the end of the time and a wake give 0. */
	s->reports = 0;
	while (rd_kafka_poll(s->rk, (int)left) > 0 && !s->reports) {
		left = deadline - psm__mono_ms();
		if (left < 0)
			left = 0;
	}
	rc = check_alive(s, err);
	return rc < 0 ? rc : s->reports;
}

static void
sink_wake(struct psm__sink *base)
{
	rd_kafka_queue_yield(sink_of(base)->events);
}

static int
sink_connected(struct psm__sink *base)
{
	return psm__kafka_connected(&sink_of(base)->link);
}

static void
sink_trouble(struct psm__sink *base, char *text, size_t size)
{
	psm__kafka_trouble(&sink_of(base)->link, text, size);
}

static void
sink_free(struct sink *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->topic_count; i++)
		rd_kafka_topic_destroy(s->topics[i]);
	psm__free(s->topics);
	if (s->events)
		rd_kafka_queue_destroy(s->events);
	if (s->rk)
		rd_kafka_destroy(s->rk);
	psm__kafka_link_destroy(&s->link);
	psm__free(s);
}

/* Without the purge, destroying the client would drop what is queued without a
 * report. */
static void
sink_close(struct psm__sink *base, int timeout_ms)
{
	struct sink *s = sink_of(base);

	if (check_alive(s, NULL) == 0)
		rd_kafka_flush(s->rk, timeout_ms);
	rd_kafka_purge(s->rk,
	               RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_flush(s->rk, PURGE_MS);
	if (rd_kafka_outq_len(s->rk) > 0)
		psm__log(PSM_LOG_ERROR, "librdkafka kept purged messages",
		         "client", rd_kafka_name(s->rk), NULL);
	sink_free(s);
}

static const struct psm__sink_ops sink_ops = {
    .by_batch = 1,
    .send = sink_send,
    .poll = sink_poll,
    .wake = sink_wake,
    .connected = sink_connected,
    .trouble = sink_trouble,
    .close = sink_close,
};

int
psm__kafka_open_sink(psm_transport *t, psm__report_fn report, void *user,
                     struct psm__sink **out, psm_error *err)
{
	const struct psm__kafka *k = (const struct psm__kafka *)t;
	rd_kafka_conf_t *conf = NULL;
	struct sink *s = NULL;
	int rc;

	*out = NULL;
	rc = psm__kafka_conf(k->cfg, RD_KAFKA_PRODUCER, &conf, err);
	if (rc < 0)
		return rc;
	s = psm__alloc(sizeof(*s));
	if (!s) {
		rd_kafka_conf_destroy(conf);
		return psm__nomem(err);
	}
	s->base.ops = &sink_ops;
	psm__kafka_link_init(&s->link, s);
	s->report = report;
	s->user = user;
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rc = psm__kafka_client(RD_KAFKA_PRODUCER, conf, &s->link, &s->rk, err);
	if (rc < 0) {
		sink_free(s);
		return rc;
	}
	s->events = rd_kafka_queue_get_main(s->rk);
	*out = &s->base;
	return 0;
}

void
psm__kafka_kill_sink(struct psm__sink *base)
{
	rd_kafka_test_fatal_error(
	    sink_of(base)->rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
	    "asked for by a test");
}
