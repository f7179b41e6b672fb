/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All partitions have one queue, so that librdkafka's limits of a queue are the
 * limits of the consumer. What comes out of it while its partition waits is
 * kept in order (part.c). When too much is kept, nothing is taken from the
 * queue any more; when that lasts, the partitions that wait are paused, so
 * that the others can go on. Pausing throws away what librdkafka has of a
 * partition, so it is not done for a wait that is over soon.
 */
#include "transport/kafka/queue.h"

#include "transport/kafka/record.h"

/* How long other partitions may be kept waiting by one. */
#define STUCK_MS 1000
/* How long a source may ask where a log begins. */
#define WATERMARK_MS 2000

/* 1: another message can be taken from the queue: there is room to keep it, if
 * it is one that is not wanted yet. */
static int
may_take(struct psm__kafka_queue *q, int64_t now, int64_t *due)
{
	const size_t *keeping = &q->parts->in_state[PSM__PART_KEEPING];

	if (q->parts->kept_bytes < q->keep_max || *keeping == 0) {
		q->stuck_ms = 0;
		return 1;
	}
	if (q->stuck_ms == 0)
		q->stuck_ms = now;
	if (now - q->stuck_ms >= STUCK_MS) {
		psm__kafka_parts_pause(q->parts);
		q->stuck_ms = 0;
		return *keeping == 0;
	}
	if (q->stuck_ms + STUCK_MS < *due)
		*due = q->stuck_ms + STUCK_MS;
	return 0;
}

/* -- handing out */

static void
check_gap(struct psm__kafka_queue *q, const struct psm__kafka_part *part,
          int64_t offset)
{
	struct psm__gap gap = {.topic = part->topic,
	                       .partition = part->partition,
	                       .from = part->position,
	                       .to = offset};
	int64_t low = -1, high = -1;

	/* Holes left by compaction and transactions lie behind the start of
	 * the log, what retention deleted lies before it. Without an answer
	 * from the broker it is reported as a gap. */
	if (gap.to > gap.from &&
	    rd_kafka_query_watermark_offsets(
		q->parts->rk, part->topic, part->partition, &low, &high,
		WATERMARK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR &&
	    low <= gap.from)
		return;
	psm__source_log_gap(q->group, &gap);
	if (q->gap)
		q->gap(&gap, q->user);
}

/* The payload of an error is librdkafka's own text. */
static int
fail_message(rd_kafka_message_t *m, psm_error *err)
{
	const char *text = rd_kafka_message_errstr(m);

	psm__fail(err, PSM_ERR_BROKER, "%s: %s", rd_kafka_err2name(m->err),
	          text ? text : "");
	rd_kafka_message_destroy(m);
	return PSM_ERR_BROKER;
}

/* The partition is read to its end: what is missing there are the markers of
 * transactions, or messages that retention took together with all others. */
static void
see_end(struct psm__kafka_queue *q, struct psm__kafka_part *part,
        rd_kafka_message_t *m)
{
	if (part && m->offset > part->position) {
		if (part->position >= 0)
			check_gap(q, part, m->offset);
		psm__kafka_part_move(part, m->offset);
	}
	if (part)
		psm__kafka_came(part, psm__mono_ms());
	rd_kafka_message_destroy(m);
	psm__kafka_up(q->link);
}

/* 1: a record. 0: none. */
static int
hand_out(struct psm__kafka_queue *q, struct psm__kafka_part *part,
         rd_kafka_message_t *m, int64_t now, struct psm__record *rec,
         psm_error *err)
{
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		see_end(q, part, m);
		return 0;
	}
	if (m->err)
		return fail_message(m, err);
	if (part->position >= 0 && part->position != m->offset)
		check_gap(q, part, m->offset);
	psm__kafka_fill(rec, m);
	psm__kafka_came(part, now);
	psm__kafka_part_move(part, m->offset + 1);
	psm__kafka_up(q->link);
	return 1;
}

/* A message that stands before the last one that came: the topic was deleted
 * and recreated. That is told at once, not when the wait is over, and what was
 * kept went with the former topic. */
static void
see_recreated(struct psm__kafka_queue *q, struct psm__kafka_part *part,
              const rd_kafka_message_t *m)
{
	const rd_kafka_message_t *last = psm__kafka_part_last(part);
	int64_t next = part->position;

	/* The end of the log is where the next message will be. */
	if (last)
		next = last->err ? last->offset : last->offset + 1;
	if (m->err || next < 0 || m->offset >= next)
		return;
	psm__kafka_part_forget(q->parts, part);
	check_gap(q, part, m->offset);
	psm__kafka_part_move(part, m->offset);
}

/* What has come out of the queue: hand it out, or keep it. Results as above;
 * PSM_ERR_NOMEM: m is to be looked at again. */
static int
sort(struct psm__kafka_queue *q, rd_kafka_message_t *m, int64_t now,
     struct psm__record *rec, psm_error *err)
{
	struct psm__kafka_part *part = psm__kafka_part_of(q->parts, m);

	if (part && psm__kafka_part_waits(part))
		see_recreated(q, part, m);
	if (part && psm__kafka_part_keeps(part))
		return psm__kafka_part_keep(q->parts, part, m) < 0
		           ? psm__nomem(err)
		           : 0;
	if (part || m->err)
		return hand_out(q, part, m, now, rec, err);
	rd_kafka_message_destroy(m); /* its partition was taken away */
	return 0;
}

/* What was kept, of a partition whose wait is over. Results as above. */
static int
next_kept(struct psm__kafka_queue *q, int64_t now, struct psm__record *rec,
          int64_t *due, psm_error *err)
{
	struct psm__kafka_part *part;
	int rc = 0;

	while (rc == 0 &&
	       (part = psm__kafka_parts_ready(q->parts, now, due)) != NULL)
		rc = hand_out(q, part, psm__kafka_part_take(q->parts, part),
		              now, rec, err);
	return rc;
}

int
psm__kafka_next(struct psm__kafka_queue *q, int64_t now,
                struct psm__record *rec, int64_t *due, psm_error *err)
{
	rd_kafka_message_t *m = NULL;
	int rc = 0;

	if (!psm__kafka_parts_flow(q->parts)) {
		rc = next_kept(q, now, rec, due, err);
		if (rc)
			return rc;
		/* Not before: a gap may have dropped it. */
		m = psm__kafka_parts_take_odd(q->parts);
	}
	while (rc == 0 && (m || may_take(q, now, due))) {
		if (!m)
			m = rd_kafka_consume_queue(q->parts->records, 0);
		if (!m)
			break;
		psm__kafka_ate(q->waker, m->len);
		rc = sort(q, m, now, rec, err);
		m = NULL;
	}
	return rc;
}
