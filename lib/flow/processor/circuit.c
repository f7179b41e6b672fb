/* SPDX-License-Identifier: BSD-2-Clause */
/* The circuit breaker of a processor (breaker.c) under its lock, with metric, log
 * and health. */
#include "flow/processor/processor_int.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* How long the thread sleeps at most while nothing is handled: the source has
 * to be polled, else the group takes our partitions away. */
#define NAP_MS 250

static struct psm__trial
trial_of(const struct psm__record *rec, const struct psm__tried *t)
{
	uint64_t event =
	    psm__hash(PSM__HASH_START, rec->topic, strlen(rec->topic));

	event = psm__hash(event, &rec->partition, sizeof rec->partition);
	return (struct psm__trial){
	    .event = psm__hash(event, &rec->offset, sizeof rec->offset),
	    .key = psm__hash(PSM__HASH_START, rec->key,
	                     rec->key ? rec->key_len : 0),
	    .code = t->outcome == PSM__HANDLED ? 0 : t->code,
	};
}

/* @locks pr->lock held */
static void
show_locked(psm_processor *pr)
{
	if (pr->breaker_shown == 1 + (int)pr->breaker.state)
		return;
	pr->breaker_shown = 1 + (int)pr->breaker.state;
	psm__metric_set(
	    psm__gauge("psymatch_processor_breaker", "consumer", pr->name,
	               "0: events are handled, 1: one is tried, 2: none is, "
	               "because all fail with one code."),
	    pr->breaker.state);
}

int
psm__circuit_allow(psm_processor *pr, int max)
{
	int most;

	(void)pthread_mutex_lock(&pr->lock);
	most = psm__breaker_allow(&pr->breaker, psm__mono_ms(), max);
	show_locked(pr);
	(void)pthread_mutex_unlock(&pr->lock);
	return most;
}

void
psm__circuit_wait(psm_processor *pr)
{
	int64_t left;

	(void)pthread_mutex_lock(&pr->lock);
	left = pr->breaker.until_ms - psm__mono_ms();
	(void)pthread_mutex_unlock(&pr->lock);
	if (left > 0)
		(void)psm__worker_wait(&pr->worker,
		                       left < NAP_MS ? (int)left : NAP_MS);
}

/* @locks pr->lock held */
static void
opened_locked(psm_processor *pr, const struct psm__tried *t)
{
	(void)snprintf(pr->breaker_type, sizeof pr->breaker_type, "%s",
	               psm_event_type(t->ev));
	show_locked(pr);
}

/* @locks pr->lock held */
static void
feed_good_locked(struct psm__worker_tx *w)
{
	size_t i;

	for (i = 0; i < w->good_count; i++)
		(void)psm__breaker_feed(&w->pr->breaker, &w->good[i],
		                        psm__mono_ms()); /* opens nothing */
	w->good_count = 0;
}

void
psm__circuit_kept(struct psm__worker_tx *w)
{
	if (w->good_count == 0)
		return;
	(void)pthread_mutex_lock(&w->pr->lock);
	feed_good_locked(w);
	(void)pthread_mutex_unlock(&w->pr->lock);
}

int
psm__circuit_feed(struct psm__worker_tx *w, const struct psm__record *rec,
                  const struct psm__tried *t)
{
	psm_processor *pr = w->pr;
	struct psm__trial trial;
	int opened = 0;

	if (!pr->breaker_on || !t->called)
		return 0;
	trial = trial_of(rec, t);
	if (trial.code == 0) {
		assert(w->good_count < PSM__COUNT(w->good));
		w->good[w->good_count++] = trial;
		return 0;
	}
	(void)pthread_mutex_lock(&pr->lock);
	/* While its partition waits for it anyway nothing can be lost; but a
	 * probe that is put off has failed. */
	if (t->outcome != PSM__RETRY ||
	    pr->breaker.state != PSM__BREAKER_CLOSED) {
		feed_good_locked(w);
		opened =
		    psm__breaker_feed(&pr->breaker, &trial, psm__mono_ms());
	}
	if (opened)
		opened_locked(pr, t);
	(void)pthread_mutex_unlock(&pr->lock);
	w->failed = 1;
	if (!opened)
		return 0;
	psm__log(PSM_LOG_ERROR, "all events fail: none is handled for a time",
	         "consumer", pr->name, "type", psm_event_type(t->ev), "code",
	         psm_error_name(t->code), "reason", psm_error_message(w->fail),
	         NULL);
	return psm__fail(w->err, t->code, "breaker: events of %s fail: %s",
	                 psm_event_type(t->ev), psm_error_name(t->code));
}

int
psm__circuit_check(struct psm__worker_tx *w)
{
	enum psm__breaker_state state;

	if (!w->failed)
		return 0;
	(void)pthread_mutex_lock(&w->pr->lock);
	state = w->pr->breaker.state;
	(void)pthread_mutex_unlock(&w->pr->lock);
	return state == PSM__BREAKER_OPEN
	           ? psm__fail(w->err, PSM_ERR_RETRY, "breaker: it is open")
	           : 0;
}

void
psm__circuit_committed(psm_processor *pr)
{
	enum psm__breaker_state before;

	(void)pthread_mutex_lock(&pr->lock);
	before = pr->breaker.state;
	psm__breaker_committed(&pr->breaker);
	if (pr->breaker.state != before) {
		show_locked(pr);
		psm__log(PSM_LOG_WARN, "events are handled again", "consumer",
		         pr->name, "type", pr->breaker_type, NULL);
	}
	(void)pthread_mutex_unlock(&pr->lock);
}

int
psm__circuit_health(const psm_processor *pr, char *reason, size_t size)
{
	const struct psm__breaker *b = &pr->breaker;
	int64_t left = b->until_ms - psm__mono_ms();

	if (b->state == PSM__BREAKER_CLOSED)
		return PSM_HEALTH_GREEN;
	(void)snprintf(reason, size,
	               "%s: events of one key after another fail, the last one "
	               "of %s, with %s; nothing is handled but one event to "
	               "try it, in %lld s",
	               pr->name, pr->breaker_type, psm_error_name(b->cause),
	               (long long)(left > 0 ? (left + 999) / 1000 : 0));
	return PSM_HEALTH_RED;
}
