/* SPDX-License-Identifier: BSD-2-Clause */
/* What a table of fields alone gives over HTTP: records that can be read. */
#include "testing_rest.h"

static void
set_up_patient(void)
{
	service = "patient";
	set_up();
	pg_run("INSERT INTO patient_service.patienten (anrede, geschlecht, "
	       "vorname, nachname, plz, status, letzter_kontakt) VALUES "
	       "('Frau', 'weiblich', 'Erika', 'Muster', '52062', 'offen', "
	       "'2026-11-02'), ('Herr', 'm\xc3\xa4nnlich', 'Max', 'Muster', "
	       "'50667', 'auf_der_Suche', NULL)");
	pg_run("INSERT INTO patient_service.zuordnungen VALUES (3, 2, 7, 5, "
	       "true, now(), gen_random_uuid())");
	pg_run("INSERT INTO patient_service.therapeuten_sperren VALUES (7, "
	       "true, false, 'reise', 2, '2026-11-02 10:00Z', "
	       "gen_random_uuid())");
}

static const struct step patient_steps[] = {
    {"GET",
     "/api/patients/1",
     NULL,
     NULL,
     200,
     {"ETag: \"0\"\r\n", "\"vorname\":\"Erika\"",
      "\"letzter_kontakt\":\"2026-11-02\""}},
    {"GET",
     "/api/patients?status=auf_der_Suche&plz_prefix=50&search=muster",
     NULL,
     NULL,
     200,
     {"\"id\":2,", "\"total\":1"}},
    {"GET", "/api/patients?status=weg", NULL, NULL, 200, {"\"data\":[]"}},
    {"PATCH",
     "/api/patients/1/last-contact",
     JSON,
     "{\"date\":\"2026-11-05\"}",
     200,
     {"\"letzter_kontakt\":\"2026-11-05\"", "ETag: \"1\"\r\n"}},
    {"PATCH",
     "/api/patients/1/last-contact",
     JSON,
     "{\"date\":\"2026-11-01\"}",
     200,
     {"\"letzter_kontakt\":\"2026-11-05\""}},
    {"PATCH",
     "/api/patients/2/last-contact",
     NULL,
     NULL,
     200,
     {"!\"letzter_kontakt\":null"}},
    {"PATCH",
     "/api/patients/1/last-contact",
     JSON,
     "{\"date\":\"x\"}",
     400,
     {"date"}},
    {"PATCH",
     "/api/patients/1/last-contact",
     JSON,
     "{\"date\":7}",
     400,
     {"date"}},
    {"PATCH", "/api/patients/9/last-contact", JSON, "{}", 404, {NULL}},
    {"GET",
     "/api/patients/neuzuordnungen?limit=5",
     NULL,
     NULL,
     200,
     {"{\"data\":[{\"patient_id\":2,\"vorname\":\"Max\",",
      "\"therapist_id\":7,\"anfrage_id\":5,\"match_id\":3,"
      "\"gesperrt_seit\":\"2026-11-02T10:00:00Z\",\"sperrgrund\":"
      "\"reise\"}],\"page\":1,\"limit\":5,\"total\":1}"}},
    {"GET",
     "/api/patients/neuzuordnungen?page=4294967295",
     NULL,
     NULL,
     200,
     {"{\"data\":[],"}},
    {"GET",
     "/api/patients/1/communication",
     NULL,
     NULL,
     503,
     {"communication"}},
    {"GET",
     "/openapi.json",
     NULL,
     NULL,
     200,
     {"\"/api/patients/{id}/communication\"", "!/api/platzsuchen"}},
};

static const struct step patient_call_steps[] = {
    {"POST",
     "/api/patients/2/telefonat",
     NULL,
     NULL,
     409,
     {"telefon: want a number"}},
    {"POST",
     "/api/patients/9/telefonat",
     NULL,
     NULL,
     404,
     {"Patient not found"}},
    {"POST",
     "/api/patients/1/telefonat",
     NULL,
     NULL,
     202,
     {"{\"message\":\"A phone call with patient 1 was asked for\"}"}},
};

START_TEST(reads_patients)
{
	STEPS(patient_steps);
	pg_run("UPDATE patient_service.patienten SET telefon = '0241 1' WHERE "
	       "id = 1");
	STEPS(patient_call_steps);
	ck_assert_int_eq(pg_int("SELECT (payload::jsonb -> "
	                        "'patient_id')::integer FROM psymatch.outbox "
	                        "WHERE type = 'communication.schedule_call'"),
	                 1);
}
END_TEST

