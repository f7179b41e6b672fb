/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/platform.h"

#include <string.h>

static const struct platform_group matching_groups[] = {
    {"matching-service-therapist", "therapist-events", psm_matching_handlers},
    {"matching-service-patient", "patient-events", psm_matching_handlers},
    {"matching-service-communication", "communication-events",
     psm_matching_handlers},
    {NULL, NULL, NULL}};

static const platform_jobs_fn matching_jobs[] = {psm_follow_up_daily, NULL};

/* One row per service. */
const struct platform_service psm__platform_services[] = {
    {.name = "therapist-service",
     .area = "therapist",
     .port = "THERAPIST_SERVICE_INTERNAL_PORT",
     .commands = psm__platform_therapist},
    {.name = "matching-service",
     .area = "matching",
     .port = "MATCHING_SERVICE_INTERNAL_PORT",
     .groups = matching_groups,
     .jobs = matching_jobs,
     .commands = psm__platform_matching,
     .migrated = psm__platform_closed},
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
