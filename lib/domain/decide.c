/* SPDX-License-Identifier: BSD-2-Clause */
/* Decisions that are the same for every entity. */
#include <string.h>

#include "domain/domain.h"

void
psm__events_add_about(struct psm__events *ev, const char *type, int64_t id,
                      const char *text)
{
	struct psm__told told = {type, id, NULL};

	if (type == NULL || ev->failed)
		return;
	ev->failed =
	    psm__grow(&ev->items, &ev->cap, ev->count + 1, sizeof(told)) < 0 ||
	    (text != NULL && (told.text = psm__strdup(text)) == NULL);
	if (!ev->failed)
		ev->items[ev->count++] = told;
}

void
psm__events_add(struct psm__events *ev, const char *type)
{
	psm__events_add_about(ev, type, 0, NULL);
}

void
psm__events_free(struct psm__events *ev)
{
	for (size_t i = 0; i < ev->count; i++)
		psm__free(ev->items[i].text);
	psm__free(ev->items);
	memset(ev, 0, sizeof(*ev));
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

int
psm__decide_announce(struct psm__row *row, const void *wish,
                     const struct psm__now *now, struct psm__events *ev,
                     psm_error *err)
{
	(void)row, (void)now, (void)err; /* it stays as it is */
	psm__events_add(ev, wish);
	return 0;
}
