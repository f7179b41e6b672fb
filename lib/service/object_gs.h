/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSM_OBJECT_GS_INT_H
#define PSM_OBJECT_GS_INT_H

#include "service/service.h"

/* cfg: GCS_*. PSM_ERR_CONFIG: a key file is none. */
int psm__svc_object_gs(const char *bucket, const psm_config *cfg,
                       psm_object_source **out, psm_error *err);

#endif
