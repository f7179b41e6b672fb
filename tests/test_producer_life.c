/* SPDX-License-Identifier: BSD-2-Clause */
/* The producer's life: start, close, restart, limits, and what it tells about
 * itself. */
#include "testing_producer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <psymatch/health.h>
#include <psymatch/log.h>
#include <psymatch/metrics.h>

#include "spool/spool.h"

/* -- the end, and what stays -- */

START_TEST(closed_while_down_and_started_again)
{
	psm_producer *p;
	size_t left = 0;

	fake.down = 1;
	p = start(0);
	send_range(p, 0, 300, 3);
	ck_assert_int_eq(psm_producer_close(p, 0, &left, NULL), 0);
	ck_assert_uint_eq(left, 300);
	heard_once(300);
	ck_assert_int_eq(heard.last_rc, PSM_ERR_CLOSED);
	ck_assert_ptr_nonnull(strstr(heard.reason, "stays in the spool"));
	/* Again: the same answer. */
	ck_assert_int_eq(psm_producer_close(p, 0, &left, NULL), 0);
	ck_assert_uint_eq(left, 300);
	ck_assert_int_eq(try_send(p, 0, 1, NULL), PSM_ERR_STATE);
	psm_producer_free(p);

	heard.count = heard.ok = 0;
	fake.down = 0;
	p = start(0);
	send_range(p, 300, 310, 3);
	flush(p);
	arrived(310, 3);
	ck_assert_int_eq(stat_of(p, "accepted"), 10);
	ck_assert_int_eq(stat_of(p, "sent"), 310);
	end(p, 0);
	heard_once(310);
	ck_assert_int_eq(heard.ok, 310);
}
END_TEST

START_TEST(closed_without_a_spool)
{
	psm_producer *p;
	size_t left = 0;

	fake.down = 1;
	p = start(1);
	send_range(p, 0, 50, 3);
	ck_assert_int_eq(psm_producer_close(p, 0, &left, NULL),
	                 PSM_ERR_TIMEOUT);
	ck_assert_uint_eq(left, 50);
	heard_once(50);
	ck_assert_int_eq(heard.last_rc, PSM_ERR_CLOSED);
	ck_assert_str_eq(heard.reason, "closed before delivery");
	psm_producer_free(p);
	ck_assert_int_eq(fake.delivered, 0);
}
END_TEST

/* Settled out of order before the end: nobody hears twice. */
START_TEST(closed_with_gaps)
{
	psm_producer *p;
	size_t left = 0;

	fake_set_bad_topic(&fake, "not.there");
	p = start(_i);
	for (int n = 0; n < 60; n++)
		ck_assert_int_eq(
		    try_send(p, n % 2, n, n % 2 ? NULL : "not.there"), 0);
	ck_assert_int_eq(fake_wait(&fake, 30), 0);
	ck_assert_int_eq(psm_producer_close(p, 0, &left, NULL),
	                 _i ? PSM_ERR_TIMEOUT : 0);
	ck_assert_uint_eq(left, 60); /* the front one holds the others */
	psm_producer_free(p);
	heard_once(60);
	ck_assert_int_eq(heard.ok, 30);
}
END_TEST

START_TEST(close_sends_what_it_can)
{
	psm_producer *p = start(_i);
	size_t left = 1;

	send_range(p, 0, 500, 3);
	ck_assert_int_eq(psm_producer_close(p, FLUSH_MS, &left, NULL), 0);
	ck_assert_uint_eq(left, 0);
	psm_producer_free(p);
	arrived(500, 3);
	heard_once(500);
}
END_TEST

