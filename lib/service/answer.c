/* SPDX-License-Identifier: BSD-2-Clause */
/* One request and its answer, as libmicrohttpd has them. */
#include "service/service.h"

#include <microhttpd.h>
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
	         route ? route->path : "-", "status", number, "ms", ms, NULL);
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

/* Takes the body out of res; 0: hang up. */
static int
send_answer(struct MHD_Connection *conn, psm_response *res, unsigned allowed)
{
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
		(void)MHD_add_response_header(
		    answer, MHD_HTTP_HEADER_CONTENT_TYPE, res->content_type);
	(void)MHD_add_response_header(answer, MHD_HTTP_HEADER_CACHE_CONTROL,
	                              "no-store");
	if (res->status == MHD_HTTP_SERVICE_UNAVAILABLE)
		(void)MHD_add_response_header(answer,
		                              MHD_HTTP_HEADER_RETRY_AFTER, "1");
	if (allowed)
		add_allow(answer, allowed);
	for (i = 0; i < res->header_count; i++)
		(void)MHD_add_response_header(answer, res->headers[i].name,
		                              res->headers[i].value);
	queued = MHD_queue_response(conn, (unsigned)res->status, answer);
	MHD_destroy_response(answer);
	return queued == MHD_YES;
}

int
psm__svc_answer(struct MHD_Connection *conn, psm_request *req)
{
	psm_response *res = &req->res;
	int sent;

	if (res->status == 0)
		psm_response_message(res, 500, "no answer");
	log_access(req, req->route, res->status);
	sent = send_answer(conn, res, req->route ? 0 : req->allowed);
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
