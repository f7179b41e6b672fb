/* SPDX-License-Identifier: BSD-2-Clause */
/* The only file that knows libmicrohttpd. */
#include "service/service.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A handler may wait for the database, and /health must answer all the same: so
 * each connection has its own thread. 64 of them are more than the pool of
 * database connections can serve; the rest wait in the backlog.
 */
#define CONNECTIONS_MAX 64u
#define BACKLOG 128
#define BODY_MAX ((size_t)1024 * 1024)
/* Read that much more to be able to answer 413, then hang up. */
#define DROPPED_MAX (4 * BODY_MAX)
/* Request line and headers, and the buffer for reading. */
#define HEADERS_MAX ((size_t)32 * 1024)
#define IDLE_TIMEOUT_S 15u

struct svc_http {
	psm_service *svc;
	struct MHD_Daemon *daemon;
};

static int
try_listen(const struct addrinfo *a)
{
	int on = 1, saved;
	int fd =
	    socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int
bound_port(int fd, int *port)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	char text[8];

	if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0 ||
	    getnameinfo((struct sockaddr *)&addr, len, NULL, 0, text,
	                sizeof text, NI_NUMERICSERV) != 0 ||
	    sscanf(text, "%d", port) != 1)
		return -1;
	return 0;
}

int
psm__svc_listen(const char *host, int port, int *fd, int *bound, psm_error *err)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
	                         .ai_socktype = SOCK_STREAM,
	                         .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *list = NULL, *a;
	const char *why;
	char service[8];
	int rc;

	*fd = -1;
	(void)snprintf(service, sizeof service, "%d", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc != 0)
		return psm__svc_fail(err, PSM_ERR_IO,
		                     "cannot listen on \"%s\": %s", host,
		                     gai_strerror(rc));
	for (a = list; a && *fd < 0; a = a->ai_next)
		*fd = try_listen(a);
	why = strerror(errno);
	freeaddrinfo(list);
	if (*fd >= 0 && bound && bound_port(*fd, bound) < 0) {
		close(*fd);
		*fd = -1;
	}
	if (*fd < 0)
		return psm__svc_fail(err, PSM_ERR_IO,
		                     "cannot listen on %s port %d: %s", host,
		                     port, why);
	return PSM_OK;
}

/* The route's path, never the request's: that may name a person. */
static void
log_access(const psm_request *req, const struct svc_route *route, int status)
{
	int64_t us = psm__svc_now_us() - req->start_us;
	char number[16], ms[24];
	char class[] = "0xx";

	(void)snprintf(number, sizeof number, "%d", status);
	(void)snprintf(ms, sizeof ms, "%lld.%03lld", (long long)(us / 1000),
	               (long long)(us % 1000));
	class[0] = number[0];
	psm_metrics_add("psymatch_http_responses", class, 1);
	psm__svc_log(PSM_LOG_DEBUG, "request", "method",
	             route ? route->method : "-", "route",
	             route ? route->path : "-", "status", number, "ms", ms,
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
		               "%s%s%s", text[0] ? ", " : "",
		               psm__svc_methods[i], i == 0 ? ", HEAD" : "");
	}
	(void)MHD_add_response_header(answer, MHD_HTTP_HEADER_ALLOW, text);
}

/* Takes the body out of res. */
static enum MHD_Result
send_answer(struct MHD_Connection *conn, psm_response *res, unsigned allowed)
{
	struct MHD_Response *answer;
	enum MHD_Result queued;

	if (res->body)
		answer = MHD_create_response_from_buffer_with_free_callback(
		    res->len, res->body, psm__svc_release);
	else /* libmicrohttpd does not write into a persistent buffer */
		answer = MHD_create_response_from_buffer(
		    res->len, (void *)(uintptr_t)res->fixed,
		    MHD_RESPMEM_PERSISTENT);
	if (!answer)
		return MHD_NO;
	res->body = NULL;
	if (res->content_type)
		(void)MHD_add_response_header(
		    answer, MHD_HTTP_HEADER_CONTENT_TYPE, res->content_type);
	(void)MHD_add_response_header(answer, MHD_HTTP_HEADER_CACHE_CONTROL,
	                              "no-store");
	if (res->status == MHD_HTTP_METHOD_NOT_ALLOWED && allowed)
		add_allow(answer, allowed);
	queued = MHD_queue_response(conn, (unsigned)res->status, answer);
	MHD_destroy_response(answer);
	return queued;
}

static int
call_handler(psm_service *svc, psm_request *req, psm_response *res,
             const struct svc_route *route)
{
	int rc = psm__svc_request_params(req, route);

	if (rc < 0)
		return rc;
	if (route->built_in) {
		route->fn(req, res, route->user);
		return PSM_OK;
	}
	if (!psm__svc_enter(svc)) {
		psm_response_message(res, 503, "not running");
		return PSM_OK;
	}
	req->entered = 1;
	route->fn(req, res, route->user);
	return PSM_OK;
}

