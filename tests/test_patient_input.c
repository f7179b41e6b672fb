/* SPDX-License-Identifier: BSD-2-Clause */
/* What a record of a patient may say: each fault with its pointer, what was
 * wanted and what was found; all of them at once. No database. */
#include "domain/patient.h"
#include "testing.h"

#define TODAY "2026-03-02"

static psm_error *err;
static struct psm__row row;
static struct psm__events ev;
static const struct psm__now now = {TODAY, "11:00:00", TODAY " 10:00:00"};

static void
fresh(void)
{
	psm__events_free(&ev);
	psm__row_free(&row);
	ck_assert_int_eq(psm__row_init(&row, &psm__entity_patient, err), 0);
	psm__error_clear(err);
}

static void
setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	fresh();
}

static void
teardown(void)
{
	psm__events_free(&ev);
	psm__row_free(&row);
	psm_error_free(err);
}

/* Decide about {<members>}. */
static int
decide(psm__decide_fn *fn, enum psm__reading how, const char *members)
{
	struct psm__wish wish = {.how = how, .updated = "patient.updated"};
	psm_json *doc = NULL;
	char json[2000];
	int rc;

	psm__error_clear(err);
	(void)snprintf(json, sizeof(json), "{%s}", members);
	ck_assert_int_eq(psm_json_parse(json, strlen(json), &doc, err), 0);
	wish.doc = doc;
	rc = fn(&row, &wish, &now, &ev, err);
	psm_json_free(doc);
	return rc;
}

#define NAMES                                                                  \
	"\"anrede\": \"Frau\", \"geschlecht\": \"weiblich\", "                 \
	"\"vorname\": \"Berta\", \"nachname\": \"Musterbaum\""

static int
make(const char *members)
{
	char all[1800];

	fresh();
	(void)snprintf(all, sizeof(all), NAMES ", %s", members);
	return decide(psm__patient_make, PSM__READ_NEW, all);
}

static int
put(const char *members)
{
	memset(row.modified, 0, PSM__PATIENT_COUNT);
	return decide(psm__patient_patch, PSM__READ_PUT, members);
}

static void
check_fault(size_t i, const char *pointer, const char *what)
{
	ck_assert_uint_lt(i, psm_error_fault_count(err));
	ck_assert_str_eq(psm_error_fault_pointer(err, i), pointer);
	ck_assert_str_eq(psm_error_fault_message(err, i), what);
}

#define DAYS "want days of the week (montag to sonntag), found another name"
#define SLOT "want a time HH:MM-HH:MM, found "
#define KM "want a number from 0, found "
#define NOBODY "want the number of a therapist, found "
#define PAST "want a day up to today, found a later one"
#define LATER "want a day after geburtsdatum, found an earlier one"
#define A_DATE "want a date YYYY-MM-DD, found "

