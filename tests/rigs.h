/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One rig per transport, for tests that must hold on each of them: how to open
 * it, to take it away, and to make it forget. One at a time per process.
 */
#ifndef PSM_TEST_RIGS_H
#define PSM_TEST_RIGS_H

#include "transport/transport.h"

#define RIG_PARTITIONS 3

struct rig {
	const char *name;
	/* First thing in main, may run the program again. May be NULL. */
	void (*begin)(char **argv);
	/* Without messages; the topic has RIG_PARTITIONS partitions. For
	 * postgres, pg_database() has run. */
	psm_transport *(*open)(const char *topic);
	/* 1: nobody answers. 0: as before. */
	void (*set_down)(psm_transport *t, int down);
	/* Message 0 of partition 0 and more behind it vanish, as retention
	 * makes them vanish, but not the last one of the partition. */
	void (*expire)(psm_transport *t, const char *topic);
	/* All members of all groups are taken for dead, though they live. NULL:
	 * that cannot be had here. */
	void (*evict)(psm_transport *t);
	/* Another one to the same place, in a process that was forked before
	 * open; it is taken for dead after some seconds of silence. where: what
	 * where() says in the process that ran open. Both NULL: what the rig
	 * has is in one process. */
	psm_transport *(*again)(const char *where);
	const char *(*where)(void);
	void (*close)(psm_transport *t);
	int slow_groups; /* it takes seconds until a group is shared anew */
};

extern const struct rig rig_memory, rig_kafka, rig_postgres;
/* rigs_real.c: Apache Kafka itself. */
extern const struct rig rig_real;

/* A transport to the test's database; settings are pairs, NULL at the end. */
psm_transport *rig_postgres_with(const char *const *settings);

/* -- sending, without a producer: one sink, one message after the other */

struct rig_sender;
struct rig_sender *rig_sender_open(psm_transport *t, const char *topic);
/* Copies; value NULL: a null value. */
void rig_send(struct rig_sender *s, const char *key, const void *value,
              size_t len);
/* Until all of them are acknowledged, at most 20 s. */
void rig_flush(struct rig_sender *s);
void rig_sender_close(struct rig_sender *s);
/* A key that goes to that partition, "k<N>", N from *n on; *n is behind it. */
void rig_key(int32_t partition, int *n, char *key, size_t size);

#endif
