/* SPDX-License-Identifier: BSD-2-Clause */
/* The system's clock is set back by hours while the broker is away. The clock
 * of this program is a library that is loaded before all others. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "mock.h"
#include "testing.h"
#include "testing_kafka.h"
#include "transport/transport.h"

#define KEYS 5
#define EVENTS 20
#define OUTAGE_MS 3000
/* Without the mend it takes four hours. */
#define PATIENCE_MS 20000

static struct mock mock;
static const char *topic, *file;
static int handled; /* __atomic */

static void
set_up(void)
{
	(void)unlink(file);
	kafka_set_up();
	topic = kafka_topic();
	mock_open(&mock, topic, 2);
	ck_assert_int_eq(setenv("KAFKA_BOOTSTRAP_SERVERS",
	                        rd_kafka_mock_cluster_bootstraps(mock.cluster),
	                        1),
	                 0);
}

static void
tear_down(void)
{
	(void)unlink(file);
	mock_close(&mock);
	kafka_tear_down();
}

static void
step_back(void)
{
	int64_t before = psm_now_us();
	int fd = open(file, O_CREAT | O_WRONLY, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_lt(psm_now_us(), before - INT64_C(3600000000));
}

/* While librdkafka waits between two tries to connect. */
static void
set_clock_back(void)
{
	int64_t until = psm__mono_ms() + OUTAGE_MS;

	KAFKA_UNTIL(psm__mono_ms() > until);
	step_back();
}

START_TEST(a_producer_goes_on)
{
	psm_producer *p = kafka_start(kafka_settings(NULL), NULL);
	size_t left = 99;

	kafka_send(p, topic, 0, EVENTS, KEYS);
	ck_assert_int_eq(psm_producer_flush(p, PATIENCE_MS, NULL, NULL), 0);
	mock_set_down(&mock, 1);
	if (_i)
		kafka_send(p, topic, EVENTS, 2 * EVENTS, KEYS);
	KAFKA_UNTIL(psm_producer_health(p, NULL, 0) != PSM_HEALTH_GREEN ||
	            kafka_logged("ALL_BROKERS_DOWN"));
	set_clock_back();
	mock_set_down(&mock, 0);
	if (!_i)
		kafka_send(p, topic, EVENTS, 2 * EVENTS, KEYS);
	ck_assert_msg(psm_producer_flush(p, PATIENCE_MS, &left, NULL) == 0,
	              "%zu are left", left);
	kafka_close(p);
	kafka_check(topic, 2 * EVENTS, KEYS, 0);
}
END_TEST

static int
handle(const psm_event *ev, void *user, psm_error *err)
{
	(void)ev, (void)user, (void)err;
	__atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
	return 0;
}

static int
all_handled(int count)
{
	return __atomic_load_n(&handled, __ATOMIC_RELAXED) >= count;
}

START_TEST(a_consumer_goes_on)
{
	static const char *const settings[] = {
	    "PSYMATCH_KAFKA_session_timeout_ms", "4000",
	    "PSYMATCH_KAFKA_heartbeat_interval_ms", "300", NULL};
	psm_config *cfg = kafka_settings(settings);
	psm_transport *t = kafka_transport(settings);
	psm_consumer *c = NULL;
	psm_producer *p = kafka_start(kafka_settings(NULL), NULL);
	int64_t until;

	ck_assert_int_eq(psm_consumer_new(t, cfg, "group", &c, NULL), 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, topic, NULL), 0);
	ck_assert_int_eq(psm_consumer_on(c, "*", handle, NULL, NULL), 0);
	ck_assert_int_eq(psm_consumer_start(c, NULL), 0);
	kafka_send(p, topic, 0, EVENTS, KEYS);
	KAFKA_UNTIL(all_handled(EVENTS));
	mock_set_down(&mock, 1);
	KAFKA_UNTIL(kafka_logged("ALL_BROKERS_DOWN"));
	set_clock_back();
	mock_set_down(&mock, 0);
	kafka_send(p, topic, EVENTS, 2 * EVENTS, KEYS);
	until = psm__mono_ms() + PATIENCE_MS;
	while (!all_handled(2 * EVENTS) && psm__mono_ms() < until)
		kafka_pause();
	ck_assert(all_handled(2 * EVENTS));
	KAFKA_UNTIL(psm_consumer_health(c, NULL, 0) == PSM_HEALTH_GREEN);
	kafka_close(p);
	ck_assert_int_eq(psm_consumer_close(c, PATIENCE_MS, NULL), 0);
	psm_consumer_free(c);
	psm_transport_unref(t);
	psm_config_free(cfg);
}
END_TEST