/* One fault each. */
static const struct {
	const char *members, *pointer, *what;
} faults[] = {
    /* days */
    {"\"geburtsdatum\": \"2026-03-03\"", "/geburtsdatum", PAST},
    {"\"geburtsdatum\": \"1990-02-30\"", "/geburtsdatum",
     A_DATE "another text"},
    {"\"geburtsdatum\": \"\"", "/geburtsdatum", A_DATE "an empty text"},
    {"\"geburtsdatum\": 19900101", "/geburtsdatum", A_DATE "number"},
    {"\"letzte_sitzung_vorherige_psychotherapie\": \"2026-03-03\"",
     "/letzte_sitzung_vorherige_psychotherapie", PAST},
    {"\"geburtsdatum\": \"1990-05-05\", "
     "\"letzte_sitzung_vorherige_psychotherapie\": \"1990-05-04\"",
     "/letzte_sitzung_vorherige_psychotherapie", LATER},
    {"\"geburtsdatum\": \"1990-05-05\", \"erster_therapieplatz_am\": "
     "\"1980-01-01\"",
     "/erster_therapieplatz_am", LATER},
    {"\"geburtsdatum\": \"1990-05-05\", "
     "\"funktionierender_therapieplatz_am\": \"1980-01-01\"",
     "/funktionierender_therapieplatz_am", LATER},
    /* texts */
    {"\"plz\": \"1011\"", "/plz", "want five digits, found another text"},
    {"\"plz\": \"D-10115\"", "/plz", "want five digits, found another text"},
    {"\"plz\": 10115", "/plz", "want text, found number"},
    {"\"zahlungsreferenz\": \"123456789\"", "/zahlungsreferenz",
     "want at most 8 characters, found 9"},
    {"\"email\": \"berta\"", "/email",
     "want one mail address, found another text"},
    {"\"status\": \"Offen\"", "/status",
     "want one of offen, auf_der_Suche, in_Therapie, Therapie_abgeschlossen, "
     "Suche_abgebrochen, Therapie_abgebrochen, found offen in another "
     "spelling"},
    /* symptoms: the list's own order of checks */
    {"\"symptome\": []", "/symptome", "want 1 to 3 items, found 0"},
    {"\"symptome\": \"Mobbing\"", "/symptome", "want array, found string"},
    {"\"symptome\": {\"Mobbing\": 1}", "/symptome", "want array, found object"},
    {"\"symptome\": [\"Mobbing\", \"Mobbing\", \"Mobbing\", \"Mobbing\"]",
     "/symptome", "want 1 to 3 items, found 4"},
    {"\"symptome\": [\"Mobbing\", \"mobbing\"]", "/symptome/1",
     "want a word of its list, found Mobbing in another spelling"},
    {"\"symptome\": [\"Mobbing \"]", "/symptome/0",
     "want a word of its list, found another text"},
    {"\"symptome\": [7]", "/symptome/0",
     "want a word of its list, found number"},
    /* times of the week */
    {"\"zeitliche_verfuegbarkeit\": [\"09:00-12:00\"]",
     "/zeitliche_verfuegbarkeit", "want object, found array"},
    {"\"zeitliche_verfuegbarkeit\": {\"Montag\": []}",
     "/zeitliche_verfuegbarkeit", DAYS},
    {"\"zeitliche_verfuegbarkeit\": {\"werktags\": []}",
     "/zeitliche_verfuegbarkeit", DAYS},
    {"\"zeitliche_verfuegbarkeit\": {\"montag\": \"09:00-12:00\"}",
     "/zeitliche_verfuegbarkeit/montag", "want array, found string"},
    {"\"zeitliche_verfuegbarkeit\": {\"montag\": [\"09:00-12:00\", 9]}",
     "/zeitliche_verfuegbarkeit/montag/1", SLOT "number"},
    {"\"zeitliche_verfuegbarkeit\": {\"montag\": [\"9:00-12:00\"]}",
     "/zeitliche_verfuegbarkeit/montag/0", SLOT "another text"},
    {"\"zeitliche_verfuegbarkeit\": {\"montag\": [\"09:00 - 12:00\"]}",
     "/zeitliche_verfuegbarkeit/montag/0", SLOT "another text"},
    {"\"zeitliche_verfuegbarkeit\": {\"montag\": [\"09:60-12:00\"]}",
     "/zeitliche_verfuegbarkeit/montag/0", SLOT "another text"},
    {"\"zeitliche_verfuegbarkeit\": {\"montag\": [\"20:00-25:00\"]}",
     "/zeitliche_verfuegbarkeit/montag/0", SLOT "another text"},
    {"\"zeitliche_verfuegbarkeit\": {\"montag\": [\"09:00-24:01\"]}",
     "/zeitliche_verfuegbarkeit/montag/0", SLOT "another text"},
    {"\"zeitliche_verfuegbarkeit\": {\"montag\": [\"12:00-09:00\"]}",
     "/zeitliche_verfuegbarkeit/montag/0",
     "want a start before the end, found a later one"},
    /* distances */
    {"\"raeumliche_verfuegbarkeit\": 20", "/raeumliche_verfuegbarkeit",
     "want object, found number"},
    {"\"raeumliche_verfuegbarkeit\": {\"max_km\": \"20\"}",
     "/raeumliche_verfuegbarkeit/max_km", KM "string"},
    {"\"raeumliche_verfuegbarkeit\": {\"max_km\": -0.5}",
     "/raeumliche_verfuegbarkeit/max_km", KM "another number"},
    {"\"raeumliche_verfuegbarkeit\": {\"max_km\": 1e999}",
     "/raeumliche_verfuegbarkeit/max_km", KM "another number"},
    /* exclusions */
    {"\"ausgeschlossene_therapeuten\": {\"id\": 7}",
     "/ausgeschlossene_therapeuten", "want array, found object"},
    {"\"ausgeschlossene_therapeuten\": [7, \"8\"]",
     "/ausgeschlossene_therapeuten/1", NOBODY "string"},
    {"\"ausgeschlossene_therapeuten\": [0]", "/ausgeschlossene_therapeuten/0",
     NOBODY "another number"},
    {"\"ausgeschlossene_therapeuten\": [1.5]", "/ausgeschlossene_therapeuten/0",
     NOBODY "another number"},
    {"\"ausgeschlossene_therapeuten\": [2147483648]",
     "/ausgeschlossene_therapeuten/0", NOBODY "another number"},
    {"\"ausgeschlossene_therapeuten\": [null]",
     "/ausgeschlossene_therapeuten/0", NOBODY "null"},
    {"\"ausgeschlossene_therapeuten\": [{\"reason\": \"x\"}]",
     "/ausgeschlossene_therapeuten/0/id", NOBODY "nothing"},
    {"\"ausgeschlossene_therapeuten\": [{\"id\": 7, \"reason\": 8}]",
     "/ausgeschlossene_therapeuten/0/reason", "want text, found number"},
    {"\"ausgeschlossene_therapeuten\": [{\"id\": 7, \"excluded_at\": []}]",
     "/ausgeschlossene_therapeuten/0/excluded_at", "want text, found array"},
    /* booleans are no words: "false" was true once */
    {"\"zahlung_eingegangen\": \"false\"", "/zahlung_eingegangen",
     "want true or false, found string"},
    {"\"zahlung_eingegangen\": 1", "/zahlung_eingegangen",
     "want true or false, found number"},
    {"\"hausarzt\": {\"name\": \"x\"}", "/hausarzt", "want text, found object"},
};

