/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a topic of Kafka without a group: partitions are assigned by hand,
 * nothing is committed. */
#include <string.h>

#include "transport/kafka/prefetch.h"
#include "transport/kafka/record.h"
#include "transport/kafka/wait.h"

/* librdkafka wants a name of a group even where none is joined. */
#define NO_GROUP "psymatch-replay"
/* How often to look at the system's clock. */
#define LOOK_MS 250

struct range {
	int32_t partition;
	int64_t from, next, end; /* offsets; next may be below from */
};

struct reader {
	struct psm__reader base;
	const struct psm__kafka *k; /* a reference */
	char *topic;
	struct psm__kafka_link link;
	struct psm__kafka_wait wait;
	struct psm__kafka_waker waker;
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue; /* its messages */
	int64_t clock;           /* for psm__clock_set_back() */
	int64_t look_at_ms;      /* when to look at the clock next */
	struct range *ranges;
	size_t count;
	size_t left; /* ranges that are not at their end */
	int follow;  /* the ends of the log are no ends */
};

static struct reader *
reader_of(struct psm__reader *r)
{
	return (struct reader *)r;
}

static int
fail_broker(psm_error *err, const char *what, rd_kafka_resp_err_t e)
{
	if (e == RD_KAFKA_RESP_ERR__TIMED_OUT ||
	    e == RD_KAFKA_RESP_ERR__TRANSPORT)
		return psm__fail(err, PSM_ERR_TIMEOUT, "%s: no answer", what);
	return psm__fail(err, PSM_ERR_BROKER, "%s: %s", what,
	                 rd_kafka_err2str(e));
}

static struct range *
find(struct reader *r, int32_t partition)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		if (r->ranges[i].partition == partition)
			return &r->ranges[i];
	return NULL;
}

/* -- its client */

static int
start_client(struct reader *r, psm_error *err)
{
	rd_kafka_conf_t *conf = NULL;
	int rc = psm__kafka_conf(r->k->cfg, RD_KAFKA_CONSUMER, &conf, err);

	if (rc < 0)
		return rc;
	rc = psm__kafka_set(conf, "group.id", NO_GROUP, err);
	if (rc == 0)
		rc = psm__kafka_set(conf, "enable.partition.eof", "true", err);
	if (rc == 0)
		rc = psm__kafka_waker_init(&r->waker, conf, r->k->cfg, err);
	if (rc < 0) {
		rd_kafka_conf_destroy(conf);
		return rc;
	}
	rc = psm__kafka_client(RD_KAFKA_CONSUMER, conf, &r->link, &r->rk, err);
	if (rc < 0)
		return rc;
	r->waker.rk = r->waker.user ? r->rk : NULL;
	rd_kafka_poll_set_consumer(r->rk);
	r->queue = rd_kafka_queue_get_consumer(r->rk);
	rd_kafka_queue_cb_event_enable(r->queue, psm__kafka_raise, &r->wait);
	return 0;
}

static void
end_client(struct reader *r)
{
	if (r->queue) {
		rd_kafka_queue_cb_event_enable(r->queue, NULL, NULL);
		rd_kafka_queue_destroy(r->queue);
	}
	if (r->rk)
		rd_kafka_destroy_flags(r->rk,
		                       RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	psm__kafka_waker_destroy(&r->waker);
	r->queue = NULL;
	r->rk = NULL;
}

static int
assign(struct reader *r, psm_error *err)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t e;
	size_t i;

	r->left = 0;
	list = rd_kafka_topic_partition_list_new((int)r->count);
	for (i = 0; i < r->count; i++) {
		const struct range *range = &r->ranges[i];

		if (range->next >= range->end)
			continue;
		rd_kafka_topic_partition_list_add(list, r->topic,
		                                  range->partition)
		    ->offset = range->next;
		r->left++;
	}
	e = r->left > 0 ? rd_kafka_assign(r->rk, list)
	                : RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_topic_partition_list_destroy(list);
	return e ? fail_broker(err, "assignment", e) : 0;
}

/* -- reading */

