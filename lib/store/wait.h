/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting until consumers have handled events. */
#ifndef PSM_STORE_WAIT_H
#define PSM_STORE_WAIT_H

#include "store/store.h"

enum psm__await_state {
	PSM__AWAIT_OPEN,    /* nothing known of it */
	PSM__AWAIT_PARKED,  /* it failed and will be tried again */
	PSM__AWAIT_HANDLED, /* its effects are there */
	PSM__AWAIT_DEAD,    /* refused for good */
	PSM__AWAIT_ABSENT   /* no consumer that lives handles it */
};

struct psm__awaited {
	const char *consumer, *event_id;
	const char *key; /* of the event; NULL where it does not matter */
	/* Not NULL: wait only for those that live and handle this type; all of
	 * them whose name is consumer, or begins with it and "-". To be parked
	 * is decided then, too: that may last. */
	const char *type;
	enum psm__await_state state;
};

/*
 * Look until each one is handled or dead: 0. PSM_ERR_TIMEOUT: timeout_ms passed
 * before. While the database is away it is asked again; PSM_ERR_DB if it was so
 * at the end. Needs a connection of the pool only for the moment of a look.
 */
int psm__await(psm_store *st, struct psm__awaited *list, size_t count,
               int timeout_ms, psm_error *err);

/* For tests: looks at the database, of this process so far. */
int64_t psm__await_looks(void);

/* Threads of this process that wait look again: effects were committed. */
void psm__await_wake(void);

#endif
