/* SPDX-License-Identifier: BSD-2-Clause */
/* Mails leave for a real SMTP server, which may refuse, hang, or die. */
#include "service/mailer_int.h"
#include "testing_smtp.h"

#define MAIL                                                                   \
	"{\"id\":7,\"message_id\":\"<psymatch-mail-7@curavani.com>\","         \
	"\"betreff\":\"Suche Psychotherapiepl\xc3\xa4tze - Ref: A12\","        \
	"\"inhalt_html\":\"<p>Gr\xc3\xbc\xc3\x9f"                              \
	"e</p>\","                                                             \
	"\"inhalt_text\":\"Gr\xc3\xbc\xc3\x9f"                                 \
	"e\\n.\\n..x\\nEnde\","                                                \
	"\"empfaenger_email\":\"praxis@example.org\","                         \
	"\"empfaenger_name\":\"P\",\"absender_email\":\"info@curavani.com\","  \
	"\"absender_name\":\"Curavani, GmbH \xc3\xa4\"}"

static char folder[256];
static psm_error *err;

static void
setup(void)
{
	testing_tmpdir(folder, sizeof folder);
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
}

static void
teardown(void)
{
	testing_remove(folder);
	psm_error_free(err);
}

/* For a server; more: pairs of a setting and its value, then NULL. */
static psm_mailer *
mailer_for(const struct smtp_server *s, const char *const *more)
{
	psm_config *cfg = NULL;
	psm_mailer *m = NULL;
	char port[16];

	(void)snprintf(port, sizeof port, "%d", s->port);
	ck_assert_int_eq(psm_service_config(NULL, &cfg, err), 0);
	ck_assert_int_eq(psm_config_set(cfg, "SMTP_HOST", "localhost", err), 0);
	ck_assert_int_eq(psm_config_set(cfg, "SMTP_PORT", port, err), 0);
	for (; more && *more; more += 2)
		ck_assert_int_eq(psm_config_set(cfg, more[0], more[1], err), 0);
	ck_assert_msg(psm_mailer_new(cfg, &m, err) == 0, "%s",
	              psm_error_message(err));
	psm_config_free(cfg);
	return m;
}

/* Send MAIL to a server of this mode. */
static int
send_to(const char *mode, const char *const *more)
{
	char cert[400], key[400];
	struct smtp_server s;
	psm_mailer *m;
	int rc;

	(void)snprintf(cert, sizeof cert, "%s/cert.pem", folder);
	(void)snprintf(key, sizeof key, "%s/key.pem", folder);
	s = smtp_start(mode, folder, access(cert, R_OK) == 0 ? cert : NULL,
	               key);
	m = mailer_for(&s, more);
	rc = psm_smtp_send(MAIL, m, err);
	psm_mailer_free(m);
	smtp_stop(&s);
	return rc;
}

/* What the server got; free() it, NULL: nothing. */
static char *
received(void)
{
	char path[400], *text;
	size_t len;
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/1.eml", folder);
	f = fopen(path, "r");
	if (!f)
		return NULL;
	text = calloc(1, 65536);
	ck_assert_ptr_nonnull(text);
	len = fread(text, 1, 65535, f);
	ck_assert_uint_lt(len, 65535);
	(void)fclose(f);
	return text;
}

static void
check_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "want %s in\n%s", part, text);
}

static void
check_sent(int rc, const char *part)
{
	char *text;

	ck_assert_msg(rc == 0, "%s", psm_error_message(err));
	text = received();
	ck_assert_ptr_nonnull(text);
	check_has(text, part);
	free(text);
}

START_TEST(a_mail_is_whole)
{
	char *text;
	const char *plain, *html;

	check_sent(send_to("ok", NULL), "X-From: info@curavani.com\r\n");
	text = received();
	check_has(text, "X-To: praxis@example.org\r\n");
	check_has(text, "X-TLS: False\r\n");
	check_has(text, "\r\nTo: <praxis@example.org>\r\n");
	check_has(text, "\r\nFrom: ");
	check_has(text, " <info@curavani.com>\r\n");
	check_has(text, "\r\nSubject: ");
	check_has(text, "=?UTF-8?");
	check_has(text, "\r\nMessage-ID: <psymatch-mail-7@curavani.com>\r\n");
	check_has(text, " +0000\r\n");
	check_has(text, "\r\nContent-Type: multipart/alternative;");
	plain = strstr(text, "Content-Type: text/plain; charset=UTF-8");
	html = strstr(text, "Content-Type: text/html; charset=UTF-8");
	ck_assert(plain && html && plain < html);
	/* Dots come as they were. */
	check_has(text, "Gr=C3=BC=C3=9Fe\r\n.\r\n..x\r\nEnde\r\n");
	for (const char *p = text; *p; p++)
		ck_assert((*p & 0x80) == 0);
	free(text);
}
END_TEST

/* A server that has the mail may be as slow as it likes. */
START_TEST(it_does_not_wait_for_a_goodbye)
{
	check_sent(send_to("tired", NULL), "X-TLS: False\r\n");
}
END_TEST

/* -- refusals, and what is none */

