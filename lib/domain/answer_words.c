/* SPDX-License-Identifier: BSD-2-Clause */
/* The phrases of answers, and what a negation makes of them. */
#include <ctype.h>
#include <string.h>

#include "domain/answer_text.h"

/*
 * A phrase is words in this order; "*" stands for some others, or none, "+" ends a
 * word that may go on. Umlauts are written ae, oe, ue, and what is folded has no
 * capital. negated: what the clause says if it also has a negation outside.
 */
struct phrase {
	const char *words;
	unsigned char said, negated; /* enum psm__said */
	unsigned char sure;
};
#define SKIP_MAX 8
#define NOTHING PSM__SAID_NOTHING
#define YES PSM__SAID_YES
#define TRIAL PSM__SAID_TRIAL
#define FULL PSM__SAID_FULL
#define UNFIT PSM__SAID_UNFIT
#define NO PSM__SAID_NO
#define NO_SHOW PSM__SAID_NO_SHOW
#define ABSENT PSM__SAID_ABSENT

/* The first that fits counts: what says more stands before what says less. A
 * phrase that has its own negation does not mind another one (negated == said). */
static const struct phrase phrases[] = {
    /* nobody has read it */
    {"abwesenheitsnotiz", ABSENT, ABSENT, 95},
    {"abwesenheitsnachricht", ABSENT, ABSENT, 95},
    {"automatische antwort", ABSENT, ABSENT, 95},
    {"automatisch erstellte", ABSENT, ABSENT, 90},
    {"automatisch generierte", ABSENT, ABSENT, 90},
    {"out of office", ABSENT, ABSENT, 95},
    {"nicht im buero", ABSENT, ABSENT, 90},
    {"nicht im haus+", ABSENT, ABSENT, 90},
    {"nicht in der praxis", ABSENT, ABSENT, 90},
    {"im urlaub", ABSENT, ABSENT, 85},
    {"in elternzeit", ABSENT, ABSENT, 85},
    {"im mutterschutz", ABSENT, ABSENT, 85},
    {"praxis * geschlossen", ABSENT, ABSENT, 85},
    {"nicht erreichbar", ABSENT, ABSENT, 85},
    {"wieder erreichbar", ABSENT, ABSENT, 85},
    {"wieder fuer sie da", ABSENT, ABSENT, 85},
    {"mails werden * nicht gelesen", ABSENT, ABSENT, 90},
    {"nicht gelesen", ABSENT, ABSENT, 80},
    /* what became of a patient */
    {"nicht erschienen", NO_SHOW, NO_SHOW, 90},
    {"nicht zum * termin", NO_SHOW, NO_SHOW, 85},
    {"nicht zum termin", NO_SHOW, NO_SHOW, 85},
    {"nicht zum erstgespraech", NO_SHOW, NO_SHOW, 85},
    {"nicht aufgetaucht", NO_SHOW, NO_SHOW, 90},
    {"termin nicht wahrgenommen", NO_SHOW, NO_SHOW, 90},
    {"kam nicht", NO_SHOW, NO_SHOW, 75},
    {"nicht gekommen", NO_SHOW, NO_SHOW, 80},
    {"probatorische+ * laufen", TRIAL, NOTHING, 85},
    {"probatorische+ sitzungen laufen", TRIAL, NOTHING, 90},
    {"probatorische+ sitzungen * begonnen", TRIAL, NOTHING, 90},
    {"probatorische+ sitzungen haben begonnen", TRIAL, NOTHING, 90},
    {"in probatorischer behandlung", TRIAL, NOTHING, 85},
    {"laufen * probatorische+", TRIAL, NOTHING, 85},
    {"laufen * sitzungen", TRIAL, NOTHING, 80},
    {"bereits in sitzungen", TRIAL, NOTHING, 85},
    {"sind in probatorik", TRIAL, NOTHING, 85},
    {"ist in probatorik", TRIAL, NOTHING, 85},
    /* negations of a refusal */
    {"nicht ausgelastet", YES, YES, 60},
    {"nicht ausgebucht", YES, YES, 60},
    {"nicht voll", YES, YES, 50},
    {"keine absage", YES, YES, 50},
    {"nicht absagen", YES, YES, 50},
    {"nicht ablehnen", YES, YES, 50},
    {"nichts dagegen", YES, YES, 60},
    {"kein problem", YES, YES, 60},
    /* the wrong therapist */
    {"nicht geeignet", UNFIT, UNFIT, 90},
    {"ungeeignet", UNFIT, YES, 85},
    {"passt * nicht", UNFIT, UNFIT, 80},
    {"passen * nicht", UNFIT, UNFIT, 80},
    {"passt nicht", UNFIT, UNFIT, 80},
    {"passen nicht", UNFIT, UNFIT, 80},
    {"nicht * schwerpunkt", UNFIT, UNFIT, 85},
    {"nicht * fachgebiet", UNFIT, UNFIT, 85},
    {"nicht * spezialisiert", UNFIT, UNFIT, 85},
    {"ausserhalb meine+", UNFIT, UNFIT, 85},
    {"behandle * keine", UNFIT, UNFIT, 80},
    {"behandle keine", UNFIT, UNFIT, 80},
    {"behandle ausschliesslich", UNFIT, UNFIT, 80},
    {"behandle nur", UNFIT, UNFIT, 80},
    {"nur kinder", UNFIT, UNFIT, 85},
    {"ausschliesslich kinder", UNFIT, UNFIT, 85},
    {"keine indikation", UNFIT, UNFIT, 80},
    {"nicht indiziert", UNFIT, UNFIT, 80},
    /* no capacity */
    {"keine+ * kapazitaet+", FULL, FULL, 90},
    {"keine+ kapazitaet+", FULL, FULL, 95},
    {"keinerlei kapazitaet+", FULL, FULL, 95},
    {"kapazitaet+ * erschoepft", FULL, YES, 90},
    {"kapazitaet+ erschoepft", FULL, YES, 90},
    {"kapazitaet+ * ausgeschoepft", FULL, YES, 90},
    {"kein+ * platz", FULL, FULL, 85},
    {"kein+ platz", FULL, FULL, 90},
    {"kein+ * plaetze", FULL, FULL, 90},
    {"kein+ plaetze", FULL, FULL, 90},
    {"kein+ * therapieplatz", FULL, FULL, 90},
    {"kein+ * therapieplaetze", FULL, FULL, 90},
    {"nichts frei", FULL, FULL, 85},
    {"nicht frei", FULL, FULL, 60},
    {"ausgelastet", FULL, YES, 90},
    {"ausgebucht", FULL, YES, 90},
    {"voll belegt", FULL, YES, 90},
    {"alle plaetze * belegt", FULL, YES, 90},
    {"alle plaetze belegt", FULL, YES, 90},
    {"alle * plaetze * vergeben", FULL, YES, 90},
    {"praxis * voll", FULL, YES, 80},
    {"warteliste * voll", FULL, FULL, 80},
    {"warteliste * geschlossen", FULL, FULL, 85},
    {"lange+ warteliste", FULL, FULL, 60},
    {"aufnahmestopp", FULL, FULL, 90},
    {"keine neuen patient+", FULL, FULL, 90},
    {"keine * neuen patient+", FULL, FULL, 90},
    {"keine weiteren patient+", FULL, FULL, 90},
    {"niemand+ * aufnehmen", FULL, FULL, 85},
    {"niemand+ aufnehmen", FULL, FULL, 85},
    {"keine * aufnehmen", FULL, FULL, 80},
    {"keine aufnehmen", FULL, FULL, 80},
    {"ab sofort * wieder", YES, FULL, 80},
    {"wieder ab sofort", YES, FULL, 80},
    {"ab jetzt * wieder", YES, FULL, 80},
    {"erst wieder", FULL, FULL, 75},
    {"erst ab", FULL, FULL, 75},
    {"erst in", FULL, FULL, 75},
    {"erst im", FULL, FULL, 75},
    {"ab * wieder", FULL, FULL, 75},
    {"wieder ab", FULL, FULL, 75},
    {"fruehestens", FULL, FULL, 70},
    /* contact and guesses: no acceptance */
    {"fragen * kontakt", NOTHING, NOTHING, 0},
    {"kontakt * fragen", NOTHING, NOTHING, 0},
    {"nehme * kontakt * auf", NOTHING, NOTHING, 0},
    {"kontakt * aufnehmen", YES, NO, 40},
    {"nehme an dass", NOTHING, NOTHING, 0},
    {"nehme an,", NOTHING, NOTHING, 0},
    {"nehme ich an,", NOTHING, NOTHING, 0},
    /* an acceptance; what negates it refuses */
    {"platz+ * frei+", YES, FULL, 85},
    {"frei+ platz", YES, FULL, 85},
    {"frei+ plaetze", YES, FULL, 85},
    {"frei+ therapieplatz", YES, FULL, 85},
    {"frei+ therapieplaetze", YES, FULL, 85},
    {"plaetze * frei+", YES, FULL, 85},
    {"kapazitaet+ frei", YES, FULL, 85},
    {"habe * kapazitaet+", YES, FULL, 75},
    {"platz * anbieten", YES, FULL, 90},
    {"plaetze * anbieten", YES, FULL, 90},
    {"platz anbieten", YES, FULL, 90},
    {"plaetze anbieten", YES, FULL, 90},
    {"erstgespraech+ * anbieten", YES, NO, 85},
    {"erstgespraech+ anbieten", YES, NO, 85},
    {"sprechstunde * anbieten", YES, NO, 75},
    {"termin+ * anbieten", YES, NO, 80},
    {"termin+ anbieten", YES, NO, 80},
    {"erstgespraech+ * vereinbaren", YES, NO, 80},
    {"erstgespraech+ vereinbaren", YES, NO, 80},
    {"termin+ * vereinbaren", YES, NO, 75},
    {"termin+ vereinbaren", YES, NO, 75},
    {"aufnehmen", YES, NO, 85},
    {"uebernehmen", YES, NO, 85},
    {"annehmen", YES, NO, 80},
    {"nehme * auf", YES, NO, 85},
    {"nehme * an", YES, NO, 80},
    {"nehme ich * gern+", YES, NO, 80},
    {"nehmen", YES, NO, 75},
    {"nehme ich", YES, NO, 70},
    {"aufzunehmen", YES, NO, 75},
    {"anzubieten", YES, NO, 70},
    {"uebernehme", YES, NO, 80},
    {"biete * an", YES, NO, 80},
    {"freue mich auf", YES, NOTHING, 70},
    {"mit * anfangen", YES, NO, 70},
    {"mit * beginnen", YES, NO, 70},
    {"anbieten", YES, NO, 65},
    {"behandeln", YES, NO, 65},
    {"zusage+", YES, NO, 85},
    {"zusagen", YES, NO, 85},
    {"sage * zu", YES, NO, 80},
    {"einverstanden", YES, NO, 75},
    {"melden", YES, NOTHING, 65},
    {"bei mir melden", YES, NOTHING, 75},
    {"anrufen", YES, NOTHING, 55},
    {"geht klar", YES, NO, 70},
    {"passt", YES, UNFIT, 60},
    {"moeglich", YES, NO, 60},
    /* a refusal */
    {"absage+", NO, YES, 85},
    {"absagen", NO, YES, 85},
    {"sage * ab", NO, YES, 80},
    {"ablehnen", NO, YES, 85},
    {"lehne * ab", NO, YES, 85},
    {"kein interesse", NO, NO, 90},
    {"nicht mehr kontaktieren", NO, NO, 85},
    {"keine weiteren anfragen", NO, NO, 85},
    {"nicht weiterhelfen", NO, NO, 80},
    {"leider nicht", NO, NO, 75},
    {"nein", NO, NO, 80},
    {"nicht", NO, NO, 40},
    {"ja", YES, NO, 75},
    {"gerne", YES, NO, 55},
    {"gern", YES, NO, 55},
};

