/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One record of the scraper becomes fields of a therapist. A text that the
 * record does not give leaves its column null, which a later merge takes as
 * "says nothing": that is how a sparse record wipes nothing out.
 */
#include <stdio.h>
#include <string.h>

#include "domain/domain.h"

struct mapper {
	const psm_json *record;
	const char *prefix;
	struct psm__row *row;
	psm_error *err; /* of the field at hand */
	const struct psm__record_faults
	    *faults; /* NULL: each ends the record */
	int raw;     /* texts are taken as they are */
};

/* Which value of a record is which column. */
static const struct {
	const char *pointer;
	int column, required;
} texts[] = {
    {"/basic_info/first_name", PSM__THERAPIST_VORNAME, 1},
    {"/basic_info/last_name", PSM__THERAPIST_NACHNAME, 1},
    {"/basic_info/title", PSM__THERAPIST_TITEL, 0},
    {"/location/postal_code", PSM__THERAPIST_PLZ, 1},
    {"/location/city", PSM__THERAPIST_ORT, 0},
    {"/contact/phone", PSM__THERAPIST_TELEFON, 0},
    {"/contact/email", PSM__THERAPIST_EMAIL, 0},
    {"/contact/fax", PSM__THERAPIST_FAX, 0},
};

static int
refuse_as(const struct mapper *m, const char *pointer, const psm_json *at,
          const char *what)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", m->prefix, pointer);
	psm__fail_at(m->err, PSM_ERR_SCHEMA,
	             psm__json_position(at != NULL ? at : m->record), "%s: %s",
	             pointer[0] == '/' ? pointer + 1 : "record", what);
	psm__error_pointer(m->err, full);
	return PSM_ERR_SCHEMA;
}

static int
refuse(const struct mapper *m, const char *pointer, const psm_json *at,
       const char *want)
{
	char what[128];

	snprintf(what, sizeof(what), "want %s, found %s", want,
	         at == NULL ? "nothing"
	                    : psm_json_kind_name(psm_json_kind(at)));
	return refuse_as(m, pointer, at, what);
}

/* A string is not told by its kind: its kind was right. */
static int
refuse_text(const struct mapper *m, const char *pointer, const psm_json *at,
            const char *want)
{
	char what[128];

	if (psm_json_string(at) == NULL)
		return refuse(m, pointer, at, want);
	snprintf(what, sizeof(what), "want %s, found %s", want,
	         psm__text_is_blank(psm_json_string(at)) ? "blanks"
	                                                 : "another text");
	return refuse_as(m, pointer, at, what);
}

/* Tell the fault of the field that was mapped with m, and go on. */
static int
leave_out(const struct mapper *m, int rc, psm_error *err)
{
	const struct psm__record_faults *f = m->faults;

	if (rc == PSM_ERR_NOMEM)
		return psm__nomem(err);
	if (rc != PSM_ERR_SCHEMA || f == NULL)
		return rc;
	if (f->tell != NULL)
		f->tell(f->fault, f->record, f->user);
	psm__error_clear(f->fault);
	return 0;
}

/* For a field that need not be there. */
static struct mapper
lenient(const struct mapper *m)
{
	struct mapper own = *m;

	if (m->faults != NULL)
		own.err = m->faults->fault;
	return own;
}

/* *text is NULL when the value is missing, null or blank. */
static int
text_at(const struct mapper *m, const char *pointer, int required,
        const char **text)
{
	const psm_json *v = psm_json_at(m->record, pointer);

	*text = NULL;
	if (v != NULL && psm_json_kind(v) != PSM_JSON_NULL) {
		if (psm_json_kind(v) != PSM_JSON_STRING)
			return refuse(m, pointer, v, "text");
		if (!psm__text_is_blank(psm_json_string(v)))
			*text = psm_json_string(v);
	}
	if (*text == NULL && required)
		return refuse_text(m, pointer, v, "text that is not blank");
	return 0;
}

