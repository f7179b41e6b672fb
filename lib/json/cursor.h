/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading JSON without a tree, for every event that is sent or received: the
 * tokens alone, in functions that are inlined into their one caller. yajl takes
 * three quarters of its time for the steps from token to token, and strings are
 * checked by scan.c in any case. Nothing is explained here: what these
 * functions refuse is read again, into a tree, by yajl, which has the last
 * word.
 */
#ifndef PSM_JSON_CURSOR_H
#define PSM_JSON_CURSOR_H

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "json/json.h"

/* A text and the place in it that is read next. */
struct psm__cursor {
	const char *at, *end;
};

/* A piece of the text: a number, or a string between its quotes. */
struct psm__span {
	const char *text;
	size_t len;
	int escaped; /* the string has an escape sequence */
	int digits;  /* of the number, if it has neither fraction nor exponent;
	                else 0 */
};

/* 1: both have the same len bytes. Mostly they do. */
static inline int
psm__same_bytes(const char *a, const char *b, size_t len)
{
	uint64_t a8, b8;
	uint32_t a4, b4;
	size_t i;

	if (len < 4)
		return len == 0 || (a[0] == b[0] && a[len / 2] == b[len / 2] &&
		                    a[len - 1] == b[len - 1]);
	if (len < 8) {
		memcpy(&a4, a, 4);
		memcpy(&b4, b, 4);
		if (a4 != b4)
			return 0;
		memcpy(&a4, a + len - 4, 4);
		memcpy(&b4, b + len - 4, 4);
		return a4 == b4;
	}
	for (i = 0; i + 8 < len; i += 8) {
		memcpy(&a8, a + i, 8);
		memcpy(&b8, b + i, 8);
		if (a8 != b8)
			return 0;
	}
	memcpy(&a8, a + len - 8, 8);
	memcpy(&b8, b + len - 8, 8);
	return a8 == b8;
}

/* The next byte that is no blank; NUL at the end, which is in no JSON text. */
static inline char
psm__cursor_byte(struct psm__cursor *c)
{
	for (; c->at < c->end; c->at++) {
		char byte = *c->at;

		if ((unsigned char)byte > ' ' || (byte != ' ' && byte != '\n' &&
		                                  byte != '\r' && byte != '\t'))
			return byte;
	}
	return '\0';
}

/* 1: byte comes next, behind blanks, and is read. */
static inline int
psm__cursor_take(struct psm__cursor *c, char byte)
{
	if ((c->at == c->end || *c->at != byte) && psm__cursor_byte(c) != byte)
		return 0;
	c->at++;
	return 1;
}

/* Where the string that is read next stops being plain ASCII: at its closing
 * quote, as a rule. Blocks of sixteen bytes: the usual string has one or two.
 */
static inline const char *
psm__cursor_plain(const struct psm__cursor *c)
{
	const char *at = c->at;
#ifdef __SSE2__
	for (; c->end - at >= 16; at += 16) {
		__m128i block, marks;
		unsigned mask;

		block = _mm_loadu_si128((const __m128i *)(const void *)at);
		marks =
		    _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
		                 _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
		/* What is not ASCII is negative, so below a blank, too. */
		marks = _mm_or_si128(
		    marks, _mm_cmplt_epi8(block, _mm_set1_epi8(0x20)));
		mask = (unsigned)_mm_movemask_epi8(marks);
		if (mask != 0)
			return at + __builtin_ctz(mask);
	}
#endif
	return at;
}

/* The string whose opening quote was read, checked to the last bit; the closing
 * one is read. */
static inline int
psm__cursor_string(struct psm__cursor *c, struct psm__span *out)
{
	const char *from = c->at, *at = psm__cursor_plain(c);
	size_t end;

	out->text = from;
	out->escaped = 0;
	if (at < c->end && *at == '"') {
		out->len = (size_t)(at - from);
		c->at = at + 1;
		return 1;
	}
	/* The inside begins at byte 1, so that 0 can say that it is wrong. */
	end = psm__json_string_end(from - 1, (size_t)(c->end - from) + 1, 1,
	                           &out->escaped);
	if (end == 0)
		return 0;
	out->len = end - 1;
	c->at = from + end;
	return 1;
}

static inline const char *
psm__cursor_digits(const struct psm__cursor *c, const char *at)
{
	while (at < c->end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* The fraction and the exponent of a number; NULL: they are wrong. */
static inline const char *
psm__cursor_fraction(const struct psm__cursor *c, const char *at)
{
	const char *from;

	if (at < c->end && *at == '.') {
		from = at + 1;
		at = psm__cursor_digits(c, from);
		if (at == from)
			return NULL;
	}
	if (at < c->end && (*at == 'e' || *at == 'E')) {
		from = at + 1;
		from += from < c->end && (*from == '+' || *from == '-');
		at = psm__cursor_digits(c, from);
		if (at == from)
			return NULL;
	}
	return at;
}

/* The number that comes next, as it is written. */
static inline int
psm__cursor_number(struct psm__cursor *c, struct psm__span *out)
{
	const char *digits = c->at + (c->at < c->end && *c->at == '-');
	const char *at = psm__cursor_digits(c, digits);

	if (at == digits || (at > digits + 1 && *digits == '0'))
		return 0;
	out->digits = (int)(at - digits);
	if (at < c->end && (*at == '.' || (*at | 0x20) == 'e')) {
		out->digits = 0;
		at = psm__cursor_fraction(c, at);
		if (!at)
			return 0;
	}
	out->text = c->at;
	out->len = (size_t)(at - c->at);
	c->at = at;
	return 1;
}

/* 1: word comes next and is read. */
static inline int
psm__cursor_word(struct psm__cursor *c, const char *word, size_t len)
{
	if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0)
		return 0;
	c->at += len;
	return 1;
}

#endif
