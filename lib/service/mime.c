/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages that came in, read by gmime; the only file that calls it. */
#include "service/mailer_int.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* More of it nobody reads, and it has to fit into an event. */
#define TEXT_MAX ((size_t)64 * 1024)

static void
init_gmime(void)
{
	g_mime_init();
}

static void
begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, init_gmime);
}

char *
psm__svc_mime_encode(const char *text, int is_phrase)
{
	begin();
	return is_phrase
	           ? g_mime_utils_header_encode_phrase(NULL, text, "UTF-8")
	           : g_mime_utils_header_encode_text(NULL, text, "UTF-8");
}

/* -- HTML as text: an answer without a plain part */

static const struct {
	const char *name, *text;
} entities[] = {
    {"amp;", "&"},  {"lt;", "<"},   {"gt;", ">"},   {"quot;", "\""},
    {"nbsp;", " "}, {"auml;", "ä"}, {"ouml;", "ö"}, {"uuml;", "ü"},
    {"Auml;", "Ä"}, {"Ouml;", "Ö"}, {"Uuml;", "Ü"}, {"szlig;", "ß"},
    {"apos;", "'"}, {"#39;", "'"},  {"#160;", " "},
};

static size_t
put_entity(struct psm__buf *b, const char *at)
{
	for (size_t i = 0; i < PSM__COUNT(entities); i++) {
		size_t len = strlen(entities[i].name);

		if (strncmp(at + 1, entities[i].name, len) == 0) {
			psm__buf_puts(b, entities[i].text);
			return len + 1;
		}
	}
	psm__buf_putc(b, '&');
	return 1;
}

static int
is_tag(const char *at, const char *name)
{
	size_t len = strlen(name);

	return strncasecmp(at, name, len) == 0 &&
	       strchr(" \t\r\n/>", at[len]) != NULL;
}

/* Behind a tag; what a reader does not see is left out with it. */
static const char *
skip_tag(struct psm__buf *b, const char *at)
{
	static const char *const hidden[] = {"style", "script", "head"};
	static const char *const lines[] = {"br", "p", "div", "tr", "li"};
	const char *end = strchr(at, '>');

	for (size_t i = 0; i < PSM__COUNT(lines); i++)
		if (is_tag(at + 1, lines[i]))
			psm__buf_putc(b, '\n');
	for (size_t i = 0; i < PSM__COUNT(hidden); i++) {
		const char *close = at;

		if (!is_tag(at + 1, hidden[i]))
			continue;
		while ((close = strstr(close + 1, "</")) != NULL)
			if (is_tag(close + 2, hidden[i]))
				break;
		end = close ? strchr(close, '>') : NULL;
	}
	return end ? end + 1 : at + strlen(at);
}

static void
put_html(struct psm__buf *b, const char *html)
{
	while (*html) {
		if (*html == '<') {
			html = skip_tag(b, html);
		} else if (*html == '&') {
			html += put_entity(b, html);
		} else {
			psm__buf_putc(b, *html == '\n' || *html == '\r' ||
			                         *html == '\t'
			                     ? ' '
			                     : *html);
			html++;
		}
	}
}

/* -- the parts of a message */

static GMimeTextPart *
find_part(GMimeMessage *message, const char *subtype)
{
	GMimePartIter *it = g_mime_part_iter_new(GMIME_OBJECT(message));
	GMimeTextPart *found = NULL;

	do {
		GMimeObject *o = g_mime_part_iter_get_current(it);
		GMimeContentType *type;

		if (!o || !GMIME_IS_TEXT_PART(o) ||
		    g_mime_part_is_attachment(GMIME_PART(o)))
			continue;
		type = g_mime_object_get_content_type(o);
		if (g_mime_content_type_is_type(type, "text", subtype))
			found = GMIME_TEXT_PART(o);
	} while (!found && g_mime_part_iter_next(it));
	g_mime_part_iter_free(it);
	return found;
}

static void
put_text(GMimeMessage *message, struct psm__buf *b)
{
	GMimeTextPart *part = find_part(message, "plain");
	int is_html = part == NULL;
	char *text;
	size_t end;

	if (is_html)
		part = find_part(message, "html");
	text = part ? g_mime_text_part_get_text(part) : NULL;
	if (text && is_html)
		put_html(b, text);
	for (const char *p = text; p && !is_html && *p; p++)
		if (*p != '\r')
			psm__buf_putc(b, *p);
	g_free(text);
	psm__buf_puts(b, "");
	end = b->failed ? 0 : b->len;
	if (end > TEXT_MAX) {
		end = TEXT_MAX;
		while (end > 0 && ((unsigned char)b->data[end] & 0xc0) == 0x80)
			end--;
	}
	while (end > 0 && strchr(" \n\t", b->data[end - 1]))
		end--;
	if (!b->failed) {
		b->data[end] = '\0';
		psm__utf8_clean(b->data);
	}
}

static const char *
header(GMimeMessage *message, const char *name)
{
	const char *text =
	    g_mime_object_get_header(GMIME_OBJECT(message), name);

	return text ? text : "";
}

