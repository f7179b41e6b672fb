/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_MAIL_H
#define PSYMATCH_MAIL_H

#include <psymatch/base.h>
#include <psymatch/change.h>
#include <psymatch/error.h>
#include <psymatch/event.h>
#include <psymatch/processor.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/**
 * Renders the text of a mail. libpsymatch-service has one, psm_mail_render().
 *
 * @param template_name  e.g. "psychotherapie_anfrage", without a folder and
 *   ".md"; borrowed for the call. NULL: values is a mail as psm_mail_create()
 *   takes it, its content is to be made of inhalt_markdown, or of inhalt_html
 *   and inhalt_text, with the legal footer unless add_legal_footer is false.
 * @param values_json  JSON object, NUL-terminated; borrowed for the call. Of
 *   the two templates that are installed:
 *   "psychotherapie_anfrage": {"therapist": {"anrede", "geschlecht", "titel",
 *   "nachname", "ueber_curavani_informiert"}, "patient_count": n,
 *   "anfrage_id": n, "patients": [{"id", "geschlecht", "symptome": array,
 *   "krankenkasse", "age", "erfahrung_mit_psychotherapie",
 *   "letzte_sitzung_vorherige_psychotherapie", "offen_fuer_gruppentherapie",
 *   "zeitliche_verfuegbarkeit": object}]};
 *   "patient_registration_confirmation": {"patient": {"anrede", "nachname",
 *   "zahlungsreferenz"}}. Values as their columns have them, null where there
 *   is none.
 * @param subject  receives the subject, new (psm_free); NULL: the template has
 *   none.
 * @param html     receives the HTML, new (psm_free).
 * @param text     receives the plain text, new (psm_free).
 * @param user     as given with the function.
 * @param err      receives the details of a failure; borrowed for the call.
 * @return 0 or more: rendered; a negative code: not, and nothing was given.
 *
 * Threads: that of the function it was given to.
 */
typedef int (*psm_mail_render_fn)(const char *template_name,
                                  const char *values_json, char **subject,
                                  char **html, char **text, void *user,
                                  psm_error *err);

/**
 * Write a mail, in a transaction of its own. Publishes
 * "communication.email_created", and "email.sent" or "email.failed" too if its
 * status is "Gesendet" or "Fehlgeschlagen".
 *
 * @param store   its set "communication" is migrated.
 * @param json    {"therapist_id" or "patient_id": number, "betreff": text,
 *   "empfaenger_email": text, "empfaenger_name": text, and at least one of
 *   "inhalt_markdown", "inhalt_html" and "inhalt_text", of which the first one,
 *   unless it is blank, takes the place of the others; optional
 *   "add_legal_footer": true, "absender_email", "absender_name": those of
 *   EMAIL_SENDER and EMAIL_SENDER_NAME, "status": "Entwurf",
 *   "In_Warteschlange", "Gesendet" or "Fehlgeschlagen"}.
 * @param len     of json in bytes.
 * @param render  renders the Markdown and puts the footer below; NULL: Markdown
 *   is refused, and there is no footer.
 * @param user    for render.
 * @param out     receives the mail as JSON, every column, NUL-terminated, new
 *   (psm_free); NULL after a failure. May be NULL.
 * @param err     details of a failure; may be NULL.
 * @return 0: written;
 *   PSM_ERR_INVAL       store or json is NULL;
 *   PSM_ERR_PARSE       json is malformed;
 *   PSM_ERR_TOO_LARGE   json, or an event, is larger than it may be;
 *   PSM_ERR_SCHEMA      values are not valid, or there is no recipient, or two,
 *                       or no content: all faults with their pointers;
 *   PSM_ERR_TRANSITION  a mail may not begin with this status;
 *   PSM_ERR_DB          not done, call again; not retriable: the set is not
 *                       migrated;
 *   PSM_ERR_RETRY       as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT     as PSM_ERR_DB;
 *   PSM_ERR_IO          the system gave no random bytes;
 *   PSM_ERR_NOMEM       out of memory;
 *   or what render returned.
 *
 * Threads: any. Blocks: for the database and render. Since 0.1.
 */
