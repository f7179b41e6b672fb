/* SPDX-License-Identifier: BSD-2-Clause */
/* The communication service over HTTP: mails, calls, messages of the system;
 * jobs and dead letters, which each service has. */
#include "testing_rest.h"

#define MAIL(to, more)                                                         \
	"{\"betreff\":\"Anfrage\",\"empfaenger_email\":\"a@example.org\","     \
	"\"empfaenger_name\":\"A\"," to more "}"
#define TEXT ",\"inhalt_text\":\"Hallo\""
#define THERAPIST "\"therapist_id\":5"
#define PATIENT "\"patient_id\":7"

static const struct step mails_steps[] = {
    {"POST",
     "/api/emails",
     JSON,
     MAIL(THERAPIST, ",\"inhalt_markdown\":\"**Hallo**\""),
     201,
     {"Location: /api/emails/1\r\n", "ETag: \"1\"\r\n",
      "\"status\":\"Entwurf\"", "<strong>Hallo</strong>"}},
    {"POST",
     "/api/emails",
     JSON,
     MAIL(PATIENT, TEXT ",\"status\":\"In_Warteschlange\",\"unknown\":1"),
     201,
     {"\"therapist_id\":null", "\"patient_id\":7",
      "\"status\":\"In_Warteschlange\"",
      "\"absender_email\":\"info@curavani.com\""}},
    {"GET", "/api/emails/2", NULL, NULL, 200, {"ETag: \"1\"", "\"id\":2"}},
    {"GET", "/api/emails/3", NULL, NULL, 404, {"not found"}},
    {"GET", "/api/emails/x", NULL, NULL, 404, {"Email not found"}},
    {"GET",
     "/api/emails/queue-status",
     NULL,
     NULL,
     200,
     {"\"due\":1", "\"suspect\":0"}},
    /* The newest first. */
    {"GET",
     "/api/emails?limit=1",
     NULL,
     NULL,
     200,
     {"\"data\":[{\"id\":2", "\"page\":1", "\"limit\":1", "\"total\":2"}},
    {"GET",
     "/api/emails?recipient_type=therapist",
     NULL,
     NULL,
     200,
     {"\"total\":1", "\"id\":1", "!\"id\":2"}},
    {"GET",
     "/api/emails?recipient_type=nobody",
     NULL,
     NULL,
     200,
     {"\"data\":[]", "\"total\":0"}},
    {"GET", "/api/emails?patient_id=7", NULL, NULL, 200, {"\"total\":1"}},
    {"GET", "/api/emails?patient_id=8", NULL, NULL, 200, {"\"total\":0"}},
    {"GET", "/api/emails?patient_id=0", NULL, NULL, 200, {"\"total\":2"}},
    {"GET", "/api/emails?patient_id=x", NULL, NULL, 200, {"\"total\":2"}},
    {"GET", "/api/emails?patient_id=-7", NULL, NULL, 200, {"\"total\":0"}},
    {"GET",
     "/api/emails?therapist_id=2147483648",
     NULL,
     NULL,
     200,
     {"\"data\":[]", "\"total\":0"}},
    {"GET",
     "/api/emails?patient_id=99999999999999999999",
     NULL,
     NULL,
     200,
     {"\"total\":0"}},
    {"GET",
     "/api/emails?status=Entwurf&page=7",
     NULL,
     NULL,
     200,
     {"\"data\":[]", "\"total\":1", "\"page\":7"}},
    {"GET",
     "/api/emails?status=unbekannt",
     NULL,
     NULL,
     200,
     {"\"data\":[]", "\"total\":0", "\"page\":1", "\"limit\":20"}},
    {"GET", "/api/emails?sort=betreff", NULL, NULL, 400, {"sort"}},
    {"PUT",
     "/api/emails/1",
     JSON,
     "{\"status\":\"Gesendet\",\"fehlermeldung\":null}",
     200,
     {"\"status\":\"Gesendet\"", "ETag: \"2\"", "!\"gesendet_am\":null"}},
    {"PUT",
     "/api/emails/1",
     JSON "\nIf-Match: \"1\"",
     "{\"antwort_erhalten\":true}",
     412,
     {"PSM_ERR_PRECONDITION"}},
    {"PUT",
     "/api/emails/1",
     JSON,
     "{\"antwort_erhalten\":true,\"antwortdatum\":\"2026-03-01\","
     "\"antwortinhalt\":\"Ja\"}",
     200,
     {"\"antwort_erhalten\":true", "\"antwortdatum\":\"2026-03-01T00:00:00",
      "\"antwortinhalt\":\"Ja\""}},
    {"PUT",
     "/api/emails/1",
     JSON,
     "{\"antwortdatum\":\"gestern\"}",
     400,
     {"antwortdatum"}},
    {"PUT", "/api/emails/1", JSON, "{\"status\":\"weg\"}", 400, {"status"}},
    {"PUT", "/api/emails/1", JSON, "{\"status\":\"\"}", 400, {"status"}},
    {"PUT",
     "/api/emails/1",
     JSON,
     "{\"status\":\"Entwurf\"}",
     409,
     {"PSM_ERR_TRANSITION"}},
    {"PUT", "/api/emails/9", JSON, "{}", 404, {"not found"}},
    {"PATCH",
     "/api/emails/1",
     MERGE,
     "{\"antwortinhalt\":null}",
     200,
     {"\"antwortinhalt\":null", "\"antwort_erhalten\":true"}},
    {"PATCH", "/api/emails/1", JSON, "{}", 415, {"merge-patch"}},
    {"PATCH", "/api/emails/9", MERGE, "{}", 404, {"not found"}},
    {"DELETE",
     "/api/emails/2",
     NULL,
     NULL,
     200,
     {"\"message\":\"Email deleted successfully\""}},
    {"DELETE", "/api/emails/2", NULL, NULL, 404, {"not found"}},
    {"DELETE", "/api/emails", NULL, NULL, 405, {NULL}},
    /* Nobody sends mails here. */
    {"GET", "/health/email-queue", NULL, NULL, 503, {"sends no mails"}},
};

