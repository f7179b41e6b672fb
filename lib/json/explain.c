/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Explains a syntax error. yajl only says that a token is not allowed, and
 * where it ends; this file looks behind the last good token for what was wanted
 * and what was found.
 */
#include "json/json.h"

#include <stdio.h>
#include <string.h>

static size_t
skip_blanks(const char *text, size_t len, size_t at)
{
	while (at < len && text[at] != '\0' && strchr(" \t\r\n", text[at]))
		at++;
	return at;
}

static int
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
begins(const char *text, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len >= n && memcmp(text, word, n) == 0 &&
	       (len == n || !is_letter(text[n]));
}

/* Words that other writers of JSON are known to use. */
static const char *
known_word(const char *text, size_t len)
{
	static const char *const words[] = {
	    "NaN",   "Infinity", "undefined", "None", "True",
	    "False", "true",     "false",     "null",
	};

	for (size_t i = 0; i < PSM__COUNT(words); i++)
		if (begins(text, len, words[i]))
			return words[i];
	return NULL;
}

/* Is the number at text as JSON wants it? */
static int
is_number(const char *text, size_t len)
{
	size_t i = text[0] == '-', start = i;

	while (i < len && is_digit(text[i]))
		i++;
	if (i == start || (text[start] == '0' && i > start + 1))
		return 0;
	if (i < len && text[i] == '.') {
		start = ++i;
		while (i < len && is_digit(text[i]))
			i++;
		if (i == start)
			return 0;
	}
	if (i < len && (text[i] == 'e' || text[i] == 'E')) {
		i++;
		i += i < len && (text[i] == '+' || text[i] == '-');
		return i < len && is_digit(text[i]);
	}
	return 1;
}

void
psm__json_found(const char *text, size_t len, size_t offset, char *words,
                size_t size)
{
	const char *at = text + offset, *word;
	size_t left = len - offset;

	if (offset >= len)
		(void)snprintf(words, size, "the end of the text");
	else if (*at == '"')
		(void)snprintf(words, size, "a string");
	else if (*at == '-' && begins(at + 1, left - 1, "Infinity"))
		(void)snprintf(words, size, "-Infinity");
	else if (*at == '-' || is_digit(*at))
		(void)snprintf(words, size, "%s",
		               is_number(at, left) ? "a number"
		                                   : "a malformed number");
	else if ((word = known_word(at, left)))
		(void)snprintf(words, size, "%s", word);
	else if (is_letter(*at))
		(void)snprintf(words, size, "a word without quotes");
	else if (left >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		(void)snprintf(words, size, "a byte order mark");
	else if (*at > 0x20 && *at < 0x7f)
		(void)snprintf(words, size, "'%c'", *at);
	else
		(void)snprintf(words, size, "byte 0x%02x", (unsigned char)*at);
}

int
psm__json_explain(const char *text, size_t len, size_t end,
                  enum psm__json_last last, int kind, psm_error *err)
{
	int in_object = kind == PSM_JSON_OBJECT;
	size_t at = skip_blanks(text, len, end);
	const char *want = "a value";
	char found[40];

	switch (last) {
	case PSM__JSON_NOTHING:
		break;
	case PSM__JSON_OPENED:
		want = in_object ? "a key or '}'" : "a value or ']'";
		break;
	case PSM__JSON_READ_KEY:
		if (at < len && text[at] == ':')
			at = skip_blanks(text, len, at + 1);
		else
			want = "':'";
		break;
	case PSM__JSON_READ_VALUE:
		if (kind < 0) {
			want = "the end of the text";
		} else if (at < len && text[at] == ',') {
			at = skip_blanks(text, len, at + 1);
			want = in_object ? "a key" : "a value";
		} else {
			want = in_object ? "',' or '}'" : "',' or ']'";
		}
		break;
	}
	psm__json_found(text, len, at, found, sizeof(found));
	return psm__fail_at(err, PSM_ERR_PARSE, psm__locate(text, len, at),
	                    "want %s, found %s", want, found);
}
