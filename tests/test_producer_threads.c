/* SPDX-License-Identifier: BSD-2-Clause */
/* The producer among threads, callbacks, forks, kill -9 and outages. */
#include "testing_producer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <psymatch/health.h>

#include "spool/spool.h"

/* -- the callback -- */

static psm_producer *calling;
static int follow_ups, flush_rc, close_rc;

static void
answer(const char *event_id, int rc, const char *reason, void *user)
{
	hear(event_id, rc, reason, user);
	flush_rc = psm_producer_flush(calling, 0, NULL, NULL);
	close_rc = psm_producer_close(calling, 0, NULL, NULL);
	if (follow_ups < 100 &&
	    try_send(calling, 1, 2 * follow_ups + 1, NULL) == 0)
		follow_ups++;
}

START_TEST(callback_sends)
{
	psm_producer *p = make_with(&fake.base, _i == 0 ? "none" : dir,
	                            _i == 1 ? "os" : "disk", "1000");

	calling = p;
	ck_assert_int_eq(psm_producer_set_delivery(p, answer, &heard), 0);
	ck_assert_int_eq(psm_producer_start(p, NULL), 0);
	for (int n = 0; n < 10; n++)
		ck_assert_int_eq(try_send(p, 0, 2 * n, NULL), 0);
	ck_assert_int_eq(fake_wait(&fake, 110), 0);
	flush(p);
	arrived(110, 2);
	ck_assert_int_eq(flush_rc, PSM_ERR_STATE);
	ck_assert_int_eq(close_rc, PSM_ERR_STATE);
	end(p, 0);
	heard_once(110);
}
END_TEST

static int late_rc;

static void
send_late(const char *event_id, int rc, const char *reason, void *user)
{
	hear(event_id, rc, reason, user);
	late_rc = try_send(calling, 0, 99, NULL);
}

/* Once the end is told, nothing is accepted that nobody would hear of. */
START_TEST(callback_cannot_send_at_the_end)
{
	fake.down = 1;
	calling = make_with(&fake.base, _i ? "none" : dir, "os", "1000");
	ck_assert_int_eq(psm_producer_set_delivery(calling, send_late, &heard),
	                 0);
	ck_assert_int_eq(psm_producer_start(calling, NULL), 0);
	send_range(calling, 0, 3, 1);
	ck_assert_int_eq(psm_producer_close(calling, 0, NULL, NULL),
	                 _i ? PSM_ERR_TIMEOUT : 0);
	ck_assert_int_eq(late_rc, PSM_ERR_STATE);
	ck_assert_int_eq(stat_of(calling, "accepted"), 3);
	psm_producer_free(calling);
	heard_once(3);
}
END_TEST

/* -- threads and processes -- */

#define WRITERS 4
#define EACH 2500

static void *
write_many(void *arg)
{
	int key = *(int *)arg, failed = 0;

	for (int i = 0; i < EACH; i++)
		failed += try_send(calling, key, i * WRITERS + key, NULL) != 0;
	*(int *)arg = failed;
	return NULL;
}

/* Old: appends vanished while the queue was swapped. */
START_TEST(writers_against_the_sender)
{
	int args[WRITERS] = {0, 1, 2, 3};
	pthread_t threads[WRITERS];

	fake.queue_max = 100;
	calling = start_with(_i == 3 ? "none" : dir,
	                     _i == 0   ? "os"
	                     : _i == 1 ? "interval"
	                               : "disk",
	                     "20000");
	for (int i = 0; i < WRITERS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, write_many, &args[i]), 0);
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(args[i], 0);
	}
	flush(calling);
	arrived(WRITERS * EACH, WRITERS);
	end(calling, 0);
	heard_once(WRITERS * EACH);
}
END_TEST

static void *
write_until_closed(void *arg)
{
	int n = 0;

	/* Not more than the note of what was heard can hold. */
	while (n < MAX_HEARD && try_send(calling, 0, n, NULL) == 0)
		n++;
	*(int *)arg = n;
	return NULL;
}

/* Whatever send accepted has its one outcome, also in the middle of close. */
START_TEST(close_against_writers)
{
	pthread_t thread;
	int accepted = 0, rc;

	fake.queue_max = 10;
	calling = start_with(_i ? "none" : dir, "os", "1000000");
	ck_assert_int_eq(
	    pthread_create(&thread, NULL, write_until_closed, &accepted), 0);
	ck_assert_int_eq(fake_wait(&fake, 200), 0);
	rc = psm_producer_close(calling, 0, NULL, NULL);
	ck_assert(rc == 0 || rc == PSM_ERR_TIMEOUT);
	pthread_join(thread, NULL);
	ck_assert_int_eq(stat_of(calling, "accepted"), accepted);
	psm_producer_free(calling);
	heard_once(accepted);
	ck_assert_int_eq(heard.ok, fake.delivered);
}
END_TEST

static int is_full; /* __atomic */

static int
mkdir_or_full(int dirfd, const char *name, mode_t mode)
{
	if (!__atomic_load_n(&is_full, __ATOMIC_RELAXED))
		return mkdirat(dirfd, name, mode);
	errno = faccessat(dirfd, name, F_OK, 0) == 0 ? EEXIST : ENOSPC;
	return -1;
}

