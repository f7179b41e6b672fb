/* SPDX-License-Identifier: BSD-2-Clause */
/* Events on their way out of a transaction. */
#ifndef PSM_STORE_OUTBOX_H
#define PSM_STORE_OUTBOX_H

#include "store/conn.h"

/* Copies of what psm_tx_emit was given, in that order. */
struct psm__outgoing {
	struct psm__outgoing_event *events;
	size_t count, cap;
	/* Of those that say nothing of their trace; owned, may be NULL. */
	char *traceparent, *tracestate;
};

/* cause: the event that is being handled, NULL if none. wire: how it travels,
 * an enum psm_wire. */
int psm__outgoing_add(struct psm__outgoing *o, const psm_event *ev,
                      const psm_event *cause, int wire, psm_error *err);
/* The event added last has to be handled by these consumers; copied. */
int psm__outgoing_require(struct psm__outgoing *o, const char *const *consumers,
                          size_t count, psm_error *err);
/* How many pairs of event and consumer are required. */
size_t psm__outgoing_required(const struct psm__outgoing *o);
struct psm__awaited;
/* Fill list, as long as that; borrowed from o. */
void psm__outgoing_awaited(const struct psm__outgoing *o,
                           struct psm__awaited *list);
/* The consumers that the catalogue names for the events, the last event first;
 * how many, at most max. Borrowed from o. */
size_t psm__outgoing_living(const struct psm__outgoing *o,
                            struct psm__awaited *list, size_t max);
/* -- required.c */

/* Before the rows are written: PSM_ERR_REJECT if a required consumer cannot
 * handle its event soon, because of what it has parked. */
int psm__required_check(const struct psm__outgoing *o, struct psm__conn *c,
                        psm_error *err);
/* After the commit: 0, or PSM_ERR_UNCONFIRMED. */
int psm__required_wait(const struct psm__outgoing *o, psm_store *st,
                       int wait_ms, psm_error *err);

/* -- outbox.c */

/* Forget all but the first keep. */
void psm__outgoing_cut(struct psm__outgoing *o, size_t keep);
/* Queue the rows' INSERT; ids are drawn in the order of the events. */
int psm__outgoing_queue(struct psm__outgoing *o, struct psm__conn *c,
                        psm_error *err);
void psm__outgoing_free(struct psm__outgoing *o);

#endif
