/* SPDX-License-Identifier: BSD-2-Clause */
#include <psymatch/jobs.h>

#include "client/outcome.h"
#include "flow/tables.h"
#include "flow/worker.h"
#include "store/jobs.h"

#include <psymatch/clock.h>
#include <psymatch/health.h>
#include <stdio.h>
#include <string.h>

/* After a failure of a job: 1, 2, 4 .. s up to an hour, with jitter. */
#define AGAIN_BASE_MS 1000
#define AGAIN_CAP_MS (3600 * 1000)
/* After a failure of the database. */
#define RETRY_BASE_MS 100
#define RETRY_CAP_MS 5000
/* Freed without a stop: so long for the job under way. */
#define FREE_MS 3000
/* Between two measurements for health; old rows are forgotten as often. */
#define MEASURE_MS 10000
/* A job that waits so long beyond its time makes health amber. */
#define OVERDUE_US (300 * INT64_C(1000000))
#define SECOND_US INT64_C(1000000)

struct kind {
	char *name;
	char at[6]; /* "HH:MM" of a daily one, else "" */
	int late;
	psm_job_fn fn;
	void *user;
	psm_job_fn failed; /* when one has failed for good, or NULL */
	void *failed_user;
};

struct psm_jobs {
	psm_store *st;
	struct psm__worker worker;
	int64_t lease_us, days;
	int attempts, poll_ms;
	struct kind *kinds;
	size_t count, cap;
	struct psm__buf names; /* "{a,b": the kinds as an array, not closed */
	/* Of the thread that does the jobs. */
	psm_error *err;
	unsigned failures;
	int64_t measured_at_ms;
	/* A job that was taken and not ended, because the database failed: when
	 * its lease ends, 0: there is none; and its attempts, 0: the answer to
	 * the taking got lost. */
	int64_t taken_until_us, taken_fence;
	int taken_attempts;

	pthread_mutex_t lock; /* a leaf */
	struct psm__jobs_counts seen;
	int64_t last_us;   /* when this process did one; 0: not yet */
	char problem[200]; /* of the database, "" if there is none */
};

/* -- life */

static int
init(psm_jobs *jobs, psm_store *st, const psm_config *cfg, psm_error *err)
{
	jobs->st = st;
	jobs->lease_us =
	    psm_config_int(cfg, "PSYMATCH_JOB_LEASE_SECONDS") * SECOND_US;
	jobs->attempts = (int)psm_config_int(cfg, "PSYMATCH_JOB_ATTEMPTS");
	jobs->days = psm_config_int(cfg, "PSYMATCH_JOB_DAYS");
	jobs->poll_ms = (int)psm_config_int(cfg, "PSYMATCH_JOB_POLL_MS");
	psm__buf_putc(&jobs->names, '{');
	jobs->err = psm_error_new();
	return jobs->err && !jobs->names.failed ? 0 : psm__nomem(err);
}

int
psm_jobs_new(psm_store *st, const psm_config *cfg, psm_jobs **out,
             psm_error *err)
{
	psm_jobs *jobs;
	int rc;

	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL, "out: want a pointer");
	*out = NULL;
	if (!st || !cfg)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a store and settings");
	jobs = psm__alloc(sizeof *jobs);
	if (!jobs)
		return psm__nomem(err);
	rc = psm__worker_init(&jobs->worker, err);
	if (rc < 0) {
		psm__free(jobs);
		return rc;
	}
	(void)pthread_mutex_init(&jobs->lock, NULL);
	rc = init(jobs, st, cfg, err);
	if (rc < 0)
		psm_jobs_free(jobs);
	else
		*out = jobs;
	return rc;
}

void
psm_jobs_free(psm_jobs *jobs)
{
	if (!jobs)
		return;
	if (psm_jobs_stop(jobs, FREE_MS, NULL) < 0)
		(void)psm__worker_stop(&jobs->worker, -1, NULL, NULL);
	for (size_t i = 0; i < jobs->count; i++)
		psm__free(jobs->kinds[i].name);
	psm__free(jobs->kinds);
	psm__buf_free(&jobs->names);
	psm_error_free(jobs->err);
	psm__worker_destroy(&jobs->worker);
	(void)pthread_mutex_destroy(&jobs->lock);
	psm__free(jobs);
}

/* -- kinds */

