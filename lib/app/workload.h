/* SPDX-License-Identifier: BSD-2-Clause */
/* What the therapist service knows of patients and of its therapists' inquiries,
 * by events alone. */
#ifndef PSM_WORKLOAD_INT_H
#define PSM_WORKLOAD_INT_H

#include "app/app.h"

/* -- workload_event.c */

/* match.created, match.status_changed */
int psm__workload_match(psm_tx *tx, const psm_event *ev, psm_error *err);
/* therapeutenanfrage.created, .sent, .response_received */
int psm__workload_inquiry(psm_tx *tx, const psm_event *ev, psm_error *err);
/* email.sent, .failed, .deleted, phone_call.completed, .failed, .deleted: whether
 * what a therapist was to get by mail or phone reached him. */
int psm__workload_delivery(psm_tx *tx, const psm_event *ev, psm_error *err);

/* -- workload.c */

/* What follows FROM therapist_service.therapeuten t: the row w of numbers that
 * psm__workload_write() takes, in the order of its columns. */
extern const char psm__workload_sql[];
#define PSM__WORKLOAD_COLUMNS                                                  \
	"w.waiting, w.accepted, w.rejected, w.unanswered, w.sent, "            \
	"w.answered, w.answered_accepted, w.answered_patients, w.hours, "      \
	"w.last_sent, w.last_answer"
enum { PSM__WORKLOAD_COUNT = 11 };
/* Members of an object that is open; column: the first of them. */
void psm__workload_write(psm_json_writer *w, const psm_rows *rows, size_t i,
                         size_t column);

/* -- suggestion_event.c: patient.created, .updated, .deleted */

int psm__suggestion_patient(psm_tx *tx, const psm_event *ev, psm_error *err);
/* The columns that are kept of a patient; the last one is -1. */
extern const signed char psm__suggestion_wishes[];

#endif
