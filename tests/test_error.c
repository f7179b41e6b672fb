/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing.h"

#include "base/base.h"

static psm_error *err;

static void
setup(void)
{
	ck_assert_int_eq(
	    psm_set_allocator(testing_alloc, testing_realloc, testing_free), 0);
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
}

static void
teardown(void)
{
	psm_error_free(err);
	ck_assert_int_eq(atomic_load(&testing_memory.live), 0);
}

static const struct {
	int code;
	const char *name;
	int retriable;
} rows[] = {
    {-1, "PSM_ERR_INVAL", 0},
    {-2, "PSM_ERR_NOMEM", 1},
    {-3, "PSM_ERR_PARSE", 0},
    {-4, "PSM_ERR_SCHEMA", 0},
    {-5, "PSM_ERR_STATE", 0},
    {-6, "PSM_ERR_FULL", 1},
    {-7, "PSM_ERR_TOO_LARGE", 0},
    {-8, "PSM_ERR_IO", 1},
    {-9, "PSM_ERR_DB", 1},
    {-10, "PSM_ERR_BROKER", 1},
    {-11, "PSM_ERR_TIMEOUT", 1},
    {-12, "PSM_ERR_NOT_FOUND", 0},
    {-13, "PSM_ERR_TRANSITION", 0},
    {-14, "PSM_ERR_CONFLICT", 0},
    {-15, "PSM_ERR_CONFIG", 0},
    {-16, "PSM_ERR_VERSION", 0},
    {-17, "PSM_ERR_CORRUPT", 0},
    {-18, "PSM_ERR_RETRY", 1},
    {-19, "PSM_ERR_REJECT", 0},
    {-20, "PSM_ERR_CLOSED", 0},
    {-21, "PSM_ERR_FENCED", 1},
    {-22, "PSM_ERR_AMBIGUOUS", 0},
    {-23, "PSM_ERR_UNKNOWN_TYPE", 0},
    {-24, "PSM_ERR_UNCONFIRMED", 0},
    {-25, "PSM_ERR_PRECONDITION", 0},
    {-26, "PSM_ERR_MEDIA_TYPE", 0},
    {-27, "PSM_ERR_UNAVAILABLE", 1},
};

/* Values are a promise: this table is written by hand, not made from the map.
 */
START_TEST(each_code)
{
	int code = rows[_i].code;

	ck_assert_int_eq(psm_error_at((size_t)_i), code);
	ck_assert_str_eq(psm_error_name(code), rows[_i].name);
	ck_assert_str_ne(psm_strerror(code), psm_strerror(-999));
	ck_assert_int_eq(psm__fail(err, code, "x"), code);
	ck_assert_int_eq(psm_error_retriable(err), rows[_i].retriable);
	ck_assert_int_eq(psm_error_fatal(err), 0);
}
END_TEST

/* A client may repeat what may succeed later. */
START_TEST(each_code_has_a_status)
{
	int code = rows[_i].code, status = psm_error_http_status(code);

	ck_assert_int_ge(status, 202);
	ck_assert_int_le(status, 503);
	if (rows[_i].retriable)
		ck_assert_int_eq(status, 503);
}
END_TEST

START_TEST(no_code_is_missing)
{
	ck_assert_int_eq(psm_error_at(PSM__COUNT(rows)), 0);
	ck_assert_str_eq(psm_error_name(0), "PSM_OK");
	ck_assert_str_eq(psm_strerror(0), "success");
	ck_assert_str_eq(psm_strerror(17), "success");
	ck_assert_str_eq(psm_error_name(-999), "PSM_UNKNOWN");
	ck_assert_str_eq(psm_strerror(-999), "unknown error code");
	ck_assert_int_eq(psm_error_http_status(0), 200);
	ck_assert_int_eq(psm_error_http_status(17), 200);
	ck_assert_int_eq(psm_error_http_status(-999), 500);
}
END_TEST

