/* SPDX-License-Identifier: BSD-2-Clause */
/* The row of an endpoint in the words of OpenAPI 3.1. */
#include "rest/rest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Types of a row that JSON Schema calls otherwise. */
static const struct kind {
	const char *name, *type, *format;
} kinds[] = {
    {"integer", "integer", NULL}, {"number", "number", NULL},
    {"boolean", "boolean", NULL}, {"string", "string", NULL},
    {"date", "string", "date"},   {"time", "string", "date-time"},
    {"object", "object", NULL},
};

/* "type": T, or [T, "null"]. */
static void
write_type(psm_json_writer *w, const char *type, int may_be_null)
{
	if (!may_be_null) {
		psm__rest_member(w, "type", type);
		return;
	}
	psm_json_write_key(w, "type");
	psm_json_write_array(w);
	psm_json_write_string(w, type);
	psm_json_write_string(w, "null");
	psm__rest_close(w, 1);
}

/* The words of "string(a|b)". */
static void
write_words(psm_json_writer *w, const char *words)
{
	char word[64];

	psm_json_write_key(w, "enum");
	psm_json_write_array(w);
	while (*words == '(' || *words == '|') {
		size_t len = strcspn(++words, "|)");

		(void)snprintf(word, sizeof word, "%.*s", (int)len, words);
		psm_json_write_string(w, word);
		words += len;
	}
	psm__rest_close(w, 1);
}

static void write_object(psm_json_writer *w, const struct rest_field *f,
                         int is_answer);

/* The members of a schema, in an object that is open. */
static void
write_schema(psm_json_writer *w, const char *type, const struct rest_field *f,
             int is_answer)
{
	int may_be_null = strchr(type, '?') != NULL;
	size_t i;

	if (strncmp(type, "[]", 2) == 0) {
		write_type(w, "array", may_be_null);
		psm__rest_open(w, "items");
		write_schema(w, type + 2, f, is_answer);
		psm__rest_close(w, 1);
		return;
	}
	if (isupper((unsigned char)*type)) {
		char noun[64];

		(void)snprintf(noun, sizeof noun, "%.*s",
		               (int)strcspn(type, "?!"), type);
		psm__rest_reference(w, noun, "");
		return;
	}
	for (i = 0; i < PSM__COUNT(kinds); i++)
		if (strncmp(type, kinds[i].name, strlen(kinds[i].name)) == 0)
			break;
	if (i == PSM__COUNT(kinds)) /* "any" */
		return;
	write_type(w, kinds[i].type, may_be_null);
	if (kinds[i].format)
		psm__rest_member(w, "format", kinds[i].format);
	if (strchr(type, '(') && !may_be_null)
		write_words(w, strchr(type, '('));
	if (f)
		write_object(w, f, is_answer);
}

/* Of an answer every member is there; of a body those that have to be. */
static void
write_object(psm_json_writer *w, const struct rest_field *f, int is_answer)
{
	const struct rest_field *m;
	int count = 0;

	psm__rest_open(w, "properties");
	for (m = f; m->name; m++) {
		psm__rest_open(w, m->name);
		write_schema(w, m->type, m->members, is_answer);
		psm__rest_close(w, 1);
		count += strchr(m->type, '!') != NULL;
	}
	psm__rest_close(w, 1);
	if (count == 0)
		return;
	psm_json_write_key(w, "required");
	psm_json_write_array(w);
	for (m = f; m->name; m++)
		if (strchr(m->type, '!'))
			psm_json_write_string(w, m->name);
	psm__rest_close(w, 1);
}

