/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/heartbeat.h"

#include "base/base.h"

void
psm__heartbeat_step(struct psm__heartbeat *h, psm_store *st)
{
	int64_t now_ms = psm__mono_ms();

	if (now_ms < h->due_ms)
		return;
	h->due_ms = now_ms + PSM__ALIVE_BEAT_MS;
	if (psm__alive_beat(st, &h->who) < 0)
		psm__log(PSM_LOG_DEBUG, "heartbeat not written", "consumer",
		         h->who.consumer, NULL);
}

void
psm__heartbeat_end(struct psm__heartbeat *h, psm_store *st)
{
	/* Without it the row is old after some seconds. */
	if (h->due_ms > 0 && psm__alive_end(st, &h->who) < 0)
		psm__log(PSM_LOG_DEBUG, "heartbeat not ended", "consumer",
		         h->who.consumer, NULL);
}
