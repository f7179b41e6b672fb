/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing_json.h"

#include <locale.h>

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

/* -- big objects */

START_TEST(members_are_found)
{
	static const int counts[] = {1, 15, 16, 17, 18, 100, 5000};
	int count = counts[_i];
	char *text = testing_object(count, "name ", 1, ""), name[32];
	psm_json *doc = testing_json(text);
	int64_t number;

	for (int i = 0; i < count; i++) {
		(void)snprintf(name, sizeof(name), "/name %d", i);
		ck_assert_int_eq(
		    psm_json_get_int(psm_json_at(doc, name), &number, err), 0);
		ck_assert_int_eq(number, i);
	}
	ck_assert_ptr_null(psm_json_at(doc, "/name"));
	ck_assert_ptr_null(psm_json_at(doc, "/name 99999"));
	ck_assert_ptr_null(psm_json_at(doc, "/"));
	psm_json_free(doc);
	psm_free(text);
}
END_TEST

/* Keys that differ in the middle only have one hash: with a table of hashes or
 * by comparing all with all this would take minutes. */
START_TEST(colliding_keys_do_no_harm)
{
	char *text = testing_object(100000, "head-", 8, "-tail");
	psm_json *doc = testing_json(text);

	ck_assert_uint_eq(psm_json_count(doc), 100000);
	ck_assert_str_eq(psm_json_key(doc, 4711), "head-00004711-tail");
	ck_assert_ptr_eq(psm_json_at(doc, "/head-00004711-tail"),
	                 psm_json_item(doc, 4711));
	ck_assert_ptr_null(psm_json_at(doc, "/head-99994711-tail"));
	psm_json_free(doc);
	psm_free(text);
}
END_TEST

/* -- accessors */

static const struct {
	const char *pointer, *found; /* raw text; NULL: none */
} pointers[] = {
    {"", "{\"\":0,\"a/b\":{\"c%d\":[\"x\",[1,2]]},\"m~n\":8,\"~1\":9}"},
    {"/", "0"},
    {"/a~1b", "{\"c%d\":[\"x\",[1,2]]}"},
    {"/a~1b/c%d/0", "\"x\""},
    {"/a~1b/c%d/1/1", "2"},
    {"/m~0n", "8"},
    {"/~01", "9"},
    {"a", NULL},
    {"/a/b", NULL},
    {"/a~2b", NULL},
    {"/a~", NULL},
    {"/m~n", NULL},
    {"/a~1b/c%d/2", NULL},
    {"/a~1b/c%d/-", NULL},
    {"/a~1b/c%d/-1", NULL},
    {"/a~1b/c%d/00", NULL},
    {"/a~1b/c%d/01", NULL},
    {"/a~1b/c%d/1x", NULL},
    {"/a~1b/c%d/", NULL},
    {"/a~1b/c%d/18446744073709551616", NULL},
    {"/a~1b/c%d/4294967296", NULL},
    {"//", NULL},
    {"/m~0n/0", NULL},
    {"/a~1b/c%d/0/0", NULL},
};

START_TEST(at_a_pointer)
{
	psm_json *doc = testing_json(pointers[0].found);
	const psm_json *v = psm_json_at(doc, pointers[_i].pointer);
	size_t len;

	ck_assert_int_eq(v != NULL, pointers[_i].found != NULL);
	if (v) {
		const char *text = psm_json_text(v, &len);

		ck_assert_uint_eq(len, strlen(pointers[_i].found));
		ck_assert_mem_eq(text, pointers[_i].found, len);
	}
	psm_json_free(doc);
}
END_TEST

START_TEST(a_long_pointer)
{
	struct psm__buf text = {0}, pointer = {0};
	psm_json *doc;

	psm__buf_printf(&text, "{\"%0300d\":1}", 7);
	psm__buf_printf(&pointer, "/%0300d", 7);
	doc = testing_json(text.data);
	ck_assert_ptr_eq(psm_json_at(doc, pointer.data), psm_json_item(doc, 0));
	psm_json_free(doc);
	psm__buf_free(&text);
	psm__buf_free(&pointer);
}
END_TEST

