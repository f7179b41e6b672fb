/* SPDX-License-Identifier: BSD-2-Clause */
/* The streams of a spool directory: who owns which, and how far it is settled.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "spool/spool_int.h"

#define CURSOR_MAGIC "PMCURSR1"
#define CURSOR_SIZE (2 * sizeof(struct psm__cursor_slot))

/* -- the cursor -- */

static void
close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static uint32_t
slot_crc(const struct psm__cursor_slot *slot)
{
	return psm__crc32c(0, slot, offsetof(struct psm__cursor_slot, crc));
}

static int
slot_valid(const struct psm__cursor_slot *slot)
{
	return memcmp(slot->magic, CURSOR_MAGIC, 8) == 0 &&
	       slot_crc(slot) == le32toh(slot->crc);
}

void
psm__stream_dir_save(struct psm__stream_dir *sd)
{
	struct psm__cursor_slot *slot;

	if (!sd->cursor || sd->cursor_shut)
		return;
	slot = &sd->cursor[++sd->generation & 1];
	memset(slot, 0, sizeof(*slot));
	memcpy(slot->magic, CURSOR_MAGIC, 8);
	slot->generation = htole64(sd->generation);
	slot->settled = htole64(sd->settled);
	slot->next_number =
	    htole64(__atomic_load_n(&sd->next_number, __ATOMIC_RELAXED));
	memcpy(slot->uuid, sd->uuid, 16);
	psm__file_ops.publish(&slot->crc, htole32(slot_crc(slot)));
	sd->saved = sd->settled;
}

const struct psm__cursor_slot *
psm__cursor_best(const struct psm__cursor_slot slots[2])
{
	const struct psm__cursor_slot *best = NULL;

	for (int i = 0; i < 2; i++)
		if (slot_valid(&slots[i]) &&
		    (!best ||
		     le64toh(slots[i].generation) > le64toh(best->generation)))
			best = &slots[i];
	return best;
}

static void
load_cursor(struct psm__stream_dir *sd)
{
	const struct psm__cursor_slot *best = psm__cursor_best(sd->cursor);

	if (!best)
		return;
	sd->generation = le64toh(best->generation);
	sd->settled = le64toh(best->settled);
	sd->next_number = le64toh(best->next_number);
	memcpy(sd->uuid, best->uuid, 16);
	sd->known = sd->placed = 1;
}

/* 0, and its pages can be read without a signal; or an errno. */
static int
map_cursor(struct psm__stream_dir *sd, int fd)
{
	int rc = psm__file_ops.allocate(fd, CURSOR_SIZE);
	void *base;

	if (rc != 0)
		return rc;
	base = psm__file_ops.map(fd, CURSOR_SIZE);
	if (base == MAP_FAILED)
		return errno;
	if (psm__file_ops.populate(base, CURSOR_SIZE) < 0 && errno != EINVAL) {
		psm__file_ops.unmap(base, CURSOR_SIZE);
		return EIO;
	}
	madvise(base, CURSOR_SIZE, MADV_DONTFORK);
	sd->cursor = base;
	sd->cursor_fd = fd;
	return 0;
}

/* Mapped, so that it is as good as the last word even after kill -9. Without it
 * the spool works, only a restart sends more than once: so nothing here fails,
 * and one that cannot be read is made anew. */
static void
open_cursor(struct psm__stream_dir *sd)
{
	for (int round = 0; round < 2; round++) {
		int fd =
		    psm__stream_dir_open_file(sd, "cursor", O_CREAT | O_RDWR);
		int rc = fd < 0 ? errno : map_cursor(sd, fd);

		if (rc == 0) {
			load_cursor(sd);
			return;
		}
		psm__log(PSM_LOG_WARN, "the spool has no cursor", "directory",
		         sd->path, "why", strerror(rc), NULL);
		close_fd(fd);
		if (rc != EIO)
			return;
		psm__file_ops.unlink(sd->dirfd, "cursor", 0);
	}
}

/* -- one stream -- */

struct psm__stream_dir *
psm__stream_dir_memory(void)
{
	struct psm__stream_dir *sd = psm__alloc(sizeof(*sd));

	if (!sd)
		return NULL;
	sd->parentfd = sd->dirfd = sd->lockfd = sd->cursor_fd = -1;
	sd->next_number = 1;
	return sd;
}

void
psm__stream_dir_leave(struct psm__stream_dir *sd, int remove)
{
	if (!sd)
		return;
	if (sd->cursor)
		psm__file_ops.unmap(sd->cursor, CURSOR_SIZE);
	close_fd(sd->cursor_fd);
	(void)psm__stream_dir_dirsync(sd); /* it has said so itself */
	/* A segment that could not be deleted needs the cursor: else its
	 * events would be sent again. */
	if (remove && sd->dirfd >= 0 && !sd->undeleted) {
		/* The lock goes last and while it is held: who opened it before
		 * sees that its name is gone. With something in quarantine the
		 * directory stays. */
		psm__file_ops.unlink(sd->dirfd, "cursor", 0);
		psm__file_ops.unlink(sd->dirfd, "quarantine", AT_REMOVEDIR);
		psm__file_ops.unlink(sd->dirfd, "LOCK", 0);
		psm__file_ops.unlink(sd->parentfd, sd->name, AT_REMOVEDIR);
	}
	psm__lock_drop(sd);
	close_fd(sd->dirfd);
	close_fd(sd->parentfd);
	psm__free(sd->path);
	psm__free(sd);
}

