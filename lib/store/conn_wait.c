/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/conn_int.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

#define DEFAULT_LIMIT_MS 60000
/* So long a connection stays open for a pooler that passes a cancel on. */
#define CANCEL_MS 200

/* libpq's own message: several lines, ends in a newline, no password. */
int
psm__conn_fail(struct psm__conn *c, const char *what, psm_error *err)
{
	const char *text = PQerrorMessage(c->pg);

	(void)psm__fail(err, PSM_ERR_DB, "database: %s: %.*s", what,
	                (int)strcspn(text, "\r\n"), text);
	psm__error_flags(err, 1, 0);
	psm__error_inside(err);
	return PSM_ERR_DB;
}

int
psm__conn_fail_broken(psm_error *err)
{
	(void)psm__fail(err, PSM_ERR_DB, "database: the connection is lost");
	psm__error_flags(err, 1, 0);
	return PSM_ERR_DB;
}

static int
cancelled(const struct psm__conn *c)
{
	return c->cancel && __atomic_load_n(c->cancel, __ATOMIC_ACQUIRE) != 0;
}

static _Thread_local struct {
	psm_interrupt_fn fn;
	void *user;
} interrupt;

static void *
cancel_statement(void *cancel)
{
	char text[256];

	/* Nobody waits for it: it may fail. */
	(void)PQcancel(cancel, text, sizeof text);
	PQfreeCancel(cancel);
	return NULL;
}

int
psm__interrupt_asked(void)
{
	return interrupt.fn && interrupt.fn(interrupt.user);
}

/* The program does not wait any more. The server is told on a thread, because
 * it may be what does not answer. */
static int
interrupted(struct psm__conn *c)
{
	struct pollfd answer = {PQsocket(c->pg), POLLIN, 0};
	PGcancel *cancel;
	pthread_t thread;

	if (!psm__interrupt_asked())
		return 0;
	/* A statement is at work only on an open connection. */
	if (PQstatus(c->pg) != CONNECTION_OK)
		return 1;
	cancel = PQgetCancel(c->pg);
	if (!cancel)
		return 1;
	if (psm__thread_start(&thread, "psm-cancel", cancel_statement, cancel,
	                      NULL) < 0) {
		PQfreeCancel(cancel);
		return 1;
	}
	(void)pthread_detach(thread);
	(void)poll(&answer, 1, CANCEL_MS);
	return 1;
}

/* Wait until the socket is ready for events; 0, or why it is given up. */
int
psm__conn_wait(struct psm__conn *c, short events, int64_t deadline_ms,
               psm_error *err)
{
	struct pollfd fd = {PQsocket(c->pg), events, 0};
	int64_t left;
	int n = 1;

	for (;;) {
		left = deadline_ms - psm__mono_ms();
		if (cancelled(c) || left <= 0 || (n <= 0 && interrupted(c))) {
			c->broken = 1;
			(void)psm__fail(err, PSM_ERR_DB, "database: %s",
			                left <= 0 ? "no answer in time"
			                          : "given up on request");
			psm__error_flags(err, 1, 0);
			return PSM_ERR_DB;
		}
		n = poll(&fd, 1,
		         left < PSM__SLICE_MS ? (int)left : PSM__SLICE_MS);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR) {
			c->broken = 1;
			return psm__conn_fail_broken(err);
		}
	}
}

void
psm_store_set_interrupt(psm_interrupt_fn fn, void *user)
{
	interrupt.fn = fn;
	interrupt.user = user;
}

void
psm__conn_limits(struct psm__conn *c, int timeout_ms, const int *cancel)
{
	c->limit_ms = timeout_ms > 0 ? timeout_ms : DEFAULT_LIMIT_MS;
	c->cancel = cancel;
}
