/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/kafka/wait.h"

#include "base/base.h"

int
psm__kafka_wait_init(struct psm__kafka_wait *w)
{
	if (psm__cond_init(&w->cond) < 0)
		return PSM_ERR_NOMEM;
	(void)pthread_mutex_init(&w->lock, NULL);
	return 0;
}

void
psm__kafka_wait_destroy(struct psm__kafka_wait *w)
{
	(void)pthread_cond_destroy(&w->cond);
	(void)pthread_mutex_destroy(&w->lock);
}

void
psm__kafka_raise(rd_kafka_t *rk, void *wait)
{
	struct psm__kafka_wait *w = wait;

	(void)rk;
	(void)pthread_mutex_lock(&w->lock);
	w->raised = 1;
	(void)pthread_cond_signal(&w->cond);
	(void)pthread_mutex_unlock(&w->lock);
}

void
psm__kafka_wake(struct psm__kafka_wait *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->woken = 1;
	(void)pthread_cond_signal(&w->cond);
	(void)pthread_mutex_unlock(&w->lock);
}

int
psm__kafka_await(struct psm__kafka_wait *w, int64_t until_ms)
{
	int go_on;

	(void)pthread_mutex_lock(&w->lock);
	while (!w->raised && !w->woken &&
	       psm__cond_wait_until(&w->cond, &w->lock, until_ms * 1000) == 0)
		;
	go_on = !w->woken;
	w->raised = 0;
	w->woken = 0;
	(void)pthread_mutex_unlock(&w->lock);
	return go_on;
}
