/* SPDX-License-Identifier: BSD-2-Clause */
#include <psymatch/service.h>

int
psm_service_run(void)
{
	return 0;
}
