/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that follow up an inquiry that was sent and not answered. */
#ifndef PSM_DOMAIN_FOLLOW_UP_H
#define PSM_DOMAIN_FOLLOW_UP_H

#include "domain/domain.h"
#include "domain/slot.h"

/* Of a row of inquiries: sent before that time, not answered, not cancelled,
 * and nobody has called or is to call. */
int psm__follow_up_is_due(const struct psm__row *row, const char *before);

/* The inquiry gets its call, if it is due. */
struct psm__follow_up {
	const char *before; /* as PostgreSQL writes a timestamp */
	int64_t call_id;
};
psm__decide_fn psm__follow_up_decide;
/* The call of the number (the wish is an int64_t) is gone: if it is the
 * inquiry's, there may be another one. */
psm__decide_fn psm__follow_up_decide_lost;

/* When to call: from tomorrow on, on a weekday, in the therapist's hours of
 * weekdays or at the default time. 1: found, 0: not within 14 days. */
int psm__follow_up_find(const struct psm__reach *reach,
                        const struct psm__busy *busy, size_t busy_count,
                        const struct psm__holidays *holidays, int default_time,
                        const struct psm__now *now, struct psm__slot *out);

#endif
