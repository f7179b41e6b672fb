/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The promises of the transport in PostgreSQL, under senders and members of a
 * group whom nobody has planned: members join, leave, are killed, are stopped
 * beyond their lease and go on, read again what they have read; connections are
 * cut, the group is taken for dead, the database goes and comes. What was sent
 * is in the log once; what is in the log is handled at least once, that of a
 * key in the order of sending; the group's offsets never go back, and never
 * beyond what was handled.
 *
 * PSYMATCH_TEST_SEED=N sets what a seed decides: what the members do, and what
 * happens to them (1; "random" takes another one each time, and prints it).
 * PSYMATCH_TEST_ROUNDS=N: N seeds, one after another.
 */
#include "rigs.h"
#include "store/topic_log.h"
#include "testing.h"
#include "testing_pg.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define TOPIC "random-events"
#define GROUP "random"
#define SENDERS 4
#define KEYS 5 /* of a sender */
#define ALL_KEYS (SENDERS * KEYS)
#define PHASES 12
#define EACH 40 /* messages of a sender in a phase */
#define SENT (SENDERS * EACH * PHASES)
#define MEMBERS 8
#define LEASE "1000"
#define PATIENCE_MS 60000

static psm_transport *t;
static unsigned seed;

/* What the members have done; shared by all processes, written with __atomic,
 * for a lock would be lost with the one that is killed. */
struct book {
	unsigned char handled[ALL_KEYS][EACH * PHASES];
	unsigned char offsets[RIG_PARTITIONS][SENT];
	int turns[MEMBERS]; /* of their loops */
	int distinct;       /* messages */
	int again;          /* messages that came once more */
	int fenced;         /* commits that were refused */
	int overtaken;      /* messages that came before one of their key */
};
static struct book *book;

#define ADD(n) (void)__atomic_add_fetch(&(n), 1, __ATOMIC_SEQ_CST)
#define GET(n) __atomic_load_n(&(n), __ATOMIC_SEQ_CST)

/* -- a member, in a process of its own */

struct member {
	struct psm__source *source;
	int number; /* of MEMBERS */
	unsigned random;
	/* Not to be committed again, or less; -1: nothing yet. */
	int64_t committed[RIG_PARTITIONS];
};

static int64_t
on_given(const char *topic, int32_t partition, int64_t committed,
         int64_t incarnation, void *user)
{
	struct member *m = user;

	(void)topic;
	(void)incarnation;
	m->committed[partition] = committed;
	return -1;
}

static void
on_taken(const char *topic, int32_t partition, void *user)
{
	struct member *m = user;

	(void)topic;
	m->committed[partition] = INT64_MAX;
}

/* "KEY N" */
static void
handle(const struct psm__record *rec)
{
	int key, n;

	if (sscanf(rec->value, "%d %d", &key, &n) != 2)
		_exit(3);
	if (n > 0 && !GET(book->handled[key][n - 1]))
		ADD(book->overtaken);
	if (__atomic_exchange_n(&book->handled[key][n], 1, __ATOMIC_SEQ_CST))
		ADD(book->again);
	else
		ADD(book->distinct);
	__atomic_store_n(&book->offsets[rec->partition][rec->offset], 1,
	                 __ATOMIC_SEQ_CST);
}

/* Half of them are committed, a few with an answer; at times some come again,
 * at once, and at times the partition has to wait. */
static void
settle(struct member *m, const struct psm__record *rec)
{
	int dice = rand_r(&m->random) % 200, back;
	int64_t *done = &m->committed[rec->partition];
	int rc = 0;

	if (dice < 100 && rec->offset + 1 > *done) {
		*done = rec->offset + 1;
		rc = m->source->ops->commit(m->source, TOPIC, rec->partition,
		                            *done, dice < 20, NULL);
	} else if (dice == 100) {
		back = rand_r(&m->random) % 20;
		rc = m->source->ops->seek(
		    m->source, TOPIC, rec->partition,
		    rec->offset > back ? rec->offset - back : 0, NULL);
	} else if (dice == 101) {
		rc = m->source->ops->pause(m->source, TOPIC, rec->partition, 20,
		                           NULL);
	}
	if (rc == PSM_ERR_FENCED)
		ADD(book->fenced);
}

