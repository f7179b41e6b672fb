/* SPDX-License-Identifier: BSD-2-Clause */
/* The description of a service's routes: OpenAPI 3.1, from the rows of the
 * resources and the tables of their entities. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

/* Schemas of an entity: components/schemas/<Noun><suffix>. */
static const struct shape {
	const char *suffix;
	int shape;
} shapes[] = {
    {"", PSM_ENTITY_SHOW},
    {"Create", PSM_ENTITY_CREATE},
    {"Update", PSM_ENTITY_UPDATE},
    {"Patch", PSM_ENTITY_MERGE},
};

/* What a route of a resource says of itself. */
static const struct operation {
	const char *verb, *tail;
	const char *summary;
	const char *media; /* of the body; NULL: none */
	const char *body;  /* the schema's suffix */
	const char *status;
	const char *answer;   /* the schema's suffix; "[]": a page, "-": a
	                         message, "{}": an object */
	const char *failures; /* statuses, separated by blanks */
} operations[] = {
    {"GET", "", "A page of the list", NULL, NULL, "200", "[]", ""},
    {"POST", "", "Make one", "application/json", "Create", "201", "",
     "409 422"},
    {"GET", "/{id}", "Read one", NULL, NULL, "200", "", "304 404"},
    {"PUT", "/{id}", "Change one: what is absent or null stays",
     "application/json", "Update", "200", "", "404 409 412 415"},
    {"PATCH", "/{id}", "Change one: what is absent stays, null clears",
     "application/merge-patch+json", "Patch", "200", "", "404 409 412 415"},
    {"DELETE", "/{id}", "Delete one", NULL, NULL, "200", "-", "404 409 412"},
    {"GET", "/{id}/communication", "Mails and calls", NULL, NULL, "200", "{}",
     "404"},
};
const char *
psm__rest_summary(const char *verb, const char *tail)
{
	size_t i;

	for (i = 0; i < PSM__COUNT(operations); i++)
		if (strcmp(operations[i].verb, verb) == 0 &&
		    strcmp(operations[i].tail, tail) == 0)
			break;
	return i < PSM__COUNT(operations) ? operations[i].summary : "";
}

/* POST /{id}/ACTION */
static const struct operation action = {"POST",
                                        "",
                                        "Do what has a name of its own",
                                        "application/json",
                                        NULL,
                                        "200",
                                        "",
                                        "404 409 412 415 422"};

/* -- parameters */

/* The types of the table as JSON Schema has them, for a query's text. */
static const char *
schema_type(const char *type)
{
	if (strcmp(type, "integer") == 0 || strcmp(type, "bigint") == 0)
		return "integer";
	if (strcmp(type, "numeric") == 0)
		return "number";
	return strcmp(type, "boolean") == 0 ? "boolean" : "string";
}

static void
list_parameters(psm_json_writer *w, const psm_entity *e)
{
	const char *name, *type;

	psm__rest_parameter(w, "query", "page", "integer");
	psm__rest_parameter(w, "query", "limit", "integer");
	psm__rest_parameter(w, "query", "sort", "string");
	for (size_t i = 0; (name = psm_entity_filter_at(e, i)); i++) {
		type = psm_entity_field_type(psm_entity_filter_field(e, name));
		psm__rest_parameter(w, "query", name,
		                    type ? schema_type(type) : "string");
	}
}

/* Those of the path, of the query and of the headers that matter. */
static void
parameters(psm_json_writer *w, const psm_entity *e, const char *verb,
           const char *tail)
{
	int is_post = strcmp(verb, "POST") == 0;
	int is_get = strcmp(verb, "GET") == 0;

	psm_json_write_key(w, "parameters");
	psm_json_write_array(w);
	if (strncmp(tail, "/{id}", 5) == 0)
		psm__rest_parameter(w, "path", "id", "integer");
	else if (is_get)
		list_parameters(w, e);
	if (strcmp(verb, "DELETE") == 0)
		psm__rest_parameter(w, "query", "force", "boolean");
	if (is_post)
		psm__rest_parameter(w, "header", "Idempotency-Key", "string");
	if (strcmp(tail, "/{id}") == 0)
		psm__rest_parameter(w, "header",
		                    is_get ? "If-None-Match" : "If-Match",
		                    "string");
	psm__rest_close(w, 1);
}

