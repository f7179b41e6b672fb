/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "domain/domain.h"

size_t
psm__utf8_count(const char *text)
{
	size_t count = 0;

	for (; *text; text++) {
		/* Continuation bytes are 10xxxxxx. */
		if (((unsigned char)*text & 0xc0) != 0x80)
			count++;
	}
	return count;
}

int
psm__is_digits(const char *text, size_t count)
{
	return text != NULL && strlen(text) == count &&
	       strspn(text, "0123456789") == count;
}

static int
number(const char *text, size_t count)
{
	int n = 0;

	for (size_t i = 0; i < count; i++)
		n = n * 10 + (text[i] - '0');
	return n;
}

static int
is_day(int year, int month, int day)
{
	static const int days[] = {31, 28, 31, 30, 31, 30,
	                           31, 31, 30, 31, 30, 31};
	int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (year < 1 || month < 1 || month > 12 || day < 1)
		return 0;
	return day <= days[month - 1] + (month == 2 && leap);
}

int
psm__is_folder_day(const char *text)
{
	return psm__is_digits(text, 8) &&
	       is_day(number(text, 4), number(text + 4, 2),
	              number(text + 6, 2));
}

int
psm__is_calendar_day(const char *text)
{
	char digits[9];

	if (text == NULL || strlen(text) != 10 || text[4] != '-' ||
	    text[7] != '-')
		return 0;
	memcpy(digits, text, 4);
	memcpy(digits + 4, text + 5, 2);
	memcpy(digits + 6, text + 8, 2);
	digits[8] = '\0';
	return psm__is_folder_day(digits);
}
