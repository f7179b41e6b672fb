/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_SERVICE_H
#define PSYMATCH_SERVICE_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/processor.h>
#include <psymatch/relay.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/* A process with an HTTP port, stages, workers, health and metrics: runs until
 * SIGTERM, SIGINT or SIGHUP. */
typedef struct psm_service psm_service;
/* One HTTP request and its answer; both live for the handler's call. */
typedef struct psm_request psm_request;
typedef struct psm_response psm_response;

/**
 * Answers one request, with exactly one of the psm_response functions (the last
 * one counts; without any the answer is 500), or fails.
 *
 * @param req   the request; borrowed for the call.
 * @param res   the answer; borrowed for the call.
 * @param user  as given to psm_service_route().
 * @param err   receives the details of a failure; borrowed for the call.
 * @return 0 or more: answered; a negative code: the answer is that of
 *   psm_response_error() for err, or for the code alone if err has none.
 *
 * Threads: one of the service's handler threads, at most 64 at the same time;
 * further requests wait for one, up to 10 s, then they are answered by 503. May
 * call everything but psm_service_free() and psm_service_run().
 */
typedef int (*psm_route_fn)(const psm_request *req, psm_response *res,
                            void *user, psm_error *err);

/**
 * Says how a part of the service does.
 *
 * @param reason  receives a sentence, NUL-terminated, without personal data.
 * @param size    size of reason in bytes, at least 160.
 * @param user    as given to psm_service_health().
 * @return an enum psm_health (psymatch/health.h); another number counts as red.
 *
 * Threads: up to 4 at the same time, from psm_service_run() on, even
 * before the first stage has started, until psm_service_run() returns. Should
 * not block: whoever asks for /health waits for it.
 */
typedef int (*psm_health_fn)(char *reason, size_t size, void *user);

/**
 * Starts a stage.
 *
 * @param user  as given to psm_service_stage().
 * @param err   receives the details of a failure.
 * @return 0; a negative code: the service does not start.
 *
 * Threads: the one in psm_service_run(), at most once. Should not wait for
 * other machines: what is not there yet belongs into a worker.
 */
typedef int (*psm_start_fn)(void *user, psm_error *err);

/**
 * Stops a stage that had started.
 *
 * @param timeout_ms  time it may take, 0 or more.
 * @param user        as given to psm_service_stage().
 * @param err         receives the details of a failure.
 * @return 0; a negative code: reported, and the stages before are stopped all
 *   the same.
 *
 * Threads: the one in psm_service_run(), at most once.
 */
typedef int (*psm_stop_fn)(int timeout_ms, void *user, psm_error *err);

/**
 * One run of a worker.
 *
 * @param user  as given to psm_service_worker().
 * @param err   receives the details of a failure; psm_error_public() is shown
 *   under /health, its message in the log, so it holds no personal data.
 * @return 0 or more: done; a negative code: failed.
 *
 * Threads: the worker's own, one run after the other.
 */
typedef int (*psm_work_fn)(void *user, psm_error *err);

/**
 * The settings of this library.
 *
 * @return rows as for psm_config_register(); borrowed for ever.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *const *psm_service_settings(void);

/**
 * Register the settings of this library and those of a program, then read the
 * environment as psm_config_from_env() does.
 *
 * @param rows  the program's, as for psm_config_register(); NULL: none.
 * @param out   new (psm_config_free); NULL after a failure.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL     out is NULL, or a row breaks the rules;
 *   PSM_ERR_CONFLICT  a name is registered with another type, range or default;
 *   PSM_ERR_FULL      too many settings;
 *   PSM_ERR_CONFIG    a value of a wrong type or outside its range, see
 *                     psm_config_from_env();
 *   PSM_ERR_NOMEM     out of memory.
 *
 * Threads: any, while no thread changes the environment. Blocks: no. Since 0.1.
 */
PSM_API int psm_service_config(const char *const *rows, psm_config **out,
                               psm_error *err) PSM_CHECK;

