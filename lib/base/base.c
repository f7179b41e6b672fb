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
		return "healthy";
	case PSM_HEALTH_AMBER:
		return "degraded";
	case PSM_HEALTH_RED:
		return "unhealthy";
	default:
		return NULL;
	}
}
