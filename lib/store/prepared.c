/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/conn_int.h"

#include <stdio.h>
#include <string.h>

static struct psm__entry *
add_entry(struct psm__conn *c, enum psm__entry_kind kind, psm_error *err)
{
	struct psm__entry *e;

	if (psm__grow(&c->queue, &c->queue_cap, c->queued + 1,
	              sizeof *c->queue) < 0) {
		(void)psm__nomem(err);
		return NULL;
	}
	e = &c->queue[c->queued];
	memset(e, 0, sizeof *e);
	e->kind = kind;
	return e;
}

void
psm__cached_forget(struct psm__cached *s)
{
	psm__free(s->sql);
	memset(s, 0, sizeof *s);
}

void
psm__conn_unprepare(struct psm__conn *c)
{
	size_t i;

	for (i = 0; i < PSM__CACHE_MAX; i++)
		psm__cached_forget(&c->cache[i]);
}

static int
queue_plain(struct psm__conn *c, enum psm__entry_kind kind, const char *sql,
            psm_rows **rows, psm_error *err)
{
	struct psm__entry *e = add_entry(c, kind, err);

	if (!e)
		return PSM_ERR_NOMEM;
	if (!PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 0)) {
		c->broken = 1;
		return psm__conn_fail(c, "cannot send", err);
	}
	e->rows = rows;
	c->queued++;
	return 0;
}

int
psm__conn_queue_plain(struct psm__conn *c, const char *sql, psm_rows **rows,
                      psm_error *err)
{
	int rc;

	if (rows)
		*rows = NULL;
	rc = c->broken ? psm__conn_fail_broken(err)
	               : queue_plain(c, PSM__RUN, sql, rows, err);
	if (rc < 0)
		psm__conn_forget(c);
	return rc;
}

static int
queue_deallocate(struct psm__conn *c, struct psm__cached *s, psm_error *err)
{
	char sql[40];
	int rc;

	(void)snprintf(sql, sizeof sql, "DEALLOCATE psm%u", s->name);
	rc = queue_plain(c, PSM__DEALLOCATE, sql, NULL, err);
	if (rc == 0)
		psm__cached_forget(s);
	return rc;
}

/* The slot of sql, or the one to use for it: a free one, else the one not used
 * for longest. */
static struct psm__cached *
find_slot(struct psm__conn *c, const char *sql, uint64_t hash)
{
	struct psm__cached *best = NULL;
	size_t i;

	for (i = 0; i < PSM__CACHE_MAX; i++) {
		struct psm__cached *s = &c->cache[i];

		if (s->sql && s->hash == hash && strcmp(s->sql, sql) == 0)
			return s;
		if (!best || (best->sql && (!s->sql || s->used < best->used)))
			best = s;
	}
	return best;
}

/* Make sure that sql is prepared once the queue has been sent. */
static int
queue_prepare(struct psm__conn *c, const char *sql, struct psm__cached **out,
              psm_error *err)
{
	uint64_t hash = psm__hash(PSM__HASH_START, sql, strlen(sql));
	struct psm__cached *s = find_slot(c, sql, hash);
	struct psm__entry *e;
	char name[16];
	int rc;

	*out = s;
	if (s->sql && s->hash == hash && strcmp(s->sql, sql) == 0)
		return 0;
	if (s->sql) {
		rc = queue_deallocate(c, s, err);
		if (rc < 0)
			return rc;
	}
	e = add_entry(c, PSM__PREPARE, err);
	if (!e)
		return PSM_ERR_NOMEM;
	s->sql = psm__strdup(sql);
	if (!s->sql)
		return psm__nomem(err);
	s->hash = hash;
	s->changes = psm__session_changed_by(sql);
	s->name = ++c->names;
	(void)snprintf(name, sizeof name, "psm%u", s->name);
	if (!PQsendPrepare(c->pg, name, sql, 0, NULL)) {
		c->broken = 1;
		return psm__conn_fail(c, "cannot send", err);
	}
	e->slot = s;
	e->name = s->name;
	c->queued++;
	return 0;
}

