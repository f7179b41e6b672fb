/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSM_TRANSPORT_KAFKA_H
#define PSM_TRANSPORT_KAFKA_H

#include "transport/transport.h"

int psm__transport_kafka(const psm_config *cfg, psm_transport **out,
                         psm_error *err);

/* For tests: the librdkafka client of a kafka sink fails for good, as it does
 * when a broker lost its sequence. */
void psm__kafka_kill_sink(struct psm__sink *s);
/* For tests: the group has another member with the source's instance id. */
void psm__kafka_fence_source(struct psm__source *s);
/* For tests: after so long without a message a source asks where logs end. */
void psm__kafka_set_quiet(struct psm__source *s, int quiet_ms);
/* For tests: messages that a source keeps of partitions that wait. */
size_t psm__kafka_kept(const struct psm__source *s);

#endif
