/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader releases settled records: drained segments become spares or are
 * deleted. */
#include <stdio.h>
#include <string.h>

#include "spool/spool_int.h"

void
psm__spool_save_cursors(struct psm__spool *s)
{
	struct psm__stream_dir *sd;

	for (sd = s->streams; sd; sd = sd->next)
		if (sd->settled != sd->saved)
			psm__stream_dir_save(sd);
}

/* An adopted stream directory without segments is deleted. */
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
		psm__spares_retire(s, g);
		if (left == 0 && sd != s->own_stream)
			drop_stream(s, sd);
	}
}

/* When the segment was made, i.e. when its first record came; 0: unknown. */
static int64_t
made_us(const struct psm__segment *g)
{
	const struct psm__segment_header *sh = (const void *)g->base;

	return sh ? (int64_t)le64toh((uint64_t)sh->created_us) : 0;
}

/* Store the time of the oldest waiting record. It may not have been read
 * yet. If it cannot be read now, the former value stays: the record is not
 * older. gone: records that are being released. */
static void
note_oldest(struct psm__spool *s, size_t gone)
{
	int64_t at = 0;
	int waits;

	if (!psm__ring_oldest(s, &at)) {
		pthread_mutex_lock(&s->lock);
		waits = psm__queue_first(s) && psm__queue_waiting(s) > gone;
		if (waits && psm__reader_own_waits(s))
			at = made_us(psm__queue_first(s));
		pthread_mutex_unlock(&s->lock);
		if (waits && at == 0)
			return;
	}
	psm__queue_set_oldest(s, at);
}

size_t
psm__spool_release(struct psm__spool *s)
{
	struct psm__segment *g = psm__queue_begin(s);
	int64_t bytes;
	size_t count;

	if (!g) {
		if (!s->frozen)
			psm__queue_set_oldest(s, 0);
		return 0;
	}
	count = psm__ring_pop(s, &g, &bytes);
	if (s->frozen)
		return count;
	note_oldest(s, count);
	g = psm__ring_needs(s, g);
	/* The cursors are written before files are deleted. */
	if (count)
		psm__spool_save_cursors(s);
	dispose(s, psm__queue_release(s, g, count, bytes));
	return count;
}

/* 0, or -1: there is no copy. */
static int
copy_record(struct psm__spool *s, const struct psm__rec *rec,
            const struct psm__rec *plain)
{
	struct psm__segment *g =
	    psm__queue_segment_of(psm__queue_begin(s), rec);
	int lasting = s->conf.durability != PSM__DURABLE_OS;
	char name[64];

	(void)snprintf(name, sizeof(name), "%016llx.rejected",
	               (unsigned long long)le64toh(rec->seq));
	if (g->encrypted)
		return psm__quarantine_sealed(&s->damage, g, name, plain,
		                              lasting);
	return psm__quarantine(&s->damage, g->stream, name, rec,
	                       le32toh(rec->len), lasting);
}

int
psm__spool_reject(struct psm__spool *s, uint64_t token)
{
	const struct psm__rec *plain, *rec;

	rec = psm__ring_record(s, token, &plain);
	if (!rec)
		return 0;
	if (copy_record(s, rec, plain) < 0)
		return -1;
	return psm__spool_settle(s, token);
}
