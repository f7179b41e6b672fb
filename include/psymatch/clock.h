/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_CLOCK_H
#define PSYMATCH_CLOCK_H

#include <psymatch/base.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/* Microseconds since 1970-01-01T00:00:00Z. */
typedef int64_t (*psm_clock_fn)(void *user);

/* Replace the wall clock of the process (tests, simulations); NULL puts the
 * system's back. */
PSM_API void psm_set_clock(psm_clock_fn fn, void *user);
PSM_API int64_t psm_now_us(void);
/* "2026-01-31T09:00:00.000001Z" into text[size], size at least 28. */
PSM_API int psm_time_format(int64_t time_us, char *text, size_t size);
/* RFC 3339; 0 to 9 fraction digits; Z, offset or none (read as UTC); len bytes.
 */
PSM_API int psm_time_parse(const char *text, size_t len, int64_t *time_us,
                           psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
