/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_SERVICE_H
#define PSYMATCH_SERVICE_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/json.h>

PSM_BEGIN_DECLS

/* A process with an HTTP port, workers, health and metrics: runs until SIGTERM
 * or SIGINT. */
typedef struct psm_service psm_service;
/* One HTTP request and its answer; both live for the handler's call. */
typedef struct psm_request psm_request;
typedef struct psm_response psm_response;

typedef void (*psm_route_fn)(const psm_request *req, psm_response *res,
                             void *user);
/* Returns an enum psm_health and writes a sentence into reason[size]. */
typedef int (*psm_health_fn)(char *reason, size_t size, void *user);
typedef int (*psm_start_fn)(void *user, psm_error *err);
typedef int (*psm_stop_fn)(int timeout_ms, void *user, psm_error *err);
typedef int (*psm_work_fn)(void *user, psm_error *err);

PSM_API int psm_service_new(const char *name, const psm_config *cfg,
                            psm_service **out, psm_error *err) PSM_CHECK;
PSM_API void psm_service_free(psm_service *svc);
/* path: "/api/therapists/{id}/block"; the value of {id} comes by
 * psm_request_param(). */
PSM_API int psm_service_route(psm_service *svc, const char *method,
                              const char *path, psm_route_fn fn, void *user,
                              psm_error *err) PSM_CHECK;
PSM_API int psm_service_health(psm_service *svc, const char *part,
                               psm_health_fn fn, void *user,
                               psm_error *err) PSM_CHECK;
/* Stages start in the order added and stop in the reverse order, within the
 * service's deadline. */
PSM_API int psm_service_stage(psm_service *svc, const char *name,
                              psm_start_fn start, psm_stop_fn stop, void *user,
                              psm_error *err) PSM_CHECK;
/* A thread that calls fn at start and then every interval_s seconds. */
PSM_API int psm_service_worker(psm_service *svc, const char *name,
                               int interval_s, psm_work_fn fn, void *user,
                               psm_error *err) PSM_CHECK;
/* Listen on host:port, start the stages, wait for a signal, stop them. port 0:
 * no HTTP. */
PSM_API int psm_service_run(psm_service *svc, const char *host, int port,
                            psm_error *err) PSM_CHECK;
/* Ask a running service to stop; any thread. */
PSM_API void psm_service_stop(psm_service *svc);

PSM_API const char *psm_request_method(const psm_request *req);
PSM_API const char *psm_request_path(const psm_request *req);
/* A {name} of the path; NULL if there is none. */
PSM_API const char *psm_request_param(const psm_request *req, const char *name);
/* ?name=value; NULL if absent. */
PSM_API const char *psm_request_query(const psm_request *req, const char *name);
PSM_API const char *psm_request_body(const psm_request *req, size_t *len);
PSM_API void psm_response_json(psm_response *res, int status, const char *text,
                               size_t len);
/* {"message": ...} */
PSM_API void psm_response_message(psm_response *res, int status,
                                  const char *message);
/* Status by the error's code, its message, pointer, line and column. */
PSM_API void psm_response_error(psm_response *res, const psm_error *err);

/* Log lines as JSON to standard error, from this level on. */
PSM_API void psm_service_log_to_stderr(const char *name, int level);

PSM_END_DECLS

#endif
