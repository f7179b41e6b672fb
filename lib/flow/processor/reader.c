/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/processor/processor_int.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The longest wait for a message: then due retries are looked at. */
#define WAIT_MS 500

static void
release_record(psm_processor *pr, struct psm__record *rec)
{
	pr->source->ops->release(pr->source, rec);
}

/* -- what the transport asks, on our thread inside poll */

/* Where to read a log that is another one than that of the row. */
static int64_t
restart_part(psm_processor *pr, struct psm__part *p)
{
	p->reread = PSM__NOT_AGAIN;
	if (psm__part_restart(pr, p) < 0)
		return p->restart_at;
	return p->next >= 0 ? p->next : PSM__EARLIEST;
}

/* Where to read if there is no row. What the group has committed is what was
 * handled in some database, and not in this one: it may be new, or a backup
 * that was restored. */
static int64_t
begin_earliest(psm_processor *pr, struct psm__part *p)
{
	p->from_earliest = 1;
	psm__part_tell_earliest(pr, p);
	return p->committed == -1 ? -1 : PSM__EARLIEST;
}

/* PostgreSQL has the truth; while it is away, the broker's hint has to do, and
 * the first transaction puts it right. */
static int64_t
start_at(const char *topic, int32_t partition, int64_t committed,
         int64_t incarnation, void *user)
{
	psm_processor *pr = user;
	struct psm__place at;
	struct psm__part *p;
	psm_tx *tx = NULL;
	int64_t row_incarnation = 0;
	int i = psm__part_index(pr, topic, partition);

	if (i < 0)
		return -1;
	p = &pr->parts[i];
	p->incarnation = incarnation;
	p->committed = committed;
	at = psm__part_place(pr, p);
	psm__part_reset(pr, p);
	psm__part_set_use(pr, p, PSM__PART_ASSIGNED);
	p->from_earliest = committed == -1; /* whatever the row says */
	if (p->state == PSM__PART_RECREATED)
		return restart_part(pr, p);
	if (psm_tx_begin(pr->st, &tx, NULL) < 0)
		return -1;
	psm__tx_cancel(tx, &pr->worker.cancel);
	if (psm__offset_read(tx, &at, &p->next, &row_incarnation, NULL) == 0)
		psm__part_set_state(p, PSM__PART_KNOWN);
	psm_tx_rollback(tx);
	if (psm__part_is_known(p) &&
	    psm__part_check_incarnation(pr, p, row_incarnation))
		return restart_part(pr, p);
	return psm__part_is_known(p) && p->next < 0 ? begin_earliest(pr, p)
	                                            : p->next;
}

static void
drop_odd(psm_processor *pr)
{
	if (pr->has_odd)
		release_record(pr, &pr->odd);
	pr->has_odd = 0;
}

static void
revoked(const char *topic, int32_t partition, void *user)
{
	psm_processor *pr = user;
	int i = psm__part_index(pr, topic, partition);

	if (pr->has_odd && pr->odd.partition == partition &&
	    strcmp(pr->odd.topic, topic) == 0)
		drop_odd(pr);
	if (i < 0)
		return;
	psm__part_reset(pr, &pr->parts[i]);
	psm__part_set_use(pr, &pr->parts[i], PSM__PART_AWAY);
}

int
psm__reader_open(psm_processor *pr)
{
	struct psm__source_conf conf = {
	    .group = pr->name,
	    .topics = (const char *const *)pr->topics,
	    .topic_count = pr->topic_count,
	    .start_at = start_at,
	    .revoked = revoked,
	    .gap = psm__processor_gap,
	    .user = pr,
	};
	struct psm__source *s = NULL;
	int rc = pr->t->ops->open_source(pr->t, &conf, &s, pr->err);

	if (rc < 0)
		return rc;
	(void)pthread_mutex_lock(&pr->lock);
	pr->source = s;
	(void)pthread_mutex_unlock(&pr->lock);
	return 0;
}

void
psm__reader_close(psm_processor *pr, int timeout_ms)
{
	struct psm__source *s = pr->source;
	size_t i;

	if (!s)
		return;
	for (i = 0; i < pr->part_count; i++) {
		psm__part_end_retry(pr, &pr->parts[i]);
		psm__kept_drop(pr, &pr->parts[i]);
	}
	drop_odd(pr);
	(void)pthread_mutex_lock(&pr->lock);
	pr->source = NULL;
	(void)pthread_mutex_unlock(&pr->lock);
	s->ops->close(s, timeout_ms);
	for (i = 0; i < pr->part_count; i++)
		psm__part_set_use(pr, &pr->parts[i], PSM__PART_AWAY);
}

