/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_SEARCH_H
#define PSYMATCH_SEARCH_H

#include <psymatch/base.h>
#include <psymatch/change.h>
#include <psymatch/error.h>
#include <psymatch/matching.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/**
 * Open a search for a patient. Its list of excluded therapists begins with that
 * of the patient; "search.status_changed" tells of it.
 *
 * @param store  an open store whose set "matching" is migrated; the same for
 *   all functions of this page.
 * @param json   {"patient_id": number, "dringlichkeit": 0 to 3, how urgent it
 *   is (default 0), "notizen": text or null}; the text becomes an entry of the
 *   notes. Need not be NUL-terminated.
 * @param len    bytes of json.
 * @param out    receives the search as JSON (PSM_ENTITY_SHOW), NUL-terminated,
 *   new (psm_free); NULL after a failure. May be NULL.
 * @param err    details of a failure; may be NULL.
 * @return 0: opened;
 *   PSM_ERR_INVAL      store or json is NULL;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_TOO_LARGE  json is larger than it may be;
 *   PSM_ERR_SCHEMA     json is not valid; or the patient's record lacks data
 *                      that a search needs, each with a fault of the pointer
 *                      "/patient/<column>";
 *   PSM_ERR_NOT_FOUND  the matching service knows no such patient;
 *   PSM_ERR_CONFLICT   the patient has an active search, whose number stands
 *                      in the message and in the fault "/search_id"; unless
 *                      an event of the patient opened it and nobody has
 *                      touched it since: then that one is the answer;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_search_create(psm_store *store, const char *json, size_t len,
                              char **out, psm_error *err) PSM_CHECK;

