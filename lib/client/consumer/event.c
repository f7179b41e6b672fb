/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of one record: handled, skipped, dead, or again later. */
#include <stdio.h>

#include "client/consumer/consumer_int.h"
#include "client/outcome.h"

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

/* Its handler's code. */
static int
call_handler(psm_consumer *c, const struct psm__record *rec,
             const struct psm__handler *h, psm_event *ev, int attempt)
{
	psm_event_fn fn = (psm_event_fn)h->fn;
	int64_t over_ms;
	int rc;

	psm__error_clear(c->err);
	psm__dispatch_arm(ev, h, attempt);
	rc = psm__dispatch_result(ev, h, fn(ev, h->user, c->err), c->err);
	over_ms = psm__dispatch_overrun(ev);
	if (over_ms > 0)
		note_overrun(c, rec, over_ms);
	return psm__effective_code(0, rc);
}

/* The event's way through upcasters to its handler. */
static void
dispatch(psm_consumer *c, const struct psm__record *rec, psm_event *ev,
         struct psm__try_result *r)
{
	const struct psm__handler *h;
	psm_event *upcast = NULL;

	psm__event_set_attempt(ev, r->attempt); /* for upcasters */
	r->code = psm__dispatch_route(&c->dispatch, ev, &upcast, &h, c->err);
	if (h)
		r->options = &h->options;
	if (r->code == 0 && h)
		r->code =
		    call_handler(c, rec, h, upcast ? upcast : ev, r->attempt);
	psm_event_free(upcast);
}

int
psm__consumer_handle(psm_consumer *c, const struct psm__record *rec,
                     int attempt)
{
	struct psm__try_result r = {.attempt = attempt};
	psm_event *ev = NULL;

	if (rec->value) /* else its key is gone: there is nothing to handle */
		r.code = psm__record_parse(rec, &ev, c->err);
	if (ev) {
		psm__error_clear(c->err);
		dispatch(c, rec, ev, &r);
		psm_event_free(ev);
	}
	switch (psm__outcome(&r)) {
	case PSM__HANDLED:
		psm__consumer_count(&c->counts.handled, c->counts.m_handled);
		return 0;
	case PSM__SKIPPED:
		psm__consumer_count(&c->counts.skipped, c->counts.m_skipped);
		return 0;
	case PSM__DEAD:
		return write_dead_letter(c, rec, r.code,
		                         psm_error_message(c->err), attempt);
	default: /* a rollback, too: there is no transaction */
		return PSM_ERR_RETRY;
	}
}
