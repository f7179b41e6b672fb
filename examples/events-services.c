/* SPDX-License-Identifier: BSD-2-Clause */
/* The services whose handlers psymatch-events --lint looks for, and whose lag
 * watch tells. */
#include "events.h"

const struct events_service events_services[] = {
    {"communication-service", psm_communication_type_at},
    {"geocoding-service", psm_geo_type_at},
    {"matching-service", psm_matching_type_at},
    {"patient-service", psm_patient_type_at},
    {"therapist-service", psm_therapist_type_at},
    {NULL, NULL},
};

/* A service has one for each topic that it reads. */
const char *const events_groups[] = {
    "patient-service-comm",
    "patient-service-matching",
    "patient-service-therapist",
    "therapist-service-patient",
    "therapist-service-matching",
    "therapist-service-communication",
    "therapist-service-scraping",
    "matching-service-geocoding",
    "matching-service-therapist",
    "matching-service-patient",
    "matching-service-communication",
    "communication-service-therapist",
    "communication-service-commands",
    "communication-service-communication",
    "geocoding-service",
    NULL,
};