static const struct {
	const char *text;
	int rc;
	int64_t value;
	const char *message;
} integers[] = {
    {"0", 0, 0, ""},
    {"-0", 0, 0, ""},
    {"42", 0, 42, ""},
    {"9223372036854775807", 0, INT64_MAX, ""},
    {"-9223372036854775808", 0, INT64_MIN, ""},
    {"9223372036854775808", PSM_ERR_SCHEMA, 7,
     "want an integer of 64 bits, found a larger one"},
    {"-9223372036854775809", PSM_ERR_SCHEMA, 7,
     "want an integer of 64 bits, found a larger one"},
    {"100000000000000000000000000000000000000000", PSM_ERR_SCHEMA, 7,
     "want an integer of 64 bits, found a larger one"},
    {"1.0", 0, 1, ""},
    {"1e2", 0, 100, ""},
    {"1E2", 0, 100, ""},
    {"-1.50e+1", 0, -15, ""},
    {"70e-1", 0, 7, ""},
    {"0.0", 0, 0, ""},
    {"0e999999999999999999999", 0, 0, ""},
    {"0.000e-7", 0, 0, ""},
    {"9223372036854775807.000", 0, INT64_MAX, ""},
    {"9007199254740993.0", 0, INT64_C(9007199254740993), ""},
    {"-9.223372036854775808e18", 0, INT64_MIN, ""},
    {"100000000000000000000000000e-26", 0, 1, ""},
    {"9.223372036854775808e18", PSM_ERR_SCHEMA, 7,
     "want an integer of 64 bits, found a larger one"},
    {"1e400", PSM_ERR_SCHEMA, 7,
     "want an integer of 64 bits, found a larger one"},
    {"1e99999999999999999999", PSM_ERR_SCHEMA, 7,
     "want an integer of 64 bits, found a larger one"},
    {"1.5", PSM_ERR_SCHEMA, 7,
     "want an integer, found a number with a fraction"},
    {"15e-1", PSM_ERR_SCHEMA, 7,
     "want an integer, found a number with a fraction"},
    {"1e-99999999999999999999", PSM_ERR_SCHEMA, 7,
     "want an integer, found a number with a fraction"},
    {"\"1\"", PSM_ERR_SCHEMA, 7, "want an integer, found string"},
    {"true", PSM_ERR_SCHEMA, 7, "want an integer, found boolean"},
    {"null", PSM_ERR_SCHEMA, 7, "want an integer, found null"},
};

START_TEST(integer)
{
	struct psm__buf text = {0};
	int64_t value = 7;
	psm_json *doc;

	psm__buf_printf(&text, "[\n  %s]", integers[_i].text);
	doc = testing_json(text.data);
	ck_assert_int_eq(psm_json_get_int(psm_json_item(doc, 0), &value, err),
	                 integers[_i].rc);
	ck_assert_int_eq(value, integers[_i].value);
	ck_assert_str_eq(psm_error_message(err), integers[_i].message);
	ck_assert_uint_eq(psm_error_line(err), integers[_i].rc ? 2 : 0);
	ck_assert_uint_eq(psm_error_column(err), integers[_i].rc ? 3 : 0);
	psm_json_free(doc);
	psm__buf_free(&text);
}
END_TEST

static const struct {
	const char *text;
	int rc;
	double value;
} doubles[] = {
    {"0", 0, 0},
    {"-1.5", 0, -1.5},
    {"1e2", 0, 100},
    {"0.1", 0, 0.1},
    {"1.7976931348623157e308", 0, 1.7976931348623157e308},
    {"5e-324", 0, 5e-324},
    {"1e-400", 0, 0},
    {"9007199254740993", 0, 9007199254740992.0},
    {"1e309", PSM_ERR_SCHEMA, 7},
    {"-1e309", PSM_ERR_SCHEMA, 7},
    {"\"1\"", PSM_ERR_SCHEMA, 7},
};

