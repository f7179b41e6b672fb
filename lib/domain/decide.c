/* SPDX-License-Identifier: BSD-2-Clause */
/* Decisions that are the same for every entity. */
#include <string.h>

#include "domain/domain.h"

void
psm__events_add(struct psm__events *ev, const char *type)
{
	if (type != NULL && ev->count < PSM__COUNT(ev->type))
		ev->type[ev->count++] = type;
}

int
psm__decide_make(struct psm__row *row, const void *wish,
                 const struct psm__now *now, struct psm__events *ev,
                 psm_error *err)
{
	const struct psm__wish *w = wish;
	const char *step = NULL;
	int rc =
	    psm__row_make(row, w->doc, PSM__W_REST_CREATE, now, &step, err);

	psm__events_add(ev, w->created);
	/* The first state may be one that has to be told about: blocked. */
	if (rc == 0 && step != NULL && strcmp(step, w->created) != 0 &&
	    strcmp(step, w->updated) != 0)
		psm__events_add(ev, step);
	return rc;
}

int
psm__decide_patch(struct psm__row *row, const void *wish,
                  const struct psm__now *now, struct psm__events *ev,
                  psm_error *err)
{
	const struct psm__wish *w = wish;
	const char *step = NULL;
	int rc = psm__row_patch(row, w->doc, w->how, now, &step, err);

	if (rc > 0)
		psm__events_add(ev, step != NULL ? step : w->updated);
	return rc < 0 ? rc : 0;
}
