/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A store into a mapped file reports no error when the file was removed or its
 * disk failed. So the reader checks the files twice a second; a fault makes
 * append fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/spool_int.h"

#define WATCH_MS 500
/* How often a failed disk is tried again. */
#define RETRY_MS 1000

struct psm__watch {
	int fault, fault_errno; /* lock: as in struct psm__spool_numbers */
	int make_errno;         /* lock: why no segment could be made, or 0 */
	int read_errno;         /* __atomic: why none could be mapped, or 0 */
	uint64_t asked_at;      /* reader: appended, when the disk was asked */
	int64_t next_ms;        /* reader */
};

int
psm__watch_new(struct psm__spool *s)
{
	s->watch = psm__alloc(sizeof(*s->watch));
	return s->watch ? 0 : PSM_ERR_NOMEM;
}

void
psm__watch_free(struct psm__spool *s)
{
	psm__free(s->watch);
	s->watch = NULL;
}

int
psm__watch_fault(const struct psm__spool *s)
{
	return s->watch->fault;
}

int
psm__watch_note_make(struct psm__spool *s, int why)
{
	int before = s->watch->make_errno;

	s->watch->make_errno = why;
	return why != 0 && why != before;
}

void
psm__watch_note_read(struct psm__spool *s, int why)
{
	__atomic_store_n(&s->watch->read_errno, why, __ATOMIC_RELAXED);
}

void
psm__watch_numbers(struct psm__spool *s, struct psm__spool_numbers *n)
{
	n->fault = s->watch->fault;
	n->fault_errno = s->watch->fault_errno;
	n->last_errno = s->watch->make_errno;
	n->read_errno =
	    __atomic_load_n(&s->watch->read_errno, __ATOMIC_RELAXED);
}

void
psm__watch_at(struct psm__spool *s, int64_t at_ms)
{
	s->watch->next_ms = at_ms;
}

void
psm__spool_fault_text(int fault, int why, char *text, size_t size)
{
	switch (fault) {
	case PSM__FAULT_REMOVED:
		(void)snprintf(text, size,
		               "its files were removed while in use; start the "
		               "program again");
		break;
	case PSM__FAULT_IMMUTABLE:
		(void)snprintf(text, size,
		               "its files are immutable, see chattr(1)");
		break;
	case PSM__FAULT_DISK:
		(void)snprintf(text, size, "the disk does not keep events: %s",
		               strerror(why));
		break;
	default:
		(void)snprintf(text, size, "all is well");
		break;
	}
}

int
psm__spool_faulty(const struct psm__spool *s, psm_error *err)
{
	char text[160];

	/* With durability disk each commit reports the failure itself. */
	if (s->watch->fault == PSM__FAULT_NONE ||
	    (s->watch->fault == PSM__FAULT_DISK &&
	     s->conf.durability == PSM__DURABLE_DISK))
		return 0;
	psm__spool_fault_text(s->watch->fault, s->watch->fault_errno, text,
	                      sizeof(text));
	return psm__fail(err, PSM_ERR_IO, "spool %s: %s", s->dir, text);
}

void
psm__spool_fault(struct psm__spool *s, int fault, int why)
{
	char text[160];

	if (s->watch->fault == fault || s->watch->fault == PSM__FAULT_REMOVED)
		return;
	s->watch->fault = fault;
	s->watch->fault_errno = why;
	psm__spool_fault_text(fault, why, text, sizeof(text));
	psm__log(fault ? PSM_LOG_ERROR : PSM_LOG_INFO,
	         fault ? "the spool takes no events" : "the spool takes events",
	         "directory", s->dir, "why", text, NULL);
}

/* -- is it all there? -- */

static struct psm__segment *
next_open(struct psm__spool *s, const struct psm__segment *after)
{
	struct psm__segment *g;

	pthread_mutex_lock(&s->lock);
	g = after ? after->next : psm__queue_first(s);
	while (g && (!psm__segment_is_own(g) || g->fd < 0))
		g = g->next;
	pthread_mutex_unlock(&s->lock);
	return g;
}

