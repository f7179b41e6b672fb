/* SPDX-License-Identifier: BSD-2-Clause */
/* Both ways to read a text into a tree tell the same of whatever it is: the
 * same values at the same places, or the same fault. */
#include "json/json.h"
#include "testing.h"

#include <stdlib.h>

static psm_error *err, *other;

static void
setup(void)
{
	err = psm_error_new();
	other = psm_error_new();
	ck_assert_ptr_nonnull(err);
	ck_assert_ptr_nonnull(other);
}

static void
teardown(void)
{
	psm_error_free(err);
	psm_error_free(other);
}

static void
same_tree(const psm_json *a, const psm_json *b)
{
	const struct psm__json_doc *da = psm__json_doc(a),
				   *db = psm__json_doc(b);

	ck_assert_uint_eq(a->kind, b->kind);
	ck_assert_uint_eq(a->start, b->start);
	ck_assert_uint_eq(a->len, b->len);
	ck_assert_uint_eq(a->count, b->count);
	ck_assert_uint_eq(da->depth, db->depth);
	if (a->kind == PSM_JSON_STRING)
		ck_assert_mem_eq(psm_json_string(a), psm_json_string(b),
		                 a->count + 1);
	for (size_t i = 0; i < psm_json_count(a); i++) {
		const psm_json *x = psm_json_item(a, i);
		const psm_json *y = psm_json_item(b, i);

		if (a->kind == PSM_JSON_OBJECT) {
			ck_assert_str_eq(psm_json_key(a, i),
			                 psm_json_key(b, i));
			ck_assert_uint_eq(x->key_at, y->key_at);
			ck_assert_uint_eq(x->key_hash, y->key_hash);
		}
		same_tree(x, y);
	}
}

/* 1: it can be read. */
static int
compare(const char *text, size_t len)
{
	psm_json *mine = NULL, *yajls = NULL;
	int rc = psm_json_parse(text, len, &mine, err);

	ck_assert_msg(rc == psm__json_parse_by_yajl(text, len, &yajls, other),
	              "%.*s: %s, %s", (int)len, text, psm_error_message(err),
	              psm_error_message(other));
	if (rc == 0)
		same_tree(mine, yajls);
	ck_assert_str_eq(psm_error_message(err), psm_error_message(other));
	ck_assert_uint_eq(psm_error_line(err), psm_error_line(other));
	ck_assert_uint_eq(psm_error_column(err), psm_error_column(other));
	psm_json_free(mine);
	psm_json_free(yajls);
	return rc == 0;
}

static const char *const texts[] = {
    "{}",
    "[]",
    " [ ] ",
    "null",
    "true",
    "-0.5e+10",
    "\"\"",
    "\"\\u00e4\\ud83d\\ude00\\n\"",
    "{\"a\": 1, \"b\": [1, 2.5, -3e7, true, false, null], \"c\": {\"d\": "
    "\"e\", \"\": {}}, \"\\u0061x\": [[[]]]}",
    "[{\"id\": 7, \"name\": \"Stra\xc3\x9f"
    "e 12, Hinterhaus {links}\"}, "
    "{\"id\": 8, \"name\": \"\xe2\x82\xac [x] \\\" \\\\ \"}]",
    "{\"a01\":1,\"a02\":1,\"a03\":1,\"a04\":1,\"a05\":1,\"a06\":1,\"a07\":1,"
    "\"a08\":1,\"a09\":1,\"a10\":1,\"a11\":1,\"a12\":1,\"a13\":1,\"a14\":1,"
    "\"a15\":1,\"a16\":1,\"a17\":1,\"a18\":1,\"a19\":1,\"a20\":1,\"a21\":1,"
    "\"a22\":1,\"a23\":1,\"a24\":1,\"a25\":1,\"a26\":1,\"a27\":1,\"a28\":1,"
    "\"a29\":1,\"a30\":1,\"a31\":1,\"a32\":1,\"a33\":1,\"a34\":1,\"a35\":1,"
    "\"a36\":1,\"a37\":1,\"a38\":1,\"a39\":1,\"a40\":1,\"a41\":1,\"a42\":1}",
    "\t{\r\n \"zeit\" : [ \"09:00-12:00\" , \"\" ] , \"x\" : -0 }\n",
    "",
    " ",
    "[1,]",
    "{\"a\":1,}",
    "{\"a\" 1}",
    "{a: 1}",
    "[1 2]",
    "[01]",
    "[1.]",
    "[.5]",
    "[1e]",
    "[-]",
    "[+1]",
    "[truex]",
    "[nul]",
    "[1]]",
    "{\"a\":1}{}",
    "[\"\xff\"]",
    "[\"\\ud800\"]",
    "[\"\\u0000\"]",
    "[\"a\nb\"]",
    "[1\v]",
    "\xef\xbb\xbf[]",
    "{\"a\":1,\"b\":2,\"a\":3}",
    "[1, /* no */ 2]",
};

START_TEST(both_ways)
{
	compare(texts[_i], strlen(texts[_i]));
}
END_TEST

/* Nesting at the limit, and a text that is counted in the other way. */
START_TEST(deep_and_long)
{
	static char text[20000];
	size_t n = 0;

	for (size_t depth = 63; depth < 67; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		ck_assert_int_eq(compare(text, 2 * depth), depth <= 64);
	}
	n = 0;
	text[n++] = '[';
	while (n < 3990)
		n += (size_t)sprintf(text + n, "%s{\"k\":\"a,b[c{\"}",
		                     n > 1 ? "," : "");
	text[n] = ']';
	for (size_t len = n - 30; len <= n + 1; len++)
		(void)compare(text, len);
	text[n] = ',';
	while (n < sizeof(text) - 100)
		n += (size_t)sprintf(text + n, ",[%zu,\"x\",null]", n);
	text[n++] = ']';
	(void)compare(text, n); /* two commas in a row */
	text[3990] = text[3990] == ',' ? ' ' : text[3990];
	(void)compare(text, n);
}
END_TEST

/* Bytes changed, left out, put in: most are faults, some are not. */
START_TEST(changed_texts)
{
	static const char bytes[] =
	    "{}[]\",:\\ 0123456789.eE+-truefalsn/u\n\t\v"
	    "\xc3\xa4\xff\x7f\x01";
	unsigned seed = 20261130u + (unsigned)_i;
	char text[1200];
	size_t good = 0;

	for (int round = 0; round < 4000; round++) {
		const char *base =
		    texts[(size_t)rand_r(&seed) % PSM__COUNT(texts)];
		size_t len = strlen(base);
		int changes = rand_r(&seed) % 3 + 1;

		memcpy(text, base, len);
		while (changes-- > 0 && len > 0) {
			size_t at = (size_t)rand_r(&seed) % len;
			char byte =
			    bytes[(size_t)rand_r(&seed) % (sizeof(bytes) - 1)];

			switch (rand_r(&seed) % 3) {
			case 0:
				text[at] = byte;
				break;
			case 1:
				memmove(text + at, text + at + 1, --len - at);
				break;
			default:
				memmove(text + at + 1, text + at, len - at);
				text[at] = byte;
				len++;
				break;
			}
		}
		good += (size_t)compare(text, len);
	}
	ck_assert_uint_gt(good, 200);
	ck_assert_uint_lt(good, 3800);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("json_build");
	TCase *t = tcase_create("build");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, both_ways, 0, (int)PSM__COUNT(texts));
	tcase_add_test(t, deep_and_long);
	tcase_add_loop_test(t, changed_texts, 0, 8);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
