/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A payload that is built member by member. Names are looked up while they are
 * added, side by side with the catalogue's table; kinds and required members
 * are checked when the event is made, as those of any other event are.
 */
#include <stdio.h>
#include <string.h>

#include <psymatch/payload.h>

#include "event/catalogue_int.h"
#include "event/event.h"
#include "json/json.h"

/* A container that is open. */
struct level {
	const char *name; /* the catalogue's; NULL: the payload, or an item */
	const psm_catalogue_field_info *fields; /* NULL: any names may stand */
	const psm_catalogue_field_info *items;  /* the field of an array */
	/* Of an array: items so far; of an object: the place in fields behind
	 * the last member. */
	size_t count;
	uint64_t seen; /* bit i: a member of fields[i] was added */
	int is_array;
};

struct psm_payload {
	psm_json_writer *w;
	const psm_event_type_info *info; /* NULL: a failure is recorded */
	psm_error *fault;                /* NULL: none so far */
	int code;                        /* of fault */
	unsigned depth;                  /* 1: the payload itself is open */
	struct level levels[PSM__PAYLOAD_MAX_DEPTH];
};

/* 1: nothing has failed so far; else *fault is there for a message. */
static int
begin_fault(psm_payload *m, int code)
{
	if (m->code < 0)
		return 0;
	m->fault = psm_error_new();
	m->code = m->fault ? code : PSM_ERR_NOMEM;
	return m->fault != NULL;
}

psm_payload *
psm_payload_new(const char *type)
{
	psm_payload *m = psm__alloc(sizeof(*m));

	if (!m)
		return NULL;
	m->w = psm_json_writer_new();
	if (!m->w) {
		psm__free(m);
		return NULL;
	}
	m->info = psm_catalogue_find(type);
	if (m->info) {
		m->depth = 1;
		m->levels[0].fields = m->info->fields;
		psm_json_write_object(m->w);
	} else if (!type && begin_fault(m, PSM_ERR_INVAL)) {
		(void)psm__fail(m->fault, PSM_ERR_INVAL,
		                "payload: type is NULL");
	} else if (type && begin_fault(m, PSM_ERR_UNKNOWN_TYPE)) {
		(void)psm__unknown_type(type, m->fault);
	}
	return m;
}

void
psm_payload_free(psm_payload *m)
{
	if (!m)
		return;
	psm_json_writer_free(m->w);
	psm_error_free(m->fault);
	psm__free(m);
}

/* 1: a name that may stand in a message. */
static int
is_plain_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz"
	                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return len > 0 && len <= 64 && !name[len];
}

/* RFC 6901: the containers that are open, then last, unless that is NULL. */
static void
put_pointer(const psm_payload *m, const char *last, char *text, size_t size)
{
	size_t used = 0;
	unsigned i;

	text[0] = '\0';
	for (i = 1; i < m->depth && used < size; i++) {
		const struct level *up = &m->levels[i - 1];

		if (up->is_array)
			used += (size_t)snprintf(text + used, size - used,
			                         "/%zu", up->count - 1);
		else
			used += (size_t)snprintf(
			    text + used, size - used, "/%s",
			    m->levels[i].name ? m->levels[i].name : "");
	}
	if (last && used < size)
		(void)snprintf(text + used, size - used, "/%s", last);
}

static void
refuse(psm_payload *m, int code, const char *name, const char *want,
       const char *found)
{
	char pointer[256];

	if (!begin_fault(m, code))
		return;
	put_pointer(m, name && is_plain_name(name) ? name : NULL, pointer,
	            sizeof pointer);
	(void)psm__fail(m->fault, code, "%s: want %s, found %s",
	                pointer[0] ? pointer : "payload", want, found);
	psm__error_pointer(m->fault, pointer);
}

/* The field of that name; the members mostly come in the table's order, so the
 * first comparison is with the one behind the last. */
static const psm_catalogue_field_info *
find_field(struct level *at, const char *name)
{
	const psm_catalogue_field_info *f;

	for (f = at->fields + at->count; f->name; f++)
		if (strcmp(f->name, name) == 0)
			break;
	if (!f->name)
		for (f = at->fields; f->name; f++)
			if (strcmp(f->name, name) == 0)
				break;
	if (!f->name)
		return NULL;
	at->count = (size_t)(f - at->fields) + 1;
	return f;
}

/* Names behind the 64th, and those that the catalogue leaves open, are compared
 * when the event is made; then nothing tells which one it is. */
static int
is_twice(struct level *at, const psm_catalogue_field_info *f)
{
	size_t i = (size_t)(f - at->fields);
	uint64_t bit = i < 64 ? UINT64_C(1) << i : 0;
	int twice = (at->seen & bit) != 0;

	at->seen |= bit;
	return twice;
}

/*
 * Before each value: 1 if one may be added here. *field is what the catalogue
 * says of it; NULL: nothing.
 */
static int
begin_value(psm_payload *m, const char *name,
            const psm_catalogue_field_info **field)
{
	struct level *at;

	*field = NULL;
	if (!m || m->code < 0)
		return 0;
	at = &m->levels[m->depth - 1];
	if (at->is_array) {
		at->count++;
		*field = at->items;
		if (name)
			refuse(m, PSM_ERR_STATE, NULL, "an item without a name",
			       "one with a name");
		return m->code == 0;
	}
	if (!name) {
		refuse(m, PSM_ERR_STATE, NULL, "a member with a name",
		       "one without");
		return 0;
	}
	if (at->fields) {
		*field = find_field(at, name);
		if (!*field) {
			refuse(m, PSM_ERR_SCHEMA, name,
			       "a name that the catalogue has here",
			       "another one");
			return 0;
		}
		if (is_twice(at, *field)) {
			refuse(m, PSM_ERR_PARSE, name, "each name once",
			       "one twice");
			return 0;
		}
	}
	psm_json_write_key(m->w, name);
	return 1;
}

