/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading from PostgreSQL as a member of a group: the poll loop, open and
 * close. */
#include "transport/postgres/source.h"

#include <assert.h>
#include <string.h>

/* Records in a row from one partition before the next one is asked. */
#define STREAK_MAX 50
/* An idle source asks the server this often: first, and at last. A sink of the
 * same transport wakes it at once. */
#define IDLE_MIN_MS 5
#define IDLE_MAX_MS 200
/* Hints about what was handled are written this often. */
#define COMMIT_MS 500
/* Leaving the group gets this much, whoever has no time left: a member that is
 * silent keeps its partitions for a whole lease. */
#define LEAVE_MS 1000

static struct psm__pg_source *
source_of(struct psm__source *s)
{
	return (struct psm__pg_source *)s;
}

/* -- handing out */

static int
lease_lives(const struct psm__pg_source *s)
{
	return s->joined && psm__mono_ms() < __atomic_load_n(&s->lease_until,
	                                                     __ATOMIC_ACQUIRE);
}

static void
hand_out(struct psm__pg_source *s, struct psm__pg_part *part,
         struct psm__record *rec)
{
	struct psm__pg_chunk *chunk = part->chunk;

	*rec = chunk->records[part->at++];
	chunk->refs++;
	part->position = rec->offset + 1;
	if (part->at == chunk->count)
		psm__pg_forget(part);
	if (__atomic_load_n(&s->lag, __ATOMIC_RELAXED) > 0)
		(void)__atomic_sub_fetch(&s->lag, 1, __ATOMIC_RELAXED);
	s->streak++;
}

/* 1: a record. 0: none; *due is brought forward to the end of a wait. */
static int
next_record(struct psm__pg_source *s, struct psm__record *rec, int64_t *due)
{
	int64_t now = psm__mono_ms();
	size_t i;

	if (!lease_lives(s))
		return 0;
	if (s->streak >= STREAK_MAX) {
		s->turn++;
		s->streak = 0;
	}
	for (i = 0; i < s->part_count; i++) {
		struct psm__pg_part *part = s->parts[s->turn % s->part_count];

		if (part->held_until_ms > now) {
			if (part->held_until_ms < *due)
				*due = part->held_until_ms;
		} else if (part->chunk) {
			hand_out(s, part, rec);
			return 1;
		}
		s->turn++;
		s->streak = 0;
	}
	return 0;
}

/* -- serving */

static int
write_hints(struct psm__pg_source *s, psm_error *err)
{
	int rc;

	s->commit_at_ms = 0;
	rc = psm__pg_flush(s, err);
	psm__pg_tell_confirmed(s);
	if (rc == PSM_ERR_FENCED) {
		psm__error_clear(err);
		rc = 0;
	}
	return rc == 0 ? psm__pg_linked(s, err) : rc;
}

/* What is due beside reading. 0: the connection is there. Else why not. */
static int
serve(struct psm__pg_source *s, psm_error *err)
{
	int64_t now = psm__mono_ms();
	int rc = 0;

	if (s->commit_at_ms > 0 && now >= s->commit_at_ms)
		rc = write_hints(s, err);
	if (rc == 0 && (now >= s->follow_at_ms || !lease_lives(s) ||
	                __atomic_load_n(&s->follow, __ATOMIC_ACQUIRE)))
		rc = psm__pg_follow(s, err);
	if (rc == 0)
		psm__pg_expire(s->pg, &s->link, &s->expire_at_ms);
	return rc;
}

/* 1: a sink of ours wrote since we read. */
static int
news(struct psm__pg_source *s)
{
	int rc;

	(void)pthread_mutex_lock(&s->pg->lock);
	rc = s->pg->written != s->seen;
	s->seen = s->pg->written;
	(void)pthread_mutex_unlock(&s->pg->lock);
	return rc;
}

/* 1: something was read. 0: nothing, or it is not time. */
static int
fetch(struct psm__pg_source *s, psm_error *err)
{
	int rc;

	if (!news(s) && psm__mono_ms() < s->read_at_ms)
		return 0;
	rc = psm__pg_fetch(s, err);
	if (rc >= 0)
		psm__pg_worked(&s->link);
	psm__pg_tell_gaps(s);
	if (rc < 0)
		return rc;
	if (rc > 0) {
		s->idle_ms = 0;
		s->read_at_ms = 0;
		return 1;
	}
	s->idle_ms = s->idle_ms == 0 ? IDLE_MIN_MS : s->idle_ms * 2;
	if (s->idle_ms > IDLE_MAX_MS)
		s->idle_ms = IDLE_MAX_MS;
	s->read_at_ms = psm__mono_ms() + s->idle_ms;
	return 0;
}

