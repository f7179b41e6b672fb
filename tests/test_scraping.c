/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading the public lists again: asked for, done once, alone, in time. */
#include "base/base.h"
#include "testing_handle.h"

#include <psymatch/scraping.h>
#include <psymatch/therapist.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256], name[300];

static char command[400] = "";
static const char *seconds = "60";
static const char *imports; /* NULL: no such setting */

static psm_config *
settings_of(void)
{
	psm_config *cfg = pg_settings();

	OK(psm_config_set(cfg, "SCRAPING_COMMAND", command, err));
	OK(psm_config_set(cfg, "SCRAPING_TIMEOUT_SECONDS", seconds, err));
	if (imports != NULL)
		OK(psm_config_set(cfg, "THERAPIST_IMPORT_FOLDER_PATH", imports,
		                  err));
	return cfg;
}

static void
reopen(void)
{
	psm_config *cfg = settings_of();

	psm_store_free(st);
	st = NULL;
	OK(psm_store_open(cfg, &st, err));
	psm_config_free(cfg);
}

static void
setup(void)
{
	testing_tmpdir(folder, sizeof(folder));
	(void)snprintf(name, sizeof(name), "%s/ran", folder);
	app_setup();
}

static void
teardown(void)
{
	app_teardown();
	testing_remove(folder);
}

static void
write_script(const char *text)
{
	char path[300];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/scrape", folder);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	(void)fprintf(f, "#!/bin/sh\n%s\n", text);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, 0700), 0);
}

static void
restart(const char *limit)
{
	(void)snprintf(command, sizeof(command), "%s/scrape --all  $x;",
	               folder);
	seconds = limit;
	reopen();
}

static int
work(void)
{
	psm_config *cfg = settings_of();
	psm_jobs *jobs = NULL;
	int rc;

	OK(psm_jobs_new(st, cfg, &jobs, err));
	OK(psm_scraping_jobs(jobs, st, cfg, err));
	ck_assert_int_eq(psm_scraping_jobs(jobs, st, cfg, err),
	                 PSM_ERR_CONFLICT);
	rc = psm_jobs_run_once(jobs, err);
	psm_jobs_free(jobs);
	psm_config_free(cfg);
	return rc;
}

static void
check_file(const char *want)
{
	char got[200] = "";
	FILE *f = fopen(name, "r");
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = '\0';
	(void)fclose(f);
	ck_assert_str_eq(got, want);
}

#define ASK(id, more)                                                          \
	receive(psm_therapist_handle, "scraping.run", "2026-03-09T11:00:00Z",  \
	        "\"request_id\": " id more)
#define STATE                                                                  \
	"SELECT string_agg(key || ' ' || state, ',' ORDER BY key) FROM "       \
	"psymatch.job WHERE kind = 'scraping.run'"

START_TEST(runs)
{
	char script[600];

	(void)snprintf(script, sizeof(script), "echo \"$*\" >>%s", name);
	write_script(script);
	restart("60");
	ASK("\"a\"", "");
	ASK("7", ", \"plz\": \"52\"");
	ASK("\"a\"", "");
	ck_assert_int_eq(work(), 2);
	CHECK_TEXT("7 done,a done", STATE);
	/* No shell has read it, and the postal code comes last. */
	check_file("--all $x;\n--all $x; 52\n");
	ck_assert_int_eq(work(), 0);
}
END_TEST

/* The import has a job of its own: when it fails, it alone is done again. */
START_TEST(imports_what_was_found)
{
	static const char *const rows[] = {"THERAPIST_IMPORT_FOLDER_PATH",
	                                   "path",
	                                   "/nowhere",
	                                   "",
	                                   "",
	                                   "folder",
	                                   NULL};
	char script[1600], path[300];

	(void)snprintf(path, sizeof(path), "%s/found", folder);
	(void)snprintf(script, sizeof(script),
	               "echo once >>%s; mkdir -p %s/20260309 && cat "
	               ">%s/20260309/52062.json <<'.'\n{\"therapists\": "
	               "[{\"basic_info\": {\"salutation\": \"Frau\", "
	               "\"first_name\": \"Berta\", \"last_name\": \"Muster\"}, "
	               "\"location\": {\"postal_code\": \"52062\"}, "
	               "\"therapy_methods\": [\"Erwachsene\"]}]}\n.",
	               name, path, path);
	OK(psm_config_register(rows, err));
	imports = path;
	write_script(script);
	restart("60");
	pg_run("ALTER TABLE therapist_service.therapeuten RENAME TO away");
	ASK("\"a\"", "");
	ck_assert_int_eq(work(), 2);
	CHECK_TEXT("a done", STATE);
	CHECK_TEXT("failed 1",
	           "SELECT concat_ws(' ', state, attempts) FROM psymatch.job "
	           "WHERE kind = 'scraping.import'");
	pg_run("ALTER TABLE therapist_service.away RENAME TO therapeuten");
	OK(psm_jobs_retry(st,
	                  pg_int("SELECT id FROM psymatch.job WHERE kind = "
	                         "'scraping.import'"),
	                  err));
	ck_assert_int_eq(work(), 1);
	CHECK_TEXT("Berta", "SELECT string_agg(vorname, ',') FROM "
	                    "therapist_service.therapeuten");
	check_file("once\n");
}
END_TEST