START_TEST(fault_65_66_each_fault)
{
	ck_assert_int_eq(make(faults[_i].members), PSM_ERR_SCHEMA);
	check_fault(0, faults[_i].pointer, faults[_i].what);
	ck_assert_uint_eq(psm_error_fault_count(err), 1);
	ck_assert_uint_eq(ev.count, 0);
}
END_TEST

/* What people and older programs send, and must be able to. */
static const char *const accepted[] = {
    "\"geburtsdatum\": \"" TODAY "\"",
    "\"letzte_sitzung_vorherige_psychotherapie\": \"" TODAY "\"",
    "\"geburtsdatum\": \"1990-05-05\", "
    "\"letzte_sitzung_vorherige_psychotherapie\": \"1990-05-05\"",
    "\"erster_therapieplatz_am\": \"2026-09-01\", "
    "\"funktionierender_therapieplatz_am\": \"2026-09-01\"",
    "\"plz\": \"\", \"email\": \"\", \"telefon\": \"\", \"ort\": \"\"",
    "\"plz\": \" 10115 \"",
    "\"plz\": null, \"symptome\": null, \"zeitliche_verfuegbarkeit\": null",
    "\"symptome\": [\"Depression / Niedergeschlagenheit\", \"Mobbing\", "
    "\"Suchtprobleme (Alkohol/Drogen)\"]",
    "\"symptome\": [\"Mobbing\", \"Mobbing\"]",
    "\"zeitliche_verfuegbarkeit\": {}",
    "\"zeitliche_verfuegbarkeit\": {\"montag\": [], \"dienstag\": null, "
    "\"mittwoch\": [\"\"], \"donnerstag\": [\"09:00-12:00\", "
    "\"14:00-24:00\"], \"monday\": [\"00:00-00:01\"]}",
    "\"raeumliche_verfuegbarkeit\": {}",
    "\"raeumliche_verfuegbarkeit\": {\"max_km\": 0}",
    "\"raeumliche_verfuegbarkeit\": {\"max_km\": null}",
    "\"raeumliche_verfuegbarkeit\": {\"max_km\": 12.5, \"mit\": \"Rad\"}",
    "\"ausgeschlossene_therapeuten\": []",
    "\"ausgeschlossene_therapeuten\": [7, 8.0, {\"id\": 9}, {\"id\": 10, "
    "\"excluded_at\": null, \"reason\": null, \"by\": 1}]",
};