static void
expect_clear(const psm_error *e)
{
	ck_assert_int_eq(psm_error_code(e), PSM_OK);
	ck_assert_str_eq(psm_error_message(e), "");
	ck_assert_str_eq(psm_error_source(e), "");
	ck_assert_str_eq(psm_error_pointer(e), "");
	ck_assert_uint_eq(psm_error_offset(e), 0);
	ck_assert_uint_eq(psm_error_line(e), 0);
	ck_assert_uint_eq(psm_error_column(e), 0);
	ck_assert_int_eq(psm_error_retriable(e), 0);
	ck_assert_int_eq(psm_error_fatal(e), 0);
}

START_TEST(the_first_failure_wins)
{
	struct psm__pos at = {7, 2, 3}, later = {9, 4, 5};

	expect_clear(err);
	ck_assert_int_eq(psm__fail_at(err, PSM_ERR_PARSE, at, "first %d", 1),
	                 PSM_ERR_PARSE);
	ck_assert_int_eq(psm__fail(err, PSM_ERR_IO, "second"), PSM_ERR_IO);
	ck_assert_int_eq(psm__fail_at(err, PSM_ERR_IO, later, "third"),
	                 PSM_ERR_IO);
	psm__error_source(err, "file %s", "a");
	psm__error_source(err, "file %s", "b");
	psm__error_pointer(err, "/a");
	psm__error_pointer(err, "/b");
	psm__error_position(err, later);
	ck_assert_int_eq(psm_error_code(err), PSM_ERR_PARSE);
	ck_assert_str_eq(psm_error_message(err), "first 1");
	ck_assert_str_eq(psm_error_source(err), "file a");
	ck_assert_str_eq(psm_error_pointer(err), "/a");
	ck_assert_uint_eq(psm_error_offset(err), 7);
	ck_assert_uint_eq(psm_error_line(err), 2);
	ck_assert_uint_eq(psm_error_column(err), 3);
	psm_error_clear(err);
	expect_clear(err);
}
END_TEST

START_TEST(details_need_a_failure)
{
	struct psm__pos at = {7, 2, 3};

	psm__error_source(err, "file");
	psm__error_pointer(err, "/a");
	psm__error_position(err, at);
	psm__error_prefix(err, "before: ");
	psm__error_flags(err, 1, 1);
	expect_clear(err);
	psm__fail(err, PSM_ERR_DB, "x");
	psm__error_position(err, at);
	psm__error_flags(err, 0, 1);
	psm__error_prefix(err, "row %d: ", 3);
	psm__error_prefix(err, "table t, ");
	ck_assert_uint_eq(psm_error_line(err), 2);
	ck_assert_str_eq(psm_error_message(err), "table t, row 3: x");
	ck_assert_int_eq(psm_error_retriable(err), 0);
	ck_assert_int_eq(psm_error_fatal(err), 1);
}
END_TEST

START_TEST(no_error_object_is_fine)
{
	struct psm__pos at = {7, 2, 3};

	ck_assert_int_eq(psm__fail(NULL, PSM_ERR_IO, "x"), PSM_ERR_IO);
	ck_assert_int_eq(psm__fail_at(NULL, PSM_ERR_IO, at, "x"), PSM_ERR_IO);
	ck_assert_int_eq(psm__nomem(NULL), PSM_ERR_NOMEM);
	ck_assert_int_eq(psm_error_set(NULL, PSM_ERR_RETRY, "x"),
	                 PSM_ERR_RETRY);
	psm__error_source(NULL, "x");
	psm__error_pointer(NULL, "/x");
	psm__error_position(NULL, at);
	psm__error_prefix(NULL, "x");
	psm__error_flags(NULL, 1, 1);
	psm__error_copy(NULL, err);
	psm__error_clear(NULL);
	psm_error_clear(NULL);
	psm_error_free(NULL);
	expect_clear(NULL);
}
END_TEST

