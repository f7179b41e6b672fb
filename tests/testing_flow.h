/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A processor on the memory transport and a database of its own, with a handler
 * that can be told what to do. Events are {"email_id": KEY, "n": N}; the
 * handler writes one row to effects(seq, event_id, key, n) and emits one event.
 */
#ifndef TESTING_FLOW_H
#define TESTING_FLOW_H

#include "transport/transport.h"
#include "flow/processor/processor_int.h"

#include <pthread.h>

#define FLOW_TOPIC "communication-events"
#define FLOW_NAME "test-consumer"

extern psm_store *st;
extern psm_transport *t; /* one partition */
extern psm_config *cfg;
extern psm_error *err;
extern psm_processor *pr;

/* What the handler does; changed under flow_lock once it runs. */
struct flow_plan {
	int64_t bad; /* the n that gets special treatment */
	int times;   /* this often, -1: always */
	int rc;      /* what it returns then */
	int seen;    /* calls for bad */
	int block;   /* wait at bad until let go */
	int blocked; /* it does */
};
extern struct flow_plan plan;
extern pthread_mutex_t flow_lock;
extern pthread_cond_t flow_changed;

/* The checked fixture of each test. */
void flow_setup(void);
void flow_teardown(void);

/* id NULL: a fresh one; to be freed with free(). */
char *flow_event(int key, int n, const char *id, const char *version);
void flow_put_raw(psm_transport *to, const char *key, const char *value,
                  size_t len);
void flow_put_to(psm_transport *to, int key, int n, const char *id);
void flow_put(int key, int n);
int flow_member(const psm_event *ev, const char *pointer);

int flow_save(psm_tx *tx, const psm_event *ev, psm_error *e);
int flow_handler(psm_tx *tx, const psm_event *ev, void *user, psm_error *e);
void flow_wait_blocked(void);
void flow_unblock(void);
/* Let it go on, and block again at another n (-1: nowhere). */
void flow_block_next_at(int n);

/* Not started. */
psm_processor *flow_processor(psm_store *store, psm_transport *from,
                              psm_tx_event_fn fn);
/* One of st and t whose handler has such options. */
psm_processor *flow_processor_with(int policy, int max_attempts,
                                   psm_tx_event_fn fn);
/* pr with flow_handler. */
void flow_start(void);
void flow_stop(void);

/* All offsets together are n: that many messages are done. */
void flow_wait_offset(int n);
/* count effects, each once, per key in order; and the events emitted, the same.
 */
void flow_check_effects(int count);
int64_t flow_dead_rows(void);
/* From now on parked events are tried again when flow_retry_now() says it, and
 * not by themselves. */
void flow_retry_when_told(void);
void flow_retry_now(void);

#endif
