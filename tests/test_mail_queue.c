/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue of e-mails: claimed, sent, tried again, suspect. */
#include "testing_mail.h"

#include <pthread.h>
#include <sys/wait.h>

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

/* What is due for longer goes first, whatever its number; what somebody else
 * has locked waits for no one. */
START_TEST(sends_what_is_due_for_longest)
{
	psm_tx *tx = NULL;

	use("EMAIL_QUEUE_BATCH_SIZE", "1");
	queue_mails(3);
	pg_run("UPDATE " MAILS " SET in_warteschlange_am = "
	       "in_warteschlange_am - interval '1 hour' WHERE id > 1");
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_exec(tx, "SELECT FROM " MAILS " WHERE id = 2 FOR UPDATE", 0,
	               NULL, NULL, err));
	ck_assert_int_eq(run(), 1);
	ck_assert_int_eq(calls[3], 1);
	psm_tx_rollback(tx);
	ck_assert_int_eq(run(), 1);
	ck_assert_int_eq(calls[2], 1);
	ck_assert_int_eq(calls[1], 0);
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
	/* A mail whose row a command had locked is for the next run. */
	while (psm_mail_queue_run(st, send_fn, NULL, err) > 0)
		;
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

static int
now_and_then(const char *mail, void *user, psm_error *e)
{
	answer = answer == 0 || all_calls == 7 ? PSM_ERR_UNAVAILABLE : 0;
	return send_fn(mail, user, e);
}

/* An outage does not use up an attempt of each mail. */
START_TEST(fault_S3_a_server_that_is_away_ends_the_run)
{
	queue_mails(4);
	answer = PSM_ERR_UNAVAILABLE;
	ck_assert_int_eq(run(), 2);
	ck_assert_int_eq(in_state("In_Warteschlange"), 2);
	answer = 0;
	ck_assert_int_eq(run(), 2);
	ck_assert_int_eq(in_state("Gesendet"), 2);
	/* Others say nothing about the server. */
	queue_mails(3);
	answer = PSM_ERR_REJECT;
	ck_assert_int_eq(run(), 3);
	/* One that is sent in between: it is there. */
	queue_mails(4);
	ck_assert_int_eq(psm_mail_queue_run(st, now_and_then, NULL, err), 4);
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

/* Nor is it sent for ever: what nobody knows of counts as an attempt. */
START_TEST(a_suspect_one_uses_up_an_attempt)
{
	psm_config *cfg = pg_settings();

	OK(psm_config_set(cfg, "EMAIL_SUSPECT_POLICY", "resend", err));
	OK(psm_config_set(cfg, "EMAIL_RETRY_LIMIT", "2", err));
	psm_store_free(st);
	OK(psm_store_open(cfg, &st, err));
	psm_config_free(cfg);
	queue_mails(1);
	answer = PSM_ERR_UNCONFIRMED;
	for (int i = 0; i < 6; i++, now_us += 86400 * SECOND)
		run();
	ck_assert_int_eq(calls[1], 2);
	check_column("status", "Fehlgeschlagen");
	check_column("naechster_versuch_am", "null");
}
END_TEST

/* Whoever has it by then tells what came of it. */
START_TEST(a_suspect_one_that_is_sent_again)
{
	queue_mails(2);
	pg_run("CREATE FUNCTION claim() RETURNS trigger LANGUAGE plpgsql AS "
	       "'BEGIN UPDATE " MAILS " SET versand_bis = ''2999-01-01'' WHERE "
	       "id = 2; RETURN NULL; END'");
	pg_run("UPDATE " MAILS " SET status = 'Wird_gesendet'");
	pg_run("CREATE TRIGGER claim AFTER UPDATE ON " MAILS " FOR EACH ROW "
	       "WHEN (NEW.id = 1 AND NEW.unklar_seit IS NOT NULL) EXECUTE "
	       "FUNCTION claim()");
	use("EMAIL_SUSPECT_POLICY", "hold");
	ck_assert_int_eq(run(), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM " MAILS
	                        " WHERE unklar_seit IS NOT NULL"),
	                 1);
}
END_TEST

