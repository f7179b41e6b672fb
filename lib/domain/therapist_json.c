/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules for therapists as the public header offers them: JSON in and out.
 */
#include <string.h>

#include "domain/domain.h"

int
psm_therapist_from_record(const psm_json *record, char **fields, psm_error *err)
{
	struct psm__row row = {0};
	int rc;

	psm__error_clear(err);
	if (fields != NULL)
		*fields = NULL;
	if (record == NULL || fields == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "record or fields is NULL");
	rc = psm__row_init(&row, &psm__entity_therapist, err);
	if (rc == 0)
		rc = psm__record_map(record, "", &row, NULL, err);
	if (rc == 0)
		rc = psm__row_text(&row, PSM__FOR_STORE, fields, err);
	psm__row_free(&row);
	return rc;
}

static int
read_row(struct psm__row *row, const psm_json *v, const char *name,
         psm_error *err)
{
	int rc = psm__row_init(row, &psm__entity_therapist, err);

	if (rc == 0)
		rc = psm__row_read(row, v, PSM__READ_RECORD, 0, "", err);
	if (rc < 0)
		psm__error_prefix(err, "%s: ", name);
	return rc;
}

static int
read_names(const psm_json *list, const char *name, struct psm__names *names,
           psm_error *err)
{
	struct psm__row row;
	int rc = 0;

	if (psm_json_kind(list) != PSM_JSON_ARRAY)
		return psm__fail_at(err, PSM_ERR_SCHEMA,
		                    psm__json_position(list), "%s: want array",
		                    name);
	for (size_t i = 0; i < psm_json_count(list) && rc == 0; i++) {
		rc = read_row(&row, psm_json_item(list, i), name, err);
		if (rc == 0)
			rc = psm__names_add(names, &row, i, err);
		psm__row_free(&row);
	}
	return rc < 0 ? rc : psm__names_sort(names, err);
}

int
psm_therapist_match(const psm_json *fields, const psm_json *candidates,
                    const psm_json *present, size_t *index, psm_error *err)
{
	struct psm__names stored = {0}, names = {0};
	struct psm__row fresh = {0};
	int rc;

	psm__error_clear(err);
	if (index != NULL)
		*index = 0;
	if (fields == NULL || candidates == NULL || index == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "fields, candidates or index is NULL");
	rc = read_row(&fresh, fields, "fields", err);
	if (rc == 0)
		rc = read_names(candidates, "candidates", &stored, err);
	if (rc == 0 && present != NULL)
		rc = read_names(present, "present", &names, err);
	if (rc == 0)
		rc = psm__therapist_find(&fresh, &stored, NULL,
		                         present != NULL ? &names : NULL, index,
		                         err);
	psm__names_free(&names);
	psm__names_free(&stored);
	psm__row_free(&fresh);
	return rc;
}

int
psm_therapist_merge(const psm_json *stored, const psm_json *fields,
                    char **merged, psm_error *err)
{
	struct psm__row old = {0}, fresh = {0};
	int rc, count;

	psm__error_clear(err);
	if (merged != NULL)
		*merged = NULL;
	if (stored == NULL || fields == NULL || merged == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "stored, fields or merged is NULL");
	rc = read_row(&old, stored, "stored", err);
	if (rc == 0)
		rc = read_row(&fresh, fields, "fields", err);
	if (rc == 0)
		rc = psm__therapist_merge(&old, &fresh, NULL, err);
	count = rc;
	if (rc >= 0)
		rc = psm__row_text(&old, PSM__FOR_REST, merged, err);
	psm__row_free(&old);
	psm__row_free(&fresh);
	return rc < 0 ? rc : count;
}
