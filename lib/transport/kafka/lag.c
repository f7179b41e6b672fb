/* SPDX-License-Identifier: BSD-2-Clause */
/* How far a group is behind: what it has committed, against the ends of the
 * logs. */
#include "transport/kafka/admin.h"

static int
fail_lag(psm_error *err, const char *what, rd_kafka_resp_err_t e)
{
	return psm__fail(err,
	                 e == RD_KAFKA_RESP_ERR__TIMED_OUT ||
	                         e == RD_KAFKA_RESP_ERR__TRANSPORT
	                     ? PSM_ERR_TIMEOUT
	                     : PSM_ERR_BROKER,
	                 "%s: %s", what, rd_kafka_err2str(e));
}

static int
fail_unread(psm_error *err, const char *group)
{
	return psm__fail(err, PSM_ERR_NOT_FOUND,
	                 "the group %s has read nothing yet", group);
}

/* Add what is behind the offsets that the group has committed. */
static int
add_up(struct psm__admin *a, const rd_kafka_topic_partition_list_t *list,
       int64_t *out, int *found, psm_error *err)
{
	int i;

	for (i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *p = &list->elems[i];
		int64_t low = 0, high = 0, from;
		rd_kafka_resp_err_t e;

		if (p->err && p->err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
			return fail_lag(err, "offsets of a group", p->err);
		if (p->offset < 0)
			continue;
		e = rd_kafka_query_watermark_offsets(a->rk, p->topic,
		                                     p->partition, &low, &high,
		                                     psm__admin_left_ms(a));
		if (e == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
		    e == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
		    e == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
			continue; /* deleted; the group's offset outlives it */
		if (e)
			return fail_lag(err, "the log's end", e);
		from = p->offset > low ? p->offset : low;
		*out += high > from ? high - from : 0;
		*found = 1;
	}
	return 0;
}

static int
look_at_answer(struct psm__admin *a, rd_kafka_event_t *answer,
               const char *group, int64_t *out, psm_error *err)
{
	const rd_kafka_group_result_t **groups;
	const rd_kafka_topic_partition_list_t *list;
	size_t count = 0;
	int rc, found = 0;

	if (!answer)
		return fail_lag(err, "offsets of a group",
		                RD_KAFKA_RESP_ERR__TIMED_OUT);
	if (rd_kafka_event_error(answer))
		return fail_lag(err, "offsets of a group",
		                rd_kafka_event_error(answer));
	groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
	    rd_kafka_event_ListConsumerGroupOffsets_result(answer), &count);
	if (count == 1 && rd_kafka_group_result_error(groups[0]))
		return fail_lag(err, "offsets of a group",
		                rd_kafka_error_code(
				    rd_kafka_group_result_error(groups[0])));
	list = count == 1 ? rd_kafka_group_result_partitions(groups[0]) : NULL;
	*out = 0;
	rc = list ? add_up(a, list, out, &found, err) : 0;
	return rc < 0 || found ? rc : fail_unread(err, group);
}

/* Every partition there is: librdkafka's mock cluster knows no question for all
 * that a group has. */
static int
list_partitions(struct psm__admin *a, rd_kafka_topic_partition_list_t **out,
                psm_error *err)
{
	const struct rd_kafka_metadata *md = NULL;
	rd_kafka_resp_err_t e =
	    rd_kafka_metadata(a->rk, 1, NULL, &md, psm__admin_left_ms(a));
	int i, n;

	if (e)
		return fail_lag(err, "list of topics", e);
	*out = rd_kafka_topic_partition_list_new(md->topic_cnt);
	for (i = 0; i < md->topic_cnt; i++) {
		const rd_kafka_metadata_topic_t *topic = &md->topics[i];

		for (n = 0; n < topic->partition_cnt; n++)
			rd_kafka_topic_partition_list_add(
			    *out, topic->topic, topic->partitions[n].id);
	}
	rd_kafka_metadata_destroy(md);
	return 0;
}

static int
ask(struct psm__admin *a, const char *group,
    const rd_kafka_topic_partition_list_t *all, int64_t *out, psm_error *err)
{
	rd_kafka_ListConsumerGroupOffsets_t *question =
	    rd_kafka_ListConsumerGroupOffsets_new(group, all);
	rd_kafka_AdminOptions_t *options =
	    psm__admin_options(a, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(a->rk);
	rd_kafka_event_t *answer;
	int rc;

	rd_kafka_ListConsumerGroupOffsets(a->rk, &question, 1, options, queue);
	answer = rd_kafka_queue_poll(queue, psm__admin_left_ms(a));
	rc = look_at_answer(a, answer, group, out, err);
	if (answer)
		rd_kafka_event_destroy(answer);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_ListConsumerGroupOffsets_destroy(question);
	return rc;
}

int
psm__kafka_group_lag(psm_transport *t, const char *group, int timeout_ms,
                     int64_t *out, psm_error *err)
{
	const struct psm__kafka *k = (const struct psm__kafka *)t;
	struct psm__admin a = {0};
	rd_kafka_topic_partition_list_t *all = NULL;
	int rc = psm__admin_open(&a, k->cfg, timeout_ms, err);

	if (rc == 0)
		rc = list_partitions(&a, &all, err);
	if (rc == 0 && all->cnt > 0)
		rc = ask(&a, group, all, out, err);
	else if (rc == 0)
		rc = fail_unread(err, group);
	if (all)
		rd_kafka_topic_partition_list_destroy(all);
	psm__admin_close(&a);
	return rc;
}
