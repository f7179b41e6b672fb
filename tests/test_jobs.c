/* SPDX-License-Identifier: BSD-2-Clause */
/* Jobs that are asked for: once, with a lease, tried again. */
#include "store/jobs.h"
#include "testing_jobs.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

/* What a function does, and what it was called with. */
struct work {
	int rc;        /* returned */
	int64_t takes; /* how far it sets the clock */
	_Atomic int calls;
	char key[64], payload[64];
	psm_jobs *other; /* does the jobs meanwhile */
	void (*meddle)(void);
};

static int
do_work(psm_tx *tx, const char *key, const char *payload, void *user,
        psm_error *e)
{
	struct work *w = user;
	int rc;

	(void)snprintf(w->key, sizeof w->key, "%s", key);
	(void)snprintf(w->payload, sizeof w->payload, "%s", payload);
	w->calls++;
	clock_us += w->takes;
	if (w->meddle)
		w->meddle();
	rc =
	    psm_tx_exec(tx, "INSERT INTO effect VALUES ($1)", 1, &key, NULL, e);
	if (rc == 0 && w->other)
		ck_assert_int_eq(jobs_run(w->other), 1);
	return rc < 0 ? rc : w->rc;
}

static struct work work;
static psm_jobs *jobs;
static void (*_Atomic meddle)(void); /* when next the time is asked for */

static int64_t
clock_that_meddles(void *user)
{
	void (*once)(void) = atomic_exchange(&meddle, NULL);

	if (once)
		once();
	return jobs_clock(user);
}

static void
setup(void)
{
	jobs_setup();
	pg_run("CREATE TABLE effect (key text)");
	memset(&work, 0, sizeof work);
	psm_set_clock(clock_that_meddles, NULL);
	jobs = jobs_new(st);
	OK(psm_jobs_on(jobs, "test.work", do_work, &work, err));
}

static void
teardown(void)
{
	psm_jobs_free(jobs);
	jobs_teardown();
}

static int
ask(const char *kind, const char *key, const char *payload, const char *at)
{
	psm_tx *tx = NULL;
	int rc;

	OK(psm_tx_begin(st, &tx, err));
	rc = psm_jobs_add(tx, kind, key, payload, at, err);
	if (rc < 0)
		psm_tx_rollback(tx);
	else
		OK(psm_tx_commit(tx, err));
	return rc;
}

/* As another worker: the fence. */
static int64_t
take_one(int64_t until_us)
{
	struct psm__job job;
	int64_t fence;

	OK(psm__jobs_fence(&fence, err));
	ck_assert_int_eq(psm__jobs_take(st, "{test.work}", fence, until_us,
	                                clock_us, &job, err),
	                 1);
	ck_assert_int_eq(job.fence, fence);
	psm__job_free(&job);
	return fence;
}

static int64_t
effects(void)
{
	return pg_int("SELECT count(*) FROM effect");
}

#define CHECK_STATE(want) CHECK_TEXT(want, "SELECT state FROM psymatch.job")

START_TEST(does_each_once)
{
	ck_assert_int_eq(ask("test.work", "7", "{\"id\": 7}", NULL), 1);
	ck_assert_int_eq(ask("test.work", "7", "{\"id\": 8}", NULL), 0);
	ck_assert_int_eq(ask("other.work", "7", NULL, NULL), 1);
	ck_assert_int_eq(jobs_run(jobs), 1);
	ck_assert_str_eq(work.key, "7");
	ck_assert_str_eq(work.payload, "{\"id\": 7}");
	ck_assert_int_eq(jobs_run(jobs), 0);
	ck_assert_int_eq(ask("test.work", "7", NULL, NULL), 0);
	ck_assert_int_eq(jobs_run(jobs), 0);
	ck_assert_int_eq(effects(), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.job WHERE "
	                        "state = 'done' AND ended_at = started_at"),
	                 1);
}
END_TEST

