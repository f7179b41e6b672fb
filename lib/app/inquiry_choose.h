/* SPDX-License-Identifier: BSD-2-Clause */
/* Who an inquiry to a therapist holds, by which strategy. */
#ifndef PSM_INQUIRY_CHOOSE_INT_H
#define PSM_INQUIRY_CHOOSE_INT_H

#include "app/candidates.h"
#include "domain/priority.h"

struct psm__chosen {
	int64_t search_id, patient_id, created_us;
};
struct psm__choosing {
	psm_tx *tx;
	struct psm__number therapist_id;
	const char *prefix, *plz; /* the area, where the practice is */
	struct psm__fit_therapist wants;
	const struct psm__fit_terms *terms;
	size_t least, most;
	/* Strategies: an enum psm__policy_order each, and the share of the
	 * second one in percent. strategies 1: there is no second one. */
	int orders[2], strategies, share;
	int wanted; /* 0 or 1; -1: the one whose first one was created first */
	/* What came of it: */
	int order;
	struct psm__chosen *chosen; /* most of them; owned */
	size_t count;
	size_t seen;                       /* searches of the area */
	int64_t reasons[PSM__FIT_REASONS]; /* how many failed for each */
	int64_t doubts[PSM__FIT_DOUBTS];   /* of those who are chosen */
	psm_error *err;
};
/* strategy: the one that the caller wants, NULL: as the settings say. The rest
 * is borrowed. In any case psm__choosing_free() follows. */
int psm__choosing_init(struct psm__choosing *c, psm_tx *tx,
                       const struct psm__row *therapist, const char *prefix,
                       const char *strategy, const struct psm__fit_terms *terms,
                       psm_error *err);
void psm__choosing_free(struct psm__choosing *c);
/* Again, from the start: 0, or an error. */
int psm__choose(struct psm__choosing *c);

#endif
