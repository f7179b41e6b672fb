/* SPDX-License-Identifier: BSD-2-Clause */
/* The therapist import on a real database, with the sample data. */
#include "app/app.h"
#include "testing_app.h"
#include "testing_import.h"

#include <pthread.h>
#include <utime.h>

/* Copy one day of the sample data into the folder. */
static void
scrape(const char *day)
{
	const char *top = getenv("top_srcdir");
	char command[9000];

	(void)snprintf(command, sizeof(command),
	               "cp -R '%s/examples/data/therapists/%s' '%s' && "
	               "chmod -R u+w '%s'",
	               top ? top : ".", day, folder, folder);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(new_therapists)
{
	char *text;
	psm_json *doc;

	scrape("20250601");
	ck_assert_int_eq(import(), 100);
	ck_assert_int_eq(therapists("true"), 100);
	ck_assert_int_eq(outbox("therapist.created"), 100);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 100);
	ck_assert_int_eq(count("created"), 100);
	ck_assert_int_eq(count("skipped"), 10);
	ck_assert_int_eq(count("failed"), 0);
	ck_assert_int_eq(count("files"), 5);
	/* The key is the id, and the record is the row, all of it. */
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.outbox o "
	           "JOIN therapist_service.therapeuten t "
	           "ON o.aggregateid = t.id::text "
	           "WHERE o.payload::jsonb -> 'therapist_data' = to_jsonb(t) "
	           "AND (o.payload::jsonb ->> 'therapist_id')::integer = t.id "
	           "AND o.payload::jsonb ->> 'entity_version' = '1'"),
	    100);
	text = pg_text("SELECT payload FROM psymatch.outbox LIMIT 1");
	OK(psm_json_parse(text, strlen(text), &doc, err));
	ck_assert_uint_eq(psm_json_count(psm_json_at(doc, "/therapist_data")),
	                  PSM__THERAPIST_COUNT);
	psm_json_free(doc);
	free(text);
	ck_assert_int_eq(therapists("status = 'aktiv' AND kassensitz AND NOT "
	                            "potenziell_verfuegbar AND created_at IS "
	                            "NOT NULL AND updated_at IS NULL"),
	                 100);
}
END_TEST

START_TEST(invariant_9_a_second_time_nothing)
{
	char *before;

	scrape("20250601");
	scrape("20250701");
	scrape("20250801");
	ck_assert_int_eq(import(), 100);
	before = app_state();
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(import(), 0);
	app_check_state(before);
	ck_assert_int_eq(count("unchanged"), 200);
	ck_assert_int_eq(count("runs"), 3);
}
END_TEST

/* What the second and third day of the sample data are made for. */
START_TEST(later_days)
{
	int64_t id;

	scrape("20250601");
	ck_assert_int_eq(import(), 100);
	id = pg_int("SELECT id FROM therapist_service.therapeuten WHERE plz = "
	            "'10115' AND strasse LIKE '%%25'");
	scrape("20250701");
	ck_assert_int_gt(import(), 0);
	/* The name changed, the therapist did not. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "therapist_service.therapeuten WHERE id = %lld "
	                        "AND nachname = 'Neumusterfrau'",
	                        (long long)id),
	                 1);
	ck_assert_int_eq(therapists("true"), 100);
	/* The ninth record gives nothing any more: all is kept. */
	ck_assert_int_eq(therapists("telefon IS NULL"), 0);
	scrape("20250801");
	ck_assert_int_gt(import(), 0);
	ck_assert_int_eq(therapists("true"), 100);
	ck_assert_int_eq(outbox("therapist.created"), 100);
	ck_assert_int_eq(outbox("therapist.updated"), count("updated"));
	ck_assert_int_eq(therapists("updated_at IS NOT NULL"),
	                 pg_int("SELECT count(DISTINCT aggregateid) FROM "
	                        "psymatch.outbox WHERE type = "
	                        "'therapist.updated'"));
	/* No number and no procedure in the third day: what was known stays. */
	ck_assert_int_eq(therapists("strasse IS NULL OR "
	                            "psychotherapieverfahren IS NULL"),
	                 0);
	ck_assert_int_eq(count("failed"), 3);
	ck_assert_int_eq(count("broken"), 1);
	ck_assert_int_eq(therapists("nachname = 'Doppelmuster'"), 0);
	ck_assert_int_eq(therapists("nachname = 'Anredlos'"), 0);
}
END_TEST

