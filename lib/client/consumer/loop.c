/* SPDX-License-Identifier: BSD-2-Clause */
/* The poll loop of a consumer. Everything here: @thread the busy one. */
#include <stdio.h>
#include <string.h>

#include "client/consumer/consumer_int.h"

/* Offsets are committed this often while events come. */
#define COMMIT_MS 1000
/* One call of poll gives control back after so many records. */
#define POLL_MAX 500
/* How long the consumer's thread waits for a record; wake() ends it. */
#define LOOP_MS 1000
/* Between two tries to get memory. */
#define MEMORY_MS 100
/* How long a source that failed may take to leave the group; if it does not, its
 * partitions are assigned after the session's timeout. */
#define LEAVE_MS 1000

void
psm__consumer_drop_odd(psm_consumer *c)
{
	if (c->has_odd)
		c->source->ops->release(c->source, &c->odd);
	c->has_odd = 0;
}

static void
on_revoked(const char *topic, int32_t partition, void *user)
{
	psm_consumer *c = user;
	struct psm__cpart *part = psm__cpart_get(c, topic, partition);

	if (c->has_odd && c->odd.partition == partition &&
	    strcmp(c->odd.topic, topic) == 0)
		psm__consumer_drop_odd(c);
	/* The last chance to say what is finished; when it fails, the next
	 * owner handles some events again. */
	if (part) {
		(void)psm__cpart_commit_one(c, part, 1, NULL);
		psm__memo_remember(c, part);
	}
	psm__cpart_drop(c, topic, partition);
}

static int64_t
start_at(const char *topic, int32_t partition, int64_t committed,
         int64_t incarnation, void *user)
{
	return psm__memo_recall(user, topic, partition, committed, incarnation);
}

static void
confirmed(const char *topic, int32_t partition, int64_t next, void *user)
{
	psm__cpart_confirmed(user, topic, partition, next);
}

static int
open_source(psm_consumer *c, struct psm__source **out, psm_error *err)
{
	struct psm__source_conf conf = {
	    .group = c->group,
	    .topics = (const char *const *)c->topics,
	    .topic_count = c->topic_count,
	    .start_at = start_at,
	    .confirmed = confirmed,
	    .revoked = on_revoked,
	    .gap = psm__consumer_gap,
	    .user = c,
	};

	return c->t->ops->open_source(c->t, &conf, out, err);
}

static void
set_source(psm_consumer *c, struct psm__source *s)
{
	pthread_mutex_lock(&c->lock);
	c->source = s;
	c->connected_ms = psm__mono_ms();
	pthread_mutex_unlock(&c->lock);
}

int
psm__consumer_add_topic(psm_consumer *c, const char *topic, psm_error *err)
{
	size_t i;

	for (i = 0; i < c->topic_count; i++)
		if (strcmp(c->topics[i], topic) == 0)
			return 0;
	if (psm__grow(&c->topics, &c->topic_cap, c->topic_count + 1,
	              sizeof(char *)) < 0)
		return psm__nomem(err);
	c->topics[c->topic_count] = psm__strdup(topic);
	if (!c->topics[c->topic_count])
		return psm__nomem(err);
	c->topic_count++;
	return 0;
}

/* Without a topic of the program's choice: those of the handlers. */
static int
add_topics(psm_consumer *c, psm_error *err)
{
	const char *topic;
	size_t i;
	int rc = 0;

	if (c->topic_count > 0)
		return 0;
	for (i = 0;
	     rc == 0 && (topic = psm__dispatch_topic_at(&c->dispatch, i)); i++)
		if (topic[0])
			rc = psm__consumer_add_topic(c, topic, err);
	if (rc == 0 && c->topic_count == 0)
		rc = psm__fail(err, PSM_ERR_STATE,
		               "the consumer has no topic: subscribe first");
	return rc;
}

int
psm__consumer_open(psm_consumer *c, psm_error *err)
{
	struct psm__source *s = NULL;
	int rc;

	if (c->source)
		return 0;
	rc = add_topics(c, err);
	if (rc == 0)
		rc = open_source(c, &s, err);
	if (rc == 0)
		set_source(c, s);
	return rc;
}

/* Another source goes on where this one was; what waits for its next try comes
 * again. Without another one the next poll says the same again. */
static void
replace_source(psm_consumer *c)
{
	struct psm__source *dead = c->source, *s = NULL;

	if (open_source(c, &s, c->err) < 0)
		return;
	psm__consumer_drop_odd(c);
	while (c->part_count > 0) {
		struct psm__cpart *part = c->parts[0];

		psm__memo_remember(c, part);
		psm__cpart_drop(c, part->topic, part->partition);
	}
	set_source(c, s);
	dead->ops->close(dead, LEAVE_MS);
}

static void
note_failure(psm_consumer *c)
{
	const char *text = psm_error_message(c->err);

	psm__log(PSM_LOG_WARN, "reading failed", "group", c->group, "text",
	         text, NULL);
	pthread_mutex_lock(&c->lock);
	c->failed_ms = psm__mono_ms();
	c->fatal = psm_error_fatal(c->err) && !psm_error_retriable(c->err);
	snprintf(c->failure, sizeof(c->failure), "%s",
	         psm_error_public(c->err));
	pthread_mutex_unlock(&c->lock);
}

/* Does anything come of what waits? Looked at here only: while a handler takes
 * its time, nothing has to come. */
