/* SPDX-License-Identifier: BSD-2-Clause */
/* Values that the catalogue says nothing about. */
#include <string.h>

#include "event/stream_int.h"

int
psm__stream_unknown(struct psm__stream_reader *s, const struct psm__span *key,
                    size_t from)
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

int
psm__stream_any_object(struct psm__stream_reader *s)
{
	struct psm__span key;
	size_t unknown;

	if (!psm__stream_enter(s, &unknown))
		return 0;
	if (psm__cursor_byte(&s->in) == '}')
		return psm__stream_leave(s, '}', unknown);
	do {
		if (!psm__cursor_take(&s->in, '"') ||
		    !psm__cursor_string(&s->in, &key) ||
		    !psm__stream_unknown(s, &key, unknown) ||
		    !psm__cursor_take(&s->in, ':') || !psm__stream_any(s))
			return 0;
	} while (psm__cursor_take(&s->in, ','));
	return psm__stream_leave(s, '}', unknown);
}

int
psm__stream_any_array(struct psm__stream_reader *s)
{
	size_t unknown;

	if (!psm__stream_enter(s, &unknown))
		return 0;
	if (psm__cursor_byte(&s->in) == ']')
		return psm__stream_leave(s, ']', unknown);
	do {
		if (!psm__stream_any(s))
			return 0;
	} while (psm__cursor_take(&s->in, ','));
	return psm__stream_leave(s, ']', unknown);
}

int
psm__stream_any(struct psm__stream_reader *s)
{
	struct psm__span span;

	switch (psm__cursor_byte(&s->in)) {
	case '"':
		s->in.at++;
		return psm__cursor_string(&s->in, &span);
	case '{':
		return psm__stream_any_object(s);
	case '[':
		return psm__stream_any_array(s);
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