/* The errors of the sample data: where, and what was wanted; no names. */
START_TEST(reported_errors)
{
	static const char *const pointers[] = {
	    "", "/therapists/22/basic_info/salutation", "/therapists/22",
	    "/therapists/23"};
	static const char *const places[] = {
	    "20250801/04109.json", "20250801/20095.json", "20250801/50667.json",
	    "20250801/50667.json"};
	const psm_json *e;
	psm_json *doc;
	char *text;
	int64_t line;

	scrape("20250801");
	ck_assert_int_eq(import(), 100);
	ck_assert_int_eq(import(), 0);
	OK(psm_import_status_errors(status, &text, err));
	ck_assert_ptr_null(strstr(text, "Doppelmuster"));
	ck_assert_ptr_null(strstr(text, "Anredlos"));
	ck_assert_ptr_null(strstr(text, "Sehr geehrte"));
	ck_assert_ptr_null(strstr(text, "SELECT"));
	OK(psm_json_parse(text, strlen(text), &doc, err));
	/* Twice the same content is told once. */
	ck_assert_uint_eq(psm_json_count(doc), 4);
	for (size_t i = 0; i < 4; i++) {
		e = psm_json_item(doc, i);
		ck_assert_str_eq(psm_json_string(psm_json_at(e, "/file")),
		                 places[i]);
		ck_assert_str_eq(psm_json_string(psm_json_at(e, "/pointer")),
		                 pointers[i]);
		OK(psm_json_get_int(psm_json_at(e, "/line"), &line, err));
		ck_assert_int_gt(line, 0);
		ck_assert_ptr_nonnull(
		    psm_json_string(psm_json_at(e, "/wanted")));
	}
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/0/code")),
	                 "PSM_ERR_PARSE");
	ck_assert_int_eq(psm_json_kind(psm_json_at(doc, "/0/record")),
	                 PSM_JSON_NULL);
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/2/code")),
	                 "PSM_ERR_AMBIGUOUS");
	psm_json_free(doc);
	psm_free(text);
}
END_TEST

/* -- the log */

static char logged[8192];

static void
keep_log(int level, const char *message, const char *const *fields, void *user)
{
	size_t used = strlen(logged);

	(void)user;
	if (level != PSM_LOG_WARN)
		return;
	(void)snprintf(logged + used, sizeof(logged) - used, "%s", message);
	for (; *fields; fields += 2) {
		used = strlen(logged);
		(void)snprintf(logged + used, sizeof(logged) - used, "|%s=%s",
		               fields[0], fields[1]);
	}
	used = strlen(logged);
	(void)snprintf(logged + used, sizeof(logged) - used, "\n");
}

/* A command has no status, and its user still sees every error. */
START_TEST(errors_are_logged)
{
	int rc;

	scrape("20250801");
	logged[0] = '\0';
	psm_set_log(keep_log, PSM_LOG_WARN, NULL);
	rc = psm_therapist_import_run(st, folder, NULL, err);
	psm_set_log(NULL, PSM_LOG_WARN, NULL);
	ck_assert_int_ge(rc, 0);
	ck_assert_msg(strstr(logged, "broken import file|file=20250801/"
	                             "04109.json|record=|pointer=|line="),
	              "%s", logged);
	ck_assert_ptr_null(strstr(logged, "line=0"));
	ck_assert_msg(
	    strstr(logged,
	           "faulty import record|file=20250801/20095.json|record=22|"
	           "pointer=/therapists/22/basic_info/salutation|line="),
	    "%s", logged);
	ck_assert_msg(strstr(logged, "|record=23|pointer=/therapists/23|"),
	              "%s", logged);
	ck_assert_ptr_null(strstr(logged, "Doppelmuster"));
	ck_assert_ptr_null(strstr(logged, "Anredlos"));
	ck_assert_ptr_null(strstr(logged, "Sehr geehrte"));
}
END_TEST

START_TEST(fault_80_broken_files_are_counted)
{
	struct utimbuf long_ago = {1000000000, 1000000000};
	time_t soon = time(NULL) + 30;
	struct utimbuf ahead = {soon, soon};

	put("20250601", "10115.json", "{\"therapists\": {}}");
	put("20250601", "10117.json", "[1]");
	put("20250601", "10119.json", "");
	put_one("20250501", "10115.json", "Frau", "Alt", "030 23125 1");
	/* Too young to be moved; the older file of the code is read. */
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(count("broken"), 3);
	ck_assert_int_eq(access(place("20250601/10115.json"), F_OK), 0);
	/* The same content is no news, also for another process, and where the
	 * clock of a file server is ahead. */
	psm_import_status_free(status);
	OK(psm_import_status_new(86400, &status, err));
	ck_assert_int_eq(utime(place("20250601/10115.json"), &ahead), 0);
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(count("broken"), 0);
	ck_assert_int_eq(access(place("20250601/10115.json"), F_OK), 0);
	/* Other content is. */
	put("20250601", "10115.json", "{\"therapists\": 5}");
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(count("broken"), 1);
	/* Where it is not allowed to move it, it stays. */
	put("", "failed", "in the way");
	ck_assert_int_eq(utime(place("20250601/10115.json"), &long_ago), 0);
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(access(place("20250601/10115.json"), F_OK), 0);
	ck_assert_int_eq(unlink(place("failed")), 0);
	ck_assert_int_eq(import(), 0);
	ck_assert_int_ne(access(place("20250601/10115.json"), F_OK), 0);
	ck_assert_int_eq(access(place("failed/20250601/10115.json"), F_OK), 0);
	ck_assert_int_eq(count("broken"), 1);
	/* A repaired one is read. */
	put_one("20250601", "10115.json", "Frau", "Alt", "030 23125 2");
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(therapists("telefon = '030 23125 2'"), 1);
}
END_TEST

