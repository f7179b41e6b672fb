/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/conn_int.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A commit that is done does not wait longer for what is asked behind it. */
#define AFTER_MS 1000

static int
flush_out(struct psm__conn *c, int64_t deadline_ms, psm_error *err)
{
	int left, rc;

	while ((left = PQflush(c->pg)) > 0) {
		/* The server may be blocked on answers we have not read. */
		rc = psm__conn_wait(c, POLLIN | POLLOUT, deadline_ms, err);
		if (rc < 0)
			return rc;
		if (!PQconsumeInput(c->pg))
			break;
	}
	if (left != 0) {
		c->broken = 1;
		return psm__conn_fail(c, "cannot send", err);
	}
	return 0;
}

/* The next result, NULL at the end of a statement's results. */
static int
next_result(struct psm__conn *c, int64_t deadline_ms, PGresult **out,
            psm_error *err)
{
	int rc;

	*out = NULL;
	while (PQisBusy(c->pg)) {
		rc = psm__conn_wait(c, POLLIN, deadline_ms, err);
		if (rc < 0)
			return rc;
		if (!PQconsumeInput(c->pg))
			break; /* PQgetResult tells what the server said */
	}
	*out = PQgetResult(c->pg);
	return 0;
}

/* In our own words: health shows no others. */
static int
fail_standby(struct psm__conn *c, psm_error *err)
{
	c->outdated = c->broken = 1;
	(void)psm__fail(err, PSM_ERR_DB,
	                "the server is a standby, want the one that can be "
	                "written to");
	psm__error_flags(err, 1, 0);
	return PSM_ERR_DB;
}

/* Some failures are those of the connection: a new one is wanted. */
static int
fail_state(struct psm__conn *c, const struct psm__sqlstate *s,
           const struct psm__entry *e, psm_error *err)
{
	int rc;

	/* It refuses READ WRITE with 0A000. */
	if (e && e->kind == PSM__BEGIN && strcmp(s->state, "0A000") == 0)
		return fail_standby(c, err);
	rc = psm__sqlstate_fail(s, err);
	if (strcmp(s->state, "25006") == 0)
		c->outdated = 1;
	if (psm__sqlstate_ends(s->state))
		c->broken = 1;
	if (c->pooled && (strcmp(s->state, "26000") == 0 ||
	                  strcmp(s->state, "42P05") == 0)) {
		c->broken = 1;
		psm__error_prefix(err,
		                  "a pooler that is not in session mode? ");
	}
	return rc;
}

static int
fail_result(struct psm__conn *c, const PGresult *res, struct psm__entry *e,
            psm_error *err)
{
	struct psm__sqlstate s = {
	    .state = PQresultErrorField(res, PG_DIAG_SQLSTATE),
	    .message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY),
	    .table = PQresultErrorField(res, PG_DIAG_TABLE_NAME),
	    .column = PQresultErrorField(res, PG_DIAG_COLUMN_NAME),
	    .constraint = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME)};

	if (PQstatus(c->pg) != CONNECTION_OK)
		c->broken = 1;
	if (!s.state && c->broken)
		return psm__conn_fail(c, "the connection is lost", err);
	/* A plan from before a migration is no good any more. */
	if (s.state && strcmp(s.state, "0A000") == 0 && e && e->slot &&
	    e->slot->name == e->name)
		psm__cached_forget(e->slot);
	if (s.state)
		return fail_state(c, &s, e, err);
	return psm__sqlstate_fail(&s, err);
}

static int
unprepares(const char *tag)
{
	return strncmp(tag, "DEALLOCATE", 10) == 0 ||
	       strcmp(tag, "DISCARD ALL") == 0;
}

static int
take_rows(struct psm__conn *c, struct psm__entry *e, PGresult *res,
          psm_error *err)
{
	if (e->kind == PSM__BEGIN)
		c->writes = 1;
	if (e->kind == PSM__RUN && !e->after)
		(void)snprintf(c->tag, sizeof c->tag, "%s", PQcmdStatus(res));
	if (e->slot && e->slot->changes && unprepares(PQcmdStatus(res)))
		psm__conn_unprepare(c);
	if (!e->rows) {
		PQclear(res);
		return 0;
	}
	*e->rows = psm__rows_new(res);
	return *e->rows ? 0 : psm__nomem(err);
}

/* Read all of one statement's answer. */
static int
read_entry(struct psm__conn *c, struct psm__entry *e, int64_t deadline_ms,
           psm_error *err)
{
	PGresult *res;
	int first = 1, rc = 0, r;

	for (;; first = 0) {
		r = next_result(c, deadline_ms, &res, err);
		if (r < 0)
			return r;
		if (!res && !first)
			return rc;
		if (!res) {
			c->broken = 1;
			return psm__conn_fail(c, "the connection is lost", err);
		}
		switch (PQresultStatus(res)) {
		case PGRES_TUPLES_OK:
		case PGRES_COMMAND_OK:
			r = take_rows(c, e, res, err);
			break;
		case PGRES_PIPELINE_ABORTED:
			/* An earlier one failed and has been reported. */
			r = PSM_ERR_STATE;
			PQclear(res);
			break;
		default:
			r = fail_result(c, res, e, err);
			PQclear(res);
		}
		if (rc == 0)
			rc = r;
		if (c->broken)
			return rc;
	}
}

