/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of fields are the database's tables, and their statements run. */
#include "entity/entity.h"
#include "testing_app.h"

/* Those whose tables a migration makes; the patients' are not made here
 * yet. In the order of their foreign keys. */
static const struct psm_entity *const stored[] = {
    &psm__entity_therapist,       &psm__entity_search, &psm__entity_inquiry,
    &psm__entity_inquiry_patient, &psm__entity_email,  &psm__entity_phone_call,
};

static psm_tx *tx;

static void
setup(void)
{
	app_setup();
	OK(psm_tx_begin(st, &tx, err));
}

static void
teardown(void)
{
	psm_tx_rollback(tx);
	app_teardown();
}

static psm_rows *
run(const char *sql, size_t count, const char *const *params)
{
	psm_rows *rows = NULL;

	ck_assert_ptr_nonnull(sql);
	ck_assert_msg(psm_tx_exec(tx, sql, count, params, &rows, err) == 0,
	              "%s: %s", sql, psm_error_message(err));
	return rows;
}

/* "varchar(100)" as information_schema has it: "character varying(100)". */
static void
type_name(const struct psm_entity_field *f, char *text, size_t size)
{
	if (strncmp(f->sql_type, "varchar", 7) == 0)
		(void)snprintf(text, size, "character varying%s",
		               f->sql_type + 7);
	else if (f->type == PSM__T_TIME || f->type == PSM__T_TIMESTAMP)
		(void)snprintf(text, size, "%s without time zone", f->sql_type);
	else
		(void)snprintf(text, size, "%s", f->sql_type);
}

static void
check_column(const struct psm_entity *e, const psm_rows *rows, size_t n)
{
	const char *name = psm_rows_text(rows, n, 0);
	const char *preset = psm_rows_text(rows, n, 3);
	int column = psm__column_find(e, name);
	const struct psm_entity_field *f;
	char type[64];

	ck_assert_msg(column >= 0, "%s: the table of fields has no %s", e->name,
	              name);
	f = &e->fields[column];
	type_name(f, type, sizeof(type));
	ck_assert_msg(strcmp(psm_rows_text(rows, n, 1), type) == 0,
	              "%s.%s: %s, in the database %s", e->name, name, type,
	              psm_rows_text(rows, n, 1));
	ck_assert_msg((strcmp(psm_rows_text(rows, n, 2), "NO") == 0) ==
	                  ((f->flags & PSM__NOT_NULL) != 0),
	              "%s.%s: NOT NULL differs", e->name, name);
	/* Numbers and times that the database makes have no constant. */
	if (preset != NULL)
		ck_assert_msg(f->preset != NULL &&
		                  strcmp(preset, f->preset) == 0,
		              "%s.%s: default %s, in the database %s", e->name,
		              name, f->preset ? f->preset : "null", preset);
}

static const char columns_sql[] =
    "SELECT column_name::text, "
    "CASE data_type WHEN 'USER-DEFINED' THEN udt_name::text "
    "ELSE data_type || coalesce('(' || character_maximum_length || ')', '') "
    "END, is_nullable::text, "
    /* 'aktiv'::suchstatus, true, 0, '{}'::jsonb */
    "CASE WHEN column_default ~ '[(]' THEN NULL "
    "WHEN column_default = 'true' THEN 't' "
    "WHEN column_default = 'false' THEN 'f' "
    "ELSE regexp_replace(column_default, '^''(.*)''::.*$', '\\1') END "
    "FROM information_schema.columns "
    "WHERE table_schema = $1::text AND table_name = $2::text "
    "ORDER BY ordinal_position";

START_TEST(columns_are_the_databases)
{
	const struct psm_entity *e = stored[_i];
	const char *params[2] = {e->schema, e->table};
	psm_rows *rows = run(columns_sql, 2, params);

	ck_assert_uint_eq(psm_rows_count(rows), e->count);
	for (size_t n = 0; n < e->count; n++)
		check_column(e, rows, n);
	psm_rows_free(rows);
}
END_TEST

