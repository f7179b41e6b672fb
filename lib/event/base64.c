/* SPDX-License-Identifier: BSD-2-Clause */
/* Base64 with padding (RFC 4648, 4), as data_base64 of a CloudEvent has it. */
#include <string.h>

#include "event/cloudevent.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/";

/* The bytes at from, at most three of them. */
static uint32_t
group_of(const unsigned char *from, size_t len)
{
	return (uint32_t)from[0] << 16 |
	       (len > 1 ? (uint32_t)from[1] << 8 : 0) | (len > 2 ? from[2] : 0);
}

void
psm__base64_put(struct psm__buf *b, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;
	size_t i, n;

	for (i = 0; i < len; i += 3) {
		uint32_t group = group_of(from + i, len - i);

		for (n = 0; n < 4; n++)
			psm__buf_putc(b,
			              n > len - i
			                  ? '='
			                  : digits[group >> (18 - 6 * n) & 63]);
	}
}

/* 64: it is no digit. */
static uint32_t
digit(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (uint32_t)(at - digits) : 64;
}

int
psm__base64_read(const char *text, char *to, size_t *len)
{
	size_t count = strlen(text), pad = 0, i, n;
	char *at = to;

	while (pad < 2 && count > 0 && text[count - 1] == '=') {
		count--;
		pad++;
	}
	if ((count + pad) % 4 != 0)
		return 0;
	for (i = 0; i < count; i += 4) {
		uint32_t group = 0, value = 0;

		for (n = 0; n < 4; n++) {
			value = i + n < count ? digit(text[i + n]) : 0;
			if (value > 63)
				return 0;
			group = group << 6 | value;
		}
		n = i + 4 <= count ? 3 : 3 - pad;
		if (n < 3 && (group & (n == 2 ? 0xffu : 0xffffu)) != 0)
			return 0; /* bits of a byte that is not there */
		*at++ = (char)(group >> 16);
		if (n > 1)
			*at++ = (char)(group >> 8);
		if (n > 2)
			*at++ = (char)group;
	}
	*len = (size_t)(at - to);
	return 1;
}
