/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing_json.h"

static struct dirent **valid_cases, **invalid_cases;
static int valid_count, invalid_count;

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

static char *
read_case(const char *kind, const char *name, const char *file, size_t *len)
{
	char below[512], path[4096];

	(void)snprintf(below, sizeof(below), "json/%s/%s/%s", kind, name, file);
	return testing_read(testing_path(path, sizeof(path), below), len);
}

/* -- cases: what a text means, value by value */

static void
put_text(struct psm__buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len && i < 60; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == '\\')
			psm__buf_printf(out, "\\%02x", c);
		else
			psm__buf_putc(out, (char)c);
	}
	if (len > 60)
		psm__buf_printf(out, "... %zu", len);
}

static void
put_value(struct psm__buf *out, const psm_json *v)
{
	const char *text;
	size_t len;

	switch (psm_json_kind(v)) {
	case PSM_JSON_STRING:
		text = psm_json_string(v);
		put_text(out, text, strlen(text));
		break;
	case PSM_JSON_ARRAY:
	case PSM_JSON_OBJECT:
		psm__buf_printf(out, "%zu", psm_json_count(v));
		break;
	default:
		text = psm_json_text(v, &len);
		psm__buf_put(out, text, len);
	}
}

/* One line for each value: pointer, kind, line:column, what it is. The pointer
 * leads back to the value. */
static void
put_tree(struct psm__buf *out, const psm_json *root, const psm_json *v,
         const char *pointer)
{
	char below[600];

	psm__buf_printf(out, "'%s' %s %u:%u ", pointer,
	                psm_json_kind_name(psm_json_kind(v)), psm_json_line(v),
	                psm_json_column(v));
	put_value(out, v);
	psm__buf_putc(out, '\n');
	ck_assert_ptr_eq(psm_json_at(root, pointer), v);
	for (size_t i = 0; i < psm_json_count(v); i++) {
		const char *key = psm_json_key(v, i);
		size_t n =
		    (size_t)snprintf(below, sizeof(below), "%s/", pointer);

		if (!key)
			n += (size_t)snprintf(below + n, sizeof(below) - n,
			                      "%zu", i);
		for (; key && *key; key++) {
			if (*key == '~' || *key == '/') {
				below[n++] = '~';
				below[n++] = *key == '~' ? '0' : '1';
			} else {
				below[n++] = *key;
			}
			ck_assert_uint_lt(n, sizeof(below) - 2);
		}
		below[n] = '\0';
		put_tree(out, root, psm_json_item(v, i), below);
	}
}

/* The raw text of each value is that value. */
static void
check_texts(const psm_json *v)
{
	size_t len;
	const char *text = psm_json_text(v, &len);
	psm_json *again = NULL;

	ck_assert_int_eq(psm_json_parse(text, len, &again, err), 0);
	ck_assert_int_eq(psm_json_equal(v, again), 1);
	ck_assert_int_eq(psm_json_equal(again, v), 1);
	psm_json_free(again);
	for (size_t i = 0; i < psm_json_count(v); i++)
		check_texts(psm_json_item(v, i));
}

/* The same value through the writer, member by member. */
static void
rewrite(psm_json_writer *w, const psm_json *v)
{
	int64_t number;
	const char *text;
	size_t len;

	switch (psm_json_kind(v)) {
	case PSM_JSON_STRING:
		psm_json_write_string(w, psm_json_string(v));
		return;
	case PSM_JSON_NUMBER:
		/* 1.0 is the number 1, but written otherwise. */
		text = psm_json_text(v, &len);
		if (psm_json_get_int(v, &number, NULL) == 0 && number != 0 &&
		    strcspn(text, ".eE") >= len)
			psm_json_write_int(w, number);
		else
			psm_json_write_value(w, v);
		return;
	case PSM_JSON_ARRAY:
		psm_json_write_array(w);
		break;
	case PSM_JSON_OBJECT:
		psm_json_write_object(w);
		break;
	default:
		psm_json_write_value(w, v);
		return;
	}
	for (size_t i = 0; i < psm_json_count(v); i++) {
		if (psm_json_key(v, i))
			psm_json_write_key(w, psm_json_key(v, i));
		rewrite(w, psm_json_item(v, i));
	}
	psm_json_write_end(w);
}

