/* SPDX-License-Identifier: BSD-2-Clause */
/* Workers of a service, and its log lines. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "service/service.h"
#include "testing.h"

#define WAIT_US ((int64_t)60000000)
#define RUNS_MAX 64
#define FOR_EVER 31536000

static psm_config *cfg;
static psm_service *svc;
static psm_error *err;
static pthread_t thread;
static int run_rc;

static void
set_up(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	ck_assert_int_eq(psm_config_new(&cfg, err), 0);
	ck_assert_int_eq(psm_service_new("workers", cfg, &svc, err), 0);
	svc->run_times.first_us = 1000;
	svc->run_times.limit_us = 4000;
}

static void
tear_down(void)
{
	psm_service_free(svc);
	psm_config_free(cfg);
	psm_error_free(err);
}

static void *
run_service(void *arg)
{
	(void)arg;
	run_rc = psm_service_run(svc, NULL, 0, err);
	return NULL;
}

static void
start(void)
{
	ck_assert_int_eq(pthread_create(&thread, NULL, run_service, NULL), 0);
	ck_assert_int_eq(psm__svc_wait(svc, SVC_RUNNING, 60000), 0);
}

static void
stop(void)
{
	psm_service_stop(svc);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_msg(run_rc == 0, "%s", psm_error_message(err));
}

/* -- a worker that answers as told and remembers when it ran */

struct job {
	const int *answers; /* the last one for ever */
	size_t answer_count;
	int silent; /* leaves err alone */
	size_t let; /* so many runs may end, the next ones wait */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t runs; /* begun */
	int64_t at_us[RUNS_MAX];
};

static void
job_init(struct job *j, const int *answers, size_t count)
{
	memset(j, 0, sizeof *j);
	j->answers = answers;
	j->answer_count = count;
	j->let = SIZE_MAX;
	pthread_mutex_init(&j->lock, NULL);
	ck_assert_int_eq(psm__cond_init(&j->changed), 0);
}

static int
job_run(void *user, psm_error *e)
{
	struct job *j = user;
	size_t i, run;
	int rc;

	pthread_mutex_lock(&j->lock);
	i = j->runs < j->answer_count ? j->runs : j->answer_count - 1;
	rc = j->answers[i];
	if (j->runs < RUNS_MAX)
		j->at_us[j->runs] = psm__mono_us();
	j->runs++;
	pthread_cond_broadcast(&j->changed);
	run = j->runs;
	while (run > j->let)
		pthread_cond_wait(&j->changed, &j->lock);
	pthread_mutex_unlock(&j->lock);
	if (rc < 0 && !j->silent)
		psm_error_set(e, rc, "as told");
	return rc;
}

static void
job_let(struct job *j, size_t runs)
{
	pthread_mutex_lock(&j->lock);
	j->let = runs;
	pthread_cond_broadcast(&j->changed);
	pthread_mutex_unlock(&j->lock);
}

static void
job_wait(struct job *j, size_t runs)
{
	int64_t until = psm__mono_us() + WAIT_US;

	pthread_mutex_lock(&j->lock);
	while (j->runs < runs)
		ck_assert_int_eq(
		    psm__cond_wait_until(&j->changed, &j->lock, until), 0);
	pthread_mutex_unlock(&j->lock);
}

static size_t
job_runs(struct job *j)
{
	size_t runs;

	pthread_mutex_lock(&j->lock);
	runs = j->runs;
	pthread_mutex_unlock(&j->lock);
	return runs;
}

static void
add(const char *name, int interval_s, struct job *j)
{
	ck_assert_int_eq(
	    psm_service_worker(svc, name, interval_s, job_run, j, err), 0);
}

/* Wait until the i-th worker says that; the sentence stays for the caller. */
static char reason[SVC_REASON_SIZE];

static void
wait_health(size_t i, int health, const char *text)
{
	const struct svc_part *part = &svc->parts[i];
	int64_t until = psm__mono_us() + WAIT_US;
	int now;

	do {
		now = part->fn(reason, sizeof reason, part->user);
		ck_assert_msg(psm__mono_us() < until, "%s is %d: %s",
		              part->name, now, reason);
		sched_yield();
	} while (now != health || !strstr(reason, text));
}

static const int well[] = {0};
static const int broken[] = {PSM_ERR_CONFLICT};
static const int away[] = {PSM_ERR_DB};

