/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of imported files on this machine: they hold data of patients, so only
 * their owner reads them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/object.h"

#define NAME_SIZE 256
/* Longer ones are cut: the hash behind them tells them apart. */
#define PLAIN_MAX 200
#define HASH_SHOWN 16

static int
is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* Never "." or "..", never hidden, nothing that leads elsewhere. */
void
psm__object_copy_name(const char *name, const char *hash, char *out)
{
	size_t len = 0, end = strlen(name);

	if (end >= 5 && strcmp(name + end - 5, ".json") == 0)
		end -= 5;
	for (size_t i = 0; i < end && len + 3 <= PLAIN_MAX; i++) {
		unsigned char c = (unsigned char)name[i];

		if (is_plain(c) && !(c == '.' && i == 0))
			out[len++] = (char)c;
		else
			len += (size_t)snprintf(out + len, 4, "%%%02X", c);
	}
	(void)snprintf(out + len, NAME_SIZE - len, "%s%.*s.json",
	               hash != NULL ? "-" : "", HASH_SHOWN,
	               hash != NULL ? hash : "");
}

/* Containers that share a folder may all have the process id 1. */
void
psm__object_private_name(const char *before, const char *after,
                         char out[PSM__PRIVATE_NAME])
{
	static atomic_uint count;
	uint64_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(random))
		random = (uint64_t)psm_now_us();
	(void)snprintf(out, PSM__PRIVATE_NAME, "%s%ld-%u-%016" PRIx64 "%s",
	               before, (long)getpid(), atomic_fetch_add(&count, 1),
	               random, after);
}

static int
fail(psm_error *err, const char *what)
{
	/* Paths are the operator's settings and stay out of messages. */
	return psm__fail(err, PSM_ERR_IO, "cannot %s a copy of an import: %s",
	                 what, strerror(errno));
}

static int
write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd);
}

/* 1: the file has this content; 0: there is none, or another one. */
static int
has_content(int dir, const char *name, const char *text, size_t len)
{
	char piece[4096];
	size_t at = 0;
	ssize_t n = 0;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return 0;
	while (at <= len && (n = read(fd, piece, sizeof(piece))) > 0 &&
	       (size_t)n <= len - at &&
	       memcmp(piece, text + at, (size_t)n) == 0)
		at += (size_t)n;
	(void)close(fd); /* nothing was written to it */
	return n == 0 && at == len;
}

static int
put(int dir, const char *name, const char *text, size_t len, psm_error *err)
{
	char temporary[PSM__PRIVATE_NAME];
	int fd, rc;

	psm__object_private_name(".tmp-", "", temporary);
	fd = openat(dir, temporary,
	            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(err, "make");
	rc = write_all(fd, text, len);
	if (close(fd) < 0 || rc < 0 ||
	    renameat(dir, temporary, dir, name) < 0 || fsync(dir) < 0) {
		rc = fail(err, "write");
		(void)unlinkat(dir, temporary, 0); /* it may be gone */
		return rc;
	}
	/* Another run may have put its own there; the next run sees that. */
	return has_content(dir, name, text, len)
	           ? 0
	           : psm__fail(err, PSM_ERR_IO,
	                       "another copy of an import took the place");
}

static int
open_folder(const char *folder, int failed, psm_error *err)
{
	int dir, below;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return fail(err, "make a folder for");
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || !failed)
		return dir < 0 ? fail(err, "open the folder for") : dir;
	below = mkdirat(dir, "failed", 0700) < 0 && errno != EEXIST
	            ? -1
	            : openat(dir, "failed",
	                     O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (below < 0)
		below = fail(err, "make a folder for");
	(void)close(dir); /* nothing was written to it */
	return below;
}

int
psm__object_copy(const char *folder, int failed, const char *name,
                 const char *hash, const char *text, size_t len, psm_error *err)
{
	char own[NAME_SIZE];
	struct stat st;
	int dir = open_folder(folder, failed, err), rc = 0;

	if (dir < 0)
		return dir;
	psm__object_copy_name(name, NULL, own);
	/* Another file of that name is another import's. */
	if (!has_content(dir, own, text, len) &&
	    (fstatat(dir, own, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	     strlen(own) > PLAIN_MAX))
		psm__object_copy_name(name, hash, own);
	if (!has_content(dir, own, text, len))
		rc = put(dir, own, text, len, err);
	(void)close(dir); /* it was synced */
	return rc;
}
