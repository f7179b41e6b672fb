/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The example services as a user runs them: programs of the build tree, a
 * PostgreSQL of the test's own, and the mock broker for the journey of an event
 * through both of them.
 */
#include <sys/stat.h>
#include <poll.h>
#include <signal.h>

#include "testing_program.h"

/* In /health, once the first import is through. */
static const char imported[] = "\"name\":\"import\",\"status\":\"healthy\","
			       "\"reason\":\"last run ended";
static const char therapist[] = "therapist-service",
		  matching[] = "matching-service";

/* -- commands */

START_TEST(called_wrongly)
{
	EXPECT(2, "usage: therapist-service", therapist, "dance");
	EXPECT(2, "usage: therapist-service", therapist, "block");
	EXPECT(2, "usage: therapist-service", therapist, "unblock", "1", "2");
	EXPECT(2, "usage: therapist-service", therapist, "migrate", "x");
	EXPECT(0, "usage: therapist-service", therapist, "--help");
	EXPECT(2, "usage: matching-service", matching, "load");
	EXPECT(0, "usage: matching-service", matching, "--help");
}
END_TEST

START_TEST(a_bad_setting_is_named)
{
	(void)setenv("DB_PORT", "65536", 1);
	EXPECT(1, "DB_PORT", therapist);
	EXPECT(1, "DB_PORT", matching, "migrate");
}
END_TEST

START_TEST(a_command_without_database)
{
	(void)setenv("DB_HOST", program_dir, 1);
	EXPECT(1, "PSM_ERR_DB", therapist, "block", "1");
	EXPECT(1, "PSM_ERR_DB", matching, "migrate");
}
END_TEST

/* On a terminal, which is what script(1) makes. */
static int
import_on_a_terminal(char *out, size_t size)
{
	const char *top = getenv("top_builddir");
	char command[5000];

	(void)snprintf(command, sizeof command,
	               "script -qec \"'%s/therapist-service' import-once\" "
	               "/dev/null",
	               top ? top : ".");
	return testing_shell(command, out, size);
}

/* No line is glued to that of the progress, and none stands upon it. */
START_TEST(an_import_on_a_terminal)
{
	char out[20000];

	EXPECT(0, "", therapist, "migrate");
	pg_run("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
	       "'BEGIN RAISE disk_full; END'");
	pg_run("CREATE TRIGGER fail BEFORE INSERT ON "
	       "therapist_service.therapeuten FOR EACH ROW WHEN (new.plz >= "
	       "'2') EXECUTE FUNCTION fail()");
	ck_assert_int_eq(import_on_a_terminal(out, sizeof out), 1);
	ck_assert_msg(strstr(out, "\r1 of 6 files, ") &&
	                  strstr(out, " written\033[K\r\033[K{\"time\":") &&
	                  strstr(out, " written\033[K\r\033[Ktherapist-"),
	              "%s", out);
	pg_run("DROP FUNCTION fail CASCADE");
	ck_assert_int_eq(import_on_a_terminal(out, sizeof out), 0);
	ck_assert_msg(strstr(out, "\r6 of 6 files, ") &&
	                  strstr(out, " written\033[K\r\n") &&
	                  !strstr(out, "\033[K\r\n\033[K"),
	              "%s", out);
}
END_TEST

START_TEST(therapists_from_the_command_line)
{
	EXPECT(0, "", therapist, "migrate");
	EXPECT(0, "therapists created or updated", therapist, "import-once");
	ck_assert_int_gt(
	    pg_int("SELECT count(*) FROM therapist_service.therapeuten"), 50);
	EXPECT(0, "0 therapists created or updated\n", therapist,
	       "import-once");
	EXPECT(0, "", therapist, "block", "1", "on leave");
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox "
	                        "WHERE type = 'therapist.blocked'"),
	                 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "therapist_service.therapeuten WHERE status = "
	                        "'gesperrt' AND sperrgrund = 'on leave'"),
	                 1);
	EXPECT(0, "", therapist, "unblock", "1");
	EXPECT(0, "", therapist, "set", "1", "webseite", "https://a.example");
	EXPECT(0, "", therapist, "set", "1", "potenziell_verfuegbar", "true");
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "therapist_service.therapeuten WHERE id = 1 "
	                        "AND potenziell_verfuegbar AND webseite = "
	                        "'https://a.example'"),
	                 1);
	EXPECT(1, "line 1, column 11: /colour: want a column", therapist, "set",
	       "1", "colour", "blue");
	EXPECT(1,
	       "/status: status: want one of aktiv, gesperrt, inaktiv, found",
	       therapist, "set", "1", "status", "away");
	EXPECT(1, "Therapist 999999 not found (PSM_ERR_NOT_FOUND)", therapist,
	       "block", "999999");
	EXPECT(1, "PSM_ERR_NOT_FOUND", therapist, "block", "one");
	/* The import and the block have told about all of them. */
	EXPECT(0, "0 therapists announced\n", therapist, "announce");
	EXPECT(0, " therapists announced\n", therapist, "announce", "all");
	EXPECT(1, "announce: want nothing or", therapist, "announce", "some");
}
END_TEST

