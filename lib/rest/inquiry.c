/* SPDX-License-Identifier: BSD-2-Clause */
/* Inquiries to therapists: composed, sent, read. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

#include <psymatch/inquiry.h>
#include <psymatch/mailer.h>
#include <psymatch/search.h>

/* -- shapes */

#define INT "integer"
#define TEXT "string"

static const struct rest_field list_query[] = {
    {"therapist_id", INT, NULL},
    {"versand_status", "string(gesendet|ungesendet)", NULL},
    {"antwort_status", "string(beantwortet|ausstehend)", NULL},
    {"nachverfolgung_erforderlich", "boolean", NULL},
    {"min_size", INT, NULL},
    {"max_size", INT, NULL},
    {"antworttyp", TEXT, NULL},
    {"strategie", TEXT, NULL},
    {NULL, NULL, NULL}};
#define OF_INQUIRY                                                             \
	{"id", INT, NULL}, {"therapist_id", INT, NULL},                        \
	    {"therapeuten_name", TEXT, NULL},                                  \
	    {"erstellt_datum", "time", NULL},                                  \
	    {"gesendet_datum", "time?", NULL},                                 \
	    {"antwort_datum", "time?", NULL},                                  \
	    {"tage_seit_versand", "integer?", NULL},                           \
	    {"antworttyp", "string?", NULL}, {"anfragegroesse", INT, NULL},    \
	    {"nachverfolgung_erforderlich", "boolean", NULL},                  \
	    {"storniert_datum", "time?", NULL},                                \
	{                                                                      \
		"strategie", "string?", NULL                                   \
	}
