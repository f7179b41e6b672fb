/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending into the memory transport. */
#include <string.h>

#include "transport/memory/memory_int.h"

/* Reports are run in batches of this size, outside the lock. */
#define REPORT_BATCH 64

/* One message from send to report. */
struct entry {
	uint64_t token;
	int rc;
	struct psm__mem_topic *topic;
	struct psm__mem_message *message; /* NULL once it has an outcome */
	int32_t partition;
};

/* A topic with messages that came back as RETRY, and how many of them were not
 * reported yet: until then nothing of it may be stored. */
struct stuck {
	struct psm__mem_topic *topic;
	size_t count;
};

/* The ring holds [head, head + done) with an outcome, then up to count without
 * one: order is kept because only the first of those may be delivered. */
struct sink {
	struct psm__sink base;
	struct psm__bus *bus; /* a reference */
	psm__report_fn report;
	void *user;
	int woken;
	struct entry *ring;
	size_t head, done, count;
	struct stuck *stuck;
	size_t stuck_count, stuck_cap;
};

static struct sink *
sink_of(struct psm__sink *s)
{
	return (struct sink *)s;
}

static struct entry *
entry_at(struct sink *s, size_t i)
{
	return &s->ring[(s->head + i) % PSM__MEMORY_QUEUE_MAX];
}

static struct stuck *
find_stuck(struct sink *s, const struct psm__mem_topic *topic)
{
	size_t i;

	for (i = 0; i < s->stuck_count; i++)
		if (s->stuck[i].topic == topic)
			return &s->stuck[i];
	return NULL;
}

/* accept_message() made room for one more. @locks bus->lock held */
static void
add_stuck(struct sink *s, struct psm__mem_topic *topic)
{
	struct stuck *k = find_stuck(s, topic);

	if (!k) {
		k = &s->stuck[s->stuck_count++];
		k->topic = topic;
		k->count = 0;
	}
	k->count++;
}

/* Its report is being run. @locks bus->lock held */
static void
end_stuck(struct sink *s, const struct entry *e)
{
	struct stuck *k;

	if (e->rc != PSM_ERR_RETRY)
		return;
	k = find_stuck(s, e->topic);
	if (--k->count == 0)
		*k = s->stuck[--s->stuck_count];
}

/* @locks bus->lock held */
static int
outcome(struct sink *s, struct entry *e)
{
	if (find_stuck(s, e->topic))
		return PSM_ERR_RETRY;
	if (s->bus->fail_count > 0) {
		s->bus->fail_count--;
		return s->bus->fail_rc;
	}
	if (psm__mem_append(s->bus, e->topic, e->message) < 0)
		return PSM_ERR_RETRY;
	e->partition = e->message->partition;
	return 0;
}

/* Give the waiting messages their outcome, in order. @locks bus->lock held */
static void
deliver(struct sink *s)
{
	while (s->done < s->count && !s->bus->down) {
		struct entry *e = entry_at(s, s->done++);

		e->rc = outcome(s, e);
		if (e->rc == PSM_ERR_RETRY)
			add_stuck(s, e->topic);
		if (e->rc)
			psm__mem_release(e->message);
		e->message = NULL;
	}
}

/* @locks bus->lock held */
static int
accept_message(struct sink *s, const struct psm__message *m, psm_error *err)
{
	struct entry *e = entry_at(s, s->count);

	memset(e, 0, sizeof(*e));
	e->token = m->token;
	e->topic = psm__mem_topic(s->bus, m->topic);
	if (!e->topic || psm__grow(&s->stuck, &s->stuck_cap,
	                           s->bus->topic_count, sizeof(*s->stuck)) < 0)
		return psm__nomem(err);
	e->message = psm__mem_message(m);
	if (!e->message)
		return psm__nomem(err);
	s->count++;
	deliver(s);
	return 0;
}

static int
sink_send(struct psm__sink *base, const struct psm__message *m, psm_error *err)
{
	struct sink *s = sink_of(base);
	int rc;

	pthread_mutex_lock(&s->bus->lock);
	if (s->count == PSM__MEMORY_QUEUE_MAX)
		rc = psm__fail(err, PSM_ERR_FULL,
		               "%d messages are without a report",
		               PSM__MEMORY_QUEUE_MAX);
	else
		rc = accept_message(s, m, err);
	pthread_mutex_unlock(&s->bus->lock);
	return rc;
}

