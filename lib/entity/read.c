/* SPDX-License-Identifier: BSD-2-Clause */
/* From JSON into rows: one pass over the members, all faults of them. */
#include <stdio.h>
#include <string.h>

#include "entity/fault.h"
#include "entity/shape.h"
#include "json/json.h"

struct reader {
	struct psm__row *row;
	enum psm__reading how;
	unsigned writer;
	const char *prefix;
	int faults;
	psm_error *err;
};

/* One fault more; the reading goes on. */
static int
fault(struct reader *rd, const char *name, const char *below, const psm_json *v,
      const char *what)
{
	char pointer[256];

	(void)snprintf(pointer, sizeof(pointer), "%s/%s%s", rd->prefix, name,
	               below);
	psm__fault(rd->err, psm__json_position(v), pointer, name, what);
	rd->faults++;
	return 1;
}

static const char *
found(const psm_json *v)
{
	return psm_json_kind_name(psm_json_kind(v));
}

static int
want(struct reader *rd, const struct psm_entity_field *f, const char *below,
     const psm_json *v, const char *wanted)
{
	char what[256];

	(void)snprintf(what, sizeof(what), "want %s, found %s", wanted,
	               found(v));
	return fault(rd, f->name, below, v, what);
}

static int
is_record(const struct reader *rd)
{
	return rd->how == PSM__READ_RECORD;
}

/* Take text for the column; what it says now tells whether that is a change. Of
 * json is_stored() has told already. */
static int
store(struct reader *rd, int column, char *text)
{
	struct psm__row *r = rd->row;
	const char *old = r->value[column];
	int same =
	    old == NULL || text == NULL ? old == text : strcmp(old, text) == 0;

	if (same) {
		psm__free(text);
		return 0;
	}
	psm__free(r->value[column]);
	r->value[column] = text;
	r->modified[column] |= !is_record(rd);
	return 0;
}

/* What psm__value_read() made of a value of JSON. */
static int
settle(struct reader *rd, int column, const psm_json *v, int rc, char *text,
       const char *what)
{
	if (rc < 0)
		return psm__nomem(rd->err);
	if (rc > 0)
		return fault(rd, rd->row->entity->fields[column].name, "", v,
		             what);
	return store(rd, column, text);
}

static int
null_value(struct reader *rd, int column, const psm_json *v)
{
	const struct psm_entity_field *f = &rd->row->entity->fields[column];

	if (rd->how == PSM__READ_PUT || rd->how == PSM__READ_NEW)
		return 0;
	if (rd->how == PSM__READ_MERGE &&
	    (f->flags & (PSM__REQUIRED | PSM__NOT_NULL | PSM__STAYS)))
		return want(rd, f, "", v, "a value");
	rd->row->given[column] = 1;
	return store(rd, column, NULL);
}

static int
number_value(struct reader *rd, int column, const psm_json *v)
{
	const struct psm_entity_field *f = &rd->row->entity->fields[column];
	char *text = NULL, what[256];
	int64_t n = 0;
	int fits, rc;

	if (psm_json_kind(v) != PSM_JSON_NUMBER)
		return want(rd, f, "", v, "a whole number");
	fits = psm_json_get_int(v, &n, NULL) == 0;
	if (fits && n == 0 && psm__zero_is_none(f) &&
	    (rd->how == PSM__READ_PUT || rd->how == PSM__READ_NEW))
		return null_value(rd, column, v);
	if (is_record(rd) && f->type == PSM__T_INTEGER && fits &&
	    n >= INT32_MIN && n <= INT32_MAX) {
		/* A range is for those who write now. */
		const struct psm_entity_field any = {.least = n, .most = n};

		rc = psm__value_integer(&any, 1, n, &text, what, sizeof(what));
	} else {
		rc = psm__value_integer(f, fits, n, &text, what, sizeof(what));
	}
	return settle(rd, column, v, rc, text, what);
}

static int
boolean_value(struct reader *rd, int column, const psm_json *v)
{
	char *text;
	int flag;

	if (psm_json_get_bool(v, &flag, NULL) < 0)
		return want(rd, &rd->row->entity->fields[column], "", v,
		            "true or false");
	text = psm__strdup(flag ? "t" : "f");
	return text == NULL ? psm__nomem(rd->err) : store(rd, column, text);
}

