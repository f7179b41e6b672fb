/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows as JSON, each column only for those who may see it; and memory that runs
 * out while rows are read and written. */
#include "testing_entity.h"

static void
check_text(enum psm__audience audience, const char *want)
{
	char *text = NULL;

	ck_assert_int_eq(psm__row_text(&row, audience, &text, err), 0);
	ck_assert_str_eq(text, want);
	psm__free(text);
}

START_TEST(audiences)
{
	make_row(&psm__entity_phone_call);
	ck_assert_int_eq(
	    read_text(PSM__READ_PART, 0,
	              "{\"id\": 3, \"patient_id\": 7, \"geplantes_datum\": "
	              "\"2026-07-02\", \"geplante_zeit\": \"09:30\", "
	              "\"status\": \"geplant\", \"ergebnis\": \"secret\", "
	              "\"created_at\": \"2026-07-01T12:00:00Z\"}"),
	    7);
	check_text(PSM__FOR_REST,
	           "{\"id\":3,\"therapist_id\":null,\"patient_id\":7,"
	           "\"therapeutenanfrage_id\":null,\"geplantes_datum\":"
	           "\"2026-07-02\",\"geplante_zeit\":\"09:30\","
	           "\"dauer_minuten\":null,\"tatsaechliches_datum\":null,"
	           "\"tatsaechliche_zeit\":null,\"status\":\"geplant\","
	           "\"ergebnis\":\"secret\",\"notizen\":null,"
	           "\"angehalten_seit\":null,"
	           "\"einmal_schluessel\":null,\"created_at\":"
	           "\"2026-07-01T12:00:00Z\",\"updated_at\":null}");
	check_text(PSM__FOR_EVENT,
	           "{\"therapist_id\":null,\"patient_id\":7,"
	           "\"therapeutenanfrage_id\":null,\"status\":\"geplant\","
	           "\"ergebnis\":\"secret\"}");
	check_text(PSM__FOR_LOG,
	           "{\"id\":3,\"patient_id\":7,\"geplantes_datum\":"
	           "\"2026-07-02\",\"geplante_zeit\":\"09:30:00\",\"status\":"
	           "\"geplant\",\"created_at\":\"2026-07-01T12:00:00Z\"}");
	check_text(PSM__FOR_STORE,
	           "{\"id\":3,\"patient_id\":7,\"geplantes_datum\":"
	           "\"2026-07-02\",\"geplante_zeit\":\"09:30:00\",\"status\":"
	           "\"geplant\",\"ergebnis\":\"secret\",\"created_at\":"
	           "\"2026-07-01T12:00:00Z\"}");
}
END_TEST

/* Nothing personal of any entity gets into a log. */
START_TEST(fault_S12_logs_have_nothing_personal)
{
	const struct psm_entity *e = psm__entities[_i];
	char *text = NULL;

	make_row(e);
	for (size_t i = 0; i < e->count; i++)
		ck_assert_int_eq(
		    psm__row_set(&row, (int)i,
		                 e->fields[i].flags & PSM__PERSONAL ? "[\"9\"]"
		                 : e->fields[i].type == PSM__T_OBJECT ||
		                         e->fields[i].type == PSM__T_ARRAY
		                     ? "[]"
		                     : "1",
		                 err),
		    0);
	ck_assert_int_eq(psm__row_text(&row, PSM__FOR_LOG, &text, err), 0);
	ck_assert_ptr_null(strchr(text, '9'));
	ck_assert_ptr_nonnull(strstr(text, "\"id\":1"));
	psm__free(text);
}
END_TEST

/* -- memory */

static int
change_and_write(psm_json *doc, psm_error *e)
{
	struct psm__row r = {0};
	struct psm__list l = {.limit = 1};
	const char *event;
	char *text = NULL;
	int rc = psm__row_init(&r, &psm__entity_therapist, e);

	if (rc == 0)
		rc =
		    psm__row_make(&r, doc, PSM__W_REST_CREATE, &now, &event, e);
	if (rc == 0)
		rc = psm__row_patch(&r, doc, PSM__READ_PUT, &now, &event, e);
	if (rc >= 0)
		rc = psm__row_text(&r, PSM__FOR_REST, &text, e);
	if (rc == 0)
		rc = psm__list_filter(&l, r.entity, "search", "a%", e);
	if (rc == 0)
		rc = psm__list_filter(&l, r.entity, "status", "aktiv", e);
	psm__free(text);
	psm__list_free(&l);
	psm__row_free(&r);
	return rc;
}

static int
everything(void *arg)
{
	psm_json *doc = NULL;
	char *schema = NULL;
	int rc;

	(void)arg; /* the same each time */
	rc = psm_json_parse(therapist, sizeof(therapist) - 1, &doc, NULL);
	if (rc == 0)
		rc = change_and_write(doc, NULL);
	if (rc == 0)
		rc = psm_entity_schema(&psm__entity_therapist,
		                       PSM_ENTITY_CREATE, &schema, NULL);
	psm_free(schema);
	psm_json_free(doc);
	return rc;
}

START_TEST(memory_runs_out)
{
	ck_assert_int_gt(testing_fail_each(everything, NULL, 0), 30);
}
END_TEST

/* A statement that could not be made is made the next time. */
START_TEST(memory_runs_out_for_statements)
{
	const struct psm_entity *e = &psm__entity_therapist;
	const struct psm__list all = {0};

	testing_memory_begin();
	for (int i = 0; i < PSM__SQL_STATEMENTS; i++) {
		testing_memory_refuse(1);
		ck_assert_ptr_null(psm__sql(e, (enum psm__sql)i));
		testing_memory_refuse(0);
		ck_assert_ptr_nonnull(psm__sql(e, (enum psm__sql)i));
		testing_memory_refuse(1);
		ck_assert_ptr_nonnull(psm__sql(e, (enum psm__sql)i));
	}
	ck_assert_ptr_null(psm__list_page_sql(&all, e));
	testing_memory_refuse(1);
	ck_assert_ptr_null(psm__list_count_sql(&all, e));
	testing_memory_refuse(0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("entity_write");
	TCase *writing = tcase_create("write"),
	      *memory = tcase_create("memory");

	tcase_add_checked_fixture(writing, setup, teardown);
	tcase_add_test(writing, audiences);
	tcase_add_loop_test(writing, fault_S12_logs_have_nothing_personal, 0,
	                    PSM__ENTITY_COUNT);
	suite_add_tcase(s, writing);
	tcase_add_test(memory, memory_runs_out);
	tcase_add_test(memory, memory_runs_out_for_statements);
	suite_add_tcase(s, memory);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
