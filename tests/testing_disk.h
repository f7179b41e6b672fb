/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk that remembers: what the spool does to its files is written down, call
 * by call and store by store, and any moment of it can be built again as a
 * killed process or a power cut would have left it. For one thread.
 */
#ifndef PSM_TESTING_DISK_H
#define PSM_TESTING_DISK_H

#include <stddef.h>
#include <stdint.h>

enum disk_what {
	DISK_MKDIR,    /* name */
	DISK_CREATE,   /* name, file */
	DISK_SIZE,     /* file, len: grows with zeros */
	DISK_STORE,    /* file, at, len, bytes */
	DISK_DATASYNC, /* file */
	DISK_DIRSYNC,  /* name */
	DISK_RENAME,   /* name, to */
	DISK_UNLINK,   /* name: a file or a folder */
	DISK_MARK      /* kind, value: the test's own notes */
};

struct disk_op {
	int what; /* enum disk_what */
	int file;
	char name[80], to[80]; /* below the directory */
	size_t at, len;
	uint8_t *bytes;
	int kind, value;
};

/* From now on psm__file_ops writes down what happens below dir, which is empty
 * now, and syncs nothing. dir is borrowed. */
void disk_record(const char *dir);
/* Keep what was written down, do no more of it. */
void disk_stop(void);
void disk_mark(int kind, int value);

size_t disk_count(void);
const struct disk_op *disk_at(size_t i);

/* How much is left of what was not synced, in percent. */
struct disk_crash {
	size_t torn; /* so many bytes of the store at the end, too */
	int data;    /* sectors of 512 bytes, each for itself */
	int names;   /* a directory's changes are kept up to some instant */
	uint32_t seed;
};

/* Make dir, which must not be there, look as after the first `end` calls. */
void disk_build(const char *dir, size_t end, const struct disk_crash *how);

#endif
