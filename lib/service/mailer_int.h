/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of e-mails share. */
#ifndef PSM_MAILER_INT_H
#define PSM_MAILER_INT_H

#include <psymatch/mailer.h>

#include "service/service.h"

/* -- mailer.c: the settings, read once */

enum svc_mail_text {
	SVC_SMTP_HOST,
	SVC_SMTP_USERNAME,
	SVC_SMTP_PASSWORD,
	SVC_SMTP_CA_FILE,
	SVC_SENDER,
	SVC_SENDER_NAME,
	SVC_NOTIFY,
	SVC_COMPANY_NAME,
	SVC_COMPANY_STREET,
	SVC_COMPANY_PLZ,
	SVC_COMPANY_CITY,
	SVC_COMPANY_COUNTRY,
	SVC_COMPANY_CEO,
	SVC_COMPANY_HRB,
	SVC_PRIVACY,
	SVC_TEMPLATES,
	SVC_MAILDIR,
	SVC_MAIL_TEXTS
};
enum svc_mail_number {
	SVC_SMTP_PORT,
	SVC_SMTP_CONNECT_MS,
	SVC_SMTP_TOTAL_MS,
	SVC_ANSWER_MAX,
	SVC_CHECK_S,
	SVC_MAIL_NUMBERS
};
enum svc_mail_flag {
	SVC_STARTTLS,
	SVC_IMPLICIT_TLS,
	SVC_FOOTER,
	SVC_MAIL_FLAGS
};

/* Does not change after it was made. */
struct psm_mailer {
	char *text[SVC_MAIL_TEXTS];
	int64_t number[SVC_MAIL_NUMBERS];
	int flag[SVC_MAIL_FLAGS];
};

/* -- markdown.c */

/* Both are new (psm_free). PSM_ERR_TOO_LARGE, PSM_ERR_NOMEM. */
int psm__svc_markdown(const char *markdown, char **html, char **text,
                      psm_error *err);
/* Text that HTML shows as it is. */
void psm__svc_html_put(struct psm__buf *b, const char *text);

/* -- template.c */

/* Room for names of files in messages. */
#define SVC_TEMPLATE_NAME 64
/*
 * Fill in a template: *subject (NULL: it has none) and *body, which is
 * Markdown, are new (psm_free). name is for messages: "x.md:12: ...".
 * PSM_ERR_PARSE: the template is wrong; PSM_ERR_SCHEMA: a value is missing, or
 * of the wrong kind; PSM_ERR_TOO_LARGE; PSM_ERR_NOMEM.
 */
int psm__svc_template(const char *name, const char *text,
                      const psm_json *values, char **subject, char **body,
                      psm_error *err);

/* -- template_value.c */

enum svc_filter_result { SVC_FILTERED, SVC_NO_FILTER, SVC_WRONG_KIND };
/* Put a value as text, without a filter ("") or through one: "date",
 * "availability", "salutation", "words". v may be NULL or null. */
enum svc_filter_result psm__svc_value_put(struct psm__buf *b, const psm_json *v,
                                          const char *filter);

/* -- smtp.c */

/* A message; html or text may be "". */
struct svc_message {
	const char *from, *from_name, *to, *subject, *html, *text;
	const char *message_id; /* NULL: none */
};
int psm__svc_smtp(const psm_mailer *m, const struct svc_message *msg,
                  psm_error *err);

#define SVC_SYSTEM_SENDER "Curavani System"
/* psm_mail_notify() in the name of a sender, one line. */
int psm__svc_mail_notify(psm_mailer *mailer, const char *subject,
                         const char *message, const char *sender,
                         psm_error *err);

/* -- mime.c */

/*
 * Read a message (RFC 5322) as psm_mail_answer() takes one; *json is new
 * (psm_free). PSM_ERR_PARSE: it is none, or no answer of anybody (a delivery
 * report); the message says why, without quoting it. PSM_ERR_NOMEM.
 */
int psm__svc_mime_answer(const char *bytes, size_t len, char **json,
                         psm_error *err);
/* One header line's value, new (free with g_free), encoded as RFC 2047. */
char *psm__svc_mime_encode(const char *text, int is_phrase);

#endif
