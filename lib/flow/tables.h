/* SPDX-License-Identifier: BSD-2-Clause */
/* Services start their relay and processor while they migrate. */
#ifndef PSM_FLOW_TABLES_H
#define PSM_FLOW_TABLES_H

#include "flow/worker.h"

#include <psymatch/store.h>

/*
 * Wait until the set "psymatch" is as this library wants it, but no longer than
 * half a minute, than w is to run, or than the database can tell.
 *
 * @thread that of w
 */
void psm__tables_await(psm_store *st, struct psm__worker *w, const char *who);

#endif
