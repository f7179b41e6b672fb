/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending into PostgreSQL. What was given to the sink is appended batch by
 * batch, in order, by whoever polls. A batch without an answer is sent again
 * under its number: the server takes each number of a sink once, so that
 * nothing is doubled and a late answer overtakes nothing.
 */
#include "transport/postgres/pg_int.h"

#include "transport/murmur2.h"

#include <stdio.h>
#include <string.h>

/* One transaction: enough to make the commit's share small, few enough to keep
 * the other writers of a partition waiting for 20 ms only. */
#define BATCH_MAX 1000
#define BATCH_BYTES (4u << 20)
/* Names that are no topics but data must not fill the memory. */
#define TOPICS_MAX 10000
/* Beside the event itself, as for Kafka's message.max.bytes. */
#define OVERHEAD 1024

struct entry {
	uint64_t token;
	int rc;
	const char *reason; /* static */
	const struct topic *topic;
	void *copy; /* key and headers */
	const char *key;
	size_t key_len;
	const void *value;
	size_t value_len;
	const struct psm__header *headers;
	size_t header_count;
	int32_t partition; /* -1: not chosen yet */
};

struct topic {
	char *name;
	int32_t partitions; /* 0: not known yet */
};

/* The ring holds [head, head + done) with an outcome, then up to count without
 * one. */
struct sink {
	struct psm__sink base;
	struct psm__pg *pg; /* a reference */
	struct psm__pg_link link;
	psm__report_fn report;
	void *user;
	int woken; /* pg->lock */
	struct entry *ring;
	size_t cap, head, done, count;
	struct topic **topics;
	size_t topic_count, topic_cap;
	uint32_t spread;   /* where the next message without a key goes */
	char writer[40];   /* a UUID */
	int64_t batch;     /* the number of the next one */
	size_t unanswered; /* messages of the batch that has no answer */
	size_t batch_max;  /* 1 while the message to blame is looked for */
	int wrote;         /* the writer has a row */
	int64_t expire_at_ms;
	psm_error *err; /* of the last try */
};

static struct sink *
sink_of(struct psm__sink *s)
{
	return (struct sink *)s;
}

static struct entry *
entry_at(struct sink *s, size_t i)
{
	return &s->ring[(s->head + i) % s->cap];
}

/* -- taking messages */

static int
find_topic(struct sink *s, const char *name, const struct topic **out,
           psm_error *err)
{
	struct topic *t;
	size_t i;

	for (i = 0; i < s->topic_count; i++) {
		*out = s->topics[i];
		if (strcmp(s->topics[i]->name, name) == 0)
			return 0;
	}
	*out = NULL;
	if (!psm__is_topic(name) || s->topic_count == TOPICS_MAX)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "topic: want " PSM__WANT_TOPIC);
	t = psm__alloc(sizeof *t);
	if (t)
		t->name = psm__strdup(name);
	if (!t || !t->name ||
	    psm__grow(&s->topics, &s->topic_cap, s->topic_count + 1,
	              sizeof *s->topics) < 0) {
		psm__free(t ? t->name : NULL);
		psm__free(t);
		return psm__nomem(err);
	}
	s->topics[s->topic_count++] = t;
	*out = t;
	return 0;
}

/* Key and headers in one block: the headers' array, then the bytes. */
static int
copy_parts(struct entry *e, const struct psm__message *m)
{
	size_t array = m->header_count * sizeof *m->headers;
	size_t key_len = m->key ? m->key_len : 0, i;
	struct psm__header *h;
	char *at;

	if (array == 0 && !m->key)
		return 0;
	e->copy =
	    psm__alloc(array + psm__header_bytes(m->headers, m->header_count) +
	               key_len + 1);
	if (!e->copy)
		return PSM_ERR_NOMEM;
	h = e->copy;
	at = (char *)(h + m->header_count);
	for (i = 0; i < m->header_count; i++)
		h[i] = psm__put_header(&at, &m->headers[i]);
	e->headers = h;
	e->header_count = m->header_count;
	e->key = psm__put(&at, m->key, key_len);
	e->key_len = key_len;
	return 0;
}

static int
sink_send(struct psm__sink *base, const struct psm__message *m, psm_error *err)
{
	struct sink *s = sink_of(base);
	const struct topic *topic;
	struct entry *e;
	int rc;

	if (s->count == s->cap)
		return psm__fail(err, PSM_ERR_FULL,
		                 "%zu messages are without a report", s->cap);
	if (m->value_len > s->pg->event_max + OVERHEAD)
		return psm__fail(err, PSM_ERR_TOO_LARGE,
		                 "want at most %zu bytes, got %zu",
		                 s->pg->event_max + OVERHEAD, m->value_len);
	rc = find_topic(s, m->topic, &topic, err);
	if (rc < 0)
		return rc;
	e = entry_at(s, s->count);
	memset(e, 0, sizeof *e);
	if (copy_parts(e, m) < 0)
		return psm__nomem(err);
	e->token = m->token;
	e->topic = topic;
	e->value = m->value;
	e->value_len = m->value_len;
	e->partition = -1;
	s->count++;
	return 0;
}

