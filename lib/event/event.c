/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The envelope. An event is read in one pass (stream.c); what that does not
 * take is read into a tree here, which knows what to say about it.
 */
#include <stdio.h>
#include <string.h>

#include "event/cloudevent.h"
#include "event/event_int.h"
#include "json/json.h"

static int
check_type(const char *text, psm_error *err)
{
	if (!psm__is_type_name(text) || strlen(text) > PSM__NAME_MAX)
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
	size_t len;

	for (; *p >= 0x20 && *p != 0x7f; p++)
		;
	len = (size_t)(p - (const unsigned char *)text);
	if (!*text || *p || psm__utf8_check(text, len) < len ||
	    !psm__utf8_at_most(text, len, PSM__NAME_MAX))
		return psm__fail(err, PSM_ERR_SCHEMA,
		                 "producer: want a name of 1 to %d characters, "
		                 "found another text",
		                 PSM__NAME_MAX);
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

/* What is read from a tree: the pieces lie in its strings and its text. */
struct draft {
	struct psm__stream s;
	const psm_json *root; /* the envelope; NULL: only a payload */
	const psm_json *payload;
	char key[24]; /* of an id that is a number */
};

static int
read_payload(struct draft *d, const psm_json *v, const char *key,
             psm_error *err)
{
	if (psm_json_kind(v) != PSM_JSON_OBJECT) {
		psm__fail(err, PSM_ERR_SCHEMA, "payload: want object, found %s",
		          psm_json_kind_name(psm_json_kind(v)));
		return at_member(v, key, PSM_ERR_SCHEMA, err);
	}
	d->payload = v;
	return 0;
}

static int
is_there(const struct draft *d, int which)
{
	return which == PAYLOAD ? d->payload != NULL
	                        : d->s.text[which].text != NULL;
}

static int
read_member(struct draft *d, enum member which, const psm_json *v,
            const char *key, psm_error *err)
{
	const char *text;
	int rc;

	if (is_there(d, which)) {
		psm__fail(err, PSM_ERR_SCHEMA,
		          "%s: want one of %s and %s, found both", key,
		          psm__member_name(PSM_WIRE_SNAKE, which),
		          psm__member_name(PSM_WIRE_CAMEL, which));
		return at_member(v, key, PSM_ERR_SCHEMA, err);
	}
	if (which == PAYLOAD)
		return read_payload(d, v, key, err);
	text = psm_json_string(v);
	if (!text) {
		psm__fail(err, PSM_ERR_SCHEMA, "%s: want string, found %s", key,
		          psm_json_kind_name(psm_json_kind(v)));
		return at_member(v, key, PSM_ERR_SCHEMA, err);
	}
	rc = check_member(which, text, &d->s.timestamp_us, err);
	if (rc < 0)
		return at_member(v, key, rc, err);
	d->s.text[which] = (struct psm__piece){text, strlen(text)};
	return 0;
}

static int
read_envelope(struct draft *d, psm_error *err)
{
	size_t i, count = psm_json_count(d->root);
	const psm_json *root = d->root;
	enum member which;
	const char *name;
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

		which = psm__member_index(key, strlen(key), ID);
		d->s.others |= which == N_MEMBERS;
		if (which == N_MEMBERS)
			continue;
		rc = read_member(d, which, psm_json_item(root, i), key, err);
		if (rc < 0)
			return rc;
	}
	for (n = 0; n < N_MEMBERS; n++) {
		if (is_there(d, n))
			continue;
		name = psm__member_name(PSM_WIRE_SNAKE, (enum member)n);
		psm__fail(err, PSM_ERR_SCHEMA, "%s: missing", name);
		return at_member(root, name, PSM_ERR_SCHEMA, err);
	}
	return 0;
}

