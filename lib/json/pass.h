/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pass without a tree, for every event that is sent or received. It is not
 * yajl's: that takes three quarters of the time for its steps from token to
 * token, and the strings are checked by ours in any case. What is left is the
 * grammar, which is small. Nothing is explained here: whatever this refuses,
 * the reader of trees reads again, with yajl, and has the last word.
 *
 * In a header, because it is made for one caller at a time: with its functions
 * known, a pass takes two thirds of the instructions.
 */
#ifndef PSM_JSON_PASS_H
#define PSM_JSON_PASS_H

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "json/json.h"

/*
 * Each function returns 1 to go on or 0 to give up. Strings and keys are
 * checked and come as they stand in the text, between their quotes; keys that
 * come twice are the caller's to watch.
 */
struct psm__json_pass_ops {
	int (*key)(void *user, const char *raw, size_t len, int escaped);
	int (*string)(void *user, const char *raw, size_t len, int escaped);
	int (*number)(void *user, const char *raw, size_t len);
	int (*word)(void *user, int kind); /* null, true or false */
	/* A container; at is the offset of its bracket, or the one behind. */
	int (*begin)(void *user, int kind, size_t at);
	int (*end)(void *user, int kind, size_t at);
};

/* Its address is never taken by a call that is not inlined, so that all of it
 * can be in registers. */
struct psm__pass {
	const struct psm__json_pass_ops *ops;
	void *user;
	const char *text;
	size_t len, at;
	unsigned depth;
	uint64_t objects; /* a bit per level, the innermost lowest: an object */
	int fresh;        /* a bracket was just opened */
};

_Static_assert(PSM__JSON_MAX_DEPTH <= 64, "a level is a bit of objects");

/* The byte at at; NUL at the end, which is in no JSON text. */
static inline char
psm__pass_byte_at(const char *text, size_t len, size_t at)
{
	return at < len ? text[at] : '\0';
}

static inline char
psm__pass_behind_blanks(struct psm__pass *p)
{
	char c = psm__pass_byte_at(p->text, p->len, p->at);

	while (c == ' ' || c == '\n' || c == '\r' || c == '\t')
		c = psm__pass_byte_at(p->text, p->len, ++p->at);
	return c;
}

static inline size_t
psm__pass_skip_digits(const char *text, size_t len, size_t at)
{
	while (at < len && text[at] >= '0' && text[at] <= '9')
		at++;
	return at;
}

/* Behind the number at at; 0: there is none. */
static inline size_t
psm__pass_end_of_number(const char *text, size_t len, size_t at)
{
	size_t from = at += psm__pass_byte_at(text, len, at) == '-';

	at = psm__pass_skip_digits(text, len, at);
	if (at == from || (at > from + 1 && text[from] == '0'))
		return 0;
	if (psm__pass_byte_at(text, len, at) == '.') {
		from = at + 1;
		at = psm__pass_skip_digits(text, len, from);
		if (at == from)
			return 0;
	}
	if (psm__pass_byte_at(text, len, at) == 'e' ||
	    psm__pass_byte_at(text, len, at) == 'E') {
		from = at + 1;
		from += psm__pass_byte_at(text, len, from) == '+' ||
		        psm__pass_byte_at(text, len, from) == '-';
		at = psm__pass_skip_digits(text, len, from);
		if (at == from)
			return 0;
	}
	return at;
}

static inline int
psm__pass_read_number(struct psm__pass *p)
{
	size_t from = p->at;

	p->at = psm__pass_end_of_number(p->text, p->len, from);
	return p->at > 0 &&
	       p->ops->number(p->user, p->text + from, p->at - from);
}

static inline int
psm__pass_read_word(struct psm__pass *p, const char *word, size_t len, int kind)
{
	if (p->len - p->at < len || memcmp(p->text + p->at, word, len) != 0)
		return 0;
	p->at += len;
	return p->ops->word(p->user, kind);
}

/* Where a string of up to 15 plain bytes ends, which is nearly every one; 0: it
 * takes a closer look. */
