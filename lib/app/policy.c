/* SPDX-License-Identifier: BSD-2-Clause */
/* What the changes of each entity need to know, by the entity's name. */
#include <string.h>

#include "app/change.h"

static const struct psm__policy *const policies[] = {
    &psm__policy_email,      &psm__policy_patient,   &psm__policy_search,
    &psm__policy_phone_call, &psm__policy_therapist,
};

int
psm__entity_of(const psm_tx *tx, const char *entity,
               const struct psm_entity **out, psm_error *err)
{
	*out = NULL;
	if (tx == NULL || entity == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "tx or entity is NULL");
	for (size_t i = 0; i < PSM__ENTITY_COUNT; i++) {
		if (strcmp(psm__entities[i]->name, entity) == 0)
			*out = psm__entities[i];
	}
	return *out != NULL ? 0
	                    : psm__fail(err, PSM_ERR_INVAL,
	                                "entity: there is no such entity");
}

int
psm__policy_find(const psm_tx *tx, const char *entity,
                 const struct psm__policy **out, psm_error *err)
{
	const struct psm_entity *e;
	int rc = psm__entity_of(tx, entity, &e, err);

	*out = NULL;
	for (size_t i = 0; rc == 0 && i < PSM__COUNT(policies); i++) {
		if (policies[i]->entity == e)
			*out = policies[i];
	}
	return rc < 0 || *out != NULL
	           ? rc
	           : psm__fail(err, PSM_ERR_INVAL,
	                       "entity: want one that can be changed");
}

const char *
psm__policy_order(const struct psm_entity *e)
{
	for (size_t i = 0; i < PSM__COUNT(policies); i++)
		if (policies[i]->entity == e)
			return policies[i]->order;
	return NULL;
}
