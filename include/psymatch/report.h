/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_REPORT_H
#define PSYMATCH_REPORT_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/**
 * How matching does: of the inquiries that were sent within a span of days and
 * of the places that were found in it. The numbers are those of the views
 * matching_service.report_inquiries and matching_service.report_placements.
 *
 * An interval is one of 95 %: of a rate that of Wilson, of a mean the normal
 * one. Two strategies differ for sure only where their intervals do not
 * overlap; where they do, a longer span may tell.
 *
 * @param store  an open store whose set "matching" is migrated.
 * @param json   {"from": day, "to": day, the last one, "by": list of "week",
 *   "area", "tier" and "strategy" (default: none, one row for all)}; borrowed.
 *   Days are those of Berlin. An area is the first two digits of the
 *   therapist's postal code, of a placement those of the patient's; a tier is
 *   the therapist's of today.
 * @param len    bytes of json.
 * @param out    receives {"from", "to", "by", "rows": [{the members of "by",
 *   null where it is not known, "inquiries": count, "answered": count of
 *   those in which a patient was accepted or refused,
 *   "response_rate": rate of both, "patients": in answered inquiries,
 *   "accepted": of these, "acceptance_rate": rate of both, "size": mean,
 *   "hours_to_answer": mean, "placements": count, "days_to_placement":
 *   mean}]}, where a rate is {"rate", "low", "high"} and a mean is {"mean",
 *   "low", "high", "median"}, each number null without data. Sorted by the
 *   members of "by". New (psm_free); NULL after a failure.
 * @param err    details of a failure with one fault per wrong member; may be
 *               NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_SCHEMA     a member is missing or wrong;
 *   PSM_ERR_TOO_LARGE  json is too long;
 *   PSM_ERR_DB         the database failed;
 *   PSM_ERR_TIMEOUT    the database did not answer in time;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_report_matching(psm_store *store, const char *json, size_t len,
                                char **out, psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
