/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/processor_int.h"

#include <stdio.h>
#include <string.h>

/* A handler's statement may take this long; longer work is not for a handler.
 */
#define TIMEOUT_SQL "SET LOCAL statement_timeout = 30000"
/* Two that fight for a partition: read the row again this often before taking
 * it for trouble. */
#define FENCED_MAX 3

#define MARK "psm_event"
/* A message of psm_error and the place before it. */
#define REASON_SIZE 560

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
	if (p->in_batch && !p->placed && p->first > p->next) {
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

/* Why it is dead; with the place where it could not be read. */
static void
explain(const psm_processor *pr, const psm_event *ev, int code, char *reason,
        size_t size)
{
	const char *text = psm_error_message(pr->fail);

	if (!text[0])
		text = psm_strerror(code);
	if (!ev && psm_error_line(pr->fail) > 0)
		(void)snprintf(reason, size, "line %u, column %u: %s",
		               psm_error_line(pr->fail),
		               psm_error_column(pr->fail), text);
	else
		(void)snprintf(reason, size, "%s", text);
}

static int
bury(psm_processor *pr, psm_tx *tx, const struct psm__item *it,
     const psm_event *ev, int code)
{
	const struct psm__part *p = &pr->parts[it->part];
	char reason[REASON_SIZE];
	struct psm__dead_letter d = {
	    .at = {pr->name, p->topic, p->partition},
	    .offset = it->record.offset,
	    .key = it->record.key,
	    .key_len = it->record.key_len,
	    .raw = it->record.value,
	    .raw_len = it->record.value_len,
	    .event_id = ev ? psm_event_id(ev) : NULL,
	    .type = ev ? psm_event_type_as_sent(ev) : NULL,
	    .code = code,
	    .reason = reason,
	    .pointer = psm_error_pointer(pr->fail),
	};

	explain(pr, ev, code, reason, sizeof reason);
	pr->batch.outcomes[PSM__DEAD]++;
	psm__log(PSM_LOG_WARN, "event goes to the dead letters", "consumer",
	         pr->name, "topic", p->topic, "code", psm_error_name(code),
	         NULL);
	return psm__dead_letter_add(tx, &d, pr->err);
}

/* The partition waits for this message; it and what follows it in the batch is
 * not handled now. */
static void
stop_at(psm_processor *pr, struct psm__item *it)
{
	struct psm__part *p = &pr->parts[it->part];

	p->stopped = it;
	p->resume = it->record.offset;
	pr->batch.outcomes[PSM__LATER]++;
	psm__log(PSM_LOG_INFO, "event will be tried again", "consumer",
	         pr->name, "topic", p->topic, "reason",
	         psm_error_message(pr->fail), NULL);
}

/* The handler has returned rc. 0, or the reason to roll back the batch. */
static int
settle(psm_processor *pr, psm_tx *tx, struct psm__item *it, const psm_event *ev,
       int rc)
{
	enum psm__verdict v = psm__judge(psm__tx_failed(tx), &rc);

	if (v == PSM__FINE) {
		pr->batch.outcomes[PSM__HANDLED]++;
		return psm__tx_release(tx, MARK, pr->err);
	}
	if (v == PSM__SYSTEM) {
		if (psm_error_code(pr->fail) != 0)
			psm__error_copy(pr->err, pr->fail);
		return psm__fail(pr->err, rc, "handler: %s", psm_strerror(rc));
	}
	if (psm__tx_rollback_to(tx, MARK, pr->err) < 0 ||
	    psm__tx_release(tx, MARK, pr->err) < 0)
		return psm_error_code(pr->err);
	if (v == PSM__PERMANENT)
		return bury(pr, tx, it, ev, rc);
	stop_at(pr, it);
	return 0;
}

/* Claim the event and run its handler. */
static int
dispatch(psm_processor *pr, psm_tx *tx, struct psm__item *it,
         const psm_event *ev, const struct psm__handler *h)
{
	int64_t began_us;
	int fresh, rc;

	/* SAVEPOINT and the claim, behind the RELEASE of the event before,
	 * share one round trip. */
	rc = psm__tx_savepoint(tx, MARK, pr->err);
	if (rc == 0)
		rc = psm__inbox_claim(tx, pr->name, psm_event_id(ev), &fresh,
		                      pr->err);
	if (rc < 0)
		return rc;
	if (!fresh) {
		pr->batch.outcomes[PSM__DUPLICATE]++;
		return psm__tx_release(tx, MARK, pr->err);
	}
	psm__error_clear(pr->fail);
	began_us = psm__mono_us();
	psm__tx_lend(tx, 1);
	rc = ((psm_tx_event_fn)h->fn)(tx, ev, h->user, pr->fail);
	psm__tx_lend(tx, 0);
	psm__processor_timed(pr, h, psm__mono_us() - began_us);
	return settle(pr, tx, it, ev, rc);
}

/* 0, or the reason to roll back the batch. */
static int
handle(psm_processor *pr, psm_tx *tx, struct psm__item *it)
{
	const struct psm__handler *h;
	psm_event *ev = NULL;
	int rc;

	psm__error_clear(pr->fail);
	if (!it->record.value) { /* its key is gone: nothing is said */
		pr->batch.outcomes[PSM__SKIPPED]++;
		return 0;
	}
	rc = psm__record_parse(&it->record, &ev, pr->fail);
	if (rc == PSM_ERR_NOMEM)
		return psm__nomem(pr->err);
	if (rc < 0)
		return bury(pr, tx, it, NULL, rc);
	h = psm__dispatch_find(&pr->dispatch, psm_event_type(ev),
	                       psm_event_version(ev));
	if (h)
		rc = dispatch(pr, tx, it, ev, h);
	else
		pr->batch.outcomes[PSM__SKIPPED]++;
	psm_event_free(ev);
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
	psm_tx *tx = NULL;
	int rc;

	memset(pr->batch.outcomes, 0, sizeof pr->batch.outcomes);
	psm__error_clear(pr->err);
	rc = psm_tx_begin(pr->st, &tx, pr->err);
	if (rc < 0)
		return rc;
	psm__tx_cancel(tx, &pr->worker.cancel);
	rc = psm__tx_queue(tx, TIMEOUT_SQL, 0, NULL, NULL, pr->err);
	if (rc == 0)
		rc = place_parts(pr, tx);
	if (rc == 0)
		rc = fence(pr, tx);
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
