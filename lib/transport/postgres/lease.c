/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leases: a member of a group that is not heard of loses its partitions. A
 * handler may take longer than a lease lasts, so a thread of the transport
 * extends those of all its sources that are polled at all. It also listens for
 * messages that other processes append.
 */
#include "transport/postgres/source.h"

#include <string.h>

/* A source that is not polled for so long is given up, as Kafka does it
 * (max.poll.interval.ms). */
#define POLL_MAX_MS 300000
/* Sources whose leases are extended by one statement. */
#define ROUND_MAX 64
/* Without a source the thread only waits for one. */
#define IDLE_MS 60000

struct round {
	char members[ROUND_MAX][40];
	size_t count;
	int64_t asked_ms;
};

/* @locks pg->lock held */
static void
collect(struct psm__pg *pg, struct round *r)
{
	int64_t oldest = psm__mono_ms() - POLL_MAX_MS;
	size_t i;

	r->count = 0;
	for (i = 0; i < pg->source_count && r->count < ROUND_MAX; i++) {
		struct psm__pg_source *s = pg->sources[i];

		if (__atomic_load_n(&s->polled_ms, __ATOMIC_RELAXED) < oldest)
			continue;
		memcpy(r->members[r->count++], s->member, sizeof s->member);
	}
	r->asked_ms = psm__mono_ms();
}

/* The members of the round live, or some of them do not. */
static void
tell(struct psm__pg *pg, const struct round *r, int all)
{
	size_t i, k;

	(void)pthread_mutex_lock(&pg->lock);
	for (i = 0; i < pg->source_count; i++) {
		struct psm__pg_source *s = pg->sources[i];

		for (k = 0; k < r->count; k++)
			if (strcmp(r->members[k], s->member) == 0)
				break;
		if (k == r->count)
			continue;
		if (all)
			__atomic_store_n(&s->lease_until,
			                 r->asked_ms + pg->lease_ms,
			                 __ATOMIC_RELEASE);
		else
			__atomic_store_n(&s->follow, 1, __ATOMIC_RELEASE);
	}
	(void)pthread_mutex_unlock(&pg->lock);
}

static void
extend(struct psm__pg *pg, struct psm__pg_link *link, const struct round *r,
       psm_error *err)
{
	const char *members[ROUND_MAX];
	int64_t found = 0;
	size_t i;
	int rc;

	for (i = 0; i < r->count; i++)
		members[i] = r->members[i];
	rc = psm__group_extend(link->conn, members, r->count, pg->lease_ms,
	                       &found, err);
	if (rc < 0) {
		psm__pg_failed(link);
		return;
	}
	psm__pg_worked(link);
	tell(pg, r, found == (int64_t)r->count);
}

/* 0: connected, and listening. What came before that is looked for. */
static int
connect_keeper(struct psm__pg *pg, struct psm__pg_link *link, psm_error *err)
{
	int rc, fresh;

	psm__error_clear(err);
	if (link->conn && !psm__conn_usable(link->conn))
		psm__pg_disconnect(link);
	fresh = !link->conn;
	rc = psm__pg_connect(pg, link, "transport lease", PSM__PG_CONNECT_MS,
	                     err);
	if (rc != 0 || !fresh)
		return rc;
	rc = psm__conn_listen(link->conn, PSM__TOPIC_CHANNEL, err);
	if (rc < 0) {
		psm__pg_disconnect(link);
		psm__pg_failed(link);
		return rc;
	}
	psm__pg_tell_sources(pg);
	return 0;
}

/* 1: another process appended, or the connection is gone. */
static int
hear(struct psm__pg *pg, struct psm__pg_link *link)
{
	int count = link->conn ? psm__conn_heard(link->conn) : 0;

	if (count < 0)
		psm__pg_failed(link);
	if (count > 0)
		psm__pg_tell_sources(pg);
	return count != 0;
}

/* Until the next round, a wake-up, or a message of another process. */
static void
wait_round(struct psm__pg *pg, struct psm__pg_link *link, int64_t due_ms)
{
	int64_t left_ms = due_ms - psm__mono_ms();

	/* A connection that is away is tried again before that. */
	if (!link->conn && left_ms > PSM__PG_RETRY_CAP_MS)
		left_ms = PSM__PG_RETRY_CAP_MS;
	/* What came with the last answer makes the socket readable no more. */
	if (left_ms <= 0 || hear(pg, link))
		return;
	(void)psm__waker_wait(pg->waker,
	                      link->conn ? psm__conn_socket(link->conn) : -1,
	                      (int)left_ms);
	(void)hear(pg, link);
}

/* 1: there are sources; 0: none; -1: the thread ends. */
static int
is_wanted(struct psm__pg *pg)
{
	int wanted;

	(void)pthread_mutex_lock(&pg->lock);
	wanted = pg->ending ? -1 : pg->source_count > 0;
	(void)pthread_mutex_unlock(&pg->lock);
	return wanted;
}

/* @thread keeper */
static void *
keep(void *arg)
{
	struct psm__pg *pg = arg;
	struct psm__pg_link link = {0};
	psm_error *err = psm_error_new();
	int64_t every_ms = pg->lease_ms / 3;
	int64_t due_ms = psm__mono_ms() + every_ms;
	struct round r;
	int wanted;

	while ((wanted = is_wanted(pg)) >= 0) {
		if (!wanted) { /* nobody reads: no connection is kept */
			psm__pg_disconnect(&link);
			(void)psm__waker_wait(pg->waker, -1, IDLE_MS);
			continue;
		}
		if (connect_keeper(pg, &link, err) == 0 &&
		    psm__mono_ms() >= due_ms) {
			(void)pthread_mutex_lock(&pg->lock);
			collect(pg, &r);
			(void)pthread_mutex_unlock(&pg->lock);
			if (r.count > 0)
				extend(pg, &link, &r, err);
			due_ms = psm__mono_ms() + every_ms;
		}
		wait_round(pg, &link, due_ms);
	}
	psm__pg_disconnect(&link);
	psm_error_free(err);
	return NULL;
}

int
psm__pg_keep(struct psm__pg *pg, struct psm__pg_source *s, psm_error *err)
{
	int rc = 0;

	(void)pthread_mutex_lock(&pg->lock);
	if (psm__grow(&pg->sources, &pg->source_cap, pg->source_count + 1,
	              sizeof *pg->sources) < 0)
		rc = psm__nomem(err);
	if (rc == 0 && !pg->keeping)
		rc = psm__thread_start(&pg->keeper, "psm-pg-lease", keep, pg,
		                       err);
	if (rc == 0) {
		pg->keeping = 1;
		pg->sources[pg->source_count++] = s;
		psm__waker_wake(pg->waker);
	}
	(void)pthread_mutex_unlock(&pg->lock);
	return rc;
}

void
psm__pg_unkeep(struct psm__pg *pg, struct psm__pg_source *s)
{
	size_t i, kept = 0;

	(void)pthread_mutex_lock(&pg->lock);
	for (i = 0; i < pg->source_count; i++)
		if (pg->sources[i] != s)
			pg->sources[kept++] = pg->sources[i];
	pg->source_count = kept;
	(void)pthread_mutex_unlock(&pg->lock);
}

void
psm__pg_end_keeper(struct psm__pg *pg)
{
	int keeping;

	(void)pthread_mutex_lock(&pg->lock);
	pg->ending = 1;
	keeping = pg->keeping;
	psm__waker_wake(pg->waker);
	(void)pthread_mutex_unlock(&pg->lock);
	if (keeping)
		(void)pthread_join(pg->keeper, NULL);
}
