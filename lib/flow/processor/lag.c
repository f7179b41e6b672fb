/* SPDX-License-Identifier: BSD-2-Clause */
/* How far behind a processor is, and whether it makes progress. */
#include "flow/processor/processor_int.h"

#include <stdio.h>

/* Nothing comes for so long, though it should. */
#define STALL_RED_MS 60000
/* Between two updates of the metrics. */
#define SHOW_MS 1000

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
		at = pr->parts[i].wait ? pr->parts[i].record.timestamp_ms : 0;
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
	for (i = 0; i < PSM__N_COUNTED; i++)
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
	int64_t now = psm__mono_ms(), messages, seconds;

	if (now - pr->lag_shown_ms < SHOW_MS)
		return;
	pr->lag_shown_ms = now;
	look_for_progress(pr, now);
	(void)pthread_mutex_lock(&pr->lock);
	messages = psm__lag_messages(pr);
	seconds = psm__lag_seconds(pr);
	(void)pthread_mutex_unlock(&pr->lock);
	psm__metric_set(psm__gauge("psymatch_processor_lag", "consumer",
	                           pr->name,
	                           "Messages not handled yet; -1 if unknown."),
	                messages);
	psm__metric_set(
	    psm__gauge("psymatch_processor_lag_seconds", "consumer", pr->name,
	               "Age of the last message done, or of the oldest that is "
	               "tried again, while others wait; -1 if unknown."),
	    seconds);
}
