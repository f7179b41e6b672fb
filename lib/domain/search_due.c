/* SPDX-License-Identifier: BSD-2-Clause */
/* What a patient's status means for the patient's searches. */
#include <string.h>

#include "domain/search_rules.h"

static int
is(const char *status, const char *word)
{
	return status != NULL && strcmp(status, word) == 0;
}

static int
searches(const char *status)
{
	return is(status, "auf_der_Suche");
}

/*
 * Due is a search when the patient begins to search, not whenever the data of
 * one who searches change: a patient whose search found a place, or was
 * cancelled by hand, keeps the status for a while. Of a patient who was not
 * known before nobody can tell when the search began: then only somebody who
 * never had one gets one.
 */
int
psm__search_is_due(const struct psm__search_due *d)
{
	if (!searches(d->after) || d->open)
		return 0;
	if (d->waiting || !d->searches)
		return 1;
	return d->had_copy && !searches(d->before) && !d->newer;
}

/*
 * "offen" ends nothing: that is a payment that did not arrive yet. Somebody in
 * therapy whom a therapist of ours had accepted is the success that was waited
 * for; a paused search was none.
 */
int
psm__search_ends_as(const char *patient_status, int search_status, int accepted,
                    const char **reason)
{
	*reason = NULL;
	if (search_status != PSM_SEARCH_AKTIV &&
	    search_status != PSM_SEARCH_PAUSIERT)
		return -1;
	if (is(patient_status, "Suche_abgebrochen")) {
		*reason = "the patient ended the search";
		return PSM_SEARCH_ABGEBROCHEN;
	}
	if (!is(patient_status, "in_Therapie") &&
	    !is(patient_status, "Therapie_abgeschlossen") &&
	    !is(patient_status, "Therapie_abgebrochen"))
		return -1;
	*reason = "the patient is in therapy";
	return accepted && search_status == PSM_SEARCH_AKTIV
	           ? PSM_SEARCH_ERFOLGREICH
	           : PSM_SEARCH_ABGEBROCHEN;
}
