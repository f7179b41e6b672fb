/* SPDX-License-Identifier: BSD-2-Clause */
/* The producer's limits of size and age: watermarks, what is said of them, and
 * that nothing accepted is lost by them. The clock is the test's. */
#include "testing_producer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <psymatch/clock.h>
#include <psymatch/health.h>
#include <psymatch/log.h>
#include <psymatch/metrics.h>

#define SECOND INT64_C(1000000)
#define PATIENCE_MS 60000

static int64_t now_us;

static int64_t
tell_time(void *user)
{
	(void)user;
	return __atomic_load_n(&now_us, __ATOMIC_RELAXED);
}

static void
set_seconds(int64_t seconds)
{
	__atomic_store_n(&now_us, (1000 + seconds) * SECOND, __ATOMIC_RELAXED);
}

/* -- what the callback and the log heard */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int count, high;
	char what[16], reason[200];
	int warnings, infos;
} water = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
hear_water(const char *what, int high, const char *reason, void *user)
{
	must(user == &water);
	pthread_mutex_lock(&water.lock);
	water.count++;
	water.high = high;
	snprintf(water.what, sizeof(water.what), "%s", what);
	snprintf(water.reason, sizeof(water.reason), "%s", reason);
	pthread_cond_broadcast(&water.changed);
	pthread_mutex_unlock(&water.lock);
}

static void
hear_log(int level, const char *line, const char *const *fields, void *user)
{
	(void)fields;
	(void)user;
	pthread_mutex_lock(&water.lock);
	water.warnings +=
	    level == PSM_LOG_WARN && strstr(line, "up to the high watermark");
	water.infos +=
	    level == PSM_LOG_INFO && strstr(line, "below the low watermark");
	pthread_mutex_unlock(&water.lock);
}

/* The count-th call came, and it says this. */
static void
heard_water(int count, const char *what, int high, const char *reason)
{
	struct timespec at;
	int rc = 0;

	psm__deadline(&at, PATIENCE_MS);
	pthread_mutex_lock(&water.lock);
	while (water.count < count && rc == 0)
		rc = pthread_cond_timedwait(&water.changed, &water.lock, &at);
	pthread_mutex_unlock(&water.lock);
	ck_assert_int_eq(water.count, count);
	ck_assert_int_eq(water.high, high);
	ck_assert_str_eq(water.what, what);
	ck_assert_msg(strstr(water.reason, reason) != NULL, "%s", water.reason);
}

static void
set_up_water(void)
{
	set_up();
	must(psm__cond_init(&water.changed) == 0);
	psm_set_log(hear_log, PSM_LOG_INFO, NULL);
	set_seconds(0);
	psm_set_clock(tell_time, NULL);
}

/* settings: names and values, then NULL. */
static psm_producer *
make_limited(const char *spool, const char *const *settings)
{
	psm_config *cfg = NULL;
	psm_producer *p = NULL;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", spool, NULL),
	                 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_SPOOL_DURABILITY", "os", NULL), 0);
	for (; *settings; settings += 2)
		ck_assert_int_eq(
		    psm_config_set(cfg, settings[0], settings[1], NULL), 0);
	ck_assert_int_eq(psm_producer_new(&fake.base, cfg, &p, NULL), 0);
	ck_assert_int_eq(psm_producer_set_watermark(p, hear_water, &water), 0);
	ck_assert_int_eq(psm_producer_set_delivery(p, hear, &heard), 0);
	psm_config_free(cfg);
	return p;
}

static psm_producer *
start_limited(const char *spool, const char *const *settings)
{
	psm_producer *p = make_limited(spool, settings);

	ck_assert_int_eq(psm_producer_start(p, NULL), 0);
	return p;
}

static void
is_health(psm_producer *p, int health, const char *want)
{
	char reason[200] = "";
	int found = psm_producer_health(p, reason, sizeof(reason));

	ck_assert_msg(found == health && strstr(reason, want), "%d: %s", found,
	              reason);
}

/* The sender has seen what waits, and the oldest waits for so long. */
static void
oldest_waits(psm_producer *p, int64_t seconds)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;

	while (stat_of(p, "oldest_age_ms") != seconds * 1000 &&
	       psm__mono_ms() < deadline)
		fake_pass_ms(&fake, 1);
	ck_assert_int_eq(stat_of(p, "oldest_age_ms"), seconds * 1000);
}

