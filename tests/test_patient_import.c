/* SPDX-License-Identifier: BSD-2-Clause */
/* One registration: what is read of it, and that it is imported once. */
#include <pthread.h>
#include <unistd.h>

#include "testing_patient_import.h"

static void
check_result(int64_t id, int created)
{
	char want[80];

	(void)snprintf(want, sizeof(want), "{\"patient_id\":%d,\"created\":%s}",
	               (int)id, created ? "true" : "false");
	ck_assert_str_eq(out, want);
}

START_TEST(a_new_patient)
{
	ck_assert_int_eq(
	    document("a.json",
	             REGISTRATION("\"T\u00f6ken-1234567\"",
	                          ", \"status\": \"Therapie_gefunden\", "
	                          "\"zahlung_eingegangen\": true, "
	                          "\"diagnose\": \"F32\", "
	                          "\"offen_fuer_diga\": true, "
	                          "\"plz\": \"10115\", \"x\": [1]")),
	    1);
	check_result(1, 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM patient_service.patienten WHERE "
	           "id = 1 AND status = 'offen' AND vertraege_unterschrieben "
	           "AND NOT zahlung_eingegangen AND startdatum IS NULL AND "
	           "zahlungsreferenz = 'T\u00f6ken-12' AND plz = '10115' AND "
	           "NOT offen_fuer_diga AND NOT offen_fuer_gruppentherapie"),
	    1);
	ck_assert_int_eq(created_events(), 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.patient_import WHERE "
	           "registration_token = 'T\u00f6ken-1234567' AND "
	           "object_name = 'a.json' AND patient_id = 1 AND "
	           "length(content_hash) = 64 AND confirmation = 'none'"),
	    1);
}
END_TEST

/* The same content, whatever the file is called, is the same patient. */
START_TEST(fault_74_twice_is_once)
{
	ck_assert_int_eq(document("a.json", GOOD), 1);
	ck_assert_int_eq(document("a.json", GOOD), 0);
	check_result(1, 0);
	ck_assert_int_eq(document("b.json", GOOD), 0);
	check_result(1, 0);
	ck_assert_int_eq(patients(), 1);
	ck_assert_int_eq(created_events(), 1);
}
END_TEST

START_TEST(another_content_of_a_token)
{
	ck_assert_int_eq(document("a.json", GOOD), 1);
	ck_assert_int_eq(
	    document("a.json",
	             REGISTRATION("\"ABCDEFGHIJKL\"", ", \"plz\": \"10115\"")),
	    PSM_ERR_CONFLICT);
	ck_assert_str_eq(psm_error_pointer(err), "/registration_token");
	ck_assert_ptr_null(out);
	ck_assert_int_eq(patients(), 1);
	/* The same beginning is another token, and no token is none. */
	ck_assert_int_eq(
	    document("a.json", REGISTRATION("\"ABCDEFGHIJKM\"", "")), 1);
	ck_assert_int_eq(document("a.json", REGISTRATION("null", "")), 1);
	ck_assert_int_eq(document("a.json", REGISTRATION("\" \"", "")), 1);
	ck_assert_int_eq(patients(), 4);
}
END_TEST

static void *
import_thread(void *arg)
{
	int *rc = arg;

	*rc = psm_patient_import_document(st, "a.json", GOOD, strlen(GOOD),
	                                  NULL, NULL);
	return NULL;
}

