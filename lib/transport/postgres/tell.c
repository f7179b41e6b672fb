/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The callbacks of a postgres source. What a step finds out is noted in its
 * partition; callbacks run when the step has ended, because they commit: that
 * is a step of its own, and the connection may be gone afterwards. The list of
 * partitions stays as it is meanwhile: no callback polls.
 */
#include "transport/postgres/source.h"

int
psm__pg_linked(const struct psm__pg_source *s, psm_error *err)
{
	if (s->link.conn)
		return 0;
	(void)psm__fail(err, PSM_ERR_DB, "database: the connection is lost");
	psm__error_flags(err, 1, 0);
	return PSM_ERR_DB;
}

void
psm__pg_tell_confirmed(struct psm__pg_source *s)
{
	size_t i;

	s->telling++;
	for (i = 0; i < s->part_count; i++) {
		struct psm__pg_part *part = s->parts[i];
		int64_t next = part->confirmed;

		/* Off first: the callback may commit. */
		part->confirmed = -1;
		if (next >= 0 && s->conf.confirmed)
			s->conf.confirmed(part->topic, part->partition, next,
			                  s->conf.user);
	}
	s->telling--;
}

void
psm__pg_tell_gaps(struct psm__pg_source *s)
{
	size_t i;

	s->telling++;
	for (i = 0; i < s->part_count; i++) {
		struct psm__pg_part *part = s->parts[i];
		const struct psm__gap gap = {
		    .topic = part->topic,
		    .partition = part->partition,
		    .from = part->gap_from,
		    .to = part->gap_to,
		};

		part->gap_from = -1;
		if (gap.from < 0)
			continue;
		psm__source_log_gap(s->group, &gap);
		if (s->conf.gap)
			s->conf.gap(&gap, s->conf.user);
	}
	s->telling--;
}

void
psm__pg_tell_revoked(struct psm__pg_source *s)
{
	size_t i;

	s->telling++;
	for (i = 0; i < s->part_count; i++) {
		struct psm__pg_part *part = s->parts[i];

		if (part->state != PSM__PG_GOING && part->state != PSM__PG_LOST)
			continue;
		if (s->conf.revoked)
			s->conf.revoked(part->topic, part->partition,
			                s->conf.user);
		psm__pg_part_move(part, PSM__PG_GONE);
	}
	s->telling--;
}

static void
ask_start(struct psm__pg_source *s, struct psm__pg_part *part)
{
	int64_t incarnation = *psm__pg_incarnation(s, part->topic);
	int64_t at =
	    s->conf.start_at(part->topic, part->partition, part->position,
	                     part->incarnation, s->conf.user);

	/* The offset is of the topic that was read before, and this one may
	 * have been recreated: reading it will tell. */
	if (at > 0 && incarnation != 0)
		part->incarnation = incarnation;
	if (at >= 0 || at == PSM__EARLIEST)
		part->position = at >= 0 ? at : -1;
}

void
psm__pg_ask_starts(struct psm__pg_source *s)
{
	size_t i;

	s->telling++;
	for (i = 0; i < s->part_count; i++) {
		if (s->parts[i]->state != PSM__PG_NEW)
			continue;
		if (s->conf.start_at)
			ask_start(s, s->parts[i]);
		psm__pg_part_move(s->parts[i], PSM__PG_OURS);
	}
	s->telling--;
}
