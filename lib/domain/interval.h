/* SPDX-License-Identifier: BSD-2-Clause */
/* Intervals of 95 %, for comparing what was counted. Pure. */
#ifndef PSM_DOMAIN_INTERVAL_H
#define PSM_DOMAIN_INTERVAL_H

#include <stdint.h>

struct psm__interval {
	double value, low, high; /* NaN: there is none */
};
/* Wilson's, of hits in count; it is within 0 to 1, also for few. */
struct psm__interval psm__interval_rate(int64_t hits, int64_t count);
/* Of a mean, by its standard deviation; low and high only from count 2 on. */
struct psm__interval psm__interval_mean(double mean, double deviation,
                                        int64_t count);

#endif
