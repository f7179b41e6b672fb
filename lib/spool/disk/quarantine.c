/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The quarantine: copies of damaged bytes and of records that were refused for
 * good. The original may be overwritten afterwards, so a copy counts only once
 * it is on the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/disk/disk.h"

/* Names for other files called "quarantine", which are renamed. Even one is
 * a mistake of an operator, so ten are enough. */
#define MOVED_MAX 10

/* Versions of one copy: equal bytes are kept once; others only come from a
 * crash during a copy, or from a stream directory that was recreated. */
#define VERSIONS_MAX 10

#define COUNT_EVERY_MS 1000

/* A symbolic link to a folder is accepted. */
static int
is_folder(const struct psm__stream_dir *sd, const char *name)
{
	struct stat st;

	return fstatat(sd->dirfd, name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/* Another file may have the folder's name. It is renamed, not deleted,
 * because the spool did not write it. */
static int
move_other_file(const struct psm__stream_dir *sd)
{
	char to[32];
	struct stat st;

	for (int n = 0; n < MOVED_MAX; n++) {
		snprintf(to, sizeof(to), "quarantine.%d", n);
		if (fstatat(sd->dirfd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (psm__file_ops.rename(sd->dirfd, "quarantine", to) < 0)
			return -1;
		psm__log(PSM_LOG_WARN,
		         "\"quarantine\" is not a folder: renamed", "directory",
		         sd->path, "file", to, NULL);
		return 0;
	}
	return -1;
}

/* The folder is synced, too: else a power cut could remove it with its
 * copies. 0 or an errno. */
static int
make_folder(const struct psm__stream_dir *sd)
{
	if (psm__file_ops.mkdir(sd->dirfd, "quarantine", 0700) < 0) {
		if (errno != EEXIST)
			return errno;
		if (is_folder(sd, "quarantine"))
			return 0;
		if (move_other_file(sd) < 0 ||
		    psm__file_ops.mkdir(sd->dirfd, "quarantine", 0700) < 0)
			return errno;
	}
	return psm__file_ops.dirsync(sd->dirfd) < 0 ? errno : 0;
}

/* *fd: the folder. 0 or an errno. */
static int
open_quarantine(const struct psm__stream_dir *sd, int *fd)
{
	int rc = make_folder(sd);

	*fd = -1;
	if (rc != 0)
		return rc;
	*fd = psm__file_ops.open(sd->dirfd, "quarantine",
	                         O_RDONLY | O_DIRECTORY, 0);
	return *fd < 0 ? errno : 0;
}

/* 0 or an errno. */
static int
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = psm__file_ops.write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : ENOSPC;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

/* 0 or an errno. */
static int
sync_copy(int dirfd, int fd)
{
	int rc;

	do
		rc = psm__file_ops.datasync(fd);
	while (rc < 0 && errno == EINTR);
	if (rc < 0 || psm__file_ops.dirsync(dirfd) < 0)
		return errno;
	return 0;
}

/* 1: the file has these bytes and no others. */
static int
is_same(int fd, const char *bytes, size_t len)
{
	char part[4096];
	size_t at = 0;
	ssize_t n;

	while ((n = pread(fd, part, sizeof(part), (off_t)at)) > 0) {
		if ((size_t)n > len - at ||
		    memcmp(part, bytes + at, (size_t)n) != 0)
			return 0;
		at += (size_t)n;
	}
	return n == 0 && at == len;
}

/* An existing file with the same bytes is the copy. 0, EEXIST: the name has
 * other bytes, or an errno. */
static int
write_file(int dirfd, const char *name, const void *bytes, size_t len,
           int lasting, size_t *added)
{
	int fd =
	    psm__file_ops.open(dirfd, name, O_CREAT | O_EXCL | O_RDWR, 0600);
	int made = fd >= 0, rc = 0;

	if (!made && errno == EEXIST)
		fd = psm__file_ops.open(dirfd, name, O_RDONLY, 0);
	if (fd < 0)
		return errno == ELOOP ? EEXIST : errno;
	if (made)
		rc = write_all(fd, bytes, len);
	else if (!is_same(fd, bytes, len))
		rc = EEXIST;
	if (rc == 0 && lasting)
		rc = sync_copy(dirfd, fd);
	close(fd);
	if (made && rc != 0)
		(void)psm__file_ops.unlink(dirfd, name, 0); /* incomplete */
	*added = made && rc == 0 ? len : 0;
	return rc;
}

static int
write_copy(const struct psm__stream_dir *sd, const char *name,
           const void *bytes, size_t len, int lasting, size_t *added)
{
	char version[80];
	int dirfd, rc = open_quarantine(sd, &dirfd);

	*added = 0;
	if (rc != 0)
		return rc;
	rc = write_file(dirfd, name, bytes, len, lasting, added);
	for (int n = 1; rc == EEXIST && n < VERSIONS_MAX; n++) {
		(void)snprintf(version, sizeof(version), "%s.%d", name, n);
		rc = write_file(dirfd, version, bytes, len, lasting, added);
	}
	close(dirfd);
	return rc;
}

static void
add_bytes(struct psm__damage *d, struct psm__stream_dir *sd, int64_t bytes)
{
	sd->quarantined += bytes;
	__atomic_add_fetch(&d->quarantined, bytes, __ATOMIC_RELAXED);
}

/* Files of earlier processes count until an operator removes them. */
int64_t
psm__quarantine_count(struct psm__stream_dir *sd)
{
	DIR *dir = psm__open_folder(sd->dirfd, "quarantine");
	struct dirent *e;
	struct stat st;
	uint64_t number;
	int64_t bytes = 0;

	while (dir && (e = readdir(dir)) != NULL) {
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
		        0 &&
		    S_ISREG(st.st_mode))
			bytes += st.st_size;
		/* Numbers of segments in the quarantine are not used again. */
		if (sscanf(e->d_name, "%16" SCNx64, &number) == 1 &&
		    strstr(e->d_name, ".pms") && number >= sd->next_number)
			sd->next_number = number + 1;
	}
	if (dir)
		closedir(dir);
	return bytes;
}

/* The limit is that of the spool, so that a broker that refuses everything
 * cannot fill the disk. The folder is counted again from time to time, so
 * that room made by an operator is found without a restart. */
static int
has_room(struct psm__damage *d, struct psm__stream_dir *sd, size_t len)
{
	int64_t want = d->max_bytes - (int64_t)len, now_ms;

	if (__atomic_load_n(&d->quarantined, __ATOMIC_RELAXED) <= want)
		return 1;
	now_ms = psm__mono_ms();
	if (now_ms < sd->next_count_ms)
		return 0;
	sd->next_count_ms = now_ms + COUNT_EVERY_MS;
	add_bytes(d, sd, psm__quarantine_count(sd) - sd->quarantined);
	return __atomic_load_n(&d->quarantined, __ATOMIC_RELAXED) <= want;
}

/* Logged once per reason, because each event of a topic may be refused. */
static int
note_outcome(struct psm__damage *d, const struct psm__stream_dir *sd,
             const char *name, int rc)
{
	int before =
	    __atomic_exchange_n(&d->quarantine_errno, rc, __ATOMIC_RELAXED);

	if (rc != 0 && rc != before)
		psm__log(PSM_LOG_ERROR,
		         rc == EDQUOT ? "the quarantine is full"
		                      : "cannot write to the quarantine",
		         "directory", sd->path, "file", name, "why",
		         strerror(rc), NULL);
	return rc == 0 ? 0 : -1;
}

int
psm__quarantine(struct psm__damage *d, struct psm__stream_dir *sd,
                const char *name, const void *bytes, size_t len, int lasting)
{
	size_t added = 0;
	int rc = EDQUOT;

	if (sd->dirfd < 0 || len == 0)
		return 0;
	if (has_room(d, sd, len))
		rc = write_copy(sd, name, bytes, len, lasting, &added);
	add_bytes(d, sd, (int64_t)added);
	return note_outcome(d, sd, name, rc);
}

/* 0 or an errno. */
static int
seal_alone(struct psm__damage *d, struct psm__segment *g,
           const struct psm__rec *plain)
{
	int rc;

	g->base = psm__alloc(g->size);
	if (!g->base)
		return ENOMEM;
	rc = psm__segment_header(d->keys, g);
	return rc == 0 ? psm__seal_put(g, g->start, plain) : rc;
}

int
psm__quarantine_sealed(struct psm__damage *d, const struct psm__segment *g,
                       const char *name, const struct psm__rec *plain,
                       int lasting)
{
	struct psm__segment alone = {
	    .stream = g->stream,
	    .fd = -1,
	    .number = g->number,
	    .first_seq = le64toh(plain->seq),
	    .seed = psm__spool_seed(g->stream->uuid, le64toh(plain->seq)),
	    .encrypted = 1,
	    .start = PSM__SEALED_START,
	};
	int rc;

	alone.size =
	    alone.start + psm__rec_space(le32toh(plain->len) + PSM__SEAL_EXTRA);
	rc = seal_alone(d, &alone, plain);
	if (rc == 0)
		rc = psm__quarantine(d, g->stream, name, alone.base, alone.size,
		                     lasting);
	else
		rc = note_outcome(d, g->stream, name, rc);
	psm__seal_free(alone.seal);
	psm__free(alone.base);
	return rc;
}

/* Rename the file, which works on a full disk, too. If it fails, the file
 * stays. */
static void
move_file(struct psm__damage *d, struct psm__segment *g)
{
	char from[32], to[64];
	int dirfd, rc = open_quarantine(g->stream, &dirfd);

	(void)snprintf(from, sizeof(from), "%016llx.pms",
	               (unsigned long long)g->number);
	(void)snprintf(to, sizeof(to), "quarantine/%s", from);
	if (dirfd >= 0)
		close(dirfd);
	if (rc == 0 && psm__file_ops.rename(g->stream->dirfd, from, to) < 0)
		rc = errno;
	if (rc == 0) {
		__atomic_store_n(&g->stream->dir_dirty, 1, __ATOMIC_RELAXED);
		add_bytes(d, g->stream, (int64_t)g->size);
	}
	(void)note_outcome(d, g->stream, from, rc);
}

void
psm__quarantine_segment(struct psm__damage *d, struct psm__segment *g)
{
	char name[32];
	size_t len = g->size;

	while (len > 0 && g->base[len - 1] == 0)
		len--;
	if (len == 0) {
		psm__segment_delete(g);
		return;
	}
	__atomic_add_fetch(&d->damaged, psm__rec_torn(g, g->start),
	                   __ATOMIC_RELAXED);
	(void)snprintf(name, sizeof(name), "%016llx.pms",
	               (unsigned long long)g->number);
	psm__log(PSM_LOG_WARN, "a spool segment is unreadable", "directory",
	         g->stream->path, "file", name, NULL);
	move_file(d, g);
	psm__segment_free(g);
}

void
psm__segment_discard(struct psm__damage *d, struct psm__segment *g)
{
	if (g->damage == PSM__DAMAGE_NONE) {
		psm__segment_delete(g);
		return;
	}
	move_file(d, g);
	psm__segment_free(g);
}

uint64_t
psm__damage_records(const struct psm__damage *d)
{
	return __atomic_load_n(&d->damaged, __ATOMIC_RELAXED);
}

int64_t
psm__damage_bytes(const struct psm__damage *d)
{
	return __atomic_load_n(&d->quarantined, __ATOMIC_RELAXED);
}

int
psm__damage_errno(const struct psm__damage *d)
{
	return __atomic_load_n(&d->quarantine_errno, __ATOMIC_RELAXED);
}

void
psm__damage_add(struct psm__damage *d, uint64_t records, int64_t bytes)
{
	__atomic_add_fetch(&d->damaged, records, __ATOMIC_RELAXED);
	__atomic_add_fetch(&d->quarantined, bytes, __ATOMIC_RELAXED);
}
