/* SPDX-License-Identifier: BSD-2-Clause */
/* What a consumer counts, for psm_consumer_stat() and the metrics. */
#include "client/consumer/consumer_int.h"

void
psm__consumer_count(int64_t *mine, struct psm__metric *ours)
{
	__atomic_add_fetch(mine, 1, __ATOMIC_RELAXED);
	psm__metric_add(ours, 1);
}

int
psm__consumer_counts(psm_consumer *c)
{
	struct psm__consumer_counts *n = &c->counts;

	n->m_handled =
	    psm__counter("psymatch_consumer_handled_total", "group", c->group,
	                 "Events whose handler returned 0, by consumer group.");
	n->m_retried = psm__counter(
	    "psymatch_consumer_retried_total", "group", c->group,
	    "Times that a handler asked for another try, by consumer group.");
	n->m_dead =
	    psm__counter("psymatch_consumer_dead_total", "group", c->group,
	                 "Messages given up for good, by consumer group.");
	n->m_skipped =
	    psm__counter("psymatch_consumer_skipped_total", "group", c->group,
	                 "Null values and events without a handler, by "
	                 "consumer group.");
	n->m_overrun = psm__counter(
	    "psymatch_consumer_overrun_total", "group", c->group,
	    "Calls of handlers that passed their deadline, by consumer group.");
	n->m_gaps = psm__counter(
	    "psymatch_consumer_gaps_total", "group", c->group,
	    "Times that messages were gone before they were read, by consumer "
	    "group.");
	n->m_lag_seconds = psm__gauge(
	    "psymatch_consumer_lag_seconds", "group", c->group,
	    "Age of the last message finished while others wait, by consumer "
	    "group; -1 if unknown.");
	n->m_lag = psm__gauge("psymatch_consumer_lag", "group", c->group,
	                      "Messages not handled yet, by consumer group; "
	                      "-1 if unknown.");
	return n->m_handled && n->m_retried && n->m_dead && n->m_skipped &&
	               n->m_overrun && n->m_gaps && n->m_lag_seconds && n->m_lag
	           ? 0
	           : PSM_ERR_NOMEM;
}
