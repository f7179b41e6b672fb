/* SPDX-License-Identifier: BSD-2-Clause */
/* Logs of notes, and the exclusion list of a search. */
#include <string.h>

#include "domain/domain.h"

/* 9999-12-31T23:59:59.999999Z: later years have five digits. */
#define LAST_US INT64_C(253402300799999999)

static int
is_author(const char *author)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789 ._-";

	return author[0] != '\0' && author[strspn(author, allowed)] == '\0';
}

/*
 * Length of the line break at text, 0 if there is none. Some programs also show
 * U+0085, U+2028 and U+2029 as the start of a new line.
 */
static size_t
line_break(const char *text)
{
	if (text[0] == '\r')
		return text[1] == '\n' ? 2 : 1;
	if (text[0] == '\n' || text[0] == '\v' || text[0] == '\f')
		return 1;
	if (strncmp(text, "\xc2\x85", 2) == 0)
		return 2;
	if (strncmp(text, "\xe2\x80\xa8", 3) == 0 ||
	    strncmp(text, "\xe2\x80\xa9", 3) == 0)
		return 3;
	return 0;
}

static void
put_indented(struct psm__buf *b, const char *text)
{
	size_t len;

	while (*text != '\0') {
		len = line_break(text);
		if (len > 0)
			psm__buf_puts(b, "\n    ");
		else
			psm__buf_putc(b, *text);
		text += len > 0 ? len : 1;
	}
}

int
psm_note_append(const char *notes, int64_t time_us, const char *author,
                const char *text, char **out, psm_error *err)
{
	struct psm__buf b = {0};
	char when[32];

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (text == NULL || out == NULL || text[0] == '\0')
		return psm__fail(err, PSM_ERR_INVAL,
		                 "text is NULL or empty, or out is NULL");
	if (author != NULL && !is_author(author))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "author: want letters, digits and \" ._-\"");
	if (time_us < 0 || time_us > LAST_US ||
	    psm_time_format(time_us, when, sizeof(when)) < 0)
		return psm__fail(err, PSM_ERR_INVAL, "time: want 1970 to 9999");
	if (notes != NULL && notes[0] != '\0')
		psm__buf_printf(&b, "%s\n", notes);
	psm__buf_printf(&b, "[%.10s %.5s", when, when + 11);
	if (author != NULL)
		psm__buf_printf(&b, " (%s)", author);
	psm__buf_puts(&b, "] ");
	put_indented(&b, text);
	*out = psm__buf_take(&b, NULL);
	return *out != NULL ? 0 : psm__nomem(err);
}

int64_t
psm__excluded_id(const psm_json *element)
{
	int64_t id;

	if (psm_json_kind(element) == PSM_JSON_OBJECT)
		element = psm_json_at(element, "/id");
	if (psm_json_kind(element) != PSM_JSON_NUMBER ||
	    psm_json_get_int(element, &id, NULL) < 0)
		return 0;
	return id;
}

int
psm_exclusion_contains(const psm_json *list, int64_t therapist_id)
{
	if (list == NULL || psm_json_kind(list) != PSM_JSON_ARRAY ||
	    therapist_id < 1)
		return 0;
	for (size_t i = 0; i < psm_json_count(list); i++) {
		if (psm__excluded_id(psm_json_item(list, i)) == therapist_id)
			return 1;
	}
	return 0;
}

static void
put_exclusion(psm_json_writer *w, int64_t therapist_id, const char *when,
              const char *reason)
{
	psm_json_write_object(w);
	psm_json_write_key(w, "id");
	psm_json_write_int(w, therapist_id);
	psm_json_write_key(w, "excluded_at");
	psm_json_write_string(w, when);
	psm_json_write_key(w, "reason");
	psm_json_write_string(w, reason);
	psm_json_write_end(w);
}

int
psm_exclusion_add(const psm_json *list, int64_t therapist_id, int64_t time_us,
                  const char *reason, char **out, psm_error *err)
{
	psm_json_writer *w;
	char when[32];
	int there;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (out == NULL || therapist_id < 1 ||
	    psm_time_format(time_us, when, sizeof(when)) < 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want out, a positive therapist and a time");
	if (reason != NULL &&
	    psm__utf8_check(reason, strlen(reason)) != strlen(reason))
		return psm__fail(err, PSM_ERR_INVAL, "reason: want UTF-8");
	if (list != NULL && psm_json_kind(list) != PSM_JSON_NULL &&
	    psm_json_kind(list) != PSM_JSON_ARRAY)
		return psm__fail_at(err, PSM_ERR_SCHEMA,
		                    psm__json_position(list),
		                    "exclusion list: want array, found %s",
		                    psm_json_kind_name(psm_json_kind(list)));
	w = psm_json_writer_new();
	there = psm_exclusion_contains(list, therapist_id);
	psm_json_write_array(w);
	for (size_t i = 0; i < psm_json_count(list); i++)
		psm_json_write_value(w, psm_json_item(list, i));
	if (!there)
		put_exclusion(w, therapist_id, when, reason);
	psm_json_write_end(w);
	return psm__json_take(w, !there, out, err);
}
