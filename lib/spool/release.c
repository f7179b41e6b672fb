/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader lets go of what is settled, and looks after the files. */
#include <stdio.h>
#include <string.h>

#include "spool/spool_int.h"

/* When nothing is promised about the time. */
#define TEND_MS 1000

static uint64_t
slot_at(const struct psm__spool *s, uint64_t token)
{
	return s->slots[token & s->mask];
}

static int
contains(const struct psm__segment *g, const struct psm__rec *rec)
{
	uintptr_t at = (uintptr_t)rec, base = (uintptr_t)g->base;

	return g->base && at >= base && at < base + g->size;
}

static struct psm__segment *
first_segment(struct psm__spool *s)
{
	struct psm__segment *g;

	pthread_mutex_lock(&s->lock);
	g = s->first;
	pthread_mutex_unlock(&s->lock);
	return g;
}

/* Only the reader removes segments, and only the last one's next changes, so no
 * lock is needed. */
struct psm__segment *
psm__segment_of(struct psm__segment *g, const struct psm__rec *rec)
{
	while (!contains(g, rec))
		g = g->next;
	return g;
}

/* Take the settled slots off the front; *g moves on to the segment of the last
 * one. */
static size_t
pop(struct psm__spool *s, struct psm__segment **g, int64_t *bytes)
{
	size_t count = 0, len;

	*bytes = 0;
	for (; s->head < s->pass && (slot_at(s, s->head) & PSM__SETTLED);
	     s->head++) {
		const struct psm__rec *rec =
		    psm__slot_record(slot_at(s, s->head));

		*g = psm__segment_of(*g, rec);
		len = psm__rec_space(le32toh(rec->len));
		(*g)->released_bytes += len;
		(*g)->released_count++;
		if (!s->frozen)
			(*g)->stream->settled = le64toh(rec->seq);
		*bytes += (int64_t)len;
		psm__spool_forget(s, s->head);
		count++;
	}
	return count;
}

/* The oldest segment that is still needed, from g on; NULL: none. */
static struct psm__segment *
oldest_needed(struct psm__spool *s, struct psm__segment *g)
{
	if (s->head < s->fill)
		return psm__segment_of(g,
		                       psm__slot_record(slot_at(s, s->head)));
	if (s->rseg && s->rend) {
		/* An old one, read to its end. */
		g = s->rseg->next;
		s->rseg = NULL;
		return g;
	}
	return s->rseg ? s->rseg : g;
}

/* @locks s->lock held */
static struct psm__segment *
detach(struct psm__spool *s, const struct psm__segment *until)
{
	struct psm__segment *list = s->first, **tail = &list, *g;

	for (g = s->first; g && g != until; g = g->next) {
		/* What was expected in it and never found is gone, too. */
		s->released += g->counted - g->released_count;
		s->bytes -= (int64_t)g->charged - (int64_t)g->released_bytes;
		if (g == s->active)
			s->active = NULL;
		tail = &g->next;
	}
	s->first = g;
	if (!g)
		s->last = NULL;
	*tail = NULL;
	return list;
}

static void
save_cursors(struct psm__spool *s)
{
	struct psm__stream_dir *sd;

	for (sd = s->streams; sd; sd = sd->next)
		if (sd->settled != sd->saved)
			psm__stream_dir_save(sd);
}

/* The stream of a dead process that is empty now. */
static void
drop_stream(struct psm__spool *s, struct psm__stream_dir *sd)
{
	struct psm__stream_dir **at;

	pthread_mutex_lock(&s->lock);
	for (at = &s->streams; *at != sd; at = &(*at)->next)
		;
	*at = sd->next;
	pthread_mutex_unlock(&s->lock);
	psm__stream_dir_leave(sd, 1);
}

static void
dispose(struct psm__spool *s, struct psm__segment *list)
{
	while (list) {
		struct psm__segment *g = list;
		struct psm__stream_dir *sd = g->stream;
		unsigned left;

		list = g->next;
		pthread_mutex_lock(&s->lock);
		left = --sd->segments;
		pthread_mutex_unlock(&s->lock);
		psm__segment_retire(s, g);
		if (left == 0 && sd != s->own_stream)
			drop_stream(s, sd);
	}
}

/* When the segment was made, which is with its first record; 0: cannot tell. */
static int64_t
made_us(const struct psm__segment *g)
{
	const struct psm__segment_header *sh = (const void *)g->base;

	return sh ? (int64_t)le64toh((uint64_t)sh->created_us) : 0;
}

/* For the age of the oldest that waits. It may not have been read yet, if
 * nobody can take it; and if it cannot be read now, it is at most as old as the
 * one before. gone: so many are being let go. */
