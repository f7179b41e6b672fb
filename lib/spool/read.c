/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The spool's reading side, for one thread. Records are handed over through a
 * ring of slots: [head, pass) was handed over, [pass, fill) was read from the
 * segments. A slot is the record's address; its low bits say what became of it.
 */
#include <errno.h>
#include <string.h>

#include "spool/spool_int.h"

#define MAP_RETRY_MS 1000

/* Of events that are decrypted, handed over and not let go. Then the reader
 * waits for outcomes, as it does when no slot is free. */
#define OPEN_MAX ((size_t)64 << 20)

static uint64_t *
slot_of(struct psm__spool *s, uint64_t token)
{
	return &s->slots[token & s->mask];
}

/* In the clear. */
static const struct psm__rec *
record_of(struct psm__spool *s, uint64_t token)
{
	if (s->open && s->open[token & s->mask])
		return s->open[token & s->mask];
	return psm__slot_record(*slot_of(s, token));
}

/* -- from the segments -- */

static void
enter_segment(struct psm__spool *s, struct psm__segment *g)
{
	s->rseg = g;
	s->rpos = g->start;
	s->rend = 0;
}

static void
prefetch_next(struct psm__spool *s)
{
	const struct psm__segment *next;

	pthread_mutex_lock(&s->lock);
	next = s->rseg->next;
	pthread_mutex_unlock(&s->lock);
	if (next && !next->own)
		psm__segment_prefetch(next);
}

/* 1: s->rseg can be read. A segment that cannot be mapped now is tried again
 * later: what follows it must not overtake it. */
static int
have_segment(struct psm__spool *s)
{
	int rc;

	if (!s->rseg) {
		struct psm__segment *first;

		pthread_mutex_lock(&s->lock);
		first = s->first;
		pthread_mutex_unlock(&s->lock);
		if (!first)
			return 0;
		enter_segment(s, first);
	}
	if (psm__spool_awaits(s) && s->rseg->stream == s->own_stream)
		return 0;
	if (s->rseg->base)
		return 1;
	if (!s->frozen && psm__mono_ms() < s->next_map_ms)
		return 0;
	rc = psm__segment_map(s->rseg);
	__atomic_store_n(&s->read_errno, rc, __ATOMIC_RELAXED);
	if (rc == 0) {
		prefetch_next(s);
		psm__segment_probe(s->rseg, s->rseg->size);
		return 1;
	}
	s->next_map_ms = psm__mono_ms() + MAP_RETRY_MS;
	psm__log(PSM_LOG_ERROR, "a spool segment cannot be mapped", "directory",
	         s->dir, "why", strerror(rc), NULL);
	return 0;
}

static int
next_segment(struct psm__spool *s)
{
	struct psm__segment *next;

	pthread_mutex_lock(&s->lock);
	next = s->rseg->next;
	pthread_mutex_unlock(&s->lock);
	if (!next)
		return 0;
	enter_segment(s, next);
	return 1;
}

static void
advance(struct psm__spool *s, const struct psm__rec *rec)
{
	s->rpos += psm__rec_space(le32toh(rec->len));
	if (s->rpos > s->rseg->size)
		s->rpos = s->rseg->size;
}

/* Our own segment, in memory ever since: complete up to the limit, and zeros
 * after its last record. NULL: it has no more. When another stream came between
 * it is read from its start again. */
static const struct psm__rec *
read_own(struct psm__spool *s)
{
	struct psm__stream_dir *sd = s->rseg->stream;
	const struct psm__rec *rec;
	uint64_t seq;

	do {
		rec = psm__rec_at(s->rseg->base, s->rpos);
		if (s->rpos + PSM__REC_HEADER > s->rseg->size || rec->crc == 0)
			return NULL;
		seq = le64toh(rec->seq);
		advance(s, rec);
	} while (seq <= sd->read_seq);
	sd->read_seq = seq;
	return rec;
}

