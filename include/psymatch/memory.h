/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_MEMORY_H
#define PSYMATCH_MEMORY_H

#include <psymatch/base.h>

PSM_BEGIN_DECLS

/**
 * As malloc: size bytes that need not be zero; NULL when there are none. size
 * is never 0. Any thread, several at once; it must not call the library.
 */
typedef void *(*psm_alloc_fn)(size_t size);
/** As realloc, ptr may be NULL. Any thread, several at once. */
typedef void *(*psm_realloc_fn)(void *ptr, size_t size);
/** As free; ptr is never NULL. Any thread, several at once. */
typedef void (*psm_release_fn)(void *ptr);

/**
 * Let the library take its memory elsewhere: all of its own, not that of the
 * libraries it uses. The default is malloc, realloc and free.
 *
 * @param alloc    instead of malloc.
 * @param resize   instead of realloc.
 * @param release  instead of free.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument;
 *   PSM_ERR_STATE  the library holds memory: call this before any other
 *                  function, or after everything was freed and nothing counted
 *                  (metrics stay for the life of the process).
 *
 * Threads: one at a time, and no other call of the library meanwhile. Blocks:
 * no. Since 0.1.
 */
PSM_API int psm_set_allocator(psm_alloc_fn alloc, psm_realloc_fn resize,
                              psm_release_fn release);

/**
 * Memory of the library's allocator, e.g. for what is handed over to it.
 *
 * @param size  bytes; 0 counts as 1.
 * @return new (psm_free), all bytes 0; NULL when out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API void *psm_alloc(size_t size) PSM_CHECK;

/**
 * Change the size of memory of the library's allocator.
 *
 * @param ptr   taken, unless NULL is returned; NULL: as psm_alloc, but not
 *              zeroed.
 * @param size  bytes; 0 counts as 1. What is added is not zeroed.
 * @return new (psm_free); NULL when out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API void *psm_realloc(void *ptr, size_t size) PSM_CHECK;

/**
 * Free a string or buffer that the library handed out as new.
 *
 * @param ptr  taken; NULL is allowed.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API void psm_free(void *ptr);

PSM_END_DECLS

#endif
