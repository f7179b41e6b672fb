/* SPDX-License-Identifier: BSD-2-Clause */
/* What the patient service has beside its patients as such. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

#include <psymatch/call.h>
#include <psymatch/patient.h>

/* -- PATCH /api/patients/{id}/last-contact */

static const struct rest_field contact_body[] = {{"date", "date?", NULL},
                                                 {NULL, NULL, NULL}};

/* The day that a body names; NULL: none. */
static int
read_day(struct rest_call *c, psm_json **doc, const char **day)
{
	const psm_json *v;

	*day = NULL;
	if (!c->body)
		return PSM_OK;
	if (psm_json_parse(c->body, c->len, doc, c->err) < 0)
		return psm_error_code(c->err);
	v = psm_json_at(*doc, "/date");
	*day = psm_json_string(v);
	if (psm_json_kind(*doc) != PSM_JSON_OBJECT ||
	    (v && !*day && psm_json_kind(v) != PSM_JSON_NULL))
		return psm__fail(c->err, PSM_ERR_SCHEMA,
		                 "date: want a day, YYYY-MM-DD");
	return PSM_OK;
}

static int
last_contact(struct rest_call *c)
{
	psm_json *doc = NULL;
	const char *day;
	int rc = read_day(c, &doc, &day);

	if (rc == PSM_OK)
		rc = psm_patient_contact(c->store, c->id, day, c->err);
	psm_json_free(doc);
	if (rc >= 0)
		rc = psm_patient_get(c->store, c->id, &c->json, &c->version,
		                     c->err);
	return rc;
}

/* -- GET /api/patients/neuzuordnungen */

static const struct rest_field reassignment[] = {
    {"patient_id", "integer", NULL},
    {"vorname", "string?", NULL},
    {"nachname", "string?", NULL},
    {"therapist_id", "integer", NULL},
    {"anfrage_id", "integer?", NULL},
    {"match_id", "integer", NULL},
    {"gesperrt_seit", "time", NULL},
    {"sperrgrund", "string?", NULL},
    {NULL, NULL, NULL}};

static int
reassignments(struct rest_call *c)
{
	int64_t page, limit;

	psm_request_page(c->req, &page, &limit);
	return psm_patient_reassignments(c->store, (int)page, (int)limit,
	                                 &c->json, c->err);
}

/* -- POST /api/patients/{id}/telefonat */

static int
call(struct rest_call *c)
{
	(void)snprintf(c->message, sizeof c->message,
	               "A phone call with patient %lld was asked for",
	               (long long)c->id);
	return psm_call_request(c->store, "patient", c->id, c->err);
}

const struct rest_endpoint psm__rest_patient[] = {
    {.method = "GET",
     .path = "/api/patients/neuzuordnungen",
     .summary = "Patients who wait in an open inquiry to a therapist who is "
                "blocked or was deleted",
     .fn = reassignments,
     .how = REST_PAGE,
     .answer = reassignment},
    {.method = "PATCH",
     .path = "/api/patients/{id}/last-contact",
     .summary = "There was a contact: today, or on a day that is named",
     .fn = last_contact,
     .how = REST_CHANGE | REST_BODY_MAY_LACK,
     .noun = "Patient",
     .body = contact_body,
     .record = "Patient",
     .failures = "400 404"},
    {.method = "POST",
     .path = "/api/patients/{id}/telefonat",
     .summary = "Let a phone call be planned at the next free time",
     .fn = call,
     .how = REST_CHANGE,
     .noun = "Patient",
     .status = 202,
     .failures = "404 409"},
    {.path = NULL},
};
