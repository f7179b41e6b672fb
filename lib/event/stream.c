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

#include "event/event_int.h"
#include "json/cursor.h"

/* Keys of one object that the table does not have are compared with each other,
 * so there may not be many of them. */
#define UNKNOWN_MAX 64
/* The longest text that has a form: a time with nine digits of a second. */
#define FORM_MAX 32

typedef const psm_catalogue_field_info field;

/* Arrays on the stack have a guard that costs, so what needs one is apart from
 * what nearly every event goes through. */
#define RARE __attribute__((noinline))

struct stream {
	struct psm__cursor in;
	struct psm__stream *out;
	field *key, *key_other;  /* NULL: none */
	struct psm__piece other; /* value of key_other */
	unsigned depth;
	size_t unknown_count;
	struct psm__piece unknown[UNKNOWN_MAX];
};

/* -- what the table says nothing about */

static int read_any(struct stream *s);

/* Behind the opening bracket; *unknown is for leave(). */
static inline int
enter(struct stream *s, size_t *unknown)
{
	*unknown = s->unknown_count;
	s->in.at++;
	return s->depth++ < PSM__JSON_MAX_DEPTH;
}

static inline int
leave(struct stream *s, char bracket, size_t unknown)
{
	s->unknown_count = unknown;
	s->depth--;
	return psm__cursor_take(&s->in, bracket);
}

/* A key that the table does not have: it may not come twice in its object,
 * whose unknown keys begin at from. */
static int
add_unknown(struct stream *s, const struct psm__span *key, size_t from)
{
	size_t i;

	if (key->escaped || s->unknown_count == UNKNOWN_MAX)
		return 0;
	for (i = from; i < s->unknown_count; i++)
		if (s->unknown[i].len == key->len &&
		    memcmp(s->unknown[i].text, key->text, key->len) == 0)
			return 0;
	s->unknown[s->unknown_count++] =
	    (struct psm__piece){key->text, key->len};
	return 1;
}

static int
read_any_object(struct stream *s)
{
	struct psm__span key;
	size_t unknown;

	if (!enter(s, &unknown))
		return 0;
	if (psm__cursor_byte(&s->in) == '}')
		return leave(s, '}', unknown);
	do {
		if (!psm__cursor_take(&s->in, '"') ||
		    !psm__cursor_string(&s->in, &key) ||
		    !add_unknown(s, &key, unknown) ||
		    !psm__cursor_take(&s->in, ':') || !read_any(s))
			return 0;
	} while (psm__cursor_take(&s->in, ','));
	return leave(s, '}', unknown);
}

static int
read_any_array(struct stream *s)
{
	size_t unknown;

	if (!enter(s, &unknown))
		return 0;
	if (psm__cursor_byte(&s->in) == ']')
		return leave(s, ']', unknown);
	do {
		if (!read_any(s))
			return 0;
	} while (psm__cursor_take(&s->in, ','));
	return leave(s, ']', unknown);
}

static int
read_any(struct stream *s)
{
	struct psm__span span;

	switch (psm__cursor_byte(&s->in)) {
	case '"':
		s->in.at++;
		return psm__cursor_string(&s->in, &span);
	case '{':
		return read_any_object(s);
	case '[':
		return read_any_array(s);
	case 't':
		return psm__cursor_word(&s->in, "true", 4);
	case 'f':
		return psm__cursor_word(&s->in, "false", 5);
	case 'n':
		return psm__cursor_word(&s->in, "null", 4);
	default:
		return psm__cursor_number(&s->in, &span);
	}
}

/* -- values that the table knows */

/* The id that the message key is made of stands in the payload itself. */
static void
note_key(struct stream *s, field *f, const struct psm__span *v)
{
	if (f == s->key)
		s->out->key = (struct psm__piece){v->text, v->len};
	else
		s->other = (struct psm__piece){v->text, v->len};
}

static inline int
is_key(const struct stream *s, field *f)
{
	return f == s->key || f == s->key_other;
}

