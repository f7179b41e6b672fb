/* SPDX-License-Identifier: BSD-2-Clause */
/* The threads of handlers: how many are at work at once, and that no job waits
 * for those that wait. */
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

	ck_assert_int_eq(
	    psm__svc_pool_new("test", AT_ONCE, MOST, run, NULL, &pool, err), 0);
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
	return testing_run(srunner_create(s));
}
