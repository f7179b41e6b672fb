/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics and health of a producer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <psymatch/health.h>

#include "client/producer/producer_int.h"

/* Without an acknowledgement for so long while events wait, health is amber,
 * then red. */
#define SLOW_MS 30000
#define STUCK_MS 300000

static int64_t
load(const int64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static int64_t
age_ms(const struct psm__spool_numbers *n)
{
	return psm__watermark_age_us(n) / 1000;
}

/* Waiting events, or those that a close left, in the spool or in memory. */
static int64_t
left(struct psm_producer *p, const struct psm__spool_numbers *n, int in_spool)
{
	int64_t safe = p->dir[0] ? (int64_t)n->safe : 0;
	int64_t all = (int64_t)n->waiting;

	pthread_mutex_lock(&p->lock);
	if (p->state == PSM__PRODUCER_CLOSED) {
		all = (int64_t)p->left;
		safe = all - (int64_t)p->given_up;
	}
	pthread_mutex_unlock(&p->lock);
	return in_spool ? safe : all - safe;
}

int64_t
psm_producer_stat(psm_producer *p, const char *name)
{
	struct psm__spool_numbers n = {0};

	if (!p || !name || p->forks != psm__forks())
		return -1;
	if (p->spool)
		psm__spool_numbers(p->spool, &n);
	if (strcmp(name, "accepted") == 0)
		return load(&p->accepted);
	if (strcmp(name, "queued") == 0)
		return (int64_t)n.waiting;
	if (strcmp(name, "spooled") == 0)
		return p->dir[0] ? (int64_t)n.safe : 0;
	if (strcmp(name, "left_spool") == 0)
		return left(p, &n, 1);
	if (strcmp(name, "left_memory") == 0)
		return left(p, &n, 0);
	if (strcmp(name, "sent") == 0)
		return load(&p->sent);
	if (strcmp(name, "failed") == 0)
		return load(&p->failed);
	if (strcmp(name, "damaged") == 0)
		return (int64_t)n.damaged;
	if (strcmp(name, "quarantined_bytes") == 0)
		return n.quarantined;
	if (strcmp(name, "oldest_age_ms") == 0)
		return age_ms(&n);
	if (strcmp(name, "spool_bytes") == 0)
		return n.bytes;
	if (strcmp(name, "restarts") == 0)
		return load(&p->restarts);
	return -1;
}

/* The report: the worst level wins; of equal ones the first. */
struct report {
	int health;
	char *reason;
	size_t size;
};

__attribute__((format(printf, 3, 4))) static void
note(struct report *r, int health, const char *fmt, ...)
{
	va_list ap;

	if (health <= r->health)
		return;
	r->health = health;
	if (!r->reason || r->size == 0)
		return;
	va_start(ap, fmt);
	vsnprintf(r->reason, r->size, fmt, ap);
	va_end(ap);
}

/* Also without calls of send: the next call would fail for this reason. */
static void
look_at_limits(struct report *r, const struct psm_producer *p,
               const struct psm__spool_numbers *n)
{
	char text[160];

	for (int what = 0; what < PSM__WATERMARKS; what++) {
		int percent = psm__watermark_percent(p, what, n);
		int red = percent >= p->high_percent ||
		          (what == PSM__WATERMARK_AGE && n->too_old);

		if (!red && percent < p->low_percent)
			continue;
		psm__watermark_text(p, what, n, text, sizeof(text));
		note(r, red ? PSM_HEALTH_RED : PSM_HEALTH_AMBER, "%s", text);
	}
}

/* Events of an ended process that another one has adopted are sent first. */
static void
look_at_awaited(struct report *r, const struct psm__spool_numbers *n)
{
	unsigned stream = n->awaited - 1;
	char who[48] = "another process";

	if (n->awaited == 0)
		return;
	if (n->await_errno != 0)
		note(r, PSM_HEALTH_RED,
		     "stream.%u of the spool cannot be read, %llu newer events "
		     "wait for it: %s",
		     stream, (unsigned long long)n->waiting,
		     strerror(n->await_errno));
	if (n->await_pid != 0)
		snprintf(who, sizeof(who), "process %ld", n->await_pid);
	note(r, age_ms(n) > STUCK_MS ? PSM_HEALTH_RED : PSM_HEALTH_AMBER,
	     "%llu events wait until %s has sent the older ones of stream.%u",
	     (unsigned long long)n->waiting, who, stream);
}

static void
look_at_spool(struct report *r, const struct psm__spool_numbers *n)
{
	char text[160];

	psm__spool_fault_text(n->fault, n->fault_errno, text, sizeof(text));
	if (n->fault != PSM__FAULT_NONE)
		note(r, PSM_HEALTH_RED,
		     "the spool takes no events, %llu wait: %s",
		     (unsigned long long)n->waiting, text);
	look_at_awaited(r, n);
	if (n->last_errno != 0)
		note(r, PSM_HEALTH_RED,
		     "the spool cannot grow, events are refused: %s",
		     strerror(n->last_errno));
	if (n->read_errno != 0)
		note(r, PSM_HEALTH_RED,
		     "the spool cannot be read, %llu event%s wait%s: %s",
		     (unsigned long long)n->waiting, PSM__NOUN_S(n->waiting),
		     PSM__VERB_S(n->waiting), strerror(n->read_errno));
	if (n->quarantine_errno != 0)
		note(r, PSM_HEALTH_RED,
		     "the spool's quarantine takes nothing more, it has %lld "
		     "bytes: %s",
		     (long long)n->quarantined,
		     n->quarantine_errno == EDQUOT
		         ? "that is the limit of the spool"
		         : strerror(n->quarantine_errno));
	if (n->damaged || n->quarantined)
		note(r, PSM_HEALTH_AMBER,
		     "%llu damaged record%s, %lld bytes in the quarantine",
		     (unsigned long long)n->damaged, PSM__NOUN_S(n->damaged),
		     (long long)n->quarantined);
	if (n->sync_errors)
		note(r, PSM_HEALTH_AMBER, "%llu sync%s to the disk failed",
		     (unsigned long long)n->sync_errors,
		     PSM__NOUN_S(n->sync_errors));
}

/* Why no broker answers, after ": ". @locks p->lock held */
static void
why_locked(struct psm_producer *p, char *why, size_t size)
{
	char text[256] = "";

	if (p->sink && p->sink->ops->last_error)
		p->sink->ops->last_error(p->sink, text, sizeof(text));
	snprintf(why, size, "%s%s", text[0] ? ": " : "", text);
}

static void
look_at_sender(struct report *r, struct psm_producer *p,
               const struct psm__spool_numbers *n)
{
	int64_t silent_ms = psm__mono_ms() - load(&p->last_ack_ms);
	int connected = 0;
	char last_error[sizeof(p->last_error)], why[300];

	pthread_mutex_lock(&p->lock);
	if (p->sink)
		connected = p->sink->ops->connected(p->sink);
	memcpy(last_error, p->last_error, sizeof(last_error));
	why_locked(p, why, sizeof(why));
	pthread_mutex_unlock(&p->lock);
	if (n->waiting && age_ms(n) > STUCK_MS && silent_ms > STUCK_MS)
		note(r, PSM_HEALTH_RED,
		     "%llu event%s wait%s, none sent for %lld s%s%s",
		     (unsigned long long)n->waiting, PSM__NOUN_S(n->waiting),
		     PSM__VERB_S(n->waiting), (long long)silent_ms / 1000,
		     last_error[0] ? ": " : "", last_error);
	if (last_error[0])
		note(r, PSM_HEALTH_AMBER, "%llu event%s wait%s: %s",
		     (unsigned long long)n->waiting, PSM__NOUN_S(n->waiting),
		     PSM__VERB_S(n->waiting), last_error);
	if (!connected)
		note(r, PSM_HEALTH_AMBER,
		     "no broker can be reached, %llu event%s wait%s%s",
		     (unsigned long long)n->waiting, PSM__NOUN_S(n->waiting),
		     PSM__VERB_S(n->waiting), why);
	if (n->waiting && age_ms(n) > SLOW_MS)
		note(r, PSM_HEALTH_AMBER,
		     "%llu event%s wait%s, the oldest for %lld s",
		     (unsigned long long)n->waiting, PSM__NOUN_S(n->waiting),
		     PSM__VERB_S(n->waiting), (long long)age_ms(n) / 1000);
}

int
psm_producer_health(psm_producer *p, char *reason, size_t size)
{
	struct report r = {PSM_HEALTH_GREEN - 1, reason, size};
	struct psm__spool_numbers n;
	int state;

	if (!p || p->forks != psm__forks())
		return PSM_HEALTH_RED;
	note(&r, PSM_HEALTH_GREEN, "events are sent");
	pthread_mutex_lock(&p->lock);
	state = p->state;
	pthread_mutex_unlock(&p->lock);
	if (state != PSM__PRODUCER_RUNNING) {
		note(&r, PSM_HEALTH_RED, "the producer is not running");
		return r.health;
	}
	psm__spool_numbers(p->spool, &n);
	look_at_limits(&r, p, &n);
	look_at_spool(&r, &n);
	look_at_sender(&r, p, &n);
	return r.health;
}
