/* SPDX-License-Identifier: BSD-2-Clause */
/* The catalogue as JSON Schema 2020-12 and as AsyncAPI 3.0. */
#include <string.h>

#include "events.h"

/*
 * Forms of the texts, written so that ECMAScript and Python read the same: the
 * end of the text, not the end of a line before a last newline. Days are those
 * of the calendar, second 60 is a leap second.
 */
#define END "$(?!\\n)"
#define DAYS_28 "(0[1-9]|1[0-9]|2[0-8])"
#define DAYS_30 "(0[1-9]|[12][0-9]|30)"
#define DAYS_31 "(0[1-9]|[12][0-9]|3[01])"
#define LEAP_YEAR                                                              \
	"([0-9]{2}(0[48]|[2468][048]|[13579][26])|"                            \
	"([02468][048]|[13579][26])00)"
#define DAY                                                                    \
	"(?!0000)([0-9]{4}-((0[13578]|1[02])-" DAYS_31 "|(0[469]|11)-" DAYS_30 \
	"|02-" DAYS_28 ")|" LEAP_YEAR "-02-29)"
#define HOUR_MINUTE "([01][0-9]|2[0-3]):[0-5][0-9]"
#define FRACTION "(\\.[0-9]{1,9})?"
#define DATE_FORM "^" DAY END
#define TIME_FORM "^" HOUR_MINUTE "(:[0-5][0-9]" FRACTION ")?" END
#define DATETIME_FORM                                                          \
	"^" DAY "[Tt ]" HOUR_MINUTE ":([0-5][0-9]|60)" FRACTION                \
	"([Zz]|[+-]" HOUR_MINUTE ")?" END
#define UUID_FORM "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}" END
#define NAME_FORM "^[^\\u0000-\\u001f\\u007f]*" END

/* What no keyword of JSON Schema says. */
#define BEYOND                                                                   \
	"This is the form of an envelope; a CloudEvent's data are the payload. " \
	"x-personal marks what tells something about a person; strict "          \
	"validators want to be told of it. The library refuses some events "     \
	"that this schema cannot: with a member twice, a text with U+0000 or "   \
	"half a surrogate pair, more than 64 levels, more bytes than its "       \
	"limit, or a time that its offset or leap second moves out of the "      \
	"years 0001 to 9999 of UTC. Readers whose numbers are doubles cannot "   \
	"tell integers near the ends of 64 bits, or very small fractions, "      \
	"from their neighbours."

static void
put_text(psm_json_writer *w, const char *key, const char *text)
{
	psm_json_write_key(w, key);
	psm_json_write_string(w, text);
}

static void
put_int(psm_json_writer *w, const char *key, int number)
{
	psm_json_write_key(w, key);
	psm_json_write_int(w, number);
}

/* {"$ref": "<base><name>"} */
static void
put_ref(psm_json_writer *w, const char *base, const char *name)
{
	char ref[200];

	snprintf(ref, sizeof ref, "%s%s", base, name);
	psm_json_write_object(w);
	put_text(w, "$ref", ref);
	psm_json_write_end(w);
}

static void
open_object(psm_json_writer *w, const char *key)
{
	psm_json_write_key(w, key);
	psm_json_write_object(w);
}

static void
open_array(psm_json_writer *w, const char *key)
{
	psm_json_write_key(w, key);
	psm_json_write_array(w);
}

static int
is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* An integer of 64 bits. 2^63 itself is a double and a JSON number. */
static void
put_range(psm_json_writer *w, int is_key)
{
	psm_json_write_key(w, "minimum");
	if (is_key)
		psm_json_write_int(w, 1);
	else
		psm_json_write_int(w, INT64_MIN);
	psm_json_write_key(w, "exclusiveMaximum");
	psm_json_write_double(w, 9223372036854775808.0);
}

/* Anything but null. */
static void
put_not_null(psm_json_writer *w)
{
	open_object(w, "not");
	put_text(w, "type", "null");
	psm_json_write_end(w);
}

/* An id: an integer from 1 on, or where the type leaves it open, a short text.
 */
static void
put_any_id(psm_json_writer *w)
{
	open_array(w, "anyOf");
	psm_json_write_object(w);
	put_text(w, "type", "integer");
	put_range(w, 1);
	psm_json_write_end(w);
	psm_json_write_object(w);
	put_text(w, "type", "string");
	put_int(w, "minLength", 1);
	put_int(w, "maxLength", 200);
	psm_json_write_end(w);
	psm_json_write_end(w);
}

