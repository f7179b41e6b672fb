/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The copy of an entity that another service keeps, written by events alone.
 * The event that wrote a row is kept with it, so that a late one never takes
 * the row back.
 */
#include <pthread.h>

#include "entity/sql.h"

static signed char columns[PSM__ENTITY_COUNT][PSM__COLUMNS_MAX + 1];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void
make_columns(void)
{
	for (size_t n = 0; n < PSM__ENTITY_COUNT; n++) {
		const struct psm_entity *e = psm__entities[n];
		size_t count = 0;

		for (size_t i = 0; i < e->count; i++)
			if (e->fields[i].flags & PSM__IN_COPY)
				columns[n][count++] = (signed char)i;
		columns[n][count] = -1;
	}
}

const signed char *
psm__copy_columns(const struct psm_entity *e)
{
	pthread_once(&made, make_columns);
	return columns[e->number];
}

/* A row that the same event wrote is written again: that changes nothing. */
static void
put_newer(struct psm__buf *b)
{
	psm__buf_puts(
	    b, " WHERE NOT k.geloescht AND CASE "
	       "WHEN k.entity_version IS NOT NULL "
	       "AND excluded.entity_version IS NOT NULL "
	       "THEN excluded.entity_version >= k.entity_version "
	       "ELSE (excluded.event_time, excluded.event_id COLLATE \"C\") "
	       ">= (k.event_time, k.event_id COLLATE \"C\") END");
}

/* What the event does not tell about is kept, so that an event with a part of
 * the record empties nothing. */
void
psm__sql_put_copy(struct psm__buf *b, const struct psm_entity *e)
{
	const signed char *column = psm__copy_columns(e);
	size_t count = 0, i;

	psm__buf_printf(b,
	                "INSERT INTO %s AS k "
	                "(id, entity_version, event_time, event_id",
	                e->copy);
	for (i = 0; column[i] >= 0; i++)
		psm__buf_printf(b, ", %s", e->fields[column[i]].name);
	psm__buf_puts(b, ") VALUES ($1, $2, $3, $4");
	for (i = 0; column[i] >= 0; i++, count++)
		psm__buf_printf(b, ", $%zu", 5 + i);
	psm__buf_puts(b, ") ON CONFLICT (id) DO UPDATE SET "
	                 "entity_version = excluded.entity_version, "
	                 "event_time = excluded.event_time, "
	                 "event_id = excluded.event_id");
	for (i = 0; column[i] >= 0; i++) {
		const char *name = e->fields[column[i]].name;

		psm__buf_printf(b,
		                ", %s = CASE WHEN ($%zu::boolean[])[%zu] THEN "
		                "excluded.%s ELSE k.%s END",
		                name, 5 + count, i + 1, name, name);
	}
	put_newer(b);
}

void
psm__sql_put_erase(struct psm__buf *b, const struct psm_entity *e)
{
	const signed char *column = psm__copy_columns(e);

	psm__buf_printf(b,
	                "INSERT INTO %s AS k (id, entity_version, event_time, "
	                "event_id, geloescht) VALUES ($1, $2, $3, $4, true) "
	                "ON CONFLICT (id) DO UPDATE SET geloescht = true, "
	                "entity_version = excluded.entity_version, "
	                "event_time = excluded.event_time, "
	                "event_id = excluded.event_id",
	                e->copy);
	for (size_t i = 0; column[i] >= 0; i++)
		psm__buf_printf(b, ", %s = NULL", e->fields[column[i]].name);
}