static const struct rest_field list_item[] = {
    OF_INQUIRY,
    {"angenommen_anzahl", INT, NULL},
    {"abgelehnt_anzahl", INT, NULL},
    {"keine_antwort_anzahl", INT, NULL},
    {"antwort_vollstaendig", "boolean", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field list_summary[] = {
    {"total_anfragen", INT, NULL},
    {"unsent_anfragen", INT, NULL},
    {"pending_responses", INT, NULL},
    {"needing_follow_up", INT, NULL},
    {NULL, NULL, NULL}};
static const struct rest_field list_more[] = {
    {"summary", "object", list_summary}, {NULL, NULL, NULL}};
static const struct rest_field patients[] = {
    {"position", INT, NULL},
    {"patient_id", INT, NULL},
    {"patient", "object?", NULL},
    {"platzsuche_id", INT, NULL},
    {"search_created_at", "time?", NULL},
    {"wartezeit_tage", "integer?", NULL},
    {"status", TEXT, NULL},
    {"antwortergebnis", "string?", NULL},
    {"antwortnotizen", "string?", NULL},
    {"konflikt", "boolean?", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field counts[] = {
    {"total_accepted", INT, NULL},
    {"total_rejected", INT, NULL},
    {"total_no_response", INT, NULL},
    {"antwort_vollstaendig", "boolean", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field inquiry[] = {
    OF_INQUIRY,
    {"therapist", "object?", NULL},
    {"antwort_zusammenfassung", "object", counts},
    {"notizen", "string?", NULL},
    {"email_id", "integer?", NULL},
    {"phone_call_id", "integer?", NULL},
    {"patients", "[]object", patients},
    {NULL, NULL, NULL}};
static const struct rest_field create_body[] = {
    {"therapist_id", "integer!", NULL},
    {"plz_prefix", "string!", NULL},
    {"sofort_senden", "boolean?", NULL},
    {"override_cooling", "string?", NULL},
    {"notizen", "string?", NULL},
    {"strategie", "string?", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field create_answer[] = {
    {"message", TEXT, NULL},       {"anfrage_id", "integer?", NULL},
    {"therapist_id", INT, NULL},   {"plz_prefix", TEXT, NULL},
    {"anfragegroesse", INT, NULL}, {"patient_ids", "[]integer", NULL},
    {"gesendet", "boolean", NULL}, {NULL, NULL, NULL}};
static const struct rest_field send_body[] = {
    {"override_cooling", "string?", NULL}, {NULL, NULL, NULL}};
static const struct rest_field send_answer[] = {
    {"message", TEXT, NULL},
    {"anfrage_id", INT, NULL},
    {"gesendet", "boolean", NULL},
    {"anfragegroesse", INT, NULL},
    {"communication_type", "string?", NULL},
    {"email_id", "integer?", NULL},
    {"phone_call_id", "integer?", NULL},
    {"sent_date", "time?", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field must_reason_body[] = {{"grund", "string!", NULL},
                                                     {NULL, NULL, NULL}};
static const struct rest_field delete_query[] = {{"force", "boolean", NULL},
                                                 {NULL, NULL, NULL}};
static const struct rest_field possible_query[] = {
    {"therapist_id", "integer!", NULL},
    {"plz_prefix", TEXT, NULL},
    {NULL, NULL, NULL}};
static const struct rest_field possible_answer[] = {
    {"therapist_id", INT, NULL},
    {"plz_prefix", "string?", NULL},
    {"therapist", "object", NULL},
    {"data", "[]object", NULL},
    {"total", INT, NULL},
    {"examined", INT, NULL},
    {"reasons", "object", NULL},
    {"cannot_tell", "object", NULL},
    {NULL, NULL, NULL}};
/* The former platform had 400 for what was sent already, or not yet. */
static const struct rest_status not_now[] = {{PSM_ERR_TRANSITION, 400}, {0, 0}};

/* -- reading */

static int
list(struct rest_call *c)
{
	return psm__rest_listed(c, psm_inquiry_list);
}

static int
get(struct rest_call *c)
{
	return psm_inquiry_get(c->store, c->id, &c->json, &c->version, c->err);
}

static int
possible(struct rest_call *c)
{
	const char *area = psm_request_query(c->req, "plz_prefix");
	int64_t therapist = 0;
	int rc = psm_request_query_int(c->req, "therapist_id", 1, INT32_MAX,
	                               &therapist, c->err);

	if (rc == 0)
		rc = psm__fail(c->err, PSM_ERR_INVAL,
		               "therapist_id: is required");
	return rc < 0 ? rc
	              : psm_therapist_eligible(c->store, therapist,
	                                       area && *area ? area : NULL,
	                                       &c->json, c->err);
}

/* -- composing and sending */

/* A template that is not there is no fault of the client. */
static int
render(const char *name, const char *values, char **subject, char **html,
       char **text, void *mailer, psm_error *err)
{
	int rc =
	    psm_mail_render(name, values, subject, html, text, mailer, err);

	return rc == PSM_ERR_NOT_FOUND
	           ? psm__fail(err, PSM_ERR_CONFIG,
	                       "template %s: cannot be read", name)
	           : rc;
}

/* Attempts of its function, beside the first one. */
enum { UNSENT = 1, NOBODY = 2 };

static int
compose(struct rest_call *c, const psm_json *doc, int *made)
{
	int64_t therapist = 0;
	int rc = psm_json_get_int(psm_json_at(doc, "/therapist_id"), &therapist,
	                          NULL);
	const char *area = psm_json_string(psm_json_at(doc, "/plz_prefix"));

	if (rc < 0)
		return psm__fail(c->err, PSM_ERR_SCHEMA,
		                 "therapist_id: want a whole number");
	if (!area)
		return psm__fail(c->err, PSM_ERR_SCHEMA,
		                 "plz_prefix: want text");
	rc = psm_inquiry_create(c->store, therapist, area, c->body, c->len,
	                        &c->json, c->err);
	*made = rc > 0;
	/* Nobody is asked: no failure for a client of the former platform. */
	if (rc == PSM_ERR_NOT_FOUND)
		c->again = NOBODY;
	return rc;
}

static int
nobody(struct rest_call *c, const psm_json *doc)
{
	psm_json_writer *w = psm_json_writer_new();
	static const char *const keys[] = {"therapist_id", "plz_prefix"};
	char pointer[32];
	const char *text;
	size_t len;
	int rc;

	if (!w)
		return psm__nomem(c->err);
	psm_json_write_object(w);
	for (size_t i = 0; i < PSM__COUNT(keys); i++) {
		(void)snprintf(pointer, sizeof pointer, "/%s", keys[i]);
		psm_json_write_key(w, keys[i]);
		psm_json_write_value(w, psm_json_at(doc, pointer));
	}
	psm_json_write_end(w);
	rc = psm_json_writer_finish(w, &text, &len, c->err);
	if (rc == PSM_OK) {
		c->json = psm_alloc(len + 1);
		rc = c->json ? PSM_OK : psm__nomem(c->err);
	}
	if (rc == PSM_OK)
		memcpy(c->json, text, len + 1);
	psm_json_writer_free(w);
	c->status = 200;
	(void)snprintf(c->message, sizeof c->message,
	               "No eligible patients: %.200s", c->failed);
	psm__utf8_clean(c->message);
	return rc;
}

/* The number of what was composed. */
static int
number_of(struct rest_call *c, int64_t *id)
{
	psm_json *doc = NULL;
	int rc = psm_json_parse(c->json, strlen(c->json), &doc, c->err);

	if (rc == PSM_OK)
		rc = psm_json_get_int(psm_json_at(doc, "/anfrage_id"), id,
		                      c->err);
	psm_json_free(doc);
	return rc;
}

static int
wants_sending(const struct rest_call *c, const psm_json *doc, int *now)
{
	const psm_json *v = psm_json_at(doc, "/sofort_senden");

	*now = 0;
	if (!v || psm_json_kind(v) == PSM_JSON_NULL ||
	    psm_json_get_bool(v, now, NULL) == PSM_OK)
		return PSM_OK;
	(void)psm__fail(c->err, PSM_ERR_SCHEMA,
	                "sofort_senden: want true or false");
	psm_error_add_fault(c->err, "/sofort_senden", "want true or false");
	return PSM_ERR_SCHEMA;
}

/* Of what cannot be sent now nothing is left but the inquiry: then it is
 * composed again, and not sent. */
static int
send_at_once(struct rest_call *c, int now, int *sent)
{
	int64_t id = 0;
	int rc;

	*sent = 0;
	rc = number_of(c, &id);
	if (rc < 0)
		return rc;
	(void)snprintf(c->location, sizeof c->location,
	               "/api/therapeutenanfragen/%lld", (long long)id);
	if (!now || c->attempt > 0)
		return PSM_OK;
	rc = psm_inquiry_send(c->store, id, c->body, c->len, render,
	                      c->cx->area, NULL, c->err);
	if (rc < 0)
		c->again = UNSENT;
	*sent = rc > 0;
	return rc;
}

/* Clients of the former platform ask whether there is the member. */
static void
drop_number(struct rest_call *c)
{
	static const char none[] = "\"anfrage_id\":null,";
	char *at = strstr(c->json, none);

	if (at)
		memmove(at, at + sizeof none - 1, strlen(at + sizeof none) + 2);
}

static int
made_answer(struct rest_call *c, int made, int sent)
{
	if (!made)
		drop_number(c);
	if (made && c->attempt == UNSENT)
		(void)snprintf(c->message, sizeof c->message,
		               "Anfrage created, but not sent: %.200s",
		               c->failed);
	else
		(void)snprintf(c->message, sizeof c->message, "%s",
		               !made  ? "No eligible patients found"
		               : sent ? "Anfrage created and sent successfully"
		                      : "Anfrage created successfully");
	psm__utf8_clean(c->message);
	c->status = made ? 201 : 200;
	return psm__rest_join(c, sent ? "\"gesendet\":true"
	                              : "\"gesendet\":false");
}

static int
create(struct rest_call *c)
{
	psm_json *doc = NULL;
	int made = 0, now = 0, sent = 0;
	int rc = psm_json_parse(c->body, c->len, &doc, c->err);

	if (rc == PSM_OK)
		rc = wants_sending(c, doc, &now);
	if (rc == PSM_OK && c->attempt == NOBODY) {
		rc = nobody(c, doc);
		psm_json_free(doc);
		return rc;
	}
	if (rc == PSM_OK)
		rc = compose(c, doc, &made);
	if (rc > 0)
		rc = send_at_once(c, now, &sent);
	psm_json_free(doc);
	return rc < 0 ? rc : made_answer(c, made, sent);
}

static int
send(struct rest_call *c)
{
	int rc = psm_inquiry_send(c->store, c->id, c->body, c->len, render,
	                          c->cx->area, &c->json, c->err);

	(void)snprintf(c->message, sizeof c->message, "%s",
	               rc > 0 ? "Anfrage sent successfully"
	                      : "Anfrage cancelled: nobody was left in it");
	return rc;
}

/* When it was sent. */
static int
explain_send(struct rest_call *c)
{
	psm_json *doc = NULL;
	char *json = NULL;
	const psm_json *v;

	if (psm_error_code(c->err) == PSM_ERR_TRANSITION &&
	    psm_inquiry_get(c->store, c->id, &json, NULL, NULL) == PSM_OK &&
	    psm_json_parse(json, strlen(json), &doc, NULL) == PSM_OK) {
		v = psm_json_at(doc, "/gesendet_datum");
		if (psm_json_string(v))
			psm__rest_extra_text(c, "sent_date",
			                     psm_json_string(v));
	}
	psm_json_free(doc);
	psm_free(json);
	return PSM_OK;
}

static int
cancel(struct rest_call *c)
{
	psm_json *doc = NULL;
	const char *reason;
	int rc = psm__rest_text(c, &doc, "grund", &reason);

	if (rc == PSM_OK && !reason)
		rc = psm__fail(c->err, PSM_ERR_SCHEMA, "grund: want text");
	if (rc == PSM_OK)
		rc = psm_inquiry_cancel(c->store, c->id, reason, c->err);
	psm_json_free(doc);
	(void)snprintf(c->message, sizeof c->message, "Anfrage cancelled");
	return rc;
}

/* As the former platform did, also one that was sent, unless force=false. */
static int delete (struct rest_call *c)
{
	int force = 1;
	int rc = psm_request_query_bool(c->req, "force", &force, c->err);

	if (rc >= 0)
		rc = psm_inquiry_delete(c->store, c->id, force, c->err);
	(void)snprintf(c->message, sizeof c->message,
	               "Anfrage deleted successfully");
	return rc;
}

/* -- rows */

#define INQUIRIES "/api/therapeutenanfragen"

/* -- distances */

static const struct rest_field distance_item[] = {
    {"match_id", "integer", NULL},
    {"patient_id", "integer", NULL},
    {"distance_km", "number?", NULL},
    {"status", "string(not_asked|pending|success|partial|error)", NULL},
    {"source", "string?", NULL},
    {"asked_at", "time?", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field distances_answer[] = {
    {"anfrage_id", "integer", NULL},
    {"data", "[]object", distance_item},
    {NULL, NULL, NULL}};

static int
distances(struct rest_call *c)
{
	return psm_inquiry_distances(c->store, c->id, &c->json, c->err);
}

static int
ask_distances(struct rest_call *c)
{
	int rc = psm_inquiry_ask_distances(c->store, c->id, c->err);

	return rc < 0 ? rc : distances(c);
}

const struct rest_endpoint psm__rest_inquiries[] = {
    {.method = "GET",
     .path = INQUIRIES,
     .summary = "Inquiries, the newest first; the summary counts those of the "
                "page",
     .fn = list,
     .how = REST_PAGE,
     .entity = "inquiry",
     .query = list_query,
     .answer = list_item,
     .more = list_more,
     .failures = "400"},
    {.method = "GET",
     .path = INQUIRIES "/moeglich",
     .summary = "Who would be in an inquiry to a therapist; nothing is made",
     .fn = possible,
     .query = possible_query,
     .answer = possible_answer,
     .failures = "400 404"},
    {.method = "POST",
     .path = INQUIRIES "/erstellen-fuer-therapeut",
     .summary = "Compose an inquiry; 200 if nobody fits",
     .fn = create,
     .how = REST_CHANGE,
     .entity = "inquiry",
     .body = create_body,
     .answer = create_answer,
     .status = 201,
     .or_status = 200,
     .failures = "400 404 409"},
    {.method = "GET",
     .path = INQUIRIES "/{id}",
     .summary = "An inquiry, its therapist and its patients",
     .fn = get,
     .noun = "Anfrage",
     .answer = inquiry,
     .failures = "404"},
    {.method = "DELETE",
     .path = INQUIRIES "/{id}",
     .summary = "Delete an inquiry; with force=false none that was sent",
     .fn = delete,
     .how = REST_CHANGE,
     .noun = "Anfrage",
     .query = delete_query,
     .failures = "400 404 409"},
    {.method = "POST",
     .path = INQUIRIES "/{id}/senden",
     .summary = "Send an inquiry, once: by mail, or a call is planned",
     .fn = send,
     .explain = explain_send,
     .how = REST_CHANGE | REST_BODY_MAY_LACK,
     .noun = "Anfrage",
     .body = send_body,
     .answer = send_answer,
     .failures = "400 404 409",
     .statuses = not_now},
    {.method = "POST",
     .path = INQUIRIES "/{id}/entfernungen",
     .summary = "Ask the geocoding service how far the patients have to go",
     .fn = ask_distances,
     .how = REST_CHANGE,
     .noun = "Anfrage",
     .answer = distances_answer,
     .status = 202,
     .failures = "404"},
    {.method = "GET",
     .path = INQUIRIES "/{id}/entfernungen",
     .summary = "How far the patients have to go, as far as it was answered",
     .fn = distances,
     .noun = "Anfrage",
     .answer = distances_answer,
     .failures = "404"},
    {.method = "POST",
     .path = INQUIRIES "/{id}/stornieren",
     .summary = "Cancel an inquiry that was not sent",
     .fn = cancel,
     .how = REST_CHANGE,
     .noun = "Anfrage",
     .body = must_reason_body,
     .failures = "400 404 409"},
    {.path = NULL},
};
