/* SPDX-License-Identifier: BSD-2-Clause */
/* Records that no event has told about, or all of them, are published. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include "platform/platform.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define A_SECOND 200 /* that those who handle them have time for others */

int
psm__platform_announce(struct platform_call *call, char **args,
                       platform_announce_fn announce, const char *noun,
                       psm_error *err)
{
	static const struct timespec pause = {1, 0};
	int all = args[0] && strcmp(args[0], "all") == 0;
	int rc, total = 0;

	if (args[0] && !all)
		return psm_error_set(err, PSM_ERR_INVAL,
		                     "announce: want nothing or \"all\"");
	rc = psm__platform_migrate(call, err);
	while (rc == PSM_OK &&
	       (rc = announce(call->store, all, A_SECOND, err)) > 0) {
		total += rc;
		if (rc == A_SECOND)
			(void)nanosleep(&pause, NULL); /* shorter is no harm */
		rc = PSM_OK;
	}
	printf("%d %s%s announced\n", total, noun, PSM__NOUN_S(total));
	return rc;
}
