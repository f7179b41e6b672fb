/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/service.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* So many failed runs in a row are no hiccup any more. */
#define FAILURES_RED 3
#define SECOND_US 1000000

/*
 * new -> running <-> waiting, running or waiting -> ended. The thread makes all
 * changes; ended is its last word before it returns.
 */
enum worker_state { NEW, RUNNING, WAITING, ENDED };

struct svc_worker {
	char name[SVC_NAME_MAX + 1];
	int64_t interval_us; /* 0: until it succeeded once */
	struct svc_run_times times;
	psm_work_fn fn;
	void *user;
	psm_error *err; /* the thread's */
	uint64_t random;
	pthread_t thread;
	int has_thread; /* made and not joined; the owner's */

	/* Guards what follows; nothing is called under it. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum worker_state state;
	int stop_asked;
	int64_t begun_us;    /* of the run under way */
	int64_t ended_us;    /* of the last run; 0: none */
	int64_t next_us;     /* when the next one begins; 0: never */
	unsigned failures;   /* in a row */
	int code, retriable; /* of the last run */
	char message[SVC_REASON_SIZE];
};

int
psm__svc_worker_new(const char *name, int interval_s,
                    const struct svc_run_times *times, psm_work_fn fn,
                    void *user, struct svc_worker **out, psm_error *err)
{
	struct svc_worker *w = psm__alloc(sizeof *w);

	*out = NULL;
	if (!w)
		return psm__nomem(err);
	(void)snprintf(w->name, sizeof w->name, "%s", name);
	w->interval_us = (int64_t)interval_s * SECOND_US;
	w->times = *times;
	w->fn = fn;
	w->user = user;
	w->random = (uint64_t)psm__mono_us() | 1;
	w->err = psm_error_new();
	if (!w->err || psm__cond_init(&w->changed) < 0) {
		psm_error_free(w->err);
		psm__free(w);
		return psm__nomem(err);
	}
	pthread_mutex_init(&w->lock, NULL);
	*out = w;
	return PSM_OK;
}

void
psm__svc_worker_free(struct svc_worker *w)
{
	if (!w)
		return;
	assert(!w->has_thread);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	psm_error_free(w->err);
	psm__free(w);
}

/* From half of us to us, so that services that failed together do not try again
 * together. xorshift64: nobody gains from guessing it. */
static int64_t
with_jitter(struct svc_worker *w, int64_t us)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return us / 2 + (int64_t)(w->random % (uint64_t)(us / 2 + 1));
}

int64_t
psm__svc_backoff_us(const struct svc_run_times *t, unsigned failures)
{
	int64_t us = t->first_us;

	while (--failures > 0 && us < t->limit_us)
		us *= 2;
	return us < t->limit_us ? us : t->limit_us;
}

/* @locks w->lock held. Time until the next run, -1: there is none. */
static int64_t
pause_locked(struct svc_worker *w)
{
	int64_t us;

	if (w->code >= 0 || !w->retriable)
		return w->interval_us > 0 ? w->interval_us : -1;
	us = psm__svc_backoff_us(&w->times, w->failures);
	if (w->interval_us > 0 && us > w->interval_us)
		us = w->interval_us;
	return with_jitter(w, us);
}

/* @locks w->lock held. What the run left behind. */
static void
record_locked(struct svc_worker *w, int rc)
{
	w->code = rc < 0 ? rc : PSM_OK;
	w->ended_us = psm__mono_us();
	w->message[0] = '\0';
	if (rc >= 0) {
		w->failures = 0;
		return;
	}
	w->failures++;
	w->retriable = psm_error_retriable(w->err);
	(void)snprintf(w->message, sizeof w->message, "%s",
	               psm_error_public(w->err));
}

static int
is_stopping(struct svc_worker *w)
{
	int stopping;

	pthread_mutex_lock(&w->lock);
	stopping = w->stop_asked;
	pthread_mutex_unlock(&w->lock);
	return stopping;
}

static int
run_once(struct svc_worker *w)
{
	int rc;

	psm_error_clear(w->err);
	rc = w->fn(w->user, w->err);
	psm_metrics_add("psymatch_worker_runs", w->name, 1);
	if (rc >= 0)
		return rc;
	if (psm_error_code(w->err) == PSM_OK)
		psm_error_set(w->err, rc, psm_strerror(rc));
	psm_metrics_add("psymatch_worker_failures", w->name, 1);
	/* A run that was told to end early has nothing to warn of. */
	psm__log(is_stopping(w) ? PSM_LOG_INFO : PSM_LOG_WARN, "worker failed",
	         "worker", w->name, "code", psm_error_name(rc), "reason",
	         psm_error_message(w->err), NULL);
	return rc;
}

