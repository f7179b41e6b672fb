/* SPDX-License-Identifier: BSD-2-Clause */
/* The geocoding service: what it is made of is a row of libpsymatch-service's
 * table, its rules are libpsymatch's. */
#include <psymatch/platform.h>

int
main(int argc, char **argv)
{
	return psm_platform_main("geocoding-service", argc, argv);
}
