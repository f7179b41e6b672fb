/* SPDX-License-Identifier: BSD-2-Clause */
/* The sender, the producer's thread: it hands records of the spool to the
 * sink and settles them by the sink's reports. */
#include <stdio.h>
#include <string.h>

#include "client/producer/producer_int.h"

/* Records between two polls, so that neither side waits for long. */
#define BATCH 1000
/* Longest wait: syncs, spare segments and the sink's own events need regular
 * calls. */
#define NAP_MS 1000
/* While events are appended, they are collected for this time instead of
 * waking the sender for each: a wake-up costs more than an append. The first
 * event after a pause is sent at once. */
#define GATHER_MS 1
/* Pause after the sink was out of memory. */
#define PAUSE_MS 100

static _Thread_local const struct psm_producer *me;

int
psm__sender_is_me(const struct psm_producer *p)
{
	return me == p;
}

void
psm__sender_wake(void *producer)
{
	struct psm_producer *p = producer;

	pthread_mutex_lock(&p->lock);
	p->woken = 1;
	if (p->sink)
		p->sink->ops->wake(p->sink);
	pthread_cond_signal(&p->wakeup);
	pthread_mutex_unlock(&p->lock);
}

/* -- outcomes -- */

/* 1: there is a callback or a receipt. */
static int
wanted(const struct psm_producer *p)
{
	return p->fn != NULL ||
	       __atomic_load_n(&p->receipt_count, __ATOMIC_ACQUIRE) > 0;
}

static void
call_back(struct psm_producer *p, uint64_t token, int rc, const char *reason)
{
	char id[128];

	if (!wanted(p))
		return;
	psm__spool_id(p->spool, token, id, sizeof(id));
	psm__receipt_settle(p, id, rc, reason);
	if (p->fn)
		p->fn(id, rc, reason, p->user);
}

/* Counters are shared by threads, so they are written once for all reports
 * of a poll, but before a callback runs. */
static void
count_acked(struct psm_producer *p)
{
	if (p->acked == 0)
		return;
	psm__published_count(p);
	__atomic_add_fetch(&p->sent, p->acked, __ATOMIC_RELAXED);
	psm__metric_add(p->m_sent, p->acked);
	__atomic_store_n(&p->last_ack_ms, psm__mono_ms(), __ATOMIC_RELAXED);
	p->acked = 0;
}

static void
acknowledged(struct psm_producer *p, uint64_t token)
{
	if (!psm__spool_settle(p->spool, token))
		return;
	psm__send_window_acked(p, token);
	p->acked++;
	p->open_failures = 0;
	psm__published(p, token);
	if (!wanted(p))
		return;
	count_acked(p);
	call_back(p, token, 0, "");
}

/* There is no copy of it, so it is tried again later: an operator may make
 * room. */
static void
keep_refused(struct psm_producer *p, uint64_t token, const char *reason)
{
	struct psm__message m;
	char why[256];

	if (p->ending)
		return;
	psm__spool_message(p->spool, token, &m);
	(void)snprintf(why, sizeof(why),
	               "an event is refused, and the quarantine cannot take "
	               "it: %s",
	               reason);
	psm__send_window_close(p, &m, why);
}

/* Refused for good: it must not block later records. */
static void
refused(struct psm_producer *p, uint64_t token, int rc, const char *reason)
{
	int done = psm__spool_reject(p->spool, token);
	char type[PSM__PUBLISHED_TYPE], id[128];
	struct psm__message m;

	if (done == 0)
		return;
	if (done < 0) {
		keep_refused(p, token, reason);
		return;
	}
	psm__spool_message(p->spool, token, &m);
	psm__published_type(&m, type);
	psm__spool_id(p->spool, token, id, sizeof id);
	psm__log(PSM_LOG_ERROR, "the broker refused an event", "topic", m.topic,
	         "type", type, "event_id", id, "code", psm_error_name(rc),
	         "why", reason, NULL);
	psm__metric_add(psm__counter("psymatch_events_refused_total", "type",
	                             type, "Events that were not published."),
	                1);
	psm__send_window_acked(p, token);
	__atomic_add_fetch(&p->failed, 1, __ATOMIC_RELAXED);
	psm__metric_add(p->m_failed, 1);
	call_back(p, token, rc, reason);
}

static int
for_good(int rc)
{
	return rc == PSM_ERR_TOO_LARGE || rc == PSM_ERR_INVAL ||
	       rc == PSM_ERR_REJECT;
}

