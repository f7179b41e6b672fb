/* SPDX-License-Identifier: BSD-2-Clause */
/* The messages that one thread handles in one transaction. */
#include "flow/processor/processor_int.h"

#include <string.h>
#include <strings.h>

#include "base/crc32c.h"

/* The partition waits for this message; it and what follows it here is not
 * handled now. */
static void
stop_at(struct psm__strand *l, struct psm__item *it, enum psm__full full)
{
	it->stopped = 1;
	it->full = full;
	l->stops = 1;
	l->outcomes[PSM__LATER]++;
	if (full == PSM__ROOM)
		psm__log(PSM_LOG_INFO, "event will be tried again", "consumer",
		         l->pr->name, "topic", it->record.topic, "reason",
		         psm_error_message(l->fail), NULL);
}

/* 1: its partition has stopped before it. */
static int
is_behind_stop(const struct psm__strand *l, size_t i)
{
	size_t k;

	for (k = 0; l->stops && k < i; k++)
		if (l->items[k]->stopped &&
		    l->items[k]->part == l->items[i]->part)
			return 1;
	return 0;
}

/* -- what was put aside while the offset stayed before it */

static struct psm__ahead
ahead_of(const struct psm__strand *l, const struct psm__item *it)
{
	return (struct psm__ahead){
	    .at = {l->pr->name, l->pr->parts[it->part].log,
	           it->record.partition, 0},
	    .offset = it->record.offset,
	    .checksum = psm__crc32c(0, it->record.value, it->record.value_len),
	};
}

/* It is dead or parked now. Its inbox row is not there, so that it can be
 * released; this row is, until the offset has passed it. */
static int
remember(struct psm__strand *l, psm_tx *tx, const struct psm__item *it)
{
	struct psm__ahead a = ahead_of(l, it);

	return l->beside ? psm__ahead_add(tx, &a, l->err) : 0;
}

/* 1: it has been put aside before. */
static int
is_aside(struct psm__strand *l, psm_tx *tx, const struct psm__item *it)
{
	struct psm__ahead a = ahead_of(l, it);
	int found = 0, rc = 0;

	if (l->ahead)
		rc = psm__ahead_has(tx, &a, &found, l->err);
	return rc < 0 ? rc : found;
}

/* -- one message */

static int
put_aside(struct psm__strand *l, psm_tx *tx, const struct psm__item *it,
          const struct psm__tried *t, int tried)
{
	int rc = remember(l, tx, it);

	l->outcomes[PSM__PARKED]++;
	return rc < 0 ? rc : psm__tried_park(l, tx, &it->record, t, tried);
}

/* Put it aside as the first one of its key. */
static int
park(struct psm__strand *l, psm_tx *tx, struct psm__item *it,
     const struct psm__tried *t)
{
	int64_t most = l->pr->parked_keys_max, keys;
	int rc = psm__parked_keys(tx, l->pr->name, most, &keys, l->err);

	if (rc < 0)
		return rc;
	if (keys >= most) {
		stop_at(l, it, PSM__FULL_KEYS);
		return 0;
	}
	l->has_parked = 1; /* those behind it wait for it */
	return put_aside(l, tx, it, t, 1);
}

static int
settle(struct psm__strand *l, psm_tx *tx, struct psm__item *it,
       const struct psm__tried *t)
{
	int rc;

	if (t->outcome == PSM__LATER) {
		if (t->policy == PSM_ON_FAILURE_PARK)
			return park(l, tx, it, t);
		stop_at(l, it, PSM__ROOM);
		return 0;
	}
	l->outcomes[t->outcome]++;
	if (t->outcome != PSM__DEAD)
		return 0;
	rc = remember(l, tx, it);
	return rc < 0 ? rc : psm__tried_bury(l, tx, &it->record, t);
}