/* Those that wait for a person do not hide new ones. */
START_TEST(many_suspects_wait)
{
	queue_mails(1);
	pg_run("INSERT INTO " MAILS " (id, therapist_id, betreff, inhalt_html, "
	       "inhalt_text, empfaenger_email, empfaenger_name, "
	       "absender_email, absender_name, status, unklar_seit) SELECT "
	       "-i, 1, 'x', '', 'x', 'a@b.de', 'x', 'i@c.de', 'C', "
	       "'Wird_gesendet', now() FROM generate_series(1, 100) i");
	pg_run("UPDATE " MAILS " SET status = 'Wird_gesendet' WHERE id = 1");
	use("EMAIL_SUSPECT_POLICY", "hold");
	ck_assert_int_eq(run(), 0);
	check_column("unklar_seit IS NOT NULL", "true");
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

/* What came of it is stored, though the database refuses it twice. */
START_TEST(fault_S2_the_result_is_refused)
{
	queue_mails(1);
	pg_run("CREATE SEQUENCE tries");
	pg_run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
	       "'BEGIN IF nextval(''tries'') < 3 THEN RAISE EXCEPTION USING "
	       "ERRCODE = ''40001''; END IF; RETURN NEW; END'");
	pg_run("CREATE TRIGGER refuse BEFORE UPDATE ON " MAILS " FOR EACH ROW "
	       "WHEN (NEW.status = 'Gesendet') EXECUTE FUNCTION refuse()");
	ck_assert_int_eq(run(), 1);
	check_column("status", "Gesendet");
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

START_TEST(fault_S4_a_command_makes_it_due)
{
	queue_mails(1);
	answer = PSM_ERR_UNAVAILABLE;
	ck_assert_int_eq(run(), 1);
	answer = 0;
	command("email.send", 1, 0);
	ck_assert_int_eq(run(), 1);
	check_column("status", "Gesendet");
	command("communication.send_email", 1, 0);
	command("communication.send_email", 99, 0);
	command("email.send", INT64_C(1) << 31, PSM_ERR_REJECT);
	ck_assert_int_eq(run(), 0);
	ck_assert_int_eq(outbox("email.sent"), 1);
}
END_TEST

START_TEST(queued_again_by_hand_it_is_due)
{
	static const char json[] = "{\"status\":\"In_Warteschlange\"}";

	queue_mails(1);
	answer = PSM_ERR_UNAVAILABLE;
	ck_assert_int_eq(run(), 1);
	answer = 0;
	ck_assert_int_eq(psm_mail_update(st, 1, PSM_VERSION_ANY, json,
	                                 strlen(json), NULL, err),
	                 1);
	check_column("naechster_versuch_am", "null");
	ck_assert_int_eq(run(), 1);
	check_column("status", "Gesendet");
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
	                      "9,\"sending\":0,\"suspect\":0,\"held\":0}");
	psm_free(out);
	/* Of a row of another program only that is known when it was made. */
	pg_run("UPDATE " MAILS " SET in_warteschlange_am = NULL WHERE id = 2");
	OK(psm_mail_queue_status(st, &out, err));
	ck_assert_ptr_nonnull(strstr(out, "\"oldest_due_seconds\":9,"));
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
	    " WHERE angehalten_seit IS NULL AND (status = 'In_Warteschlange' OR (status = "
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

static Suite *
suite(void)
{
	Suite *s = suite_create("mail_queue");
	TCase *t = tcase_create("queue");
	int n = (int)PSM__COUNT(policies);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, sends_the_oldest_first);
	tcase_add_test(t, sends_what_is_due_for_longest);
	tcase_add_test(t, fault_S1_many_workers_one_transaction);
	tcase_add_test(t, fault_S3_a_failure_is_tried_again);
	tcase_add_test(t, fault_S3_a_server_that_is_away_ends_the_run);
	tcase_add_test(t, attempts_have_an_end);
	tcase_add_test(t, a_refusal_is_final);
	tcase_add_loop_test(t, what_nobody_knows_is_the_policys, 0, n);
	tcase_add_test(t, a_suspect_one_uses_up_an_attempt);
	tcase_add_test(t, a_suspect_one_that_is_sent_again);
	tcase_add_test(t, many_suspects_wait);
	tcase_add_loop_test(t, fault_S2_killed_while_sending, 0, n);
	tcase_add_test(t, fault_S2_the_connection_breaks);
	tcase_add_test(t, fault_S2_the_result_is_refused);
	tcase_add_test(t, fault_S2_the_database_is_away);
	tcase_add_test(t, a_late_result_ends_the_doubt);
	tcase_add_test(t, a_result_is_its_senders);
	tcase_add_loop_test(t, fault_S2_adopted_rows_do_not_stay_for_ever, 0,
	                    n);
	tcase_add_test(t, fault_S4_a_command_makes_it_due);
	tcase_add_test(t, queued_again_by_hand_it_is_due);
	tcase_add_test(t, tells_how_it_stands);
	tcase_add_test(t, the_queue_is_read_by_its_index);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
