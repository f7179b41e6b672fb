/* SPDX-License-Identifier: BSD-2-Clause */
/* The monotonic clock, and conditions that are waited on with it. No state, and
 * no function of another file: libpsymatch-service has a copy of its own. */
#include "base/base.h"

#include <time.h>

#define US_PER_S INT64_C(1000000)

static int64_t
read_us(clockid_t id)
{
	struct timespec ts = {0, 0};

	/* Cannot fail for the two clocks that POSIX requires. */
	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

int64_t
psm__mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
psm__mono_ms(void)
{
	return psm__mono_us() / 1000;
}

int64_t
psm__mono_ms_about(void)
{
#ifdef CLOCK_MONOTONIC_COARSE
	return read_us(CLOCK_MONOTONIC_COARSE) / 1000;
#else
	return psm__mono_ms();
#endif
}

int
psm__clock_set_back(int64_t *state)
{
	int64_t ahead = read_us(CLOCK_REALTIME) - psm__mono_us();
	int back = *state != 0 && ahead < *state - US_PER_S;

	*state = ahead;
	return back;
}

void
psm__deadline(struct timespec *ts, int timeout_ms)
{
	int64_t us = psm__mono_us();

	if (timeout_ms > 0)
		us += (int64_t)timeout_ms * 1000;
	ts->tv_sec = (time_t)(us / US_PER_S);
	ts->tv_nsec = (long)(us % US_PER_S) * 1000;
}

int
psm__cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	if (rc != 0)
		return PSM_ERR_NOMEM;
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (rc == 0)
		rc = pthread_cond_init(cond, &attr);
	(void)pthread_condattr_destroy(&attr); /* cannot fail for a valid one */
	return rc == 0 ? 0 : PSM_ERR_NOMEM;
}

int
psm__cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
                     int64_t until_us)
{
	struct timespec until;

	if (until_us == 0)
		return pthread_cond_wait(cond, lock);
	until.tv_sec = until_us / US_PER_S;
	until.tv_nsec = until_us % US_PER_S * 1000;
	return pthread_cond_timedwait(cond, lock, &until);
}