static const struct outcome {
	const char *mode;
	int code;
	const char *reason;
} outcomes[] = {
    {"rcpt550", PSM_ERR_REJECT, "550 no such user"},
    {"rcpt451", PSM_ERR_UNAVAILABLE, "451 no such user"},
    {"data554", PSM_ERR_REJECT, "554 not this one"},
    {"data452", PSM_ERR_UNAVAILABLE, "452 not this one"},
    {"lost", PSM_ERR_UNCONFIRMED, "did not confirm"},
    {"silent", PSM_ERR_UNCONFIRMED, "did not confirm"},
    {"mute", PSM_ERR_UNAVAILABLE, "mail server: "},
    {"login", PSM_ERR_UNAVAILABLE, "530"},
};
/* Send to one who never answers, who may only be waited for as long as it takes
 * to give him all of a mail. */
static int
send_to_quiet(const char *mode)
{
	char ms[16], *text;
	const char *settings[] = {"SMTP_TIMEOUT_MS", ms, NULL};
	int wait_ms, rc;

	for (wait_ms = 200;; wait_ms *= 2) {
		(void)snprintf(ms, sizeof ms, "%d", wait_ms);
		rc = send_to(mode, settings);
		text = received();
		free(text);
		if (rc != PSM_ERR_UNAVAILABLE || text || wait_ms > 10000 ||
		    strcmp(mode, "mute") == 0)
			return rc;
	}
}

START_TEST(fault_S5_what_a_server_says)
{
	const struct outcome *o = &outcomes[_i];
	int is_quiet =
	    strcmp(o->mode, "mute") == 0 || strcmp(o->mode, "silent") == 0;
	int rc = is_quiet ? send_to_quiet(o->mode) : send_to(o->mode, NULL);

	ck_assert_msg(rc == o->code, "%s: %d %s", o->mode, rc,
	              psm_error_message(err));
	check_has(psm_error_message(err), o->reason);
}
END_TEST

