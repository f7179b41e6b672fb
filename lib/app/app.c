/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "app/app.h"

/* A day in Berlin: the SQL in what makes a text of len bytes of it. */
static int
berlin_day(psm_tx *tx, const char *sql, char *day, size_t len, psm_error *err)
{
	struct psm__number now;
	const char *params[1] = {psm__number(&now, psm_now_us())};
	const char *text;
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(tx, sql, 1, params, &rows, err);

	if (rc == 0) {
		text = psm_rows_text(rows, 0, 0);
		if (text == NULL || strlen(text) != len)
			rc = psm__fail(err, PSM_ERR_DB, "today: want a day");
		else
			memcpy(day, text, len + 1);
	}
	psm_rows_free(rows);
	return rc;
}

/* PostgreSQL knows when Berlin changes its clocks. */
#define BERLIN                                                                 \
	"((timestamptz 'epoch' + $1::bigint * interval '1 microsecond') "      \
	"AT TIME ZONE 'Europe/Berlin')::date"

int
psm__app_today(psm_tx *tx, char today[11], psm_error *err)
{
	return berlin_day(tx, "SELECT (" BERLIN ")::text", today, 10, err);
}

int
psm__app_tomorrow(psm_tx *tx, char day[9], psm_error *err)
{
	return berlin_day(tx, "SELECT to_char(" BERLIN " + 1, 'YYYYMMDD')", day,
	                  8, err);
}

int
psm__app_emit(psm_tx *tx, const char *type, const char *producer,
              psm_json_writer *w, psm_error *err)
{
	psm_event *ev = NULL;
	const char *text;
	size_t len;
	int rc;

	rc = psm_json_writer_finish(w, &text, &len, err);
	if (rc == 0)
		rc = psm_event_new(type, producer, text, len, &ev, err);
	if (rc == 0)
		rc = psm_tx_emit(tx, ev, err);
	psm_event_free(ev);
	return rc;
}

int
psm__app_is_system(int code)
{
	return code == PSM_ERR_DB || code == PSM_ERR_TIMEOUT ||
	       code == PSM_ERR_RETRY || code == PSM_ERR_STATE ||
	       code == PSM_ERR_NOMEM || code == PSM_ERR_IO ||
	       code == PSM_ERR_FULL;
}
