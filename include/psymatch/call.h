/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_CALL_H
#define PSYMATCH_CALL_H

#include <psymatch/base.h>
#include <psymatch/change.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/event.h>
#include <psymatch/jobs.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/**
 * Plan a phone call with a therapist or a patient; publishes
 * "communication.call_scheduled", or, of a call that took place already (status
 * "abgeschlossen"), "phone_call.completed", or, of one that did not
 * ("fehlgeschlagen", "abgebrochen"), "phone_call.failed".
 *
 * What is not given is found: the date is tomorrow; with a patient the call is
 * at 10:00 and takes 10 minutes, with a therapist 5. A call with a therapist
 * that has no time gets the first one that is free within 14 days from its date
 * on, or from tomorrow on if that is later, in steps of 5 minutes, inside the
 * hours of telefonische_erreichbarkeit where there are some, else at 10:00 or
 * 14:00 of a working day, and not on a day of PSYMATCH_HOLIDAYS_FILE. A
 * therapist has one call at a time: of two that are planned at once each gets a
 * time of its own.
 *
 * @param store  with the set "communication" (psm_store_migrate()).
 * @param json   object of columns as psm_entity_schema() has them:
 *   "therapist_id" or "patient_id", and what is known of "geplantes_datum",
 *   "geplante_zeit", "dauer_minuten", "therapeutenanfrage_id", "notizen",
 *   "status"; other members are left out.
 * @param len    of json in bytes.
 * @param out    receives the call as JSON, every column, NUL-terminated, new
 *   (psm_free); NULL after a failure. May be NULL.
 * @param err    details of a failure; may be NULL.
 * @return 0: planned;
 *   PSM_ERR_INVAL       store or json is NULL;
 *   PSM_ERR_PARSE       json is malformed;
 *   PSM_ERR_TOO_LARGE   json, or an event, is larger than it may be;
 *   PSM_ERR_SCHEMA      values are not valid, or there is nobody to be called,
 *                       or two, or no free time: all faults with their
 *                       pointers;
 *   PSM_ERR_CONFLICT    the therapist has another call at the time given;
 *   PSM_ERR_CONFIG      PSYMATCH_HOLIDAYS_FILE cannot be read;
 *   PSM_ERR_DB          not done, call again; not retriable: the set is not
 *                       migrated;
 *   PSM_ERR_RETRY       as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT     as PSM_ERR_DB;
 *   PSM_ERR_IO          the system gave no random bytes;
 *   PSM_ERR_NOMEM       out of memory.
 *
 * Threads: any. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_call_create(psm_store *store, const char *json, size_t len,
                            char **out, psm_error *err) PSM_CHECK;

/**
 * As psm_call_create(), but within the caller's transaction, and at most once.
 *
 * @param tx        an open transaction. Until it ends nobody else plans a call
 *   with this therapist.
 * @param json      as for psm_call_create().
 * @param len       of json in bytes.
 * @param once_key  1 to 200 bytes, e.g. "inquiry:7": the same key gives the
 *   same call again, whatever json says, also when two transactions ask at
 *   once. NULL: always another one.
 * @param out       as for psm_call_create().
 * @param err       details of a failure; may be NULL.
 * @return 1: planned; 0: it was there already;
 *   PSM_ERR_INVAL       tx or json is NULL, or once_key is empty or too long;
 *   PSM_ERR_PARSE       json is malformed;
 *   PSM_ERR_TOO_LARGE   json, or an event, is larger than it may be;
 *   PSM_ERR_SCHEMA      as psm_call_create();
 *   PSM_ERR_CONFLICT    the therapist has another call at the time given; the
 *                       transaction can only be rolled back;
 *   PSM_ERR_CONFIG      PSYMATCH_HOLIDAYS_FILE cannot be read;
 *   PSM_ERR_STATE       a statement of the transaction failed before;
 *   PSM_ERR_DB          not done, call again; not retriable: the set is not
 *                       migrated;
 *   PSM_ERR_RETRY       as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT     as PSM_ERR_DB;
 *   PSM_ERR_IO          the system gave no random bytes;
 *   PSM_ERR_NOMEM       out of memory.
 *
 * Threads: one at a time. Blocks: for the database, and while another
 * transaction plans a call with the therapist. Since 0.1.
 */
PSM_API int psm_call_make(psm_tx *tx, const char *json, size_t len,
                          const char *once_key, char **out,
                          psm_error *err) PSM_CHECK;

