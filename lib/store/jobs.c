/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/jobs.h"

#include <psymatch/clock.h>
#include <psymatch/json.h>
#include <psymatch/uuid.h>
#include <stdlib.h>
#include <string.h>

#define KIND_MAX 64
#define KEY_MAX 200
/* A daily job that is not done late may begin so long after its time. */
#define GRACE "interval '10 minutes'"
/* Rows that are forgotten at a time. */
#define FORGET "1000"

#define AT(n)                                                                  \
	"(timestamptz 'epoch' + $" #n "::bigint * interval '1 microsecond')"
#define US(column)                                                             \
	"coalesce((extract(epoch FROM " column ") * 1000000)::bigint, 0)"
#define OPEN "state IN ('waiting', 'running')"

/* -- adding */

int
psm__job_is_kind(const char *kind)
{
	size_t len;

	if (!kind)
		return 0;
	len = strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789._-");
	return len > 0 && len <= KIND_MAX && kind[len] == '\0';
}

static int
is_object(const char *payload, psm_error *err)
{
	psm_json *doc = NULL;
	int rc = psm_json_parse(payload, strlen(payload), &doc, err);

	if (rc == 0 && psm_json_kind(doc) != PSM_JSON_OBJECT)
		rc = psm__fail(err, PSM_ERR_SCHEMA, "payload: want an object");
	psm_json_free(doc);
	return rc;
}

int
psm_jobs_add(psm_tx *tx, const char *kind, const char *key, const char *payload,
             const char *run_at, psm_error *err)
{
	int64_t at;
	struct psm__number now;
	const char *params[] = {kind, key, payload ? payload : "{}", run_at,
	                        psm__number(&now, psm_now_us())};
	psm_rows *rows = NULL;
	int rc = 0;

	psm__error_clear(err);
	if (!tx || !psm__job_is_kind(kind))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a transaction, and a kind of 1 to 64 "
		                 "letters a to z, digits, \".\", \"_\", \"-\"");
	if (!key || !key[0] || strlen(key) > KEY_MAX)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "key: want 1 to 200 bytes");
	if (run_at && psm_time_parse(run_at, strlen(run_at), &at, NULL) < 0)
		return psm__fail(err, PSM_ERR_SCHEMA,
		                 "run_at: want a time as RFC 3339 writes it");
	if (payload)
		rc = is_object(payload, err);
	if (rc == 0)
		rc = psm_tx_exec(
		    tx,
		    "INSERT INTO psymatch.job (kind, key, payload, run_at, "
		    "due_at) SELECT $1, $2, $3, t, t FROM (SELECT "
		    "coalesce($4::timestamptz, " AT(5) ") AS t) x "
						       "ON CONFLICT DO NOTHING",
		    5, params, &rows, err);
	if (rc == 0)
		rc = (int)psm_rows_affected(rows);
	psm_rows_free(rows);
	return rc;
}

/* -- doing */

void
psm__job_free(struct psm__job *job)
{
	psm__free(job->kind);
	psm__free(job->key);
	psm__free(job->payload);
	memset(job, 0, sizeof *job);
}

static int
read_job(const psm_rows *rows, struct psm__job *job, psm_error *err)
{
	job->id = psm_rows_int(rows, 0, 0);
	job->fence = psm_rows_int(rows, 0, 1);
	job->attempts = (int)psm_rows_int(rows, 0, 2);
	job->kind = psm__strdup(psm_rows_text(rows, 0, 3));
	job->key = psm__strdup(psm_rows_text(rows, 0, 4));
	job->payload = psm__strdup(psm_rows_text(rows, 0, 5));
	if (job->kind && job->key && job->payload)
		return 1;
	psm__job_free(job);
	return psm__nomem(err);
}

/* The head of each kind, then the one of them that is due longest: the index
 * has it, however many jobs there are or were. */
