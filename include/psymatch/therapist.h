/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_THERAPIST_H
#define PSYMATCH_THERAPIST_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/event.h>
#include <psymatch/json.h>
#include <psymatch/processor.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/* Status of a therapist (therapeutstatus), spelled as in SQL and JSON. */
enum psm_therapist_status {
	PSM_THERAPIST_AKTIV = 0,
	PSM_THERAPIST_GESPERRT = 1,
	PSM_THERAPIST_INAKTIV = 2
};

/**
 * The word of a therapist status, e.g. "gesperrt".
 *
 * @param status  an enum psm_therapist_status.
 * @return borrowed for ever; NULL for another number.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_therapist_status_name(int status);

/**
 * The therapist status of a word; upper and lower case count.
 *
 * @param name  NUL-terminated UTF-8, e.g. "aktiv"; NULL is no status.
 * @return an enum psm_therapist_status;
 *   PSM_ERR_INVAL  name is none of the words.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_therapist_status_from_name(const char *name);

/**
 * What a status change of a therapist publishes. Every change is allowed; one
 * to the same status publishes "therapist.updated".
 *
 * A therapist stays blocked on the detour "gesperrt" -> "inaktiv": the later
 * step to "aktiv" is the one that publishes "therapist.unblocked".
 *
 * @param from     an enum psm_therapist_status, or -1 for a row without one.
 * @param to       an enum psm_therapist_status.
 * @param blocked  1: the therapist carries a block (sperrdatum is set), else 0.
 * @param event    receives the event type, borrowed for ever.
 * @param err      details of a failure; may be NULL.
 * @return what happens to sperrdatum and sperrgrund: 0 they stay, 1 they are
 *   set, 2 they are cleared;
 *   PSM_ERR_INVAL  event is NULL, or a number outside the ranges above.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_therapist_transition(int from, int to, int blocked,
                                     const char **event,
                                     psm_error *err) PSM_CHECK;

/**
 * Map one record of the scraper to the fields of a therapist. Any fault in it
 * is an error here; an import leaves out a field at fault that need not be
 * there, and reports it.
 *
 * @param record  {"basic_info": {salutation, title, first_name, last_name},
 *   "location": {street, house_number, postal_code, city},
 *   "contact": {phone, email, fax}, "therapy_methods": [string],
 *   "languages": [string], "telephone_hours": object}; borrowed for the call.
 * @param fields  receives a JSON object with the columns that the record
 *   fills, texts in NFC and without blanks at their ends: a missing or blank
 *   value makes no member, an unknown salutation makes neither "anrede" nor
 *   "geschlecht". New (psm_free); NULL unless 0 is returned.
 * @param err     details of a failure, with JSON pointer, line and column; may
 *   be NULL.
 * @return 0: mapped; 1: skipped, no method of the record is for adults;
 *   PSM_ERR_INVAL   record or fields is NULL;
 *   PSM_ERR_SCHEMA  a required value is missing, a value has the wrong type or
 *                   is too long, a text is not one plain line (a line break, a
 *                   control character, an HTML entity in a name), the mail
 *                   address is none, or the postal code is not five digits;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_therapist_from_record(const psm_json *record, char **fields,
                                      psm_error *err) PSM_CHECK;

/**
 * Find the stored therapist that imported fields are about: the one with the
 * same vorname, nachname and plz (in NFC, without blanks at the ends, blanks
 * and case folded, as all texts here); else the one who changed the name, that
 * is with the same vorname, plz, strasse and ort (none of them empty) and the
 * same telefon (at least five digits, with +49 or 0) or email, unless "present"
 * names that therapist too, or somebody else whom all of this fits as well.
 *
 * @param fields      as psm_therapist_from_record() makes it; borrowed.
 * @param candidates  array of therapists as in therapist_data; borrowed.
 * @param present     array of the fields of all records of the same file, also
 *   of those that are not imported, or NULL; borrowed.
 * @param index       receives the index into candidates.
 * @param err         details of a failure; may be NULL.
 * @return 0: found under the same name; 1: found under a former name;
 *   PSM_ERR_INVAL      a NULL argument other than present and err;
 *   PSM_ERR_SCHEMA     an argument has not the shape above;
 *   PSM_ERR_NOT_FOUND  the record is about somebody new;
 *   PSM_ERR_AMBIGUOUS  more than one candidate fits equally well, or more than
 *                      one of "present" the same candidate;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_therapist_match(const psm_json *fields,
                                const psm_json *candidates,
                                const psm_json *present, size_t *index,
                                psm_error *err) PSM_CHECK;

/**
 * Apply imported fields to a stored therapist. Only columns that an import may
 * write change, nothing that holds a value becomes empty, and geschlecht
 * follows only a change of anrede (or fills a geschlecht that was unknown).
 *
 * @param stored  a therapist as in therapist_data; borrowed.
 * @param fields  as psm_therapist_from_record() makes it; borrowed.
 * @param merged  receives the whole therapist after the change, a JSON object.
 *   New (psm_free).
 * @param err     details of a failure; may be NULL.
 * @return count of columns that changed, 0 if stored says it all already;
 *   PSM_ERR_INVAL   a NULL argument other than err;
 *   PSM_ERR_SCHEMA  a value does not fit its column;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_therapist_merge(const psm_json *stored, const psm_json *fields,
                                char **merged, psm_error *err) PSM_CHECK;

/* Where the import of a service stands. */
enum psm_import_state {
	PSM_IMPORT_STARTING = 0,
	PSM_IMPORT_RUNNING = 1,
	PSM_IMPORT_STOPPED = 2,
	PSM_IMPORT_FAILED = 3,
	PSM_IMPORT_OFF = 4 /* nothing to import from is set */
};

