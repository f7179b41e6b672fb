/* SPDX-License-Identifier: BSD-2-Clause */
/* A request to an endpoint of its own, from its row: read what the row says,
 * call its function, answer. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

/* -- reading the request */

static int
read_id(struct rest_call *c)
{
	if (!psm_request_param(c->req, "id"))
		return PSM_OK;
	if (psm_request_id(c->req, "id", &c->id, c->err) == PSM_OK)
		return PSM_OK;
	psm_error_clear(c->err);
	return psm__fail(c->err, PSM_ERR_NOT_FOUND, "%s not found",
	                 c->endpoint->noun ? c->endpoint->noun : "it is");
}

static int
read_body(struct rest_call *c)
{
	int rc;

	if (!c->endpoint->body)
		return PSM_OK;
	c->body = psm_request_body(c->req, &c->len);
	if (c->len == 0 && (c->endpoint->how & REST_BODY_MAY_LACK)) {
		c->body = NULL;
		return PSM_OK;
	}
	rc = psm_request_expect(c->req,
	                        c->endpoint->how & REST_MERGE
	                            ? "application/merge-patch+json"
	                            : "application/json",
	                        c->err);
	return rc < 0 ? rc : PSM_OK;
}

static int
is_type(const struct rest_field *f, const char *type)
{
	return strncmp(f->type, type, strlen(type)) == 0;
}

int
psm__rest_is_blank(const char *text)
{
	return !text || text[strspn(text, " \t\r\n")] == '\0';
}

/* One parameter, if the request gives it. */
static int
write_parameter(struct rest_call *c, const struct rest_field *f,
                psm_json_writer *w)
{
	const char *text = psm_request_query(c->req, f->name);
	int64_t number;
	int flag, rc = 1;

	if (!text || !*text)
		return strchr(f->type, '!')
		           ? psm__fail(c->err, PSM_ERR_INVAL, "%s: is required",
		                       f->name)
		           : PSM_OK;
	if (is_type(f, "integer"))
		rc = psm_request_query_int(c->req, f->name, INT64_MIN,
		                           INT64_MAX, &number, c->err);
	else if (is_type(f, "boolean"))
		rc = psm_request_query_bool(c->req, f->name, &flag, c->err);
	if (rc < 0)
		return rc;
	psm_json_write_key(w, f->name);
	if (is_type(f, "integer"))
		psm_json_write_int(w, number);
	else if (is_type(f, "boolean"))
		psm_json_write_bool(w, flag);
	else
		psm_json_write_string(w, text);
	return PSM_OK;
}

int
psm__rest_take(psm_json_writer *w, char **json, psm_error *err)
{
	const char *text;
	size_t len;
	int rc =
	    w ? psm_json_writer_finish(w, &text, &len, err) : psm__nomem(err);

	*json = NULL;
	if (rc == PSM_OK) {
		*json = psm_alloc(len + 1);
		rc = *json ? PSM_OK : psm__nomem(err);
	}
	if (rc == PSM_OK)
		memcpy(*json, text, len + 1);
	psm_json_writer_free(w);
	return rc;
}

int
psm__rest_query(struct rest_call *c, char **json)
{
	psm_json_writer *w = psm_json_writer_new();
	const struct rest_field *f = c->endpoint->query;
	int64_t page, limit;
	int rc = PSM_OK;

	*json = NULL;
	if (!w)
		return psm__nomem(c->err);
	psm_json_write_object(w);
	if (c->endpoint->how & REST_PAGE) {
		psm_request_page(c->req, &page, &limit);
		psm_json_write_key(w, "page");
		psm_json_write_int(w, page);
		psm_json_write_key(w, "limit");
		psm_json_write_int(w, limit);
	}
	for (; f && f->name && rc == PSM_OK; f++)
		rc = write_parameter(c, f, w);
	psm_json_write_end(w);
	if (rc == PSM_OK)
		return psm__rest_take(w, json, c->err);
	psm_json_writer_free(w);
	return rc;
}

