/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

const char *
psm_version(void)
{
	return PSM_VERSION;
}
