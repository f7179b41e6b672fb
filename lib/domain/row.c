/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/domain.h"

int
psm__row_init(struct psm__row *r, const struct psm__entity *e, psm_error *err)
{
	memset(r, 0, sizeof(*r));
	r->entity = e;
	r->value = psm__alloc(e->count * sizeof(*r->value));
	r->modified = psm__alloc(e->count);
	if (r->value == NULL || r->modified == NULL) {
		psm__row_free(r);
		return psm__nomem(err);
	}
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
	psm__free(r->modified);
	memset(r, 0, sizeof(*r));
}

size_t
psm__row_index(const struct psm__row *r, const char *column)
{
	const struct psm__entity_field *f;

	f = psm__entity_find(r->entity, column);
	assert(f != NULL);
	return (size_t)(f - r->entity->fields);
}

const char *
psm__row_get(const struct psm__row *r, const char *column)
{
	return r->value[psm__row_index(r, column)];
}

int
psm__row_set(struct psm__row *r, size_t i, const char *text, psm_error *err)
{
	char *copy = NULL;

	if (text != NULL) {
		copy = psm__strdup(text);
		if (copy == NULL)
			return psm__nomem(err);
	}
	psm__free(r->value[i]);
	r->value[i] = copy;
	return 0;
}

int
psm__row_put(struct psm__row *r, size_t i, const char *text, char *what,
             size_t size)
{
	char *tidy;
	int rc =
	    psm__value_tidy(&r->entity->fields[i], text, &tidy, what, size);

	if (rc != 0)
		return rc;
	psm__free(r->value[i]);
	r->value[i] = tidy;
	return 0;
}

int
psm__row_set_named(struct psm__row *r, const char *column, const char *text,
                   psm_error *err)
{
	return psm__row_set(r, psm__row_index(r, column), text, err);
}

static int
is_type(const struct psm__entity_field *f, const char *type)
{
	return strcmp(f->json_type, type) == 0;
}

static int
is_json(const struct psm__entity_field *f)
{
	return is_type(f, "object") || is_type(f, "array");
}

static int
refuse(const struct psm__entity_field *f, const psm_json *v, const char *prefix,
       const char *what, psm_error *err)
{
	char pointer[256];

	snprintf(pointer, sizeof(pointer), "%s/%s", prefix, f->name);
	psm__fail_at(err, PSM_ERR_SCHEMA, psm__json_position(v), "%s: %s",
	             f->name, what);
	psm__error_pointer(err, pointer);
	return PSM_ERR_SCHEMA;
}

/* A value of the right kind is not told by its kind. */
static const char *
found(const psm_json *v)
{
	const char *text = psm_json_string(v);

	if (text != NULL)
		return psm__text_is_blank(text) ? "blanks" : "another text";
	return psm_json_kind(v) == PSM_JSON_NUMBER
	           ? "another number"
	           : psm_json_kind_name(psm_json_kind(v));
}

static int
wanted(const struct psm__entity_field *f, const psm_json *v, const char *prefix,
       const char *want, psm_error *err)
{
	char what[320];

	snprintf(what, sizeof(what), "want %s, found %s", want,
	         psm_json_kind_name(psm_json_kind(v)));
	return refuse(f, v, prefix, what, err);
}

static int
wanted_other(const struct psm__entity_field *f, const psm_json *v,
             const char *prefix, const char *want, psm_error *err)
{
	char what[320];

	snprintf(what, sizeof(what), "want %s, found %s", want, found(v));
	return refuse(f, v, prefix, what, err);
}

/* No list of an entity's words is longer than this has room for. */
static int
wanted_word(const struct psm__entity_field *f, const psm_json *v,
            const char *prefix, psm_error *err)
{
	char what[256] = "one of ";
	size_t used = strlen(what);

	for (size_t i = 0; f->words[i] != NULL && used < sizeof(what); i++)
		used += (size_t)snprintf(what + used, sizeof(what) - used,
		                         "%s%s", i ? ", " : "", f->words[i]);
	return wanted_other(f, v, prefix, what, err);
}

static int
set_text(struct psm__row *r, size_t i, const psm_json *v, const char *prefix,
         psm_error *err)
{
	const struct psm__entity_field *f = &r->entity->fields[i];
	const char *text = psm_json_string(v);
	int word;

	if (text == NULL)
		return wanted(f, v, prefix, "text", err);
	if (f->words != NULL) {
		word = psm__word_index(f->words, text);
		if (word < 0)
			return wanted_word(f, v, prefix, err);
		/* The list's own spelling is the database's. */
		text = f->words[word];
	}
	if (is_type(f, "date") && !psm__is_date(text))
		return wanted_other(f, v, prefix, "a day as YYYY-MM-DD", err);
	return psm__row_set(r, i, text, err);
}

static int
set_integer(struct psm__row *r, size_t i, const psm_json *v, const char *prefix,
            psm_error *err)
{
	char text[24];
	int64_t n;

	/* SQL type integer. */
	if (psm_json_get_int(v, &n, NULL) < 0 || n < INT32_MIN || n > INT32_MAX)
		return wanted_other(&r->entity->fields[i], v, prefix,
		                    "a whole number of 32 bits", err);
	snprintf(text, sizeof(text), "%lld", (long long)n);
	return psm__row_set(r, i, text, err);
}

