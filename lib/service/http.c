/* SPDX-License-Identifier: BSD-2-Clause */
/* The HTTP server: its threads, and the way of a request through them. */
#include "service/service.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX ((size_t)1024 * 1024)
/* Read that much more to be able to answer 413, then hang up. */
#define DROPPED_MAX (4 * BODY_MAX)
/* Request line and headers. Of up to BUFFER_SIZE bytes we can say ourselves
 * that they are too many; what is larger libmicrohttpd refuses, in HTML. The
 * buffer is what an idle connection costs, and libmicrohttpd clears all of it
 * after each request. */
#define HEADERS_MAX ((size_t)8 * 1024)
#define BUFFER_SIZE ((size_t)14 * 1024)
/* /health and /metrics do not wait behind handlers of the application. */
#define BUILT_IN_THREADS 4u
#define BUILT_IN_DATABASE_MS 3000 /* a probe does not wait longer */
/* Deadlines are looked at that often at most. */
#define LOOK_MS 50

/*
 * One thread at a time, in attend(), speaks with all clients and is the only one
 * that calls libmicrohttpd. A request that has arrived whole is suspended and
 * goes to a pool of threads; what they have done comes back by the list done.
 */
struct svc_http {
	psm_service *svc;
	struct MHD_Daemon *daemon;
	struct svc_conns conns;
	size_t bodies; /* bytes, of all requests */
	struct svc_pool *handlers, *built_in;
	char *cert, *key; /* PEM; NULL: no TLS */
	int wake;         /* eventfd; -1 */

	/* Guards what follows; nothing is called under it. */
	pthread_mutex_t lock;
	struct svc_job *done; /* by next */
	int sleeps;           /* who attends: to be woken for what is done */
};

