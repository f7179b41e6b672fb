/* SPDX-License-Identifier: BSD-2-Clause */
/* From psm_tx_emit to the topic, on the memory transport and a real
 * PostgreSQL. */
#include "testing.h"
#include "testing_outbox.h"
#include "testing_pg.h"

#include "transport/memory/memory.h"

#include <signal.h>
#include <sys/wait.h>

/* -- emitting */

START_TEST(rows_say_all_of_the_event)
{
	psm_event *ev = outbox_event(7, 1);
	psm_tx *tx;
	char *text;

	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_emit(tx, ev, err), 0);
	ck_assert_int_eq(outbox_emit(tx, 7, 2), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	text = pg_text("SELECT concat_ws('|', event_id, aggregatetype, "
	               "aggregateid, type, version, producer, topic, payload) "
	               "FROM psymatch.outbox ORDER BY id LIMIT 1");
	ck_assert_int_eq(strncmp(text, psm_event_id(ev), 36), 0);
	ck_assert_str_eq(text + 36, "|communication|7|communication.send_email|"
	                            "1.0|test|" OUTBOX_TOPIC
	                            "|{ \"email_id\": 7, \"n\": 1 }");
	free(text);
	ck_assert_int_eq(pg_int("SELECT (extract(epoch FROM event_time) * "
	                        "1000000)::bigint FROM psymatch.outbox ORDER "
	                        "BY id LIMIT 1"),
	                 psm_event_timestamp_us(ev));
	ck_assert_int_eq(pg_int("SELECT payload::json->>'n' FROM "
	                        "psymatch.outbox ORDER BY id DESC LIMIT 1"),
	                 2);
	psm_event_free(ev);
}
END_TEST

START_TEST(only_what_is_committed)
{
	static const char unknown[] =
	    "{\"event_id\":\"0198c0de-0000-7000-8000-000000000001\","
	    "\"event_type\":\"moon.landed\",\"version\":\"1.0\","
	    "\"timestamp\":\"2026-01-31T09:00:00Z\",\"producer\":\"test\","
	    "\"payload\":{}}";
	psm_event *ev;
	psm_tx *tx;

	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(outbox_emit(tx, 1, 1), 0);
	psm_tx_rollback(tx);
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(outbox_emit(tx, 1, 2), 0);
	ck_assert_int_eq(psm__tx_savepoint(tx, "e", err), 0);
	ck_assert_int_eq(outbox_emit(tx, 1, 3), 0);
	ck_assert_int_eq(psm__tx_rollback_to(tx, "e", err), 0);
	ck_assert_int_eq(outbox_emit(tx, 1, 4), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(outbox_emit(tx, 1, 5), 0);
	ck_assert_int_eq(psm_tx_exec(tx, "SELECT nothing", 0, NULL, NULL, err),
	                 PSM_ERR_DB);
	ck_assert_int_eq(psm_tx_commit(tx, err), PSM_ERR_STATE);
	ck_assert_int_eq(pg_int("SELECT sum((payload::json->>'n')::integer) "
	                        "FROM psymatch.outbox"),
	                 6);
	ck_assert_int_eq(psm_event_parse(unknown, sizeof unknown - 1, &ev, err),
	                 0);
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_emit(tx, ev, err), PSM_ERR_UNKNOWN_TYPE);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	psm_event_free(ev);
}
END_TEST

/* -- headers */

START_TEST(cause_goes_into_the_headers)
{
	psm_event *cause = outbox_event(3, 1);
	psm_tx *tx;
	char *text;

	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(outbox_emit(tx, 7, 1), 0);
	psm__tx_set_cause(tx, cause);
	ck_assert_int_eq(outbox_emit(tx, 7, 2), 0);
	psm__tx_set_cause(tx, NULL);
	ck_assert_int_eq(outbox_emit(tx, 7, 3), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox WHERE "
	                        "headers IS NULL AND payload::json->>'n' IN "
	                        "('1', '3')"),
	                 2);
	text = pg_text("SELECT headers->>'causation_id' FROM psymatch.outbox "
	               "WHERE payload::json->>'n' = '2' AND "
	               "headers->>'correlation_id' = headers->>'causation_id' "
	               "AND NOT headers ? 'traceparent'");
	ck_assert_str_eq(text, psm_event_id(cause));
	free(text);
	psm_event_free(cause);
}
END_TEST

