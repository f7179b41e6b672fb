/* SPDX-License-Identifier: BSD-2-Clause */
/* The matching service: what it is made of is a row of libpsymatch-service's
 * table, its rules are libpsymatch's. */
#include <psymatch/platform.h>

int
main(int argc, char **argv)
{
	return psm_platform_main("matching-service", argc, argv);
}
