/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of the import, as cases in tests/data/import/. */
#include "app/app.h"
#include "domain/domain.h"
#include "testing.h"

#define TODAY "2026-03-05"

enum { MAP, MATCH, MERGE, PATCH, FILES };
static const char *const files[FILES] = {"map", "match", "merge", "patch"};

/* The cases of one file, read before the loops start. */
static psm_json *cases[FILES];

static psm_error *err;

static void
setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
}

static void
teardown(void)
{
	psm_error_free(err);
}

static const char *
name_of(const psm_json *c)
{
	return psm_json_string(psm_json_at(c, "/case"));
}

/* The failure that the case wants, 0 if it wants none. */
static int
wanted_code(const psm_json *c)
{
	const char *name = psm_json_string(psm_json_at(c, "/error"));
	char full[64];
	int code;

	if (name == NULL)
		return 0;
	(void)snprintf(full, sizeof(full), "PSM_ERR_%s", name);
	for (size_t i = 0; (code = psm_error_at(i)) != 0; i++) {
		if (strcmp(psm_error_name(code), full) == 0)
			return code;
	}
	ck_abort_msg("%s: no such code: %s", name_of(c), name);
	return 0;
}

static void
check_failure(const psm_json *c, int rc)
{
	const char *pointer = psm_json_string(psm_json_at(c, "/pointer"));

	ck_assert_msg(rc == wanted_code(c), "%s: got %d %s", name_of(c), rc,
	              psm_error_message(err));
	if (rc >= 0)
		return;
	ck_assert_int_eq(psm_error_code(err), rc);
	if (pointer != NULL) {
		ck_assert_str_eq(psm_error_pointer(err), pointer);
		ck_assert_uint_gt(psm_error_line(err), 0);
		ck_assert_uint_gt(psm_error_column(err), 0);
	}
}

static int64_t
number_of(const psm_json *c, const char *pointer)
{
	int64_t n;

	ck_assert_msg(psm_json_get_int(psm_json_at(c, pointer), &n, NULL) == 0,
	              "%s: want %s", name_of(c), pointer);
	return n;
}

static psm_json *
parse(const char *text)
{
	psm_json *doc;

	ck_assert_int_eq(psm_json_parse(text, strlen(text), &doc, err), 0);
	return doc;
}

START_TEST(map)
{
	const psm_json *c = psm_json_item(cases[MAP], (size_t)_i);
	int skipped = psm_json_at(c, "/skipped") != NULL;
	char *fields;
	psm_json *doc;
	int rc;

	rc = psm_therapist_from_record(psm_json_at(c, "/record"), &fields, err);
	if (rc != 0) {
		ck_assert_ptr_null(fields);
		if (skipped)
			ck_assert_int_eq(rc, 1);
		else
			check_failure(c, rc);
		return;
	}
	ck_assert_msg(!skipped && wanted_code(c) == 0, "%s", name_of(c));
	doc = parse(fields);
	ck_assert_msg(psm_json_equal(doc, psm_json_at(c, "/fields")),
	              "%s: got %s", name_of(c), fields);
	psm_json_free(doc);
	psm_free(fields);
}
END_TEST

START_TEST(fault_78_match)
{
	const psm_json *c = psm_json_item(cases[MATCH], (size_t)_i);
	size_t index;
	int rc;

	rc = psm_therapist_match(psm_json_at(c, "/fields"),
	                         psm_json_at(c, "/candidates"),
	                         psm_json_at(c, "/present"), &index, err);
	if (rc < 0 || wanted_code(c) != 0) {
		check_failure(c, rc);
		return;
	}
	ck_assert_msg(rc == number_of(c, "/former"), "%s", name_of(c));
	ck_assert_msg((int64_t)index == number_of(c, "/index"), "%s: %zu",
	              name_of(c), index);
}
END_TEST

/* The members of says are in text, and null in it are all others. */
static void
check_says(const psm_json *c, const char *text)
{
	const psm_json *says = psm_json_at(c, "/says"), *v, *want;
	psm_json *doc = parse(text);
	char pointer[64];

	ck_assert_uint_eq(psm_json_count(doc), psm__entity_therapist.count);
	for (size_t i = 0; i < psm_json_count(doc); i++) {
		(void)snprintf(pointer, sizeof(pointer), "/%s",
		               psm_json_key(doc, i));
		v = psm_json_item(doc, i);
		want = psm_json_at(says, pointer);
		ck_assert_msg(want != NULL ? psm_json_equal(v, want)
		                           : psm_json_kind(v) == PSM_JSON_NULL,
		              "%s: %s", name_of(c), pointer);
	}
	psm_json_free(doc);
}