static const struct {
	const char *in, *out;
} tidied[] = {
    {"plain", "plain"},
    {"two\nlines\r\n\tand\x01 more\x7f", "two lines   and  more "},
    {"Gr\xc3\xbc\xc3\x9f", "Gr\xc3\xbc\xc3\x9f"},
    {"bad \xff byte", "bad ? byte"},
    {"overlong \xc0\x80 x", "overlong ?? x"},
    {"surrogate \xed\xa0\x80 x", "surrogate ??? x"},
    {"", ""},
};

START_TEST(messages_are_one_line_of_utf8)
{
	psm__fail(err, PSM_ERR_IO, "%s", tidied[_i].in);
	psm__error_source(err, "%s", tidied[_i].in);
	psm__error_pointer(err, tidied[_i].in);
	ck_assert_str_eq(psm_error_message(err), tidied[_i].out);
	ck_assert_str_eq(psm_error_source(err), tidied[_i].out);
	ck_assert_str_eq(psm_error_pointer(err), tidied[_i].out);
}
END_TEST

/* Every length around the limit, so that the cut falls on each byte of a
 * character once. */
START_TEST(long_texts_are_cut_between_characters)
{
	char text[3000];
	size_t len;

	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'a', shift);
		for (size_t i = shift; i + 4 < sizeof(text); i += 4)
			memcpy(text + i, "\xf0\x9f\x98\x80", 5);
		psm_error_clear(err);
		psm__fail(err, PSM_ERR_IO, "%s", text);
		psm__error_source(err, "%s", text);
		psm__error_pointer(err, text);
		for (int i = 0; i < 3; i++)
			psm__error_prefix(err, "%s", text + shift + 2000);
		len = strlen(psm_error_message(err));
		ck_assert_uint_ge(len, 500);
		ck_assert_uint_eq(psm__utf8_check(psm_error_message(err), len),
		                  len);
		ck_assert_ptr_null(strchr(psm_error_message(err), '?'));
		ck_assert_ptr_null(strchr(psm_error_source(err), '?'));
		ck_assert_ptr_null(strchr(psm_error_pointer(err), '?'));
	}
}
END_TEST

START_TEST(set_by_a_callback)
{
	psm__fail(err, PSM_ERR_IO, "earlier");
	ck_assert_int_eq(psm_error_set(err, PSM_ERR_REJECT, "a\nb"),
	                 PSM_ERR_REJECT);
	ck_assert_int_eq(psm_error_code(err), PSM_ERR_REJECT);
	ck_assert_str_eq(psm_error_message(err), "a b");
	ck_assert_int_eq(psm_error_set(err, PSM_ERR_RETRY, NULL),
	                 PSM_ERR_RETRY);
	ck_assert_str_eq(psm_error_message(err), psm_strerror(PSM_ERR_RETRY));
	ck_assert_int_eq(psm_error_retriable(err), 1);
	ck_assert_int_eq(psm_error_set(err, 0, "x"), 0);
	expect_clear(err);
	ck_assert_int_eq(psm_error_set(err, -999, "x"), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_error_set(err, 5, "x"), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_error_code(err), PSM_ERR_INVAL);
}
END_TEST

/* A program passes on what it has: the texts of the object itself. */
START_TEST(set_from_its_own_texts)
{
	psm__fail(err, PSM_ERR_DB, "remote service says 503");
	psm__error_source(err, "host a");
	psm__error_pointer(err, "/payload");
	ck_assert_int_eq(
	    psm_error_set(err, PSM_ERR_RETRY, psm_error_message(err)),
	    PSM_ERR_RETRY);
	ck_assert_int_eq(psm_error_code(err), PSM_ERR_RETRY);
	ck_assert_str_eq(psm_error_message(err), "remote service says 503");
	psm_error_set(err, PSM_ERR_IO, psm_error_message(err) + 7);
	ck_assert_str_eq(psm_error_message(err), "service says 503");
	psm__error_source(err, "host b");
	psm__error_pointer(err, "/a");
	psm_error_set(err, PSM_ERR_IO, psm_error_source(err));
	ck_assert_str_eq(psm_error_message(err), "host b");
	ck_assert_str_eq(psm_error_source(err), "");
	psm__error_pointer(err, "/b");
	psm_error_set(err, PSM_ERR_IO, psm_error_pointer(err));
	ck_assert_str_eq(psm_error_message(err), "/b");
}
END_TEST