static inline int
is_word(const char *const *words, const struct psm__span *v)
{
	const char *word;
	size_t i;

	if (v->escaped)
		return 0;
	for (; (word = *words); words++) {
		for (i = 0; i < v->len && word[i] == v->text[i]; i++)
			;
		if (i == v->len && !word[i])
			return 1;
	}
	return 0;
}

/* A text that has a form, NUL-terminated; NULL: it is none. */
static const char *
copy_short(char copy[FORM_MAX], const struct psm__span *v)
{
	if (v->escaped || v->len >= FORM_MAX)
		return NULL;
	memcpy(copy, v->text, v->len);
	copy[v->len] = '\0';
	return copy;
}

static RARE int
check_form(enum psm__field_type type, const struct psm__span *v)
{
	char copy[FORM_MAX];
	const char *text;
	int64_t time_us;

	switch (type) {
	case PSM__F_date:
		text = copy_short(copy, v);
		return text && psm__is_date(text);
	case PSM__F_time:
		text = copy_short(copy, v);
		return text && psm__is_time(text);
	case PSM__F_datetime:
		return !v->escaped &&
		       psm_time_parse(v->text, v->len, &time_us, NULL) == 0;
	default:
		return type == PSM__F_any;
	}
}

static int
read_string(struct stream *s, field *f, enum psm__field_type type)
{
	struct psm__span v;

	s->in.at++;
	if (!psm__cursor_string(&s->in, &v))
		return 0;
	if (is_key(s, f)) {
		if (v.escaped || v.len == 0 ||
		    !psm__utf8_at_most(v.text, v.len, PSM__KEY_MAX))
			return 0;
		note_key(s, f, &v);
	}
	if (type == PSM__F_string)
		return !f->words || is_word(f->words, &v);
	return check_form(type, &v);
}

/* One that surely fits into 64 bits: 18 digits. */
static int
is_integer(const struct psm__span *v)
{
	return v->digits > 0 && v->digits <= 18;
}

static int
read_number(struct stream *s, field *f, enum psm__field_type type)
{
	struct psm__span v;

	if (!psm__cursor_number(&s->in, &v))
		return 0;
	if (is_key(s, f)) {
		/* Ids count from 1. */
		if (!is_integer(&v) || v.text[0] == '-' || v.text[0] == '0')
			return 0;
		note_key(s, f, &v);
	}
	if (type == PSM__F_integer)
		return is_integer(&v);
	return type == PSM__F_number || type == PSM__F_any;
}

static int read_table(struct stream *s, field *fields);
static int read_known(struct stream *s, field *f, enum psm__field_type type,
                      int is_item);

static int
read_items(struct stream *s, field *f)
{
	size_t unknown;

	if (!enter(s, &unknown))
		return 0;
	if (psm__cursor_byte(&s->in) == ']')
		return leave(s, ']', unknown);
	do {
		if (!read_known(s, f, (enum psm__field_type)f->item_type, 1))
			return 0;
	} while (psm__cursor_take(&s->in, ','));
	return leave(s, ']', unknown);
}

/* An array of arrays is in no table. */
static int
read_array(struct stream *s, field *f, enum psm__field_type type, int is_item)
{
	if (is_key(s, f))
		return 0;
	if (type == PSM__F_any ||
	    (type == PSM__F_array && !is_item && f->item_type == PSM__F_any))
		return read_any_array(s);
	return type == PSM__F_array && !is_item && read_items(s, f);
}

static int
read_object(struct stream *s, field *f, enum psm__field_type type)
{
	if (is_key(s, f))
		return 0;
	if (type == PSM__F_object && f->fields)
		return read_table(s, f->fields);
	return (type == PSM__F_object || type == PSM__F_any) &&
	       read_any_object(s);
}

static int
read_boolean(struct stream *s, field *f, enum psm__field_type type)
{
	if (is_key(s, f) || (type != PSM__F_boolean && type != PSM__F_any))
		return 0;
	return psm__cursor_word(&s->in, "true", 4) ||
	       psm__cursor_word(&s->in, "false", 5);
}

