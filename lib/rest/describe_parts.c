/* SPDX-License-Identifier: BSD-2-Clause */
/* What descriptions of routes are made of. */
#include <stdio.h>
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

void
psm__rest_failure(psm_json_writer *w, const char *status)
{
	psm__rest_open(w, status);
	psm__rest_member(w, "description",
	                 strcmp(status, "304") == 0 ? "not changed" : "failed");
	if (strcmp(status, "304") != 0) {
		psm__rest_content(w, "application/json");
		psm__rest_reference(w, "Error", "");
		psm__rest_close(w, 3);
	}
	psm__rest_close(w, 1);
}