/**
 * A new service with the routes GET /health and GET /metrics.
 *
 * With PSYMATCH_API_TOKENS_FILE (see the manual) a request needs a token, else
 * 401: of the role read for GET, write for other methods, admin in /api/admin,
 * /api/dead-letters, /api/jobs and import-errors, else 403; not for OPTIONS,
 * /health/live, /health/ready and /health without reasons. Without that file
 * the service listens to this machine only, unless PSYMATCH_API_OPEN, and what
 * is asked by a web page of elsewhere is answered by 403.
 *
 * GET /health answers {"status": "healthy" | "degraded" | "unhealthy",
 * "service": name, "parts": [{"name", "status", "reason"}]} with 200, or with
 * 503 when unhealthy. The status is the worst of the parts: the one named
 * "service" (unhealthy before the last stage has started and from the beginning
 * of the shutdown on), the parts of psm_service_health(), and each worker under
 * its name (healthy: the last run succeeded, or none has ended yet; degraded:
 * failed, will be tried again soon, or a run takes over 15 minutes; unhealthy:
 * failed three times in a row, or for a reason that does not go away). GET
 * /metrics: psm_metrics_text().
 *
 * @param name  for logs and /health, 1 to 48 bytes of [a-z0-9-]; copied.
 * @param cfg   borrowed for the call; PSYMATCH_SHUTDOWN_MS, PSYMATCH_HTTP_*,
 *   PSYMATCH_DB_CONNECTIONS, PSYMATCH_API_* and CORS_* are read.
 * @param out   receives the service, new (psm_service_free).
 * @param err   details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL   a NULL argument other than err, or a name outside the rule;
 *   PSM_ERR_CONFIG  a file of tokens, a token or origins that cannot be used;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_service_new(const char *name, const psm_config *cfg,
                            psm_service **out, psm_error *err) PSM_CHECK;

/**
 * Free a service that does not run (any more). NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_service_free(psm_service *svc);

/**
 * Let a function answer the requests of one method and path. A path whose
 * earlier segments are literal is preferred: "/a/b" answers before "/a/{id}",
 * by its own methods. A handler for GET answers HEAD too, and OPTIONS is
 * answered by 204 with the methods of the path in Allow. Requests are answered
 * by 404 when no path fits, 405 with Allow when only the method does not, 400
 * when a percent-encoding is malformed or hides a NUL byte, 413 when the body
 * has more than 1 MiB, 431 when the headers have more than 8 KiB, 503 while the
 * service starts and stops or has too much to do, and if a psm_store has not
 * answered for PSYMATCH_HTTP_DATABASE_MS: {"message"}, 503 with Retry-After.
 *
 * A connection costs a socket, not a thread: PSYMATCH_HTTP_CONNECTIONS (or half
 * of what the process may open) are served at once, more wait to be accepted,
 * but for those of an address that has PSYMATCH_HTTP_CLIENT_CONNECTIONS. The
 * headers of a request must arrive within 10 s, its body within 30 s more, else
 * the answer is 408 and the connection is closed; so is one that rests for 15 s
 * or does not read its answer within 60 s. When the connections run out, those
 * go first whose request has not arrived after 2 s. As many handlers work at
 * once as PSYMATCH_DB_CONNECTIONS; one more, up to 64, for each that takes over
 * 5 ms.
 *
 * @param svc     a service that has not run yet.
 * @param method  "GET", "POST", "PUT", "PATCH" or "DELETE".
 * @param path    "/" or segments like "/api/therapists/{id}/block": literals of
 *   [A-Za-z0-9._~-] and names of [a-z0-9_] in braces, at most 12, 200 bytes
 *   together; copied.
 * @param fn      the handler.
 * @param user    handed to fn; must live until psm_service_run() returns.
 * @param err     details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL     svc, method, path or fn is NULL, or breaks a rule above;
 *   PSM_ERR_CONFLICT  there is a handler for such a path and method already;
 *   PSM_ERR_STATE     the service runs or ran;
 *   PSM_ERR_NOMEM     out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_service_route(psm_service *svc, const char *method,
                              const char *path, psm_route_fn fn, void *user,
                              psm_error *err) PSM_CHECK;

/**
 * Show a part of the service under /health.
 *
 * @param svc   a service that has not run yet.
 * @param part  its name there, 1 to 48 bytes of [a-z0-9-]; copied.
 * @param fn    says how it does.
 * @param user  handed to fn; must live until psm_service_run() returns.
 * @param err   details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  svc, part or fn is NULL, or a name outside the rule;
 *   PSM_ERR_STATE  the service runs or ran;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_service_health(psm_service *svc, const char *part,
                               psm_health_fn fn, void *user,
                               psm_error *err) PSM_CHECK;

/**
 * Add a stage. Stages start in the order added and stop in the reverse order.
 *
 * @param svc    a service that has not run yet.
 * @param name   what logs call it, 1 to 48 bytes of [a-z0-9-]; copied.
 * @param start  starts it; NULL: nothing to start.
 * @param stop   stops it, if it had started; NULL: nothing to stop.
 * @param user   handed to both; must live until psm_service_run() returns.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  svc or name is NULL, a name outside the rule, or neither
 *                  start nor stop;
 *   PSM_ERR_STATE  the service runs or ran;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_service_stage(psm_service *svc, const char *name,
                              psm_start_fn start, psm_stop_fn stop, void *user,
                              psm_error *err) PSM_CHECK;

/**
 * Add a worker: a stage that is a thread, which calls fn when it starts and
 * then every interval_s seconds (counted from the end of a run, on the
 * monotonic clock). A run that failed for a reason that may go away
 * (psm_error_retriable) is tried again after 1, 2, 4 ... 60 seconds, each
 * shortened by up to half at random, and never later than the interval says.
 * Stopping ends the wait at once and then waits for a run that is under way:
 * let a stage added after the worker ask a long run to end.
 *
 * Each run counts in the metric psymatch_worker_runs_total, a failed one also
 * in psymatch_worker_failures_total, both by name.
 *
 * @param svc         a service that has not run yet.
 * @param name        its name in logs and under /health, 1 to 48 bytes of
 *   [a-z0-9-]; copied.
 * @param interval_s  seconds, 1 to 31536000; 0: until it succeeded once.
 * @param fn          one run.
 * @param user        handed to fn; must live until psm_service_run() returns.
 * @param err         details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  svc, name or fn is NULL, a name or interval breaks a rule;
 *   PSM_ERR_STATE  the service runs or ran;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_service_worker(psm_service *svc, const char *name,
                               int interval_s, psm_work_fn fn, void *user,
                               psm_error *err) PSM_CHECK;

/**
 * Let a service use a database: the part "database" under /health, and a worker
 * "migrations" that brings sets of tables up to date as soon as the database is
 * there, so that the service starts without it. Until then it is unhealthy.
 *
 * @param svc   a service that has not run yet.
 * @param st    borrowed until psm_service_free().
 * @param sets  names as for psm_store_migrate(), separated by blanks, in this
 *   order, e.g. "psymatch therapist"; copied.
 * @param err   details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  svc, st or sets is NULL;
 *   PSM_ERR_STATE  the service runs or ran;
 *   PSM_ERR_NOMEM  out of memory; some of it may have been added.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_service_add_store(psm_service *svc, psm_store *st,
                                  const char *sets, psm_error *err) PSM_CHECK;

/**
 * Let a service run a relay: "relay", a stage and a part under /health.
 *
 * @param svc    a service that has not run yet.
 * @param relay  not started; borrowed until psm_service_run() returns.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  svc or relay is NULL;
 *   PSM_ERR_STATE  the service runs or ran;
 *   PSM_ERR_NOMEM  out of memory; some of it may have been added.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_service_add_relay(psm_service *svc, psm_relay *relay,
                                  psm_error *err) PSM_CHECK;

/**
 * Let a service run a processor: a stage and a part under /health.
 *
 * @param svc   a service that has not run yet.
 * @param name  what both are called, 1 to 48 bytes of [a-z0-9-]; copied.
 * @param pr    not started; borrowed until psm_service_run() returns.
 * @param err   details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  svc, name or pr is NULL, or a name outside the rule;
 *   PSM_ERR_STATE  the service runs or ran;
 *   PSM_ERR_NOMEM  out of memory; some of it may have been added.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_service_add_processor(psm_service *svc, const char *name,
                                      psm_processor *pr,
                                      psm_error *err) PSM_CHECK;

/**
 * Run the service: listen, start the stages, wait for SIGTERM, SIGINT, SIGHUP
 * or psm_service_stop(), stop.
 *
 * A stage that does not start lets those before it stop, and its error is the
 * result. The shutdown has PSYMATCH_SHUTDOWN_MS: requests under way end first,
 * within a third of it (half with one stage), then the stages stop, each given
 * an equal share of the time left; what has not returned one second after the
 * deadline ends with the process (exit status 1), because nothing may be freed
 * under a running thread. A second signal ends the process at once (exit status
 * 128 + its number).
 *
 * The three signals are blocked in the calling thread and all threads made
 * during the call, and as before afterwards; SIGPIPE is ignored from now on.
 * Threads made earlier must have the three signals blocked.
 *
 * @param svc   a service that has not run yet.
 * @param host  a numeric address or name of this machine to listen on, e.g.
 *   "127.0.0.1"; NULL with port 0.
 * @param port  TCP port, 1 to 65535; 0: no HTTP.
 * @param err   details of a failure; may be NULL.
 * @return 0: stopped as asked;
 *   PSM_ERR_INVAL  svc is NULL, host is NULL, or port is out of range;
 *   PSM_ERR_STATE  the service runs or ran;
 *   PSM_ERR_IO     cannot listen there, or no thread could be made;
 *   PSM_ERR_CONFIG  others need no token, or certificate or key are unusable;
 *   PSM_ERR_NOMEM  out of memory;
 *   or the first failure of a stage to start or to stop.
 *
 * Threads: one, best the main thread. Blocks: until the service has stopped.
 * Since 0.1.
 */