static void
check_rewritten(const psm_json *v)
{
	psm_json_writer *w = psm_json_writer_new();
	psm_json *again = NULL;
	const char *text;
	size_t len;

	rewrite(w, v);
	ck_assert_msg(psm_json_writer_finish(w, &text, &len, err) == 0, "%s",
	              psm_error_message(err));
	ck_assert_int_eq(psm_json_parse(text, len, &again, err), 0);
	ck_assert_int_eq(psm_json_equal(v, again), 1);
	psm_json_free(again);
	psm_json_writer_free(w);
}

START_TEST(valid_case)
{
	const char *name = valid_cases[_i]->d_name;
	struct psm__buf tree = {0};
	psm_json *doc = NULL;
	size_t len;
	char *input = read_case("valid", name, "input", &len);
	char *want = read_case("valid", name, "tree", NULL);

	ck_assert_msg(psm_json_parse(input, len, &doc, err) == 0, "%s: %s",
	              name, psm_error_message(err));
	memset(input, '#', len); /* the document has a copy */
	put_tree(&tree, doc, doc, "");
	ck_assert_str_eq(tree.data, want);
	check_texts(doc);
	check_rewritten(doc);
	psm_json_free(doc);
	psm__buf_free(&tree);
	free(input);
	free(want);
}
END_TEST

START_TEST(invalid_case)
{
	const char *name = invalid_cases[_i]->d_name;
	psm_json *doc = (psm_json *)&name;
	struct psm__buf found = {0};
	size_t len;
	char *input = read_case("invalid", name, "input", &len);
	char *want = read_case("invalid", name, "error", NULL);
	int rc = psm_json_parse(input, len, &doc, err);

	ck_assert_ptr_null(doc);
	ck_assert_int_eq(psm_error_code(err), rc);
	psm__buf_printf(
	    &found, "code %s\nline %u\ncolumn %u\noffset %zu\ntext %s\n",
	    psm_error_name(rc), psm_error_line(err), psm_error_column(err),
	    psm_error_offset(err), psm_error_message(err));
	ck_assert_str_eq(found.data, want);
	psm__buf_free(&found);
	free(input);
	free(want);
}
END_TEST

START_TEST(cases_are_there)
{
	ck_assert_int_ge(valid_count, 20);
	ck_assert_int_ge(invalid_count, 70);
}
END_TEST

/* -- what the cases cannot say as text */

static const struct {
	const char *bytes;
	size_t len;
	unsigned column;
	const char *message;
} raw[] = {
    {"\0", 1, 1, "want a value, found byte 0x00"},
    {"[1\0]", 4, 3, "want ',' or ']', found byte 0x00"},
    {"1\0", 2, 2, "want the end of the text, found byte 0x00"},
    {"\"a\0b\"", 5, 3,
     "want an escape for a control character, found byte "
     "0x00"},
    {"\"\\\0\"", 4, 2,
     "want an escape of \" \\ / b f n r t u, found another "
     "sequence"},
    {"\"\xff\"", 3, 2, "want UTF-8, found byte 0xff"},
    {"\"\xc3\"", 3, 2, "want UTF-8, found byte 0xc3"},
    {"\"\xc0\x80\"", 4, 2, "want UTF-8, found byte 0xc0"},
    {"\"a\xed\xa0\x80\"", 6, 3, "want UTF-8, found byte 0xed"},
    {"\"\xf4\x90\x80\x80\"", 6, 2, "want UTF-8, found byte 0xf4"},
    {"\"\xe2\x82", 4, 2, "want UTF-8, found byte 0xe2"},
    {"{\"\xe4\":1}", 7, 3, "want UTF-8, found byte 0xe4"},
    {"[\xc3\xa4]", 4, 2, "want a value or ']', found byte 0xc3"},
    {"\x80", 1, 1, "want a value, found byte 0x80"},
    {"\xff\xfe{\0}\0", 6, 1, "want a value, found byte 0xff"},
};

START_TEST(bytes_that_are_no_text)
{
	psm_json *doc = NULL;

	ck_assert_int_eq(psm_json_parse(raw[_i].bytes, raw[_i].len, &doc, err),
	                 PSM_ERR_PARSE);
	ck_assert_str_eq(psm_error_message(err), raw[_i].message);
	ck_assert_uint_eq(psm_error_column(err), raw[_i].column);
	ck_assert_ptr_null(doc);
}
END_TEST

