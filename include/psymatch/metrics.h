/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_METRICS_H
#define PSYMATCH_METRICS_H

#include <psymatch/base.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/* All metrics of the process in the Prometheus text format; *text is new
 * (psm_free). */
PSM_API int psm_metrics_text(char **text, size_t *len,
                             psm_error *err) PSM_CHECK;
/* One value by name and label value ("" for none), 0 if there is none yet. */
PSM_API int64_t psm_metrics_value(const char *name, const char *label);
/* Count something of the application's own: name_total{label="..."} grows by
 * delta. */
PSM_API void psm_metrics_add(const char *name, const char *label,
                             int64_t delta);

PSM_END_DECLS

#endif
