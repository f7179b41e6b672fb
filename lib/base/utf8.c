/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <string.h>

static int
is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t
psm__utf8_len(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;

	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return len >= 2 && is_tail(s[1]) ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] <= 0xef) {
		if (len < 3 || !is_tail(s[1]) || !is_tail(s[2]))
			return 0;
		if ((s[0] == 0xe0 && s[1] < 0xa0) ||
		    (s[0] == 0xed && s[1] > 0x9f))
			return 0;
		return 3;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		if (len < 4 || !is_tail(s[1]) || !is_tail(s[2]) ||
		    !is_tail(s[3]))
			return 0;
		if ((s[0] == 0xf0 && s[1] < 0x90) ||
		    (s[0] == 0xf4 && s[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

size_t
psm__utf8_check(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len) {
		uint64_t eight;
		size_t n;

		/* Most text is ASCII: take eight bytes at a time. */
		if (len - i >= sizeof(eight)) {
			memcpy(&eight, text + i, sizeof(eight));
			if ((eight & UINT64_C(0x8080808080808080)) == 0) {
				i += sizeof(eight);
				continue;
			}
		}
		n = psm__utf8_len(text + i, len - i);
		if (n == 0)
			break;
		i += n;
	}
	return i;
}

int
psm__utf8_at_most(const char *text, size_t len, size_t count)
{
	size_t tails = 0;

	if (len <= count)
		return 1;
	if (len > 4 * count)
		return 0;
	for (size_t i = 0; i < len; i++)
		tails += is_tail((unsigned char)text[i]);
	return len - tails <= count;
}

void
psm__utf8_clean(char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		size_t len = psm__utf8_len(text, left);

		if (len == 0) {
			*text = '?';
			len = 1;
		}
		text += len;
		left -= len;
	}
}

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