static const char take_sql[] =
    "UPDATE psymatch.job SET state = 'running', attempts = attempts + 1, "
    "fence = $4::bigint, started_at = " AT(2) ", due_at = " AT(
	3) " "
	   "WHERE id = (SELECT h.id FROM unnest($1::text[]) k (kind) CROSS JOIN "
	   "LATERAL (SELECT j.id, j.due_at FROM psymatch.job j WHERE "
	   "j.kind = k.kind AND j." OPEN " AND j.due_at <= " AT(
	       2) " "
		  "ORDER BY j.due_at, j.id LIMIT 1 FOR UPDATE SKIP LOCKED) h "
		  "ORDER BY h.due_at, h.id LIMIT 1) "
		  "RETURNING id, fence, attempts, kind, key, payload";

int
psm__jobs_fence(int64_t *out, psm_error *err)
{
	char uuid[37], *hex = uuid + 19; /* "8xxx-xxxxxxxxxxxx" */
	int rc = psm_uuid_new(uuid, sizeof uuid);

	if (rc < 0)
		return psm__fail(err, rc, "jobs: no random number");
	memmove(hex + 4, hex + 5, 13);
	*out =
	    (int64_t)(strtoull(hex, NULL, 16) & UINT64_C(0x3fffffffffffffff));
	return 0;
}

int
psm__jobs_take(psm_store *st, const char *kinds, int64_t fence,
               int64_t until_us, int64_t now_us, struct psm__job *job,
               psm_error *err)
{
	struct psm__number now, until, f;
	const char *params[] = {kinds, psm__number(&now, now_us),
	                        psm__number(&until, until_us),
	                        psm__number(&f, fence)};
	psm_rows *rows = NULL;
	int rc = psm_store_exec(st, take_sql, 4, params, &rows, err);

	memset(job, 0, sizeof *job);
	if (rc == 0 && psm_rows_count(rows) > 0)
		rc = read_job(rows, job, err);
	psm_rows_free(rows);
	return rc;
}

int
psm__jobs_return(psm_store *st, const char *kinds, int64_t fence,
                 int64_t until_us, int64_t again_us, int was_tried,
                 psm_error *err)
{
	struct psm__number until, again, f;
	const char *params[] = {kinds, psm__number(&until, until_us),
	                        psm__number(&again, again_us),
	                        was_tried ? "0" : "1", psm__number(&f, fence)};

	return psm_store_exec(
	    st,
	    "UPDATE psymatch.job SET state = 'waiting', due_at = " AT(
		3) ", "
		   "attempts = attempts - $4::integer WHERE kind = ANY "
		   "($1::text[]) AND state = 'running' AND due_at = " AT(
		       2) " AND fence = $5::bigint",
	    5, params, NULL, err);
}

int
psm__job_done(psm_tx *tx, const struct psm__job *job, int64_t now_us,
              psm_error *err)
{
	struct psm__number id, fence, now;
	const char *params[] = {psm__number(&id, job->id),
	                        psm__number(&fence, job->fence),
	                        psm__number(&now, now_us)};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(
	    tx,
	    "UPDATE psymatch.job SET state = 'done', ended_at = " AT(
		3) ", "
		   "error_code = NULL WHERE id = $1::bigint AND fence = $2::bigint "
		   "AND state = 'running' AND due_at > " AT(3),
	    3, params, &rows, err);

	if (rc == 0 && psm_rows_affected(rows) != 1)
		rc = psm__fail(err, PSM_ERR_FENCED,
		               "job: its lease has ended before it did");
	psm_rows_free(rows);
	return rc;
}

int
psm__job_failed(psm_tx *tx, const struct psm__job *job, int code,
                int64_t again_us, int64_t now_us, psm_error *err)
{
	struct psm__number id, fence, now, again;
	const char *params[] = {
	    psm__number(&id, job->id), psm__number(&fence, job->fence),
	    psm__number(&now, now_us), psm_error_name(code),
	    again_us > 0 ? psm__number(&again, again_us) : NULL};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(
	    tx,
	    "UPDATE psymatch.job SET error_code = $4, "
	    "state = CASE WHEN $5::bigint IS NULL THEN 'failed' "
	    "ELSE 'waiting' END, "
	    "ended_at = CASE WHEN $5::bigint IS NULL THEN " AT(
		3) " END, "
		   "due_at = coalesce(" AT(
		       5) ", due_at) WHERE id = $1::bigint "
			  "AND fence = $2::bigint AND state = 'running'",
	    5, params, &rows, err);

	if (rc == 0)
		rc = psm_rows_affected(rows) > 0;
	psm_rows_free(rows);
	return rc;
}

