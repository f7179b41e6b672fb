/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing.h"

#include <ctype.h>
#include <float.h>
#include <math.h>

#include "json/json.h"

static psm_error *err;
static psm_json_writer *w;

static void
setup(void)
{
	err = psm_error_new();
	w = psm_json_writer_new();
	ck_assert_ptr_nonnull(err);
	ck_assert_ptr_nonnull(w);
}

static void
teardown(void)
{
	psm_json_writer_free(w);
	psm_error_free(err);
}

static void
expect(const char *want)
{
	const char *text = NULL;
	size_t len = 0;

	ck_assert_msg(psm_json_writer_finish(w, &text, &len, err) == 0, "%s",
	              psm_error_message(err));
	ck_assert_str_eq(text, want);
	ck_assert_uint_eq(len, strlen(want));
	psm_json_writer_reset(w);
}

static void
expect_misuse(const char *message)
{
	const char *text = "x";

	ck_assert_int_eq(psm_json_writer_finish(w, &text, NULL, err),
	                 PSM_ERR_STATE);
	ck_assert_ptr_null(text);
	ck_assert_str_eq(psm_error_message(err), message);
	psm_json_writer_reset(w);
}

START_TEST(shapes)
{
	psm_json_write_object(w);
	psm_json_write_end(w);
	expect("{}");
	psm_json_write_array(w);
	psm_json_write_end(w);
	expect("[]");
	psm_json_write_null(w);
	expect("null");
	psm_json_write_string(w, NULL);
	expect("null");
	psm_json_write_bool(w, 17);
	expect("true");
	psm_json_write_object(w);
	psm_json_write_key(w, "a");
	psm_json_write_int(w, 1);
	psm_json_write_key(w, "");
	psm_json_write_array(w);
	psm_json_write_bool(w, 0);
	psm_json_write_object(w);
	psm_json_write_end(w);
	psm_json_write_array(w);
	psm_json_write_string(w, "x");
	psm_json_write_end(w);
	psm_json_write_end(w);
	psm_json_write_key(w, "b\"");
	psm_json_write_value(w, NULL);
	psm_json_write_end(w);
	expect("{\"a\":1,\"\":[false,{},[\"x\"]],\"b\\\"\":null}");
}
END_TEST