/* Who sends makes the stream, while the sender's thread looks. */
START_TEST(room_comes_while_it_runs)
{
	psm_producer *p;

	is_full = 1;
	psm__file_ops.mkdir = mkdir_or_full;
	p = start(0);
	for (int n = 0; n < 200; n++) {
		ck_assert_int_eq(try_send(p, 0, 0, NULL), PSM_ERR_FULL);
		fake_pass_ms(&fake, 1);
	}
	__atomic_store_n(&is_full, 0, __ATOMIC_RELAXED);
	send_range(p, 0, 100, 3);
	flush(p);
	arrived(100, 3);
	end(p, 0);
}
END_TEST

START_TEST(child_of_a_fork_is_refused)
{
	psm_producer *p = start(_i);
	pid_t pid;
	int status = 0;

	send_range(p, 0, 5, 1);
	flush(p); /* its thread may hold a lock of malloc otherwise */
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int bad = 0;

		bad |= try_send(p, 0, 9, NULL) != PSM_ERR_STATE;
		bad |= psm_producer_flush(p, 0, NULL, NULL) != PSM_ERR_STATE;
		bad |= psm_producer_close(p, 0, NULL, NULL) != PSM_ERR_STATE;
		bad |= psm_producer_start(p, NULL) != PSM_ERR_STATE;
		bad |= psm_producer_stat(p, "sent") != -1;
		bad |= psm_producer_health(p, NULL, 0) != PSM_HEALTH_RED;
		psm_producer_free(p);
		_exit(bad);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	send_range(p, 5, 10, 1);
	flush(p);
	arrived(10, 1);
	end(p, 0);
}
END_TEST

/* -- kill -9 -- */

/* A child sends on, and what reaches its broker is written to a file. Each
 * child has numbers of its own. */
#define ROUNDS 20
#define PER_ROUND 100000

static void
send_until_killed(volatile int *accepted, const char *file, int round)
{
	psm_producer *p;

	fake.fd = open(file, O_CREAT | O_WRONLY | O_APPEND, 0600);
	fake.down = round % 3 == 1;
	p = make_with(&fake.base, dir, "os", "1000");
	psm_producer_set_delivery(p, NULL, NULL);
	if (psm_producer_start(p, NULL) != 0)
		abort();
	for (int n = 0; n < PER_ROUND; n++) {
		if (try_send(p, n % 3, round * PER_ROUND + n, NULL) != 0)
			abort();
		accepted[round] = n + 1;
	}
	for (;;)
		pause();
}

/* In every round's numbers, the first occurrences are in order per key, and
 * nothing that was accepted is missing. */
static void
check_file(const char *file, volatile int *accepted)
{
	int(*next)[3] = calloc(ROUNDS, sizeof(*next));
	FILE *f = fopen(file, "r");
	int key, n;

	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(next);
	for (n = 0; n < ROUNDS; n++)
		for (key = 0; key < 3; key++)
			next[n][key] = key;
	while (fscanf(f, "%d %d", &key, &n) == 2) {
		int *want = &next[n / PER_ROUND][key];

		ck_assert_msg(n % PER_ROUND <= *want, "%d came before %d", n,
		              *want);
		if (n % PER_ROUND == *want)
			*want += 3;
	}
	(void)fclose(f);
	for (n = 0; n < ROUNDS; n++)
		for (key = 0; key < 3; key++)
			ck_assert_int_ge(next[n][key], accepted[n]);
	free(next);
}

START_TEST(killed_and_nothing_is_lost)
{
	volatile int *accepted = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char file[300];
	psm_producer *p;

	ck_assert_ptr_ne((void *)accepted, MAP_FAILED);
	snprintf(file, sizeof(file), "%s/arrived", dir);
	for (int round = 0; round < ROUNDS; round++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0)
			send_until_killed(accepted, file, round);
		while (accepted[round] < 100 + round * 37)
			sched_yield();
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	}
	fake.fd = open(file, O_CREAT | O_WRONLY | O_APPEND, 0600);
	p = make_with(&fake.base, dir, "os", "1000");
	/* More may be left than the note of what was heard can hold. */
	ck_assert_int_eq(psm_producer_set_delivery(p, NULL, NULL), 0);
	ck_assert_int_eq(psm_producer_start(p, NULL), 0);
	flush(p);
	ck_assert_int_eq(stat_of(p, "damaged"), 0);
	end(p, 0);
	close(fake.fd);
	check_file(file, accepted);
	munmap((void *)accepted, 4096);
}
END_TEST

/* A neighbour that leaves 30 .. 89. It is made before there are threads, and
 * begins when we run. */
static struct {
	pid_t pid;
	int go[2];
} neighbour;

