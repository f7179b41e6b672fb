/* SPDX-License-Identifier: BSD-2-Clause */
/* librdkafka's mock cluster inside the test process. */
#ifndef PSM_TEST_MOCK_H
#define PSM_TEST_MOCK_H

#include <check.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <psymatch/psymatch.h>

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

/*
 * A transport to the cluster. The mock answers the first join after a group
 * became empty only when the session timeout of its last member is over, so
 * that is made short; below the 3 s that every first join takes there, members
 * would expire while they wait.
 */
static inline psm_transport *
mock_transport_at(const char *bootstraps, const char *const *settings)
{
	static const char *const common[] = {
	    "PSYMATCH_TRANSPORT",
	    "kafka",
	    "PSYMATCH_KAFKA_session_timeout_ms",
	    "4000",
	    "PSYMATCH_KAFKA_heartbeat_interval_ms",
	    "300",
	    NULL,
	};
	psm_transport *t = NULL;
	psm_config *cfg = NULL;
	psm_error *err = psm_error_new();
	const char *const *p;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "KAFKA_BOOTSTRAP_SERVERS", bootstraps, NULL),
	    0);
	for (p = common; *p; p += 2)
		ck_assert_int_eq(psm_config_set(cfg, p[0], p[1], NULL), 0);
	for (p = settings; p && *p; p += 2)
		ck_assert_int_eq(psm_config_set(cfg, p[0], p[1], NULL), 0);
	ck_assert_msg(psm_transport_open(cfg, &t, err) == 0, "%s",
	              psm_error_message(err));
	psm_config_free(cfg);
	psm_error_free(err);
	return t;
}

static inline psm_transport *
mock_transport(struct mock *m, const char *const *settings)
{
	return mock_transport_at(rd_kafka_mock_cluster_bootstraps(m->cluster),
	                         settings);
}

/*
 * Down, the mock gives up its listening socket and binds another one to the
 * port, which fails as long as anybody else has the old one: the child of a
 * fork, until it runs another program.
 */
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