START_TEST(mails)
{
	STEPS(mails_steps);
	ck_assert_int_eq(events("communication.email_created"), 2);
	ck_assert_int_eq(events("email.sent"), 1);
	ck_assert_int_eq(events("email.response_received"), 1);
	ck_assert_int_eq(events("email.deleted"), 1);
}
END_TEST

static const struct step wrong_mails_steps[] = {
    {"POST",
     "/api/emails",
     JSON,
     "{}",
     400,
     {"\"pointer\":\"/betreff\"", "\"pointer\":\"/empfaenger_name\"",
      "Either therapist_id or patient_id is required",
      "\"pointer\":\"/inhalt_text\""}},
    {"POST",
     "/api/emails",
     JSON,
     MAIL(THERAPIST "," PATIENT, TEXT),
     400,
     {"Cannot specify both therapist_id and patient_id"}},
    {"POST", "/api/emails", JSON, MAIL(PATIENT, ""), 400, {"inhalt_"}},
    {"POST",
     "/api/emails",
     JSON,
     MAIL("\"therapist_id\":0", TEXT),
     400,
     {"Either therapist_id or patient_id is required"}},
    {"POST",
     "/api/emails",
     JSON,
     MAIL("\"therapist_id\":-1", TEXT),
     400,
     {"\"pointer\":\"/therapist_id\""}},
    {"POST",
     "/api/emails",
     JSON,
     MAIL(PATIENT, TEXT ",\"status\":\"x\""),
     400,
     {"\"pointer\":\"/status\"", "Entwurf, In_Warteschlange"}},
    {"POST", "/api/emails", JSON, "[]", 400, {"PSM_ERR_SCHEMA"}},
    {"POST", "/api/emails", JSON, "{", 400, {"PSM_ERR_PARSE"}},
    {"POST",
     "/api/emails",
     "Content-Type: text/plain",
     "x",
     415,
     {"want application/json"}},
    {"POST",
     "/api/emails",
     JSON "\nIdempotency-Key: m",
     MAIL(PATIENT, TEXT),
     201,
     {"\"id\":1,"}},
    {"POST",
     "/api/emails",
     JSON "\nIdempotency-Key: m",
     MAIL(PATIENT, TEXT),
     201,
     {"\"id\":1,", "Idempotency-Replayed: true"}},
    {"POST",
     "/api/emails",
     JSON "\nIdempotency-Key: m",
     MAIL(THERAPIST, TEXT),
     422,
     {"another body"}},
    {"GET", "/api/emails", NULL, NULL, 200, {"\"total\":1"}},
    /* 0 is what the platform answered for no therapist; nobody can send a mail
     * from nowhere. */
    {"POST",
     "/api/emails",
     JSON,
     MAIL("\"therapist_id\":0," PATIENT,
          TEXT ",\"absender_email\":\"\",\"absender_name\":\" \""),
     201,
     {"\"therapist_id\":null", "\"patient_id\":7",
      "\"absender_email\":\"info@curavani.com\"",
      "\"absender_name\":\"Curavani GmbH\""}},
};

