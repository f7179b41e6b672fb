/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_INQUIRY_H
#define PSYMATCH_INQUIRY_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/mail.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/**
 * Compose an inquiry: bring the patients of a postal area who fit a therapist
 * together, at most MAX_ANFRAGE_SIZE of them, in the order of its strategy:
 * "fifo", the longest waiting first, or "priority", the same as if a search
 * were 30 days older for each step of its urgency, and 60 days older after a
 * missed first meeting. The strategy is kept with the inquiry. Publishes
 * "therapeutenanfrage.created", and "match.created" for each patient. Of two
 * that are composed at the same time for one therapist one is refused.
 *
 * @param store         its set "matching" is migrated.
 * @param therapist_id  whom to ask.
 * @param plz_prefix    the area: PLZ_MATCH_DIGITS digits, NUL-terminated.
 * @param options       object of {"override_cooling": why the therapist is
 *   asked before the end of the cooling period, "notizen": text, "strategie":
 *   "fifo" or "priority"}, UTF-8, need not be NUL-terminated; other members are
 *   left out. NULL: none of them. Without a strategy it is MATCHING_STRATEGY;
 *   while there is a MATCHING_STRATEGY_TRIAL, each search belongs to one of the
 *   two, and it is the one whose first fitting search was created first.
 * @param len           bytes of options.
 * @param out           receives {"anfrage_id": number, or null if nobody fits,
 *   "therapist_id", "plz_prefix", "anfragegroesse", "patient_ids": [number] by
 *   their places, "strategie", "geprueft": count of active searches that were
 *   looked at, "gruende": {reason: count of those whom it kept out},
 *   "cannot_tell": {doubt: count of those chosen whom it leaves open}}, with
 *   the names of psm_search_why_not(), NUL-terminated, new (psm_free); NULL
 *   after a failure. May be NULL.
 * @param err           details of a failure; may be NULL.
 * @return 1: composed; 0: fewer than MIN_ANFRAGE_SIZE fit, nothing was written;
 *   PSM_ERR_INVAL      store is NULL;
 *   PSM_ERR_PARSE      options is malformed;
 *   PSM_ERR_SCHEMA     plz_prefix is not PLZ_MATCH_DIGITS digits, or an option
 *                      is not valid;
 *   PSM_ERR_NOT_FOUND  the service's copy does not know the therapist;
 *   PSM_ERR_CONFLICT   the therapist practises in another area, is not "aktiv",
 *                      is in a cooling period, or has an inquiry that was not
 *                      sent or not answered yet;
 *   PSM_ERR_RETRY      other transactions were in the way;
 *   PSM_ERR_TOO_LARGE  options, or an event, is larger than it may be;
 *   PSM_ERR_DB         the database failed, or the set is not migrated;
 *   PSM_ERR_TIMEOUT    it did not answer in time;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_create(psm_store *store, int64_t therapist_id,
                               const char *plz_prefix, const char *options,
                               size_t len, char **out,
                               psm_error *err) PSM_CHECK;

