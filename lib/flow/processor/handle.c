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
explain(const struct psm__strand *l, const struct psm__tried *t, char *reason,
        size_t size)
{
	const char *text = psm_error_message(l->fail);

	if (!text[0])
		text = psm_strerror(t->code);
	if (!t->ev && psm_error_line(l->fail) > 0)
		(void)snprintf(reason, size, "line %u, column %u: %s",
		               psm_error_line(l->fail),
		               psm_error_column(l->fail), text);
	else
		(void)snprintf(reason, size, "%s", text);
}

int
psm__tried_bury(struct psm__strand *l, psm_tx *tx,
                const struct psm__record *rec, const struct psm__tried *t)
{
	char reason[REASON_SIZE], partition[16], offset[24];
	struct psm__dead_letter d = {
	    .at = {l->pr->name, rec->topic, rec->partition, 0},
	    .offset = rec->offset,
	    .key = rec->key,
	    .key_len = rec->key_len,
	    .raw = rec->value,
	    .raw_len = rec->value_len,
	    .event_id = psm_event_id(t->ev),
	    .type = psm_event_type_as_sent(t->ev),
	    .code = t->code,
	    .reason = reason,
	    .pointer = psm_error_pointer(l->fail),
	    .attempts = t->attempt,
	    .causation_id = psm_event_causation_id(t->ev),
	    .correlation_id = psm_event_correlation_id(t->ev),
	    .traceparent = psm_event_traceparent(t->ev),
	    .tracestate = psm_event_tracestate(t->ev),
	};

	explain(l, t, reason, sizeof reason);
	(void)snprintf(partition, sizeof partition, "%d", (int)rec->partition);
	(void)snprintf(offset, sizeof offset, "%lld", (long long)rec->offset);
	psm__log(PSM_LOG_WARN, "event goes to the dead letters", "consumer",
	         l->pr->name, "topic", rec->topic, "partition", partition,
	         "offset", offset, "code", psm_error_name(t->code), "reason",
	         reason, NULL);
	return psm__dead_letter_add(tx, &d, l->err);
}

int
psm__tried_park(struct psm__strand *l, psm_tx *tx,
                const struct psm__record *rec, const struct psm__tried *t,
                int tried)
{
	struct psm__parking p = {
	    .at = {l->pr->name, rec->topic, rec->partition, 0},
	    .offset = rec->offset,
	    .key = rec->key,
	    .key_len = rec->key_len,
	    .raw = rec->value,
	    .raw_len = rec->value_len,
	    .attempts = tried ? t->attempt : 0,
	    .delay_ms =
		tried ? psm__backoff_ms(0, PSM__PARK_BASE_MS, PSM__PARK_CAP_MS)
		      : 0,
	    .code = t->code,
	};

	p.event_id = psm_event_id(t->ev);
	p.type = psm_event_type_as_sent(t->ev);
	p.causation_id = psm_event_causation_id(t->ev);
	p.correlation_id = psm_event_correlation_id(t->ev);
	p.traceparent = psm_event_traceparent(t->ev);
	p.tracestate = psm_event_tracestate(t->ev);
	p.reason = tried ? psm_error_message(l->fail) : NULL;
	if (tried)
		psm__log(PSM_LOG_INFO, "event is parked", "consumer",
		         l->pr->name, "topic", rec->topic, "reason", p.reason,
		         NULL);
	return psm__parked_add(tx, &p, l->err);
}

/* -- the call */

/* Longer than a statement may take: only a server that is gone is given up. */
#define PATIENCE_MS 30000

int
psm__timeout_queue(psm_tx *tx, int timeout_ms, psm_error *err)
{
	char sql[60];

	(void)snprintf(sql, sizeof sql, "SET LOCAL statement_timeout = %d",
	               timeout_ms);
	return psm__tx_queue(tx, sql, 0, NULL, NULL, err);
}

