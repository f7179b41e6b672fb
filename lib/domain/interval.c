/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain/interval.h"

#include <math.h>

#define Z 1.959963984540054 /* 97.5 % of a normal distribution lie below */

static const double none = (double)NAN;

struct psm__interval
psm__interval_rate(int64_t hits, int64_t count)
{
	struct psm__interval out = {none, none, none};
	double n = (double)count, p, middle, half;

	if (count < 1)
		return out;
	p = (double)hits / n;
	middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n);
	half =
	    Z * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n);
	out.value = p;
	/* Rounding must not lead out of the range. */
	out.low = hits == 0 ? 0 : middle - half;
	out.high = hits == count ? 1 : middle + half;
	return out;
}

struct psm__interval
psm__interval_mean(double mean, double deviation, int64_t count)
{
	struct psm__interval out = {none, none, none};

	if (count < 1)
		return out;
	out.value = mean;
	if (count < 2)
		return out;
	out.low = mean - Z * deviation / sqrt((double)count);
	out.high = mean + Z * deviation / sqrt((double)count);
	return out;
}
