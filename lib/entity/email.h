/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * communication_service.emails. Who sends without absender_* gets those of the
 * settings. See columns.h for the words.
 */
#ifndef PSM_EMAIL_FIELDS_H
#define PSM_EMAIL_FIELDS_H

/* clang-format off */
#define PSM__EMAIL_FIELDS(F) \
F(ID, id, NUMBER_ID, FILLED, NOBODY, OPEN, LOCAL, SORT, NULL, "Number of the mail") \
F(THERAPIST_ID, therapist_id, NUMBER_ID, MAY, NEW, OPEN, EVENT, FILTER, NULL, "Number of the therapist it goes to") \
F(PATIENT_ID, patient_id, NUMBER_ID, MAY, NEW, OPEN, EVENT, FILTER, NULL, "Number of the patient it goes to") \
F(BETREFF, betreff, LINE(255), MUST, NEW, PERSONAL, EVENT, NO, NULL, "Subject") \
F(INHALT_HTML, inhalt_html, TEXT, FILLED, NEW, PERSONAL, LOCAL, NO, "", "Text as HTML") \
F(INHALT_TEXT, inhalt_text, TEXT, FILLED, NEW, PERSONAL, LOCAL, NO, "", "Text as plain text") \
F(EMPFAENGER_EMAIL, empfaenger_email, MAIL(255), MUST, NEW, PERSONAL, LOCAL, NO, NULL, "Mail address of the recipient") \
F(EMPFAENGER_NAME, empfaenger_name, LINE(255), MUST, NEW, PERSONAL, LOCAL, NO, NULL, "Name of the recipient") \
F(ABSENDER_EMAIL, absender_email, MAIL(255), FILLED, NEW, OPEN, LOCAL, NO, NULL, "Mail address of the sender") \
F(ABSENDER_NAME, absender_name, LINE(255), FILLED, NEW, OPEN, LOCAL, NO, NULL, "Name of the sender") \
F(ANTWORT_ERHALTEN, antwort_erhalten, BOOLEAN, FILLED, CHANGE | SYS, OPEN, LOCAL, NO, "f", "Was answered") \
F(ANTWORTDATUM, antwortdatum, TIMESTAMP, MAY, CHANGE | SYS, OPEN, LOCAL, NO, NULL, "When the answer came") \
F(ANTWORTINHALT, antwortinhalt, TEXT, MAY, CHANGE | SYS, PERSONAL, LOCAL, NO, NULL, "Text of the answer") \
F(STATUS, status, ENUM(emailstatus), STAYS, REST | SYS, OPEN, EVENT, FILTER, "Entwurf", "Where the mail stands") \
F(IN_WARTESCHLANGE_AM, in_warteschlange_am, TIMESTAMP, MAY, SYS, OPEN, LOCAL, SORT, NULL, "When it was queued first") \
F(GESENDET_AM, gesendet_am, TIMESTAMP, MAY, SYS, OPEN, LOCAL, SORT, NULL, "When it was sent") \
F(FEHLERMELDUNG, fehlermeldung, TEXT, MAY, CHANGE | SYS, PERSONAL, LOCAL, NO, NULL, "Why sending failed") \
F(WIEDERHOLUNGSANZAHL, wiederholungsanzahl, COUNTER, MAY, SYS, OPEN, LOCAL, NO, "0", "How often sending failed") \
F(NAECHSTER_VERSUCH_AM, naechster_versuch_am, TIMESTAMP, MAY, SYS, OPEN, LOCAL, NO, NULL, "Not sent before; of a failed mail: tried again then") \
F(VERSAND_DURCH, versand_durch, LINE(64), MAY, SYS, OPEN, LOCAL, NO, NULL, "Who is sending it") \
F(VERSAND_BIS, versand_bis, TIMESTAMP, MAY, SYS, OPEN, LOCAL, NO, NULL, "Until when the sender has to tell the result") \
F(ANGEHALTEN_SEIT, angehalten_seit, TIMESTAMP, MAY, SYS, OPEN, LOCAL, NO, NULL, "Since when it is held, because the therapist is blocked") \
F(UNKLAR_SEIT, unklar_seit, TIMESTAMP, MAY, SYS, OPEN, LOCAL, NO, NULL, "Since when nobody knows whether it was sent") \
F(EINMAL_SCHLUESSEL, einmal_schluessel, LINE(200), MAY, SYS, OPEN, LOCAL, NO, NULL, "Key of whoever wants one mail, however often it is asked for") \
F(CREATED_AT, created_at, TIMESTAMP, CREATED, SYS, OPEN, LOCAL, SORT, NULL, "When it was written") \
F(UPDATED_AT, updated_at, TIMESTAMP, UPDATED, SYS, OPEN, LOCAL, SORT, NULL, "Time of the last change")
/* clang-format on */

#endif