/* Take outcomes off the ring. @locks bus->lock held */
static size_t
take_done(struct sink *s, struct entry *batch, size_t max)
{
	size_t n;

	for (n = 0; n < max && s->done; n++) {
		batch[n] = *entry_at(s, 0);
		end_stuck(s, &batch[n]);
		s->head = (s->head + 1) % PSM__MEMORY_QUEUE_MAX;
		s->done--;
		s->count--;
	}
	return n;
}

static void
run_reports(struct sink *s, const struct entry *batch, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		s->base.partition = batch[i].partition;
		s->report(batch[i].token, batch[i].rc,
		          batch[i].rc ? psm_strerror(batch[i].rc) : "",
		          s->user);
	}
}

static int
sink_poll(struct psm__sink *base, int timeout_ms, psm_error *err)
{
	struct sink *s = sink_of(base);
	int64_t deadline = psm__mono_ms() + timeout_ms;
	struct entry batch[REPORT_BATCH];
	int total = 0;
	size_t n;

	(void)err; /* this broker never dies */
	pthread_mutex_lock(&s->bus->lock);
	deliver(s);
	while (!s->done && !s->woken && psm__mono_ms() < deadline) {
		psm__mem_wait(s->bus, deadline);
		deliver(s);
	}
	s->woken = 0;
	while ((n = take_done(s, batch, REPORT_BATCH)) > 0) {
		pthread_mutex_unlock(&s->bus->lock);
		run_reports(s, batch, n);
		total += (int)n;
		pthread_mutex_lock(&s->bus->lock);
	}
	pthread_mutex_unlock(&s->bus->lock);
	return total;
}

static void
sink_wake(struct psm__sink *base)
{
	struct sink *s = sink_of(base);

	pthread_mutex_lock(&s->bus->lock);
	s->woken = 1;
	pthread_cond_broadcast(&s->bus->changed);
	pthread_mutex_unlock(&s->bus->lock);
}

static int
sink_connected(struct psm__sink *base)
{
	struct sink *s = sink_of(base);
	int up;

	pthread_mutex_lock(&s->bus->lock);
	up = !s->bus->down;
	pthread_mutex_unlock(&s->bus->lock);
	return up;
}

static void
sink_close(struct psm__sink *base, int timeout_ms)
{
	struct sink *s = sink_of(base);
	int64_t deadline = psm__mono_ms() + timeout_ms;
	int64_t left;

	while (s->count && (left = deadline - psm__mono_ms()) > 0)
		(void)sink_poll(base, (int)left, NULL); /* never fails */
	(void)sink_poll(base, 0, NULL);
	while (s->count) {
		struct entry e = *entry_at(s, 0);

		s->head = (s->head + 1) % PSM__MEMORY_QUEUE_MAX;
		s->count--;
		psm__free(e.message); /* nobody else has seen it */
		s->report(e.token, PSM_ERR_CLOSED, psm_strerror(PSM_ERR_CLOSED),
		          s->user);
	}
	psm_transport_unref(&s->bus->base);
	psm__free(s->stuck);
	psm__free(s->ring);
	psm__free(s);
}

static const struct psm__sink_ops sink_ops = {
    .send = sink_send,
    .poll = sink_poll,
    .wake = sink_wake,
    .connected = sink_connected,
    .close = sink_close,
};

int
psm__mem_open_sink(psm_transport *t, psm__report_fn report, void *user,
                   struct psm__sink **out, psm_error *err)
{
	struct sink *s = psm__alloc(sizeof(*s));

	*out = NULL;
	if (!s)
		return psm__nomem(err);
	s->ring = psm__array(PSM__MEMORY_QUEUE_MAX, sizeof(*s->ring));
	if (!s->ring) {
		psm__free(s);
		return psm__nomem(err);
	}
	s->base.ops = &sink_ops;
	s->bus = (struct psm__bus *)psm_transport_ref(t);
	s->report = report;
	s->user = user;
	*out = &s->base;
	return 0;
}
