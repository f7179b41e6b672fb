/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a kafka source hands out next.
 *
 * All partitions have one queue, so that librdkafka's limits of a queue are the
 * limits of the consumer. What comes out of it while its partition is held is
 * kept here, in order. When too much is kept, nothing is taken from the queue
 * any more; and when that lasts, the partitions that are held are paused, so
 * that the others can go on. Pausing throws away what librdkafka has of a
 * partition, so it is not done for a hold that is over soon.
 */
#include "transport/kafka/source.h"

/* How long other partitions may wait for one that is held. */
#define STUCK_MS 1000

static size_t
cost_of(const rd_kafka_message_t *m)
{
	return m->len + m->key_len + PSM__MESSAGE_COST;
}

/* -- what is kept */

/* Behind what is kept of its partition. 0, or out of memory. */
static int
keep(struct psm__kafka_source *s, struct psm__kafka_part *part,
     rd_kafka_message_t *m)
{
	if (part->kept_at == part->kept_end)
		part->kept_at = part->kept_end = 0;
	if (psm__grow(&part->kept, &part->kept_cap, part->kept_end + 1,
	              sizeof(*part->kept)) < 0)
		return PSM_ERR_NOMEM;
	part->kept[part->kept_end++] = m;
	s->kept++;
	s->kept_bytes += cost_of(m);
	return 0;
}

static rd_kafka_message_t *
take_kept(struct psm__kafka_source *s, struct psm__kafka_part *part)
{
	rd_kafka_message_t *m = part->kept[part->kept_at++];

	s->kept--;
	s->kept_bytes -= cost_of(m);
	return m;
}

static int
has_kept(const struct psm__kafka_part *part)
{
	return part->kept_at < part->kept_end;
}

static struct psm__kafka_part *
part_of(struct psm__kafka_source *s, const rd_kafka_message_t *m)
{
	return psm__kafka_part(s, rd_kafka_topic_name(m->rkt), m->partition);
}

void
psm__kafka_forget(struct psm__kafka_source *s, struct psm__kafka_part *part)
{
	while (has_kept(part))
		rd_kafka_message_destroy(take_kept(s, part));
	if (s->odd && part_of(s, s->odd) == part) {
		rd_kafka_message_destroy(s->odd);
		s->odd = NULL;
	}
}

/* -- holding */

/* pause 0: resume. */
static void
set_paused(struct psm__kafka_source *s, struct psm__kafka_part *part, int pause)
{
	rd_kafka_topic_partition_list_t *list;

	if (part->paused == pause)
		return;
	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, part->topic, part->partition);
	if (pause)
		(void)rd_kafka_pause_partitions(s->rk, list);
	else
		(void)rd_kafka_resume_partitions(s->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	part->paused = pause;
	s->paused = pause ? s->paused + 1 : s->paused - 1;
}

void
psm__kafka_set_hold(struct psm__kafka_source *s, struct psm__kafka_part *part,
                    int64_t until_ms)
{
	if (!part->held_until_ms != !until_ms)
		s->held = until_ms ? s->held + 1 : s->held - 1;
	part->held_until_ms = until_ms;
}

void
psm__kafka_let_go(struct psm__kafka_source *s, struct psm__kafka_part *part)
{
	psm__kafka_forget(s, part);
	psm__kafka_set_hold(s, part, 0);
	if (!s->closing) /* then librdkafka may not answer any more */
		set_paused(s, part, 0);
}

/* End the holds that are over; *due is brought forward to the end of the next
 * one. A part whose kept messages can go on, NULL: none. */
static struct psm__kafka_part *
look_at_holds(struct psm__kafka_source *s, int64_t now, int64_t *due)
{
	struct psm__kafka_part *ready = NULL;
	size_t i;

	for (i = 0; i < s->part_count; i++) {
		struct psm__kafka_part *part = s->parts[i];

		if (part->held_until_ms > now) {
			if (part->held_until_ms < *due)
				*due = part->held_until_ms;
			continue;
		}
		psm__kafka_set_hold(s, part, 0);
		if (has_kept(part))
			ready = part;
		else
			set_paused(s, part, 0);
	}
	return ready;
}

/* Of the parts that are held and not paused yet, if there are others. */
static void
pause_held(struct psm__kafka_source *s)
{
	size_t i;

	if (s->held == s->part_count)
		return;
	for (i = 0; i < s->part_count; i++)
		if (s->parts[i]->held_until_ms)
			set_paused(s, s->parts[i], 1);
}

