/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The envelope. An event keeps the document it was read from and points into
 * it: one allocation beside the document's own.
 */
#include <stdio.h>
#include <string.h>

#include "event/event_int.h"
#include "json/json.h"

static const char *const member_names[][N_MEMBERS] = {
    [PSM_WIRE_SNAKE] = {"event_id", "event_type", "version", "timestamp",
                        "producer", "payload"},
    [PSM_WIRE_CAMEL] = {"eventId", "eventType", "version", "timestamp",
                        "producer", "payload"},
};

/* Bytes; long enough for any name that a person would give. */
#define NAME_MAX_LEN 100

static int
check_type(const char *text, psm_error *err)
{
	if (!psm__is_type_name(text) || strlen(text) > NAME_MAX_LEN)
		return psm__fail(err, PSM_ERR_SCHEMA,
		                 "event_type: want \"noun.verb\" in small "
		                 "letters, found another text");
	return 0;
}

static int
check_version(const char *text, psm_error *err)
{
	unsigned major, minor;

	if (!psm__version_read(text, &major, &minor))
		return psm__fail(err, PSM_ERR_SCHEMA,
		                 "version: want \"major.minor\", found "
		                 "another text");
	if (major != 1)
		return psm__fail(err, PSM_ERR_VERSION,
		                 "version: want 1.x, found %u.%u", major,
		                 minor);
	return 0;
}

static int
check_producer(const char *text, psm_error *err)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len = strnlen(text, NAME_MAX_LEN + 1);

	for (; *p >= 0x20 && *p != 0x7f; p++)
		;
	if (len == 0 || len > NAME_MAX_LEN || *p)
		return psm__fail(err, PSM_ERR_SCHEMA,
		                 "producer: want a name of 1 to %d bytes, "
		                 "found another text",
		                 NAME_MAX_LEN);
	return 0;
}

/* Years 1 to 9999, which is what a timestamp can say. */
static int
check_time(int64_t time_us, psm_error *err)
{
	if (time_us >= INT64_C(-62135596800000000) &&
	    time_us <= INT64_C(253402300799999999))
		return 0;
	return psm__fail(err, PSM_ERR_SCHEMA,
	                 "timestamp: want a year from 1 to 9999, found "
	                 "another one");
}

static int
check_member(enum member which, const char *text, int64_t *time_us,
             psm_error *err)
{
	switch (which) {
	case ID:
		if (psm_uuid_valid(text, strlen(text)))
			return 0;
		return psm__fail(err, PSM_ERR_SCHEMA,
		                 "event_id: want a UUID, found another text");
	case TYPE:
		return check_type(text, err);
	case VERSION:
		return check_version(text, err);
	case TIMESTAMP:
		if (psm_time_parse(text, strlen(text), time_us, NULL) == 0)
			return check_time(*time_us, err);
		return psm__fail(err, PSM_ERR_SCHEMA,
		                 "timestamp: want YYYY-MM-DDTHH:MM:SSZ, found "
		                 "another text");
	default:
		return check_producer(text, err);
	}
}

/* Which member a key means in either writing; N_MEMBERS if none. */
static enum member
member_index(const char *key)
{
	int i;

	for (i = 0; i < N_MEMBERS; i++)
		if (strcmp(key, member_names[PSM_WIRE_SNAKE][i]) == 0 ||
		    strcmp(key, member_names[PSM_WIRE_CAMEL][i]) == 0)
			break;
	return (enum member)i;
}

/* Add to err where the value of a member stands. */
static int
at_member(const psm_json *v, const char *key, int rc, psm_error *err)
{
	char pointer[32];

	snprintf(pointer, sizeof pointer, "%s%s", key[0] ? "/" : "", key);
	psm__error_pointer(err, pointer);
	psm__error_position(err, psm__json_position(v));
	return rc;
}

static int
read_payload(psm_event *ev, const psm_json *v, const char *key, psm_error *err)
{
	if (psm_json_kind(v) != PSM_JSON_OBJECT) {
		psm__fail(err, PSM_ERR_SCHEMA, "payload: want object, found %s",
		          psm_json_kind_name(psm_json_kind(v)));
		return at_member(v, key, PSM_ERR_SCHEMA, err);
	}
	ev->payload = v;
	return 0;
}

