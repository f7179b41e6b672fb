/* SPDX-License-Identifier: BSD-2-Clause */
/* The patient service adopts a database of the platform: its table as the last
 * migration left it, with rows of every kind, and every row stays as it was. */
#include "testing_patient.h"

static void
setup(void)
{
	out = NULL;
	pg_database();
	st = pg_store();
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
}

/* The types stand in public, as everything did; the tables of other services
 * point at the patients. */
static void
build(void)
{
	pg_run(
	    "CREATE TYPE public.anrede AS ENUM ('Herr', 'Frau');"
	    "CREATE TYPE public.geschlecht AS ENUM ('männlich', 'weiblich', "
	    "'divers', 'keine_Angabe');"
	    "CREATE TYPE public.patientenstatus AS ENUM ('offen', "
	    "'auf_der_Suche', 'in_Therapie', 'Therapie_abgeschlossen', "
	    "'Suche_abgebrochen', 'Therapie_abgebrochen');"
	    "CREATE TYPE public.therapeutgeschlechtspraeferenz AS ENUM "
	    "('Männlich', 'Weiblich', 'Egal');"
	    "CREATE TYPE public.therapieverfahren AS ENUM ('egal', "
	    "'Verhaltenstherapie', "
	    "'tiefenpsychologisch_fundierte_Psychotherapie');"
	    "CREATE SCHEMA patient_service;"
	    "CREATE TABLE patient_service.patienten (id serial PRIMARY KEY, "
	    "anrede anrede NOT NULL, geschlecht geschlecht NOT NULL, "
	    "vorname varchar(100) NOT NULL, nachname varchar(100) NOT NULL, "
	    "strasse varchar(255), plz varchar(10), ort varchar(100), "
	    "email varchar(255), telefon varchar(50), hausarzt varchar(255), "
	    "krankenkasse varchar(100), krankenversicherungsnummer "
	    "varchar(50), geburtsdatum date, erfahrung_mit_psychotherapie "
	    "boolean, letzte_sitzung_vorherige_psychotherapie date, "
	    "vertraege_unterschrieben boolean, startdatum date, "
	    "erster_therapieplatz_am date, funktionierender_therapieplatz_am "
	    "date, status patientenstatus DEFAULT 'offen', "
	    "empfehler_der_unterstuetzung text, zeitliche_verfuegbarkeit "
	    "jsonb, raeumliche_verfuegbarkeit jsonb, verkehrsmittel "
	    "varchar(50), offen_fuer_gruppentherapie boolean, offen_fuer_diga "
	    "boolean, letzter_kontakt date, ausgeschlossene_therapeuten jsonb "
	    "DEFAULT '[]', bevorzugtes_therapeutengeschlecht "
	    "therapeutgeschlechtspraeferenz DEFAULT 'Egal', "
	    "bevorzugtes_therapieverfahren therapieverfahren DEFAULT 'egal', "
	    "created_at date, updated_at date, symptome jsonb, "
	    "zahlungsreferenz varchar(8), zahlung_eingegangen boolean NOT NULL "
	    "DEFAULT false);"
	    "CREATE INDEX ix_patient_service_patienten_id ON "
	    "patient_service.patienten (id);"
	    "CREATE SCHEMA matching_service;"
	    "CREATE TABLE matching_service.platzsuche (id serial PRIMARY KEY, "
	    "patient_id integer NOT NULL REFERENCES "
	    "patient_service.patienten(id) ON DELETE CASCADE);");
}

/* Each of them could be written once. */
static void
fill(void)
{
	pg_run(
	    "INSERT INTO patient_service.patienten (anrede, geschlecht, "
	    "vorname, nachname, status, ausgeschlossene_therapeuten, plz, "
	    "geburtsdatum, symptome, zeitliche_verfuegbarkeit, "
	    "raeumliche_verfuegbarkeit, vertraege_unterschrieben, "
	    "zahlung_eingegangen) VALUES "
	    "('Frau', 'weiblich', 'A', 'A', NULL, NULL, NULL, NULL, NULL, "
	    "NULL, NULL, NULL, false), "
	    "('Herr', 'männlich', '', '', 'offen', '[5, {\"id\": 6, "
	    "\"excluded_at\": \"2025-01-01T00:00:00\", \"reason\": null}]', "
	    "'1011', '2190-01-01', '[]', '{\"immer\": true}', "
	    "'{\"max_km\": null}', true, true), "
	    "('Frau', 'divers', 'C', 'C', 'in_Therapie', '[\"x\", null, "
	    "{\"nr\": 1}]', 'D-10115', '1990-01-01', '\"Husten\"', '[]', "
	    "'{\"max_km\": \"20\"}', false, true), "
	    "('Frau', 'keine_Angabe', 'D', 'D', 'auf_der_Suche', 'null', '', "
	    "'infinity', 'null', 'null', 'null', true, false), "
	    "('Frau', 'weiblich', 'E', 'E', 'offen', '[]', '10115', "
	    "'1990-01-01', '[\"Husten\"]', '{\"montag\": \"09:00\"}', "
	    "'{}', true, false);"
	    "INSERT INTO matching_service.platzsuche (patient_id) VALUES (2);");
}