#define WANT                                                                   \
	"want jobs, a function, and a kind of 1 to 64 letters a to z, "        \
	"digits, \".\", \"_\", \"-\""

static struct kind *
find(psm_jobs *jobs, const char *name)
{
	for (size_t i = 0; i < jobs->count; i++)
		if (strcmp(jobs->kinds[i].name, name) == 0)
			return &jobs->kinds[i];
	return NULL;
}

static int
check(psm_jobs *jobs, const char *name, psm_job_fn fn, psm_error *err)
{
	if (!jobs || !fn || !psm__job_is_kind(name))
		return psm__fail(err, PSM_ERR_INVAL, WANT);
	if (jobs->worker.state != PSM__WORKER_IDLE)
		return psm__fail(err, PSM_ERR_STATE, "jobs: started before");
	if (find(jobs, name))
		return psm__fail(err, PSM_ERR_CONFLICT,
		                 "kind \"%s\": has a function already", name);
	return 0;
}

static int
add(psm_jobs *jobs, const char *name, psm_job_fn fn, void *user,
    struct kind **out, psm_error *err)
{
	struct kind *k;
	size_t len = jobs->names.len;

	if (psm__grow(&jobs->kinds, &jobs->cap, jobs->count + 1,
	              sizeof *jobs->kinds) < 0)
		return psm__nomem(err);
	psm__buf_printf(&jobs->names, "%s%s", jobs->count > 0 ? "," : "", name);
	k = &jobs->kinds[jobs->count];
	memset(k, 0, sizeof *k);
	k->name = psm__strdup(name);
	if (!k->name || jobs->names.failed) {
		psm__free(k->name);
		if (!jobs->names.failed) {
			jobs->names.len = len;
			jobs->names.data[len] = '\0';
		}
		return psm__nomem(err);
	}
	k->fn = fn;
	k->user = user;
	jobs->count++;
	*out = k;
	return 0;
}

int
psm_jobs_on(psm_jobs *jobs, const char *kind, psm_job_fn fn, void *user,
            psm_error *err)
{
	struct kind *k;
	int rc;

	psm__error_clear(err);
	rc = check(jobs, kind, fn, err);
	return rc < 0 ? rc : add(jobs, kind, fn, user, &k, err);
}

int
psm_jobs_on_failure(psm_jobs *jobs, const char *kind, psm_job_fn fn, void *user,
                    psm_error *err)
{
	struct kind *k;

	psm__error_clear(err);
	if (!jobs || !fn || !psm__job_is_kind(kind))
		return psm__fail(err, PSM_ERR_INVAL, WANT);
	if (jobs->worker.state != PSM__WORKER_IDLE)
		return psm__fail(err, PSM_ERR_STATE, "jobs: started before");
	k = find(jobs, kind);
	if (!k)
		return psm__fail(err, PSM_ERR_NOT_FOUND,
		                 "kind \"%s\": has no function", kind);
	k->failed = fn;
	k->failed_user = user;
	return 0;
}

static int
is_time(const char *at)
{
	return at && strlen(at) == 5 && at[2] == ':' &&
	       strspn(at, "0123456789") == 2 &&
	       strspn(at + 3, "0123456789") == 2 && strncmp(at, "24", 2) < 0 &&
	       at[3] < '6';
}

int
psm_jobs_daily(psm_jobs *jobs, const char *kind, const char *at, int missed,
               psm_job_fn fn, void *user, psm_error *err)
{
	struct kind *k;
	int rc;

	psm__error_clear(err);
	rc = check(jobs, kind, fn, err);
	if (rc < 0)
		return rc;
	if (!is_time(at))
		return psm__fail(err, PSM_ERR_INVAL, "at: want \"HH:MM\"");
	if (missed != PSM_JOBS_SKIP && missed != PSM_JOBS_LATE)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "missed: want an enum psm_jobs_missed");
	rc = add(jobs, kind, fn, user, &k, err);
	if (rc == 0) {
		memcpy(k->at, at, sizeof k->at);
		k->late = missed == PSM_JOBS_LATE;
	}
	return rc;
}

/* -- one job */

