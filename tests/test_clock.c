/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing.h"

#include <pthread.h>
#include <time.h>

#include "base/base.h"

#define FIRST INT64_C(-62135596800000000)
#define LAST INT64_C(253402300799999999)

static const struct {
	const char *text;
	int64_t us;
} good[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01T00:00:00.000001Z", 1},
    {"1969-12-31T23:59:59.999999Z", -1},
    {"1970-01-01T00:00:00.1Z", 100000},
    {"1970-01-01T00:00:00.123456789Z", 123456},
    {"1970-01-01T00:00:00.999999999Z", 999999},
    {"1969-12-31T23:59:59.9999999Z", -1},
    {"2026-01-31T09:00:00.000001Z", INT64_C(1769850000000001)},
    {"2026-01-31t09:00:00z", INT64_C(1769850000000000)},
    {"2026-01-31 09:00:00", INT64_C(1769850000000000)},
    {"2026-01-31T09:00:00", INT64_C(1769850000000000)},
    {"2026-01-31T09:00:00.5", INT64_C(1769850000500000)},
    {"2026-01-31T10:00:00+01:00", INT64_C(1769850000000000)},
    {"2026-01-31T03:30:00-05:30", INT64_C(1769850000000000)},
    {"2026-01-31T09:00:00-00:00", INT64_C(1769850000000000)},
    {"2026-02-01T08:59:00.25+23:59", INT64_C(1769850000250000)},
    {"2016-12-31T23:59:60Z", INT64_C(1483228800000000)},
    {"2016-12-31T23:59:60.250000Z", INT64_C(1483228800250000)},
    {"2017-01-01T00:59:60+01:00", INT64_C(1483228800000000)},
    {"2000-02-29T12:00:00Z", INT64_C(951825600000000)},
    {"2400-02-29T00:00:00Z", INT64_C(13574563200000000)},
    {"0001-01-01T00:00:00Z", FIRST},
    {"0001-01-01T01:00:00+01:00", FIRST},
    {"9999-12-31T23:59:59.999999Z", LAST},
    {"9999-12-31T22:59:59.999999-01:00", LAST},
};

START_TEST(reads)
{
	int64_t us = 42;

	ck_assert_int_eq(
	    psm_time_parse(good[_i].text, strlen(good[_i].text), &us, NULL), 0);
	ck_assert_int_eq(us, good[_i].us);
}
END_TEST

static const struct {
	const char *text;
	unsigned column;
	const char *want;
} bad[] = {
    {"", 1, "a year"},
    {"2026", 5, "\"-\""},
    {"2026-01-31", 11, "\"T\""},
    {"0000-01-01T00:00:00Z", 1, "a year"},
    {"+026-01-01T00:00:00Z", 1, "a year"},
    {"12026-01-01T00:00:00Z", 5, "\"-\""},
    {"2026-13-01T00:00:00Z", 6, "a month"},
    {"2026-00-01T00:00:00Z", 6, "a month"},
    {"2026-1-01T00:00:00Z", 6, "a month"},
    {"2026-01-32T00:00:00Z", 9, "a day"},
    {"2026-01-00T00:00:00Z", 9, "a day"},
    {"2026-04-31T00:00:00Z", 9, "a day that the month has"},
    {"2026-02-29T00:00:00Z", 9, "a day that the month has"},
    {"1900-02-29T00:00:00Z", 9, "a day that the month has"},
    {"2026-01-31x00:00:00Z", 11, "\"T\""},
    {"2026-01-31T24:00:00Z", 12, "an hour"},
    {"2026-01-31T0:00:00Z", 12, "an hour"},
    {"2026-01-31T00:60:00Z", 15, "a minute"},
    {"2026-01-31T00:00Z", 17, "\":\""},
    {"2026-12-31T23:59:61Z", 18, "a second"},
    {"9999-12-31T23:59:60Z", 1, "the years 0001 to 9999"},
    {"2026-01-31T00:00:00.Z", 21, "1 to 9 digits"},
    {"2026-01-31T00:00:00.1234567890Z", 21, "1 to 9 digits"},
    {"2026-01-31T00:00:00,5Z", 20, "\"Z\""},
    {"2026-01-31T00:00:00 Z", 20, "\"Z\""},
    {"2026-01-31T00:00:00Zx", 21, "the end"},
    {"2026-01-31T00:00:00+24:00", 21, "offset hours"},
    {"2026-01-31T00:00:00+01:60", 24, "offset minutes"},
    {"2026-01-31T00:00:00+0100", 23, "\":\""},
    {"2026-01-31T00:00:00+01", 23, "\":\""},
    {"0001-01-01T00:00:00+00:01", 1, "the years 0001 to 9999"},
    {"9999-12-31T23:59:00-00:01", 1, "the years 0001 to 9999"},
};

