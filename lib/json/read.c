/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * yajl is the lexer and the grammar. Where a token begins and ends, and what a
 * string means, is taken from the text itself. Reading allocates one block: the
 * document.
 */
#include "json/json.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <yajl/yajl_parse.h>

/*
 * While reading, values holds two heaps of values: from the front those whose
 * container is still open, from the back (pool) the children of containers that
 * are complete, which never move again. Each value is in one of them, so there
 * is room for all.
 */
struct reader {
	struct psm__json_doc *doc;
	yajl_handle yajl;
	size_t prev_end; /* behind the last token */
	size_t strings_used;
	uint32_t stacked, pool;
	uint32_t open[PSM__JSON_MAX_DEPTH]; /* containers around this place */
	unsigned depth;
	int escapes; /* some string has one */
	enum psm__json_last last;
	uint32_t key, key_at, key_hash; /* just read, for the next value */
	psm_error *err;
};

static int
is_between(char c)
{
	return c == ' ' || c == ',' || c == ':' || c == '\n' || c == '\t' ||
	       c == '\r';
}

/* Where the token that yajl has just read begins; prev_end moves behind it. */
static uint32_t
token(struct reader *r)
{
	const char *text = r->doc->text;
	size_t start = r->prev_end;

	while (is_between(text[start]))
		start++;
	r->prev_end = yajl_get_bytes_consumed(r->yajl);
	return (uint32_t)start;
}

static int
kind_around(const struct reader *r)
{
	if (r->depth == 0)
		return -1;
	return (int)r->doc->value[r->open[r->depth - 1]].kind;
}

static struct psm_json *
add_value(struct reader *r, int kind)
{
	struct psm_json *v = &r->doc->value[r->stacked];

	assert(r->stacked < r->pool);
	v->number = r->stacked++ & 0x1fffffff;
	v->kind = (unsigned)kind & 7;
	v->start = token(r);
	v->len = (uint32_t)r->prev_end - v->start;
	v->key = r->key;
	v->key_at = r->key_at;
	v->key_hash = r->key_hash;
	v->first = v->count = 0;
	r->last = PSM__JSON_READ_VALUE;
	return v;
}

/*
 * Decode the literal at start. strings is also the text that yajl reads. Only
 * what yajl has read already is overwritten: a decoded string is shorter than
 * its literal.
 */
static uint32_t
add_string(struct reader *r, size_t start, uint32_t *len)
{
	const char *raw = r->doc->text + start + 1;
	size_t n = r->prev_end - start - 2, at = r->strings_used;
	char *out = r->doc->strings + at;

	if (r->escapes)
		n = psm__json_unescape(raw, n, out);
	else
		memcpy(out, raw, n);
	out[n] = '\0';
	r->strings_used += n + 1;
	assert(r->strings_used <= r->prev_end);
	*len = (uint32_t)n;
	return (uint32_t)at;
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
	add_value(ctx, PSM_JSON_BOOL)->count = value != 0;
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
	v->first = add_string(r, v->start, &v->count);
	return 1;
}

static int
on_key(void *ctx, const unsigned char *text, size_t len)
{
	struct reader *r = ctx;
	uint32_t n;

	(void)text;
	(void)len;
	r->key_at = token(r);
	r->key = add_string(r, r->key_at, &n);
	r->key_hash = psm__json_key_hash(r->doc->strings + r->key, n);
	r->last = PSM__JSON_READ_KEY;
	return 1;
}

static int
refuse(struct reader *r, size_t at, const char *message)
{
	const struct psm__json_doc *doc = r->doc;

	psm__fail_at(r->err, PSM_ERR_PARSE,
	             psm__locate(doc->text, doc->len, at), "%s", message);
	return 0;
}