/**
 * A search with all that belongs to it.
 *
 * @param store    as for psm_search_create().
 * @param id       the search.
 * @param out      receives the columns of the search and {"patient": the
 *   patient's record, or, if it is in another database, what the matching
 *   service knows of it, or null, "aktive_anfragen": count of inquiries without
 *   an outcome, "gesamt_anfragen": count of all,
 *   "anfrage_verlauf": [{"anfrage_id", "therapist_id", "therapeuten_name",
 *   "position", "status", "outcome", "sent_date", "response_date",
 *   "cancelled_date"}]}, the oldest inquiry first, the name "Unknown" of a
 *   therapist of whom nothing is known; counts are without cancelled
 *   inquiries. New (psm_free); NULL after a failure.
 * @param version  receives the version of the search; may be NULL.
 * @param err      details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL      store or out is NULL;
 *   PSM_ERR_NOT_FOUND  there is no such search;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_search_get(psm_store *store, int64_t id, char **out,
                           int64_t *version, psm_error *err) PSM_CHECK;

/**
 * A page of searches, the newest first. Filters come before the pages: total
 * counts what they leave.
 *
 * @param store  as for psm_search_create().
 * @param query  an object of filters, NUL-terminated: "status" (a word),
 *   "patient_id", "min_anfragen", "max_anfragen" (of gesamt_anfragen),
 *   "min_aktive_anfragen", "max_aktive_anfragen", and "page" (from 1) and
 *   "limit" (1 to 1000; 20). NULL: the first 20 of all.
 * @param out    receives {"data": [{"id", "patient_id", "patienten_name",
 *   "status", "created_at", "updated_at", "aktive_anfragen", "gesamt_anfragen",
 *   "ausgeschlossene_therapeuten_anzahl", "offen_fuer_gruppentherapie"}],
 *   "page", "limit", "total"}, new (psm_free); NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL      store or out is NULL;
 *   PSM_ERR_PARSE      query is malformed;
 *   PSM_ERR_TOO_LARGE  query is larger than it may be;
 *   PSM_ERR_SCHEMA     a filter is none of these, or its value is not valid;
 *                      each with its pointer;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_search_list(psm_store *store, const char *query, char **out,
                            psm_error *err) PSM_CHECK;

/**
 * Change a search as the platform's PUT does: absent and null leave a member as
 * it is, "notizen" replaces the whole text, "ausgeschlossene_therapeuten" the
 * whole list; whoever is on both lists keeps the old entry with its time and
 * reason. A step of "status" publishes "search.status_changed" and adds no
 * note. A search that has ended, or whose list grew, leaves inquiries that were
 * not sent yet and that it does not fit any more.
 *
 * @param store       as for psm_search_create().
 * @param id          the search.
 * @param if_version  the version that it must have, or PSM_VERSION_ANY.
 * @param json        {"status": word, "notizen": text,
 *   "ausgeschlossene_therapeuten": [number or {"id", "excluded_at", "reason"}],
 *   "dringlichkeit": 0 to 3}; other members are left out. Need not be
 *   NUL-terminated.
 * @param len         bytes of json.
 * @param out         receives the search (PSM_ENTITY_SHOW), new (psm_free);
 *   NULL after a failure. May be NULL.
 * @param err         details of a failure, with a fault for each value; may be
 *   NULL.
 * @return 1: changed; 0: it says all that already;
 *   PSM_ERR_INVAL         store or json is NULL, or if_version is below -1;
 *   PSM_ERR_PARSE         json is malformed;
 *   PSM_ERR_TOO_LARGE     json is larger than it may be;
 *   PSM_ERR_SCHEMA        values are not valid;
 *   PSM_ERR_NOT_FOUND     there is no such search;
 *   PSM_ERR_TRANSITION    the status may not follow; the message names both;
 *   PSM_ERR_CONFLICT      the patient has another active search;
 *   PSM_ERR_PRECONDITION  it has another version;
 *   PSM_ERR_DB            not done, call again;
 *   PSM_ERR_RETRY         as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT       as PSM_ERR_DB;
 *   PSM_ERR_IO            the system gave no random bytes;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_search_update(psm_store *store, int64_t id, int64_t if_version,
                              const char *json, size_t len, char **out,
                              psm_error *err) PSM_CHECK;

/**
 * psm_search_update(), but as RFC 7396 has it: null clears, and a member that
 * may not be written is a fault.
 *
 * @param store       as for psm_search_create().
 * @param id          the search.
 * @param if_version  the version that it must have, or PSM_VERSION_ANY.
 * @param json        as for psm_search_update().
 * @param len         bytes of json.
 * @param out         as for psm_search_update().
 * @param err         details of a failure; may be NULL.
 * @return 1: changed; 0: it says all that already;
 *   PSM_ERR_INVAL         store or json is NULL, or if_version is below -1;
 *   PSM_ERR_PARSE         json is malformed;
 *   PSM_ERR_TOO_LARGE     json is larger than it may be;
 *   PSM_ERR_SCHEMA        values are not valid;
 *   PSM_ERR_NOT_FOUND     there is no such search;
 *   PSM_ERR_TRANSITION    the status may not follow; the message names both;
 *   PSM_ERR_CONFLICT      the patient has another active search;
 *   PSM_ERR_PRECONDITION  it has another version;
 *   PSM_ERR_DB            not done, call again;
 *   PSM_ERR_RETRY         as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT       as PSM_ERR_DB;
 *   PSM_ERR_IO            the system gave no random bytes;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_search_patch(psm_store *store, int64_t id, int64_t if_version,
                             const char *json, size_t len, char **out,
                             psm_error *err) PSM_CHECK;

/**
 * Delete a search that is in no sent inquiry; those are history. An open one is
 * ended first ("search.status_changed"), and leaves unsent inquiries.
 *
 * @param store       as for psm_search_create().
 * @param id          the search.
 * @param if_version  the version that it must have, or PSM_VERSION_ANY.
 * @param err         details of a failure; may be NULL.
 * @return 0: deleted;
 *   PSM_ERR_INVAL         store is NULL, or if_version is below -1;
 *   PSM_ERR_NOT_FOUND     there is no such search;
 *   PSM_ERR_CONFLICT      it is in an inquiry that was sent or cancelled;
 *   PSM_ERR_PRECONDITION  it has another version;
 *   PSM_ERR_DB            not done, call again;
 *   PSM_ERR_RETRY         as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT       as PSM_ERR_DB;
 *   PSM_ERR_IO            the system gave no random bytes;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_search_delete(psm_store *store, int64_t id, int64_t if_version,
                              psm_error *err) PSM_CHECK;

/**
 * Pause an active search: it gets into no new inquiries, and stays in those
 * there are. A note says so.
 *
 * @param store   as for psm_search_create().
 * @param id      the search.
 * @param reason  for the note, UTF-8; NULL or blank: none. Line breaks in it
 *   begin no entry.
 * @param err     details of a failure; may be NULL.
 * @return 0: done;
 *   PSM_ERR_INVAL       store is NULL, or reason is not UTF-8;
 *   PSM_ERR_NOT_FOUND   there is no such search;
 *   PSM_ERR_TRANSITION  its status does not allow it; the message names both;
 *   PSM_ERR_CONFLICT    the patient has another active search;
 *   PSM_ERR_DB          not done, call again;
 *   PSM_ERR_RETRY       as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT     as PSM_ERR_DB;
 *   PSM_ERR_IO          the system gave no random bytes;
 *   PSM_ERR_NOMEM       out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_search_pause(psm_store *store, int64_t id, const char *reason,
                             psm_error *err) PSM_CHECK;

/**
 * Make a paused search active again. A note says so.
 *
 * @param store   as for psm_search_create().
 * @param id      the search.
 * @param reason  as for psm_search_pause().
 * @param err     details of a failure; may be NULL.
 * @return 0: done;
 *   PSM_ERR_INVAL       store is NULL, or reason is not UTF-8;
 *   PSM_ERR_NOT_FOUND   there is no such search;
 *   PSM_ERR_TRANSITION  its status does not allow it; the message names both;
 *   PSM_ERR_CONFLICT    the patient has another active search;
 *   PSM_ERR_DB          not done, call again;
 *   PSM_ERR_RETRY       as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT     as PSM_ERR_DB;
 *   PSM_ERR_IO          the system gave no random bytes;
 *   PSM_ERR_NOMEM       out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_search_resume(psm_store *store, int64_t id, const char *reason,
                              psm_error *err) PSM_CHECK;

/**
 * End an open search without a place; it leaves the inquiries that were not
 * sent yet. A note says so.
 *
 * @param store   as for psm_search_create().
 * @param id      the search.
 * @param reason  as for psm_search_pause().
 * @param err     details of a failure; may be NULL.
 * @return 0: done;
 *   PSM_ERR_INVAL       store is NULL, or reason is not UTF-8;
 *   PSM_ERR_NOT_FOUND   there is no such search;
 *   PSM_ERR_TRANSITION  its status does not allow it; the message names both;
 *   PSM_ERR_CONFLICT    the patient has another active search;
 *   PSM_ERR_DB          not done, call again;
 *   PSM_ERR_RETRY       as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT     as PSM_ERR_DB;
 *   PSM_ERR_IO          the system gave no random bytes;
 *   PSM_ERR_NOMEM       out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_search_cancel(psm_store *store, int64_t id, const char *reason,
                              psm_error *err) PSM_CHECK;

/**
 * Ask for more contacts of an active search. A note says so, no event does.
 *
 * @param store  as for psm_search_create().
 * @param id     the search.
 * @param json   {"requested_count": 1 to 100, "notizen": text or null}; need
 *   not be NUL-terminated.
 * @param len    bytes of json.
 * @param out    receives {"search_id", "previous_total", "new_total"}, new
 *   (psm_free); NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0: done;
 *   PSM_ERR_INVAL      store, json or out is NULL;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_TOO_LARGE  json is larger than it may be;
 *   PSM_ERR_SCHEMA     a value is not valid, with its pointer;
 *   PSM_ERR_NOT_FOUND  there is no such search;
 *   PSM_ERR_CONFLICT   the search is not active, or the sum is too large;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_search_contact(psm_store *store, int64_t id, const char *json,
                               size_t len, char **out,
                               psm_error *err) PSM_CHECK;

/**
 * Exclude a therapist from a search. It leaves the inquiries to the therapist
 * that were not sent yet.
 *
 * @param store         as for psm_search_create().
 * @param id            the search.
 * @param therapist_id  whom to exclude, from 1; need not be known.
 * @param reason        for the list, UTF-8; NULL: none.
 * @param err           details of a failure; may be NULL.
 * @return 1: done; 0: the list has the therapist already, and stays;
 *   PSM_ERR_INVAL      store is NULL, therapist_id is out of range, or reason
 *                      is not UTF-8;
 *   PSM_ERR_NOT_FOUND  there is no such search;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_search_exclude(psm_store *store, int64_t id,
                               int64_t therapist_id, const char *reason,
                               psm_error *err) PSM_CHECK;

/**
 * Patients who are to be searched for, but whose record lacks data: a search is
 * opened by itself when these arrive.
 *
 * @param store  as for psm_search_create().
 * @param out    receives {"data": [{"patient_id", "missing": [column], "since":
 *   time, "last": time of the last event}], "total"}, the longest waiting
 *   first, at most 1000; new (psm_free); NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL    store or out is NULL;
 *   PSM_ERR_DB       not done, call again;
 *   PSM_ERR_RETRY    as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_search_incomplete(psm_store *store, char **out,
                                  psm_error *err) PSM_CHECK;

/**
 * Why a search is not in an inquiry to a therapist, as far as it is known now:
 * all that fails, and all that cannot be told, which keeps nobody away.
 *
 * @param store         as for psm_search_create().
 * @param search_id     the search, of any status.
 * @param therapist_id  the therapist, from 1; need not be known.
 * @param out           receives {"search_id", "therapist_id", "fits": boolean,
 *   "distance_km": number or null, "failed": [{"reason", "text"}],
 *   "cannot_tell": [{"reason", "text"}]}, new (psm_free); NULL after a failure.
 *   Reasons: "distance", "excluded", "therapist_gender", "procedure",
 *   "no_birth_date", "too_young", "too_old", "patient_gender", "group_therapy",
 *   "area", "search_status", "patient_unknown", "in_inquiry",
 *   "therapist_unknown", "therapist_status", "cooling", "pending",
 *   "therapist_area" (only of a therapist alone); what cannot
 *   be told: "distance", "max_km", "patient_gender".
 * @param err           details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL      store or out is NULL, or therapist_id is out of range;
 *   PSM_ERR_NOT_FOUND  there is no such search;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_search_why_not(psm_store *store, int64_t search_id,
                               int64_t therapist_id, char **out,
                               psm_error *err) PSM_CHECK;

/**
 * Who would be in an inquiry to a therapist, the oldest search first, and why
 * the others of the area would not. Nothing is made. Takes time in proportion
 * to the active searches of the area.
 *
 * @param store         as for psm_search_create().
 * @param therapist_id  the therapist.
 * @param plz_prefix    PLZ_MATCH_DIGITS digits, NUL-terminated; NULL: the
 *   therapist's own area.
 * @param out           receives {"therapist_id", "plz_prefix", "therapist":
 *   {"failed", "cannot_tell"} of the therapist alone, "data": [{"search_id",
 *   "patient_id", "created_at", "distance_km", "failed": [], "cannot_tell"}] of
 *   those who fit, at most 1000, "total": count of those, "examined": count of
 *   active searches of the area, "reasons": {reason: count}, "cannot_tell":
 *   {reason: count}}, as for psm_search_why_not(); new (psm_free); NULL after a
 *   failure.
 * @param err           details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL      store or out is NULL;
 *   PSM_ERR_NOT_FOUND  the matching service knows no such therapist;
 *   PSM_ERR_SCHEMA     plz_prefix is not so many digits, or NULL and the
 *                      therapist has no postal code;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_therapist_eligible(psm_store *store, int64_t therapist_id,
                                   const char *plz_prefix, char **out,
                                   psm_error *err) PSM_CHECK;

/**
 * The therapists of an area who can be asked, in the order in which they should
 * be: active, without an inquiry that waits, not cooling. Of those who share a
 * mailbox one is asked, the owner by name, else by title (Prof, Dr), else the
 * lowest number; and nobody, if anybody of the mailbox, wherever and of any
 * status, has an inquiry that waits or is cooling, or if it bears the name of a
 * blocked one. Tiers 0 to 7: with a mailbox first, then available ones, then
 * informed ones; within a tier by nachname, vorname and id.
 *
 * @param store       as for psm_search_create().
 * @param plz_prefix  PLZ_MATCH_DIGITS digits, NUL-terminated.
 * @param out         receives {"plz_prefix", "total", "data": [{"id", "anrede",
 *   "titel", "vorname", "nachname", "strasse", "plz", "ort", "telefon",
 *   "email", "potenziell_verfuegbar", "ueber_curavani_informiert",
 *   "naechster_kontakt_moeglich", "bevorzugte_diagnosen",
 *   "psychotherapieverfahren", "tier"}]}, new (psm_free); NULL after a failure.
 * @param err         details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL    store or out is NULL;
 *   PSM_ERR_SCHEMA   plz_prefix is not so many digits;
 *   PSM_ERR_DB       not done, call again;
 *   PSM_ERR_RETRY    as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_therapist_selection(psm_store *store, const char *plz_prefix,
                                    char **out, psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
