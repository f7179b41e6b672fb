/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain/fit.h"

#include <stdlib.h>
#include <string.h>

#include "domain/domain.h"

static const struct {
	const char *name, *text;
} reasons[PSM__FIT_REASONS] = {
    [PSM__FIT_DISTANCE] = {"distance",
                           "the way is longer than the patient accepts"},
    [PSM__FIT_EXCLUDED] = {"excluded", "the search excludes the therapist"},
    [PSM__FIT_THERAPIST_GENDER] = {"therapist_gender",
                                   "the patient wants a therapist of another "
                                   "gender"},
    [PSM__FIT_PROCEDURE] = {"procedure", "the patient wants another procedure"},
    [PSM__FIT_NO_BIRTH_DATE] = {"no_birth_date",
                                "the therapist has a limit of age, and the "
                                "patient's date of birth is not known"},
    [PSM__FIT_TOO_YOUNG] = {"too_young",
                            "the patient is younger than the therapist wants"},
    [PSM__FIT_TOO_OLD] = {"too_old",
                          "the patient is older than the therapist wants"},
    [PSM__FIT_PATIENT_GENDER] = {"patient_gender",
                                 "the therapist wants patients of another "
                                 "gender"},
    [PSM__FIT_GROUP] = {"group_therapy",
                        "the therapist wants patients who are open for group "
                        "therapy"},
    [PSM__FIT_AREA] = {"area", "the patient lives in another postal area"},
    [PSM__FIT_SEARCH_STATUS] = {"search_status", "the search is not active"},
    [PSM__FIT_PATIENT_UNKNOWN] = {"patient_unknown",
                                  "nothing is known of the patient"},
    [PSM__FIT_IN_INQUIRY] = {"in_inquiry",
                             "the patient is in an inquiry to the therapist "
                             "that is not answered yet"},
    [PSM__FIT_THERAPIST_UNKNOWN] = {"therapist_unknown",
                                    "nothing is known of the therapist"},
    [PSM__FIT_THERAPIST_STATUS] = {"therapist_status",
                                   "the therapist is blocked or not active"},
    [PSM__FIT_COOLING] = {"cooling", "the therapist may not be contacted yet"},
    [PSM__FIT_PENDING] = {"pending",
                          "the therapist has an inquiry that is not answered "
                          "yet"},
    [PSM__FIT_THERAPIST_AREA] = {"therapist_area",
                                 "the therapist practises in another postal "
                                 "area"},
};

static const struct {
	const char *name, *text;
} doubts[PSM__FIT_DOUBTS] = {
    [PSM__FIT_NO_DISTANCE] = {"distance", "the distance is not known"},
    [PSM__FIT_ODD_MAX_KM] = {"max_km",
                             "max_km of the patient is no number of km, the "
                             "default counts"},
    [PSM__FIT_ODD_PREFERENCE] = {"patient_gender",
                                 "the gender that the therapist wants is no "
                                 "known word"},
};

const char *
psm__fit_reason_name(int reason)
{
	return reason >= 0 && reason < PSM__FIT_REASONS ? reasons[reason].name
	                                                : NULL;
}

const char *
psm__fit_reason_text(int reason)
{
	return reason >= 0 && reason < PSM__FIT_REASONS ? reasons[reason].text
	                                                : NULL;
}

const char *
psm__fit_doubt_name(int doubt)
{
	return doubt >= 0 && doubt < PSM__FIT_DOUBTS ? doubts[doubt].name
	                                             : NULL;
}

const char *
psm__fit_doubt_text(int doubt)
{
	return doubt >= 0 && doubt < PSM__FIT_DOUBTS ? doubts[doubt].text
	                                             : NULL;
}

/* -- the constraints */

#define FAILS(reason) (1u << (reason))

