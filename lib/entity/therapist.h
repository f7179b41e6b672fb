/* SPDX-License-Identifier: BSD-2-Clause */
/* therapist_service.therapeuten. See columns.h for the words. */
#ifndef PSM_THERAPIST_FIELDS_H
#define PSM_THERAPIST_FIELDS_H

/* clang-format off */
#define PSM__THERAPIST_FIELDS(F) \
F(ID, id, NUMBER_ID, FILLED, NOBODY, OPEN, EVENT, SORT, NULL, "Number of the therapist") \
F(ANREDE, anrede, ENUM(anrede), MUST, REST | IMPORT, PERSONAL, COPY, NO, NULL, "Salutation") \
F(GESCHLECHT, geschlecht, ENUM(geschlecht), MUST, REST | IMPORT, PERSONAL, COPY, NO, NULL, "Gender") \
F(TITEL, titel, NAME(20), MAY, REST | IMPORT, PERSONAL, COPY, NO, NULL, "Title") \
F(VORNAME, vorname, NAME(100), MUST, REST | IMPORT, PERSONAL, COPY, SEARCH | SORT, NULL, "First name") \
F(NACHNAME, nachname, NAME(100), MUST, REST | IMPORT, PERSONAL, COPY, SEARCH | SORT, NULL, "Last name") \
F(STRASSE, strasse, NAME(255), MAY, REST | IMPORT, PERSONAL, COPY, NO, NULL, "Street and house number") \
F(PLZ, plz, LINE(10), MAY, REST | IMPORT, PERSONAL, COPY, PREFIX | SORT, NULL, "Postal code") \
F(ORT, ort, NAME(100), MAY, REST | IMPORT, PERSONAL, COPY, SORT, NULL, "Town") \
F(TELEFON, telefon, LINE(50), MAY, REST | IMPORT, PERSONAL, COPY, NO, NULL, "Phone number") \
F(FAX, fax, LINE(50), MAY, REST | IMPORT, PERSONAL, EVENT, NO, NULL, "Fax number") \
F(EMAIL, email, MAIL(255), MAY, REST | IMPORT, PERSONAL, COPY, NO, NULL, "Mail address; colleagues may share one") \
F(WEBSEITE, webseite, PAGE(255), MAY, REST, PERSONAL, EVENT, NO, NULL, "Web page") \
F(KASSENSITZ, kassensitz, BOOLEAN, MAY, REST | IMPORT_NEW, OPEN, EVENT, NO, "t", "Has a contract with the public insurances") \
F(TELEFONISCHE_ERREICHBARKEIT, telefonische_erreichbarkeit, OBJECT, MAY, REST | IMPORT, PERSONAL, COPY, NO, "{}", "When the phone is answered, {\"montag\": [\"09:00-09:30\"]}") \
F(FREMDSPRACHEN, fremdsprachen, ARRAY, MAY, REST | IMPORT, PERSONAL, EVENT, NO, "[]", "Languages") \
F(PSYCHOTHERAPIEVERFAHREN, psychotherapieverfahren, ENUM(therapieverfahren), MAY, REST | IMPORT, OPEN, COPY, SEARCH, "egal", "Procedure; egal: both") \
F(ZUSATZQUALIFIKATIONEN, zusatzqualifikationen, TEXT, MAY, REST, PERSONAL, EVENT, NO, NULL, "Further qualifications") \
F(BESONDERE_LEISTUNGSANGEBOTE, besondere_leistungsangebote, TEXT, MAY, REST, PERSONAL, EVENT, NO, NULL, "Special offers") \
F(LETZTER_KONTAKT_EMAIL, letzter_kontakt_email, DATE, MAY, REST | SYS, PERSONAL, EVENT, NO, NULL, "Day of the last contact by mail") \
F(LETZTER_KONTAKT_TELEFON, letzter_kontakt_telefon, DATE, MAY, REST | SYS, PERSONAL, EVENT, NO, NULL, "Day of the last contact by phone") \
F(LETZTES_PERSOENLICHES_GESPRAECH, letztes_persoenliches_gespraech, DATE, MAY, REST, PERSONAL, EVENT, NO, NULL, "Day of the last personal talk") \
F(POTENZIELL_VERFUEGBAR, potenziell_verfuegbar, BOOLEAN, MAY, REST | IMPORT_NEW, OPEN, COPY, FILTER, "f", "May have free places") \
F(POTENZIELL_VERFUEGBAR_NOTIZEN, potenziell_verfuegbar_notizen, TEXT, MAY, REST, PERSONAL, EVENT, NO, NULL, "Notes on free places") \
F(UEBER_CURAVANI_INFORMIERT, ueber_curavani_informiert, BOOLEAN, MAY, REST | IMPORT_NEW, OPEN, COPY, FILTER, "f", "Knows of the platform") \
F(NAECHSTER_KONTAKT_MOEGLICH, naechster_kontakt_moeglich, DATE, MAY, REST | SYS, OPEN, COPY, SORT, NULL, "First day on which contact is allowed again") \
F(BEVORZUGTE_DIAGNOSEN, bevorzugte_diagnosen, ARRAY, MAY, REST, PERSONAL, COPY, NO, "[]", "Preferred diagnoses; no rule reads them") \
F(ALTER_MIN, alter_min, RANGE(0, 150), MAY, REST, OPEN, COPY, NO, NULL, "Least age of patients; 0: no limit") \
F(ALTER_MAX, alter_max, RANGE(0, 150), MAY, REST, OPEN, COPY, NO, NULL, "Greatest age of patients; 0: no limit") \
F(GESCHLECHTSPRAEFERENZ, geschlechtspraeferenz, CHOICE(50, therapeutgeschlechtspraeferenz), MAY, REST, PERSONAL, COPY, NO, NULL, "Wanted gender of patients") \
F(ARBEITSZEITEN, arbeitszeiten, OBJECT, MAY, REST, PERSONAL, EVENT, NO, "{}", "Hours of work") \
F(BEVORZUGT_GRUPPENTHERAPIE, bevorzugt_gruppentherapie, BOOLEAN, MAY, REST, OPEN, COPY, NO, "f", "Offers group therapy first") \
F(BARRIEREFREI, barrierefrei, BOOLEAN, MAY, REST, OPEN, COPY, FILTER, NULL, "The practice can be entered without steps") \
F(STATUS, status, ENUM(therapeutstatus), STAYS, REST | IMPORT_NEW, OPEN, COPY, FILTER | SORT, "aktiv", "May be asked, is blocked, or left") \
F(SPERRGRUND, sperrgrund, TEXT, MAY, REST, PERSONAL, EVENT, NO, NULL, "Reason of the block") \
F(SPERRDATUM, sperrdatum, DATE, MAY, REST | SYS, OPEN, EVENT, NO, NULL, "Day of the block") \
F(CREATED_AT, created_at, DATE, CREATED, SYS, OPEN, EVENT, SORT, NULL, "Day on which the row was made") \
F(UPDATED_AT, updated_at, DATE, UPDATED, SYS, OPEN, EVENT, SORT, NULL, "Day of the last change")
/* clang-format on */

#endif