PSM_API int psm_service_run(psm_service *svc, const char *host, int port,
                            psm_error *err) PSM_CHECK;

/**
 * Ask a service to stop, as SIGTERM does; before psm_service_run(): let it stop
 * at once. NULL is allowed.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API void psm_service_stop(psm_service *svc);

/**
 * The method of a request, as sent: "GET", "HEAD", ...
 *
 * @param req  a request.
 * @return borrowed for the handler's call; NULL if req is NULL.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_request_method(const psm_request *req);

/**
 * The path of a request, as sent: still percent-encoded, without the query.
 *
 * @param req  a request.
 * @return borrowed for the handler's call; NULL if req is NULL.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_request_path(const psm_request *req);

/**
 * The value of a {name} of the route's path, percent-decoded, never empty. The
 * bytes are the client's: not necessarily UTF-8.
 *
 * @param req   a request.
 * @param name  NUL-terminated, without the braces.
 * @return borrowed for the handler's call; NULL if the path has no such name or
 *   an argument is NULL.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_request_param(const psm_request *req, const char *name);

/**
 * The value of name=value in the query, decoded ("" without a value); the first
 * one if there are several. At most 32 are accepted (400).
 *
 * @param req   a request.
 * @param name  NUL-terminated.
 * @return borrowed for the handler's call; NULL if absent or an argument is
 *   NULL.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_request_query(const psm_request *req, const char *name);

/**
 * The body of a request.
 *
 * @param req  a request.
 * @param len  receives its length in bytes, at most 1 MiB; may be NULL.
 * @return the bytes, followed by a NUL byte, "" without a body; borrowed for
 *   the handler's call. NULL if req is NULL.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_request_body(const psm_request *req, size_t *len);

/**
 * A header of a request.
 *
 * @param req   a request.
 * @param name  in any case of letters.
 * @return the value of the first one of that name, borrowed for the handler's
 *   call; NULL if absent or an argument is NULL.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_request_header(const psm_request *req,
                                       const char *name);

/**
 * The value of a {name} of the route's path that is the id of a record.
 *
 * @param req   a request.
 * @param name  NUL-terminated, without the braces.
 * @param id    receives the id, 1 to 2147483647; 0 after a failure.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL argument, or the path has no such name;
 *   PSM_ERR_NOT_FOUND  no id: other characters than digits, a zero in front, or
 *                      out of range.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_request_id(const psm_request *req, const char *name,
                           int64_t *id, psm_error *err) PSM_CHECK;

/**
 * A parameter of the query that is an integer, or the nearest of 64 bits.
 *
 * @param req    a request.
 * @param name   NUL-terminated.
 * @param min    the least that does.
 * @param max    the most that does.
 * @param value  receives it, and stays as it is if the parameter is absent or
 *               empty.
 * @param err    details of a failure, which name the parameter; may be NULL.
 * @return 1: given; 0: absent;
 *   PSM_ERR_INVAL  no integer, or out of range; or a NULL argument.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_request_query_int(const psm_request *req, const char *name,
                                  int64_t min, int64_t max, int64_t *value,
                                  psm_error *err) PSM_CHECK;

/**
 * A parameter of the query that is "true" or "false", in any case of letters.
 *
 * @param req    a request.
 * @param name   NUL-terminated.
 * @param value  receives 1 or 0, and stays as it is if the parameter is absent
 *               or empty.
 * @param err    details of a failure, which name the parameter; may be NULL.
 * @return 1: given; 0: absent;
 *   PSM_ERR_INVAL  another text; or a NULL argument.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_request_query_bool(const psm_request *req, const char *name,
                                   int *value, psm_error *err) PSM_CHECK;

/**
 * Which page of a list is wanted, by the parameters "page" and "limit". What is
 * no number counts as absent, what is out of range as the nearest number.
 *
 * @param req    a request; NULL: nothing is wanted.
 * @param page   receives 1 to 2147483647, 1 if absent; may be NULL.
 * @param limit  receives 1 to 1000, 20 if absent; may be NULL.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_request_page(const psm_request *req, int64_t *page,
                              int64_t *limit);

/**
 * Check that a request has a body of one of some media types.
 *
 * @param req    a request.
 * @param types  media types separated by blanks, e.g. "application/json
 *               application/merge-patch+json"; compared without case and
 *               parameters.
 * @param err    details of a failure; may be NULL.
 * @return the index of the type, from 0;
 *   PSM_ERR_INVAL       a NULL argument;
 *   PSM_ERR_MEDIA_TYPE  the Content-Type is another one or missing;
 *   PSM_ERR_PARSE       there is no body.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_request_expect(const psm_request *req, const char *types,
                               psm_error *err) PSM_CHECK;

/**
 * Compare If-Match with the version of a record, see psm_response_etag().
 *
 * @param req      a request.
 * @param version  the record's.
 * @param err      details of a failure; may be NULL.
 * @return 1: the header names that version, or "*"; 0: there is no header;
 *   PSM_ERR_PRECONDITION  it names others.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_request_if_match(const psm_request *req, int64_t version,
                                 psm_error *err) PSM_CHECK;

/**
 * Compare If-None-Match with the version of a record, see psm_response_etag().
 *
 * @param req      a request.
 * @param version  the record's.
 * @return 1: the client has this version (answer with 304); 0: it has not, or
 *   does not say.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_request_is_fresh(const psm_request *req, int64_t version);

/**
 * Give the answer a header, in place of an earlier one of that name. At most 8;
 * one more, and what is no header (a name that is no token, a line break in a
 * value), is left out. Content-Type, Content-Length, Cache-Control, Retry-After
 * and Allow come by themselves.
 *
 * @param res    an answer; NULL: nothing happens.
 * @param name   copied; NULL: nothing happens.
 * @param value  copied; NULL: nothing happens.
 *
 * Out of memory makes the answer a 500. Threads: one at a time. Blocks: no.
 * Since 0.1.
 */
