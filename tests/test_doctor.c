/* SPDX-License-Identifier: BSD-2-Clause */
/* The program psymatch-doctor, as people call it. */
#include "testing.h"
#include "testing_pg.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char builddir[4096], spool[200];
/* What the last call printed, standard error behind standard output. */
static char out[40000];

static void
setup(void)
{
	const char *tmp = getenv("TMPDIR");

	pg_database();
	ck_assert_int_eq(setenv("DB_NAME", pg_name(), 1), 0);
	ck_assert_int_eq(setenv("PSYMATCH_TRANSPORT", "postgres", 1), 0);
	ck_assert_ptr_nonnull(realpath(
	    getenv("top_builddir") ? getenv("top_builddir") : ".", builddir));
	(void)snprintf(spool, sizeof spool, "%.150s/psymatch-doctor.XXXXXX",
	               tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(spool));
	ck_assert_int_eq(rmdir(spool), 0);
	ck_assert_int_eq(setenv("PSYMATCH_SPOOL_DIR", spool, 1), 0);
}

/* Returns the exit status. */
static int
call(const char *variables, const char *args)
{
	char command[8000];

	(void)snprintf(command, sizeof command,
	               "{ %s '%s/psymatch-doctor' %s; } 2>&1", variables,
	               builddir, args);
	return testing_shell(command, out, sizeof out);
}

#define SAID(text) ck_assert_msg(strstr(out, text) != NULL, "%s", out)
#define NOT_SAID(text) ck_assert_msg(strstr(out, text) == NULL, "%s", out)

static void
migrate(void)
{
	psm_config *cfg = pg_settings();
	psm_store *st = NULL;

	ck_assert_int_eq(psm_store_open(cfg, &st, NULL), 0);
	ck_assert_int_eq(psm_store_migrate(st, "psymatch", NULL), 0);
	psm_store_free(st);
	psm_config_free(cfg);
}

START_TEST(all_is_well)
{
	int rc;

	ck_assert_msg(call("", "") == 0, "%s", out);
	SAID("ok     version     psymatch ");
	SAID("ok     database    PostgreSQL ");
	SAID("ok     rights      a schema psymatch may be made\n");
	SAID("note   migrations  none was applied\n");
	SAID("ok     broker      none is needed: PSYMATCH_TRANSPORT is "
	     "postgres\n");
	SAID("not there yet, the first producer makes it\n");
	NOT_SAID("wrong");
	migrate();
	ck_assert_int_eq(mkdir(spool, 0700), 0);
	rc = call("PSYMATCH_HTTP_PORT=8080", "");
	/* All that this machine may lack is space. */
	ck_assert_msg(rc == (strstr(out, "make room: ") != NULL), "%s", out);
	SAID("ok     rights      all tables of psymatch may be read");
	SAID("ok     migrations  psymatch\n");
	SAID("ok     events      0 dead letters, 0 parked\n");
	SAID(": 0 events wait, 0 damaged places, ");
	SAID(" the clock of the database\n");
	/* A setting of the services is none that nobody knows. */
	NOT_SAID("PSYMATCH_HTTP_PORT");
	ck_assert_int_eq(rmdir(spool), 0);
}
END_TEST

START_TEST(says_what_to_do)
{
	migrate();
	pg_run("DELETE FROM psymatch.migration WHERE version > 2");
	ck_assert_int_eq(call("", ""), 1);
	SAID("wrong  migrations  the set \"psymatch\" is not up to date\n");
	SAID("-> psymatch-platform migrate");
	pg_run("UPDATE psymatch.migration SET checksum = 'x'");
	ck_assert_int_eq(call("", ""), 1);
	SAID("wrong  migrations  migration psymatch/001_messaging.sql: "
	     "changed");
	ck_assert_int_eq(call("DB_HOST=/nowhere", ""), 1);
	SAID("wrong  database    ");
	SAID("-> is PostgreSQL running? DB_HOST");
	SAID("spool"); /* the rest is looked at, too */
	ck_assert_int_eq(call("PSYMATCH_TRANSPORT=pigeon", ""), 1);
	SAID("wrong  settings    ");
	NOT_SAID("database");
	ck_assert_int_eq(call("PSYMATCH_TRANSPORT=kafka "
	                      "KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1",
	                      "--wait 1"),
	                 1);
	SAID("wrong  broker      ");
	SAID("KAFKA_BOOTSTRAP_SERVERS says where");
	ck_assert_int_eq(call("PSYMATCH_SPOOL_DIR=none", ""), 1);
	SAID("note   spool       none: ");
}
END_TEST

START_TEST(rights_and_files_of_others)
{
	char user[60];
	int pid = (int)getpid();

	(void)snprintf(user, sizeof user, "DB_USER=doctor_%d", pid);
	migrate();
	pg_run("CREATE ROLE doctor_%d LOGIN", pid);
	ck_assert_int_eq(call(user, ""), 1);
	SAID("wrong  rights      the schema psymatch may not be used\n");
	pg_run("GRANT USAGE ON SCHEMA psymatch TO doctor_%d;"
	       "GRANT SELECT ON ALL TABLES IN SCHEMA psymatch TO doctor_%d",
	       pid, pid);
	ck_assert_int_eq(call(user, ""), 1);
	SAID("wrong  rights      tables of psymatch that may not be read and "
	     "written\n");
	SAID("-> GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES");
	pg_run("DROP OWNED BY doctor_%d; DROP ROLE doctor_%d", pid, pid);
	/* A file is no directory. */
	ck_assert_int_eq(call("PSYMATCH_SPOOL_DIR=/dev/null", ""), 1);
	SAID("wrong  spool       ");
}
END_TEST

START_TEST(json_and_usage)
{
	char *line, *rest = out;
	psm_json *doc = NULL;
	int lines = 0;

	ck_assert_int_eq(call("DB_HOST=/nowhere", "--json 2>/dev/null"), 1);
	while ((line = strsep(&rest, "\n")) && line[0]) {
		const char *state;

		ck_assert_int_eq(psm_json_parse(line, strlen(line), &doc, NULL),
		                 0);
		state = psm_json_string(psm_json_at(doc, "/state"));
		ck_assert_ptr_nonnull(state);
		ck_assert_int_eq(strcmp(state, "wrong") == 0,
		                 psm_json_string(psm_json_at(doc, "/remedy")) !=
		                     NULL);
		psm_json_free(doc);
		lines++;
	}
	ck_assert_int_ge(lines, 5);
	ck_assert_int_eq(call("", "--wait 0"), 2);
	SAID("--wait: want a number from 1 to 3600, got \"0\"\n");
	ck_assert_int_eq(call("", "more"), 2);
	ck_assert_int_eq(call("", "--version"), 0);
	ck_assert_int_eq(call("", ">/dev/full"), 1);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("psymatch-doctor");
	TCase *tc = tcase_create("psymatch-doctor");

	(void)argc;
	pg_main(argv);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, all_is_well);
	tcase_add_test(tc, says_what_to_do);
	tcase_add_test(tc, rights_and_files_of_others);
	tcase_add_test(tc, json_and_usage);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
