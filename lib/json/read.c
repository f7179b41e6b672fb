/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A text without faults is read by build.c. Where it sees one, yajl is the
 * lexer and the grammar, and has the last word; where a token begins and ends,
 * and what a string means, is taken from the text itself. Reading allocates one
 * block: the document.
 */
#include "json/json.h"

#include <stdio.h>
#include <yajl/yajl_parse.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "json/tree.h"

struct reader {
	struct psm__json_tree tree;
	yajl_handle yajl;
	size_t prev_end; /* behind the last token */
	int escapes;     /* some string has one */
	enum psm__json_last last;
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
	const char *text = r->tree.doc->text;
	size_t start = r->prev_end;

	while (is_between(text[start]))
		start++;
	r->prev_end = yajl_get_bytes_consumed(r->yajl);
	return (uint32_t)start;
}

static struct psm_json *
add_value(struct reader *r, int kind)
{
	size_t start = token(r);

	r->last = PSM__JSON_READ_VALUE;
	return psm__json_tree_add(&r->tree, kind, start, r->prev_end);
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

/* strings is also the text that yajl reads. Only what yajl has read already is
 * overwritten: a decoded string is shorter than its literal. */
static int
on_string(void *ctx, const unsigned char *text, size_t len)
{
	struct reader *r = ctx;
	struct psm_json *v = add_value(r, PSM_JSON_STRING);
	uint32_t n;

	(void)text;
	(void)len;
	v->first =
	    psm__json_tree_string(&r->tree, r->tree.doc->text + v->start + 1,
	                          v->len - 2, r->escapes, &n);
	v->count = n;
	assert(r->tree.strings_used <= r->prev_end);
	return 1;
}

static int
on_key(void *ctx, const unsigned char *text, size_t len)
{
	struct reader *r = ctx;
	size_t start = token(r);

	(void)text;
	(void)len;
	psm__json_tree_key(&r->tree, start, r->tree.doc->text + start + 1,
	                   r->prev_end - start - 2, r->escapes);
	assert(r->tree.strings_used <= r->prev_end);
	r->last = PSM__JSON_READ_KEY;
	return 1;
}

static int
refuse(struct reader *r, size_t at, const char *message)
{
	const struct psm__json_doc *doc = r->tree.doc;

	psm__fail_at(r->err, PSM_ERR_PARSE,
	             psm__locate(doc->text, doc->len, at), "%s", message);
	return 0;
}

static int
open_container(struct reader *r, int kind)
{
	size_t start = token(r);

	if (r->tree.depth == PSM__JSON_MAX_DEPTH)
		return refuse(r, start,
		              "want at most 64 levels of nesting, found more");
	psm__json_tree_open(&r->tree, kind, start);
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

static int
on_end(void *ctx)
{
	struct reader *r = ctx;
	const struct psm_json *twice;

	(void)token(r);
	twice = psm__json_tree_close(&r->tree, r->prev_end);
	r->last = PSM__JSON_READ_VALUE;
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
	struct psm__json_doc *doc = r->tree.doc;
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
	                         psm__json_tree_around(&r->tree), r->err);
}

/* Of a short text every bracket and comma is counted, also those in strings:
 * that may be too many, but takes no time. */
#define SHORT_TEXT 4000

#ifdef __SSE2__
/* In blocks of sixteen, fewer than 256 of them; *done: the bytes of these. */
static size_t
count_blocks(const char *text, size_t len, size_t *done)
{
	const __m128i none = _mm_setzero_si128();
	__m128i sum = none, block, marks;
	size_t i;

	for (i = 0; len - i >= 16; i += 16) {
		block =
		    _mm_loadu_si128((const __m128i *)(const void *)(text + i));
		marks = _mm_or_si128(
		    _mm_cmpeq_epi8(block, _mm_set1_epi8(',')),
		    _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('[')),
		                 _mm_cmpeq_epi8(block, _mm_set1_epi8('{'))));
		sum = _mm_sub_epi8(sum, marks); /* a mark is -1 */
	}
	*done = i;
	sum = _mm_sad_epu8(sum, none);
	return (size_t)_mm_cvtsi128_si32(sum) +
	       (size_t)_mm_cvtsi128_si32(_mm_srli_si128(sum, 8));
}
#endif

static size_t
most_values(const char *text, size_t len)
{
	size_t count = 1, i = 0;

#ifdef __SSE2__
	count += count_blocks(text, len, &i);
#endif
	for (; i < len; i++)
		count += (size_t)((text[i] == ',') | (text[i] == '[') |
		                  (text[i] == '{'));
	return count;
}

static int
explain(struct reader *r, const char *text, size_t len)
{
	struct psm__json_scan scan;

	psm__json_scan(text, len, &scan);
	r->escapes = scan.escapes;
	return run_yajl(r, &scan);
}

static int
read_document(const char *text, size_t len, int by_yajl, psm_json **out,
              psm_error *err)
{
	struct reader r = {.err = err};
	struct psm__json_scan scan = {0};
	struct psm__json_doc *doc;
	int rc;

	if (len <= SHORT_TEXT)
		scan.values = most_values(text, len);
	else
		psm__json_scan(text, len, &scan);
	doc = make_document(text, len, scan.values);
	if (!doc)
		return psm__nomem(err);
	psm__json_tree_begin(&r.tree, doc, scan.values);
	rc = !by_yajl && psm__json_build(&r.tree) ? 0 : explain(&r, text, len);
	if (rc < 0) {
		psm__free(doc);
		return rc;
	}
	*out = &doc->value[0];
	return 0;
}

static int
parse(const char *text, size_t len, int by_yajl, psm_json **out, psm_error *err)
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
	return read_document(text, len, by_yajl, out, err);
}

int
psm_json_parse(const char *text, size_t len, psm_json **out, psm_error *err)
{
	return parse(text, len, 0, out, err);
}

int
psm__json_parse_by_yajl(const char *text, size_t len, psm_json **out,
                        psm_error *err)
{
	return parse(text, len, 1, out, err);
}
