/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages that clients of the former platform look for: each names what was
 * sent, and what would do. */
#include "testing_rest.h"

static void
set_up_service(const char *name)
{
	service = name;
	pg_copy();
	store = pg_store();
	start("");
}

#define BODY(more)                                                             \
	"{\"anrede\":\"Frau\",\"geschlecht\":\"weiblich\","                    \
	"\"vorname\":\"Anna\",\"nachname\":\"Beispiel\"" more "}"
#define PATIENTS "/api/patients"

static const struct step patients_steps[] = {
    {"POST", PATIENTS, JSON, BODY(""), 201, {NULL}},
    {"POST",
     PATIENTS,
     JSON,
     "{}",
     400,
     {"{\"message\":\"anrede: Anrede is required\",", "/nachname"}},
    {"POST", PATIENTS, JSON, BODY(",\"vorname\":null"), 400, {"PSM_ERR_PARSE"}},
    {"POST",
     PATIENTS,
     JSON,
     "{\"anrede\":\"Frau\",\"geschlecht\":\"weiblich\",\"vorname\":null,"
     "\"nachname\":\" \"}",
     400,
     {"vorname: Vorname is required"}},
    {"POST",
     PATIENTS,
     JSON,
     BODY(",\"status\":\"Offen \\\"x\\\"\""),
     400,
     {"{\"message\":\"Invalid status 'Offen \\\"x\\\"'. Valid values: offen, "
      "auf_der_Suche, in_Therapie, Therapie_abgeschlossen, "
      "Suche_abgebrochen, Therapie_abgebrochen\"",
      "found another text"}},
    {"PUT",
     PATIENTS "/1",
     JSON,
     "{\"anrede\":5}",
     400,
     {"Invalid anrede '5'. Valid values: Herr, Frau\""}},
    {"PUT",
     PATIENTS "/1",
     JSON,
     "{\"anrede\":\"\"}",
     400,
     {"anrede: Anrede is required"}},
    {"PUT",
     PATIENTS "/1",
     JSON,
     "{\"geburtsdatum\":\"1990-02-30\"}",
     400,
     {"Invalid date format for geburtsdatum: 1990-02-30. Use YYYY-MM-DD\""}},
    {"PUT",
     PATIENTS "/1",
     JSON,
     "{\"geburtsdatum\":\"2999-01-01\"}",
     400,
     {"{\"message\":\"geburtsdatum: ", "!Invalid date format"}},
    {"PUT",
     PATIENTS "/1",
     JSON,
     "{\"symptome\":[]}",
     400,
     {"symptome: At least one symptom is required\""}},
    {"PUT",
     PATIENTS "/1",
     JSON,
     "{\"symptome\":[\"Mobbing\",\"Mobbing\",\"Mobbing\",\"Mobbing\"]}",
     400,
     {"symptome: Between 1 and 3 symptoms are required, found 4\""}},
    {"PUT",
     PATIENTS "/1",
     JSON,
     "{\"symptome\":[\"Mobbing\",\"Kummer\"]}",
     400,
     {"symptome: Invalid symptom: Kummer\""}},
    {"PUT",
     PATIENTS "/1",
     JSON,
     "{\"symptome\":\"Mobbing\"}",
     400,
     {"symptome: want array, found string\""}},
    {"PUT",
     PATIENTS "/1",
     JSON,
     "{\"zeitliche_verfuegbarkeit\":{\"montag\":5}}",
     400,
     {"zeitliche_verfuegbarkeit: want array, found number\""}},
    {"GET", PATIENTS "/7", NULL, NULL, 404, {"\"Patient not found\""}},
    {"PUT", PATIENTS "/7", JSON, "{}", 404, {"\"Patient not found\""}},
    {"DELETE", PATIENTS "/7", NULL, NULL, 404, {"\"Patient not found\""}},
    {"GET",
     PATIENTS "/7/communication",
     NULL,
     NULL,
     404,
     {"\"Patient not found\""}},
    {"DELETE",
     PATIENTS "/1",
     NULL,
     NULL,
     200,
     {"\"Patient deleted successfully\""}},
};

