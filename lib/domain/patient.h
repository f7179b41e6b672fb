/* SPDX-License-Identifier: BSD-2-Clause */
/* The pure rules of patients. */
#ifndef PSM_DOMAIN_PATIENT_INT_H
#define PSM_DOMAIN_PATIENT_INT_H

#include "domain/domain.h"

/* -- patient.c: decisions, see psm__decide_fn */

/*
 * The wish is a struct psm__wish. Whoever has paid and signed the contracts
 * starts: startdatum is today, once and for good, and "offen" becomes
 * "auf_der_Suche". A change publishes patient.updated, and then
 * patient.status_changed if the status moved; both publish
 * patient.therapist_excluded for each therapist who is new on the list.
 */
psm__decide_fn psm__patient_make, psm__patient_patch;

/* What an import file says of a patient. */
struct psm__patient_record {
	const psm_json *data;  /* the object of columns */
	const char *prefix;    /* its pointer in the file, "/patient_data" */
	const char *reference; /* zahlungsreferenz; NULL: none. It is never
	                        * taken from data. */
};
/* The wish is a struct psm__patient_record. The contracts are signed, the
 * payment has not come, the status is "offen", whatever data says. */
psm__decide_fn psm__patient_import;
/* The wish is a day, a text "YYYY-MM-DD": letzter_kontakt is never earlier. */
psm__decide_fn psm__patient_contact;

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
