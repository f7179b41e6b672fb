/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing_kafka.h"
#include "testing.h"

#include "base/base.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#define MUST(condition, ...)                                                   \
	do {                                                                   \
		if (!(condition))                                              \
			ck_abort_msg(__VA_ARGS__);                             \
	} while (0)

static const char *
environment(const char *name)
{
	const char *value = getenv(name);

	MUST(value, "%s is not set: this test runs under with-kafka", name);
	return value;
}

void
kafka_main(char **argv, const char *const *options)
{
	const char *top = getenv("top_srcdir");
	char script[4096], *args[32] = {script};
	size_t n = 1;

	if (getenv("KAFKA_HOME_DIR"))
		return;
	(void)snprintf(script, sizeof(script), "%s/build-aux/with-kafka",
	               top ? top : ".");
	for (; *options && n < 24; options++)
		args[n++] = (char *)*options;
	for (; *argv && n < 31; argv++)
		args[n++] = *argv;
	args[n] = NULL;
	(void)execv(script, args);
	perror(script);
	exit(99);
}

static void
put(psm_config *cfg, const char *name, const char *value)
{
	psm_error *err = psm_error_new();

	MUST(psm_config_set(cfg, name, value, err) == 0, "%s: %s", name,
	     psm_error_message(err));
	psm_error_free(err);
}

psm_config *
kafka_settings(const char *const *list)
{
	psm_config *cfg = NULL;

	MUST(psm_config_new(&cfg, NULL) == 0, "no memory");
	put(cfg, "PSYMATCH_TRANSPORT", "kafka");
	put(cfg, "KAFKA_BOOTSTRAP_SERVERS",
	    environment("KAFKA_BOOTSTRAP_SERVERS"));
	for (; list && list[0]; list += 2)
		put(cfg, list[0], list[1]);
	return cfg;
}

psm_transport *
kafka_transport(const char *const *list)
{
	psm_config *cfg = kafka_settings(list);
	psm_error *err = psm_error_new();
	psm_transport *t = NULL;

	MUST(psm_transport_open(cfg, &t, err) == 0, "%s",
	     psm_error_message(err));
	psm_error_free(err);
	psm_config_free(cfg);
	return t;
}

psm_config *
kafka_login(const char *mechanism, const char *user, const char *password)
{
	psm_config *cfg = kafka_settings(NULL);

	put(cfg, "KAFKA_BOOTSTRAP_SERVERS", environment("KAFKA_SASL_SERVERS"));
	put(cfg, "PSYMATCH_KAFKA_ssl_ca_location", environment("KAFKA_CA"));
	put(cfg, "PSYMATCH_KAFKA_security_protocol", "SASL_SSL");
	put(cfg, "PSYMATCH_KAFKA_sasl_mechanism", mechanism);
	put(cfg, "PSYMATCH_KAFKA_sasl_username", user);
	put(cfg, "PSYMATCH_KAFKA_sasl_password", password);
	return cfg;
}

void
kafka_pause(void)
{
	(void)poll(NULL, 0, 20);
}

/* -- a producer */

static char dir[256];

void
kafka_set_up(void)
{
	testing_tmpdir(dir, sizeof(dir));
	kafka_log_begin();
}

void
kafka_tear_down(void)
{
	testing_remove(dir);
}

psm_producer *
kafka_start(psm_config *cfg, psm_delivery_fn hear)
{
	psm_error *err = psm_error_new();
	psm_transport *t = NULL;
	psm_producer *p = NULL;

	put(cfg, "PSYMATCH_SPOOL_DIR", dir);
	put(cfg, "PSYMATCH_SPOOL_DURABILITY", "os");
	MUST(psm_transport_open(cfg, &t, err) == 0 &&
	         psm_producer_new(t, cfg, &p, err) == 0 &&
	         psm_producer_set_delivery(p, hear, NULL) == 0 &&
	         psm_producer_start(p, err) == 0,
	     "%s", psm_error_message(err));
	psm_transport_unref(t);
	psm_config_free(cfg);
	psm_error_free(err);
	return p;
}

