/* SPDX-License-Identifier: BSD-2-Clause */
/* Many callers wait for one sync, and a sync in the middle fails: exactly those
 * whose records are not on the disk are told so. */
#include "testing_spool.h"

#include <errno.h>
#include <pthread.h>

#define CALLERS 200
#define SEGMENTS 3

/* -- the disk: the first sync waits until all others have appended -- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int syncs, puts, go;
	int fail_at, fails; /* so many from the fail_at-th sync on */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .changed = PTHREAD_COND_INITIALIZER};

static int
gated_sync(int fd)
{
	int n, bad;

	(void)fd;
	pthread_mutex_lock(&disk.lock);
	n = ++disk.syncs;
	pthread_cond_broadcast(&disk.changed);
	while (!disk.go)
		pthread_cond_wait(&disk.changed, &disk.lock);
	bad = n >= disk.fail_at && n < disk.fail_at + disk.fails;
	pthread_mutex_unlock(&disk.lock);
	errno = EIO;
	return bad ? -1 : 0;
}

static void
noted_publish(uint32_t *at, uint32_t value)
{
	real.publish(at, value);
	pthread_mutex_lock(&disk.lock);
	disk.puts++;
	pthread_cond_broadcast(&disk.changed);
	pthread_mutex_unlock(&disk.lock);
}

static void
wait_until(const int *number, int want)
{
	pthread_mutex_lock(&disk.lock);
	while (*number < want)
		pthread_cond_wait(&disk.changed, &disk.lock);
	pthread_mutex_unlock(&disk.lock);
}

static void
let_go(void)
{
	pthread_mutex_lock(&disk.lock);
	disk.go = 1;
	pthread_cond_broadcast(&disk.changed);
	pthread_mutex_unlock(&disk.lock);
}

/* -- the callers -- */

static struct psm__spool *spool;
static struct caller {
	pthread_t thread;
	int rc, segment; /* the number of the one its record is in, from 0 */
} callers[CALLERS];

static void *
call(void *arg)
{
	struct caller *me = arg;

	me->rc = try_put(spool, (int)(me - callers));
	return NULL;
}

/* One after another, until the record of the last one is in a segment that is
 * one too many. The first one leads, and hangs in its sync. */
static int
call_all(void)
{
	struct psm__segment *now = NULL;
	int n = 0, segment = -1;

	while (segment < SEGMENTS) {
		ck_assert_int_lt(n, CALLERS);
		ck_assert_int_eq(
		    pthread_create(&callers[n].thread, NULL, call, &callers[n]),
		    0);
		wait_until(&disk.puts, n + 1);
		pthread_mutex_lock(&spool->lock);
		segment += psm__queue_active(spool) != now;
		now = psm__queue_active(spool);
		pthread_mutex_unlock(&spool->lock);
		callers[n++].segment = segment;
		wait_until(&disk.syncs, 1);
	}
	return n;
}

/* The first sync was of the first caller's record only. The second is of the
 * rest of segment 0, the third of segment 1, and so on. */
static const struct {
	int fail_at, fails;
	int refused_from; /* segment; SEGMENTS + 1: nobody is refused */
} cases[] = {
    {9, 0, SEGMENTS + 1},
    {2, 1, SEGMENTS + 1},
    {3, 1, SEGMENTS + 1},
    {4, 1, SEGMENTS + 1},
    {5, 1, SEGMENTS + 1},
    {2, 2, 0},
    {3, 2, 1},
    {4, 2, 2},
    {5, 2, 3},
};

static void
check_told(int count, int refused_from)
{
	ck_assert_int_eq(callers[0].rc, 0);
	for (int n = 1; n < count; n++)
		ck_assert_msg(
		    callers[n].rc ==
			(callers[n].segment < refused_from ? 0 : PSM_ERR_IO),
		    "%d of %d, in segment %d, was told %d", n, count,
		    callers[n].segment, callers[n].rc);
}