START_TEST(four_at_once)
{
	pthread_t thread[4];
	int rc[4], made = 0;

	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(
		    pthread_create(&thread[i], NULL, import_thread, &rc[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		ck_assert_int_ge(rc[i], 0);
		made += rc[i];
	}
	ck_assert_int_eq(made, 1);
	ck_assert_int_eq(patients(), 1);
	ck_assert_int_eq(created_events(), 1);
}
END_TEST

static const struct {
	const char *text;
	int code;
	const char *pointer;
} broken[] = {
    {"{\"patient_data\": ", PSM_ERR_PARSE, NULL},
    {"", PSM_ERR_PARSE, NULL},
    {"{\"patient_data\": {\"anrede\": \"\xff\"}}", PSM_ERR_PARSE, NULL},
    {"[]", PSM_ERR_SCHEMA, ""},
    {"{}", PSM_ERR_SCHEMA, "/patient_data"},
    {"{\"patient_data\": []}", PSM_ERR_SCHEMA, "/patient_data"},
    {"{\"patient_data\": {}}", PSM_ERR_SCHEMA, "/patient_data/anrede"},
    {REGISTRATION("5", ""), PSM_ERR_SCHEMA, "/registration_token"},
    {REGISTRATION("[]", ""), PSM_ERR_SCHEMA, "/registration_token"},
    {REGISTRATION("\"a\\nb\"", ""), PSM_ERR_SCHEMA, "/registration_token"},
    /* Fault 77: a value of a wrong type is not silently left out. */
    {REGISTRATION("null", ", \"symptome\": \"Schlafst\u00f6rungen\""),
     PSM_ERR_SCHEMA, "/patient_data/symptome"},
    {REGISTRATION("null", ", \"symptome\": []"), PSM_ERR_SCHEMA,
     "/patient_data/symptome"},
    {REGISTRATION("null", ", \"geburtsdatum\": \"2001-02-29\""), PSM_ERR_SCHEMA,
     "/patient_data/geburtsdatum"},
    {REGISTRATION("null", ", \"zeitliche_verfuegbarkeit\": []"), PSM_ERR_SCHEMA,
     "/patient_data/zeitliche_verfuegbarkeit"},
};

START_TEST(fault_77_wrong_values)
{
	int rc = document("a.json", broken[_i].text);

	ck_assert_msg(rc == broken[_i].code, "%d: %s", rc,
	              psm_error_message(err));
	if (broken[_i].pointer != NULL)
		ck_assert_str_eq(psm_error_pointer(err), broken[_i].pointer);
	ck_assert_int_eq(patients(), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.patient_import"),
	                 0);
}
END_TEST

/* Fault 77: only a token makes a reference. */
START_TEST(fault_77_reference_in_the_data)
{
	/* Whatever it is: too long, or of another type. */
	static const char *const texts[] = {
	    REGISTRATION("null", ", \"zahlungsreferenz\": \"MINE\""),
	    REGISTRATION("null", ", \"zahlungsreferenz\": \"LONGER THAN 8\""),
	    REGISTRATION("null", ", \"zahlungsreferenz\": 7")};
	int rc = document("a.json", texts[_i]);

	ck_assert_msg(rc == 1, "%d: %s", rc, psm_error_message(err));
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM patient_service.patienten "
	           "WHERE zahlungsreferenz IS NULL"),
	    1);
}
END_TEST

/* A form sends its blank fields, too: nobody is turned away for them. */
START_TEST(blank_fields)
{
	static const char *const blanks[] = {"", "  "};
	char text[2000];

#define BLANK "\"%s\""
	(void)snprintf(
	    text, sizeof(text),
	    REGISTRATION("null",
	                 ", \"geburtsdatum\": " BLANK
	                 ", \"bevorzugtes_therapeutengeschlecht\": " BLANK
	                 ", \"bevorzugtes_therapieverfahren\": " BLANK
	                 ", \"email\": " BLANK ", \"plz\": " BLANK),
	    blanks[_i], blanks[_i], blanks[_i], blanks[_i], blanks[_i]);
	ck_assert_msg(document("a.json", text) == 1, "%s",
	              psm_error_message(err));
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM patient_service.patienten WHERE "
	           "geburtsdatum IS NULL AND bevorzugtes_therapeutengeschlecht "
	           "= 'Egal' AND bevorzugtes_therapieverfahren = 'egal' AND "
	           "email = '' AND plz = ''"),
	    1);
	/* There is no address to confirm it to. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.patient_import "
	                        "WHERE confirmation = 'none'"),
	                 1);
}
END_TEST

/* What must be there must say something. */
START_TEST(blank_fields_that_must_not_be)
{
	static const char *const names[] = {"anrede", "geschlecht", "vorname",
	                                    "nachname"};
	char text[400], pointer[60];

	(void)snprintf(
	    text, sizeof(text),
	    "{\"patient_data\": {\"anrede\": \"%s\", \"geschlecht\": "
	    "\"%s\", \"vorname\": \"%s\", \"nachname\": \"%s\"}}",
	    _i == 0 ? "" : "Frau", _i == 1 ? "" : "weiblich",
	    _i == 2 ? "" : "Berta", _i == 3 ? "" : "Musterbaum");
	ck_assert_int_eq(document("a.json", text), PSM_ERR_SCHEMA);
	(void)snprintf(pointer, sizeof(pointer), "/patient_data/%s", names[_i]);
	ck_assert_str_eq(psm_error_pointer(err), pointer);
	ck_assert_int_eq(patients(), 0);
}
END_TEST

START_TEST(a_mark_and_a_mail_address)
{
	ck_assert_int_eq(
	    document("a.json",
	             "\xef\xbb\xbf" REGISTRATION(
			 "null", ", \"email\": \"berta@example.org\"")),
	    1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.patient_import "
	           "WHERE confirmation = 'open' AND patient_id = 1"),
	    1);
}
END_TEST

/* -- the mails that confirm */

static int renders; /* what the renderer returns, 0: it works */

static int
render(const char *name, const char *values, char **subject, char **html,
       char **text, void *user, psm_error *e)
{
	ck_assert_str_eq(name, "patient_registration_confirmation");
	ck_assert_str_eq(values, user);
	if (renders < 0)
		return psm__fail(e, renders, "the template is broken");
	*subject = NULL;
	*html = psm__strdup("<p>Willkommen</p>");
	*text = psm__strdup("Willkommen");
	return 0;
}

static int
confirm(void)
{
	static char values[] =
	    "{\"patient\":{\"anrede\":\"Frau\",\"nachname\":"
	    "\"Musterbaum\",\"zahlungsreferenz\":\"ABCDEFGH\"}}";

	return psm_patient_import_confirm(st, render, values, 10, err);
}

