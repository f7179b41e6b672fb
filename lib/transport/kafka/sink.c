/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending to Kafka. The value is not copied: librdkafka reads it where it lies
 * until the report. Only the token travels with a message, as the opaque
 * pointer of its delivery report.
 */
#include <stdlib.h>
#include <string.h>

#include "transport/kafka/kafka.h"
#include "transport/kafka/topic.h"
#include "transport/kafka/wait.h"

_Static_assert(sizeof(void *) >= sizeof(uint64_t),
               "a token must fit into librdkafka's opaque pointer");

/* How long close waits for librdkafka to hand back what it purged; measured
 * 0.1 ms for 1,000 messages. */
#define PURGE_MS 5000
/* How often to look at the system's clock. */
#define LOOK_MS 250

struct sink {
	struct psm__sink base;
	struct psm__kafka_link link;
	rd_kafka_t *rk;
	rd_kafka_queue_t *events; /* what a poll waits for */
	struct psm__kafka_wait wait;
	psm__report_fn report;
	void *user;
	psm__partitioner_fn choose; /* NULL: not idempotent */
	const char *gave_up; /* why this client must be replaced, or NULL */
	int moved;           /* __atomic; messages lost their partition */
	int reports;         /* run in this poll */
	int64_t now_ms;      /* of the last poll */
	int64_t clock;       /* for psm__clock_set_back() */
	int64_t look_at_ms;  /* when to look at the clock next */
	size_t waiting;      /* messages without a report */
	size_t waiting_max;
	struct psm__kafka_topic **topics;
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
tell(struct sink *s, uint64_t token, int rc, rd_kafka_resp_err_t e)
{
	s->reports++;
	s->waiting--;
	s->report(token, rc, rc ? rd_kafka_err2str(e) : "", s->user);
}

/* A message that waited in its topic. */
static void
on_unsent(uint64_t token, rd_kafka_resp_err_t e, void *sink)
{
	tell(sink, token, psm__kafka_outcome(e), e);
}

/*
 * A report without error and without offset is no acknowledgement by the
 * broker: librdkafka infers from the acknowledgement of a later message that
 * this one was stored as well, also when the broker had refused it.
 */
static int
outcome(struct sink *s, const rd_kafka_message_t *m)
{
	int rc = psm__kafka_outcome(m->err);

	if (rc == 0 && m->offset < 0) {
		s->gave_up = "a report has no offset: outcome unknown";
		return PSM_ERR_CLOSED;
	}
	if (rc == PSM_ERR_CLOSED && !s->gave_up)
		s->gave_up = "the client gave messages back";
	if (rc != 0 && __atomic_load_n(&s->moved, __ATOMIC_ACQUIRE))
		return PSM_ERR_CLOSED;
	return rc;
}

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct psm__kafka_link *link = opaque;
	struct sink *s = link->owner;
	struct psm__kafka_topic *t = rd_kafka_topic_opaque(m->rkt);
	uint64_t token = (uint64_t)(uintptr_t)m->_private;
	int rc = outcome(s, m);

	(void)rk;
	if (rc == 0) {
		psm__kafka_up(link);
		psm__kafka_topic_acked(t, m->partition, token, s->now_ms);
	}
	s->base.partition = m->partition;
	tell(s, token, rc, m->err);
	if (rc == PSM_ERR_RETRY)
		psm__kafka_topic_reset(t, token, m->err, on_unsent, s);
}

static int
check_alive(struct sink *s, psm_error *err)
{
	char text[256] = "";
	rd_kafka_resp_err_t e;

	e = rd_kafka_fatal_error(s->rk, text, sizeof(text));
	if (e)
		return psm__fail(err, PSM_ERR_BROKER,
		                 "the client is dead: %s: %s",
		                 rd_kafka_err2name(e), text);
	if (__atomic_load_n(&s->moved, __ATOMIC_ACQUIRE))
		return psm__fail(err, PSM_ERR_BROKER,
		                 "a topic was deleted while messages were on "
		                 "their way");
	if (s->gave_up)
		return psm__fail(err, PSM_ERR_BROKER, "%s", s->gave_up);
	return 0;
}

