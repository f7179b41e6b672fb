/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_SCRAPING_H
#define PSYMATCH_SCRAPING_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/jobs.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/**
 * Ask for the public lists of therapists to be read again: publishes
 * "scraping.run".
 *
 * @param store  an open store whose set "therapist" is migrated.
 * @param plz    only of this postal code, 1 to 5 digits; NULL: all.
 * @param out    receives the request's id, the key of the job, new (psm_free);
 *   NULL after a failure; may be NULL.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL    store is NULL, or plz is no postal code;
 *   PSM_ERR_DB       the database failed, or the set is not migrated;
 *   PSM_ERR_RETRY    as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_IO       the system gave no random bytes;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_scraping_request(psm_store *store, const char *plz, char **out,
                                 psm_error *err) PSM_CHECK;

/**
 * Let jobs do what scraping.run asks for, see psm_therapist_handle(): run the
 * program of SCRAPING_COMMAND, one at a time in a database and no longer than
 * SCRAPING_TIMEOUT_SECONDS, then, as a job "scraping.import" of its own,
 * psm_therapist_import_run() of the folder THERAPIST_IMPORT_FOLDER_PATH, if
 * there is such a setting. What fails or takes too long is done again later, as
 * jobs are; the program is not run again for the import's sake.
 *
 * @param jobs   an object that was not started.
 * @param store  borrowed until jobs is freed; its settings count.
 * @param cfg    borrowed for the call.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL     a NULL argument;
 *   PSM_ERR_CONFIG    SCRAPING_TIMEOUT_SECONDS is not less than
 *                     PSYMATCH_JOB_LEASE_SECONDS;
 *   PSM_ERR_CONFLICT  jobs has them already;
 *   PSM_ERR_STATE     jobs was started before;
 *   PSM_ERR_NOMEM     out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_scraping_jobs(psm_jobs *jobs, psm_store *store,
                              const psm_config *cfg, psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
