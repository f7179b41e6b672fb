/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/kafka/end.h"

/* Until a broker is asked whether there is nothing to read. */
#define QUIET_MS 10000
/* How long it may take to answer. */
#define ASK_MS 1000

void
psm__kafka_ends_init(struct psm__kafka_ends *e, struct psm__kafka_parts *parts,
                     struct psm__kafka_link *link)
{
	e->parts = parts;
	e->link = link;
	e->quiet_ms = QUIET_MS;
}

void
psm__kafka_came(struct psm__kafka_part *part, int64_t now)
{
	part->came_ms = now;
	if (__atomic_load_n(&part->behind, __ATOMIC_RELAXED))
		__atomic_store_n(&part->behind, 0, __ATOMIC_RELAXED);
}

/* The partition that was not asked for the longest time; NULL: not all are
 * quiet. */
static struct psm__kafka_part *
quiet_part(struct psm__kafka_ends *e, int64_t now)
{
	struct psm__kafka_part *found = NULL;
	size_t i;

	for (i = 0; i < e->parts->count; i++) {
		struct psm__kafka_part *part = e->parts->list[i];

		if (now - part->came_ms < e->quiet_ms)
			return NULL; /* a busy source is not kept waiting */
		if (part->state != PSM__PART_FLOWING || part->position < 0)
			continue;
		if (!found || part->asked_ms < found->asked_ms)
			found = part;
	}
	return found;
}

void
psm__kafka_ask_ends(struct psm__kafka_ends *e, int64_t now)
{
	struct psm__kafka_part *part;
	int64_t low = -1, high = -1, behind = 0;

	if (now < e->ask_at_ms || !psm__kafka_connected(e->link))
		return;
	e->ask_at_ms = now + e->quiet_ms / 5;
	part = quiet_part(e, now);
	if (!part)
		return;
	part->asked_ms = now;
	if (rd_kafka_query_watermark_offsets(e->parts->rk, part->topic,
	                                     part->partition, &low, &high,
	                                     ASK_MS))
		return;
	/* Shorter than what was read of it: the topic was recreated. */
	if (high > part->position)
		behind = high - part->position;
	else if (high < part->position)
		behind = high - low;
	__atomic_store_n(&part->behind, behind, __ATOMIC_RELAXED);
}

/* -1: unknown. */
static int64_t
part_lag(struct psm__kafka_parts *ps, const struct psm__kafka_part *part)
{
	int64_t position = __atomic_load_n(&part->position, __ATOMIC_RELAXED);
	int64_t behind = __atomic_load_n(&part->behind, __ATOMIC_RELAXED);
	int64_t low = -1, high = -1, lag;

	if (rd_kafka_get_watermark_offsets(ps->rk, part->topic, part->partition,
	                                   &low, &high) ||
	    high < 0)
		return behind > 0 ? behind : -1;
	if (position < 0)
		position = low < 0 ? 0 : low;
	lag = high > position ? high - position : 0;
	return behind > lag ? behind : lag;
}

int64_t
psm__kafka_lag(struct psm__kafka_ends *e)
{
	struct psm__kafka_parts *ps = e->parts;
	int64_t total = 0;
	size_t i;

	pthread_mutex_lock(&ps->lock);
	if (!ps->assigned)
		total = -1;
	for (i = 0; i < ps->count && total >= 0; i++) {
		int64_t lag = part_lag(ps, ps->list[i]);

		total = lag < 0 ? -1 : total + lag;
	}
	pthread_mutex_unlock(&ps->lock);
	return total;
}
