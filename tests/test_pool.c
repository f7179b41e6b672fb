/* SPDX-License-Identifier: BSD-2-Clause */
/* The threads of handlers: how many are at work at once, that no job waits for
 * those that wait, and that one of them attends. */
#include <pthread.h>

#include "base/base.h"
#include "service/service.h"
#include "testing.h"

#define AT_ONCE 2
#define MOST 5
#define JOBS 8

static struct svc_pool *pool;
static struct svc_job jobs[JOBS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int begun, ended, may_end[JOBS]; /* lock */

static void
run(struct svc_job *job, void *user)
{
	(void)user;
	pthread_mutex_lock(&lock);
	begun++;
	pthread_cond_broadcast(&changed);
	while (!may_end[job - jobs])
		pthread_cond_wait(&changed, &lock);
	ended++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Until so many have begun; no more of them may. */
static void
await_begun(int count)
{
	pthread_mutex_lock(&lock);
	while (begun < count)
		pthread_cond_wait(&changed, &lock);
	ck_assert_int_eq(begun, count);
	pthread_mutex_unlock(&lock);
}

static void
await_ended(int count)
{
	pthread_mutex_lock(&lock);
	while (ended < count)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/* The first ones. */
static void
let_end(int count)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < count; i++)
		may_end[i] = 1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void
setup(void)
{
	psm_error *err = psm_error_new();

	ck_assert_int_eq(psm__svc_pool_new("test", AT_ONCE, MOST, run, NULL,
	                                   NULL, &pool, err),
	                 0);
	psm_error_free(err);
}

/* Everything that was put is run. */
static void
teardown(void)
{
	let_end(JOBS);
	psm__svc_pool_free(pool);
	ck_assert_int_eq(begun, ended);
}

static void
put_all(void)
{
	for (int i = 0; i < JOBS; i++)
		psm__svc_pool_put(pool, &jobs[i]);
	await_begun(AT_ONCE);
}

/* How many of the jobs have not begun. */
static int
take_waiting(void)
{
	int count = 0;

	for (int i = 0; i < JOBS; i++)
		count += psm__svc_pool_withdraw(pool, &jobs[i]);
	return count;
}

/* The rest waits, however often somebody looks. */
START_TEST(few_at_once)
{
	put_all();
	ck_assert_int_gt(psm__svc_pool_look(pool, 1), 0);
	ck_assert_int_eq(take_waiting(), JOBS - AT_ONCE);
	ck_assert_int_eq(psm__svc_pool_look(pool, 1), -1);
}
END_TEST

START_TEST(one_after_another)
{
	put_all();
	let_end(3);
	await_ended(3);
	await_begun(AT_ONCE + 3);
	ck_assert_int_eq(take_waiting(), JOBS - AT_ONCE - 3);
}
END_TEST

/* Jobs that last make room for others, up to the most. */
START_TEST(late_ones_make_room)
{
	put_all();
	ck_assert_int_gt(psm__svc_pool_look(pool, INT64_MAX), 0);
	await_begun(2 * AT_ONCE);
	ck_assert_int_gt(psm__svc_pool_look(pool, INT64_MAX), 0);
	await_begun(MOST);
	(void)psm__svc_pool_look(pool, INT64_MAX);
	ck_assert_int_eq(take_waiting(), JOBS - MOST);
}
END_TEST

/* Two are late, two work in their place. When all have ended, two go on. */
START_TEST(the_late_ones_leave_their_place)
{
	put_all();
	(void)psm__svc_pool_look(pool, INT64_MAX);
	await_begun(2 * AT_ONCE);
	let_end(2 * AT_ONCE);
	await_ended(2 * AT_ONCE);
	await_begun(3 * AT_ONCE);
	ck_assert_int_eq(take_waiting(), JOBS - 3 * AT_ONCE);
}
END_TEST

/* After a rest, too. */
START_TEST(woken_again)
{
	let_end(JOBS);
	for (int i = 0; i < JOBS; i++) {
		psm__svc_pool_put(pool, &jobs[i]);
		await_ended(i + 1);
	}
}
END_TEST

/* -- with a thread that attends */

static int given, put, attending, attended, most_attending, looks; /* lock */

/* Puts what is given, and looks as if all that runs were late. */
static void
attend(void *user)
{
	(void)user;
	pthread_mutex_lock(&lock);
	attended++;
	if (++attending > most_attending)
		most_attending = attending;
	for (;;) {
		while (put < given)
			psm__svc_pool_put(pool, &jobs[put++]);
		/* Another one may be here before this one has returned. */
		attending--;
		if (psm__svc_pool_leaves(pool))
			break;
		attending++;
		(void)psm__svc_pool_look(pool, INT64_MAX);
		looks++;
		pthread_cond_broadcast(&changed);
		psm__cond_wait_until(&changed, &lock, psm__mono_us() + 1000);
	}
	pthread_mutex_unlock(&lock);
}

static void
setup_attended(void)
{
	psm_error *err = psm_error_new();

	ck_assert_int_eq(psm__cond_init(&changed), 0); /* for the clock */
	pthread_mutex_lock(&lock);                     /* it attends at once */
	ck_assert_int_eq(psm__svc_pool_new("test", AT_ONCE, MOST, run, attend,
	                                   NULL, &pool, err),
	                 0);
	pthread_mutex_unlock(&lock);
	psm_error_free(err);
}

static void
teardown_attended(void)
{
	teardown();
	ck_assert_int_eq(attending, 0);
	ck_assert_int_eq(most_attending, 1);
}

static void
give(int count)
{
	pthread_mutex_lock(&lock);
	given = count;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Somebody attends who has come after that. */
static void
await_attended(int before)
{
	pthread_mutex_lock(&lock);
	while (attending == 0 || attended == before)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/* However long the job lasts for which the other one has left. */
START_TEST(one_attends_while_another_works)
{
	give(1);
	await_begun(1);
	await_attended(1);
	let_end(1);
	await_ended(1);
	give(2);
	await_begun(2);
}
END_TEST

/* Whatever is late: the last thread attends. */
START_TEST(the_last_one_attends)
{
	int before;

	give(JOBS);
	pthread_mutex_lock(&lock);
	while (begun < MOST - 1 || attending == 0)
		pthread_cond_wait(&changed, &lock);
	before = looks;
	while (looks < before + 3)
		pthread_cond_wait(&changed, &lock);
	ck_assert_int_eq(begun, MOST - 1);
	pthread_mutex_unlock(&lock);
}
END_TEST

/* Jobs that come one by one, and end at once: none is left behind. */
START_TEST(jobs_one_by_one)
{
	let_end(JOBS);
	for (int i = 0; i < JOBS; i++) {
		give(i + 1);
		await_ended(i + 1);
	}
}
END_TEST

/* It is told to return. */
START_TEST(closes_while_one_attends)
{
	await_attended(0);
	psm__svc_pool_close(pool);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pool");
	TCase *tc = tcase_create("pool");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, few_at_once);
	tcase_add_test(tc, one_after_another);
	tcase_add_test(tc, late_ones_make_room);
	tcase_add_test(tc, the_late_ones_leave_their_place);
	tcase_add_test(tc, woken_again);
	suite_add_tcase(s, tc);
	tc = tcase_create("attended");
	tcase_add_checked_fixture(tc, setup_attended, teardown_attended);
	tcase_add_test(tc, one_attends_while_another_works);
	tcase_add_test(tc, the_last_one_attends);
	tcase_add_test(tc, jobs_one_by_one);
	tcase_add_test(tc, closes_while_one_attends);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
