/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Templates of mails: Markdown with tags.
 *
 *   {{ a.b }}  {{ a.b | filter }}  {{ a.b | or "text" }}
 *   {{ if a.b }} .. {{ else }} .. {{ end }}   {{ if not a.b }}
 *   {{ for x in a.b }} .. {{ end }}
 *   {{ plural a.b "one" "many" }}
 *
 * A value is text: nothing in it is Markdown or HTML. A first line that begins
 * with "**Betreff:**" is the subject. The text is read and written in one pass;
 * the body of a loop is read once for each item.
 */
#include "service/mailer_int.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16
#define OUTPUT_MAX ((size_t)256 * 1024)
#define WORD_MAX 128

/* What a name of a loop stands for; inner ones come first. */
struct scope {
	const struct scope *outer;
	const char *name;
	size_t len;
	const psm_json *value;
};

struct reader {
	const char *file;
	const char *begin;
	const char *at; /* behind what was read */
	unsigned line;
	int depth;
	int is_markdown; /* values are escaped */
	const psm_json *values;
	const struct scope *scope;
	struct psm__buf out;
	psm_error *err;
};

/* One tag, borrowed from the template. */
struct tag {
	const char *text; /* behind the blanks */
	size_t len;
	unsigned line;
};

enum end { END_OF_TEXT, END_OF_BLOCK, END_AT_ELSE };

static int block(struct reader *r, int is_shown, enum end *end);

static int
fail(struct reader *r, unsigned line, int code, const char *what,
     const char *name, size_t len)
{
	return psm__fail(r->err, code, "%s:%u: %s%s%.*s%s", r->file, line, what,
	                 len ? " \"" : "", (int)len, name, len ? "\"" : "");
}

/* -- the words of a tag */

static int
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next word, or text in quotes (without them); 0: there is none. */
static size_t
next_word(struct tag *t, const char **word, int *is_quoted)
{
	size_t len = 0;

	while (t->len > 0 && is_blank(*t->text)) {
		t->text++;
		t->len--;
	}
	*is_quoted = t->len > 0 && *t->text == '"';
	*word = t->text + *is_quoted;
	if (*is_quoted) {
		while (1 + len < t->len && (*word)[len] != '"')
			len++;
		t->text += len + 2 <= t->len ? len + 2 : t->len;
		t->len -= len + 2 <= t->len ? len + 2 : t->len;
		return len;
	}
	if (t->len > 0 && **word == '|') {
		len = 1;
	} else {
		while (len < t->len && !is_blank((*word)[len]) &&
		       (*word)[len] != '|' && (*word)[len] != '"')
			len++;
	}
	t->text += len;
	t->len -= len;
	return len;
}

static int
is_word(const char *word, size_t len, const char *want)
{
	return strlen(want) == len && memcmp(word, want, len) == 0;
}

static int
nothing_left(struct reader *r, struct tag *t)
{
	const char *word;
	int is_quoted;
	size_t len = next_word(t, &word, &is_quoted);

	return len == 0 && !is_quoted
	           ? PSM_OK
	           : fail(r, t->line, PSM_ERR_PARSE,
	                  "want the end of the tag, found", word, len);
}

/* -- values */

/* *len bytes of path up to the first dot. */
static const psm_json *
member(const psm_json *v, const char *name, size_t len)
{
	for (size_t i = 0;
	     psm_json_kind(v) == PSM_JSON_OBJECT && i < psm_json_count(v); i++)
		if (is_word(name, len, psm_json_key(v, i)))
			return psm_json_item(v, i);
	return NULL;
}

/* NULL: there is no such value. */
static const psm_json *
look_up(const struct reader *r, const char *path, size_t len)
{
	const char *end = path + len, *dot = memchr(path, '.', len);
	const psm_json *v = r->values;
	size_t first = dot ? (size_t)(dot - path) : len;

	for (const struct scope *s = r->scope; s; s = s->outer) {
		if (s->len != first || memcmp(s->name, path, first) != 0)
			continue;
		v = s->value;
		if (!dot)
			return v;
		path = dot + 1;
		break;
	}
	while (v && path <= end) {
		dot = memchr(path, '.', (size_t)(end - path));
		v = member(v, path, (size_t)((dot ? dot : end) - path));
		path = (dot ? dot : end) + 1;
	}
	return v;
}

