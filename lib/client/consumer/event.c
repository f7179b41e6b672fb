/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of one record: handled, skipped, dead, or again later. */
#include <stdio.h>

#include "client/consumer/consumer_int.h"

/* The log gets the origin and the code only: reason is the application's text
 * and may name a person. */
static void
finish_dead(psm_consumer *c, const struct psm__record *rec, int code,
            const char *reason)
{
	char where[32];

	psm__consumer_count(&c->counts.dead, c->counts.m_dead);
	pthread_mutex_lock(&c->lock);
	c->dead_ms = psm__mono_ms();
	pthread_mutex_unlock(&c->lock);
	snprintf(where, sizeof(where), "%d:%lld", (int)rec->partition,
	         (long long)rec->offset);
	psm__log(PSM_LOG_WARN, "dead message", "group", c->group, "topic",
	         rec->topic, "position", where, "code", psm_error_name(code),
	         NULL);
	if (c->dead_fn)
		c->dead_fn(rec->topic, rec->partition, rec->offset, rec->value,
		           rec->value_len, code, reason, c->dead_user);
}

/* 0: it is dead and done with. PSM_ERR_RETRY: its dead letter is on the way. */
static int
write_dead_letter(psm_consumer *c, const struct psm__record *rec, int code,
                  const char *reason, int attempts)
{
	struct psm__cpart *part;

	if (!reason || !*reason)
		reason = psm_strerror(code);
	if (!psm__dlq_wanted(c, rec->topic)) {
		finish_dead(c, rec, code, reason);
		return 0;
	}
	part = psm__cpart_get(c, rec->topic, rec->partition);
	if (!part)
		return PSM_ERR_RETRY;
	part->dead_letter = psm__dlq_new(c, rec, code, reason, attempts);
	if (!part->dead_letter)
		return PSM_ERR_RETRY;
	return psm__consumer_dead_letter(c, rec, part);
}

int
psm__consumer_dead_letter(psm_consumer *c, const struct psm__record *rec,
                          struct psm__cpart *part)
{
	struct psm__dlq_message *d = part->dead_letter;

	if (psm__dlq_go_on(c, d) < 0)
		return PSM_ERR_RETRY;
	finish_dead(c, rec, psm__dlq_code(d), psm__dlq_reason(d));
	part->dead_letter = NULL;
	psm__dlq_drop(d);
	return 0;
}

/* A call that took longer than it may. */
static void
note_overrun(psm_consumer *c, const struct psm__record *rec, int64_t over_ms)
{
	char text[48];

	psm__consumer_count(&c->counts.overrun, c->counts.m_overrun);
	pthread_mutex_lock(&c->lock);
	c->overrun_ms = psm__mono_ms();
	pthread_mutex_unlock(&c->lock);
	snprintf(text, sizeof(text), "%d:%lld by %lld ms", (int)rec->partition,
	         (long long)rec->offset, (long long)over_ms);
	psm__log(PSM_LOG_WARN, "a handler passed its deadline", "group",
	         c->group, "topic", rec->topic, "position", text, NULL);
}

/* After PSM_ERR_RETRY. h NULL: no handler is where its upcasters lead. */
static int
may_try_again(const struct psm__handler *h, int attempt)
{
	if (!h)
		return 1;
	if (h->options.on_failure == PSM_ON_FAILURE_REJECT)
		return 0;
	return h->options.max_attempts == 0 ||
	       attempt < h->options.max_attempts;
}

static int
call_handler(psm_consumer *c, const struct psm__record *rec,
             const struct psm__handler *h, psm_event *ev, int attempt)
{
	psm_event_fn fn = (psm_event_fn)h->fn;
	int64_t over_ms;
	int rc;

	psm__dispatch_arm(ev, h, attempt);
	rc = psm__dispatch_result(ev, h, fn(ev, h->user, c->err), c->err);
	over_ms = psm__dispatch_overrun(ev);
	if (over_ms > 0)
		note_overrun(c, rec, over_ms);
	if (rc == 0) {
		psm__consumer_count(&c->counts.handled, c->counts.m_handled);
		return 0;
	}
	if (rc == PSM_ERR_NOMEM) /* not the event's fault */
		return PSM_ERR_RETRY;
	if (rc == PSM_ERR_RETRY && may_try_again(h, attempt))
		return rc;
	if (rc > 0) /* not a result a handler may give */
		rc = PSM_ERR_REJECT;
	return write_dead_letter(c, rec, rc, psm_error_message(c->err),
	                         attempt);
}

/* The event's way through upcasters to its handler. */
static int
dispatch(psm_consumer *c, const struct psm__record *rec, psm_event *ev,
         int attempt)
{
	const struct psm__handler *h;
	psm_event *upcast = NULL;
	int rc;

	psm__event_set_attempt(ev, attempt); /* for upcasters */
	rc = psm__dispatch_route(&c->dispatch, ev, &upcast, &h, c->err);
	if (rc == 0 && h) {
		psm__error_clear(c->err);
		rc = call_handler(c, rec, h, upcast ? upcast : ev, attempt);
	} else if (rc == 0) {
		psm__consumer_count(&c->counts.skipped, c->counts.m_skipped);
	} else if (rc == PSM_ERR_NOMEM) {
		rc = PSM_ERR_RETRY;
	} else if (rc != PSM_ERR_RETRY || !may_try_again(h, attempt)) {
		rc = write_dead_letter(c, rec, rc, psm_error_message(c->err),
		                       attempt);
	}
	psm_event_free(upcast);
	return rc;
}

int
psm__consumer_handle(psm_consumer *c, const struct psm__record *rec,
                     int attempt)
{
	psm_event *ev = NULL;
	int rc;

	if (!rec->value) { /* its key is gone: nothing is said */
		psm__consumer_count(&c->counts.skipped, c->counts.m_skipped);
		return 0;
	}
	rc = psm__record_parse(rec, &ev, c->err);
	if (rc == PSM_ERR_NOMEM) /* our fault, not the event's */
		return PSM_ERR_RETRY;
	if (rc < 0)
		return write_dead_letter(c, rec, rc, psm_error_message(c->err),
		                         attempt);
	psm__error_clear(c->err);
	rc = dispatch(c, rec, ev, attempt);
	psm_event_free(ev);
	return rc;
}
