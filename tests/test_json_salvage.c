/* SPDX-License-Identifier: BSD-2-Clause */
/* A list of records of which some are at fault in themselves. */
#include "json/json.h"
#include "testing.h"

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

/* A text, the items of "list" that are lost ("-": the whole text is), and the
 * line and column of the first fault. */
static const struct {
	const char *text, *lost;
	unsigned line, column;
} cases[] = {
    {"{\"list\": [1, {\"a\": \"]\\\"}\"}]}", "", 0, 0},
    {"{\"list\": [\n{\"a\": 1, \"a\": 2}, {\"b\": 1}]}", "0", 2, 10},
    {"{\"list\": [{\"b\": 1},\n {\"a\": \"\\ud800\"}]}", "1", 2, 9},
    {"{\"list\": [{\"b\": \"\\u0000\"}, {}, {\"a\": \"\xff\"}]}", "02", 1, 18},
    {"{\"list\" :[ \"\\u0000\" ,\"a,]\", [[\"\\ud800\", []], 2]]}", "02", 1,
     13},
    {"{\"x\": [\"list\", {\"list\": [1]}], \"list\": [{\"a\\\\\": \"\t\"}, "
     "\"x\"]}",
     "0", 1, 50},
    /* Nobody knows where a record ends, or the fault is elsewhere. */
    {"{\"list\": [{\"a\": \"\\u0000\"}, {\"b\": 1]}", "-", 1, 18},
    {"{\"list\": [{\"a\": \"\\u0000}, {\"b\": 1}]}", "-", 1, 18},
    {"{\"list\": [{\"a\": 1,}, {\"b\": 1}]}", "-", 1, 19},
    {"{\"list\": [1], \"x\": \"\\u0000\"}", "-", 1, 21},
    {"{\"list\": [\"\\u0000\"], \"list\": [1]}", "-", 1, 12},
    {"[\"\\u0000\"]", "-", 1, 3},
    {"{\"\\u0000\": [1]}", "-", 1, 3},
    {"{\"list\": {\"a\": \"\\u0000\"}}", "-", 1, 17},
    {"", "-", 1, 1},
    {"{\"list\": [\"\\", "-", 0, 0},
};

START_TEST(salvage)
{
	const char *text = cases[_i].text;
	struct psm__lost *lost;
	char found[16] = "";
	psm_json *doc;
	size_t count;
	int rc = psm__json_salvage(text, strlen(text), "list", &doc, &lost,
	                           &count, err);

	if (cases[_i].lost[0] == '-') {
		ck_assert_int_eq(rc, PSM_ERR_PARSE);
		ck_assert_ptr_null(doc);
		ck_assert_ptr_null(lost);
		ck_assert_uint_eq(count, 0);
	} else {
		ck_assert_msg(rc == 0, "%s", psm_error_message(err));
		ck_assert_int_eq(psm_error_code(err), PSM_OK);
		for (size_t i = 0; i < count; i++)
			found[i] = (char)('0' + lost[i].item);
		ck_assert_str_eq(found, cases[_i].lost);
		for (size_t i = 0; i < count; i++)
			ck_assert_int_eq(
			    psm_json_kind(psm_json_item(
				psm_json_at(doc, "/list"), lost[i].item)),
			    PSM_JSON_NUMBER);
		if (count > 0)
			ck_assert_int_eq(
			    psm__json_lost_fault(text, &lost[0], err),
			    PSM_ERR_PARSE);
	}
	if (cases[_i].line > 0) {
		ck_assert_uint_eq(psm_error_line(err), cases[_i].line);
		ck_assert_msg(psm_error_column(err) == cases[_i].column,
		              "%d: column %u", _i, psm_error_column(err));
	}
	psm_json_free(doc);
	psm__free(lost);
}
END_TEST

/* Every text of two marks and what is between: no crash, and whatever is lost
 * can say why. */
START_TEST(all_short_texts)
{
	static const char *const parts[] = {
	    "{",        "}",           "[",  "]", ",", ":",
	    "\"list\"", "\"\\u0000\"", "\"", "1", "\\"};
	char text[64];
	struct psm__lost *lost;
	psm_json *doc;
	size_t count, n = PSM__COUNT(parts);

	for (size_t i = 0; i < n * n * n * n; i++) {
		(void)snprintf(text, sizeof(text), "{\"list\":[%s%s%s%s",
		               parts[i % n], parts[i / n % n],
		               parts[i / n / n % n], parts[i / n / n / n]);
		if (psm__json_salvage(text, strlen(text), "list", &doc, &lost,
		                      &count, err) == 0 &&
		    count > 0)
			ck_assert_int_eq(
			    psm__json_lost_fault(text, &lost[0], err),
			    PSM_ERR_PARSE);
		psm_json_free(doc);
		psm__free(lost);
	}
}
END_TEST

START_TEST(too_deep)
{
	char text[400] = "{\"list\": [\"\\u0000\", ";
	struct psm__lost *lost;
	psm_json *doc;
	size_t count, used = strlen(text);

	memset(text + used, '[', 70);
	memset(text + used + 70, ']', 70);
	memcpy(text + used + 140, "]}", 3);
	ck_assert_int_eq(psm__json_salvage(text, strlen(text), "list", &doc,
	                                   &lost, &count, err),
	                 PSM_ERR_PARSE);
	ck_assert_ptr_null(doc);
}
END_TEST

static int
once(void *arg)
{
	static const char text[] = "{\"list\": [\"\\u0000\", {\"a\": 1}]}";
	struct psm__lost *lost;
	psm_json *doc;
	size_t count;
	int rc = psm__json_salvage(text, sizeof(text) - 1, "list", &doc, &lost,
	                           &count, NULL);

	(void)arg; /* nothing varies */
	psm_json_free(doc);
	psm__free(lost);
	return rc;
}

START_TEST(out_of_memory)
{
	ck_assert_int_gt(testing_fail_each(once, NULL, 0), 3);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("json salvage");
	TCase *t = tcase_create("list"), *alone = tcase_create("memory");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, salvage, 0, (int)PSM__COUNT(cases));
	tcase_add_test(t, all_short_texts);
	tcase_add_test(t, too_deep);
	suite_add_tcase(s, t);
	tcase_add_test(alone, out_of_memory);
	suite_add_tcase(s, alone);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