/* -- reading */

/* 1: to be dropped: below the offset, or read before the source has gone back. */
static int
is_unwanted(const struct psm__part *p, const struct psm__record *rec)
{
	return p->reread != PSM__NOT_AGAIN ||
	       (psm__part_is_known(p) && rec->offset < p->next);
}

static void
add_item(psm_processor *pr, size_t part, const struct psm__record *rec,
         int kept)
{
	pr->batch.items[pr->batch.count++] =
	    (struct psm__item){.record = *rec, .part = part, .kept = kept};
}

/* 1: added. 0: not. */
static int
take_record(psm_processor *pr, struct psm__record *rec)
{
	int i = psm__part_index(pr, rec->topic, rec->partition);
	struct psm__part *p = i < 0 ? NULL : &pr->parts[i];

	if (!p) { /* nothing of it may be handled before this one */
		pr->odd = *rec;
		pr->has_odd = 1;
		return 0;
	}
	if (is_unwanted(p, rec)) {
		release_record(pr, rec);
		return 0;
	}
	if (p->wait) {
		psm__kept_last(pr, p, rec);
		return 0;
	}
	add_item(pr, (size_t)i, rec, 0);
	return 1;
}

/* 0: there still is no memory. */
static int
take_odd(psm_processor *pr)
{
	struct psm__record rec = pr->odd;

	if (!pr->has_odd)
		return 1;
	pr->has_odd = 0;
	(void)take_record(pr, &rec);
	return !pr->has_odd;
}

/* Messages that are kept come before those of the source. */
static void
add_kept(psm_processor *pr)
{
	struct psm__record rec;
	size_t i;

	for (i = 0; i < pr->part_count; i++) {
		struct psm__part *p = &pr->parts[i];

		while (!p->wait && p->reread == PSM__NOT_AGAIN &&
		       psm__kept_any(p) && pr->batch.count < pr->batch.most) {
			psm__kept_take(pr, p, &rec);
			if (is_unwanted(p, &rec))
				release_record(pr, &rec);
			else
				add_item(pr, i, &rec, 0);
		}
	}
}

/* Ask the source to go back where that is due. */
static void
go_back(psm_processor *pr)
{
	struct psm__part *p;
	size_t i;

	for (i = 0; i < pr->part_count; i++) {
		p = &pr->parts[i];
		if (p->reread == PSM__NOT_AGAIN)
			continue;
		psm__kept_drop(pr, p);
		if (p->state == PSM__PART_RECREATED &&
		    psm__part_restart(pr, p) < 0)
			continue;
		psm__error_clear(pr->err);
		if (pr->source->ops->seek(pr->source, p->topic, p->partition,
		                          p->reread, pr->err) == 0)
			p->reread = PSM__NOT_AGAIN;
		else
			psm__log(PSM_LOG_DEBUG, "cannot seek yet", "topic",
			         p->topic, "reason", psm_error_message(pr->err),
			         NULL);
	}
}

/* Messages whose time has come; the wait until the next one's. */
static int
add_due(psm_processor *pr)
{
	int64_t now = psm__mono_ms(), wait = WAIT_MS;
	size_t i;

	for (i = 0; i < pr->part_count; i++) {
		struct psm__part *p = &pr->parts[i];

		if (!p->wait)
			continue;
		if (p->due_ms > now)
			wait = p->due_ms - now < wait ? p->due_ms - now : wait;
		else if (pr->batch.count < pr->batch.most)
			add_item(pr, i, &p->record, 1);
	}
	return pr->batch.count > 0 ? 0 : (int)wait;
}

/* A source that fails must not be asked without pause. */
static void
note_poll_error(psm_processor *pr)
{
	psm__last_errors_poll(pr);
	pr->source_dead = psm_error_fatal(pr->err);
	(void)psm__worker_wait(&pr->worker, PSM__RETRY_BASE_MS);
}

void
psm__reader_collect(psm_processor *pr, size_t most)
{
	struct psm__record rec;
	int64_t now, until;
	int rc, timeout_ms;

	pr->batch.count = 0;
	pr->batch.most = most;
	go_back(pr);
	if (!take_odd(pr)) {
		(void)psm__worker_wait(&pr->worker, PSM__RETRY_BASE_MS);
		return;
	}
	add_kept(pr);
	timeout_ms = add_due(pr);
	if (pr->parked_more)
		timeout_ms = 0;
	until = psm__mono_ms() + timeout_ms;
	while (pr->batch.count < most && !pr->has_odd) {
		psm__error_clear(pr->err);
		rc = pr->source->ops->poll(pr->source, timeout_ms, &rec,
		                           pr->err);
		if (rc < 0)
			note_poll_error(pr);
		if (rc <= 0)
			break;
		now = psm__mono_ms();
		if (take_record(pr, &rec) && pr->batch.count == 1)
			until = now + PSM__BATCH_MS;
		/* What is at hand belongs to it; more is not waited for. */
		timeout_ms = now < until ? (int)(until - now) : 0;
	}
}

