/* SPDX-License-Identifier: BSD-2-Clause */
/* Stages, deadlines, signals and adding things to a service. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "service/service.h"
#include "testing.h"

#define WAIT_MS 60000

static psm_config *cfg;
static psm_service *svc;
static psm_error *err;
static int pipe_fds[2]; /* a child tells its parent */

static void
set_up(void)
{
	testing_memory_begin();
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	ck_assert_int_eq(psm_config_new(&cfg, err), 0);
	ck_assert_int_eq(psm_config_register(psm_service_settings(), err), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_SHUTDOWN_MS", "30000", err), 0);
	ck_assert_int_eq(psm_service_new("runner", cfg, &svc, err), 0);
	ck_assert_int_eq(pipe(pipe_fds), 0);
}

static void
tear_down(void)
{
	psm_service_free(svc);
	psm_config_free(cfg);
	psm_error_free(err);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* -- stages that leave a trace */

struct stage {
	const char *name;
	int start_rc, stop_rc; /* what they answer */
	int ask_stop;          /* start asks the service to stop */
	int timeout_ms;        /* what stop was given */
};

static char trace[256];

static void
note(const char *name, const char *what)
{
	size_t used = strlen(trace);

	(void)snprintf(trace + used, sizeof trace - used, "%s%s ", name, what);
}

static int
on_start(void *user, psm_error *e)
{
	struct stage *s = user;

	ck_assert_ptr_nonnull(e);
	note(s->name, s->start_rc < 0 ? "!" : "+");
	if (s->ask_stop)
		psm_service_stop(svc);
	if (s->start_rc < 0)
		psm_error_set(e, s->start_rc, "cannot start this one");
	return s->start_rc;
}

static int
on_stop(int timeout_ms, void *user, psm_error *e)
{
	struct stage *s = user;

	s->timeout_ms = timeout_ms;
	note(s->name, "-");
	if (s->stop_rc < 0 && e)
		psm_error_set(e, s->stop_rc, "cannot stop this one");
	return s->stop_rc;
}

static void
add(struct stage *s)
{
	ck_assert_int_eq(
	    psm_service_stage(svc, s->name, on_start, on_stop, s, err), 0);
}

static int
run(void)
{
	return psm_service_run(svc, NULL, 0, err);
}

START_TEST(stages_stop_in_reverse)
{
	struct stage a = {"a", 0, 0, 0, 0}, b = {"b", 0, 0, 0, 0},
		     c = {"c", 0, 0, 1, 0};

	add(&a);
	add(&b);
	add(&c);
	ck_assert_int_eq(run(), 0);
	ck_assert_str_eq(trace, "a+ b+ c+ c- b- a- ");
}
END_TEST

START_TEST(half_a_stage_is_enough)
{
	struct stage a = {"a", 0, 0, 0, 0}, b = {"b", 0, 0, 1, 0};

	ck_assert_int_eq(psm_service_stage(svc, "a", NULL, on_stop, &a, err),
	                 0);
	ck_assert_int_eq(psm_service_stage(svc, "b", on_start, NULL, &b, err),
	                 0);
	ck_assert_int_eq(run(), 0);
	ck_assert_str_eq(trace, "b+ a- ");
}
END_TEST

START_TEST(a_failed_start_is_rolled_back)
{
	struct stage a = {"a", 0, 0, 0, 0}, b = {"b", 0, PSM_ERR_DB, 0, 0},
		     c = {"c", PSM_ERR_CONFLICT, 0, 0, 0},
		     d = {"d", 0, 0, 0, 0};

	add(&a);
	add(&b);
	add(&c);
	add(&d);
	ck_assert_int_eq(run(), PSM_ERR_CONFLICT);
	ck_assert_int_eq(psm_error_code(err), PSM_ERR_CONFLICT);
	ck_assert_str_eq(psm_error_message(err), "cannot start this one");
	ck_assert_str_eq(trace, "a+ b+ c! b- a- ");
}
END_TEST

START_TEST(a_failed_stop_stops_the_rest_all_the_same)
{
	struct stage a = {"a", 0, 0, 0, 0}, b = {"b", 0, PSM_ERR_IO, 0, 0},
		     c = {"c", 0, PSM_ERR_TIMEOUT, 0, 0}, d = {"d", 0, 0, 1, 0};

	add(&a);
	add(&b);
	add(&c);
	add(&d);
	ck_assert_int_eq(run(), PSM_ERR_TIMEOUT);
	ck_assert_str_eq(psm_error_message(err), "cannot stop this one");
	ck_assert_str_eq(trace, "a+ b+ c+ d+ d- c- b- a- ");
}
END_TEST

START_TEST(without_an_error_object)
{
	struct stage a = {"a", PSM_ERR_IO, 0, 0, 0};

	add(&a);
	ck_assert_int_eq(psm_service_run(svc, NULL, 0, NULL), PSM_ERR_IO);
	ck_assert_str_eq(trace, "a! ");
}
END_TEST

START_TEST(a_stop_during_the_start_starts_no_more)
{
	struct stage a = {"a", 0, 0, 1, 0}, b = {"b", 0, 0, 0, 0};

	add(&a);
	add(&b);
	ck_assert_int_eq(run(), 0);
	ck_assert_str_eq(trace, "a+ a- ");
}
END_TEST

START_TEST(a_stop_before_the_run_counts)
{
	struct stage a = {"a", 0, 0, 0, 0};

	add(&a);
	psm_service_stop(NULL);
	psm_service_stop(svc);
	ck_assert_int_eq(run(), 0);
	ck_assert_str_eq(trace, "");
}
END_TEST

START_TEST(the_deadline_is_shared)
{
	struct stage a = {"a", 0, 0, 0, 0}, b = {"b", 0, 0, 0, 0},
		     c = {"c", 0, 0, 1, 0};

	add(&a);
	add(&b);
	add(&c);
	ck_assert_int_eq(run(), 0);
	/* 30 s; each stops at once: a third, a half, all of what is left. */
	ck_assert_int_le(c.timeout_ms, 10000);
	ck_assert_int_ge(c.timeout_ms, 8000);
	ck_assert_int_le(b.timeout_ms, 15000);
	ck_assert_int_ge(b.timeout_ms, 12000);
	ck_assert_int_le(a.timeout_ms, 30000);
	ck_assert_int_ge(a.timeout_ms, 24000);
}
END_TEST

/* -- signals, in a child process */

static void
tell(char c)
{
	ck_assert_int_eq(write(pipe_fds[1], &c, 1), 1);
}

static int
tell_start(void *user, psm_error *e)
{
	(void)user;
	(void)e;
	tell('r');
	return 0;
}

static int
tell_stop(int timeout_ms, void *user, psm_error *e)
{
	(void)timeout_ms;
	(void)user;
	(void)e;
	tell('s');
	return 0;
}

static int
hang_stop(int timeout_ms, void *user, psm_error *e)
{
	tell_stop(timeout_ms, user, e);
	while (timeout_ms >= 0)
		(void)pause();
	return 0;
}

/* The child runs svc and exits with 0 or 3. */
static pid_t
fork_service(psm_stop_fn stop)
{
	pid_t pid;

	ck_assert_int_eq(
	    psm_service_stage(svc, "tell", tell_start, stop, NULL, err), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	_exit(run() == 0 ? 0 : 3);
}

static char
hear(void)
{
	char c = 0;

	ck_assert_int_eq(read(pipe_fds[0], &c, 1), 1);
	return c;
}

static int
status_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "ended by signal %d",
	              WTERMSIG(status));
	return WEXITSTATUS(status);
}

static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

START_TEST(a_signal_stops_in_order)
{
	pid_t pid = fork_service(tell_stop);

	ck_assert_int_eq(hear(), 'r');
	ck_assert_int_eq(kill(pid, signals[_i]), 0);
	ck_assert_int_eq(hear(), 's');
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

START_TEST(a_second_signal_ends_at_once)
{
	pid_t pid = fork_service(hang_stop);

	ck_assert_int_eq(hear(), 'r');
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(hear(), 's');
	ck_assert_int_eq(kill(pid, signals[_i]), 0);
	ck_assert_int_eq(status_of(pid), 128 + signals[_i]);
}
END_TEST

START_TEST(an_overdue_shutdown_ends_the_process)
{
	int64_t begin;
	pid_t pid;

	svc->shutdown_ms = 100;
	pid = fork_service(hang_stop);
	ck_assert_int_eq(hear(), 'r');
	begin = psm__mono_us();
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(hear(), 's');
	ck_assert_int_eq(status_of(pid), 1);
	ck_assert_int_ge(psm__mono_us() - begin, 1000000);
}
END_TEST

static int
signal_myself(void *user, psm_error *e)
{
	(void)user;
	(void)e;
	note("a", "+");
	ck_assert_int_eq(kill(getpid(), SIGTERM), 0);
	pthread_mutex_lock(&svc->lock);
	while (!svc->stop_asked)
		pthread_cond_wait(&svc->changed, &svc->lock);
	pthread_mutex_unlock(&svc->lock);
	return 0;
}

START_TEST(a_signal_during_the_start)
{
	struct stage a = {"a", 0, 0, 0, 0}, b = {"b", 0, 0, 0, 0};

	ck_assert_int_eq(
	    psm_service_stage(svc, "a", signal_myself, on_stop, &a, err), 0);
	add(&b);
	ck_assert_int_eq(run(), 0);
	ck_assert_str_eq(trace, "a+ a- ");
}
END_TEST

static int
mask_start(void *user, psm_error *e)
{
	sigset_t *mask = user;

	(void)e;
	psm_service_stop(svc);
	return pthread_sigmask(SIG_SETMASK, NULL, mask) == 0 ? 0 : PSM_ERR_IO;
}

START_TEST(the_signal_mask_comes_back)
{
	sigset_t before, during, after;

	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
	ck_assert_int_eq(
	    psm_service_stage(svc, "mask", mask_start, NULL, &during, err), 0);
	ck_assert_int_eq(run(), 0);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	ck_assert_int_eq(sigismember(&before, SIGTERM), 0);
	ck_assert_int_eq(sigismember(&during, SIGTERM), 1);
	ck_assert_int_eq(sigismember(&during, SIGINT), 1);
	ck_assert_int_eq(sigismember(&during, SIGHUP), 1);
	ck_assert_int_eq(sigismember(&after, SIGTERM), 0);
}
END_TEST

/* -- arguments and states */

static int
work(void *user, psm_error *e)
{
	(void)user;
	(void)e;
	return 0;
}

static int
health(char *reason, size_t size, void *user)
{
	(void)user;
	(void)snprintf(reason, size, "well");
	return PSM_HEALTH_GREEN;
}

static int
route(const psm_request *req, psm_response *res, void *user, psm_error *why)
{
	(void)req;
	(void)user;
	psm_response_message(res, 200, "hello");
	(void)why;
	return 0;
}

START_TEST(arguments_are_checked)
{
	static const char long_name[] =
	    "1234567890123456789012345678901234567890123456789";
	psm_service *none = svc;

	ck_assert_int_eq(psm_service_new(NULL, cfg, &none, err), PSM_ERR_INVAL);
	ck_assert_ptr_null(none);
	ck_assert_int_eq(psm_service_new("", cfg, &none, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_new("A", cfg, &none, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_new(long_name, cfg, &none, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_new(long_name + 1, cfg, &none, err), 0);
	psm_service_free(none);
	psm_service_free(NULL);
	ck_assert_int_eq(psm_service_new("a", NULL, &none, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_new("a", cfg, NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_stage(svc, "a", NULL, NULL, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_service_stage(NULL, "a", on_start, NULL, NULL, err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_service_stage(svc, "a b", on_start, NULL, NULL, err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_health(svc, NULL, health, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_health(svc, "a", NULL, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_worker(svc, "a", -1, work, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_service_worker(svc, "a", 31536001, work, NULL, err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_worker(svc, "a", 1, NULL, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_run(NULL, NULL, 0, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_run(svc, NULL, -1, err), PSM_ERR_INVAL);
	ck_assert_ptr_null(psm_request_method(NULL));
	ck_assert_ptr_null(psm_request_path(NULL));
	ck_assert_ptr_null(psm_request_body(NULL, NULL));
	ck_assert_ptr_null(psm_request_param(NULL, "a"));
	ck_assert_ptr_null(psm_request_query(NULL, "a"));
}
END_TEST

START_TEST(a_service_runs_once)
{
	struct stage a = {"a", 0, 0, 1, 0};

	add(&a);
	ck_assert_int_eq(run(), 0);
	ck_assert_int_eq(run(), PSM_ERR_STATE);
	ck_assert_str_eq(psm_error_message(err), "the service is stopped");
	ck_assert_int_eq(psm_service_stage(svc, "b", on_start, NULL, &a, err),
	                 PSM_ERR_STATE);
	ck_assert_int_eq(psm_service_worker(svc, "b", 1, work, NULL, err),
	                 PSM_ERR_STATE);
	ck_assert_int_eq(psm_service_health(svc, "b", health, NULL, err),
	                 PSM_ERR_STATE);
	ck_assert_int_eq(psm_service_route(svc, "GET", "/b", route, NULL, err),
	                 PSM_ERR_STATE);
	ck_assert_str_eq(trace, "a+ a- ");
}
END_TEST

/* -- memory */

static int
build(void)
{
	psm_service *s = NULL;
	int rc = psm_service_new("memory", cfg, &s, err);

	if (rc == 0)
		rc = psm_service_route(s, "GET", "/a/{b}", route, NULL, err);
	if (rc == 0)
		rc = psm_service_health(s, "part", health, NULL, err);
	if (rc == 0)
		rc = psm_service_stage(s, "stage", on_start, NULL, NULL, err);
	if (rc == 0)
		rc = psm_service_worker(s, "worker", 1, work, NULL, err);
	if (rc == 0) {
		psm_service_stop(s);
		rc = psm_service_run(s, NULL, 0, err);
	}
	psm_service_free(s);
	return rc;
}

START_TEST(memory_runs_out)
{
	long n, calls;

	atomic_store(&testing_memory.calls, 0);
	ck_assert_int_eq(build(), 0);
	calls = atomic_load(&testing_memory.calls);
	ck_assert_int_ge(calls, 10);
	for (n = 1; n <= calls; n++) {
		atomic_store(&testing_memory.calls, 0);
		testing_memory.fail_at = n;
		ck_assert_int_eq(build(), PSM_ERR_NOMEM);
		ck_assert_int_eq(psm_error_code(err), PSM_ERR_NOMEM);
		testing_memory.fail_at = 0;
		ck_assert_int_eq(build(), 0);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("runner");
	TCase *tc = tcase_create("runner");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, stages_stop_in_reverse);
	tcase_add_test(tc, half_a_stage_is_enough);
	tcase_add_test(tc, a_failed_start_is_rolled_back);
	tcase_add_test(tc, a_failed_stop_stops_the_rest_all_the_same);
	tcase_add_test(tc, without_an_error_object);
	tcase_add_test(tc, a_stop_during_the_start_starts_no_more);
	tcase_add_test(tc, a_stop_before_the_run_counts);
	tcase_add_test(tc, the_deadline_is_shared);
	tcase_add_loop_test(tc, a_signal_stops_in_order, 0, 3);
	tcase_add_loop_test(tc, a_second_signal_ends_at_once, 0, 3);
	tcase_add_test(tc, an_overdue_shutdown_ends_the_process);
	tcase_add_test(tc, a_signal_during_the_start);
	tcase_add_test(tc, the_signal_mask_comes_back);
	tcase_add_test(tc, arguments_are_checked);
	tcase_add_test(tc, a_service_runs_once);
	tcase_add_test(tc, memory_runs_out);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
