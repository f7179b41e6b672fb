/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of fields and words, and the forms of texts. */
#include <check.h>
#include <string.h>

#include "event/catalogue_int.h"
#include "testing.h"

static void
entity_is_sound(const struct psm__entity *e,
                const psm_catalogue_field_info *data)
{
	size_t i;

	for (i = 0; i < e->count; i++) {
		const struct psm__entity_field *f = &e->fields[i];

		ck_assert_str_eq(f->name, data[i].name);
		ck_assert_str_eq(f->json_type,
		                 psm_catalogue_field_type(&data[i]));
		ck_assert_int_eq(f->personal,
		                 psm_catalogue_field_personal(&data[i]));
		ck_assert_ptr_eq(f->words, data[i].words);
		ck_assert_ptr_eq(psm__entity_find(e, f->name), f);
		/* Only the id is nobody's, and only it must be in an event. */
		ck_assert_int_eq(f->writers == 0, strcmp(f->name, "id") == 0);
		ck_assert_int_eq(data[i].required, f->writers == 0);
		if (f->words && strcmp(f->json_type, "string") == 0)
			ck_assert_ptr_null(strchr(f->sql_type, '('));
		ck_assert_int_eq(f->max_len > 0,
		                 strncmp(f->sql_type, "varchar(", 8) == 0);
	}
	ck_assert_ptr_null(data[i].name);
	ck_assert_ptr_null(psm__entity_find(e, "nachname "));
}

START_TEST(entities_are_sound)
{
	entity_is_sound(&psm__entity_patient, psm__patient_data);
	entity_is_sound(&psm__entity_therapist, psm__therapist_data);
	ck_assert_uint_eq(psm__entity_patient.count, 36);
	ck_assert_uint_eq(psm__entity_therapist.count, 37);
	ck_assert_int_eq(
	    psm__entity_find(&psm__entity_patient, "zahlungsreferenz")->max_len,
	    8);
}
END_TEST

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
	ck_assert_int_eq(psm__word_index(psm__words_symptome,
	                                 "Stress / U\xcc\x88"
	                                 "berforderung"),
	                 4);
	ck_assert_int_eq(
	    psm__word_index(psm__words_geschlecht, "me\xcc\x88nnlich"), -1);
	ck_assert_int_eq(psm__word_index(psm__words_geschlecht, "ma\xcc"), -1);
}
END_TEST

struct form {
	const char *text;
	int right;
};

static const struct form dates[] = {
    {"2026-01-31", 1}, {"2024-02-29", 1}, {"2000-02-29", 1}, {"1900-02-29", 0},
    {"2026-02-29", 0}, {"2026-04-31", 0}, {"2026-13-01", 0}, {"2026-00-10", 0},
    {"2026-01-00", 0}, {"0000-01-01", 0}, {"1999-1-5", 0},   {"2026-01-31T", 0},
    {"", 0},           {"2026/01/31", 0}, {"20x6-01-31", 0}, {"-026-01-31", 0},
    {"2026-01-3 ", 0}, {"9999-12-31", 1},
};

static const struct form times[] = {
    {"09:30", 1},     {"00:00:00", 1},    {"23:59:59", 1},
    {"24:00", 0},     {"12:60", 0},       {"12:00:60", 0},
    {"9:30", 0},      {"09:3", 0},        {"09:30:", 0},
    {"09:30:00.", 0}, {"09:30:00.25", 1}, {"09:30:00.1234567890", 0},
    {"", 0},          {"0", 0},           {"09:30Z", 0},
};

static const struct form type_names[] = {
    {"patient.created", 1},
    {"a.b", 1},
    {"a1_b.c_2", 1},
    {"patient", 0},
    {"patient.", 0},
    {".created", 0},
    {"a.b.c", 0},
    {"Patient.made", 0},
    {"patient.Created", 0},
    {"1a.b", 0},
    {"a.1", 0},
    {"a b.c", 0},
    {"", 0},
    {"a.b ", 0},
    {"_a.b", 0},
};

static const struct form versions[] = {
    {"1.0", 1},  {"1.17", 1}, {"0.1", 1},   {"2.0", 1},  {"1", 0},
    {"1.", 0},   {".1", 0},   {"1.0.0", 0}, {"01.0", 0}, {"1.00", 0},
    {"v1.0", 0}, {"", 0},     {"1.0 ", 0},  {"-1.0", 0}, {"12345.0", 0},
};

static int
is_version(const char *text)
{
	unsigned major, minor;

	return psm__version_read(text, &major, &minor);
}

static void
check_forms(const struct form *forms, size_t count, int (*is)(const char *))
{
	size_t i;

	for (i = 0; i < count; i++)
		ck_assert_msg(is(forms[i].text) == forms[i].right, "\"%s\"",
		              forms[i].text);
}

START_TEST(texts_have_their_form)
{
	unsigned major = 0, minor = 0;

	check_forms(dates, PSM__COUNT(dates), psm__is_date);
	check_forms(times, PSM__COUNT(times), psm__is_time);
	check_forms(type_names, PSM__COUNT(type_names), psm__is_type_name);
	check_forms(versions, PSM__COUNT(versions), is_version);
	ck_assert_int_eq(psm__version_read("3.14", &major, &minor), 1);
	ck_assert_uint_eq(major, 3);
	ck_assert_uint_eq(minor, 14);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("entity");
	TCase *tables = tcase_create("tables");

	tcase_add_test(tables, entities_are_sound);
	tcase_add_test(tables, words_are_found);
	tcase_add_test(tables, texts_have_their_form);
	suite_add_tcase(s, tables);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
