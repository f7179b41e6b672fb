/* SPDX-License-Identifier: BSD-2-Clause */
/* What can happen between a commit and the topic. */
#include "mock.h"
#include "rigs.h"
#include "testing.h"
#include "testing_outbox.h"
#include "testing_pg.h"

#include "transport/memory/memory.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

/* -- the transports of the rows */

static const struct rig *const rigs[] = {&rig_memory, &rig_kafka,
                                         &rig_postgres};

static void
use_rig(int i)
{
	psm_transport_unref(t);
	t = rigs[i]->open(OUTBOX_TOPIC);
}

/* The relay works for the transport to its end. */
static void
close_rig(int i)
{
	psm_relay_free(r);
	r = NULL;
	rigs[i]->close(t);
	t = NULL;
}

/* -- a program that dies */

/* In a child: changes until it is killed, or count of them. */
static pid_t
fork_writer(int count)
{
	pid_t child = fork();
	psm_store *own = NULL;
	int i;

	ck_assert_int_ge(child, 0);
	if (child > 0)
		return child;
	if (psm_store_open(cfg, &own, NULL) < 0)
		_exit(1);
	for (i = 0; count < 0 || i < count; i++)
		if (outbox_change(own, i % OUTBOX_KEYS + 1, NULL) < 0)
			_exit(2);
	(void)raise(SIGKILL);
	_exit(3);
}

static void
wait_killed(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Commit, then crash before anybody could publish. */
START_TEST(p11_crash_between_commit_and_publish)
{
	struct arrived a;
	pid_t child;

	/* Forked while nothing of this one is under way. */
	wait_killed(fork_writer(25));
	child = fork_writer(-1);
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.outbox") > 100);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	wait_killed(child);
	use_rig(_i);
	outbox_start();
	outbox_wait_empty();
	a = outbox_read();
	/* Every change that is there has its event, and no other. */
	ck_assert_int_eq(a.events, pg_int("SELECT sum(n) FROM entity"));
	ck_assert_int_ge(a.events, 100);
	ck_assert_int_eq(a.doubles, 0);
	ck_assert_int_eq(a.gaps, 0);
	ck_assert_int_eq(a.inversions, 0);
	close_rig(_i);
}
END_TEST

/* The commit itself fails, after the events were written. */
START_TEST(p12_no_event_of_a_failed_commit)
{
	struct arrived a;
	psm_tx *tx;
	int i;

	use_rig(_i);
	pg_run("CREATE TABLE strict (id integer REFERENCES entity (key) "
	       "DEFERRABLE INITIALLY DEFERRED)");
	outbox_start();
	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
		ck_assert_int_eq(outbox_emit(tx, 1, i + 100), 0);
		ck_assert_int_eq(psm_tx_exec(tx,
		                             "INSERT INTO strict VALUES (99)",
		                             0, NULL, NULL, err),
		                 0);
		ck_assert_int_eq(psm_tx_commit(tx, err), PSM_ERR_CONFLICT);
		ck_assert_int_eq(outbox_change(st, 1, err), 0);
	}
	outbox_wait_empty();
	a = outbox_read();
	ck_assert_int_eq(a.events, 20);
	ck_assert_int_eq(a.doubles, 0);
	ck_assert_int_eq(a.gaps, 0); /* 1 to 20, nothing from 100 on */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM strict"), 0);
	close_rig(_i);
}
END_TEST

static int
patch(int64_t id, const char *json)
{
	return psm_therapist_patch(st, id, PSM_VERSION_ANY, json, strlen(json),
	                           NULL, err);
}

/* One change of a record is one event of each kind, under one version; one that
 * fails half-way is none. */
START_TEST(p13_one_change_one_event)
{
	int64_t id;

	ck_assert_int_eq(psm_store_migrate(st, "therapist", err), 0);
	id = pg_int("INSERT INTO therapist_service.therapeuten "
	            "(anrede, geschlecht, vorname, nachname) VALUES ('Frau', "
	            "'weiblich', 'Berta', 'Musterbaum') RETURNING id");
	ck_assert_int_eq(
	    patch(id, "{\"plz\":\"10115\",\"status\":\"gesperrt\"}"), 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.outbox WHERE type IN "
	           "('therapist.updated', 'therapist.blocked')"),
	    pg_int("SELECT count(DISTINCT (type, aggregateid, "
	           "payload::jsonb->>'entity_version')) FROM psymatch.outbox"));
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.outbox WHERE type = "
	           "'therapist.blocked'"),
	    1);
	pg_run("DELETE FROM psymatch.outbox");
	/* The same once more: nothing changed, nothing to tell. */
	ck_assert_int_eq(
	    patch(id, "{\"plz\":\"10115\",\"status\":\"gesperrt\"}"), 0);
	/* The second half is refused: the first did not happen either. */
	ck_assert_int_lt(
	    patch(id, "{\"status\":\"aktiv\",\"plz\":\"0123456789012\"}"), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM therapist_service.therapeuten WHERE "
	           "status = 'gesperrt' AND plz = '10115'"),
	    1);
}
END_TEST

