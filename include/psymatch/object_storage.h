/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_OBJECT_STORAGE_H
#define PSYMATCH_OBJECT_STORAGE_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/patient_import.h>

PSM_BEGIN_DECLS

/**
 * The source of registrations that the settings name (PATIENT_IMPORT_SOURCE,
 * else GCS_IMPORT_BUCKET), with its folder of copies
 * (PATIENT_IMPORT_LOCAL_PATH). In a bucket, what failed is copied below failed/
 * unless a copy is kept here, then it is deleted; each request has a deadline
 * (GCS_TIMEOUT_MS), and touches only the generation that was read.
 *
 * @param cfg  settings, of a process that registered psm_service_settings();
 *   read during the call.
 * @param out  receives the source, new (psm_object_source_free); NULL after a
 *   failure.
 * @param err  details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL   cfg or out is NULL;
 *   PSM_ERR_CONFIG  no source is named, a key file is none of a service
 *                   account, or the folder of copies is the source;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: any. Blocks: on files. Since 0.1.
 */
PSM_API int psm_object_source_open(const psm_config *cfg,
                                   psm_object_source **out,
                                   psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