START_TEST(fault_83_other_names_are_left_alone)
{
	put_one("99999999", "10115.json", "Frau", "A", "1");
	put_one("20250230", "10115.json", "Frau", "B", "1");
	put_one("2025060", "10115.json", "Frau", "C", "1");
	put_one("failed", "10115.json", "Frau", "D", "1");
	put_one("20250601", "1011.json", "Frau", "E", "1");
	put_one("20250601", "10115.json.tmp", "Frau", "F", "1");
	put_one("20250601", "berlin.json", "Frau", "G", "1");
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(count("files"), 0);
	ck_assert_int_eq(count("broken"), 0);
	ck_assert_int_eq(
	    psm_therapist_import_run(st, place("none"), status, err),
	    PSM_ERR_IO);
	ck_assert_int_eq(psm_therapist_import_run(NULL, folder, status, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_import_run(st, NULL, status, err),
	                 PSM_ERR_INVAL);
}
END_TEST

/* Files of two postal codes tell about one therapist: without an order between
 * them each run would write both. */
START_TEST(two_files_one_therapist)
{
	char *before;

	put_one("20250701", "10115.json", "Frau", "Alt", "030 23125 1");
	put_one("20250601", "10117.json", "Frau", "Alt", "030 23125 2");
	ck_assert_int_eq(import(), 2);
	ck_assert_int_eq(therapists("telefon = '030 23125 1'"), 1);
	before = app_state();
	ck_assert_int_eq(import(), 0);
	app_check_state(before);
	ck_assert_int_eq(count("superseded"), 1);
}
END_TEST

START_TEST(unknown_salutation)
{
	put_one("20250601", "10115.json", "Dr.", "Alt", "030 23125 1");
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(count("failed"), 1);
	put_one("20250602", "10115.json", "Frau", "Alt", "030 23125 1");
	ck_assert_int_eq(import(), 1);
	put_one("20250603", "10115.json", "Dr.", "Alt", "030 23125 2");
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(count("failed"), 1);
	ck_assert_int_eq(therapists("anrede = 'Frau' AND geschlecht = "
	                            "'weiblich' AND telefon = '030 23125 2'"),
	                 1);
}
END_TEST

/* Somebody's decisions are not the import's. */
START_TEST(manual_columns)
{
	put_one("20250601", "10115.json", "Frau", "Alt", "030 23125 1");
	ck_assert_int_eq(import(), 1);
	pg_run("UPDATE therapist_service.therapeuten SET status = 'gesperrt', "
	       "sperrgrund = 'x', sperrdatum = '2025-01-01', kassensitz = "
	       "false, naechster_kontakt_moeglich = '2030-01-01', geschlecht = "
	       "'divers', potenziell_verfuegbar = true");
	put_one("20250602", "10115.json", "Frau", "Alt", "030 23125 2");
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(
	    therapists("status = 'gesperrt' AND sperrgrund = 'x' AND "
	               "sperrdatum = '2025-01-01' AND NOT kassensitz AND "
	               "naechster_kontakt_moeglich = '2030-01-01' AND "
	               "geschlecht = 'divers' AND potenziell_verfuegbar AND "
	               "telefon = '030 23125 2'"),
	    1);
}
END_TEST

/* The database goes away: nothing is lost, nothing counts as failed. */
START_TEST(database_away)
{
	int64_t until;
	int rc;

	scrape("20250601");
	pg_down();
	rc = psm_therapist_import_run(st, folder, status, err);
	ck_assert_msg(rc == PSM_ERR_DB || rc == PSM_ERR_TIMEOUT, "%d", rc);
	ck_assert_int_eq(psm_error_retriable(err), 1);
	ck_assert_int_eq(count("failed"), 0);
	ck_assert_int_eq(psm_import_status_health(status, NULL, err),
	                 PSM_HEALTH_RED);
	pg_up();
	/* The store tries again after a pause of its own. */
	until = psm__mono_ms() + 60000;
	do
		rc = psm_therapist_import_run(st, folder, status, err);
	while (rc == PSM_ERR_DB && psm__mono_ms() < until);
	ck_assert_int_eq(rc, 100);
	ck_assert_int_eq(outbox("therapist.created"), 100);
	ck_assert_int_eq(count("failed"), 0);
}
END_TEST

/* The status is shown to clients, the server's own words are not. */
START_TEST(database_refuses)
{
	char *text;

	scrape("20250601");
	pg_run("ALTER TABLE therapist_service.therapeuten RENAME TO elsewhere");
	ck_assert_int_eq(psm_therapist_import_run(st, folder, status, err),
	                 PSM_ERR_DB);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "therapeuten"));
	OK(psm_import_status_json(status, &text, err));
	ck_assert_ptr_null(strstr(text, "therapeuten"));
	ck_assert_ptr_nonnull(
	    strstr(text, "\"last_error\":\"database error\""));
	psm_free(text);
}
END_TEST

