/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client is told of a failure: the first fault in the words of the
 * former platform, whose clients look for them. They may quote what the client
 * has sent, so they go into its answer and nowhere else. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

struct fault {
	const struct rest_refused *r;
	const char *name;              /* of the member or parameter */
	const char *below;             /* the rest of the pointer */
	const char *said;              /* the fault's message */
	const psm_entity_field *field; /* NULL: the entity has none */
	const psm_json *value;         /* of the body; NULL: there is none */
	int is_sent;                   /* there, or in the query */
	char found[120];               /* the same as text */
};

/* Texts that clients know by heart stand beside the rule. */
static const struct {
	const char *field, *one, *many;
} nouns[] = {{"symptome", "symptom", "symptoms"}};

static const psm_entity_field *
find_field(const char *entity, const char *name)
{
	const psm_entity *e = entity ? psm_entity_find(entity) : NULL;
	const psm_entity_field *f;

	for (size_t i = 0; e && (f = psm_entity_field_at(e, i)); i++)
		if (strcmp(psm_entity_field_name(f), name) == 0)
			return f;
	return NULL;
}

static int
is_phone_call(const struct fault *f)
{
	return f->r->entity && strcmp(f->r->entity, "phone_call") == 0;
}

static int
ends(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

static void
write_words(const psm_entity_field *field, char *text, size_t size)
{
	const char *word;
	size_t len = strlen(text);

	for (size_t i = 0; (word = psm_entity_field_word_at(field, i)); i++) {
		if (len + strlen(word) + 3 > size)
			return;
		len += (size_t)snprintf(text + len, size - len, "%s%s",
		                        i > 0 ? ", " : "", word);
	}
}

static int
word_fault(const struct fault *f, char *text, size_t size)
{
	size_t len;

	if (is_phone_call(f))
		(void)snprintf(text, size, "Invalid %s value: %s", f->name,
		               f->found);
	else
		(void)snprintf(text, size, "Invalid %s '%s'", f->name,
		               f->found);
	len = strlen(text);
	(void)snprintf(text + len, size - len, ". Valid values: ");
	write_words(f->field, text, size);
	return 1;
}

/* Who plans a call knows these texts without the member's name. */
static int
time_fault(const struct fault *f, const char *what, const char *form,
           char *text, size_t size)
{
	int is_short = is_phone_call(f) && strcmp(f->r->method, "POST") == 0;

	(void)snprintf(text, size, "Invalid %s format%s%s: %s. Use %s", what,
	               is_short ? "" : " for ", is_short ? "" : f->name,
	               f->found, form);
	return 1;
}

static int
list_fault(const struct fault *f, char *text, size_t size)
{
	const char *one = f->name, *many = f->name;
	int64_t least, most;

	for (size_t i = 0; i < PSM__COUNT(nouns); i++) {
		if (strcmp(nouns[i].field, f->name) != 0)
			continue;
		one = nouns[i].one;
		many = nouns[i].many;
	}
	if (*f->below && psm_entity_field_word_at(f->field, 0)) {
		(void)snprintf(text, size, "%s: Invalid %s: %s", f->name, one,
		               f->found);
		return 1;
	}
	if (*f->below || psm_json_kind(f->value) != PSM_JSON_ARRAY ||
	    !psm_entity_field_limits(f->field, &least, &most))
		return 0;
	if (psm_json_count(f->value) == 0)
		(void)snprintf(text, size, "%s: At least one %s is required",
		               f->name, one);
	else
		(void)snprintf(text, size,
		               "%s: Between %lld and %lld %s are required, "
		               "found %zu",
		               f->name, (long long)least, (long long)most, many,
		               psm_json_count(f->value));
	return 1;
}

/* 0: its own message does. */
static int
say_fault(const struct fault *f, char *text, size_t size)
{
	const char *type = f->field ? psm_entity_field_type(f->field) : "";

	if (!*f->below && (ends(f->said, ", found nothing") ||
	                   ends(f->said, ", found an empty text") ||
	                   ends(f->said, ", found blanks"))) {
		(void)snprintf(text, size, "%s: %c%s is required", f->name,
		               f->name[0] >= 'a' && f->name[0] <= 'z'
		                   ? f->name[0] - 'a' + 'A'
		                   : f->name[0],
		               f->name + 1);
		return 1;
	}
	if (!f->is_sent)
		return 0;
	if (strcmp(type, "enum") == 0)
		return word_fault(f, text, size);
	/* A day that breaks a rule has its form. */
	if (strcmp(type, "date") == 0)
		return strstr(f->said, "a date YYYY-MM-DD") &&
		       time_fault(f, "date", "YYYY-MM-DD", text, size);
	if (strcmp(type, "time") == 0)
		return time_fault(f, "time", "HH:MM", text, size);
	if (strcmp(type, "timestamp") == 0) {
		(void)snprintf(text, size,
		               "Invalid datetime format for %s. Use ISO format",
		               f->name);
		return 1;
	}
	return strcmp(type, "array") == 0 && list_fault(f, text, size);
}

/* What was sent: in the body, else in the query. doc is new (psm_json_free). */
static void
find_value(struct fault *f, const char *pointer, psm_json **doc)
{
	size_t len;
	const char *text = psm_request_body(f->r->req, &len);

	if (len > 0) {
		if (psm_json_parse(text, len, doc, NULL) == PSM_OK)
			f->value = psm_json_at(*doc, pointer);
		text = psm_json_string(f->value);
		if (!text && f->value)
			text = psm_json_text(f->value, &len);
		else if (text)
			len = strlen(text);
	} else {
		text = psm_request_query(f->r->req, f->name);
		len = text ? strlen(text) : 0;
	}
	f->is_sent = text != NULL;
	(void)snprintf(f->found, sizeof f->found, "%.*s",
	               len < sizeof f->found ? (int)len
	                                     : (int)sizeof f->found - 1,
	               text ? text : "");
}

/* What lacks comes first. */
static size_t
first_fault(const psm_error *err)
{
	size_t count = psm_error_fault_count(err);

	for (size_t i = 0; i < count; i++)
		if (ends(psm_error_fault_message(err, i), ", found nothing"))
			return i;
	return 0;
}

static void
tell_fault(const struct rest_refused *r, const psm_error *err, char *text,
           size_t size)
{
	struct fault f = {.r = r, .below = ""};
	size_t first = first_fault(err);
	const char *pointer = psm_error_fault_pointer(err, first);
	char name[64];
	psm_json *doc = NULL;
	size_t len;

	if (pointer[0] != '/')
		return;
	len = strcspn(pointer + 1, "/");
	if (len == 0 || len >= sizeof name)
		return;
	(void)snprintf(name, sizeof name, "%.*s", (int)len, pointer + 1);
	f.name = name;
	f.below = pointer + 1 + len;
	f.said = psm_error_fault_message(err, first);
	f.field = find_field(r->entity, name);
	find_value(&f, pointer, &doc);
	if (!say_fault(&f, text, size))
		text[0] = '\0';
	psm_json_free(doc);
}

/* "Patient 7 not found" without the number, which the path has. */
static void
tell_missing(const struct rest_refused *r, const psm_error *err, char *text,
             size_t size)
{
	char end[48];

	if (!r->noun || r->id == 0)
		return;
	(void)snprintf(end, sizeof end, " %lld not found", (long long)r->id);
	if (ends(psm_error_message(err), end))
		(void)snprintf(text, size, "%s not found", r->noun);
}

void
psm__rest_refuse(const struct rest_refused *r, const psm_error *err)
{
	char text[512] = "";

	if (psm_error_code(err) == PSM_ERR_SCHEMA &&
	    psm_error_fault_count(err) > 0)
		tell_fault(r, err, text, sizeof text);
	else if (psm_error_code(err) == PSM_ERR_NOT_FOUND)
		tell_missing(r, err, text, sizeof text);
	psm__svc_response_error(r->res, err, text[0] ? text : NULL);
}
