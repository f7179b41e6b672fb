/* SPDX-License-Identifier: BSD-2-Clause */
/* The messages that one thread handles in one transaction. */
#include "flow/processor/processor_int.h"

#include <string.h>
#include <strings.h>

#include "base/crc32c.h"

/* The partition waits for this message: neither it nor those behind it in the
 * batch are handled now. */
static void
stop_at(struct psm__worker_tx *w, struct psm__item *it,
        enum psm__part_wait wait)
{
	it->wait = wait;
	w->stops = 1;
	w->outcomes[PSM__RETRY]++;
	if (wait == PSM__WAIT_RETRY)
		psm__log(PSM_LOG_INFO, "event will be tried again", "consumer",
		         w->pr->name, "topic", it->record.topic, "reason",
		         psm_error_message(w->fail), NULL);
}

/* 1: its partition has stopped before it. */
static int
is_behind_stop(const struct psm__worker_tx *w, size_t i)
{
	size_t k;

	for (k = 0; w->stops && k < i; k++)
		if (w->items[k]->wait && w->items[k]->part == w->items[i]->part)
			return 1;
	return 0;
}

/* -- events that were settled out of order: before the offset reached them */

static struct psm__out_of_order
out_of_order_of(const struct psm__worker_tx *w, const struct psm__item *it)
{
	return (struct psm__out_of_order){
	    .at = {w->pr->name, w->pr->parts[it->part].log,
	           it->record.partition, 0},
	    .offset = it->record.offset,
	    .checksum = psm__crc32c(0, it->record.value, it->record.value_len),
	};
}

/* It is dead or parked now. Its inbox row is not there, so that it can be
 * released; this row is, until the offset has passed it. */
static int
remember(struct psm__worker_tx *w, psm_tx *tx, const struct psm__item *it)
{
	struct psm__out_of_order a = out_of_order_of(w, it);

	return w->beside ? psm__out_of_order_add(tx, &a, w->err) : 0;
}

/* 1: it was settled out of order before. */
static int
was_out_of_order(struct psm__worker_tx *w, psm_tx *tx,
                 const struct psm__item *it)
{
	struct psm__out_of_order a = out_of_order_of(w, it);
	int found = 0, rc = 0;

	if (w->out_of_order)
		rc = psm__out_of_order_has(tx, &a, &found, w->err);
	return rc < 0 ? rc : found;
}

/* -- one message */

static int
add_parked(struct psm__worker_tx *w, psm_tx *tx, const struct psm__item *it,
           const struct psm__tried *t, int tried)
{
	int rc = remember(w, tx, it);

	w->outcomes[PSM__PARKED]++;
	return rc < 0 ? rc : psm__tried_park(w, tx, &it->record, t, tried);
}

/* Park it as the first one of its key. */
static int
park(struct psm__worker_tx *w, psm_tx *tx, struct psm__item *it,
     const struct psm__tried *t)
{
	int64_t most = w->pr->parked_keys_max, keys;
	int rc = psm__parked_keys(tx, w->pr->name, most, &keys, w->err);

	if (rc < 0)
		return rc;
	if (keys >= most) {
		stop_at(w, it, PSM__WAIT_KEYS);
		return 0;
	}
	w->has_parked = 1; /* those behind it wait for it */
	return add_parked(w, tx, it, t, 1);
}

static int
settle(struct psm__worker_tx *w, psm_tx *tx, struct psm__item *it,
       const struct psm__tried *t)
{
	int rc;

	if (t->outcome == PSM__PARKED)
		return park(w, tx, it, t);
	if (t->outcome == PSM__RETRY) {
		stop_at(w, it, PSM__WAIT_RETRY);
		return 0;
	}
	w->outcomes[t->outcome]++;
	if (t->outcome != PSM__DEAD)
		return 0;
	rc = remember(w, tx, it);
	return rc < 0 ? rc : psm__tried_dead_letter(w, tx, &it->record, t);
}