int
psm__rest_listed(struct rest_call *c,
                 int (*list)(psm_store *store, const char *query, char **out,
                             psm_error *err))
{
	char *query;
	int rc = psm__rest_query(c, &query);

	if (rc == PSM_OK)
		rc = list(c->store, query, &c->json, c->err);
	psm_free(query);
	return rc;
}

int
psm__rest_if_version(struct rest_call *c, const char *entity, int64_t *version)
{
	char *json = NULL;
	int rc;

	*version = PSM_VERSION_ANY;
	if (!psm_request_header(c->req, "If-Match"))
		return PSM_OK;
	rc = psm_entity_get(c->tx, entity, c->id, &json, version, c->err);
	psm_free(json);
	if (rc == PSM_OK)
		rc = psm_request_if_match(c->req, *version, c->err);
	return rc < 0 ? rc : PSM_OK;
}

/* -- the answer */

/* Put members behind those of an object, which may have none. */
static int
join(char **json, const char *members, psm_error *err)
{
	size_t len = strlen(*json), more = strlen(members);
	char *text;

	while (len > 0 && (*json)[len - 1] != '}')
		len--;
	if (len == 0)
		return psm__fail(err, PSM_ERR_STATE, "answer: want an object");
	text = psm_alloc(len + more + 3);
	if (!text)
		return psm__nomem(err);
	(void)snprintf(text, len + more + 3, "%.*s%s%s}", (int)(len - 1), *json,
	               len > 2 && more > 0 ? "," : "", members);
	psm_free(*json);
	*json = text;
	return PSM_OK;
}

/* {"message": ...} behind what there is. */
static int
join_message(struct rest_call *c)
{
	psm_json_writer *w = psm_json_writer_new();
	char *text = NULL;
	int rc;

	if (!w)
		return psm__nomem(c->err);
	psm_json_write_object(w);
	psm_json_write_key(w, "message");
	psm_json_write_string(w, c->message);
	psm_json_write_end(w);
	rc = psm__rest_take(w, &text, c->err);
	if (rc == PSM_OK && c->json) {
		text[strlen(text) - 1] = '\0';
		rc = join(&c->json, text + 1, c->err);
		psm_free(text);
	} else if (rc == PSM_OK) {
		c->json = text;
	}
	return rc;
}

int
psm__rest_join(struct rest_call *c, const char *members)
{
	return join(&c->json, members, c->err);
}

static int
answer(struct rest_call *c)
{
	int status = c->status ? c->status : c->endpoint->status;
	int rc = c->message[0] ? join_message(c) : PSM_OK;

	if (rc < 0)
		return rc;
	if (c->version >= 0)
		psm_response_etag(c->res, c->version);
	if (c->location[0])
		psm_response_header(c->res, "Location", c->location);
	status = status ? status : 200;
	if (status == 304)
		psm_response_json(c->res, status, NULL, 0);
	else
		psm_response_json(c->res, status, c->json,
		                  c->json ? strlen(c->json) : 0);
	return PSM_OK;
}

/* The status that the row has for the failure, and the members that its
 * function left. */
static int
fail(struct rest_call *c, int rc)
{
	const struct rest_endpoint *e = c->endpoint;
	const struct rest_refused refused = {c->req,  c->res,    e->method,
	                                     e->noun, e->entity, c->id};
	const struct rest_status *s = e->statuses;
	char *json;

	if (e->explain)
		(void)e->explain(c);
	while (s && s->code && s->code != rc)
		s++;
	if (psm_error_code(c->err) == PSM_OK)
		return rc;
	psm__svc_response_clear(c->res); /* of what the commit undid */
	psm__rest_refuse(&refused, c->err);
	if (!(s && s->code) && !c->extra[0])
		return PSM_OK;
	json = psm_alloc(c->res->len + 1);
	if (!json || !c->res->body) {
		psm_free(json);
		return rc;
	}
	memcpy(json, c->res->body, c->res->len);
	json[c->res->len] = '\0';
	if (join(&json, c->extra, NULL) == PSM_OK)
		psm_response_json(c->res,
		                  s && s->code ? s->status : c->res->status,
		                  json, strlen(json));
	psm_free(json);
	return PSM_OK;
}

