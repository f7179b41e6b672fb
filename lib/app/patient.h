/* SPDX-License-Identifier: BSD-2-Clause */
/* Patients, within a transaction of the caller. */
#ifndef PSM_APP_PATIENT_INT_H
#define PSM_APP_PATIENT_INT_H

#include <psymatch/store.h>

/* There was a contact on a day, "YYYY-MM-DD". 1: letzter_kontakt is that day
 * now, 0: it was that day or later; PSM_ERR_NOT_FOUND. */
int psm__patient_contact_on(psm_tx *tx, int64_t id, const char *day,
                            psm_error *err);

#endif
