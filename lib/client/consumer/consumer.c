/* SPDX-License-Identifier: BSD-2-Clause */
/* The consumer: set-up, who may read, the end. */
#include <stdio.h>
#include <string.h>

#include "client/consumer/consumer_int.h"

/* What psm_consumer_free() takes for dead letters on the way and for the group.
 */
#define FREE_MS 3000

/* How long messages may wait while none comes. */
#define STALL_MS 10000

/* -- set-up */

static void
consumer_destroy(psm_consumer *c)
{
	size_t i;

	for (i = 0; i < c->topic_count; i++)
		psm__free(c->topics[i]);
	psm__free(c->topics);
	psm__free(c->parts);
	psm__memo_forget_all(c);
	psm__dispatch_free(&c->dispatch);
	psm_error_free(c->err);
	psm_transport_unref(c->t);
	psm__free(c->group);
	pthread_cond_destroy(&c->idle);
	pthread_mutex_destroy(&c->lock);
	psm__free(c);
}

int
psm_consumer_new(psm_transport *t, const psm_config *cfg, const char *group,
                 psm_consumer **out, psm_error *err)
{
	psm_consumer *c;

	psm__error_clear(err);
	if (out)
		*out = NULL;
	if (!t || !cfg || !out)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "t, cfg and out: want pointers");
	if (!psm__is_topic(group))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "group: want " PSM__WANT_TOPIC);
	c = psm__alloc(sizeof(*c));
	if (!c)
		return psm__nomem(err);
	if (psm__cond_init(&c->idle) < 0) {
		psm__free(c);
		return psm__nomem(err);
	}
	pthread_mutex_init(&c->lock, NULL);
	c->t = psm_transport_ref(t);
	c->group = psm__strdup(group);
	c->err = psm_error_new();
	c->dice = (uint64_t)psm__mono_us() ^ (uintptr_t)c;
	c->dice |= 1;
	c->stall_ms = STALL_MS;
	c->dead_letters = psm_config_bool(cfg, "PSYMATCH_DEAD_LETTER_TOPIC");
	if (!c->group || !c->err || psm__consumer_counts(c) < 0) {
		consumer_destroy(c);
		return psm__nomem(err);
	}
	*out = c;
	return 0;
}

static int
want_new(psm_consumer *c, psm_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	if (c->state != PSM__C_NEW)
		rc = psm__fail(err, PSM_ERR_STATE,
		               "the consumer was started already");
	pthread_mutex_unlock(&c->lock);
	return rc;
}

int
psm_consumer_subscribe(psm_consumer *c, const char *topic, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!c || !psm__is_topic(topic))
		return psm__fail(
		    err, PSM_ERR_INVAL,
		    "c: want a consumer; topic: want " PSM__WANT_TOPIC);
	rc = want_new(c, err);
	if (rc < 0)
		return rc;
	return psm__consumer_add_topic(c, topic, err);
}

int
psm_consumer_on(psm_consumer *c, const char *type, psm_event_fn fn, void *user,
                psm_error *err)
{
	return psm_consumer_on_with(c, type, NULL, fn, user, err);
}

int
psm_consumer_on_with(psm_consumer *c, const char *type,
                     const psm_handler_options *options, psm_event_fn fn,
                     void *user, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!c || !type || !fn)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "c, type and fn: want pointers");
	if (options && options->on_failure == PSM_ON_FAILURE_PARK)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "options: a consumer cannot park, it has no "
		                 "database: use a processor");
	rc = want_new(c, err);
	if (rc < 0)
		return rc;
	return psm__dispatch_add(&c->dispatch, type, options,
	                         (void (*)(void))fn, user, err);
}

/* A handler that parks needs a database. */
static int
may_park(const struct psm__dispatch *d)
{
	size_t i;

	for (i = 0; i < d->count; i++)
		if (d->handlers[i].options.on_failure == PSM_ON_FAILURE_PARK)
			return 1;
	return 0;
}

int
psm_consumer_handlers(psm_consumer *c, const psm_handlers *hs, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!c || !hs || may_park(&hs->plain))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "c and hs: want pointers, and no handler that "
		                 "parks: a consumer has no database");
	rc = want_new(c, err);
	return rc < 0 ? rc
	              : psm__dispatch_add_all(&c->dispatch, &hs->plain, err);
}

int
psm_consumer_upcast(psm_consumer *c, const char *type, const char *from_version,
                    const char *to_version, psm_upcast_fn fn, void *user,
                    psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!c || !type || !from_version || !to_version || !fn)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "c, type, from_version, to_version and fn: "
		                 "want pointers");
	rc = want_new(c, err);
	if (rc < 0)
		return rc;
	return psm__dispatch_add_upcaster(&c->dispatch, type, from_version,
	                                  to_version, fn, user, err);
}

