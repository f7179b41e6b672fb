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
	int only;     /* the one side to run, from 1 on; 0: all */
};

#define BENCH_ROUNDS 15

/* What one run took. */
struct bench_run {
	double seconds;
	double cpu_us;    /* per event, of the whole process */
	double caller_us; /* of that, the thread that called */
	double asleep;    /* share of the time in which that thread neither ran
	                   * nor waited for a processor: it had nothing to do */
	double others;    /* processors that others kept busy, the broker too */
};

/* One way of doing the work, measured once per round. */
struct bench_side {
	const char *name;
	int (*run)(const struct bench_options *o, void *work);
	struct bench_run runs[BENCH_ROUNDS];
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

/* Called by a side once it is connected: what counts begins here. */
void bench_begin(void);
/* What all since then took, on one line: time by the clock, CPU time of this
 * process and of its ended children, the CPUs that others kept busy, and the
 * share of the time in which this thread neither ran nor wanted to. */
void bench_end(int json);
/*
 * Run all sides in turn, rounds times and every other time backwards, and print
 * them against the last one. Ratios are of neighbours in one round, and the
 * median of them is taken, so a machine that is busy for a while does little.
 */
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
