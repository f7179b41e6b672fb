/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The promises of the outbox, on every transport, under writers that nobody has
 * planned: eight of them with a store each commit, roll back, fail and are cut
 * off at random, a foreign transaction has drawn its number early and stays
 * open, brokers go and come, and the relay that leads is killed again and
 * again. What committed is in the topic at least once, those of a key in the
 * order of their commits; what was rolled back is not there; no row is left.
 *
 * PSYMATCH_TEST_SEED=N sets what a seed decides: what the writers do, and what
 * happens to the relays (1; "random" takes another one each time, and prints
 * it). PSYMATCH_TEST_ROUNDS=N: N seeds, one after another.
 */
#include "rigs.h"
#include "testing.h"
#include "testing_outbox.h"
#include "testing_pg.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define WRITERS 8
#define PHASES 4
#define EACH 20 /* transactions of a writer in a phase */
#define ALL (WRITERS * EACH)
/* The key of the foreign transaction, which no writer has. */
#define FOREIGN_KEY (OUTBOX_KEYS + 1)
#define PATIENCE_MS 60000

static const struct rig *rig;
static unsigned seed;
/* Relays of this process are on these by turns, and so are the first two
 * writers: their commits wake the relay, which then has always something under
 * way. */
static psm_store *stores[2];

/* -- writers */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
/* Under lock. */
static int phase;       /* a writer may do EACH * phase transactions */
static int tried;       /* transactions with a known or planned end */
static int rolled_back; /* of these */

enum end { COMMIT, ROLL_BACK, BAD_STATEMENT, BAD_COMMIT, CUT, ENDS };

/* Of five, three commit. */
static enum end
choose_end(unsigned *random)
{
	unsigned dice = (unsigned)rand_r(random) % 20;

	return dice < 12   ? COMMIT
	       : dice < 16 ? ROLL_BACK
	       : dice < 17 ? BAD_STATEMENT
	       : dice < 19 ? BAD_COMMIT
	                   : CUT;
}

/* One change of one entity, known to the ledger under the event's id. */
static int
change(psm_tx *tx, int key)
{
	char text[2][16];
	const char *params[] = {text[0], NULL, text[1]};
	psm_rows *rows = NULL;
	psm_event *ev = NULL;
	int rc;

	(void)snprintf(text[0], sizeof text[0], "%d", key);
	rc = psm_tx_exec(tx,
	                 "UPDATE entity SET n = n + 1 WHERE key = $1::integer "
	                 "RETURNING n",
	                 1, params, &rows, NULL);
	if (rc == 0) {
		(void)snprintf(text[1], sizeof text[1], "%d",
		               (int)psm_rows_int(rows, 0, 0));
		ev = outbox_event(key, (int)psm_rows_int(rows, 0, 0));
		params[1] = psm_event_id(ev);
		rc = psm_tx_emit(tx, ev, NULL);
	}
	if (rc == 0)
		rc = psm_tx_exec(tx,
		                 "INSERT INTO ledger VALUES ($2::uuid, "
		                 "$1::integer, $3::integer)",
		                 3, params, NULL, NULL);
	psm_event_free(ev);
	psm_rows_free(rows);
	return rc;
}

/* tx is taken. 0: committed; 1: rolled back, as it was meant to be. */
static int
finish(psm_tx *tx, enum end end)
{
	static const char *const before[ENDS] = {
	    [BAD_STATEMENT] = "SELECT 1 / 0",
	    [BAD_COMMIT] = "INSERT INTO strict VALUES (-1)",
	    [CUT] = "SELECT pg_terminate_backend(pg_backend_pid())",
	};
	int rc = 0;

	if (end == ROLL_BACK) {
		psm_tx_rollback(tx);
		return 1;
	}
	if (before[end])
		rc = psm_tx_exec(tx, before[end], 0, NULL, NULL, NULL);
	if (rc < 0 && end == BAD_COMMIT) {
		psm_tx_rollback(tx);
		return rc;
	}
	rc = psm_tx_commit(tx, NULL);
	/* A commit that cannot be must say so. */
	ck_assert(rc < 0 || end == COMMIT);
	return end == COMMIT ? rc : 1;
}

/* One to three changes, in the order of the keys, or writers would lock each
 * other out. */
static int
transact(psm_store *store, unsigned *random)
{
	int key = 1 + rand_r(random) % OUTBOX_KEYS, count, rc;
	enum end end = choose_end(random);
	psm_tx *tx = NULL;

	rc = psm_tx_begin(store, &tx, NULL);
	if (rc < 0)
		return rc;
	for (count = 1 + rand_r(random) % 3; count > 0 && rc == 0; count--) {
		rc = change(tx, key);
		key += rand_r(random) % 3;
		if (key > OUTBOX_KEYS)
			key = OUTBOX_KEYS;
	}
	if (rc == 0)
		return finish(tx, end);
	psm_tx_rollback(tx);
	return rc;
}

