/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The use cases of e-mails without memory, at each allocation in turn: they say
 * so, a mail is neither lost nor sent twice, and it works when it is repeated.
 */
#include "testing_mail.h"
#include "testing_oom.h"

static int sent; /* since the last preparation */

static int
sender(const char *mail, void *user, psm_error *e)
{
	(void)user;
	ck_assert_ptr_nonnull(strstr(mail, "\"betreff\":\"Anfrage"));
	sent++;
	if (answer < 0)
		psm_error_set(e, answer, "450 come again");
	return answer;
}

static void
none(void)
{
	pg_run("DELETE FROM psymatch.outbox");
	pg_run("DELETE FROM communication_service.email_antworten");
	pg_run("DELETE FROM " MAILS);
	sent = 0;
}

static void
queued(void)
{
	none();
	pg_run("INSERT INTO " MAILS " (id, betreff, inhalt_html, inhalt_text, "
	       "empfaenger_email, empfaenger_name, absender_email, "
	       "absender_name, therapist_id, status, in_warteschlange_am) "
	       "VALUES (1, 'Anfrage - Ref: A12', '<p>x</p>', 'x', "
	       "'p@example.org', 'P', 'c@example.org', 'C', 7, "
	       "'In_Warteschlange', '2020-01-01')");
}

static void
suspect(void)
{
	queued();
	pg_run("UPDATE " MAILS " SET status = 'Wird_gesendet', versand_durch = "
	       "'x', versand_bis = '2020-01-01'");
}

static void
left(void)
{
	queued();
	pg_run("UPDATE " MAILS " SET status = 'Gesendet', gesendet_am = "
	       "'2020-01-01'");
}

static void
failed(void)
{
	queued();
	pg_run("UPDATE " MAILS " SET status = 'In_Warteschlange', "
	       "naechster_versuch_am = '2099-01-01'");
}

/* -- calls */

static int
render(const char *name, const char *values, char **subject, char **html,
       char **text, void *user, psm_error *e)
{
	(void)user;
	(void)e;
	ck_assert_ptr_null(name);
	ck_assert_ptr_nonnull(values);
	*subject = NULL;
	*html = psm__strdup("<p>Hallo</p>");
	*text = psm__strdup("Hallo");
	if (*html != NULL && *text != NULL)
		return 0;
	psm_free(*html);
	psm_free(*text);
	*html = *text = NULL;
	psm_error_set(e, PSM_ERR_NOMEM, "out of memory");
	return PSM_ERR_NOMEM;
}

static int
create(char **out)
{
	static const char json[] =
	    "{\"betreff\":\"Anfrage\",\"empfaenger_email\":\"p@example.org\","
	    "\"empfaenger_name\":\"P\",\"therapist_id\":7,\"inhalt_markdown\":"
	    "\"Hallo\",\"status\":\"In_Warteschlange\"}";

	return psm_mail_create(st, json, strlen(json), render, NULL, out, err);
}

/* Refused for what it says: nothing renders Markdown here. */
static int
refused(char **out)
{
	static const char json[] = "{\"inhalt_markdown\": \"x\", "
				   "\"empfaenger_email\": 7, \"status\": 8}";
	int rc = psm_mail_create(st, json, strlen(json), NULL, NULL, out, err);

	return rc == PSM_ERR_SCHEMA && psm_error_code(err) == rc ? 0 : rc;
}

/* Whatever fails afterwards: it is known what became of a mail. */
static int
run_queue(char **out)
{
	int rc;

	(void)out;
	rc = psm_mail_queue_run(st, sender, NULL, err);
	ck_assert_int_le(sent, 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM " MAILS " WHERE status = "
	                        "'Wird_gesendet' AND unklar_seit IS NULL AND "
	                        "versand_bis > '2020-01-01'"),
	                 0);
	return rc;
}

static int
run_sent(char **out)
{
	answer = 0;
	return run_queue(out);
}

static int
run_later(char **out)
{
	answer = PSM_ERR_UNAVAILABLE;
	return run_queue(out);
}

static int
run_unclear(char **out)
{
	answer = PSM_ERR_UNCONFIRMED;
	return run_queue(out);
}

static int
status(char **out)
{
	return psm_mail_queue_status(st, out, err);
}

static int
record(char **out)
{
	static const char json[] =
	    "{\"id\":\"<1@p>\",\"references\":[\"<x@y>\","
	    "\"<psymatch-mail-1@curavani.com>\"],\"text\":\"Ja, gern\","
	    "\"subject\":\"AW: x\",\"from\":\"p@example.org\","
	    "\"received_at\":\"2026-07-01T10:00:00+02:00\"}";

	return psm_mail_answer(st, json, strlen(json), out, err);
}

static int
command(char **out)
{
	psm_payload *m = psm_payload_new("communication.send_email");
	psm_event *ev = NULL;
	psm_tx *tx = NULL;
	int rc;

	(void)out;
	psm_payload_int(m, "email_id", 1);
	rc = psm_event_new_from(m, "operator", &ev, err);
	if (rc == 0 && psm_event_payload(ev) == NULL) {
		psm_error_set(err, PSM_ERR_NOMEM, "out of memory");
		rc = PSM_ERR_NOMEM;
	}
	if (rc == 0)
		rc = psm_tx_begin(st, &tx, err);
	if (rc == 0)
		rc = psm_mail_handle(tx, ev, NULL, err);
	if (rc == 0)
		rc = psm_tx_commit(tx, err);
	else
		psm_tx_rollback(tx);
	psm_event_free(ev);
	return rc;
}

#define ONE(condition) "SELECT count(*) FROM " MAILS " WHERE " condition
#define TOLD(type)                                                             \
	" AND 1 = (SELECT count(*) FROM psymatch.outbox WHERE type = '" type   \
	"')"

static const struct oom_case cases[] = {
    {"create", create, none,
     ONE("status = 'In_Warteschlange' AND inhalt_text = 'Hallo'"), 0},
    {"refused", refused, queued, ONE("status = 'In_Warteschlange'"), 0},
    {"sent", run_sent, queued, ONE("status = 'Gesendet'" TOLD("email.sent")),
     OOM_STAYS},
    {"later", run_later, queued,
     ONE("status = 'Fehlgeschlagen' AND wiederholungsanzahl = "
         "1" TOLD("email.failed")),
     OOM_STAYS},
    {"unclear", run_unclear, queued,
     ONE("status = 'Wird_gesendet' AND unklar_seit IS NOT NULL"), OOM_STAYS},
    {"suspect", run_sent, suspect, ONE("status = 'Fehlgeschlagen'"), OOM_STAYS},
    {"queue's status", status, queued, ONE("status = 'In_Warteschlange'"), 0},
    {"answer", record, left,
     ONE("antwortinhalt = 'Ja, gern'" TOLD("email.response_received")), 0},
    {"command", command, failed, ONE("naechster_versuch_am < '2099-01-01'"), 0},
};

static void
setup_mails(void)
{
	testing_memory_begin();
	setup();
	pg_run("SELECT setval('communication_service.emails_id_seq', 9)");
	oom_setup();
}

START_TEST(mails_without_memory)
{
	oom_all(cases, PSM__COUNT(cases));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("oom_mail");
	TCase *t = tcase_create("oom");

	tcase_set_timeout(t, 300);
	tcase_add_checked_fixture(t, setup_mails, teardown);
	tcase_add_test(t, mails_without_memory);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
