/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes as hexadecimal digits. */
#include "base/base.h"

const char psm__hex_digits[] = "0123456789abcdef";

#define D(c) [c] = (c) - '0' + 1
#define L(c) [c] = (c) - 'a' + 11, [(c) - 'a' + 'A'] = (c) - 'a' + 11
/* One more than the value, so that all other bytes are 0. */
static const unsigned char values[256] = {
    D('0'), D('1'), D('2'), D('3'), D('4'), D('5'), D('6'), D('7'),
    D('8'), D('9'), L('a'), L('b'), L('c'), L('d'), L('e'), L('f'),
};

int
psm__hex_value(char digit)
{
	return values[(unsigned char)digit] - 1;
}

void
psm__hex_write(const void *bytes, size_t len, char *to)
{
	const unsigned char *from = bytes;

	for (size_t i = 0; i < len; i++) {
		to[2 * i] = psm__hex_digits[from[i] >> 4];
		to[2 * i + 1] = psm__hex_digits[from[i] & 15];
	}
	to[2 * len] = '\0';
}

size_t
psm__hex_read(const char *text, void *to)
{
	unsigned char *out = to;
	size_t count = 0;

	for (; text[0] != '\0'; text += 2) {
		int high = psm__hex_value(text[0]);
		int low = psm__hex_value(text[1]);

		if (high < 0 || low < 0)
			break;
		out[count++] = (unsigned char)(high << 4 | low);
	}
	return count;
}
