/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups: who reads which partition. The server says what is ours; what is
 * meant for another member is given up in two steps, so that it never has two
 * readers: first our revoked callback, then the release that lets the other
 * one take it.
 */
#include "transport/postgres/source.h"

#include <string.h>

/* -- committing */

static struct psm__topic_place
place_of(const struct psm__pg_part *part)
{
	return (struct psm__topic_place){
	    .topic = part->topic,
	    .partition = part->partition,
	    .position = part->pending,
	};
}

int
psm__pg_flush(struct psm__pg_source *s, psm_error *err)
{
	struct psm__topic_place *list;
	size_t i, count = 0;
	int64_t found = 0;
	int rc = 0;

	list = psm__array(s->part_count + 1, sizeof *list);
	if (!list)
		return psm__nomem(err);
	for (i = 0; i < s->part_count; i++)
		if (s->parts[i]->pending >= 0)
			list[count++] = place_of(s->parts[i]);
	if (count > 0)
		rc = psm__group_commit(s->link.conn, s->group, s->member, list,
		                       count, &found, err);
	psm__free(list);
	if (rc < 0)
		return rc;
	for (i = 0; i < s->part_count; i++) {
		struct psm__pg_part *part = s->parts[i];

		if (part->pending >= 0 && found == (int64_t)count)
			part->confirmed = part->pending;
		part->pending = -1;
	}
	if (found < (int64_t)count) {
		__atomic_store_n(&s->follow, 1, __ATOMIC_RELEASE);
		return psm__fail(err, PSM_ERR_FENCED,
		                 "a partition is not assigned to us");
	}
	return 0;
}

/* -- giving up */

/* Take it off the list; its callback has run. */
static void
remove_part(struct psm__pg_source *s, struct psm__pg_part *part)
{
	size_t i;

	for (i = 0; i < s->part_count; i++) {
		if (s->parts[i] != part)
			continue;
		s->parts[i] = s->parts[--s->part_count];
		break;
	}
	psm__pg_part_free(part);
}

/* What the answer says of a partition: a row of it, or -1. */
static int
find_share(const psm_rows *rows, const struct psm__pg_part *part,
           struct psm__topic_share *out)
{
	size_t i;

	for (i = 0; i < psm_rows_count(rows); i++) {
		psm__group_share(rows, i, out);
		if (out->topic && out->partition == part->partition &&
		    strcmp(out->topic, part->topic) == 0)
			return 0;
	}
	return -1;
}

/* Choose the partitions that must go. Their callbacks may commit, unless there
 * may be another owner already. */
static void
choose_going(struct psm__pg_source *s, const psm_rows *rows)
{
	struct psm__topic_share share;
	size_t i;

	for (i = 0; i < s->part_count; i++) {
		struct psm__pg_part *part = s->parts[i];
		int there = find_share(rows, part, &share) == 0;

		if (there && share.keep && !share.fresh)
			continue;
		psm__pg_part_move(part, there && !share.fresh ? PSM__PG_GOING
		                                              : PSM__PG_LOST);
	}
}

static void
remove_gone(struct psm__pg_source *s)
{
	size_t i = 0;

	while (i < s->part_count)
		if (s->parts[i]->state == PSM__PG_GONE)
			remove_part(s, s->parts[i]);
		else
			i++;
}

/* The callbacks of what must go, and what they want to be written. */
static void
give_up(struct psm__pg_source *s)
{
	psm__pg_tell_revoked(s);
	if (s->link.conn && psm__pg_flush(s, NULL) < 0)
		psm__log(PSM_LOG_DEBUG, "offset hint refused", "group",
		         s->group, NULL);
	psm__pg_tell_confirmed(s);
	remove_gone(s);
}

/* Everything that is ours and meant for others, whether we knew of it or not.
 */
