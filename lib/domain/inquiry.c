/* SPDX-License-Identifier: BSD-2-Clause */
/* What outcomes mean, and when a therapist may be asked again. */
#include "domain/inquiry.h"

#include <stdio.h>
#include <string.h>

/* Trial sessions are an acceptance, but the search goes on until it is clear
 * that they lead to a place. */
static const struct psm__outcome outcomes[] = {
    {"angenommen", "angenommen", PSM__ACCEPTED, 1, 0},
    {"abgelehnt_Kapazitaet", "abgelehnt", PSM__REJECTED, 0, 0},
    {"abgelehnt_nicht_geeignet", "abgelehnt", PSM__REJECTED, 0, 1},
    {"abgelehnt_sonstiges", "abgelehnt", PSM__REJECTED, 0, 0},
    {"nicht_erschienen", "keine_antwort", PSM__UNANSWERED, 0, 1},
    {"in_Sitzungen", "angenommen", PSM__ACCEPTED, 0, 0},
};

const struct psm__outcome *
psm__outcome_find(const char *text)
{
	for (size_t i = 0; text != NULL && i < PSM__COUNT(outcomes); i++) {
		if (strcmp(outcomes[i].word, text) == 0)
			return &outcomes[i];
	}
	return NULL;
}

const struct psm__outcome *
psm__outcome_at(size_t i)
{
	return i < PSM__COUNT(outcomes) ? &outcomes[i] : NULL;
}

const char *
psm__answer_type(const int64_t counts[PSM__COUNTED_KINDS])
{
	int64_t accepted = counts[PSM__ACCEPTED];
	int64_t size =
	    accepted + counts[PSM__REJECTED] + counts[PSM__UNANSWERED];

	if (accepted > 0)
		return accepted == size ? "vollstaendige_Annahme"
		                        : "teilweise_Annahme";
	return size > 0 && counts[PSM__REJECTED] == size
	           ? "vollstaendige_Ablehnung"
	           : "keine_Antwort";
}

/* A day of the form that the database writes. */
static int64_t
days_of(const char *day)
{
	int y = 1970, m = 1, d = 1;

	(void)sscanf(day, "%4d-%2d-%2d", &y, &m, &d);
	return psm__date_to_days(y, m, d);
}

int
psm__cooling_day(const char *current, const char *today, int weeks,
                 char out[11])
{
	int y, m, d;

	psm__date_from_days(days_of(today) + 7 * (int64_t)weeks, &y, &m, &d);
	(void)snprintf(out, 11, "%04u-%02u-%02u", (unsigned)y % 10000u,
	               (unsigned)m % 100u, (unsigned)d % 100u);
	/* Days compare as texts. */
	if (current == NULL || strcmp(current, out) < 0)
		return 1;
	(void)snprintf(out, 11, "%s", current);
	return 0;
}

int
psm__is_cooling(const char *day, const char *today)
{
	return day != NULL && strcmp(day, today) > 0;
}
