/* SPDX-License-Identifier: BSD-2-Clause */
/* What cascades share: one event, and the rows that it means something to. */
#ifndef PSM_MATCHING_CASCADE_INT_H
#define PSM_MATCHING_CASCADE_INT_H

#include "app/app.h"
#include "app/repository.h"

#define INQUIRY "matching_service.therapeutenanfrage"
#define MEMBER "matching_service.therapeut_anfrage_patient"
#define SEARCH "matching_service.platzsuche"

/* What all steps of one cascade need. */
struct psm__cascade {
	psm_tx *tx;
	int64_t id; /* the therapist or the patient */
	struct psm__number id_text;
	int64_t time_us; /* of the event: a replay writes the same times */
	char time[32];
	const char *reason;
	const char *exclusion; /* the reason in a list of excluded ones */
	psm_error *err;
};

int psm__cascade_init(struct psm__cascade *c, psm_tx *tx, const psm_event *ev,
                      const char *id_field, psm_error *err);
/* Do something with each row that a statement finds for the one it is about. */
int psm__cascade_each(const struct psm__cascade *c, const char *sql,
                      int (*step)(const struct psm__cascade *c,
                                  const psm_rows *rows, size_t i));
/* Write a locked row, with its next version. */
int psm__cascade_save(const struct psm__cascade *c, struct psm__row *row);

#endif
