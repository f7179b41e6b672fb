/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading an event in one pass: envelope, payload and key are checked while
 * yajl walks over the text, and nothing is kept but where things stand. Runs
 * for every event sent and received. It only ever says yes: whatever is wrong,
 * or rare, is left to the tree, so that each rule has one place where it is
 * explained.
 */
#include <string.h>

#include "event/event_int.h"
#include "json/pass.h"

/* Keys of one object that the table does not know are compared with each other,
 * so there may not be many of them. */
#define STRANGERS_MAX 64
/* The longest text that has a form: a time with nine digits of a second. */
#define FORM_MAX 32

enum place { IN_ENVELOPE, IN_TABLE, IN_FREE, IN_ARRAY };

/* A container around this place. */
struct frame {
	enum place place;
	const psm_catalogue_field_info *fields; /* IN_TABLE */
	const psm_catalogue_field_info *next;   /* likely to come next */
	/* IN_TABLE: of the last key, NULL: unknown; IN_ARRAY: of the items. */
	const psm_catalogue_field_info *field;
	uint64_t seen;    /* bits: fields, or members of the envelope */
	size_t strangers; /* where this object's begin */
};

struct stream {
	struct psm__stream *out;
	const char *json;
	int enveloped; /* 0: the text is a payload alone */
	const psm_catalogue_field_info *key, *key_other; /* NULL: none */
	struct psm__piece other; /* value of key_other */
	enum member member; /* the envelope's last key; N_MEMBERS: unknown */
	unsigned depth;
	size_t stranger_count;
	struct psm__piece strangers[STRANGERS_MAX];
	struct frame frames[PSM__JSON_MAX_DEPTH];
};

static struct frame *
top(struct stream *s)
{
	return &s->frames[s->depth - 1];
}

static int
is_same(const char *name, size_t name_len, const char *text, size_t len)
{
	return name_len == len && memcmp(name, text, len) == 0;
}

