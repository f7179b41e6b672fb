/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of the therapist service. */
#include "platform/platform.h"

#include <stdio.h>
#include <string.h>

static int
command_import(struct platform_call *call, char **args, psm_error *err)
{
	const char *folder =
	    psm_config_string(call->cfg, "THERAPIST_IMPORT_FOLDER_PATH");
	psm_import_status *status = NULL;
	int rc = psm_import_status_new(86400, &status, err);

	(void)args;
	if (rc == PSM_OK)
		rc = psm__platform_migrate(call, err);
	psm__platform_progress(status);
	if (rc == PSM_OK)
		rc = psm_therapist_import_run(call->store, folder, status, err);
	psm__platform_progress_end();
	if (rc >= 0)
		printf("%d therapist%s created or updated\n", rc,
		       PSM__NOUN_S(rc));
	if (rc >= 0 && psm_import_status_stat(status, "future") > 0)
		rc = psm_error_set(
		    err, PSM_ERR_CONFLICT,
		    "a folder is dated in the future and was left out: want "
		    "its right name (see the log), or the right clock");
	psm_import_status_free(status);
	return rc;
}

static int
command_announce(struct platform_call *call, char **args, psm_error *err)
{
	return psm__platform_announce(call, args, psm_therapist_announce,
	                              "therapist", err);
}

static int
command_block(struct platform_call *call, char **args, psm_error *err)
{
	return psm_therapist_block(call->store, psm__platform_id(args[0]),
	                           args[1], err);
}

static int
command_unblock(struct platform_call *call, char **args, psm_error *err)
{
	return psm_therapist_unblock(call->store, psm__platform_id(args[0]),
	                             err);
}

static int
command_set(struct platform_call *call, char **args, psm_error *err)
{
	return psm__platform_set(call, args, psm_therapist_patch, err);
}

const struct platform_command psm__platform_therapist[] = {
    {"import-once", 0, 0, "", "read the newest files\n", command_import},
    {"announce", 0, 1, "[all]",
     "publish whom no event has told about\n"
     "yet, or all; it may be interrupted\n",
     command_announce},
    {"block", 1, 2, "ID [REASON]", "block a therapist\n", command_block},
    {"unblock", 1, 1, "ID", "unblock a therapist\n", command_unblock},
    {"set", 3, 3, "ID COLUMN VALUE", "VALUE is JSON, else text\n", command_set},
    {NULL, 0, 0, NULL, NULL, NULL}};
