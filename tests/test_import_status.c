/* SPDX-License-Identifier: BSD-2-Clause */
/* What imports did and how healthy that is, at times of the test's choice. */
#include "app/app.h"
#include "testing.h"

#include <psymatch/patient_import.h>
#include <time.h>

#define OK(call) ck_assert_msg((call) == 0, "%s", psm_error_message(err))

static psm_error *err;
static psm_import_status *status;

static int64_t
count(const char *name)
{
	return psm_import_status_stat(status, name);
}

static int64_t now_us;

static int64_t
clock_of_test(void *user)
{
	(void)user; /* one clock for all */
	return now_us;
}

#define HOUR INT64_C(3600000000)
/* 2026-03-02T10:00:00Z */
#define START INT64_C(1772445600000000)

static void
setup(void)
{
	ck_assert_int_eq(setenv("TZ", "UTC", 1), 0);
	tzset();
	now_us = START;
	psm_set_clock(clock_of_test, NULL);
	err = psm_error_new();
	OK(psm_import_status_new(86400, &status, err));
}

static void
teardown(void)
{
	psm_import_status_free(status);
	psm_error_free(err);
	psm_set_clock(NULL, NULL);
}

static int
health(void)
{
	return psm_import_status_health(status, NULL, err);
}

static void
run_with(const char *file, const char *checksum, int64_t records,
         int64_t skipped, int64_t failed)
{
	struct psm__import_counts c = {{0}};
	size_t reported;
	int is_new = psm__import_is_new(status, file, checksum, &reported);

	c.n[PSM__N_RECORDS] = records;
	c.n[PSM__N_SKIPPED] = skipped;
	c.n[PSM__N_FAILED] = failed;
	psm__import_began(status);
	psm__import_file_read(status, file, &c, (size_t)records, 1, is_new);
	psm__import_ended(status, 0, err);
}

static psm_json *
told(void)
{
	psm_json *doc;
	char *text;

	OK(psm_import_status_json(status, &text, err));
	OK(psm_json_parse(text, strlen(text), &doc, err));
	psm_free(text);
	return doc;
}

static int64_t
told_number(const char *pointer)
{
	psm_json *doc = told();
	int64_t n;

	OK(psm_json_get_int(psm_json_at(doc, pointer), &n, err));
	psm_json_free(doc);
	return n;
}

static void
check_told(const char *pointer, const char *want)
{
	psm_json *doc = told();
	const char *got = psm_json_string(psm_json_at(doc, pointer));

	ck_assert_ptr_nonnull(psm_json_at(doc, pointer));
	if (want == NULL)
		ck_assert_ptr_null(got);
	else
		ck_assert_str_eq(got, want);
	psm_json_free(doc);
}

START_TEST(status_shape)
{
	static const char *const members[] = {
	    "running",
	    "last_check",
	    "last_import_run",
	    "next_import_run",
	    "files_processed_today",
	    "therapists_processed_today",
	    "therapists_failed_today",
	    "last_error",
	    "last_error_time",
	    "total_files_processed",
	    "total_therapists_processed",
	    "total_therapists_failed",
	    "recent_imports",
	};
	psm_json *doc = told();

	ck_assert_uint_eq(psm_json_count(doc), PSM__COUNT(members));
	for (size_t i = 0; i < PSM__COUNT(members); i++)
		ck_assert_str_eq(psm_json_key(doc, i), members[i]);
	psm_json_free(doc);
	check_told("/last_check", NULL);
	run_with("20250601/10115.json", "a", 22, 2, 1);
	check_told("/last_check", "2026-03-02T10:00:00.000000Z");
	check_told("/last_import_run", "2026-03-02T10:00:00.000000Z");
	check_told("/next_import_run", "2026-03-03T10:00:00.000000Z");
	check_told("/recent_imports/0/file", "20250601/10115.json");
	ck_assert_int_eq(told_number("/recent_imports/0/therapist_count"), 20);
	ck_assert_int_eq(told_number("/recent_imports/0/success_count"), 19);
	ck_assert_int_eq(told_number("/recent_imports/0/failed_count"), 1);
}
END_TEST

