/* SPDX-License-Identifier: BSD-2-Clause */
/* What descriptions of routes are made of. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rest/rest.h"

void
psm__rest_member(psm_json_writer *w, const char *key, const char *text)
{
	psm_json_write_key(w, key);
	psm_json_write_string(w, text);
}

void
psm__rest_open(psm_json_writer *w, const char *key)
{
	psm_json_write_key(w, key);
	psm_json_write_object(w);
}

void
psm__rest_close(psm_json_writer *w, int count)
{
	while (count-- > 0)
		psm_json_write_end(w);
}

void
psm__rest_reference(psm_json_writer *w, const char *name, const char *suffix)
{
	char text[128];

	(void)snprintf(text, sizeof text, "#/components/schemas/%s%s", name,
	               suffix);
	psm__rest_member(w, "$ref", text);
}

void
psm__rest_content(psm_json_writer *w, const char *media)
{
	psm__rest_open(w, "content");
	psm__rest_open(w, media);
	psm__rest_open(w, "schema");
}

void
psm__rest_parameter(psm_json_writer *w, const char *in, const char *name,
                    const char *type)
{
	psm_json_write_object(w);
	psm__rest_member(w, "name", name);
	psm__rest_member(w, "in", in);
	psm_json_write_key(w, "required");
	psm_json_write_bool(w, strcmp(in, "path") == 0);
	psm__rest_open(w, "schema");
	psm__rest_member(w, "type", type);
	psm__rest_close(w, 2);
}

/* A malformed path or query, a Host or Origin that may not ask, a body or
 * headers that are too large, too many requests, no time. */
static const char any_route[] = "400 403 413 429 431 503";

#define STATUSES_MAX 24

/* In their order, each once. */
static size_t
add_statuses(int *list, size_t count, const char *text)
{
	char *end;

	for (; *text && count < STATUSES_MAX; text = end) {
		int status = (int)strtol(text, &end, 10);
		size_t at = 0;

		if (end == text)
			break;
		while (at < count && list[at] < status)
			at++;
		if (at < count && list[at] == status)
			continue;
		memmove(&list[at + 1], &list[at], (count - at) * sizeof *list);
		list[at] = status;
		count++;
	}
	return count;
}

static const char *
response_name(int status)
{
	switch (status) {
	case 304:
		return "NotChanged";
	case 401:
		return "Unknown";
	case 429:
	case 503:
		return "Later";
	default:
		return "Failed";
	}
}

void
psm__rest_failures(psm_json_writer *w, const struct svc_route *route,
                   const char *list, int but)
{
	int statuses[STATUSES_MAX + 1];
	size_t count = add_statuses(statuses, 0, any_route);
	char text[64];

	count = add_statuses(statuses, count, list);
	if (route->role != SVC_ROLE_NONE)
		count = add_statuses(statuses, count, "401");
	for (size_t i = 0; i < count; i++) {
		if (statuses[i] == but)
			continue;
		(void)snprintf(text, sizeof text, "%d", statuses[i]);
		psm__rest_open(w, text);
		(void)snprintf(text, sizeof text, "#/components/responses/%s",
		               response_name(statuses[i]));
		psm__rest_member(w, "$ref", text);
		psm__rest_close(w, 1);
	}
}

static void
response(psm_json_writer *w, const char *name, const char *meaning,
         const char *header)
{
	psm__rest_open(w, name);
	psm__rest_member(w, "description", meaning);
	if (header) {
		psm__rest_open(w, "headers");
		psm__rest_open(w, header);
		psm__rest_open(w, "schema");
		psm__rest_member(w, "type", "string");
		psm__rest_close(w, 3);
	}
	if (strcmp(name, "NotChanged") != 0) {
		psm__rest_content(w, "application/json");
		psm__rest_reference(w, "Error", "");
		psm__rest_close(w, 3);
	}
	psm__rest_close(w, 1);
}

void
psm__rest_responses(psm_json_writer *w)
{
	psm__rest_open(w, "responses");
	response(w, "Failed", "the body says why", NULL);
	response(w, "Later", "not now: try again", "Retry-After");
	response(w, "NotChanged", "the client's copy is the newest", "ETag");
	response(w, "Unknown", "there is no token, or nobody has it",
	         "WWW-Authenticate");
	psm__rest_close(w, 1);
}
