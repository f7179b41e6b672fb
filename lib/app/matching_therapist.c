/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a blocked and a deleted therapist mean for inquiries and searches. Each
 * statement only touches rows that are not yet as they should be, so handling
 * an event again changes nothing.
 */
#include <string.h>

#include "app/inquiry.h"
#include "app/matching_cascade.h"
#include "domain/search_rules.h"

/* psm__inquiry_cancel() locks them, searches first. */
static int
cancel_one(const struct psm__cascade *c, const psm_rows *rows, size_t i)
{
	struct psm__now at;
	int rc;

	psm__now_at(c->time_us, &at);
	rc = psm__inquiry_cancel(c->tx, psm_rows_int(rows, i, 0), c->reason,
	                         &at, c->time_us, c->err);
	return rc < 0 ? rc : 0;
}

static int
cancel_unsent(const struct psm__cascade *c)
{
	return psm__cascade_each(c,
	                         "SELECT id FROM " INQUIRY
	                         " WHERE therapist_id = $1::integer "
	                         "AND gesendet_datum IS NULL "
	                         "AND antwort_datum IS NULL "
	                         "AND storniert_datum IS NULL ORDER BY id",
	                         cancel_one);
}

/* Add the therapist to the list of a locked search; 1: added, 0: is there. */
static int
exclude(const struct psm__cascade *c, struct psm__row *row)
{
	const int column = PSM__SEARCH_AUSGESCHLOSSENE_THERAPEUTEN;
	psm_json *old = NULL;
	char *fresh = NULL;
	int added = 0;
	int rc = psm__exclusion_parse(psm__row_get(row, column), &old, c->err);

	if (rc == 0)
		rc = added = psm_exclusion_add(old, c->id, c->time_us,
		                               c->exclusion, &fresh, c->err);
	if (rc > 0)
		rc = psm__row_change(row, column, fresh, c->err);
	psm_free(fresh);
	psm_json_free(old);
	return rc < 0 ? rc : added;
}

static int
exclude_from(const struct psm__cascade *c, const psm_rows *rows, size_t i)
{
	struct psm__row row = {0};
	int64_t version;
	int rc;

	rc = psm__repo_lock(c->tx, &psm__entity_search,
	                    psm_rows_int(rows, i, 0), &row, &version, c->err);
	if (rc == 0)
		rc = exclude(c, &row);
	if (rc > 0)
		rc = psm__cascade_save(c, &row);
	psm__row_free(&row);
	return rc;
}

static int
exclude_waiting(const struct psm__cascade *c)
{
	return psm__cascade_each(
	    c,
	    "SELECT s.id FROM " SEARCH " s WHERE s.status = 'aktiv' "
	    "AND EXISTS (SELECT FROM " MEMBER " m JOIN " INQUIRY
	    " a ON a.id = m.therapeutenanfrage_id "
	    "WHERE m.platzsuche_id = s.id "
	    "AND a.therapist_id = $1::integer "
	    "AND a.gesendet_datum IS NOT NULL "
	    "AND a.antwort_datum IS NULL) "
	    "ORDER BY s.id FOR UPDATE OF s",
	    exclude_from);
}

#define OPEN                                                                   \
	"a.therapist_id = $1::integer AND a.antwort_datum IS NULL "            \
	"AND a.storniert_datum IS NULL"

int
psm__therapist_lock_open(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	struct psm__cascade c;
	const char *params[1];
	int rc = psm__cascade_init(&c, tx, ev, "/therapist_id", err);

	if (rc < 0 || c.id < 1 || c.id > INT32_MAX)
		return rc; /* the copy refuses it */
	params[0] = c.id_text.text;
	/* One that is composed at the moment is waited for. */
	rc = psm__inquiry_lock_therapist(tx, c.id, err);
	if (rc == 0)
		rc = psm_tx_exec(tx,
		                 "SELECT FROM " SEARCH
		                 " WHERE id IN (SELECT m.platzsuche_id FROM "
		                 "" MEMBER " m JOIN " INQUIRY
		                 " a ON a.id = m.therapeutenanfrage_id "
		                 "WHERE " OPEN ") ORDER BY id FOR UPDATE",
		                 1, params, NULL, err);
	if (rc == 0)
		rc = psm_tx_exec(tx,
		                 "SELECT FROM " INQUIRY " a WHERE " OPEN
		                 " ORDER BY a.id FOR UPDATE",
		                 1, params, NULL, err);
	return rc;
}

int
psm__therapist_blocked(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	static const char blocked[] = "Therapist blocked";
	const psm_json *payload = psm_event_payload(ev);
	struct psm__buf exclusion = {0};
	struct psm__cascade c;
	int rc;

	rc = psm__cascade_init(&c, tx, ev, "/therapist_id", err);
	if (rc < 0)
		return rc;
	c.reason = psm_json_string(psm_json_at(payload, "/reason"));
	psm__buf_puts(&exclusion, blocked);
	if (psm__text_is_blank(c.reason))
		c.reason = blocked;
	else
		psm__buf_printf(&exclusion, ": %s", c.reason);
	c.exclusion = exclusion.data;
	rc = exclusion.failed ? psm__nomem(err) : cancel_unsent(&c);
	if (rc == 0)
		rc = exclude_waiting(&c);
	psm__buf_free(&exclusion);
	return rc;
}

/* What was sent stays as history. */
int
psm__therapist_deleted(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	struct psm__cascade c;
	int rc = psm__cascade_init(&c, tx, ev, "/therapist_id", err);

	c.reason = "Therapist deleted from system";
	if (rc == 0)
		rc = psm__therapist_lock_open(tx, ev, err);
	if (rc == 0)
		rc = psm__copy_erase(tx, &psm__entity_therapist, ev, err);
	return rc == 0 ? cancel_unsent(&c) : rc;
}
