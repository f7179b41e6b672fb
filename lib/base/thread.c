/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <signal.h>
#include <string.h>
#include <time.h>

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
psm__thread_start(pthread_t *thread, const char *name, void *(*fn)(void *),
                  void *arg, psm_error *err)
{
	sigset_t all, before;
	int rc;

	/* The application's signals are for its own threads. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(thread, NULL, fn, arg);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return psm__fail(err, PSM_ERR_NOMEM,
		                 "cannot start thread %s: %s", name,
		                 strerror(rc));
	(void)pthread_setname_np(*thread, name); /* a name is a comfort only */
	return 0;
}