/* Check the payload of a known type and note its key. */
static int
take_payload(struct draft *d, const char *where, psm_error *err)
{
	struct psm__stream *s = &d->s;
	const psm_json *key;
	int64_t id = 0;
	int rc;

	s->payload.text = psm_json_text(d->payload, &s->payload.len);
	if (!s->info)
		return 0;
	rc = psm__payload_check(s->info, d->payload, where, err);
	if (rc < 0)
		return rc;
	key = psm__payload_key(s->info, d->payload);
	s->key.text = psm_json_string(key);
	if (!s->key.text) {
		/* 7.0 is the id 7. */
		rc = psm_json_get_int(key, &id, err);
		if (rc < 0)
			return rc;
		(void)snprintf(d->key, sizeof(d->key), "%lld", (long long)id);
		s->key.text = d->key;
	}
	s->key.len = strlen(s->key.text);
	return 0;
}

/* memcpy for a few dozen bytes, without the call. */
static inline void
copy_short(char *to, const char *from, size_t len)
{
	size_t i;

	if (len < 4) {
		for (i = 0; i < len; i++)
			to[i] = from[i];
		return;
	}
	if (len < 8) {
		uint32_t first, last;

		memcpy(&first, from, 4);
		memcpy(&last, from + len - 4, 4);
		memcpy(to, &first, 4);
		memcpy(to + len - 4, &last, 4);
		return;
	}
	for (i = 0; i + 8 < len; i += 8)
		memcpy(to + i, from + i, 8);
	memcpy(to + len - 8, from + len - 8, 8);
}

/* Copy a piece to *to, which moves behind its NUL. */
static const char *
put_piece(char **to, const struct psm__piece *piece)
{
	char *at = *to;

	copy_short(at, piece->text, piece->len);
	at[piece->len] = '\0';
	*to = at + piece->len + 1;
	return at;
}

/*
 * The event of what was found, with payload, if there is a tree, which is
 * taken; else with a copy of raw, from which a tree can be made later.
 */
static psm_event *
build(const struct psm__stream *s, const psm_json *payload,
      struct psm__piece raw, int enveloped)
{
	size_t size = sizeof(psm_event) + raw.len + 1 + s->key.len + 1;
	psm_event *ev;
	char *to;
	int i;

	for (i = 0; i < PAYLOAD; i++)
		size += s->text[i].len + 1;
	ev = psm__realloc(NULL, size);
	if (!ev)
		return NULL;
	memset(ev, 0, sizeof *ev);
	to = ev->bytes;
	for (i = 0; i < PAYLOAD; i++)
		if (i != TIMESTAMP)
			ev->text[i] = put_piece(&to, &s->text[i]);
	if (s->info)
		ev->key = put_piece(&to, &s->key);
	ev->texts_len = (size_t)(to - ev->bytes);
	ev->info = s->info;
	ev->timestamp_us = s->timestamp_us;
	ev->others = s->others;
	ev->enveloped = enveloped;
	ev->as_written = enveloped && s->as_written;
	ev->payload = payload;
	ev->payload_text = s->payload;
	if (!payload) {
		ev->raw.len = raw.len;
		ev->raw.text = to;
		memcpy(to, raw.text, raw.len);
		to[raw.len] = '\0';
		ev->payload_text.text =
		    ev->raw.text + (s->payload.text - raw.text);
	}
	return ev;
}

