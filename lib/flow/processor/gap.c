/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages that are gone before they were read, and how far behind we are. */
#include "flow/processor/processor_int.h"

#include <stdio.h>
#include <string.h>

/* How long the health speaks of a gap. */
#define GAP_MS (15 * 60 * 1000)
/* Nothing comes for so long, though it should. */
#define STALL_RED_MS 60000
/* Between two updates of the metrics. */
#define SHOW_MS 1000

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
	/* Otherwise somebody has done so, or nobody has ever been here. */
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
		rc = psm__limits_queue(pr, tx, NULL);
		if (rc == 0)
			rc = move_row(pr, p, tx);
		if (rc == 0)
			rc = psm_tx_commit(tx, NULL);
		else
			psm_tx_rollback(tx);
	}
	if (rc == 0) {
		p->recreated = 0;
		p->known = p->placed = 1;
		p->whole = p->next < 0;
		return 0;
	}
	/* Without the row nothing can be handled: read it again when there is
	 * one. */
	psm__part_doubt(p);
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

/* What is in our hands is of the old log, like the row. */
static void
set_recreated(psm_processor *pr, struct psm__part *p, int64_t to)
{
	p->gap_from = p->gap_to = -1;
	psm__part_reread(pr, p, to);
	p->recreated = 1;
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
	struct psm__part *p = psm__reader_part(pr, gap->topic, gap->partition);

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
psm__part_tell_whole(psm_processor *pr, const struct psm__part *p)
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

/* -- lag */

int64_t
psm__lag_messages(const psm_processor *pr)
{
	int64_t lag = pr->source ? pr->source->ops->lag(pr->source) : -1;

	return lag < 0
	           ? -1
	           : lag + __atomic_load_n(&pr->retrying, __ATOMIC_RELAXED) +
	                 __atomic_load_n(&pr->kept, __ATOMIC_RELAXED);
}

int64_t
psm__lag_seconds(const psm_processor *pr)
{
	int64_t waits_at = __atomic_load_n(&pr->retry_at_ms, __ATOMIC_RELAXED);
	int64_t at = __atomic_load_n(&pr->event_at_ms, __ATOMIC_RELAXED);
	int64_t lag = psm__lag_messages(pr), age;

	if (lag <= 0)
		return lag;
	/* Without a broker, what waits is not known. */
	if (!pr->source->ops->connected(pr->source))
		return -1;
	if (waits_at > 0 && (at <= 0 || waits_at < at))
		at = waits_at;
	if (at <= 0)
		return -1;
	age = psm_now_us() / 1000000 - at / 1000;
	return age > 0 ? age : 0;
}

void
psm__lag_note(psm_processor *pr)
{
	int64_t waits_at = 0, at;
	size_t i;

	for (i = 0; i < pr->batch.count; i++) {
		const struct psm__item *it = &pr->batch.items[i];

		if (!it->gone && it->record.offset < pr->parts[it->part].resume)
			__atomic_store_n(&pr->event_at_ms,
			                 it->record.timestamp_ms,
			                 __ATOMIC_RELAXED);
	}
	for (i = 0; i < pr->part_count; i++) {
		at = pr->parts[i].retrying ? pr->parts[i].record.timestamp_ms
		                           : 0;
		if (at > 0 && (waits_at == 0 || at < waits_at))
			waits_at = at;
	}
	__atomic_store_n(&pr->retry_at_ms, waits_at, __ATOMIC_RELAXED);
}

/* Does anything come of what waits? */
static void
look_for_progress(psm_processor *pr, int64_t now)
{
	int64_t progress = 0;
	int stalled;
	size_t i;

	(void)pthread_mutex_lock(&pr->lock);
	for (i = 0; i < PSM__N_OUTCOMES; i++)
		progress += pr->outcomes[i];
	progress += pr->rollbacks;
	stalled = progress == pr->progress && psm__lag_messages(pr) != 0 &&
	          __atomic_load_n(&pr->retrying, __ATOMIC_RELAXED) == 0 &&
	          pr->source && pr->source->ops->connected(pr->source);
	pr->progress = progress;
	if (!stalled)
		pr->stalled_ms = 0;
	else if (pr->stalled_ms == 0)
		pr->stalled_ms = now;
	(void)pthread_mutex_unlock(&pr->lock);
}

void
psm__stall_end(psm_processor *pr)
{
	if (pr->stalled_ms == 0) /* only set by this thread */
		return;
	(void)pthread_mutex_lock(&pr->lock);
	pr->stalled_ms = 0;
	(void)pthread_mutex_unlock(&pr->lock);
}

int
psm__stall_health(const psm_processor *pr, char *reason, size_t size)
{
	int64_t since = psm__mono_ms() - pr->stalled_ms;
	int64_t lag = psm__lag_messages(pr);

	if (pr->stalled_ms == 0 || since < pr->stall_ms)
		return PSM_HEALTH_GREEN;
	if (lag < 0)
		(void)snprintf(reason, size,
		               "%s: nothing came, and where a partition ends "
		               "is not known, for %lld s",
		               pr->name, (long long)(since / 1000));
	else
		(void)snprintf(reason, size,
		               "%s: %lld message%s wait%s, and none came for "
		               "%lld s",
		               pr->name, (long long)lag, PSM__NOUN_S(lag),
		               PSM__VERB_S(lag), (long long)(since / 1000));
	return since < STALL_RED_MS ? PSM_HEALTH_AMBER : PSM_HEALTH_RED;
}

void
psm__lag_show(psm_processor *pr)
{
	int64_t now = psm__mono_ms();

	if (now - pr->lag_shown_ms < SHOW_MS)
		return;
	pr->lag_shown_ms = now;
	look_for_progress(pr, now);
	psm__metric_set(psm__gauge("psymatch_processor_lag", "consumer",
	                           pr->name,
	                           "Messages not handled yet; -1 if unknown."),
	                psm_processor_stat(pr, "lag"));
	psm__metric_set(
	    psm__gauge("psymatch_processor_lag_seconds", "consumer", pr->name,
	               "Age of the last message done, or of the oldest that is "
	               "tried again, while others wait; -1 if unknown."),
	    psm_processor_stat(pr, "lag_seconds"));
}
