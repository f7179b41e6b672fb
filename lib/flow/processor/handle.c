/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/processor/processor_int.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define MARK "psm_event"
/* A message of psm_error and the place before it. */
#define REASON_SIZE 560

/* -- what is written about it */

/* Why it failed; with the place where it could not be read. */
static void
explain(const struct psm__worker_tx *w, const struct psm__tried *t,
        char *reason, size_t size)
{
	const char *text = psm_error_message(w->fail);

	if (!text[0])
		text = psm_strerror(t->code);
	if (!t->ev && psm_error_line(w->fail) > 0)
		(void)snprintf(reason, size, "line %u, column %u: %s",
		               psm_error_line(w->fail),
		               psm_error_column(w->fail), text);
	else
		(void)snprintf(reason, size, "%s", text);
}

int
psm__tried_dead_letter(struct psm__worker_tx *w, psm_tx *tx,
                       const struct psm__record *rec,
                       const struct psm__tried *t)
{
	char reason[REASON_SIZE], partition[16], offset[24], *made;
	struct psm__dead_letter d = {
	    .at = {w->pr->name, rec->topic, rec->partition, 0},
	    .offset = rec->offset,
	    .key = rec->key,
	    .key_len = rec->key_len,
	    .event_id = psm_event_id(t->ev),
	    .type = psm_event_type_as_sent(t->ev),
	    .code = t->code,
	    .reason = reason,
	    .pointer = psm_error_pointer(w->fail),
	    .attempts = t->attempt,
	    .causation_id = psm_event_causation_id(t->ev),
	    .correlation_id = psm_event_correlation_id(t->ev),
	    .traceparent = psm_event_traceparent(t->ev),
	    .tracestate = psm_event_tracestate(t->ev),
	};
	int rc;

	if (psm__record_join(rec, &made, &d.raw_len) < 0)
		return psm__nomem(w->err);
	d.raw = made ? made : rec->value;
	explain(w, t, reason, sizeof reason);
	(void)snprintf(partition, sizeof partition, "%d", (int)rec->partition);
	(void)snprintf(offset, sizeof offset, "%lld", (long long)rec->offset);
	psm__log(PSM_LOG_ERROR, "event goes to the dead letters", "consumer",
	         w->pr->name, "topic", rec->topic, "partition", partition,
	         "offset", offset, "code", psm_error_name(t->code), "reason",
	         reason, d.event_id ? "event_id" : NULL, d.event_id, "type",
	         d.type, NULL);
	rc = psm__dead_letter_add(tx, &d, w->err);
	psm__free(made);
	return rc;
}

int
psm__tried_park(struct psm__worker_tx *w, psm_tx *tx,
                const struct psm__record *rec, const struct psm__tried *t,
                int tried)
{
	struct psm__parking p = {
	    .at = {w->pr->name, rec->topic, rec->partition, 0},
	    .offset = rec->offset,
	    .key = rec->key,
	    .key_len = rec->key_len,
	    .attempts = tried ? t->attempt : 0,
	    .delay_ms =
		tried ? psm__backoff_ms(0, PSM__PARK_BASE_MS, PSM__PARK_CAP_MS)
		      : 0,
	    .code = t->code,
	};
	char *made;
	int rc;

	if (psm__record_join(rec, &made, &p.raw_len) < 0)
		return psm__nomem(w->err);
	p.raw = made ? made : rec->value;
	p.event_id = psm_event_id(t->ev);
	p.type = psm_event_type_as_sent(t->ev);
	p.causation_id = psm_event_causation_id(t->ev);
	p.correlation_id = psm_event_correlation_id(t->ev);
	p.traceparent = psm_event_traceparent(t->ev);
	p.tracestate = psm_event_tracestate(t->ev);
	p.reason = tried ? psm_error_message(w->fail) : NULL;
	if (tried)
		psm__log(PSM_LOG_INFO, "event is parked", "consumer",
		         w->pr->name, "topic", rec->topic, "event_id",
		         p.event_id, "type", p.type, "code",
		         psm_error_name(t->code), "reason", p.reason, NULL);
	rc = psm__parked_add(tx, &p, w->err);
	psm__free(made);
	return rc;
}

