/* SPDX-License-Identifier: BSD-2-Clause */
/* E-mails made, read, changed and deleted as JSON, on a real database. */
#include "app/mail.h"
#include "domain/mail.h"
#include "testing_app.h"

#include <pthread.h>

#define HEAD                                                                   \
	"{\"betreff\":\"Suche - Ref: A12\",\"empfaenger_email\":"              \
	"\"praxis@example.org\",\"empfaenger_name\":\"Dr. Muster\""
#define MAIL HEAD ",\"therapist_id\":7,\"inhalt_text\":\"Guten Tag\""

static char *out;

static void
setup(void)
{
	out = NULL;
	app_setup();
}

static void
teardown(void)
{
	psm_free(out);
	app_teardown();
}

static int64_t
events(void)
{
	return pg_int("SELECT count(*) FROM psymatch.outbox");
}

static int
create(const char *json)
{
	psm_free(out);
	return psm_mail_create(st, json, strlen(json), NULL, NULL, &out, err);
}

static int
put(const char *json)
{
	psm_free(out);
	return psm_mail_update(st, 1, PSM_VERSION_ANY, json, strlen(json), &out,
	                       err);
}

START_TEST(makes)
{
	OK(create(MAIL ",\"id\":77,\"gesendet_am\":\"2020-01-01T00:00:00Z\"}"));
	check_out("/id", "1");
	check_out("/status", "\"Entwurf\"");
	check_out("/therapist_id", "7");
	check_out("/patient_id", "null");
	check_out("/inhalt_html", "\"\"");
	check_out("/absender_email", "\"info@curavani.com\"");
	check_out("/absender_name", "\"Curavani GmbH\"");
	check_out("/gesendet_am", "null");
	check_out("/wiederholungsanzahl", "0");
	ck_assert_int_eq(events(), 1);
	ck_assert_int_eq(outbox("communication.email_created"), 1);
	check_event("email_id", "1");
	check_event("email_data,email_id", "1");
	check_event("email_data,therapist_id", "7");
	check_event("email_data,patient_id", "null");
	check_event("email_data,recipient_type", "therapist");
	check_event("email_data,status", "Entwurf");
	/* What was written to whom is nobody else's business. */
	check_event("email_data,inhalt_text", "null");
	check_event("email_data,empfaenger_email", "null");
	OK(create(MAIL ",\"absender_email\":\"a@b.example\"}"));
	check_out("/absender_email", "\"a@b.example\"");
}
END_TEST

static const struct refused {
	const char *json, *pointers;
} refused[] = {
    {HEAD ",\"inhalt_text\":\"x\"}", "/therapist_id"},
    {HEAD ",\"inhalt_text\":\"x\",\"therapist_id\":1,\"patient_id\":2}",
     "/patient_id"},
    {HEAD ",\"patient_id\":2}", "/inhalt_text"},
    {HEAD "}", "/therapist_id /inhalt_text"},
    {HEAD ",\"patient_id\":2,\"inhalt_text\":\" \",\"inhalt_html\":\"\","
          "\"inhalt_markdown\":\"\"}",
     "/inhalt_text"},
    {HEAD ",\"patient_id\":2,\"inhalt_markdown\":\"**x**\"}",
     "/inhalt_markdown"},
    {HEAD ",\"patient_id\":2,\"inhalt_markdown\":7,\"add_legal_footer\":1}",
     "/inhalt_markdown /add_legal_footer"},
    {"{\"patient_id\":2,\"inhalt_markdown\":7,\"add_legal_footer\":1}",
     "/inhalt_markdown /add_legal_footer /betreff /empfaenger_email "
     "/empfaenger_name"},
    {HEAD ",\"inhalt_text\":7}", "/inhalt_text /therapist_id"},
    {HEAD ",\"patient_id\":2,\"inhalt_html\":\" \",\"add_legal_footer\":1}",
     "/add_legal_footer /inhalt_text"},
    {"{\"patient_id\":2,\"inhalt_text\":\"x\"}",
     "/betreff /empfaenger_email /empfaenger_name"},
    {"{\"patient_id\":\"2\",\"inhalt_text\":\"x\",\"betreff\":\"a\\nBcc: b\","
     "\"empfaenger_email\":\"a@b,c@d\",\"empfaenger_name\":\"x\\r\\ny\"}",
     "/patient_id /betreff /empfaenger_email /empfaenger_name /therapist_id"},
};