START_TEST(a_folder_of_the_future)
{
	char path[4096];

	(void)snprintf(path, sizeof path, "%s/20990101",
	               getenv("THERAPIST_IMPORT_FOLDER_PATH"));
	ck_assert_int_eq(mkdir(path, 0777), 0);
	EXPECT(1, "20990101", therapist, "import-once");
	EXPECT(1, "dated in the future", therapist, "import-once");
	ck_assert_int_gt(
	    pg_int("SELECT count(*) FROM therapist_service.therapeuten"), 50);
	ck_assert_int_eq(rmdir(path), 0);
	EXPECT(0, "0 therapists created or updated\n", therapist,
	       "import-once");
}
END_TEST

START_TEST(searches_that_were_closed_are_told_once)
{
	EXPECT(0, "", matching, "migrate");
	pg_run("INSERT INTO psymatch.search_closed VALUES (12, 7, 3)");
	EXPECT(0, "patient 7 had two active searches: 3 stays, 12 was closed\n",
	       matching, "migrate");
	EXPECT(0, "", matching, "migrate");
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.outbox WHERE type = "
	           "'search.status_changed' AND payload::jsonb = "
	           "'{\"search_id\": 12, \"patient_id\": 7, \"old_status\": "
	           "\"aktiv\", \"new_status\": \"abgebrochen\"}'"),
	    1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 1);
}
END_TEST

/* Also if nobody has run the command before. */
START_TEST(a_service_that_starts_tells_of_closed_searches)
{
	struct program p;
	struct answer a;
	char *said;

	EXPECT(0, "", matching, "migrate");
	pg_run("INSERT INTO psymatch.search_closed VALUES (12, 7, 3)");
	program_service(&p, matching, "MATCHING_SERVICE_INTERNAL_PORT");
	program_await("/health", 200, "\"name\":\"taking-over\"", &a);
	ck_assert_int_eq(pg_wait(1, 60000,
	                         "SELECT count(*) FROM psymatch.search_closed "
	                         "WHERE reported"),
	                 1);
	program_await("/metrics", 200,
	              "psymatch_events_published_total{type=\"search.status_"
	              "changed\"} 1\n",
	              &a);
	program_stop(&p);
	said = program_said(&p);
	ck_assert_ptr_nonnull(strstr(said, "two active searches"));
	free(said);
}
END_TEST

START_TEST(a_patient_file_for_matching)
{
	char path[4096];
	const char *top = getenv("top_srcdir");

	(void)snprintf(path, sizeof path, "%s/examples/data/patients.json",
	               top ? top : ".");
	EXPECT(1, "/no.such.file: No such file", matching, "load",
	       "/no.such.file");
	EXPECT(1, "/: Is a directory", matching, "load", "/");
	EXPECT(1, "/dev/null: line 1", matching, "load", "/dev/null");
	EXPECT(2, "usage: psymatch-devbroker", "psymatch-devbroker", "--topic",
	       "a/b:3");
	/* The copy knows no therapists yet. */
	EXPECT(1, "patients.json: line 190, column ", matching, "load", path);
	EXPECT(1, "PSM_ERR_NOT_FOUND", matching, "load", path);
}
END_TEST

/* -- the running services */

static void
read_and_change(struct answer *a)
{
	program_send("PUT", "/api/therapists/1", "{\"webseite\":\"x.example\"}",
	             a);
	ck_assert_int_eq(a->status, 200);
	ck_assert_ptr_nonnull(strstr(a->body, "x.example"));
	program_send("PUT", "/api/therapists/1", "{\"webseite\":\"x.example\"}",
	             a);
	ck_assert_int_eq(a->status, 200);
	testing_ask("GET", "/api/therapists/1", a);
	ck_assert_int_eq(a->status, 200);
	ck_assert_ptr_nonnull(strstr(a->body, "x.example"));
	program_send("POST", "/api/therapists/1/block", "{\"reason\":\"away\"}",
	             a);
	ck_assert_int_eq(a->status, 200);
	testing_ask("GET", "/api/therapists/1", a);
	ck_assert_ptr_nonnull(strstr(a->body, "gesperrt"));
	program_send("POST", "/api/therapists/1/unblock", "", a);
	ck_assert_int_eq(a->status, 200);
	ck_assert_ptr_nonnull(strstr(a->body, "\"status\":\"aktiv\""));
}

