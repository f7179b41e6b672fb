/* SPDX-License-Identifier: BSD-2-Clause */
/* Of libpsymatch-service: the services of the platform, one in a process or all
 * in one. */
#ifndef PSYMATCH_PLATFORM_H
#define PSYMATCH_PLATFORM_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/* Services of the platform in this process: their REST, consumers, jobs,
 * workers, one relay. */
typedef struct psm_platform psm_platform;

/**
 * The services of the platform.
 *
 * @param i  index from 0.
 * @return the name, e.g. "therapist-service"; borrowed for ever. NULL past the
 *   end.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_platform_service_at(size_t i);

/**
 * Put together what a service is made of: the resources that psm_rest_add()
 * serves, a processor for each of its consumer groups, its jobs and workers, a
 * relay, and the migration of its tables. Each has a part under /health.
 *
 * Several services in one process share the store, the relay and the jobs; each
 * has a port of its own. With PSYMATCH_HTTP_ONE_PORT all are at one, where
 * /health has a part for each of them: /api/... is that of the service that has
 * it, and /NAME/... is all of the service called NAME, its /health and
 * /openapi.json, too. /openapi.json and /metrics are of all.
 *
 * @param service  a name as psm_platform_service_at() gives it; NULL: all.
 * @param st       borrowed until psm_platform_free().
 * @param cfg      of psm_service_config(); borrowed until psm_platform_free().
 * @param out      new (psm_platform_free); NULL after a failure.
 * @param err      details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL   a NULL argument other than err, or there is no such
 *                   service;
 *   PSM_ERR_CONFIG  a setting is not valid;
 *   PSM_ERR_IO      there is no file descriptor for wake-ups;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_platform_new(const char *service, psm_store *st,
                             const psm_config *cfg, psm_platform **out,
                             psm_error *err) PSM_CHECK;

/**
 * Run it as psm_service_run() runs a service, on PSYMATCH_HTTP_HOST and the
 * ports of the services. They start one after the other and stop in the reverse
 * order, after all requests have ended.
 *
 * @param pf   an object that has not run yet.
 * @param err  details of a failure; may be NULL.
 * @return as psm_service_run().
 *
 * Threads: one, best the main thread. Blocks: until it has stopped. Since 0.1.
 */
PSM_API int psm_platform_run(psm_platform *pf, psm_error *err) PSM_CHECK;

/**
 * Let psm_platform_run() stop and return, as a signal does.
 *
 * @param pf  an object; NULL is allowed.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API void psm_platform_stop(psm_platform *pf);

/**
 * Free what psm_platform_new() made.
 *
 * @param pf  taken, does not run (any more); NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_platform_free(psm_platform *pf);

/**
 * The main function of a service's program: without arguments it runs the
 * service; else it does a command, which "--help" lists. Settings come from the
 * environment, the log goes to standard error. For all services at once the
 * defaults of PSYMATCH_TRANSPORT and PSYMATCH_DB_CONNECTIONS are postgres and
 * 24.
 *
 * @param service  as for psm_platform_new().
 * @param argc     of main().
 * @param argv     of main().
 * @return the process's exit status: 0; 1 after a failure, which standard error
 *   tells; 2 when called wrongly.
 *
 * Threads: one, the main thread. Blocks: until it is done. Since 0.1.
 */
PSM_API int psm_platform_main(const char *service, int argc, char **argv);

PSM_END_DECLS

#endif
