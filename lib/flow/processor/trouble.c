/* SPDX-License-Identifier: BSD-2-Clause */
/* What went wrong lately without stopping a processor, for its health. */
#include "flow/processor/processor_int.h"

#include <stdio.h>
#include <string.h>

/* How long a failed poll is remembered, and a dead letter or a late handler. */
#define POLL_MS 10000
#define LATE_MS (15 * 60 * 1000)

void
psm__trouble_poll(psm_processor *pr)
{
	const char *text = psm_error_message(pr->err);
	struct psm__trouble *w = &pr->trouble;
	int64_t now = psm__mono_ms();
	int news;

	(void)pthread_mutex_lock(&pr->lock);
	news = !w->poll_at_ms || now - w->logged_ms >= POLL_MS ||
	       strncmp(w->poll, text, sizeof w->poll - 1) != 0;
	if (news)
		w->logged_ms = now;
	w->poll_at_ms = now;
	(void)snprintf(w->poll, sizeof w->poll, "%s", text);
	(void)snprintf(w->shown, sizeof w->shown, "%s",
	               psm_error_public(pr->err));
	(void)pthread_mutex_unlock(&pr->lock);
	if (news)
		psm__log(PSM_LOG_WARN, "reading events", "consumer", pr->name,
		         "reason", text, NULL);
}

void
psm__trouble_late(psm_processor *pr, const struct psm__record *rec,
                  int64_t over_ms)
{
	char text[64];

	(void)pthread_mutex_lock(&pr->lock);
	pr->trouble.late++;
	pr->trouble.late_at_ms = psm__mono_ms();
	(void)pthread_mutex_unlock(&pr->lock);
	psm__metric_add(psm__counter("psymatch_processor_overrun_total",
	                             "consumer", pr->name,
	                             "Calls of handlers that passed their "
	                             "deadline."),
	                1);
	(void)snprintf(text, sizeof text, "%d:%lld by %lld ms",
	               (int)rec->partition, (long long)rec->offset,
	               (long long)over_ms);
	psm__log(PSM_LOG_WARN, "a handler passed its deadline", "consumer",
	         pr->name, "topic", rec->topic, "position", text, NULL);
}

static int
is_recent(int64_t at_ms, int64_t span_ms)
{
	return at_ms > 0 && psm__mono_ms() - at_ms < span_ms;
}

int
psm__trouble_health(const psm_processor *pr, char *reason, size_t size)
{
	const struct psm__trouble *w = &pr->trouble;

	if (is_recent(w->poll_at_ms, POLL_MS))
		(void)snprintf(reason, size, "%s: reading failed: %s", pr->name,
		               w->shown);
	else if (is_recent(w->dead_at_ms, LATE_MS))
		(void)snprintf(
		    reason, size, "%s: %lld dead, the last one %lld s ago",
		    pr->name, (long long)pr->outcomes[PSM__DEAD],
		    (long long)((psm__mono_ms() - w->dead_at_ms) / 1000));
	else if (is_recent(w->late_at_ms, LATE_MS))
		(void)snprintf(
		    reason, size,
		    "%s: %lld calls past their deadline, the last one %lld s "
		    "ago",
		    pr->name, (long long)w->late,
		    (long long)((psm__mono_ms() - w->late_at_ms) / 1000));
	else
		return PSM_HEALTH_GREEN;
	return PSM_HEALTH_AMBER;
}
