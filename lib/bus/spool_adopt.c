/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What dead processes left in streams of their own. A start takes over all of
 * it at once. Who runs looks now and then, and waits a while: the dead one's
 * successor would take its own stream first, and so keep the order of a key.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bus/spool_int.h"

/* A service that is restarted by its supervisor is back before. */
int psm__adopt_after_ms = 30000;

/* Looks at the directory for each time that is waited. */
#define LOOKS 6
/* So long nothing new is handed over, so that a stream can be put in front. */
#define PAUSE_MS 1000

/* A lock is looked up, not tried: trying would turn a producer away that starts
 * at this moment. */
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

/* -- one stream -- */

/* Too much for the limit: not now. */
static int
fits(struct psm__spool *s, const struct psm__batch *b)
{
	int yes;

	pthread_mutex_lock(&s->lock);
	yes = s->bytes <= 0 || s->bytes + b->bytes <= s->conf.max_bytes;
	pthread_mutex_unlock(&s->lock);
	return yes;
}

static void
give_back(struct psm__home *h, struct psm__batch *b)
{
	while (b->first) {
		struct psm__segment *g = b->first;

		b->first = g->next;
		psm__segment_free(g);
	}
	psm__home_leave(h, 0);
}

static void
note_adopted(struct psm__spool *s, const struct psm__home *h)
{
	__atomic_add_fetch(&s->adopted, 1, __ATOMIC_RELAXED);
	psm__log(PSM_LOG_INFO, "the spool of a dead process is taken over",
	         "directory", h->path, NULL);
}

/* 1: *h has something, in *b. 0: it has nothing, is another's, or cannot be
 * read now. -1: no memory, or a key is missing. */
static int
open_orphan(struct psm__spool *s, int parentfd, unsigned n,
            struct psm__home **h, struct psm__batch *b, int *why)
{
	int rc = psm__home_take(s, parentfd, n, 0, h);

	*why = rc == -ENOMEM ? ENOMEM : 0;
	if (rc != 1)
		return rc == -ENOMEM ? -1 : 0;
	*why = psm__home_load(s, *h, b);
	if (*why == 0 && b->first)
		return 1;
	if (*why != 0)
		psm__log(PSM_LOG_WARN,
		         "the spool of a dead process cannot be taken over now",
		         "directory", (*h)->path, "why", strerror(*why), NULL);
	psm__home_leave(*h, *why == 0);
	return *why == ENOMEM || *why == ENOKEY ? -1 : 0;
}

/* -- at the start -- */

static int
adopt_first(struct psm__spool *s, int parentfd, unsigned n)
{
	struct psm__home *h = NULL;
	struct psm__batch b = {0};
	int why, rc = open_orphan(s, parentfd, n, &h, &b, &why);

	/* What is put aside there still wants somebody to look at it. */
	if (rc == 0)
		__atomic_add_fetch(&s->quarantined, b.quarantined,
		                   __ATOMIC_RELAXED);
	if (rc != 1)
		return rc < 0 ? why : 0;
	psm__batch_enlist(s, h, &b, 0);
	note_adopted(s, h);
	return 0;
}

