/* SPDX-License-Identifier: BSD-2-Clause */
/* Therapists over HTTP: made, read, listed; the neighbour; the description. */
#include "testing_rest.h"

/* -- making */

static const struct step create_and_read_steps[] = {
    {"POST",
     "/api/therapists",
     JSON,
     ANNA,
     201,
     {"Location: /api/therapists/1\r\n", "ETag: \"1\"\r\n",
      "\"status\":\"aktiv\"", "\"kassensitz\":true"}},
    {"GET",
     "/api/therapists/1",
     NULL,
     NULL,
     200,
     {"\"vorname\":\"Anna\"", "\"fax\":null", "\"sperrdatum\":null",
      "ETag: \"1\"\r\n"}},
    {"HEAD",
     "/api/therapists/1",
     NULL,
     NULL,
     200,
     {"ETag: \"1\"\r\n", "!Anna"}},
    {"GET", "/api/therapists/1", "If-None-Match: \"1\"", NULL, 304, {"!Anna"}},
    {"GET", "/api/therapists/1", "If-None-Match: \"0\"", NULL, 200, {"Anna"}},
    /* Members that nobody may write, or that there are not, do no harm.
     */
    {"POST",
     "/api/therapists",
     JSON,
     BERT,
     201,
     {"Location: /api/therapists/2\r\n", "\"id\":2",
      "\"potenziell_verfuegbar\":true", "!unknown"}},
    {"GET",
     "/api/therapists/3",
     NULL,
     NULL,
     404,
     {"Therapist not found", "PSM_ERR_NOT_FOUND"}},
    {"GET", "/api/therapists/0", NULL, NULL, 404, {"not found"}},
    {"GET", "/api/therapists/01", NULL, NULL, 404, {"not found"}},
    {"GET", "/api/therapists/2147483648", NULL, NULL, 404, {"not found"}},
    {"GET", "/api/therapists/x", NULL, NULL, 404, {"not found"}},
};

START_TEST(create_and_read)
{
	STEPS(create_and_read_steps);
	ck_assert_int_eq(events("therapist.created"), 2);
}
END_TEST

static const struct step what_is_wrong_is_told_at_once_steps[] = {
    {"POST",
     "/api/therapists",
     JSON,
     "{}",
     400,
     {"\"errors\":[", "\"pointer\":\"/anrede\"", "\"pointer\":\"/geschlecht\"",
      "\"pointer\":\"/nachname\""}},
    {"POST",
     "/api/therapists",
     JSON,
     "{\"anrede\":\"Fr\xc3\xa4ulein\",\"geschlecht\":\"weiblich\","
     "\"vorname\":\"A\",\"nachname\":\"B\",\"status\":\"offen\","
     "\"sperrdatum\":\"2026-02-30\",\"kassensitz\":\"false\"}",
     400,
     {"\"pointer\":\"/anrede\"", "\"pointer\":\"/status\"",
      "\"pointer\":\"/sperrdatum\"", "\"pointer\":\"/kassensitz\""}},
    {"POST",
     "/api/therapists",
     JSON,
     "{\"anrede\":",
     400,
     {"PSM_ERR_PARSE", "\"line\":1"}},
    {"POST", "/api/therapists", JSON, "[]", 400, {"PSM_ERR_SCHEMA"}},
    {"POST", "/api/therapists", JSON, "", 400, {"PSM_ERR_PARSE"}},
    {"POST",
     "/api/therapists",
     "Content-Type: text/plain",
     ANNA,
     400,
     {"want application/json"}},
    {"GET", "/api/therapists", NULL, NULL, 200, {"\"total\":0"}},
};

START_TEST(what_is_wrong_is_told_at_once)
{
	STEPS(what_is_wrong_is_told_at_once_steps);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
}
END_TEST

static const struct step a_post_with_a_key_makes_one_steps[] = {
    {"POST",
     "/api/therapists",
     JSON "\nIdempotency-Key: k1",
     ANNA,
     201,
     {"\"id\":1,", "!Replayed"}},
    {"POST",
     "/api/therapists",
     JSON "\nIdempotency-Key: k1",
     ANNA,
     201,
     {"\"id\":1,", "Idempotency-Replayed: true", "ETag: \"1\"",
      "Location: /api/therapists/1\r\n"}},
    {"POST",
     "/api/therapists",
     JSON "\nIdempotency-Key: k1",
     BERT,
     422,
     {"another body"}},
    {"POST",
     "/api/therapists",
     JSON "\nIdempotency-Key: k2",
     "{}",
     400,
     {"/anrede"}},
    {"POST",
     "/api/therapists",
     JSON "\nIdempotency-Key: k2",
     BERT,
     201,
     {"Bert"}},
    {"GET", "/api/therapists", NULL, NULL, 200, {"\"total\":2"}},
};

START_TEST(a_post_with_a_key_makes_one)
{
	STEPS(a_post_with_a_key_makes_one_steps);
	ck_assert_int_eq(events("therapist.created"), 2);
}
END_TEST

