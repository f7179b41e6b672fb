/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of the patient service. */
#include "platform/platform.h"

#include <stdio.h>

static int
command_import(struct platform_call *call, char **args, psm_error *err)
{
	psm_object_source *source = NULL;
	psm_import_status *status = NULL;
	int rc = psm_patient_import_status_new(86400, &status, err);

	(void)args;
	if (rc == PSM_OK)
		rc = psm__platform_migrate(call, err);
	psm__platform_progress(status);
	if (rc == PSM_OK)
		rc = psm_object_source_open(call->cfg, &source, err);
	if (rc == PSM_OK)
		rc = psm_patient_import_run(call->store, source, status, err);
	psm__platform_progress_end();
	if (rc >= 0)
		printf("%d patient%s created\n", rc, PSM__NOUN_S(rc));
	psm_object_source_free(source);
	psm_import_status_free(status);
	return rc;
}

static int
command_announce(struct platform_call *call, char **args, psm_error *err)
{
	return psm__platform_announce(call, args, psm_patient_announce,
	                              "patient", err);
}

static int
command_set(struct platform_call *call, char **args, psm_error *err)
{
	return psm__platform_set(call, args, psm_patient_patch, err);
}

const struct platform_command psm__platform_patient[] = {
    {"import-once", 0, 0, "", "read the registrations\n", command_import},
    {"announce", 0, 1, "[all]",
     "publish whom no event has told about\n"
     "yet, or all; it may be interrupted\n",
     command_announce},
    {"set", 3, 3, "ID COLUMN VALUE", "VALUE is JSON, else text\n", command_set},
    {NULL, 0, 0, NULL, NULL, NULL}};