/* 1: it waits behind others of its key, which are parked. */
static int
queue_behind(struct psm__strand *l, psm_tx *tx, struct psm__item *it)
{
	struct psm__tried t = {.outcome = PSM__PARKED};
	int64_t most = l->pr->parked_key_max, count;
	int rc;

	if (!l->has_parked || !it->record.value)
		return 0;
	rc = psm__parked_gate(tx, l->pr->name, it->record.key,
	                      it->record.key_len, most, &count, l->err);
	if (rc < 0 || count == 0)
		return rc;
	if (!it->ev &&
	    psm__record_parse(&it->record, &it->ev, NULL) == PSM_ERR_NOMEM)
		return psm__nomem(l->err);
	/* What nobody handles is skipped now as it would be then. One that
	 * cannot be read waits for its turn. */
	if (it->ev &&
	    !psm__dispatch_wants(&l->pr->dispatch, psm_event_type(it->ev)))
		return 0;
	if (count >= most) {
		stop_at(l, it, PSM__FULL_KEY);
		return 1;
	}
	t.ev = it->ev; /* still its own */
	rc = put_aside(l, tx, it, &t, 0);
	return rc < 0 ? rc : 1;
}

/* -- the inbox rows of all in one round trip, instead of one each */

/* 1: it is to be claimed with the others, and parsed. */
static int
is_claimable(struct psm__strand *l, struct psm__item *it)
{
	return it->record.value &&
	       psm__record_parse(&it->record, &it->ev, NULL) == 0 &&
	       psm__dispatch_find(&l->pr->dispatch, psm_event_type(it->ev),
	                          psm_event_version(it->ev)) &&
	       strlen(psm_event_id(it->ev)) == PSM__UUID_LEN;
}

/* What is not fresh, or comes twice, is claimed again when it has its turn,
 * which tells what it is. */
int
psm__strand_claim(struct psm__strand *l, psm_tx *tx, struct psm__item **items,
                  size_t count)
{
	const char *ids[PSM__BATCH_MAX];
	psm_rows *rows = NULL;
	size_t i, n = 0, row = 0;
	int rc;

	for (i = 0; i < count && n < PSM__BATCH_MAX; i++)
		if (is_claimable(l, items[i]))
			ids[n++] = psm_event_id(items[i]->ev);
	if (n < 2)
		return 0;
	rc = psm__inbox_claim_all(tx, l->pr->name, ids, n, &rows, l->err);
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

/* It was not handled: it may come again. */
static int
unclaim(struct psm__strand *l, psm_tx *tx, struct psm__item *it,
        const psm_event *ev)
{
	if (!it->claimed)
		return 0;
	it->claimed = 0;
	return psm__inbox_unclaim(tx, l->pr->name, psm_event_id(ev), l->err);
}

int
psm__strand_unclaim(struct psm__strand *l, psm_tx *tx, struct psm__item **items,
                    size_t count, int rc)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct psm__item *it = items[i];

		if (rc == 0 && it->ev)
			rc = unclaim(l, tx, it, it->ev);
		it->claimed = 0;
		psm_event_free(it->ev);
		it->ev = NULL;
	}
	return rc;
}

int
psm__strand_try(struct psm__strand *l, psm_tx *tx, struct psm__item *it,
                int attempt, struct psm__tried *t)
{
	int rc;

	l->ready = it->ev;
	l->claimed = it->claimed;
	it->ev = NULL;
	rc = psm__try(l, tx, &it->record, attempt, t);
	l->claimed = 0;
	if (rc == 0 && t->outcome == PSM__HANDLED)
		it->claimed = 0; /* for good */
	if (rc == 0)
		rc = unclaim(l, tx, it, t->ev);
	if (rc == 0)
		rc = psm__guard_feed(l, &it->record, t);
	return rc;
}

