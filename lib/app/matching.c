/* SPDX-License-Identifier: BSD-2-Clause */
/* Which event means what to the matching service. */
#include <string.h>

#include "app/app.h"

static int
on_therapist(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	int rc = psm__copy_event(tx, &psm__entity_therapist, ev, err);

	return rc < 0 ? rc : 0;
}

static int
on_blocked(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	int rc = psm__copy_event(tx, &psm__entity_therapist, ev, err);

	/* Whoever was unblocked since stays so. */
	return rc > 0 ? psm__therapist_blocked(tx, ev, err) : rc;
}

static int
on_patient(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	int rc = psm__copy_event(tx, &psm__entity_patient, ev, err);

	return rc < 0 ? rc : 0;
}

static const struct {
	const char *type;
	int (*handle)(psm_tx *tx, const psm_event *ev, psm_error *err);
} handlers[] = {
    {"patient.created", on_patient},
    {"patient.deleted", psm__patient_deleted},
    {"patient.status_changed", on_patient},
    {"patient.updated", on_patient},
    {"therapist.blocked", on_blocked},
    {"therapist.created", on_therapist},
    {"therapist.deleted", psm__therapist_deleted},
    {"therapist.unblocked", on_therapist},
    {"therapist.updated", on_therapist},
};

const char *
psm_matching_type_at(size_t i)
{
	return i < PSM__COUNT(handlers) ? handlers[i].type : NULL;
}

int
psm_matching_handle(psm_tx *tx, const psm_event *ev, void *user, psm_error *err)
{
	const char *type;
	int rc = 0;

	(void)user; /* all there is to know stands in the transaction */
	psm__error_clear(err);
	if (tx == NULL || ev == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "tx or ev is NULL");
	type = psm_event_type(ev);
	for (size_t i = 0; i < PSM__COUNT(handlers); i++) {
		if (strcmp(type, handlers[i].type) == 0)
			rc = handlers[i].handle(tx, ev, err);
	}
	/* What the database refuses for good is the payload's fault. */
	return rc < 0 && !psm__app_is_system(rc) ? PSM_ERR_REJECT : rc;
}
