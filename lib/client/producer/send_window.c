/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Send windows: topics that the broker does not accept now, because they are
 * missing or not permitted. Their records are deferred in the spool's ring. To
 * keep the order of a key, no newer record of such a topic is sent before the
 * deferred ones, and only one of these is tried until it is acknowledged. The
 * sink makes sure that no record that was in flight behind the first one is
 * stored meanwhile.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "client/producer/producer_int.h"

/* How often to see whether the outcome of all that was sent is known. */
#define SETTLE_MS 50

#define TO(state) (1u << (state))
static const unsigned may_follow[] = {
    [PSM__WINDOW_OPEN] = TO(PSM__WINDOW_WAITING),
    [PSM__WINDOW_WAITING] = TO(PSM__WINDOW_PROBING) | TO(PSM__WINDOW_OPEN),
    [PSM__WINDOW_PROBING] =
	TO(PSM__WINDOW_WAITING) | TO(PSM__WINDOW_CATCHING_UP),
    [PSM__WINDOW_CATCHING_UP] = TO(PSM__WINDOW_OPEN) | TO(PSM__WINDOW_WAITING),
};

static void
set_state(struct psm__send_window *w, enum psm__send_window_state to)
{
	static const char *const names[] = {
	    [PSM__WINDOW_OPEN] = "open",
	    [PSM__WINDOW_WAITING] = "waiting",
	    [PSM__WINDOW_PROBING] = "probing",
	    [PSM__WINDOW_CATCHING_UP] = "catching up",
	};

	if (!(may_follow[w->state] & TO(to)))
		psm__log(PSM_LOG_ERROR, "a topic cannot change its state",
		         "topic", w->topic, "from", names[w->state], "to",
		         names[to], NULL);
	assert(may_follow[w->state] & TO(to));
	psm__log(PSM_LOG_DEBUG, "a topic's sending changed its state", "topic",
	         w->topic, "from", names[w->state], "to", names[to], NULL);
	w->state = (int)to;
}

static struct psm__send_window *
find(struct psm_producer *p, const char *topic)
{
	size_t i;

	for (i = 0; i < p->window_count; i++)
		if (strcmp(p->windows[i].topic, topic) == 0)
			return &p->windows[i];
	return NULL;
}

struct psm__send_window *
psm__send_window_closed(struct psm_producer *p, const char *topic)
{
	struct psm__send_window *w;

	if (p->windows_closed == 0)
		return NULL;
	w = find(p, topic);
	return w && w->state != PSM__WINDOW_OPEN ? w : NULL;
}

static struct psm__send_window *
add(struct psm_producer *p, const char *topic)
{
	struct psm__send_window *w;
	char *copy = psm__strdup(topic);

	if (!copy || psm__grow(&p->windows, &p->window_cap, p->window_count + 1,
	                       sizeof(*p->windows)) < 0) {
		psm__free(copy);
		return NULL;
	}
	w = &p->windows[p->window_count++];
	memset(w, 0, sizeof(*w));
	w->topic = copy;
	return w;
}

/* Some reasons name the topic already. */
static void
set_error(struct psm_producer *p, const struct psm__send_window *w,
          const char *why)
{
	char text[sizeof(p->last_error)];

	if (strstr(why, w->topic))
		snprintf(text, sizeof(text), "%s", why);
	else
		snprintf(text, sizeof(text), "topic %s: %s", w->topic, why);
	psm__producer_set_error(p, text);
}

/* A record of the topic is sent again later. NULL: out of memory; then the
 * client is replaced and all records are sent again, which keeps the order,
 * too. */
static struct psm__send_window *
defer(struct psm_producer *p, const struct psm__message *m)
{
	struct psm__send_window *w = find(p, m->topic);

	psm__spool_defer(p->spool, m->token);
	if (!w)
		w = add(p, m->topic);
	if (!w)
		p->restart = 1;
	return w;
}

static void
close_window(struct psm_producer *p, struct psm__send_window *w,
             const char *why)
{
	if (w->state == PSM__WINDOW_OPEN) {
		p->windows_closed++;
		psm__log(PSM_LOG_WARN, "the broker does not accept a topic now",
		         "topic", w->topic, "why", why, NULL);
	}
	set_state(w, PSM__WINDOW_WAITING);
	set_error(p, w, why);
}

/* 1: the report is of a record that was sent before the window was closed,
 * so it tells nothing new. */
static int
is_late(const struct psm__send_window *w, uint64_t token)
{
	return w->state == PSM__WINDOW_WAITING ||
	       (w->state == PSM__WINDOW_PROBING && w->probe != token);
}

void
psm__send_window_close(struct psm_producer *p, const struct psm__message *m,
                       const char *why)
{
	struct psm__send_window *w = defer(p, m);

	if (!w || is_late(w, m->token))
		return;
	close_window(p, w, why);
	w->resume_ms = psm__mono_ms() + psm__producer_backoff(p, w->failures++);
}

