/* SPDX-License-Identifier: BSD-2-Clause */
/* What the changes of each entity need to know. */
#include <string.h>

#include "app/change.h"

/* -- therapist */

static void
members(psm_payload *m, const char *type, const struct psm__row *row)
{
	if (strcmp(type, "therapist.blocked") == 0)
		psm_payload_text(m, "reason",
		                 psm__row_get(row, PSM__THERAPIST_SPERRGRUND));
}

/* The inquiries are the matching service's, which may have a database of its
 * own: then it alone knows. */
static int
may_delete(psm_tx *tx, const char *id, psm_error *err)
{
	int64_t there, waiting = 0;
	int rc;

	rc = psm__app_ask(
	    tx,
	    "SELECT to_regclass('matching_service.therapeutenanfrage') "
	    "IS NOT NULL",
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

/* -- all of them */

static const struct psm__policy *const policies[] = {&psm__policy_therapist};

int
psm__policy_find(const psm_tx *tx, const char *entity,
                 const struct psm__policy **out, psm_error *err)
{
	*out = NULL;
	if (tx == NULL || entity == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "tx or entity is NULL");
	for (size_t i = 0; i < PSM__COUNT(policies) && *out == NULL; i++) {
		if (strcmp(policies[i]->entity->name, entity) == 0)
			*out = policies[i];
	}
	return *out != NULL ? 0
	                    : psm__fail(err, PSM_ERR_INVAL,
	                                "entity: want one that can be changed");
}
