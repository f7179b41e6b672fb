/* SPDX-License-Identifier: BSD-2-Clause */
/* The objects of a source: what becomes of each, whatever fails, and wherever
 * the process ends. */
#include <signal.h>
#include <sys/wait.h>

#include "testing_patient_run.h"

/* -- a folder */

START_TEST(a_folder)
{
	put_file("b.json", GOOD);
	put_file("below/a.json", OTHER);
	put_file("c.json", BAD);
	put_file("c.txt", GOOD);
	put_file(".hidden.json", REGISTRATION("\"HIDDEN\"", ""));
	put_file("failed/d.json", REGISTRATION("\"FAILED\"", ""));
	put_file("imported/e.json", REGISTRATION("\"IMPORTED\"", ""));
	ck_assert_int_eq(symlink("c.txt", place("l.json")), 0);
	let_settle();
	check_run(2);
	ck_assert_int_eq(patients(), 2);
	ck_assert(is_there("imported/b.json") && !is_there("b.json"));
	ck_assert(is_there("imported/below%2Fa.json"));
	ck_assert(!is_there("below/a.json") && !is_there("c.json"));
	ck_assert(is_there("failed/c.json") && is_there("l.json"));
	ck_assert(is_there("c.txt") && is_there(".hidden.json"));
	check_told("/total_processed", "2");
	check_told("/total_failed", "1");
	check_told("/files_processed_today", "2");
	check_told("/files_failed_today", "1");
	check_told("/recent_imports/0/file", "\"b.json\"");
	check_told("/recent_imports/0/status", "\"success\"");
	check_told("/recent_imports/2/status", "\"failed\"");
	check_told("/running", "true");
	ck_assert_int_eq(psm_import_status_health(status, NULL, err),
	                 PSM_HEALTH_AMBER);
	ck_assert_int_eq(faults(), 1);
	check_run(0);
	check_told("/total_failed", "1");
}
END_TEST

/* What a program is still writing is broken for a moment. */
START_TEST(a_file_on_its_way)
{
	put_file("a.json", "{\"patient_data\": {\"anrede\": \"Fr");
	written_s("a.json", 1000);
	/* The clock of a file server may be ahead of ours. */
	for (now_us = INT64_C(941999999); now_us < INT64_C(1060000000);
	     now_us += 59000000)
		check_run(0);
	ck_assert(is_there("a.json"));
	ck_assert_int_eq(faults(), 0);
	check_told("/total_failed", "0");
	put_file("a.json", GOOD);
	check_run(1);
	ck_assert(!is_there("a.json"));
}
END_TEST

START_TEST(a_clock_that_is_wrong)
{
	put_file("a.json", "{\"patient_data\": {\"anrede\": \"Fr");
	written_s("a.json", 1000);
	now_us = 940000000;
	check_run(0);
	ck_assert(is_there("failed/a.json"));
}
END_TEST

/* -- a source whose parts fail, on a folder that outlives the process */

enum point { NOWHERE, AT_LIST, AT_READ, BEFORE_END, AFTER_END, POINTS };
static struct {
	enum point dies;
	int list, read, end; /* what they return instead; 0: they work */
	psm_object_source *inner;
} rig;

static void
die_at(enum point p)
{
	if (rig.dies == p)
		(void)kill(getpid(), SIGKILL);
}

static int
rig_list(psm_object_name_fn each, void *list, void *user, psm_error *e)
{
	(void)user;
	if (rig.list != 0)
		return psm__fail(e, rig.list, "the list fails");
	die_at(AT_LIST);
	return rig.inner->list(each, list, rig.inner->user, e);
}

static int
rig_read(const char *name, size_t max, char **text, size_t *len, void *user,
         psm_error *e)
{
	int rc;

	(void)user;
	if (rig.read != 0)
		return psm__fail(e, rig.read, "the read fails");
	rc = rig.inner->read(name, max, text, len, rig.inner->user, e);
	die_at(AT_READ);
	return rc;
}

static int
rig_end(const char *name, int how, void *user, psm_error *e)
{
	int rc;

	(void)user;
	if (rig.end != 0)
		return psm__fail(e, rig.end, "the end fails");
	die_at(BEFORE_END);
	rc = rig.inner->end(name, how, rig.inner->user, e);
	die_at(AFTER_END);
	return rc;
}