static int
read_known(struct stream *s, field *f, enum psm__field_type type, int is_item)
{
	switch (psm__cursor_byte(&s->in)) {
	case '"':
		return read_string(s, f, type);
	case '{':
		return read_object(s, f, type);
	case '[':
		return read_array(s, f, type, is_item);
	case 't':
	case 'f':
		return read_boolean(s, f, type);
	case 'n':
		return f->nullable && !is_item &&
		       psm__cursor_word(&s->in, "null", 4);
	default:
		return read_number(s, f, type);
	}
}

/* -- objects that follow a table */

/* The object that is read: bits are those of its fields. */
struct members {
	field *fields;
	field *next;      /* likely to come next */
	uint64_t seen;    /* came already */
	uint64_t missing; /* passed by, although required */
	size_t unknown;
};

static inline uint64_t
bit_of(const struct members *m, field *f)
{
	return (uint64_t)1 << (f - m->fields);
}

/* A key that comes out of the table's order or is not in it: *f is NULL then.
 * The opening quote was read. */
static int
read_rare_key(struct stream *s, struct members *m, field **f)
{
	struct psm__span key;

	if (!psm__cursor_string(&s->in, &key) || key.escaped)
		return 0;
	for (*f = m->fields; *f != m->next; ++*f)
		if ((*f)->len == key.len &&
		    memcmp((*f)->name, key.text, key.len) == 0)
			return 1;
	*f = NULL;
	return add_unknown(s, &key, m->unknown);
}

/*
 * A writer puts the members in the order of the table, or leaves some out: so
 * the key is compared with the names from next on, where it ends in a quote.
 */
static inline int
read_key(struct stream *s, struct members *m, field **found)
{
	const char *at = s->in.at;
	size_t left = (size_t)(s->in.end - at);
	uint64_t bit, missing = 0;
	field *f;

	for (f = m->next; f->name; f++) {
		if (f->len < left && at[f->len] == '"' &&
		    psm__same_bytes(f->name, at, f->len))
			break;
		if (f->required)
			missing |= bit_of(m, f);
	}
	if (f->name) {
		s->in.at = at + f->len + 1;
		m->missing |= missing;
		m->next = f + 1;
	} else if (!read_rare_key(s, m, &f)) {
		return 0;
	}
	if (!psm__cursor_take(&s->in, ':'))
		return 0;
	*found = f;
	if (!f)
		return 1;
	bit = bit_of(m, f);
	if (m->seen & bit)
		return 0;
	m->seen |= bit;
	return 1;
}

/* The value of a member: mostly a text, right behind the colon. */
static inline int
read_field(struct stream *s, field *f)
{
	struct psm__span v;

	if (f->type == PSM__F_string && s->in.at < s->in.end &&
	    *s->in.at == '"' && !is_key(s, f)) {
		s->in.at++;
		return psm__cursor_string(&s->in, &v) &&
		       (!f->words || is_word(f->words, &v));
	}
	return read_known(s, f, (enum psm__field_type)f->type, 0);
}

/* 1: another member follows, and its opening quote was read; 0: none; -1: what
 * follows is wrong. */
static inline int
next_member(struct stream *s)
{
	const char *at = s->in.at;

	if (at + 1 < s->in.end && at[0] == ',' && at[1] == '"') {
		s->in.at = at + 2;
		return 1;
	}
	if (!psm__cursor_take(&s->in, ','))
		return 0;
	return psm__cursor_take(&s->in, '"') ? 1 : -1;
}

static int
read_members(struct stream *s, struct members *m)
{
	field *f;
	int more = psm__cursor_take(&s->in, '"') ? 1 : -1;

	for (; more > 0; more = next_member(s))
		if (!read_key(s, m, &f) ||
		    !(f ? read_field(s, f) : read_any(s)))
			return 0;
	return more == 0;
}

