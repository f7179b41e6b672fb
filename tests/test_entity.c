/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of fields, and rows that are read by them. */
#include <ctype.h>
#include <strings.h>

#include "testing_entity.h"

#define EVERYBODY                                                              \
	(PSM__W_REST_CREATE | PSM__W_REST_UPDATE | PSM__W_IMPORT_CREATE |      \
	 PSM__W_IMPORT_UPDATE | PSM__W_SYSTEM)

/* The fault at a pointer; fails if there is none. */
static const char *
fault_at(const char *name)
{
	char pointer[128];

	(void)snprintf(pointer, sizeof(pointer), "/%s", name);
	for (size_t i = 0; i < psm_error_fault_count(err); i++)
		if (strcmp(psm_error_fault_pointer(err, i), pointer) == 0)
			return psm_error_fault_message(err, i);
	ck_abort_msg("no fault at %s", pointer);
	return NULL;
}

/* -- tables */

#define NAMES(up, name, ...) {#up, #name},
static const struct {
	const char *up, *name;
} names[] = {PSM__PATIENT_FIELDS(NAMES) PSM__THERAPIST_FIELDS(NAMES)
                 PSM__SEARCH_FIELDS(NAMES) PSM__INQUIRY_FIELDS(NAMES)
                     PSM__INQUIRY_PATIENT_FIELDS(NAMES) PSM__EMAIL_FIELDS(NAMES)
                         PSM__PHONE_CALL_FIELDS(NAMES)};

START_TEST(constants_are_called_as_their_columns)
{
	for (size_t i = 0; i < PSM__COUNT(names); i++)
		ck_assert_msg(strcasecmp(names[i].up, names[i].name) == 0 &&
		                  isupper(names[i].up[0]),
		              "%s is called %s", names[i].name, names[i].up);
	ck_assert_uint_eq(PSM__COUNT(names),
	                  PSM__PATIENT_COUNT + PSM__THERAPIST_COUNT +
	                      PSM__SEARCH_COUNT + PSM__INQUIRY_COUNT +
	                      PSM__INQUIRY_PATIENT_COUNT + PSM__EMAIL_COUNT +
	                      PSM__PHONE_CALL_COUNT);
	ck_assert_str_eq(psm__entity_therapist.fields[PSM__THERAPIST_PLZ].name,
	                 "plz");
}
END_TEST

static void
field_is_sound(const struct psm_entity *e, int i)
{
	const struct psm_entity_field *f = &e->fields[i];
	char what[256], *text = NULL;
	int rc;

	ck_assert_int_eq(psm__column_find(e, f->name), i);
	ck_assert_uint_eq(f->len, strlen(f->name));
	/* Only the id is nobody's. */
	ck_assert_int_eq(f->writers == 0, i == PSM__COLUMN_ID);
	ck_assert_int_eq(strcmp(f->name, "id") == 0, i == PSM__COLUMN_ID);
	ck_assert(f->meaning[0] != '\0');
	ck_assert_int_eq(f->type == PSM__T_TEXT && f->most > 0,
	                 strncmp(f->sql_type, "varchar(", 8) == 0);
	if (f->type == PSM__T_ENUM || f->item == PSM__T_ENUM)
		ck_assert_ptr_nonnull(f->words);
	if (f->flags & PSM__IN_COPY)
		ck_assert(f->flags & PSM__IN_EVENT);
	if (f->flags & (PSM__CREATED | PSM__UPDATED))
		ck_assert(f->type == PSM__T_DATE ||
		          f->type == PSM__T_TIMESTAMP);
	if (f->preset == NULL)
		return;
	/* A default is what its column would store. */
	rc = psm__value_read(f, f->preset, &text, what, sizeof(what));
	ck_assert_msg(rc == 0 && strcmp(text, f->preset) == 0, "%s: %s",
	              f->name, rc == 0 ? text : what);
	psm__free(text);
}

START_TEST(tables_are_sound)
{
	const struct psm_entity *e = psm__entities[_i];

	ck_assert_int_eq(e->number, _i);
	ck_assert_uint_le(e->count, PSM__COLUMNS_MAX);
	for (size_t i = 0; i < e->count; i++)
		field_is_sound(e, (int)i);
	ck_assert_int_eq(psm__column_find(e, "nachname "), -1);
	ck_assert_int_eq(psm__column_find(e, ""), -1);
}
END_TEST

