/* SPDX-License-Identifier: BSD-2-Clause */
/* One segment: its state, its file and its memory. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "spool/disk/disk.h"

/* So much of a first segment is for those who send little. */
#define SMALL_PAGES ((size_t)2 << 20)

/* -- states -- */

#define TO(state) (1u << (state))
static const unsigned may_follow[PSM__N_SEGMENT_STATES] = {
    [PSM__SEGMENT_LEFT] = TO(PSM__SEGMENT_NEWEST) | TO(PSM__SEGMENT_SPARE),
    [PSM__SEGMENT_NEWEST] = 0,
    [PSM__SEGMENT_SPARE] = TO(PSM__SEGMENT_ACTIVE),
    [PSM__SEGMENT_ACTIVE] = TO(PSM__SEGMENT_FULL) | TO(PSM__SEGMENT_FAILED) |
                            TO(PSM__SEGMENT_SPARE),
    [PSM__SEGMENT_FULL] = TO(PSM__SEGMENT_LEFT) | TO(PSM__SEGMENT_FAILED) |
                          TO(PSM__SEGMENT_SPARE),
    [PSM__SEGMENT_FAILED] = 0,
};

const char *
psm__segment_state_name(int state)
{
	static const char *const names[PSM__N_SEGMENT_STATES] = {
	    [PSM__SEGMENT_LEFT] = "left",   [PSM__SEGMENT_NEWEST] = "newest",
	    [PSM__SEGMENT_SPARE] = "spare", [PSM__SEGMENT_ACTIVE] = "active",
	    [PSM__SEGMENT_FULL] = "full",   [PSM__SEGMENT_FAILED] = "failed",
	};

	return state >= 0 && state < PSM__N_SEGMENT_STATES ? names[state]
	                                                   : NULL;
}

int
psm__segment_may_become(int from, int to)
{
	return (may_follow[from] & TO(to)) != 0;
}

void
psm__segment_set_state(struct psm__segment *g, enum psm__segment_state to)
{
	int allowed = psm__segment_may_become(g->state, (int)to);

	if (!allowed)
		psm__log(PSM_LOG_ERROR,
		         "a spool segment cannot change its state", "from",
		         psm__segment_state_name(g->state), "to",
		         psm__segment_state_name((int)to), NULL);
	assert(allowed);
	__atomic_store_n(&g->state, (int)to, __ATOMIC_RELAXED);
}

void
psm__segment_fail(struct psm__segment *g)
{
	if (psm__segment_is_own(g) && g->state != PSM__SEGMENT_FAILED)
		psm__segment_set_state(g, PSM__SEGMENT_FAILED);
}

void
psm__segment_keep(struct psm__segment *g)
{
	if (g->damage == PSM__DAMAGE_NONE)
		g->damage = PSM__DAMAGE_KEEP;
}

/* -- memory -- */

static void
file_name(char name[32], uint64_t number, const char *suffix)
{
	snprintf(name, 32, "%016llx.%s", (unsigned long long)number, suffix);
}

static void
remove_name(struct psm__stream_dir *sd, uint64_t number, const char *suffix)
{
	char name[32];

	file_name(name, number, suffix);
	if (psm__file_ops.unlink(sd->dirfd, name, 0) < 0 && errno != ENOENT) {
		sd->undeleted = 1;
		psm__log(PSM_LOG_WARN, "cannot delete a spool file", "file",
		         name, "why", strerror(errno), NULL);
	}
	__atomic_store_n(&sd->dir_dirty, 1, __ATOMIC_RELAXED);
}

/* Children of fork must not write to these pages. */
static int
map_file(struct psm__segment *g)
{
	void *base = psm__file_ops.map(g->fd, g->size);

	if (base == MAP_FAILED)
		return errno;
	g->base = base;
	madvise(base, g->size, MADV_DONTFORK);
	return 0;
}

int
psm__segment_map(struct psm__segment *g)
{
	char name[32];
	int rc;

	if (g->base)
		return 0;
	file_name(name, g->number, "pms");
	g->fd = psm__stream_dir_open_file(g->stream, name, O_RDWR);
	if (g->fd < 0)
		return errno;
	rc = map_file(g);
	close(g->fd); /* no more records: nothing to sync */
	g->fd = -1;
	return rc;
}

