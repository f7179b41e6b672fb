/* SPDX-License-Identifier: BSD-2-Clause */
/* The spool's files: making, mapping, reusing and deleting segments. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "spool/spool_int.h"

/* Fresh pages are the main cost of appending, so a drained segment is cleared
 * and used again; more than two would only keep disk space. */
#define SPARES_MAX 2

static int
sys_open(int dirfd, const char *name, int flags, mode_t mode)
{
	return openat(dirfd, name, flags | O_CLOEXEC | O_NOFOLLOW, mode);
}

static int
sys_allocate(int fd, off_t size)
{
	return posix_fallocate(fd, 0, size);
}

static void *
sys_map(int fd, size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static int
sys_populate(void *at, size_t size)
{
#ifdef MADV_POPULATE_READ
	return madvise(at, size, MADV_POPULATE_READ);
#else
	(void)at;
	(void)size;
	errno = EINVAL;
	return -1;
#endif
}

/* What a killed process leaves has all stores up to some instant, so the order
 * of the instructions is all that matters. */
static void
sys_publish(uint32_t *at, uint32_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
}

/* Waits for what is being written already, and starts nothing. */
static int
sys_written(int fd)
{
	return sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE) < 0
	           ? errno
	           : 0;
}

static int
sys_state(int fd)
{
	struct statx st;

	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_NLINK, &st) < 0)
		return 0; /* nothing is known */
	if ((st.stx_mask & STATX_NLINK) && st.stx_nlink == 0)
		return ENOENT;
	return st.stx_attributes & STATX_ATTR_IMMUTABLE ? EPERM : 0;
}

static int
sys_rename(int dirfd, const char *from, const char *to)
{
	return renameat(dirfd, from, dirfd, to);
}

struct psm__file_ops psm__file_ops = {
    .open = sys_open,
    .mkdir = mkdirat,
    .allocate = sys_allocate,
    .map = sys_map,
    .unmap = munmap,
    .populate = sys_populate,
    .publish = sys_publish,
    .datasync = fdatasync,
    .written = sys_written,
    .state = sys_state,
    .dirsync = fsync,
    .rename = sys_rename,
    .unlink = unlinkat,
    .write = write,
};

int
psm__stream_dir_open_file(const struct psm__stream_dir *sd, const char *name,
                          int flags)
{
	return psm__file_ops.open(sd->dirfd, name, flags, 0600);
}

int
psm__stream_dir_dirsync(struct psm__stream_dir *sd)
{
	int why;

	if (sd->dirfd < 0 ||
	    !__atomic_exchange_n(&sd->dir_dirty, 0, __ATOMIC_RELAXED))
		return 0;
	if (psm__file_ops.dirsync(sd->dirfd) == 0)
		return 0;
	why = errno;
	__atomic_store_n(&sd->dir_dirty, 1, __ATOMIC_RELAXED);
	psm__log(PSM_LOG_WARN, "cannot sync the spool's directory", "directory",
	         sd->path, "why", strerror(why), NULL);
	return why;
}

uint64_t
psm__stream_dir_number(struct psm__stream_dir *sd)
{
	return __atomic_fetch_add(&sd->next_number, 1, __ATOMIC_RELAXED);
}

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

/* The children of a fork have no business in these pages. */
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
	close(g->fd); /* it gets no more records, so there is nothing to sync */
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

/* A file of size zeroed bytes under the name of a spare; 0 or an errno. */
static int
make_file(struct psm__segment *g)
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
	if (rc == 0)
		rc = map_file(g);
	if (rc != 0)
		remove_name(g->stream, g->number, "spare");
	return rc;
}

static int
make_empty(struct psm__stream_dir *sd, uint64_t number, size_t size,
           struct psm__segment **out)
{
	struct psm__segment *g = psm__alloc(sizeof(*g));
	int rc = 0;

	*out = NULL;
	if (!g)
		return ENOMEM;
	g->stream = sd;
	g->fd = -1;
	g->size = size;
	g->number = number;
	if (sd->dirfd < 0) {
		g->own_memory = 1;
		g->base = psm__alloc(size);
		if (!g->base)
			rc = ENOMEM;
	} else {
		rc = make_file(g);
	}
	if (rc != 0) {
		psm__segment_free(g);
		return rc;
	}
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
 * Numbers are never used twice, so a spare gets a new one. It gets its name
 * only when its header is complete: whoever dies in between leaves a spare,
 * which is nothing.
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
psm__segment_make(struct psm__spool *s, size_t size, uint64_t first_seq,
                  struct psm__segment **out)
{
	struct psm__segment *g = NULL;
	int rc = 0;

