/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing_pg.h"

#include <check.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char database[64];
static int databases;  /* made by this process; database is the last of them */
static PGconn *beside; /* to the test's database */
static PGconn *super;  /* to the database postgres */
static char template_name[64]; /* what pg_copy() copies; "": nothing */
static pid_t template_pid;

#define MUST(condition, ...)                                                   \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(stderr, "testing_pg: " __VA_ARGS__);     \
			(void)fprintf(stderr, "\n");                           \
			abort();                                               \
		}                                                              \
	} while (0)

static void
run_under(char **argv, int private)
{
	const char *top = getenv("top_srcdir");
	char script[1024], own[] = "--private";
	char *args[16] = {script, argv[0]};
	size_t i, n = 1;

	(void)snprintf(script, sizeof script, "%s/build-aux/with-postgres",
	               top ? top : ".");
	if (private)
		args[n++] = own;
	for (i = 0; argv[i] && n < 15; i++)
		args[n++] = argv[i];
	args[n] = NULL;
	(void)execv(script, args);
	perror(script);
	exit(99);
}

void
pg_main(char **argv)
{
	if (!getenv("PSYMATCH_TEST_PG"))
		run_under(argv, 0);
}

void
pg_main_private(char **argv)
{
	if (getenv("PSYMATCH_TEST_PG_PRIVATE"))
		return;
	(void)setenv("PSYMATCH_TEST_PG_PRIVATE", "1", 1);
	run_under(argv, 1);
}

void
pg_main_pair(char **argv)
{
	const char *first = getenv("PSYMATCH_TEST_PG");

	if (getenv("PSYMATCH_TEST_PG_OTHER"))
		return;
	if (getenv("PSYMATCH_TEST_PG_PRIVATE") && first)
		(void)setenv("PSYMATCH_TEST_PG_OTHER", first, 1);
	(void)setenv("PSYMATCH_TEST_PG_PRIVATE", "1", 1);
	run_under(argv, 1);
}

const char *
pg_other(void)
{
	return getenv("PSYMATCH_TEST_PG_OTHER");
}

static void
run_action(const char *directory, const char *action)
{
	const char *top = getenv("top_srcdir");
	char command[1024];

	(void)snprintf(command, sizeof command,
	               "PSYMATCH_TEST_PG=%s %s/build-aux/with-postgres ctl %s",
	               directory, top ? top : ".", action);
	MUST(system(command) == 0, "cannot %s the cluster", action);
}

void
pg_other_cluster(const char *action)
{
	run_action(pg_other(), action);
}

static PGconn *
connect_to(const char *name)
{
	const char *const keys[] = {
	    "host", "port", "user", "dbname", "application_name", NULL};
	const char *const values[] = {getenv("DB_HOST"),
	                              getenv("DB_PORT"),
	                              getenv("DB_USER"),
	                              name,
	                              "test",
	                              NULL};
	PGconn *c = PQconnectdbParams(keys, values, 0);

	MUST(PQstatus(c) == CONNECTION_OK, "%s", PQerrorMessage(c));
	/* The defaults of pg_database() are for the library alone. */
	PQclear(PQexec(c, "SET default_transaction_isolation = "
	                  "'read committed'"));
	PQclear(PQexec(c, "SET default_transaction_read_only = off"));
	return c;
}

static PGresult *
ask(PGconn *c, const char *sql)
{
	PGresult *res = PQexec(c, sql);
	ExecStatusType st;
	const char *state;

	/* Stood across the library and was the one to give way: once more. */
	while ((state = PQresultErrorField(res, PG_DIAG_SQLSTATE)) &&
	       strcmp(state, "40P01") == 0 &&
	       PQtransactionStatus(c) == PQTRANS_IDLE) {
		PQclear(res);
		res = PQexec(c, sql);
	}
	st = PQresultStatus(res);
	MUST(st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK, "%s: %s", sql,
	     PQerrorMessage(c));
	return res;
}

static void
drop_databases(void)
{
	char sql[128];

	if (beside)
		PQfinish(beside);
	beside = NULL;
	for (int i = 0; i < databases; i++) {
		(void)snprintf(sql, sizeof sql,
		               "DROP DATABASE IF EXISTS t_%ld_%d WITH (FORCE)",
		               (long)getpid(), i);
		PQclear(PQexec(super, sql));
	}
	PQfinish(super);
	super = NULL;
	databases = 0;
}