/*
 * Debezium's event router by its defaults: id becomes the header "id",
 * aggregateid the key, payload the value, aggregatetype the destination; type
 * can be placed in a header, as can any other column. It takes a scalar for the
 * first three and text for the destination; none of them may be null.
 */
START_TEST(debezium_finds_its_columns)
{
	ck_assert_int_eq(outbox_change(st, 4, err), 0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM information_schema.columns WHERE "
	           "table_schema = 'psymatch' AND table_name = 'outbox' AND "
	           "is_nullable = 'NO' AND (column_name, data_type) IN "
	           "(('id', 'bigint'), ('aggregatetype', 'text'), "
	           "('aggregateid', 'text'), ('type', 'text'), "
	           "('payload', 'text'), ('event_id', 'uuid'), "
	           "('topic', 'text'), "
	           "('event_time', 'timestamp with time zone'))"),
	    8);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM information_schema.columns WHERE "
	           "table_schema = 'psymatch' AND table_name = 'outbox' AND "
	           "column_name = 'headers' AND data_type = 'jsonb'"),
	    1);
	/* An insert and a delete are all that logical decoding sees; the
	 * router reads the first and drops the second, which the primary key
	 * identifies. */
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.outbox WHERE "
	           "id IS NOT NULL AND aggregatetype = split_part(type, '.', "
	           "1) AND aggregateid = payload::jsonb->>'email_id' AND "
	           "jsonb_typeof(payload::jsonb) = 'object'"),
	    1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM pg_class c JOIN pg_index i ON "
	           "i.indrelid = c.oid WHERE c.oid = "
	           "'psymatch.outbox'::regclass AND relreplident = 'd' AND "
	           "indisprimary"),
	    1);
}
END_TEST

/* -- the relay */

START_TEST(writers_at_once)
{
	struct arrived a;

	outbox_start();
	ck_assert_int_eq(outbox_write(150, NULL), OUTBOX_WRITERS * 150);
	outbox_wait_empty();
	a = outbox_read();
	ck_assert_int_eq(a.events, OUTBOX_WRITERS * 150);
	ck_assert_int_eq(a.doubles, 0);
	ck_assert_int_eq(a.inversions, 0);
	ck_assert_int_eq(a.gaps, 0);
	ck_assert_int_eq(psm_relay_stop(r, 60000, err), 0);
	ck_assert_int_eq(psm_relay_stat(r, "sent"), OUTBOX_WRITERS * 150);
}
END_TEST

static void
kill_relay(void)
{
	int i;

	for (i = 0; i < 5; i++) {
		ck_assert_int_eq(pg_wait(1, 60000,
		                         "SELECT count(*) FROM pg_locks WHERE "
		                         "locktype = 'advisory' AND granted "
		                         "AND database = (SELECT oid FROM "
		                         "pg_database WHERE datname = "
		                         "current_database())"),
		                 1);
		(void)pg_kill("psymatch relay");
	}
}

/* Sent twice at times, but never lost, and never too late. */
START_TEST(relay_connection_ends)
{
	struct arrived a;

	outbox_start();
	ck_assert_int_eq(outbox_write(150, kill_relay), OUTBOX_WRITERS * 150);
	outbox_wait_empty();
	a = outbox_read();
	ck_assert_int_eq(a.events, OUTBOX_WRITERS * 150);
	ck_assert_int_eq(a.inversions, 0);
	ck_assert_int_eq(a.gaps, 0);
}
END_TEST

