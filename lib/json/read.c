/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * yajl is the lexer and the grammar; where a token begins and ends, and what
 * a string means, is worked out here from the text itself, because yajl tells
 * neither a token's start nor a lone surrogate.
 */
#include "json/json.h"

#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

/*
 * yajl does not check its allocations, so it gets its memory beforehand: a
 * handle, a lexer and a stack (under 2 KiB together) and, for strings with
 * escapes, buffers that double from 2 KiB; each doubling takes fresh bytes.
 */
#define ARENA_FIXED 16384
#define ARENA_PER_BYTE 6

struct arena {
	size_t used, size;
	char bytes[];
};

struct reader {
	struct psm__json_doc *doc;
	size_t len, prev_end, strings_used, index_used;
	uint32_t
	    open[PSM__JSON_MAX_DEPTH]; /* containers around the current place */
	unsigned depth;
	uint32_t pending_key; /* strings offset of the key just read */
	uint32_t *large;      /* scratch for objects with many members */
	size_t large_cap;
	int completing; /* yajl reads its own blank behind the text */
	yajl_handle yajl;
	psm_error *err;
};

static void *
arena_alloc(void *ctx, size_t size)
{
	struct arena *a = ctx;
	size_t *block;

	size = (size + 15) & ~(size_t)15;
	if (a->size - a->used < size + 16)
		abort(); /* the bound above is wrong: a bug, not a lack of
		            memory */
	block = (size_t *)(void *)(a->bytes + a->used);
	block[0] = size;
	a->used += size + 16;
	return block + 2;
}

static void *
arena_realloc(void *ctx, void *ptr, size_t size)
{
	void *fresh;

	if (ptr && ((size_t *)ptr)[-2] >= size)
		return ptr;
	fresh = arena_alloc(ctx, size);
	if (ptr)
		memcpy(fresh, ptr, ((size_t *)ptr)[-2]);
	return fresh;
}

static void
arena_free(void *ctx, void *ptr)
{
	(void)ctx;
	(void)ptr; /* goes with the arena */
}

static int
is_between(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' ||
	       c == ':';
}

/* Bounds of the token that yajl has just read. */
static void
token(struct reader *r, size_t *start, size_t *end)
{
	size_t i = r->prev_end;

	while (i < r->len && is_between(r->doc->text[i]))
		i++;
	*start = i;
	*end = r->completing ? r->len : yajl_get_bytes_consumed(r->yajl);
	if (r->completing)
		while (*end > i && is_between(r->doc->text[*end - 1]))
			--*end;
	r->prev_end = *end;
}

static int
refuse(struct reader *r, size_t offset, int code, const char *text)
{
	psm__fail_at(r->err, code, psm__locate(r->doc->text, r->len, offset),
	             "%s", text);
	return 0;
}

static struct psm_json *
add_value(struct reader *r, int kind)
{
	struct psm_json *v = &r->doc->value[r->doc->values];
	size_t start, end;

	token(r, &start, &end);
	v->number = r->doc->values++;
	v->start = (uint32_t)start;
	v->end = (uint32_t)end;
	v->kind = (uint8_t)kind;
	v->key = r->pending_key;
	r->pending_key = 0;
	if (r->depth > 0)
		r->doc->value[r->open[r->depth - 1]].count++;
	return v;
}

/* Decode the literal at start..end into strings; 0 when it is wrong. */
static int
add_string(struct reader *r, size_t start, size_t end, uint32_t *where)
{
	char *out = r->doc->strings + r->strings_used;
	const char *why = "";
	ptrdiff_t n = psm__json_unescape(r->doc->text + start + 1,
	                                 end - start - 2, out, &why);

	if (n < 0)
		return refuse(r, start + 1 + (size_t)(-1 - n), PSM_ERR_PARSE,
		              why);
	out[n] = '\0';
	*where = (uint32_t)r->strings_used;
	r->strings_used += (size_t)n + 1;
	return 1;
}

static int
on_null(void *ctx)
{
	add_value(ctx, PSM_JSON_NULL);
	return 1;
}

static int
on_bool(void *ctx, int value)
{
	add_value(ctx, PSM_JSON_BOOL)->truth = value != 0;
	return 1;
}

static int
on_number(void *ctx, const char *text, size_t len)
{
	(void)text;
	(void)len;
	add_value(ctx, PSM_JSON_NUMBER);
	return 1;
}

static int
on_string(void *ctx, const unsigned char *text, size_t len)
{
	struct reader *r = ctx;
	struct psm_json *v = add_value(r, PSM_JSON_STRING);

	(void)text;
	(void)len;
	return add_string(r, v->start, v->end, &v->string);
}