START_TEST(states)
{
	psm_producer *p = make_with(&fake.base, dir, "os", "1000");
	psm_event *ev = event(1, 1);
	psm_error *err = psm_error_new();
	size_t left = 5;

	ck_assert_int_eq(psm_producer_send(p, NULL, ev, err), PSM_ERR_STATE);
	ck_assert_int_eq(psm_producer_flush(p, 0, &left, err), PSM_ERR_STATE);
	ck_assert_uint_eq(left, 0);
	ck_assert_int_eq(psm_producer_health(p, NULL, 0), PSM_HEALTH_RED);
	ck_assert_int_eq(psm_producer_start(p, err), 0);
	ck_assert_int_eq(psm_producer_start(p, err), PSM_ERR_STATE);
	ck_assert_int_eq(psm_producer_set_delivery(p, NULL, NULL),
	                 PSM_ERR_STATE);
	ck_assert_int_eq(psm_producer_close(p, 0, NULL, err), 0);
	ck_assert_int_eq(psm_producer_start(p, err), PSM_ERR_STATE);
	ck_assert_int_eq(psm_producer_send(p, NULL, ev, err), PSM_ERR_STATE);
	ck_assert_int_eq(stat_of(p, "queued"), 0);
	psm_producer_free(p);
	p = make_with(&fake.base, dir, "os", "1000");
	ck_assert_int_eq(psm_producer_close(p, 0, NULL, err), 0);
	ck_assert_int_eq(psm_producer_start(p, err), PSM_ERR_STATE);
	psm_producer_free(p);
	psm_producer_free(NULL);
	psm_event_free(ev);
	psm_error_free(err);
}
END_TEST