/* What a text is called in messages. */
static const char *
text_kind(const struct psm_entity_field *f)
{
	switch ((enum psm__type)f->type) {
	case PSM__T_DATE:
		return "a date YYYY-MM-DD";
	case PSM__T_TIME:
		return "a time HH:MM or HH:MM:SS";
	case PSM__T_TIMESTAMP:
		return "a time YYYY-MM-DDTHH:MM:SSZ";
	default:
		return "text";
	}
}

static int
word_wanted(struct reader *rd, const struct psm_entity_field *f,
            const psm_json *v)
{
	char words[160];

	psm__want_word(f->words, words, sizeof(words));
	return want(rd, f, "", v, words);
}

/* The empty text as the platform's PUT has it. */
static int
clears(const struct reader *rd, const struct psm_entity_field *f,
       const char *text)
{
	return rd->how == PSM__READ_PUT && text[0] == '\0' &&
	       f->type != PSM__T_TEXT &&
	       (f->flags & (PSM__REQUIRED | PSM__NOT_NULL | PSM__STAYS)) == 0;
}

/* What a form left blank: in a registration that is as if it were not there. */
static int
is_left_blank(const struct reader *rd, const struct psm_entity_field *f,
              const psm_json *v)
{
	return rd->how == PSM__READ_NEW && rd->writer == PSM__W_IMPORT_CREATE &&
	       (f->flags & PSM__REQUIRED) == 0 &&
	       (f->type == PSM__T_DATE || f->type == PSM__T_ENUM) &&
	       psm_json_kind(v) == PSM_JSON_STRING &&
	       psm__text_is_blank(psm_json_string(v));
}

static int
text_value(struct reader *rd, int column, const psm_json *v)
{
	const struct psm_entity_field *f = &rd->row->entity->fields[column];
	const char *given = psm_json_string(v);
	char *text = NULL, what[256];
	int rc;

	if (given == NULL && f->type == PSM__T_ENUM)
		return word_wanted(rd, f, v);
	if (given == NULL)
		return want(rd, f, "", v, text_kind(f));
	if (clears(rd, f, given))
		return store(rd, column, NULL);
	if (is_record(rd) && f->type == PSM__T_TEXT) {
		text = psm__strdup(given);
		rc = text != NULL ? 0 : PSM_ERR_NOMEM;
	} else if (!is_record(rd) && (f->flags & PSM__REQUIRED) &&
	           f->type == PSM__T_TEXT && psm__text_is_blank(given)) {
		rc = 1;
		(void)snprintf(what, sizeof(what),
		               "want a value that is not blank, found %s",
		               given[0] ? "blanks" : "an empty text");
	} else {
		rc = psm__value_read(f, given, &text, what, sizeof(what));
	}
	return settle(rd, column, v, rc, text, what);
}

static int
item_fault(struct reader *rd, const struct psm_entity_field *f,
           const psm_json *item, size_t i)
{
	const char *text = psm_json_string(item);
	char what[256], below[24], other[64];

	(void)snprintf(below, sizeof(below), "/%zu", i);
	if (f->item != PSM__T_ENUM)
		return want(rd, f, below, item,
		            f->item == PSM__T_TEXT ? "text" : "a whole number");
	if (text == NULL)
		return want(rd, f, below, item, "a word of its list");
	psm__found_text(f->words, text, other, sizeof(other));
	(void)snprintf(what, sizeof(what), "want a word of its list, found %s",
	               other);
	return fault(rd, f->name, below, item, what);
}

static int
item_does(const struct psm_entity_field *f, const psm_json *item)
{
	int64_t n;

	switch ((enum psm__type)f->item) {
	case PSM__T_ENUM:
		return psm__word_index(f->words, psm_json_string(item)) >= 0;
	case PSM__T_TEXT:
		return psm_json_string(item) != NULL;
	case PSM__T_INTEGER:
		return psm_json_get_int(item, &n, NULL) == 0;
	default:
		return 1;
	}
}