int
psm__stream_dir_take(const struct psm__spool *s, int parentfd, unsigned n,
                     int make, struct psm__stream_dir **out)
{
	struct psm__stream_dir *sd = psm__stream_dir_memory();
	size_t size = strlen(s->dir) + 40;
	int rc = -ENOMEM;

	*out = NULL;
	if (!sd)
		return rc;
	snprintf(sd->name, sizeof(sd->name), "stream.%u", n);
	sd->path = psm__alloc(size);
	if (!sd->path)
		goto out;
	snprintf(sd->path, size, "%s/%s", s->dir, sd->name);
	sd->parentfd = fcntl(parentfd, F_DUPFD_CLOEXEC, 0);
	rc = -errno;
	if (sd->parentfd < 0)
		goto out;
	if (make && psm__file_ops.mkdir(parentfd, sd->name, 0700) == 0)
		sd->made = 1;
	else if (make && errno != EEXIST) {
		rc = -errno;
		goto out;
	}
	sd->dirfd =
	    psm__file_ops.open(parentfd, sd->name, O_RDONLY | O_DIRECTORY, 0);
	rc = -errno;
	if (sd->dirfd < 0)
		goto out;
	rc = psm__lock_take(sd, make);
	if (rc < 0)
		rc = -errno;
	if (rc == 1) {
		open_cursor(sd);
		*out = sd;
		sd = NULL;
	}
out:
	psm__stream_dir_leave(sd, 0);
	return rc;
}

/* -- the directory -- */

/* A directory's name is only as durable as the directory that it is in. One
 * that we may not read is not ours to sync. */
static int
sync_above(const struct psm__spool *s, char *path)
{
	char *slash = strrchr(path, '/');
	const char *above = slash ? path : ".";
	int fd, rc = 0;

	if (s->conf.durability == PSM__DURABLE_OS)
		return 0;
	if (slash == path)
		above = "/";
	else if (slash)
		*slash = '\0';
	fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && psm__file_ops.dirsync(fd) < 0)
		rc = errno;
	if (slash)
		*slash = '/';
	close_fd(fd);
	return rc;
}

/* All missing parts of the path; an errno. */
static int
make_path(const struct psm__spool *s)
{
	const char *dir = s->dir;
	char *path = psm__strdup(dir), *slash;
	int rc = 0;

	if (!path)
		return ENOMEM;
	for (slash = path + 1; rc == 0 && *slash; slash++) {
		if (*slash != '/')
			continue;
		*slash = '\0';
		/* A parent may be one that we cannot make and need not. */
		if (psm__file_ops.mkdir(AT_FDCWD, path, 0700) == 0)
			rc = sync_above(s, path);
		*slash = '/';
	}
	if (rc == 0 && psm__file_ops.mkdir(AT_FDCWD, path, 0700) < 0 &&
	    errno != EEXIST)
		rc = errno;
	/* Who made it may have died before the sync. */
	if (rc == 0)
		rc = sync_above(s, path);
	psm__free(path);
	return rc;
}

/* Where a full disk has no room for a stream, the last one with events can be
 * sent all the same, which makes room: we go on in that one. 1: it is ours. */
static int
reuse_last_stream(struct psm__spool *s, int parentfd, unsigned end,
                  unsigned *own)
{
	if (end == 0)
		return 0;
	*own = end - 1;
	return psm__stream_dir_take(s, parentfd, *own, 1, &s->own_stream) == 1;
}

/* The first stream that no live process has and that we may use, above all with
 * events: so numbers tell in which order processes started. */
static int
take_own_stream(struct psm__spool *s, int parentfd, unsigned *own)
{
	int rc = 0, why = 0, tries = 0;
	unsigned n, floor = 0;

	rc = psm__streams_end(parentfd, &floor);
	if (rc != 0)
		return rc;
	for (n = floor; n < floor + PSM__STREAMS_MAX; n++) {
		rc = psm__stream_dir_take(s, parentfd, n, 1, &s->own_stream);
		*own = n;
		if (rc == 1)
			return 0;
		if ((rc == -ENOSPC || rc == -EDQUOT) &&
		    reuse_last_stream(s, parentfd, floor, own))
			return 0;
		if (rc == -ENOSPC || rc == -EDQUOT || rc == -ENOMEM)
			return -rc;
		/* Another process is removing this very one. */
		if (rc == -ENOENT && ++tries < 100)
			n--;
		else if (rc < 0 && why == 0)
			why = -rc;
	}
	return why ? why : EBUSY;
}

static int
make_uuid(struct psm__stream_dir *sd)
{
	if (sd->known)
		return 0;
	sd->known = 1;
	return getentropy(sd->uuid, sizeof(sd->uuid)) < 0 ? errno : 0;
}

/* What is ours comes behind what was adopted. */
static int
load_own(struct psm__spool *s)
{
	struct psm__batch b;
	int rc = psm__stream_dir_load(s, s->own_stream, &b);

	if (rc == 0)
		psm__batch_enlist(s, s->own_stream, &b);
	return rc == 0 ? make_uuid(s->own_stream) : rc;
}

int
psm__stream_dir_enter(struct psm__spool *s)
{
	unsigned own = 0;
	int rc, fd;

	rc = make_path(s);
	if (rc != 0)
		return rc;
	fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	rc = take_own_stream(s, fd, &own);
	if (rc == 0 && s->conf.durability != PSM__DURABLE_OS &&
	    psm__file_ops.dirsync(fd) < 0)
		rc = errno;
	if (rc == 0)
		rc = psm__adopt_all(s, fd, own);
	if (rc == 0)
		rc = load_own(s);
	/* Only then is it in the list of all. */
	if (rc != 0 && s->own_stream && s->streams != s->own_stream) {
		psm__stream_dir_leave(s->own_stream, s->own_stream->made);
		s->own_stream = NULL;
	}
	close(fd);
	return rc;
}
