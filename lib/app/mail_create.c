/* SPDX-License-Identifier: BSD-2-Clause */
/* A mail is written: what its content is, and what is put below it. */
#include <string.h>

#include "app/mail.h"
#include "app/own_tx.h"
#include "entity/fault.h"

/* What the caller gave, and what became of it. */
struct content {
	const psm_json *doc;
	char *html, *text;
};

static int
has_text(const psm_json *doc, const char *pointer)
{
	const char *text = psm_json_string(psm_json_at(doc, pointer));

	return text != NULL && !psm__text_is_blank(text);
}

static int
refuse(const psm_json *at, const char *pointer, const char *what,
       psm_error *err)
{
	return psm__fault(err, psm__json_position(at), pointer,
	                  pointer[0] == '/' ? pointer + 1 : pointer, what);
}

/* inhalt_markdown comes first; what is blank is not there. */
static int
check(const psm_json *doc, int has_renderer, psm_error *err)
{
	static const char *const texts[] = {"/inhalt_markdown", "/inhalt_html",
	                                    "/inhalt_text"};
	const psm_json *v = psm_json_at(doc, "/add_legal_footer");
	int rc = 0;

	if (psm_json_kind(doc) != PSM_JSON_OBJECT)
		return 0; /* the row's reader says so */
	for (size_t i = 0; i < PSM__COUNT(texts); i++) {
		const psm_json *t = psm_json_at(doc, texts[i]);

		if (t != NULL && psm_json_kind(t) != PSM_JSON_NULL &&
		    psm_json_kind(t) != PSM_JSON_STRING)
			rc = refuse(t, texts[i],
			            "want text, found another value", err);
	}
	if (v != NULL && psm_json_kind(v) != PSM_JSON_NULL &&
	    psm_json_kind(v) != PSM_JSON_BOOL)
		rc = refuse(v, "/add_legal_footer",
		            "want true or false, found another value", err);
	if (rc == 0 && !has_renderer && has_text(doc, texts[0]))
		rc = refuse(psm_json_at(doc, texts[0]), texts[0],
		            "want inhalt_html or inhalt_text: there is nothing "
		            "here that renders Markdown",
		            err);
	return rc;
}

/* The members of doc with the content in place of its own. */
static int
rewrite(const struct content *c, psm_json **out, psm_error *err)
{
	static const char *const own[] = {"inhalt_markdown", "inhalt_html",
	                                  "inhalt_text", "add_legal_footer"};
	psm_json_writer *w = psm_json_writer_new();
	const char *json, *key;
	size_t len, at;
	int rc;

	if (w == NULL)
		return psm__nomem(err);
	psm_json_write_object(w);
	for (size_t i = 0; (key = psm_json_key(c->doc, i)) != NULL; i++) {
		for (at = 0; at < PSM__COUNT(own); at++)
			if (strcmp(own[at], key) == 0)
				break;
		if (at < PSM__COUNT(own))
			continue;
		psm_json_write_key(w, key);
		psm_json_write_value(w, psm_json_item(c->doc, i));
	}
	psm_json_write_key(w, "inhalt_html");
	psm_json_write_string(w, c->html != NULL ? c->html : "");
	psm_json_write_key(w, "inhalt_text");
	psm_json_write_string(w, c->text != NULL ? c->text : "");
	psm_json_write_end(w);
	rc = psm_json_writer_finish(w, &json, &len, err);
	if (rc == 0)
		rc = psm_json_parse(json, len, out, err);
	psm_json_writer_free(w);
	return rc;
}

/* Anything that was meant to be one, also of a wrong kind. */
static int
has_content(const psm_json *doc)
{
	static const char *const texts[] = {"/inhalt_markdown", "/inhalt_html",
	                                    "/inhalt_text"};
	int found = 0;

	for (size_t i = 0; i < PSM__COUNT(texts); i++) {
		const psm_json *v = psm_json_at(doc, texts[i]);

		found |= v != NULL && psm_json_kind(v) != PSM_JSON_NULL &&
		         (psm_json_kind(v) != PSM_JSON_STRING ||
		          has_text(doc, texts[i]));
	}
	return found;
}

/* The content is at fault: add the faults of the rest to err. */
static void
check_rest(const psm_json *doc, psm_error *err)
{
	static const struct psm__now never;
	char stand_in[] = "x";
	struct content c = {.doc = doc,
	                    .text = has_content(doc) ? stand_in : NULL};
	psm_json *rest = NULL;
	struct psm__row row = {0};

	/* Reading clears an error that it is given. */
	if (rewrite(&c, &rest, NULL) == 0 &&
	    psm__row_init(&row, &psm__entity_email, err) == 0)
		(void)psm__row_accept(&row, rest, PSM__READ_NEW,
		                      PSM__W_REST_CREATE, &never, "", err);
	psm__row_free(&row);
	psm_json_free(rest);
}

/* The document to store: the caller's, or one with the rendered content. */
static int
compose(const psm_json *doc, psm_mail_render_fn render, void *user,
        psm_json **out, psm_error *err)
{
	struct content c = {.doc = doc};
	char *subject = NULL, *values;
	const char *raw;
	size_t len;
	int rc;

	raw = psm_json_text(doc, &len);
	values = psm__strndup(raw, len);
	if (values == NULL)
		return psm__nomem(err);
	rc = render(NULL, values, &subject, &c.html, &c.text, user, err);
	if (rc >= 0)
		rc = rewrite(&c, out, err);
	psm__free(values);
	psm_free(subject);
	psm_free(c.html);
	psm_free(c.text);
	return rc < 0 ? rc : 0;
}

/* Without any content the row's own rule tells what is missing; a footer alone
 * is no mail. */
static int
is_composed(const psm_json *doc, psm_mail_render_fn render)
{
	return render != NULL &&
	       (has_text(doc, "/inhalt_markdown") ||
	        has_text(doc, "/inhalt_html") || has_text(doc, "/inhalt_text"));
}

int
psm_mail_create(psm_store *store, const char *json, size_t len,
                psm_mail_render_fn render, void *user, char **out,
                psm_error *err)
{
	psm_json *doc = NULL, *ready = NULL;
	psm_tx *tx = NULL;
	int64_t id;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (store == NULL || json == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "store or json is NULL");
	rc = psm_json_parse(json, len, &doc, err);
	if (rc == 0)
		rc = check(doc, render != NULL, err);
	if (rc == PSM_ERR_SCHEMA)
		check_rest(doc, err);
	if (rc == 0 && is_composed(doc, render))
		rc = compose(doc, render, user, &ready, err);
	if (rc == 0)
		rc = psm_tx_begin(store, &tx, err);
	if (rc == 0)
		rc = psm__mail_make_out(tx, ready != NULL ? ready : doc, NULL,
		                        &id, out, err);
	rc = psm__own_end(tx, rc, out, err);
	psm_json_free(ready);
	psm_json_free(doc);
	return rc < 0 ? rc : 0;
}
