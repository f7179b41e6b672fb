/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The closed word lists of the platform. A word is its own database value; only
 * the states of an inquiry have no column.
 */
#include <string.h>

#include "entity/entity.h"

/* clang-format off */
#define WORDS(list, ...) \
	const char *const psm__words_##list[] = {__VA_ARGS__, NULL}

WORDS(anrede, "Herr", "Frau");
WORDS(geschlecht, "männlich", "weiblich", "divers", "keine_Angabe");
WORDS(patientenstatus,
	"offen", "auf_der_Suche", "in_Therapie",
	"Therapie_abgeschlossen", "Suche_abgebrochen", "Therapie_abgebrochen");
WORDS(therapeutgeschlechtspraeferenz, "Männlich", "Weiblich", "Egal");
WORDS(therapieverfahren,
	"egal", "Verhaltenstherapie",
	"tiefenpsychologisch_fundierte_Psychotherapie");
WORDS(therapeutstatus, "aktiv", "gesperrt", "inaktiv");
WORDS(suchstatus, "aktiv", "erfolgreich", "pausiert", "abgebrochen");
WORDS(antworttyp,
	"vollstaendige_Annahme", "teilweise_Annahme",
	"vollstaendige_Ablehnung", "keine_Antwort");
WORDS(anfrage_patient_status,
	"anstehend", "angenommen", "abgelehnt", "keine_antwort");
WORDS(patientenergebnis,
	"angenommen", "abgelehnt_Kapazitaet", "abgelehnt_nicht_geeignet",
	"abgelehnt_sonstiges", "nicht_erschienen", "in_Sitzungen");
WORDS(emailstatus,
	"Entwurf", "In_Warteschlange", "Wird_gesendet", "Gesendet",
	"Fehlgeschlagen");
WORDS(telefonanrufstatus,
	"geplant", "abgeschlossen", "fehlgeschlagen", "abgebrochen");
WORDS(inquiry_state, "unsent", "sent", "answered", "cancelled");
WORDS(symptome,
	"Depression / Niedergeschlagenheit", "Ängste / Panikattacken",
	"Burnout / Erschöpfung", "Schlafstörungen", "Stress / Überforderung",
	"Trauer / Verlust", "Reizbarkeit / Wutausbrüche",
	"Stimmungsschwankungen", "Innere Leere", "Einsamkeit",
	"Sorgen / Grübeln", "Selbstzweifel", "Konzentrationsprobleme",
	"Negative Gedanken", "Entscheidungsschwierigkeiten",
	"Psychosomatische Beschwerden", "Chronische Schmerzen",
	"Essstörungen", "Suchtprobleme (Alkohol/Drogen)", "Sexuelle Probleme",
	"Beziehungsprobleme", "Familienkonflikte", "Sozialer Rückzug",
	"Mobbing", "Trennungsschmerz",
	"Traumatische Erlebnisse", "Zwänge", "Selbstverletzung",
	"Suizidgedanken", "Identitätskrise");
/* clang-format on */

int
psm__word_index(const char *const *words, const char *text)
{
	int i;

	if (!text)
		return -1;
	for (i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	for (i = 0; words[i]; i++)
		if (psm__text_same_word(words[i], text))
			return i;
	return -1;
}