static struct svc_conn *
conn_of(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void
set_phase(struct svc_http *http, struct MHD_Connection *conn,
          enum svc_phase phase)
{
	struct svc_conn *c = conn_of(conn);

	if (c)
		psm__svc_conn_phase(&http->conns, c, phase);
}

/* -- a handler's thread */

static void
call_handler(psm_request *req)
{
	psm_error *err = psm_error_new();
	int rc = PSM_ERR_NOMEM;

	if (err)
		rc = req->route->fn(req, &req->res, req->route->user, err);
	if (rc < 0) {
		if (psm_error_code(err) == PSM_OK)
			(void)psm_error_set(err, rc, NULL);
		psm__svc_response_clear(&req->res);
		psm_response_error(&req->res, err);
	}
	psm_error_free(err);
}

static void
run_job(struct svc_job *job, void *user)
{
	struct svc_http *http = user;
	psm_request *req = job->req;
	uint64_t one = 1;
	int is_to_wake;

	psm__svc_trace_set(req->traceparent);
	psm__svc_deadline(req->route->built_in ? BUILT_IN_DATABASE_MS
	                                       : http->svc->limits.database_ms);
	if (!req->route->built_in && psm__svc_is_over(http->svc))
		psm_response_message(&req->res, 503, "not running");
	else
		call_handler(req);
	psm__svc_deadline(0);
	psm__svc_trace_set(NULL);
	pthread_mutex_lock(&http->lock);
	job->next = http->done;
	http->done = job;
	is_to_wake = http->sleeps;
	http->sleeps = 0; /* later ones find it awake */
	pthread_mutex_unlock(&http->lock);
	if (is_to_wake && write(http->wake, &one, sizeof one) < 0)
		assert(errno == EAGAIN); /* the counter is full: awake, too */
}

/* -- the thread that attends */

static enum MHD_Result
answer_request(struct svc_http *http, struct MHD_Connection *conn,
               psm_request *req)
{
	set_phase(http, conn, SVC_ANSWER);
	return psm__svc_answer(conn, req) ? MHD_YES : MHD_NO;
}

/* Let a handler answer, or do it here if there is none to ask. */
static enum MHD_Result
handle(struct svc_http *http, struct MHD_Connection *conn, psm_request *req,
       int rc)
{
	psm_service *svc = http->svc;
	int may = req->verdict.status == 0;

	if (rc == PSM_OK && req->route && may)
		rc = psm__svc_request_params(req, req->route);
	if (rc == PSM_OK && req->route && may && !req->route->built_in)
		req->entered = psm__svc_enter(svc);
	if (rc < 0 || !req->route || !may ||
	    (!req->entered && !req->route->built_in)) {
		psm__svc_refuse(req, rc);
		return answer_request(http, conn, req);
	}
	req->handled = 1;
	req->job.req = req;
	req->job.conn = conn;
	set_phase(http, conn, SVC_QUEUED);
	if (conn_of(conn))
		conn_of(conn)->job = &req->job;
	MHD_suspend_connection(conn);
	psm__svc_pool_put(
	    req->route->built_in ? http->built_in : http->handlers, &req->job);
	return MHD_YES;
}

static enum MHD_Result
begin_request(struct svc_http *http, struct MHD_Connection *conn,
              const char *method, const char *path, void **context)
{
	psm_service *svc = http->svc;
	psm_request *req = psm__alloc(sizeof *req);

	if (!req)
		return MHD_NO; /* hang up */
	req->method = method;
	req->path = path;
	req->conn = conn;
	req->key_hours = svc->key_hours;
	req->start_us = psm__mono_us();
	req->is_trace_theirs = psm__svc_trace_of(
	    psm_request_header(req, "traceparent"), req->traceparent);
	*context = req;
	set_phase(http, conn, SVC_BODY);
	if (psm__svc_are_headers_over(conn, HEADERS_MAX)) {
		psm_response_message(&req->res, 431,
		                     "headers larger than 8 KiB");
		return answer_request(http, conn, req);
	}
	req->route = psm__svc_route_find(svc->routes, svc->route_count, method,
	                                 path, &req->allowed);
	psm__svc_door_check(svc, req);
	if (psm__svc_is_announced_over(conn, BODY_MAX))
		return handle(http, conn, req, PSM_ERR_TOO_LARGE);
	return MHD_YES;
}

/* A piece of the body, within what all bodies together may take. */
static enum MHD_Result
take_body(struct svc_http *http, psm_request *req, const char *data, size_t len)
{
	size_t before = req->body_cap, limit = BODY_MAX;
	int rc;

	if (req->verdict.status) /* what nobody reads is not kept */
		req->refused = PSM_ERR_STATE;
	else if (http->bodies >= http->svc->limits.bodies)
		req->refused = PSM_ERR_FULL;
	/* Who is unknown takes no room that others need. */
	if (req->refused || !psm__svc_request_is_known(req))
		limit = 0;
	rc = psm__svc_request_append(req, data, len, limit);
	http->bodies += req->body_cap - before;
	if (rc == PSM_ERR_TOO_LARGE && !req->refused)
		req->refused = rc;
	return rc == PSM_ERR_NOMEM || req->dropped > DROPPED_MAX ? MHD_NO
	                                                         : MHD_YES;
}

static enum MHD_Result
on_request(void *user, struct MHD_Connection *conn, const char *path,
           const char *method, const char *version, const char *data,
           size_t *len, void **context)
{
	struct svc_http *http = user;
	psm_request *req = *context;
	size_t count = *len;

	(void)version;
	if (!req)
		return begin_request(http, conn, method, path, context);
	if (count > 0) {
		*len = 0;
		return take_body(http, req, data, count);
	}
	if (req->answered)
		return MHD_YES;
	if (req->handled)
		return answer_request(http, conn, req);
	if (req->refused)
		return handle(http, conn, req, req->refused);
	return handle(http, conn, req, psm__svc_read_query(conn, req));
}

static void
on_completed(void *user, struct MHD_Connection *conn, void **context,
             enum MHD_RequestTerminationCode code)
{
	struct svc_http *http = user;
	psm_request *req = *context;

	(void)code;
	/* Only now the answer has left: a shutdown that began earlier would
	 * cut it off. */
	if (req && req->entered)
		psm__svc_leave(http->svc);
	if (req)
		http->bodies -= req->body_cap;
	psm__svc_request_free(req);
	*context = NULL;
	set_phase(http, conn, SVC_HEAD);
}

static void
on_connection(void *user, struct MHD_Connection *conn, void **context,
              enum MHD_ConnectionNotificationCode code)
{
	struct svc_http *http = user;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		psm__svc_conn_free(&http->conns, *context);
		*context = NULL;
		return;
	}
	info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	*context = psm__svc_conn_new(&http->conns, info->connect_fd);
	if (!*context) /* out of memory: without it there is no deadline */
		(void)shutdown(info->connect_fd, SHUT_RDWR);
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
	psm__log(PSM_LOG_WARN, "http server", "reason", text, NULL);
}

