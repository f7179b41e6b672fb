/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_JOBS_H
#define PSYMATCH_JOBS_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/**
 * Does jobs: rows of psymatch.job, each of a kind and with a key that is unique
 * within the kind. A job is asked for in the transaction that needs it, done
 * once in a transaction of its own, tried again where it fails, and kept where
 * it fails for good. Daily jobs have the local date as their key. Any number of
 * processes may do the jobs of one database: each job commits once.
 */
typedef struct psm_jobs psm_jobs;

/* What becomes of a daily job that no program did in its time. */
enum psm_jobs_missed {
	PSM_JOBS_SKIP = 0, /* later than 10 minutes: not until the next day */
	PSM_JOBS_LATE = 1  /* as soon as there is a program, once */
};

/**
 * Does one job. It may be called again for a job that it did: after a crash,
 * and when the lease (PSYMATCH_JOB_LEASE_SECONDS) ended before it returned.
 * What it wrote with tx is there only once.
 *
 * @param tx       commits with the job, after the return.
 * @param key      the job's key, of a daily job its date "2026-03-29";
 *                 borrowed for the call.
 * @param payload  the job's object as JSON; borrowed for the call.
 * @param user     as given to psm_jobs_on() or psm_jobs_daily().
 * @param err      receives the details of a failure.
 * @return 0: done; a negative code: nothing is kept of it. Where the error is
 *   retriable (psm_error_retriable) the job is tried again after 1, 2, 4 ..
 *   seconds, at last every hour, each shortened by up to half at random, at
 *   most PSYMATCH_JOB_ATTEMPTS times; else it has failed for good. Of the error
 *   only the code is kept.
 *
 * Threads: that of psm_jobs_start(), or the one in psm_jobs_run_once(). Must
 * not call functions of the same psm_jobs.
 */
typedef int (*psm_job_fn)(psm_tx *tx, const char *key, const char *payload,
                          void *user, psm_error *err);

/**
 * Ask for a job, if tx commits. A job of this kind and key that is there, in
 * whatever state, stays as it is; those that are done are forgotten after
 * PSYMATCH_JOB_DAYS.
 *
 * @param tx       a transaction of a store with the set "psymatch".
 * @param kind     1 to 64 bytes of [a-z0-9._-], e.g. "inquiry.send".
 * @param key      1 to 200 bytes, e.g. the number of a row; nothing about a
 *                 person.
 * @param payload  an object as JSON, e.g. `{"inquiry_id": 7}`; NULL: {}.
 * @param run_at   when it may be done, e.g. "2026-03-29T09:00:00Z"; NULL: now.
 * @param err      details of a failure; may be NULL.
 * @return 1: it is new; 0: there is one already; or
 *   PSM_ERR_INVAL    a NULL argument, or a kind or key outside the rule;
 *   PSM_ERR_PARSE    payload is no JSON;
 *   PSM_ERR_SCHEMA   payload is no object, or run_at is no time;
 *   PSM_ERR_STATE    a statement of tx failed before;
 *   PSM_ERR_DB       the database is away (retriable), or has no such table;
 *   PSM_ERR_TIMEOUT  the server's statement_timeout passed; retriable;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: one at a time. Blocks: until the server answers. Since 0.1.
 */
PSM_API int psm_jobs_add(psm_tx *tx, const char *kind, const char *key,
                         const char *payload, const char *run_at,
                         psm_error *err) PSM_CHECK;

