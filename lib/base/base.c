/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

const char *
psm_version(void)
{
	return PSM_VERSION;
}

const char *
psm_health_name(int health)
{
	switch (health) {
	case PSM_HEALTH_GREEN:
		return "green";
	case PSM_HEALTH_AMBER:
		return "amber";
	case PSM_HEALTH_RED:
		return "red";
	default:
		return NULL;
	}
}
