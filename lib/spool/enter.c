/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening a spool directory: take a stream directory of our own, and adopt
 * those without a live owner. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "spool/spool_int.h"

/* A new directory survives a power cut only after its parent directory was
 * synced. A parent that we may not read is not synced. */
static int
sync_above(const struct psm__spool *s, char *path)
{
	char *slash = strrchr(path, '/');
	const char *above = slash ? path : ".";
	int fd, rc = 0;

	if (s->conf.durability == PSM__DURABLE_OS)
		return 0;
	if (slash == path)
		above = "/";
	else if (slash)
		*slash = '\0';
	fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && psm__file_ops.dirsync(fd) < 0)
		rc = errno;
	if (slash)
		*slash = '/';
	if (fd >= 0)
		close(fd);
	return rc;
}

/* All missing parts of the path; an errno. */
static int
make_path(const struct psm__spool *s)
{
	const char *dir = s->dir;
	char *path = psm__strdup(dir), *slash;
	int rc = 0;

	if (!path)
		return ENOMEM;
	for (slash = path + 1; rc == 0 && *slash; slash++) {
		if (*slash != '/')
			continue;
		*slash = '\0';
		/* A parent that cannot be made may exist already. */
		if (psm__file_ops.mkdir(AT_FDCWD, path, 0700) == 0)
			rc = sync_above(s, path);
		*slash = '/';
	}
	if (rc == 0 && psm__file_ops.mkdir(AT_FDCWD, path, 0700) < 0 &&
	    errno != EEXIST)
		rc = errno;
	/* A process that made it may have ended before its sync. */
	if (rc == 0)
		rc = sync_above(s, path);
	psm__free(path);
	return rc;
}

/* On a full disk no stream directory can be made. Then the last one with
 * events is used again: sending these makes room. 1: it is ours. */
static int
reuse_last_stream(struct psm__spool *s, int parentfd, unsigned end,
                  unsigned *own)
{
	if (end == 0)
		return 0;
	*own = end - 1;
	return psm__stream_dir_take(s->dir, parentfd, *own, 1,
	                            &s->own_stream) == 1;
}

/* The first free number above all streams with events, so that numbers rise
 * in the order in which processes start. */
static int
take_own_stream(struct psm__spool *s, int parentfd, unsigned *own)
{
	int rc = 0, why = 0, tries = 0;
	unsigned n, floor = 0;

	rc = psm__streams_end(parentfd, &floor);
	if (rc != 0)
		return rc;
	for (n = floor; n < floor + PSM__STREAMS_MAX; n++) {
		rc = psm__stream_dir_take(s->dir, parentfd, n, 1,
		                          &s->own_stream);
		*own = n;
		if (rc == 1)
			return 0;
		if ((rc == -ENOSPC || rc == -EDQUOT) &&
		    reuse_last_stream(s, parentfd, floor, own))
			return 0;
		if (rc == -ENOSPC || rc == -EDQUOT || rc == -ENOMEM)
			return -rc;
		/* Another process is removing this directory now. */
		if (rc == -ENOENT && ++tries < 100)
			n--;
		else if (rc < 0 && why == 0)
			why = -rc;
	}
	return why ? why : EBUSY;
}

static int
make_uuid(struct psm__stream_dir *sd)
{
	if (sd->known)
		return 0;
	sd->known = 1;
	return getentropy(sd->uuid, sizeof(sd->uuid)) < 0 ? errno : 0;
}

/* Our own segments come after the adopted ones. */
static int
load_own(struct psm__spool *s)
{
	struct psm__batch b;
	int rc = psm__stream_dir_load(s, s->own_stream, &b);

	if (rc == 0) {
		psm__queue_start(s, b.next_seq);
		psm__queue_enlist(s, s->own_stream, &b);
	}
	return rc == 0 ? make_uuid(s->own_stream) : rc;
}

/* 0, or an errno (ENOSPC and EDQUOT: perhaps later). */
static int
enter(struct psm__spool *s)
{
	unsigned own = 0;
	int rc, fd;

	rc = make_path(s);
	if (rc != 0)
		return rc;
	fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	rc = take_own_stream(s, fd, &own);
	if (rc == 0 && s->conf.durability != PSM__DURABLE_OS &&
	    psm__file_ops.dirsync(fd) < 0)
		rc = errno;
	if (rc == 0)
		rc = psm__adopt_all(s, fd, own);
	if (rc == 0)
		rc = load_own(s);
	/* After load_own() it is in the list of streams, which frees it. */
	if (rc != 0 && s->own_stream && s->streams != s->own_stream) {
		psm__stream_dir_leave(s->own_stream, s->own_stream->made);
		s->own_stream = NULL;
	}
	close(fd);
	return rc;
}

/* 1: the stream directory can be deleted. Our own is kept, unless it was
 * never used: the next process continues its numbers. */
static int
is_over(const struct psm__spool *s, const struct psm__stream_dir *sd)
{
	if (sd->segments > 0)
		return 0;
	return sd != s->own_stream || (sd->made && psm__queue_next_seq(s) == 1);
}

void
psm__spool_leave(struct psm__spool *s)
{
	while (s->streams) {
		struct psm__stream_dir *sd = s->streams;

		s->streams = sd->next;
		psm__stream_dir_leave(sd, is_over(s, sd));
	}
	s->own_stream = NULL;
}

int
psm__spool_no_room(int why)
{
	return why == ENOSPC || why == EDQUOT;
}

int
psm__spool_enter(struct psm__spool *s, int locked, psm_error *err)
{
	int why = enter(s);

	if (why == 0)
		return 0;
	psm__queue_reset(s);
	psm__spool_leave(s);
	(void)psm__watch_note_make(s, why);
	if (psm__spool_no_room(why))
		return psm__fail(err, PSM_ERR_FULL,
		                 "spool %s: no room on the disk", s->dir);
	if (why == ENOMEM)
		return psm__nomem(err);
	if (why == ENOKEY)
		return psm__fail(err, locked, "%s", s->missing_key);
	return psm__fail(err, PSM_ERR_IO, "spool %s: %s", s->dir,
	                 why == EBUSY ? "too many processes use it"
	                              : strerror(why));
}
