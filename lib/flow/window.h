/* SPDX-License-Identifier: BSD-2-Clause */
/* Outbox rows between the producer and their deletion: bounded, any thread. */
#ifndef PSM_FLOW_WINDOW_H
#define PSM_FLOW_WINDOW_H

#include "base/base.h"

/* Rows in flight: at 6 ms per acknowledgement this is 80,000 events a second;
 * more would only be more to send twice after a crash. */
#define PSM__WINDOW 500

enum psm__flight_state {
	PSM__FLIGHT_FREE,
	PSM__FLIGHT_SENT,  /* the producer has it */
	PSM__FLIGHT_ACKED, /* the broker has it: the row can go */
	PSM__FLIGHT_DEAD,  /* it can never be sent */
};

struct psm__flight {
	enum psm__flight_state state;
	int64_t id;        /* of the row */
	char event_id[40]; /* as text */
	int code;          /* of a dead one */
	char reason[160];
};

struct psm__window {
	pthread_mutex_t lock;    /* a leaf */
	pthread_cond_t reported; /* lock: nothing outstanding, or failed */
	struct psm__flight flights[PSM__WINDOW];
	size_t used, outstanding; /* not free; sent */
	size_t next;              /* where a search begins */
	int failed; /* the producer gave one up that could have been sent */
};

int psm__window_init(struct psm__window *w, psm_error *err);
void psm__window_destroy(struct psm__window *w);
/* Forget all. */
void psm__window_clear(struct psm__window *w);

/* Before the row is handed to the producer. The window must not be full. */
void psm__window_add(struct psm__window *w, int64_t id, const char *event_id);
/* The row was not handed over: code 0: forget it, else it is dead. */
void psm__window_refused(struct psm__window *w, int64_t id, int code,
                         const char *reason);
/* A delivery report. 1: worth waking the thread that deletes rows. */
int psm__window_report(struct psm__window *w, const char *event_id, int rc,
                       const char *reason);

/* At one moment: the acknowledged rows into done[PSM__WINDOW], the other ones
 * that are known into busy[PSM__WINDOW]. */
void psm__window_split(struct psm__window *w, int64_t *done, size_t *done_count,
                       int64_t *busy, size_t *busy_count);
/* One dead row; 0 if there is none. */
int psm__window_dead(struct psm__window *w, struct psm__flight *out);
/* The row is gone. */
void psm__window_done(struct psm__window *w, const int64_t *ids, size_t count);
size_t psm__window_outstanding(struct psm__window *w);
int psm__window_failed(struct psm__window *w);
/* Until nothing is outstanding or the producer failed, at most timeout_ms. */
void psm__window_wait(struct psm__window *w, int timeout_ms);

#endif