START_TEST(fault_81_status_counts)
{
	run_with("20250601/10115.json", "a", 20, 0, 0);
	/* Read again: no new numbers. Other content, or another day: yes. */
	run_with("20250601/10115.json", "a", 20, 0, 0);
	ck_assert_int_eq(told_number("/files_processed_today"), 1);
	run_with("20250601/10115.json", "b", 21, 0, 1);
	run_with("20250701/10115.json", "b", 21, 0, 0);
	run_with("20250601/00001.json", "b", 1, 0, 0);
	run_with("20250601/00001.json", "b", 1, 0, 0);
	ck_assert_int_eq(told_number("/files_processed_today"), 4);
	ck_assert_int_eq(told_number("/therapists_processed_today"), 63);
	ck_assert_int_eq(told_number("/therapists_failed_today"), 1);
	now_us += 14 * HOUR;
	ck_assert_int_eq(told_number("/files_processed_today"), 0);
	ck_assert_int_eq(told_number("/therapists_processed_today"), 0);
	ck_assert_int_eq(told_number("/therapists_failed_today"), 0);
	ck_assert_int_eq(told_number("/total_files_processed"), 4);
	ck_assert_int_eq(told_number("/total_therapists_processed"), 63);
	for (int i = 0; i < 60; i++) {
		char file[24];

		(void)snprintf(file, sizeof(file), "20250801/%05d.json", i);
		run_with(file, "c", 1, 0, 0);
	}
	check_told("/recent_imports/9/file", "20250801/00059.json");
	check_told("/recent_imports/0/file", "20250801/00050.json");
	ck_assert_int_eq(told_number("/total_files_processed"), 64);
	ck_assert_int_eq(count("runs"), 66);
	ck_assert_int_eq(count("nonsense"), -1);
	ck_assert_int_eq(psm_import_status_stat(NULL, "runs"), -1);
}
END_TEST

static void
fail_file(const char *file, int64_t record)
{
	(void)psm_error_set(err, PSM_ERR_PARSE, "not JSON");
	psm__import_error(status, file, record, err);
	psm_error_clear(err);
}

START_TEST(fault_84_health_by_time)
{
	ck_assert_int_eq(health(), PSM_HEALTH_GREEN);
	/* Nothing has begun for the interval and an hour. */
	now_us = START + 25 * HOUR;
	ck_assert_int_eq(health(), PSM_HEALTH_GREEN);
	now_us = START + 25 * HOUR + 61000000;
	ck_assert_int_eq(health(), PSM_HEALTH_RED);
	run_with("20250601/10115.json", "a", 20, 0, 0);
	ck_assert_int_eq(health(), PSM_HEALTH_GREEN);
	/* Runs begin, none ends. */
	for (int day = 1; day <= 3; day++) {
		now_us += 24 * HOUR;
		psm__import_began(status);
	}
	ck_assert_int_eq(health(), PSM_HEALTH_RED);
}
END_TEST

START_TEST(health_by_failures)
{
	char *text;
	psm_json *doc;

	run_with("20250601/00001.json", "a", 10, 0, 0);
	run_with("20250601/00002.json", "a", 10, 0, 1);
	ck_assert_int_eq(health(), PSM_HEALTH_AMBER);
	run_with("20250601/00003.json", "a", 10, 0, 10);
	run_with("20250601/00004.json", "a", 10, 0, 10);
	/* 21 of 40, but only four files. */
	ck_assert_int_eq(health(), PSM_HEALTH_AMBER);
	run_with("20250601/00005.json", "a", 10, 0, 10);
	ck_assert_int_eq(psm_import_status_health(status, &text, err),
	                 PSM_HEALTH_RED);
	OK(psm_json_parse(text, strlen(text), &doc, err));
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/status")),
	                 "unhealthy");
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/service")),
	                 "therapist-import-monitor");
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/details/issues/0")),
	                 "more than half of the recent therapists failed");
	ck_assert_uint_eq(psm_json_count(psm_json_at(doc, "/details")), 10);
	psm_json_free(doc);
	psm_free(text);
	/* Half is not more than half. */
	run_with("20250601/00006.json", "a", 12, 0, 0);
	ck_assert_int_eq(health(), PSM_HEALTH_AMBER);
}
END_TEST

