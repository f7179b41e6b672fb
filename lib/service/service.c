/* SPDX-License-Identifier: BSD-2-Clause */
/* What a service is made of, before it runs. */
#include "service/access.h"

#include <stdio.h>
#include <string.h>

#define INTERVAL_MAX_S 31536000

/* More handlers than the pool of the database has connections are at work only
 * while some of them wait for something else. A body of 1 MiB takes 30 s at
 * 280 kbit/s. */
static const struct svc_limits limits = {.connections = 1024,
                                         .handlers = 64,
                                         .bodies = (size_t)64 * 1024 * 1024,
                                         .head_ms = 10000,
                                         .body_ms = 30000,
                                         .queue_ms = 10000,
                                         .answer_ms = 60000,
                                         .idle_ms = 15000,
                                         .crowded_ms = 2000};

int
psm__svc_is_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && len <= SVC_NAME_MAX && name[len] == '\0';
}

/* Make room for one more item in *array, which has count of them. */
static int
grow(void *array, size_t *cap, size_t count, size_t size, psm_error *err)
{
	return psm__grow(array, cap, count + 1, size) < 0 ? psm__nomem(err)
	                                                  : PSM_OK;
}

static int
add_route(psm_service *svc, const char *method, const char *path,
          psm_route_fn fn, void *user, psm_error *err)
{
	struct svc_route route = {.fn = fn, .user = user};
	size_t i;
	int rc = psm__svc_route_init(&route, method, path, err);

	route.role = psm__svc_role_of(method, path);
	for (i = 0; i < svc->route_count && rc == PSM_OK; i++)
		if (psm__svc_route_same(&svc->routes[i], &route))
			rc = psm__fail(err, PSM_ERR_CONFLICT,
			               "%s %s: has a handler already", method,
			               path);
	if (rc == PSM_OK)
		rc = grow(&svc->routes, &svc->route_cap, svc->route_count,
		          sizeof *svc->routes, err);
	if (rc < 0) {
		psm__svc_route_clear(&route);
		return rc;
	}
	svc->routes[svc->route_count++] = route;
	return PSM_OK;
}

static int
add_built_in(psm_service *svc, const char *path, psm_route_fn fn,
             psm_error *err)
{
	int rc = add_route(svc, "GET", path, fn, svc, err);

	if (rc == PSM_OK)
		svc->routes[svc->route_count - 1].built_in = 1;
	return rc;
}

/* What this library counts; a second service finds it described. */
static int
describe_metrics(psm_error *err)
{
	static const struct {
		const char *name, *label, *help;
	} metrics[] = {
	    {"psymatch_http_responses", "class",
	     "Answers over HTTP, by the class of their status."},
	    {"psymatch_http_timeouts", NULL,
	     "Connections that were closed because the client was too slow."},
	    {"psymatch_worker_runs", "worker", "Runs of a worker."},
	    {"psymatch_worker_failures", "worker",
	     "Runs of a worker that failed."},
	};
	size_t i;
	int rc;

	for (i = 0; i < sizeof metrics / sizeof *metrics; i++) {
		rc = psm_metrics_describe(metrics[i].name, metrics[i].label,
		                          metrics[i].help, err);
		if (rc < 0 && rc != PSM_ERR_STATE)
			return rc;
		psm_error_clear(err);
	}
	return PSM_OK;
}

