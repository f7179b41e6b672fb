/* SPDX-License-Identifier: BSD-2-Clause */
/* The last errors that did not stop a processor, for its health. */
#include "flow/processor/processor_int.h"

#include <stdio.h>
#include <string.h>

/* How long a failed poll is remembered, and a dead letter or a late handler. */
#define POLL_MS 10000
#define LATE_MS (15 * 60 * 1000)

void
psm__last_errors_poll(psm_processor *pr)
{
	const char *text = psm_error_message(pr->err);
	struct psm__last_errors *e = &pr->last_errors;
	int64_t now = psm__mono_ms();
	int news;

	(void)pthread_mutex_lock(&pr->lock);
	news = !e->poll_at_ms || now - e->logged_ms >= POLL_MS ||
	       strncmp(e->poll, text, sizeof e->poll - 1) != 0;
	if (news)
		e->logged_ms = now;
	e->poll_at_ms = now;
	(void)snprintf(e->poll, sizeof e->poll, "%s", text);
	(void)snprintf(e->shown, sizeof e->shown, "%s",
	               psm_error_public(pr->err));
	(void)pthread_mutex_unlock(&pr->lock);
	if (news)
		psm__log(PSM_LOG_WARN, "reading events", "consumer", pr->name,
		         "reason", text, NULL);
}

void
psm__last_errors_late(psm_processor *pr, const struct psm__record *rec,
                      int64_t over_ms)
{
	char text[64];

	(void)pthread_mutex_lock(&pr->lock);
	pr->last_errors.late++;
	pr->last_errors.late_at_ms = psm__mono_ms();
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
psm__last_errors_health(const psm_processor *pr, char *reason, size_t size)
{
	const struct psm__last_errors *e = &pr->last_errors;

	if (is_recent(e->poll_at_ms, POLL_MS))
		(void)snprintf(reason, size, "%s: reading failed: %s", pr->name,
		               e->shown);
	else if (is_recent(e->dead_at_ms, LATE_MS))
		(void)snprintf(
		    reason, size, "%s: %lld dead, the last one %lld s ago",
		    pr->name, (long long)pr->outcomes[PSM__DEAD],
		    (long long)((psm__mono_ms() - e->dead_at_ms) / 1000));
	else if (is_recent(e->late_at_ms, LATE_MS))
		(void)snprintf(
		    reason, size,
		    "%s: calls past their deadline: %lld, the last one %lld s "
		    "ago",
		    pr->name, (long long)e->late,
		    (long long)((psm__mono_ms() - e->late_at_ms) / 1000));
	else
		return PSM_HEALTH_GREEN;
	return PSM_HEALTH_AMBER;
}
