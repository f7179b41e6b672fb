/* SPDX-License-Identifier: BSD-2-Clause */
/* What must be known of a patient before a search can be opened. */
#include <string.h>

#include "domain/patient.h"

/* 1: a day has a time that is not blank. */
static int
has_slot(const psm_json *times)
{
	if (psm_json_kind(times) != PSM_JSON_OBJECT)
		return 0;
	for (size_t day = 0; day < psm_json_count(times); day++) {
		const psm_json *slots = psm_json_item(times, day);

		if (psm_json_kind(slots) != PSM_JSON_ARRAY)
			continue;
		for (size_t i = 0; i < psm_json_count(slots); i++) {
			const char *text =
			    psm_json_string(psm_json_item(slots, i));

			if (text != NULL && !psm__text_is_blank(text))
				return 1;
		}
	}
	return 0;
}

/* The functions of the table: 1 there, 0 not, or PSM_ERR_NOMEM. */

static int
is_text(const struct psm__row *r, int column, psm_error *err)
{
	(void)err;
	return !psm__text_is_blank(r->value[column]);
}

static int
is_known(const struct psm__row *r, int column, psm_error *err)
{
	(void)err;
	return r->value[column] != NULL;
}

/* A value of JSON that says something: an adopted row may hold null or "". */
static int
is_value(const struct psm__row *r, int column, psm_error *err)
{
	const char *text = r->value[column];
	size_t len;

	(void)err;
	if (text == NULL || strcmp(text, "null") == 0)
		return 0;
	len = strlen(text);
	return text[0] != '"' || strspn(text + 1, " \t") + 2 < len;
}

static int
is_available(const struct psm__row *r, int column, psm_error *err)
{
	const char *text = r->value[column];
	psm_json *doc = NULL;
	int rc, found;

	if (text == NULL)
		return 0;
	rc = psm_json_parse(text, strlen(text), &doc, NULL);
	found = has_slot(doc);
	psm_json_free(doc);
	return rc == PSM_ERR_NOMEM ? psm__nomem(err) : found;
}

static int
is_unneeded_or_known(const struct psm__row *r, int column, psm_error *err)
{
	const char *before =
	    psm__row_get(r, PSM__PATIENT_ERFAHRUNG_MIT_PSYCHOTHERAPIE);

	return before == NULL || before[0] != 't' || is_known(r, column, err);
}

/* In the order of the rule. */
#define NEED(column, test)                                                     \
	{                                                                      \
		PSM__PATIENT_##column, test                                    \
	}
static const struct {
	int column;
	int (*is_there)(const struct psm__row *r, int column, psm_error *err);
} needed[PSM__PATIENT_GAPS_MAX] = {
    NEED(GESCHLECHT, is_text),
    NEED(SYMPTOME, is_value),
    NEED(KRANKENKASSE, is_text),
    NEED(GEBURTSDATUM, is_text),
    NEED(ERFAHRUNG_MIT_PSYCHOTHERAPIE, is_known),
    NEED(OFFEN_FUER_GRUPPENTHERAPIE, is_known),
    NEED(ZEITLICHE_VERFUEGBARKEIT, is_available),
    NEED(LETZTE_SITZUNG_VORHERIGE_PSYCHOTHERAPIE, is_unneeded_or_known),
};

int
psm__patient_search_gaps(const struct psm__row *patient,
                         int gaps[PSM__PATIENT_GAPS_MAX], psm_error *err)
{
	int count = 0, rc;

	for (size_t i = 0; i < PSM__COUNT(needed); i++) {
		rc = needed[i].is_there(patient, needed[i].column, err);
		if (rc < 0)
			return rc;
		if (rc == 0)
			gaps[count++] = needed[i].column;
	}
	return count;
}