/* -- each day */

int
psm__jobs_plan(psm_store *st, const char *kind, const char *at, int late,
               int64_t now_us, int64_t *next_us, psm_error *err)
{
	struct psm__number now;
	const char *params[] = {kind, at, late ? "t" : "f",
	                        psm__number(&now, now_us)};
	psm_rows *rows = NULL;
	int rc = psm_store_exec(
	    st,
	    "SELECT " US("psymatch.job_plan($1, $2::time, $3::boolean, " GRACE
	                 ", " AT(4) ")"),
	    4, params, &rows, err);

	*next_us = psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	return rc;
}

int
psm__jobs_forget(psm_store *st, int64_t days, int64_t now_us, psm_error *err)
{
	struct psm__number d, now;
	const char *params[] = {psm__number(&d, days),
	                        psm__number(&now, now_us)};

	return psm_store_exec(
	    st,
	    "DELETE FROM psymatch.job WHERE id IN (SELECT id FROM psymatch.job "
	    "WHERE state IN ('done', 'missed') AND ended_at < " AT(
		2) " - "
		   "$1::bigint * interval '1 day' ORDER BY ended_at LIMIT " FORGET
		   ")",
	    2, params, NULL, err);
}

int
psm__jobs_measure(psm_store *st, const char *kinds, int64_t now_us,
                  struct psm__jobs_counts *out, psm_error *err)
{
	struct psm__number now;
	const char *params[] = {kinds, psm__number(&now, now_us)};
	psm_rows *rows = NULL;
	int rc = psm_store_exec(
	    st,
	    "SELECT (SELECT count(*) FROM psymatch.job WHERE state = 'failed' "
	    "AND kind = ANY ($1::text[]) AND ended_at > " AT(
		2) " - "
		   "interval '1 day'), "
		   "(SELECT count(*) FROM psymatch.job WHERE "
		   "state IN ('done', 'missed') AND state = 'missed' AND "
		   "kind = ANY ($1::text[]) AND ended_at > " AT(
		       2) " - "
			  "interval '1 day'), " US(
			      "min(h.due_at)") " FROM unnest($1::text[]) k (kind) "
					       "CROSS JOIN LATERAL (SELECT j.due_at FROM psymatch.job j WHERE "
					       "j.kind = k.kind AND j." OPEN
					       " ORDER BY j.due_at LIMIT 1) h",
	    2, params, &rows, err);

	memset(out, 0, sizeof *out);
	if (rc == 0) {
		out->failed = psm_rows_int(rows, 0, 0);
		out->missed = psm_rows_int(rows, 0, 1);
		out->next_us = psm_rows_int(rows, 0, 2);
		if (out->next_us > 0 && out->next_us < now_us)
			out->overdue_us = now_us - out->next_us;
	}
	psm_rows_free(rows);
	return rc;
}

/* -- asked by people */

static int
take_text(psm_rows *rows, int rc, char **out, psm_error *err)
{
	const char *text = psm_rows_text(rows, 0, 0);

	if (rc == 0) {
		*out = psm__strdup(text ? text : "[]");
		if (!*out)
			rc = psm__nomem(err);
	}
	psm_rows_free(rows);
	return rc;
}

static int
is_state(const char *text)
{
	static const char *const states[] = {"waiting", "running", "done",
	                                     "missed", "failed"};
	size_t i = 0;

	while (i < PSM__COUNT(states) && strcmp(states[i], text) != 0)
		i++;
	return i < PSM__COUNT(states);
}

