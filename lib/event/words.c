/* SPDX-License-Identifier: BSD-2-Clause */
/* The closed word lists of the platform. A word is its own database value. */
#include <string.h>

#include "event/event.h"

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

/*
 * The umlauts of the word lists are one code point each. Some systems (macOS
 * file names, some editors) write a letter and a combining diaeresis, U+0308,
 * instead; this reads one letter in either writing.
 */
static unsigned
next_letter(const unsigned char **at)
{
	static const char plain[] = "aouAOU";
	static const unsigned char composed[] = {0xa4, 0xb6, 0xbc,
	                                         0x84, 0x96, 0x9c};
	const unsigned char *p = *at;
	const char *base;

	if (p[0] && p[1] == 0xcc && p[2] == 0x88) {
		base = strchr(plain, p[0]);
		if (base) {
			*at += 3;
			return 0xc300u | composed[base - plain];
		}
	}
	if (p[0] == 0xc3 && p[1]) {
		*at += 2;
		return 0xc300u | p[1];
	}
	if (p[0])
		*at += 1;
	return p[0];
}

static int
same_word(const char *a, const char *b)
{
	const unsigned char *p = (const unsigned char *)a;
	const unsigned char *q = (const unsigned char *)b;
	unsigned x, y;

	do {
		x = next_letter(&p);
		y = next_letter(&q);
	} while (x == y && x);
	return x == y;
}

int
psm__word_index(const char *const *words, const char *text)
{
	int i;

	if (!text)
		return -1;
	for (i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	if (!strstr(text, "\xcc\x88"))
		return -1;
	for (i = 0; words[i]; i++)
		if (same_word(words[i], text))
			return i;
	return -1;
}
