/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_PATIENT_H
#define PSYMATCH_PATIENT_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/event.h>
#include <psymatch/json.h>
#include <psymatch/processor.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/* Status of a patient (patientenstatus), spelled as in SQL and JSON. */
enum psm_patient_status {
	PSM_PATIENT_OFFEN = 0,
	PSM_PATIENT_AUF_DER_SUCHE = 1,
	PSM_PATIENT_IN_THERAPIE = 2,
	PSM_PATIENT_THERAPIE_ABGESCHLOSSEN = 3,
	PSM_PATIENT_SUCHE_ABGEBROCHEN = 4,
	PSM_PATIENT_THERAPIE_ABGEBROCHEN = 5
};

/**
 * The word of a patient status, e.g. "auf_der_Suche".
 *
 * @param status  an enum psm_patient_status.
 * @return borrowed for ever; NULL for another number.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_patient_status_name(int status);

/**
 * The patient status of a word; upper and lower case count.
 *
 * @param name  NUL-terminated UTF-8, e.g. "offen"; NULL is no status.
 * @return an enum psm_patient_status;
 *   PSM_ERR_INVAL  name is none of the words.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_patient_status_from_name(const char *name);

/**
 * What a patient's record lacks before a search can be opened, in this order:
 * geschlecht, symptome, krankenkasse, geburtsdatum (there and not blank; an
 * empty list of symptome is there), erfahrung_mit_psychotherapie,
 * offen_fuer_gruppentherapie (true or false), zeitliche_verfuegbarkeit (a day
 * with at least one time), and letzte_sitzung_vorherige_psychotherapie if
 * erfahrung_mit_psychotherapie is true. Status, payment, contracts and address
 * are not asked for.
 *
 * @param record  a patient as in patient_data; borrowed.
 * @param gaps    receives a JSON array of the names of these columns. New
 *   (psm_free); NULL after a failure.
 * @param err     details of a failure; may be NULL.
 * @return the count of gaps, 0: a search can be opened;
 *   PSM_ERR_INVAL   record or gaps is NULL;
 *   PSM_ERR_SCHEMA  record is no object, or values do not fit their columns;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_patient_search_gaps(const psm_json *record, char **gaps,
                                    psm_error *err) PSM_CHECK;

/**
 * Make a patient, in one transaction with the event "patient.created", and
 * "patient.therapist_excluded" for each therapist of
 * ausgeschlossene_therapeuten.
 *
 * Whoever has paid and signed the contracts (zahlung_eingegangen and
 * vertraege_unterschrieben) starts: startdatum becomes today, once and for
 * good, and the status "offen" becomes "auf_der_Suche", with the event
 * "patient.status_changed". psm_patient_update() and psm_patient_patch() do the
 * same, whichever of the two comes last.
 *
 * Beside types, lengths and words of the columns these are faults: a
 * geburtsdatum in the future, a letzte_sitzung_vorherige_psychotherapie before
 * birth or in the future, a day of a place in therapy before birth, a plz that
 * is neither empty nor five digits, other symptome than 1 to 3 of the list, in
 * zeitliche_verfuegbarkeit another name than that of a day of the week, or
 * another value than an array of times "HH:MM-HH:MM" whose start is before the
 * end, in raeumliche_verfuegbarkeit a max_km that is neither null nor a number
 * from 0, in ausgeschlossene_therapeuten another item than the number of a
 * therapist or {"id": number, "excluded_at": text or null, "reason": text or
 * null}, or more than 1000 of them. What is stored already is no fault in a
 * later change.
 *
 * @param store  an open store whose set "patient" is migrated.
 * @param json   as for psm_entity_create() (psymatch/change.h).
 * @param len    bytes of json.
 * @param out    receives the whole patient as JSON, NUL-terminated, new
 *   (psm_free); NULL after a failure. May be NULL.
 * @param err    as for psm_entity_create().
 * @return 0: made;
 *   PSM_ERR_INVAL      store or json is NULL;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_TOO_LARGE  json, or the event that is to tell of the row, is larger
 *                      than it may be;
 *   PSM_ERR_SCHEMA     json is no object, a required column is missing, or
 *                      values do not fit their columns: all faults at once;
 *   PSM_ERR_CONFLICT   the database refuses the row for what is stored;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_patient_create(psm_store *store, const char *json, size_t len,
                               char **out, psm_error *err) PSM_CHECK;

/**
 * Read a patient.
 *
 * @param store    an open store whose set "patient" is migrated.
 * @param id       the patient.
 * @param out      as for psm_patient_create(), but not NULL.
 * @param version  as for psm_entity_get(); may be NULL.
 * @param err      details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL      store or out is NULL;
 *   PSM_ERR_NOT_FOUND  no such patient;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_patient_get(psm_store *store, int64_t id, char **out,
                            int64_t *version, psm_error *err) PSM_CHECK;

/**
 * A page of patients.
 *
 * @param store  an open store whose set "patient" is migrated.
 * @param query  {"page": n, "limit": n, "sort": text, <filter>: text, boolean
 *   or whole number}, each may be absent, with the filters and orders of
 *   psm_entity_list(), NUL-terminated; page is 1, limit is 20 unless they are
 *   said. NULL: the first 20.
 * @param out    as for psm_entity_list().
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL      store or out is NULL, or page or limit is out of range;
 *   PSM_ERR_PARSE      query is malformed;
 *   PSM_ERR_TOO_LARGE  query is larger than a JSON document may be;
 *   PSM_ERR_SCHEMA     query is no object, or there is no such filter or order,
 *                      or a value is not valid; the pointer is "/<name>";
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_patient_list(psm_store *store, const char *query, char **out,
                             psm_error *err) PSM_CHECK;

/**
 * Change columns of a patient, in one transaction with its events:
 * "patient.updated", always, with the names of the changed columns, then
 * "patient.status_changed" if the status is another one, then
 * "patient.therapist_excluded" for each therapist who is new in
 * ausgeschlossene_therapeuten. Absent and null leave a column as it is. See
 * psm_patient_create() for the start, and for what is a fault.
 *
 * @param store       an open store whose set "patient" is migrated.
 * @param id          the patient.
 * @param if_version  the version that the patient must have, or
 *   PSM_VERSION_ANY.
 * @param json        as for psm_entity_update() with PSM_CHANGE_PUT.
 * @param len         bytes of json.
 * @param out         as for psm_patient_create(), after the change.
 * @param err         as for psm_entity_create().
 * @return 1: changed; 0: everything was so already, nothing published;
 *   PSM_ERR_INVAL      store or json is NULL, or if_version is out of range;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_TOO_LARGE  json, or the event that is to tell of the row, is larger
 *                      than it may be;
 *   PSM_ERR_SCHEMA     json is no object, or values do not fit their columns:
 *                      all faults at once;
 *   PSM_ERR_NOT_FOUND  no such patient;
 *   PSM_ERR_PRECONDITION  the patient has another version than if_version;
 *   PSM_ERR_TRANSITION  the status may not follow the present one; the message
 *                      names both;
 *   PSM_ERR_CONFLICT   the database refuses the row for what is stored;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_patient_update(psm_store *store, int64_t id, int64_t if_version,
                               const char *json, size_t len, char **out,
                               psm_error *err) PSM_CHECK;

/**
 * As psm_patient_update(), but by the rules of RFC 7396: null clears a column,
 * and a member that is no column, or none that a person may write, is a fault.
 *
 * @param store       as for psm_patient_update().
 * @param id          the patient.
 * @param if_version  as for psm_patient_update().
 * @param json        as for psm_entity_update() with PSM_CHANGE_MERGE.
 * @param len         bytes of json.
 * @param out         as for psm_patient_update().
 * @param err         as for psm_entity_create().
 * @return 1: changed; 0: everything was so already, nothing published;
 *   PSM_ERR_INVAL      store or json is NULL, or if_version is out of range;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_TOO_LARGE  json, or the event that is to tell of the row, is larger
 *                      than it may be;
 *   PSM_ERR_SCHEMA     json is no object, names what it may not, or values do
 *                      not fit their columns: all faults at once;
 *   PSM_ERR_NOT_FOUND  no such patient;
 *   PSM_ERR_PRECONDITION  the patient has another version than if_version;
 *   PSM_ERR_TRANSITION  as for psm_patient_update();
 *   PSM_ERR_CONFLICT   the database refuses the row for what is stored;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_patient_patch(psm_store *store, int64_t id, int64_t if_version,
                              const char *json, size_t len, char **out,
                              psm_error *err) PSM_CHECK;

/**
 * Delete a patient, in one transaction with the event "patient.deleted". What
 * other services know of the patient is theirs to end: searches, inquiries,
 * mails and calls are not touched here.
 *
 * @param store       an open store whose set "patient" is migrated.
 * @param id          the patient.
 * @param if_version  as for psm_patient_update().
 * @param err         details of a failure; may be NULL.
 * @return 0: deleted;
 *   PSM_ERR_INVAL      store is NULL, or if_version is out of range;
 *   PSM_ERR_NOT_FOUND  no such patient;
 *   PSM_ERR_PRECONDITION  the patient has another version than if_version;
 *   PSM_ERR_CONFLICT   the database keeps the row for what is stored;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_patient_delete(psm_store *store, int64_t id, int64_t if_version,
                               psm_error *err) PSM_CHECK;

/**
 * There was a contact with a patient: letzter_kontakt becomes that day, with
 * the event "patient.updated", unless it is that day or a later one already.
 *
 * @param store  an open store whose set "patient" is migrated.
 * @param id     the patient.
 * @param day    "YYYY-MM-DD", in Berlin; NULL: today.
 * @param err    details of a failure; may be NULL.
 * @return 1: changed; 0: was so already;
 *   PSM_ERR_INVAL      store is NULL, or day is no date or in the future;
 *   PSM_ERR_NOT_FOUND  no such patient;
 *   PSM_ERR_TOO_LARGE  the event would be larger than an event may be;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_patient_contact(psm_store *store, int64_t id, const char *day,
                                psm_error *err) PSM_CHECK;

/**
 * Publish patients as they are ("patient.updated" with no changed column), so
 * that the copies of other services fill after a database was adopted. Each
 * call is one transaction over a few of them: call again until it returns 0, at
 * the pace that the consumers can take. It may be interrupted at any time and
 * goes on where it was. Copies that know a patient already only see the same
 * again.
 *
 * @param store  an open store whose set "patient" is migrated.
 * @param all    0: those that no event has told about yet; 1: all, from where
 *   the last call with 1 ended, or from the first after one that returned 0.
 * @param limit  how many at most, 1 to 1000.
 * @param err    details of a failure; may be NULL.
 * @return count of patients whose turn it was, 0 when there are no more. One
 *   that is larger than an event may be is logged by its number and left out;
 *   PSM_ERR_INVAL    store is NULL or limit is out of range;
 *   PSM_ERR_DB       not done, call again;
 *   PSM_ERR_RETRY    as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_patient_announce(psm_store *store, int all, int limit,
                                 psm_error *err) PSM_CHECK;

/**
 * The types psm_patient_handle() knows; they are of "communication-events",
 * "matching-events" and "therapist-events".
 *
 * @param i  index from 0.
 * @return borrowed for ever; NULL behind the last one.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_patient_type_at(size_t i);

/**
 * What an event means to the patient service. email.sent,
 * email.response_received and phone_call.completed with a patient_id: that
 * patient's letzter_kontakt is the event's own day in Berlin, or a later one
 * ("patient.updated" if it changed). So handling an event again, or in another
 * order, changes nothing. match.created and .status_changed tell who waits in
 * an open inquiry, therapist.blocked, .unblocked and .deleted to whom none is
 * to be open: see psm_patient_reassignments(). Other types do nothing.
 *
 * @param tx    a transaction of a store whose set "patient" is migrated; it is
 *   neither committed nor rolled back.
 * @param ev    the event; borrowed.
 * @param user  not used, may be NULL (so that this is a psm_tx_event_fn).
 * @param err   details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL    tx or ev is NULL;
 *   PSM_ERR_REJECT   the payload does not make sense;
 *   PSM_ERR_STATE    a statement of the transaction failed before;
 *   PSM_ERR_DB       the database failed;
 *   PSM_ERR_RETRY    as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_IO       the system gave no random bytes;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any, one at a time per transaction. Blocks: on the database.
 * Since 0.1.
 */
