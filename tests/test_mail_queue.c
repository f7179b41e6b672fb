/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue of e-mails: claimed, sent, tried again, suspect; and their answers.
 */
#include "app/mail.h"
#include "testing_app.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define MAILS "communication_service.emails"
#define SECOND INT64_C(1000000)

/* -- the clock */

static _Atomic int64_t now_us;

static int64_t
clock_fn(void *user)
{
	(void)user;
	return now_us;
}

/* -- a sender */

#define MAILS_MAX 64
static _Atomic int calls[MAILS_MAX]; /* by the mail's number */
static _Atomic int all_calls;
static int answer;           /* what the sender returns */
static void (*within)(void); /* what happens while it sends, once */

static int64_t
number_of(const char *mail)
{
	psm_json *doc = NULL;
	int64_t id = 0;

	ck_assert_int_eq(psm_json_parse(mail, strlen(mail), &doc, NULL), 0);
	ck_assert_int_eq(psm_json_get_int(psm_json_at(doc, "/id"), &id, NULL),
	                 0);
	psm_json_free(doc);
	return id;
}

static int
send_fn(const char *mail, void *user, psm_error *e)
{
	int64_t id = number_of(mail);
	void (*then)(void) = within;

	(void)user;
	ck_assert_int_lt(id, MAILS_MAX);
	calls[id]++;
	all_calls++;
	within = NULL;
	if (then != NULL)
		then();
	if (answer < 0)
		psm_error_set(e, answer, "550 no such user");
	return answer;
}

/* -- setting up */

/* A store with settings of its own. */
static psm_store *
open_store(const char *name, const char *value)
{
	psm_config *cfg = pg_settings();
	psm_store *own = NULL;

	OK(psm_config_set(cfg, name, value, err));
	OK(psm_store_open(cfg, &own, err));
	psm_config_free(cfg);
	return own;
}

static void
use(const char *name, const char *value)
{
	psm_store *own = open_store(name, value);

	psm_store_free(st);
	st = own;
}

static void
setup(void)
{
	app_setup();
	now_us = psm_now_us();
	psm_set_clock(clock_fn, NULL);
	answer = 0;
	within = NULL;
}

static void
teardown(void)
{
	psm_set_clock(NULL, NULL);
	app_teardown();
}

static void
queue_mails(int count)
{
	static const char json[] =
	    "{\"betreff\":\"Anfrage - Ref: A12\",\"empfaenger_email\":"
	    "\"p@example.org\",\"empfaenger_name\":\"P\",\"therapist_id\":7,"
	    "\"inhalt_text\":\"x\",\"status\":\"In_Warteschlange\"}";

	while (count-- > 0) {
		OK(psm_mail_create(st, json, strlen(json), NULL, NULL, NULL,
		                   err));
		now_us += SECOND;
	}
}

static int
run(void)
{
	int rc = psm_mail_queue_run(st, send_fn, NULL, err);

	ck_assert_msg(rc >= 0, "%s", psm_error_message(err));
	return rc;
}

static int64_t
in_state(const char *state)
{
	return pg_int("SELECT count(*) FROM " MAILS " WHERE status = '%s'",
	              state);
}

static void
check_column(const char *column, const char *want)
{
	char *got = pg_text("SELECT coalesce(%s::text, 'null') FROM " MAILS
	                    " WHERE id = 1",
	                    column);

	ck_assert_str_eq(got, want);
	free(got);
}

static void
check_event(const char *path, const char *want)
{
	char *got = pg_text("SELECT coalesce(payload::jsonb #>> '{%s}', "
	                    "'null') FROM psymatch.outbox ORDER BY id DESC "
	                    "LIMIT 1",
	                    path);

	ck_assert_str_eq(got, want);
	free(got);
}

/* -- sending */

static int last;