START_TEST(real)
{
	double value = 7;
	psm_json *doc = testing_json(doubles[_i].text);

	ck_assert_int_eq(psm_json_get_double(doc, &value, err), doubles[_i].rc);
	ck_assert(value == doubles[_i].value);
	psm_json_free(doc);
}
END_TEST

START_TEST(boolean)
{
	psm_json *doc = testing_json("[true,false,0]");
	int value = 7;

	ck_assert_int_eq(psm_json_get_bool(psm_json_item(doc, 0), &value, err),
	                 0);
	ck_assert_int_eq(value, 1);
	ck_assert_int_eq(psm_json_get_bool(psm_json_item(doc, 1), &value, err),
	                 0);
	ck_assert_int_eq(value, 0);
	ck_assert_int_eq(psm_json_get_bool(psm_json_item(doc, 2), &value, err),
	                 PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_message(err),
	                 "want a boolean, found number");
	ck_assert_uint_eq(psm_error_column(err), 13);
	ck_assert_int_eq(value, 0);
	psm_json_free(doc);
}
END_TEST

/* A program of the user's may run in a locale that writes 1,5. */
START_TEST(a_locale_with_a_comma)
{
	static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",
	                                    "fr_FR.UTF-8", "de_DE"};
	psm_json_writer *w = psm_json_writer_new();
	psm_json *doc = testing_json("1.5");
	const char *text = NULL;
	double value = 0;
	size_t i = 0;

	while (i < PSM__COUNT(names) && !setlocale(LC_ALL, names[i]))
		i++;
	/* Without such a locale this still tests the plain one. */
	ck_assert_int_eq(psm_json_get_double(doc, &value, err), 0);
	ck_assert(value == 1.5);
	psm_json_write_double(w, 2.25);
	ck_assert_int_eq(psm_json_writer_finish(w, &text, NULL, err), 0);
	ck_assert_str_eq(text, "2.25");
	psm_json_writer_free(w);
	psm_json_free(doc);
}
END_TEST

