/* SPDX-License-Identifier: BSD-2-Clause */
/* The fit of a search and a therapist as they are stored: the service's copies,
 * settings, the day, and how far it is. */
#ifndef PSM_FIT_PAIR_INT_H
#define PSM_FIT_PAIR_INT_H

#include <psymatch/store.h>

#include "domain/fit.h"

#define PSM__CENTROIDS "geocoding_service.plz_centroids"

/* What is the same for all pairs of one transaction. */
struct psm__fit_terms {
	int digits; /* of a postal area */
	double default_km;
	int32_t today;
	char day[11];  /* the same as text */
	int centroids; /* 1: this database has centroids of postal codes */
	/* An inquiry that was sent before does not wait any more; a timestamp. */
	char pending_since[32];
};
int psm__fit_terms(psm_tx *tx, struct psm__fit_terms *out, psm_error *err);

/* The row of a copy: those of its columns that the copy has. lock: FOR UPDATE.
 * 1: read; 0: nobody, or deleted; then row is all zero. */
int psm__copy_read(psm_tx *tx, const struct psm_entity *e, int64_t id, int lock,
                   struct psm__row *row, psm_error *err);

/* Between two postal codes, by their centroids; below 0: nobody knows. */
int psm__fit_km(psm_tx *tx, const struct psm__fit_terms *terms,
                const char *from, const char *to, double *km, psm_error *err);
/* 1: both are known, and are of the same area. */
int psm__fit_same_area(const struct psm__fit_terms *terms, const char *a,
                       const char *b);
/* The constraints and the area of a patient's and a therapist's copy.
 * exclusions: of the search. *km may be NULL. */
int psm__fit_rows(psm_tx *tx, const struct psm__fit_terms *terms,
                  const char *exclusions, const struct psm__row *patient,
                  const struct psm__row *therapist, struct psm__fit_result *out,
                  double *km, psm_error *err);

/* {"failed": [{"reason": name, "text": text}], ..}: the arrays of a result. */
void psm__fit_write(psm_json_writer *w, const struct psm__fit_result *r);

/* "does not fit any more: the way is longer than the patient accepts" */
void psm__fit_put_failed(struct psm__buf *b, const struct psm__fit_result *r);

/* Add one to the counts of the bits that are set. */
void psm__fit_count(unsigned bits, int64_t *counts, int count);
/* key: {"distance": 3, ..}: those that there are. */
void psm__fit_write_counts(psm_json_writer *w, const char *key,
                           const int64_t *counts, int count,
                           const char *(*name)(int));

#endif
