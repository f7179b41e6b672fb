/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects that follow a table of the catalogue, and the values in them. */
#include <string.h>

#include "event/stream_int.h"

/* The longest text that has a form: a time with nine digits of a second. */
#define FORM_MAX 32

/* The id that the message key is made of stands in the payload itself. */
static void
note_key(struct psm__stream_reader *s, field *f, const struct psm__span *v)
{
	if (f == s->key)
		s->out->key = (struct psm__piece){v->text, v->len};
	else
		s->other = (struct psm__piece){v->text, v->len};
}

static inline int
is_key(const struct psm__stream_reader *s, field *f)
{
	return f == s->key || f == s->key_other;
}

static inline int
is_word(const char *const *words, const struct psm__span *v)
{
	const char *word;

	if (v->escaped || v->len == 0)
		return 0;
	for (; (word = *words); words++)
		if (word[0] == v->text[0] &&
		    strncmp(word, v->text, v->len) == 0 && !word[v->len])
			return 1;
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
read_string(struct psm__stream_reader *s, field *f, enum psm__field_type type)
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
read_number(struct psm__stream_reader *s, field *f, enum psm__field_type type)
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

static int read_known(struct psm__stream_reader *s, field *f,
                      enum psm__field_type type, int is_item);

static int
read_items(struct psm__stream_reader *s, field *f)
{
	size_t unknown;

	if (!psm__stream_enter(s, &unknown))
		return 0;
	if (psm__cursor_byte(&s->in) == ']')
		return psm__stream_leave(s, ']', unknown);
	do {
		if (!read_known(s, f, (enum psm__field_type)f->item_type, 1))
			return 0;
	} while (psm__cursor_take(&s->in, ','));
	return psm__stream_leave(s, ']', unknown);
}

/* An array of arrays is in no table. */
static int
read_array(struct psm__stream_reader *s, field *f, enum psm__field_type type,
           int is_item)
{
	if (is_key(s, f))
		return 0;
	if (type == PSM__F_any ||
	    (type == PSM__F_array && !is_item && f->item_type == PSM__F_any))
		return psm__stream_any_array(s);
	return type == PSM__F_array && !is_item && read_items(s, f);
}

static int
read_object(struct psm__stream_reader *s, field *f, enum psm__field_type type)
{
	if (is_key(s, f))
		return 0;
	if (type == PSM__F_object && f->fields)
		return psm__stream_table(s, f->fields);
	return (type == PSM__F_object || type == PSM__F_any) &&
	       psm__stream_any_object(s);
}

static int
read_boolean(struct psm__stream_reader *s, field *f, enum psm__field_type type)
{
	if (is_key(s, f) || (type != PSM__F_boolean && type != PSM__F_any))
		return 0;
	return psm__cursor_word(&s->in, "true", 4) ||
	       psm__cursor_word(&s->in, "false", 5);
}

static int
read_known(struct psm__stream_reader *s, field *f, enum psm__field_type type,
           int is_item)
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
read_rare_key(struct psm__stream_reader *s, struct members *m, field **f)
{
	struct psm__span key;

	if (!psm__cursor_string(&s->in, &key) || key.escaped)
		return 0;
	for (*f = m->fields; *f != m->next; ++*f)
		if ((*f)->len == key.len &&
		    memcmp((*f)->name, key.text, key.len) == 0)
			return 1;
	*f = NULL;
	return psm__stream_unknown(s, &key, m->unknown);
}

/*
 * A writer puts the members in the order of the table, or leaves some out: so
 * the key is compared with the names from next on, where it ends in a quote.
 */
static inline int
read_key(struct psm__stream_reader *s, struct members *m, field **found)
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
read_field(struct psm__stream_reader *s, field *f)
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

/* What nearly always stands between two members. */
static inline uint16_t
comma_quote(void)
{
	uint16_t two;

	memcpy(&two, ",\"", 2);
	return two;
}

/* 1: another member follows, and its opening quote was read; 0: none; -1: what
 * follows is wrong. */
static inline int
next_member(struct psm__stream_reader *s)
{
	const char *at = s->in.at;

	uint16_t two;

	if (s->in.end - at > 1) {
		memcpy(&two, at, 2);
		if (two == comma_quote()) {
			s->in.at = at + 2;
			return 1;
		}
	}
	if (!psm__cursor_take(&s->in, ','))
		return 0;
	return psm__cursor_take(&s->in, '"') ? 1 : -1;
}

static int
read_members(struct psm__stream_reader *s, struct members *m)
{
	field *f;
	int more = psm__cursor_take(&s->in, '"') ? 1 : -1;

	for (; more > 0; more = next_member(s))
		if (!read_key(s, m, &f) ||
		    !(f ? read_field(s, f) : psm__stream_any(s)))
			return 0;
	return more == 0;
}

int
psm__stream_table(struct psm__stream_reader *s, field *fields)
{
	struct members m = {.fields = fields, .next = fields};
	field *f;

	if (!psm__stream_enter(s, &m.unknown))
		return 0;
	if (psm__cursor_byte(&s->in) != '}' && !read_members(s, &m))
		return 0;
	for (f = m.next; f->name; f++)
		if (f->required)
			return 0;
	return !(m.missing & ~m.seen) && psm__stream_leave(s, '}', m.unknown);
}
