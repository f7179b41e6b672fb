/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does a payload follow its row of the catalogue? Runs for every event sent and
 * received, so it allocates nothing and walks table and object side by side:
 * writers put the members in the order of the table.
 *
 * Messages never quote the payload, they only say which kind of value was
 * found.
 */
#include <stdio.h>
#include <string.h>

#include "event/catalogue_int.h"
#include "json/json.h"

/* The path from the checked object to a value, innermost step first. */
struct step {
	const struct step *up;
	const char *name; /* NULL: item number index */
	size_t index;
};

struct check {
	const char *where; /* pointer of the outermost object */
	psm_error *err;
};

/* RFC 6901; the names are the catalogue's and need no escaping. */
static void
put_pointer(const struct check *c, const struct step *at, char *text,
            size_t size)
{
	size_t used;

	if (!at) {
		snprintf(text, size, "%s", c->where);
		return;
	}
	put_pointer(c, at->up, text, size);
	used = strlen(text);
	if (at->name)
		snprintf(text + used, size - used, "/%s", at->name);
	else
		snprintf(text + used, size - used, "/%zu", at->index);
}

static int
refuse(const struct check *c, const struct step *at, const psm_json *v,
       const char *want, const char *found)
{
	char pointer[256];

	put_pointer(c, at, pointer, sizeof pointer);
	psm__fail_at(c->err, PSM_ERR_SCHEMA, psm__json_position(v),
	             "%s: want %s, found %s", pointer[0] ? pointer : "payload",
	             want, found);
	psm__error_pointer(c->err, pointer);
	return PSM_ERR_SCHEMA;
}

static const char *
kind_name(const psm_json *v)
{
	return psm_json_kind_name(psm_json_kind(v));
}

static int
refuse_kind(const struct check *c, const struct step *at, const psm_json *v,
            const char *want)
{
	return refuse(c, at, v, want, kind_name(v));
}

/* "one of aktiv, gesperrt, inaktiv"; a long list by its first words. */
static int
refuse_word(const struct check *c, const struct step *at, const psm_json *v,
            const char *const *words)
{
	char want[160] = "one of ";
	size_t used = strlen(want), i;

	for (i = 0; words[i]; i++) {
		if (used + strlen(words[i]) + 8 > sizeof want) {
			snprintf(want + used, sizeof want - used, ", ...");
			break;
		}
		used += (size_t)snprintf(want + used, sizeof want - used,
		                         "%s%s", i ? ", " : "", words[i]);
	}
	return refuse(c, at, v, want, "another text");
}

static int
check_text(const struct check *c, const struct step *at,
           const psm_catalogue_field_info *f, enum psm__field_type type,
           const psm_json *v)
{
	const char *text = psm_json_string(v);
	int64_t time_us;

	switch (type) {
	case PSM__F_date:
		if (text && psm__is_date(text))
			return 0;
		return refuse(c, at, v, "a date YYYY-MM-DD",
		              text ? "another text" : kind_name(v));
	case PSM__F_time:
		if (text && psm__is_time(text))
			return 0;
		return refuse(c, at, v, "a time HH:MM or HH:MM:SS",
		              text ? "another text" : kind_name(v));
	case PSM__F_datetime:
		if (text &&
		    psm_time_parse(text, strlen(text), &time_us, NULL) == 0)
			return 0;
		return refuse(c, at, v, "a time YYYY-MM-DDTHH:MM:SSZ",
		              text ? "another text" : kind_name(v));
	default:
		if (!text)
			return refuse_kind(c, at, v, "string");
		if (f->words && psm__word_index(f->words, text) < 0)
			return refuse_word(c, at, v, f->words);
		return 0;
	}
}

static int check_object(const struct check *c, const struct step *at,
                        const psm_catalogue_field_info *fields,
                        const psm_json *v);
static int check_array(const struct check *c, const struct step *at,
                       const psm_catalogue_field_info *f, const psm_json *v);

static int
check_integer(const struct check *c, const struct step *at, const psm_json *v)
{
	int64_t number;

	if (psm_json_kind(v) != PSM_JSON_NUMBER)
		return refuse_kind(c, at, v, "integer");
	if (psm_json_get_int(v, &number, NULL) < 0)
		return refuse(c, at, v, "integer", "another number");
	return 0;
}

static int
check_value(const struct check *c, const struct step *at,
            const psm_catalogue_field_info *f, enum psm__field_type type,
            const psm_json *v)
{
	int kind = psm_json_kind(v);

	switch (type) {
	case PSM__F_any:
		return kind != PSM_JSON_NULL ? 0
		                             : refuse_kind(c, at, v, "a value");
	case PSM__F_integer:
		return check_integer(c, at, v);
	case PSM__F_number:
		return kind == PSM_JSON_NUMBER
		           ? 0
		           : refuse_kind(c, at, v, "number");
	case PSM__F_boolean:
		return kind == PSM_JSON_BOOL ? 0
		                             : refuse_kind(c, at, v, "boolean");
	case PSM__F_object:
		if (kind != PSM_JSON_OBJECT)
			return refuse_kind(c, at, v, "object");
		return f->fields ? check_object(c, at, f->fields, v) : 0;
	case PSM__F_array:
		return check_array(c, at, f, v);
	default:
		return check_text(c, at, f, type, v);
	}
}

