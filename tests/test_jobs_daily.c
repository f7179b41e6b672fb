/* SPDX-License-Identifier: BSD-2-Clause */
/* Jobs of each day: times in Berlin, changes of the clocks, days that were
 * missed, two schedulers. */
#include "testing_jobs.h"

#include <pthread.h>

#define KIND "test.daily"

static _Atomic int calls;
static psm_jobs *jobs;

static int
note(psm_tx *tx, const char *key, const char *payload, void *user, psm_error *e)
{
	const char *const params[] = {key};

	(void)payload;
	calls++;
	if (user)
		return *(int *)user;
	return psm_tx_exec(tx, "INSERT INTO effect VALUES ($1::date)", 1,
	                   params, NULL, e);
}

static void
setup(void)
{
	jobs_setup();
	pg_run("CREATE TABLE effect (day date)");
	calls = 0;
	jobs = jobs_new(st);
}

static void
teardown(void)
{
	psm_jobs_free(jobs);
	jobs_teardown();
}

static void
daily(const char *at, int missed)
{
	OK(psm_jobs_daily(jobs, KIND, at, missed, note, NULL, err));
}

/* The next run, in UTC. */
#define CHECK_NEXT(want)                                                       \
	CHECK_TEXT(want, "SELECT min(run_at)::text FROM psymatch.job WHERE "   \
	                 "state = 'waiting'")
#define CHECK_DAYS(want)                                                       \
	CHECK_TEXT(want, "SELECT string_agg(day::text, ' ' ORDER BY day) "     \
	                 "FROM effect")
#define CHECK_MISSED(want)                                                     \
	CHECK_TEXT(want, "SELECT string_agg(key, ' ' ORDER BY key) FROM "      \
	                 "psymatch.job WHERE state = 'missed'")

/* When a job of this time is due on this day. */
static const struct {
	const char *before, *at, *next;
} times[] = {
    {"2026-03-10 08:59+01", "09:00", "2026-03-10 08:00:00+00"},
    {"2026-07-10 08:59+02", "09:00", "2026-07-10 07:00:00+00"},
    {"2026-03-10 09:00+01", "09:00", "2026-03-11 08:00:00+00"},
    /* The clocks go forward: 02:30 does not exist. */
    {"2026-03-29 00:00+01", "02:30", "2026-03-29 01:30:00+00"},
    {"2026-03-28 12:00+01", "09:00", "2026-03-29 07:00:00+00"},
    {"2026-03-29 12:00+02", "02:30", "2026-03-30 00:30:00+00"},
    /* They go back: 02:30 exists twice. */
    {"2026-10-25 00:00+02", "02:30", "2026-10-25 01:30:00+00"},
    {"2026-10-25 02:30+02", "02:30", "2026-10-25 01:30:00+00"},
    {"2026-10-25 02:30+01", "02:30", "2026-10-26 01:30:00+00"},
    {"2026-10-24 12:00+02", "09:00", "2026-10-25 08:00:00+00"},
    /* Ends of months, leap days, the end of a year, days that are others in
     * UTC. */
    {"2026-01-31 10:00+01", "09:00", "2026-02-01 08:00:00+00"},
    {"2026-02-28 10:00+01", "09:00", "2026-03-01 08:00:00+00"},
    {"2028-02-28 10:00+01", "09:00", "2028-02-29 08:00:00+00"},
    {"2028-02-29 10:00+01", "09:00", "2028-03-01 08:00:00+00"},
    {"2026-12-31 10:00+01", "09:00", "2027-01-01 08:00:00+00"},
    {"2026-06-30 23:30Z", "00:15", "2026-07-01 22:15:00+00"},
    {"2026-12-31 23:10Z", "00:15", "2026-12-31 23:15:00+00"},
};

START_TEST(invariant_10_knows_the_time)
{
	jobs_at(times[_i].before);
	daily(times[_i].at, PSM_JOBS_LATE);
	ck_assert_int_eq(jobs_run(jobs), 0);
	CHECK_NEXT(times[_i].next);
	clock_us =
	    pg_int("SELECT extract(epoch FROM min(run_at)) FROM psymatch.job") *
		SECOND -
	    1;
	ck_assert_int_eq(jobs_run(jobs), 0);
	clock_us++;
	ck_assert_int_eq(jobs_run(jobs), 1);
	ck_assert_int_eq(jobs_run(jobs), 0);
}
END_TEST

/* Through both changes of the clocks, looking each 10 minutes: once a day. */
START_TEST(once_a_day)
{
	static const char *const starts[] = {"2026-03-27 12:00Z",
	                                     "2026-10-23 12:00Z"};

	jobs_at(starts[_i]);
	daily("02:30", PSM_JOBS_SKIP);
	for (int64_t end = clock_us + 4 * DAY; clock_us < end;
	     clock_us += 600 * SECOND)
		(void)jobs_run(jobs);
	ck_assert_int_eq(calls, 4);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT day) FROM effect"), 4);
	CHECK_MISSED("");
}
END_TEST

START_TEST(a_new_job_missed_nothing)
{
	daily("09:00", PSM_JOBS_LATE); /* it is 13:00 */
	ck_assert_int_eq(jobs_run(jobs), 0);
	CHECK_MISSED("");
	CHECK_NEXT("2026-03-11 08:00:00+00");
}
END_TEST

/* Away from the 11th until the 14th, 10:00. */
START_TEST(late_is_once)
{
	daily("09:00", PSM_JOBS_LATE);
	ck_assert_int_eq(jobs_run(jobs), 0);
	jobs_at("2026-03-14 10:00+01");
	ck_assert_int_eq(jobs_run(jobs), 1);
	CHECK_DAYS("2026-03-14");
	CHECK_MISSED("2026-03-11 2026-03-12 2026-03-13");
	CHECK_NEXT("2026-03-15 08:00:00+00");
}
END_TEST

