/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables as JSON Schema 2020-12, which is what OpenAPI 3.1 has, too. */
#include <stdlib.h>
#include <string.h>

#include "entity/entity.h"
#include "entity/fault.h"
#include "entity/shape.h"
#include "json/json.h"

static void
member(psm_json_writer *w, const char *key, const char *text)
{
	psm_json_write_key(w, key);
	psm_json_write_string(w, text);
}

static void
limit(psm_json_writer *w, const char *key, int64_t n)
{
	psm_json_write_key(w, key);
	psm_json_write_int(w, n);
}

/* What the columns of one type have in common. */
static const struct {
	const char *type, *format;
} kinds[] = {
    [PSM__T_INTEGER] = {"integer", NULL},
    [PSM__T_BIGINT] = {"integer", NULL},
    [PSM__T_NUMERIC] = {"number", NULL},
    [PSM__T_BOOLEAN] = {"boolean", NULL},
    [PSM__T_TEXT] = {"string", NULL},
    [PSM__T_ENUM] = {"string", NULL},
    [PSM__T_DATE] = {"string", "date"},
    /* Not "time": that has a zone in RFC 3339. */
    [PSM__T_TIME] = {"string", NULL},
    [PSM__T_TIMESTAMP] = {"string", "date-time"},
    [PSM__T_OBJECT] = {"object", NULL},
    [PSM__T_ARRAY] = {"array", NULL},
    [PSM__T_ANY] = {NULL, NULL},
};

static void
put_type(psm_json_writer *w, const char *type, int nullable)
{
	psm_json_write_key(w, "type");
	if (!nullable) {
		psm_json_write_string(w, type);
		return;
	}
	psm_json_write_array(w);
	psm_json_write_string(w, type);
	psm_json_write_string(w, "null");
	psm_json_write_end(w);
}

static void
put_words(psm_json_writer *w, const struct psm_entity_field *f, int nullable,
          int empty)
{
	psm_json_write_key(w, "enum");
	psm_json_write_array(w);
	for (size_t i = 0; f->words[i] != NULL; i++)
		psm_json_write_string(w, f->words[i]);
	if (empty)
		psm_json_write_string(w, "");
	if (nullable)
		psm_json_write_null(w);
	psm_json_write_end(w);
}

static void
put_items(psm_json_writer *w, const struct psm_entity_field *f)
{
	if (f->item != PSM__T_ANY) {
		psm_json_write_key(w, "items");
		psm_json_write_object(w);
		put_type(w, kinds[f->item].type, 0);
		if (f->words != NULL)
			put_words(w, f, 0, 0);
		psm_json_write_end(w);
	}
	if (f->most > 0) {
		limit(w, "minItems", f->least);
		limit(w, "maxItems", f->most);
	}
}

/* May the text be empty? Then format and words do not hold for it. */
static int
may_be_empty(const struct psm_entity_field *f, int shape)
{
	unsigned kept = PSM__REQUIRED | PSM__NOT_NULL | PSM__STAYS;

	if (f->type == PSM__T_TEXT)
		return (f->flags & PSM__REQUIRED) == 0;
	return shape == PSM_ENTITY_UPDATE && (f->flags & kept) == 0;
}

static int
is_written(int shape)
{
	return shape == PSM_ENTITY_CREATE || shape == PSM_ENTITY_UPDATE ||
	       shape == PSM_ENTITY_MERGE;
}

static void
put_text_limits(psm_json_writer *w, const struct psm_entity_field *f, int shape)
{
	if (!is_written(shape))
		return;
	if (f->flags & PSM__REQUIRED)
		limit(w, "minLength", 1);
	if (f->most > 0)
		limit(w, "maxLength", f->most);
}

/* -- what shape.c checks */

static void
put_week(psm_json_writer *w)
{
	psm_json_write_key(w, "propertyNames");
	psm_json_write_object(w);
	psm_json_write_key(w, "enum");
	psm_json_write_array(w);
	for (size_t i = 0; psm__shape_days[i] != NULL; i++)
		psm_json_write_string(w, psm__shape_days[i]);
	psm_json_write_end(w);
	psm_json_write_end(w);
	psm_json_write_key(w, "additionalProperties");
	psm_json_write_object(w);
	put_type(w, "array", 1);
	psm_json_write_key(w, "items");
	psm_json_write_object(w);
	put_type(w, "string", 0);
	member(w, "pattern",
	       "^\\s*$|^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$");
	psm_json_write_end(w);
	psm_json_write_end(w);
}

