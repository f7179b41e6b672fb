/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/app.h"

int
psm__app_end(psm_tx *tx, int rc, psm_error *err)
{
	int done = 0;

	if (rc < 0)
		psm_tx_rollback(tx);
	else
		done = psm_tx_commit(tx, err);
	return done < 0 ? done : rc;
}

int
psm__app_is_system(int code)
{
	return code == PSM_ERR_DB || code == PSM_ERR_TIMEOUT ||
	       code == PSM_ERR_RETRY || code == PSM_ERR_STATE ||
	       code == PSM_ERR_NOMEM || code == PSM_ERR_IO ||
	       code == PSM_ERR_FULL || code == PSM_ERR_UNAVAILABLE;
}
