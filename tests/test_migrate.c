/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/migrate.h"
#include "testing.h"
#include "testing_pg.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static psm_store *st;
static psm_error *err;

static const struct psm__migration first[] = {
    {"a", 1, "001_one.sql", "CREATE TABLE one (id integer);\n"},
    {"b", 1, "001_other.sql", "CREATE TABLE other (id integer);\n"},
    {NULL, 0, NULL, NULL}};
static const struct psm__migration second[] = {
    {"a", 1, "001_one.sql", "CREATE TABLE one (id integer);\n"},
    {"a", 2, "002_two.sql",
     "CREATE TABLE two (id integer);\nINSERT INTO two VALUES (1);\n"},
    {NULL, 0, NULL, NULL}};
static const struct psm__migration changed[] = {
    {"a", 1, "001_one.sql", "CREATE TABLE one (id bigint);\n"},
    {NULL, 0, NULL, NULL}};
static const struct psm__migration broken[] = {
    {"a", 1, "001_one.sql", "CREATE TABLE one (id integer);\n"},
    {"a", 2, "002_bad.sql",
     "CREATE TABLE two (id integer);\nCREATE TABEL three ();\n"},
    {"a", 3, "003_never.sql", "CREATE TABLE three (id integer);\n"},
    {NULL, 0, NULL, NULL}};
/* Slow, so that two of them meet. */
static const struct psm__migration slow[] = {
    {"a", 1, "001_slow.sql",
     "SELECT pg_sleep(0.3);\nCREATE TABLE one (id integer);\n"},
    {NULL, 0, NULL, NULL}};

static void
setup(void)
{
	psm_config *cfg;

	pg_database();
	cfg = pg_settings();
	err = psm_error_new();
	ck_assert_int_eq(psm_store_open(cfg, &st, err), 0);
	psm_config_free(cfg);
}

static void
teardown(void)
{
	psm_store_free(st);
	psm_error_free(err);
}

START_TEST(applies_once_and_goes_on)
{
	ck_assert_int_eq(psm__migrate(st, first, "a", err), 0);
	ck_assert_int_eq(psm__migrate(st, first, "a", err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.migration"), 1);
	ck_assert_int_eq(pg_int("SELECT count(to_regclass('other'))"), 0);
	ck_assert_int_eq(psm__migrate(st, second, "a", err), 0);
	ck_assert_int_eq(pg_int("SELECT id FROM two"), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.migration "
	                        "WHERE set = 'a' AND checksum <> '' AND "
	                        "applied_at <= now()"),
	                 2);
	/* An older program on a newer database. */
	ck_assert_int_eq(psm__migrate(st, first, "a", err), 0);
	ck_assert_int_eq(psm__migrate(st, first, "b", err), 0);
	ck_assert_int_eq(psm__migrate(st, first, "c", err), PSM_ERR_NOT_FOUND);
}
END_TEST

START_TEST(refuses_a_changed_file)
{
	ck_assert_int_eq(psm__migrate(st, first, "a", err), 0);
	ck_assert_int_eq(psm__migrate(st, changed, "a", err), PSM_ERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "a/001_one.sql"));
	/* The pool's connection is whole. */
	ck_assert_int_eq(psm__migrate(st, second, "a", err), 0);
}
END_TEST

START_TEST(fault_names_file_and_line)
{
	ck_assert_int_eq(psm__migrate(st, broken, "a", err), PSM_ERR_DB);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "a/002_bad.sql"));
	ck_assert_str_eq(psm_error_source(err), "002_bad.sql");
	ck_assert_uint_eq(psm_error_line(err), 2);
	ck_assert_uint_eq(psm_error_column(err), 8);
	/* All or nothing, and nothing after it. */
	ck_assert_int_eq(pg_int("SELECT count(to_regclass('one'))"), 1);
	ck_assert_int_eq(pg_int("SELECT count(to_regclass('two'))"), 0);
	ck_assert_int_eq(pg_int("SELECT count(to_regclass('three'))"), 0);
	ck_assert_int_eq(psm__migrate(st, second, "a", err), 0);
}
END_TEST

static void *
migrate_thread(void *arg)
{
	int *rc = arg;

	*rc = psm__migrate(st, slow, "a", NULL);
	return NULL;
}

START_TEST(services_start_together)
{
	pthread_t threads[4];
	int rc[4];
	size_t i;

	for (i = 0; i < 4; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, migrate_thread, &rc[i]),
		    0);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_int_eq(rc[i], 0);
	}
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.migration"), 1);
}
END_TEST

/* Every set that is compiled in, on an empty database, twice. */
START_TEST(own_sets)
{
	const struct psm__migration *m;
	int round, files = 0, last = 0;
	const char *set = "";

	for (round = 0; round < 2; round++)
		for (m = psm__migrations; m->set; m++)
			ck_assert_msg(psm_store_migrate(st, m->set, err) == 0,
			              "%s", psm_error_message(err));
	for (m = psm__migrations; m->set; m++, files++) {
		last = strcmp(set, m->set) == 0 ? last : 0;
		ck_assert_int_eq(m->version, last + 1);
		set = m->set;
		last = m->version;
	}
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.migration"),
	                 files);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM pg_tables WHERE "
	                        "schemaname = 'psymatch' AND tablename IN "
	                        "('outbox', 'inbox', 'consumer_offset', "
	                        "'dead_letter')"),
	                 4);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("migrate");
	TCase *tc = tcase_create("migrate");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, applies_once_and_goes_on);
	tcase_add_test(tc, refuses_a_changed_file);
	tcase_add_test(tc, fault_names_file_and_line);
	tcase_add_test(tc, services_start_together);
	tcase_add_test(tc, own_sets);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
