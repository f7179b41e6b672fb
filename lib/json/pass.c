/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pass without a tree, for every event that is sent or received. It is not
 * yajl's: that takes three quarters of the time for its steps from token to
 * token, and the strings are checked by ours in any case. What is left is the
 * grammar, which is small. Nothing is explained here: whatever this refuses,
 * the reader of trees reads again, with yajl, and has the last word.
 */
#include <string.h>

#include "json/json.h"

struct pass {
	const struct psm__json_pass_ops *ops;
	void *user;
	const char *text;
	size_t len, at;
	unsigned depth;
	uint64_t objects; /* a bit per level, the innermost lowest: an object */
	int fresh;        /* a bracket was just opened */
};

_Static_assert(PSM__JSON_MAX_DEPTH <= 64, "a level is a bit of objects");

/* The next byte; NUL at the end, which is in no JSON text. */
static inline char
here(const struct pass *p)
{
	return p->at < p->len ? p->text[p->at] : '\0';
}

static inline char
behind_blanks(struct pass *p)
{
	char c = here(p);

	for (; c == ' ' || c == '\n' || c == '\r' || c == '\t'; c = here(p))
		p->at++;
	return c;
}

/* The string that begins here: where its inside is. 0: it is wrong. */
static inline int
take_string(struct pass *p, const char **raw, size_t *len, int *escaped)
{
	size_t begin = p->at + 1;
	size_t end = psm__json_string_end(p->text, p->len, begin, escaped);

	if (end == 0)
		return 0;
	*raw = p->text + begin;
	*len = end - begin;
	p->at = end + 1;
	return 1;
}

static int
read_string(struct pass *p)
{
	const char *raw;
	size_t len;
	int escaped;

	return take_string(p, &raw, &len, &escaped) &&
	       p->ops->string(p->user, raw, len, escaped);
}

static size_t
skip_digits(struct pass *p)
{
	size_t from = p->at;
	char c;

	while ((c = here(p)) >= '0' && c <= '9')
		p->at++;
	return p->at - from;
}

static int
read_number(struct pass *p)
{
	size_t from = p->at;
	char first;

	p->at += here(p) == '-';
	first = here(p);
	switch (skip_digits(p)) {
	case 0:
		return 0;
	case 1:
		break;
	default:
		if (first == '0')
			return 0;
	}
	if (here(p) == '.') {
		p->at++;
		if (skip_digits(p) == 0)
			return 0;
	}
	if (here(p) == 'e' || here(p) == 'E') {
		p->at++;
		p->at += here(p) == '+' || here(p) == '-';
		if (skip_digits(p) == 0)
			return 0;
	}
	return p->ops->number(p->user, p->text + from, p->at - from);
}

static int
read_word(struct pass *p, const char *word, size_t len, int kind)
{
	if (p->len - p->at < len || memcmp(p->text + p->at, word, len) != 0)
		return 0;
	p->at += len;
	return p->ops->word(p->user, kind);
}

static int
open_container(struct pass *p, int kind)
{
	if (p->depth == PSM__JSON_MAX_DEPTH)
		return 0;
	p->depth++;
	p->objects = p->objects << 1 | (kind == PSM_JSON_OBJECT);
	p->fresh = 1;
	return p->ops->begin(p->user, kind, p->at++);
}

static int
close_container(struct pass *p, int kind)
{
	p->depth--;
	p->objects >>= 1;
	return p->ops->end(p->user, kind, ++p->at);
}

/* A scalar, or the bracket that opens a container. */
static int
read_value(struct pass *p)
{
	switch (behind_blanks(p)) {
	case '"':
		return read_string(p);
	case '{':
		return open_container(p, PSM_JSON_OBJECT);
	case '[':
		return open_container(p, PSM_JSON_ARRAY);
	case 't':
		return read_word(p, "true", 4, PSM_JSON_BOOL);
	case 'f':
		return read_word(p, "false", 5, PSM_JSON_BOOL);
	case 'n':
		return read_word(p, "null", 4, PSM_JSON_NULL);
	default:
		return read_number(p);
	}
}

static int
read_key(struct pass *p)
{
	const char *raw;
	size_t len;
	int escaped;

	if (behind_blanks(p) != '"' || !take_string(p, &raw, &len, &escaped) ||
	    behind_blanks(p) != ':')
		return 0;
	p->at++;
	return p->ops->key(p->user, raw, len, escaped);
}

/* In a container: its end, or its next value or member. */
static int
read_next(struct pass *p)
{
	int in_object = p->objects & 1, fresh = p->fresh;
	char c = behind_blanks(p);

	p->fresh = 0;
	if (c == (in_object ? '}' : ']'))
		return close_container(p, in_object ? PSM_JSON_OBJECT
		                                    : PSM_JSON_ARRAY);
	if (!fresh && c != ',')
		return 0;
	p->at += !fresh;
	return (!in_object || read_key(p)) && read_value(p);
}

int
psm__json_pass(const char *text, size_t len,
               const struct psm__json_pass_ops *ops, void *user)
{
	struct pass p = {.ops = ops, .user = user, .text = text, .len = len};

	if (len > PSM__JSON_MAX_BYTES || !read_value(&p))
		return 0;
	while (p.depth > 0)
		if (!read_next(&p))
			return 0;
	(void)behind_blanks(&p);
	return p.at == len;
}
