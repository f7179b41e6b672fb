/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_UUID_H
#define PSYMATCH_UUID_H

#include <psymatch/base.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/**
 * Make an id: a UUIDv7 (RFC 9562) in small letters. Each one is greater than
 * all that this process made before, in whatever thread and wherever the clock
 * went; a forked child repeats none of its parent's.
 *
 * @param text  receives 36 bytes and a NUL; "" after PSM_ERR_IO.
 * @param size  of text in bytes, at least 37.
 * @return 0, or
 *   PSM_ERR_INVAL  text is NULL or too small;
 *   PSM_ERR_IO     the system gave no random bytes.
 *
 * Threads: any. Blocks: no (only if the system has just started and has no
 * random bytes yet). Since 0.1.
 */
PSM_API int psm_uuid_new(char *text, size_t size);

/**
 * Whether a text is a UUID of any version in its form of 36 characters, with
 * small or capital letters.
 *
 * @param text  need not be NUL-terminated; NULL is allowed.
 * @param len   of text in bytes.
 * @return 1 or 0.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_uuid_valid(const char *text, size_t len);

PSM_END_DECLS

#endif