static int
release(struct psm__pg_source *s, const psm_rows *rows, psm_error *err)
{
	struct psm__topic_place *list;
	struct psm__topic_share share;
	size_t i, count = 0;
	int rc = 0;

	list = psm__array(psm_rows_count(rows) + 1, sizeof *list);
	if (!list)
		return psm__nomem(err);
	for (i = 0; i < psm_rows_count(rows); i++) {
		psm__group_share(rows, i, &share);
		if (share.topic && !share.keep)
			list[count++] = (struct psm__topic_place){
			    .topic = share.topic, .partition = share.partition};
	}
	if (count > 0)
		rc = psm__group_release(s->link.conn, s->group, s->member, list,
		                        count, err);
	psm__free(list);
	return rc;
}

/* -- taking over */

static int
add_part(struct psm__pg_source *s, const struct psm__topic_share *share,
         psm_error *err)
{
	struct psm__pg_part *part = psm__alloc(sizeof *part);

	if (part)
		part->topic = psm__strdup(share->topic);
	if (!part || !part->topic ||
	    psm__grow(&s->parts, &s->part_cap, s->part_count + 1,
	              sizeof *s->parts) < 0) {
		psm__pg_part_free(part);
		return psm__nomem(err);
	}
	part->partition = share->partition;
	part->incarnation = share->incarnation;
	part->state = PSM__PG_NEW;
	part->position = share->next;
	part->end = part->pending = part->confirmed = part->gap_from = -1;
	s->parts[s->part_count++] = part;
	return 0;
}

static int
take_over(struct psm__pg_source *s, const psm_rows *rows, psm_error *err)
{
	struct psm__topic_share share;
	size_t i;
	int rc = 0;

	for (i = 0; i < psm_rows_count(rows) && rc == 0; i++) {
		psm__group_share(rows, i, &share);
		if (!share.topic)
			s->generation = share.generation;
		else if (share.keep &&
		         !psm__pg_part(s, share.topic, share.partition))
			rc = add_part(s, &share, err);
	}
	return rc;
}

/* -- following */

static int
make_topics(struct psm__pg_source *s, psm_error *err)
{
	int32_t partitions;
	size_t i;
	int rc = 0;

	for (i = 0; i < s->topic_count && rc == 0; i++)
		rc = psm__topic_ensure(s->link.conn, s->topics[i],
		                       s->pg->partitions, &partitions, err);
	return rc;
}

int
psm__pg_follow(struct psm__pg_source *s, psm_error *err)
{
	const struct psm__topic_member m = {
	    .group = s->group,
	    .member = s->member,
	    .topics = (const char *const *)s->topics,
	    .topic_count = s->topic_count,
	    .lease_ms = s->pg->lease_ms,
	};
	int64_t asked_ms = psm__mono_ms();
	psm_rows *rows = NULL;
	int rc = 0;

	__atomic_store_n(&s->follow, 0, __ATOMIC_RELEASE);
	s->follow_at_ms = asked_ms + s->pg->lease_ms / 3;
	if (!s->joined)
		rc = make_topics(s, err);
	if (rc == 0)
		rc = psm__group_follow(s->link.conn, &m, &rows, err);
	if (rc < 0)
		goto out;
	__atomic_store_n(&s->lease_until, asked_ms + s->pg->lease_ms,
	                 __ATOMIC_RELEASE);
	s->joined = 1;
	choose_going(s, rows);
	give_up(s);
	rc = psm__pg_linked(s, err);
	if (rc == 0)
		rc = take_over(s, rows, err);
	if (rc == 0)
		rc = release(s, rows, err);
	psm__pg_ask_starts(s);
	if (rc == 0)
		rc = psm__pg_linked(s, err);
	psm__pg_count_lag(s);
out:
	if (rc < 0) /* what is left of it */
		__atomic_store_n(&s->follow, 1, __ATOMIC_RELEASE);
	psm_rows_free(rows);
	return rc;
}

void
psm__pg_leave(struct psm__pg_source *s)
{
	if (!s->link.conn || !s->joined)
		return;
	psm__error_clear(s->err);
	if (psm__pg_flush(s, s->err) < 0 ||
	    psm__group_leave(s->link.conn, s->group, s->member, s->err) < 0)
		psm__log(PSM_LOG_WARN,
		         "left the group without telling the database", "group",
		         s->group, "reason", psm_error_message(s->err), NULL);
	psm__pg_tell_confirmed(s);
}
