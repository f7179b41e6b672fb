/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_MATCHING_H
#define PSYMATCH_MATCHING_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/event.h>
#include <psymatch/json.h>
#include <psymatch/handler.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/* Status of a patient's search (suchstatus), spelled as in SQL and JSON. */
enum psm_search_status {
	PSM_SEARCH_AKTIV = 0,
	PSM_SEARCH_ERFOLGREICH = 1,
	PSM_SEARCH_PAUSIERT = 2,
	PSM_SEARCH_ABGEBROCHEN = 3
};

/* Where an inquiry (Therapeutenanfrage) stands; no column holds it, its dates
 * do: "unsent" none, "sent" gesendet_datum, "answered" antwort_datum,
 * "cancelled" storniert_datum. */
enum psm_inquiry_state {
	PSM_INQUIRY_UNSENT = 0,
	PSM_INQUIRY_SENT = 1,
	PSM_INQUIRY_ANSWERED = 2,
	PSM_INQUIRY_CANCELLED = 3
};

/**
 * The word of a search status, e.g. "pausiert".
 *
 * @param status  an enum psm_search_status.
 * @return borrowed for ever; NULL for another number.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_search_status_name(int status);

/**
 * The search status of a word; upper and lower case count.
 *
 * @param name  NUL-terminated UTF-8; NULL is no status.
 * @return an enum psm_search_status;
 *   PSM_ERR_INVAL  name is none of the words.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_search_status_from_name(const char *name);

/**
 * May a search change its status so? aktiv -> pausiert, erfolgreich,
 * abgebrochen; pausiert -> aktiv, abgebrochen; nothing follows the other two,
 * and no status follows itself.
 *
 * @param from  an enum psm_search_status.
 * @param to    an enum psm_search_status.
 * @param err   details of a failure; may be NULL.
 * @return 0: it may;
 *   PSM_ERR_INVAL       a number that is no status;
 *   PSM_ERR_TRANSITION  it may not; the message names both.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_search_transition(int from, int to, psm_error *err) PSM_CHECK;

/**
 * The word of an inquiry state: "unsent", "sent", "answered", "cancelled".
 *
 * @param state  an enum psm_inquiry_state.
 * @return borrowed for ever; NULL for another number.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_inquiry_state_name(int state);

/**
 * The inquiry state of a word.
 *
 * @param name  NUL-terminated; NULL is no state.
 * @return an enum psm_inquiry_state;
 *   PSM_ERR_INVAL  name is none of the words.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_inquiry_state_from_name(const char *name);

/**
 * The state that the three dates of an inquiry mean.
 *
 * @param sent       1 if gesendet_datum is set, else 0.
 * @param answered   1 if antwort_datum is set, else 0.
 * @param cancelled  1 if storniert_datum is set, else 0.
 * @return an enum psm_inquiry_state;
 *   PSM_ERR_INVAL  dates that exclude each other: answered but never sent, or
 *                  cancelled and yet sent or answered.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_inquiry_state(int sent, int answered, int cancelled);

/**
 * May an inquiry change its state so? unsent -> sent, cancelled; sent ->
 * answered, unsent (it did not arrive); nothing follows the other two.
 *
 * @param from  an enum psm_inquiry_state.
 * @param to    an enum psm_inquiry_state.
 * @param err   details of a failure; may be NULL.
 * @return 0: it may;
 *   PSM_ERR_INVAL       a number that is no state;
 *   PSM_ERR_TRANSITION  it may not; the message names both.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_inquiry_transition(int from, int to, psm_error *err) PSM_CHECK;

/**
 * Is a therapist on the exclusion list of a search?
 *
 * @param list          array of therapist ids and of {"id": n, ...}; other
 *   elements exclude nobody. NULL and JSON null are the empty list. Borrowed.
 * @param therapist_id  the therapist.
 * @return 1: yes; 0: no.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_exclusion_contains(const psm_json *list, int64_t therapist_id);

/**
 * Add a therapist to the exclusion list of a search, once.
 *
 * @param list          as for psm_exclusion_contains(); borrowed.
 * @param therapist_id  the therapist, positive.
 * @param time_us       when, microseconds since 1970 UTC.
 * @param reason        why, NUL-terminated UTF-8; NULL: null.
 * @param out           receives the list as JSON text: the old elements as
 *   they were, then {"id": n, "excluded_at": RFC 3339 time, "reason": string or
 *   null} unless the therapist was on it. New (psm_free).
 * @param err           details of a failure; may be NULL.
 * @return 1: added; 0: was on the list already;
 *   PSM_ERR_INVAL   out is NULL, therapist_id is not positive, the time is
 *                   outside the years 1 to 9999, or reason is not UTF-8;
 *   PSM_ERR_SCHEMA  list is not an array;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_exclusion_add(const psm_json *list, int64_t therapist_id,
                              int64_t time_us, const char *reason, char **out,
                              psm_error *err) PSM_CHECK;

/**
 * Append an entry to a log of notes: "[2026-01-31 09:00 (System)] text". Lines
 * of text after the first are indented by four spaces, so that no text can
 * look like an entry of its own.
 *
 * @param notes    the log so far; NULL or empty: none.
 * @param time_us  when, microseconds since 1970 UTC.
 * @param author   who: letters, digits, blanks and "._-"; NULL: left out.
 * @param text     the entry, NUL-terminated UTF-8, not empty.
 * @param out      receives the whole log, new (psm_free).
 * @param err      details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  text or out is NULL, text is empty, author has another
 *                  character, or the time is before 1970 or after 9999;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_note_append(const char *notes, int64_t time_us,
                            const char *author, const char *text, char **out,
                            psm_error *err) PSM_CHECK;

/**
 * Add psm_matching_handle() to a set of handlers for each type that it knows,
 * or for those of one topic: then a consumer group for each topic goes on alone
 * while another waits. An event that cannot be handled now is parked
 * (PSM_ON_FAILURE_PARK); other keys go on.
 *
 * @param hs     a set, e.g. for psm_processor_handlers() of a processor whose
 *   store has the set "matching" migrated.
 * @param topic  e.g. "therapist-events"; NULL: all topics.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL     hs is NULL, or no type is of that topic;
 *   PSM_ERR_CONFLICT  the set has a handler of one of the types;
 *   PSM_ERR_NOMEM     out of memory.
 *   After an error the set may have some of them.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_matching_handlers(psm_handlers *hs, const char *topic,
                                  psm_error *err) PSM_CHECK;

/**
 * The types psm_matching_handle() knows.
 *
 * @param i  index from 0.
 * @return borrowed for ever; NULL past the end.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_matching_type_at(size_t i);

/**
 * What an event means to the matching service. therapist.created, .updated,
 * .unblocked, patient.created, .updated, .status_changed: its copy of the
 * record. therapist.blocked: also cancels that therapist's unsent inquiries and
 * excludes the therapist from active searches in sent, unanswered ones.
 * patient.deleted: erases the copy, ends the patient's open searches
 * ("search.status_changed") and takes the patient out of unsent inquiries.
 * Events of patients also open and end searches, and adjust inquiries that were
 * not sent yet, see psm_search(3); patient.therapist_excluded adds to the lists
 * of open searches. phone_call.completed with a therapist_id starts a cooling
 * period, email.response_received makes a proposal, see psm_inquiry(3).
 * Handling an event again changes nothing, and an older event never undoes what
 * a newer one of the same entity did. Other types do nothing.
 *
 * @param tx    a transaction; it is neither committed nor rolled back.
 * @param ev    the event; borrowed.
 * @param user  not used, may be NULL (so that this is a psm_tx_event_fn).
 * @param err   details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL   tx or ev is NULL;
 *   PSM_ERR_REJECT  the payload does not make sense;
 *   PSM_ERR_DB       the database failed;
 *   PSM_ERR_RETRY    as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: any, one at a time per transaction. Blocks: on the database.
 * Since 0.1.
 */