/* -- lists */

static const struct step lists_are_filtered_and_sorted_steps[] = {
    {"POST", "/api/therapists", JSON, ANNA, 201, {NULL}},
    {"POST", "/api/therapists", JSON, BERT, 201, {NULL}},
    {"GET",
     "/api/therapists",
     NULL,
     NULL,
     200,
     {"\"page\":1", "\"limit\":20", "\"total\":2", "\"data\":["}},
    {"GET",
     "/api/therapists?limit=1&page=2",
     NULL,
     NULL,
     200,
     {"\"page\":2", "\"limit\":1", "\"total\":2", "Bert"}},
    {"GET",
     "/api/therapists?limit=1&page=3",
     NULL,
     NULL,
     200,
     {"\"data\":[]", "\"total\":2"}},
    {"GET",
     "/api/therapists?limit=x&page=-1",
     NULL,
     NULL,
     200,
     {"\"page\":1", "\"limit\":20"}},
    {"GET", "/api/therapists?status=aktiv", NULL, NULL, 200, {"\"total\":2"}},
    {"GET",
     "/api/therapists?status=gesperrt",
     NULL,
     NULL,
     200,
     {"\"total\":0"}},
    {"GET",
     "/api/therapists?status=nonsense",
     NULL,
     NULL,
     200,
     {"\"total\":0", "\"data\":[]"}},
    {"GET",
     "/api/therapists?potenziell_verfuegbar=true",
     NULL,
     NULL,
     200,
     {"\"total\":1", "Bert"}},
    {"GET",
     "/api/therapists?potenziell_verfuegbar=false",
     NULL,
     NULL,
     200,
     {"\"total\":1", "Anna"}},
    {"GET",
     "/api/therapists?potenziell_verfuegbar=perhaps",
     NULL,
     NULL,
     400,
     {"potenziell_verfuegbar"}},
    {"GET",
     "/api/therapists?plz_prefix=52",
     NULL,
     NULL,
     200,
     {"\"total\":1", "Anna"}},
    {"GET", "/api/therapists?plz_prefix=5", NULL, NULL, 200, {"\"total\":2"}},
    {"GET", "/api/therapists?plz_prefix=%25", NULL, NULL, 200, {"\"total\":0"}},
    {"GET",
     "/api/therapists?search=BEISP",
     NULL,
     NULL,
     200,
     {"\"total\":1", "Anna"}},
    {"GET", "/api/therapists?search=_", NULL, NULL, 200, {"\"total\":0"}},
    {"GET",
     "/api/therapists?search=verhaltens",
     NULL,
     NULL,
     200,
     {"\"total\":1", "Anna"}},
    {"GET", "/api/therapists?search=nobody", NULL, NULL, 200, {"\"total\":0"}},
    {"GET",
     "/api/therapists?search=bert&plz_prefix=50&status=aktiv",
     NULL,
     NULL,
     200,
     {"\"total\":1", "Bert"}},
    {"GET",
     "/api/therapists?sort=-nachname&limit=1",
     NULL,
     NULL,
     200,
     {"Zweig"}},
    {"GET",
     "/api/therapists?sort=nachname&limit=1",
     NULL,
     NULL,
     200,
     {"Beispiel"}},
    {"GET", "/api/therapists?sort=sperrgrund%3B", NULL, NULL, 400, {"sort"}},
};

START_TEST(lists_are_filtered_and_sorted)
{
	STEPS(lists_are_filtered_and_sorted_steps);
}
END_TEST

/* -- the rest */

static const struct step the_import_is_shown_steps[] = {
    {"GET",
     "/health/import",
     NULL,
     NULL,
     200, /* it is switched off */
     {"therapist-import-monitor", "the import is off",
      "\"disk\":", "\"last_success\":null"}},
    {"GET",
     "/api/therapists/import-status",
     NULL,
     NULL,
     200,
     {"\"running\":false"}},
    {"GET", "/api/therapists/import-errors", NULL, NULL, 200, {"[]"}},
};

START_TEST(the_import_is_shown)
{
	STEPS(the_import_is_shown_steps);
}
END_TEST

static const struct step a_neighbour_that_is_away_steps[] = {
    {"POST", "/api/therapists", JSON, ANNA, 201, {NULL}},
    {"GET",
     "/api/therapists/1/communication",
     NULL,
     NULL,
     503,
     {"communication", "unavailable", "Retry-After: 1\r\n"}},
    {"GET",
     "/api/therapists/9/communication",
     NULL,
     NULL,
     404,
     {"Therapist not found"}},
};

START_TEST(a_neighbour_that_is_away)
{
	STEPS(a_neighbour_that_is_away_steps);
	testing_server_down();
	start("http://127.0.0.1:1"); /* nobody listens there */
	ck_assert_int_eq(events("therapist.created"), 1);
	take_steps(a_neighbour_that_is_away_steps + 1, 2);
}
END_TEST