/* -- words */

START_TEST(words_are_found)
{
	int i;

	for (i = 0; psm__words_symptome[i]; i++)
		ck_assert_int_eq(psm__word_index(psm__words_symptome,
		                                 psm__words_symptome[i]),
		                 i);
	ck_assert_int_eq(i, 30);
	ck_assert_int_eq(psm__word_index(psm__words_geschlecht, "divers"), 2);
	/* Case and blanks count; the lists differ on purpose. */
	ck_assert_int_eq(psm__word_index(psm__words_geschlecht, "Divers"), -1);
	ck_assert_int_eq(psm__word_index(psm__words_geschlecht, "divers "), -1);
	ck_assert_int_eq(psm__word_index(psm__words_geschlecht, ""), -1);
	ck_assert_int_eq(psm__word_index(psm__words_geschlecht, NULL), -1);
	/* U+00E4 is c3 a4; the same letter from two code points. */
	ck_assert_int_eq(
	    psm__word_index(psm__words_geschlecht, "m\xc3\xa4nnlich"), 0);
	ck_assert_int_eq(
	    psm__word_index(psm__words_geschlecht, "ma\xcc\x88nnlich"), 0);
	ck_assert_int_eq(psm__word_index(psm__words_symptome,
	                                 "A\xcc\x88ngste / Panikattacken"),
	                 1);
	ck_assert_int_eq(
	    psm__word_index(psm__words_geschlecht, "me\xcc\x88nnlich"), -1);
	ck_assert_int_eq(psm__word_index(psm__words_geschlecht, "ma\xcc"), -1);
}
END_TEST

/* -- reading: each column with a value that does not do */

/* What is put into every column at once; NULL: no such value for the column. */
typedef const char *(*wrong_fn)(const struct psm_entity_field *f);

/* A list, and for lists an object. */
static const char *
wrong_kind(const struct psm_entity_field *f)
{
	return f->type == PSM__T_ARRAY ? "{\"a\": 1}" : "[1]";
}

static const char *
wrong_scalar(const struct psm_entity_field *f)
{
	switch ((enum psm__type)f->type) {
	case PSM__T_INTEGER:
	case PSM__T_BIGINT:
		return "\"7\"";
	case PSM__T_BOOLEAN:
		return "\"false\"";
	default:
		return "7";
	}
}

static const char *
fraction(const struct psm_entity_field *f)
{
	return f->type == PSM__T_INTEGER ? "3.9" : NULL;
}

static const char *
beyond(const struct psm_entity_field *f)
{
	return f->type == PSM__T_INTEGER ? "99999999999" : NULL;
}

static const char *
empty(const struct psm_entity_field *f)
{
	switch ((enum psm__type)f->type) {
	case PSM__T_ENUM:
	case PSM__T_DATE:
	case PSM__T_TIME:
	case PSM__T_TIMESTAMP:
		return "\"\"";
	case PSM__T_TEXT:
		return f->flags & PSM__REQUIRED ? "\"\"" : NULL;
	default:
		return NULL;
	}
}

static const char *
blanks(const struct psm_entity_field *f)
{
	return empty(f) ? "\" \\u00a0 \"" : NULL;
}

static const char *
too_long(const struct psm_entity_field *f)
{
	static char text[400];

	if (f->type != PSM__T_TEXT || f->most == 0 || f->words != NULL)
		return NULL;
	/* One character more than fits, each of two bytes. */
	text[0] = '"';
	text[1] = '\0';
	for (int64_t i = 0; i <= f->most && i < 150; i++)
		strcat(text, "\xc3\xa4");
	if (f->most >= 150 || f->form == PSM__FORM_MAIL)
		return NULL;
	return strcat(text, "\"");
}

static const char *
two_lines(const struct psm_entity_field *f)
{
	return f->type == PSM__T_TEXT && f->form != PSM__FORM_FREE &&
	               f->words == NULL
	           ? "\"a\\nb\""
	           : NULL;
}

