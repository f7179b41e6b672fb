/* SPDX-License-Identifier: BSD-2-Clause */
/* Several processes share a spool directory, die with backlogs, come back in
 * any order, and are slow: the order of each key holds. */
#include "testing_spool.h"

#include <signal.h>
#include <sys/wait.h>

#include <psymatch/health.h>
#include <psymatch/producer.h>

#include "fake_sink.h"

static void
set_up_order(void)
{
	set_up();
	/* A live process takes nothing over by itself, unless a test says so.
	 */
	psm__adopt_after_ms = 1000000000;
}

static void
tend(struct psm__spool *s)
{
	psm__adopt_soon(s);
	psm__spool_tend(s);
}

/* -- one case after another -- */

/* A comes back first, takes both backlogs and is slow; B comes back and has
 * newer events. */
START_TEST(newer_events_wait_for_older_ones)
{
	struct psm__spool *a = open_spool(), *b = open_spool();

	put(a, 0, 20);
	put(b, 100, 120);
	psm__spool_free(a); /* as if they died */
	psm__spool_free(b);
	a = open_spool();
	consume(a, 0, 5);
	b = open_spool();
	put(b, 120, 130);
	tend(b);
	ck_assert_int_eq(read_one(b), -1);
	psm__spool_release(b);
	ck_assert_uint_eq(numbers(b).awaited, 1); /* stream.0 */
	ck_assert_int_eq(numbers(b).await_pid, getpid());
	ck_assert_int_gt(numbers(b).oldest_us, 0);
	put(a, 20, 30);
	consume(a, 5, 20);
	tend(b);
	ck_assert_int_eq(read_one(b), -1);
	ck_assert_uint_eq(numbers(b).awaited, 2);
	consume(a, 100, 120);
	psm__spool_release(a);
	tend(b);
	ck_assert_uint_eq(numbers(b).awaited, 0);
	expect(b, 120, 130);
	expect(a, 20, 30);
	end(a);
	end(b);
}
END_TEST

/* The one we wait for dies, too: its streams are taken over at once, however
 * full the spool is. */
START_TEST(who_waits_goes_on_with_the_rest)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	struct psm__spool *a = open_spool(), *b = open_spool();

	conf.max_bytes = 6000;
	put(a, 0, 60);
	put(b, 100, 120);
	psm__spool_free(a);
	psm__spool_free(b);
	a = open_spool();
	b = open_with(&conf);
	put(b, 120, 140);
	consume(a, 0, 30);
	tend(b);
	ck_assert_int_eq(read_one(b), -1);
	psm__spool_free(a);
	tend(b);
	ck_assert_uint_eq(numbers(b).awaited, 0);
	consume(b, 30, 60);
	consume(b, 100, 120);
	expect(b, 120, 140);
	end(b);
}
END_TEST

/* Two start at once and each gets one of the streams: the second stream waits
 * for the first, in whosever hands. */
START_TEST(no_circle)
{
	struct psm__spool *a = open_spool(), *b = open_spool(), *c;
	struct psm__stream_dir *sd = NULL;
	int parent = open(dir, O_RDONLY | O_DIRECTORY);

	put(a, 0, 10);
	put(b, 10, 20);
	psm__spool_free(a);
	psm__spool_free(b);
	a = open_spool();
	ck_assert_int_eq(psm__stream_dir_take(a->dir, parent, 3, 1, &sd), 1);
	b = open_spool();
	c = open_spool();
	put(c, 30, 40);
	put(b, 20, 30);
	tend(b);
	tend(c);
	ck_assert_int_eq(read_one(b), -1);
	ck_assert_int_eq(read_one(c), -1);
	psm__spool_free(a);
	tend(c);
	consume(c, 0, 5);
	tend(b);
	ck_assert_int_eq(read_one(b), -1);
	psm__spool_free(c);
	tend(b);
	consume(b, 5, 20);
	expect(b, 20, 30);
	psm__stream_dir_leave(sd, 1);
	end(b);
	c = open_spool();
	expect(c, 30, 40);
	end(c);
	close(parent);
}
END_TEST

