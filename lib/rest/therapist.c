/* SPDX-License-Identifier: BSD-2-Clause */
/* What the therapist service has beside its therapists as such. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

#include <psymatch/call.h>
#include <psymatch/scraping.h>
#include <psymatch/suggestion.h>

/* -- suggestions and workload */

static void
read_page(const struct rest_call *c, int *page, int *limit)
{
	int64_t number, size;

	psm_request_page(c->req, &number, &size);
	*page = (int)number;
	*limit = (int)size;
}

static int
suggestions(struct rest_call *c)
{
	psm_json *query = NULL;
	char *text;
	int64_t id = 0;
	int page, limit, rc = psm__rest_query(c, &text);

	if (rc == PSM_OK)
		rc = psm_json_parse(text, strlen(text), &query, c->err);
	if (rc == PSM_OK)
		rc = psm_json_get_int(psm_json_at(query, "/patient_id"), &id,
		                      c->err);
	psm_json_free(query);
	psm_free(text);
	read_page(c, &page, &limit);
	return rc < 0 ? rc
	              : psm_therapist_suggestions(c->store, id, page, limit,
	                                          &c->json, c->err);
}

static int
workload(struct rest_call *c)
{
	return psm_therapist_workload(c->store, c->id, &c->json, c->err);
}

static int
workloads(struct rest_call *c)
{
	const char *prefix = psm_request_query(c->req, "plz_prefix");
	int page, limit;

	read_page(c, &page, &limit);
	return psm_therapist_workloads(c->store,
	                               prefix && *prefix ? prefix : NULL, page,
	                               limit, &c->json, c->err);
}

/* -- scraping */

static int
scrape(struct rest_call *c)
{
	psm_json_writer *w;
	psm_json *doc = NULL;
	const char *plz;
	char *id = NULL;
	int rc = psm__rest_text(c, &doc, "plz", &plz);

	if (rc == PSM_OK)
		rc = psm_scraping_request(c->store, plz, &id, c->err);
	psm_json_free(doc);
	if (rc < 0)
		return rc;
	w = psm_json_writer_new();
	psm_json_write_object(w);
	psm_json_write_key(w, "request_id");
	psm_json_write_string(w, id);
	psm_json_write_key(w, "message");
	psm_json_write_string(w, "Scraping was asked for");
	psm_json_write_end(w);
	psm_free(id);
	return psm__rest_take(w, &c->json, c->err);
}

static int
scrapings(struct rest_call *c)
{
	return psm__rest_jobs(c, "scraping.run");
}

/* -- POST /api/therapists/{id}/telefonat */

static int
call(struct rest_call *c)
{
	(void)snprintf(c->message, sizeof c->message,
	               "A phone call with therapist %lld was asked for",
	               (long long)c->id);
	return psm_call_request(c->store, "therapist", c->id, c->err);
}

/* -- the rows */

#define END                                                                    \
	{                                                                      \
		NULL, NULL, NULL                                               \
	}
/* clang-format off */
#define WORKLOAD \
	{"pending_patients", "integer", NULL}, \
	{"accepted_patients", "integer", NULL}, \
	{"rejected_patients", "integer", NULL}, \
	{"unanswered_patients", "integer", NULL}, \
	{"sent_inquiries", "integer", NULL}, \
	{"answered_inquiries", "integer", NULL}, \
	{"response_rate", "number?", NULL}, \
	{"acceptance_rate", "number?", NULL}, \
	{"hours_to_response", "number?", NULL}, \
	{"last_sent", "time?", NULL}, \
	{"last_response", "time?", NULL}

static const struct rest_field patient_query[] = {
	{"patient_id", "integer!", NULL}, END};
static const struct rest_field reason[] = {
	{"reason", "string", NULL}, {"text", "string", NULL}, END};
static const struct rest_field suggestion[] = {
	{"therapist_id", "integer", NULL},
	PSM__REST_CONTACT,
	{"psychotherapieverfahren", "string?", NULL},
	{"potenziell_verfuegbar", "boolean?", NULL},
	{"ueber_curavani_informiert", "boolean?", NULL},
	{"tier", "integer", NULL},
	{"distance_km", "number?", NULL},
	WORKLOAD,
	{"failed", "[]object", reason},
	{"cannot_tell", "[]object", reason},
	END};
static const struct rest_field suggestions_more[] = {
	{"patient_id", "integer", NULL}, {"plz_prefix", "string?", NULL}, END};
static const struct rest_field workload_answer[] = {
	{"therapist_id", "integer", NULL}, WORKLOAD, END};
static const struct rest_field area_query[] = {
	{"plz_prefix", "string", NULL}, END};
static const struct rest_field scrape_body[] = {{"plz", "string?", NULL}, END};
static const struct rest_field scrape_answer[] = {
	{"request_id", "string", NULL}, {"message", "string", NULL}, END};
static const struct rest_field state_query[] = {
	{"state", "string", NULL}, {"limit", "integer", NULL}, END};
/* clang-format on */

#define THERAPISTS "/api/therapists"

const struct rest_endpoint psm__rest_therapist[] = {
    {.method = "GET",
     .path = THERAPISTS "/vorschlaege",
     .summary = "Therapists to suggest for a patient, the best first",
     .fn = suggestions,
     .how = REST_PAGE,
     .query = patient_query,
     .answer = suggestion,
     .more = suggestions_more,
     .failures = "400 404"},
    {.method = "GET",
     .path = THERAPISTS "/auslastung",
     .summary = "What therapists have to do, and how inquiries are answered",
     .fn = workloads,
     .how = REST_PAGE,
     .query = area_query,
     .answer = workload_answer,
     .failures = "400"},
    {.method = "GET",
     .path = THERAPISTS "/{id}/auslastung",
     .summary = "What a therapist has to do, and how inquiries are answered",
     .fn = workload,
     .noun = "Therapist",
     .answer = workload_answer,
     .failures = "404"},
    {.method = "GET",
     .path = THERAPISTS "/scraping",
     .summary = "What was asked for of the public lists, the newest first, and "
                "how far it is; the key is the request_id",
     .fn = scrapings,
     .query = state_query,
     .answer = psm__rest_jobs_answer,
     .failures = "400"},
    {.method = "POST",
     .path = THERAPISTS "/scraping",
     .summary = "Let the public lists of therapists be read again, all or of "
                "one postal code",
     .fn = scrape,
     .how = REST_CHANGE | REST_BODY_MAY_LACK,
     .body = scrape_body,
     .answer = scrape_answer,
     .status = 202,
     .failures = "400"},
    {.method = "POST",
     .path = THERAPISTS "/{id}/telefonat",
     .summary = "Let a phone call be planned at the next free time",
     .fn = call,
     .how = REST_CHANGE,
     .noun = "Therapist",
     .status = 202,
     .failures = "404 409"},
    {.path = NULL},
};
