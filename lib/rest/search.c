/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches and therapists to choose from. */
#include "rest/rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <psymatch/search.h>

/* -- shapes */

#define INT "integer"
#define TEXT "string"

static const struct rest_field list_query[] = {
    {"status", TEXT, NULL},
    {"patient_id", INT, NULL},
    {"min_anfragen", INT, NULL},
    {"max_anfragen", INT, NULL},
    {"min_aktive_anfragen", INT, NULL},
    {"max_aktive_anfragen", INT, NULL},
    {NULL, NULL, NULL}};
static const struct rest_field list_item[] = {
    {"id", INT, NULL},
    {"patient_id", INT, NULL},
    {"patienten_name", TEXT, NULL},
    {"status", TEXT, NULL},
    {"created_at", "time", NULL},
    {"updated_at", "time?", NULL},
    {"aktive_anfragen", INT, NULL},
    {"gesamt_anfragen", INT, NULL},
    {"ausgeschlossene_therapeuten_anzahl", INT, NULL},
    {"offen_fuer_gruppentherapie", "boolean?", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field create_body[] = {
    {"patient_id", "integer!", NULL},
    {"notizen", "string?", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field history[] = {{"anfrage_id", INT, NULL},
                                            {"therapist_id", INT, NULL},
                                            {"therapeuten_name", TEXT, NULL},
                                            {"position", INT, NULL},
                                            {"status", TEXT, NULL},
                                            {"outcome", "string?", NULL},
                                            {"sent_date", "time?", NULL},
                                            {"response_date", "time?", NULL},
                                            {"cancelled_date", "time?", NULL},
                                            {NULL, NULL, NULL}};
#define OF_SEARCH                                                              \
	{"id", INT, NULL}, {"patient_id", INT, NULL}, {"status", TEXT, NULL},  \
	    {"created_at", "time", NULL}, {"updated_at", "time?", NULL},       \
	    {"ausgeschlossene_therapeuten", "any", NULL},                      \
	    {"gesamt_angeforderte_kontakte", INT, NULL},                       \
	    {"erfolgreiche_vermittlung_datum", "time?", NULL},                 \
	{                                                                      \
		"notizen", "string?", NULL                                     \
	}
static const struct rest_field search[] = {
    OF_SEARCH,
    {"patient", "object?", NULL},
    {"aktive_anfragen", INT, NULL},
    {"gesamt_anfragen", INT, NULL},
    {"anfrage_verlauf", "[]object", history},
    {NULL, NULL, NULL}};
static const struct rest_field changed[] = {
    {"message", TEXT, NULL}, OF_SEARCH, {NULL, NULL, NULL}};
static const struct rest_field update_body[] = {
    {"status", "string?", NULL},
    {"notizen", "string?", NULL},
    {"ausgeschlossene_therapeuten", "[]any?", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field contact_body[] = {
    {"requested_count", "integer!", NULL},
    {"notizen", "string?", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field contact_answer[] = {
    {"message", TEXT, NULL},
    {"search_id", INT, NULL},
    {"previous_total", INT, NULL},
    {"new_total", INT, NULL},
    {NULL, NULL, NULL}};
static const struct rest_field reason_body[] = {{"grund", "string?", NULL},
                                                {NULL, NULL, NULL}};
static const struct rest_field exclude_body[] = {
    {"therapist_id", "integer!", NULL},
    {"grund", "string?", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field incomplete_answer[] = {
    {"data", "[]object", NULL}, {"total", INT, NULL}, {NULL, NULL, NULL}};
static const struct rest_field why_query[] = {
    {"therapist_id", "integer!", NULL}, {NULL, NULL, NULL}};
static const struct rest_field reasons[] = {
    {"reason", TEXT, NULL}, {"text", TEXT, NULL}, {NULL, NULL, NULL}};
static const struct rest_field why_answer[] = {
    {"search_id", INT, NULL},
    {"therapist_id", INT, NULL},
    {"fits", "boolean", NULL},
    {"distance_km", "number?", NULL},
    {"failed", "[]object", reasons},
    {"cannot_tell", "[]object", reasons},
    {NULL, NULL, NULL}};
static const struct rest_field area_query[] = {{"plz_prefix", "string!", NULL},
                                               {NULL, NULL, NULL}};
static const struct rest_field selected[] = {
    {"id", INT, NULL},
    PSM__REST_CONTACT,
    {"potenziell_verfuegbar", "boolean?", NULL},
    {"ueber_curavani_informiert", "boolean?", NULL},
    {"naechster_kontakt_moeglich", "date?", NULL},
    {"bevorzugte_diagnosen", "any", NULL},
    {"psychotherapieverfahren", "string?", NULL},
    {"tier", INT, NULL},
    {NULL, NULL, NULL}};
static const struct rest_field selection[] = {{"plz_prefix", TEXT, NULL},
                                              {"total", INT, NULL},
                                              {"data", "[]object", selected},
                                              {NULL, NULL, NULL}};

/* The former platform had 400 here. */
static const struct rest_status refused[] = {{PSM_ERR_CONFLICT, 400}, {0, 0}};

/* -- reading */

static int
list(struct rest_call *c)
{
	return psm__rest_listed(c, psm_search_list);
}

static int
get(struct rest_call *c)
{
	/* Its inquiries are shown, too, so the version tells not all: no 304. */
	return psm_search_get(c->store, c->id, &c->json, &c->version, c->err);
}

static int
incomplete(struct rest_call *c)
{
	return psm_search_incomplete(c->store, &c->json, c->err);
}

static int
why_not(struct rest_call *c)
{
	int64_t therapist = 0;
	int rc = psm_request_query_int(c->req, "therapist_id", 1, INT32_MAX,
	                               &therapist, c->err);

	if (rc == 0)
		rc = psm__fail(c->err, PSM_ERR_INVAL,
		               "therapist_id: is required");
	return rc < 0 ? rc
	              : psm_search_why_not(c->store, c->id, therapist, &c->json,
	                                   c->err);
}

static int
choose(struct rest_call *c)
{
	const char *area = psm_request_query(c->req, "plz_prefix");

	return psm_therapist_selection(c->store, area ? area : "", &c->json,
	                               c->err);
}

/* -- changing */

/* The message, and where it is. */
static int
say(struct rest_call *c, const char *what, int64_t id)
{
	(void)snprintf(c->message, sizeof c->message, "Patient search %lld %s",
	               (long long)id, what);
	return PSM_OK;
}

/* The words that clients of the former platform know. */
static int
succeed(struct rest_call *c, const char *what)
{
	(void)snprintf(c->message, sizeof c->message,
	               "Patient search %s successfully", what);
	return PSM_OK;
}

static int
updated(struct rest_call *c, int rc)
{
	if (rc < 0)
		return rc;
	(void)snprintf(c->message, sizeof c->message,
	               "Patient search updated successfully%s",
	               rc ? "" : ": it was so already");
	return PSM_OK;
}

static int
created(struct rest_call *c)
{
	psm_json *doc = NULL;
	int64_t id = 0;
	int rc = psm_json_parse(c->json, strlen(c->json), &doc, c->err);

	if (rc == PSM_OK)
		rc = psm_json_get_int(psm_json_at(doc, "/id"), &id, c->err);
	psm_json_free(doc);
	(void)snprintf(c->location, sizeof c->location, "/api/platzsuchen/%lld",
	               (long long)id);
	return rc < 0 ? rc : succeed(c, "created");
}

static int
create(struct rest_call *c)
{
	int rc = psm_search_create(c->store, c->body, c->len, &c->json, c->err);

	return rc < 0 ? rc : created(c);
}

/* Whose record lacks data, and which search there is. */
static int
explain_create(struct rest_call *c)
{
	psm_json *doc = NULL;
	int64_t id;
	const char *digits;

	if (psm_error_code(c->err) == PSM_ERR_CONFLICT) {
		for (size_t i = 0; i < psm_error_fault_count(c->err); i++) {
			if (strcmp(psm_error_fault_pointer(c->err, i),
			           "/search_id") != 0)
				continue;
			digits = psm_error_fault_message(c->err, i);
			digits += strcspn(digits, "0123456789");
			psm__rest_extra_int(c, "search_id",
			                    strtoll(digits, NULL, 10));
		}
	} else if (psm_error_code(c->err) == PSM_ERR_SCHEMA && c->body &&
	           psm_json_parse(c->body, c->len, &doc, NULL) == PSM_OK &&
	           psm_json_get_int(psm_json_at(doc, "/patient_id"), &id,
	                            NULL) == PSM_OK) {
		psm__rest_extra_int(c, "patient_id", id);
	}
	psm_json_free(doc);
	return PSM_OK;
}

static int
put(struct rest_call *c)
{
	int64_t version;
	int rc = psm__rest_if_version(c, "search", &version);

	if (rc == PSM_OK)
		rc = psm_search_update(c->store, c->id, version, c->body,
		                       c->len, &c->json, c->err);
	return updated(c, rc);
}

static int
patch(struct rest_call *c)
{
	int64_t version;
	int rc = psm__rest_if_version(c, "search", &version);

	if (rc == PSM_OK)
		rc = psm_search_patch(c->store, c->id, version, c->body, c->len,
		                      &c->json, c->err);
	return updated(c, rc);
}

static int delete (struct rest_call *c)
{
	int64_t version;
	int rc = psm__rest_if_version(c, "search", &version);

	if (rc == PSM_OK)
		rc = psm_search_delete(c->store, c->id, version, c->err);
	return rc < 0 ? rc : succeed(c, "deleted");
}

static int
contact(struct rest_call *c)
{
	(void)snprintf(c->message, sizeof c->message,
	               "Contacts requested for search %lld", (long long)c->id);
	return psm_search_contact(c->store, c->id, c->body, c->len, &c->json,
	                          c->err);
}

/* A step that has a name, and may have a reason. */
static int
step(struct rest_call *c, const char *done,
     int (*fn)(psm_store *, int64_t, const char *, psm_error *))
{
	psm_json *doc = NULL;
	const char *reason;
	int rc = psm__rest_text(c, &doc, "grund", &reason);

	if (rc == PSM_OK)
		rc = fn(c->store, c->id, reason, c->err);
	psm_json_free(doc);
	return rc < 0 ? rc : say(c, done, c->id);
}

static int
pause(struct rest_call *c)
{
	return step(c, "paused", psm_search_pause);
}

static int
resume(struct rest_call *c)
{
	return step(c, "resumed", psm_search_resume);
}

static int
cancel(struct rest_call *c)
{
	return step(c, "cancelled", psm_search_cancel);
}

static int
exclude(struct rest_call *c)
{
	psm_json *doc = NULL;
	const char *reason;
	int64_t therapist = 0;
	int rc = psm__rest_text(c, &doc, "grund", &reason);

	if (rc == PSM_OK && psm_json_get_int(psm_json_at(doc, "/therapist_id"),
	                                     &therapist, NULL) < 0)
		rc = psm__fail(c->err, PSM_ERR_SCHEMA,
		               "therapist_id: want a whole number");
	if (rc == PSM_OK)
		rc = psm_search_exclude(c->store, c->id, therapist, reason,
		                        c->err);
	psm_json_free(doc);
	return rc < 0 ? rc
	              : say(c,
	                    rc ? "excludes the therapist"
	                       : "excludes the therapist already",
	                    c->id);
}

/* -- rows */

#define SEARCHES "/api/platzsuchen"

const struct rest_endpoint psm__rest_searches[] = {
    {.method = "GET",
     .path = SEARCHES,
     .summary = "Searches, the newest first",
     .fn = list,
     .how = REST_PAGE,
     .entity = "search",
     .query = list_query,
     .answer = list_item,
     .failures = "400"},
    {.method = "POST",
     .path = SEARCHES,
     .summary = "Open a search for a patient whose record is complete and who "
                "has no active one",
     .fn = create,
     .explain = explain_create,
     .how = REST_CHANGE,
     .entity = "search",
     .body = create_body,
     .answer = changed,
     .status = 201,
     .failures = "400 404",
     .statuses = refused},
    {.method = "GET",
     .path = SEARCHES "/unvollstaendig",
     .summary = "Patients for whom no search could be opened yet, and what "
                "their records lack",
     .fn = incomplete,
     .answer = incomplete_answer},
    {.method = "GET",
     .path = SEARCHES "/{id}",
     .summary = "A search, its patient and its inquiries",
     .fn = get,
     .noun = "Patient search",
     .answer = search,
     .failures = "404"},
    {.method = "PUT",
     .path = SEARCHES "/{id}",
     .summary = "Change a search: what is absent or null stays",
     .fn = put,
     .how = REST_CHANGE,
     .noun = "Patient search",
     .entity = "search",
     .body = update_body,
     .answer = changed,
     .failures = "400 404 409 412"},
    {.method = "PATCH",
     .path = SEARCHES "/{id}",
     .summary = "Change a search: what is absent stays, null clears",
     .fn = patch,
     .how = REST_CHANGE | REST_MERGE,
     .noun = "Patient search",
     .entity = "search",
     .body = update_body,
     .answer = changed,
     .failures = "400 404 409 412"},
    {.method = "DELETE",
     .path = SEARCHES "/{id}",
     .summary = "Delete a search that is in no inquiry which was sent",
     .fn = delete,
     .how = REST_CHANGE,
     .noun = "Patient search",
     .failures = "404 409 412"},
    {.method = "POST",
     .path = SEARCHES "/{id}/kontaktanfrage",
     .summary = "Ask for more contacts",
     .fn = contact,
     .how = REST_CHANGE,
     .noun = "Patient search",
     .body = contact_body,
     .answer = contact_answer,
     .failures = "400 404",
     .statuses = refused},
    {.method = "POST",
     .path = SEARCHES "/{id}/pausieren",
     .summary = "Pause an active search",
     .fn = pause,
     .how = REST_CHANGE | REST_BODY_MAY_LACK,
     .noun = "Patient search",
     .body = reason_body,
     .failures = "400 404 409"},
    {.method = "POST",
     .path = SEARCHES "/{id}/fortsetzen",
     .summary = "Make a paused search active again",
     .fn = resume,
     .how = REST_CHANGE | REST_BODY_MAY_LACK,
     .noun = "Patient search",
     .body = reason_body,
     .failures = "400 404 409"},
    {.method = "POST",
     .path = SEARCHES "/{id}/abbrechen",
     .summary = "End an open search without a place",
     .fn = cancel,
     .how = REST_CHANGE | REST_BODY_MAY_LACK,
     .noun = "Patient search",
     .body = reason_body,
     .failures = "400 404 409"},
    {.method = "POST",
     .path = SEARCHES "/{id}/ausschliessen",
     .summary = "Exclude a therapist from a search",
     .fn = exclude,
     .how = REST_CHANGE,
     .noun = "Patient search",
     .body = exclude_body,
     .failures = "400 404"},
    {.method = "GET",
     .path = SEARCHES "/{id}/ausschlussgruende",
     .summary = "Why a search is not in an inquiry to a therapist",
     .fn = why_not,
     .noun = "Patient search",
     .query = why_query,
     .answer = why_answer,
     .failures = "400 404"},
    {.method = "GET",
     .path = "/api/therapeuten-zur-auswahl",
     .summary = "Therapists of an area who can be asked, in the order in which "
                "they should be",
     .fn = choose,
     .query = area_query,
     .answer = selection,
     .failures = "400"},
    {.path = NULL},
};
