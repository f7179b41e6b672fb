/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that run handlers and take turns at the sockets; what comes while they
 * are busy waits in order. */
#include "service/service.h"

#include <stdio.h>
#include <string.h>

/* A job that takes longer waits for somebody: another may begin in its
 * place. */
#define LATE_US 5000
#define LOOK_MS 5
/* Whoever attends and finds a job does it, and comes back: a switch to another
 * thread costs more than most jobs. Longer nobody is away. */
#define AWAY_US 1000
/* To wake a thread costs as much as most jobs: nobody is woken for one that
 * those who are awake begin sooner. */
#define PATIENCE_US 200

struct worker {
	struct svc_pool *pool;
	pthread_t thread;
	int has_place;    /* it counts as working */
	int64_t since_us; /* its job's begin; 0: it has none */
	int is_late;      /* another one works in its place */
};

/*
 * Threads that wait for each other's database connection or for a processor
 * cost a switch per turn and bring nothing. So at_once of them have a place, and
 * work on what waits, each on one job after another without sleeping; one more
 * for each that is late with its job, up to max.
 *
 * One thread at a time attends: it puts the jobs that others run. It has a
 * place, too, if it came from a job, and leaves for the next one only if some
 * thread is idle. Of the idle ones the watcher looks every AWAY_US whether
 * nobody attends; it sleeps as well while whoever attends has no jobs.
 */
struct svc_pool {
	const char *name;
	svc_job_fn run;
	svc_attend_fn attend; /* NULL: nobody attends */
	void *user;
	size_t at_once, max;