START_TEST(patients)
{
	set_up_service("patient");
	STEPS(patients_steps);
}
END_TEST

#define MAIL(more)                                                             \
	"{\"empfaenger_email\":\"a@b.example\",\"empfaenger_name\":\"A\","     \
	"\"inhalt_text\":\"x\"" more "}"
#define MAILS "/api/emails"
#define CALLS "/api/phone-calls"

static const struct step contacts_steps[] = {
    {"POST",
     MAILS,
     JSON,
     MAIL(",\"patient_id\":1"),
     400,
     {"{\"message\":\"betreff: Betreff is required\""}},
    {"POST",
     MAILS,
     JSON,
     MAIL(",\"patient_id\":1,\"betreff\":\"B\",\"status\":\"x\""),
     400,
     {"Invalid status 'x'. Valid values: Entwurf, In_Warteschlange, "
      "Wird_gesendet, Gesendet, Fehlgeschlagen\""}},
    {"POST",
     MAILS,
     JSON,
     MAIL(",\"betreff\":\"B\""),
     400,
     {"Either therapist_id or patient_id is required"}},
    {"POST",
     MAILS,
     JSON,
     MAIL(",\"patient_id\":1,\"betreff\":\"B\""),
     201,
     {NULL}},
    {"PUT",
     MAILS "/1",
     JSON,
     "{\"antwortdatum\":\"gestern\"}",
     400,
     {"Invalid datetime format for antwortdatum. Use ISO format"}},
    {"GET", MAILS "/7", NULL, NULL, 404, {"\"Email not found\""}},
    {"POST",
     CALLS,
     JSON,
     "{\"patient_id\":1,\"geplantes_datum\":\"06.05.2030\"}",
     400,
     {"Invalid date format: 06.05.2030"}},
    {"POST",
     CALLS,
     JSON,
     "{\"patient_id\":1,\"geplantes_datum\":\"2030-05-06\","
     "\"geplante_zeit\":\"25:99\"}",
     400,
     {"Invalid time format: 25:99"}},
    /* Nobody has sent the time that is refused. */
    {"POST",
     CALLS,
     JSON,
     "{\"therapist_id\":9,\"dauer_minuten\":20}",
     400,
     {"geplante_zeit: No available slots found for this therapist",
      "!Invalid"}},
    {"POST",
     CALLS,
     JSON,
     "{\"patient_id\":1,\"geplantes_datum\":\"2030-05-06\","
     "\"geplante_zeit\":\"10:00\"}",
     201,
     {NULL}},
    {"PUT",
     CALLS "/1",
     JSON,
     "{\"status\":\"x\"}",
     400,
     {"Invalid status value: x. Valid values: geplant,"}},
    {"PUT",
     CALLS "/1",
     JSON,
     "{\"tatsaechliches_datum\":\"x\"}",
     400,
     {"Invalid date format for tatsaechliches_datum: x"}},
    {"PUT",
     CALLS "/1",
     JSON,
     "{\"tatsaechliche_zeit\":\"x\"}",
     400,
     {"Invalid time format for tatsaechliche_zeit: x"}},
    {"GET", CALLS "/7", NULL, NULL, 404, {"\"Phone call not found\""}},
};

START_TEST(contacts)
{
	set_up_service("communication");
	pg_run("INSERT INTO therapist_service.therapeuten (id, anrede, "
	       "geschlecht, vorname, nachname, telefonische_erreichbarkeit) "
	       "VALUES (9, 'Frau', 'weiblich', 'A', 'B', "
	       "'{\"Mi\": [\"08:00-08:15\"]}')");
	STEPS(contacts_steps);
}
END_TEST

