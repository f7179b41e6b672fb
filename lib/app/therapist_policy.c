/* SPDX-License-Identifier: BSD-2-Clause */
/* What changes of therapists need to know. */
#include <string.h>

#include "app/app.h"
#include "app/change.h"

static void
members(psm_payload *m, const struct psm__told *told,
        const struct psm__change *c)
{
	if (strcmp(told->type, "therapist.blocked") == 0)
		psm_payload_text(
		    m, "reason",
		    psm__row_get(&c->row, PSM__THERAPIST_SPERRGRUND));
}

/* The inquiries are the matching service's, which may have a database of its
 * own: then it alone knows. */
static int
may_delete(psm_tx *tx, const char *id, psm_error *err)
{
	int64_t there, waiting = 0;
	int rc;

	rc = psm__app_ask(tx,
	                  "SELECT " PSM__HAS_TABLE("'matching_service'",
	                                           "'therapeutenanfrage'"),
	                  0, NULL, &there, err);
	if (rc == 0 && there)
		rc = psm__app_ask(tx,
		                  "SELECT EXISTS (SELECT FROM "
		                  "matching_service.therapeutenanfrage "
		                  "WHERE therapist_id = $1::integer "
		                  "AND gesendet_datum IS NOT NULL "
		                  "AND antwort_datum IS NULL)",
		                  1, &id, &waiting, err);
	if (rc == 0 && waiting)
		rc = psm__fail(err, PSM_ERR_CONFLICT,
		               "therapist: want an answer to each inquiry that "
		               "was sent, found one without");
	return rc;
}

static const struct psm__action actions[] = {
    {"block", psm__therapist_block},
    {"contact", psm__therapist_contact},
    {"cool", psm__therapist_cool},
    {"unblock", psm__therapist_unblock},
    {NULL, NULL},
};

const struct psm__policy psm__policy_therapist = {
    .entity = &psm__entity_therapist,
    .created = "therapist.created",
    .updated = "therapist.updated",
    .deleted = "therapist.deleted",
    .members = members,
    .may_delete = may_delete,
    .actions = actions,
};