START_TEST(wrong_mails)
{
	STEPS(wrong_mails_steps);
}
END_TEST

/* -- calls */

static const struct step calls_steps[] = {
    {"POST",
     "/api/phone-calls",
     JSON,
     "{" PATIENT ",\"therapist_id\":0,\"therapeutenanfrage_id\":0,"
     "\"geplantes_datum\":\"2036-03-03\"}",
     201,
     {"Location: /api/phone-calls/1\r\n", "ETag: \"1\"",
      "\"geplante_zeit\":\"10:00", "\"dauer_minuten\":10"}},
    {"POST",
     "/api/phone-calls",
     JSON,
     "{" THERAPIST ",\"geplantes_datum\":\"2036-03-04\","
     "\"geplante_zeit\":\"11:30\",\"therapeutenanfrage_id\":9,"
     "\"notizen\":\"kurz\"}",
     201,
     {"\"geplantes_datum\":\"2036-03-04\"", "\"geplante_zeit\":\"11:30",
      "\"dauer_minuten\":5", "\"status\":\"geplant\""}},
    {"POST",
     "/api/phone-calls",
     JSON,
     "{" THERAPIST ",\"geplantes_datum\":\"2036-03-04\","
     "\"geplante_zeit\":\"11:30\"}",
     409,
     {"another call"}},
    {"POST",
     "/api/phone-calls",
     JSON,
     "{" THERAPIST ",\"geplantes_datum\":\"2036-03-04\"}",
     201,
     {"\"geplante_zeit\":\"10:00"}},
    /* The latest first, in a day by the time. */
    {"GET",
     "/api/phone-calls?limit=2",
     NULL,
     NULL,
     200,
     {"\"data\":[{\"id\":2", "{\"id\":4", "\"total\":3", "!{\"id\":1"}},
    {"GET",
     "/api/phone-calls?geplantes_datum=2036-03-03",
     NULL,
     NULL,
     200,
     {"\"total\":1", "\"id\":1"}},
    {"GET",
     "/api/phone-calls?geplantes_datum=morgen",
     NULL,
     NULL,
     200,
     {"\"data\":[]", "\"total\":0"}},
    {"GET",
     "/api/phone-calls?therapeutenanfrage_id=9",
     NULL,
     NULL,
     200,
     {"\"total\":1", "\"id\":2"}},
    {"GET",
     "/api/phone-calls?therapeutenanfrage_id=-9",
     NULL,
     NULL,
     200,
     {"\"data\":[]", "\"total\":0"}},
    /* Of therapists a patient's number does not count. */
    {"GET",
     "/api/phone-calls?recipient_type=therapist&patient_id=7",
     NULL,
     NULL,
     200,
     {"\"total\":2"}},
    {"GET",
     "/api/phone-calls?recipient_type=patient&therapist_id=5",
     NULL,
     NULL,
     200,
     {"\"total\":1", "\"id\":1"}},
    {"GET", "/api/phone-calls?status=weg", NULL, NULL, 200, {"\"total\":0"}},
    {"GET", "/api/phone-calls/1", NULL, NULL, 200, {"ETag: \"1\"", "!kurz"}},
    {"GET", "/api/phone-calls/1", "If-None-Match: \"1\"", NULL, 304, {NULL}},
    {"GET", "/api/phone-calls/3", NULL, NULL, 404, {"not found"}},
    {"GET", "/api/phone-calls/x", NULL, NULL, 404, {"Phone call not found"}},
    {"PUT",
     "/api/phone-calls/1",
     JSON,
     "{\"status\":\"abgeschlossen\",\"ergebnis\":\"gut\"}",
     200,
     {"\"status\":\"abgeschlossen\"", "\"ergebnis\":\"gut\"", "ETag: \"2\"",
      "!\"tatsaechliches_datum\":null"}},
    {"PUT",
     "/api/phone-calls/1",
     JSON "\nIf-Match: \"1\"",
     "{\"notizen\":\"n\"}",
     412,
     {"PSM_ERR_PRECONDITION"}},
    {"PUT",
     "/api/phone-calls/1",
     JSON,
     "{\"status\":\"geplant\"}",
     409,
     {"PSM_ERR_TRANSITION"}},
    {"PUT", "/api/phone-calls/2", JSON, "{\"status\":\"x\"}", 400, {"status"}},
    {"PUT",
     "/api/phone-calls/2",
     JSON,
     "{\"geplantes_datum\":\"x\",\"geplante_zeit\":\"25:00\"}",
     400,
     {"/geplantes_datum", "/geplante_zeit"}},
    {"PUT",
     "/api/phone-calls/2",
     JSON,
     "{\"geplante_zeit\":\"10:00\"}",
     409,
     {"another call"}},
    {"PUT", "/api/phone-calls/9", JSON, "{}", 404, {"not found"}},
    {"PUT", "/api/phone-calls/2", JSON, "[", 400, {"PSM_ERR_PARSE"}},
    {"DELETE",
     "/api/phone-calls/4",
     NULL,
     NULL,
     200,
     {"Phone call deleted successfully"}},
    {"DELETE", "/api/phone-calls/4", NULL, NULL, 404, {"not found"}},
    {"POST",
     "/api/phone-calls",
     JSON,
     "{}",
     400,
     {"Either therapist_id or patient_id is required"}},
    {"POST",
     "/api/phone-calls",
     JSON,
     "{" PATIENT "," THERAPIST ",\"geplante_zeit\":\"10:00\"}",
     400,
     {"Cannot specify both therapist_id and patient_id"}},
    {"POST",
     "/api/phone-calls",
     JSON,
     "{" PATIENT ",\"geplantes_datum\":\"1.2.2036\"}",
     400,
     {"geplantes_datum"}},
    {"POST",
     "/api/phone-calls",
     JSON,
     "{" PATIENT ",\"status\":\"x\"}",
     400,
     {"status"}},
};

