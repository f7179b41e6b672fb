/* SPDX-License-Identifier: BSD-2-Clause */
/* What a consumer says of itself. Any thread. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "client/consumer/consumer_int.h"

/* Until then a missing broker is a short outage. */
#define PATIENCE_MS 30000
/* A retry that takes longer makes the health red. */
#define RETRY_RED_MS 60000
/* Nothing comes for so long, though it should. */
#define STALL_RED_MS 60000
/* How long a dead event and a failed poll are remembered. */
#define DEAD_MS (15 * 60 * 1000)
#define RECENT_MS 10000

/* Behind the end, with the records that wait for a retry.
 * @locks c->lock held */
static int64_t
lag_locked(psm_consumer *c)
{
	int64_t lag;

	if (!c->source)
		return -1;
	lag = c->source->ops->lag(c->source);
	if (lag < 0)
		return -1;
	return lag + (int64_t)__atomic_load_n(&c->retrying, __ATOMIC_RELAXED);
}

static int64_t
get(const int64_t *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

/* How old the last message finished is while others wait behind it; 0: none
 * waits. Without a broker, what waits is not known. @locks c->lock held */
static int64_t
lag_seconds_locked(psm_consumer *c)
{
	int64_t lag = lag_locked(c);
	int64_t at = get(&c->event_ms);
	int64_t age;

	if (lag <= 0)
		return lag;
	if (at <= 0 || !c->source->ops->connected(c->source))
		return -1;
	age = psm_now_us() / 1000000 - at / 1000;
	return age > 0 ? age : 0;
}

int64_t
psm_consumer_stat(psm_consumer *c, const char *name)
{
	static const struct {
		const char *name;
		size_t at;
	} counts[] = {
#define COUNT(x) {#x, offsetof(struct psm__consumer_counts, x)}
	    COUNT(handled), COUNT(retried), COUNT(dead),        COUNT(skipped),
	    COUNT(overrun), COUNT(gaps),    COUNT(gap_messages)
#undef COUNT
	};
	int64_t lag;
	size_t i;

	if (!c || !name)
		return -1;
	for (i = 0; i < PSM__COUNT(counts); i++)
		if (strcmp(name, counts[i].name) == 0)
			return get((const int64_t *)((const char *)&c->counts +
			                             counts[i].at));
	if (strcmp(name, "lag") != 0 && strcmp(name, "lag_seconds") != 0)
		return -1;
	pthread_mutex_lock(&c->lock);
	lag = strcmp(name, "lag") == 0 ? lag_locked(c) : lag_seconds_locked(c);
	pthread_mutex_unlock(&c->lock);
	return lag;
}

/* @locks c->lock held */
static int
without_broker(psm_consumer *c, int64_t now, char *reason, size_t size)
{
	char why[256] = "";
	int64_t since;

	if (c->source->ops->connected(c->source)) {
		c->connected_ms = now;
		return PSM_HEALTH_GREEN;
	}
	since = now - c->connected_ms;
	if (c->source->ops->last_error)
		c->source->ops->last_error(c->source, why, sizeof(why));
	snprintf(reason, size, "no broker reachable for %lld s%s%s",
	         (long long)(since / 1000), why[0] ? ": " : "", why);
	return since < PATIENCE_MS ? PSM_HEALTH_AMBER : PSM_HEALTH_RED;
}

/* @locks c->lock held */
static int
stall(psm_consumer *c, int64_t since, char *reason, size_t size)
{
	int64_t lag = lag_locked(c);

	if (lag < 0)
		snprintf(reason, size,
		         "nothing came, and where a partition ends is not "
		         "known, for %lld s",
		         (long long)(since / 1000));
	else
		snprintf(reason, size,
		         "%lld message%s wait%s, and none came for %lld s",
		         (long long)lag, PSM__NOUN_S(lag), PSM__VERB_S(lag),
		         (long long)(since / 1000));
	return since < STALL_RED_MS ? PSM_HEALTH_AMBER : PSM_HEALTH_RED;
}

/* What is wrong at the moment, the worst first. @locks c->lock held */
static int
recent_failures(psm_consumer *c, int64_t now, char *reason, size_t size)
{
	if (c->retry_since_ms) {
		int64_t since = now - c->retry_since_ms;

		snprintf(reason, size, "retrying %s for %lld s", c->retry_where,
		         (long long)(since / 1000));
		return since < RETRY_RED_MS ? PSM_HEALTH_AMBER : PSM_HEALTH_RED;
	}
	if (c->stalled_ms && now - c->stalled_ms >= c->stall_ms)
		return stall(c, now - c->stalled_ms, reason, size);
	if (c->failed_ms && now - c->failed_ms < RECENT_MS) {
		snprintf(reason, size, "reading failed: %s", c->failure);
		return PSM_HEALTH_AMBER;
	}
	if (c->gap_ms && now - c->gap_ms < DEAD_MS) {
		snprintf(reason, size, "%s", c->gap_where);
		return PSM_HEALTH_AMBER;
	}
	if (c->dead_ms && now - c->dead_ms < DEAD_MS) {
		snprintf(reason, size, "%lld dead, the last one %lld s ago",
		         (long long)get(&c->counts.dead),
		         (long long)((now - c->dead_ms) / 1000));
		return PSM_HEALTH_AMBER;
	}
	if (c->overrun_ms && now - c->overrun_ms < DEAD_MS) {
		snprintf(reason, size,
		         "calls past their deadline: %lld, the last one %lld s "
		         "ago",
		         (long long)get(&c->counts.overrun),
		         (long long)((now - c->overrun_ms) / 1000));
		return PSM_HEALTH_AMBER;
	}
	if (get(&c->assigned) == 0) {
		snprintf(reason, size, "no partition is assigned to it");
		return PSM_HEALTH_AMBER;
	}
	snprintf(reason, size, "%lld handled, %lld behind",
	         (long long)get(&c->counts.handled), (long long)lag_locked(c));
	return PSM_HEALTH_GREEN;
}

/* @locks c->lock held */
static int
verdict(psm_consumer *c, char *reason, size_t size)
{
	int64_t now = psm__mono_ms();
	int health;

	if (c->state == PSM__C_CLOSED) {
		snprintf(reason, size, "closed");
		return PSM_HEALTH_RED;
	}
	if (!c->source) {
		snprintf(reason, size, "not started");
		return PSM_HEALTH_AMBER;
	}
	if (c->fatal) {
		snprintf(reason, size, "reading ended: %s", c->failure);
		return PSM_HEALTH_RED;
	}
	health = without_broker(c, now, reason, size);
	if (health != PSM_HEALTH_GREEN)
		return health;
	return recent_failures(c, now, reason, size);
}

int
psm_consumer_health(psm_consumer *c, char *reason, size_t size)
{
	char none[1];
	int health;

	if (!reason || size == 0) {
		reason = none;
		size = sizeof(none);
	}
	if (!c) {
		snprintf(reason, size, "no consumer");
		return PSM_HEALTH_RED;
	}
	pthread_mutex_lock(&c->lock);
	health = verdict(c, reason, size);
	pthread_mutex_unlock(&c->lock);
	return health;
}
