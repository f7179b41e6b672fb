/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for the living consumers of what was committed: best effort. */
#ifndef PSM_STORE_LIVING_H
#define PSM_STORE_LIVING_H

#include "store/outbox.h"

#include <pthread.h>

/* Consumers of the catalogue are fewer. */
#define PSM__LATE_MAX 32

/* One that did not handle an event in time. It is not waited for until it has
 * handled `first`, and so fast, or `newest` as well. */
struct psm__late_consumer {
	char consumer[64];
	char first[40], newest[40]; /* ids of events that it had not handled */
	char first_type[64], newest_type[64];
	int64_t first_ms, newest_ms; /* when they were committed */
};

/* What a store remembers of them. */
struct psm__late {
	pthread_mutex_t lock; /* a leaf */
	struct psm__late_consumer list[PSM__LATE_MAX];
	size_t count;
};

/* Behind the COMMIT that is queued, queue the question who lives, if that matters
 * for these events. */
void psm__living_ask(const struct psm__outgoing *out, struct psm__conn *c,
                     psm_rows **living);
/* After a commit: until the consumers that the catalogue names for the events,
 * and that live, have handled, parked or refused them, at most wait_ms. living:
 * the answer to psm__living_ask(); NULL: there is none. */
void psm__living_wait(const struct psm__outgoing *out, psm_store *st,
                      int wait_ms, const psm_rows *living);

#endif
