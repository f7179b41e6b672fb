/* SPDX-License-Identifier: BSD-2-Clause */
/* The import of patients: what its files share. */
#ifndef PSM_PATIENT_IMPORT_INT_H
#define PSM_PATIENT_IMPORT_INT_H

#include "app/object.h"

#define PSM__PATIENT_FILE_MAX ((size_t)1024 * 1024)

/* -- patient_import_fault.c */

/* Keep that this content of an object cannot be imported. 1: it was not known
 * yet, 0: it was, or an error. */
int psm__patient_fault_remember(psm_store *store, const char *name,
                                const char *hash, const psm_error *why,
                                psm_error *err);

#endif
