/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Topics that the broker does not take now: missing, or not permitted. Their
 * records are deferred in the spool's ring. To keep the order of a key, nothing
 * newer of such a topic is sent before the deferred ones, and only one of these
 * is tried until it has come through. The sink sees to it that nothing which
 * was on its way behind the first one is stored meanwhile.
 */
#include <stdio.h>
#include <string.h>

#include "client/producer/producer_int.h"

/* How often to see whether the outcome of all that was sent is known. */
#define SETTLE_MS 50

static struct psm__lane *
find(struct psm_producer *p, const char *topic)
{
	size_t i;

	for (i = 0; i < p->lane_count; i++)
		if (strcmp(p->lanes[i].topic, topic) == 0)
			return &p->lanes[i];
	return NULL;
}

struct psm__lane *
psm__lane_shut(struct psm_producer *p, const char *topic)
{
	struct psm__lane *l;

	if (p->lanes_shut == 0)
		return NULL;
	l = find(p, topic);
	return l && l->state != PSM__LANE_OPEN ? l : NULL;
}

static struct psm__lane *
add(struct psm_producer *p, const char *topic)
{
	struct psm__lane *l;
	char *copy = psm__strdup(topic);

	if (!copy || psm__grow(&p->lanes, &p->lane_cap, p->lane_count + 1,
	                       sizeof(*p->lanes)) < 0) {
		psm__free(copy);
		return NULL;
	}
	l = &p->lanes[p->lane_count++];
	memset(l, 0, sizeof(*l));
	l->topic = copy;
	return l;
}

/* The reason of a report does not name the topic, that of a refusal does. */
static void
say_trouble(struct psm_producer *p, const struct psm__lane *l, const char *why)
{
	char text[sizeof(p->trouble)];

	if (strstr(why, l->topic))
		snprintf(text, sizeof(text), "%s", why);
	else
		snprintf(text, sizeof(text), "topic %s: %s", l->topic, why);
	psm__sender_trouble(p, text);
}

/* A record of the topic comes again. NULL: no memory to keep it in mind; then
 * everything starts over a bit later, which keeps the order as well. */
static struct psm__lane *
defer(struct psm_producer *p, const struct psm__message *m)
{
	struct psm__lane *l = find(p, m->topic);

	psm__spool_defer(p->spool, m->token);
	if (!l)
		l = add(p, m->topic);
	if (!l)
		p->restart = 1;
	return l;
}

static void
shut(struct psm_producer *p, struct psm__lane *l, const char *why)
{
	if (l->state == PSM__LANE_OPEN) {
		p->lanes_shut++;
		psm__log(PSM_LOG_WARN, "the broker does not take a topic now",
		         "topic", l->topic, "why", why, NULL);
	}
	l->state = PSM__LANE_HELD;
	say_trouble(p, l, why);
}

/* 1: the report is of one that was sent before the lane was shut, so it is old
 * news. */
static int
is_late(const struct psm__lane *l, uint64_t token)
{
	return l->state == PSM__LANE_HELD ||
	       (l->state == PSM__LANE_PROBING && l->probe != token);
}

void
psm__lane_hold(struct psm_producer *p, const struct psm__message *m,
               const char *why)
{
	struct psm__lane *l = defer(p, m);

	if (!l || is_late(l, m->token))
		return;
	shut(p, l, why);
	l->resume_ms = psm__mono_ms() + psm__sender_backoff(p, l->failures++);
}

int
psm__lane_suspect(struct psm_producer *p, const struct psm__message *m,
                  const char *why)
{
	struct psm__lane *l = psm__lane_shut(p, m->topic);

	if (l && l->state == PSM__LANE_PROBING && l->probe == m->token)
		return 0;
	l = defer(p, m);
	if (!l)
		return 1;
	l->suspects++;
	if (is_late(l, m->token))
		return 1;
	shut(p, l, why);
	l->resume_ms = psm__mono_ms();
	return 1;
}

void
psm__lane_took(struct psm_producer *p, uint64_t token)
{
	size_t i;

	for (i = 0; p->lanes_shut && i < p->lane_count; i++) {
		struct psm__lane *l = &p->lanes[i];

		if (l->state != PSM__LANE_PROBING || l->probe != token)
			continue;
		if (l->suspects)
			l->suspects--;
		l->state = l->suspects ? PSM__LANE_HELD : PSM__LANE_CATCHING;
		l->resume_ms = 0;
		l->scan = 0;
	}
}

