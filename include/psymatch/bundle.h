/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_BUNDLE_H
#define PSYMATCH_BUNDLE_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/**
 * Bundling in memory: the active searches and the therapists of a database, or
 * of a plan that is tried out, and the questions of matching answered from
 * them: whom to contact in an area, which searches an inquiry to a therapist
 * holds, and why the others are not in it. It gives the same answers as the
 * database; the cost of a question does not grow with searches of other areas.
 *
 * An area is what begins with the same digits of a postal code. Distances are
 * great circles between the centroids of two codes; where one is unknown, a
 * pair passes and counts under "doubts". Days are those of Berlin, given with
 * each question: nothing here has a clock.
 */
typedef struct psm_bundle psm_bundle;

/**
 * Make an empty bundle.
 *
 * @param json  NULL, or {"plz_digits": 1 to 3 (default 2), "size": 1 to 100
 *   (default 6), the most searches of an inquiry, "default_max_km": number of
 *   0 and more (default 25), "strategies": [{"name": text of 1 to 50
 *   characters, "policy": "fifo" or "priority"}], one or two of them (default:
 *   "fifo" alone), "share": percent of searches that belong to the second one,
 *   0 to 100 (default 50)}; borrowed. Policy "fifo": who was created first
 *   comes first. "priority": the same, as if created 30 days earlier for each
 *   step of urgency, and 60 days earlier after a missed first meeting. Which
 *   searches belong to the second strategy follows from a hash of their ids.
 * @param len   bytes of json; not looked at without it.
 * @param out   new (psm_bundle_free); NULL after a failure.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      out is NULL;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_SCHEMA     a member has another value than those above; members of
 *                      other names are left out;
 *   PSM_ERR_TOO_LARGE  json is too long;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_bundle_new(const char *json, size_t len, psm_bundle **out,
                           psm_error *err) PSM_CHECK;

/**
 * Free a bundle.
 *
 * @param b  taken; NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_bundle_free(psm_bundle *b);

/**
 * Say where a postal code is; again: where it is now.
 *
 * @param b    a bundle.
 * @param plz  five digits.
 * @param lat  latitude, -90 to 90.
 * @param lon  longitude, -180 to 180.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument, no such code, or out of range.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_bundle_place(psm_bundle *b, const char *plz, double lat,
                             double lon, psm_error *err) PSM_CHECK;

/**
 * Add a search with its patient's data, or change what is known of it. A search
 * of another status than "aktiv" is taken away.
 *
 * @param b     a bundle.
 * @param json  {"id", "patient_id": whole numbers from 1, "created_at": time,
 *   "status": text (default "aktiv"), "ausgeschlossene_therapeuten": list as in
 *   the database, "dringlichkeit": 0 to 3 (default 0), "nicht_erschienen":
 *   boolean, and of the patient "plz", "geschlecht", "geburtsdatum",
 *   "raeumliche_verfuegbarkeit": object, "offen_fuer_gruppentherapie":
 *   boolean, "bevorzugtes_therapeutengeschlecht",
 *   "bevorzugtes_therapieverfahren"}; borrowed. What is absent or null is
 *   unknown.
 * @param len   bytes of json.
 * @param err   details of a failure with one fault per wrong member; may be
 *              NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_SCHEMA     a member is wrong; nothing has changed;
 *   PSM_ERR_TOO_LARGE  json is too long;
 *   PSM_ERR_NOMEM      out of memory; the search may be missing now.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_bundle_put_search(psm_bundle *b, const char *json, size_t len,
                                  psm_error *err) PSM_CHECK;

/**
 * Take a search away.
 *
 * @param b   a bundle; NULL has none.
 * @param id  of the search.
 * @return 1: it was there; 0: it was not.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_bundle_remove_search(psm_bundle *b, int64_t id);

/**
 * Add a therapist, or change what is known of one.
 *
 * @param b     a bundle.
 * @param json  {"id": whole number from 1, "asked": ids of the patients in
 *   unanswered inquiries, "pending": boolean (default: asked is not empty), and
 *   the therapist's "status" (default "aktiv"), "plz", "vorname", "nachname",
 *   "titel", "email", "geschlecht", "psychotherapieverfahren",
 *   "potenziell_verfuegbar", "ueber_curavani_informiert",
 *   "naechster_kontakt_moeglich", "alter_min", "alter_max",
 *   "geschlechtspraeferenz", "bevorzugt_gruppentherapie"}; borrowed. What is
 *   absent or null is unknown.
 * @param len   bytes of json.
 * @param err   details of a failure with one fault per wrong member; may be
 *              NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_SCHEMA     a member is wrong; nothing has changed;
 *   PSM_ERR_TOO_LARGE  json is too long;
 *   PSM_ERR_NOMEM      out of memory; the therapist may be missing now.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_bundle_put_therapist(psm_bundle *b, const char *json,
                                     size_t len, psm_error *err) PSM_CHECK;

/**
 * Take a therapist away.
 *
 * @param b   a bundle; NULL has none.
 * @param id  of the therapist.
 * @return 1: there was one; 0: there was none.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_bundle_remove_therapist(psm_bundle *b, int64_t id);

/**
 * Whom to contact in an area: active therapists without an unanswered inquiry
 * who may be contacted; of those who share a mailbox one, by the same rules as
 * psm_therapist_selection(). In the order of their tiers, then of their names.
 *
 * @param b     a bundle.
 * @param json  {"plz_prefix": as many digits as make an area, "today": day};
 *              borrowed.
 * @param len   bytes of json.
 * @param out   receives {"plz_prefix", "therapists": [{"id", "tier": 0 to 7}],
 *   "left_out": {"pending", "cooling", "mailbox": counts}}, where "mailbox"
 *   are those left alone for the sake of others of theirs; new (psm_free); NULL
 *   after a failure.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_SCHEMA     a member is missing or wrong;
 *   PSM_ERR_TOO_LARGE  json is too long;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_bundle_select(psm_bundle *b, const char *json, size_t len,
                              char **out, psm_error *err) PSM_CHECK;

/**
 * Which searches an inquiry to a therapist would hold: the first ones of a
 * strategy that fit.
 *
 * @param b     a bundle.
 * @param json  {"therapist_id", "today": day, "plz_prefix": the area (default:
 *   the therapist's), "strategy": name (default: the one whose first fitting
 *   search was created first), "override": boolean (default false): also for a
 *   therapist who is not to be contacted now}; borrowed.
 * @param len   bytes of json.
 * @param out   receives {"therapist_id", "plz_prefix", "strategy": name or
 *   null, "refused": [reason], "searches": [{"search_id", "patient_id",
 *   "distance_km": number or null}], "doubts": {name: count}}, where a reason
 *   is "therapist_status", "cooling", "pending" or "therapist_area" (practises
 *   in another one), and with one there are no searches unless it is
 *   overridden; new (psm_free); NULL after a failure.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_SCHEMA     a member is missing or wrong;
 *   PSM_ERR_NOT_FOUND  no such therapist, or no such strategy;
 *   PSM_ERR_TOO_LARGE  json is too long;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_bundle_inquiry(psm_bundle *b, const char *json, size_t len,
                               char **out, psm_error *err) PSM_CHECK;

/**
 * Why searches of an area are not in an inquiry to a therapist. Each search
 * counts under all of its reasons.
 *
 * @param b     a bundle.
 * @param json  {"therapist_id", "today": day, "plz_prefix": the area (default:
 *   the therapist's), "search_id": only this search}; borrowed.
 * @param len   bytes of json.
 * @param out   receives {"therapist_id", "plz_prefix", "refused": [reason],
 *   "searches": count, "fits": count, "reasons": {name: count}, "doubts":
 *   {name: count}}, without counts of 0; new (psm_free); NULL after a failure.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_SCHEMA     a member is missing or wrong;
 *   PSM_ERR_NOT_FOUND  no such therapist, or no such search;
 *   PSM_ERR_TOO_LARGE  json is too long;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_bundle_why_not(psm_bundle *b, const char *json, size_t len,
                               char **out, psm_error *err) PSM_CHECK;

/**
 * How much a bundle holds.
 *
 * @param b    a bundle.
 * @param out  receives {"searches", "therapists": counts, "bytes": of the
 *             searches, "bytes_per_search": number}; new (psm_free); NULL after
 *             a failure.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_bundle_stats(const psm_bundle *b, char **out,
                             psm_error *err) PSM_CHECK;

/**
 * Load the centroids, the therapists and the active searches of the matching
 * service's database, in one snapshot. What is here already becomes what the
 * database says of it; what the database does not have stays. A bundle that was
 * made without options and holds no search and no therapist gets those of the
 * store's settings: PLZ_MATCH_DIGITS, MAX_ANFRAGE_SIZE, DEFAULT_MAX_DISTANCE_KM
 * and MATCHING_STRATEGY, _TRIAL and _SHARE.
 *
 * @param b      a bundle.
 * @param store  an open store whose set "matching" is migrated. Without the set
 *               "geocoding" no centroids are loaded.
 * @param err    details of a failure; may be NULL.
 * @return count of searches; or
 *   PSM_ERR_INVAL    a NULL argument;
 *   PSM_ERR_CONFIG   PLZ_MATCH_DIGITS is more than 3;
 *   PSM_ERR_DB       the database failed; a part may be loaded;
 *   PSM_ERR_TIMEOUT  the database did not answer in time;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: one at a time. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_bundle_load(psm_bundle *b, psm_store *store,
                            psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