static int
read_table(struct stream *s, field *fields)
{
	struct members m = {.fields = fields, .next = fields};
	field *f;

	if (!enter(s, &m.unknown))
		return 0;
	if (psm__cursor_byte(&s->in) != '}' && !read_members(s, &m))
		return 0;
	for (f = m.next; f->name; f++)
		if (f->required)
			return 0;
	return !(m.missing & ~m.seen) && leave(s, '}', m.unknown);
}

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
read_payload(struct stream *s)
{
	struct psm__stream *out = s->out;
	const psm_event_type_info *info = out->info;

	if (psm__cursor_byte(&s->in) != '{')
		return 0;
	out->payload.text = s->in.at;
	if (info) {
		s->key = field_named(info->fields, info->key);
		s->key_other = field_named(info->fields, info->key_other);
		if (!s->key || !read_table(s, info->fields))
			return 0;
		if (!out->key.text)
			out->key = s->other;
	} else if (!read_any_object(s)) {
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
take_type(struct stream *s, const struct psm__span *v)
{
	s->out->info = psm__catalogue_find(v->text, v->len);
	return s->out->info || is_type_name(v);
}

/* 1: it is "1.0", as nearly always, and is read. */
static inline int
read_first_version(struct stream *s)
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
	char copy[FORM_MAX];
	const char *text;
	unsigned major, minor;

	text = copy_short(copy, v);
	return text && psm__version_read(text, &major, &minor) && major == 1;
}

/* As JSON goes, there are no control characters but this one. */
static int
take_producer(const struct psm__span *v)
{
	return v->len > 0 &&
	       psm__utf8_at_most(v->text, v->len, PSM__NAME_MAX) &&
	       !memchr(v->text, 0x7f, v->len);
}

static int
read_text_member(struct stream *s, enum member which)
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
		return psm_time_parse(v.text, v.len, &s->out->timestamp_us,
		                      NULL) == 0;
	default:
		return take_producer(&v);
	}
}

static inline int
read_member_value(struct stream *s, enum member which, unsigned *seen)
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
read_lead(struct stream *s, enum member likely)
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
read_member(struct stream *s, enum member likely, unsigned *seen,
            enum member *which)
{
	struct psm__span key;

	if (read_lead(s, likely)) {
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
		return add_unknown(s, &key, 0) && read_any(s);
	}
	return read_member_value(s, *which, seen);
}

static int
read_envelope(struct stream *s)
{
	enum member which = ID;
	unsigned seen = 0;
	size_t unknown;

	if (psm__cursor_byte(&s->in) != '{' || !enter(s, &unknown))
		return 0;
	do {
		if (!read_member(s, which, &seen, &which))
			return 0;
		which = which == N_MEMBERS ? ID : which + 1;
	} while (psm__cursor_take(&s->in, ','));
	return seen == (1u << N_MEMBERS) - 1 && leave(s, '}', unknown);
}

static void
prepare(struct stream *s, const char *json, size_t len, struct psm__stream *out)
{
	s->in.at = json;
	s->in.end = json + len;
	s->out = out;
	s->key = s->key_other = NULL;
	s->other = (struct psm__piece){NULL, 0};
	s->depth = 0;
	s->unknown_count = 0;
	out->key = s->other;
	out->others = 0;
}

static int
is_at_end(struct stream *s)
{
	(void)psm__cursor_byte(&s->in);
	return s->in.at == s->in.end;
}

int
psm__stream_event(const char *json, size_t len, struct psm__stream *out)
{
	struct stream s; /* unknown[] needs no first value */

	prepare(&s, json, len, out);
	out->info = NULL;
	return len <= PSM__JSON_MAX_BYTES && read_envelope(&s) && is_at_end(&s);
}

int
psm__stream_payload(const psm_event_type_info *info, const char *json,
                    size_t len, struct psm__stream *out)
{
	struct stream s; /* as above */

	prepare(&s, json, len, out);
	out->info = info;
	return len <= PSM__JSON_MAX_BYTES && read_payload(&s) && is_at_end(&s);
}
