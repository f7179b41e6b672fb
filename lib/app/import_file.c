/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading one import file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"

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

/* FNV-1a of 64 bits and the length: it tells contents apart, not attackers. */
static void
put_checksum(struct psm__file *f)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < f->len; i++)
		h = (h ^ (unsigned char)f->text[i]) * UINT64_C(1099511628211);
	snprintf(f->checksum, sizeof(f->checksum), "%016llx-%zu",
	         (unsigned long long)h, f->len);
}

static int
read_open(int fd, struct psm__file *out, psm_error *err)
{
	struct stat before, after;
	int rc;

	if (fstat(fd, &before) < 0)
		return fail_system(err, "stat");
	if (!S_ISREG(before.st_mode))
		return psm__fail(err, PSM_ERR_IO, "want a regular file");
	if (before.st_size > (off_t)PSM__JSON_MAX_BYTES)
		return psm__fail(err, PSM_ERR_TOO_LARGE,
		                 "want at most %u bytes", PSM__JSON_MAX_BYTES);
	out->modified_s = before.st_mtime;
	out->text = psm__alloc((size_t)before.st_size + 1);
	if (out->text == NULL)
		return psm__nomem(err);
	rc = read_all(fd, (size_t)before.st_size, out, err);
	if (rc < 0)
		return rc;
	/* Half a file is not a broken file: it is for the next run. */
	if (fstat(fd, &after) < 0 || after.st_size != before.st_size ||
	    after.st_mtime != before.st_mtime ||
	    out->len != (size_t)after.st_size)
		return psm__fail(err, PSM_ERR_IO,
		                 "the file changed while it was read");
	put_checksum(out);
	return 0;
}

int
psm__file_read(const char *path, const char *name, struct psm__file *out,
               psm_error *err)
{
	int fd, rc;

	memset(out, 0, sizeof(*out));
	out->name = name;
	/* Not blocking: a pipe of that name must not hold the import. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail_system(err, "open");
	rc = read_open(fd, out, err);
	(void)close(fd); /* nothing was written to it */
	if (rc < 0)
		psm__file_free(out);
	return rc;
}

void
psm__file_free(struct psm__file *f)
{
	psm__free(f->text);
	memset(f, 0, sizeof(*f));
}