START_TEST(words_are_the_databases)
{
	const struct psm_entity *e = stored[_i];

	for (size_t i = 0; i < e->count; i++) {
		const struct psm_entity_field *f = &e->fields[i];
		psm_rows *rows;

		if (f->type != PSM__T_ENUM)
			continue;
		rows = run("SELECT l.enumlabel::text FROM pg_enum l JOIN "
		           "pg_type t ON t.oid = l.enumtypid WHERE t.typname = "
		           "$1::text ORDER BY l.enumsortorder",
		           1, &f->sql_type);
		for (size_t n = 0; n < psm_rows_count(rows); n++) {
			ck_assert_ptr_nonnull(f->words[n]);
			ck_assert_str_eq(f->words[n],
			                 psm_rows_text(rows, n, 0));
		}
		ck_assert_ptr_null(f->words[psm_rows_count(rows)]);
		psm_rows_free(rows);
	}
}
END_TEST

/* The copy's columns are those that are flagged. */
START_TEST(copies_are_the_databases)
{
	const struct psm_entity *e =
	    _i == 0 ? &psm__entity_therapist : &psm__entity_patient;
	const char *name = strchr(e->copy, '.') + 1;
	const char *params[2] = {"matching_service", name};
	const signed char *column = psm__copy_columns(e);
	psm_rows *rows = run(columns_sql, 2, params);
	size_t count = 0, found = 0;

	for (; column[count] >= 0; count++) {
		for (size_t n = 0; n < psm_rows_count(rows); n++)
			found += strcmp(psm_rows_text(rows, n, 0),
			                e->fields[column[count]].name) == 0;
	}
	ck_assert_uint_eq(found, count);
	/* id, geloescht, entity_version, event_time, event_id; and of a
	 * therapist when the cooling period was set, gekuehlt_am. */
	ck_assert_uint_eq(psm_rows_count(rows), count + 5 + (_i == 0));
	psm_rows_free(rows);
}
END_TEST

/* -- statements */

static const char *
value_of(const struct psm_entity_field *f)
{
	if (f->words != NULL && f->type != PSM__T_ARRAY)
		return f->words[0];
	switch ((enum psm__type)f->type) {
	case PSM__T_BOOLEAN:
		return "t";
	case PSM__T_DATE:
		return "2026-07-01";
	case PSM__T_TIME:
		return "09:30:00";
	case PSM__T_TIMESTAMP:
		return "2026-07-01 09:30:00.5";
	case PSM__T_OBJECT:
		return "{\"a\": 1}";
	case PSM__T_ARRAY:
		return "[1]";
	default:
		return "1";
	}
}

/* A mail goes, and a call is, to a therapist or to a patient. */
static int
is_recipient(const struct psm_entity *e, size_t i)
{
	return (e == &psm__entity_email || e == &psm__entity_phone_call) &&
	       (i == PSM__EMAIL_THERAPIST_ID || i == PSM__EMAIL_PATIENT_ID);
}

static int
is_other_recipient(const struct psm_entity *e, size_t i)
{
	return is_recipient(e, i) && i == PSM__EMAIL_PATIENT_ID;
}

static void
fill(struct psm__row *row)
{
	for (size_t i = 1; i < row->entity->count; i++) {
		const char *value = value_of(&row->entity->fields[i]);

		/* Either sent and answered, or cancelled. */
		if (row->entity == &psm__entity_inquiry &&
		    i == PSM__INQUIRY_STORNIERT_DATUM)
			value = NULL;
		if (is_other_recipient(row->entity, i))
			value = NULL;
		OK(psm__row_set(row, (int)i, value, err));
	}
}