/* 1: it waits behind others of its key, which are parked. */
static int
queue_behind(struct psm__worker_tx *w, psm_tx *tx, struct psm__item *it)
{
	struct psm__tried t = {.outcome = PSM__PARKED};
	int64_t most = w->pr->parked_key_max, count;
	int rc;

	if (!w->has_parked || !it->record.value)
		return 0;
	rc = psm__parked_of_key(tx, w->pr->name, it->record.key,
	                        it->record.key_len, most, &count, w->err);
	if (rc < 0 || count == 0)
		return rc;
	if (!it->ev &&
	    psm__record_parse(&it->record, &it->ev, NULL) == PSM_ERR_NOMEM)
		return psm__nomem(w->err);
	/* An event without a handler is skipped now as it would be then. One that
	 * cannot be read waits for its turn. */
	if (it->ev &&
	    !psm__dispatch_wants(&w->pr->dispatch, psm_event_type(it->ev)))
		return 0;
	if (count >= most) {
		stop_at(w, it, PSM__WAIT_KEY);
		return 1;
	}
	t.ev = it->ev; /* still its own */
	rc = add_parked(w, tx, it, &t, 0);
	return rc < 0 ? rc : 1;
}

/* -- the inbox rows of all in one round trip, instead of one each */

/* 1: it is to be claimed with the others, and parsed. */
static int
is_claimable(struct psm__worker_tx *w, struct psm__item *it)
{
	return it->record.value &&
	       psm__record_parse(&it->record, &it->ev, NULL) == 0 &&
	       psm__dispatch_find(&w->pr->dispatch, psm_event_type(it->ev),
	                          psm_event_version(it->ev)) &&
	       strlen(psm_event_id(it->ev)) == PSM__UUID_LEN;
}

/* What is not fresh, or comes twice, is claimed again when it has its turn,
 * which tells what it is. */
int
psm__worker_tx_claim(struct psm__worker_tx *w, psm_tx *tx,
                     struct psm__item **items, size_t count)
{
	const char *ids[PSM__BATCH_MAX];
	psm_rows *rows = NULL;
	size_t i, n = 0, row = 0;
	int rc;

	for (i = 0; i < count && n < PSM__BATCH_MAX; i++)
		if (is_claimable(w, items[i]))
			ids[n++] = psm_event_id(items[i]->ev);
	if (n < 2)
		return 0;
	rc = psm__inbox_claim_all(tx, w->pr->name, ids, n, &rows, w->err);
	for (i = 0; i < count && rc == 0 && row < psm_rows_count(rows); i++) {
		struct psm__item *it = items[i];

		/* They come in the order of the list. */
		if (it->ev && strcasecmp(psm_event_id(it->ev),
		                         psm_rows_text(rows, row, 0)) == 0) {
			it->claimed = 1;
			row++;
		}
	}
	psm_rows_free(rows);
	return rc;
}

/* It was not handled: without its inbox row it can be handled later. */
static int
unclaim(struct psm__worker_tx *w, psm_tx *tx, struct psm__item *it,
        const psm_event *ev)
{
	if (!it->claimed)
		return 0;
	it->claimed = 0;
	return psm__inbox_unclaim(tx, w->pr->name, psm_event_id(ev), w->err);
}

int
psm__worker_tx_unclaim(struct psm__worker_tx *w, psm_tx *tx,
                       struct psm__item **items, size_t count, int rc)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct psm__item *it = items[i];

		if (rc == 0 && it->ev)
			rc = unclaim(w, tx, it, it->ev);
		it->claimed = 0;
		psm_event_free(it->ev);
		it->ev = NULL;
	}
	return rc;
}

int
psm__worker_tx_try(struct psm__worker_tx *w, psm_tx *tx, struct psm__item *it,
                   int attempt, struct psm__tried *t)
{
	int rc;

	w->ready = it->ev;
	w->claimed = it->claimed;
	it->ev = NULL;
	rc = psm__try(w, tx, it, attempt, t);
	w->claimed = 0;
	if (rc == 0 && t->outcome == PSM__HANDLED)
		it->claimed = 0; /* for good */
	if (rc == 0)
		rc = unclaim(w, tx, it, t->ev);
	if (rc == 0)
		rc = psm__circuit_feed(w, &it->record, t);
	return rc;
}