/* -- answers */

static void
page_schema(psm_json_writer *w, const char *noun)
{
	static const char *const numbers[] = {"page", "limit", "total"};

	psm__rest_member(w, "type", "object");
	psm__rest_open(w, "properties");
	psm__rest_open(w, "data");
	psm__rest_member(w, "type", "array");
	psm__rest_open(w, "items");
	psm__rest_reference(w, noun, "");
	psm__rest_close(w, 2);
	for (size_t i = 0; i < PSM__COUNT(numbers); i++) {
		psm__rest_open(w, numbers[i]);
		psm__rest_member(w, "type", "integer");
		psm__rest_close(w, 1);
	}
	psm__rest_close(w, 1);
}

static void
success(psm_json_writer *w, const char *status, const char *noun,
        const char *answer)
{
	psm__rest_open(w, status);
	psm__rest_member(w, "description", "done");
	psm__rest_content(w, "application/json");
	if (strcmp(answer, "[]") == 0)
		page_schema(w, noun);
	else if (strcmp(answer, "-") == 0)
		psm__rest_reference(w, "Message", "");
	else if (strcmp(answer, "{}") == 0)
		psm__rest_member(w, "type", "object");
	else
		psm__rest_reference(w, noun, answer);
	psm__rest_close(w, 4);
}

/* -- operations */

static void
open_verb(psm_json_writer *w, const char *verb)
{
	char key[8] = "";

	for (size_t i = 0; verb[i] && i < sizeof key - 1; i++)
		key[i] = (char)(verb[i] - 'A' + 'a');
	psm__rest_open(w, key);
}

static void
request_body(psm_json_writer *w, const char *noun, const struct operation *o)
{
	psm__rest_open(w, "requestBody");
	psm_json_write_key(w, "required");
	psm_json_write_bool(w, o->body != NULL);
	psm__rest_content(w, o->media);
	if (o->body)
		psm__rest_reference(w, noun, o->body);
	else
		psm__rest_member(w, "type", "object");
	psm__rest_close(w, 4);
}

/* Of a resource; without its last brace. */
static void
resource_operation(psm_json_writer *w, const struct svc_route *route,
                   const struct rest_resource *r, const char *tail,
                   const struct operation *o)
{
	psm__rest_member(w, "summary", o->summary);
	psm_json_write_key(w, "tags");
	psm_json_write_array(w);
	psm_json_write_string(w, r->noun);
	psm__rest_close(w, 1);
	parameters(w, psm_entity_find(r->entity), o->verb, tail);
	if (o->media)
		request_body(w, r->noun, o);
	psm__rest_open(w, "responses");
	success(w, o->status, r->noun, o->answer);
	psm__rest_failures(w, route, o->failures, 0);
	psm__rest_close(w, 1);
}

/* Any other route: what its path says. */
static void
plain_operation(psm_json_writer *w, const struct svc_route *route)
{
	char name[64];

	psm_json_write_key(w, "parameters");
	psm_json_write_array(w);
	for (size_t i = 0; i < route->count; i++) {
		const struct svc_segment *s = &route->segments[i];

		if (!s->is_param)
			continue;
		(void)snprintf(name, sizeof name, "%.*s", (int)s->len, s->text);
		psm__rest_parameter(w, "path", name, "string");
	}
	psm__rest_close(w, 1);
	psm__rest_open(w, "responses");
	psm__rest_open(w, "200");
	psm__rest_member(w, "description", "done");
	psm__rest_close(w, 1);
	psm__rest_failures(w, route, "404 409 415 422", 0);
	psm__rest_close(w, 1);
}

/* The resource whose path begins this one; *tail: what follows. */
static const struct rest_resource *
resource_of(const char *path, const char **tail)
{
	const struct rest_resource *r;

	for (r = psm__rest_resources; r->path; r++) {
		size_t len = strlen(r->path);

		*tail = path + len;
		if (strncmp(path, r->path, len) == 0 &&
		    (**tail == '\0' || strncmp(*tail, "/{id}", 5) == 0))
			return r;
	}
	return NULL;
}

