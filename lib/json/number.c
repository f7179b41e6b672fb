/* SPDX-License-Identifier: BSD-2-Clause */
/* Doubles as JSON writes them, with a point, whatever the program's locale. */
#include "json/json.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

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
