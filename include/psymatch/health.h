/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_HEALTH_H
#define PSYMATCH_HEALTH_H

#include <psymatch/base.h>

PSM_BEGIN_DECLS

/* green: works. amber: works, but look soon (the sentence says at what). red:
 * does not do its work. */
enum psm_health {
	PSM_HEALTH_GREEN = 0,
	PSM_HEALTH_AMBER = 1,
	PSM_HEALTH_RED = 2
};

PSM_API const char *psm_health_name(int health);

PSM_END_DECLS

#endif
