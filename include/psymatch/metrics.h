/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_METRICS_H
#define PSYMATCH_METRICS_H

#include <psymatch/base.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/**
 * All metrics of the process in the Prometheus text format (version 0.0.4),
 * sorted by name. A metric has at most one label, and is a whole number,
 * seconds with six decimals (names with _seconds_total), or a histogram; of one
 * name at most 200 values of the label are told apart, the rest are counted
 * under "other".
 *
 * @param text  receives a new NUL-terminated text (psm_free); NULL after a
 *              failure.
 * @param len   receives its length in bytes; may be NULL.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  text is NULL;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_metrics_text(char **text, size_t *len,
                             psm_error *err) PSM_CHECK;

/**
 * One value.
 *
 * @param name   as in the text, with its "_total".
 * @param label  the value of its label; NULL or "" for the one without.
 * @return the value, whole seconds of one in seconds; 0 if there is none yet.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int64_t psm_metrics_value(const char *name, const char *label);

/**
 * Say what a counter of the application's own is, before it is counted.
 *
 * @param name        as for psm_metrics_add.
 * @param label_name  what its label is called, [A-Za-z_][A-Za-z0-9_]*, 1 to 120
 *                    bytes; NULL or "": it has none.
 * @param help        one sentence; copied.
 * @param err         details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  name or help is NULL, or a name outside the rule;
 *   PSM_ERR_STATE  there is a metric of that name already: nothing changes;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_metrics_describe(const char *name, const char *label_name,
                                 const char *help, psm_error *err) PSM_CHECK;

/**
 * Count something of the application's own: name_total{label="..."} grows.
 * Nothing is counted when out of memory, for a name outside the rule, and for a
 * name that the library uses for a metric of another kind.
 *
 * @param name   [A-Za-z_:][A-Za-z0-9_:]*, 1 to 120 bytes; "_total" is added
 *               unless it ends so.
 * @param label  value of its label, no personal data; NULL or "": none. Its
 *               name is what psm_metrics_describe() said, else "label".
 * @param delta  by how much; 0 makes the metric visible, less than 0 is
 *               ignored.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API void psm_metrics_add(const char *name, const char *label,
                             int64_t delta);

PSM_END_DECLS

#endif
