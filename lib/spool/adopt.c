/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What dead processes left, in streams that nobody appends to any more. The
 * order of a key holds when it has one owner at a time, the next of which
 * starts after the one before has ended, because
 *  - numbers of streams rise from one start to the next, and what was left is
 *    taken over in the order of the numbers: a stream only when none with a
 *    lower number is still in the hands of another process;
 *  - who starts takes over what nobody has, and sends nothing of its own before
 *    the rest, which others have, is sent, too. When one of these dies in
 *    between, it goes on with its streams.
 * Waiting always is for a lower number, so there is no circle. Who runs looks
 * now and then for streams of processes that died later, and waits a while: the
 * dead one's successor would take them first.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "spool/spool_int.h"

/* A service that is restarted by its supervisor is back before. */
int psm__adopt_after_ms = 30000;

/* Looks at the directory for each time that is waited. */
#define LOOKS_PER_WAIT 6
/* So long nothing new is handed over, so that a stream can be put in front. */
#define PAUSE_MS 1000
/* Between two looks at a stream that we wait for. */
#define AWAIT_MS 100

/* A stream directory without a live owner, which no process has adopted. */
struct abandoned {
	unsigned number;
	int64_t since_ms; /* seen so */
};
#define ABANDONED_MAX 16

/* The reader's. */
struct psm__adoption {
	struct abandoned abandoned[ABANDONED_MAX];
	size_t abandoned_count;
	unsigned to_adopt; /* 1 + number of a stream to take over, or 0 */
	int64_t until_ms, next_look_ms;
	/* Numbers of streams, rising. While there are any, nothing of our own
	 * is read. The first counts: it is sent before the others. */
	unsigned *awaits;
	size_t await_count, await_cap;
	int64_t next_await_ms;
	/* __atomic: for whoever asks. */
	uint64_t adopted;
	unsigned awaited; /* 1 + the first of awaits, or 0 */
	long await_pid;
	int await_errno;
};

int
psm__adoption_new(struct psm__spool *s)
{
	s->adoption = psm__alloc(sizeof(*s->adoption));
	return s->adoption ? 0 : PSM_ERR_NOMEM;
}

void
psm__adoption_free(struct psm__spool *s)
{
	if (s->adoption)
		psm__free(s->adoption->awaits);
	psm__free(s->adoption);
	s->adoption = NULL;
}

static void
set_to_adopt(struct psm__spool *s, unsigned to_adopt)
{
	s->adoption->to_adopt = to_adopt;
	psm__ring_pause(s, to_adopt != 0);
}

void
psm__adopt_stop(struct psm__spool *s)
{
	set_to_adopt(s, 0);
}

void
psm__adopt_soon(struct psm__spool *s)
{
	s->adoption->next_await_ms = s->adoption->next_look_ms = 0;
}

void
psm__adopt_numbers(struct psm__spool *s, struct psm__spool_numbers *n)
{
	const struct psm__adoption *a = s->adoption;

	n->adopted = __atomic_load_n(&a->adopted, __ATOMIC_RELAXED);
	n->awaited = __atomic_load_n(&a->awaited, __ATOMIC_RELAXED);
	n->await_pid = __atomic_load_n(&a->await_pid, __ATOMIC_RELAXED);
	n->await_errno = __atomic_load_n(&a->await_errno, __ATOMIC_RELAXED);
}

/* -- one stream -- */

/* Too much for the limit: not now. */
static int
fits(struct psm__spool *s, const struct psm__batch *b)
{
	int yes;

	pthread_mutex_lock(&s->lock);
	yes = psm__queue_bytes(s) <= 0 ||
	      psm__queue_bytes(s) + b->bytes <= s->conf.max_bytes;
	pthread_mutex_unlock(&s->lock);
	return yes;
}

static void
give_back(struct psm__stream_dir *sd, struct psm__batch *b)
{
	while (b->first) {
		struct psm__segment *g = b->first;

		b->first = g->next;
		psm__segment_free(g);
	}
	psm__stream_dir_leave(sd, 0);
}

static void
note_adopted(struct psm__spool *s, const struct psm__stream_dir *sd)
{
	__atomic_add_fetch(&s->adoption->adopted, 1, __ATOMIC_RELAXED);
	psm__log(PSM_LOG_INFO, "the spool of a dead process is taken over",
	         "directory", sd->path, NULL);
}

/* 1: *sd has something, in *b. 0: it has nothing, is another's, or cannot be
 * read now. -1: no memory, or a key is missing. */
static int
open_abandoned(struct psm__spool *s, int parentfd, unsigned n,
               struct psm__stream_dir **sd, struct psm__batch *b, int *why)
{
	int rc = psm__stream_dir_take(s->dir, parentfd, n, 0, sd);

