/* SPDX-License-Identifier: BSD-2-Clause */
/* When a call can be: hours in all the shapes that people write, holidays, and
 * the first free time. */
#include "domain/slot.h"
#include "testing.h"

static psm_error *err;
static struct psm__reach reach;

static void
setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	memset(&reach, 0, sizeof(reach));
}

static void
teardown(void)
{
	psm__reach_free(&reach);
	psm_error_free(err);
}

static void
read_hours(const char *json)
{
	psm_json *doc = NULL;

	psm__reach_free(&reach);
	if (json != NULL)
		ck_assert_int_eq(psm_json_parse(json, strlen(json), &doc, err),
		                 0);
	ck_assert_int_eq(psm__reach_read(doc, &reach, err), 0);
	psm_json_free(doc);
}

/* "0 10:00-12:00, 2 09:30" */
static const char *
hours_text(void)
{
	static char text[400];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < reach.count; i++) {
		const struct psm__window *w = &reach.items[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len,
		                        "%s%d %02d:%02d", i > 0 ? ", " : "",
		                        w->weekday, w->from / 60, w->from % 60);
		if (w->to >= 0)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			                        "-%02d:%02d", w->to / 60,
			                        w->to % 60);
	}
	return text;
}

static const struct {
	const char *json, *hours;
	int faults;
} shapes[] = {
    {NULL, "", 0},
    {"null", "", 0},
    {"{}", "", 0},
    {"{\"montag\":[\"10:00-12:00\",\"14:00-16:00\"]}",
     "0 10:00-12:00, 0 14:00-16:00", 0},
    {"{\"Mo\":[\"10:00-12:00\"]}", "0 10:00-12:00", 0},
    {"{\"monday\":[{\"start\":\"10:00\",\"end\":\"12:00\"}]}", "0 10:00-12:00",
     0},
    {"{\"Freitag\":[\"08:00\"]}", "4 08:00", 0},
    {"{\"wed\":[{\"start\":\"10:00\"}]}", "2 10:00", 0},
    /* Every name of every day. */
    {"{\"DI\":\"9-10\",\"tuesday\":\"11-12\",\"Tue.\":\"13-14\"}",
     "1 09:00-10:00, 1 11:00-12:00, 1 13:00-14:00", 0},
    {"{\"Mi.\":\"9-10\",\"Mittwoch\":\"11-12\"}",
     "2 09:00-10:00, 2 11:00-12:00", 0},
    {"{\"do\":\"9-10\",\"thursday\":\"11-12\",\"donnerstag\":\"8\"}",
     "3 08:00, 3 09:00-10:00, 3 11:00-12:00", 0},
    {"{\"fr\":\"9-10\",\"FRIDAY\":\"11-12\"}", "4 09:00-10:00, 4 11:00-12:00",
     0},
    {"{\"sa\":\"9-10\",\"Sonnabend\":\"11-12\",\"sunday\":\"8-9\",\"so\":\"7-8\"}",
     "5 09:00-10:00, 5 11:00-12:00, 6 07:00-08:00, 6 08:00-09:00", 0},
    {"{\"Mo - Mi\":\"9-10\"}", "0 09:00-10:00, 1 09:00-10:00, 2 09:00-10:00",
     0},
    {"{\"Sa-Mo\":\"9-10\"}", "0 09:00-10:00, 5 09:00-10:00, 6 09:00-10:00", 0},
    {"{\"Montags\":\"9-10\",\"donnerstags-Sonnabends\":\"8\"}",
     "0 09:00-10:00, 3 08:00, 4 08:00, 5 08:00", 0},
    {"{\"mondays\":\"9-10\",\"mos\":\"8\",\"montagss\":\"8\"}", "", 3},
    /* Times as people write them. */
    {"{\"mo\":\"10:00 - 12:00 Uhr, 14.30-16 Uhr\"}",
     "0 10:00-12:00, 0 14:30-16:00", 0},
    {"{\"mo\":[\"10:00\xe2\x80\x93"
     "12:00\",\"13 bis 14 Uhr\"]}",
     "0 10:00-12:00, 0 13:00-14:00", 0},
    {"{\"mo\":[{\"start\":\"10:00:00\",\"end\":\"24:00\"}]}", "0 10:00-24:00",
     0},
    {"{\"mo\":{\"start\":\"10:00\",\"end\":\"12:00\"}}", "0 10:00-12:00", 0},
    {"{\"mo\":[],\"di\":null,\"mi\":\"\",\"do\":[null,\" \"]}", "", 0},
    /* What says nothing is left out and counted; the rest stays. */
    {"[]", "", 1},
    {"\"mo 10-12\"", "", 1},
    {"{\"mo\":[\"12:00-10:00\",\"10-12\"]}", "0 10:00-12:00", 1},
    {"{\"mo\":[\"10:00-\",\"-12:00\",\"25:00\",\"10:60\",\"a\",\"10:00-12:00x\"]}",
     "", 6},
    {"{\"mo\":[1,true,[],{}]}", "", 4},
    {"{\"mo\":[{\"start\":\"10:00\",\"end\":null}],\"di\":[{\"end\":\"12:00\"}]}",
     "", 2},
    {"{\"mo\":5,\"di\":true}", "", 2},
    {"{\"xx\":\"9-10\",\"\":\"9-10\",\"Mo-\":\"9-10\",\"Mon day\":\"9\"}", "",
     4},
    {"{\"mo\":\"24:00\"}", "", 1},
    {"{\"mo\":\"24:30-25:00\"}", "", 1},
    {"{\"montagmontagmontag\":\"9-10\"}", "", 1},
    {"{\"mo\":\"10-12, \"}", "0 10:00-12:00", 1},
};