static void
note_oldest(struct psm__spool *s, size_t gone)
{
	struct psm__message m;
	int64_t at = 0;
	int waits;

	if (s->head == s->fill && !psm__spool_peek(s, &m)) {
		pthread_mutex_lock(&s->lock);
		waits = s->first && s->appended > s->released + gone;
		if (waits && psm__spool_awaits(s))
			at = made_us(s->first);
		pthread_mutex_unlock(&s->lock);
		if (waits && at == 0)
			return;
	} else {
		at = (int64_t)le64toh(
		    (uint64_t)psm__slot_record(slot_at(s, s->head))->time_us);
	}
	__atomic_store_n(&s->oldest_us, at, __ATOMIC_RELAXED);
}

size_t
psm__spool_release(struct psm__spool *s)
{
	struct psm__segment *g = first_segment(s), *gone;
	int64_t bytes;
	size_t count;

	if (!g) {
		if (!s->frozen)
			__atomic_store_n(&s->oldest_us, 0, __ATOMIC_RELAXED);
		return 0;
	}
	count = pop(s, &g, &bytes);
	if (s->frozen)
		return count;
	note_oldest(s, count);
	g = oldest_needed(s, g);
	/* Before a file goes, the cursor knows that it may. */
	if (count)
		save_cursors(s);
	pthread_mutex_lock(&s->lock);
	s->released += count;
	s->bytes -= bytes;
	gone = detach(s, g);
	if (s->drainers && (count || gone))
		pthread_cond_broadcast(&s->drained);
	pthread_mutex_unlock(&s->lock);
	dispose(s, gone);
	return count;
}

void
psm__spool_freeze(struct psm__spool *s)
{
	save_cursors(s);
	if (s->own_stream && s->own_stream->dirfd >= 0) {
		s->next_watch_ms = 0; /* the last word on what is kept */
		psm__spool_watch(s, psm__mono_ms());
	}
	s->frozen = 1;
	s->to_adopt =
	    0; /* it stays where it is, and must not stop the reader */
}

static int
copy_record(struct psm__spool *s, uint64_t token)
{
	const struct psm__rec *rec = psm__slot_record(slot_at(s, token));
	struct psm__segment *g = psm__segment_of(first_segment(s), rec);
	int lasting = s->conf.durability != PSM__DURABLE_OS;
	char name[64];

	(void)snprintf(name, sizeof(name), "%016llx.rejected",
	               (unsigned long long)le64toh(rec->seq));
	if (g->encrypted)
		return psm__quarantine_sealed(
		    s, g, name, s->open[token & s->mask], lasting);
	return psm__quarantine(s, g->stream, name, rec, le32toh(rec->len),
	                       lasting);
}

int
psm__spool_reject(struct psm__spool *s, uint64_t token)
{
	if (token < s->head || token >= s->fill ||
	    (slot_at(s, token) & PSM__SETTLED))
		return 0;
	if (copy_record(s, token) < 0)
		return -1;
	return psm__spool_settle(s, token);
}

/* -- from time to time -- */

/* While nobody takes records, full segments need no memory: the reader maps
 * them again when it comes to them. */
static struct psm__segment *
find_idle(struct psm__spool *s)
{
	struct psm__segment *g = NULL;

	pthread_mutex_lock(&s->lock);
	if (s->rseg)
		g = s->rseg->next;
	for (; g; g = g->next)
		if (g->own && g->sealed && g->base && !g->own_memory &&
		    !g->busy && !g->failed && psm__segment_is_named(g) &&
		    (!g->dirty || s->conf.durability == PSM__DURABLE_OS))
			break;
	if (g)
		g->own = 0;
	pthread_mutex_unlock(&s->lock);
	return g;
}

static int
wants_spare(struct psm__spool *s)
{
	int yes;

	pthread_mutex_lock(&s->lock);
	yes = s->active && !s->spare && s->active->used > s->active->size / 2;
	pthread_mutex_unlock(&s->lock);
	return yes;
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

/* On a full disk, whoever appends makes it, and may fail half way. */
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
	if (now_ms >= s->next_spare_ms && wants_spare(s)) {
		s->next_spare_ms = now_ms + TEND_MS;
		psm__spare_prepare(s);
	}
	while ((g = find_idle(s)) != NULL)
		psm__segment_unmap(g);
}

int
psm__spool_rest(struct psm__spool *s)
{
	int rest;

	/* No slot is free, or others come first: what comes can wait. */
	if (s->to_adopt || psm__spool_full(s))
		return 1;
	pthread_mutex_lock(&s->lock);
	rest = psm__spool_awaits(s);
	if (!rest) {
		rest = s->durable == s->rested_at;
		s->rested_at = s->durable;
		s->resting = rest;
	}
	pthread_mutex_unlock(&s->lock);
	return rest;
}
