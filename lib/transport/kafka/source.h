/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of a kafka source.
 *
 * The records of all partitions go into one queue of ours, cut off from the
 * consumer's queue, which brings only rebalances, errors and statistics.
 *
 * Lock order: none is held while another one is taken. parts_lock: the array
 * of parts, changed by the polling thread, read by lag(). wait_lock: the two
 * flags; taken in librdkafka's threads, so nothing of librdkafka may be called
 * under it.
 */
#ifndef PSM_KAFKA_SOURCE_H
#define PSM_KAFKA_SOURCE_H

#include "transport/kafka/prefetch.h"

struct psm__kafka_part {
	char *topic;
	int32_t partition;
	rd_kafka_queue_t *queue; /* forwarded to that of all */
	int64_t position; /* __atomic; offset of the next record, -1: unknown */
	int64_t held_until_ms;     /* monotonic; 0: it is not held */
	int paused;                /* librdkafka reads nothing of it */
	int64_t came_ms, asked_ms; /* when something of it last came, and when
	                            * the broker was last asked for its end */
	int64_t behind; /* __atomic; messages that the broker was asked for
	                 * and that do not come; 0: none */
	/* What came while it was held: from kept_at to before kept_end. */
	rd_kafka_message_t **kept;
	size_t kept_at, kept_end, kept_cap;
};

struct psm__kafka_source {
	struct psm__source base;
	struct psm__kafka_link link;
	rd_kafka_t *rk;
	rd_kafka_queue_t *group_queue;
	rd_kafka_queue_t *records;      /* of all partitions */
	rd_kafka_queue_t *commit_queue; /* results of commits */
	intptr_t commit_seq;            /* number of the last commit */
	void (*confirmed)(const char *topic, int32_t partition, int64_t next,
	                  void *user);
	int64_t (*start_at)(const char *topic, int32_t partition,
	                    int64_t committed, int64_t incarnation, void *user);
	void (*revoked)(const char *topic, int32_t partition, void *user);
	void (*gap)(const struct psm__gap *gap, void *user);
	void *user;
	char *group; /* for the log */
	int leaves;  /* the group, when it is closed */

	pthread_mutex_t parts_lock;
	struct psm__kafka_part **parts;
	size_t part_count, part_cap;
	int assigned; /* under parts_lock: 1 after the first assignment */

	/* Of the polling thread: */
	size_t kept, kept_bytes, keep_max; /* of all parts; messages, bytes */
	size_t held, paused;               /* parts */
	size_t last_part;                  /* that was looked for */
	int64_t stuck_ms;        /* since when no more can be kept; 0: it can */
	rd_kafka_message_t *odd; /* there was no memory to keep it */
	struct psm__kafka_waker waker;
	int64_t serve_at_ms; /* when to look at the group at the latest */
	int64_t quiet_ms;    /* then brokers are asked where a log ends, */
	int64_t ask_at_ms;   /* the next time */
	int closing;         /* no more callbacks of the user */
	int64_t clock;       /* for psm__clock_set_back() */
	int set_back;        /* it was: this client is of no use any more */

	pthread_mutex_t wait_lock;
	pthread_cond_t wait_cond;
	int raised;      /* some queue got something */
	int woken;       /* wake() was called */
	int group_ready; /* __atomic; the group's queue got something */

	/* Of the end, under wait_lock: */
	int closed; /* the group was told */
	int gone;   /* the client has ended */
	int left;   /* nobody waits for that any more */
};

/* rebalance_cb of librdkafka, on the polling thread. */
void psm__kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what,
                          rd_kafka_topic_partition_list_t *list, void *opaque);
/* NULL unless it is assigned. @thread polling thread */
struct psm__kafka_part *psm__kafka_part(struct psm__kafka_source *s,
                                        const char *topic, int32_t partition);
void psm__kafka_drop_parts(struct psm__kafka_source *s);
/* From a thread of librdkafka: a queue is not empty any more. */
void psm__kafka_raise(rd_kafka_t *rk, void *opaque);

/* -- transport/kafka/incarnation.c: which log a name stands for */

struct psm__kafka_ids;
/* Ask for the topics of the list. NULL: they cannot be known. */
struct psm__kafka_ids *
psm__kafka_ids_ask(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list);
/* Waits for the answer, for a limited time from when it was asked for. 0: not
 * known; ids may be NULL. */
int64_t psm__kafka_ids_incarnation(struct psm__kafka_ids *ids,
                                   const char *topic);
void psm__kafka_ids_free(struct psm__kafka_ids *ids);

/* -- transport/kafka/member.c: @thread polling thread */

/* Before the client takes conf. */
int psm__kafka_name_member(struct psm__kafka_source *s, rd_kafka_conf_t *conf,
                           psm_error *err);
/* Leave the group: 1: it was told, and the client is closed. */
int psm__kafka_leave(struct psm__kafka_source *s, int timeout_ms);

/* -- transport/kafka/queue.c: @thread polling thread */

/* 1: a record. 0: none; *due is brought forward to when to look again. */
int psm__kafka_next(struct psm__kafka_source *s, int64_t now,
                    struct psm__record *rec, int64_t *due, psm_error *err);
/* Hand out nothing of it before until_ms (monotonic); 0: go on. */
void psm__kafka_set_hold(struct psm__kafka_source *s,
                         struct psm__kafka_part *part, int64_t until_ms);
/* Drop what is kept of it. */
void psm__kafka_forget(struct psm__kafka_source *s,
                       struct psm__kafka_part *part);
/* It is as new, and can go. */
void psm__kafka_let_go(struct psm__kafka_source *s,
                       struct psm__kafka_part *part);

/* -- transport/kafka/offset.c */

/* What librdkafka knows of a log that it cannot read is what it was when it
 * could. After a quiet time the broker is asked, a partition each time. */
void psm__kafka_ask_ends(struct psm__kafka_source *s, int64_t now);
/* Something of it came. */
void psm__kafka_came(struct psm__kafka_part *part, int64_t now);

/* Look at the results of commits that nobody waits for. */
void psm__kafka_drain_commits(struct psm__kafka_source *s);
int psm__kafka_commit(struct psm__source *base, const char *topic,
                      int32_t partition, int64_t next, int wait,
                      psm_error *err);
int psm__kafka_seek(struct psm__source *base, const char *topic,
                    int32_t partition, int64_t offset, psm_error *err);
int psm__kafka_hold(struct psm__source *base, const char *topic,
                    int32_t partition, int timeout_ms, psm_error *err);
int64_t psm__kafka_lag(struct psm__source *base);
/* offset came where part->position was due: tell it unless the log has a hole
 * there for reasons of its own. */
void psm__kafka_check_gap(struct psm__kafka_source *s,
                          const struct psm__kafka_part *part, int64_t offset);

#endif
