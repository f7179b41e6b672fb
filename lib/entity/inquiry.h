/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * matching_service.therapeutenanfrage. storniert_*, strategie,
 * versandweg and fehlversuche are additions to the platform's table. See columns.h for the words.
 */
#ifndef PSM_INQUIRY_FIELDS_H
#define PSM_INQUIRY_FIELDS_H

/* clang-format off */
#define PSM__INQUIRY_FIELDS(F) \
F(ID, id, NUMBER_ID, FILLED, NOBODY, OPEN, LOCAL, SORT, NULL, "Number of the inquiry") \
F(THERAPIST_ID, therapist_id, NUMBER_ID, MUST, NEW, OPEN, LOCAL, FILTER, NULL, "Number of the therapist") \
F(ERSTELLT_DATUM, erstellt_datum, TIMESTAMP, FILLED | CREATED, SYS, OPEN, LOCAL, SORT, NULL, "When it was composed") \
F(GESENDET_DATUM, gesendet_datum, TIMESTAMP, MAY, SYS, OPEN, LOCAL, SORT, NULL, "When it was sent") \
F(ANTWORT_DATUM, antwort_datum, TIMESTAMP, MAY, SYS, OPEN, LOCAL, SORT, NULL, "When the answer was recorded") \
F(ANTWORTTYP, antworttyp, ENUM(antworttyp), MAY, SYS, OPEN, LOCAL, FILTER, NULL, "Kind of the answer") \
F(ANFRAGEGROESSE, anfragegroesse, COUNTER, FILLED, SYS, OPEN, LOCAL, FILTER | SORT, NULL, "Count of patients") \
F(ANGENOMMEN_ANZAHL, angenommen_anzahl, COUNTER, FILLED, SYS, OPEN, LOCAL, NO, "0", "Patients accepted") \
F(ABGELEHNT_ANZAHL, abgelehnt_anzahl, COUNTER, FILLED, SYS, OPEN, LOCAL, NO, "0", "Patients rejected") \
F(KEINE_ANTWORT_ANZAHL, keine_antwort_anzahl, COUNTER, FILLED, SYS, OPEN, LOCAL, NO, "0", "Patients without an answer") \
F(NOTIZEN, notizen, TEXT, MAY, SYS, PERSONAL, LOCAL, NO, NULL, "Notes, one entry below the other") \
F(EMAIL_ID, email_id, NUMBER_ID, MAY, SYS, OPEN, LOCAL, FILTER, NULL, "Number of the mail it was sent by") \
F(PHONE_CALL_ID, phone_call_id, NUMBER_ID, MAY, SYS, OPEN, LOCAL, FILTER, NULL, "Number of the call it was sent or followed up by") \
F(STORNIERT_DATUM, storniert_datum, TIMESTAMP, MAY, SYS, OPEN, LOCAL, NO, NULL, "When it was cancelled") \
F(STORNIERT_GRUND, storniert_grund, TEXT, MAY, SYS, PERSONAL, LOCAL, NO, NULL, "Why it was cancelled") \
F(STRATEGIE, strategie, LINE(50), MAY, SYS, OPEN, LOCAL, FILTER, NULL, "Policy that chose the patients") \
F(VERSANDWEG, versandweg, LINE(10), MAY, SYS, OPEN, LOCAL, NO, NULL, "How it was sent: email or phone_call") \
F(FEHLVERSUCHE, fehlversuche, COUNTER, FILLED, SYS, OPEN, LOCAL, NO, "0", "Sendings that failed afterwards")
/* clang-format on */

#endif
