/* SPDX-License-Identifier: BSD-2-Clause */
/* One statement, without a transaction object. */
#include "store/pool.h"

int
psm_store_exec(psm_store *st, const char *sql, size_t count,
               const char *const *params, psm_rows **rows, psm_error *err)
{
	struct psm__conn *c = NULL;
	int rc;

	psm__error_clear(err);
	if (rows)
		*rows = NULL;
	if (!st || !sql || (count > 0 && !params))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a store, a statement, parameters");
	rc = psm__pool_get(st, PSM__POOL_WAIT_MS, &c, err);
	if (rc == 0)
		rc = psm__conn_exec(c, sql, count, params, rows, err);
	psm__pool_put(st, c);
	return rc;
}
