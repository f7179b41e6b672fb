/* SPDX-License-Identifier: BSD-2-Clause */
/* Three brokers that keep each message twice at least: the leader of all
 * partitions is killed under load. */
#include "testing.h"
#include "testing_kafka.h"

#include "base/base.h"

#define COUNT 30000
#define KEYS 23

static void
all_brokers(void)
{
	KAFKA_UNTIL(kafka_brokers() == 3);
}

START_TEST(the_leader_is_killed_under_load)
{
	const char *topic = kafka_topic();
	psm_producer *p;
	int leader;

	kafka_create(topic, 1, NULL);
	leader = kafka_leader(topic, 0);
	p = kafka_start(kafka_settings(NULL), NULL);
	kafka_send(p, topic, 0, COUNT / 3, KEYS);
	KAFKA_UNTIL(psm_producer_stat(p, "sent") > 0);
	kafka_ctl("kill", leader);
	kafka_send(p, topic, COUNT / 3, COUNT, KEYS);
	ck_assert_int_eq(psm_producer_flush(p, KAFKA_PATIENCE_MS, NULL, NULL),
	                 0);
	ck_assert_int_eq(psm_producer_stat(p, "sent"), COUNT);
	kafka_close(p);
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
	p = kafka_start(kafka_settings(NULL), NULL);
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
	kafka_close(p);
	kafka_check(topic, 2000, KEYS, 1);
}
END_TEST

int
main(int argc, char **argv)
{
	static const char *const options[] = {"--brokers", "3", NULL};
	Suite *s = suite_create("real_cluster");
	TCase *tc = tcase_create("real_cluster");

	(void)argc; /* Check takes its settings from the environment */
	kafka_main(argv, options);
	tcase_set_timeout(tc, 240);
	tcase_add_checked_fixture(tc, kafka_set_up, kafka_tear_down);
	tcase_add_checked_fixture(tc, all_brokers, NULL);
	tcase_add_test(tc, the_leader_is_killed_under_load);
	tcase_add_test(tc, too_few_replicas);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