static int
read_member(psm_event *ev, enum member which, const psm_json *v,
            const char *key, psm_error *err)
{
	const char *text;
	int rc;

	if (which == PAYLOAD ? ev->payload != NULL : ev->text[which] != NULL) {
		psm__fail(err, PSM_ERR_SCHEMA,
		          "%s: want one of %s and %s, found both", key,
		          member_names[PSM_WIRE_SNAKE][which],
		          member_names[PSM_WIRE_CAMEL][which]);
		return at_member(v, key, PSM_ERR_SCHEMA, err);
	}
	if (which == PAYLOAD)
		return read_payload(ev, v, key, err);
	text = psm_json_string(v);
	if (!text) {
		psm__fail(err, PSM_ERR_SCHEMA, "%s: want string, found %s", key,
		          psm_json_kind_name(psm_json_kind(v)));
		return at_member(v, key, PSM_ERR_SCHEMA, err);
	}
	rc = check_member(which, text, &ev->timestamp_us, err);
	if (rc < 0)
		return at_member(v, key, rc, err);
	ev->text[which] = text;
	return 0;
}

static int
read_envelope(psm_event *ev, psm_error *err)
{
	size_t i, count = psm_json_count(ev->root);
	const psm_json *root = ev->root;
	enum member which;
	int rc, n;

	if (psm_json_kind(root) != PSM_JSON_OBJECT)
		return at_member(
		    root, "",
		    psm__fail(err, PSM_ERR_SCHEMA,
		              "event: want object, found %s",
		              psm_json_kind_name(psm_json_kind(root))),
		    err);
	for (i = 0; i < count; i++) {
		const char *key = psm_json_key(root, i);

		which = member_index(key);
		if (which == N_MEMBERS)
			continue;
		rc = read_member(ev, which, psm_json_item(root, i), key, err);
		if (rc < 0)
			return rc;
	}
	for (n = 0; n < N_MEMBERS; n++) {
		if (n == PAYLOAD ? ev->payload != NULL : ev->text[n] != NULL)
			continue;
		psm__fail(err, PSM_ERR_SCHEMA, "%s: missing",
		          member_names[PSM_WIRE_SNAKE][n]);
		return at_member(root, member_names[PSM_WIRE_SNAKE][n],
		                 PSM_ERR_SCHEMA, err);
	}
	return 0;
}

/* Check the payload of a known type and note its key. */
static int
take_payload(psm_event *ev, const char *where, psm_error *err)
{
	const psm_json *key;
	const char *digits;
	size_t len;
	int rc;

	ev->info = psm_catalogue_find(ev->text[TYPE]);
	if (!ev->info)
		return 0;
	rc = psm__payload_check(ev->info, ev->payload, where, err);
	if (rc < 0)
		return rc;
	key = psm__payload_key(ev->info, ev->payload);
	ev->key = psm_json_string(key);
	if (ev->key)
		return 0;
	/* An integer above 0 is written in one way only. */
	digits = psm_json_text(key, &len);
	if (len >= sizeof ev->number)
		return psm__fail(err, PSM_ERR_SCHEMA, "the key is too long");
	memcpy(ev->number, digits, len);
	ev->key = ev->number;
	return 0;
}

static int
check_size(size_t len, psm_error *err)
{
	if (len <= PSM_EVENT_MAX)
		return 0;
	return psm__fail(err, PSM_ERR_TOO_LARGE,
	                 "event: want at most %d bytes, found %zu",
	                 PSM_EVENT_MAX, len);
}

int
psm_event_parse(const char *json, size_t len, psm_event **out, psm_error *err)
{
	psm_event *ev = NULL;
	int rc;

	psm__error_clear(err);
	if (out)
		*out = NULL;
	if (!json || !out)
		return psm__fail(err, PSM_ERR_INVAL, "%s is NULL",
		                 json ? "out" : "json");
	rc = check_size(len, err);
	if (rc < 0)
		return rc;
	ev = psm__alloc(sizeof *ev);
	if (!ev)
		return psm__nomem(err);
	rc = psm_json_parse(json, len, &ev->doc, err);
	if (rc < 0)
		goto out;
	ev->root = ev->doc;
	rc = read_envelope(ev, err);
	if (rc < 0)
		goto out;
	rc = take_payload(ev, "/payload", err);
	if (rc < 0)
		goto out;
	*out = ev;
	ev = NULL; /* the caller's now */
out:
	psm_event_free(ev);
	return rc;
}