/* Not there, or nothing that could be there. */
static const char *const no_ids[] = {
    "999999",
    "one",
    "0",
    "-1",
    "01",
    "%2B1",
    "%201",
    "1%20",
    "2147483648",
    "1.0",
    "1e0",
    "0x1",
    "1;",
    "%D9%A1",
    "4294967297",
    "99999999999",
    "99999999999999999999999999",
};

static void
refuse(struct answer *a)
{
	char path[128];
	size_t i;

	program_send("PUT", "/api/therapists/1", "{\n\"webseite\": }", a);
	ck_assert_int_eq(a->status, 400);
	ck_assert_ptr_nonnull(strstr(a->body, "\"line\":2"));
	program_send("PUT", "/api/therapists/1", "[]", a);
	ck_assert_int_eq(a->status, 400);
	program_send("PATCH", "/api/therapists/1", "{\"colour\":1}", a);
	ck_assert_int_eq(a->status, 400);
	ck_assert_ptr_nonnull(strstr(a->body, "\"line\":1,\"column\":"));
	ck_assert_ptr_nonnull(strstr(a->body, "\"pointer\":\"/colour\""));
	program_send("POST", "/api/therapists/1/block", "{\"reason\":5}", a);
	ck_assert_int_eq(a->status, 400);
	program_send("POST", "/api/therapists/1/block", "\"away\"", a);
	ck_assert_int_eq(a->status, 400);
	testing_ask("GET", "/api/therapists/1", a);
	ck_assert_ptr_null(strstr(a->body, "gesperrt"));
	program_send("PUT", "/api/therapists/1", "{\"webseite\":1}", a);
	ck_assert_int_eq(a->status, 400);
	ck_assert_ptr_nonnull(strstr(a->body, "\"pointer\":\"/webseite\""));
	program_send("PUT", "/api/therapists/999999", "{\"webseite\":\"\"}", a);
	ck_assert_int_eq(a->status, 404);
	for (i = 0; i < sizeof no_ids / sizeof no_ids[0]; i++) {
		(void)snprintf(path, sizeof path, "/api/therapists/%s",
		               no_ids[i]);
		testing_ask("GET", path, a);
		ck_assert_msg(a->status == 404, "GET %s: %ld", path, a->status);
		program_send("PUT", path, "{\"webseite\":\"\"}", a);
		ck_assert_msg(a->status == 404, "PUT %s: %ld", path, a->status);
		(void)snprintf(path, sizeof path, "/api/therapists/%s/unblock",
		               no_ids[i]);
		program_send("POST", path, "", a);
		ck_assert_msg(a->status == 404, "POST %s: %ld", path,
		              a->status);
	}
}

/* All lines are JSON, and none of them names a person of the test data. */
static void
check_log(const struct program *p)
{
	static const char *const people[] = {"Adelheid", "Musterbaum",
	                                     "Musterweg", "x.example", "away"};
	char *text = testing_read(p->err, NULL), *line, *next;
	psm_json *doc = NULL;
	size_t i;

	for (i = 0; i < sizeof people / sizeof *people; i++)
		ck_assert_msg(!strstr(text, people[i]), "%s is in the log",
		              people[i]);
	ck_assert_uint_gt(strlen(text), 0);
	for (line = text; *line; line = next) {
		next = strchr(line, '\n');
		ck_assert_ptr_nonnull(next);
		*next++ = '\0';
		ck_assert_msg(psm_json_parse(line, strlen(line), &doc, NULL) ==
		                  0,
		              "%s", line);
		psm_json_free(doc);
	}
	free(text);
}

START_TEST(the_therapist_service)
{
	struct program p;
	struct answer a;

	program_service(&p, therapist, "THERAPIST_SERVICE_INTERNAL_PORT");
	program_await("/health", 200, imported, &a);
	program_await("/health", 200,
	              "\"name\":\"relay\",\"status\":\"healthy\"", &a);
	program_await("/health/import", 200, "\"last_check\":\"2", &a);
	program_await("/api/therapists/import-status", 200,
	              "therapists_processed", &a);
	program_await("/api/therapists/import-errors", 200, "\"wanted\":", &a);
	read_and_change(&a);
	refuse(&a);
	testing_ask("GET", "/metrics", &a);
	ck_assert_int_eq(a.status, 200);
	ck_assert_ptr_nonnull(
	    strstr(a.body, "psymatch_worker_runs_total{worker=\""));
	testing_promtool(a.body);
	ck_assert_int_eq(
	    pg_wait(0, 60000, "SELECT count(*) FROM psymatch.outbox"), 0);
	program_stop(&p);
	check_log(&p);
}
END_TEST

