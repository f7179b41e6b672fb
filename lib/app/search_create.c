/* SPDX-License-Identifier: BSD-2-Clause */
/* A search that somebody opens by hand. */
#include <stdio.h>

#include "app/fit_pair.h"
#include "app/own_tx.h"
#include "app/search.h"
#include "domain/patient.h"

/* All that is missing at once, each with its column. */
static int
check_gaps(const struct psm__row *patient, psm_error *err)
{
	int gaps[PSM__PATIENT_GAPS_MAX];
	int count = psm__patient_search_gaps(patient, gaps, err);
	struct psm__buf names = {0};
	char pointer[80];

	if (count <= 0)
		return count;
	for (int i = 0; i < count; i++)
		psm__buf_printf(&names, "%s%s", i > 0 ? ", " : "",
		                patient->entity->fields[gaps[i]].name);
	psm__fail(err, PSM_ERR_SCHEMA,
	          "patient: data are incomplete, missing %s",
	          names.failed ? "more data" : names.data);
	psm__buf_free(&names);
	for (int i = 0; i < count; i++) {
		(void)snprintf(pointer, sizeof(pointer), "/patient/%s",
		               patient->entity->fields[gaps[i]].name);
		psm__error_fault(err, pointer, "want a value, found none");
	}
	return PSM_ERR_SCHEMA;
}

static int
check_only(psm_tx *tx, int64_t patient, psm_error *err)
{
	struct psm__number number;
	const char *id = psm__number(&number, patient);
	int64_t other;
	int rc = psm__app_ask(tx,
	                      "SELECT id FROM " PSM__SEARCHES
	                      " WHERE patient_id = $1::integer "
	                      "AND status = 'aktiv'",
	                      1, &id, &other, err);

	if (rc == 0 && other > 0) {
		rc = psm__fail(err, PSM_ERR_CONFLICT,
		               "patient: has an active search already, search "
		               "%lld",
		               (long long)other);
		psm__error_pointer(err, "/search_id");
		psm__error_fault(err, "/search_id", "found %lld",
		                 (long long)other);
	}
	return rc;
}

/* The number of a search that an event of the patient opened and nobody has
 * touched since, 0: none, or an error. Who asks for one now gets it: the
 * patient's status and the wish for a search come from the same person. */
static int
find_by_event(psm_tx *tx, int64_t patient, int64_t *search, psm_error *err)
{
	struct psm__number number;
	const char *id = psm__number(&number, patient);

	return psm__app_ask(
	    tx,
	    "SELECT s.id FROM " PSM__SEARCHES " s WHERE s.patient_id = "
	    "$1::integer AND s.status = 'aktiv' AND s.updated_at IS NULL "
	    "AND s.notizen LIKE '[%(System)] " PSM__SEARCH_BY_EVENT "' "
	    "AND s.notizen NOT LIKE E'%\\n%' AND NOT EXISTS (SELECT FROM "
	    "matching_service.therapeut_anfrage_patient m "
	    "WHERE m.platzsuche_id = s.id)",
	    1, &id, search, err);
}

static int
claim(psm_tx *tx, int64_t search, const struct psm__search_opening *o,
      char **out, psm_error *err)
{
	int rc = psm__search_change(tx, search, psm__search_claim, o, NULL,
	                            NULL, err);

	if (rc >= 0 && out != NULL)
		rc = psm_entity_get(tx, "search", search, out, NULL, err);
	return rc < 0 ? rc : 0;
}

/* The copy is locked first: a second search of the same patient waits here, and
 * then finds the first one. */
static int
open_checked(psm_tx *tx, struct psm__search_opening *o, char **out,
             psm_error *err)
{
	struct psm__row patient;
	int64_t search = 0;
	int rc = psm__copy_read(tx, &psm__entity_patient, o->patient_id, 1,
	                        &patient, err);

	if (rc == 0)
		rc = psm__fail(err, PSM_ERR_NOT_FOUND, "Patient %lld not found",
		               (long long)o->patient_id);
	if (rc > 0)
		rc = check_gaps(&patient, err);
	if (rc == 0)
		rc = find_by_event(tx, o->patient_id, &search, err);
	if (rc == 0 && search == 0)
		rc = check_only(tx, o->patient_id, err);
	if (rc == 0 && search > 0) {
		rc = claim(tx, search, o, out, err);
	} else if (rc == 0) {
		o->exclusions = psm__row_get(
		    &patient, PSM__PATIENT_AUSGESCHLOSSENE_THERAPEUTEN);
		rc = psm__search_make(tx, o, NULL, out, err);
	}
	psm__row_free(&patient);
	return rc;
}

static int
create(psm_tx *tx, const char *json, size_t len, char **out, psm_error *err)
{
	struct psm__search_opening o = {.author = "API"};
	struct psm__row wish = {0};
	psm_json *doc = NULL;
	int rc = json != NULL ? psm_json_parse(json, len, &doc, err)
	                      : psm__fail(err, PSM_ERR_INVAL, "json is NULL");

	if (rc == 0)
		rc = psm__row_init(&wish, &psm__entity_search, err);
	if (rc == 0)
		rc = psm__row_read(&wish, doc, PSM__READ_NEW,
		                   PSM__W_REST_CREATE, "", err);
	if (rc >= 0) {
		o.patient_id = psm__row_int(&wish, PSM__SEARCH_PATIENT_ID);
		o.note = psm__row_get(&wish, PSM__SEARCH_NOTIZEN);
		o.urgency = psm__row_get(&wish, PSM__SEARCH_DRINGLICHKEIT);
		rc = open_checked(tx, &o, out, err);
	}
	psm__row_free(&wish);
	psm_json_free(doc);
	return rc;
}

int
psm_search_create(psm_store *store, const char *json, size_t len, char **out,
                  psm_error *err)
{
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = create(tx, json, len, out, err);
	return psm__own_end(tx, rc, out, err);
}
