/* SPDX-License-Identifier: BSD-2-Clause */
#include "json/json.h"

#include <string.h>

static const char too_deep[] = "more than 64 levels of nesting";

struct psm_json_writer {
	struct psm__buf text;
	char open[PSM__JSON_MAX_DEPTH]; /* '{' or '[' */
	size_t depth;
	int has_items; /* the innermost container is not empty */
	int has_key;   /* a key waits for its value */
	int done;      /* the root value is complete */
	const char *misuse;
};

psm_json_writer *
psm_json_writer_new(void)
{
	return psm__alloc(sizeof(psm_json_writer));
}

void
psm_json_writer_free(psm_json_writer *w)
{
	if (!w)
		return;
	psm__buf_free(&w->text);
	psm__free(w);
}

void
psm_json_writer_reset(psm_json_writer *w)
{
	if (!w)
		return;
	psm__buf_reset(&w->text);
	w->depth = 0;
	w->has_items = w->has_key = w->done = 0;
	w->misuse = NULL;
}

static void
blame(psm_json_writer *w, const char *text)
{
	if (!w->misuse)
		w->misuse = text;
}

/* Before a value: 1 if one may stand here; writes the comma. */
static int
begin_value(psm_json_writer *w)
{
	int in_object = w->depth > 0 && w->open[w->depth - 1] == '{';

	if (w->misuse)
		return 0;
	if (w->done)
		blame(w, "a second value at the top");
	else if (in_object && !w->has_key)
		blame(w, "a value without a key in an object");
	if (w->misuse)
		return 0;
	if (!in_object && w->has_items)
		psm__buf_putc(&w->text, ',');
	return 1;
}

static void
end_value(psm_json_writer *w)
{
	w->has_key = 0;
	w->has_items = 1;
	w->done = w->depth == 0;
}

static void
begin_container(psm_json_writer *w, char bracket)
{
	if (!w || !begin_value(w))
		return;
	if (w->depth == PSM__JSON_MAX_DEPTH) {
		blame(w, too_deep);
		return;
	}
	psm__buf_putc(&w->text, bracket);
	w->open[w->depth++] = bracket;
	w->has_items = w->has_key = 0;
}

void
psm_json_write_object(psm_json_writer *w)
{
	begin_container(w, '{');
}

void
psm_json_write_array(psm_json_writer *w)
{
	begin_container(w, '[');
}

void
psm_json_write_end(psm_json_writer *w)
{
	if (!w)
		return;
	if (w->depth == 0)
		blame(w, "an end without a beginning");
	else if (w->has_key)
		blame(w, "a key without a value");
	if (w->misuse)
		return;
	psm__buf_putc(&w->text, w->open[--w->depth] == '{' ? '}' : ']');
	end_value(w);
}

void
psm__json_quote(struct psm__buf *b, const char *text, size_t len)
{
	char quoted[PSM__QUOTED_MAX];
	size_t plain;

	psm__buf_putc(b, '"');
	for (;;) {
		plain = psm__quote_plain(text, len);
		psm__buf_put(b, text, plain);
		if (plain == len)
			break;
		psm__buf_put(b, quoted, psm__quote_byte(text[plain], quoted));
		text += plain + 1;
		len -= plain + 1;
	}
	psm__buf_putc(b, '"');
}

static void
put_string(psm_json_writer *w, const char *text)
{
	size_t len = strlen(text);

	if (psm__utf8_check(text, len) < len)
		blame(w, "a string that is not UTF-8");
	else
		psm__json_quote(&w->text, text, len);
}

void
psm_json_write_key(psm_json_writer *w, const char *key)
{
	if (!w || w->misuse)
		return;
	if (!key || w->depth == 0 || w->open[w->depth - 1] != '{' ||
	    w->has_key) {
		blame(w, "a key where none may stand");
		return;
	}
	if (w->has_items)
		psm__buf_putc(&w->text, ',');
	put_string(w, key);
	psm__buf_putc(&w->text, ':');
	w->has_key = 1;
}

void
psm_json_write_string(psm_json_writer *w, const char *text)
{
	if (!w || !begin_value(w))
		return;
	if (text)
		put_string(w, text);
	else
		psm__buf_puts(&w->text, "null");
	end_value(w);
}

void
psm_json_write_int(psm_json_writer *w, int64_t number)
{
	if (!w || !begin_value(w))
		return;
	psm__buf_printf(&w->text, "%lld", (long long)number);
	end_value(w);
}

void
psm_json_write_double(psm_json_writer *w, double number)
{
	char text[32];

	if (!w || !begin_value(w))
		return;
	if (number - number != 0) {
		blame(w, "a number that is not finite");
		return;
	}
	if (psm__json_write_digits(number, text, sizeof text) < 0)
		w->text.failed = 1;
	else
		psm__buf_puts(&w->text, text);
	end_value(w);
}

void
psm_json_write_bool(psm_json_writer *w, int value)
{
	if (!w || !begin_value(w))
		return;
	psm__buf_puts(&w->text, value ? "true" : "false");
	end_value(w);
}

void
psm_json_write_null(psm_json_writer *w)
{
	psm_json_write_string(w, NULL);
}

/* Levels of nesting in v: a bound from the whole document does mostly. */
static size_t
depth_of(const psm_json *v, size_t enough)
{
	size_t deepest = 0, count = psm_json_count(v);

	if (psm__json_doc(v)->depth <= enough)
		return psm__json_doc(v)->depth;
	if (v->kind != PSM_JSON_ARRAY && v->kind != PSM_JSON_OBJECT)
		return 0;
	for (size_t i = 0; i < count; i++) {
		size_t depth = depth_of(psm_json_item(v, i), 0);

		if (deepest < depth)
			deepest = depth;
	}
	return deepest + 1;
}

void
psm_json_write_value(psm_json_writer *w, const psm_json *v)
{
	const char *text;
	size_t len;

	if (!w || !begin_value(w))
		return;
	if (v && w->depth + depth_of(v, PSM__JSON_MAX_DEPTH - w->depth) >
	             PSM__JSON_MAX_DEPTH) {
		blame(w, too_deep);
		return;
	}
	text = psm_json_text(v, &len);
	if (text)
		psm__buf_put(&w->text, text, len);
	else
		psm__buf_puts(&w->text, "null");
	end_value(w);
}

int
psm_json_writer_finish(psm_json_writer *w, const char **text, size_t *len,
                       psm_error *err)
{
	psm__error_clear(err);
	if (!w || !text)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "psm_json_writer_finish: NULL argument");
	*text = NULL;
	if (!w->misuse && !w->done)
		blame(w, "an unfinished value");
	if (w->misuse)
		return psm__fail(err, PSM_ERR_STATE, "JSON writer: %s",
		                 w->misuse);
	if (w->text.failed)
		return psm__nomem(err);
	*text = w->text.data;
	if (len)
		*len = w->text.len;
	return 0;
}

int
psm__json_take(psm_json_writer *w, int rc, char **out, psm_error *err)
{
	const char *text;
	size_t len;
	int done;

	*out = NULL;
	if (w == NULL)
		return psm__nomem(err);
	done = rc < 0 ? rc : psm_json_writer_finish(w, &text, &len, err);
	if (done == 0) {
		*out = psm__strndup(text, len);
		done = *out != NULL ? rc : psm__nomem(err);
	}
	psm_json_writer_free(w);
	return done;
}
