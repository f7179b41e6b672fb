/* SPDX-License-Identifier: BSD-2-Clause */
/* A kafka source as a member of its group. @thread polling thread */
#ifndef PSM_KAFKA_MEMBER_H
#define PSM_KAFKA_MEMBER_H

#include "transport/kafka/kafka_int.h"

/* Before the client takes conf. *ours: 1: the instance id is of our making,
 * else the user's. */
int psm__kafka_name_member(rd_kafka_conf_t *conf, int *ours, psm_error *err);
/* Leave the group within timeout_ms, or a second if that is longer and a broker
 * is there. 1: the group was told, and the client is closed. */
int psm__kafka_leave(rd_kafka_t *rk, struct psm__kafka_link *link,
                     int named_by_us, int timeout_ms);

#endif