/* Copy the texts behind the event, which is large enough. */
static void
copy_texts(psm_event *ev, const char *const *texts)
{
	char *to = ev->copies;
	size_t size;
	int i;

	for (i = 0; i < PAYLOAD; i++) {
		if (!texts[i])
			continue;
		size = strlen(texts[i]) + 1;
		memcpy(to, texts[i], size);
		ev->text[i] = to;
		to += size;
	}
}

static int
from_texts(const char *const *texts, int64_t timestamp_us, const char *payload,
           size_t len, psm_event **out, psm_error *err)
{
	psm_event *ev = NULL;
	size_t size = sizeof *ev;
	int rc, i;

	for (i = 0; i < PAYLOAD; i++) {
		if (i == TIMESTAMP)
			continue;
		rc = check_member((enum member)i, texts[i], NULL, err);
		if (rc < 0)
			return rc;
		size += strlen(texts[i]) + 1;
	}
	rc = check_time(timestamp_us, err);
	if (rc < 0)
		return rc;
	/* Names and punctuation of an envelope come to less than 200 bytes. */
	rc = check_size(len + size + 200, err);
	if (rc < 0)
		return rc;
	ev = psm__alloc(size);
	if (!ev)
		return psm__nomem(err);
	copy_texts(ev, texts);
	ev->timestamp_us = timestamp_us;
	rc = psm_json_parse(payload, len, &ev->doc, err);
	if (rc < 0)
		goto out;
	ev->payload = ev->doc;
	rc = psm__fields_check(NULL, ev->payload, "", err);
	if (rc < 0)
		goto out;
	rc = take_payload(ev, "", err);
	if (rc < 0)
		goto out;
	*out = ev;
	ev = NULL; /* the caller's now */
out:
	psm_event_free(ev);
	return rc;
}

int
psm_event_new(const char *type, const char *producer, const char *payload,
              size_t payload_len, psm_event **out, psm_error *err)
{
	const char *texts[PAYLOAD] = {NULL};
	const psm_event_type_info *t;
	char id[37];
	int rc;

	psm__error_clear(err);
	if (out)
		*out = NULL;
	if (!type || !producer || !payload || !out)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "type, producer, payload or out is NULL");
	t = psm_catalogue_find(type);
	if (!t)
		return psm__unknown_type(type, err);
	rc = psm_uuid_new(id, sizeof id);
	if (rc < 0)
		return psm__fail(err, rc, "no random bytes for an event id");
	texts[ID] = id;
	texts[TYPE] = psm_type_name(t);
	texts[VERSION] = psm_type_version(t);
	texts[PRODUCER] = producer;
	return from_texts(texts, psm_now_us(), payload, payload_len, out, err);
}

int
psm__event_from_parts(const struct psm__event_parts *parts, psm_event **out,
                      psm_error *err)
{
	const char *texts[PAYLOAD] = {NULL};

	*out = NULL;
	texts[ID] = parts->id;
	texts[TYPE] = parts->type;
	texts[VERSION] = parts->version;
	texts[PRODUCER] = parts->producer;
	return from_texts(texts, parts->timestamp_us, parts->payload,
	                  parts->payload_len, out, err);
}

int
psm_event_upcast(const psm_event *old, const char *version, const char *payload,
                 size_t payload_len, psm_event **out, psm_error *err)
{
	const char *texts[PAYLOAD] = {NULL};
	int rc;

	psm__error_clear(err);
	if (out)
		*out = NULL;
	if (!old || !version || !payload || !out)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "old, version, payload or out is NULL");
	memcpy(texts, old->text, sizeof texts);
	texts[TIMESTAMP] = NULL; /* it is a number here */
	texts[VERSION] = version;
	rc = from_texts(texts, old->timestamp_us, payload, payload_len, out,
	                err);
	if (rc < 0)
		return rc;
	(*out)->trace = old->trace;
	return 0;
}