void
kafka_close(psm_producer *p)
{
	size_t left = 0;
	int rc = psm_producer_close(p, KAFKA_PATIENCE_MS, &left, NULL);

	MUST(rc == 0, "%zu left", left);
	psm_producer_free(p);
}

int
kafka_says(psm_producer *p, const char *part)
{
	char reason[512] = "";

	return psm_producer_health(p, reason, sizeof(reason)) ==
	           PSM_HEALTH_AMBER &&
	       strstr(reason, part) != NULL;
}

/* -- the cluster, through a client of the test's own */

static rd_kafka_t *
client_of(rd_kafka_type_t type, const char *group)
{
	const char *const settings[][2] = {
	    {"log_level", "0"},
	    {"reconnect.backoff.max.ms", "500"},
	    {"allow.auto.create.topics", "false"},
	    {"enable.partition.eof", "true"},
	    {"group.id", group},
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[256];
	rd_kafka_t *rk;
	size_t i;

	rd_kafka_conf_set(conf, "bootstrap.servers",
	                  environment("KAFKA_BOOTSTRAP_SERVERS"), text,
	                  sizeof(text));
	for (i = 0; i < PSM__COUNT(settings); i++)
		if (type == RD_KAFKA_CONSUMER || i < 3)
			rd_kafka_conf_set(conf, settings[i][0], settings[i][1],
			                  text, sizeof(text));
	rk = rd_kafka_new(type, conf, text, sizeof(text));
	MUST(rk, "%s", text);
	return rk;
}

static rd_kafka_t *
client(rd_kafka_type_t type)
{
	return client_of(type, "test-reader");
}

/* The result event of an admin request, which must have gone well. */
static void
finish(rd_kafka_t *rk, rd_kafka_queue_t *q, const char *what)
{
	rd_kafka_event_t *ev = rd_kafka_queue_poll(q, KAFKA_PATIENCE_MS);
	const rd_kafka_topic_result_t **results = NULL;
	size_t count = 0;

	MUST(ev, "%s: no answer", what);
	MUST(!rd_kafka_event_error(ev), "%s: %s", what,
	     rd_kafka_event_error_string(ev));
	if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_CREATETOPICS_RESULT)
		results = rd_kafka_CreateTopics_result_topics(
		    rd_kafka_event_CreateTopics_result(ev), &count);
	else if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_DELETETOPICS_RESULT)
		results = rd_kafka_DeleteTopics_result_topics(
		    rd_kafka_event_DeleteTopics_result(ev), &count);
	else if (rd_kafka_event_type(ev) ==
	         RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT)
		results = rd_kafka_CreatePartitions_result_topics(
		    rd_kafka_event_CreatePartitions_result(ev), &count);
	while (count-- > 0)
		MUST(!rd_kafka_topic_result_error(results[count]), "%s: %s",
		     what, rd_kafka_topic_result_error_string(results[count]));
	rd_kafka_event_destroy(ev);
	rd_kafka_queue_destroy(q);
	rd_kafka_destroy(rk);
}

const char *
kafka_topic(void)
{
	static char name[64];
	static int number;

	(void)snprintf(name, sizeof(name), "test-%ld-%d", (long)getpid(),
	               number++);
	return name;
}

static const struct rd_kafka_metadata *
metadata(rd_kafka_t *rk, const char *topic)
{
	rd_kafka_topic_t *t =
	    topic ? rd_kafka_topic_new(rk, topic, NULL) : NULL;
	const struct rd_kafka_metadata *m = NULL;

	(void)rd_kafka_metadata(rk, 0, t, &m, 5000);
	if (t)
		rd_kafka_topic_destroy(t);
	return m;
}

int
kafka_brokers(void)
{
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER);
	const struct rd_kafka_metadata *m = metadata(rk, NULL);
	int count = m ? m->broker_cnt : 0;

	rd_kafka_metadata_destroy(m);
	rd_kafka_destroy(rk);
	return count;
}

/* -1: nobody, or there is no such topic. */
static int
leader_of(const struct rd_kafka_metadata *m, int partition)
{
	if (!m || m->topic_cnt != 1 || m->topics[0].err ||
	    partition >= m->topics[0].partition_cnt ||
	    m->topics[0].partitions[partition].err)
		return -1;
	return m->topics[0].partitions[partition].leader;
}