PSM_API int psm_matching_handle(psm_tx *tx, const psm_event *ev, void *user,
                                psm_error *err);

/**
 * Load patients, their searches and inquiries for therapists that the copy
 * knows, in one transaction. What is there already is left as it is.
 *
 * @param store  an open store whose set "matching" is migrated.
 * @param json   {"patients": [{"id": n, columns of a patient,
 *   "search": {"status", "created_at", "ausgeschlossene_therapeuten"}}],
 *   "inquiries": [{"therapist": {"vorname", "nachname", "plz"},
 *   "patients": [id] in the order of their positions, "sent_at": time or
 *   null}]}, NUL-terminated.
 * @param err    details of a failure, with JSON pointer, line and column; may
 *   be NULL.
 * @return count of inquiries made;
 *   PSM_ERR_INVAL      store or json is NULL;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_SCHEMA     a member is missing or does not fit;
 *   PSM_ERR_TOO_LARGE  json is larger than a JSON document may be;
 *   PSM_ERR_NOT_FOUND  no such therapist in the copy (yet), or an inquiry names
 *                      a patient without an active search;
 *   PSM_ERR_AMBIGUOUS  more than one therapist of that name and postal code;
 *   PSM_ERR_CONFLICT   the therapist is blocked;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_matching_load(psm_store *store, const char *json,
                              psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
