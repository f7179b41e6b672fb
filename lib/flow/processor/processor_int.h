/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The insides of a processor. processor.c and health.c are the public functions,
 * reader.c reads batches, part.c has the partitions, batch.c moves the offsets
 * around the handling of a batch, worker_tx.c is the transaction in which one
 * thread handles messages, handle.c one message of it. The processor's thread
 * has a worker transaction, and so has each of the workers (workers.c).
 * client/outcome.c decides what happens to an event, circuit.c whether all of
 * them fail.
 */
#ifndef PSM_FLOW_PROCESSOR_INT_H
#define PSM_FLOW_PROCESSOR_INT_H

#include <psymatch/processor.h>

#include "client/dispatch.h"
#include "client/outcome.h"
#include "transport/transport.h"
#include "flow/processor/breaker.h"
#include "flow/worker.h"
#include "store/delivery.h"

/* How long a statement may take that is not a handler's with a deadline of its
 * own. */
#define PSM__TIMEOUT_MS 30000
/* So many deadlines of the handler that has the longest one: a process that is
 * stopped in the middle of a transaction, or cut off, must not keep its
 * partitions' rows locked for ever. */
#define PSM__SILENCE 4
/* Stays below the 64 subtransactions that PostgreSQL keeps in memory per
 * connection. */
#define PSM__BATCH_MAX 50
/* How long a batch waits for more after its first message. Under load more is
 * at hand anyway; without, this is what each event waits. */
#define PSM__BATCH_MS 2
/* Handling one should not take longer: the group is not polled meanwhile, and a
 * member that does not poll for 300 s is removed from the group. */
#define PSM__BATCH_WORK_MS 10000
/* Backoff of a message that is to be tried again, and of the whole processor
 * when the system fails. */
#define PSM__RETRY_BASE_MS 100
#define PSM__RETRY_CAP_MS 30000
/* Between two tries of an event that is parked. */
#define PSM__PARK_BASE_MS 1000
#define PSM__PARK_CAP_MS 600000
/* Longest time between two looks for room among the parked. */
#define PSM__ROOM_CAP_MS 2000

#define PSM__NOT_AGAIN (-1)

/* What is known of a partition's row of the offset table. */
enum psm__part_state {
	PSM__PART_UNREAD,  /* nothing: it has to be read first */
	PSM__PART_KNOWN,   /* next is its offset, and the source reads there */
	PSM__PART_CLAIMED, /* the same, and the row says that it is ours */
	PSM__PART_RECREATED, /* it is of a topic that was deleted and recreated:
	                      * before anything of the new one is handled it is
	                      * moved to restart_at */
	PSM__N_PART_STATES
};

/* Whose a partition is. */
enum psm__part_use {
	PSM__PART_AWAY,     /* not assigned to us, or revoked */
	PSM__PART_ASSIGNED, /* the batch has no message of it */
	PSM__PART_IN_BATCH, /* assigned, and the batch has some */
	PSM__N_PART_USES
};

/* Why a partition waits; its next message is then the one in record. */
enum psm__part_wait {
	PSM__NO_WAIT,
	PSM__WAIT_RETRY, /* its message failed, and is tried again */
	PSM__WAIT_KEY,   /* too many events of its key are parked */
	PSM__WAIT_KEYS   /* too many keys have parked events */
};

struct psm__item;

/* A partition that is assigned to us, or was. */
struct psm__part {
	char *log;           /* the topic as the offset table has it */
	const char *topic;   /* the end of log */
	int64_t incarnation; /* of the log that is there now; 0: not known */
	int64_t committed;   /* as the group said with it */
	int32_t partition;
	enum psm__part_use use;     /* psm__part_set_use */
	enum psm__part_state state; /* psm__part_set_state */
	int64_t next;               /* offset of the row; -1: there is none */
	/* The source began with the earliest message, and there is no row yet.
	 */
	int from_earliest;
	/* Not PSM__NOT_AGAIN: messages are dropped until the source reads here
	 * again; an offset or PSM__EARLIEST. */
	int64_t reread;
	/* While it waits: for the message in record; the source gives nothing
	 * that is behind it. */
	enum psm__part_wait wait; /* psm__part_set_wait */
	struct psm__record record;
	/* Messages behind it, or of a batch that was rolled back, in order:
	 * from kept_at to before kept_end. */
	struct psm__record *kept;
	size_t kept_at, kept_end, kept_cap;
	unsigned attempt;
	int64_t due_ms;
	unsigned looks; /* for room among the parked */
	/* The last gap that was found. */
	int64_t gap_from, gap_to;
	int64_t restart_at; /* of PSM__PART_RECREATED */
	/* IN_BATCH: */
	int64_t first, resume; /* its first offset; where to go on after it */
	struct psm__item *stopped; /* at this message, NULL: not */
	psm_rows *moved;
};

