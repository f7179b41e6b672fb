/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSM_KAFKA_FAREWELL_H
#define PSM_KAFKA_FAREWELL_H

#include <librdkafka/rdkafka.h>

/*
 * Destroy a consumer's client, then run end(owner), which frees what the client
 * refers to.
 *
 * Before librdkafka 2.6.1 a client that had a topic which was deleted and
 * recreated may wait for its own threads for ever. The caller does not: after
 * some seconds a thread is left to wait for the client, and runs end(owner)
 * should the client end after all.
 */
void psm__kafka_end_client(rd_kafka_t *rk, int flags, void (*end)(void *owner),
                           void *owner);

#endif
