/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A consumer whose process is stopped in the middle of a handler, for longer
 * than its group waits, and goes on. Built once per transport that more than
 * one process can have, which is RIG.
 */
#include "consumer_rig.h"
#include "mock.h"
#include "rigs.h"
#include "testing_pg.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define GROUP "stopped"
#define KEYS (2 * RIG_PARTITIONS)
#define MAX_N 4000
#define LIMIT_MS 60000

static const struct rig *const rig = &RIG;
static psm_transport *t;
static struct rig_sender *sender;
static char keys[KEYS][16];
static int sent; /* of each key, numbers from 1 on */

/* What both processes handled, written with __atomic. */
struct book {
	unsigned char handled[KEYS][MAX_N];
	int distinct, overtaken;
	int by[2];      /* calls of the handler: of the child, of ours */
	int settled;    /* numbers up to this are committed for long */
	int returned;   /* calls for one of those */
	int stop_child; /* in its next call */
	int turns;      /* of the child's loop */
	int end;
};
static struct book *book;

enum who { CHILD, OURS };

#define ADD(n) (void)__atomic_add_fetch(&(n), 1, __ATOMIC_SEQ_CST)
#define GET(n) __atomic_load_n(&(n), __ATOMIC_SEQ_CST)
#define SET(n, value) __atomic_store_n(&(n), (value), __ATOMIC_SEQ_CST)

static int
note(const psm_event *ev, void *user, psm_error *err)
{
	int who = *(const int *)user;
	int key = (int)member(psm_event_payload(ev), "/search_id") - 1;
	int n = (int)member(psm_event_payload(ev), "/patient_id");

	(void)err;
	if (n > 1 && !GET(book->handled[key][n - 1]))
		ADD(book->overtaken);
	if (!__atomic_exchange_n(&book->handled[key][n], 1, __ATOMIC_SEQ_CST))
		ADD(book->distinct);
	if (n <= GET(book->settled))
		ADD(book->returned);
	ADD(book->by[who]);
	if (who == CHILD &&
	    __atomic_exchange_n(&book->stop_child, 0, __ATOMIC_SEQ_CST))
		(void)raise(SIGSTOP);
	return 0;
}

static psm_consumer *
join(psm_transport *from, const int *who)
{
	psm_consumer *c = NULL;
	psm_config *cfg = NULL;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(from, cfg, GROUP, &c, NULL), 0);
	psm_config_free(cfg);
	ck_assert_int_eq(psm_consumer_subscribe(c, TOPIC, NULL), 0);
	ck_assert_int_eq(psm_consumer_on(c, "search.status_changed", note,
	                                 (void *)(intptr_t)who, NULL),
	                 0);
	return c;
}

/* The last commit may fall into the rebalance that begins when the other one
 * leaves. */
static int
closed(psm_consumer *c)
{
	int rc = psm_consumer_close(c, 10000, NULL);

	return rc == 0 || rc == PSM_ERR_FENCED;
}

/* -- the process that is stopped */

static pid_t child;
static int to_child[2];

/* @process a child */
static void
be_a_consumer(void)
{
	static const int who = CHILD;
	psm_transport *own;
	char where[256];
	psm_consumer *c;

	if (read(to_child[0], where, sizeof where) != sizeof where)
		_exit(1);
	own = rig->again(where);
	c = join(own, &who);
	while (!GET(book->end)) {
		if (psm_consumer_poll(c, 100, NULL) < 0)
			_exit(2);
		ADD(book->turns);
	}
	if (!closed(c))
		_exit(3);
	psm_consumer_free(c);
	psm_transport_unref(own);
	_exit(0);
}

/* -- the group's offsets, seen from outside */

static rd_kafka_t *beside;

static void
open_beside(void)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[256];

	ck_assert_int_eq(rd_kafka_conf_set(conf, "bootstrap.servers",
	                                   rig->where(), text, sizeof text),
	                 RD_KAFKA_CONF_OK);
	ck_assert_int_eq(
	    rd_kafka_conf_set(conf, "group.id", GROUP, text, sizeof text),
	    RD_KAFKA_CONF_OK);
	beside = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	ck_assert_msg(beside != NULL, "%s", text);
}

static void
kafka_committed(int64_t *next)
{
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new(RIG_PARTITIONS);
	int64_t until_ms = psm__mono_ms() + LIMIT_MS;
	int i;

	for (i = 0; i < RIG_PARTITIONS; i++)
		(void)rd_kafka_topic_partition_list_add(list, TOPIC, i);
	while (rd_kafka_committed(beside, list, 1000) != 0)
		ck_assert_int_lt(psm__mono_ms(), until_ms);
	for (i = 0; i < RIG_PARTITIONS; i++)
		next[i] = list->elems[i].offset > 0 ? list->elems[i].offset : 0;
	rd_kafka_topic_partition_list_destroy(list);
}

