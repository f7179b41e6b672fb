/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a thread of ours waits for a queue of librdkafka. librdkafka itself would
 * wait until a time of the system's clock, which can be set back.
 */
#ifndef PSM_KAFKA_WAIT_H
#define PSM_KAFKA_WAIT_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdint.h>

struct psm__kafka_wait {
	/* A leaf, taken in librdkafka's threads: nothing of librdkafka may be
	 * called under it. */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int raised; /* a queue got something; it may be served already */
	int woken;  /* psm__kafka_wake() was called */
};

/* 0, or PSM_ERR_NOMEM. */
int psm__kafka_wait_init(struct psm__kafka_wait *w);
void psm__kafka_wait_destroy(struct psm__kafka_wait *w);
/* For rd_kafka_queue_cb_event_enable(): a queue is not empty any more. */
void psm__kafka_raise(rd_kafka_t *rk, void *wait);
/* End the wait, or the next one. Any thread. */
void psm__kafka_wake(struct psm__kafka_wait *w);
/* Wait until a queue got something, but not longer than until a time of the
 * monotonic clock. 0: psm__kafka_wake() was called. */
int psm__kafka_await(struct psm__kafka_wait *w, int64_t until_ms);

#endif
