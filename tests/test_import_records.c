/* SPDX-License-Identifier: BSD-2-Clause */
/* One fault costs one field, or one record, and never the file. */
#include "app/app.h"
#include "testing_import.h"

static psm_json *errors;

/* Import it as the newest file; what is told is in errors. */
static int
import_text(const char *text)
{
	char *told;
	int rc;

	put("20250601", "10115.json", text);
	rc = import();
	OK(psm_import_status_errors(status, &told, err));
	psm_json_free(errors);
	OK(psm_json_parse(told, strlen(told), &errors, err));
	psm_free(told);
	return rc;
}

static const char *
told(size_t i, const char *member)
{
	char pointer[64];
	const char *text;

	(void)snprintf(pointer, sizeof(pointer), "/%zu/%s", i, member);
	text = psm_json_string(psm_json_at(errors, pointer));
	return text != NULL ? text : "";
}

/* -- fields */

/* name, members of basic_info behind the names, of location, of contact, more;
 * what is told; what is stored. */
static const struct {
	const char *basic, *location, *contact, *more, *pointer, *wanted,
	    *where;
} fields[] = {
    {", \"title\": \"Dr. med. Dr. phil. habil.\"", "", "", "",
     "/therapists/0/basic_info/title",
     "basic_info/title: want at most 20 characters, found 25",
     "titel IS NULL AND strasse = 'Weg 1' AND telefon = '030 23125 1'"},
    {"", "",
     "\"fax\": \"030 23125 2, bitte nur nach vorheriger Absprache "
     "und nie nachts\"",
     "", "/therapists/0/contact/fax",
     "contact/fax: want at most 50 characters, found 63",
     "fax IS NULL AND telefon = '030 23125 1'"},
    {"", "", "", ", \"telephone_hours\": []", "/therapists/0/telephone_hours",
     "telephone_hours: want an object, found array",
     "telefonische_erreichbarkeit = '{}' AND telefon = '030 23125 1'"},
    {"", "", "", ", \"languages\": [\"Suomi\", 5]", "/therapists/0/languages",
     "languages: want a list of texts, found number", "fremdsprachen = '[]'"},
    {"", ", \"house_number\": 7", "", "", "/therapists/0/location/house_number",
     "location/house_number: want text, found number", "strasse = 'Weg 7'"},
    {"", ", \"house_number\": {}", "", "",
     "/therapists/0/location/house_number",
     "location/house_number: want text, found object", "strasse IS NULL"},
    {"", ", \"city\": \"K&ouml;ln\"", "", "", "/therapists/0/location/city",
     "location/city: want plain text, found an HTML entity", "ort IS NULL"},
    {"", "", "\"email\": \"a@b.example\\r\\nBcc: c@d.example\"", "",
     "/therapists/0/contact/email",
     "contact/email: want one line without control characters, found a line "
     "break",
     "email IS NULL"},
};

START_TEST(a_field)
{
	char text[1500];

	(void)snprintf(
	    text, sizeof(text),
	    "{\"therapists\": [{\"basic_info\": {\"salutation\": \"Frau\", "
	    "\"first_name\": \"Anna\", \"last_name\": \"M\"%s}, "
	    "\"location\": {\"postal_code\": \"10115\", \"street\": "
	    "\"Weg\"%s}, \"contact\": {\"phone\": \"030 23125 1\"%s%s}, "
	    "\"therapy_methods\": [\"Erwachsene\"]%s}]}",
	    fields[_i].basic,
	    fields[_i].location[0] ? fields[_i].location
				   : ", \"house_number\": \"1\"",
	    fields[_i].contact[0] ? ", " : "", fields[_i].contact,
	    fields[_i].more);
	ck_assert_int_eq(import_text(text), 1);
	ck_assert_int_eq(therapists("vorname = 'Anna' AND nachname = 'M'"), 1);
	ck_assert_msg(therapists(fields[_i].where) == 1, "%s",
	              fields[_i].where);
	ck_assert_uint_eq(psm_json_count(errors), 1);
	ck_assert_str_eq(told(0, "pointer"), fields[_i].pointer);
	ck_assert_str_eq(told(0, "wanted"), fields[_i].wanted);
	ck_assert_int_eq(count("failed"), 0);
	/* Told once, and what was known stays. */
	pg_run("UPDATE therapist_service.therapeuten SET titel = 'Dr.'");
	ck_assert_int_eq(import_text(text), 0);
	ck_assert_uint_eq(psm_json_count(errors), 1);
	ck_assert_int_eq(therapists("titel = 'Dr.'"), 1);
}
END_TEST

/* -- records */

#define RECORD(last, more)                                                     \
	"{\"basic_info\": {\"salutation\": \"Frau\", \"first_name\": "         \
	"\"Anna\", \"last_name\": \"" last                                     \
	"\"}, \"location\": {\"postal_code\": \"10115\", \"street\": "         \
	"\"Weg\", \"city\": \"Berlin\"}, \"contact\": {\"phone\": \"030 "      \
	"23125 1\"}, \"therapy_methods\": [\"Erwachsene\"]" more "}"

static const char *const broken[] = {
    ", \"a\": 1, \"a\": 2", ", \"a\": \"\\ud800\"", ", \"a\": \"\\u0000\"",
    ", \"a\": \"\xff\"",    ", \"a\": \"\x01\"",
};