static void
on_report(uint64_t token, int rc, const char *reason, void *user)
{
	struct psm_producer *p = user;
	struct psm__message m;

	if (p->inflight)
		p->inflight--;
	if (rc == 0) {
		acknowledged(p, token);
		return;
	}
	if (for_good(rc) && !p->by_batch) {
		refused(p, token, rc, reason);
		return;
	}
	if (p->ending || rc == PSM_ERR_CLOSED)
		return; /* the next sink starts from the front */
	psm__spool_message(p->spool, token, &m);
	if (!for_good(rc))
		psm__send_window_close(p, &m, reason);
	else if (!psm__send_window_unconfirmed(p, &m, reason))
		refused(p, token, rc, reason);
}

/* Hand one message over. 0: taken, or dealt with; PSM_ERR_FULL: stop for now;
 * PSM_ERR_BROKER: the sink is dead. */
static int
send_one(struct psm_producer *p, const struct psm__message *m)
{
	int rc;

	psm__published_note(p, m);
	rc = p->sink->ops->send(p->sink, m, p->err);
	switch (rc) {
	case 0:
		p->inflight++;
		break;
	case PSM_ERR_TOO_LARGE:
	case PSM_ERR_INVAL:
	case PSM_ERR_REJECT:
		refused(p, m->token, rc, psm_error_message(p->err));
		break;
	case PSM_ERR_RETRY:
		psm__send_window_close(p, m, psm_error_message(p->err));
		break;
	case PSM_ERR_FULL:
	case PSM_ERR_BROKER:
		return rc;
	default: /* out of memory, most likely */
		p->pause_until_ms = psm__mono_ms() + PAUSE_MS;
		return PSM_ERR_FULL;
	}
	psm_error_clear(p->err);
	return 0;
}

/* -- the sink -- */

static void
set_sink(struct psm_producer *p, struct psm__sink *sink)
{
	pthread_mutex_lock(&p->lock);
	p->sink = sink;
	pthread_mutex_unlock(&p->lock);
}

static void
close_sink(struct psm_producer *p, int timeout_ms)
{
	struct psm__sink *sink = p->sink;

	set_sink(p, NULL);
	if (sink)
		sink->ops->close(sink, timeout_ms); /* reports, too */
	p->reporting = NULL;
	count_acked(p);
	p->inflight = 0;
}

/* All records without a report are sent again by the next sink, in order. */
static void
restart(struct psm_producer *p)
{
	/* What the send window of a topic says is closer to the cause. */
	if (p->windows_closed == 0)
		psm__producer_set_error(p, psm_error_message(p->err));
	psm__log(PSM_LOG_WARN, "the producer's client is replaced", "why",
	         psm_error_message(p->err), NULL);
	close_sink(p, 0);
	psm__send_windows_restart(p);
	psm__spool_rewind(p->spool);
	p->restart = 0;
	p->open_at_ms =
	    psm__mono_ms() + psm__producer_backoff(p, p->open_failures++);
	__atomic_add_fetch(&p->restarts, 1, __ATOMIC_RELAXED);
	psm__metric_add(p->m_restarts, 1);
}

static void
open_sink(struct psm_producer *p)
{
	struct psm__sink *sink = NULL;
	int rc;

	if (psm__mono_ms() < p->open_at_ms)
		return;
	psm_error_clear(p->err);
	rc = p->transport->ops->open_sink(p->transport, on_report, p, &sink,
	                                  p->err);
	if (rc < 0) {
		psm__producer_set_error(p, psm_error_message(p->err));
		p->open_at_ms = psm__mono_ms() +
		                psm__producer_backoff(p, p->open_failures++);
		return;
	}
	if (p->windows_closed == 0)
		psm__producer_set_error(p, "");
	p->reporting = sink;
	p->by_batch = sink->ops->by_batch;
	set_sink(p, sink);
}

/* -- the loop -- */

static int
take_reports(struct psm_producer *p, int timeout_ms)
{
	int rc = p->sink->ops->poll(p->sink, timeout_ms, p->err);

	count_acked(p);
	return rc;
}

/* PSM_ERR_FULL: nothing more for now; 0: there may be more. */
static int
hand_over(struct psm_producer *p, int64_t now_ms)
{
	struct psm__message m;
	int rc, n;

	p->handed = 0;
	if (now_ms < p->pause_until_ms)
		return PSM_ERR_FULL;
	rc = psm__send_windows_run(p, now_ms, send_one);
	for (n = 0; rc == 0 && n < BATCH; n++) {
		if (p->inflight >= p->queue_max)
			return PSM_ERR_FULL;
		if (!psm__spool_peek(p->spool, &m))
			return PSM_ERR_NOT_FOUND;
		if (psm__send_window_closed(p, m.topic)) {
			psm__spool_pass(p->spool);
			psm__spool_defer(p->spool, m.token);
			continue;
		}
		rc = send_one(p, &m);
		if (rc == 0) {
			psm__spool_pass(p->spool);
			p->handed++;
		}
	}
	return rc;
}