int
psm_service_new(const char *name, const psm_config *cfg, psm_service **out,
                psm_error *err)
{
	psm_service *svc;
	int rc;

	psm_error_clear(err);
	if (out)
		*out = NULL;
	if (!name || !cfg || !out || !psm__svc_is_name(name))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a name of 1 to %d bytes of "
		                 "[a-z0-9-], and settings",
		                 SVC_NAME_MAX);
	rc = psm_config_register(psm_service_settings(), err);
	if (rc == PSM_OK)
		rc = describe_metrics(err);
	if (rc < 0)
		return rc;
	svc = psm__alloc(sizeof *svc);
	if (!svc)
		return psm__nomem(err);
	if (psm__cond_init(&svc->changed) < 0) {
		psm__free(svc);
		return psm__nomem(err);
	}
	pthread_mutex_init(&svc->lock, NULL);
	(void)snprintf(svc->name, sizeof svc->name, "%s", name);
	svc->shutdown_ms = psm_config_int(cfg, "PSYMATCH_SHUTDOWN_MS");
	svc->key_hours =
	    (int)psm_config_int(cfg, "PSYMATCH_REST_IDEMPOTENCY_HOURS");
	svc->limits = limits; /* some of them are settings, see below */
	svc->limits.database_ms =
	    psm_config_int(cfg, "PSYMATCH_HTTP_DATABASE_MS");
	svc->limits.at_once =
	    (size_t)psm_config_int(cfg, "PSYMATCH_DB_CONNECTIONS");
	svc->grace_us = 1000000;
	svc->run_times.first_us = 1000000;
	svc->run_times.limit_us = 60000000;
	svc->run_times.long_us = INT64_C(900000000);
	svc->starting = "";
	rc = add_built_in(svc, "/health", psm__svc_health_route, err);
	if (rc == PSM_OK)
		rc =
		    add_built_in(svc, "/health/live", psm__svc_live_route, err);
	if (rc == PSM_OK)
		rc = add_built_in(svc, "/health/ready", psm__svc_ready_route,
		                  err);
	if (rc == PSM_OK)
		rc = add_built_in(svc, "/metrics", psm__svc_metrics_route, err);
	if (rc == PSM_OK)
		rc = psm__svc_door_init(svc, cfg, err);
	if (rc == PSM_OK && svc->door.tokens)
		rc = psm__svc_add_part(svc, "access", psm__svc_tokens_health,
		                       svc->door.tokens, err);
	if (rc < 0) {
		psm_service_free(svc);
		return rc;
	}
	*out = svc;
	return PSM_OK;
}

void
psm_service_free(psm_service *svc)
{
	size_t i;

	if (!svc)
		return;
	for (i = 0; i < svc->route_count; i++)
		psm__svc_route_clear(&svc->routes[i]);
	for (i = 0; i < svc->stage_count; i++) {
		psm__svc_worker_free(svc->stages[i].worker);
		psm__free(svc->stages[i].owned);
	}
	while (svc->owned_count > 0) {
		svc->owned_count--;
		svc->owned[svc->owned_count].release(
		    svc->owned[svc->owned_count].ptr);
	}
	psm__svc_door_clear(svc);
	psm__free(svc->owned);
	psm__free(svc->routes);
	psm__free(svc->parts);
	psm__free(svc->stages);
	pthread_cond_destroy(&svc->changed);
	pthread_mutex_destroy(&svc->lock);
	psm__free(svc);
}

int
psm__svc_own(psm_service *svc, void *ptr, void (*release)(void *),
             psm_error *err)
{
	int rc = grow(&svc->owned, &svc->owned_cap, svc->owned_count,
	              sizeof *svc->owned, err);

	if (rc < 0)
		release(ptr);
	else
		svc->owned[svc->owned_count++] =
		    (struct svc_owned){ptr, release};
	return rc;
}

const char *
psm__svc_keep_text(psm_service *svc, const char *text, psm_error *err)
{
	char *copy = psm__strdup(text);

	if (!copy)
		(void)psm__nomem(err);
	else if (psm__svc_own(svc, copy, psm__free, err) < 0)
		copy = NULL;
	return copy;
}

/* Parts, stages, workers and routes are added before the service runs. */
static int
check_state(psm_service *svc, const char *name, int ok, psm_error *err)
{
	enum svc_state state;

	psm_error_clear(err);
	if (!svc || !name || !ok)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a service, a name and a function");
	pthread_mutex_lock(&svc->lock);
	state = svc->state;
	pthread_mutex_unlock(&svc->lock);
	if (state != SVC_NEW)
		return psm__fail(err, PSM_ERR_STATE,
		                 "%s: the service runs or ran", name);
	return PSM_OK;
}

