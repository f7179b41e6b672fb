/* SPDX-License-Identifier: BSD-2-Clause */
/* The import and people: who is who, and what a person has decided. */
#include "app/app.h"
#include "testing_import.h"

/* -- colleagues of one practice, who share all but the last name */

#define ADULTS "\"therapy_methods\": [\"Erwachsene\"]"
#define CHILDREN "\"therapy_methods\": [\"Kinder\"]"

/* {"basic_info": .., ..., more}; phone is JSON. */
static const char *
colleague(const char *last, const char *phone, const char *more)
{
	static char text[4][600];
	static unsigned turn;
	char *to = text[turn++ % 4];

	(void)snprintf(
	    to, sizeof(text[0]),
	    "{\"basic_info\": {\"salutation\": \"Frau\", \"first_name\": "
	    "\"Anna\", \"last_name\": \"%s\"}, \"location\": {\"street\": "
	    "\"Weg\", \"house_number\": \"1\", \"postal_code\": \"10115\", "
	    "\"city\": \"Berlin\"}, \"contact\": {\"phone\": %s}, %s}",
	    last, phone, more);
	return to;
}

static void
put_two(const char *day, const char *one, const char *two)
{
	char text[1400];

	(void)snprintf(text, sizeof(text), "{\"therapists\": [%s,\n%s]}", one,
	               two);
	put(day, "10115.json", text);
}

#define PHONE "\"030 23125 1\""

static void
store_blocked(void)
{
	put_two("20250601", colleague("M", PHONE, ADULTS),
	        colleague("M", PHONE, ADULTS));
	ck_assert_int_eq(import(), 1);
	pg_run("UPDATE therapist_service.therapeuten SET status = 'gesperrt', "
	       "sperrdatum = '2025-06-02'");
}

/* Who is named in a record that is left out has not changed the name. */
START_TEST(colleague_in_a_record_left_out)
{
	static const char *const records[][2] = {
	    {PHONE, CHILDREN},
	    {PHONE, ADULTS ", \"languages\": 5"},
	    {PHONE, "\"therapy_methods\": 5"},
	};

	store_blocked();
	put_two("20250602", colleague("S", PHONE, ADULTS),
	        colleague("M", records[_i][0], records[_i][1]));
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(therapists("nachname = 'M' AND status = 'gesperrt'"),
	                 1);
	ck_assert_int_eq(therapists("nachname = 'S' AND status = 'aktiv'"), 1);
}
END_TEST

/* Two who both could be the stored one: neither takes the row, whatever their
 * order. */
START_TEST(colleagues_both_new)
{
	char *before;

	store_blocked();
	before = app_state();
	if (_i == 0)
		put_two("20250602", colleague("S", PHONE, ADULTS),
		        colleague("T", PHONE, ADULTS));
	else
		put_two("20250602", colleague("T", PHONE, ADULTS),
		        colleague("S", PHONE, CHILDREN));
	ck_assert_int_eq(import(), 0);
	app_check_state(before);
	ck_assert_int_eq(count("failed"), _i == 0 ? 2 : 1);
	/* A person has decided: from then on both are known. */
	pg_run("UPDATE therapist_service.therapeuten SET nachname = 'T'");
	ck_assert_int_eq(import(), _i == 0 ? 1 : 0);
	ck_assert_int_eq(therapists("nachname = 'T' AND status = 'gesperrt'"),
	                 1);
	ck_assert_int_eq(therapists("true"), _i == 0 ? 2 : 1);
}
END_TEST

/* A row that somebody stored otherwise is the same person, and keeps its block.
 */
START_TEST(fault_82_stored_untidy)
{
	static const char *const names[][3] = {
	    {"'Anna'", "'MU\u0308LLER'", "'10115'"},
	    {"'Anna '", "E'M\\u00fcller\\u00a0'", "' 10115'"},
	    {"'  ANNA'", "E'Mu\\u0308ller\\n'", "E'10115\\u00a0'"},
	};

	pg_run("INSERT INTO therapist_service.therapeuten (anrede, geschlecht, "
	       "vorname, nachname, plz, status, sperrdatum) VALUES ('Frau', "
	       "'weiblich', %s, %s, %s, 'gesperrt', '2025-01-01')",
	       names[_i][0], names[_i][1], names[_i][2]);
	put_two("20250601", colleague("M\u00fcller", PHONE, ADULTS),
	        colleague("Mu\u0308ller", "\"030 23125 1\" ", CHILDREN));
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(
	    therapists("vorname = 'Anna' AND nachname = E'M\\u00fcller' AND "
	               "plz = '10115' AND status = 'gesperrt'"),
	    1);
	ck_assert_int_eq(therapists("true"), 1);
}
END_TEST