START_TEST(a_service_starts_without_its_database)
{
	struct program p;
	struct answer a;

	(void)setenv("DB_HOST", program_dir, 1);
	program_service(&p, _i ? matching : therapist,
	                _i ? "MATCHING_SERVICE_INTERNAL_PORT"
	                   : "THERAPIST_SERVICE_INTERNAL_PORT");
	program_await("/health", 503,
	              "\"name\":\"database\",\"status\":\"unhealthy\"", &a);
	program_await("/health", 503,
	              "\"name\":\"service\",\"status\":\"healthy\"", &a);
	testing_ask("GET", _i ? "/api/platzsuchen/1" : "/api/therapists/1", &a);
	ck_assert_int_eq(a.status, 503);
	/* Where the database should be is nothing for strangers. */
	ck_assert_str_eq(a.body, "{\"message\":\"database error\","
	                         "\"code\":\"PSM_ERR_DB\"}");
	testing_ask("GET", "/health", &a);
	ck_assert_ptr_null(strstr(a.body, program_dir));
	ck_assert_ptr_null(strstr(a.body, "socket"));
	program_stop(&p);
}
END_TEST

START_TEST(the_database_may_come_later)
{
	struct program p;
	struct answer a;

	pg_down();
	program_service(&p, therapist, "THERAPIST_SERVICE_INTERNAL_PORT");
	program_await("/health", 503,
	              "\"name\":\"database\",\"status\":\"unhealthy\"", &a);
	pg_up();
	program_await("/health", 200,
	              "\"name\":\"database\",\"status\":\"healthy\"", &a);
	program_await("/health", 200, imported, &a);
	program_stop(&p);
}
END_TEST

/* -- changes while a service or its database ends */

#define CLIENTS 8
#define NEW_ONE                                                                \
	"{\"anrede\":\"Frau\",\"geschlecht\":\"weiblich\",\"vorname\":\"V\","  \
	"\"nachname\":\"Last\"}"

static _Atomic int made, refused, others, are_to_end;

/* Until there is nobody to ask, or it is to end. */
static void *
make_more(void *unused)
{
	struct answer *a = psm_alloc(sizeof *a);

	(void)unused;
	while (a && !are_to_end) {
		program_send("POST", "/api/therapists", NEW_ONE, a);
		if (a->curl != CURLE_OK)
			break;
		*(a->status == 201   ? &made
		  : a->status == 503 ? &refused
		                     : &others) += 1;
	}
	psm_free(a);
	return NULL;
}