static int
is_true(const psm_json *v)
{
	const char *text = psm_json_string(v);
	double number = 0;
	int flag = 0;

	switch (v ? psm_json_kind(v) : PSM_JSON_NULL) {
	case PSM_JSON_BOOL:
		return psm_json_get_bool(v, &flag, NULL) == PSM_OK && flag;
	case PSM_JSON_NUMBER:
		return psm_json_get_double(v, &number, NULL) == PSM_OK &&
		       number != 0;
	case PSM_JSON_STRING:
		return text[0] != '\0';
	case PSM_JSON_ARRAY:
	case PSM_JSON_OBJECT:
		return psm_json_count(v) > 0;
	default:
		return 0;
	}
}

static void
trim_blanks(struct psm__buf *b)
{
	while (b->len > 0 && b->data[b->len - 1] == ' ')
		b->data[--b->len] = '\0';
}

/* Lines stay lines; all else that Markdown knows is text. */
static void
put_escaped(struct reader *r, const char *text)
{
	static const char marks[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

	while (*text != '\0') {
		if (*text == '\n' || *text == '\r') {
			text += strspn(text, " \t\r\n");
			trim_blanks(&r->out);
			psm__buf_putc(&r->out,
			              r->is_markdown && *text ? '\n' : ' ');
			continue;
		}
		if (r->is_markdown && strchr(marks, *text))
			psm__buf_putc(&r->out, '\\');
		/* Other control characters are nothing that one reads. */
		psm__buf_putc(&r->out,
		              (unsigned char)*text < ' ' ? ' ' : *text);
		text++;
	}
}

/* -- tags */

/* "| filter" and "| or "text"" behind a path. */
struct filters {
	char name[WORD_MAX];
	const char *other;
	size_t other_len;
	int has_other;
};

static int
read_filters(struct reader *r, struct tag *t, struct filters *f)
{
	const char *word;
	int is_quoted;
	size_t len;

	while ((len = next_word(t, &word, &is_quoted)) > 0) {
		if (!is_word(word, len, "|"))
			return fail(r, t->line, PSM_ERR_PARSE,
			            "want \"|\" or the end of the tag, found",
			            word, len);
		len = next_word(t, &word, &is_quoted);
		if (len == 0 || is_quoted || len >= sizeof f->name)
			return fail(r, t->line, PSM_ERR_PARSE,
			            "want a filter behind \"|\"", "", 0);
		if (!is_word(word, len, "or")) {
			if (f->name[0])
				return fail(r, t->line, PSM_ERR_PARSE,
				            "want one filter, found two", "",
				            0);
			memcpy(f->name, word, len);
			continue;
		}
		f->other_len = next_word(t, &f->other, &is_quoted);
		f->has_other = 1;
		if (!is_quoted)
			return fail(r, t->line, PSM_ERR_PARSE,
			            "want a text in quotes behind \"or\"", "",
			            0);
	}
	return PSM_OK;
}

static int
put_value(struct reader *r, const char *path, size_t len, struct tag *t,
          int is_shown)
{
	struct filters f = {.name = ""};
	struct psm__buf text = {0};
	const psm_json *v;
	int rc = read_filters(r, t, &f);

	if (rc < 0 || !is_shown)
		return rc;
	v = look_up(r, path, len);
	if (!v && !f.has_other)
		return fail(r, t->line, PSM_ERR_SCHEMA, "there is no value",
		            path, len);
	switch (psm__svc_value_put(&text, v, f.name)) {
	case SVC_FILTERED:
		break;
	case SVC_NO_FILTER:
		rc = fail(r, t->line, PSM_ERR_PARSE, "there is no filter",
		          f.name, strlen(f.name));
		break;
	case SVC_WRONG_KIND:
		rc = fail(r, t->line, PSM_ERR_SCHEMA,
		          "this value cannot be written:", path, len);
		break;
	}
	if (rc == PSM_OK && text.len == 0 && f.has_other)
		psm__buf_put(&text, f.other, f.other_len);
	if (rc == PSM_OK && text.failed)
		rc = psm__nomem(r->err);
	if (rc == PSM_OK && text.len > 0)
		put_escaped(r, text.data);
	psm__buf_free(&text);
	return rc;
}

static int
plural(struct reader *r, struct tag *t, int is_shown)
{
	const char *path, *one, *many;
	int quoted[3];
	size_t len = next_word(t, &path, &quoted[0]);
	size_t one_len = next_word(t, &one, &quoted[1]);
	size_t many_len = next_word(t, &many, &quoted[2]);
	double number = 0;
	int rc;

	if (len == 0 || quoted[0] || !quoted[1] || !quoted[2])
		return fail(r, t->line, PSM_ERR_PARSE,
		            "want plural VALUE \"one\" \"many\"", "", 0);
	rc = nothing_left(r, t);
	if (rc < 0 || !is_shown)
		return rc;
	if (psm_json_get_double(look_up(r, path, len), &number, NULL) < 0)
		return fail(r, t->line, PSM_ERR_SCHEMA, "want a number in",
		            path, len);
	if (number == 1)
		psm__buf_put(&r->out, one, one_len);
	else
		psm__buf_put(&r->out, many, many_len);
	return PSM_OK;
}

/* Up to "end"; begin is where the block was opened. */
static int
until_end(struct reader *r, unsigned begin, int is_shown)
{
	enum end end;
	int rc = block(r, is_shown, &end);

	if (rc == PSM_OK && end == END_AT_ELSE)
		rc = fail(r, r->line, PSM_ERR_PARSE,
		          "want \"end\", found \"else\"", "", 0);
	if (rc == PSM_OK && end == END_OF_TEXT)
		rc = fail(r, begin, PSM_ERR_PARSE, "this block has no \"end\"",
		          "", 0);
	return rc;
}

static int
condition(struct reader *r, struct tag *t, int is_shown)
{
	const char *path;
	int is_quoted, is_not = 0, holds = 0, rc;
	size_t len = next_word(t, &path, &is_quoted);
	unsigned begin = t->line;
	enum end end;

	if (is_word(path, len, "not")) {
		is_not = 1;
		len = next_word(t, &path, &is_quoted);
	}
	if (len == 0 || is_quoted)
		return fail(r, begin, PSM_ERR_PARSE,
		            "want a value behind \"if\"", "", 0);
	rc = nothing_left(r, t);
	if (rc < 0)
		return rc;
	if (is_shown)
		holds = is_true(look_up(r, path, len)) != is_not;
	rc = block(r, is_shown && holds, &end);
	if (rc == PSM_OK && end == END_AT_ELSE)
		return until_end(r, begin, is_shown && !holds);
	if (rc == PSM_OK && end == END_OF_TEXT)
		rc = fail(r, begin, PSM_ERR_PARSE, "this block has no \"end\"",
		          "", 0);
	return rc;
}

static int
loop_over(struct reader *r, const psm_json *list, struct scope *s,
          unsigned begin)
{
	const char *body = r->at;
	unsigned line = r->line;
	int rc = PSM_OK;

	s->outer = r->scope;
	for (size_t i = 0; i < psm_json_count(list) && rc == PSM_OK; i++) {
		s->value = psm_json_item(list, i);
		r->at = body;
		r->line = line;
		r->scope = s;
		rc = until_end(r, begin, 1);
		r->scope = s->outer;
	}
	return rc;
}

static int
loop(struct reader *r, struct tag *t, int is_shown)
{
	struct scope s = {.outer = NULL};
	const psm_json *list = NULL;
	const char *in, *path;
	int quoted[3], rc;
	size_t in_len, len;

	s.len = next_word(t, &s.name, &quoted[0]);
	in_len = next_word(t, &in, &quoted[1]);
	len = next_word(t, &path, &quoted[2]);
	if (s.len == 0 || quoted[0] || quoted[1] || quoted[2] || len == 0 ||
	    !is_word(in, in_len, "in"))
		return fail(r, t->line, PSM_ERR_PARSE, "want for NAME in VALUE",
		            "", 0);
	rc = nothing_left(r, t);
	if (rc == PSM_OK && is_shown) {
		list = look_up(r, path, len);
		if (list && psm_json_kind(list) != PSM_JSON_ARRAY &&
		    psm_json_kind(list) != PSM_JSON_NULL)
			rc = fail(r, t->line, PSM_ERR_SCHEMA, "want a list in",
			          path, len);
	}
	if (rc == PSM_OK && psm_json_count(list) == 0)
		return until_end(r, t->line, 0);
	return rc < 0 ? rc : loop_over(r, list, &s, t->line);
}

/* -- the text between them */

/* A tag that stands alone in its line leaves no line behind. */
static void
close_line(struct reader *r, const char *open, int is_shown)
{
	const char *before = open, *behind = r->at + strspn(r->at, " \t\r");
	size_t blanks;

	while (before > r->begin && (before[-1] == ' ' || before[-1] == '\t'))
		before--;
	if (*behind != '\n' || (before > r->begin && before[-1] != '\n'))
		return;
	r->at = behind + 1;
	r->line++;
	blanks = (size_t)(open - before);
	if (!is_shown || r->out.len < blanks)
		return;
	r->out.len -= blanks;
	if (r->out.data)
		r->out.data[r->out.len] = '\0';
}

static int
read_tag(struct reader *r, struct tag *t)
{
	const char *close = strstr(r->at, "}}");

	if (!close)
		return fail(r, r->line, PSM_ERR_PARSE,
		            "want \"}}\" behind \"{{\"", "", 0);
	*t = (struct tag){r->at, (size_t)(close - r->at), r->line};
	for (const char *p = r->at; p < close; p++)
		r->line += *p == '\n';
	r->at = close + 2;
	return PSM_OK;
}

/* What a tag does; *end tells if it ends the block. */
static int
run_tag(struct reader *r, struct tag *t, const char *open, int is_shown,
        enum end *end)
{
	const char *word;
	int is_quoted, rc;
	size_t len = next_word(t, &word, &is_quoted);

	if (len == 0 || is_quoted)
		return fail(r, t->line, PSM_ERR_PARSE, "this tag is empty", "",
		            0);
	if (is_word(word, len, "plural"))
		return plural(r, t, is_shown);
	if (is_word(word, len, "end") || is_word(word, len, "else")) {
		*end = len == 3 ? END_OF_BLOCK : END_AT_ELSE;
		rc = nothing_left(r, t);
		close_line(r, open, is_shown);
		return rc;
	}
	if (!is_word(word, len, "if") && !is_word(word, len, "for"))
		return put_value(r, word, len, t, is_shown);
	close_line(r, open, is_shown);
	return len == 2 ? condition(r, t, is_shown) : loop(r, t, is_shown);
}

/* Up to the tag that ends the block, or the end of the text. */
static int
block(struct reader *r, int is_shown, enum end *end)
{
	struct tag t;
	int rc = PSM_OK;

	*end = END_OF_TEXT;
	if (++r->depth > DEPTH_MAX)
		return fail(r, r->line, PSM_ERR_PARSE,
		            "blocks within blocks are too deep", "", 0);
	while (rc == PSM_OK && *r->at && *end == END_OF_TEXT) {
		const char *open = strstr(r->at, "{{");
		size_t len = open ? (size_t)(open - r->at) : strlen(r->at);

		if (is_shown)
			psm__buf_put(&r->out, r->at, len);
		for (size_t i = 0; i < len; i++)
			r->line += r->at[i] == '\n';
		r->at += len;
		if (r->out.failed)
			return psm__nomem(r->err);
		if (r->out.len > OUTPUT_MAX)
			return fail(r, r->line, PSM_ERR_TOO_LARGE,
			            "the mail becomes too long", "", 0);
		if (!open)
			break;
		r->at += 2;
		rc = read_tag(r, &t);
		if (rc == PSM_OK)
			rc = run_tag(r, &t, open, is_shown, end);
	}
	r->depth--;
	return rc;
}

/* All of a text; *out is new. */
static int
fill_in(const char *file, const char *text, unsigned line, int is_markdown,
        const psm_json *values, char **out, psm_error *err)
{
	struct reader r = {.file = file,
	                   .begin = text,
	                   .at = text,
	                   .line = line,
	                   .is_markdown = is_markdown,
	                   .values = values,
	                   .err = err};
	enum end end;
	int rc = block(&r, 1, &end);

	if (rc == PSM_OK && end != END_OF_TEXT)
		rc = fail(&r, r.line, PSM_ERR_PARSE,
		          "there is no block that could end here", "", 0);
	psm__buf_puts(&r.out, "");
	if (rc == PSM_OK && r.out.failed)
		rc = psm__nomem(err);
	if (rc == PSM_OK) {
		*out = psm__buf_take(&r.out, NULL);
		rc = *out ? PSM_OK : psm__nomem(err);
	}
	psm__buf_free(&r.out);
	return rc;
}

#define SUBJECT "**Betreff:**"

int
psm__svc_template(const char *name, const char *text, const psm_json *values,
                  char **subject, char **body, psm_error *err)
{
	size_t len = strcspn(text, "\n");
	char *first;
	int rc = PSM_OK;
	unsigned line = 1;

	*subject = *body = NULL;
	if (strncmp(text, SUBJECT, sizeof SUBJECT - 1) == 0) {
		first = psm__strndup(text + sizeof SUBJECT - 1,
		                     len - (sizeof SUBJECT - 1));
		if (!first)
			return psm__nomem(err);
		rc = fill_in(name, first + strspn(first, " \t"), 1, 0, values,
		             subject, err);
		psm__free(first);
		text += len + (text[len] == '\n');
		line = 2;
	}
	if (rc == PSM_OK)
		rc = fill_in(name, text, line, 1, values, body, err);
	if (rc < 0) {
		psm__free(*subject);
		*subject = NULL;
	}
	return rc;
}