/* -- the call */

/* Waited for longer than a statement may take: only a server that does not answer
 * at all is given up. */
#define PATIENCE_MS 30000

/* The handler's statements end at its deadline: each travels behind this, the
 * claim of the event was before it. */
static int
limit_statements(struct psm__worker_tx *w, psm_tx *tx,
                 const struct psm__handler *h)
{
	int deadline_ms = h->options.deadline_ms;

	if (deadline_ms == PSM__TIMEOUT_MS)
		return 0;
	psm__tx_limits(tx,
	               deadline_ms > 0 && deadline_ms < INT_MAX - PATIENCE_MS
	                   ? deadline_ms + PATIENCE_MS
	                   : INT_MAX,
	               &w->pr->worker.cancel);
	return psm__timeout_queue(tx, deadline_ms, w->err);
}

/* After RELEASE SAVEPOINT; ROLLBACK TO SAVEPOINT resets it by itself. */
static int
unlimit_statements(struct psm__worker_tx *w, psm_tx *tx,
                   const struct psm__handler *h)
{
	return h->options.deadline_ms == PSM__TIMEOUT_MS
	           ? 0
	           : psm__timeout_queue(tx, PSM__TIMEOUT_MS, w->err);
}

static void
decide(struct psm__tried *t, const struct psm__handler *h)
{
	struct psm__try_result r = {.code = t->code,
	                            .options = h ? &h->options : NULL,
	                            .attempt = t->attempt,
	                            .parked = t->parked};

	t->outcome = psm__outcome(&r);
}

/* The handler has returned rc. 0, or the reason to roll back. */
static int
settle(struct psm__worker_tx *w, psm_tx *tx, const struct psm__handler *h,
       int rc, struct psm__tried *t)
{
	/* What fails says so by psm__tx_failed. */
	if (w->await_each && rc == 0 && psm__tx_failed(tx) == 0)
		(void)psm__tx_check_deferred(tx, w->fail);
	else if (w->await_each && psm__tx_lazy(tx) && psm__tx_failed(tx) == 0)
		(void)psm__tx_sync(tx, NULL);
	w->unattributed |= psm__tx_lazy(tx);
	t->code = psm__effective_code(psm__tx_failed(tx), rc);
	decide(t, h);
	if (t->code != 0 && w->unattributed)
		return psm__fail(w->err, t->code, "a statement failed: %s",
		                 psm_strerror(t->code));
	if (t->outcome == PSM__HANDLED) {
		rc = psm__tx_release(tx, MARK, w->err);
		return rc < 0 ? rc : unlimit_statements(w, tx, h);
	}
	if (t->outcome == PSM__ROLLBACK) {
		if (psm_error_code(w->fail) != 0)
			psm__error_copy(w->err, w->fail);
		return psm__fail(w->err, t->code, "handler: %s",
		                 psm_strerror(t->code));
	}
	if (psm__tx_rollback_to(tx, MARK, w->err) < 0 ||
	    psm__tx_release(tx, MARK, w->err) < 0)
		return psm_error_code(w->err);
	return 0;
}

/* @thread any of the processor's */
static void
note(const struct psm__worker_tx *w, const struct psm__record *rec,
     const psm_event *ev, const struct psm__tried *t)
{
	char partition[16], offset[24];

	if (t->code != 0)
		psm__metric_add(
		    psm__counter("psymatch_event_errors_total", "type",
		                 psm_event_type(ev),
		                 "Events whose handler failed, each time."),
		    1);
	if (!psm_log_wanted(PSM_LOG_DEBUG))
		return;
	(void)snprintf(partition, sizeof partition, "%d", (int)rec->partition);
	(void)snprintf(offset, sizeof offset, "%lld", (long long)rec->offset);
	psm__log(PSM_LOG_DEBUG, "event consumed", "consumer", w->pr->name,
	         "type", psm_event_type(ev), "event_id", psm_event_id(ev),
	         "topic", rec->topic, "partition", partition, "offset", offset,
	         "outcome", psm__outcome_name(t->outcome), NULL);
}

