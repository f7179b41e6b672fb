/* SPDX-License-Identifier: BSD-2-Clause */
/* Which event means what to the matching service. */
#include <string.h>

#include "app/app.h"
#include "app/call.h"
#include "app/fit_pair.h"
#include "app/search.h"

static const struct {
	const char *type;
	const struct psm_entity *copied; /* whom it tells about, or NULL */
	/* What else it means, unless the copy knows better; or NULL. */
	int (*handle)(psm_tx *tx, const psm_event *ev, psm_error *err);
} handlers[] = {
    {"email.deleted", NULL, psm__mail_deleted},
    {"email.failed", NULL, psm__mail_failed},
    {"email.response_received", NULL, psm__mail_answered},
    {"email.sent", NULL, psm__mail_left},
    {"phone_call.completed", NULL, psm__call_completed},
    {"geocoding.distance_result", NULL, psm__distance_told},
    {"patient.created", NULL, psm__patient_arrived},
    {"patient.deleted", NULL, psm__patient_deleted},
    {"patient.status_changed", NULL, psm__patient_arrived},
    {"patient.therapist_excluded", NULL, psm__patient_excluded},
    {"patient.updated", NULL, psm__patient_arrived},
    {"phone_call.deleted", NULL, psm__phone_call_deleted},
    {"phone_call.failed", NULL, psm__call_failed},
    /* Whoever was unblocked since stays so: see is_still_blocked(). */
    {"therapist.blocked", &psm__entity_therapist, psm__therapist_blocked},
    {"therapist.created", &psm__entity_therapist, NULL},
    {"therapist.deleted", NULL, psm__therapist_deleted},
    {"therapist.unblocked", &psm__entity_therapist, NULL},
    {"therapist.updated", &psm__entity_therapist, NULL},
};

const char *
psm_matching_type_at(size_t i)
{
	return i < PSM__COUNT(handlers) ? handlers[i].type : NULL;
}

/* 1: the copy is newer than an event that blocks, and says so too: an update
 * came first. */
static int
is_still_blocked(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	struct psm__row row = {0};
	int64_t id;
	int rc;

	if (strcmp(psm_event_type(ev), "therapist.blocked") != 0)
		return 0;
	rc = psm_json_get_int(
	    psm_json_at(psm_event_payload(ev), "/therapist_id"), &id, err);
	if (rc == 0)
		rc = psm__copy_read(tx, &psm__entity_therapist, id, 0, &row,
		                    err);
	if (rc > 0)
		rc = psm__row_state(&row) == PSM_THERAPIST_GESPERRT;
	psm__row_free(&row);
	return rc;
}

int
psm_matching_handle(psm_tx *tx, const psm_event *ev, void *user, psm_error *err)
{
	size_t i = 0;
	int rc = 1, locked = 0;

	(void)user; /* all there is to know stands in the transaction */
	psm__error_clear(err);
	if (tx == NULL || ev == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "tx or ev is NULL");
	while (i < PSM__COUNT(handlers) &&
	       strcmp(psm_event_type(ev), handlers[i].type) != 0)
		i++;
	if (i == PSM__COUNT(handlers))
		return 0;
	if (handlers[i].copied != NULL && handlers[i].handle != NULL)
		locked = psm__therapist_lock_open(tx, ev, err);
	if (locked < 0)
		rc = locked;
	else if (handlers[i].copied != NULL)
		rc = psm__copy_event(tx, handlers[i].copied, ev, err);
	if (rc == 0)
		rc = is_still_blocked(tx, ev, err);
	if (rc > 0)
		rc = handlers[i].handle ? handlers[i].handle(tx, ev, err) : 0;
	/* What the database refuses for good is the payload's fault. */
	return rc < 0 && !psm__app_is_system(rc) ? PSM_ERR_REJECT : rc;
}
