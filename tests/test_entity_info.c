/* SPDX-License-Identifier: BSD-2-Clause */
/* What the public header tells of the tables, and schemas made from them. */
#include <psymatch/entity.h>
#include <psymatch/json.h>

#include "testing.h"

static psm_error *err;

static void
setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
}

static void
teardown(void)
{
	psm_error_free(err);
}

static const psm_entity_field *
field(const char *entity, const char *name)
{
	const psm_entity *e = psm_entity_find(entity);
	const psm_entity_field *f;

	for (size_t i = 0; (f = psm_entity_field_at(e, i)) != NULL; i++)
		if (strcmp(psm_entity_field_name(f), name) == 0)
			return f;
	ck_abort_msg("%s has no %s", entity, name);
	return NULL;
}

START_TEST(entities_are_listed)
{
	const psm_entity *e;
	size_t i;

	for (i = 0; (e = psm_entity_at(i)) != NULL; i++) {
		ck_assert_ptr_eq(psm_entity_find(psm_entity_name(e)), e);
		ck_assert_str_eq(
		    psm_entity_field_name(psm_entity_field_at(e, 0)), "id");
	}
	ck_assert_uint_eq(i, psm_entity_count());
	ck_assert_uint_eq(i, 7);
	ck_assert_ptr_null(psm_entity_find("nobody"));
	ck_assert_ptr_null(psm_entity_find(NULL));
	e = psm_entity_find("inquiry_patient");
	ck_assert_str_eq(psm_entity_sql_schema(e), "matching_service");
	ck_assert_str_eq(psm_entity_sql_table(e), "therapeut_anfrage_patient");
}
END_TEST

START_TEST(columns_are_told)
{
	const psm_entity_field *f = field("therapist", "plz");
	int64_t least = 7, most = 7;

	ck_assert_str_eq(psm_entity_field_type(f), "text");
	ck_assert_str_eq(psm_entity_field_sql_type(f), "varchar(10)");
	ck_assert_str_eq(psm_entity_field_meaning(f), "Postal code");
	ck_assert_ptr_null(psm_entity_field_default(f));
	ck_assert_ptr_null(psm_entity_field_item_type(f));
	ck_assert_ptr_null(psm_entity_field_word_at(f, 0));
	ck_assert_int_eq(psm_entity_field_limits(f, &least, &most), 1);
	ck_assert_int_eq(least, 0);
	ck_assert_int_eq(most, 10);
	ck_assert_int_eq(psm_entity_field_is(f, PSM_ENTITY_PREFIX), 1);
	ck_assert_int_eq(psm_entity_field_is(f, PSM_ENTITY_PERSONAL), 1);
	ck_assert_int_eq(psm_entity_field_is(f, PSM_ENTITY_REQUIRED), 0);
	ck_assert_int_eq(psm_entity_field_writable(f, PSM_ENTITY_REST_UPDATE),
	                 1);
	ck_assert_int_eq(psm_entity_field_writable(f, PSM_ENTITY_SYSTEM), 0);

	f = field("patient", "symptome");
	ck_assert_str_eq(psm_entity_field_type(f), "array");
	ck_assert_str_eq(psm_entity_field_item_type(f), "enum");
	ck_assert_str_eq(psm_entity_field_word_at(f, 29), "Identitätskrise");
	ck_assert_ptr_null(psm_entity_field_word_at(f, 30));
	f = field("therapist", "arbeitszeiten");
	ck_assert_str_eq(psm_entity_field_default(f), "{}");
	ck_assert_int_eq(psm_entity_field_limits(f, &least, &most), 0);
	ck_assert_int_eq(most, 0);
}
END_TEST