/* -- a reader, as a replay has it */

/* More than a client reads ahead. */
#define LARGE 60
#define LARGE_BYTES 60000

static void
count_report(uint64_t token, int rc, const char *reason, void *user)
{
	(void)token, (void)reason;
	ck_assert_int_eq(rc, 0);
	++*(int *)user;
}

static void
put_large_messages(psm_transport *t)
{
	static char value[LARGE_BYTES];
	int64_t until = psm__mono_ms() + PATIENCE_MS;
	struct psm__message m = {.topic = topic,
	                         .key = "1",
	                         .key_len = 1,
	                         .value = value,
	                         .value_len = sizeof(value)};
	struct psm__sink *s = NULL;
	int reports = 0, i;

	ck_assert_int_eq(t->ops->open_sink(t, count_report, &reports, &s, NULL),
	                 0);
	for (i = 0; i < LARGE; i++)
		ck_assert_int_eq(s->ops->send(s, &m, NULL), 0);
	while (reports < LARGE) {
		ck_assert_int_ge(s->ops->poll(s, 100, NULL), 0);
		ck_assert_int_lt(psm__mono_ms(), until);
	}
	s->ops->close(s, 5000);
}

START_TEST(a_reader_goes_on)
{
	static const char *const settings[] = {"PSYMATCH_PREFETCH_MAX_BYTES",
	                                       "1048576", NULL};
	psm_transport *t = kafka_transport(settings);
	struct psm__reader_conf conf = {
	    .topic = topic, .partition = -1, .from = 0, .to = INT64_MAX};
	struct psm__reader *r = NULL;
	struct psm__record rec;
	int64_t until, next;

	put_large_messages(t);
	ck_assert_int_eq(t->ops->open_reader(t, &conf, 5000, &r, NULL), 0);
	until = psm__mono_ms() + PATIENCE_MS;
	for (next = 0; next < LARGE; next++) {
		int rc;

		while ((rc = r->ops->next(r, 100, &rec, NULL)) == 0)
			ck_assert_int_lt(psm__mono_ms(), until);
		ck_assert_int_eq(rc, 1);
		ck_assert_int_eq(rec.offset, next);
		r->ops->release(r, &rec);
		if (next > 0)
			continue;
		mock_set_down(&mock, 1);
		set_clock_back();
		mock_set_down(&mock, 0);
		until = psm__mono_ms() + PATIENCE_MS;
	}
	ck_assert_int_eq(r->ops->next(r, 100, &rec, NULL), PSM__READER_END);
	r->ops->close(r);
	psm_transport_unref(t);
}
END_TEST

/* The program runs again, with the library in front. */
static void
preload(char **argv)
{
	const char *build = getenv("top_builddir");
	const char *sanitizer = getenv("PSM_SANITIZE");
	char path[4096];

	file = getenv("CLOCK_FILE");
	if (file)
		return;
	if (sanitizer && *sanitizer && strcmp(sanitizer, "no") != 0)
		exit(77); /* it wants to be the first one itself */
	(void)snprintf(path, sizeof(path), "%s/tests/.libs/clock_shim.so",
	               build ? build : ".");
	(void)setenv("LD_PRELOAD", path, 1);
	(void)snprintf(path, sizeof(path), "/tmp/psymatch-clock.%ld",
	               (long)getpid());
	(void)setenv("CLOCK_FILE", path, 1);
	(void)execv("/proc/self/exe", argv);
	exit(99);
}

int
main(int argc, char **argv)
{
	Suite *s = suite_create("kafka_clock");
	TCase *tc = tcase_create("kafka_clock");

	(void)argc;
	preload(argv);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, a_producer_goes_on, 0, 2);
	tcase_add_test(tc, a_consumer_goes_on);
	tcase_add_test(tc, a_reader_goes_on);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
