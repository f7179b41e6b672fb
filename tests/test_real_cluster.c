/* SPDX-License-Identifier: BSD-2-Clause */
/* Three brokers that keep each message twice at least: the leader of all
 * partitions is killed under load. */
#include "testing.h"
#include "testing_kafka.h"

#include "base/base.h"

#define COUNT 30000
#define KEYS 23

static char dir[256];

static void
set_up(void)
{
	testing_tmpdir(dir, sizeof(dir));
	kafka_log_begin();
	KAFKA_UNTIL(kafka_brokers() == 3);
}

static void
tear_down(void)
{
	testing_remove(dir);
}

static psm_producer *
start(void)
{
	const char *const settings[] = {
	    "PSYMATCH_SPOOL_DIR", dir, "PSYMATCH_SPOOL_DURABILITY", "os", NULL};
	psm_config *cfg = kafka_settings(settings);
	psm_transport *t = NULL;
	psm_producer *p = NULL;

	ck_assert_int_eq(psm_transport_open(cfg, &t, NULL), 0);
	ck_assert_int_eq(psm_producer_new(t, cfg, &p, NULL), 0);
	ck_assert_int_eq(psm_producer_start(p, NULL), 0);
	psm_transport_unref(t);
	psm_config_free(cfg);
	return p;
}

START_TEST(the_leader_is_killed_under_load)
{
	const char *topic = kafka_topic();
	size_t left = 0;
	psm_producer *p;
	int leader, rc;

	kafka_create(topic, 1, NULL);
	leader = kafka_leader(topic, 0);
	p = start();
	kafka_send(p, topic, 0, COUNT / 3, KEYS);
	KAFKA_UNTIL(psm_producer_stat(p, "sent") > 0);
	kafka_ctl("kill", leader);
	kafka_send(p, topic, COUNT / 3, COUNT, KEYS);
	rc = psm_producer_close(p, KAFKA_PATIENCE_MS, &left, NULL);
	ck_assert_msg(rc == 0, "%zu left", left);
	ck_assert_int_eq(psm_producer_stat(p, "sent"), COUNT);
	psm_producer_free(p);
	ck_assert_int_ne(kafka_leader(topic, 0), leader);
	kafka_check(topic, COUNT, KEYS, 1);
	kafka_ctl("start", leader);
}
END_TEST

/* With one broker left there are too few copies: nothing is acknowledged,
 * nothing is lost, and it goes on when another one is back. */
START_TEST(too_few_replicas)
{
	const char *topic = kafka_topic();
	psm_producer *p;

	kafka_create(topic, 3, NULL);
	p = start();
	kafka_send(p, topic, 0, 1000, KEYS);
	ck_assert_int_eq(psm_producer_flush(p, KAFKA_PATIENCE_MS, NULL, NULL),
	                 0);
	kafka_ctl("kill", 2);
	kafka_ctl("kill", 3);
	kafka_send(p, topic, 1000, 2000, KEYS);
	ck_assert_int_eq(psm_producer_flush(p, 3000, NULL, NULL),
	                 PSM_ERR_TIMEOUT);
	ck_assert_int_eq(psm_producer_stat(p, "failed"), 0);
	kafka_ctl("start", 2);
	kafka_ctl("start", 3);
	ck_assert_int_eq(psm_producer_close(p, KAFKA_PATIENCE_MS, NULL, NULL),
	                 0);
	psm_producer_free(p);
	kafka_check(topic, 2000, KEYS, 1);
}
END_TEST

int
main(int argc, char **argv)
{
	static const char *const options[] = {"--brokers", "3", NULL};
	Suite *s = suite_create("real_cluster");
	TCase *tc = tcase_create("real_cluster");
	SRunner *sr;
	int failed;

	(void)argc; /* Check takes its settings from the environment */
	kafka_main(argv, options);
	tcase_set_timeout(tc, 240);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, the_leader_is_killed_under_load);
	tcase_add_test(tc, too_few_replicas);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
