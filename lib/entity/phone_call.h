/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * communication_service.telefonanrufe. Who plans a call without a date or a
 * time gets a free slot. See columns.h for the words.
 */
#ifndef PSM_PHONE_CALL_FIELDS_H
#define PSM_PHONE_CALL_FIELDS_H

/* clang-format off */
#define PSM__PHONE_CALL_FIELDS(F) \
F(ID, id, NUMBER_ID, FILLED, NOBODY, OPEN, LOCAL, SORT, NULL, "Number of the call") \
F(THERAPIST_ID, therapist_id, NUMBER_ID, MAY, NEW, OPEN, EVENT, FILTER, NULL, "Number of the therapist to be called") \
F(PATIENT_ID, patient_id, NUMBER_ID, MAY, NEW, OPEN, EVENT, FILTER, NULL, "Number of the patient to be called") \
F(THERAPEUTENANFRAGE_ID, therapeutenanfrage_id, NUMBER_ID, MAY, REST, OPEN, EVENT, FILTER, NULL, "Number of the inquiry it follows up") \
F(GEPLANTES_DATUM, geplantes_datum, DATE, FILLED, REST, OPEN, LOCAL, FILTER | SORT, NULL, "Day it is planned for") \
F(GEPLANTE_ZEIT, geplante_zeit, TIME, FILLED, REST, OPEN, LOCAL, SORT, NULL, "Time it is planned for") \
F(DAUER_MINUTEN, dauer_minuten, RANGE(1, 480), MAY, REST, OPEN, LOCAL, NO, "5", "Minutes that it may take") \
F(TATSAECHLICHES_DATUM, tatsaechliches_datum, DATE, MAY, CHANGE | SYS, OPEN, LOCAL, SORT, NULL, "Day it took place") \
F(TATSAECHLICHE_ZEIT, tatsaechliche_zeit, TIME, MAY, CHANGE | SYS, OPEN, LOCAL, NO, NULL, "Time it took place") \
F(STATUS, status, ENUM(telefonanrufstatus), FILLED, REST | SYS, OPEN, EVENT, FILTER, "geplant", "Where the call stands") \
F(ERGEBNIS, ergebnis, TEXT, MAY, CHANGE, PERSONAL, EVENT, NO, NULL, "What was said") \
F(NOTIZEN, notizen, TEXT, MAY, REST | SYS, PERSONAL, LOCAL, NO, NULL, "Notes") \
F(ANGEHALTEN_SEIT, angehalten_seit, TIMESTAMP, MAY, SYS, OPEN, LOCAL, NO, NULL, "Since when it is not to be made, because the therapist is blocked") \
F(EINMAL_SCHLUESSEL, einmal_schluessel, LINE(200), MAY, SYS, OPEN, LOCAL, NO, NULL, "Key of whoever wants one call, however often it is asked for") \
F(CREATED_AT, created_at, TIMESTAMP, CREATED, SYS, OPEN, LOCAL, SORT, NULL, "When it was planned") \
F(UPDATED_AT, updated_at, TIMESTAMP, UPDATED, SYS, OPEN, LOCAL, SORT, NULL, "Time of the last change")
/* clang-format on */

#endif
