/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a search and a therapist fit: the hard constraints, on plain values.
 * Every constraint is looked at, so that the answer names all that failed.
 */
#ifndef PSM_FIT_INT_H
#define PSM_FIT_INT_H

#include <stddef.h>
#include <stdint.h>

#include "entity/entity.h"

/*
 * Why a search is not in an inquiry to a therapist; reason r is bit 1u << r of
 * a set. psm__fit() finds those up to PSM__FIT_GROUP; the others are about the
 * state of rows, which callers know.
 */
enum psm__fit_reason {
	PSM__FIT_DISTANCE,
	PSM__FIT_EXCLUDED,
	PSM__FIT_THERAPIST_GENDER, /* that the patient wants */
	PSM__FIT_PROCEDURE,
	PSM__FIT_NO_BIRTH_DATE, /* and the therapist has a limit of age */
	PSM__FIT_TOO_YOUNG,
	PSM__FIT_TOO_OLD,
	PSM__FIT_PATIENT_GENDER, /* that the therapist wants */
	PSM__FIT_GROUP,
	PSM__FIT_CONSTRAINTS, /* their count */
	PSM__FIT_AREA = PSM__FIT_CONSTRAINTS,
	PSM__FIT_SEARCH_STATUS,
	PSM__FIT_PATIENT_UNKNOWN,
	PSM__FIT_IN_INQUIRY,
	PSM__FIT_THERAPIST_UNKNOWN,
	PSM__FIT_THERAPIST_STATUS,
	PSM__FIT_COOLING,
	PSM__FIT_PENDING,
	PSM__FIT_THERAPIST_AREA,
	PSM__FIT_REASONS /* count of all */
};

/* What could not be told, as bits: nothing of it makes a pair fail, except that
 * an unreadable wish equals no gender. */
enum psm__fit_doubt {
	PSM__FIT_NO_DISTANCE,    /* of the pair; it passes */
	PSM__FIT_ODD_MAX_KM,     /* not a number of km: the default counts */
	PSM__FIT_ODD_PREFERENCE, /* the therapist's wish is no known word */
	PSM__FIT_DOUBTS          /* their count */
};

/* "too_young", "the patient is younger than the therapist's least age"; NULL
 * for another number. Borrowed for ever. */
const char *psm__fit_reason_name(int reason);
const char *psm__fit_reason_text(int reason);
const char *psm__fit_doubt_name(int doubt);
const char *psm__fit_doubt_text(int doubt);

/* A gender, or the one that is wanted. */
enum psm__gender {
	PSM__GENDER_NONE, /* of a person: unknown; wanted: any */
	PSM__GENDER_MALE,
	PSM__GENDER_FEMALE,
	PSM__GENDER_DIVERSE,
	PSM__GENDER_UNSTATED,
	PSM__GENDER_ODD /* a word of no list: equals nothing */
};
enum psm__procedure {
	PSM__PROCEDURE_NONE, /* of a therapist: unknown */
	PSM__PROCEDURE_BOTH, /* egal: wanted: any */
	PSM__PROCEDURE_BEHAVIOUR,
	PSM__PROCEDURE_DEPTH,
	PSM__PROCEDURE_ODD
};

/* The search with its patient. All zero: no wish, no limit but max_km. */
struct psm__fit_patient {
	double max_km;           /* psm__fit_max_km(); 0 is a limit, too */
	const int32_t *excluded; /* therapists, ascending; borrowed */
	uint32_t excluded_count;
	int32_t birth;        /* psm__fit_day(), 0: unknown */
	unsigned char gender; /* enum psm__gender */
	unsigned char wants_gender;
	unsigned char procedure; /* enum psm__procedure */
	unsigned char group;     /* 1: would take part in a group */
	unsigned char odd_max_km;
};
struct psm__fit_therapist {
	int32_t id;
	int32_t age_min, age_max; /* full years, inclusive; below 1: none */
	unsigned char gender;     /* enum psm__gender */
	unsigned char wants_gender;
	unsigned char procedure; /* enum psm__procedure */
	unsigned char group;     /* 1: takes patients for groups only */
};
struct psm__fit_result {
	unsigned failed; /* bits of enum psm__fit_reason */
	unsigned doubts; /* bits of enum psm__fit_doubt */
};
/*
 * distance_km: of the pair; below 0 or not a number: unknown. today:
 * psm__fit_day() of the day in Berlin. 1: fits, which is out->failed == 0.
 */
int psm__fit(const struct psm__fit_patient *p,
             const struct psm__fit_therapist *t, double distance_km,
             int32_t today, struct psm__fit_result *out);

/* -- plain values from those of columns; NULL is null */

/* "2026-02-28" as 20260228; 0: no such day. Days compare as numbers. */
int32_t psm__fit_day(const char *text);
/* Of a person: the word as it is in the list. */
int psm__fit_gender(const char *text);
/* Wanted by somebody: upper and lower case do not count, and blanks around. */
int psm__fit_wanted_gender(const char *text);
int psm__fit_procedure(const char *text);
/*
 * The limit of raeumliche_verfuegbarkeit, a JSON text; NULL, null and an object
 * without max_km, or with null, mean default_km. *odd: 1: there is one that is
 * no number of km from 0 on, and default_km counts.
 */
double psm__fit_max_km(const char *json, double default_km, int *odd);
/* The therapists of an exclusion list, a JSON text, ascending and once each;
 * *out is new (psm__free), NULL if there are none. What is neither a number nor
 * an object with one is left out. 0 or PSM_ERR_NOMEM. */
int psm__fit_excluded(const char *json, int32_t **out, uint32_t *count,
                      psm_error *err);

/* The same from whole rows. excluded: the search's list, psm__free it. */
int psm__fit_patient_row(const struct psm__row *patient, const char *exclusions,
                         double default_km, struct psm__fit_patient *out,
                         int32_t **excluded, psm_error *err);
void psm__fit_therapist_row(const struct psm__row *therapist,
                            struct psm__fit_therapist *out);

#endif