START_TEST(nothing_is_told_of_nothing)
{
	ck_assert_ptr_null(psm_entity_at(7));
	ck_assert_ptr_null(psm_entity_name(NULL));
	ck_assert_ptr_null(psm_entity_sql_schema(NULL));
	ck_assert_ptr_null(psm_entity_sql_table(NULL));
	ck_assert_ptr_null(psm_entity_field_at(NULL, 0));
	ck_assert_ptr_null(psm_entity_field_at(psm_entity_at(0), 36));
	ck_assert_ptr_null(psm_entity_field_name(NULL));
	ck_assert_ptr_null(psm_entity_field_type(NULL));
	ck_assert_ptr_null(psm_entity_field_item_type(NULL));
	ck_assert_ptr_null(psm_entity_field_sql_type(NULL));
	ck_assert_ptr_null(psm_entity_field_meaning(NULL));
	ck_assert_ptr_null(psm_entity_field_default(NULL));
	ck_assert_ptr_null(psm_entity_field_word_at(NULL, 0));
	ck_assert_int_eq(psm_entity_field_limits(NULL, NULL, NULL), 0);
	ck_assert_int_eq(psm_entity_field_is(NULL, PSM_ENTITY_SORT), 0);
	ck_assert_int_eq(psm_entity_field_writable(NULL, PSM_ENTITY_SYSTEM), 0);
	ck_assert_ptr_null(psm_entity_filter_at(NULL, 0));
	ck_assert_ptr_null(psm_entity_filter_field(NULL, "status"));
	ck_assert_ptr_null(psm_entity_filter_field(psm_entity_at(0), NULL));
	ck_assert_ptr_null(psm_entity_state_at(NULL, 0));
	ck_assert_int_eq(psm_entity_may_follow(NULL, NULL, "aktiv", NULL), 0);
}
END_TEST

/* In the order of the columns; a new column may have one, too. */
START_TEST(filters_are_listed)
{
	static const char *const wanted[] = {"plz_prefix",
	                                     "potenziell_verfuegbar",
	                                     "ueber_curavani_informiert",
	                                     "barrierefrei",
	                                     "status",
	                                     "search"};
	const psm_entity *e = psm_entity_find("therapist");
	const char *name;
	const size_t count = sizeof wanted / sizeof wanted[0];
	size_t i, found = 0;

	for (i = 0; (name = psm_entity_filter_at(e, i)) != NULL; i++)
		if (found < count && strcmp(name, wanted[found]) == 0)
			found++;
	ck_assert_uint_eq(found, count);
	ck_assert_ptr_eq(psm_entity_filter_field(e, "plz_prefix"),
	                 field("therapist", "plz"));
	ck_assert_ptr_eq(psm_entity_filter_field(e, "status"),
	                 field("therapist", "status"));
	ck_assert_ptr_null(psm_entity_filter_field(e, "search"));
	ck_assert_ptr_null(psm_entity_filter_field(e, "plz"));
	e = psm_entity_find("search");
	for (i = 0; psm_entity_filter_at(e, i) != NULL; i++)
		ck_assert_str_ne(psm_entity_filter_at(e, i), "search");
}
END_TEST

START_TEST(states_are_listed)
{
	const psm_entity *e = psm_entity_find("search");
	const char *event = "";

	ck_assert_str_eq(psm_entity_state_at(e, 2), "pausiert");
	ck_assert_ptr_null(psm_entity_state_at(e, 4));
	ck_assert_int_eq(psm_entity_may_follow(e, NULL, "aktiv", &event), 1);
	ck_assert_str_eq(event, "search.status_changed");
	ck_assert_int_eq(psm_entity_may_follow(e, "aktiv", "pausiert", NULL),
	                 1);
	ck_assert_int_eq(
	    psm_entity_may_follow(e, "erfolgreich", "aktiv", &event), 0);
	ck_assert_ptr_null(event);
	ck_assert_int_eq(psm_entity_may_follow(e, "Aktiv", "pausiert", NULL),
	                 0);
	ck_assert_int_eq(psm_entity_may_follow(e, "aktiv", NULL, NULL), 0);
	e = psm_entity_find("therapist");
	ck_assert_int_eq(psm_entity_may_follow(e, "inaktiv", "aktiv", &event),
	                 1);
	ck_assert_str_eq(event, "therapist.unblocked");
}
END_TEST

/* -- schemas */

static psm_json *
schema(const char *entity, int shape)
{
	psm_json *doc = NULL;
	char *text = NULL;

	ck_assert_int_eq(
	    psm_entity_schema(psm_entity_find(entity), shape, &text, err), 0);
	ck_assert_int_eq(psm_json_parse(text, strlen(text), &doc, err), 0);
	psm_free(text);
	return doc;
}

static void
check_part(int shape, const char *pointer, const char *want)
{
	psm_json *doc = schema("therapist", shape);
	const psm_json *v = psm_json_at(doc, pointer);
	size_t len = 0;
	const char *text = v != NULL ? psm_json_text(v, &len) : "nothing";

	if (v == NULL)
		len = strlen(text);
	ck_assert_msg(strlen(want) == len && strncmp(text, want, len) == 0,
	              "%d%s: want %s, got %.*s", shape, pointer, want, (int)len,
	              text);
	psm_json_free(doc);
}

