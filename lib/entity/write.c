/* SPDX-License-Identifier: BSD-2-Clause */
/* From rows into JSON, each column only for those who may see it. */
#include <stdlib.h>
#include <string.h>

#include "entity/entity.h"
#include "json/json.h"

/* Others read it, by the table. */
static int
is_shared(enum psm__audience audience)
{
	return audience == PSM__FOR_EVENT || audience == PSM__FOR_COPY;
}

static int
is_for(const struct psm__row *r, size_t i, enum psm__audience audience)
{
	unsigned flags = r->entity->fields[i].flags;

	switch (audience) {
	case PSM__FOR_REST:
		return 1;
	case PSM__FOR_EVENT:
		return (flags & PSM__IN_EVENT) != 0;
	case PSM__FOR_COPY:
		return i == PSM__COLUMN_ID || (flags & PSM__IN_COPY) != 0;
	case PSM__FOR_LOG:
		return (flags & PSM__PERSONAL) == 0 && r->value[i] != NULL;
	case PSM__FOR_STORE:
		return r->value[i] != NULL;
	}
	return 0;
}

/* A list of words that is read by others has those of its list alone. */
static void
write_words(psm_json_writer *w, const char *const *words, const psm_json *list)
{
	psm_json_write_array(w);
	for (size_t i = 0; i < psm_json_count(list); i++) {
		const psm_json *item = psm_json_item(list, i);

		if (psm__word_index(words, psm_json_string(item)) >= 0)
			psm_json_write_value(w, item);
	}
	psm_json_write_end(w);
}

/* words: NULL, or the only ones that the array may have. */
static int
write_json(psm_json_writer *w, const char *text, const char *const *words,
           psm_error *err)
{
	psm_json *doc = NULL;
	int rc;

	if (strcmp(text, "[]") == 0 || strcmp(text, "{}") == 0) {
		if (text[0] == '[')
			psm_json_write_array(w);
		else
			psm_json_write_object(w);
		psm_json_write_end(w);
		return 0;
	}
	rc = psm_json_parse(text, strlen(text), &doc, err);
	if (rc == 0 && words != NULL)
		write_words(w, words, doc);
	else if (rc == 0)
		psm_json_write_value(w, doc);
	psm_json_free(doc);
	return rc;
}

void
psm__write_timestamp(psm_json_writer *w, const char *text)
{
	size_t len = strlen(text);
	char full[48];

	if (len < 19 || len + 2 > sizeof(full) || text[10] != ' ') {
		psm_json_write_string(w, text); /* "infinity" */
		return;
	}
	memcpy(full, text, len);
	full[10] = 'T';
	full[len] = 'Z';
	full[len + 1] = '\0';
	psm_json_write_string(w, full);
}

/* People do not plan by the second. */
static void
write_time(psm_json_writer *w, const char *text, enum psm__audience audience)
{
	char minutes[6];

	if (audience != PSM__FOR_REST || strlen(text) != 8 ||
	    strcmp(text + 5, ":00") != 0) {
		psm_json_write_string(w, text);
		return;
	}
	memcpy(minutes, text, 5);
	minutes[5] = '\0';
	psm_json_write_string(w, minutes);
}

static int
write_value(psm_json_writer *w, const struct psm_entity_field *f,
            const char *text, enum psm__audience audience, psm_error *err)
{
	switch ((enum psm__type)f->type) {
	case PSM__T_INTEGER:
	case PSM__T_BIGINT:
		psm_json_write_int(w, strtoll(text, NULL, 10));
		return 0;
	case PSM__T_BOOLEAN:
		psm_json_write_bool(w, text[0] == 't');
		return 0;
	case PSM__T_TEXT:
	case PSM__T_ENUM:
	case PSM__T_DATE:
		psm_json_write_string(w, text);
		return 0;
	case PSM__T_TIME:
		write_time(w, text, audience);
		return 0;
	case PSM__T_TIMESTAMP:
		psm__write_timestamp(w, text);
		return 0;
	case PSM__T_NUMERIC:
	case PSM__T_OBJECT:
		return write_json(w, text, NULL, err);
	case PSM__T_ARRAY:
		return write_json(w, text,
		                  is_shared(audience) ? f->words : NULL, err);
	case PSM__T_ANY: /* only items are that */
		break;
	}
	return 0;
}

/* A row of an adopted database may hold what its column is not meant for: json
 * of another kind, "infinity". Who reads events can do nothing with it, and one
 * such value must not keep the others from being told. */
static int
is_sane(const struct psm_entity_field *f, const char *text)
{
	switch ((enum psm__type)f->type) {
	case PSM__T_OBJECT:
		return text[0] == '{';
	case PSM__T_ARRAY:
		return text[0] == '[';
	case PSM__T_DATE:
		return psm__is_date(text);
	default:
		return 1;
	}
}

static const char *
text_for(const struct psm__row *r, size_t i, enum psm__audience audience)
{
	const char *text = r->value[i];

	if (text == NULL || !is_shared(audience) ||
	    is_sane(&r->entity->fields[i], text))
		return text;
	return NULL;
}

int
psm__row_write(const struct psm__row *r, enum psm__audience audience,
               psm_json_writer *w, psm_error *err)
{
	const char *text;
	int rc = 0;

	psm_json_write_object(w);
	for (size_t i = 0; i < r->entity->count && rc == 0; i++) {
		if (!is_for(r, i, audience))
			continue;
		psm_json_write_key(w, r->entity->fields[i].name);
		text = text_for(r, i, audience);
		if (text == NULL)
			psm_json_write_null(w);
		else
			rc = write_value(w, &r->entity->fields[i], text,
			                 audience, err);
	}
	psm_json_write_end(w);
	return rc;
}

int
psm__row_text(const struct psm__row *r, enum psm__audience audience, char **out,
              psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	int rc = w == NULL ? 0 : psm__row_write(r, audience, w, err);

	return psm__json_take(w, rc, out, err);
}
