/* SPDX-License-Identifier: BSD-2-Clause */
/* The header traceparent of W3C Trace Context. */
#include <string.h>

#include "base/base.h"

/* count small hexadecimal digits; *any is set if one of them is not 0. */
static int
is_hex(const char *text, size_t count, int *any)
{
	size_t i;

	*any = 0;
	for (i = 0; i < count; i++) {
		char c = text[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return 0;
		*any |= c != '0';
	}
	return 1;
}

/*
 * version-traceid-parentid-flags, in small hexadecimal digits: 2, 32, 16 and 2
 * of them. Version ff is none, an id of zeros neither. A later version than 00
 * may have more behind another dash, which is printable and goes on unread.
 */
int
psm__is_traceparent(const char *text, size_t len)
{
	int any, trace, parent;
	size_t i;

	if (len < 55 || len >= PSM__TRACEPARENT_SIZE || text[2] != '-' ||
	    text[35] != '-' || text[52] != '-')
		return 0;
	if (!is_hex(text, 2, &any) || !is_hex(text + 3, 32, &trace) ||
	    !is_hex(text + 36, 16, &parent) || !trace || !parent)
		return 0;
	if (!is_hex(text + 53, 2, &trace) || memcmp(text, "ff", 2) == 0)
		return 0;
	if (len > 55 && (!any || text[55] != '-'))
		return 0;
	for (i = 55; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return 0;
	return 1;
}