int
psm__svc_check_new(psm_service *svc, const char *name, int ok, psm_error *err)
{
	int rc = check_state(svc, name, ok, err);

	if (rc == PSM_OK && !psm__svc_is_name(name))
		rc = psm__fail(err, PSM_ERR_INVAL,
		               "name: want 1 to %d bytes of [a-z0-9-], "
		               "got \"%s\"",
		               SVC_NAME_MAX, name);
	return rc;
}

int
psm_service_route(psm_service *svc, const char *method, const char *path,
                  psm_route_fn fn, void *user, psm_error *err)
{
	int rc = check_state(svc, path, method && fn, err);

	return rc < 0 ? rc : add_route(svc, method, path, fn, user, err);
}

int
psm__svc_add_part(psm_service *svc, const char *name, psm_health_fn fn,
                  void *user, psm_error *err)
{
	struct svc_part *part;
	int rc = grow(&svc->parts, &svc->part_cap, svc->part_count,
	              sizeof *svc->parts, err);

	if (rc < 0)
		return rc;
	part = &svc->parts[svc->part_count++];
	(void)snprintf(part->name, sizeof part->name, "%s", name);
	part->fn = fn;
	part->user = user;
	return PSM_OK;
}

int
psm_service_health(psm_service *svc, const char *part, psm_health_fn fn,
                   void *user, psm_error *err)
{
	int rc = psm__svc_check_new(svc, part, fn != NULL, err);

	return rc < 0 ? rc : psm__svc_add_part(svc, part, fn, user, err);
}

int
psm__svc_add_stage(psm_service *svc, const char *name, psm_start_fn start,
                   psm_stop_fn stop, void *user, psm_error *err)
{
	struct svc_stage *stage;
	int rc = grow(&svc->stages, &svc->stage_cap, svc->stage_count,
	              sizeof *svc->stages, err);

	if (rc < 0)
		return rc;
	stage = &svc->stages[svc->stage_count++];
	*stage = (struct svc_stage){0};
	(void)snprintf(stage->name, sizeof stage->name, "%s", name);
	stage->start = start;
	stage->stop = stop;
	stage->user = user;
	return PSM_OK;
}

int
psm_service_stage(psm_service *svc, const char *name, psm_start_fn start,
                  psm_stop_fn stop, void *user, psm_error *err)
{
	int rc = psm__svc_check_new(svc, name, start || stop, err);

	return rc < 0 ? rc
	              : psm__svc_add_stage(svc, name, start, stop, user, err);
}

int
psm_service_worker(psm_service *svc, const char *name, int interval_s,
                   psm_work_fn fn, void *user, psm_error *err)
{
	struct svc_worker *w = NULL;
	int rc = psm__svc_check_new(svc, name, fn != NULL, err);

	if (rc == PSM_OK && (interval_s < 0 || interval_s > INTERVAL_MAX_S))
		rc = psm__fail(err, PSM_ERR_INVAL,
		               "interval: want 0 to %d s, got %d",
		               INTERVAL_MAX_S, interval_s);
	if (rc == PSM_OK)
		rc = psm__svc_worker_new(name, interval_s, &svc->run_times, fn,
		                         user, &w, err);
	if (rc == PSM_OK)
		rc = psm__svc_add_part(svc, name, psm__svc_worker_health, w,
		                       err);
	if (rc == PSM_OK) {
		rc = psm__svc_add_stage(svc, name, psm__svc_worker_start,
		                        psm__svc_worker_stop, w, err);
		if (rc < 0)
			svc->part_count--; /* it would ask a freed worker */
	}
	if (rc < 0) {
		psm__svc_worker_free(w);
		return rc;
	}
	svc->stages[svc->stage_count - 1].worker = w;
	return PSM_OK;
}
