/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/window.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int
psm__window_init(struct psm__window *w, psm_error *err)
{
	if (psm__cond_init(&w->reported) < 0)
		return psm__nomem(err);
	if (pthread_mutex_init(&w->lock, NULL) == 0)
		return 0;
	(void)pthread_cond_destroy(&w->reported);
	return psm__nomem(err);
}

void
psm__window_destroy(struct psm__window *w)
{
	(void)pthread_mutex_destroy(&w->lock);
	(void)pthread_cond_destroy(&w->reported);
}

void
psm__window_clear(struct psm__window *w)
{
	size_t i;

	(void)pthread_mutex_lock(&w->lock);
	for (i = 0; i < PSM__WINDOW; i++)
		w->flights[i].state = PSM__FLIGHT_FREE;
	w->used = w->outstanding = w->next = 0;
	w->failed = 0;
	(void)pthread_mutex_unlock(&w->lock);
}

/* @locks w->lock held */
static void
set_state_locked(struct psm__window *w, struct psm__flight *f,
                 enum psm__flight_state to)
{
	w->used -= f->state != PSM__FLIGHT_FREE;
	w->outstanding -= f->state == PSM__FLIGHT_SENT;
	f->state = to;
	w->used += to != PSM__FLIGHT_FREE;
	w->outstanding += to == PSM__FLIGHT_SENT;
}

void
psm__window_add(struct psm__window *w, int64_t id, const char *event_id)
{
	struct psm__flight *f;
	size_t i;

	(void)pthread_mutex_lock(&w->lock);
	assert(w->used < PSM__WINDOW);
	for (i = w->next; w->flights[i].state != PSM__FLIGHT_FREE;)
		i = (i + 1) % PSM__WINDOW;
	w->next = (i + 1) % PSM__WINDOW;
	f = &w->flights[i];
	f->id = id;
	(void)snprintf(f->event_id, sizeof f->event_id, "%s", event_id);
	set_state_locked(w, f, PSM__FLIGHT_SENT);
	(void)pthread_mutex_unlock(&w->lock);
}

static void
kill_locked(struct psm__window *w, struct psm__flight *f, int code,
            const char *reason)
{
	set_state_locked(w, f, PSM__FLIGHT_DEAD);
	f->code = code;
	(void)snprintf(f->reason, sizeof f->reason, "%s",
	               reason ? reason : psm_strerror(code));
}

void
psm__window_refused(struct psm__window *w, int64_t id, int code,
                    const char *reason)
{
	size_t i;

	(void)pthread_mutex_lock(&w->lock);
	for (i = 0; i < PSM__WINDOW; i++) {
		struct psm__flight *f = &w->flights[i];

		if (f->state != PSM__FLIGHT_SENT || f->id != id)
			continue;
		if (code == 0)
			set_state_locked(w, f, PSM__FLIGHT_FREE);
		else
			kill_locked(w, f, code, reason);
		break;
	}
	(void)pthread_mutex_unlock(&w->lock);
}

/* Would another producer, or another moment, send it? */
static int
can_be_sent(int rc)
{
	return rc == PSM_ERR_CLOSED || rc == PSM_ERR_BROKER ||
	       rc == PSM_ERR_TIMEOUT || rc == PSM_ERR_FULL ||
	       rc == PSM_ERR_NOMEM || rc == PSM_ERR_IO || rc == PSM_ERR_STATE;
}

int
psm__window_report(struct psm__window *w, const char *event_id, int rc,
                   const char *reason)
{
	struct psm__flight *f = NULL;
	size_t i, acked;
	int wake;

	(void)pthread_mutex_lock(&w->lock);
	/* Reports come about in the order of sending: the oldest is the one
	 * behind the newest. */
	for (i = 0; i < PSM__WINDOW && !f; i++) {
		f = &w->flights[(w->next + i) % PSM__WINDOW];
		if (f->state != PSM__FLIGHT_SENT ||
		    strcmp(f->event_id, event_id) != 0)
			f = NULL;
	}
	acked = w->used - w->outstanding;
	if (f && rc == 0)
		set_state_locked(w, f, PSM__FLIGHT_ACKED);
	else if (f && can_be_sent(rc))
		w->failed = 1;
	else if (f)
		kill_locked(w, f, rc, reason);
	wake = f && (acked == 0 || w->outstanding == 0 || w->failed);
	if (w->outstanding == 0 || w->failed)
		(void)pthread_cond_signal(&w->reported);
	(void)pthread_mutex_unlock(&w->lock);
	return wake;
}

void
psm__window_split(struct psm__window *w, int64_t *done, size_t *done_count,
                  int64_t *busy, size_t *busy_count)
{
	size_t i;

	*done_count = *busy_count = 0;
	(void)pthread_mutex_lock(&w->lock);
	for (i = 0; i < PSM__WINDOW; i++) {
		const struct psm__flight *f = &w->flights[i];

		if (f->state == PSM__FLIGHT_ACKED)
			done[(*done_count)++] = f->id;
		else if (f->state != PSM__FLIGHT_FREE)
			busy[(*busy_count)++] = f->id;
	}
	(void)pthread_mutex_unlock(&w->lock);
}

int
psm__window_dead(struct psm__window *w, struct psm__flight *out)
{
	size_t i;
	int found = 0;

	(void)pthread_mutex_lock(&w->lock);
	for (i = 0; i < PSM__WINDOW && !found; i++)
		if (w->flights[i].state == PSM__FLIGHT_DEAD) {
			*out = w->flights[i];
			found = 1;
		}
	(void)pthread_mutex_unlock(&w->lock);
	return found;
}

static int
is_among(int64_t id, const int64_t *ids, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (ids[i] == id)
			return 1;
	return 0;
}

void
psm__window_done(struct psm__window *w, const int64_t *ids, size_t count)
{
	size_t i, left = count;

	(void)pthread_mutex_lock(&w->lock);
	for (i = 0; i < PSM__WINDOW && left > 0; i++) {
		struct psm__flight *f = &w->flights[i];

		if (f->state != PSM__FLIGHT_FREE &&
		    f->state != PSM__FLIGHT_SENT &&
		    is_among(f->id, ids, count)) {
			set_state_locked(w, f, PSM__FLIGHT_FREE);
			left--;
		}
	}
	(void)pthread_mutex_unlock(&w->lock);
}

size_t
psm__window_outstanding(struct psm__window *w)
{
	size_t n;

	(void)pthread_mutex_lock(&w->lock);
	n = w->outstanding;
	(void)pthread_mutex_unlock(&w->lock);
	return n;
}

int
psm__window_failed(struct psm__window *w)
{
	int failed;

	(void)pthread_mutex_lock(&w->lock);
	failed = w->failed;
	(void)pthread_mutex_unlock(&w->lock);
	return failed;
}

void
psm__window_wait(struct psm__window *w, int timeout_ms)
{
	struct timespec until;

	psm__deadline(&until, timeout_ms);
	(void)pthread_mutex_lock(&w->lock);
	while (w->outstanding > 0 && !w->failed)
		if (pthread_cond_timedwait(&w->reported, &w->lock, &until) ==
		    ETIMEDOUT)
			break;
	(void)pthread_mutex_unlock(&w->lock);
}