static const char *const negations[] = {"nicht", "kein+",  "niemand+",  "nie",
                                        "weder", "nichts", "unmoeglich"};
/* What makes it less than a word that was given. */
static const char *const doubts[] = {
    "vielleicht", "eventuell",
    "evtl",       "moeglicherweise",
    "falls",      "wenn",
    "sofern",     "unter umstaenden",
    "waere",      "haette",
    "muesste",    "noch unklar",
    "melde mich", "voraussichtlich",
    "sobald",
};

static int
in_word(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static const char *
next_word(const char *text)
{
	while (in_word(*text))
		text++;
	while (*text != '\0' && !in_word(*text))
		text++;
	return text;
}

/* want[len], which may end in "+", against the word at text. */
static int
same_word(const char *text, const char *want, size_t len)
{
	int open = len > 1 && want[len - 1] == '+';

	if (open)
		len--;
	return strncmp(text, want, len) == 0 && (open || !in_word(text[len]));
}

/* Where the phrase ends that begins at text; NULL: it does not. */
static const char *
match_at(const char *text, const char *words)
{
	while (*words != '\0') {
		size_t len = strcspn(words, " ");
		int skip = 0;

		if (len == 1 && words[0] == '*') {
			words += 2;
			len = strcspn(words, " ");
			while (*text != '\0' && skip < SKIP_MAX &&
			       !same_word(text, words, len)) {
				text = next_word(text);
				skip++;
			}
		}
		if (*text == '\0' || !same_word(text, words, len))
			return NULL;
		text = next_word(text);
		words += len + (words[len] == ' ');
	}
	return text;
}

/* Where the phrase is found first; *end: behind it. */
static const char *
find(const char *text, const char *words, const char **end)
{
	if (!in_word(*text))
		text = next_word(text);
	for (; *text != '\0'; text = next_word(text)) {
		*end = match_at(text, words);
		if (*end != NULL)
			return text;
	}
	return NULL;
}

static int
has(const char *clause, const char *words)
{
	const char *end;

	return find(clause, words, &end) != NULL;
}

/* A negation before or behind the phrase, not within it. */
static int
is_negated(const char *clause, const char *begin, const char *end)
{
	for (size_t i = 0; i < PSM__COUNT(negations); i++) {
		const char *from = clause, *stop, *at;

		while ((at = find(from, negations[i], &stop)) != NULL) {
			if (at < begin || at >= end)
				return 1;
			from = stop;
		}
	}
	return 0;
}

struct psm__clause
psm__answer_clause(const char *clause)
{
	struct psm__clause c = {PSM__SAID_NOTHING, 0, NULL};
	const char *begin, *end;
	int negated;

	for (size_t i = 0; i < PSM__COUNT(phrases); i++) {
		const struct phrase *p = &phrases[i];

		begin = find(clause, p->words, &end);
		if (begin == NULL)
			continue;
		negated =
		    p->said != p->negated && is_negated(clause, begin, end);
		c.said = negated ? p->negated : p->said;
		c.sure = p->sure;
		c.words = p->words;
		break;
	}
	for (size_t i = 0; i < PSM__COUNT(doubts); i++) {
		if (c.sure > 40 && has(clause, doubts[i]))
			c.sure = 40;
	}
	return c;
}

const struct psm__outcome *
psm__said_outcome(enum psm__said said)
{
	switch (said) {
	case PSM__SAID_YES:
		return psm__outcome_find("angenommen");
	case PSM__SAID_TRIAL:
		return psm__outcome_find("in_Sitzungen");
	case PSM__SAID_FULL:
		return psm__outcome_find("abgelehnt_Kapazitaet");
	case PSM__SAID_UNFIT:
		return psm__outcome_find("abgelehnt_nicht_geeignet");
	case PSM__SAID_NO:
		return psm__outcome_find("abgelehnt_sonstiges");
	case PSM__SAID_NO_SHOW:
		return psm__outcome_find("nicht_erschienen");
	case PSM__SAID_NOTHING:
	case PSM__SAID_ABSENT:
		break;
	}
	return NULL;
}
