/* SPDX-License-Identifier: BSD-2-Clause */
/* Markdown as HTML and as text; the only file that calls cmark-gfm. */
#include "service/mailer_int.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <stdlib.h>
#include <string.h>

/* A mail is a page; the parser's time grows faster than some texts. */
#define MARKDOWN_MAX ((size_t)256 * 1024)
/* A line break in the source is one in the mail. */
#define OPTIONS (CMARK_OPT_HARDBREAKS | CMARK_OPT_VALIDATE_UTF8)

static void
init_cmark(void)
{
	cmark_gfm_core_extensions_ensure_registered();
}

void
psm__svc_html_put(struct psm__buf *b, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		switch (*p) {
		case '&':
			psm__buf_puts(b, "&amp;");
			break;
		case '<':
			psm__buf_puts(b, "&lt;");
			break;
		case '>':
			psm__buf_puts(b, "&gt;");
			break;
		case '"':
			psm__buf_puts(b, "&quot;");
			break;
		default:
			psm__buf_putc(b, *p);
		}
	}
}

static cmark_node *
text_node(const char *text)
{
	cmark_node *n = cmark_node_new(CMARK_NODE_TEXT);

	(void)cmark_node_set_literal(n, text); /* a text node takes one */
	return n;
}

static void
trim(cmark_node *text, size_t len)
{
	char *copy = psm__strndup(cmark_node_get_literal(text), len);

	if (copy)
		(void)cmark_node_set_literal(text, copy);
	psm__free(copy);
}

/* HTML in the source is text like any other. */
static void
escape(cmark_node *n)
{
	const char *literal = cmark_node_get_literal(n);
	size_t len = strlen(literal);
	cmark_node *text = text_node(literal), *to = text;

	if (cmark_node_get_type(n) == CMARK_NODE_HTML_BLOCK) {
		to = cmark_node_new(CMARK_NODE_PARAGRAPH);
		(void)cmark_node_append_child(to, text);
		/* A block ends with its line. */
		if (len > 0 && literal[len - 1] == '\n')
			trim(text, len - 1);
	}
	(void)cmark_node_replace(n, to);
	cmark_node_free(n);
}

/* In text an address that is not the link's words stands behind them. */
static void
show_address(cmark_node *n)
{
	const char *url = cmark_node_get_url(n), *words = "";
	cmark_node *first = cmark_node_first_child(n);
	size_t url_len, len;
	struct psm__buf b = {0};

	if (first && first == cmark_node_last_child(n) &&
	    cmark_node_get_type(first) == CMARK_NODE_TEXT)
		words = cmark_node_get_literal(first);
	url_len = strlen(url);
	len = strlen(words);
	/* "mailto:a@b" is shown as a@b, "http://www.x" as www.x. */
	if (url_len == 0 || (len > 0 && len <= url_len &&
	                     strcmp(url + url_len - len, words) == 0))
		return;
	psm__buf_printf(&b, " (%s)", url);
	if (!b.failed)
		(void)cmark_node_insert_after(n, text_node(b.data));
	psm__buf_free(&b);
}

/* Each node is left before it is changed. */
static void
for_each(cmark_node *doc, cmark_node_type a, cmark_node_type b,
         void (*change)(cmark_node *n))
{
	cmark_iter *it = cmark_iter_new(doc);
	cmark_node *todo = NULL;
	cmark_event_type ev;

	while ((ev = cmark_iter_next(it)) != CMARK_EVENT_DONE) {
		cmark_node *n = cmark_iter_get_node(it);
		cmark_node_type type = cmark_node_get_type(n);

		if (todo) {
			change(todo);
			todo = NULL;
		}
		/* A leaf has no exit. */
		if ((type == a || type == b) &&
		    (ev == CMARK_EVENT_EXIT || type == CMARK_NODE_HTML_BLOCK ||
		     type == CMARK_NODE_HTML_INLINE))
			todo = n;
	}
	if (todo)
		change(todo);
	cmark_iter_free(it);
}

static cmark_parser *
make_parser(void)
{
	static const char *const extensions[] = {"table", "strikethrough",
	                                         "autolink"};
	cmark_parser *p = cmark_parser_new(OPTIONS);

	for (size_t i = 0; i < PSM__COUNT(extensions); i++)
		(void)cmark_parser_attach_syntax_extension(
		    p, cmark_find_syntax_extension(extensions[i]));
	return p;
}

static int
copy(char *from, char **to, psm_error *err)
{
	size_t len = strlen(from);

	while (len > 0 && from[len - 1] == '\n')
		len--;
	*to = psm__strndup(from, len);
	cmark_get_default_mem_allocator()->free(from);
	return *to ? PSM_OK : psm__nomem(err);
}

int
psm__svc_markdown(const char *markdown, char **html, char **text,
                  psm_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	size_t len = strlen(markdown);
	cmark_parser *p;
	cmark_node *doc;
	int rc;

	*html = *text = NULL;
	if (len > MARKDOWN_MAX)
		return psm__fail(err, PSM_ERR_TOO_LARGE,
		                 "Markdown: want at most %zu bytes, found %zu",
		                 MARKDOWN_MAX, len);
	(void)pthread_once(&once, init_cmark);
	p = make_parser();
	cmark_parser_feed(p, markdown, len);
	doc = cmark_parser_finish(p);
	for_each(doc, CMARK_NODE_HTML_BLOCK, CMARK_NODE_HTML_INLINE, escape);
	rc = copy(cmark_render_html(doc, OPTIONS,
	                            cmark_parser_get_syntax_extensions(p)),
	          html, err);
	for_each(doc, CMARK_NODE_LINK, CMARK_NODE_IMAGE, show_address);
	if (rc == PSM_OK)
		rc = copy(cmark_render_plaintext(doc, OPTIONS, 0), text, err);
	cmark_node_free(doc);
	cmark_parser_free(p);
	if (rc < 0) {
		psm__free(*html);
		*html = NULL;
	}
	return rc;
}
