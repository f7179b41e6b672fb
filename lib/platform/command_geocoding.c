/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of the geocoding service. */
#include "platform/platform.h"

#include <stdio.h>

static int
command_load(struct platform_call *call, char **args, psm_error *err)
{
	int rc = psm__platform_migrate(call, err);

	if (rc == PSM_OK)
		rc = psm_geo_load_file(call->store, args[0], 1, err);
	if (rc >= 0)
		printf("%d postal code%s written\n", rc, PSM__NOUN_S(rc));
	else
		call->file = args[0];
	return rc;
}

const struct platform_command psm__platform_geocoding[] = {
    {"load", 1, 1, "FILE", "load the centroids of postal codes\n",
     command_load},
    {NULL, 0, 0, NULL, NULL, NULL}};