/* Where the database is away, there is a while between two tries. */
static void
note(int rc)
{
	struct timespec until;

	psm__deadline(&until, 10);
	(void)pthread_mutex_lock(&lock);
	tried += rc >= 0;
	rolled_back += rc == 1;
	(void)pthread_cond_broadcast(&changed);
	while (rc < 0 && pthread_cond_timedwait(&changed, &lock, &until) == 0)
		;
	(void)pthread_mutex_unlock(&lock);
}

static void
wait_for_phase(int done)
{
	struct timespec until;

	psm__deadline(&until, PATIENCE_MS);
	(void)pthread_mutex_lock(&lock);
	while (done >= EACH * phase)
		ck_assert_int_eq(
		    pthread_cond_timedwait(&changed, &lock, &until), 0);
	(void)pthread_mutex_unlock(&lock);
}

static void *
write_all(void *arg)
{
	int which = (int)(intptr_t)arg, done = 0, rc;
	unsigned random = testing_mix(seed + (unsigned)which + 1);
	psm_store *own = NULL;

	if (which >= 2)
		ck_assert_int_eq(psm_store_open(cfg, &own, NULL), 0);
	while (done < EACH * PHASES) {
		wait_for_phase(done);
		rc = transact(own ? own : stores[which], &random);
		note(rc);
		done += rc >= 0;
	}
	psm_store_free(own);
	return NULL;
}

/* Until there were so many transactions in all. */
static void
wait_tried(int want)
{
	struct timespec until;

	psm__deadline(&until, PATIENCE_MS);
	(void)pthread_mutex_lock(&lock);
	while (tried < want)
		ck_assert_int_eq(
		    pthread_cond_timedwait(&changed, &lock, &until), 0);
	(void)pthread_mutex_unlock(&lock);
}

/* -- relays, in processes of their own where the transport can be had there */

/* What a child is told first. */
struct orders {
	unsigned random;
	char where[256];
};

struct one_relay {
	pid_t child; /* 0: in this process */
	int to_child;
	psm_relay *relay;
};

static struct one_relay leader, successor;
static pid_t children[PHASES + 1];
static int to_child[PHASES + 1][2];
static int used; /* children that were told to begin */

/* @process a child: writes one transaction for each byte that it is sent, and
 * publishes, until it is killed */
static void
be_a_relay(int from)
{
	struct orders orders;
	psm_store *own = NULL;
	char ch;

	if (read(from, &orders, sizeof orders) != sizeof orders ||
	    psm_store_open(cfg, &own, NULL) < 0 ||
	    psm_relay_new(own, rig->again(orders.where), cfg, &r, NULL) < 0 ||
	    psm_relay_start(r, NULL) < 0)
		_exit(1);
	while (read(from, &ch, 1) == 1)
		(void)transact(own, &orders.random);
	_exit(2);
}

/* Before there is a thread. */
static void
fork_relays(void)
{
	int i;

	for (i = 0; rig->again && i <= PHASES; i++) {
		ck_assert_int_eq(pipe(to_child[i]), 0);
		children[i] = fork();
		ck_assert_int_ge(children[i], 0);
		if (children[i] == 0)
			be_a_relay(to_child[i][0]);
	}
}

static void
start(struct one_relay *o, int in_child, int turn)
{
	struct orders orders = {.random = testing_mix(seed - (unsigned)turn)};

	*o = (struct one_relay){0};
	if (in_child) {
		(void)snprintf(orders.where, sizeof orders.where, "%s",
		               rig->where());
		o->to_child = to_child[used][1];
		ck_assert_int_eq(write(o->to_child, &orders, sizeof orders),
		                 sizeof orders);
		o->child = children[used++];
		return;
	}
	ck_assert_int_eq(
	    psm_relay_new(stores[turn % 2], t, cfg, &o->relay, err), 0);
	ck_assert_int_eq(psm_relay_start(o->relay, err), 0);
}

/* What was there a moment ago has been published. */
static void
wait_published(void)
{
	char query[100];

	(void)snprintf(query, sizeof query,
	               "SELECT count(*) FROM psymatch.outbox WHERE id <= %lld",
	               (long long)pg_int("SELECT last_value FROM "
	                                 "psymatch.outbox_id_seq"));
	ck_assert_int_eq(pg_wait(0, PATIENCE_MS, query), 0);
}