PSM_API int psm_mail_create(psm_store *store, const char *json, size_t len,
                            psm_mail_render_fn render, void *user, char **out,
                            psm_error *err) PSM_CHECK;

/**
 * As psm_mail_create(), but within the caller's transaction, with the content
 * ready, and at most once.
 *
 * @param tx        an open transaction.
 * @param json      as for psm_mail_create(), without "inhalt_markdown" and
 *   "add_legal_footer".
 * @param len       of json in bytes.
 * @param once_key  1 to 200 bytes, e.g. "inquiry:7": the same key gives the
 *   same mail again, whatever json says, also when two transactions ask at
 *   once. NULL: always another one.
 * @param out       as for psm_mail_create().
 * @param err       details of a failure; may be NULL.
 * @return 1: written; 0: it was there already;
 *   PSM_ERR_INVAL       tx or json is NULL, or once_key is empty or too long;
 *   PSM_ERR_PARSE       json is malformed;
 *   PSM_ERR_TOO_LARGE   json, or an event, is larger than it may be;
 *   PSM_ERR_SCHEMA      values are not valid, with all faults;
 *   PSM_ERR_TRANSITION  a mail may not begin with this status;
 *   PSM_ERR_STATE       a statement of the transaction failed before;
 *   PSM_ERR_DB          not done, call again; not retriable: the set is not
 *                       migrated;
 *   PSM_ERR_RETRY       as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT     as PSM_ERR_DB;
 *   PSM_ERR_IO          the system gave no random bytes;
 *   PSM_ERR_NOMEM       out of memory.
 *
 * Threads: one at a time. Blocks: for the database, and while another
 * transaction writes a mail with the same key. Since 0.1.
 */
PSM_API int psm_mail_make(psm_tx *tx, const char *json, size_t len,
                          const char *once_key, char **out,
                          psm_error *err) PSM_CHECK;