	*out = NULL;
	if (size <= s->segment_size && s->spare) {
		g = s->spare;
		s->spare = g->next;
		s->spares--;
		g->next = NULL;
	} else {
		rc = make_empty(
		    s->own_stream, psm__stream_dir_number(s->own_stream),
		    size > s->segment_size ? size : s->segment_size, &g);
	}
	if (rc != 0)
		return rc;
	g->first_seq = first_seq;
	g->last_seq = first_seq - 1;
	g->seed = psm__spool_seed(g->stream->uuid, first_seq);
	g->encrypted = s->keys != NULL;
	g->start = psm__spool_start(s);
	g->used = g->start;
	g->own = 1;
	rc = take_name(s->keys, g);
	if (rc != 0) {
		psm__segment_free(g);
		return rc;
	}
	*out = g;
	return 0;
}

/*
 * The name goes first: a segment under its own name is never half cleared, and
 * never has records that came after those of a newer segment. The second would
 * hide these.
 */
static int
clear(struct psm__spool *s, struct psm__segment *g)
{
	int lasting = s->conf.durability != PSM__DURABLE_OS, rc = 0;
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
	g->sealed = g->dirty = 0;
	g->charged = g->released_bytes = 0;
	g->counted = g->released_count = 0;
}

static void
add_spare(struct psm__spool *s, struct psm__segment *g)
{
	pthread_mutex_lock(&s->lock);
	g->next = s->spare;
	s->spare = g;
	s->spares++;
	pthread_mutex_unlock(&s->lock);
}

void
psm__segment_retire(struct psm__spool *s, struct psm__segment *g)
{
	int rc = 0, room;

	if (g->keep) {
		psm__segment_discard(s, g);
		return;
	}
	pthread_mutex_lock(&s->lock);
	room = s->spares < SPARES_MAX;
	pthread_mutex_unlock(&s->lock);
	if (room && g->stream == s->own_stream && g->own && !g->failed &&
	    g->base && g->size == s->segment_size &&
	    (g->fd >= 0 || g->own_memory))
		rc = clear(s, g);
	if (rc < 0) {
		psm__segment_free(g);
	} else if (rc == 0) {
		psm__segment_delete(g);
	} else {
		reset(g);
		add_spare(s, g);
	}
}

int
psm__segment_try_disk(struct psm__spool *s)
{
	struct psm__segment *g = NULL;
	int rc =
	    make_empty(s->own_stream, psm__stream_dir_number(s->own_stream),
	               s->segment_size, &g);

	if (rc != 0)
		return rc;
	g->base[0] = 1; /* a page to write */
	if (psm__file_ops.datasync(g->fd) < 0)
		rc = errno;
	remove_name(g->stream, g->number, "spare");
	psm__segment_free(g);
	return rc;
}

void
psm__spare_prepare(struct psm__spool *s)
{
	struct psm__segment *g = NULL;
	struct psm__stream_dir *sd = NULL;

	pthread_mutex_lock(&s->lock);
	if (!s->spare && s->own_stream && s->own_stream->dirfd >= 0)
		sd = s->own_stream;
	pthread_mutex_unlock(&s->lock);
	/* append finds out itself why there is none, and says so. */
	if (!sd || make_empty(sd, psm__stream_dir_number(sd), s->segment_size,
	                      &g) != 0)
		return;
#ifdef MADV_POPULATE_WRITE
	/* Only a saving: pages that are not there yet come one by one. */
	madvise(g->base, g->size, MADV_POPULATE_WRITE);
#endif
	add_spare(s, g);
}

void
psm__spare_drop(struct psm__spool *s)
{
	while (s->spare) {
		struct psm__segment *g = s->spare;

		s->spare = g->next;
		s->spares--;
		if (!g->own_memory)
			remove_name(g->stream, g->number, "spare");
		psm__segment_free(g);
	}
}
