/* SPDX-License-Identifier: BSD-2-Clause */
/* The schema that a replay writes to; for lib/flow, inside its transaction. */
#ifndef PSM_STORE_SHADOW_H
#define PSM_STORE_SHADOW_H

#include "store/store.h"

/* From now on the schema is first in the search_path. PSM_ERR_NOT_FOUND: it is
 * not there, or was not made by psm_store_shadow(). */
int psm__shadow_enter(psm_tx *tx, const char *schema, psm_error *err);
/* *fresh 0: the consumer has had this event in this schema. */
int psm__shadow_claim(psm_tx *tx, const char *consumer, const char *event_id,
                      int *fresh, psm_error *err);
/* Before the commit. PSM_ERR_CONFLICT: something was written to that is not in
 * the schema. */
int psm__shadow_check(psm_tx *tx, const char *schema, psm_error *err);

#endif
