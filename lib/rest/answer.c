/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of therapists, what was read of them, and reports. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

#include <psymatch/inquiry.h>
#include <psymatch/report.h>

/* -- shapes */

#define INT "integer"
#define TEXT "string"

static const struct rest_field answer_body[] = {
    {"patient_responses", "object!", NULL},
    {"notizen", "string?", NULL},
    {"follow_up_required", "any", NULL},
    {"correction", "boolean?", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field accepted[] = {{"patient_id", INT, NULL},
                                             {"platzsuche_id", INT, NULL},
                                             {NULL, NULL, NULL}};
static const struct rest_field outcome[] = {{"accepted", INT, NULL},
                                            {"rejected", INT, NULL},
                                            {"no_response", INT, NULL},
                                            {NULL, NULL, NULL}};
static const struct rest_field answer_answer[] = {
    {"message", TEXT, NULL},
    {"anfrage_id", INT, NULL},
    {"response_type", TEXT, NULL},
    {"angenommene_patienten", "[]object", accepted},
    {"konflikte", "[]object", accepted},
    {"antwort_zusammenfassung", "object", outcome},
    {NULL, NULL, NULL}};
static const struct rest_field reason_body[] = {{"grund", "string?", NULL},
                                                {NULL, NULL, NULL}};
static const struct rest_field conflict[] = {
    {"platzsuche_id", INT, NULL},
    {"patient_id", INT, NULL},
    {"status", TEXT, NULL},
    {"erfolgreiche_anfrage_id", "integer?", NULL},
    {"annahmen", "[]object", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field match_query[] = {
    {"therapeutenanfrage_id", INT, NULL},
    {"platzsuche_id", INT, NULL},
    {"patient_id", INT, NULL},
    {"status", TEXT, NULL},
    {"antwortergebnis", TEXT, NULL},
    {"konflikt", "boolean", NULL},
    {"sort", TEXT, NULL},
    {NULL, NULL, NULL}};
static const struct rest_field match[] = {{"id", INT, NULL},
                                          {"therapeutenanfrage_id", INT, NULL},
                                          {"platzsuche_id", INT, NULL},
                                          {"patient_id", INT, NULL},
                                          {"status", TEXT, NULL},
                                          {"antwortergebnis", "string?", NULL},
                                          {NULL, NULL, NULL}};
static const struct rest_field proposal_query[] = {
    {"status", "string(offen|bestaetigt|verworfen|angewandt)", NULL},
    {"limit", INT, NULL},
    {NULL, NULL, NULL}};
static const struct rest_field proposal[] = {
    {"id", INT, NULL},
    {"therapeutenanfrage_id", INT, NULL},
    {"therapist_id", "integer?", NULL},
    {"email_id", "integer?", NULL},
    {"erstellt_am", TEXT, NULL},
    {"vorschlag", "object", NULL},
    {"konfidenz", INT, NULL},
    {"status", TEXT, NULL},
    {"erledigt_am", "string?", NULL},
    {"grund", "string?", NULL},
    {NULL, NULL, NULL}};
static const struct rest_field report_query[] = {{"from", "date!", NULL},
                                                 {"to", "date!", NULL},
                                                 {"by", TEXT, NULL},
                                                 {NULL, NULL, NULL}};
static const struct rest_field report_answer[] = {{"from", TEXT, NULL},
                                                  {"to", TEXT, NULL},
                                                  {"by", "[]string", NULL},
                                                  {"rows", "[]object", NULL},
                                                  {NULL, NULL, NULL}};

/* The former platform had 400 for what was sent already, or not yet. */
static const struct rest_status not_now[] = {{PSM_ERR_TRANSITION, 400}, {0, 0}};

/* -- reading */

static int
conflicts(struct rest_call *c)
{
	return psm_inquiry_conflicts(c->store, &c->json, c->err);
}

static int
matches(struct rest_call *c)
{
	return psm__rest_listed(c, psm_inquiry_matches);
}

/* -- answers */

static int
answer(struct rest_call *c)
{
	(void)snprintf(c->message, sizeof c->message,
	               "Response recorded successfully");
	return psm_inquiry_answer(c->store, c->id, c->body, c->len, &c->json,
	                          c->err);
}

/* The lists that the message names, as members. */
static void
copy_list(struct rest_call *c, const char *key)
{
	const char *text = psm_error_message(c->err);
	const char *at = text ? strstr(text, key) : NULL;
	char list[512];
	size_t len;

	if (!at || strncmp(at + strlen(key), ": [", 3) != 0)
		return;
	at += strlen(key) + 2;
	len = strcspn(at, "]");
	if (at[len] != ']' || len + 2 > sizeof list)
		return;
	(void)snprintf(list, sizeof list, "%.*s]", (int)len, at);
	psm__rest_extra(c, key, list);
}

static void
write_outcomes(struct rest_call *c)
{
	const psm_entity *e = psm_entity_find("inquiry_patient");
	const psm_entity_field *f = NULL;
	char list[512] = "[";
	const char *word;

	for (size_t i = 0; (f = psm_entity_field_at(e, i)); i++)
		if (strcmp(psm_entity_field_name(f), "antwortergebnis") == 0)
			break;
	for (size_t i = 0; (word = psm_entity_field_word_at(f, i)); i++)
		(void)snprintf(list + strlen(list), sizeof list - strlen(list),
		               "%s\"%s\"", i > 0 ? "," : "", word);
	(void)snprintf(list + strlen(list), sizeof list - strlen(list), "]");
	psm__rest_extra(c, "valid_outcomes", list);
}

static int
explain_answer(struct rest_call *c)
{
	const char *text = psm_error_message(c->err);

	if (psm_error_code(c->err) != PSM_ERR_SCHEMA)
		return PSM_OK;
	copy_list(c, "missing_patient_ids");
	copy_list(c, "extra_patient_ids");
	if (text && strstr(text, "valid_outcomes"))
		write_outcomes(c);
	return PSM_OK;
}

/* -- proposals */

static int
proposals(struct rest_call *c)
{
	const char *status = psm_request_query(c->req, "status");
	int64_t limit = 100;
	int rc =
	    psm_request_query_int(c->req, "limit", 1, 1000, &limit, c->err);

	return rc < 0 ? rc
	              : psm_inquiry_proposals(c->store,
	                                      status && *status ? status : NULL,
	                                      (int)limit, &c->json, c->err);
}

static int
confirm(struct rest_call *c)
{
	(void)snprintf(c->message, sizeof c->message, "Proposal %lld confirmed",
	               (long long)c->id);
	return psm_inquiry_proposal_confirm(c->store, c->id, c->body, c->len,
	                                    &c->json, c->err);
}

static int
refuse(struct rest_call *c)
{
	psm_json *doc = NULL;
	const char *reason;
	int rc = psm__rest_text(c, &doc, "grund", &reason);

	if (rc == PSM_OK)
		rc = psm_inquiry_proposal_refuse(c->store, c->id, reason,
		                                 c->err);
	psm_json_free(doc);
	(void)snprintf(c->message, sizeof c->message, "Proposal %lld refused",
	               (long long)c->id);
	return rc;
}

/* -- the report */

/* "week,area" as an array. */
static void
write_by(psm_json_writer *w, const char *by)
{
	char word[40];
	size_t len;

	psm_json_write_key(w, "by");
	psm_json_write_array(w);
	for (; *by; by += *by == ',') {
		len = strcspn(by, ",");
		(void)snprintf(word, sizeof word, "%.*s", (int)len, by);
		psm__utf8_clean(word);
		psm_json_write_string(w, word);
		by += len;
	}
	psm_json_write_end(w);
}

static int
report(struct rest_call *c)
{
	static const char *const days[] = {"from", "to"};
	const char *by = psm_request_query(c->req, "by"), *text;
	psm_json_writer *w = psm_json_writer_new();
	size_t len;
	int rc;

	if (!w)
		return psm__nomem(c->err);
	psm_json_write_object(w);
	for (size_t i = 0; i < PSM__COUNT(days); i++) {
		text = psm_request_query(c->req, days[i]);
		psm_json_write_key(w, days[i]);
		psm_json_write_string(w, text);
	}
	if (by && *by)
		write_by(w, by);
	psm_json_write_end(w);
	rc = psm_json_writer_finish(w, &text, &len, c->err);
	if (rc == PSM_OK)
		rc = psm_report_matching(c->store, text, len, &c->json, c->err);
	psm_json_writer_free(w);
	return rc;
}

/* -- rows */

#define INQUIRIES "/api/therapeutenanfragen"
#define PROPOSALS "/api/antwortvorschlaege"

const struct rest_endpoint psm__rest_answers[] = {
    {.method = "GET",
     .path = INQUIRIES "/konflikte",
     .summary = "Patients whom more than one therapist accepted",
     .fn = conflicts,
     .how = REST_ARRAY,
     .answer = conflict},
    {.method = "GET",
     .path = INQUIRIES "/patienten",
     .summary = "Patients of inquiries, and their outcomes",
     .fn = matches,
     .how = REST_PAGE,
     .entity = "inquiry_patient",
     .query = match_query,
     .answer = match,
     .failures = "400"},
    {.method = "PUT",
     .path = INQUIRIES "/{id}/antwort",
     .summary = "Record the answer, or with correction correct it",
     .fn = answer,
     .explain = explain_answer,
     .how = REST_CHANGE,
     .noun = "Anfrage",
     .body = answer_body,
     .answer = answer_answer,
     .failures = "400 404 409",
     .statuses = not_now},
    {.method = "GET",
     .path = PROPOSALS,
     .summary = "What was read of answers by mail, the newest first",
     .fn = proposals,
     .how = REST_ARRAY,
     .query = proposal_query,
     .answer = proposal,
     .failures = "400"},
    {.method = "POST",
     .path = PROPOSALS "/{id}/bestaetigen",
     .summary = "Record a proposal, or what a person made of it, as the answer",
     .fn = confirm,
     .explain = explain_answer,
     .how = REST_CHANGE | REST_BODY_MAY_LACK,
     .noun = "Proposal",
     .body = answer_body,
     .answer = answer_answer,
     .failures = "400 404 409"},
    {.method = "POST",
     .path = PROPOSALS "/{id}/verwerfen",
     .summary = "Refuse a proposal",
     .fn = refuse,
     .how = REST_CHANGE | REST_BODY_MAY_LACK,
     .noun = "Proposal",
     .body = reason_body,
     .failures = "400 404 409"},
    {.method = "GET",
     .path = "/api/berichte/vermittlung",
     .summary = "Answers and places of a span of days, by week, area, tier, "
                "strategy",
     .fn = report,
     .query = report_query,
     .answer = report_answer,
     .failures = "400"},
    {.path = NULL},
};