/* 0, or the reason to roll back. */
static int
handle(struct psm__strand *l, psm_tx *tx, struct psm__item *it)
{
	const struct psm__part *p = &l->pr->parts[it->part];
	struct psm__tried t;
	int rc = is_aside(l, tx, it);

	if (rc == 1)
		l->outcomes[PSM__DUPLICATE]++;
	if (rc == 0)
		rc = queue_behind(l, tx, it);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = psm__strand_try(l, tx, it, it->held ? (int)p->attempt + 1 : 1, &t);
	if (rc == 0)
		rc = settle(l, tx, it, &t);
	psm__tried_free(&t);
	return rc;
}

int
psm__strand_handle(struct psm__strand *l, psm_tx *tx, size_t from, size_t to)
{
	struct psm__item **items = &l->items[from];
	size_t i, count = to - from;
	int rc = 0;

	/* Where something was put aside, many will not have their turn. */
	if (!l->has_parked && !l->ahead && count <= PSM__BATCH_MAX)
		rc = psm__strand_claim(l, tx, items, count);
	for (i = from; i < to && rc == 0; i++)
		if (!is_behind_stop(l, i))
			rc = handle(l, tx, l->items[i]);
	return psm__strand_unclaim(l, tx, items, count, rc);
}

/* -- its transaction */

int
psm__strand_begin(struct psm__strand *l, psm_tx **tx)
{
	int rc;

	memset(l->outcomes, 0, sizeof l->outcomes);
	l->failed = l->unsure = 0;
	l->good_count = 0;
	rc = psm_tx_begin(l->pr->st, tx, l->err);
	if (rc < 0)
		return rc;
	psm__tx_cancel(*tx, &l->pr->worker.cancel);
	return psm__limits_queue(l->pr, *tx, l->err);
}

int
psm__strand_ask(struct psm__strand *l, psm_tx *tx)
{
	return psm__aside_any(tx, l->pr->name, &l->asked, l->err);
}

void
psm__strand_saw(struct psm__strand *l)
{
	l->has_parked = psm_rows_int(l->asked, 0, 0) == 1;
	l->ahead = psm_rows_int(l->asked, 0, 1) == 1;
}

static void
add(int64_t *to, const int64_t *more)
{
	size_t i;

	for (i = 0; i < PSM__N_OUTCOMES; i++)
		to[i] += more[i];
}

int
psm__strand_unsure(struct psm__strand *l, int rc)
{
	if (rc == 0 || !l->unsure || l->careful)
		return 0;
	l->careful = 1;
	psm__error_clear(l->err);
	return 1;
}

static int
commit(struct psm__strand *l, psm_tx *tx)
{
	int rc = psm_tx_commit(tx, l->err), code = rc;

	/* A constraint or a trigger that is deferred: some event is refused. */
	if (psm__judge(rc, &code) == PSM__PERMANENT)
		l->unsure = 1;
	return rc;
}

int
psm__strand_end(struct psm__strand *l, psm_tx *tx, int rc)
{
	if (rc == 0)
		rc = psm__guard_check(l);
	if (rc < 0)
		psm_tx_rollback(tx);
	else
		rc = commit(l, tx);
	/* Not before: a question that was queued is answered by a rollback. */
	psm_rows_free(l->asked);
	l->asked = NULL;
	if (rc < 0)
		return rc;
	psm__guard_kept(l);
	add(l->done, l->outcomes);
	return 0;
}

void
psm__strand_count(struct psm__strand *l, int64_t *outcomes)
{
	add(outcomes, l->done);
	memset(l->done, 0, sizeof l->done);
}

/* -- life */

int
psm__strand_init(struct psm__strand *l, psm_processor *pr, psm_error *err)
{
	l->pr = pr;
	l->err = psm_error_new();
	l->fail = psm_error_new();
	l->items =
	    psm__array(PSM__BATCH_MAX * (size_t)pr->workers, sizeof *l->items);
	return l->err && l->fail && l->items ? 0 : psm__nomem(err);
}

void
psm__strand_destroy(struct psm__strand *l)
{
	psm_error_free(l->err);
	psm_error_free(l->fail);
	psm__free(l->items);
}
