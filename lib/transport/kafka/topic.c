/* SPDX-License-Identifier: BSD-2-Clause */
/* One topic of a sink. Whether a message has to wait is decided where
 * librdkafka asks for its partition. */
#include <string.h>

#include "transport/kafka/topic.h"

enum part_state {
	PART_NEW,     /* nothing is on its way to it */
	PART_OPENING, /* one message is */
	PART_OPEN     /* the broker has a message of this client */
};

struct deferred {
	struct deferred *next;
	struct psm__message m; /* what it points to but the value is behind it
	                        */
};

struct list {
	struct deferred *head, *last;
};

struct part {
	int state;       /* enum part_state */
	uint64_t opener; /* OPENING: the token */
	int64_t acked_ms;
	struct list deferred;
};

/* Not a partition: messages that wait until partitions are known. */
#define UNSORTED SIZE_MAX

struct psm__kafka_topic {
	rd_kafka_t *rk;
	rd_kafka_topic_t *rkt;
	psm__partitioner_fn choose;
	int *moved;
	struct part *parts;
	size_t part_count, part_cap;
	struct list unsorted;
	uint64_t opener; /* __atomic; token + 1 of the one message that
	                  * librdkafka has without a partition, or 0 */
	int ready;       /* something that waits may go now */
};

int psm__kafka_forget_ms = 3600 * 1000;

/* A message that this thread hands to librdkafka. */
struct attempt {
	size_t from; /* the list that it waited in; UNSORTED: none, or that */
	int64_t now_ms;
	int asked; /* its partition is known */
	int opens; /* it is the first one there */
	int shut;  /* it has to wait for the first one */
	int nomem;
	size_t partition;
};

static _Thread_local struct attempt *attempt;

/* -- lists -- */

static void
append(struct list *list, struct deferred *h)
{
	h->next = NULL;
	if (list->last)
		list->last->next = h;
	else
		list->head = h;
	list->last = h;
}

static struct deferred *
take_first(struct list *list)
{
	struct deferred *h = list->head;

	if (!h)
		return NULL;
	list->head = h->next;
	if (!list->head)
		list->last = NULL;
	return h;
}

static struct list *
list_of(struct psm__kafka_topic *t, size_t from)
{
	return from == UNSORTED ? &t->unsorted : &t->parts[from].deferred;
}

/* The value stays where it is until the report. */
static struct deferred *
copy(const struct psm__kafka_topic *t, const struct psm__message *m)
{
	size_t heads = m->header_count * sizeof(*m->headers), i;
	struct deferred *h;
	struct psm__header *headers;
	char *to;

	h = psm__alloc(sizeof(*h) + heads + m->key_len +
	               psm__header_bytes(m->headers, m->header_count));
	if (!h)
		return NULL;
	headers = (struct psm__header *)(h + 1);
	to = (char *)headers + heads;
	h->m = *m;
	h->m.topic = psm__kafka_topic_name(t);
	h->m.key = psm__put(&to, m->key, m->key_len);
	h->m.headers = headers;
	for (i = 0; i < m->header_count; i++)
		headers[i] = psm__put_header(&to, &m->headers[i]);
	return h;
}