static int
put_text(const struct mapper *m, const char *pointer, int column,
         const char *text)
{
	char what[256], *tidy;
	int rc;

	if (text == NULL)
		return 0;
	if (m->raw)
		return psm__row_set(m->row, column, text, m->err);
	rc = psm__value_read(&m->row->entity->fields[column], text, &tidy, what,
	                     sizeof(what));
	if (rc < 0)
		return psm__nomem(m->err);
	if (rc > 0)
		return refuse_as(m, pointer, psm_json_at(m->record, pointer),
		                 what);
	psm__free(m->row->value[column]);
	m->row->value[column] = tidy;
	return 0;
}

static int
map_text(const struct mapper *m, size_t i)
{
	struct mapper own = texts[i].required ? *m : lenient(m);
	const char *text;
	int rc;

	rc = text_at(&own, texts[i].pointer, texts[i].required, &text);
	if (rc == 0)
		rc = put_text(&own, texts[i].pointer, texts[i].column, text);
	return texts[i].required ? rc : leave_out(&own, rc, m->err);
}

static int
map_texts(const struct mapper *m)
{
	const psm_json *v = psm_json_at(m->record, "/location/postal_code");
	int rc = 0;

	for (size_t i = 0; i < PSM__COUNT(texts) && rc == 0; i++)
		rc = map_text(m, i);
	/* As it stands there, blanks and all. */
	if (rc == 0 && !psm__is_digits(psm_json_string(v), 5))
		rc = refuse_text(m, "/location/postal_code", v, "five digits");
	return rc;
}

/* A whole number is told, and taken for the text that it should be; room is
 * for its digits. */
static int
house_number(const struct mapper *m, char room[24], const char **number)
{
	const char *pointer = "/location/house_number";
	const psm_json *v = psm_json_at(m->record, pointer);
	int64_t n;

	if (psm_json_get_int(v, &n, NULL) < 0 || n < 1)
		return text_at(m, pointer, 0, number);
	snprintf(room, 24, "%lld", (long long)n);
	*number = room;
	return leave_out(m, refuse(m, pointer, v, "text"), m->err);
}

/* "street number"; a number without a street is nothing. */
static int
put_street(const struct mapper *m)
{
	const char *street, *number;
	struct psm__buf b = {0};
	char room[24];
	int rc;

	rc = text_at(m, "/location/street", 0, &street);
	if (rc == 0 && street != NULL)
		rc = house_number(m, room, &number);
	if (rc < 0 || street == NULL)
		return rc;
	psm__buf_puts(&b, street);
	if (number != NULL)
		psm__buf_printf(&b, " %s", number);
	rc = b.failed ? psm__nomem(m->err)
	              : put_text(m, "/location/street", PSM__THERAPIST_STRASSE,
	                         b.data);
	psm__buf_free(&b);
	return rc;
}

static int
map_street(const struct mapper *m)
{
	struct mapper own = lenient(m);

	return leave_out(&own, put_street(&own), m->err);
}

/* Another salutation than these two fills no column. */
static int
map_salutation(const struct mapper *m)
{
	const char *word;
	int rc, woman;

	rc = text_at(m, "/basic_info/salutation", 1, &word);
	if (rc < 0 || psm__word_index(psm__words_anrede, word) < 0)
		return rc;
	woman = strcmp(word, "Frau") == 0;
	rc = psm__row_set(m->row, PSM__THERAPIST_ANREDE, word, m->err);
	if (rc == 0)
		rc = psm__row_set(m->row, PSM__THERAPIST_GESCHLECHT,
		                  woman ? "weiblich" : "männlich", m->err);
	return rc;
}

/* The list at pointer, NULL if there is none; all its items are texts. */
static int
list_at(const struct mapper *m, const char *pointer, const psm_json **list)
{
	const psm_json *v = psm_json_at(m->record, pointer), *item;

	*list = NULL;
	if (v == NULL || psm_json_kind(v) == PSM_JSON_NULL)
		return 0;
	if (psm_json_kind(v) != PSM_JSON_ARRAY)
		return refuse(m, pointer, v, "a list of texts");
	for (size_t i = 0; i < psm_json_count(v); i++) {
		item = psm_json_item(v, i);
		if (psm_json_kind(item) != PSM_JSON_STRING)
			return refuse(m, pointer, item, "a list of texts");
	}
	*list = v;
	return 0;
}

static int
put_document(const struct mapper *m, int column, const psm_json *v)
{
	return psm__row_read_value(m->row, column, v, PSM__READ_RECORD,
	                           m->prefix, m->err);
}