START_TEST(calls)
{
	STEPS(calls_steps);
	ck_assert_int_eq(events("communication.call_scheduled"), 3);
	ck_assert_int_eq(events("phone_call.completed"), 1);
	ck_assert_int_eq(events("phone_call.deleted"), 1);
}
END_TEST

/* -- messages of the system: there is no SMTP server here */

static const struct step messages_steps[] = {
    {"POST", "/api/system-messages", JSON, "{}", 400, {"No data provided"}},
    {"POST",
     "/api/system-messages",
     JSON,
     "{\"message\":\"m\"}",
     400,
     {"Subject is required"}},
    {"POST",
     "/api/system-messages",
     JSON,
     "{\"subject\":\"s\",\"message\":\" \"}",
     400,
     {"Message is required"}},
    {"POST",
     "/api/system-messages",
     JSON "\nIdempotency-Key: k",
     "{\"subject\":\"s\",\"message\":\"m\"}",
     400,
     {"Idempotency-Key"}},
    {"POST", "/api/system-messages", JSON, "{", 400, {"PSM_ERR_PARSE"}},
    {"POST", "/api/system-messages", NULL, "x", 415, {NULL}},
    {"POST",
     "/api/system-messages",
     JSON,
     "{\"subject\":\"s\",\"message\":\"m\"}",
     500,
     {"Failed to send system message", "\"recipient\":\"team@example.org\""}},
};

START_TEST(messages)
{
	STEPS(messages_steps);
}
END_TEST

/* -- for those who look after it */

static const struct step jobs_steps[] = {
    {"GET",
     "/api/jobs",
     NULL,
     NULL,
     200,
     {"\"data\":[{\"id\" : 2", "\"id\" : 1"}},
    {"GET",
     "/api/jobs?state=failed&kind=test.a",
     NULL,
     NULL,
     200,
     {"\"id\" : 1", "!\"id\" : 2", "\"error_code\" : \"PSM_ERR_DB\""}},
    {"GET",
     "/api/jobs?limit=1",
     NULL,
     NULL,
     200,
     {"\"id\" : 2", "!\"id\" : 1"}},
    {"GET", "/api/jobs?state=x", NULL, NULL, 400, {"state: want waiting"}},
    {"GET", "/api/jobs/status", NULL, NULL, 200, {"\"test.a\""}},
    {"GET", "/api/jobs/1", NULL, NULL, 200, {"\"state\" : \"failed\""}},
    {"GET", "/api/jobs/3", NULL, NULL, 404, {"Job not found"}},
    {"GET", "/api/jobs/x", NULL, NULL, 404, {"Job not found"}},
    {"POST",
     "/api/jobs/1/retry",
     NULL,
     "",
     200,
     {"\"state\" : \"waiting\"", "\"attempts\" : 0"}},
    {"POST", "/api/jobs/2/retry", NULL, "", 409, {"want one that failed"}},
    {"POST", "/api/jobs/3/retry", NULL, "", 404, {"Job not found"}},
};

