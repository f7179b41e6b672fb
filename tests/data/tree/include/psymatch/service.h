/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_SERVICE_H
#define PSYMATCH_SERVICE_H

#include <psymatch/event.h>

PSM_API int psm_service_run(void);

#endif
