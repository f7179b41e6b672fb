/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing_disk.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/spool.h"

#define SECTOR 512
#define FILES_MAX 512
#define MAPS_MAX 64
#define NAMES_MAX 512
#define DIRS_MAX 16

/* What a file has, by our own book. */
struct content {
	uint8_t *bytes;
	size_t size;
};

struct mapping {
	const uint8_t *base; /* NULL: free */
	size_t size;
	int file;
};

static const char *top;
static struct psm__file_ops real;
static struct disk_op *ops;
static size_t op_count, op_cap;
static struct content files[FILES_MAX];
static ino_t inodes[FILES_MAX]; /* of the files that have a name */
static int file_count;
static struct mapping maps[MAPS_MAX];

/* -- the book */

static struct disk_op *
note(int what)
{
	struct disk_op *op;

	if (op_count == op_cap) {
		op_cap = op_cap ? 2 * op_cap : 256;
		ops = realloc(ops, op_cap * sizeof(*ops));
		ck_assert_ptr_nonnull(ops);
	}
	op = &ops[op_count++];
	memset(op, 0, sizeof(*op));
	op->what = what;
	return op;
}

static void
resize(struct content *c, size_t size)
{
	if (size > c->size) {
		c->bytes = realloc(c->bytes, size);
		ck_assert_ptr_nonnull(c->bytes);
		memset(c->bytes + c->size, 0, size - c->size);
	}
	c->size = size;
}

static void
note_store(int file, size_t at, const uint8_t *bytes, size_t len)
{
	struct disk_op *op = note(DISK_STORE);

	op->file = file;
	op->at = at;
	op->len = len;
	op->bytes = malloc(len);
	ck_assert_ptr_nonnull(op->bytes);
	memcpy(op->bytes, bytes, len);
	if (files[file].size < at + len)
		resize(&files[file], at + len);
	memcpy(files[file].bytes + at, bytes, len);
}

/* Stores into mapped files since the last look. */
static void
look_at_maps(void)
{
	for (int i = 0; i < MAPS_MAX; i++) {
		const struct mapping *m = &maps[i];
		const uint8_t *known = m->base ? files[m->file].bytes : NULL;
		size_t from = 0, to = m->size;

		if (!m->base || memcmp(m->base, known, m->size) == 0)
			continue;
		while (m->base[from] == known[from])
			from++;
		while (m->base[to - 1] == known[to - 1])
			to--;
		note_store(m->file, from, m->base + from, to - from);
	}
}

void
disk_mark(int kind, int value)
{
	struct disk_op *op;

	look_at_maps();
	op = note(DISK_MARK);
	op->kind = kind;
	op->value = value;
}

size_t
disk_count(void)
{
	return op_count;
}

const struct disk_op *
disk_at(size_t i)
{
	return &ops[i];
}

/* -- the calls */

