/* SPDX-License-Identifier: BSD-2-Clause */
#include "rest/rest.h"

static const char *const block_and_unblock[] = {"block", "unblock", NULL};

/* One row per resource. */
const struct rest_resource psm__rest_resources[] = {
    {"therapist", "/api/therapists", "therapist", "Therapist", REST_ALL,
     psm_therapist_get, block_and_unblock, "therapist_id"},
    {"patient", "/api/patients", "patient", "Patient", REST_ALL,
     psm_patient_get, NULL, "patient_id"},
    {"communication", "/api/emails", "email", "Email",
     REST_GET | REST_PUT | REST_PATCH, psm_mail_get, NULL, NULL},
    {"communication", "/api/phone-calls", "phone_call", "PhoneCall", 0, NULL,
     NULL, NULL},
    {NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL},
};

/* One row per service, and those of all. */
const struct rest_area psm__rest_areas[] = {
    {"patient", psm__rest_patient, NULL},
    {"therapist", psm__rest_therapist, psm__rest_import},
    {"matching", psm__rest_searches, NULL},
    {"matching", psm__rest_inquiries, psm__rest_set_up_mailer},
    {"matching", psm__rest_answers, NULL},
    {"communication", psm__rest_communication, psm__rest_set_up_mailer},
    {"geocoding", psm__rest_geocoding, psm__rest_set_up_geocoding},
    {"*", psm__rest_admin, NULL},
    {"patient", psm__rest_import_errors, NULL},
    {NULL, NULL, NULL},
};