PSM_API int psm_patient_handle(psm_tx *tx, const psm_event *ev, void *user,
                               psm_error *err);

/**
 * The patients who wait in an open inquiry to a therapist who is blocked or was
 * deleted, whoever waits longest first: a person has to decide what becomes of
 * them, nothing is done by itself. They leave the list when the therapist is
 * unblocked, and when the inquiry is answered or withdrawn.
 *
 * @param store  an open store whose set "patient" is migrated.
 * @param page   from 1 on.
 * @param limit  patients on a page, 1 to 1000.
 * @param out    receives {"data": [{"patient_id": number, "vorname": text,
 *   "nachname": text, "therapist_id": number, "anfrage_id": number or null,
 *   "match_id": number, "gesperrt_seit": time, "sperrgrund": text or null}],
 *   "page": number, "limit": number, "total": number} as JSON, new (psm_free);
 *   NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL    store or out is NULL, or a number out of its range;
 *   PSM_ERR_DB       the database failed, or the set is not migrated;
 *   PSM_ERR_RETRY    as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_patient_reassignments(psm_store *store, int page, int limit,
                                      char **out, psm_error *err) PSM_CHECK;

/**
 * Add psm_patient_handle() to a set of handlers for each type that it knows, or
 * for those of one topic. An event that cannot be
 * handled now is parked (PSM_ON_FAILURE_PARK); other keys go on.
 *
 * @param hs     a set, e.g. for psm_processor_handlers() of a processor whose
 *   store has the set "patient" migrated.
 * @param topic  e.g. "communication-events"; NULL: all topics.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL     hs is NULL, or no type is of that topic;
 *   PSM_ERR_CONFLICT  the set has a handler of one of the types;
 *   PSM_ERR_NOMEM     out of memory.
 *   After an error the set may have some of them.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_patient_handlers(psm_handlers *hs, const char *topic,
                                 psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
