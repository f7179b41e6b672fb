/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of jobs share: a clock of their own, and jobs that count. */
#ifndef TESTING_JOBS_H
#define TESTING_JOBS_H

#include "testing.h"
#include "testing_pg.h"

#include <psymatch/clock.h>
#include <psymatch/health.h>
#include <psymatch/jobs.h>

#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

static psm_store *st;
static psm_config *cfg;
static psm_error *err;
static _Atomic int64_t clock_us;

#define OK(call) ck_assert_msg((call) == 0, "%s", psm_error_message(err))

static inline int64_t
jobs_clock(void *user)
{
	(void)user;
	return clock_us;
}

/* "2026-03-29 01:30+01" */
static inline void
jobs_at(const char *time)
{
	clock_us = pg_int("SELECT extract(epoch FROM timestamptz '%s')::bigint",
	                  time) *
	           SECOND;
}

static inline void
jobs_setup(void)
{
	pg_database();
	pg_hasty();
	st = pg_store();
	cfg = pg_settings();
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	jobs_at("2026-03-10 12:00Z");
	psm_set_clock(jobs_clock, NULL);
}

static inline void
jobs_teardown(void)
{
	psm_set_clock(NULL, NULL);
	psm_store_free(st);
	psm_config_free(cfg);
	psm_error_free(err);
}

static inline psm_jobs *
jobs_new(psm_store *store)
{
	psm_jobs *jobs;

	OK(psm_jobs_new(store, cfg, &jobs, err));
	return jobs;
}

/* Do what is due: how many. */
static inline int
jobs_run(psm_jobs *jobs)
{
	int n = psm_jobs_run_once(jobs, err);

	ck_assert_msg(n >= 0, "%s", psm_error_message(err));
	return n;
}

#endif
