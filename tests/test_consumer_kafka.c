/* SPDX-License-Identifier: BSD-2-Clause */
/* The consumer on Kafka, as far as that is different. */
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>

#include "client/consumer/consumer_int.h"
#include "transport/kafka/kafka.h"
#include "consumer_rig.h"
#include "mock.h"

static void
on_report(uint64_t token, int rc, const char *reason, void *user)
{
	(void)token;
	(void)reason;
	ck_assert_int_eq(rc, 0);
	++*(int *)user;
}

static void
kafka_put(struct psm__sink *s, const char *value, size_t len)
{
	struct psm__message m = {.topic = TOPIC,
	                         .key = "1",
	                         .key_len = 1,
	                         .value = value,
	                         .value_len = len};

	ck_assert_int_eq(s->ops->send(s, &m, NULL), 0);
}

/* Starts while the broker is away; good, garbage, null, retried, good; then a
 * second life of the group gets nothing twice. */
START_TEST(kafka_from_outage_to_restart)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	struct seen seen = {
	    .fail_number = 2, .fail_times = 2, .fail_rc = PSM_ERR_RETRY};
	struct psm__sink *s = NULL;
	psm_transport *t;
	psm_consumer *c;
	struct mock mock;
	char *text[4];
	size_t len[4];
	char reason[160];
	int sent = 0, i;

	mock_open(&mock, TOPIC, PARTITIONS);
	t = mock_transport(&mock, NULL);
	mock_set_down(&mock, 1);
	c = make_consumer(t, "kafka", &seen);
	ck_assert_int_eq(psm_consumer_start(c, NULL), 0);
	ck_assert_int_eq(psm_consumer_health(c, reason, sizeof(reason)),
	                 PSM_HEALTH_AMBER);
	ck_assert_int_eq(t->ops->open_sink(t, on_report, &sent, &s, NULL), 0);
	for (i = 0; i < 4; i++)
		text[i] = event_text(1, i + 1, &len[i]);
	kafka_put(s, text[0], len[0]);
	kafka_put(s, "garbage", 7);
	kafka_put(s, NULL, 0);
	kafka_put(s, text[1], len[1]);
	kafka_put(s, text[2], len[2]);
	mock_set_down(&mock, 0);
	while (sent < 5 || psm_consumer_stat(c, "handled") < 3) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		ck_assert_int_ge(s->ops->poll(s, 20, NULL), 0);
	}
	ck_assert_int_eq(psm_consumer_stat(c, "retried"), 2);
	ck_assert_int_eq(psm_consumer_stat(c, "skipped"), 1);
	ck_assert_int_eq(psm_consumer_stat(c, "lag"), 0);
	ck_assert_int_eq(psm_consumer_close(c, 5000, NULL), 0);
	psm_consumer_free(c);
	ck_assert_int_eq(seen.count, 3);
	check_order(&seen);
	ck_assert_int_eq(seen.dead, 1);
	ck_assert_int_eq(seen.dead_code, PSM_ERR_PARSE);
	ck_assert_int_eq(seen.dead_offset, 1);
	ck_assert_str_eq(seen.dead_raw, "garbage");

	memset(&seen, 0, sizeof(seen));
	c = make_consumer(t, "kafka", &seen);
	kafka_put(s, text[3], len[3]);
	poll_until(c, &seen.count, 1);
	ck_assert_int_eq(seen.number[0], 4);
	ck_assert_int_eq(psm_consumer_close(c, 5000, NULL), 0);
	psm_consumer_free(c);
	s->ops->close(s, 5000);
	for (i = 0; i < 4; i++)
		psm_free(text[i]);
	psm_transport_unref(t);
	mock_close(&mock);
}
END_TEST

/* Fetch requests fail, so librdkafka knows of nothing new: the broker is asked
 * where the log ends, and the lag says it. */
START_TEST(end_that_cannot_be_read_is_asked_for)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	rd_kafka_resp_err_t errors[500];
	struct seen seen = {0};
	struct psm__sink *s = NULL;
	psm_transport *t;
	psm_consumer *c;
	struct mock mock;
	char *text;
	size_t len, i;
	int sent = 0;

	mock_open(&mock, TOPIC, PARTITIONS);
	t = mock_transport(&mock, NULL);
	ck_assert_int_eq(t->ops->open_sink(t, on_report, &sent, &s, NULL), 0);
	text = event_text(1, 1, &len);
	kafka_put(s, text, len);
	c = make_consumer(t, "asked", &seen);
	while (seen.count < 1) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		ck_assert_int_ge(psm_consumer_poll(c, 100, NULL), 0);
		ck_assert_int_ge(s->ops->poll(s, 0, NULL), 0);
	}
	psm__kafka_set_quiet(c->source, 1);
	for (i = 0; i < PSM__COUNT(errors); i++)
		errors[i] = RD_KAFKA_RESP_ERR_UNKNOWN;
	rd_kafka_mock_push_request_errors_array(mock.cluster, 1 /* Fetch */,
	                                        PSM__COUNT(errors), errors);
	while (psm_consumer_stat(c, "lag") <= 0) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		/* Requests that were on their way may still bring one. */
		kafka_put(s, text, len);
		ck_assert_int_ge(s->ops->poll(s, 100, NULL), 0);
		ck_assert_int_ge(psm_consumer_poll(c, 400, NULL), 0);
	}
	rd_kafka_mock_clear_request_errors(mock.cluster, 1);
	psm_free(text);
	psm_consumer_free(c);
	s->ops->close(s, 5000);
	psm_transport_unref(t);
	mock_close(&mock);
}
END_TEST

