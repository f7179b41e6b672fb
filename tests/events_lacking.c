/* SPDX-License-Identifier: BSD-2-Clause */
/* The services of psymatch-events --lint, wrong in each way that it has to
 * find. */
#include <string.h>

#include "examples/events.h"

/* match.created has lost its handler. */
static const char *
lacking(size_t i)
{
	const char *type;
	size_t k;

	for (k = 0; (type = psm_patient_type_at(k)) != NULL; k++)
		if (strcmp(type, "match.created") != 0 && i-- == 0)
			return type;
	return NULL;
}

/* match.created, which it does not read, behind its own. */
static const char *
too_many(size_t i)
{
	const char *type = psm_communication_type_at(i);

	return !type && i > 0 && psm_communication_type_at(i - 1)
	           ? "match.created"
	           : type;
}

/* The geocoding service is not there at all. */
const struct events_service events_services[] = {
    {"communication-service", too_many},
    {"matching-service", psm_matching_type_at},
    {"patient-service", lacking},
    {"therapist-service", psm_therapist_type_at},
    {NULL, NULL},
};

const char *const events_groups[] = {NULL};
