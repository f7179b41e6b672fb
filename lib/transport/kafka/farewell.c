/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/kafka/farewell.h"

#include "base/base.h"

#include <assert.h>

/* A client ends within a second, on a busy machine some. */
#define FAREWELL_MS 10000

enum state {
	ENDING,    /* the thread destroys the client */
	ENDED,     /* it has, and the caller does the rest */
	ABANDONED, /* nobody waits any more: the thread does the rest */
	N_STATES
};
static const char *const names[N_STATES] = {
    [ENDING] = "ending",
    [ENDED] = "ended",
    [ABANDONED] = "abandoned",
};
#define TO(s) (1u << (s))
static const unsigned may_follow[N_STATES] = {
    [ENDING] = TO(ENDED) | TO(ABANDONED),
    [ENDED] = 0,
    [ABANDONED] = TO(ENDED),
};

struct farewell {
	rd_kafka_t *rk;
	int flags;
	void (*end)(void *owner);
	void *owner;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum state state; /* lock */
};

/* @locks f->lock held */
static void
set_state(struct farewell *f, enum state to)
{
	assert(may_follow[f->state] & TO(to));
	psm__log(PSM_LOG_DEBUG, "end of a client", "was", names[f->state], "is",
	         names[to], NULL);
	f->state = to;
	(void)pthread_cond_signal(&f->changed);
}

static void
finish(struct farewell *f)
{
	f->end(f->owner);
	(void)pthread_cond_destroy(&f->changed);
	(void)pthread_mutex_destroy(&f->lock);
	psm__free(f);
}

/* @thread psm-farewell; owns f once nobody waits any more */
static void *
destroy_client(void *arg)
{
	struct farewell *f = arg;
	int abandoned;

	rd_kafka_destroy_flags(f->rk, f->flags);
	(void)pthread_mutex_lock(&f->lock);
	abandoned = f->state == ABANDONED;
	set_state(f, ENDED);
	(void)pthread_mutex_unlock(&f->lock);
	if (abandoned)
		finish(f);
	return NULL;
}

/* 1: the client has ended; 0: it is left to its thread. */
static int
await_end(struct farewell *f)
{
	struct timespec at;
	int ended;

	psm__deadline(&at, FAREWELL_MS);
	(void)pthread_mutex_lock(&f->lock);
	while (f->state != ENDED &&
	       pthread_cond_timedwait(&f->changed, &f->lock, &at) == 0)
		;
	ended = f->state == ENDED;
	if (!ended)
		set_state(f, ABANDONED);
	(void)pthread_mutex_unlock(&f->lock);
	return ended;
}

static struct farewell *
farewell_new(rd_kafka_t *rk, int flags, void (*end)(void *owner), void *owner)
{
	struct farewell *f = psm__alloc(sizeof(*f));

	if (!f || psm__cond_init(&f->changed) < 0) {
		psm__free(f);
		return NULL;
	}
	(void)pthread_mutex_init(&f->lock, NULL);
	f->rk = rk;
	f->flags = flags;
	f->end = end;
	f->owner = owner;
	f->state = ENDING;
	return f;
}

void
psm__kafka_end_client(rd_kafka_t *rk, int flags, void (*end)(void *owner),
                      void *owner)
{
	struct farewell *f = farewell_new(rk, flags, end, owner);
	pthread_t thread;

	if (!f) {
		rd_kafka_destroy_flags(rk, flags);
		end(owner);
		return;
	}
	if (psm__thread_start(&thread, "psm-farewell", destroy_client, f,
	                      NULL) < 0) {
		(void)destroy_client(f);
		finish(f);
		return;
	}
	if (await_end(f)) {
		(void)pthread_join(thread, NULL);
		finish(f);
		return;
	}
	(void)pthread_detach(thread);
	psm__log(PSM_LOG_WARN,
	         "a Kafka client does not end: a thread is left to wait for it",
	         NULL);
}
