/* SPDX-License-Identifier: BSD-2-Clause */
/* What a change of a search means for the inquiries it is in. */
#include "app/app.h"
#include "app/inquiry_leave.h"
#include "app/search.h"

int
psm__search_leave(psm_tx *tx, int64_t id, const char *reason,
                  const struct psm__now *at, psm_error *err)
{
	struct psm__leave l = {
	    .tx = tx, .search_id = id, .reason = reason, .now = at};
	struct psm__now now;
	int rc = 0;

	if (at == NULL) {
		rc = psm__app_now(tx, &now, err);
		l.now = &now;
	}
	return rc == 0 ? psm__inquiry_leave_all(&l, err) : rc;
}

int
psm__search_settle_as(psm_tx *tx, int64_t id, int status, psm_error *err)
{
	int rc;

	if (status == PSM_SEARCH_ABGEBROCHEN ||
	    status == PSM_SEARCH_ERFOLGREICH)
		rc = psm__search_leave(tx, id, "the search has ended", NULL,
		                       err);
	else
		rc = psm__search_refit(tx, id, 0, NULL, err);
	return rc < 0 ? rc : 0;
}

int
psm__search_settle(psm_tx *tx, const struct psm__row *row, psm_error *err)
{
	return psm__search_settle_as(tx, psm__row_int(row, PSM__COLUMN_ID),
	                             psm__row_state(row), err);
}
