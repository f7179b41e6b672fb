/* SPDX-License-Identifier: BSD-2-Clause */
#include <psymatch/matching_jobs.h>
#include <psymatch/scraping.h>

#include "platform/platform.h"

#include <string.h>

static const struct platform_group patient_groups[] = {
    {"patient-service-comm", "communication-events", psm_patient_handlers},
    {"patient-service-matching", "matching-events", psm_patient_handlers},
    {"patient-service-therapist", "therapist-events", psm_patient_handlers},
    {NULL, NULL, NULL}};

static const struct platform_group therapist_groups[] = {
    {"therapist-service-patient", "patient-events", psm_therapist_handlers},
    {"therapist-service-matching", "matching-events", psm_therapist_handlers},
    {"therapist-service-communication", "communication-events",
     psm_therapist_handlers},
    {"therapist-service-scraping", "scraping-requests", psm_therapist_handlers},
    {NULL, NULL, NULL}};

static const struct platform_group matching_groups[] = {
    {"matching-service-geocoding", "geocoding-events", psm_matching_handlers},
    {"matching-service-therapist", "therapist-events", psm_matching_handlers},
    {"matching-service-patient", "patient-events", psm_matching_handlers},
    {"matching-service-communication", "communication-events",
     psm_matching_handlers},
    {NULL, NULL, NULL}};

static const struct platform_group communication_groups[] = {
    {"communication-service-therapist", "therapist-events",
     psm_communication_handlers},
    {"communication-service-commands", "email-commands",
     psm_communication_handlers},
    {"communication-service-communication", "communication-events",
     psm_communication_handlers},
    {NULL, NULL, NULL}};

static const platform_jobs_fn therapist_jobs[] = {psm_scraping_jobs, NULL};
static const platform_jobs_fn matching_jobs[] = {psm_follow_up_daily,
                                                 psm_matching_jobs, NULL};

/* One row per service, in the order in which they start. */
const struct platform_service psm__platform_services[] = {
    {.name = "patient-service",
     .area = "patient",
     .port = "PATIENT_SERVICE_INTERNAL_PORT",
     .groups = patient_groups,
     .work = psm__platform_patient_work,
     .commands = psm__platform_patient},
    {.name = "therapist-service",
     .area = "therapist",
     .port = "THERAPIST_SERVICE_INTERNAL_PORT",
     .groups = therapist_groups,
     .jobs = therapist_jobs,
     .commands = psm__platform_therapist},
    {.name = "matching-service",
     .area = "matching",
     .port = "MATCHING_SERVICE_INTERNAL_PORT",
     .groups = matching_groups,
     .jobs = matching_jobs,
     .commands = psm__platform_matching,
     .migrated = psm__platform_closed},
    {.name = "communication-service",
     .area = "communication",
     .port = "COMMUNICATION_SERVICE_INTERNAL_PORT",
     .groups = communication_groups,
     .work = psm__platform_mail_work},
    {.name = "geocoding-service",
     .area = "geocoding",
     .port = "GEOCODING_SERVICE_INTERNAL_PORT",
     .work = psm__platform_geo_work,
     .commands = psm__platform_geocoding},
    {.name = NULL},
};

const struct platform_service *
psm__platform_service(const char *name)
{
	const struct platform_service *s = psm__platform_services;

	while (s->name && strcmp(s->name, name) != 0)
		s++;
	return s->name ? s : NULL;
}

const char *
psm_platform_service_at(size_t i)
{
	const struct platform_service *s = psm__platform_services;

	while (s->name && i > 0) {
		s++;
		i--;
	}
	return s->name;
}