/* It is read until next. */
static void
advance(struct reader *r, struct range *range, int64_t next)
{
	if (range->next < range->end && next >= range->end)
		r->left--;
	range->next = next;
}

/* 1: a record. 0: not one that is wanted. */
static int
look_at(struct reader *r, rd_kafka_message_t *m, struct psm__record *rec,
        psm_error *err)
{
	struct range *range = find(r, m->partition);
	int rc = 0;

	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && range && !r->follow) {
		/* What is missing until the end are holes in the log. */
		advance(r, range, range->end);
	} else if (m->err) {
		rc = rd_kafka_fatal_error(r->rk, NULL, 0)
		         ? psm__fail(err, PSM_ERR_BROKER, "%s",
		                     rd_kafka_err2name(m->err))
		         : 0;
	} else if (range && m->offset < range->from) {
		/* It began behind the log's end: the client starts over. */
		advance(r, range, m->offset + 1);
	} else if (range && m->offset < range->end) {
		advance(r, range, m->offset + 1);
		psm__kafka_fill(rec, m);
		return 1;
	} else if (range) {
		advance(r, range, range->end);
	}
	rd_kafka_message_destroy(m);
	return rc;
}

/*
 * Threads of librdkafka wait until a time of the system's clock: when it was
 * set back, they may do nothing for as long. Another client goes on where this
 * one came to.
 */
static int
look_at_clock(struct reader *r, int64_t now, psm_error *err)
{
	int rc;

	if (now < r->look_at_ms)
		return 0;
	r->look_at_ms = now + LOOK_MS;
	if (!psm__clock_set_back(&r->clock))
		return 0;
	psm__log(PSM_LOG_WARN,
	         "the system's clock was set back: the client is replaced",
	         "client", rd_kafka_name(r->rk), NULL);
	end_client(r);
	rc = start_client(r, err);
	return rc == 0 ? assign(r, err) : rc;
}

/* Until a message may be there, or it is time to look at the clock. */
static void
wait_for_more(struct reader *r, int64_t deadline_ms)
{
	(void)psm__kafka_await(&r->wait, r->look_at_ms < deadline_ms
	                                     ? r->look_at_ms
	                                     : deadline_ms);
}

static int
reader_next(struct psm__reader *base, int timeout_ms, struct psm__record *rec,
            psm_error *err)
{
	struct reader *r = reader_of(base);
	int64_t now = psm__mono_ms(), deadline = now + timeout_ms;
	int rc = 0;

	for (; rc == 0 && r->left > 0 && now < deadline; now = psm__mono_ms()) {
		rd_kafka_message_t *m;

		rc = look_at_clock(r, now, err);
		if (rc < 0)
			break;
		m = rd_kafka_consumer_poll(r->rk, 0);
		if (!m) {
			wait_for_more(r, deadline);
			continue;
		}
		psm__kafka_ate(&r->waker, m->len);
		rc = look_at(r, m, rec, err);
	}
	return rc == 0 && r->left == 0 ? PSM__READER_END : rc;
}

static void
reader_release(struct psm__reader *base, struct psm__record *rec)
{
	(void)base;
	psm__kafka_release(rec);
}

static void
reader_close(struct psm__reader *base)
{
	struct reader *r = reader_of(base);

	end_client(r);
	psm__kafka_link_destroy(&r->link);
	psm__kafka_wait_destroy(&r->wait);
	if (r->k)
		psm_transport_unref((psm_transport *)(uintptr_t)&r->k->base);
	psm__free(r->ranges);
	psm__free(r->topic);
	psm__free(r);
}

static const struct psm__reader_ops reader_ops = {
    .next = reader_next,
    .release = reader_release,
    .close = reader_close,
};

