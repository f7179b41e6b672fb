/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/processor_int.h"

#include <stdio.h>
#include <string.h>

/* Two that fight for a partition: read the row again this often before taking
 * it for trouble. */
#define FENCED_MAX 3

/* Where the offset is kept. */
static struct psm__place
place_of(const psm_processor *pr, const struct psm__part *p)
{
	return (struct psm__place){pr->name, p->log, p->partition};
}

/* -- which partitions, from where to where */

static void
find_parts(psm_processor *pr)
{
	size_t i;

	for (i = 0; i < pr->part_count; i++) {
		pr->parts[i].in_batch = 0;
		pr->parts[i].stopped = NULL;
		pr->parts[i].stop_full = PSM__ROOM;
	}
	for (i = 0; i < pr->batch.count; i++) {
		const struct psm__item *it = &pr->batch.items[i];
		struct psm__part *p = &pr->parts[it->part];

		if (it->gone)
			continue;
		if (!p->in_batch)
			p->first = it->record.offset;
		p->in_batch = 1;
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

/* Compare where the source reads with what the row says. */
static int
place_part(psm_processor *pr, psm_tx *tx, struct psm__part *p)
{
	struct psm__place at = place_of(pr, p);
	int rc;

	if (!p->known) {
		rc = psm__offset_read(tx, &at, &p->next, pr->err);
		if (rc < 0)
			return rc;
		p->known = 1;
	}
	if (p->next < 0) {
		p->placed = 1;
		return 0;
	}
	drop_items(pr, p, p->next);
	find_parts(pr);
	if (p->in_batch && !p->placed && p->first > p->next &&
	    p->first != p->gap_to) {
		/* The source began too late, e.g. after a restored backup. */
		drop_items(pr, p, INT64_MAX);
		p->reread = p->next;
		find_parts(pr);
	}
	p->placed = 1;
	return 0;
}

static int
place_parts(psm_processor *pr, psm_tx *tx)
{
	size_t i;
	int rc = 0;

	find_parts(pr);
	for (i = 0; i < pr->part_count && rc == 0; i++)
		if (pr->parts[i].in_batch)
			rc = place_part(pr, tx, &pr->parts[i]);
	return rc;
}

/* Move the offsets before anything else: who does not hold the row's lock with
 * the row's value is not the owner any more. */
static int
fence(psm_processor *pr, psm_tx *tx)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < pr->part_count && rc == 0; i++) {
		struct psm__part *p = &pr->parts[i];
		struct psm__place at = place_of(pr, p);

		if (p->in_batch)
			rc = psm__offset_move(tx, &at, p->next, p->resume,
			                      pr->owner, &p->moved, pr->err);
	}
	if (rc == 0)
		rc = psm__tx_sync(tx, pr->err);
	for (i = 0; i < pr->part_count; i++) {
		struct psm__part *p = &pr->parts[i];

		if (rc == 0 && p->in_batch &&
		    psm_rows_affected(p->moved) == 0) {
			psm__part_doubt(p);
			rc = psm__fail(pr->err, PSM_ERR_FENCED,
			               "another consumer has moved the offset");
		}
	}
	for (i = 0; i < pr->part_count; i++) {
		psm_rows_free(pr->parts[i].moved);
		pr->parts[i].moved = NULL;
	}
	return rc;
}

/* -- one message */

/* The partition waits for this message; it and what follows it in the batch is
 * not handled now. */
static void
stop_at(psm_processor *pr, struct psm__item *it, enum psm__full full)
{
	struct psm__part *p = &pr->parts[it->part];

	p->stopped = it;
	p->stop_full = full;
	p->resume = it->record.offset;
	pr->batch.outcomes[PSM__LATER]++;
	if (full == PSM__ROOM)
		psm__log(PSM_LOG_INFO, "event will be tried again", "consumer",
		         pr->name, "topic", p->topic, "reason",
		         psm_error_message(pr->fail), NULL);
}

/* Put it aside as the first one of its key. */
static int
park(psm_processor *pr, psm_tx *tx, struct psm__item *it,
     const struct psm__tried *t)
{
	int64_t keys;
	int rc =
	    psm__parked_keys(tx, pr->name, pr->parked_keys_max, &keys, pr->err);

	if (rc < 0)
		return rc;
	if (keys >= pr->parked_keys_max) {
		stop_at(pr, it, PSM__FULL_KEYS);
		return 0;
	}
	pr->batch.gated = 1; /* those behind it wait for it */
	pr->batch.outcomes[PSM__PARKED]++;
	return psm__tried_park(pr, tx, &it->record, t, 1);
}