int
kafka_leader(const char *topic, int partition)
{
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER);
	int64_t until = psm__mono_ms() + KAFKA_PATIENCE_MS;
	int leader = -1;

	while (leader < 0 && psm__mono_ms() < until) {
		const struct rd_kafka_metadata *m = metadata(rk, topic);

		leader = leader_of(m, partition);
		if (m)
			rd_kafka_metadata_destroy(m);
		if (leader < 0)
			kafka_pause();
	}
	rd_kafka_destroy(rk);
	MUST(leader > 0, "%s: partition %d has no leader", topic, partition);
	return leader;
}

void
kafka_create(const char *topic, int partitions, const char *const *config)
{
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER);
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_NewTopic_t *t =
	    rd_kafka_NewTopic_new(topic, partitions, -1, NULL, 0);

	for (; config && config[0]; config += 2)
		rd_kafka_NewTopic_set_config(t, config[0], config[1]);
	rd_kafka_CreateTopics(rk, &t, 1, NULL, q);
	finish(rk, q, topic);
	rd_kafka_NewTopic_destroy(t);
	for (int i = 0; i < partitions; i++)
		(void)kafka_leader(topic, i);
}

void
kafka_add_partitions(const char *topic, int partitions)
{
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER);
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_NewPartitions_t *more =
	    rd_kafka_NewPartitions_new(topic, (size_t)partitions, NULL, 0);

	rd_kafka_CreatePartitions(rk, &more, 1, NULL, q);
	finish(rk, q, topic);
	rd_kafka_NewPartitions_destroy(more);
	for (int i = 0; i < partitions; i++)
		(void)kafka_leader(topic, i);
}

void
kafka_delete(const char *topic)
{
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER);
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_DeleteTopic_t *t = rd_kafka_DeleteTopic_new(topic);
	const struct rd_kafka_metadata *m;
	int there = 1;

	rd_kafka_DeleteTopics(rk, &t, 1, NULL, q);
	finish(rk, q, topic);
	rd_kafka_DeleteTopic_destroy(t);
	rk = client(RD_KAFKA_PRODUCER);
	while (there) {
		m = metadata(rk, topic);
		there = !m || m->topics[0].err == 0;
		if (m)
			rd_kafka_metadata_destroy(m);
		if (there)
			kafka_pause();
	}
	rd_kafka_destroy(rk);
}

void
kafka_trim(const char *topic, int partition, int64_t before)
{
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER);
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new(1);
	rd_kafka_DeleteRecords_t *del;

	rd_kafka_topic_partition_list_add(list, topic, partition)->offset =
	    before;
	del = rd_kafka_DeleteRecords_new(list);
	rd_kafka_DeleteRecords(rk, &del, 1, NULL, q);
	finish(rk, q, topic);
	rd_kafka_DeleteRecords_destroy(del);
	rd_kafka_topic_partition_list_destroy(list);
}

static void
bounds(const char *topic, int partition, int64_t *first, int64_t *end)
{
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER);
	int64_t until = psm__mono_ms() + KAFKA_PATIENCE_MS;
	rd_kafka_resp_err_t e;

	/* A new partition's leader may not know it yet, and a client that
	 * did not find the partition does not look for it again soon. */
	while ((e = rd_kafka_query_watermark_offsets(rk, topic, partition,
	                                             first, end, 5000)) &&
	       psm__mono_ms() < until) {
		rd_kafka_destroy(rk);
		rk = client(RD_KAFKA_PRODUCER);
		kafka_pause();
	}
	MUST(!e, "%s: %s", topic, rd_kafka_err2str(e));
	rd_kafka_destroy(rk);
}

int64_t
kafka_committed(const char *group, const char *topic, int partition)
{
	rd_kafka_t *rk = client_of(RD_KAFKA_CONSUMER, group);
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new(1);
	rd_kafka_resp_err_t e;
	int64_t offset;

	rd_kafka_topic_partition_list_add(list, topic, partition);
	e = rd_kafka_committed(rk, list, KAFKA_PATIENCE_MS);
	MUST(!e, "%s: %s", group, rd_kafka_err2str(e));
	offset = list->elems[0].offset;
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(rk);
	return offset < 0 ? -1 : offset;
}

