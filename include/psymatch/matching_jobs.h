/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_MATCHING_JOBS_H
#define PSYMATCH_MATCHING_JOBS_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/jobs.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/**
 * Let jobs do "inquiry.send" and "follow_up.call", which the matching service
 * asks for when the communication service has a database of its own: the mail
 * or the call is made by that service (POST /api/emails, POST /api/phone-calls
 * of PSYMATCH_REST_COMMUNICATION_URL, with the job as the Idempotency-Key),
 * and its number is kept in the inquiry. While that service is away, or says
 * no for another reason than what it was given, the job is tried again. When
 * it refuses an inquiry's mail or call for good (400, 413, 422), and when the
 * job has failed for good, the inquiry is one that was not sent, as by
 * psm_inquiry_not_sent().
 *
 * @param jobs   that are not started yet.
 * @param store  with the set "matching".
 * @param cfg    of psm_service_config(); borrowed until jobs is freed.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL     a NULL argument;
 *   PSM_ERR_CONFIG    MIN_ANFRAGE_SIZE is more than MAX_ANFRAGE_SIZE;
 *   PSM_ERR_CONFLICT  jobs do one of them already;
 *   PSM_ERR_STATE     they are started;
 *   PSM_ERR_NOMEM     out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_matching_jobs(psm_jobs *jobs, psm_store *store,
                              const psm_config *cfg, psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
