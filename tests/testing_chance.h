/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests by chance are driven by: the same numbers for the same seed, which
 * is printed. */
#ifndef PSM_TESTING_CHANCE_H
#define PSM_TESTING_CHANCE_H

#include "testing.h"

static uint64_t state;

static inline unsigned
below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 11) % n);
}

static inline int
chance(unsigned percent)
{
	return below(100) < percent;
}

static inline void
seed_with(unsigned long n)
{
	printf("PSYMATCH_TEST_SEED=%lu\n", n);
	(void)fflush(stdout);
	state = (uint64_t)n * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static inline void
seed(void)
{
	seed_with(testing_seed());
}

/* PSYMATCH_TEST_STEPS, or so many. */
static inline int
wanted_steps(int usual)
{
	const char *given = getenv("PSYMATCH_TEST_STEPS");

	return given ? atoi(given) : usual;
}

#endif
