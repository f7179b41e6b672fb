/* SPDX-License-Identifier: BSD-2-Clause */
/* What the benchmarks share: events to send, time and CPU, medians, output. */
#ifndef PSM_BENCH_H
#define PSM_BENCH_H

#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

struct bench_options {
	const char *bootstrap; /* NULL: a mock cluster in a child process */
	const char *codec;     /* "none", "lz4", ... */
	const char *durability;
	size_t count; /* events per round */
	int rounds;   /* odd: the median is one of them */
	int json;     /* 1: one JSON object instead of the table */
};

/* One way of doing the work, measured once per round. */
struct bench_side {
	const char *name;
	int (*run)(const struct bench_options *o, void *work);
	double seconds[15], cpu_us[15]; /* per round: wall, CPU per event */
};

/* Exits with a usage text on a wrong option. */
void bench_options(int argc, char **argv, struct bench_options *o);

/* count therapist events of about 551 bytes, every one different. */
struct bench_events {
	char *bytes; /* all texts, one after the other */
	size_t *at;  /* count + 1 offsets */
	size_t count;
};
int bench_events_make(struct bench_events *e, size_t count);
void bench_events_free(struct bench_events *e);
/* The key of event i as text. */
int bench_key(size_t i, char *text, size_t size);

/* Run all sides in turn, rounds times, and print them against the last one. */
int bench_compare(const struct bench_options *o, struct bench_side *sides,
                  size_t count, void *work);

/* A mock cluster in a child process; its bootstrap address, NULL on failure. */
const char *bench_mock_start(void);
void bench_mock_stop(void);

/* librdkafka with the settings that libpsymatch uses. */
rd_kafka_t *bench_raw_producer(const struct bench_options *o);
int bench_raw_send(rd_kafka_t *rk, const char *topic, size_t i,
                   const void *value, size_t len);
int bench_raw_finish(rd_kafka_t *rk);

#endif