static int
send_run(struct psm__conn *c, const struct psm__cached *s, size_t count,
         const struct psm__param *params)
{
	const char *values[PSM__PARAMS_MAX];
	int lengths[PSM__PARAMS_MAX], formats[PSM__PARAMS_MAX];
	char name[16];
	size_t i;

	for (i = 0; i < count; i++) {
		values[i] = params[i].value;
		lengths[i] = (int)params[i].len;
		formats[i] = params[i].binary;
	}
	(void)snprintf(name, sizeof name, "psm%u", s->name);
	return PQsendQueryPrepared(c->pg, name, (int)count, values, lengths,
	                           formats, 0);
}

static int
queue_run(struct psm__conn *c, enum psm__entry_kind kind, const char *sql,
          size_t count, const struct psm__param *params, psm_rows **rows,
          psm_error *err)
{
	struct psm__cached *s;
	struct psm__entry *e;
	int rc;

	rc = queue_prepare(c, sql, &s, err);
	if (rc < 0)
		return rc;
	e = add_entry(c, kind, err);
	if (!e)
		return PSM_ERR_NOMEM;
	if (!send_run(c, s, count, params)) {
		c->broken = 1;
		return psm__conn_fail(c, "cannot send", err);
	}
	s->used = ++c->tick;
	c->changed = c->changed || s->changes;
	e->rows = rows;
	e->slot = s;
	e->name = s->name;
	c->queued++;
	return 0;
}

void
psm__conn_forget(struct psm__conn *c)
{
	size_t i;

	for (i = 0; i < c->queued; i++)
		c->queue[i].rows = NULL;
}

int
psm__conn_queue(struct psm__conn *c, const char *sql, size_t count,
                const struct psm__param *params, psm_rows **rows,
                psm_error *err)
{
	int rc;

	if (rows)
		*rows = NULL;
	if (count > PSM__PARAMS_MAX)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want at most %d parameters, got %zu",
		                 PSM__PARAMS_MAX, count);
	rc = c->broken ? psm__conn_fail_broken(err)
	               : queue_run(c, PSM__RUN, sql, count, params, rows, err);
	if (rc < 0)
		psm__conn_forget(c);
	return rc;
}

void
psm__conn_queue_after(struct psm__conn *c, const char *sql, psm_rows **rows)
{
	size_t i = c->queued;

	*rows = NULL;
	if (c->broken || !PQsendFlushRequest(c->pg))
		return;
	(void)psm__conn_queue(c, sql, 0, NULL, rows, NULL);
	for (; i < c->queued; i++)
		c->queue[i].after = 1;
}

int
psm__conn_begin(struct psm__conn *c, psm_error *err)
{
	int rc = c->broken ? psm__conn_fail_broken(err)
	                   : queue_run(c, PSM__BEGIN,
	                               "BEGIN ISOLATION LEVEL READ COMMITTED "
	                               "READ WRITE",
	                               0, NULL, NULL, err);

	if (rc < 0)
		psm__conn_forget(c);
	return rc;
}

int
psm__conn_durable(struct psm__conn *c, psm_error *err)
{
	/* Asked each time: a reload of the server's settings reaches sessions
	 * that are there. */
	return psm__conn_queue(
	    c,
	    "SELECT set_config('synchronous_commit', 'on', true) "
	    "WHERE current_setting('synchronous_commit') = 'off'",
	    0, NULL, NULL, err);
}

int
psm__conn_lock_limit(struct psm__conn *c, const char *limit, psm_error *err)
{
	struct psm__param param = psm__param_text(limit);

	return psm__conn_queue(
	    c, "SELECT set_config('lock_timeout', $1::text, true)", 1, &param,
	    NULL, err);
}
