/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Jobs, calls and hours without memory, at each allocation in turn: they say
 * so, nothing is left behind, and it works when it is repeated.
 */
#include "domain/slot.h"
#include "testing.h"
#include "testing_pg.h"

#include <psymatch/call.h>
#include <psymatch/jobs.h>

static psm_config *cfg;
static int work_rc;

static void
setup(void)
{
	psm_store *st;

	testing_memory_begin();
	pg_database();
	pg_hasty();
	st = pg_store();
	ck_assert_int_eq(psm_store_migrate(st, "communication", NULL), 0);
	psm_store_free(st);
	cfg = pg_settings();
}

static void
teardown(void)
{
	psm_config_free(cfg);
}

static int
work(psm_tx *tx, const char *key, const char *payload, void *user,
     psm_error *err)
{
	(void)tx;
	(void)key;
	(void)payload;
	(void)user;
	(void)err;
	return work_rc;
}

static int
add(psm_store *st)
{
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(st, &tx, NULL);

	if (rc == 0)
		rc = psm_jobs_add(tx, "test.work", "7", "{\"id\": 7}", NULL,
		                  NULL);
	if (rc < 0) {
		psm_tx_rollback(tx);
		return rc;
	}
	return psm_tx_commit(tx, NULL);
}

/* The job may have failed for want of memory: it waits then. */
static int
jobs(void *arg)
{
	psm_store *st = NULL;
	psm_jobs *j = NULL;
	char *out = NULL;
	int rc = psm_store_open(cfg, &st, NULL);

	(void)arg;
	if (rc == 0)
		rc = add(st);
	if (rc == 0)
		rc = psm_jobs_new(st, cfg, &j, NULL);
	if (rc == 0)
		rc = psm_jobs_on(j, "test.work", work, NULL, NULL);
	if (rc == 0)
		rc = psm_jobs_daily(j, "test.daily", "09:00", PSM_JOBS_LATE,
		                    work, NULL, NULL);
	if (rc == 0)
		rc = psm_jobs_run_once(j, NULL);
	if (rc >= 0)
		rc = psm_jobs_list(st, NULL, NULL, 10, &out, NULL);
	psm_free(out);
	psm_jobs_free(j);
	psm_store_free(st);
	pg_run("DELETE FROM psymatch.job");
	return rc;
}

START_TEST(jobs_without_memory)
{
	/* The count of failures is kept for ever. */
	work_rc = PSM_ERR_IO;
	ck_assert_int_eq(jobs(NULL), 0);
	work_rc = 0;
	ck_assert_int_gt(testing_fail_each(jobs, NULL, 1), 20);
}
END_TEST

static int
call(void *arg)
{
	psm_store *st = NULL;
	char *out = NULL;
	int rc = psm_store_open(cfg, &st, NULL);

	(void)arg;
	if (rc == 0)
		rc = psm_call_create(st, "{\"therapist_id\": 7}", 19, &out,
		                     NULL);
	psm_free(out);
	psm_store_free(st);
	pg_run("DELETE FROM communication_service.telefonanrufe");
	return rc;
}

START_TEST(calls_without_memory)
{
	ck_assert_int_gt(testing_fail_each(call, NULL, 1), 20);
}
END_TEST

static int
hours(void *arg)
{
	static const char json[] = "{\"mo\": [\"9-10\", \"11-12\"], \"Di-Fr\": "
				   "[{\"start\": \"9:00\"}]}";
	static const char days[] = "2026-12-25\n2026-12-26\n";
	struct psm__holidays h = {0};
	struct psm__reach r = {0};
	psm_json *doc = NULL;
	int rc = psm_json_parse(json, sizeof json - 1, &doc, NULL);

	(void)arg;
	if (rc == 0)
		rc = psm__reach_read(doc, &r, NULL);
	if (rc == 0)
		rc = psm__holidays_read(days, sizeof days - 1, &h, NULL);
	psm__holidays_free(&h);
	psm__reach_free(&r);
	psm_json_free(doc);
	return rc;
}

START_TEST(hours_without_memory)
{
	ck_assert_int_ge(testing_fail_each(hours, NULL, 0), 3);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("oom_call");
	TCase *tc = tcase_create("oom_call");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 300);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, jobs_without_memory);
	tcase_add_test(tc, calls_without_memory);
	tcase_add_test(tc, hours_without_memory);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	pg_main(argv);
	return testing_run(srunner_create(suite()));
}