struct psm__item {
	struct psm__record record;
	size_t part; /* index */
	int gone;    /* to be ignored: it was handled, or will be read again */
	int parked;  /* not of the batch: a parked event */
	int kept;    /* the memory is the partition's, not ours */
	enum psm__part_wait wait; /* its partition has to wait for it */
	/* While its transaction is under way: */
	psm_event *ev; /* parsed before its turn, NULL: not */
	int claimed;   /* its inbox row is there, with those of others */
};

struct psm__batch {
	struct psm__item *items; /* new; a batch per worker */
	size_t count, most;      /* most: how many to read */
};

/* What a thread needs to handle messages, all its own while it does. */
struct psm__worker_tx {
	psm_processor *pr;
	struct psm__item **items; /* new; as many as a batch has */
	size_t count;
	psm_error *err; /* of the transaction */
	/* Of the message whose turn it is: see struct psm__item. */
	psm_event *ready;
	int claimed;
	psm_error *fail; /* of one message */
	psm_rows *asked;
	int has_parked;   /* something is parked: look before each message */
	int out_of_order; /* an event behind an offset is settled: the same */
	int stops;        /* a partition has stopped */
	/* It is not known which event failed: a handler did not wait for the
	 * answers to its statements, or the commit failed. */
	int unattributed;
	/* Wait for the answers, and look at the constraints that are deferred,
	 * after each handler. */
	int await_each;
	int failed; /* a handler has, in the transaction */
	/* Those handled in the transaction that the breaker was not told of. */
	struct psm__trial good[PSM__BATCH_MAX];
	size_t good_count;
	int64_t outcomes[PSM__N_COUNTED]; /* of the transaction */
	int64_t done[PSM__N_COUNTED];     /* committed, not told yet */
	/* Of a worker. */
	int beside; /* of a worker: it does not move the offsets */
	int rc;     /* of its share */
	pthread_t thread;
};
struct psm__workers;

/* Metrics of one handler, made with its first call. */
struct psm__timer {
	struct psm__metric *count, *sum_us;
};

/* Errors that did not stop the processor, for its health: when, 0: never. */
struct psm__last_errors {
	int64_t poll_at_ms, logged_ms, dead_at_ms, late_at_ms;
	int64_t late;               /* calls of handlers past their deadline */
	char poll[160], shown[160]; /* logged; and in the health */
};

struct psm_processor {
	psm_store *st;
	psm_transport *t;
	char *name;
	char owner[40]; /* a UUID: who moved the offset */
	char **topics;
	size_t topic_count, topic_cap;
	struct psm__dispatch dispatch;
	struct psm__timer *timers; /* as many as handlers, same order */
	const char **types; /* new: that a handler takes; NULL: every type */
	size_t type_count;
	struct psm__worker worker;

	/* The thread's own. */
	struct psm__part *parts;
	size_t part_count, part_cap;
	struct psm__batch batch;
	struct psm__worker_tx main; /* the processor thread's own */
	struct psm__workers *pool;  /* NULL: it works alone */
	int64_t workers;            /* not changed */
	int silence_ms; /* of its transactions, 0: no limit; not changed */
	psm_error *err; /* that of main */
	unsigned failures;
	int batch_size; /* most messages of a batch, by how long they take */
	int64_t parked_at_ms;  /* when to look for parked events again */
	int64_t measure_at_ms; /* when to count them again */
	int parked_batch_size; /* most of them in a batch */
	int parked_more;      /* more may be due: messages are not waited for */
	int64_t lag_shown_ms; /* when the metrics were last set */
	int64_t progress;     /* messages done when last looked */
	int64_t stall_ms;     /* after that time health says so; not changed */
	int source_dead; /* it cannot read any more: a new one has to be opened */
	/* A message for whose partition there was no memory. */
	struct psm__record odd;
	int has_odd;