START_TEST(late_before_the_time_is_that_of_yesterday)
{
	daily("09:00", PSM_JOBS_LATE);
	ck_assert_int_eq(jobs_run(jobs), 0);
	jobs_at("2026-03-14 08:00+01");
	ck_assert_int_eq(jobs_run(jobs), 1);
	CHECK_DAYS("2026-03-13");
	CHECK_MISSED("2026-03-11 2026-03-12");
	jobs_at("2026-03-14 09:00+01");
	ck_assert_int_eq(jobs_run(jobs), 1);
	CHECK_DAYS("2026-03-13 2026-03-14");
}
END_TEST

START_TEST(skip_waits_for_the_next_time)
{
	daily("09:00", PSM_JOBS_SKIP);
	ck_assert_int_eq(jobs_run(jobs), 0);
	jobs_at("2026-03-12 09:11+01");
	ck_assert_int_eq(jobs_run(jobs), 0);
	CHECK_MISSED("2026-03-11 2026-03-12");
	jobs_at("2026-03-13 09:09+01");
	ck_assert_int_eq(jobs_run(jobs), 1);
	CHECK_DAYS("2026-03-13");
}
END_TEST

/* Yesterday's, which fails, does not stand in the way of today's. */
START_TEST(a_failing_day_ends_with_the_next)
{
	static int rc = PSM_ERR_IO;

	OK(psm_jobs_daily(jobs, KIND, "09:00", PSM_JOBS_LATE, note, &rc, err));
	ck_assert_int_eq(jobs_run(jobs), 0);
	jobs_at("2026-03-11 09:00+01");
	ck_assert_int_eq(jobs_run(jobs), 1);
	rc = 0;
	jobs_at("2026-03-12 09:00+01");
	ck_assert_int_eq(jobs_run(jobs), 1);
	CHECK_TEXT("2026-03-11 failed PSM_ERR_IO, 2026-03-12 done , "
	           "2026-03-13 waiting ",
	           "SELECT string_agg(concat_ws(' ', key, state, "
	           "coalesce(error_code, '')), ', ' ORDER BY key) FROM "
	           "psymatch.job");
}
END_TEST

START_TEST(the_time_may_change)
{
	psm_jobs *other = jobs_new(st);

	daily("09:00", PSM_JOBS_LATE);
	ck_assert_int_eq(jobs_run(jobs), 0);
	OK(psm_jobs_daily(other, KIND, "10:30", PSM_JOBS_LATE, note, NULL,
	                  err));
	ck_assert_int_eq(jobs_run(other), 0);
	CHECK_NEXT("2026-03-11 09:30:00+00");
	jobs_at("2026-03-11 10:30+01");
	ck_assert_int_eq(jobs_run(other), 1);
	psm_jobs_free(other);
}
END_TEST

static void *
run_all(void *arg)
{
	psm_error *e = psm_error_new();
	int n = psm_jobs_run_once(arg, e);

	ck_assert_msg(n >= 0, "%s", psm_error_message(e));
	psm_error_free(e);
	return NULL;
}

START_TEST(two_schedulers_are_one_run)
{
	psm_store *st2 = pg_store();
	psm_jobs *second = jobs_new(st2);
	pthread_t thread;

	daily("09:00", PSM_JOBS_LATE);
	OK(psm_jobs_daily(second, KIND, "09:00", PSM_JOBS_LATE, note, NULL,
	                  err));
	for (int day = 0; day < 20; day++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, run_all, second),
		                 0);
		(void)run_all(jobs);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		clock_us += DAY;
	}
	ck_assert_int_eq(calls, 19);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT day) FROM effect"), 19);
	psm_jobs_free(second);
	psm_store_free(st2);
}
END_TEST

START_TEST(tells_its_status)
{
	char *out, *next;

	daily("09:00", PSM_JOBS_LATE);
	ck_assert_int_eq(jobs_run(jobs), 0);
	jobs_at("2026-03-13 10:00+01");
	ck_assert_int_eq(jobs_run(jobs), 1);
	OK(psm_jobs_status(st, &out, err));
	pg_run("CREATE TABLE said AS SELECT json_array_elements('%s') AS j",
	       out);
	psm_free(out);
	next = pg_text("SELECT concat_ws(' ', j->>'kind', j->>'daily_at', "
	               "j->>'when_missed', j->>'waiting', j->>'done', "
	               "j->>'missed', j->>'failed', j->>'last_run', "
	               "j->>'last_state', j->>'next_run') FROM said");
	ck_assert_str_eq(next, KIND " 09:00 late 1 1 2 0 "
	                            "2026-03-13T09:00:00.000000Z done "
	                            "2026-03-14T08:00:00.000000Z");
	free(next);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("jobs_daily");
	TCase *tc = tcase_create("jobs_daily");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, invariant_10_knows_the_time, 0,
	                    (int)(sizeof times / sizeof *times));
	tcase_add_loop_test(tc, once_a_day, 0, 2);
	tcase_add_test(tc, a_new_job_missed_nothing);
	tcase_add_test(tc, late_is_once);
	tcase_add_test(tc, late_before_the_time_is_that_of_yesterday);
	tcase_add_test(tc, skip_waits_for_the_next_time);
	tcase_add_test(tc, a_failing_day_ends_with_the_next);
	tcase_add_test(tc, the_time_may_change);
	tcase_add_test(tc, two_schedulers_are_one_run);
	tcase_add_test(tc, tells_its_status);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	pg_main(argv);
	return testing_run(srunner_create(suite()));
}
