/* SPDX-License-Identifier: BSD-2-Clause */
/* Which event means what to the communication service. */
#include <psymatch/communication.h>

#include <string.h>

#include "app/block.h"
#include "app/call.h"
#include "app/mail.h"

static const struct {
	const char *type;
	psm_tx_event_fn handle;
} handlers[] = {
    {"communication.schedule_call", psm_call_handle},
    {"communication.send_email", psm_mail_handle},
    {"email.send", psm_mail_handle},
    {"therapist.blocked", psm__outreach_blocked},
    {"therapist.deleted", psm__outreach_blocked},
    {"therapist.unblocked", psm__outreach_blocked},
};

const char *
psm_communication_type_at(size_t i)
{
	return i < PSM__COUNT(handlers) ? handlers[i].type : NULL;
}

int
psm_communication_handle(psm_tx *tx, const psm_event *ev, void *user,
                         psm_error *err)
{
	int rc = 0;

	psm__error_clear(err);
	if (tx == NULL || ev == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "tx or ev is NULL");
	for (size_t i = 0; i < PSM__COUNT(handlers); i++)
		if (strcmp(handlers[i].type, psm_event_type(ev)) == 0)
			rc = handlers[i].handle(tx, ev, user, err);
	if (rc == PSM_ERR_CONFIG)
		return PSM_ERR_RETRY; /* somebody will repair it */
	/* What the database refuses for good is the payload's fault. */
	return rc < 0 && !psm__app_is_system(rc) ? PSM_ERR_REJECT : rc;
}