	/* __atomic: partitions that wait for a retry, those that are ours, and
	 * messages that are kept. Changed in what the source calls, where no
	 * lock of ours is taken. */
	int64_t retrying, assigned, kept;
	/* __atomic: the transport's time of the last message done, and of the
	 * oldest one that waits for another try; 0: none. */
	int64_t event_at_ms, retry_at_ms;
	int64_t full; /* of those that wait: for room among the parked */
	int64_t parked_key_max, parked_keys_max; /* not changed */

	pthread_mutex_t lock; /* taken before the source's locks */
	struct psm__source *source;
	int64_t outcomes[PSM__N_COUNTED];
	int64_t rollbacks;
	int64_t stalled_ms; /* since when none comes though some wait; 0: no */
	int breaker_on;     /* not changed once it runs */
	struct psm__breaker breaker;
	int breaker_shown;             /* 1 + the state that the metric has */
	char breaker_type[64];         /* of the event that opened it */
	struct psm__parked_sum parked; /* as last measured */
	char problem[256], shown[256]; /* logged; and in the health */
	int64_t gaps, gap_messages, gap_at_ms; /* gap_at_ms 0: never */
	char gap_where[200];
	struct psm__last_errors last_errors;
	char full_why[160]; /* of the last partition that found no room */
};

/* -- reader.c. @thread processor */

/* Open the source; PSM_ERR_* of the transport. */
int psm__reader_open(psm_processor *pr);
void psm__reader_close(psm_processor *pr, int timeout_ms);
/* Fill the batch, waiting for the first message; 0 to most messages. */
void psm__reader_collect(psm_processor *pr, size_t most);
/* Nothing may be handled now: poll only to stay in the group. */
void psm__reader_idle(psm_processor *pr);
/* 1: messages that were read have not been handled. */
int psm__reader_owes(const psm_processor *pr);
/* The batch was not committed: keep its messages for the next one, and read the
 * rows of its partitions again. */
void psm__reader_again(psm_processor *pr);
/* The batch was committed: note the offsets, commit them to the group as a hint,
 * and keep the messages that are to be tried again. */
void psm__reader_advance(psm_processor *pr);

/* -- part.c. @thread processor */

/* The row may have been moved by another one: it has to be read again. */
void psm__part_forget_row(struct psm__part *p);
/* Forget its messages and its offset. */
void psm__part_reset(psm_processor *pr, struct psm__part *p);
/* The same, and have the source go back to from. */
void psm__part_reread(psm_processor *pr, struct psm__part *p, int64_t from);
/* What the offset table calls the part. */
struct psm__place psm__part_place(const psm_processor *pr,
                                  const struct psm__part *p);
/* Made if it is new; NULL, or an index of -1: out of memory. Borrowed until the
 * next call. */
int psm__part_index(psm_processor *pr, const char *topic, int32_t partition);
struct psm__part *psm__part_find(psm_processor *pr, const char *topic,
                                 int32_t partition);
int psm__part_may_move(enum psm__part_state from, enum psm__part_state to);
void psm__part_set_state(struct psm__part *p, enum psm__part_state to);
/* 1: next is known. */
int psm__part_is_known(const struct psm__part *p);
/* Why it waits, for the log, the metric and the health. */
void psm__part_set_wait(psm_processor *pr, struct psm__part *p,
                        enum psm__part_wait wait);
/* Go on behind the message that waited for another try. */
void psm__part_end_retry(psm_processor *pr, struct psm__part *p);
int psm__part_may_use(enum psm__part_use from, enum psm__part_use to);
void psm__part_set_use(psm_processor *pr, struct psm__part *p,
                       enum psm__part_use to);

/* -- kept.c. @thread processor */

int psm__kept_any(const struct psm__part *p);
/* In front of the others, or behind them. Take rec; out of memory it is read
 * again. */
void psm__kept_first(psm_processor *pr, struct psm__part *p,
                     struct psm__record *rec);
void psm__kept_last(psm_processor *pr, struct psm__part *p,
                    struct psm__record *rec);