/** What imports did, for people and for health checks; kept in memory. */
typedef struct psm_import_status psm_import_status;

/**
 * A new status, in state "starting".
 *
 * @param interval_s  seconds between two runs, 1 to 31536000; all limits of
 *   the health follow from it.
 * @param out         receives the status, new (psm_import_status_free).
 * @param err         details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  out is NULL or interval_s is out of range;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_import_status_new(int64_t interval_s, psm_import_status **out,
                                  psm_error *err) PSM_CHECK;

/**
 * Free a status that no thread uses any more. NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_import_status_free(psm_import_status *status);

/**
 * The worker that runs the import says where it stands. starting -> running,
 * stopped, failed, off; running -> stopped, failed; failed -> running, stopped;
 * stopped -> starting; off -> starting, running, stopped; or the same again.
 *
 * @param status  a status.
 * @param state   an enum psm_import_state.
 * @param err     details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL       status is NULL or state is none;
 *   PSM_ERR_TRANSITION  the state may not follow the present one.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_import_status_set_state(psm_import_status *status, int state,
                                        psm_error *err);

/**
 * Ask a running import to end after the record at hand, and later ones not to
 * begin. NULL is allowed.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API void psm_import_status_cancel(psm_import_status *status);

/**
 * Called after each file of a run, on the thread that imports; it may call any
 * function of the status but those that free it or run an import.
 *
 * @param done     files of this run that were looked at, from 1 on.
 * @param total    files that the run has.
 * @param written  therapists created or updated, or patients made, by the run.
 * @param user     as given to psm_import_status_on_progress().
 */
typedef void (*psm_import_progress_fn)(int64_t done, int64_t total,
                                       int64_t written, void *user);

