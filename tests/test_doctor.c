/* SPDX-License-Identifier: BSD-2-Clause */
/* The program psymatch-doctor, as people call it. */
#include "mock.h"
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
	ck_assert_int_eq(call("PSYMATCH_SPOOL_DIR=/dev/null/a/spool", ""), 1);
	SAID("wrong  spool       /dev/null/a/spool: not there, and this user "
	     "may not make it\n");
	SAID("-> make it for the services' user\n");
}
END_TEST

START_TEST(rights_and_files_of_others)
{
	char user[60];
	int pid = (int)getpid();

	(void)snprintf(user, sizeof user, "DB_USER=doctor_%d", pid);
	pg_run("CREATE ROLE doctor_%d LOGIN", pid);
	ck_assert_int_eq(call(user, ""), 1);
	SAID("wrong  rights      no schema psymatch, and none may be made\n");
	SAID("-> GRANT CREATE ON DATABASE to this role");
	migrate();
	ck_assert_int_eq(call(user, ""), 1);
	SAID("wrong  rights      the schema psymatch may not be used\n");
	pg_run("GRANT USAGE ON SCHEMA psymatch TO doctor_%d;"
	       "GRANT SELECT ON ALL TABLES IN SCHEMA psymatch TO doctor_%d",
	       pid, pid);
	ck_assert_int_eq(call(user, ""), 1);
	SAID("wrong  rights      tables of psymatch that may not be read and "
	     "written\n");
	SAID("-> GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES");
	pg_run("GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA psymatch "
	       "TO doctor_%d",
	       pid);
	ck_assert_int_eq(call(user, ""), 1); /* it may not delete */
	pg_run("GRANT DELETE ON ALL TABLES IN SCHEMA psymatch TO doctor_%d;"
	       "REVOKE INSERT ON psymatch.migration FROM doctor_%d",
	       pid, pid);
	ck_assert_msg(call(user, "") == 0, "%s", out);
	SAID("ok     rights      all tables of psymatch may be read");
	pg_run("DROP OWNED BY doctor_%d; DROP ROLE doctor_%d", pid, pid);
	/* A file is no directory. */
	ck_assert_int_eq(call("PSYMATCH_SPOOL_DIR=/dev/null", ""), 1);
	SAID("wrong  spool       ");
}
END_TEST

/* What the server says of itself is that of the functions in this schema. */
static void
fake(const char *function)
{
	pg_run("CREATE SCHEMA fake; CREATE FUNCTION fake.%s;"
	       "ALTER DATABASE \"%s\" SET search_path = fake, pg_catalog",
	       function, pg_name());
}

static const struct {
	const char *function, *want, *remedy;
	int status;
} servers[] = {
    {"pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
     "wrong  database    the server is a standby, it takes no changes\n",
     "-> let DB_HOST name the primary server\n", 1},
    {"current_setting(text) RETURNS text LANGUAGE sql AS "
     "$$SELECT CASE $1 WHEN 'server_version_num' THEN '120022' "
     "ELSE pg_catalog.current_setting($1) END$$",
     "wrong  database    PostgreSQL ", "-> take PostgreSQL 13 or newer\n", 1},
    {"clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
     "$$SELECT pg_catalog.clock_timestamp() + interval '1 hour'$$",
     " s behind the clock of the database\n", "-> let NTP set the clocks", 0},
    {"clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
     "$$SELECT pg_catalog.clock_timestamp() - interval '1 hour'$$",
     " s ahead of the clock of the database\n", "-> let NTP set the clocks", 0},
};

START_TEST(a_server_that_does_not_fit)
{
	fake(servers[_i].function);
	ck_assert_msg(call("", "") == servers[_i].status, "%s", out);
	SAID(servers[_i].want);
	SAID(servers[_i].remedy);
	if (servers[_i].status == 0)
		SAID("\nnote   clock       3");
}
END_TEST

START_TEST(what_waits_for_a_person)
{
	migrate();
	/* Tables of a service that is not of this platform. */
	pg_run("INSERT INTO psymatch.migration (set, version, name, checksum) "
	       "VALUES ('tortoise', 1, 'x', 'x')");
	pg_run("INSERT INTO psymatch.dead_letter (consumer, topic, code, "
	       "reason) VALUES ('c', 't', 'PSM_ERR_PARSE', 'x')");
	ck_assert_msg(call("", "") == 0, "%s", out);
	SAID("ok     migrations  psymatch\n");
	SAID("note   events      1 dead letter, 0 parked\n");
	SAID("-> psymatch-dead ls shows them\n");
	pg_run("DELETE FROM psymatch.dead_letter;"
	       "INSERT INTO psymatch.parked (consumer, key, topic, state) "
	       "VALUES ('c', 'k', 't', 'held')");
	ck_assert_int_eq(call("", ""), 0);
	SAID("note   events      0 dead letters, 1 parked\n");
}
END_TEST