START_TEST(refuses)
{
	psm_error *err = psm_error_new();
	int64_t us = 42;

	ck_assert_int_eq(
	    psm_time_parse(bad[_i].text, strlen(bad[_i].text), &us, err),
	    PSM_ERR_SCHEMA);
	ck_assert_int_eq(us, 42);
	ck_assert_uint_eq(psm_error_line(err), 1);
	ck_assert_uint_eq(psm_error_column(err), bad[_i].column);
	ck_assert_uint_eq(psm_error_offset(err), bad[_i].column - 1);
	ck_assert_msg(strstr(psm_error_message(err), bad[_i].want) != NULL,
	              "%s", psm_error_message(err));
	psm_error_free(err);
}
END_TEST

/* len counts, not a NUL; and each prefix of a time is none, but for those that
 * end a fraction or leave the zone out. */
START_TEST(reads_no_further_than_len)
{
	static const char text[] = "2026-01-31T09:00:00.123456+01:00";
	int64_t us;

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		int whole = len == 19 || (len > 20 && len <= 26);

		ck_assert_int_eq(psm_time_parse(text, len, &us, NULL),
		                 whole ? 0 : PSM_ERR_SCHEMA);
	}
}
END_TEST

/* The usual form is read by a shorter way; with one digit more of a fraction
 * the same time takes the long one. */
START_TEST(both_ways_byte_by_byte)
{
	static const char usual[] = "2026-03-28T23:59:58.123456Z";
	char text[32], longer[32];
	size_t at, len = sizeof usual - 1;
	int c, rc;

	for (at = 0; at < len; at++)
		for (c = 0; c < 256; c++) {
			int64_t a = -1, b = -1;

			memcpy(text, usual, sizeof usual);
			text[at] = (char)c;
			memcpy(longer, text, len - 1);
			longer[len - 1] = '0';
			longer[len] = text[len - 1];
			rc = psm_time_parse(longer, len + 1, &b, NULL);
			ck_assert_msg(
			    psm_time_parse(text, len, &a, NULL) == rc && a == b,
			    "byte %d at %zu", c, at);
		}
}
END_TEST

