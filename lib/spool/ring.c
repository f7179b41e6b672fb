/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring of what was read. Records are handed over through slots: [head,
 * pass) was handed over, [pass, fill) was only read. A slot is the record's
 * address; its low bits say what became of it. One thread, the reader.
 */
#include <errno.h>
#include <string.h>

#include "spool/spool_int.h"

/* Of events that are decrypted, handed over and not released. Then the reader
 * waits for outcomes, as it does when no slot is free. */
#define DECRYPTED_MAX ((size_t)64 << 20)

/* Records are 8-aligned. */
#define SETTLED UINT64_C(1)
#define DEFERRED UINT64_C(2)
#define SLOT_FLAGS UINT64_C(7)

/* So many records ahead one is fetched from memory. */
#define SOON 8

struct psm__ring {
	struct slot {
		uint64_t rec;  /* its address, and the flags */
		uint64_t note; /* psm__spool_note() */
	} * slots;
	struct psm__rec **decrypted; /* of slots; NULL without keys */
	size_t decrypted_bytes;      /* of all of these */
	uint64_t head, pass, fill, mask;
	const struct psm__rec *pending; /* read, and not decrypted yet */
	int paused; /* nothing is read, so that a stream can be put in front */
	struct psm__header headers[PSM__REC_HEADERS]; /* of one message */
};

static size_t
power_of_two(size_t at_least)
{
	size_t n = 64;

	while (n < at_least)
		n *= 2;
	return n;
}

int
psm__ring_new(struct psm__spool *s)
{
	struct psm__ring *r = psm__alloc(sizeof(*r));
	size_t slots = power_of_two(s->conf.window);

	if (!r)
		return PSM_ERR_NOMEM;
	s->ring = r;
	r->mask = slots - 1;
	r->slots = psm__array(slots, sizeof(*r->slots));
	if (s->keys)
		r->decrypted = psm__array(slots, sizeof(*r->decrypted));
	return r->slots && (r->decrypted || !s->keys) ? 0 : PSM_ERR_NOMEM;
}

void
psm__ring_free(struct psm__spool *s)
{
	struct psm__ring *r = s->ring;

	if (!r)
		return;
	for (size_t i = 0; r->decrypted && i <= r->mask; i++)
		if (r->decrypted[i])
			psm__wipe(r->decrypted[i],
			          le32toh(r->decrypted[i]->len));
	psm__free(r->decrypted);
	psm__free(r->slots);
	psm__free(r);
	s->ring = NULL;
}

static const struct psm__rec *
slot_record(uint64_t slot)
{
	return (const struct psm__rec *)(uintptr_t)(slot & ~SLOT_FLAGS);
}

static uint64_t *
slot_of(struct psm__spool *s, uint64_t token)
{
	return &s->ring->slots[token & s->ring->mask].rec;
}

/* In the clear. */
static const struct psm__rec *
record_of(struct psm__spool *s, uint64_t token)
{
	if (s->ring->decrypted && s->ring->decrypted[token & s->ring->mask])
		return s->ring->decrypted[token & s->ring->mask];
	return slot_record(*slot_of(s, token));
}

int
psm__spool_full(const struct psm__spool *s)
{
	return s->ring->fill - s->ring->head > s->ring->mask ||
	       s->ring->decrypted_bytes >= DECRYPTED_MAX;
}

/* 1: the next slot has a record. 0: there is none now, or no memory. */
static int
fill_slot(struct psm__spool *s)
{
	const struct psm__rec *rec;
	struct psm__rec *plain = NULL;
	int rc = 0;

	/* The outcome of what was handed over comes first. */
	if (s->ring->paused)
		return 0;
	do {
		rec = s->ring->pending ? s->ring->pending : psm__reader_next(s);
		if (!rec)
			return 0;
		rc = psm__reader_segment(s)->encrypted
		         ? psm__seal_open(psm__reader_segment(s), rec, &plain)
		         : 0;
		s->ring->pending = rc == ENOMEM ? rec : NULL;
		if (rc == ENOMEM)
			return 0;
		if (rc != 0)
			psm__segment_altered(&s->damage, psm__reader_segment(s),
			                     rec);
	} while (rc != 0);
	if (plain) {
		s->ring->decrypted[s->ring->fill & s->ring->mask] = plain;
		s->ring->decrypted_bytes += le32toh(plain->len);
	}
	*slot_of(s, s->ring->fill++) = (uint64_t)(uintptr_t)rec;
	return 1;
}

/* The record is not needed in the clear any more. */
static void
forget(struct psm__spool *s, uint64_t token)
{
	struct psm__rec **plain =
	    s->ring->decrypted ? &s->ring->decrypted[token & s->ring->mask]
			       : NULL;

	if (!plain || !*plain)
		return;
	s->ring->decrypted_bytes -= le32toh((*plain)->len);
	psm__wipe(*plain, le32toh((*plain)->len));
	*plain = NULL;
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
	m->headers = s->ring->headers;
	/* Only valid records come this far. */
	(void)psm__headers_read(rec, s->ring->headers, &m->header_count);
	m->token = token;
	m->time_us = (int64_t)le64toh((uint64_t)rec->time_us);
	if (le16toh(rec->kind) == PSM__REC_NO_KEY)
		m->key = NULL;
}

int
psm__spool_peek(struct psm__spool *s, struct psm__message *m)
{
	while (s->ring->pass < s->ring->fill &&
	       (*slot_of(s, s->ring->pass) & SETTLED))
		s->ring->pass++;
	if (s->ring->pass == s->ring->fill &&
	    (psm__spool_full(s) || !fill_slot(s)))
		return 0;
	describe(s, record_of(s, s->ring->pass), s->ring->pass, m);
	return 1;
}

