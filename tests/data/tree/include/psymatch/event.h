/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_EVENT_H
#define PSYMATCH_EVENT_H

#include <psymatch/version.h>

#define PSM_API __attribute__((visibility("default")))
#define PSM_CHECK __attribute__((warn_unused_result))
#define PSM_TABLE(X)                                                           \
	X(PSM_API int psm_in_a_macro(void);, "this one is no function either") \
	X(PSM_API int psm_in_a_macro_too(void);, "nor this one")

typedef struct psm_event psm_event;

#ifdef __cplusplus
extern "C" {
#endif

/* PSM_API int psm_in_a_comment(void); */
/**
 * @return 0;
 *   PSM_ERR_NOMEM  out of memory.
 */
PSM_API int psm_event_parse(const char *json, psm_event **out) PSM_CHECK;
PSM_API const char *psm_event_type(const psm_event *ev);

#ifdef __cplusplus
}
#endif

#endif