START_TEST(reads_all_shapes)
{
	read_hours(shapes[_i].json);
	ck_assert_str_eq(hours_text(), shapes[_i].hours);
	ck_assert_int_eq(reach.faults, shapes[_i].faults);
}
END_TEST

/* Any bytes: nothing worse than faults. */
START_TEST(survives_garbage)
{
	static const char *const days[] = {"mo", "Fr.", "sunday", "Mo-Fr", "x"};
	static const char bits[] = "0123456789:.- ,Uhrbisto;\xe2\x80\x93xX";
	unsigned seed = 20261130;

	for (int n = 0; n < 20000; n++) {
		char json[120], value[24];
		size_t len, at = 0;
		psm_json *doc = NULL;

		seed = seed * 1103515245u + 12345u;
		len = (seed >> 16) % 20;
		while (at < len) {
			seed = seed * 1103515245u + 12345u;
			value[at++] = bits[(seed >> 16) % (sizeof bits - 1)];
		}
		value[at] = '\0';
		(void)snprintf(json, sizeof json, "{\"%s\":[\"%s\"]}",
		               days[n % 5], value);
		if (psm_json_parse(json, strlen(json), &doc, NULL) < 0)
			continue; /* half of a dash */
		psm__reach_free(&reach);
		ck_assert_int_eq(psm__reach_read(doc, &reach, err), 0);
		for (size_t i = 0; i < reach.count; i++) {
			ck_assert_int_ge(reach.items[i].from, 0);
			ck_assert_int_lt(reach.items[i].from, 24 * 60);
			ck_assert_int_le(reach.items[i].to, 24 * 60);
		}
		psm_json_free(doc);
	}
}
END_TEST

/* -- the first free time. 2026-03-09 is a Monday. */