START_TEST(is_asked_for_with_the_transaction)
{
	psm_tx *tx = NULL;

	OK(psm_tx_begin(st, &tx, err));
	ck_assert_int_eq(psm_jobs_add(tx, "test.work", "7", NULL, NULL, err),
	                 1);
	psm_tx_rollback(tx);
	ck_assert_int_eq(jobs_run(jobs), 0);
	ck_assert_int_eq(ask("test.work", "8", NULL, "2026-03-11T09:00:00Z"),
	                 1);
	ck_assert_int_eq(jobs_run(jobs), 0);
	jobs_at("2026-03-11 09:00Z");
	ck_assert_int_eq(jobs_run(jobs), 1);
}
END_TEST

START_TEST(refuses)
{
	char key[202], *text;

	memset(key, 'x', sizeof key - 1);
	key[sizeof key - 1] = '\0';
	ck_assert_int_eq(ask("Test", "7", NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(ask("", "7", NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(ask("a b", "7", NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(ask("test", "", NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(ask("test", key, NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(ask("test", "7", "[]", NULL), PSM_ERR_SCHEMA);
	ck_assert_int_eq(ask("test", "7", "{", NULL), PSM_ERR_PARSE);
	ck_assert_int_eq(ask("test", "7", NULL, "soon"), PSM_ERR_SCHEMA);
	ck_assert_int_eq(ask("test", "7", NULL, "infinity"), PSM_ERR_SCHEMA);
	ck_assert_int_eq(ask("test", "7", NULL, "yesterday"), PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_jobs_list(st, NULL, "fail", 10, &text, err),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(text);
	ck_assert_int_eq(psm_jobs_on(jobs, "test.work", do_work, NULL, err),
	                 PSM_ERR_CONFLICT);
	ck_assert_int_eq(
	    psm_jobs_on_failure(jobs, "test.other", do_work, NULL, err),
	    PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(
	    psm_jobs_on_failure(jobs, "test.work", NULL, NULL, err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_jobs_daily(jobs, "d", "24:00", PSM_JOBS_SKIP,
	                                do_work, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_jobs_daily(jobs, "d", "9:00", PSM_JOBS_SKIP,
	                                do_work, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_jobs_daily(jobs, "d", "09:60", PSM_JOBS_SKIP,
	                                do_work, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_jobs_daily(jobs, "d", "09:00", 2, do_work, NULL, err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.job"), 0);
}
END_TEST

/* A failure that may pass: again after 1, 2, 4 .. s, and nothing is kept of the
 * tries that failed. */
START_TEST(tries_again)
{
	work.rc = PSM_ERR_UNAVAILABLE;
	ck_assert_int_eq(ask("test.work", "7", NULL, NULL), 1);
	for (int attempt = 1; attempt <= 3; attempt++) {
		int64_t wait_ms;

		ck_assert_int_eq(jobs_run(jobs), 1);
		ck_assert_int_eq(effects(), 0);
		CHECK_STATE("waiting");
		CHECK_TEXT("PSM_ERR_UNAVAILABLE",
		           "SELECT error_code FROM psymatch.job");
		ck_assert_int_eq(jobs_run(jobs), 0);
		wait_ms = pg_int("SELECT extract(epoch FROM due_at - "
		                 "started_at) * 1000 FROM psymatch.job");
		ck_assert_int_ge(wait_ms, 500);
		ck_assert_int_le(wait_ms, 500 << attempt);
		clock_us += wait_ms * 1000 + 1000;
	}
	work.rc = 0;
	ck_assert_int_eq(jobs_run(jobs), 1);
	CHECK_STATE("done");
	CHECK_TEXT("", "SELECT error_code FROM psymatch.job");
	ck_assert_int_eq(effects(), 1);
}
END_TEST

/* Nobody could be told that it failed: it waits for its next try, not for the
 * end of its lease. */
START_TEST(the_database_fails_meanwhile)
{
	ck_assert_int_eq(ask("test.work", "7", NULL, NULL), 1);
	work.meddle = pg_down;
	ck_assert_int_lt(psm_jobs_run_once(jobs, err), 0);
	CHECK_STATE("running");
	work.meddle = NULL;
	pg_up();
	while (psm_jobs_run_once(jobs, err) < 0)
		(void)poll(NULL, 0, 5); /* until it is reached again */
	CHECK_STATE("waiting");
	clock_us += 2000000;
	ck_assert_int_eq(jobs_run(jobs), 1);
	CHECK_STATE("done");
	ck_assert_int_eq(effects(), 1);
	ck_assert_int_eq(pg_int("SELECT attempts FROM psymatch.job"), 2);
}
END_TEST

/* One that was taken without an answer was not tried. */
START_TEST(given_back)
{
	int64_t until = clock_us + 60000000, now = clock_us, fence;

	ck_assert_int_eq(ask("test.work", "7", NULL, NULL), 1);
	fence = take_one(until);
	OK(psm__jobs_return(st, "{test.work}", fence, until - 1, now, 0, err));
	OK(psm__jobs_return(st, "{test.work}", fence - 1, until, now, 0, err));
	OK(psm__jobs_return(st, "{test.other}", fence, until, now, 0, err));
	CHECK_STATE("running");
	OK(psm__jobs_return(st, "{test.work}", fence, until, now, 0, err));
	CHECK_STATE("waiting");
	ck_assert_int_eq(pg_int("SELECT attempts FROM psymatch.job"), 0);
	ck_assert_int_eq(jobs_run(jobs), 1);
	CHECK_STATE("done");
	OK(psm__jobs_return(st, "{test.work}", fence, until, now, 0, err));
	CHECK_STATE("done");
}
END_TEST

/* Another worker's job that was taken in the same microsecond is not given
 * back, whether (0) or not (1) there was an answer to the taking. */
START_TEST(another_one_is_not_given_back)
{
	ck_assert_int_eq(ask("test.work", "6", NULL, NULL), 1);
	(void)take_one(clock_us + 600 * SECOND);
	ck_assert_int_eq(ask("test.work", "7", NULL, NULL), 1);
	if (_i == 0)
		work.meddle = pg_down;
	else
		meddle = pg_down;
	ck_assert_int_lt(psm_jobs_run_once(jobs, err), 0);
	pg_up();
	while (psm_jobs_run_once(jobs, err) < 0)
		(void)poll(NULL, 0, 5); /* until it is reached again */
	CHECK_TEXT("6 running 1", "SELECT key || ' ' || state || ' ' || "
	                          "attempts FROM psymatch.job WHERE key = '6'");
	CHECK_TEXT(_i == 0 ? "waiting" : "done",
	           "SELECT state FROM psymatch.job WHERE key = '7'");
}
END_TEST

/* Nor could anybody be told while the only connection was busy. */
static psm_tx *holder;

static int
always(void *user)
{
	(void)user;
	return 1;
}

static void
hold_connection(void)
{
	OK(psm_tx_begin(st, &holder, err));
	psm_store_set_interrupt(always, NULL); /* do not wait for 10 s */
}

static void
hold_connection_next(void)
{
	meddle = hold_connection;
}

START_TEST(the_database_is_busy_meanwhile)
{
	psm_jobs_free(jobs);
	psm_store_free(st);
	OK(psm_config_set(cfg, "PSYMATCH_DB_CONNECTIONS", "1", err));
	OK(psm_store_open(cfg, &st, err));
	jobs = jobs_new(st);
	OK(psm_jobs_on(jobs, "test.work", do_work, &work, err));
	work.rc = PSM_ERR_IO;
	work.meddle = hold_connection_next;
	ck_assert_int_eq(ask("test.work", "7", NULL, NULL), 1);
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), PSM_ERR_TIMEOUT);
	ck_assert_int_eq(work.calls, 1);
	CHECK_STATE("running");
	psm_store_set_interrupt(NULL, NULL);
	psm_tx_rollback(holder);
	ck_assert_int_eq(jobs_run(jobs), 0);
	CHECK_STATE("waiting");
	work.rc = 0;
	work.meddle = NULL;
	clock_us += 2 * SECOND;
	ck_assert_int_eq(jobs_run(jobs), 1);
	CHECK_STATE("done");
	ck_assert_int_eq(effects(), 1);
	ck_assert_int_eq(pg_int("SELECT attempts FROM psymatch.job"), 2);
}
END_TEST

START_TEST(fails_for_good)
{
	char *out;

	work.rc = PSM_ERR_SCHEMA;
	ck_assert_int_eq(ask("test.work", "7", NULL, NULL), 1);
	ck_assert_int_eq(jobs_run(jobs), 1);
	CHECK_STATE("failed");
	clock_us += 400 * DAY;
	ck_assert_int_eq(jobs_run(jobs), 0);
	ck_assert_int_eq(ask("test.work", "7", NULL, NULL), 0);
	OK(psm_jobs_list(st, "test.work", "failed", 10, &out, err));
	ck_assert_ptr_nonnull(strstr(out, "\"error_code\" : "
	                                  "\"PSM_ERR_SCHEMA\""));
	psm_free(out);
	/* A person lets it be done again, with all its attempts. */
	work.rc = 0;
	OK(psm_jobs_retry(st, pg_int("SELECT id FROM psymatch.job"), err));
	ck_assert_int_eq(jobs_run(jobs), 1);
	CHECK_STATE("done");
	ck_assert_int_eq(
	    psm_jobs_retry(st, pg_int("SELECT id FROM psymatch.job"), err),
	    PSM_ERR_NOT_FOUND);
	OK(psm_jobs_remove(st, pg_int("SELECT id FROM psymatch.job"), err));
	ck_assert_int_eq(ask("test.work", "7", NULL, NULL), 1);
}
END_TEST

START_TEST(gives_up_after_so_many_attempts)
{
	psm_jobs_free(jobs);
	OK(psm_config_set(cfg, "PSYMATCH_JOB_ATTEMPTS", "3", err));
	jobs = jobs_new(st);
	OK(psm_jobs_on(jobs, "test.work", do_work, &work, err));
	work.rc = PSM_ERR_IO;
	ck_assert_int_eq(ask("test.work", "7", NULL, NULL), 1);
	for (int i = 0; i < 5; i++, clock_us += HOUR)
		(void)jobs_run(jobs);
	ck_assert_int_eq(work.calls, 3);
	CHECK_STATE("failed");
}
END_TEST

/* What follows from a failure commits with it; where it cannot, both wait for
 * the end of the lease. */
START_TEST(what_follows_from_a_failure)
{
	struct work after = {.rc = PSM_ERR_SCHEMA};

	OK(psm_jobs_on_failure(jobs, "test.work", do_work, &after, err));
	work.rc = PSM_ERR_SCHEMA;
	ck_assert_int_eq(ask("test.work", "7", "{\"a\": 1}", NULL), 1);
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), PSM_ERR_SCHEMA);
	CHECK_STATE("running");
	ck_assert_int_eq(effects(), 0);
	ck_assert_int_eq(after.calls, 1);
	after.rc = 0;
	clock_us += HOUR;
	ck_assert_int_eq(jobs_run(jobs), 1);
	CHECK_STATE("failed");
	ck_assert_int_eq(effects(), 1);
	ck_assert_str_eq(after.key, "7");
	ck_assert_str_eq(after.payload, "{\"a\": 1}");
	ck_assert_int_eq(jobs_run(jobs), 0);
	ck_assert_int_eq(after.calls, 2);
	/* Of those that are done, or are tried again, nothing follows. */
	work.rc = 0;
	ck_assert_int_eq(ask("test.work", "8", NULL, NULL), 1);
	ck_assert_int_eq(jobs_run(jobs), 1);
	work.rc = PSM_ERR_IO;
	ck_assert_int_eq(ask("test.work", "9", NULL, NULL), 1);
	ck_assert_int_eq(jobs_run(jobs), 1);
	ck_assert_int_eq(after.calls, 2);
}
END_TEST

/* What the database refused counts, whatever the function returns. */
static int
hide_failure(psm_tx *tx, const char *key, const char *payload, void *user,
             psm_error *e)
{
	(void)key;
	(void)payload;
	(void)user;
	return psm_tx_exec(tx, "SELECT 1/0", 0, NULL, NULL, e) == 0;
}

START_TEST(a_failed_statement_is_a_failure)
{
	OK(psm_jobs_on(jobs, "test.hide", hide_failure, NULL, err));
	ck_assert_int_eq(ask("test.hide", "7", NULL, NULL), 1);
	ck_assert_int_eq(jobs_run(jobs), 1);
	CHECK_STATE("failed");
}
END_TEST

/* Nor does what follows from a failure end the transaction, or hide what the
 * database refused. */
static int
end_it(psm_tx *tx, const char *key, const char *payload, void *user,
       psm_error *e)
{
	(void)key;
	(void)payload;
	*(int *)user = psm_tx_commit(tx, e);
	return 0;
}

START_TEST(what_follows_is_no_master)
{
	int ended = 0;

	OK(psm_jobs_on(jobs, "test.hide", hide_failure, NULL, err));
	OK(psm_jobs_on_failure(jobs, "test.hide", hide_failure, NULL, err));
	ck_assert_int_eq(ask("test.hide", "7", NULL, NULL), 1);
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), PSM_ERR_SCHEMA);
	CHECK_STATE("running");
	OK(psm_jobs_on_failure(jobs, "test.hide", end_it, &ended, err));
	clock_us += HOUR;
	ck_assert_int_eq(jobs_run(jobs), 1);
	ck_assert_int_eq(ended, PSM_ERR_STATE);
	CHECK_STATE("failed");
}
END_TEST

/* Whose lease has ended cannot commit, whether another one has the job or
 * not. */
START_TEST(the_lease_fences)
{
	psm_store *st2 = pg_store();
	psm_jobs *second = jobs_new(st2);
	struct work work2 = {0}, after = {0};

	OK(psm_jobs_on(second, "test.work", do_work, &work2, err));
	ck_assert_int_eq(ask("test.work", "7", NULL, NULL), 1);
	work.takes = 601 * SECOND;
	ck_assert_int_eq(jobs_run(jobs), 1);
	CHECK_STATE("waiting");
	CHECK_TEXT("PSM_ERR_FENCED", "SELECT error_code FROM psymatch.job");
	ck_assert_int_eq(effects(), 0);
	/* The second one takes it while the first one does it. */
	work.other = second;
	clock_us += 10 * SECOND;
	ck_assert_int_eq(jobs_run(jobs), 1);
	ck_assert_int_eq(work.calls, 2);
	ck_assert_int_eq(work2.calls, 1);
	CHECK_STATE("done");
	ck_assert_int_eq(effects(), 1);
	/* Nor does anything follow from the failure of such a one. */
	OK(psm_jobs_on_failure(jobs, "test.work", do_work, &after, err));
	work.rc = PSM_ERR_SCHEMA;
	ck_assert_int_eq(ask("test.work", "8", NULL, NULL), 1);
	ck_assert_int_eq(jobs_run(jobs), 1);
	ck_assert_int_eq(work2.calls, 2);
	ck_assert_int_eq(after.calls, 0);
	CHECK_TEXT("0", "SELECT count(*) FROM psymatch.job WHERE state <> "
	                "'done'");
	psm_jobs_free(second);
	psm_store_free(st2);
}
END_TEST

/* A job that ends its process each time is not tried for ever. */
START_TEST(a_worker_that_dies_counts)
{
	ck_assert_int_eq(ask("test.work", "7", NULL, NULL), 1);
	pg_run("UPDATE psymatch.job SET state = 'running', attempts = 20, "
	       "due_at = timestamptz '2026-03-10 12:10Z'");
	ck_assert_int_eq(jobs_run(jobs), 0);
	jobs_at("2026-03-10 12:10Z");
	ck_assert_int_eq(jobs_run(jobs), 1);
	ck_assert_int_eq(work.calls, 0);
	CHECK_STATE("failed");
	CHECK_TEXT("PSM_ERR_TIMEOUT", "SELECT error_code FROM psymatch.job");
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

START_TEST(two_workers_share)
{
	psm_store *st2 = pg_store();
	psm_jobs *second = jobs_new(st2);
	struct work work2 = {0};
	pthread_t thread;

	OK(psm_jobs_on(second, "test.work", do_work, &work2, err));
	pg_run("INSERT INTO psymatch.job (kind, key, run_at, due_at) SELECT "
	       "'test.work', i, now() - interval '100 years', "
	       "now() - interval '100 years' FROM generate_series(1, 200) i");
	ck_assert_int_eq(pthread_create(&thread, NULL, run_all, second), 0);
	(void)run_all(jobs);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(work.calls + work2.calls, 200);
	ck_assert_int_eq(effects(), 200);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT key) FROM effect"), 200);
	psm_jobs_free(second);
	psm_store_free(st2);
}
END_TEST

START_TEST(a_thread_does_them)
{
	char reason[200];

	OK(psm_config_set(cfg, "PSYMATCH_JOB_POLL_MS", "60000", err));
	psm_jobs_free(jobs);
	jobs = jobs_new(st);
	OK(psm_jobs_on(jobs, "test.work", do_work, &work, err));
	ck_assert_int_eq(psm_jobs_health(jobs, reason, sizeof reason),
	                 PSM_HEALTH_RED);
	OK(psm_jobs_start(jobs, err));
	ck_assert_int_eq(psm_jobs_start(jobs, err), PSM_ERR_STATE);
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), PSM_ERR_STATE);
	ck_assert_int_eq(
	    psm_jobs_on_failure(jobs, "test.work", do_work, NULL, err),
	    PSM_ERR_STATE);
	ck_assert_int_eq(ask("test.work", "7", NULL, NULL), 1);
	psm_jobs_wake(jobs);
	ck_assert_int_eq(pg_wait(1, 20000, "SELECT count(*) FROM effect"), 1);
	PG_UNTIL(psm_jobs_health(jobs, reason, sizeof reason) ==
	             PSM_HEALTH_GREEN &&
	         strstr(reason, "jobs: the last one ended ") != NULL &&
	         strstr(reason, "none waits, none was missed") != NULL);
	work.rc = PSM_ERR_SCHEMA;
	ck_assert_int_eq(ask("test.work", "8", NULL, NULL), 1);
	psm_jobs_wake(jobs);
	PG_UNTIL(psm_jobs_health(jobs, reason, sizeof reason) ==
	         PSM_HEALTH_AMBER);
	ck_assert_str_eq(reason, "jobs: 1 job failed for good within a day");
	OK(psm_jobs_stop(jobs, 60000, err));
	ck_assert_int_eq(psm_jobs_health(jobs, NULL, 0), PSM_HEALTH_RED);
}
END_TEST

START_TEST(forgets_what_is_done)
{
	char reason[100];

	pg_run("INSERT INTO psymatch.job (kind, key, run_at, due_at, state, "
	       "ended_at) SELECT 'test.work', i, t, t, s, t FROM "
	       "(VALUES (1, 'done', 91), (2, 'missed', 91), (3, 'failed', 91), "
	       "(4, 'done', 89)) v (i, s, d) CROSS JOIN LATERAL (SELECT "
	       "timestamptz '2026-03-10 12:00Z' - d * interval '1 day') x (t)");
	OK(psm_jobs_start(jobs, err));
	PG_UNTIL(psm_jobs_health(jobs, reason, sizeof reason) ==
	         PSM_HEALTH_GREEN);
	ck_assert_int_eq(pg_wait(2, 20000, "SELECT count(*) FROM psymatch.job"),
	                 2);
	CHECK_TEXT("3 4", "SELECT string_agg(key, ' ' ORDER BY key) FROM "
	                  "psymatch.job");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("jobs");
	TCase *tc = tcase_create("jobs");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, does_each_once);
	tcase_add_test(tc, is_asked_for_with_the_transaction);
	tcase_add_test(tc, refuses);
	tcase_add_test(tc, tries_again);
	tcase_add_test(tc, the_database_fails_meanwhile);
	tcase_add_test(tc, given_back);
	tcase_add_loop_test(tc, another_one_is_not_given_back, 0, 2);
	tcase_add_test(tc, the_database_is_busy_meanwhile);
	tcase_add_test(tc, fails_for_good);
	tcase_add_test(tc, gives_up_after_so_many_attempts);
	tcase_add_test(tc, what_follows_from_a_failure);
	tcase_add_test(tc, a_failed_statement_is_a_failure);
	tcase_add_test(tc, what_follows_is_no_master);
	tcase_add_test(tc, the_lease_fences);
	tcase_add_test(tc, a_worker_that_dies_counts);
	tcase_add_test(tc, two_workers_share);
	tcase_add_test(tc, a_thread_does_them);
	tcase_add_test(tc, forgets_what_is_done);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	pg_main(argv);
	return testing_run(srunner_create(suite()));
}