/* By the handlers' deadlines: 0 if one of them has none. */
static int
longest_silence_ms(const psm_processor *pr)
{
	int64_t longest = 0;
	size_t i;

	for (i = 0; i < pr->dispatch.count; i++) {
		int ms = pr->dispatch.handlers[i].options.deadline_ms;

		if (ms == 0)
			return 0;
		longest = ms > longest ? ms : longest;
	}
	longest *= PSM__SILENCE;
	return longest < INT_MAX ? (int)longest : INT_MAX;
}

int
psm__limits_queue(psm_processor *pr, psm_tx *tx, psm_error *err)
{
	char sql[100];
	int rc;

	(void)snprintf(sql, sizeof sql,
	               "SET LOCAL idle_in_transaction_session_timeout = %d",
	               longest_silence_ms(pr));
	rc = psm__timeout_queue(tx, PSM__TIMEOUT_MS, err);
	return rc < 0 ? rc : psm__tx_queue(tx, sql, 0, NULL, NULL, err);
}

/* The handler's statements end at its deadline: each travels behind this, the
 * claim of the event was before it. */
static int
limit_statements(struct psm__strand *l, psm_tx *tx,
                 const struct psm__handler *h)
{
	int deadline_ms = h->options.deadline_ms;

	if (deadline_ms == PSM__TIMEOUT_MS)
		return 0;
	psm__tx_limits(tx,
	               deadline_ms > 0 && deadline_ms < INT_MAX - PATIENCE_MS
	                   ? deadline_ms + PATIENCE_MS
	                   : INT_MAX,
	               &l->pr->worker.cancel);
	return psm__timeout_queue(tx, deadline_ms, l->err);
}

/* After its effects were kept: going back to the savepoint does it by itself.
 */
static int
unlimit_statements(struct psm__strand *l, psm_tx *tx,
                   const struct psm__handler *h)
{
	return h->options.deadline_ms == PSM__TIMEOUT_MS
	           ? 0
	           : psm__timeout_queue(tx, PSM__TIMEOUT_MS, l->err);
}

/* Not now: or never, by what its handler wants. */
static void
put_off(const struct psm__handler *h, struct psm__tried *t)
{
	t->outcome = PSM__LATER;
	if (!h)
		return;
	t->policy = h->options.on_failure;
	t->max_attempts = h->options.max_attempts;
	if (t->policy == PSM_ON_FAILURE_REJECT ||
	    (t->max_attempts > 0 && t->attempt >= t->max_attempts))
		t->outcome = PSM__DEAD;
}

/* The handler has returned rc. 0, or the reason to roll back. */
static int
settle(struct psm__strand *l, psm_tx *tx, const struct psm__handler *h, int rc,
       struct psm__tried *t)
{
	enum psm__verdict v;

	/* What fails says so by psm__tx_failed. */
	if (l->careful && rc == 0 && psm__tx_failed(tx) == 0)
		(void)psm__tx_check_deferred(tx, l->fail);
	else if (l->careful && psm__tx_lazy(tx) && psm__tx_failed(tx) == 0)
		(void)psm__tx_sync(tx, NULL);
	l->unsure |= psm__tx_lazy(tx);
	v = psm__judge(psm__tx_failed(tx), &rc);
	t->code = rc;
	if (v != PSM__FINE && l->unsure)
		return psm__fail(l->err, rc, "a statement failed: %s",
		                 psm_strerror(rc));
	if (v == PSM__FINE) {
		t->outcome = PSM__HANDLED;
		rc = psm__tx_release(tx, MARK, l->err);
		return rc < 0 ? rc : unlimit_statements(l, tx, h);
	}
	if (v == PSM__SYSTEM) {
		if (psm_error_code(l->fail) != 0)
			psm__error_copy(l->err, l->fail);
		return psm__fail(l->err, rc, "handler: %s", psm_strerror(rc));
	}
	if (psm__tx_rollback_to(tx, MARK, l->err) < 0 ||
	    psm__tx_release(tx, MARK, l->err) < 0)
		return psm_error_code(l->err);
	if (v == PSM__PERMANENT)
		t->outcome = PSM__DEAD;
	else
		put_off(h, t);
	return 0;
}

