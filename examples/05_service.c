/* SPDX-License-Identifier: BSD-2-Clause */
/* A service: a route, a worker, health and metrics, a shutdown in order. With a
 * port as argument it listens there until a signal comes; without one it ends
 * after the worker's first run. */
#include <psymatch/psymatch.h>
#include <psymatch/service.h>
#include <stdio.h>
#include <stdlib.h>

struct state {
	psm_service *svc;
	int once;
};

/* On an HTTP thread. */
static int
hello(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	(void)user;
	psm_response_message(res, 200, psm_request_param(req, "name"));
	(void)err;
	return 0;
}

/* On the worker's thread. */
static int
count(void *user, psm_error *err)
{
	struct state *state = user;

	(void)err;
	psm_metrics_add("example_runs", "worker", 1);
	if (state->once)
		psm_service_stop(state->svc);
	return 0;
}

static int
stopped(int timeout_ms, void *user, psm_error *err)
{
	(void)user;
	(void)err;
	printf("stopping, %s\n", timeout_ms > 0 ? "in time" : "late");
	return 0;
}

int
main(int argc, char **argv)
{
	struct state state = {NULL, argc < 2};
	psm_error *err = psm_error_new();
	psm_config *cfg = NULL;
	int rc;

	rc = psm_service_config(NULL, &cfg, err);
	if (rc == 0)
		rc = psm_service_new("example", cfg, &state.svc, err);
	if (rc == 0)
		rc = psm_service_route(state.svc, "GET", "/hello/{name}", hello,
		                       NULL, err);
	if (rc == 0)
		rc = psm_service_stage(state.svc, "stage", NULL, stopped, NULL,
		                       err);
	if (rc == 0)
		rc = psm_service_worker(state.svc, "worker", 60, count, &state,
		                        err);
	if (rc == 0)
		rc = psm_service_run(state.svc, "127.0.0.1",
		                     argc > 1 ? atoi(argv[1]) : 0, err);
	printf("%s, %d run\n", rc == 0 ? "stopped" : psm_error_message(err),
	       (int)psm_metrics_value("example_runs_total", "worker"));
	psm_service_free(state.svc);
	psm_config_free(cfg);
	psm_error_free(err);
	return rc == 0 ? 0 : 1;
}