START_TEST(what_is_accepted)
{
	ck_assert_msg(make(accepted[_i]) == 0, "%s", psm_error_message(err));
}
END_TEST

/* As the former platform took them; stored are days as all others. */
START_TEST(days_without_zeros)
{
	static const char *const wrong[] = {
	    "1999-1-32",  "1999-0-5", "1999-13-1", "1999-1-5 ", "1999-1",
	    "1999-001-5", "99-1-5",   "1999--1-5", "1999-1-",   "1999-02-30"};
	char members[64];

	ck_assert_int_eq(make("\"geburtsdatum\": \"1999-1-5\""), 0);
	ck_assert_str_eq(row.value[PSM__PATIENT_GEBURTSDATUM], "1999-01-05");
	ck_assert_int_eq(put("\"geburtsdatum\": \"1999-01-5\""), 0);
	ck_assert_int_eq(psm__row_modified(&row), 0);
	ck_assert_int_eq(put("\"geburtsdatum\": \"1999-11-5\""), 0);
	ck_assert_str_eq(row.value[PSM__PATIENT_GEBURTSDATUM], "1999-11-05");
	for (size_t i = 0; i < PSM__COUNT(wrong); i++) {
		(void)snprintf(members, sizeof(members),
		               "\"geburtsdatum\": \"%s\"", wrong[i]);
		ck_assert_int_eq(put(members), PSM_ERR_SCHEMA);
	}
}
END_TEST

/* Also those of rules beside those of columns. */
START_TEST(all_faults_at_once)
{
	static const char *const want[] = {
	    "/vorname",
	    "/plz",
	    "/symptome/0",
	    "/zeitliche_verfuegbarkeit",
	    "/zeitliche_verfuegbarkeit/montag/0",
	    "/nachname",
	    "/geburtsdatum",
	    "/letzte_sitzung_vorherige_psychotherapie"};

	ck_assert_int_eq(
	    decide(psm__patient_make, PSM__READ_NEW,
	           "\"anrede\": \"Frau\", \"geschlecht\": \"weiblich\", "
	           "\"vorname\": \" \", \"plz\": \"x\", \"geburtsdatum\": "
	           "\"2027-01-01\", \"symptome\": [\"x\"], "
	           "\"zeitliche_verfuegbarkeit\": {\"x\": 1, \"montag\": "
	           "[1]}, \"letzte_sitzung_vorherige_psychotherapie\": "
	           "\"2026-12-31\""),
	    PSM_ERR_SCHEMA);
	for (size_t i = 0; i < PSM__COUNT(want); i++)
		ck_assert_str_eq(psm_error_fault_pointer(err, i), want[i]);
	ck_assert_uint_eq(psm_error_fault_count(err), PSM__COUNT(want));
	ck_assert_uint_eq(psm_error_line(err), 1); /* of the first one */
}
END_TEST

/* -- adopted rows */

