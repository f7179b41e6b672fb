/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to geocoder and router: one after another, and tried again. */
#include "service/geo_client.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#define PAUSE_MAX_MS 60000

static void
sleep_until(int64_t at_us)
{
	struct timespec ts = {.tv_sec = at_us / 1000000,
	                      .tv_nsec = at_us % 1000000 * 1000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) ==
	       EINTR)
		;
}

/* Of all clients of the process: a server counts requests by their address. */
static pthread_mutex_t turn_lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t next_us; /* monotonic: when the next request may begin */

/* Wait for a turn; 0: it would come too late, and is left to others. */
static int
take_turn(const psm_geo_client *client, int64_t until_us)
{
	int64_t at = psm__mono_us();

	pthread_mutex_lock(&turn_lock);
	if (next_us > at)
		at = next_us;
	if (at < until_us)
		next_us = at + client->interval_us;
	pthread_mutex_unlock(&turn_lock);
	if (at >= until_us)
		return 0;
	sleep_until(at);
	return 1;
}

/* The pause after a try; a server that says "too many" gets a longer one. */
static int64_t
pause_us(const psm_geo_client *client, long status, int attempt)
{
	int64_t ms = client->retry_ms, more = client->retry_ms;

	if (status == 429) {
		more <<= attempt < 10 ? attempt : 10;
		ms += more < PAUSE_MAX_MS ? more : PAUSE_MAX_MS;
	}
	return ms * 1000;
}

/* 1: an answer, also if it says no; 0: to be tried again. */
static int
is_answer(int rc, long status)
{
	return rc == 0 && status != 429 && status < 500;
}

static int
try_all(psm_geo_client *client, const char *base, const char *path,
        int64_t until_us, psm_json **out, psm_error *err)
{
	int64_t left_ms, pause;
	long status = 0;
	int rc = PSM_ERR_UNAVAILABLE;

	for (int attempt = 0; attempt < client->tries; attempt++) {
		if (!take_turn(client, until_us))
			break;
		left_ms = (until_us - psm__mono_us()) / 1000;
		if (left_ms <= 0)
			break;
		if (left_ms > client->timeout_ms)
			left_ms = client->timeout_ms;
		rc = psm__svc_get(base, path, client->agent, (int)left_ms,
		                  &status, out);
		if (is_answer(rc, status) || rc == PSM_ERR_NOMEM)
			return rc < 0 ? psm__nomem(err) : 0;
		psm_json_free(*out);
		*out = NULL;
		pause = pause_us(client, status, attempt);
		if (psm__mono_us() + pause >= until_us)
			break;
		if (attempt + 1 < client->tries)
			sleep_until(psm__mono_us() + pause);
	}
	return PSM_ERR_UNAVAILABLE;
}

int
psm__geo_fetch(psm_geo_client *client, const char *base, const char *path,
               int timeout_ms, psm_json **out, psm_error *err)
{
	int64_t until_us = psm__mono_us() + (int64_t)timeout_ms * 1000;
	int rc = PSM_ERR_UNAVAILABLE;

	*out = NULL;
	if (*base)
		rc = try_all(client, base, path, until_us, out, err);
	if (rc == PSM_ERR_UNAVAILABLE)
		(void)psm__fail(err, rc, "no usable answer of %s in time",
		                *base ? base : "a server without URL");
	return rc;
}
