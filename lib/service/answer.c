/* SPDX-License-Identifier: BSD-2-Clause */
/* One request and its answer, as libmicrohttpd has them. */
#include "service/service.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* The route's path, never the request's: that may name a person. */
static void
log_access(const psm_request *req, const struct svc_route *route, int status)
{
	int64_t us = psm__mono_us() - req->start_us;
	char number[16], ms[24];
	char class[] = "0xx";

	(void)snprintf(number, sizeof number, "%d", status);
	(void)snprintf(ms, sizeof ms, "%lld.%03lld", (long long)(us / 1000),
	               (long long)(us % 1000));
	class[0] = number[0];
	psm_metrics_add("psymatch_http_responses", class, 1);
	psm__log(PSM_LOG_DEBUG, "request", "method",
	         route ? route->method : "-", "route",
	         route ? route->path : "-", "status", number, "ms", ms,
	         req->verdict.client[0] ? "client" : NULL, req->verdict.client,
	         NULL);
}

static void
add_allow(struct MHD_Response *answer, unsigned allowed)
{
	char text[64] = "";
	int i;

	for (i = 0; psm__svc_methods[i]; i++) {
		if (!(allowed & 1u << i))
			continue;
		(void)snprintf(text + strlen(text), sizeof text - strlen(text),
		               "%s%s", psm__svc_methods[i],
		               i == 0 ? ", HEAD, " : ", ");
	}
	(void)snprintf(text + strlen(text), sizeof text - strlen(text),
	               "OPTIONS");
	(void)MHD_add_response_header(answer, MHD_HTTP_HEADER_ALLOW, text);
}

static void
add(struct MHD_Response *answer, const char *name, const char *value)
{
	(void)MHD_add_response_header(answer, name, value);
}

/* What a browser wants to know before it lets a page read the answer. */
static void
add_cors(struct MHD_Response *answer, const struct svc_verdict *v)
{
	if (!v->origin)
		return;
	add(answer, "Access-Control-Allow-Origin", v->origin);
	if (strcmp(v->origin, "*") != 0)
		add(answer, "Vary", "Origin");
	if (v->credentials)
		add(answer, "Access-Control-Allow-Credentials", "true");
	if (!v->is_preflight) {
		add(answer, "Access-Control-Expose-Headers",
		    "ETag, Location, Retry-After, Idempotency-Replayed");
		return;
	}
	add(answer, "Access-Control-Allow-Methods",
	    "GET, POST, PUT, PATCH, DELETE, OPTIONS");
	add(answer, "Access-Control-Allow-Headers",
	    "Content-Type, Authorization, If-Match, If-None-Match, "
	    "Idempotency-Key, traceparent, tracestate");
	add(answer, "Access-Control-Max-Age", "600");
}

/* Takes the body out of res; 0: hang up. */
static int
send_answer(struct MHD_Connection *conn, psm_request *req, unsigned allowed)
{
	psm_response *res = &req->res;
	struct MHD_Response *answer;
	enum MHD_Result queued;
	size_t i;

	if (res->body)
		answer = MHD_create_response_from_buffer_with_free_callback(
		    res->len, res->body, psm__free);
	else /* libmicrohttpd does not write into a persistent buffer */
		answer = MHD_create_response_from_buffer(
		    res->len, (void *)(uintptr_t)res->fixed,
		    MHD_RESPMEM_PERSISTENT);
	if (!answer)
		return 0;
	res->body = NULL;
	if (res->content_type && res->len > 0)
		add(answer, MHD_HTTP_HEADER_CONTENT_TYPE, res->content_type);
	add(answer, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (res->status == MHD_HTTP_SERVICE_UNAVAILABLE ||
	    res->status == MHD_HTTP_TOO_MANY_REQUESTS)
		add(answer, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	if (req->verdict.challenge)
		add(answer, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
		    req->verdict.challenge);
	add_cors(answer, &req->verdict);
	if (allowed)
		add_allow(answer, allowed);
	for (i = 0; i < res->header_count; i++)
		add(answer, res->headers[i].name, res->headers[i].value);
	queued = MHD_queue_response(conn, (unsigned)res->status, answer);
	MHD_destroy_response(answer);
	return queued == MHD_YES;
}

int
psm__svc_answer(struct MHD_Connection *conn, psm_request *req)
{
	psm_response *res = &req->res;
	int sent;

	psm__svc_trace_set(req->traceparent);
	if (res->status == 0)
		psm_response_message(res, 500, "no answer");
	log_access(req, req->route, res->status);
	psm__svc_trace_set(NULL);
	/* Whoever may not come in is not told what there is. */
	sent = send_answer(
	    conn, req, req->route || req->verdict.status ? 0 : req->allowed);
	psm__svc_response_clear(res);
	req->answered = 1;
	return sent;
}

const char *
psm_request_header(const psm_request *req, const char *name)
{
	/* The connection is suspended while a handler runs: nobody writes. */
	return req && name && req->conn ? MHD_lookup_connection_value(
					      req->conn, MHD_HEADER_KIND, name)
	                                : NULL;
}

size_t
psm__svc_peer(struct MHD_Connection *conn, char peer[SVC_PEER_SIZE])
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr_in6 *six;
	const struct sockaddr_in *four;

	if (!info || !info->client_addr)
		return 0;
	six = (const void *)info->client_addr;
	four = (const void *)info->client_addr;
	if (info->client_addr->sa_family == AF_INET) {
		memcpy(peer, &four->sin_addr, sizeof four->sin_addr);
		return sizeof four->sin_addr;
	}
	if (info->client_addr->sa_family != AF_INET6)
		return 0;
	/* The rest is for the client to choose. */
	memcpy(peer, &six->sin6_addr, 8);
	return 8;
}

struct query_state {
	psm_request *req;
	int rc;
};

/* libmicrohttpd has split the query and turned "+" into blanks already. */
static enum MHD_Result
take_query(void *user, enum MHD_ValueKind kind, const char *name,
           const char *value)
{
	struct query_state *q = user;

	(void)kind;
	q->rc = psm__svc_request_query(q->req, name, value);
	return q->rc == PSM_OK ? MHD_YES : MHD_NO;
}

int
psm__svc_read_query(struct MHD_Connection *conn, psm_request *req)
{
	struct query_state query = {req, PSM_OK};

	(void)MHD_get_connection_values(conn, MHD_GET_ARGUMENT_KIND, take_query,
	                                &query);
	return query.rc;
}

int
psm__svc_is_announced_over(struct MHD_Connection *conn, size_t limit)
{
	const char *text = MHD_lookup_connection_value(
	    conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	unsigned long long len;

	return text && sscanf(text, "%llu", &len) == 1 && len > limit;
}

int
psm__svc_are_headers_over(struct MHD_Connection *conn, size_t limit)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    conn, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return info && info->header_size > limit;
}
