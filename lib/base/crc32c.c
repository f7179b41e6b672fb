/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/crc32c.h"

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

/*
 * One step takes three cycles, but a new one can begin in each cycle: so three
 * blocks are taken at a time, and put together by what a block of zeros does to
 * the checksum before it. Two sizes, as most records have some hundred bytes.
 */
#define LONG 192
#define SHORT 64

/* shift[k][b]: the effect of byte k of the checksum, b, after a block. */
struct shift {
	uint32_t of[4][256];
};
static struct shift shift_long, shift_short;
static pthread_once_t shift_once = PTHREAD_ONCE_INIT;

__attribute__((target("sse4.2"))) static uint64_t
step(uint64_t crc, const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return __builtin_ia32_crc32di(crc, word);
}

__attribute__((target("sse4.2"))) static void
make_shift(struct shift *s, size_t block)
{
	static const uint8_t zeros[8];

	for (int k = 0; k < 4; k++)
		for (uint32_t b = 0; b < 256; b++) {
			uint64_t crc = b << (8 * k);

			for (size_t i = 0; i < block; i += 8)
				crc = step(crc, zeros);
			s->of[k][b] = (uint32_t)crc;
		}
}

static void
make_shifts(void)
{
	make_shift(&shift_long, LONG);
	make_shift(&shift_short, SHORT);
}

static uint32_t
shifted(const struct shift *s, uint32_t crc)
{
	return s->of[0][crc & 0xff] ^ s->of[1][crc >> 8 & 0xff] ^
	       s->of[2][crc >> 16 & 0xff] ^ s->of[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t
three_blocks(uint32_t crc, const uint8_t *p, size_t block,
             const struct shift *s)
{
	uint64_t a = crc, b = 0, c = 0;

	for (size_t i = 0; i < block; i += 8) {
		a = step(a, p + i);
		b = step(b, p + block + i);
		c = step(c, p + 2 * block + i);
	}
	return shifted(s, shifted(s, (uint32_t)a) ^ (uint32_t)b) ^ (uint32_t)c;
}

__attribute__((target("sse4.2"))) uint32_t
psm__crc32c_cpu(uint32_t crc, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t wide;

	crc = ~crc;
	if (len >= 3 * SHORT)
		pthread_once(&shift_once, make_shifts);
	for (; len >= 3 * LONG; p += 3 * LONG, len -= 3 * LONG)
		crc = three_blocks(crc, p, LONG, &shift_long);
	for (; len >= 3 * SHORT; p += 3 * SHORT, len -= 3 * SHORT)
		crc = three_blocks(crc, p, SHORT, &shift_short);
	for (wide = crc; len >= 8; p += 8, len -= 8)
		wide = step(wide, p);
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