/* A text of the message as JSON wants it; NULL is null. */
static void
write_text(psm_json_writer *w, const char *key, const char *text)
{
	char *copy = text ? psm__strdup(text) : NULL;

	if (copy)
		psm__utf8_clean(copy);
	psm_json_write_key(w, key);
	psm_json_write_string(w, copy);
	psm__free(copy);
}

/* "<a@b>" of each, the message that it answers first. */
static void
write_references(psm_json_writer *w, GMimeMessage *message)
{
	static const char *const names[] = {"In-Reply-To", "References"};
	char id[512];

	psm_json_write_key(w, "references");
	psm_json_write_array(w);
	for (size_t i = 0; i < PSM__COUNT(names); i++) {
		GMimeReferences *refs =
		    g_mime_references_parse(NULL, header(message, names[i]));
		int count = g_mime_references_length(refs);

		/* The nearest one stands last; 50 are a long talk. */
		for (int n = count - 1; n >= 0 && n > count - 50; n--) {
			const char *ref =
			    g_mime_references_get_message_id(refs, n);

			(void)snprintf(id, sizeof id, "<%s>", ref ? ref : "");
			psm__utf8_clean(id);
			psm_json_write_string(w, id);
		}
		g_mime_references_free(refs);
	}
	psm_json_write_end(w);
}

static const char *
sender(GMimeMessage *message)
{
	InternetAddressList *from = g_mime_message_get_from(message);
	InternetAddress *first =
	    from && internet_address_list_length(from) > 0
		? internet_address_list_get_address(from, 0)
		: NULL;

	return first && INTERNET_ADDRESS_IS_MAILBOX(first)
	           ? internet_address_mailbox_get_addr(
			 INTERNET_ADDRESS_MAILBOX(first))
	           : NULL;
}

/* When it was written, if that can be: nothing comes from the future. */
static void
write_time(psm_json_writer *w, GMimeMessage *message)
{
	GDateTime *date = g_mime_message_get_date(message);
	int64_t now_us = psm_now_us(), us = now_us;
	char text[40];

	if (date && g_date_time_to_unix(date) > 0 &&
	    g_date_time_to_unix(date) < now_us / 1000000)
		us = g_date_time_to_unix(date) * 1000000;
	if (psm_time_format(us, text, sizeof text) < 0)
		return;
	psm_json_write_key(w, "received_at");
	psm_json_write_string(w, text);
}

static int
is_automatic(GMimeMessage *message)
{
	const char *submitted = header(message, "Auto-Submitted");

	return (submitted[0] && strncasecmp(submitted, "no", 2) != 0) ||
	       header(message, "X-Autoreply")[0] ||
	       header(message, "X-Autorespond")[0] ||
	       strncasecmp(header(message, "Precedence"), "auto_reply", 10) ==
	           0;
}

static int
write_answer(GMimeMessage *message, char **json, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	const char *id = g_mime_message_get_message_id(message), *text = NULL;
	struct psm__buf b = {0};
	char own[512];
	int rc;

	if (!w)
		return psm__nomem(err);
	put_text(message, &b);
	psm_json_write_object(w);
	(void)snprintf(own, sizeof own, "<%s>", id ? id : "");
	write_text(w, "id", id ? own : NULL);
	write_references(w, message);
	write_text(w, "subject", g_mime_message_get_subject(message));
	write_text(w, "from", sender(message));
	write_time(w, message);
	psm_json_write_key(w, "automatic");
	psm_json_write_bool(w, is_automatic(message));
	text = b.data ? b.data : "";
	write_text(w, "text", text + strspn(text, " \n\t"));
	psm_json_write_end(w);
	rc = b.failed ? psm__nomem(err)
	              : psm_json_writer_finish(w, &text, NULL, err);
	if (rc == PSM_OK) {
		*json = psm__strdup(text);
		rc = *json ? PSM_OK : psm__nomem(err);
	}
	psm__buf_free(&b);
	psm_json_writer_free(w);
	return rc;
}

static int
refusal(GMimeMessage *message, psm_error *err)
{
	GMimeObject *top =
	    message ? g_mime_message_get_mime_part(message) : NULL;
	GMimeContentType *type =
	    top ? g_mime_object_get_content_type(top) : NULL;

	if (!message ||
	    (!header(message, "From")[0] && !header(message, "Message-ID")[0]))
		return psm__fail(err, PSM_ERR_PARSE,
		                 "want a mail, found something else");
	if (type && g_mime_content_type_is_type(type, "multipart", "report"))
		return psm__fail(err, PSM_ERR_PARSE,
		                 "want an answer, found a report of a mail "
		                 "server");
	return PSM_OK;
}

int
psm__svc_mime_answer(const char *bytes, size_t len, char **json, psm_error *err)
{
	GMimeStream *stream;
	GMimeParser *parser;
	GMimeMessage *message;
	int rc;

	*json = NULL;
	begin();
	stream = g_mime_stream_mem_new_with_buffer(bytes, len);
	parser = g_mime_parser_new_with_stream(stream);
	message = g_mime_parser_construct_message(parser, NULL);
	rc = refusal(message, err);
	if (rc == PSM_OK)
		rc = write_answer(message, json, err);
	if (message)
		g_object_unref(message);
	g_object_unref(parser);
	g_object_unref(stream);
	return rc;
}