START_TEST(nothing_and_other_kinds)
{
	psm_json *doc = testing_json("[1,\"s\",{\"k\":null}]");
	const psm_json *one = psm_json_item(doc, 0);
	size_t len = 7;
	int64_t number;
	double d;
	int flag;

	ck_assert_int_eq(psm_json_kind(NULL), PSM_ERR_INVAL);
	ck_assert_ptr_null(psm_json_at(NULL, ""));
	ck_assert_ptr_null(psm_json_at(doc, NULL));
	ck_assert_ptr_null(psm_json_string(NULL));
	ck_assert_ptr_null(psm_json_string(one));
	ck_assert_uint_eq(psm_json_count(NULL), 0);
	ck_assert_uint_eq(psm_json_count(one), 0);
	ck_assert_ptr_null(psm_json_item(NULL, 0));
	ck_assert_ptr_null(psm_json_item(one, 0));
	ck_assert_ptr_null(psm_json_item(doc, 3));
	ck_assert_ptr_null(psm_json_key(doc, 0));
	ck_assert_ptr_null(psm_json_key(NULL, 0));
	ck_assert_ptr_null(psm_json_key(psm_json_item(doc, 2), 1));
	ck_assert_ptr_null(psm_json_text(NULL, &len));
	ck_assert_uint_eq(len, 0);
	ck_assert_uint_eq(psm_json_line(NULL), 0);
	ck_assert_uint_eq(psm_json_column(NULL), 0);
	ck_assert_ptr_null(psm_json_kind_name(6));
	ck_assert_ptr_null(psm_json_kind_name(-1));
	ck_assert_int_eq(psm_json_get_int(NULL, &number, err), PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_message(err),
	                 "want an integer, found nothing");
	ck_assert_int_eq(psm_json_get_bool(NULL, &flag, err), PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_json_get_double(NULL, &d, err), PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_json_get_int(one, NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_json_get_bool(one, NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_json_get_double(one, NULL, err), PSM_ERR_INVAL);
	psm_json_free(doc);
	psm_json_free(NULL);
	doc = (psm_json *)&len;
	ck_assert_int_eq(psm_json_parse(NULL, 0, &doc, err), PSM_ERR_INVAL);
	ck_assert_ptr_null(doc);
	ck_assert_int_eq(psm_json_parse("1", 1, NULL, err), PSM_ERR_INVAL);
}
END_TEST

static const struct {
	const char *a, *b;
	int equal;
} pairs[] = {
    {"1", "1", 1},
    {"1", "2", 0},
    {"1", "1.0", 0},
    {"10", "1e1", 0},
    {"1", "\"1\"", 0},
    {"true", "true", 1},
    {"true", "false", 0},
    {"null", "null", 1},
    {"null", "false", 0},
    {"\"a\\u00e4\"", "\"a\xc3\xa4\"", 1},
    {"\"a\"", "\"A\"", 0},
    {"[1, 2]", "[1,2]", 1},
    {"[1,2]", "[2,1]", 0},
    {"[1,2]", "[1,2,3]", 0},
    {"[]", "{}", 0},
    {"{\"a\":1,\"b\":2}", "{ \"b\":2, \"a\":1 }", 1},
    {"{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", 0},
    {"{\"a\":1}", "{\"a\":1,\"b\":1}", 0},
    {"{\"a\":{\"b\":[{}]}}", "{\"a\":{\"b\":[{}]}}", 1},
    {"{\"a\":{\"b\":[{}]}}", "{\"a\":{\"b\":[[]]}}", 0},
};

START_TEST(equality)
{
	psm_json *a = testing_json(pairs[_i].a), *b = testing_json(pairs[_i].b);

	ck_assert_int_eq(psm_json_equal(a, b), pairs[_i].equal);
	ck_assert_int_eq(psm_json_equal(b, a), pairs[_i].equal);
	ck_assert_int_eq(psm_json_equal(a, a), 1);
	ck_assert_int_eq(psm_json_equal(a, NULL), 0);
	ck_assert_int_eq(psm_json_equal(NULL, b), 0);
	ck_assert_int_eq(psm_json_equal(NULL, NULL), 1);
	psm_json_free(a);
	psm_json_free(b);
}
END_TEST

START_TEST(equality_of_big_objects)
{
	struct psm__buf back = {0};
	char *text = testing_object(30000, "k", 5, "");
	psm_json *a = testing_json(text), *b;

	for (int i = 29999; i >= 0; i--)
		psm__buf_printf(&back, "%s\"k%05d\":%d", i == 29999 ? "{" : ",",
		                i, i);
	psm__buf_putc(&back, '}');
	b = testing_json(back.data);
	ck_assert_int_eq(psm_json_equal(a, b), 1);
	psm_json_free(a);
	psm_json_free(b);
	psm__buf_free(&back);
	psm_free(text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("json_value");
	TCase *t = tcase_create("value");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, members_are_found, 0, 7);
	tcase_add_test(t, colliding_keys_do_no_harm);
	tcase_add_loop_test(t, at_a_pointer, 0, (int)PSM__COUNT(pointers));
	tcase_add_test(t, a_long_pointer);
	tcase_add_loop_test(t, integer, 0, (int)PSM__COUNT(integers));
	tcase_add_loop_test(t, real, 0, (int)PSM__COUNT(doubles));
	tcase_add_test(t, boolean);
	tcase_add_test(t, a_locale_with_a_comma);
	tcase_add_test(t, nothing_and_other_kinds);
	tcase_add_loop_test(t, equality, 0, (int)PSM__COUNT(pairs));
	tcase_add_test(t, equality_of_big_objects);
	suite_add_tcase(s, t);
	return testing_run(srunner_create(s));
}
