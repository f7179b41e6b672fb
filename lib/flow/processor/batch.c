/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/processor/processor_int.h"

#include <string.h>

/* While another process takes a partition over, its row can change under us: so
 * many times it is read again before that is a failure. */
#define FENCED_MAX 3

/* -- which partitions, from where to where */

static int
is_used(const struct psm__part *p)
{
	return p->use == PSM__PART_IN_BATCH;
}

static void
find_parts(psm_processor *pr)
{
	size_t i;

	for (i = 0; i < pr->part_count; i++) {
		if (is_used(&pr->parts[i]))
			psm__part_set_use(pr, &pr->parts[i],
			                  PSM__PART_ASSIGNED);
		pr->parts[i].stopped = NULL;
	}
	for (i = 0; i < pr->batch.count; i++) {
		struct psm__item *it = &pr->batch.items[i];
		struct psm__part *p = &pr->parts[it->part];

		it->wait = PSM__NO_WAIT;
		if (it->gone)
			continue;
		/* There was no memory for it when it was assigned. */
		if (p->use == PSM__PART_AWAY)
			psm__part_set_use(pr, p, PSM__PART_ASSIGNED);
		if (!is_used(p))
			p->first = it->record.offset;
		psm__part_set_use(pr, p, PSM__PART_IN_BATCH);
		p->resume = it->record.offset + 1;
	}
}

/* Messages below offset have been handled, by us or by another one. */
static void
drop_items(psm_processor *pr, const struct psm__part *p, int64_t below)
{
	size_t i;

	for (i = 0; i < pr->batch.count; i++) {
		struct psm__item *it = &pr->batch.items[i];

		if (&pr->parts[it->part] == p && it->record.offset < below)
			it->gone = 1;
	}
}

/* The source began behind the row, e.g. after a backup was restored: all that was
 * read is dropped, also a message that is to be tried again. */
static void
go_to(psm_processor *pr, struct psm__part *p, int64_t from)
{
	int64_t next = p->next;

	psm__part_reread(pr, p, from);
	p->next = next;
	psm__part_set_state(p, PSM__PART_KNOWN);
	find_parts(pr);
}

/* Compare where the source reads with what the row says. */
static int
place_part(psm_processor *pr, psm_tx *tx, struct psm__part *p)
{
	struct psm__place at = psm__part_place(pr, p);
	int fresh = !psm__part_is_known(p);
	int64_t incarnation;
	int rc;

	if (fresh) {
		rc = psm__offset_read(tx, &at, &p->next, &incarnation, pr->err);
		if (rc < 0)
			return rc;
		if (psm__part_check_incarnation(pr, p, incarnation)) {
			/* Nothing before the row is moved. */
			find_parts(pr);
			return 0;
		}
		psm__part_set_state(p, PSM__PART_KNOWN);
	}
	if (p->next < 0 && !p->from_earliest && fresh) {
		go_to(pr, p, PSM__EARLIEST);
		p->from_earliest = 1;
		psm__part_tell_earliest(pr, p);
	}
	if (p->next >= 0) {
		p->from_earliest = 0;
		drop_items(pr, p, p->next);
		find_parts(pr);
	}
	if (p->next >= 0 && is_used(p) && fresh && p->first > p->next &&
	    p->first != p->gap_to)
		go_to(pr, p, p->next);
	return 0;
}

static int
place_parts(psm_processor *pr, psm_tx *tx)
{
	size_t i;
	int rc = 0;

	find_parts(pr);
	for (i = 0; i < pr->part_count && rc == 0; i++)
		if (is_used(&pr->parts[i]))
			rc = place_part(pr, tx, &pr->parts[i]);
	return rc;
}

/* Move the offsets before anything else: the compare-and-set locks the rows, and
 * fails if another process has moved them. claim 1: nothing has been handled
 * yet, so they stay where they are, but are ours. */
static int
fence(psm_processor *pr, psm_tx *tx, int claim)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < pr->part_count && rc == 0; i++) {
		struct psm__part *p = &pr->parts[i];
		struct psm__place at = psm__part_place(pr, p);
		int64_t to = p->next >= 0 ? p->next : p->first;

		if (is_used(p))
			rc = psm__offset_move(tx, &at, p->next,
			                      claim ? to : p->resume, pr->owner,
			                      &p->moved, pr->err);
	}
	/* Behind the moves: they may have waited for another one's workers, who
	 * parked something. */
	if (rc == 0)
		rc = psm__worker_tx_ask(&pr->main, tx);
	if (rc == 0)
		rc = psm__tx_sync(tx, pr->err);
	for (i = 0; i < pr->part_count; i++) {
		struct psm__part *p = &pr->parts[i];

		if (rc == 0 && is_used(p) && psm_rows_affected(p->moved) == 0) {
			psm__part_forget_row(p);
			rc = psm__fail(pr->err, PSM_ERR_FENCED, PSM__FENCED);
		}
	}
	for (i = 0; i < pr->part_count; i++) {
		psm_rows_free(pr->parts[i].moved);
		pr->parts[i].moved = NULL;
	}
	return rc;
}