static void
write_parameters(psm_json_writer *w, const struct svc_route *route,
                 const struct rest_endpoint *e)
{
	const struct rest_field *f;
	char name[64];

	psm_json_write_key(w, "parameters");
	psm_json_write_array(w);
	for (size_t i = 0; i < route->count; i++) {
		const struct svc_segment *s = &route->segments[i];

		if (!s->is_param)
			continue;
		(void)snprintf(name, sizeof name, "%.*s", (int)s->len, s->text);
		psm__rest_parameter(w, "path", name,
		                    strcmp(name, "id") == 0 ? "integer"
		                                            : "string");
	}
	if (e->how & REST_PAGE) {
		psm__rest_parameter(w, "query", "page", "integer");
		psm__rest_parameter(w, "query", "limit", "integer");
	}
	for (f = e->query; f && f->name; f++) {
		psm_json_write_object(w);
		psm__rest_member(w, "name", f->name);
		psm__rest_member(w, "in", "query");
		psm_json_write_key(w, "required");
		psm_json_write_bool(w, strchr(f->type, '!') != NULL);
		psm__rest_open(w, "schema");
		write_schema(w, f->type, NULL, 0);
		psm__rest_close(w, 2);
	}
	if ((e->how & REST_CHANGE) && strcmp(e->method, "POST") == 0)
		psm__rest_parameter(w, "header", "Idempotency-Key", "string");
	psm__rest_close(w, 1);
}

/* "content": {media: {"schema": {: to be closed thrice. */
static void
open_content(psm_json_writer *w, const char *media)
{
	psm__rest_open(w, "content");
	psm__rest_open(w, media);
	psm__rest_open(w, "schema");
}

static void
write_body(psm_json_writer *w, const struct rest_endpoint *e)
{
	if (!e->body)
		return;
	psm__rest_open(w, "requestBody");
	psm_json_write_key(w, "required");
	psm_json_write_bool(w, !(e->how & REST_BODY_MAY_LACK));
	open_content(w, e->how & REST_MERGE ? "application/merge-patch+json"
	                                    : "application/json");
	write_schema(w, "object", e->body, 0);
	psm__rest_close(w, 4);
}

static void
write_answer(psm_json_writer *w, const struct rest_endpoint *e)
{
	char list[64];
	struct rest_field page[] = {
	    {"data", list, e->answer},  {"page", "integer", NULL},
	    {"limit", "integer", NULL}, {"total", "integer", NULL},
	    {NULL, NULL, NULL},         {NULL, NULL, NULL}};

	if (e->more)
		page[4] = e->more[0];
	(void)snprintf(list, sizeof list, "[]%s",
	               e->record ? e->record : "object");
	if (e->how & REST_PAGE)
		write_schema(w, "object", page, 1);
	else if (e->how & REST_ARRAY)
		write_schema(w, list, e->answer, 1);
	else if (!e->answer && !e->record)
		psm__rest_reference(w, "Message", "");
	else
		write_schema(w, list + 2, e->answer, 1);
}

static void
write_failures(psm_json_writer *w, const struct svc_route *route,
               const struct rest_endpoint *e)
{
	int takes_key =
	    (e->how & REST_CHANGE) && strcmp(e->method, "POST") == 0;
	char list[128];

	(void)snprintf(list, sizeof list, "%s%s%s",
	               e->failures ? e->failures : "", e->body ? " 415" : "",
	               takes_key ? " 422" : "");
	psm__rest_failures(w, route, list, e->or_status);
}

static void
write_success(psm_json_writer *w, const struct rest_endpoint *e, int number)
{
	char status[12];

	(void)snprintf(status, sizeof status, "%d", number);
	psm__rest_open(w, status);
	psm__rest_member(w, "description", "done");
	open_content(w, e->media ? e->media : "application/json");
	if (e->media)
		psm__rest_member(w, "type", "string");
	else
		write_answer(w, e);
	psm__rest_close(w, 4);
}

void
psm__rest_describe(psm_json_writer *w, const struct svc_route *route,
                   const struct rest_endpoint *e)
{
	psm__rest_member(w, "summary", e->summary);
	if (e->noun) {
		psm_json_write_key(w, "tags");
		psm_json_write_array(w);
		psm_json_write_string(w, e->noun);
		psm__rest_close(w, 1);
	}
	write_parameters(w, route, e);
	write_body(w, e);
	psm__rest_open(w, "responses");
	write_success(w, e, e->status ? e->status : 200);
	if (e->or_status)
		write_success(w, e, e->or_status);
	write_failures(w, route, e);
	psm__rest_close(w, 1);
}