/* -- appending */

/* The partitions of a topic are known once the server was asked. */
static int
choose_partition(struct sink *s, struct entry *e, psm_error *err)
{
	struct topic *t = (struct topic *)e->topic;
	int rc;

	if (t->partitions == 0) {
		rc = psm__topic_ensure(s->link.conn, t->name, s->pg->partitions,
		                       &t->partitions, err);
		if (rc < 0)
			return rc;
	}
	e->partition =
	    e->key ? psm__partition_of(e->key, e->key_len, t->partitions)
		   : (int32_t)(s->spread++ % (uint32_t)t->partitions);
	return 0;
}

static void
settle(struct sink *s, size_t count, int rc, const char *reason)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct entry *e = entry_at(s, s->done++);

		e->rc = rc;
		e->reason = reason;
		psm__free(e->copy);
		e->copy = NULL;
	}
	s->unanswered = 0;
	s->batch++;
}

/* Sources of this process and of others. */
static void
announce(struct sink *s)
{
	psm__pg_tell_sources(s->pg);
	if (psm__notify_due(&s->pg->notified_ms, psm__mono_ms()))
		psm__conn_notify(s->link.conn, PSM__TOPIC_CHANNEL);
}

/*
 * Was the batch appended? If the connection broke nobody knows. If the server
 * refused it, it was not; when the reason is in the data, the messages go one
 * by one until the one to blame is found.
 */
static int
batch_failed(struct sink *s, size_t count, int rc, psm_error *err)
{
	size_t i;

	if (psm__conn_broken(s->link.conn))
		return rc;
	s->unanswered = 0;
	if (rc == PSM_ERR_SCHEMA && count == 1) {
		s->batch_max = BATCH_MAX;
		settle(s, 1, PSM_ERR_INVAL, "refused by the database");
		psm__error_clear(err);
		return 0;
	}
	s->batch_max = rc == PSM_ERR_SCHEMA ? 1 : BATCH_MAX;
	/* A topic may have been dropped: ask again. */
	for (i = 0; i < s->topic_count; i++)
		s->topics[i]->partitions = 0;
	for (i = s->done; i < s->count; i++)
		entry_at(s, i)->partition = -1;
	return rc == PSM_ERR_SCHEMA ? 0 : rc;
}

/* The next batch: a batch without an answer must come again as it was. */
static int
fill_batch(struct sink *s, struct psm__topic_message *list, size_t *count,
           psm_error *err)
{
	size_t most = s->unanswered ? s->unanswered : s->batch_max;
	size_t bytes = 0;
	int rc;

	for (*count = 0; *count < most && s->done + *count < s->count;) {
		struct entry *e = entry_at(s, s->done + *count);

		bytes += e->value_len;
		if (*count > 0 && bytes > BATCH_BYTES)
			break;
		if (e->partition < 0) {
			rc = choose_partition(s, e, err);
			if (rc < 0)
				return rc;
		}
		list[(*count)++] = (struct psm__topic_message){
		    .topic = e->topic->name,
		    .partition = e->partition,
		    .key = e->key,
		    .key_len = e->key_len,
		    .value = e->value,
		    .value_len = e->value_len,
		    .headers = e->headers,
		    .header_count = e->header_count,
		};
	}
	return 0;
}

static int
append_batch(struct sink *s, psm_error *err)
{
	struct psm__topic_message *list;
	size_t count = 0;
	int rc;

	list = psm__array(BATCH_MAX, sizeof *list);
	if (!list)
		return psm__nomem(err);
	rc = fill_batch(s, list, &count, err);
	if (rc == 0) {
		s->unanswered = count;
		rc = psm__topic_append(s->link.conn, s->writer, s->batch, list,
		                       count, err);
		if (rc < 0)
			rc = batch_failed(s, count, rc, err);
		else
			settle(s, count, 0, "");
	}
	psm__free(list);
	return rc;
}

/* Append what there is, one batch after the other, until an outcome can be
 * reported. */
static void
work(struct sink *s)
{
	psm_error *err = s->err;
	int rc;

	psm__error_clear(err);
	rc = psm__pg_connect(s->pg, &s->link, "transport sink",
	                     PSM__PG_CONNECT_MS, err);
	while (rc == 0 && s->done == 0 && s->count > 0) {
		rc = append_batch(s, err);
		if (rc == 0) {
			psm__pg_worked(&s->link);
			announce(s);
			s->wrote = 1;
		}
	}
	if (rc < 0) {
		if (s->link.failures == 0)
			psm__log(
			    PSM_LOG_WARN,
			    "messages wait: the database does not accept them",
			    "reason", psm_error_message(err), NULL);
		psm__pg_failed(&s->link);
	}
	if (rc == 0 && s->wrote)
		psm__pg_expire(s->pg, &s->link, &s->expire_at_ms);
	if (s->count == 0)
		s->batch_max = BATCH_MAX;
}

