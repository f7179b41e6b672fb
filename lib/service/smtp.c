/* SPDX-License-Identifier: BSD-2-Clause */
/* One mail to one server by libcurl, and what the server said. */
#include "service/mailer_int.h"

#include <curl/curl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define REPLY_MAX 400
#define GOODBYE_MS 2000L

/* The server's last word. */
struct reply {
	int code;
	int has_data; /* it took the command: what follows is the mail */
	char text[REPLY_MAX];
};

/* What a transfer needs until it is over. */
struct sending {
	CURL *curl;
	curl_mime *mime;
	struct curl_slist *headers, *to;
	struct reply reply;
	char why[CURL_ERROR_SIZE];
};

static void
init_curl(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT); /* else init fails below */
}

/* "250-one of several lines", "250 the last one". */
static size_t
take_reply(char *data, size_t size, size_t count, void *user)
{
	struct reply *r = user;
	size_t len = size * count, n = len;

	while (n > 0 && (data[n - 1] == '\r' || data[n - 1] == '\n'))
		n--;
	if (n < 3 || data[0] < '2' || data[0] > '5' || data[1] < '0' ||
	    data[1] > '9' || data[2] < '0' || data[2] > '9')
		return len;
	/* What it says when it is left is no answer to the mail. */
	if (memcmp(data, "221", 3) == 0)
		return len;
	r->code = (data[0] - '0') * 100 + (data[1] - '0') * 10 + data[2] - '0';
	r->has_data |= r->code == 354;
	(void)snprintf(r->text, sizeof r->text, "%.*s", (int)n, data);
	psm__utf8_clean(r->text);
	return len;
}

/* -- the message */

/* No line of ours has a line break of somebody else's. */
static int
is_line(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return 0;
	return 1;
}

static int
check(const struct svc_message *msg, psm_error *err)
{
	const char *const lines[] = {msg->from, msg->from_name, msg->to,
	                             msg->subject,
	                             msg->message_id ? msg->message_id : ""};
	const char *const addresses[] = {msg->from, msg->to};

	for (size_t i = 0; i < PSM__COUNT(lines); i++)
		if (!is_line(lines[i]))
			return psm__fail(err, PSM_ERR_REJECT,
			                 "mail: want single lines in its "
			                 "headers, found a control character");
	for (size_t i = 0; i < PSM__COUNT(addresses); i++)
		if (!strchr(addresses[i], '@') ||
		    strpbrk(addresses[i], " <>(),;:\\\"[]"))
			return psm__fail(err, PSM_ERR_REJECT,
			                 "mail: want mail addresses, found "
			                 "another text");
	return PSM_OK;
}

static int
add(struct curl_slist **list, const char *text, psm_error *err)
{
	struct curl_slist *more = curl_slist_append(*list, text);

	if (!more)
		return psm__nomem(err);
	*list = more;
	return PSM_OK;
}

static int
add_header(struct sending *s, const char *name, const char *value,
           psm_error *err)
{
	struct psm__buf b = {0};
	int rc;

	psm__buf_printf(&b, "%s: %s", name, value);
	rc = b.failed ? psm__nomem(err) : add(&s->headers, b.data, err);
	psm__buf_free(&b);
	return rc;
}

/* A header whose words may be of any language. */
static int
add_encoded(struct sending *s, const char *name, const char *text,
            const char *address, psm_error *err)
{
	char *encoded = psm__svc_mime_encode(text, address != NULL);
	struct psm__buf b = {0};
	int rc;

	if (!encoded)
		return psm__nomem(err);
	psm__buf_puts(&b, encoded);
	if (address)
		psm__buf_printf(&b, "%s<%s>", encoded[0] ? " " : "", address);
	rc = b.failed ? psm__nomem(err) : add_header(s, name, b.data, err);
	psm__buf_free(&b);
	g_free(encoded);
	return rc;
}

static int
add_date(struct sending *s, psm_error *err)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed",
	                                   "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
	                                     "May", "Jun", "Jul", "Aug",
	                                     "Sep", "Oct", "Nov", "Dec"};
	time_t now = (time_t)(psm_now_us() / 1000000);
	struct tm tm;
	char text[64];

	if (!gmtime_r(&now, &tm))
		return psm__fail(err, PSM_ERR_IO, "mail: the clock is wrong");
	(void)snprintf(text, sizeof text, "%s, %02d %s %d %02d:%02d:%02d +0000",
	               days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
	               tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return add_header(s, "Date", text, err);
}