START_TEST(tells_all_faults)
{
	const struct refused *r = &refused[_i];
	size_t count = 1;

	for (const char *p = r->pointers; *p != '\0'; p++)
		count += *p == ' ';
	ck_assert_int_eq(create(r->json), PSM_ERR_SCHEMA);
	ck_assert_ptr_null(out);
	ck_assert_uint_eq(psm_error_fault_count(err), count);
	for (size_t i = 0; i < count; i++)
		ck_assert_ptr_nonnull(
		    strstr(r->pointers, psm_error_fault_pointer(err, i)));
	ck_assert_int_eq(events(), 0);
}
END_TEST

/* -- content */

static int
render(const char *template_name, const char *values_json, char **subject,
       char **html, char **text, void *user, psm_error *e)
{
	int *calls = user;

	(void)e;
	ck_assert_ptr_null(template_name);
	ck_assert_ptr_nonnull(strstr(values_json, "\"inhalt_markdown\""));
	*subject = NULL;
	*html = strdup("<p>hi</p>");
	*text = strdup("hi");
	(*calls)++;
	return 0;
}

static int
no_render(const char *template_name, const char *values_json, char **subject,
          char **html, char **text, void *user, psm_error *e)
{
	(void)template_name;
	(void)values_json;
	(void)subject;
	(void)html;
	(void)text;
	(void)user;
	psm_error_set(e, PSM_ERR_REJECT, "no");
	return PSM_ERR_REJECT;
}

START_TEST(renders)
{
	static const char json[] =
	    HEAD ",\"patient_id\":3,\"inhalt_markdown\":\"hi\","
		 "\"inhalt_text\":\"old\",\"inhalt_html\":\"old\"}";
	int calls = 0;

	OK(psm_mail_create(st, json, strlen(json), render, &calls, &out, err));
	ck_assert_int_eq(calls, 1);
	check_out("/inhalt_html", "\"<p>hi</p>\"");
	check_out("/inhalt_text", "\"hi\"");
	psm_free(out);
	ck_assert_int_eq(
	    psm_mail_create(st, json, strlen(json), no_render, NULL, &out, err),
	    PSM_ERR_REJECT);
	ck_assert_ptr_null(out);
	ck_assert_int_eq(events(), 1);
	/* A footer alone is no mail. */
	ck_assert_int_eq(psm_mail_create(st, HEAD ",\"patient_id\":3}",
	                                 strlen(HEAD ",\"patient_id\":3}"),
	                                 render, &calls, &out, err),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(calls, 1);
}
END_TEST

/* -- states */

static const char *const words[] = {"Entwurf", "In_Warteschlange",
                                    "Wird_gesendet", "Gesendet",
                                    "Fehlgeschlagen"};
/* By hand; from the first line on: made, then from each word. */
static const char *const may[] = {"xx.xx", ".x.xx", "...xx",
                                  "...xx", ".....", ".x..."};

START_TEST(states)
{
	int from = _i / 5 - 1, to = _i % 5, ok = may[from + 1][to] == 'x', rc;
	char json[512];

	if (from == to)
		return;
	if (from < 0) {
		(void)snprintf(json, sizeof(json), MAIL ",\"status\":\"%s\"}",
		               words[to]);
		rc = create(json);
	} else {
		OK(create(MAIL "}"));
		pg_run("UPDATE communication_service.emails SET status = '%s'",
		       words[from]);
		(void)snprintf(json, sizeof(json), "{\"status\":\"%s\"}",
		               words[to]);
		rc = put(json);
	}
	ck_assert_msg(rc == (ok ? from >= 0 : PSM_ERR_TRANSITION), "%s: %d %s",
	              json, rc, psm_error_message(err));
	/* fault S4: every way to Gesendet tells of it, once. */
	ck_assert_int_eq(outbox("email.sent"), ok && to == 3);
	ck_assert_int_eq(outbox("email.failed"), ok && to == 4);
	if (!ok)
		return;
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "communication_service.emails WHERE status = "
	                        "'%s'",
	                        words[to]),
	                 1);
	if (to == 3) {
		check_event("therapist_id", "7");
		check_event("patient_id", "null");
		check_event("communication_type", "email");
		check_event("email_data,status", "Gesendet");
	}
	ck_assert_int_eq(
	    pg_int("SELECT count(gesendet_am) FROM "
	           "communication_service.emails WHERE gesendet_am > now() AT "
	           "TIME ZONE 'UTC' - interval '1 hour'"),
	    to == 3);
	ck_assert_int_eq(put("{\"status\":\"x\"}"), PSM_ERR_SCHEMA);
	ck_assert_int_eq(put("{\"status\":\"\"}"), PSM_ERR_SCHEMA);
}
END_TEST

