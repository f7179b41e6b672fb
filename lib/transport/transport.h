/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a transport is to the producer, the consumer and the processor: a sink
 * to send into and a source to read from. Implemented by
 * memory, kafka and postgres, each in a folder of its own.
 */
#ifndef PSM_TRANSPORT_INT_H
#define PSM_TRANSPORT_INT_H

#include <psymatch/transport.h>

#include "base/base.h"
#include "event/event.h"

/* -- names */

/* 1: a name that a topic or a group can have, on every transport. */
int psm__is_topic(const char *name);
#define PSM__WANT_TOPIC "1 to 249 of [A-Za-z0-9._-], not \".\" or \"..\""

/* -- sending. One thread at a time per sink, but for wake. */

/*
 * rc 0: acknowledged by all in-sync replicas. Else why not:
 * PSM_ERR_RETRY      not stored (topic not there, no permission, ...), but the
 *                    same message may be taken later: send it again, before
 *                    any later message of its key. Nothing of its topic that
 *                    was handed over behind it, and before this report, will
 *                    be stored for its key by this sink;
 * PSM_ERR_TOO_LARGE  refused by the broker for good;
 * PSM_ERR_INVAL      refused by the broker for good;
 * PSM_ERR_CLOSED     the sink is dead or closing: never sent, or outcome
 *                    unknown.
 * reason is a sentence without personal data, "" for rc 0.
 * A report may send, but not while the sink is closed; it must not poll or
 * close the sink.
 */
typedef void (*psm__report_fn)(uint64_t token, int rc, const char *reason,
                               void *user);

struct psm__sink;
struct psm__sink_ops {
	/* 1: when a report says TOO_LARGE or INVAL, only a neighbour that went
	 * in the same request may be to blame. It is certain of a message that
	 * was the only one of its topic between send and report. */
	int by_batch;
	/*
	 * 0: taken, exactly one report will come from poll or close.
	 * PSM_ERR_FULL: poll and try again. PSM_ERR_RETRY: not taken now
	 * (e.g. the topic is not there), try again in a second; other topics
	 * go on. PSM_ERR_TOO_LARGE, PSM_ERR_INVAL: never. PSM_ERR_NOMEM.
	 * PSM_ERR_BROKER: the client is dead for good: close the sink, open
	 * another, send again what has no report.
	 */
	int (*send)(struct psm__sink *s, const struct psm__message *m,
	            psm_error *err);
	/* Run reports on this thread, waiting up to timeout_ms for the first;
	 * the count, or PSM_ERR_BROKER as above. */
	int (*poll)(struct psm__sink *s, int timeout_ms, psm_error *err);
	/* Any thread: end a poll that waits. */
	void (*wake)(struct psm__sink *s);
	/* 1: a broker is reachable as far as is known. Any thread. */
	int (*connected)(struct psm__sink *s);
	/* Any thread: why no broker answers, "" if nothing is known; without
	 * secrets. May be NULL. */
	void (*last_error)(struct psm__sink *s, char *text, size_t size);
	/* Wait for outstanding reports up to timeout_ms, report the rest as
	 * PSM_ERR_CLOSED, free. */
	void (*close)(struct psm__sink *s, int timeout_ms);
};
struct psm__sink {
	const struct psm__sink_ops *ops;
	int32_t partition; /* of the report at hand, if its rc is 0 */
};

/* -- receiving. One thread at a time per source, but for wake. */

struct psm__record {
	const char *topic;
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms; /* the broker's, -1 if unknown */
	const char *key;      /* NULL if none */
	size_t key_len;
	const void *value; /* NULL for a null value */
	size_t value_len;
	const struct psm__header *headers; /* all of them, in their order */
	size_t header_count;
	void *handle; /* the transport's; everything above is borrowed until
	               release */
};

/*
 * The event of a record, with the trace of its headers and its origin: first
 * attempt, no deadline, no replay. It borrows from rec: free it before rec is
 * released. Results as psm_event_parse(); rec->value is not NULL.
 */
int psm__record_parse(const struct psm__record *rec, psm_event **out,
                      psm_error *err);
/*
 * The value as a text that needs no headers, for who keeps records without:
 * *made is the CloudEvent that was made of one in the binary form, new
 * (psm__free), and else NULL: then rec->value says it. PSM_ERR_NOMEM.
 */
int psm__record_join(const struct psm__record *rec, char **made, size_t *len);

/*
 * Messages that can never be read: the next one of a partition is not the one
 * that was due. from < to: retention deleted [from, to) before they were read.
 * from >= to: the topic that was read until from was deleted and recreated; how
 * many messages are gone is unknown.
 */
struct psm__gap {
	const char *topic; /* borrowed for the call */
	int32_t partition;
	int64_t from; /* the offset that was due */
	int64_t to;   /* where reading goes on: the earliest one there is */
};
/* The messages that are known to be gone. */
static inline int64_t
psm__gap_messages(const struct psm__gap *gap)
{
	return gap->to > gap->from ? gap->to - gap->from : 0;
}

/* A line of the log, at level error. */
void psm__source_log_gap(const char *group, const struct psm__gap *gap);

/* What the group has committed cannot be asked now. */
#define PSM__COMMITTED_UNKNOWN (-2)

/* As an offset to read from: the earliest message there is. Beginning there is
 * no gap, whatever retention has deleted before it. */
#define PSM__EARLIEST (-3)

/*
 * Callbacks run between two steps of the source, never in the middle of one:
 * they may release records, commit and pause. A server that goes away meanwhile
 * is an outage like any other. They must not poll, serve or close the source.
 */
