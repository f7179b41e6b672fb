/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules across columns. A rule is asked only when one of its columns
 * changed: a row that is older than the rule can still be changed elsewhere.
 */
#include "entity/rules.h"

#include <string.h>

#include "entity/fault.h"

static int
is_touched(const struct psm__row *r, int a, int b)
{
	return r->modified[a] || r->modified[b];
}

/* What a day must not be: earlier than birth, later than today. Days compare as
 * texts. */
static int
check_day(const struct psm__row *r, int column, int may_come,
          const struct psm__now *now, const char *prefix, psm_error *err)
{
	const char *birth = psm__row_get(r, PSM__PATIENT_GEBURTSDATUM);
	const char *day = psm__row_get(r, column);

	if (day == NULL || !is_touched(r, PSM__PATIENT_GEBURTSDATUM, column))
		return 0;
	if (birth != NULL && strcmp(day, birth) < 0)
		return psm__row_fault(r, column, prefix, err,
		                      "want a day after geburtsdatum, found an "
		                      "earlier one");
	if (!may_come && now != NULL && r->modified[column] &&
	    strcmp(day, now->today) > 0)
		return psm__row_fault(r, column, prefix, err,
		                      "want a day up to today, found a later "
		                      "one");
	return 0;
}

/* A place in therapy may be known before its first day. */
int
psm__check_patient(const struct psm__row *r, const struct psm__now *now,
                   const char *prefix, psm_error *err)
{
	static const struct {
		int column, may_come;
	} days[] = {
	    {PSM__PATIENT_GEBURTSDATUM, 0},
	    {PSM__PATIENT_LETZTE_SITZUNG_VORHERIGE_PSYCHOTHERAPIE, 0},
	    {PSM__PATIENT_ERSTER_THERAPIEPLATZ_AM, 1},
	    {PSM__PATIENT_FUNKTIONIERENDER_THERAPIEPLATZ_AM, 1},
	};
	int rc = 0, one;

	for (size_t i = 0; i < PSM__COUNT(days); i++) {
		one = check_day(r, days[i].column, days[i].may_come, now,
		                prefix, err);
		rc = one < 0 ? one : rc;
	}
	return rc;
}

/* 0 and null: no limit. */
int
psm__check_therapist(const struct psm__row *r, const struct psm__now *now,
                     const char *prefix, psm_error *err)
{
	int64_t least = psm__row_int(r, PSM__THERAPIST_ALTER_MIN);
	int64_t most = psm__row_int(r, PSM__THERAPIST_ALTER_MAX);

	(void)now; /* no rule is about time */
	if (most > 0 && least > most &&
	    is_touched(r, PSM__THERAPIST_ALTER_MIN, PSM__THERAPIST_ALTER_MAX))
		return psm__row_fault(r, PSM__THERAPIST_ALTER_MAX, prefix, err,
		                      "want alter_min or more, found less");
	return 0;
}

_Static_assert((int)PSM__EMAIL_THERAPIST_ID ==
                       (int)PSM__PHONE_CALL_THERAPIST_ID &&
                   (int)PSM__EMAIL_PATIENT_ID ==
                       (int)PSM__PHONE_CALL_PATIENT_ID,
               "both have their recipient in the same columns");

int
psm__check_recipient(const struct psm__row *r, const struct psm__now *now,
                     const char *prefix, psm_error *err)
{
	const char *therapist = psm__row_get(r, PSM__EMAIL_THERAPIST_ID);
	const char *patient = psm__row_get(r, PSM__EMAIL_PATIENT_ID);

	(void)now; /* no rule is about time */
	if (therapist == NULL && patient == NULL)
		return psm__row_fault(
		    r, PSM__EMAIL_THERAPIST_ID, prefix, err,
		    "Either therapist_id or patient_id is required");
	if (therapist != NULL && patient != NULL)
		return psm__row_fault(
		    r, PSM__EMAIL_PATIENT_ID, prefix, err,
		    "Cannot specify both therapist_id and patient_id");
	return 0;
}

/* An older row may be without content: only who writes one is asked. */
int
psm__check_email(const struct psm__row *r, const struct psm__now *now,
                 const char *prefix, psm_error *err)
{
	const char *html = psm__row_get(r, PSM__EMAIL_INHALT_HTML);
	const char *text = psm__row_get(r, PSM__EMAIL_INHALT_TEXT);
	int rc = psm__check_recipient(r, now, prefix, err), fault = 0;

	if (psm__row_get(r, PSM__EMAIL_ID) == NULL &&
	    psm__text_is_blank(html) && psm__text_is_blank(text))
		fault = psm__row_fault(r, PSM__EMAIL_INHALT_TEXT, prefix, err,
		                       "want inhalt_markdown, inhalt_html or "
		                       "inhalt_text, found none");
	return rc < 0 ? rc : fault;
}