/* One of an earlier process, or one that was unmapped: trust nothing. */
static const struct psm__rec *
read_old(struct psm__spool *s)
{
	struct psm__stream_dir *sd = s->rseg->stream;
	const struct psm__rec *rec;
	uint64_t seq;

	while (!s->rend) {
		rec = psm__segment_scan(s, s->rseg, &s->rpos, sd->read_seq);
		if (!rec) {
			psm__segment_close(s, s->rseg, s->rpos, sd->read_seq);
			s->rend = 1;
			break;
		}
		advance(s, rec);
		seq = le64toh(rec->seq);
		if (seq <= sd->read_seq) {
			/* Settled, or a second copy. */
			s->rseg->keep |= !psm__rec_genuine(s->rseg, rec);
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
	uint64_t read = s->rseg->stream->read_seq;

	if (!s->rseg->own || read < s->limit)
		return 1;
	pthread_mutex_lock(&s->lock);
	s->limit = s->durable;
	pthread_mutex_unlock(&s->lock);
	return read < s->limit;
}

/* Nothing is handed over any more, so nothing is overtaken: a segment that
 * cannot be mapped at the end hides its own records only. */
static void
skip_segment(struct psm__spool *s)
{
	struct psm__stream_dir *sd = s->rseg->stream;

	if (s->rseg->last_seq > sd->read_seq)
		sd->read_seq = s->rseg->last_seq;
}

static const struct psm__rec *
read_next(struct psm__spool *s)
{
	const struct psm__rec *rec = NULL;

	do {
		if (!have_segment(s)) {
			if (!s->frozen || !s->rseg)
				return NULL;
			skip_segment(s);
			continue;
		}
		if (!below_limit(s))
			return NULL;
		rec = s->rseg->own ? read_own(s) : read_old(s);
	} while (!rec && next_segment(s));
	return rec;
}

/* -- handing over -- */

int
psm__spool_full(const struct psm__spool *s)
{
	return s->fill - s->head > s->mask || s->open_bytes >= OPEN_MAX;
}

/* 1: the next slot has a record. 0: there is none now, or no memory. */
static int
fill_slot(struct psm__spool *s)
{
	const struct psm__rec *rec;
	struct psm__rec *plain = NULL;
	int rc = 0;

	if (s->to_adopt) /* the outcome of what was handed over comes first */
		return 0;
	do {
		rec = s->pending ? s->pending : read_next(s);
		if (!rec)
			return 0;
		rc = s->rseg->encrypted ? psm__seal_open(s->rseg, rec, &plain)
		                        : 0;
		s->pending = rc == ENOMEM ? rec : NULL;
		if (rc == ENOMEM)
			return 0;
		if (rc != 0)
			psm__segment_altered(s, s->rseg, rec);
	} while (rc != 0);
	if (plain) {
		s->open[s->fill & s->mask] = plain;
		s->open_bytes += le32toh(plain->len);
	}
	*slot_of(s, s->fill++) = (uint64_t)(uintptr_t)rec;
	return 1;
}

void
psm__spool_forget(struct psm__spool *s, uint64_t token)
{
	struct psm__rec **open = s->open ? &s->open[token & s->mask] : NULL;

	if (!open || !*open)
		return;
	s->open_bytes -= le32toh((*open)->len);
	psm__wipe(*open, le32toh((*open)->len));
	*open = NULL;
}

static void
describe(struct psm__spool *s, const struct psm__rec *rec, uint64_t token,
         struct psm__message *m)
{
	const char *topic = (const char *)(rec + 1);

	m->topic = topic;
	m->key = topic + le16toh(rec->topic_len) + 1;
	m->key_len = le32toh(rec->key_len);
	m->value = m->key + m->key_len;
	m->value_len = le32toh(rec->value_len);
	m->headers = s->headers;
	/* Only valid records come this far. */
	(void)psm__headers_read(rec, s->headers, &m->header_count);
	m->token = token;
	if (le16toh(rec->kind) == PSM__REC_NO_KEY)
		m->key = NULL;
}

int
psm__spool_peek(struct psm__spool *s, struct psm__message *m)
{
	while (s->pass < s->fill && (*slot_of(s, s->pass) & PSM__SETTLED))
		s->pass++;
	if (s->pass == s->fill && (psm__spool_full(s) || !fill_slot(s)))
		return 0;
	describe(s, record_of(s, s->pass), s->pass, m);
	return 1;
}

void
psm__spool_pass(struct psm__spool *s)
{
	s->pass++;
}

void
psm__spool_defer(struct psm__spool *s, uint64_t token)
{
	*slot_of(s, token) |= PSM__DEFERRED;
}

int
psm__spool_look(struct psm__spool *s, uint64_t *token, struct psm__message *m,
                int *deferred)
{
	if (*token < s->head)
		*token = s->head;
	for (; *token < s->pass; ++*token) {
		uint64_t slot = *slot_of(s, *token);

		if (slot & PSM__SETTLED)
			continue;
		describe(s, record_of(s, *token), *token, m);
		*deferred = (slot & PSM__DEFERRED) != 0;
		return 1;
	}
	return 0;
}

void
psm__spool_resume(struct psm__spool *s, uint64_t token)
{
	*slot_of(s, token) &= ~(uint64_t)PSM__DEFERRED;
}

int
psm__spool_settle(struct psm__spool *s, uint64_t token)
{
	uint64_t *slot = slot_of(s, token);

	if (token < s->head || token >= s->fill || (*slot & PSM__SETTLED))
		return 0;
	*slot |= PSM__SETTLED;
	return 1;
}

void
psm__spool_message(struct psm__spool *s, uint64_t token, struct psm__message *m)
{
	describe(s, record_of(s, token), token, m);
}

void
psm__spool_id(struct psm__spool *s, uint64_t token, char *id, size_t size)
{
	const struct psm__rec *rec = record_of(s, token);
	struct psm__message m;
	size_t len = le16toh(rec->id_len);

	describe(s, rec, token, &m);
	if (len >= size)
		len = size - 1;
	memcpy(id, (const char *)m.value + le16toh(rec->id_at), len);
	id[len] = '\0';
}

void
psm__spool_rewind(struct psm__spool *s)
{
	for (s->pass = s->head; s->pass < s->fill; s->pass++)
		*slot_of(s, s->pass) &= ~(uint64_t)PSM__DEFERRED;
	s->pass = s->head;
}
