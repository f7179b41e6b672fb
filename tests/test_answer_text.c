/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of therapists, invented, and what they are read as. */
#include "domain/answer_text.h"
#include "testing.h"

#define TODAY "2026-03-02"

static psm_error *err;

static void
setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
}

static void
teardown(void)
{
	psm_error_free(err);
}

/* Of patients 71, 82 and 93: y accepted, t in sessions, c no capacity, u not
 * suitable, n refused otherwise, a did not appear, - nothing said. */
static const struct {
	const char *text, *said;
	int least, most; /* how sure */
	const char *until;
	int absent;
} answers[] = {
    /* acceptances */
    {"Guten Tag, alle drei kann ich gerne aufnehmen.", "yyy", 80, 100, "", 0},
    {"Gerne nehme ich Ihre Patienten auf.", "yyy", 70, 100, "", 0},
    {"Ich habe noch Plätze frei und freue mich auf Ihre Patienten.", "yyy", 70,
     100, "", 0},
    {"Ja, sehr gerne!", "yyy", 50, 80, "", 0},
    {"Ich kann Patientin 82 ab April einen Platz anbieten.", "-y-", 40, 60, "",
     0},
    {"Patient 71 kann ich nehmen, Patient 82 leider nicht, Patientin 93 auch "
     "gerne.",
     "yny", 50, 80, "", 0},
    {"Patient 71: ja\nPatient 82: nein\nPatient 93: ja", "yny", 70, 80, "", 0},
    {"71: Zusage\n82: Absage\n93: Zusage", "yny", 80, 90, "", 0},
    {"- Patient 71 kann sich gerne bei mir melden\n- Patient 82 passt leider "
     "nicht in mein Behandlungsspektrum\n- für Patient 93 habe ich keine "
     "Kapazität",
     "yuc", 60, 90, "", 0},
    {"Patient 71, 82 und 93 kann ich übernehmen.", "yyy", 80, 90, "", 0},
    {"Ich kann die Nr. 71 aufnehmen, die anderen muss ich leider ablehnen.",
     "ynn", 80, 90, "", 0},
    {"Patientin 93 könnte ich ein Erstgespräch anbieten. Für die übrigen habe "
     "ich leider keinen freien Platz.",
     "ccy", 80, 95, "", 0},
    {"Gern nehme ich Patient 71 und Patient 93 auf, aber Patient 82 muss ich "
     "absagen.",
     "yny", 70, 90, "", 0},
    {"Aufnehmen kann ich Patient 71 und 93.", "y-y", 40, 60, "", 0},
    {"Mit der Aufnahme von Patient*in 71 bin ich einverstanden.", "y--", 40, 60,
     "", 0},
    {"Ich sage allen dreien zu.", "yyy", 70, 90, "", 0},
    {"Die Patienten mögen sich bitte bei mir melden.", "yyy", 60, 80, "", 0},
    {"Ich uebernehme alle drei.", "yyy", 70, 90, "", 0},
    /* refusals */
    {"Leider habe ich derzeit keine freien Kapazitäten.", "ccc", 85, 100, "",
     0},
    {"Leider kann ich Ihren Patienten keinen Platz anbieten.", "ccc", 80, 95,
     "", 0},
    {"Ich bin bis auf Weiteres ausgebucht.", "ccc", 80, 95, "", 0},
    {"Meine Warteliste ist leider geschlossen.", "ccc", 80, 95, "", 0},
    {"Zurzeit nehme ich keine neuen Patientinnen und Patienten auf.", "ccc", 80,
     95, "", 0},
    {"Leider kann ich niemanden aufnehmen.", "ccc", 80, 95, "", 0},
    {"Ich muss Ihnen leider absagen.", "nnn", 80, 95, "", 0},
    {"Nein, leider nicht.", "nnn", 70, 85, "", 0},
    {"Das ist mir leider nicht möglich.", "nnn", 40, 80, "", 0},
    {"Bitte richten Sie keine weiteren Anfragen an mich.", "nnn", 80, 95, "",
     0},
    {"Weder 71 noch 82 oder 93 kann ich aufnehmen.", "nnn", 80, 90, "", 0},
    {"Ich behandle ausschließlich Kinder und Jugendliche.", "uuu", 75, 90, "",
     0},
    {"Für meine Praxis sind die Patienten leider nicht geeignet.", "uuu", 80,
     95, "", 0},
    {"Traumafolgestörungen gehören nicht zu meinem Schwerpunkt.", "uuu", 80, 95,
     "", 0},
    /* negations */
    {"Ich bin noch nicht ausgebucht.", "yyy", 50, 70, "", 0},
    {"Das ist keine Absage.", "yyy", 40, 60, "", 0},
    {"Eine Zusage kann ich Ihnen nicht geben.", "nnn", 80, 95, "", 0},
    {"Ich möchte niemanden ablehnen.", "yyy", 40, 90, "", 0},
    {"Ich kann die Patienten nicht übernehmen.", "nnn", 80, 95, "", 0},
    {"Einen freien Platz habe ich leider nicht.", "ccc", 80, 95, "", 0},
    /* no capacity until a day */
    {"Ich habe bis zum 1.5.2026 keine Kapazität.", "ccc", 85, 100, "2026-05-01",
     0},
    {"Leider kann ich erst ab Mai wieder Patienten aufnehmen.", "ccc", 60, 90,
     "2026-05-01", 0},
    {"Vor Ende September habe ich keinen Platz frei.", "ccc", 80, 95,
     "2026-09-30", 0},
    {"Frühestens in 6 Wochen wird etwas frei.", "ccc", 60, 80, "2026-04-13", 0},
    {"Ich bin bis Januar ausgebucht.", "ccc", 80, 95, "2027-01-01", 0},
    {"Ich habe ab 1.6. wieder Plätze frei.", "ccc", 60, 90, "2026-06-01", 0},
    {"Plätze habe ich wieder ab Juni.", "ccc", 60, 90, "2026-06-01", 0},
    {"Ich kann erst im Juni wieder jemanden nehmen.", "ccc", 60, 90,
     "2026-06-01", 0},
    {"Ab sofort habe ich wieder Plätze frei.", "yyy", 60, 90, "", 0},
    {"Freie Plätze habe ich erst wieder ab dem 15. Juni.", "ccc", 60, 90,
     "2026-06-15", 0},
    /* absence */
    {"Automatische Antwort: Ich bin bis zum 20.03.2026 im Urlaub und lese "
     "keine Mails.",
     "---", 80, 100, "2026-03-20", 1},
    {"Ich bin derzeit nicht im Büro. In dringenden Fällen wenden Sie sich an "
     "den ärztlichen Bereitschaftsdienst.",
     "---", 80, 100, "", 1},
    {"Die Praxis bleibt vom 9.3. bis 13.3. geschlossen.", "---", 80, 100,
     "2026-03-13", 1},
    {"Out of office until Monday.", "---", 80, 100, "", 1},
    /* what became of patients */
    {"Patient 71 ist zum Erstgespräch nicht erschienen.", "a--", 40, 60, "", 0},
    {"Mit Patientin 82 laufen die probatorischen Sitzungen. Patient 71 kam "
     "nicht. Patient 93 habe ich leider absagen müssen.",
     "atn", 70, 90, "", 0},
    {"Die probatorischen Sitzungen haben begonnen.", "ttt", 80, 95, "", 0},
    /* too little to say */
    {"Guten Tag, ich habe Ihre Nachricht erhalten.", "---", 0, 0, "", 0},
    {"Ich habe einen Platz frei.", "---", 0, 0, "", 0},
    {"Könnten Sie mir bitte die Telefonnummern schicken?", "---", 0, 0, "", 0},
    {"Ich nehme Kontakt mit Ihnen auf, sobald wieder Plätze vorhanden sind.",
     "---", 0, 0, "", 0},
    {"Ich nehme an, Sie haben meine Absage erhalten.", "---", 0, 0, "", 0},
    {"Ich nehme an, dass alle schon einen Platz haben.", "---", 0, 0, "", 0},
    {"Sie können gern mit mir Kontakt aufnehmen.", "yyy", 1, 40, "", 0},
    {"Ich kann alle aufnehmen, sobald der Umbau fertig ist.", "yyy", 1, 40, "",
     0},
    {"Vielleicht kann ich im Sommer jemanden aufnehmen.", "yyy", 1, 40, "", 0},
    {"Ich kann am 1. Mai um 10 Uhr telefonieren.", "---", 0, 0, "", 0},
    {"", "---", 0, 0, "", 0},
    /* who has further questions accepts nobody */
    {"Leider habe ich keine Kapazität. Für weitere Fragen können Sie gern "
     "Kontakt mit mir aufnehmen.",
     "ccc", 80, 95, "", 0},
    {"Leider habe ich keine Kapazität. Weitere Patienten kann ich im Sommer "
     "aufnehmen.",
     "ccc", 1, 40, "", 0},
    {"Patient 71 nehme ich gerne auf. Für weitere Fragen können Sie gern "
     "Kontakt mit mir aufnehmen.",
     "y--", 40, 60, "", 0},
    {"Die anderen muss ich leider ablehnen, nur Patient 71 kann ich aufnehmen.",
     "ynn", 80, 90, "", 0},
    /* both */
    {"Leider habe ich keine Kapazität. Patient 71 kann ich aufnehmen, die "
     "anderen kann ich auch übernehmen.",
     "yyy", 1, 40, "", 0},
    {"Ich nehme die Patienten gerne auf. Allerdings habe ich leider keine "
     "Kapazität.",
     "ccc", 1, 40, "", 0},
    /* what is quoted is not said */
    {"Leider habe ich keinen Platz.\n\n-----Ursprüngliche Nachricht-----\n"
     "Von: Team\nKönnen Sie Patient 71 aufnehmen? Gerne!",
     "ccc", 80, 95, "", 0},
    {"Gerne nehme ich alle auf.\n\nAm 1. März 2026 schrieb das Team:\n> Falls "
     "Sie keine Kapazität haben, sagen Sie bitte ab.",
     "yyy", 70, 90, "", 0},
    {"> Haben Sie keine Kapazität?\nDoch, ich habe freie Plätze.", "yyy", 80,
     90, "", 0},
    {"Ja, gerne.\n\n-- \nPraxis Musterbaum, derzeit keine neuen Patienten",
     "yyy", 50, 80, "", 0},
    {"Passt.\r\n\r\nVon: Team <team@example.org>\r\nGesendet: Montag\r\nkeine "
     "Kapazität",
     "yyy", 50, 70, "", 0},
    /* sentences over lines, and umlauts in two ways */
    {"Leider kann ich im Augenblick keine weiteren\nPatienten aufnehmen.",
     "ccc", 80, 95, "", 0},
    {"Ich habe zur Zeit keine Kapazita\xcc\x88ten.", "ccc", 85, 100, "", 0},
    {"LEIDER KEINE FREIEN PLAETZE", "ccc", 80, 95, "", 0},
    {"Ich bin voll belegt, z.B. Patient 71 muss ich leider absagen.", "n--", 40,
     60, "", 0},
};

