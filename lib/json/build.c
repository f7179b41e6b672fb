/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A document from tokens that are read along the text: in half of the
 * instructions that yajl takes for them. What is refused here yajl reads again,
 * and explains; so there is one place for each message, and a text that only
 * one of both would accept is a fault of this file.
 */
#include "json/cursor.h"
#include "json/tree.h"

struct build {
	struct psm__json_tree *t;
	struct psm__cursor c;
	const char *text;
};

static size_t
offset(const struct build *b)
{
	return (size_t)(b->c.at - b->text);
}

/* 1: a key and its colon. */
static int
read_key(struct build *b)
{
	struct psm__span s;
	size_t start;

	if (!psm__cursor_take(&b->c, '"'))
		return 0;
	start = offset(b) - 1;
	if (!psm__cursor_string(&b->c, &s) || !psm__cursor_take(&b->c, ':'))
		return 0;
	psm__json_tree_key(b->t, start, s.text, s.len, s.escaped);
	return 1;
}

static int
read_string(struct build *b)
{
	struct psm__span s;
	struct psm_json *v;
	size_t start = offset(b);
	uint32_t len;

	b->c.at++; /* the quote */
	if (!psm__cursor_string(&b->c, &s))
		return 0;
	v = psm__json_tree_add(b->t, PSM_JSON_STRING, start, offset(b));
	v->first = psm__json_tree_string(b->t, s.text, s.len, s.escaped, &len);
	v->count = len;
	return 1;
}

static int
read_word(struct build *b, const char *word, int kind, int value)
{
	size_t start = offset(b);

	if (!psm__cursor_word(&b->c, word, strlen(word)))
		return 0;
	psm__json_tree_add(b->t, kind, start, offset(b))->count =
	    (uint32_t)value;
	return 1;
}

static int
read_number(struct build *b)
{
	size_t start = offset(b);
	struct psm__span s;

	if (!psm__cursor_number(&b->c, &s))
		return 0;
	psm__json_tree_add(b->t, PSM_JSON_NUMBER, start, offset(b));
	return 1;
}

enum step { WRONG, VALUE_READ, VALUE_NEXT };

/* The bracket of a container, and the first key of an object. */
static enum step
open_container(struct build *b, int kind, char closing)
{
	if (b->t->depth == PSM__JSON_MAX_DEPTH)
		return WRONG;
	psm__json_tree_open(b->t, kind, offset(b));
	b->c.at++;
	if (psm__cursor_take(&b->c, closing)) {
		(void)psm__json_tree_close(b->t, offset(b)); /* no key */
		return VALUE_READ;
	}
	return kind == PSM_JSON_ARRAY || read_key(b) ? VALUE_NEXT : WRONG;
}

static enum step
read_value(struct build *b)
{
	int done;

	switch (psm__cursor_byte(&b->c)) {
	case '{':
		return open_container(b, PSM_JSON_OBJECT, '}');
	case '[':
		return open_container(b, PSM_JSON_ARRAY, ']');
	case '"':
		done = read_string(b);
		break;
	case 't':
		done = read_word(b, "true", PSM_JSON_BOOL, 1);
		break;
	case 'f':
		done = read_word(b, "false", PSM_JSON_BOOL, 0);
		break;
	case 'n':
		done = read_word(b, "null", PSM_JSON_NULL, 0);
		break;
	default:
		done = read_number(b);
		break;
	}
	return done ? VALUE_READ : WRONG;
}

/* What follows a value: a comma, or ends of containers. VALUE_READ: the whole
 * document is. */
static enum step
read_on(struct build *b)
{
	while (b->t->depth > 0) {
		int object = psm__json_tree_around(b->t) == PSM_JSON_OBJECT;

		if (psm__cursor_take(&b->c, ','))
			return !object || read_key(b) ? VALUE_NEXT : WRONG;
		if (!psm__cursor_take(&b->c, object ? '}' : ']') ||
		    psm__json_tree_close(b->t, offset(b)) != NULL)
			return WRONG;
	}
	return psm__cursor_byte(&b->c) == '\0' && b->c.at == b->c.end
	           ? VALUE_READ
	           : WRONG;
}

int
psm__json_build(struct psm__json_tree *t)
{
	struct psm__json_doc *doc = t->doc;
	struct build b = {t, {doc->text, doc->text + doc->len}, doc->text};
	uint32_t values = t->pool;
	enum step step = VALUE_NEXT;

	while (step == VALUE_NEXT) {
		step = read_value(&b);
		if (step == VALUE_READ)
			step = read_on(&b);
	}
	if (step == WRONG)
		psm__json_tree_begin(t, doc, values);
	return step == VALUE_READ;
}
