/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What bench/journey is measured against: a producer and a consumer of librdkafka
 * in two processes, without an outbox, an inbox or offsets in the database. The
 * consumer tells of a message as a handler of ours does, by a notification that
 * is committed.
 */
#ifndef PSM_BENCH_JOURNEY_RAW_H
#define PSM_BENCH_JOURNEY_RAW_H

#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>

/* To the database as DB_* says. */
PGconn *journey_connect(void);

/* The producer, and the topic of the bench's process parent, which exists then.
 * NULL: it failed. */
rd_kafka_t *journey_raw_open(const char *bootstrap, int parent);
/* Returns once librdkafka has it. */
int journey_raw_send(rd_kafka_t *rk, int parent, int id);
void journey_raw_close(rd_kafka_t *rk);

/* The consumer: makes the topic, reads it until *stop, and sets *reading once the
 * first message is here. */
int journey_raw_read(const char *bootstrap, int parent, int *reading,
                     const int *stop);

#endif
