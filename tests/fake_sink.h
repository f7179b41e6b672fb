/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A transport for tests of the sending side: one broker whose every answer the
 * test decides. It notes what it was given, in order, and can write it to a
 * file that outlives the process.
 */
#ifndef PSM_FAKE_SINK_H
#define PSM_FAKE_SINK_H

#include <pthread.h>

#include "transport/transport.h"

#define FAKE_MAX 400000

/* What becomes of the message that is the at-th to be delivered (from 1 on). */
enum fake_what {
	FAKE_NOTHING,
	FAKE_REPORT, /* it alone is reported as rc */
	FAKE_STALL,  /* as REPORT, and the broker is down after it */
	FAKE_BURST,  /* it and everything in flight behind it is */
	FAKE_DIE,    /* the client dies: all is reported as closed */
	FAKE_REFUSE  /* send itself returns rc, for the at-th send */
};

struct fake_rule {
	enum fake_what what;
	long at;
	int rc;
};

struct fake {
	psm_transport base;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Set by the test, under lock or before the start. */
	int down;              /* nothing is reported while it is */
	const char *bad_topic; /* every message of it is reported as bad_rc */
	int bad_rc;            /* RETRY, unless the test says another */
	struct fake_rule rules[8];
	int open_rc; /* open_sink fails with it */
	int fd;      /* "key n\n" for each message; -1: none */
	size_t queue_max;
	/* What happened. */
	int opened, live, most_live, sends;
	long tries, polls;
	int delivered;
	int keys[FAKE_MAX], numbers[FAKE_MAX];
};

void fake_init(struct fake *f);
void fake_free(struct fake *f);
void fake_set_down(struct fake *f, int down);
void fake_set_bad_topic(struct fake *f, const char *topic);
/* 0 once at least count messages were delivered, -1 if that takes too long. */
int fake_wait(struct fake *f, int count);
int fake_wait_opened(struct fake *f, int count);
int fake_wait_sends(struct fake *f, int count);
/* For showing that nothing happens in so much time. */
void fake_pass_ms(struct fake *f, int ms);

#endif