static void
rig_setup(void)
{
	setup();
	memset(&rig, 0, sizeof(rig));
	rig.inner = source;
	OK(psm_object_source_new(rig_list, rig_read, rig_end, NULL, NULL,
	                         &source, err));
}

static void
rig_teardown(void)
{
	psm_object_source_free(rig.inner);
	teardown();
}

/* A run in a process of its own, which may be killed. */
static pid_t
start_run(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		st = pg_store(); /* connections are the parent's */
		_exit(run() < 0);
	}
	return pid;
}

static void
check_killed(pid_t pid)
{
	int how;

	ck_assert_int_eq(waitpid(pid, &how, 0), pid);
	ck_assert(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
}

/* Wherever it is killed: each good one is a patient once, each broken one is
 * told once, and no file is lost. */
START_TEST(fault_74_S13_killed_anywhere)
{
	int keeps = _i >= POINTS;

	if (keeps)
		OK(psm_object_source_keep(source, place(".kept"), err));
	put_file("a.json", GOOD);
	put_file("b.json", BAD);
	put_file("c.json", OTHER);
	rig.dies = (enum point)(_i % POINTS);
	let_settle();
	for (int i = 0; i < 3 && rig.dies != NOWHERE; i++)
		check_killed(start_run());
	rig.dies = NOWHERE;
	ck_assert_int_ge(run(), 0);
	ck_assert_int_eq(patients(), 2);
	ck_assert_int_eq(created_events(), 2);
	ck_assert_int_eq(faults(), 1);
	ck_assert(!is_there("a.json") && !is_there("b.json"));
	ck_assert(is_there(keeps ? ".kept/a.json" : "imported/a.json"));
	ck_assert(is_there(keeps ? ".kept/failed/b.json" : "failed/b.json"));
	ck_assert(is_there(keeps ? ".kept/c.json" : "imported/c.json"));
}
END_TEST

/* Before the commit: nothing has happened. */
START_TEST(fault_74_killed_before_the_commit)
{
	pid_t pid;

	put_file("a.json", GOOD);
	pg_run("CREATE TABLE waits (); CREATE FUNCTION wait() RETURNS trigger "
	       "AS 'BEGIN PERFORM pg_sleep(0.01) FROM pg_sleep(0); "
	       "LOCK TABLE waits; RETURN new; END' LANGUAGE plpgsql; "
	       "CREATE TRIGGER w BEFORE INSERT ON patient_service.patienten "
	       "FOR EACH ROW EXECUTE FUNCTION wait()");
	pg_run("BEGIN; LOCK TABLE waits");
	pid = start_run();
	while (pg_int("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0)
		continue;
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	check_killed(pid);
	pg_run("COMMIT");
	ck_assert(is_there("a.json"));
	check_run(1);
	ck_assert_int_eq(patients(), 1);
	ck_assert_int_eq(created_events(), 1);
}
END_TEST

/* -- failures that pass */

START_TEST(fault_75_database_away)
{
	int rc;
	int64_t until;

	put_file("a.json", GOOD);
	put_file("b.json", BAD);
	let_settle();
	pg_down();
	rc = run();
	ck_assert_msg(rc == PSM_ERR_DB || rc == PSM_ERR_TIMEOUT, "%d", rc);
	ck_assert(is_there("a.json") && is_there("b.json"));
	check_told("/total_failed", "0");
	ck_assert_int_eq(psm_import_status_health(status, NULL, err),
	                 PSM_HEALTH_RED);
	pg_up();
	until = psm__mono_ms() + 60000;
	do
		rc = run();
	while (rc == PSM_ERR_DB && psm__mono_ms() < until);
	ck_assert_int_eq(rc, 1);
	ck_assert(is_there("imported/a.json") && is_there("failed/b.json"));
	check_told("/total_failed", "1");
}
END_TEST

/* Fault 84: a list that fails is an error, not an empty source. */
START_TEST(fault_84_source_away)
{
	put_file("a.json", GOOD);
	rig.list = PSM_ERR_UNAVAILABLE;
	check_run(PSM_ERR_UNAVAILABLE);
	ck_assert_int_eq(psm_import_status_health(status, NULL, err),
	                 PSM_HEALTH_RED);
	rig.list = 0;
	rig.read = PSM_ERR_UNAVAILABLE;
	check_run(PSM_ERR_UNAVAILABLE);
	rig.read = PSM_ERR_IO;
	check_run(PSM_ERR_IO);
	ck_assert(is_there("a.json"));
	ck_assert_int_eq(faults(), 0);
	rig.read = PSM_ERR_NOT_FOUND;
	check_run(0);
	rig.read = 0;
	check_run(1);
}
END_TEST

/* Fault 72: an object that will never be a file is told once, and put aside. */
START_TEST(fault_72_unreadable)
{
	put_file("a.json", GOOD);
	put_file("b.json", OTHER);
	rig.read = PSM_ERR_TOO_LARGE;
	rig.end = PSM_ERR_IO;
	check_run(PSM_ERR_IO);
	check_run(PSM_ERR_IO);
	check_told("/total_failed", "2");
	ck_assert_int_eq(faults(), 2);
}
END_TEST

/* What cannot be removed is imported once all the same, and does not stop the
 * others. */
START_TEST(fault_74_nothing_can_be_removed)
{
	put_file("a.json", GOOD);
	put_file("b.json", OTHER);
	rig.end = PSM_ERR_IO;
	check_run(PSM_ERR_IO);
	check_run(PSM_ERR_IO);
	ck_assert_int_eq(patients(), 2);
	check_told("/total_processed", "2");
	check_told("/total_failed", "0");
	check_told("/last_error", "\"the end fails\"");
	rig.end = 0;
	check_run(0);
	ck_assert(!is_there("a.json") && !is_there("b.json"));
}
END_TEST

static void
note_progress(int64_t done, int64_t total, int64_t written, void *user)
{
	(void)written;
	*(int64_t *)user = done * 100 + total;
}

START_TEST(progress)
{
	int64_t last = 0;

	put_file("a.json", GOOD);
	put_file("b.json", OTHER);
	psm_import_status_on_progress(status, note_progress, &last);
	check_run(2);
	ck_assert_int_eq(last, 202);
}
END_TEST

START_TEST(cancelled)
{
	put_file("a.json", GOOD);
	psm_import_status_cancel(status);
	check_run(PSM_ERR_STATE);
	ck_assert_int_eq(patients(), 0);
	ck_assert(is_there("a.json"));
}
END_TEST

START_TEST(health_is_told)
{
	char *text;

	ck_assert_int_eq(psm_import_status_health(status, &text, err),
	                 PSM_HEALTH_GREEN);
	ck_assert_ptr_nonnull(strstr(text, "\"patient-import-monitor\""));
	ck_assert_ptr_nonnull(strstr(text, "\"files_failed_today\":0"));
	psm_free(text);
	/* Thresholds follow the interval, which is an hour here. */
	now_us += INT64_C(2) * 3600 * 1000000;
	ck_assert_int_eq(psm_import_status_health(status, NULL, err),
	                 PSM_HEALTH_RED);
}
END_TEST

START_TEST(arguments)
{
	psm_import_status *none;
	psm_object_source *s;

	ck_assert_int_eq(psm_patient_import_run(NULL, source, status, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_patient_import_run(st, NULL, status, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_object_source_folder("", &s, err), PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_object_source_new(rig_list, NULL, rig_end, NULL, NULL, &s, err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_object_source_keep(NULL, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_patient_import_status_new(0, &none, err),
	                 PSM_ERR_INVAL);
	psm_object_source_free(NULL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("patient import runs");
	TCase *t = tcase_create("folder");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_folder);
	tcase_add_test(t, a_file_on_its_way);
	tcase_add_test(t, a_clock_that_is_wrong);
	tcase_add_test(t, health_is_told);
	tcase_add_test(t, arguments);
	suite_add_tcase(s, t);
	t = tcase_create("failures");
	tcase_add_checked_fixture(t, rig_setup, rig_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, fault_74_S13_killed_anywhere, 0, 2 * POINTS);
	tcase_add_test(t, fault_74_killed_before_the_commit);
	tcase_add_test(t, fault_75_database_away);
	tcase_add_test(t, fault_84_source_away);
	tcase_add_test(t, fault_72_unreadable);
	tcase_add_test(t, fault_74_nothing_can_be_removed);
	tcase_add_test(t, progress);
	tcase_add_test(t, cancelled);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	pg_main(argv);
	return testing_run(srunner_create(suite()));
}
