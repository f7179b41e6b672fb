/* SPDX-License-Identifier: BSD-2-Clause */
/* A running process adopts stream directories of processes that ended: after
 * a while, in order, and only one of them does. */
#include "testing_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#define PATIENCE_MS 60000

static void
set_up_soon(void)
{
	set_up();
	psm__adopt_after_ms = 10;
}

/* A child takes the next free stream, fills it, and ends without a close. */
static void
die_with(int from, int to)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct psm__spool *s;

		testing_memory_refuse(0);
		s = open_spool();

		for (int n = from; n < to; n++)
			if (try_put(s, n) != 0)
				abort();
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
}

static void
tend_until_adopted(struct psm__spool *s, unsigned count)
{
	int64_t until = psm__mono_ms() + PATIENCE_MS;

	while (numbers(s).adopted < count && psm__mono_ms() < until) {
		psm__spool_tend(s);
		sched_yield();
	}
	ck_assert_uint_eq(numbers(s).adopted, count);
}

START_TEST(while_idle)
{
	struct psm__spool_conf conf = conf_of(_i);
	struct psm__spool *s = open_with(&conf);

	put(s, 0, 10);
	consume(s, 0, 10);
	die_with(100, 200);
	tend_until_adopted(s, 1);
	ck_assert_uint_eq(numbers(s).waiting, 100);
	/* What comes later is sent later. */
	put(s, 10, 40);
	consume(s, 100, 200);
	expect(s, 10, 40);
	ck_assert_uint_eq(numbers(s).waiting, 0);
	ck_assert_int_eq(numbers(s).bytes, 0);
	ck_assert_uint_eq(numbers(s).damaged, 0);
	ck_assert_int_ne(access(path_of("stream.1"), F_OK), 0);
	put(s, 40, 60);
	expect(s, 40, 60);
	end(s);
}
END_TEST

/* Events that are on their way have their outcome first; what waits behind them
 * comes after the dead one's, which is older. */
START_TEST(while_events_are_on_their_way)
{
	struct psm__spool *s = open_spool();
	struct psm__message m[5];
	int64_t until = psm__mono_ms() + 200;

	put(s, 0, 60);
	for (int n = 0; n < 5; n++) {
		ck_assert_int_eq(psm__spool_peek(s, &m[n]), 1);
		psm__spool_pass(s);
	}
	die_with(100, 150);
	while (psm__mono_ms() < until)
		psm__spool_tend(s);
	ck_assert_uint_eq(numbers(s).adopted, 0);
	for (int n = 0; n < 5; n++) {
		psm__spool_message(s, m[n].token, &m[n]);
		ck_assert_int_eq(number_of(&m[n]), n);
		ck_assert_int_eq(psm__spool_settle(s, m[n].token), 1);
	}
	ck_assert_uint_eq(psm__spool_release(s), 5);
	tend_until_adopted(s, 1);
	put(s, 60, 70);
	consume(s, 100, 150);
	expect(s, 5, 70);
	end(s);
}
END_TEST

static void *
drain(void *s)
{
	(void)psm__spool_drain(s, 600000);
	return NULL;
}

static uint64_t
still_to_go(struct psm__spool *s)
{
	uint64_t count = 0;

	pthread_mutex_lock(&s->lock);
	count = psm__queue_drain_left(s);
	pthread_mutex_unlock(&s->lock);
	return count;
}

/* Who waits for all of our own waits for what came in front of it, too. */
START_TEST(drained_behind_what_came_in_front)
{
	struct psm__spool *s = open_spool();
	pthread_t drainer;

	put(s, 0, 10);
	ck_assert_int_eq(pthread_create(&drainer, NULL, drain, s), 0);
	while (still_to_go(s) == 0)
		sched_yield();
	die_with(100, 150);
	tend_until_adopted(s, 1);
	consume(s, 100, 150);
	ck_assert_uint_eq(still_to_go(s), 10);
	expect(s, 0, 10);
	pthread_join(drainer, NULL);
	end(s);
}
END_TEST

