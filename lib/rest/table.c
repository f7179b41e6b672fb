/* SPDX-License-Identifier: BSD-2-Clause */
#include "rest/rest.h"

static const char *const block_and_unblock[] = {"block", "unblock", NULL};

/* One row per resource. */
const struct rest_resource psm__rest_resources[] = {
    {"therapist", "/api/therapists", "therapist", "Therapist", REST_ALL,
     block_and_unblock, "therapist_id"},
    {NULL, NULL, NULL, NULL, 0, NULL, NULL},
};
