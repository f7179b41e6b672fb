/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/conn.h"
#include "testing.h"
#include "testing_pg.h"

#include <pthread.h>

static psm_store *st;
static psm_error *err;

static void
setup(void)
{
	pg_database();
	st = pg_store();
	err = psm_error_new();
	pg_run(
	    "CREATE FUNCTION refuse(what text) RETURNS void LANGUAGE plpgsql "
	    "AS 'BEGIN RAISE EXCEPTION ''no place for \"%%\"'', what; END'");
	pg_run("CREATE TABLE t (id integer PRIMARY KEY, name varchar(5) NOT "
	       "NULL, day date, age integer CHECK (age >= 0))");
}

static void
teardown(void)
{
	psm_store_free(st);
	psm_error_free(err);
}

static psm_tx *
begin(void)
{
	psm_tx *tx;

	ck_assert_msg(psm_tx_begin(st, &tx, err) == 0, "%s",
	              psm_error_message(err));
	return tx;
}

static int
insert(psm_tx *tx, const char *id, const char *name)
{
	const char *params[] = {id, name};

	return psm_tx_exec(tx, "INSERT INTO t (id, name) VALUES ($1, $2)", 2,
	                   params, NULL, err);
}

START_TEST(commit_and_rollback)
{
	psm_rows *rows;
	psm_tx *tx = begin();

	ck_assert_int_eq(insert(tx, "1", "a"), 0);
	ck_assert_int_eq(insert(tx, "2", "b"), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	tx = begin();
	ck_assert_int_eq(insert(tx, "3", "c"), 0);
	psm_tx_rollback(tx);
	tx = begin();
	ck_assert_int_eq(psm_tx_exec(tx,
	                             "SELECT id, name, day, id = 1 FROM t "
	                             "ORDER BY id",
	                             0, NULL, &rows, err),
	                 0);
	ck_assert_uint_eq(psm_rows_count(rows), 2);
	ck_assert_int_eq(psm_rows_int(rows, 1, 0), 2);
	ck_assert_str_eq(psm_rows_text(rows, 0, 1), "a");
	ck_assert_ptr_null(psm_rows_text(rows, 0, 2));
	ck_assert_int_eq(psm_rows_int(rows, 0, 3), 1);
	ck_assert_int_eq(psm_rows_int(rows, 1, 3), 0);
	ck_assert_ptr_null(psm_rows_text(rows, 2, 0));
	ck_assert_ptr_null(psm_rows_text(rows, 0, 4));
	ck_assert_uint_eq(psm_rows_columns(rows), 4);
	ck_assert_str_eq(psm_rows_column_name(rows, 1), "name");
	ck_assert_ptr_null(psm_rows_column_name(rows, 4));
	ck_assert_int_eq(psm_rows_column_type(rows, 0), 23);   /* integer */
	ck_assert_int_eq(psm_rows_column_type(rows, 2), 1082); /* date */
	ck_assert_int_eq(psm_rows_column_type(rows, 4), 0);
	psm_rows_free(rows);
	ck_assert_int_eq(
	    psm_tx_exec(tx, "UPDATE t SET name = 'x'", 0, NULL, &rows, err), 0);
	ck_assert_uint_eq(psm_rows_affected(rows), 2);
	ck_assert_uint_eq(psm_rows_columns(rows), 0);
	psm_rows_free(rows);
	psm_tx_rollback(tx);
	psm_tx_rollback(NULL);
	psm_rows_free(NULL);
}
END_TEST

/* What a fault of a statement is to the caller; and that the value which was
 * refused, "geheim", never shows. */
static const struct failure {
	const char *sql, *param;
	int code, retriable;
	const char *says;
} failures[] = {
    {"INSERT INTO t (id, name) VALUES (1, $1)", "geheim", PSM_ERR_SCHEMA, 0,
     "22001"},
    {"INSERT INTO t (id, name) VALUES ($1::text::integer, 'x')", "geheim",
     PSM_ERR_SCHEMA, 0, "22P02 invalid input syntax for type integer"},
    {"INSERT INTO t (id, name, day) VALUES (1, 'x', $1::text::date)",
     "geh\"eim\"geheim", PSM_ERR_SCHEMA, 0, "22007"},
    {"INSERT INTO t (id, name) VALUES (1, $1)", NULL, PSM_ERR_SCHEMA, 0,
     "23502"},
    {"INSERT INTO t (id, name, age) VALUES (1, $1, -1)", "a", PSM_ERR_SCHEMA, 0,
     "constraint t_age_check"},
    {"INSERT INTO t (id, name) VALUES (1, $1), (1, 'x')", "a", PSM_ERR_CONFLICT,
     0, "constraint t_pkey, table t"},
    {"SELECT $1 FROM nowhere", "a", PSM_ERR_DB, 0,
     "42P01 relation \"nowhere\" does not exist"},
    {"SELECT refuse($1)", "geheim", PSM_ERR_REJECT, 0,
     "P0001 no place for \"\""},
    {"SELECT pg_sleep(2), $1", "a", PSM_ERR_TIMEOUT, 1, "57014"},
    {"SELECT pg_terminate_backend(pg_backend_pid()), $1", "a", PSM_ERR_DB, 1,
     "57P01"},
};

START_TEST(failures_have_codes)
{
	const struct failure *f = &failures[_i];
	const char *params[] = {f->param};
	psm_tx *tx = begin();
	psm_rows *rows;

	if (f->code == PSM_ERR_TIMEOUT)
		ck_assert_int_eq(
		    psm_tx_exec(tx, "SET LOCAL statement_timeout = 100", 0,
		                NULL, NULL, err),
		    0);
	ck_assert_int_eq(psm_tx_exec(tx, f->sql, 1, params, &rows, err),
	                 f->code);
	ck_assert_ptr_null(rows);
	ck_assert_int_eq(psm_error_code(err), f->code);
	ck_assert_int_eq(psm_error_retriable(err), f->retriable);
	ck_assert_msg(strstr(psm_error_message(err), f->says) != NULL, "%s",
	              psm_error_message(err));
	ck_assert_msg(!strstr(psm_error_message(err), "geheim"), "%s",
	              psm_error_message(err));
	/* Nothing more can be done in it, and nothing of it is kept. */
	ck_assert_int_eq(insert(tx, "9", "x"), PSM_ERR_STATE);
	ck_assert_int_eq(psm_tx_commit(tx, err), PSM_ERR_STATE);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM t"), 0);
	/* The pool goes on. */
	tx = begin();
	ck_assert_int_eq(insert(tx, "1", "x"), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
}
END_TEST

START_TEST(arguments)
{
	psm_tx *tx = (psm_tx *)&tx;
	psm_store *none = st;
	const char *params[201] = {NULL};

	ck_assert_int_eq(psm_store_open(NULL, &none, err), PSM_ERR_INVAL);
	ck_assert_ptr_null(none);
	ck_assert_int_eq(psm_store_open(NULL, NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_begin(NULL, &tx, err), PSM_ERR_INVAL);
	ck_assert_ptr_null(tx);
	ck_assert_int_eq(psm_tx_begin(st, NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_commit(NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_migrate(NULL, "psymatch", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_migrate(st, "nothing", err),
	                 PSM_ERR_NOT_FOUND);
	tx = begin();
	ck_assert_int_eq(psm_tx_exec(tx, NULL, 0, NULL, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_exec(tx, "SELECT 1", 1, NULL, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_exec(tx, "SELECT 1", 201, params, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_emit(tx, NULL, err), PSM_ERR_INVAL);
	/* A refused call does not spoil the transaction. */
	ck_assert_int_eq(insert(tx, "1", "x"), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
}
END_TEST

START_TEST(lent_transactions)
{
	psm_tx *tx = begin();

	psm__tx_lend(tx, 1);
	ck_assert_int_eq(insert(tx, "1", "a"), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), PSM_ERR_STATE);
	psm_tx_rollback(tx);
	ck_assert_int_eq(insert(tx, "2", "a"), 0);
	psm__tx_lend(tx, 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM t"), 2);
}
END_TEST

START_TEST(savepoints)
{
	psm_tx *tx = begin();

	ck_assert_int_eq(insert(tx, "1", "a"), 0);
	ck_assert_int_eq(psm__tx_savepoint(tx, "e", err), 0);
	ck_assert_int_eq(insert(tx, "1", "b"), PSM_ERR_CONFLICT);
	ck_assert_int_eq(psm__tx_failed(tx), PSM_ERR_CONFLICT);
	psm_error_clear(err);
	ck_assert_int_eq(psm__tx_rollback_to(tx, "e", err), 0);
	ck_assert_int_eq(psm__tx_failed(tx), 0);
	ck_assert_int_eq(psm__tx_release(tx, "e", err), 0);
	ck_assert_int_eq(psm__tx_savepoint(tx, "e", err), 0);
	ck_assert_int_eq(insert(tx, "2", "b"), 0);
	ck_assert_int_eq(psm__tx_release(tx, "e", err), 0);
	ck_assert_int_eq(psm__tx_rollback_to(tx, "e", err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM t"), 2);
}
END_TEST

/* More different statements than a connection keeps prepared. */
START_TEST(many_statements)
{
	psm_tx *tx = begin();
	psm_rows *rows;
	char sql[64];
	int round, i;

	for (round = 0; round < 3; round++)
		for (i = 0; i < 300; i++) {
			(void)snprintf(sql, sizeof sql, "SELECT %d", i);
			ck_assert_int_eq(
			    psm_tx_exec(tx, sql, 0, NULL, &rows, err), 0);
			ck_assert_int_eq(psm_rows_int(rows, 0, 0), i);
			psm_rows_free(rows);
		}
	ck_assert_int_eq(psm_tx_exec(tx,
	                             "SELECT count(*) FROM "
	                             "pg_prepared_statements",
	                             0, NULL, &rows, err),
	                 0);
	ck_assert_int_le(psm_rows_int(rows, 0, 0), 128);
	ck_assert_int_ge(psm_rows_int(rows, 0, 0), 100);
	psm_rows_free(rows);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
}
END_TEST

/* A table that changes its shape under a prepared statement. */
START_TEST(plan_of_before)
{
	psm_tx *tx = begin();
	psm_rows *rows;
	int rc;

	ck_assert_int_eq(
	    psm_tx_exec(tx, "SELECT * FROM t", 0, NULL, &rows, err), 0);
	psm_rows_free(rows);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	pg_run("ALTER TABLE t ADD COLUMN more integer");
	tx = begin();
	rc = psm_tx_exec(tx, "SELECT * FROM t", 0, NULL, &rows, err);
	ck_assert_int_eq(rc, PSM_ERR_DB);
	ck_assert_int_eq(psm_error_retriable(err), 1);
	psm_tx_rollback(tx);
	tx = begin();
	ck_assert_int_eq(
	    psm_tx_exec(tx, "SELECT * FROM t", 0, NULL, &rows, err), 0);
	psm_rows_free(rows);
	psm_tx_rollback(tx);
}
END_TEST

START_TEST(queued_statements_share_a_round_trip)
{
	struct psm__param one = {"1", 0, 0};
	psm_rows *a = NULL, *b = NULL;
	psm_tx *tx = begin();

	ck_assert_int_eq(
	    psm__tx_queue(tx, "SELECT $1::integer + 1", 1, &one, &a, err), 0);
	ck_assert_int_eq(
	    psm__tx_queue(tx, "SELECT $1::integer + 2", 1, &one, &b, err), 0);
	ck_assert_ptr_null(a);
	ck_assert_int_eq(insert(tx, "1", "a"), 0);
	ck_assert_int_eq(psm_rows_int(a, 0, 0), 2);
	ck_assert_int_eq(psm_rows_int(b, 0, 0), 3);
	psm_rows_free(a);
	psm_rows_free(b);
	/* The failure of a queued one is the next one's; no rows come out. */
	ck_assert_int_eq(
	    psm__tx_queue(tx, "SELECT $1::integer + 1", 1, &one, &a, err), 0);
	ck_assert_int_eq(
	    psm__tx_queue(tx, "SELECT 1 / ($1::integer - 1)", 1, &one, &b, err),
	    0);
	ck_assert_int_eq(insert(tx, "2", "a"), PSM_ERR_SCHEMA);
	ck_assert_ptr_null(a);
	ck_assert_ptr_null(b);
	psm_tx_rollback(tx);
}
END_TEST

/* -- messages without values */

static const struct masked {
	const char *state, *message, *text;
} masked[] = {
    {"22P02", "invalid input syntax for type integer: \"secret\"",
     "invalid input syntax for type integer"},
    {"22003", "value \"9\"9\" is out of range for type integer",
     "value \"\" is out of range for type integer"},
    {"22001", "value too long for type character varying(5)",
     "value too long for type character varying(5)"},
    {"P0001", "patient \"secret", "patient \""},
    {"00000", "relation \"secret\" is odd\nsecond line",
     "relation \"\" is odd"},
    {"42P01", "relation \"t\" does not exist", "relation \"t\" does not exist"},
    {"3D000", "database \"d\" does not exist", "database \"d\" does not exist"},
    {"", "", ""},
};

START_TEST(messages_without_values)
{
	const struct masked *m = &masked[_i];
	char text[100];

	psm__sqlstate_text(m->state, m->message, text, sizeof text);
	ck_assert_str_eq(text, m->text);
	/* Cut off in the middle of a value. */
	psm__sqlstate_text("22000", "value \"secret\"", text, 11);
	ck_assert_str_eq(text, "value \"");
}
END_TEST

/* -- memory that runs out */

static int
use_case(psm_tx *tx)
{
	static const char payload[] = "{\"email_id\": 1}";
	psm_event *ev = NULL;
	psm_rows *rows = NULL;
	int rc;

	rc = psm_tx_exec(tx, "SELECT id FROM t FOR UPDATE", 0, NULL, &rows,
	                 NULL);
	psm_rows_free(rows);
	if (rc == 0)
		rc = psm__tx_savepoint(tx, "e", NULL);
	if (rc == 0)
		rc = psm_tx_exec(tx, "UPDATE t SET age = age + 1", 0, NULL,
		                 NULL, NULL);
	if (rc == 0)
		rc = psm_event_new("communication.send_email", "test", payload,
		                   sizeof payload - 1, &ev, NULL);
	if (rc == 0)
		rc = psm_tx_emit(tx, ev, NULL);
	psm_event_free(ev);
	return rc;
}

static int
whole_life(void *arg)
{
	psm_config *settings = NULL;
	psm_store *own = NULL;
	psm_tx *tx = NULL;
	int rc;

	(void)arg;
	rc = psm_config_from_env(&settings, NULL);
	if (rc == 0)
		rc = psm_store_open(settings, &own, NULL);
	if (rc == 0)
		rc = psm_tx_begin(own, &tx, NULL);
	if (rc == 0)
		rc = use_case(tx);
	if (rc == 0)
		rc = psm_tx_commit(tx, NULL);
	else
		psm_tx_rollback(tx);
	psm_store_free(own);
	psm_config_free(settings);
	return rc;
}

/* Nothing is kept of a transaction that ran out of memory, nothing leaks. */
START_TEST(out_of_memory)
{
	int64_t rows;
	long count;

	psm_store_free(st);
	psm_error_free(err);
	st = NULL;
	err = NULL;
	pg_run("INSERT INTO t (id, name, age) VALUES (1, 'a', 0)");
	ck_assert_int_eq(setenv("DB_NAME", pg_name(), 1), 0);
	count = testing_fail_each(whole_life, NULL, 1);
	ck_assert_int_gt(count, 10);
	rows = pg_int("SELECT count(*) FROM psymatch.outbox");
	ck_assert_int_eq(pg_int("SELECT age FROM t"), rows);
}
END_TEST

/* -- the pool */

static int
queue(psm_tx *tx, const char *id, const char *name)
{
	const char *params[] = {id, name};

	return psm_tx_queue(tx,
	                    "INSERT INTO t (id, name) VALUES ($1::integer, $2)",
	                    2, params, err);
}

START_TEST(answers_that_are_not_waited_for)
{
	psm_tx *tx = NULL;
	char id[16];
	int n;

	ck_assert_int_eq(psm_tx_queue(NULL, "SELECT", 0, NULL, err),
	                 PSM_ERR_INVAL);
	/* More than wait at most. */
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_queue(tx, "SELECT", 1, NULL, err),
	                 PSM_ERR_INVAL);
	for (n = 0; n < 1200; n++) {
		(void)snprintf(id, sizeof id, "%d", n);
		ck_assert_int_eq(queue(tx, id, "x"), 0);
	}
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM t"), 1200);
	/* A failure is that of the commit, or of the next one that waits. */
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(queue(tx, "2000", "x"), 0);
	ck_assert_int_eq(queue(tx, "1", "x"), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), PSM_ERR_CONFLICT);
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(queue(tx, "1", "x"), 0);
	ck_assert_int_eq(insert(tx, "2001", "x"), PSM_ERR_CONFLICT);
	ck_assert_int_eq(queue(tx, "2002", "x"), PSM_ERR_STATE);
	psm_tx_rollback(tx);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM t"), 1200);
}
END_TEST

START_TEST(server_comes_back)
{
	char reason[200];
	psm_tx *tx = begin();
	int64_t until;
	int rc;

	ck_assert_int_eq(insert(tx, "1", "a"), 0);
	pg_down();
	ck_assert_int_eq(insert(tx, "2", "a"), PSM_ERR_DB);
	ck_assert_int_eq(psm_error_retriable(err), 1);
	psm_tx_rollback(tx);
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), PSM_ERR_DB);
	ck_assert_ptr_null(tx);
	ck_assert_int_eq(psm_error_retriable(err), 1);
	/* Between two tries it fails at once, with the reason of the last. */
	until = psm__mono_ms() + 30000;
	for (rc = 0; rc < 10000; rc++)
		ck_assert_int_eq(psm_tx_begin(st, &tx, err), PSM_ERR_DB);
	ck_assert_int_lt(psm__mono_ms(), until);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "connect"));
	ck_assert_int_eq(psm_store_health(st, reason, sizeof reason),
	                 PSM_HEALTH_RED);
	ck_assert_str_eq(reason, psm_strerror(PSM_ERR_DB));
	ck_assert_str_eq(psm_error_public(err), psm_strerror(PSM_ERR_DB));
	pg_up();
	until = psm__mono_ms() + 60000;
	while ((rc = psm_tx_begin(st, &tx, err)) == PSM_ERR_DB &&
	       psm__mono_ms() < until)
		;
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(insert(tx, "3", "a"), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	ck_assert_int_eq(pg_int("SELECT min(id) FROM t"), 3);
	PG_UNTIL(psm_store_health(st, reason, sizeof reason) ==
	         PSM_HEALTH_GREEN);
}
END_TEST

/* Connections that ended while nobody used them are not handed out. */
START_TEST(idle_connections_end)
{
	psm_tx *tx[3];
	int i;

	for (i = 0; i < 3; i++)
		tx[i] = begin();
	for (i = 0; i < 3; i++)
		psm_tx_rollback(tx[i]);
	ck_assert_int_eq(pg_kill("psymatch pool"), 3);
	ck_assert_int_eq(pg_wait(0, 60000,
	                         "SELECT count(*) FROM pg_stat_activity WHERE "
	                         "application_name = 'psymatch pool' AND "
	                         "datname = current_database()"),
	                 0);
	for (i = 0; i < 3; i++) {
		tx[i] = begin();
		ck_assert_int_eq(insert(tx[i],
		                        i == 0   ? "1"
		                        : i == 1 ? "2"
		                                 : "3",
		                        "a"),
		                 0);
	}
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(psm_tx_commit(tx[i], err), 0);
}
END_TEST

struct waiter {
	psm_store *st;
	int rc;
};

static void *
one_transaction(void *arg)
{
	struct waiter *w = arg;
	psm_error *e = psm_error_new();
	psm_tx *tx;
	int i;

	for (i = 0; i < 20 && w->rc == 0; i++) {
		w->rc = psm_tx_begin(w->st, &tx, e);
		if (w->rc == 0)
			w->rc = psm_tx_exec(tx, "UPDATE t SET age = age + 1", 0,
			                    NULL, NULL, e);
		if (w->rc == 0)
			w->rc = psm_tx_commit(tx, e);
	}
	psm_error_free(e);
	return NULL;
}

/* More threads than connections: all get their turn, the limit is kept. */
START_TEST(threads_share_connections)
{
	psm_config *cfg = pg_settings();
	psm_store *small;
	pthread_t threads[12];
	struct waiter w[12];
	size_t i;

	psm_store_free(st); /* its connection would be counted */
	st = NULL;
	pg_run("INSERT INTO t (id, name, age) VALUES (1, 'a', 0)");
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_DB_CONNECTIONS", "3", err), 0);
	ck_assert_int_eq(psm_store_open(cfg, &small, err), 0);
	psm_config_free(cfg);
	for (i = 0; i < 12; i++) {
		w[i] = (struct waiter){small, 0};
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, one_transaction, &w[i]),
		    0);
	}
	for (i = 0; i < 12; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_int_eq(w[i].rc, 0);
	}
	ck_assert_int_eq(pg_int("SELECT age FROM t"), 240);
	ck_assert_int_le(pg_int("SELECT count(*) FROM pg_stat_activity WHERE "
	                        "application_name = 'psymatch pool' AND "
	                        "datname = current_database()"),
	                 3);
	psm_store_free(small);
}
END_TEST

/* Names and passwords with characters that a connection string would need to
 * quote. */
START_TEST(odd_settings)
{
	psm_config *cfg = pg_settings();
	psm_store *odd;
	psm_tx *tx;

	ck_assert_int_eq(
	    psm_config_set(cfg, "DB_NAME", "a' b\\ dbname=postgres", err), 0);
	ck_assert_int_eq(psm_config_set(cfg, "DB_PASSWORD", "ge'h e\\im", err),
	                 0);
	ck_assert_int_eq(psm_store_open(cfg, &odd, err), 0);
	ck_assert_int_eq(psm_tx_begin(odd, &tx, err), PSM_ERR_DB);
	ck_assert_msg(strstr(psm_error_message(err), "dbname=postgres") &&
	                  strstr(psm_error_message(err), "does not exist"),
	              "%s", psm_error_message(err));
	ck_assert_ptr_null(strstr(psm_error_message(err), "ge'h"));
	psm_store_free(odd);
	psm_config_free(cfg);
}
END_TEST

START_TEST(session_settings)
{
	psm_tx *tx = begin();
	psm_rows *rows;

	ck_assert_int_eq(psm_tx_exec(tx,
	                             "SELECT current_setting('TimeZone'), "
	                             "current_setting('client_encoding'), "
	                             "current_setting('application_name')",
	                             0, NULL, &rows, err),
	                 0);
	ck_assert_str_eq(psm_rows_text(rows, 0, 0), "UTC");
	ck_assert_str_eq(psm_rows_text(rows, 0, 1), "UTF8");
	ck_assert_str_eq(psm_rows_text(rows, 0, 2), "psymatch pool");
	psm_rows_free(rows);
	psm_tx_rollback(tx);
}
END_TEST

/* A wait for the server ends when its owner asks for it. */
START_TEST(cancel_flag)
{
	static int cancel;
	psm_tx *tx = begin();
	int64_t until = psm__mono_ms() + 50000;

	psm__tx_cancel(tx, &cancel);
	__atomic_store_n(&cancel, 1, __ATOMIC_RELEASE);
	ck_assert_int_eq(
	    psm_tx_exec(tx, "SELECT pg_sleep(60)", 0, NULL, NULL, err),
	    PSM_ERR_DB);
	ck_assert_int_lt(psm__mono_ms(), until);
	psm_tx_rollback(tx);
	ck_assert_int_gt(pg_kill("psymatch pool"), 0);
}
END_TEST

START_TEST(backoff_grows_to_its_cap)
{
	unsigned attempt;
	int i, ms, least = 1000000, most = 0;

	for (attempt = 0; attempt < 40; attempt++)
		for (i = 0; i < 100; i++) {
			ms = psm__backoff_ms(attempt, 100, 30000);
			ck_assert_int_ge(ms, 50);
			ck_assert_int_le(ms, 30000);
			if (attempt == 20) {
				least = ms < least ? ms : least;
				most = ms > most ? ms : most;
			}
		}
	ck_assert_int_lt(psm__backoff_ms(0, 100, 30000), 101);
	ck_assert_int_lt(least, 6000); /* jitter reaches down ... */
	ck_assert_int_gt(most, 24000); /* ... and up */
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("store");
	TCase *tc = tcase_create("transactions");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, commit_and_rollback);
	tcase_add_loop_test(tc, failures_have_codes, 0,
	                    (int)(sizeof failures / sizeof failures[0]));
	tcase_add_test(tc, arguments);
	tcase_add_test(tc, lent_transactions);
	tcase_add_test(tc, savepoints);
	tcase_add_test(tc, many_statements);
	tcase_add_test(tc, plan_of_before);
	tcase_add_test(tc, queued_statements_share_a_round_trip);
	tcase_add_test(tc, out_of_memory);
	suite_add_tcase(s, tc);

	tc = tcase_create("pool");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, answers_that_are_not_waited_for);
	tcase_add_test(tc, server_comes_back);
	tcase_add_test(tc, idle_connections_end);
	tcase_add_test(tc, threads_share_connections);
	tcase_add_test(tc, odd_settings);
	tcase_add_test(tc, session_settings);
	tcase_add_test(tc, cancel_flag);
	tcase_add_test(tc, backoff_grows_to_its_cap);
	suite_add_tcase(s, tc);

	tc = tcase_create("messages");
	tcase_add_loop_test(tc, messages_without_values, 0,
	                    (int)(sizeof masked / sizeof masked[0]));
	suite_add_tcase(s, tc);

	return testing_run(srunner_create(s));
}