/* The stream of an ended process is not adopted before that of an older one,
 * and a process that starts does not wait for streams with a live owner. */
START_TEST(neither_before_the_older_nor_behind_the_living)
{
	struct psm__spool *live = open_spool(), *a = open_spool(),
			  *b = open_spool(), *c;

	put(live, 0, 10);
	put(a, 100, 110);
	put(b, 200, 210);
	psm__spool_free(a);
	c = open_spool(); /* has taken stream.1 */
	psm__spool_free(b);
	psm__adopt_after_ms = 0;
	tend(live);
	ck_assert_uint_eq(numbers(live).adopted, 0);
	put(c, 300, 310);
	consume(c, 100, 110);
	expect(c, 300, 310);
	for (int i = 0; i < 3 && numbers(live).adopted == 0; i++)
		tend(live);
	ck_assert_uint_eq(numbers(live).adopted, 1);
	consume(live, 200, 210);
	expect(live, 0, 10);
	end(live);
	end(c);
}
END_TEST

/* -- by chance -- */

#define PEERS 4
#define KEYS_EACH 3

static struct peer {
	struct psm__spool *s;
	int next[KEYS_EACH]; /* of each key: the number to be sent */
	int came[KEYS_EACH]; /* so many came, in order */
} peers[PEERS];

static long turned; /* or lost */
static unsigned chance;

static int
random_below(int n)
{
	chance = chance * 1103515245u + 12345u;
	return (int)((chance >> 16) % (unsigned)n);
}

static void
put_some(struct peer *p, int who)
{
	for (int i = random_below(12); i > 0; i--) {
		int k = random_below(KEYS_EACH);
		char key[16], value[80];
		struct psm__spool_entry e = {
		    .topic = "t", .key = key, .id = "x", .value = value};

		snprintf(key, sizeof(key), "%c", 'a' + who * KEYS_EACH + k);
		snprintf(value, sizeof(value), "%d %060d", p->next[k]++, 0);
		e.key_len = strlen(key);
		e.value_len = strlen(value);
		ck_assert_int_eq(psm__spool_append(p->s, &e, NULL), 0);
	}
}

/* Again is allowed after a death; a number that was not reached yet is not. */
static void
take_some(struct psm__spool *s, int count)
{
	struct psm__message m;

	while (count-- > 0 && psm__spool_peek(s, &m)) {
		int key = m.key[0] - 'a', n = atoi(m.value);
		int *came = &peers[key / KEYS_EACH].came[key % KEYS_EACH];

		turned += n > *came;
		if (n >= *came)
			*came = n + 1;
		psm__spool_pass(s);
		psm__spool_settle(s, m.token);
		if (random_below(3))
			psm__spool_release(s);
	}
	psm__spool_release(s);
}

static void
live_on(int who)
{
	struct peer *p = &peers[who];

	switch (p->s ? random_below(10) : 10) {
	case 0:
		psm__spool_free(p->s); /* as if it died */
		p->s = NULL;
		break;
	case 1:
		end(p->s);
		p->s = NULL;
		break;
	case 10:
		if (random_below(4) == 0)
			p->s = open_spool();
		break;
	default:
		put_some(p, who);
		tend(p->s);
		/* The first of them is slow. */
		take_some(p->s, random_below(who == 0 ? 3 : 25));
	}
}

START_TEST(by_chance)
{
	chance = (unsigned)_i + 1;
	psm__adopt_after_ms = _i % 2 ? 0 : 1000000000;
	for (int step = 0; step < 500; step++)
		live_on(random_below(PEERS));
	for (int who = 0; who < PEERS; who++)
		if (!peers[who].s)
			peers[who].s = open_spool();
	/* Adopting all the time, no process would send. */
	psm__adopt_after_ms = 1000000000;
	for (int step = 0; step < 100; step++) {
		struct peer *p = &peers[step % PEERS];

		psm__adopt_stop(p->s);
		tend(p->s);
		take_some(p->s, 10000);
	}
	for (int who = 0; who < PEERS; who++) {
		end(peers[who].s);
		for (int k = 0; k < KEYS_EACH; k++)
			ck_assert_int_eq(peers[who].came[k],
			                 peers[who].next[k]);
	}
	ck_assert_int_eq(turned, 0);
}
END_TEST

