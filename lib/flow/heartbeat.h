/* SPDX-License-Identifier: BSD-2-Clause */
/* A processor says that it runs, between two batches. */
#ifndef PSM_FLOW_HEARTBEAT_H
#define PSM_FLOW_HEARTBEAT_H

#include "store/alive.h"

struct psm__heartbeat {
	struct psm__alive who;
	int64_t due_ms;
};
/* Write the row if it is time. */
void psm__heartbeat_step(struct psm__heartbeat *h, psm_store *st);
/* It stops: nobody waits for it any more. */
void psm__heartbeat_end(struct psm__heartbeat *h, psm_store *st);

#endif
