/* SPDX-License-Identifier: BSD-2-Clause */
/* The partitions of a source, and what was read of them. */
#include "transport/postgres/source.h"

#include <assert.h>
#include <string.h>

#define TO(s) (1u << (s))
static const unsigned may_follow[PSM__N_PG_PART_STATES] = {
    [PSM__PG_NEW] = TO(PSM__PG_OURS) | TO(PSM__PG_GOING) | TO(PSM__PG_LOST),
    [PSM__PG_OURS] = TO(PSM__PG_GOING) | TO(PSM__PG_LOST),
    [PSM__PG_GOING] = TO(PSM__PG_GONE),
    [PSM__PG_LOST] = TO(PSM__PG_GONE),
    [PSM__PG_GONE] = 0,
};

void
psm__pg_part_move(struct psm__pg_part *part, enum psm__pg_part_state to)
{
	assert(may_follow[part->state] & TO(to));
	part->state = to;
	if (to == PSM__PG_LOST)
		part->pending = -1;
}

struct psm__pg_part *
psm__pg_part(struct psm__pg_source *s, const char *topic, int32_t partition)
{
	size_t i;

	for (i = 0; i < s->part_count; i++)
		if (s->parts[i]->partition == partition &&
		    strcmp(s->parts[i]->topic, topic) == 0)
			return s->parts[i];
	return NULL;
}

/* The server tells only of topics that we asked for. */
int64_t *
psm__pg_incarnation(struct psm__pg_source *s, const char *topic)
{
	size_t i = 0;

	while (i + 1 < s->topic_count && strcmp(s->topics[i], topic) != 0)
		i++;
	return &s->incarnation[i];
}

void
psm__pg_forget(struct psm__pg_part *part)
{
	psm__pg_release(part->chunk);
	part->chunk = NULL;
	part->at = 0;
}

void
psm__pg_part_free(struct psm__pg_part *part)
{
	if (!part)
		return;
	psm__pg_forget(part);
	psm__free(part->topic);
	psm__free(part);
}

void
psm__pg_drop_parts(struct psm__pg_source *s)
{
	while (s->part_count > 0)
		psm__pg_part_free(s->parts[--s->part_count]);
}

void
psm__pg_count_lag(struct psm__pg_source *s)
{
	int64_t lag = 0;
	size_t i;

	for (i = 0; i < s->part_count && lag >= 0; i++) {
		const struct psm__pg_part *p = s->parts[i];

		if (p->end < 0)
			lag = -1;
		else if (p->end > p->position)
			lag += p->end - (p->position < 0 ? 0 : p->position);
	}
	__atomic_store_n(&s->lag, s->joined ? lag : -1, __ATOMIC_RELAXED);
}