/* -- processes -- */

/* A process whose child of fork outlives it: the child has no lock. */
START_TEST(a_lock_dies_with_its_process)
{
	struct psm__spool *s;
	int ends[2], runs[2], status;
	char byte = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(pipe(runs), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		s = open_spool();
		for (int n = 0; n < 20; n++)
			if (try_put(s, n) != 0)
				abort();
		if (fork() == 0) {
			close(ends[1]);
			if (write(runs[1], &byte, 1) != 1)
				abort();
			/* Until the test is over. */
			_exit(read(ends[0], &byte, 1) != 0);
		}
		if (read(runs[0], &byte, 1) != 1)
			abort();
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	s = open_spool();
	ck_assert_uint_eq(numbers(s).awaited, 0);
	put(s, 20, 30);
	expect(s, 0, 30);
	end(s);
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(runs[i]);
	}
}
END_TEST

/* A child has its own streams beside those of its parent, and each keeps its
 * lock. */
START_TEST(parent_and_child_keep_apart)
{
	struct psm__spool *s = open_spool(), *other;
	int status;
	pid_t pid;

	put(s, 0, 10);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		other = open_spool();
		_exit(numbers(other).waiting != 0 ||
		      numbers(other).awaited != 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	other = open_spool();
	ck_assert_uint_eq(numbers(other).waiting, 0);
	ck_assert_uint_eq(numbers(other).awaited, 0);
	end(other);
	expect(s, 0, 10);
	end(s);
}
END_TEST

/* Whom it waits for is in the health. */
START_TEST(health_names_the_holder)
{
	struct psm__spool *a = open_spool(), *b;
	char reason[200], want[200];
	psm_config *cfg = NULL;
	psm_producer *p = NULL;
	static struct fake fake;

	put(a, 0, 10);
	psm__spool_free(a);
	b = open_spool();
	fake_init(&fake);
	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", dir, NULL),
	                 0);
	ck_assert_int_eq(psm_producer_new(&fake.base, cfg, &p, NULL), 0);
	ck_assert_int_eq(psm_producer_start(p, NULL), 0);
	snprintf(want, sizeof(want),
	         "0 events wait until process %d has sent the older ones of "
	         "stream.0",
	         (int)getpid());
	ck_assert_int_eq(psm_producer_health(p, reason, sizeof(reason)),
	                 PSM_HEALTH_AMBER);
	ck_assert_str_eq(reason, want);
	expect(b, 0, 10);
	for (int i = 0; i < 1000 &&
	                psm_producer_health(p, reason, 200) != PSM_HEALTH_GREEN;
	     i++)
		fake_pass_ms(&fake, 10);
	ck_assert_int_eq(psm_producer_health(p, reason, 200), PSM_HEALTH_GREEN);
	ck_assert_int_eq(psm_producer_close(p, 0, NULL, NULL), 0);
	psm_producer_free(p);
	psm_config_free(cfg);
	fake_free(&fake);
	end(b);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("order in a shared spool");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up_order, tear_down);
	tcase_add_test(tc, newer_events_wait_for_older_ones);
	tcase_add_test(tc, who_waits_goes_on_with_the_rest);
	tcase_add_test(tc, no_circle);
	tcase_add_test(tc, neither_before_the_older_nor_behind_the_living);
	tcase_add_loop_test(tc, by_chance, 0, 8);
	tcase_add_test(tc, a_lock_dies_with_its_process);
	tcase_add_test(tc, parent_and_child_keep_apart);
	tcase_add_test(tc, health_names_the_holder);
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