/* 1: another message can be taken from the queue: there is room to keep it, if
 * it is one that is not wanted yet. */
static int
may_take(struct psm__kafka_source *s, int64_t now, int64_t *due)
{
	if (s->kept_bytes < s->keep_max || s->held <= s->paused) {
		s->stuck_ms = 0;
		return 1;
	}
	if (s->stuck_ms == 0)
		s->stuck_ms = now;
	if (now - s->stuck_ms >= STUCK_MS) {
		pause_held(s);
		s->stuck_ms = 0;
		return s->held <= s->paused;
	}
	if (s->stuck_ms + STUCK_MS < *due)
		*due = s->stuck_ms + STUCK_MS;
	return 0;
}

/* -- handing out */

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
see_end(struct psm__kafka_source *s, struct psm__kafka_part *part,
        rd_kafka_message_t *m)
{
	if (part && m->offset > part->position) {
		if (part->position >= 0)
			psm__kafka_check_gap(s, part, m->offset);
		__atomic_store_n(&part->position, m->offset, __ATOMIC_RELAXED);
	}
	if (part)
		psm__kafka_came(part, psm__mono_ms());
	rd_kafka_message_destroy(m);
	psm__kafka_up(&s->link);
}

/* 1: a record. 0: none. */
static int
hand_out(struct psm__kafka_source *s, struct psm__kafka_part *part,
         rd_kafka_message_t *m, int64_t now, struct psm__record *rec,
         psm_error *err)
{
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		see_end(s, part, m);
		return 0;
	}
	if (m->err)
		return fail_message(m, err);
	if (part->position >= 0 && part->position != m->offset)
		psm__kafka_check_gap(s, part, m->offset);
	psm__kafka_fill(rec, m);
	psm__kafka_came(part, now);
	__atomic_store_n(&part->position, m->offset + 1, __ATOMIC_RELAXED);
	psm__kafka_up(&s->link);
	return 1;
}

/* A message that stands before the last one that came is of another log, which
 * nobody waits to hear until a hold is over: what is held went with its log. */
static void
see_recreated(struct psm__kafka_source *s, struct psm__kafka_part *part,
              const rd_kafka_message_t *m)
{
	int64_t next = part->position;

	if (has_kept(part)) {
		const rd_kafka_message_t *last = part->kept[part->kept_end - 1];

		/* The end of the log is where the next message will be. */
		next = last->err ? last->offset : last->offset + 1;
	}
	if (m->err || next < 0 || m->offset >= next)
		return;
	psm__kafka_forget(s, part);
	psm__kafka_check_gap(s, part, m->offset);
	__atomic_store_n(&part->position, m->offset, __ATOMIC_RELAXED);
}

/* What has come out of the queue: hand it out, or keep it. Results as above;
 * PSM_ERR_NOMEM: m is to be looked at again. */
static int
sort(struct psm__kafka_source *s, rd_kafka_message_t *m, int64_t now,
     struct psm__record *rec, psm_error *err)
{
	struct psm__kafka_part *part = part_of(s, m);

	if (part && part->held_until_ms > now)
		see_recreated(s, part, m);
	if (part && (part->held_until_ms > now || has_kept(part)))
		return keep(s, part, m) < 0 ? psm__nomem(err) : 0;
	if (part || m->err)
		return hand_out(s, part, m, now, rec, err);
	rd_kafka_message_destroy(m); /* of one that went away */
	return 0;
}

int
psm__kafka_next(struct psm__kafka_source *s, int64_t now,
                struct psm__record *rec, int64_t *due, psm_error *err)
{
	struct psm__kafka_part *ready = NULL;
	rd_kafka_message_t *m;
	int rc = 0;

	if (s->held || s->kept || s->paused)
		ready = look_at_holds(s, now, due);
	while (ready) {
		rc = hand_out(s, ready, take_kept(s, ready), now, rec, err);
		if (rc)
			return rc;
		ready = look_at_holds(s, now, due);
	}
	m = s->odd; /* not before: a gap may have dropped it */
	s->odd = NULL;
	while (rc == 0 && (m || may_take(s, now, due))) {
		if (!m)
			m = rd_kafka_consume_queue(s->records, 0);
		if (!m)
			break;
		psm__kafka_ate(&s->waker, m->len);
		rc = sort(s, m, now, rec, err);
		if (rc == PSM_ERR_NOMEM)
			s->odd = m;
		m = NULL;
	}
	return rc;
}
