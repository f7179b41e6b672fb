/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * matching_service.platzsuche. erfolgreiche_anfrage_id and dringlichkeit are
 * additions to the platform's table. See columns.h for the words.
 */
#ifndef PSM_SEARCH_FIELDS_H
#define PSM_SEARCH_FIELDS_H

/* clang-format off */
#define PSM__SEARCH_FIELDS(F) \
F(ID, id, NUMBER_ID, FILLED, NOBODY, OPEN, LOCAL, SORT, NULL, "Number of the search") \
F(PATIENT_ID, patient_id, NUMBER_ID, MUST, NEW, OPEN, LOCAL, FILTER, NULL, "Number of the patient") \
F(STATUS, status, ENUM(suchstatus), FILLED, CHANGE | SYS, OPEN, LOCAL, FILTER | SORT, "aktiv", "Where the search stands") \
F(CREATED_AT, created_at, TIMESTAMP, FILLED | CREATED, SYS, OPEN, LOCAL, SORT, NULL, "When the search was opened; the oldest comes first") \
F(UPDATED_AT, updated_at, TIMESTAMP, UPDATED, SYS, OPEN, LOCAL, SORT, NULL, "Time of the last change") \
F(AUSGESCHLOSSENE_THERAPEUTEN, ausgeschlossene_therapeuten, EXCLUSIONS(0), FILLED, CHANGE | SYS, PERSONAL, LOCAL, NO, "[]", "Therapists not to be asked: their numbers, or {\"id\", \"excluded_at\", \"reason\"}") \
F(GESAMT_ANGEFORDERTE_KONTAKTE, gesamt_angeforderte_kontakte, COUNTER, FILLED, SYS, OPEN, LOCAL, NO, "0", "Contacts asked for in all") \
F(ERFOLGREICHE_VERMITTLUNG_DATUM, erfolgreiche_vermittlung_datum, TIMESTAMP, MAY, SYS, OPEN, LOCAL, SORT, NULL, "When a place was found") \
F(ERFOLGREICHE_ANFRAGE_ID, erfolgreiche_anfrage_id, NUMBER_ID, MAY, SYS, OPEN, LOCAL, FILTER, NULL, "Number of the inquiry that found it") \
F(DRINGLICHKEIT, dringlichkeit, RANGE(0, 3), FILLED, REST | SYS, OPEN, LOCAL, NO, "0", "Declared urgency, 0 to 3, for the strategy priority") \
F(NOTIZEN, notizen, TEXT, MAY, REST | SYS, PERSONAL, LOCAL, NO, NULL, "Notes, one entry below the other")
/* clang-format on */

#endif
