/* SPDX-License-Identifier: BSD-2-Clause */
/* What cannot be imported is kept, so that it is told once. */
#include "app/patient_import.h"

int
psm__patient_fault_remember(psm_store *store, const char *name,
                            const char *hash, const psm_error *why,
                            psm_error *err)
{
	const char *pointer = psm_error_pointer(why);
	const char *params[5] = {
	    name, hash, psm_error_name(psm_error_code(why)),
	    pointer != NULL ? pointer : "", psm_error_message(why)};
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(store, &tx, err);

	if (rc == 0)
		rc = psm_tx_exec(
		    tx,
		    "INSERT INTO psymatch.patient_import_fault "
		    "(object_name, content_hash, code, pointer, "
		    "reason) VALUES ($1, $2, $3, $4, left($5, 1000)) "
		    "ON CONFLICT DO NOTHING",
		    5, params, &rows, err);
	if (rc == 0)
		rc = psm_rows_affected(rows) > 0;
	psm_rows_free(rows);
	return psm__app_end(tx, rc, err);
}