/* Its turn has not come in time. */
static void
on_late(struct svc_conn *conn, void *user)
{
	struct svc_http *http = user;
	struct svc_job *job = conn->job;
	const struct svc_route *route = job->req->route;

	if (!psm__svc_pool_withdraw(
		route->built_in ? http->built_in : http->handlers, job)) {
		psm__svc_conn_phase(&http->conns, conn, SVC_HANDLED);
		return;
	}
	psm__svc_refuse(job->req, PSM_ERR_FULL);
	MHD_resume_connection(job->conn);
}

static void
resume_done(struct svc_http *http)
{
	struct svc_job *job, *next;

	pthread_mutex_lock(&http->lock);
	job = http->done;
	http->done = NULL;
	pthread_mutex_unlock(&http->lock);
	for (; job; job = next) {
		next = job->next;
		MHD_resume_connection(job->conn);
	}
}

/* How long nothing has to be done, in ms; -1: for ever. */
static int
time_to_wait(struct svc_http *http)
{
	int64_t until = http->conns.next_us, now = psm__mono_us(), ms = -1;
	int64_t look_ms = psm__svc_pool_look(http->handlers, now);
	MHD_UNSIGNED_LONG_LONG theirs;

	if (until > 0) {
		ms = (until - now) / 1000;
		ms = (ms > 0 ? ms : 0) + LOOK_MS;
	}
	if (look_ms >= 0 && (ms < 0 || look_ms < ms))
		ms = look_ms;
	if (MHD_get_timeout(http->daemon, &theirs) == MHD_YES &&
	    (ms < 0 || theirs < (MHD_UNSIGNED_LONG_LONG)ms))
		ms = (int64_t)theirs;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

static void
serve(struct svc_http *http)
{
	const size_t limit = http->svc->limits.connections;
	int was_full;

	do { /* libmicrohttpd listens again only when called again */
		was_full = http->conns.count >= limit;
		(void)MHD_run(http->daemon); /* MHD_NO: not our mode */
	} while (was_full && http->conns.count < limit);
}

/* Unless there is something done already. */
static void
sleep_until_ready(struct svc_http *http)
{
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd fds[2] = {{.fd = info->epoll_fd, .events = POLLIN},
	                        {.fd = http->wake, .events = POLLIN}};
	int ms = time_to_wait(http);
	uint64_t count;

	pthread_mutex_lock(&http->lock);
	http->sleeps = !http->done;
	if (http->done)
		ms = 0;
	pthread_mutex_unlock(&http->lock);
	(void)poll(fds, 2, ms); /* EINTR: look again */
	pthread_mutex_lock(&http->lock);
	http->sleeps = 0;
	pthread_mutex_unlock(&http->lock);
	if (fds[1].revents && read(http->wake, &count, sizeof count) < 0)
		assert(errno == EAGAIN); /* whoever puts the next one writes */
}

static void
attend(void *user)
{
	struct svc_http *http = user;
	int64_t now;

	for (;;) {
		resume_done(http);
		serve(http);
		if (psm__svc_pool_leaves(http->handlers))
			return;
		sleep_until_ready(http);
		now = psm__mono_us();
		if (http->conns.next_us > 0 && http->conns.next_us <= now)
			(void)psm__svc_conns_expire(&http->conns, now, on_late,
			                            http);
	}
}

/* -- start and stop */

static struct MHD_Daemon *
start_daemon(struct svc_http *http, int fd)
{
	const struct svc_limits *limits = &http->svc->limits;
	const struct MHD_OptionItem end = {MHD_OPTION_END, 0, NULL};
	struct MHD_OptionItem tls[3] = {
	    {MHD_OPTION_HTTPS_MEM_CERT, 0, http->cert},
	    {MHD_OPTION_HTTPS_MEM_KEY, 0, http->key},
	    end};
	unsigned per_client = (unsigned)limits->client_connections;

	if (!http->cert)
		tls[0] = end;
	if (per_client == 0)
		per_client = (unsigned)(limits->connections + 1) / 2;
	return MHD_start_daemon(
	    (http->cert ? (unsigned)MHD_USE_TLS : 0u) | MHD_USE_EPOLL |
		MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
	    0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_log,
	    NULL, MHD_OPTION_ARRAY, tls, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
	    per_client, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)limits->connections,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(limits->idle_ms / 1000),
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, BUFFER_SIZE,
	    MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

/* Of the descriptors that the process may have half are for clients: the
 * database and the broker need some. */
static void
adjust_limits(struct svc_limits *limits)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 &&
	    files.rlim_cur / 2 < limits->connections)
		limits->connections = files.rlim_cur / 2;
}