void
psm__segment_unmap(struct psm__segment *g)
{
	if (g->base && !g->own_memory)
		psm__file_ops.unmap(g->base, g->size);
	if (!g->own_memory)
		g->base = NULL;
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
}

void
psm__segment_free(struct psm__segment *g)
{
	if (!g)
		return;
	psm__segment_unmap(g);
	if (g->own_memory)
		psm__free(g->base);
	psm__seal_free(g->seal);
	psm__free(g);
}

/* -- the file -- */

void
psm__segment_delete(struct psm__segment *g)
{
	if (g->stream->dirfd >= 0)
		remove_name(g->stream, g->number, "pms");
	psm__segment_free(g);
}

int
psm__segment_unname(struct psm__segment *g)
{
	char name[32];

	file_name(name, g->number, "pms");
	if (psm__file_ops.unlink(g->stream->dirfd, name, 0) < 0)
		return errno;
	__atomic_store_n(&g->stream->dir_dirty, 1, __ATOMIC_RELAXED);
	return 0;
}

int
psm__segment_is_named(const struct psm__segment *g)
{
	return g->fd < 0 || psm__file_ops.state(g->fd) != ENOENT;
}

/* A large page costs the kernel a fifth of the small ones in its place (ext4,
 * 700 ns per event of 700 bytes before, 140 after), but is written back whole.
 * Only a saving: elsewhere they come one by one. */
static void
want_large_pages(struct psm__segment *g, size_t from)
{
#ifdef MADV_HUGEPAGE
	if (from < g->size)
		madvise(g->base + from, g->size - from, MADV_HUGEPAGE);
#else
	(void)g;
	(void)from;
#endif
}

/* A file of size zeroed bytes under the name of a spare; 0 or an errno. */
static int
make_file(struct psm__segment *g, enum psm__segment_use use)
{
	char name[32];
	int rc;

	file_name(name, g->number, "spare");
	g->fd = psm__stream_dir_open_file(g->stream, name,
	                                  O_CREAT | O_EXCL | O_RDWR);
	if (g->fd < 0)
		return errno;
	__atomic_store_n(&g->stream->dir_dirty, 1, __ATOMIC_RELAXED);
	rc = psm__file_ops.allocate(g->fd, (off_t)g->size);
	if (rc == 0 && use == PSM__USE_PREPARED)
		psm__file_ops.fill(g->fd, g->size);
	if (rc == 0)
		rc = map_file(g);
	if (rc != 0)
		remove_name(g->stream, g->number, "spare");
	else if (use != PSM__USE_SYNCED)
		want_large_pages(g, use == PSM__USE_FIRST ? SMALL_PAGES : 0);
	return rc;
}

int
psm__segment_new(struct psm__stream_dir *sd, size_t size,
                 enum psm__segment_use use, struct psm__segment **out)
{
	struct psm__segment *g = psm__alloc(sizeof(*g));
	int rc = 0;

	*out = NULL;
	if (!g)
		return ENOMEM;
	g->stream = sd;
	g->fd = -1;
	g->size = size;
	g->number = psm__stream_dir_number(sd);
	if (sd->dirfd < 0) {
		g->own_memory = 1;
		g->base = psm__alloc(size);
		if (!g->base)
			rc = ENOMEM;
	} else {
		rc = make_file(g, use);
	}
	if (rc != 0) {
		psm__segment_free(g);
		return rc;
	}
	psm__segment_set_state(g, PSM__SEGMENT_SPARE);
	*out = g;
	return 0;
}

int
psm__segment_header(const struct psm__keys *keys, struct psm__segment *g)
{
	struct psm__segment_header *sh = (void *)g->base;

	memcpy(sh->magic, PSM__SEGMENT_MAGIC, 8);
	sh->version =
	    htole32(g->encrypted ? PSM__SEALED_VERSION : PSM__SEGMENT_VERSION);
	sh->size = htole32((uint32_t)g->size);
	memcpy(sh->uuid, g->stream->uuid, 16);
	sh->first_seq = htole64(g->first_seq);
	sh->number = htole64(g->number);
	sh->created_us = (int64_t)htole64((uint64_t)psm_now_us());
	sh->seed = htole32(g->seed);
	sh->crc = htole32(
	    psm__crc32c(0, sh, offsetof(struct psm__segment_header, crc)));
	return g->encrypted ? psm__seal_new(keys, g) : 0;
}

