/* SPDX-License-Identifier: BSD-2-Clause */
/* The objects of a source: what becomes of each, whatever fails, and wherever
 * the process ends. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/object.h"
#include "testing_patient_import.h"

#define BAD REGISTRATION("null", ", \"symptome\": 7")
#define OTHER REGISTRATION("\"OTHERTOKEN\"", "")

static psm_object_source *source;

static void
setup(void)
{
	import_setup();
	OK(psm_object_source_folder(folder, &source, err));
}

static void
teardown(void)
{
	psm_object_source_free(source);
	import_teardown();
}

static int
run(void)
{
	return psm_patient_import_run(st, source, status, err);
}

static void
check_run(int want)
{
	int rc = run();

	ck_assert_msg(rc == want, "%d: %s", rc, psm_error_message(err));
}

/* The files of this test were written long ago. */
static void
let_settle(void)
{
	now_us = (int64_t)time(NULL) * 1000000 + INT64_C(120000000);
}

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
	now_us = (int64_t)time(NULL) * 1000000;
	check_run(0);
	ck_assert(is_there("a.json"));
	ck_assert_int_eq(faults(), 0);
	check_told("/total_failed", "0");
	put_file("a.json", GOOD);
	check_run(1);
	ck_assert(!is_there("a.json"));
}
END_TEST

/* -- copies */

static char kept[4200];

static void
keep_copies(void)
{
	(void)snprintf(kept, sizeof(kept), "%s/.kept", folder);
	OK(psm_object_source_keep(source, kept, err));
}

static size_t
count_files(const char *path, const char *beginning)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((e = readdir(dir)) != NULL)
		n += strcmp(e->d_name, ".") != 0 &&
		     strcmp(e->d_name, "..") != 0 &&
		     strncmp(e->d_name, beginning, strlen(beginning)) == 0;
	closedir(dir);
	return n;
}

START_TEST(copies_are_kept)
{
	struct stat info;

	(void)snprintf(kept, sizeof(kept), "%s/in", folder);
	psm_object_source_free(source);
	OK(psm_object_source_folder(kept, &source, err));
	keep_copies();
	put_file("in/b.json", GOOD);
	put_file("in/c.json", BAD);
	let_settle();
	check_run(1);
	ck_assert(is_there(".kept/b.json") && is_there(".kept/failed/c.json"));
	ck_assert(!is_there("in/b.json") && !is_there("in/c.json"));
	ck_assert_int_eq(stat(place(".kept/b.json"), &info), 0);
	ck_assert_int_eq(info.st_mode & 0777, 0600);
	ck_assert_int_eq(info.st_size, strlen(GOOD));
	/* Fault 73: another one of that name overwrites nothing. */
	put_file("in/b.json", OTHER);
	check_run(1);
	ck_assert_int_eq(stat(place(".kept/b.json"), &info), 0);
	ck_assert_int_eq(info.st_size, strlen(GOOD));
	ck_assert_uint_eq(count_files(place(".kept"), "b"), 2);
}
END_TEST

static const char *const names[][2] = {
    {"../../x.json", "%2E.%2F..%2Fx.json"},
    {"a/b.json", "a%2Fb.json"},
    {"/etc/passwd.json", "%2Fetc%2Fpasswd.json"},
    {"a%2Fb.json", "a%252Fb.json"},
    {".json", ".json"},
    {"\u00fc b.json", "%C3%BC%20b.json"},
    {"..json", "%2E.json"},
};

