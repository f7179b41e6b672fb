/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading an event in one pass (stream.c): what its three files share. Each
 * function reads what comes next and returns 1, or 0 to give up.
 */
#ifndef PSM_STREAM_INT_H
#define PSM_STREAM_INT_H

#include "event/event_int.h"
#include "json/cursor.h"

/* Keys of one object that the table does not have are compared with each other,
 * so there may not be many of them. */
#define UNKNOWN_MAX 64
typedef const psm_catalogue_field_info field;

/* Arrays on the stack have a guard that costs, so what needs one is apart from
 * what nearly every event goes through. */
#define RARE __attribute__((noinline))

struct psm__stream_reader {
	struct psm__cursor in;
	struct psm__stream *out;
	field *key, *key_other;  /* NULL: none */
	struct psm__piece other; /* value of key_other */
	unsigned depth;
	int leads;      /* members of the envelope that had their usual lead */
	int usual_time; /* the timestamp is as psm_time_format() writes it */
	size_t unknown_count;
	struct psm__piece unknown[UNKNOWN_MAX];
};

/* Behind the opening bracket; *unknown is for psm__stream_leave(). */
static inline int
psm__stream_enter(struct psm__stream_reader *s, size_t *unknown)
{
	*unknown = s->unknown_count;
	s->in.at++;
	return s->depth++ < PSM__JSON_MAX_DEPTH;
}

static inline int
psm__stream_leave(struct psm__stream_reader *s, char bracket, size_t unknown)
{
	s->unknown_count = unknown;
	s->depth--;
	return psm__cursor_take(&s->in, bracket);
}

/* stream_any.c: a key that no table has: it may not come twice in its object,
 * whose unknown keys begin at from. */
int psm__stream_unknown(struct psm__stream_reader *s,
                        const struct psm__span *key, size_t from);
/* A value, an object or an array of any form. */
int psm__stream_any(struct psm__stream_reader *s);
int psm__stream_any_object(struct psm__stream_reader *s);
int psm__stream_any_array(struct psm__stream_reader *s);

/* stream_table.c: an object that follows a table. */
int psm__stream_table(struct psm__stream_reader *s, field *fields);

#endif
