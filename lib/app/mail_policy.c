/* SPDX-License-Identifier: BSD-2-Clause */
/* What changes of e-mails publish. */
#include <stdio.h>
#include <string.h>

#include "app/change.h"
#include "app/mail.h"
#include "domain/mail.h"

/* A number that the row does not have is null. */
static void
put_id(psm_payload *m, const char *name, const struct psm__row *row, int column)
{
	if (psm__row_get(row, column) != NULL)
		psm_payload_int(m, name, psm__row_int(row, column));
	else
		psm_payload_null(m, name);
}

/* A time of an adopted row may be "infinity" or before the common era, which
 * RFC 3339 cannot write: null. */
static void
put_time(psm_payload *m, const char *name, const char *text)
{
	char rfc[40] = "";
	int64_t us;

	if (text != NULL && strlen(text) > 11)
		(void)snprintf(rfc, sizeof(rfc), "%.10sT%sZ", text, text + 11);
	if (psm_time_parse(rfc, strlen(rfc), &us, NULL) == 0)
		psm_payload_text(m, name, rfc);
	else
		psm_payload_null(m, name);
}

static void
put_failure(psm_payload *m, const struct psm__row *row, int suspect)
{
	psm_payload_bool(m, "suspect", suspect);
	psm_payload_text(m, "reason",
	                 psm__row_get(row, PSM__EMAIL_FEHLERMELDUNG));
	psm_payload_int(m, "attempts",
	                psm__row_int(row, PSM__EMAIL_WIEDERHOLUNGSANZAHL));
	put_time(m, "next_attempt_at",
	         psm__row_get(row, PSM__EMAIL_NAECHSTER_VERSUCH_AM));
}

/* Of an answer that came by mail, what it says; else what a person wrote. */
static void
put_response(psm_payload *m, const struct psm__change *c)
{
	const struct psm__mail_answer *a = c->wish;
	int is_mail = c->decide == psm__mail_decide_answer;

	psm_payload_object(m, "response_data");
	psm_payload_text(m, "text",
	                 is_mail
	                     ? a->text
	                     : psm__row_get(&c->row, PSM__EMAIL_ANTWORTINHALT));
	if (is_mail) {
		psm_payload_text(m, "subject", a->subject);
		psm_payload_text(m, "from", a->from);
		psm_payload_bool(m, "automatic", a->automatic);
	}
	put_time(m, "received_at",
	         psm__row_get(&c->row, PSM__EMAIL_ANTWORTDATUM));
	psm_payload_end(m);
}

static void
put_data(psm_payload *m, const struct psm__row *row)
{
	psm_payload_object(m, "email_data");
	put_id(m, "email_id", row, PSM__EMAIL_ID);
	put_id(m, "therapist_id", row, PSM__EMAIL_THERAPIST_ID);
	put_id(m, "patient_id", row, PSM__EMAIL_PATIENT_ID);
	psm_payload_text(m, "betreff", psm__row_get(row, PSM__EMAIL_BETREFF));
	psm_payload_text(m, "recipient_type",
	                 psm__row_get(row, PSM__EMAIL_THERAPIST_ID) != NULL
	                     ? "therapist"
	                     : "patient");
	psm_payload_text(m, "status", psm__row_get(row, PSM__EMAIL_STATUS));
	psm_payload_end(m);
}

static void
members(psm_payload *m, const struct psm__told *told,
        const struct psm__change *c)
{
	if (strcmp(told->type, "email.deleted") != 0)
		put_data(m, &c->row);
	if (strcmp(told->type, "communication.email_created") == 0)
		return;
	put_id(m, "patient_id", &c->row, PSM__EMAIL_PATIENT_ID);
	put_id(m, "therapist_id", &c->row, PSM__EMAIL_THERAPIST_ID);
	if (strcmp(told->type, "email.deleted") == 0) {
		psm_payload_text(m, "status",
		                 psm__row_get(&c->row, PSM__EMAIL_STATUS));
		put_time(
		    m, "next_attempt_at",
		    psm__row_get(&c->row, PSM__EMAIL_NAECHSTER_VERSUCH_AM));
		return;
	}
	psm_payload_text(m, "communication_type", "email");
	if (strcmp(told->type, "email.failed") == 0)
		put_failure(m, &c->row, c->decide == psm__mail_decide_resolve);
	if (strcmp(told->type, "email.response_received") == 0)
		put_response(m, c);
}

/* Its result has to go somewhere. */
static int
may_delete(psm_tx *tx, const char *id, psm_error *err)
{
	int64_t sending;
	int rc = psm__app_ask(tx,
	                      "SELECT EXISTS (SELECT FROM "
	                      "communication_service.emails WHERE id = "
	                      "$1::integer AND status = 'Wird_gesendet')",
	                      1, &id, &sending, err);

	if (rc == 0 && sending)
		rc = psm__fail(err, PSM_ERR_CONFLICT,
		               "email: it is being sent at the moment");
	return rc;
}

const struct psm__policy psm__policy_email = {
    .entity = &psm__entity_email,
    .created = "communication.email_created",
    .deleted = "email.deleted",
    .make = psm__mail_decide_new,
    .patch = psm__mail_decide_patch,
    .members = members,
    .own_record = 1,
    .may_delete = may_delete,
    .order = "-created_at",
};
