/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preloaded into a program (LD_PRELOAD), it sets the program's clock back by
 * four hours while a file exists: the time of day, and with it what waits until
 * a time of day, as the system does it. The monotonic clock runs on.
 *
 * CLOCK_FILE  the clock is set back as long as this file exists
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define BACK_S 14400
#define SLICE_NS 20000000L
#define NS_PER_S 1000000000L
/* No machine has run for so long, and no day was so early. */
#define DAY_S 1000000000L

/* ISO C has no conversion from void * to a function pointer; POSIX promises
 * that the bytes are the same. */
#define NEXT(fn)                                                               \
	static __typeof__(&fn) next;                                           \
	if (!next) {                                                           \
		void *found = dlsym(RTLD_NEXT, #fn);                           \
		memcpy(&next, &found, sizeof next);                            \
	}

static time_t
back(void)
{
	const char *file = getenv("CLOCK_FILE");
	int saved = errno;
	int is_back = file && access(file, F_OK) == 0;

	errno = saved;
	return is_back ? BACK_S : 0;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	NEXT(clock_gettime)
	int rc = next(id, ts);

	if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec -= back();
	return rc;
}

int
timespec_get(struct timespec *ts, int base)
{
	return clock_gettime(CLOCK_REALTIME, ts) == 0 ? base : 0;
}

time_t
time(time_t *out)
{
	struct timespec ts = {0, 0};

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts = {0, 0};

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

/* What is left until a time of day: 0: it is over. Else the end of the next
 * slice, in the time that the system has. */
static int
next_slice(const struct timespec *until, struct timespec *slice)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec > until->tv_sec ||
	    (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec))
		return 0;
	*slice = now;
	slice->tv_nsec += SLICE_NS;
	if (slice->tv_nsec >= NS_PER_S) {
		slice->tv_nsec -= NS_PER_S;
		slice->tv_sec++;
	}
	if (slice->tv_sec > until->tv_sec ||
	    (slice->tv_sec == until->tv_sec && slice->tv_nsec > until->tv_nsec))
		*slice = *until;
	slice->tv_sec += back();
	return 1;
}

int
cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict lock,
              const struct timespec *restrict until)
{
	NEXT(cnd_timedwait)
	struct timespec slice;

	while (next_slice(until, &slice)) {
		int rc = next(cond, lock, &slice);

		if (rc != thrd_timedout)
			return rc;
	}
	return thrd_timedout;
}

/* Conditions on the monotonic clock wait for small numbers. */
int
pthread_cond_timedwait(pthread_cond_t *restrict cond,
                       pthread_mutex_t *restrict lock,
                       const struct timespec *restrict until)
{
	NEXT(pthread_cond_timedwait)
	struct timespec slice;

	if (until->tv_sec < DAY_S)
		return next(cond, lock, until);
	while (next_slice(until, &slice)) {
		int rc = next(cond, lock, &slice);

		if (rc != ETIMEDOUT)
			return rc;
	}
	return ETIMEDOUT;
}