static int
set_document(struct psm__row *r, size_t i, const psm_json *v,
             const char *prefix, psm_error *err)
{
	const struct psm__entity_field *f = &r->entity->fields[i];
	int kind = is_type(f, "array") ? PSM_JSON_ARRAY : PSM_JSON_OBJECT;
	const char *text;
	char *copy;
	size_t len;

	if (psm_json_kind(v) != kind)
		return wanted(f, v, prefix, psm_json_kind_name(kind), err);
	for (size_t n = 0; f->words != NULL && n < psm_json_count(v); n++) {
		text = psm_json_string(psm_json_item(v, n));
		if (psm__word_index(f->words, text) < 0)
			return wanted_other(f, psm_json_item(v, n), prefix,
			                    "words of its list", err);
	}
	text = psm_json_text(v, &len);
	copy = psm__strndup(text, len);
	if (copy == NULL)
		return psm__nomem(err);
	psm__free(r->value[i]);
	r->value[i] = copy;
	return 0;
}

int
psm__row_set_json(struct psm__row *r, size_t i, const psm_json *v,
                  const char *prefix, psm_error *err)
{
	const struct psm__entity_field *f = &r->entity->fields[i];
	int flag;

	if (v == NULL || psm_json_kind(v) == PSM_JSON_NULL)
		return psm__row_set(r, i, NULL, err);
	if (is_json(f))
		return set_document(r, i, v, prefix, err);
	if (is_type(f, "integer"))
		return set_integer(r, i, v, prefix, err);
	if (is_type(f, "boolean")) {
		if (psm_json_get_bool(v, &flag, NULL) < 0)
			return wanted(f, v, prefix, "true or false", err);
		return psm__row_set(r, i, flag ? "t" : "f", err);
	}
	return set_text(r, i, v, prefix, err);
}

int
psm__row_check(struct psm__row *r, size_t i, const psm_json *v,
               const char *prefix, psm_error *err)
{
	const struct psm__entity_field *f = &r->entity->fields[i];
	char what[128];
	int rc;

	if (f->required && psm__text_is_blank(r->value[i]))
		return wanted_other(f, v, prefix, "a value that is not blank",
		                    err);
	if (r->value[i] == NULL || f->max_len == 0)
		return 0;
	rc = psm__row_put(r, i, r->value[i], what, sizeof(what));
	if (rc < 0)
		return psm__nomem(err);
	return rc == 0 ? 0 : refuse(f, v, prefix, what, err);
}

int
psm__row_from_json(struct psm__row *r, const psm_json *obj, const char *prefix,
                   psm_error *err)
{
	const struct psm__entity_field *f;
	int rc;

	if (psm_json_kind(obj) != PSM_JSON_OBJECT) {
		psm__fail_at(err, PSM_ERR_SCHEMA, psm__json_position(obj),
		             "want an object of columns");
		psm__error_pointer(err, prefix);
		return PSM_ERR_SCHEMA;
	}
	for (size_t i = 0; i < psm_json_count(obj); i++) {
		f = psm__entity_find(r->entity, psm_json_key(obj, i));
		if (f == NULL)
			continue;
		rc = psm__row_set_json(r, (size_t)(f - r->entity->fields),
		                       psm_json_item(obj, i), prefix, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
write_document(psm_json_writer *w, const char *text, psm_error *err)
{
	psm_json *doc = NULL;
	int rc;

	rc = psm_json_parse(text, strlen(text), &doc, err);
	if (rc == 0)
		psm_json_write_value(w, doc);
	psm_json_free(doc);
	return rc;
}

int
psm__row_write(const struct psm__row *r, int all, psm_json_writer *w,
               psm_error *err)
{
	const struct psm__entity_field *f;
	const char *text;
	int rc = 0;

	psm_json_write_object(w);
	for (size_t i = 0; i < r->entity->count && rc == 0; i++) {
		f = &r->entity->fields[i];
		text = r->value[i];
		if (text == NULL && !all)
			continue;
		psm_json_write_key(w, f->name);
		if (text == NULL)
			psm_json_write_null(w);
		else if (is_json(f))
			rc = write_document(w, text, err);
		else if (is_type(f, "integer"))
			psm_json_write_int(w, strtoll(text, NULL, 10));
		else if (is_type(f, "boolean"))
			psm_json_write_bool(w, text[0] == 't');
		else
			psm_json_write_string(w, text);
	}
	psm_json_write_end(w);
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
psm__row_same(const struct psm__row *a, const struct psm__row *b, size_t i,
              psm_error *err)
{
	const char *x = a->value[i], *y = b->value[i];
	psm_json *left = NULL, *right = NULL;
	int rc;

	if (x == NULL || y == NULL)
		return x == y;
	if (strcmp(x, y) == 0)
		return 1;
	if (!is_json(&a->entity->fields[i]))
		return 0;
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
psm__row_is_empty(const struct psm__row *r, size_t i)
{
	const char *text = r->value[i];
	char brackets[3] = "";
	size_t len = 0;

	if (psm__text_is_blank(text))
		return 1;
	if (!is_json(&r->entity->fields[i]))
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
