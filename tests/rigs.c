/* SPDX-License-Identifier: BSD-2-Clause */
#include "rigs.h"

#include "transport/memory/memory_int.h"
#include "transport/murmur2.h"
#include "transport/memory/memory.h"
#include "mock.h"
#include "testing_pg.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 60000

/* -- sending */

struct rig_sender {
	struct psm__sink *sink;
	char *topic;
	char **values;
	size_t count, cap, acknowledged;
};

static void
on_report(uint64_t token, int rc, const char *reason, void *user)
{
	struct rig_sender *s = user;

	ck_assert_msg(rc == 0, "message %d: %s", (int)token, reason);
	s->acknowledged++;
}

struct rig_sender *
rig_sender_open(psm_transport *t, const char *topic)
{
	struct rig_sender *s = calloc(1, sizeof *s);

	ck_assert_ptr_nonnull(s);
	s->topic = strdup(topic);
	ck_assert_int_eq(t->ops->open_sink(t, on_report, s, &s->sink, NULL), 0);
	return s;
}

static char *
keep_value(struct rig_sender *s, const void *value, size_t len)
{
	char *copy = NULL;

	if (s->count == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->values = realloc(s->values, s->cap * sizeof *s->values);
		ck_assert_ptr_nonnull(s->values);
	}
	if (value) {
		copy = malloc(len + 1);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, value, len);
	}
	s->values[s->count] = copy;
	return copy;
}

void
rig_send(struct rig_sender *s, const char *key, const void *value, size_t len)
{
	struct psm__message m = {
	    .topic = s->topic,
	    .key = key,
	    .key_len = key ? strlen(key) : 0,
	    .value = keep_value(s, value, len),
	    .value_len = len,
	    .token = s->count,
	};
	int rc;

	while ((rc = s->sink->ops->send(s->sink, &m, NULL)) == PSM_ERR_FULL)
		ck_assert_int_ge(s->sink->ops->poll(s->sink, 100, NULL), 0);
	ck_assert_int_eq(rc, 0);
	s->count++;
}

void
rig_flush(struct rig_sender *s)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;

	while (s->acknowledged < s->count && psm__mono_ms() < deadline)
		ck_assert_int_ge(s->sink->ops->poll(s->sink, 100, NULL), 0);
	ck_assert_uint_eq(s->acknowledged, s->count);
}

void
rig_sender_close(struct rig_sender *s)
{
	size_t i;

	rig_flush(s);
	s->sink->ops->close(s->sink, 1000);
	for (i = 0; i < s->count; i++)
		free(s->values[i]);
	free(s->values);
	free(s->topic);
	free(s);
}

void
rig_key(int32_t partition, int *n, char *key, size_t size)
{
	do
		(void)snprintf(key, size, "k%d", (*n)++);
	while (psm__partition_of(key, strlen(key), RIG_PARTITIONS) !=
	       partition);
}

/* Events of a type that nobody knows, until those before them have to go. */
static void
flood(psm_transport *t, const char *topic, size_t count, size_t len)
{
	static const char head[] =
	    "{\"event_id\":\"0198c0de-0000-7000-8000-000000000001\","
	    "\"event_type\":\"moon.landed\",\"version\":\"1.0\","
	    "\"timestamp\":\"2026-01-31T09:00:00Z\",\"producer\":\"test\","
	    "\"payload\":{\"x\":\"";
	struct rig_sender *s = rig_sender_open(t, topic);
	char *value = malloc(len), key[16];
	size_t i;
	int n = 0;

	ck_assert_ptr_nonnull(value);
	memset(value, 'x', len);
	memcpy(value, head, sizeof head - 1);
	memcpy(value + len - 3, "\"}}", 3);
	rig_key(0, &n, key, sizeof key);
	for (i = 0; i < count; i++)
		rig_send(s, key, value, len);
	rig_sender_close(s);
	free(value);
}

/* -- memory */

static psm_transport *
memory_open(const char *topic)
{
	psm_transport *t = NULL;

	(void)topic;
	ck_assert_int_eq(psm_transport_memory(RIG_PARTITIONS, &t, NULL), 0);
	return t;
}

