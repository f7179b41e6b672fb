/* SPDX-License-Identifier: BSD-2-Clause */
/* What a table of fields alone gives over HTTP: records that can be read. */
#include "testing_rest.h"

static void
set_up_matching(void)
{
	service = "matching";
	set_up();
	pg_run("INSERT INTO matching_service.platzsuche (patient_id, status, "
	       "notizen) VALUES (7, 'aktiv', 'x'), (8, 'pausiert', NULL), "
	       "(9, 'aktiv', NULL)");
	pg_run("INSERT INTO psymatch.entity_version VALUES ('search', 1, 3)");
	pg_run("INSERT INTO matching_service.therapeutenanfrage (therapist_id, "
	       "anfragegroesse, gesendet_datum) VALUES (4, 2, NULL), "
	       "(5, 3, '2026-11-02 10:00:00.123456')");
}

static const struct step reads_steps[] = {
    {"GET",
     "/api/platzsuchen/1",
     NULL,
     NULL,
     200,
     {"ETag: \"3\"\r\n", "\"patient_id\":7,", "\"notizen\":\"x\"",
      "\"ausgeschlossene_therapeuten\":[]"}},
    {"GET", "/api/platzsuchen/1", "If-None-Match: \"3\"", NULL, 304, {NULL}},
    {"GET",
     "/api/platzsuchen/4",
     NULL,
     NULL,
     404,
     {"Search 4 not found", "PSM_ERR_NOT_FOUND"}},
    {"GET", "/api/platzsuchen/x", NULL, NULL, 404, {"Search not found"}},
    {"GET",
     "/api/platzsuchen?status=aktiv&sort=-id&limit=1",
     NULL,
     NULL,
     200,
     {"\"id\":3,", "!\"id\":1,", "\"total\":2"}},
    {"GET",
     "/api/platzsuchen?patient_id=8",
     NULL,
     NULL,
     200,
     {"\"id\":2,", "\"total\":1"}},
    {"GET",
     "/api/therapeutenanfragen/2",
     NULL,
     NULL,
     200,
     {"ETag: \"0\"\r\n", "\"anfragegroesse\":3",
      "\"gesendet_datum\":\"2026-11-02T10:00:00.123456Z\""}},
    {"GET",
     "/api/therapeutenanfragen?therapist_id=4",
     NULL,
     NULL,
     200,
     {"\"id\":1,", "\"total\":1"}},
    {"POST",
     "/api/platzsuchen/1/kontaktanfrage",
     JSON,
     "{\"requested_count\":5}",
     200,
     {"{\"search_id\":1,\"previous_total\":0,\"new_total\":5,\"message\":\""}},
    {"POST",
     "/api/platzsuchen/9/kontaktanfrage",
     JSON,
     "{\"requested_count\":5}",
     404,
     {"9"}},
    {"POST",
     "/api/platzsuchen/x/kontaktanfrage",
     JSON,
     "{}",
     404,
     {"Search not found"}},
    {"POST",
     "/api/platzsuchen/1/kontaktanfrage",
     JSON,
     "{\"requested_count\":101}",
     400,
     {"/requested_count"}},
    {"POST", "/api/platzsuchen/1/kontaktanfrage", NULL, "{}", 415, {NULL}},
    {"DELETE", "/api/platzsuchen/1", NULL, NULL, 405, {"Allow: GET"}},
    {"POST", "/api/platzsuchen", JSON, "{}", 405, {"Allow: GET"}},
    {"GET",
     "/openapi.json",
     NULL,
     NULL,
     200,
     {"\"/api/platzsuchen/{id}\"", "\"/api/therapeutenanfragen\"",
      "!/api/therapists", "#/components/schemas/Search\""}},
};

START_TEST(reads)
{
	STEPS(reads_steps);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
}
END_TEST

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
    {"DELETE", "/api/patients/1", NULL, NULL, 405, {"Allow: GET"}},
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

START_TEST(reads_patients)
{
	STEPS(patient_steps);
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
	add_case(s, "matching", set_up_matching, reads);
	add_case(s, "patient", set_up_patient, reads_patients);
	add_case(s, "communication", set_up_communication, reads_emails);
	return testing_run(srunner_create(s));
}