static void
set_up_contacts(void)
{
	service = "patient";
	pg_database();
	store = pg_store();
	ck_assert_int_eq(psm_store_migrate(store, "patient", NULL), 0);
	ck_assert_int_eq(psm_store_migrate(store, "communication", NULL), 0);
	pg_run("INSERT INTO patient_service.patienten (anrede, geschlecht, "
	       "vorname, nachname) VALUES ('Frau', 'weiblich', 'A', 'B')");
	/* The mails are sent at 9, 10, ... UTC, which is 10, 11, ... in Berlin;
	 * each call is half an hour after a mail. */
	pg_run("INSERT INTO communication_service.emails (patient_id, betreff, "
	       "inhalt_html, inhalt_text, empfaenger_email, empfaenger_name, "
	       "absender_email, absender_name, status, gesendet_am) SELECT 1, "
	       "'x', '', 'x', 'a@example.org', 'A', 'b@example.org', 'B', "
	       "'Gesendet', timestamp '2026-03-02 09:00' + n * interval "
	       "'1 hour' FROM generate_series(0, 24) n");
	pg_run("INSERT INTO communication_service.telefonanrufe (patient_id, "
	       "geplantes_datum, geplante_zeit, status) SELECT 1, t::date, "
	       "t::time, 'abgeschlossen' FROM (SELECT timestamp '2026-03-02 "
	       "10:30' + n * interval '1 hour' AS t FROM "
	       "generate_series(0, 24) n) x");
	start("");
}

/* All of them, and by their time, whatever its form. */
START_TEST(fault_69_mails_and_calls_by_time)
{
	struct answer a;
	const char *at;
	char want[60];

	testing_ask("GET", "/api/patients/1/communication", &a);
	ck_assert_int_eq(a.status, 200);
	at = strstr(a.body, "\"communications\":[");
	for (int n = 25; n >= 1; n--) {
		for (int call = 1; call >= 0; call--) {
			(void)snprintf(want, sizeof want,
			               "{\"type\":\"%s\",\"id\":%d,",
			               call ? "phone_call" : "email", n);
			ck_assert_ptr_nonnull(at);
			at = strstr(at, "{\"type\":");
			ck_assert_ptr_nonnull(at);
			ck_assert_msg(strncmp(at, want, strlen(want)) == 0,
			              "want %s, found %.60s", want, at);
			at++;
		}
	}
}
END_TEST

/* The mails and calls are in the same database, but may not be read. */
static void
set_up_without_rights(void)
{
	service = "patient";
	pg_database();
	store = pg_store();
	ck_assert_int_eq(psm_store_migrate(store, "patient", NULL), 0);
	ck_assert_int_eq(psm_store_migrate(store, "communication", NULL), 0);
	psm_store_free(store);
	pg_run("INSERT INTO patient_service.patienten (anrede, geschlecht, "
	       "vorname, nachname) VALUES ('Frau', 'weiblich', 'A', 'B')");
	pg_run("GRANT USAGE ON SCHEMA psymatch, patient_service TO pg_monitor");
	pg_run("GRANT ALL ON ALL TABLES IN SCHEMA psymatch, patient_service TO "
	       "pg_monitor");
	pg_run("ALTER DATABASE %s SET role = pg_monitor", pg_name());
	store = pg_store();
	start("");
}

/* Their service is asked, which nobody has named. */
static const struct step no_rights_steps[] = {
    {"GET",
     "/api/patients/1/communication",
     NULL,
     NULL,
     503,
     {"communication", "!PSM_ERR_DB"}},
};

START_TEST(reads_no_mails)
{
	STEPS(no_rights_steps);
}
END_TEST

static void
set_up_communication(void)
{
	service = "communication";
	set_up();
	pg_run("INSERT INTO communication_service.emails (patient_id, betreff, "
	       "inhalt_html, inhalt_text, empfaenger_email, empfaenger_name, "
	       "absender_email, absender_name) VALUES (7, 'Hallo', '<p>x</p>', "
	       "'x', 'a@example.org', 'A', 'b@example.org', 'B')");
}

static const struct step email_steps[] = {
    {"GET",
     "/api/emails/1",
     NULL,
     NULL,
     200,
     {"ETag: \"0\"\r\n", "\"betreff\":\"Hallo\"", "\"status\":\"Entwurf\""}},
    {"GET",
     "/api/emails?patient_id=7&status=Entwurf",
     NULL,
     NULL,
     200,
     {"\"id\":1,", "\"total\":1"}},
    {"GET", "/api/emails?patient_id=8", NULL, NULL, 200, {"\"total\":0"}},
};

START_TEST(reads_emails)
{
	STEPS(email_steps);
}
END_TEST

/* -- what the therapist service knows of others */

static void
set_up_therapist(void)
{
	service = "therapist";
	set_up();
	pg_run("INSERT INTO therapist_service.therapeuten (anrede, geschlecht, "
	       "vorname, nachname, plz) VALUES ('Frau', 'weiblich', 'Anna', "
	       "'Muster', '52062')");
	pg_run("INSERT INTO therapist_service.patientenwuensche (patient_id, "
	       "plz, event_time, event_id) VALUES (5, '52070', now(), "
	       "gen_random_uuid())");
	pg_run("INSERT INTO therapist_service.zuordnungen VALUES (1, 5, 1, 3, "
	       "'anstehend', now(), gen_random_uuid())");
}