/**
 * Send an inquiry, once: a mail is put into the queue, or, to a therapist
 * without a mail address, a call is planned. Patients whose search is not
 * active any more, or who are not known any more, leave first; when nobody is
 * left the inquiry is cancelled. Publishes "therapeutenanfrage.sent". Where the
 * communication service has a database of its own, a job "inquiry.send" hands
 * the mail or the call over to it.
 *
 * @param store    as for psm_inquiry_create().
 * @param id       the inquiry.
 * @param options  object of {"override_cooling": why it is sent before the end
 *   of the therapist's cooling period}, UTF-8, need not be NUL-terminated;
 *   other members are left out. NULL: none.
 * @param len      bytes of options.
 * @param render   makes the text of "psychotherapie_anfrage"; it may be NULL
 *   for a therapist who is called.
 * @param user     for render.
 * @param out      receives {"anfrage_id", "gesendet": boolean,
 *   "anfragegroesse", "communication_type": "email", "phone_call" or null,
 *   "email_id", "phone_call_id": number or null, "sent_date": time or null},
 *   NUL-terminated, new (psm_free); NULL after a failure. May be NULL.
 * @param err      details of a failure; may be NULL.
 * @return 1: sent; 0: nobody was left, it is cancelled;
 *   PSM_ERR_INVAL       store is NULL, or render is and a mail is wanted;
 *   PSM_ERR_PARSE       options is malformed;
 *   PSM_ERR_SCHEMA      an option or the mail is not valid;
 *   PSM_ERR_NOT_FOUND   there is no such inquiry;
 *   PSM_ERR_TRANSITION  it was sent before, the message says when, or
 *                       cancelled;
 *   PSM_ERR_CONFLICT    the therapist is not known, not "aktiv", in a cooling
 *                       period, or has neither mail address nor telephone;
 *   PSM_ERR_CONFIG      PSYMATCH_HOLIDAYS_FILE cannot be read, or the mail's
 *                       template is not valid;
 *   PSM_ERR_RETRY       other transactions were in the way;
 *   PSM_ERR_TOO_LARGE   options, or an event, is larger than it may be;
 *   PSM_ERR_DB          the database failed, or a set is not migrated;
 *   PSM_ERR_TIMEOUT     it did not answer in time;
 *   PSM_ERR_IO          the system gave no random bytes;
 *   PSM_ERR_NOMEM       out of memory;
 *   or what render returned, but for what is wrong with the template.
 *
 * Threads: any. Blocks: on the database and render. Since 0.1.
 */
PSM_API int psm_inquiry_send(psm_store *store, int64_t id, const char *options,
                             size_t len, psm_mail_render_fn render, void *user,
                             char **out, psm_error *err) PSM_CHECK;

