/* SPDX-License-Identifier: BSD-2-Clause */
/* A file whose content is stored is not read again; one that may have to write
 * something is. */
#include "app/app.h"
#include "testing_import.h"

static void
put_all(const char *day)
{
	put_one(day, "10115.json", "Frau", "Eins", "030 23125 1");
	put_one(day, "10117.json", "Frau", "Zwei", "030 23125 2");
}

/* Whether a file was read shows in this: its record differs from what is said
 * to be its last one, and so it is written down anew. */
static void
forget_fields(void)
{
	pg_run("UPDATE psymatch.therapist_import SET fields = "
	       "'{\"vorname\": \"Berta\"}'");
}

static int64_t
forgotten(void)
{
	return pg_int("SELECT count(*) FROM psymatch.therapist_import WHERE "
	              "fields = '{\"vorname\": \"Berta\"}' AND therapist_id IN "
	              "(SELECT id FROM therapist_service.therapeuten)");
}

START_TEST(the_same_content_is_not_read)
{
	/* The day does not count. */
	static const char *const days[] = {"20250601", "20250602"};

	put_all("20250601");
	ck_assert_int_eq(import(), 2);
	forget_fields();
	put_all(days[_i]);
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(forgotten(), 2);
	/* It counts as if it had been. */
	ck_assert_int_eq(count("records"), 4);
	ck_assert_int_eq(count("unchanged"), 2);
	ck_assert_int_eq(count("files"), 4);
	put_one(days[_i], "10117.json", "Frau", "Zwei", "030 23125 22");
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(forgotten(), 1);
	ck_assert_int_eq(therapists("telefon LIKE '%%22'"), 1);
	/* And now this is what is stored. */
	ck_assert_int_eq(import(), 0);
	put_one(days[_i], "10117.json", "Frau", "Zwei", "030 23125 2");
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(therapists("telefon LIKE '%%22'"), 0);
}
END_TEST

START_TEST(children_only)
{
	put("20250601", "10115.json",
	    "{\"therapists\": [{\"basic_info\": {\"first_name\": \"Berta\", "
	    "\"last_name\": \"Eins\"}, \"location\": {\"postal_code\": "
	    "\"10115\"}, \"therapy_methods\": [\"Kinder\"]}]}");
	for (int i = 1; i <= 3; i++) {
		ck_assert_int_eq(import(), 0);
		ck_assert_int_eq(count("records"), i);
		ck_assert_int_eq(count("skipped"), i);
		ck_assert_int_eq(count("unchanged"), 0);
	}
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.import_file "
	                        "WHERE checksum IS NOT NULL"),
	                 1);
}
END_TEST

/* What happens between two runs; then the file is read. */
static const struct {
	const char *sql;
	int written;
} between[] = {
    /* One of its therapists is gone: comes back. */
    {"DELETE FROM therapist_service.therapeuten WHERE nachname = 'Eins'", 1},
    /* A file of another name wrote the therapist last. */
    {"UPDATE psymatch.therapist_import SET source = '20250501/10999.json' "
     "WHERE plz = '10115'",
     0},
    {"DELETE FROM psymatch.therapist_import", 0},
    {"TRUNCATE therapist_service.therapeuten", 2},
    /* Another version of the library. */
    {"UPDATE psymatch.import_file SET checksum = checksum || '-old'", 0},
    {"UPDATE psymatch.import_file SET checksum = NULL", 0},
};

START_TEST(what_may_have_to_be_written_is_read)
{
	put_all("20250601");
	ck_assert_int_eq(import(), 2);
	forget_fields();
	pg_run("%s", between[_i].sql);
	ck_assert_int_eq(import(), between[_i].written);
	ck_assert_int_lt(forgotten(), 2);
	ck_assert_int_eq(therapists("true"), 2);
}
END_TEST

