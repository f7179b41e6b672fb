/* SPDX-License-Identifier: BSD-2-Clause */
/* The matching service: searches, therapists to choose from, inquiries. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

#include <psymatch/search.h>

/* -- POST /api/platzsuchen/{id}/kontaktanfrage */

static const struct rest_field contact_body[] = {
    {"requested_count", "integer!", NULL},
    {"notizen", "string?", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field contact_answer[] = {
    {"message", "string", NULL},
    {"search_id", "integer", NULL},
    {"previous_total", "integer", NULL},
    {"new_total", "integer", NULL},
    {NULL, NULL, NULL}};

static int
contact(struct rest_call *c)
{
	(void)snprintf(c->message, sizeof c->message, "Contacts requested");
	return psm_search_contact(c->store, c->id, c->body, c->len, &c->json,
	                          c->err);
}

const struct rest_endpoint psm__rest_matching[] = {
    {.method = "POST",
     .path = "/api/platzsuchen/{id}/kontaktanfrage",
     .summary = "Ask for more contacts",
     .fn = contact,
     .how = REST_CHANGE,
     .noun = "Search",
     .body = contact_body,
     .answer = contact_answer,
     .failures = "400 404 409"},
    {.path = NULL},
};
