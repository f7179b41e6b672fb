/* SPDX-License-Identifier: BSD-2-Clause */
/* All services of the platform in one process. PostgreSQL is all they need:
 * unless PSYMATCH_TRANSPORT says otherwise, events travel through it. */
#include <psymatch/platform.h>

int
main(int argc, char **argv)
{
	return psm_platform_main(NULL, argc, argv);
}
