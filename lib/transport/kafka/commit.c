/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/kafka/commit.h"

/* How long a commit that waits may take. */
#define COMMIT_MS 3000

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
take_answer(struct psm__kafka_commits *c, rd_kafka_event_t *ev)
{
	rd_kafka_resp_err_t e = rd_kafka_event_error(ev);
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_event_topic_partition_list(ev);
	int i;

	for (i = 0; !e && c->confirmed && list && i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *tp = &list->elems[i];

		if (!tp->err && tp->offset >= 0 &&
		    psm__kafka_part(c->parts, tp->topic, tp->partition))
			c->confirmed(tp->topic, tp->partition, tp->offset,
			             c->user);
	}
	return e;
}

void
psm__kafka_commits_drain(struct psm__kafka_commits *c)
{
	rd_kafka_event_t *ev;

	while ((ev = rd_kafka_queue_poll(c->queue, 0)) != NULL) {
		rd_kafka_resp_err_t e = take_answer(c, ev);

		if (commit_code(e) < 0)
			psm__log(PSM_LOG_WARN, "offset commit failed", "client",
			         rd_kafka_name(c->rk), "error",
			         rd_kafka_err2name(e), NULL);
		rd_kafka_event_destroy(ev);
	}
}

/* Results of earlier commits may come first. */
static int
await_answer(struct psm__kafka_commits *c, intptr_t seq, psm_error *err)
{
	int64_t deadline = psm__mono_ms() + COMMIT_MS;
	int64_t left;

	while ((left = deadline - psm__mono_ms()) > 0) {
		rd_kafka_event_t *ev;
		rd_kafka_resp_err_t e;
		intptr_t got;

		ev = rd_kafka_queue_poll(c->queue, (int)left);
		if (!ev)
			continue;
		got = (intptr_t)rd_kafka_event_opaque(ev);
		e = take_answer(c, ev);
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
psm__kafka_commit(struct psm__kafka_commits *c, const char *topic,
                  int32_t partition, int64_t next, int wait, psm_error *err)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t e;
	intptr_t seq;

	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, topic, partition)->offset =
	    next;
	seq = ++c->seq;
	e = rd_kafka_commit_queue(c->rk, list, c->queue, NULL, (void *)seq);
	rd_kafka_topic_partition_list_destroy(list);
	if (e)
		return psm__fail(err, commit_code(e), "offset commit: %s",
		                 rd_kafka_err2str(e));
	return wait ? await_answer(c, seq, err) : 0;
}

void
psm__kafka_commits_attach(struct psm__kafka_commits *c, rd_kafka_t *rk)
{
	c->rk = rk;
	c->queue = rd_kafka_queue_new(rk);
}

void
psm__kafka_commits_detach(struct psm__kafka_commits *c)
{
	if (c->queue)
		rd_kafka_queue_destroy(c->queue);
	c->queue = NULL;
}