START_TEST(fault_79_merge)
{
	const psm_json *c = psm_json_item(cases[MERGE], (size_t)_i);
	char *merged;
	int rc;

	rc = psm_therapist_merge(psm_json_at(c, "/stored"),
	                         psm_json_at(c, "/fields"), &merged, err);
	if (rc < 0 || wanted_code(c) != 0) {
		check_failure(c, rc);
		ck_assert_ptr_null(merged);
		return;
	}
	ck_assert_msg(rc == number_of(c, "/changed"), "%s: %d changed",
	              name_of(c), rc);
	check_says(c, merged);
	psm_free(merged);
}
END_TEST

START_TEST(patch)
{
	const psm_json *c = psm_json_item(cases[PATCH], (size_t)_i);
	psm_json_writer *w = psm_json_writer_new();
	struct psm__row row;
	const struct psm__wish wish = {.doc = psm_json_at(c, "/patch"),
	                               .how = PSM__READ_MERGE,
	                               .updated = "therapist.updated"};
	const struct psm__now now = {.today = TODAY};
	struct psm__events ev = {0};
	const char *text;
	size_t len;
	int rc;

	ck_assert_int_eq(psm__row_init(&row, &psm__entity_therapist, err), 0);
	ck_assert_int_eq(psm__row_read(&row, psm_json_at(c, "/stored"),
	                               PSM__READ_RECORD, 0, "", err),
	                 0);
	rc = psm__decide_patch(&row, &wish, &now, &ev, err);
	if (rc == 0)
		rc = psm__row_modified(&row);
	if (rc < 0 || wanted_code(c) != 0) {
		check_failure(c, rc);
	} else {
		ck_assert_msg(rc == number_of(c, "/changed"), "%s: %d changed",
		              name_of(c), rc);
		ck_assert_uint_eq(ev.count, rc > 0);
		if (rc > 0)
			ck_assert_str_eq(
			    ev.items[0].type,
			    psm_json_string(psm_json_at(c, "/event")));
		ck_assert_int_eq(psm__row_write(&row, PSM__FOR_REST, w, err),
		                 0);
		ck_assert_int_eq(psm_json_writer_finish(w, &text, &len, err),
		                 0);
		check_says(c, text);
	}
	psm_json_writer_free(w);
	psm__events_free(&ev);
	psm__row_free(&row);
}
END_TEST

