/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers find their mail, once. */
#include "testing_mail.h"

static char *out;

static int
answered(const char *json)
{
	psm_free(out);
	return psm_mail_answer(st, json, strlen(json), &out, err);
}

START_TEST(an_answer_finds_its_mail)
{
	out = NULL;
	queue_mails(2);
	ck_assert_int_eq(run(), 2);
	ck_assert_int_eq(
	    answered(
		"{\"id\":\"<1@p>\",\"references\":[\"<x@y>\","
		"\"<psymatch-mail-1@curavani.com>\"],\"text\":\"Ja, gern\","
		"\"subject\":\"AW: x\",\"from\":\"p@example.org\","
		"\"received_at\":\"2026-07-01T10:00:00+02:00\"}"),
	    1);
	ck_assert_str_eq(out, "{\"email_id\":1,\"new\":true}");
	check_column("antwort_erhalten", "true");
	check_column("antwortdatum", "2026-07-01 08:00:00");
	check_column("antwortinhalt", "Ja, gern");
	ck_assert_int_eq(outbox("email.response_received"), 1);
	check_event("email_id", "1");
	check_event("therapist_id", "7");
	check_event("communication_type", "email");
	check_event("response_data,text", "Ja, gern");
	check_event("response_data,from", "p@example.org");
	check_event("response_data,received_at", "2026-07-01T08:00:00.000000Z");
	check_event("response_data,automatic", "false");
	/* Read again, it is no news. */
	ck_assert_int_eq(
	    answered("{\"id\":\"<1@p>\",\"references\":["
	             "\"<psymatch-mail-1@curavani.com>\"],\"text\":\"x\"}"),
	    0);
	ck_assert_str_eq(out, "{\"email_id\":1,\"new\":false}");
	ck_assert_int_eq(outbox("email.response_received"), 1);
	/* A second one stands below. */
	ck_assert_int_eq(
	    answered("{\"id\":\"<2@p>\",\"references\":["
	             "\"<psymatch-mail-1@curavani.com>\"],\"text\":\"Doch "
	             "nicht\",\"automatic\":true}"),
	    1);
	check_column("antwortinhalt", "Ja, gern\n\n---\n\nDoch nicht");
	check_event("response_data,text", "Doch nicht");
	check_event("response_data,automatic", "true");
	psm_free(out);
}
END_TEST

