/* SPDX-License-Identifier: BSD-2-Clause */
/* A broker gives each topic an id, and librdkafka tells it from version 2.3 on.
 * A program built with such a version runs with an older one only if symbols
 * are bound lazily (not with -z now), and then without ids. */
#include "transport/kafka/incarnation.h"

#include "transport/kafka/kafka_int.h"

#include <string.h>

#ifdef PSM__TOPIC_IDS

#define WITH_IDS 0x020300ff
/* How long a rebalance may wait for it. */
#define DESCRIBE_MS 2000

struct psm__kafka_ids {
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	int64_t deadline;
	rd_kafka_event_t *answer; /* NULL: not there yet */
	int awaited;
};

/* The topics of a list, each once. */
static size_t
name_topics(const rd_kafka_topic_partition_list_t *list, const char **names)
{
	size_t count = 0, k;
	int i;

	for (i = 0; i < list->cnt; i++) {
		/* Those of one topic mostly follow each other. */
		for (k = count; k > 0; k--)
			if (strcmp(names[k - 1], list->elems[i].topic) == 0)
				break;
		if (k == 0)
			names[count++] = list->elems[i].topic;
	}
	return count;
}

static void
ask(struct psm__kafka_ids *ids, const char **names, size_t count)
{
	rd_kafka_TopicCollection_t *topics =
	    rd_kafka_TopicCollection_of_topic_names(names, count);
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(
	    ids->rk, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);

	(void)rd_kafka_AdminOptions_set_request_timeout(options, DESCRIBE_MS,
	                                                NULL, 0);
	ids->deadline = psm__mono_ms() + DESCRIBE_MS;
	rd_kafka_DescribeTopics(ids->rk, topics, options, ids->queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_TopicCollection_destroy(topics);
}

struct psm__kafka_ids *
psm__kafka_ids_ask(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
	struct psm__kafka_ids *ids;
	const char **names;

	if (list->cnt == 0 || rd_kafka_version() < WITH_IDS)
		return NULL;
	ids = psm__alloc(sizeof(*ids));
	names = psm__array((size_t)list->cnt, sizeof(*names));
	if (ids && names) {
		ids->rk = rk;
		ids->queue = rd_kafka_queue_new(rk);
		ask(ids, names, name_topics(list, names));
	} else {
		psm__free(ids);
		ids = NULL;
	}
	psm__free(names);
	return ids;
}

static void
await(struct psm__kafka_ids *ids)
{
	int64_t left = ids->deadline - psm__mono_ms();

	ids->awaited = 1;
	ids->answer = rd_kafka_queue_poll(ids->queue, left > 0 ? (int)left : 0);
	if (ids->answer && !rd_kafka_event_error(ids->answer))
		return;
	psm__log(PSM_LOG_INFO,
	         "topic ids are unknown: a recreated topic may go unnoticed",
	         "client", rd_kafka_name(ids->rk), "reason",
	         ids->answer ? rd_kafka_event_error_string(ids->answer)
	                     : "no answer",
	         NULL);
}

/* A broker before 2.8 has no ids, and its topics all have one of zeros. */
static int64_t
number_of(const rd_kafka_TopicDescription_t *topic)
{
	const rd_kafka_Uuid_t *id = rd_kafka_TopicDescription_topic_id(topic);

	if (rd_kafka_TopicDescription_error(topic) || !id)
		return 0;
	return (rd_kafka_Uuid_most_significant_bits(id) ^
	        rd_kafka_Uuid_least_significant_bits(id)) &
	       INT64_MAX;
}

int64_t
psm__kafka_ids_incarnation(struct psm__kafka_ids *ids, const char *topic)
{
	const rd_kafka_TopicDescription_t **list = NULL;
	size_t count = 0, i;

	if (ids && !ids->awaited)
		await(ids);
	if (!ids || !ids->answer || rd_kafka_event_error(ids->answer))
		return 0;
	list = rd_kafka_DescribeTopics_result_topics(
	    rd_kafka_event_DescribeTopics_result(ids->answer), &count);
	for (i = 0; i < count; i++)
		if (strcmp(rd_kafka_TopicDescription_name(list[i]), topic) == 0)
			return number_of(list[i]);
	return 0;
}

void
psm__kafka_ids_free(struct psm__kafka_ids *ids)
{
	if (!ids)
		return;
	if (ids->answer)
		rd_kafka_event_destroy(ids->answer);
	rd_kafka_queue_destroy(ids->queue);
	psm__free(ids);
}

#else

struct psm__kafka_ids *
psm__kafka_ids_ask(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
	(void)rk;
	(void)list;
	return NULL;
}

int64_t
psm__kafka_ids_incarnation(struct psm__kafka_ids *ids, const char *topic)
{
	(void)ids;
	(void)topic;
	return 0;
}

void
psm__kafka_ids_free(struct psm__kafka_ids *ids)
{
	(void)ids;
}

#endif
