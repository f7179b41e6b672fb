/* SPDX-License-Identifier: BSD-2-Clause */
#include "bus/crc32c.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* 0x1edc6f41 with its bits reversed */

/* table[k][b]: the effect of byte b followed by k zero bytes; eight bytes are
 * taken in one step. */
static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void
make_table(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][b] = crc;
	}
	for (int k = 1; k < 8; k++)
		for (int b = 0; b < 256; b++)
			table[k][b] = (table[k - 1][b] >> 8) ^
			              table[0][table[k - 1][b] & 0xff];
}

uint32_t
psm__crc32c_table(uint32_t crc, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	pthread_once(&table_once, make_table);
	crc = ~crc;
	for (; len >= 8; p += 8, len -= 8) {
		crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 |
		       (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
		crc = table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^
		      table[5][crc >> 16 & 0xff] ^ table[4][crc >> 24] ^
		      table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^
		      table[0][p[7]];
	}
	for (; len > 0; p++, len--)
		crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xff];
	return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) uint32_t
psm__crc32c_cpu(uint32_t crc, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t wide = (uint32_t)~crc;

	for (; len >= 8; p += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	for (; len > 0; p++, len--)
		crc = __builtin_ia32_crc32qi(crc, *p);
	return ~crc;
}

int
psm__crc32c_has_cpu(void)
{
	return __builtin_cpu_supports("sse4.2") != 0;
}

#else

uint32_t
psm__crc32c_cpu(uint32_t crc, const void *bytes, size_t len)
{
	return psm__crc32c_table(crc, bytes, len);
}

int
psm__crc32c_has_cpu(void)
{
	return 0;
}

#endif

uint32_t
psm__crc32c(uint32_t crc, const void *bytes, size_t len)
{
	if (psm__crc32c_has_cpu())
		return psm__crc32c_cpu(crc, bytes, len);
	return psm__crc32c_table(crc, bytes, len);
}
