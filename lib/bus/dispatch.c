/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <psymatch/catalogue.h>

#include "bus/dispatch.h"

/* A handful of handlers: a walk is faster than a table. Canonical names are
 * the catalogue's own strings, so the pointers mostly decide. */
static const struct psm__handler *
find_exact(const struct psm__dispatch *d, const char *type)
{
	size_t i;

	for (i = 0; i < d->count; i++)
		if (d->handlers[i].type == type)
			return &d->handlers[i];
	for (i = 0; i < d->count; i++)
		if (strcmp(d->handlers[i].type, type) == 0)
			return &d->handlers[i];
	return NULL;
}

static const char *
canonical(const char *type)
{
	if (strcmp(type, "*") == 0)
		return "*";
	/* NULL for an unknown type. */
	return psm_type_name(psm_catalogue_find(type));
}

int
psm__dispatch_add(struct psm__dispatch *d, const char *type, void (*fn)(void),
                  void *user, psm_error *err)
{
	const char *name = canonical(type);

	if (!name)
		return psm__fail(err, PSM_ERR_UNKNOWN_TYPE,
		                 "type: the catalogue has no \"%.100s\"", type);
	if (find_exact(d, name))
		return psm__fail(err, PSM_ERR_CONFLICT,
		                 "type: %s has a handler already", name);
	if (psm__grow(&d->handlers, &d->cap, d->count + 1,
	              sizeof(*d->handlers)) < 0)
		return psm__nomem(err);
	d->handlers[d->count].type = name;
	d->handlers[d->count].fn = fn;
	d->handlers[d->count].user = user;
	d->count++;
	return 0;
}

const struct psm__handler *
psm__dispatch_find(const struct psm__dispatch *d, const char *type)
{
	const struct psm__handler *h = find_exact(d, type);

	return h ? h : find_exact(d, "*");
}

void
psm__dispatch_free(struct psm__dispatch *d)
{
	psm__free(d->handlers);
	memset(d, 0, sizeof(*d));
}
