/* SPDX-License-Identifier: BSD-2-Clause */
/* Every call that can fail on a real file system goes through one table, which
 * tests replace. The defaults are the system's. */
#ifndef PSM_SPOOL_FILE_OPS_H
#define PSM_SPOOL_FILE_OPS_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct psm__file_ops {
	int (*open)(int dirfd, const char *name, int flags, mode_t mode);
	int (*mkdir)(int dirfd, const char *name, mode_t mode);
	int (*allocate)(int fd, off_t size); /* 0 or an errno */
	/* Bring the pages of a file of zeros into memory, in large blocks. Only
	 * a saving: it may fail. */
	void (*fill)(int fd, size_t size);
	void *(*map)(int fd, size_t size); /* MAP_FAILED */
	int (*unmap)(void *at, size_t size);
	/* Read pages into memory; EINVAL: the kernel has no such call. */
	int (*populate)(void *at, size_t size);
	/* The store that makes a record valid: of its checksum. */
	void (*publish)(uint32_t *at, uint32_t value);
	int (*datasync)(int fd);
	/* 0, or the errno of a failed write-back of the kernel's. */
	int (*written)(int fd);
	/* Of a file or directory that is open: 0; ENOENT: it has no name any
	 * more; EPERM: it is immutable. */
	int (*state)(int fd);
	int (*dirsync)(int fd);
	int (*rename)(int dirfd, const char *from, const char *to);
	int (*unlink)(int dirfd, const char *name, int flags);
	ssize_t (*write)(int fd, const void *bytes, size_t len);
};
extern struct psm__file_ops psm__file_ops;

/* The entries of a folder; NULL: errno. */
DIR *psm__open_folder(int dirfd, const char *name);

#endif