static int
add_headers(struct sending *s, const struct svc_message *msg, psm_error *err)
{
	struct psm__buf to = {0};
	int rc = add_date(s, err);

	if (rc == PSM_OK)
		rc = add_encoded(s, "From", msg->from_name, msg->from, err);
	if (rc == PSM_OK)
		rc = add_encoded(s, "To", "", msg->to, err);
	if (rc == PSM_OK)
		rc = add_encoded(s, "Subject", msg->subject, NULL, err);
	if (rc == PSM_OK && msg->message_id)
		rc = add_header(s, "Message-ID", msg->message_id, err);
	/* The parts say the same: a reader shows the last one it can. */
	if (rc == PSM_OK && msg->html[0] && msg->text[0])
		rc = add(&s->headers, "Content-Type: multipart/alternative",
		         err);
	psm__buf_printf(&to, "<%s>", msg->to);
	if (rc == PSM_OK)
		rc = to.failed ? psm__nomem(err) : add(&s->to, to.data, err);
	psm__buf_free(&to);
	return rc;
}

/* Lines end as the protocol wants them; the encoder keeps only these. */
static int
add_part(struct sending *s, const char *text, const char *type, psm_error *err)
{
	curl_mimepart *part = curl_mime_addpart(s->mime);
	struct psm__buf b = {0};
	int ok;

	for (const char *p = text; *p; p++) {
		if (*p == '\r' && p[1] == '\n')
			continue;
		psm__buf_puts(&b, *p == '\n' ? "\r" : "");
		psm__buf_putc(&b, *p);
	}
	ok = part && !b.failed &&
	     curl_mime_data(part, b.data ? b.data : "", b.len) == CURLE_OK &&
	     curl_mime_type(part, type) == CURLE_OK &&
	     curl_mime_encoder(part, "quoted-printable") == CURLE_OK;
	psm__buf_free(&b);
	return ok ? PSM_OK : psm__nomem(err);
}

static int
compose(struct sending *s, const struct svc_message *msg, psm_error *err)
{
	int rc = add_headers(s, msg, err);

	s->mime = curl_mime_init(s->curl);
	if (rc == PSM_OK && !s->mime)
		rc = psm__nomem(err);
	if (rc == PSM_OK && (msg->text[0] || !msg->html[0]))
		rc = add_part(s, msg->text, "text/plain; charset=UTF-8", err);
	if (rc == PSM_OK && msg->html[0])
		rc = add_part(s, msg->html, "text/html; charset=UTF-8", err);
	return rc;
}

/* -- the transfer */

static void
configure(struct sending *s, const psm_mailer *m, const char *url,
          const char *from)
{
	CURL *c = s->curl;
	int tls = m->flag[SVC_STARTTLS] || m->flag[SVC_IMPLICIT_TLS];

	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
	                 (long)m->number[SVC_SMTP_CONNECT_MS]);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS,
	                 (long)m->number[SVC_SMTP_TOTAL_MS]);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
#else
	curl_easy_setopt(c, CURLOPT_PROTOCOLS,
	                 (long)(CURLPROTO_SMTP | CURLPROTO_SMTPS));
#endif
	curl_easy_setopt(c, CURLOPT_USE_SSL,
	                 (long)(tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
	if (m->text[SVC_SMTP_CA_FILE][0])
		curl_easy_setopt(c, CURLOPT_CAINFO, m->text[SVC_SMTP_CA_FILE]);
	if (m->text[SVC_SMTP_USERNAME][0] && m->text[SVC_SMTP_PASSWORD][0]) {
		curl_easy_setopt(c, CURLOPT_USERNAME,
		                 m->text[SVC_SMTP_USERNAME]);
		curl_easy_setopt(c, CURLOPT_PASSWORD,
		                 m->text[SVC_SMTP_PASSWORD]);
	}
	curl_easy_setopt(c, CURLOPT_MAIL_FROM, from);
	curl_easy_setopt(c, CURLOPT_MAIL_RCPT, s->to);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, s->headers);
	curl_easy_setopt(c, CURLOPT_MIMEPOST, s->mime);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_reply);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, &s->reply);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, s->why);
}

/* It wants to know who we are. */
static int
is_login(int code)
{
	return code == 530 || code == 534 || code == 535 || code == 538;
}

/* Behind the command DATA a lost connection may mean that the server has it. */
static int
classify(const struct sending *s, CURLcode code, psm_error *err)
{
	const struct reply *r = &s->reply;
	const char *why = s->why[0] ? s->why : curl_easy_strerror(code);
	/* Before MAIL it is the server that is in trouble, not the mail. */
	int is_mails =
	    r->has_data || code == CURLE_SEND_ERROR || r->code == 552;

	if (code == CURLE_OK)
		return PSM_OK;
	if (code == CURLE_OUT_OF_MEMORY)
		return psm__nomem(err);
	if (r->has_data && r->code < 400)
		return psm__fail(err, PSM_ERR_UNCONFIRMED,
		                 "the mail server did not confirm the mail: %s",
		                 why);
	if (r->code >= 500 && is_mails && !is_login(r->code))
		return psm__fail(err, PSM_ERR_REJECT, "%s", r->text);
	if (r->code >= 400)
		return psm__fail(err, PSM_ERR_UNAVAILABLE, "%s", r->text);
	return psm__fail(err, PSM_ERR_UNAVAILABLE, "mail server: %s", why);
}