static const struct {
	const char *hours, *busy, *day, *want;
	int earliest, minutes, weekdays;
} slots[] = {
    /* Without hours: 10:00, then 14:00, then the next working day. */
    {"{}", "", "2026-03-09", "2026-03-09 10:00", 0, 5, 0},
    {"{}", "2026-03-09 10:00 5", "2026-03-09", "2026-03-09 14:00", 0, 5, 0},
    {"{}", "2026-03-09 10:00 5,2026-03-09 14:00 5", "2026-03-09",
     "2026-03-10 10:00", 0, 5, 0},
    {"{}", "", "2026-03-14", "2026-03-16 10:00", 0, 5, 0},
    {"{}", "", "2026-12-25", "2026-12-28 10:00", 0, 5, 0},
    {"{}", "", "2026-03-09", "2026-03-09 14:00", 601, 5, 0},
    {"{}", "", "2026-03-09", "2026-03-10 10:00", 841, 5, 0},
    /* Real overlap, on both sides. */
    {"{}", "2026-03-09 09:50 15", "2026-03-09", "2026-03-09 14:00", 0, 5, 0},
    {"{}", "2026-03-09 09:50 10", "2026-03-09", "2026-03-09 10:00", 0, 5, 0},
    {"{}", "2026-03-09 10:20 5", "2026-03-09", "2026-03-09 10:00", 0, 20, 0},
    {"{}", "2026-03-09 10:20 5", "2026-03-09", "2026-03-09 14:00", 0, 21, 0},
    {"{}", "2026-03-08 10:00 5", "2026-03-09", "2026-03-09 10:00", 0, 5, 0},
    /* In steps of 5 minutes, up to the end of the window. */
    {"{\"mo\":\"11:00-11:15\"}", "", "2026-03-09", "2026-03-09 11:00", 0, 5, 0},
    {"{\"mo\":\"11:00-11:15\"}", "2026-03-09 11:00 7", "2026-03-09",
     "2026-03-09 11:10", 0, 5, 0},
    {"{\"mo\":\"11:00-11:15\"}", "2026-03-09 11:00 15", "2026-03-09",
     "2026-03-16 11:00", 0, 5, 0},
    {"{\"mo\":\"11:00-11:15\"}", "2026-03-09 11:00 5", "2026-03-09",
     "2026-03-09 11:05", 0, 10, 0},
    {"{\"mo\":\"11:00-11:15\"}", "", "2026-03-09", "", 0, 16, 0},
    {"{\"mo\":[\"9-9:05\",\"15-16\"]}", "2026-03-09 09:00 5", "2026-03-09",
     "2026-03-09 15:00", 0, 5, 0},
    {"{\"mo\":\"10-12\"}", "", "2026-03-09", "2026-03-09 11:10", 666, 5, 0},
    /* A beginning alone: then, and never later. */
    {"{\"mo\":\"11:00\"}", "2026-03-09 11:00 5", "2026-03-09",
     "2026-03-16 11:00", 0, 5, 0},
    /* 14 days. */
    {"{\"mo\":\"11:00\"}", "2026-03-09 11:00 5,2026-03-16 11:00 5",
     "2026-03-09", "", 0, 5, 0},
    {"{\"so\":\"11:00\"}", "2026-03-15 11:00 5", "2026-03-09",
     "2026-03-22 11:00", 0, 5, 0},
    /* Saturdays, for those who want it, but not for follow-ups. */
    {"{\"sa\":\"9-10\"}", "", "2026-03-09", "2026-03-14 09:00", 0, 5, 0},
    {"{\"sa\":\"9-10\"}", "", "2026-03-09", "2026-03-09 10:00", 0, 5, 1},
    {"{\"sa\":\"9-10\",\"mi\":\"9-10\"}", "", "2026-03-12", "2026-03-18 09:00",
     0, 5, 1},
    /* A holiday, also where there are hours. */
    {"{\"fr\":\"9-10\"}", "", "2026-12-26", "2027-01-08 09:00", 0, 5, 0},
    /* Months and years end, the clocks change, February has 29 days. */
    {"{}", "", "2026-02-28", "2026-03-02 10:00", 0, 5, 0},
    {"{\"di\":\"9-10\"}", "", "2028-02-23", "2028-02-29 09:00", 0, 5, 0},
    {"{\"so\":\"2-3\"}", "", "2026-03-29", "2026-03-29 02:00", 0, 5, 0},
};

static size_t
read_busy(const char *text, struct psm__busy busy[4])
{
	size_t count = 0;

	while (*text != '\0') {
		char date[11];

		memcpy(date, text, 10);
		date[10] = '\0';
		busy[count].day = psm__slot_day(date);
		busy[count].from = atoi(text + 11) * 60 + atoi(text + 14);
		busy[count].to = busy[count].from + atoi(text + 17);
		count++;
		text += strcspn(text, ",");
		text += *text == ',';
	}
	return count;
}