/* A handle per topic, kept: a look-up by name costs more than a send. */
static int
find_topic(struct sink *s, const char *name, struct psm__kafka_topic **out,
           psm_error *err)
{
	size_t i;
	int rc;

	for (i = 0; i < s->topic_count; i++) {
		*out = s->topics[i];
		if (strcmp(psm__kafka_topic_name(*out), name) == 0)
			return 0;
	}
	*out = NULL;
	if (psm__grow(&s->topics, &s->topic_cap, s->topic_count + 1,
	              sizeof(*s->topics)) < 0)
		return psm__nomem(err);
	rc = psm__kafka_topic_new(s->rk, name, s->choose, &s->moved, out, err);
	if (rc == 0)
		s->topics[s->topic_count++] = *out;
	return rc;
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

static int
sink_send(struct psm__sink *base, const struct psm__message *m, psm_error *err)
{
	struct sink *s = sink_of(base);
	struct psm__kafka_topic *topic;
	rd_kafka_resp_err_t e;
	int rc = find_topic(s, m->topic, &topic, err);

	if (rc < 0)
		return rc;
	if (s->waiting >= s->waiting_max)
		return refused(s, m, RD_KAFKA_RESP_ERR__QUEUE_FULL, err);
	e = psm__kafka_topic_send(topic, m, s->now_ms);
	if (e == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)
		return psm__nomem(err);
	if (e)
		return refused(s, m, e, err);
	s->waiting++;
	return 0;
}

static void
resume(struct sink *s)
{
	size_t i;

	for (i = 0; i < s->topic_count; i++)
		psm__kafka_topic_resume(s->topics[i], s->now_ms, on_unsent, s);
}

/* Threads of librdkafka wait until a time of the system's clock: when it was
 * set back, they may do nothing for as long. */
static void
look_at_clock(struct sink *s)
{
	if (s->now_ms < s->look_at_ms)
		return;
	s->look_at_ms = s->now_ms + LOOK_MS;
	if (psm__clock_set_back(&s->clock))
		s->gave_up = "the system's clock was set back";
}

static int
sink_poll(struct psm__sink *base, int timeout_ms, psm_error *err)
{
	struct sink *s = sink_of(base);
	int64_t until;
	int rc;

	s->reports = 0;
	s->now_ms = psm__mono_ms();
	until = s->now_ms + timeout_ms;
	rd_kafka_poll(s->rk, 0);
	/* Errors and statistics are events, too: those do not end it, unless
	 * the client is dead and never reports again. */
	while (!s->reports && check_alive(s, NULL) == 0 &&
	       psm__mono_ms() < until && psm__kafka_await(&s->wait, until))
		rd_kafka_poll(s->rk, 0);
	look_at_clock(s);
	rc = check_alive(s, err);
	if (rc == 0)
		resume(s);
	return rc < 0 ? rc : s->reports;
}

static void
sink_wake(struct psm__sink *base)
{
	psm__kafka_wake(&sink_of(base)->wait);
}

static int
sink_connected(struct psm__sink *base)
{
	return psm__kafka_connected(&sink_of(base)->link);
}

static void
sink_last_error(struct psm__sink *base, char *text, size_t size)
{
	psm__kafka_last_error(&sink_of(base)->link, text, size);
}

static void
sink_free(struct sink *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->topic_count; i++)
		psm__kafka_topic_leave(s->topics[i]);
	if (s->events) {
		rd_kafka_queue_cb_event_enable(s->events, NULL, NULL);
		rd_kafka_queue_destroy(s->events);
	}
	if (s->rk)
		rd_kafka_destroy(s->rk);
	for (i = 0; i < s->topic_count; i++)
		psm__kafka_topic_free(s->topics[i]);
	psm__free(s->topics);
	psm__kafka_link_destroy(&s->link);
	psm__kafka_wait_destroy(&s->wait);
	psm__free(s);
}