/* -- where a partition stopped */

/* At the first message of it that did. */
static void
find_stops(psm_processor *pr)
{
	size_t i;

	for (i = 0; i < pr->batch.count; i++) {
		struct psm__item *it = &pr->batch.items[i];
		struct psm__part *p = &pr->parts[it->part];

		if (it->gone || !it->wait || p->stopped)
			continue;
		p->stopped = it;
		p->resume = it->record.offset;
	}
}

/* The offset of a partition that stopped is the message at which it did. */
static int
put_back(psm_processor *pr, psm_tx *tx)
{
	size_t i;
	int rc = 0;

	find_stops(pr);
	for (i = 0; i < pr->part_count && rc == 0; i++) {
		struct psm__part *p = &pr->parts[i];
		struct psm__place at = psm__part_place(pr, p);

		if (is_used(p) && p->stopped)
			rc = psm__offset_set(tx, &at, p->resume, pr->err);
	}
	return rc;
}

/* What was settled out of order is below the offsets now. */
static int
forget_passed(psm_processor *pr, psm_tx *tx)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < pr->part_count && rc == 0; i++) {
		struct psm__part *p = &pr->parts[i];
		struct psm__place at = psm__part_place(pr, p);

		if (is_used(p))
			rc = psm__out_of_order_clear(tx, &at, p->resume,
			                             pr->err);
	}
	return rc;
}

/* -- by this thread alone: offsets and effects in one transaction */

static int
run_once(psm_processor *pr)
{
	struct psm__worker_tx *w = &pr->main;
	psm_tx *tx = NULL;
	size_t i;
	int rc = psm__worker_tx_begin(w, &tx);

	w->count = 0;
	w->stops = 0;
	if (rc == 0)
		rc = place_parts(pr, tx);
	if (rc == 0)
		rc = fence(pr, tx, 0);
	if (rc == 0) {
		psm__worker_tx_saw(w);
		for (i = 0; i < pr->batch.count; i++)
			if (!pr->batch.items[i].gone)
				w->items[w->count++] = &pr->batch.items[i];
		rc = psm__worker_tx_handle(w, tx, 0, w->count);
	}
	if (rc == 0)
		rc = put_back(pr, tx);
	if (rc == 0 && w->out_of_order)
		rc = forget_passed(pr, tx);
	return psm__worker_tx_end(w, tx, rc);
}

static int
run_alone(psm_processor *pr)
{
	int rc;

	pr->main.await_each = 0;
	do
		rc = run_once(pr);
	while (psm__worker_tx_again(&pr->main, rc));
	return rc;
}

/* -- by the workers: each a transaction of its own, then the offsets. Events
 * that are read again because that was not reached are in the inbox, and what
 * was settled out of order is remembered. */

/* Write our name into the rows before the first worker begins. */
static int
claim(psm_processor *pr)
{
	struct psm__worker_tx *w = &pr->main;
	psm_tx *tx = NULL;
	size_t i;
	int rc = psm__worker_tx_begin(w, &tx);

	if (rc == 0)
		rc = place_parts(pr, tx);
	if (rc == 0)
		rc = fence(pr, tx, 1);
	rc = psm__worker_tx_end(w, tx, rc);
	for (i = 0; i < pr->part_count && rc == 0; i++) {
		struct psm__part *p = &pr->parts[i];

		if (!is_used(p))
			continue;
		psm__part_set_state(p, PSM__PART_CLAIMED);
		if (p->next < 0)
			p->next = p->first;
	}
	return rc;
}

static int
move(psm_processor *pr)
{
	struct psm__worker_tx *w = &pr->main;
	psm_tx *tx = NULL;
	int rc = psm__worker_tx_begin(w, &tx);

	if (rc == 0)
		rc = fence(pr, tx, 0);
	if (rc == 0)
		rc = forget_passed(pr, tx);
	return psm__worker_tx_end(w, tx, rc);
}

static int
is_claimed(const psm_processor *pr)
{
	size_t i;

	for (i = 0; i < pr->part_count; i++)
		if (is_used(&pr->parts[i]) &&
		    pr->parts[i].state != PSM__PART_CLAIMED)
			return 0;
	return 1;
}

static int
run_beside(psm_processor *pr)
{
	int rc;

	find_parts(pr);
	rc = is_claimed(pr) ? place_parts(pr, NULL) : claim(pr);
	if (rc == 0)
		rc = psm__workers_run(pr);
	if (rc < 0)
		return rc;
	find_stops(pr);
	return move(pr);
}

/* -- the batch */

int
psm__batch_run(psm_processor *pr)
{
	int i, rc = PSM_ERR_FENCED;

	for (i = 0; i < FENCED_MAX && rc == PSM_ERR_FENCED; i++) {
		psm__error_clear(pr->err);
		if (pr->pool && pr->batch.count > 1)
			rc = run_beside(pr);
		else
			rc = run_alone(pr);
	}
	return rc;
}