/*
 * libcurl would say goodbye when it is cleaned up, and wait 2 minutes for an
 * answer. Here it does as a command, within a deadline, and where something
 * went wrong not at all.
 */
static void
leave(struct sending *s, int is_well)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	CURL *c = s->curl;

	if (is_well) {
		curl_easy_setopt(c, CURLOPT_MIMEPOST, NULL);
		curl_easy_setopt(c, CURLOPT_MAIL_RCPT, NULL);
		curl_easy_setopt(c, CURLOPT_MAIL_FROM, NULL);
		curl_easy_setopt(c, CURLOPT_HTTPHEADER, NULL);
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, "QUIT");
		curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, GOODBYE_MS);
		(void)curl_easy_perform(c); /* the mail is there already */
	}
	if (curl_easy_getinfo(c, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK &&
	    fd != CURL_SOCKET_BAD)
		(void)shutdown(fd, SHUT_RDWR);
}

static int
perform(struct sending *s, const psm_mailer *m, const char *from,
        psm_error *err)
{
	struct psm__buf url = {0}, sender = {0};
	int rc;

	psm__buf_printf(
	    &url, "%s://%s:%lld", m->flag[SVC_IMPLICIT_TLS] ? "smtps" : "smtp",
	    m->text[SVC_SMTP_HOST], (long long)m->number[SVC_SMTP_PORT]);
	psm__buf_printf(&sender, "<%s>", from);
	if (url.failed || sender.failed) {
		rc = psm__nomem(err);
	} else {
		configure(s, m, url.data, sender.data);
		rc = classify(s, curl_easy_perform(s->curl), err);
		leave(s, rc == PSM_OK);
	}
	psm__buf_free(&url);
	psm__buf_free(&sender);
	return rc;
}

int
psm__svc_smtp(const psm_mailer *m, const struct svc_message *msg,
              psm_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct sending s = {.curl = NULL};
	int rc;

	rc = psm_replay_guard("mail", err);
	if (rc == PSM_OK)
		rc = check(msg, err);
	if (rc < 0)
		return rc;
	(void)pthread_once(&once, init_curl);
	s.curl = curl_easy_init();
	rc = s.curl ? compose(&s, msg, err) : psm__nomem(err);
	if (rc == PSM_OK)
		rc = perform(&s, m, msg->from, err);
	curl_easy_cleanup(s.curl);
	curl_mime_free(s.mime);
	curl_slist_free_all(s.headers);
	curl_slist_free_all(s.to);
	return rc;
}

static const char *
text_at(const psm_json *doc, const char *pointer)
{
	const char *text = psm_json_string(psm_json_at(doc, pointer));

	return text ? text : "";
}

int
psm_smtp_send(const char *mail, void *mailer, psm_error *err)
{
	struct svc_message msg;
	psm_json *doc = NULL;
	int rc;

	psm_error_clear(err);
	if (!mail || !mailer)
		return psm__fail(err, PSM_ERR_INVAL, "mail or mailer is NULL");
	rc = psm_json_parse(mail, strlen(mail), &doc, err);
	if (rc < 0)
		return rc;
	msg = (struct svc_message){
	    .from = text_at(doc, "/absender_email"),
	    .from_name = text_at(doc, "/absender_name"),
	    .to = text_at(doc, "/empfaenger_email"),
	    .subject = text_at(doc, "/betreff"),
	    .html = text_at(doc, "/inhalt_html"),
	    .text = text_at(doc, "/inhalt_text"),
	    .message_id = psm_json_string(psm_json_at(doc, "/message_id")),
	};
	rc = psm__svc_smtp(mailer, &msg, err);
	psm_json_free(doc);
	return rc;
}

/* What went wrong is for people, and may quote anything. */
int
psm__svc_mail_notify(psm_mailer *mailer, const char *subject,
                     const char *message, const char *sender, psm_error *err)
{
	struct svc_message msg = {.from_name = sender, .subject = subject};
	struct psm__buf html = {0};
	int rc;

	psm_error_clear(err);
	if (!mailer || !subject || !message)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "mailer, subject or message is NULL");
	if (!mailer->text[SVC_NOTIFY][0])
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "SYSTEM_NOTIFICATION_EMAIL: want an address, "
		                 "found none");
	psm__buf_puts(&html, "<pre>");
	psm__svc_html_put(&html, message);
	psm__buf_puts(&html, "</pre>\n");
	msg.from = mailer->text[SVC_SENDER];
	msg.to = mailer->text[SVC_NOTIFY];
	msg.text = message;
	msg.html = html.data;
	rc = html.failed ? psm__nomem(err) : psm__svc_smtp(mailer, &msg, err);
	psm__buf_free(&html);
	return rc;
}

int
psm_mail_notify(psm_mailer *mailer, const char *subject, const char *message,
                psm_error *err)
{
	return psm__svc_mail_notify(mailer, subject, message, SVC_SYSTEM_SENDER,
	                            err);
}