#define JOB                                                                    \
	"json_build_object('id', id, 'kind', kind, 'key', key, 'state', "      \
	"state, 'run_at', psymatch.job_time(run_at), 'due_at', "               \
	"psymatch.job_time(due_at), 'attempts', attempts, 'started_at', "      \
	"psymatch.job_time(started_at), 'ended_at', "                          \
	"psymatch.job_time(ended_at), 'error_code', error_code)"

int
psm_jobs_list(psm_store *st, const char *kind, const char *state, int64_t limit,
              char **out, psm_error *err)
{
	struct psm__number n;
	const char *params[] = {kind, state, psm__number(&n, limit)};
	psm_rows *rows = NULL;
	int rc;

	psm__error_clear(err);
	if (out)
		*out = NULL;
	if (!st || !out || limit < 1 || limit > 1000)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a store, out, and a limit of 1 to 1000");
	if (state && !is_state(state))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "state: want waiting, running, done, missed "
		                 "or failed");
	rc = psm_store_exec(
	    st,
	    "SELECT json_agg(" JOB
	    " ORDER BY id DESC) FROM (SELECT * FROM psymatch.job WHERE "
	    "($1::text IS NULL OR kind = $1) AND "
	    "($2::text IS NULL OR state = $2) ORDER BY id DESC "
	    "LIMIT $3::bigint) j",
	    3, params, &rows, err);
	return take_text(rows, rc, out, err);
}

int
psm_jobs_get(psm_store *st, int64_t id, char **out, psm_error *err)
{
	struct psm__number n;
	const char *params[] = {psm__number(&n, id)};
	psm_rows *rows = NULL;
	int rc;

	psm__error_clear(err);
	if (out)
		*out = NULL;
	if (!st || !out)
		return psm__fail(err, PSM_ERR_INVAL, "want a store and out");
	rc = psm_store_exec(st,
	                    "SELECT " JOB " FROM psymatch.job "
	                    "WHERE id = $1::bigint",
	                    1, params, &rows, err);
	if (rc == 0 && psm_rows_count(rows) == 0)
		rc = psm__fail(err, PSM_ERR_NOT_FOUND, "Job %lld not found",
		               (long long)id);
	return take_text(rows, rc, out, err);
}

int
psm_jobs_status(psm_store *st, char **out, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc;

	psm__error_clear(err);
	if (out)
		*out = NULL;
	if (!st || !out)
		return psm__fail(err, PSM_ERR_INVAL, "want a store and out");
	rc = psm_store_exec(st, "SELECT psymatch.job_status()", 0, NULL, &rows,
	                    err);
	return take_text(rows, rc, out, err);
}

/* Change a row that no worker has. */
static int
change(psm_store *st, int64_t id, const char *sql, size_t count,
       const char *const *params, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc = psm_store_exec(st, sql, count, params, &rows, err);

	if (rc == 0 && psm_rows_affected(rows) == 0)
		rc = psm__fail(err, PSM_ERR_NOT_FOUND,
		               "job %lld: there is none in such a state",
		               (long long)id);
	psm_rows_free(rows);
	return rc;
}

int
psm_jobs_retry(psm_store *st, int64_t id, psm_error *err)
{
	struct psm__number n, now;
	const char *params[] = {psm__number(&n, id),
	                        psm__number(&now, psm_now_us())};

	psm__error_clear(err);
	if (!st)
		return psm__fail(err, PSM_ERR_INVAL, "st: want a store");
	return change(st, id,
	              "UPDATE psymatch.job SET state = 'waiting', "
	              "attempts = 0, fence = fence + 1, ended_at = NULL, "
	              "due_at = " AT(2) " WHERE id = $1::bigint AND "
	                                "state IN ('failed', 'missed')",
	              2, params, err);
}

int
psm_jobs_remove(psm_store *st, int64_t id, psm_error *err)
{
	struct psm__number n;
	const char *params[] = {psm__number(&n, id)};

	psm__error_clear(err);
	if (!st)
		return psm__fail(err, PSM_ERR_INVAL, "st: want a store");
	return change(st, id,
	              "DELETE FROM psymatch.job WHERE id = $1::bigint AND "
	              "state <> 'running'",
	              1, params, err);
}
