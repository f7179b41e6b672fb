/* SPDX-License-Identifier: BSD-2-Clause */
/* Partitions that a group gives to a kafka source, or takes away.
 * @thread polling thread */
#ifndef PSM_KAFKA_REBALANCE_H
#define PSM_KAFKA_REBALANCE_H

#include "transport/kafka/part.h"

/* The owner of the client's link. */
struct psm__kafka_group {
	struct psm__kafka_parts *parts;
	struct psm__kafka_link *link;
	/* As in struct psm__source_conf. */
	int64_t (*start_at)(const char *topic, int32_t partition,
	                    int64_t committed, int64_t incarnation, void *user);
	void (*revoked)(const char *topic, int32_t partition, void *user);
	void *user;
};

/* rebalance_cb of librdkafka; opaque is the link. */
void psm__kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what,
                          rd_kafka_topic_partition_list_t *list, void *opaque);

#endif
