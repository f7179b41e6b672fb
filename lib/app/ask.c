/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/ask.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "domain/search_rules.h"

/* PostgreSQL knows when Berlin changes its clocks. */
#define INSTANT "(timestamptz 'epoch' + $1::bigint * interval '1 microsecond')"
#define BERLIN "(" INSTANT " AT TIME ZONE 'Europe/Berlin')"
#define HOUR_US INT64_C(3600000000)
#define AHEAD 86400 /* more than any zone is */

/*
 * What Berlin is ahead of UTC, in seconds. Its clocks change at full hours of
 * UTC, so one answer serves for the rest of its hour and saves each change a
 * round trip.
 */
static int
ask_ahead(psm_tx *tx, int64_t time_us, int64_t *ahead, psm_error *err)
{
	/* __atomic: hour * AHEAD + ahead; at first of an hour long ago */
	static int64_t known = -AHEAD * INT64_C(1000000000);
	int64_t hour = time_us / HOUR_US - (time_us % HOUR_US < 0);
	int64_t was = __atomic_load_n(&known, __ATOMIC_RELAXED);
	struct psm__number us;
	const char *params[1] = {psm__number(&us, time_us)};
	psm_rows *rows = NULL;
	int rc;

	*ahead = was - hour * AHEAD;
	if (*ahead >= 0 && *ahead < AHEAD)
		return 0;
	rc = psm_tx_exec(tx,
	                 "SELECT extract(epoch FROM " BERLIN " - (" INSTANT
	                 " AT TIME ZONE 'UTC'))::integer",
	                 1, params, &rows, err);
	*ahead = rc == 0 ? psm_rows_int(rows, 0, 0) : 0;
	psm_rows_free(rows);
	if (rc == 0 && *ahead >= 0 && *ahead < AHEAD)
		__atomic_store_n(&known, hour * AHEAD + *ahead,
		                 __ATOMIC_RELAXED);
	return rc;
}

/* PostgreSQL writes no zeros at the end of a fraction. */
static void
trim_fraction(char *timestamp)
{
	size_t len = strlen(timestamp);

	while (len > 0 && timestamp[len - 1] == '0')
		len--;
	if (len > 0 && timestamp[len - 1] == '.')
		len--;
	timestamp[len] = '\0';
}

/* What the clocks of Berlin show, days later. */
static int
ask_clock(psm_tx *tx, int64_t time_us, int days, struct psm__now *clock,
          psm_error *err)
{
	int64_t ahead;
	int rc = ask_ahead(tx, time_us, &ahead, err);

	if (rc == 0)
		psm__now_at(time_us + ahead * 1000000 + days * 24 * HOUR_US,
		            clock);
	return rc;
}

int
psm__app_now(psm_tx *tx, struct psm__now *now, psm_error *err)
{
	int64_t us = psm_now_us();
	struct psm__now there;
	int rc = ask_clock(tx, us, 0, &there, err);

	if (rc < 0)
		return rc;
	psm__now_at(us, now);
	trim_fraction(now->timestamp);
	(void)snprintf(now->today, sizeof(now->today), "%.10s",
	               there.timestamp);
	(void)snprintf(now->time, sizeof(now->time), "%.8s",
	               there.timestamp + 11);
	return 0;
}

int
psm__app_day(psm_tx *tx, int64_t time_us, char day[11], psm_error *err)
{
	struct psm__now there;
	int rc = ask_clock(tx, time_us, 0, &there, err);

	if (rc == 0)
		(void)snprintf(day, 11, "%.10s", there.timestamp);
	return rc;
}

int
psm__app_tomorrow(psm_store *store, char day[9], psm_error *err)
{
	struct psm__now there;
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(store, &tx, err);

	if (rc == 0)
		rc = ask_clock(tx, psm_now_us(), 1, &there, err);
	if (rc == 0)
		(void)snprintf(day, 9, "%.4s%.2s%.2s", there.timestamp,
		               there.timestamp + 5, there.timestamp + 8);
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