void
psm_payload_text(psm_payload *m, const char *name, const char *text)
{
	const psm_catalogue_field_info *f;

	if (!begin_value(m, name, &f))
		return;
	if (text && psm__utf8_check(text, strlen(text)) < strlen(text))
		refuse(m, PSM_ERR_STATE, name, "UTF-8", "other bytes");
	else
		psm_json_write_string(m->w, text);
}

void
psm_payload_int(psm_payload *m, const char *name, int64_t number)
{
	const psm_catalogue_field_info *f;

	if (begin_value(m, name, &f))
		psm_json_write_int(m->w, number);
}

void
psm_payload_double(psm_payload *m, const char *name, double number)
{
	const psm_catalogue_field_info *f;

	if (!begin_value(m, name, &f))
		return;
	if (number - number != 0)
		refuse(m, PSM_ERR_STATE, name, "a finite number",
		       "another one");
	else
		psm_json_write_double(m->w, number);
}

void
psm_payload_bool(psm_payload *m, const char *name, int value)
{
	const psm_catalogue_field_info *f;

	if (begin_value(m, name, &f))
		psm_json_write_bool(m->w, value);
}

void
psm_payload_null(psm_payload *m, const char *name)
{
	psm_payload_text(m, name, NULL);
}

void
psm_payload_time(psm_payload *m, const char *name, int64_t time_us)
{
	const psm_catalogue_field_info *f;
	char text[32];

	if (!begin_value(m, name, &f))
		return;
	if (psm_time_format(time_us, text, sizeof text) < 0)
		refuse(m, PSM_ERR_STATE, name, "a time in the years 1 to 9999",
		       "another one");
	else
		psm_json_write_string(m->w, text);
}

/* What the reader of JSON says, at the member's place. */
static void
refuse_json(psm_payload *m, int code, const char *name, const psm_error *why)
{
	char pointer[256];

	if (!begin_fault(m, code))
		return;
	put_pointer(m, name && is_plain_name(name) ? name : NULL, pointer,
	            sizeof pointer);
	psm__error_copy(m->fault, why);
	psm__error_prefix(m->fault, "%s: ", pointer[0] ? pointer : "payload");
	psm__error_pointer(m->fault, pointer);
}

void
psm_payload_json(psm_payload *m, const char *name, const char *json, size_t len)
{
	const psm_catalogue_field_info *f;
	psm_error *fault;
	psm_json *doc = NULL;
	int rc;

	if (!begin_value(m, name, &f))
		return;
	if (!json) {
		refuse(m, PSM_ERR_INVAL, name, "JSON", "NULL");
		return;
	}
	fault = psm_error_new();
	/* Parsed, or a comma in it would begin the caller's next member. */
	rc = psm_json_parse(json, len, &doc, fault);
	if (rc == 0)
		psm_json_write_value(m->w, doc);
	else
		refuse_json(m, rc, name, fault);
	psm_error_free(fault);
	psm_json_free(doc);
}

static void
open_container(psm_payload *m, const char *name,
               const psm_catalogue_field_info *f, int is_array)
{
	int is_item = m->levels[m->depth - 1].is_array;
	struct level *at;

	if (m->depth == PSM__PAYLOAD_MAX_DEPTH) {
		refuse(m, PSM_ERR_STATE, name, "at most 63 levels", "more");
		return;
	}
	at = &m->levels[m->depth++];
	memset(at, 0, sizeof *at);
	at->name = f && !is_item ? f->name : NULL;
	at->is_array = is_array;
	/* An array's fields are those of its items, which are objects. A value
	 * of another kind is refused when the event is made. */
	if (f && is_array)
		at->items = f;
	else if (f)
		at->fields = f->fields;
}

void
psm_payload_object(psm_payload *m, const char *name)
{
	const psm_catalogue_field_info *f;

	if (!begin_value(m, name, &f))
		return;
	psm_json_write_object(m->w);
	open_container(m, name, f, 0);
}

void
psm_payload_array(psm_payload *m, const char *name)
{
	const psm_catalogue_field_info *f;

	if (!begin_value(m, name, &f))
		return;
	psm_json_write_array(m->w);
	open_container(m, name, f, 1);
}

void
psm_payload_end(psm_payload *m)
{
	if (!m || m->code < 0)
		return;
	if (m->depth == 1) {
		refuse(m, PSM_ERR_STATE, NULL,
		       "an end for each object and array", "one too many");
		return;
	}
	psm_json_write_end(m->w);
	m->depth--;
}

static int
make_event(psm_payload *m, const char *producer, psm_event **out,
           psm_error *err)
{
	const char *text = NULL;
	size_t len = 0;
	int rc;

	if (m->code == 0 && m->depth > 1)
		refuse(m, PSM_ERR_STATE, NULL,
		       "an end for each object and array", "one too few");
	if (m->code < 0) {
		if (!m->fault)
			return psm__nomem(err);
		psm__error_copy(err, m->fault);
		return m->code;
	}
	psm_json_write_end(m->w);
	rc = psm_json_writer_finish(m->w, &text, &len, err);
	if (rc < 0)
		return rc;
	return psm_event_new(m->info->name, producer, text, len, out, err);
}

int
psm_event_new_from(psm_payload *m, const char *producer, psm_event **out,
                   psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (out)
		*out = NULL;
	if (!producer || !out)
		rc = psm__fail(err, PSM_ERR_INVAL, "%s is NULL",
		               producer ? "out" : "producer");
	else if (!m)
		rc = psm__nomem(err);
	else
		rc = make_event(m, producer, out, err);
	psm_payload_free(m);
	return rc;
}