/* The same from a draft, whose document is taken, also by a failure. */
static int
build_draft(const struct draft *d, psm_json *doc, psm_event **out,
            psm_error *err)
{
	static const struct psm__piece nothing = {"", 0};

	*out = build(&d->s, d->payload, nothing, d->root != NULL);
	if (*out)
		return 0;
	psm_json_free(doc);
	return psm__nomem(err);
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

/* A payload that the pass did not take. */
static int
read_parts(struct draft *d, const char *payload, size_t len, psm_event **out,
           psm_error *err)
{
	psm_json *doc = NULL;
	int rc = psm_json_parse(payload, len, &doc, err);

	if (rc < 0)
		return rc;
	d->payload = doc;
	if (psm__json_doc(doc)->depth > PSM__PAYLOAD_MAX_DEPTH)
		rc = psm__fail(err, PSM_ERR_PARSE,
		               "payload: want at most %d levels of nesting, "
		               "found %u",
		               PSM__PAYLOAD_MAX_DEPTH,
		               psm__json_doc(doc)->depth);
	if (rc == 0)
		rc = psm__fields_check(NULL, doc, "", err);
	if (rc == 0)
		rc = take_payload(d, "", err);
	if (rc == 0)
		return build_draft(d, doc, out, err);
	psm_json_free(doc);
	return rc;
}

/* Check the texts and the time of an event with len bytes of payload; root is
 * the CloudEvent whose members they are, or NULL. */
static int
take_texts(struct draft *d, const struct psm__event_parts *parts,
           const psm_json *root, size_t len, psm_error *err)
{
	static const char *const names[PAYLOAD] = {[ID] = "id",
	                                           [TYPE] = "type",
	                                           [VERSION] = "schemaversion",
	                                           [PRODUCER] = "source"};
	const char *texts[PAYLOAD] = {[ID] = parts->id,
	                              [TYPE] = parts->type,
	                              [VERSION] = parts->version,
	                              [PRODUCER] = parts->producer};
	/* Names and punctuation of an envelope, its time and the escapes of the
	 * producer's name come to less. */
	size_t size = 300;
	int rc, i;

	for (i = 0; i < PAYLOAD; i++) {
		if (i == TIMESTAMP)
			continue;
		rc = check_member((enum member)i, texts[i], NULL, err);
		if (rc < 0 && root)
			at_member(psm__json_member(root, names[i]), names[i],
			          rc, err);
		if (rc < 0)
			return rc;
		d->s.text[i] = (struct psm__piece){texts[i], strlen(texts[i])};
		size += d->s.text[i].len;
	}
	d->s.timestamp_us = parts->timestamp_us;
	rc = check_time(d->s.timestamp_us, err);
	return rc < 0 ? rc : check_size(len + size, err);
}

/* As psm__event_from_parts(); root as take_texts() has it. */
static int
from_parts(const struct psm__event_parts *parts, const psm_json *root,
           psm_event **out, psm_error *err)
{
	struct draft d = {.payload = NULL};
	struct psm__piece payload = {parts->payload, parts->payload_len};
	int rc;

	rc = take_texts(&d, parts, root, payload.len, err);
	if (rc < 0)
		return rc;
	d.s.info = psm_catalogue_find(parts->type);
	if (!psm__stream_payload(d.s.info, payload.text, payload.len, &d.s)) {
		d.s.key = (struct psm__piece){NULL, 0};
		return read_parts(&d, payload.text, payload.len, out, err);
	}
	*out = build(&d.s, NULL, payload, 0);
	return *out ? 0 : psm__nomem(err);
}

int
psm__event_from_parts(const struct psm__event_parts *parts, psm_event **out,
                      psm_error *err)
{
	*out = NULL;
	return from_parts(parts, NULL, out, err);
}

/* -- CloudEvents */

/* The payload stands in the document, which is taken. */
static int
read_data(const struct psm__cloudevent *ce, psm_json *doc, psm_event **out,
          psm_error *err)
{
	struct draft d = {.payload = ce->data};
	size_t len;
	int rc;

	(void)psm_json_text(ce->data, &len);
	rc = take_texts(&d, &ce->parts, doc, len, err);
	if (rc == 0) {
		rc = psm__fields_check(NULL, ce->data, "/data", err);
		d.s.info = psm_catalogue_find(ce->parts.type);
	}
	if (rc == 0)
		rc = take_payload(&d, "/data", err);
	if (rc == 0)
		return build_draft(&d, doc, out, err);
	psm_json_free(doc);
	return rc;
}

/* What was made of it, with its trace. */
static int
finish(const struct psm__cloudevent *ce, int rc, psm_event **out,
       psm_error *err)
{
	if (rc < 0) {
		psm__error_prefix(err, "CloudEvent: ");
		return rc;
	}
	if (psm__event_read_headers(*out, ce->trace, ce->trace_count) >= 0)
		return 0;
	psm_event_free(*out);
	*out = NULL;
	return psm__nomem(err);
}

/* doc is taken. */
static int
read_cloudevent(psm_json *doc, psm_event **out, psm_error *err)
{
	struct psm__cloudevent ce;
	int rc = psm__cloudevent_of_tree(doc, &ce, err);

	if (rc == 0 && ce.data) {
		rc = read_data(&ce, doc, out, err);
		doc = NULL;
	} else if (rc == 0) {
		rc = from_parts(&ce.parts, doc, out, err);
	}
	rc = finish(&ce, rc, out, err);
	psm__cloudevent_free(&ce);
	psm_json_free(doc);
	return rc;
}

int
psm__event_read(const char *json, size_t len, psm_event **out, psm_error *err)
{
	struct draft d = {.payload = NULL};
	psm_json *doc = NULL;
	int rc = psm_json_parse(json, len, &doc, err);

	*out = NULL;
	if (rc < 0)
		return rc;
	if (psm__cloudevent_is_tree(doc))
		return read_cloudevent(doc, out, err);
	d.root = doc;
	rc = read_envelope(&d, err);
	if (rc == 0) {
		d.s.info = psm_catalogue_find(d.s.text[TYPE].text);
		rc = take_payload(&d, "/payload", err);
	}
	if (rc == 0)
		return build_draft(&d, doc, out, err);
	psm_json_free(doc);
	return rc;
}

int
psm_event_parse(const char *json, size_t len, psm_event **out, psm_error *err)
{
	struct psm__stream s;
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
	if (!psm__stream_event(json, len, &s))
		return psm__event_read(json, len, out, err);
	*out = build(&s, NULL, (struct psm__piece){json, len}, 1);
	return *out ? 0 : psm__nomem(err);
}

int
psm__event_from_record(const struct psm__header *headers, size_t count,
                       const void *value, size_t len, psm_event **out,
                       psm_error *err)
{
	struct psm__cloudevent ce;
	int rc;

	if (!psm__cloudevent_is_binary(headers, count))
		return psm_event_parse(value, len, out, err);
	psm__error_clear(err);
	*out = NULL;
	rc = psm__cloudevent_of_record(headers, count, value, len, &ce, err);
	if (rc == 0) /* the text in which it may be kept can be read, too */
		rc = psm__cloudevent_check_joined(headers, count, value, len,
		                                  err);
	if (rc == 0)
		rc = psm__event_from_parts(&ce.parts, out, err);
	rc = finish(&ce, rc, out, err);
	psm__cloudevent_free(&ce);
	return rc;
}

int
psm_event_new(const char *type, const char *producer, const char *payload,
              size_t payload_len, psm_event **out, psm_error *err)
{
	struct psm__event_parts parts = {.producer = producer,
	                                 .payload = payload,
	                                 .payload_len = payload_len};
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
	parts.id = id;
	parts.type = psm_catalogue_type_name(t);
	parts.version = psm_catalogue_type_version(t);
	parts.timestamp_us = psm_now_us();
	return from_parts(&parts, NULL, out, err);
}

int
psm_event_upcast(const psm_event *old, const char *version, const char *payload,
                 size_t payload_len, psm_event **out, psm_error *err)
{
	struct psm__event_parts parts = {
	    .version = version, .payload = payload, .payload_len = payload_len};
	int rc;

	psm__error_clear(err);
	if (out)
		*out = NULL;
	if (!old || !version || !payload || !out)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "old, version, payload or out is NULL");
	parts.id = old->text[ID];
	parts.type = old->text[TYPE];
	parts.producer = old->text[PRODUCER];
	parts.timestamp_us = old->timestamp_us;
	rc = from_parts(&parts, NULL, out, err);
	if (rc < 0)
		return rc;
	rc = psm__event_copy_trace(*out, old);
	if (rc == 0)
		return 0;
	psm_event_free(*out);
	*out = NULL;
	return psm__nomem(err);
}

void
psm_event_free(psm_event *ev)
{
	if (!ev)
		return;
	/* Any value stands for its document. */
	if (ev->payload)
		psm_json_free((psm_json *)(uintptr_t)ev->payload);
	if (ev->trace)
		psm__trace_free(ev->trace);
	psm__free(ev);
}