int64_t
kafka_first(const char *topic, int partition)
{
	int64_t first = -1, end = -1;

	bounds(topic, partition, &first, &end);
	return first;
}

int64_t
kafka_end(const char *topic, int partition)
{
	int64_t first = -1, end = -1;

	bounds(topic, partition, &first, &end);
	return end;
}

void
kafka_allow(const char *user, const char *topic)
{
	static const rd_kafka_AclOperation_t operations[] = {
	    RD_KAFKA_ACL_OPERATION_WRITE, RD_KAFKA_ACL_OPERATION_DESCRIBE};
	rd_kafka_AclBinding_t *acls[PSM__COUNT(operations)];
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER);
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	char principal[64], text[256] = "";
	size_t i;

	(void)snprintf(principal, sizeof(principal), "User:%s", user);
	for (i = 0; i < PSM__COUNT(operations); i++) {
		acls[i] = rd_kafka_AclBinding_new(
		    RD_KAFKA_RESOURCE_TOPIC, topic,
		    RD_KAFKA_RESOURCE_PATTERN_LITERAL, principal, "*",
		    operations[i], RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, text,
		    sizeof(text));
		MUST(acls[i], "%s", text);
	}
	rd_kafka_CreateAcls(rk, acls, PSM__COUNT(operations), NULL, q);
	finish(rk, q, "access list");
	rd_kafka_AclBinding_destroy_array(acls, PSM__COUNT(operations));
}

void
kafka_ctl(const char *action, int broker)
{
	const char *top = getenv("top_srcdir");
	char command[4096];

	(void)snprintf(command, sizeof(command),
	               "'%s/build-aux/with-kafka' ctl %s %d", top ? top : ".",
	               action, broker);
	MUST(system(command) == 0, "%s", command);
}

void
kafka_replicas(const char *topic, int partition, const char *brokers)
{
	const char *top = getenv("top_srcdir");
	int64_t until = psm__mono_ms() + KAFKA_PATIENCE_MS;
	char command[4096];

	(void)snprintf(command, sizeof(command),
	               "'%s/build-aux/with-kafka' ctl replicas %c %s %d %s",
	               top ? top : ".", brokers[0], topic, partition, brokers);
	MUST(system(command) == 0, "%s", command);
	while (!strchr(brokers, '0' + kafka_leader(topic, partition))) {
		MUST(psm__mono_ms() < until, "never moved: %s", command);
		kafka_pause();
	}
}

/* -- reading it all back */

static rd_kafka_topic_partition_list_t *
partitions_of(rd_kafka_t *rk, const char *topic)
{
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new(8);
	int64_t until = psm__mono_ms() + KAFKA_PATIENCE_MS;

	while (list->cnt == 0) {
		const struct rd_kafka_metadata *m = metadata(rk, topic);

		for (int i = 0; m && i < m->topics[0].partition_cnt; i++)
			rd_kafka_topic_partition_list_add(list, topic, i)
			    ->offset = RD_KAFKA_OFFSET_BEGINNING;
		if (m)
			rd_kafka_metadata_destroy(m);
		MUST(psm__mono_ms() < until, "%s: no partitions", topic);
	}
	return list;
}

int64_t
kafka_read(const char *topic, kafka_fn fn, void *user)
{
	rd_kafka_t *rk = client(RD_KAFKA_CONSUMER);
	rd_kafka_topic_partition_list_t *list = partitions_of(rk, topic);
	int64_t until = psm__mono_ms() + KAFKA_PATIENCE_MS, count = 0;
	int open = list->cnt;

	rd_kafka_assign(rk, list);
	while (open > 0) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 500);

		MUST(psm__mono_ms() < until, "%s: no end", topic);
		if (m && m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			open--;
		if (m && !m->err) {
			char key[64];

			(void)snprintf(key, sizeof(key), "%.*s",
			               (int)m->key_len, (char *)m->key);
			fn(m->partition, key, m->payload, m->len, user);
			count++;
		}
		if (m)
			rd_kafka_message_destroy(m);
	}
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	return count;
}

