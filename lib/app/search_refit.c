/* SPDX-License-Identifier: BSD-2-Clause */
/* Inquiries that were not sent yet follow what is known now: whom a search does
 * not fit any more, it leaves. */
#include "app/search.h"

#include "app/fit_pair.h"
#include "app/inquiry_leave.h"

struct refit {
	psm_tx *tx;
	int moved;
	const struct psm__now *at; /* NULL: not asked yet */
	struct psm__now now;
	struct psm__fit_terms terms;
	struct psm__row search, patient;
	psm_error *err;
};

static int
leave_for(const struct refit *r, int64_t inquiry,
          const struct psm__fit_result *result)
{
	struct psm__buf reason = {0};
	struct psm__leave l = {.tx = r->tx,
	                       .search_id =
	                           psm__row_int(&r->search, PSM__COLUMN_ID),
	                       .now = r->at};
	int rc;

	psm__fit_put_failed(&reason, result);
	l.reason = reason.data;
	rc = reason.failed ? psm__nomem(r->err)
	                   : psm__inquiry_leave(&l, inquiry, r->err);
	psm__buf_free(&reason);
	return rc;
}

/* Of whom nothing is known, nothing can be said. */
static int
check_one(const struct refit *r, int64_t inquiry, int64_t therapist)
{
	struct psm__fit_result result = {0};
	struct psm__row row;
	int rc = psm__copy_read(r->tx, &psm__entity_therapist, therapist, 0,
	                        &row, r->err);

	if (rc > 0)
		rc = psm__fit_rows(
		    r->tx, &r->terms,
		    psm__row_get(&r->search,
		                 PSM__SEARCH_AUSGESCHLOSSENE_THERAPEUTEN),
		    &r->patient, &row, &result, NULL, r->err);
	psm__row_free(&row);
	if (rc == 0 &&
	    (!r->moved || (result.doubts & 1u << PSM__FIT_NO_DISTANCE) == 0))
		result.failed &= ~(1u << PSM__FIT_AREA);
	return rc == 0 && result.failed != 0 ? leave_for(r, inquiry, &result)
	                                     : rc;
}

static int
load(struct refit *r, int64_t search)
{
	int64_t version;
	int rc = psm__repo_lock(r->tx, &psm__entity_search, search, &r->search,
	                        &version, r->err);

	if (rc == 0)
		rc = psm__copy_read(
		    r->tx, &psm__entity_patient,
		    psm__row_int(&r->search, PSM__SEARCH_PATIENT_ID), 0,
		    &r->patient, r->err);
	if (rc > 0)
		rc = psm__fit_terms(r->tx, &r->terms, r->err) < 0
		         ? psm_error_code(r->err)
		         : 1;
	return rc;
}

static int
check_all(struct refit *r, int64_t search, const psm_rows *rows)
{
	int rc = load(r, search), count = 0;

	if (rc <= 0)
		return rc;
	if (r->at == NULL) {
		rc = psm__app_now(r->tx, &r->now, r->err);
		r->at = &r->now;
	}
	for (size_t i = 0; rc >= 0 && i < psm_rows_count(rows); i++) {
		rc = check_one(r, psm_rows_int(rows, i, 0),
		               psm_rows_int(rows, i, 1));
		count += rc > 0;
	}
	return rc < 0 ? rc : count;
}

int
psm__search_refit(psm_tx *tx, int64_t search, int moved,
                  const struct psm__now *at, psm_error *err)
{
	struct refit r = {.tx = tx, .moved = moved, .at = at, .err = err};
	struct psm__number id;
	const char *param = psm__number(&id, search);
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(
	    tx,
	    "SELECT a.id, a.therapist_id FROM "
	    "matching_service.therapeut_anfrage_patient m "
	    "JOIN matching_service.therapeutenanfrage a "
	    "ON a.id = m.therapeutenanfrage_id "
	    "WHERE m.platzsuche_id = $1::integer "
	    "AND a.gesendet_datum IS NULL AND a.storniert_datum IS NULL "
	    "ORDER BY a.id",
	    1, &param, &rows, err);

	if (rc == 0 && psm_rows_count(rows) > 0)
		rc = check_all(&r, search, rows);
	psm_rows_free(rows);
	psm__row_free(&r.patient);
	psm__row_free(&r.search);
	return rc;
}

int
psm__patient_refit(psm_tx *tx, int64_t patient, int moved,
                   const struct psm__now *at, psm_error *err)
{
	struct psm__number id;
	const char *param = psm__number(&id, patient);
	psm_rows *rows = NULL;
	/* Locked: an inquiry that is being made with it is seen afterwards. */
	int rc = psm_tx_exec(tx,
	                     "SELECT id FROM " PSM__SEARCHES
	                     " WHERE patient_id = $1::integer "
	                     "AND status IN ('aktiv', 'pausiert') "
	                     "ORDER BY id FOR UPDATE",
	                     1, &param, &rows, err);
	int count = 0;

	for (size_t i = 0; rc >= 0 && i < psm_rows_count(rows); i++) {
		rc = psm__search_refit(tx, psm_rows_int(rows, i, 0), moved, at,
		                       err);
		count += rc > 0 ? rc : 0;
	}
	psm_rows_free(rows);
	return rc < 0 ? rc : count;
}
