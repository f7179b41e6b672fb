/* SPDX-License-Identifier: BSD-2-Clause */
/* Topics of the catalogue on a real Kafka, in both of its modes: created once,
 * by several at the same time, with what differs left as it is. */
#include "testing.h"
#include "testing_kafka.h"

#include <pthread.h>

/* The cluster of ZooKeeper's mode has one broker, that of KRaft has three. */
#ifdef ZOOKEEPER
#define COPIES 1
#define MIN_INSYNC 1
#define END "stop" /* ZooKeeper takes one that was killed for alive */
#else
#define COPIES 3
#define MIN_INSYNC 2
#define END "kill" /* the last ones could not take their leave */
#endif

static psm_config *cfg;
static psm_error *err;
static psm_json *doc;

static void
set_up(void)
{
	kafka_set_up();
	err = psm_error_new();
	cfg = kafka_settings(NULL);
}

static void
tear_down(void)
{
	psm_json_free(doc);
	doc = NULL;
	psm_config_free(cfg);
	psm_error_free(err);
	kafka_tear_down();
}

static int
topics(int apply, int partitions, int64_t retention_s)
{
	char *json = NULL;
	int rc = (apply ? psm_topics_apply : psm_topics_plan)(
	    cfg, partitions, 0, retention_s, KAFKA_PATIENCE_MS, &json, err);

	ck_assert_msg(rc >= 0, "%s", psm_error_message(err));
	psm_json_free(doc);
	ck_assert_int_eq(psm_json_parse(json, strlen(json), &doc, err), 0);
	psm_free(json);
	return rc;
}

static int64_t
number(int topic, const char *member)
{
	char pointer[64];
	int64_t n = -7;

	(void)snprintf(pointer, sizeof pointer, "/topics/%d/%s", topic, member);
	ck_assert_int_eq(psm_json_get_int(psm_json_at(doc, pointer), &n, err),
	                 0);
	return n;
}

static const char *
state(int topic)
{
	char pointer[64];

	(void)snprintf(pointer, sizeof pointer, "/topics/%d/state", topic);
	return psm_json_string(psm_json_at(doc, pointer));
}

static int
count(void)
{
	return (int)psm_json_count(psm_json_at(doc, "/topics"));
}

static void *
apply_too(void *failed)
{
	psm_error *mine = psm_error_new();
	char *json = NULL;

	if (psm_topics_apply(cfg, 0, 0, 0, KAFKA_PATIENCE_MS, &json, mine) != 0)
		*(int *)failed = 1;
	psm_free(json);
	psm_error_free(mine);
	return NULL;
}

/* One of the topics is there already, and not as it is wanted. */
START_TEST(created_once)
{
	static const char *const config[] = {"retention.ms", "3600000", NULL};
	pthread_t other[2];
	int i, failed = 0;

	kafka_create("patient-events", 2, config);
	ck_assert_int_eq(topics(0, 0, 0), count());
	ck_assert_str_eq(state(0), "different");
	ck_assert_int_eq(number(0, "partitions/found"), 2);
	ck_assert_int_eq(number(0, "retention_ms/found"), 3600000);
	ck_assert_str_eq(state(1), "missing");
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(
		    pthread_create(&other[i], NULL, apply_too, &failed), 0);
	ck_assert_int_eq(topics(1, 0, 0), 0);
	for (i = 0; i < 2; i++)
		pthread_join(other[i], NULL);
	ck_assert_int_eq(failed, 0);
	/* What differs stays as it was. */
	ck_assert_int_eq(topics(0, 0, 0), 1);
	ck_assert_str_eq(state(0), "different");
	ck_assert_int_eq(number(0, "partitions/found"), 2);
	for (i = 1; i < count(); i++) {
		ck_assert_str_eq(state(i), "same");
		ck_assert_int_eq(number(i, "partitions/found"), 3);
		ck_assert_int_eq(number(i, "replication/found"), COPIES);
		ck_assert_int_eq(number(i, "retention_ms/found"), 604800000);
		ck_assert_int_eq(number(i, "min_insync_replicas/found"),
		                 MIN_INSYNC);
	}
	/* And again: nothing is left to do. */
	ck_assert_int_eq(topics(1, 0, 0), 0);
	ck_assert_str_eq(state(1), "same");
	ck_assert_int_eq(topics(0, 0, 86400), count());
}
END_TEST

/* Numbers of the caller's; a cluster cannot have more copies than brokers. */
START_TEST(with_other_numbers)
{
	char *json = NULL;
	int first;

	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_DEAD_LETTER_TOPIC", "true", err), 0);
	ck_assert_int_gt(topics(0, 0, 0), 0);
	first = count() / 2;
	ck_assert_int_eq(
	    psm_topics_apply(cfg, 0, 9, 0, KAFKA_PATIENCE_MS, &json, err),
	    first);
	ck_assert_ptr_nonnull(strstr(json, "\"reason\":\""));
	psm_free(json);
	ck_assert_int_eq(topics(1, 5, 7200), 0);
	ck_assert_str_eq(state(first), "created");
	ck_assert_int_eq(number(first, "partitions/found"), 5);
	ck_assert_int_eq(number(first, "retention_ms/found"), 7200000);
	ck_assert_str_eq(state(1), "different");
}
END_TEST

/* The broker starts while it is waited for. */
static void *
start_broker(void *unused)
{
	(void)unused;
	kafka_ctl("start", 1);
	return NULL;
}

START_TEST(waits_for_the_broker)
{
	pthread_t thread;
	int i;

	for (i = 1; i <= COPIES; i++)
		kafka_ctl(END, i);
	ck_assert_int_eq(pthread_create(&thread, NULL, start_broker, NULL), 0);
	for (i = 2; i <= COPIES; i++)
		kafka_ctl("start", i);
	/* It may not know its topics yet; that is waited for, too. */
	ck_assert_int_eq(topics(1, 0, 0), 0);
	ck_assert_str_ne(state(1), "missing");
	pthread_join(thread, NULL);
}
END_TEST

int
main(int argc, char **argv)
{
#ifdef ZOOKEEPER
	static const char *const options[] = {"--zookeeper", NULL};
#else
	static const char *const options[] = {"--brokers", "3", NULL};
#endif
	Suite *s = suite_create("real_topics");
	TCase *tc = tcase_create("real_topics");

	(void)argc; /* Check takes its settings from the environment */
	kafka_main(argv, options);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, created_once);
	tcase_add_test(tc, with_other_numbers);
	tcase_add_test(tc, waits_for_the_broker);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
