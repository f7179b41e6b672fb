/* SPDX-License-Identifier: BSD-2-Clause */
/* Parked events are tried again, in batches: some keys, of each the first one
 * and those behind it until one is not done. */
#include "flow/processor/processor_int.h"

#include <stdio.h>
#include <string.h>

/* How often to look for one that is due, and to measure how many there are. */
#define LOOK_MS 500
#define MEASURE_MS 1000
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
	    t->outcome == PSM__HELD
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

/* It stays, and is not tried again until a handler takes its type. */
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

/* Those of one transaction. */
struct batch {
	size_t most;
	struct psm__parked_list list;
	struct psm__item items[PSM__BATCH_MAX], *of[PSM__BATCH_MAX];
	int64_t done[PSM__BATCH_MAX]; /* rows that go at its end */
	size_t done_count;
	size_t count; /* that were picked; stays when the list is freed */
	int64_t id;   /* of the first one */
};

/* The row goes only if the event is handled, or a row elsewhere. */
static int
settle(psm_processor *pr, psm_tx *tx, struct batch *b, size_t i,
       const struct psm__tried *t)
{
	const struct psm__parked *p = &b->list.events[i];

	switch (t->outcome) {
	case PSM__HANDLED:
	case PSM__DUPLICATE:
		b->done[b->done_count++] = p->id;
		return 0;
	case PSM__DEAD:
		b->done[b->done_count++] = p->id;
		return psm__tried_dead_letter(&pr->main, tx,
		                              &b->items[i].record, t);
	case PSM__SKIPPED:
		return keep(pr, tx, p, t);
	default:
		return put_off(pr, tx, p, t);
	}
}

/* 1: it is done, the next of its key may follow. 0: it stays. */
static int
try_one(psm_processor *pr, psm_tx *tx, struct batch *b, size_t i)
{
	struct psm__worker_tx *w = &pr->main;
	struct psm__tried t;
	int stays, rc = psm__worker_tx_try(w, tx, b->of[i],
	                                   b->list.events[i].attempts + 1, &t);

	stays = t.outcome == PSM__PARKED || t.outcome == PSM__HELD;
	if (rc == 0)
		rc = settle(pr, tx, b, i, &t);
	/* What stays for want of a handler was not skipped. */
	if (rc == 0 && t.outcome != PSM__SKIPPED)
		w->outcomes[stays ? PSM__RETRY : t.outcome]++;
	stays |= t.outcome == PSM__SKIPPED;
	psm__tried_free(&t);
	return rc < 0 ? rc : !stays;
}

static int
is_same_key(const struct psm__parked *a, const struct psm__parked *b)
{
	return a->key_len == b->key_len &&
	       memcmp(a->key, b->key, a->key_len) == 0;
}

