/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MurmurHash2 with the seed that Kafka's Java client uses. The partition of a
 * key is decided by it in every producer that shares a topic, so it may never
 * change: two producers that disagree break the order of a key.
 */
#include "transport/murmur2.h"

#define SEED 0x9747b28cu
#define MIX 0x5bd1e995u

/* Little endian on every machine: the bytes are put together by hand. */
static uint32_t
load(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

uint32_t
psm__murmur2(const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	uint32_t h = SEED ^ (uint32_t)len;
	size_t left;

	for (left = len; left >= 4; left -= 4, p += 4) {
		uint32_t k = load(p) * MIX;

		k ^= k >> 24;
		h = (h * MIX) ^ (k * MIX);
	}
	if (left == 3)
		h ^= (uint32_t)p[2] << 16;
	if (left >= 2)
		h ^= (uint32_t)p[1] << 8;
	if (left >= 1)
		h = (h ^ p[0]) * MIX;
	h = (h ^ (h >> 13)) * MIX;
	return h ^ (h >> 15);
}

int32_t
psm__partition_of(const void *key, size_t len, int32_t count)
{
	/* Java drops the sign bit instead of taking the absolute value. */
	return (int32_t)((psm__murmur2(key, len) & 0x7fffffffu) %
	                 (uint32_t)count);
}