static void
committed(int64_t *next)
{
	int i;

	if (rig == &rig_kafka) {
		kafka_committed(next);
		return;
	}
	for (i = 0; i < RIG_PARTITIONS; i++)
		next[i] = pg_int("SELECT coalesce(max(next), 0) FROM "
		                 "psymatch.group_partition WHERE partition = "
		                 "%d AND group_name = '" GROUP "'",
		                 i);
}

/* They never go back. */
static int64_t
committed_in_all(void)
{
	static int64_t before[RIG_PARTITIONS];
	int64_t next[RIG_PARTITIONS], sum = 0;
	int i;

	committed(next);
	for (i = 0; i < RIG_PARTITIONS; i++) {
		ck_assert_msg(next[i] >= before[i],
		              "%s[%d] went from %d back to %d", TOPIC, i,
		              (int)before[i], (int)next[i]);
		before[i] = next[i];
		sum += next[i];
	}
	return sum;
}

#define UNTIL(condition)                                                       \
	do {                                                                   \
		int64_t until_ms = psm__mono_ms() + LIMIT_MS;                  \
                                                                               \
		while (!(condition)) {                                         \
			ck_assert_msg(psm__mono_ms() < until_ms,               \
			              "never: " #condition);                   \
			pg_pause();                                            \
		}                                                              \
	} while (0)

/* -- the test */

static void
setup(void)
{
	pg_database();
	book = mmap(NULL, sizeof *book, PROT_READ | PROT_WRITE,
	            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(book != MAP_FAILED);
	/* The child is made before there are threads. */
	ck_assert_int_eq(pipe(to_child), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		be_a_consumer();
}

static void
open_rig(void)
{
	char where[256] = "";
	int i, n = 0;

	t = rig->open(TOPIC);
	sender = rig_sender_open(t, TOPIC);
	for (i = 0; i < KEYS; i++)
		rig_key(i % RIG_PARTITIONS, &n, keys[i], sizeof keys[i]);
	(void)snprintf(where, sizeof where, "%s", rig->where());
	ck_assert_int_eq(write(to_child[1], where, sizeof where), sizeof where);
	if (rig == &rig_kafka)
		open_beside();
}

static void
close_rig(void)
{
	rig_sender_close(sender);
	if (beside)
		rd_kafka_destroy(beside);
	rig->close(t);
}

/* So many more of each key. */
static void
put(int count)
{
	size_t len;
	char *text;
	int i;

	while (count-- > 0) {
		ck_assert_int_lt(++sent, MAX_N);
		for (i = 0; i < KEYS; i++) {
			text = event_text(i + 1, sent, &len);
			rig_send(sender, keys[i], text, len);
			psm_free(text);
		}
	}
	rig_flush(sender);
}

static void
wait_all(void)
{
	UNTIL(GET(book->distinct) == KEYS * sent);
	UNTIL(committed_in_all() == (int64_t)KEYS * sent);
}

/* More and more, until that one has handled some of it. */
static void
put_until(enum who who)
{
	int before = GET(book->by[who]);

	UNTIL((put(1), GET(book->by[who])) > before);
}

/* All of its partitions go to the other one, which does all of the work. What
 * the stopped one still had in its hands comes again; what it commits of it
 * changes nothing; then it has a share again. */
START_TEST(c08_stopped_consumer_is_fenced)
{
	static const int who = OURS;
	int status, turns, before;
	psm_consumer *c;

	open_rig();
	c = join(t, &who);
	ck_assert_int_eq(psm_consumer_start(c, NULL), 0);
	put_until(CHILD);
	put_until(OURS);
	wait_all();
	SET(book->settled, sent);

	SET(book->stop_child, 1);
	UNTIL((put(1), waitpid(child, &status, WNOHANG | WUNTRACED)) == child);
	ck_assert(WIFSTOPPED(status));
	before = GET(book->by[CHILD]);
	put(10);
	wait_all();
	ck_assert_int_eq(GET(book->by[CHILD]), before);

	/* It looks at the group again, and at what it wants to commit. */
	turns = GET(book->turns);
	ck_assert_int_eq(kill(child, SIGCONT), 0);
	do
		ck_assert_int_eq(committed_in_all(), (int64_t)KEYS * sent);
	while (GET(book->turns) < turns + 5);
	put_until(CHILD);
	wait_all();

	SET(book->end, 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert(closed(c));
	psm_consumer_free(c);
	ck_assert_int_eq(committed_in_all(), (int64_t)KEYS * sent);
	ck_assert_int_eq(GET(book->overtaken), 0);
	ck_assert_int_eq(GET(book->returned), 0);
	close_rig();
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("a consumer is stopped");
	TCase *tc = tcase_create("stopped");

	(void)argc;
	pg_main(argv);
	tcase_set_timeout(tc, 180);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, c08_stopped_consumer_is_fenced);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