int
psm_consumer_on_dead(psm_consumer *c, psm_dead_fn fn, void *user)
{
	if (!c)
		return PSM_ERR_INVAL;
	if (want_new(c, NULL) < 0)
		return PSM_ERR_STATE;
	c->dead_fn = fn;
	c->dead_user = user;
	return 0;
}

int
psm_consumer_dead_letters(psm_consumer *c, int on)
{
	if (!c || on < 0 || on > 1)
		return PSM_ERR_INVAL;
	if (want_new(c, NULL) < 0)
		return PSM_ERR_STATE;
	c->dead_letters = on;
	return 0;
}

/* -- reading */

int
psm_consumer_poll(psm_consumer *c, int timeout_ms, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!c || timeout_ms < 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "c: want a consumer; timeout_ms: want 0 or "
		                 "more");
	rc = psm__consumer_enter(c, PSM__C_POLLING, err);
	if (rc < 0)
		return rc;
	rc = psm__consumer_open(c, err);
	if (rc < 0) { /* of the first poll: later ones find it open */
		psm__consumer_leave(c, PSM__C_NEW);
		return rc;
	}
	rc = psm__consumer_round(c, timeout_ms);
	psm__consumer_leave(c, PSM__C_POLLED);
	return rc;
}

int
psm_consumer_start(psm_consumer *c, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!c)
		return psm__fail(err, PSM_ERR_INVAL, "c: want a consumer");
	rc = psm__consumer_enter(c, PSM__C_OPENING, err);
	if (rc < 0)
		return rc;
	rc = psm__consumer_open(c, err);
	if (rc == 0)
		return psm__consumer_launch(c, psm__consumer_run, err);
	psm__consumer_leave(c, PSM__C_NEW);
	return rc;
}

/* -- the end */

static int
called_from_handler(psm_consumer *c)
{
	int yes;

	pthread_mutex_lock(&c->lock);
	yes =
	    psm__consumer_is_busy(c) && pthread_equal(c->owner, pthread_self());
	pthread_mutex_unlock(&c->lock);
	return yes;
}

/* Nobody else is in the loop any more. */
static int
finish(psm_consumer *c, int64_t deadline_ms, psm_error *err)
{
	struct psm__source *s = c->source;
	int64_t left;
	int rc = 0;

	if (c->joinable)
		pthread_join(c->thread, NULL);
	c->joinable = 0;
	if (s) {
		/* Without a broker no answer would come. */
		rc = psm__cpart_commit(c, s->ops->connected(s), err);
		psm__consumer_drop_odd(c);
		psm__cpart_drop_all(c);
		left = deadline_ms - psm__mono_ms();
		psm__dlq_close(c, left > 0 ? (int)left : 0);
		pthread_mutex_lock(&c->lock);
		c->source = NULL;
		pthread_mutex_unlock(&c->lock);
		left = deadline_ms - psm__mono_ms();
		s->ops->close(s, left > 0 ? (int)left : 0);
	}
	if (c->state == PSM__C_STOPPED)
		psm__consumer_leave(c, PSM__C_CLOSED);
	return rc;
}

static int
close_within(psm_consumer *c, int timeout_ms, psm_error *err)
{
	int64_t deadline = psm__mono_ms() + timeout_ms;
	int rc = psm__consumer_stop(c, timeout_ms, err);

	return rc < 0 ? rc : finish(c, deadline, err);
}

int
psm_consumer_close(psm_consumer *c, int timeout_ms, psm_error *err)
{
	psm__error_clear(err);
	if (!c || timeout_ms < 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "c: want a consumer; timeout_ms: want 0 or "
		                 "more");
	if (called_from_handler(c))
		return psm__fail(err, PSM_ERR_STATE,
		                 "a handler cannot close its consumer");
	return close_within(c, timeout_ms, err);
}

void
psm_consumer_free(psm_consumer *c)
{
	if (!c)
		return;
	if (called_from_handler(c)) {
		psm__log(PSM_LOG_ERROR,
		         "a handler tried to free its consumer: kept", "group",
		         c->group, NULL);
		return;
	}
	/* A handler that runs uses c: there is no safe way but to wait. */
	(void)psm__consumer_stop(c, -1, NULL);
	(void)finish(c, psm__mono_ms() + FREE_MS, NULL);
	consumer_destroy(c);
}
