/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/service.h"

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

/* 1: the question is about the part. names NULL: about all. */
static int
is_asked(const char *const *names, const char *part)
{
	size_t i = 0;

	while (names && names[i] && strcmp(names[i], part) != 0)
		i++;
	return !names || names[i];
}

/* Each is asked once; all[part_count + 1], of which *count are filled in. The
 * worst health. */
static int
ask_all(psm_service *svc, const char *const *names, struct told *all,
        size_t *count)
{
	int worst;
	size_t i;

	all[0].name = "service";
	all[0].health = worst = psm__svc_state_health(svc, all[0].reason);
	*count = 1;
	for (i = 0; i < svc->part_count; i++) {
		struct told *t = &all[*count];

		if (!is_asked(names, svc->parts[i].name))
			continue;
		ask_part(&svc->parts[i], t);
		if (t->health > worst)
			worst = t->health;
		++*count;
	}
	return worst;
}

static void
write_text(psm_json_writer *w, const char *key, const char *value)
{
	psm_json_write_key(w, key);
	psm_json_write_string(w, value);
}

static void
write_parts(psm_json_writer *w, struct told *all, size_t count,
            int with_reasons)
{
	psm_json_write_key(w, "parts");
	psm_json_write_array(w);
	for (size_t i = 0; i < count; i++) {
		/* It may have been cut inside a character. */
		psm__utf8_clean(all[i].reason);
		psm_json_write_object(w);
		write_text(w, "name", all[i].name);
		write_text(w, "status", psm_health_name(all[i].health));
		write_text(w, "reason", with_reasons ? all[i].reason : "");
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
}

/* Takes w. */
static int
finish(psm_json_writer *w, char **json, psm_error *err)
{
	const char *text;
	size_t len;
	int rc = psm_json_writer_finish(w, &text, &len, err);

	if (rc == PSM_OK) {
		*json = psm_alloc(len + 1);
		rc = *json ? PSM_OK : psm__nomem(err);
	}
	if (rc == PSM_OK)
		memcpy(*json, text, len + 1);
	psm_json_writer_free(w);
	return rc;
}

int
psm__svc_health(psm_service *svc, const psm_request *req,
                const char *const *names, char **json, psm_error *err)
{
	struct told *all = psm__array(svc->part_count + 1, sizeof *all);
	psm_json_writer *w = psm_json_writer_new();
	size_t count;
	int worst, rc;

	*json = NULL;
	if (!all || !w) {
		psm__free(all);
		psm_json_writer_free(w);
		return psm__nomem(err);
	}
	worst = ask_all(svc, names, all, &count);
	psm_json_write_object(w);
	write_text(w, "status", psm_health_name(worst));
	write_text(w, "service", svc->name);
	/* A reason may name machines. */
	write_parts(w, all, count, psm__svc_request_is_known(req));
	psm_json_write_end(w);
	rc = finish(w, json, err);
	psm__free(all);
	return rc < 0 ? rc : worst;
}

static int
answer(const psm_request *req, psm_response *res, psm_service *svc,
       const char *const *names, psm_error *err)
{
	char *json;
	int rc = psm__svc_health(svc, req, names, &json, err);

	if (rc < 0)
		return rc;
	psm_response_json(res, rc == PSM_HEALTH_RED ? 503 : 200, json,
	                  strlen(json));
	psm_free(json);
	return PSM_OK;
}

int
psm__svc_health_route(const psm_request *req, psm_response *res, void *service,
                      psm_error *err)
{
	return answer(req, res, service, NULL, err);
}

/* Requests can be answered: it runs, and its tables are there. What else is
 * wrong does not get better by asking another instance. */
int
psm__svc_ready_route(const psm_request *req, psm_response *res, void *service,
                     psm_error *err)
{
	static const char *const names[] = {"database", "migrations", NULL};

	return answer(req, res, service, names, err);
}

/* The process answers, whatever it is about; it need not be restarted. */
int
psm__svc_live_route(const psm_request *req, psm_response *res, void *service,
                    psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	psm_service *svc = service;
	char *json;
	int rc;

	(void)req;
	if (!w)
		return psm__nomem(err);
	psm_json_write_object(w);
	write_text(w, "status", psm_health_name(PSM_HEALTH_GREEN));
	write_text(w, "service", svc->name);
	psm_json_write_key(w, "parts");
	psm_json_write_array(w);
	psm_json_write_end(w);
	psm_json_write_end(w);
	rc = finish(w, &json, err);
	if (rc < 0)
		return rc;
	psm_response_json(res, 200, json, strlen(json));
	psm_free(json);
	return PSM_OK;
}

int
psm__svc_metrics_route(const psm_request *req, psm_response *res, void *service,
                       psm_error *err)
{
	const psm_service *svc = service;
	char *text = NULL, *more = NULL;
	struct psm__buf page = {NULL, 0, 0, 0};
	size_t len = 0;
	int rc = psm_metrics_text(&text, &len, err);

	(void)req;
	if (rc == PSM_OK && svc->more_metrics)
		more = svc->more_metrics(svc->more_metrics_user);
	psm__buf_puts(&page, text ? text : "");
	psm__buf_puts(&page, more ? more : "");
	psm__free(more);
	more = psm__buf_take(&page, &len);
	if (rc == PSM_OK && !more)
		rc = psm__nomem(err);
	if (rc == PSM_OK)
		psm__svc_response_text(res, 200, METRICS_TYPE, more, len);
	psm__free(more);
	psm_free(text);
	return rc;
}