/* Without the purge, destroying the client would drop what is queued without a
 * report. */
static void
sink_close(struct psm__sink *base, int timeout_ms)
{
	struct sink *s = sink_of(base);
	int64_t deadline = psm__mono_ms() + timeout_ms, left = timeout_ms;
	size_t i;

	while (s->waiting > 0 && left > 0 &&
	       sink_poll(base, (int)left, NULL) >= 0)
		left = deadline - psm__mono_ms();
	rd_kafka_purge(s->rk,
	               RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_flush(s->rk, PURGE_MS);
	for (i = 0; i < s->topic_count; i++)
		psm__kafka_topic_give_back(
		    s->topics[i], RD_KAFKA_RESP_ERR__PURGE_QUEUE, on_unsent, s);
	if (rd_kafka_outq_len(s->rk) > 0)
		psm__log(PSM_LOG_ERROR,
		         "librdkafka did not return all purged messages",
		         "client", rd_kafka_name(s->rk), NULL);
	sink_free(s);
}

static const struct psm__sink_ops sink_ops = {
    .by_batch = 1,
    .send = sink_send,
    .poll = sink_poll,
    .wake = sink_wake,
    .connected = sink_connected,
    .last_error = sink_last_error,
    .close = sink_close,
};

/* Without idempotence there are no sequence numbers, and librdkafka infers
 * nothing from them. With a partitioner that is not known here no message
 * waits: then only reports without an offset tell of a loss. */
static psm__partitioner_fn
partitioner_of(const rd_kafka_conf_t *conf)
{
	static const struct {
		const char *name;
		psm__partitioner_fn fn;
	} known[] = {
	    {"random", rd_kafka_msg_partitioner_random},
	    {"consistent", rd_kafka_msg_partitioner_consistent},
	    {"consistent_random", rd_kafka_msg_partitioner_consistent_random},
	    {"murmur2", rd_kafka_msg_partitioner_murmur2},
	    {"murmur2_random", rd_kafka_msg_partitioner_murmur2_random},
	    {"fnv1a", rd_kafka_msg_partitioner_fnv1a},
	    {"fnv1a_random", rd_kafka_msg_partitioner_fnv1a_random},
	};
	char name[32] = "";
	size_t size = sizeof(name), i;

	if (!psm__kafka_is_idempotent(conf) ||
	    rd_kafka_conf_get(conf, "partitioner", name, &size) !=
	        RD_KAFKA_CONF_OK)
		return NULL;
	for (i = 0; i < PSM__COUNT(known); i++)
		if (strcmp(name, known[i].name) == 0)
			return known[i].fn;
	return NULL;
}

static size_t
queue_max(const rd_kafka_conf_t *conf)
{
	char text[32] = "";
	size_t size = sizeof(text);
	long max = 0;

	if (rd_kafka_conf_get(conf, "queue.buffering.max.messages", text,
	                      &size) == RD_KAFKA_CONF_OK)
		max = strtol(text, NULL, 10);
	return max > 0 ? (size_t)max : SIZE_MAX; /* 0: no limit */
}

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
	if (!s || psm__kafka_wait_init(&s->wait) < 0) {
		psm__free(s);
		rd_kafka_conf_destroy(conf);
		return psm__nomem(err);
	}
	s->base.ops = &sink_ops;
	psm__kafka_link_init(&s->link, s);
	s->report = report;
	s->user = user;
	s->choose = partitioner_of(conf);
	s->waiting_max = queue_max(conf);
	s->now_ms = psm__mono_ms();
	(void)psm__clock_set_back(&s->clock);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rc = psm__kafka_client(RD_KAFKA_PRODUCER, conf, &s->link, &s->rk, err);
	if (rc < 0) {
		sink_free(s);
		return rc;
	}
	s->events = rd_kafka_queue_get_main(s->rk);
	rd_kafka_queue_cb_event_enable(s->events, psm__kafka_raise, &s->wait);
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