/* timeout_ms 0: what is under way is sent again by another one. */
static void
stop(struct one_relay *o, int timeout_ms)
{
	int rc, status;

	if (o->child) {
		ck_assert_int_eq(kill(o->child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(o->child, &status, 0), o->child);
		/* Not by itself, before. */
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		return;
	}
	rc = psm_relay_stop(o->relay, timeout_ms, err);
	ck_assert(rc == 0 || rc == PSM_ERR_TIMEOUT);
	psm_relay_free(o->relay);
}

/* -- a transaction that stays open, of a program that is not ours */

static PGconn *foreign;

static void
foreign_run(const char *sql)
{
	PGresult *res = PQexec(foreign, sql);
	ExecStatusType status = PQresultStatus(res);

	ck_assert_msg(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK,
	              "%s", PQerrorMessage(foreign));
	PQclear(res);
}

static void
foreign_begin(void)
{
	const char *const keys[] = {
	    "host", "port", "user", "dbname", "application_name", NULL};
	const char *const values[] = {getenv("DB_HOST"), getenv("DB_PORT"),
	                              getenv("DB_USER"), pg_name(),
	                              "foreign",         NULL};

	foreign = PQconnectdbParams(keys, values, 0);
	ck_assert_msg(PQstatus(foreign) == CONNECTION_OK, "%s",
	              PQerrorMessage(foreign));
	/* It has a snapshot, and the first number of the outbox. */
	foreign_run("BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE");
	foreign_run("INSERT INTO psymatch.outbox (event_id, aggregatetype, "
	            "aggregateid, type, version, producer, event_time, topic, "
	            "payload) VALUES ('0198c0de-0000-7000-8000-000000000001', "
	            "'communication', '11', 'communication.send_email', "
	            "'1.0', 'test', now(), '" OUTBOX_TOPIC
	            "', '{\"email_id\":11,\"n\":1}')");
	foreign_run("INSERT INTO ledger VALUES "
	            "('0198c0de-0000-7000-8000-000000000001', 11, 1)");
}

static void
foreign_end(int commit)
{
	foreign_run(commit ? "COMMIT" : "ROLLBACK");
	PQfinish(foreign);
	foreign = NULL;
}

/* -- what arrived */

static void
keep(const struct psm__record *rec)
{
	int64_t key = 0, n = 0;
	psm_event *ev = NULL;
	const psm_json *payload;

	ck_assert_int_eq(psm_event_parse(rec->value, rec->value_len, &ev, err),
	                 0);
	payload = psm_event_payload(ev);
	ck_assert_int_eq(
	    psm_json_get_int(psm_json_at(payload, "/email_id"), &key, err), 0);
	ck_assert_int_eq(psm_json_get_int(psm_json_at(payload, "/n"), &n, err),
	                 0);
	pg_run("INSERT INTO arrived (event_id, key, n, partition) VALUES "
	       "('%s', %d, %d, %d)",
	       psm_event_id(ev), (int)key, (int)n, (int)rec->partition);
	psm_event_free(ev);
}

static void
read_topic(void)
{
	struct psm__reader_conf conf = {.topic = OUTBOX_TOPIC,
	                                .partition = -1,
	                                .to = INT64_MAX,
	                                .from_ms = INT64_MIN,
	                                .to_ms = INT64_MAX};
	int64_t until_ms = psm__mono_ms() + PATIENCE_MS;
	struct psm__reader *reader = NULL;
	struct psm__record rec;
	int rc;

	ck_assert_msg(
	    t->ops->open_reader(t, &conf, PATIENCE_MS, &reader, err) == 0, "%s",
	    psm_error_message(err));
	pg_run("BEGIN");
	do {
		rc = reader->ops->next(reader, 1000, &rec, err);
		ck_assert_msg(rc >= 0, "%s", psm_error_message(err));
		ck_assert_int_lt(psm__mono_ms(), until_ms);
		if (rc != 1)
			continue;
		keep(&rec);
		reader->ops->release(reader, &rec);
	} while (rc != PSM__READER_END);
	pg_run("COMMIT");
	reader->ops->close(reader);
}

static void
none(const char *what, const char *query)
{
	int64_t count = pg_int("%s", query);

	ck_assert_msg(count == 0, "PSYMATCH_TEST_SEED=%u: %s: %lld", seed, what,
	              (long long)count);
}

static void
check_topic(int foreign_committed)
{
	none("committed and not published",
	     "SELECT count(*) FROM ledger WHERE event_id NOT IN (SELECT "
	     "event_id FROM arrived)");
	none("published and not committed",
	     "SELECT count(*) FROM arrived WHERE (event_id, key, n) NOT IN "
	     "(SELECT event_id, key, n FROM ledger)");
	/* By their first arrivals: 1, 2, 3, .. */
	none("out of order",
	     "SELECT count(*) FROM (SELECT n, row_number() OVER (PARTITION BY "
	     "key ORDER BY first) AS place FROM (SELECT key, n, min(seq) AS "
	     "first FROM arrived GROUP BY event_id, key, n) AS f) AS o WHERE n "
	     "<> place");
	none("in two partitions",
	     "SELECT count(*) FROM (SELECT key FROM arrived GROUP BY key "
	     "HAVING count(DISTINCT partition) > 1) AS k");
	none("rows in the outbox", "SELECT count(*) FROM psymatch.outbox");
	none("dead letters", "SELECT count(*) FROM psymatch.dead_letter");
	/* And there was something to see. */
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM ledger WHERE key = %d", FOREIGN_KEY),
	    foreign_committed);
	ck_assert_int_eq(pg_int("SELECT sum(n) FROM entity") +
	                     foreign_committed,
	                 pg_int("SELECT count(*) FROM ledger"));
	ck_assert_int_ge(pg_int("SELECT count(*) FROM ledger"),
	                 ALL * PHASES / 3);
	ck_assert_int_ge(rolled_back, ALL * PHASES / 8);
}