static const char *const warns[] = {"PSYMATCH_SPOOL_MAX_AGE_SECONDS", "100",
                                    NULL};
static const char *const refuses[] = {"PSYMATCH_SPOOL_MAX_AGE_SECONDS", "100",
                                      "PSYMATCH_SPOOL_AGE_ACTION", "refuse",
                                      NULL};

/* -- tests */

/* _i: with and without a spool. */
START_TEST(age_is_said_and_nothing_is_dropped)
{
	psm_producer *p;

	fake.down = 1;
	p = start_limited(_i ? "none" : dir, warns);
	send_range(p, 0, 10, 1);
	set_seconds(29);
	oldest_waits(p, 29);
	is_health(p, PSM_HEALTH_AMBER, "no broker can be reached");
	set_seconds(69);
	is_health(p, PSM_HEALTH_AMBER, "no broker can be reached");
	set_seconds(75);
	is_health(p, PSM_HEALTH_AMBER,
	          "the oldest event waits for 75 s, the limit is 100 s");
	ck_assert_int_eq(water.count, 0);
	set_seconds(90);
	heard_water(1, "age", 1, "waits for 90 s, the limit is 100 s");
	is_health(p, PSM_HEALTH_RED, "waits for 90 s, the limit is 100 s");
	/* Far beyond it, new ones are still taken: it only warns. */
	set_seconds(5000);
	send_range(p, 10, 20, 1);
	is_health(p, PSM_HEALTH_RED, "waits for 5000 s");
	ck_assert_ptr_null(strstr(water.reason, "refused"));
	fake_set_down(&fake, 0);
	flush(p);
	heard_water(2, "age", 0, "the oldest event waits for 0 s");
	is_health(p, PSM_HEALTH_GREEN, "");
	ck_assert_int_eq(water.warnings, 1);
	ck_assert_int_eq(water.infos, 1);
	arrived(20, 1);
	end(p, 0);
	heard_once(20);
}
END_TEST

/* Between the watermarks nothing is said twice. */
START_TEST(hysteresis)
{
	psm_producer *p;

	fake.down = 1;
	p = start_limited(dir, warns);
	send_range(p, 0, 1, 1);
	set_seconds(95);
	heard_water(1, "age", 1, "95 s");
	for (int i = 0; i < 5; i++) {
		set_seconds(71);
		fake_pass_ms(&fake, 150);
		set_seconds(95);
		fake_pass_ms(&fake, 150);
	}
	ck_assert_int_eq(water.count, 1);
	/* A clock that is put back is no reason to be confused. */
	set_seconds(60);
	heard_water(2, "age", 0, "60 s");
	set_seconds(89);
	fake_pass_ms(&fake, 150);
	ck_assert_int_eq(water.count, 2);
	set_seconds(90);
	heard_water(3, "age", 1, "90 s");
	fake_set_down(&fake, 0);
	flush(p);
	heard_water(4, "age", 0, "0 s");
	end(p, 0);
}
END_TEST

/* New events are refused from the limit on until the oldest is below the low
 * watermark; what was accepted before arrives. */
