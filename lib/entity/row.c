/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "entity/entity.h"

int
psm__row_init(struct psm__row *r, const struct psm_entity *e, psm_error *err)
{
	/* The marks of a column stand behind the texts, in the same block. */
	size_t texts = e->count * sizeof(*r->value);
	char *block = psm__alloc(texts + 2 * e->count);

	memset(r, 0, sizeof(*r));
	if (block == NULL)
		return psm__nomem(err);
	r->entity = e;
	r->value = (char **)(void *)block;
	r->modified = block + texts;
	r->given = r->modified + e->count;
	return 0;
}

void
psm__row_free(struct psm__row *r)
{
	if (r->value != NULL) {
		for (size_t i = 0; i < r->entity->count; i++)
			psm__free(r->value[i]);
	}
	psm__free(r->value);
	memset(r, 0, sizeof(*r));
}

const char *
psm__row_get(const struct psm__row *r, int column)
{
	return r->value[column];
}

int64_t
psm__row_int(const struct psm__row *r, int column)
{
	return r->value[column] != NULL ? strtoll(r->value[column], NULL, 10)
	                                : 0;
}

int
psm__row_set(struct psm__row *r, int column, const char *text, psm_error *err)
{
	char *copy = NULL;

	if (text != NULL) {
		copy = psm__strdup(text);
		if (copy == NULL)
			return psm__nomem(err);
	}
	psm__free(r->value[column]);
	r->value[column] = copy;
	return 0;
}

int
psm__row_change(struct psm__row *r, int column, const char *text,
                psm_error *err)
{
	const char *old = r->value[column];
	int rc;

	if (old == NULL ? text == NULL : text != NULL && strcmp(old, text) == 0)
		return 0;
	rc = psm__row_set(r, column, text, err);
	if (rc == 0)
		r->modified[column] = 1;
	return rc;
}

int
psm__row_defaults(struct psm__row *r, psm_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < r->entity->count && rc == 0; i++) {
		if (r->value[i] == NULL && r->entity->fields[i].preset != NULL)
			rc = psm__row_change(r, (int)i,
			                     r->entity->fields[i].preset, err);
	}
	return rc;
}

int
psm__row_stamp(struct psm__row *r, int is_new, const struct psm__now *now,
               psm_error *err)
{
	unsigned flag = is_new ? PSM__CREATED : PSM__UPDATED;
	int rc = 0;

	for (size_t i = 0; i < r->entity->count && rc == 0; i++) {
		const struct psm_entity_field *f = &r->entity->fields[i];

		if (f->flags & flag)
			rc = psm__row_change(r, (int)i,
			                     f->type == PSM__T_DATE
			                         ? now->today
			                         : now->timestamp,
			                     err);
	}
	return rc;
}

static int same_value(const psm_json *a, const psm_json *b);

static int
same_number(const psm_json *a, const psm_json *b)
{
	int64_t i, j;
	double x, y;

	if (psm_json_get_int(a, &i, NULL) == 0 &&
	    psm_json_get_int(b, &j, NULL) == 0)
		return i == j;
	if (psm_json_get_double(a, &x, NULL) == 0 &&
	    psm_json_get_double(b, &y, NULL) == 0)
		return x == y;
	return psm_json_equal(a, b);
}

static int
same_member(const psm_json *a, size_t i, const psm_json *b)
{
	const char *key = psm_json_key(a, i);

	for (size_t j = 0; j < psm_json_count(b); j++) {
		if (strcmp(key, psm_json_key(b, j)) == 0)
			return same_value(psm_json_item(a, i),
			                  psm_json_item(b, j));
	}
	return 0;
}

/*
 * Not psm_json_equal(): that compares numbers as they are written, but jsonb
 * gives 1e2 back as 100, and such a value must not look changed for ever. The
 * reader bounds the depth, hence the recursion.
 */
static int
same_value(const psm_json *a, const psm_json *b)
{
	int kind = psm_json_kind(a);

	if (kind != psm_json_kind(b) || psm_json_count(a) != psm_json_count(b))
		return 0;
	if (kind == PSM_JSON_NUMBER)
		return same_number(a, b);
	if (kind != PSM_JSON_ARRAY && kind != PSM_JSON_OBJECT)
		return psm_json_equal(a, b);
	for (size_t i = 0; i < psm_json_count(a); i++) {
		if (kind == PSM_JSON_ARRAY
		        ? !same_value(psm_json_item(a, i), psm_json_item(b, i))
		        : !same_member(a, i, b))
			return 0;
	}
	return 1;
}

int
psm__text_same_json(const char *x, const char *y, psm_error *err)
{
	psm_json *left = NULL, *right = NULL;
	int rc;

	rc = psm_json_parse(x, strlen(x), &left, err);
	if (rc == 0)
		rc = psm_json_parse(y, strlen(y), &right, err);
	if (rc == 0)
		rc = same_value(left, right);
	psm_json_free(left);
	psm_json_free(right);
	return rc;
}

int
psm__field_is_json(const struct psm_entity_field *f)
{
	return f->type == PSM__T_OBJECT || f->type == PSM__T_ARRAY ||
	       f->type == PSM__T_NUMERIC;
}

int
psm__row_same(const struct psm__row *a, const struct psm__row *b, int column,
              psm_error *err)
{
	const char *x = a->value[column], *y = b->value[column];

	if (x == NULL || y == NULL)
		return x == y;
	if (strcmp(x, y) == 0)
		return 1;
	return psm__field_is_json(&a->entity->fields[column])
	           ? psm__text_same_json(x, y, err)
	           : 0;
}

int
psm__row_is_empty(const struct psm__row *r, int column)
{
	const char *text = r->value[column];
	char brackets[3] = "";
	size_t len = 0;

	if (psm__text_is_blank(text))
		return 1;
	if (!psm__field_is_json(&r->entity->fields[column]))
		return 0;
	for (; *text; text++) {
		if (strchr(" \t\r\n", *text) != NULL)
			continue;
		if (len == 2)
			return 0;
		brackets[len++] = *text;
	}
	return strcmp(brackets, "[]") == 0 || strcmp(brackets, "{}") == 0;
}

int
psm__row_modified(const struct psm__row *r)
{
	int count = 0;

	for (size_t i = 0; i < r->entity->count; i++)
		count += r->modified[i];
	return count;
}
