/* SPDX-License-Identifier: BSD-2-Clause */
/* What a relay tells of itself: numbers, metrics, health. Any thread. */
#ifndef PSM_FLOW_RELAY_SEEN_H
#define PSM_FLOW_RELAY_SEEN_H

#include "base/base.h"

#include <pthread.h>

struct psm__relay_seen {
	pthread_mutex_t lock; /* a leaf */
	int64_t long_tx_ms;   /* older transactions are worth a warning */
	int leads;            /* __atomic */
	/* lock: */
	int64_t waiting, oldest_ms, oldest_tx_ms;
	int64_t sent, wakeups;
	char problem[256]; /* "" while all is well */
	char shown[256];   /* the same for the health */
};

void psm__relay_seen_init(struct psm__relay_seen *s, int64_t long_tx_ms);
void psm__relay_seen_destroy(struct psm__relay_seen *s);

/* text "": all is well. Logged when it is new. shown: without what only the log
 * may say. */
void psm__relay_seen_problem(struct psm__relay_seen *s, const char *text,
                             const char *shown);
void psm__relay_seen_leader(struct psm__relay_seen *s, int leads);
int psm__relay_seen_leads(struct psm__relay_seen *s);
void psm__relay_seen_outbox(struct psm__relay_seen *s, int64_t waiting,
                            int64_t oldest_ms);
/* The age of the oldest open transaction. */
void psm__relay_seen_tx(struct psm__relay_seen *s, int64_t age_ms);
void psm__relay_seen_sent(struct psm__relay_seen *s, size_t count);
void psm__relay_seen_wakeups(struct psm__relay_seen *s, int count);

/* As psm_relay_stat() and psm_relay_health() say; producer is what the health
 * of the producer says, "" without one. */
int64_t psm__relay_seen_stat(struct psm__relay_seen *s, const char *name);
int psm__relay_seen_health(struct psm__relay_seen *s, const char *producer,
                           char *reason, size_t size);

#endif
