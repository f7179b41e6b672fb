/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_UUID_H
#define PSYMATCH_UUID_H

#include <psymatch/base.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/* A fresh UUIDv7 as lower-case text into text[size], size at least 37; strictly
 * increasing in a process. */
PSM_API int psm_uuid_new(char *text, size_t size);
/* 1 if text[len] is a UUID in its 36 character form (either case), else 0. */
PSM_API int psm_uuid_valid(const char *text, size_t len);

PSM_END_DECLS

#endif