	*why = rc == -ENOMEM ? ENOMEM : 0;
	if (rc != 1)
		return rc == -ENOMEM ? -1 : 0;
	*why = psm__stream_dir_load(s, *sd, b);
	if (*why == 0 && b->first)
		return 1;
	if (*why != 0)
		psm__log(PSM_LOG_WARN,
		         "the spool of a dead process cannot be taken over now",
		         "directory", (*sd)->path, "why", strerror(*why), NULL);
	psm__stream_dir_leave(*sd, *why == 0);
	return *why == ENOMEM || *why == ENOKEY ? -1 : 0;
}

/* -- at the start -- */

/* 1: it is ours now. 0: it has nothing, or others have it. Else an errno,
 * negated. */
static int
adopt_first(struct psm__spool *s, int parentfd, unsigned n)
{
	struct psm__stream_dir *sd = NULL;
	struct psm__batch b = {0};
	int why, rc = open_abandoned(s, parentfd, n, &sd, &b, &why);

	/* What is put aside there still wants somebody to look at it. */
	if (rc == 0)
		psm__damage_add(&s->damage, 0, b.quarantined);
	if (rc != 1)
		return rc < 0 ? -why : 0;
	psm__queue_enlist(s, sd, &b);
	note_adopted(s, sd);
	return 1;
}

/* Whom our own events wait for; for everybody to see. */
static void
note_awaited(struct psm__spool *s, long pid, int why)
{
	__atomic_store_n(&s->adoption->awaited,
	                 s->adoption->await_count ? s->adoption->awaits[0] + 1
	                                          : 0,
	                 __ATOMIC_RELAXED);
	__atomic_store_n(&s->adoption->await_pid, pid, __ATOMIC_RELAXED);
	__atomic_store_n(&s->adoption->await_errno, why, __ATOMIC_RELAXED);
}

/* Of streams with rising numbers. 0 or an errno. */
static int
take_or_await(struct psm__spool *s, int parentfd, unsigned n)
{
	long pid = 0;
	int rc = s->adoption->await_count ? 0 : adopt_first(s, parentfd, n);

	if (rc != 0)
		return rc < 0 ? -rc : 0;
	if (psm__stream_look(parentfd, n, &pid) == PSM__STREAM_NOTHING)
		return 0;
	if (psm__grow(&s->adoption->awaits, &s->adoption->await_cap,
	              s->adoption->await_count + 1,
	              sizeof(*s->adoption->awaits)) < 0)
		return ENOMEM;
	s->adoption->awaits[s->adoption->await_count++] = n;
	psm__reader_hold_own(s, 1);
	if (s->adoption->await_count == 1)
		note_awaited(s, pid, 0);
	return 0;
}

int
psm__adopt_all(struct psm__spool *s, int parentfd, unsigned own)
{
	struct psm__streams all = {0};
	int rc = psm__streams_list(parentfd, &all);

	s->adoption->await_count = 0;
	psm__reader_hold_own(s, 0);
	for (size_t i = 0; rc == 0 && i < all.count; i++)
		if (all.list[i] != own)
			rc = take_or_await(s, parentfd, all.list[i]);
	psm__free(all.list);
	if (rc == 0 && s->adoption->await_count)
		psm__log(PSM_LOG_WARN,
		         "another process sends what was left in the spool: "
		         "this one waits for it",
		         "directory", s->dir, NULL);
	return rc;
}

/* -- while our own events wait -- */

/* Nothing of our own was read yet. 1: it was taken over. */
static int
adopt_awaited(struct psm__spool *s, unsigned n)
{
	struct psm__stream_dir *sd = NULL;
	struct psm__batch b;
	int why,
	    rc = open_abandoned(s, s->own_stream->parentfd, n, &sd, &b, &why);

	if (rc != 1) {
		note_awaited(s, 0, why);
		if (why != 0)
			s->adoption->next_await_ms +=
			    psm__adopt_after_ms / LOOKS_PER_WAIT;
		return 0;
	}
	pthread_mutex_lock(&s->lock);
	psm__queue_enlist(s, sd, &b);
	pthread_mutex_unlock(&s->lock);
	if (psm__reader_segment(s) &&
	    psm__reader_segment(s)->stream == s->own_stream)
		psm__reader_leave(s);
	note_adopted(s, sd);
	return 1;
}