/* Texts with a form are short; NULL: this one is not. */
static const char *
copy_short(char copy[FORM_MAX], const char *text, size_t len)
{
	if (len >= FORM_MAX)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

/* -- keys */

static int
add_stranger(struct stream *s, const char *text, size_t len)
{
	size_t i;

	if (s->stranger_count == STRANGERS_MAX)
		return 0;
	for (i = top(s)->strangers; i < s->stranger_count; i++)
		if (is_same(s->strangers[i].text, s->strangers[i].len, text,
		            len))
			return 0;
	s->strangers[s->stranger_count++] = (struct psm__piece){text, len};
	return 1;
}

static const psm_catalogue_field_info *
find_field(const psm_catalogue_field_info *from,
           const psm_catalogue_field_info *until, const char *text, size_t len)
{
	const psm_catalogue_field_info *f;

	for (f = from; f != until && f->name; f++)
		if (is_same(f->name, f->len, text, len))
			return f;
	return NULL;
}

/* A writer puts the members in the order of the table, or leaves some out. */
static int
key_in_table(struct stream *s, struct frame *f, const char *text, size_t len)
{
	uint64_t bit;

	f->field = find_field(f->next, NULL, text, len);
	if (!f->field)
		f->field = find_field(f->fields, f->next, text, len);
	if (!f->field)
		return add_stranger(s, text, len);
	f->next = f->field + 1;
	bit = (uint64_t)1 << (f->field - f->fields);
	if (f->seen & bit)
		return 0;
	f->seen |= bit;
	return 1;
}

static int
key_in_envelope(struct stream *s, struct frame *f, const char *text, size_t len)
{
	/* Nearly everybody writes them in their order. */
	s->member = psm__member_index(
	    text, len, s->member == N_MEMBERS ? ID : s->member + 1);
	if (s->member == N_MEMBERS) {
		s->out->others = 1;
		return add_stranger(s, text, len);
	}
	if (f->seen >> s->member & 1)
		return 0;
	f->seen |= (uint64_t)1 << s->member;
	return 1;
}

static int
on_key(void *user, const char *raw, size_t len, int escaped)
{
	struct stream *s = user;
	struct frame *f = top(s);

	if (escaped)
		return 0;
	switch (f->place) {
	case IN_TABLE:
		return key_in_table(s, f, raw, len);
	case IN_ENVELOPE:
		return key_in_envelope(s, f, raw, len);
	default:
		return add_stranger(s, raw, len);
	}
}

/* -- values of the envelope */

static int
take_type(struct stream *s, const char *raw, size_t len)
{
	char copy[128];

	s->out->info = psm__catalogue_find(raw, len);
	if (s->out->info)
		return 1;
	if (len > PSM__NAME_MAX)
		return 0;
	memcpy(copy, raw, len);
	copy[len] = '\0';
	return psm__is_type_name(copy);
}

static int
take_version(const char *raw, size_t len)
{
	char copy[FORM_MAX];
	const char *text;
	unsigned major, minor;

	if (is_same("1.0", 3, raw, len))
		return 1;
	text = copy_short(copy, raw, len);
	return text && psm__version_read(text, &major, &minor) && major == 1;
}

/* As JSON goes, there are no control characters but this one. */
static int
take_producer(const char *raw, size_t len)
{
	return len > 0 && psm__utf8_at_most(raw, len, PSM__NAME_MAX) &&
	       !memchr(raw, 0x7f, len);
}

static int
string_in_envelope(struct stream *s, const char *raw, size_t len, int escaped)
{
	if (s->member == N_MEMBERS)
		return 1;
	if (escaped || s->member == PAYLOAD)
		return 0;
	s->out->text[s->member] = (struct psm__piece){raw, len};
	switch (s->member) {
	case ID:
		return psm_uuid_valid(raw, len);
	case TYPE:
		return take_type(s, raw, len);
	case VERSION:
		return take_version(raw, len);
	case TIMESTAMP:
		return psm_time_parse(raw, len, &s->out->timestamp_us, NULL) ==
		       0;
	default:
		return take_producer(raw, len);
	}
}

/* -- values of the payload */

/* What is expected here: NULL for anything. *type is of an item, if so. */
static const psm_catalogue_field_info *
expected(struct stream *s, enum psm__field_type *type)
{
	const struct frame *f = top(s);

	if (f->place == IN_FREE || !f->field)
		return NULL;
	*type = (enum psm__field_type)(
	    f->place == IN_ARRAY ? f->field->item_type : f->field->type);
	return f->field;
}

/* The id that the message key is made of stands in the payload itself. */
static void
note_key(struct stream *s, const psm_catalogue_field_info *f, const char *raw,
         size_t len)
{
	if (f == s->key)
		s->out->key = (struct psm__piece){raw, len};
	else if (f == s->key_other)
		s->other = (struct psm__piece){raw, len};
}

static int
is_word(const char *const *words, const char *text, size_t len)
{
	for (; *words; words++)
		if (strncmp(*words, text, len) == 0 && !(*words)[len])
			return 1;
	return 0;
}

static int
check_string(const psm_catalogue_field_info *f, enum psm__field_type type,
             const char *raw, size_t len, int escaped)
{
	char copy[FORM_MAX];
	const char *text;
	int64_t time_us;

	switch (type) {
	case PSM__F_any:
		return 1;
	case PSM__F_string:
		return !f->words || (!escaped && is_word(f->words, raw, len));
	case PSM__F_date:
		text = escaped ? NULL : copy_short(copy, raw, len);
		return text && psm__is_date(text);
	case PSM__F_time:
		text = escaped ? NULL : copy_short(copy, raw, len);
		return text && psm__is_time(text);
	case PSM__F_datetime:
		return !escaped &&
		       psm_time_parse(raw, len, &time_us, NULL) == 0;
	default:
		return 0;
	}
}

static int
on_string(void *user, const char *raw, size_t len, int escaped)
{
	struct stream *s = user;
	enum psm__field_type type;
	const psm_catalogue_field_info *f;

	if (s->depth == 0)
		return 0;
	if (top(s)->place == IN_ENVELOPE)
		return string_in_envelope(s, raw, len, escaped);
	f = expected(s, &type);
	if (!f)
		return 1;
	if (f == s->key || f == s->key_other) {
		if (escaped || len == 0 ||
		    !psm__utf8_at_most(raw, len, PSM__KEY_MAX))
			return 0;
		note_key(s, f, raw, len);
	}
	return check_string(f, type, raw, len, escaped);
}

/* One that surely fits into 64 bits: 18 digits. */
static int
is_integer(const char *raw, size_t len)
{
	size_t i = raw[0] == '-';

	if (len - i > 18)
		return 0;
	for (; i < len; i++)
		if (raw[i] < '0' || raw[i] > '9')
			return 0;
	return 1;
}

static int
on_number(void *user, const char *raw, size_t len)
{
	struct stream *s = user;
	enum psm__field_type type;
	const psm_catalogue_field_info *f;

	if (s->depth == 0)
		return 0;
	if (top(s)->place == IN_ENVELOPE)
		return s->member == N_MEMBERS;
	f = expected(s, &type);
	if (!f)
		return 1;
	if (f == s->key || f == s->key_other) {
		/* Ids count from 1. */
		if (!is_integer(raw, len) || raw[0] == '-' || raw[0] == '0')
			return 0;
		note_key(s, f, raw, len);
	}
	if (type == PSM__F_integer)
		return is_integer(raw, len);
	return type == PSM__F_number || type == PSM__F_any;
}

static int
on_word(void *user, int kind)
{
	struct stream *s = user;
	enum psm__field_type type;
	const psm_catalogue_field_info *f;

	if (s->depth == 0)
		return 0;
	if (top(s)->place == IN_ENVELOPE)
		return s->member == N_MEMBERS;
	f = expected(s, &type);
	if (!f)
		return 1;
	if (kind == PSM_JSON_NULL)
		return f->nullable && top(s)->place == IN_TABLE;
	if (f == s->key || f == s->key_other)
		return 0;
	return type == PSM__F_boolean || type == PSM__F_any;
}

/* -- containers */

static int
push(struct stream *s, enum place place, const psm_catalogue_field_info *fields,
     const psm_catalogue_field_info *field)
{
	struct frame *f;

	if (s->depth == PSM__JSON_MAX_DEPTH)
		return 0;
	f = &s->frames[s->depth++];
	f->place = place;
	f->fields = f->next = fields;
	f->field = field;
	f->seen = 0;
	f->strangers = s->stranger_count;
	return 1;
}

static const psm_catalogue_field_info *
field_named(const psm_catalogue_field_info *fields, const char *name)
{
	return name ? find_field(fields, NULL, name, strlen(name)) : NULL;
}

static int
begin_payload(struct stream *s, int kind, size_t at)
{
	const psm_event_type_info *info = s->out->info;

	if (kind != PSM_JSON_OBJECT)
		return 0;
	s->out->payload.text = s->json + at;
	if (!info)
		return push(s, IN_FREE, NULL, NULL);
	s->key = field_named(info->fields, info->key);
	s->key_other = field_named(info->fields, info->key_other);
	return s->key && push(s, IN_TABLE, info->fields, NULL);
}

/* The type must be known by now: nearly everybody writes it first. */
static int
begin_in_envelope(struct stream *s, int kind, size_t at)
{
	if (s->member == N_MEMBERS)
		return push(s, IN_FREE, NULL, NULL);
	if (s->member != PAYLOAD || !(top(s)->seen >> TYPE & 1))
		return 0;
	return begin_payload(s, kind, at);
}

static int
begin_expected(struct stream *s, const psm_catalogue_field_info *f,
               enum psm__field_type type, int kind)
{
	if (f == s->key || f == s->key_other)
		return 0;
	if (type == PSM__F_any)
		return push(s, IN_FREE, NULL, NULL);
	if (type == PSM__F_object && kind == PSM_JSON_OBJECT)
		return f->fields ? push(s, IN_TABLE, f->fields, NULL)
		                 : push(s, IN_FREE, NULL, NULL);
	/* An array of arrays is in no table. */
	if (type != PSM__F_array || kind != PSM_JSON_ARRAY ||
	    top(s)->place == IN_ARRAY)
		return 0;
	return f->item_type == PSM__F_any ? push(s, IN_FREE, NULL, NULL)
	                                  : push(s, IN_ARRAY, NULL, f);
}

static int
on_begin(void *user, int kind, size_t at)
{
	struct stream *s = user;
	enum psm__field_type type;
	const psm_catalogue_field_info *f;

	if (s->depth == 0 && s->enveloped)
		return kind == PSM_JSON_OBJECT &&
		       push(s, IN_ENVELOPE, NULL, NULL);
	if (s->depth == 0)
		return begin_payload(s, kind, at);
	if (top(s)->place == IN_ENVELOPE)
		return begin_in_envelope(s, kind, at);
	f = expected(s, &type);
	return f ? begin_expected(s, f, type, kind)
	         : push(s, IN_FREE, NULL, NULL);
}

static int
has_required(const struct frame *f)
{
	const psm_catalogue_field_info *field;
	uint64_t bit = 1;

	for (field = f->fields; field->name; field++, bit <<= 1)
		if (field->required && !(f->seen & bit))
			return 0;
	return 1;
}

static int
end_payload(struct stream *s, size_t at)
{
	struct psm__stream *out = s->out;

	out->payload.len = (size_t)(s->json + at - out->payload.text);
	if (out->info && !out->key.text)
		out->key = s->other;
	return !out->info || out->key.text;
}

static int
on_end(void *user, int kind, size_t at)
{
	struct stream *s = user;
	const struct frame *f = top(s);

	(void)kind;
	if (f->place == IN_ENVELOPE && f->seen != (1u << N_MEMBERS) - 1)
		return 0;
	if (f->place == IN_TABLE && !has_required(f))
		return 0;
	s->stranger_count = f->strangers;
	s->depth--;
	if (s->depth == 0 ? f->place == IN_ENVELOPE
	                  : top(s)->place != IN_ENVELOPE)
		return 1;
	if (s->depth > 0 && s->member != PAYLOAD)
		return 1;
	return end_payload(s, at);
}

static const struct psm__json_pass_ops ops = {
    .key = on_key,
    .string = on_string,
    .number = on_number,
    .word = on_word,
    .begin = on_begin,
    .end = on_end,
};

static void
prepare(struct stream *s, const char *json, struct psm__stream *out)
{
	s->out = out;
	s->json = json;
	s->key = s->key_other = NULL;
	s->other = (struct psm__piece){NULL, 0};
	s->member = N_MEMBERS;
	s->depth = 0;
	s->stranger_count = 0;
	out->key = s->other;
	out->others = 0;
}

int
psm__stream_event(const char *json, size_t len, struct psm__stream *out)
{
	struct stream s; /* most of it needs no first value */

	prepare(&s, json, out);
	s.enveloped = 1;
	out->info = NULL;
	return psm__json_pass(json, len, &ops, &s);
}

int
psm__stream_payload(const psm_event_type_info *info, const char *json,
                    size_t len, struct psm__stream *out)
{
	struct stream s; /* as above */

	prepare(&s, json, out);
	s.enveloped = 0;
	out->info = info;
	return psm__json_pass(json, len, &ops, &s);
}
