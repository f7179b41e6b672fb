/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pass without a tree. yajl is shown the text without the insides of its
 * strings, which the scan has checked: it then has half as much to walk over,
 * and what it says of the grammar is the same.
 */
#include <yajl/yajl_parse.h>

#include "json/json.h"

struct pass {
	const struct psm__json_pass_ops *ops;
	void *user;
	yajl_handle yajl;
	const char *text;
	const char *shown;                     /* to yajl */
	const struct psm__json_string *string; /* the next one */
	size_t left_out;                       /* bytes, up to here */
};

/* Where yajl is, as an offset in the text. */
static size_t
here(const struct pass *p)
{
	return yajl_get_bytes_consumed(p->yajl) + p->left_out;
}

/* yajl tells of the strings one after the other, as the scan has found them. */
static const struct psm__json_string *
take_string(struct pass *p)
{
	p->left_out += p->string->len;
	return p->string++;
}

static int
on_null(void *ctx)
{
	struct pass *p = ctx;

	return p->ops->word(p->user, PSM_JSON_NULL);
}

static int
on_bool(void *ctx, int value)
{
	struct pass *p = ctx;

	(void)value;
	return p->ops->word(p->user, PSM_JSON_BOOL);
}

static int
on_number(void *ctx, const char *shown, size_t len)
{
	struct pass *p = ctx;
	size_t at = (size_t)(shown - p->shown) + p->left_out;

	return p->ops->number(p->user, p->text + at, len);
}

static int
on_string(void *ctx, const unsigned char *shown, size_t len)
{
	struct pass *p = ctx;
	const struct psm__json_string *s = take_string(p);

	(void)shown;
	(void)len;
	return p->ops->string(p->user, p->text + s->at, s->len, s->escaped);
}

static int
on_key(void *ctx, const unsigned char *shown, size_t len)
{
	struct pass *p = ctx;
	const struct psm__json_string *s = take_string(p);

	(void)shown;
	(void)len;
	return p->ops->key(p->user, p->text + s->at, s->len, s->escaped);
}

static int
on_map(void *ctx)
{
	struct pass *p = ctx;

	return p->ops->begin(p->user, PSM_JSON_OBJECT, here(p) - 1);
}

static int
on_array(void *ctx)
{
	struct pass *p = ctx;

	return p->ops->begin(p->user, PSM_JSON_ARRAY, here(p) - 1);
}

static int
on_map_end(void *ctx)
{
	struct pass *p = ctx;

	return p->ops->end(p->user, PSM_JSON_OBJECT, here(p));
}

static int
on_array_end(void *ctx)
{
	struct pass *p = ctx;

	return p->ops->end(p->user, PSM_JSON_ARRAY, here(p));
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_bool,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_map_end,
    .yajl_start_array = on_array,
    .yajl_end_array = on_array_end,
};

int
psm__json_pass(const char *text, size_t len,
               const struct psm__json_pass_ops *ops, void *user)
{
	struct psm__json_squeezed shown; /* neither needs a first value */
	struct psm__json_arena arena;
	yajl_alloc_funcs funcs = {psm__json_arena_alloc,
	                          psm__json_arena_realloc, psm__json_arena_free,
	                          &arena};
	struct pass p = {.ops = ops,
	                 .user = user,
	                 .text = text,
	                 .shown = shown.text,
	                 .string = shown.strings};

	if (len > PSM__JSON_MAX_BYTES || !psm__json_squeeze(text, len, &shown))
		return 0;
	arena.used = 0;
	p.yajl = yajl_alloc(&callbacks, &funcs, &p);
	/* The scan has checked the strings, and more strictly. */
	(void)yajl_config(p.yajl, yajl_dont_validate_strings, 1);
	return yajl_parse(p.yajl, (const unsigned char *)shown.text,
	                  shown.len) == yajl_status_ok &&
	       yajl_complete_parse(p.yajl) == yajl_status_ok;
}