/* The end does not wait for the outcomes: all that is our own is read. */
START_TEST(the_end_comes_first)
{
	struct psm__spool *s = open_spool();
	struct psm__message m;
	int64_t until = psm__mono_ms() + PATIENCE_MS;

	put(s, 0, 60);
	for (int n = 0; n < 5; n++) {
		ck_assert_int_eq(psm__spool_peek(s, &m), 1);
		psm__spool_pass(s);
	}
	die_with(100, 150);
	while (!psm__ring_is_paused(s) && psm__mono_ms() < until)
		psm__spool_tend(s);
	ck_assert_int_eq(psm__ring_is_paused(s), 1);
	psm__spool_freeze(s);
	psm__spool_rewind(s);
	expect(s, 0, 60);
	end(s);
	s = open_spool();
	ck_assert_uint_eq(numbers(s).waiting, 110);
	end(s);
}
END_TEST

/* A process that has adopted a stream may end, too. */
START_TEST(adopted_half_and_died)
{
	struct psm__spool *s = open_spool();

	put(s, 0, 10);
	consume(s, 0, 5);
	die_with(100, 200);
	tend_until_adopted(s, 1);
	consume(s, 100, 160);
	psm__spool_free(s);
	s = open_spool();
	ck_assert_uint_eq(numbers(s).waiting, 45);
	consume(s, 5, 10);
	expect(s, 160, 200);
	end(s);
}
END_TEST

START_TEST(several_at_once)
{
	struct psm__spool *s = open_spool(), *other;
	int n, last[3] = {-1, -1, -1}, count = 0;

	other = open_spool();
	die_with(0, 50);
	die_with(0, 0); /* takes the same stream, which is 2 */
	put(other, 100, 150);
	psm__spool_free(other); /* as if it died */
	tend_until_adopted(s, 2);
	put(s, 200, 250);
	for (; (n = read_one(s)) >= 0; count++) {
		ck_assert_int_gt(n, last[n / 100]);
		last[n / 100] = n;
		psm__spool_release(s);
	}
	ck_assert_int_eq(count, 150);
	psm__spool_release(s);
	ck_assert_int_ne(access(path_of("stream.1"), F_OK), 0);
	ck_assert_int_ne(access(path_of("stream.2"), F_OK), 0);
	end(s);
}
END_TEST

/* Streams with a live owner are not adopted, nor is one that was just
 * abandoned. */
START_TEST(not_the_living)
{
	struct psm__spool *s = open_spool(), *other = open_spool();
	int64_t until;

	put(other, 0, 10);
	until = psm__mono_ms() + 100;
	while (psm__mono_ms() < until)
		psm__spool_tend(s);
	ck_assert_uint_eq(numbers(s).adopted, 0);
	expect(other, 0, 10);
	psm__adopt_after_ms = 60000;
	psm__adopt_soon(s);
	put(other, 10, 20);
	psm__spool_free(other);
	until = psm__mono_ms() + 50;
	while (psm__mono_ms() < until) {
		psm__spool_tend(s);
		psm__adopt_soon(s);
	}
	ck_assert_uint_eq(numbers(s).adopted, 0);
	other = open_spool();
	ck_assert_uint_eq(numbers(other).waiting, 10);
	expect(other, 10, 20);
	end(other);
	end(s);
}
END_TEST