/* The first word, its first letter in the other case. */
static const char *
wrong_case(const struct psm_entity_field *f)
{
	static char text[128];

	if (f->words == NULL || f->type == PSM__T_ARRAY)
		return NULL;
	(void)snprintf(text, sizeof(text), "\"%s\"", f->words[0]);
	text[1] = (char)(isupper((unsigned char)text[1]) ? tolower(text[1])
	                                                 : toupper(text[1]));
	return text;
}

static const char *
impossible(const struct psm_entity_field *f)
{
	switch ((enum psm__type)f->type) {
	case PSM__T_DATE:
		return "\"2026-02-29\"";
	case PSM__T_TIME:
		return "\"24:00\"";
	case PSM__T_TIMESTAMP:
		return "\"2026-02-29T10:00:00Z\"";
	default:
		return NULL;
	}
}

static const wrong_fn wrongs[] = {wrong_kind, wrong_scalar, fraction, beyond,
                                  empty,      blanks,       too_long, two_lines,
                                  wrong_case, impossible};

/* A record of these values in all columns; how many there are. */
static size_t
compose(const struct psm_entity *e, wrong_fn wrong, struct psm__buf *b)
{
	size_t count = 0;

	psm__buf_putc(b, '{');
	for (size_t i = 1; i < e->count; i++) {
		const char *value = wrong(&e->fields[i]);

		if (value == NULL)
			continue;
		psm__buf_printf(b, "%s\"%s\": %s", count ? ", " : "",
		                e->fields[i].name, value);
		count++;
	}
	psm__buf_putc(b, '}');
	ck_assert(!b->failed);
	return count;
}

static void
check_faults(const struct psm_entity *e, wrong_fn wrong)
{
	for (size_t i = 1; i < e->count; i++) {
		const char *message;

		if (wrong(&e->fields[i]) == NULL)
			continue;
		message = fault_at(e->fields[i].name);
		ck_assert_msg(strncmp(message, "want ", 5) == 0 &&
		                  strstr(message, ", found ") != NULL,
		              "%s: %s", e->fields[i].name, message);
		ck_assert_ptr_null(row.value[i]);
	}
}

START_TEST(all_faults_at_once)
{
	const struct psm_entity *e =
	    psm__entities[(size_t)_i / PSM__COUNT(wrongs)];
	wrong_fn wrong = wrongs[(size_t)_i % PSM__COUNT(wrongs)];
	struct psm__buf b = {0};
	size_t count = compose(e, wrong, &b);

	make_row(e);
	ck_assert_int_eq(read_text(PSM__READ_MERGE, EVERYBODY, b.data),
	                 count > 0 ? PSM_ERR_SCHEMA : 0);
	ck_assert_uint_eq(psm_error_fault_count(err), count);
	check_faults(e, wrong);
	if (count > 0) {
		/* The first one is the failure's own. */
		ck_assert_str_eq(psm_error_pointer(err),
		                 psm_error_fault_pointer(err, 0));
		ck_assert_uint_eq(psm_error_line(err), 1);
		ck_assert_uint_gt(psm_error_column(err), 1);
	}
	psm__buf_free(&b);
}
END_TEST

START_TEST(faults_say_what_was_found)
{
	make_row(&psm__entity_therapist);
	ck_assert_int_eq(
	    read_text(PSM__READ_NEW, PSM__W_REST_CREATE,
	              "{\"anrede\": \"herr\", \"geschlecht\": null, "
	              "\"vorname\": \"  \", \"alter_min\": 200, "
	              "\"alter_max\": \"x\", \"email\": \"a b@c\", "
	              "\"nachname\": \"M&uuml;ller\", \"plz\": "
	              "\"12345678901\", \"fremdsprachen\": {}}"),
	    PSM_ERR_SCHEMA);
	ck_assert_str_eq(fault_at("anrede"),
	                 "want one of Herr, Frau, found Herr in another "
	                 "spelling");
	ck_assert_str_eq(fault_at("geschlecht"),
	                 "want one of männlich, weiblich, divers, "
	                 "keine_Angabe, found nothing");
	ck_assert_str_eq(fault_at("vorname"),
	                 "want a value that is not blank, found blanks");
	ck_assert_str_eq(fault_at("alter_min"),
	                 "want a whole number from 0 to 150, found another "
	                 "number");
	ck_assert_str_eq(fault_at("alter_max"),
	                 "want a whole number, found string");
	ck_assert_str_eq(fault_at("email"),
	                 "want one mail address, found another text");
	ck_assert_str_eq(fault_at("nachname"),
	                 "want plain text, found an HTML entity");
	ck_assert_str_eq(fault_at("plz"),
	                 "want at most 10 characters, found 11");
	ck_assert_str_eq(fault_at("fremdsprachen"), "want array, found object");
	ck_assert_uint_eq(psm_error_fault_count(err), 9);
	ck_assert_str_eq(
	    psm_error_message(err),
	    "anrede: want one of Herr, Frau, found Herr in another "
	    "spelling");
}
END_TEST

