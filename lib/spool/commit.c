/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Group commit. The first thread that wants its record on disk becomes the
 * leader. It syncs for all threads that appended before the sync began; the
 * others wait for it.
 */
#include <errno.h>
#include <string.h>

#include "spool/spool_int.h"

/* A thread that waits for a commit, on its stack. */
struct waiter {
	struct waiter *next;
	uint64_t seq;
	int done, rc;
};

/* Under s->lock. */
struct psm__sync {
	pthread_cond_t synced;
	struct waiter *waiters;
	int leads;                          /* a leader is syncing */
	const struct psm__segment *syncing; /* a datasync of it runs, or NULL */
	uint64_t errors;                    /* __atomic */
};

int
psm__sync_new(struct psm__spool *s)
{
	struct psm__sync *sy = psm__alloc(sizeof(*sy));

	if (!sy)
		return PSM_ERR_NOMEM;
	if (psm__cond_init(&sy->synced) < 0) {
		psm__free(sy);
		return PSM_ERR_NOMEM;
	}
	s->sync = sy;
	return 0;
}

void
psm__sync_free(struct psm__spool *s)
{
	if (!s->sync)
		return;
	pthread_cond_destroy(&s->sync->synced);
	psm__free(s->sync);
	s->sync = NULL;
}

int
psm__sync_is_busy(const struct psm__spool *s, const struct psm__segment *g)
{
	return s->sync->syncing == g;
}

uint64_t
psm__sync_errors(const struct psm__spool *s)
{
	return __atomic_load_n(&s->sync->errors, __ATOMIC_RELAXED);
}

int
psm__segment_is_unsynced(const struct psm__segment *g)
{
	return psm__segment_is_own(g) && g->used > g->synced;
}

/* 1: something of it is to be synced, and may be. */
static int
wants_sync(const struct psm__segment *g)
{
	return psm__segment_is_unsynced(g) && g->state != PSM__SEGMENT_FAILED;
}

/* The oldest segment with something to sync. @locks s->lock held */
static struct psm__segment *
find_dirty(struct psm__spool *s)
{
	struct psm__segment *g;

	for (g = psm__queue_first(s); g; g = g->next)
		if (wants_sync(g))
			return g;
	return NULL;
}

/* 0 or an errno. A failed datasync leaves the pages in an unknown state: this
 * file is never synced nor appended to again. @locks as commit */
static int
sync_segment(struct psm__spool *s, struct psm__segment *g)
{
	int rc, why;

	g->synced = g->used;
	s->sync->syncing = g;
	pthread_mutex_unlock(&s->lock);
	do
		rc = psm__file_ops.datasync(g->fd);
	while (rc < 0 && errno == EINTR);
	why = rc < 0 ? errno : psm__stream_dir_dirsync(g->stream);
	pthread_mutex_lock(&s->lock);
	s->sync->syncing = NULL;
	if (why == 0)
		return 0;
	psm__segment_fail(g);
	__atomic_add_fetch(&s->sync->errors, 1, __ATOMIC_RELAXED);
	psm__log(PSM_LOG_ERROR, "a spool segment cannot be synced", "directory",
	         s->dir, "why", strerror(why), NULL);
	return why;
}

/* -- after a failure: the records that are not durable move to a new file -- */

/* Where the records after psm__queue_durable(s) begin in g. */
static size_t
first_undurable(const struct psm__spool *s, const struct psm__segment *g)
{
	size_t at = g->start;

	while (at < g->used) {
		const struct psm__rec *rec = psm__rec_at(g->base, at);

		if (le64toh(rec->seq) > psm__queue_durable(s))
			break;
		at += psm__rec_space(le32toh(rec->len));
	}
	return at;
}

/* It is encrypted again: key and place differ there. 0 or an errno. */
static int
copy_sealed(struct psm__segment *to, struct psm__segment *from,
            const struct psm__rec *rec)
{
	struct psm__rec *plain = NULL;
	int rc = psm__seal_open(from, rec, &plain);

	if (rc == 0)
		rc = psm__seal_put(to, to->used, plain);
	if (plain)
		psm__wipe(plain, le32toh(plain->len));
	return rc;
}

/* Copy the record to the end of `to`, under the seed of that one. 0 or an
 * errno. */
static int
copy_record(struct psm__segment *to, struct psm__segment *from,
            const struct psm__rec *rec)
{
	size_t len = le32toh(rec->len), space = psm__rec_space(len);
	struct psm__rec *copy = (void *)(to->base + to->used);
	int rc;

	if (to->encrypted) {
		rc = copy_sealed(to, from, rec);
		if (rc != 0)
			return rc;
	} else {
		memcpy((uint8_t *)copy + 4, (const uint8_t *)rec + 4, len - 4);
		copy->crc = htole32(psm__rec_crc(to->seed, copy));
	}
	to->used += space;
	to->charged += space;
	to->counted++;
	to->last_seq = le64toh(rec->seq);
	return 0;
}

/* Take the records from `at` on off the segment. The reader stops at the
 * last durable record, so it has not read them. @locks s->lock held */
static void
truncate_segment(struct psm__spool *s, struct psm__segment *g, size_t at)
{
	size_t pos = at;

	for (; pos < g->used; g->counted--)
		pos += psm__rec_space(le32toh(psm__rec_at(g->base, pos)->len));
	memset(g->base + at, 0, g->used - at);
	g->charged -= g->used - at;
	g->used = at;
	if (g->last_seq > psm__queue_durable(s))
		g->last_seq = psm__queue_durable(s);
	if (g->state == PSM__SEGMENT_ACTIVE)
		psm__segment_set_state(g, PSM__SEGMENT_FULL);
	g->synced = g->used;
}

