/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static psm_clock_fn clock_fn;
static void *clock_user;

void
psm_set_clock(psm_clock_fn fn, void *user)
{
	clock_user = user;
	__atomic_store_n(&clock_fn, fn, __ATOMIC_RELEASE);
}

static int64_t
read_us(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts); /* both clocks exist on every Linux */
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
psm_now_us(void)
{
	psm_clock_fn fn = __atomic_load_n(&clock_fn, __ATOMIC_ACQUIRE);

	return fn ? fn(clock_user) : read_us(CLOCK_REALTIME);
}

int64_t
psm__mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
psm__mono_ms(void)
{
	return psm__mono_us() / 1000;
}

void
psm__deadline(struct timespec *ts, int timeout_ms)
{
	int64_t at =
	    psm__mono_us() + (int64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000;

	ts->tv_sec = (time_t)(at / 1000000);
	ts->tv_nsec = (long)(at % 1000000) * 1000;
}

/* Days since 1970-01-01 in the Gregorian calendar, for any year from 1. */
static int64_t
days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year =
	    (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 -
	                     year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static void
date_of(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

int
psm_time_format(int64_t time_us, char *text, size_t size)
{
	int64_t us_of_day = time_us % INT64_C(86400000000), days;
	int year, month, day, seconds;

	if (!text || size < 28)
		return PSM_ERR_INVAL;
	if (us_of_day < 0)
		us_of_day += INT64_C(86400000000);
	days = (time_us - us_of_day) / INT64_C(86400000000);
	date_of(days, &year, &month, &day);
	if (year < 1 || year > 9999)
		return PSM_ERR_INVAL;
	seconds = (int)(us_of_day / 1000000);
	(void)snprintf(text, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", year,
	               month, day, seconds / 3600, seconds / 60 % 60,
	               seconds % 60, (int)(us_of_day % 1000000));
	return 0;
}

/* n digits at *p as a number; -1 if there are fewer. */
static int
digits(const char **p, const char *end, int n)
{
	int value = 0;

	if (end - *p < n)
		return -1;
	for (; n > 0; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return -1;
		value = value * 10 + (**p - '0');
	}
	return value;
}

static int
skip(const char **p, const char *end, char c)
{
	if (*p < end && **p == c) {
		(*p)++;
		return 1;
	}
	return 0;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30,
	                           31, 31, 30, 31, 30, 31};
	int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Up to 9 digits of a fraction as microseconds (the rest is cut off); -1 if
 * there is none. */
static int
fraction(const char **p, const char *end)
{
	int value = 0, count = 0;

	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++, count++)
		if (count < 6)
			value = value * 10 + (**p - '0');
	if (count == 0 || count > 9)
		return -1;
	for (; count < 6; count++)
		value *= 10;
	return value;
}

/* Seconds east of UTC; no zone at all is UTC. 0 if *p is none of them. */
static int
zone(const char **p, const char *end, int *seconds)
{
	int sign, hours, minutes;

	*seconds = 0;
	if (*p == end || skip(p, end, 'Z') || skip(p, end, 'z'))
		return 1;
	if (**p != '+' && **p != '-')
		return 0;
	sign = *(*p)++ == '-' ? -1 : 1;
	hours = digits(p, end, 2);
	if (hours < 0 || hours > 23 || !skip(p, end, ':'))
		return 0;
	minutes = digits(p, end, 2);
	if (minutes < 0 || minutes > 59)
		return 0;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return 1;
}

static int
parse_time(const char *p, const char *end, int64_t *time_us)
{
	int year, month, day, hour, minute, second, us = 0, offset;

	year = digits(&p, end, 4);
	if (year < 1 || !skip(&p, end, '-'))
		return 0;
	month = digits(&p, end, 2);
	if (month < 1 || month > 12 || !skip(&p, end, '-'))
		return 0;
	day = digits(&p, end, 2);
	if (day < 1 || day > days_in_month(year, month))
		return 0;
	if (!skip(&p, end, 'T') && !skip(&p, end, 't') && !skip(&p, end, ' '))
		return 0;
	hour = digits(&p, end, 2);
	if (hour < 0 || hour > 23 || !skip(&p, end, ':'))
		return 0;
	minute = digits(&p, end, 2);
	if (minute < 0 || minute > 59 || !skip(&p, end, ':'))
		return 0;
	second = digits(&p, end, 2);
	if (second < 0 || second > 59)
		return 0;
	if (skip(&p, end, '.') && (us = fraction(&p, end)) < 0)
		return 0;
	if (!zone(&p, end, &offset) || p != end)
		return 0;
	*time_us = ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60;
	*time_us = (*time_us + second - offset) * 1000000 + us;
	return 1;
}

int
psm_time_parse(const char *text, size_t len, int64_t *time_us, psm_error *err)
{
	int64_t value;

	psm__error_clear(err);
	if (!text || !time_us)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "psm_time_parse: NULL argument");
	if (!parse_time(text, text + len, &value))
		return psm__fail(
		    err, PSM_ERR_PARSE,
		    "want an RFC 3339 time like 2026-01-31T09:00:00Z, found another text");
	*time_us = value;
	return 0;
}