static int
call(psm_jobs *jobs, const struct kind *k, const struct psm__job *job)
{
	psm_error *err = jobs->err;
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(jobs->st, &tx, err);

	if (rc < 0)
		return rc;
	psm__tx_cancel(tx, &jobs->worker.cancel);
	psm__tx_lend(tx, 1);
	rc = k->fn(tx, job->key, job->payload, k->user, err);
	psm__tx_lend(tx, 0);
	rc = psm__effective_code(psm__tx_failed(tx), rc);
	if (rc == 0)
		rc = psm__job_done(tx, job, psm_now_us(), err);
	if (rc < 0) {
		psm_tx_rollback(tx);
		return rc;
	}
	rc = psm_tx_commit(tx, err);
	return rc == PSM_ERR_UNCONFIRMED ? 0 : rc; /* it has committed */
}

/* When to try again; 0: never. */
static int64_t
again_us(psm_jobs *jobs, const struct psm__job *job, int code, int64_t now_us)
{
	if (psm_error_code(jobs->err) != code) {
		psm__error_clear(jobs->err);
		(void)psm__fail(jobs->err, code, "%s", psm_strerror(code));
	}
	if (!psm_error_retriable(jobs->err) || job->attempts >= jobs->attempts)
		return 0;
	return now_us + psm__backoff_ms((unsigned)job->attempts - 1,
	                                AGAIN_BASE_MS, AGAIN_CAP_MS) *
	                    INT64_C(1000);
}

/* It has failed for good: what follows from that commits with it. */
static int
give_up(psm_jobs *jobs, const struct psm__job *job, int code, int64_t now_us,
        psm_error *err)
{
	const struct kind *k = find(jobs, job->kind);
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(jobs->st, &tx, err);

	if (rc < 0)
		return rc;
	rc = psm__job_failed(tx, job, code, 0, now_us, err);
	if (rc > 0 && k->failed) {
		psm__tx_cancel(tx, &jobs->worker.cancel);
		psm__tx_lend(tx, 1);
		rc = k->failed(tx, job->key, job->payload, k->failed_user, err);
		psm__tx_lend(tx, 0);
		rc = psm__effective_code(psm__tx_failed(tx), rc);
	}
	if (rc >= 0)
		return psm_tx_commit(tx, err);
	psm_tx_rollback(tx);
	return rc;
}

static int
try_again(psm_jobs *jobs, const struct psm__job *job, int code,
          int64_t again_us, int64_t now_us, psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(jobs->st, &tx, err);

	if (rc < 0)
		return rc;
	rc = psm__job_failed(tx, job, code, again_us, now_us, err);
	if (rc >= 0)
		return psm_tx_commit(tx, err);
	psm_tx_rollback(tx);
	return rc;
}

static int
note_failure(psm_jobs *jobs, const struct psm__job *job, int code,
             psm_error *err)
{
	int64_t now_us = psm_now_us();
	int64_t again = again_us(jobs, job, code, now_us);

	psm__log(again > 0 ? PSM_LOG_WARN : PSM_LOG_ERROR,
	         again > 0 ? "job failed, will be tried again"
	                   : "job failed for good",
	         "kind", job->kind, "code", psm_error_name(code), NULL);
	return again > 0 ? try_again(jobs, job, code, again, now_us, err)
	                 : give_up(jobs, job, code, now_us, err);
}

static void
count(const char *kind, int code)
{
	psm__metric_add(psm__counter("psymatch_jobs_total", "kind", kind,
	                             "Jobs that were tried"),
	                1);
	if (code < 0)
		psm__metric_add(psm__counter("psymatch_job_failures_total",
		                             "kind", kind,
		                             "Jobs that failed when tried"),
		                1);
}

/* 0, or what keeps all jobs from being done. */
static int
do_job(psm_jobs *jobs, const struct psm__job *job, psm_error *err)
{
	int rc;

	/* Those that took it before ended without a word: it may be what ends
	 * them. */
	if (job->attempts > jobs->attempts)
		return note_failure(jobs, job, PSM_ERR_TIMEOUT, err);
	rc = call(jobs, find(jobs, job->kind), job);
	count(job->kind, rc);
	return rc < 0 ? note_failure(jobs, job, rc, err) : 0;
}

/* -- all that are due */

static int
plan(psm_jobs *jobs, psm_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < jobs->count && rc == 0; i++) {
		const struct kind *k = &jobs->kinds[i];
		int64_t next_us;

		if (k->at[0])
			rc = psm__jobs_plan(jobs->st, k->name, k->at, k->late,
			                    psm_now_us(), &next_us, err);
	}
	return rc;
}