void
psm__spool_pass(struct psm__spool *s)
{
	s->ring->pass++;
}

void
psm__spool_defer(struct psm__spool *s, uint64_t token)
{
	*slot_of(s, token) |= DEFERRED;
}

int
psm__spool_look(struct psm__spool *s, uint64_t *token, struct psm__message *m,
                int *deferred)
{
	if (*token < s->ring->head)
		*token = s->ring->head;
	for (; *token < s->ring->pass; ++*token) {
		uint64_t slot = *slot_of(s, *token);

		if (slot & SETTLED)
			continue;
		describe(s, record_of(s, *token), *token, m);
		*deferred = (slot & DEFERRED) != 0;
		return 1;
	}
	return 0;
}

void
psm__spool_resume(struct psm__spool *s, uint64_t token)
{
	*slot_of(s, token) &= ~(uint64_t)DEFERRED;
}

int
psm__spool_settle(struct psm__spool *s, uint64_t token)
{
	uint64_t *slot = slot_of(s, token);

	if (token < s->ring->head || token >= s->ring->fill ||
	    (*slot & SETTLED))
		return 0;
	*slot |= SETTLED;
	return 1;
}

void
psm__spool_note(struct psm__spool *s, uint64_t token, uint64_t note)
{
	s->ring->slots[token & s->ring->mask].note = note;
}

uint64_t
psm__spool_noted(const struct psm__spool *s, uint64_t token)
{
	return s->ring->slots[token & s->ring->mask].note;
}

void
psm__spool_message(struct psm__spool *s, uint64_t token, struct psm__message *m)
{
	describe(s, record_of(s, token), token, m);
}

void
psm__spool_id(struct psm__spool *s, uint64_t token, char *id, size_t size)
{
	const char *text;
	size_t len = psm__rec_id(record_of(s, token), &text);

	if (len >= size)
		len = size - 1;
	memcpy(id, text, len);
	id[len] = '\0';
}

void
psm__spool_rewind(struct psm__spool *s)
{
	for (s->ring->pass = s->ring->head; s->ring->pass < s->ring->fill;
	     s->ring->pass++)
		*slot_of(s, s->ring->pass) &= ~(uint64_t)DEFERRED;
	s->ring->pass = s->ring->head;
}

size_t
psm__ring_pop(struct psm__spool *s, struct psm__segment **g, int64_t *bytes)
{
	size_t count = 0, len;

	*bytes = 0;
	for (; s->ring->head < s->ring->pass &&
	       (*slot_of(s, s->ring->head) & SETTLED);
	     s->ring->head++) {
		const struct psm__rec *rec =
		    slot_record(*slot_of(s, s->ring->head));

		/* Nobody has looked at it since it was handed over. */
		__builtin_prefetch(
		    slot_record(*slot_of(s, s->ring->head + SOON)));
		*g = psm__queue_segment_of(*g, rec);
		len = psm__rec_space(le32toh(rec->len));
		(*g)->released_bytes += len;
		(*g)->released_count++;
		if (!s->frozen)
			(*g)->stream->settled = le64toh(rec->seq);
		*bytes += (int64_t)len;
		forget(s, s->ring->head);
		count++;
	}
	return count;
}

struct psm__segment *
psm__ring_needs(struct psm__spool *s, struct psm__segment *g)
{
	if (s->ring->head < s->ring->fill)
		return psm__queue_segment_of(
		    g, slot_record(*slot_of(s, s->ring->head)));
	return psm__reader_needs(s, g);
}

int
psm__ring_put_back(struct psm__spool *s)
{
	struct psm__segment *g = psm__queue_begin(s);
	const struct psm__rec *rec;

	if (s->ring->pass != s->ring->head || s->ring->pending ||
	    !psm__reader_is_between(s))
		return 0;
	for (uint64_t token = s->ring->head; token < s->ring->fill; token++) {
		rec = slot_record(*slot_of(s, token));
		g = psm__queue_segment_of(g, rec);
		if (!psm__segment_is_own(g))
			return 0;
	}
	for (; s->ring->fill > s->ring->head; s->ring->fill--) {
		rec = slot_record(*slot_of(s, s->ring->fill - 1));
		s->own_stream->read_seq = le64toh(rec->seq) - 1;
		forget(s, s->ring->fill - 1);
	}
	/* Also when nothing comes of it: the place to go on from is lost. */
	psm__reader_leave(s);
	return 1;
}

int
psm__ring_oldest(struct psm__spool *s, int64_t *at_us)
{
	const struct psm__ring *r = s->ring;
	struct psm__message m;

	if (r->head == r->fill && !psm__spool_peek(s, &m))
		return 0;
	*at_us = (int64_t)le64toh(
	    (uint64_t)slot_record(*slot_of(s, r->head))->time_us);
	return 1;
}

const struct psm__rec *
psm__ring_record(struct psm__spool *s, uint64_t token,
                 const struct psm__rec **plain)
{
	if (token < s->ring->head || token >= s->ring->fill ||
	    (*slot_of(s, token) & SETTLED))
		return NULL;
	*plain = record_of(s, token);
	return slot_record(*slot_of(s, token));
}

size_t
psm__ring_decrypted(const struct psm__spool *s)
{
	return s->ring->decrypted_bytes;
}

void
psm__ring_pause(struct psm__spool *s, int paused)
{
	s->ring->paused = paused;
}

int
psm__ring_is_paused(const struct psm__spool *s)
{
	return s->ring->paused;
}
