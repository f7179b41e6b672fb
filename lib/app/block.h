/* SPDX-License-Identifier: BSD-2-Clause */
/* What services other than the therapist's know of blocked therapists: a table
 * therapeuten_sperren in the schema of each. */
#ifndef PSM_APP_BLOCK_H
#define PSM_APP_BLOCK_H

#include "app/app.h"

/* What an event says of whom. */
struct psm__block {
	int64_t therapist;
	int blocked; /* 1: must not be asked */
};
/*
 * Keep what therapist.blocked, .unblocked or .deleted says, unless a newer
 * event was here. schema: "communication_service". 1: it counts, 0: what is
 * there is newer, or the same; PSM_ERR_REJECT.
 */
int psm__block_note(psm_tx *tx, const char *schema, const psm_event *ev,
                    struct psm__block *out, psm_error *err);

/* The values of an event by which the newest one is found, for statements. */
struct psm__origin {
	struct psm__number version;
	int has_version;
	char time[32];
	const char *event_id;
};
int psm__origin_of(const psm_event *ev, struct psm__origin *out,
                   psm_error *err);
/* A positive number of 32 bits of the payload. PSM_ERR_REJECT. */
int psm__event_number(const psm_event *ev, const char *name, int64_t *out,
                      psm_error *err);

/* -- scraping.c: scraping.run */
int psm__scraping_asked(psm_tx *tx, const psm_event *ev, psm_error *err);

/* -- patient_reassign.c */

/* match.created, match.status_changed */
int psm__patient_match(psm_tx *tx, const psm_event *ev, psm_error *err);
/* therapist.blocked, .unblocked, .deleted */
int psm__patient_therapist(psm_tx *tx, const psm_event *ev, psm_error *err);

/* -- communication_block.c: a psm_tx_event_fn */
int psm__outreach_blocked(psm_tx *tx, const psm_event *ev, void *user,
                          psm_error *err);

#endif