/**
 * Be told how far a run is, for a person who waits.
 *
 * @param status  a status that no import uses.
 * @param fn      called for each file; NULL: nobody is told.
 * @param user    for fn.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_import_status_on_progress(psm_import_status *status,
                                           psm_import_progress_fn fn,
                                           void *user);

/**
 * One counter since the status was made.
 *
 * @param status  a status.
 * @param name    "runs"; "files"; "broken";
 *                "future": folders left out;
 *                "records"; "created"; "updated"; "unchanged";
 *                "skipped": nothing for adults;
 *                "superseded": a newer file told about the same therapist;
 *                "failed".
 * @return the count; -1 for another name or a NULL argument.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int64_t psm_import_status_stat(psm_import_status *status,
                                       const char *name);

/**
 * The status as GET /api/therapists/import-status shows it.
 *
 * A file counts once per content, however often it is read again, and when it
 * was read to its end. Records for children only count in no number. Days are
 * those of the process's time zone.
 *
 * @param status  a status.
 * @param json    receives {"running": boolean, "last_check": time or null,
 *   "last_import_run": time or null, "next_import_run": time or null,
 *   "files_processed_today": n, "therapists_processed_today": n,
 *   "therapists_failed_today": n, "last_error": string or null,
 *   "last_error_time": time or null, "total_files_processed": n,
 *   "total_therapists_processed": n, "total_therapists_failed": n,
 *   "recent_imports": at most 10 of {"file", "therapist_count",
 *   "success_count", "failed_count", "time"}, newest last}. New (psm_free).
 * @param err     details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  status or json is NULL;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_import_status_json(psm_import_status *status, char **json,
                                   psm_error *err) PSM_CHECK;

/**
 * The newest 100 errors of imports, oldest first, as GET
 * /api/therapists/import-errors shows them; each content of a file is reported
 * once. No names: a record is told by its place. Every one is a warning in the
 * log, too, also of an import without a status.
 *
 * @param status  a status.
 * @param json    receives an array of {"file": string, "record": index from 0
 *   or null, "pointer": JSON pointer into the file, "line": n, "column": n,
 *   "code": string, "wanted": string}; line and column are 0 when unknown. New
 *   (psm_free).
 * @param err     details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  status or json is NULL;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_import_status_errors(psm_import_status *status, char **json,
                                     psm_error *err) PSM_CHECK;

/**
 * The health as GET /health/import shows it.
 *
 * Red: stopped or failed; an error before the first run ended; no run begun
 * for 25/24 of the interval (and one more minute), or none ended for two of
 * them; more than half of the therapists of the newest 20 files failed, or
 * more than half of these files were broken (at least 5 files). Amber: any
 * failed therapist or broken file among them, a folder dated in the future, or
 * an error within the last interval. psm_import_status_set_disk() adds the
 * disk. One that is off is green, and an issue says so.
 *
 * @param status  a status.
 * @param json    receives {"status": "healthy" | "degraded" | "unhealthy",
 *   "service": "therapist-import-monitor", "details": {"monitor_running",
 *   "last_check", "last_success", "files_processed_today",
 *   "therapists_processed_today", "therapists_failed_today", "last_error",
 *   "last_error_time", "disk": null or {"free_bytes", "size_bytes"}, "issues":
 *   [string]}}. New (psm_free); NULL: only the result counts.
 * @param err     details of a failure; may be NULL.
 * @return an enum psm_health (psymatch/health.h);
 *   PSM_ERR_INVAL  status is NULL;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_import_status_health(psm_import_status *status, char **json,
                                     psm_error *err) PSM_CHECK;

/**
 * Import one file {"therapists": [record]}: a row and its event
 * "therapist.created" or "therapist.updated" are written in one transaction,
 * up to 100 therapists together, and one by one if that fails. A record that
 * changes nothing writes and publishes nothing, and neither does what it says
 * as it said it the last time, whatever a person made of it since; a record
 * with a fault is reported and the rest goes on. A field that is at fault and
 * need not be there is reported and left out, its record is written; a house
 * number that is a JSON number is reported and taken. A record that is no JSON
 * in its strings or keys (a key twice, half of a surrogate pair, U+0000) is one
 * with a fault. A byte order mark is skipped.
 *
 * @param store   an open store whose set "therapist" is migrated.
 * @param path    the file, ".../<YYYYMMDD>/<postal code>.json"; the last two
 *   names say how old the file is and how reports call it.
 * @param status  receives counts and errors; may be NULL.
 * @param err     details of a failure; may be NULL.
 * @return count of therapists created or updated;
 *   PSM_ERR_INVAL   store or path is NULL, or path has not the form above;
 *   PSM_ERR_PARSE   malformed JSON;
 *   PSM_ERR_SCHEMA  no array "therapists", or path is no regular file;
 *   PSM_ERR_TOO_LARGE  larger than a JSON document may be;
 *   PSM_ERR_IO      the file cannot be read;
 *   PSM_ERR_DB      the database is away: nothing is lost, call again;
 *   PSM_ERR_RETRY   as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_STATE   cancelled;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: any, also on the same file at once. Blocks: on file and database.
 * Since 0.1.
 */
