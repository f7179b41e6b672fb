/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of an envelope's members, in both writings. */
#include <string.h>

#include "event/event_int.h"

static const char *const names[][N_MEMBERS] = {
    [PSM_WIRE_SNAKE] = {"event_id", "event_type", "version", "timestamp",
                        "producer", "payload"},
    [PSM_WIRE_CAMEL] = {"eventId", "eventType", "version", "timestamp",
                        "producer", "payload"},
};

const char *
psm__member_name(int wire, enum member which)
{
	return names[wire][which];
}

static int
is_member(int which, const char *key, size_t len)
{
	static const unsigned char sizes[][N_MEMBERS] = {
	    [PSM_WIRE_SNAKE] = {8, 10, 7, 9, 8, 7},
	    [PSM_WIRE_CAMEL] = {7, 9, 7, 9, 8, 7},
	};
	size_t wire;

	for (wire = 0; wire < PSM__COUNT(sizes); wire++)
		if (sizes[wire][which] == len &&
		    memcmp(key, names[wire][which], len) == 0)
			return 1;
	return 0;
}

enum member
psm__member_index(const char *key, size_t len, enum member likely)
{
	int i;

	if (likely < N_MEMBERS && is_member(likely, key, len))
		return likely;
	for (i = 0; i < N_MEMBERS; i++)
		if (is_member(i, key, len))
			break;
	return (enum member)i;
}

int
psm__wire_of(const char *word)
{
	static const char *const words[] = {
	    [PSM_WIRE_SNAKE] = "snake",
	    [PSM_WIRE_CAMEL] = "camel",
	    [PSM_WIRE_CLOUDEVENTS] = "cloudevents",
	    [PSM__WIRE_CLOUDEVENTS_BINARY] = "cloudevents-binary",
	};
	size_t i;

	for (i = PSM__COUNT(words) - 1; i > 0; i--)
		if (strcmp(words[i], word) == 0)
			break;
	return (int)i;
}
