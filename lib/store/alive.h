/* SPDX-License-Identifier: BSD-2-Clause */
/* Heartbeats of consumers: a row each in psymatch.consumer_alive. */
#ifndef PSM_STORE_ALIVE_H
#define PSM_STORE_ALIVE_H

#include "store/store.h"

/* A consumer writes its row so often, */
#define PSM__ALIVE_BEAT_MS 2000
/* and is dead when it has not for so long: three beats and some patience. */
#define PSM__ALIVE_SQL "interval '7 s'"

struct psm__alive {
	const char *consumer, *instance;
	const char *const *types; /* of its handlers; NULL: every type */
	size_t type_count;
};
/* 0, or why not; it is no more than a hint. */
int psm__alive_beat(psm_store *st, const struct psm__alive *who);
int psm__alive_end(psm_store *st, const struct psm__alive *who);

#endif