/* What nobody does need not wait for the end of its lease. */
static int
give_back(psm_jobs *jobs, const char *kinds, psm_error *err)
{
	int tried = jobs->taken_attempts;
	int64_t again_us = psm_now_us();
	int rc;

	if (jobs->taken_until_us == 0)
		return 0;
	if (tried > 0)
		again_us += psm__backoff_ms((unsigned)tried - 1, AGAIN_BASE_MS,
		                            AGAIN_CAP_MS) *
		            INT64_C(1000);
	rc = psm__jobs_return(jobs->st, kinds, jobs->taken_fence,
	                      jobs->taken_until_us, again_us, tried > 0, err);
	if (rc == 0)
		jobs->taken_until_us = 0;
	return rc;
}

static int
take(psm_jobs *jobs, struct psm__job *job, psm_error *err)
{
	struct psm__buf names = {0};
	int64_t now_us = psm_now_us();
	int rc;

	psm__buf_printf(&names, "%s}", jobs->names.data);
	rc = names.failed ? psm__nomem(err) : give_back(jobs, names.data, err);
	if (rc == 0)
		rc = psm__jobs_fence(&jobs->taken_fence, err);
	if (rc == 0) {
		jobs->taken_until_us = now_us + jobs->lease_us;
		jobs->taken_attempts = 0;
		rc = psm__jobs_take(jobs->st, names.data, jobs->taken_fence,
		                    jobs->taken_until_us, now_us, job, err);
	}
	if (rc == 0)
		jobs->taken_until_us = 0;
	if (rc > 0)
		jobs->taken_attempts = job->attempts;
	psm__buf_free(&names);
	return rc;
}

static void
note_end(psm_jobs *jobs)
{
	(void)pthread_mutex_lock(&jobs->lock);
	jobs->last_us = psm_now_us();
	(void)pthread_mutex_unlock(&jobs->lock);
}

/* Count of jobs, or an error. */
static int
turn(psm_jobs *jobs, int is_thread, psm_error *err)
{
	struct psm__job job;
	int n = 0, rc = plan(jobs, err);

	while (rc >= 0 && !(is_thread && psm__worker_stopping(&jobs->worker))) {
		rc = take(jobs, &job, err);
		if (rc <= 0)
			break;
		psm__error_clear(jobs->err);
		rc = do_job(jobs, &job, err);
		/* Nothing was told if the database fails, or is busy. */
		if (rc != PSM_ERR_DB && rc != PSM_ERR_TIMEOUT)
			jobs->taken_until_us = 0;
		psm__job_free(&job);
		note_end(jobs);
		n++;
	}
	return rc < 0 ? rc : n;
}

int
psm_jobs_run_once(psm_jobs *jobs, psm_error *err)
{
	psm__error_clear(err);
	if (!jobs)
		return psm__fail(err, PSM_ERR_INVAL, "jobs is NULL");
	if (jobs->worker.state != PSM__WORKER_IDLE)
		return psm__fail(err, PSM_ERR_STATE, "jobs: started before");
	return turn(jobs, 0, err);
}

/* -- the thread */

static int
measure(psm_jobs *jobs, psm_error *err)
{
	struct psm__jobs_counts seen;
	struct psm__buf names = {0};
	int rc;

	if (psm__mono_ms() < jobs->measured_at_ms)
		return 0;
	psm__buf_printf(&names, "%s}", jobs->names.data);
	rc = names.failed ? psm__nomem(err)
	                  : psm__jobs_measure(jobs->st, names.data,
	                                      psm_now_us(), &seen, err);
	psm__buf_free(&names);
	if (rc == 0)
		rc = psm__jobs_forget(jobs->st, jobs->days, psm_now_us(), err);
	if (rc < 0)
		return rc;
	jobs->measured_at_ms = psm__mono_ms() + MEASURE_MS;
	(void)pthread_mutex_lock(&jobs->lock);
	jobs->seen = seen;
	(void)pthread_mutex_unlock(&jobs->lock);
	return 0;
}

static void
tell(psm_jobs *jobs, const char *problem)
{
	(void)pthread_mutex_lock(&jobs->lock);
	(void)snprintf(jobs->problem, sizeof jobs->problem, "%s", problem);
	(void)pthread_mutex_unlock(&jobs->lock);
}

