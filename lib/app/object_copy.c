/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of imported files on this machine: they hold data of patients, so only
 * their owner reads them. */
#include <dirent.h>
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
/* Where copies are written, a folder of its own: looking for what was left
 * there does not grow with the copies. */
#define TMP ".tmp"
#define TMP_OLD_S 3600
#define BELOW (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)

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

/* tmp: the folder of copies that are being written. */
static int
write_copy(int tmp, int dir, const char *name, const char *text, size_t len,
           psm_error *err)
{
	char temporary[PSM__PRIVATE_NAME];
	int fd, rc;

	psm__object_private_name("", "", temporary);
	fd = openat(tmp, temporary,
	            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(err, "make");
	rc = write_all(fd, text, len);
	if (close(fd) < 0 || rc < 0 ||
	    renameat(tmp, temporary, dir, name) < 0 || fsync(dir) < 0) {
		rc = fail(err, "write");
		(void)unlinkat(tmp, temporary, 0); /* it may be gone */
		return rc;
	}
	/* Another run may have put its own there; the next run sees that. */
	return has_content(dir, name, text, len)
	           ? 0
	           : psm__fail(err, PSM_ERR_IO,
	                       "another copy of an import took the place");
}

static int
open_folder(const char *folder, psm_error *err)
{
	int dir;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return fail(err, "make a folder for");
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? fail(err, "open the folder for") : dir;
}

static int
open_below(int dir, const char *name, psm_error *err)
{
	/* The name of a new folder must not be lost, either. */
	int made = mkdirat(dir, name, 0700) == 0 ? fsync(dir)
	           : errno == EEXIST             ? 0
	                                         : -1;
	int below = made < 0 ? -1 : openat(dir, name, BELOW);

	return below < 0 ? fail(err, "make a folder for") : below;
}

static int
put(int top, int dir, const char *name, const char *text, size_t len,
    psm_error *err)
{
	int tmp = open_below(top, TMP, err), rc;

	if (tmp < 0)
		return tmp;
	rc = write_copy(tmp, dir, name, text, len, err);
	(void)close(tmp); /* what counts was synced */
	return rc;
}

int
psm__object_copy(const char *folder, int failed, const char *name,
                 const char *hash, const char *text, size_t len, psm_error *err)
{
	char own[NAME_SIZE];
	struct stat st;
	int top = open_folder(folder, err), dir, rc = 0;

	if (top < 0)
		return top;
	dir = failed ? open_below(top, "failed", err) : top;
	if (dir < 0) {
		(void)close(top); /* nothing was written to it */
		return dir;
	}
	psm__object_copy_name(name, NULL, own);
	/* Another file of that name is another import's. */
	if (!has_content(dir, own, text, len) &&
	    (fstatat(dir, own, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	     strlen(own) > PLAIN_MAX))
		psm__object_copy_name(name, hash, own);
	if (!has_content(dir, own, text, len))
		rc = put(top, dir, own, text, len, err);
	if (dir != top)
		(void)close(dir); /* it was synced */
	(void)close(top);         /* it was synced, or nothing is in it */
	return rc;
}

/* -- what a killed import leaves */

static void
remove_old(int dir, const char *name, int64_t before_s)
{
	struct stat st;

	if (name[0] != '.' &&
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_mtim.tv_sec < before_s)
		(void)unlinkat(dir, name, 0); /* another run may do it, too */
}

void
psm__object_copy_tidy(const char *folder)
{
	int64_t before_s = psm_now_us() / 1000000 - TMP_OLD_S;
	int top = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int tmp = top < 0 ? -1 : openat(top, TMP, BELOW);
	DIR *dir = tmp < 0 ? NULL : fdopendir(tmp);
	const struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		remove_old(tmp, e->d_name, before_s);
	if (dir != NULL)
		(void)closedir(dir);
	else if (tmp >= 0)
		(void)close(tmp);
	if (top >= 0)
		(void)close(top);
}