static void *
work(void *arg)
{
	struct svc_worker *w = arg;
	int64_t pause_us = 0, until;
	int rc;

	pthread_mutex_lock(&w->lock);
	while (!w->stop_asked && pause_us >= 0) {
		w->state = RUNNING;
		w->begun_us = psm__mono_us();
		pthread_mutex_unlock(&w->lock);
		rc = run_once(w);
		pthread_mutex_lock(&w->lock);
		record_locked(w, rc);
		w->state = WAITING;
		pthread_cond_broadcast(&w->changed);
		pause_us = pause_locked(w);
		until = psm__mono_us() + pause_us;
		w->next_us = pause_us < 0 ? 0 : until;
		while (!w->stop_asked && psm__mono_us() < until)
			psm__cond_wait_until(&w->changed, &w->lock, until);
	}
	w->state = ENDED;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int
psm__svc_worker_start(void *worker, psm_error *err)
{
	struct svc_worker *w = worker;
	char name[16];
	int rc = pthread_create(&w->thread, NULL, work, w);

	if (rc != 0)
		return psm__fail(err, PSM_ERR_IO,
		                 "worker %s: cannot make a thread: %s", w->name,
		                 strerror(rc));
	w->has_thread = 1;
	(void)snprintf(name, sizeof name, "%.15s", w->name);
	(void)pthread_setname_np(w->thread, name); /* for ps and gdb only */
	return PSM_OK;
}

int
psm__svc_worker_stop(int timeout_ms, void *worker, psm_error *err)
{
	struct svc_worker *w = worker;
	int64_t until = psm__mono_us() + (int64_t)timeout_ms * 1000;
	int rc = PSM_OK;

	pthread_mutex_lock(&w->lock);
	w->stop_asked = 1;
	pthread_cond_broadcast(&w->changed);
	while (w->state != ENDED && rc == PSM_OK)
		if (psm__cond_wait_until(&w->changed, &w->lock, until) ==
		    ETIMEDOUT)
			rc = PSM_ERR_TIMEOUT;
	if (w->state == ENDED)
		rc = PSM_OK;
	pthread_mutex_unlock(&w->lock);
	if (rc < 0)
		return psm__fail(err, rc, "worker %s still runs after %d ms",
		                 w->name, timeout_ms);
	return PSM_OK;
}

void
psm__svc_worker_join(struct svc_worker *w)
{
	if (!w || !w->has_thread)
		return;
	(void)pthread_join(w->thread, NULL); /* it is ours and joinable */
	w->has_thread = 0;
}

/* @locks w->lock held */
static int
health_locked(struct svc_worker *w, char *reason, size_t size)
{
	int64_t now = psm__mono_us();
	long long age_s = (long long)((now - w->ended_us) / SECOND_US);
	int64_t runs_us = w->state == RUNNING ? now - w->begun_us : 0;

	if (runs_us > w->times.long_us) {
		(void)snprintf(reason, size, "a run goes on for %lld s",
		               (long long)(runs_us / SECOND_US));
		return w->code != PSM_OK && w->failures >= FAILURES_RED
		           ? PSM_HEALTH_RED
		           : PSM_HEALTH_AMBER;
	}
	if (w->ended_us == 0) {
		(void)snprintf(reason, size, "first run %s",
		               w->state == NEW ? "not begun" : "under way");
		return PSM_HEALTH_GREEN;
	}
	if (w->code == PSM_OK && w->next_us > now)
		(void)snprintf(reason, size,
		               "last run ended %lld s ago, the next one begins "
		               "in %lld s",
		               age_s,
		               (long long)((w->next_us - now) / SECOND_US));
	else if (w->code == PSM_OK)
		(void)snprintf(reason, size, "last run ended %lld s ago",
		               age_s);
	if (w->code == PSM_OK)
		return PSM_HEALTH_GREEN;
	(void)snprintf(reason, size, "%u run%s failed in a row, %lld s ago: %s",
	               w->failures, w->failures == 1 ? "" : "s", age_s,
	               w->message);
	return w->retriable && w->failures < FAILURES_RED ? PSM_HEALTH_AMBER
	                                                  : PSM_HEALTH_RED;
}

int
psm__svc_worker_health(char *reason, size_t size, void *worker)
{
	struct svc_worker *w = worker;
	int health;

	pthread_mutex_lock(&w->lock);
	health = health_locked(w, reason, size);
	pthread_mutex_unlock(&w->lock);
	return health;
}
