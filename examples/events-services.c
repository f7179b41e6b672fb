/* SPDX-License-Identifier: BSD-2-Clause */
/* The services whose handlers psymatch-events --lint looks for. */
#include "events.h"

const struct events_service events_services[] = {
    {"communication-service", psm_communication_type_at},
    {"geocoding-service", psm_geo_type_at},
    {"matching-service", psm_matching_type_at},
    {"patient-service", psm_patient_type_at},
    {"therapist-service", psm_therapist_type_at},
    {NULL, NULL},
};
