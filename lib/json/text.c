/* SPDX-License-Identifier: BSD-2-Clause */
#include "json/json.h"

#include <string.h>

static int
hex4(const char *p, unsigned *value)
{
	int i;

	*value = 0;
	for (i = 0; i < 4; i++) {
		char c = p[i];

		*value <<= 4;
		if (c >= '0' && c <= '9')
			*value |= (unsigned)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			*value |= (unsigned)((c | 32) - 'a' + 10);
		else
			return 0;
	}
	return 1;
}

static size_t
put_utf8(char *out, unsigned c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* \uXXXX, with a second one for a surrogate pair; bytes read from raw, 0 if it
 * is wrong. */
static size_t
unicode_escape(const char *raw, size_t left, unsigned *c, const char **why)
{
	unsigned low;

	*why = "a \\u escape wants four hexadecimal digits";
	if (left < 6 || !hex4(raw + 2, c))
		return 0;
	*why = "U+0000 is not allowed in a string";
	if (*c == 0)
		return 0;
	*why = "a surrogate escape without its other half";
	if (*c >= 0xdc00 && *c <= 0xdfff)
		return 0;
	if (*c < 0xd800 || *c > 0xdbff)
		return 6;
	if (left < 12 || raw[6] != '\\' || raw[7] != 'u' ||
	    !hex4(raw + 8, &low) || low < 0xdc00 || low > 0xdfff)
		return 0;
	*c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

ptrdiff_t
psm__json_unescape(const char *raw, size_t len, char *out, const char **why)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	size_t i = 0, n = 0;

	while (i < len) {
		const char *slash = memchr(raw + i, '\\', len - i), *known;
		size_t plain = slash ? (size_t)(slash - raw) - i : len - i;
		unsigned c;
		size_t used;

		memcpy(out + n, raw + i, plain);
		i += plain;
		n += plain;
		if (!slash)
			break;
		known =
		    i + 1 < len && raw[i + 1] ? strchr(from, raw[i + 1]) : NULL;
		if (known) {
			out[n++] = to[known - from];
			i += 2;
			continue;
		}
		*why = "an unknown escape";
		if (i + 1 >= len || raw[i + 1] != 'u' ||
		    (used = unicode_escape(raw + i, len - i, &c, why)) == 0)
			return -1 - (ptrdiff_t)i;
		n += put_utf8(out + n, c);
		i += used;
	}
	return (ptrdiff_t)n;
}