static void
check_items(struct reader *rd, const struct psm_entity_field *f,
            const psm_json *v)
{
	size_t count = psm_json_count(v);
	char what[128];

	for (size_t i = 0; f->item != PSM__T_ANY && i < count; i++) {
		if (!item_does(f, psm_json_item(v, i)))
			item_fault(rd, f, psm_json_item(v, i), i);
	}
	if (is_record(rd) || f->most == 0 ||
	    (count >= (size_t)f->least && count <= (size_t)f->most))
		return;
	(void)snprintf(what, sizeof(what), "want %lld to %lld items, found %zu",
	               (long long)f->least, (long long)f->most, count);
	fault(rd, f->name, "", v, what);
}

struct shaped {
	struct reader *rd;
	const struct psm_entity_field *f;
};

static void
shape_fault(void *user, const char *below, const psm_json *v, const char *what)
{
	const struct shaped *s = user;

	fault(s->rd, s->f->name, below, v, what);
}

static int
json_value(struct reader *rd, int column, const psm_json *v, int kind)
{
	const struct psm_entity_field *f = &rd->row->entity->fields[column];
	int before = rd->faults;
	const char *text;
	char *copy;
	size_t len;

	if (psm_json_kind(v) != kind)
		return want(rd, f, "", v, psm_json_kind_name(kind));
	if (kind == PSM_JSON_ARRAY)
		check_items(rd, f, v);
	if (f->form != PSM__FORM_FREE && !is_record(rd))
		psm__shape_check(f->form, v, shape_fault,
		                 &(struct shaped){rd, f});
	if (rd->faults > before)
		return 1;
	text = psm_json_text(v, &len);
	copy = psm__strndup(text, len);
	return copy == NULL ? psm__nomem(rd->err) : store(rd, column, copy);
}

/* Is this what the column holds? 1, 0 or an error. Of numbers and booleans
 * nothing that is stored can be a fault. */
static int
is_stored(struct reader *rd, int column, const psm_json *v)
{
	const char *old = rd->row->value[column], *text;
	char *copy;
	size_t len;
	int rc;

	if (old == NULL || is_record(rd))
		return 0;
	text = psm_json_string(v);
	if (!psm__field_is_json(&rd->row->entity->fields[column]))
		return text != NULL && strcmp(text, old) == 0;
	text = psm_json_text(v, &len);
	copy = psm__strndup(text, len);
	if (copy == NULL)
		return psm__nomem(rd->err);
	/* Not into err: it has the faults so far. */
	rc = psm__text_same_json(old, copy, NULL);
	psm__free(copy);
	return rc == PSM_ERR_NOMEM ? psm__nomem(rd->err) : rc > 0;
}

/* 0, 1 for a fault, or an error. */
static int
read_value(struct reader *rd, int column, const psm_json *v)
{
	int rc;

	if (v == NULL || psm_json_kind(v) == PSM_JSON_NULL ||
	    is_left_blank(rd, &rd->row->entity->fields[column], v))
		return null_value(rd, column, v);
	rd->row->given[column] = 1;
	rc = is_stored(rd, column, v);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	switch ((enum psm__type)rd->row->entity->fields[column].type) {
	case PSM__T_INTEGER:
	case PSM__T_BIGINT:
		return number_value(rd, column, v);
	case PSM__T_NUMERIC:
		return json_value(rd, column, v, PSM_JSON_NUMBER);
	case PSM__T_BOOLEAN:
		return boolean_value(rd, column, v);
	case PSM__T_TEXT:
	case PSM__T_ENUM:
	case PSM__T_DATE:
	case PSM__T_TIME:
	case PSM__T_TIMESTAMP:
		return text_value(rd, column, v);
	case PSM__T_OBJECT:
		return json_value(rd, column, v, PSM_JSON_OBJECT);
	case PSM__T_ARRAY:
		return json_value(rd, column, v, PSM_JSON_ARRAY);
	case PSM__T_ANY: /* only items are that */
		break;
	}
	return 0;
}

