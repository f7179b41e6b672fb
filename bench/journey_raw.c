/* SPDX-License-Identifier: BSD-2-Clause */
#include "journey_raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

#define PATIENCE_MS 30000

PGconn *
journey_connect(void)
{
	const char *const keys[] = {"host",   "port",     "user",
	                            "dbname", "password", NULL};
	const char *const values[] = {getenv("DB_HOST"),     getenv("DB_PORT"),
	                              getenv("DB_USER"),     getenv("DB_NAME"),
	                              getenv("DB_PASSWORD"), NULL};

	return PQconnectdbParams(keys, values, 0);
}

static void
name_topic(char *text, size_t size, int parent)
{
	(void)snprintf(text, size, "journey-raw-%d", parent);
}

rd_kafka_t *
journey_raw_open(const char *bootstrap, int parent)
{
	const struct bench_options o = {.bootstrap = bootstrap, .codec = "lz4"};
	rd_kafka_t *rk = bench_raw_producer(&o);

	if (!rk || journey_raw_send(rk, parent, 0) < 0)
		return NULL;
	return rd_kafka_flush(rk, PATIENCE_MS) ? NULL : rk;
}

int
journey_raw_send(rd_kafka_t *rk, int parent, int id)
{
	char topic[40], text[16];
	int len = snprintf(text, sizeof text, "%d", id);
	rd_kafka_resp_err_t e;

	name_topic(topic, sizeof topic, parent);
	(void)rd_kafka_poll(rk, 0);
	e = rd_kafka_producev(
	    rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
	    RD_KAFKA_V_VALUE(text, (size_t)len),
	    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
	return e ? -1 : 0;
}

void
journey_raw_close(rd_kafka_t *rk)
{
	if (rk)
		(void)bench_raw_finish(rk);
}

/* Its settings are those that libpsymatch has, or librdkafka's own. */
static rd_kafka_t *
open_consumer(const char *bootstrap, const char *topic)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *parts;
	char why[256];
	rd_kafka_t *rk;

	if (rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why,
	                      sizeof why) != RD_KAFKA_CONF_OK ||
	    rd_kafka_conf_set(conf, "group.id", topic, why, sizeof why) !=
	        RD_KAFKA_CONF_OK ||
	    rd_kafka_conf_set(conf, "enable.auto.commit", "false", why,
	                      sizeof why) != RD_KAFKA_CONF_OK)
		return NULL;
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
	if (!rk)
		return NULL;
	(void)rd_kafka_poll_set_consumer(rk);
	parts = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(parts, topic, 0)->offset =
	    RD_KAFKA_OFFSET_BEGINNING;
	(void)rd_kafka_assign(rk, parts);
	rd_kafka_topic_partition_list_destroy(parts);
	return rk;
}

static int
tell(PGconn *pg, const rd_kafka_message_t *m)
{
	char text[16];
	const char *params[] = {text};
	PGresult *res;
	int ok;

	(void)snprintf(text, sizeof text, "%.*s", (int)m->len,
	               (const char *)m->payload);
	res = PQexecParams(pg, "SELECT pg_notify('journey', $1)", 1, NULL,
	                   params, NULL, NULL, 0);
	ok = PQresultStatus(res) == PGRES_TUPLES_OK;
	PQclear(res);
	return ok ? 0 : -1;
}

int
journey_raw_read(const char *bootstrap, int parent, int *reading,
                 const int *stop)
{
	char topic[40];
	rd_kafka_t *rk = journey_raw_open(bootstrap, parent);
	PGconn *pg = journey_connect();
	int rc = 0;

	if (!rk)
		return -1;
	journey_raw_close(rk);
	name_topic(topic, sizeof topic, parent);
	rk = open_consumer(bootstrap, topic);
	if (!rk)
		return -1;
	while (rc == 0 && !__atomic_load_n(stop, __ATOMIC_ACQUIRE)) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);

		if (m && !m->err) {
			rc = tell(pg, m);
			__atomic_store_n(reading, 1, __ATOMIC_RELEASE);
		}
		if (m)
			rd_kafka_message_destroy(m);
	}
	(void)rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	PQfinish(pg);
	return rc;
}
