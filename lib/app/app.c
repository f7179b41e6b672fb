/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

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

int
psm__app_handle(const struct psm__event_handler *handlers, size_t count,
                psm_tx *tx, const psm_event *ev, psm_error *err)
{
	size_t i = 0;
	int rc;

	psm__error_clear(err);
	if (tx == NULL || ev == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "tx or ev is NULL");
	while (i < count && strcmp(handlers[i].type, psm_event_type(ev)) != 0)
		i++;
	rc = i < count ? handlers[i].handle(tx, ev, err) : 0;
	/* What the database refuses for good is the payload's fault. */
	return rc < 0 && !psm__app_is_system(rc) ? PSM_ERR_REJECT : rc;
}
