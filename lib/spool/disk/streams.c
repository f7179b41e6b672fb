/* SPDX-License-Identifier: BSD-2-Clause */
/* The stream directories of a spool directory, and their owners. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/disk/disk.h"

/* The number in "stream.N", or -1. */
static int
number_of(const char *name)
{
	unsigned n;
	char rest;

	if (sscanf(name, "stream.%u%c", &n, &rest) != 1 ||
	    n >= PSM__STREAMS_END)
		return -1;
	return (int)n;
}

static DIR *
list_names(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	int why = errno;

	if (!dir && fd >= 0)
		close(fd);
	errno = why;
	return dir;
}

static int
compare(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return x < y ? -1 : x > y;
}

int
psm__streams_list(int parentfd, struct psm__streams *found)
{
	DIR *dir = list_names(parentfd);
	struct dirent *e;
	int rc = 0, n;

	if (!dir)
		return errno;
	for (errno = 0; rc == 0 && (e = readdir(dir)) != NULL; errno = 0) {
		n = number_of(e->d_name);
		if (n < 0)
			continue;
		if (psm__grow(&found->list, &found->cap, found->count + 1,
		              sizeof(*found->list)) < 0)
			rc = ENOMEM;
		else
			found->list[found->count++] = (unsigned)n;
	}
	if (rc == 0)
		rc = errno; /* an incomplete list could change the order */
	closedir(dir);
	if (found->count > 0)
		qsort(found->list, found->count, sizeof(*found->list), compare);
	return rc;
}

/* 1 also if the directory cannot be read now. */
static int
has_segments(int dirfd)
{
	DIR *dir = list_names(dirfd);
	struct dirent *e;
	int found = dir == NULL;

	while (dir && !found && (e = readdir(dir)) != NULL)
		found = strstr(e->d_name, ".pms") != NULL;
	if (dir)
		closedir(dir);
	return found;
}

static int
open_stream(int parentfd, unsigned n)
{
	char name[32];

	snprintf(name, sizeof(name), "stream.%u", n);
	return openat(parentfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* 1: it may exist, i.e. it is not missing or another user's. */
static int
is_ours_to_see(int why)
{
	return why == EMFILE || why == ENFILE || why == ENOMEM || why == EIO;
}

enum psm__stream_is
psm__stream_look(int parentfd, unsigned n, long *pid)
{
	enum psm__stream_is is = PSM__STREAM_NOTHING;
	int fd = open_stream(parentfd, n);

	*pid = 0;
	if (fd < 0)
		return is_ours_to_see(errno) ? PSM__STREAM_HELD : is;
	if (has_segments(fd) && !psm__stream_owned(fd))
		is = psm__stream_locked(fd) ? PSM__STREAM_HELD
		                            : PSM__STREAM_ABANDONED;
	if (is == PSM__STREAM_HELD)
		*pid = psm__stream_holder(fd);
	close(fd);
	return is;
}

int
psm__streams_end(int parentfd, unsigned *end)
{
	struct psm__streams all = {0};
	int rc = psm__streams_list(parentfd, &all);

	*end = 0;
	for (size_t i = all.count; rc == 0 && *end == 0 && i > 0; i--) {
		int fd = open_stream(parentfd, all.list[i - 1]);

		/* A lower number would change the order of a key. */
		if (fd < 0 && is_ours_to_see(errno))
			rc = errno;
		if (fd >= 0 && has_segments(fd))
			*end = all.list[i - 1] + 1;
		if (fd >= 0)
			close(fd);
	}
	psm__free(all.list);
	return rc;
}
