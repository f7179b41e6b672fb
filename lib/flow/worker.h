/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread that works until it is told to stop, within a deadline. */
#ifndef PSM_FLOW_WORKER_H
#define PSM_FLOW_WORKER_H

#include "base/base.h"

enum psm__worker_state {
	PSM__WORKER_IDLE,
	PSM__WORKER_RUNNING,
	PSM__WORKER_STOPPING,
	PSM__WORKER_STOPPED
};

struct psm__worker {
	pthread_mutex_t lock;   /* a leaf: nothing else is taken under it */
	pthread_cond_t changed; /* lock */
	enum psm__worker_state state; /* lock */
	int woken;                    /* lock: wake was called */
	int ended;                    /* lock: the thread does nothing more */
	int64_t deadline_ms;          /* lock: of stop */
	int cancel; /* __atomic: the deadline passed, end all waits */
	int waker;  /* a waker, below 0: none; set before the start */
	pthread_t thread;
	void (*run)(void *arg);
	void *arg;
};

int psm__worker_init(struct psm__worker *w, psm_error *err);
/* Before the start: the thread can use psm__worker_wait_on(). */
int psm__worker_pollable(struct psm__worker *w, psm_error *err);
/* It must not be running. */
void psm__worker_destroy(struct psm__worker *w);

/* PSM_ERR_STATE: started before. PSM_ERR_NOMEM: no thread. */
int psm__worker_start(struct psm__worker *w, const char *name,
                      void (*run)(void *arg), void *arg, psm_error *err);
/*
 * Tell the thread to stop, then call wake(arg) if given, and wait for its end.
 * After timeout_ms (-1: no limit) the cancel flag is set, and if the thread
 * does not end within another second this is PSM_ERR_TIMEOUT: call it again. 0
 * at once if it never ran or has ended.
 */
int psm__worker_stop(struct psm__worker *w, int timeout_ms,
                     void (*wake)(void *arg), psm_error *err);

/* Any thread: end the wait under way or the next one. */
void psm__worker_wake(struct psm__worker *w);
/* The thread's own wait; 1 if woken. Does not wait when stopping. */
int psm__worker_wait(struct psm__worker *w, int timeout_ms);
/* The same of a pollable one, which also ends when the socket (below 0: none)
 * is readable: 1 if woken, 2 if that. */
int psm__worker_wait_on(struct psm__worker *w, int socket_fd, int timeout_ms);
/* 1 once stop was called. */
int psm__worker_stopping(struct psm__worker *w);
/* Until the deadline of stop, at least 0; -1 when not stopping. */
int psm__worker_left_ms(struct psm__worker *w);
int psm__worker_running(struct psm__worker *w);

#endif