/**
 * Read a mail.
 *
 * @param store    as for psm_mail_create().
 * @param id       its number.
 * @param out      as for psm_mail_create(), not NULL.
 * @param version  receives its version, 0: never changed by this library. May
 *   be NULL.
 * @param err      details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL      store or out is NULL;
 *   PSM_ERR_NOT_FOUND  there is no such mail;
 *   PSM_ERR_DB         not done, call again; not retriable: the set is not
 *                      migrated;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_mail_get(psm_store *store, int64_t id, char **out,
                         int64_t *version, psm_error *err) PSM_CHECK;

/**
 * A page of mails.
 *
 * @param store  as for psm_mail_create().
 * @param query  JSON object of filters ("therapist_id", "patient_id",
 *   "status", "recipient_type": "therapist" or "patient"), "sort", "page" and
 *   "limit"; NULL: the newest 20.
 * @param out    receives {"data": [mail], "page", "limit", "total"} as JSON,
 *   new (psm_free); NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL    store or out is NULL, or page or limit is out of range;
 *   PSM_ERR_PARSE    query is malformed;
 *   PSM_ERR_TOO_LARGE  query is larger than a JSON document may be;
 *   PSM_ERR_SCHEMA   there is no such filter or order, or a value is not valid;
 *                    the pointer is "/<name>";
 *   PSM_ERR_DB       not done, call again; not retriable: the set is not
 *                    migrated;
 *   PSM_ERR_RETRY    as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_mail_list(psm_store *store, const char *query, char **out,
                          psm_error *err) PSM_CHECK;

/**
 * Change a mail by hand: its status, or that it was answered. Null and absent
 * members leave a column as it is.
 *
 * Entwurf -> In_Warteschlange, Gesendet, Fehlgeschlagen; In_Warteschlange ->
 * Gesendet, Fehlgeschlagen; Fehlgeschlagen -> In_Warteschlange, where it is due
 * at once;
 * and when nobody knows whether it was sent, or a program of the past left it
 * there: Wird_gesendet -> Gesendet, Fehlgeschlagen. The step to Gesendet
 * publishes "email.sent", that to Fehlgeschlagen "email.failed";
 * antwort_erhalten from false to true publishes "email.response_received" and
 * fills antwortdatum; in Entwurf and In_Warteschlange it publishes nothing.
 *
 * @param store       as for psm_mail_create().
 * @param id          its number.
 * @param if_version  that it must have, or PSM_VERSION_ANY.
 * @param json        object with "status", "antwort_erhalten", "antwortdatum",
 *   "antwortinhalt", "fehlermeldung"; other members are left out.
 * @param len         of json in bytes.
 * @param out         as for psm_mail_create().
 * @param err         details of a failure; may be NULL.
 * @return 1: changed; 0: there was nothing to change;
 *   PSM_ERR_INVAL         store or json is NULL, or if_version is out of range;
 *   PSM_ERR_PARSE         json is malformed;
 *   PSM_ERR_TOO_LARGE     json, or an event, is larger than it may be;
 *   PSM_ERR_SCHEMA        values are not valid, with all faults;
 *   PSM_ERR_NOT_FOUND     there is no such mail;
 *   PSM_ERR_PRECONDITION  it has another version;
 *   PSM_ERR_TRANSITION    the status may not follow the present one;
 *   PSM_ERR_CONFLICT      it is being sent at the moment;
 *   PSM_ERR_DB            not done, call again; not retriable: the set is not
 *                         migrated;
 *   PSM_ERR_RETRY         as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT       as PSM_ERR_DB;
 *   PSM_ERR_IO            the system gave no random bytes;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: any. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_mail_update(psm_store *store, int64_t id, int64_t if_version,
                            const char *json, size_t len, char **out,
                            psm_error *err) PSM_CHECK;

/**
 * Delete a mail; publishes "email.deleted".
 *
 * @param store       as for psm_mail_create().
 * @param id          its number.
 * @param if_version  that it must have, or PSM_VERSION_ANY.
 * @param err         details of a failure; may be NULL.
 * @return 0: deleted;
 *   PSM_ERR_INVAL         store is NULL, or if_version is out of range;
 *   PSM_ERR_NOT_FOUND     there is no such mail;
 *   PSM_ERR_PRECONDITION  it has another version;
 *   PSM_ERR_CONFLICT      it is being sent at the moment;
 *   PSM_ERR_DB            not done, call again; not retriable: the set is not
 *                         migrated;
 *   PSM_ERR_RETRY         as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT       as PSM_ERR_DB;
 *   PSM_ERR_IO            the system gave no random bytes;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: any. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_mail_delete(psm_store *store, int64_t id, int64_t if_version,
                            psm_error *err) PSM_CHECK;

/**
 * Sends one mail. libpsymatch-service has one, psm_smtp_send().
 *
 * @param mail  JSON object, NUL-terminated: {"id": number, "message_id": text,
 *   "betreff", "inhalt_html", "inhalt_text", "empfaenger_email",
 *   "empfaenger_name", "absender_email", "absender_name": text}; borrowed for
 *   the call.
 * @param user  as given to psm_mail_queue_run().
 * @param err   receives the reason of a failure, which is stored with the mail;
 *   borrowed for the call.
 * @return 0 or more: the server took it;
 *   PSM_ERR_REJECT       refused for good: it is not tried again;
 *   PSM_ERR_UNCONFIRMED  nobody knows whether the server took it;
 *   PSM_ERR_UNAVAILABLE  as another code; two in a row: the server is away, and
 *                        the others wait for the next run, without an attempt;
 *   or another code: it was not sent, and is tried again later.
 *
 * Threads: that of psm_mail_queue_run(). Has to return well within
 * EMAIL_LEASE_SECONDS.
 */
typedef int (*psm_mail_send_fn)(const char *mail, void *user, psm_error *err);