/* -- what people corrected */

static void
correct(const char *set)
{
	pg_run("UPDATE therapist_service.therapeuten SET %s", set);
}

/* The file says what it said: the correction stays, nothing is published. */
START_TEST(corrections_stay)
{
	static const char *const corrections[] = {
	    "telefon = '030 23125 999', titel = 'Prof.'",
	    "nachname = 'Mu\u00df', telefon = NULL",
	    "plz = '10999', vorname = 'Anne', strasse = 'Allee 1'",
	    "anrede = 'Herr', geschlecht = 'divers', email = NULL",
	};
	char *before, *after;

	put_two("20250601", colleague("M", PHONE, ADULTS),
	        colleague("X", PHONE, CHILDREN));
	ck_assert_int_eq(import(), 1);
	correct(corrections[_i]);
	before = app_state();
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(count("unchanged"), 1);
	app_check_state(before);
	/* Also when a newer file has other news. */
	put_two("20250602",
	        colleague("M", PHONE, ADULTS ", \"languages\": [\"Suomi\"]"),
	        colleague("X", PHONE, CHILDREN));
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(therapists("fremdsprachen = '[\"Suomi\"]'"), 1);
	ck_assert_int_eq(therapists("true"), 1);
	pg_run("UPDATE therapist_service.therapeuten SET fremdsprachen = '[]', "
	       "updated_at = NULL");
	before = pg_text("SELECT t::text FROM therapist_service.therapeuten t");
	correct(corrections[_i]);
	after = pg_text("SELECT t::text FROM therapist_service.therapeuten t");
	ck_assert_str_eq(after, before);
	free(after);
	free(before);
}
END_TEST

/* What changed in the file since is written, over a correction, too. */
START_TEST(news_over_a_correction)
{
	char *before;

	put_two("20250601", colleague("M", PHONE, ADULTS),
	        colleague("X", PHONE, CHILDREN));
	ck_assert_int_eq(import(), 1);
	correct("telefon = '030 23125 999', ort = 'Bernau'");
	put_two("20250602", colleague("M", "\"030 23125 2\"", ADULTS),
	        colleague("X", PHONE, CHILDREN));
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(
	    therapists("telefon = '030 23125 2' AND ort = 'Bernau'"), 1);
	/* A file that is silent says nothing new, and after it the same is
	 * still no news. */
	correct("telefon = '030 23125 999'");
	put_two("20250603", colleague("M", "null", ADULTS),
	        colleague("X", PHONE, CHILDREN));
	ck_assert_int_eq(import(), 0);
	put_two("20250604", colleague("M", "\"030 23125 2\"", ADULTS),
	        colleague("X", PHONE, CHILDREN));
	before = app_state();
	ck_assert_int_eq(import(), 0);
	app_check_state(before);
	ck_assert_int_eq(therapists("telefon = '030 23125 999'"), 1);
}
END_TEST

/* Without a memory of the last record (older data) the file wins, once. */
START_TEST(first_run_over_older_data)
{
	char *before;

	put_two("20250601", colleague("M", PHONE, ADULTS),
	        colleague("X", PHONE, CHILDREN));
	ck_assert_int_eq(import(), 1);
	pg_run("DELETE FROM psymatch.therapist_import");
	/* Nothing to write, but from now on it is remembered. */
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.therapist_import"), 1);
	ck_assert_int_eq(outbox("therapist.updated"), 0);
	pg_run("DELETE FROM psymatch.therapist_import");
	correct("telefon = '030 23125 999'");
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(therapists("telefon = '030 23125 1'"), 1);
	correct("telefon = '030 23125 999'");
	before = app_state();
	ck_assert_int_eq(import(), 0);
	app_check_state(before);
}
END_TEST

/* A newer file whose news a person had written already: the older one that
 * says something else is no news after it. */
START_TEST(news_that_were_known)
{
	char *before;

	put_one("20250601", "10117.json", "Frau", "Alt", "030 23125 1");
	ck_assert_int_eq(import(), 1);
	correct("telefon = '030 23125 2'");
	put_one("20250602", "10115.json", "Frau", "Alt", "030 23125 2");
	ck_assert_int_eq(import(), 0);
	before = app_state();
	ck_assert_int_eq(import(), 0);
	app_check_state(before);
	ck_assert_int_eq(count("superseded"), 1);
}
END_TEST

/* -- who is asked for */

