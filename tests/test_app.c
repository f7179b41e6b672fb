/* SPDX-License-Identifier: BSD-2-Clause */
/* The use cases on a real database. */
#include "app/app.h"
#include "testing.h"
#include "testing_pg.h"

static psm_store *st;
static psm_error *err;
static psm_import_status *status;
static char folder[4096];

#define OK(call) ck_assert_msg((call) == 0, "%s", psm_error_message(err))

static void
setup(void)
{
	pg_database();
	st = pg_store();
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	OK(psm_store_migrate(st, "therapist", err));
	OK(psm_store_migrate(st, "matching", err));
	OK(psm_import_status_new(86400, &status, err));
	testing_tmpdir(folder, sizeof(folder));
}

static void
teardown(void)
{
	testing_remove(folder);
	psm_import_status_free(status);
	psm_error_free(err);
	psm_store_free(st);
}

/* -- import */

/* Copy one day of the sample data into the folder. */
static void
scrape(const char *day)
{
	char command[9000];
	const char *top = getenv("top_srcdir");

	(void)snprintf(command, sizeof(command),
	               "cp -R '%s/examples/data/therapists/%s' '%s' && "
	               "chmod -R u+w '%s'",
	               top ? top : ".", day, folder, folder);
	ck_assert_int_eq(system(command), 0);
}

static int
import(void)
{
	int rc = psm_therapist_import_run(st, folder, status, err);

	ck_assert_msg(rc >= 0, "%s", psm_error_message(err));
	return rc;
}

static int64_t
stat_of(const char *name)
{
	return psm_import_status_stat(status, name);
}

static int64_t
outbox(const char *type)
{
	return pg_int("SELECT count(*) FROM psymatch.outbox WHERE type = '%s'",
	              type);
}

START_TEST(import_of_three_days)
{
	scrape("20250601");
	ck_assert_int_eq(import(), 100);
	ck_assert_int_eq(outbox("therapist.created"), 100);
	scrape("20250701");
	scrape("20250801");
	ck_assert_int_gt(import(), 0);
	printf("updated %ld failed %ld\n", (long)stat_of("updated"),
	       (long)stat_of("failed"));
	ck_assert_int_eq(import(), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("app");
	TCase *t = tcase_create("import");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, import_of_three_days);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	SRunner *sr;
	int failed;

	(void)argc;
	pg_main(argv);
	sr = srunner_create(suite());
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
