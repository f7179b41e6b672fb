/* SPDX-License-Identifier: BSD-2-Clause */
/* Which event means what to the patient service. */
#include <string.h>

#include "app/app.h"
#include "app/block.h"
#include "app/patient.h"

/* A patient who was deleted since had a contact, too: there is nothing to do.
 * An event of the future is one of today: its producer's clock is wrong, and a
 * last contact never goes back. */
static int
note_contact(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	const psm_json *v = psm_json_at(psm_event_payload(ev), "/patient_id");
	int64_t at = psm_event_timestamp_us(ev), now = psm_now_us(), id;
	char day[11];
	int rc;

	if (psm_json_get_int(v, &id, NULL) < 0 || id <= 0)
		return 0;
	rc = psm__app_day(tx, at < now ? at : now, day, err);
	if (rc == 0)
		rc = psm__patient_contact_on(tx, id, day, err);
	if (rc == PSM_ERR_NOT_FOUND) {
		psm__error_clear(err);
		rc = 0;
	}
	return rc < 0 ? rc : 0;
}

static const struct psm__event_handler handlers[] = {
    /* Each was a contact with the patient it names, if it names one. */
    {"email.response_received", note_contact},
    {"email.sent", note_contact},
    {"match.created", psm__patient_match},
    {"match.status_changed", psm__patient_match},
    {"phone_call.completed", note_contact},
    {"therapist.blocked", psm__patient_therapist},
    {"therapist.deleted", psm__patient_therapist},
    {"therapist.unblocked", psm__patient_therapist},
};

const char *
psm_patient_type_at(size_t i)
{
	return i < PSM__COUNT(handlers) ? handlers[i].type : NULL;
}

int
psm_patient_handle(psm_tx *tx, const psm_event *ev, void *user, psm_error *err)
{
	(void)user; /* all there is to know stands in the transaction */
	return psm__app_handle(handlers, PSM__COUNT(handlers), tx, ev, err);
}