START_TEST(age_refuses_new_events)
{
	psm_error *err = psm_error_new();
	psm_event *ev = event(0, 0);
	psm_producer *p;

	fake.down = 1;
	/* One is acknowledged, then the broker is gone again. */
	fake.rules[0] = (struct fake_rule){FAKE_STALL, 1, 0};
	fake.rules[1] = (struct fake_rule){FAKE_STALL, 2, 0};
	p = start_limited(_i ? "none" : dir, refuses);
	send_range(p, 0, 1, 1);
	set_seconds(20);
	send_range(p, 1, 2, 1);
	set_seconds(60);
	send_range(p, 2, 3, 1);
	oldest_waits(p, 60);
	set_seconds(100);
	send_range(p, 3, 4, 1);
	set_seconds(101);
	ck_assert_int_eq(psm_producer_send(p, NULL, ev, err), PSM_ERR_FULL);
	ck_assert_str_eq(psm_error_message(err),
	                 "the oldest event waits for too long: the limit is "
	                 "100 s");
	ck_assert_int_eq(psm_error_retriable(err), 1);
	is_health(p, PSM_HEALTH_RED,
	          "101 s, the limit is 100 s, and new ones "
	          "are refused");
	heard_water(1, "age", 1, "the limit is 100 s");
	/* The second one is at 81 %: not yet. */
	fake_set_down(&fake, 0);
	oldest_waits(p, 81);
	ck_assert_int_eq(psm_producer_send(p, NULL, ev, err), PSM_ERR_FULL);
	is_health(p, PSM_HEALTH_RED, "and new ones are refused");
	/* The third one is at 41 %. */
	fake_set_down(&fake, 0);
	oldest_waits(p, 41);
	heard_water(2, "age", 0, "41 s");
	send_range(p, 4, 10, 1);
	ck_assert_int_eq(stat_of(p, "accepted"), 10);
	fake_set_down(&fake, 0);
	flush(p);
	arrived(10, 1);
	end(p, 0);
	heard_once(10);
	psm_event_free(ev);
	psm_error_free(err);
}
END_TEST

/* What an earlier process left counts from when that one accepted it, though
 * nobody has come to read it. */
START_TEST(age_of_what_was_left)
{
	psm_producer *p;

	fake.down = 1;
	p = start_limited(dir, warns);
	send_range(p, 0, 5, 1);
	end(p, 0);
	ck_assert_int_eq(water.count, 0);
	heard.count = 0;
	set_seconds(500);
	fake.open_rc = PSM_ERR_CONFIG;
	p = start_limited(dir, refuses);
	heard_water(1, "age", 1, "the oldest event waits for 500 s");
	ck_assert_int_eq(try_send(p, 0, 5, NULL), PSM_ERR_FULL);
	pthread_mutex_lock(&fake.lock);
	fake.open_rc = 0;
	pthread_mutex_unlock(&fake.lock);
	fake_set_down(&fake, 0);
	flush(p);
	heard_water(2, "age", 0, "0 s");
	send_range(p, 5, 6, 1);
	flush(p);
	arrived(6, 1);
	end(p, 0);
	heard_once(6);
}
END_TEST

/* Of the spool, in bytes. */
START_TEST(size_has_watermarks)
{
	static const char *const small[] = {"PSYMATCH_SPOOL_MAX_BYTES",
	                                    "16777216",
	                                    "PSYMATCH_SPOOL_HIGH_PERCENT",
	                                    "2",
	                                    "PSYMATCH_SPOOL_LOW_PERCENT",
	                                    "1",
	                                    NULL};
	psm_producer *p;
	int n = 0;

	fake.down = 1;
	p = start_limited(dir, small);
	while (stat_of(p, "spool_bytes") < 16777216 / 100)
		ck_assert_int_eq(try_send(p, 0, n++, NULL), 0);
	is_health(p, PSM_HEALTH_AMBER, "the spool is 1 % full");
	ck_assert_int_eq(water.count, 0);
	while (stat_of(p, "spool_bytes") < 16777216 / 50)
		ck_assert_int_eq(try_send(p, 0, n++, NULL), 0);
	heard_water(1, "size", 1, "the spool is 2 % full");
	is_health(p, PSM_HEALTH_RED, "the spool is 2 % full");
	ck_assert_int_eq(psm_metrics_value("psymatch_producer_waiting", dir),
	                 n);
	ck_assert_int_eq(
	    psm_metrics_value("psymatch_producer_spool_bytes", dir),
	    stat_of(p, "spool_bytes"));
	fake_set_down(&fake, 0);
	flush(p);
	heard_water(2, "size", 0, "the spool is 0 % full");
	arrived(n, 1);
	end(p, 0);
	ck_assert_int_eq(psm_metrics_value("psymatch_producer_waiting", dir),
	                 0);
}
END_TEST