PSM_API int psm_therapist_import_file(psm_store *store, const char *path,
                                      psm_import_status *status,
                                      psm_error *err) PSM_CHECK;

/**
 * Import the newest file of each postal code of a folder. Folders are dates
 * (YYYYMMDD, real ones), files <postal code>.json in them; other names are left
 * alone. A file that is no JSON document of the right shape, is too large or no
 * regular file (a directory, a link to nothing) is reported once, moved to
 * folder/failed/<YYYYMMDD>/ if it is a minute old, that is allowed and nobody
 * has replaced it, and the next older one of its postal code is read instead. A
 * file that may not be read is reported once, and again when its mode has
 * changed; no older one is read for it. A file whose content is stored, by a
 * file of this name and whatever day, counts as if it had been read, and is
 * not; but it is read once one of its therapists was deleted, and while another
 * postal code's file is the last that changed one of them.
 *
 * A folder dated after tomorrow is left out, told at each run (log, last_error)
 * and makes the health degraded: give it its right name. What such a folder has
 * written already is taken back by the next file that says otherwise.
 *
 * @param store   an open store whose set "therapist" is migrated.
 * @param folder  the folder.
 * @param status  receives times, counts and errors; may be NULL.
 * @param err     details of a failure; may be NULL.
 * @return count of therapists created or updated;
 *   PSM_ERR_INVAL  store or folder is NULL;
 *   PSM_ERR_IO     the folder cannot be read;
 *   PSM_ERR_DB     the database is away: what was done stays, call again;
 *   PSM_ERR_RETRY  as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_STATE  cancelled;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: on files and database. Since 0.1.
 */
PSM_API int psm_therapist_import_run(psm_store *store, const char *folder,
                                     psm_import_status *status,
                                     psm_error *err) PSM_CHECK;

