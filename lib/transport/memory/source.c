/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading from the memory transport. */
#include <string.h>

#include "transport/memory/memory_int.h"

static struct psm__mem_source *
source_of(struct psm__source *s)
{
	return (struct psm__mem_source *)s;
}

/* Bring a cursor that is outside its log to the earliest kept message. 1: it
 * was outside, *gap says how. @locks bus->lock held */
static int
find_gap(struct psm__mem_cursor *cur, struct psm__gap *gap)
{
	const struct psm__mem_partition *part =
	    &cur->topic->parts[cur->partition];
	int64_t first = part->next - (int64_t)part->count;

	if (cur->epoch == cur->topic->epoch && cur->position >= first &&
	    cur->position <= part->next)
		return 0;
	gap->topic = cur->topic->name;
	gap->partition = cur->partition;
	gap->from = cur->position;
	gap->to = first;
	cur->position = first;
	if (cur->epoch == cur->topic->epoch)
		return 1;
	cur->epoch = cur->topic->epoch;
	/* Recreated: offset 57 of the former topic was not due in this one. */
	if (gap->from < first)
		gap->from = first;
	/* Nothing was read of the former topic, so nothing is missed. */
	return gap->from > 0;
}

/* 1: a record. 0: none; *due is brought forward to the end of a wait. 2: no
 * record yet, *gap is to be told first. @locks bus->lock held */
static int
next_record(struct psm__mem_source *s, struct psm__record *rec, int64_t *due,
            struct psm__gap *gap)
{
	struct psm__mem_group *g = s->group;
	int64_t now = psm__mono_ms();
	size_t i;

	for (i = 0; i < g->count && !s->bus->down; i++) {
		size_t at = (s->turn + i) % g->count;
		struct psm__mem_cursor *cur = &g->cursors[at];
		struct psm__mem_message *m;

		if (cur->owner != s)
			continue;
		if (find_gap(cur, gap))
			return 2;
		if (cur->held_until_ms > now) {
			if (cur->held_until_ms < *due)
				*due = cur->held_until_ms;
			continue;
		}
		m = psm__mem_at(&cur->topic->parts[cur->partition],
		                cur->position);
		if (!m)
			continue;
		psm__mem_fill(rec, cur->topic, cur->partition, m);
		cur->position++;
		s->turn = at + 1;
		return 1;
	}
	return 0;
}

/* @locks bus->lock held, not during the callback */
static void
tell_gap(struct psm__mem_source *s, const struct psm__gap *gap)
{
	psm__source_log_gap(s->group->name, gap);
	if (!s->gap)
		return;
	pthread_mutex_unlock(&s->bus->lock);
	s->gap(gap, s->user);
	pthread_mutex_lock(&s->bus->lock);
}

static int
source_poll(struct psm__source *base, int timeout_ms, struct psm__record *rec,
            psm_error *err)
{
	struct psm__mem_source *s = source_of(base);
	int64_t deadline = psm__mono_ms() + timeout_ms;
	int rc = 0;

	(void)err; /* nothing can fail here */
	pthread_mutex_lock(&s->bus->lock);
	while (!s->woken) {
		struct psm__gap gap;
		int64_t due = deadline;

		psm__mem_follow(s);
		while ((rc = next_record(s, rec, &due, &gap)) == 2)
			tell_gap(s, &gap);
		if (rc || psm__mono_ms() >= deadline)
			break;
		if (!s->woken)
			psm__mem_wait_as_member(s->bus, due);
	}
	s->woken = 0;
	pthread_mutex_unlock(&s->bus->lock);
	return rc;
}

static int
source_serve(struct psm__source *base, psm_error *err)
{
	struct psm__mem_source *s = source_of(base);

	(void)err; /* nothing can fail here */
	pthread_mutex_lock(&s->bus->lock);
	psm__mem_follow(s);
	pthread_mutex_unlock(&s->bus->lock);
	return 0;
}

static void
source_release(struct psm__source *base, struct psm__record *rec)
{
	struct psm__mem_source *s = source_of(base);

	pthread_mutex_lock(&s->bus->lock);
	psm__mem_release(rec->handle);
	pthread_mutex_unlock(&s->bus->lock);
	memset(rec, 0, sizeof(*rec));
}

/* NULL unless the partition is ours. @locks bus->lock held */
static struct psm__mem_cursor *
find_owned(struct psm__mem_source *s, const char *topic, int32_t partition)
{
	size_t i;

	for (i = 0; i < s->group->count; i++) {
		struct psm__mem_cursor *cur = &s->group->cursors[i];

		if (cur->owner == s && cur->partition == partition &&
		    strcmp(cur->topic->name, topic) == 0)
			return cur;
	}
	return NULL;
}

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
	struct psm__mem_source *s = source_of(base);
	struct psm__mem_cursor *cur;
	int rc = 0;

	(void)wait; /* it is done at once in both cases */
	pthread_mutex_lock(&s->bus->lock);
	cur = find_owned(s, topic, partition);
	if (!cur)
		rc = not_ours(topic, partition, err);
	else if (s->bus->down)
		rc = psm__fail(err, PSM_ERR_BROKER, "the bus is down");
	else {
		cur->committed = next;
		cur->committed_epoch = cur->epoch;
	}
	pthread_mutex_unlock(&s->bus->lock);
	if (rc == 0 && s->confirmed)
		s->confirmed(topic, partition, next, s->user);
	return rc;
}

