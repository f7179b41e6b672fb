/* SPDX-License-Identifier: BSD-2-Clause */
/* A mail's whole way: written in Markdown, queued, sent by a service to a real
 * SMTP server, answered. */
#include "service/mailer_int.h"
#include "testing_pg.h"
#include "testing_smtp.h"

#include <sys/stat.h>

#define WAIT_MS 60000
#define STATUS(word)                                                           \
	"SELECT count(*) FROM communication_service.emails WHERE status = "    \
	"'" word "'"

static char folder[256];
static psm_config *cfg;
static psm_store *store;
static psm_mailer *mailer;
static psm_service *svc;
static psm_error *err;
static struct smtp_server server;
static pthread_t thread;
static int run_rc;

#define OK(call) ck_assert_msg((call) == 0, "%s", psm_error_message(err))

static void
make_folders(void)
{
	static const char *const names[] = {"new", "cur", "tmp", "sent"};
	char path[400];

	testing_tmpdir(folder, sizeof folder);
	for (size_t i = 0; i < 4; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
}

static void
set_up(const char *mode)
{
	char port[16], sent[400];
	const char *const settings[][2] = {
	    {"SMTP_HOST", "localhost"},
	    {"SMTP_PORT", port},
	    {"EMAIL_ANSWER_MAILDIR", folder},
	    {"EMAIL_QUEUE_CHECK_INTERVAL_SECONDS", "1"},
	};

	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	make_folders();
	(void)snprintf(sent, sizeof sent, "%s/sent", folder);
	server = smtp_start(mode, sent, NULL, NULL);
	(void)snprintf(port, sizeof port, "%d", server.port);
	OK(psm_config_register(psm_service_settings(), err));
	pg_database();
	cfg = pg_settings();
	for (size_t i = 0; i < PSM__COUNT(settings); i++)
		OK(psm_config_set(cfg, settings[i][0], settings[i][1], err));
	store = pg_store();
	OK(psm_store_migrate(store, "communication", err));
	OK(psm_mailer_new(cfg, &mailer, err));
	OK(psm_service_new("communication", cfg, &svc, err));
	OK(psm_service_add_mailer(svc, mailer, store, err));
}

static void
tear_down(void)
{
	psm_service_free(svc);
	psm_mailer_free(mailer);
	psm_store_free(store);
	psm_config_free(cfg);
	psm_error_free(err);
	smtp_stop(&server);
	testing_remove(folder);
}

static void *
run_service(void *arg)
{
	(void)arg;
	run_rc = psm_service_run(svc, NULL, 0, err);
	return NULL;
}

static void
start(void)
{
	ck_assert_int_eq(pthread_create(&thread, NULL, run_service, NULL), 0);
}

static void
stop(void)
{
	psm_service_stop(svc);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_msg(run_rc == 0, "%s", psm_error_message(err));
}

static void
queue_mail(void)
{
	static const char json[] =
	    "{\"therapist_id\":7,\"betreff\":\"Anfrage - Ref: A12\","
	    "\"empfaenger_email\":\"p@example.org\",\"empfaenger_name\":\"P\","
	    "\"inhalt_markdown\":\"Guten **Tag**\","
	    "\"status\":\"In_Warteschlange\"}";

	OK(psm_mail_create(store, json, strlen(json), psm_mail_render, mailer,
	                   NULL, err));
}

/* Under its last name, when it is whole. */
static void
deliver(const char *mail)
{
	char from[400], to[400];
	FILE *f;

	(void)snprintf(from, sizeof from, "%s/tmp/1", folder);
	(void)snprintf(to, sizeof to, "%s/new/1", folder);
	f = fopen(from, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(mail, f), 0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(rename(from, to), 0);
}

static int
health(char reason[SVC_REASON_SIZE])
{
	for (size_t i = 0; i < svc->part_count; i++)
		if (strcmp(svc->parts[i].name, "mails") == 0)
			return svc->parts[i].fn(reason, SVC_REASON_SIZE,
			                        svc->parts[i].user);
	ck_abort_msg("no part mails");
}

START_TEST(there_and_back)
{
	char path[400], reason[SVC_REASON_SIZE];

	set_up("ok");
	queue_mail();
	start();
	ck_assert_int_eq(pg_wait(1, WAIT_MS, STATUS("Gesendet")), 1);
	(void)snprintf(path, sizeof path, "%s/sent/1.eml", folder);
	ck_assert_int_eq(access(path, R_OK), 0);
	ck_assert_int_eq(health(reason), PSM_HEALTH_GREEN);
	deliver("From: p@example.org\nIn-Reply-To: "
	        "<psymatch-mail-1@curavani.com>\nMessage-ID: <1@p>\n\nJa\n");
	ck_assert_int_eq(pg_wait(1, WAIT_MS,
	                         "SELECT count(*) FROM "
	                         "communication_service.emails WHERE "
	                         "antwortinhalt = 'Ja'"),
	                 1);
	stop();
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.outbox WHERE type IN "
	           "('communication.email_created', 'email.sent', "
	           "'email.response_received')"),
	    3);
	tear_down();
}
END_TEST

/* fault S5: what a server does not take stands with the mail, and a mail that
 * nobody knows of turns the health amber. */
START_TEST(a_server_that_dies)
{
	char reason[SVC_REASON_SIZE], *why;

	set_up("lost");
	queue_mail();
	start();
	ck_assert_int_eq(pg_wait(1, WAIT_MS, STATUS("Fehlgeschlagen")), 1);
	stop();
	/* The policy's default: it is not sent again. */
	why = pg_text("SELECT fehlermeldung FROM communication_service.emails");
	ck_assert_str_eq(why, "nobody knows whether it was sent");
	free(why);
	ck_assert_int_eq(health(reason), PSM_HEALTH_AMBER);
	ck_assert_ptr_nonnull(strstr(reason, "PSM_ERR_UNCONFIRMED"));
	ck_assert_ptr_nonnull(strstr(reason, "0 suspect"));
	pg_run("UPDATE communication_service.emails SET status = "
	       "'Wird_gesendet', unklar_seit = now()");
	ck_assert_int_eq(health(reason), PSM_HEALTH_AMBER);
	ck_assert_ptr_nonnull(strstr(reason, "1 suspect"));
	tear_down();
}
END_TEST

/* fault S3 */
START_TEST(a_server_that_is_away)
{
	char reason[SVC_REASON_SIZE];

	set_up("rcpt451");
	queue_mail();
	start();
	ck_assert_int_eq(pg_wait(1, WAIT_MS, STATUS("Fehlgeschlagen")), 1);
	ck_assert_int_eq(health(reason), PSM_HEALTH_AMBER);
	ck_assert_ptr_nonnull(
	    strstr(reason, "1 of the last 1 tries to send failed, the last "
	                   "one with PSM_ERR_UNAVAILABLE"));
	for (int i = 0; i < 4; i++)
		queue_mail();
	ck_assert_int_eq(pg_wait(5, WAIT_MS, STATUS("Fehlgeschlagen")), 5);
	ck_assert_int_eq(health(reason), PSM_HEALTH_RED);
	stop();
	tear_down();
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("mail_service");
	TCase *t = tcase_create("service");

	tcase_add_test(t, there_and_back);
	tcase_add_test(t, a_server_that_dies);
	tcase_add_test(t, a_server_that_is_away);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	if (smtp_python() == NULL) {
		puts("no python3-aiosmtpd");
		return 77;
	}
	pg_main(argv);
	return testing_run(srunner_create(suite()));
}