/* -- a client that does not end: this stands in front of librdkafka's */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;
static int stuck; /* lock */

static void
set_stuck(int to)
{
	pthread_mutex_lock(&lock);
	stuck = to;
	pthread_cond_broadcast(&freed);
	pthread_mutex_unlock(&lock);
}

void
rd_kafka_destroy_flags(rd_kafka_t *rk, int flags)
{
	void (*real)(rd_kafka_t *, int);

	*(void **)&real = dlsym(RTLD_NEXT, "rd_kafka_destroy_flags");
	pthread_mutex_lock(&lock);
	while (stuck)
		pthread_cond_wait(&freed, &lock);
	pthread_mutex_unlock(&lock);
	real(rk, flags);
}

/* -- a group that was told */

static int told; /* a client has left its group */

int
rd_kafka_consumer_closed(rd_kafka_t *rk)
{
	int (*real)(rd_kafka_t *);
	int closed;

	*(void **)&real = dlsym(RTLD_NEXT, "rd_kafka_consumer_closed");
	closed = real(rk);
	told |= closed;
	return closed;
}

/* Freed without being closed, and closed without any time. */
START_TEST(group_is_told_in_any_case)
{
	struct seen seen = {0};
	struct psm__sink *s = NULL;
	int sent = 0, i;
	psm_transport *t;
	psm_consumer *c;
	struct mock mock;
	size_t len;
	char *text;

	mock_open(&mock, TOPIC, PARTITIONS);
	t = mock_transport(&mock, NULL);
	ck_assert_int_eq(t->ops->open_sink(t, on_report, &sent, &s, NULL), 0);
	for (i = 1; i <= 2; i++) {
		text = event_text(1, i, &len);
		kafka_put(s, text, len);
		while (sent < i)
			ck_assert_int_ge(s->ops->poll(s, 20, NULL), 0);
		psm_free(text);
		c = make_consumer(t, "told", &seen);
		poll_until(c, &seen.count, i);
		told = 0;
		if (i == 2)
			ck_assert_int_eq(psm_consumer_close(c, 0, NULL), 0);
		psm_consumer_free(c);
		ck_assert_int_eq(told, 1);
	}
	s->ops->close(s, 5000);
	psm_transport_unref(t);
	mock_close(&mock);
}
END_TEST

/* Threads that wait for the end of a client. */
static int
farewells(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	ck_assert_ptr_nonnull(tasks);
	while ((entry = readdir(tasks)) != NULL) {
		char path[300], name[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
		         entry->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f))
			count += strcmp(name, "psm-farewell\n") == 0;
		(void)fclose(f);
	}
	(void)closedir(tasks);
	return count;
}

/* A thread is joined a little before it leaves the list. */
static void
no_farewells(void)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;

	while (farewells() > 0) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		(void)poll(NULL, 0, 10);
	}
}

static void
close_one(psm_transport *t)
{
	struct seen seen = {0};
	psm_consumer *c = make_consumer(t, "farewell", &seen);

	ck_assert_int_eq(psm_consumer_poll(c, 100, NULL), 0);
	ck_assert_int_eq(psm_consumer_close(c, 1000, NULL), 0);
	psm_consumer_free(c);
}

/* Nobody waits for it for ever, and what it needs goes with it in the end: the
 * address sanitizer sees what is used too long, or never freed. */
static void
count_gap(const struct psm__gap *gap, void *user)
{
	(void)gap;
	++*(int *)user;
}

static void
put_and_wait(struct psm__sink *sink, int number, const int *sent)
{
	size_t len;
	char *text = event_text(1, number, &len);

	kafka_put(sink, text, len);
	while (*sent < number)
		ck_assert_int_ge(sink->ops->poll(sink, 20, NULL), 0);
	psm_free(text);
}

/* What comes while the partition is held, behind the end that was read before,
 * is of the same log. */
