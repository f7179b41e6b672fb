/* SPDX-License-Identifier: BSD-2-Clause */
/* What only the transport in PostgreSQL can do wrong: outcomes that nobody
 * knows, leases, retention, cost. It has a cluster of its own to stop. */
#include "rigs.h"
#include "store/topic_log.h"
#include "testing.h"
#include "testing_pg.h"

#include <signal.h>
#include <sys/wait.h>

#define TOPIC "lease-events"

static psm_transport *t;

static void
setup(void)
{
	pg_database();
}

static void
teardown(void)
{
	psm_transport_unref(t);
	t = NULL;
}

static struct psm__source *
open_source(const char *group)
{
	static const char *const topics[] = {TOPIC};
	struct psm__source_conf conf = {
	    .group = group, .topics = topics, .topic_count = 1};
	struct psm__source *s = NULL;

	ck_assert_int_eq(t->ops->open_source(t, &conf, &s, NULL), 0);
	return s;
}

/* Values are "0", "1", ..; all of them in one partition, by one key. */
static void
send_numbers(struct rig_sender *s, int from, int to)
{
	char value[16];
	int n;

	for (n = from; n < to; n++) {
		(void)snprintf(value, sizeof value, "%d", n);
		rig_send(s, "key", value, strlen(value));
	}
}

/* t with these settings, that many numbers in it, and who sent them. */
static struct rig_sender *
sent_numbers(const char *const *settings, int count)
{
	struct rig_sender *s;

	t = rig_postgres_with(settings);
	s = rig_sender_open(t, TOPIC);
	send_numbers(s, 0, count);
	rig_flush(s);
	return s;
}

/* The next values are from, from + 1, .. up to to - 1. */
static void
read_numbers(struct psm__source *s, int from, int to)
{
	int64_t deadline = psm__mono_ms() + 60000;
	struct psm__record rec;
	int n = from;

	while (n < to) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		if (s->ops->poll(s, 100, &rec, NULL) != 1)
			continue;
		ck_assert_int_eq(atoi(rec.value), n);
		ck_assert_int_eq(s->ops->commit(s, rec.topic, rec.partition,
		                                rec.offset + 1, 0, NULL),
		                 0);
		s->ops->release(s, &rec);
		n++;
	}
}

/* -- outcomes that nobody knows */

static struct psm__conn *
raw_connection(psm_store *st)
{
	struct psm__conn *c = NULL;
	int ready = 0;

	ck_assert_int_eq(psm__topic_connect(st, "test", 2000, &ready, &c, NULL),
	                 0);
	return c;
}

static int
append(struct psm__conn *c, const char *writer, int64_t batch,
       const char *value)
{
	struct psm__topic_message m = {
	    .topic = TOPIC, .value = value, .value_len = strlen(value)};

	return psm__topic_append(c, writer, batch, &m, 1, NULL);
}

/* The batch that had no answer was committed, or its first copy comes late:
 * it is there once, and nothing newer is overtaken. */
