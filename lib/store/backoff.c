/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/store.h"

/* A step of splitmix64 over a process-wide counter and the clock: jitter needs
 * to differ between processes and threads, not to be hard to guess. */
static uint64_t
random_bits(void)
{
	static uint64_t counter;
	uint64_t x;

	x = __atomic_add_fetch(&counter, 0x9e3779b97f4a7c15u, __ATOMIC_RELAXED);
	x ^= (uint64_t)psm__mono_us();
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

int
psm__backoff_ms(unsigned attempt, int base_ms, int cap_ms)
{
	int64_t top = base_ms;
	int64_t floor = base_ms / 2;

	while (attempt-- > 0 && top < cap_ms)
		top *= 2;
	if (top > cap_ms)
		top = cap_ms;
	if (top <= floor)
		return (int)top;
	return (int)(floor +
	             (int64_t)(random_bits() % (uint64_t)(top - floor + 1)));
}