/* -- transactions */

static int
begin(struct rest_call *c)
{
	int rc = psm_tx_begin(c->store, &c->tx, c->err);

	if (rc == PSM_OK)
		rc = psm_tx_wait_consumers(c->tx, -1, c->err);
	if (rc == PSM_OK)
		rc = psm_request_trace(c->req, c->tx, c->err);
	return rc;
}

/* In one transaction. */
static int
change(struct rest_call *c)
{
	int is_post = strcmp(c->endpoint->method, "POST") == 0;
	int rc = begin(c);

	if (rc == PSM_OK && is_post)
		rc = psm_request_once(c->req, c->tx, c->res, c->err);
	if (rc == 1) { /* answered as before */
		psm_tx_rollback(c->tx);
		return PSM_OK;
	}
	if (rc == PSM_OK)
		rc = psm_tx_include(c->tx, 1, c->err);
	if (rc == PSM_OK)
		rc = c->endpoint->fn(c);
	if (c->tx && psm_tx_include(c->tx, 0, NULL) < 0)
		rc = PSM_ERR_STATE;
	if (rc >= 0)
		rc = answer(c);
	if (rc == PSM_OK && is_post)
		rc = psm_response_keep(c->res, c->req, c->tx, c->err);
	if (rc >= 0)
		return psm_tx_commit(c->tx, c->err);
	psm_tx_rollback(c->tx);
	c->tx = NULL;
	return rc;
}

/* What fn cannot do in one way it may want to do in another one. */
static int
change_again(struct rest_call *c)
{
	int rc = change(c), code;

	while (rc < 0 && c->again > c->attempt) {
		/* As in psm_response_error(). */
		code = psm_error_code(c->err);
		(void)snprintf(c->failed, sizeof c->failed, "%s",
		               psm_error_http_status(code) >= 500 &&
		                       code != PSM_ERR_UNAVAILABLE
		                   ? psm_strerror(code)
		                   : psm_error_public(c->err));
		psm__utf8_clean(c->failed);
		c->attempt = c->again;
		psm_error_clear(c->err);
		psm_free(c->json);
		c->json = NULL;
		c->location[0] = c->message[0] = '\0';
		rc = change(c);
	}
	return rc;
}

/* Better refused than not kept. */
static int
takes_no_key(const struct rest_call *c)
{
	if (strcmp(c->endpoint->method, "POST") != 0 ||
	    (c->endpoint->how & REST_CHANGE) ||
	    !psm_request_header(c->req, "Idempotency-Key"))
		return PSM_OK;
	return psm__fail(c->err, PSM_ERR_INVAL,
	                 "Idempotency-Key: %s does not take one",
	                 c->endpoint->path);
}

int
psm__rest_call(const psm_request *req, psm_response *res, void *user,
               psm_error *err)
{
	const struct rest_bound *bound = user;
	struct rest_call c = {.req = req,
	                      .res = res,
	                      .cx = bound->cx,
	                      .endpoint = bound->endpoint,
	                      .store = bound->cx->store,
	                      .err = err,
	                      .version = -1};
	int rc = read_id(&c);

	if (rc == PSM_OK)
		rc = takes_no_key(&c);
	if (rc == PSM_OK)
		rc = read_body(&c);
	if (rc == PSM_OK && (c.endpoint->how & REST_CHANGE)) {
		rc = change_again(&c);
	} else if (rc == PSM_OK) {
		rc = c.endpoint->fn(&c);
		if (rc >= 0)
			rc = answer(&c);
	}
	psm_free(c.json);
	return rc < 0 ? fail(&c, rc) : PSM_OK;
}
