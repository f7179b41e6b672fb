/* SPDX-License-Identifier: BSD-2-Clause */
/* For the people who look after a service: its jobs, and what could not be
 * handled. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

#include <psymatch/dead.h>
#include <psymatch/jobs.h>

/* -- jobs */

int
psm__rest_jobs(struct rest_call *c, const char *kind)
{
	const char *state = psm_request_query(c->req, "state");
	char *list = NULL;
	int64_t limit;
	size_t size;
	int rc;

	psm_request_page(c->req, NULL, &limit);
	rc =
	    psm_jobs_list(c->store, kind && *kind ? kind : NULL,
	                  state && *state ? state : NULL, limit, &list, c->err);
	if (rc < 0)
		return rc;
	size = strlen(list) + 16;
	c->json = psm_alloc(size);
	if (c->json)
		(void)snprintf(c->json, size, "{\"data\":%s}", list);
	psm_free(list);
	return c->json ? PSM_OK : psm__nomem(c->err);
}

static int
list_jobs(struct rest_call *c)
{
	return psm__rest_jobs(c, psm_request_query(c->req, "kind"));
}

static int
status_of_jobs(struct rest_call *c)
{
	return psm_jobs_status(c->store, &c->json, c->err);
}

static int
get_job(struct rest_call *c)
{
	return psm_jobs_get(c->store, c->id, &c->json, c->err);
}

static int
retry_job(struct rest_call *c)
{
	int rc = psm_jobs_get(c->store, c->id, &c->json, c->err);

	if (rc < 0)
		return rc;
	psm_free(c->json);
	c->json = NULL;
	rc = psm_jobs_retry(c->store, c->id, c->err);
	if (rc == PSM_ERR_NOT_FOUND) {
		psm_error_clear(c->err);
		rc = psm__fail(c->err, PSM_ERR_CONFLICT,
		               "job %lld: want one that failed or was missed",
		               (long long)c->id);
	}
	return rc < 0 ? rc : psm_jobs_get(c->store, c->id, &c->json, c->err);
}

/* -- dead letters and parked events */

static int
is_number(const char *column)
{
	static const char *const numbers[] = {"id", "partition", "offset",
	                                      "attempts", "bytes"};

	for (size_t i = 0; i < PSM__COUNT(numbers); i++)
		if (strcmp(numbers[i], column) == 0)
			return 1;
	return 0;
}

/* "2026-11-30 07:00:00.5+00" as RFC 3339 has it. */
static void
write_time(psm_json_writer *w, const char *text)
{
	char time[40];
	size_t len;

	(void)snprintf(time, sizeof time, "%s", text);
	len = strlen(time);
	if (len > 10 && time[10] == ' ')
		time[10] = 'T';
	if (len > 3 && strcmp(time + len - 3, "+00") == 0)
		(void)snprintf(time + len - 3, 2, "Z");
	psm_json_write_string(w, time);
}

static void
write_cell(psm_json_writer *w, const psm_rows *rows, size_t row, size_t column)
{
	const char *text = psm_rows_text(rows, row, column);
	const char *name = psm_rows_column_name(rows, column);

	psm_json_write_key(w, name);
	if (!text)
		psm_json_write_null(w);
	else if (is_number(name))
		psm_json_write_int(w, psm_rows_int(rows, row, column));
	else if (strcmp(name, "edited") == 0)
		psm_json_write_bool(w, *text == 't');
	else if (strcmp(name, "since") == 0 || strcmp(name, "next_at") == 0)
		write_time(w, text);
	else
		psm_json_write_string(w, text);
}