/* Of the queue in memory, in events. */
START_TEST(queue_has_watermarks)
{
	static const char *const few[] = {"PSYMATCH_QUEUE_MAX", "10", NULL};
	psm_producer *p;

	fake.down = 1;
	p = start_limited("none", few);
	send_range(p, 0, 7, 1);
	is_health(p, PSM_HEALTH_AMBER, "the queue is 70 % full");
	send_range(p, 7, 9, 1);
	heard_water(1, "size", 1, "the queue is 90 % full");
	is_health(p, PSM_HEALTH_RED, "the queue is 90 % full");
	fake_set_down(&fake, 0);
	flush(p);
	heard_water(2, "size", 0, "the queue is 0 % full");
	end(p, 0);
}
END_TEST

START_TEST(gauge_of_the_age)
{
	psm_producer *p;

	fake.down = 1;
	p = start_limited(dir, warns);
	send_range(p, 0, 1, 1);
	set_seconds(95);
	heard_water(1, "age", 1, "95 s");
	ck_assert_int_eq(
	    psm_metrics_value("psymatch_producer_oldest_seconds", dir), 95);
	fake_set_down(&fake, 0);
	flush(p);
	end(p, 0);
	ck_assert_int_eq(
	    psm_metrics_value("psymatch_producer_oldest_seconds", dir), 0);
}
END_TEST

START_TEST(wrong_use)
{
	static const char *const crossed[] = {"PSYMATCH_SPOOL_LOW_PERCENT",
	                                      "91", NULL};
	psm_error *err = psm_error_new();
	psm_producer *p = make_limited(dir, crossed);

	ck_assert_int_eq(psm_producer_start(p, err), PSM_ERR_CONFIG);
	ck_assert_str_eq(psm_error_message(err),
	                 "PSYMATCH_SPOOL_LOW_PERCENT: want at most the 90 of "
	                 "PSYMATCH_SPOOL_HIGH_PERCENT, found 91");
	psm_producer_free(p);
	ck_assert_int_eq(psm_producer_set_watermark(NULL, NULL, NULL),
	                 PSM_ERR_INVAL);
	p = start_limited(dir, warns);
	ck_assert_int_eq(psm_producer_set_watermark(p, NULL, NULL),
	                 PSM_ERR_STATE);
	end(p, 0);
	psm_error_free(err);
}
END_TEST

/* A key that is missing fails the start, with nothing touched; then it can be
 * tried again. */
START_TEST(start_without_the_key)
{
	char path[300];
	const char *const with_key[] = {"PSYMATCH_SPOOL_KEY_FILE", path, NULL};
	const char *const without[] = {NULL};
	psm_error *err = psm_error_new();
	psm_producer *p;
	int fd;

	snprintf(path, sizeof(path), "%s.key", dir);
	fake.down = 1;
	p = make_limited(dir, with_key);
	ck_assert_int_eq(psm_producer_start(p, err), PSM_ERR_IO);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), path));
	fd = open(path, O_CREAT | O_WRONLY, 0644);
	ck_assert_int_eq(write(fd, "0123456789abcdef0123456789ABCDEF", 32), 32);
	close(fd);
	ck_assert_int_eq(psm_producer_start(p, err), PSM_ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "found 0644"));
	ck_assert_ptr_null(strstr(psm_error_message(err), "0123456"));
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(psm_producer_start(p, err), 0);
	send_range(p, 0, 10, 1);
	end(p, 0);
	heard.count = 0;
	fake_set_down(&fake, 0);
	p = make_limited(dir, without);
	ck_assert_int_eq(psm_producer_start(p, err), PSM_ERR_CONFIG);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), "is encrypted with key"));
	psm_producer_free(p);
	p = start_limited(dir, with_key);
	flush(p);
	arrived(10, 1);
	end(p, 0);
	heard_once(10);
	ck_assert_int_eq(unlink(path), 0);
	psm_error_free(err);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("producer limits");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, set_up_water, tear_down);
	tcase_add_loop_test(tc, age_is_said_and_nothing_is_dropped, 0, 2);
	tcase_add_test(tc, hysteresis);
	tcase_add_loop_test(tc, age_refuses_new_events, 0, 2);
	tcase_add_test(tc, age_of_what_was_left);
	tcase_add_test(tc, size_has_watermarks);
	tcase_add_test(tc, queue_has_watermarks);
	tcase_add_test(tc, gauge_of_the_age);
	tcase_add_test(tc, wrong_use);
	tcase_add_test(tc, start_without_the_key);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
