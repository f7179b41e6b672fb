/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The locks of a stream directory. The file LOCK has two: a flock(2), held by
 * the process that works on the stream, and a lock of its first byte, held by
 * the process that appends to it. So each process can see, without taking a
 * lock, which streams are abandoned: they have events, and the second lock is
 * free.
 *
 * A child of fork inherits the locks. It closes its copies before fork returns,
 * so that a lock ends with its process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "spool/disk/disk.h"

/* All streams with a lock. A leaf: no other lock is taken under it. */
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static struct psm__stream_dir *held;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
before_fork(void)
{
	pthread_mutex_lock(&held_lock);
}

static void
in_parent(void)
{
	pthread_mutex_unlock(&held_lock);
}

static void
in_child(void)
{
	for (struct psm__stream_dir *sd = held; sd; sd = sd->next_held) {
		close(sd->lockfd);
		sd->lockfd = -1;
	}
	held = NULL;
	pthread_mutex_unlock(&held_lock);
}

static void
watch_forks(void)
{
	/* It fails only without memory; then a child may keep the locks. */
	(void)pthread_atfork(before_fork, in_parent, in_child);
}

/* -- taking -- */

/* 0 or -1; EAGAIN: another has it. */
static int
lock_bytes(const struct psm__stream_dir *sd, int own)
{
	struct flock first = {
	    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};

	if (flock(sd->lockfd, LOCK_EX | LOCK_NB) < 0)
		return -1;
	return own ? fcntl(sd->lockfd, F_OFD_SETLK, &first) : 0;
}

/* 0, or -1 with ENOENT: another process has removed the file meanwhile. */
static int
still_there(const struct psm__stream_dir *sd)
{
	struct stat by_fd, by_name;

	if (fstat(sd->lockfd, &by_fd) == 0 &&
	    fstatat(sd->dirfd, "LOCK", &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
	    by_fd.st_ino == by_name.st_ino)
		return 0;
	errno = ENOENT;
	return -1;
}

/* For messages to operators; on a full disk the file stays empty. */
static void
write_pid(const struct psm__stream_dir *sd)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(sd->lockfd, 0) == 0 &&
	    psm__file_ops.write(sd->lockfd, text, (size_t)len) < 0)
		psm__log(PSM_LOG_DEBUG, "no pid in the spool's lock", NULL);
}

int
psm__lock_take(struct psm__stream_dir *sd, int own)
{
	int rc = -1, why;

	(void)pthread_once(&once, watch_forks);
	/* No fork between the open and the list. */
	pthread_mutex_lock(&held_lock);
	sd->lockfd =
	    psm__file_ops.open(sd->dirfd, "LOCK", O_CREAT | O_RDWR, 0600);
	if (sd->lockfd >= 0)
		rc = lock_bytes(sd, own);
	if (rc == 0)
		rc = still_there(sd);
	why = errno;
	if (rc == 0) {
		sd->next_held = held;
		held = sd;
	} else if (sd->lockfd >= 0) {
		close(sd->lockfd);
		sd->lockfd = -1;
	}
	pthread_mutex_unlock(&held_lock);
	if (rc == 0)
		write_pid(sd);
	errno = why;
	if (rc < 0)
		return why == EWOULDBLOCK ? 0 : -1;
	return 1;
}

void
psm__lock_drop(struct psm__stream_dir *sd)
{
	struct psm__stream_dir **at;

	pthread_mutex_lock(&held_lock);
	for (at = &held; *at && *at != sd; at = &(*at)->next_held)
		;
	if (*at)
		*at = sd->next_held;
	if (sd->lockfd >= 0)
		close(sd->lockfd);
	sd->lockfd = -1;
	pthread_mutex_unlock(&held_lock);
}

/* -- looking: taking a lock to see whether it is free would turn a producer
 * away that starts at this moment -- */

int
psm__stream_locked(int dirfd)
{
	char line[256], want[64];
	struct stat st;
	FILE *f;
	int found = 0;

	if (fstatat(dirfd, "LOCK", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	f = fopen("/proc/locks", "re");
	if (!f)
		return 0;
	(void)snprintf(want, sizeof(want), " %02x:%02x:%llu ", major(st.st_dev),
	               minor(st.st_dev), (unsigned long long)st.st_ino);
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, " FLOCK ") && strstr(line, want);
	fclose(f);
	return found;
}

static int
open_lock(int dirfd)
{
	return psm__file_ops.open(dirfd, "LOCK", O_RDONLY, 0);
}

int
psm__stream_owned(int dirfd)
{
	struct flock first = {
	    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
	int fd = open_lock(dirfd), free;

	if (fd < 0)
		return errno != ENOENT; /* it belongs to another user */
	free = fcntl(fd, F_OFD_GETLK, &first) == 0 && first.l_type == F_UNLCK;
	close(fd);
	return !free;
}

long
psm__stream_holder(int dirfd)
{
	char text[32] = "";
	int fd = open_lock(dirfd);
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return len > 0 ? strtol(text, NULL, 10) : 0;
}
