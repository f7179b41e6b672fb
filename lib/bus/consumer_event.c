/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of one record: handled, skipped, dead, or again later. */
#include <stdio.h>

#include "bus/consumer_int.h"

static void
count(int64_t *mine, struct psm__metric *ours)
{
	__atomic_add_fetch(mine, 1, __ATOMIC_RELAXED);
	psm__metric_add(ours, 1);
}

int
psm__consumer_counts(psm_consumer *c)
{
	struct psm__consumer_counts *n = &c->counts;

	n->m_handled =
	    psm__counter("psymatch_consumer_handled_total", "group", c->group,
	                 "Events whose handler returned 0, by consumer group.");
	n->m_retried = psm__counter(
	    "psymatch_consumer_retried_total", "group", c->group,
	    "Times that a handler asked for another try, by consumer group.");
	n->m_dead =
	    psm__counter("psymatch_consumer_dead_total", "group", c->group,
	                 "Messages given up for good, by consumer group.");
	n->m_skipped =
	    psm__counter("psymatch_consumer_skipped_total", "group", c->group,
	                 "Null values and events without a handler, by "
	                 "consumer group.");
	n->m_lag = psm__gauge("psymatch_consumer_lag", "group", c->group,
	                      "Messages not handled yet, by consumer group; "
	                      "-1 if unknown.");
	return n->m_handled && n->m_retried && n->m_dead && n->m_skipped &&
	               n->m_lag
	           ? 0
	           : PSM_ERR_NOMEM;
}

/* The log gets the origin and the code only: reason is the application's text
 * and may name a person. */
static void
bury(psm_consumer *c, const struct psm__record *rec, int code,
     const char *reason)
{
	char where[32];

	count(&c->counts.dead, c->counts.m_dead);
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

static int
call_handler(psm_consumer *c, const struct psm__record *rec,
             const struct psm__handler *h, const psm_event *ev)
{
	psm_event_fn fn = (psm_event_fn)h->fn;
	const char *reason;
	int rc = fn(ev, h->user, c->err);

	if (rc == 0) {
		count(&c->counts.handled, c->counts.m_handled);
		return 0;
	}
	if (rc == PSM_ERR_RETRY)
		return rc;
	if (rc > 0) /* not a result a handler may give */
		rc = PSM_ERR_REJECT;
	reason = psm_error_message(c->err);
	bury(c, rec, rc, reason && *reason ? reason : psm_strerror(rc));
	return 0;
}

int
psm__consumer_handle(psm_consumer *c, const struct psm__record *rec)
{
	const struct psm__handler *h;
	psm_event *ev = NULL;
	int rc;

	if (!rec->value) { /* a tombstone: nothing is said */
		count(&c->counts.skipped, c->counts.m_skipped);
		return 0;
	}
	rc = psm__record_parse(rec, &ev, c->err);
	if (rc == PSM_ERR_NOMEM) /* our fault, not the event's */
		return PSM_ERR_RETRY;
	if (rc < 0) {
		bury(c, rec, rc, psm_error_message(c->err));
		return 0;
	}
	psm__error_clear(c->err);
	h = psm__dispatch_find(&c->dispatch, psm_event_type(ev));
	if (h)
		rc = call_handler(c, rec, h, ev);
	else
		count(&c->counts.skipped, c->counts.m_skipped);
	psm_event_free(ev);
	return rc;
}
