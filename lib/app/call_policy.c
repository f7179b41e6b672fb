/* SPDX-License-Identifier: BSD-2-Clause */
/* What changes of phone calls publish. */
#include <string.h>

#include "app/call.h"
#include "app/change.h"
#include "domain/call.h"

/* A number that the row does not have is null. */
static void
put_id(psm_payload *m, const char *name, const struct psm__row *row, int column)
{
	if (psm__row_get(row, column) != NULL)
		psm_payload_int(m, name, psm__row_int(row, column));
	else
		psm_payload_null(m, name);
}

static void
put_data(psm_payload *m, const char *type, const struct psm__row *row)
{
	psm_payload_object(m, "call_data");
	put_id(m, "call_id", row, PSM__PHONE_CALL_ID);
	put_id(m, "therapist_id", row, PSM__PHONE_CALL_THERAPIST_ID);
	put_id(m, "patient_id", row, PSM__PHONE_CALL_PATIENT_ID);
	put_id(m, "therapeutenanfrage_id", row,
	       PSM__PHONE_CALL_THERAPEUTENANFRAGE_ID);
	psm_payload_text(m, "recipient_type",
	                 psm__row_get(row, PSM__PHONE_CALL_THERAPIST_ID) != NULL
	                     ? "therapist"
	                     : "patient");
	psm_payload_text(m, "status",
	                 psm__row_get(row, PSM__PHONE_CALL_STATUS));
	if (strcmp(type, "communication.call_scheduled") == 0) {
		psm_payload_text(
		    m, "scheduled_date",
		    psm__row_get(row, PSM__PHONE_CALL_GEPLANTES_DATUM));
		psm_payload_text(
		    m, "scheduled_time",
		    psm__row_get(row, PSM__PHONE_CALL_GEPLANTE_ZEIT));
	} else {
		psm_payload_text(m, "ergebnis",
		                 psm__row_get(row, PSM__PHONE_CALL_ERGEBNIS));
	}
	psm_payload_end(m);
}

static void
members(psm_payload *m, const struct psm__told *told,
        const struct psm__change *c)
{
	const char *outcome = psm__row_get(&c->row, PSM__PHONE_CALL_ERGEBNIS);

	if (strcmp(told->type, "phone_call.deleted") != 0) {
		put_data(m, told->type, &c->row);
	} else {
		put_id(m, "therapeutenanfrage_id", &c->row,
		       PSM__PHONE_CALL_THERAPEUTENANFRAGE_ID);
		psm_payload_text(m, "status",
		                 psm__row_get(&c->row, PSM__PHONE_CALL_STATUS));
	}
	if (strcmp(told->type, "communication.call_scheduled") == 0)
		return;
	put_id(m, "patient_id", &c->row, PSM__PHONE_CALL_PATIENT_ID);
	put_id(m, "therapist_id", &c->row, PSM__PHONE_CALL_THERAPIST_ID);
	if (strcmp(told->type, "phone_call.completed") != 0)
		return;
	psm_payload_text(m, "communication_type", "phone_call");
	if (outcome != NULL && !psm__text_is_blank(outcome))
		psm_payload_text(m, "outcome", outcome);
}

const struct psm__policy psm__policy_phone_call = {
    .entity = &psm__entity_phone_call,
    .created = "communication.call_scheduled",
    .deleted = "phone_call.deleted",
    .make = psm__call_decide_new,
    .patch = psm__call_decide_patch,
    .members = members,
    .own_record = 1,
    .order = "-geplantes_datum",
    .story = "state of a call",
};