START_TEST(a_worker_runs_at_start_and_again)
{
	struct job j;

	job_init(&j, well, 1);
	add("often", 1, &j);
	start();
	job_wait(&j, 3);
	stop();
	ck_assert_int_ge(j.at_us[1] - j.at_us[0], 1000000);
	ck_assert_int_ge(j.at_us[2] - j.at_us[1], 1000000);
	ck_assert_int_eq(
	    psm_metrics_value("psymatch_worker_runs_total", "often"),
	    (int64_t)job_runs(&j));
}
END_TEST

START_TEST(interval_0_ends_with_success)
{
	static const int answers[] = {PSM_ERR_DB, PSM_ERR_RETRY, 5};
	struct job j, other;

	job_init(&j, answers, 3);
	job_init(&other, away, 1);
	add("once", 0, &j);
	add("other", FOR_EVER, &other);
	start();
	wait_health(0, PSM_HEALTH_GREEN, "last run ended");
	job_wait(&other, job_runs(&other) + 10);
	ck_assert_uint_eq(job_runs(&j), 3);
	stop();
	ck_assert_int_eq(
	    psm_metrics_value("psymatch_worker_runs_total", "once"), 3);
	ck_assert_int_eq(
	    psm_metrics_value("psymatch_worker_failures_total", "once"), 2);
}
END_TEST

START_TEST(a_failure_that_may_go_away_is_retried_early)
{
	struct job j;
	int i;

	svc->run_times.first_us = 20000;
	svc->run_times.limit_us = 80000;
	job_init(&j, away, 1);
	add("retry", FOR_EVER, &j);
	start();
	job_wait(&j, 6);
	stop();
	/* Half of 20, 40, 80, 80, 80 ms at least: jitter only shortens. */
	for (i = 1; i < 6; i++)
		ck_assert_int_ge(j.at_us[i] - j.at_us[i - 1], i == 1   ? 10000
		                                              : i == 2 ? 20000
		                                                       : 40000);
}
END_TEST

START_TEST(the_pause_doubles_up_to_a_limit)
{
	static const struct svc_run_times b = {1000000, 60000000, 0};
	static const int64_t seconds[] = {1, 2, 4, 8, 16, 32, 60, 60};
	unsigned i;

	for (i = 0; i < sizeof seconds / sizeof *seconds; i++)
		ck_assert_int_eq(psm__svc_backoff_us(&b, i + 1),
		                 seconds[i] * 1000000);
	ck_assert_int_eq(psm__svc_backoff_us(&b, 4000000000u), 60000000);
}
END_TEST

START_TEST(a_retry_is_not_later_than_the_interval)
{
	struct job j;

	svc->run_times.first_us = WAIT_US * 100;
	svc->run_times.limit_us = WAIT_US * 100;
	job_init(&j, away, 1);
	add("retry", 1, &j);
	start();
	job_wait(&j, 3);
	stop();
}
END_TEST

START_TEST(a_failure_for_good_waits_for_the_interval)
{
	struct job j, once, other;

	job_init(&j, broken, 1);
	job_init(&once, broken, 1);
	job_init(&other, away, 1);
	add("broken", FOR_EVER, &j);
	add("once", 0, &once);
	add("other", FOR_EVER, &other);
	start();
	wait_health(0, PSM_HEALTH_RED, "1 run failed in a row");
	ck_assert_ptr_nonnull(strstr(reason, ": as told"));
	wait_health(1, PSM_HEALTH_RED, "1 run failed in a row");
	job_wait(&other, job_runs(&other) + 20);
	ck_assert_uint_eq(job_runs(&j), 1);
	ck_assert_uint_eq(job_runs(&once), 1);
	stop();
}
END_TEST

START_TEST(health_follows_the_runs)
{
	static const int answers[] = {PSM_ERR_DB, PSM_ERR_DB, PSM_ERR_DB, 0};
	struct job j;

	job_init(&j, answers, 4);
	add("part", FOR_EVER, &j);
	ck_assert_int_eq(
	    svc->parts[0].fn(reason, sizeof reason, svc->parts[0].user),
	    PSM_HEALTH_GREEN);
	ck_assert_str_eq(reason, "first run not begun");
	j.let = 0;
	start();
	wait_health(0, PSM_HEALTH_GREEN, "first run under way");
	job_let(&j, 1);
	wait_health(0, PSM_HEALTH_AMBER, "1 run failed in a row");
	job_let(&j, 2);
	wait_health(0, PSM_HEALTH_AMBER, "2 runs failed in a row");
	job_let(&j, 3);
	wait_health(0, PSM_HEALTH_RED, "3 runs failed in a row");
	job_let(&j, 4);
	wait_health(0, PSM_HEALTH_GREEN, "last run ended");
	stop();
}
END_TEST

