/* SPDX-License-Identifier: BSD-2-Clause */
/* The states of a consumer: which one may follow, and who may read. */
#include <assert.h>

#include "client/consumer/consumer_int.h"

#define TO(s) (1u << (s))
static const struct {
	const char *name;
	unsigned may_follow;
	const char *refusal; /* why neither poll nor start can begin */
} states[PSM__N_C_STATES] = {
    [PSM__C_NEW] = {"new",
                    TO(PSM__C_OPENING) | TO(PSM__C_POLLING) |
                        TO(PSM__C_STOPPED),
                    NULL},
    [PSM__C_OPENING] = {"opening",
                        TO(PSM__C_NEW) | TO(PSM__C_RUNNING) |
                            TO(PSM__C_STOPPING),
                        "another call is reading"},
    [PSM__C_POLLING] = {"polling",
                        TO(PSM__C_NEW) | TO(PSM__C_POLLED) |
                            TO(PSM__C_STOPPING),
                        "another call is reading"},
    [PSM__C_POLLED] = {"polled", TO(PSM__C_POLLING) | TO(PSM__C_STOPPED),
                       "poll and start exclude each other"},
    [PSM__C_RUNNING] = {"running", TO(PSM__C_STOPPING),
                        "the consumer's own thread is reading"},
    [PSM__C_STOPPING] = {"stopping", TO(PSM__C_STOPPED),
                         "the consumer is closing"},
    [PSM__C_STOPPED] = {"stopped", TO(PSM__C_CLOSED),
                        "the consumer is closing"},
    [PSM__C_CLOSED] = {"closed", 0, "the consumer is closed"},
};

int
psm__consumer_may_move(enum psm__consumer_state from,
                       enum psm__consumer_state to)
{
	return (states[from].may_follow & TO(to)) != 0;
}

/* @locks c->lock held */
static void
set_state_locked(psm_consumer *c, enum psm__consumer_state to)
{
	assert(psm__consumer_may_move(c->state, to));
	__atomic_store_n(&c->state, to, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&c->idle);
}

/* Not under the lock: the log callback is the application's. Not for each call
 * of poll. */
static void
log_move(const psm_consumer *c, enum psm__consumer_state from,
         enum psm__consumer_state to)
{
	if (from != to && from != PSM__C_POLLED && to != PSM__C_POLLED)
		psm__log(PSM_LOG_DEBUG, "consumer state", "group", c->group,
		         "from", states[from].name, "to", states[to].name,
		         NULL);
}

int
psm__consumer_is_busy(const psm_consumer *c)
{
	return c->state == PSM__C_OPENING || c->state == PSM__C_POLLING ||
	       c->state == PSM__C_RUNNING || c->state == PSM__C_STOPPING;
}

int
psm__consumer_stopping(const psm_consumer *c)
{
	return __atomic_load_n(&c->state, __ATOMIC_ACQUIRE) == PSM__C_STOPPING;
}

int
psm__consumer_enter(psm_consumer *c, enum psm__consumer_state to,
                    psm_error *err)
{
	enum psm__consumer_state from;
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	from = c->state;
	if (!psm__consumer_may_move(from, to))
		rc = psm__fail(err, PSM_ERR_STATE, "%s", states[from].refusal);
	if (rc == 0) {
		set_state_locked(c, to);
		c->owner = pthread_self();
	}
	pthread_mutex_unlock(&c->lock);
	log_move(c, from, rc == 0 ? to : from);
	return rc;
}

void
psm__consumer_leave(psm_consumer *c, enum psm__consumer_state to)
{
	enum psm__consumer_state from;

	pthread_mutex_lock(&c->lock);
	from = c->state;
	if (from == PSM__C_STOPPING)
		to = PSM__C_STOPPED;
	set_state_locked(c, to);
	pthread_mutex_unlock(&c->lock);
	log_move(c, from, to);
}

int
psm__consumer_launch(psm_consumer *c, void *(*run)(void *), psm_error *err)
{
	enum psm__consumer_state to = PSM__C_RUNNING;
	int rc;

	pthread_mutex_lock(&c->lock);
	if (c->state == PSM__C_STOPPING) {
		to = PSM__C_STOPPED;
		rc = psm__fail(err, PSM_ERR_STATE, "%s",
		               states[PSM__C_STOPPING].refusal);
	} else {
		rc = psm__thread_start(&c->thread, "psm-consumer", run, c, err);
		to = rc == 0 ? PSM__C_RUNNING : PSM__C_NEW;
	}
	set_state_locked(c, to);
	if (rc == 0) {
		c->joinable = 1;
		c->owner = c->thread;
	}
	pthread_mutex_unlock(&c->lock);
	log_move(c, PSM__C_OPENING, to);
	return rc;
}

int
psm__consumer_stop(psm_consumer *c, int timeout_ms, psm_error *err)
{
	enum psm__consumer_state from, to;
	struct timespec at;
	int rc = 0;

	psm__deadline(&at, timeout_ms < 0 ? 0 : timeout_ms);
	pthread_mutex_lock(&c->lock);
	from = to = c->state;
	if (psm__consumer_may_move(from, PSM__C_STOPPING))
		to = PSM__C_STOPPING;
	else if (from != PSM__C_STOPPING &&
	         psm__consumer_may_move(from, PSM__C_STOPPED))
		to = PSM__C_STOPPED;
	if (to != from)
		set_state_locked(c, to);
	if (c->source)
		c->source->ops->wake(c->source);
	while (c->state == PSM__C_STOPPING && rc == 0) {
		if (timeout_ms < 0)
			pthread_cond_wait(&c->idle, &c->lock);
		else
			rc = pthread_cond_timedwait(&c->idle, &c->lock, &at);
	}
	rc = c->state == PSM__C_STOPPING
	         ? psm__fail(err, PSM_ERR_TIMEOUT, "a handler is still running")
	         : 0;
	pthread_mutex_unlock(&c->lock);
	log_move(c, from, to);
	return rc;
}