static void
await_tend(struct psm__spool *s, int64_t now_ms)
{
	if (now_ms < s->adoption->next_await_ms)
		return;
	s->adoption->next_await_ms = now_ms + AWAIT_MS;
	while (s->adoption->await_count > 0) {
		unsigned n = s->adoption->awaits[0];
		long pid = 0;
		enum psm__stream_is is =
		    psm__stream_look(s->own_stream->parentfd, n, &pid);

		note_awaited(s, pid, 0);
		if (is == PSM__STREAM_HELD ||
		    (is == PSM__STREAM_ABANDONED && !adopt_awaited(s, n)))
			return;
		s->adoption->await_count--;
		memmove(s->adoption->awaits, s->adoption->awaits + 1,
		        s->adoption->await_count *
		            sizeof(*s->adoption->awaits));
	}
	psm__reader_hold_own(s, 0);
	note_awaited(s, 0, 0);
	psm__log(PSM_LOG_INFO, "nothing older is left in the spool",
	         "directory", s->dir, NULL);
}

/* -- while we run -- */

static int
is_ours(const struct psm__spool *s, unsigned n)
{
	const struct psm__stream_dir *sd;
	char name[32];

	snprintf(name, sizeof(name), "stream.%u", n);
	for (sd = s->streams; sd; sd = sd->next)
		if (strcmp(sd->name, name) == 0)
			return 1;
	return 0;
}

/* Since when nobody has the stream. */
static int64_t
known_since(const struct psm__spool *s, unsigned n, int64_t now_ms)
{
	for (size_t i = 0; i < s->adoption->abandoned_count; i++)
		if (s->adoption->abandoned[i].number == n)
			return s->adoption->abandoned[i].since_ms;
	return now_ms;
}

/* Notes since when nobody has which. The first of all that were left, by number
 * from 1, if it is one that has had nobody for long enough; 0: not now. */
static unsigned
look_around(struct psm__spool *s, const struct psm__streams *all,
            int64_t now_ms)
{
	struct abandoned seen[ABANDONED_MAX];
	unsigned due = 0;
	size_t count = 0;
	int first = 1;

	for (size_t i = 0; i < all->count && count < ABANDONED_MAX; i++) {
		unsigned n = all->list[i];
		enum psm__stream_is is;
		long pid;

		if (is_ours(s, n))
			continue;
		is = psm__stream_look(s->own_stream->parentfd, n, &pid);
		if (is == PSM__STREAM_ABANDONED) {
			int64_t since = known_since(s, n, now_ms);

			seen[count++] = (struct abandoned){n, since};
			if (first && now_ms - since >= psm__adopt_after_ms)
				due = n + 1;
		}
		first = first && is == PSM__STREAM_NOTHING;
	}
	memcpy(s->adoption->abandoned, seen, count * sizeof(seen[0]));
	s->adoption->abandoned_count = count;
	return due;
}

static unsigned
find_abandoned(struct psm__spool *s, int64_t now_ms)
{
	struct psm__streams all = {0};
	unsigned due = 0;

	if (psm__streams_list(s->own_stream->parentfd, &all) == 0)
		due = look_around(s, &all, now_ms);
	psm__free(all.list);
	return due;
}

/* Whatever comes of it, it is not tried again at once. */
static void
wait_again(struct psm__spool *s, unsigned n, int64_t now_ms)
{
	for (size_t i = 0; i < s->adoption->abandoned_count; i++)
		if (s->adoption->abandoned[i].number == n)
			s->adoption->abandoned[i].since_ms = now_ms;
}

/* In front of our own, where an adopted stream is after a start, too. */
static void
adopt_now(struct psm__spool *s, unsigned n)
{
	struct psm__stream_dir *sd = NULL;
	struct psm__batch b;
	int why;

	if (open_abandoned(s, s->own_stream->parentfd, n, &sd, &b, &why) != 1)
		return;
	if (!fits(s, &b)) {
		give_back(sd, &b);
		return;
	}
	pthread_mutex_lock(&s->lock);
	psm__queue_enlist(s, sd, &b);
	pthread_mutex_unlock(&s->lock);
	note_adopted(s, sd);
}

void
psm__adopt_tend(struct psm__spool *s, int64_t now_ms)
{
	if (s->frozen)
		return;
	if (s->adoption->await_count) {
		await_tend(s, now_ms);
		return;
	}
	if (!s->adoption->to_adopt && now_ms >= s->adoption->next_look_ms) {
		s->adoption->next_look_ms =
		    now_ms + psm__adopt_after_ms / LOOKS_PER_WAIT + 1;
		set_to_adopt(s, find_abandoned(s, now_ms));
		s->adoption->until_ms = now_ms + PAUSE_MS;
	}
	if (!s->adoption->to_adopt)
		return;
	if (psm__ring_put_back(s)) {
		wait_again(s, s->adoption->to_adopt - 1, now_ms);
		adopt_now(s, s->adoption->to_adopt - 1);
		set_to_adopt(s, 0);
	} else if (now_ms >= s->adoption->until_ms) {
		set_to_adopt(s, 0);
	}
}
