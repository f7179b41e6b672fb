/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_HEALTH_H
#define PSYMATCH_HEALTH_H

#include <psymatch/base.h>

PSM_BEGIN_DECLS

/**
 * How a part of the library is. green: it works. amber: it works, but look at
 * it soon (the sentence that comes with it says at what). red: it does not do
 * its work.
 */
enum psm_health {
	PSM_HEALTH_GREEN = 0,
	PSM_HEALTH_AMBER = 1,
	PSM_HEALTH_RED = 2
};

/**
 * The name of a health.
 *
 * @param health  a psm_health.
 * @return "green", "amber" or "red", borrowed for ever; NULL: no such health.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_health_name(int health);

PSM_END_DECLS

#endif
