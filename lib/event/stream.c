/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading an event in one pass: envelope, payload and key are checked against
 * the catalogue while the text is read, and nothing is kept but where things
 * stand. Runs for every event sent and received. It only ever says yes: what is
 * wrong, or rare, is left to the tree, so that each rule has one place where it
 * is explained.
 *
 * Each function reads what comes next and returns 1, or 0 to give up.
 */
#include <string.h>

#include "event/stream_int.h"

static field *
field_named(field *fields, const char *name)
{
	field *f;

	if (!name)
		return NULL;
	for (f = fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static int
read_payload(struct psm__stream_reader *s)
{
	struct psm__stream *out = s->out;
	const psm_event_type_info *info = out->info;

	if (psm__cursor_byte(&s->in) != '{')
		return 0;
	out->payload.text = s->in.at;
	if (info) {
		s->key = field_named(info->fields, info->key);
		s->key_other = field_named(info->fields, info->key_other);
		if (!s->key || !psm__stream_table(s, info->fields))
			return 0;
		if (!out->key.text)
			out->key = s->other;
	} else if (!psm__stream_any_object(s)) {
		return 0;
	}
	out->payload.len = (size_t)(s->in.at - out->payload.text);
	return !info || out->key.text;
}

/* -- the envelope */

static RARE int
is_type_name(const struct psm__span *v)
{
	char copy[PSM__NAME_MAX + 1];

	if (v->len > PSM__NAME_MAX)
		return 0;
	memcpy(copy, v->text, v->len);
	copy[v->len] = '\0';
	return psm__is_type_name(copy);
}

static int
take_type(struct psm__stream_reader *s, const struct psm__span *v)
{
	s->out->info = psm__catalogue_find(v->text, v->len);
	return s->out->info || is_type_name(v);
}

/* 1: it is "1.0", as nearly always, and is read. */
static inline int
read_first_version(struct psm__stream_reader *s)
{
	static const char first[] = "\"1.0\"";
	const char *at = s->in.at;
	size_t len = sizeof first - 1;

	if ((size_t)(s->in.end - at) < len || !psm__same_bytes(at, first, len))
		return 0;
	s->out->text[VERSION] = (struct psm__piece){at + 1, len - 2};
	s->in.at += len;
	return 1;
}

static RARE int
take_version(const struct psm__span *v)
{
	char copy[sizeof "9999.9999"];
	unsigned major, minor;

	if (v->escaped || v->len >= sizeof copy)
		return 0;
	memcpy(copy, v->text, v->len);
	copy[v->len] = '\0';
	return psm__version_read(copy, &major, &minor) && major == 1;
}

/* As JSON goes, there are no control characters but this one. */
static int
take_producer(const struct psm__span *v)
{
	return v->len > 0 &&
	       (v->len <= PSM__NAME_MAX ||
	        psm__utf8_at_most(v->text, v->len, PSM__NAME_MAX)) &&
	       !memchr(v->text, 0x7f, v->len);
}

static int
read_text_member(struct psm__stream_reader *s, enum member which)
{
	struct psm__span v;

	if (!psm__cursor_take(&s->in, '"') || !psm__cursor_string(&s->in, &v) ||
	    v.escaped)
		return 0;
	s->out->text[which] = (struct psm__piece){v.text, v.len};
	switch (which) {
	case ID:
		return psm_uuid_valid(v.text, v.len);
	case TYPE:
		return take_type(s, &v);
	case VERSION:
		return take_version(&v);
	case TIMESTAMP:
		s->usual_time =
		    psm__time_usual(v.text, v.len, &s->out->timestamp_us);
		return s->usual_time ||
		       psm_time_parse(v.text, v.len, &s->out->timestamp_us,
		                      NULL) == 0;
	default:
		return take_producer(&v);
	}
}

static inline int
read_member_value(struct psm__stream_reader *s, enum member which,
                  unsigned *seen)
{
	if (*seen >> which & 1)
		return 0;
	*seen |= 1u << which;
	if (which == VERSION && read_first_version(s))
		return 1;
	if (which != PAYLOAD)
		return read_text_member(s, which);
	/* The type must be known by now: nearly everybody writes it first. */
	return (*seen >> TYPE & 1) && read_payload(s);
}

/* What nearly everybody writes before a member's value. */
#define LEAD(text)                                                             \
	{                                                                      \
		text, sizeof text - 1                                          \
	}
static const struct psm__piece leads[N_MEMBERS] = {
    LEAD("\"event_id\":"),  LEAD("\"event_type\":"), LEAD("\"version\":"),
    LEAD("\"timestamp\":"), LEAD("\"producer\":"),   LEAD("\"payload\":"),
};

static inline int
read_lead(struct psm__stream_reader *s, enum member likely)
{
	const struct psm__piece *lead = &leads[likely];

	if (likely == N_MEMBERS || (size_t)(s->in.end - s->in.at) < lead->len ||
	    !psm__same_bytes(s->in.at, lead->text, lead->len))
		return 0;
	s->in.at += lead->len;
	return 1;
}

/* A member of the envelope; seen: bits. */
static int
read_member(struct psm__stream_reader *s, enum member likely, unsigned *seen,
            enum member *which)
{
	struct psm__span key;

	if (read_lead(s, likely)) {
		s->leads++;
		*which = likely;
		return read_member_value(s, likely, seen);
	}
	if (!psm__cursor_take(&s->in, '"') ||
	    !psm__cursor_string(&s->in, &key) || key.escaped)
		return 0;
	*which = psm__member_index(key.text, key.len, likely);
	if (!psm__cursor_take(&s->in, ':'))
		return 0;
	if (*which == N_MEMBERS) {
		s->out->others = 1;
		return psm__stream_unknown(s, &key, 0) && psm__stream_any(s);
	}
	return read_member_value(s, *which, seen);
}

static int
read_envelope(struct psm__stream_reader *s)
{
	enum member which = ID;
	unsigned seen = 0;
	size_t unknown;

	if (psm__cursor_byte(&s->in) != '{' || !psm__stream_enter(s, &unknown))
		return 0;
	do {
		if (!read_member(s, which, &seen, &which))
			return 0;
		which = which == N_MEMBERS ? ID : which + 1;
	} while (psm__cursor_take(&s->in, ','));
	return seen == (1u << N_MEMBERS) - 1 &&
	       psm__stream_leave(s, '}', unknown);
}

static void
prepare(struct psm__stream_reader *s, const char *json, size_t len,
        struct psm__stream *out)
{
	s->in.at = json;
	s->in.end = json + len;
	s->out = out;
	s->key = s->key_other = NULL;
	s->other = (struct psm__piece){NULL, 0};
	s->depth = 0;
	s->unknown_count = 0;
	s->leads = 0;
	s->usual_time = 0;
	out->key = s->other;
	out->others = 0;
}

static int
is_at_end(struct psm__stream_reader *s)
{
	(void)psm__cursor_byte(&s->in);
	return s->in.at == s->in.end;
}

/* 1: what was read is what psm__event_write() would make: all members in their
 * order, and no blanks. */
static inline int
is_as_written(const struct psm__stream_reader *s, size_t len)
{
	const struct psm__stream *out = s->out;
	int i;

	if (s->leads != N_MEMBERS || !s->usual_time || out->others)
		return 0;
	len -= sizeof "{,,,,,}" - 1 + leads[PAYLOAD].len + out->payload.len;
	for (i = 0; i < PAYLOAD; i++)
		len -= leads[i].len + out->text[i].len + 2;
	return len == 0;
}

int
psm__stream_event(const char *json, size_t len, struct psm__stream *out)
{
	struct psm__stream_reader s; /* unknown[] needs no first value */

	prepare(&s, json, len, out);
	out->info = NULL;
	if (len > PSM__JSON_MAX_BYTES || !read_envelope(&s) || !is_at_end(&s))
		return 0;
	out->as_written = is_as_written(&s, len);
	return 1;
}

int
psm__stream_payload(const psm_event_type_info *info, const char *json,
                    size_t len, struct psm__stream *out)
{
	struct psm__stream_reader s; /* as above */

	prepare(&s, json, len, out);
	s.depth = PSM__JSON_MAX_DEPTH - PSM__PAYLOAD_MAX_DEPTH; /* around it */
	out->info = info;
	return len <= PSM__JSON_MAX_BYTES && read_payload(&s) && is_at_end(&s);
}