static char
letter(const struct psm__outcome *o)
{
	static const struct {
		const char *word;
		char letter;
	} letters[] = {
	    {"angenommen", 'y'},           {"in_Sitzungen", 't'},
	    {"abgelehnt_Kapazitaet", 'c'}, {"abgelehnt_nicht_geeignet", 'u'},
	    {"abgelehnt_sonstiges", 'n'},  {"nicht_erschienen", 'a'}};

	for (size_t i = 0; o != NULL && i < PSM__COUNT(letters); i++) {
		if (strcmp(letters[i].word, o->word) == 0)
			return letters[i].letter;
	}
	return '-';
}

static const int64_t patients[] = {71, 82, 93};

START_TEST(reads)
{
	struct psm__answer_reading r;
	char said[4] = "";

	ck_assert_int_eq(psm__answer_text("AW: Suche - Ref: A12",
	                                  answers[_i].text, patients, 3, TODAY,
	                                  &r, err),
	                 0);
	for (int i = 0; i < 3; i++)
		said[i] = letter(r.outcome[i]);
	ck_assert_msg(strcmp(said, answers[_i].said) == 0,
	              "\"%s\": want %s, got %s (%d, \"%s\")", answers[_i].text,
	              answers[_i].said, said, r.sure,
	              r.words_count > 0 ? r.words[0] : "");
	ck_assert_msg(r.sure >= answers[_i].least && r.sure <= answers[_i].most,
	              "\"%s\": %d sure, want %d to %d", answers[_i].text,
	              r.sure, answers[_i].least, answers[_i].most);
	ck_assert_msg(strcmp(r.until, answers[_i].until) == 0,
	              "\"%s\": want \"%s\", got \"%s\"", answers[_i].text,
	              answers[_i].until, r.until);
	ck_assert_int_eq(r.absent, answers[_i].absent);
	ck_assert_int_eq(r.inquiry_id, 12);
	ck_assert(r.words_count > 0 || r.sure == 0);
}
END_TEST