static void
make_neighbour(void)
{
	psm_producer *p;
	char byte;

	ck_assert_int_eq(pipe(neighbour.go), 0);
	neighbour.pid = fork();
	ck_assert_int_ge(neighbour.pid, 0);
	if (neighbour.pid > 0)
		return;
	must(read(neighbour.go[0], &byte, 1) == 1);
	fake.down = 1;
	p = make_with(&fake.base, dir, "os", "1000");
	must(psm_producer_start(p, NULL) == 0);
	for (int n = 30; n < 90; n++)
		must(try_send(p, n % 3, n, NULL) == 0);
	raise(SIGKILL);
}

static void
neighbour_dies(void)
{
	int status;

	ck_assert_int_eq(write(neighbour.go[1], "", 1), 1);
	ck_assert_int_eq(waitpid(neighbour.pid, &status, 0), neighbour.pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(neighbour.go[0]);
	close(neighbour.go[1]);
}

/* Whoever runs sends what it left, after a while, and then goes on with its
 * own. */
START_TEST(neighbour_is_taken_over)
{
	psm_producer *p;

	make_neighbour();
	psm__adopt_after_ms = 100;
	p = start(0);
	send_range(p, 0, 30, 3);
	flush(p);
	neighbour_dies();
	ck_assert_int_eq(fake_wait(&fake, 90), 0);
	send_range(p, 90, 120, 3);
	flush(p);
	arrived(120, 3);
	ck_assert_int_eq(psm_producer_health(p, NULL, 0), PSM_HEALTH_GREEN);
	end(p, 0);
}
END_TEST

/* It waits to be taken over as long as events are on their way. Then the end
 * comes, and is told for each of our own. */
START_TEST(neighbour_waits_at_the_end)
{
	psm_producer *p;
	size_t left = 0;

	make_neighbour();
	psm__adopt_after_ms = 10;
	fake.down = 1;
	p = start(0);
	send_range(p, 0, 30, 3);
	ck_assert_int_eq(fake_wait_sends(&fake, 30), 0);
	neighbour_dies();
	/* A sleeping sender looks around when something comes. */
	for (int n = 0; n < 5; n++) {
		fake_pass_ms(&fake, 20);
		send_range(p, 90 + n, 91 + n, 3);
	}
	send_range(p, 95, 120, 3);
	ck_assert_int_eq(psm_producer_close(p, 0, &left, NULL), 0);
	ck_assert_uint_eq(left, 60);
	psm_producer_free(p);
	heard_once(60);
}
END_TEST

/* -- outages cost nothing -- */

static int
count_in(const char *path)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, NULL, NULL);

	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return n;
}

/* Old: clients were replaced and never closed. */
START_TEST(many_outages_leak_nothing)
{
	psm_producer *p = start(_i);
	int threads, fds, n = 0;

	send_range(p, 0, 3, 1);
	n = 3;
	flush(p);
	threads = count_in("/proc/self/task");
	fds = count_in("/proc/self/fd");
	for (int round = 0; round < 30; round++) {
		int opened = fake.opened;

		pthread_mutex_lock(&fake.lock);
		fake.rules[0] = (struct fake_rule){FAKE_DIE, fake.tries + 1, 0};
		pthread_mutex_unlock(&fake.lock);
		send_range(p, n, n + 3, 1);
		n += 3;
		ck_assert_int_eq(fake_wait_opened(&fake, opened + 1), 0);
		flush(p);
	}
	arrived(n, 1);
	ck_assert_int_eq(fake.most_live, 1);
	ck_assert_int_eq(count_in("/proc/self/task"), threads);
	ck_assert_int_le(count_in("/proc/self/fd"), fds + 2);
	end(p, 0);
	heard_once(n);
}
END_TEST

/* The broker is down, or there is nothing to do: the thread sleeps. */
START_TEST(no_busy_loop)
{
	psm_producer *p;
	long polls;
	size_t left;

	fake.down = _i;
	p = start(0);
	if (_i)
		send_range(p, 0, 20, 1);
	ck_assert_int_eq(psm_producer_flush(p, 50, &left, NULL),
	                 _i ? PSM_ERR_TIMEOUT : 0);
	pthread_mutex_lock(&fake.lock);
	polls = fake.polls;
	pthread_mutex_unlock(&fake.lock);
	fake_pass_ms(&fake, 400);
	pthread_mutex_lock(&fake.lock);
	polls = fake.polls - polls;
	pthread_mutex_unlock(&fake.lock);
	ck_assert_int_le(polls, 5);
	end(p, 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("producer threads");
	TCase *tc;

	tc = tcase_create("threads");
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, callback_sends, 0, 3);
	tcase_add_loop_test(tc, callback_cannot_send_at_the_end, 0, 2);
	tcase_add_loop_test(tc, writers_against_the_sender, 0, 4);
	tcase_add_test(tc, room_comes_while_it_runs);
	tcase_add_loop_test(tc, close_against_writers, 0, 2);
	tcase_add_loop_test(tc, child_of_a_fork_is_refused, 0, 2);
	tcase_add_test(tc, killed_and_nothing_is_lost);
	tcase_add_test(tc, neighbour_is_taken_over);
	tcase_add_test(tc, neighbour_waits_at_the_end);
	tcase_add_loop_test(tc, many_outages_leak_nothing, 0, 2);
	tcase_add_loop_test(tc, no_busy_loop, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
