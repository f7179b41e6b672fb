/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/service.h"

#include <string.h>

/* -- requests */

const char *
psm_request_method(const psm_request *req)
{
	return req ? req->method : NULL;
}

const char *
psm_request_path(const psm_request *req)
{
	return req ? req->path : NULL;
}

static const char *
pair_value(const struct svc_pair *pairs, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(pairs[i].name, name) == 0)
			return pairs[i].value;
	return NULL;
}

const char *
psm_request_param(const psm_request *req, const char *name)
{
	if (!req || !name)
		return NULL;
	return pair_value(req->params, req->param_count, name);
}

const char *
psm_request_query(const psm_request *req, const char *name)
{
	if (!req || !name)
		return NULL;
	return pair_value(req->query, req->query_count, name);
}

const char *
psm_request_body(const psm_request *req, size_t *len)
{
	if (len)
		*len = req ? req->body_len : 0;
	if (!req)
		return NULL;
	return req->body ? req->body : "";
}

/* One copy holds both: the path cut at its slashes, and behind it the route's
 * path cut likewise, for the names. */
int
psm__svc_request_params(psm_request *req, const struct svc_route *route)
{
	size_t size = strlen(req->path) + 1, route_size, i;
	char *value, *name, *next;

	route_size = strlen(route->path) + 1;
	req->path_copy = psm__realloc(NULL, size + route_size);
	if (!req->path_copy)
		return PSM_ERR_NOMEM;
	value = memcpy(req->path_copy, req->path, size);
	name = memcpy(req->path_copy + size, route->path, route_size);
	for (i = 0; i < route->count; i++) {
		const struct svc_segment *s = &route->segments[i];

		next = strchr(++value, '/');
		if (next)
			*next = '\0';
		if (s->is_param) {
			struct svc_pair *p = &req->params[req->param_count++];

			p->name = name + (s->text - route->path);
			name[(s->text - route->path) + (ptrdiff_t)s->len] =
			    '\0';
			p->value = value;
			if (psm__svc_decode(value) < 0)
				return PSM_ERR_PARSE;
		}
		value = next;
	}
	return PSM_OK;
}

int
psm__svc_request_query(psm_request *req, const char *name, const char *value)
{
	struct svc_pair *pair = &req->query[req->query_count];

	if (req->query_count == SVC_QUERY_MAX)
		return PSM_ERR_PARSE;
	req->query_count++; /* from here on psm__svc_request_free frees them */
	pair->name = psm__strdup(name);
	pair->value = psm__strdup(value ? value : "");
	if (!pair->name || !pair->value)
		return PSM_ERR_NOMEM;
	if (psm__svc_decode(pair->name) < 0 || psm__svc_decode(pair->value) < 0)
		return PSM_ERR_PARSE;
	return PSM_OK;
}

int
psm__svc_request_append(psm_request *req, const char *data, size_t len,
                        size_t limit)
{
	size_t want = req->body_len + len, cap = req->body_cap;
	char *body;

	if (req->dropped > 0 || want > limit) {
		req->dropped += len;
		return PSM_ERR_TOO_LARGE;
	}
	if (want >= cap) { /* one byte stays for the NUL */
		while (want >= cap)
			cap = cap ? cap * 2 : 4096;
		body = psm__realloc(req->body, cap);
		if (!body)
			return PSM_ERR_NOMEM;
		req->body = body;
		req->body_cap = cap;
	}
	memcpy(req->body + req->body_len, data, len);
	req->body_len = want;
	req->body[want] = '\0';
	return PSM_OK;
}

void
psm__svc_request_free(psm_request *req)
{
	size_t i;

	if (!req)
		return;
	for (i = 0; i < req->query_count; i++) {
		psm__free(req->query[i].name);
		psm__free(req->query[i].value);
	}
	psm__free(req->path_copy);
	psm__free(req->body);
	psm__free(req);
}

/* -- answers */

#define JSON_TYPE "application/json"
/* What an answer is when no memory is left for a better one. */
static const char no_memory[] = "{\"message\":\"out of memory\"}";

void
psm__svc_response_clear(psm_response *res)
{
	psm__free(res->body);
	memset(res, 0, sizeof *res);
}

void
psm__svc_response_text(psm_response *res, int status, const char *content_type,
                       const char *text, size_t len)
{
	char *copy = text && len > 0 ? psm__realloc(NULL, len) : NULL;

	psm__svc_response_clear(res);
	res->status = status >= 200 && status <= 599 ? status : 500;
	res->content_type = content_type;
	if (text && len > 0 && !copy) {
		res->status = 500;
		res->content_type = JSON_TYPE;
		res->fixed = no_memory;
		res->len = sizeof no_memory - 1;
		return;
	}
	if (copy)
		memcpy(copy, text, len);
	res->body = copy;
	res->len = copy ? len : 0;
}

void
psm_response_json(psm_response *res, int status, const char *text, size_t len)
{
	if (res)
		psm__svc_response_text(res, status, JSON_TYPE, text, len);
}

/* Give the writer's document; without one, say so. */
static void
finish(psm_response *res, int status, psm_json_writer *w)
{
	const char *text;
	size_t len;

	if (w && psm_json_writer_finish(w, &text, &len, NULL) == PSM_OK)
		psm_response_json(res, status, text, len);
	else
		psm_response_json(res, 500, no_memory, sizeof no_memory - 1);
	psm_json_writer_free(w);
}

/* A message may quote a client's bytes, or be cut inside a character. */
static void
write_text(psm_json_writer *w, const char *name, const char *text)
{
	char *copy = text ? psm__strdup(text) : NULL;

	if (copy)
		psm__utf8_clean(copy);
	psm_json_write_key(w, name);
	psm_json_write_string(w, copy);
	psm__free(copy);
}

void
psm_response_message(psm_response *res, int status, const char *message)
{
	psm_json_writer *w;

	if (!res)
		return;
	w = psm_json_writer_new();
	if (w) {
		psm_json_write_object(w);
		write_text(w, "message", message);
		psm_json_write_end(w);
	}
	finish(res, status, w);
}

static void
write_place(psm_json_writer *w, const psm_error *err)
{
	if (psm_error_pointer(err)[0])
		write_text(w, "pointer", psm_error_pointer(err));
	if (psm_error_line(err) > 0) {
		psm_json_write_key(w, "line");
		psm_json_write_int(w, psm_error_line(err));
		psm_json_write_key(w, "column");
		psm_json_write_int(w, psm_error_column(err));
	}
}

void
psm_response_error(psm_response *res, const psm_error *err)
{
	int code = psm_error_code(err), status = psm_error_http_status(code);
	const char *text = psm_error_public(err);
	psm_json_writer *w;

	if (!res)
		return;
	if (code == PSM_OK) {
		psm_response_message(res, 500, "internal error");
		return;
	}
	/* Of what went wrong in here a client learns the kind only. */
	if (status >= 500)
		text = psm_strerror(code);
	if (text != psm_error_message(err))
		psm__log(PSM_LOG_WARN, "request failed", "code",
		         psm_error_name(code), "reason", psm_error_message(err),
		         NULL);
	w = psm_json_writer_new();
	if (w) {
		psm_json_write_object(w);
		write_text(w, "message", text);
		psm_json_write_key(w, "code");
		psm_json_write_string(w, psm_error_name(code));
		write_place(w, err);
		psm_json_write_end(w);
	}
	finish(res, status, w);
}
