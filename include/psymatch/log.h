/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_LOG_H
#define PSYMATCH_LOG_H

#include <psymatch/base.h>

PSM_BEGIN_DECLS

enum psm_log_level {
	PSM_LOG_DEBUG = 0,
	PSM_LOG_INFO = 1,
	PSM_LOG_WARN = 2,
	PSM_LOG_ERROR = 3
};

/* fields: name, value, name, value, ..., NULL; everything borrowed for the
 * call. Any thread. */
typedef void (*psm_log_fn)(int level, const char *message,
                           const char *const *fields, void *user);

/* NULL: no log (the default). Messages below level are not made. */
PSM_API void psm_set_log(psm_log_fn fn, int level, void *user);
PSM_API const char *psm_log_level_name(int level);
PSM_API int psm_log_level_from_name(const char *name);
/* Log through the library's callback, e.g. from a service. */
PSM_API void psm_log(int level, const char *message, const char *const *fields);

PSM_END_DECLS

#endif