START_TEST(a_draft_may_be_queued_without_an_event)
{
	OK(create(MAIL "}"));
	ck_assert_int_eq(put("{\"status\":\"In_Warteschlange\"}"), 1);
	check_out("/status", "\"In_Warteschlange\"");
	ck_assert_int_eq(events(), 1);
	ck_assert_int_eq(put("{\"status\":\"In_Warteschlange\"}"), 0);
}
END_TEST

START_TEST(is_answered_by_hand)
{
	OK(create(MAIL ",\"status\":\"Gesendet\"}"));
	ck_assert_int_eq(put("{\"antwort_erhalten\":true,\"antwortinhalt\":"
	                     "\"Ja, A12\"}"),
	                 1);
	ck_assert_int_eq(outbox("email.response_received"), 1);
	check_event("therapist_id", "7");
	check_event("response_data,text", "Ja, A12");
	ck_assert_int_eq(
	    pg_int("SELECT count(antwortdatum) FROM "
	           "communication_service.emails WHERE antwort_erhalten"),
	    1);
	ck_assert_int_eq(put("{\"antwort_erhalten\":true}"), 0);
	ck_assert_int_eq(
	    put("{\"antwortdatum\":\"2026-07-01T10:00:00+02:00\"}"), 1);
	check_out("/antwortdatum", "\"2026-07-01T08:00:00Z\"");
	ck_assert_int_eq(outbox("email.response_received"), 1);
}
END_TEST

/* An answer to what was never sent is kept, but no inquiry hears of it. */
START_TEST(only_what_may_have_left_is_answered)
{
	int left = _i >= 2;

	OK(create(MAIL "}"));
	pg_run("UPDATE communication_service.emails SET status = '%s'",
	       words[_i]);
	ck_assert_int_eq(put("{\"antwort_erhalten\":true}"), 1);
	ck_assert_int_eq(outbox("email.response_received"), left);
}
END_TEST

START_TEST(fault_S11_deletes)
{
	OK(create(MAIL "}"));
	pg_run("UPDATE communication_service.emails SET status = "
	       "'Wird_gesendet', versand_bis = now() + interval '1 day'");
	ck_assert_int_eq(psm_mail_delete(st, 1, PSM_VERSION_ANY, err),
	                 PSM_ERR_CONFLICT);
	/* Nor is what is being sent anybody's to change. */
	ck_assert_int_eq(put("{\"status\":\"Gesendet\"}"), PSM_ERR_CONFLICT);
	pg_run("UPDATE communication_service.emails SET status = 'Gesendet'");
	ck_assert_int_eq(psm_mail_delete(st, 1, 5, err), PSM_ERR_PRECONDITION);
	OK(psm_mail_delete(st, 1, 1, err));
	ck_assert_int_eq(outbox("email.deleted"), 1);
	check_event("therapist_id", "7");
	ck_assert_int_eq(psm_mail_delete(st, 1, PSM_VERSION_ANY, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_mail_get(st, 1, &out, NULL, err),
	                 PSM_ERR_NOT_FOUND);
}
END_TEST

START_TEST(lists)
{
	OK(create(MAIL "}"));
	OK(create(MAIL ",\"status\":\"In_Warteschlange\"}"));
	OK(create(HEAD ",\"patient_id\":3,\"inhalt_html\":\"x\"}"));
	psm_free(out);
	OK(psm_mail_list(st, "{\"therapist_id\":7,\"sort\":\"-created_at\"}",
	                 &out, err));
	check_out("/total", "2");
	psm_free(out);
	OK(psm_mail_list(st, "{\"status\":\"In_Warteschlange\"}", &out, err));
	check_out("/data/0/id", "2");
	check_out("/total", "1");
}
END_TEST

/* -- once */

START_TEST(a_key_gives_one_mail)
{
	psm_tx *tx = NULL;

	OK(psm_tx_begin(st, &tx, err));
	ck_assert_int_eq(
	    psm_mail_make(tx, MAIL "}", strlen(MAIL "}"), "a:1", &out, err), 1);
	OK(psm_tx_commit(tx, err));
	psm_free(out);
	OK(psm_tx_begin(st, &tx, err));
	ck_assert_int_eq(psm_mail_make(tx, "{}", 2, "a:1", &out, err), 0);
	check_out("/id", "1");
	ck_assert_int_eq(psm_mail_make(tx, "{}", 2, "", NULL, err),
	                 PSM_ERR_INVAL);
	psm_free(out);
	ck_assert_int_eq(psm_mail_make(tx, "{}", 2, "a:2", &out, err),
	                 PSM_ERR_SCHEMA);
	psm_tx_rollback(tx);
	ck_assert_int_eq(events(), 1);
}
END_TEST

#define RACERS 4
static pthread_barrier_t line;

static void *
race(void *arg)
{
	psm_error *own = psm_error_new();
	psm_tx *tx = NULL;
	int *made = arg, rc = psm_tx_begin(st, &tx, own);

	(void)pthread_barrier_wait(&line);
	if (rc == 0)
		rc = psm_mail_make(tx, MAIL "}", strlen(MAIL "}"), "a:1", NULL,
		                   own);
	*made = rc;
	psm__app_end(tx, rc, NULL);
	psm_error_free(own);
	return NULL;
}

START_TEST(a_key_gives_one_mail_also_in_a_race)
{
	pthread_t threads[RACERS];
	int made[RACERS], sum = 0;

	(void)pthread_barrier_init(&line, NULL, RACERS);
	for (int i = 0; i < RACERS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, race, &made[i]), 0);
	for (int i = 0; i < RACERS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_int_ge(made[i], 0);
		sum += made[i];
	}
	ck_assert_int_eq(sum, 1);
	ck_assert_int_eq(events(), 1);
}
END_TEST

