/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <string.h>

size_t
psm__quote_plain(const char *text, size_t len)
{
	size_t i = 0, n;

	while (i < len) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c < 0x7f)
			n = c != '"' && c != '\\';
		else
			n = c > 0x7f ? psm__utf8_len(text + i, len - i) : 0;
		if (n == 0)
			break;
		i += n;
	}
	return i;
}

size_t
psm__quote_byte(char c, char to[PSM__QUOTED_MAX])
{
	static const char from[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	static const char replacement[] = "\xef\xbf\xbd";
	const char *known = c ? strchr(from, c) : NULL;

	if (known) {
		to[0] = '\\';
		to[1] = letters[known - from];
		return 2;
	}
	if (!c || (unsigned char)c > 0x7f) {
		memcpy(to, replacement, sizeof replacement - 1);
		return sizeof replacement - 1;
	}
	memcpy(to, "\\u00", 4);
	to[4] = psm__hex_digits[c >> 4];
	to[5] = psm__hex_digits[c & 15];
	return 6;
}