START_TEST(health_by_errors)
{
	/* A monitor that died at its start never becomes healthy by waiting. */
	fail_file("20250601/00001.json", -1);
	now_us += 3 * HOUR;
	ck_assert_int_eq(health(), PSM_HEALTH_RED);
	run_with("20250601/00001.json", "b", 10, 0, 0);
	ck_assert_int_eq(health(), PSM_HEALTH_AMBER);
	check_told("/last_error", "20250601/00001.json:0:0: not JSON");
	for (int i = 0; i < 5; i++)
		fail_file("20250601/00002.json", -1);
	ck_assert_int_eq(health(), PSM_HEALTH_RED);
	ck_assert_int_eq(count("broken"), 6);
}
END_TEST

START_TEST(fault_85_errors_are_bounded)
{
	psm_json *doc;
	char *text;
	int64_t n;

	for (int i = 0; i < 130; i++)
		fail_file("20250601/00001.json", i);
	OK(psm_import_status_errors(status, &text, err));
	OK(psm_json_parse(text, strlen(text), &doc, err));
	ck_assert_uint_eq(psm_json_count(doc), 100);
	OK(psm_json_get_int(psm_json_at(doc, "/0/record"), &n, err));
	ck_assert_int_eq(n, 30);
	OK(psm_json_get_int(psm_json_at(doc, "/99/record"), &n, err));
	ck_assert_int_eq(n, 129);
	psm_json_free(doc);
	psm_free(text);
}
END_TEST

static void
check_issue(const char *want)
{
	char *text = NULL;

	ck_assert_int_ge(psm_import_status_health(status, &text, err), 0);
	ck_assert_msg(strstr(text, want) != NULL, "%s", text);
	psm_free(text);
}

/* Row: from starting, running, stopped, failed, off; column: to. */
START_TEST(states)
{
	static const char *const may[] = {"xxxxx", ".xxx.", "x.x..", ".xxx.",
	                                  "xxx.x"};
	/* How to get into each state from "starting". */
	static const int way[5][2] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 4}};

	for (int from = 0; from < 5; from++) {
		for (int to = 0; to < 5; to++) {
			psm_import_status *s;

			OK(psm_import_status_new(60, &s, err));
			OK(psm_import_status_set_state(s, way[from][0], err));
			OK(psm_import_status_set_state(s, way[from][1], err));
			ck_assert_int_eq(
			    psm_import_status_set_state(s, to, err),
			    may[from][to] == 'x' ? 0 : PSM_ERR_TRANSITION);
			psm_import_status_free(s);
		}
	}
	ck_assert_int_eq(psm_import_status_set_state(status, 5, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_import_status_set_state(NULL, 0, err),
	                 PSM_ERR_INVAL);
	OK(psm_import_status_set_state(status, PSM_IMPORT_RUNNING, err));
	ck_assert_int_eq(health(), PSM_HEALTH_GREEN);
	OK(psm_import_status_set_state(status, PSM_IMPORT_FAILED, err));
	ck_assert_int_eq(health(), PSM_HEALTH_RED);
	OK(psm_import_status_set_state(status, PSM_IMPORT_STOPPED, err));
	ck_assert_int_eq(health(), PSM_HEALTH_RED);
}
END_TEST

/* Whoever sets nothing up is not ill; from the first run on time counts. */
START_TEST(an_import_that_is_off)
{
	OK(psm_import_status_set_disk(status, "/nowhere", 1, err));
	OK(psm_import_status_set_state(status, PSM_IMPORT_OFF, err));
	now_us += 1000 * HOUR;
	ck_assert_int_eq(health(), PSM_HEALTH_GREEN);
	check_issue("the import is off");
	OK(psm_import_status_set_disk(status, NULL, 1, err));
	psm__import_began(status);
	ck_assert_int_eq(health(), PSM_HEALTH_GREEN);
	now_us += 100 * HOUR;
	ck_assert_int_eq(health(), PSM_HEALTH_RED);
}
END_TEST

