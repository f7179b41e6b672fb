/* SPDX-License-Identifier: BSD-2-Clause */
/* librdkafka's mock cluster inside the test process. */
#ifndef PSM_TEST_MOCK_H
#define PSM_TEST_MOCK_H

#include <check.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

struct mock {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *cluster;
};

/* One topic with that many partitions on one broker. */
static inline void
mock_open(struct mock *m, const char *topic, int partitions)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[256];

	rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
	m->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	ck_assert_msg(m->rk != NULL, "%s", text);
	m->cluster = rd_kafka_mock_cluster_new(m->rk, 1);
	ck_assert_ptr_nonnull(m->cluster);
	ck_assert_int_eq(
	    rd_kafka_mock_topic_create(m->cluster, topic, partitions, 1), 0);
}

static inline void
mock_set_down(struct mock *m, int down)
{
	if (down)
		rd_kafka_mock_broker_set_down(m->cluster, -1);
	else
		rd_kafka_mock_broker_set_up(m->cluster, -1);
}

static inline void
mock_close(struct mock *m)
{
	rd_kafka_mock_cluster_destroy(m->cluster);
	rd_kafka_destroy(m->rk);
}

#endif
