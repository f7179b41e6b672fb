/* SPDX-License-Identifier: BSD-2-Clause */
/* From typed members to the topic of the catalogue in one call. */
#include "base/base.h"

#include <psymatch/producer.h>

int
psm_producer_send_payload(psm_producer *p, psm_payload *m, const char *producer,
                          psm_error *err)
{
	psm_event *ev = NULL;
	int rc;

	psm__error_clear(err);
	if (!p || !producer) {
		psm_payload_free(m);
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a producer and the name of one");
	}
	rc = psm_event_new_from(m, producer, &ev, err);
	if (rc == 0)
		rc = psm_producer_send(p, psm_event_topic(ev), ev, err);
	psm_event_free(ev);
	return rc;
}