static const struct {
	const char *text, *written;
} strings[] = {
    {"", "\"\""},
    {"plain text", "\"plain text\""},
    {"\"quoted\" \\ / end", "\"\\\"quoted\\\" \\\\ / end\""},
    {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
    {"\x01\x0b\x1f\x7f", "\"\\u0001\\u000b\\u001f\\u007f\""},
    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
     "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
    {"\xe2\x80\xa8", "\"\xe2\x80\xa8\""},
};

START_TEST(escapes)
{
	psm_json *doc = NULL;

	psm_json_write_string(w, strings[_i].text);
	expect(strings[_i].written);
	ck_assert_int_eq(psm_json_parse(strings[_i].written,
	                                strlen(strings[_i].written), &doc, err),
	                 0);
	ck_assert_str_eq(psm_json_string(doc), strings[_i].text);
	psm_json_free(doc);
}
END_TEST

/* -- bytes of any kind, which the writer refuses */

#define LOST "\xef\xbf\xbd"
#define TEXT(text) text, sizeof text - 1

static const struct {
	const char *text;
	size_t len;
	const char *quoted;
} bytes[] = {
    {TEXT(""), "\"\""},
    {TEXT("\0"), "\"" LOST "\""},
    {TEXT("a\0b\0"), "\"a" LOST "b" LOST "\""},
    {TEXT("\\\"\n\x1b[0m\x7f/"), "\"\\\\\\\"\\n\\u001b[0m\\u007f/\""},
    {TEXT("\xffz\x80\xc3"), "\"" LOST "z" LOST LOST "\""},
    {TEXT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
     "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
    /* cut short, too long a form, a surrogate, above U+10FFFF */
    {TEXT("\xe2\x82z"), "\"" LOST LOST "z\""},
    {TEXT("\xf0\x9f\x98"), "\"" LOST LOST LOST "\""},
    {TEXT("\xc0\x80"), "\"" LOST LOST "\""},
    {TEXT("\xed\xa0\x80"), "\"" LOST LOST LOST "\""},
    {TEXT("\xf4\x90\x80\x80"), "\"" LOST LOST LOST LOST "\""},
};

START_TEST(any_bytes_in_quotes)
{
	struct psm__buf b = {0};

	psm__buf_puts(&b, "x:");
	psm__json_quote(&b, bytes[_i].text, bytes[_i].len);
	ck_assert_int_eq(b.failed, 0);
	ck_assert_uint_eq(b.len, 2 + strlen(bytes[_i].quoted));
	ck_assert_mem_eq(b.data + 2, bytes[_i].quoted, b.len - 2);
	psm__buf_free(&b);
}
END_TEST

/* Our reader gives the byte back. */
START_TEST(each_byte_in_quotes)
{
	const char text[] = {'a', (char)_i, 'b', '\0'};
	const char *want = _i > 0 && _i < 0x80 ? text : "a" LOST "b";
	struct psm__buf b = {0};
	psm_json *doc = NULL;
	size_t i;

	psm__json_quote(&b, text, 3);
	for (i = 0; i < b.len; i++)
		ck_assert(!iscntrl((unsigned char)b.data[i]));
	ck_assert_int_eq(psm_json_parse(b.data, b.len, &doc, err), 0);
	ck_assert_str_eq(psm_json_string(doc), want);
	psm_json_free(doc);
	psm__buf_free(&b);
}
END_TEST

START_TEST(integers)
{
	psm_json_write_array(w);
	psm_json_write_int(w, 0);
	psm_json_write_int(w, -1);
	psm_json_write_int(w, INT64_MAX);
	psm_json_write_int(w, INT64_MIN);
	psm_json_write_end(w);
	expect("[0,-1,9223372036854775807,-9223372036854775808]");
}
END_TEST

static const struct {
	double number;
	const char *written;
} doubles[] = {
    {0.0, "0"},
    {-0.0, "-0"},
    {1.0, "1"},
    {0.1, "0.1"},
    {-2.5, "-2.5"},
    {1.0 / 3, "0.3333333333333333"},
    {0.1 + 0.2, "0.30000000000000004"},
    {1e21, "1e+21"},
    {5e-324, "4.94065645841247e-324"},
    {DBL_MAX, "1.7976931348623157e+308"},
    {123456789012345680.0, "1.2345678901234568e+17"},
};

START_TEST(reals)
{
	psm_json *doc = NULL;
	const char *text = NULL;
	size_t len;
	double back = 7;

	psm_json_write_double(w, doubles[_i].number);
	ck_assert_int_eq(psm_json_writer_finish(w, &text, &len, err), 0);
	ck_assert_str_eq(text, doubles[_i].written);
	ck_assert_int_eq(psm_json_parse(text, len, &doc, err), 0);
	ck_assert_int_eq(psm_json_get_double(doc, &back, err), 0);
	ck_assert(back == doubles[_i].number);
	ck_assert_int_eq(signbit(back) != 0, signbit(doubles[_i].number) != 0);
	psm_json_free(doc);
}
END_TEST

/* Any bits that are a number come back as they were. */
START_TEST(reals_come_back)
{
	uint64_t bits = UINT64_C(0x9e3779b97f4a7c15);

	for (int i = 0; i < 20000; i++) {
		const char *text = NULL;
		psm_json *doc = NULL;
		double number, back = 7;
		size_t len;

		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		memcpy(&number, &bits, sizeof(number));
		if (!isfinite(number))
			continue;
		psm_json_write_double(w, number);
		if (psm_json_writer_finish(w, &text, &len, err) != 0 ||
		    psm_json_parse(text, len, &doc, err) != 0 ||
		    psm_json_get_double(doc, &back, err) != 0 ||
		    memcmp(&back, &number, sizeof(back)) != 0)
			ck_abort_msg("%a became %s", number, text);
		psm_json_free(doc);
		psm_json_writer_reset(w);
	}
}
END_TEST

/* -- misuse: told once, by finish, and nothing is written meanwhile */

START_TEST(misuse)
{
	psm_json_write_object(w);
	psm_json_write_int(w, 1);
	expect_misuse("JSON writer: a value without a key in an object");
	psm_json_write_object(w);
	psm_json_write_key(w, "a");
	psm_json_write_key(w, "b");
	expect_misuse("JSON writer: a key where none may stand");
	psm_json_write_array(w);
	psm_json_write_key(w, "a");
	expect_misuse("JSON writer: a key where none may stand");
	psm_json_write_key(w, "a");
	expect_misuse("JSON writer: a key where none may stand");
	psm_json_write_object(w);
	psm_json_write_key(w, NULL);
	expect_misuse("JSON writer: a key where none may stand");
	psm_json_write_object(w);
	psm_json_write_key(w, "a");
	psm_json_write_end(w);
	expect_misuse("JSON writer: a key without a value");
	psm_json_write_end(w);
	expect_misuse("JSON writer: an end without a beginning");
	psm_json_write_array(w);
	expect_misuse("JSON writer: an unfinished value");
	expect_misuse("JSON writer: an unfinished value");
	psm_json_write_int(w, 1);
	psm_json_write_int(w, 2);
	expect_misuse("JSON writer: a second value at the top");
	psm_json_write_object(w);
	psm_json_write_end(w);
	psm_json_write_array(w);
	expect_misuse("JSON writer: a second value at the top");
	psm_json_write_double(w, (double)NAN);
	expect_misuse("JSON writer: a number that is not finite");
	psm_json_write_double(w, -(double)INFINITY);
	expect_misuse("JSON writer: a number that is not finite");
	psm_json_write_string(w, "a\xff");
	expect_misuse("JSON writer: a string that is not UTF-8");
	psm_json_write_object(w);
	psm_json_write_key(w, "\xc0\x80");
	expect_misuse("JSON writer: a string that is not UTF-8");
	/* The first one is told. */
	psm_json_write_end(w);
	psm_json_write_string(w, "a\xff");
	psm_json_write_array(w);
	expect_misuse("JSON writer: an end without a beginning");
	psm_json_write_int(w, 5);
	expect("5");
}
END_TEST

START_TEST(depth)
{
	struct psm__buf want = {0};
	psm_json *doc = NULL;

	for (int i = 0; i < 64; i++)
		psm_json_write_array(w);
	for (int i = 0; i < 64; i++)
		psm_json_write_end(w);
	for (int i = 0; i < 128; i++)
		psm__buf_putc(&want, i < 64 ? '[' : ']');
	expect(want.data);
	for (int i = 0; i < 65; i++)
		psm_json_write_array(w);
	expect_misuse("JSON writer: more than 64 levels of nesting");
	/* What is written must be what can be read: copies count too. */
	ck_assert_int_eq(psm_json_parse(want.data, want.len, &doc, err), 0);
	psm_json_write_value(w, doc);
	expect(want.data);
	psm_json_write_array(w);
	psm_json_write_value(w, doc);
	expect_misuse("JSON writer: more than 64 levels of nesting");
	psm_json_write_array(w);
	psm_json_write_value(w, psm_json_item(doc, 0));
	psm_json_write_end(w);
	expect(want.data);
	psm_json_free(doc);
	psm__buf_free(&want);
}
END_TEST

START_TEST(values_are_copied_as_they_were)
{
	static const char input[] =
	    "{\"n\": [ 1.50, 1e400,\"\\u00e4\" ], \"k\" :{}}";
	psm_json *doc = NULL;

	ck_assert_int_eq(psm_json_parse(input, strlen(input), &doc, err), 0);
	psm_json_write_object(w);
	psm_json_write_key(w, "copy");
	psm_json_write_value(w, psm_json_at(doc, "/n"));
	psm_json_write_key(w, "one");
	psm_json_write_value(w, psm_json_at(doc, "/n/1"));
	psm_json_write_end(w);
	expect("{\"copy\":[ 1.50, 1e400,\"\\u00e4\" ],\"one\":1e400}");
	psm_json_free(doc);
}
END_TEST

START_TEST(no_writer)
{
	const char *text = NULL;

	psm_json_write_object(NULL);
	psm_json_write_array(NULL);
	psm_json_write_end(NULL);
	psm_json_write_key(NULL, "a");
	psm_json_write_string(NULL, "a");
	psm_json_write_int(NULL, 1);
	psm_json_write_double(NULL, 1);
	psm_json_write_bool(NULL, 1);
	psm_json_write_null(NULL);
	psm_json_write_value(NULL, NULL);
	psm_json_writer_reset(NULL);
	psm_json_writer_free(NULL);
	ck_assert_int_eq(psm_json_writer_finish(NULL, &text, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_json_writer_finish(w, NULL, NULL, err),
	                 PSM_ERR_INVAL);
}
END_TEST

/* -- memory */

static int
write_much(void *arg)
{
	psm_json_writer *mine = psm_json_writer_new();
	const char *text = NULL;
	int rc;

	(void)arg;
	if (!mine)
		return PSM_ERR_NOMEM;
	psm_json_write_array(mine);
	for (int i = 0; i < 200; i++)
		psm_json_write_string(mine, "some text, again and again\n");
	psm_json_write_end(mine);
	rc = psm_json_writer_finish(mine, &text, NULL, NULL);
	ck_assert_int_eq(rc == 0, text != NULL);
	psm_json_writer_free(mine);
	return rc;
}

static int
quote_much(void *arg)
{
	struct psm__buf b = {0};
	int failed;

	(void)arg;
	for (int i = 0; i < 200; i++)
		psm__json_quote(&b, TEXT("\0\n\x01\xff text"));
	failed = b.failed;
	psm__buf_free(&b);
	return failed ? PSM_ERR_NOMEM : 0;
}

START_TEST(a_buffer_that_failed)
{
	struct psm__buf b = {.failed = 1};

	psm__json_quote(&b, TEXT("\0\n\x01\xff text"));
	ck_assert_int_eq(b.failed, 1);
	ck_assert_uint_eq(b.len, 0);
	psm__buf_free(&b);
	ck_assert_int_ge(testing_fail_each(quote_much, NULL, 0), 3);
}
END_TEST

START_TEST(out_of_memory)
{
	ck_assert_int_ge(testing_fail_each(write_much, NULL, 0), 5);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("json_writer");
	TCase *t = tcase_create("writer"), *oom = tcase_create("oom");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, shapes);
	tcase_add_loop_test(t, escapes, 0, (int)PSM__COUNT(strings));
	tcase_add_loop_test(t, any_bytes_in_quotes, 0, (int)PSM__COUNT(bytes));
	tcase_add_loop_test(t, each_byte_in_quotes, 0, 256);
	tcase_add_test(t, integers);
	tcase_add_loop_test(t, reals, 0, (int)PSM__COUNT(doubles));
	tcase_add_test(t, reals_come_back);
	tcase_add_test(t, misuse);
	tcase_add_test(t, depth);
	tcase_add_test(t, values_are_copied_as_they_were);
	tcase_add_test(t, no_writer);
	suite_add_tcase(s, t);
	tcase_add_test(oom, a_buffer_that_failed);
	tcase_add_test(oom, out_of_memory);
	suite_add_tcase(s, oom);
	return testing_run(srunner_create(s));
}
