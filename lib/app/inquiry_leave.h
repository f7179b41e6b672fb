/* SPDX-License-Identifier: BSD-2-Clause */
/* Patients who leave inquiries that were not sent yet. */
#ifndef PSM_INQUIRY_LEAVE_INT_H
#define PSM_INQUIRY_LEAVE_INT_H

#include <psymatch/store.h>

#include "entity/entity.h"

struct psm__leave {
	psm_tx *tx;
	int64_t patient_id, search_id; /* who leaves; one of them is 0 */
	const char *reason;            /* for the note, not NULL */
	/* Of the change; psm__app_now(), or psm__now_at() of an event, so that
	 * a replay writes the same times. */
	const struct psm__now *now;
};
/*
 * The patient leaves one inquiry: the row goes ("match.status_changed" to null),
 * those behind move up, size and note are written, and an inquiry that nobody
 * is left in is cancelled. 1: done; 0: it was sent, is cancelled, or has not
 * got the patient. Locks the inquiry and then its rows.
 */
int psm__inquiry_leave(const struct psm__leave *l, int64_t inquiry,
                       psm_error *err);
/* The same for all inquiries of the patient or the search that were not sent
 * yet; their count. */
int psm__inquiry_leave_all(const struct psm__leave *l, psm_error *err);

#endif
