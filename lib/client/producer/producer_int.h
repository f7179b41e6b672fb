/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The insides of the producer. send() only appends to the spool; one thread of
 * ours, the sender, hands the spool's records to the transport's sink, in
 * order, and settles them by the sink's reports.
 *
 * Lock order: the spool's lock, then p->lock. Callbacks run under neither.
 */
#ifndef PSM_PRODUCER_INT_H
#define PSM_PRODUCER_INT_H

#include "client/producer/producer.h"
#include "spool/spool.h"
#include "transport/transport.h"

/* The send window of a topic that the broker does not accept now. Its
 * records wait, other topics continue; first one record is tried, then the
 * others follow in order. */
enum psm__send_window_state {
	PSM__WINDOW_OPEN,
	PSM__WINDOW_WAITING,    /* until resume_ms */
	PSM__WINDOW_PROBING,    /* one record is on its way */
	PSM__WINDOW_CATCHING_UP /* sending what was deferred */
};
struct psm__send_window {
	char *topic;
	int state; /* enum psm__send_window_state */
	int64_t resume_ms;
	unsigned failures;
	uint64_t probe;     /* PROBING: the token */
	size_t unconfirmed; /* unconfirmed: so many records are sent one by
	                     * one, because one of them is refused for good
	                     * and the broker does not say which */
	uint64_t scan;      /* CATCHING: next token to look at */
};

/* What has a limit and watermarks. */
enum { PSM__WATERMARK_SIZE, PSM__WATERMARK_AGE, PSM__WATERMARKS };

enum psm__producer_state {
	PSM__PRODUCER_NEW,
	PSM__PRODUCER_RUNNING,
	PSM__PRODUCER_CLOSING,
	PSM__PRODUCER_CLOSED
};

#define PSM__RECEIPT_ID 40 /* a UUID as text */
#define PSM__RECEIPT_BUCKETS 1024

/* What is counted by type, and how long it took. */
#define PSM__PUBLISHED_TYPE 64
struct psm__published {
	struct psm__histogram *seconds;
	int64_t now_us; /* when the reports of this poll came; 0: none has */
	/* The types that were sent, in the order of their first event. */
	struct psm__published_type {
		char type[PSM__PUBLISHED_TYPE];
		size_t len;
		struct psm__metric *count; /* NULL until the first report */
	} types[64];
	size_t type_count, last; /* last: of the last event */
	/* Reports that are not counted yet: of one type, and of one bucket. */
	size_t run_type, bucket;
	int64_t run, waits, waited_us;
};

struct psm_producer {
	psm_transport *transport;
	char *dir, *key_file; /* dir "": the spool is in memory */
	int no_spool_dir; /* dir is to be the usual one, and there is none */
	int backed;       /* as psm__producer_backed() says */
	int durability, interval_ms, wire;
	int64_t max_bytes, event_max;
	int64_t max_age_us; /* 0: no limit */
	int refuse_old, low_percent, high_percent;
	size_t queue_max;
	unsigned forks; /* of the process that made it */
	psm_delivery_fn fn;
	void *user;
	psm_watermark_fn watermark_fn;
	void *watermark_user;
	struct psm__spool *spool; /* __atomic; NULL before start */

	pthread_mutex_t lock;
	pthread_cond_t wakeup;
	pthread_t thread;
	/* under lock */
	int state;              /* enum psm__producer_state */
	int64_t stop_at_ms;     /* when to give up; INT64_MAX: not closing */
	struct psm__sink *sink; /* set by the sender only */
	struct psm__sink *reporting; /* the same, also while it is closed */
	int woken;
	char last_error[256]; /* why nothing is sent, "" if all is well */
	size_t left;          /* CLOSED: what was not sent */
	size_t given_up;      /* CLOSED: of these, kept no_spool_dir */
	int unsynced;         /* CLOSED: the last sync of the spool failed */

	/* the sender's own */
	psm_error *err;
	size_t inflight;
	int handed;    /* records in this turn */
	int restart;   /* open another sink, send all again */
	int ending;    /* only reports are taken now */
	int by_batch;  /* as the sink's ops say */
	int64_t acked; /* reports that are not counted yet */
	struct psm__published published;
	int64_t open_at_ms, pause_until_ms;
	unsigned open_failures;
	struct psm__send_window *windows;
	size_t window_count, window_cap, windows_closed;
	uint32_t random;
	int watermark_high[PSM__WATERMARKS]; /* 1: from the high watermark to
	                                        the low */
	int64_t watermark_at_ms;             /* when to look next */

	pthread_mutex_t receipts_lock;
	struct psm_receipt *receipts[PSM__RECEIPT_BUCKETS]; /* under it */
	size_t receipt_count; /* __atomic: most producers have none */

	/* __atomic. Callers write the first while the sender writes the others:
	 * apart, so that the processors need not pass a cache line to and fro
	 * for every event. */
	int64_t accepted;
	char apart[64];
	int64_t sent, failed, restarts, last_ack_ms;
	struct psm__metric *m_accepted, *m_sent, *m_failed, *m_restarts,
	    *m_waiting, *m_bytes, *m_oldest;
};

