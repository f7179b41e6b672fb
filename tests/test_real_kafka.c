/* SPDX-License-Identifier: BSD-2-Clause */
/* A real broker: topics that come late or go away, limits of its own, restarts.
 */
#include "testing.h"
#include "testing_kafka.h"

#include "base/base.h"

#define COUNT 3000
#define KEYS 17

static int failed_code; /* __atomic: what the callback heard last */
static int outcomes;    /* __atomic: calls of the callback */

static void
hear(const char *event_id, int rc, const char *reason, void *user)
{
	(void)event_id;
	(void)reason;
	(void)user;
	__atomic_add_fetch(&outcomes, 1, __ATOMIC_RELAXED);
	if (rc < 0)
		__atomic_store_n(&failed_code, rc, __ATOMIC_RELAXED);
}

/* The broker makes no topics by itself here. */
START_TEST(a_topic_that_comes_later)
{
	char late[64];
	const char *topic;
	psm_producer *p;

	(void)snprintf(late, sizeof(late), "%s", kafka_topic());
	topic = kafka_topic();
	kafka_create(topic, 3, NULL);
	p = kafka_start(kafka_settings(NULL), hear);
	kafka_send(p, late, 0, 100, KEYS);
	KAFKA_UNTIL(kafka_says(p, late));
	/* The others go on meanwhile. */
	kafka_send(p, topic, 0, 100, KEYS);
	KAFKA_UNTIL(psm_producer_stat(p, "sent") == 100);
	kafka_check(topic, 100, KEYS, 1);
	kafka_create(late, 3, NULL);
	kafka_close(p);
	kafka_check(late, 100, KEYS, 1);
}
END_TEST

/* An event that does not compress below len; to be freed. */
static psm_event *
incompressible(size_t len)
{
	static const char head[] = "{\"patient_id\":1,\"note\":\"";
	char *payload = malloc(len);
	psm_event *ev = NULL;
	size_t i;

	ck_assert_ptr_nonnull(payload);
	for (i = 0; i < len; i++)
		payload[i] = (char)('a' + rand() % 26);
	memcpy(payload, head, sizeof(head) - 1);
	memcpy(payload + len - 2, "\"}", 2);
	ck_assert_int_eq(
	    psm_event_new("patient.deleted", "test", payload, len, &ev, NULL),
	    0);
	free(payload);
	return ev;
}

#define STREAM 2000

/* One that the topic's own limit refuses is told with its reason, and stands in
 * nobody's way, with batches in flight before and behind it. */
START_TEST(over_the_limit_of_the_topic)
{
	static const char *const config[] = {"max.message.bytes", "5000", NULL};
	static const char *const settings[] = {"PSYMATCH_KAFKA_batch_size",
	                                       "2000", NULL};
	const char *topic = kafka_topic();
	psm_event *big = incompressible(10000);
	psm_producer *p;

	kafka_create(topic, 1, config);
	p = kafka_start(kafka_settings(settings), hear);
	kafka_send(p, topic, 0, STREAM, 5);
	ck_assert_int_eq(psm_producer_send(p, topic, big, NULL), 0);
	kafka_send(p, topic, STREAM, 2 * STREAM, 5);
	ck_assert_int_eq(psm_producer_flush(p, KAFKA_PATIENCE_MS, NULL, NULL),
	                 0);
	ck_assert_int_eq(psm_producer_stat(p, "failed"), 1);
	ck_assert_int_eq(__atomic_load_n(&failed_code, __ATOMIC_RELAXED),
	                 PSM_ERR_TOO_LARGE);
	ck_assert_int_eq(__atomic_load_n(&outcomes, __ATOMIC_RELAXED),
	                 2 * STREAM + 1);
	kafka_close(p);
	kafka_check(topic, 2 * STREAM, 5, 1);
	psm_event_free(big);
}
END_TEST

static const char *const ends[] = {"stop", "kill"};