/* The first one, if there is any: the caller's now. */
void psm__kept_take(psm_processor *pr, struct psm__part *p,
                    struct psm__record *rec);
void psm__kept_drop(psm_processor *pr, struct psm__part *p);

/* -- last_errors.c: @thread processor, where nothing else is said */

/* Polling the source failed with pr->err. */
void psm__last_errors_poll(psm_processor *pr);
/* A handler has passed its deadline. */
void psm__last_errors_late(psm_processor *pr, const struct psm__record *rec,
                           int64_t over_ms);
/* PSM_HEALTH_AMBER with a sentence for some time. Any thread.
 * @locks pr->lock held */
int psm__last_errors_health(const psm_processor *pr, char *reason, size_t size);

/* -- gap.c */

/* gap of psm__source_conf; user is the processor. @thread processor */
void psm__processor_gap(const struct psm__gap *gap, void *user);
/* Move the row of a part whose topic was recreated. 0: done; else it is to be
 * tried again before the part is read. @thread processor */
int psm__part_restart(psm_processor *pr, struct psm__part *p);
/* 1: the row, as just read and of this incarnation, is of another log than the
 * one that is there. That is told, and recreated set. @thread processor */
int psm__part_check_incarnation(psm_processor *pr, struct psm__part *p,
                                int64_t incarnation);
/* There is no row, so the part is read from the earliest message on: say so if
 * its group had come further. @thread processor */
void psm__part_tell_earliest(psm_processor *pr, const struct psm__part *p);
/* PSM_HEALTH_AMBER with a sentence for some time after a gap, or after that.
 * @locks pr->lock held */
int psm__gap_health(const psm_processor *pr, char *reason, size_t size);

/* -- lag.c */

/* -1: unknown. @locks pr->lock held */
int64_t psm__lag_messages(const psm_processor *pr);
int64_t psm__lag_seconds(const psm_processor *pr);
/* The batch is committed, and what is to be tried again is kept.
 * @thread processor */
void psm__lag_note(psm_processor *pr);
/* Now and then: the metrics. @thread processor */
void psm__lag_show(psm_processor *pr);
/* Messages came: while they are handled none has to come. @thread processor */
void psm__stall_end(psm_processor *pr);
/* Not green when messages wait and none comes. @locks pr->lock held */
int psm__stall_health(const psm_processor *pr, char *reason, size_t size);

/* -- batch.c. @thread processor */

#define PSM__FENCED "another consumer has moved the offset"

/* Handle the batch: in one transaction, or by the workers. */
int psm__batch_run(psm_processor *pr);

/* -- workers.c: the workers. @thread processor */

/* Start them if PSYMATCH_PROCESSOR_WORKERS is above 1; before the processor's
 * thread. */
int psm__workers_open(psm_processor *pr, psm_error *err);
/* End and free them. */
void psm__workers_close(psm_processor *pr);
/* Each handles its share of the batch; 0, or why one of them could not: then
 * what the others did is committed all the same. */
int psm__workers_run(psm_processor *pr);
/* Add what they have committed, and start again from zero. */
void psm__workers_count(psm_processor *pr, int64_t *outcomes);

/* -- worker_tx.c. @thread processor, worker */

struct psm__tried;

int psm__worker_tx_init(struct psm__worker_tx *w, psm_processor *pr,
                        psm_error *err);
void psm__worker_tx_destroy(struct psm__worker_tx *w);
int psm__worker_tx_begin(struct psm__worker_tx *w, psm_tx **tx);
/* Queue the question what is parked or was settled out of order; with the next
 * sync the answer has come: then psm__worker_tx_saw. It holds for what was
 * committed when the question was answered, so by then nobody else may have the
 * partitions any more. */
int psm__worker_tx_ask(struct psm__worker_tx *w, psm_tx *tx);
void psm__worker_tx_saw(struct psm__worker_tx *w);
/* The items from .. to-1; 0, or the reason to roll back. */
int psm__worker_tx_handle(struct psm__worker_tx *w, psm_tx *tx, size_t from,
                          size_t to);
/*
 * The inbox rows of at most PSM__BATCH_MAX items in one round trip, before the
 * first of them is tried; then each, or not, which tells the breaker too; at
 * the end what was not handled has no row. rc: so far. All: 0, or the reason to
 * roll back.
 */
