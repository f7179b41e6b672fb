/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSM_KAFKA_RECORD_H
#define PSM_KAFKA_RECORD_H

#include "transport/kafka/kafka_int.h"

/* What a message says; takes m, which psm__kafka_release() destroys. */
void psm__kafka_fill(struct psm__record *rec, rd_kafka_message_t *m);
void psm__kafka_release(struct psm__record *rec);

#endif