/* -- the test */

static unsigned
choose_seed(int round)
{
	return (unsigned)testing_seed() + (unsigned)round;
}

static void
setup(void)
{
	int i;

	outbox_setup();
	pg_run("CREATE TABLE ledger (event_id uuid, key integer, n integer)");
	pg_run("CREATE TABLE arrived (seq serial, event_id uuid, key integer, "
	       "n integer, partition integer)");
	pg_run("CREATE TABLE strict (key integer REFERENCES entity (key) "
	       "DEFERRABLE INITIALLY DEFERRED)");
	psm_transport_unref(t);
	fork_relays();
	t = rig->open(OUTBOX_TOPIC);
	ck_assert_int_eq(psm__cond_init(&changed), 0);
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(psm_store_open(cfg, &stores[i], err), 0);
}

static void
teardown(void)
{
	int i;

	for (i = 0; i < 2; i++)
		psm_store_free(stores[i]);
	rig->close(t);
	t = NULL;
	outbox_teardown();
}

/* In the middle of a phase the one that leads ends: in the middle of its work,
 * just after all connections were cut, or while nobody answers and it cannot
 * get rid of what it has. */
static void
end_leader(int at, unsigned *random)
{
	int what = rand_r(random) % 3;

	wait_tried(at);
	if (what == 0)
		rig->set_down(t, 1);
	/* With the third transport there is no database then. */
	if (what == 0 && rig != &rig_postgres)
		wait_tried(at + ALL / 2);
	if (what == 1)
		(void)pg_kill("psymatch%");
	stop(&leader, rand_r(random) % 2 * 5000);
	if (what == 0)
		rig->set_down(t, 0);
}

static void
run_phase(int i, unsigned *random)
{
	char some[ALL] = "";

	/* The one that begins leads soon, and ends in the next phase. */
	start(&successor, rig->again && (i % 2 == 0 || rand_r(random) % 2), i);
	/* The foreign transaction keeps nothing back. */
	wait_published();
	if (leader.child)
		ck_assert_int_eq(write(leader.to_child, some, sizeof some),
		                 sizeof some);
	(void)pthread_mutex_lock(&lock);
	phase++;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
	end_leader(i * ALL + rand_r(random) % (ALL / 2), random);
	leader = successor;
}

START_TEST(p11_p12_invariant_4_5_whatever_the_writers_and_relays_do)
{
	pthread_t writers[WRITERS];
	unsigned random;
	int commits;
	intptr_t i;

	seed = choose_seed(_i);
	(void)fprintf(stderr, "%s: PSYMATCH_TEST_SEED=%u\n", rig->name, seed);
	random = testing_mix(seed);
	commits = rand_r(&random) % 2;
	foreign_begin();
	start(&leader, rig->again != NULL, 1);
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(
		    pthread_create(&writers[i], NULL, write_all, (void *)i), 0);
	for (i = 0; i < PHASES; i++)
		run_phase((int)i, &random);
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_join(writers[i], NULL), 0);
	start(&successor, 0, PHASES);
	wait_published();
	stop(&leader, 0);
	leader = successor;
	ck_assert_int_eq(
	    pg_wait(0, PATIENCE_MS, "SELECT count(*) FROM psymatch.outbox"), 0);
	foreign_end(commits);
	ck_assert_int_eq(
	    pg_wait(0, PATIENCE_MS, "SELECT count(*) FROM psymatch.outbox"), 0);
	stop(&leader, 5000);
	read_topic();
	check_topic(commits);
}
END_TEST

/* RIG: which transport; there is one program for each. */
int
main(int argc, char **argv)
{
	const char *rounds = getenv("PSYMATCH_TEST_ROUNDS");
	Suite *s = suite_create("outbox at random");
	TCase *tc = tcase_create("random");

	(void)argc;
	rig = &RIG;
	if (rig->begin)
		rig->begin(argv);
	pg_main(argv);
	tcase_set_timeout(tc, 300);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(
	    tc, p11_p12_invariant_4_5_whatever_the_writers_and_relays_do, 0,
	    rounds ? atoi(rounds) : 1);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
