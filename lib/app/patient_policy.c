/* SPDX-License-Identifier: BSD-2-Clause */
/* What changes of patients need to know. */
#include <string.h>

#include "app/app.h"
#include "app/change.h"
#include "app/patient.h"
#include "domain/patient.h"

/* The day of the change itself is no news. */
static void
put_updated_fields(psm_payload *m, const struct psm__row *row)
{
	const struct psm_entity *e = row->entity;

	psm_payload_array(m, "updated_fields");
	for (size_t i = 0; i < e->count; i++) {
		if (row->modified[i] && !(e->fields[i].flags & PSM__UPDATED))
			psm_payload_text(m, NULL, e->fields[i].name);
	}
	psm_payload_end(m);
}

static void
put_deleted(psm_payload *m, const struct psm__row *row)
{
	int64_t id = psm__row_int(row, PSM__COLUMN_ID);

	psm_payload_object(m, "additional_data");
	psm_payload_int(m, "id", id);
	psm_payload_end(m);
	psm_payload_int(m, "id", id);
}

static void
members(psm_payload *m, const struct psm__told *told,
        const struct psm__change *c)
{
	if (strcmp(told->type, "patient.updated") == 0) {
		put_updated_fields(m, &c->row);
	} else if (strcmp(told->type, "patient.status_changed") == 0) {
		psm_payload_text(m, "old_status", told->text);
		psm_payload_text(m, "new_status",
		                 psm__row_get(&c->row, PSM__PATIENT_STATUS));
	} else if (strcmp(told->type, "patient.therapist_excluded") == 0) {
		psm_payload_int(m, "therapist_id", told->id);
		psm_payload_text(m, "reason", told->text);
	} else if (strcmp(told->type, "patient.deleted") == 0) {
		put_deleted(m, &c->row);
	}
}

const struct psm__policy psm__policy_patient = {
    .entity = &psm__entity_patient,
    .created = "patient.created",
    .updated = "patient.updated",
    .deleted = "patient.deleted",
    .make = psm__patient_make,
    .patch = psm__patient_patch,
    .members = members,
};
