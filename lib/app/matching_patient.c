/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a deleted patient means for searches and inquiries. Each statement only
 * touches rows that are not yet as they should be, so handling an event again
 * changes nothing.
 */
#include "app/matching_cascade.h"

int
psm__emit_search_status(psm_tx *tx, int64_t search, int64_t patient,
                        const char *from, const char *to, psm_error *err)
{
	psm_payload *m = psm_payload_new("search.status_changed");

	psm_payload_int(m, "search_id", search);
	psm_payload_int(m, "patient_id", patient);
	psm_payload_text(m, "old_status", from);
	psm_payload_text(m, "new_status", to);
	return psm__emit(tx, m, "matching-service", err);
}

static int
end_search(const struct psm__cascade *c, const psm_rows *rows, size_t i)
{
	const int64_t id = psm_rows_int(rows, i, 0);
	struct psm__row row = {0};
	char *status = NULL;
	const char *event = NULL;
	int64_t version;
	int rc;

	rc = psm__repo_lock(c->tx, &psm__entity_search, id, &row, &version,
	                    c->err);
	if (rc == 0) {
		status = psm__strdup(psm__row_get(&row, PSM__SEARCH_STATUS));
		if (status == NULL)
			rc = psm__nomem(c->err);
	}
	if (rc == 0)
		rc = psm__cascade_cancel(c, &row, PSM_SEARCH_ABGEBROCHEN,
		                         PSM__SEARCH_NOTIZEN, &event);
	if (rc == 0)
		rc = psm__emit_search_status(
		    c->tx, id, c->id, status,
		    psm__row_get(&row, PSM__SEARCH_STATUS), c->err);
	psm__free(status);
	psm__row_free(&row);
	return rc;
}

static int
end_searches(const struct psm__cascade *c)
{
	return psm__cascade_each(c,
	                         "SELECT id FROM " SEARCH
	                         " WHERE patient_id = $1::integer "
	                         "AND status IN ('aktiv', 'pausiert') "
	                         "ORDER BY id FOR UPDATE",
	                         end_search);
}

/* An inquiry has so many patients now; without any it is cancelled. */
static int
resize(const struct psm__cascade *c, int64_t id, int64_t left)
{
	struct psm__row row = {0};
	struct psm__number size;
	int64_t version;
	int rc;

	rc = psm__repo_lock(c->tx, &psm__entity_inquiry, id, &row, &version,
	                    c->err);
	if (rc == 0)
		rc = psm__row_change(&row, PSM__INQUIRY_ANFRAGEGROESSE,
		                     psm__number(&size, left), c->err);
	if (rc == 0)
		rc = left > 0 ? psm__cascade_save(c, &row)
		              : psm__cascade_cancel_inquiry(c, &row);
	psm__row_free(&row);
	return rc;
}

/* Take the patient out of one inquiry. */
static int
leave_inquiry(const struct psm__cascade *c, const psm_rows *rows, size_t i)
{
	const char *params[2] = {psm_rows_text(rows, i, 0), c->id_text.text};
	int64_t left = 0;
	int rc;

	rc = psm_tx_exec(c->tx,
	                 "DELETE FROM " MEMBER " WHERE therapeutenanfrage_id = "
	                 "$1::integer AND patient_id = $2::integer",
	                 2, params, NULL, c->err);
	if (rc == 0)
		rc = psm_tx_exec(
		    c->tx,
		    "UPDATE " MEMBER " m SET position_in_anfrage = n.place "
		    "FROM (SELECT id, row_number() OVER "
		    "(ORDER BY position_in_anfrage, id) AS place FROM " MEMBER
		    " WHERE therapeutenanfrage_id = $1::integer) n "
		    "WHERE m.id = n.id AND m.position_in_anfrage <> n.place",
		    1, params, NULL, c->err);
	if (rc == 0)
		rc = psm__app_ask(c->tx,
		                  "SELECT count(*) FROM " MEMBER
		                  " WHERE therapeutenanfrage_id = $1::integer",
		                  1, params, &left, c->err);
	return rc == 0 ? resize(c, psm_rows_int(rows, i, 0), left) : rc;
}

static int
leave_unsent(const struct psm__cascade *c)
{
	return psm__cascade_each(c,
	                         "SELECT a.id FROM " INQUIRY " a "
	                         "WHERE a.gesendet_datum IS NULL "
	                         "AND a.antwort_datum IS NULL "
	                         "AND a.storniert_datum IS NULL "
	                         "AND EXISTS (SELECT FROM " MEMBER " m "
	                         "WHERE m.therapeutenanfrage_id = a.id "
	                         "AND m.patient_id = $1::integer) "
	                         "ORDER BY a.id FOR UPDATE OF a",
	                         leave_inquiry);
}

int
psm__patient_deleted(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	struct psm__cascade c;
	int rc;

	rc = psm__cascade_init(&c, tx, ev, "/patient_id", err);
	if (rc < 0)
		return rc;
	c.reason = "Patient deleted from system";
	rc = psm__copy_erase(tx, &psm__entity_patient, ev, err);
	if (rc == 0)
		rc = leave_unsent(&c);
	if (rc == 0)
		rc = end_searches(&c);
	return rc;
}
