/* SPDX-License-Identifier: BSD-2-Clause */
/* Events handed to a handler, each in a transaction of its own. */
#ifndef TESTING_HANDLE_H
#define TESTING_HANDLE_H

#include "testing_app.h"

#include <psymatch/event.h>
#include <psymatch/uuid.h>

/* Of a time, "2026-03-01T23:30:00Z"; the ids rise. */
static inline psm_event *
make_event(const char *type, const char *time, const char *members)
{
	static unsigned number;
	char text[4000];
	psm_event *ev = NULL;

	(void)snprintf(text, sizeof(text),
	               "{\"event_id\": "
	               "\"019ca000-0000-7000-8000-%012u\", "
	               "\"event_type\": \"%s\", \"version\": \"1.0\", "
	               "\"timestamp\": \"%s\", \"producer\": \"test\", "
	               "\"payload\": {%s}}",
	               ++number, type, time, members);
	OK(psm_event_parse(text, strlen(text), &ev, err));
	return ev;
}

/* Twice: the second time changes nothing. */
static inline void
receive(psm_tx_event_fn fn, const char *type, const char *time,
        const char *members)
{
	psm_event *ev = make_event(type, time, members);

	OK(pg_handle(st, fn, ev, err));
	OK(pg_handle(st, fn, ev, err));
	psm_event_free(ev);
}

/* The numbers 0 to count - 1 in each order, as the bits of which choose. */
static inline void
permute(int order, int *list, int count)
{
	for (int i = 0; i < count; i++)
		list[i] = i;
	for (int i = count - 1; i > 0; i--) {
		int j = order % (i + 1), other = list[i];

		order /= i + 1;
		list[i] = list[j];
		list[j] = other;
	}
}

#endif