static void
look_for_progress(psm_consumer *c, int64_t now, int64_t lag)
{
	const struct psm__consumer_counts *n = &c->counts;
	int64_t progress = n->handled + n->retried + n->dead + n->skipped;
	int stalled = lag != 0 && progress == c->progress && c->retrying == 0 &&
	              __atomic_load_n(&c->assigned, __ATOMIC_RELAXED) > 0 &&
	              c->source->ops->connected(c->source);

	c->progress = progress;
	pthread_mutex_lock(&c->lock);
	if (!stalled)
		c->stalled_ms = 0;
	else if (c->stalled_ms == 0)
		c->stalled_ms = now;
	pthread_mutex_unlock(&c->lock);
}

/* Something came; from now on its handler may take its time. */
static void
end_stall(psm_consumer *c)
{
	if (c->stalled_ms == 0) /* only set by this thread */
		return;
	pthread_mutex_lock(&c->lock);
	c->stalled_ms = 0;
	pthread_mutex_unlock(&c->lock);
}

/* Once a second: commit, and look around. */
static void
housekeeping(psm_consumer *c, int64_t now)
{
	int64_t lag;

	if (now - c->commit_ms < COMMIT_MS)
		return;
	c->commit_ms = now;
	psm__error_clear(c->err);
	if (psm__cpart_commit(c, 0, c->err) < 0)
		note_failure(c);
	lag = psm_consumer_stat(c, "lag");
	look_for_progress(c, now, lag);
	psm__metric_set(c->counts.m_lag, lag);
	psm__metric_set(c->counts.m_lag_seconds,
	                psm_consumer_stat(c, "lag_seconds"));
	if (!c->source->ops->connected(c->source))
		return;
	pthread_mutex_lock(&c->lock);
	c->connected_ms = now;
	pthread_mutex_unlock(&c->lock);
}

/* A record that came from the transport. Its release follows its outcome. */
static int
take(psm_consumer *c, struct psm__record *rec)
{
	struct psm__cpart *part;

	part = psm__cpart_get(c, rec->topic, rec->partition);
	if (!part) { /* nothing may be handled before it */
		c->odd = *rec;
		c->has_odd = 1;
		return 0;
	}
	psm__error_clear(c->err);
	if (psm__consumer_handle(c, rec, 1) == PSM_ERR_RETRY) {
		psm__cpart_retry(c, part, rec);
		return 0;
	}
	part->next = rec->offset + 1;
	__atomic_store_n(&c->event_ms, rec->timestamp_ms, __ATOMIC_RELAXED);
	c->source->ops->release(c->source, rec);
	return 1;
}

static int
take_again(psm_consumer *c, struct psm__cpart *part)
{
	int rc;

	psm__error_clear(c->err);
	if (part->dead_letter)
		rc = psm__consumer_dead_letter(c, &part->rec, part);
	else
		rc = psm__consumer_handle(c, &part->rec,
		                          (int)part->attempts + 1);
	if (rc == PSM_ERR_RETRY) {
		psm__cpart_retry(c, part, &part->rec);
		return 0;
	}
	part->next = part->rec.offset + 1;
	__atomic_store_n(&c->event_ms, part->rec.timestamp_ms,
	                 __ATOMIC_RELAXED);
	psm__cpart_retry_done(c, part);
	return 1;
}

/* Once more, after a while. *more as below. */
static int
take_odd(psm_consumer *c, int timeout_ms, int *more)
{
	struct psm__record rec = c->odd;
	struct timespec at;
	int done;

	c->has_odd = 0;
	done = take(c, &rec);
	*more = !c->has_odd;
	if (*more)
		return done;
	(void)c->source->ops->serve(c->source, c->err);
	psm__deadline(&at, timeout_ms < MEMORY_MS ? timeout_ms : MEMORY_MS);
	pthread_mutex_lock(&c->lock);
	while (!psm__consumer_stopping(c) &&
	       pthread_cond_timedwait(&c->idle, &c->lock, &at) == 0)
		;
	pthread_mutex_unlock(&c->lock);
	return 0;
}

/* One record at most. *more is 0 when there was nothing to do. The count of
 * records finished. */
static int
step(psm_consumer *c, int timeout_ms, int *more)
{
	struct psm__cpart *due = psm__cpart_due(c, &timeout_ms);
	struct psm__record rec;
	int rc;

	*more = 1;
	if (due)
		return take_again(c, due);
	if (c->has_odd)
		return take_odd(c, timeout_ms, more);
	psm__error_clear(c->err);
	rc = c->source->ops->poll(c->source, timeout_ms, &rec, c->err);
	if (rc == 1) {
		end_stall(c);
		return take(c, &rec);
	}
	if (rc < 0)
		note_failure(c);
	if (rc < 0 && psm_error_fatal(c->err) && psm_error_retriable(c->err))
		replace_source(c);
	*more = 0;
	return 0;
}

int
psm__consumer_round(psm_consumer *c, int timeout_ms)
{
	int64_t deadline = psm__mono_ms() + timeout_ms;
	int done = 0, seen = 0, more = 1;

	while (seen < POLL_MAX && !psm__consumer_stopping(c)) {
		int64_t left = 0;

		if (done == 0) {
			left = deadline - psm__mono_ms();
			if (left < 0)
				left = 0;
		}
		done += step(c, (int)left, &more);
		seen += more;
		if (!more && (done > 0 || left == 0))
			break;
	}
	housekeeping(c, psm__mono_ms());
	return done;
}

void *
psm__consumer_run(void *arg)
{
	psm_consumer *c = arg;

	while (!psm__consumer_stopping(c))
		(void)psm__consumer_round(c, LOOP_MS);
	psm__consumer_leave(c, PSM__C_STOPPED);
	return NULL;
}
