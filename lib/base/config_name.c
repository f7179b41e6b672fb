/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of variables that are no settings: which one was meant, and which are
 * made by Kubernetes. */
#include "base/config_int.h"

#include <string.h>

#define NAME_MAX_LEN ((size_t)80)
#define PREFIX "PSYMATCH_"

/* Letters to add, drop or replace until a is b (Levenshtein); both have
 * NAME_MAX_LEN at most. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LEN + 1], len = strlen(b), diagonal, above;

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		diagonal = row[0]++;
		for (size_t j = 1; j <= len; j++) {
			above = row[j];
			if (diagonal + (a[i] != b[j - 1]) <
			    (above < row[j - 1] ? above : row[j - 1]) + 1)
				row[j] = diagonal + (a[i] != b[j - 1]);
			else
				row[j] =
				    (above < row[j - 1] ? above : row[j - 1]) +
				    1;
			diagonal = above;
		}
	}
	return row[len];
}

int
psm__setting_is_foreign(const char *name)
{
	static const char *const prefixes[] = {
	    "PSYMATCH_TEST_", "PSYMATCH_HTTP_", "PSYMATCH_REST_",
	    "PSYMATCH_SERVICE_"};

	for (size_t i = 0; i < PSM__COUNT(prefixes); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return 1;
	return strcmp(name, "PSYMATCH_LIBRARY") == 0 ||
	       strcmp(name, "PSYMATCH_TEMPLATE_DIR") == 0 ||
	       strcmp(name, "PSYMATCH_SHUTDOWN_MS") == 0;
}

const char *
psm__setting_nearest(const char *name)
{
	size_t len = strlen(name), best;
	const char *nearest = NULL;

	if (len > NAME_MAX_LEN)
		return NULL;
	/* The prefix that most have says nothing. */
	if (strncmp(name, PREFIX, sizeof(PREFIX) - 1) == 0)
		len -= sizeof(PREFIX) - 1;
	best = len / 2 + 1;
	for (size_t i = 0; i < psm_config_count(); i++) {
		const char *known = psm_config_name_at(i);
		size_t d = distance(name, known);

		if (d < best) {
			best = d;
			nearest = known;
		}
	}
	return nearest;
}

static int
ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), tail = strlen(end);

	return len > tail && strcmp(name + len - tail, end) == 0;
}

/* What follows X_PORT: nothing, or _80_TCP with _ADDR, _PORT, _PROTO or
 * nothing. */
static int
is_port_tail(const char *tail)
{
	static const char *const protocols[] = {"_TCP", "_UDP", "_SCTP"};
	static const char *const ends[] = {"", "_ADDR", "_PORT", "_PROTO"};
	size_t digits;

	if (tail[0] == '\0')
		return 1;
	digits = tail[0] == '_' ? strspn(tail + 1, "0123456789") : 0;
	if (digits == 0)
		return 0;
	tail += 1 + digits;
	for (size_t i = 0; i < PSM__COUNT(protocols); i++) {
		size_t len = strlen(protocols[i]);

		if (strncmp(tail, protocols[i], len) != 0)
			continue;
		for (size_t j = 0; j < PSM__COUNT(ends); j++)
			if (strcmp(tail + len, ends[j]) == 0)
				return 1;
	}
	return 0;
}

int
psm__is_link_name(const char *name)
{
	const char *at = name;

	if (ends_with(name, "_SERVICE_HOST") || strstr(name, "_SERVICE_PORT_"))
		return 1;
	while ((at = strstr(at + 1, "_PORT")))
		if (is_port_tail(at + 5))
			return 1;
	return 0;
}

int
psm__is_link_value(const char *name, const char *value)
{
	return ends_with(name, "_PORT") && (strncmp(value, "tcp://", 6) == 0 ||
	                                    strncmp(value, "udp://", 6) == 0 ||
	                                    strncmp(value, "sctp://", 7) == 0);
}