static int
told_something(int from)
{
	struct pollfd fd = {.fd = from, .events = POLLIN};

	return poll(&fd, 1, 0) != 0;
}

static void
take_part(struct member *m, int from)
{
	static const char *const settings[] = {"PSYMATCH_PG_LEASE_MS", LEASE,
	                                       NULL};
	static const char *const topics[] = {TOPIC};
	struct psm__source_conf conf = {.group = GROUP,
	                                .topics = topics,
	                                .topic_count = 1,
	                                .start_at = on_given,
	                                .revoked = on_taken,
	                                .user = m};
	struct psm__record rec;
	psm_transport *own = rig_postgres_with(settings);
	int i;

	for (i = 0; i < RIG_PARTITIONS; i++)
		m->committed[i] = INT64_MAX;
	if (own->ops->open_source(own, &conf, &m->source, NULL) < 0)
		_exit(4);
	while (!told_something(from)) {
		ADD(book->turns[m->number]);
		if (m->source->ops->poll(m->source, 50, &rec, NULL) != 1)
			continue;
		handle(&rec);
		settle(m, &rec);
		m->source->ops->release(m->source, &rec);
	}
	m->source->ops->close(m->source, rand_r(&m->random) % 2 * 1000);
	psm_transport_unref(own);
}

/* @process a child: told to join and to leave, byte by byte, until the end of
 * the pipe or of the process */
static void
be_a_member(int number, int from)
{
	struct member m = {.number = number};
	char ch;

	if (read(from, &m.random, sizeof m.random) != sizeof m.random)
		_exit(0);
	while (read(from, &ch, 1) == 1)
		if (ch == 'j')
			take_part(&m, from);
	_exit(0);
}

/* -- the members, from outside */

enum state { OUT, IN, STOPPED, DEAD };

static struct {
	pid_t process;
	int to;
	enum state state;
} members[MEMBERS];

/* Before there is a thread. */
static void
fork_members(void)
{
	int i, k, fds[2];

	for (i = 0; i < MEMBERS; i++) {
		ck_assert_int_eq(pipe(fds), 0);
		members[i].to = fds[1];
		members[i].state = OUT;
		members[i].process = fork();
		ck_assert_int_ge(members[i].process, 0);
		if (members[i].process == 0) {
			for (k = 0; k <= i; k++)
				(void)close(members[k].to);
			be_a_member(i, fds[0]);
		}
		(void)close(fds[0]);
	}
}

static void
tell(int i, const void *what, size_t len)
{
	ck_assert_int_eq(write(members[i].to, what, len), (ssize_t)len);
}

/* One of those in that state, -1: there is none. */
static int
choose(enum state state, unsigned *random)
{
	int i, at = rand_r(random) % MEMBERS;

	for (i = 0; i < MEMBERS; i++)
		if (members[(at + i) % MEMBERS].state == state)
			return (at + i) % MEMBERS;
	return -1;
}