static int
source_seek(struct psm__source *base, const char *topic, int32_t partition,
            int64_t offset, psm_error *err)
{
	struct psm__mem_source *s = source_of(base);
	struct psm__mem_cursor *cur;
	int rc = 0;

	pthread_mutex_lock(&s->bus->lock);
	cur = find_owned(s, topic, partition);
	if (cur) {
		cur->position =
		    offset == PSM__EARLIEST
			? psm__mem_first(&cur->topic->parts[partition])
			: offset;
		cur->epoch = cur->topic->epoch;
	} else
		rc = not_ours(topic, partition, err);
	pthread_mutex_unlock(&s->bus->lock);
	return rc;
}

static int
source_pause(struct psm__source *base, const char *topic, int32_t partition,
             int timeout_ms, psm_error *err)
{
	struct psm__mem_source *s = source_of(base);
	struct psm__mem_cursor *cur;
	int rc = 0;

	pthread_mutex_lock(&s->bus->lock);
	cur = find_owned(s, topic, partition);
	if (cur)
		cur->held_until_ms = psm__mono_ms() + timeout_ms;
	else
		rc = not_ours(topic, partition, err);
	pthread_mutex_unlock(&s->bus->lock);
	return rc;
}

static int64_t
source_lag(struct psm__source *base)
{
	struct psm__mem_source *s = source_of(base);
	int64_t lag = 0;
	size_t i;

	pthread_mutex_lock(&s->bus->lock);
	for (i = 0; i < s->group->count; i++) {
		const struct psm__mem_cursor *cur = &s->group->cursors[i];
		int64_t next = cur->topic->parts[cur->partition].next;
		int64_t at =
		    cur->epoch == cur->topic->epoch ? cur->position : 0;

		if (cur->owner == s && next > at)
			lag += next - at;
	}
	if (!s->assigned)
		lag = -1;
	pthread_mutex_unlock(&s->bus->lock);
	return lag;
}

static int
source_connected(struct psm__source *base)
{
	struct psm__mem_source *s = source_of(base);
	int up;

	pthread_mutex_lock(&s->bus->lock);
	up = !s->bus->down;
	pthread_mutex_unlock(&s->bus->lock);
	return up;
}

static void
source_wake(struct psm__source *base)
{
	struct psm__mem_source *s = source_of(base);

	pthread_mutex_lock(&s->bus->lock);
	s->woken = 1;
	pthread_cond_broadcast(&s->bus->changed);
	pthread_mutex_unlock(&s->bus->lock);
}

static void
source_free(struct psm__mem_source *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->topic_count; i++)
		psm__free(s->topics[i]);
	psm__free(s->topics);
	if (s->bus)
		psm_transport_unref(&s->bus->base);
	psm__free(s);
}

static void
source_close(struct psm__source *base, int timeout_ms)
{
	struct psm__mem_source *s = source_of(base);

	(void)timeout_ms; /* leaving takes no time */
	pthread_mutex_lock(&s->bus->lock);
	psm__mem_leave(s);
	pthread_mutex_unlock(&s->bus->lock);
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
copy_topics(struct psm__mem_source *s, const struct psm__source_conf *conf)
{
	size_t i;

	s->topics = psm__array(conf->topic_count, sizeof(*s->topics));
	if (!s->topics)
		return PSM_ERR_NOMEM;
	for (i = 0; i < conf->topic_count; i++) {
		s->topics[i] = psm__strdup(conf->topics[i]);
		if (!s->topics[i])
			return PSM_ERR_NOMEM;
		s->topic_count++;
	}
	return 0;
}

int
psm__mem_open_source(psm_transport *t, const struct psm__source_conf *conf,
                     struct psm__source **out, psm_error *err)
{
	struct psm__mem_source *s = psm__alloc(sizeof(*s));
	int rc;

	*out = NULL;
	if (!s)
		return psm__nomem(err);
	s->base.ops = &source_ops;
	s->bus = (struct psm__bus *)psm_transport_ref(t);
	s->start_at = conf->start_at;
	s->confirmed = conf->confirmed;
	s->revoked = conf->revoked;
	s->gap = conf->gap;
	s->user = conf->user;
	rc = copy_topics(s, conf);
	if (rc == 0) {
		pthread_mutex_lock(&s->bus->lock);
		rc = psm__mem_join(s, conf->group);
		pthread_mutex_unlock(&s->bus->lock);
	}
	if (rc < 0) {
		source_free(s);
		return psm__nomem(err);
	}
	*out = &s->base;
	return 0;
}
