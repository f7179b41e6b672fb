/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a list of records of which some are invalid: a key twice, half of a
 * surrogate pair, U+0000, a byte that is not UTF-8. The syntax of the whole
 * must be right, else the end of a record is unknown.
 */
#include "json/json.h"

#include <stdio.h>
#include <string.h>
#include <yajl/yajl_parse.h>

struct salvage {
	const char *text;
	char *plain; /* the text; in strings every byte is an x */
	size_t len;
	struct psm__lost *lost;
	size_t count, cap;
	struct psm__pos at; /* of the last lost item */
};

static int
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* 1: all strings end, and nothing is nested too deep; only then yajl needs no
 * memory of its own. */
static int
make_plain(struct salvage *s)
{
	unsigned depth = 0;
	int inside = 0;

	for (size_t i = 0; i < s->len; i++) {
		char c = s->text[i];

		s->plain[i] = inside && c != '"' ? 'x' : c;
		if (inside && c == '\\' && i + 1 < s->len)
			s->plain[++i] = 'x';
		else if (c == '"')
			inside = !inside;
		else if (!inside && (c == '{' || c == '['))
			depth++;
		else if (!inside && (c == '}' || c == ']') && depth > 0)
			depth--;
		if (depth > PSM__JSON_MAX_DEPTH)
			return 0;
	}
	s->plain[s->len] = ' ';
	return !inside;
}

/* Without callbacks yajl accepts a key twice, and the masked strings have
 * nothing that it would refuse. */
static int
is_grammatical(const struct salvage *s)
{
	struct psm__json_arena arena; /* its bytes need no first value */
	yajl_alloc_funcs funcs = {psm__json_arena_alloc,
	                          psm__json_arena_realloc, psm__json_arena_free,
	                          &arena};
	yajl_handle yajl;
	yajl_status status;

	arena.used = 0;
	yajl = yajl_alloc(NULL, &funcs, NULL);
	status = yajl_parse(yajl, (const unsigned char *)s->plain, s->len + 1);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(yajl);
	return status == yajl_status_ok;
}

static size_t
skip_space(const struct salvage *s, size_t i)
{
	while (i < s->len && is_space(s->plain[i]))
		i++;
	return i;
}

/* Behind the value that begins at i. */
static size_t
skip_value(const struct salvage *s, size_t i)
{
	unsigned depth = 0;

	for (; i < s->len; i++) {
		char c = s->plain[i];

		if (c == '"') {
			i = (size_t)((char *)memchr(s->plain + i + 1, '"',
			                            s->len - i) -
			             s->plain);
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']' || c == ',') {
			if (depth == 0)
				break;
			depth -= c != ',';
		}
	}
	return i;
}

/* Where the array begins that is the member key of the document; s->len: it
 * has none. */
static size_t
find_list(const struct salvage *s, const char *key)
{
	size_t i = skip_space(s, 0), from, len;
	int found;

	if (i == s->len || s->plain[i] != '{')
		return s->len;
	do {
		from = skip_space(s, i + 1) + 1;
		if (s->plain[from - 1] != '"')
			return s->len; /* no member */
		len = (size_t)((char *)memchr(s->plain + from, '"',
		                              s->len - from) -
		               (s->plain + from));
		found =
		    len == strlen(key) && memcmp(s->text + from, key, len) == 0;
		i = skip_space(s, skip_space(s, from + len + 1) + 1);
		if (found && s->plain[i] == '[')
			return i;
		i = skip_space(s, skip_value(s, i));
	} while (i < s->len && s->plain[i] == ',');
	return s->len;
}

/* Advance pos by so many bytes. Counting from the beginning for each item would
 * take quadratic time. */
static struct psm__pos
advance(const char *text, struct psm__pos pos, size_t count)
{
	struct psm__pos more = psm__locate(text + pos.offset, count, count);

	pos.offset += count;
	pos.column = more.line > 1 ? more.column : pos.column + more.column - 1;
	pos.line += more.line - 1;
	return pos;
}

/* 0 or PSM_ERR_NOMEM. */
static int
try_item(struct salvage *s, size_t item, size_t from, size_t to)
{
	psm_json *doc = NULL;
	int rc = psm_json_parse(s->text + from, to - from, &doc, NULL);

	psm_json_free(doc);
	if (rc == 0 || rc == PSM_ERR_NOMEM)
		return rc;
	if (psm__grow(&s->lost, &s->cap, s->count + 1, sizeof(*s->lost)) < 0)
		return PSM_ERR_NOMEM;
	s->at = advance(s->text, s->at, from - s->at.offset);
	s->lost[s->count].item = item;
	s->lost[s->count].start = s->at;
	s->lost[s->count++].len = to - from;
	return 0;
}

static int
try_items(struct salvage *s, size_t list)
{
	size_t i = skip_space(s, list + 1), end, item = 0;
	int rc = 0;

	while (rc == 0 && i < s->len && s->plain[i] != ']') {
		end = skip_value(s, i);
		rc = try_item(s, item++, i, end);
		i = skip_space(s, end);
		if (i < s->len && s->plain[i] == ',')
			i = skip_space(s, i + 1);
	}
	return rc;
}

/* The text with a number in place of each lost item, of the same length. */
static int
parse_rest(struct salvage *s, psm_json **out)
{
	memcpy(s->plain, s->text, s->len);
	for (size_t i = 0; i < s->count; i++) {
		memset(s->plain + s->lost[i].start.offset, ' ', s->lost[i].len);
		s->plain[s->lost[i].start.offset] = '0';
	}
	return psm_json_parse(s->plain, s->len, out, NULL);
}

int
psm__json_salvage(const char *text, size_t len, const char *key, psm_json **out,
                  struct psm__lost **lost, size_t *count, psm_error *err)
{
	struct salvage s = {.text = text, .len = len, .at = {0, 1, 1}};
	size_t list;
	int rc = psm_json_parse(text, len, out, err), again = 0;

	*lost = NULL;
	*count = 0;
	if (rc != PSM_ERR_PARSE)
		return rc;
	s.plain = psm__realloc(NULL, len + 1);
	if (s.plain == NULL)
		again = PSM_ERR_NOMEM;
	else if (make_plain(&s) && is_grammatical(&s) &&
	         (list = find_list(&s, key)) < len)
		again = try_items(&s, list);
	if (again == 0 && s.count > 0)
		again = parse_rest(&s, out);
	psm__free(s.plain);
	if (again == 0 && s.count > 0) {
		psm__error_clear(err);
		*lost = s.lost;
		*count = s.count;
		return 0;
	}
	psm__free(s.lost);
	if (again == PSM_ERR_NOMEM) {
		psm__error_clear(err);
		return psm__nomem(err);
	}
	return rc;
}

int
psm__json_lost_fault(const char *text, const struct psm__lost *lost,
                     psm_error *err)
{
	psm_json *doc = NULL;
	char message[256];
	size_t at;
	int rc =
	    psm_json_parse(text + lost->start.offset, lost->len, &doc, err);

	psm_json_free(doc);
	if (rc == 0 || rc == PSM_ERR_NOMEM)
		return rc;
	(void)snprintf(message, sizeof(message), "%s", psm_error_message(err));
	at = psm_error_offset(err);
	psm__error_clear(err);
	return psm__fail_at(err, rc, advance(text, lost->start, at), "%s",
	                    message);
}