START_TEST(schemas_say_what_rest_takes)
{
	check_part(PSM_ENTITY_CREATE, "/required",
	           "[\"anrede\",\"geschlecht\",\"vorname\",\"nachname\"]");
	check_part(PSM_ENTITY_CREATE, "/properties/id", "nothing");
	check_part(PSM_ENTITY_CREATE, "/properties/vorname",
	           "{\"type\":\"string\",\"description\":\"First name\","
	           "\"minLength\":1,\"maxLength\":100}");
	check_part(PSM_ENTITY_CREATE, "/properties/kassensitz",
	           "{\"type\":[\"boolean\",\"null\"],\"description\":\"Has a "
	           "contract with the public insurances\",\"default\":true}");
	check_part(
	    PSM_ENTITY_CREATE, "/properties/alter_min",
	    "{\"type\":[\"integer\",\"null\"],\"description\":\"Least age "
	    "of patients; 0: no limit\",\"minimum\":0,\"maximum\":150}");
	check_part(PSM_ENTITY_UPDATE, "/required", "[]");
	check_part(PSM_ENTITY_UPDATE, "/properties/sperrdatum/format",
	           "nothing");
	check_part(PSM_ENTITY_MERGE, "/properties/sperrdatum/format",
	           "\"date\"");
	check_part(PSM_ENTITY_MERGE, "/properties/status/type", "\"string\"");
	check_part(PSM_ENTITY_MERGE, "/properties/status/enum",
	           "[\"aktiv\",\"gesperrt\",\"inaktiv\"]");
	check_part(PSM_ENTITY_MERGE, "/additionalProperties", "false");
	check_part(PSM_ENTITY_EVENT, "/required", "[\"id\"]");
	check_part(PSM_ENTITY_SHOW, "/properties/created_at/type",
	           "[\"string\",\"null\"]");
}
END_TEST

/* What is in a schema is what its table says, for each entity and shape. */
START_TEST(schemas_have_their_columns)
{
	const psm_entity *e = psm_entity_at((size_t)_i / 5);
	int shape = _i % 5;
	psm_json *doc = schema(psm_entity_name(e), shape);
	const psm_json *properties = psm_json_at(doc, "/properties");
	const psm_entity_field *f;
	size_t count = 0;
	char pointer[80];
	int in;

	for (size_t i = 0; (f = psm_entity_field_at(e, i)) != NULL; i++) {
		in = shape == PSM_ENTITY_SHOW ? 1
		     : shape == PSM_ENTITY_EVENT
		         ? psm_entity_field_is(f, PSM_ENTITY_IN_EVENT)
		         : psm_entity_field_writable(
			       f, shape == PSM_ENTITY_CREATE
				      ? PSM_ENTITY_REST_CREATE
				      : PSM_ENTITY_REST_UPDATE);
		(void)snprintf(pointer, sizeof(pointer), "/%s/description",
		               psm_entity_field_name(f));
		ck_assert_int_eq(psm_json_at(properties, pointer) != NULL, in);
		count += (size_t)in;
	}
	ck_assert_uint_eq(psm_json_count(properties), count);
	psm_json_free(doc);
}
END_TEST

START_TEST(schemas_want_arguments)
{
	char *text = NULL;

	ck_assert_int_eq(psm_entity_schema(NULL, 0, &text, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_entity_schema(psm_entity_at(0), 0, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_entity_schema(psm_entity_at(0), -1, &text, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_entity_schema(psm_entity_at(0), 5, &text, err),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(text);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("entity_info");
	TCase *info = tcase_create("info"), *schemas = tcase_create("schemas");

	tcase_add_checked_fixture(info, setup, teardown);
	tcase_add_test(info, entities_are_listed);
	tcase_add_test(info, columns_are_told);
	tcase_add_test(info, nothing_is_told_of_nothing);
	tcase_add_test(info, filters_are_listed);
	tcase_add_test(info, states_are_listed);
	suite_add_tcase(s, info);
	tcase_add_checked_fixture(schemas, setup, teardown);
	tcase_add_test(schemas, schemas_say_what_rest_takes);
	tcase_add_loop_test(schemas, schemas_have_their_columns, 0, 7 * 5);
	tcase_add_test(schemas, schemas_want_arguments);
	suite_add_tcase(s, schemas);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
