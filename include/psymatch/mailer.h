/* SPDX-License-Identifier: BSD-2-Clause */
/* Of libpsymatch-service: mails leave, and answers come in. */
#ifndef PSYMATCH_MAILER_H
#define PSYMATCH_MAILER_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/mail.h>
#include <psymatch/service.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/* The settings of mails: server, footer, templates, Maildir. Does not change,
 * so any number of threads may use it at once. */
typedef struct psm_mailer psm_mailer;

/**
 * Read the settings of mails.
 *
 * @param cfg     of psm_service_config(): SMTP_*, EMAIL_*, COMPANY_*,
 *   LEGAL_FOOTER_PRIVACY_TEXT, SYSTEM_NOTIFICATION_EMAIL,
 *   PSYMATCH_TEMPLATE_DIR; copied.
 * @param out     new (psm_mailer_free); NULL after a failure.
 * @param err     details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL   cfg or out is NULL;
 *   PSM_ERR_CONFIG  a setting is missing, or two exclude each other;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_mailer_new(const psm_config *cfg, psm_mailer **out,
                           psm_error *err) PSM_CHECK;

/**
 * Free what psm_mailer_new() made.
 *
 * @param mailer  taken; NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_mailer_free(psm_mailer *mailer);

/**
 * A psm_mail_render_fn: templates are files NAME.md in PSYMATCH_TEMPLATE_DIR,
 * Markdown with the tags that psm_mailer(3) describes. HTML in Markdown is
 * shown as text, addresses of pages become links, values are never markup. The
 * legal footer stands below when COMPANY_NAME is set, unless
 * EMAIL_ADD_LEGAL_FOOTER or the mail's add_legal_footer is false.
 *
 * @param template_name  as for psm_mail_render_fn.
 * @param values_json    as for psm_mail_render_fn.
 * @param subject        as for psm_mail_render_fn.
 * @param html           as for psm_mail_render_fn.
 * @param text           as for psm_mail_render_fn.
 * @param mailer         a psm_mailer.
 * @param err            details of a failure; may be NULL. A fault in a
 *   template: "psychotherapie_anfrage.md:12: there is no value ...".
 * @return 0;
 *   PSM_ERR_INVAL      a NULL argument, or a name that is none;
 *   PSM_ERR_NOT_FOUND  there is no such template;
 *   PSM_ERR_PARSE      values_json is malformed, or the template is;
 *   PSM_ERR_SCHEMA     a value of the template is missing, or of the wrong
 *                      kind;
 *   PSM_ERR_TOO_LARGE  more than 256 KiB of Markdown;
 *   PSM_ERR_IO         the template cannot be read;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: for the file. Since 0.1.
 */
PSM_API int psm_mail_render(const char *template_name, const char *values_json,
                            char **subject, char **html, char **text,
                            void *mailer, psm_error *err) PSM_CHECK;

/**
 * A psm_mail_send_fn: hand one mail to the server of SMTP_HOST and SMTP_PORT,
 * within SMTP_CONNECT_TIMEOUT_MS and SMTP_TIMEOUT_MS; SMTP_USE_TLS asks for
 * STARTTLS, SMTP_IMPLICIT_TLS for TLS from the start, SMTP_USERNAME and
 * SMTP_PASSWORD log in. Date and Message-ID are set here.
 *
 * @param mail    as for psm_mail_send_fn.
 * @param mailer  a psm_mailer.
 * @param err     the server's words, or why it was not reached; may be NULL.
 * @return 0: the server took it;
 *   PSM_ERR_INVAL        a NULL argument;
 *   PSM_ERR_PARSE        mail is malformed;
 *   PSM_ERR_REJECT       the server refused it for good (5xx), or a header of
 *                        it would not be one line;
 *   PSM_ERR_UNAVAILABLE  it was not sent: the server is away, late, or wants it
 *                        later (4xx), or refused the login;
 *   PSM_ERR_UNCONFIRMED  the connection broke while the mail was on its way:
 *                        nobody knows;
 *   PSM_ERR_STATE        this is a replay;
 *   PSM_ERR_IO           the clock is wrong;
 *   PSM_ERR_NOMEM        out of memory.
 *
 * Threads: any. Blocks: up to SMTP_TIMEOUT_MS and 2 s. Since 0.1.
 */
PSM_API int psm_smtp_send(const char *mail, void *mailer,
                          psm_error *err) PSM_CHECK;

/**
 * Send a message of the system to SYSTEM_NOTIFICATION_EMAIL. It is not stored.
 *
 * @param mailer   a psm_mailer.
 * @param subject  one line.
 * @param message  any text; shown as it is.
 * @param err      as for psm_smtp_send().
 * @return 0: the server took it;
 *   PSM_ERR_INVAL        a NULL argument;
 *   PSM_ERR_CONFIG       SYSTEM_NOTIFICATION_EMAIL is empty;
 *   PSM_ERR_REJECT       as for psm_smtp_send();
 *   PSM_ERR_UNAVAILABLE  as for psm_smtp_send();
 *   PSM_ERR_UNCONFIRMED  as for psm_smtp_send();
 *   PSM_ERR_STATE        this is a replay;
 *   PSM_ERR_IO           the clock is wrong;
 *   PSM_ERR_NOMEM        out of memory.
 *
 * Threads: any. Blocks: up to SMTP_TIMEOUT_MS and 2 s. Since 0.1.
 */
PSM_API int psm_mail_notify(psm_mailer *mailer, const char *subject,
                            const char *message, psm_error *err) PSM_CHECK;

/**
 * Look once at the Maildir of EMAIL_ANSWER_MAILDIR: each file of its folder new
 * is given to psm_mail_answer(), then moved: to cur; to unmatched when it
 * answers no mail of ours; to failed, with one warning in the log, when it is
 * no mail, a mail server's report, or larger than EMAIL_ANSWER_MAX_BYTES. After
 * another failure it stays. What was read twice counts once.
 *
 * @param mailer  a psm_mailer.
 * @param store   as for psm_mail_answer().
 * @param err     details of a failure; may be NULL.
 * @return count of files that were moved; 0 also when no Maildir is set;
 *   PSM_ERR_INVAL    mailer or store is NULL;
 *   PSM_ERR_IO       the Maildir or a file cannot be read or moved;
 *   PSM_ERR_DB       as for psm_mail_answer();
 *   PSM_ERR_RETRY    as for psm_mail_answer();
 *   PSM_ERR_TIMEOUT  as for psm_mail_answer();
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: one at a time per Maildir. Blocks: for files and the database. Since
 * 0.1.
 */
PSM_API int psm_maildir_run(psm_mailer *mailer, psm_store *store,
                            psm_error *err) PSM_CHECK;

/**
 * Let a service send mails and read answers: the workers "mail-queue" and, with
 * EMAIL_ANSWER_MAILDIR, "mail-answers", every
 * EMAIL_QUEUE_CHECK_INTERVAL_SECONDS, and the part "mails" under /health, which
 * is amber while a mail is suspect or has been due for 10 minutes, or when the
 * mail server did not take the last one (unless it refused that for good), and
 * red when so more than half of the last 20 tries failed, of 5 at least.
 *
 * @param svc     a service that has not run yet.
 * @param mailer  lives until psm_service_run() returns.
 * @param store   lives until psm_service_run() returns.
 * @param err     details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  a NULL argument;
 *   PSM_ERR_STATE  the service runs or ran;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_service_add_mailer(psm_service *svc, psm_mailer *mailer,
                                   psm_store *store, psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
