/* SPDX-License-Identifier: BSD-2-Clause */
/* Therapists of a bundle. */
#ifndef PSM_DOMAIN_BUNDLE_THERAPIST_H
#define PSM_DOMAIN_BUNDLE_THERAPIST_H

#include "domain/bundle.h"

void psm__bundle_free_therapists(psm_bundle *b);
/* What a therapist is made of; every text may be NULL, all is copied. */
struct psm__therapist_wish {
	struct psm__fit_therapist fit;
	const char *status, *plz, *first, *last, *title, *mail;
	int32_t contact_from;
	int available, informed, pending;
	const int32_t *asked; /* ascending */
	uint32_t asked_count;
};
int psm__bundle_put_therapist(psm_bundle *b,
                              const struct psm__therapist_wish *w,
                              psm_error *err);
/* The first one in a list that has all of a mailbox, and perhaps others. There
 * are therapists. */
struct psm__bundle_therapist *psm__bundle_box(const psm_bundle *b,
                                              const char *box);
/* 1: the patient is in an unanswered inquiry to the therapist. */
int psm__bundle_asked(const struct psm__bundle_therapist *t, int32_t patient);
/* 1: may be contacted; 0: *why, bits of enum psm__fit_reason. */
int psm__bundle_contactable(const struct psm__bundle_therapist *t,
                            int32_t today, unsigned *why);

#endif
