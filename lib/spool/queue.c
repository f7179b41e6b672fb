/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue: the list of segments, from the oldest record that waits to the one
 * that takes appends, and the counts of what waits in it. Under s->lock, unless
 * a function says that it takes the lock.
 */
#include <string.h>

#include "spool/spool_int.h"

/* A caller of psm__spool_drain(), on its stack: it waits until so many
 * records are released. The target changes when records are withdrawn, or
 * when adopted ones are put in front. */
struct drainer {
	struct drainer *next;
	uint64_t target;
};

struct psm__queue {
	struct psm__segment *first, *last;
	struct psm__segment *active; /* takes appends: last, or NULL */
	uint64_t next_seq;
	uint64_t durable;            /* records up to here may be read */
	uint64_t appended, released; /* counts; the difference waits */
	int64_t bytes;
	struct drainer *drainers;
	pthread_cond_t drained; /* records were released */
	int resting;            /* the reader wants to be woken */
	uint64_t rested_at; /* durable, when the reader last found nothing */
	int64_t oldest_us;  /* __atomic */
};

int
psm__queue_new(struct psm__spool *s)
{
	struct psm__queue *q = psm__alloc(sizeof(*q));

	if (!q)
		return PSM_ERR_NOMEM;
	if (psm__cond_init(&q->drained) < 0) {
		psm__free(q);
		return PSM_ERR_NOMEM;
	}
	q->next_seq = 1;
	s->queue = q;
	return 0;
}

void
psm__queue_drop_segments(struct psm__spool *s)
{
	struct psm__queue *q = s->queue;

	while (q->first) {
		struct psm__segment *g = q->first;

		q->first = g->next;
		psm__segment_free(g);
	}
	q->last = q->active = NULL;
}

void
psm__queue_free(struct psm__spool *s)
{
	if (!s->queue)
		return;
	psm__queue_drop_segments(s);
	pthread_cond_destroy(&s->queue->drained);
	psm__free(s->queue);
	s->queue = NULL;
}

void
psm__queue_reset(struct psm__spool *s)
{
	psm__queue_drop_segments(s);
	s->queue->appended = s->queue->released;
	s->queue->bytes = 0;
}

void
psm__queue_start(struct psm__spool *s, uint64_t next_seq)
{
	s->queue->next_seq = next_seq;
	s->queue->durable = next_seq - 1;
}

/* -- looking */

struct psm__segment *
psm__queue_first(const struct psm__spool *s)
{
	return s->queue->first;
}

struct psm__segment *
psm__queue_last(const struct psm__spool *s)
{
	return s->queue->last;
}

struct psm__segment *
psm__queue_active(const struct psm__spool *s)
{
	return s->queue->active;
}

uint64_t
psm__queue_next_seq(const struct psm__spool *s)
{
	return s->queue->next_seq;
}

uint64_t
psm__queue_durable(const struct psm__spool *s)
{
	return s->queue->durable;
}

uint64_t
psm__queue_appended(const struct psm__spool *s)
{
	return s->queue->appended;
}

uint64_t
psm__queue_waiting(const struct psm__spool *s)
{
	const struct psm__queue *q = s->queue;

	return q->appended > q->released ? q->appended - q->released : 0;
}

int64_t
psm__queue_bytes(const struct psm__spool *s)
{
	return s->queue->bytes;
}

int64_t
psm__queue_oldest_us(const struct psm__spool *s)
{
	return __atomic_load_n(&s->queue->oldest_us, __ATOMIC_RELAXED);
}

void
psm__queue_set_oldest(struct psm__spool *s, int64_t at_us)
{
	__atomic_store_n(&s->queue->oldest_us, at_us, __ATOMIC_RELAXED);
}

struct psm__segment *
psm__queue_begin(struct psm__spool *s)
{
	struct psm__segment *g;

	pthread_mutex_lock(&s->lock);
	g = s->queue->first;
	pthread_mutex_unlock(&s->lock);
	return g;
}

struct psm__segment *
psm__queue_after(struct psm__spool *s, const struct psm__segment *g)
{
	struct psm__segment *next;

	pthread_mutex_lock(&s->lock);
	next = g->next;
	pthread_mutex_unlock(&s->lock);
	return next;
}

static int
contains(const struct psm__segment *g, const struct psm__rec *rec)
{
	uintptr_t at = (uintptr_t)rec, base = (uintptr_t)g->base;

	return g->base && at >= base && at < base + g->size;
}

/* Only the reader removes segments, and only the last one's next changes, so no
 * lock is needed. */
struct psm__segment *
psm__queue_segment_of(struct psm__segment *g, const struct psm__rec *rec)
{
	while (!contains(g, rec))
		g = g->next;
	return g;
}

/* -- appending */

