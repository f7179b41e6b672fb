/* SPDX-License-Identifier: BSD-2-Clause */
/* Offsets of a kafka source: commit, seek, hold, lag. */
#include "transport/kafka/source.h"

/* How long a commit that waits may take, and a seek (which only has to reach
 * the thread that fetches). */
#define COMMIT_MS 3000
#define SEEK_MS 5000
/* How long a source may ask where a log begins, and where it ends. */
#define WATERMARK_MS 2000
#define ASK_MS 1000

static struct psm__kafka_source *
source_of(struct psm__source *s)
{
	return (struct psm__kafka_source *)s;
}

static int
not_ours(const char *topic, int32_t partition, psm_error *err)
{
	return psm__fail(err, PSM_ERR_FENCED, "%s[%d] is not assigned to us",
	                 topic, (int)partition);
}

static int
commit_code(rd_kafka_resp_err_t e)
{
	switch (e) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
	case RD_KAFKA_RESP_ERR__NO_OFFSET: /* it is there already */
		return 0;
	case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
	case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
	case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
	case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
		return PSM_ERR_FENCED;
	default:
		return PSM_ERR_BROKER;
	}
}

/* What an answer says of a commit. */
static rd_kafka_resp_err_t
take_answer(struct psm__kafka_source *s, rd_kafka_event_t *ev)
{
	rd_kafka_resp_err_t e = rd_kafka_event_error(ev);
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_event_topic_partition_list(ev);
	int i;

	for (i = 0; !e && s->confirmed && list && i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *tp = &list->elems[i];

		if (!tp->err && tp->offset >= 0 &&
		    psm__kafka_part(s, tp->topic, tp->partition))
			s->confirmed(tp->topic, tp->partition, tp->offset,
			             s->user);
	}
	return e;
}

void
psm__kafka_drain_commits(struct psm__kafka_source *s)
{
	rd_kafka_event_t *ev;

	while ((ev = rd_kafka_queue_poll(s->commit_queue, 0)) != NULL) {
		rd_kafka_resp_err_t e = take_answer(s, ev);

		if (commit_code(e) < 0)
			psm__log(PSM_LOG_WARN, "offset commit failed", "client",
			         rd_kafka_name(s->rk), "error",
			         rd_kafka_err2name(e), NULL);
		rd_kafka_event_destroy(ev);
	}
}

/* Results of earlier commits may come first. */
static int
await_commit(struct psm__kafka_source *s, intptr_t seq, psm_error *err)
{
	int64_t deadline = psm__mono_ms() + COMMIT_MS;
	int64_t left;

	while ((left = deadline - psm__mono_ms()) > 0) {
		rd_kafka_event_t *ev;
		rd_kafka_resp_err_t e;
		intptr_t got;

		ev = rd_kafka_queue_poll(s->commit_queue, (int)left);
		if (!ev)
			continue;
		got = (intptr_t)rd_kafka_event_opaque(ev);
		e = take_answer(s, ev);
		rd_kafka_event_destroy(ev);
		if (got != seq)
			continue;
		if (commit_code(e) == 0)
			return 0;
		return psm__fail(err, commit_code(e), "offset commit: %s",
		                 rd_kafka_err2str(e));
	}
	return psm__fail(err, PSM_ERR_TIMEOUT,
	                 "offset commit: no answer within %d ms", COMMIT_MS);
}

int
psm__kafka_commit(struct psm__source *base, const char *topic,
                  int32_t partition, int64_t next, int wait, psm_error *err)
{
	struct psm__kafka_source *s = source_of(base);
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t e;
	intptr_t seq;

	if (!psm__kafka_part(s, topic, partition))
		return not_ours(topic, partition, err);
	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, topic, partition)->offset =
	    next;
	seq = ++s->commit_seq;
	e = rd_kafka_commit_queue(s->rk, list, s->commit_queue, NULL,
	                          (void *)seq);
	rd_kafka_topic_partition_list_destroy(list);
	if (e)
		return psm__fail(err, commit_code(e), "offset commit: %s",
		                 rd_kafka_err2str(e));
	return wait ? await_commit(s, seq, err) : 0;
}

int
psm__kafka_seek(struct psm__source *base, const char *topic, int32_t partition,
                int64_t offset, psm_error *err)
{
	struct psm__kafka_source *s = source_of(base);
	struct psm__kafka_part *part = psm__kafka_part(s, topic, partition);
	rd_kafka_topic_t *handle;
	rd_kafka_resp_err_t e;

	if (!part)
		return not_ours(topic, partition, err);
	/* Not rd_kafka_seek_partitions(): its timeout is 1,000 times too short
	 * in 2.0.2. */
	handle = rd_kafka_topic_new(s->rk, topic, NULL);
	if (!handle)
		return psm__nomem(err);
	e = rd_kafka_seek(handle, partition,
	                  offset == PSM__EARLIEST ? RD_KAFKA_OFFSET_BEGINNING
	                                          : offset,
	                  SEEK_MS);
	rd_kafka_topic_destroy(handle);
	if (e)
		return psm__fail(err, PSM_ERR_BROKER, "seek: %s",
		                 rd_kafka_err2str(e));
	psm__kafka_forget(s, part);
	__atomic_store_n(&part->position, offset >= 0 ? offset : -1,
	                 __ATOMIC_RELAXED);
	return 0;
}