static enum MHD_Result
answer_request(psm_service *svc, struct MHD_Connection *conn, psm_request *req,
               int rc)
{
	psm_response res = {0, NULL, NULL, NULL, 0};
	const struct svc_route *route;
	enum MHD_Result sent;
	unsigned allowed;

	route = psm__svc_route_find(svc->routes, svc->route_count, req->method,
	                            req->path, &allowed);
	if (rc == PSM_OK && route)
		rc = call_handler(svc, req, &res, route);
	if (rc == PSM_ERR_TOO_LARGE)
		psm_response_message(&res, 413, "body larger than 1 MiB");
	else if (rc == PSM_ERR_PARSE)
		psm_response_message(&res, 400, "malformed path or query");
	else if (rc < 0)
		psm_response_message(&res, 503, "out of memory");
	else if (!allowed)
		psm_response_message(&res, 404, "no such path");
	else if (!route)
		psm_response_message(&res, 405, "method not allowed");
	else if (res.status == 0)
		psm_response_message(&res, 500, "no answer");
	log_access(req, route, res.status);
	sent = send_answer(conn, &res, allowed);
	psm__svc_response_clear(&res);
	req->answered = 1;
	return sent;
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

/* The content length says it: answer before the body is sent. */
static int
is_announced_too_large(struct MHD_Connection *conn)
{
	const char *text = MHD_lookup_connection_value(
	    conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	unsigned long long len;

	return text && sscanf(text, "%llu", &len) == 1 && len > BODY_MAX;
}

static enum MHD_Result
begin_request(psm_service *svc, struct MHD_Connection *conn, const char *method,
              const char *path, void **context)
{
	psm_request *req = psm__svc_alloc(1, sizeof *req);

	if (!req)
		return MHD_NO; /* hang up */
	req->method = method;
	req->path = path;
	req->start_us = psm__svc_now_us();
	*context = req;
	if (is_announced_too_large(conn))
		return answer_request(svc, conn, req, PSM_ERR_TOO_LARGE);
	return MHD_YES;
}

static enum MHD_Result
on_request(void *user, struct MHD_Connection *conn, const char *path,
           const char *method, const char *version, const char *data,
           size_t *len, void **context)
{
	struct svc_http *http = user;
	psm_request *req = *context;
	struct query_state query;
	int rc;

	(void)version;
	if (!req)
		return begin_request(http->svc, conn, method, path, context);
	if (*len > 0) {
		rc = psm__svc_request_append(req, data, *len, BODY_MAX);
		*len = 0;
		if (rc == PSM_ERR_NOMEM || req->dropped > DROPPED_MAX)
			return MHD_NO;
		return MHD_YES;
	}
	if (req->answered)
		return MHD_YES;
	if (req->dropped > 0)
		return answer_request(http->svc, conn, req, PSM_ERR_TOO_LARGE);
	query.req = req;
	query.rc = PSM_OK;
	(void)MHD_get_connection_values(conn, MHD_GET_ARGUMENT_KIND, take_query,
	                                &query);
	return answer_request(http->svc, conn, req, query.rc);
}

static void
on_completed(void *user, struct MHD_Connection *conn, void **context,
             enum MHD_RequestTerminationCode code)
{
	struct svc_http *http = user;
	psm_request *req = *context;

	(void)conn;
	(void)code;
	/* Only now the answer has left: a shutdown that began earlier would
	 * cut it off. */
	if (req && req->entered)
		psm__svc_leave(http->svc);
	psm__svc_request_free(req);
	*context = NULL;
}

/* Paths and queries are decoded by us, segment by segment: an escaped slash
 * must not become a separator. */
static size_t
keep_escapes(void *user, struct MHD_Connection *conn, char *text)
{
	(void)user;
	(void)conn;
	return strlen(text);
}

__attribute__((format(printf, 2, 0))) static void
on_log(void *user, const char *fmt, va_list ap)
{
	char text[256];

	(void)user;
	(void)vsnprintf(text, sizeof text, fmt, ap);
	text[strcspn(text, "\r\n")] = '\0';
	psm__svc_log(PSM_LOG_WARN, "http server", "reason", text, NULL);
}

int
psm__svc_http_start(psm_service *svc, int fd, struct svc_http **out,
                    psm_error *err)
{
	struct svc_http *http = psm__svc_alloc(1, sizeof *http);

	*out = NULL;
	if (!http) {
		close(fd);
		return psm__svc_nomem(err);
	}
	http->svc = svc;
	http->daemon = MHD_start_daemon(
	    MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
		MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG,
	    0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_log,
	    NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
	    CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADERS_MAX,
	    MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!http->daemon) {
		psm__svc_release(http);
		return psm__svc_fail(err, PSM_ERR_IO,
		                     "cannot start the HTTP server");
	}
	*out = http;
	return PSM_OK;
}

void
psm__svc_http_stop(struct svc_http *http)
{
	if (!http)
		return;
	MHD_stop_daemon(http->daemon);
	psm__svc_release(http);
}
