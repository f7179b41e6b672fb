/* SPDX-License-Identifier: BSD-2-Clause */
/* How often a handler is called, and how long it takes. */
#include "flow/processor/processor_int.h"

void
psm__processor_timed(psm_processor *pr, const struct psm__handler *h,
                     int64_t took_us)
{
	struct psm__timer *t = &pr->timers[h - pr->dispatch.handlers];

	(void)pthread_mutex_lock(&pr->lock);
	if (!t->count) {
		t->count =
		    psm__counter("psymatch_processor_handler_calls_total",
		                 "type", h->type, "Calls of a handler.");
		t->sum_us = psm__counter_us(
		    "psymatch_processor_handler_seconds_total", "type", h->type,
		    "Time spent in a handler.");
	}
	(void)pthread_mutex_unlock(&pr->lock);
	psm__metric_add(t->count, 1);
	psm__metric_add(t->sum_us, took_us);
}