static int64_t
insert(struct psm__row *row)
{
	const char *params[PSM__COLUMNS_MAX];
	size_t count = psm__sql_insert_params(row, params);
	psm_rows *rows =
	    run(psm__sql(row->entity, PSM__SQL_INSERT), count, params);
	int64_t id = psm_rows_int(rows, 0, 0);

	OK(psm__row_set(row, PSM__COLUMN_ID, psm_rows_text(rows, 0, 0), err));
	psm_rows_free(rows);
	return id;
}

static void
check_stored(const struct psm__row *row, enum psm__sql which)
{
	const char *id = psm__row_get(row, PSM__COLUMN_ID);
	psm_rows *rows = run(psm__sql(row->entity, which), 1, &id);

	ck_assert_uint_eq(psm_rows_count(rows), 1);
	for (size_t i = 0; i < row->entity->count; i++) {
		const char *got = psm_rows_text(rows, 0, i);

		ck_assert_msg(
		    got != NULL && row->value[i] != NULL
			? strcmp(got, row->value[i]) == 0
			: got == row->value[i],
		    "%s: want %s, got %s", row->entity->fields[i].name,
		    row->value[i] ? row->value[i] : "null", got ? got : "null");
	}
	psm_rows_free(rows);
}

static int64_t
listed(const struct psm_entity *e, struct psm__list *l)
{
	const char *params[PSM__LIST_PARAMS];
	size_t count = psm__list_params(l, e, params);
	char *counting = psm__list_count_sql(l, e);
	char *listing = psm__list_page_sql(l, e);
	psm_rows *rows = run(counting, count - 2, params);
	int64_t total = psm_rows_int(rows, 0, 0);

	psm_rows_free(rows);
	rows = run(listing, count, params);
	psm__free(counting);
	psm__free(listing);
	ck_assert_int_eq((int64_t)psm_rows_count(rows),
	                 total > l->limit ? l->limit : total);
	psm_rows_free(rows);
	return total;
}

/* Every order, and every filter with a value that the row has. */
static void
check_lists(const struct psm_entity *e)
{
	struct psm__list l = {.limit = 10};
	char name[64];

	ck_assert_int_eq(listed(e, &l), 1);
	for (size_t i = 0; i < e->count; i++) {
		const struct psm_entity_field *f = &e->fields[i];

		(void)snprintf(name, sizeof(name), "-%s", f->name);
		if (f->flags & PSM__SORT) {
			OK(psm__list_sort(&l, e, name, err));
			ck_assert_int_eq(listed(e, &l), 1);
			OK(psm__list_sort(&l, e, name + 1, err));
			ck_assert_int_eq(listed(e, &l), 1);
		} else {
			ck_assert_int_eq(psm__list_sort(&l, e, name, err),
			                 PSM_ERR_SCHEMA);
			psm_error_clear(err);
		}
		if ((f->flags & PSM__FILTER) && !is_other_recipient(e, i))
			OK(psm__list_filter(&l, e, f->name, value_of(f), err));
		(void)snprintf(name, sizeof(name), "%s_prefix", f->name);
		if (f->flags & PSM__PREFIX)
			OK(psm__list_filter(&l, e, name, value_of(f), err));
		ck_assert_int_eq(listed(e, &l), 1);
	}
	psm__list_free(&l);
}

static void
store(const struct psm_entity *e)
{
	struct psm__row row;
	const char *params[PSM__COLUMNS_MAX];
	size_t count;

	OK(psm__row_init(&row, e, err));
	fill(&row);
	ck_assert_int_eq(insert(&row), 1);
	check_stored(&row, PSM__SQL_SELECT);
	for (size_t i = 1; i < e->count; i++)
		if ((e->fields[i].flags & PSM__NOT_NULL) == 0 &&
		    !is_recipient(e, i))
			OK(psm__row_set(&row, (int)i, NULL, err));
	count = psm__sql_update_params(&row, params);
	psm_rows_free(run(psm__sql(e, PSM__SQL_UPDATE), count, params));
	check_stored(&row, PSM__SQL_LOCK);
	fill(&row);
	count = psm__sql_update_params(&row, params);
	psm_rows_free(run(psm__sql(e, PSM__SQL_UPDATE), count, params));
	check_lists(e);
	psm__row_free(&row);
}

