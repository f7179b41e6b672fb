/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and versions of events, and what events carry of an entity. */
#include "event/catalogue_int.h"
#include "testing.h"

struct form {
	const char *text;
	int right;
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

	check_forms(type_names, PSM__COUNT(type_names), psm__is_type_name);
	check_forms(versions, PSM__COUNT(versions), is_version);
	ck_assert_int_eq(psm__version_read("3.14", &major, &minor), 1);
	ck_assert_uint_eq(major, 3);
	ck_assert_uint_eq(minor, 14);
}
END_TEST

/* The members of a record are the columns that are flagged for events. */
static void
record_is_sound(const struct psm_entity *e,
                const psm_catalogue_field_info *data, size_t extra)
{
	size_t found = 0, i;
	int column;

	for (i = 0; data[i].name != NULL; i++) {
		column = psm__column_find(e, data[i].name);
		if (column < 0) /* made for the event */
			continue;
		found++;
		ck_assert(e->fields[column].flags & PSM__IN_EVENT);
		ck_assert_int_eq((e->fields[column].flags & PSM__PERSONAL) != 0,
		                 data[i].personal);
		ck_assert_int_eq(data[i].required, column == PSM__COLUMN_ID);
		ck_assert_int_eq(data[i].nullable, column != PSM__COLUMN_ID);
	}
	ck_assert_uint_eq(i, found + extra);
	for (i = 0; i < e->count; i++)
		found -= (e->fields[i].flags & PSM__IN_EVENT) != 0;
	ck_assert_uint_eq(found, 0);
}

static const char *
type_of(const psm_catalogue_field_info *data, const char *name)
{
	for (; data->name != NULL; data++)
		if (strcmp(data->name, name) == 0)
			return psm_catalogue_field_type(data);
	return "";
}

START_TEST(records_are_their_entities)
{
	record_is_sound(&psm__entity_patient, psm__patient_data, 0);
	record_is_sound(&psm__entity_therapist, psm__therapist_data, 0);
	record_is_sound(&psm__entity_email, psm__email_data, 2);
	record_is_sound(&psm__entity_phone_call, psm__call_data, 4);
	ck_assert_str_eq(type_of(psm__patient_data, "id"), "integer");
	ck_assert_str_eq(type_of(psm__patient_data, "symptome"), "array");
	ck_assert_str_eq(type_of(psm__patient_data, "geburtsdatum"), "date");
	ck_assert_str_eq(type_of(psm__patient_data, "offen_fuer_diga"),
	                 "boolean");
	ck_assert_str_eq(type_of(psm__patient_data, "status"), "string");
	ck_assert_str_eq(type_of(psm__therapist_data, "arbeitszeiten"),
	                 "object");
	/* The words of a choice are not those of older rows. */
	for (const psm_catalogue_field_info *f = psm__therapist_data; f->name;
	     f++)
		ck_assert(strcmp(f->name, "geschlechtspraeferenz") != 0 ||
		          f->words == NULL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("event_text");
	TCase *tables = tcase_create("tables");

	tcase_add_test(tables, texts_have_their_form);
	tcase_add_test(tables, records_are_their_entities);
	suite_add_tcase(s, tables);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
