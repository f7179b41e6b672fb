/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading one import file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "app/app.h"

#define YOUNG_S 60

int
psm__file_is_broken(int code)
{
	return code == PSM_ERR_PARSE || code == PSM_ERR_SCHEMA ||
	       code == PSM_ERR_TOO_LARGE;
}

static int
fail_system(psm_error *err, const char *what)
{
	return psm__fail(err, PSM_ERR_IO, "cannot %s: %s", what,
	                 strerror(errno));
}

static int
read_all(int fd, size_t size, struct psm__file *out, psm_error *err)
{
	ssize_t n;

	while (out->len < size) {
		n = read(fd, out->text + out->len, size - out->len);
		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_system(err, "read");
		out->len += (size_t)n;
	}
	return 0;
}

static struct psm__file_id
id_of(const struct stat *st)
{
	struct psm__file_id id;

	memset(&id, 0, sizeof(id)); /* also what is between the members */
	id.dev = st->st_dev;
	id.ino = st->st_ino;
	id.size = st->st_size;
	id.mtime = st->st_mtim;
	return id;
}

static int
is_same(const struct psm__file_id *a, const struct psm__file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime.tv_sec == b->mtime.tv_sec &&
	       a->mtime.tv_nsec == b->mtime.tv_nsec;
}

int
psm__file_is_young(const struct psm__file *f)
{
	return llabs(psm_now_us() / 1000000 - f->modified_s) < YOUNG_S;
}

/* What cannot be read is known by what the file system says of it. */
static void
know(struct psm__file *out, const char *how, const struct psm__file_id *id)
{
	snprintf(
	    out->checksum, sizeof(out->checksum), "%s-%016llx", how,
	    (unsigned long long)psm__hash(PSM__HASH_START, id, sizeof(*id)));
}

static int
refuse(struct psm__file *out, const struct stat *st, int code, const char *want,
       psm_error *err)
{
	struct psm__file_id id = id_of(st);

	out->modified_s = st->st_mtime;
	know(out, "unread", &id);
	return psm__fail(err, code, "%s", want);
}

static int
refuse_kind(struct psm__file *out, const struct stat *st, psm_error *err)
{
	return refuse(out, st, PSM_ERR_SCHEMA,
	              S_ISDIR(st->st_mode)
	                  ? "want a regular file, found a directory"
	              : S_ISLNK(st->st_mode)
	                  ? "want a regular file, found a link to nothing"
	                  : "want a regular file, found something else",
	              err);
}

/* Some programs begin UTF-8 with U+FEFF; it says nothing. */
static void
skip_mark(struct psm__file *f)
{
	if (f->len < 3 || memcmp(f->text, "\xef\xbb\xbf", 3) != 0)
		return;
	f->len -= 3;
	memmove(f->text, f->text + 3, f->len);
}

static int
read_open(int fd, struct psm__file *out, psm_error *err)
{
	struct psm__file_id now;
	struct stat before, after;
	char want[64];
	int rc;

	if (fstat(fd, &before) < 0)
		return fail_system(err, "stat");
	if (!S_ISREG(before.st_mode))
		return refuse_kind(out, &before, err);
	out->content = id_of(&before);
	snprintf(want, sizeof(want), "want at most %u bytes, found %lld",
	         PSM__JSON_MAX_BYTES, (long long)before.st_size);
	if (before.st_size > (off_t)PSM__JSON_MAX_BYTES)
		return refuse(out, &before, PSM_ERR_TOO_LARGE, want, err);
	out->modified_s = before.st_mtime;
	out->text = psm__alloc((size_t)before.st_size + 1);
	if (out->text == NULL)
		return psm__nomem(err);
	rc = read_all(fd, (size_t)before.st_size, out, err);
	if (rc < 0)
		return rc;
	/* Half a file is not a broken file: it is for the next run. */
	if (fstat(fd, &after) < 0)
		return fail_system(err, "stat");
	now = id_of(&after);
	if (out->len != (size_t)after.st_size || !is_same(&now, &out->content))
		return psm__fail(err, PSM_ERR_IO,
		                 "the file changed while it was read");
	snprintf(
	    out->checksum, sizeof(out->checksum), "%016llx-%zu",
	    (unsigned long long)psm__hash(PSM__HASH_START, out->text, out->len),
	    out->len);
	skip_mark(out);
	return 0;
}

/* A file that we may not read is known by its state, of which the time of the
 * last change of its mode is a part. */
static void
know_forbidden(struct psm__file *out, const struct stat *st)
{
	struct psm__file_id id = id_of(st);

	id.mtime = st->st_ctim;
	know(out, "forbidden", &id);
}

static int
fail_open(struct psm__file *out, psm_error *err)
{
	out->gone = errno == ENOENT || errno == ENOTDIR;
	return fail_system(err, "open");
}

int
psm__file_read(const char *path, const char *name, struct psm__file *out,
               psm_error *err)
{
	struct stat st;
	int fd, rc;

	memset(out, 0, sizeof(*out));
	out->name = name;
	if (lstat(path, &st) < 0)
		return fail_open(out, err);
	out->entry = id_of(&st);
	/* Not blocking: a pipe of that name must not hold the import. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && S_ISLNK(st.st_mode) &&
	    (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return refuse_kind(out, &st, err);
	if (fd < 0 && errno == ENXIO && !S_ISREG(st.st_mode))
		return refuse_kind(out, &st, err); /* a socket */
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		know_forbidden(out, &st);
	if (fd < 0)
		return fail_open(out, err);
	rc = read_open(fd, out, err);
	(void)close(fd); /* nothing was written to it */
	return rc;
}

/* By its own name, and by what a link leads to. */
static int
has_entry(const char *path, const struct psm__file *f)
{
	struct psm__file_id id;
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0;
	id = id_of(&st);
	return is_same(&id, &f->entry);
}

int
psm__file_is_same(const char *path, const struct psm__file *f)
{
	static const struct psm__file_id none;
	struct psm__file_id id;
	struct stat st;

	if (!has_entry(path, f))
		return 0;
	if (is_same(&f->content, &none))
		return 1;
	if (stat(path, &st) < 0)
		return 0;
	id = id_of(&st);
	return is_same(&id, &f->content);
}

/* musl has no function for it before 1.2.5, the kernel has the call. */
static int
rename_if_free(const char *from, const char *to)
{
	const unsigned noreplace = 1; /* RENAME_NOREPLACE */

	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to,
	                    noreplace);
}

/* No call renames a file only if it is a certain one: look before, and if
 * another one came in the very moment, after; then it goes back, unless a
 * third has come. */
int
psm__file_move(const char *from, const char *to, const struct psm__file *f)
{
	if (!psm__file_is_same(from, f) || rename(from, to) < 0)
		return 0;
	if (has_entry(to, f))
		return 1;
	if (rename_if_free(to, from) < 0)
		psm__log(PSM_LOG_WARN,
		         "an import file came while an older one of its name "
		         "was moved, and was moved, too",
		         "file", f->name, NULL);
	return 0;
}

void
psm__file_free(struct psm__file *f)
{
	psm__free(f->text);
	memset(f, 0, sizeof(*f));
}
