/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSM_MURMUR2_H
#define PSM_MURMUR2_H

#include <stddef.h>
#include <stdint.h>

/* The hash of Kafka's Java client over len bytes. */
uint32_t psm__murmur2(const void *bytes, size_t len);
/* The partition that Java producers give a key; count is 1 or more. */
int32_t psm__partition_of(const void *key, size_t len, int32_t count);

#endif