static int
start_threads(struct svc_http *http, psm_error *err)
{
	const struct svc_limits *limits = &http->svc->limits;
	int rc =
	    psm__svc_pool_new("psm-health", BUILT_IN_THREADS, BUILT_IN_THREADS,
	                      run_job, NULL, http, &http->built_in, err);

	/* The last step: they attend at once. */
	return rc < 0 ? rc
	              : psm__svc_pool_new("psm-handler", limits->at_once,
	                                  limits->handlers + 1, run_job, attend,
	                                  http, &http->handlers, err);
}

int
psm__svc_http_start(psm_service *svc, int fd, struct svc_http **out,
                    psm_error *err)
{
	struct svc_http *http = psm__alloc(sizeof *http);
	int rc = PSM_OK;

	*out = NULL;
	if (!http) {
		close(fd);
		return psm__nomem(err);
	}
	pthread_mutex_init(&http->lock, NULL);
	http->svc = svc;
	adjust_limits(&svc->limits);
	psm__svc_conns_init(&http->conns, &svc->limits);
	http->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (svc->door.cert_file)
		rc =
		    psm__svc_tls_read(&svc->door, &http->cert, &http->key, err);
	http->conns.is_tls = http->cert != NULL;
	if (http->wake >= 0 && rc == PSM_OK)
		http->daemon = start_daemon(http, fd); /* takes fd */
	else
		close(fd);
	if (rc == PSM_OK && !http->daemon) {
		rc = psm__fail(err, PSM_ERR_IO, "cannot start the HTTP server");
	}
	if (rc == PSM_OK)
		rc = start_threads(http, err);
	if (rc < 0) {
		psm__svc_http_stop(http);
		return rc;
	}
	*out = http;
	return PSM_OK;
}

void
psm__svc_http_stop(struct svc_http *http)
{
	uint64_t one = 1;

	if (!http)
		return;
	psm__svc_pool_close(http->handlers);
	if (http->wake >= 0 && write(http->wake, &one, sizeof one) < 0)
		assert(errno == EAGAIN); /* it wakes up all the same */
	/* What their threads still do comes back before they end. */
	psm__svc_pool_free(http->handlers);
	psm__svc_pool_free(http->built_in);
	if (http->daemon) {
		resume_done(http);
		(void)MHD_run(http->daemon); /* send what can be sent */
		MHD_stop_daemon(http->daemon);
	}
	if (http->wake >= 0)
		close(http->wake);
	pthread_mutex_destroy(&http->lock);
	psm__svc_tls_free(http->cert);
	psm__svc_tls_free(http->key);
	psm__free(http);
}