static int
read_sync(struct psm__conn *c, int64_t deadline_ms, psm_error *err)
{
	PGresult *res;
	int rc = next_result(c, deadline_ms, &res, err);

	if (rc == 0 && PQresultStatus(res) != PGRES_PIPELINE_SYNC) {
		c->broken = 1;
		rc = psm__conn_fail(c, "the connection is lost", err);
	}
	PQclear(res);
	return rc;
}

static void
drop_rows(struct psm__conn *c)
{
	size_t i;

	for (i = 0; i < c->queued; i++)
		if (c->queue[i].rows) {
			psm_rows_free(*c->queue[i].rows);
			*c->queue[i].rows = NULL;
		}
}

size_t
psm__conn_queued(const struct psm__conn *c)
{
	return c->queued;
}

int
psm__conn_sync(struct psm__conn *c, psm_error *err)
{
	int64_t deadline_ms = psm__mono_ms() + c->limit_ms;
	size_t i;
	int rc = 0, r, after = 0;

	if (c->queued == 0)
		return c->broken ? psm__conn_fail_broken(err) : 0;
	if (c->broken) {
		rc = psm__conn_fail_broken(err);
	} else if (!PQpipelineSync(c->pg)) {
		c->broken = 1;
		rc = psm__conn_fail(c, "cannot send", err);
	} else {
		rc = flush_out(c, deadline_ms, err);
	}
	for (i = 0; i < c->queued && !c->broken; i++) {
		struct psm__entry *e = &c->queue[i];

		if (e->after && !after &&
		    deadline_ms > psm__mono_ms() + AFTER_MS)
			deadline_ms = psm__mono_ms() + AFTER_MS;
		after = e->after;
		r = read_entry(c, e, deadline_ms, after ? NULL : err);
		if (r < 0 && e->kind == PSM__PREPARE &&
		    e->slot->name == e->name)
			psm__cached_forget(e->slot);
		if (rc == 0 && !after)
			rc = r;
	}
	if (!c->broken) {
		r = read_sync(c, deadline_ms, after ? NULL : err);
		if (rc == 0 && !after)
			rc = r;
	}
	if (rc < 0)
		drop_rows(c);
	c->queued = 0;
	return rc;
}

int
psm__conn_queue_texts(struct psm__conn *c, const char *sql, size_t count,
                      const char *const *params, psm_rows **rows,
                      psm_error *err)
{
	struct psm__param list[PSM__PARAMS_MAX];
	size_t i;

	for (i = 0; i < count && i < PSM__PARAMS_MAX; i++)
		list[i] = psm__param_text(params[i]);
	return psm__conn_queue(c, sql, count, list, rows, err);
}

int
psm__conn_exec(struct psm__conn *c, const char *sql, size_t count,
               const char *const *params, psm_rows **rows, psm_error *err)
{
	int rc = psm__conn_queue_texts(c, sql, count, params, rows, err);

	if (rc == 0)
		rc = psm__conn_sync(c, err);
	return rc;
}

/* -- scripts */

/* Where in the script the server says the fault is. */
static void
note_position(const char *sql, const PGresult *res, psm_error *err)
{
	const char *text = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);
	size_t at = text ? strtoul(text, NULL, 10) : 0;

	/* Counted from 1, in characters; scripts are ASCII. */
	if (at > 0)
		psm__error_position(err, psm__locate(sql, strlen(sql), at - 1));
}

int
psm__conn_script(struct psm__conn *c, const char *sql, psm_error *err)
{
	int64_t deadline_ms = psm__mono_ms() + c->limit_ms;
	PGresult *res;
	int rc, r;

	rc = psm__conn_sync(c, err);
	if (rc < 0)
		return rc;
	if (!PQexitPipelineMode(c->pg) || !PQsendQuery(c->pg, sql)) {
		c->broken = 1;
		return psm__conn_fail(c, "cannot send", err);
	}
	rc = flush_out(c, deadline_ms, err);
	while (!c->broken) {
		r = next_result(c, deadline_ms, &res, err);
		if (r < 0)
			return r;
		if (!res)
			break;
		if (PQresultStatus(res) == PGRES_FATAL_ERROR && rc == 0) {
			rc = fail_result(c, res, NULL, err);
			note_position(sql, res, err);
		}
		PQclear(res);
	}
	if (!c->broken && !PQenterPipelineMode(c->pg)) {
		c->broken = 1;
		return psm__conn_fail(c, "cannot return to pipeline mode", err);
	}
	return rc;
}
