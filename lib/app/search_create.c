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
	          "patient: want %s before a search is opened",
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
		               "patient: want no active search, found search "
		               "%lld",
		               (long long)other);
		psm__error_pointer(err, "/search_id");
		psm__error_fault(err, "/search_id", "found %lld",
		                 (long long)other);
	}
	return rc;
}

/* The copy is locked first: a second search of the same patient waits here, and
 * then finds the first one. */
static int
open_checked(psm_tx *tx, struct psm__search_opening *o, char **out,
             psm_error *err)
{
	struct psm__row patient;
	int rc = psm__copy_read(tx, &psm__entity_patient, o->patient_id, 1,
	                        &patient, err);

	if (rc == 0)
		rc = psm__fail(err, PSM_ERR_NOT_FOUND, "Patient %lld not found",
		               (long long)o->patient_id);
	if (rc > 0)
		rc = check_gaps(&patient, err);
	if (rc == 0)
		rc = check_only(tx, o->patient_id, err);
	if (rc == 0) {
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
