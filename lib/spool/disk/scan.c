/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading segments that may be damaged. */
#include <stdio.h>
#include <string.h>

#include "base/crc32c.h"
#include "spool/disk/disk.h"

/* The smallest hole: a header and the NUL of an empty topic, and a signature.
 */
#define HOLE_MIN psm__rec_space(PSM__REC_HEADER + 1)
#define SEALED_HOLE_MIN psm__rec_space(PSM__REC_HEADER + 1 + PSM__SEAL_TAG)

/* Checksum, length, number, time and kind have at least so many bytes that are
 * not 0. */
#define NOISE_MAX 8

/* Each copy waits for the disk. A segment with more damaged ranges is moved
 * to the quarantine as a whole, once its records are settled. */
#define COPIES_MAX 32

/* The parts of an encrypted record are checked after its decryption. */
static int
valid_with(const struct psm__segment *g, const struct psm__rec *rec,
           size_t room)
{
	if (rec->crc == 0 || !psm__rec_plausible(g->encrypted, rec, room) ||
	    psm__rec_crc(g->seed, rec) != le32toh(rec->crc))
		return 0;
	if (!g->encrypted)
		return psm__rec_has_parts(rec);
	return le16toh(rec->kind) == PSM__REC_SEALED ||
	       psm__seal_is_hole(g, rec);
}

int
psm__rec_valid(const struct psm__segment *g, size_t at)
{
	return at + PSM__REC_HEADER <= g->size &&
	       valid_with(g, psm__rec_at(g->base, at), g->size - at);
}

size_t
psm__rec_find(const struct psm__segment *g, size_t at)
{
	for (; at + PSM__REC_HEADER <= g->size; at += 8)
		if (psm__rec_valid(g, at))
			return at;
	return 0;
}

/* -- the header of a segment -- */

static int
seed_fits(struct psm__segment *g, uint32_t seed)
{
	g->seed = seed;
	return psm__rec_find(g, PSM__SEGMENT_HEADER) != 0;
}

/* One damaged field must not make all records unreadable: try the seeds that
 * other fields give. */
static int
guess_seed(struct psm__segment *g, const struct psm__segment_header *sh)
{
	const struct psm__rec *rec = psm__rec_at(g->base, PSM__SEGMENT_HEADER);
	uint64_t first[2] = {le64toh(sh->first_seq), le64toh(rec->seq)};

	if (seed_fits(g, le32toh(sh->seed)))
		return 1;
	for (int i = 0; i < 2; i++) {
		if (seed_fits(g, psm__spool_seed(sh->uuid, first[i])) ||
		    seed_fits(g, psm__spool_seed(g->stream->uuid, first[i])))
			return 1;
	}
	return 0;
}

/* 1: it is an encrypted segment. Its tag is checked once the key is known. */
static int
check_sealed(struct psm__segment *g)
{
	const struct psm__sealed_header *sh = psm__seal_header(g, 0);

	if (!sh)
		sh = psm__seal_header(g, 1);
	if (!sh)
		return 0;
	g->encrypted = 1;
	g->start = PSM__SEALED_START;
	g->first_seq = le64toh(sh->plain.first_seq);
	g->seed = le32toh(sh->plain.seed);
	memcpy(g->uuid, sh->plain.uuid, 16);
	return 1;
}

int
psm__segment_check(struct psm__segment *g)
{
	const struct psm__segment_header *sh = (const void *)g->base;
	uint32_t crc;
	size_t at;

	psm__segment_probe(g, PSM__SEGMENT_HEADER);
	if (check_sealed(g))
		return 1;
	g->start = PSM__SEGMENT_HEADER;
	if (g->size < PSM__SEGMENT_HEADER + PSM__REC_HEADER)
		return 0;
	crc = psm__crc32c(0, sh, offsetof(struct psm__segment_header, crc));
	if (crc == le32toh(sh->crc)) {
		if (memcmp(sh->magic, PSM__SEGMENT_MAGIC, 8) != 0 ||
		    le32toh(sh->version) != PSM__SEGMENT_VERSION)
			return 0;
		g->first_seq = le64toh(sh->first_seq);
		g->seed = le32toh(sh->seed);
		memcpy(g->uuid, sh->uuid, 16);
		return 1;
	}
	psm__segment_probe(g, g->size);
	if (!guess_seed(g, sh))
		return 0;
	psm__log(PSM_LOG_WARN, "a spool segment's header is damaged",
	         "directory", g->stream->path, NULL);
	at = psm__rec_find(g, PSM__SEGMENT_HEADER);
	g->first_seq = le64toh(psm__rec_at(g->base, at)->seq);
	memcpy(g->uuid, g->stream->known ? g->stream->uuid : sh->uuid, 16);
	return 1;
}

