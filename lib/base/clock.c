/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define US_PER_S INT64_C(1000000)
#define DAY_S INT64_C(86400)
/* 0001-01-01T00:00:00Z and 10000-01-01T00:00:00Z in seconds. */
#define FIRST_S INT64_C(-62135596800)
#define LAST_S INT64_C(253402300800)

static struct {
	pthread_mutex_t lock; /* fn and user belong together */
	psm_clock_fn fn;
	void *user;
	atomic_int set;
} wall = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int64_t
system_us(void)
{
	struct timespec ts = {0, 0};

	/* Cannot fail for a clock that POSIX requires. */
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

void
psm_set_clock(psm_clock_fn fn, void *user)
{
	(void)pthread_mutex_lock(&wall.lock);
	wall.fn = fn;
	wall.user = user;
	atomic_store(&wall.set, fn != NULL);
	(void)pthread_mutex_unlock(&wall.lock);
}

int64_t
psm_now_us(void)
{
	psm_clock_fn fn = NULL;
	void *user = NULL;

	if (atomic_load_explicit(&wall.set, memory_order_acquire)) {
		(void)pthread_mutex_lock(&wall.lock);
		fn = wall.fn;
		user = wall.user;
		(void)pthread_mutex_unlock(&wall.lock);
	}
	return fn != NULL ? fn(user) : system_us();
}

static void
put_two(char *text, int number)
{
	text[0] = (char)('0' + number / 10);
	text[1] = (char)('0' + number % 10);
}

int
psm_time_format(int64_t time_us, char *text, size_t size)
{
	int64_t s, us, of_day, days;
	int year, month, day;

	if (text == NULL || size < 28)
		return PSM_ERR_INVAL;
	text[0] = '\0';
	s = time_us / US_PER_S;
	us = time_us % US_PER_S;
	if (us < 0) {
		us += US_PER_S;
		s--;
	}
	if (s < FIRST_S || s >= LAST_S)
		return PSM_ERR_INVAL;
	days = (s - FIRST_S) / DAY_S + FIRST_S / DAY_S;
	of_day = s - days * DAY_S;
	psm__date_from_days(days, &year, &month, &day);
	memcpy(text, "YYYY-MM-DDTHH:MM:SS.ffffffZ", 28);
	put_two(text, year / 100);
	put_two(text + 2, year % 100);
	put_two(text + 5, month);
	put_two(text + 8, day);
	put_two(text + 11, (int)(of_day / 3600));
	put_two(text + 14, (int)(of_day / 60 % 60));
	put_two(text + 17, (int)(of_day % 60));
	put_two(text + 20, (int)us / 10000);
	put_two(text + 22, (int)us / 100 % 100);
	put_two(text + 24, (int)us % 100);
	return 0;
}

/* -- reading */

struct scan {
	const char *text;
	size_t len, at;
	psm_error *err;
};

/* The message never quotes the text, which may be a date of birth. */
static int
refuse(struct scan *s, size_t at, const char *want)
{
	struct psm__pos pos = {at, 1, (unsigned)at + 1};

	return psm__fail_at(s->err, PSM_ERR_SCHEMA, pos,
	                    "time: want %s at byte %zu", want, at + 1);
}

/* Exactly n digits, from min to max. */
static int
take_number(struct scan *s, size_t n, int min, int max, const char *want,
            int *out)
{
	size_t start = s->at;
	int value = 0;

	for (; s->at < start + n; s->at++) {
		if (s->at >= s->len || s->text[s->at] < '0' ||
		    s->text[s->at] > '9')
			return refuse(s, start, want);
		value = value * 10 + (s->text[s->at] - '0');
	}
	if (value < min || value > max)
		return refuse(s, start, want);
	*out = value;
	return 0;
}

static int
take_char(struct scan *s, const char *one_of, const char *want)
{
	if (s->at < s->len)
		for (const char *c = one_of; *c != '\0'; c++)
			if (s->text[s->at] == *c) {
				s->at++;
				return 0;
			}
	return refuse(s, s->at, want);
}

static int
take_date(struct scan *s, int64_t *days)
{
	int year, month, day, rc;

	rc = take_number(s, 4, 1, 9999, "a year from 0001 to 9999", &year);
	if (rc == 0)
		rc = take_char(s, "-", "\"-\"");
	if (rc == 0)
		rc = take_number(s, 2, 1, 12, "a month from 01 to 12", &month);
	if (rc == 0)
		rc = take_char(s, "-", "\"-\"");
	if (rc == 0)
		rc = take_number(s, 2, 1, 31, "a day from 01 to 31", &day);
	if (rc < 0)
		return rc;
	if (!psm__date_valid(year, month, day))
		return refuse(s, s->at - 2, "a day that the month has");
	*days = psm__date_to_days(year, month, day);
	return 0;
}

/* A leap second (60) is read as the second after it. */
static int
take_clock(struct scan *s, int64_t *seconds)
{
	int hour, minute, second, rc;

	rc = take_number(s, 2, 0, 23, "an hour from 00 to 23", &hour);
	if (rc == 0)
		rc = take_char(s, ":", "\":\"");
	if (rc == 0)
		rc =
		    take_number(s, 2, 0, 59, "a minute from 00 to 59", &minute);
	if (rc == 0)
		rc = take_char(s, ":", "\":\"");
	if (rc == 0)
		rc =
		    take_number(s, 2, 0, 60, "a second from 00 to 60", &second);
	if (rc < 0)
		return rc;
	*seconds = hour * INT64_C(3600) + minute * 60 + second;
	return 0;
}

/* Digits below a microsecond are cut off. */
static int
take_fraction(struct scan *s, int64_t *us)
{
	int64_t unit = US_PER_S / 10;
	size_t start;

	*us = 0;
	if (s->at >= s->len || s->text[s->at] != '.')
		return 0;
	start = ++s->at;
	while (s->at < s->len && s->text[s->at] >= '0' &&
	       s->text[s->at] <= '9') {
		*us += (s->text[s->at] - '0') * unit;
		unit /= 10;
		s->at++;
	}
	if (s->at == start || s->at - start > 9)
		return refuse(s, start, "1 to 9 digits of a fraction");
	return 0;
}

static int
take_zone(struct scan *s, int64_t *seconds)
{
	static const char want[] =
	    "\"Z\", an offset like \"+01:00\" or the end";
	int hour, minute, rc, sign;

	*seconds = 0;
	if (s->at == s->len)
		return 0;
	rc = take_char(s, "Zz+-", want);
	if (rc < 0)
		return rc;
	if (s->text[s->at - 1] != '+' && s->text[s->at - 1] != '-')
		return 0;
	sign = s->text[s->at - 1] == '-' ? -1 : 1;
	rc = take_number(s, 2, 0, 23, "offset hours from 00 to 23", &hour);
	if (rc == 0)
		rc = take_char(s, ":", "\":\"");
	if (rc == 0)
		rc = take_number(s, 2, 0, 59, "offset minutes from 00 to 59",
		                 &minute);
	if (rc == 0)
		*seconds = sign * (hour * INT64_C(3600) + minute * 60);
	return rc;
}

/* What psm_time_format() writes, with a 0 for each digit. */
static const char usual[] = "0000-00-00T00:00:00.000000Z";
#define USUAL_LEN (sizeof usual - 1)

#ifdef __SSE2__
/* 1: the sixteen bytes at text have the form of those at form. */
static int
has_form(const char *text, const char *form)
{
	const __m128i zero = _mm_set1_epi8('0');
	__m128i want, block, digits, is_digit;

	want = _mm_loadu_si128((const __m128i *)(const void *)form);
	block = _mm_loadu_si128((const __m128i *)(const void *)text);
	/* An unsigned byte is at most 9 if the lesser of both is itself. */
	digits = _mm_sub_epi8(block, zero);
	is_digit = _mm_min_epu8(digits, _mm_set1_epi8(9));
	is_digit = _mm_cmpeq_epi8(is_digit, digits);
	/* With a 0 for each digit it is the form itself. */
	block = _mm_or_si128(_mm_and_si128(is_digit, zero),
	                     _mm_andnot_si128(is_digit, block));
	return _mm_movemask_epi8(_mm_cmpeq_epi8(block, want)) == 0xffff;
}

static int
is_usual(const char *text)
{
	/* The two blocks overlap. */
	return has_form(text, usual) &&
	       has_form(text + USUAL_LEN - 16, usual + USUAL_LEN - 16);
}
#else
static int
is_usual(const char *text)
{
	size_t i;

	for (i = 0; i < USUAL_LEN; i++)
		if (usual[i] == '0' ? text[i] < '0' || text[i] > '9'
		                    : text[i] != usual[i])
			return 0;
	return 1;
}
#endif

static inline int
two_digits(const char *text)
{
	return (text[0] - '0') * 10 + text[1] - '0';
}

int
psm__time_usual(const char *text, size_t len, int64_t *time_us)
{
	int year, month, day, hour, minute, second, us;

	if (len != USUAL_LEN || !is_usual(text))
		return 0;
	year = two_digits(text) * 100 + two_digits(text + 2);
	month = two_digits(text + 5);
	day = two_digits(text + 8);
	hour = two_digits(text + 11);
	minute = two_digits(text + 14);
	second = two_digits(text + 17);
	us = two_digits(text + 20) * 10000 + two_digits(text + 22) * 100 +
	     two_digits(text + 24);
	if (hour > 23 || minute > 59 || second > 59 ||
	    !psm__date_valid(year, month, day))
		return 0;
	*time_us = (psm__date_to_days(year, month, day) * DAY_S +
	            hour * INT64_C(3600) + minute * 60 + second) *
	               US_PER_S +
	           us;
	return 1;
}

int
psm_time_parse(const char *text, size_t len, int64_t *time_us, psm_error *err)
{
	struct scan s = {text, len, 0, err};
	int64_t days = 0, seconds = 0, us = 0, offset = 0, total;
	int rc;

	psm__error_clear(err);
	if (text == NULL || time_us == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "time: NULL argument");
	if (psm__time_usual(text, len, time_us))
		return 0;
	rc = take_date(&s, &days);
	if (rc == 0)
		rc = take_char(&s, "Tt ", "\"T\"");
	if (rc == 0)
		rc = take_clock(&s, &seconds);
	if (rc == 0)
		rc = take_fraction(&s, &us);
	if (rc == 0)
		rc = take_zone(&s, &offset);
	if (rc < 0)
		return rc;
	if (s.at != len)
		return refuse(&s, s.at, "the end");
	total = days * DAY_S + seconds - offset;
	if (total < FIRST_S || total >= LAST_S)
		return refuse(&s, 0, "a UTC time in the years 0001 to 9999");
	*time_us = total * US_PER_S + us;
	return 0;
}
