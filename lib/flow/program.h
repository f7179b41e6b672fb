/* SPDX-License-Identifier: BSD-2-Clause */
/* What a program asks of its processor. */
#ifndef PSM_FLOW_PROGRAM_H
#define PSM_FLOW_PROGRAM_H

#include <psymatch/program.h>

/* It has a handler, so it can be started. */
int psm__processor_handles(const psm_processor *pr);

#endif