/* The partitions that are wanted, without their ends. */
static int
find_partitions(struct reader *r, const struct psm__reader_conf *conf,
                int timeout_ms, psm_error *err)
{
	const rd_kafka_metadata_t *meta = NULL;
	rd_kafka_topic_t *topic = rd_kafka_topic_new(r->rk, conf->topic, NULL);
	rd_kafka_resp_err_t e;
	int rc = 0, i;

	if (!topic)
		return psm__nomem(err);
	e = rd_kafka_metadata(r->rk, 0, topic, &meta, timeout_ms);
	rd_kafka_topic_destroy(topic);
	if (!e && meta->topic_cnt == 1)
		e = meta->topics[0].err;
	if (e || meta->topic_cnt != 1) {
		if (meta)
			rd_kafka_metadata_destroy(meta);
		return fail_broker(err, conf->topic, e);
	}
	r->ranges = psm__array((size_t)meta->topics[0].partition_cnt + 1,
	                       sizeof(*r->ranges));
	if (!r->ranges)
		rc = psm__nomem(err);
	for (i = 0; i < meta->topics[0].partition_cnt && rc == 0; i++) {
		int32_t id = meta->topics[0].partitions[i].id;

		if (conf->partition < 0 || conf->partition == id)
			r->ranges[r->count++].partition = id;
	}
	rd_kafka_metadata_destroy(meta);
	if (rc == 0 && r->count == 0)
		return psm__fail(err, PSM_ERR_BROKER, "%s: no such partition",
		                 conf->topic);
	return rc;
}

/* Where the first message of a time is; times count from 1 ms on. */
static int
find_time(struct reader *r, struct range *range,
          const struct psm__reader_conf *conf, int timeout_ms, psm_error *err)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t e;
	int64_t at;

	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, conf->topic, range->partition)
	    ->offset = conf->from_ms;
	e = rd_kafka_offsets_for_times(r->rk, list, timeout_ms);
	at = list->elems[0].offset;
	if (!e)
		e = list->elems[0].err;
	rd_kafka_topic_partition_list_destroy(list);
	if (e)
		return fail_broker(err, "offsets of a time", e);
	if (at < 0) /* nothing is as young as that */
		at = range->end;
	if (at > range->next)
		range->next = at;
	return 0;
}

static int
find_ends(struct reader *r, const struct psm__reader_conf *conf, int timeout_ms,
          psm_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < r->count && rc == 0; i++) {
		struct range *range = &r->ranges[i];
		int64_t low = 0, high = 0;
		rd_kafka_resp_err_t e;

		e = rd_kafka_query_watermark_offsets(r->rk, conf->topic,
		                                     range->partition, &low,
		                                     &high, timeout_ms);
		if (e)
			return fail_broker(err, "the log's end", e);
		range->from = conf->from;
		range->next = conf->from > low ? conf->from : low;
		range->end = conf->to < high ? conf->to : high;
		if (conf->from_ms > 0)
			rc = find_time(r, range, conf, timeout_ms, err);
		if (range->end > range->next)
			r->base.expected += range->end - range->next;
		if (r->follow)
			range->end = conf->to;
	}
	return rc;
}

static struct reader *
reader_new(psm_transport *t, const char *topic)
{
	struct reader *r = psm__alloc(sizeof(*r));

	if (!r || psm__kafka_wait_init(&r->wait) < 0) {
		psm__free(r);
		return NULL;
	}
	r->base.ops = &reader_ops;
	r->k = (const struct psm__kafka *)psm_transport_ref(t);
	(void)psm__clock_set_back(&r->clock);
	psm__kafka_link_init(&r->link, r);
	r->topic = psm__strdup(topic);
	if (!r->topic) {
		reader_close(&r->base);
		return NULL;
	}
	return r;
}

int
psm__kafka_open_reader(psm_transport *t, const struct psm__reader_conf *conf,
                       int timeout_ms, struct psm__reader **out, psm_error *err)
{
	struct reader *r = reader_new(t, conf->topic);
	int rc;

	*out = NULL;
	if (!r)
		return psm__nomem(err);
	r->follow = conf->follow;
	rc = start_client(r, err);
	if (rc == 0)
		rc = find_partitions(r, conf, timeout_ms, err);
	if (rc == 0)
		rc = find_ends(r, conf, timeout_ms, err);
	if (rc == 0)
		rc = assign(r, err);
	if (rc < 0) {
		reader_close(&r->base);
		return rc;
	}
	*out = &r->base;
	return 0;
}
