/* SPDX-License-Identifier: BSD-2-Clause */
/* The short way to a producer: settings and transport by the environment. */
#include "client/producer/producer_int.h"

#define CLIENT_ID "PSYMATCH_KAFKA_client_id"
#define ONE_EVENT_MS 3000 /* as psm_producer_free() waits */

int
psm__producer_settings(const char *name, psm_config **out, psm_error *err)
{
	psm_config *cfg = NULL;
	int rc = psm_config_from_env(&cfg, err);

	*out = NULL;
	if (rc == 0 && name && psm_config_given(cfg, CLIENT_ID) == 0)
		rc = psm_config_set(cfg, CLIENT_ID, name, err);
	if (rc < 0) {
		psm_config_free(cfg);
		return rc;
	}
	*out = cfg;
	return 0;
}

int
psm_producer_open(const char *name, psm_producer **out, psm_error *err)
{
	psm_config *cfg = NULL;
	psm_transport *t = NULL;
	psm_producer *p = NULL;
	int rc;

	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL, "out: want a pointer");
	*out = NULL;
	if (name && !name[0])
		return psm__fail(err, PSM_ERR_INVAL,
		                 "name: want a text, or NULL for none");
	rc = psm__producer_settings(name, &cfg, err);
	if (rc == 0)
		rc = psm_transport_open(cfg, &t, err);
	if (rc == 0)
		rc = psm_producer_new(t, cfg, &p, err);
	if (rc == 0)
		rc = psm_producer_start(p, err);
	if (rc == 0) {
		*out = p;
		p = NULL;
	}
	psm_producer_free(p);
	psm_transport_unref(t); /* the producer has a reference of its own */
	psm_config_free(cfg);
	return rc;
}

int
psm__producer_send_one(const char *name, psm_payload *m, int wait_ms,
                       psm_error *err)
{
	psm_event *ev = NULL;
	psm_producer *p = NULL;
	int rc = psm_event_new_from(m, name, &ev, err);

	if (rc == 0)
		rc = psm_producer_open(name, &p, err);
	if (rc == 0)
		rc = psm_producer_send(p, NULL, ev, err);
	if (rc == 0)
		rc = psm_producer_close(p, wait_ms, NULL, err);
	psm_producer_free(p);
	psm_event_free(ev);
	return rc;
}

int
psm_producer_send_one(const char *name, psm_payload *m, psm_error *err)
{
	return psm__producer_send_one(name, m, ONE_EVENT_MS, err);
}