static const struct {
	const char *subject, *text;
	int64_t id;
} references[] = {
    {"AW: Suche Psychotherapieplätze - Ref: A17", NULL, 17},
    {"Re: Anfrage a17", "", 17},
    {"Antwort", "zu Ihrer Anfrage A204.", 204},
    {"Antwort", "> Betreff: Suche - Ref: A33\n", 33},
    {"DINA4", "nichts", 0},
    {"A0", "A01", 0},
    {"", "A1234567890123", 0},
    {NULL, NULL, 0},
    {"Ref: A5 und A6", NULL, 5},
    {"A6, Ref: A5", NULL, 5},
};

START_TEST(finds_the_reference)
{
	ck_assert_int_eq(
	    psm__answer_reference(references[_i].subject, references[_i].text),
	    references[_i].id);
}
END_TEST

static const struct {
	const char *text, *day;
	size_t len;
} days[] = {
    {"1.5.2026", "2026-05-01", 8},
    {"01.05.", "2026-05-01", 6},
    {"1. mai", "2026-05-01", 6},
    {"1. mai 2027 ist", "2027-05-01", 11},
    {"mai", "2026-05-01", 3},
    {"ende april", "2026-04-30", 10},
    {"mitte juni", "2026-06-15", 10},
    {"anfang des monats", NULL, 0},
    {"januar", "2027-01-01", 6},
    {"1.3.", "2027-03-01", 4},
    {"2.3.", "2026-03-02", 4},
    {"2026-05-01", "2026-05-01", 10},
    {"ende februar 2028", "2028-02-29", 17},
    {"31.2.2026", NULL, 0},
    {"1.13.2026", NULL, 0},
    {"in 6 wochen", "2026-04-13", 11},
    {"in zwei monaten", "2026-05-01", 15},
    {"1.5.27", "2027-05-01", 6},
    {"maikaefer", NULL, 0},
    {"10 uhr", NULL, 0},
    {"", NULL, 0},
};

