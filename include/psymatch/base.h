/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_BASE_H
#define PSYMATCH_BASE_H

#include <stddef.h>
#include <stdint.h>

#include <psymatch/version.h>

#if defined(__GNUC__)
#define PSM_API __attribute__((visibility("default")))
#define PSM_CHECK __attribute__((warn_unused_result))
#else
#define PSM_API
#define PSM_CHECK
#endif

#ifdef __cplusplus
#define PSM_BEGIN_DECLS extern "C" {
#define PSM_END_DECLS }
#else
#define PSM_BEGIN_DECLS
#define PSM_END_DECLS
#endif

PSM_BEGIN_DECLS

/**
 * Version of the library at run time, e.g. "0.1.0".
 *
 * @return borrowed for ever.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_version(void);

PSM_END_DECLS

#endif
