/* SPDX-License-Identifier: BSD-2-Clause */
/* Patients: their use cases by name. */
#include <string.h>

#include "app/app.h"
#include "app/own_tx.h"
#include "app/patient.h"
#include "domain/patient.h"

static const char patient[] = "patient";

/* -- its use cases */

int
psm_patient_create(psm_store *store, const char *json, size_t len, char **out,
                   psm_error *err)
{
	return psm__own_create(store, patient, json, len, out, err);
}

int
psm_patient_get(psm_store *store, int64_t id, char **out, int64_t *version,
                psm_error *err)
{
	return psm__own_get(store, patient, id, out, version, err);
}

int
psm_patient_list(psm_store *store, const char *query, char **out,
                 psm_error *err)
{
	return psm__own_list(store, patient, query, out, err);
}

int
psm_patient_update(psm_store *store, int64_t id, int64_t if_version,
                   const char *json, size_t len, char **out, psm_error *err)
{
	return psm__own_update(store, patient, id, if_version, PSM_CHANGE_PUT,
	                       json, len, out, err);
}

int
psm_patient_patch(psm_store *store, int64_t id, int64_t if_version,
                  const char *json, size_t len, char **out, psm_error *err)
{
	return psm__own_update(store, patient, id, if_version, PSM_CHANGE_MERGE,
	                       json, len, out, err);
}

int
psm_patient_delete(psm_store *store, int64_t id, int64_t if_version,
                   psm_error *err)
{
	/* Nothing keeps a patient: there is nothing to force. */
	return psm__own_delete(store, patient, id, if_version, 0, err);
}

int
psm_patient_announce(psm_store *store, int all, int limit, psm_error *err)
{
	return psm__announce(store, &psm__policy_patient, all, limit, err);
}

/* -- the last contact */

int
psm__patient_contact_on(psm_tx *tx, int64_t id, const char *day, psm_error *err)
{
	struct psm__change c = {.tx = tx,
	                        .policy = &psm__policy_patient,
	                        .verb = PSM__CHANGE,
	                        .id = id,
	                        .if_version = PSM_VERSION_ANY,
	                        .decide = psm__patient_contact,
	                        .wish = day};
	int rc = psm__change_run(&c, err);

	psm__change_free(&c);
	return rc;
}

/* Of a day that a person names: today if it is NULL. */
static int
check_day(const char **day, const struct psm__now *now, psm_error *err)
{
	if (*day == NULL)
		*day = now->today;
	if (!psm__is_date(*day))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "day: want a date YYYY-MM-DD");
	return strcmp(*day, now->today) <= 0
	           ? 0
	           : psm__fail(err, PSM_ERR_INVAL,
	                       "day: want a day up to today, found a later "
	                       "one");
}

int
psm_patient_contact(psm_store *store, int64_t id, const char *day,
                    psm_error *err)
{
	struct psm__now now;
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, NULL, err);

	if (rc == 0)
		rc = psm__app_now(tx, &now, err);
	if (rc == 0)
		rc = check_day(&day, &now, err);
	if (rc == 0)
		rc = psm__patient_contact_on(tx, id, day, err);
	return psm__own_end(tx, rc, NULL, err);
}
