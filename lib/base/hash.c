/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

/* FNV-1a of 64 bits. */
uint64_t
psm__hash(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}
