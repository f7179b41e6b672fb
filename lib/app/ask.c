/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/ask.h"

#include <stdio.h>

#include "base/base.h"

/* PostgreSQL knows when Berlin changes its clocks. */
#define INSTANT "(timestamptz 'epoch' + $1::bigint * interval '1 microsecond')"
#define BERLIN "(" INSTANT " AT TIME ZONE 'Europe/Berlin')"

static int
ask_time(psm_tx *tx, int64_t time_us, const char *sql, psm_rows **rows,
         psm_error *err)
{
	struct psm__number us;
	const char *params[1] = {psm__number(&us, time_us)};

	return psm_tx_exec(tx, sql, 1, params, rows, err);
}

int
psm__app_now(psm_tx *tx, struct psm__now *now, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc = ask_time(tx, psm_now_us(),
	                  "SELECT " BERLIN "::date, " BERLIN "::time(0), "
	                  "(" INSTANT " AT TIME ZONE 'UTC')::text",
	                  &rows, err);

	if (rc == 0) {
		(void)snprintf(now->today, sizeof(now->today), "%s",
		               psm_rows_text(rows, 0, 0));
		(void)snprintf(now->time, sizeof(now->time), "%s",
		               psm_rows_text(rows, 0, 1));
		(void)snprintf(now->timestamp, sizeof(now->timestamp), "%s",
		               psm_rows_text(rows, 0, 2));
	}
	psm_rows_free(rows);
	return rc;
}

int
psm__app_day(psm_tx *tx, int64_t time_us, char day[11], psm_error *err)
{
	psm_rows *rows = NULL;
	int rc = ask_time(tx, time_us, "SELECT " BERLIN "::date", &rows, err);

	if (rc == 0)
		(void)snprintf(day, 11, "%s", psm_rows_text(rows, 0, 0));
	psm_rows_free(rows);
	return rc;
}

int
psm__app_tomorrow(psm_store *store, char day[9], psm_error *err)
{
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(store, &tx, err);

	if (rc == 0)
		rc =
		    ask_time(tx, psm_now_us(),
		             "SELECT to_char(" BERLIN "::date + 1, 'YYYYMMDD')",
		             &rows, err);
	if (rc == 0)
		(void)snprintf(day, 9, "%s", psm_rows_text(rows, 0, 0));
	psm_rows_free(rows);
	psm_tx_rollback(tx);
	return rc;
}

int
psm__app_ask(psm_tx *tx, const char *sql, size_t count,
             const char *const *params, int64_t *answer, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(tx, sql, count, params, &rows, err);

	*answer = 0;
	if (rc == 0 && psm_rows_count(rows) > 0)
		*answer = psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	return rc;
}

int
psm__app_has_table(psm_tx *tx, const char *name, psm_error *err)
{
	int64_t there;
	int rc = psm__app_ask(
	    tx,
	    "SELECT " PSM__HAS_TABLE("split_part($1, '.', 1)::name",
	                             "split_part($1, '.', 2)::name"),
	    1, &name, &there, err);

	return rc < 0 ? rc : there != 0;
}