/**
 * Look at the queue once: decide about suspect mails as EMAIL_SUSPECT_POLICY
 * says, then send those that are due, the oldest first, at most
 * EMAIL_QUEUE_BATCH_SIZE. That a mail is being sent is committed before send is
 * called, and no other process sends it; what came of it is committed after it.
 * Publishes "email.sent" or "email.failed". What was not sent is tried again
 * after EMAIL_RETRY_BASE_SECONDS, twice as long each time, at most
 * EMAIL_RETRY_LIMIT times. A mail whose result could not be stored is suspect
 * once its lease is over.
 *
 * @param store  as for psm_mail_create(); its settings count.
 * @param send   sends one mail.
 * @param user   for send.
 * @param err    details of a failure; may be NULL.
 * @return count of mails that were tried, 0: none was due;
 *   PSM_ERR_INVAL      store or send is NULL;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_DB         not done, call again; not retriable: the set is not
 *                      migrated;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any number, in any number of processes. Blocks: for the database and
 * send. Since 0.1.
 */
PSM_API int psm_mail_queue_run(psm_store *store, psm_mail_send_fn send,
                               void *user, psm_error *err) PSM_CHECK;

/**
 * How the queue stands.
 *
 * @param store  as for psm_mail_create().
 * @param out    receives {"due": n, "later": n, "oldest_due_seconds": n,
 *   "sending": n, "suspect": n, "held": n} as JSON, new (psm_free); NULL after
 *   a failure. Held: not sent while the therapist is blocked.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL      store or out is NULL;
 *   PSM_ERR_DB         not done, call again; not retriable: the set is not
 *                      migrated;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_mail_queue_status(psm_store *store, char **out,
                                  psm_error *err) PSM_CHECK;

/**
 * Store the answer to a mail, once. The mail is the one whose Message-ID the
 * answer refers to, else the newest one whose subject ends with the reference
 * "A12" that the answer's subject has. Several answers stand one below the
 * other in antwortinhalt. Publishes "email.response_received", with what this
 * one says as "response_data", and "email.sent" if the mail was not known to be
 * sent: what was answered has arrived, and is not sent again, also after a
 * failure.
 *
 * @param store  as for psm_mail_create().
 * @param json   {"text": text, "id": the answer's own Message-ID, "references":
 *   [Message-IDs, the closest one first], "subject": text, "from": text,
 *   "received_at": RFC 3339 time, "automatic": true if no person wrote it}; all
 *   but "text" are optional. Without an id the same text of the same sender to
 *   the same mail is the same answer.
 * @param len    of json in bytes.
 * @param out    receives {"email_id": number, "new": boolean} as JSON, new
 *   (psm_free); NULL after a failure. May be NULL.
 * @param err    details of a failure; may be NULL.
 * @return 1: stored; 0: it was stored before;
 *   PSM_ERR_INVAL      store or json is NULL;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_TOO_LARGE  json, or an event, is larger than it may be;
 *   PSM_ERR_SCHEMA     values are not valid, with all faults;
 *   PSM_ERR_NOT_FOUND  there is no mail that it could answer;
 *   PSM_ERR_DB         not done, call again; not retriable: the set is not
 *                      migrated;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_mail_answer(psm_store *store, const char *json, size_t len,
                            char **out, psm_error *err) PSM_CHECK;

/**
 * Handler of the commands "communication.send_email" and "email.send" for
 * psm_processor_on(): a mail that waits in the queue is due at once, and the
 * next psm_mail_queue_run() sends it. A mail in another state stays as it is,
 * one that was deleted needs nothing; other types of events mean nothing.
 *
 * @param tx    the transaction of the event.
 * @param ev    the command.
 * @param user  ignored.
 * @param err   details of a failure; may be NULL.
 * @return 0: done;
 *   PSM_ERR_INVAL      tx or ev is NULL;
 *   PSM_ERR_REJECT     email_id is not the number of a mail;
 *   PSM_ERR_STATE      a statement of the transaction failed before;
 *   PSM_ERR_DB         not done, call again; not retriable: the set is not
 *                      migrated;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: one at a time. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_mail_handle(psm_tx *tx, const psm_event *ev, void *user,
                            psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
