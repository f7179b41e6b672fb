/* SPDX-License-Identifier: BSD-2-Clause */
/* What a mail says: its content, or that of a template, and the footer. */
#include "service/mailer_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEMPLATE_MAX ((size_t)256 * 1024)

/* -- the legal footer */

/* A group of lines; groups are a blank line apart. */
struct footer {
	struct psm__buf *b;
	int is_html;
	int lines;  /* of this group */
	int groups; /* that have lines */
	int is_bold;
};

static void
line(struct footer *f, const char *label, const char *value, const char *more)
{
	const char *end = f->is_html ? "<br>\n" : "\n";

	if (!value[0] && !more[0])
		return;
	if (f->lines == 0 && f->groups > 0)
		psm__buf_puts(f->b, end);
	if (f->lines > 0 || f->groups > 0)
		psm__buf_puts(f->b, end);
	f->groups += f->lines++ == 0;
	psm__buf_puts(f->b, label);
	if (f->is_bold)
		psm__buf_puts(f->b, "<strong>");
	for (int i = 0; i < 2; i++) {
		const char *part = i == 0 ? value : more;

		if (i == 1 && value[0] && more[0])
			psm__buf_putc(f->b, ' ');
		if (f->is_html)
			psm__svc_html_put(f->b, part);
		else
			psm__buf_puts(f->b, part);
	}
	if (f->is_bold)
		psm__buf_puts(f->b, "</strong>");
}

/* Without a company there is no footer. */
static void
put_footer(const psm_mailer *m, struct psm__buf *b, int is_html)
{
	struct footer f = {.b = b, .is_html = is_html, .is_bold = is_html};
	char *const *t = m->text;

	if (!t[SVC_COMPANY_NAME][0])
		return;
	psm__buf_puts(b, is_html ? "\n<hr>\n<p style=\"font-size: 12px; color: "
	                           "#666;\">\n"
	                         : "\n    \n--\n");
	line(&f, "", t[SVC_COMPANY_NAME], "");
	f.is_bold = 0;
	line(&f, "", t[SVC_COMPANY_STREET], "");
	line(&f, "", t[SVC_COMPANY_PLZ], t[SVC_COMPANY_CITY]);
	line(&f, "", t[SVC_COMPANY_COUNTRY], "");
	f.lines = 0;
	line(&f, "E-Mail: ", t[SVC_SENDER], "");
	f.lines = 0;
	line(&f, "Geschäftsführer: ", t[SVC_COMPANY_CEO], "");
	line(&f, "Handelsregister: ", t[SVC_COMPANY_HRB], "");
	f.lines = 0;
	line(&f, "", t[SVC_PRIVACY], "");
	psm__buf_puts(b, is_html ? "\n</p>\n" : "\n");
}

/* Append it to what is there, taken; also to an empty one. */
static int
add_footer(const psm_mailer *m, char **body, int is_html, psm_error *err)
{
	struct psm__buf b = {0};

	psm__buf_puts(&b, *body ? *body : "");
	put_footer(m, &b, is_html);
	psm__free(*body);
	*body = psm__buf_take(&b, NULL);
	return *body ? PSM_OK : psm__nomem(err);
}

/* -- content that a person wrote */

static const char *
text_at(const psm_json *doc, const char *pointer)
{
	const char *text = psm_json_string(psm_json_at(doc, pointer));

	return text ? text : "";
}

static int
is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

static int
render_content(const psm_mailer *m, const psm_json *doc, char **html,
               char **text, psm_error *err)
{
	const char *markdown = text_at(doc, "/inhalt_markdown");
	int footer = m->flag[SVC_FOOTER], rc = PSM_OK;

	if (!is_blank(markdown)) {
		rc = psm__svc_markdown(markdown, html, text, err);
	} else {
		*html = psm__strdup(text_at(doc, "/inhalt_html"));
		*text = psm__strdup(text_at(doc, "/inhalt_text"));
		if (!*html || !*text)
			rc = psm__nomem(err);
	}
	if (psm_json_get_bool(psm_json_at(doc, "/add_legal_footer"), &footer,
	                      NULL) < 0)
		footer = m->flag[SVC_FOOTER];
	/* A mail without HTML gets no HTML that is a footer alone. */
	if (rc == PSM_OK && footer && (*html)[0])
		rc = add_footer(m, html, 1, err);
	if (rc == PSM_OK && footer && (*text)[0])
		rc = add_footer(m, text, 0, err);
	return rc;
}