static int
in_order(const char *mail, void *user, psm_error *e)
{
	(void)user;
	(void)e;
	ck_assert_int_eq(number_of(mail), ++last);
	if (last == 1)
		ck_assert_ptr_nonnull(
		    strstr(mail, "\"<psymatch-mail-1@curavani.com>\""));
	/* It is committed before it is sent. */
	ck_assert_int_eq(in_state("Wird_gesendet"), 1);
	return 0;
}

START_TEST(sends_the_oldest_first)
{
	last = 0;
	queue_mails(12);
	ck_assert_int_eq(psm_mail_queue_run(st, in_order, NULL, err), 10);
	ck_assert_int_eq(psm_mail_queue_run(st, in_order, NULL, err), 2);
	ck_assert_int_eq(psm_mail_queue_run(st, in_order, NULL, err), 0);
	ck_assert_int_eq(in_state("Gesendet"), 12);
	ck_assert_int_eq(outbox("email.sent"), 12);
	ck_assert_int_eq(outbox("email.failed"), 0);
	check_event("therapist_id", "7");
	check_event("email_data,status", "Gesendet");
	check_column("versand_durch", "null");
	check_column("versand_bis", "null");
	ck_assert_int_eq(psm_mail_queue_run(NULL, in_order, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_mail_queue_run(st, NULL, NULL, err),
	                 PSM_ERR_INVAL);
}
END_TEST

#define WORKERS 4
#define RACED 24
static pthread_barrier_t line;

static void *
work(void *arg)
{
	psm_error *own = psm_error_new();
	int rc;

	(void)pthread_barrier_wait(&line);
	do {
		rc = psm_mail_queue_run(st, send_fn, NULL, own);
	} while (rc > 0);
	*(int *)arg = rc;
	psm_error_free(own);
	return NULL;
}

/* The command of an operator comes at the same time. */
static void
command(const char *type, int64_t id, int want)
{
	psm_payload *m = psm_payload_new(type);
	psm_event *ev = NULL;
	psm_tx *tx = NULL;
	int rc;

	psm_payload_int(m, "email_id", id);
	OK(psm_event_new_from(m, "operator", &ev, err));
	OK(psm_tx_begin(st, &tx, err));
	rc = psm_mail_handle(tx, ev, NULL, err);
	ck_assert_int_eq(rc, want);
	if (rc == 0)
		OK(psm_tx_commit(tx, err));
	else
		psm_tx_rollback(tx);
	psm_event_free(ev);
}

START_TEST(fault_S1_many_workers_one_transaction)
{
	pthread_t threads[WORKERS];
	int rc[WORKERS];

	queue_mails(RACED);
	(void)pthread_barrier_init(&line, NULL, WORKERS);
	for (int i = 0; i < WORKERS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, work, &rc[i]), 0);
	for (int i = 1; i <= RACED; i++)
		command("communication.send_email", i, 0);
	for (int i = 0; i < WORKERS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_int_eq(rc[i], 0);
	}
	for (int i = 1; i <= RACED; i++)
		ck_assert_int_eq(calls[i], 1);
	ck_assert_int_eq(outbox("email.sent"), RACED);
	ck_assert_int_eq(in_state("Gesendet"), RACED);
}
END_TEST

/* -- failures */

START_TEST(fault_S3_a_failure_is_tried_again)
{
	queue_mails(1);
	answer = PSM_ERR_UNAVAILABLE;
	ck_assert_int_eq(run(), 1);
	check_column("status", "Fehlgeschlagen");
	check_column("fehlermeldung", "550 no such user");
	check_column("wiederholungsanzahl", "1");
	ck_assert_int_eq(outbox("email.failed"), 1);
	check_event("reason", "550 no such user");
	check_event("attempts", "1");
	check_event("therapist_id", "7");
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.outbox WHERE type = "
	           "'email.failed' AND payload::jsonb ->> 'next_attempt_at' "
	           "IS NOT NULL"),
	    1);
	ck_assert_int_eq(run(), 0);
	now_us += 29 * SECOND;
	ck_assert_int_eq(run(), 0);
	now_us += 31 * SECOND;
	answer = 0;
	ck_assert_int_eq(run(), 1);
	check_column("status", "Gesendet");
	check_column("fehlermeldung", "null");
	check_column("naechster_versuch_am", "null");
	ck_assert_int_eq(outbox("email.sent"), 1);
	ck_assert_int_eq(calls[1], 2);
}
END_TEST