/* The scan looks at eight bytes at once: the wrong one may be any of them. */
START_TEST(control_characters_anywhere_in_a_string)
{
	psm_json *doc = NULL;
	char text[26];

	for (int c = 0; c < 0x20; c++) {
		for (size_t i = 1; i < sizeof(text) - 1; i++) {
			memset(text, 'x', sizeof(text));
			text[0] = text[sizeof(text) - 1] = '"';
			text[i] = (char)c;
			ck_assert_int_eq(
			    psm_json_parse(text, sizeof(text), &doc, err),
			    PSM_ERR_PARSE);
			ck_assert_uint_eq(psm_error_offset(err), i);
		}
	}
}
END_TEST

/* A text that is cut off anywhere is refused, at its end or before. */
START_TEST(each_prefix_is_refused)
{
	size_t len;
	char *input = read_case("valid", "event", "input", &len);
	psm_json *doc = NULL;

	while (input[len - 1] != '}')
		len--;
	for (size_t cut = 0; cut < len; cut++) {
		/* A block of its own, so that a read behind it is seen. */
		char *part = malloc(cut + 1);

		ck_assert_ptr_nonnull(part);
		memcpy(part, input, cut);
		ck_assert_int_eq(psm_json_parse(part, cut, &doc, err),
		                 PSM_ERR_PARSE);
		ck_assert_uint_le(psm_error_offset(err), cut);
		ck_assert_uint_ge(psm_error_line(err), 1);
		free(part);
	}
	free(input);
}
END_TEST

/* With any byte replaced by any other it is refused with a position, or is
 * another text with a meaning. */
START_TEST(each_changed_byte)
{
	static const char text[] =
	    "{\"k\\u00e4\":[1,-2.5e3,true,null,\"\xc3\xa4\\n\"],\"b\":{}}";
	char changed[sizeof(text)];
	size_t len = sizeof(text) - 1;
	psm_json *doc = NULL;

	for (size_t i = 0; i < len; i++) {
		for (int c = 0; c < 256; c++) {
			memcpy(changed, text, sizeof(text));
			changed[i] = (char)c;
			if (psm_json_parse(changed, len, &doc, err) == 0) {
				psm_json_free(doc);
				continue;
			}
			ck_assert_int_eq(psm_error_code(err), PSM_ERR_PARSE);
			ck_assert_uint_le(psm_error_offset(err), len);
			ck_assert_uint_eq(
			    psm_error_line(err),
			    psm__locate(changed, len, psm_error_offset(err))
				.line);
		}
	}
}
END_TEST

START_TEST(size_limit)
{
	size_t len = PSM__JSON_MAX_BYTES;
	char *text = malloc(len + 1);
	psm_json *doc = NULL;

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', len + 1);
	text[len - 1] = '7';
	ck_assert_int_eq(psm_json_parse(text, len + 1, &doc, err),
	                 PSM_ERR_TOO_LARGE);
	ck_assert_str_eq(psm_error_message(err),
	                 "want at most 16777216 bytes of JSON, found 16777217");
	ck_assert_ptr_null(doc);
	ck_assert_int_eq(psm_json_parse(text, len, &doc, err), 0);
	ck_assert_uint_eq(psm_json_column(doc), len);
	psm_json_free(doc);
	free(text);
}
END_TEST

/* The most values that fit, and the longest of each kind of token. */
START_TEST(as_much_as_fits)
{
	size_t len = PSM__JSON_MAX_BYTES / 8;
	char *text = malloc(len + 1);
	psm_json *doc = NULL;

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < len; i++)
		text[i] = i % 2 ? '0' : ',';
	text[0] = '[';
	text[len - 1] = ']';
	text[len - 2] = ' ';
	ck_assert_int_eq(psm_json_parse(text, len, &doc, err), 0);
	ck_assert_uint_eq(psm_json_count(doc), len / 2 - 1);
	ck_assert_str_eq(psm_json_kind_name(psm_json_kind(
			     psm_json_item(doc, psm_json_count(doc) - 1))),
	                 "number");
	psm_json_free(doc);
	memset(text, ',', len);
	text[0] = '[';
	ck_assert_int_eq(psm_json_parse(text, len, &doc, err), PSM_ERR_PARSE);
	memset(text, '9', len);
	ck_assert_int_eq(psm_json_parse(text, len, &doc, err), 0);
	psm_json_free(doc);
	memset(text, '\\', len);
	text[0] = text[len - 1] = '"';
	ck_assert_int_eq(psm_json_parse(text, len, &doc, err), 0);
	ck_assert_uint_eq(strlen(psm_json_string(doc)), len / 2 - 1);
	psm_json_free(doc);
	memset(text, '1', len);
	memcpy(text + len - 4, "\"\\x\"", 4);
	ck_assert_int_eq(psm_json_parse(text, len, &doc, err), PSM_ERR_PARSE);
	ck_assert_str_eq(psm_error_message(err),
	                 "want an escape of \" \\ / b f n r t u, found another "
	                 "sequence");
	free(text);
}
END_TEST

