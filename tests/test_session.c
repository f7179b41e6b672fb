/* SPDX-License-Identifier: BSD-2-Clause */
/* A session of the pool: what it is like whatever the database says, what ends
 * it, and that a statement of one borrower is nothing to the next one. */
#include "store/conn_int.h"
#include "testing.h"
#include "testing_pg.h"

#include <unistd.h>

static psm_store *st;
static psm_error *err;

/* One connection: who borrows gets what the one before gave back. */
static void
open_store(void)
{
	psm_config *cfg = pg_settings();

	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_DB_CONNECTIONS", "1", err), 0);
	ck_assert_int_eq(psm_store_open(cfg, &st, err), 0);
	psm_config_free(cfg);
}

static void
setup(void)
{
	err = psm_error_new();
	pg_database();
	pg_run("CREATE TABLE t (id integer)");
	pg_run("CREATE FUNCTION fail(code text) RETURNS void LANGUAGE plpgsql "
	       "AS 'BEGIN RAISE EXCEPTION USING errcode = code; END'");
	pg_run("CREATE FUNCTION unprepare() RETURNS void LANGUAGE plpgsql "
	       "AS 'BEGIN EXECUTE ''DEALLOCATE ALL''; END'");
	open_store();
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

static void
say(psm_tx *tx, const char *sql)
{
	ck_assert_msg(psm_tx_exec(tx, sql, 0, NULL, NULL, err) == 0, "%s: %s",
	              sql, psm_error_message(err));
}

static void
expect(psm_tx *tx, const char *sql, const char *value)
{
	psm_rows *rows = NULL;

	ck_assert_msg(psm_tx_exec(tx, sql, 0, NULL, &rows, err) == 0, "%s: %s",
	              sql, psm_error_message(err));
	ck_assert_str_eq(psm_rows_text(rows, 0, 0), value);
	psm_rows_free(rows);
}

/* The server's process of the pool's connection. */
static int64_t
server_pid(void)
{
	psm_tx *tx = begin();
	psm_rows *rows = NULL;
	int64_t pid;

	ck_assert_int_eq(
	    psm_tx_exec(tx, "SELECT pg_backend_pid()", 0, NULL, &rows, err), 0);
	pid = psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	return pid;
}

/* -- what the database says of itself */

static const struct given {
	const char *name, *value;
} given[] = {
    {"default_transaction_isolation", "'repeatable read'"},
    {"default_transaction_isolation", "serializable"},
    {"default_transaction_read_only", "on"},
    {"default_transaction_deferrable", "on"},
    {"TimeZone", "'Europe/Berlin'"},
    {"DateStyle", "'German, DMY'"},
};

START_TEST(defaults_do_not_matter)
{
	const struct given *g = &given[_i];
	psm_tx *tx;

	pg_run("ALTER DATABASE %s SET %s = %s", pg_name(), g->name, g->value);
	tx = begin();
	say(tx, "INSERT INTO t VALUES (1)");
	expect(tx, "SHOW transaction_isolation", "read committed");
	expect(tx, "SHOW transaction_read_only", "off");
	expect(tx, "SHOW TimeZone", "UTC");
	expect(tx, "SELECT '2026-12-24'::date", "2026-12-24");
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
}
END_TEST

/* Statements that have no BEGIN before them. */
START_TEST(single_statements_are_no_exception)
{
	const struct given *g = &given[_i];
	struct psm__conn *c = NULL;
	psm_rows *rows = NULL;

	pg_run("ALTER DATABASE %s SET %s = %s", pg_name(), g->name, g->value);
	ck_assert_int_eq(psm__store_connect(st, "test", &c, err), 0);
	ck_assert_int_eq(psm__conn_exec(c,
	                                "INSERT INTO t VALUES (1) RETURNING "
	                                "current_setting("
	                                "'transaction_isolation')",
	                                0, NULL, &rows, err),
	                 0);
	ck_assert_str_eq(psm_rows_text(rows, 0, 0), "read committed");
	psm_rows_free(rows);
	psm__conn_close(c);
}
END_TEST

/* -- what ends a connection */

static const struct ending {
	const char *state;
	int ends, retriable;
} endings[] = {
    {"25006", 1, 1}, {"26000", 1, 1}, {"57P01", 1, 1}, {"57P02", 1, 1},
    {"57P03", 1, 1}, {"08006", 1, 1}, {"08P01", 1, 1}, {"40001", 0, 1},
    {"57014", 0, 1}, {"0A000", 0, 1}, {"23505", 0, 0}, {"22012", 0, 0},
};

START_TEST(some_failures_end_the_connection)
{
	const struct ending *e = &endings[_i];
	int64_t before = server_pid();
	psm_tx *tx = begin();
	const char *params[] = {e->state};

	ck_assert_int_lt(
	    psm_tx_exec(tx, "SELECT fail($1)", 1, params, NULL, err), 0);
	ck_assert_int_eq(psm_error_retriable(err), e->retriable);
	psm_tx_rollback(tx);
	ck_assert_int_eq(server_pid() != before, e->ends);
}
END_TEST

START_TEST(prepared_statements_that_are_gone)
{
	psm_tx *tx = begin();

	expect(tx, "SELECT 'a'", "a");
	say(tx, "DEALLOCATE ALL");
	expect(tx, "SELECT 'a'", "a");
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	tx = begin();
	expect(tx, "SELECT 'a'", "a");
	/* Unseen: once, and not for ever. */
	say(tx, "SELECT unprepare()");
	ck_assert_int_eq(psm_tx_exec(tx, "SELECT 'a'", 0, NULL, NULL, err),
	                 PSM_ERR_DB);
	ck_assert_int_eq(psm_error_retriable(err), 1);
	psm_tx_rollback(tx);
	tx = begin();
	expect(tx, "SELECT 'a'", "a");
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
}
END_TEST

/* -- what one borrower leaves to the next one: nothing */

static const struct left {
	const char *sql, *look, *want;
} lefts[] = {
    {"SET work_mem = '123MB'", "SHOW work_mem", NULL},
    {"/* a */ set -- b\n session work_mem = '123MB'", "SHOW work_mem", NULL},
    {"SELECT set_config('my.thing', 'x', false)",
     "SELECT coalesce(current_setting('my.thing', true), '')", ""},
    {"SET TimeZone = 'Europe/Berlin'", "SHOW TimeZone", "UTC"},
    {"RESET ALL", "SHOW TimeZone", "UTC"},
    {"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
     "SHOW default_transaction_isolation", "read committed"},
    {"SET ROLE pg_monitor", "SELECT current_user = session_user", "t"},
    {"CREATE TEMP TABLE t (id integer)",
     "SELECT count(*) FROM pg_class WHERE relpersistence = 't'", "0"},
    {"LISTEN a", "SELECT count(*) FROM pg_listening_channels()", "0"},
    {"SELECT pg_advisory_lock(1)",
     "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = "
     "pg_backend_pid()",
     "0"},
};

START_TEST(nothing_is_left_behind)
{
	const struct left *l = &lefts[_i];
	psm_rows *rows = NULL;
	int64_t before = server_pid();
	char was[64];
	psm_tx *tx = begin();

	ck_assert_int_eq(psm_tx_exec(tx, l->look, 0, NULL, &rows, err), 0);
	(void)snprintf(was, sizeof was, "%s", psm_rows_text(rows, 0, 0));
	psm_rows_free(rows);
	say(tx, l->sql);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	tx = begin();
	expect(tx, l->look, l->want ? l->want : was);
	psm_tx_rollback(tx);
	/* It is put right, not made anew. */
	ck_assert_int_eq(server_pid(), before);
}
END_TEST

/* A role that acts as another one from its login on. */
START_TEST(the_role_of_a_login_stays)
{
	psm_config *cfg = pg_settings();
	char role[40];
	psm_tx *tx;

	(void)snprintf(role, sizeof role, "psm_login_%ld", (long)getpid());
	pg_run("SET client_min_messages = warning");
	pg_run("DROP ROLE IF EXISTS %s", role);
	pg_run("CREATE ROLE %s LOGIN IN ROLE pg_monitor", role);
	pg_run("ALTER ROLE %s SET role = 'pg_monitor'", role);
	psm_store_free(st);
	ck_assert_int_eq(psm_config_set(cfg, "DB_USER", role, err), 0);
	ck_assert_int_eq(psm_store_open(cfg, &st, err), 0);
	psm_config_free(cfg);
	tx = begin();
	expect(tx, "SELECT current_user", "pg_monitor");
	say(tx, "SET work_mem = '123MB'");
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	tx = begin();
	expect(tx, "SELECT current_user", "pg_monitor");
	expect(tx, "SELECT current_setting('work_mem') <> '123MB'", "t");
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
}
END_TEST

static const struct judged {
	int changes;
	const char *sql;
} judged[] = {
    {0, "SELECT 1"},
    {0, "UPDATE t SET id = 1"},
    {0, "SET LOCAL work_mem = '1MB'"},
    {0, "set constraints all immediate"},
    {0, "SET TRANSACTION READ ONLY"},
    {0, "SELECT set_config('a.b', $1, true)"},
    {0, "SELECT set_config('a.b', quote_ident(now()::text), TRUE )"},
    {0, "SELECT pg_advisory_xact_lock(1)"},
    {0, "CREATE TEMP TABLE x ON COMMIT DROP AS SELECT 1"},
    {0, "CREATE TABLE x (id integer)"},
    {1, "SET work_mem = '1MB'"},
    {1, "SELECT set_config('a.b', 'c', true), set_config('a', 'b', false)"},
    {1, "SELECT set_config('a.b', 'c', $1)"},
    {1, "SELECT set_config("},
    {1, "create temporary table x (id integer)"},
    {1, "-- well\n  discard all"},
    {1, "PREPARE x AS SELECT 1"},
    {1, "DO 'BEGIN PERFORM work(); END'"},
    {1, "SELECT pg_try_advisory_lock_shared(1)"},
    {0, ""},
    {0, "/* open"},
};

START_TEST(statements_that_change_the_session)
{
	ck_assert_msg(psm__session_changed_by(judged[_i].sql) ==
	                  judged[_i].changes,
	              "%s", judged[_i].sql);
}
END_TEST

static int
third_time(void *user)
{
	return ++*(int *)user >= 3;
}

/* The server ends the statement, too. */
START_TEST(interrupted)
{
	int64_t until = psm__mono_ms() + 50000;
	int asked = 0;
	psm_rows *rows = NULL;
	int64_t count = 1;

	psm_store_set_interrupt(third_time, &asked);
	ck_assert_int_eq(
	    psm_store_exec(st, "SELECT pg_sleep(59)", 0, NULL, NULL, err),
	    PSM_ERR_DB);
	ck_assert_int_eq(asked, 3);
	psm_store_set_interrupt(NULL, NULL);
	while (count > 0) {
		ck_assert_int_lt(psm__mono_ms(), until);
		ck_assert_int_eq(
		    psm_store_exec(st,
		                   "SELECT count(*) FROM pg_stat_activity "
		                   "WHERE query = 'SELECT pg_sleep(59)' "
		                   "AND datname = current_database() "
		                   "AND state = 'active'",
		                   0, NULL, &rows, err),
		    0);
		count = psm_rows_int(rows, 0, 0);
		psm_rows_free(rows);
	}
	ck_assert_int_eq(asked, 3);
}
END_TEST

/* The only connection is lent. */
START_TEST(interrupted_while_all_are_busy)
{
	int asked = 0;
	psm_tx *tx;

	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	psm_store_set_interrupt(third_time, &asked);
	ck_assert_int_eq(psm_store_exec(st, "SELECT 1", 0, NULL, NULL, err),
	                 PSM_ERR_TIMEOUT);
	psm_store_set_interrupt(NULL, NULL);
	ck_assert_int_eq(asked, 3);
	psm_tx_rollback(tx);
	ck_assert_int_eq(psm_store_exec(st, "SELECT 1", 0, NULL, NULL, err), 0);
}
END_TEST

/* The COMMIT of one that only reads travels with its statements. */
START_TEST(the_last_statements_commit)
{
	static const char open_ones[] =
	    "SELECT count(*) FROM pg_stat_activity WHERE datname = "
	    "current_database() AND state LIKE 'idle in transaction%%'";
	psm_rows *rows = NULL;
	psm_tx *tx = begin(), *part;

	psm__tx_last(tx);
	ck_assert_int_eq(psm__tx_queue(tx, "SELECT 7", 0, NULL, &rows, err), 0);
	ck_assert_int_eq(psm__tx_sync(tx, err), 0);
	ck_assert_int_eq(psm_rows_int(rows, 0, 0), 7);
	psm_rows_free(rows);
	ck_assert_int_eq(pg_int(open_ones), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);

	/* A failure leaves a transaction, which is rolled back. */
	tx = begin();
	psm__tx_last(tx);
	ck_assert_int_eq(psm__tx_queue(tx, "SELECT 1 / 0", 0, NULL, &rows, err),
	                 0);
	ck_assert_int_lt(psm__tx_sync(tx, err), 0);
	ck_assert_int_lt(psm_tx_commit(tx, err), 0);

	/* What is part of another transaction ends nothing. */
	tx = begin();
	ck_assert_int_eq(psm_tx_include(tx, 1, err), 0);
	part = begin();
	psm__tx_last(part);
	say(part, "INSERT INTO t VALUES (1)");
	ck_assert_int_eq(psm__tx_queue(part, "SELECT 1", 0, NULL, NULL, err),
	                 0);
	ck_assert_int_eq(psm__tx_sync(part, err), 0);
	ck_assert_int_eq(psm_tx_commit(part, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM t"), 0);
	ck_assert_int_eq(psm_tx_include(tx, 0, err), 0);
	psm_tx_rollback(tx);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM t"), 0);

	/* Nor does a callback. */
	tx = begin();
	psm__tx_lend(tx, 1);
	psm__tx_last(tx);
	say(tx, "INSERT INTO t VALUES (1)");
	ck_assert_int_eq(psm__tx_sync(tx, err), 0);
	psm__tx_lend(tx, 0);
	psm_tx_rollback(tx);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM t"), 0);
}
END_TEST

/* What the only round trip of a transaction says. */
static int
last(const char *sql)
{
	psm_tx *tx = begin();
	int rc, ended;

	psm__tx_last(tx);
	ck_assert_int_eq(psm__tx_queue(tx, sql, 0, NULL, NULL, err), 0);
	rc = psm__tx_sync(tx, err);
	ended = psm_tx_commit(tx, NULL);
	ck_assert_int_eq(ended < 0, rc < 0);
	return rc;
}

/* The server is asked for READ WRITE once; then one round trip of statements
 * that read is a transaction by itself. */
START_TEST(reading_needs_no_begin)
{
	static const char only_inside[] = "SAVEPOINT one";

	psm_store_free(st);
	open_store();
	ck_assert_int_eq(last(only_inside), 0);
	ck_assert_int_lt(last(only_inside), 0);
	ck_assert_int_eq(last("SELECT 1"), 0);
	ck_assert_int_lt(last("SELECT 1 / 0"), 0);
	ck_assert_int_eq(last("SELECT 1"), 0);
}
END_TEST

/* One that nothing was asked of sends nothing. */
START_TEST(an_empty_one_is_silent)
{
	psm_tx *tx;

	say(tx = begin(), "SELECT 1");
	psm_tx_rollback(tx);
	tx = begin();
	ck_assert_int_eq(pg_kill("psymatch%"), 1);
	psm_tx_rollback(tx);
	say(tx = begin(), "SELECT 1");
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
}
END_TEST

START_TEST(reading_nothing_is_silent)
{
	psm_tx *tx;

	say(tx = begin(), "SELECT 1");
	psm_tx_rollback(tx);
	tx = begin();
	psm__tx_last(tx);
	pg_run("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
	       "WHERE datname = current_database() AND pid <> "
	       "pg_backend_pid()");
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
}
END_TEST

/* What a field is as a number: what it begins with, within the type. */
static const struct {
	const char *sql;
	int64_t number;
} fields[] = {
    {"5", 5},
    {"-7", -7},
    {"'12abc'", 12},
    {"' +3'", 3},
    {"1.9", 1},
    {"true", 1},
    {"false", 0},
    {"'abc'", 0},
    {"''", 0},
    {"NULL", 0},
    {"9223372036854775808", INT64_MAX},
    {"-9223372036854775809", INT64_MIN},
};

START_TEST(fields_as_numbers)
{
	char sql[80];
	psm_rows *rows = NULL;

	(void)snprintf(sql, sizeof sql, "SELECT %s", fields[_i].sql);
	ck_assert_int_eq(psm_store_exec(st, sql, 0, NULL, &rows, err), 0);
	ck_assert_int_eq(psm_rows_int(rows, 0, 0), fields[_i].number);
	ck_assert_int_eq(psm_rows_int(rows, 0, 1), 0);
	ck_assert_int_eq(psm_rows_int(rows, 1, 0), 0);
	psm_rows_free(rows);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("session");
	TCase *tc = tcase_create("session");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, defaults_do_not_matter, 0, PSM__COUNT(given));
	tcase_add_loop_test(tc, single_statements_are_no_exception, 0,
	                    PSM__COUNT(given));
	tcase_add_test(tc, prepared_statements_that_are_gone);
	tcase_add_test(tc, the_last_statements_commit);
	tcase_add_test(tc, reading_needs_no_begin);
	tcase_add_test(tc, an_empty_one_is_silent);
	tcase_add_test(tc, reading_nothing_is_silent);
	tcase_add_loop_test(tc, nothing_is_left_behind, 0, PSM__COUNT(lefts));
	suite_add_tcase(s, tc);
	/* A pooler knows one role only, may give the same session to the next
	 * connection, and forgets to cancel for a client that is gone. */
	tc = tcase_create("ends");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, some_failures_end_the_connection, 0,
	                    PSM__COUNT(endings));
	tcase_add_test(tc, the_role_of_a_login_stays);
	tcase_add_test(tc, interrupted);
	tcase_add_test(tc, interrupted_while_all_are_busy);
	tcase_add_loop_test(tc, fields_as_numbers, 0, PSM__COUNT(fields));
	suite_add_tcase(s, tc);
	tc = tcase_create("text");
	tcase_add_loop_test(tc, statements_that_change_the_session, 0,
	                    PSM__COUNT(judged));
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