void
psm__reader_idle(psm_processor *pr)
{
	pr->batch.count = 0;
	psm__error_clear(pr->err);
	if (pr->source->ops->serve(pr->source, pr->err) == 0)
		return;
	psm__last_errors_poll(pr);
	pr->source_dead = psm_error_fatal(pr->err);
}

int
psm__reader_owes(const psm_processor *pr)
{
	size_t i;

	for (i = 0; i < pr->part_count; i++)
		if (pr->parts[i].wait ||
		    pr->parts[i].reread != PSM__NOT_AGAIN ||
		    psm__kept_any(&pr->parts[i]))
			return 1;
	return pr->has_odd;
}

/* -- after the transaction */

static void
clear_batch(psm_processor *pr)
{
	size_t i;

	for (i = 0; i < pr->batch.count; i++)
		if (!pr->batch.items[i].kept)
			release_record(pr, &pr->batch.items[i].record);
	pr->batch.count = 0;
}

/* Items of the batch become what is kept of their partitions, from the last to
 * the first: what is not wanted goes. behind 1: only those behind the message
 * at which their partition has stopped. */
static void
keep_items(psm_processor *pr, int behind)
{
	size_t i = pr->batch.count;

	while (i-- > 0) {
		struct psm__item *it = &pr->batch.items[i];
		struct psm__part *p = &pr->parts[it->part];

		if (it->kept || it->gone)
			continue;
		if (behind && (!p->stopped || it <= p->stopped))
			continue;
		psm__kept_first(pr, p, &it->record);
		it->kept = 1;
	}
}

void
psm__reader_again(psm_processor *pr)
{
	size_t i;

	for (i = 0; i < pr->batch.count; i++)
		psm__part_forget_row(&pr->parts[pr->batch.items[i].part]);
	keep_items(pr, 0);
	clear_batch(pr);
}

/* Keep the message at which the partition stopped. */
static void
begin_retry(psm_processor *pr, struct psm__part *p)
{
	struct psm__item *it = p->stopped;
	int wait_ms;

	if (!it->kept) {
		p->record = it->record;
		it->kept = 1;
		p->attempt = 0;
		(void)pr->source->ops->pause(pr->source, p->topic, p->partition,
		                             INT_MAX,
		                             NULL); /* as in end_retry */
	}
	psm__part_set_wait(pr, p, it->wait);
	/* Without room it is no try: it does not count as one. */
	if (p->wait != PSM__WAIT_RETRY)
		wait_ms = psm__backoff_ms(p->looks++, PSM__RETRY_BASE_MS,
		                          PSM__ROOM_CAP_MS);
	else
		wait_ms = psm__backoff_ms(p->attempt++, PSM__RETRY_BASE_MS,
		                          PSM__RETRY_CAP_MS);
	p->due_ms = psm__mono_ms() + wait_ms;
}

void
psm__reader_advance(psm_processor *pr)
{
	size_t i;

	for (i = 0; i < pr->part_count; i++) {
		struct psm__part *p = &pr->parts[i];

		if (p->use != PSM__PART_IN_BATCH)
			continue;
		p->next = p->resume;
		psm__part_set_use(pr, p, PSM__PART_ASSIGNED);
		psm__error_clear(pr->err);
		if (pr->source->ops->commit(pr->source, p->topic, p->partition,
		                            p->next, 0, pr->err) < 0)
			psm__log(PSM_LOG_DEBUG, "offset hint refused", "reason",
			         psm_error_message(pr->err), NULL);
		if (p->stopped)
			begin_retry(pr, p);
	}
	for (i = 0; i < pr->batch.count; i++) {
		struct psm__item *it = &pr->batch.items[i];
		struct psm__part *p = &pr->parts[it->part];

		if (it->kept && !it->gone && p->wait && p->stopped != it)
			psm__part_end_retry(pr, p);
	}
	psm__lag_note(pr);
	keep_items(pr, 1);
	for (i = 0; i < pr->part_count; i++)
		pr->parts[i].stopped = NULL;
	clear_batch(pr);
}
