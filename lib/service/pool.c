/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that run handlers: made when a request finds none idle, up to a
 * limit; what comes then waits in order. */
#include "service/service.h"

#include <stdio.h>
#include <string.h>

struct svc_pool {
	const char *name;
	svc_job_fn run;
	void *user;
	size_t max;

	/* Guards what follows; nothing is called under it. */
	pthread_mutex_t lock;
	pthread_cond_t put;
	struct svc_job *first, *last;
	size_t waiting, idle, count;
	int closing;
	pthread_t threads[];
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
	pool->waiting--;
}

static void *
work(void *arg)
{
	struct svc_pool *pool = arg;
	struct svc_job *job;

	pthread_mutex_lock(&pool->lock);
	while (pool->first || !pool->closing) {
		job = pool->first;
		if (!job) {
			pool->idle++;
			psm__cond_wait_until(&pool->put, &pool->lock, 0);
			pool->idle--;
			continue;
		}
		unlink_locked(pool, job);
		pthread_mutex_unlock(&pool->lock);
		pool->run(job, pool->user);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* @locks pool->lock held. 0, or the system's number of an error. */
static int
add_thread_locked(struct svc_pool *pool)
{
	pthread_t *thread = &pool->threads[pool->count];
	int rc = pthread_create(thread, NULL, work, pool);

	if (rc != 0)
		return rc;
	pool->count++;
	(void)pthread_setname_np(*thread, pool->name); /* for ps and gdb */
	return 0;
}

int
psm__svc_pool_new(const char *name, size_t max, svc_job_fn run, void *user,
                  struct svc_pool **out, psm_error *err)
{
	struct svc_pool *pool =
	    psm__alloc(sizeof *pool + max * sizeof pool->threads[0]);
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
	pthread_mutex_lock(&pool->lock);
	job->prev = pool->last;
	job->next = NULL;
	if (pool->last)
		pool->last->next = job;
	else
		pool->first = job;
	pool->last = job;
	job->is_waiting = 1;
	pool->waiting++;
	if (pool->waiting > pool->idle && pool->count < pool->max)
		(void)add_thread_locked(pool); /* else the others do it */
	pthread_mutex_unlock(&pool->lock);
	/* Behind it: who is woken need not wait for the lock. */
	pthread_cond_signal(&pool->put);
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
		(void)pthread_join(pool->threads[i], NULL); /* ours */
	pthread_cond_destroy(&pool->put);
	pthread_mutex_destroy(&pool->lock);
	psm__free(pool);
}
