/* SPDX-License-Identifier: BSD-2-Clause */
/* Housekeeping by the reader: checks, syncs, adoption, spare segments. */
#include "spool/spool_int.h"

/* Period of work without a deadline. */
#define TEND_MS 1000

void
psm__spool_freeze(struct psm__spool *s)
{
	psm__spool_save_cursors(s);
	if (s->own_stream && s->own_stream->dirfd >= 0) {
		psm__watch_at(s, 0); /* a last check of the files */
		psm__spool_watch(s, psm__mono_ms());
	}
	s->frozen = 1;
	psm__adopt_stop(s); /* later processes adopt what is abandoned */
}

/* @locks s->lock held */
static int
is_idle(const struct psm__spool *s, const struct psm__segment *g)
{
	return g->state == PSM__SEGMENT_FULL && g->base && !g->own_memory &&
	       !psm__sync_is_busy(s, g) && psm__segment_is_named(g) &&
	       (!psm__segment_is_unsynced(g) ||
	        s->conf.durability == PSM__DURABLE_OS);
}

/* While the broker is away, full segments are unmapped to save memory; the
 * reader maps them again, and checks each record. Those that it comes to next
 * stay: a burst is read before it would have been a saving. */
static struct psm__segment *
find_idle(struct psm__spool *s)
{
	const struct psm__segment *reading = psm__reader_segment(s);
	struct psm__segment *g = NULL;
	size_t ahead = 0;

	pthread_mutex_lock(&s->lock);
	if (reading)
		g = reading->next;
	for (; g; g = g->next)
		if (is_idle(s, g) && (ahead += g->size) > s->conf.mapped_ahead)
			break;
	if (g)
		psm__segment_set_state(g, PSM__SEGMENT_LEFT);
	pthread_mutex_unlock(&s->lock);
	return g;
}

static void
sync_due(struct psm__spool *s, int64_t now_ms)
{
	if (now_ms < s->next_sync_ms)
		return;
	s->next_sync_ms = now_ms + TEND_MS;
	if (s->conf.durability == PSM__DURABLE_INTERVAL) {
		s->next_sync_ms = now_ms + s->conf.interval_ms;
		psm__spool_sync(s);
	}
}

/* 1: we have a stream directory with files. On a full disk append makes it
 * later. */
static int
has_files(struct psm__spool *s)
{
	int yes;

	pthread_mutex_lock(&s->lock);
	yes = s->own_stream && s->own_stream->dirfd >= 0;
	pthread_mutex_unlock(&s->lock);
	return yes;
}

void
psm__spool_tend(struct psm__spool *s)
{
	int64_t now_ms = psm__mono_ms();
	struct psm__segment *g;

	if (!has_files(s))
		return;
	psm__spool_watch(s, now_ms);
	sync_due(s, now_ms);
	psm__adopt_tend(s, now_ms);
	if (now_ms >= s->next_spare_ms && psm__spares_prepare(s) < 0)
		s->next_spare_ms = now_ms + TEND_MS;
	while ((g = find_idle(s)) != NULL)
		psm__segment_unmap(g);
}

int
psm__spool_rest(struct psm__spool *s)
{
	int rest;

	/* No slot is free, or an adoption is due: new records cannot be read
	 * anyway. */
	if (psm__ring_is_paused(s) || psm__spool_full(s))
		return 1;
	pthread_mutex_lock(&s->lock);
	rest = psm__reader_own_waits(s) || psm__queue_rest(s);
	pthread_mutex_unlock(&s->lock);
	return rest;
}
