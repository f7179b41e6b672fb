/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The partitions that are assigned to a kafka source, and what was read of
 * those whose turn has not come. Only part.c writes to these structs, but for
 * the last members of a partition, which are end.c's.
 *
 * @thread polling thread, unless a function says otherwise.
 */
#ifndef PSM_KAFKA_PART_H
#define PSM_KAFKA_PART_H

#include "transport/kafka/kafka_int.h"

enum psm__kafka_part_state {
	PSM__PART_FLOWING,  /* what comes is handed out; nothing is kept */
	PSM__PART_KEEPING,  /* what comes is kept */
	PSM__PART_PAUSED,   /* and librdkafka fetches nothing of it */
	PSM__PART_DRAINING, /* the wait is over: what was kept goes first */
	PSM__PART_RESUMING, /* the same, and librdkafka fetches nothing yet */
	PSM__N_PART_STATES
};

struct psm__kafka_part {
	char *topic;
	int32_t partition;
	int64_t position; /* __atomic; offset of the next record, -1: unknown */
	enum psm__kafka_part_state state;
	int64_t held_until_ms;   /* HELD, PAUSED: monotonic */
	rd_kafka_queue_t *queue; /* forwarded to that of all partitions */
	/* In the order in which they came: from kept_at to before kept_end. */
	rd_kafka_message_t **kept;
	size_t kept_at, kept_end, kept_cap;
	/* When something of it last came, and when the broker was last asked
	 * for its end. */
	int64_t came_ms, asked_ms;
	int64_t behind; /* __atomic; messages that the broker has and that do
	                 * not come; 0: none */
};

struct psm__kafka_parts {
	rd_kafka_t *rk;
	rd_kafka_queue_t *records; /* of all partitions */
	pthread_mutex_t lock;      /* a leaf: the list, for other threads */
	struct psm__kafka_part **list;
	size_t count, cap;
	int assigned; /* lock: 1 after the first assignment */
	int closing;  /* librdkafka may not answer any more, and the user
	               * hears nothing any more */
	size_t in_state[PSM__N_PART_STATES];
	size_t kept, kept_bytes; /* of all partitions; messages, bytes */
	rd_kafka_message_t *odd; /* one that there was no memory to keep */
	size_t last;             /* that was looked for */
};

void psm__kafka_parts_init(struct psm__kafka_parts *ps);
/* The client that they are of; it outlives them. records is taken. */
void psm__kafka_parts_attach(struct psm__kafka_parts *ps, rd_kafka_t *rk,
                             rd_kafka_queue_t *records);
/* Before the client ends. */
void psm__kafka_parts_detach(struct psm__kafka_parts *ps);
/* After detach. */
void psm__kafka_parts_destroy(struct psm__kafka_parts *ps);
/* The source is being closed. */
void psm__kafka_parts_close(struct psm__kafka_parts *ps);

/* Before librdkafka is told to fetch it. 0, or PSM_ERR_NOMEM. */
int psm__kafka_parts_add(struct psm__kafka_parts *ps,
                         const rd_kafka_topic_partition_t *tp);
void psm__kafka_parts_drop(struct psm__kafka_parts *ps, const char *topic,
                           int32_t partition);
void psm__kafka_parts_set_assigned(struct psm__kafka_parts *ps);
/* NULL unless it is assigned. */
struct psm__kafka_part *psm__kafka_part(struct psm__kafka_parts *ps,
                                        const char *topic, int32_t partition);
struct psm__kafka_part *psm__kafka_part_of(struct psm__kafka_parts *ps,
                                           const rd_kafka_message_t *m);

/* The next record is the one at this offset; -1: unknown. */
void psm__kafka_part_move(struct psm__kafka_part *part, int64_t position);

/* Hand out nothing of it before until_ms (monotonic); 0: go on. */
void psm__kafka_part_wait(struct psm__kafka_parts *ps,
                          struct psm__kafka_part *part, int64_t until_ms);
/* End the waits that are over; *due is brought forward to the end of the next
 * one. A partition whose kept messages can go on, NULL: none. */
struct psm__kafka_part *psm__kafka_parts_ready(struct psm__kafka_parts *ps,
                                               int64_t now, int64_t *due);
/* Pause all that wait, if there are others. */
void psm__kafka_parts_pause(struct psm__kafka_parts *ps);
/* 1: nothing waits, is kept or paused. */
static inline int
psm__kafka_parts_flow(const struct psm__kafka_parts *ps)
{
	return ps->in_state[PSM__PART_FLOWING] == ps->count && !ps->odd;
}
static inline int
psm__kafka_part_waits(const struct psm__kafka_part *part)
{
	return part->state == PSM__PART_KEEPING ||
	       part->state == PSM__PART_PAUSED;
}
/* 1: what comes of it has to be kept. */
static inline int
psm__kafka_part_keeps(const struct psm__kafka_part *part)
{
	return psm__kafka_part_waits(part) || part->kept_at < part->kept_end;
}

/* Behind what is kept of it. PSM_ERR_NOMEM: it is the odd one now. */
int psm__kafka_part_keep(struct psm__kafka_parts *ps,
                         struct psm__kafka_part *part, rd_kafka_message_t *m);
/* Of a partition that was ready: the first one that is kept of it. */
rd_kafka_message_t *psm__kafka_part_take(struct psm__kafka_parts *ps,
                                         struct psm__kafka_part *part);
/* The last one that is kept of it; NULL: none is. */
const rd_kafka_message_t *
psm__kafka_part_last(const struct psm__kafka_part *part);
/* Drop what is kept of it. */
void psm__kafka_part_forget(struct psm__kafka_parts *ps,
                            struct psm__kafka_part *part);
/* NULL: there is none. */
rd_kafka_message_t *psm__kafka_parts_take_odd(struct psm__kafka_parts *ps);

#endif