/* 0, or the reason to roll back. */
static int
handle(struct psm__worker_tx *w, psm_tx *tx, struct psm__item *it)
{
	const struct psm__part *p = &w->pr->parts[it->part];
	struct psm__tried t;
	int rc = was_out_of_order(w, tx, it);

	if (rc == 1)
		w->outcomes[PSM__DUPLICATE]++;
	if (rc == 0)
		rc = queue_behind(w, tx, it);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = psm__worker_tx_try(w, tx, it, it->kept ? (int)p->attempt + 1 : 1,
	                        &t);
	if (rc == 0)
		rc = settle(w, tx, it, &t);
	psm__tried_free(&t);
	return rc;
}

int
psm__worker_tx_handle(struct psm__worker_tx *w, psm_tx *tx, size_t from,
                      size_t to)
{
	struct psm__item **items = &w->items[from];
	size_t i, count = to - from;
	int rc = 0;

	/* While events are parked, many will not have their turn. */
	if (!w->has_parked && !w->out_of_order && count <= PSM__BATCH_MAX)
		rc = psm__worker_tx_claim(w, tx, items, count);
	for (i = from; i < to && rc == 0; i++)
		if (!is_behind_stop(w, i))
			rc = handle(w, tx, w->items[i]);
	return psm__worker_tx_unclaim(w, tx, items, count, rc);
}

/* -- its transaction */

int
psm__worker_tx_begin(struct psm__worker_tx *w, psm_tx **tx)
{
	int rc;

	memset(w->outcomes, 0, sizeof w->outcomes);
	w->failed = w->unattributed = 0;
	w->good_count = 0;
	rc = psm_tx_begin(w->pr->st, tx, w->err);
	if (rc < 0)
		return rc;
	psm__tx_cancel(*tx, &w->pr->worker.cancel);
	return psm__limits_queue(*tx, PSM__TIMEOUT_MS, w->pr->silence_ms,
	                         w->err);
}

int
psm__worker_tx_ask(struct psm__worker_tx *w, psm_tx *tx)
{
	return psm__parked_any(tx, w->pr->name, &w->asked, w->err);
}

void
psm__worker_tx_saw(struct psm__worker_tx *w)
{
	w->has_parked = psm_rows_int(w->asked, 0, 0) == 1;
	w->out_of_order = psm_rows_int(w->asked, 0, 1) == 1;
}

static void
add(int64_t *to, const int64_t *more)
{
	size_t i;

	for (i = 0; i < PSM__N_COUNTED; i++)
		to[i] += more[i];
}

int
psm__worker_tx_again(struct psm__worker_tx *w, int rc)
{
	if (rc == 0 || !w->unattributed || w->await_each)
		return 0;
	w->await_each = 1;
	psm__error_clear(w->err);
	return 1;
}

static int
commit(struct psm__worker_tx *w, psm_tx *tx)
{
	int rc = psm_tx_commit(tx, w->err);

	/* A constraint or a trigger that is deferred: some event is refused. */
	if (psm__classify(rc) == PSM__FAILURE_PERMANENT)
		w->unattributed = 1;
	return rc;
}

int
psm__worker_tx_end(struct psm__worker_tx *w, psm_tx *tx, int rc)
{
	if (rc == 0)
		rc = psm__circuit_check(w);
	if (rc < 0)
		psm_tx_rollback(tx);
	else
		rc = commit(w, tx);
	/* Not before: a question that was queued is answered by a rollback. */
	psm_rows_free(w->asked);
	w->asked = NULL;
	if (rc < 0)
		return rc;
	psm__circuit_kept(w);
	add(w->done, w->outcomes);
	return 0;
}

void
psm__worker_tx_count(struct psm__worker_tx *w, int64_t *outcomes)
{
	add(outcomes, w->done);
	memset(w->done, 0, sizeof w->done);
}

/* -- life */

int
psm__worker_tx_init(struct psm__worker_tx *w, psm_processor *pr, psm_error *err)
{
	w->pr = pr;
	w->err = psm_error_new();
	w->fail = psm_error_new();
	w->items =
	    psm__array(PSM__BATCH_MAX * (size_t)pr->workers, sizeof *w->items);
	return w->err && w->fail && w->items ? 0 : psm__nomem(err);
}

void
psm__worker_tx_destroy(struct psm__worker_tx *w)
{
	psm_error_free(w->err);
	psm_error_free(w->fail);
	psm__free(w->items);
}
