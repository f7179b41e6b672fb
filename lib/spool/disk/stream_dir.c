/* SPDX-License-Identifier: BSD-2-Clause */
/* One stream directory: its cursor, its lock, its files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "spool/disk/disk.h"

#define CURSOR_MAGIC "PMCURSR1"
#define CURSOR_SIZE (2 * sizeof(struct psm__cursor_slot))

/* -- files -- */

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

/* 0: its pages can be read without SIGBUS. Else an errno. */
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

/* The cursor is mapped, so that its last value survives kill -9. The spool
 * works without it, a restart only sends events again; so nothing here
 * fails, and an unreadable cursor is recreated. */
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

/* -- taking and giving up -- */

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
		/* LOCK is removed last, while it is locked: a process that
		 * opened it before sees that it has no name any more. With
		 * files in the quarantine the directory stays. */
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
psm__stream_dir_take(const char *dir, int parentfd, unsigned n, int make,
                     struct psm__stream_dir **out)
{
	struct psm__stream_dir *sd = psm__stream_dir_memory();
	size_t size = strlen(dir) + 40;
	int rc = -ENOMEM;

	*out = NULL;
	if (!sd)
		return rc;
	snprintf(sd->name, sizeof(sd->name), "stream.%u", n);
	sd->path = psm__alloc(size);
	if (!sd->path)
		goto out;
	snprintf(sd->path, size, "%s/%s", dir, sd->name);
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
