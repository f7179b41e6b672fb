/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC-32C (Castagnoli), the checksum of the spool's files. */
#ifndef PSM_CRC32C_H
#define PSM_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continue crc (0 at the start) over len bytes, by the CPU's instruction where
 * there is one. Any thread. */
uint32_t psm__crc32c(uint32_t crc, const void *bytes, size_t len);
/* The same by tables; the same by the instruction, which the caller knows to be
 * there. For tests. */
uint32_t psm__crc32c_table(uint32_t crc, const void *bytes, size_t len);
uint32_t psm__crc32c_cpu(uint32_t crc, const void *bytes, size_t len);
/* 1: psm__crc32c_cpu() may be called here. */
int psm__crc32c_has_cpu(void);

#endif