START_TEST(batch_is_appended_once)
{
	static const char writer[] = "0198c0de-0000-7000-8000-000000000001";
	static const char other[] = "0198c0de-0000-7000-8000-000000000002";
	psm_store *st = pg_store();
	struct psm__conn *c = raw_connection(st);
	int32_t partitions;

	ck_assert_int_eq(psm__topic_ensure(c, TOPIC, 3, &partitions, NULL), 0);
	ck_assert_int_eq(partitions, 3);
	ck_assert_int_eq(append(c, writer, 0, "a"), 0);
	ck_assert_int_eq(append(c, writer, 0, "a"), 0);
	ck_assert_int_eq(append(c, writer, 1, "b"), 0);
	ck_assert_int_eq(append(c, writer, 0, "a"), 0);
	ck_assert_int_eq(append(c, other, 0, "c"), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.log"), 3);
	ck_assert_int_eq(pg_int("SELECT next FROM psymatch.log_partition WHERE "
	                        "partition = 0"),
	                 3);
	psm__conn_close(c);
	psm_store_free(st);
}
END_TEST

/* All connections are cut again and again while messages are on their way. */
START_TEST(p05_cut_connections_lose_and_double_nothing)
{
	struct rig_sender *s;
	struct psm__source *r;
	int round;

	t = rig_postgres_with(NULL);
	r = open_source("cut");
	s = rig_sender_open(t, TOPIC);
	for (round = 0; round < 20; round++) {
		send_numbers(s, round * 100, round * 100 + 100);
		pg_kill("psymatch transport%");
		read_numbers(r, round * 100 - (round > 0 ? 50 : 0),
		             round * 100);
		rig_flush(s);
		read_numbers(r, round * 100, round * 100 + 50);
	}
	read_numbers(r, 1950, 2000);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.log"), 2000);
	rig_sender_close(s);
	r->ops->close(r, 1000);
}
END_TEST

/* The server crashes and comes back in mid-stream. */
START_TEST(p08_server_crashes_and_comes_back)
{
	struct rig_sender *s;
	struct psm__source *r;

	t = rig_postgres_with(NULL);
	r = open_source("crash");
	s = rig_sender_open(t, TOPIC);
	send_numbers(s, 0, 100);
	rig_flush(s);
	read_numbers(r, 0, 30);
	send_numbers(s, 100, 200);
	pg_cluster("crash");
	ck_assert_int_eq(s ? r->ops->lag(r) >= 0 : 0, 1);
	send_numbers(s, 200, 300);
	pg_cluster("start");
	rig_flush(s);
	read_numbers(r, 30, 300);
	ck_assert_int_eq(r->ops->connected(r), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.log"), 300);
	rig_sender_close(s);
	r->ops->close(r, 1000);
}
END_TEST

/* -- writers side by side */

#define WRITERS 4
#define EACH 2000

static void *
write_many(void *arg)
{
	struct rig_sender *s = rig_sender_open(t, TOPIC);

	(void)arg;
	send_numbers(s, 0, EACH);
	rig_sender_close(s);
	return NULL;
}

/* A reader that follows them sees every offset, in order, from the first on:
 * none appears behind its back. */
START_TEST(p06_no_message_appears_behind_a_reader)
{
	pthread_t threads[WRITERS];
	struct psm__record rec;
	struct psm__source *r;
	int64_t next = 0;
	int i;

	t = rig_postgres_with(NULL);
	r = open_source("gapless");
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, write_many, NULL), 0);
	while (next < WRITERS * EACH) {
		if (r->ops->poll(r, 1000, &rec, NULL) != 1)
			continue;
		ck_assert_int_eq(rec.offset, next);
		next++;
		r->ops->release(r, &rec);
	}
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	r->ops->close(r, 1000);
	/* A writer that ends leaves nothing behind. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.log_writer"), 0);
}
END_TEST

/* -- messages that the server cannot take, names that are none */

START_TEST(p02_what_cannot_be_stored_is_refused)
{
	struct psm__message m = {.topic = "no/topic", .value = "x"};
	struct psm__sink *s = NULL;
	static const char *const bad[] = {"", "a b", "a/b", "\xc3\xa4"};
	char longest[251];
	size_t i;

	t = rig_postgres_with(NULL);
	ck_assert_int_eq(t->ops->open_sink(t, NULL, NULL, &s, NULL), 0);
	for (i = 0; i < PSM__COUNT(bad); i++) {
		m.topic = bad[i];
		ck_assert_int_eq(s->ops->send(s, &m, NULL), PSM_ERR_INVAL);
	}
	memset(longest, 'a', sizeof longest - 1);
	longest[250] = '\0';
	m.topic = longest;
	ck_assert_int_eq(s->ops->send(s, &m, NULL), PSM_ERR_INVAL);
	m.topic = TOPIC;
	m.value_len = 1002000; /* is not read */
	ck_assert_int_eq(s->ops->send(s, &m, NULL), PSM_ERR_TOO_LARGE);
	s->ops->close(s, 0);
	ck_assert_int_eq(
	    t->ops->open_source(t,
	                        &(struct psm__source_conf){
				    .group = "g",
				    .topics = (const char *const[]){"a b"},
				    .topic_count = 1},
	                        (struct psm__source **)&s, NULL),
	    PSM_ERR_INVAL);
}
END_TEST

/* -- leases */

/* @process a child: a member that is stopped in the middle of its work */
static void
be_a_member(int ready)
{
	static const char *const lease[] = {"PSYMATCH_PG_LEASE_MS", "600",
	                                    NULL};
	struct psm__record rec;
	struct psm__source *s;

	t = rig_postgres_with(lease);
	s = open_source("zombie");
	while (s->ops->poll(s, 1000, &rec, NULL) != 1)
		;
	(void)!write(ready, "r", 1);
	/* Stopped here, it goes on with what it has read already. */
	(void)raise(SIGSTOP);
	s->ops->release(s, &rec);
	while (s->ops->poll(s, 0, &rec, NULL) == 1)
		s->ops->release(s, &rec);
	(void)!write(ready,
	             s->ops->commit(s, TOPIC, 0, 1, 1, NULL) == PSM_ERR_FENCED
	                 ? "f"
	                 : "c",
	             1);
	_exit(0);
}

static char
read_char(int fd)
{
	char ch = 0;

	ck_assert_int_eq(read(fd, &ch, 1), 1);
	return ch;
}

START_TEST(c08_stopped_process_loses_its_partitions)
{
	struct psm__source *s;
	struct rig_sender *w;
	int fds[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(fds), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		be_a_member(fds[1]);
	w = sent_numbers(NULL, 20);
	ck_assert_int_eq(read_char(fds[0]), 'r');
	ck_assert_int_eq(waitpid(child, &status, WUNTRACED), child);
	ck_assert(WIFSTOPPED(status));
	/* Nothing was committed: all of it comes to the successor. */
	s = open_source("zombie");
	read_numbers(s, 0, 20);
	ck_assert_int_eq(kill(child, SIGCONT), 0);
	ck_assert_int_eq(read_char(fds[0]), 'f');
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	s->ops->close(s, 1000);
	rig_sender_close(w);
}
END_TEST

/* Also without any time, and with a lease that nobody waits for. */
START_TEST(c15_close_leaves_the_group)
{
	static const char *const settings[] = {"PSYMATCH_PG_LEASE_MS", "600000",
	                                       NULL};
	struct rig_sender *sender = sent_numbers(settings, 30);
	struct psm__source *s;
	int n;

	for (n = 0; n < 30; n += 10) {
		s = open_source("leaving");
		read_numbers(s, n, n + 10);
		s->ops->close(s, 0);
	}
	rig_sender_close(sender);
}
END_TEST

/* A handler that takes longer than the lease keeps its partitions. */
START_TEST(c08_slow_handler_keeps_its_partitions)
{
	static const char *const lease[] = {"PSYMATCH_PG_LEASE_MS", "6000",
	                                    NULL};
	struct psm__source *s, *other;
	struct rig_sender *w;
	struct psm__record rec;
	int64_t until;

	w = sent_numbers(lease, 20);
	s = open_source("slow");
	read_numbers(s, 0, 1);
	/* "Handles" one for longer than a lease; the other member gets what is
	 * meant for it by and by, and what is ours not at all. */
	other = open_source("slow");
	until = psm__mono_ms() + 7000;
	while (psm__mono_ms() < until)
		ck_assert_int_eq(other->ops->poll(other, 100, &rec, NULL), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.group_member "
	                        "WHERE expires_at > clock_timestamp()"),
	                 2);
	other->ops->close(other, 1000);
	read_numbers(s, 1, 20);
	s->ops->close(s, 1000);
	rig_sender_close(w);
}
END_TEST

/* -- retention */

START_TEST(retention_deletes_and_the_reader_goes_on)
{
	static const char *const keep[] = {"PSYMATCH_PG_RETENTION_SECONDS",
	                                   "30", NULL};
	struct psm__source *r;
	struct rig_sender *s;
	struct psm__record rec;

	s = sent_numbers(keep, 3000);
	r = open_source("late");
	read_numbers(r, 0, 1);
	pg_run("UPDATE psymatch.log SET ts = ts - interval '2 hours'");
	/* The reader's polls do the work; it has 500 of them in its hands. */
	while (pg_int("SELECT count(*) FROM psymatch.log") > 0)
		if (r->ops->poll(r, 100, &rec, NULL) == 1) {
			r->ops->release(r, &rec);
			ck_assert_int_eq(r->ops->seek(r, TOPIC, 0, 1, NULL), 0);
			pg_pause();
		}
	ck_assert_int_eq(pg_int("SELECT sum(first) FROM "
	                        "psymatch.log_partition"),
	                 3000);
	send_numbers(s, 3000, 3010);
	rig_flush(s);
	do
		while (r->ops->poll(r, 100, &rec, NULL) != 1)
			;
	while (rec.offset < 3000 && (r->ops->release(r, &rec), 1));
	ck_assert_int_eq(rec.offset, 3000);
	r->ops->release(r, &rec);
	r->ops->close(r, 1000);
	rig_sender_close(s);
}
END_TEST

/* -- a topic that goes and comes */

START_TEST(c14_recreated_topic_is_read_from_its_start)
{
	struct psm__source *r;
	struct rig_sender *s;

	s = sent_numbers(NULL, 57);
	r = open_source("anew");
	read_numbers(r, 0, 57);
	ck_assert_int_eq(
	    pg_int("SELECT psymatch.topic_drop('" TOPIC "')::integer"), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.log"), 0);
	send_numbers(s, 0, 60);
	rig_flush(s);
	read_numbers(r, 0, 60);
	rig_sender_close(s);
	r->ops->close(r, 1000);
}
END_TEST

struct step {
	psm_store *st;
	struct psm__source *source;
	int rc;
};

static void *
drop_slowly(void *user)
{
	struct step *step = user;
	psm_tx *tx = NULL;

	step->rc = psm_tx_begin(step->st, &tx, NULL);
	/* Of two that wait for each other this one would give way. */
	if (step->rc == 0)
		step->rc = psm_tx_exec(tx, "SET LOCAL deadlock_timeout = '1ms'",
		                       0, NULL, NULL, NULL);
	if (step->rc == 0)
		step->rc =
		    psm_tx_exec(tx, "SELECT psymatch.topic_drop('" TOPIC "')",
		                0, NULL, NULL, NULL);
	if (step->rc == 0)
		step->rc = psm_tx_commit(tx, NULL);
	else
		psm_tx_rollback(tx);
	return NULL;
}

static int64_t
at_lock(const char *what)
{
	return pg_int("SELECT count(*) FROM pg_stat_activity WHERE datname = "
	              "current_database() AND wait_event_type = 'Lock' AND "
	              "query LIKE '%%%s%%'",
	              what);
}

/* Its first poll joins. */
static void *
join_group(void *user)
{
	struct step *step = user;
	struct psm__record rec;

	step->rc = step->source->ops->poll(step->source, 100, &rec, NULL);
	return NULL;
}

/* A member that looks at its group while the topic goes. */
START_TEST(c14_dropped_under_a_member)
{
	struct step drop = {.st = pg_store()}, join = {0};
	struct psm__source *first;
	pthread_t dropping, joining;
	struct rig_sender *w;

	w = sent_numbers(NULL, 20);
	first = open_source("drop");
	read_numbers(first, 0, 20);
	/* The drop waits when the topic is gone and the messages are not. */
	pg_run("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
	       "'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END'");
	pg_run("CREATE TRIGGER wait BEFORE DELETE ON psymatch.log EXECUTE "
	       "FUNCTION wait()");
	pg_run("SELECT pg_advisory_lock(4711)");
	ck_assert_int_eq(pthread_create(&dropping, NULL, drop_slowly, &drop),
	                 0);
	PG_UNTIL(at_lock("topic_drop") == 1);
	join.source = open_source("drop");
	ck_assert_int_eq(pthread_create(&joining, NULL, join_group, &join), 0);
	PG_UNTIL(at_lock("group_follow") >= 1);
	pg_run("SELECT pg_advisory_unlock(4711)");
	ck_assert_int_eq(pthread_join(dropping, NULL), 0);
	ck_assert_int_eq(pthread_join(joining, NULL), 0);
	ck_assert_int_eq(drop.rc, 0);
	ck_assert_int_eq(join.rc, 0);
	send_numbers(w, 0, 10);
	rig_flush(w);
	join.source->ops->close(join.source, 1000);
	read_numbers(first, 0, 10);
	first->ops->close(first, 1000);
	rig_sender_close(w);
	psm_store_free(drop.st);
}
END_TEST

/* -- cost */

/* Blocks of the log that the last messages of a partition take to be read. */
static int64_t
blocks_read(psm_store *st)
{
	struct psm__conn *c = raw_connection(st);
	struct psm__topic_place place = {
	    .topic = TOPIC,
	    .position = pg_int("SELECT next - 10 FROM psymatch.log_partition "
	                       "WHERE partition = 0"),
	    .wanted = 1};
	int64_t before, after, generation;
	psm_rows *rows = NULL;
	static const char sql[] =
	    "SELECT heap_blks_hit + heap_blks_read + idx_blks_hit + "
	    "idx_blks_read FROM pg_statio_user_tables WHERE relname = 'log'";

	pg_run("SELECT pg_stat_force_next_flush()");
	before = pg_int("%s", sql);
	ck_assert_int_eq(psm__topic_read(c, "none", &place, 1, 500, 1 << 20,
	                                 &generation, &rows, NULL),
	                 0);
	ck_assert_uint_eq(psm_rows_count(rows), 10);
	psm_rows_free(rows);
	psm__conn_close(c); /* its statistics are written now */
	PG_UNTIL((after = pg_int("%s", sql)) > before);
	return after - before;
}

START_TEST(cost_does_not_grow_with_history)
{
	psm_store *st = pg_store();
	struct psm__conn *c = raw_connection(st);
	int32_t partitions;
	int64_t few, many;

	ck_assert_int_eq(psm__topic_ensure(c, TOPIC, 1, &partitions, NULL), 0);
	psm__conn_close(c);
	/* What it reads would count. */
	pg_run("ALTER TABLE psymatch.log SET (autovacuum_enabled = off)");
	pg_run("INSERT INTO psymatch.log SELECT '" TOPIC "', 0, i, now(), "
	       "'key', 'value' FROM generate_series(0, 99) AS i");
	pg_run("UPDATE psymatch.log_partition SET next = 100");
	few = blocks_read(st);
	pg_run("INSERT INTO psymatch.log SELECT '" TOPIC "', 0, i, now(), "
	       "'key', 'value' FROM generate_series(100, 199999) AS i");
	pg_run("UPDATE psymatch.log_partition SET next = 200000");
	many = blocks_read(st);
	ck_assert_msg(many <= few + 20, "%d blocks, then %d", (int)few,
	              (int)many);
	psm_store_free(st);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("transport in postgres");
	TCase *tc = tcase_create("postgres");

	(void)argc;
	pg_main_private(argv);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, batch_is_appended_once);
	tcase_add_test(tc, p05_cut_connections_lose_and_double_nothing);
	tcase_add_test(tc, p08_server_crashes_and_comes_back);
	tcase_add_test(tc, p06_no_message_appears_behind_a_reader);
	tcase_add_test(tc, p02_what_cannot_be_stored_is_refused);
	tcase_add_test(tc, c08_stopped_process_loses_its_partitions);
	tcase_add_test(tc, c15_close_leaves_the_group);
	tcase_add_test(tc, c08_slow_handler_keeps_its_partitions);
	tcase_add_test(tc, retention_deletes_and_the_reader_goes_on);
	tcase_add_test(tc, c14_recreated_topic_is_read_from_its_start);
	tcase_add_test(tc, c14_dropped_under_a_member);
	tcase_add_test(tc, cost_does_not_grow_with_history);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