START_TEST(attempts_have_an_end)
{
	use("EMAIL_RETRY_LIMIT", "3");
	queue_mails(1);
	answer = PSM_ERR_TIMEOUT;
	for (int i = 1; i <= 3; i++) {
		ck_assert_int_eq(run(), 1);
		now_us += 3600 * SECOND;
	}
	ck_assert_int_eq(run(), 0);
	ck_assert_int_eq(calls[1], 3);
	check_column("naechster_versuch_am", "null");
	ck_assert_int_eq(outbox("email.failed"), 3);
	check_event("next_attempt_at", "null");
	/* A person may want one more. */
	ck_assert_int_eq(psm_mail_update(st, 1, PSM_VERSION_ANY,
	                                 "{\"status\":\"In_Warteschlange\"}",
	                                 29, NULL, err),
	                 1);
	ck_assert_int_eq(run(), 1);
	check_column("naechster_versuch_am", "null");
}
END_TEST

START_TEST(a_refusal_is_final)
{
	queue_mails(1);
	answer = PSM_ERR_REJECT;
	ck_assert_int_eq(run(), 1);
	now_us += 86400 * SECOND;
	ck_assert_int_eq(run(), 0);
	check_column("status", "Fehlgeschlagen");
	check_column("fehlermeldung", "550 no such user");
	check_event("next_attempt_at", "null");
	ck_assert_int_eq(calls[1], 1);
}
END_TEST

/* -- suspects */

static const struct policy {
	const char *word, *state;
	int runs, failed;
} policies[] = {
    {"fail", "Fehlgeschlagen", 1, 1},
    {"resend", "Gesendet", 2, 1},
    {"hold", "Wird_gesendet", 1, 0},
};

/* What the policy makes of a mail of which nobody knows. */
static void
check_policy(const struct policy *p)
{
	answer = 0;
	use("EMAIL_SUSPECT_POLICY", p->word);
	for (int i = 0; i < 3; i++) {
		run();
		now_us += 600 * SECOND;
	}
	check_column("status", p->state);
	ck_assert_int_eq(outbox("email.failed"), p->failed);
	ck_assert_int_eq(outbox("email.sent"), p->runs - 1);
	ck_assert_int_eq(calls[1], p->runs);
	if (strcmp(p->word, "hold") != 0)
		return;
	/* A person knows. */
	ck_assert_int_eq(psm_mail_update(st, 1, PSM_VERSION_ANY,
	                                 "{\"status\":\"Gesendet\"}", 21, NULL,
	                                 err),
	                 1);
	ck_assert_int_eq(outbox("email.sent"), 1);
	check_column("unklar_seit", "null");
}

START_TEST(what_nobody_knows_is_the_policys)
{
	queue_mails(1);
	use("EMAIL_SUSPECT_POLICY", "hold");
	answer = PSM_ERR_UNCONFIRMED;
	ck_assert_int_eq(run(), 1);
	check_column("status", "Wird_gesendet");
	check_column("unklar_seit IS NOT NULL", "true");
	check_column("fehlermeldung", "550 no such user");
	check_policy(&policies[_i]);
}
END_TEST

static int
die(const char *mail, void *user, psm_error *e)
{
	(void)mail;
	(void)user;
	(void)e;
	_exit(7);
}