START_TEST(reads_days)
{
	char day[11] = "";
	size_t len;
	int rc = psm__answer_day(days[_i].text, TODAY, day, &len);

	ck_assert_msg(rc == (days[_i].day != NULL), "\"%s\": %d %s",
	              days[_i].text, rc, day);
	if (rc == 0)
		return;
	ck_assert_str_eq(day, days[_i].day);
	ck_assert_uint_eq(len, days[_i].len);
}
END_TEST

/* A day without a year is the next one within a year from today. */
static const struct {
	const char *text, *today, *day;
} leap_days[] = {
    {"29.2.", TODAY, NULL},
    {"29.2.", "2027-12-01", "2028-02-29"},
    {"29. februar", "2028-02-29", "2028-02-29"},
    {"29.2.", "2028-03-01", NULL},
    {"29.2.2027", "2027-12-01", NULL},
};

START_TEST(reads_leap_days)
{
	char day[11] = "";
	size_t len;
	int rc =
	    psm__answer_day(leap_days[_i].text, leap_days[_i].today, day, &len);

	ck_assert_int_eq(rc, leap_days[_i].day != NULL);
	if (rc == 1)
		ck_assert_str_eq(day, leap_days[_i].day);
}
END_TEST

/* However odd: it is read to an end, within what is there. */
START_TEST(odd_texts)
{
	static const char *const odd[] = {
	    "Patient",
	    "Patient 71",
	    "71",
	    ",,,,",
	    " und ",
	    "....",
	    "\n\n\n",
	    "Patient 99999999999999999999 nehme ich",
	    "71,82,93",
	    "\xff\xfe",
	    "Ich nehme 71",
	    "*",
	    "+",
	    "in",
	    "bis",
	    "bis ab vor",
	    "A",
	    "Ref: A"};
	struct psm__answer_reading r;
	char *all = malloc(200001);

	for (size_t i = 0; i < PSM__COUNT(odd); i++)
		ck_assert_int_eq(psm__answer_text(odd[i], odd[i], patients, 3,
		                                  TODAY, &r, err),
		                 0);
	memset(all, 'x', 200000);
	all[200000] = '\0';
	ck_assert_int_eq(
	    psm__answer_text(NULL, all, patients, 3, TODAY, &r, err), 0);
	for (int i = 0; i + 3 < 200000; i += 3)
		memcpy(all + i, "71,", 3);
	ck_assert_int_eq(
	    psm__answer_text(NULL, all, patients, 3, TODAY, &r, err), 0);
	ck_assert_int_eq(psm__answer_text(NULL, NULL, NULL, 0, TODAY, &r, err),
	                 0);
	free(all);
}
END_TEST

static int
read_after(const char *filler, const char *end)
{
	struct psm__answer_reading r;
	size_t n = strlen(filler), m = (1 << 20) / n;
	char *all = malloc(m * n + strlen(end) + 1);
	int said;

	for (size_t i = 0; i < m; i++)
		memcpy(all + i * n, filler, n);
	memcpy(all + m * n, end, strlen(end) + 1);
	ck_assert_int_eq(
	    psm__answer_text(all, all, patients, 3, TODAY, &r, err), 0);
	said = r.outcome[0] != NULL;
	free(all);
	return said;
}

/* Nobody reads so far, be it one line or the subject. */
START_TEST(a_line_without_end)
{
	ck_assert(!read_after("und ", "Ich kann alle aufnehmen."));
	ck_assert(!read_after("\xc3\xa4\xe2\x82\xac", " Zusage"));
	ck_assert(!read_after("1", " Zusage"));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("answer_text");
	TCase *t = tcase_create("text");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, reads, 0, PSM__COUNT(answers));
	tcase_add_loop_test(t, finds_the_reference, 0, PSM__COUNT(references));
	tcase_add_loop_test(t, reads_days, 0, PSM__COUNT(days));
	tcase_add_loop_test(t, reads_leap_days, 0, PSM__COUNT(leap_days));
	tcase_add_test(t, odd_texts);
	tcase_add_test(t, a_line_without_end);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