/* A key as one step of an RFC 6901 pointer, cut. */
static void
escape(const char *key, char *text, size_t size)
{
	size_t n = 0;

	for (; *key != '\0' && n + 3 < size; key++) {
		if (*key == '~' || *key == '/') {
			text[n++] = '~';
			text[n++] = *key == '~' ? '0' : '1';
		} else {
			text[n++] = *key;
		}
	}
	text[n] = '\0';
}

/* A member that the writer may not write, or that is no column. */
static void
stranger(struct reader *rd, const char *key, int column, const psm_json *v)
{
	char pointer[256], name[128], what[128];

	if (rd->how != PSM__READ_MERGE)
		return;
	escape(key, name, sizeof(name));
	(void)snprintf(pointer, sizeof(pointer), "%s/%s", rd->prefix, name);
	(void)snprintf(what, sizeof(what),
	               column < 0 ? "want a column of %s, found no such"
	                          : "want a column that a person may write, "
	                            "found one of the system",
	               rd->row->entity->name);
	/* The key of a stranger may be anything: the message does without. */
	psm__fault(rd->err, psm__json_position(v), pointer,
	           column < 0 ? "" : rd->row->entity->fields[column].name,
	           what);
	rd->faults++;
}

static int
may_write(const struct reader *rd, int column)
{
	return rd->how == PSM__READ_RECORD || rd->how == PSM__READ_PART ||
	       (rd->row->entity->fields[column].writers & rd->writer) != 0;
}

static int
read_members(struct reader *rd, const psm_json *obj)
{
	const psm_json *v = psm_json_item(obj, 0); /* the others follow it */
	size_t count = psm_json_count(obj);
	int next = 0, column, rc;

	for (size_t i = 0; i < count; i++, v++) {
		const char *key = psm__json_key(v);

		column =
		    psm__column_of(rd->row->entity, key, v->key_hash, next);
		if (column < 0 || !may_write(rd, column)) {
			stranger(rd, key, column, v);
			continue;
		}
		next = column + 1;
		rc = read_value(rd, column, v);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Nothing stands where a value must be. */
static int
check_required(struct reader *rd, const psm_json *obj)
{
	const struct psm_entity *e = rd->row->entity;
	char what[256], words[160];

	for (size_t i = 0; i < e->count; i++) {
		const struct psm_entity_field *f = &e->fields[i];
		const char *wanted;

		if ((f->flags & PSM__REQUIRED) == 0 ||
		    rd->row->value[i] != NULL || rd->row->given[i])
			continue;
		wanted = text_kind(f);
		if (f->type == PSM__T_ENUM) {
			psm__want_word(f->words, words, sizeof(words));
			wanted = words;
		} else if (f->type == PSM__T_INTEGER) {
			wanted = "a whole number";
		}
		(void)snprintf(what, sizeof(what), "want %s, found nothing",
		               wanted);
		fault(rd, f->name, "", obj, what);
	}
	return psm__row_defaults(rd->row, rd->err);
}

int
psm__row_read(struct psm__row *r, const psm_json *obj, enum psm__reading how,
              unsigned writer, const char *prefix, psm_error *err)
{
	struct reader rd = {r, how, writer, prefix, 0, err};
	int rc;

	memset(r->given, 0, r->entity->count);
	if (psm_json_kind(obj) != PSM_JSON_OBJECT) {
		psm__fault(err, psm__json_position(obj), prefix, "",
		           "want an object of columns, found another value");
		return PSM_ERR_SCHEMA;
	}
	rc = read_members(&rd, obj);
	if (rc == 0 && how == PSM__READ_NEW)
		rc = check_required(&rd, obj);
	if (rc < 0)
		return rc;
	return rd.faults > 0 ? PSM_ERR_SCHEMA : psm__row_modified(r);
}

int
psm__row_read_value(struct psm__row *r, int column, const psm_json *v,
                    enum psm__reading how, const char *prefix, psm_error *err)
{
	struct reader rd = {r, how, 0, prefix, 0, err};
	int rc = read_value(&rd, column, v);

	return rc > 0 ? PSM_ERR_SCHEMA : rc;
}

int
psm__row_check(const struct psm__row *r, const struct psm__now *now,
               const char *prefix, psm_error *err)
{
	return r->entity->check != NULL ? r->entity->check(r, now, prefix, err)
	                                : 0;
}