void
psm_event_free(psm_event *ev)
{
	if (!ev)
		return;
	psm_json_free(ev->doc);
	psm__free(ev);
}

/* A JSON string; the texts are valid UTF-8 already. */
static void
put_string(struct psm__buf *b, const char *text)
{
	const char *p = text;
	size_t plain;

	psm__buf_putc(b, '"');
	for (;;) {
		for (plain = 0; (unsigned char)p[plain] >= 0x20 &&
		                p[plain] != '"' && p[plain] != '\\';
		     plain++)
			;
		psm__buf_put(b, p, plain);
		p += plain;
		if (!*p)
			break;
		if (*p == '"' || *p == '\\') {
			psm__buf_putc(b, '\\');
			psm__buf_putc(b, *p);
		} else {
			psm__buf_printf(b, "\\u%04x", (unsigned)*p);
		}
		p++;
	}
	psm__buf_putc(b, '"');
}

static void
put_member(struct psm__buf *b, const char *name, const psm_json *v)
{
	const char *text;
	size_t len;

	psm__buf_putc(b, ',');
	put_string(b, name);
	psm__buf_putc(b, ':');
	text = psm_json_text(v, &len);
	psm__buf_put(b, text, len);
}

/* Members that this release does not know go on unchanged. */
static void
put_others(struct psm__buf *b, const psm_json *root)
{
	size_t i, count = psm_json_count(root);
	const char *key;

	for (i = 0; i < count; i++) {
		key = psm_json_key(root, i);
		if (member_index(key) == N_MEMBERS)
			put_member(b, key, psm_json_item(root, i));
	}
}

static void
put_event(struct psm__buf *b, const psm_event *ev, const char *const *names)
{
	char when[32];
	int i;

	psm_time_format(ev->timestamp_us, when, sizeof when);
	for (i = 0; i < PAYLOAD; i++) {
		psm__buf_putc(b, i ? ',' : '{');
		put_string(b, names[i]);
		psm__buf_putc(b, ':');
		put_string(b, i == TIMESTAMP ? when : ev->text[i]);
	}
	put_member(b, names[PAYLOAD], ev->payload);
	if (ev->root)
		put_others(b, ev->root);
	psm__buf_putc(b, '}');
}

int
psm_event_encode(const psm_event *ev, int wire, char **text, size_t *len,
                 psm_error *err)
{
	struct psm__buf b = {0};
	size_t room;

	psm__error_clear(err);
	if (text)
		*text = NULL;
	if (!ev || !text || !len)
		return psm__fail(err, PSM_ERR_INVAL, "ev, text or len is NULL");
	if (wire != PSM_WIRE_SNAKE && wire != PSM_WIRE_CAMEL)
		return psm__fail(err, PSM_ERR_INVAL, "no such wire: %d", wire);
	/* Enough for most events, so that the buffer need not grow. */
	psm_json_text(ev->root ? ev->root : ev->payload, &room);
	if (psm__grow(&b.data, &b.cap, room + 512, 1) < 0)
		return psm__nomem(err);
	put_event(&b, ev, member_names[wire]);
	*text = psm__buf_take(&b, len);
	psm__buf_free(&b);
	return *text ? 0 : psm__nomem(err);
}

const char *
psm_event_id(const psm_event *ev)
{
	return ev ? ev->text[ID] : NULL;
}

const char *
psm_event_type(const psm_event *ev)
{
	if (!ev)
		return NULL;
	return ev->info ? ev->info->name : ev->text[TYPE];
}

const char *
psm_event_type_as_sent(const psm_event *ev)
{
	return ev ? ev->text[TYPE] : NULL;
}

const char *
psm_event_version(const psm_event *ev)
{
	return ev ? ev->text[VERSION] : NULL;
}

int64_t
psm_event_timestamp_us(const psm_event *ev)
{
	return ev ? ev->timestamp_us : 0;
}

const char *
psm_event_producer(const psm_event *ev)
{
	return ev ? ev->text[PRODUCER] : NULL;
}

const psm_json *
psm_event_payload(const psm_event *ev)
{
	return ev ? ev->payload : NULL;
}
