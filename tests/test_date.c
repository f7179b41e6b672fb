/* SPDX-License-Identifier: BSD-2-Clause */
/* Days and times as texts. */
#include "base/base.h"
#include "testing.h"

struct form {
	const char *text;
	int right;
};

static const struct form dates[] = {
    {"2026-01-31", 1}, {"2024-02-29", 1}, {"2000-02-29", 1}, {"1900-02-29", 0},
    {"2026-02-29", 0}, {"2026-04-31", 0}, {"2026-13-01", 0}, {"2026-00-10", 0},
    {"2026-01-00", 0}, {"0000-01-01", 0}, {"1999-1-5", 0},   {"2026-01-31T", 0},
    {"", 0},           {"2026/01/31", 0}, {"20x6-01-31", 0}, {"-026-01-31", 0},
    {"2026-01-3 ", 0}, {"9999-12-31", 1},
};

static const struct form times[] = {
    {"09:30", 1},     {"00:00:00", 1},    {"23:59:59", 1},
    {"24:00", 0},     {"12:60", 0},       {"12:00:60", 0},
    {"9:30", 0},      {"09:3", 0},        {"09:30:", 0},
    {"09:30:00.", 0}, {"09:30:00.25", 1}, {"09:30:00.1234567890", 0},
    {"", 0},          {"0", 0},           {"09:30Z", 0},
};

static void
check_forms(const struct form *forms, size_t count, int (*is)(const char *))
{
	size_t i;

	for (i = 0; i < count; i++)
		ck_assert_msg(is(forms[i].text) == forms[i].right, "\"%s\"",
		              forms[i].text);
}

START_TEST(texts_have_their_form)
{
	check_forms(dates, PSM__COUNT(dates), psm__is_date);
	check_forms(times, PSM__COUNT(times), psm__is_time);
	ck_assert(psm__is_folder_day("20240229"));
	ck_assert(!psm__is_folder_day("20250229"));
	ck_assert(!psm__is_folder_day("2024022"));
	ck_assert(!psm__is_folder_day("2024-02-29"));
	ck_assert(!psm__is_folder_day(NULL));
	ck_assert(psm__date_valid(2000, 2, 29));
	ck_assert(!psm__date_valid(0, 1, 1));
	ck_assert(!psm__date_valid(10000, 1, 1));
	ck_assert(!psm__date_valid(2026, 1, 32));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("date");
	TCase *forms = tcase_create("forms");

	tcase_add_test(forms, texts_have_their_form);
	suite_add_tcase(s, forms);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