/* -- a neighbour that answers */

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static int
neighbour(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	const char *text = user;

	(void)err;
	ck_assert_str_eq(psm_request_query(req, "therapist_id"), "1");
	ck_assert_str_eq(psm_request_header(req, "traceparent"), TRACE);
	psm_response_json(res, 200, text, strlen(text));
	return 0;
}

static const char mails[] =
    "{\"data\":[{\"id\":5,\"betreff\":\"A\",\"status\":\"Gesendet\","
    "\"created_at\":\"2026-01-01T08:00:00Z\","
    "\"gesendet_am\":\"2026-01-03T08:00:00Z\",\"antwort_erhalten\":true},"
    "{\"id\":6,\"betreff\":\"B\",\"status\":\"Entwurf\",\"gesendet_am\":null,"
    "\"created_at\":\"2026-01-01T08:00:00Z\"}],\"page\":1,\"total\":2}";
static const char calls[] =
    "{\"data\":[{\"id\":2,\"geplantes_datum\":\"2026-01-02\","
    "\"geplante_zeit\":\"10:00\",\"status\":\"geplant\",\"ergebnis\":null}],"
    "\"page\":1,\"total\":1}";

START_TEST(mails_and_calls_are_one_history)
{
	char url[64];
	struct answer a;
	const char *sent, *call, *draft;
	int held;

	/* The neighbour is another path of this very service. */
	testing_server_down();
	testing_server_new();
	ck_assert_int_eq(psm_service_route(testing_server.svc, "GET",
	                                   "/api/emails", neighbour,
	                                   (void *)(uintptr_t)mails,
	                                   testing_server.err),
	                 0);
	ck_assert_int_eq(psm_service_route(testing_server.svc, "GET",
	                                   "/api/phone-calls", neighbour,
	                                   (void *)(uintptr_t)calls,
	                                   testing_server.err),
	                 0);
	held = testing_port_hold("127.0.0.1", &testing_server.port);
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%d",
	               testing_server.port);
	ck_assert_int_eq(psm_config_set(testing_server.cfg,
	                                "PSYMATCH_REST_COMMUNICATION_URL", url,
	                                NULL),
	                 0);
	ck_assert_int_eq(psm_config_set(testing_server.cfg,
	                                "THERAPIST_IMPORT_ENABLED", "false",
	                                NULL),
	                 0);
	ck_assert_int_eq(psm_rest_add(testing_server.svc, store,
	                              testing_server.cfg, "therapist",
	                              testing_server.err),
	                 0);
	testing_server_start_on(testing_server.port);
	close(held);
	ck_assert_int_eq(
	    psm__svc_wait(testing_server.svc, SVC_RUNNING, TESTING_WAIT_MS), 0);
	testing_ask_with("POST", "/api/therapists", JSON, ANNA, &a);
	ck_assert_int_eq(a.status, 201);
	testing_ask_with(
	    "PUT", "/api/therapists/1", JSON,
	    "{\"titel\":\"Dr.\",\"letzter_kontakt_telefon\":\"2026-01-02\"}",
	    &a);
	ck_assert_int_eq(a.status, 200);
	testing_ask_with("GET", "/api/therapists/1/communication",
	                 "traceparent: " TRACE, NULL, &a);
	ck_assert_msg(a.status == 200, "%s", a.body);
	ck_assert_ptr_nonnull(
	    strstr(a.body, "{\"therapist_id\":1,\"therapist_name\":\"Dr. Anna "
	                   "Beispiel\",\"last_contact\":\"2026-01-02\","
	                   "\"total_emails\":2,\"total_calls\":1,"));
	sent = strstr(a.body, "\"date\":\"2026-01-03T08:00:00Z\"");
	call = strstr(a.body, "\"date\":\"2026-01-02 10:00\"");
	draft = strstr(a.body, "\"date\":\"2026-01-01T08:00:00Z\"");
	ck_assert(sent && call && draft && sent < call && call < draft);
	ck_assert_ptr_nonnull(strstr(a.body, "\"response_received\":true"));
}
END_TEST

START_TEST(arguments_are_checked)
{
	psm_error *err = testing_server.err;

	ck_assert_int_eq(
	    psm_rest_add(NULL, store, testing_server.cfg, "therapist", err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_rest_add(testing_server.svc, store,
	                              testing_server.cfg, "nobody", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_rest_add(testing_server.svc, store,
	                              testing_server.cfg, "therapist", err),
	                 PSM_ERR_STATE);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("rest");
	TCase *tc = tcase_create("therapists");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, create_and_read);
	tcase_add_test(tc, what_is_wrong_is_told_at_once);
	tcase_add_test(tc, a_post_with_a_key_makes_one);
	tcase_add_test(tc, lists_are_filtered_and_sorted);
	tcase_add_test(tc, the_import_is_shown);
	tcase_add_test(tc, a_neighbour_that_is_away);
	tcase_add_test(tc, mails_and_calls_are_one_history);
	tcase_add_test(tc, arguments_are_checked);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
