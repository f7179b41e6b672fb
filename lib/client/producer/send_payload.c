/* SPDX-License-Identifier: BSD-2-Clause */
/* From typed members, or JSON, to the topic of the catalogue in one call. */
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

int
psm_producer_send_json(psm_producer *p, const char *topic, const char *type,
                       const char *producer, const char *payload, size_t len,
                       psm_error *err)
{
	psm_event *ev = NULL;
	int rc;

	psm__error_clear(err);
	if (!p)
		return psm__fail(err, PSM_ERR_INVAL, "want a producer");
	rc = psm_event_new(type, producer, payload, len, &ev, err);
	if (rc == 0)
		rc = psm_producer_send(p, topic, ev, err);
	psm_event_free(ev);
	return rc;
}
