/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An event as JSON. The payload is copied unchanged, so nothing is serialised:
 * the pieces are concatenated in a buffer that is large enough. In the
 * functions below, to is where the next byte goes.
 */
#include <string.h>

#include "event/cloudevent.h"
#include "event/event_int.h"
#include "json/json.h"

/* The envelope around a payload. */
static const psm_json *
root_of(const psm_json *payload)
{
	return psm__json_doc(payload)->value;
}

static char *
put(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

/* The inside of a JSON string. */
static char *
put_quoted(char *to, const char *text)
{
	size_t len = strlen(text), plain;

	for (;;) {
		plain = psm__quote_plain(text, len);
		to = put(to, text, plain);
		if (plain == len)
			return to;
		to += psm__quote_byte(text[plain], to);
		text += plain + 1;
		len -= plain + 1;
	}
}

/* Members that this release does not know are kept unchanged. */
static char *
put_others(char *to, const psm_json *root)
{
	size_t i, count = psm_json_count(root), len;
	const char *key, *text;

	for (i = 0; i < count; i++) {
		key = psm_json_key(root, i);
		if (psm__member_index(key, strlen(key), ID) != N_MEMBERS)
			continue;
		text = psm_json_text(psm_json_item(root, i), &len);
		to = put(to, ",\"", 2);
		to = put_quoted(to, key);
		to = put(to, "\":", 2);
		to = put(to, text, len);
	}
	return to;
}

/* What stands before each member and behind the one before it. */
#define BEFORE(text)                                                           \
	{                                                                      \
		text, sizeof text - 1                                          \
	}
static const struct psm__piece before[][N_MEMBERS] = {
    [PSM_WIRE_SNAKE] =
	{
	    BEFORE("{\"event_id\":\""),
	    BEFORE("\",\"event_type\":\""),
	    BEFORE("\",\"version\":\""),
	    BEFORE("\",\"timestamp\":\""),
	    BEFORE("\",\"producer\":\""),
	    BEFORE("\",\"payload\":"),
	},
    [PSM_WIRE_CAMEL] =
	{
	    BEFORE("{\"eventId\":\""),
	    BEFORE("\",\"eventType\":\""),
	    BEFORE("\",\"version\":\""),
	    BEFORE("\",\"timestamp\":\""),
	    BEFORE("\",\"producer\":\""),
	    BEFORE("\",\"payload\":"),
	},
};

/* Bytes that the unknown members need; escaping makes up to six of a byte of a
 * key. */
static size_t
room_for_others(const psm_json *root)
{
	size_t i, count = psm_json_count(root), room = 0, len;

	for (i = 0; i < count; i++) {
		(void)psm_json_text(psm_json_item(root, i), &len);
		room += 5 + 6 * strlen(psm_json_key(root, i)) + len;
	}
	return room;
}

size_t
psm__event_room(const psm_event *ev)
{
	/* Names, punctuation and time come to less than 200 bytes; of the
	 * producer's name each byte may become two. */
	size_t room =
	    200 + ev->texts_len + PSM__NAME_MAX + ev->payload_text.len;
	const psm_json *payload;

	if (!ev->others)
		return room;
	payload = psm_event_payload(ev);
	return payload ? room + room_for_others(root_of(payload)) : 0;
}

const char *
psm__event_text(const psm_event *ev, int wire, size_t *len)
{
	if (!ev->as_written || wire != PSM_WIRE_SNAKE)
		return NULL;
	*len = ev->raw.len;
	return ev->raw.text;
}

size_t
psm__event_write(const psm_event *ev, int wire, char *to)
{
	const struct psm__piece *lead = before[wire];
	char *at = to;
	size_t len;
	int i;

	if (psm__event_text(ev, wire, &len)) {
		memcpy(to, ev->raw.text, len);
		return len;
	}

	for (i = 0; i < N_MEMBERS; i++) {
		at = put(at, lead[i].text, lead[i].len);
		if (i == TIMESTAMP) {
			/* 27 bytes, and never fails for a checked time. */
			(void)psm_time_format(ev->timestamp_us, at, 32);
			at += strlen(at);
		} else if (i == PRODUCER) {
			at = put_quoted(at, ev->text[i]);
		} else if (i != PAYLOAD) {
			at = put(at, ev->text[i], strlen(ev->text[i]));
		}
	}
	at = put(at, ev->payload_text.text, ev->payload_text.len);
	if (ev->others)
		at = put_others(at, root_of(psm_event_payload(ev)));
	*at++ = '}';
	return (size_t)(at - to);
}

static int
encode_cloudevent(const psm_event *ev, char **text, size_t *len, psm_error *err)
{
	struct psm__cloudevent_record made;
	int rc = psm__cloudevent_write(ev, PSM_WIRE_CLOUDEVENTS, &made);

	if (rc == 0)
		*text = psm__buf_take(&made.text, len);
	psm__cloudevent_record_free(&made);
	return *text ? 0 : psm__nomem(err);
}

int
psm_event_encode(const psm_event *ev, int wire, char **text, size_t *len,
                 psm_error *err)
{
	size_t room;

	psm__error_clear(err);
	if (text)
		*text = NULL;
	if (!ev || !text || !len)
		return psm__fail(err, PSM_ERR_INVAL, "ev, text or len is NULL");
	if (wire == PSM_WIRE_CLOUDEVENTS)
		return encode_cloudevent(ev, text, len, err);
	if (wire != PSM_WIRE_SNAKE && wire != PSM_WIRE_CAMEL)
		return psm__fail(err, PSM_ERR_INVAL, "no such wire: %d", wire);
	room = psm__event_room(ev);
	*text = room ? psm__realloc(NULL, room) : NULL;
	if (!*text)
		return psm__nomem(err);
	*len = psm__event_write(ev, wire, *text);
	(*text)[*len] = '\0';
	return 0;
}
