/* SPDX-License-Identifier: BSD-2-Clause */
/* What others see of a processor: its numbers and its health. */
#include "flow/processor/processor_int.h"

#include <stdio.h>
#include <string.h>

int64_t
psm_processor_stat(psm_processor *pr, const char *name)
{
	int64_t value = -1;
	size_t i;

	if (!pr || !name)
		return -1;
	(void)pthread_mutex_lock(&pr->lock);
	for (i = 0; i < PSM__N_COUNTED; i++)
		if (strcmp(name, psm__outcome_name(i)) == 0)
			value = pr->outcomes[i];
	if (strcmp(name, "rollbacks") == 0)
		value = pr->rollbacks;
	else if (strcmp(name, "breaker") == 0)
		value = pr->breaker.state;
	else if (strcmp(name, "parked_now") == 0)
		value = pr->parked.count;
	else if (strcmp(name, "retrying") == 0)
		value = __atomic_load_n(&pr->retrying, __ATOMIC_RELAXED);
	else if (strcmp(name, "full") == 0)
		value = __atomic_load_n(&pr->full, __ATOMIC_RELAXED);
	else if (strcmp(name, "lag") == 0)
		value = psm__lag_messages(pr);
	else if (strcmp(name, "lag_seconds") == 0)
		value = psm__lag_seconds(pr);
	else if (strcmp(name, "overrun") == 0)
		value = pr->last_errors.late;
	else if (strcmp(name, "gaps") == 0)
		value = pr->gaps;
	else if (strcmp(name, "gap_messages") == 0)
		value = pr->gap_messages;
	(void)pthread_mutex_unlock(&pr->lock);
	return value;
}

/* @locks pr->lock held */
static int
health_locked(psm_processor *pr, char *reason, size_t size)
{
	int64_t retrying;
	int health = psm__circuit_health(pr, reason, size);

	if (health != PSM_HEALTH_GREEN)
		return health;
	if (pr->problem[0]) {
		(void)snprintf(reason, size, "%s: %s", pr->name, pr->shown);
		return PSM_HEALTH_RED;
	}
	if (!pr->source || !pr->source->ops->connected(pr->source)) {
		(void)snprintf(reason, size, "%s: the broker is not reachable",
		               pr->name);
		return PSM_HEALTH_AMBER;
	}
	if (__atomic_load_n(&pr->assigned, __ATOMIC_RELAXED) == 0) {
		(void)snprintf(reason, size,
		               "%s: no partition is assigned to it", pr->name);
		return PSM_HEALTH_AMBER;
	}
	if (__atomic_load_n(&pr->full, __ATOMIC_RELAXED) > 0) {
		(void)snprintf(reason, size,
		               "%s: %s, no more may be; the partition waits",
		               pr->name, pr->full_why);
		return PSM_HEALTH_RED;
	}
	retrying = __atomic_load_n(&pr->retrying, __ATOMIC_RELAXED);
	if (retrying > 0) {
		(void)snprintf(reason, size,
		               "%s: %lld partition%s wait%s for an event that "
		               "is tried again",
		               pr->name, (long long)retrying,
		               PSM__NOUN_S(retrying), PSM__VERB_S(retrying));
		return PSM_HEALTH_AMBER;
	}
	health = psm__parked_health(pr, reason, size);
	if (health == PSM_HEALTH_GREEN)
		health = psm__stall_health(pr, reason, size);
	if (health == PSM_HEALTH_GREEN)
		health = psm__gap_health(pr, reason, size);
	if (health == PSM_HEALTH_GREEN)
		health = psm__last_errors_health(pr, reason, size);
	if (health != PSM_HEALTH_GREEN)
		return health;
	(void)snprintf(reason, size, "%s: %lld event%s handled, %lld dead",
	               pr->name, (long long)pr->outcomes[PSM__HANDLED],
	               PSM__NOUN_S(pr->outcomes[PSM__HANDLED]),
	               (long long)pr->outcomes[PSM__DEAD]);
	return PSM_HEALTH_GREEN;
}

int
psm_processor_health(psm_processor *pr, char *reason, size_t size)
{
	char none[1];
	int health;

	if (!reason || size == 0) {
		reason = none;
		size = sizeof none;
	}
	if (!pr || !psm__worker_running(&pr->worker)) {
		(void)snprintf(reason, size, "%s: the processor does not run",
		               pr ? pr->name : "");
		return PSM_HEALTH_RED;
	}
	(void)pthread_mutex_lock(&pr->lock);
	health = health_locked(pr, reason, size);
	(void)pthread_mutex_unlock(&pr->lock);
	return health;
}