static int
map_languages(const struct mapper *m)
{
	struct mapper own = lenient(m);
	const psm_json *v;
	int rc = list_at(&own, "/languages", &v);

	if (rc == 0 && psm_json_count(v) > 0)
		rc = put_document(&own, PSM__THERAPIST_FREMDSPRACHEN, v);
	return leave_out(&own, rc, m->err);
}

static int
map_hours(const struct mapper *m)
{
	struct mapper own = lenient(m);
	const psm_json *v = psm_json_at(m->record, "/telephone_hours");
	int rc = 0;

	if (v == NULL || psm_json_kind(v) == PSM_JSON_NULL)
		return 0;
	if (psm_json_kind(v) != PSM_JSON_OBJECT)
		rc = refuse(&own, "/telephone_hours", v, "an object");
	else if (psm_json_count(v) > 0)
		rc = put_document(
		    &own, PSM__THERAPIST_TELEFONISCHE_ERREICHBARKEIT, v);
	return leave_out(&own, rc, m->err);
}

static int
mentions(const psm_json *list, const char *word)
{
	for (size_t i = 0; i < psm_json_count(list); i++) {
		if (strstr(psm_json_string(psm_json_item(list, i)), word))
			return 1;
	}
	return 0;
}

/* Both procedures are "egal"; none of them says nothing. */
static int
map_procedure(const struct mapper *m, const psm_json *methods)
{
	int behaviour = mentions(methods, "Verhaltenstherapie");
	int depth = mentions(methods, "Tiefenpsychologisch") ||
	            mentions(methods, "tiefenpsychologisch");
	const char *word = NULL;

	if (behaviour && depth)
		word = "egal";
	else if (behaviour)
		word = "Verhaltenstherapie";
	else if (depth)
		word = "tiefenpsychologisch_fundierte_Psychotherapie";
	return psm__row_set(m->row, PSM__THERAPIST_PSYCHOTHERAPIEVERFAHREN,
	                    word, m->err);
}

int
psm__record_map(const psm_json *record, const char *prefix,
                struct psm__row *out, const struct psm__record_faults *faults,
                psm_error *err)
{
	struct mapper m = {record, prefix, out, err, faults, 0};
	const psm_json *methods;
	int rc;

	if (psm_json_kind(record) != PSM_JSON_OBJECT)
		return refuse(&m, "", record, "an object");
	rc = list_at(&m, "/therapy_methods", &methods);
	if (rc < 0)
		return rc;
	if (!mentions(methods, "Erwachsene"))
		return 1;
	rc = map_texts(&m);
	if (rc == 0)
		rc = map_street(&m);
	if (rc == 0)
		rc = map_salutation(&m);
	if (rc == 0)
		rc = map_languages(&m);
	if (rc == 0)
		rc = map_hours(&m);
	if (rc == 0)
		rc = map_procedure(&m, methods);
	return rc;
}

int
psm__record_person(const psm_json *record, struct psm__row *out, psm_error *err)
{
	static const struct psm__record_faults none;
	struct mapper m = {record, "", out, NULL, &none, 1};
	const char *text;
	int rc = 0;

	for (size_t i = 0; i < PSM__COUNT(texts) && rc != PSM_ERR_NOMEM; i++) {
		rc = text_at(&m, texts[i].pointer, 0, &text);
		if (rc == 0)
			rc = put_text(&m, texts[i].pointer, texts[i].column,
			              text);
	}
	if (rc != PSM_ERR_NOMEM)
		rc = map_street(&m);
	return rc == PSM_ERR_NOMEM ? psm__nomem(err) : 0;
}

int
psm__record_complete(const psm_json *record, const char *prefix,
                     struct psm__row *row, psm_error *err)
{
	struct mapper m = {record, prefix, row, err, NULL, 0};

	if (psm__row_get(row, PSM__THERAPIST_ANREDE) == NULL)
		return refuse_text(
		    &m, "/basic_info/salutation",
		    psm_json_at(record, "/basic_info/salutation"),
		    "\"Herr\" or \"Frau\" for a new therapist");
	return psm__row_defaults(row, err);
}
