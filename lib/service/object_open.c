/* SPDX-License-Identifier: BSD-2-Clause */
/* The source that the settings name. */
#include <psymatch/object_storage.h>

#include "service/object_gs.h"

#include <string.h>

static int
open_named(const char *name, const psm_config *cfg, psm_object_source **out,
           psm_error *err)
{
	const char *bucket = psm_config_string(cfg, "GCS_IMPORT_BUCKET");

	if (!*name && *bucket)
		return psm__svc_object_gs(bucket, cfg, out, err);
	if (strncmp(name, "file:", 5) == 0 && name[5])
		return psm_object_source_folder(name + 5, out, err);
	if (strncmp(name, "gs:", 3) == 0 && name[3])
		return psm__svc_object_gs(name + 3, cfg, out, err);
	return psm__fail(err, PSM_ERR_CONFIG,
	                 "PATIENT_IMPORT_SOURCE: want \"file:FOLDER\" or "
	                 "\"gs:BUCKET\"");
}

static int
keep_copies(psm_object_source *source, const psm_config *cfg, psm_error *err)
{
	int rc = psm_object_source_keep(
	    source, psm_config_string(cfg, "PATIENT_IMPORT_LOCAL_PATH"), err);

	return rc == PSM_ERR_INVAL
	           ? psm__fail(err, PSM_ERR_CONFIG,
	                       "PATIENT_IMPORT_LOCAL_PATH: want another folder "
	                       "than that of PATIENT_IMPORT_SOURCE")
	           : rc;
}

int
psm_object_source_open(const psm_config *cfg, psm_object_source **out,
                       psm_error *err)
{
	int rc;

	psm_error_clear(err);
	if (out)
		*out = NULL;
	if (!cfg || !out)
		return psm__fail(err, PSM_ERR_INVAL, "cfg or out is NULL");
	rc = open_named(psm_config_string(cfg, "PATIENT_IMPORT_SOURCE"), cfg,
	                out, err);
	if (rc == 0)
		rc = keep_copies(*out, cfg, err);
	if (rc < 0) {
		psm_object_source_free(*out);
		*out = NULL;
	}
	return rc;
}