/* The one that leads is killed with messages under way. */
START_TEST(leader_is_killed_under_load)
{
	struct arrived a;
	pid_t child, writer;
	int round;

	/* A topic that outlives the process that writes to it. */
	psm_transport_unref(t);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_TRANSPORT", "postgres", err), 0);
	ck_assert_msg(psm_transport_open(cfg, &t, err) == 0, "%s",
	              psm_error_message(err));
	writer = fork_writer(400);
	for (round = 0; round < 3; round++) {
		child = fork();
		ck_assert_int_ge(child, 0);
		if (child == 0) {
			psm_store *own = NULL;

			psm_transport *to = NULL;

			if (psm_store_open(cfg, &own, NULL) < 0 ||
			    psm_transport_open(cfg, &to, NULL) < 0 ||
			    psm_relay_new(own, to, cfg, &r, NULL) < 0 ||
			    psm_relay_start(r, NULL) < 0)
				_exit(1);
			for (;;)
				(void)pause();
		}
		/* It has published something of its own. */
		PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.outbox WHERE "
		                "id <= %d",
		                (round + 1) * 60) == 0 &&
		         pg_int("SELECT last_value FROM "
		                "psymatch.outbox_id_seq") > (round + 1) * 60);
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		wait_killed(child);
	}
	outbox_start();
	wait_killed(writer);
	outbox_wait_empty();
	a = outbox_read();
	ck_assert_int_eq(a.events, 400);
	ck_assert_int_eq(a.gaps, 0);
	ck_assert_int_eq(a.inversions, 0);
}
END_TEST

/* @process a child: leads until it is killed */
static void
be_leader(void)
{
	psm_transport *to = NULL;
	psm_store *own = NULL;

	if (psm_store_open(cfg, &own, NULL) < 0 ||
	    psm_transport_memory(1, &to, NULL) < 0 ||
	    psm_relay_new(own, to, cfg, &r, NULL) < 0 ||
	    psm_relay_start(r, NULL) < 0)
		_exit(1);
	for (;;)
		(void)pause();
}

/* The server waits for a second, where the leader asks it to wait for 15. */
static void
suspect_soon(void)
{
	pg_run("CREATE SCHEMA hasty");
	pg_run("CREATE FUNCTION hasty.set_config(text, text, boolean) RETURNS "
	       "text LANGUAGE sql AS 'SELECT pg_catalog.set_config($1, CASE $2 "
	       "WHEN ''15s'' THEN ''1s'' ELSE $2 END, $3)'");
	pg_run("ALTER DATABASE %s SET search_path = hasty, pg_catalog, public",
	       pg_name());
}

/* One that is stopped says nothing, and its connection stays: it must not keep
 * the lead for ever. */
