/* SPDX-License-Identifier: BSD-2-Clause */
/* Which partitions a kafka source has: rebalances. */
#include <stdio.h>
#include <string.h>

#include "transport/kafka/source.h"

/* How long a rebalance may wait for the group's committed offsets. Without an
 * answer librdkafka fetches them itself, later and for as long as it takes. */
#define COMMITTED_MS 2000

struct psm__kafka_part *
psm__kafka_part(struct psm__kafka_source *s, const char *topic,
                int32_t partition)
{
	size_t i = s->last_part;

	/* Records come in runs of one partition. */
	if (i < s->part_count && s->parts[i]->partition == partition &&
	    strcmp(s->parts[i]->topic, topic) == 0)
		return s->parts[i];
	for (i = 0; i < s->part_count; i++)
		if (s->parts[i]->partition == partition &&
		    strcmp(s->parts[i]->topic, topic) == 0) {
			s->last_part = i;
			return s->parts[i];
		}
	return NULL;
}

static void
part_free(struct psm__kafka_part *part)
{
	if (!part)
		return;
	if (part->queue)
		rd_kafka_queue_destroy(part->queue);
	psm__free(part->kept);
	psm__free(part->topic);
	psm__free(part);
}

/* The queue is cut off before the partition is assigned: afterwards, messages
 * could already be on their way through the consumer's queue. */
static struct psm__kafka_part *
part_new(struct psm__kafka_source *s, const rd_kafka_topic_partition_t *tp)
{
	struct psm__kafka_part *part = psm__alloc(sizeof(*part));

	if (!part)
		return NULL;
	part->partition = tp->partition;
	part->position = tp->offset >= 0 ? tp->offset : -1;
	part->came_ms = psm__mono_ms();
	part->topic = psm__strdup(tp->topic);
	if (part->topic)
		part->queue = rd_kafka_queue_get_partition(s->rk, tp->topic,
		                                           tp->partition);
	if (!part->queue) {
		part_free(part);
		return NULL;
	}
	rd_kafka_queue_forward(part->queue, s->records);
	return part;
}

static int
add_part(struct psm__kafka_source *s, const rd_kafka_topic_partition_t *tp)
{
	struct psm__kafka_part *part = part_new(s, tp);
	int rc = PSM_ERR_NOMEM;

	if (!part)
		return rc;
	pthread_mutex_lock(&s->parts_lock);
	rc = psm__grow(&s->parts, &s->part_cap, s->part_count + 1,
	               sizeof(*s->parts));
	if (rc == 0)
		s->parts[s->part_count++] = part;
	pthread_mutex_unlock(&s->parts_lock);
	if (rc < 0)
		part_free(part);
	return rc;
}

static void
drop_part(struct psm__kafka_source *s, const char *topic, int32_t partition)
{
	struct psm__kafka_part *part = psm__kafka_part(s, topic, partition);
	size_t i;

	if (!part)
		return;
	psm__kafka_let_go(s, part);
	pthread_mutex_lock(&s->parts_lock);
	for (i = 0; s->parts[i] != part;)
		i++;
	s->parts[i] = s->parts[--s->part_count];
	pthread_mutex_unlock(&s->parts_lock);
	part_free(part);
}

void
psm__kafka_drop_parts(struct psm__kafka_source *s)
{
	while (s->part_count)
		drop_part(s, s->parts[0]->topic, s->parts[0]->partition);
}

static void
log_count(struct psm__kafka_source *s, const char *what, int count)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", count);
	psm__log(PSM_LOG_INFO, what, "client", rd_kafka_name(s->rk),
	         "partitions", text, NULL);
}

/* Where to start each partition: what the user says, else what is committed,
 * else auto.offset.reset. */
static void
choose_offsets(struct psm__kafka_source *s,
               rd_kafka_topic_partition_list_t *list)
{
	/* The answers to both questions are waited for together. */
	struct psm__kafka_ids *ids =
	    s->start_at ? psm__kafka_ids_ask(s->rk, list) : NULL;
	int known;
	int i;

	known = rd_kafka_committed(s->rk, list, COMMITTED_MS) ==
	        RD_KAFKA_RESP_ERR_NO_ERROR;
	for (i = 0; i < list->cnt; i++) {
		rd_kafka_topic_partition_t *tp = &list->elems[i];
		int64_t committed = PSM__COMMITTED_UNKNOWN;
		int64_t at = -1;

		if (known && !tp->err)
			committed = tp->offset >= 0 ? tp->offset : -1;
		if (s->start_at)
			at = s->start_at(
			    tp->topic, tp->partition, committed,
			    psm__kafka_ids_incarnation(ids, tp->topic),
			    s->user);
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
log_failed(struct psm__kafka_source *s, const char *what, const char *text)
{
	psm__log(PSM_LOG_ERROR, what, "client", rd_kafka_name(s->rk), "text",
	         text, NULL);
}

static int
is_cooperative(struct psm__kafka_source *s)
{
	return strcmp(rd_kafka_rebalance_protocol(s->rk), "COOPERATIVE") == 0;
}

/* Tell librdkafka; list NULL: nothing is assigned any more. */
static void
apply_assign(struct psm__kafka_source *s,
             const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t e;
	rd_kafka_error_t *error;

	if (is_cooperative(s)) {
		error = rd_kafka_incremental_assign(s->rk, list);
		if (error)
			log_failed(s, "assignment failed",
			           rd_kafka_error_string(error));
		rd_kafka_error_destroy(error);
		return;
	}
	e = rd_kafka_assign(s->rk, list);
	if (e)
		log_failed(s, "assignment failed", rd_kafka_err2str(e));
}

static void
apply_unassign(struct psm__kafka_source *s,
               const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_error_t *error;

	if (!is_cooperative(s) || !list) {
		rd_kafka_assign(s->rk, NULL); /* cannot fail */
		return;
	}
	error = rd_kafka_incremental_unassign(s->rk, list);
	if (error)
		log_failed(s, "unassignment failed",
		           rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
}

static void
assign(struct psm__kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
	int i;

	choose_offsets(s, list);
	for (i = list->cnt - 1; i >= 0; i--) {
		if (add_part(s, &list->elems[i]) == 0)
			continue;
		/* Without its part a partition would be read out of our
		 * control: leave it to the next rebalance. */
		log_failed(s, "partition not taken", "out of memory");
		rd_kafka_topic_partition_list_del_by_idx(list, i);
	}
	apply_assign(s, list);
	pthread_mutex_lock(&s->parts_lock);
	s->assigned = 1;
	pthread_mutex_unlock(&s->parts_lock);
	psm__kafka_up(&s->link);
	log_count(s, "partitions assigned", list->cnt);
}

static void
revoke(struct psm__kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
	int i;

	for (i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *tp = &list->elems[i];

		if (!psm__kafka_part(s, tp->topic, tp->partition))
			continue;
		if (s->revoked && !s->closing)
			s->revoked(tp->topic, tp->partition, s->user);
		drop_part(s, tp->topic, tp->partition);
	}
	apply_unassign(s, list);
	log_count(s,
	          rd_kafka_assignment_lost(s->rk) ? "partitions lost"
	                                          : "partitions revoked",
	          list->cnt);
}

void
psm__kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what,
                     rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct psm__kafka_link *link = opaque;
	struct psm__kafka_source *s = link->owner;

	(void)rk;
	if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !s->closing)
		assign(s, list);
	else if (what == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
		revoke(s, list);
	else
		apply_unassign(s, NULL);
}
