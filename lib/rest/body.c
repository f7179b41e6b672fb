/* SPDX-License-Identifier: BSD-2-Clause */
/* What functions of endpoints need of a request, and say in their answers. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

int
psm__rest_text(struct rest_call *c, psm_json **doc, const char *key,
               const char **text)
{
	char pointer[64];
	const psm_json *v;
	int rc;

	*doc = NULL;
	*text = NULL;
	if (!c->body)
		return PSM_OK;
	rc = psm_json_parse(c->body, c->len, doc, c->err);
	if (rc < 0)
		return rc;
	if (psm_json_kind(*doc) != PSM_JSON_OBJECT)
		return psm__fail(c->err, PSM_ERR_SCHEMA, "want an object");
	(void)snprintf(pointer, sizeof pointer, "/%s", key);
	v = psm_json_at(*doc, pointer);
	*text = psm_json_string(v);
	if (!v || *text || psm_json_kind(v) == PSM_JSON_NULL)
		return PSM_OK;
	rc = psm__fail(c->err, PSM_ERR_SCHEMA, "%s: want text", key);
	psm_error_add_fault(c->err, pointer, "want text");
	return rc;
}

void
psm__rest_extra(struct rest_call *c, const char *key, const char *json)
{
	size_t len = strlen(c->extra);

	if (len + strlen(key) + strlen(json) + 5 > sizeof c->extra)
		return;
	(void)snprintf(c->extra + len, sizeof c->extra - len, "%s\"%s\":%s",
	               len > 0 ? "," : "", key, json);
}

void
psm__rest_extra_int(struct rest_call *c, const char *key, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%lld", (long long)value);
	psm__rest_extra(c, key, text);
}

void
psm__rest_extra_text(struct rest_call *c, const char *key, const char *value)
{
	psm_json_writer *w = psm_json_writer_new();
	const char *text;
	size_t len;

	if (!w)
		return;
	psm_json_write_string(w, value);
	if (psm_json_writer_finish(w, &text, &len, NULL) == PSM_OK)
		psm__rest_extra(c, key, text);
	psm_json_writer_free(w);
}
