/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * patient_service.patienten. A patient import only ever makes rows; what it
 * sets by itself, whatever the file says, is SYS. See columns.h for the words.
 */
#ifndef PSM_PATIENT_FIELDS_H
#define PSM_PATIENT_FIELDS_H

/* clang-format off */
#define PSM__PATIENT_FIELDS(F) \
F(ID, id, NUMBER_ID, FILLED, NOBODY, OPEN, EVENT, SORT, NULL, "Number of the patient") \
F(ANREDE, anrede, ENUM(anrede), MUST, REST | IMPORT_NEW, PERSONAL, EVENT, NO, NULL, "Salutation") \
F(GESCHLECHT, geschlecht, ENUM(geschlecht), MUST, REST | IMPORT_NEW, PERSONAL, COPY, NO, NULL, "Gender") \
F(VORNAME, vorname, NAME(100), MUST, REST | IMPORT_NEW, PERSONAL, COPY, SEARCH | SORT, NULL, "First name") \
F(NACHNAME, nachname, NAME(100), MUST, REST | IMPORT_NEW, PERSONAL, COPY, SEARCH | SORT, NULL, "Last name") \
F(STRASSE, strasse, NAME(255), MAY, REST | IMPORT_NEW, PERSONAL, COPY, NO, NULL, "Street and house number") \
F(PLZ, plz, POSTCODE(10), MAY, REST | IMPORT_NEW, PERSONAL, COPY, PREFIX | SORT, NULL, "Postal code") \
F(ORT, ort, NAME(100), MAY, REST | IMPORT_NEW, PERSONAL, COPY, SORT, NULL, "Town") \
F(EMAIL, email, MAIL(255), MAY, REST | IMPORT_NEW, PERSONAL, EVENT, SEARCH, NULL, "Mail address") \
F(TELEFON, telefon, LINE(50), MAY, REST | IMPORT_NEW, PERSONAL, EVENT, NO, NULL, "Phone number") \
F(HAUSARZT, hausarzt, LINE(255), MAY, REST | IMPORT_NEW, PERSONAL, EVENT, NO, NULL, "Family doctor") \
F(KRANKENKASSE, krankenkasse, LINE(100), MAY, REST | IMPORT_NEW, PERSONAL, COPY, NO, NULL, "Health insurance") \
F(KRANKENVERSICHERUNGSNUMMER, krankenversicherungsnummer, LINE(50), MAY, REST, PERSONAL, EVENT, NO, NULL, "Number at the health insurance") \
F(GEBURTSDATUM, geburtsdatum, DATE, MAY, REST | IMPORT_NEW, PERSONAL, COPY, NO, NULL, "Date of birth") \
F(SYMPTOME, symptome, WORDS_OF(symptome, 1, 3), MAY, REST | IMPORT_NEW, PERSONAL, COPY, NO, NULL, "Symptoms, 1 to 3 of the list") \
F(ERFAHRUNG_MIT_PSYCHOTHERAPIE, erfahrung_mit_psychotherapie, BOOLEAN, MAY, REST | IMPORT_NEW, PERSONAL, COPY, NO, NULL, "Was in psychotherapy before") \
F(LETZTE_SITZUNG_VORHERIGE_PSYCHOTHERAPIE, letzte_sitzung_vorherige_psychotherapie, DATE, MAY, REST | IMPORT_NEW, PERSONAL, COPY, NO, NULL, "Last session of the therapy before") \
F(VERTRAEGE_UNTERSCHRIEBEN, vertraege_unterschrieben, BOOLEAN, MAY, REST | SYS, PERSONAL, EVENT, NO, "f", "Has signed the contracts") \
F(STARTDATUM, startdatum, DATE, MAY, SYS, PERSONAL, EVENT, SORT, NULL, "Day on which payment and contracts were complete") \
F(ERSTER_THERAPIEPLATZ_AM, erster_therapieplatz_am, DATE, MAY, REST, PERSONAL, EVENT, NO, NULL, "Day of the first place in therapy") \
F(FUNKTIONIERENDER_THERAPIEPLATZ_AM, funktionierender_therapieplatz_am, DATE, MAY, REST, PERSONAL, EVENT, NO, NULL, "Day of the place in therapy that lasts") \
F(STATUS, status, ENUM(patientenstatus), STAYS, REST | SYS, OPEN, COPY, FILTER | SORT, "offen", "Where the patient stands") \
F(EMPFEHLER_DER_UNTERSTUETZUNG, empfehler_der_unterstuetzung, TEXT, MAY, REST | IMPORT_NEW, PERSONAL, EVENT, NO, NULL, "Who recommended the platform") \
F(ZAHLUNGSREFERENZ, zahlungsreferenz, LINE(8), MAY, REST | SYS, PERSONAL, EVENT, NO, NULL, "Reference of the payment") \
F(ZAHLUNG_EINGEGANGEN, zahlung_eingegangen, BOOLEAN, FILLED, REST | SYS, PERSONAL, EVENT, NO, "f", "The payment arrived") \
F(ZEITLICHE_VERFUEGBARKEIT, zeitliche_verfuegbarkeit, OBJECT_OF(WEEK), MAY, REST | IMPORT_NEW, PERSONAL, COPY, NO, NULL, "Times of the week, {\"montag\": [\"09:00-12:00\"]}") \
F(RAEUMLICHE_VERFUEGBARKEIT, raeumliche_verfuegbarkeit, OBJECT_OF(DISTANCE), MAY, REST | IMPORT_NEW, PERSONAL, COPY, NO, NULL, "Distance that is acceptable, {\"max_km\": number}") \
F(VERKEHRSMITTEL, verkehrsmittel, LINE(50), MAY, REST | IMPORT_NEW, PERSONAL, COPY, NO, NULL, "Means of transport") \
F(OFFEN_FUER_GRUPPENTHERAPIE, offen_fuer_gruppentherapie, BOOLEAN, MAY, REST | IMPORT_NEW, PERSONAL, COPY, NO, "f", "Would take part in group therapy") \
F(OFFEN_FUER_DIGA, offen_fuer_diga, BOOLEAN, MAY, REST, PERSONAL, EVENT, NO, "f", "Would use a digital health application") \
F(LETZTER_KONTAKT, letzter_kontakt, DATE, MAY, SYS, PERSONAL, EVENT, SORT, NULL, "Day of the last contact") \
F(AUSGESCHLOSSENE_THERAPEUTEN, ausgeschlossene_therapeuten, EXCLUSIONS(1000), MAY, REST, PERSONAL, COPY, NO, "[]", "Therapists not wanted: their numbers, or {\"id\", \"excluded_at\", \"reason\"}") \
F(BEVORZUGTES_THERAPEUTENGESCHLECHT, bevorzugtes_therapeutengeschlecht, ENUM(therapeutgeschlechtspraeferenz), MAY, REST | IMPORT_NEW, PERSONAL, COPY, NO, "Egal", "Wanted gender of the therapist") \
F(BEVORZUGTES_THERAPIEVERFAHREN, bevorzugtes_therapieverfahren, ENUM(therapieverfahren), MAY, REST | IMPORT_NEW, PERSONAL, COPY, NO, "egal", "Wanted procedure") \
F(CREATED_AT, created_at, DATE, CREATED, SYS, OPEN, EVENT, SORT, NULL, "Day on which the row was made") \
F(UPDATED_AT, updated_at, DATE, UPDATED, SYS, OPEN, EVENT, SORT, NULL, "Day of the last change")
/* clang-format on */

#endif
