/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every column of every entity's table with every kind of value that does not do
 * for it: each is a fault with its pointer, what was wanted and what was found;
 * all of a record come in one answer, and nothing is written.
 */
#include <stdarg.h>

#include "entity/fault.h"
#include "testing_inquiry.h"

#include <psymatch/patient_import.h>

/* Values that a column must refuse, as JSON. */
struct bad {
	char json[40][400];
	int count;
};

static void add(struct bad *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
add(struct bad *b, const char *format, ...)
{
	va_list args;

	ck_assert_int_lt(b->count, 40);
	va_start(args, format);
	(void)vsnprintf(b->json[b->count++], sizeof(b->json[0]), format, args);
	va_end(args);
}

/* -- of the wrong type */

static int
takes(const struct psm_entity_field *f, const char *json)
{
	switch ((enum psm__type)f->type) {
	case PSM__T_INTEGER:
	case PSM__T_BIGINT:
		return strcmp(json, "7") == 0;
	case PSM__T_NUMERIC:
		return strcmp(json, "7") == 0 || strcmp(json, "1.5") == 0;
	case PSM__T_BOOLEAN:
		return strcmp(json, "true") == 0;
	case PSM__T_OBJECT:
		return strcmp(json, "{}") == 0;
	case PSM__T_ARRAY:
		return strcmp(json, "[]") == 0;
	case PSM__T_TEXT:
		return strcmp(json, "\"x\"") == 0;
	default: /* \"x\" is neither a word nor a time */
		return 0;
	}
}

static void
add_types(const struct psm_entity_field *f, struct bad *b)
{
	static const char *const kinds[] = {"true",  "7",  "1.5",
	                                    "\"x\"", "{}", "[]"};

	for (size_t i = 0; i < PSM__COUNT(kinds); i++)
		if (!takes(f, kinds[i]))
			add(b, "%s", kinds[i]);
}

/* -- of the right type */

static void
add_all(struct bad *b, const char *const *values)
{
	for (; *values != NULL; values++)
		add(b, "\"%s\"", *values);
}

static void
add_words(const struct psm_entity_field *f, struct bad *b)
{
	char word[200];

	(void)snprintf(word, sizeof(word), "%s", f->words[0]);
	word[0] ^= 0x20; /* the other case */
	ck_assert_int_lt(psm__word_index(f->words, word), 0);
	add(b, "\"%s\"", word);
	add(b, "\"%s \"", f->words[0]);
	add(b, "\"%sx\"", f->words[0]);
}

static void
add_texts(const struct psm_entity_field *f, struct bad *b)
{
	char longer[302];

	if (f->flags & PSM__REQUIRED) {
		add(b, "\"\"");
		add(b, "\" \\t\"");
	}
	if (f->words != NULL)
		add_words(f, b);
	if (f->form == PSM__FORM_FREE)
		return;
	ck_assert_int_gt(f->most, 0);
	ck_assert_int_lt(f->most, 301);
	memset(longer, 'x', (size_t)f->most + 1);
	longer[f->most + 1] = '\0';
	add(b, "\"%s\"", longer);
	add(b, "\"a\\nb\"");
	add(b, "\"a\\u0007b\"");
	if (f->form == PSM__FORM_POSTCODE)
		add_all(b, (const char *const[]){
			       "1011", "101155", "1011a",
			       "\u0661\u0661\u0661\u0661\u0661", NULL});
	if (f->form == PSM__FORM_MAIL)
		add_all(b, (const char *const[]){"a", "a@", "@b", "a@b@c",
		                                 "a b@c.de", NULL});
	if (f->form == PSM__FORM_PAGE)
		add_all(b, (const char *const[]){"ftp://a.de", "javascript:x",
		                                 "a b", NULL});
	if (f->form == PSM__FORM_NAME)
		add(b, "\"M&uuml;ller\"");
}

static void
add_numbers(const struct psm_entity_field *f, struct bad *b)
{
	add(b, "99999999999999999999");
	if (psm__zero_is_none(f)) /* 0 is no fault everywhere */
		add(b, "-1");
	else if (f->least > INT64_MIN)
		add(b, "%lld", (long long)f->least - 1);
	if (f->most < INT64_MAX)
		add(b, "%lld", (long long)f->most + 1);
}

static void
add_arrays(const struct psm_entity_field *f, struct bad *b)
{
	if (f->item == PSM__T_ENUM)
		add(b, "[\"x\"]");
	if (f->item == PSM__T_ENUM || f->item == PSM__T_TEXT)
		add(b, "[7]");
	if (f->item == PSM__T_INTEGER)
		add(b, "[\"7\"]");
	if (f->least > 0)
		add(b, "[]");
	if (f->item == PSM__T_ENUM && f->most == 3)
		add(b, "[\"%s\", \"%s\", \"%s\", \"%s\"]", f->words[0],
		    f->words[1], f->words[2], f->words[3]);
	if (f->form == PSM__FORM_EXCLUSIONS)
		add(b, "[\"7\"]"), add(b, "[{\"reason\": 7}]"), add(b, "[[]]");
}

static void
add_objects(const struct psm_entity_field *f, struct bad *b)
{
	if (f->form == PSM__FORM_WEEK) {
		add(b, "{\"funday\": [\"09:00-10:00\"]}");
		add(b, "{\"montag\": [\"9-10\"]}");
		add(b, "{\"montag\": {\"a\": {}}}");
	}
	if (f->form == PSM__FORM_DISTANCE)
		add(b, "{\"max_km\": \"x\"}"), add(b, "{\"max_km\": -1}");
}

static void
collect(const struct psm_entity_field *f, struct bad *b)
{
	static const char *const dates[] = {
	    "",           "2026-02-30",           "2026-13-01",
	    "30.06.2026", "2026-06-01T10:00:00Z", NULL};
	static const char *const times[] = {"", "25:00", "12:60", "9 Uhr",
	                                    NULL};
	static const char *const stamps[] = {
	    "", "2026-02-30T10:00:00Z", "2026-06-01T25:00:00Z", "9:00", NULL};

	b->count = 0;
	add_types(f, b);
	switch ((enum psm__type)f->type) {
	case PSM__T_INTEGER:
	case PSM__T_BIGINT:
		add_numbers(f, b);
		break;
	case PSM__T_TEXT:
		add_texts(f, b);
		break;
	case PSM__T_ENUM:
		add(b, "\"\"");
		add_words(f, b);
		break;
	case PSM__T_DATE:
		add_all(b, dates);
		break;
	case PSM__T_TIME:
		add_all(b, times);
		break;
	case PSM__T_TIMESTAMP:
		add_all(b, stamps);
		break;
	case PSM__T_OBJECT:
		add_objects(f, b);
		break;
	case PSM__T_ARRAY:
		add_arrays(f, b);
		break;
	default:
		break;
	}
}

/* -- reading */

/* What a column that must be there may say. */
static void
add_good(const struct psm_entity_field *f, struct psm__buf *json)
{
	psm__buf_printf(json, "%s\"%s\": ", json->len > 1 ? ", " : "", f->name);
	if (f->type == PSM__T_INTEGER)
		psm__buf_puts(json, "1");
	else
		psm__buf_printf(json, "\"%s\"",
		                f->type == PSM__T_ENUM      ? f->words[0]
		                : f->form == PSM__FORM_MAIL ? "a@example.org"
		                                            : "A");
}

/* An object with a bad value of one column, or of all that fit; which: of its
 * values, the last one where there are fewer. */
static char *
object(const struct psm_entity *e, int column, int which, unsigned writers,
       int required)
{
	struct psm__buf json = {0};
	struct bad b;

	psm__buf_puts(&json, "{");
	for (size_t i = 0; i < e->count; i++) {
		const struct psm_entity_field *f = &e->fields[i];

		if ((column < 0 && (writers == 0 || (f->writers & writers))) ||
		    (int)i == column) {
			collect(f, &b);
			psm__buf_printf(
			    &json, "%s\"%s\": %s", json.len > 1 ? ", " : "",
			    f->name,
			    b.json[which < b.count ? which : b.count - 1]);
		} else if (required && (f->flags & PSM__REQUIRED)) {
			add_good(f, &json);
		}
	}
	psm__buf_puts(&json, "}");
	return psm__buf_take(&json, NULL);
}

/* 1: a fault tells of the column, and how. */
static int
told(const char *prefix, const char *name)
{
	char pointer[200];
	size_t len;

	(void)snprintf(pointer, sizeof(pointer), "%s/%s", prefix, name);
	len = strlen(pointer);
	for (size_t i = 0; i < psm_error_fault_count(err); i++) {
		const char *at = psm_error_fault_pointer(err, i);
		const char *what = psm_error_fault_message(err, i);

		if (strncmp(at, pointer, len) != 0 ||
		    (at[len] != '\0' && at[len] != '/'))
			continue;
		ck_assert_msg(strstr(what, "want ") != NULL &&
		                  strstr(what, ", found ") != NULL,
		              "%s: %s", at, what);
		return 1;
	}
	return 0;
}

static const struct {
	enum psm__reading how;
	unsigned writer; /* 0: whoever may */
	int required;
} readings[] = {
    {PSM__READ_NEW, PSM__W_REST_CREATE, 1},
    {PSM__READ_NEW, PSM__W_IMPORT_CREATE, 1},
    {PSM__READ_PUT, PSM__W_REST_UPDATE, 0},
    {PSM__READ_MERGE, PSM__W_REST_UPDATE, 0},
    {PSM__READ_PART, 0, 0},
};

/* An empty text that is as if it were not there: of a date or a word that may
 * be, a PUT clears it and a form left it blank. */
static int
is_no_fault(const struct psm_entity_field *f, const char *json, size_t reading)
{
	int blank = strcmp(json, "\"\"") == 0 && f->type != PSM__T_TEXT;

	if (readings[reading].how == PSM__READ_PUT)
		return blank && (f->flags & (PSM__REQUIRED | PSM__NOT_NULL |
		                             PSM__STAYS)) == 0;
	return blank && readings[reading].writer == PSM__W_IMPORT_CREATE &&
	       (f->flags & PSM__REQUIRED) == 0;
}

static int
read_json(const struct psm_entity *e, const char *json, size_t reading)
{
	struct psm__row row;
	psm_json *doc = NULL;
	int rc;

	psm__error_clear(err);
	ck_assert_msg(psm_json_parse(json, strlen(json), &doc, err) == 0,
	              "%s: %s", json, psm_error_message(err));
	OK(psm__row_init(&row, e, err));
	rc = psm__row_read(&row, doc, readings[reading].how,
	                   readings[reading].writer, "", err);
	psm__row_free(&row);
	psm_json_free(doc);
	return rc;
}

static int
is_read(const struct psm_entity_field *f, size_t reading)
{
	return readings[reading].writer == 0 ||
	       (f->writers & readings[reading].writer) != 0;
}

/* Each value alone: one fault, or several at places below the column. */
START_TEST(each_value)
{
	const struct psm_entity *e = psm__entities[_i];
	struct bad b;
	char *json;
	int rc;

	for (size_t n = 0; n < PSM__COUNT(readings); n++) {
		for (size_t c = 0; c < e->count; c++) {
			const struct psm_entity_field *f = &e->fields[c];

			collect(f, &b);
			for (int k = 0; is_read(f, n) && k < b.count; k++) {
				json = object(e, (int)c, k, 0,
				              readings[n].required);
				rc = read_json(e, json, n);
				if (is_no_fault(f, b.json[k], n))
					ck_assert_msg(rc >= 0, "%s", json);
				else
					ck_assert_msg(rc == PSM_ERR_SCHEMA &&
					                  told("", f->name),
					              "%zu: %s: %d", n, json,
					              rc);
				psm__free(json);
			}
		}
	}
}
END_TEST

/* All columns of a record at once. */
START_TEST(all_at_once)
{
	const struct psm_entity *e = psm__entities[_i];
	char *json;

	for (size_t n = 0; n < PSM__COUNT(readings); n++) {
		/* The first one is of a wrong type, for any column. */
		json = object(e, -1, 0, readings[n].writer, 0);
		if (strcmp(json, "{}") != 0)
			ck_assert_int_eq(read_json(e, json, n), PSM_ERR_SCHEMA);
		for (size_t c = 0; c < e->count; c++)
			ck_assert_msg(!is_read(&e->fields[c], n) ||
			                  told("", e->fields[c].name),
			              "%zu: %s", n, e->fields[c].name);
		psm__free(json);
	}
}
END_TEST

/* -- the use cases */

static char *
all_rows(void)
{
	return pg_text(
	    "SELECT md5(string_agg(line, '|' ORDER BY line)) FROM ("
	    "SELECT concat(xmin, t) AS line FROM patient_service.patienten t "
	    "UNION ALL SELECT concat(xmin, t) FROM "
	    "therapist_service.therapeuten t "
	    "UNION ALL SELECT concat(xmin, t) FROM "
	    "matching_service.platzsuche t "
	    "UNION ALL SELECT concat(xmin, t) FROM "
	    "communication_service.emails t "
	    "UNION ALL SELECT concat(xmin, t) FROM "
	    "communication_service.telefonanrufe t "
	    "UNION ALL SELECT concat(xmin, t) FROM psymatch.entity_version t "
	    "UNION ALL SELECT concat(xmin, t) FROM psymatch.patient_import t "
	    "UNION ALL SELECT concat(xmin, t) FROM psymatch.outbox t) x");
}

static void
setup(void)
{
	inquiry_setup();
	OK(psm_store_migrate(st, "patient", err));
	pg_run("INSERT INTO therapist_service.therapeuten (anrede, geschlecht, "
	       "vorname, nachname) VALUES ('Frau', 'weiblich', 'A', 'B')");
	pg_run("INSERT INTO patient_service.patienten (anrede, geschlecht, "
	       "vorname, nachname) VALUES ('Frau', 'weiblich', 'A', 'B')");
	add_patient(1, "10115", 0);
	pg_run("INSERT INTO communication_service.emails (patient_id, betreff, "
	       "inhalt_html, inhalt_text, empfaenger_email, empfaenger_name, "
	       "absender_email, absender_name) VALUES "
	       "(1, 'b', '', 't', 'a@b.de', 'A', 'c@d.de', 'C')");
	pg_run("INSERT INTO communication_service.telefonanrufe (patient_id, "
	       "geplantes_datum, geplante_zeit) VALUES (1, '2026-04-01', "
	       "'10:00')");
}

/* In a transaction of its own, which the caller goes on with after a fault. */
static int
in_tx(const char *name, int verb, const char *json)
{
	psm_tx *tx;
	int rc;

	OK(psm_tx_begin(st, &tx, err));
	rc = verb == 0 ? psm_entity_create(tx, name, json, strlen(json), NULL,
	                                   NULL, err)
	               : psm_entity_update(tx, name, 1, PSM_VERSION_ANY,
	                                   verb == 1 ? PSM_CHANGE_PUT
	                                             : PSM_CHANGE_MERGE,
	                                   json, strlen(json), NULL, NULL, err);
	if (psm_tx_commit(tx, NULL) < 0)
		ck_assert_int_lt(rc, 0);
	return rc;
}

static int
write_it(const struct psm_entity *e, int verb, const char *json)
{
	if (verb > 0 || e == &psm__entity_patient ||
	    e == &psm__entity_therapist)
		return in_tx(e->name, verb, json);
	if (e == &psm__entity_search)
		return psm_search_create(st, json, strlen(json), &out, err);
	if (e == &psm__entity_email)
		return psm_mail_create(st, json, strlen(json), NULL, NULL, &out,
		                       err);
	return psm_call_create(st, json, strlen(json), &out, err);
}

/* Every entity that people write; the k-th value of each column. */
START_TEST(nothing_is_written)
{
	static const struct psm_entity *const written[] = {
	    &psm__entity_patient, &psm__entity_therapist, &psm__entity_search,
	    &psm__entity_email, &psm__entity_phone_call};
	const struct psm_entity *e = written[_i];
	char *before = all_rows(), *after, *json;

	for (int verb = 0; verb < 3; verb++) {
		unsigned writer =
		    verb == 0 ? PSM__W_REST_CREATE : PSM__W_REST_UPDATE;

		for (int k = 0; k < 3; k++) {
			json = object(e, -1, k, writer, 0);
			ck_assert_msg(write_it(e, verb, json) == PSM_ERR_SCHEMA,
			              "%s: %s: %s", e->name, json,
			              psm_error_message(err));
			for (size_t c = 0; c < e->count; c++)
				ck_assert_msg((e->fields[c].writers & writer) ==
				                      0 ||
				                  told("", e->fields[c].name),
				              "%s %d %d: %s", e->name, verb, k,
				              e->fields[c].name);
			psm__free(json);
		}
	}
	after = all_rows();
	ck_assert_str_eq(after, before);
	free(after);
	free(before);
}
END_TEST

START_TEST(no_patient_is_imported)
{
	const struct psm_entity *e = &psm__entity_patient;
	char *before = all_rows(), *after, *json;
	struct psm__buf text = {0};

	for (int k = 0; k < 3; k++) {
		json = object(e, -1, k, PSM__W_IMPORT_CREATE, 0);
		psm__buf_reset(&text);
		psm__buf_printf(&text,
		                "{\"patient_data\": %s, "
		                "\"registration_token\": \"ABCDEFGHIJ%d\"}",
		                json, k);
		psm__free(json);
		ck_assert_int_eq(
		    psm_patient_import_document(st, "a.json", text.data,
		                                text.len, NULL, err),
		    PSM_ERR_SCHEMA);
		for (size_t c = 0; c < e->count; c++)
			ck_assert_msg(
			    (e->fields[c].writers & PSM__W_IMPORT_CREATE) ==
				    0 ||
				told("/patient_data", e->fields[c].name),
			    "%d: %s", k, e->fields[c].name);
	}
	psm__buf_free(&text);
	after = all_rows();
	ck_assert_str_eq(after, before);
	free(after);
	free(before);
}
END_TEST

static void
pure_setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
}

static void
pure_teardown(void)
{
	psm_error_free(err);
}

static Suite *
suite(void)
{
	Suite *s = suite_create("bad_values");
	TCase *pure = tcase_create("rows"), *db = tcase_create("use cases");

	tcase_add_checked_fixture(pure, pure_setup, pure_teardown);
	tcase_add_loop_test(pure, each_value, 0, PSM__ENTITY_COUNT);
	tcase_add_loop_test(pure, all_at_once, 0, PSM__ENTITY_COUNT);
	suite_add_tcase(s, pure);
	tcase_add_checked_fixture(db, setup, inquiry_teardown);
	tcase_set_timeout(db, 60);
	tcase_add_loop_test(db, nothing_is_written, 0, 5);
	tcase_add_test(db, no_patient_is_imported);
	suite_add_tcase(s, db);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