#define WITH_MAIL                                                              \
	REGISTRATION("\"ABCDEFGHIJKL\"", ", \"email\": \"b@example.org\"")

static int64_t
owed(const char *confirmation)
{
	return pg_int("SELECT count(*) FROM psymatch.patient_import "
	              "WHERE confirmation = '%s'",
	              confirmation);
}

START_TEST(a_confirmation)
{
	/* The second one is a fault of the template, not of the patient. */
	static const int failures[] = {PSM_ERR_IO, PSM_ERR_SCHEMA};

	ck_assert_int_eq(document("a.json", WITH_MAIL), 1);
	ck_assert_int_eq(document("b.json", REGISTRATION("null", "")), 1);
	/* Without the tables of e-mails it stays owed. */
	ck_assert_int_eq(confirm(), 0);
	ck_assert_int_eq(owed("open"), 1);
	/* A table without the key of a mail is not enough. */
	pg_run("CREATE SCHEMA communication_service; "
	       "CREATE TABLE communication_service.emails (id integer)");
	ck_assert_msg(confirm() == 0, "%s", psm_error_message(err));
	ck_assert_int_eq(owed("open"), 1);
	pg_run("DROP SCHEMA communication_service CASCADE");
	OK(psm_store_migrate(st, "communication", err));
	for (size_t i = 0; i < PSM__COUNT(failures); i++) {
		renders = failures[i];
		ck_assert_int_eq(confirm(), failures[i]);
		ck_assert_int_eq(owed("open"), 1);
	}
	renders = 0;
	ck_assert_msg(confirm() == 1, "%s", psm_error_message(err));
	ck_assert_int_eq(confirm(), 0);
	ck_assert_int_eq(owed("made"), 1);
	ck_assert_int_eq(owed("none"), 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM communication_service.emails WHERE "
	           "patient_id = 1 AND empfaenger_email = 'b@example.org' AND "
	           "empfaenger_name = 'Berta Musterbaum' AND "
	           "status = 'In_Warteschlange' AND inhalt_text = 'Willkommen' "
	           "AND betreff LIKE 'Registrierung%%'"),
	    1);
	/* It is asked for once that it goes. */
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.outbox o JOIN "
	           "communication_service.emails e ON e.id = "
	           "(o.payload::jsonb -> 'email_id')::integer WHERE o.type = "
	           "'email.send'"),
	    1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.outbox WHERE type = "
	           "'email.send'"),
	    1);
}
END_TEST

static const char *const no_addresses[] = {"NULL", "'no address'"};

START_TEST(nobody_to_confirm_to)
{
	OK(psm_store_migrate(st, "communication", err));
	ck_assert_int_eq(document("a.json", WITH_MAIL), 1);
	pg_run("UPDATE patient_service.patienten SET email = %s",
	       no_addresses[_i]);
	ck_assert_int_eq(confirm(), 0);
	ck_assert_int_eq(owed("none"), 1);
	ck_assert_int_eq(psm_patient_import_confirm(NULL, render, NULL, 1, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_patient_import_confirm(st, NULL, NULL, 1, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_patient_import_confirm(st, render, NULL, 0, err),
	                 PSM_ERR_INVAL);
}
END_TEST

START_TEST(arguments)
{
	static char large[1024 * 1024 + 1];
	char name[1026];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(
	    psm_patient_import_document(NULL, "a", "{}", 2, NULL, err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_patient_import_document(st, NULL, "{}", 2, NULL, err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_patient_import_document(st, "a", NULL, 2, &out, err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(document("", GOOD), PSM_ERR_INVAL);
	ck_assert_int_eq(document(name, GOOD), PSM_ERR_INVAL);
	ck_assert_int_eq(document("\xff", GOOD), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_patient_import_document(st, "a", large,
	                                             sizeof(large), NULL, err),
	                 PSM_ERR_TOO_LARGE);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("patient import");
	TCase *t = tcase_create("document");

	tcase_add_checked_fixture(t, import_setup, import_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_new_patient);
	tcase_add_test(t, fault_74_twice_is_once);
	tcase_add_test(t, another_content_of_a_token);
	tcase_add_test(t, four_at_once);
	tcase_add_loop_test(t, fault_77_wrong_values, 0,
	                    (int)PSM__COUNT(broken));
	tcase_add_loop_test(t, fault_77_reference_in_the_data, 0, 3);
	tcase_add_loop_test(t, blank_fields, 0, 2);
	tcase_add_loop_test(t, blank_fields_that_must_not_be, 0, 4);
	tcase_add_test(t, a_mark_and_a_mail_address);
	tcase_add_test(t, a_confirmation);
	tcase_add_loop_test(t, nobody_to_confirm_to, 0,
	                    (int)PSM__COUNT(no_addresses));
	tcase_add_test(t, arguments);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	pg_main(argv);
	return testing_run(srunner_create(suite()));
}
