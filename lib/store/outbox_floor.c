/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/delivery.h"

/* How often the whole table is looked at: somebody may have put rows or the
 * sequence back. */
#define FULL_MS 60000

/* Who may have drawn a number without having committed it. */
#define HOLDERS                                                                \
	"FROM pg_locks WHERE locktype = 'relation' AND database = "            \
	"(SELECT oid FROM pg_database WHERE datname = current_database()) "    \
	"AND relation = 'psymatch.outbox'::regclass AND mode = "               \
	"'RowExclusiveLock' AND pid IS DISTINCT FROM pg_backend_pid() "

static int
ask(struct psm__conn *c, const char *sql, const char *param, psm_rows **rows,
    psm_error *err)
{
	const char *params[] = {param};

	return psm__conn_exec(c, sql, param ? 1 : 0, params, rows, err);
}

/* What was drawn, and then who holds the lock: never the other way round. */
static int
begin(struct psm__outbox_floor *f, struct psm__conn *c, psm_error *err)
{
	const char *text;
	psm_rows *rows = NULL;
	int64_t drawn = 0;
	int rc;

	rc = ask(c,
	         "SELECT last_value - (NOT is_called)::integer FROM "
	         "psymatch.outbox_id_seq",
	         NULL, &rows, err);
	if (rc == 0)
		drawn = psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	rows = NULL;
	if (rc < 0 || drawn <= f->id)
		return rc;
	rc = ask(
	    c, "SELECT coalesce(array_agg(virtualtransaction), '{}') " HOLDERS,
	    NULL, &rows, err);
	text = psm_rows_text(rows, 0, 0);
	if (rc == 0) {
		f->holders = psm__strdup(text ? text : "{}");
		rc = f->holders ? 0 : psm__nomem(err);
	}
	if (rc == 0)
		f->drawn = drawn;
	psm_rows_free(rows);
	return rc;
}

/* 1: all who held the lock have ended. */
static int
have_ended(struct psm__outbox_floor *f, struct psm__conn *c, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc;

	rc = ask(c,
	         "SELECT count(*) " HOLDERS
	         "AND virtualtransaction = ANY ($1::text[])",
	         f->holders, &rows, err);
	if (rc == 0)
		rc = psm_rows_int(rows, 0, 0) == 0;
	psm_rows_free(rows);
	return rc;
}

/* The lowest row above the floor that is there; INT64_MAX: none. */
static int
lowest(struct psm__conn *c, int64_t above, int64_t *id, psm_error *err)
{
	psm_rows *rows = NULL;
	struct psm__number text;
	int rc;

	rc = ask(c,
	         "SELECT id FROM psymatch.outbox WHERE id > $1::bigint "
	         "ORDER BY id LIMIT 1",
	         psm__number(&text, above), &rows, err);
	*id = psm_rows_count(rows) > 0 ? psm_rows_int(rows, 0, 0) : INT64_MAX;
	psm_rows_free(rows);
	return rc;
}

static int
rise(struct psm__outbox_floor *f, struct psm__conn *c, psm_error *err)
{
	int64_t first;
	int rc = lowest(c, f->id, &first, err);

	if (rc < 0)
		return rc;
	f->id = f->drawn < first ? f->drawn : first - 1;
	psm__free(f->holders);
	f->holders = NULL;
	f->drawn = 0;
	return 0;
}

static int
look_below(struct psm__outbox_floor *f, struct psm__conn *c, psm_error *err)
{
	int64_t first;
	int rc;

	if (psm__mono_ms() < f->full_at_ms + FULL_MS)
		return 0;
	rc = lowest(c, INT64_MIN, &first, err);
	if (rc < 0)
		return rc;
	f->full_at_ms = psm__mono_ms();
	if (first <= f->id) {
		psm__log(PSM_LOG_WARN,
		         "outbox: rows came back, reading from the beginning",
		         NULL);
		psm__outbox_floor_free(f);
	}
	return 0;
}

int
psm__outbox_floor_step(struct psm__outbox_floor *f, struct psm__conn *c,
                       psm_error *err)
{
	int rc = look_below(f, c, err);

	if (rc < 0)
		return rc;
	if (f->drawn == 0)
		return begin(f, c, err);
	rc = have_ended(f, c, err);
	return rc == 1 ? rise(f, c, err) : rc;
}

void
psm__outbox_floor_free(struct psm__outbox_floor *f)
{
	psm__free(f->holders);
	f->holders = NULL;
	f->drawn = 0;
	f->id = 0;
}