START_TEST(topics)
{
	const char *topic;
	char variables[200];
	struct mock m;
	size_t i;

	mock_open(&m, psm_catalogue_topic_at(0), 3);
	(void)snprintf(variables, sizeof variables,
	               "PSYMATCH_TRANSPORT=kafka KAFKA_BOOTSTRAP_SERVERS=%.99s",
	               rd_kafka_mock_cluster_bootstraps(m.cluster));
	ck_assert_int_eq(call(variables, ""), 1);
	SAID("ok     broker      ");
	SAID("are missing or different\n");
	SAID("-> psymatch-topics plan shows them");
	for (i = 1; (topic = psm_catalogue_topic_at(i)); i++)
		ck_assert_int_eq(
		    rd_kafka_mock_topic_create(m.cluster, topic, 3, 1), 0);
	ck_assert_msg(call(variables, "") == 0, "%s", out);
	SAID("ok     topics      all are as the catalogue wants them\n");
	mock_close(&m);
	ck_assert_int_eq(call("PSYMATCH_TRANSPORT=memory", ""), 0);
	SAID("note   broker      none is needed: PSYMATCH_TRANSPORT is "
	     "memory\n");
	SAID("-> events in memory reach this process only\n");
}
END_TEST

static const struct {
	const char *variables, *want;
} places[] = {
    {"STATE_DIRECTORY=/nowhere/a:/nowhere/b XDG_STATE_HOME=/nowhere/x",
     "/nowhere/a/spool: not there yet"},
    {"STATE_DIRECTORY=a XDG_STATE_HOME=/nowhere/x HOME=/nowhere/h",
     "/nowhere/x/psymatch/spool: not there yet"},
    {"-u XDG_STATE_HOME HOME=/nowhere/h",
     "/nowhere/h/.local/state/psymatch/spool: not there yet"},
    {"-u HOME -u XDG_STATE_HOME", "wrong  spool       PSYMATCH_SPOOL_DIR is "
                                  "not set, and neither STATE_DIRECTORY"},
};

START_TEST(where_the_spool_is)
{
	char variables[300];

	(void)snprintf(variables, sizeof variables,
	               "env -u PSYMATCH_SPOOL_DIR -u STATE_DIRECTORY %s",
	               places[_i].variables);
	ck_assert_int_eq(call(variables, ""),
	                 strncmp(places[_i].want, "wrong", 5) == 0);
	SAID(places[_i].want);
}
END_TEST

START_TEST(what_is_in_the_spool)
{
	static const char payload[] = "{\"email_id\": 7}";
	psm_transport *t = NULL;
	psm_producer *p = NULL;
	psm_config *cfg = NULL;
	psm_event *ev = NULL;
	char command[600];
	size_t left = 0;

	ck_assert_int_eq(psm_config_from_env(&cfg, NULL), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_TRANSPORT", "kafka", NULL), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1", NULL),
	    0);
	ck_assert_int_eq(psm_transport_open(cfg, &t, NULL), 0);
	ck_assert_int_eq(psm_producer_new(t, cfg, &p, NULL), 0);
	ck_assert_int_eq(psm_producer_start(p, NULL), 0);
	ck_assert_int_eq(psm_event_new("email.send", "test", payload,
	                               strlen(payload), &ev, NULL),
	                 0);
	ck_assert_int_eq(psm_producer_send(p, NULL, ev, NULL), 0);
	ck_assert_int_eq(psm_producer_close(p, 1, &left, NULL), 0);
	ck_assert_uint_eq(left, 1);
	psm_producer_free(p);
	psm_transport_unref(t);
	psm_event_free(ev);
	psm_config_free(cfg);
	(void)call("", "");
	SAID(": 1 event waits, 0 damaged places, ");
	(void)snprintf(command, sizeof command,
	               "for f in '%s'/stream.*/*.pms; do "
	               "sed -i s/email.send/email.sent/ \"$f\"; done",
	               spool);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(call("", ""), 1);
	SAID("wrong  spool       ");
	SAID(" 1 damaged place, ");
	SAID("-> psymatch-spool verify says where, psymatch-spool repair");
	testing_remove(spool);
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
	SAID("psymatch-doctor: --wait: want a number from 1 to 3600, got "
	     "\"0\"\n");
	ck_assert_int_eq(call("", "more"), 2);
	SAID("psymatch-doctor: more: want options only\n");
	ck_assert_int_eq(call("", "--version"), 0);
	ck_assert_int_eq(call("", ">/dev/full"), 1);
	SAID("psymatch-doctor: standard output: ");
	NOT_SAID("Success");
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
	tcase_add_loop_test(tc, a_server_that_does_not_fit, 0,
	                    sizeof servers / sizeof *servers);
	tcase_add_test(tc, what_waits_for_a_person);
	tcase_add_test(tc, topics);
	tcase_add_loop_test(tc, where_the_spool_is, 0,
	                    sizeof places / sizeof *places);
	tcase_add_test(tc, what_is_in_the_spool);
	tcase_add_test(tc, json_and_usage);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
