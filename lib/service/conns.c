/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connections, and how long each may take for what it does: a client that
 * is slow on purpose costs a socket until its deadline, never a thread. No
 * lock: only the thread that attends uses them.
 */
#include "service/service.h"

#include <string.h>
#include <sys/socket.h>

#define MS 1000

/* What a client reads whose request did not arrive in time. */
static const char too_slow[] = "HTTP/1.1 408 Request Timeout\r\n"
			       "Connection: close\r\n"
			       "Content-Type: application/json\r\n"
			       "Cache-Control: no-store\r\n"
			       "Content-Length: 35\r\n"
			       "\r\n"
			       "{\"message\":\"request came too slowly\"}";

void
psm__svc_conns_init(struct svc_conns *conns, const struct svc_limits *limits)
{
	memset(conns, 0, sizeof *conns);
	conns->limits = limits;
}

/* The sockets run out: whose request has not arrived soon makes room for
 * others. */
static int
is_crowded(const struct svc_conns *conns)
{
	size_t limit = conns->limits->connections;

	return conns->count - conns->closing > limit - limit / 8;
}

struct svc_conn *
psm__svc_conn_new(struct svc_conns *conns, int fd)
{
	struct svc_conn *conn = psm__alloc(sizeof *conn);

	if (!conn)
		return NULL;
	conn->fd = fd;
	conn->prev = conns->last;
	if (conns->last)
		conns->last->next = conn;
	else
		conns->first = conn;
	conns->last = conn;
	conns->count++;
	psm__svc_conn_phase(conns, conn, SVC_HEAD);
	if (is_crowded(conns))
		conns->next_us = conn->since_us; /* others may have to go */
	return conn;
}

void
psm__svc_conn_free(struct svc_conns *conns, struct svc_conn *conn)
{
	if (!conn)
		return;
	if (conn->prev)
		conn->prev->next = conn->next;
	else
		conns->first = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	else
		conns->last = conn->prev;
	conns->count--;
	if (conn->phase == SVC_CLOSING)
		conns->closing--;
	psm__free(conn);
}

void
psm__svc_conn_phase(struct svc_conns *conns, struct svc_conn *conn,
                    enum svc_phase phase)
{
	const struct svc_limits *limits = conns->limits;
	int64_t ms = 0;

	if (conn->phase == SVC_CLOSING)
		return; /* its socket is shut down */
	switch (phase) {
	case SVC_HEAD:
		/* A connection that has had an answer may rest first. */
		ms =
		    limits->head_ms + (conn->answers > 0 ? limits->idle_ms : 0);
		break;
	case SVC_BODY:
		ms = limits->body_ms;
		break;
	case SVC_QUEUED:
		ms = limits->queue_ms;
		break;
	case SVC_ANSWER:
		conn->answers++;
		ms = limits->answer_ms;
		break;
	case SVC_HANDLED: /* as long as its handler wants */
	case SVC_CLOSING:
		break;
	}
	conn->phase = phase;
	conn->since_us = psm__mono_us();
	conn->until_us = ms > 0 ? conn->since_us + ms * MS : 0;
	if (phase == SVC_CLOSING)
		conns->closing++;
	else if (conn->until_us > 0 &&
	         (conns->next_us == 0 || conn->until_us < conns->next_us))
		conns->next_us = conn->until_us;
}

/* libmicrohttpd sees the end of the stream and closes. It writes nothing while
 * it reads a request, so the answer here does not mix with one of its own. */
static void
hang_up(struct svc_conns *conns, struct svc_conn *conn)
{
	int is_begun = conn->phase == SVC_BODY ||
	               (conn->phase == SVC_HEAD && conn->answers == 0);

	/* Before the client can see it. */
	psm_metrics_add("psymatch_http_timeouts", NULL, 1);
	if (is_begun &&
	    !conns->is_tls) /* nobody waits for a client that does not read */
		(void)send(conn->fd, too_slow, sizeof too_slow - 1,
		           MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(conn->fd, SHUT_RDWR); /* it may be gone already */
	psm__svc_conn_phase(conns, conn, SVC_CLOSING);
}

static int64_t
deadline(const struct svc_conns *conns, const struct svc_conn *conn)
{
	int64_t crowded_us;

	if (!is_crowded(conns) ||
	    (conn->phase != SVC_HEAD && conn->phase != SVC_BODY))
		return conn->until_us;
	crowded_us = conn->since_us + conns->limits->crowded_ms * MS;
	return crowded_us < conn->until_us ? crowded_us : conn->until_us;
}

int64_t
psm__svc_conns_expire(struct svc_conns *conns, int64_t now_us,
                      void (*late)(struct svc_conn *conn, void *user),
                      void *user)
{
	struct svc_conn *conn, *next;
	int64_t until;

	conns->next_us = 0;
	for (conn = conns->first; conn; conn = next) {
		next = conn->next;
		until = deadline(conns, conn);
		if (until == 0)
			continue;
		if (until <= now_us && conn->phase == SVC_QUEUED)
			late(conn, user);
		else if (until <= now_us)
			hang_up(conns, conn);
		else if (conns->next_us == 0 || until < conns->next_us)
			conns->next_us = until;
	}
	return conns->next_us;
}