void
psm__queue_add_segment(struct psm__spool *s, struct psm__segment *g)
{
	struct psm__queue *q = s->queue;

	if (q->active && q->active->state == PSM__SEGMENT_ACTIVE)
		psm__segment_set_state(q->active, PSM__SEGMENT_FULL);
	if (q->last)
		q->last->next = g;
	else
		q->first = g;
	q->last = q->active = g;
	g->stream->segments++;
}

void
psm__queue_leave_active(struct psm__spool *s)
{
	s->queue->active = NULL;
}

uint64_t
psm__queue_add_record(struct psm__spool *s, size_t space)
{
	struct psm__queue *q = s->queue;
	struct psm__segment *g = q->active;

	g->used += space;
	g->last_seq = q->next_seq++;
	g->charged += space;
	g->counted++;
	q->bytes += (int64_t)space;
	q->appended++;
	return g->last_seq;
}

static void
wake_reader(struct psm__spool *s)
{
	if (!s->queue->resting)
		return;
	s->queue->resting = 0;
	if (s->conf.wake)
		s->conf.wake(s->conf.user);
}

void
psm__queue_reached(struct psm__spool *s, uint64_t seq)
{
	s->queue->durable = seq;
	wake_reader(s);
}

void
psm__queue_take_back(struct psm__spool *s, size_t bytes, uint64_t records)
{
	struct psm__queue *q = s->queue;
	struct drainer *d;

	q->bytes -= (int64_t)bytes;
	q->appended -= records;
	/* Withdrawn records are always the last ones. */
	for (d = q->drainers; d; d = d->next)
		if (d->target > q->appended)
			d->target = q->appended;
	pthread_cond_broadcast(&q->drained);
}

void
psm__queue_enlist(struct psm__spool *s, struct psm__stream_dir *sd,
                  const struct psm__batch *b)
{
	struct psm__queue *q = s->queue;
	struct psm__segment **at = &q->first;
	struct drainer *d;

	/* Their records are released after the adopted ones. */
	for (d = q->drainers; d; d = d->next)
		d->target += b->records;
	q->appended += b->records;
	q->bytes += b->bytes;
	psm__damage_add(&s->damage, 0, b->quarantined);
	sd->next = s->streams;
	s->streams = sd;
	if (!b->first)
		return;
	while (*at && (*at)->stream != s->own_stream)
		at = &(*at)->next;
	b->last->next = *at;
	*at = b->first;
	if (!b->last->next)
		q->last = b->last;
}

/* -- releasing */

/* Take the segments before until out of the list. */
static struct psm__segment *
detach(struct psm__queue *q, const struct psm__segment *until)
{
	struct psm__segment *list = q->first, **tail = &list, *g;

	for (g = q->first; g && g != until; g = g->next) {
		/* This includes records that were counted and not found. */
		q->released += g->counted - g->released_count;
		q->bytes -= (int64_t)g->charged - (int64_t)g->released_bytes;
		if (g == q->active)
			q->active = NULL;
		tail = &g->next;
	}
	q->first = g;
	if (!g)
		q->last = NULL;
	*tail = NULL;
	return list;
}

struct psm__segment *
psm__queue_release(struct psm__spool *s, const struct psm__segment *until,
                   size_t count, int64_t bytes)
{
	struct psm__queue *q = s->queue;
	struct psm__segment *gone;

	pthread_mutex_lock(&s->lock);
	q->released += count;
	q->bytes -= bytes;
	gone = detach(q, until);
	if (q->drainers && (count || gone))
		pthread_cond_broadcast(&q->drained);
	pthread_mutex_unlock(&s->lock);
	return gone;
}

struct psm__segment *
psm__queue_remove_first(struct psm__spool *s)
{
	struct psm__queue *q = s->queue;
	struct psm__segment *g = q->first;

	q->first = g->next;
	if (!q->first)
		q->last = NULL;
	g->stream->segments--;
	return g;
}

/* -- waiting */

int
psm__queue_rest(struct psm__spool *s)
{
	struct psm__queue *q = s->queue;

	q->resting = q->durable == q->rested_at;
	q->rested_at = q->durable;
	return q->resting;
}

uint64_t
psm__spool_drain(struct psm__spool *s, int timeout_ms)
{
	struct psm__queue *q = s->queue;
	struct drainer me, **at;
	struct timespec until;
	uint64_t left;
	int rc = 0;

	psm__deadline(&until, timeout_ms);
	pthread_mutex_lock(&s->lock);
	me = (struct drainer){q->drainers, q->appended};
	q->drainers = &me;
	while (q->released < me.target && rc == 0)
		rc = pthread_cond_timedwait(&q->drained, &s->lock, &until);
	for (at = &q->drainers; *at != &me; at = &(*at)->next)
		;
	*at = me.next;
	left = q->released < me.target ? q->appended - q->released : 0;
	pthread_mutex_unlock(&s->lock);
	return left;
}

uint64_t
psm__queue_drain_left(const struct psm__spool *s)
{
	const struct psm__queue *q = s->queue;

	return q->drainers ? q->drainers->target - q->released : 0;
}