/* Looking is not enough: the lock itself decides. */
START_TEST(not_without_the_lock)
{
	struct psm__spool *s = open_spool();
	struct psm__stream_dir *sd = NULL;
	int64_t until = psm__mono_ms() + 50;
	int parent, fd;

	die_with(0, 10);
	fd = open(path_of("stream.1/LOCK"), O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	parent = open(dir, O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(psm__stream_dir_take(s->dir, parent, 1, 0, &sd), 0);
	ck_assert_ptr_null(sd);
	close(parent);
	while (psm__mono_ms() < until)
		psm__spool_tend(s);
	ck_assert_uint_eq(numbers(s).adopted, 0);
	close(fd);
	tend_until_adopted(s, 1);
	expect(s, 0, 10);
	end(s);
}
END_TEST

/* One that would go beyond the limit waits until there is room. */
START_TEST(not_beyond_the_limit)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	struct psm__spool *s;
	int64_t until = psm__mono_ms() + 100;

	conf.max_bytes = 12000;
	s = open_with(&conf);
	put(s, 0, 40);
	die_with(100, 160);
	while (psm__mono_ms() < until)
		psm__spool_tend(s);
	ck_assert_uint_eq(numbers(s).adopted, 0);
	put(s, 40, 50);
	expect(s, 0, 50);
	tend_until_adopted(s, 1);
	expect(s, 100, 160);
	end(s);
}
END_TEST

/* -- rivals -- */

#define RIVALS 4

struct rival {
	struct psm__spool *s;
	int count, *stop;
	char seen[200];
};

static void *
compete(void *arg)
{
	struct rival *r = arg;
	int n;

	while (!__atomic_load_n(r->stop, __ATOMIC_ACQUIRE)) {
		psm__spool_tend(r->s);
		while ((n = read_one(r->s)) >= 0) {
			r->seen[n]++;
			__atomic_add_fetch(&r->count, 1, __ATOMIC_RELAXED);
			psm__spool_release(r->s);
		}
		psm__spool_release(r->s);
		sched_yield();
	}
	return NULL;
}

static int
found(const struct rival *r)
{
	int all = 0;

	for (int i = 0; i < RIVALS; i++)
		all += __atomic_load_n(&r[i].count, __ATOMIC_RELAXED);
	return all;
}

/* All look at once; each stream goes to exactly one. */
START_TEST(only_one_of_the_rivals)
{
	struct rival r[RIVALS] = {0};
	pthread_t threads[RIVALS];
	int64_t until = psm__mono_ms() + PATIENCE_MS;
	int stop = 0;

	for (int i = 0; i < RIVALS; i++)
		r[i] = (struct rival){.s = open_spool(), .stop = &stop};
	die_with(0, 200);
	for (int i = 0; i < RIVALS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, compete, &r[i]), 0);
	while (found(r) < 200 && psm__mono_ms() < until)
		sched_yield();
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < RIVALS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert(r[i].count == 0 || r[i].count == 200);
		for (int n = 0; r[i].count && n < 200; n++)
			ck_assert_int_eq(r[i].seen[n], 1);
		ck_assert_uint_eq(numbers(r[i].s).adopted, r[i].count == 200);
		end(r[i].s);
	}
	ck_assert_int_eq(found(r), 200);
}
END_TEST

/* -- memory */

static int put_by_dead, came;

static int
adopt_once(void *arg)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	int64_t until = psm__mono_ms() + PATIENCE_MS;
	struct psm__spool *s = NULL;
	int n, rc = psm__spool_open(&conf, &s, NULL);

	(void)arg;
	if (rc < 0)
		return rc;
	die_with(put_by_dead, put_by_dead + 10);
	put_by_dead += 10;
	tend_until_adopted(s, 1);
	while (came < put_by_dead && psm__mono_ms() < until) {
		for (; (n = read_one(s)) >= 0; came++) {
			ck_assert_int_eq(n, came);
			psm__spool_release(s);
		}
		sched_yield();
	}
	ck_assert_int_eq(came, put_by_dead);
	ck_assert_uint_eq(numbers(s).damaged, 0);
	end(s);
	return 0;
}

START_TEST(when_there_is_memory)
{
	put_by_dead = came = 0;
	ck_assert_int_gt(testing_fail_each(adopt_once, NULL, 1), 6);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("spool adoption");
	TCase *tc = tcase_create("while running");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up_soon, tear_down);
	tcase_add_loop_test(tc, while_idle, 0, 3);
	tcase_add_test(tc, while_events_are_on_their_way);
	tcase_add_test(tc, the_end_comes_first);
	tcase_add_test(tc, drained_behind_what_came_in_front);
	tcase_add_test(tc, adopted_half_and_died);
	tcase_add_test(tc, several_at_once);
	tcase_add_test(tc, not_the_living);
	tcase_add_test(tc, not_without_the_lock);
	tcase_add_test(tc, not_beyond_the_limit);
	tcase_add_test(tc, only_one_of_the_rivals);
	tcase_add_test(tc, when_there_is_memory);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