static const char holidays_text[] = "# Feiertage\n\n2026-12-25 Weihnachten\n"
				    "2027-01-01\r\n  2026-12-26\t# zweiter\n";

START_TEST(finds_the_first_free_time)
{
	struct psm__holidays holidays;
	struct psm__busy busy[4];
	struct psm__slot_wish wish = {.day = psm__slot_day(slots[_i].day),
	                              .earliest = slots[_i].earliest,
	                              .minutes = slots[_i].minutes,
	                              .weekdays = slots[_i].weekdays,
	                              .times = {600, 840},
	                              .time_count = 2,
	                              .holidays = &holidays};
	struct psm__slot slot;
	char got[40] = "";

	ck_assert_int_eq(psm__holidays_read(holidays_text,
	                                    strlen(holidays_text), &holidays,
	                                    err),
	                 0);
	read_hours(slots[_i].hours);
	ck_assert_int_eq(reach.faults, 0);
	if (psm__slot_find(&reach, busy, read_busy(slots[_i].busy, busy), &wish,
	                   &slot)) {
		int y, m, d;

		psm__date_from_days(slot.day, &y, &m, &d);
		(void)snprintf(got, sizeof got, "%04d-%02d-%02d %02d:%02d", y,
		               m, d, slot.from / 60, slot.from % 60);
	}
	ck_assert_str_eq(got, slots[_i].want);
	psm__holidays_free(&holidays);
}
END_TEST

START_TEST(reads_holidays)
{
	static const char *const bad[] = {
	    "25.12.2026\n", "2026-12-25\n2026-02-29\n", "2026-12-25x",
	    "2026-1-1\n",   "Weihnachten 2026",         "2026-12"};
	struct psm__holidays h;

	ck_assert_int_eq(
	    psm__holidays_read(holidays_text, strlen(holidays_text), &h, err),
	    0);
	ck_assert_uint_eq(h.count, 3);
	ck_assert_int_eq(psm__is_holiday(&h, psm__slot_day("2026-12-26")), 1);
	ck_assert_int_eq(psm__is_holiday(&h, psm__slot_day("2026-12-27")), 0);
	ck_assert_int_eq(psm__is_holiday(NULL, 0), 0);
	psm__holidays_free(&h);
	ck_assert_int_eq(psm__holidays_read("", 0, &h, err), 0);
	ck_assert_uint_eq(h.count, 0);
	for (size_t i = 0; i < PSM__COUNT(bad); i++)
		ck_assert_int_eq(
		    psm__holidays_read(bad[i], strlen(bad[i]), &h, err),
		    PSM_ERR_SCHEMA);
}
END_TEST

START_TEST(knows_days_and_times)
{
	ck_assert_int_eq(psm__slot_weekday(psm__slot_day("2026-03-09")), 0);
	ck_assert_int_eq(psm__slot_weekday(psm__slot_day("1970-01-01")), 3);
	ck_assert_int_eq(psm__slot_weekday(psm__slot_day("1969-12-28")), 6);
	ck_assert(psm__slot_day("2026-02-29") == INT64_MIN);
	ck_assert(psm__slot_day(NULL) == INT64_MIN);
	ck_assert_int_eq(psm__slot_minutes("09:30"), 570);
	ck_assert_int_eq(psm__slot_minutes("09:30:59"), 570);
	ck_assert_int_eq(psm__slot_minutes("9:30"), -1);
	ck_assert_int_eq(psm__slot_minutes("24:00"), -1);
	ck_assert_int_eq(psm__slot_minutes(NULL), -1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("slot");
	TCase *tc = tcase_create("slot");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, reads_all_shapes, 0, (int)PSM__COUNT(shapes));
	tcase_add_test(tc, survives_garbage);
	tcase_add_loop_test(tc, finds_the_first_free_time, 0,
	                    (int)PSM__COUNT(slots));
	tcase_add_test(tc, reads_holidays);
	tcase_add_test(tc, knows_days_and_times);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