static void
begin_changes(struct program *p, pthread_t *clients)
{
	struct answer a;

	program_service(p, therapist, "THERAPIST_SERVICE_INTERNAL_PORT");
	program_await("/health", 200, imported, &a);
	for (int i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(
		    pthread_create(&clients[i], NULL, make_more, NULL), 0);
}

static void
await_more(const _Atomic int *count, int more)
{
	int64_t until = psm__mono_us() + PROGRAM_DEADLINE_US;
	int want = *count + more;

	while (*count < want) {
		ck_assert_int_lt(psm__mono_us(), until);
		(void)poll(NULL, 0, 2);
	}
}

static int64_t
end_changes(pthread_t *clients)
{
	for (int i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(pthread_join(clients[i], NULL), 0);
	ck_assert_int_eq(others, 0);
	return pg_int("SELECT count(*) FROM therapist_service.therapeuten "
	              "WHERE nachname = 'Last'");
}

/* What the service made it has answered, though it was told to end. */
START_TEST(told_to_end_under_load)
{
	pthread_t clients[CLIENTS];
	struct program p;

	begin_changes(&p, clients);
	await_more(&made, 40);
	program_stop(&p);
	ck_assert_int_eq(end_changes(clients), made);
}
END_TEST

/* A change that was answered is there. One that was refused is not, unless it
 * was the commit's answer that got lost. */
START_TEST(the_database_restarts_under_load)
{
	pthread_t clients[CLIENTS];
	struct program p;
	int64_t rows;

	begin_changes(&p, clients);
	for (int i = 0; i < 3; i++) {
		await_more(&made, 20);
		pg_down();
		await_more(&refused, 1);
		pg_up();
	}
	await_more(&made, 20);
	are_to_end = 1;
	rows = end_changes(clients);
	ck_assert_int_ge(rows, made);
	ck_assert_int_le(rows, made + refused);
	program_stop(&p);
}
END_TEST

/* -- the journey: both services and a broker */

static void
start_broker(struct program *p)
{
	int64_t until = psm__mono_us() + PROGRAM_DEADLINE_US;
	char *text, *address, *end;

	program_start(p, (const char *const[]){"psymatch-devbroker", NULL});
	for (;;) {
		text = program_said(p);
		address = strstr(text, "bootstrap=");
		end = address ? strchr(address, '\n') : NULL;
		if (end)
			break;
		free(text);
		ck_assert_int_lt(psm__mono_us(), until);
		(void)poll(NULL, 0, 20);
	}
	*end = '\0';
	(void)setenv("KAFKA_BOOTSTRAP_SERVERS", address + 10, 1);
	(void)setenv("PSYMATCH_TRANSPORT", "kafka", 1);
	free(text);
}

START_TEST(a_block_travels_to_the_matching_service)
{
	struct program broker, services[2];
	char path[4096];
	const char *top = getenv("top_srcdir");
	struct answer a;
	int64_t count, id;

	(void)snprintf(path, sizeof path, "%s/examples/data/patients.json",
	               top ? top : ".");
	start_broker(&broker);
	program_service(&services[1], matching,
	                "MATCHING_SERVICE_INTERNAL_PORT");
	program_await("/health", 200, "\"status\"", &a);
	program_service(&services[0], therapist,
	                "THERAPIST_SERVICE_INTERNAL_PORT");
	program_await("/health", 200, imported, &a);
	ck_assert_int_eq(
	    pg_wait(0, 60000, "SELECT count(*) FROM psymatch.outbox"), 0);
	count = pg_int("SELECT count(*) FROM therapist_service.therapeuten");
	ck_assert_int_eq(pg_wait(count, 60000,
	                         "SELECT count(*) FROM "
	                         "matching_service.therapeuten_kopie"),
	                 count);
	EXPECT(0, "inquiries made", matching, "load", path);
	id = pg_int("SELECT therapist_id FROM "
	            "matching_service.therapeutenanfrage "
	            "WHERE gesendet_datum IS NULL LIMIT 1");
	ck_assert_int_gt(id, 0);
	(void)snprintf(path, sizeof path, "/api/therapists/%lld/block",
	               (long long)id);
	program_send("POST", path, "{\"reason\":\"away\"}", &a);
	ck_assert_int_eq(a.status, 200);
	(void)snprintf(path, sizeof path,
	               "SELECT count(*) FROM "
	               "matching_service.therapeutenanfrage WHERE "
	               "therapist_id = %lld AND gesendet_datum IS NULL "
	               "AND storniert_datum IS NULL",
	               (long long)id);
	ck_assert_int_eq(pg_wait(0, 60000, path), 0);
	program_stop(&services[0]);
	program_stop(&services[1]);
	ck_assert_int_eq(kill(broker.pid, SIGTERM), 0);
	ck_assert_int_eq(program_end(&broker), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("services");
	TCase *tc = tcase_create("services");
	const char *sanitize = getenv("PSM_SANITIZE");

	tcase_add_checked_fixture(tc, program_set_up, program_tear_down);
	tcase_set_timeout(tc, 180);
	tcase_add_test(tc, called_wrongly);
	tcase_add_test(tc, a_bad_setting_is_named);
	tcase_add_test(tc, a_command_without_database);
	tcase_add_test(tc, therapists_from_the_command_line);
	tcase_add_test(tc, an_import_on_a_terminal);
	tcase_add_test(tc, a_folder_of_the_future);
	tcase_add_test(tc, searches_that_were_closed_are_told_once);
	tcase_add_test(tc, a_service_that_starts_tells_of_closed_searches);
	tcase_add_test(tc, a_patient_file_for_matching);
	tcase_add_test(tc, the_therapist_service);
	tcase_add_loop_test(tc, a_service_starts_without_its_database, 0, 2);
	tcase_add_test(tc, the_database_may_come_later);
	tcase_add_test(tc, told_to_end_under_load);
	tcase_add_test(tc, the_database_restarts_under_load);
	/* Programs without tsan_threads.c cannot use librdkafka then. */
	if (!sanitize || !strstr(sanitize, "thread"))
		tcase_add_test(tc, a_block_travels_to_the_matching_service);
	suite_add_tcase(s, tc);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return program_main(suite, argv);
}
