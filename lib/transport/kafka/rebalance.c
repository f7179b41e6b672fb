/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/kafka/rebalance.h"

#include "transport/kafka/incarnation.h"

#include <stdio.h>
#include <string.h>

/* How long a rebalance may wait for the group's committed offsets. Without an
 * answer librdkafka fetches them itself, later and for as long as it takes. */
#define COMMITTED_MS 2000

static void
log_count(struct psm__kafka_group *g, const char *what, int count)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", count);
	psm__log(PSM_LOG_INFO, what, "client", rd_kafka_name(g->parts->rk),
	         "partitions", text, NULL);
}

/* Where to start each partition: what the user of the source says, else what is
 * committed, else auto.offset.reset. */
static void
choose_offsets(struct psm__kafka_group *g,
               rd_kafka_topic_partition_list_t *list)
{
	/* The answers to both questions are waited for together. */
	struct psm__kafka_ids *ids =
	    g->start_at ? psm__kafka_ids_ask(g->parts->rk, list) : NULL;
	int known;
	int i;

	known = rd_kafka_committed(g->parts->rk, list, COMMITTED_MS) ==
	        RD_KAFKA_RESP_ERR_NO_ERROR;
	for (i = 0; i < list->cnt; i++) {
		rd_kafka_topic_partition_t *tp = &list->elems[i];
		int64_t committed = PSM__COMMITTED_UNKNOWN;
		int64_t at = -1;

		if (known && !tp->err)
			committed = tp->offset >= 0 ? tp->offset : -1;
		if (g->start_at)
			at = g->start_at(
			    tp->topic, tp->partition, committed,
			    psm__kafka_ids_incarnation(ids, tp->topic),
			    g->user);
		if (at == PSM__EARLIEST)
			tp->offset = RD_KAFKA_OFFSET_BEGINNING;
		else if (at >= 0 || committed >= 0)
			tp->offset = at >= 0 ? at : committed;
		else
			tp->offset = RD_KAFKA_OFFSET_STORED;
		tp->err = RD_KAFKA_RESP_ERR_NO_ERROR;
	}
	psm__kafka_ids_free(ids);
}

static void
log_failed(struct psm__kafka_group *g, const char *what, const char *text)
{
	psm__log(PSM_LOG_ERROR, what, "client", rd_kafka_name(g->parts->rk),
	         "text", text, NULL);
}

static int
is_cooperative(struct psm__kafka_group *g)
{
	return strcmp(rd_kafka_rebalance_protocol(g->parts->rk),
	              "COOPERATIVE") == 0;
}

/* Tell librdkafka; list NULL: nothing is assigned any more. */
static void
apply_assign(struct psm__kafka_group *g,
             const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t e;
	rd_kafka_error_t *error;

	if (is_cooperative(g)) {
		error = rd_kafka_incremental_assign(g->parts->rk, list);
		if (error)
			log_failed(g, "assignment failed",
			           rd_kafka_error_string(error));
		rd_kafka_error_destroy(error);
		return;
	}
	e = rd_kafka_assign(g->parts->rk, list);
	if (e)
		log_failed(g, "assignment failed", rd_kafka_err2str(e));
}

static void
apply_unassign(struct psm__kafka_group *g,
               const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_error_t *error;

	if (!is_cooperative(g) || !list) {
		rd_kafka_assign(g->parts->rk, NULL); /* cannot fail */
		return;
	}
	error = rd_kafka_incremental_unassign(g->parts->rk, list);
	if (error)
		log_failed(g, "unassignment failed",
		           rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
}

static void
assign(struct psm__kafka_group *g, rd_kafka_topic_partition_list_t *list)
{
	int i;

	choose_offsets(g, list);
	for (i = list->cnt - 1; i >= 0; i--) {
		if (psm__kafka_parts_add(g->parts, &list->elems[i]) == 0)
			continue;
		/* Nothing would look at what is read of it: leave it to the
		 * next rebalance. */
		log_failed(g, "partition not taken", "out of memory");
		rd_kafka_topic_partition_list_del_by_idx(list, i);
	}
	apply_assign(g, list);
	psm__kafka_parts_set_assigned(g->parts);
	psm__kafka_up(g->link);
	log_count(g, "partitions assigned", list->cnt);
}

static void
revoke(struct psm__kafka_group *g, rd_kafka_topic_partition_list_t *list)
{
	int i;

	for (i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *tp = &list->elems[i];

		if (!psm__kafka_part(g->parts, tp->topic, tp->partition))
			continue;
		if (g->revoked && !g->parts->closing)
			g->revoked(tp->topic, tp->partition, g->user);
		psm__kafka_parts_drop(g->parts, tp->topic, tp->partition);
	}
	apply_unassign(g, list);
	log_count(g,
	          rd_kafka_assignment_lost(g->parts->rk) ? "partitions lost"
	                                                 : "partitions revoked",
	          list->cnt);
}

void
psm__kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what,
                     rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct psm__kafka_link *link = opaque;
	struct psm__kafka_group *g = link->owner;

	(void)rk;
	if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !g->parts->closing)
		assign(g, list);
	else if (what == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
		revoke(g, list);
	else
		apply_unassign(g, NULL);
}
