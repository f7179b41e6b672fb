/* SPDX-License-Identifier: BSD-2-Clause */
/* The communication service: mails, phone calls, messages of the system. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

#include <psymatch/call.h>
#include <psymatch/mail.h>

#include "service/mailer_int.h"

/* -- lists */

/* Digits, also of a number that is too large. */
static int
is_integer(const char *text)
{
	text += *text == '-' || *text == '+';
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* Neither 0 nor what is no number selects anything: they are left out, as the
 * platform did. A number that no row can have selects no row, as 0 does in the
 * use case. */
static void
write_wish(psm_json_writer *w, const struct rest_call *c,
           const struct rest_field *f)
{
	const char *text = psm_request_query(c->req, f->name);
	int64_t number = 0;

	if (!text || !*text)
		return;
	if (strcmp(f->type, "integer") != 0) {
		psm_json_write_key(w, f->name);
		psm_json_write_string(w, text);
		return;
	}
	if (!is_integer(text) || !text[strspn(text, "-+0")])
		return;
	if (psm_request_query_int(c->req, f->name, 1, INT32_MAX, &number,
	                          c->err) != 1)
		number = 0;
	psm_error_clear(c->err);
	psm_json_write_key(w, f->name);
	psm_json_write_int(w, number);
}

typedef int (*list_fn)(psm_store *store, const char *query, char **out,
                       psm_error *err);

static int
list(struct rest_call *c, list_fn fn)
{
	psm_json_writer *w = psm_json_writer_new();
	const struct rest_field *f;
	const char *query;
	int64_t page, limit;
	int rc;

	if (!w)
		return psm__nomem(c->err);
	psm_request_page(c->req, &page, &limit);
	psm_json_write_object(w);
	psm_json_write_key(w, "page");
	psm_json_write_int(w, page);
	psm_json_write_key(w, "limit");
	psm_json_write_int(w, limit);
	for (f = c->endpoint->query; f->name; f++)
		write_wish(w, c, f);
	psm_json_write_end(w);
	rc = psm_json_writer_finish(w, &query, NULL, c->err);
	if (rc == PSM_OK)
		rc = fn(c->store, query, &c->json, c->err);
	psm_json_writer_free(w);
	return rc;
}

static int
list_mails(struct rest_call *c)
{
	return list(c, psm_mail_list);
}

static int
list_calls(struct rest_call *c)
{
	return list(c, psm_call_list);
}

/* -- records */

/* The answer to a POST: where the record is, and its version. */
static int
tell_created(struct rest_call *c, const char *entity)
{
	psm_json *doc = NULL;
	char *json = NULL;
	int64_t id = 0;
	int rc = psm_json_parse(c->json, strlen(c->json), &doc, c->err);

	if (rc == PSM_OK)
		rc = psm_json_get_int(psm_json_at(doc, "/id"), &id, c->err);
	if (rc == PSM_OK)
		rc = psm_entity_get(c->tx, entity, id, &json, &c->version,
		                    c->err);
	(void)snprintf(c->location, sizeof c->location, "%s/%lld",
	               c->endpoint->path, (long long)id);
	psm_free(json);
	psm_json_free(doc);
	return rc;
}

static int
create_mail(struct rest_call *c)
{
	int rc = psm_mail_create(c->store, c->body, c->len, psm_mail_render,
	                         c->cx->area, &c->json, c->err);

	return rc < 0 ? rc : tell_created(c, "email");
}

static int
create_call(struct rest_call *c)
{
	int rc = psm_call_create(c->store, c->body, c->len, &c->json, c->err);

	return rc < 0 ? rc : tell_created(c, "phone_call");
}

static int
get_call(struct rest_call *c)
{
	int rc = psm_call_get(c->store, c->id, &c->json, &c->version, c->err);

	if (rc == PSM_OK && psm_request_is_fresh(c->req, c->version)) {
		psm_free(c->json);
		c->json = NULL;
		c->status = 304;
	}
	return rc;
}

static int
update_call(struct rest_call *c)
{
	int64_t version;
	int rc = psm__rest_if_version(c, "phone_call", &version);

	if (rc == PSM_OK)
		rc = psm_call_update(c->store, c->id, version, c->body, c->len,
		                     NULL, c->err);
	return rc < 0 ? rc
	              : psm_call_get(c->store, c->id, &c->json, &c->version,
	                             c->err);
}

static int
delete_call(struct rest_call *c)
{
	int64_t version;
	int rc = psm__rest_if_version(c, "phone_call", &version);

	if (rc == PSM_OK)
		rc = psm_call_delete(c->store, c->id, version, c->err);
	(void)snprintf(c->message, sizeof c->message,
	               "Phone call deleted successfully");
	return rc;
}

static int
delete_mail(struct rest_call *c)
{
	int64_t version;
	int rc = psm__rest_if_version(c, "email", &version);

	if (rc == PSM_OK)
		rc = psm_mail_delete(c->store, c->id, version, c->err);
	(void)snprintf(c->message, sizeof c->message,
	               "Email deleted successfully");
	return rc;
}

/* -- the queue */

static int
queue_status(struct rest_call *c)
{
	return psm_mail_queue_status(c->store, &c->json, c->err);
}

/* 1: somebody sends mails here. */
static int
has_queue(const psm_service *svc)
{
	for (size_t i = 0; i < svc->part_count; i++)
		if (strcmp(svc->parts[i].name, "mail-queue") == 0)
			return 1;
	return 0;
}

/* Without a worker nothing is sent: that is no health. */
static int
queue_health(struct rest_call *c)
{
	static const char *const names[] = {"mail-queue", "mail-answers",
	                                    "mails", NULL};
	int rc;

	if (!has_queue(c->cx->svc))
		return psm__fail(c->err, PSM_ERR_UNAVAILABLE,
		                 "this process sends no mails");
	rc = psm__svc_health(c->cx->svc, c->req, names, &c->json, c->err);
	if (rc == PSM_HEALTH_RED)
		c->status = 503;
	return rc;
}

/* -- messages of the system */

static const char *
text_of(const psm_json *doc, const char *pointer)
{
	const char *text = psm_json_string(psm_json_at(doc, pointer));

	return psm__rest_is_blank(text) ? NULL : text;
}

/* A member that there is, but is no text, is told as missing. */
static int
check_message(const psm_json *doc, psm_error *err)
{
	if (psm_json_kind(doc) != PSM_JSON_OBJECT || psm_json_count(doc) == 0)
		return psm__fail(err, PSM_ERR_SCHEMA, "No data provided");
	if (!text_of(doc, "/subject"))
		return psm__fail(err, PSM_ERR_SCHEMA, "Subject is required");
	if (!text_of(doc, "/message"))
		return psm__fail(err, PSM_ERR_SCHEMA, "Message is required");
	return PSM_OK;
}

/* {"recipient": ...}, in the answer and in the body of an error. */
static int
tell_recipient(struct rest_call *c, char **json)
{
	const psm_mailer *mailer = c->cx->area;
	psm_json_writer *w = psm_json_writer_new();
	const char *text;
	size_t len;
	int rc;

	if (!w)
		return psm__nomem(c->err);
	psm_json_write_object(w);
	psm_json_write_key(w, "recipient");
	psm_json_write_string(w, mailer->text[SVC_NOTIFY]);
	psm_json_write_end(w);
	rc = psm_json_writer_finish(w, &text, &len, c->err);
	if (rc == PSM_OK) {
		*json = psm_alloc(len + 1);
		rc = *json ? PSM_OK : psm__nomem(c->err);
	}
	if (rc == PSM_OK)
		memcpy(*json, text, len + 1);
	psm_json_writer_free(w);
	return rc;
}

/* What the server said is for the log. */
static int
tell_failure(struct rest_call *c, int code, const char *recipient)
{
	psm__log(PSM_LOG_ERROR, "a message of the system was not sent", "code",
	         psm_error_name(code), "reason", psm_error_message(c->err),
	         NULL);
	(void)snprintf(c->extra, sizeof c->extra, "%.*s",
	               (int)strlen(recipient) - 2, recipient + 1);
	psm_error_clear(c->err);
	return psm__fail(c->err, PSM_ERR_UNAVAILABLE,
	                 "Failed to send system message");
}

static int
send_message(struct rest_call *c)
{
	psm_json *doc = NULL;
	const char *sender;
	char *recipient = NULL;
	int rc = psm_json_parse(c->body, c->len, &doc, c->err);

	if (rc == PSM_OK)
		rc = check_message(doc, c->err);
	if (rc == PSM_OK)
		rc = tell_recipient(c, &recipient);
	if (rc == PSM_OK) {
		sender = text_of(doc, "/sender_name");
		rc = psm__svc_mail_notify(c->cx->area, text_of(doc, "/subject"),
		                          text_of(doc, "/message"),
		                          sender ? sender : SVC_SYSTEM_SENDER,
		                          c->err);
		if (rc < 0)
			rc = tell_failure(c, rc, recipient);
	}
	psm_json_free(doc);
	if (rc < 0) {
		psm_free(recipient);
		return rc;
	}
	c->json = recipient;
	(void)snprintf(c->message, sizeof c->message,
	               "System message sent successfully");
	return PSM_OK;
}

/* -- the rows */

#define END                                                                    \
	{                                                                      \
		NULL, NULL, NULL                                               \
	}

static const struct rest_field mail_filters[] = {
    {"therapist_id", "integer", NULL},
    {"patient_id", "integer", NULL},
    {"recipient_type", "string(therapist|patient)", NULL},
    {"status", "string", NULL},
    {"sort", "string", NULL},
    END};
static const struct rest_field call_filters[] = {
    {"therapist_id", "integer", NULL},
    {"patient_id", "integer", NULL},
    {"therapeutenanfrage_id", "integer", NULL},
    {"recipient_type", "string(therapist|patient)", NULL},
    {"status", "string", NULL},
    {"geplantes_datum", "date", NULL},
    {"sort", "string", NULL},
    END};
static const struct rest_field mail_body[] = {
    {"therapist_id", "integer?", NULL},
    {"patient_id", "integer?", NULL},
    {"betreff", "string!", NULL},
    {"empfaenger_email", "string!", NULL},
    {"empfaenger_name", "string!", NULL},
    {"inhalt_markdown", "string?", NULL},
    {"inhalt_html", "string?", NULL},
    {"inhalt_text", "string?", NULL},
    {"absender_email", "string?", NULL},
    {"absender_name", "string?", NULL},
    {"add_legal_footer", "boolean?", NULL},
    {"status", "string?", NULL},
    END};
static const struct rest_field new_call_body[] = {
    {"therapist_id", "integer?", NULL},
    {"patient_id", "integer?", NULL},
    {"therapeutenanfrage_id", "integer?", NULL},
    {"geplantes_datum", "date?", NULL},
    {"geplante_zeit", "string?", NULL},
    {"dauer_minuten", "integer?", NULL},
    {"status", "string?", NULL},
    {"notizen", "string?", NULL},
    END};
static const struct rest_field call_body[] = {
    {"geplantes_datum", "date?", NULL},
    {"geplante_zeit", "string?", NULL},
    {"dauer_minuten", "integer?", NULL},
    {"tatsaechliches_datum", "date?", NULL},
    {"tatsaechliche_zeit", "string?", NULL},
    {"status", "string?", NULL},
    {"ergebnis", "string?", NULL},
    {"notizen", "string?", NULL},
    {"therapeutenanfrage_id", "integer?", NULL},
    END};
static const struct rest_field message_body[] = {
    {"subject", "string!", NULL},
    {"message", "string!", NULL},
    {"sender_name", "string?", NULL},
    END};
static const struct rest_field message_answer[] = {
    {"message", "string", NULL}, {"recipient", "string", NULL}, END};
static const struct rest_field part[] = {{"name", "string", NULL},
                                         {"status", "string", NULL},
                                         {"reason", "string", NULL},
                                         END};
static const struct rest_field health_answer[] = {
    {"status", "string(healthy|degraded|unhealthy)", NULL},
    {"service", "string", NULL},
    {"parts", "[]object", part},
    END};
static const struct rest_field queue_answer[] = {
    {"due", "integer", NULL},
    {"later", "integer", NULL},
    {"oldest_due_seconds", "integer", NULL},
    {"sending", "integer", NULL},
    {"suspect", "integer", NULL},
    END};

/* Clients of the platform know this failure as 500. */
static const struct rest_status message_statuses[] = {
    {PSM_ERR_UNAVAILABLE, 500}, {0, 0}};

const struct rest_endpoint psm__rest_communication[] = {
    {.method = "GET",
     .path = "/health/email-queue",
     .summary = "Whether mails are sent and answers are read",
     .fn = queue_health,
     .answer = health_answer},
    {.method = "GET",
     .path = "/api/emails",
     .summary = "A page of mails, the newest first",
     .fn = list_mails,
     .how = REST_PAGE,
     .entity = "email",
     .query = mail_filters,
     .record = "Email",
     .failures = "400"},
    {.method = "POST",
     .path = "/api/emails",
     .summary = "Write a mail, of Markdown, HTML or text",
     .fn = create_mail,
     .how = REST_CHANGE,
     .entity = "email",
     .body = mail_body,
     .record = "Email",
     .status = 201,
     .failures = "400 409"},
    {.method = "DELETE",
     .path = "/api/emails/{id}",
     .summary = "Delete a mail that is not being sent",
     .fn = delete_mail,
     .how = REST_CHANGE,
     .noun = "Email",
     .failures = "404 409 412"},
    {.method = "GET",
     .path = "/api/emails/queue-status",
     .summary = "How many mails wait, are being sent, are suspect",
     .fn = queue_status,
     .answer = queue_answer},
    {.method = "GET",
     .path = "/api/phone-calls",
     .summary = "A page of calls, the latest first",
     .fn = list_calls,
     .how = REST_PAGE,
     .entity = "phone_call",
     .query = call_filters,
     .record = "PhoneCall",
     .failures = "400"},
    {.method = "POST",
     .path = "/api/phone-calls",
     .summary = "Plan a call; without a time the first free one is found",
     .fn = create_call,
     .how = REST_CHANGE,
     .entity = "phone_call",
     .body = new_call_body,
     .record = "PhoneCall",
     .status = 201,
     .failures = "400 409"},
    {.method = "GET",
     .path = "/api/phone-calls/{id}",
     .summary = "Read a call",
     .fn = get_call,
     .noun = "Phone call",
     .record = "PhoneCall",
     .failures = "304 404"},
    {.method = "PUT",
     .path = "/api/phone-calls/{id}",
     .summary = "Change a call: what is absent or null stays",
     .fn = update_call,
     .how = REST_CHANGE,
     .noun = "Phone call",
     .entity = "phone_call",
     .body = call_body,
     .record = "PhoneCall",
     .failures = "400 404 409 412"},
    {.method = "DELETE",
     .path = "/api/phone-calls/{id}",
     .summary = "Delete a call",
     .fn = delete_call,
     .how = REST_CHANGE,
     .noun = "Phone call",
     .failures = "404 409 412"},
    {.method = "POST",
     .path = "/api/system-messages",
     .summary = "Send a message to those who look after the platform",
     .fn = send_message,
     .body = message_body,
     .answer = message_answer,
     .failures = "400 500",
     .statuses = message_statuses},
    {.path = NULL},
};