START_TEST(arguments)
{
	const psm_json *v = cases[MAP];
	size_t index;
	char *text;

	ck_assert_int_eq(psm_therapist_from_record(NULL, &text, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_from_record(v, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_match(NULL, v, NULL, &index, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_match(v, NULL, NULL, &index, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_match(v, v, NULL, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_merge(NULL, v, &text, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_merge(v, NULL, &text, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_merge(v, v, NULL, err), PSM_ERR_INVAL);
}
END_TEST

/* No name, address or number of a record is in what a failure says. */
START_TEST(errors_without_personal_data)
{
	static const char *const secrets[] = {"Musterbaum", "Geheimgasse",
	                                      "23125", "Dr. Dr."};
	static const char text[] =
	    "{\"basic_info\": {\"salutation\": \"Frau\", \"title\": \"Dr. Dr. "
	    "Dr. Dr. Dr. Dr.\", \"first_name\": \"Berta\", \"last_name\": "
	    "\"Musterbaum\"}, \"location\": {\"postal_code\": \"10115\", "
	    "\"street\": \"Geheimgasse\"}, \"contact\": {\"phone\": \"23125\"}, "
	    "\"therapy_methods\": [\"Erwachsene\"]}";
	psm_json *record = parse(text);
	char *fields;

	ck_assert_int_eq(psm_therapist_from_record(record, &fields, err),
	                 PSM_ERR_SCHEMA);
	for (size_t i = 0; i < PSM__COUNT(secrets); i++)
		ck_assert_ptr_null(strstr(psm_error_message(err), secrets[i]));
	ck_assert_str_eq(psm_error_message(err),
	                 "basic_info/title: want at most 20 characters, found "
	                 "23");
	psm_json_free(record);
}
END_TEST

static char *file_text[FILES];

/* Everything that is pure, once through a case of each file. */
static int
everything(void *arg)
{
	psm_json *doc[FILES] = {NULL};
	const psm_json *c;
	psm_error *e = NULL;
	char *fields = NULL, *merged = NULL;
	size_t index;
	int rc = 0;

	(void)arg; /* the cases are the same each time */
	for (size_t i = 0; i < FILES && rc == 0; i++)
		rc = psm_json_parse(file_text[i], strlen(file_text[i]), &doc[i],
		                    e);
	if (rc == 0)
		rc = psm_therapist_from_record(
		    psm_json_at(doc[MAP], "/0/record"), &fields, e);
	c = psm_json_item(doc[MATCH], psm_json_count(doc[MATCH]) - 3);
	if (rc == 0)
		rc = psm_therapist_match(psm_json_at(c, "/fields"),
		                         psm_json_at(c, "/candidates"),
		                         psm_json_at(c, "/present"), &index, e);
	c = psm_json_item(doc[MERGE], 3);
	if (rc >= 0)
		rc = psm_therapist_merge(psm_json_at(c, "/stored"),
		                         psm_json_at(c, "/fields"), &merged, e);
	psm_free(fields);
	psm_free(merged);
	for (size_t i = 0; i < FILES; i++)
		psm_json_free(doc[i]);
	return rc < 0 ? rc : 0;
}

START_TEST(out_of_memory)
{
	for (size_t i = 0; i < FILES; i++) {
		char path[4096], below[64];

		psm_json_free(cases[i]);
		cases[i] = NULL;
		(void)snprintf(below, sizeof(below), "import/%s.json",
		               files[i]);
		file_text[i] =
		    testing_read(testing_path(path, sizeof(path), below), NULL);
	}
	ck_assert_int_gt(testing_fail_each(everything, NULL, 0), 100);
	for (size_t i = 0; i < FILES; i++)
		free(file_text[i]);
}
END_TEST

/* Before Check runs: its asserts do not work here. */
static int
read_file(const char *path, psm_json **out)
{
	static char text[256 * 1024];
	FILE *f = fopen(path, "rb");
	size_t len;

	if (f == NULL)
		return -1;
	len = fread(text, 1, sizeof(text), f);
	(void)fclose(f);
	return psm_json_parse(text, len, out, NULL);
}

static int
read_cases(void)
{
	const char *top = getenv("top_srcdir");
	char path[4096];

	for (size_t i = 0; i < FILES; i++) {
		(void)snprintf(path, sizeof(path),
		               "%s/tests/data/import/%s.json", top ? top : ".",
		               files[i]);
		if (read_file(path, &cases[i]) < 0)
			return -1;
	}
	return 0;
}

/* The system's own words, not a number. */
START_TEST(a_file_that_cannot_be_read_says_why)
{
	struct psm__file file;

	ck_assert_int_eq(
	    psm__file_read("/nonexistent/x.json", "x.json", &file, err),
	    PSM_ERR_IO);
	ck_assert_str_eq(psm_error_message(err),
	                 "cannot open: No such file or directory");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("import");
	TCase *t = tcase_create("cases");
	TCase *alone = tcase_create("memory");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, map, 0, (int)psm_json_count(cases[MAP]));
	tcase_add_loop_test(t, fault_78_match, 0,
	                    (int)psm_json_count(cases[MATCH]));
	tcase_add_loop_test(t, fault_79_merge, 0,
	                    (int)psm_json_count(cases[MERGE]));
	tcase_add_loop_test(t, patch, 0, (int)psm_json_count(cases[PATCH]));
	tcase_add_test(t, arguments);
	tcase_add_test(t, errors_without_personal_data);
	tcase_add_test(t, a_file_that_cannot_be_read_says_why);
	suite_add_tcase(s, t);
	tcase_add_test(alone, out_of_memory);
	tcase_set_timeout(alone, 120);
	suite_add_tcase(s, alone);
	return s;
}

int
main(void)
{
	SRunner *sr;
	int failed;

	if (read_cases() < 0)
		return 99;
	sr = srunner_create(suite());
	failed = testing_run(sr);
	for (size_t i = 0; i < FILES; i++)
		psm_json_free(cases[i]);
	return failed;
}
