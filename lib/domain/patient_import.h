/* SPDX-License-Identifier: BSD-2-Clause */
/* What a file of the patient import says. */
#ifndef PSM_PATIENT_IMPORT_DOMAIN_H
#define PSM_PATIENT_IMPORT_DOMAIN_H

#include "domain/patient.h"

/* The first characters of the registration token, in UTF-8. */
#define PSM__REFERENCE_CHARS 8

struct psm__patient_file {
	struct psm__patient_record record; /* for psm__patient_import */
	char *token;                       /* owned; NULL: there is none */
	char reference[4 * PSM__REFERENCE_CHARS + 1];
};
/*
 * Read {"patient_data": object, "registration_token": text or null}; doc lives
 * as long as out. 0, PSM_ERR_SCHEMA with the pointer of what is wrong, or
 * PSM_ERR_NOMEM. In any case psm__patient_file_free() follows.
 */
int psm__patient_file_read(const psm_json *doc, struct psm__patient_file *out,
                           psm_error *err);
void psm__patient_file_free(struct psm__patient_file *f);

#endif
