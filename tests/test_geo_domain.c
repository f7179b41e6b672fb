/* SPDX-License-Identifier: BSD-2-Clause */
/* Distances on the globe, and postal codes in texts. */
#include "testing.h"

#include <math.h>

#include "base/base.h"
#include "domain/geo.h"

START_TEST(known_distances)
{
	static const struct {
		double lat1, lon1, lat2, lon2, km;
	} cases[] = {
	    {52.0, 13.0, 52.0, 13.0, 0},
	    {0, 0, 0, 180, 20015.1144},        /* half the equator */
	    {90, 0, -90, 77, 20015.1144},      /* from pole to pole */
	    {0, 0, 1, 0, 111.1951},            /* one degree */
	    {60, 10, 60, 11, 55.5970},         /* half as long up there */
	    {10, 179.5, 10, -179.5, 109.5057}, /* across the date line */
	    {52.52, 13.405, 48.137, 11.575, 504.3386}, /* Berlin, Munich */
	};

	for (size_t i = 0; i < PSM__COUNT(cases); i++) {
		double km = psm__geo_km(cases[i].lat1, cases[i].lon1,
		                        cases[i].lat2, cases[i].lon2);
		double back = psm__geo_km(cases[i].lat2, cases[i].lon2,
		                          cases[i].lat1, cases[i].lon1);

		ck_assert_msg(fabs(km - cases[i].km) < 0.01, "%zu: %.4f", i,
		              km);
		ck_assert_double_eq(km, back);
	}
}
END_TEST

START_TEST(nearly_opposite_is_no_nan)
{
	for (int i = 0; i < 1000; i++) {
		double lat = -90 + i * 0.18, km;

		km = psm__geo_km(lat, 12, -lat, -168);
		ck_assert_msg(km > 20015 && km < 20016, "%.17g: %.4f", lat, km);
	}
}
END_TEST

START_TEST(ranges)
{
	ck_assert_int_eq(psm__geo_in_range(90, -180), 1);
	ck_assert_int_eq(psm__geo_in_range(-90, 180), 1);
	ck_assert_int_eq(psm__geo_in_range(90.0001, 0), 0);
	ck_assert_int_eq(psm__geo_in_range(-91, 0), 0);
	ck_assert_int_eq(psm__geo_in_range(0, 180.5), 0);
	ck_assert_int_eq(psm__geo_in_range(0, -1e300), 0);
	ck_assert_int_eq(psm__geo_in_range((double)NAN, 0), 0);
	ck_assert_int_eq(psm__geo_in_range(0, (double)NAN), 0);
}
END_TEST

START_TEST(rounding)
{
	ck_assert_double_eq(psm__geo_round(1.2345, 2), 1.23);
	ck_assert_double_eq(psm__geo_round(1.236, 2), 1.24);
	ck_assert_double_eq(psm__geo_round(0.004, 2), 0);
	ck_assert_double_eq(psm__geo_round(-13.1234567, 6), -13.123457);
}
END_TEST

START_TEST(postal_codes)
{
	static const struct {
		const char *text, *plz;
	} cases[] = {
	    {"10115", "10115"},
	    {"Musterweg 3, 10115 Musterstadt", "10115"},
	    {"D-52062", "52062"},
	    {"(01067)", "01067"},
	    {"00999 und 01001", "01001"},
	    {"01000", NULL},
	    {"99999", NULL},
	    {"99998", "99998"},
	    {"123456", NULL},
	    {"x10115", NULL},
	    {"10115x", NULL},
	    {"10115_", NULL},
	    {"10115\xc3\xa4", NULL},
	    {"1011", NULL},
	    {"", NULL},
	    {"Musterstadt", NULL},
	    {"123456 10115", "10115"},
	};

	for (size_t i = 0; i < PSM__COUNT(cases); i++) {
		char plz[6] = "";
		int found = psm__geo_find_plz(cases[i].text, plz);

		ck_assert_msg(found == (cases[i].plz != NULL), "\"%s\"",
		              cases[i].text);
		if (found)
			ck_assert_str_eq(plz, cases[i].plz);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("geo_domain");
	TCase *t = tcase_create("geo");

	tcase_add_test(t, known_distances);
	tcase_add_test(t, nearly_opposite_is_no_nan);
	tcase_add_test(t, ranges);
	tcase_add_test(t, rounding);
	tcase_add_test(t, postal_codes);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