/* -- templates */

static int
is_template_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return len > 0 && len < SVC_TEMPLATE_NAME - 4 && name[len] == '\0';
}

static int
read_file(const char *path, const char *file, char **out, psm_error *err)
{
	FILE *f = fopen(path, "re");
	size_t len;

	if (!f)
		return psm__fail(
		    err, errno == ENOENT ? PSM_ERR_NOT_FOUND : PSM_ERR_IO,
		    "template %s: cannot be read: %s", file, strerror(errno));
	*out = psm__alloc(TEMPLATE_MAX + 2);
	len = *out ? fread(*out, 1, TEMPLATE_MAX + 1, f) : 0;
	if (ferror(f)) {
		fclose(f);
		return psm__fail(err, PSM_ERR_IO, "template %s: cannot be read",
		                 file);
	}
	fclose(f); /* it was only read */
	if (!*out)
		return psm__nomem(err);
	if (len > TEMPLATE_MAX)
		return psm__fail(err, PSM_ERR_TOO_LARGE,
		                 "template %s: want at most %zu bytes, found "
		                 "more",
		                 file, TEMPLATE_MAX);
	(*out)[len] = '\0';
	if (psm__utf8_check(*out, len) != len || strlen(*out) != len)
		return psm__fail(err, PSM_ERR_PARSE,
		                 "template %s: want UTF-8, found other bytes",
		                 file);
	return PSM_OK;
}

static int
render_template(const psm_mailer *m, const char *name, const psm_json *values,
                char **subject, char **html, char **text, psm_error *err)
{
	char file[SVC_TEMPLATE_NAME], *source = NULL, *markdown = NULL;
	struct psm__buf path = {0};
	int rc;

	if (!is_template_name(name))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "template: want a name of [a-z0-9_-]");
	(void)snprintf(file, sizeof file, "%s.md", name);
	psm__buf_printf(&path, "%s/%s", m->text[SVC_TEMPLATES], file);
	rc = path.failed ? psm__nomem(err)
	                 : read_file(path.data, file, &source, err);
	if (rc == PSM_OK)
		rc = psm__svc_template(file, source, values, subject, &markdown,
		                       err);
	if (rc == PSM_OK)
		rc = psm__svc_markdown(markdown, html, text, err);
	if (rc == PSM_OK && m->flag[SVC_FOOTER])
		rc = add_footer(m, html, 1, err);
	if (rc == PSM_OK && m->flag[SVC_FOOTER])
		rc = add_footer(m, text, 0, err);
	psm__buf_free(&path);
	psm__free(source);
	psm__free(markdown);
	return rc;
}

int
psm_mail_render(const char *template_name, const char *values_json,
                char **subject, char **html, char **text, void *mailer,
                psm_error *err)
{
	psm_json *doc = NULL;
	int rc;

	psm_error_clear(err);
	if (!subject || !html || !text)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "subject, html, text: want pointers");
	*subject = *html = *text = NULL;
	if (!mailer || !values_json)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "mailer or values_json is NULL");
	rc = psm_json_parse(values_json, strlen(values_json), &doc, err);
	if (rc == PSM_OK && template_name)
		rc = render_template(mailer, template_name, doc, subject, html,
		                     text, err);
	else if (rc == PSM_OK)
		rc = render_content(mailer, doc, html, text, err);
	psm_json_free(doc);
	if (rc < 0) {
		psm__free(*subject);
		psm__free(*html);
		psm__free(*text);
		*subject = *html = *text = NULL;
	}
	return rc;
}