int
psm__kafka_hold(struct psm__source *base, const char *topic, int32_t partition,
                int timeout_ms, psm_error *err)
{
	struct psm__kafka_source *s = source_of(base);
	struct psm__kafka_part *part = psm__kafka_part(s, topic, partition);

	if (!part)
		return not_ours(topic, partition, err);
	psm__kafka_set_hold(s, part,
	                    timeout_ms > 0 ? psm__mono_ms() + timeout_ms : 0);
	return 0;
}

void
psm__kafka_check_gap(struct psm__kafka_source *s,
                     const struct psm__kafka_part *part, int64_t offset)
{
	struct psm__gap gap = {.topic = part->topic,
	                       .partition = part->partition,
	                       .from = part->position,
	                       .to = offset};
	int64_t low = -1, high = -1;

	/* What compaction and transactions leave out lies behind the start of
	 * the log, what retention took lies before it. Asked only here: a
	 * broker that does not answer is not a reason to keep silent. */
	if (gap.to > gap.from &&
	    rd_kafka_query_watermark_offsets(
		s->rk, part->topic, part->partition, &low, &high,
		WATERMARK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR &&
	    low <= gap.from)
		return;
	psm__source_log_gap(s->group, &gap);
	if (s->gap)
		s->gap(&gap, s->user);
}

void
psm__kafka_came(struct psm__kafka_part *part, int64_t now)
{
	part->came_ms = now;
	if (__atomic_load_n(&part->behind, __ATOMIC_RELAXED))
		__atomic_store_n(&part->behind, 0, __ATOMIC_RELAXED);
}

/* The part that was not asked for the longest time, NULL: not all are quiet. */
static struct psm__kafka_part *
quiet_part(struct psm__kafka_source *s, int64_t now)
{
	struct psm__kafka_part *found = NULL;
	size_t i;

	for (i = 0; i < s->part_count; i++) {
		struct psm__kafka_part *part = s->parts[i];

		if (now - part->came_ms < s->quiet_ms)
			return NULL; /* who is busy is not kept waiting */
		if (part->held_until_ms || part->paused || part->position < 0)
			continue;
		if (!found || part->asked_ms < found->asked_ms)
			found = part;
	}
	return found;
}

void
psm__kafka_ask_ends(struct psm__kafka_source *s, int64_t now)
{
	struct psm__kafka_part *part;
	int64_t low = -1, high = -1, behind = 0;

	if (now < s->ask_at_ms || !psm__kafka_connected(&s->link))
		return;
	s->ask_at_ms = now + s->quiet_ms / 5;
	part = quiet_part(s, now);
	if (!part)
		return;
	part->asked_ms = now;
	if (rd_kafka_query_watermark_offsets(
		s->rk, part->topic, part->partition, &low, &high, ASK_MS))
		return;
	/* A log that is shorter than what was read of it is another one. */
	if (high > part->position)
		behind = high - part->position;
	else if (high < part->position)
		behind = high - low;
	__atomic_store_n(&part->behind, behind, __ATOMIC_RELAXED);
}

/* -1: unknown. */
static int64_t
part_lag(struct psm__kafka_source *s, const struct psm__kafka_part *part)
{
	int64_t position = __atomic_load_n(&part->position, __ATOMIC_RELAXED);
	int64_t behind = __atomic_load_n(&part->behind, __ATOMIC_RELAXED);
	int64_t low = -1, high = -1, lag;

	if (rd_kafka_get_watermark_offsets(s->rk, part->topic, part->partition,
	                                   &low, &high) ||
	    high < 0)
		return behind > 0 ? behind : -1;
	if (position < 0)
		position = low < 0 ? 0 : low;
	lag = high > position ? high - position : 0;
	return behind > lag ? behind : lag;
}

int64_t
psm__kafka_lag(struct psm__source *base)
{
	struct psm__kafka_source *s = source_of(base);
	int64_t total = 0;
	size_t i;

	pthread_mutex_lock(&s->parts_lock);
	if (!s->assigned)
		total = -1;
	for (i = 0; i < s->part_count && total >= 0; i++) {
		int64_t lag = part_lag(s, s->parts[i]);

		total = lag < 0 ? -1 : total + lag;
	}
	pthread_mutex_unlock(&s->parts_lock);
	return total;
}