static void
put_distance(psm_json_writer *w)
{
	psm_json_write_key(w, "properties");
	psm_json_write_object(w);
	psm_json_write_key(w, "max_km");
	psm_json_write_object(w);
	put_type(w, "number", 1);
	limit(w, "minimum", 0);
	psm_json_write_end(w);
	psm_json_write_end(w);
}

static void
put_number_of_therapist(psm_json_writer *w)
{
	limit(w, "minimum", 1);
	limit(w, "maximum", INT32_MAX);
}

/* Numbers, or objects with one: a limit of numbers is none of an object. */
static void
put_exclusions(psm_json_writer *w)
{
	static const char *const texts[] = {"excluded_at", "reason"};

	psm_json_write_key(w, "items");
	psm_json_write_object(w);
	psm_json_write_key(w, "type");
	psm_json_write_array(w);
	psm_json_write_string(w, "integer");
	psm_json_write_string(w, "object");
	psm_json_write_end(w);
	put_number_of_therapist(w);
	psm_json_write_key(w, "properties");
	psm_json_write_object(w);
	psm_json_write_key(w, "id");
	psm_json_write_object(w);
	put_type(w, "integer", 0);
	put_number_of_therapist(w);
	psm_json_write_end(w);
	for (size_t i = 0; i < PSM__COUNT(texts); i++) {
		psm_json_write_key(w, texts[i]);
		psm_json_write_object(w);
		put_type(w, "string", 1);
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
	psm_json_write_key(w, "required");
	psm_json_write_array(w);
	psm_json_write_string(w, "id");
	psm_json_write_end(w);
	psm_json_write_end(w);
}

static void
put_form(psm_json_writer *w, enum psm__form form)
{
	switch (form) {
	case PSM__FORM_POSTCODE:
		member(w, "pattern", "^\\s*([0-9]{5})?\\s*$");
		break;
	case PSM__FORM_WEEK:
		put_week(w);
		break;
	case PSM__FORM_DISTANCE:
		put_distance(w);
		break;
	case PSM__FORM_EXCLUSIONS:
		put_exclusions(w);
		break;
	case PSM__FORM_FREE:
	case PSM__FORM_LINE:
	case PSM__FORM_NAME:
	case PSM__FORM_MAIL:
	case PSM__FORM_PAGE:
		break;
	}
}

static void
put_limits(psm_json_writer *w, const struct psm_entity_field *f, int shape,
           int nullable)
{
	const char *format = kinds[f->type].format;
	int empty = may_be_empty(f, shape);

	if (format != NULL && !empty)
		member(w, "format", format);
	if (is_written(shape))
		put_form(w, f->form);
	switch ((enum psm__type)f->type) {
	case PSM__T_INTEGER:
		if (!is_written(shape))
			break;
		limit(w, "minimum",
		      shape != PSM_ENTITY_MERGE && psm__zero_is_none(f)
		          ? 0
		          : f->least);
		limit(w, "maximum", f->most);
		break;
	case PSM__T_TEXT:
		put_text_limits(w, f, shape);
		if (f->words != NULL && is_written(shape))
			put_words(w, f, nullable, empty);
		break;
	case PSM__T_ENUM:
		put_words(w, f, nullable, empty);
		break;
	case PSM__T_TIME:
		member(w, "pattern",
		       empty ? "^$|^[0-9]{2}:[0-9]{2}(:[0-9]{2})?"
		             : "^[0-9]{2}:[0-9]{2}(:[0-9]{2})?");
		break;
	case PSM__T_ARRAY:
		put_items(w, f);
		break;
	case PSM__T_BIGINT:
	case PSM__T_NUMERIC:
	case PSM__T_BOOLEAN:
	case PSM__T_DATE:
	case PSM__T_TIMESTAMP:
	case PSM__T_OBJECT:
	case PSM__T_ANY:
		break;
	}
}

static void
put_default(psm_json_writer *w, const struct psm_entity_field *f)
{
	psm_json_write_key(w, "default");
	switch ((enum psm__type)f->type) {
	case PSM__T_INTEGER:
	case PSM__T_BIGINT:
		psm_json_write_int(w, strtoll(f->preset, NULL, 10));
		break;
	case PSM__T_BOOLEAN:
		psm_json_write_bool(w, f->preset[0] == 't');
		break;
	case PSM__T_OBJECT:
		psm_json_write_object(w);
		psm_json_write_end(w);
		break;
	case PSM__T_ARRAY:
		psm_json_write_array(w);
		psm_json_write_end(w);
		break;
	default:
		psm_json_write_string(w, f->preset);
		break;
	}
}

static int
may_be_null(const struct psm_entity_field *f, int shape)
{
	unsigned kept = PSM__REQUIRED | PSM__NOT_NULL | PSM__STAYS;

	switch (shape) {
	case PSM_ENTITY_CREATE:
		return (f->flags & PSM__REQUIRED) == 0;
	case PSM_ENTITY_UPDATE: /* null leaves it as it is */
		return 1;
	case PSM_ENTITY_MERGE:
		return (f->flags & kept) == 0;
	case PSM_ENTITY_EVENT:
		return f->writers != 0;
	default:
		return (f->flags & (PSM__REQUIRED | PSM__NOT_NULL)) == 0;
	}
}

static int
is_in(const struct psm_entity_field *f, int shape)
{
	switch (shape) {
	case PSM_ENTITY_CREATE:
		return (f->writers & PSM__W_REST_CREATE) != 0;
	case PSM_ENTITY_UPDATE:
	case PSM_ENTITY_MERGE:
		return (f->writers & PSM__W_REST_UPDATE) != 0;
	case PSM_ENTITY_EVENT:
		return (f->flags & PSM__IN_EVENT) != 0;
	default:
		return 1;
	}
}

static int
must_be_there(const struct psm_entity_field *f, int shape)
{
	switch (shape) {
	case PSM_ENTITY_SHOW:
		return 1;
	case PSM_ENTITY_CREATE:
		return (f->flags & PSM__REQUIRED) != 0;
	case PSM_ENTITY_EVENT:
		return f->writers == 0;
	default:
		return 0;
	}
}

static void
put_column(psm_json_writer *w, const struct psm_entity_field *f, int shape)
{
	int nullable = may_be_null(f, shape);

	psm_json_write_key(w, f->name);
	psm_json_write_object(w);
	put_type(w, kinds[f->type].type, nullable);
	member(w, "description", f->meaning);
	put_limits(w, f, shape, nullable);
	if (f->preset != NULL && shape == PSM_ENTITY_CREATE)
		put_default(w, f);
	psm_json_write_end(w);
}

static void
put_schema(psm_json_writer *w, const psm_entity *e, int shape)
{
	psm_json_write_object(w);
	member(w, "type", "object");
	psm_json_write_key(w, "properties");
	psm_json_write_object(w);
	for (size_t i = 0; i < e->count; i++)
		if (is_in(&e->fields[i], shape))
			put_column(w, &e->fields[i], shape);
	psm_json_write_end(w);
	psm_json_write_key(w, "required");
	psm_json_write_array(w);
	for (size_t i = 0; i < e->count; i++)
		if (is_in(&e->fields[i], shape) &&
		    must_be_there(&e->fields[i], shape))
			psm_json_write_string(w, e->fields[i].name);
	psm_json_write_end(w);
	if (shape == PSM_ENTITY_MERGE) { /* the others ignore a stranger */
		psm_json_write_key(w, "additionalProperties");
		psm_json_write_bool(w, 0);
	}
	psm_json_write_end(w);
}

int
psm_entity_schema(const psm_entity *e, int shape, char **out, psm_error *err)
{
	psm_json_writer *w;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (e == NULL || out == NULL || shape < PSM_ENTITY_SHOW ||
	    shape > PSM_ENTITY_EVENT)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want an entity, a shape from %d to %d and a "
		                 "place for the schema",
		                 PSM_ENTITY_SHOW, PSM_ENTITY_EVENT);
	w = psm_json_writer_new();
	put_schema(w, e, shape);
	return psm__json_take(w, 0, out, err);
}