static int
on_key(void *ctx, const unsigned char *text, size_t len)
{
	struct reader *r = ctx;
	size_t start, end;

	(void)text;
	(void)len;
	token(r, &start, &end);
	return add_string(r, start, end, &r->pending_key);
}

static int
open_container(struct reader *r, int kind)
{
	struct psm_json *v;

	if (r->depth == PSM__JSON_MAX_DEPTH) {
		size_t start, end;

		token(r, &start, &end);
		return refuse(r, start, PSM_ERR_PARSE,
		              "nested deeper than 64 levels");
	}
	v = add_value(r, kind);
	r->open[r->depth++] = v->number;
	return 1;
}

static int
on_map(void *ctx)
{
	return open_container(ctx, PSM_JSON_OBJECT);
}

static int
on_array(void *ctx)
{
	return open_container(ctx, PSM_JSON_ARRAY);
}

/* The value behind v and everything in it. */
static const struct psm_json *
behind(const struct psm__json_doc *doc, const struct psm_json *v)
{
	uint32_t i = v->number + 1;

	while ((v->kind == PSM_JSON_OBJECT || v->kind == PSM_JSON_ARRAY) &&
	       v->count > 0) {
		v = &doc->value[doc->index[v->first + v->count - 1]];
		i = v->number + 1;
	}
	return &doc->value[i];
}

static const char *
key_of(const struct psm__json_doc *doc, uint32_t number)
{
	return doc->strings + doc->value[number].key;
}

static uint32_t
hash(const char *text)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h;
}

static int
refuse_duplicate(struct reader *r, uint32_t member)
{
	/* The key stands before the value; its place is found by going back to
	 * it. */
	const char *text = r->doc->text;
	size_t at = r->doc->value[member].start;

	while (at > 0 && text[at - 1] != ':')
		at--;
	while (at > 0 && text[at - 1] != '"')
		at--;
	for (at--; at > 0; at--) {
		size_t slashes = 0;

		while (slashes < at - 1 && text[at - 2 - slashes] == '\\')
			slashes++;
		if (text[at - 1] == '"' && slashes % 2 == 0)
			break;
	}
	return refuse(r, at - 1, PSM_ERR_PARSE,
	              "the same key twice in one object");
}

/* Few members are compared with each other, many go through a hash table. */
#define FEW_MEMBERS 12

static int
check_few(struct reader *r, const uint32_t *child, uint32_t count)
{
	uint32_t i, j;

	for (i = 1; i < count; i++)
		for (j = 0; j < i; j++)
			if (strcmp(key_of(r->doc, child[i]),
			           key_of(r->doc, child[j])) == 0)
				return refuse_duplicate(r, child[i]);
	return 1;
}

static int
check_many(struct reader *r, const uint32_t *child, uint32_t count)
{
	size_t slots = 32, i, at;

	while (slots < (size_t)count * 2)
		slots *= 2;
	if (psm__grow(&r->large, &r->large_cap, slots, sizeof *r->large) < 0) {
		psm__nomem(r->err);
		return 0;
	}
	memset(r->large, 0, slots * sizeof *r->large);
	for (i = 0; i < count; i++) {
		const char *key = key_of(r->doc, child[i]);

		/* 0 is a free slot; no member is value 0, which is the root. */
		for (at = hash(key) & (slots - 1); r->large[at];
		     at = (at + 1) & (slots - 1))
			if (strcmp(key_of(r->doc, r->large[at]), key) == 0)
				return refuse_duplicate(r, child[i]);
		r->large[at] = child[i];
	}
	return 1;
}

static int
on_end(void *ctx)
{
	struct reader *r = ctx;
	struct psm_json *v = &r->doc->value[r->open[--r->depth]];
	const struct psm_json *child = v + 1;
	size_t start, end;
	uint32_t i, *list = r->doc->index + r->index_used;

	token(r, &start, &end);
	v->end = (uint32_t)end;
	v->first = (uint32_t)r->index_used;
	for (i = 0; i < v->count; i++, child = behind(r->doc, child))
		list[i] = child->number;
	r->index_used += v->count;
	if (v->kind == PSM_JSON_ARRAY)
		return 1;
	return v->count <= FEW_MEMBERS ? check_few(r, list, v->count)
	                               : check_many(r, list, v->count);
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_bool,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end,
    .yajl_start_array = on_array,
    .yajl_end_array = on_end,
};

/* No fewer than the values in text: each but the first follows a comma, a colon
 * or an opening bracket. */
static size_t
count_values(const char *text, size_t len)
{
	size_t i, count = 1;

	for (i = 0; i < len; i++)
		count += text[i] == ',' || text[i] == '[' || text[i] == '{';
	return count;
}