START_TEST(leader_is_stopped)
{
	int status;
	pid_t child;

	suspect_soon();
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		be_leader();
	ck_assert_int_eq(outbox_change(st, 1, err), 0);
	outbox_wait_empty(); /* it leads */
	ck_assert_int_eq(kill(child, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(child, &status, WUNTRACED), child);
	ck_assert(WIFSTOPPED(status));
	ck_assert_int_eq(outbox_change(st, 2, err), 0);
	outbox_start();
	ck_assert_int_eq(
	    pg_wait(0, 60000, "SELECT count(*) FROM psymatch.outbox"), 0);
	ck_assert_int_eq(psm__memory_count(t, OUTBOX_TOPIC), 1);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	wait_killed(child);
}
END_TEST

/* -- a database that was somewhere else before */

static void
run(const char *command)
{
	int rc = system(command);

	ck_assert_msg(rc == 0, "%s: %d", command, rc);
}

START_TEST(dump_and_restore)
{
	const char *host = getenv("DB_HOST");
	char command[1000], old[64], folder[4000];
	struct arrived a;
	int i;

	for (i = 0; i < 200; i++)
		ck_assert_int_eq(outbox_change(st, i % OUTBOX_KEYS + 1, err),
		                 0);
	/* Numbers of transactions that the new server has never seen. */
	pg_run("DO $$BEGIN FOR i IN 1..500 LOOP PERFORM txid_current(); "
	       "COMMIT; END LOOP; END$$");
	(void)snprintf(old, sizeof old, "%s", pg_name());
	testing_tmpdir(folder, sizeof folder);
	(void)snprintf(command, sizeof command,
	               "pg_dump -h '%s' -U '%s' -Fc -f '%.500s/dump' %s", host,
	               getenv("DB_USER"), folder, old);
	run(command);
	outbox_teardown();
	r = NULL;
	pg_database();
	(void)snprintf(command, sizeof command,
	               "pg_restore -h '%s' -U '%s' -d %s '%.500s/dump'", host,
	               getenv("DB_USER"), pg_name(), folder);
	run(command);
	testing_remove(folder);
	err = psm_error_new();
	cfg = pg_settings();
	st = pg_store();
	ck_assert_int_eq(psm_transport_memory(3, &t, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 200);
	outbox_start();
	for (i = 0; i < 50; i++)
		ck_assert_int_eq(outbox_change(st, i % OUTBOX_KEYS + 1, err),
		                 0);
	outbox_wait_empty();
	a = outbox_read();
	ck_assert_int_eq(a.events, 250);
	ck_assert_int_eq(a.doubles, 0);
	ck_assert_int_eq(a.gaps, 0);
	ck_assert_int_eq(a.inversions, 0);
}
END_TEST

/* -- transactions that stay open */

/* Time to publish count rows, in ms. */
static int64_t
publish(int count)
{
	int64_t began_ms, sent = psm_relay_stat(r, "sent");

	began_ms = psm__mono_ms();
	pg_run(
	    "INSERT INTO psymatch.outbox (event_id, aggregatetype, "
	    "aggregateid, type, version, producer, event_time, topic, "
	    "payload) SELECT gen_random_uuid(), 'communication', n::text, "
	    "'communication.send_email', '1.0', 'test', now(), '" OUTBOX_TOPIC
	    "', format('{\"email_id\":%%s}', n) FROM "
	    "generate_series(1, %d) n",
	    count);
	/* A commit of this process wakes the relay. */
	ck_assert_int_eq(outbox_change(st, 1, err), 0);
	PG_UNTIL(psm_relay_stat(r, "sent") == sent + count + 1);
	return psm__mono_ms() - began_ms;
}

START_TEST(idle_transaction_is_seen_and_stops_nothing)
{
	int64_t alone_ms, beside_ms = INT64_MAX, ms;
	psm_tx *idle;
	char reason[300];
	int round;

	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_LONG_TX_SECONDS", "1", err), 0);
	outbox_start();
	(void)publish(100);
	alone_ms = publish(5000);
	PG_UNTIL(psm_relay_health(r, reason, sizeof reason) ==
	         PSM_HEALTH_GREEN);
	/* It has a snapshot: no row that goes from now on can be cleaned. */
	ck_assert_int_eq(psm_tx_begin(st, &idle, err), 0);
	ck_assert_int_eq(
	    psm_tx_exec(idle, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
	                0, NULL, NULL, err),
	    0);
	ck_assert_int_eq(psm_tx_exec(idle, "SELECT count(*) FROM entity", 0,
	                             NULL, NULL, err),
	                 0);
	for (round = 0; round < 10; round++) {
		ms = publish(5000);
		if (round >= 5 && ms < beside_ms)
			beside_ms = ms;
	}
	PG_UNTIL(psm_relay_health(r, reason, sizeof reason) ==
	         PSM_HEALTH_AMBER);
	ck_assert_ptr_nonnull(strstr(reason, "a transaction is open for"));
	ck_assert_int_ge(psm_relay_stat(r, "oldest_tx_ms"), 1000);
	/* The fastest of five beside 25,000 rows and more that cannot go: the
	 * same as without them, within what a busy machine makes of it. */
	ck_assert_msg(beside_ms < 4 * alone_ms + 2000,
	              "%lld ms against %lld ms", (long long)beside_ms,
	              (long long)alone_ms);
	psm_tx_rollback(idle);
	PG_UNTIL(psm_relay_health(r, reason, sizeof reason) ==
	         PSM_HEALTH_GREEN);
}
END_TEST

#define INSERT_FOREIGN                                                         \
	"INSERT INTO psymatch.outbox (event_id, aggregatetype, aggregateid, "  \
	"type, version, producer, event_time, topic, payload) VALUES "         \
	"(gen_random_uuid(), 'communication', '1', "                           \
	"'communication.send_email', '1.0', 'test', now(), '" OUTBOX_TOPIC     \
	"', '{\"email_id\":1,\"n\":9999}')"

static struct psm__outbox_floor at;

static int64_t
step(struct psm__conn *c)
{
	ck_assert_msg(psm__outbox_floor_step(&at, c, err) == 0, "%s",
	              psm_error_message(err));
	return at.id;
}

/* A number that was drawn and is not there yet is never passed. */
START_TEST(floor_waits_for_open_writers)
{
	struct psm__conn *c;
	psm_tx *open;
	int i;

	memset(&at, 0, sizeof at);
	ck_assert_int_eq(psm__store_connect(st, "test", &c, err), 0);
	ck_assert_int_eq(step(c), 0);
	ck_assert_int_eq(step(c), 0); /* nothing was drawn */
	pg_run(INSERT_FOREIGN);
	ck_assert_int_eq(step(c), 0);
	ck_assert_int_eq(step(c), 0); /* row 1 is there */
	pg_run("DELETE FROM psymatch.outbox");
	ck_assert_int_eq(step(c), 0);
	ck_assert_int_eq(step(c), 1);
	/* Number 2 is drawn in a transaction that stays open; 3 comes and
	 * goes. */
	ck_assert_int_eq(psm_tx_begin(st, &open, err), 0);
	ck_assert_int_eq(psm_tx_exec(open, INSERT_FOREIGN, 0, NULL, NULL, err),
	                 0);
	pg_run(INSERT_FOREIGN);
	pg_run("DELETE FROM psymatch.outbox");
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(step(c), 1);
	ck_assert_int_eq(psm_tx_commit(open, err), 0);
	(void)step(c);
	ck_assert_int_eq(step(c), 1); /* row 2 is there */
	pg_run("DELETE FROM psymatch.outbox");
	(void)step(c);
	ck_assert_int_eq(step(c), 3);
	/* One that began to write before and drew after does not matter. */
	ck_assert_int_eq(psm_tx_begin(st, &open, err), 0);
	ck_assert_int_eq(psm_tx_exec(open,
	                             "LOCK psymatch.outbox IN ROW EXCLUSIVE "
	                             "MODE",
	                             0, NULL, NULL, err),
	                 0);
	pg_run(INSERT_FOREIGN);
	pg_run("DELETE FROM psymatch.outbox");
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(step(c), 3);
	psm_tx_rollback(open);
	ck_assert_int_eq(step(c), 4);
	/* Rows that somebody put back. */
	pg_run("INSERT INTO psymatch.outbox (id, event_id, aggregatetype, "
	       "aggregateid, type, version, producer, event_time, topic, "
	       "payload) OVERRIDING SYSTEM VALUE VALUES (2, gen_random_uuid(), "
	       "'a', '1', 't', '1.0', 'test', now(), 't', '{}')");
	ck_assert_int_eq(step(c), 4);
	at.full_at_ms = -3600000;
	ck_assert_int_eq(step(c), 0);
	psm__outbox_floor_free(&at);
	psm__conn_close(c);
}
END_TEST

/* A foreign writer that draws early and commits late. */
START_TEST(late_number_is_published)
{
	psm_tx *open;
	int i;

	outbox_start();
	ck_assert_int_eq(psm_tx_begin(st, &open, err), 0);
	ck_assert_int_eq(psm_tx_exec(open, INSERT_FOREIGN, 0, NULL, NULL, err),
	                 0);
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(outbox_change(st, i % OUTBOX_KEYS + 1, err),
		                 0);
	outbox_wait_empty();
	/* The relay has measured, and moved its floor as far as it may. */
	PG_UNTIL(psm_relay_stat(r, "oldest_tx_ms") > 2500);
	ck_assert_int_eq(psm_tx_commit(open, err), 0);
	outbox_wait_empty();
	ck_assert_int_eq(psm__memory_count(t, OUTBOX_TOPIC), 101);
}
END_TEST

/* -- what travels beside the event */

static const char *
header(const struct psm__record *rec, const char *name)
{
	static char value[200];
	size_t i;

	for (i = 0; i < rec->header_count; i++)
		if (strcmp(rec->headers[i].name, name) == 0) {
			(void)snprintf(value, sizeof value, "%.*s",
			               (int)rec->headers[i].len,
			               rec->headers[i].value);
			return value;
		}
	return "";
}

START_TEST(trace_goes_to_the_topic)
{
	static const char trace[] =
	    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
	static const char story[] = "0198c0de-0000-7000-8000-000000000001";
	const char *topics[] = {OUTBOX_TOPIC};
	struct psm__source_conf conf = {
	    .group = "g", .topics = topics, .topic_count = 1};
	psm_event *cause = outbox_event(3, 1);
	struct psm__source *s;
	struct psm__record rec;
	psm_tx *tx;

	ck_assert_int_eq(psm_event_set_trace(cause, NULL, story, trace, err),
	                 0);
	ck_assert_int_eq(psm_event_set_tracestate(cause, "a=1,\tb=2", err), 0);
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	psm__tx_set_cause(tx, cause);
	ck_assert_int_eq(outbox_emit(tx, 7, 1), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	outbox_start();
	outbox_wait_empty();
	ck_assert_int_eq(t->ops->open_source(t, &conf, &s, err), 0);
	ck_assert_int_eq(s->ops->poll(s, 60000, &rec, err), 1);
	ck_assert_uint_eq(rec.header_count, 4);
	ck_assert_str_eq(header(&rec, "causation_id"), psm_event_id(cause));
	ck_assert_str_eq(header(&rec, "correlation_id"), story);
	ck_assert_str_eq(header(&rec, "traceparent"), trace);
	ck_assert_str_eq(header(&rec, "tracestate"), "a=1,\tb=2");
	s->ops->release(s, &rec);
	s->ops->close(s, 1000);
	psm_event_free(cause);
}
END_TEST

/* -- requests that the broker refuses */

#define LATE_MS 100

/* A row goes when the broker has its event, and not when librdkafka concludes
 * that it must. */
START_TEST(rows_of_refused_requests_stay)
{
	static const char *const settings[] = {
	    "PSYMATCH_KAFKA_batch_num_messages", "2",
	    "PSYMATCH_KAFKA_linger_ms", "0", NULL};
	struct arrived a;
	struct mock mock;
	int n;

	mock_open(&mock, OUTBOX_TOPIC, 3);
	psm_transport_unref(t);
	t = mock_transport(&mock, settings);
	for (n = 0; n < 3; n++)
		rd_kafka_mock_broker_push_request_error_rtts(
		    mock.cluster, 1, 0 /* Produce */, (size_t)1,
		    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, LATE_MS);
	outbox_start();
	for (n = 0; n < 100; n++)
		ck_assert_int_eq(outbox_change(st, n % OUTBOX_KEYS + 1, err),
		                 0);
	outbox_wait_empty();
	a = outbox_read();
	ck_assert_int_eq(a.events, 100);
	ck_assert_int_eq(a.gaps, 0);
	ck_assert_int_eq(a.inversions, 0);
	psm_relay_free(r);
	r = NULL;
	psm_transport_unref(t);
	t = NULL;
	mock_close(&mock);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("relay");
	TCase *tc = tcase_create("relay");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, outbox_setup, outbox_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_loop_test(tc, p11_crash_between_commit_and_publish, 0,
	                    PSM__COUNT(rigs));
	tcase_add_loop_test(tc, p12_no_event_of_a_failed_commit, 0,
	                    PSM__COUNT(rigs));
	tcase_add_test(tc, p13_one_change_one_event);
	tcase_add_test(tc, leader_is_killed_under_load);
	tcase_add_test(tc, leader_is_stopped);
	tcase_add_test(tc, dump_and_restore);
	tcase_add_test(tc, idle_transaction_is_seen_and_stops_nothing);
	tcase_add_test(tc, floor_waits_for_open_writers);
	tcase_add_test(tc, late_number_is_published);
	tcase_add_test(tc, trace_goes_to_the_topic);
	suite_add_tcase(s, tc);
	tc = tcase_create("refused");
	tcase_add_checked_fixture(tc, outbox_setup, outbox_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, rows_of_refused_requests_stay);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