static int
open_container(struct reader *r, int kind)
{
	uint32_t number = r->stacked;

	if (r->depth == PSM__JSON_MAX_DEPTH)
		return refuse(r, token(r),
		              "want at most 64 levels of nesting, found more");
	add_value(r, kind);
	r->open[r->depth++] = number;
	if (r->doc->depth < r->depth)
		r->doc->depth = r->depth;
	r->last = PSM__JSON_OPENED;
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

/* Move the children from the stack to the pool, where they stay. */
static int
on_end(void *ctx)
{
	struct reader *r = ctx;
	struct psm_json *value = r->doc->value;
	struct psm_json *v = &value[r->open[--r->depth]];
	const struct psm_json *twice;

	(void)token(r);
	v->len = (uint32_t)r->prev_end - v->start;
	v->count = r->stacked - (uint32_t)(v + 1 - value);
	r->stacked -= v->count;
	r->pool -= v->count;
	v->first = r->pool;
	memmove(value + r->pool, v + 1, v->count * sizeof(*v));
	for (uint32_t i = r->pool; i < r->pool + v->count; i++)
		value[i].number = i & 0x1fffffff;
	r->last = PSM__JSON_READ_VALUE;
	if (v->kind == PSM_JSON_ARRAY)
		return 1;
	twice = psm__json_index(r->doc, v);
	return twice ? refuse(r, twice->key_at,
	                      "want each key once, found one twice")
	             : 1;
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

static struct psm__json_doc *
make_document(const char *text, size_t len, size_t values)
{
	size_t tree =
	    sizeof(struct psm__json_doc) + values * sizeof(struct psm_json);
	/* No big object fits in few values. */
	size_t order = values > PSM__JSON_FEW ? values * sizeof(uint32_t) : 0;
	struct psm__json_doc *doc;

	/* The text with its NUL; strings as long, with yajl's last blank. */
	doc = psm__realloc(NULL, tree + order + 2 * (len + 1));
	if (!doc)
		return NULL;
	doc->len = len;
	doc->depth = 0;
	doc->order = (uint32_t *)(void *)((char *)doc + tree);
	doc->text = (char *)doc + tree + order;
	doc->strings = doc->text + len + 1;
	memcpy(doc->text, text, len);
	doc->text[len] = '\0';
	return doc;
}

static int
refuse_string(const struct psm__json_doc *doc,
              const struct psm__json_scan *scan, psm_error *err)
{
	const char *text = doc->text;
	size_t len = doc->len, bad = scan->bad;
	char found[40] = "another sequence";

	/* The message does not quote a string: it may be a name. */
	if (bad == len || (text[bad] == '\\' && bad + 1 == len))
		psm__json_found(text, len, len, found, sizeof(found));
	else if (text[bad] != '\\')
		(void)snprintf(found, sizeof(found), "byte 0x%02x",
		               (unsigned char)text[bad]);
	return psm__fail_at(err, PSM_ERR_PARSE, psm__locate(text, len, bad),
	                    "want %s, found %s", scan->want, found);
}

/* Let yajl read what the scan has passed, and a blank: a fault in it comes
 * before the one that the scan has found. */
static int
run_yajl(struct reader *r, const struct psm__json_scan *scan)
{
	struct psm__json_doc *doc = r->doc;
	struct psm__json_arena arena; /* its bytes need no first value */
	yajl_alloc_funcs funcs = {psm__json_arena_alloc,
	                          psm__json_arena_realloc, psm__json_arena_free,
	                          &arena};
	size_t len = scan->stop;
	yajl_status status;

	arena.used = 0;
	psm__json_mask(doc->strings, doc->text, len);
	doc->strings[len] = ' ';
	r->yajl = yajl_alloc(&callbacks, &funcs, r);
	/* The scan has checked the strings, and more strictly. */
	(void)yajl_config(r->yajl, yajl_dont_validate_strings, 1);
	status =
	    yajl_parse(r->yajl, (const unsigned char *)doc->strings, len + 1);
	if (status == yajl_status_ok && len < doc->len && scan->want)
		return refuse_string(doc, scan, r->err);
	if (status == yajl_status_ok && len == doc->len)
		status = yajl_complete_parse(r->yajl);
	if (status == yajl_status_ok && len == doc->len)
		return 0;
	if (status == yajl_status_client_canceled)
		return PSM_ERR_PARSE; /* the callback has recorded the error */
	return psm__json_explain(doc->text, doc->len, r->prev_end, r->last,
	                         kind_around(r), r->err);
}

static int
read_document(const char *text, size_t len, psm_json **out, psm_error *err)
{
	struct reader r = {.err = err};
	struct psm__json_scan scan;
	int rc;

	psm__json_scan(text, len, &scan);
	r.doc = make_document(text, len, scan.values);
	if (!r.doc)
		return psm__nomem(err);
	r.pool = (uint32_t)scan.values;
	r.escapes = scan.escapes;
	rc = run_yajl(&r, &scan);
	if (rc < 0) {
		psm__free(r.doc);
		return rc;
	}
	*out = &r.doc->value[0];
	return 0;
}

int
psm_json_parse(const char *text, size_t len, psm_json **out, psm_error *err)
{
	psm__error_clear(err);
	if (out)
		*out = NULL;
	if (!text || !out)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "psm_json_parse: NULL argument");
	if (len > PSM__JSON_MAX_BYTES)
		return psm__fail(err, PSM_ERR_TOO_LARGE,
		                 "want at most %u bytes of JSON, found %zu",
		                 PSM__JSON_MAX_BYTES, len);
	return read_document(text, len, out, err);
}