/**
 * Make an object that does jobs.
 *
 * Settings read: PSYMATCH_JOB_LEASE_SECONDS, PSYMATCH_JOB_ATTEMPTS,
 * PSYMATCH_JOB_DAYS and PSYMATCH_JOB_POLL_MS.
 *
 * @param st   borrowed until the object is freed.
 * @param cfg  borrowed for the call.
 * @param out  new (psm_jobs_free); NULL after a failure.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_jobs_new(psm_store *st, const psm_config *cfg, psm_jobs **out,
                         psm_error *err) PSM_CHECK;

/**
 * Do the jobs of a kind. Jobs without a function are left to other programs.
 *
 * @param jobs  an object that was not started.
 * @param kind  as for psm_jobs_add(); copied. Each once.
 * @param fn    called for each job.
 * @param user  handed to fn; must live until jobs is freed.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL     a NULL argument, or a kind outside the rule;
 *   PSM_ERR_CONFLICT  the kind has a function already;
 *   PSM_ERR_STATE     started before;
 *   PSM_ERR_NOMEM     out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_jobs_on(psm_jobs *jobs, const char *kind, psm_job_fn fn,
                        void *user, psm_error *err) PSM_CHECK;

/**
 * What follows when a job of a kind has failed for good, e.g. to undo what it
 * was asked for with.
 *
 * @param jobs  an object that was not started.
 * @param kind  one that psm_jobs_on() or psm_jobs_daily() gave a function.
 * @param fn    called in the transaction in which the job becomes "failed", or
 *              again where that cannot be committed: after PSM_ERR_DB and
 *              PSM_ERR_TIMEOUT with the delays of psm_job_fn, after any other
 *              failure when the lease has ended. The job stays until then.
 * @param user  handed to fn; must live until jobs is freed.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL argument, or a kind outside the rule;
 *   PSM_ERR_NOT_FOUND  the kind has no function;
 *   PSM_ERR_STATE      started before.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_jobs_on_failure(psm_jobs *jobs, const char *kind, psm_job_fn fn,
                                void *user, psm_error *err) PSM_CHECK;

/**
 * Do a job once each day at a time of day in Berlin, however many processes
 * ask for it. A job that is new begins with the next such time. A time that
 * does not exist on a day is as long after midnight as on others (02:30 on
 * 2026-03-29 is 03:30); of one that exists twice (02:30 on 2026-10-25) it is
 * the second. A program that was away for several days does the job once, or,
 * with PSM_JOBS_SKIP, not until its next time; each day left out is a row in
 * the state "missed".
 *
 * @param jobs    an object that was not started.
 * @param kind    as for psm_jobs_add(); copied. Each once.
 * @param at      "HH:MM", 00:00 to 23:59; copied. If processes disagree, the
 *                one that looked last decides.
 * @param missed  an enum psm_jobs_missed.
 * @param fn      called for each job.
 * @param user    handed to fn; must live until jobs is freed.
 * @param err     details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL     a NULL argument, a kind, time or enum outside the rule;
 *   PSM_ERR_CONFLICT  the kind has a function already;
 *   PSM_ERR_STATE     started before;
 *   PSM_ERR_NOMEM     out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_jobs_daily(psm_jobs *jobs, const char *kind, const char *at,
                           int missed, psm_job_fn fn, void *user,
                           psm_error *err) PSM_CHECK;

/**
 * Do all jobs that are due by the library's clock, one after the other, on the
 * calling thread: for tests, and for programs with a loop of their own. A
 * failure of a function of psm_jobs_on_failure() ends it, and is the result:
 * call it again for the others.
 *
 * @param jobs  an object that does not run.
 * @param err   details of a failure; may be NULL.
 * @return the count of jobs that functions were called for, whatever came of
 *   them; or
 *   PSM_ERR_INVAL    jobs is NULL;
 *   PSM_ERR_STATE    it was started;
 *   PSM_ERR_DB       the database is away (retriable), or has no such tables;
 *   PSM_ERR_TIMEOUT  all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: one at a time. Blocks: until they are done. Since 0.1.
 */
PSM_API int psm_jobs_run_once(psm_jobs *jobs, psm_error *err) PSM_CHECK;

/**
 * Start a thread that does the jobs. It looks every PSYMATCH_JOB_POLL_MS. The
 * database need not be there.
 *
 * @param jobs  an object that was not started before.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  jobs is NULL;
 *   PSM_ERR_STATE  started or stopped before;
 *   PSM_ERR_NOMEM  no thread could be made.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_jobs_start(psm_jobs *jobs, psm_error *err) PSM_CHECK;

/**
 * Stop the thread after the job that is under way. After timeout_ms the
 * statement it waits for is given up, and the job is done again later.
 *
 * @param jobs        an object; one that does not run is no error.
 * @param timeout_ms  0 or more.
 * @param err         details of a failure; may be NULL.
 * @return 0: the thread has ended; or
 *   PSM_ERR_INVAL    a NULL or negative argument;
 *   PSM_ERR_TIMEOUT  it has not, even 1 s after the timeout; call again.
 *
 * Threads: one at a time. Blocks: up to timeout_ms and about 1 s. Since 0.1.
 */
PSM_API int psm_jobs_stop(psm_jobs *jobs, int timeout_ms,
                          psm_error *err) PSM_CHECK;

