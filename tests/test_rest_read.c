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
	add_case(s, "patient", set_up_patient, reads_patients);
	add_case(s, "communication", set_up_communication, reads_emails);
	return testing_run(srunner_create(s));
}
