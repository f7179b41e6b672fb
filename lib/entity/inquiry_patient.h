/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * matching_service.therapeut_anfrage_patient: a patient in an inquiry, which
 * events call a match. konflikt and
 * ausschluss are additions to the platform's table. See columns.h for the words.
 */
#ifndef PSM_INQUIRY_PATIENT_FIELDS_H
#define PSM_INQUIRY_PATIENT_FIELDS_H

/* clang-format off */
#define PSM__INQUIRY_PATIENT_FIELDS(F) \
F(ID, id, NUMBER_ID, FILLED, NOBODY, OPEN, LOCAL, SORT, NULL, "Number of the row") \
F(THERAPEUTENANFRAGE_ID, therapeutenanfrage_id, NUMBER_ID, MUST, SYS, OPEN, LOCAL, FILTER, NULL, "Number of the inquiry") \
F(PLATZSUCHE_ID, platzsuche_id, NUMBER_ID, MUST, SYS, OPEN, LOCAL, FILTER, NULL, "Number of the search") \
F(PATIENT_ID, patient_id, NUMBER_ID, MUST, SYS, OPEN, LOCAL, FILTER, NULL, "Number of the patient") \
F(POSITION_IN_ANFRAGE, position_in_anfrage, NUMBER_ID, MUST, SYS, OPEN, LOCAL, SORT, NULL, "Place in the inquiry, from 1") \
F(STATUS, status, ENUM(anfrage_patient_status), FILLED, SYS, OPEN, LOCAL, FILTER, "anstehend", "What became of it") \
F(ANTWORTERGEBNIS, antwortergebnis, ENUM(patientenergebnis), MAY, SYS, PERSONAL, LOCAL, FILTER, NULL, "Outcome in detail") \
F(ANTWORTNOTIZEN, antwortnotizen, TEXT, MAY, SYS, PERSONAL, LOCAL, NO, NULL, "Notes on the answer") \
F(CREATED_AT, created_at, TIMESTAMP, FILLED | CREATED, SYS, OPEN, LOCAL, SORT, NULL, "When the patient was put into the inquiry") \
F(KONFLIKT, konflikt, BOOLEAN, FILLED, SYS, OPEN, LOCAL, FILTER, "f", "Accepted, but another inquiry had found a place before") \
F(AUSSCHLUSS, ausschluss, BOOLEAN, FILLED, SYS, OPEN, LOCAL, NO, "f", "The answer put the therapist on the search's list")
/* clang-format on */

#endif
