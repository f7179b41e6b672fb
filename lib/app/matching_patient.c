/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a deleted patient means for searches and inquiries. Each statement only
 * touches rows that are not yet as they should be, so handling an event again
 * changes nothing.
 */
#include "app/matching_cascade.h"

#include "app/inquiry_leave.h"
#include "app/search.h"

static const char gone[] = "Patient deleted from system";

static int
end_search(const struct psm__cascade *c, const psm_rows *rows, size_t i)
{
	const struct psm__search_ending e = {
	    .to = PSM_SEARCH_ABGEBROCHEN, .author = "System", .reason = gone};
	struct psm__now at;

	psm__now_at(c->time_us, &at);
	return psm__search_finish(c->tx, psm_rows_int(rows, i, 0), &e, &at,
	                          c->err);
}

/* Also those of searches that had ended before. */
static int
leave_unsent(const struct psm__cascade *c)
{
	struct psm__now at;
	struct psm__leave l = {
	    .tx = c->tx, .patient_id = c->id, .reason = gone, .now = &at};
	int rc;

	psm__now_at(c->time_us, &at);
	rc = psm__inquiry_leave_all(&l, c->err);
	return rc < 0 ? rc : 0;
}

static int
forget(const struct psm__cascade *c)
{
	const char *params[1] = {c->id_text.text};

	return psm_tx_exec(c->tx,
	                   "DELETE FROM matching_service.suche_unvollstaendig "
	                   "WHERE patient_id = $1::integer",
	                   1, params, NULL, c->err);
}

int
psm__patient_deleted(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	struct psm__cascade c;
	int rc;

	rc = psm__cascade_init(&c, tx, ev, "/patient_id", err);
	if (rc < 0)
		return rc;
	rc = psm__copy_erase(tx, &psm__entity_patient, ev, err);
	if (rc == 0)
		rc = psm__cascade_each(&c,
		                       "SELECT id FROM " SEARCH
		                       " WHERE patient_id = $1::integer "
		                       "AND status IN ('aktiv', 'pausiert') "
		                       "ORDER BY id FOR UPDATE",
		                       end_search);
	if (rc == 0)
		rc = leave_unsent(&c);
	return rc == 0 ? forget(&c) : rc;
}
