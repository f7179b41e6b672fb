/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/service.h"

#include <stdio.h>
#include <string.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

static void
write_part(psm_json_writer *w, const char *name, int health, char *reason)
{
	psm__utf8_clean(reason); /* it may have been cut inside a character */
	psm_json_write_object(w);
	psm_json_write_key(w, "name");
	psm_json_write_string(w, name);
	psm_json_write_key(w, "status");
	psm_json_write_string(w, psm_health_name(health));
	psm_json_write_key(w, "reason");
	psm_json_write_string(w, reason);
	psm_json_write_end(w);
}

static int
ask_part(const struct svc_part *part, char *reason, size_t size)
{
	int health;

	reason[0] = '\0';
	health = part->fn(reason, size, part->user);
	return psm_health_name(health) ? health : PSM_HEALTH_RED;
}

/* The parts come before the status: it is the worst of them, and they are asked
 * once. */
static int
write_parts(psm_json_writer *w, psm_service *svc)
{
	char reason[SVC_REASON_SIZE];
	int worst, health;
	size_t i;

	psm_json_write_key(w, "parts");
	psm_json_write_array(w);
	worst = psm__svc_state_health(svc, reason);
	write_part(w, "service", worst, reason);
	for (i = 0; i < svc->part_count; i++) {
		health = ask_part(&svc->parts[i], reason, sizeof reason);
		write_part(w, svc->parts[i].name, health, reason);
		if (health > worst)
			worst = health;
	}
	psm_json_write_end(w);
	return worst;
}

int
psm__svc_health_route(const psm_request *req, psm_response *res, void *service,
                      psm_error *err)
{
	psm_service *svc = service;
	psm_json_writer *w = psm_json_writer_new();
	const char *text = NULL;
	size_t len = 0;
	int worst, rc;

	(void)req;
	if (!w)
		return psm__nomem(err);
	psm_json_write_object(w);
	psm_json_write_key(w, "service");
	psm_json_write_string(w, svc->name);
	worst = write_parts(w, svc);
	psm_json_write_key(w, "status");
	psm_json_write_string(w, psm_health_name(worst));
	psm_json_write_end(w);
	rc = psm_json_writer_finish(w, &text, &len, err);
	if (rc == PSM_OK)
		psm_response_json(res, worst == PSM_HEALTH_RED ? 503 : 200,
		                  text, len);
	psm_json_writer_free(w);
	return rc;
}

int
psm__svc_metrics_route(const psm_request *req, psm_response *res, void *service,
                       psm_error *err)
{
	char *text = NULL;
	size_t len = 0;
	int rc = psm_metrics_text(&text, &len, err);

	(void)req;
	(void)service;
	if (rc == PSM_OK)
		psm__svc_response_text(res, 200, METRICS_TYPE, text, len);
	psm_free(text);
	return rc;
}
