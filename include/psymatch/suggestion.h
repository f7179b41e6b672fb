/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_SUGGESTION_H
#define PSYMATCH_SUGGESTION_H

#include <stdint.h>

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/**
 * The therapists to suggest for a patient, as they are now: active, of the
 * patient's area, not within a cooling period, and by the same rules as
 * inquiries are made: distance, gender, procedure, age, group, the patient's
 * exclusions. Who may be available and knows of the platform comes first, then
 * who has the fewest patients waiting, then who is nearest.
 * psm_therapist_handle() keeps what is needed of a patient, by the events
 * "patient.created", "patient.updated" and "patient.deleted".
 *
 * @param store       an open store whose set "therapist" is migrated.
 * @param patient_id  the patient.
 * @param page        from 1 on.
 * @param limit       therapists on a page, 1 to 1000.
 * @param out         receives {"patient_id": number, "plz_prefix": the area as
 *   text, or null for a patient without a postal code, "data":
 *   [{"therapist_id": number, columns of the therapist, "tier": 0 to 7,
 *   "distance_km": number or null, the members of psm_therapist_workload(),
 *   "failed": [], "cannot_tell": as of psm_search_why_not()}], "page": number,
 *   "limit": number, "total": number} as JSON, new (psm_free); NULL after a
 *   failure.
 * @param err         details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL      store or out is NULL, or a number out of its range;
 *   PSM_ERR_NOT_FOUND  no such patient, or no event has told of one;
 *   PSM_ERR_DB         the database failed, or the set is not migrated;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_therapist_suggestions(psm_store *store, int64_t patient_id,
                                      int page, int limit, char **out,
                                      psm_error *err) PSM_CHECK;

/**
 * What a therapist has to do, and how inquiries are answered.
 * psm_therapist_handle() counts it by the events "match.created",
 * "match.status_changed", "therapeutenanfrage.created", ".sent" and
 * ".response_received"; an inquiry whose mail or call failed afterwards
 * ("email.failed", "phone_call.failed"), or was deleted before it reached the
 * therapist ("email.deleted", "phone_call.deleted"), was not sent.
 *
 * @param store  an open store whose set "therapist" is migrated.
 * @param id     the therapist.
 * @param out    receives {"therapist_id": number, "pending_patients": in
 *   inquiries without an answer, "accepted_patients", "rejected_patients",
 *   "unanswered_patients": number, "sent_inquiries", "answered_inquiries":
 *   number, "response_rate": answered of sent inquiries, "acceptance_rate":
 *   accepted of all patients that were answered for, each 0.0 to 1.0 or null,
 *   "hours_to_response": the mean or null, "last_sent", "last_response": time
 *   or null} as JSON, new (psm_free); NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL      store or out is NULL;
 *   PSM_ERR_NOT_FOUND  no such therapist;
 *   PSM_ERR_DB         the database failed, or the set is not migrated;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_therapist_workload(psm_store *store, int64_t id, char **out,
                                   psm_error *err) PSM_CHECK;

/**
 * What psm_therapist_workload() tells, of all therapists, or of those of an
 * area, by their numbers.
 *
 * @param store       as for psm_therapist_workload().
 * @param plz_prefix  first digits of the postal code, 1 to 5; NULL: all.
 * @param page        from 1 on.
 * @param limit       therapists on a page, 1 to 1000.
 * @param out         receives {"data": [as of psm_therapist_workload()],
 *   "page": number, "limit": number, "total": number} as JSON, new (psm_free);
 *   NULL after a failure.
 * @param err         details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL    store or out is NULL, or a number out of its range;
 *   PSM_ERR_SCHEMA   plz_prefix is not 1 to 5 digits;
 *   PSM_ERR_DB       the database failed, or the set is not migrated;
 *   PSM_ERR_RETRY    as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_therapist_workloads(psm_store *store, const char *plz_prefix,
                                    int page, int limit, char **out,
                                    psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
