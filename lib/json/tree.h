/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the values of a document get their places, whoever reads the tokens.
 *
 * While reading, values holds two heaps of values: from the front those whose
 * container is still open, from the back (pool) the children of containers that
 * are complete, which never move again. Each value is in one of them, so there
 * is room for all.
 */
#ifndef PSM_JSON_TREE_H
#define PSM_JSON_TREE_H

#include <assert.h>
#include <string.h>

#include "json/json.h"

struct psm__json_tree {
	struct psm__json_doc *doc;
	size_t strings_used;
	uint32_t stacked, pool;
	uint32_t open[PSM__JSON_MAX_DEPTH]; /* containers around this place */
	unsigned depth;
	uint32_t key, key_at, key_hash; /* just read, for the next value */
};

/* build.c: read the whole text of t->doc. 1: done; 0: there is something wrong
 * with it, which yajl is to tell; t is as if nothing had been read. */
int psm__json_build(struct psm__json_tree *t);

static inline void
psm__json_tree_begin(struct psm__json_tree *t, struct psm__json_doc *doc,
                     size_t values)
{
	memset(t, 0, sizeof(*t));
	t->doc = doc;
	t->pool = (uint32_t)values;
	doc->depth = 0;
}

/* The kind of the container around this place, -1: none. */
static inline int
psm__json_tree_around(const struct psm__json_tree *t)
{
	if (t->depth == 0)
		return -1;
	return (int)t->doc->value[t->open[t->depth - 1]].kind;
}

/* A value whose literal is text[start, end). */
static inline struct psm_json *
psm__json_tree_add(struct psm__json_tree *t, int kind, size_t start, size_t end)
{
	struct psm_json *v = &t->doc->value[t->stacked];

	assert(t->stacked < t->pool);
	v->number = t->stacked++ & 0x1fffffff;
	v->kind = (unsigned)kind & 7;
	v->start = (uint32_t)start;
	v->len = (uint32_t)(end - start);
	v->key = t->key;
	v->key_at = t->key_at;
	v->key_hash = t->key_hash;
	v->first = v->count = 0;
	return v;
}

/* Decode the inside of a literal, raw[n]; where it stands in strings. */
static inline uint32_t
psm__json_tree_string(struct psm__json_tree *t, const char *raw, size_t n,
                      int escaped, uint32_t *len)
{
	size_t at = t->strings_used;
	char *out = t->doc->strings + at;

	if (escaped)
		n = psm__json_unescape(raw, n, out);
	else
		memcpy(out, raw, n);
	out[n] = '\0';
	t->strings_used += n + 1;
	*len = (uint32_t)n;
	return (uint32_t)at;
}

/* The key whose quote stands at start. */
static inline void
psm__json_tree_key(struct psm__json_tree *t, size_t start, const char *raw,
                   size_t n, int escaped)
{
	uint32_t len;

	t->key_at = (uint32_t)start;
	t->key = psm__json_tree_string(t, raw, n, escaped, &len);
	t->key_hash = psm__json_key_hash(t->doc->strings + t->key, len);
}

/* A container begins at start; there must be room: depth < MAX_DEPTH. */
static inline void
psm__json_tree_open(struct psm__json_tree *t, int kind, size_t start)
{
	uint32_t number = t->stacked;

	psm__json_tree_add(t, kind, start, start + 1);
	t->open[t->depth++] = number;
	if (t->doc->depth < t->depth)
		t->doc->depth = t->depth;
}

/* It ends before end: its children move from the stack to the pool, where they
 * stay. A member whose key stood in the object before; NULL: all differ. */
static inline const struct psm_json *
psm__json_tree_close(struct psm__json_tree *t, size_t end)
{
	struct psm_json *value = t->doc->value;
	struct psm_json *v = &value[t->open[--t->depth]];

	v->len = (uint32_t)end - v->start;
	v->count = t->stacked - (uint32_t)(v + 1 - value);
	t->stacked -= v->count;
	t->pool -= v->count;
	v->first = t->pool;
	memmove(value + t->pool, v + 1, v->count * sizeof(*v));
	for (uint32_t i = t->pool; i < t->pool + v->count; i++)
		value[i].number = i & 0x1fffffff;
	return v->kind == PSM_JSON_ARRAY ? NULL : psm__json_index(t->doc, v);
}

#endif
