/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Texts that people typed: names and places have all kinds of white space, and
 * umlauts as one code point or as two. They are normalised here before they are
 * compared or stored.
 */
#include "base/base.h"

#include <string.h>
#include <utf8proc.h>

/* More code points than any word of a list, as they are written or decomposed.
 */
#define WORD_MAX 128

static int
is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return 0;
	return 1;
}

/* Everything that Unicode calls white space, and characters without a width. */
static int
is_blank(int32_t c)
{
	if (c <= 0x20)
		return c == 0x20 || (c >= 0x09 && c <= 0x0d);
	if (c < 0x80)
		return 0;
	return c == 0x85 || c == 0xa0 || c == 0x1680 || c == 0x180e ||
	       (c >= 0x2000 && c <= 0x200b) || c == 0x2028 || c == 0x2029 ||
	       c == 0x202f || c == 0x205f || c == 0x2060 || c == 0x3000 ||
	       c == 0xfeff;
}

/* The code point at *at, which moves on; U+FFFD for what is no UTF-8; 0 at the
 * end. */
static int32_t
next(const char **at)
{
	utf8proc_int32_t c;
	utf8proc_ssize_t n;

	if ((unsigned char)**at < 0x80) {
		c = (unsigned char)**at;
		*at += c != 0;
		return c;
	}
	n = utf8proc_iterate((const utf8proc_uint8_t *)*at, -1, &c);
	*at += n > 0 ? n : 1;
	return n > 0 ? c : 0xfffd;
}

int
psm__text_is_blank(const char *text)
{
	int32_t c;

	if (text == NULL)
		return 1;
	while ((c = next(&text)) != 0)
		if (!is_blank(c))
			return 0;
	return 1;
}

int
psm__text_is_line(const char *text)
{
	int32_t c;

	while ((c = next(&text)) != 0)
		if (c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 ||
		    c == 0x2029)
			return 0;
	return 1;
}

/* The code points of text by these options, with room for one more; *count of
 * them. NULL: out of memory, or *count below 0 when text is no UTF-8. */
static utf8proc_int32_t *
decompose(const char *text, int options, utf8proc_ssize_t *count)
{
	const utf8proc_uint8_t *from = (const utf8proc_uint8_t *)text;
	utf8proc_int32_t *to = NULL;
	utf8proc_option_t how = (utf8proc_option_t)options;

	*count = utf8proc_decompose(from, -1, NULL, 0, how);
	if (*count < 0)
		return NULL;
	to = psm__array((size_t)*count + 1, sizeof(*to));
	if (to != NULL)
		*count = utf8proc_decompose(from, -1, to, *count, how);
	return to;
}

/* No blanks at the ends; fold: of several together one plain one. The count of
 * what is left. */
static utf8proc_ssize_t
strip(utf8proc_int32_t *c, utf8proc_ssize_t count, int fold)
{
	utf8proc_ssize_t from = 0, to = 0;

	while (count > 0 && is_blank(c[count - 1]))
		count--;
	while (from < count && is_blank(c[from]))
		from++;
	for (; from < count; from++) {
		if (!fold || !is_blank(c[from]))
			c[to++] = c[from];
		else if (!is_blank(c[from - 1]))
			c[to++] = ' ';
	}
	return to;
}

/* A text that is not UTF-8 is left as it is. */
static char *
convert(const char *text, int fold)
{
	int options = UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE;
	utf8proc_ssize_t count;
	utf8proc_int32_t *c;

	if (fold)
		options |= UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
	c = decompose(text, options, &count);
	if (c == NULL)
		return count < 0 ? psm__strdup(text) : NULL;
	count = strip(c, count, fold);
	/* In place: the code points are never shorter than their UTF-8, and
	 * there is room for the NUL. */
	count = utf8proc_reencode(c, count, (utf8proc_option_t)options);
	if (count >= 0)
		return (char *)c;
	psm__free(c);
	return psm__strdup(text);
}

/* The same for ASCII, which most texts are. */
static char *
convert_ascii(const char *text, int fold)
{
	char *to = psm__strdup(text);
	size_t from = 0, len = strlen(text), used = 0;

	while (len > 0 && is_blank(text[len - 1]))
		len--;
	while (from < len && is_blank(text[from]))
		from++;
	for (; to != NULL && from < len; from++) {
		char c = text[from];

		if (fold && c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!fold || !is_blank(c))
			to[used++] = c;
		else if (!is_blank(text[from - 1]))
			to[used++] = ' ';
	}
	if (to != NULL)
		to[used] = '\0';
	return to;
}

char *
psm__text_tidy(const char *text)
{
	return is_ascii(text) ? convert_ascii(text, 0) : convert(text, 0);
}

char *
psm__text_fold(const char *text)
{
	return is_ascii(text) ? convert_ascii(text, 1) : convert(text, 1);
}

/* Composed, in place; the count, below 0 if that is longer than any word. */
static utf8proc_ssize_t
compose_word(const char *text, utf8proc_int32_t *to)
{
	utf8proc_option_t how =
	    (utf8proc_option_t)(UTF8PROC_NULLTERM | UTF8PROC_STABLE |
	                        UTF8PROC_COMPOSE);
	utf8proc_ssize_t n;

	n = utf8proc_decompose((const utf8proc_uint8_t *)text, -1, to, WORD_MAX,
	                       how);
	if (n < 0 || n > WORD_MAX)
		return -1;
	return utf8proc_normalize_utf32(to, n, how);
}

int
psm__text_same_word(const char *a, const char *b)
{
	utf8proc_int32_t x[WORD_MAX], y[WORD_MAX];
	utf8proc_ssize_t n;

	if (strcmp(a, b) == 0)
		return 1;
	if (is_ascii(a) || is_ascii(b))
		return 0;
	n = compose_word(a, x);
	return n >= 0 && n == compose_word(b, y) &&
	       memcmp(x, y, (size_t)n * sizeof(*x)) == 0;
}