/* The path below top of a name in a directory, or of the directory itself. */
static void
path_of(char out[80], int dirfd, const char *name)
{
	char link[64], path[512];
	ssize_t n;

	if (dirfd == AT_FDCWD) {
		ck_assert_int_eq(strncmp(name, top, strlen(top)), 0);
		name += strlen(top);
		snprintf(out, 80, "%s", *name == '/' ? name + 1 : name);
		return;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	n = readlink(link, path, sizeof(path) - 1);
	ck_assert_int_gt(n, 0);
	path[n] = '\0';
	ck_assert_int_eq(strncmp(path, top, strlen(top)), 0);
	n = snprintf(out, 80, "%s",
	             path[strlen(top)] ? path + strlen(top) + 1 : "");
	if (name)
		n = snprintf(out + n, 80 - (size_t)n, "%s%s", n ? "/" : "",
		             name);
	ck_assert_int_lt(n, 80);
}

/* The number of a file that is gone may come again: the newest has it. */
static int
file_of(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	for (int i = file_count - 1; i >= 0; i--)
		if (inodes[i] == st.st_ino)
			return i;
	ck_abort_msg("a file that nobody made");
	return -1;
}

static int
rec_open(int dirfd, const char *name, int flags, mode_t mode)
{
	int there = faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0, fd;
	struct disk_op *op;
	struct stat st;

	look_at_maps();
	fd = real.open(dirfd, name, flags, mode);
	if (fd < 0 || there || !(flags & O_CREAT))
		return fd;
	ck_assert_int_lt(file_count, FILES_MAX);
	ck_assert_int_eq(fstat(fd, &st), 0);
	op = note(DISK_CREATE);
	op->file = file_count;
	path_of(op->name, dirfd, name);
	inodes[file_count++] = st.st_ino;
	return fd;
}

static int
rec_mkdir(int dirfd, const char *name, mode_t mode)
{
	int rc, why;
	char path[80];

	look_at_maps();
	rc = real.mkdir(dirfd, name, mode);
	why = errno;
	if (rc == 0) {
		path_of(path, dirfd, name);
		strcpy(note(DISK_MKDIR)->name, path);
	}
	errno = why;
	return rc;
}

/* Zeros over zeros: nothing to note. */
static void
rec_fill(int fd, size_t size)
{
	real.fill(fd, size);
}

static int
rec_allocate(int fd, off_t size)
{
	int rc, file = file_of(fd);

	look_at_maps();
	rc = real.allocate(fd, size);
	if (rc == 0 && files[file].size < (size_t)size) {
		struct disk_op *op = note(DISK_SIZE);

		op->file = file;
		op->len = (size_t)size;
		resize(&files[file], (size_t)size);
	}
	return rc;
}

static void *
rec_map(int fd, size_t size)
{
	uint8_t *base = real.map(fd, size);
	int i = 0;

	look_at_maps();
	while (i < MAPS_MAX && maps[i].base)
		i++;
	ck_assert_int_lt(i, MAPS_MAX);
	if (base != MAP_FAILED)
		maps[i] = (struct mapping){base, size, file_of(fd)};
	return base;
}

static int
rec_unmap(void *at, size_t size)
{
	look_at_maps();
	for (int i = 0; i < MAPS_MAX; i++)
		if (maps[i].base == at)
			maps[i].base = NULL;
	return real.unmap(at, size);
}

static void
rec_publish(uint32_t *at, uint32_t value)
{
	look_at_maps();
	real.publish(at, value);
	look_at_maps();
}

static int
rec_datasync(int fd)
{
	look_at_maps();
	note(DISK_DATASYNC)->file = file_of(fd);
	return 0;
}

static int
rec_dirsync(int fd)
{
	look_at_maps();
	path_of(note(DISK_DIRSYNC)->name, fd, NULL);
	return 0;
}

static int
rec_rename(int dirfd, const char *from, const char *to)
{
	int rc;

	look_at_maps();
	rc = real.rename(dirfd, from, to);
	if (rc == 0) {
		struct disk_op *op = note(DISK_RENAME);

		path_of(op->name, dirfd, from);
		path_of(op->to, dirfd, to);
	}
	return rc;
}

static int
rec_unlink(int dirfd, const char *name, int flags)
{
	int rc, why;

	look_at_maps();
	rc = real.unlink(dirfd, name, flags);
	why = errno;
	if (rc == 0)
		path_of(note(DISK_UNLINK)->name, dirfd, name);
	errno = why;
	return rc;
}

static ssize_t
rec_write(int fd, const void *bytes, size_t len)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t n;

	look_at_maps();
	n = real.write(fd, bytes, len);
	if (n > 0)
		note_store(file_of(fd), (size_t)at, bytes, (size_t)n);
	return n;
}

void
disk_record(const char *dir)
{
	top = dir;
	real = psm__file_ops;
	op_count = 0;
	file_count = 0;
	memset(maps, 0, sizeof(maps));
	memset(files, 0, sizeof(files));
	psm__file_ops = (struct psm__file_ops){
	    .open = rec_open,
	    .mkdir = rec_mkdir,
	    .allocate = rec_allocate,
	    .fill = rec_fill,
	    .map = rec_map,
	    .unmap = rec_unmap,
	    .populate = real.populate,
	    .publish = rec_publish,
	    .datasync = rec_datasync,
	    .dirsync = rec_dirsync,
	    .written = real.written,
	    .state = real.state,
	    .rename = rec_rename,
	    .unlink = rec_unlink,
	    .write = rec_write,
	};
}

void
disk_stop(void)
{
	look_at_maps();
	psm__file_ops = real;
}

/* -- building */

struct entry {
	const char *name;
	int file; /* -1: a folder */
};

struct state {
	struct content files[FILES_MAX];
	struct entry names[NAMES_MAX];
	size_t name_count;
	/* Folders whose later changes are lost. */
	char cut[DIRS_MAX][80];
	size_t cut_count;
	uint32_t random;
};

static uint32_t
chance(struct state *st)
{
	st->random ^= st->random << 13;
	st->random ^= st->random >> 17;
	st->random ^= st->random << 5;
	return st->random % 100;
}

static void
parent_of(char out[80], const char *name)
{
	char *slash;

	strcpy(out, name);
	slash = strrchr(out, '/');
	if (slash)
		*slash = '\0';
	else
		out[0] = '\0';
}

/* 1: a sync before the end covers the operation. */
static int
is_synced(size_t i, size_t end)
{
	char parent[80];
	int named = ops[i].what != DISK_SIZE && ops[i].what != DISK_STORE;

	parent_of(parent, ops[i].name);
	for (size_t k = i + 1; k < end; k++) {
		if (named && ops[k].what == DISK_DIRSYNC &&
		    strcmp(ops[k].name, parent) == 0)
			return 1;
		if (!named && ops[k].what == DISK_DATASYNC &&
		    ops[k].file == ops[i].file)
			return 1;
	}
	return 0;
}