static int
make_document(const char *text, size_t len, struct psm__json_doc **out,
              psm_error *err)
{
	size_t values = count_values(text, len);
	size_t tree = sizeof **out + values * sizeof(struct psm_json),
	       index = values * sizeof(uint32_t);
	struct psm__json_doc *doc =
	    psm__realloc(NULL, tree + index + 2 * len + 3);

	if (!doc)
		return psm__nomem(err);
	memset(doc, 0, tree);
	doc->index = (uint32_t *)(void *)((char *)doc + tree);
	doc->text = (char *)doc + tree + index;
	doc->strings = doc->text + len + 1;
	doc->strings[0] = '\0'; /* where key 0, "no key", points */
	memcpy(doc->text, text, len);
	doc->text[len] = '\0';
	*out = doc;
	return 0;
}

/* The place of the token that yajl stumbled over: it stands before the place
 * that yajl tells. */
static size_t
wrong_token(const struct reader *r)
{
	const char *text = r->doc->text;
	size_t behind_it = yajl_get_bytes_consumed(r->yajl), at = r->prev_end;

	if (r->completing)
		return r->len;
	if (behind_it > 0 && behind_it <= r->len &&
	    strchr(",:[]{}", text[behind_it - 1]) && behind_it > at)
		return behind_it - 1;
	while (at < r->len && is_between(text[at]))
		at++;
	return at;
}

static int
refuse_syntax(struct reader *r)
{
	unsigned char *said = yajl_get_error(r->yajl, 0, NULL, 0);
	const char *text = said ? (const char *)said : "",
		   *colon = strstr(text, "error: ");
	size_t len;

	text = colon ? colon + 7 : text;
	len = strcspn(text, "\n");
	while (len > 0 && text[len - 1] == '.')
		len--;
	return psm__fail_at(r->err, PSM_ERR_PARSE,
	                    psm__locate(r->doc->text, r->len, wrong_token(r)),
	                    "not JSON: %.*s", (int)len,
	                    len ? text : "unfinished");
}

static int
run_yajl(struct reader *r, psm_error *err)
{
	size_t size = ARENA_FIXED + ARENA_PER_BYTE * r->len;
	struct arena *arena = psm__realloc(NULL, sizeof *arena + size);
	yajl_alloc_funcs funcs = {arena_alloc, arena_realloc, arena_free,
	                          arena};
	yajl_status status;
	int rc = 0;

	if (!arena)
		return psm__nomem(err);
	arena->used = 0;
	arena->size = size;
	r->yajl = yajl_alloc(&callbacks, &funcs, r);
	(void)yajl_config(r->yajl, yajl_dont_validate_strings,
	                  1); /* done, and more strictly */
	status =
	    yajl_parse(r->yajl, (const unsigned char *)r->doc->text, r->len);
	if (status == yajl_status_ok) {
		r->completing = 1;
		status = yajl_complete_parse(r->yajl);
	}
	if (status == yajl_status_client_canceled)
		rc = psm__fail(err, PSM_ERR_PARSE,
		               "not JSON"); /* the callback has said why */
	else if (status != yajl_status_ok)
		rc = refuse_syntax(r);
	if (rc < 0 && psm_error_code(err) != PSM_OK)
		rc = psm_error_code(err);
	psm__free(arena);
	return rc;
}

static int
read_document(const char *text, size_t len, struct psm__json_doc **out,
              psm_error *err)
{
	struct reader r = {.len = len, .strings_used = 1, .err = err};
	size_t bad = psm__utf8_check(text, len);
	int rc;

	if (bad < len)
		return psm__fail_at(err, PSM_ERR_PARSE,
		                    psm__locate(text, len, bad), "not UTF-8");
	rc = make_document(text, len, &r.doc, err);
	if (rc < 0)
		return rc;
	rc = run_yajl(&r, err);
	psm__free(r.large);
	if (rc < 0) {
		psm__free(r.doc);
		return rc;
	}
	*out = r.doc;
	return 0;
}

int
psm_json_parse(const char *text, size_t len, psm_json **out, psm_error *err)
{
	struct psm__json_doc *doc = NULL;
	int rc;

	psm__error_clear(err);
	if (!text || !out)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "psm_json_parse: NULL argument");
	*out = NULL;
	if (len > PSM__JSON_MAX_BYTES)
		return psm__fail(err, PSM_ERR_TOO_LARGE,
		                 "want at most %u bytes of JSON, found %zu",
		                 PSM__JSON_MAX_BYTES, len);
	rc = read_document(text, len, &doc, err);
	if (rc == 0)
		*out = &doc->value[0];
	return rc;
}