START_TEST(the_first_repeated_key_is_told)
{
	char *text = testing_object(1000, "k", 1, "");
	size_t len = strlen(text);
	struct psm__buf b = {0};
	psm_json *doc = NULL;

	psm__buf_put(&b, text, len - 1);
	psm__buf_puts(&b, ",\n\"k999\":0,\n\"k0\":0,\n\"k500\":0}");
	ck_assert_int_eq(psm_json_parse(b.data, b.len, &doc, err),
	                 PSM_ERR_PARSE);
	ck_assert_uint_eq(psm_error_line(err), 2);
	ck_assert_uint_eq(psm_error_column(err), 1);
	psm__buf_free(&b);
	psm_free(text);
}
END_TEST

/* -- memory */

static int
parse_text(const char *text)
{
	psm_json *doc = NULL;
	int rc = psm_json_parse(text, strlen(text), &doc, NULL);

	ck_assert_int_eq(rc == 0, doc != NULL);
	psm_json_free(doc);
	return rc;
}

static int
parse_once(void *arg)
{
	return parse_text(arg);
}

static int
parse_wrong(void *arg)
{
	int rc = parse_text("{\"a\":[1,2,{\"b\":nope}]}");

	(void)arg;
	if (rc == PSM_ERR_PARSE)
		rc = parse_text("[\"\\x\"]");
	if (rc == PSM_ERR_PARSE)
		rc = parse_text("{\"a\":1,\"a\":2}");
	return rc == PSM_ERR_PARSE ? 0 : rc;
}

/* One block for a document, whatever is in it; none that outlives a refused
 * text. */
START_TEST(one_allocation)
{
	static char small[] = "[1,{\"a\":\"b\"}]", text[300001];
	char *big;

	ck_assert_int_eq(testing_fail_each(parse_once, small, 0), 1);
	memset(text, '\\', sizeof(text) - 1);
	text[0] = text[sizeof(text) - 2] = '"';
	ck_assert_int_eq(testing_fail_each(parse_once, text, 0), 1);
	memset(text, '9', sizeof(text) - 1);
	ck_assert_int_eq(testing_fail_each(parse_once, text, 0), 1);
	big = testing_object(300, "k", 1, "");
	ck_assert_int_eq(atomic_load(&testing_memory.live), 1);
	ck_assert_uint_lt(strlen(big), sizeof(text));
	memcpy(text, big, strlen(big) + 1);
	psm_free(big);
	ck_assert_int_eq(testing_fail_each(parse_once, text, 0), 1);
	ck_assert_int_eq(testing_fail_each(parse_wrong, NULL, 0), 3);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("json");
	TCase *cases = tcase_create("cases"), *more = tcase_create("more"),
	      *memory = tcase_create("memory");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, cases_are_there);
	tcase_add_loop_test(cases, valid_case, 0, valid_count);
	tcase_add_loop_test(cases, invalid_case, 0, invalid_count);
	suite_add_tcase(s, cases);
	tcase_set_timeout(more, 60);
	tcase_add_checked_fixture(more, setup, teardown);
	tcase_add_loop_test(more, bytes_that_are_no_text, 0,
	                    (int)PSM__COUNT(raw));
	tcase_add_test(more, control_characters_anywhere_in_a_string);
	tcase_add_test(more, each_prefix_is_refused);
	tcase_add_test(more, each_changed_byte);
	tcase_add_test(more, size_limit);
	tcase_add_test(more, as_much_as_fits);
	tcase_add_test(more, the_first_repeated_key_is_told);
	suite_add_tcase(s, more);
	tcase_add_test(memory, one_allocation);
	suite_add_tcase(s, memory);
	return s;
}

int
main(void)
{

	valid_count = testing_list("json/valid", &valid_cases);
	invalid_count = testing_list("json/invalid", &invalid_cases);
	return testing_run(srunner_create(suite()));
}