START_TEST(broker_is_away)
{
	struct arrived a;
	char reason[300];
	int i;

	psm__memory_set_down(t, 1);
	outbox_start();
	for (i = 0; i < 1200; i++)
		ck_assert_int_eq(outbox_change(st, i % OUTBOX_KEYS + 1, err),
		                 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 1200);
	PG_UNTIL(psm_relay_stat(r, "waiting") >= 1200);
	ck_assert_int_eq(psm_relay_stat(r, "leader"), 1);
	ck_assert_int_ge(psm_relay_stat(r, "oldest_age_ms"), 1);
	ck_assert_int_eq(psm_relay_stat(r, "sent"), 0);
	ck_assert_int_eq(psm_relay_stat(r, "nothing"), -1);
	ck_assert_int_ne(psm_relay_health(r, reason, sizeof reason),
	                 PSM_HEALTH_RED);
	psm__memory_set_down(t, 0);
	outbox_wait_empty();
	a = outbox_read();
	ck_assert_int_eq(a.events, 1200);
	ck_assert_int_eq(a.doubles, 0);
	ck_assert_int_eq(a.inversions, 0);
}
END_TEST

START_TEST(stops_and_starts_again)
{
	struct arrived a;
	int i, rc;

	psm__memory_set_down(t, 1);
	outbox_start();
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(outbox_change(st, i % OUTBOX_KEYS + 1, err),
		                 0);
	/* Nothing will be acknowledged: it is waited for in vain. */
	while ((rc = psm_relay_stop(r, 100, err)) == PSM_ERR_TIMEOUT)
		continue;
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 100);
	psm_relay_free(r);
	psm__memory_set_down(t, 0);
	outbox_start();
	ck_assert_int_eq(psm_relay_start(r, err), PSM_ERR_STATE);
	outbox_wait_empty();
	ck_assert_int_eq(psm_relay_stop(r, 60000, err), 0);
	a = outbox_read();
	ck_assert_int_eq(a.events, 100);
	ck_assert_int_eq(a.inversions, 0);
}
END_TEST

/* Rows that no program of ours writes. */
START_TEST(bad_rows_are_buried)
{
	ck_assert_int_eq(outbox_change(st, 1, err), 0);
	pg_run(
	    "INSERT INTO psymatch.outbox (event_id, aggregatetype, "
	    "aggregateid, type, version, producer, event_time, topic, "
	    "payload) VALUES (gen_random_uuid(), 'communication', '1', "
	    "'communication.send_email', '1.0', 'test', now(), '" OUTBOX_TOPIC
	    "', '{\"email_id\":'), (gen_random_uuid(), 'communication', "
	    "'1', 'communication.send_email', '1.0', 'test', now(), '" OUTBOX_TOPIC
	    "', '{\"email_id\":\"x\"}')");
	ck_assert_int_eq(outbox_change(st, 1, err), 0);
	outbox_start();
	outbox_wait_empty();
	ck_assert_int_eq(outbox_read().events, 2);
	ck_assert_int_eq(
	    pg_int(
		"SELECT count(*) FROM psymatch.dead_letter WHERE consumer = "
		"'outbox' AND topic = '" OUTBOX_TOPIC "' AND key = '1' AND "
		"convert_from(raw, 'UTF8') LIKE '%%,\"payload\":{\"email_id\":%%}' AND "
		"event_id IS NOT NULL AND code IN ('PSM_ERR_PARSE', "
		"'PSM_ERR_SCHEMA') AND reason <> ''"),
	    2);
}
END_TEST

START_TEST(one_leads)
{
	psm_store *store2 = pg_store();
	psm_relay *second;
	char reason[200];

	outbox_start();
	ck_assert_int_eq(outbox_change(st, 1, err), 0);
	outbox_wait_empty();
	ck_assert_int_eq(psm_relay_new(store2, t, cfg, &second, err), 0);
	ck_assert_int_eq(psm_relay_start(second, err), 0);
	ck_assert_int_eq(pg_wait(2, 60000,
	                         "SELECT count(*) FROM pg_stat_activity WHERE "
	                         "application_name = 'psymatch relay' AND "
	                         "datname = current_database()"),
	                 2);
	ck_assert_int_eq(psm_relay_stat(second, "leader"), 0);
	ck_assert_int_eq(psm_relay_health(second, reason, sizeof reason),
	                 PSM_HEALTH_GREEN);
	ck_assert_int_eq(psm_relay_stop(r, 60000, err), 0);
	ck_assert_int_eq(outbox_change(st, 1, err), 0);
	outbox_wait_empty();
	ck_assert_int_eq(psm_relay_stat(second, "leader"), 1);
	ck_assert_int_eq(outbox_read().events, 2);
	psm_relay_free(second);
	psm_store_free(store2);
}
END_TEST