/**
 * Read a call.
 *
 * @param store    as for psm_call_create().
 * @param id       its number.
 * @param out      as for psm_call_create(), not NULL.
 * @param version  receives its version, 0: never changed by this library. May
 *   be NULL.
 * @param err      details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL      store or out is NULL;
 *   PSM_ERR_NOT_FOUND  there is no such call;
 *   PSM_ERR_DB         not done, call again; not retriable: the set is not
 *                      migrated;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_call_get(psm_store *store, int64_t id, char **out,
                         int64_t *version, psm_error *err) PSM_CHECK;

/**
 * A page of calls.
 *
 * @param store  as for psm_call_create().
 * @param query  JSON object of filters ("therapist_id", "patient_id",
 *   "therapeutenanfrage_id", "geplantes_datum", "status", "recipient_type":
 *   "therapist" or "patient"), "sort", "page" and "limit"; NULL: the latest
 *   20.
 * @param out    receives {"data": [call], "page", "limit", "total"} as JSON,
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
PSM_API int psm_call_list(psm_store *store, const char *query, char **out,
                          psm_error *err) PSM_CHECK;

/**
 * Change a call: null and absent members leave a column as it is.
 *
 * geplant -> abgeschlossen (publishes "phone_call.completed", with the outcome
 * if there is an ergebnis, and fills tatsaechliches_datum and
 * tatsaechliche_zeit with now), fehlgeschlagen, abgebrochen (both publish
 * "phone_call.failed"); fehlgeschlagen -> geplant (publishes
 * "communication.call_scheduled"). A planned call that gets another date or
 * time is published as "communication.call_scheduled".
 *
 * @param store       as for psm_call_create().
 * @param id          its number.
 * @param if_version  that it must have, or PSM_VERSION_ANY.
 * @param json        object with "status", "ergebnis", "notizen", the date,
 *   time and length planned and the actual ones; other members are left out.
 * @param len         of json in bytes.
 * @param out         as for psm_call_create().
 * @param err         details of a failure; may be NULL.
 * @return 1: changed; 0: there was nothing to change;
 *   PSM_ERR_INVAL         store or json is NULL, or if_version is out of range;
 *   PSM_ERR_PARSE         json is malformed;
 *   PSM_ERR_TOO_LARGE     json, or an event, is larger than it may be;
 *   PSM_ERR_SCHEMA        values are not valid, with all faults;
 *   PSM_ERR_NOT_FOUND     there is no such call;
 *   PSM_ERR_PRECONDITION  it has another version;
 *   PSM_ERR_TRANSITION    the status may not follow the present one;
 *   PSM_ERR_CONFLICT      the therapist has another call at that time;
 *   PSM_ERR_DB            not done, call again; not retriable: the set is not
 *                         migrated;
 *   PSM_ERR_RETRY         as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT       as PSM_ERR_DB;
 *   PSM_ERR_IO            the system gave no random bytes;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: any. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_call_update(psm_store *store, int64_t id, int64_t if_version,
                            const char *json, size_t len, char **out,
                            psm_error *err) PSM_CHECK;

/**
 * As psm_call_update(), but as JSON Merge Patch (RFC 7396): null empties a
 * column, and a member that may not be written is a fault.
 *
 * @param store       as for psm_call_create().
 * @param id          its number.
 * @param if_version  that it must have, or PSM_VERSION_ANY.
 * @param json        object of columns.
 * @param len         of json in bytes.
 * @param out         as for psm_call_create().
 * @param err         details of a failure; may be NULL.
 * @return 1: changed; 0: there was nothing to change;
 *   PSM_ERR_INVAL         store or json is NULL, or if_version is out of range;
 *   PSM_ERR_PARSE         json is malformed;
 *   PSM_ERR_TOO_LARGE     json, or an event, is larger than it may be;
 *   PSM_ERR_SCHEMA        values are not valid, with all faults;
 *   PSM_ERR_NOT_FOUND     there is no such call;
 *   PSM_ERR_PRECONDITION  it has another version;
 *   PSM_ERR_TRANSITION    the status may not follow the present one;
 *   PSM_ERR_CONFLICT      the therapist has another call at that time;
 *   PSM_ERR_DB            not done, call again; not retriable: the set is not
 *                         migrated;
 *   PSM_ERR_RETRY         as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT       as PSM_ERR_DB;
 *   PSM_ERR_IO            the system gave no random bytes;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: any. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_call_patch(psm_store *store, int64_t id, int64_t if_version,
                           const char *json, size_t len, char **out,
                           psm_error *err) PSM_CHECK;

/**
 * Delete a call; publishes "phone_call.deleted".
 *
 * @param store       as for psm_call_create().
 * @param id          its number.
 * @param if_version  that it must have, or PSM_VERSION_ANY.
 * @param err         details of a failure; may be NULL.
 * @return 0: deleted;
 *   PSM_ERR_INVAL         store is NULL, or if_version is out of range;
 *   PSM_ERR_NOT_FOUND     there is no such call;
 *   PSM_ERR_PRECONDITION  it has another version;
 *   PSM_ERR_DB            not done, call again; not retriable: the set is not
 *                         migrated;
 *   PSM_ERR_RETRY         as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT       as PSM_ERR_DB;
 *   PSM_ERR_IO            the system gave no random bytes;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: any. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_call_delete(psm_store *store, int64_t id, int64_t if_version,
                            psm_error *err) PSM_CHECK;

/**
 * Handler of the command "communication.schedule_call" for psm_processor_on():
 * plans a call as psm_call_create() does, of the members of its payload, once
 * for each event. Other types of events mean nothing.
 *
 * @param tx    the transaction of the event.
 * @param ev    the command.
 * @param user  ignored.
 * @param err   details of a failure; may be NULL.
 * @return 0: done;
 *   PSM_ERR_INVAL    tx or ev is NULL;
 *   PSM_ERR_REJECT   values are not valid, there is nobody to be called, or
 *                    two, no free time, or another call at the time given;
 *   PSM_ERR_STATE    a statement of the transaction failed before;
 *   PSM_ERR_DB       not done, call again; not retriable: the set is not
 *                    migrated;
 *   PSM_ERR_RETRY    as PSM_ERR_DB, or PSYMATCH_HOLIDAYS_FILE cannot be read;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_IO       the system gave no random bytes;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: one at a time. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_call_handle(psm_tx *tx, const psm_event *ev, void *user,
                            psm_error *err) PSM_CHECK;

/**
 * Ask for a call with a patient or a therapist to be planned at the next free
 * time, whenever the service that plans calls is there: publishes
 * "communication.schedule_call".
 *
 * @param store  an open store whose set "patient" or "therapist" is migrated.
 * @param whom   "patient" or "therapist".
 * @param id     the number of the patient or therapist.
 * @param err    details of a failure; may be NULL.
 * @return 0: asked for;
 *   PSM_ERR_INVAL      store is NULL, or whom is another text;
 *   PSM_ERR_NOT_FOUND  there is no such record;
 *   PSM_ERR_CONFLICT   the record has no telephone number;
 *   PSM_ERR_DB         not done, call again; not retriable: the set is not
 *                      migrated;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_call_request(psm_store *store, const char *whom, int64_t id,
                             psm_error *err) PSM_CHECK;

/**
 * Plan a call for each inquiry that was sent longer ago than
 * FOLLOW_UP_THRESHOLD_DAYS days of the calendar in Berlin, is neither answered
 * nor cancelled, and has no call yet, unless the therapist is blocked or
 * inactive (or not known): on the first weekday from tomorrow on with a free
 * time in the therapist's hours, or at DEFAULT_PHONE_CALL_TIME if there are
 * none, for 5 minutes, with the note "Follow-up für Anfrage A<id>". The call
 * and its number in the inquiry are one transaction; each inquiry has one of
 * its own, and gets one call, also when two processes do this at once. Where
 * the set "communication" is in another database the call becomes a job of the
 * kind "follow_up.call" instead, whose key is the inquiry's number and the day
 * in Berlin, "12:2026-03-12", and whose payload is the call. While it waits or
 * runs there is no other; after a failure, or when its call is deleted, a later
 * day asks again: who does it looks whether the inquiry has a call by then.
 *
 * @param store  with the set "matching" (psm_store_migrate()).
 * @param out    receives {"planned", "handed_over", "without_time", "failed":
 *   counts} as JSON, new (psm_free); NULL after a failure. May be NULL. Those
 *   without a free time, and those that failed, are tried again by the next
 *   run.
 * @param err    details of a failure; may be NULL.
 * @return 0: all were looked at;
 *   PSM_ERR_INVAL    store is NULL;
 *   PSM_ERR_CONFIG   DEFAULT_PHONE_CALL_TIME is not HH:MM, or
 *                    PSYMATCH_HOLIDAYS_FILE cannot be read;
 *   PSM_ERR_DB       not all were looked at, call again; not retriable: the set
 *                    is not migrated;
 *   PSM_ERR_RETRY    as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_IO       the system gave no random bytes;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_follow_up_run(psm_store *store, char **out,
                              psm_error *err) PSM_CHECK;

/**
 * Let jobs do psm_follow_up_run() each day at FOLLOW_UP_TIME in Berlin, later
 * if no program ran then: the job "follow_up.run".
 *
 * @param jobs   that are not started yet.
 * @param store  for psm_follow_up_run(); must live as long as jobs.
 * @param cfg    borrowed for the call.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL     a NULL argument;
 *   PSM_ERR_CONFIG    FOLLOW_UP_TIME or DEFAULT_PHONE_CALL_TIME is not HH:MM;
 *   PSM_ERR_CONFLICT  jobs do that already;
 *   PSM_ERR_STATE     they are started;
 *   PSM_ERR_NOMEM     out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_follow_up_daily(psm_jobs *jobs, psm_store *store,
                                const psm_config *cfg,
                                psm_error *err) PSM_CHECK;

/**
 * The inquiry's follow-up was planned in another database: keep the call's
 * number, unless there is one.
 *
 * @param tx          an open transaction.
 * @param inquiry_id  number of the inquiry.
 * @param call_id     number of the call.
 * @param err         details of a failure; may be NULL.
 * @return 1: kept; 0: it has a call already, or was answered or cancelled;
 *   PSM_ERR_INVAL      tx is NULL, or call_id is no number of a row;
 *   PSM_ERR_NOT_FOUND  there is no such inquiry;
 *   PSM_ERR_STATE      a statement of the transaction failed before;
 *   PSM_ERR_DB         not done, call again; not retriable: the set is not
 *                      migrated;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: one at a time. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_follow_up_called(psm_tx *tx, int64_t inquiry_id,
                                 int64_t call_id, psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