/**
 * The mail or the call of an inquiry was made in another database: keep its
 * number, unless there is one. For whoever does the job "inquiry.send" and does
 * not use psm_matching_jobs().
 *
 * @param tx             an open transaction.
 * @param id             the inquiry.
 * @param email_id       number of the mail; 0: it is a call.
 * @param phone_call_id  number of the call; 0: it is a mail.
 * @param err            details of a failure; may be NULL.
 * @return 1: kept; 0: it has one already;
 *   PSM_ERR_INVAL      tx is NULL, or not exactly one of the two is the number
 *                      of a row;
 *   PSM_ERR_NOT_FOUND  there is no such inquiry;
 *   PSM_ERR_STATE      a statement of the transaction failed before;
 *   PSM_ERR_RETRY      other transactions were in the way;
 *   PSM_ERR_DB         the database failed, or the set is not migrated;
 *   PSM_ERR_TIMEOUT    it did not answer in time;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: one at a time. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_handed_over(psm_tx *tx, int64_t id, int64_t email_id,
                                    int64_t phone_call_id,
                                    psm_error *err) PSM_CHECK;

/**
 * An inquiry that counts as sent did not reach its therapist: it may be sent
 * again, by another mail or call, or cancelled; a note says why. Whoever
 * handles events with psm_matching_handle() need not call it: "email.failed"
 * without another attempt and "phone_call.failed" do the same, and when the
 * mail is sent after all ("email.sent") the inquiry counts as sent again. Of a
 * mail that nobody knows of whether it left, only a note is kept. If the
 * therapist was blocked or deleted meanwhile, the inquiry is cancelled.
 *
 * @param tx      an open transaction.
 * @param id      the inquiry.
 * @param reason  for its notes, NUL-terminated, not blank; nothing about a
 *                patient.
 * @param err     details of a failure; may be NULL.
 * @return 1: done; 0: it is not one that was sent and has no answer;
 *   PSM_ERR_INVAL      tx is NULL, or reason is NULL, blank or not UTF-8;
 *   PSM_ERR_NOT_FOUND  there is no such inquiry;
 *   PSM_ERR_STATE      a statement of the transaction failed before;
 *   PSM_ERR_RETRY      other transactions were in the way;
 *   PSM_ERR_DB         the database failed, or the set is not migrated;
 *   PSM_ERR_TIMEOUT    it did not answer in time;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: one at a time. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_not_sent(psm_tx *tx, int64_t id, const char *reason,
                                 psm_error *err) PSM_CHECK;

/**
 * Record a therapist's answer, or correct it, in one transaction: the outcome
 * of each patient ("match.status_changed"), the counts and the kind of the
 * answer ("therapeutenanfrage.response_received"), success of the searches
 * ("search.status_changed"), therapists that are not to be asked again, and the
 * cooling period ("cooling.period_started"). Patients with a place leave the
 * inquiries that were not sent yet.
 *
 * "angenommen" ends an active search; who had a place already is a conflict:
 * the first acceptance counts. "in_Sitzungen" counts as accepted, but the
 * search goes on. "abgelehnt_nicht_geeignet" and "nicht_erschienen" put the
 * therapist on the search's list.
 *
 * A correction keeps the date of the answer, starts no cooling period, and
 * reverts what the answer did: an exclusion that it made, a success that is
 * this inquiry's. The search is active again, unless the patient has a later
 * one ("abgebrochen") or another therapist had accepted, too, whose place it is
 * then.
 *
 * @param store  as for psm_inquiry_create().
 * @param id     the inquiry.
 * @param json   {"patient_responses": {"<patient id>": outcome, or {"outcome",
 *   "notizen": text}}, for each patient of the inquiry, "notizen": text,
 *   "correction": true if the inquiry is answered}, UTF-8, need not be
 *   NUL-terminated.
 * @param len    bytes of json.
 * @param out    receives {"anfrage_id", "response_type",
 *   "angenommene_patienten": [{"patient_id", "platzsuche_id"}], "konflikte":
 *   the same of those who had a place, "antwort_zusammenfassung": {"accepted",
 *   "rejected", "no_response"}}, NUL-terminated, new (psm_free); NULL after a
 *   failure. May be NULL.
 * @param err    details of a failure, with a fault for each patient; may be
 *   NULL.
 * @return 0: recorded;
 *   PSM_ERR_INVAL       store or json is NULL;
 *   PSM_ERR_PARSE       json is malformed;
 *   PSM_ERR_SCHEMA      patients are missing (missing_patient_ids in the
 *                       message), are not of the inquiry (extra_patient_ids) or
 *                       have no outcome (valid_outcomes);
 *   PSM_ERR_NOT_FOUND   there is no such inquiry;
 *   PSM_ERR_TRANSITION  it was not sent;
 *   PSM_ERR_CONFLICT    it is answered and this is no correction, or the other
 *                       way round;
 *   PSM_ERR_RETRY       other transactions were in the way;
 *   PSM_ERR_TOO_LARGE   json, or an event, is larger than it may be;
 *   PSM_ERR_DB          the database failed, or the set is not migrated;
 *   PSM_ERR_TIMEOUT     it did not answer in time;
 *   PSM_ERR_IO          the system gave no random bytes;
 *   PSM_ERR_NOMEM       out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_answer(psm_store *store, int64_t id, const char *json,
                               size_t len, char **out,
                               psm_error *err) PSM_CHECK;

/**
 * Cancel an inquiry that was not sent. Its matches are withdrawn
 * ("match.status_changed" to null), their rows stay as history.
 *
 * @param store   as for psm_inquiry_create().
 * @param id      the inquiry.
 * @param reason  why, NUL-terminated, not blank.
 * @param err     details of a failure; may be NULL.
 * @return 0: cancelled;
 *   PSM_ERR_INVAL       store is NULL, or reason is NULL, blank or not UTF-8;
 *   PSM_ERR_NOT_FOUND   there is no such inquiry;
 *   PSM_ERR_TRANSITION  it was sent or cancelled before;
 *   PSM_ERR_RETRY       other transactions were in the way;
 *   PSM_ERR_DB          the database failed, or the set is not migrated;
 *   PSM_ERR_TIMEOUT     it did not answer in time;
 *   PSM_ERR_IO          the system gave no random bytes;
 *   PSM_ERR_NOMEM       out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_cancel(psm_store *store, int64_t id, const char *reason,
                               psm_error *err) PSM_CHECK;

/**
 * Delete an inquiry and its matches ("match.status_changed" to null). Searches
 * stay as they are.
 *
 * @param store  as for psm_inquiry_create().
 * @param id     the inquiry.
 * @param force  1: also one that was sent, which is history; else 0.
 * @param err    details of a failure; may be NULL.
 * @return 0: deleted;
 *   PSM_ERR_INVAL      store is NULL;
 *   PSM_ERR_NOT_FOUND  there is no such inquiry;
 *   PSM_ERR_CONFLICT   it was sent, and force is 0;
 *   PSM_ERR_RETRY      other transactions were in the way;
 *   PSM_ERR_DB         the database failed, or the set is not migrated;
 *   PSM_ERR_TIMEOUT    it did not answer in time;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_delete(psm_store *store, int64_t id, int force,
                               psm_error *err) PSM_CHECK;

/**
 * An inquiry with all that belongs to it.
 *
 * @param store    as for psm_inquiry_create().
 * @param id       the inquiry.
 * @param out      receives the columns of the inquiry and {"therapist": what
 *   the matching service knows of the therapist, or null, "therapeuten_name"
 *   ("Unknown" then), "tage_seit_versand": full days, null before,
 *   "nachverfolgung_erforderlich": true if it was sent longer ago than
 *   FOLLOW_UP_THRESHOLD_DAYS days of the calendar in Berlin, and is neither
 *   answered nor cancelled, "antwort_zusammenfassung": {"total_accepted",
 *   "total_rejected", "total_no_response", "antwort_vollstaendig": true if
 *   nobody is without an outcome}, "patients": [{"position", "patient_id",
 *   "platzsuche_id", "search_created_at", "wartezeit_tage", "status",
 *   "antwortergebnis", "antwortnotizen", "konflikt", "patient": as
 *   "therapist"}]}, NUL-terminated, new (psm_free); NULL after a failure.
 * @param version  receives the count of the row's committed changes; may be
 *   NULL.
 * @param err      details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL      store or out is NULL;
 *   PSM_ERR_NOT_FOUND  there is no such inquiry;
 *   PSM_ERR_DB         the database failed, or the set is not migrated;
 *   PSM_ERR_TIMEOUT    it did not answer in time;
 *   PSM_ERR_RETRY      other transactions were in the way;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_get(psm_store *store, int64_t id, char **out,
                            int64_t *version, psm_error *err) PSM_CHECK;

/**
 * A page of inquiries, the newest first. Filters come before the pages: total
 * counts what they leave.
 *
 * @param store  as for psm_inquiry_create().
 * @param query  an object of filters, NUL-terminated: "therapist_id",
 *   "versand_status" ("gesendet", "ungesendet"), "antwort_status"
 *   ("beantwortet", "ausstehend": sent, but not answered),
 *   "nachverfolgung_erforderlich" (boolean, see psm_inquiry_get()), "min_size",
 *   "max_size", "anfragegroesse", "antworttyp", "strategie", and "page" (from
 *   1) and "limit" (1 to 1000; 20). NULL: the first 20 of all.
 * @param out    receives {"data": [{"id", "therapist_id", "therapeuten_name",
 *   "erstellt_datum", "gesendet_datum", "antwort_datum", "tage_seit_versand",
 *   "antworttyp", "anfragegroesse", "angenommen_anzahl", "abgelehnt_anzahl",
 *   "keine_antwort_anzahl", "nachverfolgung_erforderlich",
 *   "antwort_vollstaendig", "storniert_datum", "strategie"}], "page", "limit",
 *   "total", "summary": {"total_anfragen", "unsent_anfragen",
 *   "pending_responses", "needing_follow_up"}, counts of this page}, new
 *   (psm_free); NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL      store or out is NULL;
 *   PSM_ERR_PARSE      query is malformed;
 *   PSM_ERR_SCHEMA     there is no such filter, or a value is not valid, also
 *                      of page and limit; the pointer is "/<name>";
 *   PSM_ERR_TOO_LARGE  query is larger than a JSON document may be;
 *   PSM_ERR_DB         the database failed, or the set is not migrated;
 *   PSM_ERR_TIMEOUT    it did not answer in time;
 *   PSM_ERR_RETRY      other transactions were in the way;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_list(psm_store *store, const char *query, char **out,
                             psm_error *err) PSM_CHECK;

/**
 * A page of matches: the patients of inquiries.
 *
 * @param store  as for psm_inquiry_create().
 * @param query  object of "sort", "page" and "limit" as psm_entity_list() knows
 *   them, and of the filters "therapeutenanfrage_id", "platzsuche_id",
 *   "patient_id", "status", "antwortergebnis" and "konflikt".
 * @param out    as psm_entity_list() gives it, new (psm_free); NULL after a
 *   failure.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL      store or out is NULL, or page or limit is out of range;
 *   PSM_ERR_PARSE      query is malformed;
 *   PSM_ERR_SCHEMA     there is no such filter or order, or a value is not
 *                      valid; the pointer is "/<name>" or "/sort";
 *   PSM_ERR_TOO_LARGE  query is larger than a JSON document may be;
 *   PSM_ERR_DB         the database failed, or the set is not migrated;
 *   PSM_ERR_TIMEOUT    it did not answer in time;
 *   PSM_ERR_RETRY      other transactions were in the way;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_matches(psm_store *store, const char *query, char **out,
                                psm_error *err) PSM_CHECK;

/**
 * The patients whom more than one therapist accepted, for a person to tell the
 * therapists who came later.
 *
 * @param store  as for psm_inquiry_create().
 * @param out    receives an array of {"platzsuche_id", "patient_id", "status",
 *   "erfolgreiche_anfrage_id", "annahmen": [{"match_id", "anfrage_id",
 *   "therapist_id", "antwort_datum", "konflikt": boolean}], the first answered
 *   first}, NUL-terminated, new (psm_free); NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL    store or out is NULL;
 *   PSM_ERR_DB       the database failed, or the set is not migrated;
 *   PSM_ERR_TIMEOUT  it did not answer in time;
 *   PSM_ERR_RETRY    other transactions were in the way;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_conflicts(psm_store *store, char **out,
                                  psm_error *err) PSM_CHECK;

/**
 * Read the text of an answer, as it is done for mails: by phrases in German and
 * their negations. What a mail quotes of others counts for nothing.
 *
 * @param subject   NUL-terminated UTF-8; NULL: none.
 * @param text      NUL-terminated UTF-8; NULL: none.
 * @param patients  numbers of the patients it may be about.
 * @param count     of patients, at most 100.
 * @param today     "YYYY-MM-DD", NUL-terminated: days without a year are the
 *   next ones from there on, within a year (29.2. only before and in a leap
 *   year).
 * @param out       receives {"patient_responses": {"<patient id>": outcome},
 *   "missing_patient_ids": those nothing is said of, "abwesend": true for a
 *   note of absence, "bis": date or null: absent, or no capacity, before it,
 *   "konfidenz": 0 to 100, "worte": [phrase that it relies on]},
 *   NUL-terminated, new (psm_free); NULL after a failure.
 * @param err       details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL  out is NULL, patients is and count is not 0, too many
 *                  patients, or today is no date;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_inquiry_read_text(const char *subject, const char *text,
                                  const int64_t *patients, size_t count,
                                  const char *today, char **out,
                                  psm_error *err) PSM_CHECK;

/**
 * The newest proposals: what psm_matching_handle() read of answers by mail, if
 * PSYMATCH_AUTO_RESPONSE is "propose" or "apply".
 *
 * @param store   as for psm_inquiry_create().
 * @param status  "offen": a person is to confirm it, "bestaetigt", "verworfen"
 *   or "angewandt": recorded at once; NULL: all.
 * @param limit   1 to 1000.
 * @param out     receives an array of {"id", "therapeutenanfrage_id",
 *   "therapist_id", "email_id", "erstellt_am", "vorschlag": as
 *   psm_inquiry_read_text() gives it, "konfidenz", "status", "erledigt_am",
 *   "grund"}, the newest first, NUL-terminated, new (psm_free); NULL after a
 *   failure.
 * @param err     details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL    store or out is NULL, or limit is out of range;
 *   PSM_ERR_DB       the database failed, or the set is not migrated;
 *   PSM_ERR_TIMEOUT  it did not answer in time;
 *   PSM_ERR_RETRY    other transactions were in the way;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_proposals(psm_store *store, const char *status,
                                  int limit, char **out,
                                  psm_error *err) PSM_CHECK;

/**
 * Record what was proposed, or what a person made of it, as the answer.
 *
 * @param store  as for psm_inquiry_create().
 * @param id     the proposal.
 * @param json   as for psm_inquiry_answer(); NULL: as it was proposed.
 * @param len    bytes of json.
 * @param out    as for psm_inquiry_answer(); may be NULL.
 * @param err    details of a failure; may be NULL.
 * @return 0: recorded;
 *   PSM_ERR_INVAL       store is NULL;
 *   PSM_ERR_PARSE       json is malformed;
 *   PSM_ERR_SCHEMA      as for psm_inquiry_answer(), so also if the proposal
 *                       has no outcome for some patient;
 *   PSM_ERR_NOT_FOUND   there is no such proposal;
 *   PSM_ERR_TRANSITION  as for psm_inquiry_answer();
 *   PSM_ERR_CONFLICT    the proposal is done with, or as for
 *                       psm_inquiry_answer();
 *   PSM_ERR_RETRY       other transactions were in the way;
 *   PSM_ERR_TOO_LARGE   json, or an event, is larger than it may be;
 *   PSM_ERR_DB          the database failed, or the set is not migrated;
 *   PSM_ERR_TIMEOUT     it did not answer in time;
 *   PSM_ERR_IO          the system gave no random bytes;
 *   PSM_ERR_NOMEM       out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_proposal_confirm(psm_store *store, int64_t id,
                                         const char *json, size_t len,
                                         char **out, psm_error *err) PSM_CHECK;

/**
 * Refuse a proposal: the inquiry stays without an answer.
 *
 * @param store   as for psm_inquiry_create().
 * @param id      the proposal.
 * @param reason  why, NUL-terminated UTF-8; NULL: not said.
 * @param err     details of a failure; may be NULL.
 * @return 0: refused;
 *   PSM_ERR_INVAL      store is NULL, or reason is not UTF-8;
 *   PSM_ERR_NOT_FOUND  there is no such proposal;
 *   PSM_ERR_CONFLICT   it is done with;
 *   PSM_ERR_RETRY      other transactions were in the way;
 *   PSM_ERR_DB         the database failed, or the set is not migrated;
 *   PSM_ERR_TIMEOUT    it did not answer in time;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_proposal_refuse(psm_store *store, int64_t id,
                                        const char *reason,
                                        psm_error *err) PSM_CHECK;

/**
 * Ask how far the patients of an inquiry have to go by road: publishes
 * "geocoding.calculate_distance" for each, with postal codes and towns alone.
 * The answers come as "geocoding.distance_result", see psm_matching_handle(),
 * and are what psm_inquiry_distances() tells.
 *
 * @param store  as for psm_inquiry_create().
 * @param id     the inquiry.
 * @param err    details of a failure; may be NULL.
 * @return count of patients that were asked for, those without a place left
 *   out;
 *   PSM_ERR_INVAL      store is NULL;
 *   PSM_ERR_NOT_FOUND  there is no such inquiry;
 *   PSM_ERR_DB         not done, call again; not retriable: the set is not
 *                      migrated;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_ask_distances(psm_store *store, int64_t id,
                                      psm_error *err) PSM_CHECK;

/**
 * What is known of how far the patients of an inquiry have to go.
 *
 * @param store  as for psm_inquiry_create().
 * @param id     the inquiry.
 * @param out    receives {"anfrage_id": number, "data": [{"match_id",
 *   "patient_id": number, "distance_km": number or null, "status": "not_asked",
 *   "pending", "success", "partial" or "error", "source": text or null,
 *   "asked_at": time or null}]} as JSON, new (psm_free); NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL      store or out is NULL;
 *   PSM_ERR_NOT_FOUND  there is no such inquiry;
 *   PSM_ERR_DB         the database failed, or the set is not migrated;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_inquiry_distances(psm_store *store, int64_t id, char **out,
                                  psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
