/* SPDX-License-Identifier: BSD-2-Clause */
/* The pure rules of patients. */
#ifndef PSM_DOMAIN_PATIENT_INT_H
#define PSM_DOMAIN_PATIENT_INT_H

#include "domain/domain.h"

/* -- patient_gaps.c */

#define PSM__PATIENT_GAPS_MAX 8
/*
 * What a patient's data lack before a search can be opened: columns, in the
 * order in which they are to be told. Status, payment, contracts and address
 * are not asked for, and an empty list of symptoms is one. patient may be the
 * matching service's copy.
 *
 * The count of gaps, 0: a search may be opened; or PSM_ERR_NOMEM.
 */
int psm__patient_search_gaps(const struct psm__row *patient,
                             int gaps[PSM__PATIENT_GAPS_MAX], psm_error *err);

#endif
