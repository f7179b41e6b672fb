/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_MEMORY_H
#define PSYMATCH_MEMORY_H

#include <psymatch/base.h>

PSM_BEGIN_DECLS

typedef void *(*psm_alloc_fn)(size_t size);
typedef void *(*psm_realloc_fn)(void *ptr, size_t size);
typedef void (*psm_release_fn)(void *ptr);

PSM_API int psm_set_allocator(psm_alloc_fn alloc, psm_realloc_fn resize,
                              psm_release_fn release);
/* Free a string or buffer that the library handed out as new. NULL is allowed.
 */
PSM_API void psm_free(void *ptr);

PSM_END_DECLS

#endif