/* -- numbered events */

psm_event *
kafka_event(int key, int n)
{
	psm_event *ev = NULL;
	char payload[64];
	int len = snprintf(payload, sizeof(payload),
	                   "{\"patient_id\":%d,\"n\":%d}", key + 1, n);

	MUST(psm_event_new("patient.deleted", "test", payload, (size_t)len, &ev,
	                   NULL) == 0,
	     "no event");
	return ev;
}

void
kafka_send(psm_producer *p, const char *topic, int from, int to, int keys)
{
	for (int n = from; n < to; n++) {
		psm_event *ev = kafka_event(n % keys, n);

		ck_assert_int_eq(psm_producer_send(p, topic, ev, NULL), 0);
		psm_event_free(ev);
	}
}

struct tally {
	int count, keys;
	int *times, *last; /* per number; per key, -1: none yet */
};

static void
tally_one(int partition, const char *key, const char *value, size_t len,
          void *user)
{
	struct tally *t = user;
	psm_event *ev = NULL;
	int64_t n = -1;
	int k = atoi(key) - 1;

	(void)partition;
	ck_assert_int_eq(psm_event_parse(value, len, &ev, NULL), 0);
	ck_assert_int_eq(
	    psm_json_get_int(psm_json_at(psm_event_payload(ev), "/n"), &n,
	                     NULL),
	    0);
	psm_event_free(ev);
	ck_assert(n >= 0 && n < t->count && k == n % t->keys);
	/* A second delivery starts over with what may have been in flight, but
	 * nothing new comes before it. */
	if (t->times[n]++ == 0) {
		ck_assert_msg(
		    n == t->last[k] + t->keys || (t->last[k] < 0 && n == k),
		    "key %d: %lld came after %d", k, (long long)n, t->last[k]);
		t->last[k] = (int)n;
	}
}

void
kafka_check(const char *topic, int count, int keys, int once)
{
	struct tally t = {count, keys, calloc((size_t)count, sizeof(int)),
	                  malloc((size_t)keys * sizeof(int))};

	MUST(t.times && t.last, "no memory");
	for (int k = 0; k < keys; k++)
		t.last[k] = -1;
	(void)kafka_read(topic, tally_one, &t);
	for (int n = 0; n < count; n++)
		ck_assert_msg(once ? t.times[n] == 1 : t.times[n] > 0,
		              "%d is there %d times", n, t.times[n]);
	free(t.times);
	free(t.last);
}

/* -- what is logged */

static struct {
	pthread_mutex_t lock;
	char text[1 << 20];
	size_t len;
} logged = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
keep(const char *text, const char *end)
{
	size_t room = sizeof(logged.text) - logged.len;
	int n = snprintf(logged.text + logged.len, room, "%s%s", text, end);

	if (n > 0 && (size_t)n < room)
		logged.len += (size_t)n;
}

static void
keep_line(int level, const char *message, const char *const *fields, void *user)
{
	(void)level;
	(void)user;
	(void)pthread_mutex_lock(&logged.lock);
	keep(message, "");
	for (; fields && fields[0]; fields += 2) {
		keep(" ", fields[0]);
		keep("=", fields[1]);
	}
	keep("\n", "");
	(void)pthread_mutex_unlock(&logged.lock);
}

void
kafka_log_begin(void)
{
	psm_set_log(keep_line, PSM_LOG_DEBUG, NULL);
}

int
kafka_logged(const char *part)
{
	int found;

	(void)pthread_mutex_lock(&logged.lock);
	found = strstr(logged.text, part) != NULL;
	(void)pthread_mutex_unlock(&logged.lock);
	return found;
}

void
kafka_await_log(const char *part)
{
	int64_t until = psm__mono_ms() + KAFKA_PATIENCE_MS;

	while (!kafka_logged(part) && psm__mono_ms() < until)
		kafka_pause();
	MUST(kafka_logged(part), "never logged: %s\n%s", part, logged.text);
}
