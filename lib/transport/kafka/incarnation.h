/* SPDX-License-Identifier: BSD-2-Clause */
/* Which topic a name stands for: one that was deleted and recreated has another
 * id. */
#ifndef PSM_KAFKA_INCARNATION_H
#define PSM_KAFKA_INCARNATION_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct psm__kafka_ids;

/* Ask for the topics of the list. NULL: they cannot be known. */
struct psm__kafka_ids *
psm__kafka_ids_ask(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list);
/* Waits for the answer, for a limited time from when it was asked for. 0: not
 * known; ids may be NULL. */
int64_t psm__kafka_ids_incarnation(struct psm__kafka_ids *ids,
                                   const char *topic);
void psm__kafka_ids_free(struct psm__kafka_ids *ids);

#endif
