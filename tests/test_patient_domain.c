/* SPDX-License-Identifier: BSD-2-Clause */
/* The pure rules of patients. */
#include "domain/patient.h"
#include "testing.h"

static psm_error *err;
static struct psm__row row;

static void
setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	ck_assert_int_eq(psm__row_init(&row, &psm__entity_patient, err), 0);
}

static void
teardown(void)
{
	psm__row_free(&row);
	psm_error_free(err);
}

static void
set(int column, const char *text)
{
	ck_assert_int_eq(psm__row_set(&row, column, text, err), 0);
}

/* -- what a search needs */

static void
set_complete(void)
{
	set(PSM__PATIENT_GESCHLECHT, "weiblich");
	set(PSM__PATIENT_SYMPTOME, "[\"Mobbing\"]");
	set(PSM__PATIENT_KRANKENKASSE, "AOK");
	set(PSM__PATIENT_GEBURTSDATUM, "1990-01-02");
	set(PSM__PATIENT_ERFAHRUNG_MIT_PSYCHOTHERAPIE, "f");
	set(PSM__PATIENT_OFFEN_FUER_GRUPPENTHERAPIE, "f");
	set(PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT,
	    "{\"montag\": [\"09:00-12:00\"]}");
}

static void
check_gaps(const int *want, int count)
{
	int gaps[PSM__PATIENT_GAPS_MAX];

	ck_assert_int_eq(psm__patient_search_gaps(&row, gaps, err), count);
	for (int i = 0; i < count; i++)
		ck_assert_int_eq(gaps[i], want[i]);
}

START_TEST(every_gap_in_the_rules_order)
{
	const int all[] = {PSM__PATIENT_GESCHLECHT,
	                   PSM__PATIENT_SYMPTOME,
	                   PSM__PATIENT_KRANKENKASSE,
	                   PSM__PATIENT_GEBURTSDATUM,
	                   PSM__PATIENT_ERFAHRUNG_MIT_PSYCHOTHERAPIE,
	                   PSM__PATIENT_OFFEN_FUER_GRUPPENTHERAPIE,
	                   PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT};

	check_gaps(all, 7);
	set_complete();
	check_gaps(NULL, 0);
}
END_TEST

/* Status, payment, contracts and address are not asked for. */
static const struct {
	int column;
	const char *text;
	int gap; /* -1: none */
} gap_cases[] = {
    {PSM__PATIENT_GESCHLECHT, NULL, PSM__PATIENT_GESCHLECHT},
    {PSM__PATIENT_SYMPTOME, "[]", -1},
    {PSM__PATIENT_SYMPTOME, "null", PSM__PATIENT_SYMPTOME},
    {PSM__PATIENT_SYMPTOME, "\"  \"", PSM__PATIENT_SYMPTOME},
    {PSM__PATIENT_SYMPTOME, "\"\"", PSM__PATIENT_SYMPTOME},
    {PSM__PATIENT_SYMPTOME, "\"Mobbing\"", -1},
    {PSM__PATIENT_KRANKENKASSE, "  ", PSM__PATIENT_KRANKENKASSE},
    {PSM__PATIENT_KRANKENKASSE, "", PSM__PATIENT_KRANKENKASSE},
    {PSM__PATIENT_GEBURTSDATUM, NULL, PSM__PATIENT_GEBURTSDATUM},
    {PSM__PATIENT_ERFAHRUNG_MIT_PSYCHOTHERAPIE, NULL,
     PSM__PATIENT_ERFAHRUNG_MIT_PSYCHOTHERAPIE},
    {PSM__PATIENT_ERFAHRUNG_MIT_PSYCHOTHERAPIE, "t",
     PSM__PATIENT_LETZTE_SITZUNG_VORHERIGE_PSYCHOTHERAPIE},
    {PSM__PATIENT_OFFEN_FUER_GRUPPENTHERAPIE, NULL,
     PSM__PATIENT_OFFEN_FUER_GRUPPENTHERAPIE},
    {PSM__PATIENT_OFFEN_FUER_GRUPPENTHERAPIE, "t", -1},
    {PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT, "{}",
     PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT},
    {PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT, "[\"09:00-12:00\"]",
     PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT},
    {PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT, "{\"montag\": []}",
     PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT},
    {PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT, "{\"montag\": \"09:00-12:00\"}",
     PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT},
    {PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT, "{\"montag\": [\" \", null]}",
     PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT},
    {PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT,
     "{\"montag\": [], \"freitag\": [\"\", \"18:00-19:00\"]}", -1},
    {PSM__PATIENT_LETZTE_SITZUNG_VORHERIGE_PSYCHOTHERAPIE, "2020-01-01", -1},
    {PSM__PATIENT_PLZ, NULL, -1},
    {PSM__PATIENT_STATUS, NULL, -1},
};

START_TEST(each_gap)
{
	set_complete();
	set(gap_cases[_i].column, gap_cases[_i].text);
	check_gaps(&gap_cases[_i].gap, gap_cases[_i].gap >= 0);
}
END_TEST

START_TEST(therapy_before_has_a_last_session)
{
	set_complete();
	set(PSM__PATIENT_ERFAHRUNG_MIT_PSYCHOTHERAPIE, "t");
	set(PSM__PATIENT_LETZTE_SITZUNG_VORHERIGE_PSYCHOTHERAPIE, "2020-01-01");
	check_gaps(NULL, 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("patient_domain");
	TCase *tc = tcase_create("gaps");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_gap_in_the_rules_order);
	tcase_add_loop_test(tc, each_gap, 0, PSM__COUNT(gap_cases));
	tcase_add_test(tc, therapy_before_has_a_last_session);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