static size_t
asked(const char *vorname, int64_t *rows_read)
{
	static const char stat[] =
	    "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM "
	    "pg_stat_xact_user_tables WHERE relname = 'therapeuten'";
	struct psm__stored_list list = {0};
	struct psm__names nobody = {0};
	struct psm__sought sought = {"10115", psm__text_fold(vorname)};
	psm_rows *rows;
	psm_tx *tx;
	size_t found;

	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_exec(tx, "SET LOCAL enable_seqscan = off", 0, NULL, NULL,
	               err));
	OK(psm__stored_list_named(tx, &sought, 1, &nobody, &list, err));
	found = list.count;
	OK(psm_tx_exec(tx, stat, 0, NULL, &rows, err));
	*rows_read = psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	psm_tx_rollback(tx);
	psm__stored_list_free(&list);
	psm__free(sought.vorname);
	return found;
}

/* However a name is written, in the table and in the record: the same one is
 * found. */
START_TEST(first_names_are_found)
{
	static const char *const names[][2] = {
	    {" ANNA ", "Anna"},
	    {"anna", "An\u200bna"},
	    {"Jo\u0308rg", "J\u00d6RG"},
	    {"J\u00d6RG", "Jo\u0308rg"},
	    {"Rene\u0301", "REN\u00c9"},
	    {"Wei\u00df", "WEISS"},
	    {"Weiss", "Wei\u00df"},
	    {"Wei\u1e9e", "weiss"},
	    {"\u212aarl", "Karl"},
	    {"Anna\u00a0 Maria", "anna MARIA"},
	    {"Anna-Maria", "ANNA-MARIA"},
	    {"Jo O'Neil jr.", "jo o'neil JR."},
	    {"\u0141ukasz", "\u0142UKASZ"},
	    {"\u0424\u0401\u0414\u041e\u0420",
	     "\u0444\u0451\u0434\u043e\u0440"},
	    {"-", "-"},
	};
	int64_t rows;

	pg_run("INSERT INTO therapist_service.therapeuten (anrede, geschlecht, "
	       "vorname, nachname, plz) VALUES ('Frau', 'weiblich', $n$%s$n$, "
	       "'M', '10115')",
	       names[_i][0]);
	ck_assert_uint_eq(asked(names[_i][1], &rows), 1);
	/* So is who had it in the last record. */
	pg_run("INSERT INTO psymatch.therapist_import (therapist_id, plz, "
	       "fields, vorname) SELECT id, plz, json_build_object('vorname', "
	       "vorname), CASE WHEN vorname ~ '^ ?(ANNA|anna) ?$' THEN 'anna' "
	       "ELSE '' END FROM therapist_service.therapeuten; "
	       "UPDATE therapist_service.therapeuten SET vorname = 'Zoe', "
	       "plz = '10999'");
	ck_assert_uint_eq(asked(names[_i][1], &rows), 1);
}
END_TEST

/* A record costs the same, however many others its postal code has. */
START_TEST(others_are_not_asked_for)
{
	int64_t few, many;

	pg_run("INSERT INTO therapist_service.therapeuten (anrede, geschlecht, "
	       "vorname, nachname, plz) VALUES ('Frau', 'weiblich', 'Anna', "
	       "'M', '10115')");
	ck_assert_uint_eq(asked("Anna", &few), 1);
	pg_run("INSERT INTO therapist_service.therapeuten (anrede, geschlecht, "
	       "vorname, nachname, plz) SELECT 'Frau', 'weiblich', 'Anna ' || "
	       "translate(n::text, '0123456789', 'abcdefghi\u00e4'), 'M', "
	       "'10115' FROM generate_series(1, 200) n");
	pg_run("INSERT INTO psymatch.therapist_import (therapist_id, plz, "
	       "fields, vorname) SELECT id, plz, '{}', lower(vorname) FROM "
	       "therapist_service.therapeuten WHERE vorname <> 'Anna'");
	ck_assert_uint_eq(asked("Anna", &many), 1);
	ck_assert_int_gt(few, 0);
	ck_assert_int_lt(many, few + 20); /* not 200 */
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("import people");
	TCase *t = tcase_create("database");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, colleague_in_a_record_left_out, 0, 3);
	tcase_add_loop_test(t, colleagues_both_new, 0, 2);
	tcase_add_loop_test(t, fault_82_stored_untidy, 0, 3);
	tcase_add_loop_test(t, corrections_stay, 0, 4);
	tcase_add_test(t, news_over_a_correction);
	tcase_add_test(t, first_run_over_older_data);
	tcase_add_test(t, news_that_were_known);
	tcase_add_loop_test(t, first_names_are_found, 0, 15);
	tcase_add_test(t, others_are_not_asked_for);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	return app_main(argv, suite);
}
