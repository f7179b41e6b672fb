/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receipts: the outcome of one event. A receipt belongs to the caller and,
 * until there is an outcome, to the producer's table, too. Lock order:
 * p->receipts_lock, then the receipt's.
 */
#include <stdio.h>
#include <string.h>

#include "client/producer/producer_int.h"

struct psm_receipt {
	struct psm_receipt *next; /* in the table */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int refs; /* __atomic */
	char id[PSM__RECEIPT_ID];
	int state, rc; /* under lock */
	int over;      /* under lock: nothing changes after it */
	char reason[128];
};

const char *
psm_delivery_state_name(int state)
{
	static const char *const names[] = {
	    [PSM_DELIVERY_QUEUED] = "queued",
	    [PSM_DELIVERY_SPOOLED] = "spooled",
	    [PSM_DELIVERY_SENT] = "sent",
	    [PSM_DELIVERY_FAILED] = "failed",
	};

	if (state < PSM_DELIVERY_QUEUED || state > PSM_DELIVERY_FAILED)
		return NULL;
	return names[state];
}

static void
unref(struct psm_receipt *r)
{
	if (__atomic_sub_fetch(&r->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	psm__free(r);
}

static struct psm_receipt **
bucket(struct psm_producer *p, const char *id)
{
	uint64_t hash = psm__hash(PSM__HASH_START, id, strlen(id));

	return &p->receipts[hash % PSM__COUNT(p->receipts)];
}

struct psm_receipt *
psm__receipt_new(struct psm_producer *p, const char *event_id)
{
	struct psm_receipt *r = psm__alloc(sizeof(*r));
	struct psm_receipt **at;

	if (!r)
		return NULL;
	if (psm__cond_init(&r->changed) < 0) {
		psm__free(r);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	r->refs = 2;
	snprintf(r->id, sizeof(r->id), "%s", event_id);
	r->state = p->dir[0] ? PSM_DELIVERY_SPOOLED : PSM_DELIVERY_QUEUED;
	pthread_mutex_lock(&p->receipts_lock);
	/* After receipts of the same event: outcomes come in this order. */
	for (at = bucket(p, r->id); *at; at = &(*at)->next)
		;
	*at = r;
	__atomic_add_fetch(&p->receipt_count, 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&p->receipts_lock);
	return r;
}

/* Remove from the table: the first one of that id, or `only`. */
static struct psm_receipt *
take(struct psm_producer *p, const char *id, const struct psm_receipt *only)
{
	struct psm_receipt **at, *r;

	pthread_mutex_lock(&p->receipts_lock);
	for (at = bucket(p, id); *at; at = &(*at)->next)
		if (only ? *at == only : strcmp((*at)->id, id) == 0)
			break;
	r = *at;
	if (r) {
		*at = r->next;
		__atomic_sub_fetch(&p->receipt_count, 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&p->receipts_lock);
	return r;
}

void
psm__receipt_drop(struct psm_producer *p, struct psm_receipt *r)
{
	if (take(p, r->id, r))
		unref(r);
	unref(r);
}

void
psm__receipt_settle(struct psm_producer *p, const char *id, int rc,
                    const char *reason)
{
	struct psm_receipt *r = take(p, id, NULL);

	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	if (rc == 0)
		r->state = PSM_DELIVERY_SENT;
	else if (rc != PSM_ERR_CLOSED || r->state == PSM_DELIVERY_QUEUED)
		r->state = PSM_DELIVERY_FAILED;
	r->rc = rc;
	r->over = 1;
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	unref(r);
}

int
psm_receipt_state(psm_receipt *r)
{
	int state;

	if (!r)
		return PSM_ERR_INVAL;
	pthread_mutex_lock(&r->lock);
	state = r->state;
	pthread_mutex_unlock(&r->lock);
	return state;
}

int
psm_receipt_wait(psm_receipt *r, int timeout_ms, psm_error *err)
{
	struct timespec at;
	int rc = 0;

	psm__error_clear(err);
	if (!r || timeout_ms < 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a receipt and a timeout from 0 on");
	psm__deadline(&at, timeout_ms);
	pthread_mutex_lock(&r->lock);
	while (!r->over && rc == 0)
		rc = pthread_cond_timedwait(&r->changed, &r->lock, &at);
	if (!r->over)
		rc = psm__fail(err, PSM_ERR_TIMEOUT,
		               "no outcome of event %s in %d ms", r->id,
		               timeout_ms);
	else if (r->rc)
		rc = psm__fail(err, r->rc, "event %s: %s", r->id, r->reason);
	else
		rc = 0;
	pthread_mutex_unlock(&r->lock);
	return rc;
}

void
psm_receipt_free(psm_receipt *r)
{
	if (r)
		unref(r);
}
