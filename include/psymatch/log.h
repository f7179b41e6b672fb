/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_LOG_H
#define PSYMATCH_LOG_H

#include <psymatch/base.h>

PSM_BEGIN_DECLS

/** How much a message matters. */
enum psm_log_level {
	PSM_LOG_DEBUG = 0,
	PSM_LOG_INFO = 1,
	PSM_LOG_WARN = 2,
	PSM_LOG_ERROR = 3
};

/**
 * Receives the library's messages. They hold no personal data. Runs on any
 * thread, several at once, and holds up the work there: it should be quick. It
 * may call psm_log and psm_set_log; it must not wait for the library.
 *
 * level is a psm_log_level; message and all of fields are borrowed for the
 * call. fields is name, value, name, value, ..., NULL.
 */
typedef void (*psm_log_fn)(int level, const char *message,
                           const char *const *fields, void *user);

/**
 * Say where messages go. The library writes to no stream by itself.
 *
 * @param fn     NULL: nowhere (the default).
 * @param level  a psm_log_level; messages below it are not made.
 * @param user   given to fn. A thread that is logging may call the old fn once
 *               more after this function has returned.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API void psm_set_log(psm_log_fn fn, int level, void *user);

/**
 * Say that messages go to standard error, each as one line of at most 1 KiB:
 * time, level, message, and name=value for each field. In place of what was set
 * by psm_set_log(), which also ends it.
 *
 * @param level  a psm_log_level; messages below it are not made.
 *
 * Threads: any. Blocks: no; a thread that logs waits for standard error. Since
 * 0.1.
 */
PSM_API void psm_log_to_stderr(int level);

/**
 * The name of a level, as the settings LOG_LEVEL and KAFKA_LOG_LEVEL use it.
 *
 * @param level  a psm_log_level.
 * @return "DEBUG", "INFO", "WARNING" or "ERROR", borrowed for ever; NULL: no
 *   such level.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_log_level_name(int level);

/**
 * The level of a name.
 *
 * @param name  one of the names above, "WARN", or "CRITICAL" (which is
 *              PSM_LOG_ERROR); in any case of letters.
 * @return a psm_log_level, or
 *   PSM_ERR_INVAL  NULL, or no such name.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_log_level_from_name(const char *name);

/**
 * Whether a record of this level would reach the callback; for those whose
 * fields are costly to make.
 *
 * @param level  any number.
 * @return 1 or 0.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_log_wanted(int level);

/**
 * Log through the library's callback, e.g. from a service. Does nothing if
 * nobody wants the level.
 *
 * @param level    a psm_log_level; another number is ignored.
 * @param message  borrowed for the call; NULL is ignored.
 * @param fields   name, value, ..., NULL; borrowed for the call; NULL: none.
 *
 * Threads: any. Blocks: no, unless the callback does. Since 0.1.
 */
PSM_API void psm_log(int level, const char *message, const char *const *fields);

PSM_END_DECLS

#endif