static void
show(int level, const char *message, const char *const *fields, void *user)
{
	(void)user;
	(void)fprintf(stderr, "%s %s", psm_log_level_name(level), message);
	for (; fields && fields[0]; fields += 2)
		(void)fprintf(stderr, " %s=%s", fields[0], fields[1]);
	(void)fprintf(stderr, "\n");
}

/* What a database may say of transactions that do not say it themselves. */
static void
set_default(void)
{
	const char *what = getenv("PSYMATCH_TEST_PG_DEFAULT");
	char sql[160];

	if (!what || !what[0])
		return;
	if (strcmp(what, "read only") == 0)
		(void)snprintf(sql, sizeof sql,
		               "ALTER DATABASE %s SET "
		               "default_transaction_read_only = on",
		               database);
	else
		(void)snprintf(sql, sizeof sql,
		               "ALTER DATABASE %s SET "
		               "default_transaction_isolation = '%s'",
		               database, what);
	PQclear(ask(super, sql));
}

/* Of the process that made it: others copy it. */
static void
drop_template(void)
{
	char sql[128];

	if (getpid() != template_pid)
		return;
	super = connect_to("postgres");
	(void)snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s",
	               template_name);
	PQclear(PQexec(super, sql));
	PQfinish(super);
}

void
pg_template(const char *const *sets)
{
	char sql[160];
	psm_store *st;

	template_pid = getpid();
	(void)atexit(drop_template);
	pg_database();
	st = pg_store();
	for (; *sets; sets++)
		MUST(psm_store_migrate(st, *sets, NULL) == 0,
		     "cannot migrate %s", *sets);
	psm_store_free(st);
	PQfinish(beside);
	beside = NULL;
	(void)snprintf(template_name, sizeof template_name, "t_%ld_template",
	               (long)template_pid);
	/* A pooler in between keeps its connections. */
	(void)snprintf(sql, sizeof sql,
	               "SELECT pg_terminate_backend(pid, 10000) FROM "
	               "pg_stat_activity WHERE datname = '%s'",
	               database);
	PQclear(ask(super, sql));
	(void)snprintf(sql, sizeof sql, "ALTER DATABASE %s RENAME TO %s",
	               database, template_name);
	PQclear(ask(super, sql));
	/* Tests are processes of their own, with connections of their own. */
	PQfinish(super);
	super = NULL;
	databases = 0;
}

static void
make_database(const char *like)
{
	char sql[160];

	if (getenv("TESTING_LOG"))
		psm_set_log(show, PSM_LOG_DEBUG, NULL);

	if (!super) {
		super = connect_to("postgres");
		PQclear(ask(super, "SET client_min_messages = warning"));
		(void)atexit(drop_databases);
	}
	(void)snprintf(database, sizeof database, "t_%ld_%d", (long)getpid(),
	               databases++);
	(void)snprintf(sql, sizeof sql,
	               "DROP DATABASE IF EXISTS %s WITH (FORCE)", database);
	/* A killed process of the same number may have left one behind. */
	PQclear(ask(super, sql));
	(void)snprintf(sql, sizeof sql, "CREATE DATABASE %s%s%s", database,
	               like[0] ? " TEMPLATE " : "", like);
	PQclear(ask(super, sql));
	set_default();
	if (beside)
		PQfinish(beside);
	beside = connect_to(database);
}

void
pg_database(void)
{
	make_database("");
}

void
pg_copy(void)
{
	make_database(template_name);
}

void
pg_hasty(void)
{
	pg_run("ALTER DATABASE %s SET synchronous_commit = off", database);
	pg_run("SET synchronous_commit = off");
}

const char *
pg_name(void)
{
	return database;
}

psm_config *
pg_settings(void)
{
	psm_config *cfg;

	MUST(psm_config_new(&cfg, NULL) == 0, "no settings");
	MUST(psm_config_set(cfg, "DB_HOST", getenv("DB_HOST"), NULL) == 0 &&
	         psm_config_set(cfg, "DB_PORT", getenv("DB_PORT"), NULL) == 0 &&
	         psm_config_set(cfg, "DB_NAME", database, NULL) == 0 &&
	         psm_config_set(cfg, "DB_USER", getenv("DB_USER"), NULL) == 0 &&
	         psm_config_set(cfg, "DB_PASSWORD", getenv("DB_PASSWORD"),
	                        NULL) == 0,
	     "settings refused");
	return cfg;
}

