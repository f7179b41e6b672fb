/* SPDX-License-Identifier: BSD-2-Clause */
/* Which handler an event type has: shared by the consumer and the processor.
 * Not locked: filled before start. */
#ifndef PSM_DISPATCH_H
#define PSM_DISPATCH_H

#include "base/base.h"

struct psm__handler {
	const char *type; /* canonical, or "*" */
	void (*fn)(void); /* cast back to the owner's callback type */
	void *user;
};
struct psm__dispatch {
	struct psm__handler *handlers;
	size_t count, cap;
};

/* type: a name or alias of the catalogue, or "*". PSM_ERR_UNKNOWN_TYPE,
 * PSM_ERR_CONFLICT (twice), PSM_ERR_NOMEM. */
int psm__dispatch_add(struct psm__dispatch *d, const char *type,
                      void (*fn)(void), void *user, psm_error *err);
/* By canonical type; falls back to "*"; NULL: nobody. */
const struct psm__handler *psm__dispatch_find(const struct psm__dispatch *d,
                                              const char *type);
void psm__dispatch_free(struct psm__dispatch *d);

#endif
