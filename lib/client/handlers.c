/* SPDX-License-Identifier: BSD-2-Clause */
/* A set of handlers that consumers, processors and replays can share. */
#include <psymatch/consumer.h>

#include "client/dispatch.h"

int
psm_handlers_new(psm_handlers **out, psm_error *err)
{
	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL, "out: want a pointer");
	*out = psm__alloc(sizeof(**out));
	return *out ? 0 : psm__nomem(err);
}

void
psm_handlers_free(psm_handlers *hs)
{
	if (!hs)
		return;
	psm__dispatch_free(&hs->plain);
	psm__dispatch_free(&hs->tx);
	psm__free(hs);
}

int
psm_handlers_upcast(psm_handlers *hs, const char *type,
                    const char *from_version, const char *to_version,
                    psm_upcast_fn fn, void *user, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!hs || !type || !from_version || !to_version || !fn)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "hs, type, from_version, to_version and fn: "
		                 "want pointers");
	rc = psm__dispatch_add_upcaster(&hs->plain, type, from_version,
	                                to_version, fn, user, err);
	if (rc < 0)
		return rc;
	rc = psm__dispatch_add_upcaster(&hs->tx, type, from_version, to_version,
	                                fn, user, err);
	if (rc < 0) /* both or none */
		hs->plain.upcaster_count--;
	return rc;
}

int
psm_handlers_on(psm_handlers *hs, const char *type,
                const psm_handler_options *options, psm_event_fn fn, void *user,
                psm_error *err)
{
	psm__error_clear(err);
	if (!hs || !type || !fn)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "hs, type and fn: want pointers");
	return psm__dispatch_add(&hs->plain, type, options, (void (*)(void))fn,
	                         user, err);
}