START_TEST(writes)
{
	char text[28];

	ck_assert_int_eq(psm_time_format(0, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "1970-01-01T00:00:00.000000Z");
	ck_assert_int_eq(psm_time_format(-1, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "1969-12-31T23:59:59.999999Z");
	ck_assert_int_eq(psm_time_format(FIRST, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "0001-01-01T00:00:00.000000Z");
	ck_assert_int_eq(psm_time_format(LAST, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "9999-12-31T23:59:59.999999Z");
	ck_assert_int_eq(psm_time_format(FIRST - 1, text, sizeof(text)),
	                 PSM_ERR_INVAL);
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(psm_time_format(LAST + 1, text, sizeof(text)),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_time_format(INT64_MIN, text, sizeof(text)),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_time_format(INT64_MAX, text, sizeof(text)),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_time_format(0, text, 27), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_time_format(0, NULL, 28), PSM_ERR_INVAL);
}
END_TEST

/* The C library's calendar is the judge, each day of 400 years.
 */
START_TEST(each_day)
{
	char text[28], want[28];

	for (int64_t day = -73049; day < 73049; day++) {
		int64_t us = (day * 86400 + 45296) * 1000000 + 7, back;
		time_t t = (time_t)(day * 86400 + 45296);
		struct tm tm;

		ck_assert_ptr_nonnull(gmtime_r(&t, &tm));
		ck_assert_uint_gt(
		    strftime(want, sizeof(want), "%Y-%m-%dT%T", &tm), 0);
		if (psm_time_format(us, text, sizeof(text)) != 0 ||
		    strncmp(text, want, 19) != 0 ||
		    psm_time_parse(text, 27, &back, NULL) != 0 || back != us)
			ck_abort_msg("%s is not %s", text, want);
	}
}
END_TEST

START_TEST(arguments)
{
	psm_error *err = psm_error_new();
	int64_t us;

	ck_assert_int_eq(psm_time_parse(NULL, 0, &us, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_time_parse("", 0, NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_error_code(err), PSM_ERR_INVAL);
	psm_error_free(err);
}
END_TEST

static int64_t
standing(void *user)
{
	return *(int64_t *)user;
}

START_TEST(injected)
{
	int64_t now = 123;
	time_t before = time(NULL);

	ck_assert_int_ge(psm_now_us() / 1000000, before);
	psm_set_clock(standing, &now);
	ck_assert_int_eq(psm_now_us(), 123);
	now = -5;
	ck_assert_int_eq(psm_now_us(), -5);
	psm_set_clock(NULL, NULL);
	ck_assert_int_ge(psm_now_us() / 1000000, before);
}
END_TEST

/* Two clocks that mix up their user data would give an odd sum. */
static int64_t
pair_of_tens(void *user)
{
	return 10 + *(int64_t *)user;
}

static int64_t
pair_of_ones(void *user)
{
	return 1 + *(int64_t *)user;
}

static atomic_int stop;

static void *
read_clock(void *arg)
{
	int64_t *wrong = arg;

	while (!atomic_load(&stop)) {
		int64_t now = psm_now_us();

		if (now != 20 && now != 2)
			++*wrong;
	}
	return NULL;
}

START_TEST(replaced_while_read)
{
	static int64_t ten = 10, one = 1;
	int64_t wrong = 0;
	pthread_t thread;

	psm_set_clock(pair_of_tens, &ten);
	ck_assert_int_eq(
	    psm__thread_start(&thread, "reader", read_clock, &wrong, NULL), 0);
	for (int i = 0; i < 5000; i++) {
		psm_set_clock(pair_of_ones, &one);
		psm_set_clock(pair_of_tens, &ten);
	}
	atomic_store(&stop, 1);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(wrong, 0);
}
END_TEST

START_TEST(deadlines_are_monotonic)
{
	int64_t now = -1, ms = psm__mono_ms();
	struct timespec at, none, mono;

	psm_set_clock(standing, &now); /* must not matter here */
	psm__deadline(&at, 2500);
	psm__deadline(&none, -7);
	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &mono), 0);
	ck_assert_int_ge(at.tv_sec * 1000 + at.tv_nsec / 1000000, ms + 2500);
	ck_assert_int_le(at.tv_sec, mono.tv_sec + 3);
	ck_assert_int_lt(at.tv_nsec, 1000000000);
	ck_assert_int_ge(none.tv_sec * 1000 + none.tv_nsec / 1000000, ms);
	ck_assert_int_le(none.tv_sec, mono.tv_sec);
	ck_assert_int_ge(psm__mono_us() / 1000, ms);
	/* Of the same clock, and never ahead of it. */
	ms = psm__mono_ms_about();
	ck_assert_int_gt(ms, 0);
	ck_assert_int_ge(psm__mono_ms(), ms);
	ck_assert_int_ge(psm__mono_ms_about(), ms);
}
END_TEST

static const struct {
	int64_t done, total, elapsed_us;
	const char *text;
} progress[] = {
    {0, 60000, 5000000, "0 of 60,000 events"},
    {0, -1, 0, "0 events"},
    {7, 7, 0, "7 of 7 events"},
    {1, 0, 0, "1 event"},
    {0, 1, 1, "0 of 1 event"},
    {1200, 60000, 3000000,
     "1,200 of 60,000 events, 400 a second, 2 min 27 s left"},
    {1, 3, 4000000, "1 of 3 events, 0.2 a second, 8 s left"},
    {3, 3, 2000000, "3 of 3 events, 1.5 a second"},
    {1000, -1, 1000000, "1,000 events, 1,000 a second"},
    {1234567, 1000, 1000000, "1,234,567 events, 1,234,567 a second"},
    {1, 10000, 1000000, "1 of 10,000 events, 1.0 a second, 2 h 46 min left"},
    {INT64_MAX, INT64_MAX, 1,
     "9,223,372,036,854,775,807 of 9,223,372,036,854,775,807 events, "
     "1,000,000,000,000,000 a second"},
    {1, INT64_MAX, INT64_MAX,
     "1 of 9,223,372,036,854,775,807 events, 0.0 a second, 833333 h 20 min "
     "left"},
};

START_TEST(tells_how_far_work_is)
{
	char text[160] = "as it was";
	size_t i;

	ck_assert_int_eq(psm_progress_format(-1, 1, 1, "x", text, 160),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_progress_format(1, 1, -1, "x", text, 160),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_progress_format(1, 1, 1, "", text, 160),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_progress_format(1, 1, 1, NULL, text, 160),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_progress_format(1, 1, 1, "x", NULL, 160),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_progress_format(1, 1, 1, "x", text, 159),
	                 PSM_ERR_INVAL);
	ck_assert_str_eq(text, "as it was");
	for (i = 0; i < sizeof progress / sizeof *progress; i++) {
		ck_assert_int_eq(
		    psm_progress_format(progress[i].done, progress[i].total,
		                        progress[i].elapsed_us, "events", text,
		                        sizeof text),
		    0);
		ck_assert_str_eq(text, progress[i].text);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("clock");
	TCase *t = tcase_create("clock");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, reads, 0, (int)PSM__COUNT(good));
	tcase_add_loop_test(t, refuses, 0, (int)PSM__COUNT(bad));
	tcase_add_test(t, reads_no_further_than_len);
	tcase_add_test(t, tells_how_far_work_is);
	tcase_add_test(t, both_ways_byte_by_byte);
	tcase_add_test(t, writes);
	tcase_add_test(t, each_day);
	tcase_add_test(t, arguments);
	tcase_add_test(t, injected);
	tcase_add_test(t, replaced_while_read);
	tcase_add_test(t, deadlines_are_monotonic);
	suite_add_tcase(s, t);
	return testing_run(srunner_create(s));
}