static inline size_t
psm__pass_short_end(const char *text, size_t len, size_t from)
{
#ifdef __SSE2__
	__m128i block, marks;
	unsigned mask;

	if (len - from < 16)
		return 0;
	block = _mm_loadu_si128((const __m128i *)(const void *)(text + from));
	marks = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
	                     _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
	/* What is not ASCII is negative, and so below a blank too. */
	marks = _mm_or_si128(marks, _mm_cmplt_epi8(block, _mm_set1_epi8(0x20)));
	mask = (unsigned)_mm_movemask_epi8(marks);
	if (mask == 0)
		return 0;
	from += (size_t)__builtin_ctz(mask);
	return text[from] == '"' ? from : 0;
#else
	(void)text;
	(void)len;
	(void)from;
	return 0;
#endif
}

static inline int
psm__pass_read_string(struct psm__pass *p,
                      int (*take)(void *user, const char *raw, size_t len,
                                  int escaped))
{
	size_t from = p->at + 1;
	int escaped = 0;

	p->at = psm__pass_short_end(p->text, p->len, from) + 1;
	if (p->at == 1)
		p->at =
		    psm__json_string_end(p->text, p->len, from, &escaped) + 1;
	return p->at > 1 &&
	       take(p->user, p->text + from, p->at - 1 - from, escaped);
}

static inline int
psm__pass_open_container(struct psm__pass *p, int kind)
{
	if (p->depth == PSM__JSON_MAX_DEPTH)
		return 0;
	p->depth++;
	p->objects = p->objects << 1 | (kind == PSM_JSON_OBJECT);
	p->fresh = 1;
	return p->ops->begin(p->user, kind, p->at++);
}

static inline int
psm__pass_close_container(struct psm__pass *p, int kind)
{
	p->depth--;
	p->objects >>= 1;
	return p->ops->end(p->user, kind, ++p->at);
}

/* A scalar, or the bracket that opens a container. */
static inline int
psm__pass_read_value(struct psm__pass *p)
{
	switch (psm__pass_behind_blanks(p)) {
	case '"':
		return psm__pass_read_string(p, p->ops->string);
	case '{':
		return psm__pass_open_container(p, PSM_JSON_OBJECT);
	case '[':
		return psm__pass_open_container(p, PSM_JSON_ARRAY);
	case 't':
		return psm__pass_read_word(p, "true", 4, PSM_JSON_BOOL);
	case 'f':
		return psm__pass_read_word(p, "false", 5, PSM_JSON_BOOL);
	case 'n':
		return psm__pass_read_word(p, "null", 4, PSM_JSON_NULL);
	default:
		return psm__pass_read_number(p);
	}
}

static inline int
psm__pass_read_key(struct psm__pass *p)
{
	if (psm__pass_behind_blanks(p) != '"' ||
	    !psm__pass_read_string(p, p->ops->key) ||
	    psm__pass_behind_blanks(p) != ':')
		return 0;
	p->at++;
	return 1;
}

/* In a container: 1: its end, which is read. 0: something else. */
static inline int
psm__pass_is_end(struct psm__pass *p, int *ok)
{
	int kind = p->objects & 1 ? PSM_JSON_OBJECT : PSM_JSON_ARRAY;

	if (psm__pass_behind_blanks(p) != (kind == PSM_JSON_OBJECT ? '}' : ']'))
		return 0;
	p->fresh = 0;
	*ok = psm__pass_close_container(p, kind);
	return 1;
}

/* What stands before a value in a container. */
static inline int
psm__pass_read_lead(struct psm__pass *p)
{
	int fresh = p->fresh;

	p->fresh = 0;
	if (!fresh && psm__pass_byte_at(p->text, p->len, p->at++) != ',')
		return 0;
	return !(p->objects & 1) || psm__pass_read_key(p);
}

/* 1: it is JSON, and every function has returned 1. 0: not, or it is too long
 * or too deep; then psm__json_parse() says what is wrong, if anything is. */
static inline int
psm__json_pass(const char *text, size_t len,
               const struct psm__json_pass_ops *ops, void *user)
{
	struct psm__pass p = {
	    .ops = ops, .user = user, .text = text, .len = len};
	int ok = len <= PSM__JSON_MAX_BYTES;

	do {
		if (p.depth > 0 && psm__pass_is_end(&p, &ok))
			continue;
		ok = ok && (p.depth == 0 || psm__pass_read_lead(&p)) &&
		     psm__pass_read_value(&p);
	} while (ok && p.depth > 0);
	(void)psm__pass_behind_blanks(&p);
	return ok && p.at == len;
}

#endif
