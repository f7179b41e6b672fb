/* SPDX-License-Identifier: BSD-2-Clause */
/* The only room that includes libpq. What app and flow may use beyond the
 * public header: */
#ifndef PSM_STORE_INT_H
#define PSM_STORE_INT_H

#include <psymatch/store.h>

#include "base/base.h"

/* name is a plain identifier. */
int psm__tx_savepoint(psm_tx *tx, const char *name, psm_error *err);
/* Also undoes what was emitted since the savepoint. */
int psm__tx_rollback_to(psm_tx *tx, const char *name, psm_error *err);
int psm__tx_release(psm_tx *tx, const char *name, psm_error *err);
psm_store *psm__tx_store(psm_tx *tx);

/* Called after each commit that wrote to the outbox, on the committing thread;
 * for the relay. */
void psm__store_on_outbox(psm_store *st, void (*fn)(void *user), void *user);

#endif
