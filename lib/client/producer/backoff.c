/* SPDX-License-Identifier: BSD-2-Clause */
/* What sender and send windows share: when to try again, and why. */
#include <stdio.h>

#include "client/producer/producer_int.h"

#define BACKOFF_MS 100
#define BACKOFF_MAX_MS 5000

int
psm__producer_backoff(struct psm_producer *p, unsigned failures)
{
	int ms = BACKOFF_MAX_MS;

	if (failures < 6)
		ms = BACKOFF_MS << failures;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	/* xorshift: many processes must not come back all at once. */
	p->random ^= p->random << 13;
	p->random ^= p->random >> 17;
	p->random ^= p->random << 5;
	return ms - ms / 4 + (int)(p->random % (uint32_t)(ms / 2 + 1));
}

void
psm__producer_set_error(struct psm_producer *p, const char *why)
{
	pthread_mutex_lock(&p->lock);
	snprintf(p->last_error, sizeof(p->last_error), "%s", why);
	pthread_mutex_unlock(&p->lock);
}
