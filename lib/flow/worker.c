/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/worker.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

/* What the thread gets after the deadline to end the wait it is in. */
#define GRACE_MS 1000

#define TO(s) (1u << (s))
static const unsigned may_follow[] = {
    [PSM__WORKER_IDLE] = TO(PSM__WORKER_RUNNING) | TO(PSM__WORKER_STOPPED),
    [PSM__WORKER_RUNNING] = TO(PSM__WORKER_STOPPING),
    [PSM__WORKER_STOPPING] = TO(PSM__WORKER_STOPPED),
    [PSM__WORKER_STOPPED] = 0,
};

/* @locks w->lock held */
static void
set_state_locked(struct psm__worker *w, enum psm__worker_state to)
{
	assert(may_follow[w->state] & TO(to));
	w->state = to;
	(void)pthread_cond_broadcast(&w->changed);
	psm__waker_wake(w->waker);
}

int
psm__worker_init(struct psm__worker *w, psm_error *err)
{
	if (pthread_mutex_init(&w->lock, NULL) != 0)
		return psm__nomem(err);
	if (psm__cond_init(&w->changed) < 0) {
		(void)pthread_mutex_destroy(&w->lock);
		return psm__nomem(err);
	}
	w->state = PSM__WORKER_IDLE;
	w->waker = -1;
	return 0;
}

int
psm__worker_pollable(struct psm__worker *w, psm_error *err)
{
	int fd = psm__waker_open(err);

	if (fd < 0)
		return fd;
	w->waker = fd;
	return 0;
}

void
psm__worker_destroy(struct psm__worker *w)
{
	psm__waker_close(w->waker);
	(void)pthread_cond_destroy(&w->changed);
	(void)pthread_mutex_destroy(&w->lock);
}

static void *
thread_main(void *arg)
{
	struct psm__worker *w = arg;

	w->run(w->arg);
	(void)pthread_mutex_lock(&w->lock);
	w->ended = 1;
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

int
psm__worker_start(struct psm__worker *w, const char *name,
                  void (*run)(void *arg), void *arg, psm_error *err)
{
	int rc = 0;

	(void)pthread_mutex_lock(&w->lock);
	if (w->state != PSM__WORKER_IDLE) {
		rc = psm__fail(err, PSM_ERR_STATE, "%s: started before", name);
	} else {
		w->run = run;
		w->arg = arg;
		rc = psm__thread_start(&w->thread, name, thread_main, w, err);
	}
	if (rc == 0)
		set_state_locked(w, PSM__WORKER_RUNNING);
	(void)pthread_mutex_unlock(&w->lock);
	return rc;
}

/* @locks w->lock held. 1: ended. */
static int
wait_end_locked(struct psm__worker *w, int timeout_ms)
{
	struct timespec until;

	psm__deadline(&until, timeout_ms < 0 ? 0 : timeout_ms);
	while (!w->ended) {
		if (timeout_ms < 0)
			(void)pthread_cond_wait(&w->changed, &w->lock);
		else if (pthread_cond_timedwait(&w->changed, &w->lock,
		                                &until) == ETIMEDOUT)
			break;
	}
	return w->ended;
}

int
psm__worker_stop(struct psm__worker *w, int timeout_ms, void (*wake)(void *arg),
                 psm_error *err)
{
	int running;

	(void)pthread_mutex_lock(&w->lock);
	if (w->state == PSM__WORKER_IDLE)
		set_state_locked(w, PSM__WORKER_STOPPED);
	if (w->state == PSM__WORKER_RUNNING)
		set_state_locked(w, PSM__WORKER_STOPPING);
	w->deadline_ms =
	    timeout_ms < 0 ? INT64_MAX : psm__mono_ms() + timeout_ms;
	running = w->state == PSM__WORKER_STOPPING;
	(void)pthread_mutex_unlock(&w->lock);
	if (!running)
		return 0;
	if (wake)
		wake(w->arg);
	(void)pthread_mutex_lock(&w->lock);
	if (!wait_end_locked(w, timeout_ms)) {
		__atomic_store_n(&w->cancel, 1, __ATOMIC_RELEASE);
		(void)wait_end_locked(w, GRACE_MS);
	}
	running = !w->ended;
	(void)pthread_mutex_unlock(&w->lock);
	if (running)
		return psm__fail(err, PSM_ERR_TIMEOUT, "still busy after %d ms",
		                 timeout_ms);
	(void)pthread_join(w->thread, NULL);
	(void)pthread_mutex_lock(&w->lock);
	set_state_locked(w, PSM__WORKER_STOPPED);
	(void)pthread_mutex_unlock(&w->lock);
	return 0;
}

void
psm__worker_wake(struct psm__worker *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->woken = 1;
	(void)pthread_cond_broadcast(&w->changed);
	psm__waker_wake(w->waker);
	(void)pthread_mutex_unlock(&w->lock);
}

int
psm__worker_wait(struct psm__worker *w, int timeout_ms)
{
	struct timespec until;
	int woken;

	psm__deadline(&until, timeout_ms);
	(void)pthread_mutex_lock(&w->lock);
	while (!w->woken && w->state == PSM__WORKER_RUNNING)
		if (pthread_cond_timedwait(&w->changed, &w->lock, &until) ==
		    ETIMEDOUT)
			break;
	woken = w->woken;
	w->woken = 0;
	(void)pthread_mutex_unlock(&w->lock);
	return woken;
}

int
psm__worker_wait_on(struct psm__worker *w, int socket_fd, int timeout_ms)
{
	int woken, running, ready = 0;
	int64_t until_ms = psm__mono_ms() + timeout_ms, left_ms = timeout_ms;

	for (;;) {
		(void)pthread_mutex_lock(&w->lock);
		woken = w->woken;
		w->woken = 0;
		running = w->state == PSM__WORKER_RUNNING;
		(void)pthread_mutex_unlock(&w->lock);
		if (woken)
			return 1;
		if (ready & PSM__READABLE)
			return 2;
		if (!running || left_ms <= 0)
			return 0;
		ready = psm__waker_wait(w->waker, socket_fd, (int)left_ms);
		left_ms = until_ms - psm__mono_ms();
	}
}

int
psm__worker_stopping(struct psm__worker *w)
{
	int stopping;

	(void)pthread_mutex_lock(&w->lock);
	stopping = w->state != PSM__WORKER_RUNNING;
	(void)pthread_mutex_unlock(&w->lock);
	return stopping;
}

int
psm__worker_left_ms(struct psm__worker *w)
{
	int64_t left = -1;

	(void)pthread_mutex_lock(&w->lock);
	if (w->state == PSM__WORKER_STOPPING) {
		left = w->deadline_ms - psm__mono_ms();
		left = left < 0 ? 0 : left > 3600000 ? 3600000 : left;
	}
	(void)pthread_mutex_unlock(&w->lock);
	return (int)left;
}

int
psm__worker_running(struct psm__worker *w)
{
	int running;

	(void)pthread_mutex_lock(&w->lock);
	running = w->state == PSM__WORKER_RUNNING && !w->ended;
	(void)pthread_mutex_unlock(&w->lock);
	return running;
}