START_TEST(items_are_checked)
{
	make_row(&psm__entity_patient);
	ck_assert_int_eq(
	    read_text(PSM__READ_PUT, PSM__W_REST_UPDATE,
	              "{\"symptome\": [\"Mobbing\", \"mobbing\", 7]}"),
	    PSM_ERR_SCHEMA);
	ck_assert_str_eq(fault_at("symptome/1"),
	                 "want a word of its list, found Mobbing in another "
	                 "spelling");
	ck_assert_str_eq(fault_at("symptome/2"),
	                 "want a word of its list, found number");
	ck_assert_int_eq(
	    read_text(PSM__READ_PUT, PSM__W_REST_UPDATE, "{\"symptome\": []}"),
	    PSM_ERR_SCHEMA);
	ck_assert_str_eq(fault_at("symptome"), "want 1 to 3 items, found 0");
	ck_assert_int_eq(read_text(PSM__READ_PUT, PSM__W_REST_UPDATE,
	                           "{\"symptome\": [\"Mobbing\", \"Mobbing\", "
	                           "\"Mobbing\", \"Mobbing\"]}"),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(read_text(PSM__READ_PUT, PSM__W_REST_UPDATE,
	                           "{\"symptome\": [\"Mobbing\"]}"),
	                 1);
}
END_TEST

START_TEST(a_row_is_made)
{
	make_row(&psm__entity_therapist);
	ck_assert_int_gt(
	    read_text(PSM__READ_NEW, PSM__W_REST_CREATE, therapist), 0);
	/* Tidy, in NFC. */
	ck_assert_str_eq(psm__row_get(&row, PSM__THERAPIST_VORNAME), "Ada");
	ck_assert_str_eq(psm__row_get(&row, PSM__THERAPIST_NACHNAME),
	                 "M\xc3\xbcller");
	/* What REST may not write, or is no column, is left out. */
	ck_assert_ptr_null(psm__row_get(&row, PSM__THERAPIST_ID));
	ck_assert_ptr_null(psm__row_get(&row, PSM__THERAPIST_CREATED_AT));
	/* Defaults. */
	ck_assert_str_eq(psm__row_get(&row, PSM__THERAPIST_KASSENSITZ), "t");
	ck_assert_str_eq(psm__row_get(&row, PSM__THERAPIST_FREMDSPRACHEN),
	                 "[]");
	ck_assert_str_eq(
	    psm__row_get(&row, PSM__THERAPIST_PSYCHOTHERAPIEVERFAHREN), "egal");
	ck_assert_int_eq(psm__row_int(&row, PSM__THERAPIST_ALTER_MIN), 18);
	ck_assert_int_eq(psm__row_int(&row, PSM__THERAPIST_ALTER_MAX), 0);
	ck_assert(row.given[PSM__THERAPIST_ALTER_MIN]);
	ck_assert(!row.given[PSM__THERAPIST_TITEL]);
	ck_assert_int_eq(psm__row_stamp(&row, 1, &now, err), 0);
	ck_assert_str_eq(psm__row_get(&row, PSM__THERAPIST_CREATED_AT),
	                 "2026-07-01");
	ck_assert_ptr_null(psm__row_get(&row, PSM__THERAPIST_UPDATED_AT));
}
END_TEST

/* Absent, null and a value; by the platform's PUT and by RFC 7396. */
START_TEST(a_row_is_changed)
{
	static const char nulls[] = "{\"titel\": null, \"alter_min\": null}";

	make_row(&psm__entity_therapist);
	ck_assert_int_gt(
	    read_text(PSM__READ_NEW, PSM__W_REST_CREATE, therapist), 0);
	ck_assert_int_eq(read_text(PSM__READ_PUT, PSM__W_REST_UPDATE, nulls),
	                 0);
	ck_assert_int_eq(psm__row_int(&row, PSM__THERAPIST_ALTER_MIN), 18);
	ck_assert_int_eq(read_text(PSM__READ_PUT, PSM__W_REST_UPDATE,
	                           "{\"sperrdatum\": \"\", \"titel\": \"\"}"),
	                 2);
	ck_assert_ptr_null(psm__row_get(&row, PSM__THERAPIST_SPERRDATUM));
	ck_assert_str_eq(psm__row_get(&row, PSM__THERAPIST_TITEL), "");
	ck_assert_int_eq(
	    read_text(PSM__READ_PUT, PSM__W_REST_UPDATE,
	              "{\"status\": \"\", \"anrede\": \"\", \"id\": 7}"),
	    PSM_ERR_SCHEMA);
	ck_assert_uint_eq(psm_error_fault_count(err), 2);

	ck_assert_int_eq(read_text(PSM__READ_MERGE, PSM__W_REST_UPDATE, nulls),
	                 2);
	ck_assert_ptr_null(psm__row_get(&row, PSM__THERAPIST_ALTER_MIN));
	ck_assert_int_eq(
	    read_text(PSM__READ_MERGE, PSM__W_REST_UPDATE,
	              "{\"status\": null, \"anrede\": null, \"id\": 7, "
	              "\"a/b\": 1, \"sperrdatum\": \"\"}"),
	    PSM_ERR_SCHEMA);
	ck_assert_str_eq(fault_at("status"), "want a value, found null");
	ck_assert_str_eq(fault_at("id"),
	                 "want a column that a person may write, found one of "
	                 "the system");
	ck_assert_str_eq(fault_at("a~1b"),
	                 "want a column of therapist, found no such");
	ck_assert_uint_eq(psm_error_fault_count(err), 5);
}
END_TEST

START_TEST(only_what_differs_is_modified)
{
	make_row(&psm__entity_therapist);
	ck_assert_int_gt(
	    read_text(PSM__READ_NEW, PSM__W_REST_CREATE, therapist), 0);
	ck_assert_int_eq(
	    read_text(PSM__READ_MERGE, PSM__W_REST_UPDATE,
	              "{\"vorname\": \"Ada\", \"alter_min\": 1.8e1, "
	              "\"arbeitszeiten\": { }, \"kassensitz\": true}"),
	    0);
	ck_assert_int_eq(
	    read_text(PSM__READ_MERGE, PSM__W_REST_UPDATE,
	              "{\"arbeitszeiten\": {\"a\": 1e2, \"b\": 1}, "
	              "\"alter_min\": 19}"),
	    2);
	ck_assert_int_eq(
	    read_text(PSM__READ_MERGE, PSM__W_REST_UPDATE,
	              "{\"arbeitszeiten\": {\"b\": 1, \"a\": 100}}"),
	    0);
}
END_TEST

/* A record of others is taken as it is, if its types are right. */
START_TEST(records_of_others)
{
	make_row(&psm__entity_therapist);
	ck_assert_int_eq(
	    read_text(
		PSM__READ_RECORD, 0,
		"{\"id\": 5, \"vorname\": \" a\\nb \", \"plz\": "
		"\"123456789012\", \"alter_min\": 999, \"nobody\": 1, "
		"\"geschlechtspraeferenz\": \"divers\", \"titel\": null}"),
	    0);
	ck_assert_str_eq(psm__row_get(&row, PSM__THERAPIST_VORNAME), " a\nb ");
	ck_assert_int_eq(psm__row_int(&row, PSM__THERAPIST_ALTER_MIN), 999);
	ck_assert_int_eq(psm__row_int(&row, PSM__THERAPIST_ID), 5);
	ck_assert_int_eq(psm__row_modified(&row), 0);
	ck_assert_int_eq(read_text(PSM__READ_RECORD, 0,
	                           "{\"status\": \"Aktiv\", \"id\": \"5\"}"),
	                 PSM_ERR_SCHEMA);
	ck_assert_uint_eq(psm_error_fault_count(err), 2);
	ck_assert_int_eq(read_text(PSM__READ_RECORD, 0, "[]"), PSM_ERR_SCHEMA);
}
END_TEST

START_TEST(times_are_stored_as_postgresql_writes_them)
{
	make_row(&psm__entity_phone_call);
	ck_assert_int_eq(
	    read_text(PSM__READ_PART, 0,
	              "{\"geplante_zeit\": \"09:30\", \"tatsaechliche_zeit\": "
	              "\"09:31:05.50\", \"created_at\": "
	              "\"2026-07-01T14:30:05.500+02:00\", \"updated_at\": "
	              "\"2026-07-01\", \"dauer_minuten\": 5}"),
	    5);
	ck_assert_str_eq(psm__row_get(&row, PSM__PHONE_CALL_GEPLANTE_ZEIT),
	                 "09:30:00");
	ck_assert_str_eq(psm__row_get(&row, PSM__PHONE_CALL_TATSAECHLICHE_ZEIT),
	                 "09:31:05.5");
	ck_assert_str_eq(psm__row_get(&row, PSM__PHONE_CALL_CREATED_AT),
	                 "2026-07-01 12:30:05.5");
	ck_assert_str_eq(psm__row_get(&row, PSM__PHONE_CALL_UPDATED_AT),
	                 "2026-07-01 00:00:00");
}
END_TEST

/* -- rules across columns */

START_TEST(rules_across_columns)
{
	make_row(&psm__entity_therapist);
	ck_assert_int_eq(read_text(PSM__READ_PUT, PSM__W_REST_UPDATE,
	                           "{\"alter_min\": 30, \"alter_max\": 20}"),
	                 2);
	ck_assert_int_eq(psm__row_check(&row, NULL, "", err), PSM_ERR_SCHEMA);
	ck_assert_str_eq(fault_at("alter_max"),
	                 "want alter_min or more, found less");
	/* 0 is no limit, and an old fault does not stop another change. */
	ck_assert_int_eq(read_text(PSM__READ_PUT, PSM__W_REST_UPDATE,
	                           "{\"titel\": \"Dr.\"}"),
	                 1);
	ck_assert_int_eq(psm__row_check(&row, NULL, "", err), 0);
	ck_assert_int_eq(
	    read_text(PSM__READ_PUT, PSM__W_REST_UPDATE, "{\"alter_max\": 0}"),
	    1);
	ck_assert_int_eq(psm__row_check(&row, NULL, "", err), 0);

	make_row(&psm__entity_patient);
	ck_assert_int_eq(
	    read_text(PSM__READ_PUT, PSM__W_REST_UPDATE,
	              "{\"geburtsdatum\": \"1990-05-05\", "
	              "\"letzte_sitzung_vorherige_psychotherapie\": "
	              "\"1990-05-04\"}"),
	    2);
	ck_assert_int_eq(psm__row_check(&row, NULL, "", err), PSM_ERR_SCHEMA);

	make_row(&psm__entity_email);
	ck_assert_int_eq(psm__row_check(&row, NULL, "/0", err), PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_fault_pointer(err, 1), "/0/therapist_id");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("entity");
	TCase *tables = tcase_create("tables"), *reading = tcase_create("read");

	tcase_add_checked_fixture(tables, setup, teardown);
	tcase_add_test(tables, constants_are_called_as_their_columns);
	tcase_add_loop_test(tables, tables_are_sound, 0, PSM__ENTITY_COUNT);
	tcase_add_test(tables, words_are_found);
	suite_add_tcase(s, tables);

	tcase_add_checked_fixture(reading, setup, teardown);
	tcase_add_loop_test(reading, all_faults_at_once, 0,
	                    PSM__ENTITY_COUNT * (int)PSM__COUNT(wrongs));
	tcase_add_test(reading, faults_say_what_was_found);
	tcase_add_test(reading, items_are_checked);
	tcase_add_test(reading, a_row_is_made);
	tcase_add_test(reading, a_row_is_changed);
	tcase_add_test(reading, only_what_differs_is_modified);
	tcase_add_test(reading, records_of_others);
	tcase_add_test(reading, times_are_stored_as_postgresql_writes_them);
	tcase_add_test(reading, rules_across_columns);
	suite_add_tcase(s, reading);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