static void
memory_expire(psm_transport *t, const char *topic)
{
	flood(t, topic, PSM__MEMORY_RETAIN_BYTES / 900000 + 1, 900000);
}

const struct rig rig_memory = {
    .name = "memory",
    .open = memory_open,
    .set_down = psm__memory_set_down,
    .expire = memory_expire,
    .evict = psm__memory_evict,
    .close = psm_transport_unref,
};

/* -- kafka */

static struct mock mock;

static const char *
kafka_where(void)
{
	return rd_kafka_mock_cluster_bootstraps(mock.cluster);
}

static psm_transport *
kafka_again(const char *where)
{
	/* The mock counts compressed bytes, and flood() sends one letter. */
	static const char *const settings[] = {
	    "PSYMATCH_KAFKA_compression_codec", "none", NULL};

	return mock_transport_at(where, settings);
}

static psm_transport *
kafka_open(const char *topic)
{
	mock_open(&mock, topic, RIG_PARTITIONS);
	return kafka_again(kafka_where());
}

static void
kafka_set_down(psm_transport *t, int down)
{
	(void)t;
	mock_set_down(&mock, down);
}

/* The mock keeps 5 MiB per partition. */
static void
kafka_expire(psm_transport *t, const char *topic)
{
	flood(t, topic, 12, 900000);
}

static void
kafka_close(psm_transport *t)
{
	psm_transport_unref(t);
	mock_close(&mock);
}

const struct rig rig_kafka = {
    .name = "kafka",
    .open = kafka_open,
    .set_down = kafka_set_down,
    .expire = kafka_expire,
    .again = kafka_again,
    .where = kafka_where,
    .close = kafka_close,
    .slow_groups = 1,
};

/* -- postgres */

psm_transport *
rig_postgres_with(const char *const *settings)
{
	psm_config *cfg = pg_settings();
	psm_error *err = psm_error_new();
	psm_transport *t = NULL;

	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_TRANSPORT", "postgres", NULL), 0);
	for (; settings && *settings; settings += 2)
		ck_assert_int_eq(
		    psm_config_set(cfg, settings[0], settings[1], NULL), 0);
	ck_assert_msg(psm_transport_open(cfg, &t, err) == 0, "%s",
	              psm_error_message(err));
	psm_config_free(cfg);
	psm_error_free(err);
	return t;
}

static psm_transport *
postgres_open(const char *topic)
{
	(void)topic;
	return rig_postgres_with(NULL);
}

static psm_transport *
postgres_again(const char *where)
{
	static const char *const settings[] = {"PSYMATCH_PG_LEASE_MS", "2000",
	                                       NULL};

	(void)where;
	return rig_postgres_with(settings);
}

static const char *
postgres_where(void)
{
	return "";
}

static void
postgres_set_down(psm_transport *t, int down)
{
	(void)t;
	if (down)
		pg_down();
	else
		pg_up();
}

static void
postgres_expire(psm_transport *t, const char *topic)
{
	flood(t, topic, 2, 1000);
	pg_run("UPDATE psymatch.log SET ts = ts - interval '8 days' WHERE "
	       "topic = '%s' AND partition = 0 AND \"offset\" < (SELECT next - "
	       "1 FROM psymatch.log_partition WHERE topic = '%s' AND partition "
	       "= 0)",
	       topic, topic);
	ck_assert_int_gt(pg_int("SELECT psymatch.log_expire(604800000, 9999)"),
	                 0);
}

static void
postgres_evict(psm_transport *t)
{
	(void)t;
	pg_run("UPDATE psymatch.group_partition SET owner = NULL");
	pg_run("DELETE FROM psymatch.group_member");
	pg_run("UPDATE psymatch.group_state SET generation = generation + 1");
}

const struct rig rig_postgres = {
    .name = "postgres",
    .open = postgres_open,
    .set_down = postgres_set_down,
    .expire = postgres_expire,
    .evict = postgres_evict,
    .again = postgres_again,
    .where = postgres_where,
    .close = psm_transport_unref,
};
