/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a transaction's statements, and the pauses between them, may take.
 */
#include "store/delivery.h"

#include <stdio.h>

int
psm__timeout_queue(psm_tx *tx, int timeout_ms, psm_error *err)
{
	char sql[60];

	(void)snprintf(sql, sizeof sql, "SET LOCAL statement_timeout = %d",
	               timeout_ms);
	return psm__tx_queue(tx, sql, 0, NULL, NULL, err);
}

int
psm__limits_queue(psm_tx *tx, int timeout_ms, int silence_ms, psm_error *err)
{
	char sql[100];
	int rc = psm__timeout_queue(tx, timeout_ms, err);

	(void)snprintf(sql, sizeof sql,
	               "SET LOCAL idle_in_transaction_session_timeout = %d",
	               silence_ms);
	return rc < 0 ? rc : psm__tx_queue(tx, sql, 0, NULL, NULL, err);
}