START_TEST(statements_run)
{
	for (size_t i = 0; i < PSM__COUNT(stored); i++)
		store(stored[i]);
	for (size_t i = PSM__COUNT(stored); i > 0; i--) {
		const char *id = "1";
		psm_rows *rows =
		    run(psm__sql(stored[i - 1], PSM__SQL_DELETE), 1, &id);

		ck_assert_int_eq(psm_rows_affected(rows), 1);
		psm_rows_free(rows);
	}
}
END_TEST

static int64_t
therapists(const char *filter, const char *value)
{
	const struct psm_entity *e = &psm__entity_therapist;
	struct psm__list l = {.limit = 10};
	int64_t total;

	OK(psm__list_filter(&l, e, filter, value, err));
	total = listed(e, &l);
	psm__list_free(&l);
	return total;
}

static void
add_therapist(const char *vorname, const char *nachname, const char *plz)
{
	struct psm__row row;

	OK(psm__row_init(&row, &psm__entity_therapist, err));
	OK(psm__row_set(&row, PSM__THERAPIST_ANREDE, "Frau", err));
	OK(psm__row_set(&row, PSM__THERAPIST_GESCHLECHT, "weiblich", err));
	OK(psm__row_set(&row, PSM__THERAPIST_VORNAME, vorname, err));
	OK(psm__row_set(&row, PSM__THERAPIST_NACHNAME, nachname, err));
	OK(psm__row_set(&row, PSM__THERAPIST_PLZ, plz, err));
	OK(psm__row_defaults(&row, err));
	(void)insert(&row);
	psm__row_free(&row);
}

START_TEST(lists_select)
{
	struct psm__list l = {.limit = 10};

	add_therapist("Ada", "100 % Lieb", "10115");
	add_therapist("Berta", "Adam", "10999");
	add_therapist("Cora", "a_b", "20095");
	ck_assert_int_eq(therapists("search", "ada"), 2);
	ck_assert_int_eq(therapists("search", "EGAL"), 3);
	ck_assert_int_eq(therapists("search", "%"), 1);
	ck_assert_int_eq(therapists("search", "a_b"), 1);
	ck_assert_int_eq(therapists("search", "\\"), 0);
	ck_assert_int_eq(therapists("plz_prefix", "10"), 2);
	ck_assert_int_eq(therapists("plz_prefix", "%9"), 0);
	ck_assert_int_eq(therapists("status", "aktiv"), 3);
	ck_assert_int_eq(therapists("potenziell_verfuegbar", "true"), 0);
	ck_assert_int_eq(psm__list_filter(&l, &psm__entity_therapist, "status",
	                                  "Aktiv", err),
	                 PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_pointer(err), "/status");
	psm_error_clear(err);
	ck_assert_int_eq(
	    psm__list_filter(&l, &psm__entity_therapist, "plz", "1", err),
	    PSM_ERR_NOT_FOUND);
	psm__list_free(&l);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("entity_sql");
	TCase *tables = tcase_create("tables"), *run = tcase_create("run");

	tcase_add_checked_fixture(tables, setup, teardown);
	tcase_add_loop_test(tables, columns_are_the_databases, 0,
	                    (int)PSM__COUNT(stored));
	tcase_add_loop_test(tables, words_are_the_databases, 0,
	                    (int)PSM__COUNT(stored));
	tcase_add_loop_test(tables, copies_are_the_databases, 0, 2);
	suite_add_tcase(s, tables);
	tcase_add_checked_fixture(run, setup, teardown);
	tcase_add_test(run, statements_run);
	tcase_add_test(run, lists_select);
	suite_add_tcase(s, run);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	return app_main(argv, suite);
}
