/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/service.h"

#include <stdio.h>
#include <string.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What a part said of itself. */
struct told {
	const char *name;
	int health;
	char reason[SVC_REASON_SIZE];
};

static void
ask_part(const struct svc_part *part, struct told *t)
{
	t->name = part->name;
	t->health = part->fn(t->reason, sizeof t->reason, part->user);
	if (!psm_health_name(t->health))
		t->health = PSM_HEALTH_RED;
}

/* Each is asked once; all[part_count + 1]. The worst health. */
static int
ask_all(psm_service *svc, struct told *all)
{
	int worst;
	size_t i;

	all[0].name = "service";
	all[0].health = worst = psm__svc_state_health(svc, all[0].reason);
	for (i = 0; i < svc->part_count; i++) {
		ask_part(&svc->parts[i], &all[i + 1]);
		if (all[i + 1].health > worst)
			worst = all[i + 1].health;
	}
	return worst;
}

static void
write_text(psm_json_writer *w, const char *key, const char *value)
{
	psm_json_write_key(w, key);
	psm_json_write_string(w, value);
}

static int
answer(psm_response *res, const psm_service *svc, int worst, struct told *all,
       int with_reasons, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	const char *text = NULL;
	size_t len = 0, i;
	int rc;

	if (!w)
		return psm__nomem(err);
	psm_json_write_object(w);
	write_text(w, "status", psm_health_name(worst));
	write_text(w, "service", svc->name);
	psm_json_write_key(w, "parts");
	psm_json_write_array(w);
	for (i = 0; i <= svc->part_count; i++) {
		/* It may have been cut inside a character. */
		psm__utf8_clean(all[i].reason);
		psm_json_write_object(w);
		write_text(w, "name", all[i].name);
		write_text(w, "status", psm_health_name(all[i].health));
		write_text(w, "reason", with_reasons ? all[i].reason : "");
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
	psm_json_write_end(w);
	rc = psm_json_writer_finish(w, &text, &len, err);
	if (rc == PSM_OK)
		psm_response_json(res, worst == PSM_HEALTH_RED ? 503 : 200,
		                  text, len);
	psm_json_writer_free(w);
	return rc;
}

int
psm__svc_health_route(const psm_request *req, psm_response *res, void *service,
                      psm_error *err)
{
	psm_service *svc = service;
	struct told *all = psm__array(svc->part_count + 1, sizeof *all);
	int rc;

	if (!all)
		return psm__nomem(err);
	/* A reason may name machines. */
	rc = answer(res, svc, ask_all(svc, all), all,
	            psm__svc_request_is_known(req), err);
	psm__free(all);
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
