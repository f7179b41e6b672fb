/* SPDX-License-Identifier: BSD-2-Clause */
/* The active searches of an area, and what keeps a therapist from being asked
 * for them. */
#ifndef PSM_CANDIDATES_INT_H
#define PSM_CANDIDATES_INT_H

#include "app/fit_pair.h"

/* What follows EXISTS (SELECT FROM: an inquiry to a therapist that was not
 * sent, or whose answer is waited for since a time. */
#define PSM__PENDING(therapist, since)                                            \
	"matching_service.therapeutenanfrage o WHERE o.therapist_id = " therapist \
	" AND o.antwort_datum IS NULL AND o.storniert_datum IS "                  \
	"NULL AND (o.gesendet_datum IS NULL OR o.gesendet_datum >= " since ")"

/* The same: an inquiry to a therapist that has the patient, by whichever search,
 * and has no answer. */
#define PSM__ASKED(therapist, patient)                                         \
	"matching_service.therapeut_anfrage_patient m "                        \
	"JOIN matching_service.therapeutenanfrage o "                          \
	"ON o.id = m.therapeutenanfrage_id WHERE m.patient_id = " patient      \
	" AND o.therapist_id = " therapist                                     \
	" AND o.antwort_datum IS NULL AND o.storniert_datum IS NULL"
/* All of these patients, as an array that is made once for a statement: beside
 * each search of an area the planner, when its statistics are old, reads both
 * tables. OFFSET 0: first the therapist's few inquiries. */
#define PSM__ASKED_PATIENTS(therapist)                                         \
	"(ARRAY(SELECT m.patient_id FROM (SELECT o.id FROM "                   \
	"matching_service.therapeutenanfrage o WHERE o.therapist_id "          \
	"= " therapist " AND o.antwort_datum IS NULL "                         \
	"AND o.storniert_datum IS NULL OFFSET 0) o, LATERAL (SELECT "          \
	"m.patient_id FROM matching_service.therapeut_anfrage_patient m "      \
	"WHERE m.therapeutenanfrage_id = o.id AND m.patient_id IS NOT NULL "   \
	"OFFSET 0) m))"

/* The first text behind all postal codes of an area; PSM_ERR_SCHEMA with the
 * pointer "/plz_prefix": prefix is not as many digits as terms wants. */
int psm__area_end(const struct psm__fit_terms *terms, const char *prefix,
                  char end[8], psm_error *err);

/* Reasons of the therapist alone, as bits: status, cooling, pending. */
int psm__therapist_state(psm_tx *tx, const struct psm__fit_terms *terms,
                         const struct psm__row *therapist, unsigned *reasons,
                         psm_error *err);

/* -- selection.c: $1 prefix, $2 today, $3 terms->pending_since, $4 what
 * psm__area_end() gives */
extern const char psm__selection_sql[];

/* -- candidates.c */

/* An active search of an area. */
struct psm__candidate {
	int64_t search_id, patient_id;
	const char *created_at; /* borrowed for the call */
	double km;              /* below 0: nobody knows */
	struct psm__fit_result result;
};
/* The oldest search first; 0: go on, 1: it is enough. */
typedef int psm__candidate_fn(const struct psm__candidate *c, void *user);
/* Tell of each active search of an area how it fits the therapist's copy. */
int psm__candidates_each(psm_tx *tx, const struct psm__fit_terms *terms,
                         const struct psm__row *therapist, const char *prefix,
                         psm__candidate_fn *tell, void *user, psm_error *err);
/* The statement that it pages with, new (psm__free); NULL: no memory. $1
 * prefix, $2 time and $3 number of the last search, $4 count, $5 therapist. */
char *psm__candidates_sql(const struct psm__fit_terms *terms);

#endif