START_TEST(nobody_is_there)
{
	struct smtp_server s = smtp_start("ok", folder, NULL, NULL);
	psm_mailer *m = mailer_for(&s, NULL);

	smtp_stop(&s);
	ck_assert_int_eq(psm_smtp_send(MAIL, m, err), PSM_ERR_UNAVAILABLE);
	ck_assert_int_eq(psm_smtp_send(NULL, m, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_smtp_send(MAIL, NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_smtp_send("{", m, err), PSM_ERR_PARSE);
	psm_mailer_free(m);
}
END_TEST

START_TEST(it_logs_in)
{
	static const char *const good[] = {"SMTP_USERNAME", "app",
	                                   "SMTP_PASSWORD", "secret", NULL};
	static const char *const bad[] = {"SMTP_USERNAME", "app",
	                                  "SMTP_PASSWORD", "wrong", NULL};

	check_sent(send_to("login", good), "X-Login: True\r\n");
	/* A wrong password is no fault of the mail. */
	ck_assert_int_eq(send_to("login", bad), PSM_ERR_UNAVAILABLE);
	ck_assert_ptr_null(strstr(psm_error_message(err), "wrong"));
}
END_TEST

/* -- TLS, with a certificate made here */

static void
make_certificate(void)
{
	char command[1024];

	(void)snprintf(
	    command, sizeof command,
	    "openssl req -x509 -newkey ec -pkeyopt "
	    "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
	    "-addext subjectAltName=DNS:localhost -keyout %s/key.pem -out "
	    "%s/cert.pem 2>/dev/null",
	    folder, folder);
	ck_assert_int_eq(system(command), 0);
}

static const char *const tls_modes[][2] = {{"starttls", "SMTP_USE_TLS"},
                                           {"smtps", "SMTP_IMPLICIT_TLS"}};

START_TEST(tls)
{
	const char *mode = tls_modes[_i][0], *flag = tls_modes[_i][1];
	char cert[400];
	const char *trusting[] = {flag, "true", "SMTP_CA_FILE", cert, NULL};
	const char *doubting[] = {flag, "true", NULL};

	make_certificate();
	(void)snprintf(cert, sizeof cert, "%s/cert.pem", folder);
	ck_assert_int_eq(send_to(mode, doubting), PSM_ERR_UNAVAILABLE);
	ck_assert_ptr_null(received());
	/* Without TLS such a server takes nothing. */
	if (_i == 0)
		ck_assert_int_lt(send_to(mode, NULL), 0);
	check_sent(send_to(mode, trusting), "X-TLS: True\r\n");
}
END_TEST

/* A server that knows no STARTTLS gets nothing in the clear. */
START_TEST(tls_is_no_wish)
{
	static const char *const more[] = {"SMTP_USE_TLS", "true", NULL};

	ck_assert_int_eq(send_to("ok", more), PSM_ERR_UNAVAILABLE);
	ck_assert_ptr_null(received());
}
END_TEST

/* -- headers */

static const char *const injections[][2] = {
    {"betreff", "x\\r\\nBcc: all@example.org"},
    {"betreff", "x\\nBcc: all@example.org"},
    {"absender_name", "x\\r\\nBcc: all@example.org"},
    {"absender_email", "a@b.de>\\r\\nBcc: all@example.org"},
    {"empfaenger_email", "a@b.de>\\r\\nRCPT TO:<all@example.org"},
    {"empfaenger_email", "a@b.de, all@example.org"},
    {"empfaenger_email", ""},
    {"message_id", "<x>\\r\\nBcc: all@example.org"},
};

START_TEST(nobody_adds_a_header)
{
	struct smtp_server s = smtp_start("ok", folder, NULL, NULL);
	psm_mailer *m = mailer_for(&s, NULL);
	char json[512];

	/* The last of two equal members would be refused: others come first. */
	for (size_t i = 0; i < PSM__COUNT(injections); i++) {
		const char *const names[] = {"betreff", "absender_name",
		                             "absender_email",
		                             "empfaenger_email", "message_id"};
		size_t len = 0;

		len += (size_t)snprintf(json, sizeof json, "{");
		for (size_t n = 0; n < PSM__COUNT(names); n++)
			len += (size_t)snprintf(
			    json + len, sizeof json - len, "%s\"%s\":\"%s\"",
			    n ? "," : "", names[n],
			    strcmp(names[n], injections[i][0]) == 0
				? injections[i][1]
				: "a@b.de");
		(void)snprintf(json + len, sizeof json - len,
		               ",\"inhalt_text\":\"x\"}");
		ck_assert_msg(psm_smtp_send(json, m, err) == PSM_ERR_REJECT,
		              "%s: %s", json, psm_error_message(err));
	}
	psm_mailer_free(m);
	smtp_stop(&s);
	ck_assert_ptr_null(received());
}
END_TEST

START_TEST(nobody_is_told)
{
	static const char *const more[] = {"SYSTEM_NOTIFICATION_EMAIL", "",
	                                   NULL};
	struct smtp_server s = smtp_start("ok", folder, NULL, NULL);
	psm_mailer *m = mailer_for(&s, more);

	ck_assert_int_eq(psm_mail_notify(m, "Import", "x", err),
	                 PSM_ERR_CONFIG);
	psm_mailer_free(m);
	smtp_stop(&s);
	ck_assert_ptr_null(received());
}
END_TEST

START_TEST(fault_87_system_messages_are_text)
{
	static const char *const more[] = {"SYSTEM_NOTIFICATION_EMAIL",
	                                   "team@example.org", NULL};
	struct smtp_server s = smtp_start("ok", folder, NULL, NULL);
	psm_mailer *m = mailer_for(&s, more);
	char *text;

	ck_assert_int_eq(psm_mail_notify(m, "a\nBcc: b@example.org", "x", err),
	                 PSM_ERR_REJECT);
	ck_assert_msg(psm_mail_notify(m, "Import", "<script>a & \"b\"", err) ==
	                  0,
	              "%s", psm_error_message(err));
	text = received();
	ck_assert_ptr_nonnull(text);
	check_has(text, "X-To: team@example.org\r\n");
	check_has(text, "<pre>&lt;script&gt;a &amp; &quot;b&quot;</pre>");
	free(text);
	psm_mailer_free(m);
	smtp_stop(&s);
}
END_TEST

START_TEST(settings_that_exclude_each_other)
{
	static const char *const wrong[][2] = {{"SMTP_TIMEOUT_MS", "300000"},
	                                       {"SMTP_IMPLICIT_TLS", "true"}};
	psm_config *cfg = NULL;
	psm_mailer *m;

	for (size_t i = 0; i < PSM__COUNT(wrong); i++) {
		ck_assert_int_eq(psm_service_config(NULL, &cfg, err), 0);
		ck_assert_int_eq(psm_config_set(cfg, "SMTP_USE_TLS",
		                                i == 1 ? "true" : "false", err),
		                 0);
		ck_assert_int_eq(
		    psm_config_set(cfg, wrong[i][0], wrong[i][1], err), 0);
		ck_assert_int_eq(psm_mailer_new(cfg, &m, err), PSM_ERR_CONFIG);
		ck_assert_ptr_null(m);
		psm_config_free(cfg);
	}
	ck_assert_int_eq(psm_mailer_new(NULL, &m, err), PSM_ERR_INVAL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("smtp");
	TCase *t = tcase_create("smtp");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_mail_is_whole);
	tcase_add_test(t, it_does_not_wait_for_a_goodbye);
	tcase_add_loop_test(t, fault_S5_what_a_server_says, 0,
	                    (int)PSM__COUNT(outcomes));
	tcase_add_test(t, nobody_is_there);
	tcase_add_test(t, it_logs_in);
	tcase_add_loop_test(t, tls, 0, 2);
	tcase_add_test(t, tls_is_no_wish);
	tcase_add_test(t, nobody_adds_a_header);
	tcase_add_test(t, nobody_is_told);
	tcase_add_test(t, fault_87_system_messages_are_text);
	tcase_add_test(t, settings_that_exclude_each_other);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	if (smtp_python() == NULL) {
		puts("no python3-aiosmtpd");
		return 77;
	}
	return testing_run(srunner_create(suite()));
}
