/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strings are checked here to the last bit, because yajl lets lone surrogates,
 * NULs and overlong forms pass; yajl is then shown strings without escapes, and
 * needs no memory for them. It also takes two control characters for blanks.
 */
#include "json/json.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The four digits of a \u escape; -1 if there are fewer. */
static long
hex4(const char *digits, size_t len)
{
	long value = 0;

	if (len < 4)
		return -1;
	for (size_t i = 0; i < 4; i++) {
		int digit = psm__hex_value(digits[i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* The length of the escape sequence at text; 0 and *want when it is wrong. */
static size_t
escape_length(const char *text, size_t len, const char **want)
{
	long unit;

	*want = "an escape of \" \\ / b f n r t u";
	if (len < 2 || text[1] == '\0' || !strchr("\"\\/bfnrtu", text[1]))
		return 0;
	if (text[1] != 'u')
		return 2;
	*want = "four hexadecimal digits after \\u";
	unit = hex4(text + 2, len - 2);
	if (unit < 0)
		return 0;
	*want = "a string without U+0000";
	if (unit == 0)
		return 0;
	*want = "both halves of a surrogate pair";
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return 0;
	if (unit < 0xd800 || unit > 0xdbff)
		return 6;
	if (len < 8 || text[6] != '\\' || text[7] != 'u')
		return 0;
	unit = hex4(text + 8, len - 8);
	return unit >= 0xdc00 && unit <= 0xdfff ? 12 : 0;
}

/* Bytes that need no look: all but quote, backslash, control characters and
 * what is not ASCII. */
static int
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/*
 * How many of the eight bytes at text are plain, from the first on. Each term
 * has a byte's highest bit set when the byte is of its kind; a difference
 * borrows from the next byte only where it was so, which is above the first.
 */
static size_t
plain_of_eight(const char *text)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t word, quote, slash, marks;

	memcpy(&word, text, sizeof(word));
	quote = word ^ ones * '"';
	slash = word ^ ones * '\\';
	marks =
	    ((word - ones * 0x20) | (quote - ones) | (slash - ones) | word) &
	    ones << 7;
	if (marks == 0)
		return 8;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (size_t)__builtin_ctzll(marks) / 8;
#else
	return 0;
#endif
}

#ifdef __SSE2__
/* A bit for each of the sixteen bytes at text that is not plain. What is not
 * ASCII is negative, and so below a blank too. */
static inline unsigned
marks_of_sixteen(const char *text)
{
	__m128i block, marks;

	block = _mm_loadu_si128((const __m128i *)(const void *)text);
	marks = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
	                     _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
	marks = _mm_or_si128(marks, _mm_cmplt_epi8(block, _mm_set1_epi8(0x20)));
	return (unsigned)_mm_movemask_epi8(marks);
}

/* How many of the 32 bytes at text are plain, from the first on. Two blocks at
 * once: nearly every string of an event ends in them, so that there is no
 * branch to guess. */
static inline size_t
plain_of_32(const char *text)
{
	uint64_t marks = marks_of_sixteen(text) |
	                 (uint64_t)marks_of_sixteen(text + 16) << 16 |
	                 UINT64_C(1) << 32;

	return (size_t)__builtin_ctzll(marks);
}
#endif

static inline size_t
skip_plain(const char *text, size_t len, size_t i)
{
	size_t step;

#ifdef __SSE2__
	for (step = 32; step == 32 && len - i >= 32; i += step)
		step = plain_of_32(text + i);
	if (step < 32)
		return i;
#endif
	for (step = 8; step == 8 && len - i >= 8; i += step)
		step = plain_of_eight(text + i);
	while (i < len && is_plain((unsigned char)text[i]))
		i++;
	return i;
}

/* The offset behind the closing quote of the string whose inside begins at i; 0
 * when it is wrong. */
static size_t
scan_string(const char *text, size_t len, size_t i, struct psm__json_scan *out)
{
	size_t step;

	for (;;) {
		i = skip_plain(text, len, i);
		out->bad = i;
		out->want = "a closing quote";
		if (i == len)
			return 0;
		if (text[i] == '"')
			return i + 1;
		if (text[i] == '\\') {
			out->escapes = 1;
			step = escape_length(text + i, len - i, &out->want);
		} else if ((unsigned char)text[i] < 0x20) {
			out->want = "an escape for a control character";
			step = 0;
		} else {
			out->want = "UTF-8";
			step = psm__utf8_len(text + i, len - i);
		}
		if (step == 0)
			return 0;
		i += step;
	}
}

void
psm__json_scan(const char *text, size_t len, struct psm__json_scan *out)
{
	size_t i = 0, next;

	/* Each value but the first follows a comma, a colon or a bracket; the
	 * values behind colons are those of the members, which commas and
	 * brackets count. */
	*out = (struct psm__json_scan){.values = 1, .stop = len};
	while (i < len) {
		char c = text[i];

		if (c == '"') {
			next = scan_string(text, len, i + 1, out);
			if (next == 0) {
				out->stop = i;
				return;
			}
			i = next;
			continue;
		}
		if (c == '\v' || c == '\f') {
			out->stop = i; /* yajl would skip it */
			break;
		}
		out->values += c == ',' || c == '[' || c == '{';
		i++;
	}
	out->want = NULL;
}

/* A string that is not plain up to its end. */
static size_t
end_of_rare(const char *text, size_t len, size_t i, int *escaped)
{
	struct psm__json_scan scan;
	size_t next;

	scan.escapes = 0;
	next = scan_string(text, len, i, &scan);
	*escaped = scan.escapes;
	return next ? next - 1 : 0;
}

size_t
psm__json_string_end(const char *text, size_t len, size_t i, int *escaped)
{
	size_t end = skip_plain(text, len, i);

	*escaped = 0;
	if (end < len && text[end] == '"')
		return end;
	return end_of_rare(text, len, i, escaped);
}

void
psm__json_mask(char *to, const char *text, size_t len)
{
	const char *slash;
	size_t i = 0;

	memcpy(to, text, len);
	/* What follows the two characters of a \u escape is plain already. */
	while (i < len && (slash = memchr(text + i, '\\', len - i))) {
		i = (size_t)(slash - text);
		to[i++] = 'x';
		if (i < len)
			to[i++] = 'x';
	}
}

static size_t
put_utf8(char *out, unsigned long c)
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

size_t
psm__json_unescape(const char *raw, size_t len, char *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	size_t i = 0, n = 0;

	while (i < len) {
		const char *slash = memchr(raw + i, '\\', len - i);
		size_t plain = slash ? (size_t)(slash - raw) - i : len - i;
		unsigned long c;

		memcpy(out + n, raw + i, plain);
		i += plain;
		n += plain;
		if (!slash)
			break;
		if (raw[i + 1] != 'u') {
			out[n++] = to[strchr(from, raw[i + 1]) - from];
			i += 2;
			continue;
		}
		c = (unsigned long)hex4(raw + i + 2, 4);
		i += 6;
		if (c >= 0xd800 && c <= 0xdbff) {
			c = 0x10000 + ((c - 0xd800) << 10) +
			    ((unsigned long)hex4(raw + i + 2, 4) - 0xdc00);
			i += 6;
		}
		n += put_utf8(out + n, c);
	}
	return n;
}