static int
check_array(const struct check *c, const struct step *at,
            const psm_catalogue_field_info *f, const psm_json *v)
{
	size_t i, count = psm_json_count(v);
	struct step item = {at, NULL, 0};
	int rc;

	if (psm_json_kind(v) != PSM_JSON_ARRAY)
		return refuse_kind(c, at, v, "array");
	if (f->item_type == PSM__F_any)
		return 0;
	for (i = 0; i < count; i++) {
		item.index = i;
		rc =
		    check_value(c, &item, f, (enum psm__field_type)f->item_type,
		                psm_json_item(v, i));
		if (rc < 0)
			return rc;
	}
	return 0;
}

/*
 * The field called name, looked for from next on and then from the start: one
 * comparison when the members come in the table's order, also if some of them
 * are left out.
 */
static const psm_catalogue_field_info *
find_field(const psm_catalogue_field_info *fields,
           const psm_catalogue_field_info *next, const char *name)
{
	const psm_catalogue_field_info *f;

	for (f = next; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	for (f = fields; f != next; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static int
check_required(const struct check *c, const struct step *up,
               const psm_catalogue_field_info *fields, uint64_t seen,
               const psm_json *v)
{
	const psm_catalogue_field_info *f;
	struct step at = {up, NULL, 0};

	for (f = fields; f->name; f++) {
		if (!f->required || seen >> (f - fields) & 1)
			continue;
		at.name = f->name;
		return refuse(c, &at, v, psm_catalogue_field_type(f),
		              "nothing");
	}
	return 0;
}

static int
check_object(const struct check *c, const struct step *up,
             const psm_catalogue_field_info *fields, const psm_json *v)
{
	const psm_catalogue_field_info *next = fields, *f;
	size_t i, count = psm_json_count(v);
	struct step at = {up, NULL, 0};
	const psm_json *member;
	uint64_t seen = 0;
	int rc;

	for (i = 0; i < count; i++) {
		f = find_field(fields, next, psm_json_key(v, i));
		if (!f)
			continue;
		next = f + 1;
		seen |= (uint64_t)1 << (f - fields);
		member = psm_json_item(v, i);
		if (f->nullable && psm_json_kind(member) == PSM_JSON_NULL)
			continue;
		at.name = f->name;
		rc = check_value(c, &at, f, (enum psm__field_type)f->type,
		                 member);
		if (rc < 0)
			return rc;
	}
	return check_required(c, up, fields, seen, v);
}

int
psm__fields_check(const psm_catalogue_field_info *fields, const psm_json *v,
                  const char *where, psm_error *err)
{
	struct check c = {where, err};

	if (psm_json_kind(v) != PSM_JSON_OBJECT)
		return refuse_kind(&c, NULL, v, "object");
	return fields ? check_object(&c, NULL, fields, v) : 0;
}

/* The member of an object that is there and not null. */
static const psm_json *
present(const psm_json *v, const char *name)
{
	size_t i, count = psm_json_count(v);
	const psm_json *member;

	for (i = 0; i < count; i++) {
		if (strcmp(psm_json_key(v, i), name) != 0)
			continue;
		member = psm_json_item(v, i);
		return psm_json_kind(member) == PSM_JSON_NULL ? NULL : member;
	}
	return NULL;
}

const psm_json *
psm__payload_key(const psm_event_type_info *t, const psm_json *payload)
{
	const psm_json *v = present(payload, t->key);

	return v || !t->key_other ? v : present(payload, t->key_other);
}

/* Ids count from 1 in every table; a request's id may also be a text. */
static int
check_key(const struct check *c, const psm_event_type_info *t,
          const psm_json *payload)
{
	const psm_json *v = psm__payload_key(t, payload);
	struct step at = {NULL, t->key, 0};
	const char *text;
	int64_t number;

	if (!v)
		return refuse(c, &at, payload,
		              t->key_other ? "this id or the other one" : "id",
		              "nothing");
	if (v != present(payload, t->key))
		at.name = t->key_other;
	text = psm_json_string(v);
	if (text && text[0] &&
	    psm__utf8_at_most(text, strlen(text), PSM__KEY_MAX))
		return 0;
	if (text)
		return refuse(c, &at, v, "1 to 200 characters",
		              "another length");
	if (psm_json_get_int(v, &number, NULL) < 0)
		return refuse_kind(c, &at, v, "integer or string");
	if (number < 1)
		return refuse(c, &at, v, "an id from 1 on", "a lower number");
	return 0;
}

int
psm__payload_check(const psm_event_type_info *t, const psm_json *payload,
                   const char *where, psm_error *err)
{
	struct check c = {where, err};
	int rc;

	rc = psm__fields_check(t->fields, payload, where, err);
	return rc < 0 ? rc : check_key(&c, t, payload);
}

int
psm__unknown_type(const char *type, psm_error *err)
{
	int shown = psm__is_type_name(type) && strlen(type) <= 100;

	return psm__fail(err, PSM_ERR_UNKNOWN_TYPE,
	                 "the catalogue has no event type \"%s\"",
	                 shown ? type : "(not a type's name)");
}

int
psm_catalogue_check(const char *type, const psm_json *payload, psm_error *err)
{
	const psm_event_type_info *t;

	psm__error_clear(err);
	if (!type || !payload)
		return psm__fail(err, PSM_ERR_INVAL, "%s is NULL",
		                 type ? "payload" : "type");
	t = psm_catalogue_find(type);
	if (!t)
		return psm__unknown_type(type, err);
	return psm__payload_check(t, payload, "", err);
}
