/* SPDX-License-Identifier: BSD-2-Clause */
/* A request as it arrived, in texts. */
#include "service/service.h"

#include <string.h>

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