/* -- the records -- */

static int
all_zero(const uint8_t *p, size_t len)
{
	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

static size_t
hole_min(const struct psm__segment *g)
{
	return g->encrypted ? SEALED_HOLE_MIN : HOLE_MIN;
}

/* Write a record over damaged bytes, so that they are counted only once. */
static void
put_hole(struct psm__segment *g, size_t at, size_t len, uint64_t seq)
{
	struct psm__rec *rec = (void *)(g->base + at);
	size_t tag = g->encrypted ? PSM__SEAL_TAG : 0;

	/* Fewer bytes than a record stay: each scan skips them. */
	if (len < hole_min(g))
		return;
	memset(rec, 0, len);
	rec->len = htole32((uint32_t)len);
	rec->seq = htole64(seq);
	rec->kind = htole16(PSM__REC_HOLE);
	rec->value_len = htole32((uint32_t)(len - PSM__REC_HEADER - 1 - tag));
	if (g->encrypted)
		psm__seal_hole(g, rec);
	rec->crc = htole32(psm__rec_crc(g->seed, rec));
}

static int
copy_range(struct psm__damage *d, struct psm__segment *g, size_t at, size_t end)
{
	char name[64];
	uint8_t *copy;
	int rc;

	while (end > at && g->base[end - 1] == 0)
		end--;
	(void)snprintf(name, sizeof(name), "%016llx-%08zx.damaged",
	               (unsigned long long)g->number, at);
	if (!g->encrypted || end == at)
		return psm__quarantine(d, g->stream, name, g->base + at,
		                       end - at, 1);
	/* The copy has the segment's header, too, which is needed to decrypt
	 * it. */
	copy = psm__alloc(g->start + end - at);
	if (!copy)
		return -1;
	memcpy(copy, g->base, g->start);
	memcpy(copy + g->start, g->base + at, end - at);
	rc = psm__quarantine(d, g->stream, name, copy, g->start + end - at, 1);
	psm__free(copy);
	return rc;
}

/* 0: there is a durable copy, so the place may be overwritten. -1: there is
 * none, so the segment is kept. */
static int
quarantine_range(struct psm__damage *d, struct psm__segment *g, size_t at,
                 size_t end)
{
	if (g->copies < COPIES_MAX && copy_range(d, g, at, end) == 0) {
		g->copies++;
		return 0;
	}
	psm__segment_keep(g);
	return -1;
}

/* 1: fewer bytes than any record has, in a file of the full size. */
static int
is_noise(const struct psm__segment *g, size_t at)
{
	const struct psm__segment_header *sh = (const void *)g->base;
	size_t count = 0;

	for (; at < g->size; at++)
		count += g->base[at] != 0;
	return count < NOISE_MAX && le32toh(sh->size) == g->size;
}

/* An append that did not return: the checksum is stored last. */
static int
is_unfinished(const struct psm__segment *g, size_t at)
{
	return at + PSM__REC_HEADER <= g->size &&
	       psm__rec_at(g->base, at)->crc == 0;
}

enum psm__tail
psm__segment_tail(const struct psm__segment *g, size_t at)
{
	if (all_zero(g->base + at, g->size - at))
		return PSM__TAIL_CLEAN;
	if (is_unfinished(g, at) || is_noise(g, at))
		return PSM__TAIL_UNFINISHED;
	return PSM__TAIL_DAMAGED;
}

/* There is no valid record from at on. Only the next segment, if any, tells
 * how many records are missing. */
static void
close_tail(struct psm__damage *d, struct psm__segment *g, size_t at, int newest)
{
	enum psm__tail tail = psm__segment_tail(g, at);

	if (tail == PSM__TAIL_CLEAN)
		return;
	if (tail == PSM__TAIL_DAMAGED) {
		if (newest && g->counted_up_to != UINT64_MAX)
			psm__damage_add(d, psm__rec_torn(g, at), 0);
		g->counted_up_to = UINT64_MAX;
		psm__log(PSM_LOG_WARN, "the end of a spool segment is damaged",
		         "directory", g->stream->path, NULL);
		if (quarantine_range(d, g, at, g->size) < 0)
			return;
	}
	memset(g->base + at, 0, g->size - at);
}

/* Count the records between, once: damage that stays in the file is found
 * again. */
static void
count_lost(struct psm__damage *d, struct psm__segment *g, uint64_t after,
           uint64_t seq)
{
	if (after < g->counted_up_to)
		after = g->counted_up_to;
	if (after == UINT64_MAX || seq <= after + 1)
		return;
	psm__damage_add(d, seq - after - 1, 0);
	g->counted_up_to = seq - 1;
}

int
psm__rec_genuine(struct psm__segment *g, const struct psm__rec *rec)
{
	struct psm__rec *plain = NULL;
	int rc = 0;

	if (g->encrypted && le16toh(rec->kind) == PSM__REC_SEALED)
		rc = psm__seal_open(g, rec, &plain);
	if (plain)
		psm__wipe(plain, le32toh(plain->len));
	return rc == 0;
}

int
psm__segment_is_damaged(struct psm__segment *g)
{
	size_t at = g->start;

	while (psm__rec_valid(g, at) &&
	       psm__rec_genuine(g, psm__rec_at(g->base, at)))
		at += psm__rec_space(le32toh(psm__rec_at(g->base, at)->len));
	return at < g->size && (psm__rec_find(g, at) != 0 ||
	                        psm__segment_tail(g, at) == PSM__TAIL_DAMAGED);
}

const struct psm__rec *
psm__segment_scan(struct psm__damage *d, struct psm__segment *g, size_t *pos,
                  uint64_t after)
{
	size_t at = *pos, found;
	uint64_t seq;

	if (psm__rec_valid(g, at))
		return psm__rec_at(g->base, at);
	found = psm__rec_find(g, at);
	if (found == 0) {
		close_tail(d, g, at, g->state == PSM__SEGMENT_NEWEST);
		return NULL;
	}
	seq = le64toh(psm__rec_at(g->base, found)->seq);
	count_lost(d, g, after, seq);
	psm__log(PSM_LOG_WARN, "a spool segment is damaged", "directory",
	         g->stream->path, NULL);
	if (quarantine_range(d, g, at, found) == 0)
		put_hole(g, at, found - at, seq - 1);
	*pos = found;
	return psm__rec_at(g->base, found);
}

void
psm__segment_altered(struct psm__damage *d, struct psm__segment *g,
                     const struct psm__rec *rec)
{
	size_t at = (size_t)((const uint8_t *)rec - g->base);
	size_t space = psm__rec_space(le32toh(rec->len));

	psm__damage_add(d, 1, 0);
	psm__log(PSM_LOG_WARN, "a record of a spool segment was altered",
	         "directory", g->stream->path, NULL);
	if (quarantine_range(d, g, at, at + space) < 0)
		return;
	/* The lock, because a failed commit reads the records of a segment. */
	pthread_mutex_lock(d->lock);
	put_hole(g, at, space, le64toh(rec->seq));
	pthread_mutex_unlock(d->lock);
}

void
psm__segment_close(struct psm__damage *d, struct psm__segment *g, size_t at,
                   uint64_t after)
{
	if (g->state == PSM__SEGMENT_NEWEST || g->last_seq <= after)
		return;
	psm__damage_add(d, g->last_seq - after, 0);
	if (g->damage == PSM__DAMAGE_NONE && at + hole_min(g) <= g->size)
		put_hole(g, at, hole_min(g), g->last_seq);
}