/* The next record of the lane from *token on that is deferred (1) or in flight
 * (0). */
static int
next_of(struct psm_producer *p, const struct psm__lane *l, uint64_t *token,
        int want_deferred, struct psm__message *m)
{
	int deferred;

	for (; psm__spool_look(p->spool, token, m, &deferred); ++*token)
		if (deferred == want_deferred &&
		    strcmp(m->topic, l->topic) == 0)
			return 1;
	return 0;
}

static void
open_lane(struct psm_producer *p, struct psm__lane *l)
{
	l->state = PSM__LANE_OPEN;
	l->failures = 0;
	l->suspects = 0;
	if (--p->lanes_shut == 0)
		psm__sender_trouble(p, "");
}

static int
send_again(struct psm_producer *p, const struct psm__message *m)
{
	int rc;

	psm__spool_resume(p->spool, m->token);
	rc = psm__sender_send(p, m);
	if (rc < 0) /* not now: it still waits for its turn */
		psm__spool_defer(p->spool, m->token);
	return rc;
}

/* Only when the outcome of all that were on their way is known is the first
 * deferred one really the first. */
static int
probe(struct psm_producer *p, struct psm__lane *l)
{
	struct psm__message m;
	uint64_t token = 0;

	if (next_of(p, l, &token, 0, &m)) {
		l->resume_ms = psm__mono_ms() + SETTLE_MS;
		return 0;
	}
	token = 0;
	if (!next_of(p, l, &token, 1, &m)) {
		/* After a restart they may not have been passed yet. */
		if (psm__spool_peek(p->spool, &m))
			l->resume_ms = psm__mono_ms() + SETTLE_MS;
		else
			open_lane(p, l);
		return 0;
	}
	l->state = PSM__LANE_PROBING;
	l->probe = token;
	return send_again(p, &m);
}

static int
catch_up(struct psm_producer *p, struct psm__lane *l)
{
	struct psm__message m;
	int rc = 0;

	while (rc == 0 && l->state == PSM__LANE_CATCHING) {
		if (p->inflight >= p->queue_max)
			return PSM_ERR_FULL;
		if (next_of(p, l, &l->scan, 1, &m))
			rc = send_again(p, &m);
		else
			open_lane(p, l);
	}
	return rc;
}

int
psm__lanes_run(struct psm_producer *p, int64_t now_ms)
{
	int rc = 0;
	size_t i;

	for (i = 0; rc == 0 && p->lanes_shut && i < p->lane_count; i++) {
		struct psm__lane *l = &p->lanes[i];

		if (l->state == PSM__LANE_HELD && now_ms >= l->resume_ms)
			rc = probe(p, l);
		if (rc < 0 && l->state == PSM__LANE_PROBING)
			l->state = PSM__LANE_HELD;
		if (rc == 0 && l->state == PSM__LANE_CATCHING)
			rc = catch_up(p, l);
	}
	return rc;
}

int64_t
psm__lanes_due(const struct psm_producer *p)
{
	int64_t due = INT64_MAX;
	size_t i;

	for (i = 0; p->lanes_shut && i < p->lane_count; i++) {
		const struct psm__lane *l = &p->lanes[i];

		if (l->state == PSM__LANE_HELD && l->resume_ms < due)
			due = l->resume_ms;
	}
	return due;
}

void
psm__lanes_restart(struct psm_producer *p)
{
	size_t i;

	for (i = 0; i < p->lane_count; i++) {
		struct psm__lane *l = &p->lanes[i];

		if (l->state == PSM__LANE_CATCHING && !l->suspects) {
			l->state = PSM__LANE_OPEN;
			p->lanes_shut--;
		} else if (l->state != PSM__LANE_OPEN) {
			l->state = PSM__LANE_HELD;
		}
	}
}

void
psm__lanes_free(struct psm_producer *p)
{
	while (p->lane_count)
		psm__free(p->lanes[--p->lane_count].topic);
	psm__free(p->lanes);
}