START_TEST(bad_arguments)
{
	psm_producer *p = NULL, *none = (psm_producer *)&p;
	psm_config *cfg = NULL;
	psm_event *ev = event(1, 1), *foreign = NULL;
	char topic[300];
	static const char strange[] =
	    "{\"event_id\":\"0192a3b4-5c6d-7e8f-9a0b-1c2d3e4f5a6b\","
	    "\"event_type\":\"moon.landed\",\"version\":\"1.0\","
	    "\"timestamp\":\"2026-01-31T09:00:00Z\",\"producer\":\"test\","
	    "\"payload\":{\"patient_id\":1,\"n\":0}}";

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_producer_new(NULL, cfg, &none, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(none);
	ck_assert_int_eq(psm_producer_new(&fake.base, NULL, &p, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_new(&fake.base, cfg, NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_start(NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_send(NULL, NULL, ev, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_set_delivery(NULL, hear, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_flush(NULL, 0, NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_close(NULL, 0, NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_stat(NULL, "sent"), -1);
	ck_assert_int_eq(psm_producer_health(NULL, NULL, 0), PSM_HEALTH_RED);
	p = start(0);
	ck_assert_int_eq(psm_producer_send(p, NULL, NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_send(p, "", ev, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_send(p, "a/b", ev, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_send(p, "..", ev, NULL), PSM_ERR_INVAL);
	memset(topic, 'a', sizeof(topic));
	topic[250] = '\0';
	ck_assert_int_eq(psm_producer_send(p, topic, ev, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_flush(p, -1, NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_close(p, -1, NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_event_parse(strange, strlen(strange), &foreign, NULL), 0);
	ck_assert_int_eq(psm_producer_send(p, NULL, foreign, NULL),
	                 PSM_ERR_UNKNOWN_TYPE);
	topic[249] = '\0';
	ck_assert_int_eq(psm_producer_send(p, topic, foreign, NULL), 0);
	flush(p);
	arrived(1, 1);
	end(p, 0);
	heard_once(1);
	psm_event_free(ev);
	psm_event_free(foreign);
	psm_config_free(cfg);
}
END_TEST

/* Old: one oversized event made the service lose nearly every later one. */
START_TEST(oversized_is_refused_at_once)
{
	psm_producer *p = start(_i);
	char *payload = malloc(30000);
	psm_event *ev = NULL;
	int len = snprintf(payload, 30000, "{\"patient_id\":1,\"x\":\"");

	memset(payload + len, 'x', 25000);
	memcpy(payload + len + 25000, "\"}", 3);
	ck_assert_int_eq(psm_event_new("patient.deleted", "test", payload,
	                               (size_t)len + 25002, &ev, NULL),
	                 0);
	ck_assert_int_eq(psm_producer_send(p, NULL, ev, NULL),
	                 PSM_ERR_TOO_LARGE);
	ck_assert_int_eq(stat_of(p, "queued"), 0);
	send_range(p, 0, 20, 2);
	flush(p);
	arrived(20, 2);
	end(p, 0);
	heard_once(20);
	psm_event_free(ev);
	free(payload);
}
END_TEST

START_TEST(full_without_a_spool)
{
	psm_producer *p;
	size_t left = 0;

	fake.down = 1;
	p = start_with("none", "os", "50");
	send_range(p, 0, 50, 1);
	ck_assert_int_eq(try_send(p, 0, 50, NULL), PSM_ERR_FULL);
	ck_assert_int_eq(stat_of(p, "queued"), 50);
	ck_assert_int_eq(stat_of(p, "accepted"), 50);
	ck_assert_int_eq(psm_producer_flush(p, 10, &left, NULL),
	                 PSM_ERR_TIMEOUT);
	ck_assert_uint_eq(left, 50);
	fake_set_down(&fake, 0);
	flush(p);
	send_range(p, 50, 100, 1);
	flush(p);
	arrived(100, 1);
	end(p, 0);
	heard_once(100);
}
END_TEST

/* -- what it tells -- */

START_TEST(starts_without_a_broker)
{
	psm_producer *p;
	char reason[200] = "";
	int64_t before;

	fake.open_rc = PSM_ERR_CONFIG;
	before = psm__mono_ms();
	p = start(_i);
	send_range(p, 0, 100, 3);
	ck_assert_int_lt(psm__mono_ms() - before, 10000);
	ck_assert_int_eq(stat_of(p, "queued"), 100);
	ck_assert_int_eq(stat_of(p, "spooled"), _i ? 0 : 100);
	ck_assert_int_eq(psm_producer_health(p, reason, sizeof(reason)),
	                 PSM_HEALTH_AMBER);
	ck_assert_ptr_nonnull(strstr(reason, "100 events wait"));
	pthread_mutex_lock(&fake.lock);
	fake.open_rc = 0;
	pthread_mutex_unlock(&fake.lock);
	flush(p);
	arrived(100, 3);
	ck_assert_int_eq(psm_producer_health(p, reason, sizeof(reason)),
	                 PSM_HEALTH_GREEN);
	ck_assert_int_gt((int)strlen(reason), 5);
	end(p, 0);
	ck_assert_int_eq(psm_metrics_value("psymatch_producer_sent_total", ""),
	                 100);
	ck_assert_int_eq(
	    psm_metrics_value("psymatch_producer_accepted_total", ""), 100);
}
END_TEST

/* -- what is told of each event */

static struct {
	int lines;
	char last[512];
} told;

/* @thread sender */
static void
take_line(int level, const char *message, const char *const *fields, void *user)
{
	size_t i;

	(void)user;
	if (strcmp(message, "event published") != 0)
		return;
	must(level == PSM_LOG_INFO);
	told.lines++;
	told.last[0] = '\0';
	for (i = 0; fields[i]; i += 2)
		(void)snprintf(told.last + strlen(told.last),
		               sizeof told.last - strlen(told.last), "%s=%s ",
		               fields[i], fields[i + 1]);
}

/* _i: bit 0 in memory, then how it is written. */
START_TEST(each_publication_is_told)
{
	static const char *const wires[] = {"snake", "camel", "cloudevents",
	                                    "cloudevents-binary"};
	psm_event *ev = event(3, 1);
	psm_producer *p;
	char want[300], *text = NULL;

	(void)snprintf(want, sizeof want,
	               "type=%s event_id=%s topic=t.events partition=7 key=4 ",
	               psm_event_type(ev), psm_event_id(ev));
	psm_set_log(take_line, PSM_LOG_INFO, NULL);
	producer_wire = wires[_i >> 1];
	p = start(_i & 1);
	ck_assert_int_eq(psm_producer_send(p, "t.events", ev, NULL), 0);
	flush(p);
	end(p, 0);
	psm_set_log(NULL, PSM_LOG_ERROR, NULL);
	ck_assert_int_eq(told.lines, 1);
	ck_assert_str_eq(told.last, want);
	ck_assert_int_eq(psm_metrics_value("psymatch_events_published_total",
	                                   psm_event_type(ev)),
	                 1);
	ck_assert_int_eq(psm_metrics_text(&text, NULL, NULL), 0);
	ck_assert_ptr_nonnull(
	    strstr(text, "\npsymatch_publish_seconds_count 1\n"));
	testing_promtool(text);
	psm_free(text);
	psm_event_free(ev);
}
END_TEST

/* More types than are noted, in turn: each is counted. */
START_TEST(each_type_is_counted)
{
	enum { TYPES = 70, ROUNDS = 3 };
	psm_producer *p = start(_i);
	char text[300], type[32];
	psm_event *ev = NULL;
	int n, len;

	for (n = 0; n < ROUNDS * TYPES; n++) {
		len = snprintf(
		    text, sizeof text,
		    "{\"event_id\":\"0198c0de-0000-7000-8000-%012d\","
		    "\"event_type\":\"life.type%c%d\",\"version\":\"1.0\","
		    "\"timestamp\":\"2026-01-31T09:00:00Z\",\"producer\":"
		    "\"x\",\"payload\":{\"patient_id\":7,\"n\":%d}}",
		    n, 'a' + _i, n % TYPES, n);
		ck_assert_int_eq(psm_event_parse(text, (size_t)len, &ev, NULL),
		                 0);
		ck_assert_int_eq(psm_producer_send(p, "t.events", ev, NULL), 0);
		psm_event_free(ev);
	}
	flush(p);
	end(p, 0);
	for (n = 0; n < TYPES; n++) {
		(void)snprintf(type, sizeof type, "life.type%c%d", 'a' + _i, n);
		ck_assert_int_eq(
		    psm_metrics_value("psymatch_events_published_total", type),
		    ROUNDS);
	}
}
END_TEST

static int64_t fake_now;

static int64_t
tell_time(void *user)
{
	(void)user;
	return __atomic_load_n(&fake_now, __ATOMIC_RELAXED);
}

START_TEST(old_events_are_noticed)
{
	psm_producer *p;
	char reason[200];

	fake_now = 1000000;
	psm_set_clock(tell_time, NULL);
	fake.down = 1;
	p = start(0);
	send_range(p, 0, 3, 1);
	ck_assert_int_eq(fake_wait_sends(&fake, 3), 0);
	/* The sender notes the oldest when it goes round. */
	while (stat_of(p, "oldest_age_ms") == 0 && fake_now < 2000000000)
		__atomic_add_fetch(&fake_now, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&fake_now, 41000000, __ATOMIC_RELAXED);
	ck_assert_int_eq(stat_of(p, "oldest_age_ms"), 40000);
	fake_set_down(&fake, 0);
	flush(p);
	ck_assert_int_eq(stat_of(p, "oldest_age_ms"), 0);
	ck_assert_int_eq(psm_producer_health(p, reason, sizeof(reason)),
	                 PSM_HEALTH_GREEN);
	end(p, 0);
}
END_TEST

static int
no_space(int fd, off_t size)
{
	(void)fd;
	(void)size;
	return ENOSPC;
}

START_TEST(full_disk_is_red)
{
	struct psm__file_ops real = psm__file_ops;
	psm_producer *p;
	char reason[200] = "";

	psm__file_ops.allocate = no_space;
	p = start(0);
	ck_assert_int_eq(try_send(p, 0, 0, NULL), PSM_ERR_FULL);
	ck_assert_int_eq(psm_producer_health(p, reason, sizeof(reason)),
	                 PSM_HEALTH_RED);
	ck_assert_ptr_nonnull(strstr(reason, "cannot grow"));
	psm__file_ops = real;
	send_range(p, 0, 10, 1);
	flush(p);
	arrived(10, 1);
	ck_assert_int_eq(psm_producer_health(p, reason, sizeof(reason)),
	                 PSM_HEALTH_GREEN);
	end(p, 0);
	heard_once(10);
}
END_TEST

START_TEST(unusable_spool_is_an_error)
{
	psm_producer *p;
	psm_error *err = psm_error_new();
	char path[300];

	snprintf(path, sizeof(path), "%s/file", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	p = make_with(&fake.base, path, "os", "100");
	ck_assert_int_eq(psm_producer_start(p, err), PSM_ERR_IO);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), path));
	/* It can be tried again. */
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(psm_producer_start(p, err), 0);
	end(p, 0);
	psm_error_free(err);
}
END_TEST

/* -- memory -- */

static int
live_once(void *spool)
{
	psm_config *cfg = NULL;
	psm_producer *p = NULL;
	psm_error *err = psm_error_new();
	psm_event *ev = NULL;
	int rc = err ? psm_config_new(&cfg, err) : PSM_ERR_NOMEM;

	if (rc == 0)
		rc = psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", spool, err);
	if (rc == 0)
		rc = psm_config_set(cfg, "PSYMATCH_QUEUE_MAX", "10", err);
	if (rc == 0)
		rc = psm_producer_new(&fake.base, cfg, &p, err);
	if (rc == 0)
		rc = psm_producer_start(p, err);
	if (rc == 0)
		rc = psm_event_new("patient.deleted", "test",
		                   "{\"patient_id\":1,\"n\":0}", 22, &ev, err);
	if (rc == 0)
		rc = psm_producer_send(p, NULL, ev, err);
	if (rc == 0)
		rc = psm_producer_flush(p, FLUSH_MS, NULL, err);
	psm_producer_free(p);
	psm_event_free(ev);
	psm_config_free(cfg);
	psm_error_free(err);
	return rc;
}

START_TEST(without_memory)
{
	char none[] = "none";

	ck_assert_int_gt(testing_fail_each(live_once, _i ? none : dir, 1), 10);
}
END_TEST

/* When the spool of a running program is removed, send fails within a
 * second. */
START_TEST(spool_is_removed)
{
	psm_producer *p;
	char reason[200] = "";
	size_t left = 0;
	int accepted = 0;

	fake.down = 1;
	p = start(0);
	send_range(p, 0, 10, 1);
	testing_remove(dir);
	for (int64_t until = psm__mono_ms() + FLUSH_MS;
	     psm__mono_ms() < until &&
	     psm_producer_health(p, reason, sizeof(reason)) != PSM_HEALTH_RED;)
		fake_pass_ms(&fake, 5);
	ck_assert_ptr_nonnull(strstr(reason, "removed"));
	ck_assert_int_eq(try_send(p, 1, 10, NULL), PSM_ERR_IO);
	accepted = (int)stat_of(p, "accepted");
	ck_assert_int_eq(stat_of(p, "left_spool"), 0);
	ck_assert_int_eq(stat_of(p, "left_memory"), accepted);
	if (_i) { /* nothing keeps them, then */
		ck_assert_int_eq(psm_producer_close(p, 0, &left, NULL),
		                 PSM_ERR_TIMEOUT);
		ck_assert_int_eq((int)left, accepted);
		ck_assert_int_eq(stat_of(p, "left_memory"), accepted);
	} else {
		fake_set_down(&fake, 0);
		ck_assert_int_eq(psm_producer_flush(p, FLUSH_MS, &left, NULL),
		                 0);
		ck_assert_int_eq(stat_of(p, "sent"), accepted);
		ck_assert_int_eq(psm_producer_close(p, 0, &left, NULL), 0);
	}
	psm_producer_free(p);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("producer life");
	TCase *tc = tcase_create("end");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, closed_while_down_and_started_again);
	tcase_add_test(tc, closed_without_a_spool);
	tcase_add_loop_test(tc, closed_with_gaps, 0, 2);
	tcase_add_loop_test(tc, close_sends_what_it_can, 0, 2);
	tcase_add_test(tc, states);
	tcase_add_test(tc, bad_arguments);
	tcase_add_loop_test(tc, oversized_is_refused_at_once, 0, 2);
	tcase_add_test(tc, full_without_a_spool);
	suite_add_tcase(s, tc);
	tc = tcase_create("state");
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, starts_without_a_broker, 0, 2);
	tcase_add_loop_test(tc, each_publication_is_told, 0, 8);
	tcase_add_loop_test(tc, each_type_is_counted, 0, 2);
	tcase_add_test(tc, old_events_are_noticed);
	tcase_add_test(tc, full_disk_is_red);
	tcase_add_loop_test(tc, spool_is_removed, 0, 2);
	tcase_add_test(tc, unusable_spool_is_an_error);
	tcase_add_loop_test(tc, without_memory, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