static void
adopt(void)
{
	static const struct {
		int column;
		const char *text;
	} odd[] = {
	    {PSM__PATIENT_ANREDE, "Frau"},
	    {PSM__PATIENT_GESCHLECHT, "weiblich"},
	    {PSM__PATIENT_VORNAME, ""},
	    {PSM__PATIENT_NACHNAME, "Muster &amp; Baum"},
	    {PSM__PATIENT_PLZ, "1011"},
	    {PSM__PATIENT_EMAIL, "keine"},
	    {PSM__PATIENT_TELEFON, "030\n1"},
	    {PSM__PATIENT_GEBURTSDATUM, "2190-01-01"},
	    {PSM__PATIENT_LETZTE_SITZUNG_VORHERIGE_PSYCHOTHERAPIE,
	     "1890-01-01"},
	    {PSM__PATIENT_SYMPTOME, "[\"Husten\"]"},
	    {PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT,
	     "{\"immer\": \"ja\", \"montag\": [\"vormittags\"]}"},
	    {PSM__PATIENT_RAEUMLICHE_VERFUEGBARKEIT, "{\"max_km\": \"20\"}"},
	    {PSM__PATIENT_AUSGESCHLOSSENE_THERAPEUTEN, "[\"x\", {\"nr\": 1}]"},
	};

	fresh();
	for (size_t i = 0; i < PSM__COUNT(odd); i++)
		ck_assert_int_eq(
		    psm__row_set(&row, odd[i].column, odd[i].text, err), 0);
}

/* A fault of long ago does not stop a change elsewhere, nor the record as it
 * was read; a change of the column itself has to be right. */
START_TEST(what_is_stored_is_no_fault)
{
	char *all = NULL;

	adopt();
	ck_assert_int_eq(put("\"ort\": \"Ulm\""), 0);
	ck_assert_int_eq(psm__row_modified(&row), 1);
	ck_assert_int_eq(psm__row_text(&row, PSM__FOR_REST, &all, err), 0);
	all[strlen(all) - 1] = '\0';
	ck_assert_msg(put(all + 1) == 0, "%s", psm_error_message(err));
	ck_assert_int_eq(psm__row_modified(&row), 0);
	psm__free(all);
	ck_assert_int_eq(
	    put("\"plz\": \"1012\", \"geburtsdatum\": \"2191-01-01\", "
	        "\"symptome\": [\"Schnupfen\"], "
	        "\"raeumliche_verfuegbarkeit\": {\"max_km\": \"21\"}"),
	    PSM_ERR_SCHEMA);
	ck_assert_uint_eq(psm_error_fault_count(err), 5);
}
END_TEST

/* Other blanks and another order of the members are the same value. */
START_TEST(what_is_stored_is_known_by_its_meaning)
{
	adopt();
	ck_assert_int_eq(put("\"zeitliche_verfuegbarkeit\": {\"montag\": "
	                     "[\"vormittags\"], \"immer\":\"ja\"}"),
	                 0);
	ck_assert_int_eq(psm__row_modified(&row), 0);
}
END_TEST

/* -- imports */

static int
import(const char *data, const char *reference)
{
	struct psm__patient_record w = {NULL, "/patient_data", reference};
	psm_json *doc = NULL;
	int rc;

	fresh();
	ck_assert_int_eq(psm_json_parse(data, strlen(data), &doc, err), 0);
	w.data = doc;
	rc = psm__patient_import(&row, &w, &now, &ev, err);
	psm_json_free(doc);
	return rc;
}

static void
is(int column, const char *want)
{
	if (want == NULL)
		ck_assert_ptr_null(row.value[column]);
	else
		ck_assert_str_eq(row.value[column], want);
}