START_TEST(goes_on_behind_an_end_that_was_kept)
{
	static const char *const topics[] = {TOPIC};
	int sent = 0, gaps = 0, number;
	struct psm__source_conf conf = {.group = "kept",
	                                .topics = topics,
	                                .topic_count = 1,
	                                .gap = count_gap,
	                                .user = &gaps};
	int64_t until = psm__mono_ms() + PATIENCE_MS;
	struct psm__source *s = NULL;
	struct psm__sink *sink = NULL;
	struct psm__record rec = {0};
	psm_transport *t;
	struct mock mock;

	mock_open(&mock, TOPIC, PARTITIONS);
	t = mock_transport(&mock, NULL);
	ck_assert_int_eq(t->ops->open_sink(t, on_report, &sent, &sink, NULL),
	                 0);
	put_and_wait(sink, 1, &sent);
	ck_assert_int_eq(t->ops->open_source(t, &conf, &s, NULL), 0);
	while (s->ops->poll(s, 20, &rec, NULL) != 1)
		ck_assert_int_lt(psm__mono_ms(), until);
	ck_assert_int_eq(rec.offset, 0);
	ck_assert_int_eq(s->ops->pause(s, TOPIC, rec.partition, INT_MAX, NULL),
	                 0);
	for (number = 2; number <= 3; number++) {
		struct psm__record none;
		size_t kept = (size_t)number - 1 + (number == 3);

		/* The end, then the message and the end behind it. */
		while (psm__kafka_kept(s) < kept) {
			ck_assert_int_eq(s->ops->poll(s, 20, &none, NULL), 0);
			ck_assert_int_lt(psm__mono_ms(), until);
		}
		put_and_wait(sink, number, &sent);
	}
	ck_assert_int_eq(s->ops->pause(s, TOPIC, rec.partition, 0, NULL), 0);
	for (number = 1; number <= 2; number++) {
		s->ops->release(s, &rec);
		while (s->ops->poll(s, 20, &rec, NULL) != 1)
			ck_assert_int_lt(psm__mono_ms(), until);
		ck_assert_int_eq(rec.offset, number);
	}
	s->ops->release(s, &rec);
	ck_assert_int_eq(gaps, 0);
	s->ops->close(s, 5000);
	sink->ops->close(sink, 5000);
	psm_transport_unref(t);
	mock_close(&mock);
}
END_TEST

/* A handler was longer than the poll limit, and the member that came back took
 * the place of the former one: the consumer opens another client and goes on. A
 * name that the user gave may be another program's: it says so and stays dead.
 */
START_TEST(fenced_member_is_replaced_unless_the_user_named_it)
{
	static const char *const named[] = {"PSYMATCH_KAFKA_group_instance_id",
	                                    "mine", NULL};
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	struct seen seen = {0};
	struct psm__sink *s = NULL;
	struct psm__source *first;
	psm_transport *t;
	psm_consumer *c;
	struct mock mock;
	char reason[256] = "";
	int sent = 0;

	mock_open(&mock, TOPIC, PARTITIONS);
	t = mock_transport(&mock, _i ? named : NULL);
	ck_assert_int_eq(t->ops->open_sink(t, on_report, &sent, &s, NULL), 0);
	c = make_consumer(t, "fenced", &seen);
	put_and_wait(s, 1, &sent);
	poll_until(c, &seen.count, 1);
	first = c->source;
	psm__kafka_fence_source(first);
	put_and_wait(s, 2, &sent);
	while (_i ? psm_consumer_health(c, reason, sizeof(reason)) !=
	                PSM_HEALTH_RED
	          : c->source == first || seen.count < 2) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		ck_assert_int_ge(psm_consumer_poll(c, 100, NULL), 0);
	}
	ck_assert_int_eq(c->source == first, _i);
	ck_assert_int_eq(strstr(reason, "FENCED_INSTANCE_ID") != NULL, _i);
	check_order(&seen);
	psm_consumer_free(c);
	s->ops->close(s, 5000);
	psm_transport_unref(t);
	mock_close(&mock);
}
END_TEST

START_TEST(close_leaves_a_client_that_does_not_end)
{
	psm_transport *t;
	struct mock mock;

	mock_open(&mock, TOPIC, PARTITIONS);
	t = mock_transport(&mock, NULL);
	close_one(t);
	no_farewells();
	set_stuck(1);
	close_one(t);
	ck_assert_int_eq(farewells(), 1);
	set_stuck(0);
	no_farewells();
	psm_transport_unref(t);
	mock_close(&mock);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("consumer on kafka");
	TCase *tc = tcase_create("kafka");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, kafka_from_outage_to_restart);
	tcase_add_test(tc, group_is_told_in_any_case);
	tcase_add_test(tc, goes_on_behind_an_end_that_was_kept);
	tcase_add_loop_test(
	    tc, fenced_member_is_replaced_unless_the_user_named_it, 0, 2);
	tcase_add_test(tc, end_that_cannot_be_read_is_asked_for);
	tcase_add_test(tc, close_leaves_a_client_that_does_not_end);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