static char *
state(void)
{
	return pg_text("SELECT string_agg(concat_ws('|', xmin, ctid, p), "
	               "E'\\n' ORDER BY id) FROM patient_service.patienten p");
}

START_TEST(every_row_stays)
{
	char *before, *after;

	build();
	fill();
	before = state();
	OK(psm_store_migrate(st, "patient", err));
	OK(psm_store_migrate(st, "patient", err));
	after = state();
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}
END_TEST

/* All of them can be read, written back as they were read, changed, announced,
 * and deleted; what others know of a patient is theirs to end. */
START_TEST(every_row_can_be_worked_with)
{
	char *all;

	build();
	fill();
	OK(psm_store_migrate(st, "patient", err));
	for (int i = 1; i <= 5; i++) {
		all = NULL;
		OK(psm_patient_get(st, i, &all, NULL, err));
		ck_assert_msg(put(i, all) == (i == 2), "%d: %s", i,
		              psm_error_message(err));
		psm_free(all);
		changed(put(i, "{\"ort\": \"Ulm\"}"));
	}
	/* The second had paid and signed, and started with the first change. */
	check_events("updated updated status_changed updated updated "
	             "updated updated");
	forget_events();
	ck_assert_int_eq(psm_patient_announce(st, 1, 10, err), 5);
	psm_free(out);
	OK(psm_patient_list(st, "{\"status\": \"in_Therapie\"}", &out, err));
	check_out("/total", "1");
	for (int i = 1; i <= 5; i++)
		OK(psm_patient_delete(st, i, PSM_VERSION_ANY, err));
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.platzsuche"), 1);
}
END_TEST

/* A new database and an adopted one have the same columns and indexes. */
static char *
shape(void)
{
	return pg_text(
	    "SELECT string_agg(x, E'\\n' ORDER BY x) FROM (SELECT "
	    "concat_ws(' ', column_name, udt_name, character_maximum_length, "
	    "is_nullable) AS x FROM information_schema.columns WHERE "
	    "table_schema = 'patient_service' UNION ALL SELECT "
	    "regexp_replace(indexdef, '^.*INDEX ', '') FROM pg_indexes WHERE "
	    "schemaname = 'patient_service') y");
}

START_TEST(a_new_database_has_the_same)
{
	char *fresh, *adopted;

	OK(psm_store_migrate(st, "patient", err));
	fresh = shape();
	ck_assert_int_eq(
	    pg_int(
		"SELECT count(*) FROM information_schema.columns WHERE "
		"table_schema = 'patient_service' AND table_name = 'patienten'"),
	    PSM__PATIENT_COUNT);
	psm_store_free(st);
	pg_database(); /* another one */
	st = pg_store();
	build();
	OK(psm_store_migrate(st, "patient", err));
	adopted = shape();
	ck_assert_str_eq(fresh, adopted);
	free(fresh);
	free(adopted);
}
END_TEST

/* The table of fields is the table of the database. */
START_TEST(columns_are_those_of_the_fields)
{
	OK(psm_store_migrate(st, "patient", err));
	for (size_t i = 0; i < PSM__PATIENT_COUNT; i++)
		ck_assert_int_eq(
		    pg_int("SELECT count(*) FROM information_schema.columns "
		           "WHERE table_schema = 'patient_service' AND "
		           "column_name = '%s' AND (is_nullable = 'NO') = %s",
		           psm__entity_patient.fields[i].name,
		           psm__entity_patient.fields[i].flags & PSM__NOT_NULL
		               ? "true"
		               : "false"),
		    1);
}
END_TEST

/* How many patients there were once costs nothing. */
START_TEST(lists_of_a_status_have_an_index)
{
	char *plan;

	OK(psm_store_migrate(st, "patient", err));
	pg_run("INSERT INTO patient_service.patienten (anrede, geschlecht, "
	       "vorname, nachname, status) SELECT 'Frau', 'weiblich', 'A', "
	       "'B', CASE WHEN n %% 100 = 0 THEN 'auf_der_Suche' ELSE "
	       "'Therapie_abgeschlossen' END::patientenstatus FROM "
	       "generate_series(1, 5000) n; ANALYZE patient_service.patienten");
	plan = pg_text("EXPLAIN (FORMAT json) SELECT count(*) FROM "
	               "patient_service.patienten t WHERE (t.status = "
	               "'auf_der_Suche' OR 'auf_der_Suche' IS NULL)");
	ck_assert_ptr_nonnull(strstr(plan, "idx_patienten_status"));
	free(plan);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("patient_schema");
	TCase *t = tcase_create("schema");

	tcase_add_checked_fixture(t, setup, patient_teardown);
	tcase_add_test(t, every_row_stays);
	tcase_add_test(t, every_row_can_be_worked_with);
	tcase_add_test(t, a_new_database_has_the_same);
	tcase_add_test(t, columns_are_those_of_the_fields);
	tcase_add_test(t, lists_of_a_status_have_an_index);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	pg_main(argv);
	return testing_run(srunner_create(suite()));
}
