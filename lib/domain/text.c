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

int
psm__is_folder_day(const char *text)
{
	return psm__is_digits(text, 8) &&
	       psm__date_valid(number(text, 4), number(text + 4, 2),
	                       number(text + 6, 2));
}