START_TEST(a_run_that_does_not_end_is_seen)
{
	struct job j;

	job_init(&j, well, 1);
	svc->run_times.long_us = 1;
	add("stuck", FOR_EVER, &j);
	j.let = 0;
	start();
	wait_health(0, PSM_HEALTH_AMBER, "a run goes on for ");
	job_let(&j, SIZE_MAX);
	wait_health(0, PSM_HEALTH_GREEN, "last run ended");
	stop();
}
END_TEST

/* Nothing is better while the next run does not end. */
START_TEST(a_run_that_does_not_end_after_failures)
{
	struct job j;

	job_init(&j, away, 1);
	svc->run_times.first_us = svc->run_times.limit_us = 1000;
	svc->run_times.long_us = 1;
	add("stuck", FOR_EVER, &j);
	j.let = 3;
	start();
	wait_health(0, PSM_HEALTH_RED, "a run goes on for ");
	job_let(&j, SIZE_MAX);
	stop();
}
END_TEST

START_TEST(a_failure_without_words_gets_some)
{
	struct job j;

	job_init(&j, broken, 1);
	j.silent = 1;
	add("silent", FOR_EVER, &j);
	start();
	wait_health(0, PSM_HEALTH_RED, psm_strerror(PSM_ERR_CONFLICT));
	stop();
}
END_TEST

START_TEST(a_stop_ends_the_wait)
{
	struct job j;
	int64_t begin;

	job_init(&j, well, 1);
	add("rare", FOR_EVER, &j);
	start();
	wait_health(0, PSM_HEALTH_GREEN, "s ago, the next one begins in ");
	begin = psm__mono_us();
	stop();
	ck_assert_int_lt(psm__mono_us() - begin, WAIT_US / 2);
	ck_assert_uint_eq(job_runs(&j), 1);
}
END_TEST

static int
release_job(int timeout_ms, void *user, psm_error *e)
{
	(void)timeout_ms;
	(void)e;
	job_let(user, SIZE_MAX);
	return 0;
}

START_TEST(a_later_stage_ends_a_long_run)
{
	struct job j;

	job_init(&j, well, 1);
	j.let = 0;
	add("long", FOR_EVER, &j);
	ck_assert_int_eq(
	    psm_service_stage(svc, "cancel", NULL, release_job, &j, err), 0);
	start();
	job_wait(&j, 1);
	stop();
	ck_assert_uint_eq(job_runs(&j), 1);
}
END_TEST

START_TEST(a_run_that_does_not_end_is_a_timeout)
{
	struct job j;

	svc->shutdown_ms = 200;
	svc->grace_us = INT64_C(60000000);
	job_init(&j, well, 1);
	j.let = 0;
	/* Stopped after the worker, in the time that is left to return. */
	ck_assert_int_eq(
	    psm_service_stage(svc, "late", NULL, release_job, &j, err), 0);
	add("long", FOR_EVER, &j);
	start();
	job_wait(&j, 1);
	psm_service_stop(svc);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(run_rc, PSM_ERR_TIMEOUT);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), "worker long still runs"));
}
END_TEST

/* -- log lines */

static char log_path[4200];