START_TEST(the_disk_is_looked_at)
{
	psm_json *doc;
	int64_t free_bytes, size;
	char *text;

	OK(psm_import_status_set_disk(status, "/", 0, err));
	psm__import_began(status);
	ck_assert_int_eq(psm_import_status_health(status, &text, err),
	                 PSM_HEALTH_GREEN);
	OK(psm_json_parse(text, strlen(text), &doc, err));
	psm_free(text);
	OK(psm_json_get_int(psm_json_at(doc, "/details/disk/free_bytes"),
	                    &free_bytes, err));
	OK(psm_json_get_int(psm_json_at(doc, "/details/disk/size_bytes"), &size,
	                    err));
	psm_json_free(doc);
	ck_assert(free_bytes > 0 && free_bytes < size);
	/* What others write meanwhile makes no difference. */
	OK(psm_import_status_set_disk(status, "/", size, err));
	if (free_bytes > size / 9)
		ck_assert_int_eq(health(), PSM_HEALTH_AMBER);
	check_issue("room on the disk");
	OK(psm_import_status_set_disk(status, "/", INT64_MAX, err));
	ck_assert_int_eq(health(), PSM_HEALTH_RED);
	check_issue("hardly any room");
	OK(psm_import_status_set_disk(status, "/nowhere", 0, err));
	ck_assert_int_eq(health(), PSM_HEALTH_AMBER);
	check_issue("cannot be looked at");
	ck_assert_int_eq(psm_import_status_set_disk(NULL, "/", 0, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_import_status_set_disk(status, "/", -1, err),
	                 PSM_ERR_INVAL);
}
END_TEST

START_TEST(status_arguments)
{
	psm_import_status *s;
	char *text;

	ck_assert_int_eq(psm_import_status_new(0, &s, err), PSM_ERR_INVAL);
	ck_assert_ptr_null(s);
	ck_assert_int_eq(psm_import_status_new(31536001, &s, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_import_status_new(1, NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_import_status_json(NULL, &text, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_import_status_json(status, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_import_status_errors(NULL, &text, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_import_status_health(NULL, &text, err),
	                 PSM_ERR_INVAL);
	psm_import_status_cancel(NULL);
	psm_import_status_free(NULL);
}
END_TEST

/* A status that is filled and told, once. */
static int
fill_and_tell(void *arg)
{
	size_t reported;
	psm_import_status *s = NULL;
	char *text[3] = {NULL};
	struct psm__import_counts c = {{1}};
	int rc;

	(void)arg; /* the same each time */
	rc = psm_import_status_new(60, &s, NULL);
	if (rc == 0) {
		/* Without memory for it the file simply counts as new. */
		(void)psm__import_is_new(s, "20250601/00001.json", "a",
		                         &reported);
		psm__import_file_read(s, "20250601/00001.json", &c, 1, 1, 1);
		rc = psm_import_status_json(s, &text[0], NULL);
	}
	if (rc == 0)
		rc = psm_import_status_errors(s, &text[1], NULL);
	if (rc == 0)
		rc = psm_import_status_health(s, &text[2], NULL);
	for (size_t i = 0; i < 3; i++)
		psm_free(text[i]);
	psm_import_status_free(s);
	return rc;
}

START_TEST(status_out_of_memory)
{
	ck_assert_int_gt(testing_fail_each(fill_and_tell, NULL, 1), 7);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("import status");
	TCase *t = tcase_create("status");
	TCase *alone = tcase_create("memory");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, status_shape);
	tcase_add_test(t, fault_81_status_counts);
	tcase_add_test(t, fault_84_health_by_time);
	tcase_add_test(t, health_by_failures);
	tcase_add_test(t, health_by_errors);
	tcase_add_test(t, fault_85_errors_are_bounded);
	tcase_add_test(t, states);
	tcase_add_test(t, an_import_that_is_off);
	tcase_add_test(t, the_disk_is_looked_at);
	tcase_add_test(t, status_arguments);
	suite_add_tcase(s, t);
	tcase_add_test(alone, status_out_of_memory);
	suite_add_tcase(s, alone);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