/* The members of a schema that say of which type a value is. */
static void
put_type(psm_json_writer *w, const char *type, int nullable, int is_key)
{
	const char *form = is(type, "date")       ? DATE_FORM
	                   : is(type, "time")     ? TIME_FORM
	                   : is(type, "datetime") ? DATETIME_FORM
	                                          : NULL;

	if (is(type, "any")) {
		if (is_key)
			put_any_id(w);
		else if (!nullable)
			put_not_null(w);
		return;
	}
	psm_json_write_key(w, "type");
	if (nullable)
		psm_json_write_array(w);
	psm_json_write_string(w, form ? "string" : type);
	if (nullable) {
		psm_json_write_string(w, "null");
		psm_json_write_end(w);
	}
	if (form)
		put_text(w, "pattern", form);
	if (is(type, "integer"))
		put_range(w, is_key);
}

static void
put_words(psm_json_writer *w, const psm_catalogue_field_info *f, int nullable)
{
	const char *word;
	size_t i;

	if (!psm_catalogue_field_word_at(f, 0))
		return;
	open_array(w, "enum");
	for (i = 0; (word = psm_catalogue_field_word_at(f, i)) != NULL; i++)
		psm_json_write_string(w, word);
	if (nullable)
		psm_json_write_null(w);
	psm_json_write_end(w);
}

typedef const psm_catalogue_field_info *(*field_at_fn)(const void *of,
                                                       size_t i);

static const psm_catalogue_field_info *
type_field(const void *of, size_t i)
{
	return psm_catalogue_type_field_at(of, i);
}

static const psm_catalogue_field_info *
child_field(const void *of, size_t i)
{
	return psm_catalogue_field_child_at(of, i);
}

static void put_field(psm_json_writer *w, const psm_catalogue_field_info *f,
                      int is_key);

/* "properties" and "required" of a list of fields. */
static void
put_fields(psm_json_writer *w, const void *of, field_at_fn at, const char *key)
{
	const psm_catalogue_field_info *f;
	size_t i;

	if (!at(of, 0))
		return;
	open_object(w, "properties");
	for (i = 0; (f = at(of, i)) != NULL; i++) {
		psm_json_write_key(w, psm_catalogue_field_name(f));
		put_field(w, f, key && is(key, psm_catalogue_field_name(f)));
	}
	psm_json_write_end(w);
	open_array(w, "required");
	for (i = 0; (f = at(of, i)) != NULL; i++)
		if (psm_catalogue_field_required(f))
			psm_json_write_string(w, psm_catalogue_field_name(f));
	psm_json_write_end(w);
}

static void
put_items(psm_json_writer *w, const psm_catalogue_field_info *f)
{
	open_object(w, "items");
	put_type(w, psm_catalogue_field_item_type(f),
	         is(psm_catalogue_field_item_type(f), "any"), 0);
	put_words(w, f, 0);
	put_fields(w, f, child_field, NULL);
	psm_json_write_end(w);
}

static void
put_field(psm_json_writer *w, const psm_catalogue_field_info *f, int is_key)
{
	psm_json_write_object(w);
	put_type(w, psm_catalogue_field_type(f),
	         psm_catalogue_field_nullable(f), is_key);
	if (psm_catalogue_field_item_type(f)) {
		put_items(w, f);
	} else {
		put_words(w, f, psm_catalogue_field_nullable(f));
		put_fields(w, f, child_field, NULL);
	}
	if (psm_catalogue_field_personal(f)) {
		psm_json_write_key(w, "x-personal");
		psm_json_write_bool(w, 1);
	}
	psm_json_write_end(w);
}

/* An object whose member name is an id; the member before it, unless NULL, is
 * null or not there. */
static void
put_present(psm_json_writer *w, const char *name, const char *before)
{
	psm_json_write_object(w);
	put_text(w, "type", "object");
	open_object(w, "properties");
	if (before) {
		open_object(w, before);
		put_text(w, "type", "null");
		psm_json_write_end(w);
	}
	open_object(w, name);
	put_text(w, "type", "integer");
	put_range(w, 1);
	psm_json_write_end(w);
	psm_json_write_end(w);
	open_array(w, "required");
	psm_json_write_string(w, name);
	psm_json_write_end(w);
	psm_json_write_end(w);
}