START_TEST(jobs)
{
	pg_run(
	    "INSERT INTO psymatch.job (kind, key, state, attempts, "
	    "error_code, run_at, due_at) VALUES ('test.a', '1', 'failed', 5, "
	    "'PSM_ERR_DB', now(), now()), ('test.b', '2', 'waiting', 0, "
	    "NULL, now(), now())");
	STEPS(jobs_steps);
}
END_TEST

#define WHO "{\"who\":\"Eva\",\"why\":\"repaired\"}"

static const struct step letters_steps[] = {
    {"GET",
     "/api/dead-letters",
     NULL,
     NULL,
     200,
     {"\"data\":[{\"id\":1", "\"next\":null", "\"code\":\"PSM_ERR_SCHEMA\"",
      "!secret"}},
    {"GET",
     "/api/dead-letters?limit=1&consumer=c",
     NULL,
     NULL,
     200,
     {"\"id\":1", "\"next\":1", "!\"id\":2"}},
    {"GET",
     "/api/dead-letters?limit=1&after=1",
     NULL,
     NULL,
     200,
     {"\"id\":2", "!\"id\":1"}},
    {"GET",
     "/api/dead-letters?state=released",
     NULL,
     NULL,
     200,
     {"\"data\":[]"}},
    {"GET",
     "/api/dead-letters?source=parked",
     NULL,
     NULL,
     200,
     {"\"data\":[]"}},
    {"GET", "/api/dead-letters?source=x", NULL, NULL, 400, {"source"}},
    {"GET",
     "/api/dead-letters?event_id=x",
     NULL,
     NULL,
     400,
     {"\"message\":\"event_id: want a UUID"}},
    {"GET",
     "/api/dead-letters?since=7",
     NULL,
     NULL,
     400,
     {"\"message\":\"since: want a time", "\"pointer\":\"/since\""}},
    {"GET",
     "/api/dead-letters?after=99999999999999999999",
     NULL,
     NULL,
     400,
     {"\"message\":\"after: want the number of a row"}},
    {"GET", "/api/dead-letters/1", NULL, NULL, 200, {"history", "!secret"}},
    {"GET", "/api/dead-letters/1?payload=true", NULL, NULL, 200, {"secret"}},
    {"GET", "/api/dead-letters/1?payload=x", NULL, NULL, 400, {"payload"}},
    {"GET", "/api/dead-letters/9", NULL, NULL, 404, {"message"}},
    {"POST", "/api/dead-letters/1/skip", JSON, "{}", 400, {"who, why"}},
    {"POST", "/api/dead-letters/9/skip", JSON, WHO, 404, {"message"}},
    {"POST",
     "/api/dead-letters/1/skip",
     JSON,
     WHO,
     200,
     {"Dead letter 1 skipped"}},
    {"POST", "/api/dead-letters/1/skip", JSON, WHO, 409, {"message"}},
    {"POST", "/api/dead-letters/1/release", JSON, WHO, 409, {"message"}},
    {"POST",
     "/api/dead-letters/2/release",
     JSON,
     WHO,
     200,
     {"Dead letter 2 released"}},
    {"GET",
     "/api/dead-letters/2",
     NULL,
     NULL,
     200,
     {"released", "Eva", "repaired"}},
};

START_TEST(letters)
{
	pg_run("INSERT INTO psymatch.dead_letter (consumer, topic, partition, "
	       "\"offset\", key, code, reason, raw) "
	       "SELECT 'c', 't', 0, n, 'k', 'PSM_ERR_SCHEMA', 'because', "
	       "'secret' FROM generate_series(1, 2) n");
	STEPS(letters_steps);
}
END_TEST

static void
set_up_communication(void)
{
	static const char *const settings[] = {"EMAIL_SENDER",
	                                       "info@example.org",
	                                       "SYSTEM_NOTIFICATION_EMAIL",
	                                       "team@example.org",
	                                       "SMTP_HOST",
	                                       "127.0.0.1",
	                                       "SMTP_PORT",
	                                       "1", /* nobody listens there */
	                                       NULL};
	service = "communication";
	testing_server_settings = settings;
	pg_copy();
	store = pg_store();
	start("");
}

int
main(int argc, char **argv)
{
	static const char *const sets[] = {"psymatch", "communication", NULL};
	Suite *s = suite_create("rest_communication");
	TCase *tc = tcase_create("rest_communication");

	(void)argc;
	pg_main(argv);
	pg_template(sets);
	tcase_add_checked_fixture(tc, set_up_communication, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, mails);
	tcase_add_test(tc, wrong_mails);
	tcase_add_test(tc, calls);
	tcase_add_test(tc, messages);
	tcase_add_test(tc, jobs);
	tcase_add_test(tc, letters);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