/* Those of one key, from *i on; *i is then behind them. */
static int
try_key(psm_processor *pr, psm_tx *tx, struct batch *b, size_t *i)
{
	const struct psm__parked *events = b->list.events, *first = &events[*i];
	int rc = 1;

	for (; *i < b->count && is_same_key(first, &events[*i]); (*i)++) {
		if (rc == 1)
			rc = events[*i].held ? 0 : try_one(pr, tx, b, *i);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* All keys, then one statement for the rows that go. */
static int
try_all(psm_processor *pr, psm_tx *tx, struct batch *b)
{
	struct psm__worker_tx *w = &pr->main;
	size_t i;
	int rc;

	for (i = 0; i < b->count; i++) {
		b->items[i] = (struct psm__item){
		    .record = record_of(&b->list.events[i]), .parked = 1};
		b->of[i] = &b->items[i];
	}
	rc = psm__worker_tx_claim(w, tx, b->of, b->count);
	for (i = 0; rc == 0 && i < b->count;)
		rc = try_key(pr, tx, b, &i);
	rc = psm__worker_tx_unclaim(w, tx, b->of, b->count, rc);
	if (rc == 0 && b->done_count > 0)
		rc = psm__parked_done(tx, b->done, b->done_count, pr->err);
	return rc;
}

/* -- how many there are */

static int
ask_sum(psm_processor *pr, struct psm__parked_sum *sum)
{
	struct psm__parked_whose whose = whose_of(pr);
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(pr->st, &tx, pr->err);

	if (rc < 0)
		return rc;
	psm__tx_cancel(tx, &pr->worker.cancel);
	rc = psm__limits_queue(tx, PSM__TIMEOUT_MS, pr->silence_ms, pr->err);
	if (rc == 0)
		rc = psm__parked_measure(tx, &whose, sum, pr->err);
	psm_tx_rollback(tx);
	return rc;
}

void
psm__parked_show(psm_processor *pr)
{
	struct psm__parked_sum sum;
	int news;

	if (psm__mono_ms() < pr->measure_at_ms)
		return;
	psm__error_clear(pr->err);
	if (ask_sum(pr, &sum) < 0) {
		psm__log(PSM_LOG_DEBUG, "parked events could not be counted",
		         "consumer", pr->name, "reason",
		         psm_error_message(pr->err), NULL);
		pr->measure_at_ms = psm__mono_ms() + MEASURE_MS;
		return;
	}
	pr->measure_at_ms = psm__mono_ms() + MEASURE_MS;
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
}

/* -- batches */

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
		return; /* without a database no event has a turn */
	psm__tx_cancel(tx, &pr->worker.cancel);
	rc = psm__limits_queue(tx, PSM__TIMEOUT_MS, pr->silence_ms, NULL);
	if (rc == 0)
		rc = psm__parked_postpone(tx, id, delay_ms, NULL);
	if (rc == 0)
		rc = psm_tx_commit(tx, NULL);
	else
		psm_tx_rollback(tx);
	if (rc < 0)
		psm__log(PSM_LOG_DEBUG, "a parked event could not be postponed",
		         "consumer", pr->name, "reason", psm_strerror(rc),
		         NULL);
}

static int
run_once(psm_processor *pr, struct batch *b)
{
	struct psm__parked_whose whose = whose_of(pr);
	psm_tx *tx = NULL;
	int rc = psm__worker_tx_begin(&pr->main, &tx);

	b->count = b->done_count = 0;
	if (rc == 0)
		rc = psm__parked_pick(tx, &whose, b->most, &b->list, pr->err);
	if (rc == 0 && b->list.count > 0) {
		b->count = b->list.count;
		b->id = b->list.events[0].id;
		rc = try_all(pr, tx, b);
	}
	rc = psm__worker_tx_end(&pr->main, tx, rc);
	psm__parked_free(&b->list);
	return rc;
}

static int
run_batch(psm_processor *pr, struct batch *b)
{
	int rc;

	pr->main.await_each = 0;
	do
		rc = run_once(pr, b);
	while (psm__worker_tx_again(&pr->main, rc));
	return rc;
}

/* Whose fault it was is not known: each is tried alone, and who fails alone
 * comes behind the others. */
static int
after_failure(psm_processor *pr, const struct batch *b, int rc)
{
	pr->parked_batch_size = 1;
	pr->parked_at_ms = psm__mono_ms();
	if (b->count > 1)
		return rc;
	pr->parked_at_ms += LOOK_MS;
	if (b->count == 1 && psm__circuit_allow(pr, 1) > 0)
		postpone(pr, b->id);
	return rc;
}

int
psm__retry_due(psm_processor *pr, int most)
{
	struct batch b = {.most = (size_t)most};
	int64_t began_ms = psm__mono_ms();
	int rc;

	pr->parked_more = 0;
	if (began_ms < pr->parked_at_ms)
		return 0;
	if (b.most > (size_t)pr->parked_batch_size)
		b.most = (size_t)pr->parked_batch_size;
	psm__error_clear(pr->err);
	rc = run_batch(pr, &b);
	if (rc < 0)
		return after_failure(pr, &b, rc);
	if (b.count == 0) {
		pr->parked_at_ms = began_ms + LOOK_MS;
		return 0;
	}
	psm__circuit_committed(pr);
	pr->parked_more = 1;
	pr->parked_batch_size =
	    psm__batch_size(pr->parked_batch_size, PSM__BATCH_MAX, b.count,
	                    psm__mono_ms() - began_ms);
	return 0;
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
		               "%s: %lld event%s parked, %lld of them wait%s "
		               "for a person, the oldest for %lld s",
		               pr->name, (long long)p->count,
		               p->count == 1 ? " is" : "s are",
		               (long long)p->held, PSM__VERB_S(p->held),
		               (long long)(p->oldest_ms / 1000));
	else
		return PSM_HEALTH_GREEN;
	return PSM_HEALTH_AMBER;
}