/* Claim the event and run its handler. */
static int
call(struct psm__worker_tx *w, psm_tx *tx, const struct psm__record *rec,
     psm_event *ev, const struct psm__handler *h, struct psm__tried *t)
{
	int64_t began_us, over_ms;
	int fresh, rc;

	/* SAVEPOINT, behind the RELEASE of the event before, shares a round
	 * trip with the claim, or with what the handler does. */
	rc = psm__tx_savepoint(tx, MARK, w->err);
	fresh = w->claimed;
	if (rc == 0 && !fresh)
		rc = psm__inbox_claim(tx, w->pr->name, psm_event_id(ev), &fresh,
		                      w->err);
	if (rc < 0)
		return rc;
	if (!fresh) {
		t->outcome = PSM__DUPLICATE;
		return psm__tx_release(tx, MARK, w->err);
	}
	rc = limit_statements(w, tx, h);
	if (rc < 0)
		return rc;
	psm__error_clear(w->fail);
	psm__dispatch_arm(ev, h, t->attempt);
	began_us = psm__mono_us();
	psm__tx_lend(tx, 1);
	psm__tx_set_cause(tx, ev);
	rc = ((psm_tx_event_fn)h->fn)(tx, ev, h->user, w->fail);
	rc = psm__dispatch_result(ev, h, rc, w->fail);
	psm__tx_set_cause(tx, NULL);
	psm__tx_lend(tx, 0);
	psm__tx_cancel(tx, &w->pr->worker.cancel);
	t->called = 1;
	psm__processor_timed(w->pr, h, psm__mono_us() - began_us);
	over_ms = psm__dispatch_overrun(ev);
	if (over_ms > 0)
		psm__last_errors_late(w->pr, rec, over_ms);
	rc = settle(w, tx, h, rc, t);
	note(w, rec, ev, t);
	return rc;
}

/* Through the upcasters to the handler. */
static int
dispatch(struct psm__worker_tx *w, psm_tx *tx, const struct psm__record *rec,
         struct psm__tried *t)
{
	const struct psm__handler *h = NULL;
	psm_event *upcast = NULL;
	int rc;

	rc = psm__dispatch_route(&w->pr->dispatch, t->ev, &upcast, &h, w->fail);
	if (rc == 0 && h) {
		rc = call(w, tx, rec, upcast ? upcast : t->ev, h, t);
	} else {
		t->code = rc;
		decide(t, h);
		/* As if the handler had said so, for the breaker too. */
		t->called = psm__classify(rc) == PSM__FAILURE_TRANSIENT;
		rc = t->outcome == PSM__ROLLBACK
		         ? psm__fail(w->err, rc, "upcaster: %s",
		                     psm_strerror(rc))
		         : 0;
	}
	psm_event_free(upcast);
	return rc;
}

int
psm__try(struct psm__worker_tx *w, psm_tx *tx, const struct psm__item *it,
         int attempt, struct psm__tried *t)
{
	const struct psm__record *rec = &it->record;

	*t = (struct psm__tried){.attempt = attempt, .parked = it->parked};
	psm__metric_add(psm__counter("psymatch_events_consumed_total", "topic",
	                             rec->topic,
	                             "Events read, again when tried again."),
	                1);
	psm__error_clear(w->fail);
	t->ev = rec->value ? w->ready : NULL; /* NULL: its key is gone */
	if (t->ev)
		w->ready = NULL;
	else if (rec->value)
		t->code = psm__record_parse(rec, &t->ev, w->fail);
	if (t->code == PSM_ERR_NOMEM)
		return psm__nomem(w->err);
	if (!t->ev) {
		decide(t, NULL);
		return 0;
	}
	psm__event_set_attempt(t->ev, attempt); /* for upcasters */
	return dispatch(w, tx, rec, t);
}

void
psm__tried_free(struct psm__tried *t)
{
	psm_event_free(t->ev);
	t->ev = NULL;
}