int psm__worker_tx_claim(struct psm__worker_tx *w, psm_tx *tx,
                         struct psm__item **items, size_t count);
int psm__worker_tx_try(struct psm__worker_tx *w, psm_tx *tx,
                       struct psm__item *it, int attempt, struct psm__tried *t);
int psm__worker_tx_unclaim(struct psm__worker_tx *w, psm_tx *tx,
                           struct psm__item **items, size_t count, int rc);
/* 1: it failed, and which event did is not known: once more, with the answers
 * awaited after each. */
int psm__worker_tx_again(struct psm__worker_tx *w, int rc);
/* Commit for rc 0, else roll back; rc, or why it is not committed. */
int psm__worker_tx_end(struct psm__worker_tx *w, psm_tx *tx, int rc);
/* Add what was committed, and start again from zero. */
void psm__worker_tx_count(struct psm__worker_tx *w, int64_t *outcomes);

/* -- handle.c: one message inside a transaction. @thread processor, worker */

struct psm__tried {
	enum psm__outcome outcome;
	int code;      /* why it is dead, or to be tried again */
	int attempt;   /* which one this was */
	int parked;    /* it is a parked event */
	int called;    /* the handler was */
	psm_event *ev; /* NULL: it could not be read */
};
/* Give it to its handler; what the handler did is undone unless it is handled.
 * 0, or the reason to roll back the transaction. */
int psm__try(struct psm__worker_tx *w, psm_tx *tx, const struct psm__item *it,
             int attempt, struct psm__tried *t);
void psm__tried_free(struct psm__tried *t);
/* Queue the dead letter. */
int psm__tried_dead_letter(struct psm__worker_tx *w, psm_tx *tx,
                           const struct psm__record *rec,
                           const struct psm__tried *t);
/* Queue the parked event; tried 0: it waits for another one. */
int psm__tried_park(struct psm__worker_tx *w, psm_tx *tx,
                    const struct psm__record *rec, const struct psm__tried *t,
                    int tried);

/* -- retry.c: parked events that are due. @thread processor */

/* A batch of at most `most` of them; 0, or why it could not go on. */
int psm__retry_due(psm_processor *pr, int most);
/* Once a second: count them, whatever else happens. */
void psm__parked_show(psm_processor *pr);
/* PSM_HEALTH_AMBER with a sentence while events are parked. Any thread.
 * @locks pr->lock held */
int psm__parked_health(const psm_processor *pr, char *reason, size_t size);

/* -- circuit.c: the breaker. @thread processor, where nothing else is said */

/* How many events may be handled now, 0 to max. */
int psm__circuit_allow(psm_processor *pr, int max);
/* Nothing may be handled: wait a little, at most until something may. */
void psm__circuit_wait(psm_processor *pr);
/* What became of an event, before it is settled. 0, or the breaker has opened:
 * the code for which the transaction is to be rolled back. One that was handled
 * counts as soon as one that failed comes behind it: before, or at the commit,
 * it can turn out that it was not. Any thread. */
int psm__circuit_feed(struct psm__worker_tx *w, const struct psm__record *rec,
                      const struct psm__tried *t);
/* The worker transaction is committed: so is what was handled. Any thread. */
void psm__circuit_kept(struct psm__worker_tx *w);
/* Before a transaction is committed: 0, or the breaker has opened meanwhile and
 * it holds a failure. Any thread. */
int psm__circuit_check(struct psm__worker_tx *w);
/* What was fed since psm__circuit_allow is committed. */
void psm__circuit_committed(psm_processor *pr);
/* PSM_HEALTH_RED with a sentence unless the breaker is closed. Any thread.
 * @locks pr->lock held */
int psm__circuit_health(const psm_processor *pr, char *reason, size_t size);

/* -- timing.c. Any thread. */

/* A handler took this long. */
void psm__processor_timed(psm_processor *pr, const struct psm__handler *h,
                          int64_t took_us);

/* -- batch_size.c */

/* How many messages the next batch may have, up to max, after one of count that
 * may have had size and took so long. */
int psm__batch_size(int size, int max, size_t count, int64_t took_ms);

#endif