/* 1: the stream directory and the spool directory were not removed. */
static int
is_named(const struct psm__stream_dir *sd)
{
	struct stat own, named;

	if (psm__file_ops.state(sd->parentfd) == ENOENT ||
	    psm__file_ops.state(sd->dirfd) == ENOENT)
		return 0;
	if (fstat(sd->dirfd, &own) < 0)
		return 1; /* unknown: the next check may tell */
	if (fstatat(sd->parentfd, sd->name, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return errno != ENOENT;
	return own.st_ino == named.st_ino && own.st_dev == named.st_dev;
}

/* 0, or what is wrong with the files: an enum psm__spool_fault. */
static int
look_at_files(struct psm__spool *s)
{
	const struct psm__segment *g = NULL;
	struct psm__stream_dir *sd = s->own_stream;
	int rc = 0;

	if (!is_named(sd))
		return PSM__FAULT_REMOVED;
	sd->cursor_shut = psm__file_ops.state(sd->cursor_fd) == EPERM;
	while (rc == 0 && (g = next_open(s, g)) != NULL)
		rc = psm__file_ops.state(g->fd);
	if (rc == EPERM || sd->cursor_shut)
		return PSM__FAULT_IMMUTABLE;
	return rc == ENOENT ? PSM__FAULT_REMOVED : PSM__FAULT_NONE;
}

/* -- does it last? -- */

/* With durability os nothing is synced, so a failed write-back of the kernel
 * would go unnoticed. Syncing a file without changes returns such an error.
 * 0 or an errno. */
static int
ask_disk(struct psm__spool *s)
{
	const struct psm__segment *g = NULL;
	int rc = 0;

	if (s->own_stream->lockfd >= 0 &&
	    psm__file_ops.datasync(s->own_stream->lockfd) < 0)
		return errno;
	while (rc == 0 && (g = next_open(s, g)) != NULL)
		rc = psm__file_ops.written(g->fd);
	return rc;
}

static int
has_news(struct psm__spool *s)
{
	uint64_t appended;
	int news;

	pthread_mutex_lock(&s->lock);
	appended = psm__queue_appended(s);
	pthread_mutex_unlock(&s->lock);
	news = appended != s->watch->asked_at;
	s->watch->asked_at = appended;
	return news;
}

/* Write a new file to the disk that failed. 0 or an errno. */
static int
try_disk(struct psm__spool *s)
{
	int rc = psm__spares_try_disk(s);

	if (rc == 0 && s->own_stream->lockfd >= 0 &&
	    psm__file_ops.datasync(s->own_stream->lockfd) < 0)
		rc = errno;
	return rc;
}

/* The file that failed gets no more records. */
static void
leave_active(struct psm__spool *s)
{
	struct psm__segment *active;

	pthread_mutex_lock(&s->lock);
	active = psm__queue_active(s);
	if (active)
		psm__segment_fail(active);
	psm__queue_leave_active(s);
	pthread_mutex_unlock(&s->lock);
}

static int
watch_disk(struct psm__spool *s, int fault)
{
	int rc = 0;

	if (fault == PSM__FAULT_DISK) {
		rc = try_disk(s);
		if (rc == 0)
			leave_active(s);
	} else if (s->conf.durability == PSM__DURABLE_OS && has_news(s)) {
		rc = ask_disk(s);
	}
	return rc;
}

void
psm__spool_watch(struct psm__spool *s, int64_t now_ms)
{
	int before, fault, why = 0;

	if (now_ms < s->watch->next_ms)
		return;
	pthread_mutex_lock(&s->lock);
	before = s->watch->fault;
	pthread_mutex_unlock(&s->lock);
	if (before == PSM__FAULT_REMOVED)
		return;
	s->watch->next_ms = now_ms + WATCH_MS;
	fault = look_at_files(s);
	if (fault == PSM__FAULT_NONE) {
		why = watch_disk(s, before);
		if (why != 0)
			fault = PSM__FAULT_DISK;
	}
	if (fault == PSM__FAULT_DISK)
		s->watch->next_ms = now_ms + RETRY_MS;
	pthread_mutex_lock(&s->lock);
	psm__spool_fault(s, fault, why);
	pthread_mutex_unlock(&s->lock);
}