START_TEST(fault_73_names_of_copies)
{
	char name[256], longest[1025];

	psm__object_copy_name(names[_i][0], NULL, name);
	ck_assert_str_eq(name, names[_i][1]);
	psm__object_copy_name(names[_i][0], "0123456789abcdef0123", name);
	ck_assert_ptr_nonnull(strstr(name, "-0123456789abcdef.json"));
	memset(longest, '/', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	psm__object_copy_name(longest, "0123456789abcdef0123", name);
	ck_assert_uint_lt(strlen(name), 256);
}
END_TEST

/* -- others who write to the same folders */

/* What they do, once, before a file is moved or removed, and after a copy was
 * put in its place; NULL: nothing. */
static void (*before_end)(void), (*after_copy)(void);

static void
let_others_act(void (**what)(void))
{
	void (*act)(void) = *what;

	if (act == NULL)
		return;
	*what = NULL;
	act();
}

/* These are called in the place of the C library's. */
int
rename(const char *from, const char *to)
{
	let_others_act(&before_end);
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
unlink(const char *path)
{
	let_others_act(&before_end);
	return unlinkat(AT_FDCWD, path, 0);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	int rc = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);

	let_others_act(&after_copy);
	return rc;
}

static void
put_newer(void)
{
	char to[4200];

	put_file("new", OTHER);
	(void)snprintf(to, sizeof(to), "%s/a.json", folder);
	ck_assert_int_eq(renameat(AT_FDCWD, place("new"), AT_FDCWD, to), 0);
}

/* A newer file that comes in the moment between look and end stays: of one that
 * is moved, of one that is removed as a copy is kept, of a broken one. */
START_TEST(a_newer_file_is_not_taken)
{
	if (_i == 1)
		keep_copies();
	put_file("a.json", _i == 2 ? BAD : GOOD);
	let_settle();
	before_end = put_newer;
	check_run(_i == 2 ? 0 : 1);
	ck_assert_ptr_null(before_end);
	ck_assert(is_there("a.json"));
	ck_assert_uint_eq(count_files(folder, "taken-"), 0);
	check_run(1);
	ck_assert_int_eq(patients(), _i == 2 ? 1 : 2);
	ck_assert(!is_there("a.json"));
	ck_assert_uint_eq(count_files(folder, "taken-"), 0);
}
END_TEST

static int
copy(const char *name, const char *text)
{
	return psm__object_copy(folder, 0, name, "0123456789abcdef", text,
	                        strlen(text), NULL);
}

static void
put_another_copy(void)
{
	put_file("a.json", OTHER);
}

/* What another container is writing is left alone; and a copy that was replaced
 * is none. */
START_TEST(copies_of_others)
{
	put_file(".tmp/1-0-another", OTHER);
	after_copy = put_another_copy;
	ck_assert_int_eq(copy("a.json", GOOD), PSM_ERR_IO);
	ck_assert_int_eq(copy("a.json", GOOD), 0);
	ck_assert(is_there("a-0123456789abcdef.json"));
	ck_assert(is_there(".tmp/1-0-another"));
	ck_assert_uint_eq(count_files(place(".tmp"), ""), 1);
}
END_TEST

/* What a killed import left goes, what another one writes now stays. */
START_TEST(copies_half_written)
{
	const struct timespec old[2] = {{.tv_sec = 1600000000},
	                                {.tv_sec = 1600000000}};

	keep_copies();
	put_file(".kept/.tmp/old", OTHER);
	put_file(".kept/.tmp/new", OTHER);
	put_file(".kept/old.json", OTHER);
	ck_assert_int_eq(utimensat(AT_FDCWD, place(".kept/.tmp/old"), old, 0),
	                 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, place(".kept/old.json"), old, 0),
	                 0);
	let_settle();
	check_run(0);
	ck_assert(!is_there(".kept/.tmp/old"));
	ck_assert(is_there(".kept/.tmp/new") && is_there(".kept/old.json"));
}
END_TEST

/* A folder of copies that is the source would lose them; one below it is no
 * source. */
START_TEST(copies_beside_the_source)
{
	char path[4200];

	ck_assert_int_eq(psm_object_source_keep(source, place("."), err),
	                 PSM_ERR_INVAL);
	(void)snprintf(path, sizeof(path), "%s/copies", folder);
	OK(psm_object_source_keep(source, path, err));
	put_file("copies/b.json", OTHER);
	put_file("a.json", GOOD);
	let_settle();
	check_run(1);
	ck_assert(is_there("copies/a.json") && is_there("copies/b.json"));
	testing_remove(path);
	ck_assert_int_eq(symlink(folder, path), 0);
	check_run(PSM_ERR_CONFIG);
}
END_TEST

#define COPIES 20

static void *
copy_thread(void *arg)
{
	static const char *const texts[] = {GOOD, OTHER};
	int *which = arg, failed = 0;
	char name[32];

	for (int i = 0; i < COPIES; i++) {
		(void)snprintf(name, sizeof(name), "t%d-%d.json", *which, i);
		failed += copy(name, texts[*which % 2]) < 0;
	}
	*which = failed;
	return NULL;
}

START_TEST(copies_at_once)
{
	pthread_t threads[4];
	int which[4];

	for (int i = 0; i < 4; i++) {
		which[i] = i;
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, copy_thread, &which[i]),
		    0);
	}
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_int_eq(which[i], 0);
	}
	ck_assert_uint_eq(count_files(folder, "t"), (size_t)4 * COPIES);
	ck_assert_uint_eq(count_files(place(".tmp"), ""), 0);
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
	until = psm__mono_ms() + 10000;
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
	tcase_add_test(t, copies_are_kept);
	tcase_add_loop_test(t, a_newer_file_is_not_taken, 0, 3);
	tcase_add_test(t, copies_of_others);
	tcase_add_test(t, copies_half_written);
	tcase_add_test(t, copies_beside_the_source);
	tcase_add_test(t, copies_at_once);
	tcase_add_test(t, health_is_told);
	tcase_add_test(t, arguments);
	suite_add_tcase(s, t);
	t = tcase_create("names");
	tcase_add_loop_test(t, fault_73_names_of_copies, 0,
	                    (int)PSM__COUNT(names));
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
