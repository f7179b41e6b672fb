/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of a consumer.
 *
 * Whoever is busy (one caller of poll, or the consumer's thread) owns source,
 * parts and parse; the others only look at what lock guards and at the
 * atomics. lock is never held while a handler or a callback runs. It is held
 * around lag(), connected() and wake() of the source, which keeps close() from
 * freeing it meanwhile: lock order is lock before the transport's own.
 */
#ifndef PSM_CONSUMER_INT_H
#define PSM_CONSUMER_INT_H

#include <psymatch/consumer.h>

#include "client/dispatch.h"
#include "transport/transport.h"

enum psm__consumer_state {
	PSM__C_NEW,      /* being set up */
	PSM__C_OPENING,  /* busy: start opens the source */
	PSM__C_POLLING,  /* busy: a call of poll reads */
	PSM__C_POLLED,   /* between two calls of poll */
	PSM__C_RUNNING,  /* busy: the consumer's thread reads */
	PSM__C_STOPPING, /* busy: told to stop, but still reading */
	PSM__C_STOPPED,  /* no thread reads any more */
	PSM__C_CLOSED,
	PSM__N_C_STATES
};

/* A partition that this consumer reads. */
struct psm__cpart {
	char *topic;
	int32_t partition;
	int64_t next;      /* offset behind the last finished one; -1: none */
	int64_t committed; /* what was last committed of it; -1: nothing */
	/* What the group is known to have; -1: nothing. */
	int64_t confirmed;
	int64_t incarnation; /* of its topic, from the transport; 0: not known
	                      */
	/* A record whose handler asked for another try; the transport keeps
	 * the rest of the partition until it is done. */
	int retrying;
	struct psm__record rec;
	unsigned attempts;
	int64_t due_ms;                       /* monotonic */
	struct psm__dlq_message *dead_letter; /* rec is dead, and waits for this
	                               to be acknowledged; NULL: it is not */
};

/* How far a partition was handled that went away. */
struct psm__cmemo {
	char *topic;
	int32_t partition;
	int64_t next, confirmed, incarnation; /* as those of its part */
};

struct psm__consumer_counts {
	int64_t handled, retried, dead, skipped, overrun; /* __atomic */
	int64_t gaps, gap_messages;                       /* __atomic */
	struct psm__metric *m_handled, *m_retried, *m_dead, *m_skipped;
	struct psm__metric *m_overrun, *m_gaps, *m_lag, *m_lag_seconds;
};

struct psm_consumer {
	psm_transport *t; /* a reference */
	char *group;
	char **topics;
	size_t topic_count, topic_cap;
	struct psm__dispatch dispatch;
	psm_dead_fn dead_fn;
	void *dead_user;
	int dead_letters; /* into topics with PSM__DEAD_SUFFIX */

	pthread_mutex_t lock;
	pthread_cond_t idle; /* state has changed */
	/* Changed by state.c, under lock; __atomic for psm__consumer_stopping.
	 */
	enum psm__consumer_state state;
	pthread_t owner; /* who reads, in a busy state */
	int joinable;    /* thread was started and is to be joined */
	pthread_t thread;
	struct psm__source *source; /* NULL before the first poll; set under
	                               lock */
	int64_t connected_ms;       /* when a broker was last reachable */
	int64_t dead_ms;            /* when an event last died; 0: never */
	int64_t overrun_ms;         /* when a call passed its deadline; 0: never
	                             */
	int64_t gap_ms;             /* when a gap was last found; 0: never */
	char gap_where[200];
	int64_t failed_ms; /* when a poll last failed; 0: never */
	int fatal;         /* the transport's client is dead */
	char failure[160];
	int64_t event_ms;       /* __atomic; the transport's time of the last
	                           message finished, 0: none */
	int64_t retry_since_ms; /* 0: nothing is retried */
	int64_t stalled_ms; /* since when none comes though some wait; 0: no */
	int64_t progress;   /* of the busy one: records when last looked */
	int64_t stall_ms;   /* after that time health says so; not changed */
	int64_t assigned;   /* __atomic; partitions */
	char retry_where[160];

	/* Of the busy one: */
	struct psm__cpart **parts;
	size_t part_count, part_cap;
	size_t last_part;
	struct psm__cmemo *memos; /* one per partition at most */
	size_t memo_count, memo_cap;
	size_t retrying; /* parts with a record that waits; __atomic */
	int64_t commit_ms;
	psm_error *err; /* of handlers and of the parser */
	uint64_t dice;
	struct psm__sink *dead_sink; /* NULL until the first dead letter */
	/* A record for whose part there was no memory: it comes first. */
	struct psm__record odd;
	int has_odd;

	struct psm__consumer_counts counts;
};

/* -- client/consumer/part.c. All on the busy thread. */

/* NULL: out of memory. */
struct psm__cpart *psm__cpart_get(psm_consumer *c, const char *topic,
                                  int32_t partition);
void psm__cpart_drop(psm_consumer *c, const char *topic, int32_t partition);
void psm__cpart_drop_all(psm_consumer *c);
/* The group has this offset now. */
void psm__cpart_confirmed(psm_consumer *c, const char *topic, int32_t partition,
                          int64_t next);
/* Keep rec and try it again later. Takes rec. */
void psm__cpart_retry(psm_consumer *c, struct psm__cpart *part,
                      const struct psm__record *rec);
/* The record that waits is done. */
void psm__cpart_retry_done(psm_consumer *c, struct psm__cpart *part);
/* A part whose record is due, NULL if none is; *wait_ms is brought down to the
 * time until the next one is. */
struct psm__cpart *psm__cpart_due(psm_consumer *c, int *wait_ms);
/* Commit what is finished. wait 1: see it done. The first failure. */
int psm__cpart_commit(psm_consumer *c, int wait, psm_error *err);
int psm__cpart_commit_one(psm_consumer *c, struct psm__cpart *part, int wait,
                          psm_error *err);

/* -- client/consumer/counts.c */

int psm__consumer_counts(psm_consumer *c);
/* One more. Any thread. */
void psm__consumer_count(int64_t *mine, struct psm__metric *ours);

/* -- client/consumer/gap.c */

/* gap of psm__source_conf; user is the consumer. */
void psm__consumer_gap(const struct psm__gap *gap, void *user);

/* -- client/consumer/memo.c. All on the busy thread. */

/* The partition goes: keep in mind how far it was handled, whatever became of
 * the last commit. Out of memory, some events come again. */
void psm__memo_remember(psm_consumer *c, const struct psm__cpart *part);
/* It comes: where to start, as start_at of psm__source_conf. */
int64_t psm__memo_recall(psm_consumer *c, const char *topic, int32_t partition,
                         int64_t committed, int64_t incarnation);
void psm__memo_forget_all(psm_consumer *c);

/* -- client/consumer/dead_letter.c. All on the busy thread. */

#define PSM__DEAD_SUFFIX ".dlq"

/* 1: the dead of this topic go into a topic of dead letters. */
int psm__dlq_wanted(const psm_consumer *c, const char *topic);
/* The dead letter of a record, which copies all it needs; NULL: out of memory.
 * psm__dlq_drop ends it. */
struct psm__dlq_message *psm__dlq_new(const psm_consumer *c,
                                      const struct psm__record *rec, int code,
                                      const char *reason, int attempts);
/* Send it, if that is due, and wait a moment. 0: acknowledged. PSM_ERR_RETRY:
 * go on later. */
int psm__dlq_go_on(psm_consumer *c, struct psm__dlq_message *d);
/* When to go on, monotonic. */
int64_t psm__dlq_due(const struct psm__dlq_message *d);
int psm__dlq_code(const struct psm__dlq_message *d);
const char *psm__dlq_reason(const struct psm__dlq_message *d);
/* NULL is allowed. */
void psm__dlq_drop(struct psm__dlq_message *d);
void psm__dlq_close(psm_consumer *c, int timeout_ms);

/* -- client/consumer/state.c. Any thread, where nothing else is said. */

int psm__consumer_may_move(enum psm__consumer_state from,
                           enum psm__consumer_state to);
/* 1: a thread reads. @locks c->lock held */
int psm__consumer_is_busy(const psm_consumer *c);
/* 1: the busy one has to leave its loop. */
int psm__consumer_stopping(const psm_consumer *c);
/* Become the busy one, to PSM__C_OPENING or PSM__C_POLLING. PSM_ERR_STATE:
 * another thread is, or the consumer is closed. */
int psm__consumer_enter(psm_consumer *c, enum psm__consumer_state to,
                        psm_error *err);
/* The busy one is done: to that state, or if it was told to stop to
 * PSM__C_STOPPED. @thread the busy one */
void psm__consumer_leave(psm_consumer *c, enum psm__consumer_state to);
/* From PSM__C_OPENING: a thread that runs run(c) becomes the busy one. After a
 * failure no thread is. */
int psm__consumer_launch(psm_consumer *c, void *(*run)(void *), psm_error *err);
/* Wait until no thread is busy, then none will be again; timeout_ms -1: as long
 * as it takes. PSM_ERR_TIMEOUT: one still is. */
int psm__consumer_stop(psm_consumer *c, int timeout_ms, psm_error *err);

/* -- client/consumer/loop.c */

/* Unless it has it. */
int psm__consumer_add_topic(psm_consumer *c, const char *topic, psm_error *err);
/* Open the source unless it is open. */
int psm__consumer_open(psm_consumer *c, psm_error *err);
void psm__consumer_drop_odd(psm_consumer *c);
/* Wait up to timeout_ms for the first record, then take what is there; the
 * count of records finished. */
int psm__consumer_round(psm_consumer *c, int timeout_ms);
/* The consumer's thread: rounds until it is told to stop. */
void *psm__consumer_run(void *c);

/* -- client/consumer/event.c: what becomes of one record. */

/* 0: finished, in whatever way. PSM_ERR_RETRY: again later. */
int psm__consumer_handle(psm_consumer *c, const struct psm__record *rec,
                         int attempt);
/* Go on with the dead letter of a dead record. Results as above. */
int psm__consumer_dead_letter(psm_consumer *c, const struct psm__record *rec,
                              struct psm__cpart *part);

#endif
