/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches that the migration of an adopted database closed: a patient had two
 * active ones. They are told and published once, by the command "migrate" or
 * by the service that starts. */
#include "platform/platform.h"

#include <stdio.h>

static int
publish(psm_tx *tx, int64_t search, int64_t patient, psm_error *err)
{
	psm_payload *m = psm_payload_new("search.status_changed");
	psm_event *ev = NULL;
	int rc;

	psm_payload_int(m, "search_id", search);
	psm_payload_int(m, "patient_id", patient);
	psm_payload_text(m, "old_status", "aktiv");
	psm_payload_text(m, "new_status", "abgebrochen");
	rc = psm_event_new_from(m, "matching-service", &ev, err);
	if (rc == PSM_OK)
		rc = psm_tx_emit(tx, ev, err);
	psm_event_free(ev);
	return rc;
}

static void
tell(const psm_rows *rows, size_t i, int by_print)
{
	const char *closed = psm_rows_text(rows, i, 0);
	const char *patient = psm_rows_text(rows, i, 1);
	const char *kept = psm_rows_text(rows, i, 2);

	if (by_print)
		printf("patient %s had two active searches: %s stays, %s was "
		       "closed\n",
		       patient, kept, closed);
	else
		psm__log(PSM_LOG_WARN,
		         "a patient had two active searches, one was closed",
		         "patient_id", patient, "kept", kept, "closed", closed,
		         NULL);
}

int
psm__platform_closed(psm_store *store, int by_print, psm_error *err)
{
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;
	size_t count = 0;
	int rc = psm_tx_begin(store, &tx, err);

	if (rc == PSM_OK)
		rc = psm_tx_exec(tx,
		                 "UPDATE psymatch.search_closed SET reported = "
		                 "true WHERE NOT reported "
		                 "RETURNING search_id, patient_id, kept_id",
		                 0, NULL, &rows, err);
	if (rc == PSM_OK)
		count = psm_rows_count(rows);
	for (size_t i = 0; i < count && rc == PSM_OK; i++)
		rc = publish(tx, psm_rows_int(rows, i, 0),
		             psm_rows_int(rows, i, 1), err);
	if (rc == PSM_OK)
		rc = psm_tx_commit(tx, err);
	else
		psm_tx_rollback(tx);
	for (size_t i = 0; i < count && rc == PSM_OK; i++)
		tell(rows, i, by_print);
	psm_rows_free(rows);
	return rc;
}