psm_store *
pg_store(void)
{
	psm_config *cfg = pg_settings();
	psm_error *err = psm_error_new();
	psm_store *st;

	MUST(psm_store_open(cfg, &st, err) == 0, "%s", psm_error_message(err));
	MUST(psm_store_migrate(st, "psymatch", err) == 0, "%s",
	     psm_error_message(err));
	psm_config_free(cfg);
	psm_error_free(err);
	return st;
}

static PGresult *ask_format(const char *format, va_list ap)
    __attribute__((format(printf, 1, 0)));

static PGresult *
ask_format(const char *format, va_list ap)
{
	char sql[2048];

	(void)vsnprintf(sql, sizeof sql, format, ap);
	return ask(beside, sql);
}

void
pg_run(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	PQclear(ask_format(format, ap));
	va_end(ap);
}

int64_t
pg_int(const char *format, ...)
{
	PGresult *res;
	int64_t n;
	va_list ap;

	va_start(ap, format);
	res = ask_format(format, ap);
	va_end(ap);
	n = PQntuples(res) > 0 ? strtoll(PQgetvalue(res, 0, 0), NULL, 10) : 0;
	PQclear(res);
	return n;
}

char *
pg_text(const char *format, ...)
{
	PGresult *res;
	char *text;
	va_list ap;

	va_start(ap, format);
	res = ask_format(format, ap);
	va_end(ap);
	text = strdup(PQntuples(res) > 0 ? PQgetvalue(res, 0, 0) : "");
	PQclear(res);
	return text;
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
pg_handle(psm_store *store, psm_tx_event_fn fn, const psm_event *ev,
          psm_error *err)
{
	psm_tx *tx = NULL;
	int rc;

	ck_assert_msg(psm_tx_begin(store, &tx, err) == 0, "%s",
	              psm_error_message(err));
	rc = fn(tx, ev, NULL, err);
	if (rc == 0)
		ck_assert_msg(psm_tx_commit(tx, err) == 0, "%s",
		              psm_error_message(err));
	else
		psm_tx_rollback(tx);
	return rc;
}

int64_t
pg_wait(int64_t want, int timeout_ms, const char *query)
{
	int64_t until = now_ms() + timeout_ms;
	int64_t got;

	while ((got = pg_int("%s", query)) != want && now_ms() < until)
		pg_pause();
	return got;
}

void
pg_pause(void)
{
	PQclear(ask(beside, "SELECT pg_sleep(0.005)"));
}

void
pg_down(void)
{
	char sql[256];

	(void)snprintf(sql, sizeof sql,
	               "ALTER DATABASE %s WITH ALLOW_CONNECTIONS false",
	               database);
	PQclear(ask(super, sql));
	(void)pg_kill("psymatch%");
}

void
pg_up(void)
{
	char sql[256];

	(void)snprintf(sql, sizeof sql,
	               "ALTER DATABASE %s WITH ALLOW_CONNECTIONS true",
	               database);
	PQclear(ask(super, sql));
}

int
pg_kill(const char *pattern)
{
	PGresult *res;
	char sql[256];
	int n;

	(void)snprintf(sql, sizeof sql,
	               "SELECT count(pg_terminate_backend(pid, 60000)) FROM "
	               "pg_stat_activity WHERE datname = '%s' AND "
	               "application_name LIKE '%s'",
	               database, pattern);
	res = ask(super, sql);
	n = atoi(PQgetvalue(res, 0, 0));
	PQclear(res);
	return n;
}

void
pg_cluster(const char *action)
{
	if (strcmp(action, "start") != 0) {
		PQfinish(beside);
		PQfinish(super);
		beside = super = NULL;
	}
	run_action(getenv("PSYMATCH_TEST_PG"), action);
	if (strcmp(action, "start") == 0) {
		super = connect_to("postgres");
		beside = connect_to(database);
	}
}
