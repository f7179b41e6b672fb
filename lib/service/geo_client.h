/* SPDX-License-Identifier: BSD-2-Clause */
/* The client of geocoder and router: what its two files share. */
#ifndef PSM_SERVICE_GEO_CLIENT_H
#define PSM_SERVICE_GEO_CLIENT_H

#include <psymatch/geo_client.h>

#include "service/service.h"

struct psm_geo_client {
	char *osm, *agent, *osrm, *car, *transit;
	int timeout_ms, tries, retry_ms;
	int64_t interval_us;
	pthread_mutex_t lock; /* for: */
	int64_t next_us;      /* monotonic: when the next request may begin */
};

/*
 * GET base + path: *status, and *out (new) unless the answer is no JSON.
 * PSM_ERR_UNAVAILABLE: none of the tries had another answer than 429 or 500 and
 * more.
 */
int psm__geo_fetch(psm_geo_client *client, const char *base, const char *path,
                   int timeout_ms, psm_json **out, psm_error *err);

#endif