/* get_api_therapists_id of GET /api/therapists/{id} */
static void
write_name(psm_json_writer *w, const struct svc_route *route)
{
	char name[256];
	size_t len = 0;

	for (const char *c = route->method; *c; c++)
		name[len++] = (char)(*c - 'A' + 'a');
	for (const char *c = route->path; *c && len < sizeof name - 1; c++)
		if (!strchr("{}", *c))
			name[len++] = strchr("/-.", *c) ? '_' : *c;
	name[len] = '\0';
	psm__rest_member(w, "operationId", name);
}

/* The token that it wants, with the role that it needs. A service without
 * tokens wants none. */
static void
write_security(psm_json_writer *w, const psm_service *svc,
               const struct svc_route *route)
{
	static const char *const roles[] = {[SVC_ROLE_READ] = "read",
	                                    [SVC_ROLE_WRITE] = "write",
	                                    [SVC_ROLE_ADMIN] = "admin"};

	psm_json_write_key(w, "security");
	psm_json_write_array(w);
	if (route->role != SVC_ROLE_NONE) {
		psm_json_write_object(w);
		psm_json_write_key(w, "token");
		psm_json_write_array(w);
		psm_json_write_string(w, roles[route->role]);
		psm__rest_close(w, 2);
	}
	if (route->role != SVC_ROLE_NONE && !svc->door.tokens) {
		psm_json_write_object(w);
		psm__rest_close(w, 1);
	}
	psm__rest_close(w, 1);
}

/* NULL: it is no endpoint of its own. */
static const struct rest_endpoint *
row_of(const struct svc_route *route)
{
	if (route->fn == psm__rest_call)
		return ((const struct rest_bound *)route->user)->endpoint;
	if (route->fn == psm__rest_show)
		return ((const struct rest_show *)route->user)->endpoint;
	return strcmp(route->method, "GET") == 0
	           ? psm__rest_shown("*", route->path)
	           : NULL;
}

/* What the row of an endpoint or of a resource says, or only the path. */
static void
write_members(psm_json_writer *w, const struct svc_route *route)
{
	const struct rest_endpoint *e = row_of(route);
	const struct operation *o = NULL;
	const struct rest_resource *r;
	const char *tail;

	if (e) {
		psm__rest_describe(w, route, e);
		return;
	}
	r = resource_of(route->path, &tail);
	for (size_t i = 0; r && i < PSM__COUNT(operations); i++)
		if (strcmp(operations[i].verb, route->method) == 0 &&
		    strcmp(operations[i].tail, tail) == 0)
			o = &operations[i];
	if (r && !o && strcmp(route->method, "POST") == 0)
		o = &action;
	if (o)
		resource_operation(w, route, r, tail, o);
	else
		plain_operation(w, route);
}

static void
write_operation(psm_json_writer *w, const psm_service *svc,
                const struct svc_route *route)
{
	open_verb(w, route->method);
	write_name(w, route);
	write_security(w, svc, route);
	write_members(w, route);
	psm__rest_close(w, 1);
}

/* 1: it is there without the name of its service, too, at one port. */
static int
is_double(const psm_service *svc, const struct svc_route *route)
{
	const char *rest = strchr(route->path + 1, '/');

	for (size_t i = 0; rest && i < svc->route_count; i++)
		if (strcmp(svc->routes[i].path, rest) == 0 &&
		    strcmp(svc->routes[i].method, route->method) == 0)
			return 1;
	return 0;
}

/* The operations of all routes with the path of the i-th one. */
static void
write_path(psm_json_writer *w, const psm_service *svc, size_t i)
{
	const struct svc_route *first = &svc->routes[i];
	size_t k;

	if (is_double(svc, first))
		return;
	for (k = 0; k < i; k++)
		if (strcmp(svc->routes[k].path, first->path) == 0)
			return; /* written with that one */
	psm__rest_open(w, first->path);
	for (k = i; k < svc->route_count; k++)
		if (strcmp(svc->routes[k].path, first->path) == 0)
			write_operation(w, svc, &svc->routes[k]);
	psm__rest_close(w, 1);
}

/* -- components */