START_TEST(a_record)
{
	char text[2000];

	(void)snprintf(text, sizeof(text),
	               "{\"therapists\": [" RECORD(
			   "A", "") ",\n%.*s%s}, " RECORD("C", "") "]}",
	               (int)strlen(RECORD("B", "")) - 1, RECORD("B", ""),
	               broken[_i]);
	ck_assert_int_eq(import_text(text), 2);
	ck_assert_int_eq(therapists("nachname IN ('A', 'C')"), 2);
	ck_assert_int_eq(count("failed"), 1);
	ck_assert_int_eq(count("broken"), 0);
	ck_assert_uint_eq(psm_json_count(errors), 1);
	ck_assert_str_eq(told(0, "code"), "PSM_ERR_PARSE");
	ck_assert_str_eq(told(0, "pointer"), "/therapists/1");
	ck_assert_int_eq(import_text(text), 0);
	ck_assert_uint_eq(psm_json_count(errors), 1);
}
END_TEST

/* What is at this line and column. */
static const char *
spot(const char *text, int64_t line, int64_t column)
{
	while (--line > 0)
		text = strchr(text, '\n') + 1;
	return text + column - 1;
}

/* Each fault is told at its place, also behind others. */
START_TEST(several_records)
{
	static const char text[] =
	    "{\"therapists\": [\n" RECORD("A", ",\n \"k\": 1, \"k\": 2") ", " RECORD(
		"B",
		", \"k\": 1, \"k\": 3") ",\n" RECORD("C",
	                                             "") ",\n\n" RECORD("D",
	                                                                ", \"k\": 1,\n\n\"k\": 4") "]}";
	int64_t line, column;
	char want[16];

	ck_assert_int_eq(import_text(text), 1);
	ck_assert_uint_eq(psm_json_count(errors), 3);
	for (size_t i = 0; i < 3; i++) {
		const psm_json *e = psm_json_item(errors, i);

		OK(psm_json_get_int(psm_json_at(e, "/line"), &line, err));
		OK(psm_json_get_int(psm_json_at(e, "/column"), &column, err));
		(void)snprintf(want, sizeof(want), "\"k\": %zu", i + 2);
		ck_assert_msg(
		    strncmp(spot(text, line, column), want, strlen(want)) == 0,
		    "%zu: line %d, column %d", i, (int)line, (int)column);
	}
}
END_TEST

/* Whoever is in a lost record has not changed the name. */
START_TEST(a_lost_record_and_a_former_name)
{
	ck_assert_int_eq(import_text("{\"therapists\": [" RECORD("M", "") "]}"),
	                 1);
	ck_assert_int_eq(
	    import_text("{\"therapists\": [" RECORD("S", "") ", " RECORD(
		"M", ", \"a\": 1, \"a\": 2") "]}"),
	    0);
	ck_assert_int_eq(count("failed"), 2);
	ck_assert_int_eq(therapists("nachname = 'M'"), 1);
	ck_assert_int_eq(import_text("{\"therapists\": [" RECORD(
			     "S", "") ", " RECORD("M", "") "]}"),
	                 1);
	ck_assert_int_eq(therapists("true"), 2);
}
END_TEST

/* What the database refuses of one record is that record's fault: the others,
 * which were to be written with it, are written. */
START_TEST(refused_by_the_database)
{
	pg_run("ALTER TABLE therapist_service.therapeuten "
	       "ADD CHECK (nachname <> 'B')");
	ck_assert_int_eq(
	    import_text("{\"therapists\": [" RECORD("A", "") ", " RECORD(
		"B", "") ", " RECORD("C", "") "]}"),
	    2);
	ck_assert_int_eq(count("created"), 2);
	ck_assert_int_eq(count("failed"), 1);
	ck_assert_uint_eq(psm_json_count(errors), 1);
	ck_assert_int_eq(therapists("nachname IN ('A', 'C')"), 2);
	ck_assert_int_eq(outbox("therapist.created"), 2);
}
END_TEST

START_TEST(a_byte_order_mark)
{
	ck_assert_int_eq(
	    import_text("\xef\xbb\xbf{\"therapists\": [" RECORD("A", "") "]}"),
	    1);
	ck_assert_uint_eq(psm_json_count(errors), 0);
	/* Inside it is none. */
	ck_assert_int_eq(import_text("{\"therapists\": \xef\xbb\xbf[]}"), 0);
	ck_assert_int_eq(count("broken"), 1);
}
END_TEST

static void
forget(void)
{
	psm_json_free(errors);
	errors = NULL;
	teardown();
}

static Suite *
suite(void)
{
	Suite *s = suite_create("import records");
	TCase *t = tcase_create("database");

	tcase_add_checked_fixture(t, setup, forget);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_field, 0, (int)PSM__COUNT(fields));
	tcase_add_loop_test(t, a_record, 0, (int)PSM__COUNT(broken));
	tcase_add_test(t, several_records);
	tcase_add_test(t, a_lost_record_and_a_former_name);
	tcase_add_test(t, refused_by_the_database);
	tcase_add_test(t, a_byte_order_mark);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	return app_main(argv, suite);
}