/* As poll, without waiting; *due: when to look again. */
static int
look(struct psm__pg_source *s, struct psm__record *rec, int64_t *due,
     psm_error *err)
{
	int rc = psm__pg_connect(s->pg, &s->link, "transport source",
	                         PSM__PG_CONNECT_MS, err);
	int up = rc == 0;

	if (rc == 0)
		rc = serve(s, err);
	if (rc >= 0 && next_record(s, rec, due))
		return 1;
	if (rc == 0)
		rc = fetch(s, err);
	if (rc == 1 && up)
		return next_record(s, rec, due);
	if (rc < 0)
		psm__pg_failed(&s->link);
	if (rc == 0)
		s->told = 0;
	if (s->link.failures > 0 && s->link.retry_at_ms < *due)
		*due = s->link.retry_at_ms;
	if (s->link.failures == 0 && s->read_at_ms < *due)
		*due = s->read_at_ms;
	return rc < 0 ? rc : 0;
}

/* 0: woken by wake(). */
static int
wait_for_more(struct psm__pg_source *s, int64_t until_ms)
{
	struct psm__pg *pg = s->pg;
	int go_on;

	(void)pthread_mutex_lock(&pg->lock);
	while (!s->woken && psm__mono_ms() < until_ms &&
	       (pg->written == s->seen || s->link.failures > 0))
		psm__pg_wait(pg, until_ms);
	go_on = !s->woken;
	s->woken = 0;
	(void)pthread_mutex_unlock(&pg->lock);
	return go_on;
}

/* An outage is worth one line, not one per try. */
static int
tell(struct psm__pg_source *s, int rc, psm_error *err)
{
	if (rc >= 0 || s->told)
		return 0;
	s->told = 1;
	psm__error_copy(err, s->err);
	return rc;
}

static int
in_callback(psm_error *err)
{
	return psm__fail(err, PSM_ERR_STATE,
	                 "a callback of the source must not poll it");
}

static int
source_serve(struct psm__source *base, psm_error *err)
{
	struct psm__pg_source *s = source_of(base);
	int rc;

	if (s->telling)
		return in_callback(err);
	__atomic_store_n(&s->polled_ms, psm__mono_ms(), __ATOMIC_RELAXED);
	psm__error_clear(s->err);
	rc = psm__pg_connect(s->pg, &s->link, "transport source",
	                     PSM__PG_CONNECT_MS, s->err);
	if (rc == 0)
		rc = serve(s, s->err);
	if (rc < 0)
		psm__pg_failed(&s->link);
	return tell(s, rc, err);
}

static int
source_poll(struct psm__source *base, int timeout_ms, struct psm__record *rec,
            psm_error *err)
{
	struct psm__pg_source *s = source_of(base);
	int64_t deadline = psm__mono_ms() + timeout_ms;

	if (s->telling)
		return in_callback(err);
	__atomic_store_n(&s->polled_ms, psm__mono_ms(), __ATOMIC_RELAXED);
	for (;;) {
		int64_t due = deadline;
		int rc;

		psm__error_clear(s->err);
		rc = look(s, rec, &due, s->err);
		if (rc > 0)
			return rc;
		rc = tell(s, rc, err);
		if (rc < 0)
			return rc;
		if (!wait_for_more(s, due) || psm__mono_ms() >= deadline)
			return 0;
	}
}

static void
source_release(struct psm__source *base, struct psm__record *rec)
{
	(void)base;
	psm__pg_release(rec->handle);
	memset(rec, 0, sizeof *rec);
}

/* -- asked from outside */

static int
not_ours(const char *topic, int32_t partition, psm_error *err)
{
	return psm__fail(err, PSM_ERR_FENCED, "%s[%d] is not assigned to us",
	                 topic, (int)partition);
}

static int
source_commit(struct psm__source *base, const char *topic, int32_t partition,
              int64_t next, int wait, psm_error *err)
{
	struct psm__pg_source *s = source_of(base);
	struct psm__pg_part *part = psm__pg_part(s, topic, partition);
	int rc;

	if (!part || part->state == PSM__PG_LOST || part->state == PSM__PG_GONE)
		return not_ours(topic, partition, err);
	part->pending = next;
	if (!wait) {
		if (s->commit_at_ms == 0)
			s->commit_at_ms = psm__mono_ms() + COMMIT_MS;
		return 0;
	}
	rc = psm__pg_connect(s->pg, &s->link, "transport source",
	                     PSM__PG_CONNECT_MS, err);
	if (rc > 0)
		return psm__fail(err, PSM_ERR_BROKER,
		                 "the database is not reachable");
	if (rc == 0) {
		rc = psm__pg_flush(s, err);
		if (rc < 0 && rc != PSM_ERR_FENCED)
			psm__pg_failed(&s->link);
		psm__pg_tell_confirmed(s);
	}
	return rc;
}