/* Room for all records of the segments from g on, in one new file. */
static size_t
space_needed(const struct psm__spool *s, const struct psm__segment *g)
{
	size_t space = 0;

	for (; g; g = g->next)
		space += g->used - first_undurable(s, g);
	return space;
}

/* 0 or an errno; then no record has moved. What is behind `from` is durable
 * nowhere, so its files go: a later process goes through the files by their
 * numbers, and would take what moved behind them for lost or settled. @locks
 * s->lock held */
static int
move_records(struct psm__spool *s, struct psm__segment *from)
{
	struct psm__segment *to = NULL, *g;
	int rc = psm__spares_begin(s, space_needed(s, from),
	                           psm__queue_durable(s) + 1, &to);

	if (rc != 0)
		return rc;
	for (g = from; rc == 0 && g; g = g->next) {
		size_t at = first_undurable(s, g);

		while (rc == 0 && at < g->used) {
			const struct psm__rec *rec = psm__rec_at(g->base, at);

			rc = copy_record(to, g, rec);
			at += psm__rec_space(le32toh(rec->len));
		}
	}
	if (rc == 0 && psm__file_ops.datasync(to->fd) < 0)
		rc = errno;
	for (g = from->next; rc == 0 && g; g = g->next) {
		/* Without a name it is of no more use. */
		psm__segment_fail(g);
		rc = psm__segment_unname(g);
	}
	if (rc == 0)
		rc = psm__stream_dir_dirsync(to->stream);
	if (rc != 0) {
		psm__segment_delete(to);
		return rc;
	}
	for (g = from; g; g = g->next)
		truncate_segment(s, g, first_undurable(s, g));
	to->synced = to->used;
	psm__queue_add_segment(s, to);
	return 0;
}

/* None of them was accepted, then. Their numbers are not used again: what was
 * to be cut may still be on the disk. @locks s->lock held */
static void
withdraw(struct psm__spool *s, struct psm__segment *from)
{
	struct psm__segment *g;
	size_t bytes = 0;
	uint64_t records = 0;

	for (g = from; g; g = g->next) {
		size_t at = first_undurable(s, g);
		uint64_t before = g->counted;

		bytes += g->used - at;
		truncate_segment(s, g, at);
		records += before - g->counted;
	}
	psm__queue_leave_active(s);
	psm__queue_take_back(s, bytes, records);
}

/* @locks s->lock held */
static void
tell_waiters(struct psm__spool *s, uint64_t up_to, int rc)
{
	struct waiter *w;

	for (w = s->sync->waiters; w; w = w->next) {
		if (w->done || w->seq > up_to)
			continue;
		w->done = 1;
		w->rc = rc;
	}
	pthread_cond_broadcast(&s->sync->synced);
}

static struct waiter *
without(struct waiter *list, const struct waiter *gone)
{
	struct waiter **at;

	for (at = &list; *at != gone; at = &(*at)->next)
		;
	*at = gone->next;
	return list;
}

/* All up to seq have their outcome, and rc is that of those who wait.
 * @locks s->lock held */
static void
reached(struct psm__spool *s, uint64_t seq, int rc)
{
	psm__queue_reached(s, seq);
	tell_waiters(s, seq, rc);
}

/* @locks as commit */
static void
lead(struct psm__spool *s)
{
	uint64_t target = psm__queue_next_seq(s) - 1;
	struct psm__segment *g;
	int why = 0;

	s->sync->leads = 1;
	/* Each once: others go on appending, and their records can wait. */
	for (g = find_dirty(s); g && g->first_seq <= target; g = g->next) {
		why = wants_sync(g) ? sync_segment(s, g) : 0;
		if (why != 0)
			break;
	}
	s->sync->leads = 0;
	if (why != 0) {
		/* The segments before are synced, whatever becomes of these. */
		if (g->first_seq - 1 > psm__queue_durable(s))
			reached(s, g->first_seq - 1, 0);
		target = psm__queue_next_seq(s) - 1;
		why = move_records(s, g);
		if (why != 0) {
			withdraw(s, g);
			psm__spool_fault(s, PSM__FAULT_DISK, why);
		}
	} else if (psm__watch_fault(s) == PSM__FAULT_DISK) {
		psm__spool_fault(s, PSM__FAULT_NONE, 0);
	}
	reached(s, target, why);
}

int
psm__spool_commit(struct psm__spool *s, uint64_t seq, psm_error *err)
{
	struct waiter me = {.next = s->sync->waiters, .seq = seq};

	s->sync->waiters = &me;
	while (!me.done) {
		if (s->sync->leads)
			pthread_cond_wait(&s->sync->synced, &s->lock);
		else
			lead(s);
	}
	s->sync->waiters = without(s->sync->waiters, &me);
	if (me.rc != 0)
		return psm__fail(err, PSM_ERR_IO, "spool %s: cannot sync: %s",
		                 s->dir, strerror(me.rc));
	return 0;
}

void
psm__spool_sync(struct psm__spool *s)
{
	struct psm__segment *g;
	int rc, why = 0;

	pthread_mutex_lock(&s->lock);
	for (g = find_dirty(s); g; g = g->next) {
		rc = wants_sync(g) ? sync_segment(s, g) : 0;
		why = rc ? rc : why;
	}
	/* Nobody waited for it, so the next one to send is told. */
	if (why != 0)
		psm__spool_fault(s, PSM__FAULT_DISK, why);
	pthread_mutex_unlock(&s->lock);
}