	/* Guards what follows; nothing is called under it. */
	pthread_mutex_t lock;
	pthread_cond_t put;
	struct svc_job *first, *last;
	size_t waiting; /* written atomically, see psm__svc_pool_look() */
	size_t idle;    /* threads without a job, new ones, too */
	size_t permits; /* to begin; idle threads that have not woken up yet */
	size_t working; /* with a place or a permit, and not late */
	size_t count;
	struct worker *attender, *watcher; /* NULL: none */
	int64_t left_us;                   /* when nobody began to attend */
	unsigned long long left, watched;  /* how often; what the watcher saw */
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

/* @locks pool->lock held */
static int
take_place_locked(struct worker *w)
{
	struct svc_pool *pool = w->pool;

	if (!w->has_place && (pool->working < pool->at_once || pool->closing)) {
		w->has_place = 1;
		pool->working++;
	}
	return w->has_place;
}

/* @locks pool->lock held */
static void
give_place_locked(struct worker *w)
{
	if (w->has_place)
		w->pool->working--;
	w->has_place = 0;
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
	if (w->is_late) /* its place was taken */
		(void)take_place_locked(w);
	w->is_late = 0;
}

/* Attend, and do the job that it left for. Returns with the lock given up in
 * between. @locks pool->lock held */
static void
attend_locked(struct worker *w)
{
	struct svc_pool *pool = w->pool;

	pool->attender = w;
	pthread_mutex_unlock(&pool->lock);
	pool->attend(pool->user);
	pthread_mutex_lock(&pool->lock);
	if (pool->first && take_place_locked(w))
		run_first_locked(w);
}

/* Until when to sleep, 0: until woken. @locks pool->lock held */
static int64_t
watch_locked(struct worker *w)
{
	struct svc_pool *pool = w->pool;

	if (!pool->attend || (pool->watcher && pool->watcher != w))
		return 0;
	if (pool->attender && pool->left == pool->watched) {
		pool->watcher = NULL;
		return 0;
	}
	pool->watcher = w;
	pool->watched = pool->left;
	return psm__mono_us() + AWAY_US;
}

/* @locks pool->lock held */
static int
is_nobody_there_locked(const struct svc_pool *pool)
{
	return pool->attend && !pool->attender && !pool->closing;
}

/* 0: there is no more to come. @locks pool->lock held */
static int
await_turn_locked(struct worker *w)
{
	struct svc_pool *pool = w->pool;

	while (pool->permits == 0 && !pool->closing) {
		if (is_nobody_there_locked(pool) &&
		    psm__mono_us() >= pool->left_us + AWAY_US)
			break;
		psm__cond_wait_until(&pool->put, &pool->lock, watch_locked(w));
	}
	if (pool->watcher == w)
		pool->watcher = NULL;
	if (pool->permits > 0) {
		pool->permits--;
		w->has_place = 1;
	} else if (pool->closing && !pool->first) {
		return 0;
	} else {
		(void)take_place_locked(w);
	}
	pool->idle--;
	return 1;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct svc_pool *pool = w->pool;

	pthread_mutex_lock(&pool->lock);
	while (await_turn_locked(w)) {
		for (;;) {
			if (is_nobody_there_locked(pool))
				attend_locked(w);
			else if (pool->first && w->has_place)
				run_first_locked(w);
			else
				break;
		}
		give_place_locked(w);
		pool->idle++;
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* @locks pool->lock held. 0, or the system's number of an error. */
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

/* One that has nothing to do, maybe a new one. @locks pool->lock held */
static int
has_idle_locked(struct svc_pool *pool)
{
	return pool->idle > pool->permits ||
	       (pool->count < pool->max && add_thread_locked(pool) == 0);
}

/* Let one more thread begin, if there is a job and a place for it; 1: it is to
 * be woken. @locks pool->lock held */
static int
permit_locked(struct svc_pool *pool)
{
	/* Whoever attends takes one, if it has a place. */
	size_t taken = pool->attender && pool->attender->has_place ? 1 : 0;

	if (pool->waiting <= pool->permits + taken ||
	    pool->working >= pool->at_once)
		return 0;
	if (pool->attend && pool->working > 0 &&
	    psm__mono_us() < pool->first->put_us + PATIENCE_US)
		return 0;
	if (!has_idle_locked(pool))
		return 0;
	pool->permits++;
	pool->working++;
	return 1;
}

int
psm__svc_pool_new(const char *name, size_t at_once, size_t max, svc_job_fn run,
                  svc_attend_fn attend, void *user, struct svc_pool **out,
                  psm_error *err)
{
	/* Whoever is late with a job does not attend. */
	const size_t needed = attend ? 2 : 1;
	struct svc_pool *pool =
	    psm__alloc(sizeof *pool + max * sizeof pool->workers[0]);
	int rc = 0;

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
	pool->attend = attend;
	pool->user = user;
	pthread_mutex_lock(&pool->lock);
	while (rc == 0 && pool->count < needed) /* these must be there */
		rc = add_thread_locked(pool);
	*out = rc == 0 ? pool : NULL; /* who attends wants to know it */
	pool->closing = rc != 0;
	pthread_mutex_unlock(&pool->lock);
	if (rc != 0) {
		psm__svc_pool_free(pool);
		return psm__fail(err, PSM_ERR_IO,
		                 "cannot make the thread %s: %s", name,
		                 strerror(rc));
	}
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
	job->put_us = psm__mono_us();
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
			give_place_locked(w);
		}
}

int
psm__svc_pool_leaves(struct svc_pool *pool)
{
	struct worker *w = pool->attender; /* who calls */
	int leaves, is_woken, is_unwatched = 0;

	pthread_mutex_lock(&pool->lock);
	leaves =
	    pool->closing || (pool->waiting > pool->permits &&
	                      has_idle_locked(pool) && take_place_locked(w));
	if (leaves) {
		pool->attender = NULL;
		pool->left++;
		pool->left_us = psm__mono_us();
		is_unwatched = !pool->watcher;
	}
	is_woken = permit_locked(pool);
	pthread_mutex_unlock(&pool->lock);
	if (is_woken || is_unwatched)
		pthread_cond_signal(&pool->put);
	return leaves;
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
psm__svc_pool_close(struct svc_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->closing = 1;
	pthread_cond_broadcast(&pool->put);
	pthread_mutex_unlock(&pool->lock);
}

void
psm__svc_pool_free(struct svc_pool *pool)
{
	size_t i;

	if (!pool)
		return;
	psm__svc_pool_close(pool);
	for (i = 0; i < pool->count; i++)
		(void)pthread_join(pool->workers[i].thread, NULL); /* ours */
	pthread_cond_destroy(&pool->put);
	pthread_mutex_destroy(&pool->lock);
	psm__free(pool);
}