START_TEST(what_a_server_said_is_not_public)
{
	psm_error *other = psm_error_new();

	ck_assert_str_eq(psm_error_public(NULL), "");
	ck_assert_str_eq(psm_error_public(err), "");
	psm__fail(err, PSM_ERR_SCHEMA, "database: 22003 table t, column c");
	ck_assert_str_eq(psm_error_public(err), psm_error_message(err));
	psm__error_inside(err);
	ck_assert_str_eq(psm_error_public(err), psm_strerror(PSM_ERR_SCHEMA));
	ck_assert_str_eq(psm_error_message(err),
	                 "database: 22003 table t, column c");
	psm__error_copy(other, err);
	ck_assert_str_eq(psm_error_public(other), psm_strerror(PSM_ERR_SCHEMA));
	psm_error_set(err, PSM_ERR_REJECT, psm_error_message(err));
	ck_assert_str_eq(psm_error_public(err), psm_strerror(PSM_ERR_REJECT));
	psm_error_set(err, PSM_ERR_REJECT, "mine");
	ck_assert_str_eq(psm_error_public(err), "mine");
	psm_error_clear(err);
	psm__error_inside(err);
	ck_assert_str_eq(psm_error_public(err), "");
	psm_error_free(other);
}
END_TEST

START_TEST(copies)
{
	psm_error *other = psm_error_new();
	struct psm__pos at = {7, 2, 3};

	psm__fail_at(err, PSM_ERR_PARSE, at, "m");
	psm__error_source(err, "s");
	psm__error_copy(other, err);
	psm_error_clear(err);
	ck_assert_int_eq(psm_error_code(other), PSM_ERR_PARSE);
	ck_assert_str_eq(psm_error_message(other), "m");
	ck_assert_str_eq(psm_error_source(other), "s");
	ck_assert_uint_eq(psm_error_column(other), 3);
	psm__error_copy(other, other);
	ck_assert_str_eq(psm_error_message(other), "m");
	psm__error_copy(other, NULL);
	expect_clear(other);
	psm_error_free(other);
}
END_TEST

/* There must be no need for memory when there is none. */
/* A record has as many faults as it has wrong members. */
START_TEST(faults_are_listed)
{
	size_t i, count;
	char pointer[300];

	psm_error_add_fault(err, "/plz", "nothing failed yet");
	ck_assert_uint_eq(psm_error_fault_count(err), 0);
	psm__fail(err, PSM_ERR_SCHEMA, "two faults");
	psm__error_fault(err, "/plz", "want %d digits", 5);
	psm_error_add_fault(err, "/email", "want\none line");
	psm_error_add_fault(err, NULL, NULL);
	ck_assert_uint_eq(psm_error_fault_count(err), 3);
	ck_assert_str_eq(psm_error_message(err), "two faults");
	ck_assert_str_eq(psm_error_pointer(err), "/plz");
	ck_assert_str_eq(psm_error_fault_pointer(err, 0), "/plz");
	ck_assert_str_eq(psm_error_fault_message(err, 0), "want 5 digits");
	ck_assert_str_eq(psm_error_fault_pointer(err, 1), "/email");
	ck_assert_str_eq(psm_error_fault_message(err, 1), "want one line");
	ck_assert_str_eq(psm_error_fault_pointer(err, 2), "");
	ck_assert_str_eq(psm_error_fault_message(err, 2), "");
	ck_assert_ptr_null(psm_error_fault_pointer(err, 3));
	ck_assert_ptr_null(psm_error_fault_message(NULL, 0));
	memset(pointer, 'x', sizeof pointer - 1);
	pointer[sizeof pointer - 1] = '\0';
	for (i = 0; i < 1000; i++)
		psm_error_add_fault(err, pointer, "does not end");
	count = psm_error_fault_count(err);
	ck_assert_uint_gt(count, 10);
	ck_assert_uint_lt(count, 20);
	ck_assert_str_eq(psm_error_fault_message(err, count - 1),
	                 "does not end");
	ck_assert_uint_eq(strlen(psm_error_fault_pointer(err, count - 1)), 255);
	psm_error_clear(err);
	ck_assert_uint_eq(psm_error_fault_count(err), 0);
}
END_TEST

