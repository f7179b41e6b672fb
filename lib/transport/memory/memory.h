/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSM_TRANSPORT_MEMORY_H
#define PSM_TRANSPORT_MEMORY_H

#include "transport/transport.h"

/* Partitions per topic of the transport that PSYMATCH_TRANSPORT=memory
 * opens. */
#define PSM__MEMORY_PARTITIONS 3

/* For tests: what the mock cluster offers for Kafka. */
/* down 1: nothing is acknowledged and nothing can be read until down 0. */
void psm__memory_set_down(psm_transport *t, int down);
/* All members of all groups are considered dead, though they live: others may
 * get their partitions. They notice at their next poll, and join again. A group
 * with a member that has not noticed the last time is left alone. */
void psm__memory_evict(psm_transport *t);
/* The next count sends are reported as rc. */
void psm__memory_fail_next(psm_transport *t, int count, int rc);
int64_t psm__memory_count(psm_transport *t, const char *topic);
/* The topic is deleted and recreated: it begins at offset 0 again. */
void psm__memory_wipe(psm_transport *t, const char *topic);
/* Retention: each partition of topic keeps its newest `keep` messages. */
void psm__memory_retain(psm_transport *t, const char *topic, size_t keep);
/* Put raw bytes there, e.g. garbage; value NULL is a null value. */
int psm__memory_put(psm_transport *t, const char *topic, const char *key,
                    const void *value, size_t len);
/* The same with headers; the token is not used. */
int psm__memory_put_message(psm_transport *t, const struct psm__message *m);

#endif
