/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/delivery.h"
#include "store/pool.h"

/* Rows that one statement removes: it must be short, the relay waits for it. */
#define CLEAN_ROWS 5000
#define LOCK_WAIT "2s" /* as the functions of the inbox have it */
#define AS_TEXT(number) TEXT(number)
#define TEXT(number) #number

/* The function takes one or two numbers and returns one. */
static int
call(struct psm__conn *c, const char *sql, int days, int64_t *out,
     psm_error *err)
{
	const char *params[1];
	psm_rows *rows = NULL;
	struct psm__number number;
	int rc;

	params[0] = psm__number(&number, days);
	rc = psm__conn_exec(c, sql, 1, params, &rows, err);
	if (rc == 0)
		*out = psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	return rc;
}

int
psm__upkeep(psm_store *st, struct psm__conn *c, int *more, psm_error *err)
{
	int days = psm__pool_inbox_days(st), rc;
	int64_t months = 0, rows = 0;
	struct psm__number text;

	*more = 0;
	rc = call(c, "SELECT psymatch.inbox_months($1::integer)", days, &months,
	          err);
	if (rc == 0)
		rc = call(c,
		          "SELECT psymatch.inbox_clean($1::integer, " AS_TEXT(
			      CLEAN_ROWS) ")",
		          days, &rows, err);
	if (rc < 0)
		return rc;
	*more = rows == CLEAN_ROWS;
	/* Of consumers that ended without a word. The relay is in no hurry for
	 * this, and whoever waits for the relay is. */
	rc = psm__conn_lock_limit(c, LOCK_WAIT, err);
	if (rc < 0)
		return rc;
	rc = psm__conn_exec(c,
	                    "DELETE FROM psymatch.consumer_alive WHERE seen_at "
	                    "< clock_timestamp() - interval '1 day'",
	                    0, NULL, NULL, err);
	if (rc < 0)
		return rc;
	if (months > 0)
		psm__log(PSM_LOG_INFO, "inbox: past months dropped", "months",
		         psm__number(&text, months), NULL);
	return 0;
}

int
psm_store_maintain(psm_store *st, psm_error *err)
{
	struct psm__conn *c;
	int rc, more = 1;

	psm__error_clear(err);
	if (!st)
		return psm__fail(err, PSM_ERR_INVAL, "st: want a store");
	rc = psm__pool_get(st, PSM__POOL_WAIT_MS, &c, err);
	if (rc < 0)
		return rc;
	while (rc == 0 && more)
		rc = psm__upkeep(st, c, &more, err);
	psm__pool_put(st, c);
	return rc;
}