static int
settle(psm_processor *pr, psm_tx *tx, struct psm__item *it,
       const struct psm__tried *t)
{
	if (t->outcome == PSM__LATER) {
		if (t->policy == PSM_ON_FAILURE_PARK)
			return park(pr, tx, it, t);
		stop_at(pr, it, PSM__ROOM);
		return 0;
	}
	pr->batch.outcomes[t->outcome]++;
	if (t->outcome == PSM__DEAD)
		return psm__tried_bury(pr, tx, &it->record, t);
	return 0;
}

/* 1: it waits behind others of its key, which are parked. */
static int
queue_behind(psm_processor *pr, psm_tx *tx, struct psm__item *it)
{
	struct psm__tried t = {.outcome = PSM__PARKED};
	int64_t count;
	int rc;

	if (!pr->batch.gated || !it->record.value)
		return 0;
	rc = psm__parked_gate(tx, pr->name, it->record.key, it->record.key_len,
	                      pr->parked_key_max, &count, pr->err);
	if (rc < 0 || count == 0)
		return rc;
	if (count >= pr->parked_key_max) {
		stop_at(pr, it, PSM__FULL_KEY);
		return 1;
	}
	pr->batch.outcomes[PSM__PARKED]++;
	rc = psm__tried_park(pr, tx, &it->record, &t, 0);
	return rc < 0 ? rc : 1;
}

/* 0, or the reason to roll back the batch. */
static int
handle(psm_processor *pr, psm_tx *tx, struct psm__item *it)
{
	const struct psm__part *p = &pr->parts[it->part];
	struct psm__tried t;
	int rc = queue_behind(pr, tx, it);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = psm__try(pr, tx, &it->record, it->held ? (int)p->attempt + 1 : 1,
	              &t);
	if (rc == 0)
		rc = psm__guard_feed(pr, &it->record, &t);
	if (rc == 0)
		rc = settle(pr, tx, it, &t);
	psm__tried_free(&t);
	return rc;
}

/* -- the batch */

static int
handle_all(psm_processor *pr, psm_tx *tx)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < pr->batch.count && rc == 0; i++) {
		struct psm__item *it = &pr->batch.items[i];

		if (!it->gone && !pr->parts[it->part].stopped)
			rc = handle(pr, tx, it);
	}
	return rc;
}

/* Partitions that stopped on the way go on where they stopped. */
static int
put_back(psm_processor *pr, psm_tx *tx)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < pr->part_count && rc == 0; i++) {
		struct psm__part *p = &pr->parts[i];
		struct psm__place at = place_of(pr, p);

		if (p->in_batch && p->stopped)
			rc = psm__offset_set(tx, &at, p->resume, pr->err);
	}
	return rc;
}

static int
run_once(psm_processor *pr)
{
	psm_rows *parked = NULL;
	psm_tx *tx = NULL;
	int rc;

	memset(pr->batch.outcomes, 0, sizeof pr->batch.outcomes);
	psm__error_clear(pr->err);
	rc = psm_tx_begin(pr->st, &tx, pr->err);
	if (rc < 0)
		return rc;
	psm__tx_cancel(tx, &pr->worker.cancel);
	rc = psm__limits_queue(pr, tx, pr->err);
	if (rc == 0)
		rc = psm__parked_any(tx, pr->name, &parked, pr->err);
	if (rc == 0)
		rc = place_parts(pr, tx);
	if (rc == 0)
		rc = fence(pr, tx);
	pr->batch.gated = rc == 0 && psm_rows_int(parked, 0, 0) == 1;
	psm_rows_free(parked);
	if (rc == 0)
		rc = handle_all(pr, tx);
	if (rc == 0)
		rc = put_back(pr, tx);
	if (rc < 0) {
		psm_tx_rollback(tx);
		return rc;
	}
	return psm_tx_commit(tx, pr->err);
}

int
psm__batch_run(psm_processor *pr)
{
	int i, rc = PSM_ERR_FENCED;

	for (i = 0; i < FENCED_MAX && rc == PSM_ERR_FENCED; i++)
		rc = run_once(pr);
	return rc;
}