static void
put_payload(psm_json_writer *w, const psm_event_type_info *t)
{
	const char *key = psm_catalogue_type_key_field(t);
	const char *other = psm_catalogue_type_key_other(t);

	psm_json_write_object(w);
	put_text(w, "type", "object");
	put_fields(w, t, type_field, other ? NULL : key);
	if (other) {
		open_array(w, "anyOf");
		put_present(w, key, NULL);
		put_present(w, other, key);
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
}

/* Exactly one of the two writings of a name. */
static void
put_either(psm_json_writer *w, const char *snake, const char *camel)
{
	const char *names[] = {snake, camel};
	int i;

	psm_json_write_object(w);
	open_array(w, "oneOf");
	for (i = 0; i < 2; i++) {
		psm_json_write_object(w);
		put_text(w, "type", "object");
		open_object(w, "properties");
		psm_json_write_key(w, names[i]);
		psm_json_write_bool(w, 1);
		psm_json_write_end(w);
		open_array(w, "required");
		psm_json_write_string(w, names[i]);
		psm_json_write_end(w);
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
	psm_json_write_end(w);
}

static void
put_form(psm_json_writer *w, const char *name, const char *form)
{
	open_object(w, name);
	put_text(w, "type", "string");
	put_text(w, "pattern", form);
	psm_json_write_end(w);
}

/* What all types have in common. */
static void
put_envelope(psm_json_writer *w)
{
	static const char *const both[] = {"version", "timestamp", "producer",
	                                   "payload"};
	size_t i;

	open_object(w, "envelope");
	put_text(w, "type", "object");
	open_object(w, "properties");
	put_form(w, "event_id", UUID_FORM);
	put_form(w, "eventId", UUID_FORM);
	put_form(w, "version", "^1\\.(0|[1-9][0-9]{0,3})" END);
	put_form(w, "timestamp", DATETIME_FORM);
	open_object(w, "producer");
	put_text(w, "type", "string");
	put_int(w, "minLength", 1);
	put_int(w, "maxLength", 100);
	put_text(w, "pattern", NAME_FORM);
	psm_json_write_end(w);
	open_object(w, "payload");
	put_text(w, "type", "object");
	psm_json_write_end(w);
	psm_json_write_end(w);
	open_array(w, "required");
	for (i = 0; i < sizeof both / sizeof *both; i++)
		psm_json_write_string(w, both[i]);
	psm_json_write_end(w);
	open_array(w, "allOf");
	put_either(w, "event_id", "eventId");
	put_either(w, "event_type", "eventType");
	psm_json_write_end(w);
	psm_json_write_end(w);
}

static void
put_type_names(psm_json_writer *w, const char *key,
               const psm_event_type_info *t)
{
	const char *alias;
	size_t i;

	open_object(w, key);
	open_array(w, "enum");
	psm_json_write_string(w, psm_catalogue_type_name(t));
	for (i = 0; (alias = psm_catalogue_type_alias_at(t, i)) != NULL; i++)
		psm_json_write_string(w, alias);
	psm_json_write_end(w);
	psm_json_write_end(w);
}

/* One schema per type; base is where the schemas of the document stand. */
static void
put_schemas(psm_json_writer *w, const char *base)
{
	const psm_event_type_info *t;
	size_t i;

	put_envelope(w);
	for (i = 0; (t = psm_catalogue_at(i)) != NULL; i++) {
		open_object(w, psm_catalogue_type_name(t));
		put_text(w, "description", psm_catalogue_type_meaning(t));
		put_text(w, "type", "object");
		open_array(w, "allOf");
		put_ref(w, base, "envelope");
		psm_json_write_end(w);
		open_object(w, "properties");
		put_type_names(w, "event_type", t);
		put_type_names(w, "eventType", t);
		psm_json_write_key(w, "payload");
		put_payload(w, t);
		psm_json_write_end(w);
		psm_json_write_end(w);
	}
}

static int
finish(psm_json_writer *w, FILE *out)
{
	const char *text;
	size_t len;
	int rc;

	rc = psm_json_writer_finish(w, &text, &len, NULL);
	if (rc == 0 &&
	    (fwrite(text, 1, len, out) != len || putc('\n', out) < 0))
		rc = PSM_ERR_IO;
	psm_json_writer_free(w);
	return rc;
}

int
events_json_schema(FILE *out)
{
	psm_json_writer *w = psm_json_writer_new();
	size_t i;

	if (!w)
		return PSM_ERR_NOMEM;
	psm_json_write_object(w);
	put_text(w, "$schema", "https://json-schema.org/draft/2020-12/schema");
	put_text(w, "title", "psymatch events");
	put_text(w, "$comment", psm_version());
	put_text(w, "description", BEYOND);
	open_array(w, "oneOf");
	for (i = 0; i < psm_catalogue_count(); i++)
		put_ref(w, "#/$defs/",
		        psm_catalogue_type_name(psm_catalogue_at(i)));
	psm_json_write_end(w);
	open_object(w, "$defs");
	put_schemas(w, "#/$defs/");
	psm_json_write_end(w);
	psm_json_write_end(w);
	return finish(w, out);
}

static void
put_channel(psm_json_writer *w, const char *topic)
{
	const psm_event_type_info *t;
	size_t i;

	open_object(w, topic);
	put_text(w, "address", topic);
	open_object(w, "messages");
	for (i = 0; (t = psm_catalogue_at(i)) != NULL; i++) {
		if (!is(psm_catalogue_type_topic(t), topic))
			continue;
		psm_json_write_key(w, psm_catalogue_type_name(t));
		put_ref(w, "#/components/messages/",
		        psm_catalogue_type_name(t));
	}
	psm_json_write_end(w);
	open_object(w, "bindings");
	open_object(w, "kafka");
	put_text(w, "topic", topic);
	put_int(w, "partitions", psm_catalogue_partitions(topic));
	put_text(w, "bindingVersion", "0.5.0");
	psm_json_write_end(w);
	psm_json_write_end(w);
	psm_json_write_end(w);
}

typedef const char *(*name_at_fn)(const psm_event_type_info *t, size_t i);

static int
has_name(const psm_event_type_info *t, name_at_fn at, const char *name)
{
	const char *found;
	size_t i;

	for (i = 0; (found = at(t, i)) != NULL; i++)
		if (is(found, name))
			return 1;
	return 0;
}

/* Whether a row before the n-th says that service does this on topic. */
static int
done_before(size_t n, name_at_fn at, const char *service, const char *topic)
{
	const psm_event_type_info *t;
	size_t i;

	for (i = 0; i < n; i++) {
		t = psm_catalogue_at(i);
		if (is(psm_catalogue_type_topic(t), topic) &&
		    has_name(t, at, service))
			return 1;
	}
	return 0;
}

/* All that one service sends to a topic, or receives from it. */
static void
put_operation(psm_json_writer *w, const char *action, name_at_fn at,
              const char *service, const char *topic)
{
	const psm_event_type_info *t;
	char text[200];
	size_t i;

	snprintf(text, sizeof text, "%s.%s.%s", service, action, topic);
	open_object(w, text);
	put_text(w, "action", action);
	psm_json_write_key(w, "channel");
	put_ref(w, "#/channels/", topic);
	open_array(w, "messages");
	snprintf(text, sizeof text, "#/channels/%s/messages/", topic);
	for (i = 0; (t = psm_catalogue_at(i)) != NULL; i++)
		if (is(psm_catalogue_type_topic(t), topic) &&
		    has_name(t, at, service))
			put_ref(w, text, psm_catalogue_type_name(t));
	psm_json_write_end(w);
	psm_json_write_end(w);
}

static void
put_operations(psm_json_writer *w, const char *action, name_at_fn at)
{
	const psm_event_type_info *t;
	const char *service, *topic;
	size_t i, n;

	for (i = 0; (t = psm_catalogue_at(i)) != NULL; i++) {
		topic = psm_catalogue_type_topic(t);
		for (n = 0; (service = at(t, n)) != NULL; n++)
			if (!done_before(i, at, service, topic))
				put_operation(w, action, at, service, topic);
	}
}

static void
put_message(psm_json_writer *w, const psm_event_type_info *t)
{
	open_object(w, psm_catalogue_type_name(t));
	put_text(w, "name", psm_catalogue_type_name(t));
	put_text(w, "summary", psm_catalogue_type_meaning(t));
	put_text(w, "contentType", "application/json");
	psm_json_write_key(w, "payload");
	put_ref(w, "#/components/schemas/", psm_catalogue_type_name(t));
	open_object(w, "bindings");
	open_object(w, "kafka");
	open_object(w, "key");
	put_text(w, "type", "string");
	put_text(w, "description", psm_catalogue_type_key_field(t));
	psm_json_write_end(w);
	put_text(w, "bindingVersion", "0.5.0");
	psm_json_write_end(w);
	psm_json_write_end(w);
	psm_json_write_end(w);
}

int
events_asyncapi(FILE *out)
{
	psm_json_writer *w = psm_json_writer_new();
	const char *topic;
	size_t i;

	if (!w)
		return PSM_ERR_NOMEM;
	psm_json_write_object(w);
	put_text(w, "asyncapi", "3.0.0");
	open_object(w, "info");
	put_text(w, "title", "psymatch events");
	put_text(w, "version", psm_version());
	psm_json_write_end(w);
	put_text(w, "defaultContentType", "application/json");
	open_object(w, "channels");
	for (i = 0; (topic = psm_catalogue_topic_at(i)) != NULL; i++)
		put_channel(w, topic);
	psm_json_write_end(w);
	open_object(w, "operations");
	put_operations(w, "send", psm_catalogue_type_producer_at);
	put_operations(w, "receive", psm_catalogue_type_consumer_at);
	psm_json_write_end(w);
	open_object(w, "components");
	open_object(w, "messages");
	for (i = 0; i < psm_catalogue_count(); i++)
		put_message(w, psm_catalogue_at(i));
	psm_json_write_end(w);
	open_object(w, "schemas");
	put_schemas(w, "#/components/schemas/");
	psm_json_write_end(w);
	psm_json_write_end(w);
	psm_json_write_end(w);
	return finish(w, out);
}
