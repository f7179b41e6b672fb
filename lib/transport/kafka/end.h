/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the logs end that a kafka source reads. */
#ifndef PSM_KAFKA_END_H
#define PSM_KAFKA_END_H

#include "transport/kafka/part.h"

struct psm__kafka_ends {
	struct psm__kafka_parts *parts;
	struct psm__kafka_link *link;
	int64_t quiet_ms;  /* after so long without a message a broker is */
	int64_t ask_at_ms; /* asked where a log ends; when next */
};

void psm__kafka_ends_init(struct psm__kafka_ends *e,
                          struct psm__kafka_parts *parts,
                          struct psm__kafka_link *link);
/* Something of it came. @thread polling thread */
void psm__kafka_came(struct psm__kafka_part *part, int64_t now);
/* What librdkafka knows of a log that it cannot read is what it was when it
 * could. After a quiet time the broker is asked, a partition each time.
 * @thread polling thread */
void psm__kafka_ask_ends(struct psm__kafka_ends *e, int64_t now);
/* Messages behind the end of all partitions; -1: unknown. Any thread. */
int64_t psm__kafka_lag(struct psm__kafka_ends *e);

#endif
