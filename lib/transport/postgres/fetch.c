/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading messages: one statement for all partitions that have none left. */
#include "transport/postgres/source.h"

static int
take_chunk(struct psm__pg_part *part, const struct psm__topic_place *at,
           const psm_rows *rows, size_t first, size_t count, psm_error *err)
{
	struct psm__pg_chunk *chunk;
	int rc = psm__pg_chunk(at, rows, first, count, &chunk, err);

	if (rc < 0)
		return rc;
	psm__pg_forget(part);
	part->chunk = chunk;
	return 0;
}

/* -- where the log begins and ends */

/* What lies between was deleted, or the topic was recreated. */
static void
jump(struct psm__pg_part *part, int64_t to)
{
	part->gap_from = part->position;
	part->gap_to = part->position = to;
}

/* first_row: offset of the first message that was read, -1: none was. */
static void
check_ends(struct psm__pg_part *part, const struct psm__topic_place *at,
           int64_t first_row)
{
	if (part->position < 0) {
		part->position = first_row >= 0 ? first_row : at->first;
		return;
	}
	if (!at->wanted)
		return;
	if (first_row > part->position)
		jump(part, first_row);
	else if (first_row < 0 &&
	         (part->position < at->first || part->position > at->next))
		jump(part, at->first);
}

/* 0: the topic was dropped, and may have been recreated: the position means
 * nothing in it. The group tells where to begin. */
static int
is_same_topic(struct psm__pg_source *s, struct psm__pg_part *part,
              const struct psm__topic_place *at)
{
	int64_t before = part->incarnation;

	part->end = at->next;
	if (at->next >= 0)
		part->incarnation = *psm__pg_incarnation(s, part->topic) =
		    at->incarnation;
	if (at->next >= 0 && (before == 0 || before == at->incarnation))
		return 1;
	psm__pg_forget(part);
	if (part->position > 0)
		jump(part, 0);
	__atomic_store_n(&s->follow, 1, __ATOMIC_RELEASE);
	return 0;
}

static int
take_rows(struct psm__pg_source *s, const struct psm__topic_place *list,
          const psm_rows *rows, psm_error *err)
{
	size_t i, at = 0, count = psm_rows_count(rows);
	struct psm__topic_row row;
	int rc = 0;

	for (i = 0; i < s->part_count; i++) {
		size_t first = at;
		int64_t offset = -1;

		for (; at < count; at++) {
			psm__topic_row(rows, at, &row);
			if (row.place != i)
				break;
			if (at == first)
				offset = row.offset;
		}
		if (!is_same_topic(s, s->parts[i], &list[i]))
			continue;
		check_ends(s->parts[i], &list[i], offset);
		if (at > first && rc == 0)
			rc = take_chunk(s->parts[i], &list[i], rows, first,
			                at - first, err);
	}
	return rc < 0 ? rc : count > 0;
}

/* The answer has the bytes in hexadecimal, and is there together with what is
 * made of it: a quarter of the limit for all partitions. */
static int
fetch_bytes(const struct psm__pg_source *s)
{
	int64_t share = s->pg->prefetch_max / 4 / (int64_t)(s->part_count + 1);

	return share < PSM__PG_FETCH_BYTES ? (int)share : PSM__PG_FETCH_BYTES;
}

int
psm__pg_fetch(struct psm__pg_source *s, psm_error *err)
{
	struct psm__topic_place *list = NULL;
	int64_t now = psm__mono_ms(), generation = -1;
	psm_rows *rows = NULL;
	size_t i;
	int rc;

	list = psm__array(s->part_count + 1, sizeof *list);
	if (!list)
		return psm__nomem(err);
	for (i = 0; i < s->part_count; i++) {
		const struct psm__pg_part *p = s->parts[i];

		list[i] = (struct psm__topic_place){
		    .topic = p->topic,
		    .partition = p->partition,
		    .position = p->position,
		    .wanted = !p->chunk && p->held_until_ms <= now,
		};
	}
	rc = psm__topic_read(s->link.conn, s->group, list, s->part_count,
	                     PSM__PG_FETCH_MOST, fetch_bytes(s), &generation,
	                     &rows, err);
	if (rc == 0)
		rc = take_rows(s, list, rows, err);
	if (rc >= 0 && generation != s->generation)
		__atomic_store_n(&s->follow, 1, __ATOMIC_RELEASE);
	psm__pg_count_lag(s);
	psm_rows_free(rows);
	psm__free(list);
	return rc;
}