START_TEST(is_asked_for)
{
	char *id = NULL;

	OK(psm_scraping_request(st, "52062", &id, err));
	ck_assert_int_eq(outbox("scraping.run"), 1);
	CHECK_TEXT("52062", "SELECT payload::jsonb ->> 'plz' FROM "
	                    "psymatch.outbox");
	CHECK_TEXT(id, "SELECT payload::jsonb ->> 'request_id' FROM "
	               "psymatch.outbox");
	psm_free(id);
	OK(psm_scraping_request(st, NULL, NULL, err));
	ck_assert_int_eq(psm_scraping_request(st, "--x", &id, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_scraping_request(NULL, NULL, &id, err),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(id);
}
END_TEST

/* It is run again later; what it began is ended. */
START_TEST(fails)
{
	static const char *const scripts[] = {"exit 3", "exec sleep 300",
	                                      "kill -9 $$"};

	write_script(scripts[_i]);
	restart("1");
	ASK("\"a\"", "");
	ck_assert_int_eq(work(), 1);
	CHECK_TEXT("a waiting", STATE);
}
END_TEST

START_TEST(one_at_a_time)
{
	psm_tx *tx = NULL;

	write_script("exit 0");
	restart("60");
	ASK("\"a\"", "");
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_exec(tx,
	               "SELECT pg_advisory_xact_lock(hashtextextended("
	               "'psymatch scraping', 0))",
	               0, NULL, NULL, err));
	ck_assert_int_eq(work(), 1);
	CHECK_TEXT("a waiting", STATE);
	psm_tx_rollback(tx);
}
END_TEST

START_TEST(settings)
{
	psm_config *cfg;
	psm_jobs *jobs = NULL;

	seconds = "600";
	cfg = settings_of();
	OK(psm_jobs_new(st, cfg, &jobs, err));
	ck_assert_int_eq(psm_scraping_jobs(jobs, st, cfg, err), PSM_ERR_CONFIG);
	ck_assert_int_eq(psm_scraping_jobs(NULL, st, cfg, err), PSM_ERR_INVAL);
	psm_jobs_free(jobs);
	psm_config_free(cfg);
	/* Nobody has said what is to be run: that does not pass. */
	(void)snprintf(command, sizeof(command), " ");
	seconds = "60";
	reopen();
	ASK("\"a\"", "");
	ck_assert_int_eq(work(), 1);
	CHECK_TEXT("a failed", STATE);
}
END_TEST

START_TEST(wrong_requests)
{
	static const char *const wrong[] = {
	    "\"request_id\": 1, \"plz\": \"--x\"",
	    "\"request_id\": 1, \"plz\": \"123456\"",
	    "\"request_id\": 1, \"plz\": \"\""};
	psm_event *ev =
	    make_event("scraping.run", "2026-03-09T11:00:00Z", wrong[_i]);

	ck_assert_int_eq(pg_handle(st, psm_therapist_handle, ev, err),
	                 PSM_ERR_REJECT);
	psm_event_free(ev);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("scraping");
	TCase *t = tcase_create("scraping");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, runs);
	tcase_add_test(t, imports_what_was_found);
	tcase_add_test(t, is_asked_for);
	tcase_add_loop_test(t, fails, 0, 3);
	tcase_add_test(t, one_at_a_time);
	tcase_add_test(t, settings);
	tcase_add_loop_test(t, wrong_requests, 0, 3);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
