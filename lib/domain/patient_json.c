/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of patients for callers with JSON. */
#include "domain/patient.h"

const char *
psm_patient_status_name(int status)
{
	if (status < PSM_PATIENT_OFFEN ||
	    status > PSM_PATIENT_THERAPIE_ABGEBROCHEN)
		return NULL;
	return psm__words_patientenstatus[status];
}

int
psm_patient_status_from_name(const char *name)
{
	int i = name == NULL
	            ? -1
	            : psm__word_index(psm__words_patientenstatus, name);

	return i < 0 ? PSM_ERR_INVAL : i;
}

static int
write_names(const int *gaps, int count, char **out, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	int rc;

	psm_json_write_array(w);
	for (int i = 0; i < count; i++)
		psm_json_write_string(w,
		                      psm__entity_patient.fields[gaps[i]].name);
	psm_json_write_end(w);
	rc = psm__json_take(w, 0, out, err);
	return rc < 0 ? rc : count;
}

int
psm_patient_search_gaps(const psm_json *record, char **gaps, psm_error *err)
{
	struct psm__row row = {0};
	int found[PSM__PATIENT_GAPS_MAX], rc;

	psm__error_clear(err);
	if (gaps != NULL)
		*gaps = NULL;
	if (record == NULL || gaps == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "record or gaps is NULL");
	rc = psm__row_init(&row, &psm__entity_patient, err);
	if (rc == 0)
		rc = psm__row_read(&row, record, PSM__READ_RECORD, 0, "", err);
	if (rc >= 0)
		rc = psm__patient_search_gaps(&row, found, err);
	if (rc >= 0)
		rc = write_names(found, rc, gaps, err);
	psm__row_free(&row);
	return rc;
}