PSM_API void psm_response_header(psm_response *res, const char *name,
                                 const char *value);

/**
 * Give the answer the header ETag with the version of the record.
 *
 * @param res      an answer; NULL: nothing happens.
 * @param version  the record's.
 *
 * Out of memory makes the answer a 500. Threads: one at a time. Blocks: no.
 * Since 0.1.
 */
PSM_API void psm_response_etag(psm_response *res, int64_t version);

/**
 * Let a request that names an Idempotency-Key have its effect once: its answer
 * is kept in the transaction of the change, and the same request gets that
 * answer again, with the header Idempotency-Replayed. To be called first in the
 * transaction; psm_response_keep() before the commit. A second request at the
 * same time waits for the first one's end. Answers are kept for
 * PSYMATCH_REST_IDEMPOTENCY_HOURS, the newest 100,000 of them, in
 * psymatch.idempotency, body included, so with what it says of a person; a
 * change that failed keeps none. Each request with a new key removes two that
 * expired, and a service of psm_rest_add() all of them once an hour.
 *
 * @param req  a request; a key counts for its method and path.
 * @param tx   an open transaction of a store whose set "psymatch" is migrated.
 * @param res  receives the answer of before.
 * @param err  details of a failure; may be NULL.
 * @return 1: answered; roll back; 0: go on, it is new or names no key;
 *   PSM_ERR_INVAL   a NULL argument, or a key that is not 1 to 255 printable
 *                   characters of ASCII without blanks;
 *   PSM_ERR_REJECT  the key was used with another body;
 *   PSM_ERR_RETRY   the answer of before went away just now;
 *   PSM_ERR_NOMEM   out of memory;
 *   PSM_ERR_DB      the database failed, as for psm_tx_exec().
 *
 * Threads: one at a time. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_request_once(const psm_request *req, psm_tx *tx,
                             psm_response *res, psm_error *err) PSM_CHECK;

/**
 * Keep an answer for the request's Idempotency-Key, if it names one: status,
 * body, ETag and Location.
 *
 * @param res  the answer.
 * @param req  the request, for which psm_request_once() said 0.
 * @param tx   the same transaction.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument;
 *   PSM_ERR_NOMEM  out of memory;
 *   PSM_ERR_DB     the database failed, as for psm_tx_exec().
 *
 * Threads: one at a time. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_response_keep(const psm_response *res, const psm_request *req,
                              psm_tx *tx, psm_error *err) PSM_CHECK;

/**
 * Let what a transaction emits continue the request's trace (the headers
 * traceparent and tracestate of W3C Trace Context). A request without one, or
 * with a malformed one, begins a trace; its log lines name the same one.
 *
 * @param req  a request.
 * @param tx   an open transaction.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_request_trace(const psm_request *req, psm_tx *tx,
                              psm_error *err) PSM_CHECK;

/**
 * Answer with a JSON document.
 *
 * @param res     an answer; NULL: nothing happens.
 * @param status  HTTP status, 200 to 599; another one becomes 500.
 * @param text    the document, copied; NULL: without a body.
 * @param len     its length in bytes.
 *
 * Out of memory makes the answer a 500. Threads: one at a time. Blocks: no.
 * Since 0.1.
 */
