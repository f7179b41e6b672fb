/* SPDX-License-Identifier: BSD-2-Clause */
/* Two producers share a spool directory and are killed with backlogs while the
 * broker is away. The first one comes back, has both backlogs and is slow; the
 * second one comes back with newer events of its keys. */
#include "testing_producer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define BACKLOG 300
#define NEWER 60
#define KEYS 3 /* of each */

static char arrivals[300];

/* Bytes from the children to the test, and back to the first one. */
static int ready[2], go[2];

static void
set_up_shared(void)
{
	set_up();
	snprintf(arrivals, sizeof(arrivals), "%s.arrived", dir);
	must(pipe(ready) == 0 && pipe(go) == 0);
}

static void
tear_down_shared(void)
{
	(void)unlink(arrivals);
	tear_down();
}

static void
send_byte(int fd)
{
	char byte = 0;

	must(write(fd, &byte, 1) == 1);
}

static void
await_byte(int fd)
{
	char byte;

	must(read(fd, &byte, 1) == 1);
}

/* -- the children -- */

static psm_producer *
start_child(int who, int from, int to, int down)
{
	psm_producer *p;

	fake.fd = open(arrivals, O_CREAT | O_WRONLY | O_APPEND, 0600);
	fake.down = down;
	p = make_with(&fake.base, dir, "os", "1000");
	must(psm_producer_set_delivery(p, NULL, NULL) == 0);
	must(psm_producer_start(p, NULL) == 0);
	for (int n = from; n < to; n++)
		must(try_send(p, who * KEYS + n % KEYS, n, NULL) == 0);
	return p;
}

static void
die_with_backlog(int who)
{
	(void)start_child(who, 0, BACKLOG, 1);
	send_byte(ready[1]);
	for (;;)
		pause();
}

static void
come_back(int who)
{
	int first = who == 0;
	psm_producer *p = start_child(who, BACKLOG, BACKLOG + NEWER, first);
	size_t left = 0;

	/* Time to send what must not be sent yet. */
	if (!first)
		must(psm_producer_flush(p, 300, &left, NULL) ==
		     PSM_ERR_TIMEOUT);
	must(first || left == NEWER);
	send_byte(ready[1]);
	if (first) {
		await_byte(go[0]);
		fake_set_down(&fake, 0);
	}
	must(psm_producer_flush(p, FLUSH_MS, NULL, NULL) == 0);
	must(psm_producer_close(p, 0, &left, NULL) == 0 && left == 0);
	_exit(0);
}

static pid_t
start_one(void (*life)(int who), int who)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		life(who);
	await_byte(ready[0]);
	return pid;
}

static void
await_end(pid_t pid, int killed)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(killed ? WIFSIGNALED(status) : status == 0);
}

/* -- what arrived -- */

static int came[2 * KEYS], turned;

static int
read_arrivals(void)
{
	FILE *f = fopen(arrivals, "re");
	int key, n, count = 0;

	ck_assert_ptr_nonnull(f);
	for (; fscanf(f, "%d %d", &key, &n) == 2; count++) {
		ck_assert_int_lt(key, 2 * KEYS);
		turned += n != came[key] * KEYS + key % KEYS;
		came[key]++;
	}
	(void)fclose(f);
	return count;
}

START_TEST(no_key_is_turned)
{
	pid_t pids[2];

	for (int who = 0; who < 2; who++)
		pids[who] = start_one(die_with_backlog, who);
	for (int who = 0; who < 2; who++) {
		ck_assert_int_eq(kill(pids[who], SIGKILL), 0);
		await_end(pids[who], 1);
	}
	for (int who = 0; who < 2; who++)
		pids[who] = start_one(come_back, who);
	if (_i) /* the slow one is killed, too: the other has its backlog */
		ck_assert_int_eq(kill(pids[0], SIGKILL), 0);
	else
		send_byte(go[1]);
	await_end(pids[0], _i);
	await_end(pids[1], 0);
	/* What the slow one took last is nobody's yet. */
	ck_assert_int_eq(read_arrivals(),
	                 2 * (BACKLOG + NEWER) - (_i ? NEWER : 0));
	ck_assert_int_eq(turned, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("producers that share a spool");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up_shared, tear_down_shared);
	tcase_add_loop_test(tc, no_key_is_turned, 0, 2);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