struct psm__source_conf {
	const char *group;
	const char *const *topics; /* copied */
	size_t topic_count;
	/*
	 * On the polling thread, when a partition is given to us: where to
	 * start, with committed = the group's offset in the broker (-1: none,
	 * or PSM__COMMITTED_UNKNOWN), and incarnation = which topic of that
	 * name it is: another number, a recreated one; 0: not known.
	 * Return an offset, PSM__EARLIEST, or -1 for "committed, else the
	 * earliest". NULL: -1.
	 */
	int64_t (*start_at)(const char *topic, int32_t partition,
	                    int64_t committed, int64_t incarnation, void *user);
	/* On the polling thread: the group has this offset now, by a commit of
	 * ours. May be NULL. */
	void (*confirmed)(const char *topic, int32_t partition, int64_t next,
	                  void *user);
	/* On the polling thread, when a partition is taken away (or lost):
	 * forget what was read of it. May be NULL. */
	void (*revoked)(const char *topic, int32_t partition, void *user);
	/* On the polling thread, before the first record behind the gap is
	 * handed out. May be NULL; the transport logs it in any case. */
	void (*gap)(const struct psm__gap *gap, void *user);
	void *user;
};

struct psm__source;
struct psm__source_ops {
	/* 1: *rec filled. 0: nothing within timeout_ms. <0: an error worth a
	 * log line; go on polling. After an error that is fatal and retriable
	 * the source cannot be used any more: close it, open another. */
	int (*poll)(struct psm__source *s, int timeout_ms,
	            struct psm__record *rec, psm_error *err);
	/* As poll, without waiting and without a record: stay in the group. */
	int (*serve)(struct psm__source *s, psm_error *err);
	void (*release)(struct psm__source *s, struct psm__record *rec);
	/* next: the offset of the next message to handle. wait 0: hint, do not
	 * wait. */
	int (*commit)(struct psm__source *s, const char *topic,
	              int32_t partition, int64_t next, int wait,
	              psm_error *err);
	/* Read this partition again from offset, or PSM__EARLIEST. */
	int (*seek)(struct psm__source *s, const char *topic, int32_t partition,
	            int64_t offset, psm_error *err);
	/*
	 * Hand out nothing of this partition for timeout_ms; 0: go on now.
	 * How a failed record waits for its next try while the group is still
	 * polled and the other partitions go on. A rebalance ends it. A gap is
	 * reported meanwhile if the topic was recreated.
	 */
	int (*pause)(struct psm__source *s, const char *topic,
	             int32_t partition, int timeout_ms, psm_error *err);
	/* Messages behind the end of all assigned partitions; -1 if unknown.
	 * Any thread. */
	int64_t (*lag)(struct psm__source *s);
	/* Any thread: 1 while a broker is reachable as far as is known. */
	int (*connected)(struct psm__source *s);
	/* As that of a sink; may be NULL. */
	void (*last_error)(struct psm__source *s, char *text, size_t size);
	void (*wake)(struct psm__source *s);
	/* Leave the group within timeout_ms, or a second if that is longer and
	 * a broker is there, and free. */
	void (*close)(struct psm__source *s, int timeout_ms);
};
struct psm__source {
	const struct psm__source_ops *ops;
};

/* -- reading a topic without a group, until where it ended at first, or without
 * an end. One thread at a time. */

struct psm__reader_conf {
	const char *topic;
	int32_t partition; /* -1: all of them */
	int64_t from, to;  /* offsets, to is behind the last; INT64_MAX: end */
	/* Where to begin, if the transport can find it; the caller looks at
	 * the times of the records again. */
	int64_t from_ms, to_ms;
	int follow; /* 1: what is sent later is read, too; never at the end */
};

#define PSM__READER_END 2

struct psm__reader;
struct psm__reader_ops {
	/* 1: *rec filled. 0: nothing within timeout_ms. PSM__READER_END.
	 * PSM_ERR_BROKER: dead. */
	int (*next)(struct psm__reader *r, int timeout_ms,
	            struct psm__record *rec, psm_error *err);
	void (*release)(struct psm__reader *r, struct psm__record *rec);
	void (*close)(struct psm__reader *r);
};
struct psm__reader {
	const struct psm__reader_ops *ops;
	int64_t expected; /* messages until the ends; in Kafka, at most */
};

/* -- the transport itself: reference counted, any thread. Opening never waits
 * for a broker. */

struct psm__transport_ops {
	const char *name;
	/* The prefix of topic names in the offset table, because a topic of the
	 * same name on another transport has other offsets; NULL: none. It is
	 * no prefix that a topic's name can have. */
	const char *realm;
	/* 1: the offsets that a group has committed last as long as the topic.
	 */
	int keeps_groups;
	/* 1: what it has taken is gone when the process ends. */
	int ends_with_process;
	int (*open_sink)(psm_transport *t, psm__report_fn report, void *user,
	                 struct psm__sink **out, psm_error *err);
	int (*open_source)(psm_transport *t,
	                   const struct psm__source_conf *conf,
	                   struct psm__source **out, psm_error *err);
	/* Asks for the ends, each answer within timeout_ms. NULL: cannot. */
	int (*open_reader)(psm_transport *t,
	                   const struct psm__reader_conf *conf, int timeout_ms,
	                   struct psm__reader **out, psm_error *err);
	/* As psm_transport_lag(), whose arguments are checked. */
	int (*lag)(psm_transport *t, const char *group, int timeout_ms,
	           int64_t *out, psm_error *err);
	void (*free)(psm_transport *t);
};
struct psm_transport {
	const struct psm__transport_ops *ops;
	int refs; /* __atomic */
};

#endif