static int
keeps_name(struct state *st, size_t i, size_t end, const struct disk_crash *how)
{
	char parent[80];

	if (how->names == 100 || is_synced(i, end))
		return 1;
	parent_of(parent, ops[i].name);
	for (size_t k = 0; k < st->cut_count; k++)
		if (strcmp(st->cut[k], parent) == 0)
			return 0;
	if (chance(st) < (uint32_t)how->names)
		return 1;
	ck_assert_uint_lt(st->cut_count, DIRS_MAX);
	strcpy(st->cut[st->cut_count++], parent);
	return 0;
}

static struct entry *
find(struct state *st, const char *name)
{
	for (size_t i = 0; i < st->name_count; i++)
		if (strcmp(st->names[i].name, name) == 0)
			return &st->names[i];
	return NULL;
}

static void
drop(struct state *st, const char *name)
{
	struct entry *e = find(st, name);

	if (e)
		*e = st->names[--st->name_count];
}

static void
do_name(struct state *st, const struct disk_op *op)
{
	struct entry *e = find(st, op->name);
	struct entry new = {op->name, op->what == DISK_MKDIR ? -1 : op->file};

	if (op->what == DISK_UNLINK || op->what == DISK_RENAME) {
		if (e)
			new.file = e->file;
		new.name = op->to;
		drop(st, op->name);
	}
	if (op->what == DISK_UNLINK || (op->what == DISK_RENAME && !e))
		return;
	drop(st, new.name);
	ck_assert_uint_lt(st->name_count, NAMES_MAX);
	st->names[st->name_count++] = new;
}

/* What lies behind the end of the file as the disk knows it is lost. */
static void
do_store(struct state *st, const struct disk_op *op, size_t len, int percent)
{
	struct content *c = &st->files[op->file];
	size_t at = op->at, end = op->at + len;

	while (at < end) {
		size_t next = at / SECTOR * SECTOR + SECTOR;

		if (next > end)
			next = end;
		if (next > c->size)
			return;
		if (percent == 100 || chance(st) < (uint32_t)percent)
			memcpy(c->bytes + at, op->bytes + (at - op->at),
			       next - at);
		at = next;
	}
}

static void
do_data(struct state *st, size_t i, size_t end, const struct disk_crash *how)
{
	const struct disk_op *op = &ops[i];
	int percent = is_synced(i, end) ? 100 : how->data;

	if (op->what == DISK_STORE) {
		/* Only mapped files are stored into behind their size. */
		if (percent == 100 &&
		    st->files[op->file].size < op->at + op->len)
			resize(&st->files[op->file], op->at + op->len);
		do_store(st, op, op->len, percent);
	} else if (percent == 100 || chance(st) < (uint32_t)percent) {
		resize(&st->files[op->file], op->len);
	}
}

static void
write_down(const char *dir, const struct state *st, const struct entry *e)
{
	const struct content *c = &st->files[e->file >= 0 ? e->file : 0];
	char path[600];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, e->name);
	if (e->file < 0)
		return;
	/* Below a folder that was lost, everything is. */
	fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);
	if (fd < 0 && errno == ENOENT)
		return;
	ck_assert_int_ge(fd, 0);
	if (c->size > 0)
		ck_assert_int_eq(write(fd, c->bytes, c->size),
		                 (ssize_t)c->size);
	close(fd);
}

/* A folder comes before what is in it, and its name is shorter. */
static void
make_folders(const char *dir, const struct state *st)
{
	char path[600];

	for (size_t len = 1; len < 80; len++)
		for (size_t i = 0; i < st->name_count; i++) {
			const struct entry *e = &st->names[i];

			if (e->file >= 0 || strlen(e->name) != len)
				continue;
			snprintf(path, sizeof(path), "%s/%s", dir, e->name);
			ck_assert(mkdir(path, 0700) == 0 || errno == ENOENT);
		}
}

void
disk_build(const char *dir, size_t end, const struct disk_crash *how)
{
	static struct state st;

	memset(&st, 0, sizeof(st));
	st.random = how->seed * 2654435761u | 1;
	for (size_t i = 0; i < end; i++) {
		int what = ops[i].what;

		if (what == DISK_SIZE || what == DISK_STORE)
			do_data(&st, i, end, how);
		else if (what != DISK_DATASYNC && what != DISK_DIRSYNC &&
		         what != DISK_MARK && keeps_name(&st, i, end, how))
			do_name(&st, &ops[i]);
	}
	if (how->torn)
		do_store(&st, &ops[end], how->torn, 100);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	make_folders(dir, &st);
	for (size_t i = 0; i < st.name_count; i++)
		write_down(dir, &st, &st.names[i]);
	for (int i = 0; i < file_count; i++)
		free(st.files[i].bytes);
}
