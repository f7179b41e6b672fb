/* SPDX-License-Identifier: BSD-2-Clause */
/* Three brokers that keep each message twice at least: the leader of all
 * partitions is killed under load. */
#include "testing.h"
#include "testing_kafka.h"

#include "base/base.h"

#include <pthread.h>
#include <stdlib.h>

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

/* Brokers that stop in good order and come back, one after the other. */
static int resting; /* __atomic; no more of that */

static void *
stop_and_start(void *rounds)
{
	for (int i = 0; i < *(const int *)rounds; i++) {
		kafka_ctl("stop", i % 3 + 1);
		kafka_ctl("start", i % 3 + 1);
	}
	__atomic_store_n(&resting, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* A broker does not know a new producer, and would take its second request
 * after it has refused the first one. */
START_TEST(producers_start_while_leaders_move)
{
	int count = 0, rounds = 3;
	const char *topic = kafka_topic();
	pthread_t thread;

	kafka_create(topic, 6, NULL);
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_and_start, &rounds),
	                 0);
	while (!__atomic_load_n(&resting, __ATOMIC_ACQUIRE)) {
		psm_producer *p = kafka_start(kafka_settings(NULL), NULL);

		for (int n = 0; n < 5; n++, count += 20) {
			kafka_send(p, topic, count, count + 20, KEYS);
			kafka_pause();
		}
		kafka_close(p);
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	kafka_check(topic, count, KEYS, 0);
}
END_TEST

static unsigned char *seen;

static void
see(int partition, const char *key, const char *value, size_t len, void *user)
{
	psm_event *ev = NULL;
	int64_t n = -1;

	(void)partition, (void)key;
	ck_assert_int_eq(psm_event_parse(value, len, &ev, NULL), 0);
	ck_assert_int_eq(
	    psm_json_get_int(psm_json_at(psm_event_payload(ev), "/n"), &n,
	                     NULL),
	    0);
	psm_event_free(ev);
	ck_assert(n >= 0 && n < *(const int *)user);
	seen[n] = 1;
}

/* Keys move with it: only that all are there is promised. */
START_TEST(partitions_are_added_under_load)
{
	int count = 0, missing = 0;
	const char *topic = kafka_topic();
	psm_producer *p;

	kafka_create(topic, 3, NULL);
	p = kafka_start(kafka_settings(NULL), NULL);
	for (int partitions = 4; partitions <= 12; partitions += 4) {
		int64_t until = psm__mono_ms() + 2000;

		for (; psm__mono_ms() < until; count += 50) {
			kafka_send(p, topic, count, count + 50, 997);
			kafka_pause();
		}
		kafka_add_partitions(topic, partitions);
	}
	/* Until the client has looked: every 10 s. */
	while (kafka_end(topic, 11) == 0) {
		kafka_send(p, topic, count, count + 50, 997);
		count += 50;
	}
	kafka_close(p);
	seen = calloc((size_t)count, 1);
	ck_assert_ptr_nonnull(seen);
	(void)kafka_read(topic, see, &count);
	for (int n = 0; n < count; n++)
		missing += !seen[n];
	free(seen);
	ck_assert_msg(missing == 0, "%d of %d are lost", missing, count);
}
END_TEST

START_TEST(leaders_are_moved_by_reassignment)
{
	static const char *const pairs[] = {"2,3", "3,1", "1,2", "2,1", "1,3"};
	const char *topic = kafka_topic();
	int count = 0;
	psm_producer *p;

	kafka_create(topic, 2, NULL);
	p = kafka_start(kafka_settings(NULL), NULL);
	for (size_t i = 0; i < PSM__COUNT(pairs); i++) {
		kafka_send(p, topic, count, count + 2000, KEYS);
		count += 2000;
		kafka_replicas(topic, (int)i % 2, pairs[i]);
	}
	kafka_close(p);
	kafka_check(topic, count, KEYS, 1);
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
	tc = tcase_create("leaders that move");
	tcase_set_timeout(tc, 240);
	tcase_add_checked_fixture(tc, kafka_set_up, kafka_tear_down);
	tcase_add_checked_fixture(tc, all_brokers, NULL);
	tcase_add_test(tc, producers_start_while_leaders_move);
	tcase_add_test(tc, partitions_are_added_under_load);
	tcase_add_test(tc, leaders_are_moved_by_reassignment);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