static const struct step not_committed_steps[] = {
    {"POST",
     MAILS,
     JSON,
     MAIL(",\"patient_id\":1,\"betreff\":\"B\""),
     503,
     {"!\nETag:", "!\nLocation:", "PSM_ERR_DB"}},
    {"GET", MAILS "/1", NULL, NULL, 404, {NULL}},
};

/* The answer was ready when the commit failed. */
START_TEST(not_committed)
{
	set_up_service("communication");
	pg_run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
	       "'BEGIN RAISE EXCEPTION USING ERRCODE = ''40001''; END'");
	pg_run("CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON "
	       "communication_service.emails DEFERRABLE INITIALLY DEFERRED "
	       "FOR EACH ROW EXECUTE FUNCTION refuse()");
	STEPS(not_committed_steps);
}
END_TEST

static const struct step committed_steps[] = {
    {"POST", "/api/therapists", JSON, ANNA, 201, {"\nLocation:"}},
};
static const struct step lost_steps[] = {
    {"POST",
     "/api/therapists/1/block",
     JSON "\nIdempotency-Key: k",
     "{}",
     503,
     {"!\nETag:", "PSM_ERR_DB"}},
    {"POST",
     "/api/therapists",
     JSON "\nIdempotency-Key: l",
     BERT,
     503,
     {"!\nETag:", "!\nLocation:", "PSM_ERR_DB"}},
    {"GET", "/api/therapists/2", NULL, NULL, 404, {NULL}},
};
/* The keys stand for nothing. */
static const struct step again_steps[] = {
    {"POST",
     "/api/therapists/1/block",
     JSON "\nIdempotency-Key: k",
     "{}",
     200,
     {"\nETag:", "gesperrt", "!Idempotency-Replayed"}},
    {"POST",
     "/api/therapists",
     JSON "\nIdempotency-Key: l",
     BERT,
     201,
     {"\nETag:", "\nLocation:", "!Idempotency-Replayed"}},
};

/* The same of a resource. */
START_TEST(not_committed_resources)
{
	set_up_service("therapist");
	STEPS(committed_steps);
	pg_run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
	       "'BEGIN RAISE EXCEPTION USING ERRCODE = ''40001''; END'");
	pg_run("CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT OR UPDATE ON "
	       "therapist_service.therapeuten DEFERRABLE INITIALLY DEFERRED "
	       "FOR EACH ROW EXECUTE FUNCTION refuse()");
	STEPS(lost_steps);
	pg_run("DROP TRIGGER at_commit ON therapist_service.therapeuten");
	STEPS(again_steps);
}
END_TEST

#define SEARCHES "/api/platzsuchen"

static const struct step searches_steps[] = {
    {"GET",
     SEARCHES "?status=x",
     NULL,
     NULL,
     400,
     {"Invalid status 'x'. Valid values: aktiv, erfolgreich, pausiert, "
      "abgebrochen\""}},
    {"POST", SEARCHES, JSON, "{}", 400, {"patient_id: Patient_id is required"}},
    {"GET", SEARCHES "/7", NULL, NULL, 404, {"\"Patient search not found\""}},
    {"POST",
     SEARCHES,
     JSON,
     "{\"patient_id\":7}",
     404,
     {"\"Patient 7 not found\""}},
    {"POST",
     "/api/therapeutenanfragen/7/senden",
     NULL,
     NULL,
     404,
     {"\"Anfrage not found\""}},
};

START_TEST(searches)
{
	set_up_service("matching");
	STEPS(searches_steps);
}
END_TEST

int
main(int argc, char **argv)
{
	static const char *const sets[] = {"patient", "communication",
	                                   "matching", "therapist", NULL};
	Suite *s = suite_create("rest_words");
	TCase *tc = tcase_create("words");

	(void)argc;
	pg_main(argv);
	pg_template(sets);
	tcase_add_checked_fixture(tc, NULL, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, patients);
	tcase_add_test(tc, contacts);
	tcase_add_test(tc, not_committed);
	tcase_add_test(tc, not_committed_resources);
	tcase_add_test(tc, searches);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
