/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Adopting stream directories without a live owner, i.e. those of processes
 * that ended before all their events were sent. The order of a key is kept if
 * one process at a time sends events of the key, and the next process starts
 * after the former one has ended, because
 *  - numbers of streams rise from one start to the next, and streams are
 *    adopted in the order of their numbers: a stream only when no other process
 *    still works on a stream with a lower number;
 *  - a process that starts adopts all streams without a live owner. It sends
 *    none of its own events before those that other processes have adopted are
 *    sent, too; if one of these processes ends, it adopts their streams.
 * A process only waits for lower numbers, so processes cannot wait for each
 * other. A running process looks from time to time for streams that were
 * abandoned after its start. It adopts them after a delay, because the
 * successor of the process that ended should adopt them first.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "spool/spool_int.h"

/* By then a supervisor has restarted a service that ended. */
int psm__adopt_after_ms = 30000;

/* How often the directory is read during psm__adopt_after_ms. */
#define LOOKS_PER_WAIT 6
/* The longest time for which reading is paused before an adoption. */
#define PAUSE_MS 1000
/* Between two checks of a stream that our own events wait for. */
#define AWAIT_MS 100

/* A stream directory without a live owner, which no process has adopted. */
struct abandoned {
	unsigned number;
	int64_t since_ms; /* when it was first seen without an owner */
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
	/* __atomic: read by other threads. */
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

/* 1: its events fit below PSYMATCH_SPOOL_MAX_BYTES. */
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
	psm__log(PSM_LOG_INFO,
	         "the stream directory of an ended process is adopted",
	         "directory", sd->path, NULL);
}

/* 1: *sd has events, in *b. 0: it has none, belongs to another process, or
 * cannot be read now. -1: no memory, or a key is missing. */
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
		         "the stream directory of an ended process cannot be "
		         "adopted now",
		         "directory", (*sd)->path, "why", strerror(*why), NULL);
	psm__stream_dir_leave(*sd, *why == 0);
	return *why == ENOMEM || *why == ENOKEY ? -1 : 0;
}

/* -- at the start -- */

/* 1: it is adopted. 0: it has no events, or another process has it. Else an
 * errno, negated. */
static int
adopt_first(struct psm__spool *s, int parentfd, unsigned n)
{
	struct psm__stream_dir *sd = NULL;
	struct psm__batch b = {0};
	int why, rc = open_abandoned(s, parentfd, n, &sd, &b, &why);

	/* Files in its quarantine are reported until an operator removes
	 * them. */
	if (rc == 0)
		psm__damage_add(&s->damage, 0, b.quarantined);
	if (rc != 1)
		return rc < 0 ? -why : 0;
	psm__queue_enlist(s, sd, &b);
	note_adopted(s, sd);
	return 1;
}

/* Store which process our own events wait for, for psm__adopt_numbers(). */
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
	psm__reader_set_own_waits(s, 1);
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
	psm__reader_set_own_waits(s, 0);
	for (size_t i = 0; rc == 0 && i < all.count; i++)
		if (all.list[i] != own)
			rc = take_or_await(s, parentfd, all.list[i]);
	psm__free(all.list);
	if (rc == 0 && s->adoption->await_count)
		psm__log(
		    PSM_LOG_WARN,
		    "another process sends older events of the spool: this "
		    "one waits for it",
		    "directory", s->dir, NULL);
	return rc;
}

/* -- while our own events wait -- */

/* Nothing of our own stream was read yet. 1: it is adopted. */
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
	psm__reader_set_own_waits(s, 0);
	note_awaited(s, 0, 0);
	psm__log(PSM_LOG_INFO, "no older events are left in the spool",
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

/* Since when the stream has no live owner. */
static int64_t
known_since(const struct psm__spool *s, unsigned n, int64_t now_ms)
{
	for (size_t i = 0; i < s->adoption->abandoned_count; i++)
		if (s->adoption->abandoned[i].number == n)
			return s->adoption->abandoned[i].since_ms;
	return now_ms;
}

/* Store since when each abandoned stream has no owner. Returns 1 + the
 * number of the lowest stream with events, if it was abandoned for long
 * enough; else 0. */
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

/* The next try is after psm__adopt_after_ms, also if this one fails. */
static void
wait_again(struct psm__spool *s, unsigned n, int64_t now_ms)
{
	for (size_t i = 0; i < s->adoption->abandoned_count; i++)
		if (s->adoption->abandoned[i].number == n)
			s->adoption->abandoned[i].since_ms = now_ms;
}

/* Its segments are put in front of our own, as at a start. */
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
