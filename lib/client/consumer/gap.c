/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages that were gone before they were read, and recreated topics. */
#include <stdio.h>

#include "client/consumer/consumer_int.h"

void
psm__consumer_gap(const struct psm__gap *gap, void *user)
{
	psm_consumer *c = user;
	struct psm__cpart *part;

	psm__consumer_count(&c->counts.gaps, c->counts.m_gaps);
	__atomic_add_fetch(&c->counts.gap_messages, psm__gap_messages(gap),
	                   __ATOMIC_RELAXED);
	part = psm__cpart_get(c, gap->topic, gap->partition);
	if (part) /* the decision is kept like an event that is done */
		part->next = gap->to;
	if (part && gap->from >= gap->to) {
		part->confirmed = -1; /* of the log before */
		part->incarnation = 0;
	}
	pthread_mutex_lock(&c->lock);
	c->gap_ms = psm__mono_ms();
	snprintf(
	    c->gap_where, sizeof(c->gap_where),
	    gap->from < gap->to
		? "%.80s[%d]: %lld to %lld are gone, never read"
		: "%.80s[%d]: deleted and recreated, read until %lld, goes on at %lld",
	    gap->topic, (int)gap->partition, (long long)gap->from,
	    (long long)(gap->from < gap->to ? gap->to - 1 : gap->to));
	pthread_mutex_unlock(&c->lock);
}
