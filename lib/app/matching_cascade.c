/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/matching_cascade.h"

#include <stdio.h>
#include <string.h>

int
psm__cascade_init(struct psm__cascade *c, psm_tx *tx, const psm_event *ev,
                  const char *id_field, psm_error *err)
{
	memset(c, 0, sizeof(*c));
	c->tx = tx;
	c->err = err;
	c->time_us = psm_event_timestamp_us(ev);
	if (psm_json_get_int(psm_json_at(psm_event_payload(ev), id_field),
	                     &c->id, err) < 0)
		return PSM_ERR_REJECT;
	psm__number(&c->id_text, c->id);
	if (psm_time_format(c->time_us, c->time, sizeof(c->time)) < 0)
		return psm__fail(err, PSM_ERR_REJECT, "time: out of range");
	return 0;
}

int
psm__cascade_each(const struct psm__cascade *c, const char *sql,
                  int (*step)(const struct psm__cascade *c,
                              const psm_rows *rows, size_t i))
{
	const char *params[1] = {c->id_text.text};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(c->tx, sql, 1, params, &rows, c->err);

	for (size_t i = 0; rc == 0 && i < psm_rows_count(rows); i++)
		rc = step(c, rows, i);
	psm_rows_free(rows);
	return rc;
}

/* When the event happened, for what a step sets. */
static void
put_now(const struct psm__cascade *c, struct psm__now *now)
{
	memset(now, 0, sizeof(*now));
	(void)snprintf(now->timestamp, sizeof(now->timestamp), "%.10s %.15s",
	               c->time, c->time + 11);
}

int
psm__cascade_save(const struct psm__cascade *c, struct psm__row *row)
{
	struct psm__now now;
	int64_t version;
	int rc;

	put_now(c, &now);
	rc = psm__row_stamp(row, 0, &now, c->err);
	return rc == 0 ? psm__repo_update(c->tx, row, &version, c->err) : rc;
}
