/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table of entities with a number each, a use case that counts one up and
 * emits {"email_id": KEY, "n": N}, a relay to the memory transport, and a look
 * at what arrived there.
 */
#ifndef TESTING_OUTBOX_H
#define TESTING_OUTBOX_H

#include "transport/transport.h"
#include "store/delivery.h"

#include <psymatch/relay.h>

#define OUTBOX_TOPIC "communication-events"
#define OUTBOX_KEYS 10
#define OUTBOX_WRITERS 8

extern psm_store *st;
extern psm_transport *t; /* memory, three partitions */
extern psm_config *cfg;
extern psm_error *err;
extern psm_relay *r; /* NULL until outbox_start */

/* The checked fixture of each test. */
void outbox_setup(void);
void outbox_teardown(void);

void outbox_start(void);
/* Until all rows are gone, at most 20 s. */
void outbox_wait_empty(void);

/* To be freed with psm_event_free. */
psm_event *outbox_event(int key, int n);
int outbox_emit(psm_tx *tx, int key, int n);
/* One use case: lock the entity, change it, let it be known. */
int outbox_change(psm_store *store, int key, psm_error *e);
/* Eight threads, that many changes each; how many commits succeeded. */
int outbox_write(int each, void (*meanwhile)(void));

struct arrived {
	int events;     /* different ones */
	int doubles;    /* the same event once more */
	int inversions; /* a new one with a lower n than one before, per key */
	int gaps;       /* n that never came, per key */
};

/* All that is in the topic. */
struct arrived outbox_read(void);

#endif