static int
until(int64_t at_ms, int64_t now_ms, int timeout_ms)
{
	if (at_ms <= now_ms)
		return 0;
	return at_ms - now_ms < timeout_ms ? (int)(at_ms - now_ms) : timeout_ms;
}

/* How long to wait for reports when hand_over() ended with rc. */
static int
nap_ms(struct psm_producer *p, int rc, int64_t stop_at_ms)
{
	int64_t now_ms = psm__mono_ms();
	int ms = NAP_MS;

	if (rc == 0)
		return 0;
	if (rc == PSM_ERR_NOT_FOUND && p->handed)
		return GATHER_MS;
	if (rc == PSM_ERR_NOT_FOUND && !psm__spool_rest(p->spool))
		return 0;
	if (p->durability == PSM__DURABLE_INTERVAL && p->interval_ms < ms)
		ms = p->interval_ms;
	if (p->pause_until_ms > now_ms)
		ms = until(p->pause_until_ms, now_ms, ms);
	ms = until(psm__send_windows_due(p), now_ms, ms);
	return until(stop_at_ms, now_ms, ms);
}

/* Without a sink there is nothing to poll: wait for the time to open one. */
static void
wait_for_sink(struct psm_producer *p, int64_t stop_at_ms)
{
	int64_t now_ms = psm__mono_ms();
	struct timespec at;
	int ms = until(p->open_at_ms, now_ms, NAP_MS);

	if (p->durability == PSM__DURABLE_INTERVAL && p->interval_ms < ms)
		ms = p->interval_ms;
	psm__deadline(&at, until(stop_at_ms, now_ms, ms));
	pthread_mutex_lock(&p->lock);
	while (!p->woken &&
	       pthread_cond_timedwait(&p->wakeup, &p->lock, &at) == 0)
		;
	p->woken = 0;
	pthread_mutex_unlock(&p->lock);
}

static void
turn(struct psm_producer *p, int64_t stop_at_ms)
{
	int rc;

	if (!p->sink)
		open_sink(p);
	if (!p->sink) {
		wait_for_sink(p, stop_at_ms);
		return;
	}
	rc = hand_over(p, psm__mono_ms());
	if (rc != PSM_ERR_BROKER) {
		int ms = nap_ms(p, rc, stop_at_ms);

		if (take_reports(p, ms) == PSM_ERR_BROKER)
			rc = PSM_ERR_BROKER;
	}
	if (rc == PSM_ERR_BROKER || p->restart)
		restart(p);
}

/* When to stop at the latest; 0: at once. */
static int64_t
stop_at(struct psm_producer *p)
{
	struct psm__spool_numbers n;
	int64_t at;

	pthread_mutex_lock(&p->lock);
	at = p->stop_at_ms;
	pthread_mutex_unlock(&p->lock);
	if (at == INT64_MAX)
		return at;
	psm__spool_numbers(p->spool, &n);
	return n.waiting == 0 || psm__mono_ms() >= at ? 0 : at;
}

/* Records that are left stay in the spool; each is reported once. */
static void
finish(struct psm_producer *p)
{
	struct psm__spool_numbers n;
	struct psm__message m;
	const char *reason;
	int kept;

	p->ending = 1;
	close_sink(p, 0);
	psm__spool_release(p->spool);
	psm__spool_freeze(p->spool);
	psm__spool_numbers(p->spool, &n);
	kept = p->dir[0] && n.fault != PSM__FAULT_REMOVED;
	reason = kept ? "stays in the spool, sent at the next start"
	              : "closed before delivery";
	p->left = (size_t)n.waiting;
	p->given_up = kept ? 0 : p->left;
	psm__spool_rewind(p->spool);
	while (wanted(p) && psm__spool_peek(p->spool, &m)) {
		psm__spool_pass(p->spool);
		psm__spool_settle(p->spool, m.token);
		call_back(p, m.token, PSM_ERR_CLOSED, reason);
		psm__spool_release(p->spool);
	}
}

void *
psm__sender(void *producer)
{
	struct psm_producer *p = producer;
	int64_t at;

	me = p;
	while ((at = stop_at(p)) != 0) {
		turn(p, at);
		psm__spool_release(p->spool);
		psm__spool_tend(p->spool);
		psm__watermark_look(p, 0);
	}
	psm__watermark_look(p, 1);
	finish(p);
	return NULL;
}