/* The number in "stream.N", or -1. */
static int
stream_number(const char *name)
{
	unsigned n;
	char rest;

	if (sscanf(name, "stream.%u%c", &n, &rest) != 1 ||
	    n >= PSM__STREAMS_MAX)
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

int
psm__adopt_all(struct psm__spool *s, int parentfd, unsigned own)
{
	DIR *dir = list_names(parentfd);
	struct dirent *e;
	int rc = 0, n;

	if (!dir)
		return errno;
	while (rc == 0 && (e = readdir(dir)) != NULL) {
		n = stream_number(e->d_name);
		if (n >= 0 && (unsigned)n != own)
			rc = adopt_first(s, parentfd, (unsigned)n);
	}
	closedir(dir);
	return rc;
}

/* -- while we run -- */

static int
is_ours(const struct psm__spool *s, const char *name)
{
	const struct psm__home *h;

	for (h = s->homes; h; h = h->next)
		if (strcmp(h->name, name) == 0)
			return 1;
	return 0;
}

static int
has_segments(int dirfd)
{
	DIR *dir = list_names(dirfd);
	struct dirent *e;
	int found = 0;

	while (dir && !found && (e = readdir(dir)) != NULL)
		found = strstr(e->d_name, ".pms") != NULL;
	if (dir)
		closedir(dir);
	return found;
}

static int
is_orphan(int parentfd, const char *name)
{
	int fd = openat(parentfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int yes = fd >= 0 && has_segments(fd) && !psm__stream_locked(fd);

	if (fd >= 0)
		close(fd);
	return yes;
}

/* Since when nobody has the stream. */
static int64_t
known_since(const struct psm__spool *s, unsigned n, int64_t now_ms)
{
	for (size_t i = 0; i < s->orphan_count; i++)
		if (s->orphans[i].number == n)
			return s->orphans[i].since_ms;
	return now_ms;
}

/* One that has had nobody for long enough, by number from 1; 0: none. */
static unsigned
find_orphan(struct psm__spool *s, int64_t now_ms)
{
	struct psm__orphan seen[PSM__ORPHANS];
	DIR *dir = list_names(s->home->parentfd);
	struct dirent *e;
	unsigned ripe = 0;
	size_t count = 0;

	while (dir && count < PSM__ORPHANS && (e = readdir(dir)) != NULL) {
		int n = stream_number(e->d_name);

		if (n < 0 || is_ours(s, e->d_name) ||
		    !is_orphan(s->home->parentfd, e->d_name))
			continue;
		seen[count].number = (unsigned)n;
		seen[count].since_ms = known_since(s, (unsigned)n, now_ms);
		if (now_ms - seen[count].since_ms >= psm__adopt_after_ms)
			ripe = (unsigned)n + 1;
		count++;
	}
	if (dir)
		closedir(dir);
	memcpy(s->orphans, seen, count * sizeof(seen[0]));
	s->orphan_count = count;
	return ripe;
}

/* Whatever comes of it, it is not tried again at once. */
static void
wait_again(struct psm__spool *s, unsigned n, int64_t now_ms)
{
	for (size_t i = 0; i < s->orphan_count; i++)
		if (s->orphans[i].number == n)
			s->orphans[i].since_ms = now_ms;
}

/* What was read of our own and not handed over is read once more. 0: there is
 * something else in the ring. */
static int
put_back(struct psm__spool *s)
{
	struct psm__segment *g;
	const struct psm__rec *rec;

	pthread_mutex_lock(&s->lock);
	g = s->first;
	pthread_mutex_unlock(&s->lock);
	if (s->pass != s->head || s->pending ||
	    (s->rseg && !s->rseg->own && !s->rend))
		return 0;
	for (uint64_t token = s->head; token < s->fill; token++) {
		rec = psm__slot_record(s->slots[token & s->mask]);
		g = psm__segment_of(g, rec);
		if (!g->own)
			return 0;
	}
	for (; s->fill > s->head; s->fill--) {
		rec = psm__slot_record(s->slots[(s->fill - 1) & s->mask]);
		s->home->read_seq = le64toh(rec->seq) - 1;
		psm__spool_forget(s, s->fill - 1);
	}
	return 1;
}

/* In front, where an adopted stream is after a start, too. */
static void
adopt_now(struct psm__spool *s, unsigned n)
{
	struct psm__home *h = NULL;
	struct psm__batch b;
	int why;

	if (open_orphan(s, s->home->parentfd, n, &h, &b, &why) != 1)
		return;
	if (!fits(s, &b)) {
		give_back(h, &b);
		return;
	}
	pthread_mutex_lock(&s->lock);
	psm__batch_enlist(s, h, &b, 1);
	s->rseg = NULL;
	pthread_mutex_unlock(&s->lock);
	note_adopted(s, h);
}

void
psm__adopt_tend(struct psm__spool *s, int64_t now_ms)
{
	if (s->frozen)
		return;
	if (!s->heir && now_ms >= s->next_look_ms) {
		s->next_look_ms = now_ms + psm__adopt_after_ms / LOOKS + 1;
		s->heir = find_orphan(s, now_ms);
		s->heir_until_ms = now_ms + PAUSE_MS;
	}
	if (!s->heir)
		return;
	if (put_back(s)) {
		wait_again(s, s->heir - 1, now_ms);
		adopt_now(s, s->heir - 1);
		s->heir = 0;
	} else if (now_ms >= s->heir_until_ms) {
		s->heir = 0;
	}
}