static int
source_seek(struct psm__source *base, const char *topic, int32_t partition,
            int64_t offset, psm_error *err)
{
	struct psm__pg_source *s = source_of(base);
	struct psm__pg_part *part = psm__pg_part(s, topic, partition);

	if (!part)
		return not_ours(topic, partition, err);
	psm__pg_forget(part);
	part->position = offset >= 0 ? offset : -1;
	s->read_at_ms = 0;
	psm__pg_count_lag(s);
	return 0;
}

static int
source_pause(struct psm__source *base, const char *topic, int32_t partition,
             int timeout_ms, psm_error *err)
{
	struct psm__pg_source *s = source_of(base);
	struct psm__pg_part *part = psm__pg_part(s, topic, partition);

	if (!part)
		return not_ours(topic, partition, err);
	part->held_until_ms = timeout_ms > 0 ? psm__mono_ms() + timeout_ms : 0;
	s->read_at_ms = 0;
	return 0;
}

static int64_t
source_lag(struct psm__source *base)
{
	return __atomic_load_n(&source_of(base)->lag, __ATOMIC_RELAXED);
}

static int
source_connected(struct psm__source *base)
{
	return __atomic_load_n(&source_of(base)->link.up, __ATOMIC_ACQUIRE);
}

static void
source_wake(struct psm__source *base)
{
	struct psm__pg_source *s = source_of(base);

	(void)pthread_mutex_lock(&s->pg->lock);
	s->woken = 1;
	(void)pthread_cond_broadcast(&s->pg->changed);
	(void)pthread_mutex_unlock(&s->pg->lock);
}

/* -- life */

static void
source_free(struct psm__pg_source *s)
{
	size_t i;

	psm__pg_drop_parts(s);
	psm__free(s->parts);
	for (i = 0; i < s->topic_count; i++)
		psm__free(s->topics[i]);
	psm__free(s->topics);
	psm__free(s->incarnation);
	psm__free(s->group);
	psm_error_free(s->err);
	psm__pg_disconnect(&s->link);
	if (s->pg)
		psm_transport_unref(&s->pg->base);
	psm__free(s);
}

static void
source_close(struct psm__source *base, int timeout_ms)
{
	struct psm__pg_source *s = source_of(base);

	assert(!s->telling);
	psm__pg_unkeep(s->pg, s);
	if (s->link.conn)
		psm__conn_limits(s->link.conn,
		                 timeout_ms > LEAVE_MS ? timeout_ms : LEAVE_MS,
		                 NULL);
	psm__pg_leave(s);
	source_free(s);
}

static const struct psm__source_ops source_ops = {
    .poll = source_poll,
    .serve = source_serve,
    .release = source_release,
    .commit = source_commit,
    .seek = source_seek,
    .pause = source_pause,
    .lag = source_lag,
    .connected = source_connected,
    .wake = source_wake,
    .close = source_close,
};

static int
copy_conf(struct psm__pg_source *s, const struct psm__source_conf *conf,
          psm_error *err)
{
	size_t i;

	s->conf = *conf;
	s->conf.group = NULL; /* the caller's */
	s->conf.topics = NULL;
	s->err = psm_error_new();
	s->group = psm__strdup(conf->group);
	s->topics = psm__array(conf->topic_count, sizeof *s->topics);
	s->incarnation = psm__array(conf->topic_count, sizeof *s->incarnation);
	if (!s->err || !s->group || !s->topics || !s->incarnation ||
	    psm_uuid_new(s->member, sizeof s->member) < 0)
		return psm__nomem(err);
	for (i = 0; i < conf->topic_count; i++) {
		if (!psm__is_topic(conf->topics[i]))
			return psm__fail(err, PSM_ERR_INVAL,
			                 "topic: want " PSM__WANT_TOPIC);
		s->topics[i] = psm__strdup(conf->topics[i]);
		if (!s->topics[i])
			return psm__nomem(err);
		s->topic_count++;
	}
	return 0;
}

int
psm__pg_open_source(psm_transport *t, const struct psm__source_conf *conf,
                    struct psm__source **out, psm_error *err)
{
	struct psm__pg_source *s = psm__alloc(sizeof *s);
	int rc;

	*out = NULL;
	if (!s)
		return psm__nomem(err);
	s->base.ops = &source_ops;
	s->lag = s->generation = -1;
	s->polled_ms = psm__mono_ms();
	rc = copy_conf(s, conf, err);
	if (rc == 0) {
		s->pg = (struct psm__pg *)psm_transport_ref(t);
		rc = psm__pg_keep(s->pg, s, err);
	}
	if (rc < 0) {
		source_free(s);
		return rc;
	}
	*out = &s->base;
	return 0;
}