START_TEST(an_import_forces_what_it_knows_better)
{
	ck_assert_int_eq(
	    import("{" NAMES ", \"status\": \"in_Therapie\", "
	           "\"zahlung_eingegangen\": true, \"startdatum\": "
	           "\"2020-01-01\", \"krankenversicherungsnummer\": \"A1\", "
	           "\"offen_fuer_diga\": true, \"diagnose\": \"F32\", "
	           "\"ausgeschlossene_therapeuten\": [7], \"plz\": \"10115\"}",
	           "abcdefgh"),
	    0);
	is(PSM__PATIENT_STATUS, "offen");
	is(PSM__PATIENT_ZAHLUNG_EINGEGANGEN, "f");
	is(PSM__PATIENT_VERTRAEGE_UNTERSCHRIEBEN, "t");
	is(PSM__PATIENT_STARTDATUM, NULL);
	is(PSM__PATIENT_KRANKENVERSICHERUNGSNUMMER, NULL);
	is(PSM__PATIENT_OFFEN_FUER_DIGA, "f");
	is(PSM__PATIENT_OFFEN_FUER_GRUPPENTHERAPIE, "f");
	is(PSM__PATIENT_AUSGESCHLOSSENE_THERAPEUTEN, "[]");
	is(PSM__PATIENT_PLZ, "10115");
	is(PSM__PATIENT_ZAHLUNGSREFERENZ, "abcdefgh");
	is(PSM__PATIENT_CREATED_AT, TODAY);
	ck_assert_uint_eq(ev.count, 1);
	ck_assert_str_eq(ev.items[0].type, "patient.created");
	/* The payment comes later, and starts. */
	ck_assert_int_eq(put("\"zahlung_eingegangen\": true"), 0);
	is(PSM__PATIENT_STATUS, "auf_der_Suche");
	is(PSM__PATIENT_STARTDATUM, TODAY);
}
END_TEST

START_TEST(fault_77_a_reference_comes_from_the_token_alone)
{
	ck_assert_int_eq(
	    import("{" NAMES ", \"zahlungsreferenz\": \"smuggled\"}", NULL), 0);
	is(PSM__PATIENT_ZAHLUNGSREFERENZ, NULL);
	ck_assert_int_eq(import("{" NAMES ", \"symptome\": \"Mobbing\"}", NULL),
	                 PSM_ERR_SCHEMA);
	check_fault(0, "/patient_data/symptome", "want array, found string");
	ck_assert_int_eq(import("{\"anrede\": \"Frau\", \"vorname\": \"B\", "
	                        "\"nachname\": null, \"geburtsdatum\": "
	                        "\"2027-01-01\"}",
	                        NULL),
	                 PSM_ERR_SCHEMA);
	ck_assert_uint_eq(psm_error_fault_count(err), 3);
	ck_assert_str_eq(psm_error_fault_pointer(err, 2),
	                 "/patient_data/geburtsdatum");
}
END_TEST

/* -- the last contact */

START_TEST(a_contact_never_goes_backwards)
{
	static const struct {
		const char *before, *day, *after;
	} cases[] = {
	    {NULL, "2026-02-01", "2026-02-01"},
	    {"2026-01-31", "2026-02-01", "2026-02-01"},
	    {"2026-02-01", "2026-02-01", "2026-02-01"},
	    {"2026-02-02", "2026-02-01", "2026-02-02"},
	    {"2025-12-31", "2026-01-01", "2026-01-01"},
	};
	int news;

	for (size_t i = 0; i < PSM__COUNT(cases); i++) {
		fresh();
		ck_assert_int_eq(psm__row_set(&row,
		                              PSM__PATIENT_LETZTER_KONTAKT,
		                              cases[i].before, err),
		                 0);
		ck_assert_int_eq(
		    psm__patient_contact(&row, cases[i].day, &now, &ev, err),
		    0);
		is(PSM__PATIENT_LETZTER_KONTAKT, cases[i].after);
		news = cases[i].before == NULL ||
		       strcmp(cases[i].before, cases[i].after) != 0;
		ck_assert_int_eq(psm__row_modified(&row), news);
		ck_assert_uint_eq(ev.count, (size_t)news);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("patient_input");
	TCase *t = tcase_create("input");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, fault_65_66_each_fault, 0,
	                    (int)PSM__COUNT(faults));
	tcase_add_loop_test(t, what_is_accepted, 0, (int)PSM__COUNT(accepted));
	tcase_add_test(t, days_without_zeros);
	tcase_add_test(t, all_faults_at_once);
	tcase_add_test(t, what_is_stored_is_no_fault);
	tcase_add_test(t, what_is_stored_is_known_by_its_meaning);
	tcase_add_test(t, an_import_forces_what_it_knows_better);
	tcase_add_test(t, fault_77_a_reference_comes_from_the_token_alone);
	tcase_add_test(t, a_contact_never_goes_backwards);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