/* What is sent is what was accepted. */
static int
check_sent(int count)
{
	int sent = 0;

	for (int n = 0; n < count; n++) {
		if (callers[n].rc != 0)
			continue;
		ck_assert_int_eq(read_one(spool), n);
		psm__spool_release(spool);
		sent++;
	}
	ck_assert_int_eq(read_one(spool), -1);
	psm__spool_release(spool);
	return sent;
}

START_TEST(one_sync_for_many_fails)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_DISK);
	int count, accepted = 0;

	spool = open_with(&conf);
	disk.fail_at = cases[_i].fail_at;
	disk.fails = cases[_i].fails;
	psm__file_ops.datasync = gated_sync;
	psm__file_ops.publish = noted_publish;
	count = call_all();
	let_go();
	for (int n = 0; n < count; n++) {
		pthread_join(callers[n].thread, NULL);
		accepted += callers[n].rc == 0;
	}
	check_told(count, cases[_i].refused_from);
	ck_assert_uint_eq(numbers(spool).waiting, (unsigned)accepted);
	ck_assert_uint_eq(numbers(spool).sync_errors, cases[_i].fails > 0);
	ck_assert_int_eq(check_sent(count), accepted);
	ck_assert_int_eq(numbers(spool).bytes, 0);
	/* All goes on. */
	put(spool, count, count + 50);
	expect(spool, count, count + 50);
	end(spool);
}
END_TEST

/* Nothing of it is lost when processes end before it is sent. */
START_TEST(one_sync_for_many_fails_and_processes_end)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_DISK);
	struct psm__message m;
	int count;

	conf.window = CALLERS;
	spool = open_with(&conf);
	disk.fail_at = cases[_i].fail_at;
	disk.fails = cases[_i].fails;
	psm__file_ops.datasync = gated_sync;
	psm__file_ops.publish = noted_publish;
	count = call_all();
	let_go();
	for (int n = 0; n < count; n++)
		pthread_join(callers[n].thread, NULL);
	abandon(spool);
	spool = open_with(&conf);
	while (psm__spool_peek(spool, &m))
		psm__spool_pass(spool);
	abandon(spool);
	spool = open_with(&conf);
	ck_assert_int_gt(check_sent(count), 0);
	end(spool);
}
END_TEST

/* -- waiting until all appended records are released -- */

static uint64_t left_behind;

static void *
drain(void *arg)
{
	(void)arg;
	/* Longer than the test may take. */
	left_behind = psm__spool_drain(spool, 600000);
	return NULL;
}

static void
wait_for_drainer(void)
{
	int there = 0;

	while (!there) {
		pthread_mutex_lock(&spool->lock);
		there = psm__queue_drain_left(spool) > 0;
		pthread_mutex_unlock(&spool->lock);
		sched_yield();
	}
}

/* What is withdrawn is not waited for. */
START_TEST(drained_without_the_withdrawn)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_DISK);
	pthread_t drainer;
	int count, n;

	disk.fail_at = 2;
	disk.fails = 2;
	spool = open_with(&conf);
	psm__file_ops.datasync = gated_sync;
	psm__file_ops.publish = noted_publish;
	count = call_all();
	ck_assert_int_eq(pthread_create(&drainer, NULL, drain, NULL), 0);
	wait_for_drainer();
	let_go();
	for (n = 0; n < count; n++)
		pthread_join(callers[n].thread, NULL);
	check_told(count, 0);
	expect(spool, 0, 1);
	pthread_join(drainer, NULL);
	ck_assert_uint_eq(left_behind, 0);
	end(spool);
}
END_TEST

static void
add(Suite *s, const char *name, void (*before)(void))
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, before, tear_down);
	tcase_add_loop_test(tc, one_sync_for_many_fails, 0, PSM__COUNT(cases));
	tcase_add_loop_test(tc, one_sync_for_many_fails_and_processes_end, 0,
	                    PSM__COUNT(cases));
	tcase_add_test(tc, drained_without_the_withdrawn);
	suite_add_tcase(s, tc);
}

int
main(void)
{
	Suite *s = suite_create("spool commit");

	add(s, "in the clear", set_up);
	add(s, "encrypted", set_up_encrypted);
	return testing_run(srunner_create(s));
}