/* Claim the event and run its handler. */
static int
call(struct psm__strand *l, psm_tx *tx, const struct psm__record *rec,
     psm_event *ev, const struct psm__handler *h, struct psm__tried *t)
{
	int64_t began_us, over_ms;
	int fresh, rc;

	/* SAVEPOINT, behind the RELEASE of the event before, shares a round
	 * trip with the claim, or with what the handler does. */
	rc = psm__tx_savepoint(tx, MARK, l->err);
	fresh = l->claimed;
	if (rc == 0 && !fresh)
		rc = psm__inbox_claim(tx, l->pr->name, psm_event_id(ev), &fresh,
		                      l->err);
	if (rc < 0)
		return rc;
	if (!fresh) {
		t->outcome = PSM__DUPLICATE;
		return psm__tx_release(tx, MARK, l->err);
	}
	rc = limit_statements(l, tx, h);
	if (rc < 0)
		return rc;
	psm__error_clear(l->fail);
	psm__dispatch_arm(ev, h, t->attempt);
	began_us = psm__mono_us();
	psm__tx_lend(tx, 1);
	psm__tx_set_cause(tx, ev);
	rc = ((psm_tx_event_fn)h->fn)(tx, ev, h->user, l->fail);
	rc = psm__dispatch_result(ev, h, rc, l->fail);
	psm__tx_set_cause(tx, NULL);
	psm__tx_lend(tx, 0);
	psm__tx_cancel(tx, &l->pr->worker.cancel);
	t->called = 1;
	psm__processor_timed(l->pr, h, psm__mono_us() - began_us);
	over_ms = psm__dispatch_overrun(ev);
	if (over_ms > 0)
		psm__trouble_late(l->pr, rec, over_ms);
	return settle(l, tx, h, rc, t);
}

/* Through the upcasters to the handler. */
static int
dispatch(struct psm__strand *l, psm_tx *tx, const struct psm__record *rec,
         struct psm__tried *t)
{
	const struct psm__handler *h = NULL;
	psm_event *upcast = NULL;
	int rc;

	rc = psm__dispatch_route(&l->pr->dispatch, t->ev, &upcast, &h, l->fail);
	if (rc == PSM_ERR_NOMEM) {
		rc = psm__nomem(l->err);
	} else if (rc < 0) {
		t->code = rc;
		t->outcome = PSM__DEAD;
		/* As if the handler had said so, for the breaker too. */
		t->called = rc == PSM_ERR_RETRY;
		if (t->called)
			put_off(h, t);
		rc = 0;
	} else if (h) {
		rc = call(l, tx, rec, upcast ? upcast : t->ev, h, t);
	}
	psm_event_free(upcast);
	return rc;
}

int
psm__try(struct psm__strand *l, psm_tx *tx, const struct psm__record *rec,
         int attempt, struct psm__tried *t)
{
	int rc;

	*t = (struct psm__tried){.outcome = PSM__SKIPPED, .attempt = attempt};
	psm__error_clear(l->fail);
	if (!rec->value) /* its key is gone: nothing is said */
		return 0;
	t->ev = l->ready;
	l->ready = NULL;
	rc = t->ev ? 0 : psm__record_parse(rec, &t->ev, l->fail);
	if (rc == PSM_ERR_NOMEM)
		return psm__nomem(l->err);
	if (rc < 0) {
		t->code = rc;
		t->outcome = PSM__DEAD;
		return 0;
	}
	psm__event_set_attempt(t->ev, attempt); /* for upcasters */
	return dispatch(l, tx, rec, t);
}

void
psm__tried_free(struct psm__tried *t)
{
	psm_event_free(t->ev);
	t->ev = NULL;
}
