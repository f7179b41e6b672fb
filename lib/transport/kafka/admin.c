/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/kafka/admin.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Between two questions while no broker answers. */
#define PAUSE_MS 100
/* How long one question may wait: an address that leads nowhere is given up, and
 * asked again, before the whole time is over. */
#define ASK_MS 5000
#define ASK_LEAST_MS 1000
/* A controller that is none of the brokers is on its way; the mock cluster's
 * stays away. */
#define CONTROLLER_MS 500

static const char *const setting_names[PSM__N_TOPIC_NUMBERS] = {
    [PSM__TOPIC_RETENTION_MS] = "retention.ms",
    [PSM__TOPIC_MIN_INSYNC] = "min.insync.replicas",
};

int
psm__admin_open(struct psm__admin *a, const psm_config *cfg, int timeout_ms,
                psm_error *err)
{
	rd_kafka_conf_t *conf = NULL;
	int rc = psm__kafka_conf(cfg, RD_KAFKA_CONSUMER, &conf, err);

	if (rc < 0)
		return rc;
	a->deadline = psm__mono_ms() + timeout_ms;
	psm__kafka_link_init(&a->link, a);
	return psm__kafka_client(RD_KAFKA_CONSUMER, conf, &a->link, &a->rk,
	                         err);
}

void
psm__admin_close(struct psm__admin *a)
{
	if (a->rk)
		rd_kafka_destroy_flags(a->rk,
		                       RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	psm__kafka_link_destroy(&a->link);
}

int
psm__admin_left_ms(const struct psm__admin *a)
{
	int64_t left = a->deadline - psm__mono_ms();

	return left > 0 ? (int)left : 0;
}

/* -- which topics there are */

static struct psm__topic_row *
find_row(struct psm__topic_row *rows, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static void
note_topic(struct psm__topic_row *row, const rd_kafka_metadata_topic_t *t)
{
	int i, copies = t->partition_cnt > 0 ? t->partitions[0].replica_cnt : 0;

	if (t->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return;
	row->exists = 1;
	if (t->err) {
		snprintf(row->reason, sizeof(row->reason), "%s",
		         rd_kafka_err2str(t->err));
		return;
	}
	for (i = 0; i < t->partition_cnt; i++)
		if (t->partitions[i].replica_cnt < copies)
			copies = t->partitions[i].replica_cnt;
	row->found[PSM__TOPIC_PARTITIONS] = t->partition_cnt;
	row->found[PSM__TOPIC_REPLICATION] = copies;
}

/* 1: somebody is there to ask for more than metadata. */
static int
has_controller(struct psm__admin *a, const struct rd_kafka_metadata *md)
{
	int32_t id = rd_kafka_controllerid(a->rk, 0);
	int i;

	for (i = 0; i < md->broker_cnt; i++)
		if (md->brokers[i].id == id)
			return 1;
	return 0;
}

/* Ask for all topics: a question for one of them may create it. */
static rd_kafka_resp_err_t
ask(struct psm__admin *a, struct psm__topic_row *rows, size_t count)
{
	const struct rd_kafka_metadata *md = NULL;
	int left = psm__admin_left_ms(a) > ASK_LEAST_MS ? psm__admin_left_ms(a)
	                                                : ASK_LEAST_MS;
	int wait = left < ASK_MS ? left : ASK_MS;
	rd_kafka_resp_err_t e = rd_kafka_metadata(a->rk, 1, NULL, &md, wait);
	struct psm__topic_row *row;
	int i;

	if (e)
		return e;
	a->brokers = md->broker_cnt;
	a->controller = has_controller(a, md);
	for (i = 0; i < md->topic_cnt; i++) {
		row = find_row(rows, count, md->topics[i].topic);
		if (row)
			note_topic(row, &md->topics[i]);
	}
	rd_kafka_metadata_destroy(md);
	/* A controller that knows no broker yet answers, too. */
	return a->brokers > 0 ? RD_KAFKA_RESP_ERR_NO_ERROR
	                      : RD_KAFKA_RESP_ERR__TRANSPORT;
}

static void
forget(struct psm__topic_row *rows, size_t count)
{
	size_t i, n;

	for (i = 0; i < count; i++) {
		rows[i].exists = 0;
		for (n = 0; n < PSM__N_TOPIC_NUMBERS; n++)
			rows[i].found[n] = PSM__TOPIC_UNKNOWN;
	}
}

static int
fail_silent(struct psm__admin *a, psm_error *err)
{
	char servers[200] = "", reason[384];
	size_t size = sizeof(servers);

	(void)rd_kafka_conf_get(rd_kafka_conf(a->rk), "bootstrap.servers",
	                        servers, &size);
	psm__kafka_last_error(&a->link, reason, sizeof(reason));
	return psm__fail(err, PSM_ERR_TIMEOUT,
	                 "Kafka at %s: no broker answered in time%s%s", servers,
	                 reason[0] ? ": " : "", reason);
}

int
psm__admin_find(struct psm__admin *a, struct psm__topic_row *rows, size_t count,
                psm_error *err)
{
	rd_kafka_resp_err_t e;

	for (;;) {
		forget(rows, count);
		e = ask(a, rows, count);
		if (!e)
			return 0;
		/* Its errors tell what is wrong with a login. */
		rd_kafka_poll(a->rk, 0);
		if (e != RD_KAFKA_RESP_ERR__TRANSPORT &&
		    e != RD_KAFKA_RESP_ERR__TIMED_OUT &&
		    e != RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE)
			return psm__fail(err, PSM_ERR_BROKER,
			                 "list of topics: %s",
			                 rd_kafka_err2str(e));
		if (psm__admin_left_ms(a) == 0)
			return fail_silent(a, err);
		(void)poll(NULL, 0, PAUSE_MS);
	}
}

int
psm__admin_await_controller(struct psm__admin *a, struct psm__topic_row *rows,
                            size_t count, psm_error *err)
{
	int64_t until = psm__mono_ms() + CONTROLLER_MS;
	int rc = 0;

	while (rc == 0 && !a->controller && psm__admin_left_ms(a) > 0) {
		if (rd_kafka_controllerid(a->rk, 0) >= 0 &&
		    psm__mono_ms() >= until)
			break;
		(void)poll(NULL, 0, PAUSE_MS);
		rc = psm__admin_find(a, rows, count, err);
	}
	return rc;
}

/* -- a request and its answer */

/* NULL: there was none; *reason says why. */
static rd_kafka_event_t *
await(struct psm__admin *a, rd_kafka_queue_t *queue, char *reason, size_t size)
{
	rd_kafka_event_t *answer =
	    rd_kafka_queue_poll(queue, psm__admin_left_ms(a));

	if (answer && !rd_kafka_event_error(answer))
		return answer;
	snprintf(reason, size, "%s",
	         answer ? rd_kafka_event_error_string(answer)
	                : "no answer in time");
	if (answer)
		rd_kafka_event_destroy(answer);
	return NULL;
}

rd_kafka_AdminOptions_t *
psm__admin_options(struct psm__admin *a, rd_kafka_admin_op_t op)
{
	rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(a->rk, op);
	int ms = psm__admin_left_ms(a) > 1 ? psm__admin_left_ms(a) : 1;

	(void)rd_kafka_AdminOptions_set_request_timeout(o, ms, NULL, 0);
	if (op == RD_KAFKA_ADMIN_OP_CREATETOPICS)
		(void)rd_kafka_AdminOptions_set_operation_timeout(o, ms, NULL,
		                                                  0);
	return o;
}

/* -- settings of topics */

static int64_t
number_of(const char *text)
{
	char *end = NULL;
	long long value;

	errno = 0;
	value = text ? strtoll(text, &end, 10) : 0;
	return text && *text && !*end && !errno ? value : PSM__TOPIC_UNKNOWN;
}

static void
note_settings(struct psm__topic_row *row,
              const rd_kafka_ConfigResource_t *resource)
{
	const rd_kafka_ConfigEntry_t **entries;
	size_t count = 0, i, n;

	if (rd_kafka_ConfigResource_error(resource)) {
		snprintf(row->reason, sizeof(row->reason), "%s",
		         rd_kafka_ConfigResource_error_string(resource));
		return;
	}
	entries = rd_kafka_ConfigResource_configs(resource, &count);
	for (i = 0; i < count; i++)
		for (n = 0; n < PSM__N_TOPIC_NUMBERS; n++)
			if (setting_names[n] &&
			    strcmp(setting_names[n],
			           rd_kafka_ConfigEntry_name(entries[i])) == 0)
				row->found[n] = number_of(
				    rd_kafka_ConfigEntry_value(entries[i]));
}

static void
note_answer(struct psm__topic_row *rows, size_t count, rd_kafka_event_t *answer)
{
	const rd_kafka_ConfigResource_t **list;
	struct psm__topic_row *row;
	size_t found = 0, i;

	list = rd_kafka_DescribeConfigs_result_resources(
	    rd_kafka_event_DescribeConfigs_result(answer), &found);
	for (i = 0; i < found; i++) {
		row = find_row(rows, count,
		               rd_kafka_ConfigResource_name(list[i]));
		if (row)
			note_settings(row, list[i]);
	}
}

void
psm__admin_settings(struct psm__admin *a, struct psm__topic_row *rows,
                    size_t count)
{
	rd_kafka_ConfigResource_t **asked = psm__array(count, sizeof(*asked));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(a->rk);
	rd_kafka_AdminOptions_t *o =
	    psm__admin_options(a, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	rd_kafka_event_t *answer;
	char reason[256];
	size_t n = 0, i;

	for (i = 0; asked && a->controller && i < count; i++)
		if (rows[i].exists)
			asked[n++] = rd_kafka_ConfigResource_new(
			    RD_KAFKA_RESOURCE_TOPIC, rows[i].name);
	if (n > 0) {
		rd_kafka_DescribeConfigs(a->rk, asked, n, o, queue);
		answer = await(a, queue, reason, sizeof(reason));
		if (answer)
			note_answer(rows, count, answer);
		else
			psm__log(PSM_LOG_INFO, "settings of topics are unknown",
			         "reason", reason, NULL);
		if (answer)
			rd_kafka_event_destroy(answer);
		rd_kafka_ConfigResource_destroy_array(asked, n);
	}
	psm__free(asked);
	rd_kafka_AdminOptions_destroy(o);
	rd_kafka_queue_destroy(queue);
}

/* -- creating */

/* NULL: row->reason says why. */
static rd_kafka_NewTopic_t *
new_topic(struct psm__topic_row *row)
{
	char text[32];
	size_t n;
	rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(
	    row->name, (int)row->want[PSM__TOPIC_PARTITIONS],
	    (int)row->want[PSM__TOPIC_REPLICATION], row->reason,
	    sizeof(row->reason));

	for (n = 0; t && n < PSM__N_TOPIC_NUMBERS; n++) {
		if (!setting_names[n])
			continue;
		snprintf(text, sizeof(text), "%lld", (long long)row->want[n]);
		(void)rd_kafka_NewTopic_set_config(t, setting_names[n], text);
	}
	return t;
}

static void
note_created(struct psm__topic_row *rows, size_t count,
             rd_kafka_event_t *answer)
{
	const rd_kafka_topic_result_t **list;
	struct psm__topic_row *row;
	size_t found = 0, i;

	list = rd_kafka_CreateTopics_result_topics(
	    rd_kafka_event_CreateTopics_result(answer), &found);
	for (i = 0; i < found; i++) {
		rd_kafka_resp_err_t e = rd_kafka_topic_result_error(list[i]);
		const char *text = rd_kafka_topic_result_error_string(list[i]);

		row =
		    find_row(rows, count, rd_kafka_topic_result_name(list[i]));
		if (!row)
			continue;
		row->created = !e;
		if (e && e != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
			snprintf(row->reason, sizeof(row->reason), "%s",
			         text ? text : rd_kafka_err2str(e));
	}
}

static void
blame(struct psm__topic_row *rows, size_t count, const char *reason)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!rows[i].exists)
			snprintf(rows[i].reason, sizeof(rows[i].reason), "%s",
			         reason);
}

void
psm__admin_create(struct psm__admin *a, struct psm__topic_row *rows,
                  size_t count)
{
	rd_kafka_NewTopic_t **topics = psm__array(count, sizeof(*topics));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(a->rk);
	rd_kafka_AdminOptions_t *o =
	    psm__admin_options(a, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_event_t *answer;
	char reason[256];
	size_t n = 0, i;

	if (!a->controller)
		blame(rows, count, "the cluster has no controller");
	for (i = 0; topics && a->controller && i < count; i++)
		if (!rows[i].exists && (topics[n] = new_topic(&rows[i])))
			n++;
	if (n > 0) {
		rd_kafka_CreateTopics(a->rk, topics, n, o, queue);
		answer = await(a, queue, reason, sizeof(reason));
		if (answer) {
			note_created(rows, count, answer);
			rd_kafka_event_destroy(answer);
		} else {
			blame(rows, count, reason);
		}
		rd_kafka_NewTopic_destroy_array(topics, n);
	}
	psm__free(topics);
	rd_kafka_AdminOptions_destroy(o);
	rd_kafka_queue_destroy(queue);
}