/* Whether the server had it, nobody knows: here it counts as sent. */
START_TEST(fault_S2_killed_while_sending)
{
	int status;
	pid_t child;

	queue_mails(1);
	child = fork();
	if (child == 0) {
		psm_store *own = pg_store();

		(void)!psm_mail_queue_run(own, die, NULL, NULL);
		_exit(1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(WEXITSTATUS(status), 7);
	calls[1]++;
	check_column("status", "Wird_gesendet");
	/* As long as the sender may be alive, nobody else sends. */
	ck_assert_int_eq(run(), 0);
	check_column("unklar_seit", "null");
	now_us += 301 * SECOND;
	check_policy(&policies[_i]);
}
END_TEST

static void
kill_connections(void)
{
	(void)pg_kill("psymatch%");
}

static void
take_database_away(void)
{
	pg_down();
}

/* Its connection breaks while it sends: the result finds another one. */
START_TEST(fault_S2_the_connection_breaks)
{
	queue_mails(1);
	within = kill_connections;
	ck_assert_int_eq(run(), 1);
	check_column("status", "Gesendet");
	ck_assert_int_eq(outbox("email.sent"), 1);
}
END_TEST

START_TEST(fault_S2_the_database_is_away)
{
	queue_mails(1);
	within = take_database_away;
	ck_assert_int_lt(psm_mail_queue_run(st, send_fn, NULL, err), 0);
	pg_up();
	check_column("status", "Wird_gesendet");
	now_us += 301 * SECOND;
	use("EMAIL_SUSPECT_POLICY", "fail");
	ck_assert_int_eq(run(), 0);
	check_column("status", "Fehlgeschlagen");
	ck_assert_int_eq(calls[1], 1);
	ck_assert_int_eq(outbox("email.failed"), 1);
}
END_TEST

static void
take_too_long(void)
{
	psm_store *other = open_store("EMAIL_SUSPECT_POLICY", "hold");

	now_us += 301 * SECOND;
	ck_assert_int_eq(psm_mail_queue_run(other, send_fn, NULL, err), 0);
	check_column("unklar_seit IS NOT NULL", "true");
	psm_store_free(other);
}

START_TEST(a_late_result_ends_the_doubt)
{
	queue_mails(1);
	within = take_too_long;
	ck_assert_int_eq(run(), 1);
	check_column("status", "Gesendet");
	check_column("unklar_seit", "null");
	ck_assert_int_eq(outbox("email.sent"), 1);
	ck_assert_int_eq(calls[1], 1);
}
END_TEST

static int
nobody_knows(const char *mail, void *user, psm_error *e)
{
	(void)mail;
	(void)user;
	psm_error_set(e, PSM_ERR_UNCONFIRMED, "lost");
	return PSM_ERR_UNCONFIRMED;
}

static void
send_it_again(void)
{
	psm_store *other = open_store("EMAIL_SUSPECT_POLICY", "resend");

	now_us += 301 * SECOND;
	ck_assert_int_eq(psm_mail_queue_run(other, nobody_knows, NULL, err), 0);
	now_us += 3600 * SECOND;
	ck_assert_int_eq(psm_mail_queue_run(other, nobody_knows, NULL, err), 1);
	psm_store_free(other);
}

/* By now another one has sent it: what the first one says is no result. */
START_TEST(a_result_is_its_senders)
{
	queue_mails(1);
	within = send_it_again;
	answer = PSM_ERR_REJECT;
	ck_assert_int_eq(run(), 1);
	check_column("status", "Wird_gesendet");
	check_column("fehlermeldung", "lost");
	ck_assert_int_eq(outbox("email.failed"), 1);
}
END_TEST

/* A row that the platform left there has no lease. */
START_TEST(fault_S2_adopted_rows_do_not_stay_for_ever)
{
	queue_mails(1);
	pg_run("UPDATE " MAILS " SET status = 'Wird_gesendet'");
	calls[1]++;
	check_policy(&policies[_i]);
}
END_TEST

/* -- commands */

START_TEST(a_command_makes_it_due)
{
	queue_mails(1);
	answer = PSM_ERR_UNAVAILABLE;
	ck_assert_int_eq(run(), 1);
	answer = 0;
	command("email.send", 1, 0);
	ck_assert_int_eq(run(), 1);
	check_column("status", "Gesendet");
	command("communication.send_email", 1, 0);
	command("communication.send_email", 99, PSM_ERR_REJECT);
	ck_assert_int_eq(run(), 0);
	ck_assert_int_eq(outbox("email.sent"), 1);
}
END_TEST

START_TEST(tells_how_it_stands)
{
	char *out = NULL;

	queue_mails(3);
	answer = PSM_ERR_UNAVAILABLE;
	use("EMAIL_QUEUE_BATCH_SIZE", "1");
	ck_assert_int_eq(run(), 1);
	now_us += 7 * SECOND;
	OK(psm_mail_queue_status(st, &out, err));
	ck_assert_str_eq(out, "{\"due\":2,\"later\":1,\"oldest_due_seconds\":"
	                      "9,\"sending\":0,\"suspect\":0}");
	psm_free(out);
}
END_TEST

START_TEST(the_queue_is_read_by_its_index)
{
	char *plan;

	pg_run("INSERT INTO " MAILS " (therapist_id, betreff, inhalt_html, "
	       "inhalt_text, empfaenger_email, empfaenger_name, "
	       "absender_email, absender_name, status) SELECT 1, 'x', '', 'x', "
	       "'a@b.de', 'x', 'i@c.de', 'C', 'Gesendet' FROM "
	       "generate_series(1, 20000)");
	pg_run("ANALYZE " MAILS);
	plan = pg_text(
	    "EXPLAIN (FORMAT JSON) SELECT id FROM " MAILS
	    " WHERE (status = 'In_Warteschlange' OR (status = "
	    "'Fehlgeschlagen' AND naechster_versuch_am IS NOT NULL)) AND "
	    "coalesce(naechster_versuch_am, in_warteschlange_am, "
	    "'-infinity'::timestamp) <= now()::timestamp ORDER BY "
	    "coalesce(naechster_versuch_am, in_warteschlange_am, "
	    "'-infinity'::timestamp), id LIMIT 1 FOR UPDATE SKIP LOCKED");
	ck_assert_ptr_nonnull(strstr(plan, "idx_emails_warteschlange"));
	ck_assert_ptr_null(strstr(plan, "Sort"));
	free(plan);
}
END_TEST

/* -- answers */

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
	Suite *s = suite_create("mail_queue");
	TCase *t = tcase_create("queue"), *a = tcase_create("answers");
	int n = (int)PSM__COUNT(policies);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, sends_the_oldest_first);
	tcase_add_test(t, fault_S1_many_workers_one_transaction);
	tcase_add_test(t, fault_S3_a_failure_is_tried_again);
	tcase_add_test(t, attempts_have_an_end);
	tcase_add_test(t, a_refusal_is_final);
	tcase_add_loop_test(t, what_nobody_knows_is_the_policys, 0, n);
	tcase_add_loop_test(t, fault_S2_killed_while_sending, 0, n);
	tcase_add_test(t, fault_S2_the_connection_breaks);
	tcase_add_test(t, fault_S2_the_database_is_away);
	tcase_add_test(t, a_late_result_ends_the_doubt);
	tcase_add_test(t, a_result_is_its_senders);
	tcase_add_loop_test(t, fault_S2_adopted_rows_do_not_stay_for_ever, 0,
	                    n);
	tcase_add_test(t, a_command_makes_it_due);
	tcase_add_test(t, tells_how_it_stands);
	tcase_add_test(t, the_queue_is_read_by_its_index);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(a, setup, teardown);
	tcase_add_test(a, an_answer_finds_its_mail);
	tcase_add_test(a, an_answer_finds_it_by_reference);
	tcase_add_test(a, what_was_answered_was_sent);
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