#define THERAPISTS "/api/therapists"

static const struct step therapist_steps[] = {
    {"GET",
     THERAPISTS "/vorschlaege?patient_id=5",
     NULL,
     NULL,
     200,
     {"{\"patient_id\":5,\"plz_prefix\":\"52\",\"data\":[{\"therapist_id\":"
      "1,\"anrede\":\"Frau\",",
      "\"pending_patients\":1,", "\"page\":1,\"limit\":20,\"total\":1}"}},
    {"GET",
     THERAPISTS "/vorschlaege?patient_id=6",
     NULL,
     NULL,
     404,
     {"Patient 6 not found"}},
    {"GET",
     THERAPISTS "/vorschlaege?patient_id=99999999999",
     NULL,
     NULL,
     404,
     {"Patient 99999999999 not found"}},
    {"GET",
     THERAPISTS "/vorschlaege?patient_id=5&page=4294967295",
     NULL,
     NULL,
     200,
     {"\"data\":[],", "\"total\":1}"}},
    {"GET",
     THERAPISTS "/auslastung?page=4294967295",
     NULL,
     NULL,
     200,
     {"{\"data\":[],", "\"total\":1}"}},
    {"GET", THERAPISTS "/vorschlaege", NULL, NULL, 400, {"patient_id"}},
    {"GET",
     THERAPISTS "/vorschlaege?patient_id=x",
     NULL,
     NULL,
     400,
     {"patient_id"}},
    {"GET",
     THERAPISTS "/1/auslastung",
     NULL,
     NULL,
     200,
     {"{\"therapist_id\":1,\"pending_patients\":1,", "\"response_rate\":null"}},
    {"GET",
     THERAPISTS "/9/auslastung",
     NULL,
     NULL,
     404,
     {"Therapist not found"}},
    {"GET",
     THERAPISTS "/auslastung?plz_prefix=52&limit=3",
     NULL,
     NULL,
     200,
     {"{\"data\":[{\"therapist_id\":1,",
      "\"page\":1,\"limit\":3,\"total\":1}"}},
    {"GET",
     THERAPISTS "/auslastung?plz_prefix=5x",
     NULL,
     NULL,
     400,
     {"plz_prefix"}},
    {"POST",
     THERAPISTS "/scraping",
     JSON,
     "{\"plz\": \"52062\"}",
     202,
     {"{\"request_id\":\"", "\"message\":\"Scraping was asked for\""}},
    {"POST", THERAPISTS "/scraping", NULL, NULL, 202, {"\"request_id\""}},
    {"POST",
     THERAPISTS "/scraping",
     JSON,
     "{\"plz\": \"--x\"}",
     400,
     {"plz: want 1 to 5 digits"}},
    {"GET", THERAPISTS "/scraping", NULL, NULL, 200, {"{\"data\":[]}"}},
    {"POST",
     THERAPISTS "/1/telefonat",
     NULL,
     NULL,
     409,
     {"telefon: want a number"}},
    {"POST", THERAPISTS "/9/telefonat", NULL, NULL, 404, {"not found"}},
    {"PUT", THERAPISTS "/1", JSON, "{\"telefon\": \"0241 1\"}", 200, {NULL}},
    {"POST",
     THERAPISTS "/1/telefonat",
     NULL,
     NULL,
     202,
     {"{\"message\":\"A phone call with therapist 1 was asked for\"}"}},
};

static const struct step scraping_steps[] = {
    {"GET",
     THERAPISTS "/scraping?limit=2",
     NULL,
     NULL,
     200,
     {"\"key\" : \"a\"", "!\"key\" : \"b\""}},
};

START_TEST(reads_what_events_told)
{
	STEPS(therapist_steps);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox WHERE "
	                        "type = 'scraping.run'"),
	                 2);
	ck_assert_int_eq(pg_int("SELECT (payload::jsonb -> "
	                        "'therapist_id')::integer FROM psymatch.outbox "
	                        "WHERE type = 'communication.schedule_call'"),
	                 1);
	pg_run("INSERT INTO psymatch.job (kind, key, run_at, due_at) VALUES "
	       "('scraping.run', 'a', now(), now()), ('other', 'b', now(), "
	       "now())");
	STEPS(scraping_steps);
}
END_TEST

static void
add_case(Suite *s, const char *name, SFun begin, const TTest *test)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, begin, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test);
	suite_add_tcase(s, tc);
}

int
main(int argc, char **argv)
{
	Suite *s = suite_create("rest_read");

	(void)argc;
	pg_main(argv);
	add_case(s, "patient", set_up_patient, reads_patients);
	add_case(s, "contacts", set_up_contacts,
	         fault_69_mails_and_calls_by_time);
	add_case(s, "rights", set_up_without_rights, reads_no_mails);
	add_case(s, "therapist", set_up_therapist, reads_what_events_told);
	add_case(s, "communication", set_up_communication, reads_emails);
	return testing_run(srunner_create(s));
}
