/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that run handlers; what comes while they are busy waits in order. */
#include "service/service.h"

#include <stdio.h>
#include <string.h>

/* A job that takes longer waits for somebody: another may begin in its
 * place. */
#define LATE_US 5000
#define LOOK_MS 5

struct worker {
	struct svc_pool *pool;
	pthread_t thread;
	int64_t since_us; /* its job's begin; 0: it has none */
	int is_late;      /* another one works in its place */
};

/*
 * Threads that wait for each other's database connection or for a processor
 * cost a switch per turn and bring nothing. So at_once of them work on what
 * waits, each on one job after another without sleeping; one more for each that
 * is late with its job, up to max.
 */
struct svc_pool {
	const char *name;
	svc_job_fn run;
	void *user;
	size_t at_once, max;

	/* Guards what follows; nothing is called under it. */
	pthread_mutex_t lock;
	pthread_cond_t put;
	struct svc_job *first, *last;
	size_t waiting; /* written atomically, see psm__svc_pool_look() */
	size_t idle;    /* threads without a job, new ones, too */
	size_t permits; /* to begin; idle threads that have not woken up yet */
	size_t working; /* with a job or a permit, and not late */
	size_t count;
	int closing;
	struct worker workers[];
};

/* @locks pool->lock held */
static void
unlink_locked(struct svc_pool *pool, struct svc_job *job)
{
	if (job->prev)
		job->prev->next = job->next;
	else
		pool->first = job->next;
	if (job->next)
		job->next->prev = job->prev;
	else
		pool->last = job->prev;
	job->prev = job->next = NULL;
	job->is_waiting = 0;
	__atomic_store_n(&pool->waiting, pool->waiting - 1, __ATOMIC_RELAXED);
}

/* Returns with the lock given up in between. @locks pool->lock held */
static void
run_first_locked(struct worker *w)
{
	struct svc_pool *pool = w->pool;
	struct svc_job *job = pool->first;

	unlink_locked(pool, job);
	w->since_us = psm__mono_us();
	pthread_mutex_unlock(&pool->lock);
	pool->run(job, pool->user);
	pthread_mutex_lock(&pool->lock);
	w->since_us = 0;
}

/* Whether the thread goes on with the next job. @locks pool->lock held */
static int
goes_on_locked(struct worker *w)
{
	struct svc_pool *pool = w->pool;

	if (w->is_late) { /* its place is taken */
		w->is_late = 0;
		if (pool->working >= pool->at_once && !pool->closing)
			return 0;
		pool->working++;
	}
	if (pool->first)
		return 1;
	pool->working--;
	return 0;
}

