/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "base/base.h"

static struct {
	char name[16];
	sigset_t mask;
	void *arg;
} seen;

static void *
look_around(void *arg)
{
	seen.arg = arg;
	(void)pthread_sigmask(SIG_SETMASK, NULL, &seen.mask);
	return &seen;
}

/* A signal for the program must not end up in a thread of the library. */
START_TEST(signals_are_blocked)
{
	static const int some[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE};
	sigset_t mine, after;
	pthread_t thread;
	void *result;
	int arg;

	(void)sigemptyset(&mine);
	(void)sigaddset(&mine, SIGUSR2);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &mine, NULL), 0);
	ck_assert_int_eq(
	    psm__thread_start(&thread, "look", look_around, &arg, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_ptr_eq(result, &seen);
	ck_assert_ptr_eq(seen.arg, &arg);
	for (size_t i = 0; i < PSM__COUNT(some); i++)
		ck_assert_int_eq(sigismember(&seen.mask, some[i]), 1);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	ck_assert_int_eq(sigismember(&after, SIGUSR2), 1);
	ck_assert_int_eq(sigismember(&after, SIGTERM), 0);
}
END_TEST

static struct {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int done;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *
wait_at_gate(void *arg)
{
	(void)pthread_mutex_lock(&gate.lock);
	while (!gate.done)
		(void)pthread_cond_wait(&gate.cond, &gate.lock);
	(void)pthread_mutex_unlock(&gate.lock);
	return arg;
}

START_TEST(has_a_name)
{
	char name[16] = "";
	pthread_t thread;

	ck_assert_int_eq(psm__cond_init(&gate.cond), 0);
	ck_assert_int_eq(psm__thread_start(&thread, "psm-fifteen-abc",
	                                   wait_at_gate, NULL, NULL),
	                 0);
	ck_assert_int_eq(pthread_getname_np(thread, name, sizeof(name)), 0);
	ck_assert_str_eq(name, "psm-fifteen-abc");
	(void)pthread_mutex_lock(&gate.lock);
	gate.done = 1;
	(void)pthread_cond_signal(&gate.cond);
	(void)pthread_mutex_unlock(&gate.lock);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

/* psm__deadline and psm__cond_init go by the same clock: on the wall clock
 * this deadline would lie decades back, and the wait would end at once. */
START_TEST(conditions_wait_for_deadlines)
{
	int64_t start = psm__mono_ms();
	struct timespec at;
	int rc = 0;

	ck_assert_int_eq(psm__cond_init(&gate.cond), 0);
	psm__deadline(&at, 60);
	(void)pthread_mutex_lock(&gate.lock);
	while (rc == 0)
		rc = pthread_cond_timedwait(&gate.cond, &gate.lock, &at);
	(void)pthread_mutex_unlock(&gate.lock);
	ck_assert_int_eq(rc, ETIMEDOUT);
	ck_assert_int_ge(psm__mono_ms() - start, 59);
	ck_assert_int_eq(pthread_cond_destroy(&gate.cond), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("thread");
	TCase *t = tcase_create("thread");

	tcase_add_test(t, signals_are_blocked);
	tcase_add_test(t, has_a_name);
	tcase_add_test(t, conditions_wait_for_deadlines);
	suite_add_tcase(s, t);
	return testing_run(srunner_create(s));
}