PSM_API void psm_response_json(psm_response *res, int status, const char *text,
                               size_t len);

/**
 * Answer with {"message": string}.
 *
 * @param res      an answer; NULL: nothing happens.
 * @param status   HTTP status, 200 to 599; another one becomes 500.
 * @param message  NUL-terminated UTF-8, copied; NULL is null.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_response_message(psm_response *res, int status,
                                  const char *message);

/**
 * Answer with an error: {"message": psm_error_public(), "code": as
 * psm_error_name()} and, where known, "pointer", "line", "column" and
 * "errors": [{"pointer", "message"}], the list of all faults. The status is
 * that of psm_error_http_status(): 400 for PSM_ERR_INVAL, _PARSE, _SCHEMA,
 * _VERSION and _UNKNOWN_TYPE, 404 for _NOT_FOUND, 409 for _CONFLICT,
 * _TRANSITION and _AMBIGUOUS, 412 for _PRECONDITION, 413 for _TOO_LARGE, 415
 * for _MEDIA_TYPE, 422 for _REJECT, 202 for _UNCONFIRMED (it is done), 503 for
 * _NOMEM, _FULL, _IO, _DB, _BROKER, _TIMEOUT, _RETRY, _CLOSED, _FENCED and
 * _UNAVAILABLE, else 500. From 500 on the message is the text of the code,
 * except for _UNAVAILABLE. What the client is not told is logged as a warning.
 *
 * @param res  an answer; NULL: nothing happens.
 * @param err  a recorded failure; NULL or none recorded: 500.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_response_error(psm_response *res, const psm_error *err);

/**
 * Write the log of the process to standard error: one line per record, a JSON
 * object {"time": RFC 3339 UTC, "level", "service", "message"} and the record's
 * fields as strings (one of those four names gets a "_" behind it). Bytes that
 * are not UTF-8 become U+FFFD. What cannot be written is lost.
 *
 * @param name   the "service", cut at 48 bytes; copied. NULL: no such member.
 * @param level  an enum psm_log_level: records below it are not made.
 *
 * Threads: one at a time, before other threads log. Blocks: no, but each record
 * blocks on standard error. Since 0.1.
 */
PSM_API void psm_service_log_to_stderr(const char *name, int level);

PSM_END_DECLS

#endif