/* An idempotent producer: nothing is there twice. */
START_TEST(a_broker_that_restarts_in_mid_stream)
{
	const char *topic = kafka_topic();
	psm_producer *p;

	kafka_create(topic, 3, NULL);
	p = kafka_start(kafka_settings(NULL), hear);
	kafka_send(p, topic, 0, COUNT, KEYS);
	KAFKA_UNTIL(psm_producer_stat(p, "sent") > 0);
	kafka_ctl(ends[_i], 1);
	kafka_send(p, topic, COUNT, 2 * COUNT, KEYS);
	kafka_ctl("start", 1);
	kafka_send(p, topic, 2 * COUNT, 3 * COUNT, KEYS);
	kafka_close(p);
	ck_assert_int_eq(__atomic_load_n(&outcomes, __ATOMIC_RELAXED),
	                 3 * COUNT);
	kafka_check(topic, 3 * COUNT, KEYS, 1);
}
END_TEST

/* -- a consumer across a restart */

static struct {
	pthread_mutex_t lock;
	int last[KEYS], count;
} got = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int
note(const psm_event *ev, void *user, psm_error *err)
{
	int64_t n = -1;
	int key;

	(void)user;
	ck_assert_int_eq(
	    psm_json_get_int(psm_json_at(psm_event_payload(ev), "/n"), &n, err),
	    0);
	key = (int)(n % KEYS);
	pthread_mutex_lock(&got.lock);
	/* At least once: what was not committed comes again, with all of its
	 * successors. */
	ck_assert_msg(n <= got.last[key] + KEYS, "key %d: %d, then %lld", key,
	              got.last[key], (long long)n);
	got.last[key] = (int)n;
	got.count++;
	pthread_mutex_unlock(&got.lock);
	return 0;
}

static int
all_read(int count)
{
	int done = 1;

	pthread_mutex_lock(&got.lock);
	for (int key = 0; key < KEYS; key++)
		done = done && got.last[key] >= count - KEYS;
	pthread_mutex_unlock(&got.lock);
	return done;
}

START_TEST(a_consumer_reads_on_after_a_restart)
{
	static const char *const settings[] = {
	    "PSYMATCH_KAFKA_session_timeout_ms", "6000", NULL};
	const char *topic = kafka_topic();
	psm_config *cfg = kafka_settings(settings);
	psm_transport *t = kafka_transport(settings);
	psm_consumer *c = NULL;
	psm_producer *p;

	kafka_create(topic, 3, NULL);
	for (int key = 0; key < KEYS; key++)
		got.last[key] = key - KEYS;
	ck_assert_int_eq(psm_consumer_new(t, cfg, topic, &c, NULL), 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, topic, NULL), 0);
	ck_assert_int_eq(
	    psm_consumer_on(c, "patient.deleted", note, NULL, NULL), 0);
	ck_assert_int_eq(psm_consumer_start(c, NULL), 0);
	p = kafka_start(kafka_settings(NULL), hear);
	kafka_send(p, topic, 0, COUNT, KEYS);
	KAFKA_UNTIL(all_read(COUNT));
	kafka_ctl("kill", 1);
	kafka_send(p, topic, COUNT, 2 * COUNT, KEYS);
	kafka_ctl("start", 1);
	KAFKA_UNTIL(all_read(2 * COUNT));
	kafka_close(p);
	ck_assert_int_eq(psm_consumer_close(c, 10000, NULL), 0);
	psm_consumer_free(c);
	psm_config_free(cfg);
	psm_transport_unref(t);
}
END_TEST

int
main(int argc, char **argv)
{
	static const char *const options[] = {
	    "--set", "auto.create.topics.enable=false", NULL};
	Suite *s = suite_create("real_kafka");
	TCase *tc = tcase_create("real_kafka");

	(void)argc; /* Check takes its settings from the environment */
	kafka_main(argv, options);
	tcase_set_timeout(tc, 180);
	tcase_add_checked_fixture(tc, kafka_set_up, kafka_tear_down);
	tcase_add_test(tc, a_topic_that_comes_later);
	tcase_add_test(tc, over_the_limit_of_the_topic);
	tcase_add_loop_test(tc, a_broker_that_restarts_in_mid_stream, 0,
	                    PSM__COUNT(ends));
	tcase_add_test(tc, a_consumer_reads_on_after_a_restart);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