static const char *const faults[] = {
    /* a record that cannot be imported; a field at fault; a key twice */
    "{\"basic_info\": {\"first_name\": \"A\"}, \"therapy_methods\": "
    "[\"Erwachsene\"]}",
    "{\"basic_info\": {\"first_name\": \"A\", \"last_name\": \"B\", "
    "\"salutation\": \"Frau\"}, \"location\": {\"postal_code\": \"10115\"}, "
    "\"contact\": {\"phone\": 5}, \"therapy_methods\": [\"Erwachsene\"]}",
    "{\"basic_info\": {\"first_name\": \"A\", \"first_name\": \"B\"}}",
};

static int
is_told(void)
{
	char *text;
	int told;

	OK(psm_import_status_errors(status, &text, err));
	told = strstr(text, "10115.json") != NULL;
	psm_free(text);
	return told;
}

/* A new process tells the faults anew. */
START_TEST(a_file_with_faults_is_read)
{
	char text[2000];

	(void)snprintf(text, sizeof(text), "{\"therapists\": [%s]}",
	               faults[_i]);
	put("20250601", "10115.json", text);
	(void)import();
	ck_assert_int_eq(is_told(), 1);
	psm_import_status_free(status);
	OK(psm_import_status_new(86400, &status, err));
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(is_told(), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.import_file "
	                        "WHERE checksum IS NOT NULL"),
	                 0);
}
END_TEST

/* One record per letter, which is the last name; the rest differs, too, so that
 * nobody is another one under a new name. */
static void
put_people(const char *day, const char *letters)
{
	struct psm__buf b = {0};

	psm__buf_puts(&b, "{\"therapists\": [");
	for (const char *c = letters; *c != '\0'; c++)
		psm__buf_printf(
		    &b,
		    "%s{\"basic_info\": {\"salutation\": \"Frau\", "
		    "\"first_name\": \"Berta\", \"last_name\": \"%c\"}, "
		    "\"location\": {\"street\": \"Musterweg\", "
		    "\"house_number\": \"%d\", \"postal_code\": \"10115\", "
		    "\"city\": \"Berlin\"}, \"contact\": {\"phone\": "
		    "\"030 23125 1%d\"}, \"therapy_methods\": "
		    "[\"Erwachsene\"]}",
		    c > letters ? "," : "", *c, *c, *c);
	psm__buf_puts(&b, "]}");
	put(day, "10115.json", b.data);
	psm__buf_free(&b);
}

START_TEST(a_record_that_is_repeated)
{
	char *before, *after;

	put_people("20250601", "AA");
	ck_assert_int_eq(import(), 1);
	forget_fields();
	before = pg_text("SELECT concat(xmin, f) FROM psymatch.import_file f");
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(forgotten(), 1);
	ck_assert_int_eq(count("records"), 4);
	ck_assert_int_eq(count("unchanged"), 3);
	after = pg_text("SELECT concat(xmin, f) FROM psymatch.import_file f");
	ck_assert_str_eq(after, before);
	free(after);
	free(before);
}
END_TEST

/* Whom a file names, and whom the one of the next day does: those who are left
 * out stay stored. */
static const char *const departures[][2] = {{"ABC", "AB"}, {"ABCD", "AAB"}};

static void
import_departure(int i)
{
	put_people("20250601", departures[i][0]);
	ck_assert_int_eq(import(), (int)strlen(departures[i][0]));
	put_people("20250602", departures[i][1]);
	ck_assert_int_eq(import(), 0);
}

START_TEST(departed_and_unchanged)
{
	int64_t stored = (int64_t)strlen(departures[_i][0]);

	import_departure(_i);
	forget_fields();
	ck_assert_int_eq(import(), 0);
	put_people("20250603", departures[_i][1]);
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(forgotten(), stored);
	/* Who comes back was stored all the time. */
	put_people("20250604", departures[_i][0]);
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(forgotten(), 0);
}
END_TEST

START_TEST(departed_and_deleted)
{
	import_departure(_i);
	pg_run("DELETE FROM therapist_service.therapeuten "
	       "WHERE nachname = 'A'");
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(therapists("nachname = 'A'"), 1);
	ck_assert_int_eq(therapists("true"),
	                 (int64_t)strlen(departures[_i][0]));
}
END_TEST