/*
 * Numbers are never used twice, so a spare segment gets a new one. It gets its
 * name only when its header is complete: a crash before that leaves an unnamed
 * spare segment, which is deleted at the next open.
 */
static int
take_name(const struct psm__keys *keys, struct psm__segment *g)
{
	uint64_t spare = g->number;
	char from[32], to[32];
	int rc;

	if (!g->own_memory)
		g->number = psm__stream_dir_number(g->stream);
	rc = psm__segment_header(keys, g);
	if (g->own_memory)
		return rc;
	file_name(from, spare, "spare");
	file_name(to, g->number, "pms");
	if (rc != 0) {
		remove_name(g->stream, spare, "spare");
		return rc;
	}
	if (psm__file_ops.rename(g->stream->dirfd, from, to) < 0) {
		int why = errno;

		remove_name(g->stream, spare, "spare");
		return why;
	}
	__atomic_store_n(&g->stream->dir_dirty, 1, __ATOMIC_RELAXED);
	return 0;
}

int
psm__segment_begin(const struct psm__keys *keys, struct psm__segment *g,
                   uint64_t first_seq)
{
	int rc;

	g->first_seq = first_seq;
	g->last_seq = first_seq - 1;
	g->seed = psm__spool_seed(g->stream->uuid, first_seq);
	g->encrypted = keys != NULL;
	g->start = keys ? PSM__SEALED_START : PSM__SEGMENT_HEADER;
	g->used = g->synced = g->start;
	rc = take_name(keys, g);
	if (rc == 0)
		psm__segment_set_state(g, PSM__SEGMENT_ACTIVE);
	return rc;
}

/*
 * The name goes first: so a segment with a name is never half cleared, and
 * never has records that came after those of a newer segment, which would hide
 * these. 1: it is empty. 0: nothing was done. -1: its file is gone.
 */
static int
clear(struct psm__segment *g, int lasting)
{
	int rc = 0;
	char from[32], to[32];

	if (g->own_memory) {
		memset(g->base, 0, g->used);
		return 1;
	}
	file_name(from, g->number, "pms");
	file_name(to, g->number, "spare");
	if (psm__file_ops.rename(g->stream->dirfd, from, to) < 0)
		return 0;
	__atomic_store_n(&g->stream->dir_dirty, 1, __ATOMIC_RELAXED);
	if (lasting)
		rc = psm__stream_dir_dirsync(g->stream);
	memset(g->base, 0, g->used);
	/* Else a power cut could bring its old records back under the name of a
	 * new segment, and the first commit would have to write all of it. */
	if (lasting && rc == 0)
		rc = psm__file_ops.datasync(g->fd);
	if (rc == 0)
		return 1;
	remove_name(g->stream, g->number, "spare");
	return -1;
}

static void
reset(struct psm__segment *g)
{
	psm__seal_free(g->seal);
	g->seal = NULL;
	g->next = NULL;
	g->used = 0;
	g->synced = 0;
	g->charged = g->released_bytes = 0;
	g->counted = g->released_count = 0;
}

int
psm__segment_clear(struct psm__segment *g, int lasting)
{
	int rc = clear(g, lasting);

	if (rc == 1) {
		reset(g);
		psm__segment_set_state(g, PSM__SEGMENT_SPARE);
	}
	return rc;
}

void
psm__segment_drop_spare(struct psm__segment *g)
{
	if (!g->own_memory)
		remove_name(g->stream, g->number, "spare");
	psm__segment_free(g);
}

int
psm__segment_try_disk(struct psm__stream_dir *sd, size_t size)
{
	struct psm__segment *g = NULL;
	int rc = psm__segment_new(sd, size, PSM__USE_SYNCED, &g);

	if (rc != 0)
		return rc;
	g->base[0] = 1; /* a page to write */
	if (psm__file_ops.datasync(g->fd) < 0)
		rc = errno;
	psm__segment_drop_spare(g);
	return rc;
}