/* 0: there is no more to come. @locks pool->lock held */
static int
await_permit_locked(struct svc_pool *pool)
{
	while (pool->permits == 0 && !pool->closing)
		psm__cond_wait_until(&pool->put, &pool->lock, 0);
	if (pool->permits > 0)
		pool->permits--;
	else if (pool->first)
		pool->working++;
	else
		return 0;
	pool->idle--;
	return 1;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct svc_pool *pool = w->pool;

	pthread_mutex_lock(&pool->lock);
	while (await_permit_locked(pool)) {
		if (!pool->first) /* others were quicker */
			pool->working--;
		else
			do
				run_first_locked(w);
			while (goes_on_locked(w));
		pool->idle++;
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Its permit waits for it. @locks pool->lock held. 0, or the system's number of
 * an error. */
static int
add_thread_locked(struct svc_pool *pool)
{
	struct worker *w = &pool->workers[pool->count];
	int rc;

	w->pool = pool;
	rc = pthread_create(&w->thread, NULL, work, w);
	if (rc != 0)
		return rc;
	pool->count++;
	pool->idle++;
	(void)pthread_setname_np(w->thread, pool->name); /* for ps and gdb */
	return 0;
}

/* Let one more thread begin, if there is a job and a place for it; 1: it is to
 * be woken. @locks pool->lock held */
static int
permit_locked(struct svc_pool *pool)
{
	int is_idle = pool->idle > pool->permits;

	if (pool->waiting <= pool->permits || pool->working >= pool->at_once)
		return 0;
	if (!is_idle && (pool->count == pool->max || add_thread_locked(pool)))
		return 0; /* the others do it */
	pool->permits++;
	pool->working++;
	return is_idle;
}

int
psm__svc_pool_new(const char *name, size_t at_once, size_t max, svc_job_fn run,
                  void *user, struct svc_pool **out, psm_error *err)
{
	struct svc_pool *pool =
	    psm__alloc(sizeof *pool + max * sizeof pool->workers[0]);
	int rc;

	*out = NULL;
	if (!pool)
		return psm__nomem(err);
	if (psm__cond_init(&pool->put) < 0) {
		psm__free(pool);
		return psm__nomem(err);
	}
	pthread_mutex_init(&pool->lock, NULL);
	pool->name = name;
	pool->at_once = at_once < max ? at_once : max;
	pool->max = max;
	pool->run = run;
	pool->user = user;
	pthread_mutex_lock(&pool->lock);
	rc = add_thread_locked(pool); /* the only one that must be there */
	pthread_mutex_unlock(&pool->lock);
	if (rc != 0) {
		psm__svc_pool_free(pool);
		return psm__fail(err, PSM_ERR_IO,
		                 "cannot make the thread %s: %s", name,
		                 strerror(rc));
	}
	*out = pool;
	return PSM_OK;
}

void
psm__svc_pool_put(struct svc_pool *pool, struct svc_job *job)
{
	int is_woken;

	pthread_mutex_lock(&pool->lock);
	job->prev = pool->last;
	job->next = NULL;
	if (pool->last)
		pool->last->next = job;
	else
		pool->first = job;
	pool->last = job;
	job->is_waiting = 1;
	__atomic_store_n(&pool->waiting, pool->waiting + 1, __ATOMIC_RELAXED);
	is_woken = permit_locked(pool);
	pthread_mutex_unlock(&pool->lock);
	/* Behind it: who is woken need not wait for the lock. */
	if (is_woken)
		pthread_cond_signal(&pool->put);
}

/* @locks pool->lock held */
static void
find_late_locked(struct svc_pool *pool, int64_t now_us)
{
	struct worker *w = pool->workers;

	for (; w < pool->workers + pool->count; w++)
		if (w->since_us > 0 && !w->is_late &&
		    w->since_us + LATE_US <= now_us) {
			w->is_late = 1;
			pool->working--;
		}
}

int
psm__svc_pool_look(struct svc_pool *pool, int64_t now_us)
{
	int is_waiting, woken = 0;
	size_t before;

	/* Only who calls this puts jobs in: what it put in is seen. */
	if (__atomic_load_n(&pool->waiting, __ATOMIC_RELAXED) == 0)
		return -1;
	pthread_mutex_lock(&pool->lock);
	is_waiting = pool->waiting > 0;
	if (is_waiting)
		find_late_locked(pool, now_us);
	do {
		before = pool->working;
		woken += permit_locked(pool);
	} while (pool->working > before);
	pthread_mutex_unlock(&pool->lock);
	while (woken-- > 0)
		pthread_cond_signal(&pool->put);
	return is_waiting ? LOOK_MS : -1;
}

int
psm__svc_pool_withdraw(struct svc_pool *pool, struct svc_job *job)
{
	int waited;

	pthread_mutex_lock(&pool->lock);
	waited = job->is_waiting;
	if (waited)
		unlink_locked(pool, job);
	pthread_mutex_unlock(&pool->lock);
	return waited;
}

void
psm__svc_pool_free(struct svc_pool *pool)
{
	size_t i;

	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->closing = 1;
	pthread_cond_broadcast(&pool->put);
	pthread_mutex_unlock(&pool->lock);
	for (i = 0; i < pool->count; i++)
		(void)pthread_join(pool->workers[i].thread, NULL); /* ours */
	pthread_cond_destroy(&pool->put);
	pthread_mutex_destroy(&pool->lock);
	psm__free(pool);
}
