/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches: what their use cases and the cascades of patients share. Locks are
 * taken in this order: the patient's copy, the search, inquiries, their rows. */
#ifndef PSM_SEARCH_INT_H
#define PSM_SEARCH_INT_H

#include <psymatch/search.h>

#include "app/change.h"
#include "domain/search_rules.h"

#define PSM__SEARCHES "matching_service.platzsuche"

/* The note of a search that an event of the patient opened. */
#define PSM__SEARCH_BY_EVENT "Opened: the patient searches now"

/* -- search.c */

/* Change a search by a decision; at: as of struct psm__change. status, which
 * may be NULL: what the search has now. 1: changed; 0: nothing to do. */
int psm__search_change(psm_tx *tx, int64_t search, psm__decide_fn *decide,
                       const void *wish, const struct psm__now *at, int *status,
                       psm_error *err);
/* End a search; the patient leaves the inquiries that were not sent yet. */
int psm__search_finish(psm_tx *tx, int64_t search,
                       const struct psm__search_ending *ending,
                       const struct psm__now *at, psm_error *err);
/* Open a search without asking whether it is allowed: the copy of the patient
 * is locked. *id may be NULL. */
int psm__search_make(psm_tx *tx, const struct psm__search_opening *opening,
                     const struct psm__now *at, char **out, psm_error *err);

/* -- search_refit.c */

/*
 * The patient leaves the unsent inquiries to therapists whom the search does
 * not fit any more; their count. Locks the search. moved: 1: the patient has
 * another postal code now, so the area counts, too, unless the distance is
 * known; else nobody can tell which area an inquiry was made for.
 */
int psm__search_refit(psm_tx *tx, int64_t search, int moved,
                      const struct psm__now *at, psm_error *err);
/* The same for all open searches of a patient. */
int psm__patient_refit(psm_tx *tx, int64_t patient, int moved,
                       const struct psm__now *at, psm_error *err);

/* -- search_event.c: what events of patients mean for searches */

/* patient.created, .updated, .status_changed: writes the copy as well. */
int psm__patient_arrived(psm_tx *tx, const psm_event *ev, psm_error *err);
/* patient.therapist_excluded */
int psm__patient_excluded(psm_tx *tx, const psm_event *ev, psm_error *err);

/* -- search_settle.c */

/* Out of all inquiries that were not sent; at NULL: now. */
int psm__search_leave(psm_tx *tx, int64_t id, const char *reason,
                      const struct psm__now *at, psm_error *err);
/* After any change: who does not search, or fits no more, leaves what was not
 * sent. A paused search stays in its inquiries. */
int psm__search_settle_as(psm_tx *tx, int64_t id, int status, psm_error *err);
int psm__search_settle(psm_tx *tx, const struct psm__row *row, psm_error *err);

#endif