/**
 * Publish therapists as they are ("therapist.updated"), so that the copies of
 * other services fill after a database was adopted. Each call is one
 * transaction over a few of them: call again until it returns 0, at the pace
 * that the consumers can take. It may be interrupted at any time and goes on
 * where it was. Copies that know a therapist already only see the same again.
 *
 * @param store  an open store whose set "therapist" is migrated.
 * @param all    0: those that no event has told about yet; 1: all, from where
 *   the last call with 1 ended, or from the first after one that returned 0.
 * @param limit  how many at most, 1 to 1000.
 * @param err    details of a failure; may be NULL.
 * @return count of therapists whose turn it was, 0 when there are no more. One
 *   that is larger than an event may be is logged by its number and left out;
 *   PSM_ERR_INVAL  store is NULL or limit is out of range;
 *   PSM_ERR_DB       not done, call again;
 *   PSM_ERR_RETRY    as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_therapist_announce(psm_store *store, int all, int limit,
                                   psm_error *err) PSM_CHECK;

/**
 * Block a therapist: status "gesperrt", sperrgrund, sperrdatum = today, event
 * "therapist.blocked", in one transaction. For one who is blocked already only
 * another reason is stored ("therapist.updated").
 *
 * @param store   an open store whose set "therapist" is migrated.
 * @param id      the therapist.
 * @param reason  why, NUL-terminated UTF-8; NULL: no reason given.
 * @param err     details of a failure; may be NULL.
 * @return 1: changed; 0: was blocked for this reason already;
 *   PSM_ERR_INVAL      store is NULL, or reason is not UTF-8;
 *   PSM_ERR_TOO_LARGE  the event would be larger than an event may be;
 *   PSM_ERR_NOT_FOUND  no such therapist;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_therapist_block(psm_store *store, int64_t id,
                                const char *reason, psm_error *err) PSM_CHECK;

/**
 * Unblock a therapist: status "aktiv", no sperrgrund, no sperrdatum, event
 * "therapist.unblocked", in one transaction.
 *
 * @param store  an open store whose set "therapist" is migrated.
 * @param id     the therapist.
 * @param err    details of a failure; may be NULL.
 * @return 1: changed; 0: is active and not blocked;
 *   PSM_ERR_INVAL       store is NULL;
 *   PSM_ERR_NOT_FOUND   no such therapist;
 *   PSM_ERR_TRANSITION  the therapist is "inaktiv" without a block;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO          the system gave no random bytes;
 *   PSM_ERR_NOMEM       out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_therapist_unblock(psm_store *store, int64_t id,
                                  psm_error *err) PSM_CHECK;

/**
 * Make a therapist, in one transaction with the event "therapist.created", and
 * "therapist.blocked" if the status is "gesperrt".
 *
 * @param store  an open store whose set "therapist" is migrated.
 * @param json   as for psm_entity_create() (psymatch/change.h).
 * @param len    bytes of json.
 * @param out    receives the whole therapist as JSON, NUL-terminated, new
 *   (psm_free); NULL after a failure. May be NULL.
 * @param err    as for psm_entity_create().
 * @return 0: made;
 *   PSM_ERR_INVAL      store or json is NULL;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_TOO_LARGE  json, or the event that is to tell of the row, is larger
 *                      than it may be;
 *   PSM_ERR_SCHEMA     json is no object, a required column is missing, or
 *                      values do not fit their columns;
 *   PSM_ERR_CONFLICT   the database refuses the row for what is stored;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_therapist_create(psm_store *store, const char *json, size_t len,
                                 char **out, psm_error *err) PSM_CHECK;

/**
 * Read a therapist.
 *
 * @param store    an open store whose set "therapist" is migrated.
 * @param id       the therapist.
 * @param out      as for psm_therapist_create(), but not NULL.
 * @param version  as for psm_entity_get(); may be NULL.
 * @param err      details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL      store or out is NULL;
 *   PSM_ERR_NOT_FOUND  no such therapist;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_therapist_get(psm_store *store, int64_t id, char **out,
                              int64_t *version, psm_error *err) PSM_CHECK;

/**
 * A page of therapists.
 *
 * @param store  an open store whose set "therapist" is migrated.
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
PSM_API int psm_therapist_list(psm_store *store, const char *query, char **out,
                               psm_error *err) PSM_CHECK;

/**
 * Change columns of a therapist: one transaction, one event
 * ("therapist.updated", or what psm_therapist_transition() says of a changed
 * status). Absent and null leave a column as it is.
 *
 * @param store       an open store whose set "therapist" is migrated.
 * @param id          the therapist.
 * @param if_version  the version that the therapist must have, or
 *   PSM_VERSION_ANY.
 * @param json        as for psm_entity_update() with PSM_CHANGE_PUT.
 * @param len         bytes of json.
 * @param out         as for psm_therapist_create(), after the change.
 * @param err         as for psm_entity_create().
 * @return 1: changed; 0: everything was so already, nothing published;
 *   PSM_ERR_INVAL      store or json is NULL, or if_version is out of range;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_TOO_LARGE  json, or the event that is to tell of the row, is larger
 *                      than it may be;
 *   PSM_ERR_SCHEMA     json is no object, or values do not fit their columns;
 *   PSM_ERR_NOT_FOUND  no such therapist;
 *   PSM_ERR_PRECONDITION  the therapist has another version than if_version;
 *   PSM_ERR_CONFLICT   the database refuses the row for what is stored;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_therapist_update(psm_store *store, int64_t id,
                                 int64_t if_version, const char *json,
                                 size_t len, char **out,
                                 psm_error *err) PSM_CHECK;

/**
 * As psm_therapist_update(), but by the rules of RFC 7396: null clears a
 * column, and a member that is no column, or none that a person may write, is a
 * fault.
 *
 * @param store       as for psm_therapist_update().
 * @param id          the therapist.
 * @param if_version  as for psm_therapist_update().
 * @param json        as for psm_entity_update() with PSM_CHANGE_MERGE.
 * @param len         bytes of json.
 * @param out         as for psm_therapist_update().
 * @param err         as for psm_entity_create().
 * @return 1: changed; 0: everything was so already, nothing published;
 *   PSM_ERR_INVAL      store or json is NULL, or if_version is out of range;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_TOO_LARGE  json, or the event that is to tell of the row, is larger
 *                      than it may be;
 *   PSM_ERR_SCHEMA     json is no object, names what it may not, or values do
 *                      not fit their columns;
 *   PSM_ERR_NOT_FOUND  no such therapist;
 *   PSM_ERR_PRECONDITION  the therapist has another version than if_version;
 *   PSM_ERR_CONFLICT   the database refuses the row for what is stored;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_therapist_patch(psm_store *store, int64_t id,
                                int64_t if_version, const char *json,
                                size_t len, char **out,
                                psm_error *err) PSM_CHECK;

/**
 * Delete a therapist, in one transaction with the event "therapist.deleted".
 *
 * @param store       an open store whose set "therapist" is migrated.
 * @param id          the therapist.
 * @param if_version  as for psm_therapist_update().
 * @param force       0: not while an inquiry of the matching service was sent
 *   to the therapist and has no answer (if in the same database); 1: always.
 * @param err         details of a failure; may be NULL.
 * @return 0: deleted;
 *   PSM_ERR_INVAL      store is NULL, or if_version is out of range;
 *   PSM_ERR_NOT_FOUND  no such therapist;
 *   PSM_ERR_PRECONDITION  the therapist has another version than if_version;
 *   PSM_ERR_CONFLICT   there is such an inquiry;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_therapist_delete(psm_store *store, int64_t id,
                                 int64_t if_version, int force,
                                 psm_error *err) PSM_CHECK;

/**
 * The types psm_therapist_handle() knows; they are of "patient-events",
 * "matching-events", "communication-events" and "scraping-requests".
 *
 * @param i  index from 0.
 * @return borrowed for ever; NULL behind the last one.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_therapist_type_at(size_t i);

/**
 * What an event means to the therapist service. cooling.period_started: the
 * therapist's naechster_kontakt_moeglich is that day, or a later one.
 * email.sent, email.response_received and phone_call.completed with a
 * therapist_id: letzter_kontakt_email or letzter_kontakt_telefon is the event's
 * own day in Berlin, at most today, or a later one; "therapist.updated" if that
 * changed it. patient.*: see psm_therapist_suggestions(). match.*,
 * therapeutenanfrage.*, email.failed, email.deleted, phone_call.failed and
 * phone_call.deleted: see psm_therapist_workload(). scraping.run: a job, see
 * psm_scraping_jobs().
 * Handling an event again, or in another order, changes nothing.
 *
 * @param tx    a transaction of a store whose set "therapist" is migrated; it
 *   is neither committed nor rolled back.
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
PSM_API int psm_therapist_handle(psm_tx *tx, const psm_event *ev, void *user,
                                 psm_error *err);

/**
 * Add psm_therapist_handle() to a set of handlers for each type that it knows,
 * or for those of one topic. An event that cannot be handled now is parked
 * (PSM_ON_FAILURE_PARK); other keys go on.
 *
 * @param hs     a set, e.g. for psm_processor_handlers() of a processor whose
 *   store has the set "therapist" migrated.
 * @param topic  e.g. "matching-events"; NULL: all topics.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL     hs is NULL, or no type is of that topic;
 *   PSM_ERR_CONFLICT  the set has a handler of one of the types;
 *   PSM_ERR_NOMEM     out of memory.
 *   After an error the set may have some of them.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_therapist_handlers(psm_handlers *hs, const char *topic,
                                   psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
