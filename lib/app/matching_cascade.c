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

/* notes with "Cancelled: reason" appended by System, new. */
static int
cancel_note(const struct psm__cascade *c, const char *notes, char **out)
{
	struct psm__buf b = {0};
	int rc;

	*out = NULL;
	psm__buf_printf(&b, "Cancelled: %s", c->reason);
	rc = b.failed ? psm__nomem(c->err)
	              : psm_note_append(notes, c->time_us, "System", b.data,
	                                out, c->err);
	psm__buf_free(&b);
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

int
psm__cascade_cancel(const struct psm__cascade *c, struct psm__row *row, int to,
                    int notes, const char **event)
{
	struct psm__now now;
	char *note = NULL;
	int rc;

	put_now(c, &now);
	rc = psm__row_move(row, psm__row_state(row), to, &now, event, c->err);
	if (rc == 0)
		rc = cancel_note(c, psm__row_get(row, notes), &note);
	if (rc == 0)
		rc = psm__row_change(row, notes, note, c->err);
	if (rc == 0)
		rc = psm__cascade_save(c, row);
	psm__free(note);
	return rc;
}

int
psm__cascade_cancel_inquiry(const struct psm__cascade *c, struct psm__row *row)
{
	const char *event; /* none tells of a cancelled inquiry */
	int rc;

	rc = psm__row_change(row, PSM__INQUIRY_STORNIERT_GRUND, c->reason,
	                     c->err);
	return rc == 0 ? psm__cascade_cancel(c, row, PSM_INQUIRY_CANCELLED,
	                                     PSM__INQUIRY_NOTIZEN, &event)
	               : rc;
}

int
psm__cascade_inquiry(const struct psm__cascade *c, const psm_rows *rows,
                     size_t i)
{
	struct psm__row row = {0};
	int64_t version;
	int rc;

	rc = psm__repo_lock(c->tx, &psm__entity_inquiry,
	                    psm_rows_int(rows, i, 0), &row, &version, c->err);
	if (rc == 0)
		rc = psm__cascade_cancel_inquiry(c, &row);
	psm__row_free(&row);
	return rc;
}
