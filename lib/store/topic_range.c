/* SPDX-License-Identifier: BSD-2-Clause */
/* Where reading a topic without a group begins and ends. */
#include "store/topic_log.h"

/* The last millisecond of the year 9999; later ones are as good as never. */
#define LAST_MS 253402300799999

/*
 * The first offset at or behind a time, found by halving: there is no index of
 * times, and each step reads one message. Times rise with the offsets, because
 * a writer holds the partition while it reads the clock; if the clock was set
 * back, those of that while are found by their neighbours' time.
 */
#define HALVING(time)                                                          \
	"(WITH RECURSIVE s(low, high) AS (SELECT p.first, p.next UNION ALL "   \
	"SELECT CASE WHEN m.ts < " time " THEN m.\"offset\" + 1 "              \
	"ELSE s.low END, CASE WHEN m.ts < " time " THEN s.high "               \
	"ELSE (s.low + s.high) / 2 END FROM s LEFT JOIN LATERAL "              \
	"(SELECT l.\"offset\", l.ts FROM psymatch.log AS l "                   \
	"WHERE l.topic = p.topic AND l.partition = p.partition "               \
	"AND l.\"offset\" >= (s.low + s.high) / 2 "                            \
	"ORDER BY l.\"offset\" LIMIT 1) AS m ON true WHERE s.low < s.high) "   \
	"SELECT max(low) FROM s)"

#define FROM_SQL HALVING("to_timestamp($3::bigint / 1000.0)")
#define TO_SQL HALVING("to_timestamp($4::bigint / 1000.0)")

#define RANGE_SQL                                                              \
	"SELECT p.partition, " PSM__INCARNATION_SQL ", "                       \
	"CASE WHEN $3::bigint IS NULL THEN p.first ELSE " FROM_SQL " END, "    \
	"CASE WHEN $4::bigint IS NULL THEN p.next ELSE " TO_SQL " END "        \
	"FROM psymatch.topic AS t JOIN psymatch.log_partition AS p "           \
	"ON p.topic = t.name WHERE t.name = $1 "                               \
	"AND ($2::integer < 0 OR p.partition = $2::integer) "                  \
	"ORDER BY p.partition"

int
psm__topic_range(struct psm__conn *c, const char *topic, int32_t partition,
                 int64_t from_ms, int64_t to_ms, psm_rows **rows,
                 psm_error *err)
{
	struct psm__number number, from, to;
	const char *params[4] = {topic, psm__number(&number, partition)};

	/* The times that are read are rounded to milliseconds, these are not:
	 * one more on each side. */
	if (from_ms > 1)
		params[2] = psm__number(&from, from_ms > LAST_MS ? LAST_MS
		                                                 : from_ms - 1);
	if (to_ms < LAST_MS)
		params[3] = psm__number(&to, to_ms + 1);
	return psm__conn_exec(c, RANGE_SQL, 4, params, rows, err);
}

void
psm__topic_extent(const psm_rows *rows, size_t i, struct psm__topic_extent *out)
{
	out->partition = (int32_t)psm_rows_int(rows, i, 0);
	out->incarnation = psm_rows_int(rows, i, 1);
	out->from = psm_rows_int(rows, i, 2);
	out->to = psm_rows_int(rows, i, 3);
}