/* -- reports */

static int
run_reports(struct sink *s)
{
	int total = 0;

	while (s->done > 0) {
		struct entry e = *entry_at(s, 0);

		/* Off the ring first: the callback may send. */
		s->head = (s->head + 1) % s->cap;
		s->done--;
		s->count--;
		total++;
		s->base.partition = e.partition;
		s->report(e.token, e.rc, e.reason, s->user);
	}
	return total;
}

/* Wait for the next try, or for a wake; 1: woken. */
static int
wait_for_more(struct sink *s, int64_t deadline_ms)
{
	int woken;

	(void)pthread_mutex_lock(&s->pg->lock);
	while (!s->woken && psm__mono_ms() < deadline_ms)
		psm__pg_wait(s->pg, deadline_ms);
	woken = s->woken;
	s->woken = 0;
	(void)pthread_mutex_unlock(&s->pg->lock);
	return woken;
}

static int
sink_poll(struct psm__sink *base, int timeout_ms, psm_error *err)
{
	struct sink *s = sink_of(base);
	int64_t deadline = psm__mono_ms() + timeout_ms;
	int total;

	(void)err; /* a database that is away comes back */
	for (;;) {
		int64_t until = deadline;

		work(s);
		total = run_reports(s);
		if (s->link.failures > 0 && s->link.retry_at_ms < until)
			until = s->link.retry_at_ms;
		if (total > 0 || psm__mono_ms() >= deadline ||
		    wait_for_more(s, until))
			return total;
	}
}

static void
sink_wake(struct psm__sink *base)
{
	struct sink *s = sink_of(base);

	(void)pthread_mutex_lock(&s->pg->lock);
	s->woken = 1;
	(void)pthread_cond_broadcast(&s->pg->changed);
	(void)pthread_mutex_unlock(&s->pg->lock);
}

static int
sink_connected(struct psm__sink *base)
{
	return __atomic_load_n(&sink_of(base)->link.up, __ATOMIC_ACQUIRE);
}

/* -- life */

static void
sink_free(struct sink *s)
{
	size_t i;

	psm__pg_disconnect(&s->link);
	for (i = 0; i < s->topic_count; i++) {
		psm__free(s->topics[i]->name);
		psm__free(s->topics[i]);
	}
	psm__free(s->topics);
	psm__free(s->ring);
	psm_error_free(s->err);
	if (s->pg)
		psm_transport_unref(&s->pg->base);
	psm__free(s);
}

static void
sink_close(struct psm__sink *base, int timeout_ms)
{
	struct sink *s = sink_of(base);
	int64_t deadline = psm__mono_ms() + timeout_ms;
	int64_t left;

	while (s->count > 0 && (left = deadline - psm__mono_ms()) > 0)
		(void)sink_poll(base, (int)left, NULL); /* never fails */
	(void)run_reports(s);
	if (s->count == 0 && s->wrote && s->link.conn &&
	    psm__topic_forget_writer(s->link.conn, s->writer, NULL) < 0)
		psm__log(PSM_LOG_DEBUG, "a writer's row stays for a day", NULL);
	while (s->count > 0) {
		struct entry e = *entry_at(s, 0);

		s->head = (s->head + 1) % s->cap;
		s->count--;
		psm__free(e.copy);
		s->report(e.token, PSM_ERR_CLOSED, psm_strerror(PSM_ERR_CLOSED),
		          s->user);
	}
	sink_free(s);
}

static const struct psm__sink_ops sink_ops = {
    .send = sink_send,
    .poll = sink_poll,
    .wake = sink_wake,
    .connected = sink_connected,
    .close = sink_close,
};

int
psm__pg_open_sink(psm_transport *t, psm__report_fn report, void *user,
                  struct psm__sink **out, psm_error *err)
{
	struct psm__pg *pg = (struct psm__pg *)t;
	struct sink *s = psm__alloc(sizeof *s);

	*out = NULL;
	if (!s)
		return psm__nomem(err);
	s->base.ops = &sink_ops;
	s->report = report;
	s->user = user;
	s->cap = pg->queue_max;
	s->batch_max = BATCH_MAX;
	s->ring = psm__array(s->cap, sizeof *s->ring);
	s->err = psm_error_new();
	if (!s->ring || !s->err ||
	    psm_uuid_new(s->writer, sizeof s->writer) < 0) {
		sink_free(s);
		return psm__nomem(err);
	}
	s->pg = (struct psm__pg *)psm_transport_ref(t);
	*out = &s->base;
	return 0;
}
