/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leases: a member of a group that is not heard of loses its partitions. A
 * handler may take longer than a lease lasts, so a thread of the transport
 * extends those of all its sources that are polled at all.
 */
#include "transport/postgres/source.h"

#include <string.h>

/* A source that is not polled for so long is given up, as Kafka does it
 * (max.poll.interval.ms). */
#define POLL_MAX_MS 300000
/* Sources whose leases are extended by one statement. */
#define ROUND_MAX 64

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

	psm__error_clear(err);
	for (i = 0; i < r->count; i++)
		members[i] = r->members[i];
	rc = psm__pg_connect(pg, link, "transport lease", PSM__PG_CONNECT_MS,
	                     err);
	if (rc != 0)
		return;
	rc = psm__group_extend(link->conn, members, r->count, pg->lease_ms,
	                       &found, err);
	if (rc < 0) {
		psm__pg_failed(link);
		return;
	}
	psm__pg_worked(link);
	tell(pg, r, found == (int64_t)r->count);
}

/* @thread keeper */
static void *
keep(void *arg)
{
	struct psm__pg *pg = arg;
	struct psm__pg_link link = {0};
	psm_error *err = psm_error_new();
	int64_t every = pg->lease_ms / 3;
	struct timespec at;
	struct round r;

	(void)pthread_mutex_lock(&pg->lock);
	while (!pg->ending) {
		psm__deadline(&at, (int)every);
		if (pg->source_count == 0)
			(void)pthread_cond_wait(&pg->keep, &pg->lock);
		else
			(void)pthread_cond_timedwait(&pg->keep, &pg->lock, &at);
		collect(pg, &r);
		if (pg->ending || r.count == 0)
			continue;
		(void)pthread_mutex_unlock(&pg->lock);
		extend(pg, &link, &r, err);
		(void)pthread_mutex_lock(&pg->lock);
	}
	(void)pthread_mutex_unlock(&pg->lock);
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
		(void)pthread_cond_signal(&pg->keep);
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
	(void)pthread_cond_signal(&pg->keep);
	(void)pthread_mutex_unlock(&pg->lock);
	if (keeping)
		(void)pthread_join(pg->keeper, NULL);
}
