/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_HEALTH_H
#define PSYMATCH_HEALTH_H

#include <psymatch/base.h>

PSM_BEGIN_DECLS

/**
 * How a part of the library is. Green: it works. Amber: it works, but look at
 * it soon (the sentence that comes with it says at what). Red: it does not do
 * its work. In answers and texts these are called "healthy", "degraded" and
 * "unhealthy".
 */
enum psm_health {
	PSM_HEALTH_GREEN = 0,
	PSM_HEALTH_AMBER = 1,
	PSM_HEALTH_RED = 2
};

/**
 * The word for a health, as /health has it.
 *
 * @param health  a psm_health.
 * @return "healthy", "degraded" or "unhealthy", borrowed for ever; NULL: no
 *   such health.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_health_name(int health);

PSM_END_DECLS

#endif