int
psm__send_window_unconfirmed(struct psm_producer *p,
                             const struct psm__message *m, const char *why)
{
	struct psm__send_window *w = psm__send_window_closed(p, m->topic);

	if (w && w->state == PSM__WINDOW_PROBING && w->probe == m->token)
		return 0;
	w = defer(p, m);
	if (!w)
		return 1;
	w->unconfirmed++;
	if (is_late(w, m->token))
		return 1;
	close_window(p, w, why);
	w->resume_ms = psm__mono_ms();
	return 1;
}

void
psm__send_window_acked(struct psm_producer *p, uint64_t token)
{
	size_t i;

	for (i = 0; p->windows_closed && i < p->window_count; i++) {
		struct psm__send_window *w = &p->windows[i];

		if (w->state != PSM__WINDOW_PROBING || w->probe != token)
			continue;
		if (w->unconfirmed)
			w->unconfirmed--;
		set_state(w, w->unconfirmed ? PSM__WINDOW_WAITING
		                            : PSM__WINDOW_CATCHING_UP);
		w->resume_ms = 0;
		w->scan = 0;
	}
}

/* The next record of the window from *token on that is deferred (1) or in
 * flight (0). */
static int
next_of(struct psm_producer *p, const struct psm__send_window *w,
        uint64_t *token, int want_deferred, struct psm__message *m)
{
	int deferred;

	for (; psm__spool_look(p->spool, token, m, &deferred); ++*token)
		if (deferred == want_deferred &&
		    strcmp(m->topic, w->topic) == 0)
			return 1;
	return 0;
}

static void
open_window(struct psm_producer *p, struct psm__send_window *w)
{
	set_state(w, PSM__WINDOW_OPEN);
	w->failures = 0;
	w->unconfirmed = 0;
	if (--p->windows_closed == 0)
		psm__producer_set_error(p, "");
}

static int
send_again(struct psm_producer *p, const struct psm__message *m,
           psm__send_fn send)
{
	int rc;

	psm__spool_resume(p->spool, m->token);
	rc = send(p, m);
	if (rc < 0) /* not now: it stays deferred */
		psm__spool_defer(p->spool, m->token);
	return rc;
}

/* The first deferred record is known only when the outcome of all records in
 * flight is known. */
static int
probe(struct psm_producer *p, struct psm__send_window *w, psm__send_fn send)
{
	struct psm__message m;
	uint64_t token = 0;

	if (next_of(p, w, &token, 0, &m)) {
		w->resume_ms = psm__mono_ms() + SETTLE_MS;
		return 0;
	}
	token = 0;
	if (!next_of(p, w, &token, 1, &m)) {
		/* After a restart its records may not have been read yet. */
		if (psm__spool_peek(p->spool, &m))
			w->resume_ms = psm__mono_ms() + SETTLE_MS;
		else
			open_window(p, w);
		return 0;
	}
	set_state(w, PSM__WINDOW_PROBING);
	w->probe = token;
	return send_again(p, &m, send);
}

static int
catch_up(struct psm_producer *p, struct psm__send_window *w, psm__send_fn send)
{
	struct psm__message m;
	int rc = 0;

	while (rc == 0 && w->state == PSM__WINDOW_CATCHING_UP) {
		if (p->inflight >= p->queue_max)
			return PSM_ERR_FULL;
		if (next_of(p, w, &w->scan, 1, &m))
			rc = send_again(p, &m, send);
		else
			open_window(p, w);
	}
	return rc;
}

int
psm__send_windows_run(struct psm_producer *p, int64_t now_ms, psm__send_fn send)
{
	int rc = 0;
	size_t i;

	for (i = 0; rc == 0 && p->windows_closed && i < p->window_count; i++) {
		struct psm__send_window *w = &p->windows[i];

		if (w->state == PSM__WINDOW_WAITING && now_ms >= w->resume_ms)
			rc = probe(p, w, send);
		if (rc < 0 && w->state == PSM__WINDOW_PROBING)
			set_state(w, PSM__WINDOW_WAITING);
		if (rc == 0 && w->state == PSM__WINDOW_CATCHING_UP)
			rc = catch_up(p, w, send);
	}
	return rc;
}

int64_t
psm__send_windows_due(const struct psm_producer *p)
{
	int64_t due = INT64_MAX;
	size_t i;

	for (i = 0; p->windows_closed && i < p->window_count; i++) {
		const struct psm__send_window *w = &p->windows[i];

		if (w->state == PSM__WINDOW_WAITING && w->resume_ms < due)
			due = w->resume_ms;
	}
	return due;
}

void
psm__send_windows_restart(struct psm_producer *p)
{
	size_t i;

	for (i = 0; i < p->window_count; i++) {
		struct psm__send_window *w = &p->windows[i];

		if (w->state == PSM__WINDOW_CATCHING_UP && !w->unconfirmed) {
			set_state(w, PSM__WINDOW_OPEN);
			p->windows_closed--;
		} else if (w->state != PSM__WINDOW_OPEN &&
		           w->state != PSM__WINDOW_WAITING) {
			set_state(w, PSM__WINDOW_WAITING);
		}
	}
}

void
psm__send_windows_free(struct psm_producer *p)
{
	while (p->window_count)
		psm__free(p->windows[--p->window_count].topic);
	psm__free(p->windows);
}
