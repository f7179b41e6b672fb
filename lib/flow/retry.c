/* SPDX-License-Identifier: BSD-2-Clause */
/* Parked events are tried again: the first one of each key. */
#include "flow/processor_int.h"

#include <stdio.h>
#include <string.h>

/* How often to look for one that is due. */
#define LOOK_MS 500
/* Without a limit by its handler: so many tries, some hours, then a person has
 * to look at it. */
#define TRIES_MAX 30
/* The step of the backoff after a failure of the system. */
#define POSTPONED 4

static struct psm__parked_whose
whose_of(const psm_processor *pr)
{
	return (struct psm__parked_whose){pr->name, pr->types, pr->type_count};
}

static struct psm__record
record_of(const struct psm__parked *p)
{
	return (struct psm__record){
	    .topic = p->topic,
	    .partition = p->partition,
	    .offset = p->offset,
	    .timestamp_ms = -1,
	    .key = p->key,
	    .key_len = p->key_len,
	    .value = p->raw,
	    .value_len = p->raw_len,
	    .headers = p->headers,
	    .header_count = p->header_count,
	};
}

static int
put_off(psm_processor *pr, psm_tx *tx, const struct psm__parked *p,
        const struct psm__tried *t)
{
	int delay_ms =
	    t->attempt >= TRIES_MAX && t->max_attempts == 0
		? -1
		: psm__backoff_ms((unsigned)p->attempts, PSM__PARK_BASE_MS,
	                          PSM__PARK_CAP_MS);

	if (delay_ms < 0)
		psm__log(PSM_LOG_ERROR,
		         "a parked event is held until a person releases it",
		         "consumer", pr->name, "topic", p->topic, NULL);
	return psm__parked_later(tx, p->id, delay_ms, t->code,
	                         psm_error_message(pr->main.fail), pr->err);
}

/* It stays, and is not looked at again until somebody has its handler. */
static int
keep(psm_processor *pr, psm_tx *tx, const struct psm__parked *p,
     const struct psm__tried *t)
{
	static const char why[] = "the row has no bytes";

	/* The row says what is to be looked at. */
	if (t->ev)
		return psm__parked_set_type(
		    tx, p->id, psm_event_type_as_sent(t->ev), pr->err);
	return psm__parked_later(tx, p->id, -1, PSM_ERR_SCHEMA, why, pr->err);
}

/* The row goes only if the event is handled, or a row elsewhere. */
static int
settle(psm_processor *pr, psm_tx *tx, const struct psm__parked *p,
       const struct psm__record *rec, const struct psm__tried *t)
{
	int rc;

	switch (t->outcome) {
	case PSM__HANDLED:
	case PSM__DUPLICATE:
		return psm__parked_done(tx, pr->name, p, pr->err);
	case PSM__DEAD:
		rc = psm__parked_done(tx, pr->name, p, pr->err);
		return rc < 0 ? rc : psm__tried_bury(&pr->main, tx, rec, t);
	case PSM__SKIPPED:
		return keep(pr, tx, p, t);
	default:
		return put_off(pr, tx, p, t);
	}
}

static int
try_one(psm_processor *pr, psm_tx *tx, const struct psm__parked *p,
        enum psm__outcome *outcome)
{
	struct psm__record rec = record_of(p);
	struct psm__tried t;
	int rc;

	pr->main.unsure = 0;
	pr->main.good_count = 0;
	pr->main.careful = 1;
	rc = psm__try(&pr->main, tx, &rec, p->attempts + 1, &t);

	if (rc == 0)
		rc = psm__guard_feed(&pr->main, &rec, &t);
	if (rc == 0) {
		*outcome = t.outcome;
		rc = settle(pr, tx, p, &rec, &t);
	}
	psm__tried_free(&t);
	return rc;
}

/* Nothing is due: what is there? */
static int
measure(psm_processor *pr, psm_tx *tx)
{
	struct psm__parked_whose whose = whose_of(pr);
	struct psm__parked_sum sum;
	int news, rc = psm__parked_measure(tx, &whose, &sum, pr->err);

	if (rc < 0)
		return rc;
	(void)pthread_mutex_lock(&pr->lock);
	news = sum.unhandled > pr->parked.unhandled;
	pr->parked = sum;
	(void)pthread_mutex_unlock(&pr->lock);
	if (news)
		psm__log(PSM_LOG_WARN,
		         "parked events wait: no handler takes their type",
		         "consumer", pr->name, "type", sum.type, NULL);
	psm__metric_set(psm__gauge("psymatch_processor_parked", "consumer",
	                           pr->name,
	                           "Events that wait to be tried again."),
	                sum.count);
	psm__metric_set(psm__gauge("psymatch_processor_parked_oldest_seconds",
	                           "consumer", pr->name,
	                           "Age of the oldest parked event."),
	                sum.oldest_ms / 1000);
	return 0;
}

