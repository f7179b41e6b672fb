/* SPDX-License-Identifier: BSD-2-Clause */
/* How much librdkafka reads ahead. Every client that reads has this. */
#ifndef PSM_KAFKA_PREFETCH_H
#define PSM_KAFKA_PREFETCH_H

#include "transport/kafka/kafka_int.h"

/* What a message takes beside its bytes, about. */
#define PSM__MESSAGE_COST 512

/* Half of the limit is librdkafka's queue, a quarter what is kept of partitions
 * that wait; the rest are answers on their way, and what does not count
 * here. */
int psm__kafka_prefetch(rd_kafka_conf_t *conf, const psm_config *cfg,
                        psm_error *err);
size_t psm__kafka_keep_max(const psm_config *cfg);

/*
 * In releases of librdkafka before 2.2 a broker thread that finds the queue
 * full sleeps for a second before it fetches again, unless it is woken. A
 * reader that empties the queue in a tenth of that time would be idle for the
 * rest. So the thread is woken whenever an eighth of the queue has been read.
 */
struct psm__kafka_waker {
	rd_kafka_t *rk; /* NULL: this release needs no waking */
	char *user, *password;
	size_t eaten, step; /* bytes */
};
/* Before the client takes conf. */
int psm__kafka_waker_init(struct psm__kafka_waker *w,
                          const rd_kafka_conf_t *conf, const psm_config *cfg,
                          psm_error *err);
void psm__kafka_waker_destroy(struct psm__kafka_waker *w);
void psm__kafka_wake_fetchers(struct psm__kafka_waker *w);

/* A message of so many bytes was taken from the queue. */
static inline void
psm__kafka_ate(struct psm__kafka_waker *w, size_t len)
{
	w->eaten += len + 2 * PSM__MESSAGE_COST;
	if (w->eaten >= w->step)
		psm__kafka_wake_fetchers(w);
}

#endif