/* -- references */

static const struct reference {
	const char *text;
	int64_t number;
} references[] = {
    {"AW: Suche Psychotherapieplätze - Ref: A12", 12},
    {"Re: [EXTERN] Ref: A12 ", 12},
    {"A7", 7},
    {"A7 und A8", 8},
    {"BA7", 0},
    {"A7x", 0},
    {"A1234567890", 0},
    {"A0", 0},
    {"ÄA3", 0},
    {"Absage", 0},
    {"", 0},
    {NULL, 0},
};

static const struct reference message_ids[] = {
    {"<psymatch-mail-12@curavani.com>", 12},
    {"psymatch-mail-3@x", 3},
    {"<psymatch-mail-@x>", 0},
    {"<psymatch-mail-12>", 0},
    {"<psymatch-mail-99999999999@x>", 0},
    {"<12@curavani.com>", 0},
    {NULL, 0},
};

START_TEST(reads_references)
{
	char text[PSM__MAIL_MESSAGE_ID_SIZE];

	for (size_t i = 0; i < PSM__COUNT(references); i++)
		ck_assert_msg(psm__mail_reference(references[i].text) ==
		                  references[i].number,
		              "%s", references[i].text);
	for (size_t i = 0; i < PSM__COUNT(message_ids); i++)
		ck_assert_msg(psm__mail_of_message_id(message_ids[i].text) ==
		                  message_ids[i].number,
		              "%s", message_ids[i].text);
	psm__mail_message_id(12, "info@curavani.com", text);
	ck_assert_str_eq(text, message_ids[0].text);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("mail");
	TCase *t = tcase_create("mails");
	TCase *pure = tcase_create("pure");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, makes);
	tcase_add_loop_test(t, tells_all_faults, 0, (int)PSM__COUNT(refused));
	tcase_add_test(t, renders);
	tcase_add_loop_test(t, states, 0, 30);
	tcase_add_test(t, a_draft_may_be_queued_without_an_event);
	tcase_add_test(t, is_answered_by_hand);
	tcase_add_loop_test(t, only_what_may_have_left_is_answered, 0, 5);
	tcase_add_test(t, fault_S11_deletes);
	tcase_add_test(t, lists);
	tcase_add_test(t, a_key_gives_one_mail);
	tcase_add_test(t, a_key_gives_one_mail_also_in_a_race);
	suite_add_tcase(s, t);
	tcase_add_test(pure, reads_references);
	suite_add_tcase(s, pure);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