/* -- producer.c */

/* How many forks there were between the program's start and this process. */
unsigned psm__forks(void);

/* How long psm_producer_free() waits for events to be sent; tests shorten
 * it. */
extern int psm__producer_free_ms;

/* -- client/producer/published.c. @thread sender */

/* The type of an event as it was encoded, without its version; "": not found. */
void psm__published_type(const struct psm__message *m,
                         char type[PSM__PUBLISHED_TYPE]);
/* It is about to be handed over. */
void psm__published_note(struct psm_producer *p, const struct psm__message *m);
/* The broker has it: log a line, and count it at the latest by
 * psm__published_count(), before callbacks and at the end of a poll. */
void psm__published(struct psm_producer *p, uint64_t token);
void psm__published_count(struct psm_producer *p);

/* -- client/producer/spool_dir.c */

/* Set p->dir by the setting PSYMATCH_SPOOL_DIR. 0 or PSM_ERR_NOMEM. */
int psm__producer_set_spool_dir(struct psm_producer *p, const char *setting,
                                int ends_with_process);
/* 0, or PSM_ERR_CONFIG: nothing says where the spool is to be. */
int psm__producer_check_spool_dir(const struct psm_producer *p, psm_error *err);
/* rc, the failure of opening the spool; err then names the setting, too. */
int psm__producer_explain_spool_dir(int rc, psm_error *err);

/* -- client/producer/sender.c */

void *psm__sender(void *producer);
/* Any thread: the sender has something new to look at. */
void psm__sender_wake(void *producer);
/* 1: the calling thread is the sender of p, i.e. in its callback. */
int psm__sender_is_me(const struct psm_producer *p);
/* -- client/producer/open.c */

/* Settings for psm_producer_open(): the environment's, and the name. */
int psm__producer_settings(const char *name, psm_config **out, psm_error *err);
/* psm_producer_send_one(), which waits for so long until the event is sent. */
int psm__producer_send_one(const char *name, psm_payload *m, int wait_ms,
                           psm_error *err);

/* -- client/producer/backoff.c */

/* 100 ms doubled for each failure, at most 5 s, give or take a quarter.
 * @thread sender */
int psm__producer_backoff(struct psm_producer *p, unsigned failures);
/* Why nothing is sent, "" if all is well. */
void psm__producer_set_error(struct psm_producer *p, const char *why);

/* -- client/producer/watermark.c */

/* Update levels and gauges, and call the watermark callback; now: even if it
 * is not due yet. @thread sender */
void psm__watermark_look(struct psm_producer *p, int now);
/* Of one of the limits; what: PSM__WATERMARK_. */
int psm__watermark_percent(const struct psm_producer *p, int what,
                           const struct psm__spool_numbers *n);
void psm__watermark_text(const struct psm_producer *p, int what,
                         const struct psm__spool_numbers *n, char *text,
                         size_t size);
/* Of the oldest event that waits; 0: none does. */
int64_t psm__watermark_age_us(const struct psm__spool_numbers *n);

/* -- client/producer/receipt.c */

/* Before the event is appended, as its outcome may be faster. NULL: out of
 * memory. */
struct psm_receipt *psm__receipt_new(struct psm_producer *p,
                                     const char *event_id);
/* The event was not accepted. Takes r. */
void psm__receipt_drop(struct psm_producer *p, struct psm_receipt *r);
/* The outcome of an event that may have a receipt. */
void psm__receipt_settle(struct psm_producer *p, const char *id, int rc,
                         const char *reason);

/* -- client/producer/send_window.c: @thread sender */

/* NULL: its window is open. */
struct psm__send_window *psm__send_window_closed(struct psm_producer *p,
                                                 const char *topic);
/* The broker does not accept this record of the topic now. */
void psm__send_window_close(struct psm_producer *p,
                            const struct psm__message *m, const char *why);
/* One of the records of a batch is refused for good: send them one by one to
 * find out which. 0: it was sent alone, so it is this one. */
int psm__send_window_unconfirmed(struct psm_producer *p,
                                 const struct psm__message *m, const char *why);
/* The record was acknowledged, or refused for good. */
void psm__send_window_acked(struct psm_producer *p, uint64_t token);
/* Hands one message over. 0: taken, or dealt with; PSM_ERR_FULL: stop for now;
 * PSM_ERR_BROKER: the sink is dead. */
typedef int (*psm__send_fn)(struct psm_producer *p,
                            const struct psm__message *m);
/* Send what is due of the topics that are closed; as send. */
int psm__send_windows_run(struct psm_producer *p, int64_t now_ms,
                          psm__send_fn send);
/* When the next one is due; INT64_MAX: none. */
int64_t psm__send_windows_due(const struct psm_producer *p);
/* A new client begins: all records are sent again, but closed topics are
 * still tried with one record first. */
void psm__send_windows_restart(struct psm_producer *p);
void psm__send_windows_free(struct psm_producer *p);

#endif
