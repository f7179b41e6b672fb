/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_REST_H
#define PSYMATCH_REST_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/service.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/**
 * Serve the resources of one of the platform's services: the routes of each,
 * and GET /openapi.json with their description (OpenAPI 3.1).
 *
 * A resource is a list at its path, e.g. /api/therapists, and a record at
 * path/{id}. GET of the list answers {"data": [record], "page", "limit",
 * "total"}; it takes page, limit, sort (a column, with "-" before it
 * downwards) and the filters that /openapi.json lists. POST makes a record and
 * answers it with 201 and Location. GET, PUT, PATCH and DELETE of a record
 * answer it, DELETE {"message"}; POST path/{id}/ACTION does what has a name of
 * its own, e.g. block. GET path/{id}/communication tells of the mails and calls
 * with somebody, as the communication service knows them at
 * PSYMATCH_REST_COMMUNICATION_URL; while that does not answer within 5 s, or is
 * not set, the answer is 503; so it is at once while 32 requests wait for that
 * service.
 *
 * PUT (application/json): a member that is absent or null leaves its column as
 * it is. PATCH (application/merge-patch+json, RFC 7396): null clears it. A
 * record's version is its ETag; with If-Match a change is made only of that
 * version (412), with If-None-Match the answer to GET may be 304. POST takes an
 * Idempotency-Key, see psm_request_once(). What is published continues the
 * trace of the request. The answer to a change comes when the living consumers
 * of what it published have handled it, at the latest after
 * PSYMATCH_REST_WAIT_MS, see psm_tx_wait_consumers().
 *
 * "therapist" has /api/therapists. It imports therapists, too, as the settings
 * THERAPIST_IMPORT_* say, and shows that at /health/import,
 * /api/therapists/import-status and /api/therapists/import-errors. "patient"
 * has /api/patients. Beside its resources a service has endpoints of their own,
 * e.g. /api/platzsuchen and /api/therapeutenanfragen of "matching": all of them
 * are described by /openapi.json. Each that changes something does all of it
 * or nothing; what is said above of the trace, the consumers and, for POST, the
 * Idempotency-Key holds for these, too. A POST that cannot keep one (jobs, dead
 * letters, /api/system-messages) refuses it with 400.
 *
 * @param svc      a service that has not run yet.
 * @param st       a store with the sets "psymatch" and that of the service;
 *   borrowed until psm_service_free().
 * @param cfg      borrowed for the call; what psm_service(3) lists is read.
 * @param service  "patient", "therapist", "matching", "communication" or
 *   "geocoding".
 * @param err      details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL     a NULL argument, or there is no such service;
 *   PSM_ERR_CONFLICT  there is a handler for one of the paths already;
 *   PSM_ERR_STATE     the service runs or ran;
 *   PSM_ERR_NOMEM     out of memory; some routes may have been added.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_rest_add(psm_service *svc, psm_store *st, const psm_config *cfg,
                         const char *service, psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
