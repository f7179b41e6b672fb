/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages that were gone before they were read, and recreated topics. */
#include "flow/processor/processor_int.h"

#include <stdio.h>
#include <string.h>

/* How long the health speaks of a gap. */
#define GAP_MS (15 * 60 * 1000)

/* -- a log that was recreated */

/* Say in the row that the new log is read from restart_at on. */
static int
move_row(psm_processor *pr, struct psm__part *p, psm_tx *tx)
{
	struct psm__place at = psm__part_place(pr, p);
	psm_rows *moved = NULL;
	int64_t row = -1, incarnation = 0;
	int rc = psm__offset_read(tx, &at, &row, &incarnation, NULL);
	int done = incarnation != 0 && incarnation == p->incarnation;

	if (rc == 0 && !done && row > p->restart_at) {
		rc = psm__offset_move(tx, &at, row, p->restart_at, pr->owner,
		                      &moved, NULL);
		if (rc == 0)
			rc = psm__tx_sync(tx, NULL);
		if (rc == 0 && psm_rows_affected(moved) == 0)
			rc = PSM_ERR_FENCED;
		psm_rows_free(moved);
		row = p->restart_at;
	}
	/* Otherwise another process has moved it, or there is no row. */
	if (rc == 0)
		p->next = row;
	return rc;
}

int
psm__part_restart(psm_processor *pr, struct psm__part *p)
{
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(pr->st, &tx, NULL);

	if (rc == 0) {
		psm__tx_cancel(tx, &pr->worker.cancel);
		rc = psm__limits_queue(tx, PSM__TIMEOUT_MS, pr->silence_ms,
		                       NULL);
		if (rc == 0)
			rc = move_row(pr, p, tx);
		if (rc == 0)
			rc = psm_tx_commit(tx, NULL);
		else
			psm_tx_rollback(tx);
	}
	if (rc == 0) {
		psm__part_set_state(p, PSM__PART_KNOWN);
		p->from_earliest = p->next < 0;
		return 0;
	}
	/* Without the row nothing can be handled: read it again when there is
	 * one. */
	psm__part_forget_row(p);
	p->reread = p->restart_at;
	return rc;
}

/* -- what the source says */

/* known: messages of it that were counted before; the gap is not new then. */
static void
count_gap(psm_processor *pr, const struct psm__gap *gap, int64_t known)
{
	int recreated = gap->from >= gap->to;

	(void)pthread_mutex_lock(&pr->lock);
	pr->gaps += known == 0;
	pr->gap_messages += psm__gap_messages(gap) - known;
	pr->gap_at_ms = psm__mono_ms();
	(void)snprintf(
	    pr->gap_where, sizeof pr->gap_where,
	    recreated
		? "%.80s[%d]: deleted and recreated, read until %lld, goes on "
		  "at %lld"
		: "%.80s[%d]: %lld to %lld are gone, never read",
	    gap->topic, (int)gap->partition, (long long)gap->from,
	    (long long)(recreated ? gap->to : gap->to - 1));
	(void)pthread_mutex_unlock(&pr->lock);
	if (known == 0)
		psm__metric_add(psm__counter("psymatch_processor_gaps_total",
		                             "consumer", pr->name,
		                             "Times that messages were gone "
		                             "before they were read."),
		                1);
}

/* Going back to a message that is tried again meets a gap once more, with what
 * was dropped behind that message. */
static void
note_hole(psm_processor *pr, struct psm__part *p, const struct psm__gap *gap)
{
	struct psm__gap all = *gap;
	int64_t known = 0;

	if (p && gap->from < p->gap_to && p->gap_from < gap->to) {
		known = p->gap_to - p->gap_from;
		if (p->gap_from < all.from)
			all.from = p->gap_from;
		if (p->gap_to > all.to)
			all.to = p->gap_to;
	}
	count_gap(pr, &all, known);
	if (p) {
		p->gap_from = all.from;
		p->gap_to = all.to;
	}
}

/* Messages that were read are of the deleted topic, like the row. */
static void
set_recreated(psm_processor *pr, struct psm__part *p, int64_t to)
{
	p->gap_from = p->gap_to = -1;
	psm__part_reread(pr, p, to);
	psm__part_set_state(p, PSM__PART_RECREATED);
	p->restart_at = to;
}

/* Without a number the row was written where logs had none, which tells nothing
 * of this one; only a group that goes with the topic and knows nothing of it
 * has lost it with the old one. */
static int
is_recreated(const psm_processor *pr, const struct psm__part *p,
             int64_t incarnation)
{
	if (p->next <= 0 || p->incarnation == 0)
		return 0;
	if (incarnation != 0)
		return incarnation != p->incarnation;
	return pr->t->ops->keeps_groups && p->committed == -1;
}

int
psm__part_check_incarnation(psm_processor *pr, struct psm__part *p,
                            int64_t incarnation)
{
	struct psm__gap gap = {
	    .topic = p->topic, .partition = p->partition, .from = p->next};

	if (!is_recreated(pr, p, incarnation))
		return 0;
	psm__source_log_gap(pr->name, &gap);
	count_gap(pr, &gap, 0);
	set_recreated(pr, p, 0);
	return 1;
}

void
psm__processor_gap(const struct psm__gap *gap, void *user)
{
	psm_processor *pr = user;
	struct psm__part *p = psm__part_find(pr, gap->topic, gap->partition);

	if (gap->from < gap->to) {
		note_hole(pr, p, gap);
		return;
	}
	count_gap(pr, gap, 0);
	if (!p)
		return;
	set_recreated(pr, p, gap->to);
	p->reread = PSM__NOT_AGAIN;     /* the source is there */
	p->incarnation = 0;             /* the next assignment tells */
	(void)psm__part_restart(pr, p); /* if not now, then before reading */
}

void
psm__part_tell_earliest(psm_processor *pr, const struct psm__part *p)
{
	char at[32], come[32];

	if (p->committed <= 0) /* 0: all is to come, -1: it is new */
		return;
	(void)snprintf(at, sizeof at, "%d", (int)p->partition);
	(void)snprintf(come, sizeof come, "%lld", (long long)p->committed);
	psm__log(PSM_LOG_WARN,
	         "the database has no offset of a partition that the group has "
	         "read: it is read again from the earliest message",
	         "consumer", pr->name, "topic", p->topic, "partition", at,
	         "read until", come, NULL);
	(void)pthread_mutex_lock(&pr->lock);
	pr->gap_at_ms = psm__mono_ms();
	(void)snprintf(pr->gap_where, sizeof pr->gap_where,
	               "%.80s[%d]: no offset in the database, read again from "
	               "the earliest message; the group had come to %lld",
	               p->topic, (int)p->partition, (long long)p->committed);
	(void)pthread_mutex_unlock(&pr->lock);
}

int
psm__gap_health(const psm_processor *pr, char *reason, size_t size)
{
	if (!pr->gap_at_ms || psm__mono_ms() - pr->gap_at_ms >= GAP_MS)
		return PSM_HEALTH_GREEN;
	(void)snprintf(reason, size, "%s: %s", pr->name, pr->gap_where);
	return PSM_HEALTH_AMBER;
}