static void *
import_thread(void *arg)
{
	psm_error *own = psm_error_new();
	int *rc = arg;

	*rc = psm_therapist_import_run(st, folder, status, own);
	psm_error_free(own);
	return NULL;
}

START_TEST(two_at_once)
{
	pthread_t thread[3];
	int rc[3], total = 0;

	scrape("20250601");
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(
		    pthread_create(&thread[i], NULL, import_thread, &rc[i]), 0);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		ck_assert_int_ge(rc[i], 0);
		total += rc[i];
	}
	ck_assert_int_eq(total, 100);
	ck_assert_int_eq(therapists("true"), 100);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 100);
}
END_TEST

static void
note_progress(int64_t done, int64_t total, int64_t written, void *user)
{
	int64_t *last = user;

	ck_assert_int_eq(done, last[0] + 1);
	last[0] = done;
	last[1] = total;
	last[2] = written;
}

START_TEST(progress)
{
	int64_t last[3] = {0, 0, 0};

	put_one("20250601", "10115.json", "Frau", "Alt", "030 23125 1");
	put_one("20250601", "10117.json", "Frau", "Neu", "030 23125 2");
	psm_import_status_on_progress(status, note_progress, last);
	ck_assert_int_eq(import(), 2);
	ck_assert(last[0] == 2 && last[1] == 2 && last[2] == 2);
	psm_import_status_on_progress(status, NULL, NULL);
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(last[0], 2);
}
END_TEST

START_TEST(cancelled)
{
	scrape("20250601");
	psm_import_status_cancel(status);
	ck_assert_int_eq(psm_therapist_import_run(st, folder, status, err),
	                 PSM_ERR_STATE);
	ck_assert_int_eq(therapists("true"), 0);
	/* A fresh start forgets the wish. */
	OK(psm_import_status_set_state(status, PSM_IMPORT_STOPPED, err));
	OK(psm_import_status_set_state(status, PSM_IMPORT_STARTING, err));
	ck_assert_int_eq(import(), 100);
}
END_TEST

START_TEST(one_file)
{
	put_one("20250601", "10115.json", "Frau", "Alt", "030 23125 1");
	put("20250601", "10117.json", "{\n  \"therapists\": [,]}");
	ck_assert_int_eq(psm_therapist_import_file(
			     st, place("20250601/10115.json"), NULL, err),
	                 1);
	ck_assert_int_eq(psm_therapist_import_file(
			     st, place("20250601/10115.json"), status, err),
	                 0);
	ck_assert_int_eq(psm_therapist_import_file(
			     st, place("20250601/10117.json"), status, err),
	                 PSM_ERR_PARSE);
	ck_assert_str_eq(psm_error_source(err), "20250601/10117.json");
	ck_assert_uint_eq(psm_error_line(err), 2);
	ck_assert_int_eq(psm_therapist_import_file(
			     st, place("20250601/10118.json"), status, err),
	                 PSM_ERR_IO);
	ck_assert_int_eq(psm_therapist_import_file(st, "10115.json", NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_import_file(
			     st, place("20251301/10115.json"), NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_import_file(NULL, folder, NULL, err),
	                 PSM_ERR_INVAL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("import run");
	TCase *t = tcase_create("database");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, new_therapists);
	tcase_add_test(t, invariant_9_a_second_time_nothing);
	tcase_add_test(t, later_days);
	tcase_add_test(t, reported_errors);
	tcase_add_test(t, errors_are_logged);
	tcase_add_test(t, fault_80_broken_files_are_counted);
	tcase_add_test(t, fault_83_other_names_are_left_alone);
	tcase_add_test(t, two_files_one_therapist);
	tcase_add_test(t, unknown_salutation);
	tcase_add_test(t, manual_columns);
	tcase_add_test(t, database_away);
	tcase_add_test(t, database_refuses);
	tcase_add_test(t, two_at_once);
	tcase_add_test(t, progress);
	tcase_add_test(t, cancelled);
	tcase_add_test(t, one_file);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	return app_main(argv, suite);
}