START_TEST(writing_never_allocates)
{
	long before = atomic_load(&testing_memory.calls);
	struct psm__pos at = {7, 2, 3};

	psm__nomem(err);
	psm__error_source(err, "%s", "x");
	psm__error_pointer(err, "/x");
	psm__error_position(err, at);
	psm__error_prefix(err, "%1000s", "x");
	psm_error_set(err, PSM_ERR_RETRY, "x");
	psm_error_clear(err);
	ck_assert_int_eq(atomic_load(&testing_memory.calls), before);
	testing_memory.fail_at = before + 1;
	ck_assert_ptr_null(psm_error_new());
	testing_memory.fail_at = 0;
}
END_TEST

static const struct {
	const char *text;
	size_t offset;
	struct psm__pos at;
} places[] = {
    {"", 0, {0, 1, 1}},          {"ab", 1, {1, 1, 2}},
    {"ab", 2, {2, 1, 3}},        {"ab", 9, {2, 1, 3}},
    {"a\nb", 1, {1, 1, 2}},      {"a\nb", 2, {2, 2, 1}},
    {"a\n\nb\n", 5, {5, 4, 1}},  {"a\r\nb", 3, {3, 2, 1}},
    {"\xc3\xa4x", 2, {2, 1, 3}},
};

START_TEST(locates)
{
	struct psm__pos at = psm__locate(
	    places[_i].text, strlen(places[_i].text), places[_i].offset);

	ck_assert_uint_eq(at.offset, places[_i].at.offset);
	ck_assert_uint_eq(at.line, places[_i].at.line);
	ck_assert_uint_eq(at.column, places[_i].at.column);
}
END_TEST

START_TEST(names_of_the_library)
{
	ck_assert_str_eq(psm_version(), PSM_VERSION);
	ck_assert_str_eq(psm_health_name(PSM_HEALTH_GREEN), "healthy");
	ck_assert_str_eq(psm_health_name(PSM_HEALTH_AMBER), "degraded");
	ck_assert_str_eq(psm_health_name(PSM_HEALTH_RED), "unhealthy");
	ck_assert_ptr_null(psm_health_name(3));
	ck_assert_ptr_null(psm_health_name(-1));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("error");
	TCase *t = tcase_create("error");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, each_code, 0, (int)PSM__COUNT(rows));
	tcase_add_loop_test(t, each_code_has_a_status, 0,
	                    (int)PSM__COUNT(rows));
	tcase_add_test(t, no_code_is_missing);
	tcase_add_test(t, the_first_failure_wins);
	tcase_add_test(t, details_need_a_failure);
	tcase_add_test(t, no_error_object_is_fine);
	tcase_add_loop_test(t, messages_are_one_line_of_utf8, 0,
	                    (int)PSM__COUNT(tidied));
	tcase_add_test(t, long_texts_are_cut_between_characters);
	tcase_add_test(t, set_by_a_callback);
	tcase_add_test(t, set_from_its_own_texts);
	tcase_add_test(t, what_a_server_said_is_not_public);
	tcase_add_test(t, copies);
	tcase_add_test(t, faults_are_listed);
	tcase_add_test(t, writing_never_allocates);
	tcase_add_loop_test(t, locates, 0, (int)PSM__COUNT(places));
	tcase_add_test(t, names_of_the_library);
	suite_add_tcase(s, t);
	return testing_run(srunner_create(s));
}
