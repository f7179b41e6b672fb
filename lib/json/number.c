/* SPDX-License-Identifier: BSD-2-Clause */
/* Doubles as JSON writes them, with a point, whatever the program's locale. */
#include "json/json.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

/* -- integers: exact, whatever way they are written */

/* *n * 10^times + add; 0 when that is too large. */
static int
shift(uint64_t *n, int64_t times, unsigned add)
{
	for (; times > 0 && *n; times--)
		if (__builtin_mul_overflow(*n, 10, n))
			return 0;
	return !__builtin_add_overflow(*n, add, n);
}

/* The digits of a number without its last zeros; *exponent: how many these are,
 * less the digits of its fraction. 0: too many. */
static int
read_digits(const char *text, size_t len, size_t *at, uint64_t *n,
            int64_t *exponent)
{
	int64_t zeros = 0, fraction = 0;
	int point = 0;

	for (*n = 0; *at < len && text[*at] != 'e' && text[*at] != 'E'; ++*at) {
		char c = text[*at];

		if (c == '.') {
			point = 1;
			continue;
		}
		fraction += point;
		if (c == '0') {
			zeros++;
			continue;
		}
		if (!shift(n, zeros + 1, (unsigned)(c - '0')))
			return 0;
		zeros = 0;
	}
	*exponent = zeros - fraction;
	return 1;
}

/* Of any length, which no number that is an integer needs. */
static int64_t
read_exponent(const char *text, size_t len, size_t at)
{
	int64_t n = 0;
	int minus = 0;

	for (at++; at < len; at++) {
		if (text[at] == '-')
			minus = 1;
		else if (text[at] != '+' && n < 1000000000)
			n = n * 10 + (text[at] - '0');
	}
	return minus ? -n : n;
}

enum psm__integer
psm__json_read_integer(const char *text, size_t len, int64_t *out)
{
	int minus = len > 0 && text[0] == '-';
	size_t at = (size_t)minus;
	int64_t exponent;
	uint64_t n;

	if (!read_digits(text, len, &at, &n, &exponent))
		return PSM__INTEGER_LARGE;
	if (at < len)
		exponent += read_exponent(text, len, at);
	if (n == 0)
		exponent = 0;
	if (exponent < 0)
		return PSM__INTEGER_NONE;
	if (!shift(&n, exponent, 0) ||
	    n > (uint64_t)INT64_MAX + (uint64_t)minus)
		return PSM__INTEGER_LARGE;
	*out = minus ? (int64_t)(0 - n) : (int64_t)n;
	return PSM__INTEGER_FITS;
}

/* -- doubles */

/* The "C" locale, made once for the process; 0 when out of memory. */
static locale_t
plain_locale(void)
{
	static locale_t made;
	locale_t loc = __atomic_load_n(&made, __ATOMIC_ACQUIRE), none = 0;

	if (loc)
		return loc;
	loc = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (loc &&
	    !__atomic_compare_exchange_n(&made, &none, loc, 0, __ATOMIC_ACQ_REL,
	                                 __ATOMIC_ACQUIRE)) {
		freelocale(loc); /* another thread was faster */
		loc = none;
	}
	return loc;
}

int
psm__json_read_double(const char *text, double *out)
{
	locale_t loc = plain_locale(), before;

	if (!loc)
		return PSM_ERR_NOMEM;
	before = uselocale(loc);
	*out = strtod(text, NULL);
	(void)uselocale(before);
	return 0;
}

int
psm__json_write_digits(double number, char *text, size_t size)
{
	locale_t loc = plain_locale(), before;

	if (!loc)
		return PSM_ERR_NOMEM;
	before = uselocale(loc);
	/* 15 digits are always enough to write what had 15; 17 to get every
	 * double back. */
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, size, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	(void)uselocale(before);
	return 0;
}