static rd_kafka_resp_err_t
defer(struct psm__kafka_topic *t, size_t where, const struct psm__message *m)
{
	struct deferred *h;

	if (rd_kafka_fatal_error(t->rk, NULL, 0))
		return RD_KAFKA_RESP_ERR__FATAL;
	h = copy(t, m);
	if (!h)
		return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
	append(list_of(t, where), h);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* -- partitions -- */

static int
know(struct psm__kafka_topic *t, size_t count)
{
	if (count <= t->part_count)
		return 0;
	if (psm__grow(&t->parts, &t->part_cap, count, sizeof(*t->parts)) < 0)
		return PSM_ERR_NOMEM;
	memset(&t->parts[t->part_count], 0,
	       (count - t->part_count) * sizeof(*t->parts));
	t->part_count = count;
	return 0;
}

/* 1: the message may go there now. */
static int
may_pass(struct part *part, struct attempt *a)
{
	int is_next = !part->deferred.head || a->from == a->partition;

	a->opens = part->state == PART_NEW ||
	           (part->state == PART_OPEN &&
	            a->now_ms - part->acked_ms > psm__kafka_forget_ms);
	return is_next && part->state != PART_OPENING;
}

/*
 * librdkafka asks for a partition: where a message is handed over, or later in
 * a thread of its own for one that it took before it knew the partitions. There
 * is one such message with a key at most; others were taken out of their
 * partitions. An answer from count on makes it refuse the message.
 */
static int32_t
on_partition(const rd_kafka_topic_t *rkt, const void *key, size_t key_len,
             int32_t count, void *topic, void *message)
{
	struct psm__kafka_topic *t = topic;
	struct attempt *a = attempt;
	int32_t p = t->choose(rkt, key, key_len, count, topic, message);

	if (!key)
		return p;
	if (!a) {
		if (__atomic_load_n(&t->opener, __ATOMIC_ACQUIRE) ==
		    (uint64_t)(uintptr_t)message + 1)
			return p;
		__atomic_store_n(t->moved, 1, __ATOMIC_RELEASE);
		return count;
	}
	a->asked = 1;
	a->partition = (size_t)p;
	a->nomem = know(t, (size_t)count) < 0;
	a->shut = !a->nomem && !may_pass(&t->parts[p], a);
	return a->nomem || a->shut ? count : p;
}

/* -- sending -- */

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
produce(struct psm__kafka_topic *t, const struct psm__message *m)
{
	rd_kafka_headers_t *headers;
	rd_kafka_resp_err_t e;

	if (m->header_count == 0)
		return rd_kafka_produce(t->rkt, RD_KAFKA_PARTITION_UA, 0,
		                        (void *)m->value, m->value_len, m->key,
		                        m->key_len,
		                        (void *)(uintptr_t)m->token) == 0
		           ? RD_KAFKA_RESP_ERR_NO_ERROR
		           : rd_kafka_last_error();
	headers = make_headers(m);
	e = rd_kafka_producev(
	    t->rk, RD_KAFKA_V_RKT(t->rkt),
	    RD_KAFKA_V_VALUE((void *)m->value, m->value_len),
	    RD_KAFKA_V_KEY(m->key, m->key_len), RD_KAFKA_V_HEADERS(headers),
	    RD_KAFKA_V_OPAQUE((void *)(uintptr_t)m->token), RD_KAFKA_V_END);
	if (e) /* else they are librdkafka's */
		rd_kafka_headers_destroy(headers);
	return e;
}

/* 0: librdkafka has it. a->shut: not yet. */
static rd_kafka_resp_err_t
offer(struct psm__kafka_topic *t, const struct psm__message *m,
      struct attempt *a)
{
	rd_kafka_resp_err_t e;

	/* Before it is asked for: that can be at once, in another thread. */
	__atomic_store_n(&t->opener, m->token + 1, __ATOMIC_RELEASE);
	attempt = a;
	e = produce(t, m);
	attempt = NULL;
	if (a->asked || e)
		__atomic_store_n(&t->opener, 0, __ATOMIC_RELEASE);
	if (e)
		return a->nomem ? RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE : e;
	if (a->opens) {
		t->parts[a->partition].state = PART_OPENING;
		t->parts[a->partition].opener = m->token;
	}
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Messages without a key have no order, and librdkafka asks for the partition
 * of each of them only with sticky.partitioning.linger.ms=0. */
rd_kafka_resp_err_t
psm__kafka_topic_send(struct psm__kafka_topic *t, const struct psm__message *m,
                      int64_t now_ms)
{
	struct attempt a = {.from = UNSORTED, .now_ms = now_ms};
	rd_kafka_resp_err_t e;

	if (!t->choose || !m->key)
		return produce(t, m);
	if (t->opener || t->unsorted.head)
		return defer(t, UNSORTED, m);
	e = offer(t, m, &a);
	return e && a.shut ? defer(t, a.partition, m) : e;
}

void
psm__kafka_topic_acked(struct psm__kafka_topic *t, int32_t partition,
                       uint64_t token, int64_t now_ms)
{
	struct part *part;

	if (!t->choose)
		return;
	if (t->opener == token + 1) {
		__atomic_store_n(&t->opener, 0, __ATOMIC_RELEASE);
		t->ready = 1;
	}
	/* Without memory for it, it is opened later. */
	if (know(t, (size_t)partition + 1) < 0)
		return;
	part = &t->parts[partition];
	part->acked_ms = now_ms;
	if (part->state != PART_OPEN) {
		part->state = PART_OPEN;
		t->ready = 1;
	}
}

/* 1: go on with the next one that waits. */
static int
sent_or_not(struct psm__kafka_topic *t, struct deferred *h,
            const struct attempt *a, rd_kafka_resp_err_t e, psm__unsent_fn fn,
            void *user)
{
	uint64_t token = h->m.token;
	int rc = psm__kafka_outcome(e);

	if (e && a->shut) {
		append(&t->parts[a->partition].deferred, h);
		return 1;
	}
	psm__free(h);
	if (!e)
		return 1;
	fn(token, e, user);
	if (rc == PSM_ERR_TOO_LARGE || rc == PSM_ERR_INVAL)
		return 1;
	psm__kafka_topic_give_back(t, e, fn, user);
	return 0;
}

static void
send_list(struct psm__kafka_topic *t, size_t from, int64_t now_ms,
          psm__unsent_fn fn, void *user)
{
	struct deferred *h;

	while (!t->opener && (h = list_of(t, from)->head) != NULL) {
		struct attempt a = {.from = from, .now_ms = now_ms};
		rd_kafka_resp_err_t e = offer(t, &h->m, &a);

		if (e && a.shut && a.partition == from)
			return; /* it has its turn there */
		if (e == RD_KAFKA_RESP_ERR__QUEUE_FULL ||
		    e == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE) {
			t->ready = 1;
			return;
		}
		if (e == RD_KAFKA_RESP_ERR__FATAL)
			return; /* it goes back with all others */
		take_first(list_of(t, from));
		if (!sent_or_not(t, h, &a, e, fn, user))
			return;
	}
}

void
psm__kafka_topic_resume(struct psm__kafka_topic *t, int64_t now_ms,
                        psm__unsent_fn fn, void *user)
{
	size_t i;

	if (!t->ready)
		return;
	t->ready = 0;
	/* What waits for a partition is older than what has none. */
	for (i = 0; i < t->part_count; i++)
		send_list(t, i, now_ms, fn, user);
	send_list(t, UNSORTED, now_ms, fn, user);
}

void
psm__kafka_topic_give_back(struct psm__kafka_topic *t, rd_kafka_resp_err_t e,
                           psm__unsent_fn fn, void *user)
{
	struct deferred *h;
	size_t i;

	for (i = 0; i <= t->part_count; i++) {
		size_t from = i < t->part_count ? i : UNSORTED;

		while ((h = take_first(list_of(t, from))) != NULL) {
			uint64_t token = h->m.token;

			psm__free(h);
			fn(token, e, user);
		}
	}
}

void
psm__kafka_topic_reset(struct psm__kafka_topic *t, uint64_t token,
                       rd_kafka_resp_err_t e, psm__unsent_fn fn, void *user)
{
	size_t i;

	if (t->opener == token + 1)
		__atomic_store_n(&t->opener, 0, __ATOMIC_RELEASE);
	for (i = 0; i < t->part_count; i++) {
		struct part *part = &t->parts[i];

		if (part->state == PART_OPEN || part->opener == token)
			part->state = PART_NEW;
	}
	psm__kafka_topic_give_back(t, e, fn, user);
}

/* -- life -- */

int
psm__kafka_topic_new(rd_kafka_t *rk, const char *name,
                     psm__partitioner_fn choose, int *moved,
                     struct psm__kafka_topic **out, psm_error *err)
{
	struct psm__kafka_topic *t = psm__alloc(sizeof(*t));
	rd_kafka_topic_conf_t *conf;

	*out = NULL;
	if (!t)
		return psm__nomem(err);
	t->rk = rk;
	t->choose = choose;
	t->moved = moved;
	conf = rd_kafka_default_topic_conf_dup(rk);
	rd_kafka_topic_conf_set_opaque(conf, t);
	if (choose)
		rd_kafka_topic_conf_set_partitioner_cb(conf, on_partition);
	t->rkt = rd_kafka_topic_new(rk, name, conf);
	if (!t->rkt) {
		rd_kafka_topic_conf_destroy(conf);
		psm__free(t);
		return psm__fail(err, PSM_ERR_INVAL, "topic: not a topic name");
	}
	*out = t;
	return 0;
}

void
psm__kafka_topic_leave(struct psm__kafka_topic *t)
{
	rd_kafka_topic_destroy(t->rkt);
}

void
psm__kafka_topic_free(struct psm__kafka_topic *t)
{
	psm__free(t->parts);
	psm__free(t);
}

const char *
psm__kafka_topic_name(const struct psm__kafka_topic *t)
{
	return rd_kafka_topic_name(t->rkt);
}