static void
log_to_file(const char *name, int level)
{
	static char dir[4096];
	int fd;

	testing_tmpdir(dir, sizeof dir);
	(void)snprintf(log_path, sizeof log_path, "%s/log", dir);
	fd = open(log_path, O_CREAT | O_WRONLY | O_APPEND, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
	close(fd);
	psm_service_log_to_stderr(name, level);
}

/* All lines, parsed; the count. */
static size_t
read_log(psm_json **docs, size_t max)
{
	char *text, *line, *next;
	size_t count = 0;

	psm_set_log(NULL, PSM_LOG_ERROR, NULL);
	text = testing_read(log_path, NULL);
	for (line = text; *line; line = next) {
		next = strchr(line, '\n');
		ck_assert_ptr_nonnull(next);
		ck_assert_uint_lt(count, max);
		ck_assert_msg(psm_json_parse(line, (size_t)(next - line),
		                             &docs[count], err) == 0,
		              "%s: %.*s", psm_error_message(err),
		              (int)(next - line), line);
		count++;
		next++;
	}
	free(text);
	*strrchr(log_path, '/') = '\0';
	testing_remove(log_path);
	return count;
}

static const char *
member(const psm_json *doc, const char *pointer)
{
	const char *text = psm_json_string(psm_json_at(doc, pointer));

	return text ? text : "(none)";
}

START_TEST(log_lines_are_json)
{
	static const char *const odd[] = {
	    "quote", "\"\\/\n\t\x01\x7f",
	    "utf8",  "\xc3\xa4\xf0\x9f\x98\x80",
	    "bad",   "a\xff\xc0\x80\xed\xa0\x80\xe2\x82",
	    "time",  "mine",
	    "level", "",
	    NULL};
	psm_json *docs[4] = {NULL};
	int64_t us = 0;

	log_to_file("log-service", PSM_LOG_INFO);
	psm_log(PSM_LOG_DEBUG, "not wanted", NULL);
	psm_log(PSM_LOG_INFO, "plain", NULL);
	psm_log(PSM_LOG_ERROR, "odd", odd);
	ck_assert_uint_eq(read_log(docs, 4), 2);
	ck_assert_str_eq(member(docs[0], "/message"), "plain");
	ck_assert_str_eq(member(docs[0], "/level"), "INFO");
	ck_assert_str_eq(member(docs[0], "/service"), "log-service");
	ck_assert_int_eq(psm_time_parse(member(docs[0], "/time"),
	                                strlen(member(docs[0], "/time")), &us,
	                                err),
	                 0);
	ck_assert_str_eq(member(docs[1], "/quote"), "\"\\/\n\t\x01\x7f");
	ck_assert_str_eq(member(docs[1], "/utf8"), "\xc3\xa4\xf0\x9f\x98\x80");
#define BAD "\xef\xbf\xbd"
	ck_assert_str_eq(member(docs[1], "/bad"),
	                 "a" BAD BAD BAD BAD BAD BAD BAD BAD);
	ck_assert_str_eq(member(docs[1], "/time_"), "mine");
	ck_assert_str_eq(member(docs[1], "/level_"), "");
	ck_assert_str_eq(member(docs[1], "/level"), "ERROR");
	psm_json_free(docs[0]);
	psm_json_free(docs[1]);
}
END_TEST

START_TEST(log_lines_have_their_trace)
{
	psm_json *docs[3] = {NULL};

	log_to_file("log-service", PSM_LOG_INFO);
	psm_log(PSM_LOG_INFO, "before", NULL);
	psm__svc_trace_set(
	    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	psm_log(PSM_LOG_INFO, "within", NULL);
	psm__svc_trace_set(NULL);
	psm_log(PSM_LOG_INFO, "behind", NULL);
	ck_assert_uint_eq(read_log(docs, 3), 3);
	ck_assert_str_eq(member(docs[0], "/trace_id"), "(none)");
	ck_assert_str_eq(member(docs[1], "/trace_id"),
	                 "0af7651916cd43dd8448eb211c80319c");
	ck_assert_str_eq(member(docs[2], "/trace_id"), "(none)");
	psm_json_free(docs[0]);
	psm_json_free(docs[1]);
	psm_json_free(docs[2]);
}
END_TEST

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static const struct {
	const char *header;
	int ok;
} headers[] = {
    {"00-" TRACE "-" PARENT "-01", 1},
    {"01-" TRACE "-" PARENT "-01-more", 1},
    {NULL, 0},
    {"", 0},
    {"00-" TRACE, 0},
    {"00-0af7651916cd43dd8448eb211c80319x-" PARENT "-01", 0},
    {"00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01", 0},
    {"00-00000000000000000000000000000000-" PARENT "-01", 0},
    {"00-" TRACE "-0000000000000000-01", 0},
    {"ff-" TRACE "-" PARENT "-01", 0},
};

START_TEST(a_request_has_a_trace)
{
	char text[PSM__TRACEPARENT_SIZE], other[PSM__TRACEPARENT_SIZE];
	const char *header = headers[_i].header;

	ck_assert_int_eq(psm__svc_trace_of(header, text), headers[_i].ok);
	ck_assert(psm__is_traceparent(text, strlen(text)));
	if (headers[_i].ok)
		ck_assert_str_eq(text, header);
	(void)psm__svc_trace_of(header, other);
	ck_assert_int_eq(memcmp(text, other, 35) == 0, headers[_i].ok);
}
END_TEST

START_TEST(log_lines_for_people)
{
	static const char *const odd[] = {"a", "one", "b", "two \"x\"\n",
	                                  "c", "",    NULL};
	char *text, *line;

	psm__svc_log_format("text");
	log_to_file("log-service", PSM_LOG_INFO);
	psm__svc_trace_set(
	    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	psm_log(PSM_LOG_WARN, "odd\nline", odd);
	psm__svc_trace_set(NULL);
	psm_set_log(NULL, PSM_LOG_ERROR, NULL);
	text = testing_read(log_path, NULL);
	line = strchr(text, ' ');
	ck_assert_ptr_nonnull(line);
	ck_assert_str_eq(line, " WARNING log-service: odd line a=one "
	                       "b=\"two 'x' \" c=\"\" "
	                       "trace_id=0af7651916cd43dd8448eb211c80319c\n");
	free(text);
	*strrchr(log_path, '/') = '\0';
	testing_remove(log_path);
}
END_TEST

START_TEST(log_lines_with_standard_names)
{
	static const char *const fields[] = {"topic", "t", "service", "x",
	                                     "why",   "w", NULL};
	psm_json *doc = NULL;

	psm__svc_log_names("opentelemetry");
	log_to_file("s", PSM_LOG_INFO);
	psm_log(PSM_LOG_WARN, "m", fields);
	ck_assert_uint_eq(read_log(&doc, 1), 1);
	ck_assert_str_eq(member(doc, "/service.name"), "s");
	ck_assert_str_eq(member(doc, "/messaging.destination.name"), "t");
	ck_assert_str_eq(member(doc, "/service_"), "x");
	ck_assert_str_eq(member(doc, "/why"), "w");
	psm_json_free(doc);
}
END_TEST

START_TEST(a_log_without_name)
{
	psm_json *doc = NULL;

	log_to_file(NULL, PSM_LOG_DEBUG);
	psm_log(PSM_LOG_DEBUG, "wanted", NULL);
	ck_assert_uint_eq(read_log(&doc, 1), 1);
	ck_assert_ptr_null(psm_json_at(doc, "/service"));
	psm_json_free(doc);
}
END_TEST

#define WRITERS 8
#define LINES 25

static void *
write_lines(void *arg)
{
	char value[6000]; /* longer than the line buffer */
	const char *fields[] = {"value", value, NULL};
	int i;

	memset(value, 'a' + *(int *)arg, sizeof value - 1);
	value[sizeof value - 1] = '\0';
	for (i = 0; i < LINES; i++)
		psm_log(PSM_LOG_INFO, "long", fields);
	return NULL;
}

START_TEST(log_lines_stay_whole)
{
	psm_json *docs[WRITERS * LINES] = {NULL};
	pthread_t threads[WRITERS];
	int numbers[WRITERS], seen[WRITERS] = {0}, i;

	log_to_file("log-service", PSM_LOG_INFO);
	for (i = 0; i < WRITERS; i++) {
		numbers[i] = i;
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, write_lines, &numbers[i]),
		    0);
	}
	for (i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(read_log(docs, WRITERS * LINES), WRITERS * LINES);
	for (i = 0; i < WRITERS * LINES; i++) {
		const char *value = member(docs[i], "/value");

		ck_assert_uint_eq(strlen(value), 5999);
		ck_assert_uint_eq(strspn(value, (char[]){value[0], '\0'}),
		                  5999);
		seen[value[0] - 'a']++;
		psm_json_free(docs[i]);
	}
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(seen[i], LINES);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("worker");
	TCase *worker = tcase_create("worker"), *log = tcase_create("log");

	tcase_add_checked_fixture(worker, set_up, tear_down);
	tcase_set_timeout(worker, 60);
	tcase_add_test(worker, a_worker_runs_at_start_and_again);
	tcase_add_test(worker, interval_0_ends_with_success);
	tcase_add_test(worker, a_failure_that_may_go_away_is_retried_early);
	tcase_add_test(worker, the_pause_doubles_up_to_a_limit);
	tcase_add_test(worker, a_retry_is_not_later_than_the_interval);
	tcase_add_test(worker, a_failure_for_good_waits_for_the_interval);
	tcase_add_test(worker, health_follows_the_runs);
	tcase_add_test(worker, a_run_that_does_not_end_is_seen);
	tcase_add_test(worker, a_run_that_does_not_end_after_failures);
	tcase_add_test(worker, a_failure_without_words_gets_some);
	tcase_add_test(worker, a_stop_ends_the_wait);
	tcase_add_test(worker, a_later_stage_ends_a_long_run);
	tcase_add_test(worker, a_run_that_does_not_end_is_a_timeout);
	tcase_add_checked_fixture(log, set_up, tear_down);
	tcase_set_timeout(log, 60);
	tcase_add_test(log, log_lines_are_json);
	tcase_add_test(log, log_lines_have_their_trace);
	tcase_add_loop_test(log, a_request_has_a_trace, 0,
	                    sizeof headers / sizeof *headers);
	tcase_add_test(log, log_lines_for_people);
	tcase_add_test(log, log_lines_with_standard_names);
	tcase_add_test(log, a_log_without_name);
	tcase_add_test(log, log_lines_stay_whole);
	suite_add_tcase(s, worker);
	suite_add_tcase(s, log);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
