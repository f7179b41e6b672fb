/* SPDX-License-Identifier: BSD-2-Clause */
/* The system's calls behind the spool. */
#include "spool/disk/file_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/base.h"

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

/* Zeros are written over zeros: pages that come by one large write cost the
 * kernel a sixth of pages that come by a fault each (ext4 with large folios). */
static void
sys_fill(int fd, size_t size)
{
	static char page[4096];
	struct iovec pages[1024];
	size_t at = 0, i;
	ssize_t n;

	for (i = 0; i < PSM__COUNT(pages); i++)
		pages[i] = (struct iovec){page, sizeof page};
	do {
		i = (size - at) / sizeof page;
		if (i > PSM__COUNT(pages))
			i = PSM__COUNT(pages);
		n = i ? pwritev(fd, pages, (int)i, (off_t)at) : 0;
		at += n > 0 ? (size_t)n : 0;
	} while (n > 0);
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

/* After kill -9 the file has all stores up to some instant, in program
 * order, so a release store is enough. */
static void
sys_publish(uint32_t *at, uint32_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
}

/* Waits for a write-back that is running, and starts none. */
static int
sys_written(int fd)
{
	return sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE) < 0
	           ? errno
	           : 0;
}

/* musl has statx() since 1.2.4. */
#ifdef STATX_NLINK
static int
sys_state(int fd)
{
	struct statx st;

	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_NLINK, &st) < 0)
		return 0; /* unknown */
	if ((st.stx_mask & STATX_NLINK) && st.stx_nlink == 0)
		return ENOENT;
	return st.stx_attributes & STATX_ATTR_IMMUTABLE ? EPERM : 0;
}
#else
static int
sys_state(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_nlink == 0 ? ENOENT : 0;
}
#endif

static int
sys_rename(int dirfd, const char *from, const char *to)
{
	return renameat(dirfd, from, dirfd, to);
}

struct psm__file_ops psm__file_ops = {
    .open = sys_open,
    .mkdir = mkdirat,
    .allocate = sys_allocate,
    .fill = sys_fill,
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

DIR *
psm__open_folder(int dirfd, const char *name)
{
	int fd = psm__file_ops.open(dirfd, name, O_RDONLY | O_DIRECTORY, 0);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}