static void
texts(psm_json_writer *w, const char *const *names)
{
	psm__rest_member(w, "type", "object");
	psm__rest_open(w, "properties");
	for (; *names; names++) {
		psm__rest_open(w, *names);
		psm__rest_member(w, "type", "string");
		psm__rest_close(w, 1);
	}
}

static void
write_errors(psm_json_writer *w)
{
	static const char *const message[] = {"message", NULL};
	static const char *const fault[] = {"pointer", "message", NULL};
	static const char *const failed[] = {"message", "code", "pointer",
	                                     NULL};

	psm__rest_open(w, "Message");
	texts(w, message);
	psm__rest_close(w, 2);
	psm__rest_open(w, "Error");
	texts(w, failed);
	psm__rest_open(w, "errors");
	psm__rest_member(w, "type", "array");
	psm__rest_open(w, "items");
	texts(w, fault);
	psm__rest_close(w, 5);
}

static int
write_schema(psm_json_writer *w, const struct rest_resource *r,
             const struct shape *shape, psm_error *err)
{
	char *text = NULL, name[128];
	psm_json *doc = NULL;
	int rc = psm_entity_schema(psm_entity_find(r->entity), shape->shape,
	                           &text, err);

	if (rc == PSM_OK)
		rc = psm_json_parse(text, strlen(text), &doc, err);
	if (rc == PSM_OK) {
		(void)snprintf(name, sizeof name, "%s%s", r->noun,
		               shape->suffix);
		psm_json_write_key(w, name);
		psm_json_write_value(w, doc);
	}
	psm_json_free(doc);
	psm_free(text);
	return rc;
}

/* 1: the service has a route of the resource. */
static int
has_resource(const psm_service *svc, const struct rest_resource *r)
{
	const char *tail;

	for (size_t i = 0; i < svc->route_count; i++)
		if (resource_of(svc->routes[i].path, &tail) == r)
			return 1;
	return 0;
}

static int
write_components(psm_json_writer *w, const psm_service *svc, psm_error *err)
{
	const struct rest_resource *r;
	int rc = PSM_OK;

	psm__rest_open(w, "components");
	psm__rest_open(w, "schemas");
	write_errors(w);
	for (r = psm__rest_resources; r->path; r++)
		for (size_t i = 0; has_resource(svc, r) && rc == PSM_OK &&
		                   i < PSM__COUNT(shapes);
		     i++)
			rc = write_schema(w, r, &shapes[i], err);
	psm__rest_close(w, 1);
	psm__rest_responses(w);
	psm__rest_open(w, "securitySchemes");
	psm__rest_open(w, "token");
	psm__rest_member(w, "type", "http");
	psm__rest_member(w, "scheme", "bearer");
	psm__rest_close(w, 3);
	return rc;
}

/* At one port with others its paths are below its name. */
static void
write_server(psm_json_writer *w, const psm_service *svc)
{
	char url[SVC_NAME_MAX + 2];

	(void)snprintf(url, sizeof url, "/%s",
	               svc->is_mounted ? svc->name : "");
	psm_json_write_key(w, "servers");
	psm_json_write_array(w);
	psm_json_write_object(w);
	psm__rest_member(w, "url", url);
	psm__rest_close(w, 2);
}

int
psm__rest_openapi(const psm_service *svc, char **out, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	const char *text;
	size_t len;
	int rc;

	*out = NULL;
	if (!w)
		return psm__nomem(err);
	psm_json_write_object(w);
	psm__rest_member(w, "openapi", "3.1.0");
	psm__rest_open(w, "info");
	psm__rest_member(w, "title", svc->name);
	psm__rest_member(w, "version", psm_version());
	psm__rest_close(w, 1);
	write_server(w, svc);
	psm__rest_open(w, "paths");
	for (size_t i = 0; i < svc->route_count; i++)
		write_path(w, svc, i);
	psm__rest_close(w, 1);
	rc = write_components(w, svc, err);
	psm__rest_close(w, 1);
	if (rc == PSM_OK)
		rc = psm_json_writer_finish(w, &text, &len, err);
	if (rc == PSM_OK) {
		*out = psm_alloc(len + 1);
		rc = *out ? PSM_OK : psm__nomem(err);
	}
	if (rc == PSM_OK)
		memcpy(*out, text, len);
	psm_json_writer_free(w);
	return rc;
}
