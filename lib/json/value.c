/* SPDX-License-Identifier: BSD-2-Clause */
#include "json/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct psm__pos
psm__json_position(const psm_json *v)
{
	if (!v)
		return psm__nowhere;
	return psm__locate(psm__json_doc(v)->text, v->start, v->start);
}

void
psm_json_free(psm_json *v)
{
	if (v)
		psm__free((void *)(uintptr_t)psm__json_doc(v));
}

static int
is_container(const psm_json *v)
{
	return v && (v->kind == PSM_JSON_OBJECT || v->kind == PSM_JSON_ARRAY);
}

int
psm_json_kind(const psm_json *v)
{
	return v ? (int)v->kind : PSM_ERR_INVAL;
}

const char *
psm_json_kind_name(int kind)
{
	static const char *const names[] = {"null",   "boolean", "number",
	                                    "string", "array",   "object"};

	if (kind < 0 || (size_t)kind >= PSM__COUNT(names))
		return NULL;
	return names[kind];
}

size_t
psm_json_count(const psm_json *v)
{
	return is_container(v) ? v->count : 0;
}

const psm_json *
psm_json_item(const psm_json *v, size_t i)
{
	if (!is_container(v) || i >= v->count)
		return NULL;
	return &psm__json_doc(v)->value[v->first + i];
}

const char *
psm_json_key(const psm_json *v, size_t i)
{
	const psm_json *member =
	    v && v->kind == PSM_JSON_OBJECT ? psm_json_item(v, i) : NULL;

	return member ? psm__json_doc(v)->strings + member->key : NULL;
}

/* Does the pointer's token [p, end) name key? "~1" is "/", "~0" is "~". */
static int
names(const char *p, const char *end, const char *key)
{
	for (; p < end && *key; key++) {
		char c = *p++;

		if (c == '~') {
			if (p == end || (*p != '0' && *p != '1'))
				return 0;
			c = *p++ == '1' ? '/' : '~';
		}
		if (c != *key)
			return 0;
	}
	return p == end && !*key;
}

static const psm_json *
member(const psm_json *v, const char *p, const char *end)
{
	char key[128];
	size_t len = (size_t)(end - p), i;

	if (len < sizeof key && !memchr(p, '~', len)) {
		memcpy(key, p, len);
		key[len] = '\0';
		return psm__json_member(v, key);
	}
	for (i = 0; i < v->count; i++)
		if (names(p, end, psm_json_key(v, i)))
			return psm_json_item(v, i);
	return NULL;
}

static const psm_json *
element(const psm_json *v, const char *p, const char *end)
{
	size_t i = 0;

	if (p == end || (*p == '0' && end - p > 1) || end - p > 9)
		return NULL;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9')
			return NULL;
		i = i * 10 + (size_t)(*p - '0');
	}
	return psm_json_item(v, i);
}

const psm_json *
psm_json_at(const psm_json *v, const char *pointer)
{
	if (!pointer)
		return NULL;
	while (v && *pointer) {
		const char *end;

		if (*pointer++ != '/')
			return NULL;
		end = pointer + strcspn(pointer, "/");
		if (v->kind == PSM_JSON_OBJECT)
			v = member(v, pointer, end);
		else
			v = v->kind == PSM_JSON_ARRAY ? element(v, pointer, end)
			                              : NULL;
		pointer = end;
	}
	return v;
}

static int
want(const psm_json *v, const char *wanted, const char *found, psm_error *err)
{
	return psm__fail_at(err, PSM_ERR_SCHEMA, psm__json_position(v),
	                    "want %s, found %s", wanted,
	                    found ? found
	                    : v   ? psm_json_kind_name((int)v->kind)
	                          : "nothing");
}

int
psm_json_get_bool(const psm_json *v, int *out, psm_error *err)
{
	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "psm_json_get_bool: out is NULL");
	if (!v || v->kind != PSM_JSON_BOOL)
		return want(v, "a boolean", NULL, err);
	*out = (int)v->count;
	return 0;
}

int
psm_json_get_int(const psm_json *v, int64_t *out, psm_error *err)
{
	const char *raw;
	int64_t value;
	size_t len;

	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "psm_json_get_int: out is NULL");
	if (!v || v->kind != PSM_JSON_NUMBER)
		return want(v, "an integer", NULL, err);
	raw = psm_json_text(v, &len);
	switch (psm__json_read_integer(raw, len, &value)) {
	case PSM__INTEGER_FITS:
		*out = value;
		return 0;
	case PSM__INTEGER_NONE:
		return want(v, "an integer", "a number with a fraction", err);
	default:
		return want(v, "an integer of 64 bits", "a larger one", err);
	}
}

int
psm_json_get_double(const psm_json *v, double *out, psm_error *err)
{
	double value;

	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "psm_json_get_double: out is NULL");
	if (!v || v->kind != PSM_JSON_NUMBER)
		return want(v, "a number", NULL, err);
	/* What stands behind the number ends it: a bracket, a comma, a blank
	 * or the NUL. */
	if (psm__json_read_double(psm__json_doc(v)->text + v->start, &value) <
	    0)
		return psm__nomem(err);
	if (value - value != 0)
		return want(v, "a number that a double can hold",
		            "a larger one", err);
	*out = value;
	return 0;
}

const char *
psm_json_string(const psm_json *v)
{
	return v && v->kind == PSM_JSON_STRING
	           ? psm__json_doc(v)->strings + v->first
	           : NULL;
}

const char *
psm_json_text(const psm_json *v, size_t *len)
{
	if (len)
		*len = v ? v->len : 0;
	return v ? psm__json_doc(v)->text + v->start : NULL;
}

unsigned
psm_json_line(const psm_json *v)
{
	return psm__json_position(v).line;
}

unsigned
psm_json_column(const psm_json *v)
{
	return psm__json_position(v).column;
}

/* Usually both objects have their members in the same order. */
static const psm_json *
same_member(const psm_json *v, const char *key, size_t guess)
{
	const char *there = psm_json_key(v, guess);

	if (there && strcmp(there, key) == 0)
		return psm_json_item(v, guess);
	return psm__json_member(v, key);
}

static int
same_text(const psm_json *a, const psm_json *b)
{
	size_t la, lb;
	const char *ta = psm_json_text(a, &la), *tb = psm_json_text(b, &lb);

	return la == lb && memcmp(ta, tb, la) == 0;
}

int
psm_json_equal(const psm_json *a, const psm_json *b)
{
	size_t i;

	if (!a || !b || a->kind != b->kind)
		return a == b;
	switch (a->kind) {
	case PSM_JSON_BOOL:
		return a->count == b->count;
	case PSM_JSON_NUMBER:
		return same_text(a, b);
	case PSM_JSON_STRING:
		return strcmp(psm_json_string(a), psm_json_string(b)) == 0;
	case PSM_JSON_ARRAY:
	case PSM_JSON_OBJECT:
		break;
	default:
		return 1;
	}
	if (a->count != b->count)
		return 0;
	for (i = 0; i < a->count; i++) {
		const psm_json *other =
		    a->kind == PSM_JSON_ARRAY
			? psm_json_item(b, i)
			: same_member(b, psm_json_key(a, i), i);

		/* The reader has limited the depth to 64. */
		if (!other || !psm_json_equal(psm_json_item(a, i), other))
			return 0;
	}
	return 1;
}
