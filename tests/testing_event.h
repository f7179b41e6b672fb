/* SPDX-License-Identifier: BSD-2-Clause */
/* The two ways of reading an event, against each other. */
#ifndef PSM_TESTING_EVENT_H
#define PSM_TESTING_EVENT_H

#include <string.h>

#include "event/event_int.h"

static inline int
testing_same_piece(const struct psm__piece *a, const char *text)
{
	return strlen(text) == a->len && memcmp(a->text, text, a->len) == 0;
}

static inline int
testing_same_stream(const struct psm__stream *s, const psm_event *ev)
{
	int i;

	for (i = 0; i < PAYLOAD; i++)
		if (i != TIMESTAMP &&
		    !testing_same_piece(&s->text[i], ev->text[i]))
			return 0;
	if (s->info != ev->info || s->others != ev->others ||
	    s->timestamp_us != ev->timestamp_us ||
	    s->payload.len != ev->payload_text.len)
		return 0;
	return (!s->info || testing_same_piece(&s->key, ev->key)) &&
	       memcmp(s->payload.text, ev->payload_text.text, s->payload.len) ==
	           0;
}

/* 1: the event, which was read into a tree, is written as that text. */
static inline int
testing_writes(const psm_event *ev, const char *text, size_t len)
{
	char *again = NULL;
	size_t n = 0;
	int same =
	    psm_event_encode(ev, PSM_WIRE_SNAKE, &again, &n, NULL) == 0 &&
	    n == len && memcmp(again, text, len) == 0;

	psm_free(again);
	return same;
}

/*
 * 1: one pass is enough for the text, and the tree says the same of it. 0: it
 * is left to the tree. -1: the pass took it, and the tree does not or makes
 * another event of it.
 */
static inline int
testing_both_ways(const char *text, size_t len)
{
	struct psm__stream s;
	psm_event *ev = NULL;
	int same;

	if (!psm__stream_event(text, len, &s))
		return 0;
	if (psm__event_read(text, len, &ev, NULL) < 0)
		return -1;
	same = testing_same_stream(&s, ev) &&
	       (!s.as_written || testing_writes(ev, text, len));
	psm_event_free(ev);
	return same ? 1 : -1;
}

#endif
