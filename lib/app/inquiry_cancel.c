/* SPDX-License-Identifier: BSD-2-Clause */
/* Inquiries that are cancelled, and those that are deleted. */
#include <string.h>

#include "app/inquiry.h"
#include "app/own_tx.h"

#define INQUIRY "matching_service.therapeutenanfrage"
#define MATCH "matching_service.therapeut_anfrage_patient"

/* Run a step on each match of an inquiry; decide NULL: it is deleted. What was
 * cancelled has told before that it is withdrawn. */
static int
each_match(const struct psm__inquiry *q, psm__decide_fn *decide, psm_error *err)
{
	struct psm__match_wish wish = {.therapist_id = q->therapist_id};
	struct psm__policy policy = psm__policy_match;
	int rc = 0;

	if (q->state == PSM_INQUIRY_CANCELLED)
		policy.deleted = NULL;
	for (size_t i = 0; rc >= 0 && i < q->count; i++)
		rc = psm__inquiry_run(q->tx, &policy, q->matches[i].id, decide,
		                      &wish, err);
	return rc < 0 ? rc : 0;
}

int
psm__inquiry_cancel(psm_tx *tx, int64_t id, const char *reason,
                    const struct psm__now *at, int64_t at_us, psm_error *err)
{
	struct psm__inquiry_wish wish = {.reason = reason};
	struct psm__buf note = {0};
	struct psm__inquiry q;
	int rc = psm__inquiry_lock(tx, id, &q, err);

	if (rc < 0 || q.state != PSM_INQUIRY_UNSENT) {
		psm__inquiry_free(&q);
		return rc;
	}
	psm__buf_printf(&note, "Cancelled: %s", reason);
	wish.therapist_id = q.therapist_id;
	wish.note = (struct psm__note){"System", note.data, at_us};
	rc = note.failed ? psm__nomem(err)
	                 : psm__inquiry_run_at(tx, &psm__policy_inquiry, id,
	                                       psm__inquiry_decide_cancel,
	                                       &wish, at, err);
	if (rc >= 0)
		rc = each_match(&q, psm__match_decide_withdraw, err);
	psm__buf_free(&note);
	psm__inquiry_free(&q);
	return rc < 0 ? rc : 1;
}

int
psm_inquiry_cancel(psm_store *store, int64_t id, const char *reason,
                   psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = psm__own_begin(store, &tx, NULL, err);

	if (rc == 0 && psm__text_is_blank(reason))
		rc = psm__fail(err, PSM_ERR_INVAL, "reason is NULL or blank");
	if (rc == 0)
		rc = psm__own_reason(reason, err);
	if (rc == 0)
		rc = psm__inquiry_cancel(tx, id, reason, NULL, psm_now_us(),
		                         err);
	if (rc == 0)
		rc = psm__fail(err, PSM_ERR_TRANSITION,
		               "inquiry: want one that was not sent, found "
		               "one that was sent or cancelled");
	return psm__own_end(tx, rc < 0 ? rc : 0, NULL, err);
}

/* What was sent is history, and the searches and reports point to it. */
static int
may_delete(const struct psm__inquiry *q, int force, psm_error *err)
{
	if (force || q->state == PSM_INQUIRY_UNSENT ||
	    q->state == PSM_INQUIRY_CANCELLED)
		return 0;
	return psm__fail(err, PSM_ERR_CONFLICT,
	                 "inquiry: want one that was never sent, found one "
	                 "that was");
}

int
psm_inquiry_delete(psm_store *store, int64_t id, int force, psm_error *err)
{
	struct psm__inquiry_wish wish = {0};
	struct psm__inquiry q = {0};
	psm_tx *tx = NULL;
	int rc = psm__own_begin(store, &tx, NULL, err);

	if (rc == 0)
		rc = psm__inquiry_lock(tx, id, &q, err);
	if (rc == 0)
		rc = may_delete(&q, force, err);
	if (rc == 0)
		rc = each_match(&q, NULL, err);
	if (rc == 0)
		rc = psm__inquiry_run(tx, &psm__policy_inquiry, id, NULL, &wish,
		                      err);
	psm__inquiry_free(&q);
	return psm__own_end(tx, rc < 0 ? rc : 0, NULL, err);
}