static int
is_excluded(const struct psm__fit_patient *p, int32_t id)
{
	uint32_t low = 0, high = p->excluded_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (p->excluded[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < p->excluded_count && p->excluded[low] == id;
}

/* Full years: whoever was born on 29 February has the birthday on 1 March of
 * other years. A day to come is no date of birth. */
static unsigned
age_fails(const struct psm__fit_patient *p, const struct psm__fit_therapist *t,
          int32_t today)
{
	int32_t age = (today - p->birth) / 10000;
	unsigned failed = 0;

	if (t->age_min < 1 && t->age_max < 1)
		return 0;
	if (p->birth <= 0 || p->birth > today)
		return FAILS(PSM__FIT_NO_BIRTH_DATE);
	if (t->age_min >= 1 && age < t->age_min)
		failed |= FAILS(PSM__FIT_TOO_YOUNG);
	if (t->age_max >= 1 && age > t->age_max)
		failed |= FAILS(PSM__FIT_TOO_OLD);
	return failed;
}

static int
wants_other_gender(int wanted, int gender)
{
	return wanted != PSM__GENDER_NONE && wanted != gender;
}

static int
wants_other_procedure(int wanted, int offered)
{
	if (wanted == PSM__PROCEDURE_NONE || wanted == PSM__PROCEDURE_BOTH)
		return 0;
	if (wanted == PSM__PROCEDURE_ODD)
		return 1;
	return offered != PSM__PROCEDURE_BOTH && offered != wanted;
}

int
psm__fit(const struct psm__fit_patient *p, const struct psm__fit_therapist *t,
         double distance_km, int32_t today, struct psm__fit_result *out)
{
	unsigned failed = age_fails(p, t, today);

	out->doubts = p->odd_max_km ? FAILS(PSM__FIT_ODD_MAX_KM) : 0;
	if (t->wants_gender == PSM__GENDER_ODD)
		out->doubts |= FAILS(PSM__FIT_ODD_PREFERENCE);
	if (!(distance_km >= 0)) /* not a number is none, too */
		out->doubts |= FAILS(PSM__FIT_NO_DISTANCE);
	else if (distance_km > p->max_km)
		failed |= FAILS(PSM__FIT_DISTANCE);
	if (p->excluded_count > 0 && is_excluded(p, t->id))
		failed |= FAILS(PSM__FIT_EXCLUDED);
	if (wants_other_gender(p->wants_gender, t->gender))
		failed |= FAILS(PSM__FIT_THERAPIST_GENDER);
	if (wants_other_procedure(p->procedure, t->procedure))
		failed |= FAILS(PSM__FIT_PROCEDURE);
	if (wants_other_gender(t->wants_gender, p->gender))
		failed |= FAILS(PSM__FIT_PATIENT_GENDER);
	if (t->group && !p->group)
		failed |= FAILS(PSM__FIT_GROUP);
	out->failed = failed;
	return failed == 0;
}

/* -- plain values */

int32_t
psm__fit_day(const char *text)
{
	int32_t n = 0;

	if (text == NULL || !psm__is_date(text))
		return 0;
	for (; *text != '\0'; text++) {
		if (*text != '-')
			n = n * 10 + (*text - '0');
	}
	return n;
}

int
psm__fit_gender(const char *text)
{
	static const unsigned char genders[] = {
	    PSM__GENDER_MALE, PSM__GENDER_FEMALE, PSM__GENDER_DIVERSE,
	    PSM__GENDER_UNSTATED};
	int i = psm__word_index(psm__words_geschlecht, text);

	return i < 0 ? PSM__GENDER_NONE : genders[i];
}

/* The text is one of these words, or another. */
static int
wanted(const char *folded)
{
	static const struct {
		const char *word; /* as psm__text_fold() makes it */
		int gender;
	} known[] = {
	    {"", PSM__GENDER_NONE},
	    {"egal", PSM__GENDER_NONE},
	    {"m\xc3\xa4nnlich", PSM__GENDER_MALE},
	    {"weiblich", PSM__GENDER_FEMALE},
	    {"divers", PSM__GENDER_DIVERSE},
	    {"keine_angabe", PSM__GENDER_UNSTATED},
	};

	for (size_t i = 0; i < PSM__COUNT(known); i++) {
		if (strcmp(folded, known[i].word) == 0)
			return known[i].gender;
	}
	return PSM__GENDER_ODD;
}

int
psm__fit_wanted_gender(const char *text)
{
	char *folded;
	int gender;

	if (text == NULL || strcmp(text, "Egal") == 0)
		return PSM__GENDER_NONE;
	folded = psm__text_fold(text);
	/* Without memory for it: as it is written. */
	gender = wanted(folded != NULL ? folded : text);
	psm__free(folded);
	return gender;
}

int
psm__fit_procedure(const char *text)
{
	static const unsigned char procedures[] = {PSM__PROCEDURE_BOTH,
	                                           PSM__PROCEDURE_BEHAVIOUR,
	                                           PSM__PROCEDURE_DEPTH};
	int i;

	if (psm__text_is_blank(text))
		return PSM__PROCEDURE_NONE;
	i = psm__word_index(psm__words_therapieverfahren, text);
	return i < 0 ? PSM__PROCEDURE_ODD : procedures[i];
}

static int
is_null(const psm_json *v)
{
	return v == NULL || psm_json_kind(v) == PSM_JSON_NULL;
}

double
psm__fit_max_km(const char *json, double default_km, int *odd)
{
	const psm_json *v = NULL;
	psm_json *doc = NULL;
	double km = default_km;

	*odd = 0;
	if (json == NULL)
		return km;
	if (psm_json_parse(json, strlen(json), &doc, NULL) < 0) {
		*odd = 1;
		return km;
	}
	if (psm_json_kind(doc) == PSM_JSON_OBJECT)
		v = psm__json_member(doc, "max_km");
	else if (!is_null(doc))
		*odd = 1;
	if (!is_null(v) &&
	    (psm_json_get_double(v, &km, NULL) < 0 || !(km >= 0))) {
		*odd = 1;
		km = default_km;
	}
	psm_json_free(doc);
	return km;
}

static int
by_number(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* Sort count numbers; how many are different. */
static uint32_t
sort_once(int32_t *ids, uint32_t count)
{
	uint32_t kept = 0;

	qsort(ids, count, sizeof(*ids), by_number);
	for (uint32_t i = 0; i < count; i++) {
		if (kept == 0 || ids[kept - 1] != ids[i])
			ids[kept++] = ids[i];
	}
	return kept;
}

static uint32_t
take_excluded(const psm_json *list, int32_t *ids)
{
	uint32_t count = 0;
	int64_t id;

	for (size_t i = 0; i < psm_json_count(list); i++) {
		id = psm__excluded_id(psm_json_item(list, i));
		if (id >= 1 && id <= INT32_MAX)
			ids[count++] = (int32_t)id;
	}
	return sort_once(ids, count);
}

int
psm__fit_excluded(const char *json, int32_t **out, uint32_t *count,
                  psm_error *err)
{
	psm_json *doc = NULL;
	int rc = 0;

	*out = NULL;
	*count = 0;
	if (json == NULL || strcmp(json, "[]") == 0)
		return 0;
	if (psm_json_parse(json, strlen(json), &doc, NULL) < 0)
		return 0; /* no list of anybody */
	if (psm_json_kind(doc) == PSM_JSON_ARRAY && psm_json_count(doc) > 0) {
		*out = psm__array(psm_json_count(doc), sizeof(**out));
		if (*out != NULL)
			*count = take_excluded(doc, *out);
		else
			rc = psm__nomem(err);
	}
	psm_json_free(doc);
	return rc;
}

/* -- whole rows */

static int
is_true(const struct psm__row *r, int column)
{
	const char *text = psm__row_get(r, column);

	return text != NULL && text[0] == 't';
}

int
psm__fit_patient_row(const struct psm__row *r, const char *exclusions,
                     double default_km, struct psm__fit_patient *out,
                     int32_t **excluded, psm_error *err)
{
	int odd, rc;

	memset(out, 0, sizeof(*out));
	out->max_km = psm__fit_max_km(
	    psm__row_get(r, PSM__PATIENT_RAEUMLICHE_VERFUEGBARKEIT), default_km,
	    &odd);
	out->odd_max_km = (unsigned char)odd;
	out->birth = psm__fit_day(psm__row_get(r, PSM__PATIENT_GEBURTSDATUM));
	out->gender = (unsigned char)psm__fit_gender(
	    psm__row_get(r, PSM__PATIENT_GESCHLECHT));
	out->wants_gender = (unsigned char)psm__fit_wanted_gender(
	    psm__row_get(r, PSM__PATIENT_BEVORZUGTES_THERAPEUTENGESCHLECHT));
	out->procedure = (unsigned char)psm__fit_procedure(
	    psm__row_get(r, PSM__PATIENT_BEVORZUGTES_THERAPIEVERFAHREN));
	out->group =
	    (unsigned char)is_true(r, PSM__PATIENT_OFFEN_FUER_GRUPPENTHERAPIE);
	rc = psm__fit_excluded(exclusions, excluded, &out->excluded_count, err);
	out->excluded = *excluded;
	return rc;
}

static int32_t
limit_of(const struct psm__row *r, int column)
{
	int64_t n = psm__row_int(r, column);

	return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : (int32_t)n;
}

void
psm__fit_therapist_row(const struct psm__row *r, struct psm__fit_therapist *out)
{
	memset(out, 0, sizeof(*out));
	out->id = (int32_t)psm__row_int(r, PSM__COLUMN_ID);
	out->age_min = limit_of(r, PSM__THERAPIST_ALTER_MIN);
	out->age_max = limit_of(r, PSM__THERAPIST_ALTER_MAX);
	out->gender = (unsigned char)psm__fit_gender(
	    psm__row_get(r, PSM__THERAPIST_GESCHLECHT));
	out->wants_gender = (unsigned char)psm__fit_wanted_gender(
	    psm__row_get(r, PSM__THERAPIST_GESCHLECHTSPRAEFERENZ));
	out->procedure = (unsigned char)psm__fit_procedure(
	    psm__row_get(r, PSM__THERAPIST_PSYCHOTHERAPIEVERFAHREN));
	out->group =
	    (unsigned char)is_true(r, PSM__THERAPIST_BEVORZUGT_GRUPPENTHERAPIE);
}