#define LEADERS                                                                \
	"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND "       \
	"granted AND database = (SELECT oid FROM pg_database WHERE datname "   \
	"= current_database())"

/* The child leads until it is killed; it has no chance to say so. */
START_TEST(leader_is_killed)
{
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		psm_store *own = NULL;

		if (psm_store_open(cfg, &own, NULL) < 0 ||
		    psm_relay_new(own, t, cfg, &r, NULL) < 0 ||
		    psm_relay_start(r, NULL) < 0)
			_exit(1);
		for (;;)
			(void)pause();
	}
	ck_assert_int_eq(pg_wait(1, 60000, LEADERS), 1);
	outbox_start();
	ck_assert_int_eq(pg_wait(2, 60000,
	                         "SELECT count(*) FROM pg_stat_activity WHERE "
	                         "application_name = 'psymatch relay' AND "
	                         "datname = current_database()"),
	                 2);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(outbox_change(st, 1, err), 0);
	ck_assert_int_eq(
	    pg_wait(0, 60000, "SELECT count(*) FROM psymatch.outbox"), 0);
	ck_assert_int_eq(psm_relay_stat(r, "leader"), 1);
}
END_TEST

START_TEST(database_is_away)
{
	char reason[300];

	outbox_start();
	ck_assert_int_eq(outbox_change(st, 1, err), 0);
	outbox_wait_empty();
	pg_down();
	PG_UNTIL(psm_relay_health(r, reason, sizeof reason) == PSM_HEALTH_RED);
	PG_UNTIL(psm_relay_stat(r, "leader") == 0);
	pg_up();
	pg_run(
	    "INSERT INTO psymatch.outbox (event_id, aggregatetype, "
	    "aggregateid, type, version, producer, event_time, topic, "
	    "payload) VALUES (gen_random_uuid(), 'communication', '1', "
	    "'communication.send_email', '1.0', 'test', now(), '" OUTBOX_TOPIC
	    "', '{\"email_id\":1,\"n\":2}')");
	outbox_wait_empty();
	ck_assert_int_eq(outbox_read().events, 2);
}
END_TEST

START_TEST(arguments)
{
	psm_relay *none = (psm_relay *)&none;
	char reason[100];

	ck_assert_int_eq(psm_relay_new(NULL, t, cfg, &none, err),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(none);
	ck_assert_int_eq(psm_relay_new(st, t, cfg, NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_relay_start(NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_relay_stop(NULL, 0, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_relay_stat(NULL, "sent"), -1);
	ck_assert_int_eq(psm_relay_new(st, t, cfg, &r, err), 0);
	ck_assert_int_eq(psm_relay_stop(r, -1, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_relay_health(r, reason, sizeof reason),
	                 PSM_HEALTH_RED);
	ck_assert_int_eq(psm_relay_stop(r, 0, err), 0);
	ck_assert_int_eq(psm_relay_start(r, err), PSM_ERR_STATE);
	psm_relay_free(NULL);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("outbox");
	TCase *tc = tcase_create("outbox");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, outbox_setup, outbox_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, rows_say_all_of_the_event);
	tcase_add_test(tc, only_what_is_committed);
	tcase_add_test(tc, cause_goes_into_the_headers);
	tcase_add_test(tc, debezium_finds_its_columns);
	tcase_add_test(tc, writers_at_once);
	tcase_add_test(tc, relay_connection_ends);
	tcase_add_test(tc, broker_is_away);
	tcase_add_test(tc, stops_and_starts_again);
	tcase_add_test(tc, bad_rows_are_buried);
	tcase_add_test(tc, one_leads);
	tcase_add_test(tc, leader_is_killed);
	tcase_add_test(tc, database_is_away);
	tcase_add_test(tc, arguments);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