/* A file of another name tells about somebody, and then no longer does. */
START_TEST(departed_and_told_by_another)
{
	import_departure(_i);
	put_one("20250603", "10117.json", "Frau", "A", "030 23125 2");
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(therapists("telefon = '030 23125 2'"), 1);
	put("20250604", "10117.json", "{\"therapists\": []}");
	put_people("20250604", departures[_i][1]);
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(therapists("telefon = '030 23125 2'"), 0);
}
END_TEST

/* Older than what is stored: that no record was written says nothing of it. */
START_TEST(superseded)
{
	put_one("20250602", "10115.json", "Frau", "Eins", "030 23125 2");
	ck_assert_int_eq(import(), 1);
	testing_remove(place("20250602"));
	put_one("20250601", "10115.json", "Frau", "Eins", "030 23125 1");
	for (int i = 1; i <= 2; i++) {
		ck_assert_int_eq(import(), 0);
		ck_assert_int_eq(count("superseded"), i);
	}
}
END_TEST

/* Another import writes records of the file before, and after, this one does. */
START_TEST(another_import_at_once)
{
	put_one("20250601", "10115.json", "Frau", "Eins", "030 23125 1");
	ck_assert_int_eq(import(), 1);
	put_one("20250601", "10115.json", "Frau", "Eins", "030 23125 2");
	pg_run(
	    "CREATE FUNCTION pg_temp_other() RETURNS trigger LANGUAGE plpgsql "
	    "AS $$BEGIN %s; RETURN NEW; END$$",
	    _i == 0 ? "UPDATE psymatch.import_file SET writer = "
		      "'00000000-0000-4000-8000-000000000000'"
		    : "NULL");
	pg_run("CREATE TRIGGER other BEFORE UPDATE ON "
	       "psymatch.therapist_import FOR EACH ROW EXECUTE FUNCTION "
	       "pg_temp_other()");
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.import_file "
	                        "WHERE checksum IS NULL"),
	                 _i == 0);
}
END_TEST

/* The writer that is there is not the one that was seen at the beginning. */
START_TEST(another_import_before)
{
	struct psm__known_files known = {0};
	struct psm__file f;
	char path[4200];

	put_one("20250601", "10115.json", "Frau", "Eins", "030 23125 1");
	(void)snprintf(path, sizeof(path), "%s", place("20250601/10115.json"));
	OK(psm__file_read(path, "20250601/10115.json", &f, err));
	if (_i == 0) /* it is new, and somebody else is the first to write */
		pg_run(
		    "INSERT INTO psymatch.import_file (file, writer) VALUES "
		    "('10115.json', '00000000-0000-4000-8000-000000000000')");
	ck_assert_int_eq(
	    psm__import_document(st, &f, &known, "20991231", status, err), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.import_file "
	                        "WHERE checksum IS NULL"),
	                 _i == 0);
	psm__file_free(&f);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("import_known");
	TCase *t = tcase_create("import_known");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, the_same_content_is_not_read, 0, 2);
	tcase_add_test(t, children_only);
	tcase_add_loop_test(t, what_may_have_to_be_written_is_read, 0,
	                    PSM__COUNT(between));
	tcase_add_loop_test(t, a_file_with_faults_is_read, 0,
	                    PSM__COUNT(faults));
	tcase_add_test(t, a_record_that_is_repeated);
	tcase_add_loop_test(t, departed_and_unchanged, 0,
	                    PSM__COUNT(departures));
	tcase_add_loop_test(t, departed_and_deleted, 0, PSM__COUNT(departures));
	tcase_add_loop_test(t, departed_and_told_by_another, 0,
	                    PSM__COUNT(departures));
	tcase_add_test(t, superseded);
	tcase_add_loop_test(t, another_import_at_once, 0, 2);
	tcase_add_loop_test(t, another_import_before, 0, 2);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	return app_main(argv, suite);
}