/* The page, and the id after which the next one begins. */
static int
write_letters(struct rest_call *c, const psm_rows *rows, size_t limit)
{
	psm_json_writer *w = psm_json_writer_new();
	size_t count = psm_rows_count(rows);

	psm_json_write_object(w);
	psm_json_write_key(w, "data");
	psm_json_write_array(w);
	for (size_t i = 0; i < count; i++) {
		psm_json_write_object(w);
		for (size_t k = 0; k < psm_rows_columns(rows); k++)
			write_cell(w, rows, i, k);
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
	psm_json_write_key(w, "limit");
	psm_json_write_int(w, (int64_t)limit);
	psm_json_write_key(w, "next");
	if (count == limit)
		psm_json_write_int(w, psm_rows_int(rows, count - 1, 0));
	else
		psm_json_write_null(w);
	psm_json_write_end(w);
	return psm__rest_take(w, &c->json, c->err);
}

static int
read_source(struct rest_call *c, int *source)
{
	const char *text = psm_request_query(c->req, "source");

	*source = PSM_DEAD_LETTERS;
	if (!text || !*text || strcmp(text, "dead") == 0)
		return PSM_OK;
	*source = PSM_DEAD_PARKED;
	return strcmp(text, "parked") == 0
	           ? PSM_OK
	           : psm__fail(c->err, PSM_ERR_INVAL,
	                       "source: want dead or parked");
}

static int
list_letters(struct rest_call *c)
{
	const char *filter[24], *value;
	const struct rest_field *f;
	psm_rows *rows = NULL;
	char number[24];
	int64_t limit;
	size_t count = 0;
	int source, rc = read_source(c, &source);

	psm_request_page(c->req, NULL, &limit);
	(void)snprintf(number, sizeof number, "%lld", (long long)limit);
	filter[count++] = "limit";
	filter[count++] = number;
	for (f = c->endpoint->query + 2; f->name; f++) {
		value = psm_request_query(c->req, f->name);
		if (!value || !*value)
			continue;
		filter[count++] = f->name;
		filter[count++] = value;
	}
	filter[count] = NULL;
	if (rc == PSM_OK)
		rc = psm_dead_list(c->store, source, filter, &rows, c->err);
	if (rc == PSM_OK)
		rc = write_letters(c, rows, (size_t)limit);
	psm_rows_free(rows);
	return rc;
}

static int
get_letter(struct rest_call *c)
{
	int payload = 0, source, rc = read_source(c, &source);

	if (rc == PSM_OK)
		rc =
		    psm_request_query_bool(c->req, "payload", &payload, c->err);
	return rc < 0 ? rc
	              : psm_dead_show(c->store, source, c->id, payload,
	                              &c->json, c->err);
}

typedef int (*end_fn)(psm_store *st, int source, int64_t id, const char *who,
                      const char *why, psm_error *err);

/* Release or skip, and tell how it stands then; a parked event may be gone. */
static int
end_letter(struct rest_call *c, end_fn fn, const char *what)
{
	psm_json *doc = NULL;
	const char *who, *why;
	int source, rc = read_source(c, &source);

	if (rc == PSM_OK)
		rc = psm_json_parse(c->body, c->len, &doc, c->err);
	who = psm_json_string(psm_json_at(doc, "/who"));
	why = psm_json_string(psm_json_at(doc, "/why"));
	if (rc == PSM_OK &&
	    (psm__rest_is_blank(who) || psm__rest_is_blank(why)))
		rc = psm__fail(c->err, PSM_ERR_SCHEMA,
		               "who, why: each is required, without personal "
		               "data");
	if (rc == PSM_OK)
		rc = fn(c->store, source, c->id, who, why, c->err);
	psm_json_free(doc);
	if (rc >= 0)
		(void)snprintf(c->message, sizeof c->message, "%s %lld %s",
		               source == PSM_DEAD_LETTERS ? "Dead letter"
		                                          : "Parked event",
		               (long long)c->id, what);
	return rc;
}

static int
release_letter(struct rest_call *c)
{
	return end_letter(c, psm_dead_release, "released");
}

static int
skip_letter(struct rest_call *c)
{
	return end_letter(c, psm_dead_skip, "skipped");
}

/* -- registrations that could not be imported */

static int
list_faults(struct rest_call *c)
{
	static const char sql[] =
	    "SELECT json_build_object('data', coalesce((SELECT json_agg("
	    "json_build_object('id', id, 'file', object_name, 'code', code, "
	    "'pointer', pointer, 'reason', reason, 'told', told, 'time', "
	    "to_char(found_at AT TIME ZONE 'UTC', "
	    "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')) ORDER BY id DESC) FROM ("
	    "SELECT * FROM psymatch.patient_import_fault ORDER BY id DESC "
	    "LIMIT $2::bigint OFFSET ($1::bigint - 1) * $2::bigint) AS f), "
	    "'[]'), 'page', $1::bigint, 'limit', $2::bigint, 'total', "
	    "(SELECT count(*) FROM psymatch.patient_import_fault))";
	char numbers[2][24];
	const char *params[2] = {numbers[0], numbers[1]}, *text;
	int64_t page, limit;
	psm_rows *rows = NULL;
	size_t size;
	int rc;

	psm_request_page(c->req, &page, &limit);
	(void)snprintf(numbers[0], sizeof numbers[0], "%lld", (long long)page);
	(void)snprintf(numbers[1], sizeof numbers[1], "%lld", (long long)limit);
	rc = psm_store_exec(c->store, sql, 2, params, &rows, c->err);
	text = rc == PSM_OK ? psm_rows_text(rows, 0, 0) : NULL;
	if (text) {
		size = strlen(text) + 1;
		c->json = psm_alloc(size);
		if (c->json)
			memcpy(c->json, text, size);
		else
			rc = psm__nomem(c->err);
	}
	psm_rows_free(rows);
	return rc;
}

/* -- the rows */

#define END                                                                    \
	{                                                                      \
		NULL, NULL, NULL                                               \
	}
#define JOB_MEMBERS                                                            \
	{"id", "integer", NULL}, {"kind", "string", NULL},                     \
	    {"key", "string", NULL}, {"state", "string", NULL},                \
	    {"run_at", "time", NULL}, {"due_at", "time", NULL},                \
	    {"attempts", "integer", NULL}, {"started_at", "time?", NULL},      \
	    {"ended_at", "time?", NULL},                                       \
	{                                                                      \
		"error_code", "string?", NULL                                  \
	}

static const struct rest_field job[] = {JOB_MEMBERS, END};
static const struct rest_field jobs_filters[] = {
    {"kind", "string", NULL},
    {"state", "string(waiting|running|done|missed|failed)", NULL},
    {"limit", "integer", NULL},
    END};
const struct rest_field psm__rest_jobs_answer[] = {{"data", "[]object", job},
                                                   END};
/* The first two are no filters of psm_dead_list(). */
static const struct rest_field letters_filters[] = {
    {"source", "string(dead|parked)", NULL},
    {"limit", "integer", NULL},
    {"consumer", "string", NULL},
    {"type", "string", NULL},
    {"key", "string", NULL},
    {"topic", "string", NULL},
    {"code", "string", NULL},
    {"state", "string", NULL},
    {"event_id", "string", NULL},
    {"since", "time", NULL},
    {"after", "integer", NULL},
    END};
static const struct rest_field letter_query[] = {
    {"source", "string(dead|parked)", NULL}, {"payload", "boolean", NULL}, END};
static const struct rest_field source_query[] = {
    {"source", "string(dead|parked)", NULL}, END};
static const struct rest_field letter[] = {{"id", "integer", NULL},
                                           {"consumer", "string", NULL},
                                           {"state", "string", NULL},
                                           {"type", "string?", NULL},
                                           {"event_id", "string?", NULL},
                                           {"topic", "string?", NULL},
                                           {"partition", "integer?", NULL},
                                           {"offset", "integer?", NULL},
                                           {"key", "string?", NULL},
                                           {"code", "string?", NULL},
                                           {"reason", "string?", NULL},
                                           {"attempts", "integer?", NULL},
                                           END};
static const struct rest_field letters_answer[] = {{"data", "[]object", letter},
                                                   {"limit", "integer", NULL},
                                                   {"next", "integer?", NULL},
                                                   END};
static const struct rest_field end_body[] = {
    {"who", "string!", NULL}, {"why", "string!", NULL}, END};

/* A letter that was released or skipped before is no fault of ours. */
static const struct rest_status end_statuses[] = {{PSM_ERR_STATE, 409}, {0, 0}};

const struct rest_endpoint psm__rest_admin[] = {
    {.method = "GET",
     .path = "/api/jobs",
     .summary = "Jobs, the newest first",
     .fn = list_jobs,
     .query = jobs_filters,
     .answer = psm__rest_jobs_answer,
     .failures = "400"},
    {.method = "GET",
     .path = "/api/jobs/status",
     .summary = "Each kind of jobs: last run, next run, misses",
     .fn = status_of_jobs,
     .how = REST_ARRAY},
    {.method = "GET",
     .path = "/api/jobs/{id}",
     .summary = "Read a job",
     .fn = get_job,
     .noun = "Job",
     .answer = job,
     .failures = "404"},
    {.method = "POST",
     .path = "/api/jobs/{id}/retry",
     .summary = "Let a job that failed or was missed be done now",
     .fn = retry_job,
     .noun = "Job",
     .answer = job,
     .failures = "404 409"},
    {.method = "GET",
     .path = "/api/dead-letters",
     .summary = "What could not be handled, the oldest first, behind the id "
                "\"after\"",
     .fn = list_letters,
     .query = letters_filters,
     .answer = letters_answer,
     .failures = "400"},
    {.method = "GET",
     .path = "/api/dead-letters/{id}",
     .summary = "One of them with its history, and its bytes if asked for",
     .fn = get_letter,
     .noun = "Dead letter",
     .query = letter_query,
     .answer = letter,
     .failures = "400 404"},
    {.method = "POST",
     .path = "/api/dead-letters/{id}/release",
     .summary = "Have it tried once more",
     .fn = release_letter,
     .noun = "Dead letter",
     .query = source_query,
     .body = end_body,
     .failures = "400 404 409",
     .statuses = end_statuses},
    {.method = "POST",
     .path = "/api/dead-letters/{id}/skip",
     .summary = "Give it up",
     .fn = skip_letter,
     .noun = "Dead letter",
     .query = source_query,
     .body = end_body,
     .failures = "400 404 409",
     .statuses = end_statuses},
    {.path = NULL},
};

static const struct rest_field fault[] = {
    {"id", "integer", NULL},    {"file", "string", NULL},
    {"code", "string", NULL},   {"pointer", "string", NULL},
    {"reason", "string", NULL}, {"told", "boolean", NULL},
    {"time", "time", NULL},     END};

const struct rest_endpoint psm__rest_import_errors[] = {
    {.method = "GET",
     .path = "/api/patients/import-errors",
     .summary = "Registrations that could not be imported, the newest first",
     .fn = list_faults,
     .how = REST_PAGE,
     .answer = fault},
    {.path = NULL},
};