/**
 * Stop if it runs, and free.
 *
 * @param jobs  taken; NULL is allowed.
 *
 * Threads: one at a time. Blocks: until the job under way has ended. Since 0.1.
 */
PSM_API void psm_jobs_free(psm_jobs *jobs);

/**
 * Look for jobs at once.
 *
 * @param jobs  an object; NULL is ignored.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API void psm_jobs_wake(psm_jobs *jobs);

/**
 * Whether jobs are done when they should be.
 *
 * @param jobs    an object.
 * @param reason  reason[size] receives one sentence; may be NULL.
 * @param size    bytes of reason, 0 if it is NULL.
 * @return an enum psm_health: red when the thread does not run or the database
 *   fails; amber when a job of its kinds waits more than 5 minutes longer than
 *   it should, or failed for good or was missed within the last day.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_jobs_health(psm_jobs *jobs, char *reason, size_t size);

/**
 * What each kind of jobs is like: `[{"kind": text, "daily_at": "09:00" or null,
 * "when_missed": "late", "skip" or null, "waiting": count, "running": count,
 * "done": count, "missed": count, "failed": count, "last_run": time or null,
 * "last_state": text or null, "last_error": name of a code or null,
 * "next_run": time or null}]`, by kind. Done and missed ones count for
 * PSYMATCH_JOB_DAYS.
 *
 * @param st   a store with the set "psymatch".
 * @param out  new (psm_free); NULL after a failure.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL    a NULL argument;
 *   PSM_ERR_DB       the database is away (retriable), or has no such tables;
 *   PSM_ERR_TIMEOUT  all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: until the server answers. Since 0.1.
 */
PSM_API int psm_jobs_status(psm_store *st, char **out,
                            psm_error *err) PSM_CHECK;

/**
 * Jobs, the newest first: `[{"id": number, "kind", "key": text, "state":
 * "waiting", "running", "done", "missed" or "failed", "run_at", "due_at": time,
 * "attempts": count, "started_at", "ended_at": time or null, "error_code": text
 * or null}]`.
 *
 * @param st     a store with the set "psymatch".
 * @param kind   of this kind; NULL: of all.
 * @param state  in this state; NULL: in any.
 * @param limit  jobs at most, 1 to 1000.
 * @param out    new (psm_free); NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL    a NULL argument, a limit outside the rule, or no state;
 *   PSM_ERR_DB       the database is away (retriable), or has no such tables;
 *   PSM_ERR_TIMEOUT  all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: until the server answers. Since 0.1.
 */
PSM_API int psm_jobs_list(psm_store *st, const char *kind, const char *state,
                          int64_t limit, char **out, psm_error *err) PSM_CHECK;

/**
 * One job, as psm_jobs_list() has them.
 *
 * @param st   a store with the set "psymatch".
 * @param id   its number.
 * @param out  new (psm_free); NULL after a failure.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_NOT_FOUND  there is no such job;
 *   PSM_ERR_DB         the database is away (retriable), or has no such tables;
 *   PSM_ERR_TIMEOUT    all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: until the server answers. Since 0.1.
 */
PSM_API int psm_jobs_get(psm_store *st, int64_t id, char **out,
                         psm_error *err) PSM_CHECK;

/**
 * Let a job that failed or was missed be done now, with all its attempts.
 *
 * @param st   a store with the set "psymatch".
 * @param id   its number.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      st is NULL;
 *   PSM_ERR_NOT_FOUND  no job that failed or was missed has the number;
 *   PSM_ERR_DB         the database is away (retriable), or has no such tables;
 *   PSM_ERR_TIMEOUT    all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: until the server answers. Since 0.1.
 */
PSM_API int psm_jobs_retry(psm_store *st, int64_t id, psm_error *err) PSM_CHECK;

/**
 * Remove a job that does not run. A later psm_jobs_add() may make it anew.
 *
 * @param st   a store with the set "psymatch".
 * @param id   its number.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      st is NULL;
 *   PSM_ERR_NOT_FOUND  no job with the number, or it runs;
 *   PSM_ERR_DB         the database is away (retriable), or has no such tables;
 *   PSM_ERR_TIMEOUT    all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: until the server answers. Since 0.1.
 */
PSM_API int psm_jobs_remove(psm_store *st, int64_t id,
                            psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