/* It failed for no fault of its own; the others' turn comes first, else they
 * would never have one if it fails like that for ever. Not a try. */
static void
postpone(psm_processor *pr, int64_t id)
{
	int delay_ms =
	    psm__backoff_ms(POSTPONED, PSM__PARK_BASE_MS, PSM__RETRY_CAP_MS);
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(pr->st, &tx, NULL);

	if (rc < 0)
		return; /* then nobody has a turn */
	psm__tx_cancel(tx, &pr->worker.cancel);
	rc = psm__limits_queue(pr, tx, NULL);
	if (rc == 0)
		rc = psm__parked_postpone(tx, id, delay_ms, NULL);
	if (rc == 0)
		rc = psm_tx_commit(tx, NULL);
	else
		psm_tx_rollback(tx);
	if (rc < 0)
		psm__log(PSM_LOG_DEBUG, "a parked event keeps its turn",
		         "consumer", pr->name, "reason", psm_strerror(rc),
		         NULL);
}

/* *id: of the one that was picked, 0: none. 1: it was tried. */
static int
turn(psm_processor *pr, int64_t *id)
{
	struct psm__parked_whose whose = whose_of(pr);
	struct psm__parked p = {0};
	enum psm__outcome outcome = PSM__LATER;
	psm_tx *tx = NULL;
	int rc;

	rc = psm_tx_begin(pr->st, &tx, pr->err);
	if (rc < 0)
		return rc;
	psm__tx_cancel(tx, &pr->worker.cancel);
	rc = psm__limits_queue(pr, tx, pr->err);
	if (rc == 0)
		rc = psm__parked_pick(tx, &whose, &p, pr->err);
	*id = p.id;
	if (rc == 0)
		rc = measure(pr, tx);
	else if (rc == 1)
		rc = try_one(pr, tx, &p, &outcome) < 0 ? psm_error_code(pr->err)
		                                       : 1;
	psm__parked_free(&p);
	if (rc <= 0) {
		psm_tx_rollback(tx);
		return rc;
	}
	rc = psm_tx_commit(tx, pr->err);
	if (rc < 0)
		return rc;
	psm__guard_kept(&pr->main);
	psm__guard_committed(pr);
	/* Not before: it may not have been. What stays was not skipped. */
	if (outcome != PSM__SKIPPED)
		pr->main.done[outcome]++;
	return 1;
}

int
psm__retry_due(psm_processor *pr, int most)
{
	int64_t id = 0;
	int rc = 1, i;

	if (psm__mono_ms() < pr->parked_at_ms)
		return 0;
	for (i = 0; i < most && rc == 1; i++) {
		psm__error_clear(pr->err);
		rc = turn(pr, &id);
	}
	if (rc < 1)
		pr->parked_at_ms = psm__mono_ms() + LOOK_MS;
	if (rc >= 0)
		return 0;
	if (id > 0 && psm__guard_allow(pr, 1) > 0)
		postpone(pr, id);
	return rc;
}

int
psm__parked_health(const psm_processor *pr, char *reason, size_t size)
{
	const struct psm__parked_sum *p = &pr->parked;

	if (p->unhandled > 0)
		(void)snprintf(reason, size,
		               "%s: no handler takes %s: %lld parked events "
		               "of it wait for one, %lld of all such types",
		               pr->name, p->type,
		               (long long)p->unhandled_of_type,
		               (long long)p->unhandled);
	else if (p->count > 0)
		(void)snprintf(reason, size,
		               "%s: %lld events are parked, %lld of them wait "
		               "for a person, the oldest for %lld s",
		               pr->name, (long long)p->count,
		               (long long)p->held,
		               (long long)(p->oldest_ms / 1000));
	else
		return PSM_HEALTH_GREEN;
	return PSM_HEALTH_AMBER;
}
