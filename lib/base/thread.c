/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <signal.h>
#include <string.h>

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
	(void)pthread_setname_np(*thread, name); /* only seen by debuggers */
	return 0;
}