static void
stop(int i)
{
	int status;

	ck_assert_int_eq(kill(members[i].process, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(members[i].process, &status, WUNTRACED),
	                 members[i].process);
	ck_assert(WIFSTOPPED(status));
	members[i].state = STOPPED;
}

static void
go_on(int i)
{
	ck_assert_int_eq(kill(members[i].process, SIGCONT), 0);
	members[i].state = IN;
}

static void
end_by_force(int i)
{
	int status;

	ck_assert_int_eq(kill(members[i].process, SIGKILL), 0);
	ck_assert_int_eq(waitpid(members[i].process, &status, 0),
	                 members[i].process);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	members[i].state = DEAD;
}

static int
count_in(void)
{
	int i, count = 0;

	for (i = 0; i < MEMBERS; i++)
		count += members[i].state == IN;
	return count;
}

static void
join(unsigned *random)
{
	int i = choose(OUT, random);

	if (i < 0 || count_in() > RIG_PARTITIONS)
		return;
	tell(i, "j", 1);
	members[i].state = IN;
}

static void
leave(unsigned *random)
{
	int i = choose(IN, random);

	if (i < 0)
		return;
	tell(i, "l", 1);
	members[i].state = OUT;
}

/* -- senders */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static int phase; /* lock: a sender may send EACH * phase messages */

static void
wait_for_phase(int sent)
{
	struct timespec until;

	psm__deadline(&until, PATIENCE_MS);
	(void)pthread_mutex_lock(&lock);
	while (sent >= EACH * phase)
		ck_assert_int_eq(
		    pthread_cond_timedwait(&changed, &lock, &until), 0);
	(void)pthread_mutex_unlock(&lock);
}

static void *
send_all(void *arg)
{
	int which = (int)(intptr_t)arg, i, key, n[KEYS] = {0};
	unsigned random = testing_mix(seed + (unsigned)which + 1);
	psm_transport *own = rig_postgres_with(NULL);
	struct rig_sender *s = rig_sender_open(own, TOPIC);
	char name[16], value[32];

	for (i = 0; i < EACH * PHASES; i++) {
		wait_for_phase(i);
		key = rand_r(&random) % KEYS;
		(void)snprintf(name, sizeof name, "%d", which * KEYS + key);
		(void)snprintf(value, sizeof value, "%s %d", name, n[key]++);
		rig_send(s, name, value, strlen(value));
		if (i % EACH == EACH - 1 || rand_r(&random) % 10 == 0)
			rig_flush(s);
	}
	rig_sender_close(s);
	psm_transport_unref(own);
	return NULL;
}

/* -- the group's offsets, at any time */

static void
check_offsets(void)
{
	static int64_t before[RIG_PARTITIONS];
	int64_t next, offset;
	int i;

	for (i = 0; i < RIG_PARTITIONS; i++) {
		next = pg_int("SELECT coalesce(max(next), 0) FROM "
		              "psymatch.group_partition WHERE partition = %d",
		              i);
		ck_assert_msg(next >= before[i],
		              "PSYMATCH_TEST_SEED=%u: partition %d went from "
		              "%d back to %d",
		              seed, i, (int)before[i], (int)next);
		for (offset = before[i]; offset < next; offset++)
			ck_assert_msg(GET(book->offsets[i][offset]),
			              "PSYMATCH_TEST_SEED=%u: partition %d: "
			              "%d committed, %d not handled",
			              seed, i, (int)next, (int)offset);
		before[i] = next;
	}
}

static void
wait_handled(int count)
{
	int64_t until_ms = psm__mono_ms() + PATIENCE_MS;

	while (GET(book->distinct) < count) {
		ck_assert_msg(psm__mono_ms() < until_ms,
		              "PSYMATCH_TEST_SEED=%u: %d handled of %d", seed,
		              GET(book->distinct), count);
		check_offsets();
		pg_pause();
	}
}

/* -- what happens */

/* One is stopped until the others have done its part of the work, so that its
 * lease is over for certain, and at times until later. */
static void
become_zombie(int sent, unsigned *random)
{
	int64_t until_ms = psm__mono_ms() + 2 * PATIENCE_MS;
	int i = choose(IN, random), turns;

	join(random);
	if (i < 0)
		return;
	stop(i);
	if (choose(IN, random) < 0) {
		go_on(i);
		return;
	}
	wait_handled(sent);
	if (rand_r(random) % 4 == 0)
		return;
	/* Nobody else has anything to do while it finds out. */
	turns = GET(book->turns[i]);
	go_on(i);
	while (GET(book->turns[i]) < turns + 2) {
		ck_assert_int_lt(psm__mono_ms(), until_ms);
		check_offsets();
		pg_pause();
	}
	check_offsets();
}

static void
happen(int sent, unsigned *random)
{
	int what = rand_r(random) % 14, i;

	if (what < 3) {
		join(random);
	} else if (what == 3) {
		leave(random);
	} else if (what < 6) {
		if ((i = choose(IN, random)) >= 0)
			end_by_force(i);
	} else if (what < 10) {
		become_zombie(sent, random);
	} else if (what == 10) {
		if ((i = choose(STOPPED, random)) >= 0)
			go_on(i);
	} else if (what == 11) {
		(void)pg_kill("psymatch transport%");
	} else if (what == 12) {
		rig_postgres.evict(t);
	} else {
		pg_down();
		pg_up();
	}
	/* Somebody has to go on; the last one is never killed. */
	for (i = 0; choose(IN, random) < 0 && i < MEMBERS; i++)
		if (choose(OUT, random) >= 0)
			join(random);
		else if (choose(STOPPED, random) >= 0)
			go_on(choose(STOPPED, random));
}

static void
check_all(void)
{
	ck_assert_msg(GET(book->overtaken) == 0,
	              "PSYMATCH_TEST_SEED=%u: %d came before one of their key",
	              seed, GET(book->overtaken));
	ck_assert_int_eq(GET(book->distinct), SENT);
	/* In the log each is once, and a key is in one partition, in order. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.log"), SENT);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM (SELECT n, row_number() OVER "
	           "(PARTITION BY key, partition ORDER BY \"offset\") - 1 AS "
	           "place FROM psymatch.log, LATERAL (SELECT split_part("
	           "convert_from(value, 'UTF8'), ' ', 2)::integer AS n) AS v) "
	           "AS o WHERE n <> place"),
	    0);
}

/* -- the test */

/* They are there before the first look at them. */
static void
make_tables(void)
{
	psm_store *st = pg_store();
	struct psm__conn *c = NULL;
	int32_t partitions;
	int ready = 0;

	ck_assert_int_eq(psm__topic_connect(st, "test", 2000, &ready, &c, NULL),
	                 0);
	ck_assert_int_eq(
	    psm__topic_ensure(c, TOPIC, RIG_PARTITIONS, &partitions, NULL), 0);
	psm__conn_close(c);
	psm_store_free(st);
}

static void
setup(void)
{
	pg_database();
	book = mmap(NULL, sizeof *book, PROT_READ | PROT_WRITE,
	            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(book != MAP_FAILED);
	fork_members();
	make_tables();
	t = rig_postgres_with(NULL);
	ck_assert_int_eq(psm__cond_init(&changed), 0);
}

static void
teardown(void)
{
	psm_transport_unref(t);
	t = NULL;
}

static unsigned
choose_seed(int round)
{
	return (unsigned)testing_seed() + (unsigned)round;
}

static void
run_phase(int i, unsigned *random)
{
	(void)pthread_mutex_lock(&lock);
	phase++;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
	if (rand_r(random) % 4 == 0)
		(void)pg_kill("psymatch transport%");
	wait_handled(i * SENDERS * EACH +
	             rand_r(random) % (SENDERS * EACH * 3 / 4));
	happen((i + 1) * SENDERS * EACH, random);
}

/* Those that are left do the rest and go. */
static void
end_members(unsigned *random)
{
	int i, status;

	while ((i = choose(STOPPED, random)) >= 0)
		go_on(i);
	wait_handled(SENT);
	while ((i = choose(IN, random)) >= 0)
		leave(random);
	for (i = 0; i < MEMBERS; i++) {
		(void)close(members[i].to);
		if (members[i].state == DEAD)
			continue;
		ck_assert_int_eq(waitpid(members[i].process, &status, 0),
		                 members[i].process);
		ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	check_offsets();
}

START_TEST(c05_c13_c15_whatever_the_members_do)
{
	pthread_t senders[SENDERS];
	unsigned random, own;
	intptr_t i;

	seed = choose_seed(_i);
	(void)fprintf(stderr, "PSYMATCH_TEST_SEED=%u\n", seed);
	random = testing_mix(seed);
	for (i = 0; i < MEMBERS; i++) {
		own = testing_mix(seed - (unsigned)i - 1);
		tell((int)i, &own, sizeof own);
	}
	join(&random);
	join(&random);
	for (i = 0; i < SENDERS; i++)
		ck_assert_int_eq(
		    pthread_create(&senders[i], NULL, send_all, (void *)i), 0);
	for (i = 0; i < PHASES; i++)
		run_phase((int)i, &random);
	for (i = 0; i < SENDERS; i++)
		ck_assert_int_eq(pthread_join(senders[i], NULL), 0);
	end_members(&random);
	check_all();
	(void)fprintf(stderr, "%d came again, %d commits were refused\n",
	              book->again, book->fenced);
}
END_TEST

int
main(int argc, char **argv)
{
	const char *rounds = getenv("PSYMATCH_TEST_ROUNDS");
	Suite *s = suite_create("transport in postgres at random");
	TCase *tc = tcase_create("random");

	(void)argc;
	pg_main(argv);
	tcase_set_timeout(tc, 300);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, c05_c13_c15_whatever_the_members_do, 0,
	                    rounds ? atoi(rounds) : 1);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
