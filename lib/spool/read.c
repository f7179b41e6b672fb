/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader, one thread, takes records from the segments, oldest first. */
#include <errno.h>
#include <string.h>

#include "spool/spool_int.h"

#define MAP_RETRY_MS 1000

struct psm__reader {
	struct psm__segment *segment; /* reading here */
	size_t pos;
	int at_end;     /* nothing more in segment, which gets no appends */
	uint64_t limit; /* a copy of the queue's durable */
	int64_t next_map_ms;
	int own_waits; /* nothing of our own stream is read */
};

int
psm__reader_new(struct psm__spool *s)
{
	s->reader = psm__alloc(sizeof(*s->reader));
	return s->reader ? 0 : PSM_ERR_NOMEM;
}

void
psm__reader_free(struct psm__spool *s)
{
	psm__free(s->reader);
	s->reader = NULL;
}

/* -- where it reads -- */

struct psm__segment *
psm__reader_segment(const struct psm__spool *s)
{
	return s->reader->segment;
}

int
psm__reader_is_between(const struct psm__spool *s)
{
	const struct psm__segment *g = s->reader->segment;

	return !g || psm__segment_is_own(g) || s->reader->at_end;
}

void
psm__reader_leave(struct psm__spool *s)
{
	s->reader->segment = NULL;
}

void
psm__reader_map_soon(struct psm__spool *s)
{
	s->reader->next_map_ms = 0;
}

void
psm__reader_set_own_waits(struct psm__spool *s, int waits)
{
	s->reader->own_waits = waits;
}

int
psm__reader_own_waits(const struct psm__spool *s)
{
	return s->reader->own_waits && !s->frozen;
}

struct psm__segment *
psm__reader_needs(struct psm__spool *s, struct psm__segment *g)
{
	struct psm__reader *r = s->reader;

	if (r->segment && r->at_end) {
		/* An old one, read to its end. */
		g = r->segment->next;
		r->segment = NULL;
		return g;
	}
	return r->segment ? r->segment : g;
}

/* -- reading -- */

static void
enter_segment(struct psm__spool *s, struct psm__segment *g)
{
	s->reader->segment = g;
	s->reader->pos = g->start;
	s->reader->at_end = 0;
}

static void
prefetch_next(struct psm__spool *s)
{
	const struct psm__segment *next =
	    psm__queue_after(s, s->reader->segment);

	if (next && !psm__segment_is_own(next))
		psm__segment_prefetch(next);
}

/* 1: s->reader->segment can be read. A segment that cannot be mapped now is
 * tried again later: later segments must not be read before it. */
static int
have_segment(struct psm__spool *s)
{
	int rc;

	if (!s->reader->segment) {
		struct psm__segment *first = psm__queue_begin(s);

		if (!first)
			return 0;
		enter_segment(s, first);
	}
	if (psm__reader_own_waits(s) &&
	    s->reader->segment->stream == s->own_stream)
		return 0;
	if (s->reader->segment->base)
		return 1;
	if (!s->frozen && psm__mono_ms() < s->reader->next_map_ms)
		return 0;
	rc = psm__segment_map(s->reader->segment);
	psm__watch_note_read(s, rc);
	if (rc == 0) {
		prefetch_next(s);
		psm__segment_probe(s->reader->segment,
		                   s->reader->segment->size);
		return 1;
	}
	s->reader->next_map_ms = psm__mono_ms() + MAP_RETRY_MS;
	psm__log(PSM_LOG_ERROR, "a spool segment cannot be mapped", "directory",
	         s->dir, "why", strerror(rc), NULL);
	return 0;
}

static int
next_segment(struct psm__spool *s)
{
	struct psm__segment *next = psm__queue_after(s, s->reader->segment);

	if (!next)
		return 0;
	enter_segment(s, next);
	return 1;
}

static void
advance(struct psm__spool *s, const struct psm__rec *rec)
{
	s->reader->pos += psm__rec_space(le32toh(rec->len));
	if (s->reader->pos > s->reader->segment->size)
		s->reader->pos = s->reader->segment->size;
}

/* Our own segment, in memory ever since: complete up to the limit, and zeros
 * after its last record. NULL: it has no more. When another stream came between
 * it is read from its start again. */
static const struct psm__rec *
read_own(struct psm__spool *s)
{
	struct psm__stream_dir *sd = s->reader->segment->stream;
	const struct psm__rec *rec;
	uint64_t seq;

	do {
		rec = psm__rec_at(s->reader->segment->base, s->reader->pos);
		if (s->reader->pos + PSM__REC_HEADER >
		        s->reader->segment->size ||
		    rec->crc == 0)
			return NULL;
		seq = le64toh(rec->seq);
		advance(s, rec);
	} while (seq <= sd->read_seq);
	sd->read_seq = seq;
	return rec;
}

/* A segment of an earlier process, or one that was unmapped: each record is
 * checked. */
static const struct psm__rec *
read_old(struct psm__spool *s)
{
	struct psm__stream_dir *sd = s->reader->segment->stream;
	const struct psm__rec *rec;
	uint64_t seq;

	while (!s->reader->at_end) {
		rec = psm__segment_scan(&s->damage, s->reader->segment,
		                        &s->reader->pos, sd->read_seq);
		if (!rec) {
			psm__segment_close(&s->damage, s->reader->segment,
			                   s->reader->pos, sd->read_seq);
			s->reader->at_end = 1;
			break;
		}
		advance(s, rec);
		seq = le64toh(rec->seq);
		if (seq <= sd->read_seq) {
			/* Settled, or a second copy. */
			if (!psm__rec_genuine(s->reader->segment, rec))
				psm__segment_keep(s->reader->segment);
			continue;
		}
		sd->read_seq = seq;
		if (le16toh(rec->kind) != PSM__REC_HOLE)
			return rec;
	}
	return NULL;
}

/* 1: there is something below the limit that was not read. */
static int
below_limit(struct psm__spool *s)
{
	uint64_t read = s->reader->segment->stream->read_seq;

	if (!psm__segment_is_own(s->reader->segment) || read < s->reader->limit)
		return 1;
	pthread_mutex_lock(&s->lock);
	s->reader->limit = psm__queue_durable(s);
	pthread_mutex_unlock(&s->lock);
	return read < s->reader->limit;
}

/* At the close nothing is sent any more, so a segment that cannot be mapped
 * may be skipped. */
static void
skip_segment(struct psm__spool *s)
{
	struct psm__stream_dir *sd = s->reader->segment->stream;

	if (s->reader->segment->last_seq > sd->read_seq)
		sd->read_seq = s->reader->segment->last_seq;
}

const struct psm__rec *
psm__reader_next(struct psm__spool *s)
{
	const struct psm__rec *rec = NULL;

	do {
		if (!have_segment(s)) {
			if (!s->frozen || !s->reader->segment)
				return NULL;
			skip_segment(s);
			continue;
		}
		if (!below_limit(s))
			return NULL;
		rec = psm__segment_is_own(s->reader->segment) ? read_own(s)
		                                              : read_old(s);
	} while (!rec && next_segment(s));
	return rec;
}