/* The newest mail about the inquiry; no id: the text tells it apart. */
START_TEST(an_answer_finds_it_by_reference)
{
	out = NULL;
	queue_mails(3);
	use("EMAIL_QUEUE_BATCH_SIZE", "2");
	ck_assert_int_eq(run(), 2);
	ck_assert_int_eq(answered("{\"subject\":\"Re: Anfrage - Ref: A12\","
	                          "\"text\":\"Ja\"}"),
	                 1);
	ck_assert_str_eq(out, "{\"email_id\":2,\"new\":true}");
	ck_assert_int_eq(answered("{\"subject\":\"Re: Anfrage - Ref: A12\","
	                          "\"text\":\"Ja\"}"),
	                 0);
	ck_assert_int_eq(answered("{\"subject\":\"A13\",\"text\":\"Ja\"}"),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_ptr_null(out);
	ck_assert_int_eq(answered("{\"references\":[\"<psymatch-mail-3@x>\"],"
	                          "\"text\":\"not sent yet\"}"),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(outbox("email.response_received"), 1);
}
END_TEST

START_TEST(what_was_answered_was_sent)
{
	out = NULL;
	queue_mails(1);
	use("EMAIL_SUSPECT_POLICY", "hold");
	answer = PSM_ERR_UNCONFIRMED;
	ck_assert_int_eq(run(), 1);
	ck_assert_int_eq(answered("{\"references\":[\"<psymatch-mail-1@x>\"],"
	                          "\"text\":\"Danke\"}"),
	                 1);
	check_column("status", "Gesendet");
	ck_assert_int_eq(outbox("email.sent"), 1);
	ck_assert_int_eq(outbox("email.response_received"), 1);
	psm_free(out);
}
END_TEST

/* Whether or not it is to be tried again: it would arrive twice. */
START_TEST(what_was_answered_is_not_sent_again)
{
	static const char *const policy[] = {"resend", "fail"};

	out = NULL;
	queue_mails(1);
	use("EMAIL_SUSPECT_POLICY", policy[_i]);
	answer = PSM_ERR_UNCONFIRMED;
	ck_assert_int_eq(run(), 1);
	now_us += 3600 * SECOND;
	answer = 0;
	ck_assert_int_eq(run(), 0);
	check_column("status", "Fehlgeschlagen");
	ck_assert_int_eq(answered("{\"references\":[\"<psymatch-mail-1@x>\"],"
	                          "\"text\":\"Danke\"}"),
	                 1);
	check_column("status", "Gesendet");
	check_column("naechster_versuch_am", "null");
	check_column("fehlermeldung", "null");
	ck_assert_int_eq(outbox("email.sent"), 1);
	now_us += 86400 * SECOND;
	ck_assert_int_eq(run(), 0);
	ck_assert_int_eq(calls[1], 1);
	psm_free(out);
}
END_TEST

/* Two people's "Danke", without a Message-ID. */
START_TEST(the_same_words_about_two_mails)
{
	static const struct {
		int mail;
		const char *from;
		int is_new;
	} answers[] = {{1, "p", 1}, {2, "p", 1}, {1, "p", 0}, {1, "q", 1}};
	char json[160];

	out = NULL;
	queue_mails(2);
	ck_assert_int_eq(run(), 2);
	for (size_t i = 0; i < PSM__COUNT(answers); i++) {
		(void)snprintf(json, sizeof(json),
		               "{\"references\":[\"<psymatch-mail-%d@x>\"],"
		               "\"from\":\"%s@example.org\",\"text\":"
		               "\"Danke\"}",
		               answers[i].mail, answers[i].from);
		ck_assert_int_eq(answered(json), answers[i].is_new);
	}
	psm_free(out);
}
END_TEST

/* Of a row that another program wrote. */
START_TEST(a_time_that_is_none_is_null)
{
	static const char *const times[] = {"infinity", "-infinity",
	                                    "0044-03-15 12:00:00 BC"};
	static const char json[] = "{\"antwort_erhalten\":true}";

	queue_mails(1);
	for (size_t i = 0; i < PSM__COUNT(times); i++) {
		pg_run("UPDATE " MAILS " SET status = 'Gesendet', "
		       "antwort_erhalten = false, antwortdatum = '%s'",
		       times[i]);
		ck_assert_int_eq(psm_mail_update(st, 1, PSM_VERSION_ANY, json,
		                                 strlen(json), NULL, err),
		                 1);
		check_event("response_data,received_at", "null");
	}
	ck_assert_int_eq(outbox("email.response_received"), 3);
}
END_TEST

START_TEST(an_answer_is_checked)
{
	out = NULL;
	ck_assert_int_eq(answered("{\"references\":7,\"subject\":7,\"from\":7,"
	                          "\"received_at\":\"x\",\"automatic\":7}"),
	                 PSM_ERR_SCHEMA);
	ck_assert_uint_eq(psm_error_fault_count(err), 6);
	ck_assert_int_eq(answered("[]"), PSM_ERR_SCHEMA);
	ck_assert_int_eq(answered("{"), PSM_ERR_PARSE);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("mail_answer");
	TCase *a = tcase_create("answers");

	tcase_add_checked_fixture(a, setup, teardown);
	tcase_add_test(a, an_answer_finds_its_mail);
	tcase_add_test(a, an_answer_finds_it_by_reference);
	tcase_add_test(a, what_was_answered_was_sent);
	tcase_add_loop_test(a, what_was_answered_is_not_sent_again, 0, 2);
	tcase_add_test(a, the_same_words_about_two_mails);
	tcase_add_test(a, a_time_that_is_none_is_null);
	tcase_add_test(a, an_answer_is_checked);
	suite_add_tcase(s, a);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
