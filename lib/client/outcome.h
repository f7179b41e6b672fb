/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens to an event after a try: one table for the consumer, the
 * processor and the retry of parked events. It knows neither clock nor lock nor
 * database.
 */
#ifndef PSM_CLIENT_OUTCOME_H
#define PSM_CLIENT_OUTCOME_H

#include "client/dispatch.h"

/* What a code says about the failure. */
enum psm__failure {
	PSM__NO_FAILURE,
	PSM__FAILURE_PERMANENT, /* of the event: another try is in vain */
	PSM__FAILURE_TRANSIENT, /* of the event: another try may succeed */
	PSM__FAILURE_SYSTEM,    /* not of the event: the next one fails, too */
	PSM__N_FAILURES
};

/* The first ones are counted; the order is that of psm__outcome_name. */
enum psm__outcome {
	PSM__HANDLED,
	PSM__DUPLICATE, /* this consumer has handled it before */
	PSM__DEAD,      /* a dead letter */
	PSM__SKIPPED,   /* it has no handler or no value */
	PSM__RETRY,     /* again later; its partition waits */
	PSM__PARKED,    /* again later; its key waits, among the parked */
	PSM__N_COUNTED,
	PSM__HELD = PSM__N_COUNTED, /* it stays parked until a person
	                             * releases it */
	PSM__ROLLBACK,              /* no try at all: the same batch again */
	PSM__N_OUTCOMES
};

struct psm__try_result {
	int code; /* 0, or why it failed */
	/* Of its handler; NULL: none was called. With code 0 there is none. */
	const psm_handler_options *options;
	int attempt; /* which one this was, from 1 */
	int parked;  /* it is a parked event that was tried again */
};

/* A parked event whose handler has no max_attempts: so many tries, which take
 * some hours, then a person has to look at it. */
#define PSM__PARKED_ATTEMPTS_MAX 30

enum psm__failure psm__classify(int code);
/* The code that counts after a handler has returned: failed is that of its
 * transaction (psm__tx_failed), 0: none. */
int psm__effective_code(int failed, int returned);
enum psm__outcome psm__outcome(const struct psm__try_result *r);
/* As statistics and metrics name those that are counted. */
const char *psm__outcome_name(enum psm__outcome o);

#endif
