/* SPDX-License-Identifier: BSD-2-Clause */
/* What the use cases of inquiries share. */
#ifndef PSM_APP_INQUIRY_H
#define PSM_APP_INQUIRY_H

#include <psymatch/inquiry.h>

#include "app/app.h"
#include "domain/inquiry.h"
#include "domain/inquiry_rows.h"

/* No row of these is made or changed but by the use cases of inquiries. */
extern const struct psm__policy psm__policy_inquiry, psm__policy_match;

/* -- inquiry.c */

/* A match, as its row and its search are when both are locked. */
struct psm__inquiry_match {
	int64_t id, search_id, patient_id;
	const struct psm__outcome *last; /* recorded before, or NULL */
	int conflict, excluding;
	int search_status; /* enum psm_search_status */
	int64_t placed_by; /* inquiry; 0: none */
	char *exclusions;  /* JSON text; owned */
	struct psm__answer_match *answer;
};
/* An inquiry, whose matches stand by their places. All zero may be freed. */
struct psm__inquiry {
	psm_tx *tx;
	struct psm__now now;
	int64_t now_us;
	int64_t id, therapist_id;
	int64_t failures;      /* sendings that failed */
	int state;             /* enum psm_inquiry_state, -1: contradictory */
	char *sent_at, *notes; /* owned, may be NULL */
	struct psm__inquiry_match *matches; /* owned */
	size_t count;
};
/* Lock an inquiry: first its searches, then itself, then its matches.
 * PSM_ERR_NOT_FOUND. */
int psm__inquiry_lock(psm_tx *tx, int64_t id, struct psm__inquiry *out,
                      psm_error *err);
void psm__inquiry_free(struct psm__inquiry *q);

/* Run a decision on a row of the policy; NULL: delete it. 1: changed, 0: not, or
 * an error. */
int psm__inquiry_run(psm_tx *tx, const struct psm__policy *policy, int64_t id,
                     psm__decide_fn *decide, const void *wish, psm_error *err);
/* The same at another time than now, that of an event; at NULL: now. */
int psm__inquiry_run_at(psm_tx *tx, const struct psm__policy *policy,
                        int64_t id, psm__decide_fn *decide, const void *wish,
                        const struct psm__now *at, psm_error *err);
/* The same for a row that is made; *id receives its number. */
int psm__inquiry_make(psm_tx *tx, const struct psm__policy *policy,
                      psm__decide_fn *decide, const void *wish, int64_t *id,
                      psm_error *err);

/* -- inquiry_create.c */

/* Nobody else composes one to this therapist until the transaction ends. The
 * therapist's copy, where it is locked, is locked before. */
int psm__inquiry_lock_therapist(psm_tx *tx, int64_t therapist_id,
                                psm_error *err);

/* -- inquiry.c: the command that the mail of an inquiry is to go */
int psm__inquiry_ask_to_send(psm_tx *tx, int64_t email_id, psm_error *err);

/* -- inquiry_cancel.c */

/* Cancel an inquiry that was not sent; its matches are withdrawn, but stay as
 * history. at: NULL, or the time of an event, which is at_us. 1: done, 0: it was
 * sent or cancelled before. */
int psm__inquiry_cancel(psm_tx *tx, int64_t id, const char *reason,
                        const struct psm__now *at, int64_t at_us,
                        psm_error *err);

/* -- inquiry_answer.c */

/* psm_inquiry_answer() within tx. */
int psm__inquiry_answer(psm_tx *tx, int64_t id, const psm_json *doc, char **out,
                        psm_error *err);

/* -- inquiry_cooling.c */

/*
 * A therapist is left alone for COOLING_WEEKS from a day on, unless that is so
 * already: the copy, "cooling.period_started", and the therapist's row if that
 * is in this database. reason: "response_received" or "manual". 1: later than
 * before; 0: not.
 */
int psm__cooling_start(psm_tx *tx, int64_t therapist_id, const char *today,
                       const char *reason, psm_error *err);

#endif
