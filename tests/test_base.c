/* SPDX-License-Identifier: BSD-2-Clause */
/* What base has once for all rooms: the calendar, hashes, hexadecimal digits.
 */
#include "testing.h"

#include "base/base.h"

/* -- dates */

START_TEST(days_there_and_back)
{
	int64_t first = psm__date_to_days(1, 1, 1);
	int64_t last = psm__date_to_days(9999, 12, 31), days;
	int year, month, day;

	ck_assert_int_eq(psm__date_to_days(1970, 1, 1), 0);
	ck_assert_int_eq(psm__date_to_days(2000, 3, 1), 11017);
	ck_assert_int_eq(first, -719162);
	ck_assert_int_eq(last, 2932896);
	for (days = first; days <= last; days += 17) {
		psm__date_from_days(days, &year, &month, &day);
		if (!psm__date_valid(year, month, day) ||
		    psm__date_to_days(year, month, day) != days)
			ck_abort_msg("day %lld", (long long)days);
	}
}
END_TEST

static const struct {
	int year, month, day, valid;
} dates[] = {
    {2024, 2, 29, 1},  {2025, 2, 29, 0}, {1900, 2, 29, 0},  {2000, 2, 29, 1},
    {1, 1, 1, 1},      {0, 1, 1, 0},     {9999, 12, 31, 1}, {10000, 1, 1, 0},
    {2025, 0, 1, 0},   {2025, 13, 1, 0}, {2025, 4, 31, 0},  {2025, 4, 0, 0},
    {2025, 12, 32, 0}, {-1, 1, 1, 0},    {2025, -1, 1, 0},  {2025, 1, -1, 0},
};

START_TEST(days_that_exist)
{
	ck_assert_int_eq(
	    psm__date_valid(dates[_i].year, dates[_i].month, dates[_i].day),
	    dates[_i].valid);
}
END_TEST

static const struct {
	const char *text;
	int is_date, is_time;
} forms[] = {
    {"2024-02-29", 1, 0},  {"2025-02-29", 0, 0},
    {"2025-2-28", 0, 0},   {"2025/02/28", 0, 0},
    {"2025-02-28x", 0, 0}, {"0000-01-01", 0, 0},
    {"2025-02-2x", 0, 0},  {"", 0, 0},
    {"09:30", 0, 1},       {"09:30:00", 0, 1},
    {"09:30:00.25", 0, 1}, {"24:00", 0, 0},
    {"09:60", 0, 0},       {"09:30:60", 0, 0},
    {"09:30:00.", 0, 0},   {"09:30:00.1234567890", 0, 0},
    {"9:30", 0, 0},        {"09:30:00Z", 0, 0},
    {"09", 0, 0},          {"09:3", 0, 0},
};

START_TEST(texts_of_days_and_times)
{
	ck_assert_int_eq(psm__is_date(forms[_i].text), forms[_i].is_date);
	ck_assert_int_eq(psm__is_time(forms[_i].text), forms[_i].is_time);
}
END_TEST

/* -- hashes: the published test vectors of FNV-1a */

START_TEST(hashes)
{
	uint64_t a;

	ck_assert_uint_eq(psm__hash(PSM__HASH_START, "", 0), PSM__HASH_START);
	a = psm__hash(PSM__HASH_START, "a", 1);
	ck_assert_uint_eq(a, UINT64_C(0xaf63dc4c8601ec8c));
	ck_assert_uint_eq(psm__hash(PSM__HASH_START, "foobar", 6),
	                  UINT64_C(0x85944171f73967e8));
	/* In two steps as in one. */
	ck_assert_uint_eq(
	    psm__hash(psm__hash(PSM__HASH_START, "foo", 3), "bar", 3),
	    UINT64_C(0x85944171f73967e8));
	ck_assert_uint_ne(psm__hash(a, "\xff", 1), psm__hash(a, "\x7f", 1));
}
END_TEST

/* -- hexadecimal digits */

START_TEST(digits)
{
	int c, value;

	for (c = 0; c < 256; c++) {
		const char *small = "0123456789abcdef", *at;

		at =
		    c ? strchr(small, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
		value = at ? (int)(at - small) : -1;
		ck_assert_int_eq(psm__hex_value((char)c), value);
	}
	ck_assert_str_eq(psm__hex_digits, "0123456789abcdef");
}
END_TEST

START_TEST(bytes_there_and_back)
{
	unsigned char bytes[256], back[256];
	char text[513];
	int i;

	for (i = 0; i < 256; i++)
		bytes[i] = (unsigned char)i;
	psm__hex_write(bytes, 256, text);
	ck_assert_uint_eq(strlen(text), 512);
	ck_assert_mem_eq(text, "000102", 6);
	ck_assert_str_eq(text + 506, "fdfeff");
	ck_assert_uint_eq(psm__hex_read(text, back), 256);
	ck_assert_mem_eq(back, bytes, 256);
	ck_assert_uint_eq(psm__hex_read(text, text), 256); /* in its place */
	ck_assert_mem_eq(text, bytes, 256);
	psm__hex_write(bytes, 0, text);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(what_is_no_pair_ends_it)
{
	char to[8];

	ck_assert_uint_eq(psm__hex_read("", to), 0);
	ck_assert_uint_eq(psm__hex_read("a", to), 0);
	ck_assert_uint_eq(psm__hex_read("C3a", to), 1);
	ck_assert_int_eq((unsigned char)to[0], 0xc3);
	ck_assert_uint_eq(psm__hex_read("00fg11", to), 1);
	ck_assert_uint_eq(psm__hex_read("00 f", to), 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("base");
	TCase *t = tcase_create("base");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, days_there_and_back);
	tcase_add_loop_test(t, days_that_exist, 0, (int)PSM__COUNT(dates));
	tcase_add_loop_test(t, texts_of_days_and_times, 0,
	                    (int)PSM__COUNT(forms));
	tcase_add_test(t, hashes);
	tcase_add_test(t, digits);
	tcase_add_test(t, bytes_there_and_back);
	tcase_add_test(t, what_is_no_pair_ends_it);
	suite_add_tcase(s, t);
	return testing_run(srunner_create(s));
}
