/* SPDX-License-Identifier: BSD-2-Clause */
/* A request does not wait for a database longer than its client would. */
#include "service/service.h"

#include <psymatch/store.h>

static _Thread_local int64_t until_us;

static int
is_late(void *user)
{
	(void)user;
	return psm__mono_us() >= until_us;
}

void
psm__svc_deadline(int64_t ms)
{
	until_us = psm__mono_us() + ms * 1000;
	psm_store_set_interrupt(ms > 0 ? is_late : NULL, NULL);
}