/* @thread jobs */
static void
run(void *arg)
{
	psm_jobs *jobs = arg;
	psm_error *err = psm_error_new();
	int rc, wait_ms;

	psm__tables_await(jobs->st, &jobs->worker, "jobs");
	while (!psm__worker_stopping(&jobs->worker)) {
		psm__error_clear(err);
		rc = turn(jobs, 1, err);
		if (rc > 0)
			jobs->measured_at_ms = 0;
		if (rc >= 0)
			rc = measure(jobs, err);
		tell(jobs, rc < 0 ? psm_error_public(err) : "");
		if (rc < 0 && jobs->failures == 0)
			psm__log(PSM_LOG_WARN, "jobs: the database fails",
			         "reason", psm_error_message(err), NULL);
		jobs->failures = rc < 0 ? jobs->failures + 1 : 0;
		wait_ms = rc < 0 ? psm__backoff_ms(jobs->failures,
		                                   RETRY_BASE_MS, RETRY_CAP_MS)
		                 : jobs->poll_ms;
		(void)psm__worker_wait(&jobs->worker, wait_ms);
	}
	psm_error_free(err);
}

int
psm_jobs_start(psm_jobs *jobs, psm_error *err)
{
	psm__error_clear(err);
	if (!jobs)
		return psm__fail(err, PSM_ERR_INVAL, "jobs is NULL");
	return psm__worker_start(&jobs->worker, "psm-jobs", run, jobs, err);
}

int
psm_jobs_stop(psm_jobs *jobs, int timeout_ms, psm_error *err)
{
	psm__error_clear(err);
	if (!jobs || timeout_ms < 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want jobs and a time from 0");
	return psm__worker_stop(&jobs->worker, timeout_ms, NULL, err);
}

void
psm_jobs_wake(psm_jobs *jobs)
{
	if (jobs)
		psm__worker_wake(&jobs->worker);
}

static const char *
word(int64_t n)
{
	return n == 1 ? "job" : "jobs";
}

/* When the last one was done here, and when the next one is due. */
static void
write_times(const struct psm__jobs_counts *seen, int64_t last_us, char *reason,
            size_t size)
{
	int64_t now = psm_now_us(), left = seen->next_us - now;
	char last[48] = "none was done yet", next[48] = "none waits";

	if (last_us > 0)
		(void)snprintf(last, sizeof last,
		               "the last one ended %lld s ago",
		               (long long)((now - last_us) / SECOND_US));
	if (seen->next_us > 0)
		(void)snprintf(next, sizeof next,
		               "the next one is due in %lld s",
		               (long long)(left > 0 ? left / SECOND_US : 0));
	(void)snprintf(reason, size,
	               "jobs: %s, %s, none was missed within a day", last,
	               next);
}

static int
health_of(const struct psm__jobs_counts *seen, int64_t last_us, char *reason,
          size_t size)
{
	if (seen->overdue_us > OVERDUE_US)
		(void)snprintf(reason, size, "jobs: one waits for %lld s",
		               (long long)(seen->overdue_us / SECOND_US));
	else if (seen->failed > 0)
		(void)snprintf(reason, size,
		               "jobs: %lld %s failed for good within a day",
		               (long long)seen->failed, word(seen->failed));
	else if (seen->missed > 0)
		(void)snprintf(reason, size,
		               "jobs: %lld daily %s left out within a day",
		               (long long)seen->missed,
		               seen->missed == 1 ? "job was" : "jobs were");
	else {
		write_times(seen, last_us, reason, size);
		return PSM_HEALTH_GREEN;
	}
	return PSM_HEALTH_AMBER;
}

int
psm_jobs_health(psm_jobs *jobs, char *reason, size_t size)
{
	struct psm__jobs_counts seen;
	char problem[200], none[1];
	int64_t last_us;

	if (!reason || size == 0) {
		reason = none;
		size = sizeof none;
	}
	if (!jobs || !psm__worker_running(&jobs->worker)) {
		(void)snprintf(reason, size, "jobs: the thread does not run");
		return PSM_HEALTH_RED;
	}
	(void)pthread_mutex_lock(&jobs->lock);
	seen = jobs->seen;
	last_us = jobs->last_us;
	memcpy(problem, jobs->problem, sizeof problem);
	(void)pthread_mutex_unlock(&jobs->lock);
	if (!problem[0])
		return health_of(&seen, last_us, reason, size);
	(void)snprintf(reason, size, "jobs: %s", problem);
	return PSM_HEALTH_RED;
}
