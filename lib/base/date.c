/* SPDX-License-Identifier: BSD-2-Clause */
/* The calendar, and the texts of a day and of a time of day. */
#include "base/base.h"

#include <string.h>

/* Counted in years that begin in March, so that a leap day is the last of its
 * year. */
int64_t
psm__date_to_days(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t era = y / 400, of_era = y % 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year + day - 1 - 719468;
}

void
psm__date_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t n = days + 719468, era = n / 146097, d = n % 146097;
	int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
	int64_t of_year = d - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(y + era * 400 + (*month <= 2));
}

int
psm__date_valid(int year, int month, int day)
{
	static const int days[] = {31, 28, 31, 30, 31, 30,
	                           31, 31, 30, 31, 30, 31};
	int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return year >= 1 && year <= 9999 && month >= 1 && month <= 12 &&
	       day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

/* count digits as a number, or -1 if one of them is none. */
static int
digits(const char *text, int count)
{
	int n = 0;

	for (int i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		n = n * 10 + (text[i] - '0');
	}
	return n;
}

int
psm__is_date(const char *text)
{
	if (strnlen(text, 11) != 10 || text[4] != '-' || text[7] != '-')
		return 0;
	return psm__date_valid(digits(text, 4), digits(text + 5, 2),
	                       digits(text + 8, 2));
}

/* digits() stops at the NUL of a short text, so no length is needed first. */
int
psm__is_time(const char *text)
{
	int hour = digits(text, 2), minute, second;
	size_t fraction;

	if (hour < 0 || hour > 23 || text[2] != ':')
		return 0;
	minute = digits(text + 3, 2);
	if (minute < 0 || minute > 59)
		return 0;
	if (!text[5])
		return 1;
	if (text[5] != ':')
		return 0;
	second = digits(text + 6, 2);
	if (second < 0 || second > 59)
		return 0;
	if (!text[8])
		return 1;
	if (text[8] != '.')
		return 0;
	fraction = strspn(text + 9, "0123456789");
	return fraction >= 1 && fraction <= 9 && !text[9 + fraction];
}

int
psm__is_folder_day(const char *text)
{
	return psm__is_digits(text, 8) &&
	       psm__date_valid(digits(text, 4), digits(text + 4, 2),
	                       digits(text + 6, 2));
}
