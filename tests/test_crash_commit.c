/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole server dies under commits and under the relay, in a cluster of this
 * program's own. */
#include "testing.h"
#include "testing_outbox.h"
#include "testing_pg.h"

#include <pthread.h>

#define THREADS 4

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static int stop;      /* lock */
static int committed; /* lock: changes whose commit said so */
static int failed;    /* lock: changes that failed in some way */

/* After a failure wait a little, for the end if it comes. */
static int
note(int rc)
{
	struct timespec until;
	int over;

	psm__deadline(&until, 10);
	(void)pthread_mutex_lock(&lock);
	committed += rc == 0;
	failed += rc < 0;
	(void)pthread_cond_broadcast(&changed);
	while (rc < 0 && !stop &&
	       pthread_cond_timedwait(&changed, &lock, &until) == 0)
		;
	over = stop;
	(void)pthread_mutex_unlock(&lock);
	return over;
}

static void *
write_on(void *arg)
{
	unsigned seed = *(unsigned *)arg;

	while (!note(
	    outbox_change(st, (int)(rand_r(&seed) % OUTBOX_KEYS) + 1, NULL)))
		;
	return NULL;
}

/* More commits than there were, so the server is in the middle of some. */
static void
wait_commits(int more)
{
	struct timespec until;
	int rc = 0, want;

	psm__deadline(&until, 30000);
	(void)pthread_mutex_lock(&lock);
	want = committed + more;
	while (committed < want && rc == 0)
		rc = pthread_cond_timedwait(&changed, &lock, &until);
	(void)pthread_mutex_unlock(&lock);
	ck_assert_int_eq(rc, 0);
}

START_TEST(server_dies_in_the_middle_of_commits)
{
	unsigned seeds[THREADS] = {1, 2, 3, 4};
	pthread_t threads[THREADS];
	struct arrived a;
	char reason[300];
	int i;

	ck_assert_int_eq(psm__cond_init(&changed), 0);
	outbox_start();
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, write_on, &seeds[i]), 0);
	for (i = 0; i < 3; i++) {
		wait_commits(100);
		pg_cluster("crash");
		pg_cluster("start");
	}
	wait_commits(100);
	(void)pthread_mutex_lock(&lock);
	stop = 1;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	outbox_wait_empty();
	PG_UNTIL(psm_relay_health(r, reason, sizeof reason) ==
	         PSM_HEALTH_GREEN);
	a = outbox_read();
	/* Every change has its event, those whose commit was cut off too: done
	 * or not, both or neither. */
	ck_assert_int_eq(a.events, pg_int("SELECT sum(n) FROM entity"));
	ck_assert_int_ge(a.events, committed);
	ck_assert_int_le(a.events, committed + failed);
	ck_assert_int_ge(failed, 3);
	ck_assert_int_eq(a.gaps, 0);
	ck_assert_int_eq(a.inversions, 0);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("crash_commit");
	TCase *tc = tcase_create("crash_commit");

	(void)argc;
	pg_main_private(argv);
	tcase_add_checked_fixture(tc, outbox_setup, outbox_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, server_dies_in_the_middle_of_commits);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
